//! The formats of evidence, and what of them only the user knows.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, anyhow};
use artifact::{
    Conversation, Mail, Organisation, Patterns,
    file::Files,
    tree::{Project, Settings, Upstream},
};
use evidence::{
    Auditd, Clock, Evtx, Format, History, JournalExport, JournalJson, Json, Layouts, Packages, Proxies, SshdErrors,
    Syslog, Utmp, W3c, Web, Xml,
};

use crate::{cli::ReadingArguments, site::Site};

/// The formats, in the order in which they are asked whether a piece of evidence is theirs.
pub fn formats(
    arguments: &ReadingArguments,
    site: &Site,
    patterns: Option<Arc<dyn Patterns>>,
) -> Result<Vec<Box<dyn Format>>> {
    let (layouts, proxies, clock) = (layouts(&arguments.log_format)?, site.proxies()?, clock(arguments, site)?);
    Ok(all(layouts, proxies, &clock, &Arc::new(site.organisation()), patterns))
}

/// What compares folders with the original of a project.
pub fn upstream(original: &Path, copies: &[PathBuf]) -> Box<dyn Format> {
    Box::new(Upstream::new(original, copies))
}

/// The formats with nothing known but what the evidence says, and of mail what the organisation does.
pub fn knowing(site: &Site) -> Vec<Box<dyn Format>> {
    all(Layouts::default(), Proxies::default(), &Clock::default(), &Arc::new(site.organisation()), None)
}

/// The formats of what people are sent.
pub fn for_artifacts(site: &Site, patterns: Option<Arc<dyn Patterns>>) -> Vec<Box<dyn Format>> {
    let (mail, mailboxes) = Mail::and_mailboxes(Arc::new(site.organisation()), patterns.clone());
    let mut formats: Vec<Box<dyn Format>> = vec![Box::new(mail), Box::new(mailboxes)];
    formats.extend(Conversation::EXPORTS.map(|export| Box::new(export) as Box<dyn Format>));
    let project = Project::default();
    formats.push(Box::new(Settings::matching(patterns.clone()).within(project.clone())));
    // Before pasted text, which may be any.
    formats.push(Box::new(Files::matching(patterns).within(project)));
    formats.push(Box::new(Conversation::Pasted));
    formats
}

fn all(
    layouts: Layouts,
    proxies: Proxies,
    clock: &Clock,
    organisation: &Arc<Organisation>,
    patterns: Option<Arc<dyn Patterns>>,
) -> Vec<Box<dyn Format>> {
    let (mail, mailboxes) = Mail::and_mailboxes(Arc::clone(organisation), patterns.clone());
    let mut formats: Vec<Box<dyn Format>> = vec![
        Box::new(Evtx),
        Box::new(mail),
        Box::new(mailboxes),
        Box::new(Xml),
        Box::new(Auditd),
        Box::new(JournalJson),
        Box::new(JournalExport),
        Box::new(W3c::behind(proxies.clone())),
        Box::new(Web::with(layouts).behind(proxies)),
        Box::new(Json),
        Box::new(Syslog::new(clock.clone())),
        Box::new(SshdErrors::default()),
    ];
    // Before JSON, which Telegram's export is too.
    formats.splice(3..3, Conversation::EXPORTS.map(|export| Box::new(export) as Box<dyn Format>));
    // Before syslog text, which may begin with a time too.
    formats.splice(8..8, Packages::all(clock).map(|packages| Box::new(packages) as Box<dyn Format>));
    formats.extend(Utmp::all().map(|utmp| Box::new(utmp) as Box<dyn Format>));
    // Last, since a history may be any text.
    formats.extend(History::ALL.map(|history| Box::new(history) as Box<dyn Format>));
    // Before JSON, of which most of these are made.
    let project = Project::default();
    formats.insert(0, Box::new(Settings::matching(patterns.clone()).within(project.clone())));
    // Behind all logs: what is left is looked at as a file.
    formats.push(Box::new(Files::matching(patterns).within(project)));
    formats
}

/// The formats of access logs that were given: each as it is, or `@` and the file it stands in.
fn layouts(given: &[String]) -> Result<Layouts> {
    given.iter().try_fold(Layouts::default(), |known, given| {
        let (text, place) = match given.strip_prefix('@') {
            Some(path) => {
                (std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?, format!("{path}: "))
            }
            None => (given.clone(), String::new()),
        };
        let layouts = Layouts::parse(&text).map_err(|reason| anyhow!("--log-format: {place}{reason}"))?;
        Ok(known.and(layouts))
    })
}

/// What is known of the clocks behind the logs.
fn clock(arguments: &ReadingArguments, site: &Site) -> Result<Clock> {
    let zone = match &arguments.log_timezone {
        Some(zone) => Some(zone.clone()),
        None => site.log_zone()?,
    };
    let zone = zone.map(|zone| (zone.name().to_owned(), zone.time_zone().clone()));
    Ok(Clock { year: arguments.year, zone, ..Clock::default() })
}
