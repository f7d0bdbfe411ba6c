use std::{fmt, str::FromStr};

/// How severe a finding is, by Sigma's names (specification v2.1, "Level"); ordered from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Enriches other findings; not a sign of anything by itself.
    Informational,
    /// Notable, rarely an incident.
    Low,
    /// Relevant; look at it when reviewing.
    Medium,
    /// Should be looked at soon.
    High,
    /// Almost surely an incident; look at once.
    Critical,
}

impl Level {
    /// All levels, least severe first.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Sigma's word for the level.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("'{text}' is not a level; use informational, low, medium, high or critical"))
    }
}
