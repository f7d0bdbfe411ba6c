//! What escaped text means: the backslashes of servers' logs, the percent signs of URLs.

use std::borrow::Cow;

/// How a log writes what it cannot write as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Escape {
    /// `\x22` (nginx), `\"`, `\n` and `\xff` (Apache), `\u00ff` for one byte (Tomcat).
    #[default]
    Backslash,
    /// As JSON does (RFC 8259, section 7).
    Json,
    /// `+` for a blank (IIS).
    Plus,
    /// `""` for a quote in quotes, otherwise as `Backslash` (Tomcat's W3C logs; proxies' have no backslashes).
    Doubled,
    /// Not at all (nginx's error log).
    None,
}

/// Which signs of a URL mean something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// `%41`.
    Percent,
    /// `%41`, and `+` for a blank.
    Form,
    /// `%41`, and behind the first `?` also `+` for a blank.
    Uri,
}

/// Texts that a record's line does not have as they are; one behind another, so that a record takes no memory of its own.
#[derive(Default)]
pub(super) struct Scratch {
    text: String,
    bytes: Vec<u8>,
}

/// A text: where it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Text<'a> {
    /// In the log.
    Written(&'a str),
    /// In the scratch, from here to there.
    Made(usize, usize),
}

impl<'a> Text<'a> {
    pub(super) fn get<'b>(self, scratch: &'b Scratch) -> &'b str
    where
        'a: 'b,
    {
        match self {
            Text::Written(text) => text,
            Text::Made(from, until) => scratch.text.get(from..until).unwrap_or_default(),
        }
    }
}

impl Scratch {
    pub(super) fn clear(&mut self) {
        self.text.clear();
    }

    /// Several texts in one.
    pub(super) fn join(&mut self, parts: &[&str]) -> Text<'static> {
        let from = self.text.len();
        parts.iter().for_each(|part| self.text.push_str(part));
        Text::Made(from, self.text.len())
    }

    /// What a value means that a log has escaped.
    pub(super) fn unescaped<'a>(&mut self, text: &'a str, escape: Escape) -> Text<'a> {
        let is_written = match escape {
            Escape::Backslash | Escape::Json => memchr::memchr(b'\\', text.as_bytes()).is_none(),
            Escape::Doubled => memchr::memchr2(b'\\', b'"', text.as_bytes()).is_none(),
            Escape::Plus | Escape::None => true,
        };
        if is_written {
            return Text::Written(text);
        }
        let text = if escape == Escape::Doubled { text.replace("\"\"", "\"").into() } else { Cow::Borrowed(text) };
        self.bytes.clear();
        unescape(text.as_bytes(), escape == Escape::Json, &mut self.bytes);
        self.made()
    }

    /// What a text means as part of a URL, if that is something else.
    pub(super) fn decoded(&mut self, text: Text<'_>, coding: Coding) -> Option<Text<'static>> {
        memchr::memchr2(b'%', b'+', text.get(self).as_bytes())?;
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let differs = decode(text.get(self).as_bytes(), coding, &mut bytes);
        self.bytes = bytes;
        differs.then(|| self.made())
    }

    /// A text in which every `+` is a blank, if there are any.
    pub(super) fn spaced(&mut self, text: Text<'_>) -> Option<Text<'static>> {
        let spaced = text.get(self).contains('+').then(|| text.get(self).replace('+', " "))?;
        Some(self.join(&[&spaced]))
    }

    fn made(&mut self) -> Text<'static> {
        let from = self.text.len();
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => self.text.push_str(text),
            Err(_) => self.text.push_str(&String::from_utf8_lossy(&self.bytes)),
        }
        Text::Made(from, self.text.len())
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    Some(hex(high)? << 4 | hex(low)?)
}

/// The number of four hexadecimal digits at the beginning.
fn hex_four(text: &[u8]) -> Option<u16> {
    let [a, b, c, d, ..] = *text else { return None };
    Some(u16::from_be_bytes([hex_pair(a, b)?, hex_pair(c, d)?]))
}

fn unescape(mut text: &[u8], json: bool, out: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(b'\\', text) {
        let (before, escape) = text.split_at(at);
        out.extend(before);
        let length = escaped(escape.get(1..).unwrap_or_default(), json, out);
        if length == 0 {
            out.push(b'\\');
        }
        text = escape.get(1 + length..).unwrap_or_default();
    }
    out.extend(text);
}

/// Appends what an escape means and gives its length behind the backslash; zero if it is none.
fn escaped(behind: &[u8], json: bool, out: &mut Vec<u8>) -> usize {
    let (byte, length) = match behind {
        [b'x', high, low, ..] if !json => match hex_pair(*high, *low) {
            Some(byte) => (byte, 3),
            None => return 0,
        },
        [b'u', digits @ ..] => return unicode(digits, json, out),
        [byte @ (b'"' | b'\\'), ..] => (*byte, 1),
        [b'/', ..] if json => (b'/', 1),
        [b'b', ..] => (8, 1),
        [b't', ..] => (b'\t', 1),
        [b'n', ..] => (b'\n', 1),
        [b'v', ..] if !json => (11, 1),
        [b'f', ..] => (12, 1),
        [b'r', ..] => (b'\r', 1),
        _ => return 0,
    };
    out.push(byte);
    length
}

/// `\u00e4`: a UTF-16 unit in JSON, where two may make one character; below 256 a byte in Tomcat's logs.
fn unicode(digits: &[u8], json: bool, out: &mut Vec<u8>) -> usize {
    let Some(first) = hex_four(digits) else { return 0 };
    if let (false, Ok(byte)) = (json, u8::try_from(first)) {
        out.push(byte);
        return 5;
    }
    let second = digits.get(4..).and_then(|rest| rest.strip_prefix(b"\\u")).and_then(hex_four);
    let units = [first, second.unwrap_or_default()];
    let (character, length) = match char::decode_utf16(units).next() {
        Some(Ok(character)) => (character, if character.len_utf16() == 2 { 11 } else { 5 }),
        _ => (char::REPLACEMENT_CHARACTER, 5),
    };
    out.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
    length
}

/// Appends what is meant (RFC 3986, section 2.1; `%u0041` as IIS has it) and tells whether that differs.
fn decode(text: &[u8], coding: Coding, out: &mut Vec<u8>) -> bool {
    let mut plus = coding == Coding::Form;
    let (mut rest, mut differs) = (text, false);
    while let Some(at) = memchr::memchr3(b'%', b'+', b'?', rest) {
        let (before, sign) = rest.split_at(at);
        out.extend(before);
        let (decoded, length) = match sign {
            [b'%', b'u' | b'U', digits @ ..] => match hex_four(digits).and_then(|unit| char::from_u32(unit.into())) {
                Some(character) => {
                    out.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
                    (None, 6)
                }
                None => (Some(b'%'), 1),
            },
            [b'%', high, low, ..] => hex_pair(*high, *low).map_or((Some(b'%'), 1), |byte| (Some(byte), 3)),
            [b'+', ..] if plus => (Some(b' '), 1),
            [other, ..] => (Some(*other), 1),
            [] => (None, 0),
        };
        plus |= coding == Coding::Uri && sign.first() == Some(&b'?');
        differs |= length > 1 || decoded != sign.first().copied();
        out.extend(decoded);
        rest = sign.get(length..).unwrap_or_default();
    }
    out.extend(rest);
    differs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_all_servers_are_undone() {
        for (text, expected) in [
            ("plain", "plain"),
            (r"\x22b\x22 \x5C \xC3\xbc", "\"b\" \\ ü"),
            (r#"\"b\" \\ \t\n \xff"#, "\"b\" \\ \t\n \u{fffd}"),
            (r"Gr\u00c3\u00bc\u00c3\u009fe \u20ac", "Grüße €"),
            (r"a\", "a\\"),
            (r"\xz1 \u12 \q", r"\xz1 \u12 \q"),
        ] {
            let mut scratch = Scratch::default();
            assert_eq!(scratch.unescaped(text, Escape::Backslash).get(&scratch), expected, "{text}");
        }
        let mut scratch = Scratch::default();
        let json = scratch.unescaped(r"\u00fc\/\ud83d\ude00\ud83d \x22", Escape::Json);
        assert_eq!(json.get(&scratch), "ü/\u{1f600}\u{fffd} \\x22");
    }

    #[test]
    fn urls_are_decoded_once() {
        for (text, coding, expected) in [
            ("/a+b?c", Coding::Uri, None),
            ("/a+b?c+d?e+f", Coding::Uri, Some("/a+b?c d?e f")),
            ("a+b%2bc", Coding::Form, Some("a b+c")),
            ("/%2e%2E/%c3%bc+", Coding::Percent, Some("/../ü+")),
            ("/%252e%u0041%u20aC", Coding::Percent, Some("/%2eA€")),
            ("100% %zz %u00", Coding::Percent, None),
            ("%ff%", Coding::Percent, Some("\u{fffd}%")),
            ("%25", Coding::Percent, Some("%")),
        ] {
            let mut scratch = Scratch::default();
            let decoded = scratch.decoded(Text::Written(text), coding);
            assert_eq!(decoded.map(|decoded| decoded.get(&scratch)), expected, "{text}");
        }
    }
}
