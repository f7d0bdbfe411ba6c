//! What the recordings of real logs truly tell, the reader finds: every try to log in over SSH with all that belongs to it, no
//! login that was none; and every line of recordings and of the corpus is a record.
//!
//! The corpus (`../shared/corpus` beside the project) may be absent; its tests then say so and pass.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use common::corpus;
use event::{Class, Damage, Detector, Encoding, Event, Interest, LogSource, Login, Piece, Seen, TextGroup, Time};
use evidence::{Clock, Format, Output, SshdErrors, Syslog, login};
use serde_json::Value;

/// Fields of a record, by name.
type Fields = BTreeMap<String, String>;

/// Keeps all records it is shown.
#[derive(Default)]
struct Keeper {
    records: Vec<(Option<Time>, Fields)>,
    /// What it asks for; nothing else is in `records`.
    wanted: Vec<String>,
}

impl Detector for Keeper {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        assert_eq!((source.product, source.channel, source.event_id), ("linux", "syslog", 0));
        Class(0)
    }

    fn interest(&self, _class: Class) -> Arc<Interest> {
        Arc::new(Interest { wanted: true, fields: self.wanted.clone(), ..Interest::default() })
    }

    fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
        false
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        let mut whole = Fields::new();
        event.record.visit(&mut |name, value| {
            let before = whole.insert(name.to_owned(), value.text().into_owned());
            assert_eq!(before, None, "{name} is there twice: {whole:?}");
        });
        let named = |(slot, value): &(u16, event::Value<'_>)| {
            (self.wanted[usize::from(*slot)].clone(), value.text().into_owned())
        };
        let decoded: Fields = event.fields.iter().map(named).collect();
        let expected: Fields =
            whole.iter().filter(|(name, _)| self.wanted.contains(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
        assert_eq!(decoded, expected, "what was asked for is what a whole record has");
        self.records.push((event.time, whole));
    }
}

/// Reads a file, in one piece; everything is told that is not a record.
fn read(path: &Path) -> (Keeper, Output) {
    read_as(&Syslog::until(Time::parse("2026-11-23T00:00:00Z").unwrap()), path)
}

fn read_as(format: &dyn Format, path: &Path) -> (Keeper, Output) {
    let bytes = fs::read(path).unwrap();
    let head = &bytes[..bytes.len().min(64 << 10)];
    assert!(format.recognises(head, ""), "{} is not recognised", path.display());
    let names = ["message", "host", "program", "user", "source_address", "source_port", "outcome", "key_fingerprint"];
    let mut keeper = Keeper { wanted: names.map(str::to_owned).to_vec(), ..Keeper::default() };
    let (mut cutter, mut reader, mut output) = (format.cutter(), format.reader(), Output::default());
    let piece = Arc::new(Piece { path: path.display().to_string() });
    let mut input = bytes.as_slice();
    while let Some(block) = cutter.cut(&mut input).unwrap() {
        reader.read(&piece, &block, &mut keeper, &mut output);
    }
    (keeper, output)
}

fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/recordings")
}

/// All files under a folder, in order.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// A try to log in, in words that both the truth and the log have.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Try {
    source: String,
    port: u64,
    user: String,
    method: String,
    outcome: String,
    key: (String, String),
    certificate: Option<(String, u64, String, String)>,
}

fn told(login: &Login<'_>) -> Try {
    Try {
        source: login.source.to_string(),
        port: login.port.unwrap().into(),
        user: login.user.to_string(),
        method: login.method.to_string(),
        outcome: login.outcome.as_str().to_owned(),
        key: login.key.as_ref().map(|key| (key.kind.to_string(), key.fingerprint.to_string())).unwrap_or_default(),
        certificate: login.certificate.as_ref().map(|certificate| {
            let (kind, authority) = (certificate.authority_kind.to_string(), certificate.authority.to_string());
            (certificate.id.to_string(), certificate.serial, kind, authority)
        }),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What truly happened, of one line of a truth file.
fn truth(line: &Value) -> Try {
    let hex = text(&line["user_hex"]);
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let user = if hex.is_empty() { text(&line["user"]) } else { String::from_utf8_lossy(&bytes).into_owned() };
    let certificate = &line["certificate"];
    let of = |name: &str| text(&certificate[name]);
    Try {
        source: text(&line["source"]),
        port: line["port"].as_u64().unwrap(),
        // What is behind a colon is no name but a style (auth2.c); and names are cut (auth.c, auth_log: `%.100s`).
        user: user.split(':').next().unwrap().chars().take(100).collect(),
        method: text(&line["method"]),
        outcome: text(&line["outcome"]).replace("invalid user", "failed"),
        key: (text(&line["key_type"]), text(&line["key_fingerprint"])),
        certificate: certificate
            .is_object()
            .then(|| (of("id"), certificate["serial"].as_u64().unwrap(), of("ca_key_type"), of("ca_fingerprint"))),
    }
}

/// How often each try was made, as far as a log of this level tells; and whether it was made with an unknown account.
fn expected(path: &Path) -> BTreeMap<Try, i64> {
    let lines: Vec<Value> =
        fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let level = lines[0]["log_level"].as_str().unwrap();
    let mut tries = BTreeMap::new();
    for line in lines.iter().filter(|line| line["kind"] == "attempt") {
        let told = line["told_at"] == "INFO" || line["told_at"] == "VERBOSE" && level != "INFO";
        if told {
            *tries.entry(truth(line)).or_default() += 1;
        }
    }
    tries
}

fn logins(keeper: &Keeper) -> BTreeMap<Try, i64> {
    let mut found = BTreeMap::new();
    for (_, fields) in &keeper.records {
        let of = |name: &str| fields.get(name).map_or("", String::as_str);
        if !of("program").starts_with("sshd") {
            continue;
        }
        let login = login(of("host"), of("message"));
        let tells = of("action") == "login";
        assert_eq!(login.is_some(), tells, "{fields:?}");
        let Some(login) = login else { continue };
        assert_eq!(login.host, "web01");
        assert_eq!(
            (&*login.user, &*login.source, &*login.method, login.outcome.as_str()),
            (of("user"), of("source_address"), of("method"), of("outcome"))
        );
        *found.entry(told(&login)).or_default() += i64::try_from(login.times).unwrap();
    }
    found
}

#[test]
fn every_try_that_sshd_tells_of_is_found_and_no_other() {
    let mut paths = Vec::new();
    files(&recordings().join("sshd"), &mut paths);
    let (mut logs, mut tries) = (0, 0);
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "log")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name == "stderr.log" {
            continue; // sshd -e: no syslog
        }
        let stem = name.strip_suffix(".log").unwrap();
        let stem = ["iso", "rfc3164", "rfc5424"].iter().fold(stem, |stem, form| stem.trim_end_matches(form));
        let truth = path.with_file_name(format!("{}.expected.jsonl", stem.trim_end_matches('.')));
        let (keeper, output) = read(path);
        assert_eq!(output.damages, [], "{}", path.display());
        assert_eq!(output.records, fs::read_to_string(path).unwrap().lines().count() as u64, "{}", path.display());
        let (expected, found) = (expected(&truth), logins(&keeper));
        for (attempt, times) in &expected {
            let of_it = found.get(attempt).copied().unwrap_or_default();
            assert_eq!(of_it, *times, "{}: {attempt:#?}", path.display());
        }
        // Every client begins with the request `none`; the truth has those that came to nothing else.
        for attempt in found.keys().filter(|attempt| (&*attempt.method, &*attempt.outcome) != ("none", "failed")) {
            assert!(expected.contains_key(attempt), "{}: nobody did {attempt:#?}", path.display());
        }
        logs += 1;
        tries += expected.values().sum::<i64>();
    }
    eprintln!("{logs} logs, {tries} tries");
    assert!(logs >= 16 && tries >= 998, "{logs} logs, {tries} tries");
}

/// Lines of `sshd -e` have no header; their words are the same.
#[test]
fn what_sshd_writes_to_its_terminal_is_understood() {
    let folder = recordings().join("sshd/openssh-9.2");
    let (keeper, output) = read_as(&SshdErrors::default(), &folder.join("stderr.log"));
    assert_eq!((output.damages.len(), output.notes.len()), (0, 1), "{:?}", output.notes);
    let mut found: BTreeMap<Try, i64> = BTreeMap::new();
    for (time, fields) in &keeper.records {
        assert_eq!((time, fields.get("host")), (&None, None));
        if let Some(login) = login("", &fields["message"]) {
            *found.entry(told(&login)).or_default() += 1;
        }
    }
    for (attempt, times) in expected(&folder.join("stderr.expected.jsonl")) {
        // A newline in a name is not escaped there and ends the line.
        if !attempt.user.contains('\n') {
            let known = found.get(&Try { user: attempt.user.clone(), ..attempt.clone() }).copied().unwrap_or_default();
            assert!(known >= times, "{attempt:#?}");
        }
    }
    // Nothing else is taken for it.
    let mut others = Vec::new();
    files(&recordings(), &mut others);
    for path in others.iter().filter(|path| path.file_name().unwrap() != "stderr.log") {
        assert!(!SshdErrors::default().recognises(&fs::read(path).unwrap(), ""), "{}", path.display());
    }
}

/// The same messages in three forms give the same records.
#[test]
fn forms_of_the_same_messages_agree() {
    let mut paths = Vec::new();
    files(&recordings(), &mut paths);
    let mut compared = 0;
    for path in paths.iter().filter(|path| path.to_str().unwrap().ends_with(".rfc5424.log")) {
        let other = |form: &str| PathBuf::from(path.to_str().unwrap().replace("rfc5424", form));
        let of = |path: &Path| {
            let (keeper, output) = read(path);
            assert_eq!(output.damages, [], "{}", path.display());
            let bare = |(_, mut fields): (_, Fields)| {
                ["facility", "severity"].iter().for_each(|name| drop(fields.remove(*name)));
                fields
            };
            keeper.records.into_iter().map(bare).collect::<Vec<_>>()
        };
        let records = of(path);
        assert_eq!(records, of(&other("iso")), "{}", path.display());
        assert_eq!(records, of(&other("rfc3164")), "{}", path.display());
        compared += 1;
    }
    assert!(compared >= 8, "{compared}");
}

/// Years and times: what a form without years gives is what the form with them says.
#[test]
fn years_that_are_not_in_the_log_are_found() {
    let (with, _) = read(&recordings().join("pam/newyear.iso.log"));
    let (without, output) = read(&recordings().join("pam/newyear.rfc3164.log"));
    let minutes = |keeper: &Keeper| -> Vec<i64> {
        keeper.records.iter().map(|(time, _)| time.unwrap().as_nanos() / 60_000_000_000).collect()
    };
    // The machine was in Berlin, one or two hours ahead.
    for (utc, local) in minutes(&with).into_iter().zip(minutes(&without)) {
        assert!([60, 120].contains(&(local - utc)), "{utc} {local}");
    }
    assert_eq!(output.notes.len(), 2, "{:?}", output.notes);

    // The clock showed 02:29 and 02:30 of 27 October twice; it was the second time, the rule says the first.
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let clock = Clock { year: Some(2025), zone: Some(("Europe/Berlin".into(), zone)), ..Clock::default() };
    let (in_berlin, output) = read_as(&Syslog::new(clock), &recordings().join("pam/newyear.rfc3164.log"));
    let apart: Vec<i64> = minutes(&with).into_iter().zip(minutes(&in_berlin)).map(|(utc, found)| utc - found).collect();
    assert_eq!(apart, [&[0; 10][..], &[60; 4], &[0; 4]].concat());
    assert!(output.notes[0].contains("--year") && output.notes[1].contains("Europe/Berlin"), "{:?}", output.notes);
}

/// Who became whom, who changed which account, which command cron ran.
#[test]
fn sudo_su_accounts_and_cron_are_understood() {
    let folder = recordings();
    let records = |name: &str| read(&folder.join(name)).0.records;
    let has = |records: &[(Option<Time>, Fields)], wanted: &[(&str, &str)]| {
        let count = records.iter().filter(|(_, fields)| {
            wanted.iter().all(|(name, value)| fields.get(*name).map_or("", String::as_str) == *value)
        });
        count.count()
    };
    let sudo = records("sudo/sudo.iso.log");
    let of_sudo = |more: &[(&str, &str)]| has(&sudo, &[&[("action", "sudo")], more].concat());
    let id = ("command", "/usr/bin/id");
    assert_eq!(of_sudo(&[("user", "anna"), ("run_as_user", "root"), id, ("working_directory", "/home/anna")]), 1);
    assert_eq!(of_sudo(&[("user", "intern"), ("outcome", "failed"), ("reason", "user NOT in sudoers"), id]), 1);
    assert_eq!(of_sudo(&[("user", "deploy"), ("outcome", "failed"), ("reason", "command not allowed"), id]), 1);
    assert_eq!(of_sudo(&[("user", "anna"), ("outcome", "failed"), ("reason", "3 incorrect password attempts")]), 1);
    assert_eq!(
        of_sudo(&[("user", "deploy"), ("outcome", "accepted"), ("run_as_user", "www-data"), ("terminal", "")]),
        1
    );
    assert_eq!(of_sudo(&[("command", "/bin/forged")]), 0);
    let truth = fs::read_to_string(folder.join("sudo/sudo.expected.jsonl")).unwrap();
    let commands = truth.lines().map(|line| text(&serde_json::from_str::<Value>(line).unwrap()["command"]));
    let long = commands.max_by_key(String::len).unwrap();
    assert!(long.len() > 3000);
    assert_eq!(of_sudo(&[("user", "anna"), ("command", &long)]), 1);
    assert_eq!(has(&sudo, &[("action", "sudo_continued")]), 0);
    let su = records("pam/su-login.iso.log");
    assert_eq!(has(&su, &[("action", "su"), ("user", "anna"), ("run_as_user", "root"), ("outcome", "accepted")]), 1);
    assert_eq!(has(&su, &[("action", "su"), ("user", "anna"), ("run_as_user", "root"), ("outcome", "failed")]), 1);
    assert_eq!(has(&su, &[("action", "login"), ("user", "anna"), ("outcome", "failed")]), 1);
    let accounts = records("pam/accounts.rfc3164.log");
    assert_eq!(has(&accounts, &[("action", "user_added"), ("user", "toor"), ("uid", "0")]), 1);
    assert!(has(&accounts, &[("action", "group_member_added"), ("user", "webcare"), ("group", "sudo")]) >= 1);
    assert!(has(&accounts, &[("action", "password_changed"), ("user", "anna")]) >= 1);
    let cron = records("cron/cron-all.rfc5424.log");
    assert_eq!(has(&cron, &[("action", "cron_command"), ("user", "www-data")]), 1);
    let kernel = records("kernel/promiscuous.iso.log");
    assert!(has(&kernel, &[("action", "promiscuous_mode_entered"), ("interface", "eth0")]) >= 1);
}

/// What `journalctl` prints.
#[test]
fn forms_of_journalctl_agree() {
    let folder = recordings().join("journal");
    let of = |name: &str| {
        let (keeper, output) = read(&folder.join(name));
        assert_eq!(output.damages, [], "{name}");
        keeper.records
    };
    let messages = |records: &[(Option<Time>, Fields)]| -> Vec<Fields> {
        let one_line = |(_, fields): &(_, Fields)| {
            // Further lines are indented by the width of what stands before the first.
            let line =
                |(name, value): (&String, &String)| (name.clone(), value.lines().next().unwrap_or("").to_owned());
            fields.iter().map(line).collect::<Fields>()
        };
        records.iter().map(one_line).collect()
    };
    let first = of("journal.short.txt");
    assert!(first.len() > 20);
    for name in [
        "journal.short-iso.txt",
        "journal.short-iso-precise.txt",
        "journal.short-precise.txt",
        "journal.short-full.txt",
        "journal.short-full.berlin.txt",
        "journal.short-unix.txt",
        "journal.short-monotonic.txt",
    ] {
        let other = of(name);
        assert_eq!(messages(&first), messages(&other), "{name}");
        if !name.contains("monotonic") {
            let seconds = |records: &[(Option<Time>, Fields)]| -> Vec<i64> {
                records.iter().map(|(time, _)| time.unwrap().as_nanos() / 1_000_000_000).collect()
            };
            assert_eq!(seconds(&first), seconds(&other), "{name}");
        }
    }
    assert_eq!(of("journal.with-unit.txt").len(), first.len());
}

/// Lines that are no records, as text.
fn unread(path: &Path, damages: &[Damage]) -> Vec<String> {
    damages.iter().map(|damage| format!("{} {}: {}", path.display(), damage.position, damage.reason)).collect()
}

#[test]
fn every_line_of_the_corpus_of_sshd_is_a_record() {
    let mut paths = Vec::new();
    if let Some(loghub) = corpus("loghub") {
        paths.extend([loghub.join("OpenSSH/OpenSSH_2k.log"), loghub.join("Linux/Linux_2k.log")]);
    }
    if let Some(crowdsec) = corpus("crowdsec") {
        for folder in [
            "ssh-time-based-bf",
            "ssh-timeout",
            "sshd-impossible-travel-user",
            "sshd-invalid-bf",
            "sshd-refused-conn",
            "sshd-success-logs",
            "sshd_banner_exchange",
            "opnsense-sshd",
        ] {
            files(&crowdsec.join(folder), &mut paths);
        }
    }
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "log")) {
        let (keeper, output) = read(path);
        assert_eq!(unread(path, &output.damages), Vec::<String>::new());
        let lines =
            fs::read(path).unwrap().split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        assert_eq!(output.records, lines as u64, "{}", path.display());
        for (time, fields) in &keeper.records {
            assert!(time.is_some() && fields.contains_key("host"), "{fields:?}");
            let of = |name: &str| fields.get(name).map_or("", String::as_str);
            let (program, message) = (of("program"), of("message"));
            let is_try =
                ["Accepted ", "Failed "].iter().any(|word| message.starts_with(word)) && message.contains(" port ");
            if program == "sshd" && is_try {
                assert!(login("", message).is_some(), "{message}");
            }
        }
    }
}
