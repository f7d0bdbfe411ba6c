//! Cuts audit logs into blocks of whole events: at line ends over which no event reaches.

use memchr::{memchr, memrchr};

use super::{
    join::{Joiner, REACH},
    line::{MAX_HEADER, header},
};
use crate::cut::{Borders, TextCutter};

/// Most bytes that are looked through for a border. The arguments of a program may be 6 MiB, twice that in hexadecimal. Where events
/// overlap without end for so long, those at the block's end are told in two parts.
const MAX_EVENTS: usize = 16 << 20;

/// Cuts one piece.
pub(super) type AuditCutter = TextCutter<EventBorders>;

/// Finds line ends over which no event reaches.
#[derive(Default)]
pub(super) struct EventBorders {
    /// No border stands in so much of the buffer.
    searched: usize,
    /// No line end stands in so much of a line that is skipped.
    skipped: usize,
}

impl Borders for EventBorders {
    fn last(&mut self, buffer: &[u8], ended: bool) -> Option<usize> {
        // What decides on a border is within reach of it, with whole headers.
        let high = if ended { buffer.len() } else { buffer.len().checked_sub(REACH + MAX_HEADER)? };
        let low = self.searched;
        let near = high.saturating_sub(REACH).max(low);
        let found = last_border(buffer, near, high);
        let found = found.or_else(|| if near > low { last_border(buffer, low, near) } else { None });
        self.searched = high;
        found.or_else(|| {
            let endless = buffer.len() > MAX_EVENTS;
            let line_end = if endless { memrchr(b'\n', buffer.get(..high)?) } else { None };
            line_end.map(|at| at + 1)
        })
    }

    fn first(&mut self, buffer: &[u8], _ended: bool) -> Result<usize, usize> {
        let found = memchr(b'\n', buffer.get(self.skipped..).unwrap_or_default());
        let border = found.map(|at| self.skipped + at + 1);
        border.ok_or_else(|| {
            self.skipped = buffer.len();
            self.skipped
        })
    }

    fn passed(&mut self, bytes: usize) {
        self.searched = self.searched.saturating_sub(bytes);
        self.skipped = self.skipped.saturating_sub(bytes);
    }
}

/// The last border behind `low` that is not behind `high`.
fn last_border(buffer: &[u8], low: usize, high: usize) -> Option<usize> {
    let from = low.saturating_sub(REACH);
    let from = if from == 0 { 0 } else { from + memchr(b'\n', buffer.get(from..)?)? + 1 };
    let until = (high + REACH + MAX_HEADER).min(buffer.len());
    let lines = lines(buffer, from, until);
    // Seen from the end: where the first record begins whose event has another behind the border.
    let mut reaches_to = usize::MAX;
    lines.iter().rev().take_while(|(start, _)| *start > low).find_map(|(start, before)| {
        reaches_to = reaches_to.min(*before);
        (*start <= high && reaches_to >= *start).then_some(*start)
    })
}

/// Where lines begin, each with where the record before it of the same event does; itself if there is none.
fn lines(buffer: &[u8], from: usize, until: usize) -> Vec<(usize, usize)> {
    let (mut joiner, mut lines, mut start) = (Joiner::default(), Vec::new(), from);
    while let Some(line) = buffer.get(start..until).filter(|line| !line.is_empty()) {
        let before = header(line).and_then(|header| joiner.join(header.key(), start));
        lines.push((start, before.filter(|before| start - before <= REACH).unwrap_or(start)));
        start = memchr(b'\n', line).map_or(until, |end| start + end + 1);
    }
    lines
}
