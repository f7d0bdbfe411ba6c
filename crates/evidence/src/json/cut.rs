//! Cuts JSON into blocks of whole records.
//!
//! A line that begins with `{` begins a record in every layout there is, so blocks end before the last such line if
//! they can: with JSON lines that is one search from the block's end. Only where there is none (an array on one
//! line, pretty-printed elements, very long records) braces are counted, outside of strings.

use memchr::{memchr3, memmem};

use super::{
    read::{BOM, begin},
    scan::{MAX_INDENT, begins_record},
};
use crate::cut::{Borders, TextCutter};

/// Cuts one piece.
pub(crate) type JsonCutter = TextCutter<JsonBorders>;

/// Finds borders between records.
#[derive(Default)]
pub(crate) struct JsonBorders {
    /// How much of the buffer holds no line that begins with `{`.
    searched: usize,
    braces: Braces,
}

impl Borders for JsonBorders {
    /// Byte order mark, `[`, what is wrapped around an array.
    fn begin(&mut self, head: &[u8]) -> usize {
        let bom = if head.starts_with(BOM) { BOM.len() } else { 0 };
        let head = head.get(bom..).unwrap_or_default();
        bom + begin(head.get(..super::HEAD).unwrap_or(head))
    }

    fn last(&mut self, buffer: &[u8], ended: bool) -> Option<usize> {
        let from = self.searched.saturating_sub(1);
        let line = buffer.get(from..).and_then(|bytes| memmem::rfind(bytes, b"\n{"));
        if let Some(found) = line {
            self.braces = Braces::default();
            return Some(from + found + 1);
        }
        self.searched = buffer.len();
        self.braces.last(buffer, ended).filter(|border| *border > 0)
    }

    fn first(&mut self, buffer: &[u8], ended: bool) -> Result<usize, usize> {
        self.braces.first(buffer, ended).ok_or(self.braces.at)
    }

    fn passed(&mut self, bytes: usize) {
        self.searched = 0;
        self.braces.at = self.braces.at.saturating_sub(bytes);
    }
}

/// Finds borders between records by counting braces; goes on where it stopped.
pub(super) struct Braces {
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

impl Default for Braces {
    fn default() -> Self {
        Self { at: 0, depth: 0, in_string: false, blanks: 0, only_blanks: true, indent: 0 }
    }
}

impl Braces {
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
