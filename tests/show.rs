//! `dreamcatcher show`, and what the program tells about itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;

use common::{Place, any_start, shared, starts};

#[test]
fn a_line_is_shown_whole_with_its_neighbours() {
    let place = Place::new();
    place.file("log.jsonl", starts(&["first", "second", "third", "fourth"]));
    let run = place.run(&["show", "log.jsonl#L2"]);
    run.ends(0, &["--- line 1\n", "==> line 2\n", "\"CommandLine\": \"second\"", "--- line 3\n"]);
    assert!(!run.out.contains("fourth"));
    let run = place.run(&["show", "log.jsonl#2", "--context", "0"]);
    run.ends(0, &["second"]);
    assert!(!run.out.contains("first") && !run.out.contains("third"));
}

#[test]
fn a_record_of_many_lines_is_shown_whole() {
    let place = Place::new();
    place.file("log.json", "[\n  {\n    \"EventID\": 1,\n    \"Image\": \"a}\\\"\"\n  },\n  {\"EventID\": 2}\n]\n");
    let run = place.run(&["show", "log.json#L2", "--context", "1"]);
    run.ends(0, &["--- line 1\n[", "==> line 2\n", "\"Image\": \"a}\\\"\"", "--- line 6\n  {\"EventID\": 2}"]);
    place.file("log.xml", "<Events>\n<e:Event>\n <e:System/>\n <e:X>Event></e:X>\n</e:Event>\n<Event/>\n</Events>\n");
    let run = place.run(&["show", "log.xml#L2", "--context", "0"]);
    run.ends(0, &["==> line 2\n", "</e:Event>\n"]);
    assert!(!run.out.contains("<Event/>"));
}

#[test]
fn records_on_one_line_are_told_apart() {
    let place = Place::new();
    place.file("rule.yml", any_start("high"));
    let events = starts(&["first", "second", "third"]);
    let array = format!("[{}]", events.lines().collect::<Vec<_>>().join(", "));
    let event = |name: &str| {
        format!(
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><EventID>1</EventID><Channel>\
             Microsoft-Windows-Sysmon/Operational</Channel></System><EventData><Data Name='Image'>C:\\a.exe</Data>\
             <Data Name='CommandLine'>{name}</Data></EventData></Event>"
        )
    };
    let xml = format!("<Events>{}{}{}</Events>", event("first"), event("second"), event("third"));
    let utf16: Vec<u8> = format!("\u{feff}{array}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (file, bytes) in [("log.json", array.clone().into_bytes()), ("log.xml", xml.into_bytes()), ("wide.json", utf16)]
    {
        place.file(file, bytes);
        let found = place.findings(&[file, "--rules", "rule.yml", "--no-shipped-rules"]);
        let places: Vec<_> =
            found.iter().map(|one| (one["evidence"]["line"].as_u64(), one["evidence"]["offset"].as_u64())).collect();
        assert!(matches!(places[..], [(Some(1), None), (None, Some(_)), (None, Some(_))]), "{file}: {places:?}");
        for (name, (_, offset)) in ["second", "third"].iter().zip(&places[1..]) {
            let run = place.run(&["show", &format!("{file}#@{}", offset.unwrap())]);
            run.ends(0, &["==> byte ", name]);
            let others = ["first", "second", "third"].into_iter().filter(|other| other != name);
            others.for_each(|other| assert!(!run.out.contains(other), "{file}: {run:?}"));
        }
    }
    place.run(&["show", "log.json#@999999"]).ends(3, &["log.json has no byte 999999"]);
}

#[test]
fn a_record_of_an_event_log_is_shown_whole_with_its_neighbours() {
    let Some(log) = shared("corpus/evtx/ordinary/new-user-security.evtx") else { return };
    let place = Place::new();
    let log = log.display().to_string();
    let (_, report) = place.report(&[&log, "--no-shipped-rules"]);
    assert_eq!(report["summary"]["evidence"][0]["damaged"], 0);
    place.run(&["show", &format!("{log}#987654")]).ends(3, &["has no record 987654"]);
    let shared = shared("corpus/sigma/rules/windows").unwrap().display().to_string();
    let found =
        place.findings(&[&log, "--rules", &shared, "--rule", "A Member Was Added to a Security-Enabled Global Group"]);
    let record = found[0]["evidence"]["record"].as_u64().unwrap();
    let run = place.run(&["show", &format!("{log}#{record}")]);
    run.ends(
        0,
        &[&format!("==> record {record}, written "), "<EventID>4728</EventID>", &format!("--- record {}", record + 1)],
    );
}

#[test]
fn a_record_that_is_no_text_is_shown_by_its_fields() {
    let wtmp = common::root().join("tests/recordings/logins/wtmp").display().to_string();
    let place = Place::new();
    let run = place.run(&["show", &format!("{wtmp}#1")]);
    run.ends(0, &["==> record 1\n", "time: 2026-11-22T05:32:05", "user: deploy\n", "198.51.100.7"]);
    place.run(&["show", &format!("{wtmp}#4711")]).ends(3, &["has no record 4711"]);
}

#[test]
fn places_that_lead_nowhere_are_told() {
    let place = Place::new();
    place.file("log.jsonl", starts(&["first"]));
    place.run(&["show", "log.jsonl#L9"]).ends(3, &["log.jsonl has no line 9"]);
    place.run(&["show", "log.jsonl"]).ends(3, &["expected a place such as"]);
    place.run(&["show", "nowhere.evtx#1"]).ends(4, &["cannot read nowhere.evtx"]);
}

#[test]
fn help_completions_and_manual_come_of_the_same_definitions() {
    let place = Place::new();
    let help = place.run(&["hunt", "--help"]);
    help.ends(0, &["Examples:", "Exit status:"]);
    let options: Vec<&str> =
        help.out.split([' ', '\n', ',', ')', ';']).filter(|word| word.starts_with("--") && word.len() > 3).collect();
    assert!(options.contains(&"--known") && options.len() > 20);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = place.run(&["completions", shell]);
        script.ends(0, &["dreamcatcher"]);
        for option in &options {
            assert!(script.out.contains(option.trim_start_matches('-')), "{shell} knows no {option}");
        }
    }
    let bash = place.run(&["completions", "bash"]).out;
    place.file("completion.bash", bash);
    let check = place.run_as("bash".as_ref(), &["-n", "completion.bash"]).output().unwrap();
    assert!(check.status.success(), "{check:?}");
    let manual = place.run(&["man"]);
    manual.ends(
        0,
        &[".TH dreamcatcher", "DREAMCATCHER HUNT", "DREAMCATCHER RULES CHECK", "Where several hold: 3, 4, 2, 1."],
    );
    let said = manual.out.replace("\\-", "-");
    for option in options.iter().chain(&["--all", "--sha256", "--ledger"]) {
        assert!(said.contains(option), "the manual does not name {option}");
    }
    let about = place.run(&["--help"]);
    about.ends(0, &["Start here:", "hunt", "rules", "show"]);
    place.run(&["--version"]).ends(0, &[env!("CARGO_PKG_VERSION")]);
}
