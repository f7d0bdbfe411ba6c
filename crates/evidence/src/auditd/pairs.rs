//! A record's own words: `name=value` one behind another.

use std::borrow::Cow;

/// Ends what the kernel wrote; the names of enriched values follow (AUDIT_INTERP_SEPARATOR in libaudit.h).
const SEPARATOR: u8 = 0x1d;

/// Names of enriched values, longer ones before those that they end with. Some tools lose the separator before them.
const ENRICHED: [&str; 20] = [
    "OLD-AUID", "OBJ_UID", "OBJ_GID", "OAUID", "SAUID", "AUID", "FSUID", "EUID", "SUID", "OUID", "IUID", "UID",
    "FSGID", "EGID", "SGID", "OGID", "IGID", "GID", "ARCH", "SADDR",
];

/// A name and its value as written, without quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    /// Whether it stood in quotes, so that it is not in hexadecimal.
    pub(super) quoted: bool,
}

impl<'a> Pair<'a> {
    /// The value, decoded from hexadecimal if this is a name of untrusted text (auparse's `AUPARSE_TYPE_ESCAPED`).
    pub(super) fn text(&self) -> Cow<'a, str> {
        if self.quoted || !is_escaped(self.name) { Cow::Borrowed(self.value) } else { self.escaped() }
    }

    /// The value of a name that is known to be of untrusted text.
    pub(super) fn escaped(&self) -> Cow<'a, str> {
        let bytes = if self.quoted { None } else { unhex(self.value) };
        bytes.map_or(Cow::Borrowed(self.value), |bytes| Cow::Owned(lossy(bytes)))
    }
}

/// Whether a name is of untrusted text, which audit writes in quotes or in hexadecimal.
pub(super) fn is_escaped(name: &str) -> bool {
    matches!(
        name,
        "comm"
            | "exe"
            | "name"
            | "cwd"
            | "key"
            | "cmd"
            | "acct"
            | "proctitle"
            | "data"
            | "file"
            | "path"
            | "dir"
            | "watch"
            | "ocomm"
            | "device"
            | "grp"
            | "vm"
            | "root_dir"
            | "new-disk"
            | "old-disk"
            | "new-fs"
            | "old-fs"
            | "parent_exe"
            | "parent_comm"
            | "parent_command_line"
            | "environment"
    )
}

/// Bytes as text; what is not UTF-8 becomes U+FFFD.
pub(super) fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned())
}

/// Whether a text may be bytes in upper case hexadecimal.
pub(super) fn is_hex(text: &str) -> bool {
    !text.is_empty()
        && text.len().is_multiple_of(2)
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
}

/// The bytes of upper case hexadecimal as audit writes it; `None` if it is something else.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    if pairs.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Goes through a record's pairs. Those in `msg='…'` are the record's own; words that are no pair are passed over.
pub(super) struct Pairs<'a> {
    text: &'a str,
    at: usize,
    /// Within `msg='…'`.
    nested: bool,
    /// Whether a quoted value was cut short.
    pub(super) unclosed: bool,
}

impl<'a> Pairs<'a> {
    pub(super) const fn of(text: &'a str) -> Self {
        Self { text, at: 0, nested: false, unclosed: false }
    }

    /// What stands up to the next `end`, which is passed; or all that is left.
    fn until(&mut self, end: u8) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = memchr::memchr(end, rest.as_bytes());
        self.unclosed |= length.is_none();
        let length = length.unwrap_or(rest.len());
        self.at += length + 1;
        rest.get(..length).unwrap_or_default()
    }

    /// A value of several words without quotes: `op=adding user to group`. It ends before the next pair.
    fn words(&mut self) -> &'a str {
        let start = self.at;
        self.bare();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(word) = rest.strip_prefix(' ') else { break };
            let length =
                word.bytes().position(|byte| is_end(byte) || matches!(byte, b'=' | b'\'' | b'"')).unwrap_or(word.len());
            if length == 0 || !word.as_bytes().get(length).is_none_or(|byte| is_end(*byte)) {
                break;
            }
            self.at += 1 + length;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// A value without quotes.
    fn bare(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let nested = self.nested;
        let mut length = 0;
        for byte in rest.bytes() {
            if is_end(byte) || byte == b'\'' && nested {
                break;
            }
            if byte == b'='
                && let Some(glued) = glued(rest.get(..length).unwrap_or_default())
            {
                let length = length - glued.len();
                self.at += length;
                return rest.get(..length).unwrap_or_default();
            }
            length += 1;
        }
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }
}

/// What ends a word.
const fn is_end(byte: u8) -> bool {
    matches!(byte, b' ' | SEPARATOR)
}

/// The name of an enriched value that stands directly behind a value.
fn glued(text: &str) -> Option<&'static str> {
    ENRICHED.into_iter().find(|name| text.len() > name.len() && text.ends_with(name))
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    #[inline]
    fn next(&mut self) -> Option<Pair<'a>> {
        let bytes = self.text.as_bytes();
        loop {
            let start = self.at;
            match *bytes.get(start)? {
                b' ' | SEPARATOR | b',' | b'"' => self.at += 1,
                b'\'' => {
                    self.nested = false;
                    self.at += 1;
                }
                _ => {
                    let rest = bytes.get(start..)?;
                    let length =
                        rest.iter().position(|byte| matches!(*byte, b'=' | b' ' | SEPARATOR)).unwrap_or(rest.len());
                    self.at = start + length;
                    if rest.get(length) != Some(&b'=') {
                        continue;
                    }
                    self.at += 1;
                    let name = self.text.get(start..start + length)?;
                    match rest.get(length + 1) {
                        Some(b'"') => {
                            self.at += 1;
                            return Some(Pair { name, value: self.until(b'"'), quoted: true });
                        }
                        Some(b'\'') if name == "msg" => {
                            self.at += 1;
                            self.nested = true;
                        }
                        Some(b'{') => {
                            self.at += 1;
                            return Some(Pair { name, value: self.until(b'}').trim(), quoted: true });
                        }
                        _ if name == "op" => return Some(Pair { name, value: self.words(), quoted: false }),
                        _ => return Some(Pair { name, value: self.bare(), quoted: false }),
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(&str, String)> {
        Pairs::of(text).map(|pair| (pair.name, pair.text().into_owned())).collect()
    }

    #[test]
    fn pairs_are_taken_apart() {
        for (text, expected) in [
            (
                "arch=c000003e key=(null)\u{1d}ARCH=x86_64 UID=\"root\"",
                vec![("arch", "c000003e"), ("key", "(null)"), ("ARCH", "x86_64"), ("UID", "root")],
            ),
            (
                "key=\"a b\"ARCH=x86_64 res=1AUID=\"bui\"",
                vec![("key", "a b"), ("ARCH", "x86_64"), ("res", "1"), ("AUID", "bui")],
            ),
            (
                "pid=1 msg='op=login acct=28726F6F7429 exe=\"/usr/sbin/sshd\" res=failed'UID=\"root\"",
                vec![
                    ("pid", "1"),
                    ("op", "login"),
                    ("acct", "(root)"),
                    ("exe", "/usr/sbin/sshd"),
                    ("res", "failed"),
                    ("UID", "root"),
                ],
            ),
            ("avc:  denied  { read } for  pid=1 comm=\"x\"", vec![("pid", "1"), ("comm", "x")]),
            (
                "saddr=10\u{1d}SADDR={ saddr_fam=netlink } a=b",
                vec![("saddr", "10"), ("SADDR", "saddr_fam=netlink"), ("a", "b")],
            ),
            ("subj==unconfined comm=62C3A4 name=6", vec![("subj", "=unconfined"), ("comm", "bä"), ("name", "6")]),
            ("comm=\"cut", vec![("comm", "cut")]),
            ("op=adding user to group id=1800 op=x", vec![("op", "adding user to group"), ("id", "1800"), ("op", "x")]),
            ("op=add_rule key=616201", vec![("op", "add_rule"), ("key", "ab\u{1}")]),
            ("= =a a= ä=ö", vec![("", ""), ("", "a"), ("a", ""), ("ä", "ö")]),
        ] {
            let expected: Vec<(&str, String)> =
                expected.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
            assert_eq!(all(text), expected, "{text}");
        }
        assert_eq!(unhex("0A1b"), None);
    }
}
