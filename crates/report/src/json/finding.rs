use std::collections::HashSet;

use event::{Correlated, Finding, Matched, Place, Position, Sighting};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::Zone;

/// What a field without a name is called: a word found anywhere in the record.
const KEYWORDS: &str = "keywords";

/// A finding, in the order of keys that `docs/report.md` gives.
#[derive(Serialize)]
pub(crate) struct FindingView<'a> {
    id: String,
    time: Option<String>,
    level: &'static str,
    rule: RuleView<'a>,
    techniques: Vec<String>,
    host: &'a str,
    source: SourceView<'a>,
    evidence: PlaceView<'a>,
    matched: MatchedView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation: Option<CorrelationView<'a>>,
}

impl<'a> FindingView<'a> {
    pub(crate) fn of(finding: &'a Finding, zone: &Zone) -> Self {
        let rule = &finding.rule;
        Self {
            id: finding.id.to_string(),
            time: finding.time.map(|time| zone.rfc3339(time)),
            level: rule.level.as_str(),
            rule: RuleView { id: &rule.id, title: &rule.title, path: &rule.path, status: &rule.status },
            techniques: rule.techniques(),
            host: &finding.host,
            source: SourceView { channel: &finding.channel, provider: &finding.provider, event_id: finding.event_id },
            evidence: PlaceView::of(&finding.place),
            matched: MatchedView(by_field(&finding.matched)),
            correlation: finding.correlated.as_ref().map(|correlated| CorrelationView::of(correlated, zone)),
        }
    }
}

/// The events of a correlation's finding.
#[derive(Serialize)]
struct CorrelationView<'a> {
    events: u64,
    firsts: Vec<SightingView<'a>>,
    last: SightingView<'a>,
}

impl<'a> CorrelationView<'a> {
    fn of(correlated: &'a Correlated, zone: &Zone) -> Self {
        let view = |sighting: &'a Sighting| SightingView {
            time: zone.rfc3339(sighting.time),
            rule: &sighting.rule.title,
            rule_id: &sighting.rule.id,
            evidence: PlaceView::of(&sighting.place),
        };
        Self {
            events: correlated.events,
            firsts: correlated.firsts.iter().map(view).collect(),
            last: view(&correlated.last),
        }
    }
}

#[derive(Serialize)]
struct SightingView<'a> {
    time: String,
    rule: &'a str,
    rule_id: &'a str,
    evidence: PlaceView<'a>,
}

#[derive(Serialize)]
struct RuleView<'a> {
    id: &'a str,
    title: &'a str,
    path: &'a str,
    status: &'a str,
}

#[derive(Serialize)]
struct SourceView<'a> {
    channel: &'a str,
    provider: &'a str,
    event_id: u32,
}

/// Where a record stands.
#[derive(Serialize)]
pub(crate) struct PlaceView<'a> {
    path: &'a str,
    #[serde(flatten)]
    position: PositionView,
}

impl<'a> PlaceView<'a> {
    pub(crate) fn of(place: &'a Place) -> Self {
        Self { path: &place.piece.path, position: PositionView::of(place.position) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PositionView {
    Record(u64),
    Line(u64),
    Offset(u64),
}

impl PositionView {
    pub(super) const fn of(position: Position) -> Self {
        match position {
            Position::Record(number) => Self::Record(number),
            Position::Line(number) => Self::Line(number),
            Position::Offset(number) => Self::Offset(number),
        }
    }
}

/// The values of each field, both in the order in which the rule asks, each value once.
pub(crate) fn by_field(matched: &[Matched]) -> Vec<(&str, Vec<&str>)> {
    let mut fields: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut seen = HashSet::new();
    for Matched { field, value } in matched {
        let field = if field.is_empty() { KEYWORDS } else { field.as_str() };
        if !seen.insert((field, value.as_str())) {
            continue;
        }
        // A rule asks for a handful of fields; only their values can be many.
        match fields.iter_mut().find(|(name, _)| *name == field) {
            Some((_, values)) => values.push(value),
            None => fields.push((field, vec![value])),
        }
    }
    fields
}

/// Field → value, or values where there are several.
struct MatchedView<'a>(Vec<(&'a str, Vec<&'a str>)>);

impl Serialize for MatchedView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (field, values) in &self.0 {
            match values.as_slice() {
                [value] => map.serialize_entry(field, value)?,
                values => map.serialize_entry(field, values)?,
            }
        }
        map.end()
    }
}
