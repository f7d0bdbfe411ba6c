//! What the ledger knows now: looked up by its indexes, so that the time does not grow with its length.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Params, params};

use super::{Change, Ledger, column, verify::parse};
use crate::{Entry, Error, Granted, SecondFactor, What, entry::Requested, error::Result, policy::Approval};

/// How many of the latest entries a list looks at.
pub const MOST: u32 = 200;

/// A look at the ledger.
#[derive(Clone, Copy, Debug)]
pub struct View<'a>(&'a Connection);

/// An enrolled key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// Whose it is.
    pub person: String,
    /// Its fingerprint.
    pub key: String,
    /// The key as in `authorized_keys`.
    pub public_key: String,
    /// What proves the person beside it.
    pub second_factor: SecondFactor,
}

/// An invitation that nobody has used yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its number.
    pub invitation: u64,
    /// Who may enrol.
    pub person: String,
    /// Its key as in `authorized_keys`.
    pub public_key: String,
    /// Until when.
    pub until: Timestamp,
}

/// A request with what became of it.
#[derive(Clone, Debug)]
pub struct Request {
    /// What was asked for.
    pub requested: Requested,
    /// When.
    pub at: Timestamp,
    /// Who approved it.
    pub approvals: Vec<Approval>,
    /// Why it was denied.
    pub denied: Option<Vec<String>>,
    /// The grant that answers it.
    pub serial: Option<u64>,
}

/// A release with what became of it.
#[derive(Clone, Debug)]
pub struct Release {
    /// The file's name.
    pub name: String,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Why.
    pub reason: String,
    /// Who approved it; the first put it forward.
    pub approvals: Vec<String>,
    /// Whether it is released.
    pub released: bool,
}

/// An authority that signs no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired {
    /// Its fingerprint.
    pub authority: String,
    /// Its key as in `authorized_keys`.
    pub public_key: String,
    /// Until when hosts trust it.
    pub trusted_until: Timestamp,
}

/// A wish to take the ledger's time back, with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockBack {
    /// Who put it forward.
    pub who: String,
    /// Why.
    pub reason: String,
    /// Who approved it.
    pub approvals: Vec<String>,
    /// Whether it was done.
    pub is_done: bool,
}

/// What is known of a person's codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Codes {
    /// The last time step that was used up.
    pub last_step: Option<u64>,
    /// How many codes in a row were wrong.
    pub wrong: usize,
    /// When the last one was wrong.
    pub last_wrong: Option<Timestamp>,
}

impl Ledger {
    /// A look at it.
    pub fn view(&self) -> View<'_> {
        View(&self.0)
    }
}

impl Change<'_> {
    /// A look at the ledger, with the entries that this change has added.
    pub(crate) fn view(&self) -> View<'_> {
        View(&self.transaction)
    }
}

impl View<'_> {
    fn entries(&self, sql: &str, params: impl Params) -> Result<Vec<Entry>> {
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map(params, |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
        rows.map(|row| row.map_err(Error::from).and_then(|(sequence, text)| parse(sequence, &text))).collect()
    }

    /// Entries of a kind with a number.
    fn numbered(&self, kind: &str, number: u64) -> Result<Vec<Entry>> {
        let sql = "SELECT sequence, text FROM entry WHERE kind = ? AND number = ? ORDER BY sequence";
        self.entries(sql, params![kind, column(number)?])
    }

    /// The latest entries of a kind about a subject, the newest first.
    fn about(&self, kind: &str, subject: &str, most: u32) -> Result<Vec<Entry>> {
        let sql = "SELECT sequence, text FROM entry WHERE kind = ? AND subject = ? ORDER BY sequence DESC LIMIT ?";
        self.entries(sql, params![kind, subject, most])
    }

    /// The latest entries of a kind, by their numbers, the newest first.
    fn latest(&self, kind: &str, most: u32) -> Result<Vec<Entry>> {
        let sql = "SELECT sequence, text FROM entry WHERE kind = ? ORDER BY number DESC LIMIT ?";
        self.entries(sql, params![kind, most])
    }

    /// One more than the highest number of a kind.
    pub(crate) fn next_number(&self, kind: &str) -> Result<u64> {
        let mut statement = self.0.prepare_cached("SELECT max(number) FROM entry WHERE kind = ?")?;
        let highest: Option<i64> = statement.query_row([kind], |row| row.get(0))?;
        highest
            .unwrap_or_default()
            .checked_add(1)
            .and_then(|next| u64::try_from(next).ok())
            .ok_or_else(|| Error::Ledger(format!("there are no numbers left for {kind}")))
    }

    /// The policy that the gate worked by last and whose text is kept, by its SHA-256.
    pub(crate) fn policy(&self) -> Result<Option<String>> {
        let sql =
            "SELECT subject FROM entry WHERE kind = 'policy_changed' AND number = 1 ORDER BY sequence DESC LIMIT 1";
        Ok(self.0.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?)
    }

    /// The sealed secret of a key.
    pub(crate) fn secret(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let mut statement = self.0.prepare_cached("SELECT sealed FROM secret WHERE key = ?")?;
        Ok(statement.query_row([key], |row| row.get(0)).optional()?)
    }

    /// The key of this fingerprint, if it is enrolled and not revoked.
    pub fn enrolled(&self, key: &str) -> Result<Option<Enrolled>> {
        let last = self.about("enrolled", key, 1)?.pop();
        let revoked = self.about("key_revoked", key, 1)?.pop();
        let is_after = |entry: &Entry| revoked.as_ref().is_none_or(|revoked| revoked.sequence < entry.sequence);
        Ok(last.filter(is_after).and_then(|entry| enrolled(entry.what)))
    }

    /// Whether a key was revoked.
    pub fn is_key_revoked(&self, key: &str) -> Result<bool> {
        Ok(!self.about("key_revoked", key, 1)?.is_empty())
    }

    /// Whether a key has another use than to be somebody's at the gate: it is an authority's, a host's or an invitation's.
    pub fn is_other_key(&self, fingerprint: &str) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM entry WHERE instr(text, ?)
            AND kind IN ('begun', 'authority_changed', 'host_certified', 'invited'))";
        Ok(self.0.prepare_cached(sql)?.query_row([fingerprint], |row| row.get(0))?)
    }

    /// Approvals that count: those over keys that are not revoked since.
    fn holding(&self, approvals: Vec<Entry>) -> Result<Vec<Entry>> {
        let mut holding = Vec::new();
        for entry in approvals {
            let (What::Approved { key, .. } | What::ReleaseApproved { key, .. }) = &entry.what else { continue };
            if !self.is_key_revoked(key)? {
                holding.push(entry);
            }
        }
        Ok(holding)
    }

    /// All enrolled keys that are not revoked, each as it was enrolled last, in the order of enrolment.
    pub fn all_enrolled(&self) -> Result<Vec<Enrolled>> {
        let sql = "SELECT sequence, text FROM entry AS one WHERE kind = 'enrolled' AND NOT EXISTS (SELECT 1 FROM entry
            WHERE kind IN ('enrolled', 'key_revoked') AND subject = one.subject AND sequence > one.sequence) ORDER BY sequence";
        Ok(self.entries(sql, [])?.into_iter().filter_map(|entry| enrolled(entry.what)).collect())
    }

    /// Keys that were revoked, as in `authorized_keys`, and are not enrolled again.
    pub fn revoked_keys(&self) -> Result<Vec<String>> {
        let sql = "SELECT sequence, text FROM entry AS one WHERE kind = 'enrolled' AND EXISTS (SELECT 1 FROM entry
            WHERE kind = 'key_revoked' AND subject = one.subject AND sequence > one.sequence) AND NOT EXISTS (SELECT 1
            FROM entry WHERE kind = 'enrolled' AND subject = one.subject AND sequence > one.sequence) ORDER BY sequence";
        Ok(self
            .entries(sql, [])?
            .into_iter()
            .filter_map(|entry| enrolled(entry.what))
            .map(|key| key.public_key)
            .collect())
    }

    /// Invitations that can still be used.
    pub fn invitations(&self, now: Timestamp) -> Result<Vec<Invitation>> {
        let sql = "SELECT sequence, text FROM entry AS one WHERE kind = 'invited' AND NOT EXISTS (SELECT 1 FROM entry
            WHERE kind = 'enrolled' AND number = one.number) AND NOT EXISTS (SELECT 1 FROM entry
            WHERE kind = 'key_revoked' AND subject = one.subject) ORDER BY sequence";
        let open = self.entries(sql, [])?.into_iter().filter_map(|entry| match entry.what {
            What::Invited { invitation, person, public_key, until, .. } if now < until => {
                Some(Invitation { invitation, person, public_key, until })
            }
            _ => None,
        });
        Ok(open.collect())
    }

    /// Hosts that are certified, by name, each with its last key as in `authorized_keys`.
    pub fn hosts(&self) -> Result<Vec<(String, String)>> {
        let sql = "SELECT sequence, text FROM entry WHERE sequence IN
            (SELECT max(sequence) FROM entry WHERE kind = 'host_certified' GROUP BY subject) ORDER BY subject";
        let host = |entry: Entry| match entry.what {
            What::HostCertified { host, public_key, .. } => Some((host, public_key)),
            _ => None,
        };
        Ok(self.entries(sql, [])?.into_iter().filter_map(host).collect())
    }

    /// What is known of a person's codes; of wrong ones in a row, at most `most` are counted. Steps beyond `latest` do not count yet: they were
    /// used up while the clock was ahead.
    pub fn codes(&self, person: &str, most: u32, latest: u64) -> Result<Codes> {
        let accepted = self.about("code_accepted", person, 1)?.pop();
        let unlocked = self.about("unlocked", person, 1)?.pop();
        let since = accepted.iter().chain(&unlocked).map(|entry| entry.sequence).max().unwrap_or_default();
        let wrong: Vec<Entry> =
            self.about("code_refused", person, most)?.into_iter().filter(|entry| entry.sequence > since).collect();
        let sql = "SELECT number FROM entry WHERE kind = 'code_accepted' AND subject = ? AND number <= ?
            ORDER BY sequence DESC LIMIT 1";
        let last_step: Option<i64> =
            self.0.prepare_cached(sql)?.query_row(params![person, column(latest)?], |row| row.get(0)).optional()?;
        Ok(Codes {
            last_step: last_step.and_then(|step| u64::try_from(step).ok()),
            wrong: wrong.len(),
            last_wrong: wrong.first().map(|entry| entry.time),
        })
    }

    /// Whether a person's code of this step was used up.
    pub(crate) fn is_step_used(&self, person: &str, step: u64) -> Result<bool> {
        let used = self.numbered("code_accepted", step)?;
        Ok(used.iter().any(|entry| matches!(&entry.what, What::CodeAccepted { person: one, .. } if one == person)))
    }

    /// Whether the touch that opened a connection was used up.
    pub(crate) fn is_touch_used(&self, connection: &str) -> Result<bool> {
        Ok(!self.about("touch_accepted", connection, 1)?.is_empty())
    }

    /// How many entries of a kind about a person there are since a time; at most `most` are counted.
    pub(crate) fn count_since(&self, kind: &str, person: &str, since: Timestamp, most: u32) -> Result<usize> {
        Ok(self.about(kind, person, most)?.iter().filter(|entry| entry.time > since).count())
    }

    /// A request, with what became of it.
    pub fn request(&self, number: u64) -> Result<Option<Request>> {
        let Some(Entry { time, what: What::Requested(requested), .. }) = self.numbered("requested", number)?.pop()
        else {
            return Ok(None);
        };
        let approvals = self.holding(self.numbered("approved", number)?)?;
        let denied = self.numbered("denied", number)?.pop().and_then(|entry| match entry.what {
            What::Denied { reasons, .. } => Some(reasons),
            _ => None,
        });
        let sql =
            "SELECT number FROM entry WHERE kind = 'granted' AND json_extract(text, '$.what.granted.request') = ?";
        let serial: Option<i64> =
            self.0.prepare_cached(sql)?.query_row([column(number)?], |row| row.get(0)).optional()?;
        Ok(Some(Request {
            requested,
            at: time,
            approvals: approvals.into_iter().map(|entry| Approval { person: entry.who, at: entry.time }).collect(),
            denied,
            serial: serial.and_then(|serial| u64::try_from(serial).ok()),
        }))
    }

    /// Requests of the last `age` that are neither granted nor denied, the newest first.
    pub fn open_requests(&self, now: Timestamp, age: SignedDuration) -> Result<Vec<Request>> {
        let mut open = Vec::new();
        for entry in self.latest("requested", MOST)? {
            let (_, _, number) = entry.what.keys();
            if now.duration_since(entry.time) > age {
                break;
            }
            open.extend(self.request(number)?.filter(|request| request.denied.is_none() && request.serial.is_none()));
        }
        Ok(open)
    }

    /// A grant.
    pub fn granted(&self, serial: u64) -> Result<Option<Granted>> {
        Ok(self.numbered("granted", serial)?.pop().and_then(|entry| granted(entry.what)))
    }

    /// Whether a grant was revoked.
    pub fn is_revoked(&self, serial: u64) -> Result<bool> {
        Ok(!self.numbered("revoked", serial)?.is_empty())
    }

    /// Grants that hold, the newest first, of the last [`MOST`] that were given.
    pub fn grants(&self, now: Timestamp) -> Result<Vec<Granted>> {
        let mut holding = Vec::new();
        for one in self.latest("granted", MOST)?.into_iter().filter_map(|entry| granted(entry.what)) {
            if now < one.until && !self.is_revoked(one.serial)? {
                holding.push(one);
            }
        }
        Ok(holding)
    }

    /// A person's grants that hold, the newest first.
    pub fn grants_of(&self, person: &str, now: Timestamp) -> Result<Vec<Granted>> {
        let mut holding = Vec::new();
        for one in self.about("granted", person, u32::MAX)?.into_iter().filter_map(|entry| granted(entry.what)) {
            if now < one.until && !self.is_revoked(one.serial)? {
                holding.push(one);
            }
        }
        Ok(holding)
    }

    /// The fingerprint of the authority that signs people's certificates.
    pub fn authority(&self) -> Result<String> {
        let last = self.about_any("authority_changed", 1)?.pop();
        let last =
            last.map_or_else(|| self.about("begun", "", 1).map(|mut begun| begun.pop()), |last| Ok(Some(last)))?;
        let authority = last.as_ref().and_then(|entry| entry.what.authority()).map(str::to_owned);
        authority.ok_or_else(|| Error::Ledger("expected it to begin with an authority, found none".into()))
    }

    /// The authorities of before, the latest first.
    pub fn retired(&self) -> Result<Vec<Retired>> {
        let retired = self.about_any("authority_changed", MOST)?.into_iter().filter_map(|entry| match entry.what {
            What::AuthorityChanged { previous, previous_key, trusted_until, .. } => {
                Some(Retired { authority: previous, public_key: previous_key, trusted_until })
            }
            _ => None,
        });
        Ok(retired.collect())
    }

    /// The latest entries of a kind, the newest first.
    fn about_any(&self, kind: &str, most: u32) -> Result<Vec<Entry>> {
        let sql = "SELECT sequence, text FROM entry WHERE kind = ? ORDER BY sequence DESC LIMIT ?";
        self.entries(sql, params![kind, most])
    }

    /// A wish to take the ledger's time back, with what became of it.
    pub fn clock_back(&self, number: u64) -> Result<Option<ClockBack>> {
        let Some(Entry { who, what: What::ClockBackRequested { reason, .. }, .. }) =
            self.numbered("clock_back_requested", number)?.pop()
        else {
            return Ok(None);
        };
        let approvals = self.numbered("clock_back_approved", number)?.into_iter().map(|entry| entry.who).collect();
        let is_done = !self.numbered("clock_back", number)?.is_empty();
        Ok(Some(ClockBack { who, reason, approvals, is_done }))
    }

    /// Entries of a kind that were written at a later time than this, by the ledger's own time.
    pub(crate) fn written_after(&self, kind: &str, time: Timestamp) -> Result<Vec<Entry>> {
        let sql = "SELECT sequence, text FROM entry WHERE kind = ? AND time > ? ORDER BY sequence";
        self.entries(sql, params![kind, time.as_second()])
    }

    /// The grants that were revoked and have not expired yet: serials, each with the authority that signed it.
    pub fn revoked(&self, now: Timestamp) -> Result<Vec<(u64, String)>> {
        let mut serials = Vec::new();
        for entry in self.entries("SELECT sequence, text FROM entry WHERE kind = 'revoked' ORDER BY number", [])? {
            let (_, _, serial) = entry.what.keys();
            // A clock of a host that is behind gets an hour to catch up.
            let holds = |granted: &Granted| now.duration_since(granted.until) < SignedDuration::from_hours(1);
            if let Some(granted) = self.granted(serial)?.filter(holds) {
                serials.push((serial, granted.authority));
            }
        }
        Ok(serials)
    }

    /// A release, with what became of it.
    pub fn release(&self, number: u64) -> Result<Option<Release>> {
        let Some(Entry { who, what: What::ReleaseRequested { name, sha256, reason, .. }, .. }) =
            self.numbered("release_requested", number)?.pop()
        else {
            return Ok(None);
        };
        let approvals = self.holding(self.numbered("release_approved", number)?)?.into_iter().map(|entry| entry.who);
        let approvals = std::iter::once(who).chain(approvals).collect();
        let released = !self.numbered("released", number)?.is_empty();
        Ok(Some(Release { name, sha256, reason, approvals, released }))
    }
}

fn enrolled(what: What) -> Option<Enrolled> {
    match what {
        What::Enrolled { person, key, public_key, second_factor, .. } => {
            Some(Enrolled { person, key, public_key, second_factor })
        }
        _ => None,
    }
}

fn granted(what: What) -> Option<Granted> {
    match what {
        What::Granted(granted) => Some(*granted),
        _ => None,
    }
}
