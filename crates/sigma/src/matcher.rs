//! The detector: rules at work on events.

use std::{borrow::Cow, sync::Arc, time::Duration};

use event::{
    Class, Detector, Encoding, Event, Finding, Interest, LogSource, Matched, Place, Seen, Slot, TextGroup, Value,
};

use crate::{
    compile::{BoundTest, Classes, Constant, Node, Program, ProgramRule, Scanned, SourceCache, View},
    correlate::{Correlator, Limits, Plan},
    fold::{fold, fold_into},
    memo::{MAX_BYTES, Memo, Outcomes},
    test::Matcher,
};

/// Rules, compiled; cheap to clone and shared by all threads.
#[derive(Clone)]
pub struct Rules {
    pub(crate) classes: Arc<Classes>,
    pub(crate) plan: Arc<Plan>,
    /// Correlations that were not refused.
    pub(crate) correlations: usize,
    /// Of those the ones that can find nothing; they were told as not applicable.
    pub(crate) idle: usize,
}

impl Rules {
    /// The follower that runs the correlations; `skew` is how much the clocks of machines may differ.
    pub fn correlator(&self, skew: Duration, limits: Limits) -> Correlator {
        Correlator::new(Arc::clone(&self.plan), skew, limits)
    }

    /// How many rules there are, those that are only there for correlations too.
    pub fn all(&self) -> usize {
        self.classes.rules().len() + self.correlations()
    }

    /// How many of them are correlations, whatever they have in common.
    pub fn correlations(&self) -> usize {
        self.correlations.saturating_sub(self.idle)
    }

    /// How many rules can find something: detections and correlations, but for those that are only there for other correlations.
    pub fn count(&self) -> usize {
        let detections = self.classes.rules().iter().filter(|rule| !rule.silent).count();
        let correlations = self.plan.correlations.iter().filter(|planned| !planned.silent).count();
        detections + correlations.saturating_sub(self.idle)
    }

    /// A detector for one thread.
    pub fn detector(&self) -> SigmaDetector {
        SigmaDetector {
            classes: Arc::clone(&self.classes),
            known: SourceCache::default(),
            programs: Vec::new(),
            memos: Vec::new(),
            outcomes: Vec::new(),
            scanned: Scanned::default(),
            state: State::default(),
        }
    }
}

/// How often, in events, it is seen to whether the memos are full. What comes between is little beside their bound.
const FORGET_EVERY: u32 = 1024;

/// Looks at events with all rules; one thread's own.
pub struct SigmaDetector {
    classes: Arc<Classes>,
    known: SourceCache,
    /// By class, once used.
    programs: Vec<Option<Arc<Program>>>,
    /// By class and slot: what was found out about values.
    memos: Vec<Vec<Memo>>,
    /// By class: what came of tests.
    outcomes: Vec<Outcomes>,
    scanned: Scanned,
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
    /// The tests that were found true by scanning.
    found: Vec<u32>,
    /// Whether a test was asked that no scan answers.
    asked: bool,
    /// The rules that are satisfied.
    satisfied: Vec<u32>,
    /// By the value's place in the event: its text, once someone asked for it.
    texts: Vec<Text>,
    hits: Vec<u32>,
}

/// A value's text.
#[derive(Default)]
struct Text {
    /// The event it belongs to.
    event: u32,
    text: String,
    /// The same, case-folded.
    folded: String,
}

impl Text {
    fn read(&mut self, value: &Value<'_>) {
        self.text.clear();
        self.folded.clear();
        value.write_text(&mut self.text);
        fold_into(&self.text, &mut self.folded);
    }
}

impl State {
    fn begin(&mut self, tests: usize, rules: usize, values: usize) {
        if self.event >= u32::MAX / 2 - 1 {
            self.event = 0;
            self.truths.fill(0);
            self.queued.fill(0);
            self.texts.clear();
        }
        self.event += 1;
        self.truths.resize(self.truths.len().max(tests), 0);
        self.queued.resize(self.queued.len().max(rules), 0);
        self.texts.resize_with(self.texts.len().max(values), Text::default);
        self.candidates.clear();
        self.found.clear();
        self.asked = false;
    }

    /// The text of the event's value at `index`.
    fn text(&mut self, index: usize, value: &Value<'_>) -> Option<&Text> {
        let text = self.texts.get_mut(index)?;
        if text.event != self.event {
            text.event = self.event;
            text.read(value);
        }
        Some(text)
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

    /// Finds the candidates that are satisfied.
    fn evaluate(&mut self, program: &Program, event: &Event<'_>, satisfied: &mut Vec<u32>) {
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.sort_unstable();
        satisfied.extend(candidates.iter().copied().filter(|index| {
            let rule = program.rules.get(*index as usize);
            rule.is_some_and(|rule| Evaluation { program, event, state: self }.holds(&rule.node))
        }));
        self.candidates = candidates;
    }

    /// Tells of a rule that is satisfied.
    fn tell(&mut self, rule: &ProgramRule, program: &Program, event: &Event<'_>, classes: &Classes, seen: &mut Seen) {
        if let Some(followed) = &rule.followed {
            let before = seen.observations.len();
            followed.observe(event, program, &mut seen.observations);
            if seen.observations.len() > before {
                seen.observations.repeat_last(event.record.times());
            }
        }
        if !rule.silent {
            seen.findings.push(Evaluation { program, event, state: self }.finding(rule, classes));
        }
    }

    /// Marks a test as true and queues the rules that wait for it.
    fn hit(&mut self, test: u32, program: &Program) {
        self.learn(test, true);
        self.found.push(test);
        if let Some(rules) = program.anchored.get(test as usize) {
            rules.iter().for_each(|rule| self.queue(*rule));
        }
    }
}

impl SigmaDetector {
    /// Takes the program of a class; it is put back by [`Self::put_back`]. Taking is cheaper than sharing.
    fn take_program(&mut self, class: Class) -> Option<Arc<Program>> {
        let index = class.0 as usize;
        if let Some(known) = self.programs.get_mut(index).and_then(Option::take) {
            return Some(known);
        }
        let program = self.classes.program(class)?;
        if self.programs.len() <= index {
            self.programs.resize(index + 1, None);
            self.memos.resize_with(index + 1, Vec::new);
            self.outcomes.resize_with(index + 1, Outcomes::default);
        }
        if let Some(memos) = self.memos.get_mut(index) {
            memos.resize_with(program.slots.len(), Memo::default);
        }
        Some(program)
    }

    fn put_back(&mut self, class: Class, program: Arc<Program>) {
        if let Some(place) = self.programs.get_mut(class.0 as usize) {
            *place = Some(program);
        }
    }

    fn scan_fields(&mut self, program: &Program, event: &Event<'_>) {
        let Some(memos) = self.memos.get_mut(event.class.0 as usize) else { return };
        let mut hits = std::mem::take(&mut self.state.hits);
        for (index, (slot, value)) in event.fields.iter().enumerate() {
            let slot = usize::from(*slot);
            let Some((views, memo)) = program.slots.get(slot).zip(memos.get_mut(slot)) else { continue };
            if !memo.recall(value, &mut hits) {
                hits.clear();
                let Some(text) = self.state.text(index, value) else { continue };
                let scanned = &mut self.scanned;
                views.iter().for_each(|view| view.scan(&text.text, &text.folded, program, scanned, &mut hits));
                memo.remember(value, &hits);
            }
            hits.iter().for_each(|test| self.state.hit(*test, program));
        }
        self.state.hits = hits;
    }

    fn scan_words(&mut self, program: &Program, event: &Event<'_>) {
        let mut hits = std::mem::take(&mut self.state.hits);
        let mut text = Text::default();
        let scanned = &mut self.scanned;
        hits.clear();
        event.record.visit_text(&mut |value| {
            text.read(&value);
            let hit = &mut |test| hits.push(test);
            program.words.scan(&text.text, &text.folded, |test| program.matcher(test), scanned, hit);
        });
        hits.iter().for_each(|test| self.state.hit(*test, program));
        self.state.hits = hits;
    }

    /// Finds out which candidates are satisfied, and tells of them.
    fn judge(&mut self, program: &Program, event: &Event<'_>, seen: &mut Seen) {
        let Some(outcomes) = self.outcomes.get_mut(event.class.0 as usize) else { return };
        let state = &mut self.state;
        let (mut found, mut satisfied) = (std::mem::take(&mut state.found), std::mem::take(&mut state.satisfied));
        found.sort_unstable();
        found.dedup();
        satisfied.clear();
        match outcomes.recall(&found) {
            Some(known) => satisfied.extend_from_slice(known),
            None => {
                state.evaluate(program, event, &mut satisfied);
                if !state.asked {
                    outcomes.remember(&found, &satisfied);
                }
            }
        }
        let rules = satisfied.iter().filter_map(|index| program.rules.get(*index as usize));
        rules.for_each(|rule| state.tell(rule, program, event, &self.classes, seen));
        (state.found, state.satisfied) = (found, satisfied);
    }

    fn forget_if_full(&mut self) {
        let bytes: usize = self.memos.iter().flatten().map(Memo::bytes).sum();
        if bytes > MAX_BYTES {
            self.memos.iter_mut().flatten().for_each(Memo::clear);
        }
    }
}

impl Detector for SigmaDetector {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        self.known.class(source, &self.classes)
    }

    fn interest(&self, class: Class) -> Arc<Interest> {
        self.classes.program(class).map(|program| Arc::clone(&program.interest)).unwrap_or_default()
    }

    fn text_hits(&mut self, group: TextGroup, raw: &[u8], encoding: Encoding, hits: &mut Vec<usize>) -> bool {
        self.classes.text_hits(group, raw, encoding, hits)
    }

    fn look(&mut self, event: &Event<'_>, seen: &mut Seen) {
        let Some(program) = self.take_program(event.class) else { return };
        self.state.begin(program.tests.len(), program.rules.len(), event.fields.len());
        self.scan_fields(&program, event);
        if event.text && program.interest.text.is_some() {
            self.scan_words(&program, event);
        }
        program.always.iter().for_each(|rule| self.state.queue(*rule));
        if !self.state.candidates.is_empty() {
            self.judge(&program, event, seen);
        }
        self.put_back(event.class, program);
        if self.state.event.is_multiple_of(FORGET_EVERY) {
            self.forget_if_full();
        }
    }
}

/// One event, asked by one rule.
struct Evaluation<'a, 'e> {
    program: &'a Program,
    event: &'a Event<'e>,
    state: &'a mut State,
}

impl<'a> Evaluation<'a, '_> {
    fn holds(&mut self, node: &Node) -> bool {
        match node {
            Node::All(terms) => !self.is_ruled_out(terms) && terms.iter().all(|term| self.holds(term)),
            Node::Any(terms) => terms.iter().any(|term| self.holds(term)),
            Node::Not(term) => !self.holds(term),
            Node::Test(test) => self.ask(*test),
        }
    }

    /// Whether one of these is a test that is known to be false without being asked; most rules end here.
    fn is_ruled_out(&self, terms: &[Node]) -> bool {
        terms.iter().any(|term| match term {
            Node::Test(number) => self.state.truth(*number).map_or_else(|| !self.is_lazy(*number), |truth| !truth),
            _ => false,
        })
    }

    fn is_lazy(&self, number: u32) -> bool {
        self.program.tests.get(number as usize).is_some_and(|test| test.lazy)
    }

    fn ask(&mut self, number: u32) -> bool {
        if let Some(truth) = self.state.truth(number) {
            return truth;
        }
        let Some(test) = self.program.tests.get(number as usize).filter(|test| test.lazy) else { return false };
        self.state.asked = true;
        let truth = match (&test.matcher, test.slot) {
            (Matcher::Exists(wanted), Some(slot)) => values(self.event, slot).next().is_some() == *wanted,
            (Matcher::Null, Some(slot)) => values(self.event, slot).all(|(_, value)| matches!(value, Value::Null)),
            (_, Some(slot)) => values(self.event, slot).any(|(index, value)| self.satisfies(index, &value, test)),
            (_, None) => self.event.text && self.words(test).next().is_some(),
        };
        self.state.learn(number, truth);
        truth
    }

    /// Whether one value satisfies a test about its text.
    fn satisfies(&mut self, index: usize, value: &Value<'_>, test: &BoundTest) -> bool {
        if matches!(value, Value::Null) {
            return test.matcher.takes_null();
        }
        if let (Matcher::FieldRef { open_start, open_end, cased, .. }, Some(other)) = (&test.matcher, test.other) {
            let texts = self.texts(test.slot.map(|slot| (slot, test.view)), value);
            return values(self.event, other.0).filter(|(_, value)| !matches!(value, Value::Null)).any(|(_, value)| {
                let others = self.texts(Some(other), &value);
                let pairs = texts.iter().flat_map(|text| others.iter().map(move |other| (text, other)));
                pairs.into_iter().any(|(text, other)| relates(text, other, *open_start, *open_end, *cased))
            });
        }
        let view = self.view(test.slot.map(|slot| (slot, test.view)));
        let Some(text) = self.state.text(index, value) else { return false };
        let translated = view.and_then(|view| view.translation.get(&text.text));
        test.matcher.matches(&text.text, &text.folded)
            || translated.is_some_and(|translated| test.matcher.matches(translated, &fold(translated)))
    }

    fn view(&self, place: Option<(Slot, usize)>) -> Option<&'a View> {
        let (slot, view) = place?;
        self.program.slots.get(usize::from(slot))?.get(view)
    }

    /// A value's text, and the same in the words of the rules.
    fn texts<'v>(&self, place: Option<(Slot, usize)>, value: &'v Value<'_>) -> Vec<Cow<'v, str>> {
        let text = value.text();
        let translated = self.view(place).and_then(|view| view.translation.get(&*text));
        translated.map(|translated| Cow::Owned(translated.clone())).into_iter().chain([text]).collect()
    }

    /// The values of the whole record that satisfy a test for a word anywhere.
    fn words(&self, test: &BoundTest) -> impl Iterator<Item = String> + use<> {
        let mut found = Vec::new();
        self.event.record.visit_text(&mut |value| {
            let text = value.text();
            if test.matcher.matches(&text, &fold(&text)) {
                found.push(text.into_owned());
            }
        });
        found.into_iter()
    }

    fn finding(&mut self, rule: &ProgramRule, classes: &Classes) -> Finding {
        let source = self.event.record.source();
        let value = |constant: &Constant| match constant {
            Constant::EventId => source.event_id.to_string(),
            Constant::Provider => source.provider.to_owned(),
        };
        let known = rule.known.iter();
        let mut matched: Vec<Matched> =
            known.map(|(field, constant)| Matched { field: field.to_string(), value: value(constant) }).collect();
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
        let satisfying: Vec<String> = match test.slot {
            None => self.words(test).collect(),
            Some(slot) => {
                let only = values(self.event, slot).nth(1).is_none();
                let values = values(self.event, slot);
                values
                    .filter(|(index, value)| only || self.satisfies(*index, value, test))
                    .map(|(_, value)| value.text().into_owned())
                    .collect()
            }
        };
        for value in satisfying {
            let value = Matched { field: test.field.to_string(), value };
            if !matched.contains(&value) {
                matched.push(value);
            }
        }
    }
}

/// The values of a slot's field, each with its place in the event.
fn values<'e>(event: &Event<'e>, slot: Slot) -> impl Iterator<Item = (usize, Value<'e>)> + use<'e> {
    let values = event.fields.iter().enumerate();
    values.filter(move |(_, (other, _))| *other == slot).map(|(index, (_, value))| (index, *value))
}

fn relates(text: &str, other: &str, open_start: bool, open_end: bool, cased: bool) -> bool {
    let (text, other) = if cased { (text.to_owned(), other.to_owned()) } else { (fold(text), fold(other)) };
    match (open_start, open_end) {
        (false, false) => text == other,
        (false, true) => text.starts_with(&other),
        (true, false) => text.ends_with(&other),
        (true, true) => text.contains(&other),
    }
}
