//! Indicators in memory: each once, with all that is said of it; at most about a hundred bytes each.

use std::hash::BuildHasher as _;

use event::Time;
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::kind::{self, Hint, Kind, Refusal};

/// So many indicators are kept at most.
pub const MAX_INDICATORS: usize = 4_000_000;
/// So much of what is said of one indicator is kept; of others it is known how many there are.
const MAX_REPORTS: usize = 16;
/// No further report, no conjunction.
const NONE: u32 = u32::MAX;

/// Something that is looked for, and where all that is said of it begins.
#[derive(Clone, Copy, Debug)]
struct Entry {
    at: u32,
    first_report: u32,
    length: u16,
    kind: Kind,
}

/// A place in a list where an indicator stands.
#[derive(Clone, Copy, Debug)]
struct Report {
    statement: u32,
    line: u32,
    next: u32,
    /// Of those that count only together with others, which these are.
    conjunction: u32,
}

/// What a list says of an indicator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Statement {
    /// The list, as an index into [`Indicators::sources`].
    pub source: u32,
    /// What it belongs to: a campaign, a malware, an event's title; may be empty.
    pub name: String,
    /// Who reports it; may be empty.
    pub reporter: String,
    /// ATT&CK techniques it is a sign of, as `T1566.001`.
    pub techniques: Vec<String>,
    /// Since when it is known or was seen.
    pub first_seen: Option<Time>,
    /// From when on it is no sign any more.
    pub valid_until: Option<Time>,
}

/// A list of indicators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Its path, as it was given.
    pub path: String,
    /// How many entries of it are used.
    pub used: u64,
}

/// An entry or list that is not used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// The list.
    pub path: String,
    /// Counted from 1; 0 where the whole list is meant.
    pub line: u64,
    /// Lower case, without a full stop.
    pub reason: String,
}

/// Indicators, immutable once loaded; shared by all detectors.
#[derive(Debug, Default)]
pub struct Indicators {
    bytes: Vec<u8>,
    /// The entry that is read.
    own: Vec<u8>,
    entries: Vec<Entry>,
    table: HashTable<u32>,
    reports: Vec<Report>,
    statements: Vec<Statement>,
    conjunctions: Vec<Box<[u32]>>,
    hasher: RandomState,
    /// Numbers of statements, while lists are read.
    known: HashTable<u32>,
    /// By kind, how long the longest is.
    longest: [u16; Kind::ALL.len()],
    /// Lengths of networks that there are, longest first: of IPv4 and of IPv6.
    pub(crate) lengths: [Vec<u8>; 2],
    /// The lists, in the order in which they were read.
    pub sources: Vec<Source>,
}

/// What one list says of an indicator, and where.
pub struct Said<'i> {
    /// What is said.
    pub statement: &'i Statement,
    /// The line in the list.
    pub line: u32,
    /// Further indicators without which this one does not count.
    pub(crate) conjunction: &'i [u32],
}

impl Indicators {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Reads an entry of a list and adds it with what is said of it; gives its number, or why it is none.
    pub(crate) fn add(&mut self, hint: Hint, text: &str, statement: u32, line: u64) -> Result<u32, Refusal> {
        let entry = self.entry(hint, text)?;
        self.report(entry, statement, line, &[]);
        Ok(entry)
    }

    /// The number of an indicator, new or known, of which nothing is said by this.
    pub(crate) fn entry(&mut self, hint: Hint, text: &str) -> Result<u32, Refusal> {
        let mut own = std::mem::take(&mut self.own);
        let entry = kind::read(hint, text, &mut own).and_then(|kind| self.entry_of(kind, &own));
        self.own = own;
        entry
    }

    /// The number of an indicator in its kept form, new or known.
    fn entry_of(&mut self, kind: Kind, own: &[u8]) -> Result<u32, Refusal> {
        let hash = self.hash(kind, own);
        if let Some(known) = self.table.find(hash, |entry| self.is(&self.bytes, *entry, kind, own)) {
            return Ok(*known);
        }
        let length = u16::try_from(own.len()).map_err(|_| "expected at most 2,048 bytes")?;
        let place = u32::try_from(self.bytes.len()).ok().filter(|_| self.entries.len() < MAX_INDICATORS);
        let Some(at) = place else { return Err("expected at most 4,000,000 indicators") };
        self.bytes.extend(own);
        let number = self.entries.len() as u32;
        self.entries.push(Entry { at, first_report: NONE, length, kind });
        let (entries, hasher, bytes) = (&self.entries, &self.hasher, &self.bytes);
        self.table.insert_unique(hash, number, |entry| rehash(hasher, entries, bytes, *entry));
        Ok(number)
    }

    /// Says something of an indicator; `conjunction` names others that have to be found with it.
    pub(crate) fn report(&mut self, entry: u32, statement: u32, line: u64, conjunction: &[u32]) {
        let conjunction = if conjunction.is_empty() {
            NONE
        } else {
            self.conjunctions.push(conjunction.into());
            self.conjunctions.len() as u32 - 1
        };
        let new = self.reports.len() as u32;
        let report = Report { statement, line: u32::try_from(line).unwrap_or(u32::MAX), next: NONE, conjunction };
        let Some(kept) = self.entries.get_mut(entry as usize) else { return };
        let (mut last, mut count) = (kept.first_report, 1);
        if last == NONE {
            kept.first_report = new;
        } else {
            while let Some(next) =
                self.reports.get(last as usize).map(|report| report.next).filter(|next| *next != NONE)
            {
                (last, count) = (next, count + 1);
            }
            if count >= MAX_REPORTS {
                return;
            }
            if let Some(last) = self.reports.get_mut(last as usize) {
                last.next = new;
            }
        }
        self.reports.push(report);
    }

    /// Makes room for the entries of a list of so many bytes, so that the table does not grow step by step.
    pub(crate) fn expect(&mut self, bytes: u64) {
        let more = usize::try_from(bytes / 32).unwrap_or(usize::MAX).min(1 << 20);
        let (entries, hasher, all) = (&self.entries, &self.hasher, &self.bytes);
        self.table.reserve(more, |entry| rehash(hasher, entries, all, *entry));
    }

    /// The number of what a list says.
    pub(crate) fn statement(&mut self, statement: Statement) -> u32 {
        let (hasher, statements) = (&self.hasher, &self.statements);
        let hash = hasher.hash_one(&statement);
        if let Some(known) = self.known.find(hash, |known| statements.get(*known as usize) == Some(&statement)) {
            return *known;
        }
        let number = statements.len() as u32;
        self.known.insert_unique(hash, number, |known| {
            statements.get(*known as usize).map_or(0, |known| hasher.hash_one(known))
        });
        self.statements.push(statement);
        number
    }

    /// All that a list said, to be put right when all of it is read.
    pub(crate) fn statements_from(&mut self, first: usize) -> &mut [Statement] {
        self.statements.get_mut(first..).unwrap_or_default()
    }

    /// How many statements there are.
    pub(crate) fn statement_count(&self) -> usize {
        self.statements.len()
    }

    /// Nothing more will come.
    pub(crate) fn finish(&mut self) {
        self.known = HashTable::new();
        let mut lengths = [[false; 129]; 2];
        for entry in &self.entries {
            if let Some(longest) = self.longest.get_mut(usize::from(entry.kind.number())) {
                *longest = entry.length.max(*longest);
            }
        }
        for (kind, bytes) in self.all() {
            let length = match (kind, bytes) {
                (Kind::Network, [.., length]) => *length,
                (Kind::Address, _) => bytes.len() as u8 * 8,
                _ => continue,
            };
            let family = lengths.get_mut(usize::from(bytes.len() > 5));
            if let Some(has) = family.and_then(|family| family.get_mut(usize::from(length))) {
                *has = true;
            }
        }
        self.lengths =
            lengths.map(|has| (0..=128).rev().filter(|length| has.get(usize::from(*length)) == Some(&true)).collect());
        self.bytes.shrink_to_fit();
        self.entries.shrink_to_fit();
        self.reports.shrink_to_fit();
    }

    /// Every indicator, in the order in which they were read.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Kind, &[u8])> {
        self.entries.iter().map(|entry| (entry.kind, bytes_of(entry, &self.bytes)))
    }

    /// The number of an indicator in its kept form.
    pub(crate) fn find(&self, kind: Kind, bytes: &[u8]) -> Option<u32> {
        self.table.find(self.hash(kind, bytes), |entry| self.is(&self.bytes, *entry, kind, bytes)).copied()
    }

    /// The length of the longest indicator of a kind; 0 where there is none.
    pub(crate) fn longest(&self, kind: Kind) -> usize {
        self.longest.get(usize::from(kind.number())).copied().unwrap_or(0).into()
    }

    /// An indicator by its number: its kind and kept form.
    pub(crate) fn get(&self, number: u32) -> Option<(Kind, &[u8])> {
        self.entries.get(number as usize).map(|entry| (entry.kind, bytes_of(entry, &self.bytes)))
    }

    /// What lists say of an indicator, in the order in which they were read.
    pub fn said(&self, number: u32) -> impl Iterator<Item = Said<'_>> {
        let mut next = self.entries.get(number as usize).map_or(NONE, |entry| entry.first_report);
        std::iter::from_fn(move || {
            let report = self.reports.get(next as usize)?;
            next = report.next;
            let conjunction = self.conjunctions.get(report.conjunction as usize).map(AsRef::as_ref).unwrap_or_default();
            Some(Said { statement: self.statements.get(report.statement as usize)?, line: report.line, conjunction })
        })
    }

    fn hash(&self, kind: Kind, bytes: &[u8]) -> u64 {
        self.hasher.hash_one((kind.number(), bytes))
    }

    fn is(&self, all: &[u8], entry: u32, kind: Kind, bytes: &[u8]) -> bool {
        self.entries.get(entry as usize).is_some_and(|entry| entry.kind == kind && bytes_of(entry, all) == bytes)
    }
}

fn rehash(hasher: &RandomState, entries: &[Entry], all: &[u8], entry: u32) -> u64 {
    let entry = entries.get(entry as usize);
    entry.map_or(0, |entry| hasher.hash_one((entry.kind.number(), bytes_of(entry, all))))
}

fn bytes_of<'b>(entry: &Entry, all: &'b [u8]) -> &'b [u8] {
    let at = entry.at as usize;
    all.get(at..at + usize::from(entry.length)).unwrap_or_default()
}
