//! Access and error logs of web servers: see [`drive`]. What stands before the first NUL describes a format. The last byte says how the input comes.
#![no_main]

use dreamcatcher_fuzz::{Known, drive};
use evidence::{Layouts, Proxies, W3c, Web};
use libfuzzer_sys::fuzz_target;

thread_local!(static KNOWN: Known = Known::new());

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_last() else { return };
    let (format, data) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (std::str::from_utf8(&data[..at]).unwrap_or_default(), &data[at + 1..]),
        None => ("", data),
    };
    let layouts = Layouts::parse(format).unwrap_or_default();
    let proxies = Proxies::parse(["10.0.0.0/8", "::/1"]).expect("these are networks");
    let web = Web::with(layouts).behind(proxies.clone());
    KNOWN.with(|known| drive(&web, data, usize::from(*how), known));
    KNOWN.with(|known| drive(&W3c::behind(proxies), data, usize::from(*how), known));
});
