//! What the accounting has learned so far.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use event::Link;
use foldhash::HashMap;
use serde::{Deserialize, Serialize};

use super::{
    rotation::Rotations,
    told::{Standing, Told},
    usual::Usual,
};

/// How often one account's becoming another is told, in nanoseconds.
const AGAIN: i64 = 3_600_000_000_000;
/// How long before and behind the evidence what happened at the gate may matter to it, in nanoseconds: a day.
const MARGIN: i64 = 86_400_000_000_000;
/// How many connections are followed at once, how many hosts and accounts are counted.
pub(super) const MAX: usize = 1 << 16;

/// A login: its time and source, and where it is explained its connection.
pub(super) type Accepted = (i64, String, Option<u64>);

/// All that it has learned so far.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct State {
    pub next: u64,
    pub open: BTreeMap<u64, Connection>,
    pub by_name: HashMap<Arc<str>, u64>,
    /// What is to be looked at again, and when.
    pub waiting: VecDeque<(i64, u64)>,
    pub refusals: VecDeque<(i64, u64)>,
    /// Sessions that systemd-logind tells of, and when they are to be looked at.
    pub sessions: VecDeque<(i64, Told)>,
    /// Connections that are over, and until when they are remembered.
    pub ended: VecDeque<(i64, u64)>,
    /// The last logins by host and account, and those before them whose session may go on.
    pub accepted: HashMap<String, VecDeque<Accepted>>,
    /// Since when sshd is known to tell of connections, by host: the first that says at which address.
    pub listens: HashMap<String, i64>,
    /// When the first step was told.
    pub first: Option<i64>,
    pub hosts: HashMap<Arc<str>, Log>,
    /// How far each piece was seen in the order of time, by piece and host.
    pub courses: HashMap<Arc<str>, HashMap<Arc<str>, Order>>,
    /// The first record of a host in each piece.
    pub pieces: BTreeMap<Arc<str>, (Arc<str>, Standing, i64)>,
    pub rotations: Rotations,
    /// The last time that something was told, so that it is not told again at once.
    pub told: HashMap<String, i64>,
    pub logins: u64,
    pub explained: u64,
    /// The serials of grants that broke the glass and were used.
    pub glass: BTreeSet<u64>,
    /// Sessions whose end was not waited for, since too many others were open.
    pub unfollowed: u64,
    pub elsewhere: BTreeMap<String, u64>,
    pub elsewhere_more: u64,
    pub now: i64,
    pub usual: Usual,
}

/// What is known of a host's log.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Log {
    pub began: i64,
    pub last: i64,
    /// Whether sshd tells of logins in it, and whether sessions end.
    pub has_sshd: bool,
    pub has_ends: bool,
    /// When systemd-logind was last started.
    pub logind: Option<i64>,
    /// When the host was started, and what it told last before; the last ones.
    pub starts: VecDeque<(i64, i64)>,
}

impl Log {
    /// Until when it is known that a session of this beginning may have gone on: a start of the host ends all.
    pub fn seen_after(&self, began: i64) -> i64 {
        self.starts.iter().find(|(start, _)| *start > began).map_or(self.last, |(_, before)| *before)
    }
}

/// The part of a piece seen last in which places and times rise together.
#[derive(Serialize, Deserialize)]
pub(super) struct Order {
    pub last: u64,
    pub last_time: i64,
    pub is_told: bool,
    /// The times that the piece has.
    pub began: i64,
    pub ended: i64,
}

/// A connection of which something is known.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Connection {
    pub names: Vec<Arc<str>>,
    pub state: Phase,
    pub refused: Vec<Told>,
    /// What was right of several things that sshd asks for.
    pub factor: Option<Box<Told>>,
}

impl Connection {
    /// Whether somebody was let in, and is still there.
    pub fn is_open(&self) -> bool {
        matches!(self.state, Phase::In { .. })
    }
}

#[derive(Default, Serialize, Deserialize)]
pub(super) enum Phase {
    /// Nobody is known to be let in.
    #[default]
    Before,
    /// Others tell of a session; sshd's line may yet come.
    Waiting(Box<Told>),
    /// It was judged. Its grant ends, and has a serial.
    In { told: Box<Told>, until: Option<(i64, u64)> },
    /// It was judged, and is over; copies of its lines may still come.
    Ended(Box<Told>),
    /// Nothing more is of interest.
    Over,
}

impl State {
    pub fn count_elsewhere(&mut self, host: &str) {
        if self.elsewhere.len() >= MAX && !self.elsewhere.contains_key(host) {
            self.elsewhere_more += 1;
        } else {
            *self.elsewhere.entry(host.to_owned()).or_default() += 1;
        }
    }

    /// The time that the evidence tells of, with a day before and behind it; all time where it tells of no login.
    pub fn period(&self) -> std::ops::RangeInclusive<i64> {
        let Some(first) = self.first else { return i64::MIN..=i64::MAX };
        first.saturating_sub(MARGIN)..=self.now.saturating_add(MARGIN)
    }

    pub fn find(&self, names: &Names) -> Option<u64> {
        names.iter().find_map(|name| self.by_name.get(name).copied())
    }

    /// Whether a connection over which somebody was let in goes on.
    pub fn is_open(&self, id: u64) -> bool {
        self.open.get(&id).is_some_and(Connection::is_open)
    }

    /// Whether such a login to an account ([`Told::account`]) is remembered.
    pub fn has_accepted(&self, account: &str, is_such: impl Fn(&Accepted) -> bool) -> bool {
        self.accepted.get(account).is_some_and(|logins| logins.iter().any(is_such))
    }

    pub fn name(&mut self, id: u64, names: &Names) {
        let Some(connection) = self.open.get_mut(&id) else { return };
        for name in names.iter() {
            if self.by_name.get(name) != Some(&id) {
                let name: Arc<str> = name.into();
                self.by_name.insert(Arc::clone(&name), id);
                connection.names.push(name);
            }
        }
    }

    /// Takes a connection out, and those of its names that no other one has since.
    pub fn forget(&mut self, id: u64) -> Option<Connection> {
        let connection = self.open.remove(&id)?;
        for name in &connection.names {
            if self.by_name.get(name) == Some(&id) {
                self.by_name.remove(name);
            }
        }
        Some(connection)
    }

    /// The connection that is given up where there are too many: one that was refused, or is over, before one that somebody is in by.
    pub fn least_needed(&mut self) -> Option<u64> {
        let queued = self.refusals.pop_front().or_else(|| self.ended.pop_front()).map(|(_, id)| id);
        queued.or_else(|| self.open.keys().next().copied())
    }

    /// Begins a connection, in the place of others of these names.
    pub fn begin(&mut self, names: &Names, state: Phase) -> u64 {
        let id = self.next;
        self.next += 1;
        self.open.insert(id, Connection { state, ..Connection::default() });
        self.name(id, names);
        id
    }

    /// Whether something of this name was not told within a while.
    pub fn is_new(&mut self, what: String, now: i64) -> bool {
        if self.told.len() >= MAX {
            self.told.clear();
        }
        let before = self.told.insert(what, now);
        before.is_none_or(|before| now - before > AGAIN)
    }

    /// Whether something of this name was not told just now.
    pub fn is_new_within(&mut self, what: &str, now: i64) -> bool {
        let before = self.told.get(what).copied();
        let is_new = before.is_none_or(|before| now - before > super::WAIT);
        if is_new {
            self.is_new(what.to_owned(), now);
        }
        is_new
    }
}

/// The names under which a connection is known on its host: by its session, and by its client's address and port.
#[derive(Default)]
pub(super) struct Names {
    text: String,
    /// Where the first ends.
    middle: usize,
}

impl Names {
    pub fn of(host: &str, of: &Link<'_>) -> Self {
        let has_session = (1..=256).contains(&of.session.len());
        let port = of.port.filter(|_| (1..=256).contains(&of.source.len()));
        let mut text = String::with_capacity(2 * host.len() + of.session.len() + of.source.len() + 8);
        if has_session {
            text.extend([host, "\0", &of.session]);
        }
        let middle = text.len();
        if let Some(port) = port {
            text.extend([host, "\0", &of.source, "\0", itoa::Buffer::new().format(port)]);
        }
        Self { text, middle }
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let (session, client) = self.text.split_at_checked(self.middle).unwrap_or_default();
        [session, client].into_iter().filter(|name| !name.is_empty())
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether its session is a terminal's.
    pub fn is_terminal(&self) -> bool {
        self.text.get(..self.middle).is_some_and(|session| session.contains("\0terminal "))
    }
}
