//! Reads blocks of XML, an event at a time.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use event::{Class, Detector, Event, Interest, LogSource, Piece, Position, Record, Slot, Time, Value};
use quick_xml::{
    Reader as Pull,
    events::{BytesStart, Event as Part},
};

use super::cut::next_record;
use crate::{
    Block, Output, Reader,
    json::{
        has_attributes_alone, is_namespace,
        pass::{Damages, Lines, Places, Values, Words, count, decode, many_lines, reuse},
        plain_time, system_attribute_name,
    },
};

/// Deepest nesting of elements that is followed.
const MAX_DEPTH: usize = 128;
/// Log sources that are remembered, and how long the names of each may be.
const MAX_SOURCES: usize = 4096;
const MAX_SOURCE_NAME: usize = 1024;

/// A field of a record.
#[derive(Debug, PartialEq)]
struct Field {
    name: String,
    /// Null where the element is empty.
    value: Option<String>,
    /// Whether it is the event's own data, which shadows fields of the same name in `System`.
    own: bool,
    /// Whether its element has others in it, so that a word may stand in parts on both sides of a tag.
    in_parts: bool,
}

impl Field {
    fn value(&self) -> Value<'_> {
        self.value.as_deref().map_or(Value::Null, Value::Text)
    }
}

/// An element that is open.
struct Element {
    /// The name of the field that its text is; `None` if that is no field.
    name: Option<String>,
    section: Section,
    text: String,
    /// Whether it has elements inside, so that it is no field without text.
    has_elements: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Section {
    Document,
    Event,
    System,
    Data,
    Ignored,
}

/// Reads one event into fields; tells in `replaced` if a character reference in it was to none. An error says what was expected and
/// found.
fn fields(xml: &str, replaced: &mut bool) -> Result<Vec<Field>, String> {
    let mut pull = Pull::from_str(xml);
    pull.config_mut().allow_dangling_amp = true;
    let mut open: Vec<Element> = Vec::new();
    let mut fields = Vec::new();
    loop {
        match pull.read_event().map_err(|error| format!("expected well-formed XML, found: {error}"))? {
            Part::Start(tag) => start(&tag, &mut open, &mut fields, replaced)?,
            Part::Empty(tag) => {
                start(&tag, &mut open, &mut fields, replaced)?;
                end(&mut open, &mut fields);
            }
            Part::End(_) => {
                end(&mut open, &mut fields);
                if open.is_empty() {
                    return Ok(fields);
                }
            }
            Part::Text(text) => append(&mut open, &text),
            Part::CData(text) => append(&mut open, &text),
            Part::GeneralRef(reference) => {
                if let Some(top) = open.last_mut() {
                    *replaced |= !resolve(&reference, &mut top.text);
                }
            }
            Part::DocType(_) => return Err("expected an event, found a document type".to_owned()),
            Part::Eof => return Err("cut short: expected '</Event>', found the end".to_owned()),
            Part::Comment(_) | Part::Decl(_) | Part::PI(_) => {}
        }
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(top) = open.last_mut() {
        top.text.push_str(text);
    }
}

fn start(
    tag: &BytesStart<'_>,
    open: &mut Vec<Element>,
    fields: &mut Vec<Field>,
    replaced: &mut bool,
) -> Result<(), String> {
    if open.len() >= MAX_DEPTH {
        return Err(format!("expected no more than {MAX_DEPTH} levels of nesting, found one more"));
    }
    let local = tag.local_name().into_inner();
    let above = open.last_mut().map_or(Section::Document, |top| {
        top.has_elements = true;
        top.section
    });
    let section = match (above, local) {
        (Section::Document, _) => Section::Event,
        (Section::Event, "System") => Section::System,
        (Section::Event, "EventData" | "UserData") => Section::Data,
        (Section::Event, _) => Section::Ignored,
        (section, _) => section,
    };
    // The element under `Event`: `System`, `EventData`, `UserData`; their own attributes are no fields.
    let is_top = matches!(above, Section::Document | Section::Event);
    let mut element = Element { name: None, section, text: String::new(), has_elements: is_top };
    match section {
        Section::System if !is_top => {
            element.name = (!has_attributes_alone(local)).then(|| local.to_owned());
            for (name, value) in attributes(tag, replaced)? {
                let Some(name) = system_attribute_name(local, &name) else { continue };
                fields.push(Field { name, value: Some(value), own: false, in_parts: false });
            }
        }
        Section::Data if is_top => element.name = Some(local.to_owned()),
        Section::Data => {
            element.name = Some(data(attributes(tag, replaced)?, local, fields));
        }
        _ => {}
    }
    open.push(element);
    Ok(())
}

/// The name of the field that an element of the event's own data is; its attributes become fields.
fn data(attributes: Vec<(String, String)>, local: &str, fields: &mut Vec<Field>) -> String {
    let mut own_name = local.to_owned();
    for (name, value) in attributes {
        if local == "Data" && name == "Name" {
            own_name = value;
            continue;
        }
        if !is_namespace(&name) {
            push_own(format!("{local}_{name}"), Some(value), false, fields);
        }
    }
    own_name
}

fn push_own(name: String, value: Option<String>, in_parts: bool, fields: &mut Vec<Field>) {
    // These names always mean the `System` section.
    if !matches!(name.as_str(), "EventID" | "Provider_Name") {
        fields.push(Field { name, value, own: true, in_parts });
    }
}

/// The attributes of a tag, prefixes left out save for those of namespaces.
fn attributes(tag: &BytesStart<'_>, replaced: &mut bool) -> Result<Vec<(String, String)>, String> {
    let mut list = tag.attributes();
    list.with_checks(false);
    list.map(|attribute| {
        let attribute = attribute.map_err(|error| format!("expected attributes, found: {error}"))?;
        let name = attribute.key.as_ref();
        let name = if is_namespace(name) { name } else { attribute.key.local_name().into_inner() };
        let mut value = String::with_capacity(attribute.value.len());
        *replaced |= !unescape(&attribute.value, &mut value);
        Ok((name.to_owned(), value))
    })
    .collect()
}

fn end(open: &mut Vec<Element>, fields: &mut Vec<Field>) {
    let Some(element) = open.pop() else { return };
    let Some(name) = element.name else { return };
    let is_blank = || element.text.trim_ascii().is_empty();
    let value = match element.has_elements {
        true if is_blank() => return,
        false if element.text.is_empty() => None,
        _ => Some(element.text),
    };
    match element.section {
        Section::System => fields.push(Field { name, value, own: false, in_parts: element.has_elements }),
        _ => push_own(name, value, element.has_elements, fields),
    }
}

/// Appends text in which the five entities and character references are resolved; false if one of them is to no character.
fn unescape(raw: &str, out: &mut String) -> bool {
    let (mut rest, mut sound) = (raw, true);
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        // No name of an entity that we know is longer; so a text full of '&' is not searched over and over.
        let length = behind.bytes().take(16).position(|byte| byte == b';');
        rest = match length.and_then(|length| behind.split_at_checked(length)) {
            Some((name, after)) => {
                sound &= resolve(name, out);
                after.get(1..).unwrap_or_default()
            }
            None => {
                out.push('&');
                behind
            }
        };
    }
    out.push_str(rest);
    sound
}

/// Appends what `&name;` stands for; what is not known stays as written. What is no character (a surrogate alone)
/// becomes U+FFFD; false then.
fn resolve(name: &str, out: &mut String) -> bool {
    let number = match name.strip_prefix('#') {
        Some(hex) if hex.starts_with(['x', 'X']) => u32::from_str_radix(hex.get(1..).unwrap_or_default(), 16),
        Some(decimal) => decimal.parse(),
        None => {
            match name {
                "lt" => out.push('<'),
                "gt" => out.push('>'),
                "amp" => out.push('&'),
                "quot" => out.push('"'),
                "apos" => out.push('\''),
                _ => out.extend(["&", name, ";"]),
            }
            return true;
        }
    };
    let character = number.ok().and_then(char::from_u32);
    out.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    character.is_some()
}

/// What the detector wants of a log source.
struct Wanted {
    class: Class,
    interest: Arc<Interest>,
    slots: Arc<HashMap<String, Slot>>,
}

/// Reads blocks. Serves one detector as long as it lives, since it remembers that detector's answers.
#[derive(Default)]
pub(crate) struct XmlReader {
    sources: HashMap<(String, String, u32), Arc<Wanted>>,
    by_class: HashMap<Class, Arc<HashMap<String, Slot>>>,
    values: Values<'static>,
}

/// A block that is being read.
struct Pass<'a> {
    piece: &'a Arc<Piece>,
    text: &'a str,
    lines: Lines<'a>,
    words: Words,
    damages: Damages,
    /// Records in which a character reference is to no character: the first one's line, and how many more.
    replaced: Option<(u64, usize)>,
    places: Places,
}

impl<'a> Pass<'a> {
    fn new(piece: &'a Arc<Piece>, text: &'a str, line: u64, places: Places) -> Self {
        let lines = Lines::new(text.as_bytes(), line);
        let (words, damages) = (Words::default(), Damages::default());
        Self { piece, text, lines, words, damages, replaced: None, places }
    }

    fn note_replaced(&self, output: &mut Output) {
        let Some((first, more)) = self.replaced else { return };
        let place = many_lines(first, more);
        output.notes.push(format!("{place}: references to characters that there are not were read as U+FFFD"));
    }
}

impl Reader for XmlReader {
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output) {
        output.damages.extend(block.damages.iter().cloned());
        let text = decode(&block.bytes, block.line, &mut output.notes);
        let mut pass = Pass::new(piece, &text, block.line, Places::of(block, &text));
        let mut at = 0;
        let mut next = next_record(text.as_bytes(), 0);
        loop {
            between(&mut pass, at, next.unwrap_or(text.len()));
            let Some(start) = next else { break };
            next = next_record(text.as_bytes(), start + 1);
            at = self.record(&mut pass, start, next.unwrap_or(text.len()), detector, output);
            pass.places.pass(at);
        }
        output.damages.append(&mut pass.damages.list);
        pass.note_replaced(output);
    }
}

/// Looks at what stands outside of records: nothing but tags of a root, declarations and `Record 12`.
fn between(pass: &mut Pass<'_>, from: usize, until: usize) {
    let text = pass.text.get(from..until).unwrap_or_default();
    let mut at = from;
    for line in text.split_inclusive('\n') {
        let content = line.trim_start_matches('\u{feff}').trim();
        let is_number =
            content.strip_prefix("Record ").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        let is_markup = content.starts_with('<') && content.ends_with('>') && !is_event(content);
        if !(content.is_empty() || is_number || is_markup) {
            let found = content.chars().next().unwrap_or_default();
            let reason = format!("expected '<Event>', found '{}'", found.escape_default());
            pass.damages.push(&pass.lines, at, if is_event(content) { NO_EVENT } else { &reason });
        }
        at += line.len();
    }
}

const NO_EVENT: &str = "not a Windows event: expected 'System' as the first element, found none";

fn is_event(line: &str) -> bool {
    line.contains("<Event>") || line.contains("<Event ") || line.contains(":Event>") || line.contains("</Event>")
}

/// Where the last closing tag of an event ends in `text`.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr::memmem::rfind_iter(bytes, b"Event>").find_map(|found| {
        let before = bytes.get(..found)?;
        let name = before.iter().rev().take(64).take_while(|byte| !matches!(byte, b'<' | b'/' | b'>')).count();
        let (tag, prefix) = before.split_at_checked(before.len() - name)?;
        (tag.ends_with(b"</") && (prefix.is_empty() || prefix.ends_with(b":"))).then_some(found + b"Event>".len())
    })
}

impl XmlReader {
    /// Shows an event that stands on a line of another format: Sysmon for Linux writes to syslog.
    ///
    /// # Errors
    /// What was expected and what stands there.
    pub(crate) fn show_embedded(
        &mut self,
        piece: &Arc<Piece>,
        (event, line): (&str, u64),
        detector: &mut dyn Detector,
        output: &mut Output,
    ) -> Result<(), String> {
        let mut replaced = false;
        let record = fields(event, &mut replaced).and_then(XmlRecord::new)?;
        let mut pass = Pass::new(piece, event, line, Places::of_line());
        self.show(&mut pass, record, 0..event.len(), detector, output);
        if replaced {
            count(&mut pass.replaced, line);
        }
        pass.note_replaced(output);
        Ok(())
    }

    /// Reads the record that begins at `start`, before `limit`; returns where it ends.
    fn record(
        &mut self,
        pass: &mut Pass<'_>,
        start: usize,
        limit: usize,
        detector: &mut dyn Detector,
        output: &mut Output,
    ) -> usize {
        let whole = pass.text.get(start..limit).unwrap_or_default();
        let Some(length) = closing(whole) else {
            let found = if limit < pass.text.len() { "the next event" } else { "the end" };
            pass.damages.push(&pass.lines, start, &format!("cut short: expected '</Event>', found {found}"));
            return limit;
        };
        let end = start + length;
        let mut replaced = false;
        let read = fields(whole.get(..length).unwrap_or_default(), &mut replaced).and_then(XmlRecord::new);
        if replaced {
            count(&mut pass.replaced, pass.lines.line(start));
        }
        match read {
            Ok(record) => {
                output.records += 1;
                pass.damages.good();
                self.show(pass, record, start..end, detector, output);
            }
            Err(reason) => pass.damages.push(&pass.lines, start, &reason),
        }
        end
    }

    fn wanted(&mut self, record: &XmlRecord, detector: &mut dyn Detector) -> Arc<Wanted> {
        let key = (record.channel.clone(), record.provider.clone(), record.event_id);
        if let Some(known) = self.sources.get(&key) {
            return Arc::clone(known);
        }
        let class = detector.class(&record.source());
        let interest = detector.interest(class);
        let slots = self.by_class.entry(class).or_insert_with(|| {
            let numbered = interest.fields.iter().zip(0..Slot::MAX);
            Arc::new(numbered.rev().map(|(name, slot)| (name.clone(), slot)).collect())
        });
        let wanted = Arc::new(Wanted { class, interest, slots: Arc::clone(slots) });
        if self.sources.len() >= MAX_SOURCES {
            self.sources.clear();
        }
        if key.0.len() <= MAX_SOURCE_NAME && key.1.len() <= MAX_SOURCE_NAME {
            self.sources.insert(key, Arc::clone(&wanted));
        }
        wanted
    }

    fn show(
        &mut self,
        pass: &mut Pass<'_>,
        mut record: XmlRecord,
        range: std::ops::Range<usize>,
        detector: &mut dyn Detector,
        output: &mut Output,
    ) {
        let wanted = self.wanted(&record, detector);
        if !wanted.interest.wanted {
            return;
        }
        record.position = pass.places.position(&pass.lines, range.start);
        let group = wanted.interest.text;
        let hidden = || hidden_plain(pass.text);
        let text = group.is_some_and(|group| {
            record.fields.iter().any(|field| field.in_parts)
                || pass.words.may_stand(group, pass.text, range, hidden, detector)
        });
        if wanted.interest.text_only && !text {
            return;
        }
        let mut values = reuse(std::mem::take(&mut self.values));
        let named = record.fields.iter().filter_map(|field| Some((*wanted.slots.get(&field.name)?, field.value())));
        values.extend(named);
        let (piece, class) = (pass.piece, wanted.class);
        let event = Event { piece, class, time: record.time, fields: &values, text, record: &record };
        detector.look(&event, &mut output.seen);
        self.values = reuse(values);
    }
}

/// A whole record.
struct XmlRecord {
    /// Without those of `System` that the event's own data shadows.
    fields: Vec<Field>,
    host: String,
    channel: String,
    provider: String,
    event_id: u32,
    time: Option<Time>,
    position: Position,
}

impl XmlRecord {
    fn new(mut fields: Vec<Field>) -> Result<Self, String> {
        let text = |name: &str| {
            let field = fields.iter().find(|field| !field.own && field.name == name);
            field.and_then(|field| field.value.as_deref())
        };
        let Some(id) = text("EventID") else {
            return Err("not a Windows event: expected an event id, found none".to_owned());
        };
        let Ok(event_id) = id.trim().parse() else {
            return Err("not a Windows event: expected a number as event id, found something else".to_owned());
        };
        let channel = text("Channel").unwrap_or_default().to_owned();
        let provider = text("Provider_Name").unwrap_or_default().to_owned();
        let time = text("SystemTime").and_then(|text| plain_time(text).or_else(|| Time::parse(text)));
        let host = text("Computer").unwrap_or_default().to_owned();
        let own: HashSet<String> = fields.iter().filter(|field| field.own).map(|field| field.name.clone()).collect();
        fields.retain(|field| field.own || !own.contains(&field.name));
        Ok(Self { channel, provider, event_id, time, position: Position::Line(0), host, fields })
    }
}

impl Record for XmlRecord {
    fn source(&self) -> LogSource<'_> {
        let product = if self.provider == "Linux-Sysmon" { "linux" } else { "windows" };
        LogSource { product, channel: &self.channel, provider: &self.provider, event_id: self.event_id }
    }

    fn host(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.host)
    }

    fn position(&self) -> Position {
        self.position
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.fields.iter().for_each(|field| visit(&field.name, field.value()));
    }
}

/// Finds the places where plain characters may not stand as they are (see [`event::Detector::text_hits`]): characters
/// written as their numbers, comments and the like in the middle of a word. The five named entities stand for none that
/// is plain.
fn hidden_plain(text: &str) -> Vec<usize> {
    let is_one = |at: &usize| matches!(text.as_bytes().get(*at..at + 2), Some(b"&#" | b"<!" | b"<?"));
    memchr::memchr2_iter(b'&', b'<', text.as_bytes()).filter(is_one).collect()
}
