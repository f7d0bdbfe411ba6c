use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::Arc,
};

use event::{Damage, Piece, Place, Position, Time};

use super::page::{Page, counted, size, thousands};
use crate::{
    Evidence, Failure, Indicators, LeftOut, NumberGap, RuleProblem, Style, Summary, Suppressed, TimeGap, Unknown, Zone,
    place_text, plain,
};

/// How many of a list are shown here; `json` has all.
const LISTED: usize = 5;

/// Where the tally is written to.
pub(crate) trait Sheet {
    /// The zone in which times are shown.
    fn zone(&self) -> Zone;

    /// A label and what it says.
    fn row(&mut self, label: &str, text: &str);

    /// A heading, the first entries, and how many there are beyond, `beyond` included; nothing where there is nothing.
    fn list(&mut self, heading: &Heading, entries: impl Iterator<Item = Entry>, beyond: u64);
}

impl Sheet for Page<'_> {
    fn zone(&self) -> Zone {
        self.style.zone.clone()
    }

    fn row(&mut self, label: &str, text: &str) {
        self.labelled(2, &format!("{label:<8}"), &plain(text));
    }

    fn list(&mut self, heading: &Heading, mut entries: impl Iterator<Item = Entry>, beyond: u64) {
        let shown: Vec<Entry> = entries.by_ref().take(LISTED).collect();
        let more = beyond.saturating_add(entries.count() as u64);
        if shown.is_empty() && more == 0 {
            return;
        }
        self.line("");
        self.line(&heading.shown(self));
        for Entry(text, under) in shown {
            self.item(2, &text);
            if !under.is_empty() {
                self.item(4, &under);
            }
        }
        if more > 0 {
            self.line(&self.paint.dim(&format!("  … and {} more (--format json lists all)", thousands(more))));
        }
    }
}

/// Writes the summary for people: the tally, then what deserves attention. `style` says how.
///
/// The text report ends with it; beside the other formats a program writes it to standard error.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_summary(summary: &Summary, out: &mut dyn Write, style: &Style) -> io::Result<()> {
    let mut page = Page::new(style);
    page.border();
    page.line(&page.paint.bold("Tally"));
    tally(&mut page, summary);
    lists(&mut page, summary);
    evidence(&mut page, summary);
    page.write_to(out)
}

/// What deserves attention: all that was not read or not used, with the reasons, and what else there is to say.
pub(crate) fn lists(page: &mut impl Sheet, summary: &Summary) {
    accounting(page, summary);
    unread(page, summary);
    problems(page, "Refused rules", &summary.rules.refused);
    summary.indicators.iter().for_each(|known| problems(page, "Refused indicators", &known.refused));
    problems(page, "Correlation rules that were not run", &summary.rules.not_run);
    left(page, summary);
}

/// Writes what a summary says of the evidence alone, for work without rules and findings.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_reading(summary: &Summary, out: &mut dyn Write, style: &Style) -> io::Result<()> {
    let mut page = Page::new(style);
    page.border();
    page.line(&page.paint.bold("Tally"));
    records(&mut page, summary);
    files(&mut page, summary);
    unread(&mut page, summary);
    left(&mut page, summary);
    evidence(&mut page, summary);
    page.write_to(out)
}

/// What came of the accounting of logins.
fn accounting(page: &mut impl Sheet, summary: &Summary) {
    page.list(&Heading::new("Logins"), summary.accounting.iter().map(|sentence| Entry::of(sentence.clone())), 0);
}

/// What could not be read of the evidence.
fn unread(page: &mut impl Sheet, summary: &Summary) {
    failures(page, "Could not be read", &summary.failures);
    damages(page, summary);
    gaps(page, summary);
    silences(page, summary);
}

/// What was left out, and what else there is to say.
fn left(page: &mut impl Sheet, summary: &Summary) {
    unknown(page, summary);
    failures(page, "Skipped", &summary.skipped);
    suppressed(page, summary);
    notes(page, summary);
}

/// How much was read and found.
pub(crate) fn tally(page: &mut impl Sheet, summary: &Summary) {
    let (totals, rules) = (summary.totals(), &summary.rules);
    records(page, summary);
    let not_used = rules.not_applicable.iter().fold(0u64, |sum, one| sum.saturating_add(one.rules));
    let refused = number(rules.refused.len() as u64, "refused");
    page.row("rules", &format!("{}, {refused}, {}", number(rules.loaded, "used"), number(not_used, "not used")));
    summary.indicators.iter().for_each(|known| indicators(page, known));
    let known = match summary.known {
        0 => String::new(),
        known => format!(", {}", number(known, "known before")),
    };
    let outside = match summary.outside_time {
        0 => String::new(),
        outside => format!(", {}", number(outside, "outside the time asked for")),
    };
    let findings = format!("{}, {}", thousands(summary.findings), number(totals.suppressed, "suppressed"));
    page.row("findings", &format!("{findings}{known}{outside}"));
    files(page, summary);
    for reason in &rules.not_applicable {
        page.row("not used", &format!("{}: {}", counted(reason.rules, "rule", "rules"), reason.reason));
    }
    page.row("versions", &versions(summary));
}

/// What was looked for beside rules; a list by the number of its entries.
fn indicators(page: &mut impl Sheet, known: &Indicators) {
    let expired = match known.expired {
        0 => String::new(),
        expired => format!(", {}", number(expired, "seen when they were no signs any more")),
    };
    let refused = number(known.refused.len() as u64, "refused");
    page.row("signs", &format!("{}, {refused}{expired}", counted(known.loaded, "indicator", "indicators")));
    for LeftOut { reason, entries } in &known.left_out {
        page.row("not used", &format!("{}: {reason}", counted(*entries, "indicator", "indicators")));
    }
}

fn number(number: u64, what: &str) -> String {
    format!("{} {what}", thousands(number))
}

fn records(page: &mut impl Sheet, summary: &Summary) {
    let totals = summary.totals();
    let pieces = counted(summary.evidence.len() as u64, "piece", "pieces");
    page.row("evidence", &format!("{pieces}, {}{}", size(totals.bytes), formats(summary)));
    page.row("records", &format!("{}, {}", number(totals.records, "read"), number(totals.damaged, "damaged")));
}

fn files(page: &mut impl Sheet, summary: &Summary) {
    let skipped = number(summary.skipped.len() as u64, "skipped");
    let unknown = number(summary.unknown.len() as u64, "of unknown format");
    let failed = number(summary.failures.len() as u64, "could not be read");
    page.row("files", &format!("{skipped}, {unknown}, {failed}"));
}

/// How many pieces of each format there are.
fn formats(summary: &Summary) -> String {
    let mut formats = BTreeMap::new();
    summary.evidence.iter().for_each(|piece| *formats.entry(piece.format.as_str()).or_insert(0u64) += 1);
    let shown: Vec<String> = formats.iter().map(|(name, count)| format!("{} {name}", thousands(*count))).collect();
    if shown.is_empty() { String::new() } else { format!(" ({})", shown.join(", ")) }
}

fn versions(summary: &Summary) -> String {
    let mut parts = vec![format!("dreamcatcher {}", summary.program)];
    for pack in &summary.rules.packs {
        let version = if pack.version.is_empty() { String::new() } else { format!(" {}", pack.version) };
        let hash = match pack.sha256.get(..12) {
            Some(begin) => format!(", sha256 {begin}…"),
            None => String::new(),
        };
        parts.push(format!("{}{version} ({}{hash})", pack.name, counted(pack.rules, "rule", "rules")));
    }
    parts.join("; ")
}

fn evidence(page: &mut impl Sheet, summary: &Summary) {
    let about = |piece: &Evidence| {
        let records = counted(piece.records, "record", "records");
        let hash = match piece.sha256.as_str() {
            "" => "no SHA-256: it could not be read to the end".to_owned(),
            hash => format!("sha256 {hash}"),
        };
        Entry(format!("{} ({}, {}, {records})", piece.path, piece.format, size(piece.bytes)), hash)
    };
    page.list(&Heading::new("Evidence"), summary.evidence.iter().map(about), 0);
}

fn failures(page: &mut impl Sheet, heading: &'static str, failures: &[Failure]) {
    page.list(
        &Heading::problem(heading, ""),
        failures.iter().map(|one| Entry::of(format!("{}: {}", one.path, one.reason))),
        0,
    );
}

fn damages(page: &mut impl Sheet, summary: &Summary) {
    let about = |(piece, damage): (&Evidence, &Damage)| {
        let lost = match damage.records {
            0 => String::new(),
            records => format!(" ({} lost)", counted(records, "record", "records")),
        };
        Entry::of(format!("{}: {}{lost}", at(piece, damage.position), damage.reason))
    };
    let damages = summary.evidence.iter().flat_map(|piece| piece.damages.iter().map(move |damage| (piece, damage)));
    let beyond = summary.evidence.iter().map(|piece| piece.more_damages).fold(0, u64::saturating_add);
    page.list(&Heading::problem("Damaged", "what stands around it was read"), damages.map(about), beyond);
}

fn gaps(page: &mut impl Sheet, summary: &Summary) {
    let zone = page.zone();
    let about = |(piece, gap): (&Evidence, &NumberGap)| {
        let (first, last) = (gap.after.saturating_add(1), gap.before.saturating_sub(1));
        let missing = counted(gap.missing(), "record is", "records are");
        let numbers = if first == last { first.to_string() } else { format!("{first} to {last}") };
        Entry::of(format!("{}: {missing} missing ({numbers}){}", piece.path, between(&zone, gap.from, gap.until)))
    };
    let gaps = summary.evidence.iter().flat_map(|piece| piece.gaps.iter().map(move |gap| (piece, gap)));
    let beyond = summary.evidence.iter().map(|piece| piece.more_gaps).fold(0, u64::saturating_add);
    page.list(
        &Heading::problem("Missing records", "they may have been deleted, or belong to another file"),
        gaps.map(about),
        beyond,
    );
}

fn silences(page: &mut impl Sheet, summary: &Summary) {
    let zone = page.zone();
    let silences = summary.evidence.iter().flat_map(|piece| piece.silences.iter().map(move |gap| (piece, gap)));
    let about = |(piece, gap): (&Evidence, &TimeGap)| {
        Entry::of(format!("{}: nothing{}", piece.path, between(&zone, Some(gap.from), Some(gap.until))))
    };
    page.list(
        &Heading::problem("Long silences", "the machine may have been off, or logging may have been"),
        silences.map(about),
        0,
    );
}

fn problems(page: &mut impl Sheet, heading: &'static str, problems: &[RuleProblem]) {
    let about = |problem: &RuleProblem| {
        let line = problem.line.map_or_else(String::new, |line| format!(":{line}"));
        Entry::of(format!("{}{line}: {}", problem.path, problem.reason))
    };
    page.list(&Heading::problem(heading, ""), problems.iter().map(about), 0);
}

fn unknown(page: &mut impl Sheet, summary: &Summary) {
    let about = |unknown: &Unknown| match unknown.looks_like.as_str() {
        "" => Entry::of(unknown.path.clone()),
        looks_like => Entry::of(format!("{} (looks like {looks_like})", unknown.path)),
    };
    page.list(&Heading::problem("Of unknown format", "not read"), summary.unknown.iter().map(about), 0);
}

fn suppressed(page: &mut impl Sheet, summary: &Summary) {
    let about = |one: &Suppressed| {
        let count = counted(one.findings, "finding", "findings");
        let expired = if one.expired { "; its time is over, it suppresses no more" } else { "" };
        Entry::of(format!("{}: {count} ({}{expired})", one.rule, one.reason))
    };
    page.list(&Heading::new("Suppressions"), summary.suppressed.iter().map(about), 0);
}

fn notes(page: &mut impl Sheet, summary: &Summary) {
    let notes = summary.evidence.iter().flat_map(|piece| piece.notes.iter().map(move |note| (piece, note)));
    page.list(&Heading::new("Remarks"), notes.map(|(piece, note)| Entry::of(format!("{}: {note}", piece.path))), 0);
}

/// A place in a piece of evidence.
fn at(piece: &Evidence, position: Position) -> String {
    place_text(&Place { piece: Arc::new(Piece { path: piece.path.clone() }), position })
}

/// ` from … to …`, as far as it is known.
fn between(zone: &Zone, from: Option<Time>, until: Option<Time>) -> String {
    let show = |word: &str, time: Option<Time>| match time {
        Some(time) => format!(" {word} {}", zone.rfc3339_to(time, 0)),
        None => String::new(),
    };
    show("from", from) + &show("to", until)
}

/// An entry of a list, and what stands under it.
pub(crate) struct Entry(pub String, pub String);

impl Entry {
    const fn of(text: String) -> Self {
        Self(text, String::new())
    }
}

/// What stands above a list.
pub(crate) struct Heading {
    pub title: &'static str,
    pub remark: &'static str,
    /// Whether the list tells of something that could not be looked at.
    pub problem: bool,
}

impl Heading {
    const fn new(title: &'static str) -> Self {
        Self { title, remark: "", problem: false }
    }

    const fn problem(title: &'static str, remark: &'static str) -> Self {
        Self { title, remark, problem: true }
    }

    fn shown(&self, page: &Page<'_>) -> String {
        let title = if self.problem { page.paint.warn(self.title) } else { page.paint.bold(self.title) };
        match self.remark {
            "" => title,
            remark => format!("{title}{}", page.paint.dim(&format!(" ({remark})"))),
        }
    }
}
