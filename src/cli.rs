//! What can be typed: definition, help and documentation of every option in one place.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, Parser, Subcommand};
use event::{Level, Outcome};
use incident::IncidentId;
use report::{ExplainFormat, Format, IncidentFormat, Language, LoginFormat, Zone};

/// Finds the traces of targeted intrusions in the evidence you already have, and tells what happened.
#[derive(Debug, Parser)]
#[command(name = "dreamcatcher", version, max_term_width = 110, arg_required_else_help = true)]
#[command(after_help = "\
Start here:
  dreamcatcher hunt C:\\Windows\\System32\\winevt\\Logs      hunt through this machine's logs (elevated prompt)
  dreamcatcher hunt collected-logs/ backup.zip            hunt through copies, folders and archives
  dreamcatcher rules update                               fetch the community's detection rules (SigmaHQ)")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Has this happened here? Hunt through evidence: event logs, their exports, folders and archives of them.
    Hunt(Box<HuntArguments>),
    /// Is this mail or file dangerous? An answer in plain words for whoever got it.
    Explain(ExplainArguments),
    /// Who logged in, from where, how, and for how long? Every login and try that the evidence tells of, in the order of time.
    Logins(Box<LoginsArguments>),
    /// Who may log in where, as whom, until when and why: policy, grants, certificates, the ledger.
    Access(Box<crate::access::AccessArguments>),
    /// List, check, test and update detection rules.
    Rules(RulesArguments),
    /// Show one record of evidence whole, with its neighbours.
    Show(ShowArguments),
    /// Print a script that completes dreamcatcher's options in your shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page (view it with: dreamcatcher man | man -l -).
    Man,
}

/// Which rules to load.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Rules")]
pub struct RuleArguments {
    /// Use the Sigma rules in this file or folder too (repeatable). The rules of `rules update` are then left out.
    #[arg(long, value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// Leave out the rules that come with dreamcatcher.
    #[arg(long)]
    pub no_shipped_rules: bool,
    /// Values for %placeholders% in rules: a YAML file of `name: [value, …]`.
    #[arg(long, value_name = "FILE")]
    pub placeholders: Option<PathBuf>,
    /// Say where further log sources stand, beside what dreamcatcher knows (repeatable; see taxonomy/README.md).
    #[arg(long, value_name = "FILE")]
    pub taxonomy: Vec<PathBuf>,
    /// End with status 2 if a rule is refused.
    #[arg(long)]
    pub strict: bool,
}

/// Which indicators to look for.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Indicators")]
pub struct IndicatorArguments {
    /// Look for the indicators in this file or folder too: STIX 2.1, MISP, CSV or one a line (repeatable; see docs/indicators.md).
    #[arg(long, value_name = "PATH")]
    pub indicators: Vec<PathBuf>,
    /// Leave out the indicators that come with dreamcatcher.
    #[arg(long)]
    pub no_shipped_indicators: bool,
}

/// Arguments of `hunt`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  dreamcatcher hunt logs/                                  everything in a folder, the incidents on the terminal
  dreamcatcher hunt --incident 4f2a91c07d3e logs/          one of them whole: what happened, and what to do now
  dreamcatcher hunt --html report.html logs/               a page to hand on
  dreamcatcher hunt --findings logs/                       every finding for itself
  dreamcatcher hunt --level high --since 2026-11-01 logs/  only what matters most, only this month
  dreamcatcher hunt --format csv --output found.csv logs/  a table for a spreadsheet
  dreamcatcher hunt --known last-week.json --format json --output this-week.json logs/
  cat Security.evtx | dreamcatcher hunt -

Exit status: 0 finished; 1 found something (with --fail-on); 2 a rule was refused (with --strict);
3 usage or configuration; 4 a path could not be read at all. Where several hold: 3, 4, 2, 1.")]
pub struct HuntArguments {
    /// Evidence: files, folders, archives (.zip, .tar, .gz, .zst), or - for standard input.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub rules: RuleArguments,

    /// Look in files for the YARA rules in this file or folder too (repeatable; see docs/yara.md).
    #[arg(long, value_name = "PATH", help_heading = "Rules")]
    pub yara: Vec<PathBuf>,

    #[command(flatten)]
    pub indicators: IndicatorArguments,

    #[command(flatten)]
    pub reading: ReadingArguments,

    /// Report only findings of this level and above: informational, low, medium, high, critical.
    #[arg(long, value_name = "LEVEL", help_heading = "Selecting")]
    pub level: Option<Level>,
    /// Use only rules of this status: stable, test, experimental, … (repeatable).
    #[arg(long, value_name = "STATUS", help_heading = "Selecting")]
    pub status: Vec<String>,
    /// Use only rules with this tag, e.g. attack.t1574 (also means attack.t1574.001) or attack.persistence (repeatable).
    #[arg(long, value_name = "TAG", help_heading = "Selecting")]
    pub tag: Vec<String>,
    /// Use only rules of this id or title (* for any characters; repeatable).
    #[arg(long, value_name = "RULE", help_heading = "Selecting")]
    pub rule: Vec<String>,
    /// Leave out rules of this id or title (* for any characters; repeatable).
    #[arg(long, value_name = "RULE", help_heading = "Selecting")]
    pub exclude_rule: Vec<String>,
    /// Only events at or after this time, e.g. 2026-11-01 or 2026-11-01T08:00+01:00; without zone, that of --timezone.
    #[arg(long, value_name = "TIME", help_heading = "Selecting")]
    pub since: Option<String>,
    /// Only events before this time.
    #[arg(long, value_name = "TIME", help_heading = "Selecting")]
    pub until: Option<String>,
    /// Leave out findings that this file of suppressions explains (see docs/suppressions.md); they are counted.
    #[arg(long, value_name = "FILE", help_heading = "Selecting")]
    pub suppress: Vec<PathBuf>,
    /// Leave out findings that an earlier report (json or jsonl) already has; they are counted.
    #[arg(long, value_name = "REPORT", help_heading = "Selecting")]
    pub known: Vec<PathBuf>,

    /// The form of the report. Incidents: text, incidents-json, ocsf, navigator, timesketch; findings, each for itself: jsonl, json, csv,
    /// timeline, and text with --findings.
    #[arg(long, value_name = "FORMAT", default_value_t = HuntFormat::Incidents(IncidentFormat::Text), help_heading = "Output")]
    pub format: HuntFormat,
    /// List the findings, each for itself, in place of the incidents that they make.
    #[arg(long, help_heading = "Output", conflicts_with = "incident")]
    pub findings: bool,
    /// Tell this incident whole: steps, links, what to do now. Its id stands in the report.
    #[arg(long, value_name = "ID", help_heading = "Output")]
    pub incident: Option<IncidentId>,
    /// Also write all incidents to this file, as one page that needs nothing else.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,
    /// Write the report to this file, whole or not at all.
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Show times in this zone: an IANA name (Europe/Berlin) or offset (+01:00). Default: UTC, or as site.toml says.
    #[arg(long, value_name = "ZONE", help_heading = "Output", allow_hyphen_values = true)]
    pub timezone: Option<Zone>,
    /// Colour on the terminal: auto, always, never.
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: Colour,
    /// Do not show progress.
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
    /// End with status 1 if there is an incident of this level or above, or a finding that belongs to none; where findings are listed, a
    /// finding.
    #[arg(long, value_name = "LEVEL", help_heading = "Output")]
    pub fail_on: Option<Level>,

    /// Explain every login to the hosts of this access policy (see docs/access.md); what nothing explains is a finding.
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    pub access: Option<PathBuf>,
    /// The ledger of grants, or what `access ledger export` wrote of it.
    #[arg(long, value_name = "FILE", requires = "access", help_heading = "Access")]
    pub ledger: Option<PathBuf>,

    /// How much the clocks of the machines may differ, e.g. 30s: correlations look that much further, and do not insist on the order
    /// of events of different machines within it.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "0s", help_heading = "Reading")]
    pub skew: Duration,

    /// Compare the folders with this folder, the original of a project, and tell what was added, changed or left out.
    #[arg(long, value_name = "DIR", help_heading = "Reading")]
    pub upstream: Option<PathBuf>,

    /// How many threads to use. Default: as many as the machine has.
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroUsize>,
    /// What only your organisation knows (see docs/site.md). Default: site.toml in the configuration folder, if there.
    #[arg(long, value_name = "FILE")]
    pub site: Option<PathBuf>,
}

/// The form of a hunt's report: one that tells incidents, or one that lists findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HuntFormat {
    /// Incidents.
    Incidents(IncidentFormat),
    /// Findings.
    Findings(Format),
}

impl HuntFormat {
    /// Whether a report in this format tells what was read, beside what was found.
    pub const fn has_summary(self) -> bool {
        match self {
            Self::Incidents(format) => format.has_summary(),
            Self::Findings(format) => format.has_summary(),
        }
    }

    /// Whether it is for people.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Incidents(IncidentFormat::Text) | Self::Findings(Format::Text))
    }
}

impl fmt::Display for HuntFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incidents(format) => format.fmt(f),
            Self::Findings(format) => format.fmt(f),
        }
    }
}

impl FromStr for HuntFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let incidents = text.parse().map(Self::Incidents);
        let either = incidents.or_else(|_| text.parse().map(Self::Findings));
        either.map_err(|_: String| {
            let forms = "text, incidents-json, ocsf, navigator, timesketch, jsonl, json, csv or timeline";
            format!("'{text}' is not a format; use {forms}")
        })
    }
}

impl HuntArguments {
    /// The form of the report: what was typed, text being that of incidents unless findings are asked for.
    ///
    /// # Errors
    /// When what was typed does not fit together.
    pub fn form(&self) -> anyhow::Result<HuntFormat> {
        match (self.format, self.findings) {
            (HuntFormat::Incidents(IncidentFormat::Text), true) => Ok(HuntFormat::Findings(Format::Text)),
            (HuntFormat::Incidents(format), true) => anyhow::bail!("--format {format} tells incidents, not --findings"),
            (HuntFormat::Findings(format), _) if self.incident.is_some() => {
                anyhow::bail!("--format {format} lists findings; --incident needs one that tells incidents")
            }
            (format, _) => Ok(format),
        }
    }
}

/// How evidence is to be read that does not say everything itself.
#[derive(Args, Debug)]
#[command(next_help_heading = "Reading")]
pub struct ReadingArguments {
    /// How lines of access logs are written: a log_format of nginx, a LogFormat of Apache, a pattern of Tomcat; or @FILE with
    /// such lines, e.g. @nginx.conf (repeatable). Common and combined formats are known without.
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Vec<String>,
    /// The year of the last line of each log whose lines give none (syslog); earlier lines follow from it.
    #[arg(long, value_name = "YYYY", value_parser = clap::value_parser!(i16).range(1970..=2261))]
    pub year: Option<i16>,
    /// The zone of times in logs that give none: an IANA name or offset. Default: UTC, or as site.toml says.
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    pub log_timezone: Option<Zone>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let read: Option<Duration> =
        text.parse::<jiff::SignedDuration>().ok().and_then(|duration| duration.try_into().ok());
    read.ok_or_else(|| "write a duration such as 30s, 2m or 1h".to_owned())
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Colour {
    /// If standard output is a terminal and NO_COLOR is not set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Arguments of `logins`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  dreamcatcher logins /var/log                              who came in, and who tried
  dreamcatcher logins --user root --outcome accepted logs/  when root was let in
  dreamcatcher logins --source '203.0.113.*' logs/          what came from a network
  dreamcatcher logins --format csv --output l.csv logs/      every try, for a spreadsheet

Exit status: 0 finished; 3 usage or configuration; 4 a path could not be read at all.")]
pub struct LoginsArguments {
    /// Evidence: files, folders, archives (.zip, .tar, .gz, .zst), or - for standard input.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub reading: ReadingArguments,

    /// Only logins of this account, with or without its domain (* for any characters; repeatable).
    #[arg(long, value_name = "NAME", help_heading = "Selecting")]
    pub user: Vec<String>,
    /// Only logins to this machine (* for any characters; repeatable).
    #[arg(long, value_name = "NAME", help_heading = "Selecting")]
    pub host: Vec<String>,
    /// Only logins from this address or machine (* for any characters; repeatable).
    #[arg(long, value_name = "ADDRESS", help_heading = "Selecting")]
    pub source: Vec<String>,
    /// Only logins of this outcome: accepted, partial, failed, attempted (repeatable).
    #[arg(long, value_name = "OUTCOME", help_heading = "Selecting")]
    pub outcome: Vec<Outcome>,
    /// Only logins at or after this time, e.g. 2026-11-01 or 2026-11-01T08:00+01:00; without zone, that of --timezone.
    #[arg(long, value_name = "TIME", help_heading = "Selecting")]
    pub since: Option<String>,
    /// Only logins before this time.
    #[arg(long, value_name = "TIME", help_heading = "Selecting")]
    pub until: Option<String>,

    /// The form of the list: text (failures that are alike on one line); jsonl, json, csv (every try).
    #[arg(long, value_name = "FORMAT", default_value_t = LoginFormat::Text, help_heading = "Output")]
    pub format: LoginFormat,
    /// Write the list to this file, whole or not at all.
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Show times in this zone: an IANA name (Europe/Berlin) or offset (+01:00). Default: UTC, or as site.toml says.
    #[arg(long, value_name = "ZONE", help_heading = "Output", allow_hyphen_values = true)]
    pub timezone: Option<Zone>,
    /// Colour on the terminal: auto, always, never.
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: Colour,
    /// Do not show progress.
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,

    /// How many threads to use. Default: as many as the machine has.
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroUsize>,
    /// What only your organisation knows (see docs/site.md). Default: site.toml in the configuration folder, if there.
    #[arg(long, value_name = "FILE")]
    pub site: Option<PathBuf>,
}

/// Arguments of `rules`.
#[derive(Args, Debug)]
pub struct RulesArguments {
    /// What to do with rules.
    #[command(subcommand)]
    pub command: RulesCommand,
}

/// The subcommands of `rules`.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// List the rules that a hunt would use: level, title, tags, file.
    List {
        #[command(flatten)]
        rules: RuleArguments,
        /// One JSON object a line instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Check rules: which can be used, which have nothing to look at, which are refused and why.
    Check {
        /// Files or folders of rules.
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Values for %placeholders%.
        #[arg(long, value_name = "FILE")]
        placeholders: Option<PathBuf>,
        /// Further log sources (repeatable).
        #[arg(long, value_name = "FILE")]
        taxonomy: Vec<PathBuf>,
        /// Name every rule that has nothing to look at, not only some of each reason.
        #[arg(long)]
        all: bool,
        /// End with status 2 if a rule is refused.
        #[arg(long)]
        strict: bool,
    },
    /// Run rules against their cases: for each NAME.yml the events in NAME.cases.jsonl beside it.
    Test {
        /// Files or folders of rules. Default: the rules that come with dreamcatcher.
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Fetch the SigmaHQ rules, or take them from a file; hunts then use them by default.
    Update {
        /// Address (https://…) or path of a release archive (.zip). Default: SigmaHQ's newest release.
        #[arg(value_name = "URL|FILE")]
        source: Option<String>,
        /// Take the archive only if this is its SHA-256.
        #[arg(long, value_name = "HASH")]
        sha256: Option<String>,
    },
}

/// Arguments of `explain`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  dreamcatcher explain offer.eml                          a mail that was saved as a file
  dreamcatcher explain --format html - < offer.eml        for a mail server's \"report\" address (docs/report-mailbox.md)
  dreamcatcher explain --briefing --format html           a page for a meeting of the staff

Nothing of the file is executed, fetched or written.
Exit status: 0 all was looked into and nothing found, which is no proof that it is harmless; 1 suspicious, dangerous, or not looked
into completely; 3 usage or configuration; 4 a file could not be looked into at all. Where several hold: 4, 1.")]
pub struct ExplainArguments {
    /// Mails or files, or - for standard input.
    #[arg(required_unless_present = "briefing", value_name = "FILE")]
    pub paths: Vec<PathBuf>,
    /// The language: en, de, ko. Default: that of the environment (LANG); of the briefing, all three.
    #[arg(long, value_name = "LANGUAGE")]
    pub language: Option<Language>,
    /// The form: text, or html, one page that needs nothing else.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ExplainFormat,
    /// Print a page for a meeting of the staff: how the campaign goes, how to notice, whom to tell.
    #[arg(long, conflicts_with = "paths")]
    pub briefing: bool,
    /// What only your organisation knows (see docs/site.md). Default: site.toml in the configuration folder, if there.
    #[arg(long, value_name = "FILE")]
    pub site: Option<PathBuf>,
}

/// Arguments of `show`.
#[derive(Args, Debug)]
pub struct ShowArguments {
    /// A place in the evidence as reports give it: PATH#RECORD, for text PATH#LINE or, where more records stand on that line,
    /// PATH#@BYTE, e.g. 'logs.zip!/Security.evtx#4711'.
    #[arg(value_name = "PATH#RECORD")]
    pub place: String,
    /// How many neighbours to show before and after it.
    #[arg(long, short, value_name = "N", default_value_t = 1)]
    pub context: usize,
}
