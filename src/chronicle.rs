//! All observations of a hunt, in the order of time. What is more than fits in memory waits in temporary files, sorted.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, binary_heap::PeekMut},
    fs::File,
    io::{self, BufWriter, ErrorKind, Read, Seek, Write},
    ops::Range,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::Scope,
};

use event::{Observation, Observations, Piece, Position, Time, Values};
use evidence::PieceTally;

use crate::{accounting::ADDRESSES, copies::Copies};

/// So many bytes of observations are kept in memory; what correlations keep comes beside them.
const IN_MEMORY: usize = 32 << 20;

/// So many events are counted of which the records alone say that they were, not one by one.
const MAX_REPEATED: u64 = 10_000_000;
/// So many sorted files of one size are made one; so there are never more than a few times as many.
const MERGED: usize = 64;

/// Collects observations as they are found, and tells them in the order of time; those of one time in the order in which they came, which is that
/// of the evidence.
pub struct Chronicle {
    pieces: Vec<Arc<Piece>>,
    copies: Copies,
    /// Packed observations.
    packed: Vec<u8>,
    /// As they came.
    index: Vec<Entry>,
    /// Earlier ones, sorted: files of what was in memory, then files made of [`MERGED`] of those, and so on; the later the index, the earlier
    /// what is in them.
    runs: Vec<Vec<File>>,
    in_memory: usize,
    /// Events that would have been observed, had they a time.
    pub untimed: u64,
    /// Events for which records stand beyond those that count: [`event::MAX_TIMES`] of a record, [`MAX_REPEATED`] of all.
    pub beyond: u64,
    repeated: u64,
}

/// An observation in memory: its time, how often it was told before, and its place among the packed ones. What stands for several events is told
/// in rounds, so that all that is observed of one comes together.
type Entry = (i64, u32, u32);

/// Time and round.
type Key = (i64, u32);

impl Default for Chronicle {
    fn default() -> Self {
        Self::with_memory(IN_MEMORY)
    }
}

impl Chronicle {
    fn with_memory(in_memory: usize) -> Self {
        Self {
            pieces: Vec::new(),
            copies: Copies::default(),
            packed: Vec::new(),
            index: Vec::new(),
            runs: Vec::new(),
            in_memory,
            untimed: 0,
            beyond: 0,
            repeated: 0,
        }
    }

    /// Adds the observations of a block of `piece`.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub fn add(&mut self, piece: &Arc<Piece>, observations: &Observations) -> io::Result<()> {
        self.untimed += observations.untimed;
        self.beyond = self.beyond.saturating_add(observations.beyond);
        if observations.is_empty() {
            return Ok(());
        }
        if !self.pieces.last().is_some_and(|last| Arc::ptr_eq(last, piece)) {
            self.pieces.push(Arc::clone(piece));
        }
        let piece = self.pieces.len() as u32 - 1;
        let in_time = |(observation, _): &(Observation<'_>, u32)| observation.rule != ADDRESSES;
        for (observation, times) in observations.iter_with_times().filter(in_time) {
            if self.packed.len() + size_of_val(self.index.as_slice()) > self.in_memory {
                self.spill()?;
            }
            let (time, at) = (observation.time.as_nanos(), self.packed.len());
            let again = u64::from(times.saturating_sub(1)).min(MAX_REPEATED - self.repeated);
            self.beyond = self.beyond.saturating_add(u64::from(times.saturating_sub(1)) - again);
            self.repeated += again;
            self.index.extend((0..=again as u32).map(|round| (time, round, at as u32)));
            pack(&observation, piece, &mut self.packed);
            self.copies.observed(&time.to_le_bytes());
            self.copies.observed(self.packed.get(at + PIECE..).unwrap_or_default());
        }
        Ok(())
    }

    /// Ends the piece that was added to last.
    pub fn end(&mut self, tally: &PieceTally) {
        self.copies.end(tally);
    }

    /// Pieces whose observations are left out, each with the one that it is a copy of.
    pub fn copies(&self) -> &[(Arc<Piece>, Arc<Piece>)] {
        &self.copies.found
    }

    /// Writes what is in memory to a temporary file.
    fn spill(&mut self) -> io::Result<()> {
        self.index.sort_by_key(|(time, round, _)| (*time, *round));
        let mut file = Writing::new()?;
        for (time, round, at) in &self.index {
            file.write((*time, *round), packed_at(&self.packed, *at))?;
        }
        self.keep(file.finish()?)?;
        self.packed.clear();
        self.index.clear();
        Ok(())
    }

    /// Keeps a sorted file, and makes one of those of its size when they are many.
    fn keep(&mut self, mut file: File) -> io::Result<()> {
        for size in 0.. {
            if self.runs.len() <= size {
                self.runs.push(Vec::new());
            }
            let Some(files) = self.runs.get_mut(size) else { break };
            files.push(file);
            if files.len() < MERGED {
                break;
            }
            let (mut merge, mut all) = (Merge::new(files.drain(..))?, Writing::new()?);
            while merge.next(&mut |key, packed| all.write(key, packed))? {}
            file = all.finish()?;
        }
        Ok(())
    }

    /// Tells all observations in the order of time, those that stand for several events so many times; without those of copies. Each is told
    /// to the listener whose number `which` gives for its rule; if `in_parallel`, each listener listens on a thread of its own.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub fn tell<const N: usize>(
        mut self,
        listeners: [Listener<'_>; N],
        which: impl Fn(u32) -> usize,
        in_parallel: bool,
    ) -> io::Result<()> {
        let (pieces, files) = (std::mem::take(&mut self.pieces), std::mem::take(&mut self.runs));
        let pieces = self.copies.without(&pieces);
        if !in_parallel {
            let mut listeners = listeners;
            return self.merge(files, &mut |(time, _), packed| {
                let listener = rule_of(packed).and_then(|rule| listeners.get_mut(which(rule)));
                listener.into_iter().for_each(|listener| unpack(&pieces, time, packed, listener));
                Ok(())
            });
        }
        std::thread::scope(|scope| {
            let mut batches = listeners.map(|listener| Batches::to(scope, &pieces, listener));
            self.merge(files, &mut |(time, _), packed| {
                let batch = rule_of(packed).and_then(|rule| batches.get_mut(which(rule)));
                batch.into_iter().for_each(|batch| batch.push(time, packed));
                Ok(())
            })?;
            batches.into_iter().for_each(Batches::send_rest);
            Ok(())
        })
    }

    /// Shows what is in memory and what is in `files`, as one, in the order of time.
    fn merge(mut self, files: Vec<Vec<File>>, show: &mut dyn FnMut(Key, &[u8]) -> io::Result<()>) -> io::Result<()> {
        self.index.sort_by_key(|(time, round, _)| (*time, *round));
        // What was merged more often came earlier.
        let mut earlier = Merge::new(files.into_iter().rev().flatten())?;
        for (time, round, at) in &self.index {
            // What is still in memory came last, and so it stands behind those of the same time.
            while earlier.key().is_some_and(|earlier| earlier <= (*time, *round)) {
                earlier.next(show)?;
            }
            show((*time, *round), packed_at(&self.packed, *at))?;
        }
        while earlier.next(show)? {}
        Ok(())
    }
}

/// Who is told observations of pieces.
pub type Listener<'l> = &'l mut (dyn FnMut(&Arc<Piece>, &Observation<'_>) + Send);

/// Observations on their way to a listener on another thread.
struct Batches {
    filling: Vec<u8>,
    sender: SyncSender<Vec<u8>>,
}

impl Batches {
    /// Bytes of a batch, and how many of them may wait.
    const BYTES: usize = 1 << 17;
    const WAITING: usize = 8;

    /// Begins to tell a listener what is pushed.
    fn to<'s>(scope: &'s Scope<'s, '_>, pieces: &'s [Option<&Arc<Piece>>], listener: Listener<'s>) -> Self {
        let (sender, batches) = sync_channel::<Vec<u8>>(Self::WAITING);
        scope.spawn(move || {
            for batch in batches {
                let mut rest = batch.as_slice();
                while let Some((time, behind)) = rest.split_first_chunk::<8>() {
                    let packed = packed_at(behind, 0);
                    unpack(pieces, i64::from_le_bytes(*time), packed, listener);
                    rest = behind.get(packed.len()..).unwrap_or_default();
                }
            }
        });
        Self { filling: Vec::with_capacity(Self::BYTES), sender }
    }

    fn push(&mut self, time: i64, packed: &[u8]) {
        if !self.filling.is_empty() && self.filling.len() + 8 + packed.len() > Self::BYTES {
            let full = std::mem::replace(&mut self.filling, Vec::with_capacity(Self::BYTES));
            // It fails only when the listener has panicked, which its scope tells.
            let _ = self.sender.send(full);
        }
        self.filling.extend(time.to_le_bytes());
        self.filling.extend(packed);
    }

    fn send_rest(self) {
        let _ = self.sender.send(self.filling);
    }
}

fn rule_of(packed: &[u8]) -> Option<u32> {
    packed.first_chunk::<HEAD>().map(|head| Head::read(head).rule)
}

/// Tells a packed observation of a piece that counts.
fn unpack(
    pieces: &[Option<&Arc<Piece>>],
    time: i64,
    packed: &[u8],
    listener: &mut dyn FnMut(&Arc<Piece>, &Observation<'_>),
) {
    let Some((head, values)) = packed.split_first_chunk::<HEAD>() else { return };
    let Head { piece, rule, position, .. } = Head::read(head);
    let observation = Observation { time: Time::from_nanos(time), rule, position, values: Values::packed(values) };
    if let Some(Some(piece)) = pieces.get(piece as usize) {
        listener(piece, &observation);
    }
}

/// Bytes of a [`Key`] in a file.
const KEY: usize = 12;
/// Bytes of a [`Head`], and before what it tells of the record alone.
const HEAD: usize = 21;
const PIECE: usize = 4;

/// What stands before the values of a packed observation.
struct Head {
    piece: u32,
    /// Bytes of the values.
    length: u32,
    rule: u32,
    position: Position,
}

impl Head {
    fn write(&self, out: &mut Vec<u8>) {
        [self.piece, self.length, self.rule].into_iter().for_each(|number| out.extend(number.to_le_bytes()));
        out.push(self.position.tag());
        out.extend(self.position.number().to_le_bytes());
    }

    fn read(bytes: &[u8; HEAD]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, kind, number @ ..] = *bytes;
        let number = u64::from_le_bytes(number);
        let position = Position::of(kind, number).unwrap_or(Position::Offset(number));
        Self {
            piece: u32::from_le_bytes([a, b, c, d]),
            length: u32::from_le_bytes([e, f, g, h]),
            rule: u32::from_le_bytes([i, j, k, l]),
            position,
        }
    }
}

fn pack(observation: &Observation<'_>, piece: u32, out: &mut Vec<u8>) {
    let values = observation.values.bytes();
    let (rule, position) = (observation.rule, observation.position);
    // A block of observations is far smaller than 4 GiB.
    Head { piece, length: values.len() as u32, rule, position }.write(out);
    out.extend(values);
}

fn packed_at(packed: &[u8], at: u32) -> &[u8] {
    let rest = packed.get(at as usize..).unwrap_or_default();
    let length = rest.first_chunk::<HEAD>().map_or(0, |head| HEAD + Head::read(head).length as usize);
    rest.get(..length).unwrap_or_default()
}

/// A temporary file that is being written.
struct Writing(BufWriter<File>);

impl Writing {
    fn new() -> io::Result<Self> {
        Ok(Self(BufWriter::with_capacity(1 << 16, tempfile::tempfile()?)))
    }

    fn write(&mut self, (time, round): Key, packed: &[u8]) -> io::Result<()> {
        self.0.write_all(&time.to_le_bytes())?;
        self.0.write_all(&round.to_le_bytes())?;
        self.0.write_all(packed)
    }

    fn finish(self) -> io::Result<File> {
        let mut file = self.0.into_inner()?;
        file.rewind()?;
        Ok(file)
    }
}

/// Sorted files that are read as one; what has one time, in the order of the files.
struct Merge {
    /// Each until it is read: to give it back takes a while.
    runs: Vec<Option<Run>>,
    /// What is at hand of the file that comes next: mostly many of one do.
    first: Option<(Key, usize)>,
    /// What is at hand of each other one that is not at its end.
    others: BinaryHeap<Reverse<(Key, usize)>>,
}

impl Merge {
    fn new(files: impl Iterator<Item = File>) -> io::Result<Self> {
        let mut runs: Vec<_> = files.map(Run::new).map(Some).collect();
        let mut others = BinaryHeap::new();
        for (number, run) in runs.iter_mut().flatten().enumerate() {
            others.extend(run.next()?.map(|key| Reverse((key, number))));
        }
        let first = others.pop().map(|Reverse(first)| first);
        Ok(Self { runs, first, others })
    }

    /// Time and round of the next observation.
    fn key(&self) -> Option<Key> {
        self.first.map(|(key, _)| key)
    }

    /// Shows the next observation; false at the end.
    fn next(&mut self, show: &mut dyn FnMut(Key, &[u8]) -> io::Result<()>) -> io::Result<bool> {
        let Some((key, number)) = self.first else { return Ok(false) };
        let Some(slot) = self.runs.get_mut(number) else { return Ok(false) };
        let Some(run) = slot else { return Ok(false) };
        show(key, run.packed())?;
        self.first = run.next()?.map(|key| (key, number));
        match (&mut self.first, self.others.peek_mut()) {
            (Some(first), Some(mut other)) if *first > other.0 => std::mem::swap(first, &mut other.0),
            (None, other) => {
                *slot = None;
                self.first = other.map(PeekMut::pop).map(|Reverse(other)| other);
            }
            _ => {}
        }
        Ok(true)
    }
}

/// A sorted temporary file that is being read.
struct Run {
    file: File,
    /// Some of the file, and where in it the observation at hand stands.
    some: Vec<u8>,
    at: Range<usize>,
}

impl Run {
    /// So many bytes are read at once.
    const AT_ONCE: usize = 1 << 16;

    fn new(file: File) -> Self {
        Self { file, some: Vec::new(), at: 0..0 }
    }

    /// The observation at hand.
    fn packed(&self) -> &[u8] {
        self.some.get(self.at.clone()).unwrap_or_default()
    }

    /// Goes on to the next observation; gives its time and round.
    fn next(&mut self) -> io::Result<Option<Key>> {
        self.at.start = self.at.end;
        let rest = self.rest(KEY + HEAD)?;
        let Some(before) = rest.first_chunk::<{ KEY + HEAD }>() else {
            return if rest.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
        };
        let [a, b, c, d, e, f, g, h, i, j, k, l, head @ ..] = *before;
        let bytes = KEY + HEAD + Head::read(&head).length as usize;
        if self.rest(bytes)?.len() < bytes {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.at = self.at.start + KEY..self.at.start + bytes;
        Ok(Some((i64::from_le_bytes([a, b, c, d, e, f, g, h]), u32::from_le_bytes([i, j, k, l]))))
    }

    /// What follows, at least so many bytes if the file has them.
    fn rest(&mut self, bytes: usize) -> io::Result<&[u8]> {
        if self.some.len() < self.at.start + bytes {
            self.some.drain(..self.at.start);
            self.at = 0..0;
            let more = bytes.max(Self::AT_ONCE);
            self.some.reserve(more);
            (&self.file).take(more as u64).read_to_end(&mut self.some)?;
        }
        Ok(self.some.get(self.at.start..).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times and values of a chronicle with so much memory, of pieces of so many lines.
    fn told(in_memory: usize, lines: i64) -> Vec<Told> {
        in_order(chronicle(in_memory, lines))
    }

    fn chronicle(in_memory: usize, lines: i64) -> Chronicle {
        let mut chronicle = Chronicle::with_memory(in_memory);
        for piece in 0..7 {
            let path = Arc::new(Piece { path: format!("piece {piece}") });
            let mut observations = Observations::default();
            for line in 0..lines {
                let time = Time::from_nanos((line * 7919 + piece * 31) % 97 - 40);
                let position = Position::Line(line as u64);
                observations.push(Some(time), piece as u32, position, [Some(format!("{piece} {line}"))]);
            }
            chronicle.add(&path, &observations).unwrap();
            assert!(chronicle.runs.iter().all(|files| files.len() < MERGED), "too many files are open");
        }
        assert_eq!(chronicle.runs.len(), [0, 1, 2][usize::from(in_memory < 5000) + usize::from(in_memory < 200)]);
        chronicle
    }

    type Told = (i64, String, u64, String);

    fn in_order(chronicle: Chronicle) -> Vec<Told> {
        let [even, odd] = by_rule(chronicle, |_| 0, false);
        assert_eq!(odd, []);
        even
    }

    /// What two listeners are told.
    fn by_rule(chronicle: Chronicle, which: fn(u32) -> usize, in_parallel: bool) -> [Vec<Told>; 2] {
        let mut told = [Vec::new(), Vec::new()];
        let [mut first, mut second] = told.each_mut().map(|told| {
            |piece: &Arc<Piece>, observation: &Observation<'_>| {
                let mut values = observation.values;
                let text = values.next().flatten().unwrap().to_owned();
                told.push((observation.time.as_nanos(), piece.path.clone(), observation.position.number(), text));
            }
        });
        chronicle.tell([&mut first, &mut second], which, in_parallel).unwrap();
        told
    }

    #[test]
    fn observations_are_told_in_the_order_of_time_whatever_fits_in_memory() {
        let all = told(1 << 20, 100);
        assert_eq!(all.len(), 700);
        let mut sorted = all.clone();
        // Of one time, in the order of the evidence.
        sorted.sort_by_key(|(time, piece, line, _)| (*time, piece.clone(), *line));
        assert_eq!(all, sorted);
        assert_eq!(told(4000, 100), all);
        // A file for each observation or two: they are merged several times over.
        assert_eq!(told(60, 1000), told(1 << 24, 1000));
    }

    #[test]
    fn listeners_on_threads_are_told_the_same() {
        let which = |rule| rule as usize % 2;
        // More than one batch each.
        let [even, odd] = by_rule(chronicle(1 << 24, 3000), which, true);
        assert_eq!((even.len(), odd.len()), (12_000, 9_000));
        assert_eq!([even, odd], by_rule(chronicle(1 << 24, 3000), which, false));
    }

    #[test]
    fn copies_are_left_out_and_what_stands_for_several_is_told_so_often() {
        let mut chronicle = Chronicle::with_memory(100);
        let tally = |piece: &Arc<Piece>, records| PieceTally {
            piece: Arc::clone(piece),
            format: "syslog",
            layers: Vec::new(),
            size: 0,
            sha256: None,
            complete: true,
            records,
            damaged_records: 0,
            damage_count: 0,
            damages: Vec::new(),
            findings: 0,
            numbering: evidence::Numbering::default(),
            notes: Vec::new(),
        };
        for (path, records, line) in [("a", 9, 1), ("b", 9, 1), ("c", 8, 1), ("d", 9, 2), ("e", 9, 1)] {
            let piece = Arc::new(Piece { path: path.to_owned() });
            let mut observations = Observations::default();
            observations.push(Some(Time::from_nanos(7)), 1, Position::Line(line), [Some("x")]);
            observations.repeat_last(2);
            chronicle.add(&piece, &observations).unwrap();
            chronicle.end(&tally(&piece, records));
        }
        let copies: Vec<_> = chronicle.copies().iter().map(|(copy, first)| (&*copy.path, &*first.path)).collect();
        assert_eq!(copies, [("b", "a"), ("e", "a")]);
        let told: Vec<String> = in_order(chronicle).into_iter().map(|(_, piece, ..)| piece).collect();
        assert_eq!(told, ["a", "c", "d", "a", "c", "d"]);
    }
}
