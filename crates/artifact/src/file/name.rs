//! What a file's name makes people believe, and by which tricks.

use unicode_security::MixedScript;

use super::kind::Class;

/// Characters that look like a full stop and are none.
const DOTS: &[char] = &[
    '\u{2024}', '\u{ff0e}', '\u{fe52}', '\u{ff61}', '\u{3002}', '\u{a4f8}', '\u{06d4}', '\u{0701}', '\u{0702}',
    '\u{2e33}',
];

/// Characters that change the order in which a name is shown (Unicode Standard Annex 9).
const TURNS: &[char] = &[
    '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
    '\u{200e}', '\u{200f}',
];

/// Characters that are shown as nothing.
const INVISIBLE: &[char] =
    &['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{00ad}', '\u{180e}', '\u{3164}'];

/// Endings and what files with them are taken for.
const ENDINGS: &[(Class, &[&str])] = &[
    (
        Class::Program,
        &[
            "exe", "scr", "pif", "com", "cpl", "dll", "sys", "ocx", "drv", "msi", "msix", "jar", "appx", "apk", "deb",
            "rpm", "run", "appimage", "pyd", "node", "efi", "ax", "acm", "mui", "tlb", "xll", "so", "dylib", "bin",
            "elf",
        ],
    ),
    (
        Class::Script,
        &[
            "js", "jse", "mjs", "cjs", "vbs", "vbe", "wsf", "wsh", "hta", "ps1", "psm1", "bat", "cmd", "py", "pyw",
            "sh", "bash", "command", "chm", "msc", "reg", "sct",
        ],
    ),
    (Class::Shortcut, &["lnk", "url", "desktop", "scf", "library-ms", "appref-ms"]),
    (
        Class::Document,
        &[
            "pdf", "doc", "docx", "docm", "dot", "dotx", "dotm", "xls", "xlsx", "xlsm", "xlsb", "ppt", "pptx", "pptm",
            "rtf", "odt", "ods", "odp", "txt", "csv", "md", "hwp", "hwpx", "xps", "epub", "eml", "msg", "one", "pages",
            "numbers", "key", "tex", "vsd", "vsdx",
        ],
    ),
    (Class::Image, &["png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "webp", "svg", "heic", "ico"]),
    (Class::Media, &["mp3", "mp4", "avi", "mov", "mkv", "wav", "m4a", "webm", "flac", "ogg"]),
    (
        Class::Archive,
        &["zip", "7z", "rar", "tar", "gz", "tgz", "bz2", "xz", "zst", "cab", "iso", "img", "vhd", "vhdx", "whl"],
    ),
    (Class::Page, &["htm", "html", "xhtml", "mht", "xml"]),
    (
        Class::Data,
        &["dat", "db", "db3", "log", "tmp", "cache", "json", "ini", "cfg", "conf", "yml", "yaml", "toml", "lock"],
    ),
];

/// What a name says of its file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// The ending as a person sees it, in lower case and without its dot; empty where there is none.
    pub extension: String,
    /// What a person takes the file for.
    pub class: Option<Class>,
    /// How it deceives.
    pub tricks: Vec<&'static str>,
}

impl Name {
    /// Reads a name without its folder.
    pub fn of(name: &str) -> Self {
        let mut tricks = Vec::new();
        let mut trick = |found: bool, words| {
            if found {
                tricks.push(words)
            }
        };
        trick(name.contains('\u{202e}') || name.contains('\u{2067}'), "right-to-left override");
        trick(name.contains(INVISIBLE), "invisible characters");
        trick(name.contains(DOTS), "look-alike dot");
        let mut words = name.split(|c: char| !c.is_alphanumeric());
        trick(words.any(|word| !word.is_ascii() && !word.is_single_script()), "look-alike letters");
        trick(name.contains("     ") && !extension(name).is_empty(), "blanks before the ending");
        trick(name.contains(|c: char| c.is_control()), "control characters");
        let shown = shown(name);
        let (extension, real) = (extension(&shown), extension(name));
        let class = class_of(&extension);
        let before = shown.rsplit_once('.').map_or("", |(before, _)| before.trim_end());
        let inner = class_of(&self::extension(before));
        let innocent = inner.is_some_and(|inner| matches!(inner, Class::Document | Class::Image | Class::Media));
        let runs = class_of(&real).is_some_and(Class::runs) && real != "bin";
        trick(innocent && runs, "double extension");
        // Windows does not show the last ending: what is before it is what people see.
        let class = if innocent && runs { inner } else { class };
        Self { extension, class, tricks }
    }
}

/// The ending of a name, in lower case.
pub fn extension(name: &str) -> String {
    let ending = name.rsplit_once('.').filter(|(before, _)| !before.is_empty()).map_or("", |(_, ending)| ending.trim());
    // An ending is a word; the rest of a sentence is none.
    if ending.chars().count() <= 12 && !ending.contains(' ') { ending.to_lowercase() } else { String::new() }
}

fn class_of(extension: &str) -> Option<Class> {
    ENDINGS.iter().find(|(_, endings)| endings.contains(&extension)).map(|(class, _)| *class)
}

/// The name as it looks: what stands behind an override is turned round.
fn shown(name: &str) -> String {
    let dotted: String = name.chars().map(|c| if DOTS.contains(&c) { '.' } else { c }).collect();
    let (before, turned) = dotted.split_once('\u{202e}').unwrap_or((&dotted, ""));
    let turned = turned.split('\u{202c}').next().unwrap_or_default();
    let all = before.chars().chain(turned.chars().rev());
    all.filter(|c| !TURNS.contains(c) && !INVISIBLE.contains(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> (Option<Class>, Vec<&'static str>) {
        let name = Name::of(name);
        (name.class, name.tricks)
    }

    #[test]
    fn honest_names() {
        for honest in
            ["Bericht.2024.pdf", "日本語の文書 v2.docx", "Größe.txt", "report_v1.2.docx", "채용공고_Senior.pdf"]
        {
            assert_eq!(name(honest), (Some(Class::Document), vec![]), "{honest}");
        }
        assert_eq!(name("setup-1.2.exe"), (Some(Class::Program), vec![]));
        assert_eq!(name("README"), (None, vec![]));
        assert_eq!(name("Invoice.pdf.zip"), (Some(Class::Archive), vec![]));
        assert_eq!(name(".bashrc"), (None, vec![]));
    }

    #[test]
    fn tricks() {
        assert_eq!(name("HSBC job offer\u{2024}pdf"), (Some(Class::Document), vec!["look-alike dot"]));
        assert_eq!(name("Offer_\u{202e}fdp.exe"), (Some(Class::Document), vec!["right-to-left override"]));
        assert_eq!(name("CV.pdf.exe"), (Some(Class::Document), vec!["double extension"]));
        assert_eq!(name("Photo.jpg                .scr").1, ["blanks before the ending", "double extension"]);
        assert_eq!(name("\u{430}nnual report.exe"), (Some(Class::Program), vec!["look-alike letters"]));
        assert_eq!(name("offer.p\u{200b}df"), (Some(Class::Document), vec!["invisible characters"]));
    }
}
