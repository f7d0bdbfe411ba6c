//! `dreamcatcher hunt`: what is found, selected and reported, and how the program ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use common::{Place, Run, any_start, lines, places, root, rule, shipyard, start, starts, titles};
use serde_json::{Value, json};

const FORMATS: [&str; 5] = ["text", "jsonl", "json", "csv", "timeline"];

#[test]
#[cfg_attr(not(feature = "yara"), ignore = "the tally names the rules of a build with all features: ci/test")]
fn the_shipyard_is_reported_as_expected() {
    let folder = root().join("tests/golden/hunt/shipyard");
    let place = Place::new();
    for (form, file) in [
        (["--format", "text"].as_slice(), "incidents.txt"),
        (&["--incident", "0358e03ad34f"], "incident.txt"),
        (&["--findings"], "expected.txt"),
        (&["--format", "jsonl"], "expected.jsonl"),
        (&["--format", "json"], "expected.json"),
        (&["--format", "csv"], "expected.csv"),
        (&["--format", "timeline"], "expected.timeline"),
    ] {
        let arguments = [&["hunt", "examples/shipyard"], form].concat();
        let run = Run::of(place.command(&arguments).current_dir(root()).output().unwrap());
        run.ends(0, &[]);
        let expected = folder.join(file);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&expected, &run.out).unwrap();
        }
        let written = fs::read_to_string(&expected).unwrap_or_default();
        assert!(written == run.out, "{} differs; UPDATE_GOLDEN=1 rewrites it:\n{}", expected.display(), run.out);
    }
}

/// Its README says so.
#[test]
fn the_shipyard_has_51_findings_at_43_moments_and_no_damage() {
    let (status, report) = Place::new().report(&[&shipyard()]);
    assert_eq!(status, 0);
    let tally = &report["summary"]["tally"];
    assert_eq!(
        (tally["findings"].as_u64(), tally["read"].as_u64(), tally["damaged"].as_u64()),
        (Some(51), Some(7118), Some(0))
    );
    let findings = report["findings"].as_array().unwrap();
    let second = |finding: &Value| finding["time"].as_str().unwrap()[..19].to_owned();
    let mut moments: Vec<(Value, String)> =
        findings.iter().map(|finding| (finding["rule"]["id"].clone(), second(finding))).collect();
    moments.sort_by_key(|(id, second)| (id.to_string(), second.clone()));
    moments.dedup();
    assert_eq!(moments.len(), 43);
}

#[test]
fn threads_and_the_order_of_paths_change_no_byte() {
    let place = Place::new();
    for file in ["ws-071-security.jsonl", "ws-071-sysmon.jsonl"] {
        place.file(file, fs::read(root().join("examples/shipyard").join(file)).unwrap());
    }
    place.file("damaged.jsonl", "{\"Event\":\n");
    let orders = [
        ["ws-071-security.jsonl", "ws-071-sysmon.jsonl", "damaged.jsonl"],
        ["ws-071-sysmon.jsonl", "damaged.jsonl", "ws-071-security.jsonl"],
    ];
    for format in FORMATS {
        let mut outputs = Vec::new();
        for (threads, order) in [("1", 0), ("2", 0), ("8", 0), ("8", 1), ("1", 1)] {
            let run = place.run(&[&["hunt", "--format", format, "--threads", threads], &orders[order][..]].concat());
            run.ends(0, &[]);
            assert!(run.out.len() > 1000);
            outputs.push(run.out);
        }
        assert!(outputs.iter().all(|output| *output == outputs[0]), "{format}");
    }
}

#[test]
fn reports_are_as_the_schema_says() {
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(root().join("docs/report.schema.json")).unwrap()).unwrap();
    let part = |name: &str| {
        let mut part = schema.clone();
        part.as_object_mut().unwrap().remove("anyOf");
        part["$ref"] = json!(format!("#/$defs/{name}"));
        jsonschema::validator_for(&part).unwrap()
    };
    let (finding, whole) = (part("finding"), part("report"));
    let place = Place::new();
    place.file("odd.jsonl", "{\"Event\":\n{\"a\":1}\n");
    place.file("empty.evtx", "");
    place.file("rule.yml", any_start("low") + "---\ntitle: bad\n");
    place.file("suppress.yml", "- {rule: Any start, reason: ours, fields: {Image|contains: acad}}\n");
    let arguments = [&shipyard(), ".", "nowhere", "--rules", "rule.yml", "--suppress", "suppress.yml"];
    let (status, report) = place.report(&arguments);
    assert_eq!(status, 4);
    assert!(whole.validate(&report).is_ok(), "{}", whole.validate(&report).unwrap_err());
    let summary = &report["summary"];
    for list in ["skipped", "failures", "suppressed", "evidence", "unknown"] {
        assert!(!summary[list].as_array().unwrap().is_empty(), "{list} proves nothing in {summary:#}");
    }
    let run = place.run(&[&["hunt", "--format", "jsonl"], &arguments[..]].concat());
    let findings = lines(&run.out);
    assert_eq!(findings, *report["findings"].as_array().unwrap());
    assert!(findings.len() > 500);
    for line in &findings {
        assert!(finding.validate(line).is_ok(), "{line}");
    }
    assert!(finding.validate(&json!({"id": "x"})).is_err(), "the schema refuses nothing");
}

#[test]
fn a_finding_says_where_when_and_why() {
    let place = Place::new();
    place.file("rule.yml", rule("Evil", "high", "CommandLine|contains: EVIL"));
    place.file("log.jsonl", starts(&["good", "do evil"]));
    let found = place.findings(&["log.jsonl", "--rules", "rule.yml", "--no-shipped-rules"]);
    let expected = json!({
        "id": found[0]["id"], "time": "2026-11-01T10:01:00Z", "level": "high",
        "rule": {"id": found[0]["rule"]["id"], "title": "Evil", "path": "rule.yml", "status": "test"},
        "techniques": ["T1059.001"], "host": "host-1",
        "source": {"channel": "Microsoft-Windows-Sysmon/Operational", "provider": "Microsoft-Windows-Sysmon", "event_id": 1},
        "evidence": {"path": "log.jsonl", "line": 2}, "matched": {"CommandLine": "do evil"}
    });
    assert_eq!(found, [expected]);
    // The id is that of the record, wherever it lies.
    place.file("elsewhere/copy.jsonl", starts(&["good", "do evil"]));
    let moved = place.findings(&["elsewhere", "--rules", "rule.yml", "--no-shipped-rules"]);
    assert_eq!(moved[0]["id"], found[0]["id"]);
}

#[test]
fn known_leaves_out_what_an_earlier_report_had_and_nothing_else() {
    let place = Place::new();
    place.file("rule.yml", any_start("high"));
    place.file("log.jsonl", starts(&["one", "two"]));
    let options = ["log.jsonl", "--rules", "rule.yml", "--no-shipped-rules"];
    for format in ["json", "jsonl"] {
        place.run(&[&["hunt", "--format", format, "--output", format], &options[..]].concat()).ends(0, &[]);
    }
    place.file("log.jsonl", starts(&["one", "two", "three"]));
    for format in ["json", "jsonl"] {
        let (_, report) = place.report(&[&options[..], &["--known", format]].concat());
        assert_eq!(places(report["findings"].as_array().unwrap()), [3]);
        assert_eq!(report["summary"]["tally"]["known"], 2);
    }
    // Nothing was found then: everything is new. What is no report is not taken for an empty one.
    place.file("nothing.jsonl", "");
    assert_eq!(place.findings(&[&options[..], &["--known", "nothing.jsonl"]].concat()).len(), 3);
    for (wrong, reason) in [("rule.yml", "not a report"), ("log.jsonl", "no id"), ("nowhere", "cannot read nowhere")] {
        place.run(&[&["hunt"], &options[..], &["--known", wrong]].concat()).ends(3, &[reason]);
    }
}

#[test]
fn suppressions_leave_out_what_they_explain_and_are_counted() {
    let place = Place::new();
    place.file("rule.yml", any_start("high") + "---\n" + &rule("Other", "low", "CommandLine: backup"));
    place.file("log.jsonl", starts(&["backup", "backup --all", "evil"]));
    place.file(
        "suppress.yml",
        "- rule: any start\n  reason: our backup\n  fields: {CommandLine|startswith: Backup}\n  expires: 2199-12-31\n\
         - rule: Any start\n  reason: was allowed once\n  expires: 2020-01-01\n",
    );
    let (status, report) =
        place.report(&["log.jsonl", "--rules", "rule.yml", "--no-shipped-rules", "--suppress", "suppress.yml"]);
    assert_eq!(status, 0);
    assert_eq!(titles(report["findings"].as_array().unwrap()), ["Other", "Any start"]);
    assert_eq!(report["findings"][1]["matched"]["Image"], "C:\\x.exe");
    assert_eq!(places(report["findings"].as_array().unwrap()), [1, 3]);
    assert_eq!(report["summary"]["tally"]["suppressed"], 2);
    let counted = json!([
        {"rule": "any start", "reason": "our backup", "findings": 2, "expired": false},
        {"rule": "Any start", "reason": "was allowed once", "findings": 0, "expired": true}
    ]);
    assert_eq!(report["summary"]["suppressed"], counted);
    place.file("suppress.yml", "- rule: Any start\n");
    place.run(&["hunt", "log.jsonl", "--suppress", "suppress.yml"]).ends(3, &["suppress.yml", "no reason"]);
}

#[test]
fn since_and_until_bound_the_time_in_the_zone_asked_for() {
    let place = Place::new();
    place.file("rule.yml", any_start("high"));
    place.file("log.jsonl", starts(&["a", "b", "c", "d"]));
    let hunt = |options: &[&str]| {
        let (_, report) =
            place.report(&[&["log.jsonl", "--rules", "rule.yml", "--no-shipped-rules"], options].concat());
        let outside = report["summary"]["tally"]["outside_time"].as_u64().unwrap();
        let found = places(report["findings"].as_array().unwrap());
        assert_eq!(found.len() as u64 + outside, 4);
        found
    };
    assert_eq!(hunt(&["--since", "2026-11-01T10:01:00Z"]), [2, 3, 4]);
    assert_eq!(hunt(&["--until", "2026-11-01T10:01"]), [1]);
    assert_eq!(
        hunt(&["--since", "2026-11-01T11:01", "--until", "2026-11-01T11:03", "--timezone", "Europe/Berlin"]),
        [2, 3]
    );
    assert_eq!(hunt(&["--since", "2026-11-02"]), [0u64; 0]);
    place.run(&["hunt", "log.jsonl", "--since", "yesterday"]).ends(3, &["'yesterday' is not a time"]);
}

#[test]
fn rules_are_chosen_by_level_status_tag_and_name() {
    let place = Place::new();
    let experimental = rule("Third one", "low", "CommandLine: a").replace("status: test", "status: experimental");
    let tagged = rule("Second", "medium", "CommandLine: a").replace("attack.t1059.001", "attack.t1574");
    place.file("rules.yml", [any_start("high"), tagged, experimental].join("---\n"));
    place.file("log.jsonl", starts(&["a"]));
    let hunt = |options: &[&str]| {
        let found = place.findings(&[&["log.jsonl", "--rules", "rules.yml", "--no-shipped-rules"], options].concat());
        let mut found: Vec<String> = titles(&found).into_iter().map(str::to_owned).collect();
        found.sort();
        found.join(", ")
    };
    assert_eq!(hunt(&[]), "Any start, Second, Third one");
    assert_eq!(hunt(&["--level", "medium"]), "Any start, Second");
    assert_eq!(hunt(&["--status", "Experimental"]), "Third one");
    assert_eq!(hunt(&["--tag", "attack.t1059"]), "Any start, Third one");
    assert_eq!(hunt(&["--tag", "attack.T1574", "--tag", "attack.t105"]), "Second");
    assert_eq!(hunt(&["--rule", "second"]), "Second");
    assert_eq!(hunt(&["--rule", "s*", "--rule", "T?ird*"]), "Second, Third one");
    assert_eq!(hunt(&["--exclude-rule", "* one", "--exclude-rule", "Second"]), "Any start");
    let id = place.findings(&["log.jsonl", "--rules", "rules.yml", "--rule", "Second"])[0]["rule"]["id"].clone();
    assert_eq!(hunt(&["--rule", id.as_str().unwrap()]), "Second");
    place.run(&["hunt", "log.jsonl", "--level", "severe"]).ends(3, &["'severe' is not a level"]);
}

#[test]
fn times_are_told_in_the_zone_of_the_command_line_or_of_site_toml() {
    let place = Place::new();
    place.file("rule.yml", any_start("high"));
    place.file("log.jsonl", starts(&["a"]));
    let options = ["log.jsonl", "--rules", "rule.yml", "--no-shipped-rules"];
    let time = |more: &[&str]| place.findings(&[&options[..], more].concat())[0]["time"].as_str().unwrap().to_owned();
    assert_eq!(time(&[]), "2026-11-01T10:00:00Z");
    assert_eq!(time(&["--timezone", "Europe/Berlin"]), "2026-11-01T11:00:00+01:00");
    assert_eq!(time(&["--timezone", "-03:30"]), "2026-11-01T06:30:00-03:30");
    place.file("yard.toml", "timezone = \"Asia/Tokyo\"\n");
    assert_eq!(time(&["--site", "yard.toml"]), "2026-11-01T19:00:00+09:00");
    assert_eq!(time(&["--site", "yard.toml", "--timezone", "UTC"]), "2026-11-01T10:00:00Z");
    place.file(".config/dreamcatcher/site.toml", "timezone = \"Asia/Tokyo\"\n");
    assert_eq!(time(&[]), "2026-11-01T19:00:00+09:00");
}

#[test]
fn site_toml_that_is_wrong_is_refused_by_name() {
    let place = Place::new();
    place.file("log.jsonl", starts(&["a"]));
    for (text, reason) in [
        ("timezone = \"UTC\"\ntimezon = \"UTC\"\n", "unknown field `timezon`"),
        ("timezone = \"Mars/Olympus\"\n", "Mars/Olympus"),
        ("timezone = 5\n", "invalid type"),
        ("timezone = \n", "site.toml"),
    ] {
        place.file("site.toml", text);
        place.run(&["hunt", "log.jsonl", "--site", "site.toml"]).ends(3, &["site.toml", reason]);
    }
    place.run(&["hunt", "log.jsonl", "--site", "nowhere.toml"]).ends(3, &["cannot read nowhere.toml"]);
}

#[test]
fn placeholders_get_their_values_or_the_rule_is_told_not_to_apply() {
    let place = Place::new();
    place.file("rule.yml", rule("Admins", "high", "CommandLine|expand: '%admins%'"));
    place.file("log.jsonl", starts(&["anna", "otto"]));
    place.file("site.yml", "admins: [anna, berta]\n");
    let options = ["log.jsonl", "--rules", "rule.yml", "--no-shipped-rules"];
    let (_, report) = place.report(&options);
    assert_eq!(report["findings"], json!([]));
    assert!(report["summary"]["rules"]["not_applicable"][0]["reason"].as_str().unwrap().contains("%admins%"));
    let found = place.findings(&[&options[..], &["--placeholders", "site.yml"]].concat());
    assert_eq!(places(&found), [1]);
    place
        .run(&[&["hunt"], &options[..], &["--placeholders", "nowhere.yml"]].concat())
        .ends(3, &["cannot read nowhere.yml"]);
}

#[test]
fn a_taxonomy_of_the_users_own_gives_a_log_source_its_place() {
    let place = Place::new();
    let text = rule("Own", "high", "command: a").replace("category: process_creation", "category: yard_door");
    place.file("rule.yml", text);
    place.file("log.jsonl", starts(&["a", "b"]));
    place.file(
        "own.yml",
        "product: windows\ncategories:\n  yard_door:\n    - channels: [Microsoft-Windows-Sysmon/Operational]\n      \
         event_ids: [1]\n      fields: {command: CommandLine}\n",
    );
    let options = ["log.jsonl", "--rules", "rule.yml", "--no-shipped-rules"];
    let (_, report) = place.report(&options);
    assert!(report["summary"]["rules"]["not_applicable"][0]["reason"].as_str().unwrap().contains("yard_door"));
    assert_eq!(places(&place.findings(&[&options[..], &["--taxonomy", "own.yml"]].concat())), [1]);
    place.file("own.yml", "product: windows\ncategores: {}\n");
    place.run(&[&["hunt"], &options[..], &["--taxonomy", "own.yml"]].concat()).ends(3, &["own.yml", "categores"]);
}

#[test]
fn the_status_says_how_it_ended_and_the_gravest_counts() {
    let place = Place::new();
    place.file("rule.yml", any_start("high"));
    place.file("bad.yml", "title: bad\n");
    place.file("log.jsonl", starts(&["a"]));
    let status = |options: &[&str]| {
        let run = place.run(&[&["hunt", "--no-shipped-rules", "--rules", "rule.yml"], options].concat());
        assert!(!run.err.contains("panicked"), "{}", run.err);
        run.status
    };
    let (found, refused) = (["--fail-on", "medium"], ["--strict", "--rules", "bad.yml"]);
    assert_eq!(status(&["log.jsonl"]), 0);
    assert_eq!(status(&["log.jsonl", "--fail-on", "critical"]), 0);
    assert_eq!(status(&["log.jsonl", "--rules", "bad.yml"]), 0);
    // A finding of low level makes no incident of its own, and was found all the same.
    place.file("low.yml", any_start("low"));
    let low = |level| {
        place.run(&["hunt", "--no-shipped-rules", "--rules", "low.yml", "log.jsonl", "--fail-on", level]).status
    };
    assert_eq!((low("low"), low("medium")), (1, 0));
    assert_eq!(status(&[&["log.jsonl"], &found[..]].concat()), 1);
    assert_eq!(status(&[&["log.jsonl"], &found[..], &refused[..]].concat()), 2);
    assert_eq!(status(&[&["log.jsonl", "nowhere"], &found[..], &refused[..]].concat()), 4);
    assert_eq!(status(&[&["log.jsonl", "nowhere", "--since", "x"], &found[..], &refused[..]].concat()), 3);
    assert_eq!(status(&["log.jsonl", "--rules", "nowhere.yml"]), 4);
    for usage in [&["hunt"][..], &["hunt", "--colour", "x"], &["hnt"], &[], &["hunt", "a", "--threads", "0"]] {
        assert_eq!(place.run(usage).status, 3, "{usage:?}");
    }
    for told in [["--help", "hunt"], ["hunt", "--help"], ["--version", "hunt"]] {
        assert_eq!(place.run(&told).status, 0, "{told:?}");
    }
}

/// Shippers leave the channel out, or the provider, or call it otherwise; Elastic's pipelines move the fields.
#[test]
fn the_start_of_a_process_is_one_whoever_shipped_it() {
    let place = Place::new();
    place.file("rule.yml", any_start("high"));
    let logs = [
        r#"{"EventID":4688,"Channel":"Security","NewProcessName":"C:\\a.exe"}"#,
        r#"{"EventCode":"4688","SourceName":"Microsoft Windows security auditing.","LogName":"Security","NewProcessName":"C:\\a.exe"}"#,
        r#"{"EventID":4688,"SourceName":"Microsoft-Windows-Security-Auditing","NewProcessName":"C:\\a.exe"}"#,
        r#"{"EventID":1,"SourceName":"Microsoft-Windows-Sysmon","Image":"C:\\a.exe"}"#,
        r#"{"winlog":{"channel":"Security","event_id":"4688"},"process":{"executable":"C:\\a.exe"}}"#,
        r#"{"winlog.channel":"Microsoft-Windows-Sysmon/Operational","winlog.event_id":1,"process.executable":"C:\\a.exe"}"#,
    ];
    place.file("log.jsonl", logs.join("\n"));
    let found = place.findings(&["log.jsonl", "--rules", "rule.yml", "--no-shipped-rules"]);
    assert_eq!(places(&found), [1, 2, 3, 4, 5, 6]);
    assert!(found.iter().all(|one| one["matched"]["Image"] == "C:\\a.exe"), "{found:#?}");
}

#[test]
fn standard_input_is_evidence_too() {
    let place = Place::new();
    place.file("rule.yml", any_start("high"));
    place.file("log.jsonl", starts(&["a"]));
    let input = fs::File::open(place.path().join("log.jsonl")).unwrap();
    let mut command = place.command(&["hunt", "-", "--format", "jsonl", "--rules", "rule.yml", "--no-shipped-rules"]);
    let run = Run::of(command.stdin(input).output().unwrap());
    run.ends(0, &[]);
    assert_eq!(lines(&run.out)[0]["evidence"], json!({"path": "-", "line": 1}));
}

#[test]
fn an_output_file_is_whole_or_stays_as_it_was() {
    let place = Place::new();
    place.file("log.jsonl", starts(&["a"]));
    place.file("rule.yml", any_start("high"));
    place.file("report.json", "the report of last week");
    let hunt =
        |more: &[&str]| place.run(&[&["hunt", "log.jsonl", "--rules", "rule.yml", "--format", "json"], more].concat());
    hunt(&["--output", "report.json", "--since", "x"]).ends(3, &[]);
    assert_eq!(place.read("report.json"), "the report of last week");
    hunt(&["--output", "report.json"]).ends(0, &[]);
    assert_eq!(serde_json::from_str::<Value>(&place.read("report.json")).unwrap()["summary"]["tally"]["findings"], 1);
    hunt(&["--output", "nowhere/report.json"]).ends(3, &["cannot write nowhere/report.json"]);
    hunt(&["--output", "."]).ends(3, &["cannot write .: it is a folder"]);
    hunt(&["--output", "log.jsonl"]).ends(3, &["cannot write log.jsonl: it is evidence"]);
    assert_eq!(place.read("log.jsonl"), starts(&["a"]));
    assert_eq!(place.names(), ["log.jsonl", "report.json", "rule.yml"], "nothing is left behind");
}

/// Killed while it still waits for evidence: both outputs are open then, and have no names.
#[test]
#[cfg(target_os = "linux")]
fn an_output_of_a_hunt_that_was_killed_is_not_there() {
    let place = Place::new();
    place.file("out/report.json", "before");
    let mut command =
        place.command(&["hunt", "-", "--format", "json", "--output", "out/report.json", "--html", "out/page.html"]);
    let mut hunt = command.stdin(Stdio::piped()).spawn().unwrap();
    hunt.stdin.as_mut().unwrap().write_all(starts(&["a"]).as_bytes()).unwrap();
    let open = format!("/proc/{}/fd", hunt.id());
    let nameless = || {
        let links = fs::read_dir(&open).into_iter().flatten().flatten();
        let targets = links.filter_map(|link| Some(fs::read_link(link.path()).ok()?.to_string_lossy().into_owned()));
        targets.filter(|target| target.contains("/out/") && target.ends_with(" (deleted)")).count()
    };
    while nameless() < 2 {
        assert!(hunt.try_wait().unwrap().is_none(), "the hunt ended before its evidence did");
        std::thread::sleep(Duration::from_millis(5));
    }
    hunt.kill().unwrap();
    hunt.wait().unwrap();
    assert_eq!(place.read("out/report.json"), "before");
    assert_eq!(fs::read_dir(place.path().join("out")).unwrap().count(), 1, "nothing is left behind");
}

/// A report that would be larger than the file may become: writing fails in the middle.
#[test]
#[cfg(target_os = "linux")]
fn an_output_that_cannot_be_written_to_its_end_leaves_nothing() {
    let place = Place::new();
    place.file("report.jsonl", "before");
    let limited = ["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_dreamcatcher")];
    let shipyard = shipyard();
    let arguments = [&limited[..], &["hunt", &shipyard, "--format", "jsonl", "--output", "report.jsonl"]].concat();
    let run = Run::of(place.run_as("bash".as_ref(), &arguments).output().unwrap());
    run.ends(3, &["cannot write the report: File too large"]);
    assert_eq!((place.read("report.jsonl").as_str(), place.names().len()), ("before", 1));
}

#[test]
#[cfg(unix)]
fn a_link_or_device_is_written_through_and_not_replaced() {
    let place = Place::new();
    place.file("log.jsonl", starts(&["a"]));
    place.file("real/report.csv", "");
    std::os::unix::fs::symlink("real/report.csv", place.path().join("link.csv")).unwrap();
    place.run(&["hunt", "log.jsonl", "--format", "csv", "--output", "link.csv"]).ends(0, &[]);
    assert!(fs::symlink_metadata(place.path().join("link.csv")).unwrap().is_symlink());
    assert!(place.read("real/report.csv").starts_with("time,level"));
    let fifo = place.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let reader = std::thread::spawn({
        let fifo = fifo.clone();
        move || fs::read_to_string(fifo).unwrap()
    });
    place.run(&["hunt", "log.jsonl", "--format", "csv", "--output", "fifo"]).ends(0, &[]);
    assert!(reader.join().unwrap().starts_with("time,level"));
    assert!(!fs::metadata(fifo).unwrap().is_file());
}

/// The report lies in the folder that is hunted through: it is no evidence, and says the same each time.
#[test]
#[cfg(unix)]
fn the_report_itself_is_no_evidence() {
    let place = Place::new();
    place.file("log.jsonl", starts(&["a"]));
    let mut reports = Vec::new();
    for _ in 0..2 {
        place.run(&["hunt", ".", "--quiet", "--format", "json", "--output", "report.json"]).ends(0, &[]);
        reports.push(place.read("report.json"));
    }
    for _ in 0..2 {
        let out = fs::File::create(place.path().join("report.json")).unwrap();
        assert!(place.command(&["hunt", ".", "--quiet", "--format", "json"]).stdout(out).status().unwrap().success());
        reports.push(place.read("report.json"));
    }
    assert!(reports.iter().all(|report| *report == reports[0]), "{reports:#?}");
    assert!(!reports[0].contains("dreamcatcher-"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_and_a_closed_pipe_is_no_failure() {
    let place = Place::new();
    let shipyard = shipyard();
    place.file("log.jsonl", starts(&["a"]));
    let commands: [&[&str]; 8] = [
        &["hunt", &shipyard],
        &["hunt", &shipyard, "--format", "jsonl"],
        &["rules", "list"],
        &["rules", "check", &shipyard],
        &["rules", "test"],
        &["show", "log.jsonl#L1"],
        &["completions", "bash"],
        &["man"],
    ];
    for command in commands {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let run = Run::of(place.command(command).stdout(full).output().unwrap());
        run.ends(3, &["No space left on device"]);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = Run::of(place.command(command).stdout(writer).output().unwrap());
        assert_eq!((run.status, run.err.contains("panicked")), (0, false), "{command:?}: {}", run.err);
    }
}

/// Colours, titles, line ends, directions, formulas: what the attacker wrote stays text.
#[test]
fn nothing_in_a_value_comes_alive() {
    let hostile =
        ["\u{1b}]0;pwned\u{7}\u{1b}[31m", "a\r\nb\u{202e}c\u{9b}31m", "=cmd|' /C calc'!A0", "+1;=2", "\u{0}\u{8}"];
    let place = Place::new();
    place.file(
        "rule.yml",
        rule("\u{1b}[2J=Title", "high", "CommandLine|re: '.*'")
            .replace("\u{1b}", "\\e")
            .replace("title: \\e[2J=Title", "title: \"\\e[2J=Title\""),
    );
    let mut log = starts(&hostile);
    log += &start(9, "2026-11-01T10:00:00Z", "=host\u{1b}[0m", "C:\\x.exe", "x");
    place.file("log\u{1b}[1m.jsonl", &log);
    for format in ["findings", "text", "csv", "timeline", "jsonl", "json", "incidents-json", "ocsf", "timesketch"] {
        let form: &[&str] = if format == "findings" { &["--findings"] } else { &["--format", format] };
        let hunt = ["hunt", ".", "--rules", "rule.yml", "--no-shipped-rules"];
        let run = place.run(&[&hunt, form].concat());
        run.ends(0, if format == "text" { &["=Title"] } else { &["pwned"] });
        for text in [&run.out, &run.err] {
            let alive = |c: char| (c.is_control() && c != '\n' && !(c == '\r' && format == "csv")) || c == '\u{202e}';
            assert!(!text.contains(alive), "{format}: {text:?}");
        }
        if format == "csv" {
            assert!(run.out.contains("'=host") && run.out.contains("'=Title") | run.out.contains("\\u{1b}[2J=Title"));
            let cells = run.out.split([',', '\n', '|', ';']).map(|cell| cell.trim_start_matches(['"', ' ']));
            assert!(!cells.clone().any(|cell| cell.starts_with(['=', '+', '@'])), "{}", run.out);
        }
        if format == "jsonl" {
            let values: Vec<Value> =
                lines(&run.out).iter().map(|line| line["matched"]["CommandLine"].clone()).collect();
            assert_eq!(values[..5], hostile, "the exact text is in jsonl");
        }
    }
    let run = place.run(&["rules", "list", "--rules", "rule.yml", "--no-shipped-rules"]);
    assert!(run.out.contains("=Title") && !run.out.contains('\u{1b}'), "{run:?}");
    let run = place.run(&["show", "log\u{1b}[1m.jsonl#L1"]);
    assert!(run.out.contains("pwned") && !run.out.contains('\u{1b}'), "{run:?}");
    assert!(!place.run(&["hunt", "no\u{1b}[31mwhere"]).out.contains('\u{1b}'));
}
