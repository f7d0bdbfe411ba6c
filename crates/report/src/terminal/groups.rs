use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    hash::{BuildHasher, Hash, Hasher, RandomState},
    sync::Arc,
};

use event::{Correlated, Finding, Level, Matched, Place, RuleInfo, Sighting, Time};

use crate::{
    json::by_field,
    plain::{Shown, plain, show},
};

const LEVELS: usize = Level::ALL.len();

/// How many groups of each level are kept. Each level has its own, so that a flood of one, which an attacker can
/// cause, does not displace another.
const GROUPS: usize = 10_000;
/// How many bytes of values are kept for the examples of each level.
const BYTES: usize = 16 << 20;
/// How many different examples of a group are kept.
const EXAMPLES: usize = 3;
/// How many events of a correlation are kept.
const FIRSTS: usize = 5;
/// How many values of an example are kept.
const VALUES: usize = 12;
/// How much of a value is kept, in columns.
const COLUMNS: usize = 300;

/// Findings by rule and host, as many as are kept, and what there is beyond.
#[derive(Default)]
pub(super) struct Groups {
    groups: HashMap<Key, Group>,
    kept: [Kept; LEVELS],
    hasher: RandomState,
    /// Findings of each level, least severe first.
    pub counts: [u64; LEVELS],
    /// Findings of each level in groups that are not kept.
    pub beyond: [u64; LEVELS],
    /// The first and the last time of all.
    pub span: Option<(Time, Time)>,
}

/// How much of a level is kept.
#[derive(Clone, Copy, Default)]
struct Kept {
    groups: usize,
    bytes: usize,
}

struct Key {
    rule: Arc<RuleInfo>,
    host: String,
}

impl Key {
    fn parts(&self) -> (&str, &str, &str) {
        (&self.rule.id, &self.rule.path, &self.host)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

/// The findings of one rule on one host.
pub(super) struct Group {
    pub rule: Arc<RuleInfo>,
    pub host: String,
    pub count: u64,
    /// The first and the last time, where any has one.
    pub span: Option<(Time, Time)>,
    /// Examples with different values, in the order of time.
    pub examples: Vec<Example>,
    /// Findings that no example is like.
    pub others: u64,
}

/// One finding of a group.
pub(super) struct Example {
    pub time: Option<Time>,
    pub place: Place,
    /// How many more findings have the same values.
    pub alike: u64,
    /// What matched.
    pub values: Vec<FieldValue>,
    /// How many values are not kept.
    pub more_values: usize,
    /// The events of a correlation.
    pub together: Option<Together>,
    digest: u64,
}

/// The events that together made a finding.
pub(super) struct Together {
    pub events: u64,
    /// The first events of its rules.
    pub firsts: Vec<Sighting>,
    /// How many such events are not kept.
    pub more: usize,
    pub last: Sighting,
}

impl Together {
    fn of(correlated: &Correlated) -> Self {
        let firsts: Vec<Sighting> = correlated.firsts.iter().take(FIRSTS).cloned().collect();
        let more = correlated.firsts.len() - firsts.len();
        Self { events: correlated.events, firsts, more, last: correlated.last.clone() }
    }
}

/// A field and the beginning of its value, both as they are shown.
pub(super) struct FieldValue {
    pub field: String,
    pub shown: Shown,
}

impl Groups {
    pub fn add(&mut self, finding: &Finding) {
        let level = finding.rule.level as usize;
        let bump = |counts: &mut [u64; LEVELS]| counts.iter_mut().skip(level).take(1).for_each(|count| *count += 1);
        bump(&mut self.counts);
        self.span = stretch(self.span, finding.time);
        let Some(kept) = self.kept.get_mut(level) else { return };
        let key = Key { rule: Arc::clone(&finding.rule), host: finding.host.clone() };
        let group = match self.groups.entry(key) {
            Entry::Occupied(group) => group.into_mut(),
            Entry::Vacant(_) if kept.groups >= GROUPS => return bump(&mut self.beyond),
            Entry::Vacant(place) => {
                kept.groups += 1;
                place.insert(Group::of(finding))
            }
        };
        group.add(finding, self.hasher.hash_one(Values(&finding.matched)), &mut kept.bytes);
    }

    /// How many rules the groups have.
    pub fn rules(&self) -> usize {
        let rules = self.groups.keys().map(|key| (&key.rule.id, &key.rule.path));
        rules.collect::<HashSet<_>>().len()
    }

    /// How many hosts with a name the groups have.
    pub fn hosts(&self) -> usize {
        let hosts = self.groups.keys().map(|key| &key.host);
        hosts.filter(|host| !host.is_empty()).collect::<HashSet<_>>().len()
    }

    /// The groups, most severe first, then by their first time; those without a time come last.
    pub fn sorted(self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.groups.into_values().collect();
        groups.sort_by(|a, b| {
            let severe = b.rule.level.cmp(&a.rule.level);
            severe.then_with(|| a.first().cmp(&b.first())).then_with(|| a.names().cmp(&b.names()))
        });
        for group in &mut groups {
            // Stable, so that examples of the same time stay in the order of the evidence.
            group.examples.sort_by_key(|example| (example.time.is_none(), example.time));
        }
        groups
    }
}

impl Group {
    fn of(finding: &Finding) -> Self {
        let (rule, host) = (Arc::clone(&finding.rule), finding.host.clone());
        Self { rule, host, count: 0, span: None, examples: Vec::new(), others: 0 }
    }

    /// Sorts by the first time, those without at the end.
    fn first(&self) -> (bool, Option<Time>) {
        (self.span.is_none(), self.span.map(|(first, _)| first))
    }

    /// No two groups have the same.
    fn names(&self) -> [&str; 4] {
        [&self.rule.title, &self.host, &self.rule.id, &self.rule.path]
    }

    fn add(&mut self, finding: &Finding, digest: u64, bytes: &mut usize) {
        self.count += 1;
        self.span = stretch(self.span, finding.time);
        self.span = stretch(self.span, finding.correlated.as_ref().map(|correlated| correlated.last.time));
        if let Some(example) = self.examples.iter_mut().find(|example| example.digest == digest) {
            example.alike += 1;
        } else if self.examples.len() < EXAMPLES {
            self.examples.push(Example::of(finding, digest, bytes));
        } else {
            self.others += 1;
        }
    }
}

impl Example {
    /// Keeps values as long as `bytes`, the bytes kept so far, leave room.
    fn of(finding: &Finding, digest: u64, bytes: &mut usize) -> Self {
        let (time, place) = (finding.time, finding.place.clone());
        let together = finding.correlated.as_deref().map(Together::of);
        let mut example = Self { time, place, alike: 0, values: Vec::new(), more_values: 0, together, digest };
        for (field, values) in by_field(&finding.matched) {
            for value in values {
                if example.values.len() >= VALUES || *bytes >= BYTES {
                    example.more_values += 1;
                    continue;
                }
                let value = FieldValue { field: plain(field).into_owned(), shown: show(value, COLUMNS) };
                *bytes += value.field.len() + value.shown.text.len();
                example.values.push(value);
            }
        }
        example
    }
}

fn stretch(span: Option<(Time, Time)>, time: Option<Time>) -> Option<(Time, Time)> {
    match (span, time) {
        (Some((first, last)), Some(time)) => Some((first.min(time), last.max(time))),
        (None, Some(time)) => Some((time, time)),
        (span, None) => span,
    }
}

/// The values of a finding, for hashing. The hash has a key of its own in each run: who writes the evidence cannot
/// make different values look alike.
struct Values<'a>(&'a [Matched]);

impl Hash for Values<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|matched| (&matched.field, &matched.value).hash(state));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use event::{FindingId, Piece, Position};

    use super::*;

    fn finding(level: Level, host: &str, value: &str) -> Finding {
        let rule = RuleInfo {
            id: level.to_string(),
            title: "a rule".to_owned(),
            path: "a.yml".to_owned(),
            level,
            status: String::new(),
            description: String::new(),
            author: String::new(),
            tags: Vec::new(),
            false_positives: Vec::new(),
        };
        Finding {
            id: FindingId([0; 16]),
            time: None,
            rule: Arc::new(rule),
            host: host.to_owned(),
            channel: String::new(),
            provider: String::new(),
            event_id: 0,
            place: Place { piece: Arc::new(Piece { path: "a.evtx".to_owned() }), position: Position::Record(1) },
            matched: vec![Matched { field: "Field".to_owned(), value: value.to_owned() }],
            context: Arc::default(),
            correlated: None,
        }
    }

    #[test]
    fn a_flood_of_one_level_is_counted_and_displaces_no_other() {
        let mut groups = Groups::default();
        for host in 0..GROUPS + 50 {
            groups.add(&finding(Level::Low, &host.to_string(), "x"));
        }
        groups.add(&finding(Level::Critical, "late", "x"));
        groups.add(&finding(Level::Low, "0", "x"));
        assert_eq!(groups.beyond, [0, 50, 0, 0, 0]);
        assert_eq!(groups.counts, [0, GROUPS as u64 + 51, 0, 0, 1]);
        assert_eq!((groups.rules(), groups.hosts()), (2, GROUPS + 1));
        let sorted = groups.sorted();
        assert_eq!(sorted.len(), GROUPS + 1);
        assert_eq!((sorted[0].host.as_str(), sorted[1].count), ("late", 2));
    }

    #[test]
    fn examples_differ_and_what_is_like_none_of_them_is_counted() {
        let mut groups = Groups::default();
        for value in ["a", "a", "b", "a", "c", "d", "e", "b"] {
            groups.add(&finding(Level::High, "host", value));
        }
        let group = groups.sorted().remove(0);
        let examples: Vec<_> =
            group.examples.iter().map(|one| (one.values[0].shown.text.as_str(), one.alike)).collect();
        assert_eq!(examples, [("a", 2), ("b", 1), ("c", 0)]);
        assert_eq!((group.count, group.others), (8, 2));
    }

    #[test]
    fn values_are_kept_up_to_a_bound_and_counted_beyond() {
        let mut groups = Groups::default();
        let value = "x".repeat(1_000_000);
        let mut long = finding(Level::High, "", &value);
        long.matched =
            (0..100).map(|number| Matched { field: "Field".to_owned(), value: format!("{number}{value}") }).collect();
        groups.add(&long);
        let spent = BYTES / (VALUES * (COLUMNS + 5));
        long.matched.iter_mut().for_each(|matched| matched.value.truncate(COLUMNS));
        for host in 0..=spent {
            long.host = host.to_string();
            groups.add(&long);
        }
        assert!(groups.kept[Level::High as usize].bytes < BYTES + COLUMNS + 5);
        let sorted = groups.sorted();
        let first = &sorted[0].examples[0];
        assert_eq!((first.values.len(), first.more_values), (VALUES, 100 - VALUES));
        assert_eq!((first.values[0].shown.text.len(), first.values[0].shown.left_out), (COLUMNS, 1_000_001 - COLUMNS));
        assert!(sorted.iter().any(|group| group.examples[0].more_values == 100));
    }
}
