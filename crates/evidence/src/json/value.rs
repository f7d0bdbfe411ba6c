//! Values of JSON and their text.

use event::Value;

/// What kind of value stands at a place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Between its quotes, still escaped.
    Text,
    Number,
    True,
    False,
    Null,
}

/// Appends the text of a JSON string (RFC 8259, section 7) to `out`. Unpaired surrogates become U+FFFD; an
/// escape that JSON does not have stays as it is written.
pub(crate) fn unescape(raw: &str, out: &mut String) {
    out.reserve(raw.len());
    let mut rest = raw;
    while let Some(at) = next_escape(rest.as_bytes()) {
        let (before, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        rest = escape(behind, out);
    }
    out.push_str(rest);
}

/// Where the next backslash stands. Escapes stand close together (paths, tables of text), so the nearest bytes are looked at
/// before a vectorised search is called.
#[inline]
fn next_escape(text: &[u8]) -> Option<usize> {
    let near = text.iter().take(16).position(|byte| *byte == b'\\');
    near.or_else(|| memchr::memchr(b'\\', text.get(16..)?).map(|at| at + 16))
}

/// Reads one escape at the beginning of `text`; returns what follows it.
fn escape<'a>(text: &'a str, out: &mut String) -> &'a str {
    let simple = match text.as_bytes().get(1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(text, out),
        _ => {
            out.push('\\');
            return text.get(1..).unwrap_or("");
        }
    };
    out.push(simple);
    text.get(2..).unwrap_or("")
}

fn unicode_escape<'a>(text: &'a str, out: &mut String) -> &'a str {
    let Some(first) = unit(text) else {
        out.push('\\');
        return text.get(1..).unwrap_or("");
    };
    let rest = text.get(6..).unwrap_or("");
    if (0xd800..0xdc00).contains(&first)
        && let Some(second) = unit(rest)
        && let Some(Ok(pair)) = char::decode_utf16([first, second]).next()
    {
        out.push(pair);
        return rest.get(6..).unwrap_or("");
    }
    out.push(char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER));
    rest
}

/// The UTF-16 unit of an escape `\uXXXX` at the beginning of `text`.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

/// The value of a JSON number. Its text is always what is written: where no number type gives that back
/// (`1.50`, `-0`, more digits than fit), it stays text.
pub(super) fn number(raw: &str) -> Value<'_> {
    let exact = |value: Value<'static>| (value.text() == raw).then_some(value);
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return match (digits.starts_with('0') && raw != "0", raw.parse::<i64>()) {
            (true, _) => Value::Text(raw),
            (false, Ok(number)) => Value::Int(number),
            (false, Err(_)) => raw.parse().map_or(Value::Text(raw), Value::UInt),
        };
    }
    raw.parse().ok().and_then(|number| exact(Value::Float(number))).unwrap_or(Value::Text(raw))
}

/// `Keywords`, which Windows writes in hexadecimal, where a shipper made a signed number of it.
pub(super) fn keywords(raw: &str) -> Option<Value<'static>> {
    match raw.parse::<i64>() {
        Ok(number) => Some(Value::Hex(number.cast_unsigned())),
        Err(_) => raw.parse().ok().map(Value::Hex),
    }
}

/// What the `\u` escapes of a block say that matters to more than their own values.
#[derive(Default)]
pub(super) struct Escapes {
    /// Where one stands for a plain character (see [`event::Detector::text_hits`]), or for one that is case-folded to one:
    /// the Kelvin sign and the long s.
    pub(super) plain: Vec<usize>,
    /// Where one is half of a pair of surrogates whose other half is missing.
    pub(super) unpaired: Vec<usize>,
}

impl Escapes {
    pub(super) fn of(text: &str) -> Self {
        let mut escapes = Self::default();
        let mut behind_pair = 0;
        for at in memchr::memmem::find_iter(text.as_bytes(), b"\\u") {
            let Some(first) = unit(text.get(at..).unwrap_or_default()) else { continue };
            match char::from_u32(u32::from(first)) {
                Some(c) if event::is_plain(c) || matches!(c, '\u{17f}' | '\u{212a}') => escapes.plain.push(at),
                Some(_) => {}
                None if at < behind_pair || is_escaped(text, at) => {}
                None => match unit(text.get(at + 6..).unwrap_or_default()) {
                    Some(second) if char::decode_utf16([first, second]).next().is_some_and(|c| c.is_ok()) => {
                        behind_pair = at + 12;
                    }
                    _ => escapes.unpaired.push(at),
                },
            }
        }
        escapes
    }
}

/// Whether the backslash at `at` is itself escaped.
fn is_escaped(text: &str, at: usize) -> bool {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_what_they_stand_for() {
        let cases = [
            ("plain", "plain"),
            (r#"a\"b\\c\/d\b\f\n\r\te"#, "a\"b\\c/d\u{8}\u{c}\n\r\te"),
            (r"\u00e4\u20AC", "ä€"),
            (r"\ud83d\ude00!", "\u{1f600}!"),
            (r"\ud800", "\u{fffd}"),
            (r"\ud800x\udc00", "\u{fffd}x\u{fffd}"),
            (r"\ud800\ud83d\ude00", "\u{fffd}\u{1f600}"),
            (r"\ud800\u0041", "\u{fffd}A"),
            (r"\u12", r"\u12"),
            (r"\u+123", r"\u+123"),
            (r"\x41\", r"\x41\"),
            ("\\u12ä", "\\u12ä"),
        ];
        for (raw, text) in cases {
            let mut out = String::new();
            unescape(raw, &mut out);
            assert_eq!(out, text, "{raw}");
        }
    }

    #[test]
    fn escapes_that_hide_and_halves_of_pairs_are_found() {
        let text = r"\u0041 \u0022 \u212a \ud83d\ude00 \ud800 \\ud800 \udc00\ud83d\ude00 \ud83d";
        let escapes = Escapes::of(text);
        let places = |words: &[&str]| words.iter().map(|word| text.find(word).unwrap()).collect::<Vec<_>>();
        assert_eq!(escapes.plain, places(&[r"\u0041", r"\u212a"]));
        assert_eq!(escapes.unpaired, [places(&[r"\ud800 ", r"\udc00"]), vec![text.len() - 6]].concat());
    }

    #[test]
    fn numbers_keep_their_text() {
        assert_eq!(number("4624"), Value::Int(4624));
        assert_eq!(number("-9223372036854775808"), Value::Int(i64::MIN));
        assert_eq!(number("18446744073709551615"), Value::UInt(u64::MAX));
        assert_eq!(number("0.5"), Value::Float(0.5));
        for odd in ["1.50", "-0", "1e400", "18446744073709551616", "007", "1E3"] {
            assert_eq!(number(odd).text(), odd);
        }
        assert_eq!(
            keywords("-9223372036854775808").map(|value| value.text().into_owned()).unwrap(),
            "0x8000000000000000"
        );
    }
}
