//! Facts about shortcuts: see [`drive_file`]. The last byte says how the input comes, the four before it are the flags that say which parts follow.
#![no_main]

use dreamcatcher_fuzz::{Known, drive_file};
use libfuzzer_sys::fuzz_target;

thread_local!(static KNOWN: Known = Known::new());

/// Size of the header and class of a shortcut (MS-SHLLINK, section 2.1).
const BEGIN: &[u8] = b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F";

fuzz_target!(|data: &[u8]| {
    let [data @ .., a, b, c, d, how] = data else { return };
    let bytes = [BEGIN, &[*a, *b, *c, *d], data].concat();
    KNOWN.with(|known| drive_file("Offer.lnk", &bytes, usize::from(*how), known));
});
