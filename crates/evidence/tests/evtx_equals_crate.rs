//! Every record and value that the crate `evtx` reads from the corpus, our reader reads too, and the same; and what
//! a detector is shown by the fast path is what the general decoder gives.
//!
//! Needs `../shared/corpus` beside the project; says so and passes where it is absent.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

mod common;

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use event::{Class, Damage, Detector, Encoding, Event, Interest, LogSource, Piece, Position, Seen, TextGroup};
use evidence::{Block, Evtx, Format, Output, RecordXml};

/// The event logs of the corpus.
fn corpus() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["evtx", "sigma-regression"] {
        common::corpus(folder).iter().for_each(|folder| collect(folder, &mut found));
    }
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "evtx") {
            found.push(path);
        }
    }
}

fn blocks(path: &Path) -> Vec<Block> {
    let (mut cutter, mut file) = (Evtx.cutter(), File::open(path).unwrap());
    std::iter::from_fn(|| cutter.cut(&mut file).unwrap()).collect()
}

/// An element of either's XML.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    /// Text directly within; of an element with children, without what is blank.
    text: String,
}

/// Parses what both write: elements, attributes, text, references, CDATA, a declaration.
fn parse(xml: &str) -> Element {
    let mut stack = vec![Element::default()];
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        stack.last_mut().unwrap().text += &unescape(&rest[..at]);
        rest = &rest[at..];
        if let Some(data) = rest.strip_prefix("<![CDATA[") {
            let (text, after) = data.split_once("]]>").unwrap();
            stack.last_mut().unwrap().text += text;
            rest = after;
            continue;
        }
        let (tag, after) = rest[1..].split_once('>').unwrap();
        rest = after;
        if tag.starts_with('?') {
            continue;
        }
        if tag.starts_with('/') {
            close(&mut stack);
            continue;
        }
        stack.push(start_tag(tag.strip_suffix('/').unwrap_or(tag)));
        if tag.ends_with('/') {
            close(&mut stack);
        }
    }
    assert_eq!(stack.len(), 1, "unbalanced: {xml}");
    stack.pop().unwrap().children.pop().unwrap()
}

fn start_tag(tag: &str) -> Element {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    let mut element = Element { name: name.into(), ..Element::default() };
    while let Some((name, value)) = rest.split_once("=\"") {
        let (value, after) = value.split_once('"').unwrap();
        element.attributes.push((name.trim().into(), unescape(value)));
        rest = after;
    }
    element
}

fn close(stack: &mut Vec<Element>) {
    let mut element = stack.pop().unwrap();
    if !element.children.is_empty() {
        element.text.retain(|char| !char.is_whitespace());
    }
    stack.last_mut().unwrap().children.push(element);
}

fn unescape(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('&') {
        out += &rest[..at];
        let (name, after) = rest[at + 1..].split_once(';').unwrap();
        rest = after;
        match name {
            "amp" => out.push('&'),
            "lt" => out.push('<'),
            "gt" => out.push('>'),
            "quot" => out.push('"'),
            "apos" => out.push('\''),
            other => {
                let number = other.strip_prefix('#').unwrap().parse().unwrap();
                out.push(char::from_u32(number).unwrap());
            }
        }
    }
    out + rest
}

/// What is tolerated, and why:
///
/// * Control characters: ours never leaves one in text for a person to read (C1 and DEL steer terminals too,
///   and a tab or line feed within an attribute is white space by XML's rules anyway); the crate leaves them.
fn tolerate(element: &mut Element) {
    let clean = |text: &mut String, attribute: bool| {
        *text = text
            .chars()
            .map(|char| match char {
                '\t' | '\n' if attribute => ' ',
                '\t' | '\n' | '\r' => char,
                char if char.is_control() => '_',
                char => char,
            })
            .collect();
    };
    clean(&mut element.text, false);
    element.attributes.iter_mut().for_each(|(_, value)| clean(value, true));
    element.children.iter_mut().for_each(tolerate);
}

/// The crate's records by number, and how many records it could not read.
fn theirs(path: &Path) -> (BTreeMap<u64, Vec<String>>, usize) {
    let settings = evtx::ParserSettings::new().num_threads(1).indent(false);
    let mut records: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let mut failed = 0;
    let Ok(parser) = evtx::EvtxParser::from_path(path) else { return (records, 1) };
    for record in parser.with_configuration(settings).records() {
        match record {
            Ok(record) => records.entry(record.event_record_id).or_default().push(record.data),
            Err(_) => failed += 1,
        }
    }
    (records, failed)
}

fn ours(path: &Path) -> (BTreeMap<u64, Vec<String>>, usize) {
    let mut records: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let mut failed = 0;
    for block in blocks(path) {
        evidence::records_xml(&block, |RecordXml { id, xml, .. }| match xml {
            Ok(xml) => records.entry(id).or_default().push(xml),
            Err(reason) => {
                eprintln!("{path:?}: record {id}: {reason}");
                failed += 1;
            }
        });
    }
    (records, failed)
}

#[test]
fn every_record_is_the_one_that_the_crate_reads() {
    let (mut records, mut more, mut elements) = (0, 0, 0);
    let mut differences = Vec::new();
    for path in corpus() {
        let ((theirs, their_failures), (ours, our_failures)) = (theirs(&path), ours(&path));
        let count = |records: &BTreeMap<u64, Vec<String>>| records.values().map(Vec::len).sum::<usize>();
        records += count(&theirs);
        more += count(&ours).saturating_sub(count(&theirs));
        if count(&ours) != count(&theirs) || their_failures + our_failures > 0 {
            let [theirs, ours] = [&theirs, &ours].map(count);
            eprintln!("{path:?}: the crate {theirs} (failed {their_failures}), ours {ours} (failed {our_failures})");
        }
        for (id, documents) in &theirs {
            for document in documents {
                let mut expected = parse(document);
                tolerate(&mut expected);
                elements += size(&expected);
                let found: Vec<Element> = ours.get(id).into_iter().flatten().map(|xml| parse(xml)).collect();
                if !found.contains(&expected) {
                    differences.push(format!("{path:?} {id}: {}", difference(&expected, found.first())));
                }
            }
        }
    }
    eprintln!("{records} records of {elements} elements and attributes compared; {more} more are ours alone");
    let shown = differences.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(differences.is_empty(), "{} records differ:\n{shown}", differences.len());
}

fn size(element: &Element) -> usize {
    1 + element.attributes.len() + element.children.iter().map(size).sum::<usize>()
}

/// The first place at which two documents differ.
fn difference(expected: &Element, found: Option<&Element>) -> String {
    let Some(found) = found else { return format!("{} is missing", expected.name) };
    if expected.name != found.name || expected.attributes != found.attributes || expected.text != found.text {
        let plain = |element: &Element| format!("{:?} {:?} {:?}", element.name, element.attributes, element.text);
        return format!("expected {}, found {}", plain(expected), plain(found));
    }
    let pairs = expected.children.iter().zip(&found.children);
    match pairs.clone().find(|(expected, found)| expected != found) {
        Some((expected, found)) => difference(expected, Some(found)),
        None => format!("{}: {} children, found {}", expected.name, expected.children.len(), found.children.len()),
    }
}

/// Asks for every field of every record, by the names that a first pass found, and compares what it is shown with
/// what the general decoder gives.
#[derive(Default)]
struct Judge {
    classes: HashMap<(String, String, u32), Class>,
    interests: Vec<Interest>,
    comparing: bool,
    records: u64,
    fields: u64,
    differences: Vec<String>,
}

impl Detector for Judge {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        let key = (source.channel.to_owned(), source.provider.to_owned(), source.event_id);
        *self.classes.entry(key).or_insert_with(|| {
            // No record has that field; what may have it is looked through.
            let fields = vec!["no such field".to_owned()];
            self.interests.push(Interest { wanted: true, fields, text: Some(TextGroup(0)), ..Interest::default() });
            Class(self.interests.len() as u32 - 1)
        })
    }

    fn interest(&self, class: Class) -> Arc<Interest> {
        Arc::new(self.interests[class.0 as usize].clone())
    }

    /// Every backslash is a hit, so that a record whose text has one must be told to.
    fn text_hits(&mut self, _: TextGroup, raw: &[u8], encoding: Encoding, hits: &mut Vec<usize>) -> bool {
        match encoding {
            Encoding::Utf8 | Encoding::RawText => hits.extend(memchr::memchr_iter(b'\\', raw)),
            Encoding::Utf16Le => hits.extend(memchr::memmem::find_iter(raw, b"\\\0")),
        }
        true
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        self.records += 1;
        let interest = &mut self.interests[event.class.0 as usize];
        let mut expected = Vec::new();
        let mut slash = false;
        event.record.visit(&mut |name, value| {
            let text = value.text().into_owned();
            slash |= matches!(value, event::Value::Utf16(_)) && text.contains('\\');
            expected.push((name.to_owned(), text));
        });
        if expected.is_empty() {
            // What the detector did not ask for is broken, so that there is nothing to compare with.
            return;
        }
        if !self.comparing {
            for (name, _) in expected {
                if !interest.fields.contains(&name) {
                    interest.fields.push(name);
                }
            }
            return;
        }
        self.fields += expected.len() as u64;
        let shown = event.fields.iter();
        let mut shown: Vec<(String, String)> =
            shown.map(|(slot, value)| (interest.fields[usize::from(*slot)].clone(), value.text().into())).collect();
        // Fields of one name are in the record's order.
        shown.sort_by(|a, b| a.0.cmp(&b.0));
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        let place = || format!("{} {}", event.piece.path, event.record.position());
        if shown != expected {
            self.differences.push(format!("{}: shown {shown:?}, the record has {expected:?}", place()));
        }
        if slash && !event.text {
            self.differences.push(format!("{}: a word is there, and ruled out", place()));
        }
    }
}

fn read(path: &Path, judge: &mut Judge) -> Output {
    let piece = Arc::new(Piece { path: path.display().to_string() });
    let (mut reader, mut output) = (Evtx.reader(), Output::default());
    blocks(path).iter().for_each(|block| reader.read(&piece, block, judge, &mut output));
    output
}

#[test]
fn the_fast_path_shows_what_the_general_one_decodes() {
    let mut judge = Judge::default();
    let mut records = 0;
    for path in corpus() {
        judge.comparing = false;
        let first = read(&path, &mut judge);
        judge.comparing = true;
        let second = read(&path, &mut judge);
        assert_eq!(first, second, "{path:?}");
        let (_, failed) = ours(&path);
        let is_record = |damage: &&Damage| matches!(damage.position, Position::Record(_)) && damage.records > 0;
        let lost = second.damages.iter().filter(is_record).count();
        assert_eq!(lost, failed, "{path:?}: {:?}", second.damages);
        records += second.records;
        for damage in &second.damages {
            eprintln!("{path:?}: {damage:?}");
        }
        for note in &second.notes {
            eprintln!("{path:?}: {note}");
        }
    }
    eprintln!("{records} records, {} fields compared", judge.fields);
    assert_eq!(judge.records, 2 * records);
    let shown = judge.differences.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
    assert!(judge.differences.is_empty(), "{} records differ:\n{shown}", judge.differences.len());
}

/// A generator that gives the same numbers on every machine (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }
}

/// What was done to a copy of a log.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Harm {
    Bits,
    CutShort,
    ZeroedChunk,
    /// Within the definitions, where a chunk's shape is.
    Definitions,
    ChunkHeader,
    /// One bit of the file's signature.
    Signature,
    FileHeader,
}

impl Harm {
    const ALL: [Self; 7] = [
        Self::Bits,
        Self::CutShort,
        Self::ZeroedChunk,
        Self::Definitions,
        Self::ChunkHeader,
        Self::Signature,
        Self::FileHeader,
    ];

    /// Does it to a log; `number` is that of a chunk.
    fn harm(self, bytes: &mut Vec<u8>, number: usize, random: &mut Random) {
        let (chunk, rest) = (4096 + 0x1_0000 * number, bytes.len() - 4096);
        match self {
            Self::Bits => (0..200).for_each(|_| bytes[4096 + random.below(rest)] ^= 1 << random.below(8)),
            Self::CutShort => bytes.truncate(4096 + random.below(rest)),
            Self::ZeroedChunk => bytes[chunk..][..0x1_0000].fill(0),
            Self::Definitions => {
                (0..20).for_each(|_| bytes[chunk + 512 + random.below(4096)] = random.below(256) as u8);
            }
            Self::ChunkHeader => bytes[chunk..][..512].fill(0xff),
            Self::Signature => bytes[random.below(8)] ^= 1 << random.below(8),
            Self::FileHeader => (0..20).for_each(|_| bytes[random.below(4096)] = random.below(256) as u8),
        }
    }
}

/// What can be known of the counts is held. In the space that live records leave there may be whole ones and copies, which damage
/// uncovers; so more is known of logs that have none and are sound.
#[test]
fn damaged_copies_are_read_to_their_end() {
    let mut random = Random(7);
    let (mut sound, mut read_of_damaged, mut lost, mut exact) = (0, 0, 0, 0);
    for path in corpus().iter().step_by(4) {
        let bytes = fs::read(path).unwrap();
        let plain = read_bytes(&bytes);
        let is_sound = plain.damages.is_empty() && plain.notes.is_empty() && plain.runs.len() == 1;
        for harm in Harm::ALL {
            let chunks = (bytes.len() - 4096) / 0x1_0000;
            let number = random.below(chunks.max(1));
            let mut damaged = bytes.clone();
            harm.harm(&mut damaged, number, &mut random);
            assert!(Evtx.recognises(&damaged[..damaged.len().min(1 << 16)], ""), "{path:?}: {harm:?}");
            let output = read_bytes(&damaged);
            let (before, after, gone) = (plain.records, output.records, told(&output));
            let place = || format!("{path:?}, {harm:?} {number}: {after} and {gone} of {before}: {:?}", output.damages);
            match harm {
                Harm::Signature => assert_eq!((after, gone), (before, told(&plain)), "{}", place()),
                Harm::FileHeader => assert_eq!(after, before, "{}", place()),
                // What stood before the first chunk's records, nothing tells.
                Harm::ZeroedChunk if is_sound && number > 0 => assert_eq!(after + gone, before, "{}", place()),
                Harm::CutShort if is_sound && damaged.len() > 4096 + 512 => {
                    assert_eq!(after + gone, before, "{}", place());
                    exact += 1;
                }
                Harm::ChunkHeader if is_sound => assert!(after >= before, "{}", place()),
                _ => {}
            }
            assert!(after >= before || !output.damages.is_empty(), "lost in silence: {}", place());
            sound += before;
            read_of_damaged += after;
            lost += gone;
        }
    }
    eprintln!(
        "{sound} records; of damaged copies {read_of_damaged}, and {lost} told to be lost; {exact} cut short counted"
    );
    assert!(exact > 0 || corpus().is_empty());
}

/// How many records are told to be lost.
fn told(output: &Output) -> u64 {
    output.damages.iter().map(|damage| damage.records).sum()
}

/// Reads twice, as [`Judge`] wants it.
fn read_bytes(bytes: &[u8]) -> Output {
    let piece = Arc::new(Piece { path: "damaged".into() });
    let mut judge = Judge::default();
    let mut output = Output::default();
    for comparing in [false, true] {
        judge.comparing = comparing;
        output = Output::default();
        let (mut cutter, mut input, mut reader) = (Evtx.cutter(), bytes, Evtx.reader());
        while let Some(block) = cutter.cut(&mut input).unwrap() {
            reader.read(&piece, &block, &mut judge, &mut output);
            evidence::records_xml(&block, |_| {});
        }
    }
    assert!(judge.differences.is_empty(), "{} differ: {}", judge.differences.len(), judge.differences[0]);
    output
}
