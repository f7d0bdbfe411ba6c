//! Reads blocks of JSON: finds the records, looks up what their log sources are called, and hands over the fields
//! that are wanted.

use std::{collections::HashMap, hash::BuildHasher, sync::Arc};

use event::{Class, Detector, Event, Interest, LogSource, Piece, Slot};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::{
    cut::Braces,
    names::{ROLES, Role},
    pass::{Damages, Lines, Places, Values, Words, decode, many_lines, reuse},
    provider::channel_of,
    record::{Dialect, JsonRecord, Shipper, Source, field_name, leaf_text, leaf_value, raw, restore},
    scan::{Leaf, MAX_INDENT, Scanner, Shown},
    value::{Escapes, Kind, unescape},
};
use crate::{Block, Output, Reader};

/// Byte order mark in UTF-8.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Arrays in an object that are tried as the one that holds the records.
const MAX_ARRAYS: usize = 8;
/// Log sources that are remembered, and the bytes of their names.
const MAX_SOURCES: usize = 4096;
const MAX_SOURCE_BYTES: usize = 1 << 20;

const NO_ID: &str = "not a Windows event: expected an event id, found none";
const NO_CHANNEL: &str = "not a Windows event: expected a channel or a provider beside the event id, found neither";
const NO_NUMBER: &str = "not a Windows event: expected a number as event id, found something else";

/// Whether the scanner's record is a Windows event.
fn check(scanner: &Scanner) -> Result<(), &'static str> {
    let has = |role| scanner.heads.get(role).is_some();
    let is_tree = scanner.heads.in_system(Role::EventId);
    match (has(Role::EventId), is_tree || has(Role::Channel) || has(Role::Provider)) {
        (true, true) => Ok(()),
        (false, _) => Err(NO_ID),
        (true, false) => Err(NO_CHANNEL),
    }
}

/// Whether `head` is the beginning of Windows events in JSON: one of them stands in it, or is cut off by its end. Lines before the
/// first that begins a record may be anything, such as a comment or the rest of a record.
pub(super) fn recognises(head: &[u8]) -> bool {
    let head = head.strip_prefix(BOM).unwrap_or(head);
    let mut at = begin(head);
    let first = head.get(at..).unwrap_or_default().iter().find(|byte| !byte.is_ascii_whitespace());
    if !matches!(first, Some(b'{' | b'[')) && !head.trim_ascii_start().starts_with(b"Record ") {
        let Some(line) = memchr::memmem::find(head, b"\n{") else { return false };
        at = line + 1;
    }
    let mut scanner = Scanner::new();
    let mut gap = Gap::default();
    while let Some(start) = gap.record(head, at, &mut |_, _, _| {}) {
        let indent = gap.indent(head, start);
        let end = scanner.record(head, start, indent);
        if check(&scanner).is_ok() {
            return true;
        }
        let is_broken = end.is_err();
        at = end.unwrap_or_else(|_| resume(head, start, indent));
        if is_broken && at >= head.len() && head.len() + BOM.len() >= super::HEAD {
            return is_cut_event(head, start, indent);
        }
        scanner.names.tidy();
    }
    false
}

/// Whether a record that the head's end cuts off has the keys of a Windows event; those that make it one may come later.
fn is_cut_event(head: &[u8], start: usize, indent: usize) -> bool {
    let mut scanner = Scanner::new();
    let _ = scanner.record(head, start, indent);
    scanner.names.has_key_of_windows()
}

/// Where the records begin in a piece: behind `[`, or inside an object around the array of records.
pub(super) fn begin(head: &[u8]) -> usize {
    let blanks = head.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    match head.get(blanks) {
        Some(b'[') => blanks + 1,
        Some(b'{') => wrapped(head.get(blanks..).unwrap_or_default()).map_or(0, |inside| blanks + inside),
        _ => 0,
    }
}

/// If `object` is no event but holds an array of events: where in it that array's content begins.
fn wrapped(object: &[u8]) -> Option<usize> {
    let object = object.get(..super::HEAD).unwrap_or(object);
    memchr::memchr(b'[', object)?;
    let mut scanner = Scanner::new();
    let _ = scanner.record(object, 0, 0);
    if check(&scanner).is_ok() {
        return None;
    }
    let mut in_string = false;
    let mut escaped = false;
    let mut tried = 0;
    for (at, byte) in object.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' if !in_string => {
                let inside = object.get(at + 1..).unwrap_or_default();
                let blanks = inside.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                if inside.get(blanks) != Some(&b'{') {
                    continue;
                }
                tried += 1;
                scanner.names.tidy();
                let _ = scanner.record(inside, blanks, 0);
                if check(&scanner).is_ok() {
                    return Some(at + 1);
                }
                if tried == MAX_ARRAYS {
                    return None;
                }
            }
            _ => {}
        }
    }
    None
}

/// Where to go on after the damaged record at `start`: behind its last brace, or where a line begins the next.
fn resume(bytes: &[u8], start: usize, indent: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    start + Braces::within(indent).first(rest, true).unwrap_or(rest.len()).max(1)
}

/// What stands between records.
#[derive(Default)]
struct Gap {
    line_start: usize,
    indent: Option<usize>,
    /// An array was closed, so that the rest of what is around it may follow.
    closed: bool,
}

impl Gap {
    /// How many blanks the line begins with that the record at `start` stands in.
    fn indent(&mut self, bytes: &[u8], start: usize) -> usize {
        let line = bytes.get(self.line_start..start).unwrap_or_default();
        let blanks = || line.iter().take(MAX_INDENT).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        *self.indent.get_or_insert_with(blanks)
    }

    fn line(&mut self, start: usize) {
        self.line_start = start;
        self.indent = None;
    }

    /// Takes note of the lines within `bytes[from..until]`, a record that was passed.
    fn skip(&mut self, bytes: &[u8], from: usize, until: usize) {
        if let Some(end) = memchr::memrchr(b'\n', bytes.get(from..until).unwrap_or_default()) {
            self.line(from + end + 1);
        }
    }

    /// Where the next record begins. What belongs to no record and no array goes to `other`: where it
    /// begins, where it ends, and what is wrong with it.
    fn record(&mut self, bytes: &[u8], mut at: usize, other: &mut dyn FnMut(usize, usize, &str)) -> Option<usize> {
        loop {
            match *bytes.get(at)? {
                b'\n' => {
                    at += 1;
                    self.line(at);
                }
                b' ' | b'\t' | b'\r' | b',' | b'[' | 0x1e => at += 1,
                b'{' => {
                    self.closed = false;
                    return Some(at);
                }
                b']' => {
                    self.closed = true;
                    at += 1;
                }
                b'}' if self.closed => at += 1,
                b'"' if self.closed => {
                    let end = tail_end(bytes, at);
                    if memchr::memchr(b'{', bytes.get(at..end).unwrap_or_default()).is_some() {
                        other(at, end, "expected the end behind the array of records, found more objects");
                    }
                    at = end;
                }
                byte => {
                    let rest = bytes.get(at..).unwrap_or_default();
                    let line = rest.get(..memchr::memchr(b'\n', rest).unwrap_or(rest.len())).unwrap_or_default();
                    if !is_record_number(line) {
                        other(at, at + line.len(), &format!("expected a JSON object, found {}", Shown(byte)));
                    }
                    at += line.len();
                }
            }
        }
    }
}

/// Where what follows behind an array of records ends: where a line begins with `{`, or at the block's end.
fn tail_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    memchr::memmem::find(rest, b"\n{").map_or(bytes.len(), |found| at + found)
}

/// `Record 12`, as evtx_dump writes between records.
fn is_record_number(line: &[u8]) -> bool {
    let number = line.strip_prefix(b"Record ").unwrap_or_default().trim_ascii_end();
    !number.is_empty() && number.iter().all(u8::is_ascii_digit)
}

/// Reads blocks. Serves one detector as long as it lives, since it remembers that detector's answers.
pub(super) struct JsonReader {
    scanner: Scanner,
    sources: Sources,
    pending: Vec<Pending>,
    unescaped: String,
    /// Empty; lends its memory.
    values: Values<'static>,
}

/// A wanted value that is still text in the block.
struct Pending {
    slot: Slot,
    own: bool,
    leaf: Leaf,
    /// Its text in [`JsonReader::unescaped`], if it has escapes.
    unescaped: Option<(usize, usize)>,
}

/// A block that is being read.
struct Pass<'a> {
    piece: &'a Arc<Piece>,
    text: &'a str,
    lines: Lines<'a>,
    words: Words,
    escapes: Escapes,
    damages: Damages,
    places: Places,
}

impl Pass<'_> {
    fn damage(&mut self, at: usize, reason: &str) {
        self.damages.push(&self.lines, at, reason);
    }

    fn note_unpaired(&self, output: &mut Output) {
        if let Some((first, others)) = self.escapes.unpaired.split_first() {
            let place = many_lines(self.lines.line(*first), others.len());
            output.notes.push(format!("{place}: unpaired surrogates were read as U+FFFD"));
        }
    }
}

impl Reader for JsonReader {
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output) {
        output.damages.extend(block.damages.iter().cloned());
        let text = decode(&block.bytes, block.line, &mut output.notes);
        let mut pass = Pass {
            piece,
            text: &text,
            lines: Lines::new(text.as_bytes(), block.line),
            words: Words::default(),
            escapes: Escapes::of(&text),
            damages: Damages::default(),
            places: Places::of(block, &text),
        };
        pass.note_unpaired(output);
        self.pass(&mut pass, detector, output);
        output.damages.append(&mut pass.damages.list);
    }
}

impl JsonReader {
    pub(super) fn new() -> Self {
        Self {
            scanner: Scanner::new(),
            sources: Sources::default(),
            pending: Vec::new(),
            unescaped: String::new(),
            values: Vec::new(),
        }
    }

    fn pass(&mut self, pass: &mut Pass<'_>, detector: &mut dyn Detector, output: &mut Output) {
        let text = pass.text;
        let bytes = text.as_bytes();
        let mut gap = Gap::default();
        let mut at = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
        while let Some(start) = gap.record(bytes, at, &mut |from, _, reason| pass.damage(from, reason)) {
            if self.scanner.names.tidy() {
                self.sources.forget_nodes();
            }
            let indent = gap.indent(bytes, start);
            at = match self.scanner.record(bytes, start, indent) {
                Ok(end) => match self.show(pass, (start, end), detector, output) {
                    Ok(()) => end,
                    Err(reason) => other(pass, start, end, reason),
                },
                Err(fault) => {
                    pass.damage(start, &fault.reason);
                    resume(bytes, start, indent)
                }
            };
            pass.places.pass(at);
            if self.scanner.last_line.is_some() || bytes.get(at.saturating_sub(1)) == Some(&b'\n') {
                gap.skip(bytes, start, at);
            }
        }
    }

    /// Shows the record the scanner has read; an error if it is no event.
    fn show(
        &mut self,
        pass: &mut Pass<'_>,
        (start, end): (usize, usize),
        detector: &mut dyn Detector,
        output: &mut Output,
    ) -> Result<(), &'static str> {
        let known = self.sources.find(pass.text, &self.scanner, detector)?;
        output.records += 1;
        pass.damages.good();
        let Some((known, plan)) = self.sources.get(known) else { return Ok(()) };
        if !plan.interest.wanted {
            return Ok(());
        }
        let hidden = &pass.escapes.plain;
        let words = &mut pass.words;
        let group = plan.interest.text;
        let text =
            group.is_some_and(|group| words.may_stand(group, pass.text, start..end, || hidden.clone(), detector));
        if plan.interest.text_only && !text {
            return Ok(());
        }
        gather(plan, &known.source, pass.text, &self.scanner, &mut self.pending, &mut self.unescaped);
        let record = JsonRecord {
            text: pass.text,
            start,
            scanner: &self.scanner,
            source: &known.source,
            lines: &pass.lines,
            places: pass.places,
        };
        let mut fields = reuse(std::mem::take(&mut self.values));
        fields.extend(self.pending.iter().map(|wanted| {
            let unescaped = wanted.unescaped.and_then(|(from, until)| self.unescaped.get(from..until));
            let node = self.scanner.names.get(wanted.leaf.node);
            (wanted.slot, leaf_value(pass.text, &wanted.leaf, node, unescaped))
        }));
        let event = Event {
            piece: pass.piece,
            class: known.class,
            time: record.time(),
            fields: &fields,
            text,
            record: &record,
        };
        detector.look(&event, &mut output.seen);
        self.values = reuse(fields);
        Ok(())
    }
}

/// An object that is no event may be around an array of events; returns where to go on.
fn other(pass: &mut Pass<'_>, start: usize, end: usize, reason: &str) -> usize {
    match wrapped(pass.text.as_bytes().get(start..end).unwrap_or_default()) {
        Some(inside) => start + inside,
        None => {
            pass.damage(start, reason);
            end
        }
    }
}

/// Collects the values that are wanted of the scanner's record.
fn gather(
    plan: &mut Plan,
    source: &Source,
    text: &str,
    scanner: &Scanner,
    pending: &mut Vec<Pending>,
    unescaped: &mut String,
) {
    pending.clear();
    unescaped.clear();
    let mut shadows = false;
    for (number, leaf) in scanner.leaves.iter().enumerate() {
        let Some((slot, own)) = plan.slot(leaf, number, scanner, source.dialect) else { continue };
        shadows |= own;
        let raw = raw(text, leaf);
        let from = unescaped.len();
        let is_moved = restore(text, leaf, scanner, source.dialect, unescaped);
        let has_escapes = leaf.kind == Kind::Text && memchr::memchr(b'\\', raw.as_bytes()).is_some();
        if has_escapes && !is_moved {
            unescape(raw, unescaped);
        }
        let unescaped = (is_moved || has_escapes).then_some((from, unescaped.len()));
        pending.push(Pending { slot, own, leaf: *leaf, unescaped });
    }
    if let Some(slot) = plan.unnamed {
        let is_param = |leaf: &&Leaf| scanner.names.get(leaf.node).is_some_and(|node| node.is_param);
        for leaf in scanner.leaves.iter().filter(is_param) {
            let from = unescaped.len();
            unescape(raw(text, leaf), unescaped);
            pending.push(Pending { slot, own: true, leaf: *leaf, unescaped: Some((from, unescaped.len())) });
            shadows = true;
        }
        pending.sort_by_key(|wanted| wanted.leaf.start);
    }
    if shadows && pending.iter().any(|wanted| !wanted.own) {
        let mut own = vec![false; plan.interest.fields.len()];
        for wanted in pending.iter().filter(|wanted| wanted.own) {
            if let Some(flag) = own.get_mut(usize::from(wanted.slot)) {
                *flag = true;
            }
        }
        pending.retain(|wanted| wanted.own || own.get(usize::from(wanted.slot)) != Some(&true));
    }
}

/// What is wanted of a class, by node.
struct Plan {
    interest: Arc<Interest>,
    by_name: HashMap<Box<str>, Slot, RandomState>,
    nodes: Vec<Wish>,
    /// The slot of unnamed data, where that has names of the shipper's.
    unnamed: Option<Slot>,
}

/// What is wanted of a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Unknown,
    Nothing,
    Always {
        slot: Slot,
        own: bool,
    },
    /// Depends on the value, or on which one is believed.
    Depends,
}

impl Plan {
    fn new(interest: Arc<Interest>, dialect: Dialect) -> Self {
        let numbered = interest.fields.iter().zip(0..Slot::MAX);
        // Where a name stands twice the first one counts.
        let by_name: HashMap<Box<str>, Slot, RandomState> =
            numbered.rev().map(|(name, slot)| (name.as_str().into(), slot)).collect();
        let unnamed = by_name.get("Data").copied().filter(|_| matches!(dialect, Dialect::Winlogbeat(_)));
        Self { interest, by_name, nodes: Vec::new(), unnamed }
    }

    #[inline]
    fn slot(&mut self, leaf: &Leaf, number: usize, scanner: &Scanner, dialect: Dialect) -> Option<(Slot, bool)> {
        match self.nodes.get(leaf.node as usize) {
            Some(Wish::Nothing) => None,
            Some(Wish::Always { slot, own }) => Some((*slot, *own)),
            _ => self.slot_slowly(leaf, number, scanner, dialect),
        }
    }

    fn slot_slowly(&mut self, leaf: &Leaf, number: usize, scanner: &Scanner, dialect: Dialect) -> Option<(Slot, bool)> {
        let node = scanner.names.get(leaf.node)?;
        let found = field_name(node, leaf, number, &scanner.heads, dialect)
            .and_then(|name| self.by_name.get(name))
            .map(|slot| (*slot, node.own));
        let wish = match found {
            _ if node.container || node.role.is_some_and(|(role, _)| role.field().is_some()) => Wish::Depends,
            Some((slot, own)) => Wish::Always { slot, own },
            None => Wish::Nothing,
        };
        let at = leaf.node as usize;
        if self.nodes.len() <= at {
            self.nodes.resize(at + 1, Wish::Unknown);
        }
        if let Some(place) = self.nodes.get_mut(at) {
            *place = wish;
        }
        found
    }
}

/// A log source as it is written in records, and what the detector made of it.
struct Known {
    /// Channel, provider and event id as they are written, one behind the other, and their lengths.
    key: Box<[u8]>,
    lengths: [usize; 2],
    shipper: Shipper,
    source: Source,
    class: Class,
    plan: usize,
}

/// The log sources met so far.
#[derive(Default)]
struct Sources {
    known: Vec<Known>,
    bytes: usize,
    table: HashTable<usize>,
    hasher: RandomState,
    plans: Vec<Plan>,
    by_class: HashMap<(Class, Dialect), usize>,
}

impl Sources {
    fn forget_nodes(&mut self) {
        self.plans.iter_mut().for_each(|plan| plan.nodes.clear());
    }

    fn get(&mut self, known: usize) -> Option<(&Known, &mut Plan)> {
        let known = self.known.get(known)?;
        Some((known, self.plans.get_mut(known.plan)?))
    }

    /// The number of the record's log source; an error if it is no Windows event.
    fn find(&mut self, text: &str, scanner: &Scanner, detector: &mut dyn Detector) -> Result<usize, &'static str> {
        check(scanner)?;
        let leaf = |role| scanner.heads.get(role).and_then(|leaf| scanner.leaves.get(leaf));
        let part = |role| leaf(role).map_or("", |leaf| raw(text, leaf)).as_bytes();
        let parts = [part(Role::Channel), part(Role::Provider), part(Role::EventId)];
        let shipper = Shipper::of(&scanner.heads);
        let hash = self.hasher.hash_one((parts, shipper));
        let [channel, provider, id] = parts;
        let same = |number: &usize| {
            self.known.get(*number).is_some_and(|known| {
                known.lengths == [channel.len(), provider.len()]
                    && known.shipper == shipper
                    && known.key.strip_prefix(channel).and_then(|rest| rest.strip_prefix(provider)) == Some(id)
            })
        };
        if let Some(number) = self.table.find(hash, same) {
            return Ok(*number);
        }
        let word = |role| leaf(role).map(|leaf| leaf_text(text, leaf)).unwrap_or_default();
        let written = word(Role::EventId);
        let Ok(event_id) = written.trim().parse::<u32>() else {
            return Err(NO_NUMBER);
        };
        let provider = word(Role::Provider).into_owned();
        let written = word(Role::Channel);
        let home = channel_of(&provider).filter(|_| written.is_empty());
        let channel = home.map_or_else(|| written.into_owned(), str::to_owned);
        let dialect = shipper.dialect(&channel, event_id);
        Ok(self.add(hash, parts, shipper, Source { channel, provider, event_id, dialect }, detector))
    }

    fn add(
        &mut self,
        hash: u64,
        parts: [&[u8]; ROLES_IN_KEY],
        shipper: Shipper,
        source: Source,
        detector: &mut dyn Detector,
    ) -> usize {
        if self.known.len() >= MAX_SOURCES || self.bytes >= MAX_SOURCE_BYTES {
            self.known.clear();
            self.table.clear();
            self.bytes = 0;
        }
        let class = detector.class(&LogSource {
            product: "windows",
            channel: &source.channel,
            provider: &source.provider,
            event_id: source.event_id,
        });
        let plans = &mut self.plans;
        let plan = *self.by_class.entry((class, source.dialect)).or_insert_with(|| {
            plans.push(Plan::new(detector.interest(class), source.dialect));
            plans.len() - 1
        });
        let key: Box<[u8]> = parts.concat().into();
        let [channel, provider, _] = parts;
        let number = self.known.len();
        self.bytes += key.len();
        self.known.push(Known { key, lengths: [channel.len(), provider.len()], shipper, source, class, plan });
        // With its hash at hand an entry is never hashed again, save when the table grows.
        let (known, hasher) = (&self.known, &self.hasher);
        let rehash = |number: &usize| known.get(*number).map_or(0, |known| known.hash(hasher));
        self.table.insert_unique(hash, number, rehash);
        number
    }
}

/// Channel, provider, event id.
const ROLES_IN_KEY: usize = 3;
const _: () = assert!(ROLES_IN_KEY < ROLES);

impl Known {
    fn hash(&self, hasher: &RandomState) -> u64 {
        let [channel, provider] = self.lengths;
        let (first, rest) = self.key.split_at_checked(channel).unwrap_or_default();
        let (second, third) = rest.split_at_checked(provider).unwrap_or_default();
        hasher.hash_one(([first, second, third], self.shipper))
    }
}
