//! Rules seen in their order.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::window::{Entry, Mark};

/// Of so many events of a group it is looked which may have come in which order, if clocks may differ.
pub const MOST_WITH_SKEW: usize = 512;

/// No chain.
const NONE: i64 = i64::MIN;

/// The chains of rules in their order: for each rule and each length the latest beginning of a chain of that length that ends with the rule.
/// A later beginning is never worse, so no other chain need be known.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Order {
    rules: usize,
    /// By rule and length (from 1); of all events before the one at hand.
    begins: Vec<i64>,
    /// The event at hand: what it adds is added when the next one comes, since an event does not follow itself.
    event: Option<Mark>,
    /// Rule, length and beginning.
    fresh: Vec<(u8, u8, i64)>,
}

impl Order {
    /// Of no event yet.
    pub fn of(rules: usize) -> Self {
        Self { rules, begins: vec![NONE; rules * rules], ..Self::default() }
    }

    /// Takes an event in.
    pub fn add(&mut self, entry: &Entry) {
        let mark = entry.mark();
        if !self.event.is_some_and(|event| event.is_same_event(mark)) {
            self.settle();
            self.event = Some(mark);
        }
        // The first moment of all would be taken for no chain.
        self.fresh.push((mark.element(), 1, mark.time.max(NONE + 1)));
        for length in 2..=mark.element().saturating_add(1) {
            let before = (0..usize::from(mark.element())).map(|rule| self.begin(rule, usize::from(length) - 1));
            if let Some(begin) = before.max().filter(|begin| *begin != NONE) {
                self.fresh.push((mark.element(), length, begin));
            }
        }
    }

    fn begin(&self, rule: usize, length: usize) -> i64 {
        self.begins.get(rule * self.rules + length - 1).copied().unwrap_or(NONE)
    }

    fn settle(&mut self) {
        for (rule, length, begin) in self.fresh.drain(..) {
            let at = usize::from(rule) * self.rules + usize::from(length) - 1;
            self.begins.iter_mut().skip(at).take(1).for_each(|known| *known = (*known).max(begin));
        }
    }

    /// The longest chain that does not begin before `earliest`: its length, and its beginning, the latest if there are several.
    pub fn longest(&self, earliest: i64) -> (usize, i64) {
        let settled = self.begins.iter().enumerate().map(|(at, begin)| (at % self.rules.max(1) + 1, *begin));
        let fresh = self.fresh.iter().map(|(_, length, begin)| (usize::from(*length), *begin));
        let chains = settled.chain(fresh).filter(|(_, begin)| *begin >= earliest && *begin != NONE);
        chains.max().unwrap_or((0, earliest))
    }
}

/// The longest chain of rules in their order among events, oldest first, of which those of different machines may have come in either order if they
/// are no more than `skew` apart.
pub fn longest_with_skew(events: &[&Entry], skew: i64) -> usize {
    let mut by_rule: Vec<(usize, &Entry)> = events.iter().copied().enumerate().collect();
    by_rule.sort_by_key(|(_, entry)| entry.mark().element());
    // For each length: what is known of the chains' last events.
    let mut ends: Vec<Ends> = Vec::new();
    for same_rule in by_rule.chunk_by(|(_, a), (_, b)| a.mark().element() == b.mark().element()) {
        for length in (0..=ends.len()).rev() {
            let before = length.checked_sub(1).and_then(|before| ends.get(before));
            let fits = |(at, entry): &&(usize, &Entry)| before.is_none_or(|ends| ends.may_precede(*at, entry, skew));
            let found: Vec<_> = same_rule.iter().filter(fits).collect();
            if ends.len() == length && !found.is_empty() {
                ends.push(Ends::default());
            }
            if let Some(ends) = ends.get_mut(length) {
                found.into_iter().for_each(|(at, entry)| ends.add(*at, entry));
            }
        }
    }
    ends.len()
}

/// The last events of chains of one length, as far as it matters what may follow them.
#[derive(Default)]
struct Ends {
    /// By machine the first one.
    firsts: HashMap<u32, (usize, Mark)>,
    /// Time and machine of the earliest, and of the earliest of the other machines.
    earliest: Option<(i64, u32)>,
    elsewhere: Option<(i64, u32)>,
}

impl Ends {
    fn add(&mut self, at: usize, entry: &Entry) {
        let (host, here) = (entry.value, (entry.mark().time, entry.value));
        let first = self.firsts.entry(host).or_insert((at, entry.mark()));
        if at < first.0 {
            *first = (at, entry.mark());
        }
        match self.earliest {
            Some((time, other)) if host != other && here.0 < time => {
                self.elsewhere = self.earliest.replace(here);
            }
            Some((time, other)) if host == other => self.earliest = Some((time.min(here.0), host)),
            Some(_) => self.elsewhere = Some(self.elsewhere.map_or(here, |known| known.min(here))),
            None => self.earliest = Some(here),
        }
    }

    fn may_precede(&self, at: usize, entry: &Entry, skew: i64) -> bool {
        let (host, latest) = (entry.value, entry.mark().time.saturating_add(skew));
        // An event does not follow itself; if it is the first of its machine, nothing of that machine stands before it.
        let here = self.firsts.get(&host).is_some_and(|(first, mark)| *first < at && !mark.is_same_event(entry.mark()));
        let mut others = [self.earliest, self.elsewhere].into_iter().flatten();
        here || others.any(|(time, other)| other != host && time <= latest)
    }
}
