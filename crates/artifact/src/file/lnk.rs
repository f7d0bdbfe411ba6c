//! Windows shortcuts: what they start ([MS-SHLLINK]), and Internet shortcuts.

use super::read::{text, u16_at, u32_at, wide_text};
use crate::Facts;

/// The longest text that is kept, in characters.
const TEXT: usize = 4096;

/// Blocks of extra data that are looked at.
const BLOCKS: usize = 64;

/// Flags of the header (2.1.1).
const HAS_TARGET: u32 = 1;
const HAS_INFO: u32 = 1 << 1;
const IS_WIDE: u32 = 1 << 7;

/// Texts behind the header, each with its flag, in their order (2.4).
const TEXTS: [(u32, &str); 5] = [
    (1 << 2, "Description"),
    (1 << 3, "RelativePath"),
    (1 << 4, "WorkingDirectory"),
    (1 << 5, "Arguments"),
    (1 << 6, "IconLocation"),
];

/// The block that holds a path with names of the environment (2.5.4).
const ENVIRONMENT: u32 = 0xa000_0001;

/// Tells what a shortcut starts.
///
/// # Errors
/// Where it ends too early.
pub fn facts(bytes: &[u8], facts: &mut Facts) -> Result<(), String> {
    try_facts(bytes, facts).ok_or_else(|| "the shortcut ends before its texts do".to_owned())
}

fn try_facts(bytes: &[u8], facts: &mut Facts) -> Option<()> {
    let flags = u32_at(bytes, 20)?;
    facts.tell("ShowCommand", if u32_at(bytes, 60)? == 7 { "minimized" } else { "" });
    let mut at = 76;
    if flags & HAS_TARGET != 0 {
        at += 2 + usize::from(u16_at(bytes, at)?);
    }
    if flags & HAS_INFO != 0 {
        let info = bytes.get(at..)?;
        facts.tell("Target", local_path(info).unwrap_or_default());
        at += u32_at(info, 0)? as usize;
    }
    for (_, name) in TEXTS.into_iter().filter(|(flag, _)| flags & flag != 0) {
        let count = usize::from(u16_at(bytes, at)?);
        let behind = bytes.get(at + 2..)?;
        let (value, len) = match flags & IS_WIDE {
            0 => (text(behind.get(..count)?, TEXT), count),
            _ => (wide_text(behind.get(..2 * count)?, TEXT), 2 * count),
        };
        at += 2 + len;
        if name == "Arguments" {
            facts.count("ArgumentsLength", count as u64);
        }
        facts.tell(name, value);
    }
    blocks(bytes.get(at..)?, facts);
    Some(())
}

/// The path on the machine itself (2.3): a base and what follows it.
fn local_path(info: &[u8]) -> Option<String> {
    let (base, suffix) = (u32_at(info, 16)? as usize, u32_at(info, 24)? as usize);
    let part = |at: usize| info.get(at..).filter(|_| at != 0).map(|bytes| text(bytes, TEXT)).unwrap_or_default();
    Some(part(base) + &part(suffix))
}

/// Blocks of extra data up to the end mark; what is behind it is no part of a shortcut.
fn blocks(mut bytes: &[u8], facts: &mut Facts) {
    for _ in 0..BLOCKS {
        let size = u32_at(bytes, 0).unwrap_or_default() as usize;
        let Some((block, rest)) = bytes.split_at_checked(size).filter(|_| size >= 4) else { break };
        if u32_at(block, 4) == Some(ENVIRONMENT) {
            facts.tell("Target", block.get(268..).map(|path| wide_text(path, 260)).unwrap_or_default());
        }
        bytes = rest;
    }
    let behind = bytes.len().saturating_sub(4);
    if behind > 0 {
        facts.count("OverlaySize", behind as u64);
    }
}

/// Tells where an Internet shortcut leads.
pub fn url_facts(bytes: &[u8], facts: &mut Facts) {
    let text = String::from_utf8_lossy(bytes.get(..1 << 16).unwrap_or(bytes));
    for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
        match name.trim().to_ascii_lowercase().as_str() {
            "url" => facts.tell("Target", value.trim()),
            "iconfile" => facts.tell("IconLocation", value.trim()),
            "workingdirectory" => facts.tell("WorkingDirectory", value.trim()),
            _ => {}
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use event::Position;

    use super::*;
    use crate::Kind;

    /// A shortcut that starts `target` with `arguments`.
    pub fn shortcut(target: &str, arguments: &str) -> Vec<u8> {
        let mut bytes = vec![0; 76];
        bytes[..20].copy_from_slice(b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F");
        bytes[20..24].copy_from_slice(&(HAS_TARGET | IS_WIDE | 1 << 5).to_le_bytes());
        bytes[60] = 7;
        bytes.extend([2, 0, 0, 0]);
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        bytes.extend((arguments.encode_utf16().count() as u16).to_le_bytes());
        bytes.extend(wide(arguments));
        let mut block = [788u32.to_le_bytes(), ENVIRONMENT.to_le_bytes()].concat();
        block.resize(268, 0);
        block.extend(wide(target));
        block.resize(788, 0);
        bytes.extend(block);
        bytes.extend([0; 4]);
        bytes
    }

    #[test]
    fn what_a_shortcut_starts() {
        let mut told = Facts::new(Kind::File, Position::Record(1), None);
        let bytes = shortcut("%ComSpec%", "/c start reader.exe");
        facts(&bytes, &mut told).unwrap();
        let value = |name| told.values(name).next().map(|value| value.into_owned()).unwrap_or_default();
        assert_eq!(value("Target"), "%ComSpec%");
        assert_eq!(value("Arguments"), "/c start reader.exe");
        assert_eq!(value("ArgumentsLength"), "19");
        assert_eq!(value("ShowCommand"), "minimized");
        assert_eq!(value("OverlaySize"), "");
        for len in 0..bytes.len() - 792 {
            let _ = facts(&bytes[..len], &mut told);
        }
        assert!(facts(&bytes[..90], &mut told).is_err());
    }

    #[test]
    fn where_an_internet_shortcut_leads() {
        let mut told = Facts::new(Kind::File, Position::Record(1), None);
        url_facts(b"[InternetShortcut]\r\nURL=file://192.0.2.1/share/a.exe\r\n", &mut told);
        assert_eq!(told.values("Target").collect::<Vec<_>>(), ["file://192.0.2.1/share/a.exe"]);
    }
}
