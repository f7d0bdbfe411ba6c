//! What the recordings of real audit logs truly tell, the reader finds: every program with its arguments, every login, sudo, su, change of an
//! account and connection; every line of recordings and corpus is read; and it gives the fields that SigmaHQ's rules ask for.
//!
//! The corpus (`../shared/corpus` beside the project) may be absent; its tests then say so and pass.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that panics has failed")]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use common::corpus;
use event::{Event, Everything, LogSource, Piece, Time};
use evidence::{Auditd, Format, Output};
use serde_json::Value;

/// The values of an event's fields, by name.
type Fields = BTreeMap<String, Vec<String>>;

fn kept(event: &Event<'_>) -> (Time, Fields) {
    let LogSource { product, channel, event_id, .. } = event.record.source();
    assert_eq!((product, channel, event_id), ("linux", "auditd", 0));
    let mut fields = Fields::new();
    event.record.visit(&mut |name, value| fields.entry(name.to_owned()).or_default().push(value.text().into_owned()));
    (event.time.unwrap(), fields)
}

fn read_bytes(bytes: &[u8]) -> (Vec<(Time, Fields)>, Output) {
    assert!(Auditd.recognises(&bytes[..bytes.len().min(64 << 10)], ""));
    let (mut events, mut output) = (Vec::new(), Output::default());
    let (mut cutter, mut reader, mut input) = (Auditd.cutter(), Auditd.reader(), bytes);
    let piece = Arc::new(Piece { path: String::new() });
    let mut keep = Everything(|event: &Event<'_>| events.push(kept(event)));
    while let Some(block) = cutter.cut(&mut input).unwrap() {
        reader.read(&piece, &block, &mut keep, &mut output);
    }
    (events, output)
}

/// Reads a file of which every line must be a record.
fn read(path: &Path) -> Vec<(Time, Fields)> {
    let bytes = fs::read(path).unwrap();
    let (events, output) = read_bytes(&bytes);
    assert_eq!((output.damages, output.notes), (vec![], vec![]), "{}", path.display());
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
    assert_eq!(output.records, lines as u64, "{}", path.display());
    events
}

fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/recordings/auditd").join(name)
}

/// A moment that a line of the truth encloses, with some leeway for the clocks, and events of that time that have these values.
struct Events<'a> {
    events: &'a [(Time, Fields)],
    truth: &'a Value,
}

impl Events<'_> {
    fn having(&self, wanted: &[(&str, &str)]) -> usize {
        let nanos = |name: &str| (self.truth[name].as_f64().unwrap() * 1e9) as i64;
        let (begun, ended) = (nanos("begun") - 50_000_000, nanos("ended") + 50_000_000);
        let has = |fields: &Fields| {
            wanted
                .iter()
                .all(|(name, value)| fields.get(*name).is_some_and(|values| values.iter().any(|other| other == value)))
        };
        self.events.iter().filter(|(time, fields)| (begun..=ended).contains(&time.as_nanos()) && has(fields)).count()
    }
}

/// Programs that a command given to ssh starts, beside the shell, with their arguments.
fn programs(command: &str) -> Vec<Vec<String>> {
    let args: &[&[&str]] = match command {
        "id -un" => &[&["id", "-un"]],
        "cat /etc/shadow" => &[&["cat", "/etc/shadow"]],
        "curl -s -o /dev/null http://127.0.0.1:9/x.sh" => {
            &[&["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:9/x.sh"]]
        }
        "curl -s -o /dev/null 'http://[::1]:9/'" => &[&["curl", "-s", "-o", "/dev/null", "http://[::1]:9/"]],
        "sh -c 'echo a; echo b'" => &[&["sh", "-c", "echo a; echo b"]],
        "touch '/tmp/a file' && rm '/tmp/a file'" => &[&["touch", "/tmp/a file"], &["rm", "/tmp/a file"]],
        _ => &[],
    };
    args.iter().map(|list| list.iter().map(|arg| (*arg).to_owned()).collect()).collect()
}

fn attempt(events: &Events<'_>, truth: &Value) {
    let of = |name: &str| truth[name].as_str().unwrap();
    let (user, source) = (of("user"), of("source"));
    let sshd = |kind, user, result| {
        events.having(&[("type", kind), ("acct", user), ("addr", source), ("exe", "/usr/sbin/sshd"), ("res", result)])
    };
    match of("outcome") {
        "accepted" => {
            assert_eq!((sshd("USER_ACCT", user, "success"), sshd("USER_START", user, "success")), (1, 1), "{truth}");
            let command = truth["session"]["command"].as_str().unwrap();
            let shell = [("type", "EXECVE"), ("exe", "/usr/bin/bash"), ("a0", "bash"), ("a1", "-c"), ("a2", command)];
            // The audit rules concern the user deploy alone.
            assert_eq!(events.having(&shell), usize::from(user == "deploy"), "{truth}");
            for arguments in programs(command) {
                let names: Vec<String> = (0..arguments.len()).map(|number| format!("a{number}")).collect();
                let line = arguments.join(" ");
                let mut wanted: Vec<(&str, &str)> =
                    names.iter().map(String::as_str).zip(arguments.iter().map(String::as_str)).collect();
                wanted.extend([
                    ("command_line", &*line),
                    ("SYSCALL", "execve"),
                    ("ARCH", "x86_64"),
                    ("cwd", "/home/deploy"),
                    ("key", "run"),
                ]);
                assert_eq!(events.having(&wanted), 1, "{wanted:?}");
            }
            for (part, address) in [("127.0.0.1:9", "127.0.0.1"), ("[::1]:9", "::1")] {
                if command.contains(part) {
                    let wanted = [
                        ("destination_address", address),
                        ("destination_port", "9"),
                        ("SYSCALL", "connect"),
                        ("exe", "/usr/bin/curl"),
                    ];
                    assert_eq!(events.having(&wanted), 1, "{truth}");
                }
            }
        }
        "failed" => {
            assert_eq!((sshd("USER_LOGIN", user, "failed"), sshd("USER_AUTH", user, "failed")), (1, 1), "{truth}")
        }
        _ => {
            assert!(sshd("USER_LOGIN", "(invalid user)", "failed") >= 1, "{truth}");
            assert_eq!(sshd("USER_AUTH", user, "failed"), 1, "{truth}");
        }
    }
}

fn action(events: &Events<'_>, truth: &Value) {
    let of = |name: &str| truth[name].as_str().unwrap_or_default();
    let count = |wanted: &[(&str, &str)]| events.having(wanted);
    match (of("program"), of("outcome"), of("action")) {
        ("sudo", "allowed", _) => {
            let command = of("command").strip_prefix("/usr/bin/").unwrap();
            assert_eq!(
                count(&[("type", "USER_CMD"), ("cmd", command), ("terminal", of("tty")), ("res", "success")]),
                1,
                "{truth}"
            );
            assert_eq!(count(&[("type", "USER_START"), ("acct", of("as")), ("exe", "/usr/bin/sudo")]), 1, "{truth}");
        }
        ("sudo", ..) => {
            let failed =
                count(&[("type", "USER_AUTH"), ("acct", of("user")), ("exe", "/usr/bin/sudo"), ("res", "failed")]);
            assert_eq!(failed as u64, truth["tries"].as_u64().unwrap(), "{truth}");
            assert_eq!(count(&[("type", "USER_CMD"), ("cmd", "id"), ("res", "failed")]), 1, "{truth}");
        }
        ("su", ..) => assert_eq!(
            count(&[("type", "USER_AUTH"), ("acct", of("as")), ("exe", "/usr/bin/su"), ("res", "failed")]),
            1,
            "{truth}"
        ),
        ("useradd", ..) => {
            let id = truth["uid"].to_string();
            assert_eq!(
                count(&[("type", "ADD_USER"), ("op", "adding user"), ("id", &id), ("exe", "/usr/sbin/useradd")]),
                1,
                "{truth}"
            );
        }
        ("chpasswd", ..) => assert_eq!(
            count(&[("type", "USER_CHAUTHTOK"), ("op", "PAM:chauthtok"), ("acct", of("user"))]),
            1,
            "{truth}"
        ),
        ("usermod", ..) => assert_eq!(
            count(&[("type", "USER_CHAUTHTOK"), ("op", "adding user to group"), ("acct", of("user"))]),
            1,
            "{truth}"
        ),
        ("userdel", ..) => assert_eq!(
            count(&[("type", "DEL_USER"), ("op", "deleting user entries"), ("exe", "/usr/sbin/userdel")]),
            1,
            "{truth}"
        ),
        other => panic!("{other:?} is not looked for"),
    }
}

#[test]
fn what_was_done_is_found_raw_and_enriched() {
    for name in ["audit-raw", "audit-enriched"] {
        let events = read(&recording(&format!("{name}.log")));
        let truth = fs::read_to_string(recording(&format!("{name}.expected.jsonl"))).unwrap();
        let truth: Vec<Value> = truth.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of_kind =
            |kind: &str| events.iter().filter(|(_, fields)| fields["type"].contains(&kind.to_owned())).count();
        assert_eq!((of_kind("EXECVE"), of_kind("PROCTITLE")), (16, 41), "{name}");
        for line in truth.iter().filter(|line| line["kind"] != "recording") {
            let events = Events { events: &events, truth: line };
            if line["kind"] == "attempt" { attempt(&events, line) } else { action(&events, line) }
        }
        for (key, path) in [("refused", "/etc/shadow"), ("remove", "/tmp/a file")] {
            let has = |fields: &Fields, name: &str, value: &str| {
                fields.get(name).is_some_and(|all| all.contains(&value.to_owned()))
            };
            let found = events.iter().filter(|(_, fields)| has(fields, "key", key) && has(fields, "name", path));
            assert_eq!(found.count(), 1, "{name}: {path}");
        }
    }
}

fn logs(folder: &Path) -> Vec<PathBuf> {
    let mut logs: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs
}

#[test]
fn every_line_of_the_corpus_is_read() {
    let Some(crowdsec) = corpus("crowdsec") else { return };
    for folder in ["auditd-base64-exec", "auditd-logs", "auditd-suid-crash", "laurel-base64-exec", "laurel-suid-crash"]
    {
        for log in logs(&crowdsec.join(folder)) {
            let events = read(&log);
            assert!(!events.is_empty());
            for (_, fields) in events {
                let is_call = fields["type"].contains(&"SYSCALL".to_owned());
                assert!(!is_call || fields["SYSCALL"] == ["execve"] && !fields["exe"].is_empty(), "{fields:?}");
                // No value holds what belongs to the next.
                assert!(fields.values().flatten().all(|value| !value.contains("UID=")), "{fields:?}");
            }
        }
    }
}

/// The names of fields in a rule's detection.
fn asked_for(rule: &str) -> BTreeSet<String> {
    let detection = rule.split("\ndetection:").nth(1).unwrap().split("\ncondition:").next().unwrap();
    let name = |line: &str| {
        let (name, _) = line.trim_start_matches([' ', '-']).split_once(':')?;
        let depth = line.len() - line.trim_start().len();
        let is_name = depth >= 8 && !name.contains([' ', '\'', '/', '#']) && !name.starts_with('|');
        is_name.then(|| name.split('|').next().unwrap_or_default().to_owned())
    };
    detection.lines().filter_map(name).filter(|name| !name.is_empty()).collect()
}

#[test]
fn the_reader_gives_what_the_rules_of_sigmahq_ask_for() {
    let Some(sigma) = corpus("sigma") else { return };
    let arguments: String = (0..20).map(|number| format!(" a{number}=\"x\"")).collect();
    // Lines as auditd's documentation has them, for what the recordings lack.
    let more = format!(
        "type=SERVICE_STOP msg=audit(1.0:1): pid=1 uid=0 msg='unit=ufw comm=\"systemd\" exe=\"/usr/lib/systemd/systemd\" res=success'\n\
         type=EXECVE msg=audit(1.0:2): argc=20{arguments}\n"
    );
    let mut given: BTreeSet<String> = BTreeSet::new();
    let mut give =
        |events: Vec<(Time, Fields)>| events.into_iter().for_each(|(_, fields)| given.extend(fields.into_keys()));
    give(read_bytes(more.as_bytes()).0);
    give(read(&recording("audit-raw.log")));
    let mut folders = vec![sigma.join("rules/linux/auditd")];
    let (mut rules, mut missing) = (0, BTreeSet::new());
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            rules += 1;
            let asked = asked_for(&fs::read_to_string(&path).unwrap());
            missing.extend(asked.into_iter().filter(|name| !given.contains(name)));
        }
    }
    assert!(rules >= 53, "{rules}");
    assert_eq!(missing, BTreeSet::new());
}
