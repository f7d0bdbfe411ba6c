//! Archives and images: as files ([`drive_file`]) and as a mail brings them ([`drive`]), which unpacks their members and tries words as passwords. The last byte says how
//! the input comes, the one before how it begins.
#![no_main]

use artifact::Mail;
use base64::Engine;
use dreamcatcher_fuzz::{Known, drive, drive_file};
use libfuzzer_sys::fuzz_target;

thread_local!(static KNOWN: Known = Known::new());

/// How archives and images begin; an image has empty sectors before its descriptors.
const BEGINNINGS: &[&[u8]] = &[
    b"",
    b"PK\x03\x04",
    b"7z\xbc\xaf\x27\x1c\0\x04",
    b"Rar!\x1a\x07\x01\0",
    b"Rar!\x1a\x07\0",
    b"MSCF\0\0\0\0",
    &[0; 32_768],
];

fuzz_target!(|data: &[u8]| {
    let [data @ .., begin, how] = data else { return };
    let begin = BEGINNINGS[usize::from(*begin) % BEGINNINGS.len()];
    let (bytes, step) = ([begin, data].concat(), usize::from(*how));
    KNOWN.with(|known| {
        drive_file("Offer.zip", &bytes, step, known);
        drive(&Mail::default(), &mail(&bytes), step, known);
    });
});

/// A mail with the archive attached, and words that may be its password.
fn mail(archive: &[u8]) -> Vec<u8> {
    let text = base64::engine::general_purpose::STANDARD.encode(archive);
    format!(
        "From: a@b.example\r\nSubject: Offer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\
         The password is harmless.\r\n--b\r\nContent-Type: application/octet-stream; name=\"Offer.zip\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{text}\r\n--b--\r\n"
    )
    .into_bytes()
}
