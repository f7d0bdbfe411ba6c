//! The public recordings and rules in `../shared`, which are no part of the project: where they are absent, these tests
//! say so and prove nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
};

use common::{Place, lines, shared};
use event::{Class, Detector, Encoding, Event, Finding, Interest, LogSource, Piece, Seen, TextGroup};
use evidence::{Evtx, Format, Json, Limits, Output, PieceTally, Progress, Scan, Sink, Xml};
use serde_json::Value;
use sigma::{Loaded, Placeholders, Rule, Rules, SigmaDetector, Taxonomy, plain::Judge};

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn every_rule_of_sigmahq_loads() {
    let Some(rules) = shared("corpus/sigma") else { return };
    let run = Place::new().run(&["rules", "check", "--strict", &text(&rules)]);
    run.ends(0, &["3754 files: ", " 0 refused"]);
}

/// How often each rule fires on each piece of the two folders of event logs, with SigmaHQ's rules alone.
fn fired() -> Option<&'static HashMap<(String, String), u64>> {
    static FIRED: OnceLock<Option<HashMap<(String, String), u64>>> = OnceLock::new();
    let hunt = || {
        let (corpus, rules) = (shared("corpus")?, shared("corpus/sigma")?);
        let (evtx, proofs) = (text(&corpus.join("evtx")), text(&corpus.join("sigma-regression")));
        let mut fired = HashMap::new();
        for finding in Place::new().findings(&[&evtx, &proofs, "--rules", &text(&rules), "--no-shipped-rules"]) {
            let path = Path::new(finding["evidence"]["path"].as_str().unwrap()).strip_prefix(&corpus).unwrap();
            *fired.entry((text(path), finding["rule"]["id"].as_str().unwrap().to_owned())).or_default() += 1;
        }
        Some(fired)
    };
    FIRED.get_or_init(hunt).as_ref()
}

fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|other| other == extension) {
            found.push(path);
        }
    }
}

/// The count in this rule's info.yml is 1, but both records of its log set AutoShareWks or AutoShareServer to 0,
/// which is all that the rule asks for (docs/sigma-support.md).
const BOTH_RECORDS_SATISFY: (&str, u64) = ("c7dcacd0-cc59-4004-b0a4-1d6cdebe6f3e", 2);

/// What an info.yml says: the rule, and how often it fires, if that is given.
fn proof(info: &Path) -> (String, Option<u64>) {
    let info = fs::read_to_string(info).unwrap();
    let value = |key: &str| info.lines().filter_map(|line| line.trim().strip_prefix(key)).map(str::trim).next();
    (value("- id:").unwrap().to_owned(), value("match_count:").map(|count| count.parse().unwrap()))
}

#[test]
fn every_rule_fires_on_its_own_proof_as_often_as_it_says() {
    let (Some(corpus), Some(fired)) = (shared("corpus"), fired()) else { return };
    let mut infos = Vec::new();
    files(&corpus.join("sigma-regression"), "yml", &mut infos);
    assert_eq!(infos.len(), 104);
    let (mut wrong, mut counted) = (Vec::new(), 0);
    for info in infos {
        let (id, mut expected) = proof(&info);
        if id == BOTH_RECORDS_SATISFY.0 {
            expected = Some(BOTH_RECORDS_SATISFY.1);
        }
        counted += u64::from(expected.is_some());
        for extension in ["evtx", "json"] {
            let log = info.with_file_name(format!("{id}.{extension}"));
            assert!(log.exists(), "{}", log.display());
            let path = text(log.strip_prefix(&corpus).unwrap());
            let times = fired.get(&(path.clone(), id.clone())).copied().unwrap_or(0);
            if times == 0 || expected.is_some_and(|expected| expected != times) {
                wrong.push(format!("{path}: {times} times, expected {expected:?}"));
            }
        }
    }
    assert!(counted > 10, "no info.yml says how often");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Rules for Linux, which Chainsaw and RSigma try on Windows events, since they do not ask for the product; the events
/// say that they are of Windows (docs/sigma-support.md).
const FOR_LINUX: [(&str, usize); 2] =
    [("Potentially Suspicious Long Filename Pattern - Linux", 8), ("Shai-Hulud Malware Indicators - Linux", 1)];

#[test]
fn what_two_other_tools_find_we_find() {
    let (Some(list), Some(fired)) = (shared("expected/peers-agree.tsv"), fired()) else { return };
    let list = fs::read_to_string(list).unwrap();
    let (mut pairs, mut missed) = (0, BTreeMap::<&str, Vec<&str>>::new());
    for line in list.lines().skip(1) {
        let [title, ids, file, _] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let found = |id: &str| fired.contains_key(&(file.to_owned(), id.to_owned()));
        pairs += 1;
        if !ids.split([',', ' ', ';']).any(found) {
            missed.entry(title).or_default().push(file);
        }
    }
    assert_eq!(pairs, 920);
    let counts: BTreeMap<&str, usize> = missed.iter().map(|(title, files)| (*title, files.len())).collect();
    assert_eq!(counts, BTreeMap::from(FOR_LINUX), "{missed:#?}");
}

#[test]
fn threads_and_the_order_of_paths_change_no_byte() {
    let (Some(corpus), Some(rules)) = (shared("corpus"), shared("corpus/sigma/rules")) else { return };
    let [first, second, third] =
        ["evtx/ordinary", "evtx/attack-samples", "sigma-regression"].map(|folder| text(&corpus.join(folder)));
    let orders = [[&first, &second, &third], [&third, &first, &second]];
    let place = Place::new();
    for format in ["text", "incidents-json", "jsonl", "json", "csv", "timeline"] {
        let hunt = |threads: &str, order: usize| {
            let mut command =
                place.command(&["hunt", "--format", format, "--threads", threads, "--rules", &text(&rules)]);
            let run = common::Run::of(command.args(orders[order]).output().unwrap());
            run.ends(0, &[]);
            run.out
        };
        let expected = hunt("1", 0);
        assert!(expected.len() > if format == "text" { 1000 } else { 100_000 });
        for (threads, order) in [("2", 1), ("8", 0)] {
            assert!(hunt(threads, order) == expected, "{format} differs with {threads} threads, order {order}");
        }
    }
    let jsonl =
        place.run(&["hunt", "--format", "jsonl", "--quiet", "--rules", &text(&rules), &first, &second, &third]).out;
    let position = |finding: &Value| {
        let evidence = &finding["evidence"];
        evidence["path"].as_str().unwrap().to_owned()
    };
    // Correlations stand behind all others, by time.
    let of_one_event = |finding: &&Value| finding.get("correlation").is_none();
    let paths: Vec<String> = lines(&jsonl).iter().filter(of_one_event).map(position).collect();
    assert!(paths.is_sorted(), "findings stand in the order of the evidence");
}

/// Every record on which something was found is shown to the judge, and of all others one of so many.
const EVERY: u64 = 50;

/// A rule, and whether the taxonomy knows of a place for it among records of a log source (which is the first thing
/// that the judge asks, at length).
struct Asked {
    rule: Rule,
    concerns: Box<dyn Fn(&LogSource<'_>) -> bool + Sync>,
}

impl Asked {
    fn new(rule: &Rule, taxonomy: &Taxonomy) -> Option<Self> {
        let entries = taxonomy.entries_for(&rule.logsource).ok()?;
        let concerns = move |source: &LogSource<'_>| entries.iter().any(|entry| entry.source.includes(source));
        Some(Self { rule: rule.clone(), concerns: Box::new(concerns) })
    }
}

/// A detector that lets the judge look at what it has seen.
struct Judged<'a> {
    detector: SigmaDetector,
    rules: &'a [Asked],
    taxonomy: &'a Taxonomy,
    judge: Judge,
    verdict: &'a Mutex<Verdict>,
}

#[derive(Debug, Default)]
struct Verdict {
    records: u64,
    findings: u64,
    differences: Vec<String>,
}

impl<'a> Judged<'a> {
    fn new(rules: &Rules, plain: &'a [Asked], taxonomy: &'a Taxonomy, verdict: &'a Mutex<Verdict>) -> Self {
        let detector = rules.detector();
        Self { detector, rules: plain, taxonomy, judge: Judge::default(), verdict }
    }

    fn compare(&self, event: &Event<'_>, found: &[Finding]) {
        let fast: BTreeSet<&str> = found.iter().map(|finding| finding.rule.path.as_str()).collect();
        let source = event.record.source();
        let asked = self.rules.iter().filter(|asked| (asked.concerns)(&source)).map(|asked| &asked.rule);
        let satisfied = asked.filter(|rule| self.judge.matches(rule, self.taxonomy, event.record));
        let slow: BTreeSet<&str> = satisfied.map(|rule| rule.info.path.as_str()).collect();
        let mut verdict = self.verdict.lock().unwrap();
        verdict.records += 1;
        verdict.findings += slow.len() as u64;
        if fast != slow {
            let place = format!("{} {}", event.piece.path, event.record.position());
            verdict.differences.push(format!("{place}: the fast path has {fast:?}, the judge {slow:?}"));
        }
    }
}

impl Detector for Judged<'_> {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        self.detector.class(source)
    }

    /// Everything is wanted: the judge also looks at what the fast path does not.
    fn interest(&self, class: Class) -> Arc<Interest> {
        Arc::new(Interest { wanted: true, carried: None, ..(*self.detector.interest(class)).clone() })
    }

    fn text_hits(&mut self, group: TextGroup, raw: &[u8], encoding: Encoding, hits: &mut Vec<usize>) -> bool {
        self.detector.text_hits(group, raw, encoding, hits)
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        let mut seen = Seen::default();
        self.detector.look(event, &mut seen);
        // Which ones these are depends on the evidence alone, not on the threads.
        let number = event.record.position().number().wrapping_add(event.piece.path.len() as u64);
        if number.is_multiple_of(EVERY) || !seen.findings.is_empty() {
            self.compare(event, &seen.findings);
        }
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn begin(&mut self, _: &Arc<Piece>, _: &'static str) -> io::Result<()> {
        Ok(())
    }
    fn output(&mut self, _: &Arc<Piece>, _: Output) -> io::Result<()> {
        Ok(())
    }
    fn end(&mut self, _: &PieceTally) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_fast_path_finds_what_the_judge_finds() {
    let (Some(corpus), Some(sigma)) = (shared("corpus"), shared("corpus/sigma")) else { return };
    let taxonomy = Taxonomy::shipped();
    let mut loaded = Loaded::default();
    loaded.add_paths(&[sigma, common::root().join("rules")], &mut HashSet::new(), &Placeholders::default(), 2);
    // Rules that correlations name would be silent.
    loaded.correlations.clear();
    loaded.apply_filters();
    let plain: Vec<Asked> = loaded.rules.iter().filter_map(|rule| Asked::new(rule, &taxonomy)).collect();
    let rules = loaded.compile(&taxonomy);

    let (progress, verdict) = (Progress::default(), Mutex::default());
    let formats: Vec<Box<dyn Format>> = vec![Box::new(Evtx), Box::new(Xml), Box::new(Json)];
    let scan = Scan {
        formats: &formats,
        limits: Limits::default(),
        no_evidence: &[],
        hash: true,
        threads: 2,
        progress: &progress,
    };
    let paths = [corpus.join("evtx"), corpus.join("sigma-regression"), common::root().join("examples/shipyard")];
    scan.run(&paths, || Judged::new(&rules, &plain, &taxonomy, &verdict), &mut Nowhere).unwrap();
    let Verdict { records, findings, differences } = verdict.into_inner().unwrap();
    assert!(records > 1500 && findings > 2000, "{records} records, {findings} findings prove little");
    assert!(differences.is_empty(), "{} of {records}: {differences:#?}", differences.len());
    eprintln!("{records} records compared, {findings} findings agree");
}
