//! Office documents: macros, parts fetched from elsewhere, embedded files ([MS-CFB], [MS-XLS], ECMA-376, RTF 1.9.1).

use std::{
    collections::BTreeSet,
    io::{Cursor, Read},
};

use super::{
    kind::Class,
    name::Name,
    read::{text, u16_at, wide_text},
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

/// Records of an old workbook that are looked at.
const RECORDS: usize = 1 << 16;

/// Fields of an RTF document that are looked at, and how many bytes of one.
const FIELDS: usize = 4096;
const FIELD: usize = 4096;

/// Tells what an Office document of the new formats (a zip) holds, and in `damages` what was not looked at.
///
/// # Errors
/// Where it cannot be read.
pub fn zip_facts(bytes: &[u8], facts: &mut Facts, damages: &mut Vec<String>) -> Result<(), String> {
    if memchr::memmem::find_iter(bytes, b"PK\x01\x02").take(MEMBERS + 1).count() > MEMBERS {
        return Err(format!("limit: expected a document of at most {MEMBERS} members, found more"));
    }
    let failed = |error| format!("expected a zip archive's directory, found none: {error}");
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).map_err(failed)?;
    let (mut left, mut is_cut) = (ALL, false);
    for number in 0..zip.len() {
        let Ok(mut member) = zip.by_index(number) else { continue };
        let Ok(name) = member.name().map(|name| name.into_owned()) else { continue };
        part(&name, facts);
        if has_relations(&name) {
            let (mut text, limit) = (Vec::new(), MEMBER.min(left));
            // What breaks off gives what came before.
            let _ = member.by_ref().take(limit).read_to_end(&mut text);
            is_cut |= text.len() as u64 == limit && member.read(&mut [0]).is_ok_and(|len| len > 0);
            left -= text.len() as u64;
            relations(&String::from_utf8_lossy(&text), facts);
        }
    }
    if is_cut {
        damages.push(format!(
            "limit: {MEMBER} bytes of a part of the document, and {ALL} of all, were looked at, and no more"
        ));
    }
    told_all(facts, damages);
    Ok(())
}

/// Whether a part may refer to what is outside of the document, or have fields: relations, and of texts the body, headers and notes.
fn has_relations(name: &str) -> bool {
    let is_text =
        |folder: &str| name.strip_prefix(folder).is_some_and(|file| !file.contains('/') && file.ends_with(".xml"));
    name.ends_with(".rels") || is_text("word/") || is_text("word/glossary/") || name.starts_with("xl/externalLinks/")
}

/// Tells of lists that are as long as they may get.
fn told_all(facts: &Facts, damages: &mut Vec<String>) {
    for name in ["ExternalTarget", "Embeds", "Member"] {
        if facts.values(name).count() >= TARGETS {
            damages.push(format!("limit: {TARGETS} values of {name} are told, and no more"));
        }
    }
}

/// Tells what a part that lies there by itself refers to.
pub fn part_facts(bytes: &[u8], facts: &mut Facts, damages: &mut Vec<String>) {
    let most = ALL as usize;
    if bytes.len() > most {
        damages.push(format!("limit: {most} bytes of the document were looked at, and no more"));
    }
    relations(&String::from_utf8_lossy(bytes.get(..most).unwrap_or(bytes)), facts);
    told_all(facts, damages);
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
    if text.contains("ddeService=") || is_dde(&instructions(text)) {
        dde(facts);
    }
}

fn dde(facts: &mut Facts) {
    if facts.values("Dde").next().is_none() {
        facts.tell("Dde", "true");
    }
}

/// The commands of all fields of a text, joined: one may be cut into any number of runs (ECMA-376-1, 17.16.23). A blank stands where a field begins.
fn instructions(text: &str) -> String {
    let mut joined = String::new();
    for element in text.split('<') {
        let (tag, content) = element.split_once('>').unwrap_or((element, ""));
        let name = tag.split([' ', '\t', '\r', '\n', '/']).next().unwrap_or_default();
        // Whatever the document calls the namespace.
        match name.split_once(':').map_or(name, |(_, name)| name) {
            "instrText" => joined.push_str(content),
            "fldSimple" => joined.extend([" ", tag.split_once("instr=").map_or("", |(_, command)| command), " "]),
            "fldChar" if tag.contains("begin") => joined.push(' '),
            _ => {}
        }
    }
    joined
}

/// Whether one of the words is that of a field which starts another program.
fn is_dde(instructions: &str) -> bool {
    instructions
        .split([' ', '\t', '\r', '\n', '"', '\''])
        .any(|word| ["DDE", "DDEAUTO"].iter().any(|dde| word.eq_ignore_ascii_case(dde)))
}

/// The value of an attribute of an element.
fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let (_, behind) = element.split_once(&format!(" {name}="))?;
    let quote = behind.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    behind.get(1..)?.split_once(quote).map(|(value, _)| value)
}

/// Tells what a compound file holds, by the entries of its folders wherever they stand: each has 128 bytes and begins at a multiple of them
/// ([MS-CFB] 2.6). Chains that lead to them may be damaged or endless.
pub fn compound_facts(bytes: &[u8], facts: &mut Facts, damages: &mut Vec<String>) {
    let mut words = BTreeSet::new();
    for entry in bytes.as_chunks::<128>().0 {
        let len = usize::from(u16_at(entry, 64).unwrap_or_default());
        let (kind, colour) = (entry.get(66).copied(), entry.get(67).copied());
        if !(4..=64).contains(&len) || !len.is_multiple_of(2) || !matches!(kind, Some(1 | 2)) || colour > Some(1) {
            continue;
        }
        words.insert(match wide_text(entry, len / 2 - 1).as_str() {
            "_VBA_PROJECT" | "_VBA_PROJECT_CUR" => ("Macros", "true"),
            "EncryptedPackage" => ("Encrypted", "true"),
            "\u{1}Ole10Native" => ("Embeds", "file"),
            "__properties_version1.0" => ("Holds", "mail"),
            "WordDocument" => ("Holds", "Word document"),
            "Workbook" | "Book" => ("Holds", "Excel workbook"),
            "PowerPoint Document" => ("Holds", "PowerPoint presentation"),
            _ => continue,
        });
    }
    if words.contains(&("Holds", "Excel workbook")) {
        workbook(bytes, &mut words, damages);
    }
    if words.contains(&("Holds", "Word document")) && has_field(bytes) {
        words.insert(("Dde", "true"));
    }
    words.into_iter().for_each(|(field, word)| facts.tell(field, word));
}

/// Beginnings of a workbook's own records, before those of its sheets, in Excel 97 and 95 ([MS-XLS] 2.4.21).
const WORKBOOKS: [&[u8]; 2] = [b"\x09\x08\x10\0\0\x06\x05\0", b"\x09\x08\x08\0\0\x05\x05\0"];

/// Tells of sheets that hold macros, as Excel had them before Visual Basic ([MS-XLS] 2.4.28): a workbook's own records name all sheets.
fn workbook(bytes: &[u8], words: &mut BTreeSet<(&'static str, &'static str)>, damages: &mut Vec<String>) {
    let mut left = RECORDS;
    for begin in WORKBOOKS.iter().flat_map(|begin| memchr::memmem::find_iter(bytes, begin)) {
        let mut rest = bytes.get(begin..).unwrap_or_default();
        while let (Some(kind), Some(len)) = (u16_at(rest, 0), u16_at(rest, 2)) {
            let Some(less) = left.checked_sub(1) else {
                return damages.push(format!("limit: {RECORDS} records of the workbook were looked at, and no more"));
            };
            left = less;
            match (kind, rest.get(8), rest.get(9)) {
                // Its end, or what is no record.
                (0x0a, ..) | (0 | 0x1000.., ..) => break,
                (0x85, Some(state), Some(1)) => {
                    words.insert(("Macros", "true"));
                    words.insert((
                        "MacroSheet",
                        ["visible", "hidden", "very hidden"].get(usize::from(state & 3)).copied().unwrap_or("hidden"),
                    ));
                }
                _ => {}
            }
            rest = rest.get(4 + usize::from(len)..).unwrap_or_default();
        }
    }
}

/// Whether an old Word document has a field that starts another program: its command stands behind the mark of a field ([MS-DOC] 2.8.25), in either
/// encoding.
fn has_field(bytes: &[u8]) -> bool {
    memchr::memchr_iter(0x13, bytes).any(|at| {
        let behind = bytes.get(at + 1..).unwrap_or_default();
        let behind = behind.get(..64).unwrap_or(behind);
        if !behind.iter().find(|byte| !matches!(byte, 0 | b' ')).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'd')) {
            return false;
        }
        let wide = wide_text(behind.strip_prefix(b"\0").unwrap_or_default(), 32);
        [text(behind, 32), wide]
            .iter()
            .any(|text| is_dde(text.trim_start().split([' ', '\x14', '\x15']).next().unwrap_or_default()))
    })
}

/// Tells what an RTF document embeds and fetches, and in `damages` what was not looked at.
pub fn rtf_facts(bytes: &[u8], facts: &mut Facts, damages: &mut Vec<String>) {
    let find = |word: &'static str| memchr::memmem::find_iter(bytes, word).map(move |at| at + word.len());
    facts.tell("Embeds", if find("\\objdata").next().is_some() { "file" } else { "" });
    let behind = |at: usize, most: usize| {
        let behind = bytes.get(at..).unwrap_or_default();
        behind.get(..most).unwrap_or(behind)
    };
    let mut fields = find("\\fldinst").take(FIELDS + 1);
    let has_dde = fields.by_ref().take(FIELDS).any(|at| is_dde(&rtf_text(behind(at, FIELD))));
    if has_dde || find("DDEAUTO").next().is_some() {
        dde(facts);
    }
    if fields.next().is_some() && !has_dde {
        damages.push(format!("limit: {FIELDS} fields of the document were looked at, and no more"));
    }
    for (number, at) in find("\\*\\template").enumerate() {
        if number == TARGETS {
            return damages.push(format!("limit: {TARGETS} templates of the document were looked at, and no more"));
        }
        let target = behind(at, 2048);
        let end = target.iter().position(|byte| *byte == b'}').unwrap_or(target.len());
        let target = String::from_utf8_lossy(target.get(..end).unwrap_or_default()).trim().to_owned();
        if target.contains("//") || target.starts_with("\\\\") {
            facts.tell("ExternalKind", "attachedTemplate");
            facts.tell("ExternalTarget", target);
        }
    }
}

/// The text of a group up to its end, without the words and groups that only say how it looks.
fn rtf_text(bytes: &[u8]) -> String {
    let (mut text, mut depth, mut rest) = (String::new(), 1u32, bytes);
    while let [first, behind @ ..] = rest {
        rest = behind;
        match first {
            b'{' => depth += 1,
            b'}' if depth <= 1 => break,
            b'}' => depth -= 1,
            b'\\' => rest = behind_word(behind, &mut text),
            b'\r' | b'\n' => {}
            byte => text.push(char::from(*byte)),
        }
    }
    text
}

/// What follows a control word or symbol; a character that it stands for is added to the text.
fn behind_word<'a>(bytes: &'a [u8], text: &mut String) -> &'a [u8] {
    if let [b'\'', digits @ ..] = bytes {
        let code =
            digits.first_chunk::<2>().and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        text.extend(code.map(char::from));
        return digits.get(2..).unwrap_or_default();
    }
    let letters = bytes.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let digits = bytes.iter().skip(letters).take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
    let len = if letters == 0 { 1 } else { letters + digits };
    let rest = bytes.get(len..).unwrap_or_default();
    if letters > 0 { rest.strip_prefix(b" ").unwrap_or(rest) } else { rest }
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
        let (told, damages) = document_and_damages(members);
        assert_eq!(damages, [""; 0]);
        told
    }

    fn document_and_damages(members: &[(&str, &str)]) -> (Facts, Vec<String>) {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in members {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        let mut told = Facts::new(Kind::File, Position::Record(1), None);
        let mut damages = Vec::new();
        zip_facts(&zip.finish().unwrap().into_inner(), &mut told, &mut damages).unwrap();
        (told, damages)
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
        compound_facts(&bytes, &mut told, &mut Vec::new());
        assert_eq!(values(&told, "Macros"), ["true"]);
    }

    /// A compound file with the entry of a stream of this name, and these bytes.
    fn compound(name: &str, stream: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 512];
        let name: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        bytes[..name.len()].copy_from_slice(&name);
        bytes[64] = name.len() as u8;
        bytes[66] = 2;
        [bytes, stream.to_vec()].concat()
    }

    fn compound_told(name: &str, stream: &[u8]) -> (Facts, Vec<String>) {
        let (mut told, mut damages) = (Facts::new(Kind::File, Position::Record(1), None), Vec::new());
        compound_facts(&compound(name, stream), &mut told, &mut damages);
        (told, damages)
    }

    #[test]
    fn sheets_of_macros_in_an_old_workbook() {
        let record =
            |kind: u16, bytes: &[u8]| [&kind.to_le_bytes()[..], &(bytes.len() as u16).to_le_bytes(), bytes].concat();
        let begin = record(0x809, &[0, 6, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let sheet = |state: u8, kind: u8| record(0x85, &[&[0, 0, 0, 0, state, kind, 2, 0][..], b"A1"].concat());
        let end = record(10, &[]);
        let honest = [&begin[..], &sheet(0, 0), &end].concat();
        assert_eq!(values(&compound_told("Workbook", &honest).0, "Macros"), [""; 0]);
        for (state, word) in [(0, "visible"), (1, "hidden"), (2, "very hidden")] {
            let macros = [&begin[..], &record(0x42, &[4, 0xb0]), &sheet(0, 0), &sheet(state, 1), &end].concat();
            let (told, damages) = compound_told("Workbook", &macros);
            assert_eq!(
                (values(&told, "Macros"), values(&told, "MacroSheet")),
                (vec!["true".into()], vec![word.into()])
            );
            assert_eq!(damages, [""; 0]);
            assert_eq!(values(&compound_told("WordDocument", &macros).0, "Macros"), [""; 0]);
        }
        let endless = [&begin[..], &record(0x42, &[]).repeat(RECORDS)].concat();
        assert_eq!(compound_told("Workbook", &endless).1.len(), 1);
    }

    #[test]
    fn commands_in_an_old_document() {
        let wide: Vec<u8> = "\u{13} DDEAUTO c:\\x\u{14}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for stream in [&wide[..], b"text \x13DDE x y\x15"] {
            assert_eq!(values(&compound_told("WordDocument", stream).0, "Dde"), ["true"]);
        }
        for stream in [&b"text about DDE and DDEAUTO"[..], b"\x13 DATE \x14 DDE \x15", b"\x13 DDEX"] {
            assert_eq!(values(&compound_told("WordDocument", stream).0, "Dde"), [""; 0]);
        }
    }

    #[test]
    fn commands_cut_into_runs() {
        let run = |text: &str| format!("<w:r><w:instrText xml:space=\"preserve\">{text}</w:instrText></w:r>");
        let begin = "<w:r><w:fldChar w:fldCharType=\"begin\"/></w:r>";
        for runs in [[" DDEA", "UTO c:\\x"], ["d", "de c:\\x"], ["DDEAUTO", " c:\\x"]] {
            let text = format!("{begin}{}<w:t>x</w:t>{}", run(runs[0]), run(runs[1]));
            for part in ["word/document.xml", "word/header2.xml", "word/footnotes.xml"] {
                assert_eq!(values(&document(&[(part, &text)]), "Dde"), ["true"], "{text}");
            }
        }
        let simple = "<o:fldSimple o:instr='DDE c:\\x'/>";
        assert_eq!(values(&document(&[("word/document.xml", simple)]), "Dde"), ["true"]);
        for honest in [run("PAGE") + &run(" DDEX "), "<w:t>DDE auto</w:t>".to_owned(), run("D") + begin + &run("DE")] {
            assert_eq!(values(&document(&[("word/document.xml", &honest)]), "Dde"), [""; 0], "{honest}");
        }
    }

    #[test]
    fn limits_are_told() {
        let long = " ".repeat(MEMBER as usize + 1);
        assert_eq!(document_and_damages(&[("word/document.xml", &long)]).1.len(), 1);
        let all: Vec<_> = (0..=ALL / MEMBER).map(|number| format!("word/{number}.xml")).collect();
        let all: Vec<_> = all.iter().map(|name| (name.as_str(), &long[1..])).collect();
        assert_eq!(document_and_damages(&all).1.len(), 1);
        let programs: Vec<_> = (0..=TARGETS).map(|number| format!("{number}.exe")).collect();
        let programs: Vec<_> = programs.iter().map(|name| (name.as_str(), "")).collect();
        assert_eq!(document_and_damages(&programs).1.len(), 1);
        let (mut told, mut damages) = (Facts::new(Kind::File, Position::Record(1), None), Vec::new());
        rtf_facts("{\\*\\template http://a}".repeat(TARGETS + 1).as_bytes(), &mut told, &mut damages);
        rtf_facts("{\\fldinst PAGE}".repeat(FIELDS + 1).as_bytes(), &mut told, &mut damages);
        part_facts(&vec![b' '; ALL as usize + 1], &mut Facts::new(Kind::File, Position::Record(1), None), &mut damages);
        assert_eq!(damages.len(), 3, "{damages:?}");
    }

    #[test]
    fn commands_of_rtf() {
        for (text, is_there) in [
            ("{\\field{\\*\\fldinst DDEAUTO c:\\\\x}}", true),
            ("{\\field{\\*\\fldinst {\\rtlch\\f0 DD}{\\b EAU\r\n}{TO} c}}", true),
            ("{\\field{\\*\\fldinst \\'44DE x}}", true),
            ("{\\field{\\*\\fldinst PAGE}} about DDE", false),
        ] {
            let mut told = Facts::new(Kind::File, Position::Record(1), None);
            rtf_facts(text.as_bytes(), &mut told, &mut Vec::new());
            assert_eq!(values(&told, "Dde").len(), usize::from(is_there), "{text}");
        }
    }

    #[test]
    fn rtf() {
        let mut told = Facts::new(Kind::File, Position::Record(1), None);
        rtf_facts(b"{\\rtf1{\\*\\template http://192.0.2.1/a.dotm}{\\object\\objdata 01}}", &mut told, &mut Vec::new());
        assert_eq!(values(&told, "ExternalTarget"), ["http://192.0.2.1/a.dotm"]);
        assert_eq!(values(&told, "Embeds"), ["file"]);
    }
}
