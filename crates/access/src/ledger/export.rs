//! The ledger as JSON lines: evidence that is kept elsewhere, and that a hunt reads.

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Head, Ledger, ORIGIN, hash};
use crate::{Entry, Error, error::Result};

/// The longest line that is read: that of a policy's text, each of whose characters may need two.
const LONGEST: u64 = 4 << 20;

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

impl Ledger {
    /// Writes all entries, the oldest first, a line each; verifies the chain on the way.
    pub fn export(&self, out: &mut dyn Write) -> Result<u64> {
        let verified = self.verify(&[])?;
        self.each(|entry, text, hash| {
            let fail = |error: &dyn std::fmt::Display| {
                Error::Failed(format!("cannot write entry {}: {error}", entry.sequence))
            };
            let raw: &RawValue = serde_json::from_str(text).map_err(|error| fail(&error))?;
            let line = serde_json::to_string(&Line { hash, entry: raw }).map_err(|error| fail(&error))?;
            writeln!(out, "{line}").map_err(|error| fail(&error))
        })?;
        Ok(verified.entries)
    }

    /// Shows all entries, the oldest first, with text and hash.
    fn each(&self, mut show: impl FnMut(Entry, &str, &str) -> Result<()>) -> Result<()> {
        let mut statement = self.0.prepare("SELECT sequence, text, hash FROM entry ORDER BY sequence")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (text, hash): (String, String) = (row.get(1)?, row.get(2)?);
            show(super::verify::parse(row.get(0)?, &text)?, &text, &hash)?;
        }
        Ok(())
    }

    /// All entries, the oldest first, as the accounting takes them.
    pub fn entries(&self, mut take: impl FnMut(Entry)) -> Result<()> {
        self.each(|entry, _, _| {
            take(entry);
            Ok(())
        })
    }
}

/// Reads an export and hands on each entry, the oldest first; an export whose chain is broken is refused, with the line.
pub fn read(export: &mut dyn BufRead, mut take: impl FnMut(Entry)) -> Result<Head> {
    let mut head = Head { sequence: 0, hash: ORIGIN.into(), time: None };
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let wrong = |reason: &dyn std::fmt::Display| Error::Ledger(format!("line {number}: {reason}"));
        let mut limited = std::io::Read::take(&mut *export, LONGEST);
        if limited.read_until(b'\n', &mut line).map_err(|error| wrong(&error))? == 0 {
            break;
        }
        let read: Line<'_> = serde_json::from_slice(&line).map_err(|error| wrong(&error))?;
        let entry: Entry = serde_json::from_str(read.entry.get()).map_err(|error| wrong(&error))?;
        let found = hash(read.entry.get());
        if found != read.hash || entry.previous != head.hash || entry.sequence != head.sequence + 1 {
            return Err(wrong(&"the chain of hashes is broken: the ledger was changed, or lines are missing"));
        }
        head = Head { sequence: entry.sequence, hash: found, time: Some(entry.time) };
        take(entry);
    }
    Ok(head)
}
