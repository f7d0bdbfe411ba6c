use std::collections::HashSet;

use event::Level;
use incident::Incident;

use super::{Page, markup::Html};
use crate::{
    incidents::words::{names, period, phase},
    plain::shorten,
    terminal::page::{counted, size, thousands},
};

/// How many incidents the summary names.
const RANKED: usize = 10;
/// How many hosts and accounts of an incident are named.
const NAMES: usize = 6;

/// What the report is, and where its parts are.
pub(super) fn header(html: &mut Html, page: &Page<'_>) {
    html.element("header", &[("class", &"top")], |html| {
        html.raw("<p class=\"brand\">Dreamcatcher</p>");
        html.words("h1", &[], &headline(page));
        let span = page.incidents.incidents.iter().filter_map(|one| one.span);
        let span = span.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        if span.is_some() {
            let zone = page.zone.name();
            html.words("p", &[("class", &"quiet")], &format!("{} · times in {zone}", period(span, page.zone)));
        }
        html.raw(
            "<nav aria-label=\"Parts of the report\"><a href=\"#summary\">Summary</a> <a href=\"#incidents\">Incidents</a> \
             <a href=\"#findings\">Findings</a> <a href=\"#evidence\">Evidence</a></nav>",
        );
    });
}

fn headline(page: &Page<'_>) -> String {
    match page.incidents.incidents.len() as u64 {
        0 => "No incidents found".to_owned(),
        many => counted(many, "incident found", "incidents found"),
    }
}

/// What who decides has to know.
pub(super) fn summary(html: &mut Html, page: &Page<'_>) {
    html.element("section", &[("id", &"summary"), ("aria-labelledby", &"summary-h")], |html| {
        html.raw("<h2 id=\"summary-h\">Summary</h2>");
        html.element("div", &[("class", &"lead")], |html| match page.incidents.incidents.first() {
            Some(worst) => {
                worst_one(html, worst, page);
                begin_with(html, worst);
            }
            None => html.words("p", &[], nothing(page)),
        });
        figures(html, page);
        if page.incidents.incidents.len() > 1 {
            ranking(html, page);
        }
        html.element("p", &[("class", &"quiet")], |html| {
            html.text("What was not logged, or is not among the evidence, cannot be found. ");
            html.raw("<a href=\"#evidence\">What was read, and what could not be read.</a>");
        });
    });
}

fn nothing(page: &Page<'_>) -> &'static str {
    if page.summary.totals().records == 0 {
        return "Not one record was read, so nothing was looked at. The part on evidence says why.";
    }
    "Nothing that was found is severe enough alone, or belongs together with something else. That is no proof that nothing happened."
}

fn worst_one(html: &mut Html, worst: &Incident, page: &Page<'_>) {
    html.element("p", &[("class", &"worst")], |html| {
        html.raw("The most serious: ");
        html.words("a", &[("href", &format_args!("#i-{}", worst.id))], &shorten(&worst.title, 200));
        html.raw(". ");
    });
    let hosts = names(&worst.hosts, NAMES);
    let place = if hosts.is_empty() { String::new() } else { format!(" on {hosts}") };
    let phases = match worst.tactics.last() {
        Some(last) => {
            format!(" The attack reached {} of 14 phases, the furthest being “{}”.", worst.tactics.len(), phase(*last))
        }
        None => String::new(),
    };
    let accounts = match worst.accounts.len() {
        0 => String::new(),
        _ => format!(" Accounts concerned: {}.", names(&worst.accounts, NAMES)),
    };
    html.words("p", &[], &format!("It happened {}{place}.{phases}{accounts}", when(worst, page)));
}

fn when(incident: &Incident, page: &Page<'_>) -> String {
    match incident.span {
        Some((from, until)) if from != until => {
            format!("between {}", period(incident.span, page.zone).replace(" to ", " and "))
        }
        Some(_) => format!("at {}", period(incident.span, page.zone)),
        None => "at a time that the evidence does not tell".to_owned(),
    }
}

fn begin_with(html: &mut Html, worst: &Incident) {
    let Some(first) = worst.actions.first() else { return };
    html.element("p", &[], |html| {
        html.raw("<strong>Begin with this:</strong> ");
        html.text(&shorten(&first.what, 300));
        html.raw(" ");
        html.words("a", &[("href", &format_args!("#do-{}", worst.id))], "All steps to take");
    });
}

/// Numbers that tell how large it is.
fn figures(html: &mut Html, page: &Page<'_>) {
    let all = &page.incidents.incidents;
    let findings: usize = all.iter().map(Incident::findings).sum();
    let distinct = |of: fn(&Incident) -> &Vec<String>| all.iter().flat_map(of).collect::<HashSet<_>>().len() as u64;
    let totals = page.summary.totals();
    let figures = [
        (thousands(all.len() as u64), "Incidents"),
        (thousands(distinct(|one| &one.hosts)), "Hosts concerned"),
        (thousands(distinct(|one| &one.accounts)), "Accounts concerned"),
        (thousands(findings as u64), "Findings in incidents"),
        (thousands(page.incidents.single.len() as u64), "Single observations"),
        (thousands(totals.records), "Records read"),
        (size(totals.bytes), "Evidence"),
    ];
    html.element("dl", &[("class", &"figures")], |html| {
        for (number, what) in &figures {
            html.element("div", &[], |html| {
                html.words("dt", &[], what);
                html.words("dd", &[], number);
            });
        }
    });
}

/// The worst incidents, and how many more there are.
fn ranking(html: &mut Html, page: &Page<'_>) {
    html.element("ol", &[("class", &"ranking")], |html| {
        for incident in page.incidents.incidents.iter().take(RANKED) {
            html.element("li", &[], |html| {
                level(html, incident.level);
                html.raw(" ");
                let title = shorten(&incident.title, 120);
                html.words("a", &[("href", &format_args!("#i-{}", incident.id))], &title);
                html.words("span", &[("class", &"quiet")], &format!(" {}", names(&incident.hosts, 2)));
            });
        }
    });
    if let Some(more @ 1..) = page.incidents.incidents.len().checked_sub(RANKED) {
        html.words("p", &[("class", &"quiet")], &format!("… and {} more, told below.", thousands(more as u64)));
    }
}

/// A level as a label.
pub(super) fn level(html: &mut Html, level: Level) {
    html.words("span", &[("class", &format_args!("level {level}"))], level.as_str());
}

/// What made it.
pub(super) fn footer(html: &mut Html, page: &Page<'_>) {
    html.element("footer", &[], |html| {
        let version = shorten(&page.summary.program, 60);
        html.text(&format!("Dreamcatcher {version}. The same evidence and rules give the same report. This file loads and sends nothing. "));
        html.text("Characters of the evidence that cannot be seen are shown by their number, as in \\u{7}.");
    });
}
