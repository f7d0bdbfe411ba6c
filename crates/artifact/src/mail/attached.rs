//! What is attached: type by content, what it is for, names that deceive.

use super::text::{has_mixed_scripts, is_invisible, is_turned};
use crate::file::Type;

/// What a file is by its first bytes.
pub(super) fn kind(bytes: &[u8]) -> &'static str {
    const HEAD: usize = 64 << 10;
    match Type::of(bytes.get(..HEAD).unwrap_or(bytes), "") {
        Type::Pe | Type::Dos => "PE",
        Type::Elf => "ELF",
        Type::MachO => "MACHO",
        Type::Lnk => "LNK",
        Type::Pdf => "PDF",
        Type::SevenZip => "7Z",
        Type::Rar => "RAR",
        Type::Cab => "CAB",
        Type::Tar => "TAR",
        Type::Iso => "ISO",
        Type::Ole => "OLE",
        Type::Rtf => "RTF",
        Type::Chm => "CHM",
        Type::Ooxml => "OOXML",
        Type::Zip | Type::Jar | Type::OpenDocument => "ZIP",
        Type::Compressed | Type::DiskImage | Type::Image => finer(bytes),
        _ if bytes.starts_with(b"PK\x05\x06") => "ZIP",
        _ if bytes.starts_with(b"#!") => "SCRIPT",
        // A fixed VHD has its footer behind the disk; a disk has the mark of a boot sector.
        _ if bytes.len() >= 512 && bytes.get(bytes.len() - 512..).is_some_and(|end| end.starts_with(b"conectix")) => {
            "VHD"
        }
        _ if bytes.get(510..512) == Some(b"\x55\xaa") => "IMG",
        _ => text_kind(bytes),
    }
}

/// Which of the types that are one to [`Type`].
fn finer(bytes: &[u8]) -> &'static str {
    const BEGINNINGS: [(&[u8], &str); 9] = [
        (b"\x1f\x8b", "GZIP"),
        (b"BZh", "BZIP2"),
        (b"\xfd7zXZ", "XZ"),
        (b"\x28\xb5\x2f\xfd", "ZSTD"),
        (b"conectix", "VHD"),
        (b"vhdxfile", "VHDX"),
        (b"\x89PNG", "PNG"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"GIF8", "GIF"),
    ];
    BEGINNINGS.iter().find(|(begin, _)| bytes.starts_with(begin)).map_or("DATA", |(_, kind)| *kind)
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
        "ZIP" | "7Z" | "RAR" | "CAB" | "TAR" | "GZIP" | "XZ" | "BZIP2" | "ZSTD" => Some("Archive"),
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
        let udf = [&[0u8; 0x8000][..], b"\x00BEA01\x01"].concat();
        let cases: [(&[u8], &str); 12] = [
            (b"MZ\x90", "PE"),
            (b"%PDF-1.7", "PDF"),
            (b" <!DOCTYPE html><p>", "HTML"),
            (b"plain words", "TEXT"),
            (b"", "EMPTY"),
            (b"\x00\x01\x02\x03", "DATA"),
            (&disk, "ISO"),
            (&udf, "ISO"),
            (b"PK\x05\x06", "ZIP"),
            (b"\x1f\x8b\x08", "GZIP"),
            (b"\x89PNG\r\n\x1a\n", "PNG"),
            (b"BEGIN:VCALENDAR\r\n", "ICS"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(kind(bytes), expected);
        }
    }
}
