//! The accounting, shown steps of logins: what the attacks against the real sshd (tests/access_attacks.rs) do not come to, and its state saved and restored.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use std::sync::Arc;

use access::{
    Entry, Granted, SecondFactor, What,
    account::{Accounting, Covered, LOGIND},
    ledger::Written,
    policy::Policy,
};
use event::{
    Certificate, Finding, Follower, Key, Link, Login, Logout, Observations, Outcome, Piece, Position, Request, Step,
    Time, Values,
};
use jiff::{SignedDuration, Timestamp};

const POLICY: &str = r#"
[providers.webcare]
people = ["mia"]
[hosts.web01]
[hosts.web02]
addresses = ["10.0.0.2"]
[[rules]]
name = "work"
who = ["webcare"]
hosts = ["web01"]
accounts = ["deploy"]
from = ["198.51.100.0/24"]
when = ["always"]
at_most = "1h"
"#;

/// The hash of the entry before each, and the key id that names it.
const BEFORE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const KEY_ID: &str = "dreamcatcher:7:mia:deploy@web01:0123456789abcdef";

/// 2026-11-25T11:00:00Z.
const NOON: i64 = 1_795_604_400;

fn covered() -> Covered {
    let mut covered = Covered::new(Policy::parse(POLICY).unwrap(), SignedDuration::ZERO);
    let second = |second: i64| Timestamp::from_second(NOON + second).unwrap();
    let granted = Granted {
        serial: 7,
        request: 1,
        person: "mia".into(),
        provider: "webcare".into(),
        host: "web01".into(),
        account: "deploy".into(),
        key: "SHA256:key".into(),
        key_id: KEY_ID.into(),
        authority: "SHA256:ca".into(),
        principals: vec!["deploy@web01".into()],
        sources: vec!["198.51.100.0/24".into()],
        force_command: None,
        extensions: Vec::new(),
        from: second(0),
        until: second(3600),
        rule: "work".into(),
        reason: None,
        ticket: None,
        approvals: Vec::new(),
        second_factor: SecondFactor::Totp,
        break_glass: false,
    };
    let what = What::Granted(Box::new(granted));
    let entry = Entry { sequence: 1, time: second(0), who: "gate".into(), previous: BEFORE.into(), what };
    enter(&mut covered, &entry);
    covered.has_ledger(Some(second(0)));
    covered
}

/// Shows the accounting an entry as the ledger writes it.
fn enter(covered: &mut Covered, entry: &Entry) {
    let text = serde_json::to_string(entry).unwrap();
    covered.entry("ledger", &Written::of(&text).unwrap()).unwrap();
}

fn login(host: &'static str, user: &'static str, source: &'static str, pid: u32) -> Login<'static> {
    Login {
        user: user.into(),
        host: host.into(),
        source: source.into(),
        port: Some(4000),
        service: "ssh".into(),
        method: "publickey".into(),
        outcome: Outcome::Accepted,
        key: Some(Key { kind: "ED25519".into(), fingerprint: "SHA256:key".into() }),
        certificate: Some(Certificate {
            id: KEY_ID.into(),
            serial: 7,
            authority_kind: "ED25519".into(),
            authority: "SHA256:ca".into(),
        }),
        session: format!("pid {pid}").into(),
        ..Login::default()
    }
}

fn logout(host: &'static str, pid: u32) -> Step<'static> {
    let of = Link { host: host.into(), session: format!("pid {pid}").into(), ..Link::default() };
    Step::Logout(Logout { of, ..Logout::default() })
}

/// A step: its second behind noon, its line, the piece it stands in.
type Told = (i64, u64, &'static str, Step<'static>);

fn show(accounting: &mut Accounting, (second, line, path, step): &Told, findings: &mut Vec<Finding>) {
    let (mut packed, mut observations) = (Vec::new(), Observations::default());
    step.pack(&mut packed);
    let time = Time::from_nanos((NOON + second) * 1_000_000_000);
    observations.push_packed(Some(time), 0, Position::Line(*line), Values::packed(&packed));
    let piece = Arc::new(Piece { path: (*path).to_owned() });
    observations.iter().for_each(|observation| accounting.observe(&piece, &observation, findings));
}

fn found(steps: &[Told]) -> Vec<String> {
    let (mut accounting, mut findings) = (Accounting::new(Some(covered())), Vec::new());
    ["web01/auth.log", "web01/auth.log.2.gz"].into_iter().for_each(|path| accounting.piece(path));
    steps.iter().for_each(|step| show(&mut accounting, step, &mut findings));
    accounting.end(&mut findings);
    findings.iter().map(|finding| finding.rule.title.clone()).collect()
}

const LOG: &str = "auth.log";

#[test]
fn a_certificate_holds_for_its_host_account_network_and_time() {
    let one = |second, login: Login<'static>| found(&[(second, 1, LOG, Step::Login(login))]);
    let good = || login("web01", "deploy", "198.51.100.7", 1);
    assert_eq!(one(60, good()), Vec::<String>::new());
    let title = |what: &str| vec![what.to_owned()];
    let at_web02 = Login { host: "web02".into(), ..good() };
    assert_eq!(one(60, at_web02), title("Access used on another host than it was granted for"));
    let as_root = Login { user: "root".into(), ..good() };
    assert_eq!(one(60, as_root), title("Access used as another account than it was granted for"));
    let elsewhere = Login { source: "203.0.113.9".into(), ..good() };
    assert_eq!(one(60, elsewhere), title("Access used from another network than it was granted for"));
    let from_web02 = Login { source: "::ffff:10.0.0.2".into(), ..good() };
    assert_eq!(one(60, from_web02), title("Login from a server"));
    assert_eq!(one(3600 + 59, good()), Vec::<String>::new(), "clocks differ by a minute");
    assert_eq!(one(3600 + 61, good()), title("Certificate used outside of its time"));
    assert_eq!(one(-61, good()), title("Certificate used outside of its time"));
    let unnamed = Login { host: "mail01".into(), ..good() };
    assert_eq!(one(60, unnamed), Vec::<String>::new(), "counted apart");
}

#[test]
fn a_session_may_not_outlast_its_grant() {
    let begin = || (60, 1, LOG, Step::Login(login("web01", "deploy", "198.51.100.7", 1)));
    assert!(found(&[begin(), (3700, 2, LOG, logout("web01", 1))]).is_empty());
    assert_eq!(found(&[begin(), (3800, 2, LOG, logout("web01", 1))]), ["Session that outlasts its grant"]);
    // Nothing tells of its end, although the log tells of others'.
    let other = (
        4000,
        3,
        LOG,
        Step::Login(Login { by_user: "root".into(), service: "su".into(), ..login("web01", "x", "", 9) }),
    );
    let others_end = (4001, 4, LOG, logout("web01", 9));
    assert_eq!(found(&[begin(), other, others_end]), ["Session that outlasts its grant"]);
}

#[test]
fn what_other_records_tell_of_needs_the_line_of_sshd() {
    let accepted = (60, 1, LOG, Step::Login(login("web01", "deploy", "198.51.100.7", 1)));
    let bare = |user: &'static str, host: &'static str| Login {
        user: user.into(),
        host: host.into(),
        source: "198.51.100.7".into(),
        service: "terminal".into(),
        terminal: "pts/0".into(),
        session: "terminal pts/0".into(),
        outcome: Outcome::Accepted,
        ..Login::default()
    };
    // wtmp does not name its host; the folder does.
    let wtmp = |second, user| (second, 1, "evidence/web01/var/log/wtmp", Step::Login(bare(user, "")));
    assert!(found(&[accepted.clone(), wtmp(61, "deploy")]).is_empty());
    let over = (80, 2, LOG, logout("web01", 1));
    assert_eq!(found(&[accepted.clone(), over, wtmp(90, "deploy")]), ["Session whose login is missing from the log"]);
    // Without sshd's log there is no line to be missing.
    assert!(found(&[wtmp(61, "deploy")]).is_empty());
    assert_eq!(found(&[wtmp(61, "root")]), ["Login that nothing explains"]);
    // What sshd would have been asked about is asked all the same.
    let elsewhere = Login { source: "203.0.113.66".into(), ..bare("deploy", "web01") };
    let elsewhere = (61, 1, LOG, Step::Login(elsewhere));
    assert_eq!(found(&[elsewhere]), ["Access used from another network than it was granted for"]);
}

#[test]
fn a_client_whose_address_cannot_be_read_is_elsewhere() {
    let login = Login { source: "fe80::1%eth0".into(), ..login("web01", "deploy", "", 1) };
    let found = found(&[(60, 1, LOG, Step::Login(login))]);
    assert_eq!(found, ["Access used from another network than it was granted for"]);
}

#[test]
fn who_becomes_root_without_a_login_name_is_not_taken_for_root() {
    let su = |by_user: &'static str| Login {
        user: "root".into(),
        by_user: by_user.into(),
        service: "su".into(),
        method: "".into(),
        certificate: None,
        ..login("web01", "root", "", 9)
    };
    assert_eq!(found(&[(60, 1, LOG, Step::Login(su("#1000")))]), ["Login that nothing explains"]);
    assert!(found(&[(60, 1, LOG, Step::Login(su("")))]).is_empty());
}

#[test]
fn a_missing_rotation_of_a_covered_host_is_told() {
    let step = |path| (60, 1, path, Step::Login(login("web01", "deploy", "198.51.100.7", 1)));
    assert_eq!(found(&[step("web01/auth.log")]), ["Log file missing"]);
    assert!(found(&[step("other.log")]).is_empty());
}

#[test]
fn what_was_saved_goes_on_as_if_nothing_had_been() {
    let mut steps: Vec<Told> = Vec::new();
    for number in 0..60i64 {
        let pid = number as u32 % 7;
        let good = login("web01", "deploy", ["198.51.100.7", "203.0.113.9"][number as usize % 2], pid);
        let refused = Login { outcome: Outcome::Failed, ..login("web01", "root", "203.0.113.9", pid + 100) };
        let step = match number % 5 {
            0 | 1 => Step::Login(good),
            2 => Step::Hint(Login { method: "".into(), key: None, certificate: None, ..good }),
            3 => logout("web01", pid),
            _ => Step::Login(refused),
        };
        steps.push((number * 97, number as u64, LOG, step));
    }
    let whole = found_whole(&steps, None);
    assert!(whole.len() > 10, "{whole:?}");
    for cut in 0..steps.len() {
        assert_eq!(found_whole(&steps, Some(cut)), whole, "cut at {cut}");
    }
    assert!(Accounting::new(None).restore(b"nonsense").is_err());
}

fn found_whole(steps: &[Told], cut: Option<usize>) -> Vec<String> {
    let (mut accounting, mut findings) = (Accounting::new(Some(covered())), Vec::new());
    for (number, step) in steps.iter().enumerate() {
        if cut == Some(number) {
            let saved = accounting.save();
            accounting = Accounting::new(Some(covered()));
            accounting.restore(&saved).unwrap();
        }
        show(&mut accounting, step, &mut findings);
    }
    accounting.end(&mut findings);
    findings.iter().map(|finding| format!("{} {}", finding.id, finding.rule.title)).collect()
}

fn good() -> Login<'static> {
    login("web01", "deploy", "198.51.100.7", 1)
}

/// What PAM says of a session.
fn opened(pid: u32) -> Step<'static> {
    let bare = Login { source: "".into(), port: None, method: "".into(), key: None, certificate: None, ..good() };
    Step::Hint(Login { session: format!("pid {pid}").into(), ..bare })
}

/// A terminal's beginning in wtmp.
fn terminal(user: &'static str, source: &'static str, source_host: &'static str) -> Login<'static> {
    Login {
        source: source.into(),
        source_host: source_host.into(),
        port: None,
        service: "terminal".into(),
        method: "".into(),
        terminal: "pts/3".into(),
        session: "terminal pts/3".into(),
        key: None,
        certificate: None,
        ..login("web01", user, "", 1)
    }
}

fn request(kind: &'static str, what: &'static str, terminal: &'static str) -> Step<'static> {
    let of = Link { host: "web01".into(), source: "198.51.100.7".into(), port: Some(4000), ..Link::default() };
    Step::Request(Request { of, kind: kind.into(), what: what.into(), terminal: terminal.into() })
}

/// Steps a second apart, beginning a minute behind noon.
fn steps(steps: impl IntoIterator<Item = Step<'static>>) -> Vec<Told> {
    (60..).zip(1..).zip(steps).map(|((second, line), step)| (second, line, LOG, step)).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn a_session_needs_its_line_even_if_no_other_has_one() {
    let missing = ["Session whose login is missing from the log"];
    assert_eq!(found(&[(60, 1, LOG, opened(1))]), missing);
    let child = Step::Child(Link { host: "web01".into(), session: "pid 1".into(), ..Link::default() }, "pid 2".into());
    assert_eq!(found(&[(60, 1, LOG, child)]), missing);
    assert_eq!(found(&steps([Step::Login(good()), opened(1)])), NONE);
}

/// systemd-logind tells of every session, whatever it is of: it counts where nobody else tells.
#[test]
fn a_session_that_only_logind_tells_of_is_judged() {
    let hint = |user: &'static str| {
        let (host, service, outcome) = ("web01".into(), LOGIND.into(), Outcome::Accepted);
        Step::Hint(Login { user: user.into(), host, service, outcome, ..Login::default() })
    };
    let session = || hint("deploy");
    let console = |user: &'static str| {
        let (host, service, outcome) = ("web01".into(), "login".into(), Outcome::Accepted);
        Step::Hint(Login { user: user.into(), host, service, outcome, session: "pid 50".into(), ..Login::default() })
    };
    let at = |second, step| (second, second as u64, LOG, step);
    assert_eq!(found(&[at(60, Step::Login(good())), at(61, session())]), NONE, "sshd said who it is");
    assert_eq!(found(&[at(60, session()), at(61, Step::Login(good()))]), NONE, "in whatever order");
    let alone = [at(60, Step::Login(good())), at(90, session())];
    assert_eq!(found(&alone), ["Session whose login is missing from the log"], "another session than the one before");
    assert_eq!(found(&[at(60, session())]), NONE, "the log has nothing of sshd's, and a grant fits");
    assert_eq!(found(&[at(60, hint("root"))]), ["Login that nothing explains"]);
    assert_eq!(found(&[at(60, console("root")), at(61, hint("root"))]).len(), 1, "one login");
    assert_eq!(found(&[at(60, hint("root")), at(61, console("root"))]).len(), 1, "in whatever order");
    let again = [at(30, Step::Login(good())), at(60, hint("")), at(61, hint("root"))];
    assert_eq!(found(&again), NONE, "it was started again, and tells of sessions that go on");
}

#[test]
fn sshd_that_tells_of_connections_has_a_log() {
    let wtmp = (
        60,
        1,
        "evidence/web01/var/log/wtmp",
        Step::Login(Login { host: "".into(), ..terminal("deploy", "198.51.100.7", "") }),
    );
    let told = |since: i64| {
        let (mut accounting, mut findings) = (Accounting::new(Some(covered())), Vec::new());
        accounting.server("WEB01", "10.0.0.1", Time::from_nanos((NOON + since) * 1_000_000_000));
        show(&mut accounting, &wtmp, &mut findings);
        accounting.end(&mut findings);
        findings.len()
    };
    assert_eq!((told(50), told(70)), (1, 0));
}

#[test]
fn a_further_terminal_of_an_open_connection_is_no_login() {
    let begin = (60, 1, LOG, Step::Login(good()));
    let further = |second, source| (second, 1, "wtmp", Step::Login(terminal("deploy", source, "")));
    let missing = ["Session whose login is missing from the log"];
    assert_eq!(found(&[begin.clone(), further(900, "198.51.100.7")]), NONE);
    assert_eq!(found(&[begin.clone(), further(900, "198.51.100.8")]), missing, "from elsewhere");
    assert_eq!(found(&[begin.clone(), (800, 2, LOG, logout("web01", 1)), further(900, "198.51.100.7")]), missing);
    let forged = Login { certificate: good().certificate.map(|one| Certificate { serial: 6, ..one }), ..good() };
    let two = ["Certificate that was never granted", missing[0]];
    assert_eq!(found(&[(60, 1, LOG, Step::Login(forged)), further(900, "198.51.100.7")]), two, "hides nothing");
    // PAM opens a session for each connection.
    assert_eq!(found(&[begin, (900, 2, LOG, opened(9))]), missing);
}

#[test]
fn terminals_within_a_session_are_no_logins() {
    let within = |host| (60, 1, "wtmp", Step::Login(terminal("root", "", host)));
    assert_eq!(found(&[within("tmux(123).%0")]), NONE);
    assert_eq!(found(&[within("")]), ["Login that nothing explains"]);
    let of = Link { host: "web01".into(), session: "terminal pts/9".into(), ..Link::default() };
    let end = Step::Logout(Logout { of, ..Logout::default() });
    assert_eq!(found(&[within(":0"), (9 * 86_400, 2, "wtmp", end)]), NONE);
}

#[test]
fn a_revoked_grant_is_over_at_once() {
    let revoked = || What::Revoked { serial: 7, reason: "lost".into() };
    let by =
        |second| titles(told(POLICY, vec![(0, granted()), (100, revoked())]), &[(second, 1, LOG, Step::Login(good()))]);
    assert_eq!(by(100), NONE);
    assert_eq!(by(101), ["Revoked certificate let somebody in"]);
    let mut covered = Covered::new(Policy::parse(POLICY).unwrap(), SignedDuration::from_secs(5));
    for (sequence, (second, what)) in (1..).zip([(0, granted()), (100, revoked())]) {
        let time = Timestamp::from_second(NOON + second).unwrap();
        enter(&mut covered, &Entry { sequence, time, who: "gate".into(), previous: BEFORE.into(), what });
    }
    assert_eq!(titles(covered, &[(105, 1, LOG, Step::Login(good()))]), NONE, "as --skew says");
}

#[test]
fn who_may_become_root_may_become_anyone() {
    let policy = format!("{POLICY}become = [\"root\"]\n");
    let su = |service: &'static str, to: &'static str, command: &'static str| {
        let su = Login { by_user: "deploy".into(), service: service.into(), reason: command.into(), ..good() };
        Step::Login(Login { user: to.into(), certificate: None, key: None, ..su })
    };
    let by = |policy: &str, step| titles(told(policy, vec![]), &[(60, 1, LOG, step)]);
    assert_eq!(by(&policy, su("su", "postgres", "")), NONE);
    assert_eq!(by(POLICY, su("su", "postgres", "")), ["Login that nothing explains"]);
    assert_eq!(by(POLICY, su("sudo", "root", "list")), NONE, "sudo -l");
    assert_eq!(by(POLICY, su("sudo", "root", "validate")), NONE);
    assert_eq!(by(POLICY, su("sudo", "root", "/usr/bin/list")), ["Login that nothing explains"]);
}

#[test]
fn a_grant_that_does_not_name_the_entry_before_it_is_told_once() {
    let with = |key_id: &str, serial| {
        let What::Granted(granted) = granted() else { panic!("of the grant") };
        What::Granted(Box::new(Granted { key_id: key_id.into(), serial, ..*granted }))
    };
    let wrong = || with("dreamcatcher:8:mia:deploy@web01:fedcba9876543210", 8);
    let title = "Ledger whose past is not the one of its certificates";
    assert_eq!(titles(told(POLICY, vec![(0, granted()), (1, wrong()), (2, wrong()), (3, granted())]), &[]), [title]);
    assert_eq!(titles(told(POLICY, vec![(0, wrong()), (1, granted()), (2, with("grant 9", 9))]), &[]), [title, title]);
}

#[test]
fn what_a_session_runs_is_held_against_its_grant() {
    let with = |change: fn(&mut Granted)| {
        let What::Granted(mut granted) = granted() else { panic!("of the grant") };
        change(&mut granted);
        What::Granted(granted)
    };
    let of = |granted: What, step| titles(told(POLICY, vec![(0, granted)]), &steps([Step::Login(good()), step]));
    let single = || with(|granted| granted.force_command = Some("/usr/bin/id -u".into()));
    let dodged = ["Certificate that is not the one granted"];
    let forced = "forced-command (key-option)";
    assert_eq!(of(single(), request(forced, "/usr/bin/id -u", "")), NONE);
    assert_eq!(of(single(), request("forced-command (config)", "/bin/sh", "")), dodged);
    assert_eq!(of(single(), request("shell", "", "")), dodged);
    assert_eq!(of(single(), request(forced, "/usr/bin/id", "")), dodged, "not the whole of it");
    let long = || with(|granted| granted.force_command = Some("x".repeat(1200)));
    let cut: &'static str = "x".repeat(900).leak();
    assert_eq!(of(long(), request(forced, cut, "")), NONE);
    assert_eq!(of(long(), request(forced, "xxx", "")), dodged);
    assert_eq!(of(granted(), request("shell", "", "pts/0")), dodged, "a terminal is not permitted");
    assert_eq!(of(granted(), request("shell", "", "")), NONE);
}

#[test]
fn a_grant_is_held_against_its_rule() {
    let with = |change: fn(&mut Granted)| {
        let What::Granted(mut granted) = granted() else { panic!("of the grant") };
        change(&mut granted);
        titles(told(POLICY, vec![(0, What::Granted(granted))]), &[(60, 1, LOG, Step::Login(good()))])
    };
    let changes: [fn(&mut Granted); 8] = [
        |granted| granted.person = "ben".into(),
        |granted| granted.rule = "none".into(),
        |granted| granted.sources.clear(),
        |granted| granted.sources.push("203.0.113.0/24".into()),
        |granted| granted.sources = vec!["198.51.0.0/16".into()],
        |granted| granted.until = Timestamp::from_second(NOON + 7200).unwrap(),
        |granted| granted.extensions.push("permit-pty".into()),
        |granted| granted.break_glass = true,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert_eq!(with(change), ["Grant that its rule does not give"], "{number}");
    }
    assert_eq!(with(|granted| granted.sources = vec!["198.51.100.7/32".into()]), NONE);
    assert_eq!(with(|granted| granted.from = Timestamp::from_second(NOON - 30).unwrap()), NONE);
}

#[test]
fn an_approval_needs_an_entry_of_its_own() {
    let policy = format!("{POLICY}approvals = 1\n[staff]\npeople = [\"ben\"]\n");
    let approved = |request| What::Approved { request, key: "SHA256:b".into(), second_factor: SecondFactor::Touch };
    let What::Granted(plain) = granted() else { panic!("of the grant") };
    let grant = What::Granted(Box::new(Granted { approvals: vec!["ben".into()], ..*plain }));
    let by = |entries: Vec<(&str, What)>| {
        let mut covered = Covered::new(Policy::parse(&policy).unwrap(), SignedDuration::ZERO);
        for (sequence, (who, what)) in (1..).zip(entries) {
            let time = Timestamp::from_second(NOON).unwrap();
            enter(&mut covered, &Entry { sequence, time, who: who.into(), previous: BEFORE.into(), what });
        }
        titles(covered, &[(60, 1, LOG, Step::Login(good()))])
    };
    assert_eq!(by(vec![("ben", approved(1)), ("gate", grant.clone())]), NONE);
    let missing = ["Grant that nobody approved"];
    assert_eq!(by(vec![("gate", grant.clone())]), missing);
    assert_eq!(by(vec![("ben", approved(2)), ("gate", grant.clone())]), missing, "another request");
    assert_eq!(by(vec![("mia", approved(1)), ("gate", grant)]), missing, "another person");
}

#[test]
fn the_wrong_certificate_of_who_gets_in_is_nothing_and_of_who_does_not_is_told() {
    let policy = format!("{POLICY}{STANDING}");
    let begun = || What::Begun { authority: "SHA256:ca".into(), host_authority: "SHA256:h".into() };
    let offered = |serial: u64, authority: &'static str| {
        let certificate =
            Certificate { id: "x".into(), serial, authority_kind: "RSA".into(), authority: authority.into() };
        Step::Login(Login { outcome: Outcome::Failed, certificate: Some(certificate), user: "admin".into(), ..good() })
    };
    let standing = |key: &'static str| {
        let key = Some(Key { kind: "RSA".into(), fingerprint: key.into() });
        Step::Login(Login { certificate: None, key, user: "admin".into(), ..good() })
    };
    let by = |list: Vec<Step<'static>>| titles(told(&policy, vec![(-9, begun()), (0, granted())]), &steps(list));
    let own = || standing(OWN_KEY);
    assert_eq!(by(vec![offered(7, "SHA256:ca"), own()]), NONE, "mia is not the first of the people by alphabet");
    assert_eq!(by(vec![offered(3, "SHA256:foreign"), own()]), NONE, "for somebody else's hosts");
    let refused = "Certificate refused";
    assert_eq!(by(vec![offered(3, "SHA256:ca"), own()]), [refused]);
    assert_eq!(by(vec![offered(3, "SHA256:foreign")]), [refused]);
    assert_eq!(by(vec![offered(3, "SHA256:foreign"), standing("SHA256:planted")]).len(), 2);
}

/// Standing access of two people.
const STANDING: &str = r#"
[staff]
people = ["anna"]
[[standing]]
name = "admin"
who = ["anna", "mia"]
hosts = ["web01"]
accounts = ["admin"]
from = ["198.51.100.0/24"]
keys = ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
"#;
const OWN_KEY: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[test]
fn what_was_right_first_counts_with_what_follows() {
    let first = |login| Step::Login(Login { outcome: Outcome::Partial, ..login });
    let second =
        || Step::Login(Login { method: "keyboard-interactive".into(), key: None, certificate: None, ..good() });
    assert_eq!(found(&steps([first(good()), second()])), NONE);
    let by_password = ["Login by password where only certificates are allowed"];
    assert_eq!(found(&steps([second()])), by_password);
    let plain = Login { certificate: None, ..good() };
    let by_key = ["Login by a plain key where only certificates are allowed"];
    assert_eq!(found(&steps([first(plain), second()])), by_key);
    let unknown = Certificate { serial: 6, ..good().certificate.unwrap() };
    let unknown = Login { certificate: Some(unknown), ..good() };
    assert_eq!(found(&steps([first(unknown), second()])), ["Certificate that was never granted"]);
    assert_eq!(found(&steps([first(good())])), ["Certificate refused"], "the second was not given");
}

#[test]
fn a_login_that_two_logs_tell_of_is_one() {
    let count = |list: &[Told]| {
        let (mut accounting, mut findings) = (Accounting::new(Some(covered())), Vec::new());
        list.iter().for_each(|step| show(&mut accounting, step, &mut findings));
        accounting.end(&mut findings);
        (accounting.account().unwrap().logins, findings.len())
    };
    let elsewhere = || Step::Login(Login { source: "203.0.113.9".into(), ..good() });
    let twice = |second: i64| [(60, 1, LOG, elsewhere()), (60 + second, 1, "journal.json", elsewhere())];
    assert_eq!(count(&twice(1)), (1, 1));
    assert_eq!(count(&twice(60)), (2, 2), "as much later it is another one");
    let end = (60, 2, LOG, logout("web01", 1));
    assert_eq!(count(&[(60, 1, LOG, elsewhere()), end.clone(), (61, 1, "journal.json", elsewhere())]), (1, 1));
    let forged = Step::Login(Login { user: "root".into(), source: "203.0.113.9".into(), ..good() });
    assert_eq!(count(&[(60, 1, LOG, elsewhere()), end, (61, 1, LOG, forged)]), (2, 2), "says something else");
}

#[test]
fn who_is_enrolled_gets_in_to_the_gate() {
    let policy = format!("{POLICY}[gate]\nhost = \"web02\"\naccount = \"access\"\n");
    let second = |second: i64| Timestamp::from_second(NOON + second).unwrap();
    let (person, key, public_key) = ("mia".to_owned(), "SHA256:own".to_owned(), "ssh-ed25519 AAAA".to_owned());
    let invitation = "SHA256:invitation".to_owned();
    let invited = What::Invited {
        invitation: 1,
        person: person.clone(),
        key: invitation,
        public_key: public_key.clone(),
        until: second(7200),
    };
    let second_factor = SecondFactor::Totp;
    let enrolled = What::Enrolled {
        person: person.clone(),
        invitation: 1,
        key: key.clone(),
        public_key: public_key.clone(),
        second_factor,
    };
    let revoked = What::KeyRevoked { person, key, reason: "lost".into() };
    let certified = What::HostCertified {
        host: "web01".into(),
        serial: 1,
        key: "SHA256:host".into(),
        public_key,
        principals: vec![],
        until: second(9000),
    };
    let entries = || {
        let again = (500, enrolled.clone());
        vec![(0, invited.clone()), (100, enrolled.clone()), (200, certified.clone()), again, (900, revoked.clone())]
    };
    let by = |second: i64, key: &'static str, source: &'static str| {
        let key = Some(Key { kind: "ED25519".into(), fingerprint: key.into() });
        let login = Login { key, certificate: None, ..login("web02", "access", source, 1) };
        let mut accounting = Accounting::new(Some(told(&policy, entries())));
        accounting.server("web01", "203.0.113.1", Time::from_nanos(0));
        let mut findings = Vec::new();
        show(&mut accounting, &(second, 1, LOG, Step::Login(login)), &mut findings);
        findings.iter().map(|finding| finding.rule.title.clone()).collect::<Vec<_>>()
    };
    let (away, unexplained) = ("198.51.100.7", ["Login that nothing explains"]);
    assert_eq!(by(99, "SHA256:invitation", away), NONE);
    assert_eq!(by(101, "SHA256:invitation", away), unexplained, "it is used up");
    assert_eq!(by(300, "SHA256:own", away), NONE, "although its codes have another secret since");
    assert_eq!(by(30, "SHA256:own", away), unexplained);
    assert_eq!(by(901, "SHA256:own", away), unexplained, "it was revoked");
    assert_eq!(by(300, "SHA256:other", away), unexplained);
    assert_eq!(by(300, "SHA256:host", "203.0.113.1"), NONE, "a host asks what is revoked");
    assert_eq!(by(9500, "SHA256:host", "203.0.113.1"), NONE, "as long as no other key takes its place");
    assert_eq!(by(300, "SHA256:own", "203.0.113.1"), ["Login from a server"]);
}

#[test]
fn a_host_is_known_by_the_first_part_of_its_name_if_that_is_no_others() {
    let policy = POLICY.replace(
        "[hosts.web02]",
        "[hosts.\"db.example.org\"]\n[hosts.\"x.example.org\"]\n[hosts.\"x.example.com\"]\n[hosts.web02]",
    );
    let called = |name: &str| Policy::parse(&policy).unwrap().host_of(name, "").map(|host| host.id.clone());
    assert_eq!(called("WEB01.example.org").as_deref(), Some("web01"));
    assert_eq!(called("db").as_deref(), Some("db.example.org"));
    assert_eq!(called("x"), None, "two are called so");
    assert_eq!(called("db.example.com"), None, "another one");
    assert_eq!(called("10.0.0.2").as_deref(), Some("web02"));
    assert_eq!(called("web"), None);
}

#[test]
fn a_clock_turned_back_while_the_log_was_rotated_is_told() {
    let login = |second, line, path| (second, line, path, Step::Login(good()));
    let two = |newer: i64| {
        let (mut accounting, mut findings) = (Accounting::new(Some(covered())), Vec::new());
        ["web01/auth.log", "web01/auth.log.1"].into_iter().for_each(|path| accounting.piece(path));
        let mut list =
            [login(60, 1, "web01/auth.log.1"), login(2000, 2, "web01/auth.log.1"), login(newer, 1, "web01/auth.log")];
        list.sort_by_key(|(second, ..)| *second);
        list.iter().for_each(|step| show(&mut accounting, step, &mut findings));
        accounting.end(&mut findings);
        findings.iter().map(|finding| finding.rule.title.clone()).collect::<Vec<_>>()
    };
    assert_eq!(two(1000), ["Clock turned back"]);
    assert_eq!(two(1970), NONE, "lines may be late");
    assert_eq!(two(2100), NONE);
}

#[test]
fn a_session_ends_with_its_machine() {
    let begin = || (60, 1, LOG, Step::Login(good()));
    // So that the log is known to tell of ends.
    let other = |second| (second, 2, LOG, Step::Login(Login { session: "pid 9".into(), port: Some(9), ..good() }));
    let end = |second| (second, 3, LOG, logout("web01", 9));
    let start = |second| {
        let of = Link { host: "web01".into(), session: Logout::START.into(), ..Link::default() };
        (second, 1, "wtmp", Step::Logout(Logout { of, ..Logout::default() }))
    };
    let su = |second| {
        let su = Login {
            by_user: "root".into(),
            service: "su".into(),
            session: "pid 77".into(),
            port: None,
            source: "".into(),
            ..good()
        };
        (second, 9, LOG, Step::Login(su))
    };
    let outlasts = ["Session that outlasts its grant"];
    assert_eq!(found(&[begin(), other(70), end(80), su(9000)]), outlasts);
    assert_eq!(found(&[begin(), other(70), end(80), start(8000), su(9000)]), NONE, "it may have ended at any time");
    assert_eq!(found(&[begin(), other(70), end(80), su(7000), start(8000), su(9000)]), outlasts);
}

#[test]
fn whose_number_is_not_known_may_be_whoever_may() {
    let policy = format!("{POLICY}become = [\"root\"]\n");
    let su = Login { by_user: "#1000".into(), service: "su".into(), user: "root".into(), ..good() };
    let by = |policy: &str| titles(told(policy, vec![]), &[(60, 1, LOG, Step::Login(su.clone()))]);
    assert_eq!(by(&policy), NONE);
    assert_eq!(by(POLICY), ["Login that nothing explains"], "nobody may");
}

#[test]
fn a_hop_is_known_by_addresses_that_logs_tell_of() {
    let hop = |others: &[&str]| {
        let (mut accounting, mut findings) = (Accounting::new(Some(covered())), Vec::new());
        for host in others {
            accounting.server(host, "198.51.100.7", Time::from_nanos(0));
        }
        show(&mut accounting, &(60, 1, LOG, Step::Login(good())), &mut findings);
        findings.iter().map(|finding| finding.rule.title.clone()).collect::<Vec<_>>()
    };
    assert_eq!(hop(&["web02"]), ["Login from a server"]);
    assert_eq!(hop(&["web01"]), NONE);
    assert_eq!(hop(&["mail01"]), NONE, "the policy does not name it");
    assert_eq!(hop(&["web01", "web02"]), NONE, "whose it is nobody knows");
}

#[test]
fn what_is_newer_than_the_ledger_is_told_as_that() {
    let named = |serial: u64, id: &str, source: &'static str| {
        let certificate = good().certificate.map(|one| Certificate { serial, id: id.to_owned().into(), ..one });
        Login { certificate, source: source.into(), ..good() }
    };
    let like_ours = |serial: u64| format!("dreamcatcher:{serial}:mia:deploy@web01:0123456789abcdef");
    let with = |serial: u64| named(serial, &like_ours(serial), "198.51.100.7");
    let later = What::Administered { change: "x".into(), reason: "y".into() };
    let by = |entries: Vec<(i64, What)>, login| titles(told(POLICY, entries), &[(60, 1, LOG, Step::Login(login))]);
    let old = || vec![(0, granted())];
    assert_eq!(by(old(), with(8)), ["Certificate newer than the ledger"]);
    let never = ["Certificate that was never granted"];
    assert_eq!(by(old(), with(6)), never);
    assert_eq!(by(vec![(0, granted()), (90, later)], with(8)), never);
    assert_eq!(by(old(), named(8, &like_ours(8), "203.0.113.9")), never, "no rule lets anyone in from there");
    let others = [
        "",
        "whatever",
        &like_ours(9),
        "dreamcatcher:8:mia:root@web01:0123456789abcdef",
        "dreamcatcher:8:eve:deploy@web01:0123456789abcdef",
    ];
    others.into_iter().for_each(|id| assert_eq!(by(old(), named(8, id, "198.51.100.7")), never, "{id}"));
}

/// A certificate that sshd refused, of a process and a client's port.
fn refused(serial: u64, pid: u32, source: &'static str, port: u16) -> Step<'static> {
    let certificate = good().certificate.map(|one| Certificate { serial, authority: "SHA256:foreign".into(), ..one });
    let session = format!("pid {pid}").into();
    Step::Login(Login {
        outcome: Outcome::Failed,
        certificate,
        session,
        source: source.into(),
        port: Some(port),
        ..good()
    })
}

#[test]
fn a_refusal_is_told_although_its_number_or_port_comes_again() {
    let twice = ["Certificate refused", "Certificate refused"];
    let from = "203.0.113.9";
    let two =
        |pid, port| found(&[(60, 1, LOG, refused(77, 100, from, 4001)), (9000, 2, LOG, refused(78, pid, from, port))]);
    assert_eq!(two(100, 4002), twice);
    assert_eq!(two(101, 4001), twice);
    let of_another = [(60, 1, LOG, refused(77, 1, from, 4001)), (90, 2, LOG, Step::Login(good()))];
    assert_eq!(found(&of_another), ["Certificate refused"], "who is let in then is another client");
}

#[test]
fn refusals_do_not_push_out_a_session() {
    let begin = (60, 1, LOG, Step::Login(good()));
    let flood = (0..70_000_u32).map(|number| {
        let (pid, port) = (1000 + number, (number % 60_000) as u16 + 1024);
        (61 + i64::from(number) / 20, u64::from(number) + 2, LOG, refused(number.into(), pid, "203.0.113.9", port))
    });
    let end = (9000, 80_000, LOG, logout("web01", 1));
    let titles = found(&std::iter::once(begin).chain(flood).chain([end]).collect::<Vec<_>>());
    assert_eq!(titles.iter().filter(|title| *title == "Session that outlasts its grant").count(), 1);
    assert_eq!(titles.iter().filter(|title| *title == "Certificate refused").count(), 70_000);
}

#[test]
fn what_the_gate_refused_at_another_time_is_not_told() {
    let refused = || What::Refused { person: "mia".into(), attempt: "approve 1".into(), reason: "own".into() };
    let by = |second| {
        titles(told(POLICY, vec![(second, refused()), (second, granted())]), &[(60, 1, LOG, Step::Login(good()))])
    };
    assert_eq!(by(-3600 * 20), ["Request refused at the gate"]);
    assert_eq!(by(-3600 * 48), NONE);
}

/// Entries of a ledger, in their order, as the accounting takes them.
fn told(policy: &str, entries: Vec<(i64, What)>) -> Covered {
    let mut covered = Covered::new(Policy::parse(policy).unwrap(), SignedDuration::ZERO);
    let last = entries.iter().map(|(second, _)| Timestamp::from_second(NOON + second).unwrap()).max();
    for (number, (second, what)) in entries.into_iter().enumerate() {
        let time = Timestamp::from_second(NOON + second).unwrap();
        let sequence = number as u64 + 1;
        enter(&mut covered, &Entry { sequence, time, who: "gate".into(), previous: BEFORE.into(), what });
    }
    covered.has_ledger(last);
    covered
}

fn titles(covered: Covered, steps: &[Told]) -> Vec<String> {
    let (mut accounting, mut findings) = (Accounting::new(Some(covered)), Vec::new());
    steps.iter().for_each(|step| show(&mut accounting, step, &mut findings));
    accounting.end(&mut findings);
    findings.iter().map(|finding| finding.rule.title.clone()).collect()
}

fn granted() -> What {
    let second = |second: i64| Timestamp::from_second(NOON + second).unwrap();
    What::Granted(Box::new(Granted {
        serial: 7,
        request: 1,
        person: "mia".into(),
        provider: "webcare".into(),
        host: "web01".into(),
        account: "deploy".into(),
        key: "SHA256:key".into(),
        key_id: KEY_ID.into(),
        authority: "SHA256:ca".into(),
        principals: vec!["deploy@web01".into()],
        sources: vec!["198.51.100.0/24".into()],
        force_command: None,
        extensions: Vec::new(),
        from: second(0),
        until: second(3600),
        rule: "work".into(),
        reason: None,
        ticket: None,
        approvals: Vec::new(),
        second_factor: SecondFactor::Totp,
        break_glass: false,
    }))
}

fn policy_changed(text: &str) -> What {
    use sha2::{Digest, Sha256};
    let sha256 = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    What::PolicyChanged { sha256, text: Some(text.to_owned()) }
}

#[test]
fn a_grant_is_judged_by_the_policy_that_it_was_given_by() {
    let strict = format!("{POLICY}approvals = 1\n[staff]\npeople = [\"ben\"]\n");
    let login = || [(60, 1, LOG, Step::Login(login("web01", "deploy", "198.51.100.7", 1)))];
    let by = |entries: Vec<(i64, What)>| titles(told(&strict, entries), &login());
    assert_eq!(by(vec![(0, granted())]), ["Grant that nobody approved"], "judged by today's, for want of another");
    assert_eq!(
        by(vec![(-9, policy_changed(POLICY)), (0, granted()), (9, policy_changed(&strict))]),
        Vec::<String>::new()
    );
    let missing = ["Grant that nobody approved"];
    assert_eq!(by(vec![(-9, policy_changed(POLICY)), (-5, policy_changed(&strict)), (0, granted())]), missing);
    // A text that is not the one of its hash counts for nothing.
    let What::PolicyChanged { sha256, .. } = policy_changed(&strict) else { panic!("of the policy") };
    let forged = What::PolicyChanged { sha256, text: Some(POLICY.into()) };
    assert_eq!(by(vec![(-9, forged), (0, granted())]), missing);
}

#[test]
fn an_authority_of_before_counts_as_long_as_was_said() {
    let begun = What::Begun { authority: "SHA256:ca".into(), host_authority: "SHA256:h".into() };
    let changed = |minutes: i64| What::AuthorityChanged {
        authority: "SHA256:new".into(),
        previous: "SHA256:ca".into(),
        previous_key: "ssh-ed25519 AAAA".into(),
        trusted_until: Timestamp::from_second(NOON + minutes * 60).unwrap(),
        reason: "test".into(),
    };
    let login = || [(600, 1, LOG, Step::Login(login("web01", "deploy", "198.51.100.7", 1)))];
    let by = |minutes| titles(told(POLICY, vec![(-9, begun.clone()), (0, granted()), (9, changed(minutes))]), &login());
    assert_eq!(by(10), Vec::<String>::new());
    assert_eq!(by(8), ["Certificate of an authority that is not ours"]);
}

#[test]
fn a_ledger_whose_time_was_taken_back_is_told() {
    let second = |second: i64| Timestamp::from_second(NOON + second).unwrap();
    let back = What::ClockBack {
        clock_back: 1,
        from: second(9000),
        to: second(0),
        reason: "wrong time server".into(),
        approvals: vec!["ben".into()],
    };
    assert_eq!(titles(told(POLICY, vec![(0, back)]), &[]), ["Clock turned back"]);
}

#[test]
fn sessions_that_are_not_followed_to_their_end_are_counted() {
    let mut accounting = Accounting::new(Some(covered()));
    let mut findings = Vec::new();
    let most = 1 << 16;
    for number in 0..most + 5 {
        let step = Step::Login(Login { port: None, ..login("web01", "deploy", "198.51.100.7", number) });
        show(&mut accounting, &(60, u64::from(number), LOG, step), &mut findings);
    }
    assert_eq!(accounting.account().unwrap().unfollowed, 5);
    assert!(findings.is_empty());
}

#[test]
fn an_address_that_several_hosts_have_is_nobodys_even_when_it_was_saved() {
    let hops = |hosts: &[&str], is_saved: bool| {
        let (mut accounting, mut findings) = (Accounting::new(Some(covered())), Vec::new());
        for host in hosts {
            accounting.server(host, "198.51.100.50", Time::from_nanos(NOON * 1_000_000_000));
        }
        if is_saved {
            let saved = accounting.save();
            accounting = Accounting::new(Some(covered()));
            accounting.restore(&saved).unwrap();
        }
        let login = Login { source: "198.51.100.50".into(), ..good() };
        show(&mut accounting, &(60, 1, LOG, Step::Login(login)), &mut findings);
        findings.iter().map(|finding| finding.rule.title.clone()).collect::<Vec<_>>()
    };
    for is_saved in [false, true] {
        assert_eq!(hops(&["web02"], is_saved), ["Login from a server"]);
        assert_eq!(hops(&["web02", "WEB02"], is_saved), ["Login from a server"], "one host by two names");
        assert_eq!(hops(&["web02", "web01"], is_saved), NONE);
    }
}

/// Whoever breaks glass is told of even if no log has the login, and once if one has.
#[test]
fn broken_glass_is_told_with_and_without_its_login() {
    let policy = POLICY.replace("[[rules]]", "[[break_glass]]").replace("when = [\"always\"]\n", "");
    let grant = || match granted() {
        What::Granted(granted) => What::Granted(Box::new(Granted { break_glass: true, ..*granted })),
        other => other,
    };
    let other = Login { host: "mail01".into(), ..good() };
    let by = |second, login| titles(told(&policy, vec![(second, grant())]), &[(60, 1, LOG, Step::Login(login))]);
    assert_eq!(by(0, good()), ["Glass was broken"]);
    assert_eq!(by(0, other.clone()), ["Glass was broken"]);
    assert_eq!(by(-3600 * 48, other), NONE, "long before the evidence");
    let refused = Login { outcome: Outcome::Failed, ..good() };
    let (mut accounting, mut findings) = (Accounting::new(Some(told(&policy, vec![(0, grant())]))), Vec::new());
    show(&mut accounting, &(60, 1, LOG, Step::Login(refused)), &mut findings);
    accounting.end(&mut findings);
    let reasons = findings[0].matched.iter().filter(|one| one.field == "reason").map(|one| &one.value);
    assert_eq!(reasons.collect::<Vec<_>>(), ["sshd refused it"], "that it was broken is no reason to refuse it");
}

#[test]
fn a_refused_certificate_is_held_against_its_grant() {
    let why = |login: Login<'static>| {
        let (mut accounting, mut findings) = (Accounting::new(Some(covered())), Vec::new());
        let refused = Login { outcome: Outcome::Failed, ..login };
        show(&mut accounting, &(60, 1, LOG, Step::Login(refused)), &mut findings);
        accounting.end(&mut findings);
        let reason = findings[0].matched.iter().find(|one| one.field == "reason").unwrap();
        (findings.len(), reason.value.clone())
    };
    for (login, words) in [
        (
            Login { host: "web02".into(), ..good() },
            "mia on web01 as deploy, until 2026-11-25T12:00:00Z: it was used on web02",
        ),
        (Login { user: "root".into(), ..good() }, "it was used as root"),
        (Login { source: "203.0.113.9".into(), ..good() }, "it was used from 203.0.113.9"),
        (good(), "sshd refused it"),
    ] {
        let (count, reason) = why(login);
        assert!(count == 1 && reason.ends_with(words), "{reason}");
    }
}

/// Who comes over a server is found, unless the rule names that very machine.
#[test]
fn a_jump_host_is_one_that_the_rule_names() {
    let by = |from: &str| {
        let What::Granted(grant) = granted() else { panic!() };
        let granted = Granted { sources: vec![from.into()], ..*grant };
        let policy = POLICY.replace("198.51.100.0/24", from);
        let login = Login { source: "10.0.0.2".into(), ..good() };
        let ledger = told(&policy, vec![(0, What::Granted(Box::new(granted)))]);
        titles(ledger, &[(60, 1, LOG, Step::Login(login))])
    };
    assert_eq!(by("10.0.0.2/32"), NONE);
    assert_eq!(by("10.0.0.0/24"), ["Login from a server"]);
}
