//! The events of one correlation that lie within its timespan, all groups together, and the bursts they make.

use std::hash::BuildHasher;

use event::{Position, Values};
use foldhash::fast::{FixedState, RandomState};
use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use super::{
    Number,
    measured::{Distinct, Measured, NO_VALUE},
    plan::{Planned, Use},
    queue::Queue,
    slab::Slab,
};
use crate::{
    correlation::{Measure, Seen, Test},
    fold::fold_into,
};

/// An event, as far as a finding names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Nanoseconds since 1970.
    pub time: i64,
    /// The piece's number.
    pub piece: u32,
    kind: u8,
    number: u64,
}

impl Mark {
    pub const fn new(time: i64, piece: u32, position: Position) -> Self {
        let kind = match position {
            Position::Record(_) => 0,
            Position::Line(_) => 1,
            Position::Offset(_) => 2,
        };
        Self { time, piece, kind, number: position.number() }
    }

    pub const fn position(self) -> Position {
        match self.kind {
            0 => Position::Record(self.number),
            1 => Position::Line(self.number),
            _ => Position::Offset(self.number),
        }
    }
}

/// An event that a window is shown.
pub struct Shown<'v> {
    pub mark: Mark,
    /// The machine, then what was carried along.
    pub values: &'v [Option<&'v str>],
}

/// An event within the timespan.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub mark: Mark,
    group: u32,
    /// How many events further the next one of the group is; 0 while there is none.
    next: u32,
    /// What of it is measured: a number of [`Distinct`] or of the numbers, or [`NO_VALUE`].
    pub value: u32,
    /// Tells machines apart.
    pub host: u32,
    pub element: u8,
}

/// Events that have the values of `group-by` in common.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Group {
    /// Its values, packed and case-folded.
    key: Box<[u8]>,
    /// The same as its first event has them, where that differs.
    written: Option<Box<[u8]>>,
    oldest: u64,
    newest: u64,
    pub events: u32,
    host: u32,
    many_hosts: bool,
    pub measured: Measured,
    burst: Option<Box<Burst>>,
}

/// Events for which the condition held again and again.
#[derive(Debug, Serialize, Deserialize)]
pub struct Burst {
    /// The packed values that its events have in common.
    pub group: Box<[u8]>,
    /// The machine; empty if there are several.
    pub host: String,
    /// How many events, up to the last for which the condition held.
    pub events: u64,
    /// Events behind that one.
    after: u64,
    /// The first event of each rule.
    pub firsts: Vec<(u8, Mark)>,
    /// The last event for which the condition held.
    pub last: (u8, Mark),
}

/// The window of one correlation.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Window {
    entries: Queue<Entry>,
    groups: Slab<Group>,
    #[serde(skip)]
    index: HashTable<u32>,
    #[serde(skip)]
    hasher: RandomState,
    distinct: Distinct,
    numbers: Slab<Number>,
    /// Events that were forgotten before their time.
    pub forgotten: u64,
    /// How much of the timespan was left, in nanoseconds, when most was forgotten.
    pub shortest: Option<i64>,
}

/// What of an event is measured.
enum Value {
    None,
    Number(Number),
    /// The text that is in [`Keys::value`].
    Text,
}

/// What an event's group is called, and its value. Kept between events for the memory they have.
#[derive(Default)]
pub struct Keys {
    group: Key,
    value: Key,
}

impl Keys {
    /// What is measured of an event; `None` if it does not have it.
    fn measured(&mut self, measure: &Measure, values: &[Option<&str>], places: &[usize]) -> Option<Value> {
        match measure {
            Measure::Events | Measure::Rules | Measure::RulesInOrder => Some(Value::None),
            Measure::Sum(_) | Measure::Average(_) | Measure::Percentile(..) => {
                // The machine stands before the values.
                let text = places.first().and_then(|place| values.get(place + 1)).copied().flatten()?;
                Number::parse(text).map(Value::Number)
            }
            Measure::Values(_) | Measure::Share(_) => self.value.take(values, places).then_some(Value::Text),
        }
    }
}

/// Some values as one key.
#[derive(Default)]
struct Key {
    written: Vec<u8>,
    folded: Vec<u8>,
    text: String,
}

impl Key {
    /// Takes the values at `places`; false if one is not there.
    fn take(&mut self, values: &[Option<&str>], places: &[usize]) -> bool {
        self.written.clear();
        self.folded.clear();
        for place in places {
            // The machine stands before the values.
            let Some(Some(value)) = values.get(place + 1) else { return false };
            Values::pack(Some(value), &mut self.written);
            self.text.clear();
            fold_into(value, &mut self.text);
            Values::pack(Some(&self.text), &mut self.folded);
        }
        true
    }
}

impl Window {
    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many groups it holds.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Makes what is not saved.
    pub fn rebuild(&mut self) {
        let numbers: Vec<u32> = self.groups.numbers().collect();
        for number in numbers {
            let Some(key) = self.groups.get(number).map(|group| self.hasher.hash_one(&*group.key)) else { continue };
            self.index.insert_unique(key, number, |other| key_hash(&self.groups, &self.hasher, *other));
        }
        self.distinct.rebuild();
    }

    /// Lets go of events that are further than `span` before `time`, and appends the bursts that have ended.
    pub fn expire(&mut self, time: i64, span: i64, ended: &mut Vec<Burst>) {
        while self.entries.oldest().is_some_and(|(_, entry)| time.saturating_sub(entry.mark.time) > span) {
            self.drop_oldest(ended);
        }
    }

    /// Lets go of `count` events before their time; what is left is within a shorter timespan.
    pub fn forget(&mut self, count: usize, ended: &mut Vec<Burst>) {
        let newest = self.entries.newest().map_or(0, |entry| entry.mark.time);
        for _ in 0..count.min(self.entries.len()) {
            self.drop_oldest(ended);
            self.forgotten += 1;
        }
        let left = self.entries.oldest().map_or(0, |(_, entry)| newest.saturating_sub(entry.mark.time));
        self.shortest = Some(self.shortest.map_or(left, |shortest| shortest.min(left)));
    }

    fn drop_oldest(&mut self, ended: &mut Vec<Burst>) {
        let Some((number, entry)) = self.entries.oldest().map(|(number, entry)| (number, *entry)) else { return };
        self.entries.pop();
        let Some(group) = self.groups.get_mut(entry.group) else { return };
        group.events -= 1;
        group.oldest = number + u64::from(entry.next);
        group.measured.remove(&entry, &mut self.distinct, &mut self.numbers);
        if group.events == 0 {
            let group = self.groups.remove(entry.group);
            if let Ok(place) = self.index.find_entry(self.hasher.hash_one(&*group.key), |number| *number == entry.group)
            {
                place.remove();
            }
            ended.extend(group.burst.map(|burst| *burst));
        }
    }

    /// Takes an event in and appends the bursts that have ended. True if a burst begins with it.
    pub fn observe(
        &mut self,
        planned: &Planned,
        used: &Use,
        (shown, span, skew): (&Shown<'_>, i64, i64),
        keys: &mut Keys,
        ended: &mut Vec<Burst>,
    ) -> bool {
        let time = shown.mark.time;
        self.expire(time, span, ended);
        if !keys.group.take(shown.values, &used.group) {
            return false;
        }
        let Some(value) = keys.measured(&planned.measure, shown.values, &used.measured) else { return false };
        let group = self.group(&keys.group, planned);
        let value = match value {
            Value::None => NO_VALUE,
            Value::Number(number) => self.numbers.insert(number),
            Value::Text => self.distinct.insert(group, &keys.value.folded),
        };
        let host = shown.values.first().copied().flatten().unwrap_or_default();
        let entry = Entry { mark: shown.mark, group, next: 0, value, host: host_number(host), element: used.element };
        self.add(group, entry);
        self.end_if_over(group, time, span, ended);
        let holds = self.holds(planned, group, &entry, span, skew);
        self.follow(group, &entry, holds, host)
    }

    /// The group of a key, which is made if it is not there.
    fn group(&mut self, key: &Key, planned: &Planned) -> u32 {
        let hash = self.hasher.hash_one(key.folded.as_slice());
        let is_same = |number: &u32| self.groups.get(*number).is_some_and(|group| *group.key == *key.folded);
        if let Some(number) = self.index.find(hash, is_same) {
            return *number;
        }
        let written = (key.written != key.folded).then(|| key.written.as_slice().into());
        let measured = Measured::of(&planned.measure, planned.elements.len());
        let number =
            self.groups.insert(Group { key: key.folded.as_slice().into(), written, measured, ..Group::default() });
        self.index.insert_unique(hash, number, |other| key_hash(&self.groups, &self.hasher, *other));
        number
    }

    fn add(&mut self, number: u32, entry: Entry) {
        let Some(group) = self.groups.get_mut(number) else { return };
        group.measured.add(&entry, &self.distinct, &self.numbers);
        let at = self.entries.push(entry);
        if group.events == 0 {
            (group.oldest, group.host) = (at, entry.host);
        } else if let Some(before) = self.entries.get_mut(group.newest) {
            before.next = (at - group.newest) as u32;
        }
        group.newest = at;
        group.events += 1;
        group.many_hosts |= group.host != entry.host;
    }

    /// Ends the group's burst if the condition has not held for longer than the timespan.
    fn end_if_over(&mut self, number: u32, time: i64, span: i64, ended: &mut Vec<Burst>) {
        let Some(group) = self.groups.get_mut(number) else { return };
        if group.burst.as_ref().is_some_and(|burst| time.saturating_sub(burst.last.1.time) > span) {
            ended.extend(group.burst.take().map(|burst| *burst));
        }
    }

    fn holds(&self, planned: &Planned, number: u32, newest: &Entry, span: i64, skew: i64) -> bool {
        let Some(group) = self.groups.get(number) else { return false };
        match &planned.test {
            Test::Seen(expression) => seen(expression, &|rule| group.measured.has_seen(rule)),
            Test::Compare(comparisons) => {
                if skew > 0 && planned.measure == Measure::RulesInOrder {
                    let length = Number::from(super::order::longest_with_skew(self.newest_of(group), skew) as u64);
                    return comparisons.iter().all(|(comparison, number)| comparison.holds(length.cmp(number)));
                }
                let earliest = newest.mark.time.saturating_sub(span);
                comparisons.iter().all(|(comparison, number)| {
                    let ordering = group.measured.compare(
                        *number,
                        &planned.measure,
                        (group.events, newest, earliest),
                        &self.distinct,
                    );
                    comparison.holds(ordering)
                })
            }
        }
    }

    /// The events of a group, oldest first; of very many the newest.
    fn newest_of<'w>(&'w self, group: &'w Group) -> Vec<&'w Entry> {
        let mut found: Vec<&Entry> = self.events_of(group).collect();
        let surplus = found.len().saturating_sub(super::order::MOST_WITH_SKEW);
        found.drain(..surplus);
        found
    }

    /// The events of a group, oldest first.
    fn events_of<'w>(&'w self, group: &'w Group) -> impl Iterator<Item = &'w Entry> {
        let mut at = (group.events > 0).then_some(group.oldest);
        std::iter::from_fn(move || {
            let entry = self.entries.get(at?)?;
            at = (entry.next > 0).then(|| at.unwrap_or_default() + u64::from(entry.next));
            Some(entry)
        })
    }

    /// Keeps the group's burst up to date. True if one begins.
    fn follow(&mut self, number: u32, entry: &Entry, holds: bool, host: &str) -> bool {
        let Some(group) = self.groups.get_mut(number) else { return false };
        let many_hosts = group.many_hosts;
        let here = (entry.element, entry.mark);
        match (&mut group.burst, holds) {
            (None, false) => false,
            (Some(burst), false) => {
                burst.after += 1;
                false
            }
            (Some(burst), true) => {
                burst.events += burst.after + 1;
                burst.after = 0;
                burst.last = here;
                if !burst.firsts.iter().any(|(element, _)| *element == entry.element) {
                    burst.firsts.push(here);
                }
                if many_hosts {
                    burst.host.clear();
                }
                false
            }
            (None, true) => {
                let group = self.groups.get(number);
                let (events, firsts) =
                    group.map(|group| (u64::from(group.events), self.firsts(group))).unwrap_or_default();
                let Some(group) = self.groups.get_mut(number) else { return false };
                let host = if many_hosts { String::new() } else { host.to_owned() };
                let values = group.written.as_ref().unwrap_or(&group.key).clone();
                group.burst = Some(Box::new(Burst { group: values, host, events, after: 0, firsts, last: here }));
                true
            }
        }
    }

    /// The first event of each rule in a group.
    fn firsts(&self, group: &Group) -> Vec<(u8, Mark)> {
        let mut firsts: Vec<(u8, Mark)> = Vec::new();
        for entry in self.events_of(group) {
            if !firsts.iter().any(|(element, _)| *element == entry.element) {
                firsts.push((entry.element, entry.mark));
            }
        }
        firsts
    }

    /// Ends everything.
    pub fn end(&mut self, ended: &mut Vec<Burst>) {
        while self.entries.len() > 0 {
            self.drop_oldest(ended);
        }
    }
}

fn key_hash(groups: &Slab<Group>, hasher: &RandomState, number: u32) -> u64 {
    groups.get(number).map_or(0, |group| hasher.hash_one(&*group.key))
}

/// Tells machines apart, the same in every run.
fn host_number(host: &str) -> u32 {
    FixedState::with_seed(0).hash_one(host) as u32
}

fn seen(expression: &Seen, has_seen: &dyn Fn(usize) -> bool) -> bool {
    match expression {
        Seen::All(terms) => terms.iter().all(|term| seen(term, has_seen)),
        Seen::Any(terms) => terms.iter().any(|term| seen(term, has_seen)),
        Seen::Not(term) => !seen(term, has_seen),
        Seen::Rule(rule) => has_seen(*rule),
    }
}
