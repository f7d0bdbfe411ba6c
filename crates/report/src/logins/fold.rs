//! Tries that are alike, as one.

use std::collections::{BTreeMap, HashMap};

use event::{Attempt, Outcome, Place, Time};

use super::{account, is_automatic};

/// Tries that are further apart than this are not told as one, in nanoseconds: an hour.
const PAUSE: i64 = 3600 * 1_000_000_000;
/// How many folds grow at once.
const MAX_FOLDS: usize = 4096;
/// How many accounts of a fold are counted each for itself.
const MAX_ACCOUNTS: usize = 256;

/// What tries have in common that are told as one. Failures of one source at one machine are, whatever the accounts; so are
/// logins of machines, if the account and the method are the same, too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    host: String,
    source: String,
    service: String,
    /// The account and the method where they have to be the same.
    same: Option<(String, String)>,
    outcome: Outcome,
}

/// Some tries that are alike.
pub(super) struct Fold {
    /// The first of them.
    pub first: Attempt<Place>,
    /// When the last was.
    pub last: Time,
    /// How many they are.
    pub times: u64,
    /// How many of each account.
    pub accounts: BTreeMap<String, u64>,
    /// How many of further accounts.
    pub others: u64,
    /// Their reasons.
    pub reasons: BTreeMap<String, u64>,
    /// How they were made, where not all were made as the first.
    pub mixed: bool,
}

impl Fold {
    /// One try alone.
    pub fn of(attempt: Attempt<Place>) -> Self {
        let last = attempt.time;
        let (accounts, reasons) = (BTreeMap::new(), BTreeMap::new());
        let mut fold = Self { first: attempt, last, times: 0, accounts, others: 0, reasons, mixed: false };
        let first = fold.first.clone();
        fold.add(&first);
        fold
    }

    fn add(&mut self, attempt: &Attempt<Place>) {
        let login = &attempt.login;
        self.last = self.last.max(attempt.time);
        self.times = self.times.saturating_add(login.times);
        self.mixed |= login.method != self.first.login.method;
        let count = |counts: &mut BTreeMap<String, u64>, name: String| {
            if counts.len() < MAX_ACCOUNTS || counts.contains_key(&name) {
                let count = counts.entry(name).or_default();
                *count = count.saturating_add(login.times);
                return true;
            }
            false
        };
        if !count(&mut self.accounts, account(login)) {
            self.others = self.others.saturating_add(login.times);
        }
        if !login.reason.is_empty() {
            count(&mut self.reasons, login.reason.to_string());
        }
    }
}

/// Tries put together. What comes in must be in the order of time.
#[derive(Default)]
pub(super) struct Folds(HashMap<Kind, Fold>);

impl Folds {
    /// Takes a try, and appends what is complete.
    pub fn add(&mut self, attempt: &Attempt<Place>, done: &mut Vec<Fold>) {
        let Some(kind) = kind(attempt) else {
            // Whoever gets in ends the row of those who did not.
            let failed = Kind { same: None, outcome: Outcome::Failed, ..key(attempt) };
            done.extend(self.0.remove(&failed));
            return done.push(Fold::of(attempt.clone()));
        };
        match self.0.get_mut(&kind) {
            Some(fold) if attempt.time.as_nanos().saturating_sub(fold.last.as_nanos()) <= PAUSE => fold.add(attempt),
            _ => done.extend(self.0.insert(kind, Fold::of(attempt.clone()))),
        }
        if self.0.len() > MAX_FOLDS {
            self.finish(done);
        }
    }

    /// Appends all that is left.
    pub fn finish(&mut self, done: &mut Vec<Fold>) {
        done.extend(self.0.drain().map(|(_, fold)| fold));
    }
}

fn key(attempt: &Attempt<Place>) -> Kind {
    let login = &attempt.login;
    let source = if login.source.is_empty() { &login.source_host } else { &login.source };
    let (host, source, service) = (login.host.to_string(), source.to_string(), login.service.to_string());
    Kind { host, source, service, same: None, outcome: login.outcome }
}

/// What the try is told together with; `None` for what stands for itself.
fn kind(attempt: &Attempt<Place>) -> Option<Kind> {
    let (login, key) = (&attempt.login, key(attempt));
    let same = Some((account(login), login.method.to_string()));
    match login.outcome {
        Outcome::Failed if key.source.is_empty() => Some(Kind { same, ..key }),
        Outcome::Failed => Some(key),
        _ if is_automatic(login) => Some(Kind { same, ..key }),
        _ => None,
    }
}
