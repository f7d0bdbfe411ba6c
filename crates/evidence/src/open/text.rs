//! Text that does not come as plain UTF-8: a byte order mark is taken off, UTF-16 (as PowerShell and the
//! Windows Event Viewer write it) becomes UTF-8.

use std::io::{self, Read};

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
    pub fn decode(self, mut input: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        let mark = if self == Self::Utf8 { 3 } else { 2 };
        input.read_exact([0; 3].get_mut(..mark).unwrap_or_default())?;
        Ok(match self {
            Self::Utf8 => Box::new(input),
            Self::Utf16Le | Self::Utf16Be => Box::new(Utf16::new(input, self == Self::Utf16Be)),
        })
    }
}

/// UTF-16 in, UTF-8 out. Unpaired surrogates and half a unit at the end become U+FFFD.
pub(super) struct Utf16<R> {
    inner: R,
    big: bool,
    raw: Vec<u8>,
    /// Bytes at the beginning of `raw` that are not decoded yet: half a unit, or half a pair.
    held: usize,
    text: String,
    at: usize,
    ended: bool,
}

impl<R: Read> Utf16<R> {
    pub fn new(inner: R, big: bool) -> Self {
        Self { inner, big, raw: vec![0; 64 << 10], held: 0, text: String::new(), at: 0, ended: false }
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
        self.text.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
        if self.ended && !half.is_empty() {
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
        let mark = Mark::of(bytes).unwrap();
        let mut text = String::new();
        mark.decode(Drip(bytes.to_vec(), 0)).unwrap().read_to_string(&mut text).unwrap();
        text
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
        assert_eq!(decoded(&[0xfe, 0xff, 0, b'a', 7]), "a\u{fffd}");
        assert_eq!(Mark::of(&[0xff, 0xfe, 0, 0]), None);
    }
}
