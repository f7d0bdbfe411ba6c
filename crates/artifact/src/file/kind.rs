//! What a file is, told by its first bytes; the name only tells kinds of text apart.

use super::{disk, name::extension};

/// Beginnings by which types are known, each at its offset; an earlier one wins.
const BEGINNINGS: &[(usize, &[u8], Type)] = &[
    (0, b"\x7fELF", Type::Elf),
    (0, b"\xcf\xfa\xed\xfe", Type::MachO),
    (0, b"\xce\xfa\xed\xfe", Type::MachO),
    (0, b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F", Type::Lnk),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Type::Ole),
    (0, b"{\\rt", Type::Rtf),
    (0, b"7z\xbc\xaf\x27\x1c", Type::SevenZip),
    (0, b"Rar!\x1a\x07", Type::Rar),
    (0, b"MSCF\0\0\0\0", Type::Cab),
    (32769, b"CD001", Type::Iso),
    (34817, b"CD001", Type::Iso),
    // UDF without ISO 9660 beside it (ECMA-167, 2/9.2).
    (32769, b"BEA01", Type::Iso),
    (0, b"vhdxfile", Type::DiskImage),
    (0, b"conectix", Type::DiskImage),
    (0, b"ITSF\x03\0\0\0", Type::Chm),
    (0, b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", Type::OneNote),
    (0, b"\x89PNG\r\n\x1a\n", Type::Image),
    (0, b"\xff\xd8\xff", Type::Image),
    (0, b"GIF8", Type::Image),
    (8, b"WEBP", Type::Image),
    (0, b"\x1f\x8b", Type::Compressed),
    (0, b"BZh", Type::Compressed),
    (0, b"\xfd7zXZ\0", Type::Compressed),
    (0, b"\x28\xb5\x2f\xfd", Type::Compressed),
    (0, b"!<arch>\n", Type::Package),
    (0, b"\xed\xab\xee\xdb", Type::Package),
    (257, b"ustar", Type::Tar),
];

/// Beginnings of JavaScript in a file whose name does not say what it is.
const JAVASCRIPT: &[&str] = &[
    "const ",
    "let ",
    "var ",
    "function",
    "(function",
    "!function",
    "(()=>",
    "(() =>",
    "(async",
    "async ",
    "require(",
    "'use strict'",
    "\"use strict\"",
    "global[",
    "global.",
    "globalThis",
    "window[",
    "eval(",
    "module.exports",
    "export ",
    "import {",
    "import * as",
    "try{",
    "try {",
    "[][",
    "process.",
    ";(",
    "(_0x",
    "_0x",
];

/// Beginnings of Python in such a file.
const PYTHON: &[&str] = &["import ", "from ", "exec(", "def ", "__import__(", "_ = lambda", "_=lambda", "class "];

/// Endings of files that hold no text: where there is text in one, it is looked at for code.
const NO_TEXT: &[&str] = &[
    "woff", "woff2", "ttf", "otf", "eot", "ico", "png", "jpg", "jpeg", "gif", "bmp", "webp", "avif", "svg", "mp3",
    "mp4", "wav", "ogg", "webm", "mov", "avi", "dat", "bin", "wasm", "node", "pdf", "docx", "xlsx", "zip", "gz",
    "class", "pyc", "so", "dll", "exe",
];

/// Hooks of git, which a shell runs where they name no interpreter (git's manual, githooks).
const HOOKS: &[&str] = &[
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "pre-push",
    "post-rewrite",
    "pre-auto-gc",
    "post-index-change",
    "fsmonitor-watchman",
    "reference-transaction",
    "pre-receive",
    "update",
    "post-receive",
    "post-update",
    "push-to-checkout",
];

/// Words of code, of which at least two stand in a text that is taken for code.
const CODE: &[&str] =
    &["require(", "=>", "function", "eval(", "child_process", "import ", "exec(", "const ", "var ", "def ", "return "];

/// What a file is by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// A Windows program, library or driver.
    Pe,
    /// A program of DOS alone.
    Dos,
    Elf,
    MachO,
    Lnk,
    /// An Internet shortcut (`.url`).
    Url,
    Pdf,
    /// A compound file: old Office documents, installers, saved mail.
    Ole,
    Ooxml,
    OpenDocument,
    Rtf,
    OneNote,
    Chm,
    Jar,
    Zip,
    SevenZip,
    Rar,
    Cab,
    Tar,
    Iso,
    /// A disk or a volume of one, as it stands or as a virtual disk (VHD, VHDX).
    DiskImage,
    Compressed,
    /// A package of Debian's or Red Hat's.
    Package,
    Image,
    Html,
    Xml,
    JavaScript,
    VbScript,
    PowerShell,
    Batch,
    Shell,
    Python,
    /// Source of Rust.
    Rust,
    /// A script that names its interpreter, which is none of these.
    Script,
    Text,
    Data,
}

impl Type {
    /// The type of a file that begins with `head`.
    pub fn of(head: &[u8], name: &str) -> Self {
        if head.starts_with(b"MZ") {
            return if is_pe(head) { Self::Pe } else { Self::Dos };
        }
        if head.starts_with(b"PK\x03\x04") {
            return zip_type(head);
        }
        let begins =
            |(at, bytes, _): &&(usize, &[u8], Self)| head.get(*at..).is_some_and(|rest| rest.starts_with(bytes));
        if let Some((_, _, known)) = BEGINNINGS.iter().find(begins) {
            return *known;
        }
        if disk::is_disk(head) {
            return Self::DiskImage;
        }
        // Readers take a PDF whose mark stands within the first kilobyte (ISO 32000-1, annex H.3.4.1).
        if memchr::memmem::find(head.get(..1024).unwrap_or(head), b"%PDF-").is_some() {
            return Self::Pdf;
        }
        if is_text(head) { text_type(head, name) } else { Self::Data }
    }

    /// All of them.
    #[cfg(test)]
    pub const ALL: &[Self] = &[
        Self::Pe,
        Self::Dos,
        Self::Elf,
        Self::MachO,
        Self::Lnk,
        Self::Url,
        Self::Pdf,
        Self::Ole,
        Self::Ooxml,
        Self::OpenDocument,
        Self::Rtf,
        Self::OneNote,
        Self::Chm,
        Self::Jar,
        Self::Zip,
        Self::SevenZip,
        Self::Rar,
        Self::Cab,
        Self::Tar,
        Self::Iso,
        Self::DiskImage,
        Self::Compressed,
        Self::Package,
        Self::Image,
        Self::Html,
        Self::Xml,
        Self::JavaScript,
        Self::VbScript,
        Self::PowerShell,
        Self::Batch,
        Self::Shell,
        Self::Python,
        Self::Rust,
        Self::Script,
        Self::Text,
        Self::Data,
    ];

    /// The name in facts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pe => "PE",
            Self::Dos => "DOS",
            Self::Elf => "ELF",
            Self::MachO => "Mach-O",
            Self::Lnk => "LNK",
            Self::Url => "URL",
            Self::Pdf => "PDF",
            Self::Ole => "OLE",
            Self::Ooxml => "OOXML",
            Self::OpenDocument => "ODF",
            Self::Rtf => "RTF",
            Self::OneNote => "OneNote",
            Self::Chm => "CHM",
            Self::Jar => "JAR",
            Self::Zip => "ZIP",
            Self::SevenZip => "7Z",
            Self::Rar => "RAR",
            Self::Cab => "CAB",
            Self::Tar => "TAR",
            Self::Iso => "ISO",
            Self::DiskImage => "disk image",
            Self::Compressed => "compressed",
            Self::Package => "package",
            Self::Image => "image",
            Self::Html => "HTML",
            Self::Xml => "XML",
            Self::JavaScript => "JavaScript",
            Self::VbScript => "VBScript",
            Self::PowerShell => "PowerShell",
            Self::Batch => "batch",
            Self::Shell => "shell",
            Self::Python => "Python",
            Self::Rust => "Rust",
            Self::Script => "script",
            Self::Text => "text",
            Self::Data => "data",
        }
    }

    /// Whether it is read by an interpreter or compiler, so that its words say what it does.
    pub fn is_code(self) -> bool {
        matches!(self, Self::Html | Self::Rust) || self.class() == Class::Script && self != Self::Chm
    }

    /// What opening such a file does.
    pub const fn class(self) -> Class {
        match self {
            Self::Pe | Self::Dos | Self::Elf | Self::MachO | Self::Jar => Class::Program,
            Self::Lnk | Self::Url => Class::Shortcut,
            Self::JavaScript | Self::VbScript | Self::PowerShell | Self::Batch => Class::Script,
            Self::Shell | Self::Python | Self::Script | Self::Chm => Class::Script,
            Self::Pdf | Self::Ole | Self::Ooxml | Self::OpenDocument | Self::Rtf | Self::OneNote => Class::Document,
            Self::Zip | Self::SevenZip | Self::Rar | Self::Cab | Self::Tar | Self::Compressed => Class::Archive,
            Self::Iso | Self::DiskImage | Self::Package => Class::Archive,
            Self::Image => Class::Image,
            Self::Html | Self::Xml => Class::Page,
            Self::Rust | Self::Text | Self::Data => Class::Data,
        }
    }
}

/// What a file does when it is opened, by its content or by what its name makes people believe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Program,
    Script,
    Shortcut,
    Document,
    Image,
    Media,
    Archive,
    Page,
    Data,
}

impl Class {
    /// The name in facts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Script => "script",
            Self::Shortcut => "shortcut",
            Self::Document => "document",
            Self::Image => "image",
            Self::Media => "media",
            Self::Archive => "archive",
            Self::Page => "page",
            Self::Data => "data",
        }
    }

    /// Whether opening it runs what its author wrote.
    pub const fn runs(self) -> bool {
        matches!(self, Self::Program | Self::Script | Self::Shortcut)
    }
}

/// Whether the DOS header points to a PE header. One that points beyond the first bytes is believed.
fn is_pe(head: &[u8]) -> bool {
    let Some(at) = head.get(60..64).and_then(|at| at.first_chunk()).map(|at| u32::from_le_bytes(*at)) else {
        return false;
    };
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    head.get(at..).map_or(head.len() >= 1 << 16, |rest| rest.starts_with(b"PE\0\0"))
}

/// A zip's type, by the members that documents and programs must have.
fn zip_type(head: &[u8]) -> Type {
    let len = head.get(26..28).and_then(|len| len.first_chunk()).map_or(0, |len| u16::from_le_bytes(*len));
    let first = head.get(30..).unwrap_or_default();
    let (name, rest) = first.split_at_checked(usize::from(len)).unwrap_or((first, &[]));
    match name {
        b"[Content_Types].xml" => Type::Ooxml,
        b"META-INF/" | b"META-INF/MANIFEST.MF" => Type::Jar,
        b"mimetype" if rest.starts_with(b"application/vnd.oasis.opendocument") => Type::OpenDocument,
        _ if memchr::memmem::find(head, b"[Content_Types].xml").is_some() => Type::Ooxml,
        _ => Type::Zip,
    }
}

/// No control characters but those of text; UTF-8 but for a little (old code pages, a character cut in two).
fn is_text(head: &[u8]) -> bool {
    let head = head.get(..4096).unwrap_or(head);
    let odd = |byte: &u8| *byte < 0x20 && !matches!(*byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    let broken: usize = match str::from_utf8(head) {
        Ok(_) => 0,
        Err(_) => head.utf8_chunks().map(|chunk| chunk.invalid().len()).sum(),
    };
    !head.iter().any(odd) && broken <= head.len() / 10
}

fn text_type(head: &[u8], name: &str) -> Type {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if let Some(line) = text.strip_prefix(b"#!") {
        return interpreter(line.split(|byte| *byte == b'\n').next().unwrap_or_default());
    }
    let starts = |word: &[u8]| text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    if starts(b"[InternetShortcut]") {
        return Type::Url;
    }
    let extension = extension(name);
    // Components, which begin with tags as pages do.
    if matches!(extension.as_str(), "vue" | "svelte" | "astro") {
        return Type::JavaScript;
    }
    if [&b"<!doctype html"[..], b"<html", b"<head", b"<body", b"<script"].into_iter().any(starts) {
        return Type::Html;
    }
    let is_markup = text.starts_with(b"<");
    match extension.as_str() {
        // Translations of Qt's programs have the ending of TypeScript.
        "ts" if is_markup => Type::Xml,
        "js" | "jse" | "mjs" | "cjs" | "wsf" | "ts" | "mts" | "cts" | "tsx" | "jsx" => Type::JavaScript,
        "vbs" | "vbe" => Type::VbScript,
        "ps1" | "psm1" => Type::PowerShell,
        "bat" | "cmd" => Type::Batch,
        "sh" | "bash" | "command" => Type::Shell,
        "py" | "pyw" => Type::Python,
        // Lines of these that begin so are run whenever Python starts.
        "pth"
            if text
                .split(|byte| *byte == b'\n')
                .any(|line| line.starts_with(b"import ") || line.starts_with(b"import\t")) =>
        {
            Type::Python
        }
        "hta" | "htm" | "html" => Type::Html,
        "url" => Type::Url,
        "rs" => Type::Rust,
        "" if HOOKS.contains(&name) => Type::Shell,
        "" => code_type(text).unwrap_or_else(|| other_text_type(text)),
        ending if NO_TEXT.contains(&ending) && !is_markup => {
            disguised_type(text).unwrap_or_else(|| other_text_type(text))
        }
        _ => other_text_type(text),
    }
}

fn other_text_type(text: &[u8]) -> Type {
    let starts = |word: &[u8]| text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    match () {
        () if starts(b"<?xml") => Type::Xml,
        () if starts(b"@echo off") => Type::Batch,
        () => Type::Text,
    }
}

/// The language of a text by what it begins with, behind remarks.
fn code_type(text: &[u8]) -> Option<Type> {
    let code = behind_remarks(text);
    JAVASCRIPT.iter().any(|begin| code.starts_with(begin.as_bytes())).then_some(Type::JavaScript)
}

/// The language of a text that is called like something which is none.
fn disguised_type(text: &[u8]) -> Option<Type> {
    let code = behind_remarks(text);
    let head = code.get(..4096).unwrap_or(code);
    let words = CODE.iter().filter(|word| memchr::memmem::find(head, word.as_bytes()).is_some()).count();
    let is_python = PYTHON.iter().any(|begin| code.starts_with(begin.as_bytes()));
    match code_type(text) {
        Some(known) => Some(known),
        None if is_python => Some(Type::Python),
        // Data that hold source begin as JSON does.
        None => (words >= 2 && !head.starts_with(b"{")).then_some(Type::JavaScript),
    }
}

/// The text without the remarks that JavaScript may begin with.
fn behind_remarks(text: &[u8]) -> &[u8] {
    let mut rest = text.trim_ascii_start();
    loop {
        let end = match rest {
            [b'/', b'*', ..] => memchr::memmem::find(rest, b"*/").map(|at| at + 2),
            [b'/', b'/', ..] | [b'#', ..] => memchr::memchr(b'\n', rest),
            _ => None,
        };
        match end.and_then(|end| rest.get(end..)) {
            Some(behind) => rest = behind.trim_ascii_start(),
            None => return rest,
        }
    }
}

/// The type of a script by the first line behind `#!`.
fn interpreter(line: &[u8]) -> Type {
    let has = |word: &[u8]| memchr::memmem::find(line, word).is_some();
    match () {
        () if has(b"python") => Type::Python,
        () if has(b"node") || has(b"deno") || has(b"bun") => Type::JavaScript,
        () if has(b"pwsh") => Type::PowerShell,
        () if has(b"sh") => Type::Shell,
        () => Type::Script,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides() {
        let mut pe = vec![0; 256];
        pe[..2].copy_from_slice(b"MZ");
        pe[60] = 128;
        assert_eq!(Type::of(&pe, "a.pdf"), Type::Dos);
        pe[128..132].copy_from_slice(b"PE\0\0");
        assert_eq!(Type::of(&pe, "a.pdf"), Type::Pe);
        assert_eq!(Type::of(b"\x7fELF\x02\x01", "offer.pdf"), Type::Elf);
        assert_eq!(Type::of(b"junk\n%PDF-1.7\n", "offer.exe"), Type::Pdf);
        assert_eq!(Type::of(b"\n<HTML><body>", "a"), Type::Html);
        assert_eq!(Type::of(b"#!/usr/bin/env node\n", "a"), Type::JavaScript);
        assert_eq!(Type::of(b"var a = 1;", "a.js"), Type::JavaScript);
        assert_eq!(Type::of(b"var a = 1;", "a.log"), Type::Text);
        for name in ["a.ts", "a.tsx", "a.jsx", "a.mts", "logo", "fa.woff2", "favicon.ico"] {
            assert_eq!(Type::of(b"/*! x */\n// y\nconst a = 1;", name), Type::JavaScript, "{name}");
        }
        assert_eq!(Type::of(b"<script>let a</script>", "a.vue"), Type::JavaScript);
        assert_eq!(Type::of(b"<!DOCTYPE TS><TS version='2.1'>", "de.ts"), Type::Xml);
        assert_eq!(Type::of(b"import os; x()", "logo.png"), Type::Python);
        assert_eq!(Type::of(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "logo.png"), Type::Text);
        assert_eq!(Type::of(b"<svg onload='x => function'/>", "logo.svg"), Type::Text);
        assert_eq!(Type::of(b"import os; x()\n", "a.pth"), Type::Python);
        assert_eq!(Type::of(b"../src\n", "a.pth"), Type::Text);
        assert_eq!(Type::of(b"fn main() {}", "gen.rs"), Type::Rust);
        assert_eq!(Type::of(b"\0\0\0", "a.js"), Type::Data);
        assert_eq!(Type::of(b"[internetshortcut]\nURL=x", "a"), Type::Url);
        let zip = |name: &str| [&b"PK\x03\x04"[..], &[0; 22], &[name.len() as u8, 0, 0, 0], name.as_bytes()].concat();
        assert_eq!(Type::of(&zip("[Content_Types].xml"), ""), Type::Ooxml);
        assert_eq!(Type::of(&zip("META-INF/MANIFEST.MF"), ""), Type::Jar);
        assert_eq!(Type::of(&zip("a.txt"), ""), Type::Zip);
    }

    /// The values that a rule asks of a field: behind it, or in the lines of a list below it.
    fn asked<'a>(rule: &'a str, field: &str) -> Vec<&'a str> {
        let mut asked = Vec::new();
        let mut lines = rule.lines().map(str::trim).peekable();
        while let Some(line) = lines.next() {
            let Some(value) = line.trim_start_matches("- ").strip_prefix(field).and_then(|rest| rest.strip_prefix(':'))
            else {
                continue;
            };
            if !value.trim().is_empty() {
                asked.push(value.trim());
                continue;
            }
            while let Some(item) = lines.next_if(|line| line.starts_with("- ")) {
                asked.push(item.trim_start_matches("- "));
            }
        }
        asked.into_iter().map(|value| value.trim_matches(['\'', '"'])).collect()
    }

    /// No rule asks for a type that no file has, or for a script with an ending that never makes one.
    #[test]
    fn every_type_that_a_rule_names_can_be_told() {
        let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../../rules");
        let phases = std::fs::read_dir(rules).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
        let files = phases.flat_map(|phase| std::fs::read_dir(phase).unwrap()).map(|entry| entry.unwrap().path());
        let mut seen = 0;
        for path in files.filter(|path| path.extension().is_some_and(|ending| ending == "yml")) {
            let rule = std::fs::read_to_string(&path).unwrap();
            if !rule.contains("product: artifact") {
                continue;
            }
            for name in asked(&rule, "Type") {
                seen += 1;
                assert!(Type::ALL.iter().any(|known| known.name() == name), "{}: {name}", path.display());
            }
            for name in asked(&rule, "Class") {
                assert!(Type::ALL.iter().any(|known| known.class().name() == name), "{}: {name}", path.display());
            }
            if asked(&rule, "Class").contains(&"script") {
                for ending in asked(&rule, "Extension") {
                    let kind = Type::of(b"import os; const a = require(1);", &format!("a.{ending}"));
                    assert_eq!(kind.class(), Class::Script, "{}: {ending}", path.display());
                }
            }
        }
        assert!(seen > 10);
    }
}
