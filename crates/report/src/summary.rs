use event::{Damage, Time};
use serde::Serialize;

/// What there is to say of a hunt beside its findings: what was read, and all that was not, with the reasons.
///
/// Plain data that the program fills; nothing in it may depend on the number of threads or on how long the
/// hunt took. Lists stand in the order in which they are to be printed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The program's version.
    pub program: String,
    /// The rules, and where they came from.
    pub rules: Rules,
    /// The indicators, and where they came from; `None` where none were looked for.
    pub indicators: Option<Indicators>,
    /// Every piece of evidence that was read, in order.
    pub evidence: Vec<Evidence>,
    /// Files of no known format.
    pub unknown: Vec<Unknown>,
    /// What was left out on purpose: by a limit, an option, or since it is no evidence (a device, a loop of links).
    pub skipped: Vec<Failure>,
    /// What should have been read and could not be.
    pub failures: Vec<Failure>,
    /// What came of the accounting of logins, in sentences; empty where none was asked for.
    pub accounting: Vec<String>,
    /// Each suppression, also those that suppressed nothing.
    pub suppressed: Vec<Suppressed>,
    /// Findings printed.
    pub findings: u64,
    /// Findings left out since an earlier report had them.
    pub known: u64,
    /// Findings left out since they lie outside the time asked for.
    pub outside_time: u64,
}

/// What came of the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rules {
    /// Rules that were used.
    pub loaded: u64,
    /// Where rules came from.
    pub packs: Vec<RulePack>,
    /// Rules that were not used, by reason.
    pub not_applicable: Vec<NotApplicable>,
    /// Rules that could not be honoured.
    pub refused: Vec<RuleProblem>,
    /// Correlation rules that were not run.
    pub not_run: Vec<RuleProblem>,
}

/// What came of lists of indicators.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Indicators {
    /// Indicators that were looked for, each counted once.
    pub loaded: u64,
    /// The lists they came from.
    pub lists: Vec<IndicatorList>,
    /// Entries that their lists themselves take back or mark as no signs.
    pub left_out: Vec<LeftOut>,
    /// Entries and lists that are none.
    pub refused: Vec<RuleProblem>,
    /// Places where one stood that was no sign any more when it happened.
    pub expired: u64,
}

/// A list of indicators.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IndicatorList {
    /// Where it is.
    pub path: String,
    /// How many of its entries were used.
    pub entries: u64,
}

/// Entries of lists that were not used for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Why.
    pub reason: String,
    /// How many.
    pub entries: u64,
}

/// A collection of rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RulePack {
    /// Its name, or the path it was read from.
    pub name: String,
    /// Its version; empty where it states none.
    pub version: String,
    /// SHA-256 over its rules, in lower case hexadecimal; empty where unknown.
    pub sha256: String,
    /// How many of its rules were loaded.
    pub rules: u64,
}

/// Rules that were not used for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NotApplicable {
    /// Why.
    pub reason: String,
    /// How many.
    pub rules: u64,
}

/// A rule that was refused or not run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleProblem {
    /// The rule's file.
    pub path: String,
    /// The line in it, counted from 1, where known.
    pub line: Option<u64>,
    /// Why.
    pub reason: String,
}

/// A piece of evidence and what reading it gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Where it is, as [`event::Piece::path`].
    pub path: String,
    /// Its format's name.
    pub format: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, in lower case hexadecimal; empty where it could not be read to the end.
    pub sha256: String,
    /// Records that were read.
    pub records: u64,
    /// Records that were lost by damage, as far as that can be known.
    pub damaged: u64,
    /// The damages, in the order of the evidence, up to a number that the program sets.
    pub damages: Vec<Damage>,
    /// How many damages there are beyond `damages`.
    pub more_damages: u64,
    /// Gaps in the numbers of records, up to a number that the program sets.
    pub gaps: Vec<NumberGap>,
    /// How many gaps there are beyond `gaps`.
    pub more_gaps: u64,
    /// Unusually long times without a record.
    pub silences: Vec<TimeGap>,
    /// Remarks that are neither damage nor finding.
    pub notes: Vec<String>,
}

/// Records whose numbers are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberGap {
    /// The last number before the gap.
    pub after: u64,
    /// The first number behind the gap.
    pub before: u64,
    /// When the record before the gap was written.
    pub from: Option<Time>,
    /// When the record behind the gap was written.
    pub until: Option<Time>,
}

impl NumberGap {
    /// How many numbers are missing.
    pub const fn missing(self) -> u64 {
        self.before.saturating_sub(self.after).saturating_sub(1)
    }
}

/// A time without a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeGap {
    /// The last record before.
    pub from: Time,
    /// The first record after.
    pub until: Time,
}

/// A file of no known format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// Where it is.
    pub path: String,
    /// What it looks like, as far as can be told; may be empty.
    pub looks_like: String,
}

/// Something that was not read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Where it is.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// A suppression and what it suppressed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Suppressed {
    /// The rule's id or title, as the suppression names it.
    pub rule: String,
    /// Why, in the words of whoever wrote it.
    pub reason: String,
    /// How many findings it suppressed.
    pub findings: u64,
    /// Whether its time is over, so that it suppresses no more.
    pub expired: bool,
}

/// The sums over a summary's lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub bytes: u64,
    pub records: u64,
    pub damaged: u64,
    pub suppressed: u64,
}

impl Summary {
    pub(crate) fn totals(&self) -> Totals {
        let sum =
            |of: fn(&Evidence) -> u64| self.evidence.iter().fold(0u64, |sum, piece| sum.saturating_add(of(piece)));
        Totals {
            bytes: sum(|piece| piece.bytes),
            records: sum(|piece| piece.records),
            damaged: sum(|piece| piece.damaged),
            suppressed: self.suppressed.iter().fold(0, |sum, one| sum.saturating_add(one.findings)),
        }
    }
}
