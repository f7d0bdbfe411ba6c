//! Times in the logs of web servers.

use event::Time;

use crate::{
    civil::{decimals, month, two},
    json::{moment, plain_time},
};

const SECOND: i64 = 1_000_000_000;

/// When a record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) time: Time,
    /// Whether the log tells the zone; if not, it was taken for UTC.
    pub(super) zoned: bool,
}

impl Stamp {
    const fn zoned(time: Time) -> Self {
        Self { time, zoned: true }
    }

    pub(super) const fn local(time: Time) -> Self {
        Self { time, zoned: false }
    }
}

fn four(digits: [u8; 4]) -> Option<i64> {
    let [a, b, c, d] = digits;
    Some(two(a, b)? * 100 + two(c, d)?)
}

/// Hour, minute and second of `05:34:28`; a leap second counts as the one before it.
fn clock(text: &[u8]) -> Option<[i64; 3]> {
    let [h0, h1, b':', n0, n1, b':', s0, s1] = *text else { return None };
    Some([two(h0, h1)?, two(n0, n1)?, two(s0, s1)?.min(59)])
}

fn moved(time: Time, nanos: i64) -> Option<Time> {
    Some(Time::from_nanos(time.as_nanos().checked_add(nanos)?))
}

/// How long the time of access logs is.
pub(super) const CLF: usize = 26;

/// `22/Nov/2026:05:34:28 +0000`, the time of the Common Log Format.
pub(super) fn clf(text: &str) -> Option<Stamp> {
    let [d0, d1, b'/', m0, m1, m2, b'/', y0, y1, y2, y3, b':', time @ ..] = text.as_bytes() else { return None };
    let (time, zone) = time.split_first_chunk::<8>()?;
    let [b' ', sign, z0, z1, z2, z3] = *zone else { return None };
    let east = (two(z0, z1)? * 3600 + two(z2, z3)? * 60) * SECOND;
    let civil = moment([four([*y0, *y1, *y2, *y3])?, month([*m0, *m1, *m2])?.into(), two(*d0, *d1)?], clock(time)?)?;
    match sign {
        b'+' => moved(civil, -east).map(Stamp::zoned),
        b'-' => moved(civil, east).map(Stamp::zoned),
        _ => None,
    }
}

/// `2026-11-22T05:34:28.123+00:00`, with blank for `T`, with `Z`, `+0000` or no zone.
pub(super) fn iso(text: &str) -> Option<Stamp> {
    let zone = text.get(19..)?.find(['Z', '+', '-']).map(|at| at + 19);
    let (civil, zone) = text.split_at_checked(zone.unwrap_or(text.len()))?;
    let civil = plain_time(civil)?;
    let east = match zone.as_bytes() {
        [] => return Some(Stamp::local(civil)),
        b"Z" => 0,
        [_, h0, h1] => two(*h0, *h1)? * 3600,
        [_, h0, h1, m0, m1] | [_, h0, h1, b':', m0, m1] => two(*h0, *h1)? * 3600 + two(*m0, *m1)? * 60,
        _ => return None,
    };
    moved(civil, if zone.starts_with('-') { east } else { -east } * SECOND).map(Stamp::zoned)
}

/// Seconds since 1970 with or without decimals, or so many milli- or microseconds: the number of digits tells.
pub(super) fn epoch(text: &str) -> Option<Stamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let unit = match whole.len() {
        8..=10 => SECOND,
        13 => 1_000_000,
        16 => 1000,
        _ => return None,
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fraction = if unit == SECOND && digits(fraction) { decimals(fraction.as_bytes()).0 } else { 0 };
    let nanos = whole.parse::<i64>().ok().filter(|_| digits(whole))?.checked_mul(unit)?;
    nanos.checked_add(fraction).map(|nanos| Stamp::zoned(Time::from_nanos(nanos)))
}

/// A time in any of the layouts above.
pub(super) fn any(text: &str) -> Option<Stamp> {
    clf(text).or_else(|| iso(text)).or_else(|| epoch(text))
}

/// `Sun Nov 22 05:34:36.318718 2026` in Apache's error log.
pub(super) fn apache(text: &str) -> Option<Stamp> {
    let [_, _, _, b' ', m0, m1, m2, b' ', d0, d1, b' ', rest @ ..] = text.as_bytes() else { return None };
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (nanos, rest) = match rest.split_first()? {
        (b'.', digits) => {
            let (nanos, count) = decimals(digits);
            (nanos, digits.get(count..)?)
        }
        _ => (0, rest),
    };
    let [b' ', y0, y1, y2, y3] = *rest else { return None };
    let civil = moment([four([y0, y1, y2, y3])?, month([*m0, *m1, *m2])?.into(), two(*d0, *d1)?], clock(time)?)?;
    moved(civil, nanos).map(Stamp::local)
}

/// `2026/11/22 05:34:28` in nginx's error log.
pub(super) fn nginx(text: &[u8; 19]) -> Option<Stamp> {
    let [y0, y1, y2, y3, b'/', m0, m1, b'/', d0, d1, b' ', time @ ..] = text else { return None };
    let date = [four([*y0, *y1, *y2, *y3])?, two(*m0, *m1)?, two(*d0, *d1)?];
    moment(date, clock(time)?).map(Stamp::local)
}

/// The day of `2026-11-22`, in UTC.
pub(super) fn day(text: &str) -> Option<Time> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = *text.as_bytes() else { return None };
    moment([four([y0, y1, y2, y3])?, two(m0, m1)?, two(d0, d1)?], [0; 3])
}

/// The moment of `05:34:28` or `05:34:28.123` on a day in UTC.
pub(super) fn on_day(day: Time, text: &str) -> Option<Stamp> {
    let (time, rest) = text.as_bytes().split_first_chunk::<8>()?;
    let [hour, minute, second] = clock(time)?;
    let (nanos, count) = rest.strip_prefix(b".").map_or((0, 0), decimals);
    let fits = hour < 24 && minute < 60 && count + usize::from(count > 0) == rest.len();
    moved(day, ((hour * 60 + minute) * 60 + second) * SECOND + nanos).filter(|_| fits).map(Stamp::zoned)
}

/// `22-Nov-2026 05:34:28.123 ` at the beginning of Tomcat's lines; gives what follows.
pub(super) fn tomcat(text: &str) -> Option<(Stamp, &str)> {
    let [d0, d1, b'-', m0, m1, m2, b'-', y0, y1, y2, y3, b' ', rest @ ..] = text.as_bytes() else { return None };
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (nanos, count) = rest.strip_prefix(b".").map_or((0, 0), decimals);
    let civil = moment([four([*y0, *y1, *y2, *y3])?, month([*m0, *m1, *m2])?.into(), two(*d0, *d1)?], clock(time)?)?;
    let behind = text.get(20 + count + usize::from(count > 0)..)?.strip_prefix(' ')?;
    Some((Stamp::local(moved(civil, nanos)?), behind))
}

/// `Nov 22, 2026 5:34:28 AM ` at the beginning of lines that java.util.logging writes; gives what follows.
pub(super) fn java(text: &str) -> Option<(Stamp, &str)> {
    let mut words = text.splitn(6, ' ');
    let mut word = || words.next();
    let (name, day, year, time, half) = (word()?, word()?, word()?, word()?, word()?);
    let number = |text: &str, most: usize| {
        let fits = text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|_| fits)
    };
    let date = [number(year, 4)?, month(name.as_bytes().try_into().ok()?)?.into(), number(day.strip_suffix(',')?, 2)?];
    let mut parts = time.splitn(3, ':');
    let mut part = || parts.next().and_then(|part| number(part, 2));
    let (hour, minute, second) = (part()?, part()?, part()?);
    let hour = match half {
        "AM" => hour % 12,
        "PM" => hour % 12 + 12,
        _ => return None,
    };
    Some((Stamp::local(moment(date, [hour, minute, second])?), words.next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(stamp: Option<Stamp>) -> String {
        stamp.map_or_else(String::new, |stamp| format!("{}{}", if stamp.zoned { "" } else { "local " }, stamp.time))
    }

    #[test]
    fn every_layout_is_read() {
        assert_eq!(told(clf("22/Nov/2026:05:34:28 +0130")), "2026-11-22T04:04:28Z");
        assert_eq!(told(clf("29/Feb/2024:23:59:60 -0800")), "2024-03-01T07:59:59Z");
        assert_eq!(told(clf("29/Feb/2023:23:59:59 -0800")), "");
        assert_eq!(told(iso("2026-11-22T05:34:28+00:00")), "2026-11-22T05:34:28Z");
        assert_eq!(told(iso("2026-11-22T05:34:28.5-0100")), "2026-11-22T06:34:28.5Z");
        assert_eq!(told(iso("2026-11-22 05:34:28")), "local 2026-11-22T05:34:28Z");
        assert_eq!(told(epoch("1795325668.353")), "2026-11-22T05:34:28.353Z");
        assert_eq!(told(epoch("1795325668353")), "2026-11-22T05:34:28.353Z");
        assert_eq!(told(apache("Sun Nov 22 05:34:36.318718 2026")), "local 2026-11-22T05:34:36.318718Z");
        assert_eq!(told(apache("Sun Dec  4 04:47:44 2005")), "local 2005-12-04T04:47:44Z");
        assert_eq!(told(nginx(b"2026/11/22 05:34:28")), "local 2026-11-22T05:34:28Z");
        let rest = |found: Option<(Stamp, &str)>| found.map(|(stamp, rest)| format!("{} {rest}", told(Some(stamp))));
        let tomcat = rest(tomcat("22-Nov-2026 05:34:28.123 INFO [main] x"));
        assert_eq!(tomcat.as_deref(), Some("local 2026-11-22T05:34:28.123Z INFO [main] x"));
        let java = rest(java("Nov 2, 2026 12:34:28 AM a.B c"));
        assert_eq!(java.as_deref(), Some("local 2026-11-02T00:34:28Z a.B c"));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "22/Nov/2026:05:34:28", "22/Nov/2026:25:34:28 +0000", "Nov 22, 2026 5:34 AM x", "1.2", "ü"] {
            assert_eq!(any(text), None, "{text}");
            assert_eq!(apache(text), None, "{text}");
            assert!(tomcat(text).is_none() && java(text).is_none(), "{text}");
        }
    }
}
