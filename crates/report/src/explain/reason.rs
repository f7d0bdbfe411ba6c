//! What a finding rests on, told to the person: the reason's name, and the words or names that fill its sentence.

use event::{Finding, Level, Position};

use super::{Quotes, VALUE, problem::last_part};
use crate::plain::shorten;

/// Most values that fill a sentence.
const VALUES: usize = 3;

/// The fields whose values may fill a reason's sentence: the first one that matched does, so that a sentence never mixes what is of different
/// kinds. A reason that has no field here is filled with the name of the file, if its sentence asks for anything.
const FIELDS: &[(&str, &[&str])] = &[
    ("account", &["Wording"]),
    ("advert", &["Wording"]),
    ("archive", &["Archive"]),
    ("blackmail", &["Wording"]),
    ("brand", &["BrandInName", "BrandInAddress", "BrandInSubject", "LookAlikeOfBrand"]),
    ("carries", &["Member"]),
    ("code", &["AddedLine", "Path"]),
    ("crypto", &["Wording"]),
    ("disguise", &["FileTrick", "Member"]),
    ("disguised-link", &["DisguisedLink"]),
    ("disk", &["Disk"]),
    ("employer", &["EmployerNamed", "EmployerInText"]),
    ("encrypted", &["EncryptedArchive", "Archive"]),
    ("free-mail", &["From", "ReplyToPrivate"]),
    ("hidden-link", &["ShortLink", "RedirectLink", "AddressLink", "UserLink", "HostedLink", "CheapLink", "BrandLink"]),
    ("hurry", &["Wording"]),
    ("job", &["Wording"]),
    ("known", &["indicator"]),
    ("look-alike", &["From", "LookAlikeOfBrand"]),
    ("messenger", &["MessengerLink", "Wording"]),
    ("money", &["Wording"]),
    ("opening", &["Command"]),
    ("ours", &["From", "LookAlikeOfOurs"]),
    ("ours-elsewhere", &["LookAlikeReply", "LookAlikeLink", "LookAlikeEnvelope", "NameShowsOurs"]),
    ("own-name", &["ReplyToOther", "EnvelopeDomain"]),
    ("parcel", &["Wording"]),
    ("password", &["Wording"]),
    ("payment", &["Wording"]),
    ("praise", &["Wording"]),
    ("private", &["Wording"]),
    ("prize", &["Wording"]),
    ("program", &["Program"]),
    ("program-link", &["ProgramLink"]),
    ("reader", &["Wording"]),
    ("reply", &["ReplyToPrivate", "PrivateMailLink"]),
    ("rollout", &["Wording"]),
    ("run", &["Wording"]),
    ("secrecy", &["Wording"]),
    ("sender", &["From", "FromName"]),
    ("share", &["ShareLink", "ShortLink", "ProgramLink", "RepositoryLink"]),
    ("starts", &["Target", "RelativePath", "Embeds", "Dde", "IconLocation"]),
    ("stranger", &["FromDomain"]),
    ("template", &["RemoteTemplate", "ExternalTarget"]),
    ("trojan", &["OriginalFilename", "InternalName", "ExportName", "PdbPath"]),
];

/// The reasons of a finding, by the names behind `explain.` among its rule's tags, each with the values that fill its sentence. Where there
/// are several, those that nothing is at hand for are left out.
pub(super) fn reasons<'f>(finding: &'f Finding, quotes: &Quotes) -> Vec<(&'f str, String)> {
    let names = finding.rule.tags.iter().filter_map(|tag| tag.strip_prefix("explain."));
    let mut reasons: Vec<(&str, String)> = names.map(|name| (name, matched(finding, name, quotes))).collect();
    if reasons.iter().any(|(_, values)| !values.is_empty()) {
        reasons.retain(|(_, values)| !values.is_empty());
    } else {
        reasons.truncate(1);
        reasons.iter_mut().for_each(|(_, values)| *values = file(finding, quotes));
    }
    reasons
}

/// The very words or names that a reason rests on, made harmless: without the names of fields and topics.
fn matched(finding: &Finding, name: &str, quotes: &Quotes) -> String {
    let fields = FIELDS.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, fields)| *fields);
    let of_field = |field: &&str| {
        let mut values: Vec<&str> = Vec::new();
        for matched in finding.matched.iter().filter(|matched| matched.field == *field) {
            // Facts put the topic, or the kind of the trick, before the words.
            let is_named = matches!(*field, "Wording" | "FileTrick");
            let value = matched.value.split_once(": ").filter(|_| is_named).map_or(&*matched.value, |(_, words)| words);
            if !value.is_empty() && !values.contains(&value) && values.len() < VALUES {
                values.push(value);
            }
        }
        (!values.is_empty()).then_some(values)
    };
    let values = fields.iter().find_map(of_field).unwrap_or_default();
    values.iter().map(|value| quotes.around(&shorten(value, VALUE))).collect::<Vec<_>>().join(", ")
}

/// The name of the file or setting that a finding is about, if it is a piece of evidence by itself.
fn file(finding: &Finding, quotes: &Quotes) -> String {
    let is_piece = matches!(finding.place.position, Position::Record(1) | Position::Offset(0));
    if matches!(finding.channel.as_str(), "file" | "tree") && is_piece {
        quotes.around(&shorten(last_part(&finding.place.piece.path), VALUE))
    } else {
        String::new()
    }
}

/// A step of a conversation's course: where it stands, what it is, its words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step<'a> {
    pub(super) number: &'a str,
    pub(super) name: &'a str,
    pub(super) words: &'a str,
}

/// The courses of conversations that weigh something, as the fact `Course` has them.
pub(super) fn courses(findings: &[Finding]) -> Vec<&str> {
    let heavy = findings.iter().filter(|finding| finding.rule.level >= Level::Medium);
    let mut courses: Vec<&str> = Vec::new();
    for matched in heavy.flat_map(|finding| &finding.matched).filter(|matched| matched.field == "Course") {
        if !courses.contains(&matched.value.as_str()) {
            courses.push(&matched.value);
        }
    }
    courses
}

/// The steps of a course: `3 flattery: impressed by your work > 9 salary: twice of what you have`.
pub(super) fn steps(course: &str) -> Vec<Step<'_>> {
    let step = |text| {
        let (place, words) = str::split_once(text, ": ")?;
        let (number, name) = place.split_once(' ')?;
        Some(Step { number, name, words })
    };
    course.split(" > ").filter_map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_as_the_fact_has_them() {
        assert_eq!(
            steps("3 flattery: well: done > 9 skill test: do it"),
            [
                Step { number: "3", name: "flattery", words: "well: done" },
                Step { number: "9", name: "skill test", words: "do it" }
            ]
        );
        assert_eq!(steps(""), []);
    }

    /// Every reason whose sentence asks for a value has fields for it, or is about a file.
    #[test]
    fn every_sentence_that_is_filled_has_fields() {
        let texts = super::super::Language::English.texts().unwrap();
        let of_files = ["library"];
        for (name, sentence) in &texts.reasons {
            let has_fields = FIELDS.iter().any(|(known, _)| known == name) || of_files.contains(&name.as_str());
            assert_eq!(has_fields, sentence.contains("{}"), "{name}: {sentence}");
        }
        for (name, _) in FIELDS {
            assert!(texts.reasons.contains_key(*name), "{name} has no sentence");
        }
    }
}
