//! Incidents, told: to people on a terminal, and to programs.
//!
//! Sentences, titles and names of incidents hold text of the evidence as it is; what is printed of them goes through `plain`, or into JSON
//! through the same formatter as findings.

mod json;
mod navigator;
mod ocsf;
mod overview;
mod timesketch;
mod whole;
pub(crate) mod words;

use std::{
    fmt,
    io::{self, Write},
    str::FromStr,
    sync::Arc,
};

use event::Finding;
use incident::{Incident, IncidentId, Incidents};

use crate::{Style, Summary};

/// A form of report that tells incidents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IncidentFormat {
    /// For people: worst first in a screenful, or one as a whole.
    Text,
    /// One JSON object: all incidents with their findings, and the summary (`docs/incidents.schema.json`).
    IncidentsJson,
    /// JSON lines of the Open Cybersecurity Schema Framework: Incident Findings (2005) and Detection Findings (2004).
    Ocsf,
    /// A layer for the ATT&CK Navigator, format 4.5.
    Navigator,
    /// JSON lines as Timesketch imports them.
    Timesketch,
}

impl IncidentFormat {
    /// All formats.
    pub const ALL: [Self; 5] = [Self::Text, Self::IncidentsJson, Self::Ocsf, Self::Navigator, Self::Timesketch];

    /// The format's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::IncidentsJson => "incidents-json",
            Self::Ocsf => "ocsf",
            Self::Navigator => "navigator",
            Self::Timesketch => "timesketch",
        }
    }

    /// Whether a report in this format tells what was read, beside what was found.
    pub const fn has_summary(self) -> bool {
        matches!(self, Self::Text | Self::IncidentsJson)
    }
}

impl fmt::Display for IncidentFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for IncidentFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|format| format.as_str() == text);
        known.ok_or_else(|| {
            let text = text.escape_default();
            format!("'{text}' is not a form for incidents; use text, incidents-json, ocsf, navigator or timesketch")
        })
    }
}

/// Writes `incidents` in `format`; where `only` names one, that one alone and whole, and no single observations. That there is one with this
/// id is for the caller to see to: of an unknown one nothing but the summary is told.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_incidents(
    format: IncidentFormat,
    incidents: &Incidents,
    summary: &Summary,
    only: Option<IncidentId>,
    out: &mut dyn Write,
    style: &Style,
) -> io::Result<()> {
    let told = Told::of(incidents, only);
    match format {
        IncidentFormat::Text => match (only, told.incidents.as_slice()) {
            (Some(_), [incident]) => whole::write(incident, told.limits, summary, out, style)?,
            _ => overview::write(&told, summary, out, style)?,
        },
        IncidentFormat::IncidentsJson => json::write(&told, summary, out, &style.zone)?,
        IncidentFormat::Ocsf => ocsf::write(&told, summary, out)?,
        IncidentFormat::Navigator => navigator::write(&told, out)?,
        IncidentFormat::Timesketch => timesketch::write(&told, out, &style.zone)?,
    }
    out.flush()
}

/// What is told: all, or the one that was asked for.
struct Told<'a> {
    incidents: Vec<&'a Incident>,
    single: &'a [Arc<Finding>],
    limits: &'a [String],
}

impl<'a> Told<'a> {
    fn of(all: &'a Incidents, only: Option<IncidentId>) -> Self {
        let wanted = |id: IncidentId| only.is_none_or(|only| only == id);
        Self {
            incidents: all.incidents.iter().filter(|one| wanted(one.id)).collect(),
            single: if only.is_none() { &all.single } else { &[] },
            limits: &all.limits,
        }
    }
}
