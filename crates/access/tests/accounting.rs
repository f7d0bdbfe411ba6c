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
    account::{Accounting, Covered},
    policy::Policy,
};
use event::{
    Certificate, Finding, Follower, Key, Link, Login, Logout, Observations, Outcome, Piece, Position, Step, Time,
    Values,
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
        key_id: "grant 7".into(),
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
    let entry = Entry { sequence: 1, time: second(0), who: "gate".into(), previous: String::new(), what };
    covered.entry("ledger", &entry);
    covered.has_ledger();
    covered
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
            id: "grant 7".into(),
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
    observations.push(Some(time), 0, Position::Line(*line), Values::packed(&packed));
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
    assert_eq!(found(&[accepted.clone(), wtmp(90, "deploy")]), ["Session whose login is missing from the log"]);
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

/// Entries of a ledger, in their order, as the accounting takes them.
fn told(policy: &str, entries: Vec<(i64, What)>) -> Covered {
    let mut covered = Covered::new(Policy::parse(policy).unwrap(), SignedDuration::ZERO);
    for (number, (second, what)) in entries.into_iter().enumerate() {
        let time = Timestamp::from_second(NOON + second).unwrap();
        let sequence = number as u64 + 1;
        covered.entry("ledger", &Entry { sequence, time, who: "gate".into(), previous: String::new(), what });
    }
    covered.has_ledger();
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
        key_id: "grant 7".into(),
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
