//! Which findings belong together: neighbours in the time of what they have in common.
//!
//! Nobody looks at all pairs. Each thing that findings name has a list of them in the order of time, and only neighbours in such a list are weighed, so
//! the work grows as n log n. What is strong joins at once; weak reasons of several kinds between two groups add up, over a few rounds.

use foldhash::{HashMap, HashMapExt};

use crate::{
    EntityKind, LinkKind,
    mention::{Common, Weight},
};

/// What is this strong joins.
const THRESHOLD: f32 = 0.5;
/// What is this strong joins before anything is added up.
const STRONG: f32 = 0.75;
/// Rounds in which groups are joined by what adds up.
const ROUNDS: usize = 3;
/// So many groups may name a thing before it says less.
const RARE: f32 = 3.0;
/// Around a moment, so many nanoseconds are looked at for other things that happen on the machine.
const CROWD: i64 = 900 * 1_000_000_000;
/// Groups of fewer findings are none that others may belong to.
const CROWD_GROUP: usize = 2;
/// A reason weaker than this is none.
const WEAKEST: f32 = 0.01;
/// Neighbours of other groups that are looked for behind one of the same.
const BACK: usize = 6;

/// One finding names one thing. Here and below a finding stands for all of its run.
#[derive(Clone, Copy, Debug)]
pub struct Mention {
    /// What is named, by its number.
    pub common: u32,
    /// The finding, by its number in the order of time.
    pub finding: u32,
    pub weight: Weight,
}

/// Things, each with the findings that name it in the order of time.
#[derive(Default)]
pub struct Lists {
    numbers: HashMap<Common, u32>,
    commons: Vec<Common>,
    mentions: Vec<Mention>,
}

impl Lists {
    /// Takes note that a finding names a thing.
    pub fn add(&mut self, common: Common, finding: u32, weight: Weight) {
        let number = *self.numbers.entry(common).or_insert_with(|| {
            self.commons.push(common);
            self.commons.len() as u32 - 1
        });
        self.mentions.push(Mention { common: number, finding, weight });
    }

    /// Brings the findings of each thing into the order of time; nothing is added any more.
    pub fn sort(&mut self) {
        self.numbers = HashMap::new();
        self.mentions.sort_by_key(|mention| (mention.common, mention.finding));
    }

    /// Each thing, with those that name it.
    fn iter(&self) -> impl Iterator<Item = (Common, &[Mention])> {
        let lists = self.mentions.chunk_by(|one, other| one.common == other.common);
        lists.filter_map(|list| Some((self.get(list.first()?.common), list)))
    }

    /// All mentions, by what is named and time.
    pub fn mentions(&self) -> &[Mention] {
        &self.mentions
    }

    /// What a number stands for.
    pub fn get(&self, number: u32) -> Common {
        self.commons.get(number as usize).copied().unwrap_or(Common::Record)
    }
}

/// A link between two findings.
#[derive(Clone, Copy, Debug)]
pub struct Joined {
    pub from: u32,
    pub to: u32,
    pub kind: LinkKind,
    pub strength: f32,
    /// What they have in common, by its number; of one record, none.
    pub common: u32,
}

/// The number of nothing named: see [`Joined`].
const RECORD: u32 = u32::MAX;

/// Groups of findings.
pub struct Groups {
    above: Vec<u32>,
    pub joined: Vec<Joined>,
}

impl Groups {
    /// So many findings, each alone.
    pub fn of_each(findings: usize) -> Self {
        Self { above: (0..findings as u32).collect(), joined: Vec::new() }
    }

    /// Joins two findings of one record.
    pub fn same_record(&mut self, from: u32, to: u32) {
        if self.join(from, to) {
            self.joined.push(Joined { from, to, kind: LinkKind::Repetition, strength: 1.0, common: RECORD });
        }
    }

    /// The group of a finding: the number of its first one.
    pub fn of(&mut self, finding: u32) -> u32 {
        let mut at = finding;
        while let Some(above) = self.above.get(at as usize).copied().filter(|above| *above != at) {
            let next = self.above.get(above as usize).copied().unwrap_or(above);
            if let Some(slot) = self.above.get_mut(at as usize) {
                *slot = next;
            }
            at = next;
        }
        at
    }

    fn join(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.of(a), self.of(b));
        let (first, second) = (a.min(b), a.max(b));
        if let Some(slot) = self.above.get_mut(second as usize) {
            *slot = first;
        }
        first != second
    }
}

/// From when to when each finding tells, in nanoseconds.
type Spans = [Option<(i64, i64)>];

/// Joins findings by what they have in common.
pub fn join(spans: &Spans, lists: &Lists, groups: &mut Groups) {
    for (_, list) in lists.iter() {
        for (earlier, later) in list.iter().zip(list.iter().skip(1)) {
            let joined = link(spans, earlier, later, 1.0);
            if joined.strength >= STRONG {
                groups.join(joined.from, joined.to);
                groups.joined.push(joined);
            }
        }
    }
    for _ in 0..ROUNDS {
        if !round(spans, lists, groups) {
            break;
        }
    }
}

/// The link that two mentions make.
fn link(spans: &Spans, earlier: &Mention, later: &Mention, rarity: f32) -> Joined {
    let span = |mention: &Mention| spans.get(mention.finding as usize).copied().flatten();
    let (one, other) = (earlier.weight, later.weight);
    // That something was sent is known from one side alone.
    let weaker = match (one.kind == LinkKind::Delivered, other.kind == LinkKind::Delivered) {
        (true, false) => one,
        (false, true) => other,
        _ if one.strength <= other.strength => one,
        _ => other,
    };
    let within = if weaker.kind == LinkKind::Delivered { weaker.within } else { one.within.min(other.within) };
    let apart = match (span(earlier), span(later)) {
        (Some((_, end)), Some((start, _))) => start.saturating_sub(end).max(0) as f32 / 1e9 / within,
        // What has no time is as good as far away.
        _ => 1.0,
    };
    let strength = weaker.strength * rarity / (1.0 + apart * apart);
    Joined { from: earlier.finding, to: later.finding, kind: weaker.kind, strength, common: earlier.common }
}

/// A reason to join two groups.
struct Reason {
    pair: (u32, u32),
    /// Reasons of one kind do not add up.
    kind: u8,
    joined: Joined,
}

/// All reasons to join groups, those for each pair of them together, the best of each kind first.
fn reasons(spans: &Spans, lists: &Lists, groups: &mut Groups) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let (mut of, mut distinct) = (Vec::new(), Vec::new());
    for (common, list) in lists.iter().filter(|(_, list)| list.len() > 1) {
        of.clear();
        of.extend(list.iter().map(|mention| groups.of(mention.finding)));
        distinct.clone_from(&of);
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() < 2 {
            continue;
        }
        let rarity = if common.grows_common() { (RARE / distinct.len() as f32).min(1.0) } else { 1.0 };
        let crowd = if matches!(common, Common::Moment(_)) { crowd(spans, list, &of) } else { Vec::new() };
        for (at, (later, own)) in list.iter().zip(&of).enumerate() {
            // Slices, since `take(at).rev()` would step over all that is behind.
            let before = at.saturating_sub(BACK)..at;
            let before = list.get(before.clone()).unwrap_or_default().iter().zip(of.get(before).unwrap_or_default());
            let Some((earlier, other)) = before.rev().find(|(_, other)| *other != own) else { continue };
            let alone = crowd.get(at).map_or(1.0, |groups| 2.0 / (*groups).max(2) as f32);
            let joined = link(spans, earlier, later, rarity * alone);
            if joined.strength >= WEAKEST {
                reasons.push(Reason { pair: (*own.min(other), *own.max(other)), kind: common.kind(), joined });
            }
        }
    }
    reasons.sort_unstable_by(|a, b| {
        let by_strength = b.joined.strength.total_cmp(&a.joined.strength);
        let by_number = (a.joined.common, a.joined.from).cmp(&(b.joined.common, b.joined.from));
        (a.pair, a.kind).cmp(&(b.pair, b.kind)).then(by_strength).then(by_number)
    });
    reasons
}

/// Joins groups by what adds up; tells whether any were.
fn round(spans: &Spans, lists: &Lists, groups: &mut Groups) -> bool {
    let reasons = reasons(spans, lists, groups);
    let pair = |reasons: &[Reason]| {
        let best = reasons.chunk_by(|a, b| a.kind == b.kind).filter_map(|kind| kind.first()).map(|one| one.joined);
        let rest = best.clone().fold(1.0, |rest, one| rest * (1.0 - one.strength));
        let strongest = best.max_by(|a, b| a.strength.total_cmp(&b.strength).then(b.common.cmp(&a.common)))?;
        (1.0 - rest >= THRESHOLD).then_some(Joined { strength: 1.0 - rest, ..strongest })
    };
    let mut pairs: Vec<Joined> = reasons.chunk_by(|a, b| a.pair == b.pair).filter_map(pair).collect();
    pairs.sort_by(|a, b| b.strength.total_cmp(&a.strength).then((a.from, a.to).cmp(&(b.from, b.to))));
    let mut any = false;
    for joined in pairs {
        if groups.join(joined.from, joined.to) {
            any = true;
            groups.joined.push(joined);
        }
    }
    any
}

/// How many groups are seen on a machine around each of these findings, the list of which is in the order of time.
fn crowd(spans: &Spans, list: &[Mention], of: &[u32]) -> Vec<usize> {
    let time = |at: usize| Some(spans.get(list.get(at)?.finding as usize).copied()??.0);
    let (mut first, mut behind) = (0, 0);
    let mut sizes = HashMap::<u32, usize>::new();
    of.iter().for_each(|group| *sizes.entry(*group).or_default() += 1);
    let counts_as_one = |group: &&u32| sizes.get(group).is_some_and(|size| *size >= CROWD_GROUP);
    let mut counts = HashMap::<u32, usize>::new();
    let mut crowds = Vec::with_capacity(list.len());
    for at in 0..list.len() {
        let Some(now) = time(at) else {
            crowds.push(usize::MAX);
            continue;
        };
        while time(behind).is_some_and(|time| time <= now.saturating_add(CROWD)) {
            of.get(behind).filter(counts_as_one).into_iter().for_each(|group| *counts.entry(*group).or_default() += 1);
            behind += 1;
        }
        while time(first).is_some_and(|time| time < now.saturating_sub(CROWD)) {
            if let Some(group) = of.get(first).filter(counts_as_one) {
                let left = counts.get(group).copied().unwrap_or_default().saturating_sub(1);
                if left == 0 {
                    counts.remove(group)
                } else {
                    counts.insert(*group, left)
                };
            }
            first += 1;
        }
        crowds.push(counts.len());
    }
    crowds
}

impl Common {
    /// Reasons of one kind do not add up.
    fn kind(&self) -> u8 {
        match self {
            Self::Record => 0,
            Self::Process(_) => 1,
            Self::Script(_) => 2,
            Self::Command(_) => 3,
            Self::Drive(_) => 4,
            Self::Same(_) | Self::Rule(..) | Self::Again(..) => 5,
            Self::Moment(_) => 6,
            Self::Login(_) => 7,
            Self::Entity(kind, _) | Self::Local(kind, ..) => 16 + *kind as u8,
        }
    }

    /// Whether it says less the more groups name it.
    fn grows_common(&self) -> bool {
        !matches!(
            self,
            Self::Record
                | Self::Process(_)
                | Self::Script(_)
                | Self::Moment(_)
                | Self::Same(_)
                | Self::Rule(..)
                | Self::Again(..)
                | Self::Login(_)
                | Self::Local(EntityKind::Session, ..)
        )
    }
}
