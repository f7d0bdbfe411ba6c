//! Shell histories: see [`drive`]. The last byte says how the input comes.
#![no_main]

use dreamcatcher_fuzz::{Known, drive};
use evidence::{Format, History};
use libfuzzer_sys::fuzz_target;

thread_local!(static KNOWN: Known = Known::new());

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_last() else { return };
    for format in History::ALL {
        let _ = format.recognises(data, ".zsh_history");
        KNOWN.with(|known| drive(&format, data, usize::from(*how), known));
    }
});
