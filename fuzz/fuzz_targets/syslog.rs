//! Syslog text of every shape, what programs say in it, and logins in it: see [`drive`]. The last byte says how the input comes.
#![no_main]

use dreamcatcher_fuzz::{Known, drive, logins};
use evidence::{SshdErrors, Syslog};
use libfuzzer_sys::fuzz_target;

thread_local!(static KNOWN: Known = Known::new());

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_last() else { return };
    let syslog = Syslog::default();
    KNOWN.with(|known| drive(&syslog, data, usize::from(*how), known));
    logins(&syslog, data);
    let bare = SshdErrors::default();
    KNOWN.with(|known| drive(&bare, data, usize::from(*how), known));
});
