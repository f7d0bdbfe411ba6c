//! Cuts logs of web servers into blocks of whole records.

use std::{ops::Range, sync::Arc};

use memchr::{memchr, memchr_iter, memmem, memrchr};

use super::{layout::Layouts, shape::Shapes};
use crate::cut::Borders;

/// Finds lines that begin a record: what stands between them may go on with the one before it.
pub(super) struct WebBorders {
    shapes: Shapes,
    /// How much of the buffer holds no border.
    searched: usize,
}

impl WebBorders {
    pub(super) fn new(layouts: Layouts) -> Self {
        Self { shapes: Shapes::new(layouts), searched: 0 }
    }
}

impl Default for WebBorders {
    fn default() -> Self {
        Self::new(Layouts::default())
    }
}

impl WebBorders {
    /// Whether a record begins with the line at `line`.
    fn begins(&self, buffer: &[u8], line: Range<usize>) -> bool {
        buffer.get(line).is_some_and(|line| self.shapes.begin(line))
    }

    /// Where the last line begins of which all is there.
    fn whole(buffer: &[u8], ended: bool) -> usize {
        if ended { buffer.len() } else { memrchr(b'\n', buffer).map_or(0, |at| at + 1) }
    }
}

impl Borders for WebBorders {
    fn last(&mut self, buffer: &[u8], ended: bool) -> Option<usize> {
        let whole = Self::whole(buffer, ended);
        let mut end = whole;
        while let Some(at) = buffer.get(self.searched..end.saturating_sub(1)).and_then(|rest| memrchr(b'\n', rest)) {
            let start = self.searched + at + 1;
            if self.begins(buffer, start..end) {
                return Some(start);
            }
            end = start;
        }
        // The line end behind which the next line begins.
        self.searched = whole.saturating_sub(1).max(self.searched);
        None
    }

    fn first(&mut self, buffer: &[u8], ended: bool) -> Result<usize, usize> {
        let whole = Self::whole(buffer, ended);
        while let Some(at) = buffer.get(self.searched..whole).and_then(|rest| memchr(b'\n', rest)) {
            let start = self.searched + at + 1;
            let end = buffer.get(start..whole).and_then(|rest| memchr(b'\n', rest)).map(|at| start + at + 1);
            match end.or((ended && start < whole).then_some(whole)) {
                Some(end) if self.begins(buffer, start..end) => return Ok(start),
                Some(_) => self.searched = start,
                None => break,
            }
            if end.is_none() {
                break;
            }
        }
        Err(self.searched)
    }

    fn passed(&mut self, bytes: usize) {
        self.searched = self.searched.saturating_sub(bytes);
    }
}

/// Cuts behind lines and carries along what they are to be read by.
#[derive(Default)]
pub(super) struct W3cBorders {
    /// How much of the buffer holds no line end.
    searched: usize,
    /// `#Date:` and `#Fields:` as they were last.
    directives: [String; 2],
}

/// Directives that later lines are read by.
const CARRIED: [&str; 2] = ["#Date:", "#Fields:"];

/// The longest of them that is carried along.
const MAX_DIRECTIVE: usize = 1 << 16;

impl Borders for W3cBorders {
    fn last(&mut self, buffer: &[u8], _ended: bool) -> Option<usize> {
        let found = buffer.get(self.searched..).and_then(|rest| memrchr(b'\n', rest));
        let border = found.map(|at| self.searched + at + 1);
        if border.is_none() {
            self.searched = buffer.len();
        }
        border
    }

    fn first(&mut self, buffer: &[u8], _ended: bool) -> Result<usize, usize> {
        let found = buffer.get(self.searched..).and_then(|rest| memchr_iter(b'\n', rest).next());
        found.map(|at| self.searched + at + 1).ok_or_else(|| {
            self.searched = buffer.len();
            self.searched
        })
    }

    fn passed(&mut self, bytes: usize) {
        self.searched = self.searched.saturating_sub(bytes);
    }

    fn header(&mut self, block: &[u8]) -> Option<Arc<str>> {
        let before = self.directives.concat();
        for (name, known) in CARRIED.iter().zip(&mut self.directives) {
            if let Some(line) = last_line(block, name) {
                *known = format!("{}\n", String::from_utf8_lossy(line));
            }
        }
        (!before.is_empty()).then(|| before.into())
    }
}

/// The last line that begins with `name`, without its end.
fn last_line<'a>(block: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let is_first_of_line = |at: usize| at == 0 || block.get(at - 1) == Some(&b'\n');
    let mut end = block.len();
    while let Some(at) = memmem::rfind(block.get(..end)?, name.as_bytes()) {
        if is_first_of_line(at) {
            let line = block.get(at..)?.split(|byte| *byte == b'\n').next()?;
            return line.get(..line.len().min(MAX_DIRECTIVE));
        }
        end = at + name.len() - 1;
    }
    None
}
