//! The policy: what is refused, what it says, what it decides.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use access::policy::{Approval, Decision, Missing, Permit, Policy, Request, Why};
use jiff::{SignedDuration, Timestamp};

const POLICY: &str = r#"
timezone = "Europe/Berlin"

[staff]
people = ["anna", "ben"]
networks = ["192.0.2.0/24"]

[providers.webcare]
name = "Webcare GmbH"
people = ["mia", "tom"]
networks = ["198.51.100.0/24"]

[hosts.web01]
names = ["web01.example.org"]
addresses = ["10.0.0.11"]
[hosts.web02]
[hosts.db01]

[groups]
web = ["web01", "web02"]

[[rules]]
name = "webcare-deploy"
who = ["webcare"]
hosts = ["web"]
accounts = ["deploy"]
when = ["Mon-Fri 08:00-18:00"]
at_most = "1h"
approvals = 1
reason = true
permit = ["terminal"]

[[rules]]
name = "backup"
who = ["tom"]
hosts = ["db01"]
accounts = ["backup"]
from = ["198.51.100.7"]
when = ["always"]
except = ["2026-12-24..2026-12-26"]
at_most = "10m"
command = "/usr/bin/rrsync -ro /srv"

[[break_glass]]
name = "fire"
who = ["staff"]
hosts = ["web", "db01"]
accounts = ["root"]
at_most = "30m"

[[standing]]
name = "anna-root"
who = ["anna"]
hosts = ["db01"]
accounts = ["anna"]
keys = ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
console = true
become = ["root"]
"#;

fn policy() -> Policy {
    Policy::parse(POLICY).unwrap()
}

/// A Wednesday, 12:00 in Berlin.
const NOON: &str = "2026-11-25T11:00:00Z";

fn request<'a>(person: &'a str, host: &'a str, account: &'a str) -> Request<'a> {
    Request {
        person,
        host,
        account,
        source: "198.51.100.7".parse().unwrap(),
        at: NOON.parse().unwrap(),
        length: None,
        reason: "update",
        ticket: "",
        second_factor: true,
        approvals: &[],
        break_glass: false,
    }
}

fn approved_by(people: &[&str]) -> Vec<Approval> {
    people.iter().map(|person| Approval { person: (*person).into(), at: NOON.parse().unwrap() }).collect()
}

#[test]
fn what_a_rule_allows_is_allowed_on_its_terms() {
    let approvals = approved_by(&["ben"]);
    let request = Request { approvals: &approvals, ..request("mia", "WEB01.example.org", "deploy") };
    let Decision::Allow(terms) = policy().decide(&request) else { panic!("{:?}", policy().decide(&request)) };
    assert_eq!(
        (terms.rule.as_str(), terms.party.as_str(), terms.host.as_str()),
        ("webcare-deploy", "webcare", "web01")
    );
    assert_eq!(terms.until, request.at + SignedDuration::from_hours(1));
    assert_eq!(terms.sources, ["198.51.100.0/24".parse().unwrap()]);
    assert_eq!((terms.permits, terms.approved_by), (vec![Permit::Terminal], vec!["ben".to_owned()]));
    // The window's end is sooner than an hour; half an hour is asked for.
    let late = Request { at: "2026-11-25T16:50:00Z".parse().unwrap(), ..request.clone() };
    let Decision::Allow(terms) = policy().decide(&late) else { panic!() };
    assert_eq!(terms.until.to_string(), "2026-11-25T17:00:00Z");
    let short = Request { length: Some(SignedDuration::from_mins(5)), ..request };
    let Decision::Allow(terms) = policy().decide(&short) else { panic!() };
    assert_eq!(terms.until.to_string(), "2026-11-25T11:05:00Z");
}

#[test]
fn what_is_missing_is_named() {
    let bare = Request { reason: " ", second_factor: false, ..request("mia", "web01", "deploy") };
    let Decision::Need(missing) = policy().decide(&bare) else { panic!() };
    let by = vec!["anna".to_owned(), "ben".to_owned()];
    assert_eq!(missing, [Missing::SecondFactor, Missing::Reason, Missing::Approvals { more: 1, by }]);
    // Neither one's own approval, nor a stranger's, nor one from the future counts.
    let later = Approval { person: "ben".into(), at: "2027-01-01T00:00:00Z".parse().unwrap() };
    let approvals = [approved_by(&["mia", "tom"]), vec![later]].concat();
    let own = Request { approvals: &approvals, ..request("mia", "web01", "deploy") };
    assert!(matches!(policy().decide(&own), Decision::Need(_)));
}

#[test]
fn what_is_unknown_is_denied() {
    let why = |request: Request<'_>| match policy().decide(&request) {
        Decision::Deny(why) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(request("eve", "web01", "deploy")), [Why::UnknownPerson("eve".into())]);
    assert_eq!(why(request("mia", "mail01", "deploy")), [Why::UnknownHost("mail01".into())]);
    assert!(matches!(&why(request("mia", "web01", "root"))[..], [Why::NoRule { .. }]));
    assert!(matches!(&why(request("mia", "db01", "backup"))[..], [Why::NoRule { .. }]));
    let from = |source: &str, base| Request { source: source.parse().unwrap(), ..base };
    assert!(matches!(&why(from("203.0.113.9", request("mia", "web01", "deploy")))[..], [Why::OtherSource { .. }]));
    assert!(matches!(&why(from("198.51.100.8", request("tom", "db01", "backup")))[..], [Why::OtherSource { .. }]));
    let at = |at: &str, base| Request { at: at.parse().unwrap(), ..base };
    let night = at("2026-11-25T22:00:00Z", request("mia", "web01", "deploy"));
    assert!(matches!(&why(night)[..], [Why::OutsideWindow { .. }]));
    let christmas = at("2026-12-24T12:00:00Z", request("tom", "db01", "backup"));
    assert!(matches!(&why(christmas)[..], [Why::OutsideWindow { .. }]));
    let none = Request { length: Some(SignedDuration::ZERO), ..request("mia", "web01", "deploy") };
    assert_eq!(why(none), [Why::NoLength]);
}

#[test]
fn glass_is_broken_only_when_asked_for() {
    let from = |base| Request { source: "192.0.2.5".parse().unwrap(), ..base };
    assert!(matches!(policy().decide(&from(request("anna", "web01", "root"))), Decision::Deny(_)));
    let fire = Request { break_glass: true, ..from(request("anna", "web01", "root")) };
    assert!(matches!(policy().decide(&fire), Decision::Allow(terms) if terms.break_glass));
    let silent = Request { reason: "", ..fire };
    assert_eq!(policy().decide(&silent), Decision::Need(vec![Missing::Reason]));
}

#[test]
fn the_policy_is_explained_in_sentences() {
    let sentences = policy().sentences();
    assert!(sentences.contains(&
        "anyone of webcare may log in to web01 and web02 as deploy, from 198.51.100.0/24, Mon–Fri 08:00–18:00 Europe/Berlin, \
         for at most one hour at a time, when one of ours approves, giving a reason; with a terminal, without port forwarding, \
         agent forwarding or X11 forwarding (rule webcare-deploy)".to_owned()), "{sentences:#?}");
    let of_web = policy().who_can("10.0.0.11").unwrap();
    assert_eq!(of_web.len(), 2, "{of_web:#?}");
    assert!(of_web[1].starts_with("in an emergency anyone of ours may log in to web01 as root"), "{of_web:#?}");
    assert_eq!(policy().who_can("mail01"), None);
    assert_eq!(policy().what_can("tom").unwrap().len(), 2);
    assert_eq!(policy().what_can("eve"), None);
}

/// The problems of a policy in which a text is replaced.
fn problems(old: &str, new: &str) -> String {
    assert!(POLICY.contains(old), "{old}");
    let problems = Policy::parse(&POLICY.replacen(old, new, 1)).unwrap_err();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn networks_of_ipv4_may_be_written_as_ipv6() {
    for network in ["::ffff:198.51.100.0/120", "198.51.100.0/24"] {
        let policy = Policy::parse(&POLICY.replace("[\"198.51.100.0/24\"]", &format!("[\"{network}\"]"))).unwrap();
        let rule = policy.rules.iter().find(|rule| rule.scope.name == "webcare-deploy").unwrap();
        assert!(rule.scope.lets_in_from("198.51.100.9".parse().unwrap()), "{network}");
        assert!(!rule.scope.lets_in_from("198.51.101.9".parse().unwrap()), "{network}");
    }
}

#[test]
fn what_is_wrong_with_a_policy_is_told_by_its_place() {
    for (old, new, expected) in [
        ("reason = true", "raeson = true", "rules.0.raeson: there is no such key"),
        ("names = [", "alias = [", "hosts.web01.alias: there is no such key"),
        ("hosts = [\"web\"]", "hosts = []", "rules.webcare-deploy.hosts: hosts is empty"),
        ("hosts = [\"web\"]", "hosts = [\"www\"]", "there is no host or group called www"),
        ("web = [\"web01\", \"web02\"]", "web = []", "groups.web: no host is named"),
        (
            "web = [\"web01\", \"web02\"]",
            "web = [\"web01\"]\nunused = [\"www\"]",
            "groups.unused: there is no host called www",
        ),
        (
            "web = [\"web01\", \"web02\"]",
            "web = [\"web01\"]\nweb02 = [\"db01\"]",
            "groups.web02: web02 is the name of a host too",
        ),
        ("accounts = [\"backup\"]", "accounts = [\"..\"]", "'..' is not a name"),
        ("at_most = \"1h\"", "at_most = \"500ms\"", "is not between a second and seven days"),
        ("who = [\"tom\"]", "who = [\"tim\"]", "nobody is called tim"),
        ("Mon-Fri 08:00-18:00", "Mon-Fri 08-18", "is not a window"),
        ("Europe/Berlin", "Europe/Bärlin", "is not a time zone"),
        ("timezone = \"Europe/Berlin\"", "", "need a time zone"),
        ("at_most = \"1h\"", "", "rules.webcare-deploy.at_most: how long a grant holds at most is not said"),
        ("at_most = \"1h\"", "at_most = \"0s\"", "is not between a second and seven days"),
        ("approvals = 1", "approvals = 3", "3 approvals are needed for mia, but only 2 others may approve"),
        ("approvals = 1", "approved_by = [\"anna\"]", "no approval is needed"),
        ("\"198.51.100.7\"", "\"203.0.113.7\"", "tom may come from none of 203.0.113.7/32"),
        ("\"198.51.100.7\"", "\"198.51.100.7/24\"", "the network is 198.51.100.0/24"),
        ("networks = [\"192.0.2.0/24\"]", "", "nothing says where anna may come from"),
        ("name = \"backup\"", "name = \"fire\"", "two rules are called fire"),
        ("permit = [\"terminal\"]", "permit = [\"tty\"]", "'tty' cannot be permitted"),
        ("console = true\n", "", ""),
        ("SHA256:A", "MD5:A", "is not a fingerprint"),
        ("people = [\"mia\", \"tom\"]", "people = [\"mia\", \"anna\"]", "anna is named in staff already"),
        ("[hosts.web02]", "[hosts.web02]\nnames = [\"WEB01\"]", "web01 is web01 already"),
        ("2026-12-24..2026-12-26", "2026-12-24..2026-12-20", "end before they begin"),
        ("timezone = ", "timezone ", "expected"),
    ] {
        if expected.is_empty() {
            assert!(Policy::parse(&POLICY.replacen(old, new, 1)).is_ok());
            continue;
        }
        let told = problems(old, new);
        assert!(told.contains(expected), "{old} → {new}: {told}");
    }
}

#[test]
fn rules_about_the_same_logins_are_told() {
    let twice =
        POLICY.replace("hosts = [\"db01\"]\naccounts = [\"backup\"]", "hosts = [\"web01\"]\naccounts = [\"deploy\"]");
    let notes: Vec<String> = Policy::parse(&twice).unwrap().notes.iter().map(ToString::to_string).collect();
    assert!(notes.iter().any(|note| note.contains("backup too is about tom on web01 as deploy")), "{notes:?}");
}

mod properties {
    use super::*;
    use access::policy::{Terms, contains};
    use proptest::prelude::*;

    fn subset(of: &'static [&'static str]) -> impl Strategy<Value = String> {
        proptest::sample::subsequence(of.to_vec(), 1..=of.len()).prop_map(|chosen| format!("{chosen:?}"))
    }

    fn window() -> impl Strategy<Value = String> {
        let days = prop::sample::select(vec!["Mon-Fri", "Sat,Sun", "Wed", "Fri-Mon", "2026-10-25", "2026-03-29"]);
        (days, 0..24, 0..24, prop::bool::ANY).prop_map(|(days, from, until, always)| {
            if always { "always".into() } else { format!("{days} {from:02}:00-{until:02}:30") }
        })
    }

    fn rule(number: usize) -> impl Strategy<Value = String> {
        let lists = (
            subset(&["one", "two", "anna"]),
            subset(&["h1", "h2", "h3"]),
            subset(&["root", "deploy"]),
            subset(&["10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24", "2001:db8::/32"]),
        );
        let rest = (window(), 1..600u32, 0..2u32, prop::bool::ANY, prop::option::of(0..30i8), prop::bool::ANY);
        (lists, rest).prop_map(move |((who, hosts, accounts, from), (when, minutes, approvals, glass, except, reason))| {
            let table = if glass { "break_glass" } else { "rules" };
            let except = except.map_or(String::new(), |day| format!("except = [\"2026-10-{:02}\"]\n", day + 1));
            format!(
                "[[{table}]]\nname = \"r{number}\"\nwho = {who}\nhosts = {hosts}\naccounts = {accounts}\nfrom = {from}\n\
                 when = [\"{when}\"]\nat_most = \"{minutes}m\"\napprovals = {approvals}\n{except}{}",
                if reason { "reason = true\n" } else { "" }
            )
        })
    }

    const PARTIES: &str = "timezone = \"Europe/Berlin\"\n[staff]\npeople = [\"anna\", \"ben\"]\n\
        [providers.one]\npeople = [\"mia\", \"max\"]\nnetworks = [\"10.0.0.0/8\", \"2001:db8::/32\"]\n\
        [providers.two]\npeople = [\"tom\"]\n[hosts.h1]\n[hosts.h2]\n[hosts.h3]\n";

    /// What no terms may do, whatever the policy and the request.
    fn check(policy: &Policy, request: &Request<'_>, terms: &Terms) {
        let rule = policy.rule(&terms.rule).unwrap();
        assert_eq!(rule.break_glass, request.break_glass);
        assert_eq!(terms.from, request.at);
        assert!(terms.until > terms.from && terms.until <= request.at + rule.at_most, "outlives its rule's length");
        assert!(request.length.is_none_or(|length| terms.until <= request.at + length));
        // Every moment that it holds is one in which the rule is open.
        let length = terms.until.duration_since(terms.from);
        for part in 0..50 {
            let moment = terms.from + SignedDuration::from_secs(length.as_secs() * part / 50);
            assert!(rule.scope.when.contains(moment), "{moment} lies outside of {}", rule.scope.when);
        }
        assert!(rule.scope.covers(request.person, &terms.host, request.account));
        assert!(contains(&terms.sources, request.source));
        let party = policy.party_of(request.person).unwrap();
        assert!(!terms.sources.is_empty());
        let within =
            |outer: &[_]| terms.sources.iter().all(|net| outer.iter().any(|other: &ipnet::IpNet| other.contains(net)));
        assert!(party.networks.is_empty() || within(&party.networks), "reaches beyond the provider's networks");
        assert!(request.second_factor);
        assert!(!rule.needs_reason || !request.reason.is_empty());
        let others = request.approvals.iter().filter(|approval| approval.person != request.person);
        let mut others: Vec<&str> = others.map(|approval| approval.person.as_str()).collect();
        others.sort_unstable();
        others.dedup();
        assert!(others.len() >= rule.approvals as usize, "too few approvals");
        assert!(!terms.approved_by.contains(&request.person.to_owned()));
    }

    #[test]
    fn no_terms_outlive_or_outreach_their_rule() {
        let people = || prop::sample::select(vec!["mia", "max", "tom", "anna", "ben", "eve"]);
        let sources = vec!["10.1.2.3", "10.9.0.1", "192.0.2.7", "203.0.113.1", "2001:db8::1", "::ffff:10.1.2.3"];
        let asked = (
            people(),
            prop::sample::select(vec!["h1", "H2", "h3", "h4"]),
            prop::sample::select(vec!["root", "deploy", "other"]),
            prop::sample::select(sources),
            1_790_000_000i64..1_795_000_000,
            prop::option::of(1i64..60_000),
            (prop::bool::ANY, prop::bool::weighted(0.9), prop::bool::ANY),
            prop::collection::vec(people(), 0..3),
        );
        let policies = (rule(0), rule(1), rule(2), rule(3)).prop_map(|(a, b, c, d)| format!("{PARTIES}{a}{b}{c}{d}"));
        let allowed = std::cell::Cell::new(0);
        let config = ProptestConfig { cases: 4000, ..ProptestConfig::default() };
        proptest!(config, |(text in policies, asked in prop::collection::vec(asked, 8))| {
            let policy = match Policy::parse(&text) {
                Ok(policy) => policy,
                Err(_) => return Ok(()),
            };
            for (person, host, account, source, second, length, (reason, factor, glass), approvers) in asked {
                let at = Timestamp::from_second(second).unwrap();
                let approvals: Vec<Approval> = approvers.iter().map(|person| Approval { person: (*person).into(), at }).collect();
                let request = Request {
                    person, host, account,
                    source: source.parse().unwrap(),
                    at,
                    length: length.map(SignedDuration::from_secs),
                    reason: if reason { "why" } else { "" },
                    ticket: "",
                    second_factor: factor,
                    approvals: &approvals,
                    break_glass: glass,
                };
                if let Decision::Allow(terms) = policy.decide(&request) {
                    allowed.set(allowed.get() + 1);
                    check(&policy, &request, &terms);
                }
            }
        });
        assert!(allowed.get() > 300, "the property was looked at {} times only", allowed.get());
    }
}
