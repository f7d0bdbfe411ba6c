//! What a record tells of a login, as the accounting keeps it.

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use event::{Finding, LogSource, Login, Matched, Observation, Piece, Place, Position, Record, Time, Value};
use serde::{Deserialize, Serialize};

use super::Class;

/// The longest text that is kept.
const MAX_TEXT: usize = 256;

/// One record of a login, or of what sshd says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    /// Nanoseconds since 1970.
    pub time: i64,
    pub at: Standing,
    /// The host: the policy's id, or else the name in the log.
    pub host: Arc<str>,
    pub user: String,
    pub by_user: String,
    pub source: String,
    pub port: Option<u16>,
    pub terminal: String,
    pub service: String,
    pub method: String,
    pub key: String,
    pub certificate: Option<Certificate>,
    pub reason: String,
}

/// A certificate as a log tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Certificate {
    pub id: String,
    pub serial: u64,
    pub authority: String,
}

/// Where a record stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    pub path: Arc<str>,
    /// [`Position::tag`].
    tag: u8,
    pub number: u64,
}

impl Standing {
    pub fn of(path: Arc<str>, position: Position) -> Self {
        Self { path, tag: position.tag(), number: position.number() }
    }

    fn place(&self) -> Place {
        let position = Position::of(self.tag, self.number).unwrap_or(Position::Record(self.number));
        Place { piece: Arc::new(Piece { path: self.path.to_string() }), position }
    }
}

pub(super) fn kept(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let fits = |end: &usize| *end <= MAX_TEXT - '…'.len_utf8();
    let end = text.char_indices().map(|(at, _)| at).take_while(fits).last().unwrap_or_default();
    format!("{}…", text.get(..end).unwrap_or_default())
}

impl Told {
    /// What stands at a place of a piece, before anything is known of it.
    pub fn at(path: Arc<str>, observation: &Observation<'_>, host: Arc<str>) -> Self {
        let (time, at) = (observation.time.as_nanos(), Standing::of(path, observation.position));
        Self { time, at, host, ..Self::default() }
    }

    /// The same with what a login tells.
    pub fn with(&self, login: &Login<'_>) -> Self {
        let certificate = login.certificate.as_ref().map(|certificate| Certificate {
            id: kept(&certificate.id),
            serial: certificate.serial,
            authority: kept(&certificate.authority),
        });
        Self {
            time: self.time,
            at: self.at.clone(),
            host: self.host.clone(),
            user: kept(&login.user),
            by_user: kept(&login.by_user),
            source: kept(&login.source),
            port: login.port,
            terminal: kept(&login.terminal),
            service: kept(&login.service),
            method: kept(&login.method),
            key: login.key.as_ref().map(|key| kept(&key.fingerprint)).unwrap_or_default(),
            certificate,
            reason: kept(&login.reason),
        }
    }

    /// What stands at another number of the same piece, at another time.
    pub fn moved(&self, (number, time): (u64, i64)) -> Self {
        Self { time, at: Standing { number, ..self.at.clone() }, host: self.host.clone(), ..Self::default() }
    }

    /// The account on its host, as a key.
    pub fn account(&self) -> String {
        format!("{}\0{}", self.host, self.user)
    }

    /// Whether this is another record of the same login: of a copy of the log, of the journal beside it.
    pub fn repeats(&self, other: &Self) -> bool {
        (self.time - other.time).abs() <= super::WAIT
            && (&self.user, &self.source, self.port, &self.method)
                == (&other.user, &other.source, other.port, &other.method)
            && (&self.key, &self.certificate) == (&other.key, &other.certificate)
    }

    /// By what was right before, where sshd asked for several things: a key or certificate tells more than a password.
    pub fn with_factor(self, factor: Option<Box<Self>>) -> Self {
        match factor {
            Some(factor) if self.key.is_empty() && self.certificate.is_none() => {
                let Self { method, key, certificate, .. } = *factor;
                Self { method, key, certificate, ..self }
            }
            _ => self,
        }
    }

    pub fn time(&self) -> Time {
        Time::from_nanos(self.time)
    }

    /// The client's address, where the log tells one.
    pub fn address(&self) -> Option<IpAddr> {
        self.source.parse::<IpAddr>().ok().map(|address| address.to_canonical())
    }

    /// What is found of it, in words.
    pub fn finding(&self, class: Class, why: String) -> Finding {
        let certificate = self.certificate.as_ref();
        let serial = certificate.map(|certificate| certificate.serial.to_string());
        let fields = [
            ("user", self.user.as_str()),
            ("by_user", &self.by_user),
            ("source_address", &self.source),
            ("terminal", &self.terminal),
            ("service", &self.service),
            ("method", &self.method),
            ("key_fingerprint", &self.key),
            ("certificate_serial", serial.as_deref().unwrap_or_default()),
            ("certificate_id", certificate.map_or("", |certificate| &certificate.id)),
            ("ca_fingerprint", certificate.map_or("", |certificate| &certificate.authority)),
            ("reason", &why),
        ];
        let told = fields.into_iter().filter(|(_, value)| !value.is_empty());
        let matched = told.map(|(field, value)| Matched { field: field.into(), value: value.into() }).collect();
        Finding::new(&class.rule(), Some(self.time()), self.at.place(), &About(&self.host), matched)
    }
}

/// What a finding takes from a record: here the host is all.
struct About<'a>(&'a str);

impl Record for About<'_> {
    fn source(&self) -> LogSource<'_> {
        LogSource { product: "", channel: "", provider: "", event_id: 0 }
    }

    fn host(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0)
    }

    fn position(&self) -> Position {
        Position::Record(0)
    }

    fn visit(&self, _: &mut dyn FnMut(&str, Value<'_>)) {}
}
