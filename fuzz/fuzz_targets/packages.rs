//! Logs of package managers: see [`drive`]. The last byte says how the input comes.
#![no_main]

use dreamcatcher_fuzz::{Known, drive};
use evidence::{Clock, Format, Packages};
use libfuzzer_sys::fuzz_target;

thread_local!(static KNOWN: Known = Known::new());

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_last() else { return };
    for format in Packages::all(&Clock::default()) {
        let _ = format.recognises(data, "dpkg.log");
        KNOWN.with(|known| drive(&format, data, usize::from(*how), known));
    }
});
