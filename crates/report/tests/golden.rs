//! Every folder under `tests/golden/report` is a case: `findings.json`, and beside it what each printer makes of it.
//! `UPDATE_GOLDEN=1` writes the expected outputs anew; what has changed is then to be looked at and decided on.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::fs;

use common::{Case, check_cases, print};
use report::{Format, Style};

/// File name, format and width of every expected output.
const OUTPUTS: [(&str, Format, Option<usize>); 7] = [
    ("expected.jsonl", Format::Jsonl, None),
    ("expected.json", Format::Json, None),
    ("expected.csv", Format::Csv, None),
    ("expected.timeline", Format::Timeline, None),
    ("expected.80.timeline", Format::Timeline, Some(80)),
    ("expected.txt", Format::Text, None),
    ("expected.80.txt", Format::Text, Some(80)),
];

#[test]
fn every_case_gives_what_is_expected() {
    check_cases("report", 5, |folder| {
        let input =
            fs::read_to_string(folder.join("findings.json")).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        let case = Case::parse(&input);
        let output = |(name, format, width)| {
            let style = Style { zone: case.zone.clone(), width, colour: false };
            let output = print(format, &style, &case.findings, &case.summary);
            assert_eq!(output, print(format, &style, &case.findings, &case.summary), "not the same twice");
            (name, output)
        };
        OUTPUTS.map(output).into()
    });
}
