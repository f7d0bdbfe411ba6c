use std::{fmt, sync::Arc};

use sha2::{Digest, Sha256};

use crate::{Level, Place, Record, Time};

/// What a report says of the rule behind a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// The rule's UUID; where it has none, its path.
    pub id: String,
    /// One line in plain words.
    pub title: String,
    /// Where the rule was loaded from.
    pub path: String,
    /// How severe its findings are.
    pub level: Level,
    /// Sigma's status: `stable`, `test`, `experimental`, …; empty where it has none.
    pub status: String,
    /// What the rule looks for and why, in its author's words.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// Sigma's tags as written, e.g. `attack.t1059.001`.
    pub tags: Vec<String>,
    /// Innocent explanations that its author knows of.
    pub false_positives: Vec<String>,
}

impl RuleInfo {
    /// The ATT&CK techniques among the tags, in upper case: `T1059.001`.
    pub fn techniques(&self) -> Vec<String> {
        let numbers = self.tags.iter().filter_map(|tag| tag.strip_prefix("attack."));
        let is_technique = |name: &&str| {
            name.strip_prefix(['t', 'T']).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        };
        numbers.filter(is_technique).map(str::to_ascii_uppercase).collect()
    }
}

/// A field of the event that the rule asked for, with the value that satisfied it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Matched {
    /// The field's name as the rule has it; empty for a word found anywhere in the record.
    pub field: String,
    /// The whole value.
    pub value: String,
}

/// What was seen: one rule, satisfied by one event, or one correlation, satisfied by some.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The same each time the same record is read with the same rule, wherever the evidence lies.
    pub id: FindingId,
    /// When it happened.
    pub time: Option<Time>,
    /// The rule that was satisfied.
    pub rule: Arc<RuleInfo>,
    /// The machine; empty where the evidence does not say.
    pub host: String,
    /// The event's channel, provider and number.
    pub channel: String,
    /// See `channel`.
    pub provider: String,
    /// See `channel`.
    pub event_id: u32,
    /// Where the event stands.
    pub place: Place,
    /// What satisfied the rule, in the order in which the rule asks; of a correlation, what its events have in common.
    pub matched: Vec<Matched>,
    /// What else its record says of who and what was concerned, under the names of its fields: what findings are linked by. Takes no part in
    /// the id; shared by all findings of the record; empty where nobody links.
    pub context: Arc<[Matched]>,
    /// The events that made it, if it is a correlation's.
    pub correlated: Option<Box<Correlated>>,
}

/// The events that together satisfied a correlation.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlated {
    /// How many there are.
    pub events: u64,
    /// The first event of each rule, in the order of time.
    pub firsts: Vec<Sighting>,
    /// The last event.
    pub last: Sighting,
}

/// One event of a correlation.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// When it happened.
    pub time: Time,
    /// The rule that it satisfied.
    pub rule: Arc<RuleInfo>,
    /// Where it stands.
    pub place: Place,
}

impl Finding {
    /// A finding of `rule` about `record`.
    pub fn new(
        rule: &Arc<RuleInfo>,
        time: Option<Time>,
        place: Place,
        record: &dyn Record,
        matched: Vec<Matched>,
    ) -> Self {
        let source = record.source();
        let mut finding = Self {
            id: FindingId([0; 16]),
            time,
            rule: Arc::clone(rule),
            host: record.host().into_owned(),
            channel: source.channel.to_owned(),
            provider: source.provider.to_owned(),
            event_id: source.event_id,
            place,
            matched,
            context: Arc::default(),
            correlated: None,
        };
        finding.id = FindingId::of(&finding);
        finding
    }

    /// A finding of the correlation `rule`: it stands where its first event stands, and is the same however many more events follow.
    pub fn correlated(rule: &Arc<RuleInfo>, host: String, matched: Vec<Matched>, correlated: Correlated) -> Self {
        let first = correlated.firsts.first().unwrap_or(&correlated.last);
        let mut finding = Self {
            id: FindingId([0; 16]),
            time: Some(first.time),
            rule: Arc::clone(rule),
            // Whether its events are of one host may yet change.
            host: String::new(),
            channel: String::new(),
            provider: String::new(),
            event_id: 0,
            place: first.place.clone(),
            matched,
            context: Arc::default(),
            correlated: Some(Box::new(correlated)),
        };
        finding.id = FindingId::of(&finding);
        finding.host = host;
        finding
    }
}

/// Identifies a finding: half a SHA-256 over the rule's id and what the record says, without the evidence's
/// path, so that a log that was moved or copied gives the same findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingId(pub [u8; 16]);

impl FindingId {
    fn of(finding: &Finding) -> Self {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        part(finding.rule.id.as_bytes());
        part(&finding.time.map_or(0, Time::as_nanos).to_le_bytes());
        part(finding.host.as_bytes());
        part(finding.channel.as_bytes());
        part(finding.provider.as_bytes());
        part(&finding.event_id.to_le_bytes());
        part(finding.place.position.kind().as_bytes());
        part(&finding.place.position.number().to_le_bytes());
        for matched in &finding.matched {
            part(matched.field.as_bytes());
            part(matched.value.as_bytes());
        }
        let digest = hash.finalize();
        Self(digest.first_chunk::<16>().copied().unwrap_or_default())
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
