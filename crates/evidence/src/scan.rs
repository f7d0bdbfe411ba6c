//! Reads all evidence behind some paths, on several threads, as if it were one.
//!
//! ```text
//!   one thread at a time          all threads            one at a time, in order
//! open ──▶ cut ──▶ (number, block) ──▶ read ──▶ output ──▶ tally ──▶ sink
//!           │                           │
//!           └──── bytes as stored ──────┴──▶ SHA-256, in order, by who has time
//! ```
//!
//! A thread takes the next block under a lock, reads it without one, and hands in what it gave; whoever hands in what
//! is next in the order of the evidence hands it, and what waits behind it, to the [`Sink`]. How far threads may run
//! ahead of the slowest block is bounded.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use event::{Damage, Detector, Piece, Position};

use crate::{
    Block, Cutter, Format, Output, Reader,
    open::{self, Aside, Limits, Next, Opened, Opener, Replaced, Tap},
    tally::{Counter, PieceTally, Tally, Unknown, Unread},
};

/// How many blocks may be under way for each thread.
const AHEAD: usize = 4;

/// Takes what is found, in the order of the evidence, whatever the number of threads. An error ends the hunt.
pub trait Sink: Send {
    /// A piece begins.
    ///
    /// # Errors
    /// When the output cannot be written.
    fn begin(&mut self, piece: &Arc<Piece>, format: &'static str) -> io::Result<()>;

    /// What one of its blocks gave.
    ///
    /// # Errors
    /// When the output cannot be written.
    fn output(&mut self, piece: &Arc<Piece>, output: Output) -> io::Result<()>;

    /// The piece has ended.
    ///
    /// # Errors
    /// When the output cannot be written.
    fn end(&mut self, piece: &PieceTally) -> io::Result<()>;
}

/// How far a scan is; another thread may look at it at any time.
#[derive(Debug, Default)]
pub struct Progress {
    /// Files to go through.
    pub files_total: AtomicU64,
    /// Files gone through.
    pub files_done: AtomicU64,
    /// Their sizes together, in bytes; streams have none.
    pub bytes_total: AtomicU64,
    /// Bytes read of them.
    pub bytes_done: AtomicU64,
    /// Pieces read.
    pub pieces: AtomicU64,
    /// Records read.
    pub records: AtomicU64,
    /// Findings.
    pub findings: AtomicU64,
}

/// How evidence is to be read.
pub struct Scan<'a> {
    /// The formats known, asked in this order.
    pub formats: &'a [Box<dyn Format>],
    /// What one file may cost.
    pub limits: Limits,
    /// Files that are no evidence wherever they are come upon: the report that is being written.
    pub no_evidence: &'a [PathBuf],
    /// Whether the SHA-256 of each piece is wanted; it takes a good part of the time.
    pub hash: bool,
    /// How many threads read; with one, no other is begun.
    pub threads: usize,
    /// Where progress is told.
    pub progress: &'a Progress,
}

impl Scan<'_> {
    /// Reads everything behind `paths` (files, folders, `-` for standard input), each thread with a detector of its
    /// own, and hands what it gives to `sink`.
    ///
    /// # Errors
    /// Those of the sink. What cannot be read is no error, but stands in the tally.
    pub fn run<D: Detector>(
        &self,
        paths: &[PathBuf],
        make_detector: impl Fn() -> D + Sync,
        sink: &mut dyn Sink,
    ) -> io::Result<Tally> {
        let opener = Opener::without(self.no_evidence, paths, &self.limits);
        self.run_opener(opener, &make_detector, sink)
    }

    fn run_opener<D: Detector>(
        &self,
        opener: Opener,
        make_detector: &(impl Fn() -> D + Sync),
        sink: &mut dyn Sink,
    ) -> io::Result<Tally> {
        let unread = |(path, reason): &(String, String)| Unread { path: path.clone(), reason: reason.clone() };
        let unreadable_arguments = opener.unreadable_arguments().iter().map(unread).collect();
        let (files, bytes) = opener.total();
        self.progress.files_total.store(files, Relaxed);
        self.progress.bytes_total.store(bytes, Relaxed);
        let threads = self.threads.max(1);
        let mut detector = make_detector();
        let wanted: Vec<bool> = self.formats.iter().map(|format| format.is_wanted(&mut detector)).collect();
        let takes_unknown = self.formats.iter().zip(&wanted).any(|(format, wanted)| *wanted && format.takes_unknown());
        let opener = opener.showing_archives(takes_unknown);
        let tally = Tally { unreadable_arguments, ..Tally::default() };
        let hunt = Hunt {
            formats: self.formats,
            progress: self.progress,
            ahead: threads * AHEAD,
            puller: Mutex::new(Puller {
                opener,
                formats: self.formats,
                wanted,
                hash: self.hash,
                current: None,
                number: 0,
            }),
            order: Mutex::default(),
            room: Condvar::new(),
            delivery: Mutex::new(Delivery { tally, sink, current: None, progress: self.progress }),
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| hunt.work(make_detector));
            }
            hunt.work(make_detector);
        });
        let mut delivery = into_inner(hunt.delivery);
        match into_inner(hunt.order).error {
            Some(error) => Err(error),
            None => self.end(&mut detector, &mut delivery).map(|()| delivery.tally),
        }
    }

    /// Brings what only all pieces together tell to the sink.
    fn end(&self, detector: &mut dyn Detector, delivery: &mut Delivery<'_>) -> io::Result<()> {
        for (piece, output) in self.formats.iter().flat_map(|format| format.end(detector)) {
            let unread = |damage: &Damage| Unread { path: piece.path.clone(), reason: damage.reason.clone() };
            delivery.tally.failures.extend(output.damages.iter().map(unread));
            self.progress.findings.fetch_add(output.seen.findings.len() as u64, Relaxed);
            delivery.sink.output(&piece, output)?;
        }
        Ok(())
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The piece that a block belongs to.
struct Context {
    piece: Arc<Piece>,
    format: usize,
    format_name: &'static str,
    told: Told,
    layers: Vec<&'static str>,
    replaced: Replaced,
    tap: Tap,
}

/// How the tally tells of a piece.
enum Told {
    Piece,
    /// No format knows it, but one looks at it all the same.
    Unknown(Unknown),
    /// An archive as it is stored, of which its members are the pieces.
    Not,
}

/// The next thing in the order of the evidence.
enum Work {
    Block(Arc<Context>, Block),
    /// The piece has ended; why before its end, and whether all its bytes were seen.
    End(Arc<Context>, Option<String>, bool),
    Aside(Aside),
    Unknown(Unknown),
}

/// What came of it.
enum Done {
    Output(Arc<Context>, Output),
    End(Arc<Context>, Option<String>, Option<[u8; 32]>),
    Aside(Aside),
    Unknown(Unknown),
}

/// Everything that the threads share.
struct Hunt<'a> {
    formats: &'a [Box<dyn Format>],
    progress: &'a Progress,
    ahead: usize,
    puller: Mutex<Puller<'a>>,
    order: Mutex<Order>,
    /// There is room for another block, or the hunt has stopped.
    room: Condvar,
    delivery: Mutex<Delivery<'a>>,
}

/// What was handed in and waits for its turn.
#[derive(Default)]
struct Order {
    waiting: BTreeMap<u64, Done>,
    /// The number that is to be delivered next.
    next: u64,
    /// Taken, or about to be, and not delivered yet.
    under_way: usize,
    /// Whether a thread is at the sink.
    delivering: bool,
    stopped: bool,
    error: Option<io::Error>,
}

impl Hunt<'_> {
    /// One thread's work.
    fn work<D: Detector>(&self, make_detector: &impl Fn() -> D) {
        let _stop = StopOnPanic(self);
        let mut worker =
            Worker { detector: make_detector(), make_detector, formats: self.formats, readers: Vec::new() };
        while self.wait_for_room() {
            let taken = {
                let mut puller = lock(&self.puller);
                let taken = puller.pull();
                open::publish(&puller.opener, &self.progress.files_done, &self.progress.bytes_done);
                taken
            };
            let Some((number, work)) = taken else {
                lock(&self.order).under_way -= 1;
                self.room.notify_all();
                return;
            };
            let done = worker.process(work);
            self.hand_in(number, done);
        }
    }

    /// Reserves a place in the order; false when the hunt has stopped.
    fn wait_for_room(&self) -> bool {
        let mut order = lock(&self.order);
        while order.under_way >= self.ahead && !order.stopped {
            order = self.room.wait(order).unwrap_or_else(PoisonError::into_inner);
        }
        order.under_way += 1;
        !order.stopped
    }

    /// Delivers all whose turn it is, unless another thread is at it and will find them.
    fn hand_in(&self, number: u64, done: Done) {
        let mut order = lock(&self.order);
        order.waiting.insert(number, done);
        if order.delivering {
            return;
        }
        order.delivering = true;
        loop {
            let next = order.next;
            let Some(done) = order.waiting.remove(&next).filter(|_| !order.stopped) else { break };
            drop(order);
            let delivered = lock(&self.delivery).deliver(done);
            order = lock(&self.order);
            order.next += 1;
            order.under_way -= 1;
            if let Err(error) = delivered {
                order.stopped = true;
                order.error = Some(error);
            }
            self.room.notify_all();
        }
        order.delivering = false;
    }
}

/// A panic of a detector's maker or of the sink is no input's fault and goes on to the caller; the other threads
/// must not wait for one that is gone.
struct StopOnPanic<'a, 'b>(&'a Hunt<'b>);

impl Drop for StopOnPanic<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(&self.0.order).stopped = true;
            self.0.room.notify_all();
        }
    }
}

/// Takes block after block from piece after piece; one thread at a time.
struct Puller<'a> {
    opener: Opener,
    formats: &'a [Box<dyn Format>],
    /// Which of them are of any use.
    wanted: Vec<bool>,
    hash: bool,
    current: Option<Current>,
    number: u64,
}

/// The piece that is being cut.
struct Current {
    context: Arc<Context>,
    cutter: Box<dyn Cutter + Send>,
    input: Input,
}

/// Ends where reading fails, so that the cutter gives what came before, and keeps the reason.
struct Input {
    opened: Opened,
    read: u64,
    error: Option<io::Error>,
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.error.is_some() {
            return Ok(0);
        }
        match self.opened.read(out) {
            Ok(read) => {
                self.read += read as u64;
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.error = Some(error);
                Ok(0)
            }
        }
    }
}

impl Puller<'_> {
    fn pull(&mut self) -> Option<(u64, Work)> {
        let work = loop {
            if let Some(current) = &mut self.current {
                let work = current.cut();
                if matches!(work, Work::End(..)) {
                    self.current = None;
                }
                break work;
            }
            let opener = &mut self.opener;
            match catch_unwind(AssertUnwindSafe(|| opener.next())) {
                Ok(None) => return None,
                Ok(Some(Next::Aside(aside))) => break Work::Aside(aside),
                Ok(Some(Next::Piece(opened))) => {
                    if let Some(work) = self.begin(opened, false) {
                        break work;
                    }
                }
                // Where nothing looks at it, its members are all there is.
                Ok(Some(Next::Archive(opened))) => {
                    if let Some(work) = self.begin(opened, true).filter(|work| !matches!(work, Work::Unknown(_))) {
                        break work;
                    }
                }
                Err(panic) => {
                    let reason = format!("opening this failed: {} (please report this)", panic_text(&*panic));
                    break Work::Aside(Aside::Failed { path: self.opener.give_up(), reason });
                }
            }
        };
        let number = self.number;
        self.number += 1;
        Some((number, work))
    }

    /// Makes a piece the current one, or tells why not.
    fn begin(&mut self, opened: Opened, is_archive: bool) -> Option<Work> {
        let formats = self.formats.iter().enumerate().zip(&self.wanted);
        let formats = formats.filter(|(_, wanted)| **wanted).map(|(format, _)| format);
        let begun = catch_unwind(AssertUnwindSafe(|| {
            let knows = |format: &dyn Format| !is_archive && format.recognises(opened.head(), &opened.name);
            let knowing = formats.clone().find(|(_, format)| knows(format.as_ref()));
            let (number, format) = knowing.or_else(|| formats.clone().find(|(_, format)| format.takes_unknown()))?;
            Some((number, format.name(), format.cutter(), knowing.is_none()))
        }));
        let path = opened.piece.path.clone();
        match begun {
            Ok(Some((format, format_name, mut cutter, is_unknown))) => {
                if !self.hash || is_unknown {
                    opened.tap().without_hash();
                }
                let told = match is_unknown {
                    false => Told::Piece,
                    true if is_archive => Told::Not,
                    true => Told::Unknown(unknown(&opened)),
                };
                let context = Context {
                    piece: Arc::clone(&opened.piece),
                    format,
                    format_name,
                    told,
                    layers: opened.layers.clone(),
                    replaced: opened.replaced(),
                    tap: opened.tap(),
                };
                cutter.begin(opened.about());
                let input = Input { opened, read: 0, error: None };
                self.current = Some(Current { context: Arc::new(context), cutter, input });
                None
            }
            Ok(None) => Some(Work::Unknown(unknown(&opened))),
            Err(panic) => {
                let reason = format!("recognising this failed: {} (please report this)", panic_text(&*panic));
                Some(Work::Aside(Aside::Failed { path, reason }))
            }
        }
    }
}

/// What is told of a piece that no format recognises.
fn unknown(opened: &Opened) -> Unknown {
    let layers: String = opened.layers.iter().map(|layer| format!(", {layer}")).collect();
    let looks_like = format!("{}{layers}", opened.looks_like());
    Unknown { path: opened.piece.path.clone(), size: opened.size, looks_like }
}

impl Current {
    fn cut(&mut self) -> Work {
        let Self { context, cutter, input } = self;
        let cut = catch_unwind(AssertUnwindSafe(|| cutter.cut(input)));
        let context = Arc::clone(context);
        let error = match cut {
            Ok(Ok(Some(block))) => return Work::Block(context, block),
            Ok(Ok(None)) => input.error.take().map(|error| open::reason(&error)),
            Ok(Err(error)) => Some(open::reason(&error)),
            Err(panic) => Some(format!("cutting this failed: {} (please report this)", panic_text(&*panic))),
        };
        let mut failure = error.map(|reason| format!("read up to byte {}: {reason}", input.read));
        let drained = if matches!(context.told, Told::Piece) { context.tap.drain() } else { Ok(()) };
        let whole = drained.is_ok();
        if let Err(error) = drained {
            failure = failure.or_else(|| Some(format!("not all bytes could be hashed: {}", open::reason(&error))));
        }
        Work::End(context, failure, whole)
    }
}

/// One thread's detector and readers.
struct Worker<'a, D, F> {
    detector: D,
    make_detector: &'a F,
    formats: &'a [Box<dyn Format>],
    /// By format, with the format's number; made when first needed.
    readers: Vec<(usize, Box<dyn Reader>)>,
}

impl<D: Detector, F: Fn() -> D> Worker<'_, D, F> {
    fn process(&mut self, work: Work) -> Done {
        match work {
            Work::Block(context, block) => {
                if let Some(hashing) = context.tap.hashing() {
                    hashing.help();
                }
                let output = self.read(&context, block);
                Done::Output(context, output)
            }
            Work::End(context, failure, whole) => {
                let digest = context.tap.hashing().filter(|_| whole).map(|hashing| hashing.finish());
                Done::End(context, failure, digest)
            }
            Work::Aside(aside) => Done::Aside(aside),
            Work::Unknown(unknown) => Done::Unknown(unknown),
        }
    }

    fn read(&mut self, context: &Context, mut block: Block) -> Output {
        let mut output = Output { damages: std::mem::take(&mut block.damages), ..Output::default() };
        let known = self.readers.iter().position(|(format, _)| *format == context.format);
        let mut reader = match known {
            Some(known) => self.readers.swap_remove(known).1,
            None => match self.formats.get(context.format) {
                Some(format) => format.reader(),
                None => return output,
            },
        };
        let detector = &mut self.detector;
        let result = catch_unwind(AssertUnwindSafe(|| {
            reader.read(&context.piece, &block, detector, &mut output);
        }));
        match result {
            Ok(()) => self.readers.push((context.format, reader)),
            Err(panic) => {
                // Neither can be trusted any more.
                self.detector = (self.make_detector)();
                let reason = format!("the reader failed on this block: {} (please report this)", panic_text(&*panic));
                output.damages.push(Damage { position: Position::Offset(block.offset), records: 0, reason });
            }
        }
        output
    }
}

/// What a panic says, as far as it is text.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given")
}

/// Brings what was read to the tally and the sink; in order.
struct Delivery<'a> {
    tally: Tally,
    sink: &'a mut dyn Sink,
    current: Option<Counter>,
    progress: &'a Progress,
}

impl Delivery<'_> {
    fn deliver(&mut self, done: Done) -> io::Result<()> {
        match done {
            Done::Output(context, output) => {
                let counter = begun(&mut self.current, self.sink, &context)?;
                counter.add(&output);
                self.progress.records.fetch_add(output.records, Relaxed);
                self.progress.findings.fetch_add(output.seen.findings.len() as u64, Relaxed);
                self.sink.output(&context.piece, output)
            }
            Done::End(context, failure, digest) => {
                begun(&mut self.current, self.sink, &context)?;
                let Some(mut counter) = self.current.take() else { return Ok(()) };
                counter.add(&Output { notes: context.replaced.note().into_iter().collect(), ..Output::default() });
                let piece = counter.finish(context.tap.total(), digest, failure.is_none());
                if let Some(reason) = failure {
                    self.tally.failures.push(Unread { path: context.piece.path.clone(), reason });
                }
                self.progress.pieces.fetch_add(1, Relaxed);
                let ended = self.sink.end(&piece);
                match &context.told {
                    Told::Piece => self.tally.pieces.push(piece),
                    Told::Unknown(unknown) => self.tally.unknown.push(unknown.clone()),
                    Told::Not => {}
                }
                ended
            }
            Done::Aside(aside) => {
                self.tally.aside(aside);
                Ok(())
            }
            Done::Unknown(unknown) => {
                self.tally.unknown.push(unknown);
                Ok(())
            }
        }
    }
}

/// The counter of the piece that is being delivered; a piece begins with the first that comes of it.
fn begun<'c>(current: &'c mut Option<Counter>, sink: &mut dyn Sink, context: &Context) -> io::Result<&'c mut Counter> {
    if current.is_none() {
        sink.begin(&context.piece, context.format_name)?;
    }
    Ok(current.get_or_insert_with(|| Counter::new(&context.piece, context.format_name, context.layers.clone())))
}

#[cfg(test)]
mod tests;
