//! What reading a block of text takes, JSON or XML: lines, damages, words anywhere in a record.

use std::{borrow::Cow, cell::Cell, ops::Range};

use event::{Damage, Detector, Encoding, Position, Slot, TextGroup, Value};

use crate::Block;

/// Damages of one block that are told one by one.
const MAX_DAMAGES: usize = 1000;

/// Values that are wanted, with their slots.
pub(crate) type Values<'a> = Vec<(Slot, Value<'a>)>;

/// An empty vector in the memory of `values`, for values that borrow from elsewhere.
pub(crate) fn reuse<'b>(mut values: Values<'_>) -> Values<'b> {
    values.clear();
    // Collecting in place keeps the allocation; there is nothing to map.
    values.into_iter().map(|(slot, _)| (slot, Value::Null)).collect()
}

/// The block as text; bytes that are not UTF-8 become U+FFFD, with a note.
pub(crate) fn decode<'a>(bytes: &'a [u8], line: u64, notes: &mut Vec<String>) -> Cow<'a, str> {
    // Much faster than `from_utf8_lossy` where nothing is wrong.
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let (mut text, mut rest, mut number) = (String::with_capacity(bytes.len() + 64), bytes, line);
    let (mut first, mut last, mut more) = (None, None, 0);
    while let Err(error) = std::str::from_utf8(rest) {
        let (valid, bad) = rest.split_at(error.valid_up_to());
        text.push_str(std::str::from_utf8(valid).unwrap_or_default());
        text.push(char::REPLACEMENT_CHARACTER);
        number += memchr::memchr_iter(b'\n', valid).count() as u64;
        first = first.or(Some(number));
        more += usize::from(last.replace(number).is_some_and(|last| last != number));
        rest = bad.get(error.error_len().unwrap_or(bad.len())..).unwrap_or_default();
    }
    text.push_str(std::str::from_utf8(rest).unwrap_or_default());
    let place = many_lines(first.unwrap_or(line), more);
    notes.push(format!("{place}: bytes that are not UTF-8 were read as U+FFFD"));
    Cow::Owned(text)
}

/// Counts a place: its line if it is the first, else as one more.
pub(crate) fn count(places: &mut Option<(u64, usize)>, line: u64) {
    match places {
        Some((_, more)) => *more += 1,
        None => *places = Some((line, 0)),
    }
}

/// A line, and how many more places are like it.
pub(crate) fn many_lines(first: u64, more: usize) -> String {
    match more {
        0 => format!("line {first}"),
        more => format!("line {first} and {more} more"),
    }
}

/// Counts lines when someone asks, going on from where it was asked last.
pub(crate) struct Lines<'a> {
    bytes: &'a [u8],
    last: Cell<(usize, u64)>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(bytes: &'a [u8], first: u64) -> Self {
        Self { bytes, last: Cell::new((0, first)) }
    }

    /// Tells in which line the byte at `at` stands, so that it need not be counted.
    pub(crate) fn know(&self, at: usize, line: u64) {
        self.last.set((at, line));
    }

    /// The line in which the byte at `at` stands. Asked in rising order it looks at each byte once.
    pub(crate) fn line(&self, at: usize) -> u64 {
        let (from, line) = self.last.get();
        let count = |from: usize, until: usize| {
            memchr::memchr_iter(b'\n', self.bytes.get(from..until).unwrap_or_default()).count() as u64
        };
        let line = if at >= from { line + count(from, at) } else { line - count(at, from) };
        self.last.set((at, line));
        line
    }
}

/// Where the records of a block stand: by their line, or where one stands on its line behind another, by its byte.
#[derive(Clone, Copy)]
pub(crate) struct Places {
    /// Where the block begins in its piece; `None` where its bytes are not those of the piece.
    offset: Option<u64>,
    /// Where the record before ends, if there is one.
    after: Option<usize>,
}

impl Places {
    /// `text` is the block's, or what it was decoded to.
    pub(crate) fn of(block: &Block, text: &str) -> Self {
        let offset = std::ptr::eq(text.as_bytes(), block.bytes.as_slice()).then_some(block.offset);
        Self { offset, after: block.within_line.then_some(0) }
    }

    /// Of a text that stands on one line of something else.
    pub(crate) const fn of_line() -> Self {
        Self { offset: None, after: None }
    }

    /// A record ended at `end`.
    #[inline]
    pub(crate) fn pass(&mut self, end: usize) {
        self.after = Some(end);
    }

    /// Where the record at `start` stands.
    pub(crate) fn position(&self, lines: &Lines<'_>, start: usize) -> Position {
        let same_line = |after: usize| {
            let between = lines.bytes.get(after.saturating_sub(1)..start).unwrap_or_default();
            memchr::memchr(b'\n', between).is_none()
        };
        match (self.offset, self.after) {
            (Some(offset), Some(after)) if same_line(after) => Position::Offset(offset + start as u64),
            _ => Position::Line(lines.line(start)),
        }
    }
}

/// The damages of a block. Their number is bounded; those that follow on one another and have the same reason are one.
#[derive(Default)]
pub(crate) struct Damages {
    pub(crate) list: Vec<Damage>,
    /// Whether the last damage stands directly before what comes now.
    last: bool,
}

impl Damages {
    /// A good record was read.
    pub(crate) fn good(&mut self) {
        self.last = false;
    }

    /// A record that begins at `at` could not be read.
    pub(crate) fn push(&mut self, lines: &Lines<'_>, at: usize, reason: &str) {
        const MORE: &str = "expected records, found damages of many kinds, from here to the block's end";
        let full = self.list.len() >= MAX_DAMAGES;
        if let Some(last) = self.list.last_mut()
            && (full || self.last && last.reason == reason)
        {
            last.records += 1;
            if full && last.reason != reason {
                MORE.clone_into(&mut last.reason);
            }
            return;
        }
        self.last = true;
        let position = Position::Line(lines.line(at));
        self.list.push(Damage { position, records: 1, reason: reason.to_owned() });
    }
}

/// Where in a block the words may stand that rules look for anywhere in a record; found when first asked.
pub(crate) struct Words {
    encoding: Encoding,
    groups: Vec<Hits>,
}

/// Where the words of a group may stand.
struct Hits {
    group: TextGroup,
    /// Whether they stand nowhere else.
    rules_out: bool,
    hits: Vec<usize>,
    /// How many hits stand before the record asked about last; records are mostly asked about in their order.
    passed: usize,
}

impl Hits {
    fn may_stand(&mut self, record: &Range<usize>) -> bool {
        if self.passed.checked_sub(1).and_then(|last| self.hits.get(last)).is_some_and(|hit| *hit >= record.start) {
            self.passed = self.hits.partition_point(|hit| *hit < record.start);
        }
        let rest = self.hits.get(self.passed..).unwrap_or_default();
        self.passed += rest.iter().take_while(|hit| **hit < record.start).count();
        !self.rules_out || self.hits.get(self.passed).is_some_and(|hit| *hit < record.end)
    }
}

/// Of a text in which characters may be written in another way.
impl Default for Words {
    fn default() -> Self {
        Self { encoding: Encoding::Utf8, groups: Vec::new() }
    }
}

impl Words {
    /// Of a text in which every character stands for itself.
    pub(crate) fn of_raw_text() -> Self {
        Self { encoding: Encoding::RawText, groups: Vec::new() }
    }

    /// Whether a word of `group` may stand in `text[record]`. `hidden` gives the places in `text` where characters that a
    /// detector looks for in raw bytes may be written in another way.
    pub(crate) fn may_stand(
        &mut self,
        group: TextGroup,
        text: impl AsRef<[u8]>,
        record: Range<usize>,
        hidden: impl FnOnce() -> Vec<usize>,
        detector: &mut dyn Detector,
    ) -> bool {
        let known = self.groups.iter().position(|places| places.group == group).unwrap_or_else(|| {
            let mut hits = Vec::new();
            let rules_out = detector.text_hits(group, text.as_ref(), self.encoding, &mut hits);
            hits.extend(hidden());
            hits.sort_unstable();
            self.groups.push(Hits { group, rules_out, hits, passed: 0 });
            self.groups.len() - 1
        });
        self.groups.get_mut(known).is_none_or(|places| places.may_stand(&record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf8_is_told_by_line_and_replaced_as_everywhere() {
        for (bytes, told) in [
            (&b"a\nb\xff\xfec\nd"[..], "line 8"),
            (b"\xff\n\xe2\x82\nd\n\xf0\x9f\x98", "line 7 and 2 more"),
            (b"a\n\n\xc3", "line 9"),
        ] {
            let mut notes = Vec::new();
            assert_eq!(decode(bytes, 7, &mut notes), String::from_utf8_lossy(bytes));
            assert_eq!(notes, [format!("{told}: bytes that are not UTF-8 were read as U+FFFD")]);
        }
    }
}
