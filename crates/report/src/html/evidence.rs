use super::{Page, markup::Html};
use crate::{
    Evidence, Zone,
    plain::shorten,
    terminal::{
        Entry, Heading, Sheet, lists,
        page::{size, thousands},
        tally,
    },
};

/// How many pieces of evidence are listed.
const PIECES: usize = 1_000;
/// How many entries of a list are shown.
const LISTED: usize = 100;
/// The longest entry, in columns.
const ENTRY: usize = 400;

/// What was read, what could not be read, and the hash of every piece.
pub(super) fn section(html: &mut Html, page: &Page<'_>) {
    html.element("section", &[("id", &"evidence"), ("aria-labelledby", &"evidence-h")], |html| {
        html.raw("<h2 id=\"evidence-h\">Evidence</h2>");
        html.raw("<dl class=\"facts tally\">");
        tally(&mut Lists { html, zone: page.zone }, page.summary);
        html.raw("</dl>");
        lists(&mut Lists { html, zone: page.zone }, page.summary);
        pieces(html, &page.summary.evidence);
    });
}

/// The tally as markup.
struct Lists<'a> {
    html: &'a mut Html,
    zone: &'a Zone,
}

impl Sheet for Lists<'_> {
    fn zone(&self) -> Zone {
        self.zone.clone()
    }

    fn row(&mut self, label: &str, text: &str) {
        self.html.element("div", &[], |html| {
            html.words("dt", &[], label);
            html.words("dd", &[], text);
        });
    }

    fn list(&mut self, heading: &Heading, mut entries: impl Iterator<Item = Entry>, beyond: u64) {
        let shown: Vec<Entry> = entries.by_ref().take(LISTED).collect();
        let more = beyond.saturating_add(entries.count() as u64);
        if shown.is_empty() && more == 0 {
            return;
        }
        let class = if heading.problem { "warn" } else { "" };
        self.html.element("div", &[("class", &class)], |html| {
            html.words("h3", &[], heading.title);
            if !heading.remark.is_empty() {
                html.words("p", &[("class", &"quiet")], heading.remark);
            }
            html.element("ul", &[], |html| {
                for Entry(text, under) in &shown {
                    html.words("li", &[], &shorten(&format!("{text} {under}"), ENTRY));
                }
            });
            if more > 0 {
                let more = format!("… and {} more (--format json lists all)", thousands(more));
                html.words("p", &[("class", &"quiet")], &more);
            }
        });
    }
}

fn pieces(html: &mut Html, evidence: &[Evidence]) {
    if evidence.is_empty() {
        return;
    }
    html.raw("<h3 id=\"pieces-h\">What was read</h3>");
    html.element("div", &[("class", &"scroll"), ("role", &"region"), ("aria-labelledby", &"pieces-h"), ("tabindex", &0)], |html| {
        html.raw("<table class=\"pieces\"><thead><tr><th scope=\"col\">Piece<th scope=\"col\">Format<th scope=\"col\">Size");
        html.raw("<th scope=\"col\">Records<th scope=\"col\">Damaged<th scope=\"col\">SHA-256</thead><tbody>");
        for piece in evidence.iter().take(PIECES) {
            html.raw("<tr><td>");
            html.text(&shorten(&piece.path, ENTRY));
            let hash = if piece.sha256.is_empty() { "none: it could not be read to the end" } else { &piece.sha256 };
            for text in [&piece.format, &size(piece.bytes), &thousands(piece.records), &thousands(piece.damaged)] {
                html.raw("<td>");
                html.text(text);
            }
            html.raw("<td><code>");
            html.text(hash);
            html.raw("</code>");
        }
        html.raw("</tbody></table>");
    });
    if let Some(more @ 1..) = evidence.len().checked_sub(PIECES) {
        let more = format!("… and {} more (--format incidents-json lists all)", thousands(more as u64));
        html.words("p", &[("class", &"quiet")], &more);
    }
}
