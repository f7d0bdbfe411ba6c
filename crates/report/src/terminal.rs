//! The report for people who were not trained for it: what was found, most severe first; why it matters; where it
//! stands; what could not be looked at; and what to do next.

mod groups;
pub(crate) mod page;
mod tally;

use std::io::{self, Write};

use event::{Finding, Level, Sighting, Time};

use crate::{
    Printer, Style, Summary, place_text,
    plain::{columns, pad, shorten},
};
use groups::{Example, Group, Groups, Together};
use page::{Page, counted, thousands};

pub(crate) use tally::{Entry, Heading, Sheet, lists, tally};
pub use tally::{write_reading, write_summary};

/// The longest name of a field that is aligned with others, in columns.
const LABEL: usize = 24;
/// The longest title, in columns.
const TITLE: usize = 100;
/// The longest sentence of a description, in columns.
const SENTENCE: usize = 240;

/// Prints findings grouped by rule and host, most severe first, and the tally.
///
/// What it keeps is bounded: so many groups of each level, a few examples of each, their values shortened. What is
/// beyond is counted and said.
pub struct Terminal<'a> {
    out: &'a mut (dyn Write + Send),
    style: Style,
    groups: Groups,
}

impl<'a> Terminal<'a> {
    /// A printer to `out`.
    pub fn new(out: &'a mut (dyn Write + Send), style: Style) -> Self {
        Self { out, style, groups: Groups::default() }
    }
}

impl Printer for Terminal<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.groups.add(finding);
        Ok(())
    }

    fn end(&mut self, summary: &Summary) -> io::Result<()> {
        let groups = std::mem::take(&mut self.groups);
        let overview = Overview::of(&groups);
        let beyond = groups.beyond;
        let sorted = groups.sorted();
        let mut page = Page::new(&self.style);
        headline(&mut page, &overview, summary);
        let mut hint = None;
        for group in &sorted {
            page.write_to(self.out)?;
            print_group(&mut page, group);
            hint = hint.or_else(|| group.examples.first().and_then(|example| shell_word(&place_text(&example.place))));
        }
        more_groups(&mut page, &beyond);
        page.write_to(self.out)?;
        write_summary(summary, self.out, &self.style)?;
        if overview.findings > 0 {
            what_next(&mut page, hint.as_deref());
        }
        page.write_to(self.out)?;
        self.out.flush()
    }
}

/// What the headline says.
struct Overview {
    findings: u64,
    rules: usize,
    hosts: usize,
    /// Findings of each level, most severe first, without the levels that have none.
    levels: Vec<(Level, u64)>,
    span: Option<(Time, Time)>,
    /// Whether there were more groups than are kept, so that `rules` and `hosts` are the least there can be.
    at_least: bool,
}

impl Overview {
    fn of(groups: &Groups) -> Self {
        let levels = Level::ALL.into_iter().rev().zip(groups.counts.into_iter().rev());
        Self {
            findings: groups.counts.iter().sum(),
            rules: groups.rules(),
            hosts: groups.hosts(),
            levels: levels.filter(|(_, count)| *count > 0).collect(),
            span: groups.span,
            at_least: groups.beyond.iter().any(|count| *count > 0),
        }
    }
}

fn headline(page: &mut Page<'_>, overview: &Overview, summary: &Summary) {
    let Some((worst, _)) = overview.levels.first() else { return nothing_found(page, summary) };
    let least = if overview.at_least { "at least " } else { "" };
    let by = format!("by {least}{}", counted(overview.rules as u64, "rule", "rules"));
    let on = match overview.hosts {
        0 => String::new(),
        hosts => format!(" on {least}{}", counted(hosts as u64, "host", "hosts")),
    };
    let findings = counted(overview.findings, "finding", "findings");
    let worst = page.paint.level(*worst, worst.as_str());
    let text = format!("{findings} {by}{on}; the most severe: ");
    page.line(&format!("{}{worst}", page.paint.bold(&text)));
    let levels = overview
        .levels
        .iter()
        .map(|(level, count)| page.paint.level(*level, &format!("{level} {}", thousands(*count))));
    let levels = levels.collect::<Vec<_>>().join(" · ");
    page.line(&levels);
    if let Some((from, until)) = overview.span {
        let zone = page.style.zone.name();
        let span = span(page, Some((from, until)));
        page.line(&page.paint.dim(&format!("{span} (times in {zone})")));
    }
}

/// Says honestly how much the silence is worth.
pub(crate) fn nothing_found(page: &mut Page<'_>, summary: &Summary) {
    let totals = summary.totals();
    page.line(&page.paint.bold("No findings."));
    if totals.records == 0 {
        return page.text(
            0,
            "Nothing was looked at either: not one record was read. See below for what became of the evidence.",
        );
    }
    let records = counted(totals.records, "record", "records");
    let pieces = counted(summary.evidence.len() as u64, "piece of evidence", "pieces of evidence");
    let rules = counted(summary.rules.loaded, "rule", "rules");
    page.text(0, &format!("{records} in {pieces} were looked at with {rules}; none of the rules was satisfied."));
    let left_out = totals.suppressed.saturating_add(summary.known).saturating_add(summary.outside_time);
    if left_out > 0 {
        let left_out = counted(left_out, "finding was", "findings were");
        page.text(0, &format!("{left_out} left out as asked: see the tally."));
    }
    page.text(
        0,
        "That is no proof that nothing happened: what was not logged, or is not among this evidence, cannot be found.",
    );
}

fn print_group(page: &mut Page<'_>, group: &Group) {
    print_rule(page, group);
    for example in &group.examples {
        page.line("");
        print_example(page, example);
    }
    if group.others > 0 {
        page.line("");
        page.line(&page.paint.dim(&format!("  … and {} more with other values", thousands(group.others))));
    }
    let harmless = harmless(&group.rule.false_positives);
    if !harmless.is_empty() {
        page.line("");
        page.text(2, &format!("May be harmless: {}", shorten(&harmless, SENTENCE)));
    }
}

/// What the group is about: the rule, where, when, and why it matters.
fn print_rule(page: &mut Page<'_>, group: &Group) {
    let rule = &group.rule;
    let level = rule.level;
    let badge = page.paint.badge(level, &level.as_str().to_uppercase());
    let title = shorten(&rule.title, page.width.saturating_sub(level.as_str().len() + 4).min(TITLE));
    page.border();
    page.line(&format!("{badge}  {}", page.paint.bold(&title)));
    let on = if group.host.is_empty() { String::new() } else { format!("on {} · ", shorten(&group.host, 60)) };
    let count = counted(group.count, "finding", "findings");
    let span = span(page, group.span);
    // Where it does not fit into one line, the times go to one of their own.
    let fits = 2 + columns(&on) + columns(&count) + 3 + columns(&span) <= page.width;
    let between = if span.is_empty() {
        ""
    } else if fits {
        " · "
    } else {
        "\n  "
    };
    page.line(&format!("  {}{between}{span}", page.paint.bold(&format!("{on}{count}"))));
    let why = first_sentence(&rule.description);
    if !why.is_empty() {
        page.text(2, &shorten(&why, SENTENCE));
    }
    let techniques = rule.techniques().join(", ");
    if !techniques.is_empty() {
        page.line(&page.paint.dim(&format!("  ATT&CK {}", shorten(&techniques, page.width.saturating_sub(9)))));
    }
}

fn print_example(page: &mut Page<'_>, example: &Example) {
    let time = match example.time {
        Some(time) => page.style.zone.rfc3339_to(time, 3),
        None => "no time".to_owned(),
    };
    let alike = match example.alike {
        0 => String::new(),
        alike => page.paint.dim(&format!("  (and {} more like it)", thousands(alike))),
    };
    let place = place_text(&example.place);
    page.line(&format!("  {}  {place}{alike}", page.paint.bold(&time)));
    let fields = example.values.iter().map(|value| columns(&value.field));
    let label = fields.max().unwrap_or(0).min(LABEL);
    let mut before = "";
    for value in &example.values {
        let field = if value.field == before { "" } else { value.field.as_str() };
        let mut text = value.shown.text.clone();
        if value.shown.left_out > 0 {
            let more = thousands(value.shown.left_out as u64);
            text.push_str(&format!("… (+{more} characters; `show {place}` has all)"));
        }
        page.labelled(4, &pad(shorten(field, LABEL), label), &text);
        before = &value.field;
    }
    if example.more_values > 0 {
        let more = counted(example.more_values as u64, "more value", "more values");
        page.line(&page.paint.dim(&format!("    … and {more} (`show {place}` has all)")));
    }
    if let Some(together) = &example.together {
        print_together(page, together);
    }
}

/// What happened in which order, where several events made the finding.
fn print_together(page: &mut Page<'_>, together: &Together) {
    page.line(&format!("    {}", counted(together.events, "event", "events")));
    let mut line = |sighting: &Sighting, what: &str| {
        let time = page.style.zone.rfc3339_to(sighting.time, 0);
        let place = place_text(&sighting.place);
        let room = page.width.saturating_sub(columns(&time) + columns(&place) + 10).max(20);
        page.line(&format!("      {time}  {}  {}", shorten(what, room), page.paint.dim(&place)));
    };
    together.firsts.iter().for_each(|first| line(first, &first.rule.title));
    if together.firsts.iter().all(|first| first.place != together.last.place) {
        line(&together.last, &format!("{}, the last one", together.last.rule.title));
    }
    if together.more > 0 {
        let more = counted(together.more as u64, "more rule", "more rules");
        page.line(&page.paint.dim(&format!("      … and {more} (--format json has all)")));
    }
}

fn more_groups(page: &mut Page<'_>, beyond: &[u64; Level::ALL.len()]) {
    let levels = Level::ALL.into_iter().zip(*beyond).rev().filter(|(_, count)| *count > 0);
    let levels: Vec<String> = levels.map(|(level, count)| format!("{} {level}", thousands(count))).collect();
    if levels.is_empty() {
        return;
    }
    page.line("");
    page.text(
        0,
        &format!(
            "… and more findings, of further rules or hosts, than can be shown here: {} (--format jsonl has all).",
            levels.join(", ")
        ),
    );
}

fn what_next(page: &mut Page<'_>, place: Option<&str>) {
    page.line("");
    page.line(&page.paint.bold("What next"));
    let show = format!("dreamcatcher show {}", place.unwrap_or("PATH#RECORD"));
    let hints = [
        (show.as_str(), "the whole event behind a finding"),
        ("--format timeline", "all findings in the order of time"),
        ("--format csv", "all findings, for a spreadsheet"),
        ("--format jsonl", "all findings with all values, for programs"),
        ("attack.mitre.org/techniques", "what the T numbers mean"),
    ];
    let width = hints.iter().map(|(what, _)| columns(what)).filter(|width| *width <= 40).max().unwrap_or(0);
    for (what, why) in hints {
        if columns(what) > width {
            page.line(&format!("  {what}"));
            page.line(&format!("  {}  {why}", pad(String::new(), width)));
        } else {
            page.line(&format!("  {}  {why}", pad(what.to_owned(), width)));
        }
    }
}

/// `from` to `until` in whole seconds, or the one moment.
fn span(page: &Page<'_>, span: Option<(Time, Time)>) -> String {
    let Some((from, until)) = span else { return String::new() };
    let (from, until) = (page.style.zone.rfc3339_to(from, 0), page.style.zone.rfc3339_to(until, 0));
    if from == until { from } else { format!("{from} to {until}") }
}

/// The word as it can be given to a shell, or `None` where that is not sure: evidence is named by the attacker too.
fn shell_word(text: &str) -> Option<String> {
    let plain = |character: char| character.is_ascii_alphanumeric() || "_./:-#@".contains(character);
    if text.starts_with('-') || text.contains("\\u{") {
        return None;
    }
    if text.chars().all(plain) {
        return Some(text.to_owned());
    }
    let harmless =
        |character: char| plain(character) || character.is_alphanumeric() || " ()+,=~[]\\".contains(character);
    text.chars().all(harmless).then(|| format!("'{text}'"))
}

/// The first sentence of a description, on one line.
fn first_sentence(description: &str) -> String {
    // Whoever wrote more than this before the first full stop gets cut off later on.
    let words = description.split_whitespace().take(SENTENCE);
    let mut sentence = String::new();
    let mut ended = false;
    for word in words {
        if ended && word.starts_with(|first: char| !first.is_lowercase()) {
            break;
        }
        if !sentence.is_empty() {
            sentence.push(' ');
        }
        sentence.push_str(word);
        let abbreviation = word.trim_end_matches('.').contains('.') || word.len() <= 2;
        ended = word.ends_with(['.', '!', '?']) && !abbreviation;
    }
    sentence
}

/// The innocent explanations in one line; without those that explain nothing.
fn harmless(false_positives: &[String]) -> String {
    let nothing = ["unknown", "none", "unlikely", "n/a", ""];
    let hints = false_positives.iter().map(|hint| hint.trim().trim_end_matches('.'));
    let hints = hints.filter(|hint| !nothing.iter().any(|nothing| hint.eq_ignore_ascii_case(nothing)));
    hints.take(3).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sentence_ends_where_a_sentence_does() {
        let cases = [
            ("Detects a tool. It is bad.", "Detects a tool."),
            ("Detects\n  a tool, e.g. Mimikatz. More", "Detects a tool, e.g. Mimikatz."),
            ("Detects mimikatz.exe in use", "Detects mimikatz.exe in use"),
            ("Runs x vs. y on hosts", "Runs x vs. y on hosts"),
            ("", ""),
        ];
        for (text, sentence) in cases {
            assert_eq!(first_sentence(text), sentence);
        }
    }

    #[test]
    fn only_what_a_shell_takes_as_one_word_is_offered_for_copying() {
        assert_eq!(shell_word("logs/Security.evtx#17").as_deref(), Some("logs/Security.evtx#17"));
        assert_eq!(shell_word("my logs/a.evtx#17").as_deref(), Some("'my logs/a.evtx#17'"));
        assert_eq!(shell_word("C:\\logs\\a.evtx#17").as_deref(), Some("'C:\\logs\\a.evtx#17'"));
        for text in
            ["$(reboot)#1", "a'b#1", "`x`#1", "-rf#1", "a;b#1", "a!b#1", "a\"b#1", "a\\u{1b}#1", "a|b#1", "%X%#1"]
        {
            assert_eq!(shell_word(text), None, "{text}");
        }
    }

    #[test]
    fn hints_that_explain_nothing_are_left_out() {
        let hints = ["Unknown", "Administrators at work.", "unlikely", ""].map(str::to_owned);
        assert_eq!(harmless(&hints), "Administrators at work");
    }
}
