//! Whether the past is as it was written.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::{Ledger, ORIGIN, column, hash};
use crate::{
    Entry, Error, What,
    entry::{Kind, Subject},
    error::Result,
};

/// The last entry: what the next one is chained to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number; 0 in an empty ledger.
    pub sequence: u64,
    /// Its hash, in hexadecimal.
    pub hash: String,
    /// When it was written.
    pub time: Option<Timestamp>,
}

/// What a verification has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries.
    pub entries: u64,
    /// The last one.
    pub head: Head,
}

/// One row as it stands in the file.
struct Row {
    sequence: i64,
    time: i64,
    kind: String,
    subject: String,
    number: i64,
    text: String,
    hash: String,
}

/// The last entry.
pub(super) fn head(connection: &Connection) -> Result<Head> {
    let last = connection
        .prepare_cached("SELECT sequence, hash, text FROM entry ORDER BY sequence DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, String>(2)?)))
        .optional()?;
    let Some((sequence, hash, text)) = last else {
        return Ok(Head { sequence: 0, hash: ORIGIN.into(), time: None });
    };
    let entry = parse(sequence, &text)?;
    Ok(Head { sequence: entry.sequence, hash, time: Some(entry.time) })
}

/// Reads an entry's text.
pub(super) fn parse(sequence: i64, text: &str) -> Result<Entry> {
    serde_json::from_str(text).map_err(|error| Error::Ledger(format!("damaged: entry {sequence}: {error}")))
}

impl Ledger {
    /// Goes through all of the past: finds entries that were changed, removed, added in between or put in another order. What was cut
    /// off at the end is found by comparing the head with one that was noted before: `noted` is an entry's number and hash.
    pub fn verify(&self, noted: &[(u64, String)]) -> Result<Verified> {
        let whole: String = self.0.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if whole != "ok" {
            return Err(Error::Ledger(format!("damaged: {whole}")));
        }
        let mut head = Head { sequence: 0, hash: ORIGIN.into(), time: None };
        let mut statement =
            self.0.prepare("SELECT sequence, time, kind, subject, number, text, hash FROM entry ORDER BY sequence")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let row = Row {
                sequence: row.get(0)?,
                time: row.get(1)?,
                kind: row.get(2)?,
                subject: row.get(3)?,
                number: row.get(4)?,
                text: row.get(5)?,
                hash: row.get(6)?,
            };
            head = row.follows(&head)?;
            if let Some((_, hash)) =
                noted.iter().find(|(sequence, hash)| *sequence == head.sequence && *hash != head.hash)
            {
                let found = &head.hash;
                return Err(Error::Ledger(format!(
                    "entry {} was changed: expected hash {hash}, found {found}",
                    head.sequence
                )));
            }
        }
        if let Some((missing, _)) = noted.iter().find(|(sequence, _)| *sequence > head.sequence) {
            let last = head.sequence;
            return Err(Error::Ledger(format!(
                "entries were removed: expected entry {missing}, found {last} as the last"
            )));
        }
        Ok(Verified { entries: head.sequence, head })
    }
}

impl Row {
    /// The head that this row makes of the one before it, if it is the next and says itself what its columns say.
    fn follows(self, head: &Head) -> Result<Head> {
        let at = self.sequence;
        let wrong = |reason: String| Err(Error::Ledger(format!("entry {at}: {reason}")));
        let entry = parse(at, &self.text)?;
        let expected = head.sequence + 1;
        if entry.sequence != expected || at != column(expected)? {
            return wrong(format!(
                "expected number {expected}, found {}: entries were removed or added",
                entry.sequence
            ));
        }
        if entry.previous != head.hash {
            return wrong(format!("expected to follow {}, found {}: the past was changed", head.hash, entry.previous));
        }
        if let What::Granted(granted) = &entry.what
            && let Some(why) = granted.misplaced(&entry.previous)
        {
            return wrong(format!("{why}: the past was written anew"));
        }
        let found = hash(&self.text);
        if found != self.hash {
            return wrong(format!("expected hash {}, found {found}: the entry was changed", self.hash));
        }
        let is_taken_back =
            matches!(&entry.what, What::ClockBack { from, to, .. } if head.time == Some(*from) && entry.time == *to);
        if !is_taken_back && head.time.is_some_and(|last| entry.time < last) {
            return wrong(format!("expected a time not before the last, found {}", entry.time));
        }
        let (Kind(kind), Subject(subject), number) = entry.what.keys();
        if (kind, subject) != (&*self.kind, &*self.subject)
            || column(number)? != self.number
            || entry.time.as_second() != self.time
        {
            return wrong("its columns say other than its text".into());
        }
        Ok(Head { sequence: entry.sequence, hash: found, time: Some(entry.time) })
    }
}
