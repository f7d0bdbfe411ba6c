//! Years that lines do not give.
//!
//! Lines tell of years only in so far as their dates go forward: behind December comes January of the next year. So the lines of a piece are
//! *walked* in order ([`Walk`]), which gives each of them its year relative to the first line's; the cutter does it for the borders of
//! blocks, the reader within them. Which year the first line is of is worked out once for the whole piece ([`Years`]),
//! from its last line, when someone asks.

use std::{
    fmt,
    io::{self, Read},
    ops::Range,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use event::Time;
use jiff::{
    civil::Date,
    tz::{Offset, TimeZone},
};

use super::stamp::{self, Stamp};
use crate::{Clock, cut::BLOCK};

/// A date this many days before that of the line above begins a new year: half a year. A smaller step back is a clock that was set or
/// lines that came out of order; it is not to seem that time went on.
const BACK: i16 = 183;
/// A clock that was wrong for a while is right again where dates go on no further than this many days from where they were.
const NEAR: i16 = 7;
/// A date this many days after that of the line above is of the year before: a late line around New Year.
const FORWARD: i16 = 330;
/// How far a log may be ahead of what is thought to be its end, for want of its zone, in nanoseconds.
const SLACK: i64 = 86_400_000_000_000;
/// Leap years are at most eight years apart.
const LEAP: i16 = 8;

/// Goes through the dates of a log's lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Walk {
    /// Month and day as the last line without a year has them, and the day of the year.
    written: [u8; 6],
    day: Option<i16>,
    /// Years since that of the first line.
    year: i16,
    /// The day before the last step into a new year, until the line behind shows that it was no clock set wrong.
    doubtful: Option<i16>,
}

impl Walk {
    /// Takes note of the next line; of a line without a year that is not of the same day as the one before, gives the day.
    pub(super) fn line(&mut self, line: &[u8]) -> Option<i16> {
        if line.first_chunk() == Some(&self.written) {
            return None;
        }
        let line = behind_priority(line);
        let written = line.first_chunk::<6>()?;
        if *written == self.written {
            return None;
        }
        let found = stamp::yearless(line)?;
        self.written = *written;
        let day = day_of_year(found.month, found.day);
        self.step(day);
        Some(day)
    }

    fn step(&mut self, day: i16) {
        let doubtful = self.doubtful.take();
        let before = self.day.replace(day).unwrap_or(day);
        if doubtful.is_some_and(|before| (before - NEAR..=before + NEAR).contains(&day)) {
            // Back where it was before the year seemed to change: the clock was wrong in between.
            self.year = self.year.saturating_sub(1);
        } else if day - before < -BACK {
            self.year = self.year.saturating_add(1);
            self.doubtful = Some(before);
        } else if day - before > FORWARD {
            self.year = self.year.saturating_sub(1);
        }
    }

    /// The last line's year, counted from that of the first.
    pub(super) const fn year(&self) -> i16 {
        self.year
    }
}

/// What follows `<38>`, and a byte order mark.
fn behind_priority(line: &[u8]) -> &[u8] {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    match line {
        [b'<', a, b'>', rest @ ..] if a.is_ascii_digit() => rest,
        [b'<', a, b, b'>', rest @ ..] if [a, b].iter().all(|byte| byte.is_ascii_digit()) => rest,
        [b'<', a, b, c, b'>', rest @ ..] if [a, b, c].iter().all(|byte| byte.is_ascii_digit()) => rest,
        _ => line,
    }
}

/// Day of a leap year, counted from 0.
fn day_of_year(month: u8, day: u8) -> i16 {
    const BEFORE: [i16; 12] = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335];
    let before = usize::from(month).checked_sub(1).and_then(|month| BEFORE.get(month));
    before.copied().unwrap_or_default() + i16::from(day) - 1
}

/// What the lines of a piece tell, all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Survey {
    walk: Walk,
    /// The last day, and the relative year of 29 February.
    last: Option<i16>,
    leap: Option<i16>,
    /// The first line that gives its year, with the relative year at that point and the day before it.
    given: Option<(i16, Option<i16>, Time)>,
    /// A line whose end is still to come.
    cut: Vec<u8>,
}

impl Survey {
    fn line(&mut self, line: &[u8]) {
        if let Some(day) = self.walk.line(line) {
            self.last = Some(day);
            if day == day_of_year(2, 29) {
                self.leap = Some(self.walk.year());
            }
        } else if self.given.is_none() && line.first() != Some(&b' ') {
            self.give(line);
        }
    }

    fn give(&mut self, line: &[u8]) {
        let begun = behind_priority(line);
        if begun.first_chunk::<6>() == Some(&self.walk.written) {
            return;
        }
        let begun = begun.strip_prefix(b"1 ").unwrap_or(begun);
        let begun = begun.get(..stamp::LONGEST).unwrap_or(begun);
        let text = begun.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        if let Some((Stamp::Zoned(time) | Stamp::Local(time), _)) = stamp::stamp(text) {
            self.given = Some((self.walk.year(), self.walk.day, time));
        }
    }

    /// Takes note of what comes next.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            bytes = rest.get(1..).unwrap_or_default();
            if self.cut.is_empty() {
                self.line(line);
            } else {
                self.keep(line);
                self.end();
            }
        }
        self.keep(bytes);
    }

    /// Keeps as much of a line as may belong to its time.
    fn keep(&mut self, line: &[u8]) {
        let room = (2 * stamp::LONGEST).saturating_sub(self.cut.len());
        self.cut.extend_from_slice(line.get(..room).unwrap_or(line));
    }

    /// Nothing follows.
    pub(super) fn end(&mut self) {
        let cut = std::mem::take(&mut self.cut);
        self.line(&cut);
    }

    /// Whether there was a line without a year.
    pub(super) const fn is_needed(&self) -> bool {
        self.last.is_some()
    }

    /// The year of the first line if that of the last is known.
    fn first_year(&self, last: i16) -> i16 {
        last.saturating_sub(self.walk.year())
    }

    /// The newest year of the first line with which the last is not after `latest` and 29 February is in a leap year.
    fn newest(&self, latest: Time) -> i16 {
        let newest = self.first_year(date_of(latest).year().saturating_add(1));
        let bound = latest.as_nanos().saturating_add(SLACK);
        let fits = |first: &i16| {
            let is_leap = |leap: i16| Date::new(first.saturating_add(leap), 1, 1).is_ok_and(|date| date.in_leap_year());
            let last = self.last.and_then(|day| midnight(first.saturating_add(self.walk.year()), day));
            self.leap.is_none_or(is_leap) && last.is_none_or(|last| last < bound)
        };
        (newest.saturating_sub(LEAP + 1)..=newest).rev().find(fits).unwrap_or(newest.saturating_sub(1))
    }
}

/// Nanoseconds since 1970 at the beginning of a day of a leap year; in others, 29 February counts as 1 March.
fn midnight(year: i16, day: i16) -> Option<i64> {
    let date = Date::new(year, 1, 1).ok()?;
    let passed = if date.in_leap_year() || day < day_of_year(3, 1) { day } else { day - 1 };
    let date = date.checked_add(jiff::Span::new().try_days(passed).ok()?).ok()?;
    Some(Time::from_jiff(date.to_zoned(TimeZone::UTC).ok()?.timestamp())?.as_nanos())
}

fn date_of(time: Time) -> Date {
    Offset::UTC.to_datetime(time.to_jiff()).date()
}

/// The year in which `day` is nearest to a moment near it; that of the moment itself if there is no day.
fn nearest_year(time: Time, day: Option<i16>) -> i16 {
    let date = date_of(time);
    let Some(day) = day else { return date.year() };
    match day_of_year(date.month().unsigned_abs(), date.day().unsigned_abs()) - day {
        step if step > 183 => date.year().saturating_add(1),
        step if step < -183 => date.year().saturating_sub(1),
        _ => date.year(),
    }
}

/// Where years were taken from, in the order of belief.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Given,
    Lines,
    Name,
    Modified(Time),
    Today,
}

/// The years of a piece's lines.
pub(super) struct Years {
    clock: Clock,
    /// The end of the day in the name of the piece.
    named: Option<Time>,
    modified: Option<Time>,
    /// The bytes of the piece once more.
    whole: Mutex<Option<Box<dyn Read + Send>>>,
    /// The first line's year.
    first: OnceLock<(i16, Source)>,
    /// Whether only the beginning was looked at.
    in_part: bool,
}

impl Years {
    /// Of a piece that can be read once more.
    pub(super) fn of(about: crate::About<'_>, clock: &Clock) -> Self {
        let named = date_in_name(about.path);
        let whole = Mutex::new(about.again);
        Self { clock: clock.clone(), named, modified: about.modified, whole, first: OnceLock::new(), in_part: false }
    }

    /// What was found of a piece that cannot be read once more; `in_part`: of its beginning.
    pub(super) fn found(mut self, survey: &Survey, in_part: bool) -> Self {
        self.first = OnceLock::from(self.work_out(survey));
        self.in_part = in_part;
        self
    }

    /// What is known of clocks.
    pub(super) const fn clock(&self) -> &Clock {
        &self.clock
    }

    fn first(&self) -> (i16, Source) {
        *self.first.get_or_init(|| {
            let whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner).take();
            let mut survey = Survey::default();
            if let Some(mut whole) = whole {
                // What cannot be read is told when the piece itself is.
                let _ = survey_of(&mut *whole, &mut survey);
            }
            survey.end();
            self.work_out(&survey)
        })
    }

    fn work_out(&self, survey: &Survey) -> (i16, Source) {
        if let Some(year) = self.clock.year {
            return (survey.first_year(year), Source::Given);
        }
        if let Some((year, day, time)) = survey.given {
            return (nearest_year(time, day).saturating_sub(year), Source::Lines);
        }
        let named = self.named.map(|time| (time, Source::Name));
        let modified = || self.modified.map(|time| (time, Source::Modified(time)));
        let (latest, source) = named.or_else(modified).unwrap_or((self.clock.latest, Source::Today));
        (survey.newest(latest), source)
    }

    /// What is to be told of the piece.
    pub(super) fn note(&self) -> String {
        let source = match self.first().1 {
            Source::Given => "--year, as that of the last line".to_owned(),
            Source::Lines => "lines that give it".to_owned(),
            Source::Name => "the date in the file's name, as the last line's latest".to_owned(),
            Source::Modified(time) => {
                format!("the file's time of modification, {}, as the last line's latest", date_of(time))
            }
            Source::Today => "today's date, as the last line's latest".to_owned(),
        };
        let part = if self.in_part { "; only its first 64 MiB could be looked through for that" } else { "" };
        format!("the lines give no year: it was taken from {source}, and months go forward{part}")
    }
}

fn survey_of(whole: &mut dyn Read, survey: &mut Survey) -> io::Result<()> {
    let mut buffer = vec![0; BLOCK];
    loop {
        match whole.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => survey.read(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The end of the day in the name of a rotated file: `auth.log-20260823`, `secure-20260823.gz`.
fn date_in_name(path: &str) -> Option<Time> {
    let name = path.rsplit(['/', '\\']).next()?;
    let digits =
        name.split(['-', '.', '_']).rev().find(|part| part.len() == 8 && part.bytes().all(|b| b.is_ascii_digit()))?;
    let number = |range: Range<usize>| digits.get(range)?.parse::<i16>().ok();
    let date = Date::new(number(0..4)?, number(4..6)? as i8, number(6..8)? as i8).ok()?;
    let after = date.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?;
    (date.year() >= 1990).then(|| Time::from_jiff(after.timestamp())).flatten()
}

/// The years of a block's lines.
#[derive(Clone)]
pub struct Dates {
    pub(super) years: Arc<Years>,
    /// What is known before the block's first line.
    pub(super) walk: Walk,
}

impl Dates {
    /// Those of lines of which nothing is known.
    pub(super) fn unknown(clock: &Clock) -> Self {
        let years = Years::of(crate::About::default(), clock);
        Self { years: Arc::new(years), walk: Walk::default() }
    }

    /// The year of the line that was walked last.
    pub(super) fn year(&self) -> i16 {
        self.years.first().0.saturating_add(self.walk.year())
    }
}

impl fmt::Debug for Dates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.walk.fmt(f)
    }
}

impl PartialEq for Dates {
    fn eq(&self, other: &Self) -> bool {
        self.walk == other.walk
    }
}

impl Eq for Dates {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The years of all lines of a log that ends no later than `latest`.
    fn years(text: &str, latest: &str) -> Vec<i16> {
        let whole = Box::new(io::Cursor::new(text.to_owned().into_bytes()));
        let about = crate::About { again: Some(whole), ..crate::About::default() };
        let clock = Clock::until(Time::parse(latest).unwrap());
        let mut dates = Dates { years: Arc::new(Years::of(about, &clock)), walk: Walk::default() };
        let year = |line: &str| {
            dates.walk.line(line.as_bytes());
            dates.year()
        };
        text.lines().map(year).collect()
    }

    fn log(dates: &[&str]) -> String {
        dates.iter().map(|date| format!("{date} 12:00:00 web01 x: y\n")).collect()
    }

    #[test]
    fn the_last_line_is_the_latest_that_is_possible() {
        let now = "2026-08-18T12:00:00Z";
        assert_eq!(years(&log(&["Aug 17", "Aug 18"]), now), [2026, 2026]);
        assert_eq!(years(&log(&["Aug 19"]), now), [2026]);
        assert_eq!(years(&log(&["Aug 20"]), now), [2025]);
        assert_eq!(years(&log(&["Dec 31", "Jan  1"]), now), [2025, 2026]);
        assert_eq!(years("", now), Vec::<i16>::new());
    }

    #[test]
    fn months_go_forward_and_small_steps_back_are_none() {
        let dates = ["Dec 31", "Jan  1", "Oct 27", "Oct 26", "Dec 31", "Jan  1", "Dec 31", "Jan  2"];
        let expected = [2023, 2024, 2024, 2024, 2024, 2025, 2024, 2025];
        assert_eq!(years(&log(&dates), "2025-06-01T00:00:00Z"), expected);
    }

    #[test]
    fn a_clock_turned_back_by_months_begins_no_new_year() {
        let dates = ["Nov 20", "Nov 21", "Aug 30", "Aug 31", "Nov 22"];
        assert_eq!(years(&log(&dates), "2026-11-22T12:00:00Z"), [2026; 5]);
        assert_eq!(
            years(&log(&["Nov 21", "Feb 20"]), "2026-11-22T00:00:00Z"),
            [2025, 2026],
            "nothing for three months"
        );
    }

    #[test]
    fn a_leap_day_is_in_a_leap_year() {
        let dates = ["Dec 30", "Jan  1", "Feb 29", "Dec 31", "Jan  1"];
        assert_eq!(years(&log(&dates), "2026-11-22T00:00:00Z"), [2023, 2024, 2024, 2024, 2025]);
    }

    #[test]
    fn a_line_with_its_year_speaks_for_its_neighbours() {
        let text = "Dec 30 12:00:00 web01 x: y\n2020-01-02T00:00:00Z web01 x: y\nJan  3 12:00:00 web01 x: y\n";
        let got = years(text, "2026-11-22T00:00:00Z");
        assert_eq!((got[0], got[2]), (2019, 2020));
    }

    #[test]
    fn lines_of_a_wrong_clock_move_no_others() {
        let dates = ["Nov 20", "Jan  1", "Jan  1", "Nov 21", "Nov 22"];
        let got = years(&log(&dates), "2026-11-22T00:00:00Z");
        assert_eq!((got[0], got[3], got[4]), (2026, 2026, 2026));
    }

    #[test]
    fn priorities_and_marks_stand_before_dates() {
        let text = "\u{feff}<38>Dec 31 12:00:00 web01 x: y\n<6>Jan  1 12:00:00 web01 x: y\n<999>Dec 1\n";
        assert_eq!(years(text, "2026-11-22T00:00:00Z")[..2], [2025, 2026]);
    }
}
