//! Findings on their way to be linked: when and where for each, and once what many say in the same words.

use std::{
    cmp::Reverse,
    hash::{BuildHasher, Hash, Hasher},
    sync::Arc,
};

use event::{Finding, FindingId, Place, Time};
use foldhash::{HashMap, fast::FixedState};

/// What is said again within so many nanoseconds is one thing that goes on.
const GOES_ON: i64 = 60 * 1_000_000_000;

/// Findings, in the order in which they came.
#[derive(Default)]
pub struct Kept {
    list: Vec<One>,
    /// What is said; id, time and place of each are those of the first who said it.
    words: Vec<Finding>,
    /// Numbers of what is said, by a hash of it.
    by_hash: HashMap<u64, Vec<u32>>,
    /// Findings for which there was no room.
    pub beyond: u64,
}

/// A finding.
#[derive(Clone)]
struct One {
    id: FindingId,
    time: Option<Time>,
    place: Place,
    words: u32,
}

impl Kept {
    /// Takes a finding; when there are twice as many as `limit`, the less severe are shed.
    pub fn push(&mut self, finding: Finding, limit: usize) {
        let (id, time, place) = (finding.id, finding.time, finding.place.clone());
        let words = self.words(finding);
        self.list.push(One { id, time, place, words });
        if self.list.len() >= limit.saturating_mul(2).max(2) {
            self.shed(limit);
        }
    }

    /// All that is kept, without what was counted only.
    pub fn iter(&self) -> impl Iterator<Item = Finding> {
        self.list.iter().filter_map(|One { id, time, place, words }| {
            let words = self.words.get(*words as usize)?.clone();
            Some(Finding { id: *id, time: *time, place: place.clone(), ..words })
        })
    }

    /// The number of what a finding says.
    fn words(&mut self, finding: Finding) -> u32 {
        let known = self.by_hash.entry(hash(&finding)).or_default();
        let same = known
            .iter()
            .find(|number| self.words.get(**number as usize).is_some_and(|other| says_the_same(other, &finding)));
        if let Some(same) = same {
            return *same;
        }
        let number = self.words.len() as u32;
        known.push(number);
        self.words.push(finding);
        number
    }

    /// Keeps the more severe findings; among equals, which ones depends on their ids alone.
    pub fn shed(&mut self, limit: usize) {
        if self.list.len() <= limit {
            return;
        }
        let level = |one: &One| self.words.get(one.words as usize).map(|words| words.rule.level);
        self.list.sort_by_cached_key(|one| (Reverse(level(one)), one.id));
        self.beyond += (self.list.len() - limit) as u64;
        self.list.truncate(limit);
        let kept = std::mem::take(self);
        self.beyond = kept.beyond;
        let mut words: Vec<Option<Finding>> = kept.words.into_iter().map(Some).collect();
        let mut numbers = vec![None; words.len()];
        for one in kept.list {
            let Some(number) = numbers.get_mut(one.words as usize) else { continue };
            if number.is_none() {
                *number = words.get_mut(one.words as usize).and_then(Option::take).map(|finding| self.words(finding));
            }
            self.list.extend(number.map(|words| One { words, ..one }));
        }
    }

    /// All findings in the order of time, those without a time last; and those that say the same again and again, as one each.
    pub fn in_order(self) -> (Vec<Arc<Finding>>, Vec<Run>) {
        let Self { mut list, words, .. } = self;
        let host = |one: &One| words.get(one.words as usize).map(|words| words.host.as_str());
        list.sort_by(|a, b| {
            (a.time.is_none(), a.time, host(a), a.id, &a.place).cmp(&(
                b.time.is_none(),
                b.time,
                host(b),
                b.id,
                &b.place,
            ))
        });
        let mut runs = runs(&list, words.len());
        for run in &mut runs {
            let first = run.members.first().and_then(|first| list.get(*first as usize));
            let words = first.and_then(|first| words.get(first.words as usize));
            let last =
                words.and_then(|words| words.correlated.as_ref()).map(|correlated| correlated.last.time.as_nanos());
            // A correlation goes on until its last event.
            run.span = run.span.map(|(first, end)| (first, last.map_or(end, |last| last.max(end))));
        }
        let mut left = vec![0u32; words.len()];
        list.iter().for_each(|one| left.get_mut(one.words as usize).into_iter().for_each(|left| *left += 1));
        let mut words: Vec<Option<Finding>> = words.into_iter().map(Some).collect();
        let whole = |One { id, time, place, words: number }: One| {
            let (left, words) = (left.get_mut(number as usize)?, words.get_mut(number as usize)?);
            *left -= 1;
            let words = if *left == 0 { words.take() } else { words.clone() };
            Some(Arc::new(Finding { id, time, place, ..words? }))
        };
        (list.into_iter().filter_map(whole).collect(), runs)
    }
}

/// Findings that say the same, none long after the one before.
pub struct Run {
    /// Their numbers, in the order of time: at least one.
    pub members: Vec<u32>,
    /// From the first to the last, in nanoseconds.
    pub span: Option<(i64, i64)>,
}

fn runs(list: &[One], words: usize) -> Vec<Run> {
    let mut runs = Vec::<Run>::new();
    // By what is said, the run that goes on.
    let mut open = vec![usize::MAX; words];
    for (number, one) in list.iter().enumerate() {
        let time = one.time.map(Time::as_nanos);
        let Some(open) = open.get_mut(one.words as usize) else { continue };
        let run = runs.get_mut(*open).filter(|run| match (run.span, time) {
            (Some((_, last)), Some(time)) => time.saturating_sub(last) <= GOES_ON,
            (None, None) => true,
            _ => false,
        });
        match run {
            Some(run) => {
                run.members.push(number as u32);
                run.span = run.span.zip(time).map(|((first, _), time)| (first, time));
            }
            None => {
                *open = runs.len();
                runs.push(Run { members: vec![number as u32], span: time.map(|time| (time, time)) });
            }
        }
    }
    runs
}

fn hash(finding: &Finding) -> u64 {
    let Finding { rule, host, channel, provider, event_id, matched, context, .. } = finding;
    let mut hasher = FixedState::default().build_hasher();
    (&rule.id, host, channel, provider, event_id).hash(&mut hasher);
    let values = matched.iter().chain(context.iter());
    values.for_each(|one| (&one.field, &one.value).hash(&mut hasher));
    hasher.finish()
}

/// Whether two findings differ in time and place alone. Each of a correlation is one of its own.
fn says_the_same(a: &Finding, b: &Finding) -> bool {
    a.correlated.is_none()
        && b.correlated.is_none()
        && (Arc::ptr_eq(&a.rule, &b.rule) || a.rule == b.rule)
        && (a.event_id, &a.host, &a.channel, &a.provider) == (b.event_id, &b.host, &b.channel, &b.provider)
        && a.matched == b.matched
        && (Arc::ptr_eq(&a.context, &b.context) || a.context == b.context)
}
