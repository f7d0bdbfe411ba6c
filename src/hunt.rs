//! `dreamcatcher hunt`: evidence in, incidents or findings out.

use std::{
    env,
    io::{self, IsTerminal, Write},
    mem::ManuallyDrop,
    sync::{Arc, atomic::AtomicU64},
};

use anyhow::{Context, Result};
use event::{Follower, Level, Piece, RuleInfo, Step};
use evidence::{Output, PieceTally, Sink, Tally};
use incident::Linked;
use intel::Indicated;
use report::{RuleProblem, Style, Summary, Zone};
use sigma::{NotApplicable, Rules, correlate::CutShort};

use crate::{
    accounting::{self, Accounted, Pending},
    chronicle::Chronicle,
    cli::{Colour, HuntArguments, HuntFormat},
    destination::Destination,
    formats,
    incidents::{self, Telling},
    indicators::Known,
    packs::Packs,
    reading::{self, Reading},
    releases::{self, Released},
    select::{self, SelectedDetector, Selection},
    site::Site,
    status::Status,
    yara::Yara,
};

/// Runs a hunt.
pub fn run(arguments: &HuntArguments) -> Result<Status> {
    let form = arguments.form()?;
    let site = Site::load(arguments.site.as_deref())?;
    let zone = site.zone(arguments.timezone.as_ref())?;
    let selection = Selection::load(arguments, &zone)?;
    let yara = Yara::choose(!arguments.rules.no_shipped_rules, &arguments.yara)?;
    let mut formats = formats::formats(&arguments.reading, &site, yara.patterns())?;
    formats.extend(arguments.upstream.iter().map(|original| formats::upstream(original, &arguments.paths)));
    let threads = reading::threads(arguments.threads);
    let mut accounting = Pending::load(arguments)?;
    let (mut packs, known) = load(arguments, threads)?;
    // Neither these nor incidents are given back one by one: that takes a tenth of a short hunt, and of linking, and the process is about to end.
    let rules = ManuallyDrop::new(packs.loaded.compile(&packs.taxonomy));
    announce(&packs, arguments.quiet);

    let output = Destination::open(arguments.output.as_deref(), &arguments.paths)?;
    let page = arguments.html.as_deref().map(|path| Destination::open(Some(path), &arguments.paths)).transpose()?;
    let mut writer = output.writer()?;
    let style = style(arguments, &zone);
    let links = incidents::links(arguments, form);
    let printer = match form {
        HuntFormat::Findings(format) => Some(format.printer(&mut writer, style.clone())?),
        HuntFormat::Incidents(_) => None,
    };
    let is_released_chosen = select::is_chosen(&access::account::Class::NotReleased.rule(), arguments);
    let named = accounting.named_releases()?.filter(|_| is_released_chosen);
    let named = named.as_ref().map(|named| (named, &selection));
    let chronicle = Chronicle::default();
    let accounting = ManuallyDrop::new(accounting);
    let telling = Telling::new(printer, links);
    let mut sink = Hunting { telling, chronicle, accounting, unread: Vec::new() };
    let untimed = AtomicU64::new(0);
    let is_chosen = |info: &RuleInfo| select::is_chosen(info, arguments);
    let explains = arguments.access.is_some();
    let detector = || {
        let indicated = Indicated::new(rules.detector(), &known.intel, &is_chosen);
        let selected = SelectedDetector::new(indicated, &selection);
        Linked::new(Accounted::new(Released::new(selected, named), explains, &untimed), links)
    };
    let outputs: Vec<&Destination> = std::iter::once(&output).chain(&page).collect();
    let reading = Reading {
        paths: &arguments.paths,
        readable: arguments.upstream.as_slice(),
        formats: &formats,
        outputs: &outputs,
        hash: form.has_summary() || page.is_some() || tells_summary(arguments, form),
        threads,
        quiet: arguments.quiet,
    };
    let done = reading.run(detector, &mut sink).context("cannot write the report").and_then(|tally| {
        let not_run = sink.follow(&rules, arguments, &selection, threads, &tally)?;
        Ok((tally, not_run))
    });
    if let Some(error) = sink.accounting.failed.take() {
        return Err(error);
    }
    let (tally, not_run) = done?;
    yara.tell(&tally, &mut packs);

    let mut summary = summary(&packs, rules.count() as u64, &tally, &selection, sink.telling.findings, &zone);
    summary.rules.not_run = not_run;
    summary.indicators = known.summary();
    summary.accounting = sink.accounted(untimed.into_inner())?;
    sink.telling.end(&summary).context("cannot write the report")?;
    let incidents = ManuallyDrop::new(sink.telling.link(site.contacts(), threads));
    let worst = sink.telling.worst(form, incidents.as_ref());
    drop(sink);
    if let Some(incidents) = &*incidents {
        incidents::write(form, incidents, arguments.incident, &summary, &mut writer, &style)?;
        page.map_or(Ok(()), |page| incidents::write_page(page, incidents, &summary, &style))?;
    }
    writer.flush().context("cannot write the report")?;
    drop(writer);
    output.keep()?;
    if tells_summary(arguments, form) {
        let style = Style { zone, width: None, colour: false };
        report::write_summary(&summary, &mut io::stderr().lock(), &style)?;
    }
    Ok(status(arguments, packs.unreadable || known.unreadable, &packs, &tally, worst))
}

/// Loads the rules that are chosen, and indicators beside them.
fn load(arguments: &HuntArguments, threads: usize) -> Result<(Packs, Known)> {
    std::thread::scope(|scope| {
        let known = scope.spawn(|| Known::load(&arguments.indicators));
        let mut packs = Packs::load(&arguments.rules, threads)?;
        packs.loaded.choose(|info| select::is_chosen(info, arguments));
        Ok((packs, known.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))))
    })
}

/// Tells, before the work begins, what a person would otherwise wonder about afterwards.
fn announce(packs: &Packs, quiet: bool) {
    if quiet || !io::stderr().is_terminal() {
        return;
    }
    for pack in &packs.packs {
        eprintln!("{} rules: {}", pack.rules, report::plain(&format!("{} {}", pack.name, pack.version)));
    }
}

/// Takes what is read: findings, and what followers are shown when all is read.
struct Hunting<'a> {
    telling: Telling<'a>,
    chronicle: Chronicle,
    /// Not given back piece by piece: with a hundred thousand grants that takes longer than the process has still to live.
    accounting: ManuallyDrop<Pending>,
    /// Files of packages that could not be compared with what was released.
    unread: Vec<String>,
}

impl Hunting<'_> {
    /// What came of all logins, and what could not be compared with releases, in sentences; `untimed` records of logins have no time.
    fn accounted(&mut self, untimed: u64) -> io::Result<Vec<String>> {
        let account = self.accounting.get()?.account();
        let sentences = account.map(|account| accounting::sentences(&account, untimed)).unwrap_or_default();
        Ok(sentences.into_iter().chain(self.unread.drain(..)).collect())
    }

    /// Tells what several events say together, and what comes of the logins; gives what correlations could not see.
    fn follow(
        &mut self,
        rules: &Rules,
        arguments: &HuntArguments,
        selection: &Selection,
        threads: usize,
        tally: &Tally,
    ) -> Result<Vec<RuleProblem>> {
        let mut correlator = rules.correlator(arguments.skew, sigma::correlate::Limits::default());
        let (chronicle, mut findings, mut accounted) = (std::mem::take(&mut self.chronicle), Vec::new(), Vec::new());
        let mut unseen = left_out(&chronicle);
        let (accounting, telling) = (self.accounting.get()?, &mut self.telling);
        let told = chronicle.tell(
            [
                &mut |piece, observation| correlator.observe(piece, observation, &mut findings),
                &mut |piece, observation| {
                    if observation.rule != accounting::LOGINS {
                        telling.trace(piece, observation);
                    } else if let Some(step) = Step::unpack(observation.values) {
                        telling.login(piece, observation, &step);
                        accounting.step(piece, observation, step, &mut accounted);
                    }
                },
            ],
            |rule| usize::from(matches!(rule, accounting::LOGINS | incident::TRACES)),
            threads > 1,
        );
        told.context("cannot bring the events into the order of time")?;
        correlator.end(&mut findings);
        accounting.end(&mut accounted);
        if let Some(releases) = accounting.releases() {
            let (found, unread) = releases::files(releases, labels(tally));
            accounted.extend(found);
            self.unread = unread;
        }
        findings.extend(accounted.into_iter().filter(|finding| select::is_chosen(&finding.rule, arguments)));
        findings.retain(|finding| selection.reports(finding));
        // A burst is known when it is over; a report has it where it began.
        findings.sort_by(|a, b| (a.time, &a.place, &a.rule.id).cmp(&(b.time, &b.place, &b.rule.id)));
        findings
            .into_iter()
            .try_for_each(|finding| self.telling.finding(finding))
            .context("cannot write the report")?;
        unseen.splice(..0, cut_short(&correlator.cut_short()));
        Ok(unseen)
    }
}

/// The labels of all that was read, of what no reader knows, and of what could not be looked into.
fn labels(tally: &Tally) -> impl Iterator<Item = &String> {
    let pieces = tally.pieces.iter().map(|piece| &piece.piece.path);
    let failures = tally.failures.iter().map(|failure| &failure.path);
    tally.unknown.iter().map(|unknown| &unknown.path).chain(pieces).chain(failures)
}

fn cut_short(cut_short: &[CutShort]) -> impl Iterator<Item = RuleProblem> {
    cut_short.iter().map(|cut| RuleProblem {
        path: cut.path.clone(),
        line: None,
        reason: format!(
            "more events lay within its timespan than fit in memory: {} were forgotten early, when it looked back only {} s ({})",
            cut.events,
            cut.shortest / 1_000_000_000,
            cut.title
        ),
    })
}

/// What no correlation could see.
fn left_out(chronicle: &Chronicle) -> Vec<RuleProblem> {
    let problem = |reason| RuleProblem { path: "all correlations".into(), line: None, reason };
    let (untimed, beyond) = (chronicle.untimed, chronicle.beyond);
    let untimed = (untimed > 0).then(|| format!("{untimed} events that they look for have no time, and took no part"));
    let most = event::MAX_TIMES;
    let beyond = (beyond > 0).then(|| {
        format!(
            "lines say that they stand for several events, and of each {most} count, of all lines ten million: {beyond} more took no part"
        )
    });
    let copies = chronicle.copies().iter().map(|(copy, first)| {
        format!("{} tells the same events as {}: it is a copy, and took no part", copy.path, first.path)
    });
    untimed.into_iter().chain(beyond).chain(copies).map(problem).collect()
}

impl Sink for Hunting<'_> {
    fn begin(&mut self, piece: &Arc<Piece>, _format: &'static str) -> io::Result<()> {
        self.accounting.piece(piece)
    }

    fn output(&mut self, piece: &Arc<Piece>, output: Output) -> io::Result<()> {
        self.accounting.learn_addresses(&output.seen.observations);
        self.telling.addresses(accounting::addresses(&output.seen.observations));
        self.chronicle.add(piece, &output.seen.observations)?;
        output.seen.findings.into_iter().try_for_each(|finding| self.telling.finding(finding))
    }

    fn end(&mut self, piece: &PieceTally) -> io::Result<()> {
        self.chronicle.end(piece);
        Ok(())
    }
}

/// Whether to use colour; `to_standard` if the report goes to standard output.
pub fn colour(wanted: Colour, to_standard: bool) -> bool {
    match wanted {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            to_standard && io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
        }
    }
}

/// How the report looks: as wide as the terminal, if it goes to one.
fn style(arguments: &HuntArguments, zone: &Zone) -> Style {
    let is_shown = arguments.output.is_none();
    let width = if is_shown { terminal_width() } else { None };
    Style { zone: zone.clone(), width, colour: colour(arguments.color, is_shown) }
}

/// The width of the terminal, if standard output is one.
pub fn terminal_width() -> Option<usize> {
    io::stdout().is_terminal().then(|| usize::from(console::Term::stdout().size().1).clamp(60, 160))
}

fn summary(packs: &Packs, loaded: u64, tally: &Tally, selection: &Selection, findings: u64, zone: &Zone) -> Summary {
    Summary {
        rules: rules_summary(packs, loaded),
        suppressed: selection.suppressed(),
        findings,
        known: selection.known(),
        outside_time: selection.outside_time(),
        ..evidence_summary(tally, zone)
    }
}

/// What was read and what was not, for reports.
pub fn evidence_summary(tally: &Tally, zone: &Zone) -> Summary {
    let failure =
        |unread: &evidence::Unread| report::Failure { path: unread.path.clone(), reason: unread.reason.clone() };
    let empty =
        tally.empty.iter().map(|path| report::Failure { path: path.clone(), reason: "the file is empty".into() });
    let unknown = |unknown: &evidence::Unknown| report::Unknown {
        path: unknown.path.clone(),
        looks_like: unknown.looks_like.clone(),
    };
    Summary {
        program: env!("CARGO_PKG_VERSION").to_owned(),
        evidence: tally.pieces.iter().map(|piece| piece_summary(piece, zone)).collect(),
        unknown: tally.unknown.iter().map(unknown).collect(),
        skipped: tally.skipped.iter().map(failure).chain(empty).collect(),
        failures: tally.unreadable_arguments.iter().chain(&tally.failures).map(failure).collect(),
        ..Summary::default()
    }
}

/// What came of the rules, for reports.
pub fn rules_summary(packs: &Packs, loaded: u64) -> report::Rules {
    let mut reasons = std::collections::BTreeMap::<&str, u64>::new();
    for NotApplicable { reason, .. } in &packs.loaded.not_applicable {
        *reasons.entry(reason).or_default() += 1;
    }
    let problem = |path: &str, line: usize, reason: String| report::RuleProblem {
        path: path.to_owned(),
        line: (line > 0).then_some(line as u64),
        reason,
    };
    report::Rules {
        loaded,
        packs: packs.packs.clone(),
        not_applicable: reasons
            .into_iter()
            .map(|(reason, rules)| report::NotApplicable { reason: reason.to_owned(), rules })
            .collect(),
        refused: packs
            .loaded
            .refused
            .iter()
            .map(|refused| problem(&refused.path, refused.line, refused.reason.clone()))
            .collect(),
        not_run: Vec::new(),
    }
}

fn piece_summary(piece: &PieceTally, zone: &Zone) -> report::Evidence {
    let numbering = &piece.numbering;
    let gap = |gap: &evidence::Gap| report::NumberGap {
        after: gap.first.saturating_sub(1),
        before: gap.last.saturating_add(1),
        from: gap.before,
        until: gap.after,
    };
    let step = |step: &evidence::ClockStep| {
        let (from, to) = (zone.rfc3339(step.from), zone.rfc3339(step.to));
        format!("the clock goes back behind record {}, from {from} to {to}", step.record)
    };
    let mut notes = piece.notes.clone();
    notes.extend(numbering.steps.iter().map(step));
    if numbering.repeated > 0 {
        notes.push(format!("{} records have a number that another record has", numbering.repeated));
    }
    if numbering.too_broken {
        notes.push("the numbers of records break off too often to tell which are missing".into());
    }
    report::Evidence {
        path: piece.piece.path.clone(),
        format: piece.format.to_owned(),
        bytes: piece.size,
        sha256: piece.sha256.map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect()).unwrap_or_default(),
        records: piece.records,
        damaged: piece.damaged_records,
        damages: piece.damages.clone(),
        more_damages: piece.damage_count.saturating_sub(piece.damages.len() as u64),
        gaps: numbering.gaps.iter().map(gap).collect(),
        more_gaps: numbering.gap_count.saturating_sub(numbering.gaps.len() as u64),
        silences: numbering
            .silences
            .iter()
            .map(|silence| report::TimeGap { from: silence.from, until: silence.until })
            .collect(),
        notes,
    }
}

/// Whether the tally goes to standard error: when the report itself goes elsewhere or is for machines.
fn tells_summary(arguments: &HuntArguments, form: HuntFormat) -> bool {
    !arguments.quiet && (!form.is_text() || arguments.output.is_some())
}

fn status(arguments: &HuntArguments, unreadable: bool, packs: &Packs, tally: &Tally, worst: Option<Level>) -> Status {
    if !tally.unreadable_arguments.is_empty() || unreadable {
        Status::Unreadable
    } else if arguments.rules.strict && !packs.loaded.refused.is_empty() {
        Status::Refused
    } else if arguments.fail_on.is_some_and(|level| worst >= Some(level)) {
        Status::Found
    } else {
        Status::Finished
    }
}
