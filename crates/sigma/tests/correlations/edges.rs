//! Windows at their edges, and what is one burst.

use std::time::Duration;

use crate::log::{Found, Line, SECOND, correlate, found, look, rules};

/// A correlation of the rules `a` and `b`, with these lines in its section.
fn of_two(lines: &str) -> String {
    let base = |name: &str| {
        format!(
            "---\ntitle: {name}\nname: {name}\nlogsource: {{product: windows}}\n\
             detection: {{sel: {{{name}: y}}, condition: sel}}\n"
        )
    };
    format!("{}{}---\ntitle: c\ncorrelation:\n{lines}\n", base("a"), base("b"))
}

fn twice(timespan: &str) -> String {
    of_two(&format!("  type: event_count\n  rules: a\n  timespan: {timespan}\n  condition: {{gte: 2}}"))
}

/// What is found where `a` happens at these nanoseconds.
fn at(text: &str, times: &[i64]) -> Vec<Found> {
    let line = |time: &i64| Line { time: *time, ..Line::at(0, &[("a", "y")]) };
    let lines: Vec<Line> = times.iter().map(line).collect();
    found(&correlate(&rules(text), &lines, Duration::ZERO))
}

#[test]
fn both_ends_of_the_timespan_are_in_it() {
    assert_eq!(at(&twice("5s"), &[0, 5 * SECOND]).len(), 1);
    assert_eq!(at(&twice("5s"), &[0, 5 * SECOND + 1]), []);
    assert_eq!(at(&twice("5s"), &[-5 * SECOND, 0]).len(), 1);
    assert_eq!(at(&twice("5s"), &[-5 * SECOND - 1, 0]), []);
    assert_eq!(at(&twice("5s"), &[7, 7])[0].times, (7, 7));
}

#[test]
fn one_burst_is_one_finding() {
    let steady: Vec<i64> = (0..100).map(|step| step * 4 * SECOND).collect();
    let found = at(&twice("5s"), &steady);
    assert_eq!((found.len(), found[0].events, found[0].last.1), (1, 100, 99));
    // The condition does not hold for the third event, since the second is too far away; a burst ends where it held last.
    let apart = [0, SECOND, 7 * SECOND, 8 * SECOND, 9 * SECOND].to_vec();
    let found = at(&twice("5s"), &apart);
    assert_eq!(
        found.iter().map(|found| (found.events, found.times)).collect::<Vec<_>>(),
        [(2, (0, SECOND)), (3, (7 * SECOND, 9 * SECOND))]
    );
    // What lies between two windows for which it holds belongs to their burst.
    let text = of_two("  type: event_count\n  rules: [a, b]\n  timespan: 10s\n  condition: {gte: 1, lte: 1}");
    let lines = [Line::at(0, &[("a", "y")]), Line::at(9, &[("b", "y")]), Line::at(20, &[("b", "y")])];
    let found = found_in(&text, &lines);
    assert_eq!(found.iter().map(|found| found.events).collect::<Vec<_>>(), [1, 1]);
}

fn found_in(text: &str, lines: &[Line]) -> Vec<Found> {
    found(&correlate(&rules(text), lines, Duration::ZERO))
}

#[test]
fn an_event_of_two_rules_is_one_event() {
    let both = Line::at(0, &[("a", "y"), ("b", "y"), ("n", "3")]);
    let of = |kind, condition| of_two(&format!("  type: {kind}\n  rules: [a, b]\n  timespan: 5s\n  {condition}"));
    assert_eq!(found_in(&of("event_count", "condition: {gte: 2}"), std::slice::from_ref(&both)), []);
    assert_eq!(found_in(&of("event_count", "condition: {gte: 2}"), &[both.clone(), both.clone()])[0].events, 2);
    assert_eq!(found_in(&of("value_sum", "condition: {field: n, gt: 3}"), std::slice::from_ref(&both)), []);
    assert_eq!(found_in(&of("temporal", ""), std::slice::from_ref(&both))[0].events, 1);
    // It does not come before itself, but another one of the same time may.
    assert_eq!(found_in(&of("temporal_ordered", ""), std::slice::from_ref(&both)), []);
    assert_eq!(found_in(&of("temporal_ordered", ""), &[both.clone(), both]).len(), 1);
}

#[test]
fn long_spans_and_the_ends_of_time_do_no_harm() {
    const YEAR: i64 = 31_556_952 * SECOND;
    assert_eq!(at(&twice("1y"), &[0, YEAR]).len(), 1);
    assert_eq!(at(&twice("1y"), &[0, YEAR + 1]), []);
    assert_eq!(at(&twice("292y"), &[i64::MIN, i64::MAX]), []);
    assert_eq!(at(&twice("1s"), &[i64::MIN, i64::MIN + SECOND, 0, i64::MAX - SECOND, i64::MAX]).len(), 2);
    let ordered = of_two("  type: temporal_ordered\n  rules: [a, b]\n  timespan: 292y");
    let lines = |from, to| {
        let line = |time, name| Line { time, ..Line::at(0, &[(name, "y")]) };
        [line(from, "a"), line(to, "b")]
    };
    for (from, to, expected) in
        [(i64::MIN, i64::MIN + 5, 1), (i64::MAX - 5, i64::MAX, 1), (i64::MIN, i64::MAX, 0), (-5, 5, 1)]
    {
        for skew in [Duration::ZERO, Duration::from_secs(1), Duration::MAX] {
            let found = correlate(&rules(&ordered), &lines(from, to), skew).len();
            let expected = if skew == Duration::MAX { 1 } else { expected };
            assert_eq!(found, expected, "{from} to {to}, skew {skew:?}");
        }
    }
}

#[test]
fn clocks_that_differ_matter_only_between_machines() {
    let ordered = of_two("  type: temporal_ordered\n  rules: [a, b]\n  timespan: 5s");
    let line = |seconds, name, host| Line::at(seconds, &[(name, "y")]).host(host);
    let two = [line(0, "b", "db"), line(2, "a", "web")];
    let one = [line(0, "b", "web"), line(2, "a", "WEB")];
    let ask = |lines: &[Line], skew| correlate(&rules(&ordered), lines, Duration::from_secs(skew)).len();
    assert_eq!([ask(&two, 0), ask(&two, 1), ask(&two, 2)], [0, 0, 1]);
    assert_eq!([ask(&one, 0), ask(&one, 2)], [0, 0]);
    assert_eq!(ask(&[line(0, "a", "web"), line(7, "b", "web")], 2), 1, "windows are longer");
}

#[test]
fn the_machine_is_named_if_there_is_but_one() {
    let line = |seconds, host| Line::at(seconds, &[("a", "y")]).host(host);
    let lines = [line(0, "web"), line(8, "db"), line(9, "DB"), line(20, "db"), line(21, "web")];
    let hosts: Vec<String> = found_in(&twice("5s"), &lines).into_iter().map(|found| found.host).collect();
    // As the event has it with which the burst began.
    assert_eq!(hosts, ["", "DB"]);
}

#[test]
fn base_rules_are_silent_unless_it_is_said() {
    let lines = [Line::at(0, &[("a", "y")]), Line::at(1, &[("b", "y")])];
    let reported = |text: &str| -> Vec<String> {
        look(&rules(text), &lines).findings.iter().map(|finding| finding.rule.title.clone()).collect()
    };
    assert_eq!(reported(&twice("5s")), ["b"]);
    assert_eq!(reported(&twice("5s").replace("timespan: 5s", "timespan: 5s\n  generate: true")), ["a", "b"]);
    let another = "---\ntitle: d\ngenerate: true\ncorrelation: {type: event_count, rules: a, timespan: 1s, condition: {gte: 9}}\n";
    assert_eq!(reported(&(twice("5s") + another)), ["a", "b"], "it is enough that one of them says it");
}

#[test]
fn what_is_not_chosen_silences_nothing() {
    use sigma::{Loaded, Placeholders, Taxonomy};
    let other =
        "---\ntitle: d\nlevel: high\ncorrelation: {type: event_count, rules: b, timespan: 1s, condition: {gte: 1}}\n";
    let seen = |wanted: &[&str]| {
        let mut loaded = Loaded::default();
        loaded.add_text("rules.yml", &(twice("5s") + other), &Placeholders::default());
        loaded.choose(|info| wanted.contains(&info.title.as_str()));
        let rules = loaded.compile(&Taxonomy::shipped());
        let lines = [Line::at(0, &[("a", "y")]), Line::at(1, &[("a", "y")]), Line::at(2, &[("b", "y")])];
        let single = look(&rules, &lines).findings;
        let both =
            single.iter().chain(&correlate(&rules, &lines, Duration::ZERO)).map(|f| f.rule.title.clone()).collect();
        (both, rules.count())
    };
    let titles = |titles: &[&str]| -> Vec<String> { titles.iter().map(|title| (*title).to_owned()).collect() };
    assert_eq!(seen(&["c", "d"]), (titles(&["c", "d"]), 2));
    assert_eq!(seen(&["d"]), (titles(&["d"]), 1));
    assert_eq!(seen(&["a", "d"]), (titles(&["a", "a", "d"]), 2), "c, which nobody wants, keeps a silent");
    assert_eq!(seen(&["a"]), (titles(&["a", "a"]), 1));
}
