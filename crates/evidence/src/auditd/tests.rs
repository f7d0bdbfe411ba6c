//! Whole blocks: joining, decoding, damages, borders; auditd's and laurel's lines.

use std::{collections::BTreeMap, sync::Arc};

use event::{Class, Detector, Encoding, Event, Interest, LogSource, Piece, Seen, TextGroup};
use proptest::prelude::*;

use super::Auditd;
use crate::{Block, Format, Output};

type Fields = BTreeMap<String, Vec<String>>;

/// Keeps all events: line, host, provider, time, fields.
#[derive(Default)]
struct Keeper {
    wanted: Vec<String>,
    shown: Vec<(u64, String, String, String, Fields)>,
    /// What words are looked for in.
    texts: Vec<Vec<String>>,
}

impl Detector for Keeper {
    fn class(&mut self, _: &LogSource<'_>) -> Class {
        Class(0)
    }

    fn interest(&self, _: Class) -> Arc<Interest> {
        Arc::new(Interest { wanted: true, fields: self.wanted.clone(), ..Interest::default() })
    }

    fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
        false
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        let (mut all, mut texts) = (Fields::new(), Vec::new());
        let mut add = |name: &str, value: event::Value<'_>| {
            all.entry(name.to_owned()).or_default().push(value.text().into_owned())
        };
        event.record.visit(&mut add);
        event.record.visit_text(&mut |value| texts.push(value.text().into_owned()));
        let mut asked = Fields::new();
        for (slot, value) in event.fields {
            asked.entry(self.wanted[usize::from(*slot)].clone()).or_default().push(value.text().into_owned());
        }
        let expected: Fields = all.clone().into_iter().filter(|(name, _)| self.wanted.contains(name)).collect();
        assert_eq!(asked, expected);
        let (record, time) = (event.record, event.time.map(|time| time.to_string()).unwrap_or_default());
        let provider = record.source().provider.to_owned();
        self.shown.push((record.position().number(), record.host().into_owned(), provider, time, all));
        self.texts.push(texts);
    }
}

fn keeper() -> Keeper {
    let names = [
        "type",
        "a0",
        "a1",
        "a2",
        "exe",
        "key",
        "name",
        "SYSCALL",
        "command_line",
        "created_file",
        "destination_address",
        "acct",
    ];
    Keeper { wanted: names.map(str::to_owned).to_vec(), ..Keeper::default() }
}

/// Reads bytes as the program does, in blocks.
fn read(bytes: &[u8]) -> (Keeper, Output) {
    let (mut keeper, mut output) = (keeper(), Output::default());
    let (mut cutter, mut reader, mut input) = (Auditd.cutter(), Auditd.reader(), bytes);
    let piece = Arc::new(Piece { path: String::new() });
    while let Some(block) = cutter.cut(&mut input).unwrap() {
        reader.read(&piece, &block, &mut keeper, &mut output);
    }
    (keeper, output)
}

/// Reads bytes as one block.
fn read_whole(bytes: &[u8]) -> (Keeper, Output) {
    let (mut keeper, mut output) = (keeper(), Output::default());
    let block = Block { line: 1, bytes: bytes.to_vec(), ..Block::default() };
    Auditd.reader().read(&Arc::new(Piece { path: String::new() }), &block, &mut keeper, &mut output);
    (keeper, output)
}

const LOG: &str = "\
node=web01 type=SYSCALL msg=audit(1700000000.125:7): arch=c000003e syscall=59 success=yes exit=0 a0=55c0 a1=55d0 a2=55e0 a3=8 items=2 ppid=9 pid=10 auid=1000 uid=0 comm=\"sh\" exe=\"/usr/bin/dash\" key=66697273740173747564\u{1d}ARCH=x86_64 SYSCALL=execve AUID=\"anna\" UID=\"root\"
node=web01 type=USER_AUTH msg=audit(1700000000.126:8): pid=1 uid=0 msg='op=PAM:authentication acct=62C3A473 exe=\"/usr/bin/su\" addr=? res=failed'\u{1d}UID=\"root\"
node=web02 type=SYSCALL msg=audit(1700000000.125:7): arch=40000003 syscall=5 success=yes exit=0 a0=1 exe=\"/bin/x\" key=(null)
node=web01 type=EXECVE msg=audit(1700000000.125:7): argc=3 a0=\"sh\" a1=\"-c\" a2_len=6 a2[0]=6C73
node=web01 type=EXECVE msg=audit(1700000000.125:7): a2[1]=202F74
node=web01 type=CWD msg=audit(1700000000.125:7): cwd=\"/tmp\"
node=web01 type=PATH msg=audit(1700000000.125:7): item=0 name=\"/bin/sh\" nametype=NORMAL
no record
node=web01 type=PROCTITLE msg=audit(1700000000.125:7): proctitle=7368002D63006C73
type=1400 msg=audit(1700000001.000:9): avc:  denied  { read write } for  pid=3 comm=\"httpd\" name=\"shadow\"
type=SYSCALL msg=audit(1700000002.000:10): arch=c000003e syscall=257 success=yes a0=ffffff9c a1=7f exe=\"/usr/bin/touch\"
type=CWD msg=audit(1700000002.000:10): cwd=\"/etc/x\"
type=PATH msg=audit(1700000002.000:10): item=0 name=\"../cron.d\" mode=040755 nametype=PARENT
type=PATH msg=audit(1700000002.000:10): item=1 name=\"../cron.d/./job\" mode=0100644 nametype=CREATE
type=SYSCALL msg=audit(1700000003.000:11): arch=c000003e syscall=42 success=no exit=-111 a0=3 exe=\"/usr/bin/curl\"
type=SOCKADDR msg=audit(1700000003.000:11): saddr=020001BBC6336407
type=PROCTITLE msg=audit(1700000003.000:11): proctitle=\"curl\"
";

#[test]
fn records_of_one_serial_are_one_event() {
    let (keeper, output) = read(LOG.as_bytes());
    let damages: Vec<_> = output.damages.iter().map(|damage| (damage.position.number(), damage.records)).collect();
    assert_eq!((output.records, damages), (16, vec![(8, 1)]));
    let heads: Vec<_> =
        keeper.shown.iter().map(|(line, host, provider, ..)| (*line, host.as_str(), provider.as_str())).collect();
    assert_eq!(
        heads,
        [
            (1, "web01", "EXECVE"),
            (2, "web01", "USER_AUTH"),
            (3, "web02", "SYSCALL"),
            (10, "", "AVC"),
            (11, "", "SYSCALL"),
            (15, "", "SYSCALL")
        ]
    );
    assert_eq!(keeper.shown[0].3, "2023-11-14T22:13:20.125Z");
    let has = |event: usize, name: &str, values: &[&str]| {
        let found = keeper.shown[event].4.get(name).cloned().unwrap_or_default();
        assert_eq!(found, values, "{name} of {event}");
    };
    has(0, "type", &["SYSCALL", "EXECVE", "CWD", "PATH", "PROCTITLE"]);
    for (name, values) in [
        ("a0", "sh"),
        ("a1", "-c"),
        ("a2", "ls /t"),
        ("command_line", "sh -c ls /t"),
        ("UID", "root"),
        ("ARCH", "x86_64"),
    ] {
        has(0, name, &[values]);
    }
    has(0, "key", &["first", "stud"]);
    has(0, "syscall", &["59", "execve"]);
    has(0, "proctitle", &["sh -c ls"]);
    has(1, "acct", &["bäs"]);
    has(2, "SYSCALL", &["open"]);
    has(2, "a0", &["1"]);
    has(3, "seperms", &["read write"]);
    has(4, "created_file", &["/etc/cron.d/job"]);
    has(5, "destination_address", &["198.51.100.7"]);
    has(5, "destination_port", &["443"]);
    assert!(keeper.texts[0].iter().any(|text| text == "sh -c ls /t"));
    assert!(keeper.texts[0][0].starts_with("node=web01 type=SYSCALL"));
}

/// A file is not told where its folder is not known.
#[test]
fn paths_that_are_not_known_are_left_out() {
    let event = |number: u32, folder: &str, success: &str, path: &str| {
        format!(
            "type=SYSCALL msg=audit(1.0:1): arch=c000003e syscall={number} success={success} a0={folder} a2={folder}\n\
             type=CWD msg=audit(1.0:1): cwd=\"/home\"\ntype=PATH msg=audit(1.0:1): name={path} nametype=CREATE\n"
        )
    };
    for (number, folder, success, path, expected) in [
        (257, "5", "yes", "\"x\"", None),
        (257, "5", "yes", "\"/x\" mode=0100600", Some("/x")),
        (257, "ffffff9c", "no", "\"x\"", None),
        (257, "ffffffffffffff9c", "yes", "782079", Some("/home/x y")),
        (85, "1", "yes", "\"x\"", Some("/home/x")),
        (316, "5", "yes", "\"x\"", None),
        (83, "1", "yes", "\"x\" mode=040755", None),
        (83, "1", "yes", "(null)", None),
    ] {
        let (keeper, _) = read(event(number, folder, success, path).as_bytes());
        let found = keeper.shown[0].4.get("created_file").map(|files| files[0].as_str());
        assert_eq!(found, expected, "{number} {folder} {path}");
    }
}

#[test]
fn laurel_gives_the_same_events() {
    let audit = "\
node=web01 type=SYSCALL msg=audit(1700000000.125:7): arch=c000003e syscall=59 success=yes exit=0 a0=55c0 a1=55d0 a2=55e0 a3=8 ppid=9 pid=10 comm=\"sh\" exe=\"/usr/bin/dash\" key=(null)
node=web01 type=EXECVE msg=audit(1700000000.125:7): argc=3 a0=\"sh\" a1=\"-c\" a2=6C7320C3A422FF
node=web01 type=CWD msg=audit(1700000000.125:7): cwd=\"/tmp\"
node=web01 type=PATH msg=audit(1700000000.125:7): item=0 name=\"/bin/sh\" mode=0100755 nametype=NORMAL
node=web01 type=PROCTITLE msg=audit(1700000000.125:7): proctitle=7368002D63006C73
node=web01 type=SOCKADDR msg=audit(1700000000.125:7): saddr=020001BBC6336407
";
    let laurel = r#"{"ID":"1700000000.125:7","NODE":"web01","SYSCALL":{"arch":"0xc000003e","syscall":59,"success":"yes","exit":0,"ppid":9,"pid":10,"comm":"sh","exe":"/usr/bin/dash","key":null,"ARGV":["0x55c0","0x55d0","0x55e0","0x8"],"ARCH":"x86_64","SYSCALL":"execve"},"EXECVE":{"argc":3,"ARGV":["sh","-c","ls ä\"%ff"]},"CWD":{"cwd":"/tmp"},"PATH":[{"item":0,"name":"/bin/sh","mode":"0o100755","nametype":"NORMAL"}],"PROCTITLE":{"ARGV":["sh","-c","ls"]},"SOCKADDR":[{"saddr":"%02%00%01%bb%c63d%07"}]}"#;
    let (from_audit, from_laurel) = (read(audit.as_bytes()).0, read(laurel.as_bytes()).0);
    let sorted = |keeper: &Keeper| {
        let (line, host, provider, time, mut fields) = keeper.shown[0].clone();
        fields.values_mut().for_each(|values| values.sort());
        (line, host, provider, time, fields)
    };
    assert_eq!(sorted(&from_audit), sorted(&from_laurel));
    assert_eq!(from_laurel.texts[0][0], laurel);
    let (parent, output) = read(
        br#"{"ID":"1.1:1","SYSCALL":{"PPID":{"exe":"/bin/a b","comm":"a"}},"EXECVE":{"ARGV_STR":"x -y"}}
{"ID":"1.1:2","SYSCALL":{"#,
    );
    assert_eq!(parent.shown[0].4["parent_exe"], ["/bin/a b"]);
    assert_eq!(parent.shown[0].4["command_line"], ["x -y"]);
    assert_eq!((output.records, output.damages[0].position.number()), (1, 2));
}

#[test]
fn a_line_that_is_cut_short_is_told_and_its_beginning_stays() {
    let (keeper, output) = read(b"type=SYSCALL msg=audit(1.0:1): comm=\"a\" exe=\"/usr/b");
    assert_eq!((keeper.shown.len(), output.records), (1, 0));
    assert!(output.damages[0].reason.starts_with("cut short"), "{:?}", output.damages);
}

/// Events of three records each, of which up to `open` are written at the same time.
fn interleaved(events: usize, open: usize, choose: &mut impl FnMut(usize) -> usize) -> String {
    let (mut under_way, mut begun, mut log) = (Vec::new(), 0, String::new());
    while begun < events || !under_way.is_empty() {
        if begun < events && (under_way.is_empty() || under_way.len() < open && choose(2) == 0) {
            under_way.push((begun, 0));
            begun += 1;
        }
        let chosen = choose(under_way.len());
        let (event, record) = under_way[chosen];
        let kind = ["SYSCALL", "EXECVE", "PATH"][record];
        log += &format!(
            "type={kind} msg=audit(1700000000.{:03}:{event}): r{record}=\"{event}\" name=\"{}\"\n",
            event % 1000,
            "x".repeat(event % 300)
        );
        under_way[chosen].1 += 1;
        if record == 2 {
            under_way.remove(chosen);
        }
    }
    log
}

#[test]
fn where_blocks_end_does_not_matter() {
    let mut state = 1_u64;
    let mut choose = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let log = interleaved(6000, 3, &mut choose);
    assert!(log.len() > 1 << 20);
    let mut cutter = Auditd.cutter();
    let mut input = log.as_bytes();
    let blocks = std::iter::from_fn(|| cutter.cut(&mut input).unwrap()).count();
    assert!(blocks >= 4, "{blocks}");
    let (in_blocks, whole) = (read(log.as_bytes()), read_whole(log.as_bytes()));
    assert_eq!((in_blocks.1.records, in_blocks.0.shown.len()), (18_000, 6000));
    assert_eq!(in_blocks.0.shown, whole.0.shown);
    assert!(in_blocks.0.shown.iter().all(|(.., fields)| fields["type"].len() == 3), "each event has its three records");
}

/// One event without end, lines without end, events that come back too late.
#[test]
fn what_an_attacker_may_write_is_bounded() {
    let endless = "type=A msg=audit(1.0:1): b=c\n".repeat(100_000);
    let (keeper, output) = read(endless.as_bytes());
    assert_eq!((output.records, keeper.shown.len()), (100_000, 1));
    let filler: String = (2..3000).map(|serial| format!("type=A msg=audit(1.0:{serial}): b=cccccccc\n")).collect();
    let late = format!("type=A msg=audit(1.0:1): b=c\n{filler}type=A msg=audit(1.0:1): b=c\n");
    let (keeper, _) = read(late.as_bytes());
    assert_eq!(keeper.shown.len(), 3000, "too far apart to be one event");
}

proptest! {
    /// However records are mixed and wherever the log is cut, nothing but the block in one piece decides.
    #[test]
    fn interleaved_events_are_joined(choices in proptest::collection::vec(0_usize..1000, 600), open in 1_usize..12) {
        let mut choices = choices.into_iter().cycle();
        let log = interleaved(60, open, &mut |below| choices.next().unwrap() % below);
        let (keeper, output) = read(log.as_bytes());
        prop_assert_eq!((output.records, keeper.shown.len()), (180, 60));
        for (.., fields) in keeper.shown {
            prop_assert_eq!((&fields["r0"], &fields["r1"]), (&fields["r1"], &fields["r2"]));
        }
    }

    /// Bytes that were changed or cut away cost no more than their lines.
    #[test]
    fn damaged_logs_are_read(changes in proptest::collection::vec((0_usize..3000, any::<u8>()), 0..20), length in 0_usize..3000) {
        let mut bytes = LOG.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(length.max(1));
        let (_, output) = read(&bytes);
        let lost: u64 = output.damages.iter().map(|damage| damage.records).sum();
        let lines = String::from_utf8_lossy(&bytes).lines().filter(|line| !line.trim_ascii().is_empty()).count() as u64;
        prop_assert_eq!(output.records + lost, lines);
    }
}
