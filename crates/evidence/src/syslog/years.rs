//! Years that lines do not give.

use std::cell::OnceCell;

use event::Time;

use super::stamp::{Stamp, Yearless, month_day, stamp};

/// A date this many days before the line above it begins a new year; a smaller step back is a clock that was set or
/// lines that came out of order.
const BACK: i32 = 7;
/// A date this many days after the line above it is of the year before: a late line around New Year.
const FORWARD: i32 = 330;
/// How late or early a line around New Year may be, in days, and the days of a leap year.
const LATE: i32 = 31;
const DAYS: i32 = 366;
/// How far a log may be ahead of what is thought to be its end, for want of its zone.
const SLACK: i64 = 86_400_000_000_000;

/// The years of a block's lines, worked out when first asked.
pub(super) struct Years<'a> {
    text: &'a str,
    latest: Time,
    runs: OnceCell<Vec<(usize, i16)>>,
}

/// Day of a leap year, counted from 0.
fn day_of_year(month: u8, day: u8) -> i32 {
    const BEFORE: [i32; 12] = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335];
    let before = usize::from(month).checked_sub(1).and_then(|month| BEFORE.get(month));
    before.copied().unwrap_or_default() + i32::from(day) - 1
}

impl<'a> Years<'a> {
    /// Nothing in the log that `text` is a block of is later than `latest`.
    pub(super) fn new(text: &'a str, latest: Time) -> Self {
        Self { text, latest, runs: OnceCell::new() }
    }

    /// The year of a line without one, which begins at `at`.
    pub(super) fn year(&self, at: usize) -> i16 {
        let runs = self.runs.get_or_init(|| self.work_out());
        let run = runs.partition_point(|(start, _)| *start <= at).checked_sub(1);
        run.or(Some(0)).and_then(|run| runs.get(run)).map_or(1970, |(_, year)| *year)
    }

    /// Where years begin, with the year; years count from that of the first line until the last line's is known.
    fn work_out(&self) -> Vec<(usize, i16)> {
        let mut walk = Walk { runs: vec![(0, 0)], ..Walk::default() };
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', self.text.as_bytes()).chain([self.text.len()]) {
            walk.line(self.text.get(start..end).unwrap_or_default(), start);
            start = end + 1;
        }
        let first = walk.first_year(self.latest);
        walk.runs.iter().map(|(at, year)| (*at, first.saturating_add(*year))).collect()
    }
}

/// What is known while going through the lines; years are relative.
#[derive(Default)]
struct Walk {
    runs: Vec<(usize, i16)>,
    /// Month and day as the last line without a year has them, and its day.
    written: [u8; 6],
    day: Option<i32>,
    last: Option<Yearless>,
    /// A line that may begin a year, if the next one is of that year too.
    doubtful: Option<(usize, i32, i16)>,
    /// The relative year of 29 February.
    leap: Option<i16>,
    /// The first line that gives its year, with the relative year at that point and the day before it.
    given: Option<(i16, i32, Time)>,
}

impl Walk {
    fn year(&self) -> i16 {
        self.runs.last().map_or(0, |(_, year)| *year)
    }

    fn line(&mut self, line: &str, at: usize) {
        let begun = match line.strip_prefix('<') {
            Some(rest) => rest.split_once('>').map_or(line, |(_, rest)| rest),
            None => line,
        };
        let Some(date) = begun.as_bytes().first_chunk::<6>() else { return };
        if *date == self.written {
            return;
        }
        match (month_day(*date), stamp(begun)) {
            (Some((month, day)), Some((Stamp::Yearless(stamp), _))) => {
                self.written = *date;
                self.last = Some(stamp);
                self.step(day_of_year(month, day), at);
            }
            (_, Some((Stamp::Zoned(time) | Stamp::Local(time), _))) if self.given.is_none() => {
                self.given = Some((self.year(), self.day.unwrap_or(-1), time));
            }
            _ => {}
        }
    }

    /// Takes note of the next line's day.
    fn step(&mut self, day: i32, at: usize) {
        let before = self.day.unwrap_or(day);
        if let Some((start, doubtful, year)) = self.doubtful.take() {
            // It was a single line out of order if this one goes on where the one before it was.
            let goes_on = (before - BACK..=before + BACK).contains(&day);
            if !goes_on || (doubtful - BACK..=doubtful + BACK).contains(&day) {
                self.runs.push((start, year));
                self.day = Some(doubtful);
            } else if (doubtful - before).abs() > DAYS - LATE {
                // A late or early line around New Year is of its own year, and of no other's.
                let around = self.year();
                self.runs.extend([(start, year), (at, around)]);
            }
        }
        let before = self.day.unwrap_or(day);
        let year = match day - before {
            step if step < -BACK => self.year().saturating_add(1),
            step if step > FORWARD => self.year().saturating_sub(1),
            _ => self.year(),
        };
        if year == self.year() {
            self.day = Some(day);
        } else {
            self.doubtful = Some((at, day, year));
        }
        if day == day_of_year(2, 29) {
            self.leap = Some(year);
        }
    }

    /// The year of the first line.
    fn first_year(&mut self, latest: Time) -> i16 {
        if let Some((start, _, year)) = self.doubtful.take() {
            self.runs.push((start, year));
        }
        if let Some((year, day, time)) = self.given {
            return given_year(time, day).saturating_sub(year);
        }
        let Some(last) = self.last else { return year_of(latest) };
        let bound = latest.as_nanos().saturating_add(SLACK);
        let end = self.year();
        let is_leap = |first: i16| {
            let Some(leap) = self.leap else { return true };
            jiff::civil::Date::new(first.saturating_add(leap), 1, 1).is_ok_and(|date| date.in_leap_year())
        };
        let fits = |first: &i16| {
            let time = last.time(first.saturating_add(end));
            is_leap(*first) && time.is_some_and(|time| time.as_nanos() <= bound)
        };
        let newest = year_of(latest).saturating_add(1).saturating_sub(end);
        // Leap years are at most eight years apart.
        (newest.saturating_sub(9)..=newest).rev().find(fits).unwrap_or(newest)
    }
}

fn year_of(time: Time) -> i16 {
    time.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).year()
}

/// The year in which `day` is nearest to a moment near it; −1: that of the moment itself.
fn given_year(time: Time, day: i32) -> i16 {
    let date = time.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
    let there = day_of_year(date.month() as u8, date.day() as u8);
    match there - day {
        _ if day < 0 => date.year(),
        step if step > 183 => date.year().saturating_add(1),
        step if step < -183 => date.year().saturating_sub(1),
        _ => date.year(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The years of all lines of a log that ends no later than `latest`.
    fn years(text: &str, latest: &str) -> Vec<i16> {
        let years = Years::new(text, Time::parse(latest).unwrap());
        let mut at = 0;
        text.split_inclusive('\n')
            .map(|line| {
                let year = years.year(at);
                at += line.len();
                year
            })
            .collect()
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
    fn a_single_line_of_a_wrong_clock_moves_no_other() {
        let dates = ["Nov 20", "Jan  1", "Nov 21", "Nov 22"];
        let got = years(&log(&dates), "2026-11-22T00:00:00Z");
        assert_eq!((got[0], got[2], got[3]), (2026, 2026, 2026));
    }
}
