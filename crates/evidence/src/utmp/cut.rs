//! Cuts wtmp, btmp and utmp into blocks of whole records. Records stand one behind another without anything between them, so where bytes
//! are lost or added all that follow would be read from the wrong place; there the cutter looks for where records go on.

use std::io::{self, Read};

use event::{Damage, Position};

use super::{
    Utmp,
    record::{Raw, TRAILER},
};
use crate::{Block, Cutter, cut::BLOCK};

/// Cuts one piece.
pub(super) struct UtmpCutter {
    utmp: Utmp,
    /// Aimed size of a block.
    block: usize,
    /// What was read and not yet given out.
    buffer: Vec<u8>,
    offset: u64,
    ended: bool,
    damages: Vec<Damage>,
}

/// What stands in the buffer up to the place where it has to be cut.
enum Walk {
    /// So many bytes of records on one grid.
    Records(usize),
    /// Behind so many bytes of records, so many that are none; then records go on.
    Broken(usize, usize),
}

impl UtmpCutter {
    pub(super) fn new(utmp: Utmp) -> Self {
        Self::of(utmp, BLOCK)
    }

    /// Aims at blocks of `block` bytes.
    pub(super) fn of(utmp: Utmp, block: usize) -> Self {
        Self { utmp, block, buffer: Vec::new(), offset: 0, ended: false, damages: Vec::new() }
    }

    /// How many bytes have to be known behind a record to tell whether it is one, and where records go on.
    fn ahead(&self) -> usize {
        3 * self.utmp.size()
    }

    fn fill(&mut self, input: &mut dyn Read) -> io::Result<()> {
        let wanted = (self.block + self.ahead()).saturating_sub(self.buffer.len());
        if !self.ended && wanted > 0 {
            self.ended = input.take(wanted as u64).read_to_end(&mut self.buffer)? < wanted;
        }
        Ok(())
    }

    fn walk(&self) -> Walk {
        let size = self.utmp.size();
        let mut at = 0;
        while at < self.block && (self.ended || at + self.ahead() <= self.buffer.len()) {
            let bytes = self.buffer.get(at..at + size);
            let may_be_broken = match bytes {
                Some(bytes) => !is_one(bytes, self.utmp) && bytes.iter().any(|byte| *byte != 0),
                None => at < self.buffer.len(),
            };
            if may_be_broken && let Some(next) = self.goes_on(at) {
                // A record that was short took the beginning of the next for its end.
                let begin = if next < at { at.saturating_sub(size) } else { at };
                return Walk::Broken(begin, next - begin);
            }
            if bytes.is_none() {
                break;
            }
            at += size;
        }
        let is_rest = self.ended && self.buffer.len() < at + size;
        Walk::Records(if is_rest { self.buffer.len() } else { at })
    }

    /// Where records go on around the one at `at`, which may be broken; `None` if that is where the next one should be, or nowhere near.
    fn goes_on(&self, at: usize) -> Option<usize> {
        let size = self.utmp.size();
        let begins = |at: &usize| {
            let is_one = |at| self.buffer.get(at..at + size).map(|bytes| is_one(bytes, self.utmp));
            // At the end there is no second one.
            is_one(*at) == Some(true) && is_one(at + size) != Some(false)
        };
        if begins(&(at + size)) {
            return None;
        }
        let first = if at >= size { at - TRAILER } else { at + 1 };
        (first..at + size).find(begins)
    }

    fn take(&mut self, end: usize) -> Block {
        let rest = self.buffer.split_off(end.min(self.buffer.len()));
        let bytes = std::mem::replace(&mut self.buffer, rest);
        let block = Block { offset: self.offset, bytes, ..Block::default() };
        self.offset += block.bytes.len() as u64;
        block
    }
}

fn is_one(bytes: &[u8], utmp: Utmp) -> bool {
    Raw::of(bytes, utmp.width).is_some_and(|raw| raw.is_one())
}

impl Cutter for UtmpCutter {
    fn cut(&mut self, input: &mut dyn Read) -> io::Result<Option<Block>> {
        loop {
            self.fill(input)?;
            let (records, broken) = match self.walk() {
                Walk::Records(records) => (records, 0),
                Walk::Broken(records, broken) => (records, broken),
            };
            let damages = std::mem::take(&mut self.damages);
            if records > 0 || broken == 0 {
                if records == 0 && damages.is_empty() {
                    return Ok(None);
                }
                return Ok(Some(Block { damages, ..self.take(records) }));
            }
            self.damages = damages;
            let position = Position::Record(self.utmp.number_at(self.offset));
            self.take(broken);
            let reason = format!("expected a record of {} bytes, found {broken} before the next one", self.utmp.size());
            self.damages.push(Damage { position, records: 1, reason });
        }
    }
}
