//! The smallest policy that explains the logins observed: where there is none yet, it is begun with this.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    net::IpAddr,
};

use event::{Login, Outcome, Time};
use ipnet::IpNet;

use crate::policy::{is_fingerprint, is_name};

/// How many different things are kept: ways of logging in to an account of a host, and for each its sources, the accounts that one became.
const MAX: usize = 1 << 16;
/// The longest source in bytes that is kept.
const LONGEST: usize = 256;
/// So many addresses of one network are written as the network.
const ADDRESSES: usize = 8;

/// How somebody logged in: what stands for the person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Key(String),
    /// A certificate, by its authority.
    Certificate(String),
    Password,
    Console,
}

/// Where somebody came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Sources {
    addresses: BTreeSet<IpAddr>,
    /// Those that are told by name only.
    names: BTreeSet<String>,
}

/// How often, and when last.
#[derive(Clone, Debug, Default)]
struct Use {
    sources: Sources,
    count: u64,
    last: Option<Time>,
}

impl Use {
    /// How many different things stand in it.
    fn kept(&self) -> usize {
        self.sources.addresses.len() + self.sources.names.len()
    }
}

/// The accounts that one became by su and sudo, with how often.
type Became = BTreeMap<String, u64>;

/// An entry of the policy: the hosts that were used alike are one.
#[derive(Debug, Default)]
struct Suggested<'a> {
    hosts: Vec<&'a String>,
    count: u64,
    last: Option<Time>,
    became: BTreeMap<&'a String, u64>,
}

/// Collects logins.
#[derive(Debug, Default)]
pub struct Suggestion {
    /// By the way, the account and the host.
    uses: BTreeMap<(Way, String, String), Use>,
    /// By account and host.
    became: BTreeMap<(String, String), Became>,
    kept: usize,
    forgotten: u64,
}

impl Suggestion {
    /// Takes a login; those that were not let in, and what Windows does by itself, are left out.
    pub fn login(&mut self, time: Time, host: &str, login: &Login<'_>) {
        if login.outcome != Outcome::Accepted || login.user.is_empty() || host.is_empty() {
            return;
        }
        let is_sayable = is_name(host) && is_name(&login.user) && (login.by_user.is_empty() || is_name(&login.by_user));
        if self.kept >= MAX || login.source.len() > LONGEST || !is_sayable {
            self.forgotten += 1;
        } else if login.service == "su" || super::becomes(&login.service) {
            self.became(host.to_lowercase(), login);
        } else if let Some(way) = way(login) {
            self.used((way, login.user.to_string(), host.to_lowercase()), time, login);
        } else {
            self.forgotten += u64::from(login.service == "ssh");
        }
    }

    fn became(&mut self, host: String, login: &Login<'_>) {
        if matches!(&*login.by_user, "" | "root") || super::runs_nothing(&login.service, &login.reason) {
            return;
        }
        let to = self.became.entry((login.by_user.to_string(), host)).or_default();
        let before = to.len();
        *to.entry(login.user.to_string()).or_default() += login.times;
        self.kept += to.len() - before;
    }

    fn used(&mut self, key: (Way, String, String), time: Time, login: &Login<'_>) {
        let known = self.uses.len();
        let used = self.uses.entry(key).or_default();
        let before = used.kept();
        match login.source.parse::<IpAddr>() {
            Ok(address) => drop(used.sources.addresses.insert(address.to_canonical())),
            Err(_) if login.source.is_empty() => {}
            Err(_) => drop(used.sources.names.insert(login.source.to_string())),
        }
        used.count += login.times;
        used.last = used.last.max(Some(time));
        self.kept += used.kept() - before;
        self.kept += self.uses.len() - known;
    }

    /// All uses of accounts of hosts, and the accounts that nobody was seen to log in to but that became others: they were themselves become, or
    /// are a program's.
    fn uses(&self) -> impl Iterator<Item = (&Way, &String, &String, &Use)> {
        static NOBODY: Use =
            Use { sources: Sources { addresses: BTreeSet::new(), names: BTreeSet::new() }, count: 0, last: None };
        let used = self.uses.iter().map(|((way, account, host), used)| (way, account, host, used));
        let known: BTreeSet<(&String, &String)> = self.uses.keys().map(|(_, account, host)| (account, host)).collect();
        let others = self.became.keys().filter(move |(account, host)| !known.contains(&(account, host)));
        used.chain(others.map(|(account, host)| (&Way::Console, account, host, &NOBODY)))
    }

    /// What of it is one entry: an account's hosts, where they were come to from the same places and the same was done there. An entry for all
    /// of an account's hosts and sources would allow what nobody has done.
    fn suggested(&self) -> BTreeMap<(&Way, &String, &Sources, Vec<&String>), Suggested<'_>> {
        let mut suggested: BTreeMap<_, Suggested<'_>> = BTreeMap::new();
        for (way, account, host, used) in self.uses() {
            let became = self.became.get(&(account.clone(), host.clone()));
            let to = became.into_iter().flat_map(BTreeMap::keys).collect();
            let entry = suggested.entry((way, account, &used.sources, to)).or_default();
            entry.hosts.push(host);
            entry.count += used.count;
            entry.last = entry.last.max(used.last);
            for (to, count) in became.into_iter().flatten() {
                *entry.became.entry(to).or_default() += count;
            }
        }
        suggested
    }

    /// The policy, as `access.toml`. Each entry says how often it was used, and when last.
    pub fn policy(&self) -> String {
        let mut out = String::from(
            "# Suggested by `dreamcatcher access suggest`: all logins that were observed, and no more. Read it line by line: what should\n\
             # not be is to be taken out, not allowed. Names of people are made up; put the right ones in.\n\n",
        );
        if self.forgotten > 0 {
            let reason = "by a method that no policy allows, to a host or account of a name that none can have, or in too many ways";
            let _ = writeln!(out, "# {} logins are left out: {reason}", self.forgotten);
        }
        let people: BTreeMap<&Way, String> = self
            .uses()
            .map(|(way, ..)| way)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .zip(1..)
            .map(|(way, number)| (way, format!("person-{number}")))
            .collect();
        let names: Vec<&String> = people.values().collect();
        let authorities: Vec<&str> = people
            .keys()
            .filter_map(|way| if let Way::Certificate(ca) = way { Some(ca.as_str()) } else { None })
            .collect();
        if !authorities.is_empty() {
            let _ = writeln!(out, "authorities = {}\n", list(&authorities));
        }
        if !names.is_empty() {
            let _ = writeln!(out, "[staff]\npeople = {}\n", list(&names));
        }
        for host in self.uses().map(|(_, _, host, _)| host).collect::<BTreeSet<_>>() {
            let _ = writeln!(out, "[hosts.{}]", quoted(host));
        }
        for (((way, account, sources, _), suggested), number) in self.suggested().iter().zip(1..) {
            let who = people.get(way).map_or("", String::as_str);
            let mut entry = String::new();
            suggested.write(&mut entry, number, (who, way), account, sources);
            // Nothing says where from: whoever knows may take the marks away.
            let mark = if sources.addresses.is_empty() && !matches!(way, Way::Console) { "# " } else { "" };
            out.push('\n');
            entry.lines().for_each(|line| out.extend([mark, line, "\n"]));
        }
        out
    }
}

impl Suggested<'_> {
    fn write(&self, out: &mut String, number: u64, (who, way): (&str, &Way), account: &str, sources: &Sources) {
        let last = self.last.map(|last| last.to_jiff().strftime("%Y-%m-%d").to_string()).unwrap_or_default();
        let table = if matches!(way, Way::Certificate(_)) { "rules" } else { "standing" };
        let _ = match self.count {
            0 => writeln!(out, "[[{table}]] # nobody logged in, but it became others"),
            count => writeln!(out, "[[{table}]] # {count} logins, the last on {last}"),
        };
        let (who, hosts, accounts) = (list(&[who]), list(&self.hosts), list(&[account]));
        let _ = writeln!(out, "name = \"observed-{number}\"\nwho = {who}\nhosts = {hosts}\naccounts = {accounts}");
        let networks: Vec<String> = networks(&sources.addresses).iter().map(ToString::to_string).collect();
        for name in &sources.names {
            let _ = writeln!(out, "# also from {}, whose address the log does not tell", name.escape_debug());
        }
        if !matches!(way, Way::Console) {
            let _ = writeln!(out, "from = {}", list(&networks));
        }
        let _ = match way {
            Way::Key(key) => writeln!(out, "keys = {}", list(&[key])),
            Way::Password => writeln!(out, "password = true # better: a key, or a certificate"),
            Way::Console => writeln!(out, "console = true"),
            Way::Certificate(_) => {
                writeln!(out, "when = [\"always\"]\nat_most = \"1h\" # which of them was granted, the ledger says")
            }
        };
        if !self.became.is_empty() {
            let accounts: Vec<&&String> = self.became.keys().collect();
            let _ = writeln!(out, "become = {} # {} times", list(&accounts), self.became.values().sum::<u64>());
        }
    }
}

/// A text as a key or value of TOML: as JSON has it, but that DEL may not stand there as it is.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// Texts as TOML has them.
fn list<T: AsRef<str>>(texts: &[T]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text.as_ref())).collect();
    format!("[{}]", texts.join(", "))
}

/// `None` where no policy can say it: keys of old logs have a fingerprint of MD5.
fn way(login: &Login<'_>) -> Option<Way> {
    let said = |fingerprint: &str| is_fingerprint(fingerprint).then(|| fingerprint.to_owned());
    if let Some(certificate) = &login.certificate {
        return said(&certificate.authority).map(Way::Certificate);
    }
    match (&*login.service, &*login.method) {
        ("ssh", "publickey") => login.key.as_ref().and_then(|key| said(&key.fingerprint)).map(Way::Key),
        ("ssh", "password" | "keyboard-interactive") => Some(Way::Password),
        ("login", _) if login.source.is_empty() => Some(Way::Console),
        _ => None,
    }
}

/// The addresses, many of one network as the network.
fn networks(sources: &BTreeSet<IpAddr>) -> Vec<IpNet> {
    let mut by_network: BTreeMap<IpNet, Vec<IpAddr>> = BTreeMap::new();
    for address in sources {
        let length = if address.is_ipv4() { 24 } else { 64 };
        if let Ok(network) = IpNet::new(*address, length) {
            by_network.entry(network.trunc()).or_default().push(*address);
        }
    }
    let written = by_network.into_iter().flat_map(|(network, addresses)| {
        if addresses.len() >= ADDRESSES { vec![network] } else { addresses.into_iter().map(IpNet::from).collect() }
    });
    written.collect()
}

#[cfg(test)]
mod tests {
    use event::{Certificate, Key};

    use super::*;
    use crate::policy::{Policy, Scope};

    fn login(user: &'static str, method: &'static str, source: &str) -> Login<'static> {
        let (service, outcome) = ("ssh".into(), Outcome::Accepted);
        Login {
            user: user.into(),
            method: method.into(),
            source: source.to_owned().into(),
            service,
            outcome,
            ..Login::default()
        }
    }

    #[test]
    fn the_suggested_policy_is_one_and_covers_what_was_observed() {
        let mut suggestion = Suggestion::default();
        let key = || Some(Key { kind: "ED25519".into(), fingerprint: format!("SHA256:{}", "A".repeat(43)).into() });
        let time = |second: i64| Time::from_nanos(second * 1_000_000_000);
        for number in 0..10 {
            let source = format!("192.0.2.{number}");
            suggestion.login(time(number), "web01", &Login { key: key(), ..login("anna", "publickey", &source) });
        }
        suggestion.login(time(1), "db01", &Login { key: key(), ..login("anna", "publickey", "2001:db8::1") });
        suggestion.login(time(2), "db01", &login("ben", "password", "198.51.100.7"));
        suggestion.login(
            time(2),
            "db01",
            &Login { outcome: Outcome::Failed, ..login("eve", "password", "203.0.113.7") },
        );
        let sudo = Login { service: "sudo".into(), by_user: "anna".into(), ..login("root", "sudo", "") };
        suggestion.login(time(3), "db01", &sudo);
        let (id, authority) = ("g".into(), format!("SHA256:{}", "B".repeat(43)).into());
        let certificate = Certificate { id, serial: 1, authority_kind: "ED25519".into(), authority };
        suggestion.login(
            time(4),
            "web01",
            &Login { certificate: Some(certificate), ..login("deploy", "publickey", "192.0.2.1") },
        );
        let text = suggestion.policy();
        let policy = Policy::parse(&text).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
        assert!(text.contains("[[standing]] # 10 logins, the last on 1970-01-01"), "{text}");
        assert_eq!((policy.standing.len(), policy.rules.len(), policy.hosts.len()), (3, 1, 2), "{text}");
        let standing = |account: &str, host: &str| {
            let is_it = |scope: &Scope| scope.accounts == [account] && scope.hosts == [host];
            &policy.standing.iter().find(|one| is_it(&one.scope)).unwrap().scope
        };
        let [at_web, at_db] = ["web01", "db01"].map(|host| standing("anna", host));
        let lets_in = |scope: &Scope, from: &str| scope.lets_in_from(from.parse().unwrap());
        assert!(lets_in(at_web, "192.0.2.200"), "ten addresses are a network");
        assert!(!lets_in(at_db, "192.0.2.1") && !lets_in(at_web, "2001:db8::1"), "nobody came so");
        assert!(!lets_in(standing("ben", "db01"), "198.51.100.8"));
        assert!(at_web.may_become.is_empty() && at_db.may_become == ["root"]);
        assert!(!text.contains("eve"));
    }

    /// Whatever a log tells, the suggestion is a policy.
    #[test]
    fn what_no_policy_can_have_is_left_out_or_a_comment() {
        let names = [
            "web01",
            "WEB01",
            "web01/eth0",
            "a:b",
            "über",
            "..",
            "-x",
            "x y",
            "DOM\\user",
            "user@corp.example",
            "\"",
            "\n[x]",
            "a\"]\npassword = true\n#",
            "tab\tnul\0esc\u{1b}\u{7f}",
            "\u{202e}x\\",
        ];
        let sources = ["192.0.2.1", "UNKNOWN", "fe80::1%eth0", "host.example", "\n[y]", ""];
        let mut suggestion = Suggestion::default();
        for host in names {
            for user in names {
                for source in sources {
                    suggestion.login(
                        Time::from_nanos(0),
                        host,
                        &Login { host: host.into(), ..login(user, "password", source) },
                    );
                }
                let su = Login { service: "su".into(), by_user: user.into(), ..login("root", "", "") };
                suggestion.login(Time::from_nanos(0), host, &su);
            }
        }
        let text = suggestion.policy();
        let policy = Policy::parse(&text).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
        assert_eq!(policy.hosts.keys().collect::<Vec<_>>(), ["web01"]);
        assert!(text.contains("logins are left out") && text.contains("also from host.example"), "{text}");
        let one = |source| {
            let mut suggestion = Suggestion::default();
            suggestion.login(Time::from_nanos(0), "web01", &login("anna", "password", source));
            suggestion.policy()
        };
        assert!(one("UNKNOWN").contains("# [[standing]] # 1 logins"), "{}", one("UNKNOWN"));
        assert!(Policy::parse(&one("UNKNOWN")).unwrap().standing.is_empty());
    }

    #[test]
    fn fingerprints_of_other_kinds_are_left_out() {
        let mut suggestion = Suggestion::default();
        for fingerprint in ["SHA256:short", "01:02:03", "", "SHA256:\n"] {
            let key = Some(Key { kind: "RSA".into(), fingerprint: fingerprint.into() });
            suggestion.login(Time::from_nanos(0), "web01", &Login { key, ..login("anna", "publickey", "192.0.2.1") });
            let (id, authority, authority_kind) = ("g".into(), fingerprint.into(), "RSA".into());
            let certificate = Some(Certificate { id, serial: 1, authority_kind, authority });
            let by_certificate = Login { certificate, ..login("anna", "publickey", "192.0.2.1") };
            suggestion.login(Time::from_nanos(0), "web01", &by_certificate);
        }
        let text = suggestion.policy();
        let policy = Policy::parse(&text).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
        assert!(policy.hosts.is_empty() && text.contains("# 8 logins are left out"), "{text}");
    }

    #[test]
    fn accounts_that_only_became_others_may_go_on_to() {
        let mut suggestion = Suggestion::default();
        suggestion.login(Time::from_nanos(0), "web01", &login("anna", "password", "192.0.2.1"));
        for (by, to) in [("anna", "ben"), ("ben", "root"), ("www-data", "root")] {
            let su = Login { service: "su".into(), by_user: by.into(), ..login(to, "", "") };
            suggestion.login(Time::from_nanos(0), "web01", &su);
        }
        let text = suggestion.policy();
        let policy = Policy::parse(&text).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
        let becomes = |account: &str| {
            let of_account = policy.standing.iter().find(|one| one.scope.accounts == [account]).unwrap();
            of_account.scope.may_become.clone()
        };
        assert_eq!((becomes("anna"), becomes("ben")), (vec!["ben".to_owned()], vec!["root".to_owned()]));
        assert_eq!(becomes("www-data"), ["root"]);
        assert_eq!(text.matches("nobody logged in").count(), 2, "{text}");
    }

    #[test]
    fn hosts_that_were_used_alike_are_one_entry() {
        let mut suggestion = Suggestion::default();
        for (host, source) in [("a", "192.0.2.1"), ("b", "192.0.2.1"), ("c", "192.0.2.2"), ("b", "192.0.2.1")] {
            suggestion.login(Time::from_nanos(0), host, &login("anna", "password", source));
        }
        let text = suggestion.policy();
        assert!(text.contains("[[standing]] # 3 logins") && text.contains(r#"hosts = ["a", "b"]"#), "{text}");
        assert_eq!(text.matches("[[standing]]").count(), 2);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut suggestion = Suggestion::default();
        for number in 0..(MAX as u32 + 10) {
            let source = std::net::Ipv4Addr::from(number).to_string();
            suggestion.login(Time::from_nanos(0), "web01", &login("anna", "password", &source));
        }
        assert_eq!(suggestion.kept, MAX);
        assert!(suggestion.policy().contains("logins are left out"));
    }
}
