//! How linking grows with the number of findings: `cargo run --release -p incident --example grow [N…]`. Prints, for made-up findings of a network in
//! which people work and now and then somebody breaks in, how long it takes, how much that is for each finding, and the process's memory.

use std::{borrow::Cow, sync::Arc, time::Instant};

use event::{
    Finding, Level, LogSource, Matched, Observations, Piece, Place, Position, Record, RuleInfo, Time, Value, Values,
};
use incident::{Limits, Linker, TRACES};

struct Made<'a> {
    host: &'a str,
    number: u64,
}

impl Record for Made<'_> {
    fn source(&self) -> LogSource<'_> {
        let (channel, provider) = ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon");
        LogSource { product: "windows", channel, provider, event_id: 1 + 2 * (self.number % 7) as u32 }
    }
    fn host(&self) -> Cow<'_, str> {
        self.host.into()
    }
    fn position(&self) -> Position {
        Position::Record(self.number)
    }
    fn visit(&self, _: &mut dyn FnMut(&str, Value<'_>)) {}
}

fn main() {
    let wanted: Vec<usize> = std::env::args().skip(1).filter_map(|number| number.parse().ok()).collect();
    let sizes = if wanted.is_empty() { vec![1_000, 10_000, 100_000, 1_000_000] } else { wanted };
    for size in sizes {
        run(size);
    }
}

fn run(size: usize) {
    let rules: Vec<Arc<RuleInfo>> = (0..200).map(rule).collect();
    let mut linker = Linker::new(Limits { findings: size, ..Limits::default() });
    let mut random = 1u64;
    let mut next = move |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let piece = Arc::new(Piece { path: "made".into() });
    let hosts = (size as u64 / 500).max(4);
    let mut traces = Observations::default();
    let mut findings = Vec::with_capacity(size);
    for number in 0..size as u64 {
        let (host, process) = (format!("ws-{}", next(hosts)), next(size as u64 / 8 + 1));
        let time = Time::from_nanos((1_795_000_000 + number as i64 * 5) * 1_000_000_000);
        let guid = |process: u64| format!("{{a1f3c071-0000-0000-0000-{process:012x}}}");
        let image = format!(r"C:\Users\u{}\tool{}.exe", process % 50, process % 400);
        if number % 8 == 0 {
            let values =
                [&host, "0", &image, "", &guid(process), "", &guid(process / 3), "", &image, "anna", "0x5af31"];
            let mut packed = Vec::new();
            values.iter().for_each(|value| Values::pack(Some(value), &mut packed));
            traces.push_packed(Some(time), TRACES, Position::Record(number), Values::packed(&packed));
        }
        let place = Place { piece: Arc::clone(&piece), position: Position::Record(number) };
        let Some(rule) = rules.get(next(rules.len() as u64) as usize) else { continue };
        let mut finding = Finding::new(rule, Some(time), place, &Made { host: &host, number }, Vec::new());
        let fields = [
            ("ProcessGuid", guid(process)),
            ("Image", image),
            ("CommandLine", format!("tool --number {process} --for {}", next(1000))),
            ("User", format!(r"YARD\user{}", next(60))),
            ("LogonId", format!("{:#x}", 0x50000 + next(hosts * 4))),
            ("DestinationIp", format!("198.51.{}.{}", next(100), next(250))),
            ("TargetFilename", format!(r"C:\Users\u\file{}.dll", next(size as u64))),
        ];
        finding.context = fields.map(|(field, value)| Matched { field: field.into(), value }).into();
        findings.push(finding);
    }
    let start = Instant::now();
    traces.iter().for_each(|trace| linker.observe(&piece, &trace));
    findings.into_iter().for_each(|finding| linker.finding(finding));
    let incidents = linker.incidents(&[], 2);
    let took = start.elapsed();
    let each = took.as_nanos() / size.max(1) as u128;
    let (found, single) = (incidents.incidents.len(), incidents.single.len());
    println!("{size:>8} findings: {took:>8.2?}, {each:>6} ns each; {found} incidents, {single} single; {}", memory());
}

fn rule(number: usize) -> Arc<RuleInfo> {
    let level = Level::ALL.get(number % Level::ALL.len()).copied().unwrap_or(Level::Low);
    let tactic = ["execution", "persistence", "discovery", "collection"].get(number % 4).copied().unwrap_or_default();
    Arc::new(RuleInfo {
        id: format!("rule-{number}"),
        title: format!("Rule number {number}"),
        path: String::new(),
        level,
        status: String::new(),
        description: String::new(),
        author: String::new(),
        tags: vec![format!("attack.{tactic}"), "attack.t1059.001".into()],
        false_positives: Vec::new(),
    })
}

/// The most memory that the process has had, where the system tells.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or(" unknown");
    format!("at most{}", peak.split_whitespace().fold(String::new(), |text, word| text + " " + word))
}
