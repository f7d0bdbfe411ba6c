//! What cannot be honoured is refused with its line and reason, and the rest goes on.

use std::time::Duration;

use sigma::{Loaded, Placeholders, Refused, Taxonomy};

use crate::log::{Line, correlate};

const GOOD: &str = "title: a
name: a
id: id-of-a
logsource: {product: windows}
detection: {sel: {a: y}, condition: sel}
---
title: good
name: good
correlation: {type: event_count, rules: a, timespan: 1s, condition: {gte: 1}}
";

/// What is refused of the good rules and others, which begin on line 11. The good ones must work all the same.
fn refused(others: &str) -> Vec<Refused> {
    let mut loaded = Loaded::default();
    loaded.add_text("rules.yml", &format!("{GOOD}---\n{others}"), &Placeholders::default());
    let rules = loaded.compile(&Taxonomy::shipped());
    let findings = correlate(&rules, &[Line::at(0, &[("a", "y")])], Duration::ZERO);
    assert!(findings.iter().any(|finding| finding.rule.title == "good"), "{others}");
    loaded.refused.sort();
    loaded.refused
}

/// A correlation with this section, in flow style, is refused for this reason.
fn is_refused(section: &str, reason: &str) {
    let refused = refused(&format!("title: bad\ncorrelation: {{{section}}}\n"));
    assert_eq!(refused.len(), 1, "{section}: {refused:?}");
    assert_eq!(refused[0].path, "rules.yml");
    assert!((11..=12).contains(&refused[0].line), "{section}: line {}", refused[0].line);
    assert!(refused[0].reason.contains(reason), "{section}: {}", refused[0].reason);
}

#[test]
fn sections_that_are_wrong() {
    let count = "type: event_count, rules: a, timespan: 1s";
    for (section, reason) in [
        ("rules: a, timespan: 1s", "has no type"),
        (
            "type: event_cuont, rules: a, timespan: 1s",
            "unknown type of correlation 'event_cuont'; known are: event_count",
        ),
        ("type: event_count, timespan: 1s", "names no rules"),
        ("type: event_count, rules: [], timespan: 1s", "names no rules"),
        ("type: event_count, rules: [[a]], timespan: 1s", "rules takes a name or a list of names"),
        ("type: event_count, rules: [a, a], timespan: 1s", "names the rule 'a' twice"),
        (
            "type: event_count, rules: [a, id-of-a], timespan: 1s, condition: {gte: 1}",
            "twice, by its id and by its name",
        ),
        (
            "type: event_count, rules: b, timespan: 1s, condition: {gte: 1}",
            "names 'b', and no rule that was loaded has that",
        ),
        ("type: event_count, rules: a, condition: {gte: 1}", "has no timespan"),
        ("type: event_count, rules: a, timespan: 1s", "event_count needs a condition"),
        (&format!("{count}, condition: {{}}"), "compares with no number"),
        (&format!("{count}, condition: 5"), "only a temporal correlation can have an expression"),
        (&format!("{count}, condition: {{over: 5}}"), "'over' is not a comparison"),
        (&format!("{count}, condition: {{gte: five}}"), "gte takes a number"),
        (&format!("{count}, condition: {{gte: [1, 2]}}"), "gte takes a number"),
        (&format!("{count}, condition: {{field: x, gte: 1}}"), "event_count takes no field"),
        (&format!("{count}, condition: {{gte: 1}}, groupby: x"), "unknown key 'groupby'"),
        (&format!("{count}, condition: {{gte: 1}}, group-by: {{x: y}}"), "group-by takes a name"),
        (&format!("{count}, condition: {{gte: 1}}, generate: perhaps"), "generate is true or false"),
        (&format!("{count}, condition: {{gte: 1}}, aliases: x"), "aliases maps"),
        (&format!("{count}, condition: {{gte: 1}}, aliases: {{x: y}}"), "an alias maps"),
        (&format!("{count}, condition: {{gte: 1}}, aliases: {{x: {{a: [y]}}}}"), "has no field for 'a'"),
        (
            &format!("{count}, condition: {{gte: 1}}, aliases: {{x: {{b: y}}}}"),
            "the alias 'x' names 'b', which is not among",
        ),
        ("type: value_count, rules: a, timespan: 1s, condition: {gte: 1}", "value_count needs a field"),
        ("type: value_sum, rules: a, timespan: 1s, condition: {gte: 1}", "value_sum needs one field"),
        ("type: value_avg, rules: a, timespan: 1s, condition: {field: [x, y], gte: 1}", "value_avg needs one field"),
        (
            "type: value_sum, rules: a, timespan: 1s, condition: {field: x, percentile: 5, gte: 1}",
            "value_sum takes no percentile",
        ),
        (
            "type: value_percentile, rules: a, timespan: 1s, condition: {field: x, percentile: 101, gte: 1}",
            "from 0 to 100",
        ),
        (
            "type: value_percentile, rules: a, timespan: 1s, condition: {field: x, percentile: -1, gte: 1}",
            "from 0 to 100",
        ),
        ("type: temporal, rules: a, timespan: 1s, condition: a and b", "names 'b', which is not among"),
        ("type: temporal, rules: a, timespan: 1s, condition: a and (", ""),
        ("type: temporal_ordered, rules: a, timespan: 1s, condition: a", "only a temporal correlation"),
    ] {
        is_refused(section, reason);
    }
}

#[test]
fn timespans_that_are_none() {
    for timespan in ["5", "s", "-5s", "0s", "1h30m", "5 x", "1.5h", "99999999999999999999s", "300y", "5S", "''", "[1s]"]
    {
        let section = format!("type: event_count, rules: a, timespan: {timespan}, condition: {{gte: 1}}");
        is_refused(&section, "is not a timespan");
    }
}

#[test]
fn too_many_rules() {
    let names = |count: usize| (0..count).map(|rule| format!("r{rule}")).collect::<Vec<_>>().join(", ");
    is_refused(&format!("type: temporal, rules: [{}], timespan: 1s", names(251)), "names more than 250 rules");
    is_refused(&format!("type: temporal_ordered, rules: [{}], timespan: 1s", names(33)), "names more than 32 rules");
}

fn names(name: &str, named: &str) -> String {
    format!(
        "title: {name}\nname: {name}\ncorrelation: {{type: event_count, rules: {named}, timespan: 1s, condition: {{gte: 1}}}}\n"
    )
}

#[test]
fn circles() {
    let one = refused(&names("x", "x"));
    assert_eq!((one.len(), one[0].line, one[0].reason.as_str()), (1, 11, "the correlation names itself"));
    for others in [vec![("x", "y"), ("y", "x")], vec![("x", "y"), ("y", "z"), ("z", "x"), ("above", "x")]] {
        let documents: Vec<String> = others.iter().map(|(name, named)| names(name, named)).collect();
        let all = refused(&documents.join("---\n"));
        assert_eq!(all.len(), others.len(), "{all:?}");
        assert!(all.iter().all(|refused| refused.reason.contains("they stand in a circle")), "{all:?}");
        assert_eq!(all.iter().map(|refused| refused.line).collect::<Vec<_>>()[..2], [11, 15]);
    }
}

#[test]
fn names_that_several_rules_have() {
    let twin = "title: twin\nname: twin\nlogsource: {product: windows}\ndetection: {sel: {a: y}, condition: sel}\n";
    let all = refused(&format!("{twin}---\n{twin}---\n{}", names("x", "twin")));
    assert_eq!((all.len(), all[0].reason.as_str()), (1, "the correlation names 'twin', and 2 rules have that name"));
    // A file's own rule is meant before those of others.
    let mut loaded = Loaded::default();
    loaded.add_text("other.yml", twin, &Placeholders::default());
    loaded.add_text("mine.yml", &format!("{twin}---\n{}", names("x", "twin")), &Placeholders::default());
    loaded.compile(&Taxonomy::shipped());
    assert_eq!(loaded.refused, []);
}

#[test]
fn chains_that_are_too_deep_in_whatever_order() {
    let link = |at: usize| names(&format!("c{at}"), &if at == 0 { "a".to_owned() } else { format!("c{}", at - 1) });
    let upwards: Vec<String> = (0..100).map(link).collect();
    let downwards: Vec<String> = (0..100).rev().map(link).collect();
    for documents in [upwards, downwards] {
        let all = refused(&documents.join("---\n"));
        assert_eq!(all.len(), 100 - 32);
        let too_deep = |refused: &&Refused| refused.reason.contains("more than 32 correlations name one another");
        assert_eq!(all.iter().filter(too_deep).count(), 100 - 32);
    }
}

#[test]
fn what_names_a_refused_one_is_refused_too() {
    let all = refused(&format!("{}---\n{}", names("x", "gone"), names("y", "x")));
    assert_eq!(all.len(), 2);
    assert!(all[0].reason.starts_with("the correlation names 'gone', and no rule"), "{all:?}");
    assert!(all[1].reason.starts_with("the correlation 'x', which it names, cannot be used: "), "{all:?}");
}
