//! A log made in a test, run through rules as a hunt does it.

use std::{borrow::Cow, sync::Arc, time::Duration};

use event::{
    Detector, Event, Finding, Follower, LogSource, Observation, Observations, Piece, Position, Record, Seen, Slot,
    Time, Value,
};
use sigma::{Loaded, Placeholders, Rules, Taxonomy, correlate::Limits};

pub const SECOND: i64 = 1_000_000_000;

/// One event.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Nanoseconds since 1970.
    pub time: i64,
    pub host: String,
    pub channel: &'static str,
    pub number: u32,
    pub fields: Vec<(&'static str, String)>,
}

impl Line {
    pub fn at(seconds: i64, fields: &[(&'static str, &str)]) -> Self {
        let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { time: seconds * SECOND, host: "host".into(), channel: "Security", number: 1, fields }
    }

    pub fn number(self, number: u32) -> Self {
        Self { number, ..self }
    }

    pub fn host(self, host: &str) -> Self {
        Self { host: host.into(), ..self }
    }
}

struct Placed<'a>(&'a Line, u64);

impl Record for Placed<'_> {
    fn source(&self) -> LogSource<'_> {
        LogSource {
            product: "windows",
            channel: self.0.channel,
            provider: "Microsoft-Windows-Security-Auditing",
            event_id: self.0.number,
        }
    }

    fn host(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0.host)
    }

    fn position(&self) -> Position {
        Position::Line(self.1)
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.0.fields.iter().for_each(|(name, value)| visit(name, Value::Text(value)));
    }
}

pub fn piece() -> Arc<Piece> {
    Arc::new(Piece { path: "made".into() })
}

/// Rules of one file, all of which can be used.
pub fn rules(text: &str) -> Rules {
    let mut loaded = Loaded::default();
    loaded.add_text("rules.yml", text, &Placeholders::default());
    let rules = loaded.compile(&Taxonomy::shipped());
    assert_eq!((&loaded.refused, &loaded.not_applicable), (&vec![], &vec![]), "{text}");
    rules
}

/// What a detector sees of lines, which are numbered from 0.
pub fn look(rules: &Rules, lines: &[Line]) -> Seen {
    let (mut detector, piece, mut seen) = (rules.detector(), piece(), Seen::default());
    for (number, line) in (0..).zip(lines) {
        let record = Placed(line, number);
        let class = detector.class(&record.source());
        let interest = detector.interest(class);
        if !interest.wanted {
            continue;
        }
        let slot = |name: &str| interest.fields.iter().position(|field| field == name);
        let fields: Vec<(Slot, Value<'_>)> =
            line.fields.iter().filter_map(|(name, value)| Some((slot(name)? as Slot, Value::Text(value)))).collect();
        let time = Some(Time::from_nanos(line.time));
        detector.look(&Event { piece: &piece, class, time, fields: &fields, text: true, record: &record }, &mut seen);
    }
    seen
}

/// Observations in the order of time, those of one time as they are.
pub fn in_order(observations: &Observations) -> Vec<Observation<'_>> {
    let mut all: Vec<Observation<'_>> = observations.iter().collect();
    all.sort_by_key(|observation| observation.time);
    all
}

/// What correlations find in lines.
pub fn correlate(rules: &Rules, lines: &[Line], skew: Duration) -> Vec<Finding> {
    let (seen, piece) = (look(rules, lines), piece());
    let (mut correlator, mut findings) = (rules.correlator(skew, Limits::default()), Vec::new());
    for observation in in_order(&seen.observations) {
        correlator.observe(&piece, &observation, &mut findings);
    }
    correlator.end(&mut findings);
    assert_eq!(correlator.cut_short(), []);
    findings
}

/// A finding as a test compares it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub rule: String,
    pub group: Vec<String>,
    pub host: String,
    pub events: u64,
    /// Rule and line of the first events.
    pub firsts: Vec<(String, u64)>,
    pub last: (String, u64),
    pub times: (i64, i64),
}

/// The findings as they are compared, in an order of their own.
pub fn found(findings: &[Finding]) -> Vec<Found> {
    let sighting = |seen: &event::Sighting| (seen.rule.title.clone(), seen.place.position.number());
    let one = |finding: &Finding| {
        let correlated = finding.correlated.as_ref().unwrap();
        Found {
            rule: finding.rule.title.clone(),
            group: finding.matched.iter().map(|matched| matched.value.clone()).collect(),
            host: finding.host.clone(),
            events: correlated.events,
            firsts: correlated.firsts.iter().map(sighting).collect(),
            last: sighting(&correlated.last),
            times: (finding.time.unwrap().as_nanos(), correlated.last.time.as_nanos()),
        }
    };
    let mut all: Vec<Found> = findings.iter().map(one).collect();
    all.sort();
    all
}
