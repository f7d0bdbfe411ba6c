//! Whole blocks: records, damages, notes, words, borders.

use std::sync::Arc;

use event::{Class, Detector, Encoding, Event, Interest, LogSource, Piece, Position, Seen, TextGroup};
use proptest::prelude::*;

use super::{
    Layouts, W3c, Web,
    decode::{Escape, Scratch},
};
use crate::{Format, Output};

/// Keeps what it is shown: line, channel and provider, values, whether the word may stand there.
#[derive(Debug, Default, PartialEq)]
struct Keeper {
    word: &'static str,
    fields: Vec<String>,
    shown: Vec<(u64, String, String, bool)>,
}

impl Keeper {
    fn new(word: &'static str, fields: &[&str]) -> Self {
        Self { word, fields: fields.iter().map(|name| (*name).to_owned()).collect(), shown: Vec::new() }
    }
}

impl Detector for Keeper {
    fn class(&mut self, _: &LogSource<'_>) -> Class {
        Class(0)
    }

    fn interest(&self, _: Class) -> Arc<Interest> {
        Arc::new(Interest {
            wanted: true,
            fields: self.fields.clone(),
            text: Some(TextGroup(0)),
            ..Interest::default()
        })
    }

    fn text_hits(&mut self, _: TextGroup, raw: &[u8], _: Encoding, hits: &mut Vec<usize>) -> bool {
        hits.extend(memchr::memmem::find_iter(raw, self.word.as_bytes()));
        true
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        let source = event.record.source();
        let values: Vec<_> = event.fields.iter().map(|(_, value)| value.text().into_owned()).collect();
        let source = format!("{} {}", source.channel, source.provider);
        self.shown.push((event.record.position().number(), source, values.join("|"), event.text));
    }
}

/// Reads bytes that come `step` at a time.
fn read(format: &dyn Format, bytes: &[u8], keeper: &mut Keeper) -> Output {
    let (mut cutter, mut reader, mut input, mut output) = (format.cutter(), format.reader(), bytes, Output::default());
    let piece = Arc::new(Piece { path: "access.log".to_owned() });
    while let Some(block) = cutter.cut(&mut input).unwrap() {
        reader.read(&piece, &block, keeper, &mut output);
    }
    output
}

#[test]
fn access_and_error_lines_stand_in_one_file() {
    let text = b"\xef\xbb\xbf\
::1 - - [22/Nov/2026:05:34:28 +0000] \"GET /%2e?a=b+c HTTP/1.1\" 200 5\r
nothing known

2026/11/22 05:34:28 [error] 1#1: word\r
Stack trace:

#0 {main}
[Sun Nov 22 05:34:36 2026] [error] [client ::1] x
sh: 1: word: not found
{\"time\":\"2026-11-22T05:34:28Z\",\"request\":\"GET / HTTP/1.1\",\"status\":200}
::1 - - [22/Nov/2026:05:34:28 +0000] \"\\x16\\x03\xff\" 400 5";
    let mut keeper = Keeper::new("word", &["cs-uri-query", "message", "cs-method", "request"]);
    let output = read(&Web::default(), text, &mut keeper);
    let shown = |line, source: &str, values: &str, text| (line, source.to_owned(), values.to_owned(), text);
    assert_eq!(
        keeper.shown,
        [
            shown(1, "access ", "a=b+c|a=b c|/%2e?a=b+c|/.?a=b c|GET|GET /%2e?a=b+c HTTP/1.1", false),
            shown(4, "error nginx", "word\r\nStack trace:\n\n#0 {main}", true),
            shown(8, "error apache", "x\nsh: 1: word: not found", true),
            shown(10, "access ", "/|GET|GET / HTTP/1.1", false),
            shown(11, "access ", "\u{16}\u{3}\u{fffd}", false),
        ]
    );
    assert_eq!(output.records, 5);
    assert_eq!(output.damages.len(), 1);
    assert_eq!((output.damages[0].position, output.damages[0].records), (Position::Line(2), 1));
    assert_eq!(output.notes.len(), 3, "{:?}", output.notes);
}

#[test]
fn columns_are_read_by_the_line_that_names_them() {
    let text = b"\
#Software: x
1 2
#Date: 2026-11-22 05:00:00
#Fields: time cs-method cs-uri-stem cs-uri-query sc-status sc-win32-status cs(User-Agent)
05:34:28 GET /a+b - 200 0 a+b
05:34:29 GET /a
#Fields: date time c-ip cs-uri-scheme cs-host cs-uri-path cs-uri-query cs(User-Agent)
2026-11-22 05:34:28 ::1 http a.example /x ?y=1 \"a \"\"b\"\" c\"
";
    let mut keeper = Keeper::new("::1", &["cs-uri", "cs-user-agent", "sc-win32-status"]);
    let output = read(&W3c::default(), text, &mut keeper);
    let shown = |line, source: &str, values: &str, text| (line, source.to_owned(), values.to_owned(), text);
    assert_eq!(
        keeper.shown,
        [
            shown(5, "access iis", "/a+b|/a b|a+b|a b|0", false),
            shown(8, "proxy ", "http://a.example/x?y=1|a \"b\" c", true),
        ]
    );
    let damages: Vec<_> = output.damages.iter().map(|damage| (damage.position, damage.reason.as_str())).collect();
    assert_eq!(
        damages,
        [
            (Position::Line(2), "expected a line #Fields: that names the columns, found none before this line"),
            (Position::Line(6), "expected 7 columns as #Fields: names them, found 3"),
        ]
    );
}

#[test]
fn a_line_of_a_megabyte_is_one_record() {
    let line = format!("::1 - - [22/Nov/2026:05:34:28 +0000] \"GET /{} HTTP/1.1\" 200 5\n", "%41".repeat(400_000));
    let mut keeper = Keeper::new("-", &["cs-uri-stem"]);
    let output = read(&Web::default(), line.repeat(2).as_bytes(), &mut keeper);
    assert_eq!((output.records, output.damages.len()), (2, 0));
    assert_eq!(keeper.shown[1].2.len(), 1_200_001 + 1 + 400_001);
}

#[test]
fn blocks_begin_with_records() {
    let record =
        format!("22-Nov-2026 05:34:28.123 SEVERE [main] a.B c\n{}", "java.lang.Error: x\n\tat y\n".repeat(400));
    let text = record.repeat(60);
    let (mut cutter, mut input) = (Web::default().cutter(), text.as_bytes());
    let mut blocks = Vec::new();
    while let Some(block) = cutter.cut(&mut input).unwrap() {
        assert!(block.bytes.starts_with(b"22-Nov"));
        blocks.push(block);
    }
    assert!(blocks.len() > 1);
    assert_eq!(blocks.iter().map(|block| block.bytes.len()).sum::<usize>(), text.len());
    let mut keeper = Keeper::new("-", &["severity"]);
    let output = read(&Web::default(), text.as_bytes(), &mut keeper);
    assert_eq!((output.records, output.damages.len()), (60, 0));
}

const LINES: [&str; 9] = [
    "::1 - - [22/Nov/2026:05:34:28 +0000] \"GET /a?b HTTP/1.1\" 200 5 \"-\" \"x\"\n",
    "a.example:80 ::1 - u [22/Nov/2026:05:34:28 +0000] \"-\" 200 5\n",
    "2026/11/22 05:34:28 [error] 1#1: *1 x, client: ::1, server: , request: \"GET / HTTP/1.1\", host: \"a\"\n",
    "[Sun Nov 22 05:34:36.318718 2026] [core:error] [pid 1:tid 2] [client ::1:5] AH1: x, referer: y\n",
    "22-Nov-2026 05:34:28.123 SEVERE [main] a.B c\n",
    "Nov 22, 2026 5:34:28 AM a.B c\nINFO: x\n",
    "\tat y\n",
    "{\"time\":\"2026-11-22T05:34:28Z\",\"request\":\"GET / HTTP/1.1\",\"status\":200}\n",
    "[22/Nov/2026:05:34:28 +0000] - 200 200 - GET http a \"/\" [Client ::1] [Length 5] [Gzip -] [Sent-to b] \"x\" \"-\"\n",
];

const W3C: [&str; 4] = [
    "#Fields: date time c-ip cs-uri-stem cs-uri-query cs(User-Agent)\n",
    "#Fields: date\ttime\tc-ip\n",
    "2026-11-22 05:34:28 ::1 /a+b x=%41 \"a b\"\n",
    "2026-11-22\t05:34:28\t::1\n",
];

const FIELDS: [&str; 6] = ["cs-uri", "cs-uri-query", "cs-uri-extension", "cs-user-agent", "message", "cs-host"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Lines with bytes changed, left out and put in: no panic, and nothing is lost in silence.
    #[test]
    fn any_line_is_survived(
        lines in prop::collection::vec(0_usize..9, 1..6),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..3, prop_oneof![any::<u8>(), Just(b'"'), Just(b'\\'), Just(b'['), Just(b'%'), Just(b'\n')]), 0..6),
    ) {
        let mut bytes: Vec<u8> = lines.iter().flat_map(|line| LINES[*line].bytes()).collect();
        let mut w3c: Vec<u8> = lines.iter().flat_map(|line| W3C[*line % 4].bytes()).collect();
        for bytes in [&mut bytes, &mut w3c] {
            for (index, kind, byte) in &changes {
                let at = index.index(bytes.len());
                match kind {
                    0 => bytes[at] = *byte,
                    1 => bytes.insert(at, *byte),
                    _ if bytes.len() > 1 => drop(bytes.remove(at)),
                    _ => {}
                }
            }
        }
        let _ = Web::default().recognises(&bytes, "");
        let output = read(&Web::default(), &bytes, &mut Keeper::new("-", &FIELDS));
        let filled = bytes.split(|byte| *byte == b'\n').any(|line| !String::from_utf8_lossy(line).trim_ascii().trim_start_matches('\u{feff}').is_empty());
        prop_assert!(!filled || output.records > 0 || !output.damages.is_empty());
        let _ = W3c::default().recognises(&w3c, "");
        read(&W3c::default(), &w3c, &mut Keeper::new("-", &FIELDS));
    }

    /// Whatever is given as a format, and whatever is read by it.
    #[test]
    fn any_format_is_survived(format in "[%$a-z>{}\"' tPsh]{0,12}", line in "[%$a-z0-9\"' \\\\]{0,12}") {
        if let Ok(layouts) = Layouts::parse(&format) {
            read(&Web::with(layouts), line.as_bytes(), &mut Keeper::new("-", &FIELDS));
        }
    }

    /// What is escaped as servers do is what comes out again.
    #[test]
    fn escapes_are_undone(text in "\\PC{0,20}") {
        let nginx: String = text.bytes().map(|byte| match byte {
            b'"' | b'\\' | 0..32 | 127.. => format!("\\x{byte:02X}"),
            byte => char::from(byte).to_string(),
        }).collect();
        let mut scratch = Scratch::default();
        let found = scratch.unescaped(&nginx, Escape::Backslash);
        prop_assert_eq!(found.get(&scratch), text.as_str());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Wherever a file is cut into blocks, the records are the same.
    #[test]
    fn cuts_do_not_matter(lines in prop::collection::vec(0_usize..9, 1..30), repeat in 100_usize..300) {
        let once: String = lines.iter().map(|line| LINES[*line]).collect();
        let text = once.repeat(repeat);
        let (mut whole, mut cut) = (Keeper::new("-", &FIELDS), Keeper::new("-", &FIELDS));
        let output = read(&Web::default(), text.as_bytes(), &mut cut);
        let block = crate::Block { line: 1, bytes: text.into_bytes(), ..crate::Block::default() };
        let mut expected = Output::default();
        let piece = Arc::new(Piece { path: "access.log".to_owned() });
        Web::default().reader().read(&piece, &block, &mut whole, &mut expected);
        prop_assert_eq!(output.records, expected.records);
        prop_assert!(whole == cut);
    }
}
