//! Facts about PDF: see [`drive_file`]. The last byte says how the input comes, the one before whether it is packed into a stream first, so that what is unpacked
//! is fuzzed too.
#![no_main]

use dreamcatcher_fuzz::{Known, drive_file};
use libfuzzer_sys::fuzz_target;

thread_local!(static KNOWN: Known = Known::new());

fuzz_target!(|data: &[u8]| {
    let [data @ .., packed, how] = data else { return };
    let bytes = if packed % 2 == 0 { [b"%PDF-1.7\n", data].concat() } else { in_stream(data, *packed) };
    KNOWN.with(|known| drive_file("Offer.pdf", &bytes, usize::from(*how), known));
});

/// A document whose only stream unpacks to the input (RFC 1950 and 1951, blocks that are stored).
fn in_stream(data: &[u8], packed: u8) -> Vec<u8> {
    let kind = ["ObjStm/N 3/First 12", "EmbeddedFile", "XRef", "Metadata"][usize::from(packed >> 1) % 4];
    let mut stream = vec![0x78, 0x01];
    let mut chunks = data.chunks(usize::from(u16::MAX)).peekable();
    while let Some(chunk) = chunks.next() {
        stream.push(u8::from(chunks.peek().is_none()));
        stream.extend((chunk.len() as u16).to_le_bytes());
        stream.extend((!(chunk.len() as u16)).to_le_bytes());
        stream.extend(chunk);
    }
    let begin = format!("%PDF-1.7\n1 0 obj<</Type/{kind}/Filter/FlateDecode/Length {}>>stream\n", stream.len());
    [begin.as_bytes(), &stream, b"\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF"].concat()
}
