//! What a message says beside its header: named texts.

use std::borrow::Cow;

use event::{Needed, Unless};

/// The facts of one message, in the order in which it tells them. Names are those of `docs/fields.md`.
#[derive(Debug, Default)]
pub(crate) struct Facts<'a> {
    list: Vec<(&'static str, Cow<'a, str>)>,
    /// If the message is of no interest unless it tells of one of these actions: which.
    needed: Option<&'a Needed>,
    message: &'a str,
    /// Whether it tells of one.
    matters: bool,
}

impl<'a> Facts<'a> {
    /// No facts of a message, in the memory of these. If actions are `needed`, a message that tells of another one need not be taken apart further.
    pub(super) fn reuse<'b>(mut self, message: &'b str, needed: Option<&'b Needed>) -> Facts<'b> {
        self.list.clear();
        // Collecting in place keeps the allocation; there is nothing to map.
        let list = self.list.into_iter().map(|(name, _)| (name, Cow::Borrowed(""))).collect();
        Facts { list, needed, message, matters: needed.is_none() }
    }

    /// Whether a message that tells of this action may be of interest.
    pub(super) fn is_needed(&self, action: &str) -> bool {
        self.needed.is_none_or(|needed| {
            let counts = |unless: &Unless| unless.value == action && unless.counts(self.message);
            needed.values.contains(action) || needed.unless.iter().any(counts)
        })
    }

    /// Whether the message may be of interest.
    pub(super) const fn matters(&self) -> bool {
        self.matters
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.list.iter().map(|(name, value)| (*name, value.as_ref()))
    }

    /// Adds a fact, if there is one.
    pub(super) fn add(&mut self, name: &'static str, value: impl Into<Cow<'a, str>>) {
        let value = value.into();
        if !value.is_empty() {
            self.list.push((name, value));
        }
    }

    /// What happened, in one word; gives whether a message that tells of it may be of interest.
    pub(super) fn action(&mut self, action: &'static str) -> bool {
        let is_needed = self.is_needed(action);
        self.matters |= is_needed;
        self.add("action", action);
        is_needed
    }

    /// A name that may be empty (a client may log in with one).
    pub(super) fn user(&mut self, user: impl Into<Cow<'a, str>>) {
        self.list.push(("user", user.into()));
    }

    pub(super) fn peer(&mut self, (address, port): (&'a str, &'a str)) {
        self.add("source_address", address);
        self.add("source_port", port);
    }
}

/// Splits a text at the first place of a few characters that begin with a rare one: what `split_once` does, without the preparation that takes
/// longer than the search in a line.
pub(super) fn split<'a>(text: &'a str, at: &str) -> Option<(&'a str, &'a str)> {
    let first = *at.as_bytes().first()?;
    let stands = |place: &usize| text.as_bytes().get(*place..).is_some_and(|rest| rest.starts_with(at.as_bytes()));
    let place = memchr::memchr_iter(first, text.as_bytes()).find(stands)?;
    Some((text.get(..place)?, text.get(place + at.len()..)?))
}

/// Splits `deploy(uid=1000)` into name and number; the number is empty where there is none.
pub(super) fn user_and_id(text: &str) -> (&str, &str) {
    text.strip_suffix(')').and_then(|text| text.rsplit_once("(uid=")).unwrap_or((text, ""))
}

/// Whether a text is a number.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The value behind `name` up to `until`.
pub(super) fn between<'a>(text: &'a str, name: &str, until: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(name)?;
    Some(rest.split_once(until).map_or(rest, |(value, _)| value))
}

/// What stands in apostrophes at the beginning, and what follows; the last apostrophe before `until` ends it.
pub(super) fn quoted<'a>(text: &'a str, until: &str) -> Option<(&'a str, &'a str)> {
    let inside = text.strip_prefix('\'')?;
    let (value, _) = inside.split_once(until)?;
    Some((value.strip_suffix('\'').unwrap_or(value), inside.get(value.len() + until.len()..)?))
}

/// Decodes `\033`, `\n`, `\\` and the like as vis(3) with VIS_OCTAL and VIS_CSTYLE writes them; bytes that make no UTF-8 become
/// U+FFFD, and what is no such sequence stays.
pub(super) fn unvis(text: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', text.as_bytes()) else { return Cow::Borrowed(text) };
    let (plain, mut rest) = text.as_bytes().split_at(first);
    let mut bytes = plain.to_vec();
    while let Some((byte, behind)) = rest.split_first() {
        let (decoded, length) = if *byte == b'\\' { escape(behind) } else { (*byte, 0) };
        bytes.push(decoded);
        rest = behind.get(length..).unwrap_or_default();
    }
    Cow::Owned(String::from_utf8(bytes).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned()))
}

/// The byte that an escape behind its backslash means, and how long it is; a lone backslash means itself.
fn escape(behind: &[u8]) -> (u8, usize) {
    match behind {
        [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => ((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'), 3),
        [b'\\', ..] => (b'\\', 1),
        [b'n', ..] => (b'\n', 1),
        [b'r', ..] => (b'\r', 1),
        [b't', ..] => (b'\t', 1),
        [b'a', ..] => (7, 1),
        [b'b', ..] => (8, 1),
        [b'v', ..] => (11, 1),
        [b'f', ..] => (12, 1),
        [b's', ..] => (b' ', 1),
        [b'0', ..] => (0, 1),
        _ => (b'\\', 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded() {
        for (text, expected) in [
            ("plain", "plain"),
            (r"a\nb\tc\\d", "a\nb\tc\\d"),
            (r"\033[31m", "\u{1b}[31m"),
            (r"Gr\303\274\303\237e", "Grüße"),
            (r"\377", "\u{fffd}"),
            (r"ends \", r"ends \"),
            (r"\\033", r"\033"),
        ] {
            assert_eq!(unvis(text), expected, "{text}");
        }
    }
}
