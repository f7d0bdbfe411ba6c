//! The gate: what an enrolled key runs at sshd as its forced command. It proves the person by a second factor, asks the policy, writes
//! the ledger and signs.
//!
//! ```text
//! sshd ──key──▶ Session ──Command──▶ second factor ──▶ policy ──▶ ledger (on the disk) ──Grant──▶ certificate ──▶ person
//! ```
//!
//! It listens to nobody and runs no program. Everything that it knows stands in one folder that belongs to its account alone.

mod authority;
mod clock;
mod command;
mod enrol;
mod factor;
mod folder;
mod keys;
mod list;
mod release;
mod request;
mod review;

use std::{
    io::{BufRead, Read, Write},
    net::IpAddr,
    path::Path,
};

use jiff::Timestamp;
use zeroize::Zeroizing;

pub use authority::NewKey;
pub use command::Command;
pub use enrol::Invited;
pub use folder::{Begin, Folder, PolicyText, Settings};

use factor::Proof;

use crate::{
    Error, SecondFactor, What,
    ca::Authority,
    error::Result,
    ledger::{Change, Enrolled, Ledger},
    policy::{Policy, STAFF, contains},
    seal::Seal,
};

/// Who works on the gate's host itself.
pub const LOCAL: &str = "local";
/// How many tries that the gate refuses are noted for a person in ten minutes, and how many requests are taken.
const RATE: u32 = 30;
/// The time that the rate is counted over.
const RATE_TIME: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

/// An open gate.
pub struct Gate {
    folder: Folder,
    settings: Settings,
    policy: Policy,
    policy_text: PolicyText,
    ledger: Ledger,
    seal: Seal,
    clock: fn() -> Timestamp,
}

/// Who came to the gate, as sshd's forced command tells.
#[derive(Clone, Debug)]
pub enum Visitor {
    /// One with an enrolled key, by its fingerprint.
    Key(String),
    /// One with an invitation, by its number.
    Invitation(u64),
    /// A host with its certified key.
    Host(String),
}

/// The connection that a visitor came by.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The address that it came from.
    pub source: IpAddr,
    /// What tells it from every other one, of now or of any time. The touch of a FIDO key, which opened it, counts once.
    pub id: String,
}

/// A visitor's terminal.
pub struct Terminal<'a> {
    /// What they type.
    pub input: &'a mut dyn BufRead,
    /// What was asked for: a certificate, a list.
    pub output: &'a mut dyn Write,
    /// What is told beside it, and asked.
    pub notes: &'a mut dyn Write,
}

/// A person with an enrolled key, at the gate.
pub(crate) struct Session {
    pub enrolled: Enrolled,
    pub connection: Connection,
}

impl Gate {
    /// Opens the gate in a folder. The clock is the system's, but for tests.
    pub fn open(folder: &Path, clock: fn() -> Timestamp) -> Result<Self> {
        let folder = Folder::new(folder)?;
        let settings = folder.settings()?;
        let (policy, policy_text) = folder.policy()?;
        let ledger = Ledger::open(&folder.ledger())?;
        let seal = Seal::open(&folder.seal())?;
        Ok(Self { folder, settings, policy, policy_text, ledger, seal, clock })
    }

    /// Does what a visitor asks for.
    pub fn serve(
        &mut self,
        visitor: &Visitor,
        connection: Connection,
        command: &str,
        terminal: &mut Terminal<'_>,
    ) -> Result<()> {
        let command = Command::parse(command)?;
        match (visitor, command) {
            (_, Command::Help) => tell(terminal.output, command::HELP),
            (Visitor::Invitation(number), Command::Enrol(key)) => self.enrol(*number, &key, terminal),
            (Visitor::Invitation(_), _) => Err(Error::Denied("an invitation is for enrol only".into())),
            (Visitor::Host(_) | Visitor::Key(_), Command::Krl) => {
                let krl = self.krl()?;
                terminal.output.write_all(&krl).map_err(gone)
            }
            (Visitor::Host(_) | Visitor::Key(_), Command::Authorities) => tell(terminal.output, &self.authorities()?),
            (Visitor::Host(_), _) => Err(Error::Denied("a host may ask for krl and authorities only".into())),
            (Visitor::Key(key), command) => {
                let enrolled = self.ledger.view().enrolled(key)?;
                let enrolled = enrolled.ok_or_else(|| Error::Denied("this key is not enrolled any more".into()))?;
                self.person(&Session { enrolled, connection }, command, terminal)
            }
        }
    }

    fn person(&mut self, session: &Session, command: Command, terminal: &mut Terminal<'_>) -> Result<()> {
        self.comes_from_home(session, &command)?;
        match command {
            Command::Request(wanted) => self.request(session, &wanted, terminal),
            Command::Collect(number) => self.collect(session, number, terminal),
            Command::Approve(number) => self.approve(session, number, terminal),
            Command::Deny(number, reason) => self.deny(session, number, &reason, terminal),
            Command::List => self.list(session, terminal),
            Command::Revoke(serial, reason) => {
                let owner = self.ledger.view().granted(serial)?.map(|granted| granted.person);
                self.prove_for(owner, session, terminal)?;
                self.revoke(&session.enrolled.person, serial, &reason, terminal)
            }
            Command::RevokeKey(key, reason) => {
                let owner = self.ledger.view().enrolled(&key)?.map(|enrolled| enrolled.person);
                self.prove_for(owner, session, terminal)?;
                self.revoke_key(&session.enrolled.person, &key, &reason, terminal)
            }
            Command::Trust => self.trust(terminal),
            Command::Release { sha256, name, reason } => self.release(session, (sha256, name, reason), terminal),
            Command::ApproveRelease(number) => self.approve_release(session, number, terminal),
            Command::Enrol(_) => Err(Error::Denied("to enrol a further key takes an invitation".into())),
            Command::ApproveClock(number) => self.approve_clock(session, number, terminal),
            Command::Help | Command::Krl | Command::Authorities => Ok(()),
        }
    }

    /// Whoever decides about others comes from a network of their own, as the policy has them; what is asked for a login from elsewhere its rule
    /// decides. What is one's own can be revoked from anywhere.
    fn comes_from_home(&mut self, session: &Session, command: &Command) -> Result<()> {
        let decides = matches!(
            command,
            Command::Approve(_)
                | Command::Deny(..)
                | Command::Release { .. }
                | Command::ApproveRelease(_)
                | Command::ApproveClock(_)
        );
        let party = self.policy.party_of(&session.enrolled.person);
        let is_home =
            party.is_none_or(|party| party.networks.is_empty() || contains(&party.networks, session.connection.source));
        if decides && !is_home {
            let reason = format!("{} is none of your networks", session.connection.source.to_canonical());
            return Err(self.refuse(&session.enrolled.person, "a decision from elsewhere".into(), &reason));
        }
        Ok(())
    }

    /// Changes the ledger; where the policy is another than last time, says so first.
    fn write<T>(&mut self, change: impl FnOnce(&mut Change<'_>) -> Result<T>) -> Result<T> {
        let text = &self.policy_text;
        self.ledger.write(self.clock, |under_way| {
            note_policy(under_way, text)?;
            change(under_way)
        })
    }

    /// Asks for the second factor. That may take its time, so the policy is read again: it may have been changed meanwhile.
    fn ask(&mut self, session: &Session, terminal: &mut Terminal<'_>) -> Result<Proof> {
        let proof = factor::ask(&session.enrolled, terminal)?;
        (self.policy, self.policy_text) = self.folder.policy()?;
        Ok(proof)
    }

    /// Asks for the second factor and, if it is right, changes the ledger. What `change` refuses by its inner error uses the factor up all the same.
    fn once_proved<T>(
        &mut self,
        session: &Session,
        terminal: &mut Terminal<'_>,
        change: impl FnOnce(&mut Change<'_>, &Policy, SecondFactor) -> Result<std::result::Result<T, String>>,
    ) -> Result<T> {
        let proof = self.ask(session, terminal)?;
        let (policy, text, seal) = (&self.policy, &self.policy_text, &self.seal);
        let done = self.ledger.write(self.clock, |under_way| {
            note_policy(under_way, text)?;
            match factor::check(under_way, seal, session, &proof)? {
                Ok(second_factor) => change(under_way, policy, second_factor),
                Err(reason) => Ok(Err(reason)),
            }
        })?;
        done.map_err(Error::Denied)
    }

    /// Asks our own staff for the second factor for what belongs to another.
    fn prove_for(&mut self, owner: Option<String>, session: &Session, terminal: &mut Terminal<'_>) -> Result<()> {
        let person = &session.enrolled.person;
        let is_others = owner.is_some_and(|owner| owner != *person);
        if is_others && self.is_staff(person) {
            self.once_proved(session, terminal, |_, _, _| Ok(Ok(())))
        } else {
            Ok(())
        }
    }

    /// Whether a person is one of ours.
    fn is_staff(&self, person: &str) -> bool {
        self.policy.party_of(person).is_some_and(|party| party.id == STAFF)
    }

    /// Notes that a person tried what is not allowed, and says so to them.
    fn refuse(&mut self, person: &str, attempt: String, reason: &str) -> Error {
        let noted = self.write(|under_way| {
            let since = under_way.now() - RATE_TIME;
            if under_way.view().count_since("refused", person, since, RATE)? < RATE as usize {
                let what = What::Refused { person: person.to_owned(), attempt, reason: reason.to_owned() };
                under_way.append("gate", what)?;
            }
            Ok(())
        });
        noted.err().unwrap_or_else(|| Error::Denied(reason.to_owned()))
    }

    /// The authority that signs people's certificates.
    fn authority(&self) -> Result<Authority> {
        let expected = self.ledger.view().authority()?;
        self.finish_rotation(&expected)?;
        let authority = self.folder.authority(&self.settings, &self.seal)?;
        if authority.fingerprint() != expected {
            let found = authority.fingerprint();
            return Err(Error::Authority(format!("expected {expected}, as the ledger says, found {found}")));
        }
        Ok(authority)
    }
}

/// Notes that the gate works by another policy than before, with its text.
fn note_policy(under_way: &mut Change<'_>, policy: &PolicyText) -> Result<()> {
    if under_way.view().policy()?.as_deref() != Some(&policy.sha256) {
        let PolicyText { text, sha256 } = policy.clone();
        under_way.append("gate", What::PolicyChanged { sha256, text: Some(text) })?;
    }
    Ok(())
}

/// A time in whole seconds, as certificates have it.
fn whole(time: Timestamp) -> Result<Timestamp> {
    Timestamp::from_second(time.as_second()).map_err(|error| Error::Failed(error.to_string()))
}

/// Reads a line that a person types: at most 256 bytes, without its end.
fn line(input: &mut dyn BufRead) -> Result<Zeroizing<String>> {
    const LONGEST: u64 = 256;
    let mut bytes = Zeroizing::new(Vec::with_capacity(256));
    input.take(LONGEST).read_until(b'\n', &mut bytes).map_err(gone)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Error::Usage("expected text".into()))?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Tells the visitor something.
fn tell(out: &mut dyn Write, text: &str) -> Result<()> {
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(gone)
}

fn gone(error: std::io::Error) -> Error {
    Error::Failed(format!("the connection is gone: {error}"))
}
