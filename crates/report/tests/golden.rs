//! Every folder under `tests/golden/report` is a case: `findings.json`, and beside it what each printer makes of it.
//! `UPDATE_GOLDEN=1` writes the expected outputs anew; what has changed is then to be looked at and decided on.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::{fs, path::Path};

use common::{Case, print, root};
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
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut cases: Vec<_> =
        fs::read_dir(root().join("tests/golden/report")).unwrap().map(|case| case.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 5, "the cases are gone: {cases:?}");
    let wrong: Vec<String> = cases.iter().flat_map(|case| check(case, update)).collect();
    assert!(wrong.is_empty(), "not as expected (UPDATE_GOLDEN=1 writes anew):\n{}", wrong.join("\n"));
}

/// Tells which outputs of a case are not as expected.
fn check(folder: &Path, update: bool) -> Vec<String> {
    let input = fs::read_to_string(folder.join("findings.json")).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let case = Case::parse(&input);
    let mut wrong = Vec::new();
    for (name, format, width) in OUTPUTS {
        let style = Style { zone: case.zone.clone(), width, colour: false };
        let output = print(format, &style, &case.findings, &case.summary);
        assert_eq!(output, print(format, &style, &case.findings, &case.summary), "not the same twice");
        let path = folder.join(name);
        if update {
            fs::write(&path, output).unwrap();
        } else if fs::read_to_string(&path).ok().as_deref() != Some(output.as_str()) {
            wrong.push(format!("{}:\n{output}", path.display()));
        }
    }
    wrong
}
