//! What a piece of a format that is not read looks like, in a few words. Told, not relied on.

/// Beginnings by which formats are known, each at its offset.
const BEGINNINGS: &[(usize, &[u8], &str)] = &[
    (0, b"MZ", "Windows program"),
    (0, b"\x7fELF", "Linux program"),
    (0, b"\xcf\xfa\xed\xfe", "macOS program"),
    (0, b"\xca\xfe\xba\xbe", "macOS program or Java class"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG image"),
    (0, b"\xff\xd8\xff", "JPEG image"),
    (0, b"GIF87a", "GIF image"),
    (0, b"GIF89a", "GIF image"),
    (8, b"WEBP", "WebP image"),
    (0, b"II*\0", "TIFF image"),
    (0, b"MM\0*", "TIFF image"),
    (0, b"wOFF", "font"),
    (0, b"wOF2", "font"),
    (0, b"OTTO", "font"),
    (0, b"ttcf", "font"),
    (0, b"\0\x01\0\0\0", "font"),
    (0, b"%PDF-", "PDF document"),
    (0, b"{\\rtf", "RTF document"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE document (old Office, MSI, MSG)"),
    (0, b"SQLite format 3\0", "SQLite database"),
    (4, b"\xef\xcd\xab\x89", "ESE database"),
    (0, b"ElfFile\0", "Windows event log"),
    (4, b"LfLe", "Windows event log of before Vista (EVT)"),
    (0, b"regf", "Windows registry hive"),
    (4, b"SCCA", "Windows prefetch file"),
    (0, b"MAM\x04", "Windows prefetch file (compressed)"),
    (0, b"L\0\0\0\x01\x14\x02\0", "Windows shortcut"),
    (0, b"7z\xbc\xaf\x27\x1c", "7-Zip archive (not opened)"),
    (0, b"Rar!\x1a\x07", "RAR archive (not opened)"),
    (0, b"MSCF", "cabinet archive (not opened)"),
    (0, b"\xfd7zXZ\0", "xz stream (not opened)"),
    (0, b"LZIP", "lzip stream (not opened)"),
    (0, b"\x04\x22\x4d\x18", "lz4 stream (not opened)"),
    (32769, b"CD001", "ISO image (not opened)"),
    (0, b"EVF\x09\r\n\xff\0", "EnCase disk image (not opened)"),
    (0, b"KDMV", "virtual disk (not opened)"),
    (0, b"vhdxfile", "virtual disk (not opened)"),
    (0, b"conectix", "virtual disk"),
    (0, b"PAGEDU", "Windows memory dump"),
    (0, b"MDMP", "Windows minidump"),
    (0, b"\xd4\xc3\xb2\xa1", "network capture (pcap)"),
    (0, b"\xa1\xb2\xc3\xd4", "network capture (pcap)"),
    (0, b"\x0a\x0d\x0d\x0a", "network capture (pcapng)"),
    (0, b"LPKSHHRH", "systemd journal (not opened; journalctl --file FILE -o export writes it as text)"),
    (0, b"<?xml", "XML text"),
    (0, b"<!DOCTYPE html", "HTML text"),
    (0, b"#!", "script"),
    (0, b"-----BEGIN ", "PEM text (keys, certificates)"),
];

/// What a piece that begins with `head` looks like: `PNG image`, `text`, `unknown binary`, …
pub(super) fn looks_like(head: &[u8]) -> &'static str {
    let known = BEGINNINGS
        .iter()
        .find(|(at, bytes, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(bytes)))
        .map(|(_, _, words)| *words);
    known.unwrap_or_else(|| if is_text(head) { "text" } else { "unknown binary" })
}

/// Marks of fewer bytes may stand at the beginning of anything.
const SURE: usize = 6;

/// Whether `head` begins with a mark that is long enough to be nothing else.
pub(crate) fn is_marked(head: &[u8]) -> bool {
    let marks = BEGINNINGS.iter().filter(|(_, mark, _)| mark.len() >= SURE);
    marks.into_iter().any(|(at, mark, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(mark)))
}

/// No control characters but those of text; UTF-8 but for a little (old code pages, a character cut in two).
fn is_text(head: &[u8]) -> bool {
    let odd = |byte: &&u8| **byte < 0x20 && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    let broken: usize = match str::from_utf8(head) {
        Ok(_) => 0,
        Err(_) => head.utf8_chunks().map(|chunk| chunk.invalid().len()).sum(),
    };
    head.iter().find(odd).is_none() && broken <= head.len() / 10
}

/// What a zip is that is a document or a program rather than an archive of evidence; told by its first member's
/// name, which these formats prescribe.
pub(super) fn zip_looks_like(head: &[u8]) -> Option<&'static str> {
    let len = head.get(26..28).and_then(|len| len.first_chunk::<2>()).map(|len| u16::from_le_bytes(*len))?;
    let name = head.get(30..30 + usize::from(len))?;
    match name {
        b"[Content_Types].xml" => Some("Office document"),
        b"mimetype" => Some("OpenDocument or EPUB document"),
        b"META-INF/" | b"META-INF/MANIFEST.MF" => Some("Java archive"),
        b"AndroidManifest.xml" => Some("Android package"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_words() {
        assert_eq!(looks_like(b"MZ\x90\0"), "Windows program");
        assert_eq!(looks_like(b"\x89PNG\r\n\x1a\n..."), "PNG image");
        assert_eq!(looks_like("Nov 22 sshd[1]: grüß Gott\n".as_bytes()), "text");
        assert_eq!(looks_like(b"Nov 22 gr\xfc\xdf Gott, in an old code page\n"), "text");
        assert_eq!(looks_like(&[0, 1, 2, 3]), "unknown binary");
        assert!(is_marked(b"conectix\0") && is_marked(b"GIF89a\x01\0") && !is_marked(b"MZ\x90\0"));
    }
}
