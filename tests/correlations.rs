//! Correlations in whole hunts: over files, hosts and log sources, whatever the order of what is given.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;

use std::fs;

use common::{Place, has_reason, root, start, titles};
use serde_json::Value;

const GUESSING: &str = "
title: Guessing
id: 6b1a5d0e-0000-4000-8000-000000000010
name: guessing
level: medium
correlation: {type: event_count, rules: [failed], group-by: [source_address], timespan: 10m, condition: {gte: 5}}
---
title: Failed login
id: 6b1a5d0e-0000-4000-8000-000000000011
name: failed
level: low
logsource: {product: linux, service: sshd}
detection: {selection: {action: login, outcome: failed}, condition: selection}
";

const RECORDED: &str = "tests/recordings/sshd/openssh-9.2/info";

fn recorded(form: &str) -> String {
    fs::read_to_string(root().join(format!("{RECORDED}.{form}"))).unwrap()
}

/// The sources of five and more failed logins, with how many the recording's own truth knows of. Its log is of a minute.
fn guessers() -> Vec<(String, u64)> {
    let truth = recorded("expected.jsonl");
    let attempts = truth.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let failed =
        attempts.filter(|line| line["kind"] == "attempt" && line["told_at"] == "INFO" && line["outcome"] != "accepted");
    let mut by_source = std::collections::BTreeMap::<String, u64>::new();
    for attempt in failed.filter(|line| line["outcome"] != "partial") {
        *by_source.entry(attempt["source"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    by_source.into_iter().filter(|(_, count)| *count >= 5).collect()
}

/// Group, events, and lines of the first and last event.
fn told(findings: &[Value]) -> Vec<(String, u64)> {
    let one = |finding: &Value| {
        let group = finding["matched"]["source_address"].as_str().unwrap().to_owned();
        (group, finding["correlation"]["events"].as_u64().unwrap())
    };
    let mut told: Vec<_> = findings.iter().map(one).collect();
    told.sort();
    told
}

#[test]
fn guessing_is_one_finding_for_each_source_and_its_base_rule_is_silent() {
    let place = Place::new();
    place.file("rule.yml", GUESSING);
    place.file("auth.log", recorded("iso.log"));
    let found = place.findings(&["auth.log", "--rules", "rule.yml", "--no-shipped-rules"]);
    assert!(!found.is_empty());
    assert_eq!(told(&found), guessers());
    assert!(titles(&found).iter().all(|title| *title == "Guessing"));

    place.file("loud.yml", GUESSING.replace("type: event_count", "generate: true, type: event_count"));
    let loud = place.findings(&["auth.log", "--rules", "loud.yml", "--no-shipped-rules"]);
    assert!(titles(&loud).contains(&"Failed login"));
    let silent: Vec<Value> = loud.into_iter().filter(|finding| finding["rule"]["title"] == "Guessing").collect();
    assert_eq!(told(&silent), told(&found));
}

#[test]
fn a_correlation_that_is_chosen_needs_no_choosing_of_its_rules() {
    let place = Place::new();
    place.file("rule.yml", GUESSING);
    place.file("auth.log", recorded("iso.log"));
    let arguments = ["auth.log", "--rules", "rule.yml", "--no-shipped-rules"];
    let all = place.findings(&arguments);
    assert_eq!(place.findings(&[&arguments[..], &["--level", "medium"]].concat()), all);
    assert_eq!(place.findings(&[&arguments[..], &["--rule", "guess*"]].concat()), all);
    assert_eq!(titles(&place.findings(&[&arguments[..], &["--rule", "failed*"]].concat()))[0], "Failed login");
}

/// How a log is cut into files, how they are called, and on how many threads they are read, cannot be seen.
#[test]
fn where_files_begin_and_their_order_make_no_difference() {
    let place = Place::new();
    place.file("rule.yml", GUESSING);
    let log = recorded("iso.log");
    place.file("whole/auth.log", &log);
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    let (older, newer) = lines.split_at(lines.len() / 3);
    place.file("forth/auth.log.1", older.concat());
    place.file("forth/auth.log.2", newer.concat());
    place.file("back/auth.log.1", newer.concat());
    place.file("back/auth.log.2", older.concat());
    let rules = ["--rules", "rule.yml", "--no-shipped-rules"];
    let whole = told(&place.findings(&[&["whole"], &rules[..]].concat()));
    assert!(!whole.is_empty());
    for arguments in [&["forth"][..], &["back"], &["back", "--threads", "1"], &["forth/auth.log.2", "forth/auth.log.1"]]
    {
        assert_eq!(told(&place.findings(&[arguments, &rules[..]].concat())), whole, "{arguments:?}");
    }
}

#[test]
fn rules_of_different_log_sources_meet_in_one_correlation() {
    let place = Place::new();
    place.file(
        "rule.yml",
        "title: A login, then a program\nlevel: high\ncorrelation:\n  type: temporal_ordered\n  rules: [login, program]\n  \
         group-by: [who]\n  timespan: 5m\n  aliases: {who: {login: user, program: CommandLine}}\n---\n\
         title: Login\nname: login\nlogsource: {product: linux, service: sshd}\n\
         detection: {selection: {action: login, outcome: accepted}, condition: selection}\n---\n\
         title: Program\nname: program\nlogsource: {product: windows, category: process_creation}\n\
         detection: {selection: {Image|endswith: .exe}, condition: selection}\n",
    );
    let login =
        |time: &str| format!("{time} web01 sshd[7]: Accepted password for Alice from 198.51.100.7 port 4000 ssh2\n");
    place.file("auth.log", login("2026-11-01T10:00:00Z"));
    let program = |time: &str| start(1, time, "ws-1", "C:\\x.exe", "alice");
    let arguments = ["auth.log", "process.jsonl", "--rules", "rule.yml", "--no-shipped-rules"];

    place.file("process.jsonl", program("2026-11-01T10:05:00Z"));
    let found = place.findings(&arguments);
    assert_eq!(titles(&found), ["A login, then a program"]);
    let events = found[0]["correlation"]["firsts"].as_array().unwrap();
    let paths: Vec<&str> = events.iter().map(|event| event["evidence"]["path"].as_str().unwrap()).collect();
    assert_eq!((paths, &found[0]["matched"]["who"]), (vec!["auth.log", "process.jsonl"], &"alice".into()));
    assert_eq!(found[0]["host"], "", "the events are of two machines");

    for too_late_or_before in ["2026-11-01T10:05:00.000001Z", "2026-11-01T09:59:58Z"] {
        place.file("process.jsonl", program(too_late_or_before));
        assert_eq!(place.findings(&arguments), Vec::<Value>::new(), "{too_late_or_before}");
        // With clocks that may differ by two seconds both may be.
        let found = place.findings(&[&arguments[..], &["--skew", "2s"]].concat());
        assert_eq!(found.len(), 1, "{too_late_or_before}");
    }
}

#[test]
fn what_cannot_be_put_together_is_refused_and_the_rest_goes_on() {
    let place = Place::new();
    place.file("rules/good.yml", GUESSING);
    let correlation = |name: &str, rules: &str| {
        format!("title: {name}\nname: {name}\ncorrelation: {{type: temporal, rules: [{rules}], timespan: 1m}}\n")
    };
    place.file("rules/missing.yml", correlation("missing", "nobody"));
    place.file("rules/circle.yml", correlation("a", "b") + "---\n" + &correlation("b", "a"));
    place.file("rules/type.yml", correlation("x", "failed").replace("temporal", "temporary"));
    place.file("auth.log", recorded("iso.log"));
    let (status, report) = place.report(&["auth.log", "--rules", "rules", "--no-shipped-rules"]);
    assert_eq!(status, 0);
    let refused = &report["summary"]["rules"]["refused"];
    has_reason(refused, "missing.yml", "'nobody', and no rule that was loaded has that id or name");
    has_reason(refused, "circle.yml", "they stand in a circle");
    has_reason(refused, "type.yml", "unknown type of correlation 'temporary'");
    assert_eq!(refused.as_array().unwrap().len(), 4);
    assert_eq!(told(report["findings"].as_array().unwrap()), guessers());
}

#[test]
fn suppressions_and_known_findings_hold_for_correlations() {
    let place = Place::new();
    place.file("rule.yml", GUESSING);
    place.file("auth.log", recorded("iso.log"));
    let arguments = ["auth.log", "--rules", "rule.yml", "--no-shipped-rules"];
    let source = &guessers()[0].0;
    place.file(
        "known.yml",
        format!("- rule: Guessing\n  reason: our scanner\n  fields:\n    source_address: '{source}'\n"),
    );
    let rest = place.findings(&[&arguments[..], &["--suppress", "known.yml"]].concat());
    assert_eq!(told(&rest), guessers().split_off(1));

    let run =
        place.run(&[&["hunt", "--format", "jsonl", "--quiet", "--output", "before.jsonl"], &arguments[..]].concat());
    assert_eq!(run.status, 0);
    assert_eq!(place.findings(&[&arguments[..], &["--known", "before.jsonl"]].concat()), Vec::<Value>::new());
}

fn failed(line: &str) -> String {
    format!("2026-11-01T10:00:00Z web01 sshd[7]: {line}\n")
}

const FAILED: &str = "Failed password for root from 198.51.100.7 port 4000 ssh2";

#[test]
fn a_line_that_stands_for_several_counts_so_often() {
    let place = Place::new();
    place.file("rule.yml", GUESSING);
    let count = |log: String| {
        place.file("auth.log", log);
        let (_, report) = place.report(&["auth.log", "--rules", "rule.yml", "--no-shipped-rules"]);
        (told(report["findings"].as_array().unwrap()), report["summary"]["rules"]["not_run"].clone())
    };
    let repeated = |times: &str| failed(FAILED) + &failed(&format!("message repeated {times} times: [ {FAILED}]"));
    let source = || "198.51.100.7".to_owned();
    assert_eq!(count(repeated("3")).0, []);
    assert_eq!(count(repeated("4")).0, [(source(), 5)]);
    // A number that a forged line names costs no more than this.
    let (found, not_run) = count(repeated("18446744073709551615"));
    assert_eq!(found, [(source(), 1001)]);
    has_reason(&not_run, "all correlations", "of each 1000 count");
}

#[test]
fn of_a_log_and_its_copies_one_takes_part() {
    let place = Place::new();
    place.file("rule.yml", GUESSING);
    let connection = "Connection from 198.51.100.7 port 40001 on 203.0.113.80 port 22 rdomain \"\"";
    let three = failed(connection) + &failed(FAILED).repeat(3);
    place.file("logs/auth.log", &three);
    place.file("logs/copy/auth.log", &three);
    let arguments = ["logs", "--rules", "rule.yml", "--no-shipped-rules"];
    let (_, report) = place.report(&arguments);
    assert_eq!(report["findings"], Value::Array(vec![]));
    let told = "logs/copy/auth.log tells the same events as logs/auth.log: it is a copy, and took no part";
    has_reason(&report["summary"]["rules"]["not_run"], "all correlations", told);
    // One line more, and it is another log.
    place.file("logs/copy/auth.log", failed("Server listening on 0.0.0.0 port 22.") + &three);
    assert_eq!(place.report(&arguments).1["findings"].as_array().unwrap().len(), 1);
}
