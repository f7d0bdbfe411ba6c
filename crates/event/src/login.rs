use std::borrow::Cow;

use crate::Values;

/// One try to log in, and what came of it: the same view of every kind of log. A text is empty where the log does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login<'a> {
    /// The account, as the client named it.
    pub user: Cow<'a, str>,
    /// The account's Windows domain, or the machine it belongs to.
    pub domain: Cow<'a, str>,
    /// Whether the account was unknown, or one that the configuration refuses; sshd calls both `invalid user`.
    pub is_unknown: bool,
    /// The account that asked for it from within a session of its own (`su`, `runas`).
    pub by_user: Cow<'a, str>,
    /// The machine that was logged in to.
    pub host: Cow<'a, str>,
    /// The client's address; for a login that went out, the machine that it went out from.
    pub source: Cow<'a, str>,
    /// The client's name.
    pub source_host: Cow<'a, str>,
    /// The client's port.
    pub port: Option<u16>,
    /// The terminal: `tty1`, `pts/0`.
    pub terminal: Cow<'a, str>,
    /// What was logged in through: `ssh`, `windows`, `rdp`, `login`, `su`, the service's name in PAM, or `terminal` where only that is known.
    pub service: Cow<'a, str>,
    /// `password`, `publickey`, `keyboard-interactive`, …; for Windows the logon type by its name: `interactive`, `network`, ….
    pub method: Cow<'a, str>,
    /// Windows' authentication package: `Kerberos`, `NTLM V2`, `Negotiate`, ….
    pub package: Cow<'a, str>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why it failed.
    pub reason: Cow<'a, str>,
    /// The key it was tried with.
    pub key: Option<Key<'a>>,
    /// The certificate of that key.
    pub certificate: Option<Certificate<'a>>,
    /// What its session is called on the machine (`pid 4711`, `logon 0x3e7`, `session 2`, `terminal pts/0`): by it other records of
    /// the session are found.
    pub session: Cow<'a, str>,
    /// How many such tries the record stands for (`message repeated 3 times`).
    pub times: u64,
}

/// What came of a try to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The client is in.
    Accepted,
    /// One of several factors was right.
    Partial,
    /// Refused.
    Failed,
    /// The record tells of the try alone.
    Attempted,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Partial, Self::Failed, Self::Attempted];

    /// `accepted`, `partial`, `failed` or `attempted`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Attempted => "attempted",
        }
    }

    /// The outcome that [`Outcome::as_str`] calls so.
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

impl std::str::FromStr for Outcome {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::named(text)
            .ok_or_else(|| format!("'{text}' is not an outcome; use accepted, partial, failed or attempted"))
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// `ED25519`, `RSA`, `ECDSA`, `ED25519-SK`, …; without `-CERT`.
    pub kind: Cow<'a, str>,
    /// `SHA256:…`, in old logs MD5 in hexadecimal; empty where a certificate is told without it.
    pub fingerprint: Cow<'a, str>,
}

/// An OpenSSH certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// Its key id, as written.
    pub id: Cow<'a, str>,
    /// Its serial.
    pub serial: u64,
    /// The authority's kind of key.
    pub authority_kind: Cow<'a, str>,
    /// The authority's fingerprint.
    pub authority: Cow<'a, str>,
}

/// The end of a connection or session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logout<'a> {
    /// Which one.
    pub of: Link<'a>,
    /// Why, as the log words it.
    pub reason: Cow<'a, str>,
    /// The try that it ended before anyone was let in, where the record tells of one: `Connection closed by authenticating user …`.
    pub tried: Option<Box<Login<'a>>>,
}

impl Logout<'_> {
    /// The session of a machine that was started: with it all others have ended.
    pub const START: &'static str = "start of the machine";
}

/// What was asked for in a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// In which one.
    pub of: Link<'a>,
    /// `shell`, `command`, `forced-command (…)`, `subsystem`, `forwarding refused`.
    pub kind: Cow<'a, str>,
    /// The command, the subsystem's name, the destination.
    pub what: Cow<'a, str>,
    /// The terminal that was opened for it: `pts/0`.
    pub terminal: Cow<'a, str>,
}

/// What a record says of the connection it is about. One of a session's names is enough to find it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link<'a> {
    /// The machine that was logged in to.
    pub host: Cow<'a, str>,
    /// As [`Login::session`].
    pub session: Cow<'a, str>,
    /// As [`Login::source`].
    pub source: Cow<'a, str>,
    /// As [`Login::port`].
    pub port: Option<u16>,
}

/// What one record tells of a login or its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// A try to log in.
    Login(Login<'a>),
    /// A try to log in, or a session that was opened, of which another record of the same connection may tell better.
    Hint(Login<'a>),
    /// Something asked for in a session.
    Request(Request<'a>),
    /// The session has a further name: sshd's child.
    Child(Link<'a>, Cow<'a, str>),
    /// The end of a session.
    Logout(Logout<'a>),
}

impl Default for Login<'_> {
    fn default() -> Self {
        let none = || Cow::Borrowed("");
        Self {
            user: none(),
            domain: none(),
            is_unknown: false,
            by_user: none(),
            host: none(),
            source: none(),
            source_host: none(),
            port: None,
            terminal: none(),
            service: none(),
            method: none(),
            package: none(),
            outcome: Outcome::Attempted,
            reason: none(),
            key: None,
            certificate: None,
            session: none(),
            times: 1,
        }
    }
}

impl<'a> Login<'a> {
    /// What it says of its connection.
    pub fn link(&self) -> Link<'a> {
        let (host, session, source) = (self.host.clone(), self.session.clone(), self.source.clone());
        Link { host, session, source, port: self.port }
    }

    /// With texts of its own, as `own` makes them.
    pub(crate) fn with_texts(self, own: impl Fn(Cow<'a, str>) -> Cow<'static, str>) -> Login<'static> {
        let certificate = |certificate: Certificate<'a>| Certificate {
            id: own(certificate.id),
            serial: certificate.serial,
            authority_kind: own(certificate.authority_kind),
            authority: own(certificate.authority),
        };
        Login {
            user: own(self.user),
            domain: own(self.domain),
            is_unknown: self.is_unknown,
            by_user: own(self.by_user),
            host: own(self.host),
            source: own(self.source),
            source_host: own(self.source_host),
            port: self.port,
            terminal: own(self.terminal),
            service: own(self.service),
            method: own(self.method),
            package: own(self.package),
            outcome: self.outcome,
            reason: own(self.reason),
            key: self.key.map(|key| Key { kind: own(key.kind), fingerprint: own(key.fingerprint) }),
            certificate: self.certificate.map(certificate),
            session: own(self.session),
            times: self.times,
        }
    }

    /// Takes from another record of the same try what this one does not say.
    pub fn fill(&mut self, other: Login<'a>) {
        let texts = [
            (&mut self.user, other.user),
            (&mut self.domain, other.domain),
            (&mut self.by_user, other.by_user),
            (&mut self.source, other.source),
            (&mut self.source_host, other.source_host),
            (&mut self.terminal, other.terminal),
            (&mut self.method, other.method),
            (&mut self.package, other.package),
            (&mut self.reason, other.reason),
            (&mut self.session, other.session),
        ];
        texts.into_iter().filter(|(mine, _)| mine.is_empty()).for_each(|(mine, text)| *mine = text);
        self.port = self.port.or(other.port);
        self.key = self.key.take().or(other.key);
        self.certificate = self.certificate.take().or(other.certificate);
        self.is_unknown |= other.is_unknown;
    }

    pub(crate) fn pack(&self, out: &mut Vec<u8>) {
        let mut digits = [itoa::Buffer::new(); 3];
        let [port, times, serial] = &mut digits;
        let (port, times) = (self.port.map_or("", |number| port.format(number)), times.format(self.times));
        let (key, certificate) = (self.key.as_ref(), self.certificate.as_ref());
        let serial = certificate.map(|certificate| serial.format(certificate.serial));
        let texts = [
            &self.user,
            &self.domain,
            &self.by_user,
            &self.host,
            &self.source,
            &self.source_host,
            &self.terminal,
            &self.service,
            &self.method,
            &self.package,
            &self.reason,
            &self.session,
        ];
        texts.into_iter().for_each(|text| Values::pack(Some(text), out));
        let unknown = if self.is_unknown { "true" } else { "" };
        [port, self.outcome.as_str(), times, unknown].into_iter().for_each(|text| Values::pack(Some(text), out));
        let of_certificate = [
            key.map(|key| &*key.kind),
            key.map(|key| &*key.fingerprint),
            certificate.map(|certificate| &*certificate.id),
            serial,
            certificate.map(|certificate| &*certificate.authority_kind),
            certificate.map(|certificate| &*certificate.authority),
        ];
        of_certificate.into_iter().for_each(|text| Values::pack(text, out));
    }

    pub(crate) fn unpack(values: &mut Values<'a>) -> Option<Self> {
        let mut texts = [""; 16];
        for text in &mut texts {
            *text = values.next()??;
        }
        let of_certificate: [Option<&str>; 6] = std::array::from_fn(|_| values.next().flatten());
        let texts = texts.map(Cow::Borrowed);
        let [
            user,
            domain,
            by_user,
            host,
            source,
            source_host,
            terminal,
            service,
            method,
            package,
            reason,
            session,
            rest @ ..,
        ] = texts;
        let [port, outcome, times, unknown] = rest;
        let [kind, fingerprint, id, serial, authority_kind, authority] =
            of_certificate.map(|text| text.map(Cow::Borrowed));
        let key = kind.zip(fingerprint).map(|(kind, fingerprint)| Key { kind, fingerprint });
        let certificate = match (id, serial, authority_kind, authority) {
            (Some(id), Some(serial), Some(authority_kind), Some(authority)) => {
                Some(Certificate { id, serial: serial.parse().ok()?, authority_kind, authority })
            }
            _ => None,
        };
        Some(Self {
            user,
            domain,
            is_unknown: !unknown.is_empty(),
            by_user,
            host,
            source,
            source_host,
            port: port.parse().ok(),
            terminal,
            service,
            method,
            package,
            outcome: outcome.parse().ok()?,
            reason,
            key,
            certificate,
            session,
            times: times.parse().ok()?,
        })
    }
}

impl<'a> Link<'a> {
    fn pack(&self, out: &mut Vec<u8>) {
        let mut digits = itoa::Buffer::new();
        let port = self.port.map_or("", |port| digits.format(port));
        [&*self.host, &self.session, &self.source, port].into_iter().for_each(|text| Values::pack(Some(text), out));
    }

    fn unpack(values: &mut Values<'a>) -> Option<Self> {
        let mut next = || values.next().flatten().map(Cow::Borrowed);
        Some(Self { host: next()?, session: next()?, source: next()?, port: next()?.parse().ok() })
    }
}

impl<'a> Step<'a> {
    /// Appends it, packed as [`Values`] whose first says which kind of step it is.
    pub fn pack(&self, out: &mut Vec<u8>) {
        let mut texts = |texts: &[&str]| texts.iter().for_each(|text| Values::pack(Some(text), out));
        match self {
            Self::Login(login) => {
                texts(&["login"]);
                login.pack(out);
            }
            Self::Hint(login) => {
                texts(&["hint"]);
                login.pack(out);
            }
            Self::Request(request) => {
                texts(&["request", &request.kind, &request.what, &request.terminal]);
                request.of.pack(out);
            }
            Self::Child(of, child) => {
                texts(&["child", child]);
                of.pack(out);
            }
            Self::Logout(logout) => {
                texts(&["logout", &logout.reason]);
                logout.of.pack(out);
                if let Some(tried) = &logout.tried {
                    tried.pack(out);
                }
            }
        }
    }

    /// The step that was packed; `None` if none was.
    pub fn unpack(mut values: Values<'a>) -> Option<Self> {
        let kind = values.next()??;
        let mut text = || values.next().flatten().map(Cow::Borrowed);
        Some(match kind {
            "login" => Self::Login(Login::unpack(&mut values)?),
            "hint" => Self::Hint(Login::unpack(&mut values)?),
            "request" => {
                let (kind, what, terminal) = (text()?, text()?, text()?);
                Self::Request(Request { of: Link::unpack(&mut values)?, kind, what, terminal })
            }
            "child" => {
                let child = text()?;
                Self::Child(Link::unpack(&mut values)?, child)
            }
            "logout" => {
                let reason = text()?;
                let of = Link::unpack(&mut values)?;
                Self::Logout(Logout { of, reason, tried: Login::unpack(&mut values).map(Box::new) })
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_out_as_they_went_in() {
        let login = Login {
            user: "anna".into(),
            is_unknown: true,
            port: Some(40001),
            outcome: Outcome::Failed,
            key: Some(Key { kind: "RSA".into(), fingerprint: "".into() }),
            certificate: Some(Certificate {
                id: "x".into(),
                serial: u64::MAX,
                authority_kind: "RSA".into(),
                authority: "SHA256:c".into(),
            }),
            times: 3,
            ..Login::default()
        };
        let of = Link { host: "web01".into(), session: "pid 1".into(), source: "::1".into(), port: None };
        let steps = [
            Step::Login(login.clone()),
            Step::Hint(Login::default()),
            Step::Request(Request {
                of: of.clone(),
                kind: "command".into(),
                what: "id".into(),
                terminal: "pts/0".into(),
            }),
            Step::Child(of.clone(), "pid 2".into()),
            Step::Logout(Logout { of: of.clone(), reason: "bye".into(), tried: None }),
            Step::Logout(Logout { of, reason: "".into(), tried: Some(Box::new(login)) }),
        ];
        for step in steps {
            let mut packed = Vec::new();
            step.pack(&mut packed);
            assert_eq!(Step::unpack(Values::packed(&packed)), Some(step));
        }
        assert_eq!(Step::unpack(Values::packed(b"")), None);
    }
}
