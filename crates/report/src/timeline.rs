use std::io::{self, Write};

use event::{Finding, Time};

use crate::{
    Printer, Style, Summary,
    csv::matched_text,
    paint::Paint,
    place_text,
    plain::{columns, pad, shorten, shorten_front, show},
    spool::Spool,
};

/// The longest that is shown of what matched, in columns, where the line itself has no limit.
const MATCHED: usize = 300;
/// The same for host, title and techniques.
const NAME: usize = 60;
/// Hosts are padded to this, so that most lines are aligned; where the line has a limit they are no longer.
const HOST: usize = 15;
/// Levels where the line has a limit.
const LEVEL: usize = 8;

/// Prints a line a finding in the order of time: time, level, host, rule, techniques, what matched, place. What has no
/// time comes last; what has the same time stands in the order of the evidence.
///
/// The lines wait in a [`Spool`].
pub struct Timeline<'a> {
    out: &'a mut (dyn Write + Send),
    style: Style,
    /// The lines by their times.
    lines: Spool,
}

impl<'a> Timeline<'a> {
    /// A printer to `out`.
    ///
    /// # Errors
    /// When no temporary file can be made.
    pub fn new(out: &'a mut (dyn Write + Send), style: Style) -> io::Result<Self> {
        Ok(Self { out, style, lines: Spool::new()? })
    }
}

impl Printer for Timeline<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let line = line(finding, &self.style);
        let time = finding.time.map_or(i64::MAX, Time::as_nanos);
        self.lines.push(time, line.as_bytes())
    }

    fn end(&mut self, _: &Summary) -> io::Result<()> {
        self.lines.read(|_, line| self.out.write_all(line))?;
        self.out.flush()
    }
}

/// The finding's line with its line feed.
fn line(finding: &Finding, style: &Style) -> String {
    match style.width {
        Some(width) => narrow_line(finding, style, width),
        None => whole_line(finding, style),
    }
}

fn whole_line(finding: &Finding, style: &Style) -> String {
    let rule = &finding.rule;
    let time = match finding.time {
        Some(time) => style.zone.rfc3339_to(time, 6),
        None => pad("no time".to_owned(), 27),
    };
    let level = Paint(style.colour).level(rule.level, &pad(rule.level.to_string(), 13));
    let host = pad(or_dash(shorten(&finding.host, NAME)), HOST);
    let title = shorten(&rule.title, NAME);
    let techniques = or_dash(shorten(&rule.techniques().join(","), NAME));
    let place = place_text(&finding.place);
    let matched = long_value(&matched_text(finding, &style.zone), &place);
    format!("{time}  {level}  {host}  {title}  {techniques}  {matched}  {place}\n")
}

/// The same in `width` columns: whole seconds, and of each part what fits, on a very narrow line the most important.
fn narrow_line(finding: &Finding, style: &Style, width: usize) -> String {
    let rule = &finding.rule;
    let time = match finding.time {
        Some(time) => style.zone.rfc3339_to(time, 0),
        None => pad("no time".to_owned(), 20),
    };
    let level = pad(shorten(rule.level.as_str(), LEVEL), LEVEL);
    let host = pad(or_dash(shorten(&finding.host, HOST)), HOST);
    let begin = columns(&time) + LEVEL + HOST + 6;
    let mut room = width.saturating_sub(begin);
    let place = shorten_front(&place_text(&finding.place), (room / 4).max(16));
    room = room.saturating_sub(columns(&place));
    let mut parts = vec![shorten(&rule.title, if room < 50 { room.saturating_sub(2) } else { room / 2 })];
    room = room.saturating_sub(columns(&parts.concat()) + 2);
    let techniques = rule.techniques().join(",");
    if room >= 50 && !techniques.is_empty() {
        parts.push(shorten(&techniques, 16));
        room = room.saturating_sub(parts.last().map_or(0, |part| columns(part)) + 2);
    }
    if room >= 12 {
        parts.push(shorten(&matched_text(finding, &style.zone), room - 2));
    }
    parts.push(place);
    let rest = shorten(&format!("{host}  {}", parts.join("  ")), width.saturating_sub(columns(&time) + LEVEL + 4));
    format!("{time}  {}  {rest}\n", Paint(style.colour).level(rule.level, &level))
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

/// A value, shortened if it is very long, with how much is missing and where all of it is.
fn long_value(value: &str, place: &str) -> String {
    let shown = show(value, MATCHED);
    match shown.left_out {
        0 => shown.text,
        more => format!("{}… (+{more} characters; `show {}` has all)", shown.text, place),
    }
}
