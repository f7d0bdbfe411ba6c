//! Cuts XML into blocks of whole events, before the `Event` tags that begin records.

use std::io::{self, Read};

use event::{Damage, Position};
use memchr::{memchr_iter, memchr2, memmem};

use crate::{Block, Cutter};

/// Aimed size of a block in bytes.
const BLOCK: usize = 1 << 20;
/// Longest record in bytes that is read.
const MAX_RECORD: usize = 64 << 20;
/// Longest opening tag of an event, with the blanks behind it and the beginning of the next.
const MAX_TAG: usize = 4096;
/// Longest namespace prefix.
const MAX_PREFIX: usize = 64;

const SCHEMA: &[u8] = b"schemas.microsoft.com/win/2004/08/events/event";

/// Where the next record begins, from `at` on.
pub(super) fn next_record(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let begins = |found| begins_record(bytes, at + found).filter(|start| *start >= at);
    memmem::find_iter(rest, b"Event").find_map(begins)
}

/// Where the last record begins, from `from` on.
fn last_record(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let begins = |found| begins_record(bytes, from + found).filter(|start| *start >= from);
    memmem::rfind_iter(rest, b"Event").find_map(begins)
}

/// If the word `Event` at `at` is the name of a tag that begins a record: where the tag begins.
fn begins_record(bytes: &[u8], at: usize) -> Option<usize> {
    let behind = bytes.get(at + b"Event".len()..)?;
    let behind = behind.get(..MAX_TAG).unwrap_or(behind);
    if !matches!(behind.first(), Some(b'>' | b' ' | b'\t' | b'\r' | b'\n')) {
        return None;
    }
    let start = tag_start(bytes, at)?;
    let end = memchr2(b'>', b'<', behind).filter(|end| behind.get(*end) == Some(&b'>'))?;
    let (attributes, content) = behind.split_at_checked(end)?;
    let is_ours = memmem::find(attributes, SCHEMA).is_some() && !attributes.ends_with(b"/");
    (is_ours || begins_with_system(content.get(1..)?)).then_some(start)
}

/// Where the tag begins whose local name stands at `at`: behind `<` or `<prefix:`.
fn tag_start(bytes: &[u8], at: usize) -> Option<usize> {
    let before = bytes.get(..at)?;
    if before.ends_with(b"<") {
        return Some(at - 1);
    }
    let prefix = before.strip_suffix(b":")?;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let length = prefix.iter().rev().take(MAX_PREFIX).take_while(|byte| is_name(byte)).count();
    let start = prefix.len().checked_sub(length + 1)?;
    (length > 0 && prefix.get(start) == Some(&b'<')).then_some(start)
}

/// Whether the first thing in `content` is an opening tag `System`, of any prefix.
fn begins_with_system(content: &[u8]) -> bool {
    let Some(tag) = content.trim_ascii_start().strip_prefix(b"<") else { return false };
    let name_end = tag.iter().position(|byte| matches!(byte, b'>' | b'/' | b' ' | b'\t' | b'\r' | b'\n'));
    let name = name_end.and_then(|end| tag.get(..end)).unwrap_or_default();
    name == b"System" || name.ends_with(b":System")
}

/// Cuts one piece.
#[derive(Default)]
pub(super) struct XmlCutter {
    buffer: Vec<u8>,
    offset: u64,
    /// Lines that have left the buffer.
    lines: u64,
    ended: bool,
    /// How much of the buffer was searched and does not begin a second record.
    searched: usize,
    damages: Vec<Damage>,
}

impl Cutter for XmlCutter {
    fn cut(&mut self, input: &mut dyn Read) -> io::Result<Option<Block>> {
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

impl XmlCutter {
    fn fill(&mut self, input: &mut dyn Read, wanted: usize) -> io::Result<()> {
        if self.ended || wanted == 0 {
            return Ok(());
        }
        let got = input.take(wanted as u64).read_to_end(&mut self.buffer)?;
        self.ended = got < wanted;
        Ok(())
    }

    fn border(&mut self) -> Option<usize> {
        if self.ended && self.buffer.len() <= BLOCK {
            return None;
        }
        let border = last_record(&self.buffer, self.searched.max(1)).filter(|border| *border > 0);
        // A tag may begin before the end and be recognised only with what follows.
        self.searched = self.buffer.len().saturating_sub(2 * MAX_TAG);
        border
    }

    fn block(&mut self, end: usize) -> Block {
        let rest = self.buffer.split_off(end.min(self.buffer.len()));
        let bytes = std::mem::replace(&mut self.buffer, rest);
        let damages = std::mem::take(&mut self.damages);
        let block = Block { offset: self.offset, line: self.lines + 1, bytes, damages };
        self.pass(&block.bytes);
        block
    }

    /// Counts bytes that have left the buffer.
    fn pass(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        self.lines += memchr_iter(b'\n', bytes).count() as u64;
        self.searched = 0;
    }

    /// Leaves out a record over the limit: everything before the next record.
    fn skip(&mut self, input: &mut dyn Read) -> io::Result<()> {
        let reason = format!("expected a record of at most {MAX_RECORD} bytes, found a longer one");
        self.damages.push(Damage { position: Position::Line(self.lines + 1), records: 1, reason });
        let mut from = self.searched.max(1);
        loop {
            let next = next_record(&self.buffer, from);
            let kept = if self.ended { self.buffer.len() } else { self.buffer.len().saturating_sub(2 * MAX_TAG) };
            let rest = self.buffer.split_off(next.unwrap_or(kept));
            let bytes = std::mem::replace(&mut self.buffer, rest);
            self.pass(&bytes);
            if next.is_some() || self.ended {
                return Ok(());
            }
            from = 0;
            self.fill(input, BLOCK)?;
        }
    }
}
