//! Cuts text into blocks of whole records. What lies between two records, each format says for itself ([`Borders`]).

use std::{
    io::{self, Read},
    marker::PhantomData,
    sync::Arc,
};

use event::{Damage, Position};
use memchr::{memchr_iter, memrchr_iter};

use crate::{Block, Cutter};

/// Aimed size of a block in bytes.
pub(crate) const BLOCK: usize = 1 << 18;
/// Longest record in bytes that is read.
pub(crate) const MAX_RECORD: usize = 64 << 20;

/// Finds where records end in a buffer of text that always begins with a record; goes on where it stopped.
pub trait Borders: Default + Send {
    /// How many bytes of a piece's beginning stand before its first record.
    fn begin(&mut self, _head: &[u8]) -> usize {
        0
    }

    /// The last border in `buffer`, if there is one behind its beginning. `ended`: nothing follows.
    fn last(&mut self, buffer: &[u8], ended: bool) -> Option<usize>;

    /// The first border behind the beginning; if there is none yet, how many bytes hold none whatever follows.
    ///
    /// # Errors
    /// That number of bytes.
    fn first(&mut self, buffer: &[u8], ended: bool) -> Result<usize, usize>;

    /// So many bytes have left the buffer.
    fn passed(&mut self, bytes: usize);

    /// What stands before `block` and says how its records are to be read; asked for every block, in order.
    fn header(&mut self, _block: &[u8]) -> Option<Arc<str>> {
        None
    }
}

/// Cuts one piece.
pub struct TextCutter<B> {
    /// Aimed size of a block.
    block: usize,
    /// What was read and not yet given out.
    buffer: Vec<u8>,
    offset: u64,
    /// Lines that have left the buffer.
    lines: u64,
    /// Whether the record that left it last has no line end behind it.
    within_line: bool,
    started: bool,
    ended: bool,
    borders: B,
    damages: Vec<Damage>,
}

impl<B: Borders> Default for TextCutter<B> {
    fn default() -> Self {
        Self::new(B::default())
    }
}

impl<B: Borders> Cutter for TextCutter<B> {
    fn cut(&mut self, input: &mut dyn Read) -> io::Result<Option<Block>> {
        self.fill(input, self.block.saturating_sub(self.buffer.len()))?;
        if !self.started {
            self.started = true;
            let before = self.borders.begin(&self.buffer);
            drop(self.take(before));
            self.within_line = false;
        }
        loop {
            // What is left at the end is one block, if it is not too large.
            let is_last = self.ended && self.buffer.len() <= self.block;
            if let Some(border) = if is_last { None } else { self.borders.last(&self.buffer, self.ended) } {
                return Ok(Some(self.block(border)));
            }
            if self.ended {
                let rest = self.buffer.len();
                return Ok((rest > 0 || !self.damages.is_empty()).then(|| self.block(rest)));
            }
            if self.buffer.len() > MAX_RECORD {
                self.skip(input)?;
            }
            self.fill(input, self.block)?;
        }
    }
}

impl<B: Borders> TextCutter<B> {
    /// A cutter at the borders that `borders` finds.
    pub fn new(borders: B) -> Self {
        Self {
            block: BLOCK,
            buffer: Vec::new(),
            offset: 0,
            lines: 0,
            within_line: false,
            started: false,
            ended: false,
            borders,
            damages: Vec::new(),
        }
    }

    /// Aims at blocks of `block` bytes.
    pub fn of(block: usize) -> Self {
        Self { block, ..Self::default() }
    }

    fn fill(&mut self, input: &mut dyn Read, wanted: usize) -> io::Result<()> {
        if self.ended || wanted == 0 {
            return Ok(());
        }
        // In one piece: what is read in many has to be copied once more.
        let mut end = self.buffer.len();
        self.buffer.resize(end + wanted, 0);
        let mut read = Ok(());
        while let Some(room) = self.buffer.get_mut(end..).filter(|room| !room.is_empty()) {
            match input.read(room) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(got) => end += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    read = Err(error);
                    break;
                }
            }
        }
        self.buffer.truncate(end);
        read
    }

    fn block(&mut self, end: usize) -> Block {
        let (offset, line, damages) = (self.offset, self.lines + 1, std::mem::take(&mut self.damages));
        let within_line = self.within_line;
        let bytes = self.take(end);
        let header = self.borders.header(&bytes);
        Block { offset, line, within_line, bytes, header, damages, ..Block::default() }
    }

    /// Takes the first bytes out of the buffer.
    fn take(&mut self, end: usize) -> Vec<u8> {
        // The next block's memory is taken at once, not by growing into it.
        let mut rest = Vec::with_capacity(self.block + 1);
        rest.extend(self.buffer.drain(end.min(self.buffer.len())..));
        let bytes = std::mem::replace(&mut self.buffer, rest);
        self.offset += bytes.len() as u64;
        self.lines += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        self.within_line = bytes.last().map_or(self.within_line, |last| *last != b'\n');
        self.borders.passed(bytes.len());
        bytes
    }

    /// Leaves out a record over the limit: everything to the next border.
    fn skip(&mut self, input: &mut dyn Read) -> io::Result<()> {
        let reason = format!("expected a record of at most {MAX_RECORD} bytes, found a longer one");
        self.damages.push(Damage { position: Position::Line(self.lines + 1), records: 1, reason });
        loop {
            let border = self.borders.first(&self.buffer, self.ended);
            let passed =
                if self.ended { border.unwrap_or(self.buffer.len()) } else { border.unwrap_or_else(|none| none) };
            drop(self.take(passed));
            if border.is_ok() || self.ended {
                return Ok(());
            }
            self.fill(input, self.block)?;
        }
    }
}

/// Behind which line ends records may begin.
pub trait LineRule: Default + Send {
    /// How many bytes behind a line end have to be known to tell.
    const AHEAD: usize;

    /// Whether a record may begin at `at`, which is behind a line end of `text`.
    fn begins(text: &[u8], at: usize) -> bool;
}

/// Finds the line ends behind which a record may begin.
#[derive(Default)]
pub struct LineBorders<R> {
    /// How much of the buffer holds none.
    searched: usize,
    rule: PhantomData<R>,
}

impl<R: LineRule> LineBorders<R> {
    /// The border behind the line end at `at`, if it is one.
    fn border(buffer: &[u8], at: usize, ended: bool) -> Option<usize> {
        let border = at + 1;
        ((ended || buffer.len() >= border + R::AHEAD) && R::begins(buffer, border)).then_some(border)
    }

    /// Of the last bytes more is known later.
    fn none(&mut self, buffer: &[u8]) {
        self.searched = buffer.len().saturating_sub(R::AHEAD + 1).max(self.searched);
    }
}

impl<R: LineRule> Borders for LineBorders<R> {
    fn last(&mut self, buffer: &[u8], ended: bool) -> Option<usize> {
        let from = self.searched;
        let rest = buffer.get(from..).unwrap_or_default();
        let border = memrchr_iter(b'\n', rest).find_map(|at| Self::border(buffer, from + at, ended));
        if border.is_none() {
            self.none(buffer);
        }
        border
    }

    fn first(&mut self, buffer: &[u8], ended: bool) -> Result<usize, usize> {
        let from = self.searched;
        let rest = buffer.get(from..).unwrap_or_default();
        let border = memchr_iter(b'\n', rest).find_map(|at| Self::border(buffer, from + at, ended));
        border.ok_or_else(|| {
            self.none(buffer);
            self.searched
        })
    }

    fn passed(&mut self, bytes: usize) {
        self.searched = self.searched.saturating_sub(bytes);
    }
}
