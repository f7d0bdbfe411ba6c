//! The fast path finds what the slow one finds, with the rules and events of the property tests in
//! `crates/sigma/tests`, here made from libFuzzer's bytes.
#![no_main]

#[path = "../../crates/sigma/tests/generator/mod.rs"]
mod generator;

use event::Encoding;
use generator::{Case, compare};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((counts, data)) = data.split_first_chunk::<2>() else { return };
    let [rules, records] = counts.map(|count| usize::from(count % 8) + 1);
    let encoding = [Encoding::Utf8, Encoding::Utf16Le, Encoding::RawText][usize::from(counts[0]) % 3];
    let (theme, rest) = data.split_at(data.len().min(16));
    // Rules need about half as many bytes as events do.
    let size = rest.len() / (rules + 2 * records) + 1;
    let (of_rules, of_records) = rest.split_at(rest.len().min(size * rules));
    let parts = |bytes: &[u8], size: usize, count| {
        let mut parts: Vec<Vec<u8>> = bytes.chunks(size).map(<[u8]>::to_vec).collect();
        parts.resize(count, Vec::new());
        parts
    };
    let case = Case::make(theme, &parts(of_rules, size, rules), &parts(of_records, 2 * size, records));
    if let Err(difference) = compare(&case, encoding) {
        panic!("{difference}");
    }
});
