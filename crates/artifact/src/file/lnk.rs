//! Windows shortcuts: what they start ([MS-SHLLINK]), and Internet shortcuts.

use super::read::{text, u16_at, u32_at, wide_text};
use crate::Facts;

/// The longest text: its length stands in 16 bits (2.4).
const TEXT: usize = u16::MAX as usize;

/// The longest path of the shell's, in characters, and how many parts of one are looked at.
const PATH: usize = 1024;
const PARTS: usize = 64;

/// Blocks of extra data that are looked at.
const BLOCKS: usize = 64;

/// Bytes of an Internet shortcut that are looked at.
const URL: usize = 1 << 16;

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

/// Tells what a shortcut starts, and in `damages` what was not looked at.
///
/// # Errors
/// Where it ends too early.
pub fn facts(bytes: &[u8], facts: &mut Facts, damages: &mut Vec<String>) -> Result<(), String> {
    try_facts(bytes, facts, damages).ok_or_else(|| "the shortcut ends before its texts do".to_owned())
}

fn try_facts(bytes: &[u8], facts: &mut Facts, damages: &mut Vec<String>) -> Option<()> {
    let flags = u32_at(bytes, 20)?;
    facts.tell("ShowCommand", if u32_at(bytes, 60)? == 7 { "minimized" } else { "" });
    let mut at = 76;
    if flags & HAS_TARGET != 0 {
        let len = usize::from(u16_at(bytes, at)?);
        let list = bytes.get(at + 2..).unwrap_or_default();
        target(shell_path(list.get(..len).unwrap_or(list), damages), facts);
        at += 2 + len;
    }
    if flags & HAS_INFO != 0 {
        let info = bytes.get(at..)?;
        target(local_path(info).unwrap_or_default(), facts);
        target(shared_path(info).unwrap_or_default(), facts);
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
    blocks(bytes.get(at..)?, facts, damages);
    Some(())
}

/// Tells what is started, once for each place in which a shortcut says it, unless they agree: Windows goes by the first that leads anywhere.
fn target(path: String, facts: &mut Facts) {
    if facts.values("Target").all(|known| !known.eq_ignore_ascii_case(&path)) {
        facts.tell("Target", path);
    }
}

/// The path that a list of the shell's items makes (2.2); the items' layout is Windows' own and not published, this is what readers of them agree on.
fn shell_path(mut list: &[u8], damages: &mut Vec<String>) -> String {
    let mut parts = Vec::new();
    while let Some(item) = u16_at(list, 0).filter(|len| *len > 2).and_then(|len| list.get(..usize::from(len))) {
        if parts.len() == PARTS {
            damages.push(format!("limit: {PARTS} parts of the shortcut's target were looked at, and no more"));
            break;
        }
        parts.extend(item_name(item));
        list = list.get(item.len()..).unwrap_or_default();
    }
    let begin = |part: &String| part.trim_end_matches('\\').to_owned();
    let path: Vec<String> = parts.iter().map(begin).collect();
    path.join("\\")
}

/// The name of one item: a drive, a share, a folder, a file, an address; nothing of what has no path (the desktop, a printer).
fn item_name(item: &[u8]) -> Option<String> {
    let kind = *item.get(2)?;
    let behind = |at: usize| item.get(at..).unwrap_or_default();
    let name = match kind {
        // An item of somebody else's that holds one of a file (`CFSF`).
        0x74 if behind(6).starts_with(b"CFSF") => return item_name(behind(10)),
        0x20..=0x2f => text(behind(3), PATH),
        0x30..=0x3f => long_name(item).unwrap_or_else(|| match kind & 4 {
            0 => text(behind(14), PATH),
            _ => wide_text(behind(14), PATH),
        }),
        0x40..=0x4f | 0xc3 => text(behind(5), PATH),
        // An address, with its length before it or not.
        0x61 => {
            let plain = text(behind(6), PATH);
            if plain.is_empty() { wide_text(behind(6), PATH) } else { plain }
        }
        _ => return None,
    };
    Some(name).filter(|name| !name.is_empty())
}

/// The long name of a file, in the block behind its short one; where it stands in that depends on the block's version.
fn long_name(item: &[u8]) -> Option<String> {
    let at = memchr::memmem::find(item, b"\x04\0\xef\xbe")?.checked_sub(4)?;
    let block = item.get(at..)?;
    let begin = match u16_at(block, 2)? {
        0..=2 => return None,
        3..=6 => 20,
        7 => 38,
        8 => 42,
        _ => 46,
    };
    Some(wide_text(block.get(begin..)?, PATH)).filter(|name| !name.is_empty())
}

/// The path on another machine (2.3.2): a share and what follows it.
fn shared_path(info: &[u8]) -> Option<String> {
    let at = u32_at(info, 20)? as usize;
    let network = info.get(at..).filter(|_| at != 0 && u32_at(info, 8).is_some_and(|flags| flags & 2 != 0))?;
    let name = u32_at(network, 8)? as usize;
    let share = match u32_at(network, 20).filter(|_| name > 20) {
        Some(wide) => wide_text(network.get(wide as usize..)?, PATH),
        None => text(network.get(name..)?, PATH),
    };
    let suffix = match u32_at(info, 32).filter(|_| u32_at(info, 4).is_some_and(|len| len >= 36)) {
        Some(wide) => info.get(wide as usize..).map(|bytes| wide_text(bytes, PATH)),
        None => u32_at(info, 24).and_then(|at| info.get(at as usize..)).map(|bytes| text(bytes, PATH)),
    };
    let suffix = suffix.unwrap_or_default();
    Some(if suffix.is_empty() { share } else { format!("{}\\{suffix}", share.trim_end_matches('\\')) })
}

/// The path on the machine itself (2.3): a base and what follows it.
fn local_path(info: &[u8]) -> Option<String> {
    let (base, suffix) = (u32_at(info, 16)? as usize, u32_at(info, 24)? as usize);
    (base != 0).then_some(())?;
    let part = |at: usize| info.get(at..).filter(|_| at != 0).map(|bytes| text(bytes, PATH)).unwrap_or_default();
    Some(part(base) + &part(suffix))
}

/// Blocks of extra data up to the end mark; what is behind it is no part of a shortcut.
fn blocks(mut bytes: &[u8], facts: &mut Facts, damages: &mut Vec<String>) {
    for number in 0.. {
        let size = u32_at(bytes, 0).unwrap_or_default() as usize;
        let Some((block, rest)) = bytes.split_at_checked(size).filter(|_| size >= 4) else { break };
        if number == BLOCKS {
            damages.push(format!("limit: {BLOCKS} blocks behind the shortcut's texts were looked at, and no more"));
            break;
        }
        if u32_at(block, 4) == Some(ENVIRONMENT) {
            let wide = block.get(268..).map(|path| wide_text(path, 260)).unwrap_or_default();
            let plain = || block.get(8..).map(|path| text(path, 260)).unwrap_or_default();
            target(if wide.is_empty() { plain() } else { wide }, facts);
        }
        bytes = rest;
    }
    let behind = bytes.len().saturating_sub(4);
    if behind > 0 {
        facts.count("OverlaySize", behind as u64);
    }
}

/// Tells where an Internet shortcut leads, and in `damages` what was not looked at.
pub fn url_facts(bytes: &[u8], facts: &mut Facts, damages: &mut Vec<String>) {
    if bytes.len() > URL {
        damages.push(format!("limit: {URL} bytes of the Internet shortcut were looked at, and no more"));
    }
    let text = String::from_utf8_lossy(bytes.get(..URL).unwrap_or(bytes));
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
        facts(&bytes, &mut told, &mut Vec::new()).unwrap();
        let value = |name| told.values(name).next().map(|value| value.into_owned()).unwrap_or_default();
        assert_eq!(value("Target"), "%ComSpec%");
        assert_eq!(value("Arguments"), "/c start reader.exe");
        assert_eq!(value("ArgumentsLength"), "19");
        assert_eq!(value("ShowCommand"), "minimized");
        assert_eq!(value("OverlaySize"), "");
        for len in 0..bytes.len() - 792 {
            let _ = facts(&bytes[..len], &mut told, &mut Vec::new());
        }
        assert!(facts(&bytes[..90], &mut told, &mut Vec::new()).is_err());
    }

    fn values(bytes: &[u8], name: &'static str) -> Vec<String> {
        let (mut told, mut damages) = (Facts::new(Kind::File, Position::Record(1), None), Vec::new());
        facts(bytes, &mut told, &mut damages).unwrap();
        told.values(name).map(|value| value.into_owned()).collect()
    }

    fn header(flags: u32) -> Vec<u8> {
        let mut bytes = vec![0; 76];
        bytes[..20].copy_from_slice(b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F");
        bytes[20..24].copy_from_slice(&flags.to_le_bytes());
        bytes
    }

    fn item(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u16 + 2).to_le_bytes()[..], bytes].concat()
    }

    fn listed(items: &[Vec<u8>]) -> Vec<u8> {
        let list = [items.concat(), vec![0, 0]].concat();
        [header(HAS_TARGET), (list.len() as u16).to_le_bytes().to_vec(), list, vec![0; 4]].concat()
    }

    #[test]
    fn a_target_that_only_the_items_of_the_shell_name() {
        let root = item(&[&[0x1f, 0x50][..], &[7; 16]].concat());
        let drive = item(b"\x2fC:\\\0");
        let file = |kind: u8, name: &[u8]| item(&[&[kind, 0][..], &[0; 10], name].concat());
        // The long name in blocks of two versions, behind the short one.
        let long = |version: u16, begin: usize, name: &str| {
            let mut block = vec![0; begin];
            block[2..4].copy_from_slice(&version.to_le_bytes());
            block[4..8].copy_from_slice(b"\x04\0\xef\xbe");
            block.extend(name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
            block
        };
        let windows = file(0x31, &[b"WINDOW~1\0\0", &long(9, 46, "Windows")[..]].concat());
        let system = file(0x31, &[b"SYSTEM32\0\0", &long(3, 20, "System32")[..]].concat());
        for last in [file(0x32, b"cmd.exe\0"), file(0x36, b"c\0m\0d\0.\0e\0x\0e\0\0\0")] {
            let bytes = listed(&[root.clone(), drive.clone(), windows.clone(), system.clone(), last]);
            assert_eq!(values(&bytes, "Target"), ["C:\\Windows\\System32\\cmd.exe"]);
            (0..bytes.len()).for_each(|len| {
                let mut told = Facts::new(Kind::File, Position::Record(1), None);
                let _ = facts(&bytes[..len], &mut told, &mut Vec::new());
            });
        }
        let share = item(b"\xc3\x01\xc5\\\\files.example\\offers\0");
        let bytes = listed(&[root.clone(), share, file(0x32, b"viewer.exe\0")]);
        assert_eq!(values(&bytes, "Target"), ["\\\\files.example\\offers\\viewer.exe"]);
        let mut damages = Vec::new();
        shell_path(&file(0x31, b"a\0").repeat(PARTS + 1), &mut damages);
        assert_eq!(damages.len(), 1);
    }

    #[test]
    fn a_target_on_another_machine() {
        let name = b"\\\\192.0.2.1\\share\0";
        let network = [&[20 + name.len() as u32, 2, 20, 0, 0].map(u32::to_le_bytes).concat()[..], name].concat();
        let suffix = 28 + network.len() as u32;
        let fields = [suffix + 11, 28, 2, 0, 0, 28, suffix].map(u32::to_le_bytes).concat();
        let bytes = [header(HAS_INFO), fields, network, b"viewer.exe\0".to_vec(), vec![0; 4]].concat();
        assert_eq!(values(&bytes, "Target"), ["\\\\192.0.2.1\\share\\viewer.exe"]);
    }

    #[test]
    fn a_command_behind_blanks_is_told() {
        let bytes = shortcut("%ComSpec%", &(" ".repeat(60_000) + "/c start reader.exe"));
        assert!(values(&bytes, "Arguments")[0].ends_with("start reader.exe"));
        assert_eq!(values(&bytes, "ArgumentsLength"), ["60019"]);
    }

    #[test]
    fn limits_are_told() {
        let (mut told, mut damages) = (Facts::new(Kind::File, Position::Record(1), None), Vec::new());
        let block = [8u32, 1].map(u32::to_le_bytes).concat();
        facts(&[header(0), block.repeat(BLOCKS + 1)].concat(), &mut told, &mut damages).unwrap();
        url_facts(&[b'\n'; URL + 1], &mut told, &mut damages);
        assert_eq!(damages.len(), 2, "{damages:?}");
    }

    #[test]
    fn where_an_internet_shortcut_leads() {
        let mut told = Facts::new(Kind::File, Position::Record(1), None);
        url_facts(b"[InternetShortcut]\r\nURL=file://192.0.2.1/share/a.exe\r\n", &mut told, &mut Vec::new());
        assert_eq!(told.values("Target").collect::<Vec<_>>(), ["file://192.0.2.1/share/a.exe"]);
    }
}
