//! The course of what one person says: the steps in their order, each with the line or message it stands in, and its words.

use std::collections::{BTreeMap, HashMap, btree_map::Entry};

use super::parse::Message;
use crate::mail;

/// The topics that are steps, as phrases of mail have them.
const TOPICS: [&str; 11] = [
    "flattery",
    "job",
    "salary",
    "skill test",
    "messenger",
    "private mailbox",
    "secrecy",
    "reader",
    "password",
    "run it",
    "hurry",
];
/// The links that are steps, and the step.
const LINKS: [(&str, &str); 5] = [
    ("MessengerLink", "messenger"),
    ("ShareLink", "link"),
    ("ShortLink", "link"),
    ("ProgramLink", "link"),
    ("RepositoryLink", "link"),
];
/// Most characters of the words of a step.
const WORDS: usize = 100;
/// What stands between two steps.
const THEN: &str = " > ";

/// The steps so far. Of each only the first and the last place are kept, so that there are never many.
#[derive(Default)]
pub(super) struct Course {
    steps: BTreeMap<&'static str, (Step, Option<Step>)>,
    seen: usize,
}

struct Step {
    /// How many came before.
    order: usize,
    number: u64,
    words: String,
}

impl Course {
    /// Adds the steps of a message, in which `found` was found.
    pub(super) fn add(&mut self, message: &Message, found: &[Found]) {
        let lines: Vec<&str> = mail::beginning(&message.text, mail::MAX_TEXT).lines().collect();
        let places = places(&lines, found);
        let first = lines.iter().position(|line| !line.trim().is_empty()).unwrap_or(0);
        // What runs over several lines stands in none of them and is told with the first.
        let place = |one| (places.get(one).copied().unwrap_or(first), name(one));
        let mut steps: Vec<_> = found.iter().map(place).filter_map(|(line, name)| Some((line, name?))).collect();
        steps.sort_by_key(|(line, _)| *line);
        steps.dedup();
        for (line, name) in steps {
            let number = if message.is_of_lines { message.number + line as u64 } else { message.number };
            self.step(name, number, lines.get(line).copied().unwrap_or_default());
        }
        if let Some(file) = &message.file {
            self.step(kind(file), message.number, file);
        }
    }

    fn step(&mut self, name: &'static str, number: u64, words: &str) {
        let step = Step { order: self.seen, number, words: shortened(words) };
        self.seen += 1;
        match self.steps.entry(name) {
            Entry::Vacant(place) => {
                place.insert((step, None));
            }
            Entry::Occupied(mut place) => place.get_mut().1 = Some(step),
        }
    }

    /// The steps in their order: `3 flattery: I am impressed by your work > 9 salary: Twice of what you have`.
    pub(super) fn told(self) -> String {
        let steps = self.steps.into_iter();
        let mut steps: Vec<_> = steps
            .flat_map(|(name, (first, last))| [Some((name, first)), last.map(|last| (name, last))])
            .flatten()
            .collect();
        steps.sort_by_key(|(_, step)| step.order);
        let told = steps.iter().map(|(name, step)| format!("{} {name}: {}", step.number, step.words));
        told.collect::<Vec<_>>().join(THEN)
    }
}

/// A fact: its field and value.
type Found = (&'static str, String);

/// The first of the lines in which each of what was found stands.
fn places(lines: &[&str], found: &[Found]) -> HashMap<Found, usize> {
    let mut places = HashMap::new();
    if lines.len() < 2 || found.is_empty() {
        return places;
    }
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        for one in mail::of_text(line) {
            places.entry(one).or_insert(at);
        }
    }
    places
}

/// The step that a fact is.
fn name((field, value): &Found) -> Option<&'static str> {
    if *field == "Wording" {
        let (topic, _) = value.split_once(": ")?;
        return TOPICS.into_iter().find(|known| *known == topic);
    }
    LINKS.into_iter().find_map(|(link, step)| (link == *field).then_some(step))
}

/// The step that a file is, by its name.
fn kind(file: &str) -> &'static str {
    match mail::role_of_name(file) {
        Some("Program") => "program",
        Some("Disk") => "disk",
        Some("Archive") => "archive",
        _ => "file",
    }
}

/// Words on one line, without what parts steps.
fn shortened(words: &str) -> String {
    let words: String = words.split_whitespace().collect::<Vec<_>>().join(" ").replace(THEN, " ");
    match words.char_indices().nth(WORDS) {
        Some((at, _)) => format!("{}…", words.get(..at).unwrap_or_default().trim_end()),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(texts: &[(&str, Option<&str>)]) -> String {
        let mut course = Course::default();
        for (number, (text, file)) in (1..).zip(texts) {
            let message = Message {
                number: number * 10,
                text: (*text).to_owned(),
                file: file.map(str::to_owned),
                is_of_lines: true,
                ..Message::default()
            };
            course.add(&message, &mail::of_text(text));
        }
        course.told()
    }

    #[test]
    fn steps_stand_in_their_order_with_their_lines_and_words() {
        assert_eq!(
            course(&[
                ("Hello!", None),
                ("Hi\n\nI am very impressed > 9 job: no\nThe salary is good", None),
                ("x", Some("Offer.zip")),
                ("The salary is secret", None),
                ("Salary? Yes", None)
            ]),
            "22 flattery: I am very impressed 9 job: no > 23 salary: The salary is good > 30 archive: Offer.zip > 50 salary: Salary? Yes"
        );
        assert_eq!(course(&[("Hello", None)]), "");
    }

    #[test]
    fn a_phrase_that_runs_over_lines_is_told_with_the_first() {
        assert_eq!(course(&[("\nOpen it only\nwith the tool", None)]), "11 reader: Open it only");
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        let told = course(&[(&format!("salary {}", "가".repeat(300)), None)]);
        assert_eq!(told.chars().count(), "10 salary: ".len() + WORDS + 1, "{told}");
    }
}
