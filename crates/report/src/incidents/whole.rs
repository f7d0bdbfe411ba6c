use std::io::{self, Write};

use event::Finding;
use incident::{Incident, Link, Step};

use super::{
    overview::{limits, row, strip},
    words::{CAUTION, names, period, repeated, strongest},
};
use crate::{
    Style, Summary, place_text,
    plain::shorten,
    terminal::page::{Page, counted, thousands},
    write_summary,
};

/// The longest sentence, in columns.
const SENTENCE: usize = 1000;
/// How many findings a step shows.
const FINDINGS: usize = 3;
/// How many hosts and how many accounts are named.
const NAMES: usize = 20;
/// How far what is said of a step is indented.
const INDENT: usize = 6;

/// One incident as a whole: its steps in the order of time, what it resembles, and what to do now; then the tally.
pub(super) fn write(
    incident: &Incident,
    limits_reached: &[String],
    summary: &Summary,
    out: &mut dyn Write,
    style: &Style,
) -> io::Result<()> {
    let mut page = Page::new(style);
    head(&mut page, incident);
    actions(&mut page, incident);
    heading(&mut page, "What happened");
    let links = strongest(incident);
    let mut day = String::new();
    for (number, (step, link)) in incident.steps.iter().zip(links).enumerate() {
        new_day(&mut page, step, &mut day);
        print_step(&mut page, number + 1, step, link);
        page.write_to(out)?;
    }
    resemblance(&mut page, incident);
    limits(&mut page, limits_reached);
    page.write_to(out)?;
    write_summary(summary, out, style)
}

fn heading(page: &mut Page<'_>, text: &str) {
    page.line("");
    page.line(&page.paint.bold(text));
}

fn head(page: &mut Page<'_>, incident: &Incident) {
    let level = incident.level;
    let badge = page.paint.badge(level, &level.as_str().to_uppercase());
    page.line(&format!("{badge}  {}", page.paint.dim(&format!("incident {}", incident.id))));
    let title = shorten(&incident.title, SENTENCE);
    for line in crate::plain::wrap(&title, page.width) {
        page.line(&page.paint.bold(line));
    }
    page.line("");
    let zone = page.style.zone.clone();
    row(page, "when", &format!("{} (times in {})", period(incident.span, &zone), zone.name()));
    row(page, "where", &names(&incident.hosts, NAMES));
    row(page, "who", &names(&incident.accounts, NAMES));
    row(page, "phases", &strip(incident));
    row(page, "ATT&CK", &names(&incident.techniques, NAMES));
    row(page, "rank", &format!("{} points", thousands(incident.points().into())));
    for part in &incident.rank {
        page.hanging(13, &format!("{:>3}  ", part.points), &shorten(&part.reason, SENTENCE));
    }
}

fn actions(page: &mut Page<'_>, incident: &Incident) {
    if incident.actions.is_empty() {
        return;
    }
    heading(page, "What to do now");
    for (number, action) in incident.actions.iter().enumerate() {
        page.hanging(2, &format!("{:>2}. ", number + 1), &shorten(&action.what, SENTENCE));
        page.text(INDENT, &shorten(&action.detail, SENTENCE));
    }
}

/// Says the day where it is another than that of the step before.
fn new_day(page: &mut Page<'_>, step: &Step, day: &mut String) {
    let today = match step.span {
        Some((from, _)) => page.style.zone.format(from, "%A, %-d %B %Y"),
        None => "Without a time".to_owned(),
    };
    if *day != today {
        page.line("");
        page.line(&format!("  {}", page.paint.bold(&today)));
        *day = today;
    }
}

fn print_step(page: &mut Page<'_>, number: usize, step: &Step, link: Option<&Link>) {
    page.line("");
    let time = step.span.map(|(from, _)| page.style.zone.clock(from));
    let host = Some(shorten(&step.host, 32)).filter(|host| !host.is_empty());
    let repeated = repeated(step, &page.style.zone);
    let parts: Vec<String> = [time, host, repeated].into_iter().flatten().collect();
    let level = step.level.as_str();
    let parts = shorten(&parts.join("  "), page.width.saturating_sub(INDENT + 2 + level.len()));
    page.line(&format!("{number:>4}  {}  {}", page.paint.bold(&parts), page.paint.level(step.level, level)));
    page.text(INDENT, &shorten(&step.sentence, SENTENCE));
    if let Some(link) = link {
        page.hanging(INDENT, "└ ", &format!("after step {}: {}", link.from + 1, shorten(&link.why, SENTENCE)));
    }
    step.findings.iter().take(FINDINGS).for_each(|finding| print_finding(page, finding));
    if step.findings.len() > FINDINGS {
        let more = counted((step.findings.len() - FINDINGS) as u64, "more finding", "more findings");
        page.line(&page.paint.dim(&format!("{:INDENT$}… and {more} (--format incidents-json has all)", "")));
    }
}

fn print_finding(page: &mut Page<'_>, finding: &Finding) {
    page.hanging_dim(INDENT, "· ", &evidence(finding));
}

/// Which rule says so, which techniques it stands for, and where in the evidence.
fn evidence(finding: &Finding) -> String {
    let techniques = finding.rule.techniques().join(", ");
    let parts = [shorten(&finding.rule.title, 100), shorten(&techniques, 60), place_text(&finding.place)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn resemblance(page: &mut Page<'_>, incident: &Incident) {
    if incident.resemblance.is_empty() {
        return;
    }
    heading(page, "Known from the campaign");
    page.text(2, CAUTION);
    for one in &incident.resemblance {
        let what = shorten(&one.what, 200);
        page.hanging(2, "· ", &format!("{what} (step {}): {}", one.step + 1, shorten(&one.known_for, SENTENCE)));
    }
}
