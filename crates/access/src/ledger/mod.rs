//! The ledger: append-only, hash-chained, in one SQLite file; a commit is on the disk before anyone is told of it.
//!
//! ```text
//! entry ──JSON──▶ text ──SHA-256──▶ hash ──▶ `previous` of the next entry
//! ```
//!
//! The text is all there is to an entry; the columns beside it are for looking things up, and [`Ledger::verify`] compares
//! them with it. The database itself refuses to change or remove an entry. Sealed secrets stand in a table of their own, outside of
//! the chain, so that they can be destroyed and never leave with an export.

mod export;
mod look;
#[cfg(test)]
mod tests;
mod verify;

use std::{fs, io, path::Path, time::Duration};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, ffi::SQLITE_READONLY_ROLLBACK, params};
use sha2::{Digest, Sha256};

pub use export::{Line, Text, Written, read as read_export};
pub use look::{ClockBack, Codes, Enrolled, Invitation, MOST, Release, Request, Retired, View};
pub use verify::{Head, Verified};

use crate::{
    Entry, Error, Grant, Granted, What,
    entry::{Kind, Subject},
    error::Result,
};

/// `DCLG`, in the file's header.
const APPLICATION: i32 = 0x4443_4c47;
/// The layout that this program writes.
const VERSION: i32 = 1;
/// How long to wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(10);
/// How far the clock may go back from one entry to the next, in seconds: no more than setting it precisely takes.
const SLACK: i64 = 2;
/// The hash before the first.
const ORIGIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const LAYOUT: &str = "
CREATE TABLE entry (
    sequence INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX by_number ON entry(kind, number);
CREATE INDEX by_subject ON entry(kind, subject, sequence);
CREATE UNIQUE INDEX one_grant_a_serial ON entry(number) WHERE kind = 'granted';
CREATE UNIQUE INDEX one_grant_a_request ON entry(json_extract(text, '$.what.granted.request')) WHERE kind = 'granted';
CREATE TRIGGER never_changed BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER never_removed BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TABLE secret (key TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
";

/// Bytes of a page: of SQLite's usual ones many more have to be read to go through all entries, as a hunt does.
const PAGE: u32 = 16 << 10;

/// An open ledger.
#[derive(Debug)]
pub struct Ledger(Connection);

/// A change to the ledger that is under way: all of its entries are written, or none.
#[derive(Debug)]
pub struct Change<'a> {
    transaction: Transaction<'a>,
    now: Timestamp,
    clock: Timestamp,
    head: Head,
}

impl Ledger {
    /// Makes a ledger at a path where nothing is yet.
    pub fn create(path: &Path) -> Result<Self> {
        #[cfg(unix)]
        crate::private::create(path, b"")?;
        let ledger = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        ledger.0.execute_batch(&format!(
            "PRAGMA page_size = {PAGE}; BEGIN IMMEDIATE; {LAYOUT} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
        ))?;
        Ok(ledger)
    }

    /// Opens a ledger to add to it.
    pub fn open(path: &Path) -> Result<Self> {
        let ledger = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        ledger.expect_layout()?;
        Ok(ledger)
    }

    /// Opens a ledger to look at it. Nothing is written to it, not even where a gate was killed in the middle of a change: then a copy
    /// is looked at that is taken back to the last commit.
    pub fn read(path: &Path) -> Result<Self> {
        let ledger = loop {
            let ledger = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            if !ledger.is_cut_short()? {
                break ledger;
            }
            if let Some(copy) = Self::connect_copy(path)? {
                break copy;
            }
        };
        ledger.expect_layout()?;
        Ok(ledger)
    }

    /// Whether what was last written has to be taken back first, which who only reads may not do.
    fn is_cut_short(&self) -> Result<bool> {
        let read = self.0.pragma_query_value(None, "schema_version", |_| Ok(()));
        match read.as_ref().err().and_then(rusqlite::Error::sqlite_error) {
            Some(error) if error.extended_code == SQLITE_READONLY_ROLLBACK => Ok(true),
            _ => Ok(read.map(|()| false)?),
        }
    }

    /// Connects to a copy of a ledger and of the journal that it is taken back by; unless a gate did so itself meanwhile.
    fn connect_copy(path: &Path) -> Result<Option<Self>> {
        let cannot = |error: io::Error| Error::file(path, format!("was cut short, and cannot be copied: {error}"));
        let mut journal = path.as_os_str().to_owned();
        journal.push("-journal");
        let folder = tempfile::tempdir().map_err(cannot)?;
        let copy = folder.path().join("ledger");
        let before = fs::read(&journal).map_err(cannot)?;
        let mut from = fs::File::open(path).map_err(cannot)?;
        io::copy(&mut from, &mut fs::File::create(&copy).map_err(cannot)?).map_err(cannot)?;
        // Each journal has a number of its own.
        if before.is_empty() || before != fs::read(&journal).map_err(cannot)? {
            return Ok(None);
        }
        fs::write(folder.path().join("ledger-journal"), before).map_err(cannot)?;
        // What is open needs no name any more.
        Self::connect(&copy, OpenFlags::SQLITE_OPEN_READ_WRITE).map(Some)
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Self> {
        if !path.is_file() {
            return Err(Error::file(path, "expected a ledger, found no file"));
        }
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")?;
        if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
            // A secret that is destroyed is not to stay in the file's free pages.
            connection.execute_batch("PRAGMA secure_delete = ON;")?;
            // A file on its own that is whole between any two commits, and synced by each: a copy of it is evidence.
            connection.execute_batch("PRAGMA synchronous = FULL;")?;
            connection.pragma_update(None, "journal_mode", "TRUNCATE")?;
        }
        Ok(Self(connection))
    }

    fn expect_layout(&self) -> Result<()> {
        let number = |name: &str| self.0.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        if number("application_id")? != APPLICATION {
            return Err(Error::Ledger("expected a ledger of Dreamcatcher, found another database".into()));
        }
        match number("user_version")? {
            VERSION => Ok(()),
            other => {
                Err(Error::Ledger(format!("expected version {VERSION}, found {other}: written by another version")))
            }
        }
    }

    /// Adds entries, as `change` does: all of them or, where it fails, none. When this returns they are on the disk. The clock is
    /// looked at when nobody else can write any more.
    pub(crate) fn write<T>(
        &mut self,
        clock: impl FnOnce() -> Timestamp,
        change: impl FnOnce(&mut Change<'_>) -> Result<T>,
    ) -> Result<T> {
        self.change(clock, |under_way| match under_way.ahead() {
            Some(last) => Err(Error::Ledger(format!(
                "the clock stands at {}, before the last entry, of {last}: set it right, or see access clock-back",
                under_way.clock
            ))),
            None => change(under_way),
        })
    }

    /// The same where the clock may stand before the last entry: for what is to be said of that very thing. The time of these entries
    /// is that of the last one, until one of them takes it back.
    pub(crate) fn change<T>(
        &mut self,
        clock: impl FnOnce() -> Timestamp,
        change: impl FnOnce(&mut Change<'_>) -> Result<T>,
    ) -> Result<T> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let clock = clock();
        let head = verify::head(&transaction)?;
        // Within the slack the ledger's time stands still rather than go back.
        let now = head.time.map_or(clock, |last| clock.max(last));
        let mut under_way = Change { transaction, now, clock, head };
        let made = change(&mut under_way)?;
        under_way.transaction.commit()?;
        Ok(made)
    }

    /// Adds entries of which one is a grant. This is where grants come from: of a record that is on the disk.
    pub(crate) fn grant<T>(
        &mut self,
        clock: impl FnOnce() -> Timestamp,
        change: impl FnOnce(&mut Change<'_>) -> Result<(T, Option<Granted>)>,
    ) -> Result<(T, Option<Grant>)> {
        let (made, granted) = self.write(clock, |under_way| {
            let (made, granted) = change(under_way)?;
            if let Some(granted) = &granted {
                under_way.append("gate", What::Granted(Box::new(granted.clone())))?;
            }
            Ok((made, granted))
        })?;
        Ok((made, granted.map(Grant::written)))
    }
}

impl Change<'_> {
    /// The time that its entries get.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The time of the clock, by which codes are judged.
    pub(crate) fn clock(&self) -> Timestamp {
        self.clock
    }

    /// The time of the last entry, if the clock stands before it by more than setting it precisely takes.
    pub(crate) fn ahead(&self) -> Option<Timestamp> {
        self.head.time.filter(|last| self.clock.as_second() + SLACK < last.as_second())
    }

    /// The hash of the last entry.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// Adds an entry.
    pub(crate) fn append(&mut self, who: &str, what: What) -> Result<Entry> {
        if let What::ClockBack { to, .. } = &what {
            self.now = *to;
        }
        let entry = Entry {
            sequence: self.head.sequence + 1,
            time: self.now,
            who: who.to_owned(),
            previous: self.head.hash.clone(),
            what,
        };
        let text = serde_json::to_string(&entry).map_err(|error| Error::Ledger(error.to_string()))?;
        let hash = hash(&text);
        let (Kind(kind), Subject(subject), number) = entry.what.keys();
        let (second, number) = (entry.time.as_second(), column(number)?);
        self.transaction.prepare_cached("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)")?.execute(params![
            column(entry.sequence)?,
            second,
            kind,
            subject,
            number,
            text,
            hash
        ])?;
        self.head = Head { sequence: entry.sequence, hash, time: Some(entry.time) };
        Ok(entry)
    }

    /// Keeps a sealed secret under a name.
    pub(crate) fn keep_secret(&mut self, key: &str, sealed: &[u8]) -> Result<()> {
        self.transaction.execute("INSERT OR REPLACE INTO secret VALUES (?, ?)", params![key, sealed])?;
        Ok(())
    }

    /// Destroys a sealed secret.
    pub(crate) fn drop_secret(&mut self, key: &str) -> Result<()> {
        self.transaction.execute("DELETE FROM secret WHERE key = ?", params![key])?;
        Ok(())
    }
}

/// An entry's hash, in hexadecimal.
fn hash(text: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(text))
}

/// SQLite's integers have a sign.
fn column(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| Error::Ledger("a number is too large".into()))
}
