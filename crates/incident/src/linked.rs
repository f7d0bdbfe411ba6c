//! The detector: another one, whose findings get their context, and beside it traces of what connects findings.

use std::sync::Arc;

use event::{Class, Detector, Encoding, Event, Interest, LogSource, Seen, Slot, TextGroup, Value, Values};
use foldhash::HashMap;

use crate::{
    context::{Contexts, is_nothing, push_kept},
    trace::{Kind, TRACES},
};

/// Classes of records that are traced are counted from here; a detector's own are fewer.
const FIRST: u32 = 3 << 30;
/// Bytes of a value that a trace keeps.
const MAX_VALUE: usize = 256;

/// A detector whose findings say who and what was concerned, and which observes what may connect them.
pub struct Linked<D> {
    inner: D,
    /// Whether anybody links; if not, it is as the other one.
    links: bool,
    classes: HashMap<(Class, Kind), Class>,
    traced: HashMap<Class, Traced>,
    contexts: Contexts,
    values: Vec<String>,
    packed: Vec<u8>,
}

/// What is known of a class whose records are traced.
struct Traced {
    inner: Class,
    kind: Kind,
    wanted: Arc<Interest>,
    interest: Arc<Interest>,
    slots: Vec<Option<Slot>>,
}

impl Traced {
    fn new(inner: Class, kind: Kind, wanted: Arc<Interest>) -> Self {
        // Of a class that only words make interesting nothing else is decoded.
        let mut interest = if wanted.wanted { Interest::clone(&wanted) } else { Interest::default() };
        let slot = |field: &&str| if field.is_empty() { None } else { interest.slot(field) };
        let slots = kind.fields().iter().map(slot).collect();
        interest.want_all();
        Self { inner, kind, wanted, interest: Arc::new(interest), slots }
    }
}

/// Whether what a record says of which a correlation may be is told, too: of those that are few, and of which no field joins the correlation's
/// events that would say it.
fn is_told_whole(source: &LogSource<'_>) -> bool {
    matches!(source.channel, "mail" | "conversation" | "file" | "tree")
}

impl<D: Detector> Linked<D> {
    /// One that gives the findings of `inner` their context, if they are to be linked.
    pub fn new(inner: D, links: bool) -> Self {
        let (classes, traced) = (HashMap::default(), HashMap::default());
        Self { inner, links, classes, traced, contexts: Contexts::default(), values: Vec::new(), packed: Vec::new() }
    }

    fn trace(&mut self, event: &Event<'_>, seen: &mut Seen) {
        let Some(Traced { kind, slots, .. }) = self.traced.get(&event.class) else { return };
        let (kind, slots) = (*kind, slots.as_slice());
        let value = |slot: Option<Slot>| {
            let value = slot.and_then(|slot| event.fields.iter().find(|(one, _)| *one == slot));
            value.map_or(Value::Null, |(_, value)| *value)
        };
        let ends = [slots.first(), slots.last()].map(|slot| value(slot.copied().flatten()).text());
        let [first, last] = ends.each_ref().map(|text| if is_nothing(text) { "" } else { text });
        if event.time.is_none() || !kind.is_wanted(first, last) {
            return;
        }
        let host = event.record.host();
        self.values.resize_with(slots.len(), String::new);
        for (text, slot) in self.values.iter_mut().zip(slots) {
            text.clear();
            push_kept(&value(*slot), MAX_VALUE, text);
        }
        self.packed.clear();
        kind.pack(&host, &self.values, &mut self.packed);
        seen.observations.push_packed(event.time, TRACES, event.record.position(), Values::packed(&self.packed));
    }
}

impl<D: Detector> Detector for Linked<D> {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        let inner = self.inner.class(source);
        let Some(kind) = Kind::of(source).filter(|_| self.links) else { return inner };
        let next = Class(FIRST + self.classes.len() as u32);
        let class = *self.classes.entry((inner, kind)).or_insert(next);
        let traced = || Traced::new(inner, kind, self.inner.interest(inner));
        self.traced.entry(class).or_insert_with(traced);
        class
    }

    fn interest(&self, class: Class) -> Arc<Interest> {
        match self.traced.get(&class) {
            Some(traced) => Arc::clone(&traced.interest),
            None => self.inner.interest(class),
        }
    }

    fn text_hits(&mut self, group: TextGroup, raw: &[u8], encoding: Encoding, hits: &mut Vec<usize>) -> bool {
        self.inner.text_hits(group, raw, encoding, hits)
    }

    fn look(&mut self, event: &Event<'_>, seen: &mut Seen) {
        if !self.links {
            return self.inner.look(event, seen);
        }
        let (before, observed) = (seen.findings.len(), seen.observations.len());
        match self.traced.get(&event.class) {
            None => self.inner.look(event, seen),
            Some(Traced { inner, wanted, .. }) => {
                if wanted.wanted && (event.text || !wanted.text_only) {
                    self.inner.look(&Event { class: *inner, ..*event }, seen);
                }
                self.trace(event, seen);
            }
        }
        let found = seen.findings.get_mut(before..).unwrap_or_default();
        if !found.is_empty() {
            let context = self.contexts.of(event);
            found.iter_mut().for_each(|finding| finding.context = Arc::clone(&context));
        }
        if seen.observations.len() > observed && event.time.is_some() && is_told_whole(&event.record.source()) {
            let context = self.contexts.of(event);
            self.packed.clear();
            let values = context.iter().flat_map(|one| [&one.field, &one.value]);
            Kind::Event.pack(&event.record.host(), values, &mut self.packed);
            seen.observations.push_packed(event.time, TRACES, event.record.position(), Values::packed(&self.packed));
        }
    }
}
