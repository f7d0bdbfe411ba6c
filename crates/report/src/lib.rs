//! Findings to a report: printers for people and for programs.
//!
//! ```text
//! findings, in the order of the evidence ──┐
//!                                          ├──▶ Printer ──▶ a `Write`
//! Summary: what was read and what was not ─┘
//! ```
//!
//! [`write_incidents`] and [`write_html`] tell incidents, which are there as a whole before the first is told.
//!
//! A [`Printer`] is a sink: it knows no path and no argument, and writes to what it was given. It may be shown
//! millions of findings: [`Jsonl`], [`Json`] and [`Csv`] write each at once; [`Timeline`] keeps the lines in a [`Spool`]; [`Terminal`] keeps a bounded number of groups.
//!
//! Promised here: the same findings give the same bytes. Whatever a value holds, no printer lets a control
//! character, a change of direction or anything invisible out, and no cell of a CSV begins with a formula
//! (module `plain`). In JSON nothing is lost by that, elsewhere the character's number is shown in its place.
//! What is left out for brevity is counted. `docs/report.md` describes every format,
//! `docs/report.schema.json` and `docs/incidents.schema.json` the JSON ones. Left to others: what was found, and in which order.

mod csv;
mod explain;
mod html;
mod incidents;
mod json;
mod logins;
mod paint;
mod place;
mod plain;
mod spool;
mod summary;
mod terminal;
mod timeline;
mod zone;

use std::{
    fmt,
    io::{self, Write},
    str::FromStr,
};

use event::Finding;

pub use crate::csv::Csv;
pub use explain::{
    ExplainFormat, Explanation, Language, Obstacle, Problem, Verdict, write_briefing, write_explanations,
};
pub use html::write_html;
pub use incidents::{IncidentFormat, write_incidents};
pub use json::{Json, Jsonl};
pub use logins::{LoginCsv, LoginFormat, LoginJson, LoginJsonl, LoginPrinter, LoginTable};
pub use place::place_text;
pub use plain::plain;
pub use spool::Spool;
pub use summary::{
    Evidence, Failure, IndicatorList, Indicators, LeftOut, NotApplicable, NumberGap, RulePack, RuleProblem, Rules,
    Summary, Suppressed, TimeGap, Unknown,
};
pub use terminal::{Terminal, write_reading, write_summary};
pub use timeline::Timeline;
pub use zone::Zone;

/// Prints findings, one at a time, and at the end what else there is to say.
pub trait Printer {
    /// Takes one finding. Findings come in the order of the evidence: by path, then by place.
    ///
    /// # Errors
    /// When the report, or the temporary file in which it waits, cannot be written.
    fn finding(&mut self, finding: &Finding) -> io::Result<()>;

    /// Ends the report; to be called once, after the last finding.
    ///
    /// # Errors
    /// As for [`Printer::finding`].
    fn end(&mut self, summary: &Summary) -> io::Result<()>;
}

/// How a report is to look.
#[derive(Clone, Debug, Default)]
pub struct Style {
    /// The zone in which times are shown.
    pub zone: Zone,
    /// The width of a line in columns, where it has a limit (a terminal has, a file has not).
    pub width: Option<usize>,
    /// Whether to use colour (ANSI escape sequences, SGR only).
    pub colour: bool,
}

/// A form of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// For people: grouped, most severe first, with the tally.
    Text,
    /// A JSON object a line, one for each finding.
    Jsonl,
    /// One JSON object: all findings and the summary.
    Json,
    /// A row a finding.
    Csv,
    /// A line a finding, in the order of time.
    Timeline,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 5] = [Self::Text, Self::Jsonl, Self::Json, Self::Csv, Self::Timeline];

    /// The format's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Jsonl => "jsonl",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Timeline => "timeline",
        }
    }

    /// Whether a report in this format tells what was read, beside what was found.
    pub const fn has_summary(self) -> bool {
        matches!(self, Self::Text | Self::Json)
    }

    /// A printer of this format that writes to `out`. It makes the temporary file it may need now, so that a
    /// program can afterwards give up the right to make files.
    ///
    /// # Errors
    /// When there is no place for temporary files; only with [`Format::Timeline`].
    pub fn printer<'a>(
        self,
        out: &'a mut (dyn Write + Send),
        style: Style,
    ) -> io::Result<Box<dyn Printer + Send + 'a>> {
        Ok(match self {
            Self::Text => Box::new(Terminal::new(out, style)),
            Self::Jsonl => Box::new(Jsonl::new(out, style.zone)),
            Self::Json => Box::new(Json::new(out, style.zone)),
            Self::Csv => Box::new(Csv::new(out, style.zone)),
            Self::Timeline => Box::new(Timeline::new(out, style)?),
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|format| format.as_str() == text);
        known.ok_or_else(|| format!("'{text}' is not a format; use text, jsonl, json, csv or timeline"))
    }
}
