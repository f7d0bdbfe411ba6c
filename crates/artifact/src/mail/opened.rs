//! What attached zip archives hold; encrypted ones are tried with the words of the mail that may be their password.

use std::io::{Cursor, Read};

use zip::{ZipArchive, read::ZipFile, result::ZipResult};

/// Words of a mail that are tried, and how long they may be.
const WORDS: usize = 100;
const WORD: usize = 64;
/// Encrypted archives of a mail that are tried: each word costs a thousand rounds of a hash (APPNOTE.TXT, appendix E).
const ARCHIVES: usize = 4;
/// Members of an archive that are unpacked.
const MEMBERS: usize = 64;
/// Bytes that are unpacked: of one member, of a mail, and for trying words on its archives.
const MEMBER: u64 = 16 << 20;
const MAIL: u64 = 64 << 20;
const TRYING: u64 = 64 << 20;

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

/// What is left to spend on the archives of one mail.
pub(super) struct Opener {
    /// What the mail says.
    text: String,
    /// Its words that are tried, once an archive asks for them.
    words: Option<Vec<String>>,
    archives: usize,
    bytes: u64,
    trying: u64,
}

/// What an archive holds.
#[derive(Default)]
pub(super) struct Opened {
    /// Its files, by their paths.
    pub(super) members: Vec<(String, Vec<u8>)>,
    /// The word of the mail that it was encrypted with.
    pub(super) password: Option<String>,
    /// What was not done, and why.
    pub(super) limits: Vec<String>,
}

impl Opener {
    /// Opens with words of `text`: first those behind an announcement, then those that are not plain words.
    pub(super) const fn new(text: String) -> Self {
        Self { text, words: None, archives: ARCHIVES, bytes: MAIL, trying: TRYING }
    }

    /// Unpacks an archive that is called `name`.
    pub(super) fn open(&mut self, name: &str, archive: &mut ZipArchive<Cursor<&[u8]>>) -> Opened {
        let mut opened = Opened::default();
        let (encrypted, plain): (Vec<_>, Vec<_>) =
            files(archive).take(MEMBERS + 1).partition(|(_, is_encrypted, _)| *is_encrypted);
        if encrypted.len() + plain.len() > MEMBERS {
            opened.limits.push(format!("limit: {MEMBERS} members of '{name}' were looked into, and no more"));
        }
        if !encrypted.is_empty() {
            opened.password = self.password(name, archive, &mut opened.limits);
        }
        let encrypted = encrypted.into_iter().filter(|_| opened.password.is_some());
        for (index, ..) in plain.into_iter().chain(encrypted).take(MEMBERS) {
            let limit = self.bytes.min(MEMBER);
            let member = match &opened.password {
                Some(word) => archive.by_index_decrypt(index, word.as_bytes()),
                None => archive.by_index(index),
            };
            match read(member, limit) {
                Ok(Some((path, bytes))) => {
                    self.bytes -= bytes.len() as u64;
                    opened.members.push((path, bytes));
                }
                Ok(None) => opened.limits.push(format!("limit: a member of '{name}' has more than {limit} bytes")),
                Err(error) => opened
                    .limits
                    .push(format!("expected a member of '{name}' that can be unpacked, found another: {error}")),
            }
        }
        opened
    }

    /// The word that the smallest encrypted member can be unpacked with.
    fn password(
        &mut self,
        name: &str,
        archive: &mut ZipArchive<Cursor<&[u8]>>,
        limits: &mut Vec<String>,
    ) -> Option<String> {
        let Some(left) = self.archives.checked_sub(1) else {
            limits.push(format!("limit: {ARCHIVES} encrypted archives were tried with the mail's words, not '{name}'"));
            return None;
        };
        self.archives = left;
        let smallest = files(archive).take(MEMBERS).filter(|(_, is_encrypted, _)| *is_encrypted);
        let (index, ..) = smallest.min_by_key(|(index, _, size)| (*size, *index))?;
        for word in self.words.get_or_insert_with(|| words(&self.text)) {
            let limit = self.trying.min(MEMBER);
            // A wrong word is told at once but for one of 256 or 65,536; the checksum behind the bytes tells those.
            match archive.by_index_decrypt(index, word.as_bytes()) {
                Err(zip::result::ZipError::InvalidPassword) => {}
                member => match read(member, limit) {
                    Ok(Some(_)) => return Some(word.clone()),
                    Ok(None) => {
                        limits.push(format!("limit: '{name}' was not tried with all words, since it is too large"));
                        return None;
                    }
                    Err(_) => self.trying = self.trying.saturating_sub(limit.min(1 << 20)),
                },
            }
        }
        None
    }
}

/// The files of an archive: number, whether encrypted, size.
fn files(archive: &mut ZipArchive<Cursor<&[u8]>>) -> impl Iterator<Item = (usize, bool, u64)> {
    (0..archive.len()).filter_map(|index| {
        let member = archive.by_index_raw(index).ok()?;
        (!member.is_dir()).then(|| (index, member.encrypted(), member.compressed_size()))
    })
}

/// The path and the bytes of a member; `None` where these are more than `limit`.
fn read(member: ZipResult<ZipFile<'_, Cursor<&[u8]>>>, limit: u64) -> ZipResult<Option<(String, Vec<u8>)>> {
    let member = member?;
    let path = member.name()?.into_owned();
    let mut bytes = Vec::new();
    member.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some((path, bytes)))
}

/// The words of a text that may be a password, the likeliest first.
fn words(text: &str) -> Vec<String> {
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
    let mut known = std::collections::HashSet::new();
    near.into_iter().chain(far).filter(|word| known.insert(word.clone())).take(WORDS).collect()
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
        Opener::new(text.to_owned()).open("o.zip", &mut ZipArchive::new(Cursor::new(bytes)).unwrap())
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
                let paths: Vec<_> = opened.members.iter().map(|(path, bytes)| (path.as_str(), bytes.len())).collect();
                assert_eq!(paths, [("a/Offer.txt", 8), ("b.txt", 5000)], "{text}");
                assert_eq!(opened.password.as_deref(), Some("Kestrel-25!"), "{text}");
                assert_eq!(opened.limits, [""; 0]);
            }
            let closed = opened("the password comes by Signal", &bytes);
            assert_eq!((closed.password, closed.members.len(), closed.limits.len()), (None, 0, 0));
        }
        assert_eq!(opened("", &archive(plain)).members.len(), 2);
    }

    #[test]
    fn words_are_those_that_may_be_one() {
        assert_eq!(words("Hello there, see 2 files. Password: swordfish"), ["swordfish", "2"]);
        assert_eq!(words("(Password: 'open sesame!')"), ["'open", "open", "sesame!')", "sesame!", "sesame"]);
        assert!(words(&"a1 ".repeat(10_000)).len() == 1);
        assert_eq!(words(&(0..1000).map(|n| format!("w{n} ")).collect::<String>()).len(), WORDS);
    }
}
