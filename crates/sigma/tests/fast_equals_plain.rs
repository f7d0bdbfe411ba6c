//! The fast path finds what the slow one finds: rules and events made at random, near enough to each other that they
//! often match and more often nearly do.
//!
//! `PROPTEST_CASES=20000 cargo test -p sigma --test fast_equals_plain` compares more.

// Helpers of tests are tests too; clippy sees that only within `#[test]`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod generator;

use std::cell::Cell;

use event::Encoding;
use generator::{Case, case::Tally, compare};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

/// How many cases are compared unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 1000;

#[test]
fn the_detector_finds_what_the_judge_finds() {
    let mut config =
        ProptestConfig { max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    let bytes = |most| vec(any::<u8>(), 8..most);
    let rules = prop_oneof![6 => vec(bytes(120), 1..5), 1 => vec(bytes(120), 5..31)];
    let case = (bytes(32), rules, vec(bytes(400), 1..6), 0..3usize);
    let all = Cell::new(Tally::default());
    let outcome = TestRunner::new(config).run(&case, |(theme, rules, records, encoding)| {
        let encoding = [Encoding::Utf8, Encoding::Utf16Le, Encoding::RawText][encoding];
        let tally = compare(&Case::make(&theme, &rules, &records), encoding).map_err(TestCaseError::fail)?;
        let sum = all.get();
        all.set(Tally { pairs: sum.pairs + tally.pairs, matches: sum.matches + tally.matches });
        Ok(())
    });
    if let Err(difference) = outcome {
        panic!("{difference}");
    }
    let Tally { pairs, matches } = all.get();
    eprintln!("{pairs} pairs of rule and event, {matches} match");
    assert!(matches * 100 >= pairs * 30, "only {matches} of {pairs} pairs match, which says little");
}
