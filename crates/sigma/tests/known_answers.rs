//! What both paths must say of hand-made pairs of selection and record, after the text of Sigma's specification v2.1. The
//! property tests hold that the two paths agree; these hold that they are right.

// Helpers of tests are tests too; clippy sees that only within `#[test]`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{borrow::Cow, sync::Arc};

use event::{Detector, Event, LogSource, Piece, Position, Record, Seen, Slot, Value};
use sigma::{Loaded, Placeholders, Taxonomy, plain::Judge};

struct Fields(Vec<(&'static str, Value<'static>)>);

impl Record for Fields {
    fn source(&self) -> LogSource<'_> {
        LogSource { product: "windows", channel: "Security", provider: "Maker", event_id: 4688 }
    }

    fn host(&self) -> Cow<'_, str> {
        "host.example".into()
    }

    fn position(&self) -> Position {
        Position::Record(1)
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.0.iter().for_each(|(name, value)| visit(name, *value));
    }
}

/// Whether a detection (YAML in flow style, without its braces) is satisfied, by the detector and by the judge.
fn ask(detection: &str, fields: &[(&'static str, Value<'static>)]) -> (bool, bool) {
    ask_of("product: windows", detection, fields)
}

/// The same of a rule of another log source.
fn ask_of(logsource: &str, detection: &str, fields: &[(&'static str, Value<'static>)]) -> (bool, bool) {
    let text = format!("title: a\nlogsource: {{{logsource}}}\ndetection: {{{detection}}}\n");
    let placeholders = Placeholders::parse("hosts: [a.b, 'w*']").unwrap();
    let mut loaded = Loaded::default();
    loaded.add_text("rule.yml", &text, &placeholders);
    assert_eq!(loaded.refused, [], "{detection}");
    let taxonomy = Taxonomy::shipped();
    let rule = loaded.rules[0].clone();
    let mut detector = loaded.compile(&taxonomy).detector();
    let record = Fields(fields.to_vec());
    let class = detector.class(&record.source());
    let interest = detector.interest(class);
    let slot = |name: &str| interest.fields.iter().position(|field| field == name);
    let shown = fields.iter().filter_map(|(name, value)| Some((slot(name)? as Slot, *value)));
    let shown: Vec<(Slot, Value<'_>)> = shown.collect();
    let piece = Arc::new(Piece { path: "made".into() });
    let mut seen = Seen::default();
    if interest.wanted {
        let event = Event { piece: &piece, class, time: None, fields: &shown, text: true, record: &record };
        detector.look(&event, &mut seen);
    }
    (!seen.findings.is_empty(), Judge::default().matches(&rule, &taxonomy, &record))
}

/// Asks for the field `F` by one entry of a selection.
fn check(cases: &[(&str, Value<'static>, bool)]) {
    for (entry, value, expected) in cases {
        let answers = ask(&format!("sel: {{{entry}}}, condition: sel"), &[("F", *value), ("G", Value::Text("B"))]);
        assert_eq!(answers, (*expected, *expected), "{entry} on {value:?}: (detector, judge)");
    }
}

/// The provider of the record is none that the taxonomy names.
#[test]
fn a_field_of_the_taxonomy_may_stand_in_several_of_the_record_and_be_written_in_two_ways() {
    let fields = [
        ("NewProcessName", Text("C:\\a.exe")),
        ("MandatoryLabel", Text("S-1-16-16384")),
        ("SubjectUserSid", Text("S-1-5-18")),
        ("SubjectUserName", Text("JDoe")),
    ];
    for (entry, expected) in [
        ("Image|endswith: a.exe", true),
        ("NewProcessName|endswith: b.exe", false),
        ("IntegrityLevel: System", true),
        ("IntegrityLevel: S-1-16-16384", true),
        ("IntegrityLevel: High", false),
        ("User|contains: AUTHORI", true),
        ("User: S-1-5-18", true),
        ("User|contains: jdoe", true),
        ("User|contains: other", false),
        ("User|exists: true", true),
        ("User|exists: false", false),
        ("User: null", false),
        ("User|fieldref: SubjectUserName", true),
        ("SubjectUserSid|fieldref: User", true),
        ("User|neq: jdoe", false),
        ("User|neq: other", true),
    ] {
        let rule = format!("sel: {{{entry}}}, condition: sel");
        let answers = ask_of("category: process_creation, product: windows", &rule, &fields);
        assert_eq!(answers, (expected, expected), "{entry}: (detector, judge)");
    }
    for (entry, expected) in [("User: null", true), ("User|exists: false", true), ("User|contains: a", false)] {
        let rule = format!("sel: {{{entry}}}, other: {{Image: a}}, condition: sel and other");
        let answers = ask_of("category: process_creation, product: windows", &rule, &[("NewProcessName", Text("a"))]);
        assert_eq!(answers, (expected, expected), "{entry} of nothing: (detector, judge)");
    }
}

#[test]
fn what_every_record_would_satisfy_is_refused() {
    for detection in ["sel: {}", "sel: [{}]", "sel: [{A: b}, {}]"] {
        let mut loaded = Loaded::default();
        let text = format!("title: a\nlogsource: {{product: windows}}\ndetection:\n  {detection}\n  condition: sel\n");
        loaded.add_text("rule.yml", &text, &Placeholders::default());
        assert_eq!(loaded.rules.len(), 0, "{detection}");
        assert_eq!(loaded.refused[0].line, 4);
        assert!(loaded.refused[0].reason.contains("empty mapping"), "{:?}", loaded.refused);
    }
}

use Value::{Hex, Int, Null, Text, UInt};

#[test]
fn texts_are_compared_whatever_their_case_unless_cased() {
    check(&[
        ("F: kiwi", Text("\u{212a}IWI"), true),
        ("F: set", Text("\u{17f}et"), true),
        ("F: stra\u{df}e", Text("STRA\u{1e9e}E"), true),
        ("F: strasse", Text("stra\u{df}e"), false),
        ("F: i", Text("\u{130}"), false),
        ("F: \u{3c3}", Text("\u{3c2}"), true),
        ("F|cased: kiwi", Text("Kiwi"), false),
        ("F|contains|cased: iW", Text("kiWi"), true),
        ("F|contains|cased: iW", Text("kiwi"), false),
        ("F|startswith: ab", Text("ABc"), true),
        ("F|startswith: ab", Text("cab"), false),
        ("F|endswith: ab", Text("cAB"), true),
        ("F|endswith: ab", Text("abc"), false),
        ("F|contains|all: [ab, bc]", Text("ABC"), true),
        ("F|contains|all: [ab, bd]", Text("abc"), false),
    ]);
}

#[test]
fn wildcards_stand_for_what_they_say() {
    check(&[
        ("F: 'a?c'", Text("a\u{1f600}c"), true),
        ("F: 'a?c'", Text("ac"), false),
        ("F: 'a??c'", Text("abc"), false),
        ("F: 'a*c'", Text("ac"), true),
        ("F: 'a*c'", Text("a\nc"), true),
        (r"F: 'a\*c'", Text("a*c"), true),
        (r"F: 'a\*c'", Text("abc"), false),
        (r"F: 'a\\*c'", Text(r"a\bc"), true),
        (r"F: 'a\\c'", Text(r"a\c"), true),
        (r"F: 'a\c'", Text(r"a\c"), true),
        (r"F|contains: 'a\?'", Text("xa?x"), true),
        ("F|contains: 'a*b?c'", Text("xxA--bxCxx"), true),
    ]);
}

#[test]
fn null_empty_and_absent_are_told_apart() {
    check(&[
        ("F: null", Null, true),
        ("F: null", Text(""), false),
        ("F: ''", Text(""), true),
        ("F: ''", Null, true),
        ("H: null", Text("x"), true),
        ("H: ''", Text("x"), false),
        ("F: '*'", Text(""), true),
        ("F|exists: true", Null, true),
        ("F|exists: false", Null, false),
        ("H|exists: false", Null, true),
        ("F: [null, a]", Text("A"), true),
    ]);
}

#[test]
fn numbers_are_compared_by_value() {
    check(&[
        ("F: 16", UInt(16), true),
        ("F: 16", Hex(16), false),
        ("F: '0x10'", Hex(16), true),
        ("F|gte: 16", Hex(16), true),
        ("F|gt: 16", Hex(16), false),
        ("F|gte: 5", Int(5), true),
        ("F|gt: 5", Int(5), false),
        ("F|lte: 5", Text("5.0"), true),
        ("F|lt: 5", Text("5"), false),
        ("F|lt: 0", Int(-1), true),
        ("F|gt: 9007199254740992", UInt(9_007_199_254_740_993), true),
        ("F|gt: [9007199254740992.0, 9007199254740992]", UInt(9_007_199_254_740_993), true),
    ]);
}

#[test]
fn regular_expressions_are_those_of_rules() {
    check(&[
        (r"F|re: 'a\<b\>'", Text("a<b>"), true),
        (r"F|re: '\<b'", Text("a b"), false),
        (r"F|re: '[\<]b'", Text("<b"), true),
        (r"F|re: 'a\\<b'", Text(r"a\<b"), true),
        (r"F|re: 'a\\<b'", Text("a<b"), false),
    ]);
}

#[test]
fn names_of_search_identifiers_may_be_of_any_script() {
    for (detection, expected) in [
        ("prüfung: {F: a}, condition: prüfung", true),
        ("검사_a: {F: a}, 검사_b: {F: b}, condition: all of 검사_*", false),
    ] {
        assert_eq!(ask(detection, &[("F", Text("A"))]), (expected, expected), "{detection}");
    }
}

#[test]
fn addresses_networks_and_moments() {
    check(&[
        ("F|cidr: 10.1.0.0/16", Text("10.1.255.255"), true),
        ("F|cidr: 10.1.0.0/16", Text("10.0.255.255"), false),
        ("F|cidr: 10.1.0.0/16", Text("::ffff:10.1.0.1"), true),
        ("F|cidr: '::ffff:10.0.0.0/104'", Text("10.1.0.1"), true),
        ("F|cidr: '::/0'", Text("::ffff:10.1.0.1"), true),
        ("F|cidr: '::/0'", Text("10.1.0.1"), false),
        ("F|cidr: 'fe80::/10'", Text("FEBF::1"), true),
        ("F|cidr: 'fe80::/10'", Text("fec0::1"), false),
        ("F|minute: 59", Text("2020-12-31T12:59:00+02:00"), true),
        ("F|hour: 10", Text("2020-12-31T12:59:00+02:00"), true),
        ("F|day|lte: 30", Text("2020-12-31T12:59:00Z"), false),
        ("F|week: 53", Text("2020-12-31T12:59:00Z"), true),
        ("F|month|gt: 11", Text("2020-12-31 12:59:00"), true),
        ("F|year|lt: 2020", Text("2020-12-31 12:59:00"), false),
    ]);
}

#[test]
fn encodings_dashes_expressions_and_placeholders() {
    check(&[
        ("F|base64: kiwi", Text("a2l3aQ=="), true),
        ("F|base64offset|contains: foobar", Text("eGZvb2Jhcg=="), true),
        ("F|base64offset|contains: foobar", Text("eHhmb29iYXI="), true),
        ("F|base64offset|contains: foobar", Text("eHhmb29YYXI="), false),
        ("F|wide|base64offset|contains: ab", Text("eGEAYgA="), true),
        ("F|utf16le|base64: a", Text("YQA="), true),
        ("F|utf16be|base64: a", Text("AGE="), true),
        ("F|utf16|base64: a", Text("//5hAA=="), true),
        ("F|windash|contains: ' -x'", Text("p /X"), true),
        ("F|windash|contains: ' -x'", Text("p \u{2013}x"), true),
        ("F|windash|contains: ' -x'", Text("p \u{2014}x"), true),
        ("F|windash|contains: ' -x'", Text("p \u{2015}x"), true),
        ("F|windash|contains: ' -x'", Text("p x"), false),
        ("F|windash|contains: 'a-x'", Text("a/x"), false),
        ("F|re: 'a.c'", Text("xabcx"), true),
        ("F|re: 'a.c'", Text("ABC"), false),
        ("F|re|i: 'a.c'", Text("ABC"), true),
        ("F|re: 'a.c'", Text("a\nc"), false),
        ("F|re|s: 'a.c'", Text("a\nc"), true),
        ("F|re: '^c'", Text("a\nc"), false),
        ("F|re|m: '^c'", Text("a\nc"), true),
        ("F|re: '(?:mimi)?k[ab]tz'", Text("kbtz"), true),
        ("F|expand: '%hosts%'", Text("windows"), true),
        ("F|expand: '%hosts%'", Text("axb"), false),
        ("F|fieldref: G", Text("b"), true),
        ("F|fieldref|cased: G", Text("b"), false),
        ("F|fieldref|startswith: G", Text("bc"), true),
        ("F|fieldref|endswith: G", Text("bc"), false),
        ("F|fieldref|endswith: G", Text("cb"), true),
        ("F|fieldref|contains: G", Text("abc"), true),
        ("F|fieldref: H", Text(""), false),
    ]);
}

#[test]
fn neq_is_true_where_no_value_is_so() {
    let two = |a, b| [("F", Text(a)), ("F", Text(b))];
    for (entry, fields, expected) in [
        ("F|neq: a", two("b", "c"), true),
        ("F|neq: a", two("a", "c"), false),
        ("F|neq: [a, c]", two("b", "c"), false),
        ("H|neq: a", two("b", "c"), true),
        ("F|contains|all: [a, b]", two("a", "b"), true),
    ] {
        let answers = ask(&format!("sel: {{{entry}}}, condition: sel"), &fields);
        assert_eq!(answers, (expected, expected), "{entry} on {fields:?}: (detector, judge)");
    }
}

#[test]
fn conditions_join_what_they_name() {
    let detection = "sel_a: {F: a}, sel_b: [{F: b}, {G: b}], words: [kiwi, 'x?z'], _hidden: {F: '*'}";
    for (condition, f, g, expected) in [
        ("1 of sel_*", "x", "b", true),
        ("all of sel_*", "x", "b", false),
        ("all of sel_*", "a", "b", true),
        ("1 of them", "x", "x", false),
        ("any of them", "--xyz--", "x", true),
        ("all of them", "a", "b", false),
        ("1 of _*", "x", "x", true),
        ("not sel_a and sel_b", "x", "b", true),
        ("not (sel_a or sel_b)", "x", "b", false),
        ("sel_a or sel_b and words", "a", "x", true),
        ("(sel_a or sel_b) and words", "a", "x", false),
        ("words", "x", "a Kiwi", true),
        ("not words", "x", "a Kiwi", false),
    ] {
        let answers = ask(&format!("{detection}, condition: {condition}"), &[("F", Text(f)), ("G", Text(g))]);
        assert_eq!(answers, (expected, expected), "{condition} on {f}, {g}: (detector, judge)");
    }
}

#[test]
fn what_the_log_source_decides_is_decided_right() {
    let fields = [("EventID", UInt(4688)), ("Provider_Name", Text("Maker"))];
    for (entry, expected) in [
        ("EventID: 4688", true),
        ("EventID: [1, 4688]", true),
        ("EventID: 4", false),
        ("EventID: 46", false),
        ("EventID|contains: 68", true),
        ("EventID|lt: 4689", true),
        ("Provider_Name: MAKER", true),
        ("Provider_Name|cased: MAKER", false),
        ("Provider_Name: Mak", false),
    ] {
        let answers = ask(&format!("sel: {{{entry}}}, condition: sel"), &fields);
        assert_eq!(answers, (expected, expected), "{entry}: (detector, judge)");
        let answers = ask(&format!("sel: {{{entry}}}, condition: not sel"), &fields);
        assert_eq!(answers, (!expected, !expected), "not {entry}: (detector, judge)");
    }
}

/// What a detector remembers of one value is not taken for the answer about another of the same bytes.
#[test]
fn values_of_the_same_bytes_are_told_apart_by_their_kind() {
    const TEN: [u8; 16] = [0x31, 0, 0x36, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let values = [
        (Text("16"), "16"),
        (Value::Utf16(b"16"), "\u{3631}"),
        (Value::Bytes(b"16"), "3136"),
        (UInt(16), "16"),
        (Hex(16), "0x10"),
        (Int(16), "16"),
        (Int(-1), "-1"),
        (UInt(u64::MAX), "18446744073709551615"),
        (Hex(u64::MAX), "0xffffffffffffffff"),
        (Value::Bool(true), "true"),
        (UInt(1), "1"),
        (Hex(1), "0x1"),
        (Value::Bytes(&TEN), "31003600000000000000000000000000"),
        (Value::Guid(&TEN), "{00360031-0000-0000-0000-000000000000}"),
        (Value::Utf16(&TEN), "16\0\0\0\0\0\0"),
        (Value::Sid(&TEN), "S-49-59373627899904-0-0"),
    ];
    for (wanted, text) in values {
        assert_eq!(wanted.text(), text);
        let text = text.replace('\0', "\\0");
        let rule = format!(
            "title: a\nlogsource: {{product: windows}}\ndetection: {{sel: {{F: \"{text}\"}}, condition: sel}}\n"
        );
        let mut loaded = Loaded::default();
        loaded.add_text("rule.yml", &rule, &Placeholders::default());
        assert_eq!(loaded.refused, []);
        let mut detector = loaded.compile(&Taxonomy::shipped()).detector();
        let piece = Arc::new(Piece { path: "made".into() });
        // Twice, so that everything is remembered the second time; and backwards, so that everything comes first once.
        for (value, _) in values.iter().chain(values.iter().rev()).chain(&values) {
            let record = Fields(vec![("F", *value)]);
            let class = detector.class(&record.source());
            let mut seen = Seen::default();
            let fields = [(0, *value)];
            let event = Event { piece: &piece, class, time: None, fields: &fields, text: false, record: &record };
            detector.look(&event, &mut seen);
            assert_eq!(!seen.findings.is_empty(), value.text() == wanted.text(), "{text:?} on {value:?}");
        }
    }
}
