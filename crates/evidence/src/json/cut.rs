//! Cuts JSON into blocks of whole records.
//!
//! A line that begins with `{` begins a record in every layout there is, so blocks end before the last such line if
//! they can: with JSON lines that is one search from the block's end. Only where there is none (an array on one
//! line, pretty-printed elements, very long records) braces are counted, outside of strings.

use std::io::{self, Read};

use event::{Damage, Position};
use memchr::{memchr_iter, memchr3, memmem};

use super::{
    read::{BOM, begin},
    scan::{MAX_INDENT, begins_record},
};
use crate::{Block, Cutter};

/// Aimed size of a block in bytes.
const BLOCK: usize = 1 << 20;
/// Longest record in bytes that is read.
pub(super) const MAX_RECORD: usize = 64 << 20;

/// Cuts one piece.
#[derive(Default)]
pub(super) struct JsonCutter {
    /// What was read and not yet given out.
    buffer: Vec<u8>,
    offset: u64,
    line: u64,
    started: bool,
    ended: bool,
    /// How much of the buffer holds no line that begins with `{`.
    searched: usize,
    borders: Borders,
    damages: Vec<Damage>,
}

impl Cutter for JsonCutter {
    fn cut(&mut self, input: &mut dyn Read) -> io::Result<Option<Block>> {
        if !self.started {
            self.start(input)?;
        }
        self.fill(input, BLOCK.saturating_sub(self.buffer.len()))?;
        loop {
            if let Some(border) = self.border() {
                return Ok(Some(self.block(border)));
            }
            if self.ended {
                let rest = self.buffer.len();
                return Ok((rest > 0 || !self.damages.is_empty()).then(|| self.block(rest)));
            }
            if self.buffer.len() > MAX_RECORD {
                self.skip(input)?;
            }
            self.fill(input, BLOCK)?;
        }
    }
}

impl JsonCutter {
    /// Leaves out what stands before the first record: byte order mark, `[`, what is wrapped around an array.
    fn start(&mut self, input: &mut dyn Read) -> io::Result<()> {
        self.fill(input, BLOCK)?;
        self.started = true;
        self.line = 1;
        let bom = if self.buffer.starts_with(BOM) { BOM.len() } else { 0 };
        let head = self.buffer.get(bom..).unwrap_or_default();
        let prefix = bom + begin(head.get(..super::HEAD).unwrap_or(head));
        drop(self.block(prefix));
        self.borders = Borders::default();
        Ok(())
    }

    fn fill(&mut self, input: &mut dyn Read, wanted: usize) -> io::Result<()> {
        if self.ended || wanted == 0 {
            return Ok(());
        }
        let got = input.take(wanted as u64).read_to_end(&mut self.buffer)?;
        self.ended = got < wanted;
        Ok(())
    }

    /// Where the block may end: the last border in the buffer. `None` where there is none yet, or where the
    /// rest is the last block.
    fn border(&mut self) -> Option<usize> {
        if self.ended && self.buffer.len() <= BLOCK {
            return None;
        }
        let from = self.searched.saturating_sub(1);
        let line = self.buffer.get(from..).and_then(|bytes| memmem::rfind(bytes, b"\n{"));
        if let Some(found) = line {
            self.borders = Borders::default();
            return Some(from + found + 1);
        }
        self.searched = self.buffer.len();
        self.borders.last(&self.buffer, self.ended).filter(|border| *border > 0)
    }

    fn block(&mut self, end: usize) -> Block {
        // The next block's memory is taken at once, not by growing into it.
        let mut rest = Vec::with_capacity(BLOCK + 1);
        rest.extend(self.buffer.drain(end.min(self.buffer.len())..));
        let bytes = std::mem::replace(&mut self.buffer, rest);
        let block = Block { offset: self.offset, line: self.line, damages: std::mem::take(&mut self.damages), bytes };
        self.pass(&block.bytes);
        block
    }

    /// Counts bytes that have left the buffer.
    fn pass(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        self.line += memchr_iter(b'\n', bytes).count() as u64;
        self.searched = 0;
        self.borders.at = self.borders.at.saturating_sub(bytes.len());
    }

    /// Leaves out a record over the limit: everything to the next border.
    fn skip(&mut self, input: &mut dyn Read) -> io::Result<()> {
        let reason = format!("expected a record of at most {MAX_RECORD} bytes, found a longer one");
        self.damages.push(Damage { position: Position::Line(self.line), records: 1, reason });
        loop {
            let border = self.borders.first(&self.buffer, self.ended);
            let passed = border.unwrap_or(self.borders.at);
            let rest = self.buffer.split_off(passed.min(self.buffer.len()));
            let bytes = std::mem::replace(&mut self.buffer, rest);
            self.pass(&bytes);
            if border.is_some() || self.ended {
                return Ok(());
            }
            self.fill(input, BLOCK)?;
        }
    }
}

/// Finds borders between records by counting braces; goes on where it stopped.
pub(super) struct Borders {
    /// How far the buffer was looked at.
    at: usize,
    depth: usize,
    in_string: bool,
    /// Blanks that the line begins with, as far as it was read; and whether nothing else was.
    blanks: usize,
    only_blanks: bool,
    /// Blanks that the record's first line begins with.
    indent: usize,
}

impl Default for Borders {
    fn default() -> Self {
        Self { at: 0, depth: 0, in_string: false, blanks: 0, only_blanks: true, indent: 0 }
    }
}

impl Borders {
    /// For bytes that begin with a record whose first line begins with `indent` blanks.
    pub(super) fn within(indent: usize) -> Self {
        Self { blanks: indent, only_blanks: false, ..Self::default() }
    }

    /// The last border in what was not looked at yet.
    fn last(&mut self, bytes: &[u8], ended: bool) -> Option<usize> {
        let mut last = None;
        while let Some(border) = self.first(bytes, ended) {
            last = Some(border);
        }
        last
    }

    /// The next border: behind a record or a line outside of records.
    pub(super) fn first(&mut self, bytes: &[u8], ended: bool) -> Option<usize> {
        loop {
            if self.in_string && !self.string(bytes) {
                return None;
            }
            let byte = *bytes.get(self.at)?;
            if byte == b'\n' {
                match self.line_end(bytes, ended) {
                    Some(true) => return Some(self.at),
                    Some(false) => continue,
                    None => return None,
                }
            }
            self.at += 1;
            if matches!(byte, b' ' | b'\t') {
                self.blanks = (self.blanks + usize::from(self.only_blanks)).min(MAX_INDENT);
                continue;
            }
            self.only_blanks = false;
            if self.bracket(byte) {
                return Some(self.at);
            }
        }
    }

    /// Returns whether a record ends with `byte`. Outside of records only `{` and `"` mean anything.
    fn bracket(&mut self, byte: u8) -> bool {
        match byte {
            b'"' => self.in_string = self.depth > 0,
            b'{' => {
                if self.depth == 0 {
                    self.indent = self.blanks;
                }
                self.depth += 1;
            }
            b'[' if self.depth > 0 => self.depth += 1,
            b'}' | b']' if self.depth > 0 => {
                self.depth -= 1;
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }

    /// Goes to the end of a string; a line end is one too, for want of the quote. False if more must be read.
    fn string(&mut self, bytes: &[u8]) -> bool {
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            let Some(found) = memchr3(b'"', b'\\', b'\n', rest) else {
                self.at = bytes.len();
                return false;
            };
            match rest.get(found) {
                Some(b'\\') if found + 1 >= rest.len() => {
                    self.at += found;
                    return false;
                }
                Some(b'\\') if rest.get(found + 1) != Some(&b'\n') => self.at += found + 2,
                Some(b'"' | b'\\') => {
                    self.at += found + 1;
                    self.in_string = false;
                    return true;
                }
                _ => {
                    self.at += found;
                    self.in_string = false;
                    return true;
                }
            }
        }
    }

    /// Passes a line end. `Some(true)` if it is a border, `None` if more must be read to know.
    fn line_end(&mut self, bytes: &[u8], ended: bool) -> Option<bool> {
        let line = bytes.get(self.at + 1..).unwrap_or_default();
        let blanks = line.iter().take(self.indent + 1).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if self.depth > 0 && blanks <= self.indent && blanks == line.len() && !ended {
            return None;
        }
        let border = self.depth == 0 || begins_record(bytes, self.at, self.indent);
        if border {
            self.depth = 0;
        }
        self.at += 1;
        self.blanks = 0;
        self.only_blanks = true;
        Some(border)
    }
}
