//! What the recordings of the journal, of wtmp and its like, and of shell histories truly tell, the readers find.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use event::{Event, Everything, LogSource, Piece, Position, Time};
use evidence::{Format, History, JournalExport, JournalJson, Json, Output, Syslog, Utmp, login};
use serde_json::Value;

/// A record: when, of which channel and provider, where, and its fields; several values of a field stand one behind another.
#[derive(Clone, Debug)]
struct Kept {
    time: Option<Time>,
    source: (String, String, String),
    position: Position,
    fields: BTreeMap<String, String>,
}

impl Kept {
    fn of(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

fn record(event: &Event<'_>) -> Kept {
    let mut fields = BTreeMap::new();
    event
        .record
        .visit(&mut |name, value| fields.entry(name.to_owned()).or_insert_with(String::new).push_str(&value.text()));
    let LogSource { product, channel, provider, .. } = event.record.source();
    let source = (product.to_owned(), channel.to_owned(), provider.to_owned());
    Kept { time: event.time, source, position: event.record.position(), fields }
}

/// All formats that a hunt asks, in its order.
fn formats() -> Vec<Box<dyn Format>> {
    let mut formats: Vec<Box<dyn Format>> =
        vec![Box::new(JournalJson), Box::new(JournalExport), Box::new(Json), Box::new(Syslog::default())];
    formats.extend(Utmp::all().map(|utmp| Box::new(utmp) as Box<dyn Format>));
    formats.extend(History::ALL.map(|history| Box::new(history) as Box<dyn Format>));
    formats
}

/// Reads a recording, called by another name; gives the format that it was recognised as, too.
fn read_as(path: &str, name: &str) -> (&'static str, Vec<Kept>, Output) {
    let bytes = fs::read(recordings().join(path)).unwrap();
    let head = &bytes[..bytes.len().min(64 << 10)];
    let base = name.rsplit('/').next().unwrap();
    let format = formats().into_iter().find(|format| format.recognises(head, base)).unwrap();
    let (mut cutter, mut reader) = (format.cutter(), format.reader());
    let (mut records, mut output, mut input) = (Vec::new(), Output::default(), bytes.as_slice());
    let piece = Arc::new(Piece { path: name.to_owned() });
    let mut keep = Everything(|event: &Event<'_>| records.push(record(event)));
    while let Some(block) = cutter.cut(&mut input).unwrap() {
        reader.read(&piece, &block, &mut keep, &mut output);
    }
    assert_eq!(output.records, records.len() as u64, "{path}");
    assert_eq!(output.damages, [], "{path}");
    (format.name(), records, output)
}

fn read(path: &str) -> Vec<Kept> {
    read_as(path, path).1
}

fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/recordings")
}

/// The lines of a truth file but for the first, which says what was recorded.
fn truth(path: &str) -> Vec<Value> {
    let text = fs::read_to_string(recordings().join(path)).unwrap();
    text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The journal's forms give the same records as the text that `journalctl` prints of the same entries.
#[test]
fn the_journal_is_what_journalctl_prints() {
    for (form, others, count) in [
        (
            "journal/journal.short-iso-precise.txt",
            ["journal.json.txt", "journal.json-seq.txt", "journal.export.txt"],
            60,
        ),
        (
            "kernel/promiscuous.journal-short.txt",
            [
                "../kernel/promiscuous.journal-json.txt",
                "../kernel/promiscuous.journal-export.txt",
                "../kernel/promiscuous.journal-json.txt",
            ],
            2,
        ),
    ] {
        let text = read(form);
        assert!(text.len() >= count, "{}", text.len());
        for other in others {
            let (format, records, _) = read_as(&format!("journal/{other}"), "x");
            assert!(format.starts_with("journal"), "{format}");
            assert_eq!(records.len(), text.len(), "{other}");
            for (line, entry) in text.iter().zip(&records) {
                compare(line, entry);
                if form.contains("precise") {
                    assert_eq!(line.time, entry.time, "{entry:?}");
                }
            }
        }
    }
}

/// All that a line tells, the entry tells, too.
fn compare(line: &Kept, entry: &Kept) {
    assert_eq!(line.source, entry.source);
    let blob = line.of("message").contains("blob data]");
    for (name, value) in &line.fields {
        let found = entry.of(name);
        match name.as_str() {
            // journalctl indents further lines, and does not print what is not printable or too long.
            "message" if blob || value.len() > 2000 => {}
            "message" => assert_eq!(found.lines().next(), value.lines().next(), "{entry:?}"),
            _ => assert_eq!(found, value, "{name} of {entry:?}"),
        }
    }
}

#[test]
fn both_ways_to_write_the_journal_agree() {
    let (json, export) = (read("journal/journal.json.txt"), read("journal/journal.export.txt"));
    let mut left_out = 0;
    for (mut json, mut export) in json.into_iter().zip(export) {
        assert_eq!((json.time, &json.source), (export.time, &export.source));
        // Over 4096 bytes with its name: null in JSON.
        let is_left_out = |(name, value): &(&String, &String)| value.len() > 4080 && json.of(name).is_empty();
        let long: Vec<String> = export.fields.iter().filter(is_left_out).map(|(name, _)| name.clone()).collect();
        long.iter().for_each(|name| drop(export.fields.remove(name)));
        left_out += long.len();
        json.fields.retain(|_, value| !value.is_empty());
        assert_eq!(json.fields, export.fields);
    }
    assert_eq!(left_out, 2);
}

/// Every try to log in that the truth has, and no other.
#[test]
fn the_journal_tells_of_every_login() {
    for form in ["journal.json.txt", "journal.json-seq.txt", "journal.export.txt", "journal.short-iso-precise.txt"] {
        let records = read(&format!("journal/{form}"));
        let mut found: Vec<_> = records
            .iter()
            .filter(|entry| entry.of("program") == "sshd")
            .filter_map(|entry| {
                let login = login(entry.of("host"), entry.of("message"))?;
                let told = (login.port.unwrap(), login.method.to_string(), login.outcome.as_str().to_owned());
                assert_eq!(entry.of("outcome"), told.2);
                (login.method != "none").then_some(told)
            })
            .collect();
        let attempts = truth("journal/journal.expected.jsonl");
        let mut expected: Vec<_> = attempts
            .iter()
            .filter(|line| line["kind"] == "attempt" && line["told_at"] != "never")
            .map(|line| {
                let outcome = line["outcome"].as_str().unwrap().replace("invalid user", "failed");
                (
                    line["port"].as_u64().unwrap().try_into().unwrap(),
                    line["method"].as_str().unwrap().to_owned(),
                    outcome,
                )
            })
            .collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{form}");
        assert!(expected.len() >= 9);
    }
}

/// The columns of a line of `utmpdump`.
fn dumped(line: &str) -> Vec<String> {
    let inside = line.trim().strip_prefix('[').unwrap().strip_suffix(']').unwrap();
    inside.split("] [").map(|column| column.trim().to_owned()).collect()
}

#[test]
fn wtmp_and_btmp_are_what_utmpdump_prints() {
    const TYPES: [&str; 9] = ["", "", "", "", "", "", "LOGIN_PROCESS", "USER_PROCESS", "DEAD_PROCESS"];
    for (file, dump) in [("wtmp", "utmpdump.txt"), ("btmp", "utmpdump-btmp.txt")] {
        let (format, records, output) = read_as(&format!("logins/{file}"), file);
        assert_eq!(format, file);
        let text = fs::read(recordings().join("logins").join(dump)).unwrap();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<Vec<String>> = text.lines().map(dumped).collect();
        assert_eq!(lines.len(), records.len());
        for (line, record) in lines.iter().zip(&records) {
            let [kind, pid, id, user, terminal, host, address, time] = line.as_slice() else { panic!("{line:?}") };
            assert_eq!(record.of("type"), TYPES[kind.parse::<usize>().unwrap()]);
            assert_eq!(record.of("pid").parse::<u32>().unwrap(), pid.parse::<u32>().unwrap());
            assert_eq!(
                (record.of("id"), record.of("terminal"), record.of("source_host")),
                (&**id, &**terminal, &**host)
            );
            // utmpdump writes `?` for bytes that it does not print.
            assert!(record.of("user") == user || user.contains('?'), "{record:?}");
            assert_eq!(record.of("source_address"), address.replace("0.0.0.0", ""));
            assert_eq!(record.time, Time::parse(&time.replace(',', ".")));
        }
        assert_eq!(output.runs.iter().map(|run| run.last - run.first + 1).sum::<u64>(), records.len() as u64);
    }
}

#[test]
fn logins_are_those_that_were() {
    let truth = truth("logins/logins.expected.jsonl");
    let sum = |name: &str| truth.iter().filter_map(|line| line[name].as_u64()).sum::<u64>();
    let of = |file: &str, outcome: &str| {
        let records = read(&format!("logins/{file}"));
        records.into_iter().filter(|record| record.of("action") == "login" && record.of("outcome") == outcome).count()
            as u64
    };
    let by_login = |outcome: &str| {
        truth
            .iter()
            .filter(|line| line["program"] == "login" && (line["outcome"] == "accepted") == (outcome == "accepted"))
            .count() as u64
    };
    let in_wtmp = truth.iter().filter(|line| line["in_wtmp"] == true).count() as u64;
    assert_eq!(of("wtmp", "accepted"), in_wtmp + by_login("accepted"));
    assert_eq!(of("btmp", "failed"), sum("in_btmp") + by_login("failed"));
    assert_eq!(read_as("logins/utmp", "utmp").0, "utmp");

    let (format, records, _) = read_as("logins/lastlog", "renamed");
    assert_eq!(format, "lastlog");
    let printed = fs::read_to_string(recordings().join("logins/lastlog.txt")).unwrap();
    let printed: Vec<&str> = printed.lines().filter(|line| line.contains("2026")).collect();
    assert_eq!(records.len(), printed.len());
    for (record, line) in records.iter().zip(printed) {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(record.of("terminal"), words[1]);
        assert!(record.of("source_host").is_empty() || record.of("source_host") == words[2], "{line}");
        assert!(line.contains(&record.time.unwrap().to_string()[11..19]), "{line}");
        assert_eq!(record.of("uid"), record.position.number().to_string());
    }
}

#[test]
fn every_command_of_a_history_is_found_with_its_time() {
    let histories = [
        ("bash-timestamps", "home/eve/.bash_history", "bash"),
        ("bash-multiline", "home/eve/.bash_history", "bash"),
        ("bash-plain", "home/eve/.bash_history", "bash"),
        ("zsh-extended", "home/eve/.history", "zsh"),
        ("zsh-plain", "home/eve/.zsh_history", "zsh"),
        ("fish", "home/eve/.local/share/fish/fish_history", "fish"),
    ];
    for (name, called, shell) in histories {
        let (format, records, output) = read_as(&format!("history/{name}.history"), called);
        assert_eq!(format, "history");
        let has_other_bytes = output.notes.iter().any(|note| note.contains("UTF-8"));
        assert_eq!(has_other_bytes, name != "fish", "{:?}", output.notes);
        let expected = truth(&format!("history/{name}.expected.jsonl"));
        let timed = !name.ends_with("plain");
        let commands: Vec<String> = expected.iter().map(|line| kept(line, name)).collect();
        let found: Vec<&str> = records.iter().map(|record| record.of("command")).collect();
        match name {
            // A command of two lines is two there.
            "bash-plain" => assert_eq!(found.join("\n"), commands.join("\n")),
            _ => assert_eq!(found, commands, "{name}"),
        }
        for record in &records {
            assert_eq!(record.source, ("linux".to_owned(), "shell_history".to_owned(), shell.to_owned()));
            assert_eq!((record.of("user"), record.time.is_some()), ("eve", timed), "{name}");
        }
        for (record, line) in records.iter().zip(&expected).filter(|_| timed) {
            let late = line["typed"].as_f64().unwrap() - record.time.unwrap().as_nanos() as f64 / 1e9;
            assert!(late.abs() < 1.5, "{name}: {late} {record:?}");
        }
    }
}

/// What the shell keeps of a command that was typed.
fn kept(line: &Value, name: &str) -> String {
    let command = match line["command_hex"].as_str() {
        Some(hex) => {
            let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            String::from_utf8_lossy(&(0..hex.len()).step_by(2).map(byte).collect::<Vec<u8>>()).into_owned()
        }
        None => line["command"].as_str().unwrap().to_owned(),
    };
    // bash joins such lines, and without lithist puts compound commands on one line.
    let command = if name.starts_with("bash") { command.replace("\\\n", "") } else { command };
    match name {
        "bash-timestamps" | "bash-plain" => command.replace("do\n  echo $i\ndone", "do   echo $i; done"),
        _ => command,
    }
}
