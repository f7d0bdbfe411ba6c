//! Hunts through the recordings of Linux programs (tests/recordings) find what truly happened.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;

use std::fs;

use common::{Place, root};
use serde_json::Value;

const RECORDED: &str = "tests/recordings/sshd/openssh-9.2/info";

/// The tries to log in that the recording knows of.
fn tries() -> Vec<Value> {
    let truth = fs::read_to_string(root().join(format!("{RECORDED}.expected.jsonl"))).unwrap();
    let lines = truth.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["kind"] == "attempt").collect()
}

#[test]
fn logins_with_passwords_are_found_in_every_form_of_the_log() {
    let place = Place::new();
    place.file(
        "rule.yml",
        "title: Password login\nid: 6b1a5d0e-0000-4000-8000-000000000001\nstatus: test\nlevel: low\n\
         logsource: {product: linux, service: sshd}\n\
         detection:\n  selection: {action: login, outcome: accepted, method: password}\n  condition: selection\n",
    );
    let expected = tries().iter().filter(|a| a["outcome"] == "accepted" && a["method"] == "password").count();
    assert!(expected > 0);
    for form in ["rfc3164", "rfc5424", "iso"] {
        let log = root().join(format!("{RECORDED}.{form}.log")).display().to_string();
        let found = place.findings(&[&log, "--rules", "rule.yml", "--no-shipped-rules"]);
        assert_eq!(found.len(), expected, "{form}");
    }
}

#[test]
fn words_are_looked_for_in_the_whole_line() {
    let place = Place::new();
    place.file(
        "rule.yml",
        "title: Words\nid: 6b1a5d0e-0000-4000-8000-000000000002\nstatus: test\nlevel: low\n\
         logsource: {product: linux, service: sshd}\n\
         detection:\n  keywords:\n    '|all': ['web01 sshd', 'Accepted password for']\n  condition: keywords\n",
    );
    let log = root().join(format!("{RECORDED}.iso.log"));
    let lines = fs::read_to_string(&log).unwrap();
    let expected = lines.lines().filter(|line| line.contains("web01 sshd[") && line.contains("Accepted password for"));
    let expected = expected.count();
    assert!(expected > 0);
    let log = log.display().to_string();
    assert_eq!(place.findings(&[&log, "--rules", "rule.yml", "--no-shipped-rules"]).len(), expected);
}

/// The year and the zone that a log does not give are those that were typed, or else of site.toml and of the file's time.
#[test]
fn years_and_zones_are_given_or_worked_out_and_told() {
    let place = Place::new();
    place.file(
        "rule.yml",
        "title: New user\nid: 6b1a5d0e-0000-4000-8000-000000000003\nstatus: test\nlevel: low\n\
         logsource: {product: linux}\n\
         detection:\n  selection: {action: user_added}\n  condition: selection\n",
    );
    place.file("site.toml", "log_timezone = \"Asia/Tokyo\"\n");
    let log = place.file("auth.log", fs::read(root().join("tests/recordings/pam/newyear.rfc3164.log")).unwrap());
    let modified = jiff::civil::date(2009, 5, 1).to_zoned(jiff::tz::TimeZone::UTC).unwrap();
    let file = fs::File::options().append(true).open(place.path().join("auth.log")).unwrap();
    file.set_modified(modified.timestamp().into()).unwrap();
    let report = |more: &[&str]| {
        let (status, report) =
            place.report(&[&[&*log, "--rules", "rule.yml", "--no-shipped-rules", "--threads", "2"], more].concat());
        assert_eq!(status, 0);
        let times =
            report["findings"].as_array().unwrap().iter().map(|finding| finding["time"].as_str().unwrap().to_owned());
        (times.collect::<Vec<_>>(), report["summary"]["evidence"][0]["notes"].to_string())
    };
    let (times, notes) = report(&["--year", "2025", "--log-timezone", "Europe/Berlin"]);
    assert_eq!(
        times,
        [
            "2023-12-30T07:00:00Z",
            "2023-12-31T22:59:58Z",
            "2023-12-31T23:00:01Z",
            "2024-02-29T11:00:00Z",
            "2024-03-31T01:30:00Z",
            "2024-10-27T00:30:00Z",
            "2024-10-27T00:29:00Z",
            "2024-12-31T22:59:59Z",
            "2024-12-31T23:00:00Z",
        ]
    );
    assert!(notes.contains("taken from --year") && notes.contains("those of Europe/Berlin"), "{notes}");
    let (times, notes) = report(&["--site", "site.toml"]);
    // 2008 is the last leap year before that of the file's time.
    assert_eq!((times[3].as_str(), times[8].as_str()), ("2008-02-29T03:00:00Z", "2008-12-31T15:00:00Z"));
    assert!(notes.contains("time of modification, 2009-05-01") && notes.contains("those of Asia/Tokyo"), "{notes}");
}
