//! Facts about files of every type, and the settings of projects: see [`drive`]. The last byte says how the input comes, the one before which name it has.
#![no_main]

use artifact::{file::Files, tree::Settings};
use dreamcatcher_fuzz::{Known, drive};
use evidence::Format;
use libfuzzer_sys::fuzz_target;

thread_local!(static KNOWN: Known = Known::new());

/// Beginnings that make the input one of a type whose marks are long.
const BEGINNINGS: &[&[u8]] = &[
    b"",
    b"MZ",
    b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F",
    b"%PDF-1.7\n",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"{\\rtf1",
    b"PK\x03\x04",
    b"<html>",
    b"Rar!\x1a\x07\x01\0",
    b"Rar!\x1a\x07\0",
    b"7z\xbc\xaf\x27\x1c\0\x04",
    b"%!image",
];

/// The sectors before the descriptors of an image of a disk, which are empty.
const SYSTEM_AREA: usize = 32_768;

const NAMES: &[&str] = &["a.js", "tasks.json", "package.json", "config", "a.exe", "a.pdf.exe"];

fuzz_target!(|data: &[u8]| {
    let [data @ .., begin, name, how] = data else { return };
    let begin = BEGINNINGS.get(usize::from(*begin) % BEGINNINGS.len()).copied().unwrap_or_default();
    let name = NAMES.get(usize::from(*name) % NAMES.len()).copied().unwrap_or_default();
    let bytes = if begin == b"%!image" { [&[0; SYSTEM_AREA], data].concat() } else { [begin, data].concat() };
    artifact::file::facts(name, &bytes, &mut artifact::Facts::new(artifact::Kind::File, event::Position::Record(1), None));
    let formats: [&dyn Format; 2] = [&Files::default(), &Settings::default()];
    for format in formats {
        let _ = format.recognises(&bytes, name);
        KNOWN.with(|known| drive(format, &bytes, usize::from(*how), known));
    }
});
