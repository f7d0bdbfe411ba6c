//! Audit logs, raw, enriched and of laurel: see [`drive`]. The last byte says how the input comes.
#![no_main]

use dreamcatcher_fuzz::{Known, drive, logins};
use evidence::Auditd;
use libfuzzer_sys::fuzz_target;

thread_local!(static KNOWN: Known = Known::new());

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_last() else { return };
    KNOWN.with(|known| drive(&Auditd, data, usize::from(*how), known));
    logins(&Auditd, data);
});
