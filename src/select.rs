//! Which rules are used, and which of their findings are reported.

use std::{
    borrow::Cow,
    collections::HashSet,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use anyhow::{Context, Result, anyhow, bail};
use event::{
    Class, Detector, Encoding, Event, Finding, Interest, LogSource, Position, Record, RuleInfo, Seen, TextGroup, Time,
};
use report::{Suppressed, Zone};
use serde_json::Value;
use sigma::{Suppression, plain::Judge};

use crate::cli::HuntArguments;

/// Whether a rule is to be used.
pub fn is_chosen(info: &RuleInfo, arguments: &HuntArguments) -> bool {
    let named = |names: &[String]| {
        names.iter().any(|name| sigma::wildcard(name, &info.id) || sigma::wildcard(name, &info.title))
    };
    let tagged = |wanted: &String| info.tags.iter().any(|tag| is_tag_or_below(tag, wanted));
    arguments.level.is_none_or(|level| info.level >= level)
        && (arguments.status.is_empty()
            || arguments.status.iter().any(|status| status.eq_ignore_ascii_case(&info.status)))
        && (arguments.tag.is_empty() || arguments.tag.iter().any(tagged))
        && (arguments.rule.is_empty() || named(&arguments.rule))
        && !named(&arguments.exclude_rule)
}

/// `attack.t1574` also means its sub-techniques.
fn is_tag_or_below(tag: &str, wanted: &str) -> bool {
    let (tag, wanted) = (tag.to_ascii_lowercase(), wanted.to_ascii_lowercase());
    tag.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What keeps a finding out of the report, and how often it did.
#[derive(Default)]
pub struct Selection {
    since: Option<Time>,
    until: Option<Time>,
    suppressions: Vec<Suppression>,
    suppressed: Vec<AtomicU64>,
    known: HashSet<String>,
    known_count: AtomicU64,
    outside_time: AtomicU64,
    /// The day by which suppressions expire.
    today: jiff::civil::Date,
}

impl Selection {
    /// What the arguments ask for.
    pub fn load(arguments: &HuntArguments, zone: &Zone) -> Result<Self> {
        let mut suppressions = Vec::new();
        for path in &arguments.suppress {
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            suppressions.extend(Suppression::parse(&text).map_err(|problem| anyhow!("{}: {problem}", path.display()))?);
        }
        let mut known = HashSet::new();
        for path in &arguments.known {
            read_ids(path, &mut known)?;
        }
        let time = |text: &Option<String>| text.as_deref().map(|text| parse_time(text, zone)).transpose();
        let suppressed = suppressions.iter().map(|_| AtomicU64::new(0)).collect();
        let (since, until) = (time(&arguments.since)?, time(&arguments.until)?);
        let today = jiff::Zoned::now().date();
        Ok(Self { since, until, suppressions, suppressed, known, today, ..Self::default() })
    }

    /// What a report says of each suppression.
    pub fn suppressed(&self) -> Vec<Suppressed> {
        let counted = self.suppressions.iter().zip(&self.suppressed);
        counted
            .map(|(suppression, count)| Suppressed {
                rule: suppression.rule.clone(),
                reason: suppression.reason.clone(),
                findings: count.load(Relaxed),
                expired: suppression.is_expired(self.today),
            })
            .collect()
    }

    /// How many findings were left out since an earlier report had them.
    pub fn known(&self) -> u64 {
        self.known_count.load(Relaxed)
    }

    /// How many findings were left out since they lie outside the time asked for.
    pub fn outside_time(&self) -> u64 {
        self.outside_time.load(Relaxed)
    }

    fn is_in_time(&self, time: Option<Time>) -> bool {
        // What has no time is shown rather than hidden.
        time.is_none_or(|time| {
            self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
        })
    }

    fn is_known(&self, finding: &Finding) -> bool {
        let known = !self.known.is_empty() && self.known.contains(&finding.id.to_string());
        self.known_count.fetch_add(known.into(), Relaxed);
        known
    }

    /// Whether a follower's finding is reported; what keeps it out is counted.
    pub fn reports(&self, finding: &Finding) -> bool {
        let last = finding.correlated.as_ref().map(|correlated| correlated.last.time).or(finding.time);
        // Of what lasted, a part in the time asked for is enough.
        let begins_in_time = finding.time.is_none_or(|time| self.until.is_none_or(|until| time < until));
        let ends_before = last.is_some_and(|time| self.since.is_some_and(|since| time < since));
        if !begins_in_time || ends_before {
            self.outside_time.fetch_add(1, Relaxed);
            return false;
        }
        !self.is_suppressed(finding, &Together(finding), &Judge::default()) && !self.is_known(finding)
    }

    fn is_suppressed(&self, finding: &Finding, record: &dyn Record, judge: &Judge) -> bool {
        let active = self
            .suppressions
            .iter()
            .zip(&self.suppressed)
            .filter(|(suppression, _)| !suppression.is_expired(self.today));
        for (suppression, count) in active {
            if suppression.explains(finding, record, judge) {
                count.fetch_add(1, Relaxed);
                return true;
            }
        }
        false
    }
}

/// The events of a correlation as one record: what they have in common, which suppressions take from the finding itself.
struct Together<'a>(&'a Finding);

impl Record for Together<'_> {
    fn source(&self) -> LogSource<'_> {
        LogSource { product: "", channel: "", provider: "", event_id: 0 }
    }

    fn host(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0.host)
    }

    fn position(&self) -> Position {
        self.0.place.position
    }

    fn visit(&self, _: &mut dyn FnMut(&str, event::Value<'_>)) {}
}

/// A moment as typed: RFC 3339, or a day or day and time in `zone`.
pub fn parse_time(text: &str, zone: &Zone) -> Result<Time> {
    zone.parse_time(text).ok_or_else(|| {
        anyhow!("'{text}' is not a time; write 2026-11-01, 2026-11-01T08:00 or 2026-11-01T08:00:00+01:00")
    })
}

/// Collects the ids of an earlier report's findings: JSON lines, or the whole of a JSON report.
fn read_ids(path: &Path, ids: &mut HashSet<String>) -> Result<()> {
    let file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut reader = BufReader::new(file);
    let is_one_document = |value: &Value| value.get("findings").is_some();
    let before = ids.len();
    let mut values = serde_json::Deserializer::from_reader(&mut reader).into_iter::<Value>();
    for value in values.by_ref() {
        let value = value.with_context(|| format!("{} is not a report in json or jsonl", path.display()))?;
        let findings = if is_one_document(&value) {
            value.get("findings").and_then(Value::as_array).cloned().unwrap_or_default()
        } else {
            vec![value]
        };
        for finding in findings {
            let Some(id) = finding.get("id").and_then(Value::as_str) else {
                bail!("{} is not a report of dreamcatcher: a finding has no id", path.display());
            };
            ids.insert(id.to_owned());
        }
    }
    drop(values);
    let rest_is_empty = reader.fill_buf().is_ok_and(<[u8]>::is_empty);
    if ids.len() == before && !rest_is_empty {
        bail!("{} is not a report in json or jsonl", path.display());
    }
    Ok(())
}

/// A detector whose findings are those of another, less what the selection keeps out.
pub struct SelectedDetector<'s, D> {
    inner: D,
    selection: &'s Selection,
    judge: Judge,
}

impl<'s, D: Detector> SelectedDetector<'s, D> {
    /// One for one thread.
    pub fn new(inner: D, selection: &'s Selection) -> Self {
        Self { inner, selection, judge: Judge::default() }
    }
}

impl<D: Detector> Detector for SelectedDetector<'_, D> {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        self.inner.class(source)
    }

    fn interest(&self, class: Class) -> std::sync::Arc<Interest> {
        self.inner.interest(class)
    }

    fn text_hits(&mut self, group: TextGroup, raw: &[u8], encoding: Encoding, hits: &mut Vec<usize>) -> bool {
        self.inner.text_hits(group, raw, encoding, hits)
    }

    fn look(&mut self, event: &Event<'_>, seen: &mut Seen) {
        let before = seen.findings.len();
        self.inner.look(event, seen);
        if seen.findings.len() == before {
            return;
        }
        let found = seen.findings.split_off(before);
        if !self.selection.is_in_time(event.time) {
            self.selection.outside_time.fetch_add(found.len() as u64, Relaxed);
            seen.left_out += found.len() as u64;
            return;
        }
        let (selection, judge) = (self.selection, &self.judge);
        let reported =
            |finding: &Finding| !selection.is_suppressed(finding, event.record, judge) && !selection.is_known(finding);
        let all = found.len();
        seen.findings.extend(found.into_iter().filter(reported));
        seen.left_out += (before + all - seen.findings.len()) as u64;
    }
}
