//! Logins in Windows event logs: counted and compared with what the `evtx` library reads, and the same from EVTX, XML and JSON.
//!
//! The logs are those in `../../../shared/corpus`. Without that corpus the test says so and passes.

// Helpers of tests are tests too; clippy sees that only within `#[test]`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Cursor, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use event::{
    Class, Detector, Encoding, Event, Interest, LogSource, Outcome, Piece, Position, Record, Seen, Step, TextGroup,
    Value,
};
use evidence::{Evtx, Format, Json, LoginFields, Output, Xml, step, tells_of_logins};
use evtx::{EvtxParser, ParserSettings};

/// What a step is about, in short, and all of it, packed.
type Told = ([String; 4], Vec<u8>);

/// Keeps what records tell of logins.
#[derive(Default)]
struct Keeper(Vec<Told>, LoginFields);

impl Detector for Keeper {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        Class(tells_of_logins(source).into())
    }

    fn interest(&self, class: Class) -> Arc<Interest> {
        Arc::new(Interest { wanted: class == Class(1), ..Interest::default() })
    }

    fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
        false
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        let Some(step) = step(event.record, &mut self.1) else { return };
        let mut packed = Vec::new();
        step.pack(&mut packed);
        self.0.push((short(&step), packed));
    }
}

fn steps(format: &dyn Format, input: &mut dyn Read) -> Vec<Told> {
    let piece = Arc::new(Piece { path: format.name().to_owned() });
    let (mut cutter, mut reader, mut output) = (format.cutter(), format.reader(), Output::default());
    let mut keeper = Keeper::default();
    while let Some(block) = cutter.cut(input).unwrap() {
        reader.read(&piece, &block, &mut keeper, &mut output);
    }
    keeper.0
}

fn event_logs(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            event_logs(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "evtx") {
            found.push(path);
        }
    }
    found.sort();
}

/// The records of a log as JSON and as XML, those alone that have both.
fn exports(path: &Path) -> (Vec<String>, Vec<String>) {
    let parser = || {
        let settings = ParserSettings::new().indent(false).num_threads(1);
        EvtxParser::from_path(path).ok().map(|parser| parser.with_configuration(settings))
    };
    let (Some(mut for_json), Some(mut for_xml)) = (parser(), parser()) else { return Default::default() };
    let json: BTreeMap<u64, String> =
        for_json.records_json().filter_map(Result::ok).map(|record| (record.event_record_id, record.data)).collect();
    let mut xml: BTreeMap<u64, String> =
        for_xml.records().filter_map(Result::ok).map(|record| (record.event_record_id, record.data)).collect();
    json.into_iter().filter_map(|(id, json)| Some((json, xml.remove(&id)?))).unzip()
}

/// What a step is about, in short.
fn short(step: &Step<'_>) -> [String; 4] {
    match step {
        Step::Login(login) => {
            let kind = format!("{} {}", login.outcome.as_str(), login.method);
            [kind, login.user.to_string(), login.source.to_string(), login.session.to_string()]
        }
        Step::Logout(logout) => ["logout".to_owned(), String::new(), String::new(), logout.of.session.to_string()],
        other => [format!("{other:?}"), String::new(), String::new(), String::new()],
    }
}

/// The same, straight from the library's JSON, written down independently of the view.
fn expected(record: &str) -> Option<[String; 4]> {
    let event: serde_json::Value = serde_json::from_str(record).unwrap();
    let (system, data) = (&event["Event"]["System"], &event["Event"]["EventData"]);
    let number = system["EventID"].as_u64().or_else(|| system["EventID"]["#text"].as_u64())?;
    let text = |name: &str| match &data[name] {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let bare = |name: &str| text(name).replace("::ffff:", "").trim_end_matches('-').to_owned();
    let kinds = [
        (2, "interactive"),
        (3, "network"),
        (5, "service"),
        (7, "unlock"),
        (9, "new_credentials"),
        (10, "remote_interactive"),
        (11, "cached_interactive"),
        (0, "system"),
    ];
    let kind = || kinds.iter().find(|(number, _)| text("LogonType") == number.to_string()).unwrap().1;
    let user = || text("TargetUserName").trim_end_matches('-').to_owned();
    let session = || format!("logon {}", text("TargetLogonId").to_lowercase());
    match (system["Provider"]["#attributes"]["Name"].as_str()?, number) {
        ("Microsoft-Windows-Security-Auditing", 4624) => {
            Some([format!("accepted {}", kind()), user(), bare("IpAddress"), session()])
        }
        ("Microsoft-Windows-Security-Auditing", 4625) => {
            Some([format!("failed {}", kind()), user(), bare("IpAddress"), String::new()])
        }
        ("Microsoft-Windows-Security-Auditing", 4648) => {
            let computer = system["Computer"].as_str()?.to_owned();
            Some(["attempted explicit_credentials".to_owned(), user(), computer, String::new()])
        }
        ("Microsoft-Windows-Security-Auditing", 4634 | 4647) => {
            Some(["logout".to_owned(), String::new(), String::new(), session()])
        }
        ("Microsoft-Windows-TerminalServices-RemoteConnectionManager", 1149) => {
            let of = |name: &str| event["Event"]["UserData"]["EventXML"][name].as_str().unwrap_or_default().to_owned();
            Some(["attempted remote_interactive".to_owned(), of("Param1"), of("Param3"), String::new()])
        }
        _ => None,
    }
}

#[test]
fn logins_are_those_that_the_library_reads_from_every_form() {
    let Some(corpus) = common::corpus("evtx") else { return };
    let mut logs = Vec::new();
    event_logs(&corpus, &mut logs);
    let (mut compared, mut from_evtx) = (0, 0);
    for log in &logs {
        let (json, xml) = exports(log);
        let expected: Vec<[String; 4]> = json.iter().filter_map(|record| expected(record)).collect();
        let own = steps(&Evtx, &mut File::open(log).unwrap());
        from_evtx += own.len();
        if expected.is_empty() {
            continue;
        }
        let from_json = steps(&Json, &mut Cursor::new(json.join("\n")));
        let from_xml = steps(&Xml, &mut Cursor::new(xml.join("\n")));
        let shorts = |told: Vec<Told>| told.into_iter().map(|(short, _)| short).collect::<Vec<_>>();
        assert_eq!(from_json, from_xml, "{}", log.display());
        assert_eq!(shorts(from_json), expected, "{}", log.display());
        // Our reader finds more in damaged logs than the library does.
        let found = shorts(own);
        let missing: Vec<_> = expected.iter().filter(|one| !found.contains(one)).collect();
        assert!(missing.is_empty() && found.len() >= expected.len(), "{}: {missing:?}", log.display());
        compared += expected.len();
    }
    eprintln!("{compared} steps compared, {from_evtx} in all");
    assert!(compared > 1500, "{compared}");
}

/// A record made by hand, of what the corpus has no recording of.
struct Made<'a>(LogSource<'a>, &'a [(&'a str, &'a str)]);

impl Record for Made<'_> {
    fn source(&self) -> LogSource<'_> {
        self.0
    }

    fn host(&self) -> std::borrow::Cow<'_, str> {
        "web01".into()
    }

    fn position(&self) -> Position {
        Position::Line(1)
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.1.iter().for_each(|(name, value)| visit(name, Value::Text(value)));
    }
}

fn made(product: &str, channel: &str, provider: &str, event_id: u32, fields: &[(&str, &str)]) -> [String; 4] {
    let record = Made(LogSource { product, channel, provider, event_id }, fields);
    step(&record, &mut LoginFields::default()).as_ref().map(short).unwrap_or_default()
}

#[test]
fn terminal_services_and_openssh_tell_of_logins() {
    let sessions = "Microsoft-Windows-TerminalServices-LocalSessionManager";
    let rdp = |number, address| {
        made("windows", "", sessions, number, &[("User", "SHIP\\anna"), ("SessionID", "2"), ("Address", address)])
    };
    assert_eq!(rdp(21, "198.51.100.7"), ["accepted remote_interactive", "anna", "198.51.100.7", "session 2"]);
    assert_eq!(rdp(25, "198.51.100.7"), ["accepted reconnect", "anna", "198.51.100.7", "session 2"]);
    assert_eq!(rdp(21, "LOCAL"), ["accepted interactive", "anna", "", "session 2"]);
    assert_eq!(rdp(23, ""), ["logout", "", "", "session 2"]);
    assert_eq!(rdp(24, "198.51.100.7"), ["logout", "", "", "session 2"]);
    let payload = "Accepted publickey for anna from 198.51.100.7 port 40001 ssh2: ED25519 SHA256:x";
    let fields = [("process", "sshd"), ("payload", payload), ("Execution_ProcessID", "4711")];
    let told = made("windows", "OpenSSH/Operational", "OpenSSH", 4, &fields);
    assert_eq!(told, ["accepted publickey", "anna", "198.51.100.7", "pid 4711"]);
}

#[test]
fn wtmp_btmp_and_auditd_tell_of_logins() {
    let fields = [("user", "anna"), ("terminal", "pts/0"), ("source_host", "198.51.100.7"), ("pid", "12")];
    let of = |channel, kind| made("linux", channel, "", 0, &[&fields[..], &[("type", kind)]].concat());
    assert_eq!(of("wtmp", "USER_PROCESS"), ["accepted ", "anna", "198.51.100.7", "terminal pts/0"]);
    assert_eq!(of("wtmp", "8"), ["logout", "", "", "terminal pts/0"]);
    assert_eq!(of("btmp", "6"), ["failed ", "anna", "198.51.100.7", ""]);
    assert_eq!(of("wtmp", "BOOT_TIME"), ["logout", "", "", event::Logout::START]);
    assert_eq!(of("wtmp", "RUN_LVL"), ["", "", "", ""]);
    let last = made("linux", "lastlog", "", 0, &[("uid", "1000"), ("terminal", "pts/0"), ("source_host", "::1")]);
    assert_eq!(last, ["accepted ", "#1000", "::1", ""]);
    let audit = |kind, exe, result| {
        let fields =
            [("type", kind), ("exe", exe), ("acct", "anna"), ("addr", "198.51.100.7"), ("ses", "7"), ("res", result)];
        made("linux", "auditd", kind, 0, &fields)
    };
    assert_eq!(
        audit("USER_LOGIN", "/usr/sbin/sshd", "success"),
        ["accepted ", "anna", "198.51.100.7", "audit session 7"]
    );
    assert_eq!(audit("USER_LOGIN", "/usr/sbin/sshd", "failed")[0], "failed ");
    assert_eq!(audit("USER_END", "/usr/sbin/sshd", "success"), ["logout", "", "", "audit session 7"]);
    assert_eq!(audit("USER_END", "/usr/bin/sudo", "success"), ["", "", "", ""]);
}

#[test]
fn a_refusal_is_told_by_its_sub_status() {
    let reason = |status, sub_status| {
        let fields = [("LogonType", "3"), ("Status", status), ("SubStatus", sub_status), ("TargetUserName", "x")];
        let source = LogSource { product: "windows", channel: "Security", provider: "", event_id: 4625 };
        match step(&Made(source, &fields), &mut LoginFields::default()) {
            Some(Step::Login(login)) if login.outcome == Outcome::Failed => {
                (login.reason.to_string(), login.is_unknown)
            }
            other => (format!("{other:?}"), false),
        }
    };
    assert_eq!(reason("0xc000006d", "0xC000006A"), ("wrong password".to_owned(), false));
    assert_eq!(reason("0xc000006d", "0xc0000064"), ("no such user".to_owned(), true));
    assert_eq!(reason("0xC0000234", "0x0"), ("account locked out".to_owned(), false));
    assert_eq!(reason("0xc0001234", "0x0"), ("0xc0001234".to_owned(), false));
    assert_eq!(reason("-1073741718", ""), ("wrong password".to_owned(), false));
}
