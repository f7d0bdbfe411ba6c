//! Facts about Windows programs: see [`drive_file`]. The last byte says how the input comes, the one before how long the header of DOS is and which kind
//! of program it is, so that what follows is read as headers from the start.
#![no_main]

use dreamcatcher_fuzz::{Known, drive_file};
use libfuzzer_sys::fuzz_target;

thread_local!(static KNOWN: Known = Known::new());

/// The machines and the kinds of optional headers (PE format, "Machine Types" and "Optional Header").
const KINDS: [(u16, u16); 4] = [(0x8664, 0x20b), (0x14c, 0x10b), (0xaa64, 0x20b), (0, 0x107)];
/// The offset of the offset of the PE header, and where it points at least.
const POINTER: usize = 0x3c;

fuzz_target!(|data: &[u8]| {
    let [data @ .., kind, how] = data else { return };
    let bytes = match KINDS.get(usize::from(*kind & 7)) {
        Some((machine, magic)) => headed(data, usize::from(*kind >> 3) * 8, *machine, *magic),
        None => [b"MZ", data].concat(),
    };
    KNOWN.with(|known| drive_file("viewer.exe", &bytes, usize::from(*how), known));
});

/// A program whose marks are right, and whose other bytes are those of the input.
fn headed(data: &[u8], gap: usize, machine: u16, magic: u16) -> Vec<u8> {
    let at = POINTER + 4 + gap;
    let mut bytes = vec![0; at];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[POINTER..POINTER + 4].copy_from_slice(&(at as u32).to_le_bytes());
    bytes.extend(b"PE\0\0");
    bytes.extend(machine.to_le_bytes());
    let (header, rest) = data.split_at(data.len().min(18));
    bytes.extend(header);
    bytes.resize(at + 24, 0);
    bytes.extend(magic.to_le_bytes());
    bytes.extend(rest);
    bytes
}
