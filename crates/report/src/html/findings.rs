//! The table of all findings. Equal ones are one row: the same rule, host and values, in the same incident.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    io::{self, Write},
};

use event::{Finding, Level, Time};
use incident::Incidents;
use sha2::{Digest, Sha256};

use super::{markup::Html, overview::level};
use crate::{
    Zone,
    csv::matched_text,
    json::write_json,
    place::position_text,
    plain::shorten,
    terminal::page::{counted, thousands},
};

/// How many rows stand in the file as a table; all of them are there as data.
const WITHOUT_SCRIPT: usize = 500;
/// How many columns of what matched all rows show together, and each of them at most and at least.
const MATCHED: usize = 1_100_000;
const MATCHED_ROW: (usize, usize) = (40, 300);
/// The longest title, host and path, in columns.
const NAME: usize = 120;
/// A title of an incident among its findings, in columns.
const TITLE: usize = 60;

/// The rows, those of the worst incident first, and what they have in common.
pub(super) struct Rows {
    rows: Vec<Row>,
    findings: usize,
    /// Title, level, techniques, and what tells rules of the same title apart.
    rules: Table<(String, Level, String, String)>,
    hosts: Table<String>,
    paths: Table<String>,
    /// Id and title.
    incidents: Vec<(String, String)>,
}

/// Findings that say the same.
struct Row {
    /// When first, as it is shown; empty where the evidence does not say.
    time: String,
    first: Option<Time>,
    rule: usize,
    host: usize,
    /// Behind the last one: none.
    incident: usize,
    count: u64,
    matched: String,
    path: usize,
    position: String,
}

/// What two findings have in common that say the same: rule, host, incident, and the hash of what matched.
type Same = (usize, usize, usize, [u8; 32]);

impl Rows {
    pub fn of(incidents: &Incidents, zone: &Zone) -> Self {
        let all = &incidents.incidents;
        let of_incidents = all.iter().enumerate().flat_map(|(number, incident)| {
            incident.steps.iter().flat_map(move |step| step.findings.iter().map(move |finding| (number, &**finding)))
        });
        let single = incidents.single.iter().map(|finding| (all.len(), &**finding));
        let findings = incidents.single.len() + all.iter().map(|one| one.findings()).sum::<usize>();
        let (least, most) = MATCHED_ROW;
        let mut rows = Self {
            rows: Vec::new(),
            findings,
            rules: Table::default(),
            hosts: Table::default(),
            paths: Table::default(),
            incidents: all.iter().map(|one| (one.id.to_string(), shorten(&one.title, TITLE))).collect(),
        };
        let matched = (MATCHED / findings.max(1)).clamp(least, most);
        let mut same: HashMap<Same, usize> = HashMap::new();
        for (incident, finding) in of_incidents.chain(single) {
            rows.add(finding, incident, matched, &mut same, zone);
        }
        rows
    }

    fn add(
        &mut self,
        finding: &Finding,
        incident: usize,
        matched: usize,
        same: &mut HashMap<Same, usize>,
        zone: &Zone,
    ) {
        let rule = &finding.rule;
        let rule =
            (shorten(&rule.title, NAME), rule.level, shorten(&rule.techniques().join(" "), NAME), rule.id.clone());
        let (rule, host) = (self.rules.number(rule), self.hosts.number(shorten(&finding.host, NAME)));
        let row = match same.entry((rule, host, incident, digest(finding))) {
            Entry::Occupied(row) => self.rows.get_mut(*row.get()),
            Entry::Vacant(place) => {
                place.insert(self.rows.len());
                None
            }
        };
        if let Some(row) = row {
            row.count += 1;
            if finding.time.is_some_and(|time| row.first.is_none_or(|first| time < first)) {
                row.first = finding.time;
                row.time = shown_time(finding, zone);
            }
            return;
        }
        self.rows.push(Row {
            time: shown_time(finding, zone),
            first: finding.time,
            rule,
            host,
            incident,
            count: 1,
            matched: shorten(&matched_text(finding, zone), matched),
            path: self.paths.number(shorten(&finding.place.piece.path, NAME)),
            position: position_text(finding.place.position),
        });
    }

    /// All rows as data for the script. `<` is written in another way, so that no value ends the element.
    pub fn write_data(&self, out: &mut dyn Write) -> io::Result<()> {
        let row = |row: &Row| -> Result<Vec<u8>, io::Error> {
            let mut text = Vec::new();
            let parts = (&row.time, row.rule, row.host, row.incident, row.count, &row.matched, row.path, &row.position);
            write_json(&parts, &mut text)?;
            Ok(text)
        };
        let levels: Vec<&str> = Level::ALL.iter().map(|level| level.as_str()).collect();
        let rules = self.rules.values.iter().map(|(title, level, techniques, _)| (title, *level as usize, techniques));
        let mut data = b"{\"levels\":".to_vec();
        write_json(&levels, &mut data)?;
        data.extend_from_slice(b",\"rules\":");
        write_json(&rules.collect::<Vec<_>>(), &mut data)?;
        for (name, values) in [("hosts", &self.hosts.values), ("paths", &self.paths.values)] {
            write!(data, ",\"{name}\":")?;
            write_json(values, &mut data)?;
        }
        data.extend_from_slice(b",\"incidents\":");
        write_json(&self.incidents, &mut data)?;
        data.extend_from_slice(b",\"rows\":[");
        for (number, one) in self.rows.iter().enumerate() {
            data.extend_from_slice(if number == 0 { b"\n" } else { b",\n" });
            data.extend_from_slice(&row(one)?);
        }
        data.extend_from_slice(b"\n]}");
        out.write_all(b"\n<script type=\"application/json\" id=\"data\">")?;
        out.write_all(&without_markup(&data))?;
        out.write_all(b"</script>\n")
    }
}

fn shown_time(finding: &Finding, zone: &Zone) -> String {
    finding.time.map_or_else(String::new, |time| zone.format(time, "%Y-%m-%d %H:%M:%S"))
}

/// Of what matched.
fn digest(finding: &Finding) -> [u8; 32] {
    let mut hash = Sha256::new();
    for matched in &finding.matched {
        for part in [&matched.field, &matched.value] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    hash.finalize().into()
}

/// JSON, where `<` stands in strings only, without it.
fn without_markup(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    for byte in json {
        match byte {
            b'<' => out.extend_from_slice(b"\\u003c"),
            byte => out.push(*byte),
        }
    }
    out
}

/// Values that occur many times, by their numbers.
struct Table<T> {
    values: Vec<T>,
    numbers: HashMap<T, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Table<T> {
    fn number(&mut self, value: T) -> usize {
        match self.numbers.entry(value) {
            Entry::Occupied(number) => *number.get(),
            Entry::Vacant(place) => {
                self.values.push(place.key().clone());
                *place.insert(self.values.len() - 1)
            }
        }
    }
}

/// The table, with what the script needs to sort and filter it.
pub(super) fn section(html: &mut Html, rows: &Rows) {
    html.element("section", &[("id", &"findings"), ("aria-labelledby", &"findings-h")], |html| {
        html.raw("<h2 id=\"findings-h\">Findings</h2>");
        filter(html, rows);
        html.element("p", &[("id", &"shown"), ("class", &"quiet"), ("role", &"status")], |html| {
            let of = counted(rows.findings as u64, "finding", "findings");
            let in_rows = counted(rows.rows.len() as u64, "row", "rows");
            html.text(&format!("{of} in {in_rows}, equal ones together."));
            if rows.rows.len() > WITHOUT_SCRIPT {
                html.text(&format!(
                    " Without its script this page shows the first {}.",
                    thousands(WITHOUT_SCRIPT as u64)
                ));
            }
        });
        html.element(
            "div",
            &[("class", &"scroll"), ("role", &"region"), ("aria-labelledby", &"findings-h"), ("tabindex", &0)],
            |html| table(html, rows),
        );
        html.raw("<button type=\"button\" id=\"more\" hidden>Show more</button>");
    });
}

/// Shown by the script, since without it there is nothing to filter with.
fn filter(html: &mut Html, rows: &Rows) {
    html.element("form", &[("id", &"filter"), ("role", &"search"), ("hidden", &"")], |html| {
        html.raw("<label>Text <input type=\"search\" id=\"text\" autocomplete=\"off\" spellcheck=\"false\"></label>");
        html.raw("<label>Level <select id=\"level\"><option value=\"0\">all levels</option>");
        for level in Level::ALL.into_iter().skip(1) {
            let text = if level == Level::Critical { level.to_string() } else { format!("{level} and above") };
            html.words("option", &[("value", &(level as usize))], &text);
        }
        html.raw("</select></label><label>Incident <select id=\"incident\"><option value=\"\">all</option>");
        for (number, (id, title)) in rows.incidents.iter().enumerate().take(WITHOUT_SCRIPT) {
            html.words("option", &[("value", &number), ("data-id", id)], &format!("{}. {title}", number + 1));
        }
        html.words("option", &[("value", &rows.incidents.len())], "none: single observations");
        html.raw("</select></label> <button type=\"reset\">Clear</button>");
    });
}

fn table(html: &mut Html, rows: &Rows) {
    html.raw("<table id=\"table\"><thead><tr>");
    let columns = ["Time", "Level", "Rule", "Host", "What matched", "Place", "Times", "Incident"];
    columns.iter().for_each(|column| html.words("th", &[("scope", &"col")], column));
    html.raw("</thead>\n<tbody>");
    for row in rows.rows.iter().take(WITHOUT_SCRIPT) {
        table_row(html, row, rows);
    }
    html.raw("</tbody></table>");
}

fn table_row(html: &mut Html, row: &Row, rows: &Rows) {
    html.raw("<tr><td>");
    html.text(&row.time);
    if let Some((title, severity, techniques, _)) = rows.rules.values.get(row.rule) {
        html.raw("<td>");
        level(html, *severity);
        html.raw("<td>");
        html.text(title);
        html.words("small", &[], techniques);
    }
    html.raw("<td>");
    html.text(rows.hosts.values.get(row.host).map_or("", String::as_str));
    html.raw("<td class=\"matched\">");
    html.text(&row.matched);
    html.raw("<td class=\"place\">");
    let path = rows.paths.values.get(row.path).map_or("", String::as_str);
    html.text(&format!("{path}#{}", row.position));
    html.raw("<td>");
    html.text(&thousands(row.count));
    html.raw("<td>");
    if let Some((id, _)) = rows.incidents.get(row.incident) {
        html.words("a", &[("href", &format_args!("#i-{id}"))], &(row.incident + 1).to_string());
    }
    html.raw("\n");
}
