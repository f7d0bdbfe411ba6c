use std::io::{self, Write};

use event::Level;
use incident::Incident;

use super::{
    Told,
    words::{names, period, phase},
};
use crate::{
    Style, Summary,
    plain::{columns, pad, shorten, wrap},
    terminal::page::{Page, counted, thousands},
    write_summary,
};

/// How many incidents are told in some lines each.
const CARDS: usize = 5;
/// How many more are told in a line each.
const LINES: usize = 20;
/// How many hosts and how many accounts are named.
const NAMES: usize = 4;
/// How many reasons for its rank an incident gives.
const REASONS: usize = 4;
/// The longest title, in columns.
const TITLE: usize = 200;

/// The incidents, worst first, in a screenful; then single observations, the tally, and how to go on.
pub(super) fn write(told: &Told<'_>, summary: &Summary, out: &mut dyn Write, style: &Style) -> io::Result<()> {
    let mut page = Page::new(style);
    headline(&mut page, told, summary);
    for (number, incident) in told.incidents.iter().take(CARDS).enumerate() {
        card(&mut page, number + 1, incident);
    }
    lines(&mut page, &told.incidents);
    single(&mut page, told);
    limits(&mut page, told.limits);
    page.write_to(out)?;
    write_summary(summary, out, style)?;
    what_next(&mut page, told);
    page.write_to(out)
}

fn headline(page: &mut Page<'_>, told: &Told<'_>, summary: &Summary) {
    let Some(worst) = told.incidents.iter().map(|one| one.level).max() else {
        return nothing(page, told, summary);
    };
    let incidents = counted(told.incidents.len() as u64, "incident", "incidents");
    let findings: usize = told.incidents.iter().map(|one| one.findings()).sum();
    let of = counted(findings as u64, "finding", "findings");
    let worst = page.paint.level(worst, worst.as_str());
    let text = format!("{incidents} of {of}; the most severe: ");
    page.line(&format!("{}{worst}", page.paint.bold(&text)));
    page.line(&page.paint.dim(&format!("worst first · times in {}", page.style.zone.name())));
}

/// No incident: what that is worth depends on what was looked at.
fn nothing(page: &mut Page<'_>, told: &Told<'_>, summary: &Summary) {
    if told.single.is_empty() && summary.findings == 0 {
        return crate::terminal::nothing_found(page, summary);
    }
    page.line(&page.paint.bold("No incidents."));
    page.text(
        0,
        "Nothing that was found is severe enough alone, or belongs together with something else. That is no proof that nothing \
         happened: what was not logged, or is not among this evidence, cannot be found.",
    );
}

/// An incident in some lines.
fn card(page: &mut Page<'_>, number: usize, incident: &Incident) {
    let level = incident.level;
    page.line("");
    let badge = page.paint.badge(level, &level.as_str().to_uppercase());
    let mark = format!("{badge}  {number}. ");
    let left = level.as_str().len() + format!("  {number}. ").len() + if page.style.colour { 2 } else { 0 };
    let title = shorten(&incident.title, TITLE);
    for (line, text) in wrap(&title, page.width.saturating_sub(left)).into_iter().enumerate() {
        let mark = if line == 0 { mark.clone() } else { pad(String::new(), left) };
        page.line(&format!("{mark}{}", page.paint.bold(text)));
    }
    row(page, "when", &period(incident.span, &page.style.zone));
    row(page, "where", &names(&incident.hosts, NAMES));
    row(page, "who", &names(&incident.accounts, NAMES));
    row(page, "phases", &strip(incident));
    row(page, "why here", &reasons(incident));
    let size = format!(
        "{} of {}",
        counted(incident.steps.len() as u64, "step", "steps"),
        counted(incident.findings() as u64, "finding", "findings")
    );
    row(page, "all of it", &format!("--incident {}  ({size})", incident.id));
}

/// A label and what it says, where that is anything.
pub(super) fn row(page: &mut Page<'_>, label: &str, text: &str) {
    if !text.is_empty() {
        let lines = wrap(text, page.width.saturating_sub(13)).into_iter().map(str::to_owned);
        for (number, line) in lines.collect::<Vec<_>>().into_iter().enumerate() {
            let label = if number == 0 { pad(label.to_owned(), 9) } else { pad(String::new(), 9) };
            page.line(&format!("  {}  {line}", page.paint.dim(&label)));
        }
    }
}

/// The phases reached, in their order.
pub(super) fn strip(incident: &Incident) -> String {
    incident.tactics.iter().map(|tactic| phase(*tactic)).collect::<Vec<_>>().join(" → ")
}

/// Why it ranks as it does: the weightiest reasons.
fn reasons(incident: &Incident) -> String {
    let mut parts: Vec<_> = incident.rank.iter().filter(|part| part.points > 0).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.points));
    let shown = parts.iter().take(REASONS).map(|part| format!("{} ({})", shorten(&part.reason, 100), part.points));
    let shown = shown.collect::<Vec<_>>().join("; ");
    format!("{} points: {shown}", thousands(incident.points().into()))
}

/// Further incidents, a line each, and how many there are beyond.
fn lines(page: &mut Page<'_>, incidents: &[&Incident]) {
    let more: Vec<_> = incidents.iter().enumerate().skip(CARDS).take(LINES).collect();
    if !more.is_empty() {
        page.line("");
        page.line(&page.paint.bold("Further incidents"));
    }
    for (number, incident) in more {
        let level = page.paint.level(incident.level, &pad(shorten(incident.level.as_str(), 8), 8));
        let begin = format!("{:>4}. {}", number + 1, incident.id);
        let host = names(&incident.hosts, 1);
        let title = page.width.saturating_sub(columns(&begin) + columns(&host) + 14).max(16);
        page.line(&format!("{begin}  {level}  {}  {}", shorten(&incident.title, title), page.paint.dim(&host)));
    }
    let beyond = incidents.len().saturating_sub(CARDS + LINES);
    if beyond > 0 {
        let beyond = thousands(beyond as u64);
        page.line(&page.paint.dim(&format!("  … and {beyond} more (--format incidents-json or --html FILE has all)")));
    }
}

/// How many findings stay alone.
fn single(page: &mut Page<'_>, told: &Told<'_>) {
    if told.single.is_empty() {
        return;
    }
    let count = |level| told.single.iter().filter(|finding| finding.rule.level == level).count() as u64;
    let levels = Level::ALL.into_iter().rev().map(|level| (level, count(level))).filter(|(_, count)| *count > 0);
    let levels: Vec<String> = levels.map(|(level, count)| format!("{level} {}", thousands(count))).collect();
    page.line("");
    let text = counted(told.single.len() as u64, "single observation", "single observations");
    page.line(&format!("{} ({})", page.paint.bold(&text), levels.join(" · ")));
    page.text(2, "Of low level, and nothing links them to anything; --findings lists them.");
}

/// What the linker could not take into account.
pub(super) fn limits(page: &mut Page<'_>, limits: &[String]) {
    if limits.is_empty() {
        return;
    }
    page.line("");
    page.line(&page.paint.warn("Not taken into account"));
    limits.iter().for_each(|limit| page.item(2, limit));
}

fn what_next(page: &mut Page<'_>, told: &Told<'_>) {
    let Some(worst) = told.incidents.first() else { return };
    page.line("");
    page.line(&page.paint.bold("What next"));
    let whole = format!("--incident {}", worst.id);
    let hints = [
        (whole.as_str(), "the worst one as a whole: every step, and what to do now"),
        ("--html FILE", "all of it as a file to hand on"),
        ("--findings", "the findings behind the incidents, by rule and host"),
    ];
    for (what, why) in hints {
        page.labelled(2, &pad(what.to_owned(), columns(&whole)), why);
    }
}
