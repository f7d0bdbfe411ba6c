use std::fmt;

use jiff::Timestamp;

/// A moment: nanoseconds since 1970-01-01T00:00:00 UTC (so from 1677 to 2262).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// From nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// From a Windows FILETIME: 100 ns steps since 1601-01-01 UTC. `None` past the year 2262.
    pub const fn from_filetime(filetime: u64) -> Option<Self> {
        const UNIX_EPOCH: i64 = 116_444_736_000_000_000;
        if filetime > i64::MAX as u64 {
            return None;
        }
        match (filetime as i64 - UNIX_EPOCH).checked_mul(100) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// Reads RFC 3339 as logs write it: `T` or a blank between date and time, and UTC where no zone is given.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let stamp = text.parse::<Timestamp>().ok().or_else(|| {
            let civil = text.parse::<jiff::civil::DateTime>().ok()?;
            Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
        })?;
        Self::from_jiff(stamp)
    }

    /// From a [`jiff::Timestamp`]; `None` where it lies outside what nanoseconds in an `i64` can say.
    pub fn from_jiff(stamp: Timestamp) -> Option<Self> {
        i64::try_from(stamp.as_nanosecond()).ok().map(Self)
    }

    /// As a [`jiff::Timestamp`], for arithmetic and time zones.
    pub fn to_jiff(self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// RFC 3339 in UTC, with as many decimals as are needed.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_jiff().fmt(f)
    }
}
