//! What a hunt does to find packages that nobody released: what was installed, and what web servers handed out, as the policy's `[releases]` names them.
//!
//! Looked at are logs of package managers, programs started (auditd), shell histories, access logs, and the files of packages that lie in the evidence. What sudo
//! runs is seen by the accounting for logins.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read},
    sync::Arc,
};

use access::account::{Releases, tells_of_packages};
use event::{
    Class, Detector, Encoding, Event, Finding, Interest, LogSource, Piece, Position, Seen, Slot, TextGroup, Value,
};
use evidence::Limits;
use sha2::{Digest, Sha256};

use crate::select::Selection;

/// The kinds of records looked at, each with the fields that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Installed,
    Typed,
    Started,
    HandedOut,
}

impl Kind {
    fn of(source: &LogSource<'_>) -> Self {
        match source.channel {
            "packages" => Self::Installed,
            "shell_history" => Self::Typed,
            "auditd" => Self::Started,
            _ => Self::HandedOut,
        }
    }

    const fn fields(self) -> [Option<&'static str>; 3] {
        match self {
            Self::Installed => [Some("package"), Some("version"), Some("action")],
            Self::Typed => [Some("command"), None, None],
            Self::Started => [Some("command_line"), None, None],
            Self::HandedOut => [Some("cs-uri-stem"), Some("sc-status"), Some("cs-method")],
        }
    }
}

/// What package managers write of a package that they bring to the host.
const BROUGHT: [&str; 6] = ["install", "upgrade", "Installed", "Upgrade", "Downgrade", "Reinstall"];

/// Classes of records looked at are counted from here: beyond those of the rules, before those of the accounting.
const FIRST: u32 = 1 << 30;

/// A detector that also finds what was not released.
pub struct Released<'r, D> {
    inner: D,
    /// What is found by, and what of it is reported; `None` where there is nothing to be found.
    releases: Option<(&'r Releases, &'r Selection)>,
    classes: HashMap<(Class, Kind), Class>,
    told: HashMap<Class, Told>,
}

/// What is known of a class of records looked at.
struct Told {
    inner: Class,
    is_wanted: bool,
    text_only: bool,
    kind: Kind,
    interest: Arc<Interest>,
    slots: [Option<Slot>; 3],
}

impl<'r, D: Detector> Released<'r, D> {
    /// One that finds what was not released beside what `inner` finds.
    pub fn new(inner: D, releases: Option<(&'r Releases, &'r Selection)>) -> Self {
        Self { inner, releases, classes: HashMap::new(), told: HashMap::new() }
    }

    /// Asks for the fields of a kind beside what the inner detector wants.
    fn ask(&self, inner: Class, kind: Kind) -> Told {
        let wanted = self.inner.interest(inner);
        let mut interest = Interest::clone(&wanted);
        let slots = kind.fields().map(|field| interest.slot(field?));
        interest.want_all();
        let interest = Arc::new(interest);
        Told { inner, is_wanted: wanted.wanted, text_only: wanted.text_only, kind, interest, slots }
    }

    /// What an event tells that was not released.
    fn unreleased(&self, releases: &Releases, told: &Told, event: &Event<'_>) -> Option<Finding> {
        let values = |slot: Option<Slot>| {
            let of = move |(one, value): &(Slot, Value<'_>)| (Some(*one) == slot).then(|| value.text().into_owned());
            event.fields.iter().filter_map(of)
        };
        let [first, second, third] = told.slots;
        let name = event.record.host();
        let host = releases.host(&name, &event.piece.path);
        // A host that goes by a name is one of the policy's, or none of ours.
        if host.is_none() && !name.is_empty() {
            return None;
        }
        let found = match told.kind {
            Kind::Installed => {
                let is_brought = values(third).any(|action| BROUGHT.contains(&action.as_str()));
                let (package, version) = (values(first).next()?, values(second).next().unwrap_or_default());
                releases.package(&package, &version).filter(|_| is_brought)
            }
            Kind::Typed => values(first).find_map(|command| releases.command(&command)),
            // What sudo starts is started once more, by itself.
            Kind::Started => {
                values(first).filter(|command| !is_sudo(command)).find_map(|command| releases.command(&command))
            }
            Kind::HandedOut => {
                let is_fetched = values(second).any(|status| matches!(status.as_str(), "200" | "206"))
                    && values(third).any(|method| method == "GET");
                values(first).filter(|_| is_fetched).find_map(|path| releases.path(&path))
            }
        };
        let why = format!("the ledger has no release of {}", found?);
        Some(releases.finding(&host.unwrap_or_default(), event.piece, event.record.position(), event.time, why))
    }
}

fn is_sudo(command: &str) -> bool {
    let program = command.split_whitespace().next().unwrap_or_default();
    matches!(program.rsplit('/').next(), Some("sudo" | "doas"))
}

impl<D: Detector> Detector for Released<'_, D> {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        let inner = self.inner.class(source);
        if self.releases.is_none() || !tells_of_packages(source) {
            return inner;
        }
        let kind = Kind::of(source);
        let next = Class(FIRST + self.classes.len() as u32);
        let class = *self.classes.entry((inner, kind)).or_insert(next);
        if !self.told.contains_key(&class) {
            self.told.insert(class, self.ask(inner, kind));
        }
        class
    }

    fn interest(&self, class: Class) -> Arc<Interest> {
        self.told.get(&class).map_or_else(|| self.inner.interest(class), |told| Arc::clone(&told.interest))
    }

    fn text_hits(&mut self, group: TextGroup, raw: &[u8], encoding: Encoding, hits: &mut Vec<usize>) -> bool {
        self.inner.text_hits(group, raw, encoding, hits)
    }

    fn look(&mut self, event: &Event<'_>, seen: &mut Seen) {
        let (Some(told), Some((releases, selection))) = (self.told.get(&event.class), self.releases) else {
            return self.inner.look(event, seen);
        };
        let found = self.unreleased(releases, told, event);
        if told.is_wanted && (!told.text_only || event.text) {
            self.inner.look(&Event { class: told.inner, ..*event }, seen);
        }
        seen.findings.extend(found.filter(|finding| selection.reports(finding)));
    }
}

/// Files of packages that lie in the evidence and are not those that were released; and which could not be read. `labels` are those of all pieces.
pub fn files<'p>(releases: &Releases, labels: impl Iterator<Item = &'p String>) -> (Vec<Finding>, Vec<String>) {
    let judged = labels.filter_map(|label| judged(releases, label).map(str::to_owned)).collect();
    let (mut findings, mut unread) = (Vec::new(), Vec::new());
    evidence::stored(&judged, &Limits::default(), &mut |label, bytes| match bytes.and_then(sha256) {
        Ok(sha256) => findings.extend(releases.file(base_name(label), &sha256).map(|why| {
            let host = releases.host("", label).unwrap_or_default();
            releases.finding(&host, &Piece { path: label.to_owned() }, Position::Offset(0), None, why)
        })),
        Err(error) => unread.push(format!("{label} was not compared with what was released: {error}")),
    });
    (findings, unread)
}

/// The file under release that a label names: itself, or what it lies in, as packages may be archives that are looked into.
fn judged<'l>(releases: &Releases, label: &'l str) -> Option<&'l str> {
    evidence::enclosing(label).find(|label| releases.is_file_judged(base_name(label)))
}

fn base_name(label: &str) -> &str {
    label.rsplit(['/', '\\', '!']).next().unwrap_or_default()
}

/// The SHA-256 of bytes, in hexadecimal.
///
/// # Errors
/// Those of reading.
pub fn sha256(bytes: &mut dyn Read) -> io::Result<String> {
    let (mut hasher, mut reader) = (Sha256::new(), BufReader::with_capacity(1 << 16, bytes));
    loop {
        let read = reader.fill_buf()?;
        if read.is_empty() {
            return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hasher.update(read);
        let length = read.len();
        reader.consume(length);
    }
}
