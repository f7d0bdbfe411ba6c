//! How long loading and compiling rules takes: `cargo run --release -p sigma --example load_speed -- RULES…`
#![allow(clippy::expect_used)]

use std::{collections::HashSet, time::Instant};

use event::{Detector, LogSource};
use sigma::{Loaded, Placeholders, Taxonomy};

fn main() {
    let start = Instant::now();
    let mut loaded = Loaded::default();
    let paths: Vec<_> = std::env::args_os().skip(1).map(Into::into).collect();
    loaded.add_paths(&paths, &mut HashSet::new(), &Placeholders::default(), 2);
    println!("{:?} loaded {} refused {}", start.elapsed(), loaded.rules.len(), loaded.refused.len());
    for refused in &loaded.refused {
        println!("  {}:{} {}", refused.path, refused.line, refused.reason);
    }
    let rules = loaded.compile(&Taxonomy::shipped());
    println!("{:?} indexed, not applicable {}", start.elapsed(), loaded.not_applicable.len());
    let mut reasons = std::collections::BTreeMap::<String, usize>::new();
    loaded.not_applicable.iter().for_each(|other| *reasons.entry(other.reason.clone()).or_default() += 1);
    reasons.iter().for_each(|(reason, count)| println!("  {count} {reason}"));
    let mut detector = rules.detector();
    for (channel, provider, event_id) in [
        ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", 1),
        ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", 13),
        ("Security", "Microsoft-Windows-Security-Auditing", 4624),
        ("Other", "Other", 1),
    ] {
        let class = detector.class(&LogSource { product: "windows", channel, provider, event_id });
        let interest = detector.interest(class);
        println!("{:?} {channel} {event_id}: {:?} {:?}", start.elapsed(), interest.fields, interest.text);
    }
}
