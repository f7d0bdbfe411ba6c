//! What could not be looked into, told without technical words.

use serde::Deserialize;

use super::{Quotes, VALUE};
use crate::plain::shorten;

/// Why something could not be looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// It is encrypted.
    Locked,
    /// It is an archive or image that is not opened.
    Closed,
    /// It is longer than is looked at.
    TooLarge,
    /// It has more parts than are looked at.
    TooMany,
    /// It is broken.
    Damaged,
    /// Nobody knows what it is.
    Unknown,
    /// It is not there, or the system does not give it.
    Unreadable,
    /// It is a picture.
    Picture,
    /// It is no file: a link, a device.
    Link,
    /// There is nothing in it.
    Empty,
}

/// What reasons say, in small letters, by which they are told apart; an earlier one wins.
const WORDS: &[(&str, Obstacle)] = &[
    ("symbolic link", Obstacle::Link),
    ("encrypted", Obstacle::Locked),
    ("not opened", Obstacle::Closed),
    ("not looked at", Obstacle::Closed),
    ("by a method that is not read", Obstacle::Closed),
    ("png image", Obstacle::Picture),
    ("jpeg image", Obstacle::Picture),
    ("gif image", Obstacle::Picture),
    ("webp image", Obstacle::Picture),
    ("tiff image", Obstacle::Picture),
    ("is empty", Obstacle::Empty),
    ("please report", Obstacle::Unreadable),
    ("expected", Obstacle::Damaged),
    ("damaged", Obstacle::Damaged),
    ("ends", Obstacle::Damaged),
    ("overlap", Obstacle::Damaged),
    ("beyond", Obstacle::Damaged),
    ("outside of", Obstacle::Damaged),
];

impl Obstacle {
    /// What a technical reason amounts to; `otherwise` if it says nothing that is known.
    pub fn of(reason: &str, otherwise: Self) -> Self {
        let reason = reason.to_lowercase();
        if reason.contains("limit: ") {
            return if reason.contains("bytes") { Self::TooLarge } else { Self::TooMany };
        }
        WORDS.iter().find(|(words, _)| reason.contains(words)).map_or(otherwise, |(_, obstacle)| *obstacle)
    }

    /// Whether something dangerous may lie behind it.
    pub const fn hides(self) -> bool {
        !matches!(self, Self::Picture | Self::Link | Self::Empty)
    }
}

/// Something that could not be looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its label.
    pub path: String,
    /// What stood in the way.
    pub obstacle: Obstacle,
    /// The same in technical words.
    pub reason: String,
}

/// The words of a language for obstacles.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ObstacleTexts {
    locked: String,
    closed: String,
    too_large: String,
    too_many: String,
    damaged: String,
    unknown: String,
    unreadable: String,
    picture: String,
    link: String,
    empty: String,
}

impl ObstacleTexts {
    fn of(&self, obstacle: Obstacle) -> &str {
        match obstacle {
            Obstacle::Locked => &self.locked,
            Obstacle::Closed => &self.closed,
            Obstacle::TooLarge => &self.too_large,
            Obstacle::TooMany => &self.too_many,
            Obstacle::Damaged => &self.damaged,
            Obstacle::Unknown => &self.unknown,
            Obstacle::Unreadable => &self.unreadable,
            Obstacle::Picture => &self.picture,
            Obstacle::Link => &self.link,
            Obstacle::Empty => &self.empty,
        }
    }

    /// One line for each obstacle, with the names of some that it stood before.
    pub(super) fn lines(&self, problems: &[Problem], given: &str, quotes: &Quotes) -> Vec<String> {
        const NAMES: usize = 3;
        let mut obstacles: Vec<Obstacle> = problems.iter().map(|problem| problem.obstacle).collect();
        obstacles.sort();
        obstacles.dedup();
        let line = |obstacle| {
            let mut names: Vec<&str> = Vec::new();
            for problem in problems.iter().filter(|problem| problem.obstacle == obstacle) {
                let name = below(&problem.path, given);
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            let more = names.len().saturating_sub(NAMES);
            let told: Vec<String> = names.iter().take(NAMES).map(|name| quotes.around(&shorten(name, VALUE))).collect();
            let more = if more > 0 { format!(" (+{more})") } else { String::new() };
            format!("{}: {}{more}", self.of(obstacle), told.join(", "))
        };
        obstacles.into_iter().map(line).collect()
    }
}

/// The technical reasons, for whoever looks after the machines.
pub(super) fn reasons(problems: &[Problem]) -> Vec<String> {
    const TOLD: usize = 20;
    let mut told: Vec<String> =
        problems.iter().map(|problem| format!("{}: {}", problem.path, problem.reason)).collect();
    told.dedup();
    let more = told.len().saturating_sub(TOLD);
    told.truncate(TOLD);
    told.extend((more > 0).then(|| format!("(+{more})")));
    told
}

/// A label without the path that was given; of that itself its last part.
fn below<'a>(label: &'a str, given: &str) -> &'a str {
    let rest = label.strip_prefix(given).map(|rest| rest.trim_start_matches(['/', '!']));
    match rest {
        Some(rest) if !rest.is_empty() => rest,
        _ => last_part(label),
    }
}

/// What stands behind the last slash.
pub(super) fn last_part(path: &str) -> &str {
    path.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_apart_by_their_words() {
        for (reason, obstacle) in [
            ("line 1: limit: more than 1000 parts in a mail", Obstacle::TooMany),
            (
                "limit: expected a file of at most 67108864 bytes, found more; what is behind was not looked at",
                Obstacle::TooLarge,
            ),
            ("this is a 7Z archive, whose members were not looked at", Obstacle::Closed),
            ("7-Zip archive (not opened)", Obstacle::Closed),
            ("ISO image (not opened)", Obstacle::Closed),
            ("compressed by a method that is not read (12)", Obstacle::Closed),
            ("encrypted", Obstacle::Locked),
            ("expected a zip archive in 'a.zip', found a damaged one: x", Obstacle::Damaged),
            ("JPEG image", Obstacle::Picture),
            ("unknown binary", Obstacle::Unknown),
            ("symbolic link, not followed", Obstacle::Link),
        ] {
            assert_eq!(Obstacle::of(reason, Obstacle::Unknown), obstacle, "{reason}");
        }
        assert!(Obstacle::Closed.hides() && !Obstacle::Picture.hides());
    }

    #[test]
    fn names_are_told_below_what_was_given() {
        for (label, given, name) in [
            ("in/a.zip!/b/c.7z", "in/a.zip", "b/c.7z"),
            ("in/a.7z", "in/a.7z", "a.7z"),
            ("in/a.7z", "in/", "a.7z"),
            ("-", "-", "-"),
        ] {
            assert_eq!(below(label, given), name);
        }
    }
}
