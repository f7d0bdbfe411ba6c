//! What is broken is told with its place and reason, costs itself alone, and the rest of the work goes on.

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
    io::{Cursor, Write},
};

use common::{Place, Run, any_start, has_reason, places, rule, starts};
use serde_json::{Value, json};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// A folder with a rule that every start of a process satisfies, and one good piece of evidence.
fn place() -> Place {
    let place = Place::new();
    place.file("rule.yml", any_start("high"));
    place.file("logs/good.jsonl", starts(&["a"]));
    place
}

/// The summary of a hunt through `logs`, in which the good piece must have been read.
fn summary(place: &Place, more: &[&str], status: i32) -> Value {
    let options = ["logs", "--rules", "rule.yml", "--no-shipped-rules"];
    let (found, report) = place.report(&[&options[..], more].concat());
    assert_eq!(found, status);
    let paths: Vec<&Value> =
        report["findings"].as_array().unwrap().iter().map(|finding| &finding["evidence"]["path"]).collect();
    assert!(paths.contains(&&json!("logs/good.jsonl")), "{report:#}");
    report["summary"].clone()
}

fn piece<'s>(summary: &'s Value, path: &str) -> &'s Value {
    let pieces = summary["evidence"].as_array().unwrap();
    pieces.iter().find(|piece| piece["path"] == path).unwrap_or_else(|| panic!("{path} is not in {summary:#}"))
}

/// Asserts how many records of a piece were read and lost, and what is said of the first damage.
#[track_caller]
fn is_damaged(summary: &Value, path: &str, read: u64, damaged: u64, line: u64, reason: &str) {
    let piece = piece(summary, path);
    assert_eq!((&piece["read"], &piece["damaged"]), (&json!(read), &json!(damaged)), "{piece:#}");
    assert_eq!(piece["damages"][0]["line"], line, "{piece:#}");
    assert!(piece["damages"][0]["reason"].as_str().unwrap().contains(reason), "{piece:#}");
}

#[test]
fn a_path_that_is_not_there() {
    let place = place();
    let summary = summary(&place, &["nowhere/at all"], 4);
    has_reason(&summary["failures"], "nowhere/at all", "no such file");
    let run = place.run(&["hunt", "logs", "nowhere/at all"]);
    run.ends(4, &["nowhere/at all", "no such file"]);
}

#[test]
#[cfg(unix)]
fn no_permission() {
    use std::os::unix::fs::PermissionsExt;
    let place = place();
    let permit = |path: &str, mode: u32| {
        fs::set_permissions(place.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    place.file("logs/secret.jsonl", starts(&["b"]));
    place.file("logs/folder/inner.jsonl", starts(&["c"]));
    place.file("closed/inner.jsonl", starts(&["c"]));
    permit("", 0o755);
    ["logs/secret.jsonl", "logs/folder", "closed"].iter().for_each(|path| permit(path, 0));
    let arguments =
        ["hunt", "logs", "closed", "--rules", "rule.yml", "--no-shipped-rules", "--format", "json", "--quiet"];
    let mut command = place.command(&arguments);
    if fs::read_dir(place.path().join("closed")).is_ok() {
        // Who may read everything becomes somebody who may not.
        let program = env!("CARGO_BIN_EXE_dreamcatcher");
        let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", program];
        let probe = place.run_as("setpriv".as_ref(), &[&nobody[..], &["--version"]].concat()).output();
        if !probe.is_ok_and(|probe| probe.status.success()) {
            common::skipped("this runs as root and cannot become nobody, so nothing is forbidden to it");
            return;
        }
        command = place.run_as("setpriv".as_ref(), &[&nobody[..], &arguments].concat());
    }
    let run = Run::of(command.output().unwrap());
    ["logs/folder", "closed"].iter().for_each(|path| permit(path, 0o755));
    assert_eq!(run.status, 4, "{run:?}");
    let report: Value = serde_json::from_str(&run.out).unwrap();
    for path in ["logs/secret.jsonl", "logs/folder", "closed"] {
        has_reason(&report["summary"]["failures"], path, "permission denied");
    }
    assert_eq!(report["findings"].as_array().unwrap().len(), 1);
    assert_eq!(report["findings"][0]["evidence"]["path"], "logs/good.jsonl");
}

#[test]
fn an_empty_file_and_a_text_named_evtx() {
    let place = place();
    place.file("logs/empty.evtx", "");
    place.file("logs/text.evtx", "not an event log\n");
    let summary = summary(&place, &[], 0);
    has_reason(&summary["skipped"], "logs/empty.evtx", "empty");
    assert_eq!(summary["unknown"], json!([{"path": "logs/text.evtx", "looks_like": "text"}]));
    assert_eq!(summary["tally"]["pieces"], 1);
}

/// A head alone, and a chunk of noise behind a good head.
#[test]
fn event_logs_that_hold_nothing_readable() {
    let place = place();
    let mut log = vec![0; 4096 + 65536];
    log[..8].copy_from_slice(b"ElfFile\0");
    place.file("logs/head.evtx", &log[..4096]);
    log[4096..].iter_mut().enumerate().for_each(|(at, byte)| *byte = (at * 131 % 251) as u8);
    place.file("logs/noise.evtx", &log);
    let summary = summary(&place, &[], 0);
    assert_eq!(piece(&summary, "logs/head.evtx")["read"], 0);
    let noise = piece(&summary, "logs/noise.evtx");
    assert!(noise["read"] == 0 && !noise["damages"].as_array().unwrap().is_empty(), "{noise:#}");
}

#[test]
fn json_that_is_cut_short_or_no_event_costs_its_line() {
    let place = place();
    let whole = starts(&["a", "b", "c"]);
    let second = whole.lines().nth(1).unwrap();
    place.file("logs/cut.jsonl", whole.replace(second, &second[..200]));
    place.file("logs/end.jsonl", &whole[..whole.len() - 9]);
    place.file("logs/not.jsonl", whole.replace(second, "no JSON at all"));
    let summary = summary(&place, &[], 0);
    is_damaged(&summary, "logs/cut.jsonl", 2, 1, 2, "cut short");
    is_damaged(&summary, "logs/end.jsonl", 2, 1, 3, "cut short");
    is_damaged(&summary, "logs/not.jsonl", 2, 1, 2, "expected");
    assert_eq!(summary["tally"]["findings"], 7);
    assert_eq!(summary["tally"]["damaged"], 3);
}

#[test]
fn invalid_utf_8_and_unpaired_surrogates_become_replacement_characters() {
    let place = place();
    let bytes = starts(&["a", "b@@b", "c"]).into_bytes();
    let at = bytes.windows(2).position(|pair| pair == b"@@").unwrap();
    let mut invalid = bytes.clone();
    invalid[at..at + 2].copy_from_slice(b"\xff\xfe");
    place.file("logs/invalid.jsonl", &invalid);
    let text = String::from_utf8(bytes).unwrap();
    place.file("logs/surrogate.jsonl", text.replace("@@", "\\ud800"));
    let units = text.encode_utf16().map(|unit| if unit == u16::from(b'@') { 0xdc00 } else { unit });
    place.file("logs/wide.jsonl", [0xfeff].into_iter().chain(units).flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    let summary = summary(&place, &[], 0);
    assert_eq!(summary["tally"]["findings"], 10);
    let has_note = |path, note: &str| {
        assert!(piece(&summary, path)["notes"][0].as_str().unwrap().contains(note), "{summary:#}");
    };
    has_note("logs/invalid.jsonl", "line 2: bytes that are not UTF-8");
    has_note("logs/surrogate.jsonl", "line 2: unpaired surrogates were read as U+FFFD");
    has_note("logs/wide.jsonl", "line 2 and 1 more: unpaired surrogates were read as U+FFFD");
    place.file("rule.yml", rule("Replaced", "low", "CommandLine|re: '^b\\x{fffd}+b$'"));
    let found = place.findings(&["logs", "--rules", "rule.yml", "--no-shipped-rules"]);
    assert_eq!(places(&found), [2, 2, 2]);
}

/// More memory than this is not to be had; Linux counts addresses, so it is far less that is used.
const MEMORY: &str = "ulimit -v 400000; exec \"$0\" \"$@\"";

#[test]
#[cfg(target_os = "linux")]
fn a_line_of_100_mb() {
    let place = place();
    for (path, whole) in [("logs/long.jsonl", starts(&["a", "@", "c"])), ("logs/first.jsonl", starts(&["@", "b", "c"]))]
    {
        let (before, after) = whole.split_once('@').unwrap();
        let mut file = fs::File::create(place.path().join(path)).unwrap();
        file.write_all(before.as_bytes()).unwrap();
        (0..100).for_each(|_| file.write_all(&[b'x'; 1_000_000]).unwrap());
        file.write_all(after.as_bytes()).unwrap();
    }
    // The number of the event stands behind what is long, beyond what the format is recognised by.
    let after = "\",\"EventID\":1,\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"Image\":\"C:\\\\a.exe\"}\n";
    place.file("logs/behind.jsonl", format!("{{\"CommandLine\":\"{}{after}", "x".repeat(1 << 20)));
    let program = env!("CARGO_BIN_EXE_dreamcatcher");
    let hunt = ["-c", MEMORY, program, "hunt", "logs", "--rules", "rule.yml", "--format", "json", "--threads", "2"];
    let run = Run::of(place.run_as("bash".as_ref(), &hunt).output().unwrap());
    run.ends(0, &[]);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    is_damaged(&report["summary"], "logs/long.jsonl", 2, 1, 2, "expected a record of at most");
    is_damaged(&report["summary"], "logs/first.jsonl", 2, 1, 1, "expected a record of at most");
    assert_eq!(piece(&report["summary"], "logs/behind.jsonl")["read"], 1);
    assert_eq!(report["summary"]["tally"]["findings"], 6);
    place.run(&["show", "logs/long.jsonl#L2"]).ends(0, &["==> line 2", "--- line 3"]);
}

fn zip(name: &str, method: CompressionMethod, write: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, SimpleFileOptions::default().compression_method(method)).unwrap();
    write(&mut zip);
    zip.finish().unwrap().into_inner()
}

/// A few hundred bytes that hold a zip of 200 MB of blank lines behind one event.
#[test]
#[cfg(target_os = "linux")]
fn a_zip_bomb() {
    let place = place();
    let inner = zip("log.jsonl", CompressionMethod::Deflated, |zip| {
        zip.write_all(starts(&["a"]).as_bytes()).unwrap();
        (0..200).for_each(|_| zip.write_all(&[b'\n'; 1_000_000]).unwrap());
    });
    let bomb = zip("inner.zip", CompressionMethod::Deflated, |zip| zip.write_all(&inner).unwrap());
    assert!(bomb.len() < 100_000, "{} bytes are no bomb", bomb.len());
    place.file("logs/bomb.zip", &bomb);
    let program = env!("CARGO_BIN_EXE_dreamcatcher");
    let hunt = ["-c", MEMORY, program, "hunt", "logs", "--rules", "rule.yml", "--format", "json", "--threads", "2"];
    let run = Run::of(place.run_as("bash".as_ref(), &hunt).output().unwrap());
    run.ends(0, &[]);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    has_reason(
        &report["summary"]["failures"],
        "logs/bomb.zip",
        "limit: more than 1000 bytes for each byte of the file",
    );
    assert_eq!(report["summary"]["tally"]["findings"], 2, "what came before the limit stands");
}

/// Zips in zips in zips, as deep as it goes.
#[test]
fn containers_inside_one_another() {
    let place = place();
    let mut bytes = starts(&["a"]).into_bytes();
    for depth in 0..6 {
        let name = if depth == 0 { "log.jsonl".to_owned() } else { format!("{depth}.zip") };
        bytes = zip(&name, CompressionMethod::Stored, |zip| zip.write_all(&bytes).unwrap());
    }
    place.file("logs/deep.zip", bytes);
    let summary = summary(&place, &[], 0);
    has_reason(&summary["failures"], "logs/deep.zip", "limit: more than 4 containers inside one another");
}

/// Names in an archive that lead out of it are labels and nothing more.
#[test]
fn names_in_archives_lead_nowhere() {
    let place = place();
    let name = "../../outside.jsonl";
    place.file(
        "logs/up.zip",
        zip(name, CompressionMethod::Deflated, |zip| zip.write_all(starts(&["a"]).as_bytes()).unwrap()),
    );
    let before = (place.names(), fs::read_dir(std::env::temp_dir()).unwrap().count());
    let summary = summary(&place, &[], 0);
    assert_eq!(summary["tally"]["findings"], 2);
    assert_eq!(place.names(), before.0);
    assert!(!place.path().parent().unwrap().join("outside.jsonl").exists());
}

#[test]
fn rules_that_cannot_be_used_are_refused_with_line_and_reason() {
    let place = place();
    let selection = |text: &str| rule("Bad", "low", text);
    for (name, text, line, reason) in [
        ("yaml.yml", "title: [open\n".into(), 2, "not valid YAML"),
        ("modifier.yml", selection("Image|endwith: a"), 9, "unknown modifier 'endwith'"),
        ("regex.yml", selection("Image|re: '(a'"), 9, "not a regular expression"),
        (
            "missing.yml",
            selection("Image: a").replace("condition: selection", "condition: selection and not filter"),
            10,
            "'filter'",
        ),
        ("utf8.yml", "title: \u{1}".into(), 1, ""),
        ("empty.yml", String::new(), 1, "holds no rule"),
        ("level.yml", selection("Image: a").replace("low", "grave"), 4, "grave"),
        ("cidr.yml", selection("Image|cidr: 10.0.0.0/99"), 9, "10.0.0.0/99"),
    ] {
        place.file("rules/bad.yml", text);
        let summary = summary(&place, &["--rules", "rules"], 0);
        let refused = &summary["rules"]["refused"];
        assert_eq!(refused.as_array().unwrap().len(), 1, "{name}: {refused:#}");
        has_reason(refused, "rules/bad.yml", reason);
        assert_eq!(refused[0]["line"], line, "{name}: {refused:#}");
        assert_eq!(summary["rules"]["loaded"], 1);
        let check = place.run(&["rules", "check", "rules", "rule.yml"]);
        check.ends(0, &[&format!("rules/bad.yml:{line}: "), reason, "1 rules loaded", "1 refused"]);
        place.run(&["rules", "check", "--strict", "rules"]).ends(2, &[]);
    }
}

/// Bytes that are not UTF-8, thousands of levels, aliases that would grow without end.
#[test]
fn rules_made_to_hurt_are_refused() {
    let place = place();
    place.file("rules/bytes.yml", b"title: a\ndescription: \xff\xfe\n");
    place.file("rules/deep.yml", "a: ".to_owned() + &"[".repeat(100_000));
    let laugh: String = (1..30).map(|at| format!("a{at}: &a{at} [*a{0}, *a{0}, *a{0}, *a{0}]\n", at - 1)).collect();
    place.file("rules/laugh.yml", format!("a0: &a0 x\n{laugh}"));
    place.file("rules/backtrack.yml", rule("Slow", "low", "CommandLine|re: '(a|a)*{1000}(b{1000}){1000}'"));
    let program = env!("CARGO_BIN_EXE_dreamcatcher");
    let run =
        Run::of(place.run_as("bash".as_ref(), &["-c", MEMORY, program, "rules", "check", "rules"]).output().unwrap());
    run.ends(
        0,
        &["rules/bytes.yml:2: not UTF-8", "rules/deep.yml:", "rules/laugh.yml:", "rules/backtrack.yml:", "4 refused"],
    );
}
