//! The same record has the same fields whether it is read from JSON or from XML, and a detector is shown what the
//! whole record holds.
//!
//! The records are those of public event logs in `../../../shared/corpus`, written as JSON and as XML by the `evtx`
//! library. Without that corpus the test says so and passes.

// Helpers of tests are tests too; clippy sees that only within `#[test]`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    io::Cursor,
    path::{Path, PathBuf},
    sync::Arc,
};

use event::{Class, Detector, Encoding, Event, Interest, LogSource, Piece, Seen, TextGroup};
use evidence::{Format, Json, Output, Xml};
use evtx::{EvtxParser, ParserSettings};

type Kept = (Option<event::Time>, String, Fields);
type Fields = BTreeMap<String, Vec<String>>;

/// Keeps the fields of every event, and compares them with those it is shown.
#[derive(Default)]
struct Keeper {
    interest: Arc<Interest>,
    events: Vec<Kept>,
}

impl Detector for Keeper {
    fn class(&mut self, _: &LogSource<'_>) -> Class {
        Class(0)
    }

    fn interest(&self, _: Class) -> Arc<Interest> {
        Arc::clone(&self.interest)
    }

    fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
        false
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        let mut fields = Fields::new();
        event
            .record
            .visit(&mut |name, value| fields.entry(name.to_owned()).or_default().push(value.text().into_owned()));
        let mut shown = Fields::new();
        for (slot, value) in event.fields {
            let name = self.interest.fields[usize::from(*slot)].clone();
            shown.entry(name).or_default().push(value.text().into_owned());
        }
        if !self.interest.fields.is_empty() {
            assert_eq!(shown, fields, "{} {}", event.piece.path, event.record.position());
        }
        self.events.push((event.time, event.record.host().into_owned(), fields));
    }
}

fn read(format: &dyn Format, text: &str) -> Keeper {
    let once = |interest: Interest| {
        let mut keeper = Keeper { interest: Arc::new(interest), events: Vec::new() };
        let piece = Arc::new(Piece { path: format.name().to_owned() });
        let (mut cutter, mut reader) = (format.cutter(), format.reader());
        let (mut output, mut input) = (Output::default(), Cursor::new(text));
        while let Some(block) = cutter.cut(&mut input).unwrap() {
            assert_eq!(block.damages, []);
            reader.read(&piece, &block, &mut keeper, &mut output);
        }
        assert_eq!(output.damages, []);
        assert_eq!(output.records as usize, keeper.events.len());
        keeper
    };
    let first = once(Interest { wanted: true, fields: Vec::new(), ..Interest::default() });
    let mut names: Vec<String> = first.events.iter().flat_map(|(_, _, fields)| fields.keys().cloned()).collect();
    names.sort();
    names.dedup();
    let second = once(Interest { wanted: true, fields: names, ..Interest::default() });
    assert_eq!(first.events, second.events);
    second
}

fn event_logs(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            event_logs(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "evtx") {
            found.push(path);
        }
    }
}

/// The records of a log as JSON (lines, and pretty-printed in an array) and as XML, those alone that have both.
fn exports(path: &Path, indent: bool) -> (Vec<String>, Vec<String>) {
    let parser = || {
        let settings = ParserSettings::new().indent(indent).num_threads(1);
        EvtxParser::from_path(path).unwrap().with_configuration(settings)
    };
    let json: BTreeMap<u64, String> =
        parser().records_json().filter_map(Result::ok).map(|record| (record.event_record_id, record.data)).collect();
    let xml: BTreeMap<u64, String> =
        parser().records().filter_map(Result::ok).map(|record| (record.event_record_id, record.data)).collect();
    let both: Vec<u64> = json.keys().filter(|id| xml.contains_key(id)).copied().collect();
    (both.iter().map(|id| json[id].clone()).collect(), both.iter().map(|id| xml[id].clone()).collect())
}

/// What differs between the same record from JSON and from XML.
fn compare(json: &Kept, xml: &Kept) -> Option<String> {
    // The library's XML has `_` for characters that XML does not allow.
    let is_forbidden = |c: char| matches!(c, '\0'..'\t' | '\u{b}' | '\u{c}' | '\u{e}'..' ' | '\u{fffe}' | '\u{ffff}');
    let plain =
        |values: &Vec<String>| -> Vec<String> { values.iter().map(|value| value.replace(is_forbidden, "_")).collect() };
    let names = json.2.keys().chain(xml.2.keys());
    let different = |name: &&String| json.2.get(*name).map(plain) != xml.2.get(*name).map(plain);
    if (json.0, &json.1) != (xml.0, &xml.1) {
        return Some(format!("time or host: {:?} {:?} and {:?} {:?}", json.0, json.1, xml.0, xml.1));
    }
    names.clone().find(different).map(|name| format!("{name}: {:?} and {:?}", json.2.get(name), xml.2.get(name)))
}

#[test]
fn json_and_xml_of_a_record_have_the_same_fields() {
    let Some(corpus) = common::corpus("evtx") else { return };
    let mut logs = Vec::new();
    event_logs(&corpus, &mut logs);
    let (mut records, mut values, mut differences) = (0, 0, Vec::new());
    for log in logs.iter().filter(|log| fs::metadata(log).unwrap().len() < 3 << 20) {
        let Ok(mut parser) = EvtxParser::from_path(log) else { continue };
        if parser.records().next().is_none() {
            continue;
        }
        drop(parser);
        let (json, xml) = exports(log, false);
        let from_json = read(&Json, &json.join("\n"));
        let from_xml = read(&Xml, &xml.join("\n"));
        assert_eq!(from_json.events.len(), from_xml.events.len(), "{}", log.display());
        for (left, right) in from_json.events.iter().zip(&from_xml.events) {
            differences.extend(compare(left, right).map(|difference| format!("{}: {difference}", log.display())));
            values += left.2.len();
        }
        let (pretty_json, pretty_xml) = exports(log, true);
        let array = format!("[\n  {}\n]\n", pretty_json.join(",\n").replace('\n', "\n  "));
        assert_eq!(read(&Json, &array).events, from_json.events, "{}", log.display());
        let document = format!("<Events>{}</Events>", pretty_xml.join("\n"));
        assert_eq!(read(&Xml, &document).events.len(), from_xml.events.len(), "{}", log.display());
        records += json.len();
    }
    eprintln!("{} logs, {records} records, {values} fields compared", logs.len());
    assert_eq!(differences, [""; 0], "{} differ", differences.len());
    assert!(records > 1000);
}
