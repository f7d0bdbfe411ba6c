//! The detector: rules at work on events.

use std::sync::Arc;

use event::{Class, Detector, Encoding, Event, Finding, Interest, LogSource, Matched, Place, Slot, TextGroup, Value};

use crate::{
    compile::{Classes, Node, Program, ProgramRule},
    fold::fold_into,
    memo::{MAX_BYTES, Memo},
    test::Matcher,
};

/// Rules, compiled; cheap to clone and shared by all threads.
#[derive(Clone)]
pub struct Rules {
    pub(crate) classes: Arc<Classes>,
}

impl Rules {
    /// A detector for one thread.
    pub fn detector(&self) -> SigmaDetector {
        SigmaDetector {
            classes: Arc::clone(&self.classes),
            programs: Vec::new(),
            memos: Vec::new(),
            state: State::default(),
        }
    }
}

/// Looks at events with all rules; one thread's own.
pub struct SigmaDetector {
    classes: Arc<Classes>,
    /// By class, once used.
    programs: Vec<Option<Arc<Program>>>,
    /// By class and slot: what was found out about values.
    memos: Vec<Vec<Memo>>,
    state: State,
}

/// What is known of the event at hand. Truths are stamped with the event's number instead of being cleared.
#[derive(Default)]
struct State {
    event: u32,
    /// By test: twice the event's number, plus one if true.
    truths: Vec<u32>,
    /// By rule of the program: the number of the event for which it is a candidate already.
    queued: Vec<u32>,
    candidates: Vec<u32>,
    text: String,
    folded: String,
    hits: Vec<u32>,
}

impl State {
    fn begin(&mut self, tests: usize, rules: usize) {
        if self.event >= u32::MAX / 2 - 1 {
            self.event = 0;
            self.truths.fill(0);
            self.queued.fill(0);
        }
        self.event += 1;
        self.truths.resize(self.truths.len().max(tests), 0);
        self.queued.resize(self.queued.len().max(rules), 0);
        self.candidates.clear();
    }

    fn learn(&mut self, test: u32, truth: bool) {
        if let Some(known) = self.truths.get_mut(test as usize) {
            *known = self.event * 2 + u32::from(truth);
        }
    }

    fn truth(&self, test: u32) -> Option<bool> {
        let known = *self.truths.get(test as usize)?;
        (known / 2 == self.event).then_some(known % 2 == 1)
    }

    fn queue(&mut self, rule: u32) {
        if let Some(queued) = self.queued.get_mut(rule as usize)
            && *queued != self.event
        {
            *queued = self.event;
            self.candidates.push(rule);
        }
    }

    /// Marks a test as true and queues the rules that wait for it.
    fn hit(&mut self, test: u32, program: &Program) {
        self.learn(test, true);
        if let Some(rules) = program.anchored.get(test as usize) {
            rules.iter().for_each(|rule| self.queue(*rule));
        }
    }
}

impl SigmaDetector {
    fn program(&mut self, class: Class) -> Option<Arc<Program>> {
        let index = class.0 as usize;
        if let Some(Some(program)) = self.programs.get(index) {
            return Some(Arc::clone(program));
        }
        let program = self.classes.program(class)?;
        if self.programs.len() <= index {
            self.programs.resize(index + 1, None);
            self.memos.resize_with(index + 1, Vec::new);
        }
        if let (Some(known), Some(memos)) = (self.programs.get_mut(index), self.memos.get_mut(index)) {
            *known = Some(Arc::clone(&program));
            memos.resize_with(program.slots.len(), Memo::default);
        }
        Some(program)
    }

    fn scan_fields(&mut self, program: &Program, event: &Event<'_>) {
        let Some(memos) = self.memos.get_mut(event.class.0 as usize) else { return };
        for (slot, value) in event.fields {
            let Some((views, memo)) = program.slots.get(*slot as usize).zip(memos.get_mut(*slot as usize)) else {
                continue;
            };
            if matches!(value, Value::Null) {
                // Null has no text; of all tests on text only the one for the empty text takes it.
                self.state.text.clear();
                self.state.folded.clear();
                scan_value(program, views, &mut self.state);
            } else if !memo.recall(value, &mut self.state.hits) {
                read_text(value, &mut self.state.text, &mut self.state.folded);
                scan_value(program, views, &mut self.state);
                memo.remember(value, &self.state.hits);
            }
            let hits = std::mem::take(&mut self.state.hits);
            hits.iter().for_each(|test| self.state.hit(*test, program));
            self.state.hits = hits;
        }
    }

    fn scan_words(&mut self, program: &Program, event: &Event<'_>) {
        let state = &mut self.state;
        event.record.visit(&mut |_, value| {
            read_text(&value, &mut state.text, &mut state.folded);
            let mut hits = std::mem::take(&mut state.hits);
            hits.clear();
            let matcher = |test: u32| program.tests.get(test as usize).map(|test| &test.matcher);
            program.words.scan(&state.text, &state.folded, matcher, &mut |test| hits.push(test));
            hits.iter().for_each(|test| state.hit(*test, program));
            state.hits = hits;
        });
    }

    fn forget_if_full(&mut self) {
        let bytes: usize = self.memos.iter().flatten().map(Memo::bytes).sum();
        if bytes > MAX_BYTES {
            self.memos.iter_mut().flatten().for_each(Memo::clear);
        }
    }
}

/// Puts the numbers of all tests that the value in `state.text` satisfies into `state.hits`.
fn scan_value(program: &Program, views: &[crate::compile::View], state: &mut State) {
    let mut hits = std::mem::take(&mut state.hits);
    hits.clear();
    let matcher = |test: u32| program.tests.get(test as usize).map(|test| &test.matcher);
    for view in views {
        let translated = view.translate(&state.text);
        if translated == state.text {
            view.scanner.scan(&state.text, &state.folded, matcher, &mut |test| hits.push(test));
        } else {
            view.scanner.scan(translated, &crate::fold::fold(translated), matcher, &mut |test| hits.push(test));
        }
    }
    hits.sort_unstable();
    hits.dedup();
    state.hits = hits;
}

/// The value's text, and the same case-folded.
fn read_text(value: &Value<'_>, text: &mut String, folded: &mut String) {
    text.clear();
    folded.clear();
    value.write_text(text);
    fold_into(text, folded);
}

impl Detector for SigmaDetector {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        self.classes.class(source)
    }

    fn interest(&self, class: Class) -> Arc<Interest> {
        self.classes.program(class).map(|program| Arc::clone(&program.interest)).unwrap_or_default()
    }

    fn text_hits(&mut self, group: TextGroup, raw: &[u8], encoding: Encoding, hits: &mut Vec<usize>) -> bool {
        self.classes.text_hits(group, raw, encoding, hits)
    }

    fn look(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>) {
        let Some(program) = self.program(event.class) else { return };
        self.state.begin(program.tests.len(), program.rules.len());
        self.scan_fields(&program, event);
        if event.text && program.interest.text.is_some() {
            self.scan_words(&program, event);
        }
        program.always.iter().for_each(|rule| self.state.queue(*rule));
        let mut candidates = std::mem::take(&mut self.state.candidates);
        candidates.sort_unstable();
        for rule in candidates.iter().filter_map(|index| program.rules.get(*index as usize)) {
            let mut evaluation = Evaluation { program: &program, event, state: &mut self.state };
            if evaluation.holds(&rule.node) {
                findings.push(evaluation.finding(rule, &self.classes));
            }
        }
        self.state.candidates = candidates;
        self.forget_if_full();
    }
}

/// One event, asked by one rule.
struct Evaluation<'a, 'e> {
    program: &'a Program,
    event: &'a Event<'e>,
    state: &'a mut State,
}

impl Evaluation<'_, '_> {
    fn holds(&mut self, node: &Node) -> bool {
        match node {
            Node::All(terms) => terms.iter().all(|term| self.holds(term)),
            Node::Any(terms) => terms.iter().any(|term| self.holds(term)),
            Node::Not(term) => !self.holds(term),
            Node::Test(test) => self.ask(*test),
        }
    }

    fn ask(&mut self, number: u32) -> bool {
        if let Some(truth) = self.state.truth(number) {
            return truth;
        }
        let Some(test) = self.program.tests.get(number as usize).filter(|test| test.lazy) else { return false };
        let truth = match (&test.matcher, test.slot) {
            (Matcher::Exists(wanted), Some(slot)) => values(self.event, slot).next().is_some() == *wanted,
            (Matcher::Null, Some(slot)) => values(self.event, slot).all(|value| matches!(value, Value::Null)),
            (_, Some(slot)) => values(self.event, slot).any(|value| self.satisfies(&value, number)),
            (_, None) => self.event.text && self.any_word(number),
        };
        self.state.learn(number, truth);
        truth
    }

    /// Whether one value satisfies a test about its text.
    fn satisfies(&mut self, value: &Value<'_>, number: u32) -> bool {
        let Some(test) = self.program.tests.get(number as usize) else { return false };
        if matches!(value, Value::Null) {
            return matches!(&test.matcher, Matcher::Pattern { pattern, .. } if pattern.as_literal() == Some(""));
        }
        let (mut text, mut folded) = (std::mem::take(&mut self.state.text), std::mem::take(&mut self.state.folded));
        read_text(value, &mut text, &mut folded);
        let view =
            test.slot.and_then(|slot| self.program.slots.get(slot as usize)).and_then(|views| views.get(test.view));
        if let Some(translated) = view.and_then(|view| view.translation.get(&text)) {
            text.clone_from(translated);
            folded.clear();
            fold_into(&text, &mut folded);
        }
        let truth = match (&test.matcher, test.other) {
            (Matcher::FieldRef { open_start, open_end, cased, .. }, Some(other)) => {
                let mut others = values(self.event, other).filter(|value| !matches!(value, Value::Null));
                others.any(|other| {
                    let other = other.text();
                    if *cased {
                        relates(&text, &other, *open_start, *open_end)
                    } else {
                        relates(&folded, &crate::fold::fold(&other), *open_start, *open_end)
                    }
                })
            }
            (matcher, _) => matcher.matches(&text, &folded),
        };
        (self.state.text, self.state.folded) = (text, folded);
        truth
    }

    fn any_word(&mut self, number: u32) -> bool {
        let Some(test) = self.program.tests.get(number as usize) else { return false };
        let mut found = false;
        let (mut text, mut folded) = (String::new(), String::new());
        self.event.record.visit(&mut |_, value| {
            if !found {
                read_text(&value, &mut text, &mut folded);
                found = test.matcher.matches(&text, &folded);
            }
        });
        found
    }

    fn finding(&mut self, rule: &ProgramRule, classes: &Classes) -> Finding {
        let mut matched: Vec<Matched> = rule
            .known
            .iter()
            .map(|(field, value)| Matched { field: field.to_string(), value: value.clone() })
            .collect();
        self.collect(&rule.node, &mut matched);
        let info = classes.rules().get(rule.rule as usize).map(|rule| Arc::clone(&rule.info));
        let info = info.unwrap_or_else(|| unreachable!("a program's rules are the rules it was made of"));
        let place = Place { piece: Arc::clone(self.event.piece), position: self.event.record.position() };
        Finding::new(&info, self.event.time, place, self.event.record, matched)
    }

    /// The fields and values that made the rule true.
    fn collect(&mut self, node: &Node, matched: &mut Vec<Matched>) {
        match node {
            Node::Not(_) => {}
            Node::All(terms) => terms.iter().for_each(|term| self.collect(term, matched)),
            Node::Any(terms) => terms.iter().for_each(|term| {
                if self.holds(term) {
                    self.collect(term, matched);
                }
            }),
            Node::Test(number) => {
                if self.ask(*number) {
                    self.collect_test(*number, matched);
                }
            }
        }
    }

    fn collect_test(&mut self, number: u32, matched: &mut Vec<Matched>) {
        let Some(test) = self.program.tests.get(number as usize) else { return };
        let mut add = |value: String| {
            let value = Matched { field: test.field.to_string(), value };
            if !matched.contains(&value) {
                matched.push(value);
            }
        };
        match test.slot {
            Some(slot) => {
                let only = values(self.event, slot).count() == 1;
                let satisfying = values(self.event, slot).filter(|value| only || self.satisfies(value, number));
                satisfying.for_each(|value| add(value.text().into_owned()));
            }
            None => self.event.record.visit(&mut |_, value| {
                let text = value.text();
                if test.matcher.matches(&text, &crate::fold::fold(&text)) {
                    add(text.into_owned());
                }
            }),
        }
    }
}

/// The values of a slot's field.
fn values<'e>(event: &Event<'e>, slot: Slot) -> impl Iterator<Item = Value<'e>> + use<'e> {
    event.fields.iter().filter(move |(other, _)| *other == slot).map(|(_, value)| *value)
}

fn relates(text: &str, other: &str, open_start: bool, open_end: bool) -> bool {
    match (open_start, open_end) {
        (false, false) => text == other,
        (false, true) => text.starts_with(other),
        (true, false) => text.ends_with(other),
        (true, true) => text.contains(other),
    }
}
