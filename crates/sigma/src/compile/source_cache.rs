//! A thread's own memory of which log source is which class; readers ask again for every new shape of record.

use std::hash::BuildHasher;

use event::{Class, LogSource};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::compile::Classes;

/// Evidence can hold any number of providers' names; with more than this the cache begins anew.
const MAX_SOURCES: usize = 4096;

/// Log sources seen, with their classes.
#[derive(Default)]
pub struct SourceCache {
    table: HashTable<Known>,
    hasher: RandomState,
}

struct Known {
    product: Box<str>,
    channel: Box<str>,
    provider: Box<str>,
    event_id: u32,
    class: Class,
}

impl Known {
    fn source(&self) -> LogSource<'_> {
        LogSource { product: &self.product, channel: &self.channel, provider: &self.provider, event_id: self.event_id }
    }
}

impl SourceCache {
    /// The class of a log source.
    pub fn class(&mut self, source: &LogSource<'_>, classes: &Classes) -> Class {
        let hash = self.hasher.hash_one(source);
        if let Some(known) = self.table.find(hash, |known| known.source() == *source) {
            return known.class;
        }
        let class = classes.class(source);
        if self.table.len() >= MAX_SOURCES {
            self.table.clear();
        }
        let LogSource { product, channel, provider, event_id } = *source;
        let known =
            Known { product: product.into(), channel: channel.into(), provider: provider.into(), event_id, class };
        self.table.insert_unique(hash, known, |known| self.hasher.hash_one(known.source()));
        class
    }
}
