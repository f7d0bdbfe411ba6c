//! Which process started which, and which wrote what others ran or loaded: what the traces tell, in bounded tables.

use event::Time;
use foldhash::HashMap;
use serde::{Deserialize, Serialize};

use crate::{
    common::is_common_program,
    names,
    symbols::{Symbol, Symbols},
    trace::{Kind, Trace, is_windows_own, name_of, without_stream},
};

/// Processes, and files, of which is kept who they come from.
const MAX_PROCESSES: usize = 400_000;
/// See [`MAX_PROCESSES`].
const MAX_FILES: usize = 400_000;
/// So far back an ancestor is followed.
const MAX_DEPTH: usize = 8;
/// Two logs tell of one start within this time, in nanoseconds.
pub const ONE_START: i64 = 3_000_000_000;
/// A finding may be told a little before the start of its process, by clocks of two logs.
const EARLY: i64 = 2_000_000_000;

/// A number stands for the same process if that was seen within so many nanoseconds; by a GUID that is new, within far fewer.
const SAME_NUMBER: i64 = 2 * 3600 * 1_000_000_000;
/// See [`SAME_NUMBER`].
const SAME_NUMBER_NEW_GUID: i64 = 60 * 1_000_000_000;

/// The number of a process in the table.
pub type Number = u32;

/// One run of a program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Process {
    pub host: Symbol,
    pub image: Symbol,
    pub pid: Option<u32>,
    /// Whether a record named it by a GUID.
    pub has_guid: bool,
    /// Which logs told of its start, a bit each.
    told_by: u8,
    /// When it was last named, in nanoseconds.
    seen: i64,
    /// Who started it, and who wrote what it runs.
    pub origins: Vec<(Number, Origin)>,
}

/// How a process comes from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    Started,
    Wrote,
}

/// Names of a process in a record.
#[derive(Clone, Copy, Debug, Default)]
pub struct Named<'a> {
    pub host: &'a str,
    pub guid: &'a str,
    pub pid: &'a str,
    pub image: &'a str,
}

/// Processes that had one number, with the times in nanoseconds at which they began.
type Starts = Vec<(i64, Number)>;

/// All that the traces tell.
#[derive(Default, Serialize, Deserialize)]
pub struct Processes {
    list: Vec<Process>,
    by_guid: HashMap<(Symbol, u128), Number>,
    /// Those of one number on a machine, with their starts, in the order of time.
    by_pid: HashMap<(Symbol, u32), Starts>,
    /// Who wrote a file last.
    writers: HashMap<(Symbol, Symbol), Number>,
    /// The texts of all numbers of texts.
    pub symbols: Symbols,
    /// Traces for which there was no room.
    pub beyond: u64,
}

impl Processes {
    /// The process of a number.
    pub fn get(&self, number: Number) -> Option<&Process> {
        self.list.get(number as usize)
    }

    /// The program that a process runs; empty where nothing told it.
    pub fn image(&self, process: &Process) -> &str {
        self.symbols.text(process.image)
    }

    /// Whether a file was written while logs were kept.
    pub fn is_written(&self, host: Symbol, path: &str) -> bool {
        self.symbols.known(path).is_some_and(|path| self.writers.contains_key(&(host, path)))
    }

    /// Takes a trace that tells of a process; traces come in the order of time.
    pub fn observe(&mut self, time: Time, trace: &Trace<'_>) {
        match trace.kind {
            Kind::SysmonProcess | Kind::SecurityProcess | Kind::AuditProcess => self.start(time.as_nanos(), trace),
            Kind::File => {
                let [path, guid, pid] = trace.values();
                let host = names::host(trace.host);
                let writer = self.find_or_make(time.as_nanos(), Named { host: &host, guid, pid, image: "" });
                if let Some(writer) = writer.filter(|_| self.writers.len() < MAX_FILES) {
                    let file = (self.symbols.number(&host), self.symbols.number(&names::path(without_stream(path))));
                    self.writers.insert(file, writer);
                } else {
                    self.beyond += 1;
                }
            }
            Kind::Library => {
                let [path, guid, pid] = trace.values();
                let host = names::host(trace.host);
                let loader = self.find_or_make(time.as_nanos(), Named { host: &host, guid, pid, image: "" });
                if let Some(loader) = loader {
                    self.comes_from_writer(loader, path);
                }
            }
            Kind::Connection | Kind::Query | Kind::Logon | Kind::Event => {}
        }
    }

    fn start(&mut self, time: i64, trace: &Trace<'_>) {
        let [image, command, guid, pid, parent_guid, parent_pid, parent_image] = trace.values();
        let host = names::host(trace.host);
        let parent = Named { host: &host, guid: parent_guid, pid: parent_pid, image: parent_image };
        let parent = self.find_or_make(time, parent);
        let Some(number) = self.started(time, Named { host: &host, guid, pid, image }) else { return };
        if let Some(process) = self.list.get_mut(number as usize) {
            process.told_by |= 1 << trace.kind as u8;
        }
        if let Some(parent) = parent {
            self.comes_from(number, parent, Origin::Started);
        }
        self.comes_from_writer(number, image);
        files_named(command).for_each(|path| self.comes_from_writer(number, path));
    }

    /// The process whose start is told: a new one, unless another log told of it already.
    fn started(&mut self, time: i64, named: Named<'_>) -> Option<Number> {
        let host = self.symbols.number(named.host);
        let guid = names::guid(named.guid).map(|guid| (host, guid));
        if let Some(known) = guid.as_ref().and_then(|guid| self.by_guid.get(guid)) {
            return Some(*known);
        }
        let pid = names::pid(named.pid);
        let last = pid.and_then(|pid| self.by_pid.get(&(host, pid))).and_then(|starts| starts.last());
        let same = last.filter(|(start, number)| {
            let has_name = |process: &Process| name_of(self.image(process)).eq_ignore_ascii_case(name_of(named.image));
            time.saturating_sub(*start) <= ONE_START && self.get(*number).is_some_and(has_name)
        });
        let number = match same {
            Some((_, number)) => *number,
            None => self.make(host, pid, named.image, time)?,
        };
        if let Some(guid) = guid {
            self.by_guid.insert(guid, number);
            self.list.get_mut(number as usize).into_iter().for_each(|process| process.has_guid = true);
        }
        Some(number)
    }

    /// Makes one of two processes of which two logs tell, one of them written in local time.
    ///
    /// Where that is so, starts of the same number and program are the same whole number of quarters of an hour apart, again and again.
    pub fn set_clocks(&mut self) {
        const AGREE: u32 = 3;
        let pairs = self.apart();
        let mut votes = HashMap::<(Symbol, i64), u32>::default();
        pairs.iter().for_each(|(host, quarters, ..)| *votes.entry((*host, *quarters)).or_default() += 1);
        let mut same: HashMap<Number, Number> = HashMap::default();
        for (host, quarters, one, other) in pairs {
            if votes.get(&(host, quarters)).is_some_and(|votes| *votes >= AGREE) && !same.contains_key(&one) {
                same.entry(other).or_insert(one);
            }
        }
        if same.is_empty() {
            return;
        }
        for (other, one) in &same {
            let more = self.list.get_mut(*other as usize).map(|other| std::mem::take(&mut other.origins));
            more.into_iter().flatten().for_each(|(from, origin)| self.comes_from(*one, from, origin));
        }
        let starts = self.by_pid.values_mut().flatten().map(|(_, number)| number);
        let origins = self.list.iter_mut().flat_map(|process| &mut process.origins).map(|(number, _)| number);
        let named = self.by_guid.values_mut().chain(self.writers.values_mut()).chain(starts).chain(origins);
        named.for_each(|number| *number = same.get(number).copied().unwrap_or(*number));
    }

    /// Starts of the same number and program, of which two logs tell whole quarters of an hour apart: the machine, how many, and the two.
    fn apart(&self) -> Vec<(Symbol, i64, Number, Number)> {
        const QUARTER: i64 = 900 * 1_000_000_000;
        const MOST: i64 = 14 * 4 * QUARTER;
        const BACK: usize = 8;
        let mut pairs = Vec::new();
        for ((host, _), starts) in &self.by_pid {
            for (at, (time, number)) in starts.iter().enumerate() {
                for (later, other) in starts.iter().skip(at + 1).take(BACK) {
                    let apart = later.saturating_sub(*time);
                    let quarters = apart.saturating_add(QUARTER / 2) / QUARTER;
                    let is_whole = quarters > 0 && (apart - quarters.saturating_mul(QUARTER)).abs() <= ONE_START / 3;
                    let (Some(a), Some(b)) = (self.get(*number), self.get(*other)) else { continue };
                    let is_one = a.told_by != 0 && b.told_by != 0 && a.told_by & b.told_by == 0 && number != other;
                    let name = |process: &Process| name_of(self.image(process)).to_lowercase();
                    if apart <= MOST && is_whole && is_one && name(a) == name(b) {
                        let sign = if a.told_by < b.told_by { 1 } else { -1 };
                        pairs.push((*host, sign * quarters, *number, *other));
                    }
                }
            }
        }
        pairs.sort_unstable();
        pairs
    }

    fn make(&mut self, host: Symbol, pid: Option<u32>, image: &str, start: i64) -> Option<Number> {
        if self.list.len() >= MAX_PROCESSES {
            self.beyond += 1;
            return None;
        }
        let number = self.list.len() as Number;
        let image = self.symbols.number(image);
        self.list.push(Process { host, image, pid, has_guid: false, told_by: 0, seen: start, origins: Vec::new() });
        if let Some(pid) = pid {
            let starts = self.by_pid.entry((host, pid)).or_default();
            let at = starts.partition_point(|(other, _)| *other <= start);
            starts.insert(at, (start, number));
        }
        Some(number)
    }

    /// The process that a record names, if its start was told.
    pub fn find(&self, time: Option<i64>, named: Named<'_>) -> Option<Number> {
        let host = self.symbols.known(named.host)?;
        let guid = names::guid(named.guid);
        let has_guid = guid.is_some();
        if let Some(known) = guid.and_then(|guid| self.by_guid.get(&(host, guid))) {
            return Some(*known);
        }
        let starts = self.by_pid.get(&(host, names::pid(named.pid)?))?;
        let until = time.unwrap_or(i64::MAX).saturating_add(EARLY);
        let at = starts.partition_point(|(start, _)| *start <= until);
        let (_, number) = starts.get(at.checked_sub(1)?)?;
        let fits = |process: &Process| {
            let image = self.image(process);
            named.image.is_empty() || image.is_empty() || name_of(image).eq_ignore_ascii_case(name_of(named.image))
        };
        let horizon = if has_guid { SAME_NUMBER_NEW_GUID } else { SAME_NUMBER };
        let is_near = |process: &Process| time.is_none_or(|time| time.saturating_sub(process.seen) <= horizon);
        let is_other = |process: &Process| has_guid && process.has_guid;
        self.get(*number).filter(|process| fits(process) && is_near(process) && !is_other(process)).map(|_| *number)
    }

    /// The process that a record names, taken for one that had started before the logs began if its start was not told.
    pub fn find_or_make(&mut self, time: i64, named: Named<'_>) -> Option<Number> {
        let host = self.symbols.number(named.host);
        let (guid, pid) = (names::guid(named.guid), names::pid(named.pid));
        if guid.is_none() && pid.is_none() {
            return None;
        }
        let number = match self.find(Some(time), named) {
            Some(known) => known,
            None => self.make(host, pid, named.image, time)?,
        };
        let (image, none) = (self.symbols.number(named.image), self.symbols.number(""));
        if let Some(process) = self.list.get_mut(number as usize) {
            if process.image == none {
                process.image = image;
            }
            process.has_guid |= guid.is_some();
            process.seen = process.seen.max(time);
        }
        if let Some(guid) = guid {
            self.by_guid.entry((host, guid)).or_insert(number);
        }
        Some(number)
    }

    fn comes_from(&mut self, number: Number, from: Number, origin: Origin) {
        const MAX_ORIGINS: usize = 8;
        if number == from {
            return;
        }
        let process = self.list.get_mut(number as usize);
        let is_new = |process: &&mut Process| !process.origins.contains(&(from, origin));
        if let Some(process) = process.filter(is_new).filter(|process| process.origins.len() < MAX_ORIGINS) {
            process.origins.push((from, origin));
        }
    }

    fn comes_from_writer(&mut self, number: Number, path: &str) {
        let Some(process) = self.get(number) else { return };
        let path = self.symbols.known(&names::path(path));
        let writer = path.and_then(|path| self.writers.get(&(process.host, path))).copied();
        if let Some(writer) = writer {
            self.comes_from(number, writer, Origin::Wrote);
        }
    }

    /// The processes that one comes from, the nearest first, with how close they are (1 is itself). Ends at what works for everybody.
    pub fn ancestors(&self, number: Number) -> Vec<(Number, f32, Origin)> {
        let mut found = vec![(number, 1.0, Origin::Started)];
        let mut at = 0;
        while let Some((from, closeness, how)) = found.get(at).copied() {
            at += 1;
            let Some(process) = self.get(from).filter(|process| at == 1 || !is_common_program(self.image(process)))
            else {
                continue;
            };
            for (origin, kind) in &process.origins {
                let is_known = found.iter().any(|(known, _, _)| known == origin);
                let is_common = self.get(*origin).is_none_or(|origin| is_common_program(self.image(origin)));
                if !is_known && !is_common && found.len() < MAX_DEPTH {
                    let how = if *kind == Origin::Wrote { *kind } else { how };
                    found.push((*origin, closeness * 0.97, how));
                }
            }
        }
        found
    }
}

/// The files that a command line names by their whole path, and which are not Windows' own.
pub fn files_named(command: &str) -> impl Iterator<Item = &str> {
    const MAX_FILES: usize = 8;
    let ends =
        |c: char| matches!(c, '"' | '\'' | ',' | ';' | '|' | '&' | '>' | '<' | '=' | '(' | ')') || c.is_whitespace();
    let is_path = |word: &&str| {
        word.get(1..3) == Some(r":\")
            || word.starts_with("/tmp/")
            || word.starts_with("/var/")
            || word.starts_with("/home/")
    };
    command
        .split(ends)
        .filter(is_path)
        .filter(|path| crate::trace::can_run(path) && !is_windows_own(path))
        .take(MAX_FILES)
}
