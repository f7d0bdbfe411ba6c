//! Reads blocks of entries, of either format, and hands over the fields that are wanted.

use std::{borrow::Cow, marker::PhantomData, ops::Range, sync::Arc};

use event::{Detector, Event, LogSource, Piece, Position, Record, Value};

use super::entry::{Believed, Entry};
use crate::{
    Block, Output, Reader,
    json::pass::{Damages, Lines, Words, count, many_lines},
    syslog::{
        facts::Facts,
        header::Header,
        show::{Known, Programs, source},
    },
};

const NO_ENTRY: &str = "expected an entry with __REALTIME_TIMESTAMP, __CURSOR or MESSAGE, found none of them";

/// Takes what stands in a block, in its order.
pub(super) trait Sink<'a> {
    fn entry(&mut self, entry: Entry<'a>, range: Range<usize>);
    fn damage(&mut self, at: usize, reason: &str);
}

/// A way in which entries are written.
pub(super) trait Entries: Default {
    /// The block in the form in which its entries are read.
    fn text<'b>(bytes: &'b [u8], line: u64, notes: &mut Vec<String>) -> Cow<'b, [u8]>;

    /// Goes through the block's entries.
    fn each<'a>(bytes: &'a [u8], sink: &mut dyn Sink<'a>);
}

/// Reads blocks. Serves one detector as long as it lives, since it remembers that detector's answers.
#[derive(Default)]
pub(super) struct JournalReader<E> {
    programs: Programs,
    entries: PhantomData<E>,
}

/// A block that is being read.
struct Pass<'a, 'r> {
    piece: &'r Arc<Piece>,
    bytes: &'a [u8],
    lines: Lines<'a>,
    words: Words,
    damages: Damages,
    programs: &'r mut Programs,
    detector: &'r mut dyn Detector,
    output: &'r mut Output,
    /// The first line of an entry that has bytes which are not UTF-8, and how many more there are; the same for values left out.
    broken: Option<(u64, usize)>,
    left_out: Option<(u64, usize)>,
}

impl<E: Entries> Reader for JournalReader<E> {
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output) {
        output.damages.extend(block.damages.iter().cloned());
        let text = E::text(&block.bytes, block.line, &mut output.notes);
        let mut pass = Pass {
            piece,
            bytes: &text,
            lines: Lines::new(&text, block.line),
            words: Words::default(),
            damages: Damages::default(),
            programs: &mut self.programs,
            detector,
            output,
            broken: None,
            left_out: None,
        };
        E::each(&text, &mut pass);
        pass.end();
    }
}

impl Pass<'_, '_> {
    fn end(mut self) {
        if let Some((first, more)) = self.broken {
            let place = many_lines(first, more);
            self.output.notes.push(format!("{place}: bytes that are not UTF-8 were read as U+FFFD"));
        }
        if let Some((first, more)) = self.left_out {
            let place = many_lines(first, more);
            let reason = "journalctl left out values as too long; `journalctl --all` writes them";
            self.output.notes.push(format!("{place}: {reason}"));
        }
        self.output.damages.append(&mut self.damages.list);
    }

    fn note(&mut self, entry: &Entry<'_>, at: usize) {
        if entry.broken {
            count(&mut self.broken, self.lines.line(at));
        }
        if entry.fields.iter().any(|field| field.value.is_none()) {
            count(&mut self.left_out, self.lines.line(at));
        }
    }

    fn show(&mut self, entry: &Entry<'_>, range: Range<usize>) {
        let believed = entry.believed();
        let header = entry.header(&believed);
        let known = self.programs.known(header.program, &mut *self.detector);
        let interest = known.interest();
        if !interest.wanted {
            return;
        }
        let (words, bytes, detector) = (&mut self.words, self.bytes, &mut *self.detector);
        let may_stand = |group| entry.hidden || words.may_stand(group, bytes, range.clone(), Vec::new, detector);
        let text = interest.text.is_some_and(may_stand);
        if interest.text_only && !text {
            return;
        }
        let mut facts = Facts::default();
        let mut values = Vec::new();
        known.facts(&header, &mut facts);
        known.values(&header, &facts, &mut values);
        values.extend(entry.others(&believed).filter_map(|field| Some((known.slot(field.name)?, value(&field.value)))));
        let position = Position::Line(self.lines.line(range.start));
        let record = JournalRecord { entry, believed, header, known: &known, facts: &facts, position };
        let event = Event {
            piece: self.piece,
            class: known.class(),
            time: entry.time(),
            fields: &values,
            text,
            record: &record,
        };
        self.detector.look(&event, &mut self.output.seen);
    }
}

impl<'a> Sink<'a> for Pass<'a, '_> {
    fn entry(&mut self, entry: Entry<'a>, range: Range<usize>) {
        if !entry.is_whole() {
            self.damage(range.start, NO_ENTRY);
            return;
        }
        self.output.records += 1;
        self.damages.good();
        self.note(&entry, range.start);
        self.show(&entry, range);
    }

    fn damage(&mut self, at: usize, reason: &str) {
        self.damages.push(&self.lines, at, reason);
    }
}

fn value<'v>(value: &'v Option<Cow<'_, str>>) -> Value<'v> {
    value.as_deref().map_or(Value::Null, Value::Text)
}

/// An entry, taken apart further when asked.
struct JournalRecord<'a, 'e> {
    entry: &'a Entry<'e>,
    believed: Believed,
    header: Header<'a>,
    known: &'a Known,
    facts: &'a Facts<'a>,
    position: Position,
}

impl Record for JournalRecord<'_, '_> {
    fn source(&self) -> LogSource<'_> {
        source(self.header.program)
    }

    fn host(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.header.host)
    }

    fn position(&self) -> Position {
        self.position
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.known.visit(&self.header, self.facts, visit);
        self.entry.others(&self.believed).for_each(|field| visit(field.name, value(&field.value)));
    }

    fn visit_text(&self, visit: &mut dyn FnMut(Value<'_>)) {
        self.entry.fields.iter().for_each(|field| visit(value(&field.value)));
    }
}
