//! One case: rules, a sequence of events, and what both paths say of them.

use std::sync::Arc;

use event::{Class, Detector, Encoding, Event, Finding, Piece, Record, Seen, Slot, Value};
use sigma::{Loaded, Placeholders, SigmaDetector, Taxonomy, plain::Judge};

use super::{
    choices::Choices,
    item::Item,
    record::{Made, MadeRecord},
    rule::MadeRule,
    theme::{PLACEHOLDERS, SOURCES, TAXONOMY, Theme, native_names},
    want::Want,
};

/// Rules and events that have to do with each other.
pub struct Case {
    pub rules: Vec<MadeRule>,
    pub records: Vec<MadeRecord>,
}

/// How much was compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Pairs of rule and event.
    pub pairs: u64,
    /// Pairs that match.
    pub matches: u64,
}

impl Case {
    /// A case by one run of bytes for the theme, one for each rule and one for each event, so that each can be left out.
    pub fn make(theme: &[u8], rules: &[Vec<u8>], records: &[Vec<u8>]) -> Self {
        let theme = Theme::new(&mut Choices::new(theme));
        let mut pool = Vec::new();
        let rules: Vec<MadeRule> = rules
            .iter()
            .enumerate()
            .map(|(number, bytes)| MadeRule::make(number, &theme, &mut pool, &mut Choices::new(bytes)))
            .collect();
        let records = records.iter().zip(1..).map(|(bytes, number)| record(number, &rules, &theme, bytes)).collect();
        Self { rules, records }
    }
}

/// A record with what some of the rules ask for.
fn record(number: u64, rules: &[MadeRule], theme: &Theme, bytes: &[u8]) -> MadeRecord {
    let choices = &mut Choices::new(bytes);
    let first = choices.below(rules.len());
    let (channel, provider, event_id) = match choices.chance(90) {
        true => choices.of(SOURCES[rules[first].source].1),
        false => ("Delta", "Maker", 1),
    };
    let mut record = MadeRecord { channel, provider, event_id, number, fields: Vec::new() };
    record.fields.push(("EventID", Made::UInt(event_id.into())));
    if !provider.is_empty() {
        record.fields.push(("Provider_Name", Made::Text(provider.into())));
    }
    let state = choices.of(&["Start", "stop", "\u{17f}tart", "Paused", "Start", "STOP"]);
    record.fields.push(("State", Made::Text(state.into())));
    // One rule, or as many as there is room for: values add up, for a field may have several.
    let several = if choices.chance(70) { rules.len() } else { 1 };
    for rule in rules.iter().cycle().skip(first).take(several) {
        for item in &rule.items {
            give(item, theme, &mut record, choices);
            if record.fields.len() > 60 {
                return record;
            }
        }
    }
    record
}

/// Puts into the record what an entry asks for, or something near it.
fn give(item: &Item, theme: &Theme, record: &mut MadeRecord, choices: &mut Choices<'_>) {
    if choices.chance(if item.negated { 80 } else { 4 }) {
        return;
    }
    let one = choices.below(item.wants.len());
    for (index, want) in item.wants.iter().enumerate() {
        if !item.all && index != one || matches!(want, Want::Present(false)) {
            continue;
        }
        let mut value = want.value(theme, choices);
        if matches!(item.field, "Level") && choices.chance(30) {
            value = Made::Text(choices.of(&["%%1", "%%2"]).to_string());
        }
        if item.open.0 && choices.chance(40) {
            value = Made::from_text(format!("{}{}", theme.word(choices), value.as_value().text()), choices);
        }
        if item.open.1 && choices.chance(40) {
            value = Made::from_text(format!("{}{}", value.as_value().text(), theme.word(choices)), choices);
        }
        match choices.below(10) {
            0..=5 => {}
            6 => value = value.other_case(choices),
            7 | 8 => value = value.altered(choices),
            _ => value = Made::noise(choices),
        }
        if let Want::Same(other) = want {
            put(other, &value, record, choices);
        }
        put(item.field, &value, record, choices);
    }
}

fn put(field: &str, value: &Made, record: &mut MadeRecord, choices: &mut Choices<'_>) {
    let names = match field {
        // Those two the log source has decided.
        "EventID" | "Provider_Name" => return,
        "" => &["Free", "Image", "Data"],
        field => native_names(field),
    };
    if field.is_empty() || choices.chance(30) {
        record.fields.push((choices.of(names), value.clone()));
        return;
    }
    names.iter().for_each(|name| record.fields.push((name, value.clone())));
}

/// Loads the rules as a file would be, and compares what the detector finds with what the judge says, event by event and
/// rule by rule; an error tells the first difference.
pub fn compare(case: &Case, encoding: Encoding) -> Result<Tally, String> {
    let mut taxonomy = Taxonomy::default();
    taxonomy.add(TAXONOMY).map_err(|problem| problem.to_string())?;
    let placeholders = Placeholders::parse(PLACEHOLDERS).map_err(|problem| problem.to_string())?;
    let mut loaded = Loaded::default();
    let yaml: Vec<&str> = case.rules.iter().map(|rule| rule.yaml.as_str()).collect();
    loaded.add_text("made.yml", &yaml.join("---\n"), &placeholders);
    if let Some(refused) = loaded.refused.first() {
        return Err(format!("refused: line {}: {} in\n{}", refused.line, refused.reason, yaml.join("---\n")));
    }
    let rules = loaded.rules.clone();
    let compiled = loaded.compile(&taxonomy);
    if rules.len() != case.rules.len() || !loaded.not_applicable.is_empty() {
        return Err(format!("not applicable: {:?} in\n{}", loaded.not_applicable, yaml.join("---\n")));
    }
    let (mut fast, judge, mut tally) = (compiled.detector(), Judge::default(), Tally::default());
    let seen = look(&mut fast, &case.records, encoding)?;
    for (record, findings) in case.records.iter().zip(&seen) {
        let found: Vec<&str> = findings.iter().map(|finding| finding.rule.id.as_str()).collect();
        let judged = rules.iter().filter(|rule| judge.matches(rule, &taxonomy, record));
        let judged: Vec<&str> = judged.map(|rule| rule.info.id.as_str()).collect();
        if found != judged {
            let differs = |id: &str| found.contains(&id) != judged.contains(&id);
            let text: String =
                rules.iter().zip(&yaml).filter(|(rule, _)| differs(&rule.info.id)).map(|(_, yaml)| *yaml).collect();
            return Err(format!("the detector finds {found:?}, the judge {judged:?} in {record:#?} by\n{text}"));
        }
        findings.iter().try_for_each(|finding| check_matched(finding, record))?;
        tally.pairs += rules.len() as u64;
        tally.matches += judged.len() as u64;
    }
    Ok(tally)
}

/// What a finding says it matched stands in the record.
fn check_matched(finding: &Finding, record: &MadeRecord) -> Result<(), String> {
    for matched in &finding.matched {
        let names = if matched.field.is_empty() { &[][..] } else { native_names(&matched.field) };
        let stands = record.fields.iter().any(|(name, value)| {
            let named = names.is_empty() || names.contains(name) || *name == matched.field;
            named && value.as_value().text() == matched.value
        });
        if !stands && matched.field != "Provider_Name" {
            return Err(format!(
                "{matched:?} of the finding by rule {} does not stand in {record:#?}",
                finding.rule.id
            ));
        }
    }
    Ok(())
}

/// Shows the records to the detector as readers do: only the fields asked for, and text only where it cannot be ruled out.
fn look(fast: &mut SigmaDetector, records: &[MadeRecord], encoding: Encoding) -> Result<Vec<Vec<Finding>>, String> {
    let (mut raw, mut ends) = (Vec::new(), Vec::new());
    for record in records {
        record.write_raw(encoding, &mut raw);
        ends.push(raw.len());
    }
    let piece = Arc::new(Piece { path: "made".into() });
    let (mut seen, mut start) = (Vec::new(), 0);
    for (record, end) in records.iter().zip(ends) {
        let class = fast.class(&record.source());
        let interest = fast.interest(class);
        let mut found = Seen::default();
        if interest.wanted {
            let slot = |name: &str| interest.fields.iter().position(|field| field == name);
            let fields = record.fields.iter().filter_map(|(name, value)| Some((slot(name)? as Slot, value.as_value())));
            let fields: Vec<(Slot, Value<'_>)> = fields.collect();
            let text = match interest.text {
                Some(group) => {
                    let mut hits = Vec::new();
                    let rules_out = fast.text_hits(group, &raw, encoding, &mut hits);
                    if !hits.is_sorted() {
                        return Err(format!("hits that do not rise: {hits:?}"));
                    }
                    !rules_out || hits.iter().any(|hit| (start..end).contains(hit))
                }
                None => false,
            };
            if text || !interest.text_only {
                fast.look(&Event { piece: &piece, class, time: None, fields: &fields, text, record }, &mut found);
            }
        } else if class == Class(u32::MAX) {
            return Err("a class that is none".into());
        }
        seen.push(found.findings);
        start = end;
    }
    Ok(seen)
}
