//! Office documents: macros, parts fetched from elsewhere, embedded files ([MS-CFB], ECMA-376, RTF 1.9.1).

use std::io::{Cursor, Read};

use super::{
    kind::Class,
    name::Name,
    read::{u16_at, wide_text},
};
use crate::Facts;

/// Members of a document that are looked at, and how many bytes of one.
const MEMBERS: usize = 4096;
const MEMBER: u64 = 4 << 20;

/// Bytes of all members together.
const ALL: u64 = 32 << 20;

/// Targets, and embedded files, that are kept.
const TARGETS: usize = 64;

/// Relationships (ECMA-376-2, 9.3) by whose target something is fetched when the document is opened.
const FETCHED: &[&str] = &["attachedTemplate", "oleObject", "frame", "subDocument", "externalLink", "image"];

/// Tells what an Office document of the new formats (a zip) holds.
///
/// # Errors
/// Where it cannot be read.
pub fn zip_facts(bytes: &[u8], facts: &mut Facts) -> Result<(), String> {
    if memchr::memmem::find_iter(bytes, b"PK\x01\x02").take(MEMBERS + 1).count() > MEMBERS {
        return Err(format!("limit: expected a document of at most {MEMBERS} members, found more"));
    }
    let failed = |error| format!("expected a zip archive's directory, found none: {error}");
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).map_err(failed)?;
    let mut left = ALL;
    for number in 0..zip.len() {
        let Ok(member) = zip.by_index(number) else { continue };
        let Ok(name) = member.name().map(|name| name.into_owned()) else { continue };
        part(&name, facts);
        if name.ends_with(".rels") || name == "word/document.xml" || name.starts_with("xl/externalLinks/") {
            let mut text = Vec::new();
            // What breaks off gives what came before.
            let _ = member.take(MEMBER.min(left)).read_to_end(&mut text);
            left -= text.len() as u64;
            relations(&String::from_utf8_lossy(&text), facts);
        }
    }
    Ok(())
}

/// Tells what a part that lies there by itself refers to.
pub fn part_facts(bytes: &[u8], facts: &mut Facts) {
    relations(&String::from_utf8_lossy(bytes.get(..ALL as usize).unwrap_or(bytes)), facts);
}

/// Tells of a part by its name.
fn part(name: &str, facts: &mut Facts) {
    let file = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    if (file == "vbaproject.bin" || name.starts_with("xl/macrosheets/")) && facts.values("Macros").next().is_none() {
        facts.tell("Macros", "true");
    }
    if name.contains("/embeddings/") && facts.values("Embeds").count() < TARGETS {
        facts.tell("Embeds", file.as_str());
    }
    if Name::of(&file).class.is_some_and(Class::runs)
        && !file.ends_with(".bin")
        && facts.values("Member").count() < TARGETS
    {
        facts.tell("Member", name);
    }
}

/// Tells of what a part refers to outside of the document, and of commands to other programs (DDE).
fn relations(text: &str, facts: &mut Facts) {
    for element in text.split('<').filter(|element| element.starts_with("Relationship ")) {
        let kind = attribute(element, "Type").unwrap_or_default();
        let kind = kind.rsplit('/').next().unwrap_or_default();
        let is_external = attribute(element, "TargetMode").is_some_and(|mode| mode.eq_ignore_ascii_case("External"));
        if is_external && FETCHED.contains(&kind) && facts.values("ExternalKind").count() < TARGETS {
            facts.tell("ExternalKind", kind);
            facts.tell("ExternalTarget", attribute(element, "Target").unwrap_or_default());
        }
    }
    let commands = ["DDEAUTO", "ddeService=", " DDE "];
    if commands.iter().any(|word| text.contains(word)) {
        facts.tell("Dde", "true");
    }
}

/// The value of an attribute of an element.
fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let (_, behind) = element.split_once(&format!(" {name}="))?;
    let quote = behind.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    behind.get(1..)?.split_once(quote).map(|(value, _)| value)
}

/// Tells what a compound file holds, by the entries of its folders wherever they stand: each has 128 bytes and begins at a multiple of them
/// ([MS-CFB] 2.6). Chains that lead to them may be damaged or endless.
pub fn compound_facts(bytes: &[u8], facts: &mut Facts) {
    for entry in bytes.as_chunks::<128>().0 {
        let len = usize::from(u16_at(entry, 64).unwrap_or_default());
        let (kind, colour) = (entry.get(66).copied(), entry.get(67).copied());
        if !(4..=64).contains(&len) || !len.is_multiple_of(2) || !matches!(kind, Some(1 | 2)) || colour > Some(1) {
            continue;
        }
        let (field, word) = match wide_text(entry, len / 2 - 1).as_str() {
            "_VBA_PROJECT" | "_VBA_PROJECT_CUR" => ("Macros", "true"),
            "EncryptedPackage" => ("Encrypted", "true"),
            "\u{1}Ole10Native" => ("Embeds", "file"),
            "__properties_version1.0" => ("Holds", "mail"),
            "WordDocument" => ("Holds", "Word document"),
            "Workbook" | "Book" => ("Holds", "Excel workbook"),
            "PowerPoint Document" => ("Holds", "PowerPoint presentation"),
            _ => continue,
        };
        if facts.values(field).all(|known| known != word) {
            facts.tell(field, word);
        }
    }
}

/// Tells what an RTF document embeds and fetches.
pub fn rtf_facts(bytes: &[u8], facts: &mut Facts) {
    let has = |word: &str| memchr::memmem::find(bytes, word.as_bytes()).is_some();
    facts.tell("Embeds", if has("\\objdata") { "file" } else { "" });
    facts.tell("Dde", if has("DDEAUTO") { "true" } else { "" });
    for at in memchr::memmem::find_iter(bytes, "\\*\\template").take(TARGETS) {
        let target = bytes.get(at + 11..).unwrap_or_default();
        let target = target.get(..2048).unwrap_or(target);
        let end = target.iter().position(|byte| *byte == b'}').unwrap_or(target.len());
        let target = String::from_utf8_lossy(target.get(..end).unwrap_or_default()).trim().to_owned();
        if target.contains("//") || target.starts_with("\\\\") {
            facts.tell("ExternalKind", "attachedTemplate");
            facts.tell("ExternalTarget", target);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use event::Position;

    use super::*;
    use crate::Kind;

    fn values(told: &Facts, name: &'static str) -> Vec<String> {
        told.values(name).map(|value| value.into_owned()).collect()
    }

    fn document(members: &[(&str, &str)]) -> Facts {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in members {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        let mut told = Facts::new(Kind::File, Position::Record(1), None);
        zip_facts(&zip.finish().unwrap().into_inner(), &mut told).unwrap();
        told
    }

    #[test]
    fn a_template_from_elsewhere() {
        let rels = r#"<Relationships><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate" Target="https://example.org/t.dotm" TargetMode="External"/><Relationship Id="r2" Type="http://x/hyperlink" Target="https://example.org" TargetMode="External"/></Relationships>"#;
        let told = document(&[("[Content_Types].xml", ""), ("word/_rels/settings.xml.rels", rels)]);
        assert_eq!(values(&told, "ExternalKind"), ["attachedTemplate"]);
        assert_eq!(values(&told, "ExternalTarget"), ["https://example.org/t.dotm"]);
    }

    #[test]
    fn macros_and_commands() {
        let told = document(&[
            ("word/vbaProject.bin", ""),
            ("word/document.xml", "<w:instrText>DDEAUTO c:\\\\x</w:instrText>"),
            ("word/embeddings/oleObject1.bin", ""),
            ("run/setup.exe", ""),
        ]);
        assert_eq!(values(&told, "Member"), ["run/setup.exe"]);
        assert_eq!(values(&told, "Macros"), ["true"]);
        assert_eq!(values(&told, "Dde"), ["true"]);
        assert_eq!(values(&told, "Embeds"), ["oleobject1.bin"]);
    }

    #[test]
    fn entries_of_a_compound_file() {
        let mut bytes = vec![0; 512];
        let name: Vec<u8> = "_VBA_PROJECT\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        bytes[256..256 + name.len()].copy_from_slice(&name);
        bytes[256 + 64] = name.len() as u8;
        bytes[256 + 66] = 2;
        let mut told = Facts::new(Kind::File, Position::Record(1), None);
        compound_facts(&bytes, &mut told);
        assert_eq!(values(&told, "Macros"), ["true"]);
    }

    #[test]
    fn rtf() {
        let mut told = Facts::new(Kind::File, Position::Record(1), None);
        rtf_facts(b"{\\rtf1{\\*\\template http://192.0.2.1/a.dotm}{\\object\\objdata 01}}", &mut told);
        assert_eq!(values(&told, "ExternalTarget"), ["http://192.0.2.1/a.dotm"]);
        assert_eq!(values(&told, "Embeds"), ["file"]);
    }
}
