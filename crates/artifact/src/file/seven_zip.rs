//! What the list of a 7z archive says, and which password opens it (7-Zip's `DOC/7zFormat.txt`). Its members are unpacked by [`evidence`].

use std::io::{self, Cursor};

use sevenz_rust2::{Archive, Block, BlockDecoder, Coder, EncoderMethod, Error, Password};

use super::archive::{List, MEMBERS, NAME};

/// Memory for the list, and for what each decompressor remembers, in KiB.
const LIST: usize = 64 << 10;
const MEMORY: usize = 256 << 10;

/// The power of two of the rounds of SHA-256 beyond which the library tries no password; 7-Zip writes 19.
const MOST_ROUNDS: u8 = 24;

/// Tells what an archive lists; `None` where its list cannot be understood.
pub(super) fn list(bytes: &[u8], list: &mut List) -> Option<()> {
    match read(bytes, &Password::empty()) {
        Ok(archive) => {
            list.rounds = archive.blocks.iter().filter_map(key).map(|key| rounds(key.properties())).max().unwrap_or(0);
            list.is_encrypted = list.rounds > 0;
            list.is_cut = archive.files.len() > MEMBERS;
            let names = archive.files.iter().take(MEMBERS).map(|file| file.name.chars().take(NAME).collect());
            list.members.extend::<Vec<String>>(names.collect());
            Some(())
        }
        Err(Error::PasswordRequired) => {
            list.is_encrypted = true;
            list.rounds = rounds(&key_of_list(bytes));
            Some(())
        }
        Err(_) => None,
    }
}

/// Whether `password` opens an archive: its list, and what is smallest of what is encrypted. `None` where that has more than `most` bytes.
pub(crate) fn opens(bytes: &[u8], password: &str, most: u64) -> Option<bool> {
    let password = Password::new(password);
    let Ok(archive) = read(bytes, &password) else { return Some(false) };
    let encrypted = archive.blocks.iter().enumerate().filter(|(_, block)| key(block).is_some());
    let sizes = encrypted.map(|(index, block)| (block.get_unpack_size(), index));
    let Some((size, block)) = sizes.min() else { return Some(true) };
    let mut source = Cursor::new(bytes);
    let decoder = BlockDecoder::new_with_memory_limit(1, MEMORY, block, &archive, &password, &mut source);
    (size <= most).then(|| {
        let unpacked = decoder.for_each_entries(&mut |_, bytes| {
            io::copy(bytes, &mut io::sink())?;
            Ok(true)
        });
        unpacked.is_ok()
    })
}

fn read(bytes: &[u8], password: &Password) -> Result<Archive, Error> {
    Archive::read_with_memory_limit(&mut Cursor::new(bytes), password, LIST)
}

/// What encrypts a block.
fn key(block: &Block) -> Option<&Coder> {
    block.coders.iter().find(|coder| coder.encoder_method_id() == EncoderMethod::ID_AES256_SHA256)
}

/// The properties of what encrypts the list: the identifier stands at the archive's end, the length of the properties and they themselves behind it.
fn key_of_list(bytes: &[u8]) -> Vec<u8> {
    let at = memchr::memmem::rfind(bytes, EncoderMethod::ID_AES256_SHA256);
    let properties = at.and_then(|at| bytes.get(at + EncoderMethod::ID_AES256_SHA256.len() + 1..));
    properties.unwrap_or_default().iter().take(1).copied().collect()
}

/// The rounds of SHA-256 that a password costs, by a coder's properties.
fn rounds(properties: &[u8]) -> u64 {
    1 << properties.first().map_or(MOST_ROUNDS, |first| first & 0x3f).min(MOST_ROUNDS)
}
