//! What is measured of a group, kept up to date as events come and go.

use std::cmp::Ordering;

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use super::{Number, key::Key, order::Order, slab::Slab, sorted::Sorted, window::Entry};
use crate::correlation::Measure;

/// An entry of which only its being there is measured.
pub const NO_VALUE: u32 = u32::MAX;

/// What is known of a group.
#[derive(Debug, Default, Serialize, Deserialize)]
pub enum Measured {
    /// How many events there are, the group knows.
    #[default]
    Events,
    /// How many different values.
    Values(u32),
    /// How many events of each rule.
    Rules(Box<[u32]>),
    /// Which rules were seen in their order.
    RulesInOrder(Box<Order>),
    /// The sum of the values.
    Sum(Box<Number>),
    /// The values, in order.
    Sorted(Box<Sorted>),
}

impl Measured {
    /// Of no event yet.
    pub fn of(measure: &Measure, rules: usize) -> Self {
        match measure {
            Measure::Events | Measure::Share(_) => Self::Events,
            Measure::Values(_) => Self::Values(0),
            Measure::Rules => Self::Rules(vec![0; rules].into()),
            Measure::RulesInOrder => Self::RulesInOrder(Box::new(Order::of(rules))),
            Measure::Sum(_) | Measure::Average(_) => Self::Sum(Box::default()),
            Measure::Percentile(..) => Self::Sorted(Box::default()),
        }
    }

    /// About how much memory an event takes besides its entry, and what is measured of a group.
    pub fn bytes(measure: &Measure, rules: usize) -> (usize, usize) {
        match measure {
            Measure::Events => (0, 0),
            // An item, and its number in an index.
            Measure::Values(_) | Measure::Share(_) => (size_of::<Held>() + 10, 0),
            Measure::Rules => (0, 16 + rules * size_of::<u32>()),
            Measure::RulesInOrder => (0, size_of::<Order>() + rules * (rules + 2) * size_of::<i64>()),
            Measure::Sum(_) | Measure::Average(_) => (size_of::<Number>(), 2 * size_of::<Number>()),
            Measure::Percentile(..) => (3 * size_of::<Number>(), size_of::<Sorted>() + 32),
        }
    }

    /// Takes an event in.
    pub fn add(&mut self, entry: &Entry, distinct: &Distinct, numbers: &Slab<Number>) {
        let number = || numbers.get(entry.value).copied().unwrap_or_default();
        match self {
            Self::Events => {}
            Self::Values(values) => *values += u32::from(distinct.count(entry.value) == 1),
            Self::Rules(seen) => {
                seen.iter_mut().skip(entry.mark().element().into()).take(1).for_each(|seen| *seen += 1)
            }
            Self::RulesInOrder(order) => order.add(entry),
            Self::Sum(sum) => **sum = sum.plus(number()),
            Self::Sorted(sorted) => sorted.insert(number()),
        }
    }

    /// Lets an event go.
    pub fn remove(&mut self, entry: &Entry, distinct: &mut Distinct, numbers: &mut Slab<Number>) {
        match self {
            Self::Events => {
                // Of a share the values are counted all the same.
                distinct.remove(entry.value);
            }
            Self::Values(values) => *values -= u32::from(distinct.remove(entry.value) == 0),
            Self::Rules(seen) => {
                seen.iter_mut().skip(entry.mark().element().into()).take(1).for_each(|seen| *seen -= 1)
            }
            // What lies too far back is seen by its time.
            Self::RulesInOrder(_) => {}
            Self::Sum(sum) => **sum = sum.minus(numbers.remove(entry.value)),
            Self::Sorted(sorted) => sorted.remove(numbers.remove(entry.value)),
        }
    }

    /// Whether an event of a rule is in the window.
    pub fn has_seen(&self, rule: usize) -> bool {
        matches!(self, Self::Rules(seen) if seen.get(rule).is_some_and(|seen| *seen > 0))
    }

    /// Since when events belong to what is measured, given the time of the earliest: where the order counts, since the chain began.
    pub fn since(&self, earliest: i64) -> i64 {
        match self {
            Self::RulesInOrder(order) => order.longest(earliest).1,
            _ => earliest,
        }
    }

    /// How the measure compares with `number`, given how many events there are, the newest, and the time of the earliest.
    pub fn compare(
        &self,
        number: Number,
        measure: &Measure,
        (events, newest, earliest): (u32, &Entry, i64),
        distinct: &Distinct,
    ) -> Ordering {
        let count = |count: usize| Number::from(count as u64).cmp(&number);
        match (self, measure) {
            (Self::Events, Measure::Share(_)) => {
                let alike = Number::from(100 * u64::from(distinct.count(newest.value)));
                alike.compare_mean(events.into(), number)
            }
            (Self::Events, _) => count(events as usize),
            (Self::Values(values), _) => count(*values as usize),
            (Self::Rules(seen), _) => count(seen.iter().filter(|seen| **seen > 0).count()),
            (Self::RulesInOrder(order), _) => count(order.longest(earliest).0),
            (Self::Sum(sum), Measure::Average(_)) => sum.compare_mean(events.into(), number),
            (Self::Sum(sum), _) => (**sum).cmp(&number),
            (Self::Sorted(sorted), Measure::Percentile(_, percentile)) => {
                sorted.compare_percentile(*percentile, number)
            }
            (Self::Sorted(_), _) => Ordering::Less,
        }
    }
}

/// The different values of groups, each with how many events in the window have it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Distinct {
    values: Slab<Held>,
    #[serde(skip)]
    index: HashTable<u32>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Held {
    /// Of the group and the value.
    key: Key,
    events: u32,
}

impl Distinct {
    /// Counts an event with a value; gives the value's number.
    pub fn insert(&mut self, key: Key) -> u32 {
        let is_same = |number: &u32| self.values.get(*number).is_some_and(|held| held.key == key);
        if let Some(number) = self.index.find(key.hash(), is_same) {
            if let Some(held) = self.values.get_mut(*number) {
                held.events += 1;
            }
            return *number;
        }
        let number = self.values.insert(Held { key, events: 1 });
        self.enter(key, number);
        number
    }

    fn enter(&mut self, key: Key, number: u32) {
        let rehash = |other: &u32| self.values.get(*other).map_or(0, |held| held.key.hash());
        self.index.insert_unique(key.hash(), number, rehash);
    }

    /// How many events have a value.
    pub fn count(&self, number: u32) -> u32 {
        self.values.get(number).map_or(0, |held| held.events)
    }

    /// Counts an event less; gives how many are left.
    pub fn remove(&mut self, number: u32) -> u32 {
        let Some(held) = self.values.get_mut(number) else { return 0 };
        held.events -= 1;
        let left = held.events;
        if left == 0 {
            let held = self.values.remove(number);
            if let Ok(place) = self.index.find_entry(held.key.hash(), |other| *other == number) {
                place.remove();
            }
        }
        left
    }

    /// Makes what is not saved.
    pub fn rebuild(&mut self) {
        for number in self.values.numbers() {
            if let Some(key) = self.values.get(number).map(|held| held.key) {
                self.enter(key, number);
            }
        }
    }
}
