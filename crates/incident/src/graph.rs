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
/// Around a moment, so many seconds are looked at for other things that happen on the machine.
const CROWD: f64 = 900.0;
/// Groups of fewer findings are none that others may belong to.
const CROWD_GROUP: usize = 2;
/// Neighbours of other groups that are looked for behind one of the same.
const BACK: usize = 6;

/// One finding names one thing.
#[derive(Clone, Copy, Debug)]
pub struct Mention {
    /// The finding, by its number in the order of time.
    pub finding: u32,
    pub weight: Weight,
}

/// A link between two findings.
#[derive(Clone, Copy, Debug)]
pub struct Joined {
    pub from: u32,
    pub to: u32,
    pub kind: LinkKind,
    pub strength: f32,
    /// What they have in common, by its number.
    pub common: u32,
}

/// Groups of findings.
pub struct Groups {
    above: Vec<u32>,
    pub joined: Vec<Joined>,
}

impl Groups {
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

/// Joins findings. `times` are those of the findings in seconds, in their order; `lists` what they have in common, each in the order of time.
pub fn groups(times: &[Option<f64>], lists: &[(Common, Vec<Mention>)]) -> Groups {
    let mut groups = Groups { above: (0..times.len() as u32).collect(), joined: Vec::new() };
    for (number, (_, list)) in lists.iter().enumerate() {
        for (earlier, later) in list.iter().zip(list.iter().skip(1)) {
            let joined = link(times, earlier, later, number as u32, 1.0);
            if joined.strength >= STRONG {
                groups.join(joined.from, joined.to);
                groups.joined.push(joined);
            }
        }
    }
    for _ in 0..ROUNDS {
        if !round(times, lists, &mut groups) {
            break;
        }
    }
    groups
}

/// The link that two mentions make.
fn link(times: &[Option<f64>], earlier: &Mention, later: &Mention, common: u32, rarity: f32) -> Joined {
    let time = |mention: &Mention| times.get(mention.finding as usize).copied().flatten();
    let (one, other) = (earlier.weight, later.weight);
    // That something was sent is known from one side alone.
    let weaker = match (one.kind == LinkKind::Delivered, other.kind == LinkKind::Delivered) {
        (true, false) => one,
        (false, true) => other,
        _ if one.strength <= other.strength => one,
        _ => other,
    };
    let within = if weaker.kind == LinkKind::Delivered { weaker.within } else { one.within.min(other.within) };
    let apart = match (time(earlier), time(later)) {
        (Some(one), Some(other)) => ((other - one).abs() as f32) / within,
        // What has no time is as good as far away.
        _ => 1.0,
    };
    let strength = weaker.strength * rarity / (1.0 + apart * apart);
    Joined { from: earlier.finding, to: later.finding, kind: weaker.kind, strength, common }
}

/// The best reason of each kind between two groups.
type Reasons = HashMap<(u32, u32), Vec<(u8, Joined)>>;

/// Joins groups by what adds up; tells whether any were.
fn round(times: &[Option<f64>], lists: &[(Common, Vec<Mention>)], groups: &mut Groups) -> bool {
    let mut reasons = Reasons::new();
    for (number, (common, list)) in lists.iter().enumerate() {
        let of: Vec<u32> = list.iter().map(|mention| groups.of(mention.finding)).collect();
        let mut distinct = of.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() < 2 {
            continue;
        }
        let rarity = if common.grows_common() { (RARE / distinct.len() as f32).min(1.0) } else { 1.0 };
        let crowd = if matches!(common, Common::Moment(_)) { crowd(times, list, &of) } else { Vec::new() };
        for (at, later) in list.iter().enumerate() {
            let Some(own) = of.get(at).copied() else { continue };
            let before = at.saturating_sub(BACK)..at;
            for back in before.rev() {
                let (Some(earlier), Some(other)) = (list.get(back), of.get(back).copied()) else { continue };
                if other == own {
                    continue;
                }
                let alone = crowd.get(at).map_or(1.0, |groups| 2.0 / (*groups).max(2) as f32);
                let joined = link(times, earlier, later, number as u32, rarity * alone);
                let best = reasons.entry((own.min(other), own.max(other))).or_default();
                match best.iter_mut().find(|(kind, _)| *kind == common.kind()) {
                    Some((_, slot)) if joined.strength > slot.strength => *slot = joined,
                    Some(_) => {}
                    None => best.push((common.kind(), joined)),
                }
                break;
            }
        }
    }
    let mut pairs: Vec<(f32, (u32, u32), Vec<Joined>)> = reasons
        .into_iter()
        .map(|(pair, best)| {
            let mut best: Vec<Joined> = best.into_iter().map(|(_, joined)| joined).collect();
            best.sort_by(|a, b| b.strength.total_cmp(&a.strength).then(a.common.cmp(&b.common)));
            (1.0 - best.iter().fold(1.0, |rest, one| rest * (1.0 - one.strength)), pair, best)
        })
        .filter(|(strength, _, _)| *strength >= THRESHOLD)
        .collect();
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut any = false;
    for (strength, (a, b), best) in pairs {
        if groups.join(a, b) {
            any = true;
            groups.joined.extend(best.first().map(|best| Joined { strength, ..*best }));
        }
    }
    any
}

/// How many groups are seen on a machine around each of these findings, the list of which is in the order of time.
fn crowd(times: &[Option<f64>], list: &[Mention], of: &[u32]) -> Vec<usize> {
    let time = |at: usize| list.get(at).and_then(|mention| times.get(mention.finding as usize).copied().flatten());
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
        while time(behind).is_some_and(|time| time <= now + CROWD) {
            of.get(behind).filter(counts_as_one).into_iter().for_each(|group| *counts.entry(*group).or_default() += 1);
            behind += 1;
        }
        while time(first).is_some_and(|time| time < now - CROWD) {
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
            Self::Record(_) => 0,
            Self::Process(_) => 1,
            Self::Script(_) => 2,
            Self::Command(_) => 3,
            Self::Drive(_) => 4,
            Self::Same(_) | Self::Rule(..) | Self::Again(..) => 5,
            Self::Moment(_) => 6,
            Self::Login(_) => 7,
            Self::Entity(kind, _) => 16 + *kind as u8,
        }
    }

    /// Whether it says less the more groups name it.
    fn grows_common(&self) -> bool {
        !matches!(
            self,
            Self::Record(_)
                | Self::Process(_)
                | Self::Script(_)
                | Self::Moment(_)
                | Self::Same(_)
                | Self::Rule(..)
                | Self::Again(..)
                | Self::Login(_)
                | Self::Entity(EntityKind::Session, _)
        )
    }
}
