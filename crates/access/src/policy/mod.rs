//! Who may get in where: `access.toml`, what it means, and what it decides.
//!
//! ```text
//! access.toml ──▶ Policy ──decide(Request)──▶ Allow(Terms) · Need(what is missing) · Deny(why)
//! ```
//!
//! The decision is a pure function: nothing but the policy and the request goes in, the time included. What is unknown is denied. No
//! `Terms` outlive their rule's length, its window or an excepted day, or reach beyond its hosts, accounts and networks. Left to others: who proves
//! to be whom (the gate), and whether what happened was granted (the accounting).

mod build;
mod decide;
mod explain;
mod file;
mod window;

use std::{collections::BTreeMap, fmt, net::IpAddr, sync::Arc};

use foldhash::HashMap;
use ipnet::IpNet;
use jiff::SignedDuration;

pub(crate) use build::{LONGEST, is_fingerprint, is_name};
pub use decide::{Approval, Decision, Missing, Request, Terms, Why};
pub use window::Schedule;

/// The party that our own people belong to.
pub const STAFF: &str = "staff";

/// An organisation whose people log in: a provider, or our own staff.
#[derive(Clone, Debug, Default)]
pub struct Party {
    /// How rules name it.
    pub id: String,
    /// How people name it.
    pub name: String,
    /// Its people.
    pub people: Vec<String>,
    /// The networks it comes from; empty where the rules alone say.
    pub networks: Vec<IpNet>,
}

/// A machine that the policy covers.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// How rules name it.
    pub id: String,
    /// What else it is called in logs.
    pub names: Vec<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// What a certificate may permit beside the login itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permit {
    /// A terminal.
    Terminal,
    /// Forwarding of ports.
    PortForwarding,
    /// Forwarding of the agent.
    AgentForwarding,
    /// Forwarding of X11.
    X11Forwarding,
}

impl Permit {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Terminal, Self::PortForwarding, Self::AgentForwarding, Self::X11Forwarding];

    /// The word in `access.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::PortForwarding => "port-forwarding",
            Self::AgentForwarding => "agent-forwarding",
            Self::X11Forwarding => "x11-forwarding",
        }
    }

    /// OpenSSH's name of the certificate's extension (PROTOCOL.certkeys).
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Terminal => "permit-pty",
            Self::PortForwarding => "permit-port-forwarding",
            Self::AgentForwarding => "permit-agent-forwarding",
            Self::X11Forwarding => "permit-X11-forwarding",
        }
    }
}

/// People, each with the networks that they may come from.
pub type People = BTreeMap<String, Arc<[IpNet]>>;

/// Who, where, as whom, from where and when: what rules and standing access have in common. Names are those of people, hosts and accounts;
/// parties and groups are resolved.
#[derive(Clone, Debug)]
pub struct Scope {
    /// What the rule is called.
    pub name: String,
    /// The people, with the networks that the rule lets them come from; rules for the same people share them.
    pub people: Arc<People>,
    /// The hosts, by their ids.
    pub hosts: Vec<String>,
    /// The accounts there.
    pub accounts: Vec<String>,
    /// When.
    pub when: Schedule,
    /// The accounts that su and sudo may lead to from there.
    pub may_become: Vec<String>,
    /// `who`, `hosts` and `from` as written, for sentences.
    written: [Vec<String>; 3],
}

/// A rule by which grants are given.
#[derive(Clone, Debug)]
pub struct Rule {
    /// For whom, where and when.
    pub scope: Scope,
    /// How long a grant holds at most.
    pub at_most: SignedDuration,
    /// How many people have to approve, none of them the one who asks.
    pub approvals: u32,
    /// Who may approve.
    pub approvers: Vec<String>,
    /// Whether a reason has to be given.
    pub needs_reason: bool,
    /// Whether a ticket has to be given.
    pub needs_ticket: bool,
    /// The only command that is run, whatever is asked for.
    pub command: Option<String>,
    /// What is permitted beside the login.
    pub permits: Vec<Permit>,
    /// Whether it is for breaking glass: must be asked for as such, and is always reported.
    pub break_glass: bool,
}

/// Access of people that needs no grant.
#[derive(Clone, Debug)]
pub struct Standing {
    /// For whom, where and when.
    pub scope: Scope,
    /// The fingerprints of the keys (`SHA256:…`) that it is used with.
    pub keys: Vec<String>,
    /// Whether a password is enough.
    pub password: bool,
    /// Whether it holds at the machine itself too.
    pub console: bool,
}

/// What needs a release before it is installed or handed out: patterns of `*` and `?`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnderRelease {
    /// Names of packages, and of their files; `None` for any file of a package that is installed by hand.
    pub packages: Option<Vec<String>>,
    /// Paths on web servers.
    pub paths: Vec<String>,
}

/// Where the gate is: whoever is enrolled logs in to it by their key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateAccount {
    /// The host, by its id.
    pub host: String,
    /// The account there.
    pub account: String,
}

/// `access.toml`, checked and resolved.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Fingerprints of the authorities whose certificates are ours, beside those that the ledger names.
    pub authorities: Vec<String>,
    /// How many of our own people have to approve that the ledger's time is taken back, where the gate's clock was ahead.
    pub clock_approvals: u32,
    /// What needs a release.
    pub releases: UnderRelease,
    /// Where the gate is, if it is on a host that is covered.
    pub gate: Option<GateAccount>,
    /// Providers, and our own staff under [`STAFF`].
    pub parties: BTreeMap<String, Party>,
    /// The hosts that are covered.
    pub hosts: BTreeMap<String, Host>,
    /// Rules by which grants are given, in the order of the file, those for breaking glass last.
    pub rules: Vec<Rule>,
    /// Access that needs no grant.
    pub standing: Vec<Standing>,
    /// What is allowed but may not be meant.
    pub notes: Vec<Problem>,
    /// Lower-case names and addresses of hosts to their ids.
    host_names: BTreeMap<String, String>,
    /// Names of rules to their places.
    rule_places: HashMap<String, usize>,
    /// The party that each person belongs to.
    party_ids: BTreeMap<String, String>,
}

/// Something that is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where: the path of the key in the file, such as `rules.maintenance.hosts`; empty for the file as a whole.
    pub path: String,
    /// What was expected and what stands there.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.reason),
            path => write!(f, "{path}: {}", self.reason),
        }
    }
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// All that is wrong with it: what is not TOML, unknown keys by their path, names that nothing defines, rules that are empty or contradict
    /// themselves, unknown time zones.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        build::build(text)
    }

    /// The host that goes by this name or address, however it is written.
    pub fn host(&self, name: &str) -> Option<&Host> {
        let id = match name.parse::<IpAddr>() {
            Ok(address) => self.host_names.get(&address.to_canonical().to_string())?,
            Err(_) => self.host_names.get(&name.to_lowercase())?,
        };
        self.hosts.get(id)
    }

    /// The host that a log calls so: by its name, by the first part of its name in full, or in full where the policy has the first part only; a name
    /// that could be several hosts' is none's.
    fn called(&self, name: &str) -> Option<&Host> {
        self.host(name).or_else(|| {
            let name = name.to_lowercase();
            if name.parse::<IpAddr>().is_ok() {
                return None;
            }
            let Some((label, _)) = name.split_once('.') else {
                let begin = format!("{name}.");
                let full = self.host_names.range(begin.clone()..).take_while(|(known, _)| known.starts_with(&begin));
                let mut ids = full.map(|(_, id)| id);
                let first = ids.next()?;
                return if ids.all(|id| id == first) { self.hosts.get(first) } else { None };
            };
            self.hosts.get(self.host_names.get(label)?)
        })
    }

    /// The host that a record is about: the one that it names, else the one that a folder is called after in which it stands (`path`).
    pub fn host_of(&self, name: &str, path: &str) -> Option<&Host> {
        if !name.is_empty() {
            return self.called(name);
        }
        path.rsplit(['/', '\\', '!']).skip(1).find_map(|folder| self.host(folder))
    }

    /// The party that a person belongs to.
    pub fn party_of(&self, person: &str) -> Option<&Party> {
        self.parties.get(self.party_ids.get(person)?)
    }

    /// The rule of this name.
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.get(*self.rule_places.get(name)?)
    }
}

impl Scope {
    /// Whether it is about this person, host (by its id) and account.
    pub fn covers(&self, person: &str, host: &str, account: &str) -> bool {
        self.people.contains_key(person) && self.reaches(host, account)
    }

    /// Whether it is about this host (by its id) and account.
    pub fn reaches(&self, host: &str, account: &str) -> bool {
        self.hosts.iter().any(|one| one == host) && self.accounts.iter().any(|one| one == account)
    }

    /// Whether one of its people may come from this address.
    pub fn lets_in_from(&self, address: IpAddr) -> bool {
        self.people.values().any(|networks| contains(networks, address))
    }
}

/// Whether an address lies in one of the networks; one of IPv4 written as IPv6 is the same.
pub fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn and<T: fmt::Display>(names: &[T]) -> String {
    joined(names, "and")
}

fn joined<T: fmt::Display>(names: &[T], word: &str) -> String {
    let Some((last, before)) = names.split_last() else { return String::new() };
    let before: Vec<String> = before.iter().map(ToString::to_string).collect();
    if before.is_empty() { last.to_string() } else { format!("{} {word} {last}", before.join(", ")) }
}
