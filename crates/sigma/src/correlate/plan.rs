//! Correlations put together: who follows which rule, and which fields have to be carried along.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use event::RuleInfo;
use sha2::{Digest, Sha256};

use super::alike::Alike;
use crate::{
    correlation::{Correlation, Measure, Test},
    load::Refused,
    rule::Rule,
};

/// Deeper chains of correlations nobody writes, and what follows them must end.
const MAX_DEPTH: usize = 32;

/// All correlations, those that others name before those others.
#[derive(Debug, Default)]
pub struct Plan {
    pub correlations: Vec<Planned>,
    /// By source: the correlations that follow it.
    pub uses: Vec<Vec<Use>>,
}

impl Plan {
    /// The same for the same correlations of the same rules.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(format!("{self:?}")).into()
    }
}

/// A correlation, ready to be followed.
#[derive(Debug)]
pub struct Planned {
    pub info: Arc<RuleInfo>,
    pub timespan: i64,
    pub measure: Measure,
    pub test: Test,
    /// Fields or aliases, as the rule writes them.
    pub group_by: Vec<String>,
    /// What reports say of the rules it names.
    pub elements: Vec<Arc<RuleInfo>>,
    /// Whether it is only there for other correlations.
    pub silent: bool,
    /// Its number as a source.
    pub source: usize,
}

/// That a correlation names a source, and where the source's values have what it asks for.
#[derive(Debug)]
pub struct Use {
    /// Index into [`Plan::correlations`].
    pub correlation: usize,
    /// Place in the correlation's list of rules.
    pub element: u8,
    /// Whether the source is a correlation.
    pub is_burst: bool,
    /// Index of each value that tells groups apart.
    pub group: Vec<usize>,
    /// Index of each value that is measured.
    pub measured: Vec<usize>,
    /// Index of each value that those who follow the correlation ask for.
    pub passed_on: Vec<usize>,
}

/// What a rule has to tell on behalf of correlations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Its number as a source: what its observations are called.
    pub number: u32,
    /// The fields that are carried along, by Sigma's names.
    pub fields: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    Rule(usize),
    Correlation(usize),
}

/// Puts correlations together with the rules they name: each named rule is told what to carry along, and whether it is to be silent. What
/// cannot be put together is refused.
pub fn plan(rules: &mut [Rule], correlations: &[Correlation], refused: &mut Vec<Refused>) -> Plan {
    let mut resolver = Resolver::new(rules, correlations);
    for at in 0..correlations.len() {
        // What came of it stands in the resolver's states.
        let _ = resolver.resolve(at, 0);
    }
    let Resolver { order, states, .. } = resolver;
    let mut targets = Vec::new();
    for (correlation, state) in correlations.iter().zip(states) {
        targets.push(match state {
            State::Resolved(targets, _) => targets,
            State::Refused(reason) => {
                let (path, line) = (correlation.info.path.clone(), correlation.line);
                refused.push(Refused { path, line, reason });
                Vec::new()
            }
            State::Unknown | State::Open => Vec::new(),
        });
    }
    let order = needed(order, correlations, &targets);
    let alike = Alike::among(rules, correlations, &targets, &order);
    let mut builder =
        Builder { rules, correlations, targets: &targets, alike, sources: HashMap::new(), uses: HashMap::new() };
    order.iter().rev().for_each(|at| builder.need(*at));
    builder.build(&order)
}

/// Those of `order` that are wanted, or are named by wanted ones, in the same order.
fn needed(order: Vec<usize>, correlations: &[Correlation], targets: &[Vec<Target>]) -> Vec<usize> {
    let mut named = HashSet::<Target>::new();
    let mut needed: Vec<usize> = Vec::new();
    for at in order.into_iter().rev() {
        let is_wanted = correlations.get(at).is_some_and(|correlation| !correlation.silent);
        if is_wanted || named.contains(&Target::Correlation(at)) {
            named.extend(targets.get(at).into_iter().flatten());
            needed.push(at);
        }
    }
    needed.reverse();
    needed
}

/// What came of a correlation so far.
enum State {
    Unknown,
    /// It is being resolved: whoever names it now is in a circle with it.
    Open,
    /// What it names, and how many correlations name one another from it downwards.
    Resolved(Vec<Target>, usize),
    Refused(String),
}

/// Why a correlation cannot be resolved.
enum Trouble {
    /// Those above it may be refused for it; it itself may stand in a shorter chain.
    TooDeep,
    Other(String),
}

impl From<String> for Trouble {
    fn from(reason: String) -> Self {
        Self::Other(reason)
    }
}

struct Resolver<'a> {
    correlations: &'a [Correlation],
    by_id: HashMap<&'a str, Target>,
    by_name: HashMap<&'a str, Vec<(Target, &'a str)>>,
    states: Vec<State>,
    /// Those that are resolved, named ones before those that name them.
    order: Vec<usize>,
}

impl<'a> Resolver<'a> {
    fn new(rules: &'a [Rule], correlations: &'a [Correlation]) -> Self {
        let (mut by_id, mut by_name) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        let rules = rules.iter().enumerate().map(|(at, rule)| (Target::Rule(at), &rule.info, &rule.name));
        let others =
            correlations.iter().enumerate().map(|(at, rule)| (Target::Correlation(at), &rule.info, &rule.name));
        for (target, info, name) in rules.chain(others) {
            // A rule that was loaded twice is named once; the first is as good as the second.
            by_id.entry(info.id.as_str()).or_insert(target);
            if !name.is_empty() {
                by_name.entry(name.as_str()).or_default().push((target, info.path.as_str()));
            }
        }
        let states = correlations.iter().map(|_| State::Unknown).collect();
        Self { correlations, by_id, by_name, states, order: Vec::new() }
    }

    /// Resolves a correlation and those it names, and gives how many name one another from it downwards; `above` is how many do above it.
    fn resolve(&mut self, at: usize, above: usize) -> Result<usize, Trouble> {
        match self.states.get(at) {
            Some(State::Resolved(_, depth)) => return Ok(*depth),
            Some(State::Refused(reason)) => return Err(Trouble::Other(reason.clone())),
            _ if above >= MAX_DEPTH => return Err(Trouble::TooDeep),
            _ => {}
        }
        self.set(at, State::Open);
        let outcome = self
            .targets(at, above)
            .and_then(|(targets, depth)| if depth > MAX_DEPTH { Err(Trouble::TooDeep) } else { Ok((targets, depth)) });
        let too_deep = || format!("more than {MAX_DEPTH} correlations name one another in a chain");
        match outcome {
            Ok((targets, depth)) => {
                self.order.push(at);
                self.set(at, State::Resolved(targets, depth));
                Ok(depth)
            }
            Err(Trouble::TooDeep) => {
                self.set(at, if above == 0 { State::Refused(too_deep()) } else { State::Unknown });
                Err(Trouble::TooDeep)
            }
            Err(Trouble::Other(reason)) => {
                self.set(at, State::Refused(reason.clone()));
                Err(Trouble::Other(reason))
            }
        }
    }

    fn set(&mut self, at: usize, state: State) {
        if let Some(place) = self.states.get_mut(at) {
            *place = state;
        }
    }

    fn targets(&mut self, at: usize, above: usize) -> Result<(Vec<Target>, usize), Trouble> {
        let correlations = self.correlations;
        let Some(correlation) = correlations.get(at) else { return Ok((Vec::new(), 0)) };
        let (mut targets, mut depth) = (Vec::new(), 1);
        for name in &correlation.rules {
            let target = self.lookup(name, &correlation.info.path)?;
            if targets.contains(&target) {
                return Err(format!("the correlation names the rule '{name}' twice, by its id and by its name").into());
            }
            if let Target::Correlation(other) = target {
                depth = depth.max(1 + self.below(at, name, other, above)?);
            }
            targets.push(target);
        }
        for (alias, rule) in
            correlation.aliases.iter().flat_map(|alias| alias.fields.iter().map(move |(rule, _)| (alias, rule)))
        {
            if !self.lookup(rule, &correlation.info.path).is_ok_and(|target| targets.contains(&target)) {
                let name = &alias.name;
                return Err(
                    format!("the alias '{name}' names '{rule}', which is not among the correlation's rules").into()
                );
            }
        }
        Ok((targets, depth))
    }

    /// How deep it is below a correlation that `at` names.
    fn below(&mut self, at: usize, name: &str, other: usize, above: usize) -> Result<usize, Trouble> {
        if other == at {
            return Err(Trouble::Other("the correlation names itself".into()));
        }
        if matches!(self.states.get(other), Some(State::Open)) {
            let reason =
                format!("the correlation names '{name}', by which it is named in turn: they stand in a circle");
            return Err(reason.into());
        }
        self.resolve(other, above + 1).map_err(|trouble| match trouble {
            Trouble::Other(reason) => {
                format!("the correlation '{name}', which it names, cannot be used: {reason}").into()
            }
            Trouble::TooDeep => Trouble::TooDeep,
        })
    }

    /// The rule of an id or name; of several with one name, that of the same file.
    fn lookup(&self, name: &str, path: &str) -> Result<Target, String> {
        if let Some(target) = self.by_id.get(name) {
            return Ok(*target);
        }
        let named = self.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        let here: Vec<_> = named.iter().filter(|(_, other)| *other == path).collect();
        match (here.as_slice(), named) {
            ([(target, _)], _) | ([], [(target, _)]) => Ok(*target),
            ([], []) => Err(format!("the correlation names '{name}', and no rule that was loaded has that id or name")),
            _ => Err(format!("the correlation names '{name}', and {} rules have that name", named.len())),
        }
    }
}

/// A source that is being followed.
#[derive(Default)]
struct Source {
    fields: Vec<String>,
    /// Whether someone who follows it wants it reported as well.
    generate: bool,
}

impl Source {
    fn field(&mut self, name: &str) -> usize {
        self.fields.iter().position(|known| known == name).unwrap_or_else(|| {
            self.fields.push(name.to_owned());
            self.fields.len() - 1
        })
    }
}

struct Builder<'a> {
    rules: &'a mut [Rule],
    correlations: &'a [Correlation],
    /// By correlation: what it names.
    targets: &'a [Vec<Target>],
    alike: Alike,
    sources: HashMap<Target, Source>,
    /// By correlation: how it uses what it names, in the order of its list.
    uses: HashMap<usize, Vec<Use>>,
}

impl Builder<'_> {
    /// Notes what a correlation needs of the rules it names. Those that name it have been before.
    fn need(&mut self, at: usize) {
        let Some((correlation, targets)) = self.correlations.get(at).zip(self.targets.get(at)) else { return };
        if self.alike.of(Target::Correlation(at)) != Target::Correlation(at) {
            return;
        }
        let passed_on = self.sources.get(&Target::Correlation(at)).map(|own| own.fields.clone()).unwrap_or_default();
        let mut uses = Vec::new();
        for (element, (target, reference)) in (0..=u8::MAX).zip(targets.iter().zip(&correlation.rules)) {
            let (info, name) = self.info(*target);
            let is_meant = |rule: &str| rule == reference || rule == info.id || (rule == name && !name.is_empty());
            let source = self.sources.entry(self.alike.of(*target)).or_default();
            source.generate |= correlation.generate;
            let mut places = |wanted: &[String]| -> Vec<usize> {
                wanted.iter().map(|field| source.field(meant_by(correlation, field, is_meant))).collect()
            };
            uses.push(Use {
                correlation: at,
                element,
                is_burst: matches!(target, Target::Correlation(_)),
                group: places(&correlation.group_by),
                measured: places(correlation.measure.fields()),
                passed_on: places(&passed_on),
            });
        }
        self.uses.insert(at, uses);
    }

    fn info(&self, target: Target) -> (Arc<RuleInfo>, String) {
        let found = match target {
            Target::Rule(at) => self.rules.get(at).map(|rule| (Arc::clone(&rule.info), rule.name.clone())),
            Target::Correlation(at) => {
                self.correlations.get(at).map(|rule| (Arc::clone(&rule.info), rule.name.clone()))
            }
        };
        found.unwrap_or_else(|| unreachable!("targets are numbers of rules and correlations that are there"))
    }

    fn build(mut self, order: &[usize]) -> Plan {
        let mut plan = Plan::default();
        let mut numbers = HashMap::new();
        for (at, rule) in self.rules.iter_mut().enumerate() {
            rule.spoken_for = self.alike.of(Target::Rule(at)) != Target::Rule(at);
            rule.silent |= rule.spoken_for;
            let Some(source) = self.sources.remove(&Target::Rule(at)) else { continue };
            numbers.insert(Target::Rule(at), plan.uses.len());
            rule.silent |= !source.generate;
            rule.followed = Some(Arc::new(Followed { number: plan.uses.len() as u32, fields: source.fields }));
            plan.uses.push(Vec::new());
        }
        for at in order {
            let Some((correlation, targets)) = self.correlations.get(*at).zip(self.targets.get(*at)) else { continue };
            let Some(uses) = self.uses.remove(at) else { continue };
            for (target, used) in targets.iter().zip(uses) {
                if let Some(uses) =
                    numbers.get(&self.alike.of(*target)).and_then(|number: &usize| plan.uses.get_mut(*number))
                {
                    uses.push(Use { correlation: plan.correlations.len(), ..used });
                }
            }
            numbers.insert(Target::Correlation(*at), plan.uses.len());
            let reported = self.alike.reported(*at);
            let told = reported.unwrap_or(*at);
            plan.correlations.push(Planned {
                info: self.info(Target::Correlation(told)).0,
                timespan: correlation.timespan,
                measure: correlation.measure.clone(),
                test: correlation.condition.clone(),
                group_by: correlation.group_by.clone(),
                elements: self.targets.get(told).into_iter().flatten().map(|target| self.info(*target).0).collect(),
                silent: reported.is_none(),
                source: plan.uses.len(),
            });
            plan.uses.push(Vec::new());
        }
        plan
    }
}

/// The field that a correlation means by a name in the events of a rule.
fn meant_by<'c>(correlation: &'c Correlation, name: &'c str, is_meant: impl Fn(&str) -> bool) -> &'c str {
    let alias = correlation.aliases.iter().find(|alias| alias.name == name);
    let field = alias.and_then(|alias| alias.fields.iter().find(|(rule, _)| is_meant(rule)));
    field.map_or(name, |(_, field)| field)
}
