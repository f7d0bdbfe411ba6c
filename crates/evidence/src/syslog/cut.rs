//! Cuts syslog text into blocks of whole records: behind a line end, if the next line does not go on with the record.

use std::{
    io::{self, Read},
    sync::Arc,
};

use memchr::memchr_iter;

use super::years::{Dates, Survey, Walk, Years};
use crate::{
    About, Block, Clock, Cutter,
    cut::{LineBorders, LineRule, TextCutter},
};

/// How much of a piece that can be read only once is looked through for its years before it is cut.
const AHEAD: usize = 64 << 20;
/// How much of it is read before it is known whether lines give no year.
const FIRST: usize = 1 << 20;

/// Cuts one piece.
pub(super) struct SyslogCutter {
    text: TextCutter<LineBorders<NewRecord>>,
    /// What was read ahead, and how much of it went to `text`.
    ahead: Vec<u8>,
    passed: usize,
    /// Why no more could be read.
    error: Option<io::Error>,
    /// The years of the piece, and whether its lines are still to be looked through for them.
    years: Option<Arc<Years>>,
    is_known: bool,
    /// How far its dates have been walked.
    walk: Walk,
}

impl SyslogCutter {
    /// Aims at blocks of `block` bytes.
    pub(super) fn new(clock: &Clock, block: usize) -> Self {
        Self {
            text: TextCutter::of(block),
            ahead: Vec::new(),
            passed: 0,
            error: None,
            years: Some(Arc::new(Years::of(About::default(), clock))),
            is_known: false,
            walk: Walk::default(),
        }
    }

    /// Looks through a piece that cannot be read twice.
    fn look_ahead(&mut self, input: &mut dyn Read) {
        let mut survey = Survey::default();
        for until in [FIRST, AHEAD] {
            let start = self.ahead.len();
            let read = input.take((until - start) as u64).read_to_end(&mut self.ahead);
            survey.read(self.ahead.get(start..).unwrap_or_default());
            self.error = read.err();
            if self.ahead.len() < until || !survey.is_needed() {
                break;
            }
        }
        survey.end();
        let in_part = self.ahead.len() == AHEAD;
        self.years = self.years.take().and_then(Arc::into_inner).map(|years| Arc::new(years.found(&survey, in_part)));
    }

    /// Walks the dates of a block; gives what is known before it.
    fn walk(&mut self, bytes: &[u8]) -> Walk {
        let before = self.walk;
        self.walk.line(bytes);
        for end in memchr_iter(b'\n', bytes) {
            self.walk.line(bytes.get(end + 1..).unwrap_or_default());
        }
        before
    }
}

impl Cutter for SyslogCutter {
    fn begin(&mut self, about: About<'_>) {
        self.is_known = about.again.is_some();
        self.years = self.years.take().map(|years| Arc::new(Years::of(about, years.clock())));
    }

    fn cut(&mut self, input: &mut dyn Read) -> io::Result<Option<Block>> {
        if !self.is_known {
            self.is_known = true;
            self.look_ahead(input);
        }
        let rest = self.ahead.get(self.passed..).unwrap_or_default();
        let mut input = Behind { ahead: rest, error: &mut self.error, input };
        let cut = self.text.cut(&mut input);
        self.passed = self.ahead.len() - input.ahead.len();
        if self.passed == self.ahead.len() {
            (self.ahead, self.passed) = (Vec::new(), 0);
        }
        let Some(mut block) = cut? else { return Ok(None) };
        let walk = self.walk(&block.bytes);
        block.dates = self.years.as_ref().map(|years| Dates { years: Arc::clone(years), walk });
        Ok(Some(block))
    }
}

/// What was read ahead, and what comes behind it.
struct Behind<'a> {
    ahead: &'a [u8],
    error: &'a mut Option<io::Error>,
    input: &'a mut dyn Read,
}

impl Read for Behind<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if !self.ahead.is_empty() {
            return self.ahead.read(out);
        }
        self.error.take().map_or_else(|| self.input.read(out), Err)
    }
}

/// A line that does not go on with the record before it, nor with sudo's command in it, begins one.
#[derive(Default)]
pub(super) struct NewRecord;

impl LineRule for NewRecord {
    const AHEAD: usize = SHOWING;

    fn begins(text: &[u8], at: usize) -> bool {
        let next = text.get(at..).unwrap_or_default();
        let next = next.get(..SHOWING).unwrap_or(next);
        let line = memchr::memchr(b'\n', next).and_then(|end| next.get(..end)).unwrap_or(next);
        !line.first().is_some_and(|first| goes_on(*first)) && !continues_command(line)
    }
}

/// Whether a line that begins with `first` goes on with the record before it.
pub(super) fn goes_on(first: u8) -> bool {
    matches!(first, b' ' | b'\t')
}

/// As many bytes of a line show whether it goes on with sudo's command of the line before.
const SHOWING: usize = 512;

/// Whether a line goes on with a command of sudo's that did not fit into the line before.
pub(super) fn continues_command(line: &[u8]) -> bool {
    let beginning = line.get(..SHOWING).unwrap_or(line);
    memchr::memmem::find(beginning, b" : (command continued) ").is_some()
}
