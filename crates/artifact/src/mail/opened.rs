//! What files in mail hold, as far as it can be unpacked: archives, compressed streams, images of disks. Encrypted zip and 7z archives are tried with the
//! words of the mail that may be their password.

use std::{
    collections::HashSet,
    io::{Cursor, ErrorKind, Read},
};

use evidence::Limits;
use zip::{ZipArchive, read::ZipFile, result::ZipResult};

use super::attached::role;
use crate::file::{List, iso, seven_zip};

/// How many archives are opened within one another.
const DEPTH: usize = 4;
/// Words of a mail that are tried, and how long they may be.
const WORDS: usize = 100;
const WORD: usize = 64;
/// Encrypted archives of a mail that are tried: each word costs a thousand rounds of a hash (APPNOTE.TXT, appendix E).
const ARCHIVES: usize = 4;
/// Of a mail, with all messages in it: names that are listed, files that are unpacked, bytes that are unpacked, bytes for trying words on archives.
const NAMES: usize = 4096;
const FILES: usize = 1024;
const BYTES: u64 = 64 << 20;
const TRYING: u64 = 64 << 20;
/// Of a mail: rounds of a hash for trying words on 7z archives; 7-Zip has one word cost 2^19, about 30 ms.
const ROUNDS: u64 = 1 << 24;
/// Bytes that one word may be tried on.
const TRIED: u64 = 16 << 20;
/// Most members that a zip archive's directory may have for it to be read.
const DIRECTORY: u64 = 65_535;

/// Words behind which a password is likely to stand, in lower case.
const ANNOUNCED: [&str; 12] = [
    "password",
    "passwort",
    "kennwort",
    "passphrase",
    "passcode",
    "pass",
    "pwd",
    "pw",
    "code",
    "암호",
    "비밀번호",
    "패스워드",
];
/// So many words behind an announcement may be the password.
const BEHIND: usize = 6;

/// What is left to spend on the files of one mail, with all messages in it.
pub(super) struct Opener {
    /// What the message says whose files are opened, and the messages around it.
    text: String,
    /// Its words that are tried, once an archive asks for them, and whether there are more.
    words: Option<(Vec<String>, bool)>,
    archives: usize,
    names: usize,
    files: usize,
    bytes: u64,
    trying: u64,
    rounds: u64,
}

/// What came of trying a word.
enum Tried {
    Right,
    /// It is wrong, which was known after so many bytes were unpacked.
    Wrong(u64),
    /// What would have to be unpacked is more than may be.
    TooLarge,
}

/// What a file holds.
#[derive(Default)]
pub(super) struct Opened {
    pub(super) members: Vec<Member>,
    /// Whether a member, or the list of members, is encrypted.
    pub(super) is_encrypted: bool,
    /// The word of the mail that it was encrypted with.
    pub(super) password: Option<String>,
    /// What was not done, and why.
    pub(super) damages: Vec<String>,
    /// That its members are not looked at, since it is of a kind that is not read.
    pub(super) note: Option<String>,
}

/// A member of an archive.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) path: String,
    /// Nothing where it stays closed.
    pub(super) bytes: Option<Vec<u8>>,
    /// Whether Windows does not show it.
    pub(super) is_hidden: bool,
}

/// A file in a zip archive's directory.
struct Listed {
    /// Its number in the directory, and among the members that were told.
    index: usize,
    place: usize,
    is_encrypted: bool,
    size: u64,
}

impl Default for Opener {
    fn default() -> Self {
        Self {
            text: String::new(),
            words: None,
            archives: ARCHIVES,
            names: NAMES,
            files: FILES,
            bytes: BYTES,
            trying: TRYING,
            rounds: ROUNDS,
        }
    }
}

impl Opener {
    /// From now on archives are tried with words of `text` too, before those of the text that was there; that one is given back.
    pub(super) fn read(&mut self, text: &str) -> String {
        self.words = None;
        let both = format!("{text}\n{}", self.text);
        std::mem::replace(&mut self.text, both)
    }

    /// From now on archives are tried with words of `text` alone.
    pub(super) fn reread(&mut self, text: String) {
        self.words = None;
        self.text = text;
    }

    /// Unpacks what a file of that kind holds, which is called `name` and lies in `depth` archives.
    pub(super) fn open(&mut self, name: &str, kind: &str, bytes: &[u8], depth: usize) -> Opened {
        let mut opened = Opened::default();
        let is_read = matches!(kind, "ZIP" | "OOXML" | "7Z" | "GZIP" | "BZIP2" | "XZ" | "ZSTD" | "TAR" | "ISO");
        match kind {
            _ if is_read && depth >= DEPTH => {
                opened.damages.push(format!("limit: '{name}' was not opened, since it lies in {DEPTH} archives"));
            }
            "ZIP" | "OOXML" => self.zip(name, bytes, kind == "OOXML", &mut opened),
            "ISO" => self.image(name, bytes, &mut opened),
            "7Z" => self.seven_zip(name, bytes, &mut opened),
            _ if is_read => self.layer(name, bytes, &mut opened),
            "RAR" => {
                let list = List::of(bytes);
                opened.is_encrypted = list.is_encrypted;
                opened.members.extend(list.members.into_iter().map(|path| Member { path, ..Member::default() }));
                opened.note = closed(name, kind);
            }
            "CAB" | "VHD" | "VHDX" | "IMG" => opened.note = closed(name, kind),
            "DATA" if role(name, kind) == Some("Archive") => opened.note = closed(name, "unknown"),
            _ => {}
        }
        opened
    }

    /// Reads the directory of a zip archive, and unpacks what it can. The parts of a document are looked at with it; of one only what is no part of any
    /// is unpacked.
    fn zip(&mut self, name: &str, bytes: &[u8], may_be_document: bool, opened: &mut Opened) {
        if entries(bytes) > DIRECTORY {
            opened.damages.push(format!("limit: more than {DIRECTORY} members in '{name}'"));
            return;
        }
        let mut archive = match ZipArchive::new(Cursor::new(bytes)) {
            Ok(archive) => archive,
            Err(error) => {
                opened.damages.push(format!("expected a zip archive in '{name}', found a damaged one: {error}"));
                return;
            }
        };
        // What only holds a document within is none.
        let is_document = may_be_document && archive.index_for_name("[Content_Types].xml").is_some();
        let mut files = self.list(name, &mut archive, is_document, opened);
        if opened.is_encrypted {
            opened.password = self.zip_password(name, &mut archive, &files, &mut opened.damages);
        }
        files.retain(|file| !file.is_encrypted || opened.password.is_some());
        // None is hidden behind larger ones that use up what may be spent.
        files.sort_by_key(|file| file.size);
        for file in files {
            let member = match &opened.password {
                Some(word) => archive.by_index_decrypt(file.index, word.as_bytes()),
                None => archive.by_index(file.index),
            };
            let bytes = match member {
                Ok(member) => self.unpack(name, member, opened),
                Err(error) => {
                    opened.damages.push(damaged(name, &error));
                    None
                }
            };
            if let Some(member) = opened.members.get_mut(file.place) {
                member.bytes = bytes;
            }
        }
    }

    /// The files of a zip archive; what it lists is told.
    fn list(
        &mut self,
        name: &str,
        archive: &mut ZipArchive<Cursor<&[u8]>>,
        is_document: bool,
        opened: &mut Opened,
    ) -> Vec<Listed> {
        let mut files = Vec::new();
        let is_part = |path: &str| !matches!(role(path, ""), Some("Program" | "Disk" | "Archive"));
        for index in 0..archive.len() {
            if is_document && archive.name_for_index(index).and_then(Result::ok).is_none_or(|path| is_part(&path)) {
                continue;
            }
            if !self.may_name(name, opened) {
                break;
            }
            let listed = archive.by_index_raw(index).and_then(|member| {
                let (is_encrypted, size) = (member.encrypted(), member.size());
                let file = Listed { index, place: opened.members.len(), is_encrypted, size };
                Ok(((!member.is_dir()).then_some(file), is_encrypted, member.name()?.into_owned()))
            });
            match listed {
                Ok((file, is_encrypted, path)) => {
                    opened.is_encrypted |= is_encrypted;
                    opened.members.push(Member { path, ..Member::default() });
                    files.extend(file);
                }
                Err(error) => opened.damages.push(damaged(name, &error)),
            }
        }
        files
    }

    /// Unpacks a 7z archive; what stays closed is named as far as its list can be read.
    fn seven_zip(&mut self, name: &str, bytes: &[u8], opened: &mut Opened) {
        let list = List::of(bytes);
        opened.is_encrypted = list.is_encrypted;
        if list.is_encrypted {
            let tries = usize::try_from(self.rounds / list.rounds.max(1)).unwrap_or(usize::MAX);
            let (tried, word) =
                self.password(name, tries, &mut opened.damages, &mut |word, limit| match seven_zip::opens(
                    bytes, word, limit,
                ) {
                    Some(true) => Tried::Right,
                    Some(false) => Tried::Wrong(TRIED.min(1 << 20)),
                    None => Tried::TooLarge,
                });
            self.rounds = self.rounds.saturating_sub(tried as u64 * list.rounds);
            opened.password = word;
        }
        self.layer(name, bytes, opened);
        let told: HashSet<String> = opened.members.iter().map(|member| member.path.clone()).collect();
        for path in list.members {
            if !told.contains(&path.replace('\\', "/")) && self.may_name(name, opened) {
                opened.members.push(Member { path, ..Member::default() });
            }
        }
    }

    /// Unpacks a compressed stream or the files of a tar or 7z archive.
    fn layer(&mut self, name: &str, bytes: &[u8], opened: &mut Opened) {
        let before = self.bytes;
        let limits = Limits { members: NAMES as u64, expanded: before, ..Limits::default() };
        let password = opened.password.clone().unwrap_or_default();
        let out = evidence::layer(name, bytes.to_vec(), &password, &limits, &mut |path, file| match file {
            Ok(file) if self.may_name(name, opened) => {
                let bytes = self.unpack(name, file, opened);
                opened.members.push(Member { path: path.to_owned(), bytes, is_hidden: false });
            }
            Ok(_) => {}
            // Links and the like, and what is encrypted.
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            Err(error) => opened.damages.push(damaged(name, &error)),
        });
        // What was passed over had to be unpacked too.
        self.bytes = self.bytes.min(before.saturating_sub(out.unwrap_or_default()));
    }

    /// Takes the files of a disk's image.
    fn image(&mut self, name: &str, bytes: &[u8], opened: &mut Opened) {
        let (members, damages) = iso::members(bytes);
        opened.damages.extend(damages.into_iter().map(|reason| format!("'{name}': {reason}")));
        if members.len() >= iso::MEMBERS {
            opened.damages.push(format!("limit: {} files of '{name}' were looked at, and no more", iso::MEMBERS));
        }
        for member in members {
            if !self.may_name(name, opened) {
                return;
            }
            let bytes = self.unpack(name, &*member.bytes, opened);
            opened.members.push(Member { path: member.path, bytes, is_hidden: member.is_hidden });
        }
    }

    /// Whether one more member may be told; the first time that none may is told.
    fn may_name(&mut self, name: &str, opened: &mut Opened) -> bool {
        let may = self.names > 0;
        self.names = self.names.saturating_sub(1);
        if !may {
            tell(opened, format!("limit: {NAMES} members of archives in a mail were told, and no more of '{name}'"));
        }
        may
    }

    /// The bytes of a member; none where they are more than may be unpacked, or damaged.
    fn unpack(&mut self, name: &str, member: impl Read, opened: &mut Opened) -> Option<Vec<u8>> {
        if self.files == 0 || self.bytes == 0 {
            let most = format!("{FILES} files and {BYTES} bytes of archives in a mail");
            tell(opened, format!("limit: at most {most} are unpacked, and no more of '{name}'"));
            return None;
        }
        self.files -= 1;
        let mut bytes = Vec::new();
        let read = member.take(self.bytes + 1).read_to_end(&mut bytes);
        let is_whole = bytes.len() as u64 <= self.bytes;
        self.bytes = self.bytes.saturating_sub(bytes.len() as u64);
        match read {
            Ok(_) if is_whole => return Some(bytes),
            Ok(_) => tell(opened, format!("limit: a member of '{name}' has more bytes than are unpacked of a mail")),
            Err(error) => tell(opened, damaged(name, &error)),
        }
        None
    }

    /// The word that the smallest encrypted file of a zip archive can be unpacked with.
    fn zip_password(
        &mut self,
        name: &str,
        archive: &mut ZipArchive<Cursor<&[u8]>>,
        files: &[Listed],
        damages: &mut Vec<String>,
    ) -> Option<String> {
        let smallest = files.iter().filter(|file| file.is_encrypted).min_by_key(|file| (file.size, file.index))?.index;
        // A wrong word is told at once but for one of 256 or 65,536; the checksum behind the bytes tells those.
        let mut opens = |word: &str, limit: u64| match archive.by_index_decrypt(smallest, word.as_bytes()) {
            Err(zip::result::ZipError::InvalidPassword) => Tried::Wrong(0),
            member => match is_right(member, limit) {
                Ok(true) => Tried::Right,
                Ok(false) => Tried::TooLarge,
                Err(_) => Tried::Wrong(limit.min(1 << 20)),
            },
        };
        self.password(name, WORDS, damages, &mut opens).1
    }

    /// Tries words of the mail on an encrypted archive, at most so many; tells how many it tried, and which is right. `opens` is given a word and how
    /// many bytes may be unpacked for it.
    fn password(
        &mut self,
        name: &str,
        tries: usize,
        damages: &mut Vec<String>,
        opens: &mut dyn FnMut(&str, u64) -> Tried,
    ) -> (usize, Option<String>) {
        let Some(left) = self.archives.checked_sub(1) else {
            damages
                .push(format!("limit: {ARCHIVES} encrypted archives were tried with the mail's words, not '{name}'"));
            return (0, None);
        };
        self.archives = left;
        let (words, is_cut) = self.words.get_or_insert_with(|| words(&self.text));
        for (tried, word) in (1..).zip(words.iter().take(tries)) {
            match opens(word, self.trying.min(TRIED)) {
                Tried::Right => return (tried, Some(word.clone())),
                Tried::Wrong(unpacked) => self.trying = self.trying.saturating_sub(unpacked),
                Tried::TooLarge => {
                    damages.push(format!("limit: '{name}' was not tried with all words, since it is too large"));
                    return (tried, None);
                }
            }
        }
        let tried = words.len().min(tries);
        if *is_cut || tried < words.len() {
            damages.push(format!("limit: '{name}' was tried with {tried} words of the mail, and no more"));
        }
        (tried, None)
    }
}

/// Tells once what was not done.
fn tell(opened: &mut Opened, reason: String) {
    if !opened.damages.contains(&reason) {
        opened.damages.push(reason);
    }
}

/// That an archive was not opened.
fn closed(name: &str, kind: &str) -> Option<String> {
    Some(format!("'{name}' is of the kind {kind}, whose members were not looked at"))
}

fn damaged(name: &str, error: &dyn std::fmt::Display) -> String {
    match error.to_string() {
        limit if limit.starts_with("limit: ") => format!("{limit} ('{name}')"),
        error => format!("expected a member of '{name}' that can be unpacked, found another: {error}"),
    }
}

/// How many members a zip archive says it has (APPNOTE.TXT 4.3.16).
fn entries(bytes: &[u8]) -> u64 {
    let tail = bytes.get(bytes.len().saturating_sub(70_000)..).unwrap_or_default();
    let end = memchr::memmem::rfind(tail, b"PK\x05\x06").and_then(|at| tail.get(at + 10..at + 12));
    end.and_then(|count| <[u8; 2]>::try_from(count).ok()).map_or(0, |count| u16::from_le_bytes(count).into())
}

/// Whether a member can be unpacked to its end; `false` where it has more than `limit` bytes.
fn is_right(member: ZipResult<ZipFile<'_, Cursor<&[u8]>>>, limit: u64) -> ZipResult<bool> {
    Ok(std::io::copy(&mut member?.take(limit + 1), &mut std::io::sink())? <= limit)
}

/// The words of a text that may be a password, the likeliest first, and whether there are more than are tried.
fn words(text: &str) -> (Vec<String>, bool) {
    let all: Vec<&str> = text.split_whitespace().collect();
    let announces = |word: &str| {
        let word = word.to_lowercase();
        ANNOUNCED.iter().any(|known| word.trim_start_matches(|c: char| !c.is_alphanumeric()).starts_with(known))
    };
    let (mut near, mut far, mut left) = (Vec::new(), Vec::new(), 0);
    for word in all {
        let is_announcement = announces(word);
        // `Password:x` in one word.
        let value = word.split_once([':', '=']).map(|(_, value)| value).filter(|_| is_announcement);
        let into = if left > 0 || value.is_some() { &mut near } else { &mut far };
        let word = value.unwrap_or(word);
        let is_odd = bare(word).contains(|c: char| !c.is_alphabetic());
        if left > 0 || value.is_some() || is_odd {
            let forms = [word, unquoted(word), bare(word)].into_iter().filter(|word| (1..=WORD).contains(&word.len()));
            into.extend(forms.map(str::to_owned));
        }
        left = if is_announcement { BEHIND } else { left.saturating_sub(1) };
    }
    let mut known = HashSet::new();
    let mut words: Vec<String> =
        near.into_iter().chain(far).filter(|word| known.insert(word.clone())).take(WORDS + 1).collect();
    let is_cut = words.len() > WORDS;
    words.truncate(WORDS);
    (words, is_cut)
}

/// Marks around a word that are none of its own.
const QUOTES: [char; 14] = ['"', '\'', '“', '”', '„', '‘', '’', '«', '»', '(', ')', '[', ']', '`'];

/// A word without quotes around it and the end of a sentence behind it; `!` and `?` may be its own.
fn unquoted(word: &str) -> &str {
    word.trim_end_matches([',', ';', ':', '.']).trim_matches(QUOTES)
}

/// A word without any marks around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::{AesMode, ZipWriter, unstable::write::FileOptionsExt, write::SimpleFileOptions};

    use super::*;

    fn archive(options: SimpleFileOptions) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("a/Offer.txt", options).unwrap();
        writer.write_all(b"harmless").unwrap();
        writer.start_file("b.txt", options).unwrap();
        writer.write_all(&[b'x'; 5000]).unwrap();
        writer.finish().unwrap().into_inner()
    }

    fn opened(text: &str, bytes: &[u8]) -> Opened {
        let mut opener = Opener::default();
        opener.read(text);
        opener.open("o.zip", "ZIP", bytes, 0)
    }

    fn unpacked(opened: &Opened) -> Vec<(&str, Option<usize>)> {
        opened.members.iter().map(|member| (member.path.as_str(), member.bytes.as_ref().map(Vec::len))).collect()
    }

    #[test]
    fn archives_are_opened_with_the_words_of_the_mail() {
        let plain = SimpleFileOptions::default();
        let aes = plain.with_aes_encryption(AesMode::Aes256, "Kestrel-25!");
        let old = plain.with_deprecated_encryption(b"Kestrel-25!").unwrap();
        for options in [aes, old] {
            let bytes = archive(options);
            for text in [
                "Dear all, the password is \"Kestrel-25!\". Bye",
                "Passwort:Kestrel-25!",
                "Unpack with Kestrel-25! please",
                "비밀번호는 다음과 같습니다: Kestrel-25!",
            ] {
                let opened = opened(text, &bytes);
                assert_eq!(unpacked(&opened), [("a/Offer.txt", Some(8)), ("b.txt", Some(5000))], "{text}");
                assert_eq!(opened.password.as_deref(), Some("Kestrel-25!"), "{text}");
                assert_eq!(opened.damages, [""; 0]);
            }
            let closed = opened("the password comes by Signal", &bytes);
            assert_eq!(unpacked(&closed), [("a/Offer.txt", None), ("b.txt", None)]);
            assert_eq!((closed.is_encrypted, closed.password, closed.damages.len()), (true, None, 0));
        }
        assert_eq!(unpacked(&opened("", &archive(plain))), [("a/Offer.txt", Some(8)), ("b.txt", Some(5000))]);
    }

    #[test]
    fn seven_zip_archives_are_opened_with_the_words_of_the_mail() {
        use sevenz_rust2::{
            ArchiveEntry, ArchiveWriter, EncoderConfiguration, EncoderMethod, Password,
            encoder_options::AesEncoderOptions,
        };
        let archive = |methods: Vec<EncoderConfiguration>, hides_names| {
            let mut writer = ArchiveWriter::new(Cursor::new(Vec::new())).unwrap();
            writer.set_content_methods(methods);
            writer.set_encrypt_header(hides_names);
            for (name, bytes) in [("a/Offer.txt", &b"harmless"[..]), ("b.txt", &[b'x'; 5000])] {
                writer.push_archive_entry(ArchiveEntry::new_file(name), Some(bytes)).unwrap();
            }
            writer.finish().unwrap().into_inner()
        };
        let open = |text: &str, bytes: &[u8]| {
            let mut opener = Opener::default();
            opener.read(text);
            opener.open("o.7z", "7Z", bytes, 0)
        };
        let whole = [("a/Offer.txt", Some(8)), ("b.txt", Some(5000))];
        assert_eq!(unpacked(&open("", &archive(vec![EncoderMethod::LZMA2.into()], false))), whole);
        for (hides_names, power) in [(false, 10), (true, 10), (false, 19)] {
            let key =
                AesEncoderOptions { num_cycles_power: power, ..AesEncoderOptions::new(Password::new("Kestrel-25!")) };
            let bytes = archive(vec![key.into(), EncoderMethod::LZMA2.into()], hides_names);
            let opened = open("It opens with \"Kestrel-25!\".", &bytes);
            assert_eq!((unpacked(&opened), opened.password.as_deref()), (whole.to_vec(), Some("Kestrel-25!")));
            assert_eq!(opened.damages, [""; 0]);
            let closed = open("the password comes by Signal", &bytes);
            let names = if hides_names { vec![] } else { whole.map(|(name, _)| (name, None)).to_vec() };
            assert_eq!((unpacked(&closed), closed.is_encrypted, &closed.password), (names, true, &None));
        }
        // One word costs a thirty-second of what a mail may.
        let key = AesEncoderOptions::new(Password::new("x"));
        let dear = archive(vec![AesEncoderOptions { num_cycles_power: 24, ..key }.into()], false);
        let tried = open("words a1 a2 a3 a4", &dear);
        assert_eq!(tried.damages, ["limit: 'o.7z' was tried with 1 words of the mail, and no more"]);
    }

    #[test]
    fn words_are_those_that_may_be_one() {
        assert_eq!(words("Hello there, see 2 files. Password: swordfish").0, ["swordfish", "2"]);
        assert_eq!(words("(Password: 'open sesame!')").0, ["'open", "open", "sesame!')", "sesame!", "sesame"]);
        assert_eq!(words(&"a1 ".repeat(10_000)), (vec!["a1".to_owned()], false));
        let (many, is_cut) = words(&(0..1000).map(|n| format!("w{n} ")).collect::<String>());
        assert_eq!((many.len(), is_cut), (WORDS, true));
    }

    #[test]
    fn one_budget_holds_for_all_that_is_opened() {
        let large = |len: usize| {
            let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
            for name in ["large", "small"] {
                writer.start_file(name, SimpleFileOptions::default()).unwrap();
                writer.write_all(&vec![0; if name == "large" { len } else { 9 }]).unwrap();
            }
            writer.finish().unwrap().into_inner()
        };
        let mut opener = Opener::default();
        let forty = large(40 << 20);
        assert_eq!(unpacked(&opener.open("a.zip", "ZIP", &forty, 0)), [("large", Some(40 << 20)), ("small", Some(9))]);
        let second = opener.open("b.zip", "ZIP", &forty, 0);
        assert_eq!(unpacked(&second), [("large", None), ("small", Some(9))]);
        assert!(second.damages[0].starts_with("limit: a member of 'b.zip' has more bytes"), "{:?}", second.damages);
        let third = opener.open("c.zip", "ZIP", &forty, 0);
        assert_eq!(unpacked(&third), [("large", None), ("small", None)]);
        assert!(third.damages[0].ends_with("and no more of 'c.zip'"), "{:?}", third.damages);
        assert!(Opener::default().open("d.zip", "ZIP", &forty, DEPTH).damages[0].starts_with("limit: "));
        assert!(Opener::default().open("d.cab", "CAB", b"MSCF", 0).note.is_some());
    }
}
