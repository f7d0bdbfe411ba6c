//! `dreamcatcher explain`: what is suspicious about a mail or file, told to the person who got it.

use std::{
    env,
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use event::{Finding, Follower, Level, Observation, Piece, RuleInfo};
use evidence::{Output, PieceTally, Sink, Tally, Unknown, Unread};
use intel::{Indicated, Intel};
use report::{Explanation, Language, Obstacle, Problem, Verdict};
use sigma::{Placeholders, Rules, Taxonomy, correlate::Limits};

use crate::{
    chronicle::Chronicle,
    cli::{ExplainArguments, IndicatorArguments},
    destination::Destination,
    formats,
    indicators::Known,
    packs,
    reading::{self, Reading},
    site::Site,
    status::Status,
    yara::Yara,
};

/// Runs the subcommand.
pub fn run(arguments: &ExplainArguments) -> Result<Status> {
    let language = arguments.language.unwrap_or_else(language_of_environment);
    if arguments.briefing {
        let languages = arguments.language.map_or(Language::ALL.to_vec(), |language| vec![language]);
        let mut out = Vec::new();
        report::write_briefing(&mut out, arguments.format, &languages)?;
        return print(&out);
    }
    let site = Site::load(arguments.site.as_deref())?;
    let formats = formats::for_artifacts(&site, Yara::choose(true, &[])?.patterns());
    let known = Known::load(&IndicatorArguments::default());
    let (findings, tally) = look(&arguments.paths, &rules()?, &known.intel, &formats)?;
    let problems = problems(&tally);
    let of_path = |path: &PathBuf| {
        let path = path.display().to_string();
        let findings = findings.iter().filter(|finding| is_below(&finding.place.piece.path, &path)).cloned().collect();
        let problems = problems.iter().filter(|problem| is_below(&problem.path, &path)).cloned();
        let is_read = tally.pieces.iter().any(|piece| is_below(&piece.piece.path, &path));
        Explanation { is_read, findings, problems: problems.collect(), path }
    };
    let explanations: Vec<Explanation> = arguments.paths.iter().map(of_path).collect();
    let is_found = explanations.iter().any(|explanation| explanation.verdict() != Verdict::Nothing);
    let mut out = Vec::new();
    report::write_explanations(&mut out, language, arguments.format, &explanations)?;
    print(&out)?;
    Ok(match () {
        () if explanations.iter().any(|explanation| !explanation.is_read) => Status::Unreadable,
        () if is_found => Status::Found,
        () => Status::Finished,
    })
}

fn print(out: &[u8]) -> Result<Status> {
    io::stdout().lock().write_all(out).context("cannot write the explanation")?;
    Ok(Status::Finished)
}

/// The language that the environment asks for (POSIX: LC_ALL, then LC_MESSAGES, then LANG).
fn language_of_environment() -> Language {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(|name| env::var(name).ok());
    locale
        .filter(|locale| !locale.is_empty())
        .map(|locale| Language::of_locale(&locale))
        .next()
        .unwrap_or(Language::English)
}

/// The rules that come with the program for what lies in mail and files. Signs that say little by themselves are told as well.
fn rules() -> Result<Rules> {
    let mut loaded = packs::shipped(&Placeholders::default());
    loaded.choose(|info| {
        info.tags.iter().any(|tag| tag.starts_with("explain."))
            || ["/mail_", "/conversation_", "/file_", "/tree_"].iter().any(|name| info.path.contains(name))
    });
    loaded.correlations.iter_mut().for_each(|correlation| correlation.generate = true);
    Ok(loaded.compile(&Taxonomy::shipped()))
}

/// All that was found, in the order of the evidence, and what was read.
fn look(
    paths: &[PathBuf],
    rules: &Rules,
    known: &Intel,
    formats: &[Box<dyn evidence::Format>],
) -> Result<(Vec<Finding>, Tally)> {
    let mut gathered = Gathered::default();
    let reading = Reading {
        paths,
        readable: &[],
        formats,
        outputs: &[&Destination::Standard],
        hash: false,
        threads: reading::threads(None),
        quiet: true,
    };
    let any = |_: &RuleInfo| true;
    let detector = || Indicated::new(rules.detector(), known, &any);
    let tally = reading.run(detector, &mut gathered).context("cannot keep what was found")?;
    let mut correlator = rules.correlator(Duration::ZERO, Limits::default());
    let mut findings = gathered.findings;
    let mut observe =
        |piece: &Arc<Piece>, observation: &Observation<'_>| correlator.observe(piece, observation, &mut findings);
    gathered.chronicle.tell([&mut observe], |_| 0, false).context("cannot bring what was found into order")?;
    correlator.end(&mut findings);
    findings.sort_by(|a, b| (&a.place, &a.rule.path, &a.rule.id).cmp(&(&b.place, &b.rule.path, &b.rule.id)));
    Ok((findings, tally))
}

/// Whether a label names something in the file or folder that was given as `path`.
fn is_below(label: &str, path: &str) -> bool {
    let rest = label.strip_prefix(path.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '!']))
}

/// What could not be looked into, in the order of the evidence.
fn problems(tally: &Tally) -> Vec<Problem> {
    let problem = |path: &String, otherwise, reason: String| {
        let obstacle = Obstacle::of(&reason, otherwise);
        Problem { path: path.clone(), obstacle, reason }
    };
    let told = |unread: &Unread, otherwise| problem(&unread.path, otherwise, unread.reason.clone());
    let missing = tally.unreadable_arguments.iter().map(|unread| told(unread, Obstacle::Unreadable));
    let failures = tally.failures.iter().map(|unread| told(unread, Obstacle::Unreadable));
    let skipped = tally.skipped.iter().map(|unread| told(unread, Obstacle::Link));
    let unknown = tally
        .unknown
        .iter()
        .filter(|unknown| !is_data(unknown))
        .map(|unknown| problem(&unknown.path, Obstacle::Unknown, unknown.looks_like.clone()));
    let empty = tally.empty.iter().map(|path| problem(path, Obstacle::Empty, "the file is empty".to_owned()));
    let pieces = tally.pieces.iter().flat_map(|piece| {
        let damages = piece.damages.iter().map(|damage| format!("{}: {}", damage.position, damage.reason));
        // Facts have notes of nothing else than what was left closed.
        let reasons = damages.chain(piece.notes.iter().cloned());
        reasons.map(|reason| problem(&piece.piece.path, Obstacle::Damaged, reason))
    });
    missing.chain(failures).chain(skipped).chain(unknown).chain(empty).chain(pieces).collect()
}

/// Whether something of no known format is data from which nothing is run: text, a font, the store of Git.
fn is_data(unknown: &Unknown) -> bool {
    let is_of_git = unknown.path.contains("/.git/objects/") || unknown.path.ends_with("/.git/index");
    is_of_git || matches!(&*unknown.looks_like, "text" | "font")
}

/// Keeps what is found.
#[derive(Default)]
struct Gathered {
    findings: Vec<Finding>,
    chronicle: Chronicle,
}

/// More findings about one path than anybody can be told of.
const MAX_FINDINGS: usize = 10_000;

impl Sink for Gathered {
    fn begin(&mut self, _piece: &Arc<Piece>, _format: &'static str) -> io::Result<()> {
        Ok(())
    }

    fn output(&mut self, piece: &Arc<Piece>, output: Output) -> io::Result<()> {
        self.chronicle.add(piece, &output.seen.observations)?;
        // What weighs most is kept whatever came before it.
        let room = MAX_FINDINGS.saturating_sub(self.findings.len());
        let (heavy, light): (Vec<_>, Vec<_>) =
            output.seen.findings.into_iter().partition(|finding| finding.rule.level >= Level::Medium);
        self.findings.extend(heavy.into_iter().take(room.max(1)));
        self.findings.extend(light.into_iter().take(room));
        Ok(())
    }

    fn end(&mut self, piece: &PieceTally) -> io::Result<()> {
        self.chronicle.end(piece);
        Ok(())
    }
}
