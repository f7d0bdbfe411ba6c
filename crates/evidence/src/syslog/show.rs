//! What a detector wants of messages, program by program; the same wherever a message was kept.

use std::{collections::HashMap, hash::BuildHasher, sync::Arc};

use event::{Class, Detector, Interest, LogSource, Needed, Slot, Value};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::{facts::Facts, header::Header, programs::Program};
use crate::json::pass::Values;

/// Programs that are remembered; their names are at most 255 bytes long.
const MAX_PROGRAMS: usize = 4096;

/// What kind of record a program's message is: all of them are of the channel `syslog`.
pub(crate) fn source(program: &str) -> LogSource<'_> {
    LogSource { product: "linux", channel: "syslog", provider: program, event_id: 0 }
}

/// Fields of the header that a detector may want, with how to get them.
const HEADER_FIELDS: [HeaderField; 8] = [
    ("message", |header| header.message),
    ("program", |header| header.program),
    ("pid", |header| header.pid),
    ("host", |header| header.host),
    ("facility", |header| header.facility),
    ("severity", |header| header.severity),
    ("message_id", |header| header.message_id),
    ("structured_data", |header| header.data),
];

/// A field's name and how to get it.
type HeaderField = (&'static str, for<'a> fn(&Header<'a>) -> &'a str);

/// What the detector wants of a class.
struct Wanted {
    class: Class,
    interest: Arc<Interest>,
    /// Which of [`HEADER_FIELDS`] are wanted.
    header: Vec<(Slot, HeaderField)>,
    /// All other fields, by name.
    others: HashMap<String, Slot, RandomState>,
}

impl Wanted {
    fn new(class: Class, interest: Arc<Interest>) -> Self {
        let (mut header, mut others) = (Vec::new(), HashMap::default());
        for (name, slot) in interest.fields.iter().zip(0..Slot::MAX) {
            match HEADER_FIELDS.iter().find(|(known, _)| known == name) {
                Some(field) => header.push((slot, *field)),
                None => drop(others.entry(name.clone()).or_insert(slot)),
            }
        }
        Self { class, interest, header, others }
    }
}

/// What is remembered of a program.
pub(crate) struct Known {
    name: String,
    program: Program,
    wanted: Arc<Wanted>,
}

impl Known {
    pub(crate) fn class(&self) -> Class {
        self.wanted.class
    }

    pub(crate) fn interest(&self) -> &Interest {
        &self.wanted.interest
    }

    /// The slot of a field that is not of the header.
    pub(crate) fn slot(&self, name: &str) -> Option<Slot> {
        self.wanted.others.get(name).copied()
    }

    /// The actions without one of which a message is of no interest, if there are such.
    pub(crate) fn needed_actions(&self) -> Option<&Needed> {
        self.wanted.interest.needed.as_ref().filter(|needed| self.slot("action") == Some(needed.slot))
    }

    /// Tells the facts of a message, if they are wanted.
    pub(crate) fn facts<'a>(&self, header: &Header<'a>, facts: &mut Facts<'a>) {
        if !self.wanted.others.is_empty() {
            self.program.facts(header.program, header.message, facts);
        }
    }

    /// Appends the wanted values of a message with these facts.
    pub(crate) fn values<'v, 'a: 'v>(&self, header: &Header<'a>, facts: &'v Facts<'a>, values: &mut Values<'v>) {
        let told = self.wanted.header.iter().map(|(slot, (_, get))| (*slot, get(header)));
        values.extend(told.filter(|(_, text)| !text.is_empty()).map(|(slot, text)| (slot, Value::Text(text))));
        values.extend(facts.iter().filter_map(|(name, text)| Some((self.slot(name)?, Value::Text(text)))));
    }

    /// Every field of a message; `told` are its facts, if [`Known::facts`] was asked for them.
    pub(crate) fn visit(&self, header: &Header<'_>, told: &Facts<'_>, visit: &mut dyn FnMut(&str, Value<'_>)) {
        for (name, get) in HEADER_FIELDS {
            let text = get(header);
            if !text.is_empty() {
                visit(name, Value::Text(text));
            }
        }
        let mut tell = |facts: &Facts<'_>| facts.iter().for_each(|(name, text)| visit(name, Value::Text(text)));
        if self.wanted.others.is_empty() {
            let mut facts = Facts::default();
            self.program.facts(header.program, header.message, &mut facts);
            tell(&facts);
        } else {
            tell(told);
        }
    }
}

/// The programs met so far, with what one detector wants of their messages.
#[derive(Default)]
pub(crate) struct Programs {
    list: Vec<Arc<Known>>,
    /// By name: the place in the list.
    places: HashTable<usize>,
    hasher: RandomState,
    by_class: HashMap<Class, Arc<Wanted>>,
    /// The program asked for last; logs repeat themselves.
    last: usize,
}

impl Programs {
    /// What is known of a program's records.
    pub(crate) fn known(&mut self, name: &str, detector: &mut dyn Detector) -> Arc<Known> {
        let is = |place: &usize| self.list.get(*place).is_some_and(|known| known.name == name);
        if !is(&self.last)
            && let Some(place) = self.places.find(self.hasher.hash_one(name), is)
        {
            self.last = *place;
        }
        match self.list.get(self.last).filter(|known| known.name == name) {
            Some(known) => Arc::clone(known),
            None => self.learn(name, detector),
        }
    }

    /// Asks the detector about a program's records.
    fn learn(&mut self, name: &str, detector: &mut dyn Detector) -> Arc<Known> {
        let class = detector.class(&source(name));
        let interest = || Arc::new(Wanted::new(class, detector.interest(class)));
        let wanted = Arc::clone(self.by_class.entry(class).or_insert_with(interest));
        let known = Arc::new(Known { name: name.to_owned(), program: Program::named(name), wanted });
        if self.list.len() >= MAX_PROGRAMS {
            self.list.clear();
            self.places.clear();
        }
        self.last = self.list.len();
        let hash_of =
            |place: &usize| self.hasher.hash_one(self.list.get(*place).map_or("", |known| known.name.as_str()));
        self.places.insert_unique(self.hasher.hash_one(name), self.last, hash_of);
        self.list.push(Arc::clone(&known));
        known
    }
}
