//! Times as Windows events and their shippers write them.

use event::Time;

/// Reads a time; `zoned` tells whether its zone is known.
pub(super) struct Written {
    pub(super) time: Time,
    pub(super) zoned: bool,
}

/// Reads what stands as a time in an event: RFC 3339 with or without zone, PowerShell's `/Date(1603787334351)/`
/// (milliseconds since 1970), or seconds since 1970 as a number with a fraction.
pub(super) fn written(text: &str) -> Option<Written> {
    if let Some(time) = plain(text) {
        return Some(Written { time, zoned: text.ends_with('Z') });
    }
    let text = text.trim();
    if let Some(inside) = text.strip_prefix("/Date(") {
        let digits = inside.bytes().skip(1).position(|byte| !byte.is_ascii_digit()).map_or(inside.len(), |at| at + 1);
        let milliseconds = inside.get(..digits)?.parse::<i64>().ok()?;
        return Some(Written { time: Time::from_nanos(milliseconds.checked_mul(1_000_000)?), zoned: true });
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return epoch(seconds).map(|time| Written { time, zoned: true });
    }
    let zone = text.get(10..).is_some_and(|rest| rest.contains(['Z', 'z', '+', '-']));
    Time::parse(text).map(|time| Written { time, zoned: zone })
}

/// Seconds since 1970; numbers too large for that are milliseconds.
fn epoch(number: f64) -> Option<Time> {
    let seconds = if number.abs() >= 1e11 { number / 1e3 } else { number };
    // Microseconds are as far as a double is exact for times of this century.
    let micros = (seconds * 1e6).round();
    (micros.abs() < 9e15).then(|| Time::from_nanos((micros as i64).saturating_mul(1000)))
}

/// The layout nearly all logs have, `2020-10-27T08:28:54.351Z`, read without a general parser; blank for `T` and
/// no zone are allowed, as are no and up to nine decimals. Without a zone it is taken for UTC.
pub(crate) fn plain(text: &str) -> Option<Time> {
    let (head, rest) = text.as_bytes().split_first_chunk::<19>()?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T' | b' ', h0, h1, b':', n0, n1, b':', s0, s1] = *head else {
        return None;
    };
    let date = [pair(y0, y1)? * 100 + pair(y2, y3)?, pair(m0, m1)?, pair(d0, d1)?];
    let seconds = moment(date, [pair(h0, h1)?, pair(n0, n1)?, pair(s0, s1)?])?;
    let rest = rest.strip_suffix(b"Z").unwrap_or(rest);
    Some(Time::from_nanos(seconds.as_nanos() + fraction(rest)?))
}

/// The moment (in UTC) of a date (year, month, day) and a time of day (hour, minute, second), if there is such.
pub(crate) fn moment([year, month, day]: [i64; 3], [hour, minute, second]: [i64; 3]) -> Option<Time> {
    if !(1..=12).contains(&month) || !(1..=28).contains(&day) && day > days_in(year, month)? || day < 1 {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 || !(1678..=2261).contains(&year) {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Time::from_nanos(seconds * 1_000_000_000))
}

fn pair(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

/// Nanoseconds of `.351`; zero for nothing.
fn fraction(text: &[u8]) -> Option<i64> {
    let Some((b'.', digits)) = text.split_first() else { return text.is_empty().then_some(0) };
    if digits.is_empty() || digits.len() > 9 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some((digits.len()..9).fold(number, |sum, _| sum * 10))
}

fn days_in(year: i64, month: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => Some(if leap { 29 } else { 28 }),
        4 | 6 | 9 | 11 => Some(30),
        1..=12 => Some(31),
        _ => None,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar, for years from 1 on.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March, so that the leap day is a year's last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_layout_agrees_with_the_general_parser() {
        let cases = [
            "2020-06-09 22:50:54",
            "2020-10-27T08:28:54.351Z",
            "2019-05-19T17:32:00.4829823Z",
            "2000-02-29T00:00:00Z",
            "1969-12-31T23:59:59.999999999Z",
            "2100-03-01 00:00:00.1",
            "1678-01-01T00:00:00Z",
        ];
        for text in cases {
            assert_eq!(plain(text), Time::parse(text), "{text}");
            assert!(plain(text).is_some());
        }
        for day in -80_000..80_000i64 {
            let time = Time::from_nanos(day * 86_400_000_000_000);
            assert_eq!(plain(&time.to_string()), Some(time));
        }
    }

    #[test]
    fn what_is_no_plain_time_is_none() {
        for text in [
            "2021-02-29T00:00:00Z",
            "2020-13-01T00:00:00Z",
            "2020-06-09",
            "2020-06-09T25:00:00Z",
            "2020-06-00 00:00:00",
        ] {
            assert_eq!(plain(text), None, "{text}");
        }
        assert_eq!(plain("2020-06-09T22:50:54+02:00"), None);
        assert_eq!(plain("2020-06-09T22:50:54."), None);
    }

    #[test]
    fn shippers_layouts_are_read() {
        let at = |text: &str| written(text).map(|written| (written.time.to_string(), written.zoned));
        let z = |text: &str, zoned| Some((text.to_owned(), zoned));
        assert_eq!(at("/Date(1603787334351)/"), z("2020-10-27T08:28:54.351Z", true));
        assert_eq!(at("/Date(-1)/"), z("1969-12-31T23:59:59.999Z", true));
        assert_eq!(at("2020-10-27T09:28:54.351+01:00"), z("2020-10-27T08:28:54.351Z", true));
        assert_eq!(at("2020-10-27 08:28:54"), z("2020-10-27T08:28:54Z", false));
        assert_eq!(at("1603787334.351"), z("2020-10-27T08:28:54.351Z", true));
        assert_eq!(at("1603787334351"), z("2020-10-27T08:28:54.351Z", true));
        for text in ["", "yesterday", "/Date(x)/", "NaN", "1e300"] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
