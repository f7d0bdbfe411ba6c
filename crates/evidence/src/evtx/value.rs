//! Typed values of binary XML ([MS-EVEN6] 2.2.12, "Value Types") as [`event::Value`]s.

use event::{Time, Value};
use jiff::civil::Date;

use super::binxml::Fault;

/// What a value type's byte says, as bits, so that a whole array of them is judged by one OR.
pub(super) const FRAGMENT: u8 = 1;
/// The value is an array.
pub(super) const ARRAY: u8 = 2;
/// The value is text of one byte a character, which a search for UTF-16 does not see.
pub(super) const NARROW: u8 = 4;
/// There is no such type.
pub(super) const UNKNOWN: u8 = 8;
/// The value is bytes, whose text is hexadecimal, which a search for UTF-16 does not see either.
pub(super) const BYTES: u8 = 16;

/// Value type bytes that are treated apart; all others are scalars of fixed shape.
pub(super) const NULL: u8 = 0x00;
pub(super) const STRING: u8 = 0x01;
const ANSI_STRING: u8 = 0x02;
const BINARY: u8 = 0x0e;
const GUID: u8 = 0x0f;
const FILE_TIME: u8 = 0x11;
const SYSTEM_TIME: u8 = 0x12;
const SID: u8 = 0x13;
pub(super) const BINXML: u8 = 0x21;
const ARRAY_BIT: u8 = 0x80;

/// The bits of every value type.
pub(super) const KIND: [u8; 256] = {
    let mut kinds = [UNKNOWN; 256];
    let mut number = 0usize;
    while number <= 0x23 {
        if number <= 0x15 || number == 0x20 || number == 0x21 || number == 0x23 {
            #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
            {
                kinds[number] = 0;
                if number != 0 {
                    kinds[number | ARRAY_BIT as usize] = ARRAY;
                }
            }
        }
        number += 1;
    }
    #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
    {
        kinds[BINXML as usize] = FRAGMENT;
        kinds[BINARY as usize] = BYTES;
        kinds[ANSI_STRING as usize] = NARROW;
        kinds[(ANSI_STRING | ARRAY_BIT) as usize] = NARROW | ARRAY;
    }
    kinds
};

/// The bits of one value type.
pub(super) fn kind(ty: u8) -> u8 {
    KIND.get(usize::from(ty)).copied().unwrap_or(UNKNOWN)
}

/// A value, or its text where no [`Value`] can borrow it from the chunk.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Value(Value<'a>),
    Text(String),
}

/// A value of type `ty` that is no array and no fragment. A size that does not fit the type is taken as
/// it stands: no bytes are null, other numbers of bytes are bytes.
pub(super) fn scalar(ty: u8, bytes: &[u8]) -> Scalar<'_> {
    Scalar::Value(match ty {
        STRING => Value::Utf16(until_nul(bytes)),
        NULL => Value::Null,
        ANSI_STRING => return ansi(bytes),
        BINARY => Value::Bytes(bytes),
        _ if bytes.is_empty() => Value::Null,
        0x03 | 0x05 | 0x07 | 0x09 => signed(bytes).map_or(Value::Bytes(bytes), Value::Int),
        0x04 | 0x06 | 0x08 | 0x0a => unsigned(bytes).map_or(Value::Bytes(bytes), Value::UInt),
        0x0b | 0x0c => float(bytes),
        0x0d => boolean(bytes),
        GUID => bytes.try_into().map_or(Value::Bytes(bytes), Value::Guid),
        0x10 | 0x14 | 0x15 => unsigned(bytes).map_or(Value::Bytes(bytes), Value::Hex),
        FILE_TIME => match unsigned(bytes) {
            Some(ticks) => return file_time(ticks),
            None => Value::Bytes(bytes),
        },
        SYSTEM_TIME => match bytes.as_chunks::<2>() {
            (&[year, month, _, day, hour, minute, second, milli], []) => {
                let [year, month, day] = [year, month, day].map(u16::from_le_bytes);
                return system_time([year, month, day], [hour, minute, second, milli].map(u16::from_le_bytes));
            }
            _ => Value::Bytes(bytes),
        },
        SID => Value::Sid(bytes.get(..sid_size(bytes)).unwrap_or(bytes)),
        _ => Value::Bytes(bytes),
    })
}

/// The text before the first NUL; half a character at the end is no text.
pub(super) fn until_nul(bytes: &[u8]) -> &[u8] {
    let mut clean = 0;
    // In steps of 16 characters, which compile to vector instructions.
    for block in bytes.as_chunks::<32>().0 {
        if block.as_chunks::<2>().0.iter().fold(false, |nul, unit| nul | (*unit == [0, 0])) {
            break;
        }
        clean += block.len();
    }
    let rest = bytes.get(clean..).unwrap_or_default().as_chunks::<2>().0;
    let units = rest.iter().position(|unit| *unit == [0, 0]).unwrap_or(rest.len());
    bytes.get(..clean + 2 * units).unwrap_or(bytes)
}

fn signed(bytes: &[u8]) -> Option<i64> {
    match *bytes {
        [a] => Some(i64::from(a.cast_signed())),
        [a, b] => Some(i64::from(i16::from_le_bytes([a, b]))),
        [a, b, c, d] => Some(i64::from(i32::from_le_bytes([a, b, c, d]))),
        _ => Some(i64::from_le_bytes(bytes.try_into().ok()?)),
    }
}

fn unsigned(bytes: &[u8]) -> Option<u64> {
    match *bytes {
        [a] => Some(u64::from(a)),
        [a, b] => Some(u64::from(u16::from_le_bytes([a, b]))),
        [a, b, c, d] => Some(u64::from(u32::from_le_bytes([a, b, c, d]))),
        _ => Some(u64::from_le_bytes(bytes.try_into().ok()?)),
    }
}

/// A single has the text of a single, not that of the double nearest to it.
fn float(bytes: &[u8]) -> Value<'_> {
    if let Ok(bytes) = bytes.try_into() {
        let single = f32::from_le_bytes(bytes);
        return Value::Float(single.to_string().parse().unwrap_or_else(|_| f64::from(single)));
    }
    bytes.try_into().map_or(Value::Bytes(bytes), |bytes| Value::Float(f64::from_le_bytes(bytes)))
}

/// Windows writes bit masks into some booleans; what is neither 0 nor 1 stays a number.
fn boolean(bytes: &[u8]) -> Value<'_> {
    match signed(bytes) {
        Some(0) => Value::Bool(false),
        Some(1) => Value::Bool(true),
        Some(number) => Value::Int(number),
        None => Value::Bytes(bytes),
    }
}

/// Eight bytes and four for each of the sub-authorities that the second byte counts.
fn sid_size(bytes: &[u8]) -> usize {
    8 + 4 * usize::from(bytes.get(1).copied().unwrap_or_default())
}

/// Text of one byte a character without the zeros at its end.
pub(super) fn without_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or(bytes)
}

/// Text in the code page of the machine, which the log does not name: Windows-1252 as the most common one.
/// NULs are no part of it.
fn ansi(bytes: &[u8]) -> Scalar<'_> {
    let bytes = without_end(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() && !bytes.contains(&0) => Scalar::Value(Value::Text(text)),
        _ => Scalar::Text(bytes.iter().filter(|byte| **byte != 0).map(|byte| windows_1252(*byte)).collect()),
    }
}

/// The characters of 0x80 to 0x9f in code page 1252, as Windows maps them (five are unassigned and map to
/// the control character of the same number).
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

fn windows_1252(byte: u8) -> char {
    let special = byte.checked_sub(0x80).and_then(|index| WINDOWS_1252.get(usize::from(index)));
    special.copied().unwrap_or(char::from(byte))
}

const TICKS_A_SECOND: u64 = 10_000_000;
const TICKS_A_DAY: u64 = 86_400 * TICKS_A_SECOND;
/// The Gregorian calendar repeats itself after 400 years.
const DAYS_OF_400_YEARS: u64 = 146_097;

/// Windows renders every FILETIME: years above 9999 by their last four digits, and what is negative as zeros.
fn file_time<'a>(ticks: u64) -> Scalar<'a> {
    if let Some(time) = Time::from_filetime(ticks) {
        return Scalar::Value(Value::Time(time));
    }
    if ticks > i64::MAX as u64 {
        return Scalar::Text("0000-00-00T00:00:00.0000000Z".into());
    }
    let (days, ticks) = (ticks / TICKS_A_DAY, ticks % TICKS_A_DAY);
    let (cycles, days) = (days / DAYS_OF_400_YEARS, (days % DAYS_OF_400_YEARS) as i64);
    let date = Date::constant(1601, 1, 1).saturating_add(jiff::Span::new().days(days));
    let year = (u64::from(date.year().unsigned_abs()) + 400 * cycles) % 10_000;
    Scalar::Text(time_text(year, (date.month(), date.day()), ticks))
}

fn time_text(year: u64, (month, day): (i8, i8), ticks: u64) -> String {
    let (seconds, ticks) = (ticks / TICKS_A_SECOND, ticks % TICKS_A_SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ticks:07}Z")
}

/// A SYSTEMTIME without its day of the week, which Windows ignores. One that is no date it renders as the
/// beginning of 1601.
fn system_time<'a>([year, month, day]: [u16; 3], [hour, minute, second, milli]: [u16; 4]) -> Scalar<'a> {
    let in_cycle = 1601 + year.wrapping_sub(1601) % 400;
    let date = Date::new(in_cycle.cast_signed(), narrow(month), narrow(day)).ok();
    let date = date.filter(|_| (1601..=30827).contains(&year));
    let Some(date) = date.filter(|_| hour < 24 && minute < 60 && second < 60 && milli < 1000) else {
        return Scalar::Text("1601-01-01T00:00:00.0000000Z".into());
    };
    let seconds = (u64::from(hour) * 60 + u64::from(minute)) * 60 + u64::from(second);
    let ticks = seconds * TICKS_A_SECOND + u64::from(milli) * 10_000;
    let text = time_text(u64::from(year) % 10_000, (date.month(), date.day()), ticks);
    if year > 9999 {
        return Scalar::Text(text);
    }
    Time::parse(&text).map_or(Scalar::Text(text), |time| Scalar::Value(Value::Time(time)))
}

/// As a signed byte, or -1 where it is none (no month or day is).
fn narrow(number: u16) -> i8 {
    i8::try_from(number).unwrap_or(-1)
}

/// The items of an array, each with the type of a scalar. An array of what has no known width, or whose
/// size is no multiple of it, is one item of bytes.
pub(super) fn items(ty: u8, bytes: &[u8]) -> Items<'_> {
    let ty = ty & !ARRAY_BIT;
    let width = match ty {
        0x03 | 0x04 => 1,
        0x05 | 0x06 => 2,
        0x07 | 0x08 | 0x0b | 0x0d | 0x14 => 4,
        0x10 if !bytes.len().is_multiple_of(8) => 4,
        0x09 | 0x0a | 0x0c | 0x10 | FILE_TIME | 0x15 => 8,
        GUID | SYSTEM_TIME => 16,
        STRING | ANSI_STRING | SID => 0,
        _ => bytes.len(),
    };
    let broken = width > 0 && !bytes.len().is_multiple_of(width);
    if broken { Items { ty: BINARY, width: bytes.len(), rest: bytes } } else { Items { ty, width, rest: bytes } }
}

/// See [`items`].
pub(super) struct Items<'a> {
    ty: u8,
    /// Bytes of an item; 0 where each item tells its own size.
    width: usize,
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    /// The size of the next item, and of what ends it.
    fn next_size(&self) -> (usize, usize) {
        match self.ty {
            STRING => {
                let text = until_nul(self.rest).len();
                (text, 2)
            }
            ANSI_STRING => (memchr::memchr(0, self.rest).unwrap_or(self.rest.len()), 1),
            SID => (sid_size(self.rest), 0),
            _ => (self.width, 0),
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Scalar<'a>;

    fn next(&mut self) -> Option<Scalar<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (size, end) = self.next_size();
        let item = self.rest.get(..size).unwrap_or(self.rest);
        // An item takes one byte at least, so that the array comes to an end.
        self.rest = self.rest.get((size + end).max(1)..).unwrap_or_default();
        Some(scalar(self.ty, item))
    }
}

/// The size of a literal value within a stream, whose size nothing else tells; `bytes` begins with it.
pub(super) fn literal_size(ty: u8, bytes: &[u8]) -> Result<usize, Fault> {
    Ok(match ty {
        NULL => 0,
        0x03 | 0x04 => 1,
        0x05 | 0x06 => 2,
        0x07 | 0x08 | 0x0b | 0x0d | 0x14 => 4,
        0x09 | 0x0a | 0x0c | FILE_TIME | 0x15 => 8,
        GUID | SYSTEM_TIME => 16,
        SID => sid_size(bytes),
        _ => return Err(Fault::new(format!("expected a value type that tells its size, found {ty:#04x}"))),
    })
}

/// Whether UTF-16 holds a surrogate without its other half.
pub(super) fn has_unpaired(units: &[u8]) -> bool {
    let (pairs, _) = units.as_chunks::<2>();
    // Hardly any text holds surrogates, and this loop is one that the compiler vectorises.
    pairs.iter().fold(false, |any, [_, high]| any | (high & 0xf8 == 0xd8))
        && char::decode_utf16(pairs.iter().map(|pair| u16::from_le_bytes(*pair))).any(|unit| unit.is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ty: u8, bytes: &[u8]) -> String {
        match scalar(ty, bytes) {
            Scalar::Value(value) => value.text().into_owned(),
            Scalar::Text(text) => text,
        }
    }

    #[test]
    fn scalars_have_the_text_that_windows_gives_them() {
        let time = 131_124_751_716_816_408u64.to_le_bytes();
        let system: Vec<u8> = [2019u16, 3, 5, 1, 12, 34, 56, 789].iter().flat_map(|n| n.to_le_bytes()).collect();
        let cases: [(u8, &[u8], &str); 22] = [
            (NULL, b"ab", ""),
            (STRING, b"a\0b\0\0\0c\0", "ab"),
            (ANSI_STRING, b"ab\0", "ab"),
            (ANSI_STRING, b"\x80\xe4\0", "€ä"),
            (0x03, &[0xff], "-1"),
            (0x04, &[0xff], "255"),
            (0x05, &[0xfe, 0xff], "-2"),
            (0x08, &[1, 0, 0, 0x80], "2147483649"),
            (0x0b, &0.1f32.to_le_bytes(), "0.1"),
            (0x0c, &(-2.5f64).to_le_bytes(), "-2.5"),
            (0x0d, &[1, 0, 0, 0], "true"),
            (0x0d, &[0, 0, 0, 0], "false"),
            (0x0d, &[4, 0, 0, 0], "4"),
            (BINARY, &[1, 0xab], "01AB"),
            (0x10, &[0x1f, 0, 0, 0], "0x1f"),
            (0x15, &[0x1f, 0, 0, 0, 0, 0, 0, 0x10], "0x100000000000001f"),
            (FILE_TIME, &time, "2016-07-08T18:12:51.6816408Z"),
            (FILE_TIME, &[0; 8], "1601-01-01T00:00:00.0000000Z"),
            (FILE_TIME, &[0xff; 8], "0000-00-00T00:00:00.0000000Z"),
            (SYSTEM_TIME, &system, "2019-03-01T12:34:56.7890000Z"),
            (SYSTEM_TIME, &[0xff; 16], "1601-01-01T00:00:00.0000000Z"),
            (0x08, &[], ""),
        ];
        for (ty, bytes, expected) in cases {
            assert_eq!(text(ty, bytes), expected, "type {ty:#04x}, {bytes:02x?}");
        }
        // The last tick that a FILETIME can say, in the year 30828.
        assert_eq!(text(FILE_TIME, &i64::MAX.to_le_bytes()), "0828-09-14T02:48:05.4775807Z");
    }

    #[test]
    fn arrays_fall_into_their_items() {
        let all = |ty, bytes| items(ty, bytes).map(|item| format!("{item:?}")).collect::<Vec<_>>().len();
        assert_eq!(all(0x81, b"a\0\0\0\0\0b\0\0\0"), 3);
        assert_eq!(all(0x81, b"a\0\0\0b\0"), 2);
        assert_eq!(all(0x81, b"a"), 1);
        assert_eq!(all(0x82, b"a\0\0b"), 3);
        assert_eq!(all(0x88, &[0; 12]), 3);
        assert_eq!(all(0x88, &[0; 13]), 1);
        assert_eq!(all(0x8f, &[0; 32]), 2);
        assert_eq!(all(0x93, &[1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 5]), 2);
        assert_eq!(all(0x88, &[]), 0);
    }
}
