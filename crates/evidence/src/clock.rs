use std::time::{SystemTime, UNIX_EPOCH};

use event::Time;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// What is known of the clocks behind logs, for times that a log gives in part only.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The year of the last line of each log whose lines give none.
    pub year: Option<i16>,
    /// The zone of times that give none, with its name; UTC if nobody knows.
    pub zone: Option<(String, TimeZone)>,
    /// No log holds anything later: today.
    pub latest: Time,
}

/// Nothing is known but the time of day.
impl Default for Clock {
    fn default() -> Self {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        Self::until(Time::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX)))
    }
}

impl Clock {
    /// Nothing is known but that no log holds anything later than `latest`.
    pub const fn until(latest: Time) -> Self {
        Self { year: None, zone: None, latest }
    }

    /// What is to be told of a piece in which times give no zone.
    pub fn zone_note(&self) -> String {
        match &self.zone {
            Some((name, _)) => format!("the lines give no time zone: their times were taken for those of {name}"),
            None => "the lines give no time zone: their times were taken for UTC".to_owned(),
        }
    }

    /// Turns local times into moments.
    pub fn local(&self) -> Local {
        let zone = self.zone.as_ref().map(|(_, zone)| zone.clone());
        Local { zone, known: None, last: i64::MIN, was_twice: false, is_second: false }
    }
}

/// Times within an hour that the clocks show twice go back this far, in nanoseconds, where the second of the two begins: lines may be late.
const AGAIN: i64 = 10 * 60_000_000_000;

/// Turns local times of a zone into moments, in the order of lines. A time that the clocks pass over when they are put forward counts as if they had
/// not been. One that they show twice counts as the first (RFC 5545 section 3.3.5), until times go back.
#[derive(Clone, Debug)]
pub struct Local {
    zone: Option<TimeZone>,
    /// The minute asked for last, and how far its local time is ahead of UTC, the first and the second time that clocks show it.
    known: Option<(i64, [i64; 2])>,
    /// The time asked for last, whether clocks show it twice, and whether it was the second.
    last: i64,
    was_twice: bool,
    is_second: bool,
}

impl Local {
    /// The moment of a local time, which is given as if it were UTC.
    pub fn moment(&mut self, local: Time) -> Time {
        const MINUTE: i64 = 60_000_000_000;
        let Some(zone) = &self.zone else { return local };
        let minute = local.as_nanos().div_euclid(MINUTE);
        let ahead = match self.known {
            Some((known, ahead)) if known == minute => ahead,
            _ => {
                let begin = Time::from_nanos(minute.saturating_mul(MINUTE));
                let civil = begin.to_jiff().to_zoned(TimeZone::UTC).datetime();
                let moments = zone.to_ambiguous_timestamp(civil);
                let is_gap = matches!(moments.offset(), AmbiguousOffset::Gap { .. });
                let later = if is_gap { moments.compatible() } else { moments.later() };
                let ahead = [moments.compatible(), later].map(|moment| {
                    let moment = moment.ok().and_then(Time::from_jiff);
                    moment.map_or(0, |moment| begin.as_nanos().saturating_sub(moment.as_nanos()))
                });
                self.known = Some((minute, ahead));
                ahead
            }
        };
        let [first, second] = ahead;
        let is_twice = first != second;
        if is_twice {
            self.is_second = self.was_twice && (self.is_second || self.last.saturating_sub(local.as_nanos()) > AGAIN);
        }
        (self.was_twice, self.last) = (is_twice, local.as_nanos());
        let ahead = if is_twice && self.is_second { second } else { first };
        Time::from_nanos(local.as_nanos().saturating_sub(ahead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_folds_are_resolved() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let clock = Clock { zone: Some(("Europe/Berlin".into(), zone)), ..Clock::default() };
        let mut local = clock.local();
        for (written, expected) in [
            ("2024-03-31T01:59:59.5", "2024-03-31T00:59:59.5Z"),
            ("2024-03-31T02:30:00", "2024-03-31T01:30:00Z"),
            ("2024-03-31T03:00:00", "2024-03-31T01:00:00Z"),
            ("2024-10-27T02:30:00", "2024-10-27T00:30:00Z"),
            ("2024-10-27T03:00:00", "2024-10-27T02:00:00Z"),
        ] {
            assert_eq!(local.moment(Time::parse(written).unwrap()).to_string(), expected, "{written}");
        }
        for (written, expected) in [
            ("2024-10-27T01:50:00", "2024-10-26T23:50:00Z"),
            ("2024-10-27T02:10:00", "2024-10-27T00:10:00Z"),
            ("2024-10-27T02:50:00", "2024-10-27T00:50:00Z"),
            ("2024-10-27T02:49:50", "2024-10-27T00:49:50Z"),
            ("2024-10-27T02:05:00", "2024-10-27T01:05:00Z"),
            ("2024-10-27T02:55:00", "2024-10-27T01:55:00Z"),
            ("2024-10-27T03:00:00", "2024-10-27T02:00:00Z"),
            ("2025-10-26T02:30:00", "2025-10-26T00:30:00Z"),
        ] {
            assert_eq!(local.moment(Time::parse(written).unwrap()).to_string(), expected, "in order: {written}");
        }
        let noon = Time::parse("2024-01-01T12:00:00").unwrap();
        assert_eq!(Clock::default().local().moment(noon), noon);
    }
}
