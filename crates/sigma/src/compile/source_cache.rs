//! A thread's own memory of which log source is which class; readers ask again for every new shape of record.

use std::hash::{BuildHasher, Hash};

use event::{Class, LogSource};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::compile::Classes;

/// Evidence can hold any number of providers' names; with more than this the cache begins anew.
const MAX_SOURCES: usize = 4096;

/// Log sources seen, with their classes.
#[derive(Default)]
pub struct SourceCache {
    table: HashTable<(Box<str>, Box<str>, Box<str>, u32, Class)>,
    hasher: RandomState,
}

impl SourceCache {
    /// The class of a log source.
    pub fn class(&mut self, source: &LogSource<'_>, classes: &Classes) -> Class {
        let hash = self.hasher.hash_one(source);
        let same = |(product, channel, provider, event_id, _): &(Box<str>, Box<str>, Box<str>, u32, Class)| {
            LogSource { product, channel, provider, event_id: *event_id } == *source
        };
        if let Some((.., class)) = self.table.find(hash, same) {
            return *class;
        }
        let class = classes.class(source);
        if self.table.len() >= MAX_SOURCES {
            self.table.clear();
        }
        let entry = (source.product.into(), source.channel.into(), source.provider.into(), source.event_id, class);
        let hasher = &self.hasher;
        self.table.insert_unique(hash, entry, |(product, channel, provider, event_id, _)| {
            let source = LogSource { product, channel, provider, event_id: *event_id };
            let mut state = hasher.build_hasher();
            source.hash(&mut state);
            std::hash::Hasher::finish(&state)
        });
        class
    }
}
