//! The ledger as JSON lines: evidence that is kept elsewhere, and that a hunt reads.

use std::{
    borrow::Cow,
    io::{BufRead, Write},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Head, Ledger, ORIGIN, hash};
use crate::{Entry, Error, Granted, error::Result};

/// The longest line that is read: that of a policy's text, each of whose characters may need two.
const LONGEST: u64 = 4 << 20;

/// How many entries are read at once.
const AT_ONCE: u32 = 1000;

/// One line: an entry's text as it stands in the ledger, and its hash.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line<'a> {
    /// The SHA-256 of the entry's text, in hexadecimal.
    pub hash: &'a str,
    /// The entry's text.
    #[serde(borrow)]
    pub entry: &'a RawValue,
}

/// An [`Entry`] as it is written, of which it is not yet read what was done.
#[derive(Debug)]
pub struct Written<'a> {
    /// Its number.
    pub sequence: u64,
    /// When it was written.
    pub time: Timestamp,
    /// Who did it.
    pub who: &'a str,
    /// The hash of the entry before it.
    pub previous: &'a str,
    what: &'a str,
}

/// A text as it is written, or what it means where it is written with escapes.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// An [`Entry`]'s text, by its parts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts<'a> {
    sequence: u64,
    time: Timestamp,
    #[serde(borrow)]
    who: &'a str,
    #[serde(borrow)]
    previous: &'a str,
    #[serde(borrow)]
    what: &'a RawValue,
}

impl<'a> Written<'a> {
    /// What stands in an entry's text.
    ///
    /// # Errors
    /// When it is no entry.
    pub fn of(text: &'a str) -> serde_json::Result<Self> {
        if let Some(written) = Self::as_written(text) {
            return Ok(written);
        }
        let Parts { sequence, time, who, previous, what } = serde_json::from_str(text)?;
        Ok(Self { sequence, time, who, previous, what: what.get() })
    }

    /// By the words that the ledger writes between the parts. Most entries are asked for no more than that, so what was done is not looked through.
    fn as_written(text: &'a str) -> Option<Self> {
        let text_before = |text: &'a str, next: &str| {
            let (before, behind) = text.split_once('"')?;
            Some((before, behind.strip_prefix(next)?)).filter(|(before, _)| !before.contains('\\'))
        };
        let (sequence, rest) = text.strip_prefix("{\"sequence\":")?.split_once(',')?;
        let (time, rest) = text_before(rest.strip_prefix("\"time\":\"")?, ",\"who\":\"")?;
        let (who, rest) = text_before(rest, ",\"previous\":\"")?;
        let (previous, rest) = text_before(rest, ",\"what\":")?;
        let (sequence, time) = (sequence.parse().ok()?, time.parse().ok()?);
        Some(Self { sequence, time, who, previous, what: rest.strip_suffix('}')? })
    }

    /// Whether it is of one of these kinds, and written as the ledger writes it.
    fn is_of(&self, kinds: &[&str]) -> bool {
        let behind = self.what.strip_prefix("{\"");
        behind.and_then(|rest| rest.split_once('"')).is_some_and(|(kind, _)| kinds.contains(&kind))
    }

    /// The grant that it tells of, if it is one and written as the ledger writes it. Most of what is asked for are grants.
    pub fn granted(&self) -> Option<Granted<Text<'a>>> {
        serde_json::from_str(self.what.strip_prefix("{\"granted\":")?.strip_suffix('}')?).ok()
    }

    /// The whole entry.
    ///
    /// # Errors
    /// When what it says was done is nothing that this version knows.
    pub fn read(&self) -> serde_json::Result<Entry> {
        let what = serde_json::from_str(self.what)?;
        let (who, previous) = (self.who.to_owned(), self.previous.to_owned());
        Ok(Entry { sequence: self.sequence, time: self.time, who, previous, what })
    }
}

/// The text and hash of some entries, one behind the other.
#[derive(Default)]
struct Batch {
    texts: String,
    /// Where each text ends, and where each hash does.
    ends: Vec<(usize, usize)>,
}

impl Batch {
    fn clear(&mut self) {
        self.texts.clear();
        self.ends.clear();
    }

    fn push(&mut self, text: &str, hash: &str) {
        self.texts.push_str(text);
        let end = self.texts.len();
        self.texts.push_str(hash);
        self.ends.push((end, self.texts.len()));
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let begins = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        let part = |from: usize, to: usize| self.texts.get(from..to).unwrap_or_default();
        begins.zip(&self.ends).map(move |(begin, (middle, end))| (part(begin, *middle), part(*middle, *end)))
    }
}

impl Ledger {
    /// Writes all entries, the oldest first, a line each; verifies the chain on the way.
    pub fn export(&self, out: &mut dyn Write) -> Result<u64> {
        let verified = self.verify(&[])?;
        self.each(&[], |entry, text, hash| {
            let fail = |error: &dyn std::fmt::Display| {
                Error::Failed(format!("cannot write entry {}: {error}", entry.sequence))
            };
            let raw: &RawValue = serde_json::from_str(text).map_err(|error| fail(&error))?;
            let line = serde_json::to_string(&Line { hash, entry: raw }).map_err(|error| fail(&error))?;
            writeln!(out, "{line}").map_err(|error| fail(&error))
        })?;
        Ok(verified.entries)
    }

    /// Shows all entries but those of some kinds, the oldest first, with text and hash; verifies the chain of all on the way.
    fn each(&self, without: &[&str], mut show: impl FnMut(&Written<'_>, &str, &str) -> Result<()>) -> Result<Head> {
        let (mut chain, mut some) = (Chain::default(), Batch::default());
        loop {
            self.behind(chain.0.sequence, &mut some)?;
            for (text, noted) in some.iter() {
                let at = chain.0.sequence + 1;
                let entry = chain.next(text, noted).map_err(|error| Error::Ledger(format!("entry {at}: {error}")))?;
                if !entry.is_of(without) {
                    show(&entry, text, noted)?;
                }
            }
            if some.ends.is_empty() {
                return Ok(chain.0);
            }
        }
    }

    /// The text and hash of the next entries behind one. Not all at once: as long as they are read nobody can write, and what they are
    /// shown to may be slow (a pager).
    fn behind(&self, sequence: u64, some: &mut Batch) -> Result<()> {
        let sql = "SELECT text, hash FROM entry WHERE sequence > ? ORDER BY sequence LIMIT ?";
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query((super::column(sequence)?, AT_ONCE))?;
        some.clear();
        while let Some(row) = rows.next()? {
            let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
            some.push(text(0)?, text(1)?);
        }
        Ok(())
    }

    /// All entries but those of some kinds ([`What`](crate::What), as in JSON), the oldest first; gives the head of all.
    ///
    /// # Errors
    /// When the ledger cannot be read, its chain is broken, or `take` cannot read an entry.
    pub fn entries(
        &self,
        without: &[&str],
        mut take: impl FnMut(&Written<'_>) -> serde_json::Result<()>,
    ) -> Result<Head> {
        self.each(without, |entry, _, _| {
            take(entry).map_err(|error| Error::Ledger(format!("entry {}: {error}", entry.sequence)))
        })
    }
}

/// Reads an export and hands on each entry but those of some kinds, the oldest first; gives the head of all. An export whose chain is broken is
/// refused, with the line.
pub fn read(
    export: &mut dyn BufRead,
    without: &[&str],
    mut take: impl FnMut(&Written<'_>) -> serde_json::Result<()>,
) -> Result<Head> {
    let mut chain = Chain::default();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let wrong = |reason: &dyn std::fmt::Display| Error::Ledger(format!("line {number}: {reason}"));
        let mut limited = std::io::Read::take(&mut *export, LONGEST);
        if limited.read_until(b'\n', &mut line).map_err(|error| wrong(&error))? == 0 {
            break;
        }
        let line = str::from_utf8(&line).map_err(|error| wrong(&error))?;
        let (noted, text) = as_written(line).map_or_else(|| as_json(line), Ok).map_err(|error| wrong(&error))?;
        let entry = chain.next(text, noted).map_err(|error| wrong(&error))?;
        if !entry.is_of(without) {
            take(&entry).map_err(|error| wrong(&error))?;
        }
    }
    match chain.0.sequence {
        0 => Err(Error::Ledger("it is empty, and every ledger has at least the entry that it begins with".into())),
        _ => Ok(chain.0),
    }
}

/// The entries so far, of which each has the hash of the one before.
struct Chain(Head);

impl Default for Chain {
    fn default() -> Self {
        Self(Head { sequence: 0, hash: ORIGIN.into(), time: None })
    }
}

impl Chain {
    /// The next entry, beside whose text a hash is noted.
    fn next<'t>(&mut self, text: &'t str, noted: &str) -> std::result::Result<Written<'t>, String> {
        let entry = Written::of(text).map_err(|error| error.to_string())?;
        let found = hash(text);
        if found != noted || entry.previous != self.0.hash || entry.sequence != self.0.sequence + 1 {
            return Err("the chain of hashes is broken: the ledger was changed, or entries are missing".into());
        }
        self.0 = Head { sequence: entry.sequence, hash: found, time: Some(entry.time) };
        Ok(entry)
    }
}

/// Hash and entry of a line as [`Ledger::export`] writes it, which most are.
fn as_written(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("{\"hash\":\"")?.strip_suffix("}\n")?.split_once("\",\"entry\":")
}

/// Hash and entry of any line.
fn as_json(line: &str) -> serde_json::Result<(&str, &str)> {
    let Line { hash, entry } = serde_json::from_str(line)?;
    Ok((hash, entry.get()))
}
