//! wtmp, btmp, utmp and lastlog of every width: see [`drive`]. The last byte says how the input comes.
#![no_main]

use dreamcatcher_fuzz::{Known, drive, logins};
use evidence::{Format, Utmp};
use libfuzzer_sys::fuzz_target;

thread_local!(static KNOWN: Known = Known::new());

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_last() else { return };
    for format in Utmp::all() {
        let _ = format.recognises(data, "wtmp");
        KNOWN.with(|known| drive(&format, data, usize::from(*how), known));
        logins(&format, data);
    }
});
