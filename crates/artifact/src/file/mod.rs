//! Files that are no logs: programs, documents, shortcuts, scripts, images of disks.
//!
//! ```text
//! bytes ──Type::of──▶ type ──▶ facts of that type ──▶ one event of category `file`
//!                                   └─ Look ──▶ Neighbours ──▶ one event for each pair of program and library
//! ```
//!
//! [`facts`] is a pure function, so that mail can ask it of attachments too. What only the files of one folder tell together is told by [`Neighbours`].

mod archive;
mod disk;
mod entropy;
mod fat;
mod format;
pub(crate) mod iso;
mod kind;
mod label;
mod lnk;
mod name;
mod neighbours;
mod office;
mod onenote;
mod pdf;
mod pe;
mod read;
mod script;
pub(crate) mod seven_zip;
mod udf;

use md5::Md5;
use sha1_11::Sha1;
use sha2::{Digest, Sha256};

pub(crate) use self::{
    archive::List,
    format::Whole,
    kind::{Class, Type},
    label::Label,
};
use self::{entropy::hundredths, name::Name, neighbours::Neighbour};
pub use self::{
    format::{Files, NAME},
    neighbours::{Neighbours, Pair},
};
use crate::Facts;

/// Bytes whose entropy is at least this (in hundredths of a bit) are compressed or enciphered.
const RANDOM: u64 = 740;

/// What a look at a file gave beside the facts.
#[derive(Default)]
pub struct Look {
    /// What could not be understood: what was expected and what stands there.
    pub damages: Vec<String>,
    /// What its neighbours have to know of it.
    neighbour: Option<Neighbour>,
}

/// A field, and what of a file stands there.
type Hash = (&'static str, fn(&[u8]) -> String);

const HASHES: [Hash; 3] = [
    ("Md5", |bytes| hex(&Md5::digest(bytes))),
    ("Sha1", |bytes| hex(&Sha1::digest(bytes))),
    ("Sha256", |bytes| hex(&Sha256::digest(bytes))),
];

/// Tells the hashes of a file for which somebody asks: all of them take longer than all else that is told.
pub fn hashes(bytes: &[u8], asks: &mut dyn FnMut(&str) -> bool, facts: &mut Facts) {
    for (field, hash) in HASHES {
        if asks(field) {
            facts.tell(field, hash(bytes));
        }
    }
}

/// Tells the facts but hashes about a file that is called `name` (without its folder) and holds `bytes`.
pub fn facts(name: &str, bytes: &[u8], facts: &mut Facts) -> Look {
    let kind = Type::of(bytes, name);
    name_facts(name, kind, facts);
    facts.count("Size", bytes.len() as u64);
    let mut look = Look::default();
    let damages = &mut look.damages;
    let told = match kind {
        Type::Pe => pe::facts(name, bytes, facts, damages)
            .map(|portrait| look.neighbour = Some(Neighbour::Program(Box::new(portrait)))),
        Type::Lnk => lnk::facts(bytes, facts, damages),
        Type::Rar | Type::SevenZip => archive::facts(bytes, facts),
        Type::Ooxml | Type::OpenDocument => office::zip_facts(bytes, facts, damages),
        _ if kind.is_code() => {
            damages.extend(script::facts(kind, bytes, facts));
            Ok(())
        }
        _ => {
            plain_facts(kind, bytes, facts, damages);
            Ok(())
        }
    };
    look.damages.extend(told.err());
    match kind {
        _ if kind.class() == Class::Document => look.neighbour = Some(Neighbour::Document),
        Type::Data if hundredths(bytes) >= RANDOM => look.neighbour = Some(Neighbour::Enciphered),
        _ => {}
    }
    look
}

/// The facts of types in which nothing can be damaged; only limits can be hit.
fn plain_facts(kind: Type, bytes: &[u8], facts: &mut Facts, damages: &mut Vec<String>) {
    match kind {
        Type::Url => lnk::url_facts(bytes, facts, damages),
        Type::Ole => office::compound_facts(bytes, facts, damages),
        Type::OneNote => onenote::facts(bytes, facts, damages),
        Type::Rtf => office::rtf_facts(bytes, facts, damages),
        Type::Xml => office::part_facts(bytes, facts, damages),
        Type::Pdf => pdf::facts(bytes, facts, damages),
        Type::Data => facts.count("Entropy", hundredths(bytes)),
        _ => {}
    }
}

fn name_facts(name: &str, kind: Type, facts: &mut Facts) {
    let shown = Name::of(name);
    facts.tell("Name", name);
    facts.tell("Extension", shown.extension);
    facts.tell("NamedAs", shown.class.map_or("", Class::name));
    shown.tricks.into_iter().for_each(|trick| facts.tell("NameTrick", trick));
    facts.tell("Type", kind.name());
    facts.tell("Class", kind.class().name());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use event::Position;
    use proptest::prelude::*;

    use super::*;
    use crate::Kind;

    fn told(name: &str, bytes: &[u8]) -> Facts {
        let mut told = Facts::new(Kind::File, Position::Record(1), None);
        facts(name, bytes, &mut told);
        told
    }

    const BEGINNINGS: &[&[u8]] = &[
        b"",
        b"MZ",
        b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F",
        b"%PDF-1.7\n/JS (",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"{\\rtf1{\\*\\template ",
        b"PK\x03\x04",
        b"Rar!\x1a\x07\x01\0",
        b"Rar!\x1a\x07\0",
        b"7z\xbc\xaf\x27\x1c",
        b"<html><script>",
        b"[InternetShortcut]\nURL=",
        b"conectix",
        b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_bytes_of_any_type_are_looked_at_without_panic(
            begin in 0..BEGINNINGS.len(),
            bytes in proptest::collection::vec(any::<u8>(), 0..2000),
            name in "\\PC{0,12}\\.?\\PC{0,4}",
        ) {
            told(&name, &[BEGINNINGS[begin], &bytes].concat());
        }
    }

    /// The least time in which a file that repeats `part` up to this many bytes is looked at, of two.
    fn least(name: &str, begin: &str, part: &str, len: usize) -> Duration {
        let bytes = [begin.as_bytes(), part.repeat(len / part.len()).as_bytes()].concat();
        let time = || {
            let start = Instant::now();
            told(name, &bytes);
            start.elapsed()
        };
        time().min(time())
    }

    /// Files that repeat what is looked for cost no more than their length: four times as many bytes four times as much, not sixteen times. A machine
    /// that is busy with something else gets some more tries; what is wrong fails in all of them.
    #[test]
    fn repetition_costs_no_more_than_its_length() {
        for (name, begin, part) in [
            ("a.pdf", "%PDF-1.7\n", "/URI("),
            ("a.pdf", "%PDF-1.7\n", "stream\nx\x01"),
            ("a.rtf", "{\\rtf1", "\\*\\template "),
            ("a.rtf", "{\\rtf1", "\\fldinst{"),
            ("a.js", "", "_0x_0xeval("),
            ("a.js", "a", " "),
            ("a.js", "let b=fetch(u);eval(b);", "exec("),
            ("a.js", "let b=fetch(u);eval(b);", "a=curl |"),
            ("a.js", "let aaa=fetch(u);eval(aaa);", "aaa)=>"),
            ("a.sh", "#!/bin/sh\n", "curl |"),
            ("a.html", "<html>", "atob(A"),
            ("a.rels", "<?xml?>", "<Relationship Type=\"x/frame\" TargetMode=\"External\" "),
            ("a.xml", "<?xml?>", "<w:instrText>D"),
            ("a.url", "[InternetShortcut]\n", "URL=a\n"),
        ] {
            let times = || (least(name, begin, part, 1 << 20), least(name, begin, part, 4 << 20));
            let is_linear = |(short, long): (Duration, Duration)| long < 10 * short.max(Duration::from_millis(1));
            assert!((0..5).any(|_| is_linear(times())), "{name}, {part:?}: {:?}", times());
        }
    }
}
