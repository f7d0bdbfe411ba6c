//! `dreamcatcher rules`: list, check, test, update.

use std::{
    collections::HashSet,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use artifact::Facts;
use event::{Finding, Follower, Observation, Piece, Position, Seen, Time};
use evidence::{Format, Output};
use report::plain;
use serde_json::{Value, json};
use sigma::{Loaded, Placeholders, Taxonomy, correlate::Limits};

use crate::{
    chronicle::Chronicle, cli::RulesCommand, formats, packs, packs::Packs, reading::threads, site::Site,
    status::Status, update,
};

/// Runs the subcommand.
pub fn run(command: &RulesCommand) -> Result<Status> {
    match command {
        RulesCommand::List { rules, json } => {
            let mut packs = Packs::load(rules, threads(None))?;
            list(&packs.loaded, *json)?;
            packs.loaded.compile(&packs.taxonomy);
            tell_unused(&packs.loaded, false, &mut io::stderr().lock())?;
            Ok(status(packs.unreadable, rules.strict, &packs.loaded))
        }
        RulesCommand::Check { paths, placeholders, taxonomy, all, strict: is_strict } => {
            let placeholders = packs::placeholders(placeholders.as_deref())?;
            let mut loaded = packs::from_paths(paths, &mut HashSet::new(), &placeholders, threads(None));
            loaded.apply_filters();
            let rules = loaded.compile(&packs::taxonomy(taxonomy)?);
            let mut out = io::stdout().lock();
            tell_unused(&loaded, *all, &mut out)?;
            writeln!(
                out,
                "{} files: {} rules loaded ({} correlations), {} not applicable, {} refused",
                loaded.files.len(),
                rules.all(),
                rules.correlations(),
                loaded.not_applicable.len(),
                loaded.refused.len()
            )?;
            Ok(status(packs::unreadable(paths), *is_strict, &loaded))
        }
        RulesCommand::Test { paths } => test(paths),
        RulesCommand::Update { source, sha256 } => update::run(source.as_deref(), sha256.as_deref()),
    }
}

fn status(unreadable: bool, strict: bool, loaded: &Loaded) -> Status {
    match (unreadable, strict && !loaded.refused.is_empty()) {
        (true, _) => Status::Unreadable,
        (false, true) => Status::Refused,
        (false, false) => Status::Finished,
    }
}

fn list(loaded: &Loaded, as_json: bool) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let detections = loaded.rules.iter().map(|rule| (&rule.info, rule.logsource.to_string()));
    let correlations = loaded.correlations.iter().map(|rule| (&rule.info, "correlation".to_owned()));
    for (info, logsource) in detections.chain(correlations) {
        if as_json {
            let line = json!({
                "id": info.id, "title": info.title, "level": info.level.as_str(), "status": info.status,
                "tags": info.tags, "path": info.path, "logsource": logsource,
            });
            // Like the reports: nothing in it may be taken for a command by a terminal.
            writeln!(out, "{}", plain_json(&line))?;
        } else {
            writeln!(out, "{:13} {}  [{}]  {}", info.level, plain(&info.title), plain(&logsource), plain(&info.path))?;
        }
    }
    out.flush()
}

fn plain_json(value: &Value) -> String {
    let text = value.to_string();
    let escape = |c: char| {
        if plain(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8() {
            c.to_string()
        } else {
            format!("\\u{:04x}", u32::from(c))
        }
    };
    if text.is_ascii() { text } else { text.chars().map(escape).collect() }
}

/// Names everything that was not used, with the reason; reasons that many rules share once, with some of the rules or `all`.
fn tell_unused(loaded: &Loaded, all: bool, out: &mut dyn Write) -> io::Result<()> {
    for refused in &loaded.refused {
        writeln!(out, "refused         {}:{}: {}", plain(&refused.path), refused.line, plain(&refused.reason))?;
    }
    let mut reasons = std::collections::BTreeMap::<&str, Vec<&sigma::NotApplicable>>::new();
    loaded.not_applicable.iter().for_each(|rule| reasons.entry(&rule.reason).or_default().push(rule));
    for (reason, rules) in reasons {
        writeln!(out, "not applicable  {} rules: {}", rules.len(), plain(reason))?;
        let shown = if all { rules.len() } else { rules.len().min(3) };
        for rule in rules.iter().take(shown) {
            writeln!(out, "                  {} ({})", plain(&rule.title), plain(&rule.path))?;
        }
        if rules.len() > shown {
            writeln!(out, "                  … and {} more (rules check --all PATH names them)", rules.len() - shown)?;
        }
    }
    Ok(())
}

/// A rule's file and its cases.
struct Cases {
    rule_path: String,
    rule: String,
    cases_path: String,
    cases: String,
}

/// Runs rules against their cases.
fn test(paths: &[PathBuf]) -> Result<Status> {
    let all = if paths.is_empty() { shipped_cases() } else { cases_below(paths)? };
    let (mut passed, mut failed) = (0, 0);
    let mut out = io::stdout().lock();
    for cases in &all {
        for (line, outcome) in run_cases(cases)? {
            match outcome {
                Ok(()) => passed += 1,
                Err(reason) => {
                    failed += 1;
                    writeln!(out, "failed  {}:{line}: {}", plain(&cases.cases_path), plain(&reason))?;
                }
            }
        }
    }
    writeln!(out, "{} rules with cases: {passed} passed, {failed} failed", all.len())?;
    if all.is_empty() {
        bail!("no rule has cases: put NAME.cases.jsonl beside NAME.yml");
    }
    Ok(if failed == 0 { Status::Finished } else { Status::Found })
}

fn shipped_cases() -> Vec<Cases> {
    let cases = packs::shipped_files("jsonl");
    let with_cases = |(rule_path, rule): (String, &'static str)| {
        let cases_path = rule_path.replace(".yml", ".cases.jsonl");
        let (_, text) = cases.iter().find(|(path, _)| *path == cases_path)?;
        Some(Cases { rule_path, rule: rule.to_owned(), cases_path, cases: (*text).to_owned() })
    };
    packs::shipped_files("yml").into_iter().filter_map(with_cases).collect()
}

fn cases_below(paths: &[PathBuf]) -> Result<Vec<Cases>> {
    let mut found = Vec::new();
    for path in paths {
        collect_cases(path, &mut found).with_context(|| format!("cannot read {}", path.display()))?;
    }
    Ok(found)
}

fn collect_cases(path: &Path, found: &mut Vec<Cases>) -> io::Result<()> {
    if fs::metadata(path)?.is_dir() {
        let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        return entries.iter().try_for_each(|entry| collect_cases(&entry.path(), found));
    }
    let cases_path = path.with_extension("cases.jsonl");
    if path.extension().is_some_and(|extension| extension == "yml") && cases_path.is_file() {
        let (rule, cases) = (fs::read_to_string(path)?, fs::read_to_string(&cases_path)?);
        let (rule_path, cases_path) = (path.display().to_string(), cases_path.display().to_string());
        found.push(Cases { rule_path, rule, cases_path, cases });
    }
    Ok(())
}

/// Every case's line, and what is wrong with its outcome.
fn run_cases(cases: &Cases) -> Result<Vec<(usize, Result<(), String>)>> {
    let mut loaded = Loaded::default();
    loaded.add_text(&cases.rule_path, &cases.rule, &Placeholders::default());
    let rules = loaded.compile(&Taxonomy::shipped());
    if let Some(refused) = loaded.refused.first() {
        bail!("{}:{}: {}", refused.path, refused.line, refused.reason);
    }
    if let Some(other) = loaded.not_applicable.first() {
        bail!("{}: {}", other.path, other.reason);
    }
    let lines = cases.cases.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| Ok((at + 1, run_case(&rules, line)))).collect()
}

fn run_case(rules: &sigma::Rules, line: &str) -> Result<(), String> {
    let case: Value = serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"))?;
    let expect = case.get("expect").and_then(Value::as_str).unwrap_or_default();
    let why = case.get("why").and_then(Value::as_str).unwrap_or_default();
    let site = case.get("site").map_or_else(|| Ok(Site::default()), |site| serde_json::from_value(site.clone()));
    let formats = formats::knowing(&site.map_err(|error| format!("site: {error}"))?);
    let found = found_in(rules, &logs(&case)?, &all_facts(&case)?, &formats)?;
    match (expect, found) {
        ("match", true) | ("silent", false) => Ok(()),
        ("match", false) => Err(format!("expected a match: {why}")),
        ("silent", true) => Err(format!("expected silence: {why}")),
        (other, _) => Err(format!("expect is '{other}'; it must be match or silent")),
    }
}

/// A log of a case: text in any shape that a hunt reads, and how many records it must have, if that is known.
struct Log {
    text: String,
    records: Option<u64>,
}

impl Log {
    fn of_events(events: &[Value]) -> Self {
        let lines: Vec<String> = events.iter().map(Value::to_string).collect();
        Self { text: lines.join("\n"), records: Some(events.len() as u64) }
    }

    /// A list of lines; a line that is no text is an event in JSON.
    fn of_lines(lines: &[Value]) -> Self {
        let text = |line: &Value| line.as_str().map_or_else(|| line.to_string(), str::to_owned);
        Self { text: lines.iter().map(text).collect::<Vec<_>>().join("\n"), records: None }
    }
}

fn logs(case: &Value) -> Result<Vec<Log>, String> {
    if case.get("facts").is_some() {
        return Ok(Vec::new());
    }
    match (case.get("event"), case.get("events"), case.get("log"), case.get("logs")) {
        (Some(event), None, None, None) => Ok(vec![Log::of_events(std::slice::from_ref(event))]),
        (None, Some(Value::Array(events)), None, None) => Ok(vec![Log::of_events(events)]),
        (None, None, Some(Value::Array(lines)), None) => Ok(vec![Log::of_lines(lines)]),
        (None, None, None, Some(Value::Array(logs))) => {
            let log = |log: &Value| log.as_array().map(|lines| Log::of_lines(lines));
            logs.iter().map(log).collect::<Option<_>>().ok_or_else(|| "each of the logs is a list of lines".into())
        }
        _ => Err(
            "a case has an event, a list of events, a log as a list of lines, logs as a list of such lists, or facts"
                .into(),
        ),
    }
}

/// The artifacts of a case: each an object of facts, with `category` saying what they are about.
fn all_facts(case: &Value) -> Result<Vec<Facts>, String> {
    let Some(facts) = case.get("facts") else { return Ok(Vec::new()) };
    facts.as_array().ok_or("facts are a list of objects")?.iter().map(facts_of).collect()
}

fn facts_of(object: &Value) -> Result<Facts, String> {
    let kind = object.get("category").and_then(Value::as_str).and_then(artifact::Kind::named);
    let kind = kind.ok_or("facts need a category: mail, conversation, file or tree")?;
    let mut facts = Facts::new(kind, Position::Record(1), Some(Time::from_nanos(0)));
    for (name, value) in object.as_object().into_iter().flatten().filter(|(name, _)| *name != "category") {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            match (value.as_u64(), value.as_str()) {
                (Some(number), _) => facts.count(name.clone(), number),
                (_, Some(text)) => facts.tell(name.clone(), text),
                _ => return Err(format!("{name} must be a text, a number or a list of these")),
            }
        }
    }
    Ok(facts)
}

/// Shows one artifact to the rules.
fn show_facts(
    rules: &sigma::Rules,
    facts: &Facts,
    chronicle: &mut Chronicle,
    found: &mut Vec<Finding>,
) -> Result<(), String> {
    let (piece, mut seen) = (Arc::new(Piece { path: "case".into() }), Seen::default());
    artifact::Shower::default().show(&piece, facts, &mut rules.detector(), &mut seen);
    found.append(&mut seen.findings);
    chronicle.add(&piece, &seen.observations).map_err(|error| error.to_string())
}

/// Whether rules find something in the logs and artifacts of one case.
fn found_in(rules: &sigma::Rules, logs: &[Log], facts: &[Facts], formats: &[Box<dyn Format>]) -> Result<bool, String> {
    let (mut chronicle, mut found) = (Chronicle::default(), Vec::new());
    logs.iter().try_for_each(|log| read_log(rules, log, formats, &mut chronicle, &mut found))?;
    facts.iter().try_for_each(|facts| show_facts(rules, facts, &mut chronicle, &mut found))?;
    let mut correlator = rules.correlator(Duration::ZERO, Limits::default());
    let mut observe =
        |piece: &Arc<Piece>, observation: &Observation<'_>| correlator.observe(piece, observation, &mut found);
    let told = chronicle.tell([&mut observe], |_| 0, false);
    told.map_err(|error| error.to_string())?;
    correlator.end(&mut found);
    Ok(!found.is_empty())
}

/// Reads a log, which must not be damaged.
fn read_log(
    rules: &sigma::Rules,
    log: &Log,
    formats: &[Box<dyn Format>],
    chronicle: &mut Chronicle,
    found: &mut Vec<Finding>,
) -> Result<(), String> {
    let mut input = log.text.as_bytes();
    let format = formats.iter().find(|format| format.recognises(input, ""));
    let format = format.ok_or("no reader knows what this is")?;
    let piece = Arc::new(Piece { path: "case".into() });
    let (mut cutter, mut reader, mut detector) = (format.cutter(), format.reader(), rules.detector());
    let mut read = 0;
    while let Some(block) = cutter.cut(&mut input).map_err(|error| error.to_string())? {
        let mut output = Output::default();
        reader.read(&piece, &block, &mut detector, &mut output);
        if let Some(damage) = output.damages.first() {
            return Err(damage.reason.clone());
        }
        read += output.records;
        chronicle.add(&piece, &output.seen.observations).map_err(|error| error.to_string())?;
        found.append(&mut output.seen.findings);
    }
    if read == 0 || log.records.is_some_and(|records| records != read) {
        let expected = log.records.map_or_else(|| "some".to_owned(), |count| count.to_string());
        return Err(format!("expected {expected} events, found {read}"));
    }
    Ok(())
}
