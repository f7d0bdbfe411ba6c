//! What is to be done with the events of one class.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    hash::BuildHasher,
    sync::Arc,
};

use event::{Event, Interest, Observations, Slot, Value};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::{
    compile::{
        anchor::{self, Cost},
        fold::{self, Constant},
        needed,
        scanner::{Scanned, Scanner, ScannerBuilder},
        words,
    },
    pattern::{Part, Pattern},
    rule::Rule,
    taxonomy::Entry,
    test::{Expr, Matcher, Test},
};

/// A rule's condition with tests by number.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// All of these.
    All(Box<[Node]>),
    /// One of these.
    Any(Box<[Node]>),
    /// Not this.
    Not(Box<Node>),
    /// A test of the program.
    Test(u32),
}

/// One rule, as far as it is not decided by the class.
pub struct ProgramRule {
    /// Its number among all rules.
    pub rule: u32,
    /// What is left to ask.
    pub node: Node,
    /// The tests that the class has answered already: Sigma's name of the field, and which it is.
    pub known: Vec<(Arc<str>, Constant)>,
    /// Whether it is not reported on its own.
    pub silent: bool,
    /// What it tells correlations.
    pub followed: Option<Carried>,
}

/// What is carried along of an event that satisfies a rule which correlations name.
pub struct Carried {
    /// The rule's number as a source.
    number: u32,
    fields: Vec<CarriedField>,
}

/// Where a field stands that is carried along.
struct CarriedField {
    slot: Slot,
    /// Index into the slot's views.
    view: usize,
    /// Whether it is one of [`HOST_FIELDS`].
    is_host: bool,
}

/// Names that correlations give the machine, whatever the log calls it.
const HOST_FIELDS: [&str; 6] = ["Computer", "ComputerName", "Hostname", "hostname", "host", "host.name"];

impl Carried {
    /// Tells of an event, in the words of the rules. Of a field of several values it is the first that is carried along.
    pub fn observe(&self, event: &Event<'_>, program: &Program, observations: &mut Observations) {
        let host = event.record.host();
        let host = || Some(Cow::Borrowed(&*host)).filter(|host| !host.is_empty());
        let values = self.fields.iter().map(|field| {
            let value = event.fields.iter().find(|(slot, _)| *slot == field.slot).map(|(_, value)| value);
            let text = value.filter(|value| !matches!(value, Value::Null)).map(Value::text);
            let view = program.slots.get(usize::from(field.slot)).and_then(|views| views.get(field.view));
            let translated =
                text.as_deref().and_then(|text| view?.translation.get(text)).map(|text| Cow::Borrowed(text.as_str()));
            translated.or(text).or_else(|| host().filter(|_| field.is_host))
        });
        let values = std::iter::once(host()).chain(values);
        observations.push(event.time, self.number, event.record.position(), values);
    }
}

/// A test, bound to where its field stands in the record.
pub struct BoundTest {
    /// Sigma's name of the field; empty for a word anywhere in the record.
    pub field: Arc<str>,
    /// Its slot; `None` for a word anywhere.
    pub slot: Option<Slot>,
    /// The slot of the other field of a `fieldref`, and the index into its views.
    pub other: Option<(Slot, usize)>,
    /// Index into the slot's views.
    pub view: usize,
    /// What is asked.
    pub matcher: Matcher,
    /// Whether no scanner answers it: it is asked only when a rule needs the answer.
    pub lazy: bool,
}

/// One way to look at a field's values: as they are, or translated into the words of the rules.
#[derive(Default)]
pub struct View {
    /// Value in the record → value as rules write it; empty for values as they are.
    pub translation: BTreeMap<String, String>,
    /// The tests on it.
    pub scanner: Scanner,
}

impl View {
    /// Appends the numbers of all tests that a value satisfies, as it is or translated, given its text and the same case-folded.
    pub fn scan(&self, text: &str, folded: &str, program: &Program, scanned: &mut Scanned, hits: &mut Vec<u32>) {
        let matcher = |test| program.matcher(test);
        let mut hit = |test| hits.push(test);
        if let Some(translated) = self.translation.get(text) {
            self.scanner.scan(translated, &crate::fold::fold(translated), matcher, scanned, &mut hit);
        }
        self.scanner.scan(text, folded, matcher, scanned, &mut hit);
    }
}

/// All rules of one class.
pub struct Program {
    /// What readers are told.
    pub interest: Arc<Interest>,
    /// The tests, by number.
    pub tests: Vec<BoundTest>,
    /// By slot.
    pub slots: Vec<Vec<View>>,
    /// Tests for words anywhere in the record.
    pub words: Scanner,
    /// Words that rules cannot do without ([`words::needed`]).
    pub needed_words: Vec<Option<Pattern>>,
    /// The rules, in the order in which they were loaded.
    pub rules: Vec<ProgramRule>,
    /// By test: the rules (indices into `rules`) whose anchor it is.
    pub anchored: Vec<Vec<u32>>,
    /// Rules that can be true without any anchor.
    pub always: Vec<u32>,
}

/// A rule that can apply to a class, with the taxonomy's entry for it.
pub struct Candidate<'r> {
    /// Its number among all rules.
    pub number: u32,
    /// The rule.
    pub rule: &'r Rule,
    /// What its fields are called.
    pub entry: &'r Entry,
}

impl Program {
    /// Compiles the rules of a class. Candidates of one rule stand together; the rule applies if one of them does.
    pub fn compile(candidates: &[Candidate<'_>], known: &fold::Known<'_>) -> Self {
        let mut builder = Builder::default();
        for same in candidates.chunk_by(|a, b| a.number == b.number) {
            builder.add(same, known);
        }
        builder.finish()
    }

    /// A test's matcher.
    pub fn matcher(&self, test: u32) -> Option<&Matcher> {
        self.tests.get(test as usize).map(|test| &test.matcher)
    }
}

#[derive(Default)]
struct Builder<'r> {
    tests: Vec<BoundTest>,
    /// The tests' numbers, found by what is asked of which values.
    numbers: HashTable<u32>,
    hashes: Vec<u64>,
    hasher: RandomState,
    uses: Vec<u32>,
    fields: Vec<String>,
    slots: HashMap<String, Slot>,
    views: Vec<Vec<BTreeMap<String, String>>>,
    rules: Vec<ProgramRule>,
    words: Vec<Option<Pattern>>,
    current: Option<&'r Entry>,
}

impl<'r> Builder<'r> {
    fn add(&mut self, same: &[Candidate<'r>], known: &fold::Known<'_>) {
        let mut alternatives = Vec::new();
        let mut known_fields = Vec::new();
        let mut first = None;
        for candidate in same {
            let conditions = conditions(candidate.entry);
            if [&candidate.rule.expr, &conditions].iter().any(|expr| fold::truth(expr, known) == Some(false)) {
                continue;
            }
            self.current = Some(candidate.entry);
            first = first.or(Some(candidate));
            let mut terms = Vec::new();
            [&candidate.rule.expr, &conditions].iter().for_each(|expr| self.add_terms(expr, known, &mut terms, true));
            alternatives.push(joined(terms, Node::All));
            answered(&candidate.rule.expr, known, &mut known_fields);
            self.words.extend(words::needed(&candidate.rule.expr).into_iter().map(|word| word.cloned()));
        }
        let Some(first) = first else { return };
        self.current = Some(first.entry);
        let followed = first.rule.followed.as_ref().map(|followed| Carried {
            number: followed.number,
            fields: followed.fields.iter().map(|field| self.carried(field)).collect(),
        });
        let node = joined(alternatives, Node::Any);
        self.rules.push(ProgramRule {
            rule: first.number,
            node,
            known: known_fields,
            silent: first.rule.silent,
            followed,
        });
    }

    fn carried(&mut self, field: &str) -> CarriedField {
        let (slot, view) = self.places(field).first().copied().unwrap_or_default();
        CarriedField { slot, view, is_host: HOST_FIELDS.contains(&field) }
    }

    /// Adds what of `expr` is not known to the terms that are joined by "and" (`all`) or "or", in which what joins in the same
    /// way is one list.
    fn add_terms(&mut self, expr: &Expr, known: &fold::Known<'_>, terms: &mut Vec<Node>, all: bool) {
        match expr {
            _ if fold::truth(expr, known) == Some(all) => {}
            Expr::All(inner) if all => inner.iter().for_each(|term| self.add_terms(term, known, terms, all)),
            Expr::Any(inner) if !all => inner.iter().for_each(|term| self.add_terms(term, known, terms, all)),
            other => terms.push(self.node(other, known)),
        }
    }

    /// The node of an expression whose truth is not known.
    fn node(&mut self, expr: &Expr, known: &fold::Known<'_>) -> Node {
        let mut terms = Vec::new();
        match expr {
            Expr::All(_) => {
                self.add_terms(expr, known, &mut terms, true);
                joined(terms, Node::All)
            }
            Expr::Any(_) => {
                self.add_terms(expr, known, &mut terms, false);
                joined(terms, Node::Any)
            }
            Expr::Not(term) => Node::Not(Box::new(self.node(term, known))),
            Expr::Test(test) => self.bound(test),
        }
    }

    /// A test of a field, wherever in the record its values stand.
    fn bound(&mut self, test: &Test) -> Node {
        let own = test
            .field
            .as_deref()
            .map_or_else(|| vec![None], |field| self.places(field).into_iter().map(Some).collect());
        let others = match &test.matcher {
            Matcher::FieldRef { other, .. } => self.places(other).into_iter().map(Some).collect(),
            _ => vec![None],
        };
        let pairs = own.iter().flat_map(|own| others.iter().map(move |other| (*own, *other)));
        let terms: Vec<Node> = pairs.map(|(own, other)| Node::Test(self.test(test, own, other))).collect();
        let of_all = matches!(test.matcher, Matcher::Null | Matcher::Exists(false));
        joined(terms, if of_all { Node::All } else { Node::Any })
    }

    fn test(&mut self, test: &Test, own: Option<(Slot, usize)>, other: Option<(Slot, usize)>) -> u32 {
        let (slot, view) = (own.map(|(slot, _)| slot), own.map_or(0, |(_, view)| view));
        let hash = self.hasher.hash_one((test, slot, view, other));
        let is_same = |number: &u32| {
            self.tests.get(*number as usize).is_some_and(|bound| {
                (bound.slot, bound.view, bound.other) == (slot, view, other)
                    && *bound.field == *test.field.as_deref().unwrap_or_default()
                    && bound.matcher == test.matcher
            })
        };
        if let Some(number) = self.numbers.find(hash, is_same) {
            if let Some(uses) = self.uses.get_mut(*number as usize) {
                *uses += 1;
            }
            return *number;
        }
        let number = self.tests.len() as u32;
        let field = test.field.clone().unwrap_or_else(|| "".into());
        self.tests.push(BoundTest { field, slot, other, view, matcher: test.matcher.clone(), lazy: true });
        self.uses.push(1);
        self.hashes.push(hash);
        let rehash = |number: &u32| self.hashes.get(*number as usize).copied().unwrap_or_default();
        self.numbers.insert_unique(hash, number, rehash);
        number
    }

    /// Where the values of a field stand, by Sigma's name: slots, and indices into their views.
    fn places(&mut self, field: &str) -> Vec<(Slot, usize)> {
        let names = self.current.and_then(|entry| entry.fields.get(field));
        let slots: Vec<Slot> = match names {
            Some(names) => names.iter().map(|name| self.slot(name)).collect(),
            None => vec![self.slot(field)],
        };
        slots.into_iter().map(|slot| (slot, self.view(slot, field))).collect()
    }

    /// The slot of a field by its name in the record.
    fn slot(&mut self, name: &str) -> Slot {
        if let Some(slot) = self.slots.get(name) {
            return *slot;
        }
        let slot = self.fields.len() as Slot;
        self.fields.push(name.to_owned());
        self.slots.insert(name.to_owned(), slot);
        self.views.push(Vec::new());
        slot
    }

    fn view(&mut self, slot: Slot, field: &str) -> usize {
        let translation = self.current.and_then(|entry| entry.values.get(field)).cloned().unwrap_or_default();
        let Some(views) = self.views.get_mut(slot as usize) else { return 0 };
        if let Some(index) = views.iter().position(|view| *view == translation) {
            return index;
        }
        views.push(translation);
        views.len() - 1
    }

    fn finish(mut self) -> Program {
        let mut words = ScannerBuilder::default();
        let mut scanners: Vec<Vec<ScannerBuilder>> =
            self.views.iter().map(|views| views.iter().map(|_| ScannerBuilder::default()).collect()).collect();
        let mut lengths = vec![0; self.tests.len()];
        for (number, test) in self.tests.iter_mut().enumerate() {
            let scanner = match test.slot {
                None => Some(&mut words),
                Some(slot) => scanners.get_mut(slot as usize).and_then(|views| views.get_mut(test.view)),
            };
            test.lazy = !scanner.is_some_and(|scanner| scanner.add(number as u32, &test.matcher));
            if let (false, Some(length)) = (test.lazy, lengths.get_mut(number)) {
                *length = literal_length(&test.matcher);
            }
        }
        let cost = Cost { uses: &self.uses, lengths: &lengths };
        let mut anchored = vec![Vec::new(); self.tests.len()];
        let mut always = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            match anchor::anchors(&rule.node, &cost) {
                None => always.push(index as u32),
                Some(tests) => tests.iter().for_each(|test| {
                    anchored.get_mut(*test as usize).into_iter().for_each(|rules| rules.push(index as u32));
                }),
            }
        }
        let needed = needed::among(&self.rules, &self.tests, &self.views);
        let views = self.views.into_iter().zip(scanners).map(|(translations, scanners)| {
            let view = |(translation, scanner): (_, ScannerBuilder)| View { translation, scanner: scanner.build() };
            translations.into_iter().zip(scanners).map(view).collect()
        });
        let (wanted, text_only) = (!self.rules.is_empty(), always.is_empty() && self.fields.is_empty());
        let asked: HashSet<Slot> =
            self.tests.iter().flat_map(|test| [test.slot, test.other.map(|(slot, _)| slot)]).flatten().collect();
        let carried = (0..self.fields.len() as Slot).filter(|slot| !asked.contains(slot)).collect();
        Program {
            interest: Arc::new(Interest {
                wanted,
                fields: self.fields,
                text: None,
                text_only,
                needed,
                carried: Some(carried),
            }),
            slots: views.collect(),
            words: words.build(),
            needed_words: self.words,
            tests: self.tests,
            rules: self.rules,
            anchored,
            always,
        }
    }
}

/// What the taxonomy's entry asks besides the rule.
fn conditions(entry: &Entry) -> Expr {
    let one_of = |(field, values): (&String, &Vec<String>)| {
        let value = |value: &String| {
            let matcher = Matcher::Pattern { pattern: Pattern::literal(value.as_str()).folded(), cased: false };
            Expr::Test(Test { field: Some(field.as_str().into()), matcher })
        };
        Expr::Any(values.iter().map(value).collect())
    };
    Expr::All(entry.conditions.iter().map(one_of).collect())
}

fn joined(mut terms: Vec<Node>, join: fn(Box<[Node]>) -> Node) -> Node {
    if terms.len() == 1 { terms.remove(0) } else { join(terms.into()) }
}

/// Collects the tests that the class itself satisfies, for a finding's matched fields.
fn answered(expr: &Expr, known: &fold::Known<'_>, fields: &mut Vec<(Arc<str>, Constant)>) {
    match expr {
        Expr::All(terms) | Expr::Any(terms) => terms.iter().for_each(|term| answered(term, known, fields)),
        Expr::Not(_) => {}
        Expr::Test(test) => {
            if let (Some((_, constant)), Some(field)) = (fold::constant(test), &test.field)
                && fold::truth(expr, known) == Some(true)
                && !fields.iter().any(|(other, _)| other == field)
            {
                fields.push((field.clone(), constant));
            }
        }
    }
}

fn literal_length(matcher: &Matcher) -> usize {
    let of = |pattern: &Pattern| {
        let length = |part: &Part| match part {
            Part::Literal(text) => text.len(),
            _ => 0,
        };
        pattern.parts().iter().map(length).max().unwrap_or(0)
    };
    match matcher {
        // An exact text, even the empty one, is a rare thing to be.
        Matcher::Pattern { pattern, .. } => of(pattern).max(1),
        _ => 3,
    }
}
