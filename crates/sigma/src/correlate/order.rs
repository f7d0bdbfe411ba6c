//! Rules seen in their order.

use serde::{Deserialize, Serialize};

use super::window::{Entry, Mark};

/// Of so many events of a group it is looked which may have come in which order, if clocks may differ.
pub const MOST_WITH_SKEW: usize = 1024;

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
        if self.event != Some(entry.mark) {
            self.settle();
            self.event = Some(entry.mark);
        }
        self.fresh.push((entry.element, 1, entry.mark.time));
        for length in 2..=entry.element.saturating_add(1) {
            let before = (0..usize::from(entry.element)).map(|rule| self.begin(rule, usize::from(length) - 1));
            if let Some(begin) = before.max().filter(|begin| *begin != NONE) {
                self.fresh.push((entry.element, length, begin));
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

    /// The longest chain that does not begin before `earliest`.
    pub fn longest(&self, earliest: i64) -> usize {
        let settled = self.begins.iter().enumerate().filter(|(_, begin)| **begin >= earliest && **begin != NONE);
        let settled = settled.map(|(at, _)| at % self.rules.max(1) + 1);
        let fresh = self.fresh.iter().filter(|(_, _, begin)| *begin >= earliest).map(|(_, length, _)| (*length).into());
        settled.chain(fresh).max().unwrap_or(0)
    }
}

/// The longest chain of rules in their order among events, oldest first, of which those of different machines may have come in either order if they
/// are no more than `skew` apart.
pub fn longest_with_skew(events: Vec<&Entry>, skew: i64) -> usize {
    let mut by_rule: Vec<&Entry> = events;
    by_rule.sort_by_key(|entry| entry.element);
    // For each length: the chains' last events, of each machine the earliest.
    let mut ends: Vec<Vec<&Entry>> = Vec::new();
    for same_rule in by_rule.chunk_by(|a, b| a.element == b.element) {
        for length in (0..=ends.len()).rev() {
            let before = length.checked_sub(1).and_then(|before| ends.get(before));
            let fits = |entry: &&&Entry| {
                length == 0 || before.is_some_and(|ends| ends.iter().any(|end| may_follow(end, entry, skew)))
            };
            let found: Vec<&Entry> = same_rule.iter().filter(fits).copied().collect();
            if found.is_empty() {
                continue;
            }
            if ends.len() == length {
                ends.push(Vec::new());
            }
            if let Some(ends) = ends.get_mut(length) {
                found.into_iter().for_each(|entry| keep_earliest(ends, entry));
            }
        }
    }
    ends.len()
}

fn may_follow(before: &Entry, entry: &Entry, skew: i64) -> bool {
    let leeway = if before.host == entry.host { 0 } else { skew };
    before.mark != entry.mark && before.mark.time <= entry.mark.time.saturating_add(leeway)
}

/// Of each machine the two earliest, since an event does not follow itself.
fn keep_earliest<'e>(ends: &mut Vec<&'e Entry>, entry: &'e Entry) {
    ends.push(entry);
    let same = ends.iter().enumerate().filter(|(_, end)| end.host == entry.host);
    if same.clone().count() > 2
        && let Some((latest, _)) = same.max_by_key(|(_, end)| end.mark.time)
    {
        ends.swap_remove(latest);
    }
}
