//! JSON of every layout: see [`drive`]. The last byte says how the input comes, and now and then that it comes again and
//! again until it is several blocks.
#![no_main]

use dreamcatcher_fuzz::{Known, drive};
use evidence::Json;
use libfuzzer_sys::fuzz_target;

thread_local!(static KNOWN: Known = Known::new());

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_last() else { return };
    // Not for all such inputs, since each costs as much as a thousand others.
    if *how == 0xff && data.len() > 2048 && data.len() % 16 == 3 {
        let repeated = data.repeat((1 << 20) / data.len() + 2);
        KNOWN.with(|known| drive(&Json, &repeated, 100_000, known));
    } else {
        KNOWN.with(|known| drive(&Json, data, usize::from(*how), known));
    }
});
