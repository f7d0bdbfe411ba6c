//! Cuts XML into blocks of whole events, before the `Event` tags that begin records.

use memchr::{memchr2, memmem};

use crate::cut::{Borders, TextCutter};

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
pub(super) type XmlCutter = TextCutter<XmlBorders>;

/// Finds borders between records.
#[derive(Default)]
pub(super) struct XmlBorders {
    /// How much of the buffer was searched and does not begin a second record.
    searched: usize,
    /// The buffer begins within a record.
    inside: bool,
}

impl Borders for XmlBorders {
    fn last(&mut self, buffer: &[u8], _ended: bool) -> Option<usize> {
        let border = last_record(buffer, self.searched.max(1)).filter(|border| *border > 0);
        self.searched = settled(buffer);
        border
    }

    fn first(&mut self, buffer: &[u8], _ended: bool) -> Result<usize, usize> {
        let from = if self.inside { 0 } else { self.searched.max(1) };
        let next = next_record(buffer, from);
        self.inside = next.is_none();
        next.ok_or(settled(buffer))
    }

    fn passed(&mut self, _bytes: usize) {
        self.searched = 0;
    }
}

/// How much of the buffer will look the same whatever follows: a tag may begin before the end and be recognised only with
/// what comes behind.
fn settled(buffer: &[u8]) -> usize {
    buffer.len().saturating_sub(2 * MAX_TAG)
}
