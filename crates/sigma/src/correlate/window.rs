//! The events of one correlation that lie within its timespan, all groups together, and the bursts they make.

use std::hash::BuildHasher;

use event::{Position, Values};
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use super::{
    Number,
    key::{Key, Keys},
    measured::{Distinct, Measured, NO_VALUE},
    order,
    plan::{Planned, Use},
    queue::Queue,
    slab::Slab,
};
use crate::{
    correlation::{Measure, Seen, Test},
    fold::fold,
};

/// In which piece an event stands and how its position is counted, by which of the correlation's rules it is there, and whether it is
/// there a second time: 21, 2, 8 and 1 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Origin(u32);

/// So many pieces can be told apart.
pub const MOST_PIECES: usize = 1 << 21;

impl Origin {
    const fn new(piece: u32, kind: u8, element: u8, is_again: bool) -> Self {
        Self(piece << 11 | (kind as u32) << 9 | (is_again as u32) << 8 | element as u32)
    }

    /// Piece and kind of position.
    const fn place(self) -> u32 {
        self.0 >> 9
    }
}

/// An event, as far as a finding names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Nanoseconds since 1970.
    pub time: i64,
    number: u64,
    origin: Origin,
}

impl Mark {
    /// An event of a piece, which is one of the first [`MOST_PIECES`], before it is known which rule it satisfies.
    pub const fn new(time: i64, piece: u32, position: Position) -> Self {
        Self { time, number: position.number(), origin: Origin::new(piece, position.tag(), 0, false) }
    }

    const fn by(self, element: u8, is_again: bool) -> Self {
        let (piece, kind) = (self.piece(), self.origin.place() as u8 & 3);
        Self { origin: Origin::new(piece, kind, element, is_again), ..self }
    }

    /// The piece's number.
    pub const fn piece(self) -> u32 {
        self.origin.0 >> 11
    }

    /// The place of the rule in the correlation's list.
    pub const fn element(self) -> u8 {
        self.origin.0 as u8
    }

    /// Whether the same event is there by an earlier rule.
    const fn is_again(self) -> bool {
        self.origin.0 & 1 << 8 != 0
    }

    pub const fn position(self) -> Position {
        match Position::of(self.origin.place() as u8 & 3, self.number) {
            Some(position) => position,
            None => Position::Offset(self.number),
        }
    }

    /// Whether it is one event, whatever rules it satisfies.
    pub const fn is_same_event(self, other: Self) -> bool {
        self.time == other.time && self.number == other.number && self.origin.place() == other.origin.place()
    }
}

/// An event that a window is shown.
#[derive(Clone, Copy)]
pub struct Shown<'v> {
    pub mark: Mark,
    /// Tells the machine apart.
    pub host: u32,
    /// The machine, then what was carried along.
    pub values: Values<'v>,
}

/// What a window has to know of an event's values.
#[derive(Clone, Copy)]
pub struct Weighed {
    /// Of what tells groups apart.
    group: Key,
    value: Value,
}

impl Weighed {
    /// Weighs the values of an event that a correlation follows; `None` if one is not there. The machine stands before the values.
    pub fn of(planned: &Planned, used: &Use, values: &[Option<&str>], keys: &mut Keys) -> Option<Self> {
        let group = keys.of(Key::default(), values, &used.group)?;
        let value = match &planned.measure {
            Measure::Events | Measure::Rules | Measure::RulesInOrder => Value::None,
            Measure::Sum(_) | Measure::Average(_) | Measure::Percentile(..) => {
                let text = used.measured.first().and_then(|place| values.get(place + 1)).copied().flatten()?;
                Value::Number(Number::parse(text)?)
            }
            Measure::Values(_) | Measure::Share(_) => Value::Text(keys.of(group, values, &used.measured)?),
        };
        Some(Self { group, value })
    }
}

/// What of an event is measured.
#[derive(Clone, Copy)]
enum Value {
    None,
    Number(Number),
    Text(Key),
}

/// An event within the timespan: 32 bytes, of which there may be millions.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Entry {
    time: i64,
    number: u64,
    origin: Origin,
    group: u32,
    /// How many events further the next one of the group is; 0 while there is none.
    next: u32,
    /// What of it is measured: a number of [`Distinct`] or of the numbers; where the order counts, what tells machines apart; or [`NO_VALUE`].
    pub value: u32,
}

impl Entry {
    pub const fn mark(&self) -> Mark {
        Mark { time: self.time, number: self.number, origin: self.origin }
    }
}

/// Events that have the values of `group-by` in common.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Group {
    key: Key,
    oldest: u64,
    newest: u64,
    /// The machine of the newest event, and the number of the event since which it has been the same.
    host: u32,
    host_since: u64,
    pub events: u32,
    pub measured: Measured,
    burst: Option<Box<Burst>>,
}

/// Events for which the condition held again and again.
#[derive(Debug, Serialize, Deserialize)]
pub struct Burst {
    /// The packed values that its events have in common, as the event has them with which it began.
    pub group: Box<[u8]>,
    /// The machine; empty if there are several.
    pub host: String,
    /// The machine's number.
    host_number: u32,
    /// How many events, up to the last for which the condition held.
    pub events: u64,
    /// The first event of each rule.
    pub firsts: Vec<Mark>,
    /// The last event for which the condition held.
    pub last: Mark,
    /// When those that name the correlation were told of it last.
    told: i64,
    /// What came behind that one; it belongs to the burst if the condition holds again.
    after: After,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct After {
    events: u64,
    firsts: Vec<Mark>,
    is_elsewhere: bool,
}

impl Burst {
    /// Takes in an event of the group.
    fn add(&mut self, mark: Mark, host: u32, holds: bool) {
        self.after.events += u64::from(!mark.is_again());
        self.after.is_elsewhere |= self.host_number != host;
        if !self.firsts.iter().chain(&self.after.firsts).any(|first| first.element() == mark.element()) {
            self.after.firsts.push(mark);
        }
        if holds {
            let after = std::mem::take(&mut self.after);
            self.events += after.events;
            self.firsts.extend(after.firsts);
            self.last = mark;
            if after.is_elsewhere {
                self.host.clear();
            }
        }
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.group.len()
            + self.host.len()
            + (self.firsts.len() + self.after.firsts.capacity()) * size_of::<Mark>()
    }
}

/// The window of one correlation.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Window {
    entries: Queue<Entry>,
    groups: Slab<Group>,
    #[serde(skip)]
    index: HashTable<u32>,
    distinct: Distinct,
    numbers: Slab<Number>,
    /// What the event at hand has been shown as, and the groups in which it is.
    at_hand: Vec<(Mark, u32)>,
    /// Bytes of the bursts that have not ended.
    burst_bytes: usize,
    /// Events that were forgotten before their time.
    pub forgotten: u64,
    /// How much of the timespan was left, in nanoseconds, when most was forgotten.
    pub shortest: Option<i64>,
}

impl Window {
    /// About how much memory it takes.
    pub fn bytes(&self, planned: &Planned) -> usize {
        let (event, group) = Measured::bytes(&planned.measure, planned.elements.len());
        self.entries.len() * (size_of::<Entry>() + event)
            // A number takes five bytes in an index, which is half empty at worst.
            + self.groups.len() * (size_of::<Group>() + 10 + group)
            + self.burst_bytes
    }

    /// Makes what is not saved.
    pub fn rebuild(&mut self) {
        for number in self.groups.numbers() {
            let Some(group) = self.groups.get(number) else { continue };
            self.index.insert_unique(group.key.hash(), number, |other| key_hash(&self.groups, *other));
        }
        self.distinct.rebuild();
    }

    /// Lets go of events that are further than `span` before `time`, and appends the bursts that have ended.
    pub fn expire(&mut self, time: i64, span: i64, ended: &mut Vec<Burst>) {
        while self.entries.oldest().is_some_and(|(_, entry)| time.saturating_sub(entry.time) > span) {
            self.drop_oldest(ended);
        }
    }

    /// Lets go of up to `most` events before their time; what is left is within a shorter timespan.
    pub fn forget(&mut self, most: usize, ended: &mut Vec<Burst>) {
        let newest = self.entries.newest().map_or(0, |entry| entry.time);
        let count = (self.entries.len() / 16 + 1).min(most).min(self.entries.len());
        (0..count).for_each(|_| self.drop_oldest(ended));
        self.forgotten += count as u64;
        let left = self.entries.oldest().map_or(0, |(_, entry)| newest.saturating_sub(entry.time));
        self.shortest = Some(self.shortest.map_or(left, |shortest| shortest.min(left)));
        self.at_hand.clear();
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
            if let Ok(place) = self.index.find_entry(group.key.hash(), |number| *number == entry.group) {
                place.remove();
            }
            self.close(group.burst, ended);
        }
    }

    fn close(&mut self, burst: Option<Box<Burst>>, ended: &mut Vec<Burst>) {
        self.burst_bytes -= burst.as_ref().map_or(0, |burst| burst.bytes());
        ended.extend(burst.map(|burst| *burst));
    }

    /// Takes an event in and appends the bursts that have ended. True if those that name the correlation are to be told: a burst begins with it, or has
    /// gone on for longer than the timespan since they were told.
    pub fn observe(
        &mut self,
        (planned, used): (&Planned, &Use),
        (shown, weighed): (&Shown<'_>, &Weighed),
        (span, skew): (i64, i64),
        ended: &mut Vec<Burst>,
    ) -> bool {
        let time = shown.mark.time;
        self.expire(time, span, ended);
        let group = self.group(weighed.group, planned);
        let mark = self.mark(shown.mark, group, used);
        if mark.is_again() && !matches!(planned.measure, Measure::Rules | Measure::RulesInOrder) {
            return false;
        }
        let value = match weighed.value {
            Value::None if planned.measure == Measure::RulesInOrder => shown.host,
            Value::None => NO_VALUE,
            Value::Number(number) => self.numbers.insert(number),
            Value::Text(key) => self.distinct.insert(key),
        };
        let Mark { time, number, origin } = mark;
        let entry = Entry { time, number, origin, group, next: 0, value };
        self.add(entry, shown.host);
        self.end_if_over(group, time, span, ended);
        let holds = self.holds(planned, group, &entry, skew);
        self.follow(&entry, holds, shown, used, (span, skew))
    }

    /// The group of a key, which is made if it is not there.
    fn group(&mut self, key: Key, planned: &Planned) -> u32 {
        let is_same = |number: &u32| self.groups.get(*number).is_some_and(|group| group.key == key);
        if let Some(number) = self.index.find(key.hash(), is_same) {
            return *number;
        }
        let measured = Measured::of(&planned.measure, planned.elements.len());
        let number = self.groups.insert(Group { key, measured, ..Group::default() });
        self.index.insert_unique(key.hash(), number, |other| key_hash(&self.groups, *other));
        number
    }

    /// The event as one of a rule, and whether it is in the group by an earlier rule. A burst is an event of its own.
    fn mark(&mut self, mark: Mark, group: u32, used: &Use) -> Mark {
        if used.is_burst {
            return mark.by(used.element, false);
        }
        // Twice the same rule, it is another event that calls itself the same.
        let is_other = |(before, _): &(Mark, u32)| !before.is_same_event(mark) || before.element() == used.element;
        if self.at_hand.iter().any(is_other) {
            self.at_hand.clear();
        }
        let is_again = self.at_hand.iter().any(|(_, before)| *before == group);
        let mark = mark.by(used.element, is_again);
        self.at_hand.push((mark, group));
        mark
    }

    fn add(&mut self, entry: Entry, host: u32) {
        let Some(group) = self.groups.get_mut(entry.group) else { return };
        group.measured.add(&entry, &self.distinct, &self.numbers);
        let at = self.entries.push(entry);
        if group.events == 0 {
            (group.oldest, group.host, group.host_since) = (at, host, at);
        } else if let Some(before) = self.entries.get_mut(group.newest) {
            before.next = (at - group.newest) as u32;
        }
        if group.host != host {
            (group.host, group.host_since) = (host, at);
        }
        group.newest = at;
        group.events += 1;
    }

    /// Ends the group's burst if the condition has not held for longer than the timespan.
    fn end_if_over(&mut self, number: u32, time: i64, span: i64, ended: &mut Vec<Burst>) {
        let Some(group) = self.groups.get_mut(number) else { return };
        if group.burst.as_ref().is_some_and(|burst| time.saturating_sub(burst.last.time) > span) {
            let burst = group.burst.take();
            self.close(burst, ended);
        }
    }

    fn holds(&self, planned: &Planned, number: u32, newest: &Entry, skew: i64) -> bool {
        let Some(group) = self.groups.get(number) else { return false };
        match &planned.test {
            Test::Seen(expression) => seen(expression, &|rule| group.measured.has_seen(rule)),
            Test::Compare(comparisons) => {
                let with_skew = (skew > 0 && planned.measure == Measure::RulesInOrder)
                    .then(|| Number::from(order::longest_with_skew(&self.newest_of(group), skew) as u64));
                // Where nothing asks for it, the oldest event is left alone: it is far away in memory.
                let oldest = (planned.measure == Measure::RulesInOrder).then(|| self.entries.get(group.oldest));
                let earliest = oldest.flatten().map_or(newest.time, |oldest| oldest.time);
                comparisons.iter().all(|(comparison, number)| {
                    let measure = || {
                        let events = (group.events, newest, earliest);
                        group.measured.compare(*number, &planned.measure, events, &self.distinct)
                    };
                    comparison.holds(with_skew.map_or_else(measure, |length| length.cmp(number)))
                })
            }
        }
    }

    /// The events of a group, oldest first; of very many the newest.
    fn newest_of<'w>(&'w self, group: &'w Group) -> Vec<&'w Entry> {
        let surplus = (group.events as usize).saturating_sub(order::MOST_WITH_SKEW);
        self.events_of(group).skip(surplus).map(|(_, entry)| entry).collect()
    }

    /// The events of a group with their numbers, oldest first.
    fn events_of<'w>(&'w self, group: &'w Group) -> impl Iterator<Item = (u64, &'w Entry)> {
        let mut next = (group.events > 0).then_some(group.oldest);
        std::iter::from_fn(move || {
            let at = next?;
            let entry = self.entries.get(at)?;
            next = (entry.next > 0).then(|| at + u64::from(entry.next));
            Some((at, entry))
        })
    }

    /// Keeps the group's burst up to date. True if those that name the correlation are to be told.
    fn follow(&mut self, entry: &Entry, holds: bool, shown: &Shown<'_>, used: &Use, (span, skew): (i64, i64)) -> bool {
        let Some(group) = self.groups.get_mut(entry.group) else { return false };
        if let Some(burst) = &mut group.burst {
            let before = burst.bytes();
            burst.add(entry.mark(), shown.host, holds);
            self.burst_bytes = self.burst_bytes - before + burst.bytes();
            let lasts = holds && entry.time.saturating_sub(burst.told) > span;
            if lasts {
                burst.told = entry.time;
            }
            return lasts;
        }
        if holds {
            let burst = self.begin(entry, shown, used, skew);
            self.burst_bytes += burst.bytes();
            if let Some(group) = self.groups.get_mut(entry.group) {
                group.burst = Some(Box::new(burst));
            }
        }
        holds
    }

    /// The burst that begins with an event: of all events of its group; where their order counts, of those since the chain began.
    fn begin(&self, entry: &Entry, shown: &Shown<'_>, used: &Use, skew: i64) -> Burst {
        let (mut events, mut firsts, mut group) = (0, Vec::<Mark>::new(), Vec::new());
        let of_group = self.groups.get(entry.group);
        let earliest =
            of_group.and_then(|group| self.entries.get(group.oldest)).map_or(entry.time, |oldest| oldest.time);
        // If clocks may differ, it is not known which of the chains it was.
        let since = of_group.filter(|_| skew == 0).map_or(earliest, |group| group.measured.since(earliest));
        let all = of_group.into_iter().flat_map(|group| self.events_of(group));
        let mut first = u64::MAX;
        for (at, mark) in all.map(|(at, entry)| (at, entry.mark())).skip_while(|(_, mark)| mark.time < since) {
            first = first.min(at);
            events += u64::from(!mark.is_again());
            if !firsts.iter().any(|first| first.element() == mark.element()) {
                firsts.push(mark);
            }
        }
        // There may be as many bursts as groups.
        firsts.shrink_to_fit();
        let values: Vec<Option<&str>> = shown.values.collect();
        // The machine stands before the values.
        used.group.iter().for_each(|place| Values::pack(values.get(place + 1).copied().flatten(), &mut group));
        let is_one_host = of_group.is_some_and(|group| group.host_since <= first);
        let host = values.first().copied().flatten().filter(|_| is_one_host).unwrap_or_default().to_owned();
        let (last, told, group) = (entry.mark(), entry.time, group.into());
        Burst { group, host, host_number: shown.host, events, firsts, last, told, after: After::default() }
    }

    /// Ends everything; only what was forgotten is still known.
    pub fn end(&mut self, ended: &mut Vec<Burst>) {
        for number in self.groups.numbers() {
            ended.extend(self.groups.get_mut(number).and_then(|group| group.burst.take()).map(|burst| *burst));
        }
        *self = Self { forgotten: self.forgotten, shortest: self.shortest, ..Self::default() };
    }
}

fn key_hash(groups: &Slab<Group>, number: u32) -> u64 {
    groups.get(number).map_or(0, |group| group.key.hash())
}

/// Tells machines apart, the same in every run.
#[derive(Default)]
pub struct Hosts {
    /// The machine asked for last.
    last: Option<(String, u32)>,
}

impl Hosts {
    /// The number of a machine.
    pub fn number(&mut self, host: &str) -> u32 {
        if let Some((last, number)) = &self.last
            && last == host
        {
            return *number;
        }
        let number = FixedState::with_seed(0).hash_one(fold(host)) as u32;
        self.last = Some((host.to_owned(), number));
        number
    }
}

fn seen(expression: &Seen, has_seen: &dyn Fn(usize) -> bool) -> bool {
    match expression {
        Seen::All(terms) => terms.iter().all(|term| seen(term, has_seen)),
        Seen::Any(terms) => terms.iter().any(|term| seen(term, has_seen)),
        Seen::Not(term) => !seen(term, has_seen),
        Seen::Rule(rule) => has_seen(*rule),
    }
}
