//! What is attached: type by content, names that deceive, members of archives.

use std::{collections::HashMap, io::Cursor};

use event::{Damage, Position};

use super::opened::Opener;
use super::text::{has_mixed_scripts, is_invisible, is_turned};

/// Most members of an archive that are named.
const MAX_MEMBERS: usize = 1000;
/// Most members that an archive's directory may have for it to be read.
const MAX_DIRECTORY: u64 = 65_535;

/// A file in a mail.
#[derive(Default)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) kind: &'static str,
    /// If it is an archive that can be listed.
    pub(super) members: Vec<Member>,
    pub(super) is_encrypted: bool,
    /// The word of the mail that it was encrypted with.
    pub(super) password: Option<String>,
    /// What it holds, by path.
    pub(super) opened: Vec<(String, Vec<u8>)>,
    damages: Vec<String>,
}

/// What an archive lists.
pub(super) struct Member {
    pub(super) path: String,
    /// What it is by its first bytes; nothing where it was not opened.
    pub(super) kind: &'static str,
}

impl File {
    pub(super) fn read(name: &str, bytes: &[u8], opener: &mut Opener) -> Self {
        let mut file = Self { name: name.to_owned(), kind: kind(bytes), ..Self::default() };
        match file.kind {
            "ZIP" | "OOXML" => file.list(bytes, opener),
            "RAR" | "7Z" => {
                let list = crate::file::List::of(bytes);
                file.is_encrypted = list.is_encrypted;
                file.members.extend(list.members.into_iter().map(|path| Member { path, kind: "" }));
            }
            _ => {}
        }
        file
    }

    /// Reads the directory of a zip archive, and opens what it can.
    fn list(&mut self, bytes: &[u8], opener: &mut Opener) {
        let declared = entries(bytes);
        if declared > MAX_DIRECTORY {
            self.damages.push(format!("limit: more than {MAX_DIRECTORY} members in '{}'", self.name));
            return;
        }
        let mut archive = match zip::ZipArchive::new(Cursor::new(bytes)) {
            Ok(archive) => archive,
            Err(error) => {
                self.damages.push(format!("expected a zip archive in '{}', found a damaged one: {error}", self.name));
                return;
            }
        };
        for index in 0..archive.len().min(MAX_MEMBERS) {
            let member = archive.by_index_raw(index);
            let read = member.and_then(|member| Ok((member.encrypted(), member.name()?.into_owned())));
            match read {
                Ok((is_encrypted, path)) => {
                    self.is_encrypted |= is_encrypted;
                    self.members.push(Member { path, kind: "" });
                }
                Err(error) => {
                    self.damages.push(format!("expected a member of '{}', found a damaged one: {error}", self.name))
                }
            }
        }
        if archive.len() > MAX_MEMBERS {
            self.damages.push(format!("limit: more than {MAX_MEMBERS} members in '{}'", self.name));
        }
        // The parts of a document are looked at with it.
        if self.kind == "ZIP" {
            self.open(&mut archive, opener);
        }
    }

    fn open(&mut self, archive: &mut zip::ZipArchive<Cursor<&[u8]>>, opener: &mut Opener) {
        let opened = opener.open(&self.name, archive);
        let kinds: HashMap<&str, &'static str> =
            opened.members.iter().map(|(path, bytes)| (path.as_str(), kind(bytes))).collect();
        for member in &mut self.members {
            member.kind = kinds.get(member.path.as_str()).copied().unwrap_or_default();
        }
        self.password = opened.password;
        self.damages.extend(opened.limits);
        self.opened = opened.members;
    }

    pub(super) fn damages(&self, position: Position) -> impl Iterator<Item = Damage> {
        self.damages.iter().map(move |reason| Damage { position, records: 0, reason: reason.clone() })
    }
}

/// How many members a zip archive says it has (APPNOTE.TXT 4.3.16).
fn entries(bytes: &[u8]) -> u64 {
    let tail = bytes.get(bytes.len().saturating_sub(70_000)..).unwrap_or_default();
    let end = memchr::memmem::rfind(tail, b"PK\x05\x06").and_then(|at| tail.get(at + 10..at + 12));
    end.and_then(|count| <[u8; 2]>::try_from(count).ok()).map_or(0, |count| u16::from_le_bytes(count).into())
}

/// What a file is by its first bytes.
pub(super) fn kind(bytes: &[u8]) -> &'static str {
    const MAGIC: [(&[u8], &str); 20] = [
        (b"MZ", "PE"),
        (b"\x7fELF", "ELF"),
        (b"L\x00\x00\x00\x01\x14\x02\x00", "LNK"),
        (b"%PDF-", "PDF"),
        (b"7z\xbc\xaf\x27\x1c", "7Z"),
        (b"Rar!\x1a\x07", "RAR"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE"),
        (b"{\\rtf", "RTF"),
        (b"\x1f\x8b", "GZIP"),
        (b"MSCF", "CAB"),
        (b"\x89PNG", "PNG"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"GIF8", "GIF"),
        (b"conectix", "VHD"),
        (b"vhdxfile", "VHDX"),
        (b"\xfd7zXZ", "XZ"),
        (b"BZh", "BZIP2"),
        (b"\xcf\xfa\xed\xfe", "MACHO"),
        (b"ITSF", "CHM"),
        (b"#!", "SCRIPT"),
    ];
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return kind;
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        let head = bytes.get(..4096).unwrap_or(bytes);
        return if memchr::memmem::find(head, b"[Content_Types].xml").is_some() { "OOXML" } else { "ZIP" };
    }
    // ECMA-119, section 8.1: the first volume descriptor is the 17th sector.
    if bytes.get(0x8001..0x8006) == Some(b"CD001") {
        return "ISO";
    }
    // A fixed VHD has its footer behind the disk; a disk has the mark of a boot sector.
    if bytes.len() >= 512 && bytes.get(bytes.len() - 512..).is_some_and(|end| end.starts_with(b"conectix")) {
        return "VHD";
    }
    if bytes.get(510..512) == Some(b"\x55\xaa") {
        return "IMG";
    }
    text_kind(bytes)
}

fn text_kind(bytes: &[u8]) -> &'static str {
    let head = bytes.get(..1024).unwrap_or(bytes);
    let text = String::from_utf8_lossy(head).to_lowercase();
    let text = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    match () {
        () if bytes.is_empty() => "EMPTY",
        () if text.starts_with("<!doctype html")
            || text.starts_with("<html")
            || text.contains("<script")
            || text.contains("<body") =>
        {
            "HTML"
        }
        () if text.starts_with("<svg") || text.starts_with("<?xml") && text.contains("<svg") => "SVG",
        () if text.starts_with("begin:vcalendar") => "ICS",
        () if head.iter().filter(|byte| **byte < b' ' && !matches!(byte, b'\t' | b'\r' | b'\n' | 0x0c)).count()
            * 50
            > head.len() =>
        {
            "DATA"
        }
        () => "TEXT",
    }
}

/// Endings of names that start something on a double click.
const PROGRAMS: [&str; 34] = [
    "exe",
    "scr",
    "com",
    "pif",
    "msi",
    "msix",
    "bat",
    "cmd",
    "ps1",
    "vbs",
    "vbe",
    "js",
    "jse",
    "wsf",
    "wsh",
    "hta",
    "lnk",
    "cpl",
    "jar",
    "dll",
    "reg",
    "url",
    "scf",
    "chm",
    "appx",
    "msc",
    "application",
    "gadget",
    "sct",
    "desktop",
    "ex_",
    "xll",
    "iqy",
    "settingcontent-ms",
];
/// Endings of names of disks that are opened like a folder.
const DISKS: [&str; 5] = ["iso", "img", "vhd", "vhdx", "udf"];
/// Endings of names of archives.
const ARCHIVES: [&str; 11] = ["zip", "rar", "7z", "ace", "arj", "cab", "tar", "gz", "tgz", "xz", "z"];
/// Endings of names of what people read.
const DOCUMENTS: [&str; 18] = [
    "pdf", "doc", "docx", "rtf", "odt", "xls", "xlsx", "csv", "ppt", "pptx", "txt", "jpg", "jpeg", "png", "hwp",
    "hwpx", "htm", "html",
];
/// Characters that look like a dot or part names without being one.
const DOTS: [char; 6] = ['\u{2024}', '\u{ff0e}', '\u{3002}', '\u{fe52}', '\u{00b7}', '\u{2027}'];

/// The ending of a name, in lower case: `exe` of `Salary.pdf.EXE`.
fn ending(name: &str) -> String {
    let name = name.trim_end_matches([' ', '.', '\u{a0}']);
    name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default()
}

/// The field of a mail in which a file is told by what it is for, its content deciding before its name.
pub(super) fn role(name: &str, kind: &str) -> Option<&'static str> {
    let ending = ending(name);
    let is = |list: &[&str]| list.contains(&ending.as_str());
    match kind {
        "PE" | "ELF" | "MACHO" | "LNK" | "CHM" => Some("Program"),
        "ISO" | "VHD" | "VHDX" => Some("Disk"),
        _ if is(&PROGRAMS) => Some("Program"),
        _ if is(&DISKS) => Some("Disk"),
        "ZIP" | "7Z" | "RAR" | "CAB" | "GZIP" | "XZ" | "BZIP2" => Some("Archive"),
        _ if is(&ARCHIVES) => Some("Archive"),
        "HTML" | "SVG" => Some("WebPage"),
        "OOXML" | "OLE" | "RTF" | "PDF" => Some("Document"),
        _ if is(&["htm", "html", "shtml", "svg"]) => Some("WebPage"),
        _ if is(&DOCUMENTS) => Some("Document"),
        _ => None,
    }
}

/// What about a name deceives, given what the content is.
pub(super) fn tricks(name: &str, kind: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    if name.chars().any(is_turned) {
        found.push("turned direction");
    }
    if name.chars().any(|c| DOTS.contains(&c)) {
        found.push("look-alike dot");
    }
    if name.chars().any(|c| is_invisible(c) && !is_turned(c)) {
        found.push("invisible characters");
    }
    if name.split(|c: char| !c.is_alphanumeric()).any(has_mixed_scripts) {
        found.push("letters of several alphabets");
    }
    if name.contains("     ") || name.contains("___________") {
        found.push("long gap");
    }
    let ending = ending(name);
    let before =
        name.rsplit_once('.').map(|(before, _)| before.rsplit(['.', ' ']).next().unwrap_or_default().to_lowercase());
    let is_double = before.is_some_and(|before| DOCUMENTS.contains(&before.as_str()))
        && (PROGRAMS.contains(&ending.as_str()) || DISKS.contains(&ending.as_str()));
    if is_double {
        found.push("double ending");
    }
    let is_program = matches!(kind, "PE" | "ELF" | "LNK" | "MACHO");
    if is_program && !PROGRAMS.contains(&ending.as_str()) && !ending.is_empty() {
        found.push("program by content, not by name");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_deceive_are_told() {
        let cases: [(&str, &str, &[&str]); 8] = [
            ("Offer.pdf", "PDF", &[]),
            ("setup-1.2.exe", "PE", &[]),
            ("Salary.pdf.exe", "PE", &["double ending"]),
            ("offer_\u{202e}fdp.exe", "PE", &["turned direction"]),
            ("job offer\u{2024}pdf", "ELF", &["look-alike dot"]),
            ("offer.pdf", "PE", &["program by content, not by name"]),
            ("a.docx.lnk", "LNK", &["double ending"]),
            ("v1.0.zip", "ZIP", &[]),
        ];
        for (name, kind, expected) in cases {
            assert_eq!(tricks(name, kind), expected, "{name}");
        }
    }

    #[test]
    fn content_decides_what_a_file_is() {
        let disk = [&[0u8; 0x8000][..], b"\x01CD001"].concat();
        let cases: [(&[u8], &str); 7] = [
            (b"MZ\x90", "PE"),
            (b"%PDF-1.7", "PDF"),
            (b" <!DOCTYPE html><p>", "HTML"),
            (b"plain words", "TEXT"),
            (b"", "EMPTY"),
            (b"\x00\x01\x02\x03", "DATA"),
            (&disk, "ISO"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(kind(bytes), expected);
        }
    }
}
