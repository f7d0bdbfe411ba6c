//! Correlations find what the plain reference finds, with the rules and events of the property tests in
//! `crates/sigma/tests/correlations`, here made from libFuzzer's bytes.
#![no_main]

#[path = "../../crates/sigma/tests/correlations/case.rs"]
#[allow(dead_code)]
mod case;
#[path = "../../crates/sigma/tests/correlations/fraction.rs"]
#[allow(dead_code)]
mod fraction;
#[path = "../../crates/sigma/tests/correlations/log.rs"]
#[allow(dead_code)]
mod log;
#[path = "../../crates/sigma/tests/correlations/reference.rs"]
#[allow(dead_code)]
mod reference;

use std::time::Duration;

use case::{correlation, documents, lines};
use libfuzzer_sys::fuzz_target;
use log::{SECOND, correlate, found, rules};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use reference::Reference;

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_last() else { return };
    if data.is_empty() {
        return;
    }
    // Behind the end proptest would read zeros, and look for a better number for ever.
    let bytes: Vec<u8> = (0..1 << 16).map(|at| data[at % data.len()] ^ (at / data.len()) as u8).collect();
    let rng = TestRng::from_seed(RngAlgorithm::PassThrough, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let chain = (correlation(false), correlation(true));
    let Ok(case) = (chain, lines()).new_tree(&mut runner) else { return };
    let ((first, second), lines) = case.current();
    let chain = if how & 4 == 0 { vec![first] } else { vec![first, second] };
    let skew = i64::from(how & 3) * SECOND / 2;
    let text = documents(&chain);
    let engine = found(&correlate(&rules(&text), &lines, Duration::from_nanos(skew as u64)));
    let reference = Reference { lines: &lines, skew }.find(&chain);
    assert_eq!(engine, reference, "engine, then reference; skew {skew}\n{text}");
});
