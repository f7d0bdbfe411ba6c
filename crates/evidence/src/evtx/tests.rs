//! Hand-made logs, sound and damaged.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use event::{Class, Damage, Detector, Encoding, Event, Interest, LogSource, Piece, Position, TextGroup, Time};

use super::{
    Evtx, FILE_HEADER,
    build::{self, Chunk, Node, Template, Value, element, event, file, string, utf16, values},
    records_xml, show,
    tree::{Decoder, Field},
    walk::{CHUNK, Walk},
};
use crate::{Block, Format, Output, Run};

/// What a detector was shown of a record.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    source: (String, String, u32),
    id: u64,
    time: Option<Time>,
    fields: Vec<(String, String)>,
    /// All fields.
    all: Vec<(String, String)>,
    text: bool,
}

/// Wants the same fields of everything but of channel `Nothing`.
#[derive(Clone, Default)]
struct Toy {
    fields: Vec<String>,
    word: Option<&'static str>,
    /// Whether the records may say anything.
    damaged: bool,
    seen: Rc<RefCell<Vec<Seen>>>,
}

impl Detector for Toy {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        assert_eq!(source.product, "windows");
        Class(u32::from(source.channel != "Nothing"))
    }

    fn interest(&self, class: Class) -> Arc<Interest> {
        let text = self.word.map(|_| TextGroup(7));
        let interest = Interest { wanted: true, fields: self.fields.clone(), text, ..Interest::default() };
        Arc::new(if class.0 == 1 { interest } else { Interest::default() })
    }

    fn text_hits(&mut self, group: TextGroup, raw: &[u8], encoding: Encoding, hits: &mut Vec<usize>) -> bool {
        assert_eq!(group, TextGroup(7));
        let word = match encoding {
            Encoding::Utf8 | Encoding::RawText => self.word.unwrap().as_bytes().to_vec(),
            Encoding::Utf16Le => utf16(self.word.unwrap()),
        };
        hits.extend(memchr::memmem::find_iter(raw, &word));
        true
    }

    fn look(&mut self, event: &Event<'_>, _: &mut event::Seen) {
        let text = |value: &event::Value<'_>| value.text().into_owned();
        let fields = event.fields.iter();
        let fields = fields.map(|(slot, value)| (self.fields[usize::from(*slot)].clone(), text(value))).collect();
        let mut all = Vec::new();
        event.record.visit(&mut |name, value| all.push((name.to_owned(), text(&value))));
        let source = event.record.source();
        let source = (source.channel.to_owned(), source.provider.to_owned(), source.event_id);
        let Position::Record(id) = event.record.position() else { panic!("no record") };
        assert!(self.damaged || event.record.host() == "host.example");
        self.seen.borrow_mut().push(Seen { source, id, time: event.time, fields, all, text: event.text });
    }
}

fn cut(bytes: &[u8]) -> Vec<Block> {
    let (mut cutter, mut input) = (Evtx.cutter(), bytes);
    std::iter::from_fn(|| cutter.cut(&mut input).unwrap()).collect()
}

fn read(bytes: &[u8], toy: &mut Toy) -> Output {
    let piece = Arc::new(Piece { path: "test.evtx".into() });
    let (mut reader, mut output) = (Evtx.reader(), Output::default());
    cut(bytes).iter().for_each(|block| reader.read(&piece, block, toy, &mut output));
    output
}

fn sorted(mut fields: Vec<(String, String)>) -> Vec<(String, String)> {
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    fields
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// All fields of the first record, by the general decoder.
fn general(bytes: &[u8]) -> Vec<(String, String)> {
    let chunk = &bytes[FILE_HEADER..][..CHUNK];
    let mut walk = Walk::default();
    walk.walk(chunk, FILE_HEADER as u64);
    let tree = Decoder::new(chunk).tree(&walk.live[0]).unwrap();
    let text = |field: &Field<'_>| (field.name.to_string(), field.value.as_value().text().into_owned());
    tree.fields().iter().map(text).collect()
}

/// The event's own fields of one record, shown on the fast path and found the same on the general one.
fn own_fields(template: &Template, values: &[Value]) -> Vec<(String, String)> {
    let mut chunk = Chunk::new(1);
    chunk.record(template, values);
    let bytes = file(&[chunk.finish()], 0, 0, 2);
    let mut toy = Toy::default();
    let output = read(&bytes, &mut toy);
    assert_eq!((output.records, output.damages), (1, vec![]));
    let all = toy.seen.take().remove(0).all;
    assert_eq!(all, general(&bytes));
    let mut names: Vec<String> = all.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    names.dedup();
    toy.fields = names;
    read(&bytes, &mut toy);
    let seen = toy.seen.take().remove(0);
    assert_eq!(sorted(seen.fields), sorted(all.clone()));
    assert_eq!(seen.all, all, "found by templates");
    let system = ["Provider_Name", "EventID", "SystemTime", "EventRecordID", "Computer"];
    all.into_iter().filter(|(name, text)| !system.contains(&&**name) && text != "Application").collect()
}

fn data(name: &'static str, content: Vec<Node>) -> Node {
    element("Data", content).with("Name", vec![Node::Text(name)])
}

fn simple() -> Template {
    let data = vec![element("EventData", vec![data("Image", vec![Node::Substitution(3)])])];
    (1, event("Application", data))
}

#[test]
fn a_record_is_shown_as_asked_for() {
    let mut chunk = Chunk::new(5);
    chunk
        .record(&simple(), &values(4711, vec![string("C:\\a.exe\0")]))
        .record(&simple(), &values(1, vec![string("b")]));
    let mut toy = Toy { fields: vec!["Image".into(), "EventID".into(), "Other".into()], ..Toy::default() };
    let output = read(&file(&[chunk.finish()], 0, 0, 7), &mut toy);
    let time = Time::from_filetime(build::TIME);
    let run = Run { first: 5, last: 6, from: time, until: time };
    assert_eq!(output, Output { records: 2, runs: vec![run], ..Output::default() });
    let seen = toy.seen.take();
    assert_eq!(seen[0].source, ("Application".into(), "Some-Provider".into(), 4711));
    assert_eq!((seen[0].id, seen[0].time, seen[1].id), (5, time, 6));
    assert_eq!(seen[0].fields, pairs(&[("Image", "C:\\a.exe"), ("EventID", "4711")]));
    let all = [
        ("Provider_Name", "Some-Provider"),
        ("EventID", "4711"),
        ("SystemTime", "2016-07-08T18:12:51.6816408Z"),
        ("EventRecordID", "0"),
        ("Channel", "Application"),
        ("Computer", "host.example"),
        ("Image", "C:\\a.exe"),
    ];
    assert_eq!(seen[0].all, pairs(&all));
}

#[test]
fn what_is_not_wanted_is_counted() {
    let mut chunk = Chunk::new(1);
    chunk.record(&(1, event("Nothing", vec![])), &values(1, vec![]));
    let mut toy = Toy::default();
    assert_eq!(read(&file(&[chunk.finish()], 0, 0, 2), &mut toy).records, 1);
    assert!(toy.seen.take().is_empty());
}

#[test]
fn halves_of_surrogate_pairs_are_told() {
    let mut chunk = Chunk::new(5);
    for units in [&[0x3d, 0xd8, 0x00, 0xde], &[0x00, 0xd8, 0x41, 0x00], &[0x41, 0x00, 0x00, 0xdc]] {
        chunk.record(&simple(), &values(1, vec![Value::Typed(0x01, units.to_vec())]));
    }
    let mut toy = Toy { fields: vec!["Image".into()], ..Toy::default() };
    let output = read(&file(&[chunk.finish()], 0, 0, 8), &mut toy);
    assert_eq!(output.notes, ["record 6 and 1 more: unpaired surrogates were read as U+FFFD"]);
}

#[test]
fn content_of_several_parts_is_put_together() {
    let parts = vec![
        Node::Text("a<"),
        Node::Substitution(3),
        Node::Entity("amp"),
        Node::Entity("unknown"),
        Node::Char(0xe4),
        Node::Cdata("<c>"),
        Node::Literal(0x08, vec![7, 0, 0, 0]),
    ];
    let template = (1, event("Application", vec![element("EventData", vec![data("X", parts)])]));
    let fields = own_fields(&template, &values(1, vec![string("b")]));
    assert_eq!(fields, pairs(&[("X", "a<b&&unknown;ä<c>7")]));
}

#[test]
fn nested_templates_and_bare_fragments_give_the_same() {
    let root = (1, event("Application", vec![Node::Substitution(3)]));
    let inner = (2, element("EventData", vec![data("X", vec![Node::Substitution(0)])]));
    let nested = values(1, vec![Value::Instance(inner.clone(), vec![string("x")])]);
    assert_eq!(own_fields(&root, &nested), pairs(&[("X", "x")]));
    let bare = element("EventData", vec![data("X", vec![Node::Text("x")])]);
    assert_eq!(own_fields(&root, &values(1, vec![Value::Elements(vec![bare])])), pairs(&[("X", "x")]));
    // One in the other: the inner root's own content is a fragment.
    let outer = (3, element("UserData", vec![Node::Substitution(0)]));
    let deep = (4, element("Top", vec![element("Y", vec![Node::Substitution(0)]).with("a", vec![Node::Text("1")])]));
    let deep = Value::Instance(outer, vec![Value::Instance(deep, vec![string("y")])]);
    assert_eq!(own_fields(&root, &values(1, vec![deep])), pairs(&[("Y_a", "1"), ("Y", "y")]));
    // A fragment in a field's place is no field, but what it brings is.
    let data = vec![element("UserData", vec![element("Z", vec![Node::Substitution(3)])])];
    let fragment = Value::Elements(vec![element("W", vec![Node::Text("w")])]);
    assert_eq!(own_fields(&(5, event("Application", data)), &values(1, vec![fragment])), pairs(&[("W", "w")]));
}

#[test]
fn arrays_repeat_what_they_stand_in() {
    let array = || Value::Typed(0x81, utf16("a\0\0b\0"));
    let unnamed =
        (1, event("Application", vec![element("EventData", vec![element("Data", vec![Node::Substitution(3)])])]));
    let expected = pairs(&[("Data", "a"), ("Data", ""), ("Data", "b")]);
    assert_eq!(own_fields(&unnamed, &values(1, vec![array()])), expected);
    let numbers = Value::Typed(0x88, [1u32, 2].map(u32::to_le_bytes).concat());
    assert_eq!(own_fields(&unnamed, &values(1, vec![numbers])), pairs(&[("Data", "1"), ("Data", "2")]));
    assert_eq!(own_fields(&unnamed, &values(1, vec![Value::Typed(0x81, vec![])])), pairs(&[("Data", "")]));
    // In an attribute, and with text beside it.
    let user =
        vec![element("UserData", vec![element("U", vec![Node::Text("t")]).with("a", vec![Node::Substitution(3)])])];
    let expected = pairs(&[("U_a", "a"), ("U", "t"), ("U", "t"), ("U_a", "b"), ("U", "t")]);
    assert_eq!(own_fields(&(2, event("Application", user)), &values(1, vec![array()])), expected);
    let mixed = vec![element("EventData", vec![data("M", vec![Node::Text("-"), Node::Substitution(3)])])];
    let expected = pairs(&[("M", "-a"), ("M", "-"), ("M", "-b")]);
    assert_eq!(own_fields(&(3, event("Application", mixed)), &values(1, vec![array()])), expected);
}

#[test]
fn what_depends_on_null_is_left_out() {
    let children = vec![
        data("A", vec![Node::Substitution(3)]).depends_on(3),
        data("B", vec![Node::Substitution(3)]),
        data("C", vec![]),
    ];
    let template = (1, event("Application", vec![element("EventData", children)]));
    let null = Value::Typed(0, vec![]);
    assert_eq!(own_fields(&template, &values(1, vec![null.clone()])), pairs(&[("B", ""), ("C", "")]));
    assert_eq!(own_fields(&template, &values(1, vec![string("x")])), pairs(&[("A", "x"), ("B", "x"), ("C", "")]));
    // Without a child that was left out, an element is a field after all.
    let user = element("UserData", vec![element("U", vec![element("V", vec![Node::Text("v")]).depends_on(3)])]);
    let template = (2, event("Application", vec![user]));
    assert_eq!(own_fields(&template, &values(1, vec![null])), pairs(&[("U", "")]));
    assert_eq!(own_fields(&template, &values(1, vec![string("x")])), pairs(&[("V", "v")]));
}

#[test]
fn names_may_be_values_and_hide_those_of_the_system_section() {
    let named = element("Data", vec![Node::Substitution(4)]).with("Name", vec![Node::Substitution(3)]);
    let template = (1, event("Application", vec![element("EventData", vec![named])]));
    let fields = |name, value| own_fields(&template, &values(1, vec![string(name), string(value)]));
    assert_eq!(fields("X", "x"), pairs(&[("X", "x")]));
    assert_eq!(fields("", "x"), pairs(&[("Data", "x")]));
    assert_eq!(fields("EventID", "x"), pairs(&[]));
    // Hides System's, which would be `Application`.
    assert_eq!(fields("Channel", "x"), pairs(&[("Channel", "x")]));
    let fixed = vec![element("EventData", vec![data("Channel", vec![Node::Substitution(3)])])];
    let fields = own_fields(&(2, event("Application", fixed)), &values(1, vec![string("x")]));
    assert_eq!(fields, pairs(&[("Channel", "x")]));
}

#[test]
fn values_that_do_not_stand_in_the_chunk_are_text() {
    let old = Value::Typed(0x11, 1u64.to_le_bytes().to_vec());
    let fields = own_fields(&simple(), &values(1, vec![old]));
    assert_eq!(fields, pairs(&[("Image", "1601-01-01T00:00:00.0000001Z")]));
    let narrow = Value::Typed(0x02, b"\xe4\0".to_vec());
    assert_eq!(own_fields(&simple(), &values(1, vec![narrow])), pairs(&[("Image", "ä")]));
}

#[test]
fn words_are_not_ruled_out_where_they_are() {
    let with_word = event("Application", vec![element("EventData", vec![data("Word", vec![Node::Substitution(3)])])]);
    let mut chunk = Chunk::new(1);
    chunk.record(&simple(), &values(1, vec![string("a Word")]));
    chunk.record(&simple(), &values(1, vec![string("none")]));
    for narrow in [b"Word\0", b"W\0ord", b"none\0"] {
        chunk.record(&simple(), &values(1, vec![Value::Typed(0x02, narrow.to_vec())]));
    }
    chunk.record(&(2, with_word.clone()), &values(1, vec![string("none")]));
    chunk.record(&simple(), &values(1, vec![string("none")]));
    chunk.record(&(2, with_word), &values(1, vec![string("none")]));
    let mut toy = Toy { word: Some("Word"), ..Toy::default() };
    read(&file(&[chunk.finish()], 0, 0, 9), &mut toy);
    let text: Vec<bool> = toy.seen.take().iter().map(|seen| seen.text).collect();
    assert_eq!(text, [true, false, true, true, false, true, false, true]);
}

/// A chunk of some sixty records, numbered from `first` on.
fn full_chunk(first: u64) -> Chunk {
    let mut chunk = Chunk::new(first);
    let text = "x".repeat(400);
    while chunk.room() > 2000 {
        chunk.record(&simple(), &values(1, vec![string(&text)]));
    }
    chunk
}

/// A log of so many chunks, and its number of records.
fn log(chunks: usize) -> (Vec<u8>, u64) {
    let mut next = 1;
    let mut all = Vec::new();
    for _ in 0..chunks {
        let chunk = full_chunk(next);
        next = chunk.next_id;
        all.push(chunk.finish());
    }
    (file(&all, 0, 0, next), next - 1)
}

fn lost(output: &Output) -> u64 {
    output.damages.iter().map(|damage| damage.records).sum()
}

#[test]
fn blocks_and_runs_go_on_from_chunk_to_chunk() {
    let (bytes, records) = log(20);
    let blocks = cut(&bytes);
    let places: Vec<_> = blocks.iter().map(|block| (block.offset, block.bytes.len())).collect();
    assert_eq!(places, [(0, 4096 + 16 * CHUNK), (4096 + 16 * CHUNK as u64, 4 * CHUNK)]);
    let output = read(&bytes, &mut Toy::default());
    let run = output.runs[0];
    assert_eq!((output.records, lost(&output), output.runs.len()), (records, 0, 1));
    assert_eq!((run.first, run.last), (1, records));
    // A carved piece has no file header.
    let carved = read(&bytes[4096..], &mut Toy::default());
    assert_eq!((carved.records, carved.damages), (records, vec![]));
    assert!(Evtx.recognises(&bytes, "") && Evtx.recognises(&bytes[4096..], "") && !Evtx.recognises(b"ElfFil", ""));
}

#[test]
fn a_damaged_file_header_costs_no_record() {
    let (bytes, records) = log(2);
    let read_all = |bytes: &[u8]| {
        assert!(Evtx.recognises(&bytes[..bytes.len().min(1 << 16)], ""));
        let output = read(bytes, &mut Toy::default());
        let damages: Vec<_> = output.damages.iter().map(|damage| (damage.position, damage.records)).collect();
        assert_eq!((output.records, damages), (records, vec![(Position::Offset(0), 0)]), "{:?}", output.damages);
        assert_eq!(show(&mut &bytes[..], records, 0).unwrap()[0].id, records);
        output.damages[0].reason.clone()
    };
    // Of the signature, each bit; of the rest, some.
    for bit in 0..64 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let reason = read_all(&damaged);
        assert!(reason.ends_with("the first chunk begins at 4096"), "{reason}");
    }
    for at in [8, 24, 42, 100, 119, 124] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(read_all(&damaged).contains("checksum"));
    }
    let mut wiped = bytes.clone();
    wiped[..4096].fill(0);
    read_all(&wiped);
    // Cut at its front, or with something before it; at last without the first chunk's signature either.
    let mut shifted = vec![7; 8192];
    shifted.extend_from_slice(&bytes);
    read_all(&shifted);
    wiped[4096..4104].fill(0);
    let output = read(&wiped, &mut Toy::default());
    assert!(Evtx.recognises(&wiped, "") && output.records == records, "{:?}", output.damages);
    // What the header says of the log's length is believed if only its signature is damaged.
    let mut cut_short = bytes[..4096 + CHUNK].to_vec();
    cut_short[0] ^= 1;
    let output = read(&cut_short, &mut Toy::default());
    assert_eq!((output.records, lost(&output)), (records / 2, records / 2), "{:?}", output.damages);
}

#[test]
fn a_broken_header_costs_its_record() {
    let chunk = full_chunk(1);
    let count = chunk.next_id - 1;
    let (at, next) = (chunk.starts[10], chunk.starts[11]);
    for (place, byte) in [(at, 0), (at + 5, 0xff), (at + 8, 0xff)] {
        let mut bytes = file(&[chunk.finish()], 0, 0, count + 1);
        bytes[4096 + place] = byte;
        let output = read(&bytes, &mut Toy::default());
        let checksum = output.damages.first().unwrap();
        assert!(checksum.reason.contains("checksum"), "{checksum:?}");
        if place == at {
            assert_eq!((output.records, lost(&output)), (count - 1, 1), "{:?}", output.damages);
            assert_eq!(output.damages[1].position, Position::Offset(4096 + at as u64));
            assert!(output.damages[1].reason.contains(&format!("found {} bytes", next - at)));
        } else {
            // A wrong size does not matter, since the next record is found; nor does a wrong number.
            assert_eq!((output.records, lost(&output)), (count, 0), "{:?}", output.damages);
        }
    }
}

#[test]
fn bad_values_cost_their_record() {
    let chunk = full_chunk(1);
    let mut bytes = file(&[chunk.finish()], 0, 0, chunk.next_id);
    // The type of the first value: behind headers, token, unknown byte, id, offset and count.
    let ty = 4096 + chunk.starts[3] + 24 + 4 + 10 + 4 + 2;
    bytes[ty] = 0x7f;
    let output = read(&bytes, &mut Toy::default());
    assert_eq!((output.records, lost(&output)), (chunk.next_id - 2, 1));
    let damage = Damage {
        position: Position::Record(4),
        records: 1,
        reason: "a substitution has a type that does not exist".into(),
    };
    assert_eq!(output.damages[1], damage);
    let ids: Vec<(u64, u64)> = output.runs.iter().map(|run| (run.first, run.last)).collect();
    assert_eq!(ids, [(1, 3), (5, chunk.next_id - 1)]);
}

#[test]
fn a_chunk_without_header_gives_its_whole_records() {
    let (mut bytes, records) = log(3);
    bytes[4096 + CHUNK..4096 + CHUNK + 512].fill(0);
    let output = read(&bytes, &mut Toy::default());
    assert_eq!((output.records, lost(&output), output.damages.len()), (records, 0, 1));
    // Without the template definition in the first record, there is nothing to be had.
    bytes[4096 + CHUNK..4096 + CHUNK + 600].fill(0);
    let output = read(&bytes, &mut Toy::default());
    let in_chunk = records / 3;
    assert_eq!(output.records, records - in_chunk);
}

#[test]
fn blank_chunks_are_damage_only_within_the_log() {
    let (bytes, records) = log(4);
    let in_chunk = records / 4;
    let reading = |bytes: &[u8]| {
        let output = read(bytes, &mut Toy::default());
        (output.records, lost(&output), output.damages.len())
    };
    let mut preallocated = bytes.clone();
    preallocated.resize(bytes.len() + 3 * CHUNK, 0);
    assert_eq!(reading(&preallocated), (records, 0, 0));
    for (chunk, count) in [(1, 1), (0, 1), (2, 2), (3, 1)] {
        let mut blank = bytes.clone();
        blank[4096 + chunk * CHUNK..4096 + (chunk + count) * CHUNK].fill(0);
        let gone = in_chunk * count as u64;
        // What stood before the first chunk cannot be known.
        let known = if chunk == 0 { 0 } else { gone };
        assert_eq!(reading(&blank), (records - gone, known, 1), "{count} from {chunk}");
    }
    assert_eq!(reading(&bytes[..4096 + 3 * CHUNK]), (records - in_chunk, in_chunk, 1));
    // Within a chunk: its header knows what is missing of it, and the file's knows of the next one.
    let (read, missing, _) = reading(&bytes[..4096 + 2 * CHUNK + 30000]);
    assert!(read > 2 * in_chunk && read + missing == records, "{read} and {missing}");
}

#[test]
fn a_log_that_is_open_has_more_chunks_than_its_header_says() {
    let (mut bytes, records) = log(3);
    bytes[42] = 1;
    bytes[120] = 1;
    let checksum = crc32fast::hash(&bytes[..120]);
    bytes[124..128].copy_from_slice(&checksum.to_le_bytes());
    let output = read(&bytes, &mut Toy::default());
    assert_eq!((output.records, output.damages), (records, vec![]));
    assert_eq!(output.notes, ["log was not closed (dirty)"]);
    bytes[30] ^= 1;
    let output = read(&bytes, &mut Toy::default());
    assert_eq!((output.records, output.damages.len(), output.damages[0].position), (records, 1, Position::Offset(0)));
}

#[test]
fn whole_records_in_slack_space_are_taken_once() {
    let template = simple();
    let mut old = Chunk::new(1);
    old.record(&template, &values(1, vec![string("live")]));
    let live = old.bytes.len();
    old.record(&template, &values(1, vec![string("slack")])).record(&template, &values(1, vec![string("slack")]));
    // As if only the first record had been written yet: the header does not know of the others.
    let mut chunk = Chunk::new(1);
    chunk.record(&template, &values(1, vec![string("live")]));
    let slack = &old.bytes[live..];
    let copy_of_live = &chunk.bytes[512..];
    let bytes = file(&[chunk.finish_with(&[slack, slack, copy_of_live].concat())], 0, 0, 2);
    let mut toy = Toy { fields: vec!["Image".into()], ..Toy::default() };
    let output = read(&bytes, &mut toy);
    assert_eq!((output.records, output.damages, output.runs.len()), (3, vec![], 1));
    assert_eq!(output.notes, ["2 records recovered from slack space"]);
    let ids: Vec<u64> = toy.seen.take().iter().map(|seen| seen.id).collect();
    assert_eq!(ids, [1, 2, 3]);
    // Behind a chunk whose records stand in slack as well, they are those of that chunk.
    let mut second = Chunk::new(4);
    second.record(&template, &values(1, vec![string("live")]));
    let bytes = file(&[old.finish(), second.finish_with(slack)], 0, 0, 5);
    let output = read(&bytes, &mut Toy::default());
    assert_eq!((output.records, output.notes), (4, vec![]));
}

#[test]
fn crafted_chunks_end() {
    // A template that nests itself: the fragment's instance refers to the definition it stands in.
    let root = (1, event("Application", vec![Node::Substitution(3)]));
    let inner = (2, element("EventData", vec![data("X", vec![Node::Substitution(0)])]));
    let mut chunk = Chunk::new(1);
    chunk.record(&root, &values(1, vec![Value::Instance(inner, vec![string("x")])]));
    let mut bytes = chunk.finish();
    let definition = u32::from_le_bytes(bytes[512 + 34..512 + 38].try_into().unwrap());
    let at = memchr::memmem::rfind(&bytes[..chunk.bytes.len()], &[0x0c, 1, 2, 0, 0, 0]).unwrap();
    bytes[at + 6..at + 10].copy_from_slice(&definition.to_le_bytes());
    read(&file(&[bytes], 0, 0, 2), &mut Toy { fields: vec!["X".into()], ..Toy::default() });

    // Fragments that double what they hold, sixteen deep.
    let twice = || vec![Node::Substitution(0), Node::Substitution(0)];
    let mut value = string("x");
    for number in 10..26 {
        value = Value::Instance((number, element("UserData", twice())), vec![value]);
    }
    let mut chunk = Chunk::new(1);
    chunk.record(&(1, event("Application", vec![Node::Substitution(3)])), &values(1, vec![value]));
    let output = read(&file(&[chunk.finish()], 0, 0, 2), &mut Toy { fields: vec!["X".into()], ..Toy::default() });
    assert_eq!((output.records, lost(&output)), (0, 1), "{:?}", output.damages);

    // The same by openings: each level opens the next one 300 times.
    let mut value = string("x");
    for number in 30..36 {
        let opened = vec![Node::Substitution(0); 300];
        value = Value::Instance((number, element("UserData", opened)), vec![value]);
    }
    let mut chunk = Chunk::new(1);
    chunk.record(&(1, event("Application", vec![Node::Substitution(3)])), &values(1, vec![value]));
    let output = read(&file(&[chunk.finish()], 0, 0, 2), &mut Toy { fields: vec!["X".into()], ..Toy::default() });
    assert_eq!((output.records, lost(&output)), (0, 1), "{:?}", output.damages);

    // Elements nested too deep, in a record of its own making.
    let mut chunk = Chunk::new(1);
    chunk.write(|chunk| {
        (0..5000).for_each(|_| chunk.bytes.extend_from_slice(&[0x01, 0, 0, 0, 0, 0x00, 0x80, 0, 0, 0x02]));
    });
    let output = read(&file(&[chunk.finish()], 0, 0, 2), &mut Toy::default());
    assert_eq!((output.records, lost(&output)), (0, 1));
}

#[test]
fn a_person_is_shown_a_record_and_its_neighbours() {
    let (bytes, records) = log(20);
    let ids = |id, neighbours| {
        let shown = show(&mut &bytes[..], id, neighbours).unwrap();
        shown.into_iter().map(|record| record.id).collect::<Vec<u64>>()
    };
    assert_eq!(ids(7, 0), [7]);
    assert_eq!(ids(1, 2), [1, 2, 3]);
    assert_eq!(ids(records, 1), [records - 1, records]);
    let in_block = records / 20 * 16;
    assert_eq!(ids(in_block, 1), [in_block - 1, in_block, in_block + 1]);
    assert_eq!(ids(in_block + 1, 2), [in_block - 1, in_block, in_block + 1, in_block + 2, in_block + 3]);
    assert!(ids(records + 1, 3).is_empty());
    let mut count = 0;
    cut(&bytes).iter().for_each(|block| records_xml(block, |record| count += u64::from(record.xml.is_ok())));
    assert_eq!(count, records);

    let mut chunk = Chunk::new(1);
    chunk.record(&simple(), &values(1, vec![string("<\u{1b}[1m&\r")]));
    let shown = show(&mut &file(&[chunk.finish()], 0, 0, 2)[..], 1, 0).unwrap();
    let expected = "<Event>\n  <System>\n    <Provider Name=\"Some-Provider\"/>\n    <EventID>1</EventID>\n    \
        <TimeCreated SystemTime=\"2016-07-08T18:12:51.6816408Z\"/>\n    <EventRecordID>0</EventRecordID>\n    \
        <Channel>Application</Channel>\n    <Computer>host.example</Computer>\n  </System>\n  <EventData>\n    \
        <Data Name=\"Image\">&lt;_[1m&amp;&#13;</Data>\n  </EventData>\n</Event>\n";
    assert_eq!(shown[0].xml.as_deref(), Ok(expected));
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

#[test]
fn damage_is_told_and_costs_little() {
    let mut random = Random(42);
    let (bytes, records) = log(3);
    let in_chunk = records / 3;
    for round in 0..300 {
        let mut damaged = bytes.clone();
        let chunk = 4096 + CHUNK * random.below(3);
        match round % 5 {
            0 => {
                let at = chunk + random.below(CHUNK);
                damaged[at] ^= 1 << random.below(8);
            }
            4 => {
                let at = random.below(4096);
                damaged[at] ^= 1 << random.below(8);
            }
            1 => {
                let at = chunk + random.below(CHUNK - 512);
                damaged[at..at + 512].fill(0);
            }
            2 => damaged.truncate(4096 + random.below(3 * CHUNK)),
            _ => (0..20).for_each(|_| damaged[chunk + random.below(CHUNK)] = random.below(256) as u8),
        }
        let output = read(&damaged, &mut Toy { fields: vec!["Image".into()], damaged: true, ..Toy::default() });
        let (read, missing) = (output.records, lost(&output));
        assert!(read <= records, "round {round}: {read} records");
        // What was not read is told exactly, whatever the damage.
        assert_eq!(read + missing, records, "round {round}: {:?}", output.damages);
        match round % 5 {
            // The file's header, of which most is unused, holds no record.
            4 => assert_eq!((read, missing), (records, 0), "round {round}: {:?}", output.damages),
            // One bit costs one record, unless it is in the template or the chunk's header.
            0 => assert!(read + 1 >= records || read >= records - in_chunk, "round {round}: {read}"),
            2 => assert_eq!(read + missing, records, "round {round}: {:?}", output.damages),
            _ => assert!(read >= records - in_chunk, "round {round}: {read}"),
        }
        assert!(read == records || !output.damages.is_empty(), "round {round}: lost in silence");
    }
    // In another order the chunks are the same.
    let mut swapped = bytes.clone();
    let (first, rest) = swapped[4096..].split_at_mut(CHUNK);
    first.swap_with_slice(&mut rest[CHUNK..]);
    let output = read(&swapped, &mut Toy::default());
    assert_eq!((output.records, output.damages, output.runs.len()), (records, vec![], 3));
}
