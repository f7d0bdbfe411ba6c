//! Incidents as one HTML file that needs nothing beside it.
//!
//! ```text
//! Incidents ──┬── summary ── incidents told whole: timeline, graph, phases, steps ── further incidents, a row each
//!             ├── findings, equal ones folded: the first as a table, all as data for the script
//! Summary ────┴── evidence: tally, what could not be read, SHA-256
//! ```
//!
//! The file allows itself its own style and script, by their hashes, and nothing else. What stands in it without the script is complete but for
//! findings beyond the first ones. How much is shown is bounded, so that it opens at once; what is left out is counted.

mod evidence;
mod findings;
mod graph;
mod incident;
mod markup;
mod overview;
mod timeline;

use std::io::{self, Write};

use ::incident::Incidents;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::{Style, Summary, Zone};
use findings::Rows;
use markup::Html;

/// How the report looks.
const CSS: &str = include_str!("html/report.css");
/// Sorting and filtering of the findings.
const SCRIPT: &str = include_str!("html/report.js");

/// How many incidents are told as a whole; further ones have a row each.
const WHOLE: usize = 30;
/// How many steps all of these show together, and each of them at least.
const STEPS: (usize, usize) = (400, 12);

/// What the parts of the page are made from.
struct Page<'a> {
    incidents: &'a Incidents,
    summary: &'a Summary,
    zone: &'a Zone,
}

impl Page<'_> {
    /// How many steps an incident shows.
    fn steps(&self) -> usize {
        let (all, least) = STEPS;
        (all / self.incidents.incidents.len().clamp(1, WHOLE)).max(least)
    }
}

/// Writes `incidents` as one HTML file without any remote resource; of `style` the zone counts.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_html(incidents: &Incidents, summary: &Summary, out: &mut dyn Write, style: &Style) -> io::Result<()> {
    let page = Page { incidents, summary, zone: &style.zone };
    let rows = Rows::of(incidents, &style.zone);
    let mut html = Html::default();
    html.raw("<!doctype html>\n<html lang=\"en\">");
    head(&mut html);
    html.element("body", &[], |html| {
        html.raw("<a class=\"skip\" href=\"#main\">Skip to the report</a>\n");
        overview::header(html, &page);
        html.element("main", &[("id", &"main"), ("tabindex", &-1)], |html| {
            overview::summary(html, &page);
            incident::all(html, &page);
            findings::section(html, &rows);
            evidence::section(html, &page);
        });
        overview::footer(html, &page);
    });
    out.write_all(html.written.as_bytes())?;
    rows.write_data(out)?;
    write!(out, "<script>{SCRIPT}</script>\n</html>\n")?;
    out.flush()
}

/// The policy comes first, so that it holds for all that follows.
fn head(html: &mut Html) {
    html.element("head", &[], |html| {
        html.raw("<meta charset=\"utf-8\">\n");
        html.open("meta", &[("http-equiv", &"Content-Security-Policy"), ("content", &policy())]);
        html.raw("\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        html.raw(
            "<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n",
        );
        html.raw("<title>Dreamcatcher: incidents</title>\n<style>");
        html.raw(CSS);
        html.raw("</style>\n");
    });
}

/// Nothing is loaded, sent or framed; of styles and scripts those in this file run.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    let (style, script) = (hash(CSS), hash(SCRIPT));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'"
    )
}
