//! The plain reading of a correlation: for every event, everything is worked out anew from all events.

use std::{cmp::Ordering, collections::BTreeSet};

use crate::{
    case::{BYTES, Correlation, EXPRESSIONS, FLAGS, Kind, Named, Test},
    fraction::Fraction,
    log::{Found, Line},
};

/// An event as one of the rules that a correlation names.
#[derive(Clone, Copy, Debug)]
struct Seen {
    line: usize,
    /// The base rule by which it was seen.
    rule: usize,
    /// Place in the correlation's list.
    element: usize,
    /// Whether it is a burst of the correlation before.
    is_burst: bool,
    /// The field that the alias `who` means in it; a burst has it as the correlation has it whose burst it is.
    who: &'static str,
}

impl Seen {
    /// What is one event: a line; but a burst is an event of its own.
    fn event(self) -> (usize, bool, usize) {
        (self.line, self.is_burst, if self.is_burst { self.rule } else { 0 })
    }
}

pub struct Reference<'a> {
    pub lines: &'a [Line],
    /// Nanoseconds.
    pub skew: i64,
}

fn fold(text: &str) -> String {
    text.to_lowercase()
}

fn value<'l>(line: &'l Line, field: &str) -> Option<&'l str> {
    let host = (field == "Computer" && !line.host.is_empty()).then_some(line.host.as_str());
    line.fields.iter().find(|(name, _)| *name == field).map(|(_, value)| value.as_str()).or(host)
}

/// A burst: which events were seen, when it began and when the condition last held (indices of what took part), and when those that name the
/// correlation were told.
struct Burst {
    began: usize,
    last: usize,
    seen: BTreeSet<usize>,
    told: Vec<usize>,
}

impl Reference<'_> {
    /// What a chain of correlations finds.
    pub fn find(&self, chain: &[Correlation]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut before = Vec::new();
        for (at, correlation) in chain.iter().enumerate() {
            let seen = self.taking_part(correlation, &before);
            let mut bursts = self.bursts(correlation, &seen);
            bursts.sort_by_key(|burst| burst.began);
            found.extend(bursts.iter().map(|burst| self.tell(correlation, at, &seen, burst)));
            before = bursts.iter().flat_map(|burst| burst.told.iter().map(|told| seen[*told])).collect();
        }
        found.sort();
        found
    }

    /// Everything that the correlation is shown and that has what it asks for, in order.
    fn taking_part(&self, correlation: &Correlation, before: &[Seen]) -> Vec<Seen> {
        let mut all = Vec::new();
        for (element, named) in correlation.rules.iter().enumerate() {
            match named {
                Named::Base(rule) => {
                    let lines = self.lines.iter().enumerate().filter(|(_, line)| value(line, FLAGS[*rule]).is_some());
                    all.extend(lines.map(|(line, _)| {
                        let who = correlation.who[*rule];
                        Seen { line, rule: *rule, element, is_burst: false, who }
                    }));
                }
                Named::Before => all.extend(before.iter().map(|seen| Seen { element, is_burst: true, ..*seen })),
            }
        }
        all.sort_by_key(|seen| (self.lines[seen.line].time, seen.line, seen.rule, !seen.is_burst));
        all.retain(|seen| self.group(correlation, seen).is_some() && self.has_measured(correlation, seen));
        let counts_once = !matches!(correlation.kind, Kind::Temporal | Kind::Ordered);
        let mut kept: Vec<Seen> = Vec::new();
        for seen in all {
            let same = |other: &Seen| {
                other.event() == seen.event() && self.group(correlation, other) == self.group(correlation, &seen)
            };
            if seen.is_burst || !counts_once || !kept.iter().any(same) {
                kept.push(seen);
            }
        }
        kept
    }

    fn group_as_written(&self, correlation: &Correlation, seen: &Seen) -> Option<Vec<String>> {
        let line = &self.lines[seen.line];
        let field = |name: &'static str| if name == "who" { seen.who } else { name };
        correlation.group_by.iter().map(|name| value(line, field(name)).map(str::to_owned)).collect()
    }

    fn group(&self, correlation: &Correlation, seen: &Seen) -> Option<Vec<String>> {
        Some(self.group_as_written(correlation, seen)?.iter().map(|value| fold(value)).collect())
    }

    fn number(&self, seen: &Seen) -> Option<Fraction> {
        let text = value(&self.lines[seen.line], "Bytes")?;
        BYTES.iter().find(|(other, _)| *other == text)?.1
    }

    fn values(&self, fields: &[&str], seen: &Seen) -> Option<Vec<String>> {
        fields.iter().map(|field| value(&self.lines[seen.line], field).map(fold)).collect()
    }

    fn has_measured(&self, correlation: &Correlation, seen: &Seen) -> bool {
        match correlation.kind {
            Kind::Events | Kind::Temporal | Kind::Ordered => true,
            Kind::Values(fields) => self.values(fields, seen).is_some(),
            Kind::Share => self.values(&["User"], seen).is_some(),
            Kind::Sum | Kind::Average | Kind::Percentile(_) => self.number(seen).is_some(),
        }
    }

    fn time(&self, seen: &Seen) -> i64 {
        self.lines[seen.line].time
    }

    fn bursts(&self, correlation: &Correlation, all: &[Seen]) -> Vec<Burst> {
        let span = correlation.seconds * crate::log::SECOND + self.skew;
        let mut bursts: Vec<Burst> = Vec::new();
        for (at, newest) in all.iter().enumerate() {
            let group = self.group(correlation, newest);
            let is_in =
                |seen: &Seen| self.group(correlation, seen) == group && self.time(newest) - self.time(seen) <= span;
            let window: Vec<usize> = (0..=at).filter(|other| is_in(&all[*other])).collect();
            let seen: Vec<Seen> = window.iter().map(|other| all[*other]).collect();
            if !self.holds(correlation, &seen) {
                continue;
            }
            let goes_on = |burst: &&mut Burst| {
                self.group(correlation, &all[burst.last]) == group
                    && self.time(newest) - self.time(&all[burst.last]) <= span
            };
            match bursts.iter_mut().find(goes_on) {
                Some(burst) => {
                    let first = *burst.seen.first().unwrap();
                    burst.seen.extend(window.into_iter().filter(|other| *other >= first));
                    burst.last = at;
                    if self.time(newest) - self.time(&all[*burst.told.last().unwrap()]) > span {
                        burst.told.push(at);
                    }
                }
                None => {
                    let since = self.since(correlation, &seen);
                    let seen = window.into_iter().filter(|other| self.time(&all[*other]) >= since).collect();
                    bursts.push(Burst { began: at, last: at, seen, told: vec![at] });
                }
            }
        }
        bursts
    }

    fn holds(&self, correlation: &Correlation, window: &[Seen]) -> bool {
        let is_seen = |element: usize| window.iter().any(|seen| seen.element == element);
        let rules = correlation.rules.len();
        let all_seen: Vec<bool> = (0..rules).map(is_seen).collect();
        let compare = |comparisons: &[(&str, Fraction)]| {
            let measure = self.measure(correlation, window);
            comparisons.iter().all(|(key, number)| {
                let ordering = measure.compare(*number);
                match *key {
                    "gt" => ordering == Ordering::Greater,
                    "gte" => ordering != Ordering::Less,
                    "lt" => ordering == Ordering::Less,
                    "lte" => ordering != Ordering::Greater,
                    "eq" => ordering == Ordering::Equal,
                    _ => ordering != Ordering::Equal,
                }
            })
        };
        match &correlation.test {
            Test::All => compare(&[("gte", Fraction::new(rules as i128, 1))]),
            Test::Compare(comparisons) => compare(comparisons),
            Test::Expression(which) => EXPRESSIONS[*which].1(&all_seen),
        }
    }

    fn measure(&self, correlation: &Correlation, window: &[Seen]) -> Fraction {
        let whole = |count: usize| Fraction::new(count as i128, 1);
        let mut numbers: Vec<Fraction> = window.iter().filter_map(|seen| self.number(seen)).collect();
        let sum = numbers.iter().fold(whole(0), |sum, number| sum.plus(*number));
        match correlation.kind {
            Kind::Events => whole(window.len()),
            Kind::Values(fields) => {
                let different: BTreeSet<_> = window.iter().map(|seen| self.values(fields, seen)).collect();
                whole(different.len())
            }
            Kind::Temporal => whole(window.iter().map(|seen| seen.element).collect::<BTreeSet<_>>().len()),
            Kind::Ordered => whole(self.longest(window, None, 0)),
            Kind::Sum => sum,
            Kind::Average => sum.times(1, window.len() as i128),
            Kind::Percentile(percentile) => {
                numbers.sort_by(|a, b| a.compare(*b));
                // The rank is whole / 100 of a way through the values, counted from the first.
                let rank = percentile as usize * (numbers.len() - 1);
                let (low, part) = (numbers[rank / 100], (rank % 100) as i128);
                let high = numbers.get(rank / 100 + 1).copied().unwrap_or(low);
                low.plus(high.plus(low.times(-1, 1)).times(part, 100))
            }
            Kind::Share => {
                let newest = self.values(&["User"], &window[window.len() - 1]);
                let alike = window.iter().filter(|seen| self.values(&["User"], seen) == newest).count();
                Fraction::new(100 * alike as i128, window.len() as i128)
            }
        }
    }

    /// The longest way through the window by rules in their order, by trying all.
    fn longest(&self, window: &[Seen], last: Option<usize>, from: usize) -> usize {
        let next = (0..window.len()).filter(|at| window[*at].element >= from);
        let next = next.filter(|at| last.is_none_or(|last| self.may_precede(window, last, *at)));
        next.map(|at| 1 + self.longest(window, Some(at), window[at].element + 1)).max().unwrap_or(0)
    }

    /// Since when events belong to a burst that begins with this window: all of them; where the order counts, and clocks agree, since the latest
    /// beginning of a longest way.
    fn since(&self, correlation: &Correlation, window: &[Seen]) -> i64 {
        if !matches!(correlation.kind, Kind::Ordered) || self.skew > 0 {
            return i64::MIN;
        }
        let longest = self.longest(window, None, 0);
        let is_longest = |at: &usize| 1 + self.longest(window, Some(*at), window[*at].element + 1) == longest;
        (0..window.len()).filter(is_longest).map(|at| self.time(&window[at])).max().unwrap()
    }

    fn may_precede(&self, window: &[Seen], a: usize, b: usize) -> bool {
        let (first, then) = (&window[a], &window[b]);
        if first.line == then.line {
            return false;
        }
        let is_one_host = fold(&self.lines[first.line].host) == fold(&self.lines[then.line].host);
        if self.skew == 0 || is_one_host { a < b } else { self.time(first) <= self.time(then) + self.skew }
    }

    fn tell(&self, correlation: &Correlation, at: usize, all: &[Seen], burst: &Burst) -> Found {
        let sighting = |index: usize| {
            let title = match correlation.rules[all[index].element] {
                Named::Base(rule) => format!("rule {rule}"),
                Named::Before => format!("chain {}", at - 1),
            };
            (title, all[index].line as u64)
        };
        let mut firsts: Vec<usize> = Vec::new();
        for index in &burst.seen {
            if !firsts.iter().any(|first| all[*first].element == all[*index].element) {
                firsts.push(*index);
            }
        }
        let hosts: BTreeSet<String> = burst.seen.iter().map(|seen| fold(&self.lines[all[*seen].line].host)).collect();
        let host = if hosts.len() == 1 { self.lines[all[burst.began].line].host.clone() } else { String::new() };
        let events: BTreeSet<_> = burst
            .seen
            .iter()
            .map(|index| if all[*index].is_burst { (all[*index].line, *index + 1) } else { (all[*index].line, 0) })
            .collect();
        Found {
            rule: format!("chain {at}"),
            group: self.group_as_written(correlation, &all[burst.began]).unwrap(),
            host,
            events: events.len() as u64,
            times: (self.time(&all[firsts[0]]), self.time(&all[burst.last])),
            firsts: firsts.into_iter().map(sighting).collect(),
            last: sighting(burst.last),
        }
    }
}
