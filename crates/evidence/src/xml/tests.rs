use std::{
    io::{Cursor, Read},
    sync::Arc,
};

use event::{Class, Damage, Detector, Encoding, Event, Interest, LogSource, Piece, Position, Seen, TextGroup, Value};
use proptest::prelude::*;

use super::Xml;
use crate::{Format, Output};

/// More than any line.
const BYTE: u64 = 1 << 40;

#[derive(Debug, PartialEq)]
struct Shown {
    /// Or [`BYTE`] and the byte.
    line: u64,
    source: (String, String, u32),
    host: String,
    time: String,
    text: bool,
    fields: Vec<(String, Option<String>)>,
}

#[derive(Default)]
struct Keeper {
    interest: Arc<Interest>,
    word: &'static str,
    shown: Vec<Shown>,
}

impl Detector for Keeper {
    fn class(&mut self, _: &LogSource<'_>) -> Class {
        Class(0)
    }

    fn interest(&self, _: Class) -> Arc<Interest> {
        Arc::clone(&self.interest)
    }

    fn text_hits(&mut self, _: TextGroup, raw: &[u8], _: Encoding, hits: &mut Vec<usize>) -> bool {
        hits.extend(memchr::memmem::find_iter(raw, self.word));
        true
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        let mut fields = Vec::new();
        event.record.visit(&mut |name, value| {
            fields.push((name.to_owned(), (value != Value::Null).then(|| value.text().into_owned())));
        });
        for (slot, value) in event.fields {
            let value = (*value != Value::Null).then(|| value.text().into_owned());
            assert!(fields.contains(&(self.interest.fields[usize::from(*slot)].clone(), value)));
        }
        let source = event.record.source();
        self.shown.push(Shown {
            line: match event.record.position() {
                Position::Offset(byte) => BYTE + byte,
                line => line.number(),
            },
            source: (source.channel.to_owned(), source.provider.to_owned(), source.event_id),
            host: event.record.host().into_owned(),
            time: event.time.map(|time| time.to_string()).unwrap_or_default(),
            text: event.text,
            fields,
        });
    }
}

fn read_from(input: &mut dyn Read, interest: Interest, word: &'static str) -> (Vec<Shown>, Output) {
    let mut keeper = Keeper { interest: Arc::new(interest), word, shown: Vec::new() };
    let piece = Arc::new(Piece { path: "test".to_owned() });
    let (mut cutter, mut reader) = (Xml.cutter(), Xml.reader());
    let mut output = Output::default();
    while let Some(block) = cutter.cut(input).unwrap() {
        reader.read(&piece, &block, &mut keeper, &mut output);
    }
    assert_eq!(output.records as usize, keeper.shown.len());
    (keeper.shown, output)
}

fn read(text: impl AsRef<[u8]>) -> (Vec<Shown>, Output) {
    read_from(&mut Cursor::new(text.as_ref()), Interest { wanted: true, ..Interest::default() }, "")
}

fn event(id: u32, data: &str) -> String {
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='P'/>\
         <EventID>{id}</EventID><Channel>C</Channel></System>{data}</Event>"
    )
}

fn damages(output: &Output) -> Vec<(u64, u64, &str)> {
    output.damages.iter().map(|damage| (damage.position.number(), damage.records, damage.reason.as_str())).collect()
}

const WHOLE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<Events>
<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event">
  <System>
    <Provider Name="Prov" Guid="{1}" EventSourceName="Src"/>
    <EventID Qualifiers="16384">7036</EventID>
    <Version>0</Version>
    <Keywords>0x80</Keywords>
    <TimeCreated SystemTime="2020-01-02T03:04:05.6789000Z"/>
    <EventRecordID>12</EventRecordID>
    <Correlation/>
    <Execution ProcessID="4" ThreadID="5"></Execution>
    <Channel>System</Channel>
    <Computer>HOST</Computer>
    <Security UserID="S-1-5-18"/>
  </System>
  <EventData Name="TMP">
    <Data Name="param1"> a &lt;b&gt; &amp;&quot;&apos; &#x41;&#66; &unknown; &#xd800; </Data>
    <Data>x</Data><Data></Data>
    <Binary>00ff</Binary>
    <Data Name="Quote&quot;d"><![CDATA[<raw>]]></Data>
    <Data Name="Channel">own</Data>
    <Data Name="EventID">9</Data>
  </EventData>
  <UserData><Cleared xmlns:auto="x" xmlns="u"><Who code="5">tony</Who><Path/><Cert ref="r"/><Event>inner</Event></Cleared></UserData>
  <RenderingInfo Culture="en-US"><Message>words</Message></RenderingInfo>
  <ProcessingErrorData><ErrorCode>1</ErrorCode></ProcessingErrorData>
</Event>
</Events>
"#;

#[test]
fn every_part_of_an_event() {
    assert!(Xml.recognises(WHOLE.as_bytes(), ""));
    let (shown, output) = read(WHOLE);
    assert_eq!(output.damages, []);
    let [event] = shown.try_into().unwrap();
    assert_eq!(event.source, ("System".to_owned(), "Prov".to_owned(), 7036));
    assert_eq!((&*event.host, &*event.time, event.line), ("HOST", "2020-01-02T03:04:05.6789Z", 3));
    let fields: Vec<(&str, Option<&str>)> =
        event.fields.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    let expected = [
        ("Provider_Name", Some("Prov")),
        ("Provider_Guid", Some("{1}")),
        ("Provider_EventSourceName", Some("Src")),
        ("EventID_Qualifiers", Some("16384")),
        ("EventID", Some("7036")),
        ("Version", Some("0")),
        ("Keywords", Some("0x80")),
        ("SystemTime", Some("2020-01-02T03:04:05.6789000Z")),
        ("EventRecordID", Some("12")),
        ("Execution_ProcessID", Some("4")),
        ("Execution_ThreadID", Some("5")),
        ("Computer", Some("HOST")),
        ("UserID", Some("S-1-5-18")),
        ("param1", Some(" a <b> &\"' AB &unknown; \u{fffd} ")),
        ("Data", Some("x")),
        ("Data", None),
        ("Binary", Some("00ff")),
        ("Quote\"d", Some("<raw>")),
        ("Channel", Some("own")),
        ("Who_code", Some("5")),
        ("Who", Some("tony")),
        ("Path", None),
        ("Cert_ref", Some("r")),
        ("Cert", None),
        ("Event", Some("inner")),
    ];
    assert_eq!(fields, expected);
}

#[test]
fn any_layout() {
    let (a, b) = (event(1, ""), event(2, "<EventData><Data Name='x'>&lt;Event&gt;</Data></EventData>"));
    let prefixed = "<e:Event xmlns:e='http://schemas.microsoft.com/win/2004/08/events/event'><e:System><e:EventID>1</e:EventID></e:System></e:Event>";
    let layouts = [
        (format!("{a}{b}"), vec![1, BYTE + a.len() as u64]),
        (format!("{a}\r\n{b}\r\n"), vec![1, 2]),
        (format!("\u{feff}<?xml version='1.0'?>\n<Events>{a}{b}</Events>"), vec![2, BYTE + 33 + a.len() as u64]),
        (format!("Record 1\n<?xml version=\"1.0\"?>\n{a}\nRecord 2\n<?xml version=\"1.0\"?>\n{b}\n"), vec![3, 6]),
        (format!("<Events>\n{prefixed}\n{a}\n</Events>"), vec![2, 3]),
        ("<Event><System><EventID>1</EventID></System></Event>".to_owned(), vec![1]),
    ];
    for (text, lines) in layouts {
        assert!(Xml.recognises(text.as_bytes(), ""), "{text}");
        let (shown, output) = read(&text);
        assert_eq!(damages(&output), [], "{text}");
        assert_eq!(shown.iter().map(|event| event.line).collect::<Vec<_>>(), lines, "{text}");
    }
}

#[test]
fn other_xml_is_not_recognised() {
    for text in [
        "",
        "<",
        "<html><Event></Event></html>",
        "<Events></Events>",
        "{\"Event\":1}",
        "<EventData><System>",
        "Event <Event><System>",
    ] {
        assert!(!Xml.recognises(text.as_bytes(), "a.xml"), "{text}");
    }
}

#[test]
fn a_bad_beginning_does_not_hide_what_follows() {
    let good = event(1, "");
    for (before, lost) in
        [("# exported by hand\n", 1), ("</Data></EventData></Event>\n", 1), ("tail of a value</Data>\n  x\n", 2)]
    {
        let text = format!("{before}{good}\n{good}");
        assert!(Xml.recognises(text.as_bytes(), ""), "{text}");
        let (shown, output) = read(&text);
        let told: u64 = output.damages.iter().map(|damage| damage.records).sum();
        assert_eq!((shown.len(), told), (2, lost), "{text}: {:?}", output.damages);
    }
}

#[test]
fn references_to_no_character_are_told() {
    let bad = event(1, "<EventData><Data Name='a'>x&#xD800;y</Data></EventData>");
    let attribute = event(1, "<UserData><A><B c='&#xdfff;'/></A></UserData>");
    let good = event(1, "<EventData><Data>&#x1F600;&amp;&other;</Data></EventData>");
    let told = |text: &str| read(text).1.notes;
    assert_eq!(told(&good), [""; 0]);
    let note = "references to characters that there are not were read as U+FFFD";
    assert_eq!(told(&format!("{good}\n{bad}")), [format!("line 2: {note}")]);
    assert_eq!(told(&format!("{attribute}\n{good}\n{bad}\n{bad}")), [format!("line 1 and 2 more: {note}")]);
}

#[test]
fn a_damaged_event_costs_itself() {
    let good = event(1, "");
    let deep = event(1, &format!("<UserData>{}{}</UserData>", "<a>".repeat(200), "</a>".repeat(200)));
    let cut = good.replace("</Event>", "");
    let cases = [
        (cut.as_str(), "cut short: expected '</Event>', found the next event"),
        (&deep, "expected no more than 128 levels of nesting, found one more"),
        (&good.replace("<EventID>1</EventID>", ""), "not a Windows event: expected an event id, found none"),
        (&good.replace(">1<", ">one<"), "not a Windows event: expected a number as event id, found something else"),
        (&event(1, "<!DOCTYPE x [<!ENTITY a 'b'>]>"), "expected an event, found a document type"),
        ("garbage", "expected '<Event>', found 'g'"),
    ];
    for (bad, reason) in cases {
        let (shown, output) = read(format!("{good}\n{bad}\n{good}\n"));
        assert_eq!(shown.iter().map(|event| event.line).collect::<Vec<_>>(), [1, 3], "{bad}");
        assert_eq!(damages(&output), [(2, 1, reason)]);
    }
    let mismatched = good.replace("</Channel>", "</Chanel>");
    let (shown, output) = read(format!("{good}\n{mismatched}\n{good}\n{cut}"));
    assert_eq!((shown.len(), output.damages.len()), (2, 2));
    assert!(output.damages[0].reason.starts_with("expected well-formed XML, found: "));
    assert_eq!(output.damages[1].reason, "cut short: expected '</Event>', found the end");
}

#[test]
fn bytes_that_are_not_utf8_are_read_with_a_note() {
    let bytes = event(1, "<EventData><Data Name='User'>J?rg</Data></EventData>").replace('?', "\u{1}").into_bytes();
    let bytes: Vec<u8> = bytes.iter().map(|byte| if *byte == 1 { 0xf6 } else { *byte }).collect();
    let (shown, output) = read(bytes);
    assert_eq!(shown[0].fields.last().unwrap().1.as_deref(), Some("J\u{fffd}rg"));
    assert_eq!(output.notes.len(), 1);
}

#[test]
fn words_are_found_in_whatever_way_they_are_written() {
    let text = |data: &str, word| {
        let xml = format!("{}\n{}\n", event(1, ""), event(2, &format!("<EventData><Data>{data}</Data></EventData>")));
        let interest = Interest { wanted: true, fields: Vec::new(), text: Some(TextGroup(0)), ..Interest::default() };
        let (shown, _) = read_from(&mut Cursor::new(xml), interest, word);
        shown.iter().map(|event| event.text).collect::<Vec<_>>()
    };
    assert_eq!(text("a &amp; evil", "evil"), [false, true]);
    assert_eq!(text("a &amp; b", "absent"), [false, false]);
    // What may be written as its number cannot be ruled out.
    assert_eq!(text("&#x65;vil", "evil"), [false, true]);
}

#[test]
fn large_pieces_are_cut_between_events() {
    let data = format!("<EventData><Data Name='pad'>{}\n</Data></EventData>", "p".repeat(300));
    let events: Vec<String> = (0..8000).map(|id| event(id, &data)).collect();
    for text in [events.join("\n"), events.concat(), format!("<Events>{}</Events>", events.concat())] {
        let (shown, output) = read(&text);
        assert_eq!(damages(&output), []);
        assert!(shown.iter().map(|event| event.source.2).eq(0..8000));
        let last = text.rfind("<Event ").unwrap();
        let lines = memchr::memchr_iter(b'\n', &text.as_bytes()[..last]).count() as u64;
        assert_eq!(shown[7999].line, if text[..last].ends_with('\n') { lines + 1 } else { BYTE + last as u64 });
        let bytes = shown.iter().filter(|event| event.line >= BYTE).count();
        assert_eq!(bytes, if text[..last].ends_with('\n') { 0 } else { 7999 });
    }
}

#[test]
fn an_event_over_the_limit_is_skipped() {
    let good = event(1, "");
    let head = format!("{good}\n{}", good.replace("</Event>", "<x>"));
    let tail = format!("</x></Event>\n{good}\n");
    let mut input = Cursor::new(head).chain(std::io::repeat(b'x').take(100_000_000)).chain(Cursor::new(tail));
    let (shown, output) = read_from(&mut input, Interest { wanted: true, ..Interest::default() }, "");
    let reason = "expected a record of at most 67108864 bytes, found a longer one".to_owned();
    assert_eq!(output.damages, [Damage { position: Position::Line(2), records: 1, reason }]);
    assert_eq!(shown.iter().map(|event| event.line).collect::<Vec<_>>(), [1, 3]);
}

proptest! {
    #[test]
    fn survives_anything(middle in "[<>/=\"'&;#!?a-zEventSysm \n]{0,80}") {
        let text = format!("{}\n{middle}\n{}", event(1, ""), event(2, ""));
        let (shown, _) = read(&text);
        prop_assert!(shown.iter().any(|event| event.source.2 == 2));
    }

    /// Any text is read back, escaped or in CDATA.
    #[test]
    fn reads_what_was_written(text in "[^\u{0}-\u{8}\u{b}\u{c}\u{e}-\u{1f}]{1,40}", cdata in any::<bool>()) {
        let written = if cdata && !text.contains("]]>") {
            format!("<![CDATA[{text}]]>")
        } else {
            text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
        };
        let (shown, output) = read(event(1, &format!("<EventData><Data Name='x'>{written}</Data></EventData>")));
        prop_assert_eq!(damages(&output), vec![]);
        prop_assert_eq!(shown[0].fields.last().unwrap().1.as_deref(), Some(&*text));
    }
}
