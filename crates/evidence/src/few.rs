//! Records of a few fields, all of one log source, as small formats have them.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use event::{Class, Detector, Event, Interest, LogSource, Piece, Position, Record, Slot, Time, Value};

use crate::{Output, json::pass::Values};

/// A field of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'static str,
    pub(crate) value: Value<'a>,
    /// Whether it stands in the record, rather than being what the reader made of it.
    pub(crate) stands: bool,
}

/// A record, read in full.
pub(crate) struct FewFields<'a> {
    pub(crate) source: LogSource<'a>,
    pub(crate) position: Position,
    pub(crate) fields: &'a [Field<'a>],
}

impl Record for FewFields<'_> {
    fn source(&self) -> LogSource<'_> {
        self.source
    }

    fn host(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn position(&self) -> Position {
        self.position
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.fields.iter().for_each(|field| visit(field.name, field.value));
    }

    fn visit_text(&self, visit: &mut dyn FnMut(Value<'_>)) {
        self.fields.iter().filter(|field| field.stands).for_each(|field| visit(field.value));
    }
}

/// What a detector wants of the records of one log source.
pub(crate) struct Wanted {
    class: Class,
    interest: Arc<Interest>,
    slots: HashMap<String, Slot>,
}

impl Wanted {
    pub(crate) fn of(source: &LogSource<'_>, detector: &mut dyn Detector) -> Self {
        let class = detector.class(source);
        let interest = detector.interest(class);
        // Where a name stands twice the first one counts.
        let slots = interest.fields.iter().cloned().zip(0..Slot::MAX).rev().collect();
        Self { class, interest, slots }
    }

    pub(crate) fn interest(&self) -> &Interest {
        &self.interest
    }

    /// Shows a record to the detector; `text`: see [`Event::text`].
    pub(crate) fn show(
        &self,
        piece: &Arc<Piece>,
        record: &FewFields<'_>,
        time: Option<Time>,
        text: bool,
        detector: &mut dyn Detector,
        output: &mut Output,
    ) {
        let fields = record.fields.iter();
        let fields: Values<'_> = fields.filter_map(|field| Some((*self.slots.get(field.name)?, field.value))).collect();
        let event = Event { piece, class: self.class, time, fields: &fields, text, record };
        detector.look(&event, &mut output.seen);
    }
}
