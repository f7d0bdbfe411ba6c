//! What correlations keep is bounded, however many events lie within their timespans, and what is forgotten is told.

#![cfg(target_os = "linux")]
// Helpers of tests are tests too; clippy sees that only within `#[test]`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{sync::Arc, time::Duration};

use event::{Finding, Follower, Observations, Piece, Position, Time};
use sigma::{Correlator, Loaded, Placeholders, Rules, Taxonomy, correlate::Limits};

const MIB: usize = 1 << 20;

/// Memory that the process has in use, in bytes (proc(5), `statm`, second number: pages of 4 KiB at least).
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn rules(correlations: &[&str]) -> Rules {
    let base = "title: a\nname: a\nlogsource: {product: windows}\ndetection: {sel: {a: y}, condition: sel}\n";
    let mut text = base.to_owned();
    for (at, correlation) in correlations.iter().enumerate() {
        text += &format!("---\ntitle: c{at}\ncorrelation: {{rules: a, timespan: 30d, {correlation}}}\n");
    }
    let mut loaded = Loaded::default();
    loaded.add_text("rules.yml", &text, &Placeholders::default());
    let rules = loaded.compile(&Taxonomy::shipped());
    assert_eq!(loaded.refused, []);
    rules
}

/// Shows an event a second, with the values that `values` makes of its number.
fn flood(correlator: &mut Correlator, events: i64, values: impl Fn(i64) -> Vec<String>) -> Vec<Finding> {
    let (piece, mut findings) = (Arc::new(Piece { path: "made".into() }), Vec::new());
    for number in 0..events {
        let mut one = Observations::default();
        let values = std::iter::once("host".to_owned()).chain(values(number)).map(Some);
        one.push(Some(Time::from_nanos(number * 1_000_000_000)), 0, Position::Line(number as u64), values);
        one.iter().for_each(|observation| correlator.observe(&piece, &observation, &mut findings));
    }
    findings
}

#[test]
fn a_flood_costs_no_more_than_the_limit() {
    const EVENTS: i64 = 100_000;
    let rules = rules(&[
        "type: event_count, group-by: User, condition: {gte: 100000}",
        "type: value_count, condition: {field: Name, gte: 10000000}",
        "type: event_count, group-by: Long, condition: {gte: 1}",
        "type: value_percentile, condition: {field: Bytes, percentile: 50, gt: 100000000}",
    ]);
    let mut correlator = rules.correlator(Duration::ZERO, Limits { bytes: 8 * MIB });
    let before = resident();
    // In the order in which the last correlation asks first; all are different, and one is long.
    let values = |number: i64| {
        let long = format!("{number}{}", "x".repeat(2000));
        vec![number.to_string(), long, format!("n{number}"), format!("u{number}")]
    };
    let mut findings = flood(&mut correlator, EVENTS, values);
    // Findings are not what the limit is about.
    let long: usize = findings.iter().map(|finding| finding.matched[0].value.len() + 600).sum();
    let grown = resident().saturating_sub(before).saturating_sub(long);
    assert!(grown < 40 * MIB, "grown by {grown} bytes");
    let cut = correlator.cut_short();
    assert_eq!(cut.len(), 4, "{cut:?}");
    assert!(cut.iter().all(|cut| cut.path == "rules.yml" && cut.events > 10_000), "{cut:?}");
    correlator.end(&mut findings);
    // The third one finds every event, since each is a group of its own.
    assert_eq!(findings.len() as i64, EVENTS);
}

#[test]
fn what_is_found_in_the_time_that_is_left_is_right() {
    let rules = rules(&["type: event_count, group-by: User, condition: {gte: 3}"]);
    // Three times three events of one user, at first a second apart, then a minute, then a day, among a flood of others.
    let mine = [10_000, 10_001, 10_002, 20_000, 20_060, 20_120, 30_000, 116_400, 202_800];
    let user = |number: i64| if mine.contains(&number) { "mallory".to_owned() } else { format!("u{number}") };
    let mut correlator = rules.correlator(Duration::ZERO, Limits { bytes: MIB });
    let mut findings = flood(&mut correlator, 210_000, |number| vec![user(number)]);
    correlator.end(&mut findings);
    let cut = correlator.cut_short();
    let shortest = cut[0].shortest / 1_000_000_000;
    assert!((1_000..60_000).contains(&shortest), "{shortest} s");
    let places: Vec<(u64, u64)> = findings
        .iter()
        .map(|finding| {
            let correlated = finding.correlated.as_ref().unwrap();
            (correlated.firsts[0].place.position.number(), correlated.last.place.position.number())
        })
        .collect();
    assert_eq!(places, [(10_000, 10_002), (20_000, 20_120)]);
}
