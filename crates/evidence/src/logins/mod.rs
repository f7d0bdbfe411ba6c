//! What records tell of logins and sessions, whatever log they stand in: one view over the names that fields have
//! ([`docs/fields.md`](../../../docs/fields.md)), so that a reader has nothing to do for it.
//!
//! | evidence | logins | ends |
//! |---|---|---|
//! | sshd, also `sshd-session` and OpenSSH on Windows; dropbear | `Accepted`, `Failed`, `Partial …`; where sshd says no more than that, `Invalid user`, PAM's failure, `Connection closed by authenticating user …` | disconnect, PAM's `session closed` |
//! | login(1), display managers, su | their own lines, PAM's `session opened` | PAM's `session closed` |
//! | wtmp, utmp, btmp, lastlog | a user's process; every record of btmp is a failure; the last login of a number | the terminal's dead process |
//! | auditd | `USER_LOGIN`, else `USER_START` | `USER_END` |
//! | Windows' Security log | 4624, 4625, 4648 | 4634, 4647 |
//! | Windows' terminal services | 1149; 21, 25 | 23, 24 |

mod audit;
mod linux;
mod windows;

use std::{borrow::Cow, ops::Range};

pub use audit::numbered;
use event::{LogSource, Record, Step};

/// Whether records of this kind may tell of logins at all; [`step`] need not be asked about others.
pub fn tells_of_logins(source: &LogSource<'_>) -> bool {
    match source.product {
        "windows" => windows::tells(source),
        "linux" => linux::tells(source) || audit::tells(source),
        _ => false,
    }
}

/// What a record tells of a login or session; `None` for most. Its texts are the record's, which `fields` keeps until the next.
pub fn step<'a>(record: &'a dyn Record, fields: &'a mut Fields) -> Option<Step<'a>> {
    let source = record.source();
    if !tells_of_logins(&source) {
        return None;
    }
    fields.clear();
    record.visit(&mut |name, value| fields.push(name, &value.text()));
    match source.product {
        "windows" => windows::step(&source, record.host(), fields),
        _ if audit::tells(&source) => audit::step(record.host(), fields),
        _ => linux::step(&source, record.host(), fields),
    }
}

/// The fields of a record by name, of those of several values the first: a table that takes next to nothing to be made anew for each record.
#[derive(Debug)]
pub struct Fields {
    /// Name and text of each, one behind the other.
    texts: String,
    list: Vec<Field>,
    /// The last field of each bucket, counted from one.
    last: [usize; BUCKETS],
}

/// How many buckets there are; a record of a login has some twenty fields.
const BUCKETS: usize = 64;

/// Where a field's name and text stand, and the number of the one before it in its bucket.
#[derive(Debug)]
struct Field {
    name: Range<usize>,
    text: Range<usize>,
    before: usize,
}

impl Default for Fields {
    fn default() -> Self {
        Self { texts: String::new(), list: Vec::new(), last: [0; BUCKETS] }
    }
}

impl Fields {
    fn clear(&mut self) {
        self.texts.clear();
        self.list.clear();
        self.last = [0; BUCKETS];
    }

    /// The bucket of a name: few begin and end alike and are as long.
    const fn bucket(name: &str) -> usize {
        match name.as_bytes() {
            [first, .., last] => (name.len() + 7 * *first as usize + 31 * *last as usize) % BUCKETS,
            _ => 0,
        }
    }

    fn push(&mut self, name: &str, text: &str) {
        let begin = self.texts.len();
        self.texts.push_str(name);
        let middle = self.texts.len();
        self.texts.push_str(text);
        if let Some(last) = self.last.get_mut(Self::bucket(name)) {
            let before = std::mem::replace(last, self.list.len() + 1);
            self.list.push(Field { name: begin..middle, text: middle..self.texts.len(), before });
        }
    }

    /// A field's text as it stands; `None` where the record does not have it.
    fn find(&self, name: &str) -> Option<&str> {
        let (mut number, mut found) = (*self.last.get(Self::bucket(name))?, None);
        while let Some(field) = number.checked_sub(1).and_then(|place| self.list.get(place)) {
            if self.texts.as_bytes().get(field.name.clone()) == Some(name.as_bytes()) {
                found = Some(field);
            }
            number = field.before;
        }
        self.texts.get(found?.text.clone())
    }

    /// A field's text; empty where there is none, and where Windows or auditd write a sign for none.
    fn get(&self, name: &str) -> &str {
        let text = self.find(name).unwrap_or_default();
        if matches!(text, "-" | "?") { "" } else { text }
    }

    fn take(&self, name: &str) -> Cow<'_, str> {
        Cow::Borrowed(self.get(name))
    }
}

/// An address as it is written without IPv6 around it: `::ffff:198.51.100.7` is `198.51.100.7`.
fn address(text: &str) -> Cow<'_, str> {
    let inside = text.get(..7).filter(|start| start.eq_ignore_ascii_case("::ffff:")).and_then(|_| text.get(7..));
    Cow::Borrowed(inside.filter(|inside| inside.contains('.')).unwrap_or(text))
}

/// The last part of a path.
fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_fields_of_a_name_the_first_counts() {
        let mut fields = Fields::default();
        for round in 0..2 {
            // `user` and `uxxr` have one bucket.
            for (name, text) in [("", "none"), ("user", "anna"), ("uxxr", "other"), ("user", "bert"), ("pid", "")] {
                fields.push(name, text);
            }
            let found = ["user", "uxxr", "pid", "", "uid"].map(|name| fields.find(name));
            assert_eq!(found, [Some("anna"), Some("other"), Some(""), Some("none"), None], "round {round}");
            fields.clear();
            assert_eq!(fields.find("user"), None);
        }
    }
}
