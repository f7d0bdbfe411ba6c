//! PDF documents: what happens when they are opened (ISO 32000-1). No parser of the whole: names are looked for in the file as it stands and in
//! the streams that readers unpack, so that a damaged or hidden table costs nothing.

use std::{collections::BTreeSet, io::Read};

use crate::Facts;

/// Streams that are unpacked, and how many bytes come out of one, and of all.
const STREAMS: usize = 2000;
const STREAM: u64 = 4 << 20;
const ALL: u64 = 32 << 20;

/// So many times the file's bytes are read for that.
const REREAD: usize = 4;

/// Addresses that are kept, and how long one may be.
const LINKS: usize = 64;
const LINK: usize = 2048;

/// Names (7.3.5), each with the field and the word that it is told by.
const NAMES: &[(&[u8], &str, &str)] = &[
    (b"OpenAction", "Action", "on opening"),
    (b"AA", "Action", "on events"),
    (b"Launch", "Action", "starts a program"),
    (b"JavaScript", "Action", "script"),
    (b"JS", "Action", "script"),
    (b"SubmitForm", "Action", "sends a form"),
    (b"GoToR", "Action", "opens another file"),
    (b"GoToE", "Action", "opens an embedded file"),
    (b"EmbeddedFile", "Embeds", "file"),
    (b"RichMedia", "Embeds", "media"),
    (b"XFA", "Embeds", "form"),
    (b"Encrypt", "Encrypted", "true"),
];

/// Tells what a PDF does and holds.
pub fn facts(bytes: &[u8], facts: &mut Facts) {
    let mut found = BTreeSet::new();
    let mut links = BTreeSet::new();
    scan(bytes, &mut found, &mut links);
    let mut left = Left { packed: REREAD * bytes.len(), unpacked: ALL };
    for at in memchr::memmem::find_iter(bytes, "stream").take(STREAMS) {
        let unpacked = left.unpack(bytes.get(at + 6..).unwrap_or_default());
        scan(&unpacked, &mut found, &mut links);
    }
    found.into_iter().for_each(|(field, word)| facts.tell(field, word));
    links.into_iter().for_each(|link| facts.tell("Link", link));
}

/// How much may yet be read and come out: streams may lie within one another.
struct Left {
    packed: usize,
    unpacked: u64,
}

impl Left {
    /// What comes out of a stream that is compressed with the usual method; nothing where it is not.
    fn unpack(&mut self, stream: &[u8]) -> Vec<u8> {
        let stream = stream.strip_prefix(b"\r").unwrap_or(stream);
        let stream = stream.strip_prefix(b"\n").unwrap_or(stream);
        let stream = stream.get(..self.packed).unwrap_or(stream);
        let mut out = Vec::new();
        if stream.first().is_some_and(|first| first & 0x0f == 8) {
            let mut decoder = flate2::read::ZlibDecoder::new(stream);
            // A stream that breaks off gives what came before.
            let _ = decoder.by_ref().take(STREAM.min(self.unpacked)).read_to_end(&mut out);
            self.packed = self.packed.saturating_sub(usize::try_from(decoder.total_in()).unwrap_or(usize::MAX));
            self.unpacked = self.unpacked.saturating_sub(decoder.total_out());
        }
        out
    }
}

fn scan(bytes: &[u8], found: &mut BTreeSet<(&'static str, &'static str)>, links: &mut BTreeSet<String>) {
    for at in memchr::memchr_iter(b'/', bytes) {
        let (name, behind) = name(bytes.get(at + 1..).unwrap_or_default());
        if let Some((_, field, word)) = NAMES.iter().find(|(known, ..)| **known == name[..]) {
            found.insert((field, word));
        }
        if name == b"URI" && links.len() < LINKS {
            links.extend(text(behind));
        }
    }
}

/// A name with what `#` hides in it, and what follows; longer names than any that is looked for are cut.
fn name(bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let (mut name, mut rest) = (Vec::new(), bytes);
    while let [first, behind @ ..] = rest {
        let hidden = behind.first_chunk::<2>().filter(|_| *first == b'#');
        let hidden = hidden.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        let is_end = matches!(first, b'/' | b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'%');
        if is_end || first.is_ascii_whitespace() || *first == 0 || name.len() == 32 {
            break;
        }
        name.push(hidden.unwrap_or(*first));
        rest = if hidden.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    (name, rest)
}

/// The text in parentheses that follows a name.
fn text(bytes: &[u8]) -> Option<String> {
    let inner = bytes.trim_ascii_start().strip_prefix(b"(")?;
    let inner = inner.get(..LINK).unwrap_or(inner);
    let end = inner.iter().position(|byte| *byte == b')')?;
    Some(String::from_utf8_lossy(inner.get(..end)?).into_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use event::Position;

    use super::*;
    use crate::Kind;

    fn told(bytes: &[u8], name: &'static str) -> Vec<String> {
        let mut told = Facts::new(Kind::File, Position::Record(1), None);
        facts(bytes, &mut told);
        told.values(name).map(|value| value.into_owned()).collect()
    }

    #[test]
    fn what_it_does() {
        let pdf = b"%PDF-1.7\n1 0 obj<</OpenAction<</S/Launch/F(cmd)>>/A<</S/URI/URI(https://example.org/a)>>>>";
        assert_eq!(told(pdf, "Action"), ["on opening", "starts a program"]);
        assert_eq!(told(pdf, "Link"), ["https://example.org/a"]);
        assert_eq!(told(b"%PDF-1.7\n<</S /J#61vaScript>>", "Action"), ["script"]);
        assert_eq!(told(b"%PDF-1.7\n<</Type/Page>>", "Action"), [""; 0]);
    }

    #[test]
    fn what_is_packed() {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(b"<</Type/EmbeddedFile>>").unwrap();
        let pdf = [b"%PDF-1.7\nstream\r\n", &packer.finish().unwrap()[..], b"\nendstream"].concat();
        assert_eq!(told(&pdf, "Embeds"), ["file"]);
    }
}
