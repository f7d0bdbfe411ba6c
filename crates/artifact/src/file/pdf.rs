//! PDF documents: what happens when they are opened (ISO 32000-1). No parser of the whole: names are looked for in the file as it stands and in
//! the streams that readers unpack, so that a damaged or hidden table costs nothing.

use std::{collections::BTreeSet, io::Read};

use crate::Facts;

/// Streams that are unpacked, and how many bytes come out of one, and of all.
const STREAMS: usize = 1 << 14;
const STREAM: u64 = 4 << 20;
const ALL: u64 = 64 << 20;

/// So many times the file's bytes are read for that.
const REREAD: usize = 4;

/// Addresses that are kept, and how long one may be.
const LINKS: usize = 1024;
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

/// Tells what a PDF does and holds, and in `damages` what was not looked at.
pub fn facts(bytes: &[u8], facts: &mut Facts, damages: &mut Vec<String>) {
    let mut found = BTreeSet::new();
    let mut links = BTreeSet::new();
    scan(bytes, &mut found, &mut links);
    let mut left =
        Left { packed: REREAD * bytes.len(), unpacked: ALL, streams: STREAMS, is_cut: false, are_streams_cut: false };
    for at in memchr::memmem::find_iter(bytes, "stream") {
        // The word that ends a stream begins none.
        if at.checked_sub(3).and_then(|at| bytes.get(at..at + 3)) == Some(b"end") {
            continue;
        }
        let unpacked = left.unpack(bytes.get(at + 6..).unwrap_or_default());
        if left.are_streams_cut {
            break;
        }
        scan(&unpacked, &mut found, &mut links);
    }
    left.tell(damages);
    if links.len() > LINKS {
        links.pop_last();
        damages.push(format!("limit: {LINKS} addresses of the PDF are told, and no more"));
    }
    found.into_iter().for_each(|(field, word)| facts.tell(field, word));
    links.into_iter().for_each(|link| facts.tell("Link", link));
}

/// How much may yet be read and come out: streams may lie within one another.
struct Left {
    packed: usize,
    unpacked: u64,
    streams: usize,
    /// Whether a stream was not unpacked to its end, and whether there were more than were unpacked.
    is_cut: bool,
    are_streams_cut: bool,
}

impl Left {
    fn tell(&self, damages: &mut Vec<String>) {
        if self.are_streams_cut {
            damages.push(format!("limit: {STREAMS} streams of the PDF were unpacked, and no more"));
        }
        if self.is_cut {
            damages.push(format!(
                "limit: {STREAM} bytes of a stream of the PDF, and {ALL} of all, were unpacked, and no more"
            ));
        }
    }

    /// What comes out of a stream that is compressed with the usual method; nothing where it is not.
    fn unpack(&mut self, stream: &[u8]) -> Vec<u8> {
        let stream = stream.strip_prefix(b"\r").unwrap_or(stream);
        let stream = stream.strip_prefix(b"\n").unwrap_or(stream);
        let (all, mut out) = (stream.len(), Vec::new());
        let stream = stream.get(..self.packed).unwrap_or(stream);
        let is_packed = |bytes: &[u8]| bytes.first_chunk().is_some_and(|head| is_zlib(*head));
        if is_packed(stream) {
            let Some(streams) = self.streams.checked_sub(1) else {
                self.are_streams_cut = true;
                return out;
            };
            self.streams = streams;
            let mut decoder = flate2::read::ZlibDecoder::new(stream);
            // A stream that breaks off gives what came before.
            let limit = STREAM.min(self.unpacked);
            let _ = decoder.by_ref().take(limit).read_to_end(&mut out);
            let is_more = out.len() as u64 == limit && decoder.read(&mut [0]).is_ok_and(|len| len > 0);
            self.is_cut |= is_more || decoder.total_in() == stream.len() as u64 && stream.len() < all;
            self.packed = self.packed.saturating_sub(usize::try_from(decoder.total_in()).unwrap_or(usize::MAX));
            self.unpacked = self.unpacked.saturating_sub(decoder.total_out());
        } else {
            self.is_cut |= self.packed == 0 && all > 0;
        }
        out
    }
}

/// Whether a stream begins as zlib's do (RFC 1950, 2.2): the method is deflate, and both bytes are a multiple of 31.
fn is_zlib([method, flags]: [u8; 2]) -> bool {
    method & 0x0f == 8 && u16::from_be_bytes([method, flags]).is_multiple_of(31)
}

fn scan(bytes: &[u8], found: &mut BTreeSet<(&'static str, &'static str)>, links: &mut BTreeSet<String>) {
    for at in memchr::memchr_iter(b'/', bytes) {
        let (name, behind) = name(bytes.get(at + 1..).unwrap_or_default());
        if let Some((_, field, word)) = NAMES.iter().find(|(known, ..)| **known == name[..]) {
            found.insert((field, word));
        }
        if name == b"URI" && links.len() <= LINKS {
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
        facts(bytes, &mut told, &mut Vec::new());
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

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(bytes).unwrap();
        [b"stream\n", &packer.finish().unwrap()[..], b"\nendstream\n"].concat()
    }

    fn damages(bytes: &[u8]) -> Vec<String> {
        let mut damages = Vec::new();
        facts(bytes, &mut Facts::new(Kind::File, Position::Record(1), None), &mut damages);
        damages
    }

    #[test]
    fn limits_are_told() {
        let launch = packed(b"<</S/Launch/F(cmd)>>");
        let blank = packed(b" ");
        let within = [b"%PDF-1.7\n", &blank.repeat(STREAMS - 1)[..], &launch].concat();
        assert_eq!((told(&within, "Action").len(), damages(&within)), (1, vec![]));
        let beyond = [b"%PDF-1.7\n", &blank.repeat(STREAMS)[..], &launch].concat();
        assert_eq!((told(&beyond, "Action").len(), damages(&beyond).len()), (0, 1));
        let large = packed(&vec![b' '; STREAM as usize + 1]);
        assert_eq!(damages(&[b"%PDF-1.7\n", &large[..]].concat()).len(), 1);
        let many = packed(&vec![b' '; STREAM as usize]).repeat((ALL / STREAM) as usize);
        assert_eq!(damages(&[b"%PDF-1.7\n", &many[..]].concat()), [""; 0]);
        assert_eq!(damages(&[b"%PDF-1.7\n", &many[..], &launch].concat()).len(), 1);
        let links: String = (0..=LINKS).map(|number| format!("/URI(https://{number}.example)")).collect();
        assert_eq!(damages(format!("%PDF-1.7\n{links}").as_bytes()).len(), 1);
    }
}
