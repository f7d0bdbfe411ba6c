//! What was read and what was not: the count that stands at the end of every report.

use std::{collections::BTreeSet, sync::Arc};

use event::{Damage, Piece, Time};

use crate::{Output, Run, open::Aside};

/// How many damages, notes, gaps, silences and steps of the clock are kept of a piece; the rest is counted.
pub const KEPT: usize = 100;

/// How many runs of record numbers are kept of a piece.
const RUNS: usize = 1 << 16;

/// A pause has to be longer than this to be a [`Silence`].
const SILENCE: i64 = 24 * 3600 * 1_000_000_000;

/// A pause has to be this many times as long as the others are on average to be a [`Silence`].
const SILENCE_FACTOR: i128 = 20;

/// A piece of fewer records is too small to say what is usual in it.
const SILENCE_RECORDS: u64 = 10;

/// The clock has to go back by more than this to be told: a log's writers do not wait for one another.
const BACKWARDS: i64 = 60 * 1_000_000_000;

/// Everything that a hunt came upon, in the order of the evidence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// The pieces that were read.
    pub pieces: Vec<PieceTally>,
    /// Pieces of no known format.
    pub unknown: Vec<Unknown>,
    /// What was left out on purpose: links, special files, encrypted members.
    pub skipped: Vec<Unread>,
    /// What could not be read, or not to its end; also pieces that are told in `pieces`.
    pub failures: Vec<Unread>,
    /// Files without a byte.
    pub empty: Vec<String>,
    /// Paths that were given and are not there or cannot be read at all.
    pub unreadable_arguments: Vec<Unread>,
}

/// Something that was not read, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Its label.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// A piece that no reader knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Its label.
    pub path: String,
    /// Its size in bytes, where that is known without reading all of it.
    pub size: Option<u64>,
    /// A few words on what it looks like.
    pub looks_like: String,
}

/// What one piece gave.
#[derive(Clone, Debug, PartialEq)]
pub struct PieceTally {
    /// The piece.
    pub piece: Arc<Piece>,
    /// The format that it was read as.
    pub format: &'static str,
    /// What was undone to read it, outermost first: `gzip`, `UTF-16 (little endian)`.
    pub layers: Vec<&'static str>,
    /// How many bytes its label names.
    pub size: u64,
    /// The SHA-256 of these bytes; `None` if they could not all be read.
    pub sha256: Option<[u8; 32]>,
    /// Whether it was read to its end; if not, the reason stands in [`Tally::failures`].
    pub complete: bool,
    /// Records that were whole.
    pub records: u64,
    /// Records that were lost to damages, as far as that can be known.
    pub damaged_records: u64,
    /// How many damages there are.
    pub damage_count: u64,
    /// The first [`KEPT`] of them.
    pub damages: Vec<Damage>,
    /// How many findings there are.
    pub findings: u64,
    /// What the records' numbers and times tell of records that are not there.
    pub numbering: Numbering,
    /// The first [`KEPT`] different remarks of the reader.
    pub notes: Vec<String>,
}

/// What the numbers of a piece's records, and their times in the order of the numbers, tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbering {
    /// The lowest and the highest number.
    pub range: Option<(u64, u64)>,
    /// How many numbers between them are missing.
    pub missing: u64,
    /// How many records have a number that another has.
    pub repeated: u64,
    /// How many gaps there are in the numbers.
    pub gap_count: u64,
    /// The first [`KEPT`] of them.
    pub gaps: Vec<Gap>,
    /// How many silences there are.
    pub silence_count: u64,
    /// The first [`KEPT`] of them.
    pub silences: Vec<Silence>,
    /// How often the clock went back.
    pub step_count: u64,
    /// The first [`KEPT`] times that it did.
    pub steps: Vec<ClockStep>,
    /// The numbers break off more often than can be kept; nothing of the above is known.
    pub too_broken: bool,
}

/// Numbers that no record of the piece has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first missing number.
    pub first: u64,
    /// The last missing number.
    pub last: u64,
    /// The time of the records before.
    pub before: Option<Time>,
    /// The time of the records behind.
    pub after: Option<Time>,
}

/// A pause between two neighbouring records that is longer than 24 hours, and more than 20 times as long as the
/// piece's other pauses are on average. Told where no number is missing, in pieces of ten records or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// The number of the record before.
    pub record: u64,
    /// When it began.
    pub from: Time,
    /// When it ended.
    pub until: Time,
}

/// A place where a record is more than a minute older than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockStep {
    /// The number of the record before.
    pub record: u64,
    /// The time up to there.
    pub from: Time,
    /// The time that comes next.
    pub to: Time,
}

/// Sums over all pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Pieces read.
    pub pieces: u64,
    /// Bytes that their labels name.
    pub bytes: u64,
    /// Whole records.
    pub records: u64,
    /// Records lost to damages, as far as that can be known.
    pub damaged_records: u64,
    /// Damages.
    pub damages: u64,
    /// Findings.
    pub findings: u64,
    /// Numbers that are missing between records.
    pub missing_records: u64,
}

impl Tally {
    /// Sums over all pieces.
    pub fn totals(&self) -> Totals {
        self.pieces.iter().fold(Totals::default(), |sum, piece| Totals {
            pieces: sum.pieces + 1,
            bytes: sum.bytes.saturating_add(piece.size),
            records: sum.records + piece.records,
            damaged_records: sum.damaged_records.saturating_add(piece.damaged_records),
            damages: sum.damages + piece.damage_count,
            findings: sum.findings + piece.findings,
            missing_records: sum.missing_records.saturating_add(piece.numbering.missing),
        })
    }

    /// Whether everything that was given was read, without loss: nothing failed and nothing is damaged.
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty()
            && self.unreadable_arguments.is_empty()
            && self.pieces.iter().all(|piece| piece.damage_count == 0)
    }

    pub(crate) fn aside(&mut self, aside: Aside) {
        match aside {
            Aside::Skipped { path, reason } => self.skipped.push(Unread { path, reason }),
            Aside::Failed { path, reason } => self.failures.push(Unread { path, reason }),
            Aside::Empty { path } => self.empty.push(path),
        }
    }
}

/// Counts one piece while its blocks come in.
pub(crate) struct Counter {
    tally: PieceTally,
    runs: Runs,
    notes: BTreeSet<String>,
}

impl Counter {
    pub fn new(piece: &Arc<Piece>, format: &'static str, layers: Vec<&'static str>) -> Self {
        let tally = PieceTally {
            piece: Arc::clone(piece),
            format,
            layers,
            size: 0,
            sha256: None,
            complete: true,
            records: 0,
            damaged_records: 0,
            damage_count: 0,
            damages: Vec::new(),
            findings: 0,
            numbering: Numbering::default(),
            notes: Vec::new(),
        };
        Self { tally, runs: Runs::default(), notes: BTreeSet::new() }
    }

    /// Counts what a block gave.
    pub fn add(&mut self, output: &Output) {
        let tally = &mut self.tally;
        tally.records += output.records;
        tally.findings += output.seen.findings.len() as u64;
        tally.damage_count += output.damages.len() as u64;
        for damage in &output.damages {
            tally.damaged_records = tally.damaged_records.saturating_add(damage.records);
            keep(&mut tally.damages, || damage.clone());
        }
        for note in &output.notes {
            if self.notes.len() < KEPT && self.notes.insert(note.clone()) {
                tally.notes.push(note.clone());
            }
        }
        output.runs.iter().for_each(|run| self.runs.push(*run));
    }

    /// The piece's tally, when all its blocks came in.
    pub fn finish(self, size: u64, sha256: Option<[u8; 32]>, complete: bool) -> PieceTally {
        PieceTally { size, sha256, complete, numbering: self.runs.finish(), ..self.tally }
    }
}

fn keep<T>(list: &mut Vec<T>, item: impl FnOnce() -> T) {
    if list.len() < KEPT {
        list.push(item());
    }
}

/// Adds a record to the runs of a block, for readers: begins a new run where the number is not the next one, where
/// more than 24 hours passed since the run's latest record, and where the clock went back by more than a minute, so
/// that the tally can tell of each.
pub fn add_to_runs(runs: &mut Vec<Run>, number: u64, time: Option<Time>) {
    let next = Run { first: number, last: number, from: time, until: time };
    match runs.last_mut() {
        Some(last) if last.continues_with(&next) => last.extend(&next),
        _ => runs.push(next),
    }
}

impl Run {
    /// Whether `next` goes on where this run ends, in number and in time.
    fn continues_with(&self, next: &Self) -> bool {
        let steady = match (self.until, next.from) {
            (Some(until), Some(from)) => {
                let pause = from.as_nanos().saturating_sub(until.as_nanos());
                (-BACKWARDS..=SILENCE).contains(&pause)
            }
            _ => true,
        };
        self.last.checked_add(1) == Some(next.first) && steady
    }

    fn extend(&mut self, next: &Self) {
        self.last = next.last;
        self.from = [self.from, next.from].into_iter().flatten().min();
        self.until = [self.until, next.until].into_iter().flatten().max();
    }
}

/// The runs of a piece, as few as can be.
#[derive(Default)]
struct Runs {
    runs: Vec<Run>,
    repeated: u64,
    too_broken: bool,
}

impl Runs {
    fn push(&mut self, run: Run) {
        if self.too_broken || run.last < run.first {
            return;
        }
        match self.runs.last_mut() {
            Some(last) if last.continues_with(&run) => last.extend(&run),
            _ => self.runs.push(run),
        }
        if self.runs.len() > RUNS {
            self.sort();
            // Less than half saved would mean to sort over and over again.
            if self.runs.len() > RUNS / 2 {
                *self = Self { too_broken: true, ..Self::default() };
            }
        }
    }

    /// Brings the runs into the order of their numbers (a circular log has its oldest records in the middle), each
    /// number in one of them only.
    fn sort(&mut self) {
        let mut runs = std::mem::take(&mut self.runs);
        runs.sort_by_key(|run| (run.first, run.last));
        for mut run in runs {
            match self.runs.last_mut() {
                Some(last) if last.continues_with(&run) => last.extend(&run),
                Some(last) if run.first <= last.last => {
                    let common = run.last.min(last.last) - run.first;
                    self.repeated = self.repeated.saturating_add(common).saturating_add(1);
                    if run.last > last.last {
                        run.first = last.last + 1;
                        self.runs.push(run);
                    }
                }
                _ => self.runs.push(run),
            }
        }
    }

    fn finish(mut self) -> Numbering {
        self.sort();
        let mut numbering = Numbering { too_broken: self.too_broken, repeated: self.repeated, ..Numbering::default() };
        let (Some(first), Some(last)) = (self.runs.first(), self.runs.last()) else { return numbering };
        numbering.range = Some((first.first, last.last));
        let usual = Usual::of(&self.runs);
        for pair in self.runs.windows(2) {
            let [before, after] = pair else { continue };
            numbering.step(before, after);
            if after.first - before.last > 1 {
                numbering.gap(before, after);
            } else {
                numbering.silence(before, after, &usual);
            }
        }
        numbering
    }
}

/// How often a piece's records come.
struct Usual {
    records: u64,
    /// From the earliest record to the latest, in nanoseconds.
    span: i128,
}

impl Usual {
    fn of(runs: &[Run]) -> Self {
        let from = runs.iter().filter_map(|run| run.from).min();
        let until = runs.iter().filter_map(|run| run.until).max();
        let span = from.zip(until).map_or(0, |(from, until)| nanos_between(from, until));
        let length = |run: &Run| (run.last - run.first).saturating_add(1);
        Self { records: runs.iter().fold(0, |sum: u64, run| sum.saturating_add(length(run))), span }
    }

    /// Whether a pause is far longer than the others are on average.
    fn is_exceeded_by(&self, pause: i128) -> bool {
        let others = i128::from(self.records) - 2;
        self.records >= SILENCE_RECORDS && pause * others > SILENCE_FACTOR * (self.span - pause)
    }
}

fn nanos_between(from: Time, until: Time) -> i128 {
    i128::from(until.as_nanos()) - i128::from(from.as_nanos())
}

impl Numbering {
    fn gap(&mut self, before: &Run, after: &Run) {
        let gap = Gap { first: before.last + 1, last: after.first - 1, before: before.until, after: after.from };
        self.missing = self.missing.saturating_add(after.first - before.last - 1);
        self.gap_count += 1;
        keep(&mut self.gaps, || gap);
    }

    fn silence(&mut self, before: &Run, after: &Run, usual: &Usual) {
        let (Some(from), Some(until)) = (before.until, after.from) else { return };
        let pause = nanos_between(from, until);
        if pause > i128::from(SILENCE) && usual.is_exceeded_by(pause) {
            self.silence_count += 1;
            keep(&mut self.silences, || Silence { record: before.last, from, until });
        }
    }

    fn step(&mut self, before: &Run, after: &Run) {
        let (Some(from), Some(to)) = (before.until, after.from) else { return };
        if nanos_between(to, from) > i128::from(BACKWARDS) {
            self.step_count += 1;
            keep(&mut self.steps, || ClockStep { record: before.last, from, to });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;

    fn at(seconds: i64) -> Option<Time> {
        Some(Time::from_nanos(seconds * 1_000_000_000))
    }

    fn numbering(records: impl IntoIterator<Item = (u64, i64)>) -> Numbering {
        let mut runs = Vec::new();
        records.into_iter().for_each(|(number, seconds)| add_to_runs(&mut runs, number, at(seconds)));
        let mut all = Runs::default();
        runs.into_iter().for_each(|run| all.push(run));
        all.finish()
    }

    #[test]
    fn a_steady_log_has_no_gaps() {
        let steady = numbering((1..=1000).map(|n| (n, n as i64 * 60)));
        assert_eq!(steady, Numbering { range: Some((1, 1000)), ..Numbering::default() });
    }

    #[test]
    fn a_circular_log_is_read_in_the_order_of_its_numbers() {
        let numbers = (501..=1000).chain(1..=400);
        let circular = numbering(numbers.map(|n| (n, n as i64)));
        assert_eq!((circular.missing, circular.gap_count, circular.step_count), (100, 1, 0));
        assert_eq!(circular.gaps, [Gap { first: 401, last: 500, before: at(400), after: at(501) }]);
    }

    #[test]
    fn numbers_that_stand_twice_are_counted() {
        let twice = numbering((1..=100).chain(51..=120).map(|n| (n, n as i64)));
        assert_eq!((twice.repeated, twice.missing, twice.range), (50, 0, Some((1, 120))));
        assert_eq!(twice.step_count, 0);
    }

    #[test]
    fn a_silence_is_long_and_unusual() {
        // A record a minute, then three days of nothing.
        let quiet = |n: u64| n as i64 * 60 + if n > 500 { 72 * HOUR } else { 0 };
        let silent = numbering((1..=1000).map(|n| (n, quiet(n))));
        assert_eq!(
            silent.silences,
            [Silence { record: 500, from: at(500 * 60).unwrap(), until: at(quiet(501)).unwrap() }]
        );
        // A record every two days: that is how this log is.
        let rare = numbering((1..=1000).map(|n| (n, n as i64 * 48 * HOUR)));
        assert_eq!((rare.silence_count, rare.gap_count), (0, 0));
        // 23 hours may be a night.
        let night = numbering((1..=1000).map(|n| (n, n as i64 + if n > 500 { 23 * HOUR } else { 0 })));
        assert_eq!(night.silence_count, 0);
    }

    #[test]
    fn the_clock_going_back_is_told() {
        let back = numbering((1..=100).map(|n| (n, n as i64 - if n > 50 { 3600 } else { 0 })));
        assert_eq!(back.steps, [ClockStep { record: 50, from: at(50).unwrap(), to: at(51 - 3600).unwrap() }]);
        let little = numbering((1..=100).map(|n| (n, n as i64 - if n > 50 { 30 } else { 0 })));
        assert_eq!(little.step_count, 0);
    }

    #[test]
    fn numbers_without_any_order_cost_bounded_memory() {
        let broken = numbering((0..200_000u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1, 0)));
        assert!(broken.too_broken && broken.range.is_none());
        // The same number of breaks that go away by sorting does no harm.
        let shuffled = numbering((0..200_000u64).map(|n| (n ^ 1, 0)));
        assert_eq!((shuffled.too_broken, shuffled.missing, shuffled.repeated), (false, 0, 0));
        let ends = numbering([(0, 0), (u64::MAX, 0)]);
        assert_eq!(ends.missing, u64::MAX - 1);
    }

    #[test]
    fn texts_are_kept_up_to_a_bound_and_counted_beyond() {
        let piece = Arc::new(Piece { path: "x".into() });
        let mut counter = Counter::new(&piece, "toy", Vec::new());
        let damage = |n| Damage { position: event::Position::Offset(n), records: 2, reason: "x".into() };
        for n in 0..1000 {
            let notes = vec!["log was not closed".to_owned()];
            counter.add(&Output { records: 1, damages: vec![damage(n)], notes, ..Output::default() });
        }
        let tally = counter.finish(5, None, true);
        assert_eq!((tally.records, tally.damaged_records, tally.damage_count), (1000, 2000, 1000));
        assert_eq!((tally.damages.len(), tally.notes.len()), (KEPT, 1));
    }
}
