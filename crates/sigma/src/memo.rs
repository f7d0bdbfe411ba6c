//! What was found out about values, so that it need not be found out again: logs repeat themselves.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher},
};

use event::Value;
use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// All memos of a detector together hold no more than this before they are emptied.
pub const MAX_BYTES: usize = 8 << 20;
/// Longer values are seldom seen twice.
const MAX_VALUE: usize = 1024;
/// After so many values it is looked whether remembering is worth while ...
const ON_TRIAL: u32 = 4096;
/// ... which it is if at least one in so many is known; if not, nothing is remembered of the next values.
const ONE_IN: u32 = 4;
const PAUSE: u32 = 64 * 1024;

/// By value: the tests that it satisfies. A value is only ever recognised by all of its bytes.
#[derive(Default)]
pub struct Memo {
    table: HashTable<Entry>,
    values: Vec<u8>,
    hits: Vec<u32>,
    hasher: RandomState,
    /// Values asked about, and known, since the last trial.
    asked: u32,
    known: u32,
    /// Whether remembering was found to be in vain.
    pauses: bool,
}

#[derive(Clone, Copy)]
struct Entry {
    hash: u64,
    value: (u32, u32),
    hits: (u32, u32),
}

impl Memo {
    /// Puts what was remembered of `value` into `hits`, or returns false.
    pub fn recall(&mut self, value: &Value<'_>, hits: &mut Vec<u32>) -> bool {
        self.try_anew();
        if self.pauses {
            return false;
        }
        let mut number = [0; 8];
        let Some((kind, bytes)) = key(value, &mut number) else { return false };
        let hash = self.hash(kind, bytes);
        let same = |entry: &Entry| entry.hash == hash && self.value(entry) == Some((kind, bytes));
        let Some(entry) = self.table.find(hash, same) else { return false };
        self.known += 1;
        hits.clear();
        let (start, end) = entry.hits;
        hits.extend_from_slice(self.hits.get(start as usize..end as usize).unwrap_or_default());
        true
    }

    /// Counts a value that is asked about, and sees whether remembering is worth while.
    fn try_anew(&mut self) {
        self.asked += 1;
        if self.asked == if self.pauses { PAUSE } else { ON_TRIAL } {
            self.pauses = !self.pauses && self.known < ON_TRIAL / ONE_IN;
            (self.asked, self.known) = (0, 0);
        }
    }

    /// Remembers what was found out about `value`, which it does not know yet.
    pub fn remember(&mut self, value: &Value<'_>, hits: &[u32]) {
        let mut number = [0; 8];
        let Some((kind, bytes)) = key(value, &mut number) else { return };
        if bytes.len() > MAX_VALUE || self.pauses {
            return;
        }
        let hash = self.hash(kind, bytes);
        let value = self.values.len() as u32;
        self.values.push(kind);
        self.values.extend_from_slice(bytes);
        let first = self.hits.len() as u32;
        self.hits.extend_from_slice(hits);
        let entry = Entry { hash, value: (value, self.values.len() as u32), hits: (first, self.hits.len() as u32) };
        self.table.insert_unique(hash, entry, |entry| entry.hash);
    }

    /// How much memory it holds.
    pub fn bytes(&self) -> usize {
        self.values.len() + self.hits.len() * 4 + self.table.len() * size_of::<Entry>()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.table.clear();
        self.values.clear();
        self.hits.clear();
    }

    fn value(&self, entry: &Entry) -> Option<(u8, &[u8])> {
        let (start, end) = entry.value;
        let (kind, bytes) = self.values.get(start as usize..end as usize)?.split_first()?;
        Some((*kind, bytes))
    }

    fn hash(&self, kind: u8, bytes: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(bytes);
        hasher.write_u8(kind);
        hasher.finish()
    }
}

/// So many outcomes are remembered of a class, each of at most so many tests.
const MAX_OUTCOMES: usize = 256;
const MAX_TESTS: usize = 32;

/// Which rules are satisfied where scans find these tests true, and no others: remembered where nothing else was asked.
#[derive(Default)]
pub struct Outcomes(HashMap<Box<[u32]>, Box<[u32]>, RandomState>);

impl Outcomes {
    /// The rules that are satisfied, if that is known.
    pub fn recall(&self, found: &[u32]) -> Option<&[u32]> {
        self.0.get(found).map(AsRef::as_ref)
    }

    /// Remembers what came of tests.
    pub fn remember(&mut self, found: &[u32], satisfied: &[u32]) {
        // The first ones are the frequent ones.
        if found.len() <= MAX_TESTS && self.0.len() < MAX_OUTCOMES {
            self.0.insert(found.into(), satisfied.into());
        }
    }
}

/// A value's bytes and their kind; `None` for kinds that are not worth remembering.
fn key<'v>(value: &'v Value<'_>, number: &'v mut [u8; 8]) -> Option<(u8, &'v [u8])> {
    let mut of = |kind, bits: u64| {
        *number = bits.to_le_bytes();
        kind
    };
    Some(match value {
        Value::Text(text) => (0, text.as_bytes()),
        Value::Utf16(bytes) => (1, bytes),
        Value::Sid(bytes) => (2, bytes),
        Value::Guid(bytes) => (3, bytes.as_slice()),
        Value::Bytes(bytes) => (4, bytes),
        Value::UInt(bits) => (of(5, *bits), number.as_slice()),
        Value::Hex(bits) => (of(6, *bits), number.as_slice()),
        Value::Int(bits) => (of(7, *bits as u64), number.as_slice()),
        Value::Bool(flag) => (of(8, u64::from(*flag)), number.as_slice()),
        Value::Null | Value::Float(_) | Value::Time(_) => return None,
    })
}
