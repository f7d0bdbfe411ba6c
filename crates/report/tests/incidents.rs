//! Every folder under `tests/golden/incidents` is a case: `incidents.json`, written by hand, and beside it what is told of it.
//! `UPDATE_GOLDEN=1` writes the expected outputs anew; what has changed is then to be looked at and decided on.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::{fs, path::Path};

use common::{Told, root};
use incident::IncidentId;
use report::{IncidentFormat, Style, write_html, write_incidents};

/// File name, format and width of every expected output.
const OUTPUTS: [(&str, IncidentFormat, Option<usize>); 6] = [
    ("expected.txt", IncidentFormat::Text, None),
    ("expected.80.txt", IncidentFormat::Text, Some(80)),
    ("expected.json", IncidentFormat::IncidentsJson, None),
    ("expected.ocsf.jsonl", IncidentFormat::Ocsf, None),
    ("expected.navigator.json", IncidentFormat::Navigator, None),
    ("expected.timesketch.jsonl", IncidentFormat::Timesketch, None),
];

fn case(name: &str) -> Told {
    let path = root().join("tests/golden/incidents").join(name).join("incidents.json");
    Told::parse(&fs::read_to_string(path).unwrap())
}

fn tell(told: &Told, format: IncidentFormat, only: Option<IncidentId>, width: Option<usize>) -> String {
    let style = Style { zone: told.zone.clone(), width, colour: false };
    let mut out = Vec::new();
    write_incidents(format, &told.incidents, &told.summary, only, &mut out, &style).unwrap();
    String::from_utf8(out).unwrap()
}

fn html(told: &Told) -> String {
    let style = Style { zone: told.zone.clone(), ..Style::default() };
    let mut out = Vec::new();
    write_html(&told.incidents, &told.summary, &mut out, &style).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn every_case_gives_what_is_expected() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut cases: Vec<_> =
        fs::read_dir(root().join("tests/golden/incidents")).unwrap().map(|case| case.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 3, "the cases are gone: {cases:?}");
    let wrong: Vec<String> = cases.iter().flat_map(|case| check(case, update)).collect();
    assert!(wrong.is_empty(), "not as expected (UPDATE_GOLDEN=1 writes anew):\n{}", wrong.join("\n"));
}

/// Tells which outputs of a case are not as expected.
fn check(folder: &Path, update: bool) -> Vec<String> {
    let told = Told::parse(&fs::read_to_string(folder.join("incidents.json")).unwrap());
    let mut outputs: Vec<(&str, String)> =
        OUTPUTS.iter().map(|(name, format, width)| (*name, tell(&told, *format, None, *width))).collect();
    if let Some(worst) = told.incidents.incidents.first() {
        outputs.push(("expected.whole.txt", tell(&told, IncidentFormat::Text, Some(worst.id), None)));
        outputs.push(("expected.whole.80.txt", tell(&told, IncidentFormat::Text, Some(worst.id), Some(80))));
    }
    outputs.push(("expected.html", without_assets(&html(&told))));
    let mut wrong = Vec::new();
    for (name, output) in outputs {
        let path = folder.join(name);
        if update {
            fs::write(&path, output).unwrap();
        } else if fs::read_to_string(&path).ok().as_deref() != Some(output.as_str()) {
            wrong.push(format!("{}:\n{output}", path.display()));
        }
    }
    wrong
}

/// Without style, script and their hashes, which stand in files of their own.
fn without_assets(html: &str) -> String {
    let cut = |text: &str, from: &str, until: &str| {
        let (before, rest) = text.split_once(from).unwrap();
        let (_, after) = rest.split_once(until).unwrap();
        format!("{before}{from}…{until}{after}")
    };
    let html = cut(html, "<style>", "</style>");
    let html = cut(&html, "<script>", "</script>\n</html>");
    let html = cut(&html, "style-src 'sha256-".replace('\'', "&#39;").as_str(), "=&#39;");
    cut(&html, "script-src 'sha256-".replace('\'', "&#39;").as_str(), "=&#39;")
}
