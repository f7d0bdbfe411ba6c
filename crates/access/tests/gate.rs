//! No certificate outlives or outreaches its rule, for any policy and request: from the visitor's words to what the certificate says.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use std::{
    fs,
    io::Cursor,
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::DirBuilderExt,
    path::Path,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
};

use access::{
    Error,
    gate::{Begin, Connection, Folder, Gate, Settings, Terminal, Visitor},
};
use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::TimeZone};
use proptest::prelude::*;
use ssh_key::Certificate;

/// The gate's clock in these tests; each case only moves it on, as the ledger insists.
static NOW: AtomicI64 = AtomicI64::new(1_800_000_000);

fn clock() -> Timestamp {
    Timestamp::from_second(NOW.load(Ordering::SeqCst)).unwrap()
}

/// What a rule says, and what is asked.
#[derive(Clone, Debug)]
struct Case {
    /// Minutes.
    at_most: i64,
    /// The window's days from Monday on, and its hours; always, if none.
    window: Option<(usize, usize, i64, i64)>,
    network: u8,
    account: &'static str,
    permits: Vec<&'static str>,
    command: Option<&'static str>,
    asked_account: &'static str,
    asked_host: &'static str,
    asked_minutes: Option<i64>,
    source: [u8; 4],
    later: i64,
}

prop_compose! {
    fn cases()(
        at_most in 1..3000_i64,
        window in prop::option::of((0..7_usize, 0..7_usize, 0..23_i64, 1..24_i64)),
        network in 8..=32_u8,
        account in prop::sample::select(vec!["deploy", "root"]),
        permits in prop::sample::subsequence(vec!["terminal", "port-forwarding", "agent-forwarding", "x11-forwarding"], 0..=4),
        command in prop::option::of(Just("/usr/bin/backup --all")),
        asked_account in prop::sample::select(vec!["deploy", "root", "deploy"]),
        asked_host in prop::sample::select(vec!["web01", "web01", "web02", "web03"]),
        asked_minutes in prop::option::of(0..5000_i64),
        last in any::<[u8; 2]>(),
        near in any::<bool>(),
        later in 1..400_000_i64,
    ) -> Case {
        let source = if near { [198, 51, 100, 7] } else { [198, 51, last[0], last[1]] };
        Case { at_most, window, network, account, permits, command, asked_account, asked_host, asked_minutes, source, later }
    }
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

fn network(bits: u8) -> (Ipv4Addr, u32) {
    let mask = u32::MAX << (32 - u32::from(bits));
    (Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 51, 100, 7)) & mask), mask)
}

fn policy(case: &Case) -> String {
    let when = case.window.map_or("always".to_owned(), |(first, last, from, until)| {
        format!("{}-{} {from:02}:00-{until:02}:00", DAYS[first], DAYS[last])
    });
    let command = case.command.map(|command| format!("command = \"{command}\"\n")).unwrap_or_default();
    format!(
        "timezone = \"UTC\"\n[providers.webcare]\npeople = [\"alice\"]\n[hosts.web01]\n[hosts.web02]\n[[rules]]\nname = \"one\"\nwho = [\"webcare\"]\n\
         hosts = [\"web01\"]\naccounts = [\"{}\"]\nfrom = [\"{}/{}\"]\nwhen = [\"{when}\"]\nat_most = \"{}m\"\npermit = {:?}\n{command}",
        case.account,
        network(case.network).0,
        case.network,
        case.at_most,
        case.permits
    )
}

/// Whether the rule's window is open at a time; windows over midnight belong to the day that they begin on.
fn is_open(case: &Case, at: Timestamp) -> bool {
    let Some((first, last, from, until)) = case.window else { return true };
    let is_on = |day: Weekday| {
        let day = day.to_monday_zero_offset() as usize;
        (day + 7 - first) % 7 <= (last + 7 - first) % 7
    };
    let here = at.to_zoned(TimeZone::UTC);
    let hour = i64::from(here.hour());
    let (today, yesterday) = (is_on(here.weekday()), is_on(here.weekday().previous()));
    if from < until {
        today && (from..until).contains(&hour)
    } else {
        (today && hour >= from) || (yesterday && hour < until)
    }
}

/// A FIDO key, so that nobody has to type codes.
fn fido_key(number: u8) -> String {
    let string = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
    let blob = [string(b"sk-ssh-ed25519@openssh.com"), string(&[number; 32]), string(b"ssh:")].concat();
    format!("sk-ssh-ed25519@openssh.com {}", BASE64.encode(&blob))
}

fn ask(gate: &mut Gate, visitor: &Visitor, source: [u8; 4], command: &str) -> Result<String, Error> {
    let (mut output, mut notes) = (Vec::new(), Vec::new());
    let mut terminal = Terminal { input: &mut Cursor::new(b""), output: &mut output, notes: &mut notes };
    static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
    let id = CONNECTIONS.fetch_add(1, Ordering::Relaxed).to_string();
    gate.serve(visitor, Connection { source: IpAddr::from(source), id }, command, &mut terminal)?;
    Ok(String::from_utf8(output).unwrap())
}

/// A gate that has enrolled Alice; returns her key's fingerprint.
fn begin(path: &Path, case: &Case) -> (Gate, String) {
    fs::DirBuilder::new().mode(0o700).create(path).unwrap();
    let settings = Settings { program: "/usr/local/bin/dreamcatcher".into(), agent: None };
    Folder::begin(path, &Begin { settings, passphrase: None, now: clock() }).unwrap();
    fs::write(path.join("access.toml"), policy(case)).unwrap();
    let mut gate = Gate::open(path, clock).unwrap();
    let key = enrol(&mut gate, "alice", case.source, &fido_key(7)).unwrap();
    (gate, key)
}

/// Enrols a key; gives its fingerprint.
fn enrol(gate: &mut Gate, person: &str, source: [u8; 4], key: &str) -> Result<String, Error> {
    let invitation = Visitor::Invitation(gate.invite(person).unwrap().invitation);
    let said = ask(gate, &invitation, source, &format!("enrol {key}"))?;
    Ok(said.split(' ').next().unwrap().to_owned())
}

fn expected_extensions(case: &Case) -> Vec<String> {
    let mut names: Vec<String> = case
        .permits
        .iter()
        .map(|permit| match *permit {
            "terminal" => "permit-pty".to_owned(),
            "x11-forwarding" => "permit-X11-forwarding".to_owned(),
            other => format!("permit-{other}"),
        })
        .collect();
    names.sort();
    names
}

fn check(case: &Case, now: Timestamp, certificate: &Certificate) -> Result<(), TestCaseError> {
    prop_assert_eq!(case.asked_host, "web01");
    prop_assert_eq!(case.asked_account, case.account);
    let (base, mask) = network(case.network);
    prop_assert_eq!(u32::from(Ipv4Addr::from(case.source)) & mask, u32::from(base));
    prop_assert_eq!(certificate.valid_principals(), &[format!("{}@web01", case.account)]);
    let end = Timestamp::from_second(certificate.valid_before() as i64).unwrap();
    let minutes = case.asked_minutes.map_or(case.at_most, |asked| asked.min(case.at_most));
    prop_assert!(end > now && end.duration_since(now) <= SignedDuration::from_mins(minutes), "{} {}", now, end);
    let mut at = now;
    while at < end {
        prop_assert!(is_open(case, at), "{} to {}: closed at {}", now, end, at);
        at += SignedDuration::from_secs(60);
    }
    let options = certificate.critical_options();
    prop_assert_eq!(options.get("source-address"), Some(&format!("{base}/{}", case.network)));
    prop_assert_eq!(options.get("force-command").map(String::as_str), case.command);
    prop_assert_eq!(options.len(), 1 + usize::from(case.command.is_some()));
    let extensions: Vec<String> = certificate.extensions().keys().cloned().collect();
    prop_assert_eq!(extensions, expected_extensions(case));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_certificate_outlives_or_outreaches_its_rule(case in cases()) {
        prop_assume!(case.window.is_none_or(|(_, _, from, until)| from != until));
        let folder = tempfile::tempdir().unwrap();
        let (mut gate, key) = begin(&folder.path().join("gate"), &case);
        let now = NOW.fetch_add(case.later % 80_000, Ordering::SeqCst) + case.later % 80_000;
        let now = Timestamp::from_second(now).unwrap();
        let length = case.asked_minutes.map(|minutes| format!(" --for {minutes}m")).unwrap_or_default();
        let command = format!("request {} --as {}{length}", case.asked_host, case.asked_account);
        match ask(&mut gate, &Visitor::Key(key), case.source, &command) {
            Ok(line) => check(&case, now, &Certificate::from_openssh(line.trim()).unwrap())?,
            Err(Error::Denied(reason)) => {
                let (base, mask) = network(case.network);
                let is_near = u32::from(Ipv4Addr::from(case.source)) & mask == u32::from(base);
                let is_allowed = is_near && case.asked_host == "web01" && case.asked_account == case.account
                    && case.asked_minutes != Some(0) && is_open(&case, now);
                prop_assert!(!is_allowed, "denied for no reason: {reason}");
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

#[test]
fn a_locked_ledger_grants_nothing() {
    let case = Case {
        at_most: 30,
        window: None,
        network: 24,
        account: "deploy",
        permits: Vec::new(),
        command: None,
        asked_account: "deploy",
        asked_host: "web01",
        asked_minutes: None,
        source: [198, 51, 100, 7],
        later: 0,
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate");
    let (mut gate, key) = begin(&path, &case);
    let mut request = || ask(&mut gate, &Visitor::Key(key.clone()), case.source, "request web01 --as deploy");
    let other = rusqlite::Connection::open(path.join("ledger.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = request().unwrap_err();
    assert!(matches!(&error, Error::Ledger(reason) if reason.contains("locked by another process")), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(request().unwrap().starts_with("sk-ssh-ed25519-cert-v01@openssh.com "), "and then it grants");
}

const ALICE: [u8; 4] = [198, 51, 100, 7];
const BOB: [u8; 4] = [192, 0, 2, 7];
const REVIEWED: &str = r#"
[staff]
people = ["bob"]
networks = ["192.0.2.0/24"]
[providers.webcare]
people = ["alice"]
networks = ["198.51.100.0/24"]
[hosts.web01]
[[rules]]
name = "one"
who = ["webcare"]
hosts = ["web01"]
accounts = ["deploy"]
when = ["always"]
at_most = "1h"
approvals = 1
"#;

/// A gate whose rule asks for an approval, with the keys of Alice and Bob.
fn reviewed(path: &Path) -> (Gate, Visitor, Visitor) {
    fs::DirBuilder::new().mode(0o700).create(path).unwrap();
    let settings = Settings { program: "/usr/local/bin/dreamcatcher".into(), agent: None };
    Folder::begin(path, &Begin { settings, passphrase: None, now: clock() }).unwrap();
    fs::write(path.join("access.toml"), REVIEWED).unwrap();
    let mut gate = Gate::open(path, clock).unwrap();
    let alice = Visitor::Key(enrol(&mut gate, "alice", ALICE, &fido_key(7)).unwrap());
    let bob = Visitor::Key(enrol(&mut gate, "bob", BOB, &fido_key(8)).unwrap());
    (gate, alice, bob)
}

fn why(came: Result<String, Error>) -> String {
    match came.unwrap_err() {
        Error::Denied(reason) => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn what_was_changed_while_somebody_was_asked_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate");
    let (mut gate, alice, _) = reviewed(&path);
    fs::write(path.join("access.toml"), REVIEWED.replace("\"deploy\"", "\"backup\"")).unwrap();
    let reason = why(ask(&mut gate, &alice, ALICE, "request web01 --as deploy"));
    assert!(reason.contains("deploy"), "{reason}");
}

#[test]
fn an_approval_over_a_key_that_was_revoked_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let (mut gate, alice, bob) = reviewed(&folder.path().join("gate"));
    ask(&mut gate, &alice, ALICE, "request web01 --as deploy").unwrap_err();
    ask(&mut gate, &bob, BOB, "approve 1").unwrap();
    let Visitor::Key(key) = &bob else { panic!() };
    ask(&mut gate, &bob, BOB, &format!("revoke {key} --reason lost")).unwrap();
    let waits = ask(&mut gate, &alice, ALICE, "collect 1").unwrap_err();
    assert!(waits.to_string().contains("waits for"), "{waits}");
}

#[test]
fn nobody_decides_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (mut gate, alice, bob) = reviewed(&folder.path().join("gate"));
    ask(&mut gate, &alice, ALICE, "request web01 --as deploy").unwrap_err();
    let reason = why(ask(&mut gate, &bob, [203, 0, 113, 9], "approve 1"));
    assert!(reason.contains("203.0.113.9 is none of your networks"), "{reason}");
    ask(&mut gate, &bob, BOB, "approve 1").unwrap();
}

/// Whoever enrolled the authority's own key could revoke it, and every certificate with it.
#[test]
fn keys_of_another_use_are_not_enrolled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate");
    let (mut gate, ..) = reviewed(&path);
    for name in ["authority.pub", "host-authority.pub"] {
        let key = fs::read_to_string(path.join(name)).unwrap();
        let reason = why(enrol(&mut gate, "alice", ALICE, key.trim()));
        assert!(reason.contains("used for something else"), "{reason}");
    }
    let standing = ssh_key::PublicKey::from_openssh(&fido_key(9)).unwrap().fingerprint(ssh_key::HashAlg::Sha256);
    let standing = format!(
        "{REVIEWED}[[standing]]\nname = \"own\"\nwho = [\"bob\"]\nhosts = [\"web01\"]\naccounts = [\"bob\"]\nkeys = [\"{standing}\"]\n"
    );
    fs::write(path.join("access.toml"), standing).unwrap();
    let mut gate = Gate::open(&path, clock).unwrap();
    assert!(why(enrol(&mut gate, "alice", ALICE, &fido_key(9))).contains("used for something else"));
}
