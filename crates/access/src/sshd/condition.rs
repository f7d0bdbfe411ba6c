//! The conditions of `Match` lines, and of lists of users and groups.

use std::{net::IpAddr, rc::Rc};

use ipnet::IpNet;

use super::{
    Who,
    words::{delimited, fits, listed},
};

/// Whether a condition holds, of all connections that may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holds {
    /// Of none.
    Nowhere,
    /// Of some: it depends on the connection.
    Somewhere,
    /// Of all.
    Everywhere,
}

impl Holds {
    /// Whether its contrary holds.
    pub fn not(self) -> Self {
        match self {
            Self::Nowhere => Self::Everywhere,
            Self::Somewhere => Self::Somewhere,
            Self::Everywhere => Self::Nowhere,
        }
    }
}

impl From<bool> for Holds {
    fn from(is_so: bool) -> Self {
        if is_so { Self::Everywhere } else { Self::Nowhere }
    }
}

/// A connection, as `sshd -T -C` takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    /// The client's name.
    pub host: String,
    /// Its address.
    pub address: String,
    /// The address that it connects to.
    pub local_address: String,
    /// The port that it connects to.
    pub local_port: u16,
}

/// One criterion of a `Match` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// `all`.
    All,
    User(String),
    Group(String),
    Host(String),
    Address(String),
    LocalAddress(String),
    LocalPort(String),
    /// No account of this host is unknown to it.
    InvalidUser,
    /// One that this program does not know: it may hold.
    Other(String),
}

/// The criteria behind `Match`. What sshd would refuse never comes to be asked: it would not start.
pub(super) fn parse(line: &str) -> Vec<Condition> {
    let (mut conditions, mut rest) = (Vec::new(), line);
    while let Some(name) = delimited(&mut rest) {
        let name = name.to_ascii_lowercase();
        let alone = match name.as_str() {
            "" => continue,
            name if name.starts_with('#') => break,
            "all" => Some(Condition::All),
            "invalid-user" => Some(Condition::InvalidUser),
            _ => None,
        };
        conditions.push(alone.unwrap_or_else(|| {
            let value = delimited(&mut rest).unwrap_or_default().to_owned();
            match name.as_str() {
                "user" => Condition::User(value),
                "group" => Condition::Group(value),
                "host" => Condition::Host(value.to_ascii_lowercase()),
                "address" => Condition::Address(value),
                "localaddress" => Condition::LocalAddress(value),
                "localport" => Condition::LocalPort(value),
                _ => Condition::Other(format!("{name} {value}")),
            }
        }));
    }
    conditions
}

/// Whether all of several `Match` lines hold for an account.
pub(super) fn hold(under: &[Rc<Vec<Condition>>], who: &Who) -> Holds {
    let conditions = under.iter().flat_map(|line| line.iter());
    conditions.map(|condition| condition.holds(who)).min().unwrap_or(Holds::Everywhere)
}

impl Condition {
    fn holds(&self, who: &Who) -> Holds {
        let of_connection = |holds: &dyn Fn(&Connection) -> bool| match &who.from {
            Some(connection) => Holds::from(holds(connection)),
            None => Holds::Somewhere,
        };
        match self {
            Self::All => Holds::Everywhere,
            Self::InvalidUser => Holds::Nowhere,
            Self::Other(_) => Holds::Somewhere,
            Self::User(list) => Holds::from(listed(&who.name, list) == Some(true)),
            Self::Group(list) => Holds::from(in_groups(who, list)),
            Self::Host(list) => of_connection(&|one| listed(&one.host.to_ascii_lowercase(), list) == Some(true)),
            Self::Address(list) => of_connection(&|one| lies_in(&one.address, list) == Some(true)),
            Self::LocalAddress(list) => of_connection(&|one| lies_in(&one.local_address, list) == Some(true)),
            Self::LocalPort(port) => of_connection(&|one| port.parse() == Ok(one.local_port)),
        }
    }
}

/// Whether one of the account's groups is listed, and none behind a `!` is.
fn in_groups(who: &Who, list: &str) -> bool {
    let found: Option<Vec<bool>> = who.groups.iter().map(|group| listed(group, list)).collect();
    found.is_some_and(|found| found.contains(&true))
}

/// What a list of addresses, networks and patterns says of an address (`addr_match_list`); `None` where one behind a `!` fits.
fn lies_in(address: &str, list: &str) -> Option<bool> {
    let parsed: Option<IpAddr> = address.parse().ok();
    let mut is_listed = false;
    for pattern in list.split(',') {
        let (is_not, pattern) = pattern.strip_prefix('!').map_or((false, pattern), |pattern| (true, pattern));
        let network = pattern.parse::<IpNet>().ok().or_else(|| pattern.parse::<IpAddr>().ok().map(IpNet::from));
        let is_in = match (network, parsed) {
            (Some(network), Some(address)) => network.contains(&address),
            (Some(_), None) => false,
            (None, _) => fits(address, pattern),
        };
        if is_in && is_not {
            return None;
        }
        is_listed |= is_in;
    }
    Some(is_listed)
}

/// Whether a list of `AllowUsers` or `DenyUsers` names an account; `USER@HOST` depends on the connection.
pub(super) fn user_in(list: &[&str], who: &Who) -> Holds {
    let one = |pattern: &&str| match pattern.rsplit_once('@') {
        None => Holds::from(fits(&who.name, pattern)),
        Some((user, from)) if fits(&who.name, user) => match &who.from {
            None => Holds::Somewhere,
            Some(one) => Holds::from(lies_in(&one.address, from) == Some(true) || fits(&one.host, from)),
        },
        Some(_) => Holds::Nowhere,
    };
    list.iter().map(one).max().unwrap_or(Holds::Nowhere)
}

/// Whether a list of `AllowGroups` or `DenyGroups` names one of an account's groups.
pub(super) fn group_in(list: &[&str], who: &Who) -> Holds {
    let is_in = |pattern: &&str| who.groups.iter().any(|group| fits(group, pattern));
    Holds::from(list.iter().any(is_in))
}
