use std::{fmt, str::FromStr};

use event::Time;
use jiff::{
    Timestamp,
    fmt::temporal::DateTimePrinter,
    tz::{Offset, TimeZone, TimeZoneDatabase},
};

/// The time zone of a report: `UTC`, an offset such as `+02:00`, or an IANA name such as `Europe/Berlin`.
///
/// Names are looked up in the database that comes with the program, never in that of the machine, so that a
/// report is the same wherever it is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// Coordinated Universal Time.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// The zone's name as a report states it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The zone itself.
    pub fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    /// RFC 3339 with the zone's offset, and as many decimals as are needed.
    pub fn rfc3339(&self, time: Time) -> String {
        self.print(time, &DateTimePrinter::new())
    }

    /// RFC 3339 with the zone's offset and exactly `decimals` of them (at most 9); what is beyond is cut off.
    pub fn rfc3339_to(&self, time: Time, decimals: u8) -> String {
        self.print(time, &DateTimePrinter::new().precision(Some(decimals.min(9))))
    }

    /// The day in this zone: `2026-11-17`.
    pub fn date(&self, time: Time) -> String {
        self.format(time, "%Y-%m-%d")
    }

    /// The time of day in this zone, to the second: `08:41:12`.
    pub fn clock(&self, time: Time) -> String {
        self.format(time, "%H:%M:%S")
    }

    /// As `pattern` says, in strftime's terms.
    pub(crate) fn format(&self, time: Time, pattern: &'static str) -> String {
        time.to_jiff().to_zoned(self.zone.clone()).strftime(pattern).to_string()
    }

    /// Reads a moment as a person types it: RFC 3339, or a day or a day and time in this zone. `None` if it is neither.
    pub fn parse_time(&self, text: &str) -> Option<Time> {
        let text = text.trim();
        let stamp = text.parse::<Timestamp>().ok().or_else(|| {
            let civil = text.parse::<jiff::civil::DateTime>().ok()?;
            self.zone.to_ambiguous_timestamp(civil).compatible().ok()
        })?;
        Time::from_jiff(stamp)
    }

    fn print(&self, time: Time, printer: &DateTimePrinter) -> String {
        let stamp = time.to_jiff();
        if self.zone == TimeZone::UTC {
            return printer.timestamp_to_string(&stamp);
        }
        printer.timestamp_with_offset_to_string(&stamp, self.offset(stamp))
    }

    /// The offset in whole minutes: RFC 3339 knows no seconds, which local times of the 19th century have.
    fn offset(&self, stamp: Timestamp) -> Offset {
        let offset = self.zone.to_offset(stamp);
        Offset::from_seconds(offset.seconds() / 60 * 60).unwrap_or(offset)
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::utc()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("z") {
            return Ok(Self::utc());
        }
        if text.starts_with(['+', '-']) {
            return offset(text).ok_or_else(|| {
                format!("'{}' is not an offset from UTC; write +HH:MM or -HH:MM, at most 23:59", text.escape_default())
            });
        }
        let zone = TimeZoneDatabase::bundled().get(text).map_err(|_| {
            format!(
                "'{}' is not a time zone; write UTC, an offset such as +02:00 or an IANA name such as Europe/Berlin",
                text.escape_default()
            )
        })?;
        Ok(Self { name: zone.iana_name().unwrap_or(text).to_owned(), zone })
    }
}

/// `+02:00`, `+0200` or `+02`.
fn offset(text: &str) -> Option<Zone> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.get(1..)?;
    let (hours, minutes) = match digits.len() {
        2 => (digits, "0"),
        4 => digits.split_at_checked(2)?,
        5 => digits.split_once(':').filter(|(hours, _)| hours.len() == 2)?,
        _ => return None,
    };
    let number = |part: &str, limit: i32| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i32>().ok().filter(|number| digits && *number < limit)
    };
    let (hours, minutes) = (number(hours, 24)?, number(minutes, 60)?);
    if hours == 0 && minutes == 0 {
        return Some(Zone::utc());
    }
    let offset = Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?;
    let name = format!("{}{hours:02}:{minutes:02}", if sign < 0 { '-' } else { '+' });
    Some(Zone { name, zone: TimeZone::fixed(offset) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(zone: &str, nanos: i64) -> String {
        zone.parse::<Zone>().unwrap().rfc3339(Time::from_nanos(nanos))
    }

    #[test]
    fn zones_show_the_same_moment() {
        let summer = 1_720_000_000_123_456_700;
        let cases = [
            ("UTC", "2024-07-03T09:46:40.1234567Z"),
            ("z", "2024-07-03T09:46:40.1234567Z"),
            ("+00:00", "2024-07-03T09:46:40.1234567Z"),
            ("Europe/Berlin", "2024-07-03T11:46:40.1234567+02:00"),
            ("europe/berlin", "2024-07-03T11:46:40.1234567+02:00"),
            ("Asia/Kolkata", "2024-07-03T15:16:40.1234567+05:30"),
            ("-0330", "2024-07-03T06:16:40.1234567-03:30"),
            ("+14", "2024-07-03T23:46:40.1234567+14:00"),
        ];
        for (zone, text) in cases {
            assert_eq!(shown(zone, summer), text, "{zone}");
        }
        assert_eq!(shown("Europe/Berlin", 1_704_067_200_000_000_000), "2024-01-01T01:00:00+01:00");
    }

    #[test]
    fn every_moment_is_rfc_3339_that_parses_back() {
        for zone in ["UTC", "Europe/Amsterdam", "Asia/Seoul", "Africa/Monrovia", "-23:59", "+23:59"] {
            let zone: Zone = zone.parse().unwrap();
            for nanos in [i64::MIN, -2_500_000_000_000_000_000, -1, 0, 1, 1_720_000_000_000_000_001, i64::MAX] {
                let text = zone.rfc3339(Time::from_nanos(nanos));
                assert_eq!(Time::parse(&text), Some(Time::from_nanos(nanos)), "{text}");
                assert!(!text.contains('['), "{text}");
            }
        }
    }

    #[test]
    fn decimals_are_cut_not_rounded() {
        let time = Time::from_nanos(1_999_999_999);
        assert_eq!(Zone::utc().rfc3339_to(time, 3), "1970-01-01T00:00:01.999Z");
        assert_eq!(Zone::utc().rfc3339_to(time, 0), "1970-01-01T00:00:01Z");
    }

    #[test]
    fn what_is_no_zone_is_refused_with_the_ways_to_write_one() {
        for text in ["", "+", "+2", "+24:00", "+02:60", "+ 2:00", "+1:000", "Berlin", "\u{1b}[31m", "+é0"] {
            let refused = text.parse::<Zone>().unwrap_err();
            assert!(refused.contains("write") && !refused.contains('\u{1b}'), "{refused}");
        }
    }
}
