//! Correlations find what the reference finds: rules and events made at random.
//!
//! `PROPTEST_CASES=20000 cargo test -p sigma --test correlations` compares more.

use std::{cell::Cell, time::Duration};

use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    case::{Correlation, correlation, documents, lines},
    log::{Line, SECOND, correlate, found, rules},
    reference::Reference,
};

/// How many cases are compared unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 600;

/// A runner whose failures print what is needed to make them again.
pub fn runner() -> TestRunner {
    let mut config = ProptestConfig { max_shrink_iters: 5_000, failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    TestRunner::new(config)
}

fn compare(chain: &[Correlation], lines: &[Line], skew: i64) -> Result<bool, TestCaseError> {
    let text = documents(chain);
    let engine = found(&correlate(&rules(&text), lines, Duration::from_nanos(skew as u64)));
    let reference = Reference { lines, skew }.find(chain);
    prop_assert_eq!(&engine, &reference, "engine, then reference; skew {}\n{}", skew, text);
    Ok(!engine.is_empty())
}

/// Compares, and sees to it that a fair share of the cases finds something.
fn run(chains: impl Strategy<Value = Vec<Correlation>>, skews: impl Strategy<Value = i64>) {
    let (cases, finding) = (Cell::new(0), Cell::new(0));
    let outcome = runner().run(&(chains, lines(), skews), |(chain, lines, skew)| {
        let has_found = compare(&chain, &lines, skew)?;
        cases.set(cases.get() + 1);
        finding.set(finding.get() + u32::from(has_found));
        Ok(())
    });
    if let Err(difference) = outcome {
        panic!("{difference}");
    }
    let (cases, finding) = (cases.get(), finding.get());
    eprintln!("{cases} cases, {finding} find something");
    assert!(finding * 10 >= cases * 3, "only {finding} of {cases} cases find something, which says little");
}

#[test]
fn one_correlation() {
    run(correlation(false).prop_map(|one| vec![one]), Just(0));
}

#[test]
fn with_clocks_that_differ() {
    run(correlation(false).prop_map(|one| vec![one]), (1..5_i64).prop_map(|half| half * SECOND / 2));
}

#[test]
fn chains() {
    let two = (correlation(false), correlation(true)).prop_map(|(a, b)| vec![a, b]);
    let three = (correlation(false), correlation(true), correlation(true)).prop_map(|(a, b, c)| vec![a, b, c]);
    run(prop_oneof![two, three], prop_oneof![3 => Just(0), 1 => Just(SECOND)]);
}
