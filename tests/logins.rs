//! `logins` over the recordings of real programs (tests/recordings) tells every try that their truth files know of, and no other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use common::{Place, lines, root};
use serde_json::{Value, json};

/// Logs of sshd, each with its truth file.
const SSHD: [(&str, &str); 14] = [
    ("openssh-8.4/info.iso.log", "openssh-8.4/info"),
    ("openssh-8.4/info.rfc3164.log", "openssh-8.4/info"),
    ("openssh-8.4/info.rfc5424.log", "openssh-8.4/info"),
    ("openssh-8.4/verbose.iso.log", "openssh-8.4/verbose"),
    ("openssh-9.2/info.iso.log", "openssh-9.2/info"),
    ("openssh-9.2/info.rfc3164.log", "openssh-9.2/info"),
    ("openssh-9.2/verbose.iso.log", "openssh-9.2/verbose"),
    ("openssh-9.2/debug1.iso.log", "openssh-9.2/debug1"),
    ("openssh-9.2/repeated.rfc3164.log", "openssh-9.2/repeated"),
    ("openssh-9.2/verbose-some.busybox.log", "openssh-9.2/verbose-some.busybox"),
    ("openssh-10.0/info.iso.log", "openssh-10.0/info"),
    ("openssh-10.0/info.rfc5424.log", "openssh-10.0/info"),
    ("openssh-10.0/verbose.iso.log", "openssh-10.0/verbose"),
    ("openssh-10.0/penalties.iso.log", "openssh-10.0/penalties"),
];

fn logins(arguments: &[&str]) -> Vec<Value> {
    let run = Place::new().run(&[&["logins", "--format", "jsonl", "--quiet"], arguments].concat());
    assert_eq!(run.status, 0, "{arguments:?}: {}", run.err);
    lines(&run.out)
}

fn recording(name: &str) -> String {
    root().join("tests/recordings").join(name).display().to_string()
}

fn truth(name: &str) -> Vec<Value> {
    fs::read_to_string(recording(name)).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A connection: the client's address and port.
type Peer = (String, u64);
/// The account, the method, the outcome, the key, the certificate with its serial and authority.
type Try = (String, String, String, String, Option<(String, u64, String)>);

fn true_try(line: &Value) -> Try {
    let hex = text(&line["user_hex"]);
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let user = if hex.is_empty() { text(&line["user"]) } else { String::from_utf8_lossy(&bytes).into_owned() };
    // What is behind a colon is no name but a style, and names are cut (OpenSSH, auth2.c and auth.c).
    let user = user.split(':').next().unwrap().chars().take(100).collect();
    let certificate = &line["certificate"];
    let certificate = certificate.is_object().then(|| {
        (text(&certificate["id"]), certificate["serial"].as_u64().unwrap(), text(&certificate["ca_fingerprint"]))
    });
    let outcome = text(&line["outcome"]).replace("invalid user", "failed");
    (user, text(&line["method"]), outcome, text(&line["key_fingerprint"]), certificate)
}

fn told_try(line: &Value) -> Try {
    let serial = line["certificate_serial"].as_u64();
    let certificate = serial.map(|serial| (text(&line["certificate_id"]), serial, text(&line["ca_fingerprint"])));
    (text(&line["user"]), text(&line["method"]), text(&line["outcome"]), text(&line["key_fingerprint"]), certificate)
}

fn seconds(text: &Value) -> f64 {
    text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_nanosecond() as f64 / 1e9
}

/// What the log of one level tells of a connection, by its truth: the tries told, and whether others only show by their hints.
#[derive(Default)]
struct Truth {
    told: Vec<Try>,
    untold: Vec<Value>,
}

fn connections(truth: &[Value]) -> BTreeMap<Peer, Truth> {
    let level = truth[0]["log_level"].as_str().unwrap();
    let mut connections: BTreeMap<Peer, Truth> = BTreeMap::new();
    for line in truth.iter().filter(|line| line["kind"] == "attempt") {
        let is_told = line["told_at"] == "INFO" || line["told_at"] == "VERBOSE" && level != "INFO";
        let of = connections.entry((text(&line["source"]), line["port"].as_u64().unwrap())).or_default();
        if is_told { of.told.push(true_try(line)) } else { of.untold.push(line.clone()) }
    }
    connections
}

#[test]
fn every_try_of_sshd_is_listed_with_its_key_and_certificate() {
    let (mut tries, mut by_hints) = (0, 0);
    for (log, name) in SSHD {
        let mut found: BTreeMap<Peer, Vec<Value>> = BTreeMap::new();
        for line in logins(&[&recording(&format!("sshd/{log}"))]) {
            let peer = (text(&line["source_address"]), line["source_port"].as_u64().unwrap_or(0));
            found.entry(peer).or_default().push(line);
        }
        let connections = connections(&truth(&format!("sshd/{name}.expected.jsonl")));
        for (peer, truth) in &connections {
            let lines = found.remove(peer).unwrap_or_default();
            let mut left: Vec<Try> = Vec::new();
            for line in &lines {
                assert_eq!(line["host"], "web01");
                assert_eq!(line["service"], "ssh");
                left.extend(std::iter::repeat_n(told_try(line), line["times"].as_u64().unwrap() as usize));
            }
            for attempt in &truth.told {
                let at = left.iter().position(|found| found == attempt);
                left.remove(at.unwrap_or_else(|| panic!("{log}: {attempt:?} of {peer:?} is not in {lines:#?}")));
            }
            tries += truth.told.len();
            // What is left: the request `none` with which clients begin, and tries that only hints tell of.
            left.retain(|attempt| attempt.1 != "none");
            let of_hints: Vec<&Try> = left.iter().collect();
            if truth.told.is_empty() {
                let users: BTreeSet<String> = truth.untold.iter().map(|line| true_try(line).0).collect();
                assert!(!lines.is_empty(), "{log}: nothing is told of {peer:?}: {:#?}", truth.untold);
                assert!(of_hints.iter().all(|attempt| users.contains(&attempt.0)), "{log}: {peer:?} {of_hints:#?}");
            }
            assert!(of_hints.len() <= truth.untold.len(), "{log}: {peer:?} did no more than {:#?}", truth.untold);
            assert!(of_hints.iter().all(|attempt| attempt.2 == "failed"), "{log}: {of_hints:#?}");
            by_hints += of_hints.len();
        }
        assert!(found.is_empty(), "{log}: nobody did {found:#?}");
    }
    eprintln!("{tries} tries told, {by_hints} by hints");
    assert!(tries > 700 && by_hints > 100, "{tries} {by_hints}");
}

#[test]
fn sessions_of_sshd_end_when_they_truly_did() {
    let (mut ended, mut open, mut asked) = (0, 0, 0);
    for (log, name) in SSHD.iter().filter(|(log, _)| log.contains(".iso.")) {
        let found = logins(&[&recording(&format!("sshd/{log}")), "--outcome", "accepted"]);
        let truth = truth(&format!("sshd/{name}.expected.jsonl"));
        let accepted = |line: &&Value| line["kind"] == "attempt" && line["outcome"] == "accepted";
        assert_eq!(found.len(), truth.iter().filter(accepted).count(), "{log}");
        for line in truth.iter().filter(accepted) {
            let of_it =
                |login: &&Value| login["source_address"] == line["source"] && login["source_port"] == line["port"];
            let login = found.iter().find(of_it).unwrap();
            // Not every scene noted when.
            let moment = |name: &str, unknown| line[name].as_f64().unwrap_or(unknown);
            let (begun, over) = (moment("begun", 0.0), moment("ended", f64::MAX));
            let time = seconds(&login["time"]);
            assert!(begun - 0.1 <= time && time <= over + 0.1, "{log}: {login:#} {line:#}");
            if line["session_closed"] != json!(true) {
                open += 1;
                continue;
            }
            let end = login.get("end").unwrap_or_else(|| panic!("{log}: no end of {login:#}"));
            assert!((time..=over + 2.0).contains(&seconds(end)), "{log}: {login:#} {line:#}");
            ended += 1;
            let requests = login["requests"].to_string();
            // Below VERBOSE nothing says whose child told of a subsystem.
            if log.contains("verbose")
                && line["session"]["type"] == "subsystem"
                && line["session"]["failed"] == json!(true)
            {
                assert!(requests.contains("netconf"), "{log}: {login:#}");
                asked += 1;
            }
            if line["session"]["forward"]["to"] == "10.9.8.7:3389" {
                assert!(requests.contains("forwarding refused: 10.9.8.7:3389"), "{log}: {login:#}");
                asked += 1;
            }
            if log.contains("verbose") && line["session"]["type"] == "forced command" {
                assert!(requests.contains("forced-command"), "{log}: {login:#}");
                asked += 1;
            }
        }
    }
    eprintln!("{ended} ended, {open} left open, {asked} requests");
    assert!(ended > 90 && asked >= 12, "{ended} {open} {asked}");
}

#[test]
fn logins_at_terminals_are_listed() {
    let found = logins(&[&recording("pam/su-login.iso.log")]);
    let told: Vec<[String; 5]> = found
        .iter()
        .map(|line| ["service", "by_user", "user", "outcome", "terminal"].map(|name| text(&line[name])))
        .collect();
    let mut expected = Vec::new();
    for line in truth("pam/su-login.expected.jsonl").iter().skip(1) {
        // su says nothing of an account that is not there.
        if line["reason"] == "no such user" {
            continue;
        }
        let (program, user, tty) = (text(&line["program"]), text(&line["user"]), text(&line["tty"]));
        let outcome = text(&line["outcome"]).replace("invalid user", "failed");
        if program == "su" {
            expected.push([program, user, text(&line["as"]), outcome, tty]);
        } else {
            let is_unknown = line["outcome"] == "invalid user";
            // PAM does not name the terminal; login(1) does for root and for failures.
            let tty = if outcome == "accepted" && user != "root" { String::new() } else { tty };
            expected.push([program, String::new(), if is_unknown { "UNKNOWN".to_owned() } else { user }, outcome, tty]);
        }
    }
    assert_eq!(told, expected);
    let open: Vec<&Value> =
        found.iter().filter(|line| line["outcome"] == "accepted" && line["end"].is_null()).collect();
    assert!(open.is_empty(), "{open:#?}");
}

#[test]
fn journals_and_auth_log_tell_of_the_same_truth() {
    for (log, name) in [("logins/auth.iso.log", "logins/logins"), ("journal/journal.short-full.txt", "journal/journal")]
    {
        let found = logins(&[&recording(log)]);
        let truth: Vec<Value> = truth(&format!("{name}.expected.jsonl"));
        let of_ssh = truth
            .iter()
            .filter(|line| line["kind"] == "attempt" && (line["told_at"] == "INFO" || line["told_at"] == "VERBOSE"));
        let mut expected: Vec<Try> = of_ssh.map(true_try).collect();
        let mut told: Vec<Try> =
            found.iter().filter(|line| line["service"] == "ssh" && line["method"].is_string()).map(told_try).collect();
        expected.sort();
        told.sort();
        assert_eq!(told, expected, "{log}");
    }
}

#[test]
fn the_order_of_files_and_threads_changes_nothing() {
    let place = Place::new();
    let whole = fs::read_to_string(recording("sshd/openssh-9.2/verbose.iso.log")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let (first, second) = lines.split_at(lines.len() / 2);
    let (old, new) = (place.file("log/b.log", first.join("\n")), place.file("log/a.log", second.join("\n")));
    let run = |arguments: &[&str]| place.run(&[&["logins", "--quiet", "--format", "jsonl"], arguments].concat()).out;
    let out = run(&[&old, &new]);
    assert_eq!(out, run(&[&new, &old, "--threads", "1"]));
    assert_eq!(out, run(&["log", "--threads", "3"]));
    let bare = |line: &Value| {
        let mut line = line.clone();
        line.as_object_mut().unwrap().remove("evidence");
        line
    };
    let (halves, at_once) = (common::lines(&out), logins(&[&recording("sshd/openssh-9.2/verbose.iso.log")]));
    assert_eq!(halves.iter().map(bare).collect::<Vec<_>>(), at_once.iter().map(bare).collect::<Vec<_>>());
}

#[test]
fn what_is_asked_for_is_listed() {
    let log = recording("logins/auth.iso.log");
    let count = |arguments: &[&str]| logins(&[&[log.as_str()], arguments].concat()).len();
    assert_eq!(count(&[]), 14);
    assert_eq!(count(&["--user", "ANNA"]), 3);
    assert_eq!(count(&["--user", "anna", "--user", "ro*"]), 4);
    assert_eq!(count(&["--source", "2001:db8:*"]), 2);
    assert_eq!(count(&["--host", "db*"]), 0);
    assert_eq!(count(&["--outcome", "failed"]), 7);
    assert_eq!(count(&["--outcome", "accepted", "--since", "2026-11-22T05:32:33"]), 2);
    assert_eq!(count(&["--until", "2026-11-22T06:32:06+01:00"]), 2);
    let place = Place::new();
    place.run(&["logins", &log, "--outcome", "maybe"]).ends(3, &["'maybe' is not an outcome"]);
    place.run(&["logins", "nowhere"]).ends(4, &["nowhere"]);
}

/// The table, as it is; what may be different is told by a test of its own.
#[test]
fn the_table_is_golden() {
    for (name, arguments) in [("text", [].as_slice()), ("csv", &["--format", "csv", "--quiet"])] {
        let place = Place::new();
        for log in ["logins/auth.iso.log", "pam/su-login.iso.log", "sshd/openssh-9.2/verbose.iso.log"] {
            let file = log.replace('/', "-");
            place.file(&file, fs::read(recording(log)).unwrap());
        }
        let run = place.run(&[&["logins", "."], arguments].concat());
        assert_eq!(run.status, 0, "{}", run.err);
        let golden = root().join(format!("tests/golden/logins/expected.{name}"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::create_dir_all(golden.parent().unwrap()).unwrap();
            fs::write(&golden, &run.out).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap();
        assert!(run.out == expected, "{} differs:\n{}", golden.display(), run.out);
        assert!(!run.out.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r')), "an escape sequence");
    }
}

#[test]
fn lists_are_as_the_schema_says() {
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(root().join("docs/report.schema.json")).unwrap()).unwrap();
    let part = |name: &str| {
        let mut part = schema.clone();
        part.as_object_mut().unwrap().remove("anyOf");
        part["$ref"] = json!(format!("#/$defs/{name}"));
        jsonschema::options().should_validate_formats(true).build(&part).unwrap()
    };
    let (one, whole) = (part("login"), part("logins"));
    let place = Place::new();
    // A name that would come alive in a terminal.
    let hostile =
        "Nov 20 10:00:00 web01 sshd[7]: Failed password for invalid user \u{202e}a\u{1b}[2Jb from ::1 port 1 ssh2\n";
    place.file("logs/hostile.log", hostile.repeat(2));
    let logs = ["sshd/openssh-10.0/verbose.iso.log", "logins/wtmp", "logins/btmp", "logins/auth.iso.log"];
    let arguments: Vec<String> = logs.iter().map(|log| recording(log)).chain(["logs".to_owned()]).collect();
    let run = |format: &str| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        place.run(&[&["logins", "--quiet", "--year", "2026", "--format", format], &arguments[..]].concat())
    };
    let (json, jsonl) = (run("json"), run("jsonl"));
    assert!(json.out.contains(r"\u202ea\u001b[2Jb"), "{}", json.out);
    for out in [&json.out, &jsonl.out, &run("csv").out, &run("text").out] {
        assert!(!out.chars().any(|c| c == '\u{202e}' || c.is_control() && !matches!(c, '\n' | '\r')), "{out}");
    }
    let list: Value = serde_json::from_str(&json.out).unwrap();
    assert!(whole.validate(&list).is_ok(), "{}", whole.validate(&list).unwrap_err());
    assert_eq!(lines(&jsonl.out), *list["logins"].as_array().unwrap());
    assert_eq!(list["summary"]["evidence"].as_array().unwrap().len(), 5);
    let found = lines(&jsonl.out);
    assert!(found.len() > 100, "{}", found.len());
    found.iter().for_each(|line| assert!(one.validate(line).is_ok(), "{line:#} {}", one.validate(line).unwrap_err()));
    assert!(one.validate(&json!({"user": "x"})).is_err(), "the schema refuses nothing");
    place.file("empty.txt", "");
    let none = place.run(&["logins", "--quiet", "--format", "json", "empty.txt"]);
    assert!(whole.validate(&serde_json::from_str(&none.out).unwrap()).is_ok(), "{}", none.out);
}

#[test]
fn a_list_is_written_whole_or_not_at_all() {
    let (place, log) = (Place::new(), recording("logins/auth.iso.log"));
    let on_screen = place.run(&["logins", "--quiet", "--format", "csv", &log]).out;
    place.run(&["logins", "--format", "csv", "--output", "out/list.csv", &log]).ends(3, &["cannot write out/list.csv"]);
    let run = place.run(&["logins", "--format", "csv", "--output", "list.csv", &log]);
    assert_eq!((run.status, run.out.as_str()), (0, ""));
    assert!(run.err.contains("Tally"), "{}", run.err);
    assert_eq!((place.read("list.csv"), place.names()), (on_screen, vec!["list.csv".to_owned()]));
    place.file("auth.log", fs::read(&log).unwrap());
    place.run(&["logins", "--output", "auth.log", "auth.log"]).ends(3, &["it is evidence itself"]);
    assert_eq!(place.read("auth.log"), fs::read_to_string(&log).unwrap());
}

#[test]
fn what_two_logs_tell_alike_is_listed_once() {
    let (journal, text) = (recording("journal/journal.export.txt"), recording("journal/journal.short-iso-precise.txt"));
    let bare = |mut line: Value| {
        let evidence = line.as_object_mut().unwrap().remove("evidence");
        (line, evidence.unwrap()["path"].clone())
    };
    let one: Vec<Value> = logins(&[&text]).into_iter().map(|line| bare(line).0).collect();
    let both: Vec<Value> = logins(&[&text, &journal]).into_iter().map(|line| bare(line).0).collect();
    assert!(one.len() >= 9, "{}", one.len());
    assert_eq!(both, one);

    let place = Place::new();
    let log = fs::read_to_string(recording("logins/auth.iso.log")).unwrap();
    place.file("a/auth.log", &log);
    place.file("b/auth.log", &log);
    // Of one second, and of the same process, but twice in one log: twice.
    let twice = "2026-11-01T10:00:00Z web01 sshd[7]: Failed password for root from ::1 port 4000 ssh2\n".repeat(2);
    place.file("c/auth.log", &twice);
    place.file("d/more.log", twice.clone() + "2026-11-01T10:00:00Z web01 sshd[8]: Server listening on :: port 22.\n");
    let run = place.run(&["logins", "--format", "json", "--quiet", "a", "b", "c", "d"]);
    let list: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(list["logins"].as_array().unwrap().len(), logins(&[&recording("logins/auth.iso.log")]).len() + 2);
    common::has_reason(&list["summary"]["skipped"], "b/auth.log", "it tells the same logins as a/auth.log");
    common::has_reason(&list["summary"]["skipped"], "records in two logs", "2 records");
}

/// What auditd tells of tries, as the truth has it: of a name that sshd does not know one for the connection, and su too.
#[test]
fn audit_logs_tell_every_try_once() {
    for form in ["raw", "enriched"] {
        let found = logins(&[&recording(&format!("auditd/audit-{form}.log"))]);
        let mut told: Vec<[String; 4]> = found
            .iter()
            .map(|line| ["service", "user", "outcome", "source_address"].map(|name| text(&line[name])))
            .collect();
        let mut expected = Vec::new();
        for line in truth(&format!("auditd/audit-{form}.expected.jsonl")) {
            if line["kind"] == "attempt" {
                let outcome = text(&line["outcome"]).replace("invalid user", "failed");
                expected.push(["ssh".to_owned(), text(&line["user"]), outcome, text(&line["source"])]);
            } else if line["program"] == "su" {
                expected.push(["su".to_owned(), text(&line["as"]), text(&line["outcome"]), String::new()]);
            }
        }
        told.sort();
        expected.sort();
        assert_eq!(told, expected, "{form}");
        let unknown: Vec<&Value> = found.iter().filter(|line| line["invalid_user"] == json!(true)).collect();
        assert!(unknown.len() == 1 && unknown[0]["user"] == "admin", "{unknown:#?}");
        let su = found.iter().find(|line| line["service"] == "su").unwrap();
        let anna = if form == "raw" { "#" } else { "anna" };
        assert!(text(&su["by_user"]).starts_with(anna), "{su:#}");
        let open = found.iter().filter(|line| line["outcome"] == "accepted" && line["end"].is_null()).count();
        assert_eq!(open, 0);
    }
}

/// What `last` prints of a login: the account, the terminal, the address, the second, and that of its end.
fn printed(line: &str) -> [String; 5] {
    let words: Vec<&str> = line.split_whitespace().collect();
    let day = |word: &&str| ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(word);
    let begin = words.iter().position(&day).unwrap();
    let moment = |at: usize| {
        let text = words[at..at + 5].join(" ");
        jiff::civil::DateTime::strptime("%a %b %d %H:%M:%S %Y", text).unwrap().to_string()
    };
    let end = words.iter().skip(begin + 5).position(day).map(|at| moment(begin + 5 + at));
    let (user, [terminal, address]) = words[..begin].split_last_chunk().unwrap();
    let address = address.replace("0.0.0.0", "");
    [user.join(" "), terminal.to_string(), address, moment(begin), end.unwrap_or_default()]
}

#[test]
fn wtmp_and_btmp_are_what_last_and_lastb_print() {
    for (file, tool) in [("wtmp", "last"), ("btmp", "lastb")] {
        let path = recording(&format!("logins/{file}"));
        let mut texts = vec![fs::read(recording(&format!("logins/{tool}.txt"))).unwrap()];
        let live = std::process::Command::new(tool).args(["-F", "-i", "-w", "-f", &path]).env("TZ", "UTC").output();
        match live {
            Ok(output) if output.status.success() => texts.push(output.stdout),
            _ => common::skipped(&format!("{tool} does not run here; only what it printed when recorded is compared")),
        }
        let second = |text: &Value| text.as_str().map(|time| time[..19].to_owned()).unwrap_or_default();
        let found = logins(&[&path]);
        for bytes in texts {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let lines: Vec<[String; 5]> =
                text.lines().take_while(|line| !line.trim().is_empty()).map(printed).collect();
            assert_eq!(lines.len(), found.len(), "{tool}: {text}");
            for ([user, terminal, address, begin, end], login) in lines.into_iter().rev().zip(&found) {
                // It shows what is not plain in its own way.
                assert!(user == text_of(login, "user") || user.contains(['*', '?', '\\', '^']), "{user} {login:#}");
                let told = (text_of(login, "terminal"), text_of(login, "source_address"), second(&login["time"]));
                assert_eq!(told, (terminal, address, begin), "{tool}");
                assert!(tool == "lastb" || second(&login["end"]) == end, "{tool}: {end} {login:#}");
            }
        }
    }
}

fn text_of(login: &Value, name: &str) -> String {
    text(&login[name])
}
