//! Rotated logs: `auth.log`, `auth.log.1`, `auth.log.2.gz`, or by date `auth.log-20261101.gz`; one that is missing between others.
//!
//! Which dates there should be is learned from those that are there: the distance that comes most often, twice at the least.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// How many rotated files are remembered.
const MAX: usize = 1 << 16;
/// An hour and a day, in seconds.
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// What stands for months of any length.
const MONTH: i64 = 30 * DAY;
/// Names have the date of some time zone: no two are further apart.
const ZONES: i64 = 14 * HOUR;

/// The rotated files seen, by the name that they share: the number, or the date in seconds since 1970, of each with its path.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Rotations {
    numbered: BTreeMap<String, BTreeMap<i64, String>>,
    dated: BTreeMap<String, BTreeMap<i64, String>>,
    files: usize,
}

/// Files that are not there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing<'a> {
    /// The path of the file before the gap, in the order of names.
    pub beside: &'a str,
    /// How they should be called.
    pub names: String,
    /// The path of the file behind the gap, and a time in seconds since 1970: where it begins before that, nothing was rotated in
    /// between, and nothing is missing.
    pub unless: Option<(&'a str, i64)>,
}

/// What a file's name says.
enum Name<'a> {
    Numbered(&'a str, i64),
    Dated(&'a str, i64),
}

impl Rotations {
    pub fn piece(&mut self, path: &str) {
        if self.files >= MAX {
            return;
        }
        self.files += 1;
        let (families, family, at) = match name(path) {
            Name::Numbered(family, number) => (&mut self.numbered, family, number),
            Name::Dated(family, date) => (&mut self.dated, family, date),
        };
        families.entry(family.to_owned()).or_default().insert(at, path.to_owned());
    }

    /// What is missing between files that are there.
    pub fn missing(&self) -> Vec<Missing<'_>> {
        let numbered = self.numbered.iter().flat_map(|(family, files)| {
            gaps(files, 2).map(|((number, path), (next, _))| {
                let names = names(family, &format!(".{}", number + 1), &format!(".{}", next - 1));
                Missing { beside: path, names, unless: None }
            })
        });
        let dated = self.dated.iter().filter_map(|(family, files)| Some((family, files, step(files)?)));
        let dated = dated.flat_map(|(family, files, step)| {
            // A log may be rotated somewhat early or late.
            gaps(files, step * 7 / 4).map(move |((date, path), (next, behind))| {
                let unless = Some((behind.as_str(), date + step - ZONES));
                Missing { beside: path, names: dates(family, date, next, step), unless }
            })
        });
        numbered.chain(dated).collect()
    }

    /// Files that follow one another, the older first.
    pub fn neighbours(&self) -> impl Iterator<Item = (&str, &str)> {
        let numbered =
            self.numbered.values().flat_map(|files| gaps(files, 1).filter(|((at, _), (next, _))| next - at == 1));
        let dated = self.dated.values().flat_map(|files| gaps(files, 1));
        let numbered = numbered.map(|((_, newer), (_, older))| (older.as_str(), newer.as_str()));
        numbered.chain(dated.map(|((_, older), (_, newer))| (older.as_str(), newer.as_str())))
    }

    /// Whether one of the files that share a name with this one is among those `seen`.
    pub fn belongs(&self, path: &str, seen: &BTreeSet<&str>) -> bool {
        let files = match name(path) {
            Name::Numbered(family, _) => self.numbered.get(family),
            Name::Dated(family, _) => self.dated.get(family),
        };
        files.is_some_and(|files| files.values().any(|file| seen.contains(file.as_str())))
    }
}

/// Files that follow one another in a distance of at least so much.
fn gaps(files: &BTreeMap<i64, String>, least: i64) -> impl Iterator<Item = ((i64, &String), (i64, &String))> {
    let pairs = files.iter().zip(files.iter().skip(1));
    let pairs = pairs.map(|((at, path), (next, behind))| ((*at, path), (*next, behind)));
    pairs.filter(move |((at, _), (next, _))| next - at >= least)
}

/// The distance of dates that comes most often, and more than once, in seconds; the shorter of two.
fn step(files: &BTreeMap<i64, String>) -> Option<i64> {
    let mut counts = BTreeMap::<i64, usize>::new();
    for (at, next) in files.keys().zip(files.keys().skip(1)) {
        let distance = match next - at {
            month if (28 * DAY..=31 * DAY).contains(&month) => MONTH,
            week if (6 * DAY..=8 * DAY).contains(&week) => 7 * DAY,
            other => other,
        };
        *counts.entry(distance).or_default() += 1;
    }
    let most = counts.values().copied().max().filter(|most| *most > 1)?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(distance, _)| distance)
}

/// The names of what is missing, as far as they are known: the first, and the last if that is another.
fn names(family: &str, first: &str, last: &str) -> String {
    let base = family.rsplit(['/', '\\', '!']).next().unwrap_or_default();
    if first == last { format!("{base}{first}") } else { format!("{base}{first} to {last}") }
}

/// The names of what is missing between two dates; of months, whose lengths differ, the time.
fn dates(family: &str, before: i64, behind: i64, step: i64) -> String {
    let format = if step < DAY { "%Y%m%d%H" } else { "%Y%m%d" };
    let written = |second: i64| {
        jiff::Timestamp::from_second(second).map_or_else(|_| String::new(), |time| time.strftime(format).to_string())
    };
    if step == MONTH {
        let base = family.rsplit(['/', '\\', '!']).next().unwrap_or_default();
        return format!("{base}… between {} and {}", written(before), written(behind));
    }
    let count = (behind - before + step / 2) / step - 1;
    names(family, &written(before + step), &written(before + count * step))
}

/// The name that rotated files share, and the number or date of this one; a log that is not rotated yet is number 0. A compressed file is
/// known by its own name, not by that of what is in it.
fn name(path: &str) -> Name<'_> {
    const COMPRESSED: [&str; 4] = [".gz", ".xz", ".bz2", ".zst"];
    let outer = match path.rsplit_once('!') {
        Some((outer, _)) if COMPRESSED.iter().any(|ending| outer.ends_with(ending)) => outer,
        _ => path,
    };
    let name = COMPRESSED.iter().find_map(|ending| outer.strip_suffix(ending)).unwrap_or(outer);
    if let Some((family, date)) = dated(name) {
        return Name::Dated(family, date);
    }
    let numbered = name.rsplit_once('.').and_then(|(family, number)| {
        let is_number = number.len() <= 4 && number.bytes().all(|byte| byte.is_ascii_digit());
        Some((family, number.parse().ok().filter(|_| is_number)?))
    });
    let (family, number) = numbered.unwrap_or((name, 0));
    Name::Numbered(family, number)
}

/// logrotate's `dateext`: `-20261101`, or with the hour `-2026110114`. The family keeps the dash, since a log that is not rotated has none.
fn dated(name: &str) -> Option<(&str, i64)> {
    let at = name.rfind('-')? + 1;
    let (family, digits) = name.split_at_checked(at)?;
    let is_date = matches!(digits.len(), 8 | 10) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let part = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<i8>().ok());
    let year = digits.get(..4).filter(|_| is_date)?.parse().ok()?;
    let hour = if digits.len() == 10 { part(8, 10)? } else { 0 };
    let time = DateTime::new(year, part(4, 6)?, part(6, 8)?, hour, 0, 0, 0).ok()?;
    Some((family, time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(paths: &[&str]) -> Vec<(String, String, Option<String>)> {
        let mut rotations = Rotations::default();
        paths.iter().for_each(|path| rotations.piece(path));
        let own = |missing: Missing<'_>| {
            (missing.beside.to_owned(), missing.names, missing.unless.map(|(path, _)| path.to_owned()))
        };
        rotations.missing().into_iter().map(own).collect()
    }

    fn one(beside: &str, names: &str, behind: &str) -> (String, String, Option<String>) {
        (beside.into(), names.into(), (!behind.is_empty()).then(|| behind.into()))
    }

    #[test]
    fn a_missing_rotation_is_found() {
        let paths =
            ["a/auth.log", "a/auth.log.1", "a/auth.log.3.gz", "a/auth.log.6.gz!auth.log.6", "b/auth.log.1", "b/x.2026"];
        assert_eq!(
            missing(&paths),
            [one("a/auth.log.1", "auth.log.2", ""), one("a/auth.log.3.gz", "auth.log.4 to .5", "")]
        );
        let mut rotations = Rotations::default();
        paths.iter().for_each(|path| rotations.piece(path));
        assert!(rotations.belongs("a/auth.log.3.gz", &BTreeSet::from(["a/auth.log"])));
        assert!(!rotations.belongs("b/auth.log.1", &BTreeSet::from(["a/auth.log"])));
    }

    #[test]
    fn a_missing_date_is_found_by_the_step_of_the_others() {
        let weeks = [
            "secure",
            "secure-20261018",
            "secure-20261025.gz",
            "secure-20261101.gz!secure-20261101",
            "secure-20261115",
        ];
        let found = one("secure-20261101.gz!secure-20261101", "secure-20261108", "secure-20261115");
        assert_eq!(missing(&weeks), [found]);
        let days =
            ["w/auth.log-20261030.gz", "w/auth.log-20261031.gz", "w/auth.log-20261101.gz", "w/auth.log-20261105"];
        let found = one("w/auth.log-20261101.gz", "auth.log-20261102 to 20261104", "w/auth.log-20261105");
        assert_eq!(missing(&days), [found]);
        let hours = ["a-2026110122", "a-2026110123", "a-2026110200", "a-2026110202"];
        assert_eq!(missing(&hours), [one("a-2026110200", "a-2026110201", "a-2026110202")]);
        let months = ["m-20260501", "m-20260601", "m-20260701", "m-20260901"];
        assert_eq!(missing(&months), [one("m-20260701", "m-… between 20260701 and 20260901", "m-20260901")]);
    }

    #[test]
    fn dates_without_a_step_have_no_gaps() {
        assert_eq!(missing(&["a-20261101", "a-20261103"]), []);
        assert_eq!(missing(&["a-20261101", "a-20261103", "a-20261110"]), []);
        // A week that was rotated a day late, and the next in time.
        assert_eq!(missing(&["a-20261018", "a-20261025", "a-20261102", "a-20261108"]), []);
        assert_eq!(missing(&["dump-20261301", "dump-20261401", "dump-99999999"]), []);
    }
}
