//! Reads blocks of audit logs: joins records to events, looks up what their log sources are called, and hands over the
//! fields that are wanted.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use event::{Class, Detector, Encoding, Event, Interest, LogSource, Piece, Position, Record, Slot, TextGroup, Value};
use foldhash::fast::RandomState;

use super::{
    facts::{self, Part},
    join::{Joiner, Key, REACH},
    laurel,
    line::{self, header},
    names,
    pairs::Pairs,
};
use crate::{
    Block, Output, Reader,
    json::pass::{Damages, Lines, Values, Words, decode, reuse},
};

/// The log that all audit events are of.
const CHANNEL: &str = "auditd";

/// Types that are remembered, and the length of their names.
const MAX_TYPES: usize = 4096;
const MAX_NAME: usize = 255;

/// Types of records that tell more of what another record of their event begins to tell.
const ACCOMPANYING: [&str; 20] = [
    "SYSCALL",
    "PATH",
    "CWD",
    "PROCTITLE",
    "SOCKADDR",
    "SOCKETCALL",
    "FD_PAIR",
    "OBJ_PID",
    "IPC",
    "IPC_SET_PERM",
    "MQ_OPEN",
    "MQ_SENDRECV",
    "MQ_NOTIFY",
    "MQ_GETSETATTR",
    "BPRM_FCAPS",
    "CAPSET",
    "MMAP",
    "OPENAT2",
    "PARENT_INFO",
    "CONTAINER_INFO",
];

const NO_HEADER: &str = "expected 'type=… msg=audit(…):' as audit records begin with, found another line";
const CUT_SHORT: &str = "cut short: expected a closing '\"', found the end";

/// What the detector wants of a class.
struct Wanted {
    class: Class,
    interest: Arc<Interest>,
    slots: HashMap<String, Slot, RandomState>,
    /// By [`mark`] of a name: whether a name of that mark is wanted. Most names of most records are not.
    marks: [bool; MARKS],
}

/// So many marks there are.
const MARKS: usize = 1 << 10;

impl Wanted {
    fn new(class: Class, interest: Arc<Interest>) -> Self {
        let numbered = interest.fields.iter().zip(0..Slot::MAX);
        let slots: HashMap<_, _, _> = numbered.rev().map(|(name, slot)| (name.clone(), slot)).collect();
        let mut marks = [false; MARKS];
        for name in slots.keys() {
            marks.iter_mut().skip(mark(name)).take(1).for_each(|mark| *mark = true);
        }
        Self { class, interest, slots, marks }
    }

    fn slot(&self, name: &str) -> Option<Slot> {
        let may_be = self.marks.get(mark(name)).is_some_and(|mark| *mark);
        if may_be { self.slots.get(name).copied() } else { None }
    }
}

/// Tells many names apart at a glance: by their length, their first and their last letter.
fn mark(name: &str) -> usize {
    let letter = |byte: Option<&u8>| usize::from(*byte.unwrap_or(&0));
    let bytes = name.as_bytes();
    (name.len() * 67 + letter(bytes.first()) * 31 + letter(bytes.last())) % MARKS
}

/// Reads blocks. Serves one detector as long as it lives, since it remembers that detector's answers.
pub(super) struct AuditReader {
    types: HashMap<String, Arc<Wanted>, RandomState>,
    by_class: HashMap<Class, Arc<Wanted>>,
    values: Values<'static>,
}

/// A record in the order of the block, and which of its event follows.
struct Link<'a> {
    part: Part<'a>,
    next: Option<usize>,
    event: usize,
}

/// An event: its first and last record.
struct Joined<'a> {
    key: Key<'a>,
    first: usize,
    last: usize,
}

/// The records and events of a block.
#[derive(Default)]
struct Chain<'a> {
    links: Vec<Link<'a>>,
    events: Vec<Joined<'a>>,
    joiner: Joiner<'a, usize>,
}

impl<'a> Chain<'a> {
    fn push(&mut self, key: Key<'a>, part: Part<'a>) {
        let (number, start) = (self.links.len(), part.line.start);
        let before = self.joiner.join(key, number).and_then(|before| self.links.get_mut(before));
        let event = match before.filter(|before| start - before.part.line.start <= REACH) {
            Some(before) => {
                before.next = Some(number);
                before.event
            }
            None => {
                self.events.push(Joined { key, first: number, last: number });
                self.events.len() - 1
            }
        };
        if let Some(event) = self.events.get_mut(event) {
            event.last = number;
        }
        self.links.push(Link { part, next: None, event });
    }

    /// An event that nothing joins.
    fn push_alone(&mut self, key: Key<'a>, parts: impl Iterator<Item = Part<'a>>) {
        let (first, event) = (self.links.len(), self.events.len());
        for part in parts {
            let next = Some(self.links.len() + 1);
            self.links.push(Link { part, next, event });
        }
        if let Some(last) = self.links.get_mut(first..).and_then(<[Link<'_>]>::last_mut) {
            last.next = None;
            self.events.push(Joined { key, first, last: self.links.len() - 1 });
        }
    }

    fn parts(&self, event: &Joined<'a>) -> impl Iterator<Item = Part<'a>> {
        let first = self.links.get(event.first);
        std::iter::successors(first, |link| self.links.get(link.next?)).map(|link| link.part.clone())
    }
}

/// A block that is being read.
struct Pass<'a> {
    piece: &'a Arc<Piece>,
    text: &'a str,
    lines: Lines<'a>,
    words: Words,
    damages: Damages,
    told: Vec<(Slot, Cow<'a, str>)>,
    /// What is decoded of an event, and where words may stand in it.
    decoded: String,
    hits: Vec<usize>,
}

impl<'a> Pass<'a> {
    /// Whether a word of `group` may stand in an event: in its lines as they are, or in what is decoded from them.
    fn may_hold(&mut self, group: TextGroup, parts: &[Part<'a>], detector: &mut dyn Detector) -> bool {
        let (words, text) = (&mut self.words, self.text);
        if parts.iter().any(|part| words.may_stand(group, text, part.line.clone(), Vec::new, detector)) {
            return true;
        }
        self.decoded.clear();
        facts::decoded(parts, |text| self.decoded.extend([&*text, "\n"]));
        self.hits.clear();
        !detector.text_hits(group, self.decoded.as_bytes(), Encoding::RawText, &mut self.hits) || !self.hits.is_empty()
    }
}

impl Reader for AuditReader {
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output) {
        output.damages.extend(block.damages.iter().cloned());
        let text = decode(&block.bytes, block.line, &mut output.notes);
        let translated = translate(&text);
        let mut pass = Pass {
            piece,
            text: &text,
            lines: Lines::new(text.as_bytes(), block.line),
            // Of laurel's lines, which are JSON, characters may be written in another way.
            words: if translated.is_empty() { Words::of_raw_text() } else { Words::default() },
            damages: Damages::default(),
            told: Vec::new(),
            decoded: String::new(),
            hits: Vec::new(),
        };
        let chain = chain(&mut pass, &translated, output);
        output.damages.append(&mut pass.damages.list);
        let mut parts = Vec::new();
        for event in &chain.events {
            parts.clear();
            parts.extend(chain.parts(event));
            self.show(&mut pass, event.key, &parts, detector, output);
        }
    }
}

/// What laurel's lines say, by where they begin.
fn translate(text: &str) -> HashMap<usize, Result<String, String>> {
    let mut translated = HashMap::new();
    let mut start = 0;
    while let Some(line) = text.get(start..).filter(|rest| !rest.is_empty()) {
        let length = memchr::memchr(b'\n', line.as_bytes()).map_or(line.len(), |end| end + 1);
        if line.starts_with('{')
            && let Some(line) = line.get(..length)
            && laurel::is_line(line.as_bytes())
        {
            translated.insert(start, laurel::records(line.trim_end()));
        }
        start += length;
    }
    translated
}

/// Finds the records and joins them.
fn chain<'a>(
    pass: &mut Pass<'a>,
    translated: &'a HashMap<usize, Result<String, String>>,
    output: &mut Output,
) -> Chain<'a> {
    let (text, mut chain) = (pass.text, Chain::default());
    let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    while start < text.len() {
        let rest = text.get(start..).unwrap_or_default();
        let length = memchr::memchr(b'\n', rest.as_bytes());
        let end = start + length.map_or(rest.len(), |end| end + 1);
        let line = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        match (header(line.as_bytes()), translated.get(&start)) {
            (Some(header), _) => {
                let body = line.get(header.length..).unwrap_or_default();
                if length.is_none() && is_cut_short(body) {
                    pass.damages.push(&pass.lines, start, CUT_SHORT);
                } else {
                    pass.damages.good();
                    output.records += 1;
                }
                chain.push(header.key(), Part::new(start..end, kind(header.kind), body));
            }
            (None, Some(Ok(records))) => {
                pass.damages.good();
                output.records += 1;
                laurel_event(records, start..end, &mut chain);
            }
            (None, Some(Err(reason))) => pass.damages.push(&pass.lines, start, reason),
            (None, None) if line.trim_ascii().is_empty() || is_remark(line) => {}
            (None, None) => pass.damages.push(&pass.lines, start, NO_HEADER),
        }
        start = end;
    }
    chain
}

fn laurel_event<'a>(records: &'a str, line: std::ops::Range<usize>, chain: &mut Chain<'a>) {
    let headers = records.lines().filter_map(|record| Some((record, header(record.as_bytes())?)));
    let parts = headers.clone().map(|(record, header)| {
        let body = record.get(header.length..).unwrap_or_default();
        Part::new(line.clone(), kind(header.kind), body)
    });
    if let Some((_, header)) = headers.clone().next() {
        chain.push_alone(header.key(), parts);
    }
}

fn kind(written: &[u8]) -> &str {
    names::kind(std::str::from_utf8(written).unwrap_or_default())
}

/// What `ausearch` prints between events.
fn is_remark(line: &str) -> bool {
    line == "----" || line.starts_with("time->")
}

/// Whether a record ends within a quoted value.
fn is_cut_short(body: &str) -> bool {
    let mut pairs = Pairs::of(body);
    pairs.by_ref().for_each(drop);
    pairs.unclosed
}

/// The type that says most of what an event is about.
fn provider<'a>(parts: &[Part<'a>]) -> &'a str {
    let kinds = || parts.iter().map(|part| part.kind);
    let of = |kind: &str| kinds().find(|other| *other == kind);
    let begins = || kinds().find(|kind| !ACCOMPANYING.contains(kind));
    of("EXECVE").or_else(begins).or_else(|| of("SYSCALL")).or_else(|| kinds().next()).unwrap_or_default()
}

impl AuditReader {
    pub(super) fn new() -> Self {
        Self { types: HashMap::default(), by_class: HashMap::new(), values: Vec::new() }
    }

    /// What is wanted of events of a type.
    fn wanted(&mut self, name: &str, detector: &mut dyn Detector) -> Arc<Wanted> {
        if let Some(known) = self.types.get(name) {
            return Arc::clone(known);
        }
        let class = detector.class(&LogSource { product: "linux", channel: CHANNEL, provider: name, event_id: 0 });
        let wanted = || Arc::new(Wanted::new(class, detector.interest(class)));
        let wanted = Arc::clone(self.by_class.entry(class).or_insert_with(wanted));
        if self.types.len() >= MAX_TYPES {
            self.types.clear();
        }
        if name.len() <= MAX_NAME {
            self.types.insert(name.to_owned(), Arc::clone(&wanted));
        }
        wanted
    }

    fn show<'a>(
        &mut self,
        pass: &mut Pass<'a>,
        key: Key<'a>,
        parts: &[Part<'a>],
        detector: &mut dyn Detector,
        output: &mut Output,
    ) {
        let provider = provider(parts);
        let wanted = self.wanted(provider, detector);
        if !wanted.interest.wanted {
            return;
        }
        let text = wanted.interest.text.is_some_and(|group| pass.may_hold(group, parts, detector));
        if wanted.interest.text_only && !text {
            return;
        }
        pass.told.clear();
        let told = &mut pass.told;
        facts::tell(parts, |name| wanted.slot(name), |slot, value| told.push((slot, value)));
        let mut values = reuse(std::mem::take(&mut self.values));
        values.extend(pass.told.iter().map(|(slot, text)| (*slot, Value::Text(text))));
        let record = AuditRecord { provider, key, parts, text: pass.text, lines: &pass.lines };
        let (class, time) = (wanted.class, line::time(key.1));
        let event = Event { piece: pass.piece, class, time, fields: &values, text, record: &record };
        detector.look(&event, &mut output.seen);
        self.values = reuse(values);
    }
}

/// An event, decoded further when asked.
struct AuditRecord<'r, 'a> {
    provider: &'r str,
    key: Key<'r>,
    parts: &'r [Part<'a>],
    /// The whole block.
    text: &'r str,
    lines: &'r Lines<'r>,
}

impl Record for AuditRecord<'_, '_> {
    fn source(&self) -> LogSource<'_> {
        LogSource { product: "linux", channel: CHANNEL, provider: self.provider, event_id: 0 }
    }

    fn host(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.key.0)
    }

    fn position(&self) -> Position {
        Position::Line(self.parts.first().map_or(0, |part| self.lines.line(part.line.start)))
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        facts::tell(self.parts, Some, |name, value| visit(name, Value::Text(&value)));
    }

    /// The lines as they stand, and what stands in them in hexadecimal or in parts.
    fn visit_text(&self, visit: &mut dyn FnMut(Value<'_>)) {
        let mut before = None;
        for part in self.parts {
            if before.replace(&part.line) != Some(&part.line) {
                visit(Value::Text(self.text.get(part.line.clone()).unwrap_or_default().trim_end_matches(['\r', '\n'])));
            }
        }
        facts::decoded(self.parts, |text| visit(Value::Text(&text)));
    }
}
