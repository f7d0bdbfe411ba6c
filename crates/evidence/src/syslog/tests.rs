//! Whole blocks: records, damages, notes, words, borders.

use std::sync::Arc;

use event::{Class, Detector, Encoding, Event, Interest, LogSource, Piece, Position, Seen, TextGroup, Time};
use proptest::prelude::*;

use super::Syslog;
use crate::{Block, Format, Output};

/// Keeps what it is shown: line, time, message, whether the word may stand there.
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
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        Class(u32::from(source.provider == "dull"))
    }

    fn interest(&self, class: Class) -> Arc<Interest> {
        Arc::new(Interest { wanted: class.0 == 0, fields: self.fields.clone(), text: Some(TextGroup(0)), text_only: false })
    }

    fn text_hits(&mut self, _: TextGroup, raw: &[u8], _: Encoding, hits: &mut Vec<usize>) -> bool {
        hits.extend(memchr::memmem::find_iter(raw, self.word.as_bytes()));
        true
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        let time = event.time.map(|time| time.to_string()).unwrap_or_default();
        let values: Vec<String> = event.fields.iter().map(|(_, value)| value.text().into_owned()).collect();
        self.shown.push((event.record.position().number(), time, values.join("|"), event.text));
    }
}

fn format() -> Syslog {
    Syslog::until(Time::parse("2026-08-18T12:00:00Z").unwrap())
}

fn read(path: &str, bytes: &[u8], keeper: &mut Keeper) -> Output {
    let (format, mut output) = (format(), Output::default());
    let (mut cutter, mut reader, mut input) = (format.cutter(), format.reader(), bytes);
    let piece = Arc::new(Piece { path: path.to_owned() });
    while let Some(block) = cutter.cut(&mut input).unwrap() {
        reader.read(&piece, &block, keeper, &mut output);
    }
    output
}

#[test]
fn records_damages_and_notes_are_told() {
    let text = b"\
-- Boot 1 --
Aug 17 09:00:00 web01 a[1]: first
              and more
no line of syslog
nor this

Aug 17 09:00:01 web01 dull: nobody wants this
<14>Aug 17 09:00:02 web01 b: second\r
2026-08-17T09:00:03+02:00 web01 c: \xff word";
    let mut keeper = Keeper::new("word", &["program", "message", "severity"]);
    let output = read("messages", text, &mut keeper);
    let shown = |line, time: &str, values: &str, text| (line, time.to_owned(), values.to_owned(), text);
    assert_eq!(
        keeper.shown,
        [
            shown(2, "2026-08-17T09:00:00Z", "a|first\n              and more", false),
            shown(8, "2026-08-17T09:00:02Z", "b|second|info", false),
            shown(9, "2026-08-17T07:00:03Z", "c|\u{fffd} word", true),
        ]
    );
    assert_eq!(output.records, 4);
    assert_eq!(output.damages.len(), 1);
    assert_eq!((output.damages[0].position, output.damages[0].records), (Position::Line(4), 2));
    assert_eq!(output.notes.len(), 3, "{:?}", output.notes);
}

#[test]
fn a_rotated_file_ends_with_the_date_in_its_name() {
    let year = |path: &str| {
        let mut keeper = Keeper::new("-", &["message"]);
        read(path, b"Aug 17 09:00:00 web01 a: x\n", &mut keeper);
        keeper.shown[0].1[..4].to_owned()
    };
    assert_eq!(year("auth.log"), "2026");
    assert_eq!(year("backup.zip!/var/log/secure-20190818.gz"), "2019");
    assert_eq!(year("secure-20190815"), "2018");
    assert_eq!(year("secure-20191399"), "2026");
}

#[test]
fn blocks_end_between_records() {
    let record = format!("Aug 17 09:00:00 web01 a: x\n{}", "  more\n".repeat(20_000));
    let text = record.repeat(6);
    let (mut cutter, mut input) = (format().cutter(), text.as_bytes());
    let blocks: Vec<Block> = std::iter::from_fn(|| cutter.cut(&mut input).unwrap()).collect();
    assert!(blocks.len() > 1);
    assert!(blocks.iter().all(|block| block.bytes.starts_with(b"Aug 17")));
    assert_eq!(blocks.iter().map(|block| block.bytes.len()).sum::<usize>(), text.len());
    assert_eq!(blocks[1].line, 1 + memchr::memchr_iter(b'\n', &blocks[0].bytes).count() as u64);
}

#[test]
fn a_line_of_a_megabyte_is_one_record() {
    let line = format!("Aug 17 09:00:00 web01 sshd[1]: Accepted publickey for {}\n", "a ssh2 port 1 ".repeat(80_000));
    let mut keeper = Keeper::new("-", &["user"]);
    let output = read("auth.log", line.repeat(2).as_bytes(), &mut keeper);
    assert_eq!((output.records, output.damages.len()), (2, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is in a message: no panic, and nobody is in who was not let in.
    #[test]
    fn any_message_is_survived(
        program in "(sshd|sudo|su|login|useradd|CRON|kernel|sftp-server|systemd-logind|sshd\\(pam_unix\\))",
        words in prop::collection::vec(
            prop_oneof![
                "(Failed|Accepted|Invalid|user|from|port|ssh2|ssh2:|for|invalid|password|publickey|ID|CA|\\(serial|1\\))",
                "(Connection|closed|by|\\[preauth\\]|Starting|session:|id|pam_unix\\(sshd:auth\\):|:|;|TTY=|COMMAND=)",
                "(new user: name=|add|'a'|to|group|\\(to|root\\)|Disconnecting|Received disconnect from|\\[|\\]|#012|\\\\)",
                "\\PC{0,6}",
            ],
            0..14,
        ),
    ) {
        let message = words.join(" ");
        let line = format!("Aug 17 09:00:00 web01 {program}[1]: {message}\n");
        let mut keeper = Keeper::new("-", &["user"]);
        prop_assert_eq!(read("auth.log", line.as_bytes(), &mut keeper).records, 1);
        if let Some(login) = super::login("", &message) {
            prop_assert!(["Accepted ", "Failed ", "Partial ", "message repeated"].iter().any(|word| message.starts_with(word)));
            prop_assert!(!login.source.contains(' '));
        }
    }

    /// Whatever is in a file.
    #[test]
    fn any_text_is_survived(bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b' '), Just(b'<'), Just(b':'), any::<u8>()], 0..300)) {
        let _ = format().recognises(&bytes, "");
        let mut keeper = Keeper::new("-", &["message"]);
        read("x", &bytes, &mut keeper);
        let mut after = b"Aug 17 09:00:00 web01 a: x\n".to_vec();
        after.extend(bytes);
        prop_assert!(read("x", &after, &mut keeper).records >= 1);
    }
}
