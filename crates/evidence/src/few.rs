//! Records of a few fields, all of one log source, as small formats have them.

use std::{borrow::Cow, sync::Arc};

use event::{Detector, Event, LogSource, Piece, Position, Record, Time, Value, Wanted};

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

impl FewFields<'_> {
    /// Shows it to a detector; `text`: see [`Event::text`].
    pub(crate) fn show(
        &self,
        wanted: &Wanted,
        piece: &Arc<Piece>,
        time: Option<Time>,
        text: bool,
        detector: &mut dyn Detector,
        output: &mut Output,
    ) {
        let fields = self.fields.iter();
        let fields: Values<'_> = fields.filter_map(|field| Some((wanted.slot(field.name)?, field.value))).collect();
        let event = Event { piece, class: wanted.class, time, fields: &fields, text, record: self };
        detector.look(&event, &mut output.seen);
    }
}
