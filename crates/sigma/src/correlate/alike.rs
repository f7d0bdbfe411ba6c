//! Rules and correlations that say the same. Files of correlations stand on their own, so that many of them hold the same rule ("somebody
//! logged in from outside"); it is followed once, on behalf of all.

use std::collections::HashMap;

use super::plan::Target;
use crate::{correlation::Correlation, rule::Rule};

/// Who is followed by way of whom.
#[derive(Debug, Default)]
pub struct Alike {
    by_way_of: HashMap<Target, Target>,
    /// For correlations that are followed on behalf of one that is reported: that one.
    reported: HashMap<usize, usize>,
}

impl Alike {
    /// Finds what says the same among the correlations of `order` (named ones before those that name them) and the rules they name;
    /// `targets` is what each correlation names.
    pub fn among(rules: &[Rule], correlations: &[Correlation], targets: &[Vec<Target>], order: &[usize]) -> Self {
        let named = Named::by(correlations, targets, order);
        let mut alike = Self::default();
        let mut different: HashMap<_, Vec<(Target, &Rule)>> = HashMap::new();
        for (at, rule) in rules.iter().enumerate() {
            let target = Target::Rule(at);
            if !named.in_silence(target) {
                continue;
            }
            let others = different.entry(&rule.logsource).or_default();
            match others.iter().find(|(_, other)| other.expr == rule.expr) {
                Some((other, _)) => alike.follow(target, *other),
                None => others.push((target, rule)),
            }
        }
        let mut different: Vec<(usize, Said<'_>)> = Vec::new();
        for at in order {
            let Some((correlation, targets)) = correlations.get(*at).zip(targets.get(*at)) else { continue };
            let targets = targets.iter().map(|target| alike.of(*target)).collect();
            let said = Said { targets, correlation };
            let is_reported = !correlation.silent && !named.in_silence(Target::Correlation(*at));
            let is_free = |other: &usize| !is_reported || !alike.reported.contains_key(other);
            let other = different.iter().find(|(other, what)| *what == said && is_free(other)).map(|(other, _)| *other);
            match other {
                Some(other) => alike.follow(Target::Correlation(*at), Target::Correlation(other)),
                None => different.push((*at, said)),
            }
            if is_reported {
                alike.reported.insert(other.unwrap_or(*at), *at);
            }
        }
        alike
    }

    fn follow(&mut self, target: Target, by: Target) {
        self.by_way_of.insert(target, by);
    }

    /// By way of whom a rule or correlation is followed: itself, if nothing before it says the same.
    pub fn of(&self, target: Target) -> Target {
        self.by_way_of.get(&target).copied().unwrap_or(target)
    }

    /// In whose words a correlation reports, if it does.
    pub fn reported(&self, at: usize) -> Option<usize> {
        self.reported.get(&at).copied()
    }
}

/// What correlations name, and whether one of them wants it reported on its own as well.
struct Named(HashMap<Target, bool>);

impl Named {
    fn by(correlations: &[Correlation], targets: &[Vec<Target>], order: &[usize]) -> Self {
        let mut named = HashMap::new();
        for (correlation, targets) in order.iter().filter_map(|at| correlations.get(*at).zip(targets.get(*at))) {
            targets.iter().for_each(|target| *named.entry(*target).or_default() |= correlation.generate);
        }
        Self(named)
    }

    fn in_silence(&self, target: Target) -> bool {
        self.0.get(&target) == Some(&false)
    }
}

/// What a correlation says, whatever it and the rules it names are called.
struct Said<'c> {
    targets: Vec<Target>,
    correlation: &'c Correlation,
}

impl PartialEq for Said<'_> {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.correlation, other.correlation);
        self.targets == other.targets
            && (a.timespan, &a.measure, &a.condition) == (b.timespan, &b.measure, &b.condition)
            && (&a.group_by, &a.aliases) == (&b.group_by, &b.aliases)
            // Aliases call rules by their names.
            && (a.aliases.is_empty() || a.rules == b.rules)
    }
}
