//! When: weekly windows and single dates in a time zone, less the dates that are excepted.

use std::fmt;

use jiff::{
    Timestamp, ToSpan, Zoned,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

/// Short names of the days, from Monday on.
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// When access is allowed.
#[derive(Clone, Debug)]
pub struct Schedule {
    zone: TimeZone,
    zone_name: String,
    /// Empty means always.
    windows: Vec<Window>,
    except: Vec<Dates>,
}

/// One window: on these days, from a time until another one, which lies on the next day if it is not later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    on: On,
    from: Time,
    /// `None` is the end of the day.
    until: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    /// Each day of the week, Monday first.
    Days([bool; 7]),
    Date(Date),
}

/// All days from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dates {
    first: Date,
    last: Date,
}

impl Schedule {
    /// Reads windows (`always`, `Mon-Fri 08:00-18:00`, `Sat,Sun 22:00-02:00`, `2026-11-28 06:00-24:00`) and exceptions
    /// (`2026-12-24`, `2026-12-24..2027-01-01`).
    ///
    /// # Errors
    /// What cannot be understood, and what was expected.
    pub fn parse(zone_name: &str, windows: &[String], except: &[String]) -> Result<Self, String> {
        let zone = TimeZone::get(zone_name)
            .map_err(|_| format!("'{zone_name}' is not a time zone; write an IANA name such as Europe/Berlin"))?;
        if windows.is_empty() {
            return Err("no window is given; write \"always\" for at any time".to_owned());
        }
        let is_always = matches!(windows, [only] if only == "always");
        let windows: Result<Vec<Window>, String> =
            windows.iter().filter(|_| !is_always).map(|text| Window::parse(text)).collect();
        let except: Result<Vec<Dates>, String> = except.iter().map(|text| Dates::parse(text)).collect();
        Ok(Self { zone, zone_name: zone_name.to_owned(), windows: windows?, except: except? })
    }

    /// At any time.
    pub fn always() -> Self {
        Self { zone: TimeZone::UTC, zone_name: "UTC".into(), windows: Vec::new(), except: Vec::new() }
    }

    /// Whether it never ends and has no exceptions.
    pub fn is_always(&self) -> bool {
        self.windows.is_empty() && self.except.is_empty()
    }

    /// Whether a moment lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.open_until(at, at).is_some()
    }

    /// How long it stays open from `at` on, at most until `limit`; `None` if it is closed at `at`.
    pub fn open_until(&self, at: Timestamp, limit: Timestamp) -> Option<Timestamp> {
        let here = at.to_zoned(self.zone.clone());
        if self.is_excepted(here.date()) {
            return None;
        }
        let end = if self.windows.is_empty() { limit } else { self.window_end(&here)?.min(limit) };
        // A day that is excepted ends what began before it.
        let next = self.except.iter().map(|dates| dates.first).filter(|first| *first > here.date()).min();
        let cut = next.and_then(|date| self.moment(date, Time::midnight()));
        Some(cut.map_or(end, |cut| end.min(cut)))
    }

    /// Whether no window can be open on any day from 1970 on, since all such days are excepted.
    pub fn is_never(&self) -> bool {
        let has_date = |window: &Window| matches!(window.on, On::Date(date) if !self.is_excepted(date));
        if self.windows.iter().any(has_date) {
            return false;
        }
        let is_on = |day| self.windows.is_empty() || self.windows.iter().any(|window| window.is_weekly_on(day));
        let mut next = Some(Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC).date());
        // Seven days that are not excepted have every window of a week, so that few days are looked at.
        for _ in 0..8 * (self.except.len() + 1) {
            let Some(day) = next else { return true };
            next = match self.exceptions(day).map(|dates| dates.last).max() {
                Some(last) => last.tomorrow().ok(),
                None if is_on(day) => return false,
                None => day.tomorrow().ok(),
            };
        }
        true
    }

    fn is_excepted(&self, date: Date) -> bool {
        self.exceptions(date).next().is_some()
    }

    /// The exceptions that a day is one of.
    fn exceptions(&self, day: Date) -> impl Iterator<Item = &Dates> {
        self.except.iter().filter(move |dates| dates.first <= day && day <= dates.last)
    }

    fn window_end(&self, here: &Zoned) -> Option<Timestamp> {
        let (today, now) = (here.date(), here.timestamp());
        // A window may have begun the day before.
        let days = [today.checked_sub(1.day()).ok(), Some(today)];
        let ends = days.into_iter().flatten().flat_map(|day| {
            let open = self.windows.iter().filter(move |window| window.is_on(day) && !self.is_excepted(day));
            open.filter_map(move |window| self.span(window, day))
        });
        ends.filter(|(from, until)| *from <= now && now < *until).map(|(_, until)| until).max()
    }

    /// Its beginning and end, if it begins on `day`.
    fn span(&self, window: &Window, day: Date) -> Option<(Timestamp, Timestamp)> {
        let next = day.tomorrow().ok()?;
        let (end_day, end) = match window.until {
            None => (next, Time::midnight()),
            Some(until) if until <= window.from => (next, until),
            Some(until) => (day, until),
        };
        Some((self.moment(day, window.from)?, self.moment(end_day, end)?))
    }

    /// A time that the change of clocks leaves out is taken as it would have been before the change; of one that comes twice the first counts.
    fn moment(&self, day: Date, time: Time) -> Option<Timestamp> {
        self.zone.to_zoned(day.to_datetime(time)).ok().map(|zoned| zoned.timestamp())
    }
}

impl Window {
    fn parse(text: &str) -> Result<Self, String> {
        let expected =
            || format!("'{text}' is not a window; write always, Mon-Fri 08:00-18:00 or 2026-11-28 06:00-12:00");
        let (on, times) = text.trim().split_once(' ').ok_or_else(expected)?;
        let (from, until) = times.trim().split_once(['-', '–']).ok_or_else(expected)?;
        let from = clock(from).ok_or_else(expected)?;
        let until = if until.trim() == "24:00" { None } else { Some(clock(until).ok_or_else(expected)?) };
        if until == Some(from) {
            return Err(format!("the window '{text}' is empty: it ends when it begins"));
        }
        let on = match on.parse::<Date>() {
            Ok(date) => On::Date(date),
            Err(_) => On::Days(days(on).ok_or_else(expected)?),
        };
        Ok(Self { on, from, until })
    }

    fn is_on(&self, day: Date) -> bool {
        self.on == On::Date(day) || self.is_weekly_on(day)
    }

    fn is_weekly_on(&self, day: Date) -> bool {
        matches!(self.on, On::Days(days) if days.get(number(day.weekday())) == Some(&true))
    }
}

fn number(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap_or_default()
}

/// `Mon-Fri`, `Sat,Sun`, `Fri-Mon,Wed`.
fn days(text: &str) -> Option<[bool; 7]> {
    let position = |name: &str| DAYS.iter().position(|day| day.eq_ignore_ascii_case(name.trim()));
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once(['-', '–']).unwrap_or((part, part));
        let (first, last) = (position(first)?, position(last)?);
        for step in 0..=(last + 7 - first) % 7 {
            *days.get_mut((first + step) % 7)? = true;
        }
    }
    Some(days)
}

/// `08:00`.
fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let is_number = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(hour) || !is_number(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

impl Dates {
    fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("'{text}' is not a date; write 2026-12-24 or 2026-12-24..2027-01-01");
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let read = |text: &str| text.trim().parse::<Date>().map_err(|_| expected());
        let dates = Self { first: read(first)?, last: read(last)? };
        if dates.last < dates.first { Err(format!("the dates '{text}' end before they begin")) } else { Ok(dates) }
    }
}

/// `Mon–Fri 08:00–18:00 Europe/Berlin, but not on 2026-12-24`.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.windows.is_empty() {
            write!(f, "at any time")?;
        } else {
            let windows: Vec<String> = self.windows.iter().map(ToString::to_string).collect();
            write!(f, "{} {}", super::and(&windows), self.zone_name)?;
        }
        if !self.except.is_empty() {
            let dates: Vec<String> = self.except.iter().map(ToString::to_string).collect();
            write!(f, ", but not on {}", super::and(&dates))?;
        }
        Ok(())
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.on {
            On::Date(date) => write!(f, "{date}")?,
            On::Days(days) => write_days(f, days)?,
        }
        let clock = |time: Time| format!("{:02}:{:02}", time.hour(), time.minute());
        write!(f, " {}–{}", clock(self.from), self.until.map_or("24:00".into(), clock))?;
        let is_over_midnight = self.until.is_some_and(|until| until <= self.from);
        f.write_str(if is_over_midnight { " (next day)" } else { "" })
    }
}

/// Days that follow one another as one: `Mon–Fri`.
fn write_days(f: &mut fmt::Formatter<'_>, days: [bool; 7]) -> fmt::Result {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (day, _) in days.iter().enumerate().filter(|(_, is_on)| **is_on) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == day => *last = day,
            _ => runs.push((day, day)),
        }
    }
    let name = |day: usize| DAYS.get(day).copied().unwrap_or_default();
    let run = |(first, last): (usize, usize)| match last - first {
        0 => name(first).to_owned(),
        1 => format!("{}, {}", name(first), name(last)),
        _ => format!("{}–{}", name(first), name(last)),
    };
    f.write_str(&runs.into_iter().map(run).collect::<Vec<_>>().join(", "))
}

impl fmt::Display for Dates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        if self.last > self.first { write!(f, "..{}", self.last) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(windows: &[&str], except: &[&str]) -> Schedule {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Schedule::parse("Europe/Berlin", &own(windows), &own(except)).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The end of what is open at a moment, within a week.
    fn end(schedule: &Schedule, moment: &str) -> Option<String> {
        let moment = at(moment);
        let until = schedule.open_until(moment, moment + jiff::SignedDuration::from_hours(24 * 7))?;
        Some(until.to_string())
    }

    #[test]
    fn a_window_is_open_within_its_days_and_hours() {
        let office = schedule(&["Mon-Fri 08:00-18:00"], &["2026-11-25"]);
        assert_eq!(end(&office, "2026-11-23T08:00:00+01:00").as_deref(), Some("2026-11-23T17:00:00Z"));
        assert_eq!(end(&office, "2026-11-23T07:59:59+01:00"), None);
        assert_eq!(end(&office, "2026-11-23T18:00:00+01:00"), None);
        assert_eq!(end(&office, "2026-11-22T12:00:00+01:00"), None, "a Sunday");
        assert_eq!(end(&office, "2026-11-25T12:00:00+01:00"), None, "excepted");
        assert_eq!(office.to_string(), "Mon–Fri 08:00–18:00 Europe/Berlin, but not on 2026-11-25");
    }

    #[test]
    fn a_window_may_go_over_midnight_and_ends_at_an_excepted_day() {
        let night = schedule(&["Fri-Sat 22:00-06:00"], &["2026-11-29"]);
        assert_eq!(end(&night, "2026-11-28T02:00:00+01:00").as_deref(), Some("2026-11-28T05:00:00Z"));
        assert_eq!(end(&night, "2026-11-28T23:00:00+01:00").as_deref(), Some("2026-11-28T23:00:00Z"));
        assert_eq!(end(&night, "2026-11-29T02:00:00+01:00"), None);
        let always = schedule(&["always"], &["2026-11-29"]);
        assert_eq!(end(&always, "2026-11-28T23:00:00+01:00").as_deref(), Some("2026-11-28T23:00:00Z"));
    }

    #[test]
    fn a_window_follows_the_change_of_clocks() {
        let night = schedule(&["Sat 22:00-06:00"], &[]);
        // 2026-10-25, 03:00 is 02:00 again: this night has nine hours.
        assert_eq!(end(&night, "2026-10-24T20:00:00Z").as_deref(), Some("2026-10-25T05:00:00Z"));
        assert_eq!(end(&night, "2026-10-25T05:00:00Z"), None);
    }

    #[test]
    fn exceptions_that_leave_no_day_are_noticed() {
        let is_never = |windows: &[&str], except: &[&str]| schedule(windows, except).is_never();
        let for_ever = "1970-01-01..9999-12-31";
        for windows in [["always"], ["Mon-Fri 08:00-18:00"], ["2026-11-28 06:00-12:00"]] {
            assert!(is_never(&windows, &[for_ever]), "{windows:?}");
            assert!(is_never(&windows, &["2026-11-28..9999-12-31", "1960-01-01..2026-11-29"]), "{windows:?}");
            assert!(!is_never(&windows, &[]) && !is_never(&windows, &["2026-11-29..9999-12-31"]), "{windows:?}");
        }
        // The 28th of November 2026 is a Saturday.
        let all_but_a_weekend = ["1970-01-01..2026-11-27", "2026-11-30..9999-12-31"];
        assert!(is_never(&["Mon-Fri 08:00-18:00"], &all_but_a_weekend));
        assert!(!is_never(&["Mon-Sat 08:00-18:00"], &all_but_a_weekend));
        assert!(is_never(&["Mon-Fri 08:00-18:00", "2026-11-27 06:00-12:00"], &all_but_a_weekend));
    }

    #[test]
    fn what_is_no_window_is_refused() {
        let parse = |windows: &str, except: &str| {
            Schedule::parse("UTC", &[windows.to_owned()], &[except.to_owned()]).unwrap_err()
        };
        for wrong in ["Mon-Fri", "Mon 8:00-18:00", "Foo 08:00-18:00", "08:00-18:00", "Mon 24:00-25:00", "Mon 08:00"] {
            assert!(parse(wrong, "2026-01-01").contains("is not a window"), "{wrong}");
        }
        assert!(parse("Mon 08:00-08:00", "2026-01-01").contains("is empty"));
        assert!(parse("always", "soon").contains("is not a date"));
        assert!(parse("always", "2026-01-02..2026-01-01").contains("end before they begin"));
        assert!(
            Schedule::parse("Mars/Olympus", &["always".to_owned()], &[]).unwrap_err().contains("is not a time zone")
        );
    }
}
