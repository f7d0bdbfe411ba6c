//! Whole records, for whoever wants more of one than a detector's fields: its source, all its fields, its XML.

use std::{borrow::Cow, cell::OnceCell, io, ops::Range, rc::Rc};

use event::{LogSource, Position, Record, Time, Value};

use super::{
    cutter::EvtxCutter,
    plan::{Fields, Inner, Scope, Whole},
    tree::{Decoder, Element, Field},
    walk::{self, CHUNK, RecordHeader, Walk},
    xml,
};
use crate::{Block, Cutter as _};

/// The names that say what kind of record it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) channel: String,
    pub(super) provider: String,
    pub(super) event_id: u32,
}

impl Names {
    /// As a detector is asked about them.
    pub(super) fn source(&self) -> LogSource<'_> {
        LogSource { product: "windows", channel: &self.channel, provider: &self.provider, event_id: self.event_id }
    }

    /// The names among the fields of a decoded record's `System` section.
    pub(super) fn of(system: &[Field<'_>]) -> Self {
        let field = |name: &str| system.iter().find(|field| field.name == name);
        let text = |name| field(name).map(|field| field.value.as_value().text().into_owned());
        Self {
            channel: text("Channel").unwrap_or_default(),
            provider: text("Provider_Name").unwrap_or_default(),
            event_id: field("EventID").map_or(0, |field| number(&field.value.as_value())),
        }
    }
}

/// An event id, which is a number, or digits where a template has it as text.
pub(super) fn number(value: &Value<'_>) -> u32 {
    match *value {
        Value::UInt(number) | Value::Hex(number) => u32::try_from(number).unwrap_or_default(),
        Value::Int(number) => u32::try_from(number).unwrap_or_default(),
        _ => value.text().trim().parse().unwrap_or_default(),
    }
}

/// A record of a Windows event log, decoded when it is asked for.
pub(super) struct EvtxRecord<'d, 'c> {
    decoder: &'d Decoder<'c>,
    header: RecordHeader,
    names: &'d Names,
    /// The machine's name, where it is known without decoding the record.
    computer: Option<Value<'c>>,
    /// What its template gives, with the record's values, where it is an instance of one.
    instance: Option<Instance<'d, 'c>>,
    tree: OnceCell<Option<Element<'c>>>,
}

/// A record as an instance of a template.
pub(super) struct Instance<'d, 'c> {
    pub(super) fields: Rc<Fields>,
    pub(super) inner: Inner<'d, 'c>,
    pub(super) scope: Scope<'c, 'd>,
    /// The kinds of its values.
    pub(super) kinds: u8,
}

impl<'d, 'c> EvtxRecord<'d, 'c> {
    pub(super) fn new(
        decoder: &'d Decoder<'c>,
        header: RecordHeader,
        names: &'d Names,
        computer: Option<Value<'c>>,
        instance: Option<Instance<'d, 'c>>,
    ) -> Self {
        Self { decoder, header, names, computer, instance, tree: OnceCell::new() }
    }

    /// A record that is decoded already.
    pub(super) fn decoded(decoder: &'d Decoder<'c>, header: RecordHeader, names: &'d Names, tree: Element<'c>) -> Self {
        Self { decoder, header, names, computer: None, instance: None, tree: OnceCell::from(Some(tree)) }
    }

    pub(super) fn tree(&self) -> Option<&Element<'c>> {
        self.tree.get_or_init(|| self.decoder.tree(&self.header).ok()).as_ref()
    }
}

impl Record for EvtxRecord<'_, '_> {
    fn source(&self) -> LogSource<'_> {
        self.names.source()
    }

    fn host(&self) -> Cow<'_, str> {
        if let Some(computer) = self.computer {
            return computer.text();
        }
        let system = self.tree().map(Element::system_fields).unwrap_or_default();
        let computer = system.iter().find(|field| field.name == "Computer");
        computer.map_or(Cow::Borrowed(""), |field| Cow::Owned(field.value.as_value().text().into_owned()))
    }

    fn position(&self) -> Position {
        Position::Record(self.header.id)
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        if let Some(Instance { fields, inner, scope, kinds }) = &self.instance {
            let mut whole = Whole::default();
            if fields.collect(scope, *kinds, inner, 0, &mut whole) && whole.visit(visit) {
                return;
            }
        }
        let fields = self.tree().map(Element::fields).unwrap_or_default();
        fields.iter().for_each(|field| visit(&field.name, field.value.as_value()));
    }
}

/// A record as text, for a person to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordXml {
    /// The record's number, as its header has it.
    pub id: u64,
    /// When it was written, as its header has it.
    pub written: Option<Time>,
    /// The record as indented XML, much as Event Viewer shows it: an element a line, each ended by a line
    /// feed, and without characters that steer a terminal. Where it cannot be decoded, the reason.
    pub xml: Result<String, String>,
}

/// Shows the first record numbered `id` of an event log and up to `neighbours` records on either side of it,
/// in the order of the file; nothing if there is no such record.
///
/// # Errors
/// When `input` cannot be read.
pub fn show(input: &mut dyn io::Read, id: u64, neighbours: usize) -> io::Result<Vec<RecordXml>> {
    let mut cutter = EvtxCutter::default();
    let mut shown: Vec<RecordXml> = Vec::new();
    // How many records are still to come, once the one was found.
    let mut missing = None;
    while let Some(block) = cutter.cut(input)? {
        let places = places(&block);
        let range = match (missing, places.iter().position(|(_, record)| record.id == id)) {
            (Some(missing), _) => 0..missing,
            (None, None) => places.len().saturating_sub(neighbours)..places.len(),
            (None, Some(index)) => {
                let before = index.min(neighbours);
                shown.drain(..(shown.len() + before).saturating_sub(neighbours).min(shown.len()));
                missing = Some(before.saturating_add(1).saturating_add(neighbours));
                index - before..index.saturating_add(1).saturating_add(neighbours)
            }
        };
        let more = render(&block, &places, range);
        missing = missing.map(|missing| missing.saturating_sub(more.len()));
        shown.extend(more);
        match missing {
            Some(0) => break,
            Some(_) => {}
            None => drop(shown.drain(..shown.len().saturating_sub(neighbours))),
        }
    }
    Ok(if missing.is_some() { shown } else { Vec::new() })
}

/// All records of a block: the beginning of their chunk, and their header.
fn places(block: &Block) -> Vec<(usize, RecordHeader)> {
    let mut places = Vec::new();
    let mut walk = Walk::default();
    let start = first_chunk(block);
    for (chunk, at) in block.bytes.get(start..).unwrap_or_default().chunks(CHUNK).zip((start..).step_by(CHUNK)) {
        walk.walk(chunk, block.offset + at as u64);
        places.extend(walk.live.iter().map(|record| (at, *record)));
        let decoder = Decoder::new(chunk);
        let sound = walk.slack.iter().filter(|record| decoder.strict_tree(record).is_ok());
        places.extend(sound.map(|record| (at, *record)));
    }
    places
}

/// Where the first chunk of a block begins.
pub(super) fn first_chunk(block: &Block) -> usize {
    if block.offset == 0 { walk::first_chunk(&block.bytes).unwrap_or_default() } else { 0 }
}

fn render(block: &Block, places: &[(usize, RecordHeader)], range: Range<usize>) -> Vec<RecordXml> {
    let range = range.start.min(places.len())..range.end.min(places.len());
    let places = places.get(range).unwrap_or_default();
    let xml = |(at, record): &(usize, RecordHeader)| {
        let chunk = block.bytes.get(*at..).unwrap_or_default();
        let decoder = Decoder::new(chunk.get(..CHUNK).unwrap_or(chunk));
        let xml = decoder.tree(record).map(|tree| {
            let mut text = String::new();
            xml::write(&tree, &mut text);
            text
        });
        RecordXml { id: record.id, written: record.time(), xml: xml.map_err(|fault| fault.0) }
    };
    places.iter().map(xml).collect()
}

/// Shows every record of a block, in its order; for whoever goes through a whole log.
pub fn records_xml(block: &Block, mut each: impl FnMut(RecordXml)) {
    let places = places(block);
    for index in 0..places.len() {
        render(block, &places, index..index + 1).into_iter().for_each(&mut each);
    }
}
