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

/// The fields of a record by name, of those of several values the first. A record has few, so that looking through them takes less time than a
/// table does to be made.
#[derive(Debug, Default)]
pub struct Fields {
    /// Name and text of each, one behind the other.
    texts: String,
    /// Where each name and each text stands.
    spans: Vec<(Range<usize>, Range<usize>)>,
}

impl Fields {
    fn clear(&mut self) {
        self.texts.clear();
        self.spans.clear();
    }

    fn push(&mut self, name: &str, text: &str) {
        let begin = self.texts.len();
        self.texts.push_str(name);
        let name_end = self.texts.len();
        self.texts.push_str(text);
        self.spans.push((begin..name_end, name_end..self.texts.len()));
    }

    /// A field's text as it stands; `None` where the record does not have it.
    fn find(&self, name: &str) -> Option<&str> {
        let is_it = |known: &Range<usize>| known.len() == name.len() && self.texts.get(known.clone()) == Some(name);
        let (_, text) = self.spans.iter().find(|(known, _)| is_it(known))?;
        self.texts.get(text.clone())
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
