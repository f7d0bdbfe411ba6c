//! Text that does not come as plain UTF-8: a byte order mark is taken off, UTF-16 (as PowerShell and the
//! Windows Event Viewer write it) becomes UTF-8.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::json::pass::many_lines;

/// What of a text had to be replaced while it was decoded; a handle that can be copied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replaced(Arc<[AtomicU64; 2]>);

impl Replaced {
    fn add(&self, line: u64) {
        let [count, first] = &*self.0;
        if count.fetch_add(1, Relaxed) == 0 {
            first.store(line, Relaxed);
        }
    }

    /// A remark, if something was replaced. All of it is told only when the text has been read to its end.
    pub(crate) fn note(&self) -> Option<String> {
        let [count, first] = &*self.0;
        let more = count.load(Relaxed).checked_sub(1)?;
        let place = many_lines(first.load(Relaxed), more as usize);
        Some(format!("{place}: unpaired surrogates were read as U+FFFD"))
    }
}

/// How a text begins (Unicode, chapter 23.8 "Byte Order Mark").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Utf8,
    Utf16Le,
    Utf16Be,
}

impl Mark {
    pub fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0xef, 0xbb, 0xbf, ..] => Some(Self::Utf8),
            // UTF-32, little endian: as UTF-16 it would be a text of NULs.
            [0xff, 0xfe, 0, 0, ..] => None,
            [0xff, 0xfe, ..] => Some(Self::Utf16Le),
            [0xfe, 0xff, ..] => Some(Self::Utf16Be),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8 with byte order mark",
            Self::Utf16Le => "UTF-16 (little endian)",
            Self::Utf16Be => "UTF-16 (big endian)",
        }
    }

    /// The text behind the mark as UTF-8.
    pub fn decode(
        self,
        mut input: impl Read + Send + 'static,
        replaced: &Replaced,
    ) -> io::Result<Box<dyn Read + Send>> {
        let mark = if self == Self::Utf8 { 3 } else { 2 };
        input.read_exact([0; 3].get_mut(..mark).unwrap_or_default())?;
        Ok(match self {
            Self::Utf8 => Box::new(input),
            Self::Utf16Le | Self::Utf16Be => Box::new(Utf16::new(input, self == Self::Utf16Be, replaced.clone())),
        })
    }
}

/// UTF-16 in, UTF-8 out. Unpaired surrogates and half a unit at the end become U+FFFD, and are counted.
pub(super) struct Utf16<R> {
    inner: R,
    big: bool,
    raw: Vec<u8>,
    /// Bytes at the beginning of `raw` that are not decoded yet: half a unit, or half a pair.
    held: usize,
    text: String,
    at: usize,
    ended: bool,
    /// The line that is being decoded.
    line: u64,
    replaced: Replaced,
}

impl<R: Read> Utf16<R> {
    pub fn new(inner: R, big: bool, replaced: Replaced) -> Self {
        let (raw, text) = (vec![0; 64 << 10], String::new());
        Self { inner, big, raw, held: 0, text, at: 0, ended: false, line: 1, replaced }
    }

    /// Reads and decodes until there is some text, or the end.
    fn fill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.at = 0;
        while self.text.is_empty() && !self.ended {
            let read = match self.inner.read(self.raw.get_mut(self.held..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            self.ended = read == 0;
            self.decode(self.held + read);
        }
        Ok(())
    }

    fn decode(&mut self, len: usize) {
        let bytes = self.raw.get(..len).unwrap_or_default();
        let (pairs, half) = bytes.as_chunks::<2>();
        let unit = |pair: &[u8; 2]| if self.big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) };
        let (pairs, split) = match pairs.split_last() {
            // The other half of the pair may come with the next bytes.
            Some((last, before)) if !self.ended && (0xd800..0xdc00).contains(&unit(last)) => (before, 2),
            _ => (pairs, 0),
        };
        let units = pairs.iter().map(unit);
        for unit in char::decode_utf16(units) {
            self.line += u64::from(unit == Ok('\n'));
            self.text.push(unit.unwrap_or_else(|_| {
                self.replaced.add(self.line);
                char::REPLACEMENT_CHARACTER
            }));
        }
        if self.ended && !half.is_empty() {
            self.replaced.add(self.line);
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
        let held = half.len() + split;
        self.raw.copy_within(len - held..len, 0);
        self.held = held;
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.text.len() {
            self.fill()?;
        }
        let read = self.text.as_bytes().get(self.at..).unwrap_or_default().read(out)?;
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one to three bytes at a time.
    struct Drip(Vec<u8>, usize);

    impl Read for Drip {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let some = (self.1 % 3 + 1).min(self.0.len() - self.1).min(out.len());
            out[..some].copy_from_slice(&self.0[self.1..self.1 + some]);
            self.1 += some;
            Ok(some)
        }
    }

    fn decoded(bytes: &[u8]) -> String {
        noted(bytes).0
    }

    fn noted(bytes: &[u8]) -> (String, Option<String>) {
        let (mark, replaced) = (Mark::of(bytes).unwrap(), Replaced::default());
        let mut text = String::new();
        mark.decode(Drip(bytes.to_vec(), 0), &replaced).unwrap().read_to_string(&mut text).unwrap();
        (text, replaced.note())
    }

    #[test]
    fn utf16_of_both_kinds_becomes_utf8() {
        let text = "\u{feff}Anmeldung: Jörg 😀\r\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decoded(&little), &text[3..]);
        assert_eq!(decoded(&big), &text[3..]);
        assert_eq!(decoded(text.as_bytes()), &text[3..]);
    }

    #[test]
    fn unpaired_surrogates_and_half_units_are_replaced() {
        assert_eq!(
            decoded(&[0xff, 0xfe, b'a', 0, 0x00, 0xd8, b'b', 0, 0x00, 0xdc, 0x00, 0xd8]),
            "a\u{fffd}b\u{fffd}\u{fffd}"
        );
        let (text, note) = noted(&[0xfe, 0xff, 0, b'a', 0, b'\n', 7]);
        assert_eq!((&*text, note.unwrap()), ("a\n\u{fffd}", "line 2: unpaired surrogates were read as U+FFFD".into()));
        let (_, note) = noted(&[0xff, 0xfe, 0x00, 0xdc, 0x0a, 0, 0x00, 0xd8, 0x00, 0xd8, b'a', 0]);
        assert_eq!(note.unwrap(), "line 1 and 2 more: unpaired surrogates were read as U+FFFD");
        assert_eq!(noted(&[0xff, 0xfe, 0x3d, 0xd8, 0x00, 0xde]).1, None);
        assert_eq!(Mark::of(&[0xff, 0xfe, 0, 0]), None);
    }
}
