use event::Finding;
use incident::{Incident, Link, Step, Tactic};

use super::{Page, graph, markup::Html, overview::level, timeline};
use crate::{
    incidents::words::{CAUTION, names, period, phase, repeated, strongest},
    json::by_field,
    place_text,
    plain::{shorten, show},
    terminal::page::{counted, thousands},
};

/// The longest sentence, in columns.
const SENTENCE: usize = 400;
/// The longest value of the evidence, in columns.
const VALUE: usize = 240;
/// How many values of a finding are shown.
const VALUES: usize = 6;
/// How many findings of a step are shown.
const FINDINGS: usize = 2;
/// How many hosts and how many accounts are named.
const NAMES: usize = 12;
/// How many incidents have a row of their own at most, behind those that are told as a whole.
const ROWS: usize = 2_000;

/// All incidents: the worst told as a whole, the others a row each.
pub(super) fn all(html: &mut Html, page: &Page<'_>) {
    html.element("section", &[("id", &"incidents"), ("aria-labelledby", &"incidents-h")], |html| {
        html.raw("<h2 id=\"incidents-h\">Incidents</h2>");
        if page.incidents.incidents.is_empty() {
            html.raw("<p>There are none.</p>");
        }
        for (number, incident) in page.incidents.incidents.iter().take(super::WHOLE).enumerate() {
            whole(html, number + 1, incident, page);
        }
        further(html, page);
        limits(html, page);
    });
}

fn limits(html: &mut Html, page: &Page<'_>) {
    if page.incidents.limits.is_empty() {
        return;
    }
    html.element("div", &[("class", &"warn")], |html| {
        html.raw("<h3>Not taken into account</h3>");
        list(html, page.incidents.limits.iter().map(|limit| shorten(limit, SENTENCE)));
    });
}

/// A list of sentences.
pub(super) fn list(html: &mut Html, sentences: impl Iterator<Item = String>) {
    html.element("ul", &[], |html| sentences.for_each(|sentence| html.words("li", &[], &sentence)));
}

fn whole(html: &mut Html, number: usize, incident: &Incident, page: &Page<'_>) {
    let id = incident.id;
    html.element("article", &[("id", &format_args!("i-{id}")), ("aria-labelledby", &format_args!("h-{id}"))], |html| {
        html.element("header", &[], |html| {
            level(html, incident.level);
            let title = format!("{number}. {}", shorten(&incident.title, 200));
            html.words("h3", &[("id", &format_args!("h-{id}"))], &title);
            facts(html, incident, page);
        });
        phases(html, &incident.tactics);
        actions(html, incident);
        let shown = page.steps();
        timeline::draw(html, incident, shown, page.zone);
        steps(html, incident, shown, page);
        graph::draw(html, incident);
        rank(html, incident);
        resemblance(html, incident);
    });
}

fn facts(html: &mut Html, incident: &Incident, page: &Page<'_>) {
    let facts = [
        ("When", period(incident.span, page.zone)),
        ("Where", names(&incident.hosts, NAMES)),
        ("Who", names(&incident.accounts, NAMES)),
        ("ATT&CK", names(&incident.techniques, NAMES * 2)),
        ("Findings", thousands(incident.findings() as u64)),
        ("Id", incident.id.to_string()),
    ];
    html.element("dl", &[("class", &"facts")], |html| {
        for (what, text) in facts.iter().filter(|(_, text)| !text.is_empty()) {
            html.element("div", &[], |html| {
                html.words("dt", &[], what);
                html.words("dd", &[], text);
            });
        }
    });
}

/// All phases of an attack, those that were reached marked.
fn phases(html: &mut Html, reached: &[Tactic]) {
    html.raw("<h4>Attack phases reached</h4>");
    html.element("ol", &[("class", &"phases")], |html| {
        for tactic in Tactic::ALL {
            let is_reached = reached.contains(&tactic);
            let class = if is_reached { "reached" } else { "" };
            html.element("li", &[("class", &class)], |html| {
                html.text(&phase(tactic));
                html.raw(if is_reached {
                    "<span class=\"sr\"> (reached)</span>"
                } else {
                    "<span class=\"sr\"> (not seen)</span>"
                });
            });
        }
    });
}

fn actions(html: &mut Html, incident: &Incident) {
    if incident.actions.is_empty() {
        return;
    }
    html.element("div", &[("class", &"do"), ("id", &format_args!("do-{}", incident.id))], |html| {
        html.raw("<h4>What to do now</h4>");
        html.element("ol", &[], |html| {
            for action in &incident.actions {
                html.element("li", &[], |html| {
                    html.words("strong", &[], &shorten(&action.what, SENTENCE));
                    html.raw(" ");
                    html.words("span", &[("class", &"quiet")], &shorten(&action.detail, SENTENCE));
                });
            }
        });
    });
}

fn steps(html: &mut Html, incident: &Incident, most: usize, page: &Page<'_>) {
    html.raw("<h4>What happened</h4>");
    let links = strongest(incident);
    let mut day = None;
    html.raw("<ol class=\"steps\">");
    for (number, (step, link)) in incident.steps.iter().zip(links).take(most).enumerate() {
        let today = step.span.map(|(from, _)| page.zone.date(from));
        if number == 0 || day != today {
            html.words("li", &[("class", &"day")], today.as_deref().unwrap_or("Without a time"));
            day = today;
        }
        one_step(html, number, step, link, incident, page);
    }
    html.raw("</ol>");
    if let Some(more @ 1..) = incident.steps.len().checked_sub(most) {
        let more = counted(more as u64, "more step", "more steps");
        html.element("p", &[("class", &"quiet")], |html| {
            html.text(&format!("… and {more}: "));
            html.words("a", &[("href", &"#findings"), ("data-incident", &incident.id)], "their findings");
        });
    }
}

fn one_step(html: &mut Html, number: usize, step: &Step, link: Option<&Link>, incident: &Incident, page: &Page<'_>) {
    let id = incident.id;
    html.element("li", &[("id", &format_args!("s-{id}-{}", number + 1)), ("class", &step.level)], |html| {
        html.element("p", &[("class", &"when")], |html| {
            html.words("span", &[("class", &"number")], &(number + 1).to_string());
            if let Some((from, _)) = step.span {
                html.words("time", &[("datetime", &page.zone.rfc3339_to(from, 3))], &page.zone.clock(from));
            }
            html.words("b", &[], &shorten(&step.host, 60));
            repeated(step, page.zone).iter().for_each(|text| html.words("span", &[("class", &"quiet")], text));
            level(html, step.level);
        });
        html.words("p", &[("class", &"said")], &shorten(&step.sentence, SENTENCE));
        if let Some(link) = link {
            html.element("p", &[("class", &"because")], |html| {
                html.raw("After ");
                let before = link.from + 1;
                html.words("a", &[("href", &format_args!("#s-{id}-{before}"))], &format!("step {before}"));
                html.text(&format!(": {}", shorten(&link.why, SENTENCE)));
            });
        }
        proof(html, step, page);
    });
}

/// What says so: the findings, with the values that matched and where they stand.
fn proof(html: &mut Html, step: &Step, page: &Page<'_>) {
    html.element("details", &[], |html| {
        html.element("summary", &[], |html| {
            let findings = counted(step.findings.len() as u64, "finding", "findings");
            let first = step.findings.first().map_or(String::new(), |finding| shorten(&finding.rule.title, 120));
            html.text(&format!("{first} · {findings}"));
        });
        step.findings.iter().take(FINDINGS).for_each(|finding| excerpt(html, finding, page));
        if step.findings.len() > FINDINGS {
            let more = thousands((step.findings.len() - FINDINGS) as u64);
            html.words("p", &[("class", &"quiet")], &format!("… and {more} more, among the findings below"));
        }
    });
}

fn excerpt(html: &mut Html, finding: &Finding, page: &Page<'_>) {
    html.element("div", &[("class", &"excerpt")], |html| {
        let techniques = shorten(&finding.rule.techniques().join(", "), 80);
        let time = finding.time.map_or_else(|| "no time".to_owned(), |time| page.zone.rfc3339_to(time, 3));
        html.element("p", &[], |html| {
            html.words("b", &[], &shorten(&finding.rule.title, 120));
            html.text(&format!(" {techniques} {time}"));
            html.raw("<br>");
            html.words("code", &[], &shorten(&place_text(&finding.place), VALUE));
        });
        let values = by_field(&finding.matched);
        let values = values.iter().flat_map(|(field, values)| values.iter().map(move |value| (*field, *value)));
        html.element("dl", &[], |html| {
            for (field, value) in values.clone().take(VALUES) {
                html.words("dt", &[], &shorten(field, 60));
                html.element("dd", &[], |html| value_text(html, value));
            }
        });
        if let Some(more @ 1..) = values.count().checked_sub(VALUES) {
            html.words("p", &[("class", &"quiet")], &format!("… and {} more", counted(more as u64, "value", "values")));
        }
    });
}

fn value_text(html: &mut Html, value: &str) {
    let shown = show(value, VALUE);
    html.words("code", &[], &shown.text);
    if shown.left_out > 0 {
        let more = format!("… (+{} characters)", thousands(shown.left_out as u64));
        html.words("span", &[("class", &"quiet")], &more);
    }
}

fn rank(html: &mut Html, incident: &Incident) {
    html.element("details", &[("class", &"rank")], |html| {
        html.words("summary", &[], &format!("Why it ranks here: {} points", thousands(incident.points().into())));
        list(html, incident.rank.iter().map(|part| format!("{}: {}", part.points, shorten(&part.reason, SENTENCE))));
    });
}

fn resemblance(html: &mut Html, incident: &Incident) {
    if incident.resemblance.is_empty() {
        return;
    }
    html.raw("<h4>Known from the campaign</h4>");
    html.words("p", &[("class", &"quiet")], CAUTION);
    html.element("ul", &[], |html| {
        for one in &incident.resemblance {
            html.element("li", &[], |html| {
                html.words("b", &[], &shorten(&one.what, 200));
                html.text(&format!(" (step {}): {}", one.step + 1, shorten(&one.known_for, SENTENCE)));
            });
        }
    });
}

/// Incidents that rank behind those that are told as a whole.
fn further(html: &mut Html, page: &Page<'_>) {
    let further = page.incidents.incidents.get(super::WHOLE..).unwrap_or_default();
    if further.is_empty() {
        return;
    }
    html.raw("<h3 id=\"further-h\">Further incidents</h3>");
    html.element("div", &[("class", &"scroll"), ("role", &"region"), ("aria-labelledby", &"further-h"), ("tabindex", &0)], |html| {
        html.raw("<table><thead><tr><th scope=\"col\">Level<th scope=\"col\">What<th scope=\"col\">When<th scope=\"col\">Where");
        html.raw("<th scope=\"col\">Findings<th scope=\"col\">Id</thead><tbody>");
        for incident in further.iter().take(ROWS) {
            html.open("tr", &[("id", &format_args!("i-{}", incident.id))]);
            html.raw("<td>");
            level(html, incident.level);
            for text in [shorten(&incident.title, 100), period(incident.span, page.zone), names(&incident.hosts, 2)] {
                html.raw("<td>");
                html.text(&text);
            }
            html.raw("<td>");
            let findings = thousands(incident.findings() as u64);
            html.words("a", &[("href", &"#findings"), ("data-incident", &incident.id)], &findings);
            html.raw("<td>");
            html.text(&incident.id.to_string());
        }
        html.raw("</tbody></table>");
    });
    if let Some(more @ 1..) = further.len().checked_sub(ROWS) {
        let more = format!("… and {} more: their findings are in the table below.", thousands(more as u64));
        html.words("p", &[], &more);
    }
}
