//! Hands records over to a detector: those fields that it wants.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use event::{Class, Detector, Event, Interest, LogSource, Piece, Position, Record, Slot, Value};
use foldhash::fast::RandomState;

use super::{
    access::{IDENTITY, with_tail},
    decode::{Escape, Scratch, Text},
    entry::{COLUMNS, Column, Entry, Source},
    proxies::Proxies,
};
use crate::{
    Block, Output,
    json::pass::{Damages, Lines, Values, Words, reuse},
};

const NO_ZONE: &str = "the lines give no time zone: their times were taken for UTC";

/// A block that is being read.
pub(super) struct Pass<'a> {
    pub(super) piece: &'a Arc<Piece>,
    pub(super) text: &'a str,
    pub(super) lines: Lines<'a>,
    pub(super) damages: Damages,
    words: Words,
    texts: Vec<(Slot, Text<'a>)>,
    no_zone: bool,
}

impl<'a> Pass<'a> {
    pub(super) fn new(piece: &'a Arc<Piece>, text: &'a str, block: &Block) -> Self {
        Self {
            piece,
            text,
            lines: Lines::new(text.as_bytes(), block.line),
            damages: Damages::default(),
            words: Words::of_raw_text(),
            texts: Vec::new(),
            no_zone: false,
        }
    }

    pub(super) fn finish(mut self, output: &mut Output) {
        if self.no_zone {
            output.notes.push(NO_ZONE.to_owned());
        }
        output.damages.append(&mut self.damages.list);
    }
}

/// What the detector wants of a source's records.
struct Wanted {
    class: Class,
    interest: Arc<Interest>,
    columns: Vec<(Slot, Column)>,
    others: HashMap<String, Slot>,
    /// Whether nothing that stands before the time decides whether anything is found in an event without words.
    is_by_tail: bool,
}

/// The columns whose value may stand before the time of an access log's line, or depend on what does.
const HEAD: [Column; 6] = [Column::Client, Column::ClientPort, Column::User, Column::Host, Column::Port, Column::Proxy];

impl Wanted {
    fn new(source: Source, detector: &mut dyn Detector) -> Self {
        let class = detector.class(&source.log_source());
        let interest = detector.interest(class);
        let (mut columns, mut others) = (Vec::new(), HashMap::new());
        for (name, slot) in interest.fields.iter().zip(0..Slot::MAX) {
            match COLUMNS.iter().find(|(_, known)| known == name) {
                Some((column, _)) => columns.push((slot, *column)),
                None => drop(others.entry(name.clone()).or_insert(slot)),
            }
        }
        let is_by_tail = interest.carried.as_ref().is_some_and(|carried| {
            let heads = columns.iter().filter(|(_, column)| HEAD.contains(column)).map(|(slot, _)| slot);
            heads.chain(others.get(IDENTITY)).all(|slot| carried.contains(slot))
        });
        Self { class, interest, columns, others, is_by_tail }
    }
}

/// Shows records to one detector as long as it lives, since it remembers that detector's answers.
#[derive(Default)]
pub(super) struct Shower {
    /// By [`Source`].
    wanted: [Option<Arc<Wanted>>; 6],
    values: Values<'static>,
    scratch: Scratch,
    proxies: Proxies,
    harmless: Tails,
}

/// Tails of access logs' lines in which nothing was found: logs repeat themselves.
#[derive(Default)]
struct Tails {
    known: HashSet<Box<str>, RandomState>,
    bytes: usize,
}

impl Tails {
    /// The most bytes of tails that are kept, and of one.
    const MAX_BYTES: usize = 4 << 20;
    const LONGEST: usize = 1 << 10;

    fn remember(&mut self, tail: &str) {
        if tail.is_empty() || tail.len() > Self::LONGEST {
            return;
        }
        if self.bytes > Self::MAX_BYTES {
            *self = Self::default();
        }
        if self.known.insert(tail.into()) {
            self.bytes += tail.len();
        }
    }
}

impl Shower {
    /// Has those say whose requests they pass on.
    pub(super) fn behind(proxies: Proxies) -> Self {
        Self { proxies, ..Self::default() }
    }

    fn wanted(&mut self, source: Source, detector: &mut dyn Detector) -> Option<Arc<Wanted>> {
        let known = self.wanted.get_mut(source as usize)?;
        Some(Arc::clone(known.get_or_insert_with(|| Arc::new(Wanted::new(source, detector)))))
    }

    /// Takes a line of an access log of which it is known that nothing is found in it, as nothing was in another one with the same request and answer.
    pub(super) fn passes<'a>(
        &mut self,
        pass: &mut Pass<'a>,
        (line, range): (&'a str, Range<usize>),
        entry: &mut Entry<'a>,
        detector: &mut dyn Detector,
        output: &mut Output,
    ) -> bool {
        let Some(Some(wanted)) = self.wanted.get(Source::Access as usize) else { return false };
        let may_stand = |group| pass.words.may_stand(group, pass.text, range, Vec::new, detector);
        if !with_tail(line, entry, |tail| self.harmless.known.contains(tail))
            || wanted.interest.text.is_some_and(may_stand)
        {
            return false;
        }
        output.records += 1;
        pass.damages.good();
        true
    }

    /// Shows the record that stands in `range` of the block.
    pub(super) fn show<'a>(
        &mut self,
        pass: &mut Pass<'a>,
        entry: &mut Entry<'a>,
        range: Range<usize>,
        detector: &mut dyn Detector,
        output: &mut Output,
    ) {
        output.records += 1;
        pass.damages.good();
        pass.no_zone |= entry.stamp.is_some_and(|stamp| !stamp.zoned);
        let Some(wanted) = self.wanted(entry.source, detector).filter(|wanted| wanted.interest.wanted) else { return };
        // Words are looked for in the line as it stands.
        let may_stand = |group| pass.words.may_stand(group, pass.text, range.clone(), Vec::new, detector);
        let text = wanted.interest.text.is_some_and(may_stand);
        let before = output.seen.count();
        if text || !wanted.interest.text_only {
            self.look(pass, (entry, range), &wanted, text, detector, output);
        }
        if !text && wanted.is_by_tail && output.seen.count() == before {
            self.harmless.remember(entry.tail);
        }
    }

    fn look<'a>(
        &mut self,
        pass: &mut Pass<'a>,
        (entry, range): (&mut Entry<'a>, Range<usize>),
        wanted: &Wanted,
        text: bool,
        detector: &mut dyn Detector,
        output: &mut Output,
    ) {
        entry.complete();
        self.proxies.look_behind(entry);
        pass.texts.clear();
        self.scratch.clear();
        for (slot, column) in &wanted.columns {
            entry.values(*column, &mut self.scratch, &mut |text| pass.texts.push((*slot, text)));
        }
        if !wanted.others.is_empty() {
            for (name, value) in &entry.others {
                let Some(slot) = wanted.others.get(*name) else { continue };
                pass.texts.push((*slot, other(entry, value, &mut self.scratch)));
            }
        }
        let mut values = reuse(std::mem::take(&mut self.values));
        values.extend(pass.texts.iter().map(|(slot, text)| (*slot, Value::Text(text.get(&self.scratch)))));
        let line = pass.text.get(range.clone()).unwrap_or_default();
        let record = WebRecord { entry, line, start: range.start, lines: &pass.lines };
        let time = entry.stamp.map(|stamp| stamp.time);
        let event = Event { piece: pass.piece, class: wanted.class, time, fields: &values, text, record: &record };
        detector.look(&event, &mut output.seen);
        self.values = reuse(values);
    }
}

/// A value that no column stands for. Error logs have theirs as they are.
fn other<'a>(entry: &Entry<'a>, value: &'a str, scratch: &mut Scratch) -> Text<'a> {
    let escape = if entry.source.is_error() { Escape::None } else { entry.escape };
    scratch.unescaped(value, escape)
}

/// A record, taken apart further when asked.
struct WebRecord<'a> {
    entry: &'a Entry<'a>,
    /// All of it, as it stands in the log.
    line: &'a str,
    start: usize,
    lines: &'a Lines<'a>,
}

impl Record for WebRecord<'_> {
    fn source(&self) -> LogSource<'_> {
        self.entry.source.log_source()
    }

    fn host(&self) -> Cow<'_, str> {
        let told = self.entry.get(Column::Computer).or(self.entry.get(Column::Host)).unwrap_or_default();
        let mut scratch = Scratch::default();
        match scratch.unescaped(told, self.entry.escape) {
            Text::Written(text) => Cow::Borrowed(text),
            made => Cow::Owned(made.get(&scratch).to_owned()),
        }
    }

    fn position(&self) -> Position {
        Position::Line(self.lines.line(self.start))
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        let mut scratch = Scratch::default();
        let mut texts = Vec::new();
        for (column, name) in COLUMNS {
            self.entry.values(column, &mut scratch, &mut |text| texts.push((name, text)));
        }
        for (name, value) in &self.entry.others {
            texts.push((name, other(self.entry, value, &mut scratch)));
        }
        texts.iter().for_each(|(name, text)| visit(name, Value::Text(text.get(&scratch))));
    }

    fn visit_text(&self, visit: &mut dyn FnMut(Value<'_>)) {
        visit(Value::Text(self.line.trim_end_matches(['\r', '\n'])));
    }
}
