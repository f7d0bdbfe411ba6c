use std::io::{self, Write};

use event::{Attempt, End, Outcome, Place, Values};

use super::{
    LoginPrinter, account,
    fold::{Fold, Folds},
    nanos_between, requests,
};
use crate::{
    Spool, Style, Summary, place_text,
    plain::{columns, pad, plain, shorten},
    terminal::{
        page::{Page, counted, thousands},
        write_reading,
    },
};

/// The columns behind the time.
const COLUMNS: usize = 6;
/// What stands above them.
const HEADINGS: [&str; COLUMNS] = ["outcome", "who", "on", "from", "how", "for"];
/// The widest that a column is, where the line itself has no limit.
const WIDEST: usize = 60;
/// No column is made narrower.
const NARROWEST: usize = 6;
/// The columns of a time of day, and of the blanks between columns.
const TIME: usize = 8;
const BETWEEN: usize = 2;
/// How many accounts or reasons are named.
const NAMED: usize = 5;

/// Prints a line a login in the order of time, grouped by day. Failures of one source are one line, and so are logins of machines.
///
/// The lines wait in a [`Spool`] until it is known how wide the columns have to be.
pub struct LoginTable<'a> {
    out: &'a mut (dyn Write + Send),
    style: Style,
    folds: Folds,
    done: Vec<Fold>,
    lines: Spool,
    widths: [usize; COLUMNS],
    /// How many of each outcome there are, in the order of [`Outcome::ALL`].
    counts: [u64; Outcome::ALL.len()],
}

impl<'a> LoginTable<'a> {
    /// A printer to `out`.
    ///
    /// # Errors
    /// When no temporary file can be made.
    pub fn new(out: &'a mut (dyn Write + Send), style: Style) -> io::Result<Self> {
        let widths = HEADINGS.map(str::len);
        let (folds, counts) = (Folds::default(), [0; Outcome::ALL.len()]);
        Ok(Self { out, style, folds, done: Vec::new(), lines: Spool::new()?, widths, counts })
    }

    fn spool_done(&mut self) -> io::Result<()> {
        for fold in std::mem::take(&mut self.done) {
            let cells = cells(&fold);
            for (width, cell) in self.widths.iter_mut().zip(&cells) {
                *width = (*width).max(columns(&plain(cell)).min(WIDEST));
            }
            let zone = &self.style.zone;
            let (first, last) = (zone.rfc3339_to(fold.first.time, 0), zone.rfc3339_to(fold.last, 0));
            let outcome = fold.first.login.outcome.as_str().to_owned();
            let details = details(&fold, until(&first, &last)).join(" · ");
            let mut packed = Vec::new();
            let texts = [&first, &outcome].into_iter().chain(&cells).chain([&details]);
            texts.for_each(|text| Values::pack(Some(text), &mut packed));
            self.lines.push(fold.first.number.cast_signed(), &packed)?;
        }
        Ok(())
    }

    fn headline(&self, page: &mut Page<'_>) {
        let total = self.counts.iter().copied().fold(0, u64::saturating_add);
        if total == 0 {
            page.line(&page.paint.bold("No logins."));
            return page.text(
                0,
                "None of the records that could be read tells of a login or of a try (as far as was asked for).",
            );
        }
        let counts = Outcome::ALL.iter().zip(self.counts).filter(|(_, count)| *count > 0);
        let counts: Vec<String> =
            counts.map(|(outcome, count)| format!("{} {}", thousands(count), outcome.as_str())).collect();
        page.line(&page.paint.bold(&format!(
            "{}: {}",
            counted(total, "login or try", "logins and tries"),
            counts.join(", ")
        )));
        let zone = page.style.zone.name().to_owned();
        let rest = "failures from one source are one line, and so is what machines do by themselves; ? where the evidence \
                    does not tell the end";
        page.text(0, &format!("Times in {zone}; {rest}."));
    }
}

impl LoginPrinter for LoginTable<'_> {
    fn attempt(&mut self, attempt: &Attempt<Place>) -> io::Result<()> {
        let count = self.counts.iter_mut().zip(Outcome::ALL).find(|(_, outcome)| *outcome == attempt.login.outcome);
        if let Some((count, _)) = count {
            *count = count.saturating_add(attempt.login.times);
        }
        self.folds.add(attempt, &mut self.done);
        self.spool_done()
    }

    fn end(&mut self, summary: &Summary) -> io::Result<()> {
        self.folds.finish(&mut self.done);
        self.spool_done()?;
        let widths = fitting(self.widths, self.style.width);
        let style = self.style.clone();
        let mut page = Page::new(&style);
        self.headline(&mut page);
        if self.counts != [0; Outcome::ALL.len()] {
            headings(&mut page, &widths);
        }
        let mut day = String::new();
        let out = &mut self.out;
        self.lines.read(|_, packed| {
            print_row(&mut page, Values::packed(packed), &widths, &mut day);
            page.write_to(*out)
        })?;
        page.write_to(*out)?;
        write_reading(summary, *out, &self.style)?;
        self.out.flush()
    }
}

/// The columns' widths, the widest made narrower until a line fits.
fn fitting(mut widths: [usize; COLUMNS], limit: Option<usize>) -> [usize; COLUMNS] {
    let Some(limit) = limit else { return widths };
    let room = limit.saturating_sub(TIME + COLUMNS * BETWEEN);
    while widths.iter().sum::<usize>() > room {
        match widths.iter_mut().max().filter(|widest| **widest > NARROWEST) {
            Some(widest) => *widest -= 1,
            None => break,
        }
    }
    widths
}

fn headings(page: &mut Page<'_>, widths: &[usize; COLUMNS]) {
    let texts: Vec<String> =
        HEADINGS.iter().zip(widths).map(|(text, width)| pad(shorten(text, *width), *width)).collect();
    page.line("");
    page.line(&page.paint.dim(&format!("{}  {}", pad("time".to_owned(), TIME), texts.join("  "))));
}

/// When the last of several was; on the same day the time of day is enough.
fn until<'t>(first: &str, last: &'t str) -> &'t str {
    match (first.split_once('T'), last.split_once('T')) {
        (Some((day, _)), Some((same, clock))) if day == same => clock.get(..TIME).unwrap_or(clock),
        _ => last,
    }
}

/// Prints a row, and before the first of a day its date: the time, the outcome, the cells, the details.
fn print_row(page: &mut Page<'_>, values: Values<'_>, widths: &[usize; COLUMNS], day: &mut String) {
    let mut texts = values.flatten();
    let (time, outcome) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
    let (date, clock) = time.split_once('T').unwrap_or((time, ""));
    if date != day {
        date.clone_into(day);
        page.line("");
        page.line(&page.paint.bold(date));
    }
    let cells: Vec<String> =
        widths.iter().zip(texts.by_ref()).map(|(width, text)| pad(shorten(text, *width), *width)).collect();
    let line = format!("{}  {}", clock.get(..TIME).unwrap_or(clock), cells.join("  "));
    let line = line.trim_end();
    page.line(&match outcome {
        "accepted" => page.paint.bold(line),
        "failed" | "attempted" => page.paint.dim(line),
        _ => line.to_owned(),
    });
    if let Some(details) = texts.next().filter(|details| !details.is_empty()) {
        page.item(TIME + BETWEEN, details);
    }
}

fn cells(fold: &Fold) -> [String; COLUMNS] {
    let (attempt, login) = (&fold.first, &fold.first.login);
    let outcome = match fold.times {
        1 => login.outcome.as_str().to_owned(),
        times => format!("{} {}", thousands(times), login.outcome.as_str()),
    };
    let accounts = fold.accounts.len() as u64;
    let who = match accounts {
        1 if login.user.is_empty() && login.is_unknown => "(unknown)".to_owned(),
        1 if login.is_unknown => format!("{} (unknown)", account(login)),
        1 if !login.by_user.is_empty() => format!("{} (by {})", account(login), login.by_user),
        1 => account(login),
        _ if fold.others > 0 => format!("over {} accounts", thousands(accounts)),
        _ => counted(accounts, "account", "accounts"),
    };
    let from = match (&*login.source, &*login.source_host, &*login.terminal) {
        ("", "", terminal) => terminal.to_owned(),
        ("", name, _) => name.to_owned(),
        (source, "", _) => source.to_owned(),
        (source, name, _) => format!("{source} ({name})"),
    };
    let method = if fold.mixed { "several ways".to_owned() } else { method(attempt) };
    let package = if fold.mixed { "" } else { &*login.package };
    // The names of Windows' logon types say whose they are.
    let service = if login.service == "windows" { "" } else { &*login.service };
    let how = [service, &method, package].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let long = match &attempt.end {
        _ if fold.times > 1 || login.outcome != Outcome::Accepted => String::new(),
        End::Told(end, _) => duration(nanos_between(attempt, *end)),
        End::NotTold | End::Forgotten => "?".to_owned(),
    };
    [outcome, who, login.host.to_string(), from, how, long]
        .map(|cell| if cell.is_empty() { "-".to_owned() } else { cell })
}

/// The method, behind those of the factors before it.
fn method(attempt: &Attempt<Place>) -> String {
    let factors = attempt.factors.iter().map(String::as_str);
    factors.chain([&*attempt.login.method]).collect::<Vec<_>>().join(" + ")
}

/// What is known beyond the columns. `until` is when the last of several was.
fn details(fold: &Fold, until: &str) -> Vec<String> {
    let (attempt, login) = (&fold.first, &fold.first.login);
    let mut list = Vec::new();
    if fold.times > 1 && fold.last > attempt.time {
        list.push(format!("until {until}"));
    }
    if fold.accounts.len() > 1 {
        list.push(most(&fold.accounts, fold.others));
    }
    if !fold.reasons.is_empty() {
        list.push(most(&fold.reasons, 0));
    }
    if fold.times == 1 {
        list.extend(login.key.as_ref().map(|key| format!("{} {}", key.kind, key.fingerprint)));
        list.extend(login.certificate.as_ref().map(|certificate| {
            let (id, kind) = (&certificate.id, &certificate.authority_kind);
            format!("certificate \"{id}\" serial {} of CA {kind} {}", certificate.serial, certificate.authority)
        }));
        list.extend(requests(attempt));
    }
    list.push(place_text(&attempt.place));
    list
}

/// The most frequent of some names with their counts.
fn most(counts: &std::collections::BTreeMap<String, u64>, others: u64) -> String {
    let mut sorted: Vec<(&String, u64)> = counts.iter().map(|(name, count)| (name, *count)).collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let name = |(name, count): &(&String, u64)| {
        let name = if name.is_empty() { "(no name)" } else { name.as_str() };
        if sorted.len() == 1 && others == 0 { name.to_owned() } else { format!("{name} ({})", thousands(*count)) }
    };
    let mut text = sorted.iter().take(NAMED).map(name).collect::<Vec<_>>().join(", ");
    let more = sorted.iter().skip(NAMED).map(|(_, count)| *count).fold(others, u64::saturating_add);
    if more > 0 {
        text.push_str(&format!(" and others ({})", thousands(more)));
    }
    text
}

/// `12s`, `3m20s`, `5h12m`, `3d4h`.
fn duration(nanos: i64) -> String {
    let seconds = nanos.max(0) / 1_000_000_000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h{}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{}h", seconds / 86400, seconds % 86400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let shown = [0, 59, 200, 18_720, 273_600].map(|seconds| duration(seconds * 1_000_000_000));
        assert_eq!(shown, ["0s", "59s", "3m20s", "5h12m", "3d4h"]);
        assert_eq!(duration(-1), "0s");
    }

    #[test]
    fn the_widest_column_gives_way_first() {
        assert_eq!(fitting([8, 10, 5, 40, 13, 5], None), [8, 10, 5, 40, 13, 5]);
        let widths = fitting([8, 10, 5, 40, 13, 5], Some(80));
        assert_eq!(widths.iter().sum::<usize>() + TIME + COLUMNS * BETWEEN, 80);
        assert_eq!(widths[3], 19);
        assert_eq!(fitting([60; COLUMNS], Some(10)), [NARROWEST; COLUMNS]);
    }
}
