//! Event logs: no input is too broken to be read, and the fast path shows what the general one decodes.
#![no_main]

use dreamcatcher_fuzz::{Known, blocks, drive};
use evidence::Evtx;
use libfuzzer_sys::fuzz_target;

thread_local!(static KNOWN: Known = Known::new());

fuzz_target!(|data: &[u8]| {
    KNOWN.with(|known| drive(&Evtx, data, data.len(), known));
    for block in blocks(&Evtx, data, 4099) {
        evidence::records_xml(&block, |_| {});
    }
});
