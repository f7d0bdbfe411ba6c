use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use event::Nothing;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;
use crate::{
    Run,
    open::tests::make::{self, gzip, member, tar, zip},
};

/// Lines; blocks of a few lines each, with a delay that depends on their content. A line `panic` makes the reader
/// fail, a file that begins with `cutter` makes the cutter fail.
struct Toy {
    block: usize,
    delays: bool,
}

struct ToyCutter {
    block: usize,
    held: Vec<u8>,
    offset: u64,
    line: u64,
}

struct ToyReader {
    delays: bool,
}

impl Format for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn recognises(&self, head: &[u8], _: &str) -> bool {
        assert!(!head.starts_with(b"recognise"), "this head is too much");
        !head.contains(&0)
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::new(ToyCutter { block: self.block, held: Vec::new(), offset: 0, line: 1 })
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(ToyReader { delays: self.delays })
    }
}

impl Cutter for ToyCutter {
    fn cut(&mut self, input: &mut dyn Read) -> io::Result<Option<Block>> {
        let wanted = self.block - self.held.len().min(self.block);
        input.take(wanted as u64).read_to_end(&mut self.held)?;
        assert!(!self.held.starts_with(b"cutter"), "cannot cut this");
        let end = self.held.iter().rposition(|byte| *byte == b'\n').map_or(self.held.len(), |at| at + 1);
        let rest = self.held.split_off(end);
        let bytes = std::mem::replace(&mut self.held, rest);
        if bytes.is_empty() {
            return Ok(None);
        }
        let block = Block { offset: self.offset, line: self.line, bytes, ..Block::default() };
        self.offset += block.bytes.len() as u64;
        self.line += block.bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(Some(block))
    }
}

impl Reader for ToyReader {
    fn read(&mut self, _: &Arc<Piece>, block: &Block, _: &mut dyn Detector, output: &mut Output) {
        if self.delays {
            let random = crc32fast::hash(&block.bytes) % 8;
            std::thread::sleep(Duration::from_millis(u64::from(random * random / 4)));
        }
        for (number, line) in block.bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty())
        {
            assert_ne!(line, b"panic", "a line to despair of");
            if line == b"bad" {
                let position = Position::Line(block.line + number as u64);
                output.damages.push(Damage { position, records: 1, reason: "expected good, found bad".into() });
                continue;
            }
            output.records += 1;
            let number = block.line + number as u64;
            output.runs.push(Run { first: number, last: number, from: None, until: None });
        }
        output.notes.push(String::from_utf8_lossy(&block.bytes).into_owned());
    }
}

/// Keeps everything that it is told.
#[derive(Default)]
struct Transcript {
    text: String,
    slow: bool,
    fail_after: Option<usize>,
    outputs: Arc<AtomicUsize>,
}

impl Sink for Transcript {
    fn begin(&mut self, piece: &Arc<Piece>, format: &'static str) -> io::Result<()> {
        self.text += &format!("begin {} {format}\n", piece.path);
        Ok(())
    }
    fn output(&mut self, piece: &Arc<Piece>, output: Output) -> io::Result<()> {
        if self.slow {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.text += &format!("{} {output:?}\n", piece.path);
        let count = self.outputs.fetch_add(1, SeqCst);
        match self.fail_after {
            Some(last) if count >= last => Err(io::ErrorKind::BrokenPipe.into()),
            _ => Ok(()),
        }
    }
    fn end(&mut self, piece: &PieceTally) -> io::Result<()> {
        self.text += &format!("end {piece:?}\n");
        Ok(())
    }
}

fn toys(block: usize, delays: bool) -> [Box<dyn Format>; 1] {
    [Box::new(Toy { block, delays })]
}

fn scan_with(formats: &[Box<dyn Format>], threads: usize, path: PathBuf, sink: &mut Transcript) -> io::Result<Tally> {
    let progress = Progress::default();
    let scan = Scan { formats, limits: Limits::default(), no_evidence: &[], hash: true, threads, progress: &progress };
    let tally = scan.run(&[path], || Nothing, sink)?;
    let load = |number: &AtomicU64| number.load(SeqCst);
    assert_eq!(load(&progress.files_done), load(&progress.files_total));
    assert_eq!(load(&progress.bytes_done), load(&progress.bytes_total));
    assert_eq!(load(&progress.pieces), tally.pieces.len() as u64);
    assert_eq!(load(&progress.records), tally.totals().records);
    Ok(tally)
}

fn scan(folder: &TempDir, threads: usize) -> (Tally, String) {
    let mut sink = Transcript::default();
    let tally = scan_with(&toys(64, true), threads, folder.path().to_owned(), &mut sink).unwrap();
    (tally, sink.text)
}

/// All that may be there, good and bad.
fn evidence() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let lines = |count: usize| -> String { (0..count).map(|n| format!("record {n}\n")).collect() };
    let noise: Vec<u8> =
        (0..20_000u32).flat_map(|n| format!("{:x}\n", n.wrapping_mul(0x9e37_79b9)).into_bytes()).collect();
    let packed = gzip(&noise[..4000]);
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("a.log", lines(100).as_bytes());
    write("b.log", b"good\nbad\ngood\npanic\ngood\n");
    write("c.tar.gz", &gzip(&tar(&[("x", lines(20).as_bytes()), ("y", b"\0binary"), ("z", lines(3).as_bytes())])));
    write("d.gz", &packed[..packed.len() / 2]);
    write("e.zip", &zip(&[make::Member { flags: 1, ..member("secret", b"x") }, member("m", lines(9).as_bytes())]));
    write("f", b"");
    write("g", b"cutter");
    write("h", b"recognise");
    write("i.png", b"\x89PNG\r\n\x1a\n\0");
    let utf16: Vec<u8> = "\u{feff}eins\r\nzwei\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    write("j.txt", &utf16);
    folder
}

#[test]
fn the_number_of_threads_makes_no_difference() {
    let folder = evidence();
    let one = scan(&folder, 1);
    for threads in [2, 8] {
        assert_eq!(scan(&folder, threads), one, "{threads}");
    }
}

#[test]
fn everything_is_told() {
    let folder = evidence();
    let (tally, _) = scan(&folder, 2);
    let short = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let piece = |name: &str| tally.pieces.iter().find(|piece| short(&piece.piece.path) == name).unwrap();
    let names: Vec<String> = tally.pieces.iter().map(|piece| short(&piece.piece.path)).collect();
    assert_eq!(names, ["a.log", "b.log", "x", "z", "d.gz", "m", "g", "j.txt"]);
    assert_eq!((piece("a.log").records, piece("a.log").complete), (100, true));
    assert_eq!(piece("a.log").numbering.range, Some((1, 100)));
    // What stood before the line that the reader failed on was read.
    let b = piece("b.log");
    assert_eq!((b.records, b.damage_count, b.damaged_records), (2, 2, 1));
    assert_eq!(b.damages[0].position, Position::Line(2));
    assert!(b.damages[1].reason.starts_with("the reader failed on this block: assertion"), "{:?}", b.damages);
    let d = piece("d.gz");
    assert!(d.records > 10 && !d.complete && d.layers == ["gzip"]);
    let stored = fs::read(folder.path().join("d.gz")).unwrap();
    assert_eq!((d.size, d.sha256), (stored.len() as u64, Some(Sha256::digest(&stored).into())));
    let m: String = (0..9).map(|n| format!("record {n}\n")).collect();
    assert_eq!(piece("m").sha256, Some(Sha256::digest(m).into()));
    assert_eq!((piece("j.txt").records, piece("j.txt").size), (2, 26));
    let failures: Vec<String> = tally.failures.iter().map(|f| format!("{}: {}", short(&f.path), f.reason)).collect();
    assert_eq!(failures.len(), 3, "{failures:?}");
    assert!(
        failures[0].starts_with("d.gz: read up to byte ")
            && failures[0].ends_with("the gzip stream ends before its end mark")
    );
    assert!(failures[1].starts_with("g: read up to byte 6: cutting this failed: cannot cut this"), "{failures:?}");
    assert!(failures[2].starts_with("h: recognising this failed: this head is too much"), "{failures:?}");
    assert_eq!(tally.skipped.iter().map(|s| &s.reason[..]).collect::<Vec<_>>(), ["encrypted"]);
    assert_eq!(tally.empty.iter().map(|path| short(path)).collect::<Vec<_>>(), ["f"]);
    let unknown: Vec<_> = tally.unknown.iter().map(|u| (short(&u.path), u.size, &u.looks_like[..])).collect();
    assert_eq!(unknown, [("y".to_owned(), Some(7), "unknown binary"), ("i.png".to_owned(), Some(9), "PNG image")]);
    assert!(!tally.is_clean());
}

/// Counts how many blocks were cut beyond those that the sink has seen.
struct Ahead {
    toy: Toy,
    cut: Arc<AtomicUsize>,
    delivered: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

struct AheadCutter(Box<dyn Cutter + Send>, [Arc<AtomicUsize>; 3]);

impl Format for Ahead {
    fn name(&self) -> &'static str {
        "ahead"
    }
    fn recognises(&self, _: &[u8], _: &str) -> bool {
        true
    }
    fn cutter(&self) -> Box<dyn Cutter + Send> {
        let counts = [&self.cut, &self.delivered, &self.most].map(Arc::clone);
        Box::new(AheadCutter(self.toy.cutter(), counts))
    }
    fn reader(&self) -> Box<dyn Reader> {
        self.toy.reader()
    }
}

impl Cutter for AheadCutter {
    fn cut(&mut self, input: &mut dyn Read) -> io::Result<Option<Block>> {
        let [cut, delivered, most] = &self.1;
        let ahead = (cut.fetch_add(1, SeqCst) + 1).saturating_sub(delivered.load(SeqCst));
        most.fetch_max(ahead, SeqCst);
        self.0.cut(input)
    }
}

#[test]
fn nobody_runs_ahead_of_a_slow_sink_without_bound() {
    let folder = tempfile::tempdir().unwrap();
    let lines: String = (0..300).map(|n| format!("record {n}\n")).collect();
    fs::write(folder.path().join("log"), lines).unwrap();
    let delivered = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let ahead = Ahead {
        toy: Toy { block: 16, delays: false },
        cut: Arc::default(),
        delivered: Arc::clone(&delivered),
        most: Arc::clone(&most),
    };
    let mut sink = Transcript { slow: true, outputs: delivered, ..Transcript::default() };
    let tally = scan_with(&[Box::new(ahead)], 2, folder.path().to_owned(), &mut sink).unwrap();
    assert_eq!(tally.totals().records, 300);
    let most = most.load(SeqCst);
    assert!(most <= 2 * AHEAD, "{most}");
}

/// Says at the end how many readers it gave, or is of no use.
struct Together {
    toy: Toy,
    is_wanted: bool,
}

impl Format for Together {
    fn name(&self) -> &'static str {
        "together"
    }
    fn recognises(&self, head: &[u8], name: &str) -> bool {
        self.toy.recognises(head, name)
    }
    fn cutter(&self) -> Box<dyn Cutter + Send> {
        self.toy.cutter()
    }
    fn reader(&self) -> Box<dyn Reader> {
        self.toy.reader()
    }
    fn is_wanted(&self, _: &mut dyn Detector) -> bool {
        self.is_wanted
    }
    fn end(&self, _: &mut dyn Detector) -> Vec<(Arc<Piece>, Output)> {
        let damage = Damage { position: Position::Record(1), records: 0, reason: "not all was remembered".into() };
        let output = Output { notes: vec!["all was read".into()], damages: vec![damage], ..Output::default() };
        vec![(Arc::new(Piece { path: "a.log".into() }), output)]
    }
}

#[test]
fn what_all_pieces_together_tell_comes_last() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log"), "record\n").unwrap();
    let formats: [Box<dyn Format>; 1] = [Box::new(Together { toy: Toy { block: 16, delays: false }, is_wanted: true })];
    let mut sink = Transcript::default();
    let tally = scan_with(&formats, 2, folder.path().to_owned(), &mut sink).unwrap();
    let last = sink.text.lines().last().unwrap();
    assert!(last.starts_with("a.log ") && last.contains("all was read"), "{last}");
    assert_eq!(tally.failures[0].reason, "not all was remembered");
}

#[test]
fn a_format_of_no_use_leaves_its_pieces_to_others() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log"), "record\n").unwrap();
    let of_no_use = || Box::new(Together { toy: Toy { block: 16, delays: false }, is_wanted: false });
    let formats: [Box<dyn Format>; 2] = [of_no_use(), Box::new(Toy { block: 16, delays: false })];
    let tally = scan_with(&formats, 2, folder.path().to_owned(), &mut Transcript::default()).unwrap();
    assert_eq!(tally.pieces[0].format, "toy");
    let tally = scan_with(&[of_no_use() as Box<dyn Format>], 1, folder.path().to_owned(), &mut Transcript::default());
    assert_eq!(tally.unwrap().unknown.len(), 1);
}

#[test]
fn a_sink_that_fails_ends_the_hunt() {
    let folder = evidence();
    for threads in [1, 4] {
        let mut sink = Transcript { fail_after: Some(3), ..Transcript::default() };
        let error = scan_with(&toys(64, true), threads, folder.path().to_owned(), &mut sink).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(sink.outputs.load(SeqCst), 4);
    }
}

#[test]
fn a_panic_of_the_sink_reaches_the_caller_and_leaves_no_thread_waiting() {
    struct Panics;
    impl Sink for Panics {
        fn begin(&mut self, _: &Arc<Piece>, _: &'static str) -> io::Result<()> {
            panic!("the sink is broken")
        }
        fn output(&mut self, _: &Arc<Piece>, _: Output) -> io::Result<()> {
            Ok(())
        }
        fn end(&mut self, _: &PieceTally) -> io::Result<()> {
            Ok(())
        }
    }
    let folder = evidence();
    let formats = toys(64, false);
    let progress = Progress::default();
    let scan = Scan {
        formats: &formats,
        limits: Limits::default(),
        no_evidence: &[],
        hash: true,
        threads: 4,
        progress: &progress,
    };
    let run = || scan.run(&[folder.path().to_owned()], || Nothing, &mut Panics);
    assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
}

#[test]
fn standard_input_is_a_piece() {
    let formats = toys(64, false);
    let progress = Progress::default();
    let scan = Scan {
        formats: &formats,
        limits: Limits::default(),
        no_evidence: &[],
        hash: true,
        threads: 2,
        progress: &progress,
    };
    let opener = Opener::new(&["-".into(), "/nowhere".into()], &scan.limits).with_stdin(&b"one\ntwo\n"[..]);
    let tally = scan.run_opener(opener, &|| Nothing, &mut Transcript::default()).unwrap();
    assert_eq!((tally.pieces[0].piece.path.as_str(), tally.pieces[0].records), ("-", 2));
    assert_eq!(tally.unreadable_arguments[0].path, "/nowhere");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn pieces_cut_and_hashed_by_several_threads_have_the_hash_of_the_whole(
        lines in proptest::collection::vec("[ -~]{0,60}", 0..400),
        block in 1usize..5_000,
        threads in 1usize..5,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let text = lines.join("\n") + "\nend";
        fs::write(folder.path().join("x"), &text).unwrap();
        fs::write(folder.path().join("y.gz"), gzip(text.as_bytes())).unwrap();
        let mut sink = Transcript::default();
        if text.starts_with("recognise") || text.starts_with("cutter") {
            return Ok(());
        }
        let tally = scan_with(&toys(block, false), threads, folder.path().to_owned(), &mut sink).unwrap();
        prop_assert_eq!(tally.pieces.len(), 2);
        for piece in &tally.pieces {
            let stored = fs::read(&piece.piece.path).unwrap();
            prop_assert_eq!(piece.sha256, Some(Sha256::digest(&stored).into()));
            prop_assert_eq!(piece.size, stored.len() as u64);
        }
    }
}
