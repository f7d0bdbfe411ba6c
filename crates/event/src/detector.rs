use std::{borrow::Cow, collections::HashMap, sync::Arc};

use foldhash::HashSet;

use crate::{LogSource, Piece, Position, Seen, Time, Value};

/// A detector's number for all log sources that it treats alike. Readers keep it beside what they
/// know of a record's shape, so that a record's log source is looked up once, not for every record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(pub u32);

/// Index into [`Interest::fields`].
pub type Slot = u16;

/// A detector's number for a set of words that may stand anywhere in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextGroup(pub u32);

/// What a detector wants to be shown of the events of one [`Class`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Whether there is anything at all to be found; if not, [`Detector::look`] need not be called.
    pub wanted: bool,
    /// Names of the fields to decode, as `docs/fields.md` has them; a field's index is its [`Slot`].
    pub fields: Vec<String>,
    /// Set if some rule asks for a word anywhere in the record: which words those are. Classes of the same
    /// number have the same words, so one call of [`Detector::text_hits`] serves them all.
    pub text: Option<TextGroup>,
    /// Whether nothing can be found in an event in which none of these words may stand: [`Detector::look`] need not be called.
    pub text_only: bool,
    /// Set if nothing can be found in an event in which no word may stand unless one of its values is among these, either of them case-folded: then
    /// [`Detector::look`] need not be called for others.
    pub needed: Option<Needed>,
    /// Set if whether anything is found in an event in which no word may stand depends on its values alone, and not on those of these fields, which are
    /// only carried along: where nothing was found in an event, nothing is found in another one that has the same other values.
    pub carried: Option<Vec<Slot>>,
}

impl Interest {
    /// Makes every event one that is asked for, whatever stands in it.
    pub fn want_all(&mut self) {
        (self.wanted, self.text_only, self.needed, self.carried) = (true, false, None, None);
    }

    /// The slot of a field, which is asked for from now on if it was not before; `None` where there are too many already.
    pub fn slot(&mut self, field: &str) -> Option<Slot> {
        let known = self.fields.iter().position(|one| one == field);
        let slot = Slot::try_from(known.unwrap_or(self.fields.len())).ok()?;
        if known.is_none() {
            self.fields.push(field.to_owned());
        }
        Some(slot)
    }
}

/// A field and its values without one of which an event is of no interest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needed {
    /// The field.
    pub slot: Slot,
    /// Its values, case-folded.
    pub values: HashSet<String>,
    /// Further values, each of which does not count in every event.
    pub unless: Vec<Unless>,
}

/// A value that counts unless the event's text begins or ends like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unless {
    /// The value.
    pub value: &'static str,
    /// How the text begins where it does not count.
    pub beginning: &'static str,
    /// How it ends there.
    pub ending: &'static str,
}

impl Unless {
    /// Whether the value counts in an event of this text.
    pub fn counts(&self, text: &str) -> bool {
        !text.starts_with(self.beginning) && !text.ends_with(self.ending)
    }
}

/// Whether a character stands in every format as it is: ASCII without controls, quotes, `/`, `\\`, `&`, `<` and `>`.
pub const fn is_plain(c: char) -> bool {
    c.is_ascii() && !c.is_ascii_control() && !matches!(c, '"' | '\'' | '\\' | '/' | '&' | '<' | '>')
}

/// How text lies in raw bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 of a format that writes some characters in another way (`\\`, `&lt;`); those of [`is_plain`] stand as they are.
    Utf8,
    /// UTF-8 in which every character stands for itself.
    RawText,
    /// UTF-16 little endian, at any alignment.
    Utf16Le,
}

/// One record of evidence, decoded as far as the detector asked.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    /// The piece of evidence it stands in.
    pub piece: &'a Arc<Piece>,
    /// What the detector called its log source.
    pub class: Class,
    /// When it happened, in so far as the record says.
    pub time: Option<Time>,
    /// The fields asked for that the record has. A slot stands there once for each value of its field.
    pub fields: &'a [(Slot, Value<'a>)],
    /// Whether words may stand in the record that some rule looks for anywhere and cannot do without. Never false where they do.
    pub text: bool,
    /// The whole record, for whoever needs more.
    pub record: &'a dyn Record,
}

/// A whole record, decoded when asked; slower than an [`Event`]'s fields.
pub trait Record {
    /// What kind of record it is.
    fn source(&self) -> LogSource<'_>;
    /// The machine it was written on; empty where the record does not say.
    fn host(&self) -> Cow<'_, str>;
    /// Where it stands within its piece of evidence.
    fn position(&self) -> Position;
    /// Every field with its name and value, in the order of the record; a field of several values once for each.
    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>));

    /// How many events of this kind it stands for, as it says itself: `message repeated 3 times: [ … ]`.
    fn times(&self) -> u64 {
        1
    }

    /// Every value in which a word may be looked for that may stand anywhere in the record: what stands there, without what
    /// a reader made of it (the name that it gives to an action, say).
    fn visit_text(&self, visit: &mut dyn FnMut(Value<'_>)) {
        self.visit(&mut |_, value| visit(value));
    }
}

/// Looks at one event at a time, in any order. A detector is one thread's own; what it shares with those
/// of other threads is immutable.
pub trait Detector {
    /// The class of a log source. The number of classes is bounded by the rules, whatever the evidence holds.
    fn class(&mut self, source: &LogSource<'_>) -> Class;

    /// What is wanted of a class's events; the same as long as the detector lives.
    fn interest(&self, class: Class) -> Arc<Interest>;

    /// Finds the places in raw bytes (of many records at once) where the words of `group` may stand, and appends
    /// their offsets in rising order. May only rule out: a record that holds such a word holds a hit within
    /// its bytes. Words are looked for by their plain characters ([`is_plain`]; in raw text, all of ASCII). Only a reader knows whether these, too, may be written in another way
    /// in a record (`\u0041`, `&#65;`); such a record is a hit. Returns false where no such ruling out is possible; every record is then a hit.
    fn text_hits(&mut self, group: TextGroup, raw: &[u8], encoding: Encoding, hits: &mut Vec<usize>) -> bool;

    /// Looks at an event and appends what was seen, in an order that depends on the rules alone.
    fn look(&mut self, event: &Event<'_>, seen: &mut Seen);
}

/// What a detector wants of the records of one log source, asked for by names.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What the detector calls the log source.
    pub class: Class,
    /// What it wants of it.
    pub interest: Arc<Interest>,
    slots: HashMap<String, Slot>,
}

impl Wanted {
    /// What `detector` wants of `source`.
    pub fn of(source: &LogSource<'_>, detector: &mut dyn Detector) -> Self {
        let class = detector.class(source);
        let interest = detector.interest(class);
        // Where a name stands twice the first one counts.
        let slots = interest.fields.iter().cloned().zip(0..Slot::MAX).rev().collect();
        Self { class, interest, slots }
    }

    /// The slot of a field, if it is asked for.
    pub fn slot(&self, field: &str) -> Option<Slot> {
        self.slots.get(field).copied()
    }
}

/// Looks for nothing: what a reader does, and what others build upon.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Detector for Nothing {
    fn class(&mut self, _: &LogSource<'_>) -> Class {
        Class(0)
    }

    fn interest(&self, _: Class) -> Arc<Interest> {
        Arc::default()
    }

    fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
        false
    }

    fn look(&mut self, _: &Event<'_>, _: &mut Seen) {}
}

/// Shows every event to a function, which asks its record for what it wants.
#[derive(Clone, Copy, Debug)]
pub struct Everything<F>(pub F);

impl<F: FnMut(&Event<'_>)> Detector for Everything<F> {
    fn class(&mut self, _: &LogSource<'_>) -> Class {
        Class(0)
    }

    fn interest(&self, _: Class) -> Arc<Interest> {
        Arc::new(Interest { wanted: true, ..Interest::default() })
    }

    fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
        false
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        (self.0)(event);
    }
}
