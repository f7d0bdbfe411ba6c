use std::{borrow::Cow, fmt::Write as _};

use crate::Time;

/// A field's value as it stands in the evidence; its text is made only when someone asks for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// The field is there and empty by type (JSON `null`, BinXML null).
    Null,
    /// Text in UTF-8.
    Text(&'a str),
    /// Text in UTF-16, little endian, without terminator; may hold unpaired surrogates.
    Utf16(&'a [u8]),
    /// A signed number.
    Int(i64),
    /// An unsigned number.
    UInt(u64),
    /// A number that its format writes in hexadecimal: `0x1f`.
    Hex(u64),
    /// A floating point number.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// A moment.
    Time(Time),
    /// A GUID as it lies in memory: three little endian groups, then eight bytes
    /// (MS-DTYP 2.3.4.2). Its text is as Windows writes it: lower case in braces.
    Guid(&'a [u8; 16]),
    /// A Windows security identifier in binary (MS-DTYP 2.4.2).
    Sid(&'a [u8]),
    /// Bytes; their text is upper case hexadecimal.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The value as text. Borrowed where it is UTF-8 already.
    pub fn text(&self) -> Cow<'a, str> {
        if let Value::Text(text) = *self {
            return Cow::Borrowed(text);
        }
        let mut out = String::new();
        self.write_text(&mut out);
        Cow::Owned(out)
    }

    /// Appends the value's text to `out`. Unpaired surrogates become U+FFFD.
    pub fn write_text(&self, out: &mut String) {
        match *self {
            Value::Null => {}
            Value::Text(text) => out.push_str(text),
            Value::Utf16(bytes) => write_utf16(bytes, out),
            Value::Int(number) => out.push_str(itoa::Buffer::new().format(number)),
            Value::UInt(number) => out.push_str(itoa::Buffer::new().format(number)),
            Value::Hex(number) => write_hex(number, out),
            Value::Float(number) => write(out, format_args!("{number}")),
            Value::Bool(flag) => out.push_str(if flag { "true" } else { "false" }),
            Value::Time(time) => write_time(time, out),
            Value::Guid(guid) => write_guid(guid, out),
            Value::Sid(sid) => write_sid(sid, out),
            Value::Bytes(bytes) => bytes.iter().for_each(|byte| write(out, format_args!("{byte:02X}"))),
        }
    }

    /// Whether the value is null or its text is empty.
    pub fn is_empty(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Text(text) => text.is_empty(),
            Value::Utf16(bytes) | Value::Sid(bytes) | Value::Bytes(bytes) => bytes.is_empty(),
            _ => false,
        }
    }
}

fn write(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(arguments);
}

/// Characters of UTF-16 that are narrowed at once.
const NARROWED: usize = 64;

fn write_utf16(bytes: &[u8], out: &mut String) {
    let (pairs, _) = bytes.as_chunks::<2>();
    // Nearly all text in logs is ASCII, and these loops are ones that the compiler vectorises.
    if pairs.iter().fold(0, |all, [low, high]| all | (low & 0x80) | high) == 0 {
        out.reserve(pairs.len());
        for pairs in pairs.chunks(NARROWED) {
            let mut ascii = [0; NARROWED];
            ascii.iter_mut().zip(pairs).for_each(|(byte, [low, _])| *byte = *low);
            push_ascii(ascii.get(..pairs.len()).unwrap_or_default(), out);
        }
        return;
    }
    out.reserve(pairs.len());
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    out.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
}

fn push_ascii(ascii: &[u8], out: &mut String) {
    out.push_str(std::str::from_utf8(ascii).unwrap_or_default());
}

/// A digit of a number in hexadecimal, in lower case.
const fn hex_digit(number: u64) -> u8 {
    let digit = (number & 0xf) as u8;
    if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
}

/// `0x1f`.
fn write_hex(number: u64, out: &mut String) {
    let length = (16 - number.leading_zeros() as usize / 4).max(1);
    out.push_str("0x");
    let digits: [u8; 16] = std::array::from_fn(|at| hex_digit(number >> (60 - 4 * at)));
    push_ascii(digits.get(16 - length..).unwrap_or_default(), out);
}

/// As Windows writes it: RFC 3339 in UTC with seven decimals, the 100 ns of a FILETIME; nine where there is more.
fn write_time(time: Time, out: &mut String) {
    let stamp = time.to_jiff();
    match time.as_nanos() % 100 {
        0 => write(out, format_args!("{stamp:.7}")),
        _ => write(out, format_args!("{stamp:.9}")),
    }
}

fn write_guid(guid: &[u8; 16], out: &mut String) {
    let [a0, a1, a2, a3, b0, b1, c0, c1, rest @ ..] = *guid;
    let written = [a3, a2, a1, a0, b1, b0, c1, c0].into_iter().chain(rest);
    out.push('{');
    for (at, byte) in written.enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        push_ascii(&[byte >> 4, byte].map(|half| hex_digit(half.into())), out);
    }
    out.push('}');
}

fn write_sid(sid: &[u8], out: &mut String) {
    let [revision, _count, authority @ ..] = sid else { return };
    let Some((authority, rest)) = authority.split_first_chunk::<6>() else { return };
    let authority = authority.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    out.push('S');
    let mut number = |number: u64| {
        out.push('-');
        out.push_str(itoa::Buffer::new().format(number));
    };
    [u64::from(*revision), authority].into_iter().for_each(&mut number);
    rest.as_chunks::<4>().0.iter().for_each(|part| number(u64::from(u32::from_le_bytes(*part))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_text_its_format_gives_it() {
        let guid = [0x5f, 0x38, 0x70, 0x57, 0x2a, 0xc2, 0xe0, 0x43, 0xbf, 0x4c, 0x06, 0xf5, 0x69, 0x8f, 0xfb, 0xd9];
        let sid = [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 10, 0, 0, 0, 20, 0, 0, 0, 30, 0, 0, 0, 0xf4, 1, 0, 0];
        let long = [b'a', 0].repeat(150);
        let cases: [(Value<'_>, &str); 16] = [
            (Value::Null, ""),
            (Value::Text("a"), "a"),
            (Value::Utf16(&[0xe4, 0, 0x3d, 0xd8, 0x00, 0xde, 0x00, 0xd8]), "ä\u{1f600}\u{fffd}"),
            (Value::Int(-1), "-1"),
            (Value::Int(i64::MIN), "-9223372036854775808"),
            (Value::UInt(u64::MAX), "18446744073709551615"),
            (Value::Hex(0x1f), "0x1f"),
            (Value::Hex(0), "0x0"),
            (Value::Hex(u64::MAX), "0xffffffffffffffff"),
            (Value::Utf16(&long), &"a".repeat(150)),
            (Value::Bool(true), "true"),
            (Value::Float(0.5), "0.5"),
            (Value::Time(Time::from_nanos(1_500_000_000)), "1970-01-01T00:00:01.5000000Z"),
            (Value::Guid(&guid), "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}"),
            (Value::Sid(&sid), "S-1-5-21-10-20-30-500"),
            (Value::Bytes(&[0xab, 1]), "AB01"),
        ];
        for (value, text) in cases {
            assert_eq!(value.text(), text, "{value:?}");
        }
    }
}
