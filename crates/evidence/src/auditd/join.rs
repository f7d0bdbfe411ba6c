//! Finds the record before a record that is of the same event, whatever stands between them.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::line::Header;

/// How far apart in bytes two records of one event that follow on one another may begin.
pub(super) const REACH: usize = 64 << 10;

/// Node and stamp: records that have them in common are of one event.
pub(super) type Key<'a> = (&'a [u8], &'a [u8]);

impl<'a> Header<'a> {
    /// What it has in common with other records of its event.
    pub(super) const fn key(&self) -> Key<'a> {
        (self.node, self.stamp)
    }
}

/// Remembers of each event the record that came last.
pub(super) struct Joiner<'a, T> {
    hasher: RandomState,
    events: HashTable<(Key<'a>, T)>,
    /// The event of the last record, which is that of the next one as well most times; newer than what `events` may have of it.
    last: Option<(Key<'a>, T)>,
}

impl<T> Default for Joiner<'_, T> {
    fn default() -> Self {
        Self { hasher: RandomState::default(), events: HashTable::new(), last: None }
    }
}

impl<'a, T: Copy> Joiner<'a, T> {
    /// Notes a record and gives the one before it of the same event.
    pub(super) fn join(&mut self, key: Key<'a>, record: T) -> Option<T> {
        if let Some((_, place)) = self.last.as_mut().filter(|(last, _)| *last == key) {
            return Some(std::mem::replace(place, record));
        }
        if let Some((other, place)) = self.last.replace((key, record)) {
            self.remember(other, place);
        }
        self.events.find(self.hasher.hash_one(key), |(known, _)| *known == key).map(|(_, place)| *place)
    }

    fn remember(&mut self, key: Key<'a>, record: T) {
        let (hash, hasher) = (self.hasher.hash_one(key), &self.hasher);
        match self.events.find_mut(hash, |(known, _)| *known == key) {
            Some((_, place)) => *place = record,
            None => drop(self.events.insert_unique(hash, (key, record), |(key, _)| hasher.hash_one(key))),
        }
    }
}
