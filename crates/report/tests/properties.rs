//! Whatever stands in evidence and rules: no printer lets anything out that does more than be seen, no cell begins a
//! formula, JSON gives back what was put in, and the schema describes it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::{ToyRecord, any_text, assert_valid, does_harm, print, root, without_colours};
use event::{Finding, Level, Matched, Piece, Place, Position, RuleInfo, Time};
use proptest::prelude::*;
use report::{Evidence, Failure, Format, RuleProblem, Style, Summary, Zone};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

prop_compose! {
    fn rule()(
        id in any_text(), title in any_text(), path in any_text(), level in prop::sample::select(Level::ALL.to_vec()), status in any_text(),
        description in any_text(), tags in prop::collection::vec(any_text(), 0..3), false_positives in prop::collection::vec(any_text(), 0..3),
    ) -> Arc<RuleInfo> {
        let tags = tags.into_iter().map(|tag| format!("attack.t1{tag}")).collect();
        Arc::new(RuleInfo { id, title, path, level, status, description, author: String::new(), tags, false_positives })
    }
}

prop_compose! {
    fn finding()(
        rule in rule(), time in prop::option::of(any::<i64>()), path in any_text(), number in any::<u64>(), kind in 0..3,
        host in any_text(), channel in any_text(), provider in any_text(), event_id in any::<u32>(),
        matched in prop::collection::vec((any_text(), any_text()), 0..5),
    ) -> Finding {
        let position = [Position::Record(number), Position::Line(number), Position::Offset(number)][kind as usize];
        let matched = matched.into_iter().map(|(field, value)| Matched { field, value }).collect();
        let place = Place { piece: Arc::new(Piece { path }), position };
        let record = ToyRecord { host, channel, provider, event_id, position };
        Finding::new(&rule, time.map(Time::from_nanos), place, &record, matched)
    }
}

prop_compose! {
    fn summary()(path in any_text(), reason in any_text(), note in any_text(), program in any_text()) -> Summary {
        let failure = || Failure { path: path.clone(), reason: reason.clone() };
        let problem = || RuleProblem { path: path.clone(), line: None, reason: reason.clone() };
        let damage = event::Damage { position: Position::Offset(1), records: 2, reason: reason.clone() };
        let mut summary = Summary { program, failures: vec![failure()], skipped: vec![failure()], ..Summary::default() };
        summary.rules.refused = vec![problem()];
        summary.rules.not_run = vec![problem()];
        let format = note.clone();
        summary.evidence = vec![Evidence { path: path.clone(), format, damages: vec![damage], notes: vec![note], ..Evidence::default() }];
        summary
    }
}

fn assert_harmless(output: &str, format: Format) {
    let found = output.chars().find(|character| *character != '\n' && does_harm(*character));
    assert_eq!(found, None, "in {format}: {output:?}");
}

fn begins_formula(cell: &str) -> bool {
    cell.trim_start_matches([' ', '"', '\t', '\r', '\n']).starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

fn schema(definition: &str) -> jsonschema::Validator {
    let text = std::fs::read_to_string(root().join("docs/report.schema.json")).unwrap();
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    let root = schema.as_object_mut().unwrap();
    root.remove("anyOf");
    root.insert("$ref".to_owned(), format!("#/$defs/{definition}").into());
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// Field → values, as the finding has them; each value once.
fn expected_matched(finding: &Finding) -> Value {
    let mut fields = serde_json::Map::new();
    for matched in &finding.matched {
        let name = if matched.field.is_empty() { "keywords" } else { &matched.field };
        let value = Value::from(matched.value.clone());
        let values = fields.entry(name).or_insert_with(|| Value::Array(Vec::new())).as_array_mut().unwrap();
        if !values.contains(&value) {
            values.push(value);
        }
    }
    for values in fields.values_mut() {
        if let [value] = values.as_array().unwrap().as_slice() {
            *values = value.clone();
        }
    }
    Value::Object(fields)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_harmful_comes_out(findings in prop::collection::vec(finding(), 0..4), summary in summary(), width in prop::option::of(20..200usize)) {
        for format in Format::ALL {
            let style = Style { zone: Zone::utc(), width, colour: false };
            let output = print(format, &style, &findings, &summary);
            let lines = if format == Format::Csv { output.replace("\r\n", "\n") } else { output.clone() };
            assert_harmless(&lines, format);
            prop_assert_eq!(&output, &print(format, &style, &findings, &summary));
            let coloured = print(format, &Style { colour: true, ..style }, &findings, &summary);
            assert_harmless(&without_colours(&coloured).replace("\r\n", "\n"), format);
        }
    }

    #[test]
    fn json_gives_back_what_was_put_in(findings in prop::collection::vec(finding(), 0..4), summary in summary()) {
        let style = Style { zone: "Asia/Seoul".parse().unwrap(), ..Style::default() };
        let output = print(Format::Jsonl, &style, &findings, &summary);
        let parsed: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        prop_assert_eq!(parsed.len(), findings.len());
        for (value, finding) in parsed.iter().zip(&findings) {
            prop_assert_eq!(&value["id"], &finding.id.to_string());
            prop_assert_eq!(value["time"].as_str().and_then(Time::parse), finding.time);
            prop_assert_eq!(&value["host"], &finding.host);
            prop_assert_eq!(&value["rule"]["title"], &finding.rule.title);
            prop_assert_eq!(&value["source"]["channel"], &finding.channel);
            prop_assert_eq!(&value["evidence"]["path"], &finding.place.piece.path);
            prop_assert_eq!(&value["evidence"][finding.place.position.kind()], finding.place.position.number());
            prop_assert_eq!(&value["matched"], &expected_matched(finding));
        }
        let report: Value = serde_json::from_str(&print(Format::Json, &style, &findings, &summary)).unwrap();
        prop_assert_eq!(report["findings"].as_array().unwrap(), &parsed);
        assert_valid(&schema("report"), &report);
    }

    #[test]
    fn no_cell_begins_a_formula(findings in prop::collection::vec(finding(), 1..4), summary in summary()) {
        let output = print(Format::Csv, &Style::default(), &findings, &summary);
        let mut table = csv::Reader::from_reader(output.as_bytes());
        let rows: Vec<csv::StringRecord> = table.records().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(rows.len(), findings.len());
        for (row, finding) in rows.iter().zip(&findings) {
            prop_assert_eq!(row.len(), 16);
            prop_assert_eq!(row[15].to_owned(), finding.id.to_string());
            prop_assert!(row.iter().all(|cell| !begins_formula(cell)), "{:?}", row);
        }
        // A spreadsheet that takes the semicolon for the separator sees other cells.
        prop_assert!(output.lines().flat_map(|line| line.split(';')).all(|cell| !begins_formula(cell)), "{}", output);
    }

    #[test]
    fn a_timeline_has_a_line_a_finding_in_the_order_of_time(findings in prop::collection::vec(finding(), 0..20), width in 40..200usize) {
        let summary = Summary::default();
        let output = print(Format::Timeline, &Style { width: Some(width), ..Style::default() }, &findings, &summary);
        prop_assert!(output.lines().all(|line| line.width() <= width), "{}", output);
        let whole = print(Format::Timeline, &Style::default(), &findings, &summary);
        prop_assert_eq!((output.lines().count(), whole.lines().count()), (findings.len(), findings.len()));
        let times: Vec<_> = whole.lines().map(|line| Time::parse(line.split(' ').next().unwrap())).collect();
        let mut sorted = times.clone();
        sorted.sort_by_key(|time| (time.is_none(), *time));
        prop_assert_eq!(times, sorted);
    }
}

#[test]
fn every_golden_case_is_as_the_schema_has_it() {
    let (finding, report) = (schema("finding"), schema("report"));
    let mut seen = 0;
    for case in std::fs::read_dir(root().join("tests/golden/report")).unwrap() {
        let folder = case.unwrap().path();
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        for line in read("expected.jsonl").lines() {
            assert_valid(&finding, &serde_json::from_str(line).unwrap());
            seen += 1;
        }
        assert_valid(&report, &serde_json::from_str(&read("expected.json")).unwrap());
    }
    assert!(seen > 20, "the cases are gone");
}

#[test]
fn the_schema_refuses_what_is_none() {
    let finding = schema("finding");
    let line = std::fs::read_to_string(root().join("tests/golden/report/single/expected.jsonl")).unwrap();
    let good: Value = serde_json::from_str(&line).unwrap();
    for key in good.as_object().unwrap().keys() {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(key);
        assert!(!finding.is_valid(&bad), "without {key}");
        bad[key] = Value::from(17);
        assert!(!finding.is_valid(&bad), "{key} as a number");
    }
    let mut bad = good.clone();
    bad["more"] = Value::from("x");
    assert!(!finding.is_valid(&bad));
    let mut bad = good.clone();
    bad["evidence"]["line"] = Value::from(3);
    assert!(!finding.is_valid(&bad), "two positions");
    let mut bad = good;
    bad["time"] = Value::from("2024-03-01 08:00");
    assert!(!finding.is_valid(&bad), "no RFC 3339");
}
