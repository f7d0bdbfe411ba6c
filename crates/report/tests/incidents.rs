//! Every folder under `tests/golden/incidents` is a case: `incidents.json`, written by hand, and beside it what is told of it.
//! `UPDATE_GOLDEN=1` writes the expected outputs anew; what has changed is then to be looked at and decided on.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::{collections::BTreeSet, fs, sync::Arc};

use common::{Told, any_text, assert_valid, check_cases, does_harm, incident_id, many, root, without_colours};
use incident::{IncidentId, LinkKind, Tactic};
use proptest::prelude::*;
use report::{IncidentFormat, Style, write_html, write_incidents};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

/// File name, format and width of every expected output.
const OUTPUTS: [(&str, IncidentFormat, Option<usize>); 6] = [
    ("expected.txt", IncidentFormat::Text, None),
    ("expected.80.txt", IncidentFormat::Text, Some(80)),
    ("expected.json", IncidentFormat::IncidentsJson, None),
    ("expected.ocsf.jsonl", IncidentFormat::Ocsf, None),
    ("expected.navigator.json", IncidentFormat::Navigator, None),
    ("expected.timesketch.jsonl", IncidentFormat::Timesketch, None),
];

fn case(name: &str) -> Told {
    let path = root().join("tests/golden/incidents").join(name).join("incidents.json");
    Told::parse(&fs::read_to_string(path).unwrap())
}

fn tell(told: &Told, format: IncidentFormat, only: Option<IncidentId>, width: Option<usize>) -> String {
    let style = Style { zone: told.zone.clone(), width, colour: false };
    let mut out = Vec::new();
    write_incidents(format, &told.incidents, &told.summary, only, &mut out, &style).unwrap();
    String::from_utf8(out).unwrap()
}

fn html(told: &Told) -> String {
    let style = Style { zone: told.zone.clone(), ..Style::default() };
    let mut out = Vec::new();
    write_html(&told.incidents, &told.summary, &mut out, &style).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn every_case_gives_what_is_expected() {
    check_cases("incidents", 3, |folder| {
        let told = Told::parse(&fs::read_to_string(folder.join("incidents.json")).unwrap());
        let output = |(name, format, width)| (name, tell(&told, format, None, width));
        let mut outputs = Vec::from(OUTPUTS.map(output));
        if let Some(worst) = told.incidents.incidents.first() {
            outputs.push(("expected.whole.txt", tell(&told, IncidentFormat::Text, Some(worst.id), None)));
            outputs.push(("expected.whole.80.txt", tell(&told, IncidentFormat::Text, Some(worst.id), Some(80))));
        }
        outputs.push(("expected.html", without_assets(&html(&told))));
        outputs
    });
}

/// Without style, script and their hashes, which stand in files of their own.
fn without_assets(html: &str) -> String {
    let cut = |text: &str, from: &str, until: &str| {
        let (before, rest) = text.split_once(from).unwrap();
        let (_, after) = rest.split_once(until).unwrap();
        format!("{before}{from}…{until}{after}")
    };
    let html = cut(html, "<style>", "</style>");
    let html = cut(&html, "<script>", "</script>\n</html>");
    let html = cut(&html, "style-src 'sha256-".replace('\'', "&#39;").as_str(), "=&#39;");
    cut(&html, "script-src 'sha256-".replace('\'', "&#39;").as_str(), "=&#39;")
}

fn schema() -> jsonschema::Validator {
    let read = |name: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(root().join("docs").join(name)).unwrap()).unwrap()
    };
    let beside =
        jsonschema::Registry::new().add("file:///docs/report.schema.json", read("report.schema.json")).unwrap();
    let beside = beside.prepare().unwrap();
    jsonschema::options()
        .should_validate_formats(true)
        .with_base_uri("file:///docs/incidents.schema.json")
        .with_registry(&beside)
        .build(&read("incidents.schema.json"))
        .unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn incidents_json_is_as_the_schema_has_it() {
    let schema = schema();
    for name in ["story", "hostile", "nothing"] {
        let told = case(name);
        let value: Value = serde_json::from_str(&tell(&told, IncidentFormat::IncidentsJson, None, None)).unwrap();
        assert_valid(&schema, &value);
    }
    let good: Value = serde_json::from_str(&tell(&case("story"), IncidentFormat::IncidentsJson, None, None)).unwrap();
    for key in good["incidents"][0].as_object().unwrap().keys() {
        let mut bad = good.clone();
        bad["incidents"][0].as_object_mut().unwrap().remove(key);
        assert!(!schema.is_valid(&bad), "without {key}");
    }
    let mut bad = good.clone();
    bad["incidents"][0]["steps"][0]["findings"][0]["level"] = "severe".into();
    assert!(!schema.is_valid(&bad), "the other schema's level");
}

#[test]
fn the_schema_knows_every_word() {
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(root().join("docs/incidents.schema.json")).unwrap()).unwrap();
    let tactics: Vec<&str> = Tactic::ALL.iter().map(|tactic| tactic.as_str()).collect();
    assert_eq!(schema["$defs"]["incident"]["properties"]["tactics"]["items"]["enum"], serde_json::json!(tactics));
    let kinds = schema["$defs"]["link"]["properties"]["kind"]["enum"].as_array().unwrap();
    for kind in [LinkKind::SameProcess, LinkKind::WroteThenRan, LinkKind::Repetition] {
        assert!(kinds.contains(&kind.as_str().into()));
    }
}

#[test]
fn one_incident_alone_can_be_told() {
    let told = case("story");
    let id = incident_id("ffeeddccbbaa");
    let value: Value = serde_json::from_str(&tell(&told, IncidentFormat::IncidentsJson, Some(id), None)).unwrap();
    assert_eq!(value["incidents"].as_array().unwrap().len(), 1);
    assert_eq!((&value["incidents"][0]["id"], value["single"].as_array().unwrap().len()), (&id.to_string().into(), 0));
    let text = tell(&told, IncidentFormat::Text, Some(id), Some(80));
    assert!(text.contains("colorui.dll") && !text.contains("JobDescription"), "{text}");
    assert!(text.contains("evidence/ws-013.evtx: permission denied"), "what was not read is told here too");
}

/// The attributes that the schema of OCSF 1.5 requires of both classes.
#[test]
fn ocsf_has_what_is_required() {
    let told = case("story");
    let events = lines(&tell(&told, IncidentFormat::Ocsf, None, None));
    let classes: Vec<u64> = events.iter().map(|event| event["class_uid"].as_u64().unwrap()).collect();
    assert_eq!(classes, [2005, 2004, 2004, 2004, 2004, 2004, 2004, 2004, 2005, 2004, 2004, 2004]);
    for event in &events {
        let class = event["class_uid"].as_u64().unwrap();
        assert_eq!((event["category_uid"].as_u64(), event["type_uid"].as_u64()), (Some(2), Some(class * 100 + 1)));
        assert_eq!((event["activity_id"].as_u64(), event["metadata"]["version"].as_str()), (Some(1), Some("1.5.0")));
        assert!(event["metadata"]["product"]["name"].is_string() && event["time"].is_i64());
        assert!((1..=5).contains(&event["severity_id"].as_u64().unwrap()));
        let infos = match class {
            2005 => event["finding_info_list"].as_array().unwrap().iter().collect(),
            _ => vec![&event["finding_info"]],
        };
        assert!(!infos.is_empty() && infos.iter().all(|info| info["uid"].is_string() && info["title"].is_string()));
        assert!(class == 2004 || (event["status_id"] == 1 && event["assignee_group"]["name"].is_string()));
    }
    let listed: BTreeSet<&str> =
        events[0]["finding_info_list"].as_array().unwrap().iter().map(|info| info["uid"].as_str().unwrap()).collect();
    let told_beside: BTreeSet<&str> =
        events[1..8].iter().map(|event| event["finding_info"]["uid"].as_str().unwrap()).collect();
    assert_eq!(listed, told_beside, "the incident lists its findings");
    assert_eq!(events[1]["time"], 1_794_901_272_000_i64);
    assert_eq!(events[2]["finding_info"]["attacks"][0]["sub_technique"]["uid"], "T1204.002");
}

#[test]
fn a_layer_has_every_technique_once() {
    let layer: Value = serde_json::from_str(&tell(&case("story"), IncidentFormat::Navigator, None, None)).unwrap();
    assert_eq!((&layer["versions"]["layer"], &layer["domain"]), (&"4.5".into(), &"enterprise-attack".into()));
    let techniques: Vec<(&str, u64)> = layer["techniques"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["techniqueID"].as_str().unwrap(), one["score"].as_u64().unwrap()))
        .collect();
    let expected = [
        ("T1021.004", 4),
        ("T1040", 3),
        ("T1071.001", 3),
        ("T1110", 2),
        ("T1204.002", 4),
        ("T1566.001", 4),
        ("T1574.001", 5),
    ];
    assert_eq!(techniques, expected);
}

#[test]
fn timesketch_gets_every_finding_with_its_moment() {
    let rows = lines(&tell(&case("story"), IncidentFormat::Timesketch, None, None));
    assert_eq!(rows.len(), 10);
    for row in &rows {
        assert!(row["message"].is_string() && row["timestamp_desc"].is_string());
        assert!(event::Time::parse(row["datetime"].as_str().unwrap()).is_some(), "{row}");
    }
    assert_eq!((&rows[0]["step"], &rows[0]["incident_id"]), (&1.into(), &"0a1b2c3d4e5f".into()));
    assert_eq!(rows[7]["timestamp_desc"], "Not a time");
    assert!(rows[9].get("incident_id").is_none());
}

#[test]
fn many_incidents_fit_a_screen_and_none_is_lost() {
    let told = many(400);
    let text = tell(&told, IncidentFormat::Text, None, Some(80));
    let overview = text.split("────").next().unwrap();
    assert!(overview.lines().count() <= 80, "{overview}");
    assert!(overview.contains("… and 25 more"), "{overview}");
    let html = html(&told);
    for incident in &told.incidents.incidents {
        assert!(html.contains(&format!("id=\"i-{}\"", incident.id)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any text in every place where text of the evidence may stand.
    #[test]
    fn nothing_harmful_comes_out(value in any_text(), width in prop::option::of(60..160usize)) {
        let told = everywhere(&value);
        let only = Some(told.incidents.incidents[0].id);
        for (format, only) in IncidentFormat::ALL.into_iter().map(|format| (format, None)).chain([(IncidentFormat::Text, only)]) {
            for colour in [false, true] {
                let style = Style { zone: told.zone.clone(), width, colour };
                let mut out = Vec::new();
                write_incidents(format, &told.incidents, &told.summary, only, &mut out, &style).unwrap();
                let text = without_colours(&String::from_utf8(out).unwrap());
                prop_assert_eq!(text.chars().find(|character| *character != '\n' && does_harm(*character)), None, "{}", format);
                if let (IncidentFormat::Text, Some(width), false) = (format, width, colour) {
                    let title = text.lines().take_while(|line| !line.contains('─'));
                    prop_assert!(title.clone().all(|line| line.width() <= width), "{}", text);
                }
            }
        }
        let html = html(&told);
        prop_assert_eq!(html.chars().find(|character| *character != '\n' && does_harm(*character)), None);
        let data = html.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
        prop_assert!(serde_json::from_str::<Value>(data).is_ok(), "{}", data);
        prop_assert_eq!(html.matches("<script").count(), 2);
    }
}

/// The story with `value` wherever text may come from the evidence.
fn everywhere(value: &str) -> Told {
    let mut told = case("story");
    let fill = |text: &mut String| text.push_str(value);
    for incident in &mut told.incidents.incidents {
        fill(&mut incident.title);
        [&mut incident.hosts, &mut incident.accounts, &mut incident.techniques].into_iter().flatten().for_each(fill);
        incident.rank.iter_mut().for_each(|part| fill(&mut part.reason));
        incident.links.iter_mut().for_each(|link| fill(&mut link.why));
        incident.entities.iter_mut().for_each(|(entity, _)| fill(&mut entity.name));
        incident.resemblance.iter_mut().for_each(|one| fill(&mut one.known_for));
        incident.actions.iter_mut().for_each(|one| fill(&mut one.what));
        for step in &mut incident.steps {
            fill(&mut step.sentence);
            fill(&mut step.host);
            for finding in &mut step.findings {
                let finding = Arc::make_mut(finding);
                fill(&mut finding.host);
                finding.matched.iter_mut().for_each(|matched| fill(&mut matched.value));
                fill(&mut Arc::make_mut(&mut finding.rule).title);
            }
        }
    }
    told.incidents.limits.iter_mut().for_each(fill);
    told.summary.failures.iter_mut().for_each(|failure| fill(&mut failure.path));
    told
}
