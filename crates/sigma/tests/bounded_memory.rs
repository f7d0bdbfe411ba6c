//! What a detector remembers of values is bounded, however many different ones it is shown.

#![cfg(target_os = "linux")]
// Helpers of tests are tests too; clippy sees that only within `#[test]`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{borrow::Cow, sync::Arc};

use event::{Detector, Event, LogSource, Piece, Position, Record, Seen, Slot, Value};
use sigma::{Loaded, Placeholders, Taxonomy};

struct Anything;

impl Record for Anything {
    fn source(&self) -> LogSource<'_> {
        LogSource { product: "windows", channel: "Security", provider: "", event_id: 1 }
    }

    fn host(&self) -> Cow<'_, str> {
        "host.example".into()
    }

    fn position(&self) -> Position {
        Position::Record(1)
    }

    fn visit(&self, _: &mut dyn FnMut(&str, Value<'_>)) {}
}

/// Memory that the process has in use, in bytes (proc(5), `statm`, second number: pages of 4 KiB at least).
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn memos_are_emptied_before_they_are_large() {
    const FIELDS: usize = 8;
    let selection: String = (0..FIELDS).map(|field| format!("    F{field}|contains: evil{field}\n")).collect();
    let rule = format!("title: a\nlogsource: {{product: windows}}\ndetection:\n  sel:\n{selection}  condition: sel\n");
    let mut loaded = Loaded::default();
    loaded.add_text("rule.yml", &rule, &Placeholders::default());
    let mut detector = loaded.compile(&Taxonomy::shipped()).detector();
    let piece = Arc::new(Piece { path: "made".into() });
    let class = detector.class(&Anything.source());
    let (mut seen, mut before) = (Seen::default(), 0);
    for number in 0..16_000 {
        if number == 4_000 {
            before = resident();
        }
        let texts: Vec<String> = (0..FIELDS).map(|field| format!("{number} {field} {}", "x".repeat(980))).collect();
        let fields: Vec<(Slot, Value<'_>)> = (0..).zip(texts.iter().map(|text| Value::Text(text))).collect();
        let event = Event { piece: &piece, class, time: None, fields: &fields, text: false, record: &Anything };
        detector.look(&event, &mut seen);
    }
    // Remembered, these values alone would be 94 MB.
    let grown = resident().saturating_sub(before);
    assert!(grown < 40 << 20, "grown by {grown} bytes");
    assert!(seen.findings.is_empty());
}
