//! Files of rules: any text loads or is refused, what loads compiles, and both paths agree on some fixed events.
#![no_main]

use std::{borrow::Cow, sync::Arc};

use event::{Detector, Event, LogSource, Piece, Position, Record, Seen, Slot, Value};
use libfuzzer_sys::fuzz_target;
use sigma::{Loaded, Placeholders, Suppression, Taxonomy, plain::Judge};

/// A record of Sysmon or of the security log.
struct Fixed(u32);

const FIELDS: [(&str, Value<'static>); 9] = [
    ("Image", Value::Text("C:\\Windows\\System32\\cmd.exe")),
    ("CommandLine", Value::Text("cmd.exe /c powershell -enc SQBFAFgA")),
    ("NewProcessName", Value::Utf16(b"C\0:\0\\\0K\0i\0w\0i\0")),
    ("ParentImage", Value::Text("")),
    ("User", Value::Null),
    ("IpAddress", Value::Text("::ffff:10.1.2.3")),
    ("LogonType", Value::UInt(3)),
    ("SystemTime", Value::Text("2026-01-01T23:59:30Z")),
    ("Data", Value::Hex(0x1f)),
];

impl Record for Fixed {
    fn source(&self) -> LogSource<'_> {
        let (channel, provider) = match self.0 {
            4688 => ("Security", "Microsoft-Windows-Security-Auditing"),
            _ => ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon"),
        };
        LogSource { product: "windows", channel, provider, event_id: self.0 }
    }

    fn host(&self) -> Cow<'_, str> {
        "host".into()
    }

    fn position(&self) -> Position {
        Position::Record(1)
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        FIELDS.iter().for_each(|(name, value)| visit(name, *value));
        visit("EventID", Value::UInt(self.0.into()));
        visit("Provider_Name", Value::Text(self.source().provider));
    }
}

thread_local!(static SHIPPED: Taxonomy = Taxonomy::shipped());

fuzz_target!(|data: &[u8]| SHIPPED.with(|taxonomy| load(data, taxonomy)));

fn load(data: &[u8], taxonomy: &Taxonomy) {
    let text = String::from_utf8_lossy(data);
    let _ = Suppression::parse(&text);
    let _ = Taxonomy::default().add(&text);
    let placeholders = Placeholders::parse(&text).unwrap_or_default();
    let mut loaded = Loaded::default();
    loaded.add_text("fuzz.yml", &text, &placeholders);
    loaded.apply_filters();
    let rules: Vec<_> =
        loaded.rules.iter().filter(|rule| taxonomy.entries_for(&rule.logsource).is_ok()).cloned().collect();
    let mut fast = loaded.compile(taxonomy).detector();
    let (judge, piece) = (Judge::default(), Arc::new(Piece { path: "fuzz".into() }));
    for record in [Fixed(1), Fixed(4688), Fixed(7)] {
        let class = fast.class(&record.source());
        let interest = fast.interest(class);
        let (mut fields, mut seen) = (Vec::new(), Seen::default());
        let provider = record.source().provider.to_owned();
        let always = [("EventID", Value::UInt(record.0.into())), ("Provider_Name", Value::Text(&provider))];
        for (name, value) in FIELDS.iter().chain(&always) {
            let slot = interest.fields.iter().position(|field| field == name);
            fields.extend(slot.map(|slot| (slot as Slot, *value)));
        }
        if interest.wanted {
            let event = Event { piece: &piece, class, time: None, fields: &fields, text: true, record: &record };
            fast.look(&event, &mut seen);
        }
        let found: Vec<_> = seen.findings.iter().map(|finding| &finding.rule).collect();
        let judged: Vec<_> =
            rules.iter().filter(|rule| judge.matches(rule, taxonomy, &record)).map(|rule| &rule.info).collect();
        assert_eq!(found, judged, "the detector (left) and the judge (right) differ");
    }
}
