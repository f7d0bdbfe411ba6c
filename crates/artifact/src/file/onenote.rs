//! Notes of OneNote: which files are embedded ([MS-ONESTORE], [MS-ONE]). No parser of the whole: the store of each file's bytes begins with a mark of its
//! own, and names stand as text.

use std::collections::BTreeSet;

use super::{
    kind::{Class, Type},
    name::Name,
    read::u64_at,
};
use crate::Facts;

/// What stands before the bytes of an embedded file: a mark, the length, and 12 bytes more ([MS-ONESTORE] 2.6.13).
const STORE: &[u8] = b"\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac";
const BEFORE: usize = 36;

/// Files that are looked at, and names that are told.
const FILES: usize = 1024;
const NAMES: usize = 64;

/// The longest name, and the longest ending of one, in characters.
const NAME: usize = 128;
const ENDING: usize = 8;

/// Tells the types of embedded files but for pictures, which every page has, and the names that files are given, and in `damages` what was not looked at.
pub fn facts(bytes: &[u8], facts: &mut Facts, damages: &mut Vec<String>) {
    let mut types = BTreeSet::new();
    for (number, at) in memchr::memmem::find_iter(bytes, STORE).enumerate() {
        if number == FILES {
            damages.push(format!("limit: {FILES} files in the note were looked at, and no more"));
            break;
        }
        let len = u64_at(bytes, at + STORE.len()).and_then(|len| usize::try_from(len).ok()).unwrap_or(usize::MAX);
        let file = bytes.get(at + BEFORE..).unwrap_or_default();
        let kind = Type::of(file.get(..len).unwrap_or(file), "");
        if kind.class() != Class::Image {
            types.insert(kind.name());
        }
    }
    types.into_iter().for_each(|kind| facts.tell("EmbedsType", kind));
    let mut names = names(bytes);
    if names.len() > NAMES {
        names.pop_last();
        damages.push(format!("limit: {NAMES} names of files in the note are told, and no more"));
    }
    names.into_iter().for_each(|name| facts.tell("Embeds", name));
}

/// Texts that are nothing but a file's name with an ending that says what it is.
fn names(bytes: &[u8]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for dot in memchr::memmem::find_iter(bytes, b".\0") {
        let behind: Vec<char> = (1..=ENDING).map_while(|on| character(bytes, dot + 2 * on)).collect();
        // The text has to end where the ending does.
        let rest = bytes.get(dot + 2 * (behind.len() + 1)..).unwrap_or_default();
        if behind.is_empty() || !(rest.is_empty() || rest.starts_with(b"\0\0")) {
            continue;
        }
        let before = (1..=NAME).map_while(|back| character(bytes, dot.checked_sub(2 * back)?));
        let mut name: Vec<char> = before.collect();
        name.reverse();
        let name: String = name.into_iter().chain(['.']).chain(behind).collect();
        if names.len() <= NAMES && !name.starts_with('.') && Name::of(&name).class.is_some() {
            names.insert(name);
        }
    }
    names
}

/// A character of a name in UTF-16.
fn character(bytes: &[u8], at: usize) -> Option<char> {
    let unit = super::read::u16_at(bytes, at)?;
    char::from_u32(unit.into())
        .filter(|c| !c.is_control() && !matches!(c, '/' | '\\' | ':' | '<' | '>' | '"' | '|' | '?' | '*'))
}

#[cfg(test)]
mod tests {
    use event::Position;

    use super::*;
    use crate::Kind;

    fn note(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut note = b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3".to_vec();
        for (name, bytes) in files {
            note.extend([0; 7]);
            note.extend(name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
            note.extend([STORE, &(bytes.len() as u64).to_le_bytes(), &[0; 12], bytes].concat());
        }
        note
    }

    fn told(note: &[u8]) -> (Vec<String>, Vec<String>, usize) {
        let (mut told, mut damages) = (Facts::new(Kind::File, Position::Record(1), None), Vec::new());
        facts(note, &mut told, &mut damages);
        let values = |name: &'static str| told.values(name).map(|value| value.into_owned()).collect::<Vec<_>>();
        (values("Embeds"), values("EmbedsType"), damages.len())
    }

    #[test]
    fn files_in_a_note() {
        let note =
            note(&[("Offer.pdf.js", b"var a = 1"), ("run me.hta", b"\x7fELF"), ("see it.", b"\x89PNG\r\n\x1a\n")]);
        let (names, types, damages) = told(&note);
        assert_eq!(names, ["Offer.pdf.js", "run me.hta"]);
        assert_eq!(types, ["ELF", "JavaScript"]);
        assert_eq!(damages, 0);
        (0..note.len()).for_each(|len| drop(told(&note[..len])));
    }

    #[test]
    fn limits_are_told() {
        assert_eq!(told(&note(&[("", b"" as &[u8]); FILES + 1])).2, 1);
        let names: Vec<String> = (0..=NAMES).map(|number| format!("{number}.exe")).collect();
        let files: Vec<_> = names.iter().map(|name| (name.as_str(), b"x" as &[u8])).collect();
        assert_eq!(told(&note(&files)).2, 1);
    }
}
