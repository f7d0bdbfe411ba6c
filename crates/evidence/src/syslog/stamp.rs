//! Times at the beginning of syslog lines.

use event::Time;

use crate::{
    civil::{self, month, two},
    json::plain_time,
};

const SECOND: i64 = 1_000_000_000;
/// As many bytes hold any time.
pub(super) const LONGEST: usize = 64;

/// When a record was written, as far as its line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// Not at all.
    None,
    /// A moment.
    Zoned(Time),
    /// Year, but no zone: the moment if it is UTC.
    Local(Time),
    /// Neither year nor zone.
    Yearless(Yearless),
}

/// A day of any year, and the time of day in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Yearless {
    /// From 1 to 12.
    pub(super) month: u8,
    /// From 1 to 31.
    pub(super) day: u8,
    pub(super) nanos: i64,
}

impl Yearless {
    /// The moment in `year`, if it is UTC.
    pub(super) fn time(self, year: i16) -> Option<Time> {
        let date = jiff::civil::Date::new(year, self.month as i8, self.day as i8).ok()?;
        let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        Some(Time::from_nanos(Time::from_jiff(midnight)?.as_nanos().checked_add(self.nanos)?))
    }
}

/// Month and day of `Aug 18`, `Aug  8` or `Aug 8 `.
pub(super) fn month_day(text: [u8; 6]) -> Option<(u8, u8)> {
    let [m0, m1, m2, b' ', d0, d1] = text else { return None };
    let (d0, d1) = if d1 == b' ' { (b'0', d0) } else { (d0, d1) };
    let day = two(d0, d1).filter(|day| (1..=31).contains(day))?;
    Some((month([m0, m1, m2])?, day as u8))
}

/// Nanoseconds of the day of `09:06:20`; a leap second counts as the one before it.
pub(super) fn clock(text: [u8; 8]) -> Option<i64> {
    let [h0, h1, b':', n0, n1, b':', s0, s1] = text else { return None };
    let (hour, minute, second) = (two(h0, h1)?, two(n0, n1)?, two(s0, s1)?);
    (hour < 24 && minute < 60 && second < 61).then(|| (hour * 3600 + minute * 60 + second.min(59)) * SECOND)
}

/// Nanoseconds of `.351` at the beginning of `text`, and what is behind.
fn decimals(text: &[u8]) -> (i64, &[u8]) {
    let Some((b'.', digits)) = text.split_first() else { return (0, text) };
    let (nanos, count) = civil::decimals(digits);
    if count == 0 { (0, text) } else { (nanos, digits.get(count..).unwrap_or_default()) }
}

/// Reads a time of any layout and the blank behind it; gives what follows.
pub(super) fn stamp(text: &str) -> Option<(Stamp, &str)> {
    let (stamp, rest) = match text.as_bytes().first()? {
        b'A'..=b'Z' => traditional(text).or_else(|| full(text))?,
        b'0'..=b'9' => iso(text).or_else(|| unix(text))?,
        b'[' => monotonic(text)?,
        _ => return None,
    };
    Some((stamp, rest.strip_prefix(' ')?))
}

/// `Aug 18 09:06:20`, `Aug 18 09:06:20.123456`, `Aug 18 2026 09:06:20` (Cisco, some appliances).
fn traditional(text: &str) -> Option<(Stamp, &str)> {
    let bytes = text.as_bytes();
    let (yearless, year, rest) = day_and_clock(bytes)?;
    let behind = text.get(bytes.len() - rest.len()..)?;
    match year {
        None => Some((Stamp::Yearless(yearless), behind)),
        Some(digits) => {
            let year = digits.iter().fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0'));
            Some((Stamp::Local(yearless.time(year)?), behind))
        }
    }
}

/// Day and time of day, the digits of the year if there is one, and what is behind.
type DayAndClock<'a> = (Yearless, Option<[u8; 4]>, &'a [u8]);

/// Takes the same apart.
fn day_and_clock(bytes: &[u8]) -> Option<DayAndClock<'_>> {
    let (date, rest) = bytes.split_first_chunk::<6>()?;
    let (month, day) = month_day(*date)?;
    let rest = if date.ends_with(b" ") { rest } else { rest.strip_prefix(b" ")? };
    let (year, rest) = match rest {
        [y0, y1, y2, y3, b' ', rest @ ..] if [y0, y1, y2, y3].iter().all(|digit| digit.is_ascii_digit()) => {
            (Some([*y0, *y1, *y2, *y3]), rest)
        }
        _ => (None, rest),
    };
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (fraction, rest) = decimals(rest);
    Some((Yearless { month, day, nanos: clock(*time)? + fraction }, year, rest))
}

/// The time at the beginning of a line, if it is one without a year.
pub(super) fn yearless(line: &[u8]) -> Option<Yearless> {
    let (found, year, rest) = day_and_clock(line)?;
    (year.is_none() && rest.first() == Some(&b' ')).then_some(found)
}

/// `2026-08-18T09:06:20.123456+02:00`, also with `Z`, with `+0200`, or without a zone.
fn iso(text: &str) -> Option<(Stamp, &str)> {
    if text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    let end = text.as_bytes().iter().position(|byte| *byte == b' ')?;
    let (written, rest) = text.split_at_checked(end)?;
    let zone = written.get(19..)?.find(['Z', '+', '-']).map(|at| at + 19);
    let Some(zone) = zone else { return Some((Stamp::Local(plain_time(written)?), rest)) };
    let (civil, zone) = written.split_at_checked(zone)?;
    Some((Stamp::Zoned(moved(plain_time(civil)?, offset(zone)?)?), rest))
}

/// The moment of a civil time `seconds` east of Greenwich.
fn moved(civil: Time, seconds: i64) -> Option<Time> {
    Some(Time::from_nanos(civil.as_nanos().checked_sub(seconds * SECOND)?))
}

/// Seconds east of Greenwich of `Z`, `+02:00`, `+0200`, `+02`.
fn offset(zone: &str) -> Option<i64> {
    let seconds = |h0, h1, m0, m1| Some(two(h0, h1)? * 3600 + two(m0, m1)? * 60);
    let (sign, digits) = zone.as_bytes().split_first()?;
    let east = match digits {
        [] => return (*sign == b'Z').then_some(0),
        [h0, h1] => seconds(*h0, *h1, b'0', b'0')?,
        [h0, h1, m0, m1] | [h0, h1, b':', m0, m1] => seconds(*h0, *h1, *m0, *m1)?,
        _ => return None,
    };
    match sign {
        b'+' => Some(east),
        b'-' => Some(-east),
        _ => None,
    }
}

/// Abbreviations of zones that mean one thing nearly everywhere, in hours east of Greenwich.
const ZONES: [(&str, i64); 18] = [
    ("UTC", 0),
    ("GMT", 0),
    ("WET", 0),
    ("WEST", 1),
    ("CET", 1),
    ("CEST", 2),
    ("EET", 2),
    ("EEST", 3),
    ("MSK", 3),
    ("JST", 9),
    ("KST", 9),
    ("EST", -5),
    ("EDT", -4),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
];

/// `Tue 2026-08-18 09:06:20 CEST`.
fn full(text: &str) -> Option<(Stamp, &str)> {
    const DAYS: [&str; 7] = ["Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "];
    let day = text.get(..4).filter(|day| DAYS.contains(day))?;
    let rest = text.strip_prefix(day)?;
    let (civil, rest) = rest.split_at_checked(19)?;
    let (fraction, behind) = decimals(rest.as_bytes());
    let rest = rest.get(rest.len() - behind.len()..)?.strip_prefix(' ')?;
    let (name, _) = rest.split_once(' ')?;
    let rest = rest.get(name.len()..)?;
    let civil = Time::from_nanos(plain_time(civil)?.as_nanos() + fraction);
    let known = ZONES.iter().find(|(zone, _)| *zone == name).map(|(_, hours)| hours * 3600);
    match known.or_else(|| offset(name)) {
        Some(seconds) => Some((Stamp::Zoned(moved(civil, seconds)?), rest)),
        None if name.bytes().all(|byte| byte.is_ascii_uppercase()) => Some((Stamp::Local(civil), rest)),
        None => None,
    }
}

/// `1787043980.123456`: seconds since 1970.
fn unix(text: &str) -> Option<(Stamp, &str)> {
    let (seconds, rest) = text.split_at_checked(10)?;
    let (nanos, behind) = decimals(rest.as_bytes());
    if behind.len() == rest.len() || !seconds.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let time = Time::from_nanos(seconds.parse::<i64>().ok()? * SECOND + nanos);
    Some((Stamp::Zoned(time), rest.get(rest.len() - behind.len()..)?))
}

/// `[15500.802524]`: seconds since the machine was started, which is no time of day.
fn monotonic(text: &str) -> Option<(Stamp, &str)> {
    let (inside, rest) = text.strip_prefix('[')?.split_once(']')?;
    let (seconds, decimals) = inside.trim_start_matches(' ').split_once('.')?;
    let digits = |text: &str| (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(seconds) && digits(decimals)).then_some((Stamp::None, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let (stamp, rest) = stamp(text)?;
        assert_eq!(rest, "x");
        Some(match stamp {
            Stamp::None => String::new(),
            Stamp::Zoned(time) => time.to_string(),
            Stamp::Local(time) => format!("local {time}"),
            Stamp::Yearless(stamp) => format!("any {}", stamp.time(2024)?),
        })
    }

    #[test]
    fn every_layout_is_read() {
        let cases = [
            ("Aug 18 09:06:20 x", "any 2024-08-18T09:06:20Z"),
            ("Aug  8 09:06:20.250000 x", "any 2024-08-08T09:06:20.25Z"),
            ("Aug 8 09:06:20 x", "any 2024-08-08T09:06:20Z"),
            ("Aug 08 09:06:20 x", "any 2024-08-08T09:06:20Z"),
            ("Feb 29 23:59:60 x", "any 2024-02-29T23:59:59Z"),
            ("Aug 18 2022 09:06:20 x", "local 2022-08-18T09:06:20Z"),
            ("2026-11-22T05:27:39.398089+00:00 x", "2026-11-22T05:27:39.398089Z"),
            ("2026-11-22T05:27:39+0130 x", "2026-11-22T03:57:39Z"),
            ("2026-11-22T05:27:39-05 x", "2026-11-22T10:27:39Z"),
            ("2026-11-22T05:27:39Z x", "2026-11-22T05:27:39Z"),
            ("2026-11-22T05:27:39 x", "local 2026-11-22T05:27:39Z"),
            ("Sun 2026-11-22 06:35:12 CET x", "2026-11-22T05:35:12Z"),
            ("Sun 2026-11-22 06:35:12.5 +03 x", "2026-11-22T03:35:12.5Z"),
            ("Sun 2026-11-22 06:35:12 IST x", "local 2026-11-22T06:35:12Z"),
            ("1795325712.684332 x", "2026-11-22T05:35:12.684332Z"),
            ("[15500.802524] x", ""),
            ("[    5.802524] x", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "Aug",
            "Aug 32 09:06:20 x",
            "Aug 18 24:06:20 x",
            "Aug 18 09:06:20",
            "Auf 18 09:06:20 x",
            "Aug   09:06:20 x",
            "2026-13-22T05:27:39Z x",
            "2026-11-22 05:27:39 x",
            "2026-11-22T05:27:39+ x",
            "1795325712 x",
            "Sun 2026-11-22 06:35:12 x",
            "[error] x",
            "Aug 18 ü9:06:20 x",
            "Sün 2026-11-22 06:35:12 CET x",
        ] {
            assert_eq!(stamp(text), None, "{text}");
        }
    }
}
