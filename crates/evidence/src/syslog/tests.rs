//! Whole blocks: records, damages, notes, words, borders.

use std::sync::Arc;

use event::{Class, Detector, Encoding, Event, Interest, LogSource, Piece, Position, Seen, TextGroup, Time};
use proptest::prelude::*;

use super::Syslog;
use crate::{About, Block, Clock, Format, Output};

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
        Arc::new(Interest {
            wanted: class.0 == 0,
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
    cutter.begin(About { path, ..About::default() });
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

/// The times of all lines, read in blocks of a size and with what is known beside the bytes.
fn times(format: &Syslog, about: About<'_>, bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut keeper, mut output, mut blocks) = (Keeper::new("-", &[]), Output::default(), Vec::new());
    let (mut cutter, mut input, piece) = (format.cutter(), bytes, Arc::new(Piece { path: about.path.to_owned() }));
    cutter.begin(about);
    while let Some(block) = cutter.cut(&mut input).unwrap() {
        blocks.push(block);
    }
    let read = |block| format.reader().read(&piece, block, &mut keeper, &mut output);
    // In the order in which threads might come to them.
    blocks.iter().rev().for_each(read);
    keeper.shown.sort_by_key(|(line, ..)| *line);
    output.notes.sort();
    output.notes.dedup();
    (keeper.shown.into_iter().map(|(_, time, ..)| time).collect(), output.notes)
}

fn about(bytes: &[u8], modified: Option<&str>) -> About<'static> {
    let again = Some(Box::new(std::io::Cursor::new(bytes.to_vec())) as Box<dyn std::io::Read + Send>);
    About { path: "auth.log", name: "auth.log", modified: modified.map(|time| Time::parse(time).unwrap()), again }
}

/// Some megabytes over three New Years and a leap day, with lines late by a day around New Year, and clocks set back by an hour.
fn years() -> (String, Vec<String>) {
    let (mut log, mut expected) = (String::new(), Vec::new());
    let first = jiff::civil::date(2022, 11, 2).at(12, 0, 0, 0);
    for number in 0..60_000i64 {
        let disorder = match number {
            n if n % 1000 == 999 => -3600,
            n if n % 7777 == 7776 => -60,
            _ => 0,
        };
        let time = first + jiff::SignedDuration::from_secs(number * 1200 + disorder);
        log.push_str(&time.strftime("%b %e %H:%M:%S web01 a[1]: some words to fill a line with them\n").to_string());
        expected.push(format!("{time}Z"));
    }
    (log, expected)
}

#[test]
fn years_do_not_depend_on_blocks() {
    let (log, expected) = years();
    assert!(log.len() > 2 << 20 && expected.last().unwrap().starts_with("2025-02"));
    for block in [1 << 10, 1 << 14, 1 << 18, 1 << 20] {
        let format = format().in_blocks_of(block);
        let (found, notes) = times(&format, about(log.as_bytes(), Some("2025-12-24T00:00:00Z")), log.as_bytes());
        assert!(found == expected, "{block}");
        assert!(notes[1].contains("time of modification, 2025-12-24"), "{notes:?}");
        // The same from a stream.
        let once = About { again: None, ..about(b"", Some("2025-12-24T00:00:00Z")) };
        assert!(times(&format, once, log.as_bytes()).0 == expected, "{block}, read once");
    }
}

#[test]
fn what_is_believed_of_years_first() {
    let year = |format: &Syslog, path, modified, text: &str| {
        let (found, notes) = times(format, About { path, ..about(text.as_bytes(), modified) }, text.as_bytes());
        let note = notes.into_iter().find(|note| note.contains("year"));
        (found.last().unwrap()[..4].to_owned(), note.unwrap())
    };
    let (line, told) =
        ("Aug 17 09:00:00 web01 a: x\n", "2020-08-17T09:00:00Z web01 a: x\nAug 17 09:00:00 web01 a: x\n");
    let modified = Some("2023-01-01T00:00:00Z");
    let given = Syslog::new(Clock { year: Some(2017), ..Clock::until(Time::parse("2026-08-18T12:00:00Z").unwrap()) });
    for (format, path, modified, text, expected, said) in [
        (&given, "auth.log-20210817", modified, told, "2017", "--year"),
        (&format(), "auth.log-20210817", modified, told, "2020", "lines that give it"),
        (&format(), "auth.log-20210817", modified, line, "2021", "the date in the file's name"),
        (&format(), "auth.log", modified, line, "2022", "time of modification, 2023-01-01"),
        (&format(), "auth.log", None, line, "2026", "today's date"),
    ] {
        let (found, note) = year(format, path, modified, text);
        assert_eq!(found, expected, "{note}");
        assert!(note.contains(said), "{note}");
    }
}

#[test]
fn a_day_that_does_not_exist_has_no_time() {
    let given = Syslog::new(Clock { year: Some(2023), ..Clock::default() });
    let text = b"Feb 28 09:00:00 web01 a: x\nFeb 29 09:00:00 web01 a: x\n";
    let (found, notes) = times(&given, about(text, None), text);
    assert_eq!(found, ["2023-02-28T09:00:00Z", ""]);
    assert!(notes[0].starts_with("29 February"), "{notes:?}");
}

#[test]
fn times_without_a_zone_are_of_the_zone_that_is_known() {
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let clock = Clock { zone: Some(("Europe/Berlin".into(), zone)), ..Clock::default() };
    let text = b"2024-03-31T01:59:59 web01 a: x\n2024-03-31T03:00:00 web01 a: x\n2024-07-01T12:00:00Z web01 a: x\n";
    let (found, notes) = times(&Syslog::new(clock), about(text, None), text);
    assert_eq!(found, ["2024-03-31T00:59:59Z", "2024-03-31T01:00:00Z", "2024-07-01T12:00:00Z"]);
    assert!(notes[0].ends_with("taken for those of Europe/Berlin"), "{notes:?}");
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
fn commands_of_several_lines_are_one_record() {
    let frame = |text: &str| format!("Aug 17 09:00:00 web01 sudo:     anna : {text}\n");
    let continued = |text: &str| frame(&format!("(command continued) {text}"));
    let other = "Aug 17 09:00:00 web01 sudo:     otto : (command continued) none of hers\n";
    let long = "B".repeat(950);
    let first = frame("TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/echo a");
    let text = [first.as_str(), &continued("b c"), &continued(&long), &continued("end"), other].concat().repeat(400);
    let expected = format!("/bin/echo a b c {long}end");
    for block in [1 << 10, 1 << 16] {
        let (mut keeper, mut output, format) =
            (Keeper::new("-", &["command"]), Output::default(), format().in_blocks_of(block));
        let (mut cutter, mut input, piece) =
            (format.cutter(), text.as_bytes(), Arc::new(Piece { path: "auth.log".into() }));
        while let Some(block) = cutter.cut(&mut input).unwrap() {
            format.reader().read(&piece, &block, &mut keeper, &mut output);
        }
        assert_eq!(output.records, 800);
        let commands: Vec<&str> = keeper.shown.iter().map(|(_, _, command, _)| command.as_str()).collect();
        assert!(commands.chunks(2).all(|pair| pair == [expected.as_str(), "none of hers"]), "{:?}", &commands[..2]);
        assert_eq!(keeper.shown[2].0, 6);
    }
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

/// A line of the shape that Sysmon for Linux writes (composed by hand).
#[test]
fn what_sysmon_writes_is_an_event_of_its_own_log() {
    struct Sources(Vec<(String, String, u32, String)>);
    impl Detector for Sources {
        fn class(&mut self, _: &LogSource<'_>) -> Class {
            Class(0)
        }
        fn interest(&self, _: Class) -> Arc<Interest> {
            Arc::new(Interest { wanted: true, fields: vec!["Image".to_owned()], ..Interest::default() })
        }
        fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
            false
        }
        fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
            let source = event.record.source();
            let host = event.record.host().into_owned();
            assert_eq!(event.time.map(|time| time.to_string()).as_deref(), Some("2026-08-18T09:00:00.5Z"));
            let image = event.fields.iter().map(|(_, value)| value.text().into_owned()).collect::<Vec<_>>().join("|");
            assert_eq!((source.product, source.channel), ("linux", "Linux-Sysmon/Operational"));
            let line = event.record.position().number() as u32;
            self.0.push((host, image, line, source.event_id.to_string()));
        }
    }
    let event = "<Event><System><Provider Name=\"Linux-Sysmon\" Guid=\"{ff032593-a8d3-4f13-b0d6-01fc615a0f97}\"/><EventID>1</EventID>\
        <TimeCreated SystemTime=\"2026-08-18T09:00:00.500000000Z\"/><Channel>Linux-Sysmon/Operational</Channel><Computer>web01</Computer>\
        </System><EventData><Data Name=\"Image\">/usr/bin/a&amp;b</Data></EventData></Event>";
    let log = format!(
        "\n\nAug 18 11:00:00 web01 sysmon: {event}\nAug 18 11:00:00 web01 sysmon[3]: <Event><System><Provider\n"
    );
    let mut sources = Sources(Vec::new());
    let (format, mut output) = (format(), Output::default());
    let piece = Arc::new(Piece { path: String::new() });
    let block = Block { line: 1, bytes: log.into_bytes(), ..Block::default() };
    format.reader().read(&piece, &block, &mut sources, &mut output);
    assert_eq!(sources.0, [("web01".to_owned(), "/usr/bin/a&b".to_owned(), 3, "1".to_owned())]);
    assert_eq!((output.records, output.damages.len(), output.damages[0].position), (1, 1, Position::Line(4)));
}
