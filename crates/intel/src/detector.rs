//! The detector: another one, and beside what it sees the indicators that records name.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use event::{Class, Detector, Encoding, Event, Interest, LogSource, Matched, RuleInfo, Seen, TextGroup, Time};

use crate::{
    filter::Filter,
    find::{Finder, Found},
    finding,
    set::{Indicators, Said},
};

/// Findings of one record; of a record that names more it is told how many.
const MAX_FINDINGS: usize = 16;
/// Values of one record that are told as naming one indicator.
const MAX_VALUES: usize = 16;
/// Indicators of which a thread remembers what reports say.
const MAX_RULES: usize = 4096;

/// Indicators, ready to be looked for; shared by all threads.
#[derive(Debug, Default)]
pub struct Intel {
    indicators: Indicators,
    filter: Filter,
    counts: Counts,
}

/// What was seen and is no finding.
#[derive(Debug, Default)]
pub struct Counts {
    /// Places of indicators that were no signs any more when it happened.
    pub expired: AtomicU64,
}

/// Whether findings of a rule are wanted.
pub type Chosen<'c> = &'c (dyn Fn(&RuleInfo) -> bool + Sync);

impl Intel {
    /// Gets ready to look for indicators.
    pub fn new(indicators: Indicators) -> Self {
        Self { filter: Filter::new(&indicators), indicators, counts: Counts::default() }
    }

    /// The indicators.
    pub const fn indicators(&self) -> &Indicators {
        &self.indicators
    }

    /// What was seen so far and is no finding.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }
}

/// A detector that also finds indicators.
pub struct Indicated<'i, D> {
    inner: D,
    intel: &'i Intel,
    chosen: Chosen<'i>,
    /// By class: what the inner detector wants, and what both want.
    interests: HashMap<Class, [Arc<Interest>; 2]>,
    /// By indicator: what reports say; `None` where it is not wanted.
    rules: HashMap<u32, Option<Arc<RuleInfo>>>,
    finder: Finder,
    found: Vec<Found>,
    hits: Vec<usize>,
}

/// The fields of web logs that together are a URL.
const WEB: [&str; 3] = ["cs-host", "cs-uri-stem", "cs-uri-query"];

/// What a record says of an indicator that it names.
struct Named {
    /// See [`Found::is_lesser`].
    is_lesser: bool,
    /// The values that do, by their places in a list.
    at: Vec<usize>,
}

/// The values of a record that name indicators, as far as they were looked at.
struct Values<'v> {
    finder: &'v mut Finder,
    intel: &'v Intel,
    hits: &'v mut Vec<usize>,
    found: &'v mut Vec<Found>,
    named: BTreeMap<u32, Named>,
    list: Vec<Matched>,
}

impl Values<'_> {
    /// Looks at a value; one that is no field counts only for indicators that no field names.
    fn look(&mut self, field: &str, text: &str, is_field: bool) {
        // Most records come here for what another value or a rule says.
        self.hits.clear();
        self.intel.filter.hits(text.as_bytes(), Encoding::RawText, self.hits);
        if self.hits.is_empty() {
            return;
        }
        self.found.clear();
        self.finder.find(&self.intel.indicators, text, self.found);
        self.found.sort_unstable();
        self.found.dedup_by_key(|found| found.indicator);
        let mut is_listed = false;
        for found in self.found.iter() {
            if !is_field && self.named.contains_key(&found.indicator) {
                continue;
            }
            let new = || Named { is_lesser: true, at: Vec::new() };
            let named = self.named.entry(found.indicator).or_insert_with(new);
            named.is_lesser &= found.is_lesser;
            if named.at.len() < MAX_VALUES {
                named.at.push(self.list.len());
                is_listed = true;
            }
        }
        if is_listed {
            self.list.push(Matched { field: field.to_owned(), value: text.to_owned() });
        }
    }
}

impl<'i, D: Detector> Indicated<'i, D> {
    /// One that finds those indicators, whose rules are chosen, beside what `inner` finds.
    pub fn new(inner: D, intel: &'i Intel, chosen: Chosen<'i>) -> Self {
        let (interests, rules, finder) = (HashMap::new(), HashMap::new(), Finder::default());
        Self { inner, intel, chosen, interests, rules, finder, found: Vec::new(), hits: Vec::new() }
    }

    /// What reports say of an indicator, if it is wanted.
    fn rule(&mut self, indicator: u32) -> Option<Arc<RuleInfo>> {
        if self.rules.len() >= MAX_RULES {
            self.rules.clear();
        }
        let (intel, chosen) = (self.intel, self.chosen);
        let rule = || finding::rule(&intel.indicators, indicator).filter(|rule| chosen(rule)).map(Arc::new);
        self.rules.entry(indicator).or_insert_with(rule).clone()
    }

    fn look_for_indicators(&mut self, event: &Event<'_>, seen: &mut Seen) {
        let (named, values) = self.named(event);
        let (mut left, mut more, first) = (MAX_FINDINGS, 0u64, seen.findings.len());
        for (indicator, Named { is_lesser, at }) in &named {
            let (said, is_expired) = self.said(*indicator, event.time, &named);
            if is_expired && said.is_empty() {
                self.intel.counts.expired.fetch_add(1, Relaxed);
            }
            if *is_lesser || said.is_empty() {
                continue;
            }
            let Some(rule) = self.rule(*indicator) else { continue };
            if left == 0 {
                more += 1;
                continue;
            }
            left -= 1;
            let matched = at.iter().filter_map(|at| values.get(*at).cloned()).collect();
            seen.findings.push(finding::finding(&self.intel.indicators, &rule, event, matched, &said));
        }
        let last = seen.findings.get_mut(first..).and_then(<[_]>::last_mut);
        if let Some(last) = last.filter(|_| more > 0) {
            last.matched.push(Matched { field: "more_indicators".into(), value: more.to_string() });
        }
    }

    /// The indicators that a record names, in the order of their numbers, and the values that do.
    fn named(&mut self, event: &Event<'_>) -> (BTreeMap<u32, Named>, Vec<Matched>) {
        let mut parts = [const { String::new() }; WEB.len()];
        let (finder, intel, hits, found) = (&mut self.finder, self.intel, &mut self.hits, &mut self.found);
        let mut values = Values { finder, intel, hits, found, named: BTreeMap::new(), list: Vec::new() };
        event.record.visit(&mut |field, value| {
            let text = value.text();
            let part = WEB.iter().position(|name| *name == field).and_then(|part| parts.get_mut(part));
            if let Some(part) = part.filter(|part| part.is_empty()) {
                part.push_str(&text);
            }
            values.look(field, &text, true);
        });
        // Web logs have host and path apart.
        let [host, path, query] = &parts;
        if !host.is_empty() && path.starts_with('/') {
            let mark = if query.is_empty() { "" } else { "?" };
            values.look("cs-host, cs-uri-stem", &format!("{host}{path}{mark}{query}"), true);
        }
        // What stands in the record, but in none of its fields.
        event.record.visit_text(&mut |value| values.look("", &value.text(), false));
        (values.named, values.list)
    }

    /// What lists say of an indicator that counts for an event of this time, and whether anything has expired before.
    fn said(&self, indicator: u32, time: Option<Time>, named: &BTreeMap<u32, Named>) -> (Vec<Said<'i>>, bool) {
        let mut is_expired = false;
        let is_named = |other: &u32| named.contains_key(other);
        let counts = |said: &Said<'_>| {
            let is_over = said.statement.valid_until.zip(time).is_some_and(|(until, time)| time >= until);
            let is_whole = said.conjunction.iter().all(is_named);
            is_expired |= is_over && is_whole;
            !is_over && is_whole
        };
        let said = self.intel.indicators.said(indicator).filter(counts).collect();
        (said, is_expired)
    }
}

impl<D: Detector> Detector for Indicated<'_, D> {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        let class = self.inner.class(source);
        if !self.intel.indicators.is_empty() {
            let inner = &self.inner;
            self.interests.entry(class).or_insert_with(|| {
                let wanted = inner.interest(class);
                let both = Arc::new(with_indicators(&wanted));
                [wanted, both]
            });
        }
        class
    }

    fn interest(&self, class: Class) -> Arc<Interest> {
        match self.interests.get(&class) {
            Some([_, both]) => Arc::clone(both),
            None => self.inner.interest(class),
        }
    }

    fn text_hits(&mut self, group: TextGroup, raw: &[u8], encoding: Encoding, hits: &mut Vec<usize>) -> bool {
        if self.intel.indicators.is_empty() {
            return self.inner.text_hits(group, raw, encoding, hits);
        }
        let first = hits.len();
        let inner = group.0.checked_sub(1).map(TextGroup);
        if inner.is_some_and(|inner| !self.inner.text_hits(inner, raw, encoding, hits)) {
            return false;
        }
        let is_first = hits.len() == first;
        self.intel.filter.hits(raw, encoding, hits);
        if !is_first {
            hits.get_mut(first..).unwrap_or_default().sort_unstable();
        }
        true
    }

    fn look(&mut self, event: &Event<'_>, seen: &mut Seen) {
        let Some([inner, _]) = self.interests.get(&event.class) else { return self.inner.look(event, seen) };
        let text = event.text && inner.text.is_some();
        if inner.wanted && (text || !inner.text_only) {
            self.inner.look(&Event { text, ..*event }, seen);
        }
        if event.text {
            self.look_for_indicators(event, seen);
        }
    }
}

/// What a detector wants, and any text that may name an indicator. The first text group is that of indicators alone.
fn with_indicators(wanted: &Interest) -> Interest {
    let text = Some(TextGroup(wanted.text.map_or(0, |group| group.0 + 1)));
    if !wanted.wanted {
        return Interest { wanted: true, text, text_only: true, ..Interest::default() };
    }
    Interest { text, ..wanted.clone() }
}
