//! Reads blocks of a package manager's log.

use std::sync::Arc;

use event::{Detector, LogSource, Piece, Position, Time, Value, Wanted};

use super::Manager;
use crate::{
    Block, Clock, Local, Output, Reader,
    few::{FewFields, Field},
    json::pass::{Damages, Lines, Words},
};

/// What dpkg does, by the first word behind the time (dpkg(1), "LOGGING"); of these the first four name a package and two versions.
const VERBS: [&str; 10] =
    ["install", "upgrade", "remove", "purge", "configure", "trigproc", "disappear", "status", "startup", "conffile"];
/// What dnf says that it does to a package.
const DONE: [&str; 11] = [
    "Installed",
    "Upgrade",
    "Upgraded",
    "Downgrade",
    "Downgraded",
    "Reinstall",
    "Reinstalled",
    "Erase",
    "Erased",
    "Removed",
    "Obsoleted",
];

/// What zypper writes of, by the second column (<https://en.opensuse.org/openSUSE:Libzypp_history>); of these the first two name a package.
const ACTIONS: [&str; 8] = ["install", "remove", "radd", "rremove", "ralias", "rurl", "command", "patch"];

/// One line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    time: Option<Time>,
    /// Whether the time is a local one.
    is_local: bool,
    action: &'a str,
    package: &'a str,
    architecture: &'a str,
    version: &'a str,
    version_before: &'a str,
}

/// Takes a line apart; `None` for what such a log does not have.
pub(super) fn entry(manager: Manager, line: &str) -> Option<Entry<'_>> {
    match manager {
        Manager::Dpkg => dpkg(line),
        Manager::Dnf => dnf(line),
        Manager::Zypper => zypper(line),
    }
}

/// Whether a line is none of the log's own: zypper keeps what scripts of packages print.
pub(super) fn is_comment(manager: Manager, line: &[u8]) -> bool {
    manager == Manager::Zypper && line.starts_with(b"#")
}

/// `2026-11-17 08:41:12 upgrade agent:amd64 1.1-1 1.2-1`; of `status` and `conffile` the state stands before the package.
fn dpkg(line: &str) -> Option<Entry<'_>> {
    let (time, rest) = line.split_at_checked(19)?;
    let time = Time::parse(time).filter(|_| time.as_bytes().get(10) == Some(&b' '));
    let mut words = rest.strip_prefix(' ')?.split(' ');
    let action = words.next().filter(|verb| VERBS.contains(verb))?;
    let mut entry = Entry { time: Some(time?), is_local: true, action, ..Entry::default() };
    if matches!(action, "startup" | "conffile") {
        return Some(entry);
    }
    let named = if action == "status" { words.nth(1)? } else { words.next()? };
    (entry.package, entry.architecture) = named.split_once(':').unwrap_or((named, ""));
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match action {
        "install" | "upgrade" => (entry.version_before, entry.version) = (none(first), none(second)),
        _ => entry.version = none(first),
    }
    Some(entry)
}

/// `<none>` is none.
fn none(version: &str) -> &str {
    if version == "<none>" { "" } else { version }
}

/// `2026-11-17T08:41:12+0100 SUBDEBUG Upgrade: agent-1.2-1.x86_64`, or of the log itself `… INFO --- logging initialized ---`.
fn dnf(line: &str) -> Option<Entry<'_>> {
    let (stamp, rest) = line.split_once(' ')?;
    let time = Some(moment(stamp)?);
    if rest == "INFO --- logging initialized ---" {
        return Some(Entry { time, action: "startup", ..Entry::default() });
    }
    let (action, named) = rest.strip_prefix("SUBDEBUG ")?.split_once(": ")?;
    if !DONE.contains(&action) {
        return None;
    }
    // NAME-VERSION-RELEASE.ARCH; the release belongs to the version.
    let (whole, architecture) = named.trim_end().rsplit_once('.')?;
    let release = whole.rfind('-')?;
    let version = whole.get(..release)?.rfind('-')?;
    let (package, version) = (whole.get(..version)?, whole.get(version + 1..)?);
    Some(Entry { time, action, package, architecture, version, ..Entry::default() })
}

/// `2026-11-17 08:41:12|install|agent|1.2-1|x86_64|root@web01|tools|…`; other actions have other columns.
fn zypper(line: &str) -> Option<Entry<'_>> {
    let mut columns = line.split('|');
    let stamp = columns.next().filter(|stamp| stamp.len() == 19 && stamp.as_bytes().get(10) == Some(&b' '))?;
    let action = columns.next().map(str::trim_end).filter(|action| ACTIONS.contains(action))?;
    let mut entry = Entry { time: Some(Time::parse(stamp)?), is_local: true, action, ..Entry::default() };
    if matches!(action, "install" | "remove") {
        (entry.package, entry.version) = (columns.next()?, columns.next()?);
        entry.architecture = columns.next()?;
    }
    Some(entry)
}

/// `2026-11-17T08:41:12+0100`, or with `Z`.
fn moment(stamp: &str) -> Option<Time> {
    if stamp.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    match stamp.split_at_checked(19)? {
        (_, "Z") => Time::parse(stamp),
        (time, zone) if zone.len() == 5 => {
            let (hours, minutes) = zone.split_at_checked(3)?;
            Time::parse(&format!("{time}{hours}:{minutes}"))
        }
        _ => None,
    }
}

/// Reads blocks of one manager's log.
pub(super) struct PackagesReader {
    manager: Manager,
    clock: Clock,
    local: Local,
}

impl PackagesReader {
    pub(super) fn new(manager: Manager, clock: Clock) -> Self {
        let local = clock.local();
        Self { manager, clock, local }
    }
}

impl Reader for PackagesReader {
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output) {
        output.damages.extend(block.damages.iter().cloned());
        let (lines, mut words, mut damages) =
            (Lines::new(&block.bytes, block.line), Words::default(), Damages::default());
        let provider = self.manager.name();
        let source = LogSource { product: "linux", channel: "packages", provider, event_id: 0 };
        let expected = format!("expected a line of {provider}, with a time and what was done, found something else");
        let (wanted, mut at, mut is_local) = (Wanted::of(&source, detector), 0, false);
        for raw in block.bytes.split_inclusive(|byte| *byte == b'\n') {
            let range = at..at + raw.len();
            at = range.end;
            let raw = raw.trim_ascii_end();
            if raw.is_empty() || is_comment(self.manager, raw) {
                continue;
            }
            let text = std::str::from_utf8(raw).ok();
            let Some((text, entry)) = text.and_then(|text| Some((text, entry(self.manager, text)?))) else {
                damages.push(&lines, range.start, &expected);
                continue;
            };
            output.records += 1;
            damages.good();
            is_local |= entry.is_local;
            let interest = &wanted.interest;
            if !interest.wanted {
                continue;
            }
            let may_stand = |group| words.may_stand(group, &block.bytes, range.clone(), Vec::new, detector);
            let may_stand = interest.text.is_some_and(may_stand);
            let time = entry.time.map(|time| if entry.is_local { self.local.moment(time) } else { time });
            let fields = fields(text, &entry);
            let record = FewFields { source, position: Position::Line(lines.line(range.start)), fields: &fields };
            record.show(&wanted, piece, time, may_stand, detector, output);
        }
        if is_local && self.clock.zone.is_none() {
            output.notes.push(self.clock.zone_note());
        }
        output.damages.append(&mut damages.list);
    }
}

/// The fields of a line; those that it does not tell are absent.
fn fields<'a>(text: &'a str, entry: &Entry<'a>) -> Vec<Field<'a>> {
    let told = [
        ("action", entry.action),
        ("package", entry.package),
        ("architecture", entry.architecture),
        ("version", entry.version),
        ("version_before", entry.version_before),
    ];
    let told = told.into_iter().filter(|(_, value)| !value.is_empty());
    let told = told.map(|(name, value)| Field { name, value: Value::Text(value), stands: false });
    std::iter::once(Field { name: "message", value: Value::Text(text), stands: true }).chain(told).collect()
}
