//! The linker as a follower: what it keeps, saved and restored.
//!
//! `event` knows no form to save its values in, so they are written as plain numbers and texts; rules, pieces of evidence and contexts once each.

use std::{collections::BTreeMap, sync::Arc};

use event::{
    Correlated, Finding, FindingId, Follower, Level, Matched, Observation, Piece, Place, Position, RuleInfo, Sighting,
    Step, Time,
};
use foldhash::HashMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Linker, TRACES, arrivals::Arrival, processes::Processes, told::Told};

/// Which form the state has; another number, another form.
const FORM: u32 = 1;

type SavedPlace = (u32, u8, u64);
type SavedSighting = (i64, u32, SavedPlace);
type SavedContext = Vec<(String, String)>;

#[derive(Serialize, Deserialize)]
struct Saved {
    form: u32,
    pieces: Vec<String>,
    rules: Vec<SavedRule>,
    contexts: Vec<SavedContext>,
    findings: Vec<SavedFinding>,
    arrivals: Vec<SavedArrival>,
    events: Vec<(SavedPlace, u32)>,
    addresses: BTreeMap<String, String>,
    beyond: u64,
    more_logins: u64,
}

#[derive(Serialize, Deserialize)]
struct SavedRule {
    id: String,
    title: String,
    path: String,
    level: u8,
    status: String,
    description: String,
    author: String,
    tags: Vec<String>,
    false_positives: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct SavedFinding {
    id: [u8; 16],
    time: Option<i64>,
    rule: u32,
    host: String,
    channel: String,
    provider: String,
    event_id: u32,
    place: SavedPlace,
    matched: Vec<(String, String)>,
    context: u32,
    correlated: Option<(u64, Vec<SavedSighting>, SavedSighting)>,
}

#[derive(Serialize, Deserialize)]
struct SavedArrival {
    time: i64,
    host: String,
    from: String,
    from_host: String,
    account: String,
    session: String,
    key: String,
    place: SavedPlace,
}

/// What is written once each, with its number.
#[derive(Default)]
struct Tables {
    pieces: Table<String>,
    rules: Table<String>,
    /// Those of these numbers.
    infos: Vec<Arc<RuleInfo>>,
    contexts: Table<SavedContext>,
}

/// Values with their numbers.
struct Table<T> {
    numbers: HashMap<T, u32>,
    list: Vec<T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { numbers: HashMap::default(), list: Vec::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Table<T> {
    fn number(&mut self, value: T) -> u32 {
        let next = self.list.len() as u32;
        let number = *self.numbers.entry(value.clone()).or_insert(next);
        if number == next {
            self.list.push(value);
        }
        number
    }
}

impl Tables {
    fn place(&mut self, place: &Place) -> SavedPlace {
        (self.pieces.number(place.piece.path.clone()), place.position.tag(), place.position.number())
    }

    fn sighting(&mut self, one: &Sighting) -> SavedSighting {
        (one.time.as_nanos(), self.rule(&one.rule), self.place(&one.place))
    }

    fn rule(&mut self, rule: &Arc<RuleInfo>) -> u32 {
        let number = self.rules.number([rule.id.as_str(), &rule.path, &rule.title].join("\n"));
        if number as usize == self.infos.len() {
            self.infos.push(Arc::clone(rule));
        }
        number
    }

    fn context(&mut self, context: &[Matched]) -> u32 {
        self.contexts.number(pairs(context))
    }

    fn finding(&mut self, finding: &Finding) -> SavedFinding {
        let correlated = finding.correlated.as_ref().map(|one| {
            let firsts = one.firsts.iter().map(|first| self.sighting(first)).collect();
            (one.events, firsts, self.sighting(&one.last))
        });
        SavedFinding {
            id: finding.id.0,
            time: finding.time.map(Time::as_nanos),
            rule: self.rule(&finding.rule),
            host: finding.host.clone(),
            channel: finding.channel.clone(),
            provider: finding.provider.clone(),
            event_id: finding.event_id,
            place: self.place(&finding.place),
            matched: pairs(&finding.matched),
            context: self.context(&finding.context),
            correlated,
        }
    }

    fn arrival(&mut self, arrival: &Arrival) -> SavedArrival {
        let Arrival { time, host, from, from_host, account, session, key, place } = arrival.clone();
        let place = self.place(&place);
        SavedArrival { time: time.as_nanos(), host, from, from_host, account, session, key, place }
    }
}

fn pairs(matched: &[Matched]) -> SavedContext {
    matched.iter().map(|one| (one.field.clone(), one.value.clone())).collect()
}

fn matched(pairs: SavedContext) -> impl Iterator<Item = Matched> {
    pairs.into_iter().map(|(field, value)| Matched { field, value })
}

/// What was written once, read again.
struct Read {
    pieces: Vec<Arc<Piece>>,
    rules: Vec<Arc<RuleInfo>>,
    contexts: Vec<Arc<[Matched]>>,
}

impl Read {
    fn place(&self, (piece, kind, number): SavedPlace) -> Option<Place> {
        let piece = Arc::clone(self.pieces.get(piece as usize)?);
        Some(Place { piece, position: Position::of(kind, number)? })
    }

    fn rule(&self, number: u32) -> Option<Arc<RuleInfo>> {
        self.rules.get(number as usize).cloned()
    }

    fn sighting(&self, (time, rule, place): SavedSighting) -> Option<Sighting> {
        Some(Sighting { time: Time::from_nanos(time), rule: self.rule(rule)?, place: self.place(place)? })
    }

    fn finding(&self, saved: SavedFinding) -> Option<Finding> {
        let correlated = match saved.correlated {
            None => None,
            Some((events, firsts, last)) => {
                let firsts = firsts.into_iter().map(|first| self.sighting(first)).collect::<Option<_>>()?;
                Some(Box::new(Correlated { events, firsts, last: self.sighting(last)? }))
            }
        };
        Some(Finding {
            id: FindingId(saved.id),
            time: saved.time.map(Time::from_nanos),
            rule: self.rule(saved.rule)?,
            host: saved.host,
            channel: saved.channel,
            provider: saved.provider,
            event_id: saved.event_id,
            place: self.place(saved.place)?,
            matched: matched(saved.matched).collect(),
            context: Arc::clone(self.contexts.get(saved.context as usize)?),
            correlated,
        })
    }

    fn arrival(&self, saved: SavedArrival) -> Option<Arrival> {
        let SavedArrival { time, host, from, from_host, account, session, key, place } = saved;
        let (time, place) = (Time::from_nanos(time), self.place(place)?);
        Some(Arrival { time, host, from, from_host, account, session, key, place })
    }
}

fn saved_rule(rule: &RuleInfo) -> SavedRule {
    let level = Level::ALL.iter().position(|level| *level == rule.level).unwrap_or_default() as u8;
    let RuleInfo { id, title, path, status, description, author, tags, false_positives, .. } = rule.clone();
    SavedRule { id, title, path, level, status, description, author, tags, false_positives }
}

fn rule(saved: SavedRule) -> Option<Arc<RuleInfo>> {
    let SavedRule { id, title, path, level, status, description, author, tags, false_positives } = saved;
    let level = *Level::ALL.get(usize::from(level))?;
    Some(Arc::new(RuleInfo { id, title, path, level, status, description, author, tags, false_positives }))
}

impl Linker {
    fn saved(&self) -> Saved {
        let mut tables = Tables::default();
        let findings = self.findings.iter().map(|finding| tables.finding(&finding)).collect();
        let arrivals = self.logins.iter().map(|arrival| tables.arrival(arrival)).collect();
        let events = self.told.events.iter();
        let events = events.map(|(place, context)| (tables.place(place), tables.context(context))).collect();
        Saved {
            form: FORM,
            pieces: tables.pieces.list,
            rules: tables.infos.iter().map(|rule| saved_rule(rule)).collect(),
            contexts: tables.contexts.list,
            findings,
            arrivals,
            events,
            addresses: self.addresses.clone(),
            beyond: self.findings.beyond,
            more_logins: self.more_logins,
        }
    }

    /// One that was saved, with the limits of this one; `None` where numbers name nothing.
    fn read(&self, saved: Saved, processes: Processes, mut told: Told) -> Option<Self> {
        let read = Read {
            pieces: saved.pieces.into_iter().map(|path| Arc::new(Piece { path })).collect(),
            rules: saved.rules.into_iter().map(rule).collect::<Option<_>>()?,
            contexts: saved.contexts.into_iter().map(|context| matched(context).collect()).collect(),
        };
        for (place, context) in saved.events {
            told.events.insert(read.place(place)?, Arc::clone(read.contexts.get(context as usize)?));
        }
        let mut linker = Self::new(self.limits);
        for finding in saved.findings {
            linker.finding(read.finding(finding)?);
        }
        linker.logins = saved.arrivals.into_iter().map(|arrival| read.arrival(arrival)).collect::<Option<_>>()?;
        linker.findings.beyond += saved.beyond;
        (linker.addresses, linker.more_logins) = (saved.addresses, saved.more_logins);
        (linker.processes, linker.told) = (processes, told);
        Some(linker)
    }
}

/// It finds nothing by itself: findings are given to it, and [`Linker::incidents`] tells what came of them.
impl Follower for Linker {
    fn observe(&mut self, piece: &Arc<Piece>, observation: &Observation<'_>, _: &mut Vec<Finding>) {
        match observation.rule {
            TRACES => Self::observe(self, piece, observation),
            _ => {
                if let Some(step) = Step::unpack(observation.values) {
                    self.login(piece, observation, &step);
                }
            }
        }
    }

    fn advance(&mut self, _: Time, _: &mut Vec<Finding>) {}

    fn end(&mut self, _: &mut Vec<Finding>) {}

    fn save(&self) -> Vec<u8> {
        let saved = postcard::to_allocvec(&(self.saved(), &self.processes, &self.told))
            .unwrap_or_else(|error| unreachable!("everything that is kept can be written: {error}"));
        [Sha256::digest(&saved).as_slice(), &saved].concat()
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        let whole =
            saved.split_first_chunk::<32>().filter(|(digest, saved)| Sha256::digest(saved).as_slice() == *digest);
        let (_, saved) = whole.ok_or("this is no saved state of the linker, or it is damaged")?;
        let other = "the state was saved by another version of the program";
        let (saved, processes, told): (Saved, Processes, Told) =
            postcard::from_bytes(saved).map_err(|error| format!("{other}: {error}"))?;
        if saved.form != FORM {
            return Err(other.to_owned());
        }
        *self = self.read(saved, processes, told).ok_or(other)?;
        Ok(())
    }
}
