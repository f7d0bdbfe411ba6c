//! The fast path of indicators equals the slow one: what is found where records are ruled out by raw bytes is what is found where every value of
//! every record is looked at. The indicators are taken from the evidence itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;

use std::{
    collections::BTreeSet,
    io,
    path::Path,
    sync::{Arc, Mutex},
};

use event::{
    Class, Detector, Encoding, Event, Everything, Finding, Interest, LogSource, Nothing, Piece, RuleInfo, Seen,
    TextGroup,
};
use evidence::{
    Auditd, Clock, Evtx, Format, History, JournalExport, JournalJson, Json, Limits, Output, PieceTally, Progress, Scan,
    Sink, SshdErrors, Syslog, Utmp, W3c, Web, Xml,
};
use intel::{Indicated, Intel, Loader};

/// Rules nothing out by raw bytes.
struct Slow<D>(D);

impl<D: Detector> Detector for Slow<D> {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        self.0.class(source)
    }

    fn interest(&self, class: Class) -> Arc<Interest> {
        self.0.interest(class)
    }

    fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
        false
    }

    fn look(&mut self, event: &Event<'_>, seen: &mut Seen) {
        self.0.look(event, seen);
    }
}

/// Keeps the words of an event's values that may be indicators.
fn keep_words(event: &Event<'_>, words: &mut BTreeSet<String>) {
    event.record.visit_text(&mut |value| {
        let text = value.text();
        let parts = text.split(|c: char| c.is_whitespace() || "\"'=<>()[]{},;|".contains(c));
        let may_be = |part: &&str| part.len() <= 200 && (part.contains(['.', ':']) || part.len() >= 32);
        words.extend(
            parts.filter(may_be).flat_map(|part| [part, part.rsplit(['/', '\\']).next().unwrap()]).map(str::to_owned),
        );
    });
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Sink for Findings {
    fn begin(&mut self, _: &Arc<Piece>, _: &'static str) -> io::Result<()> {
        Ok(())
    }

    fn output(&mut self, _: &Arc<Piece>, output: Output) -> io::Result<()> {
        self.0.extend(output.seen.findings);
        Ok(())
    }

    fn end(&mut self, _: &PieceTally) -> io::Result<()> {
        Ok(())
    }
}

fn formats() -> Vec<Box<dyn Format>> {
    let mut formats: Vec<Box<dyn Format>> = vec![
        Box::new(Evtx),
        Box::new(Xml),
        Box::new(Auditd),
        Box::new(JournalJson),
        Box::new(JournalExport),
        Box::new(W3c::default()),
        Box::new(Web::default()),
        Box::new(Json),
        Box::new(Syslog::new(Clock::default())),
        Box::new(SshdErrors::default()),
    ];
    formats.extend(Utmp::all().map(|utmp| Box::new(utmp) as Box<dyn Format>));
    formats.extend(History::ALL.map(|history| Box::new(history) as Box<dyn Format>));
    formats
}

fn scan<D: Detector>(path: &Path, detector: impl Fn() -> D + Sync) -> Vec<Finding> {
    let (formats, progress, mut findings) = (formats(), Progress::default(), Findings::default());
    let scan = Scan {
        formats: &formats,
        limits: Limits::default(),
        no_evidence: &[],
        hash: false,
        threads: 2,
        progress: &progress,
    };
    scan.run(&[path.to_owned()], detector, &mut findings).unwrap();
    findings.0
}

/// Compares both paths over a folder with every so manieth word of it as an indicator; how many findings there are.
fn compare(path: &Path, step: usize) -> usize {
    let words = Mutex::default();
    scan(path, || Everything(|event: &Event<'_>| keep_words(event, &mut words.lock().unwrap())));
    let mut loader = Loader::default();
    for (at, word) in words.into_inner().unwrap().iter().enumerate() {
        if at % step == 0 && !word.contains(['\n', '\r']) {
            loader.add("words", &mut word.as_bytes()).unwrap_or_default();
        }
    }
    let intel = Intel::new(loader.finish().indicators);
    let all = |_: &RuleInfo| true;
    let fast = scan(path, || Indicated::new(Nothing, &intel, &all));
    let slow = scan(path, || Slow(Indicated::new(Nothing, &intel, &all)));
    let shown = |finding: &Finding| format!("{} {:?} {:?}", finding.rule.id, finding.place, finding.matched);
    let (fast, slow): (Vec<String>, Vec<String>) = (fast.iter().map(shown).collect(), slow.iter().map(shown).collect());
    let other = slow.iter().zip(&fast).find(|(slow, fast)| slow != fast);
    assert_eq!(other, None, "of {} found slowly and {} found fast, the first that differ", slow.len(), fast.len());
    assert_eq!(fast.len(), slow.len());
    fast.len()
}

#[test]
fn over_our_recordings() {
    let found = compare(&common::root().join("tests/recordings"), 5);
    assert!(found > 1000, "{found}");
    let found = compare(&common::root().join("examples/shipyard"), 5);
    assert!(found > 100, "{found}");
}

#[test]
fn over_public_recordings() {
    for (folder, step) in [("evtx/ordinary", 29), ("sigma-regression", 3), ("crowdsec", 7)] {
        let Some(path) = common::shared(&format!("corpus/{folder}")) else { continue };
        let found = compare(&path, step);
        assert!(found > 100, "{folder}: {found}");
    }
}
