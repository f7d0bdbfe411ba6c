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
