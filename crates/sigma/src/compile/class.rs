//! From a record's log source to its program. The log source is the key of an index, not one more condition.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use event::{Class, Encoding, Interest, LogSource, TextGroup};

use crate::{
    compile::{
        fold::{self, Constant, Known},
        program::{Candidate, Program},
        text_filter::{TextFilter, is_packed},
        words,
    },
    fold::fold as fold_case,
    pattern::Pattern,
    rule::{LogSourceSpec, Rule},
    taxonomy::{Entry, Taxonomy},
};

/// All rules with their programs, which are compiled when the first event of their class comes.
///
/// Classes are bounded by the rules: channels, providers and numbers that no rule or taxonomy entry names count as one.
#[derive(Default)]
pub struct Classes {
    rules: Vec<Rule>,
    entries: Vec<Entry>,
    /// By rule: indices into `entries`.
    applications: Vec<Vec<u32>>,
    /// Every channel that an entry names, case-folded.
    channels: BTreeSet<String>,
    /// By product: words that raw bytes are searched for on behalf of all classes that ask for no others.
    shared_words: BTreeMap<String, Vec<Pattern>>,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    logs: HashMap<LogKey, Arc<Log>>,
    classes: HashMap<ClassKey, Class>,
    programs: Vec<Arc<Program>>,
    groups: Vec<Arc<Group>>,
}

/// Product and channel; the channel is empty where no entry names it.
type LogKey = (String, String);
/// Log, provider (empty: any that no rule names), number (`None`: any that no rule names).
type ClassKey = (LogKey, String, Option<u32>);

/// What the rules of one channel tell apart.
struct Log {
    /// Rules that can apply, each with the entries by which it does.
    rules: Vec<(u32, Vec<u32>)>,
    event_ids: BTreeSet<u32>,
    providers: BTreeSet<String>,
}

/// The words that the rules of some classes look for anywhere in a record.
struct Group {
    patterns: Vec<Pattern>,
    filter: Option<TextFilter>,
}

impl Classes {
    /// Indexes rules by log source. Also gives the rules that no evidence can concern, with the reason.
    pub fn new(rules: Vec<Rule>, taxonomy: &Taxonomy) -> (Self, Vec<(Rule, String)>) {
        let mut by_spec: BTreeMap<LogSourceSpec, Result<Vec<u32>, String>> = BTreeMap::new();
        let mut entries = Vec::new();
        let (mut applicable, mut applications, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for rule in rules {
            let found = by_spec.entry(rule.logsource.clone()).or_insert_with(|| {
                let found = taxonomy.entries_for(&rule.logsource)?;
                let first = entries.len() as u32;
                entries.extend(found);
                Ok((first..entries.len() as u32).collect())
            });
            match found {
                Ok(indices) => {
                    applications.push(indices.clone());
                    applicable.push(rule);
                }
                Err(reason) => others.push((rule, reason.clone())),
            }
        }
        let channels = entries.iter().flat_map(|entry| entry.source.channels.iter().cloned()).collect();
        let mut classes = Self { rules: applicable, entries, applications, channels, ..Self::default() };
        classes.shared_words = classes.shared_words();
        (classes, others)
    }

    /// By product the words of as many rules as one vectorised search can look for, rules of broad log sources first; the words of
    /// all rules where those of the broadest log source are already too many.
    fn shared_words(&self) -> BTreeMap<String, Vec<Pattern>> {
        let mut by_entry: BTreeMap<u32, Vec<Pattern>> = BTreeMap::new();
        for (rule, entries) in self.rules.iter().zip(&self.applications) {
            for pattern in words::needed(&rule.expr).into_iter().flatten() {
                entries.iter().for_each(|entry| by_entry.entry(*entry).or_default().push(pattern.clone()));
            }
        }
        let entry = |number: u32| self.entries.get(number as usize);
        let mut sets: Vec<_> =
            by_entry.into_iter().filter_map(|(number, words)| Some((entry(number)?, words))).collect();
        sets.sort_by_key(|(entry, words)| (!entry.source.channels.is_empty(), words.len()));
        let mut shared: BTreeMap<String, (bool, Vec<Pattern>)> = BTreeMap::new();
        for (entry, words) in sets {
            let limited = || (is_packed(words.iter()), Vec::new());
            let (limited, known) = shared.entry(entry.source.product.clone()).or_insert_with(limited);
            let mut together = known.clone();
            words.into_iter().for_each(|word| {
                if !together.contains(&word) {
                    together.push(word)
                }
            });
            if !*limited || is_packed(together.iter()) {
                *known = together;
            }
        }
        shared.into_iter().map(|(product, (_, words))| (product, words)).collect()
    }

    /// The rules, by number.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The class of a log source.
    pub fn class(&self, source: &LogSource<'_>) -> Class {
        let log_key = self.log_key(source);
        let log = self.log(&log_key);
        let provider = fold_case(source.provider);
        let provider = if log.providers.contains(&provider) { provider } else { String::new() };
        let event_id = log.event_ids.contains(&source.event_id).then_some(source.event_id);
        let key = (log_key, provider, event_id);
        if let Some(class) = self.read().classes.get(&key) {
            return *class;
        }
        let mut program = self.compile(&log, &key);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(class) = state.classes.get(&key) {
            return *class;
        }
        let class = Class(state.programs.len() as u32);
        if let Some(group) = state.group(&program, self.shared_words.get(&key.0.0)) {
            program.interest = Arc::new(Interest { text: Some(group), ..(*program.interest).clone() });
        }
        state.programs.push(Arc::new(program));
        state.classes.insert(key, class);
        class
    }

    /// The program of a class.
    pub fn program(&self, class: Class) -> Option<Arc<Program>> {
        self.read().programs.get(class.0 as usize).cloned()
    }

    /// See [`event::Detector::text_hits`].
    pub fn text_hits(&self, group: TextGroup, raw: &[u8], encoding: Encoding, hits: &mut Vec<usize>) -> bool {
        let group = self.read().groups.get(group.0 as usize).cloned();
        group.as_ref().and_then(|group| group.filter.as_ref()).is_some_and(|filter| filter.hits(raw, encoding, hits))
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_key(&self, source: &LogSource<'_>) -> LogKey {
        let channel = fold_case(source.channel);
        let channel = if self.channels.contains(&channel) { channel } else { String::new() };
        let known = self.entries.iter().any(|entry| entry.source.product == source.product);
        (if known { source.product.to_owned() } else { String::new() }, channel)
    }

    fn log(&self, key: &LogKey) -> Arc<Log> {
        if let Some(log) = self.read().logs.get(key) {
            return Arc::clone(log);
        }
        let log = Arc::new(self.index_log(key));
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(state.logs.entry(key.clone()).or_insert(log))
    }

    fn index_log(&self, (product, channel): &LogKey) -> Log {
        let mut log = Log { rules: Vec::new(), event_ids: BTreeSet::new(), providers: BTreeSet::new() };
        for (number, rule) in self.rules.iter().enumerate().filter(|(_, rule)| !rule.spoken_for) {
            let indices = self.applications.get(number).map(Vec::as_slice).unwrap_or_default();
            let can_apply = |index: &&u32| {
                self.entries.get(**index as usize).is_some_and(|entry| {
                    let channels = &entry.source.channels;
                    (entry.source.product.is_empty() || entry.source.product == *product)
                        && (channels.is_empty() || channels.contains(channel))
                })
            };
            let indices: Vec<u32> = indices.iter().filter(can_apply).copied().collect();
            if indices.is_empty() {
                continue;
            }
            for entry in indices.iter().filter_map(|index| self.entries.get(*index as usize)) {
                log.event_ids.extend(&entry.source.event_ids);
                log.providers.extend(entry.source.providers.iter().cloned());
            }
            rule.expr.each_test(&mut |test| match fold::constant(test) {
                Some((literal, Constant::EventId)) => log.event_ids.extend(literal.parse::<u32>().ok()),
                Some((literal, Constant::Provider)) => drop(log.providers.insert(literal.to_owned())),
                None => {}
            });
            log.rules.push((number as u32, indices));
        }
        log
    }

    fn compile(&self, log: &Log, ((product, channel), provider, event_id): &ClassKey) -> Program {
        let mut candidates = Vec::new();
        for (number, indices) in &log.rules {
            let Some(rule) = self.rules.get(*number as usize) else { continue };
            for entry in indices.iter().filter_map(|index| self.entries.get(*index as usize)) {
                let source = &entry.source;
                let by_id = source.event_ids.is_empty() || event_id.is_some_and(|id| source.event_ids.contains(&id));
                let by_provider = source.providers.is_empty() || source.providers.contains(provider);
                let by_channel = source.channels.is_empty() || source.channels.contains(channel);
                let by_product = source.product.is_empty() || source.product == *product;
                if by_id && by_provider && by_channel && by_product {
                    candidates.push(Candidate { number: *number, rule, entry });
                }
            }
        }
        let provider = (!provider.is_empty()).then_some(provider.as_str());
        Program::compile(&candidates, &Known { event_id: *event_id, provider })
    }
}

impl State {
    /// Numbers the words of a program that may stand anywhere. Programs whose words are all among `shared` have one number, so
    /// that raw bytes are searched once for all of them.
    fn group(&mut self, program: &Program, shared: Option<&Vec<Pattern>>) -> Option<TextGroup> {
        program.needed_words.first()?;
        // None: a regular expression is among the words.
        let own: Option<Vec<Pattern>> = program.needed_words.iter().cloned().collect();
        let shared = shared.filter(|words| own.iter().flatten().all(|word| words.contains(word)));
        let number = own.map(|own| shared.and_then(|words| self.searchable(words)).unwrap_or_else(|| self.of(&own)));
        Some(TextGroup(number.unwrap_or_else(|| self.add(Group { patterns: Vec::new(), filter: None }))))
    }

    /// The group of these words; `None` if raw bytes cannot be searched for them in every encoding.
    fn searchable(&mut self, patterns: &[Pattern]) -> Option<u32> {
        let number = self.of(patterns);
        let filter = self.groups.get(number as usize).and_then(|group| group.filter.as_ref());
        filter.is_some_and(TextFilter::is_complete).then_some(number)
    }

    /// The group of these words.
    fn of(&mut self, patterns: &[Pattern]) -> u32 {
        let known = self.groups.iter().position(|group| group.patterns == patterns);
        known.map(|known| known as u32).unwrap_or_else(|| {
            let filter = Some(TextFilter::new(patterns.iter()));
            self.add(Group { patterns: patterns.to_vec(), filter })
        })
    }

    fn add(&mut self, group: Group) -> u32 {
        self.groups.push(Arc::new(group));
        self.groups.len() as u32 - 1
    }
}
