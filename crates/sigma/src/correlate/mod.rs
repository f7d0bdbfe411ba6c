//! Correlations: what single events do not say, said by several within a time (Sigma correlation rules specification v2.1).
//!
//! ```text
//! rules, correlations ──plan──▶ Plan: who follows which rule
//! observations, in the order of time ──▶ Correlator ──▶ Window (one a correlation) ──▶ Burst ──▶ finding
//!                                             ▲                    │
//!                                             └── of chains ◀──────┘
//! ```
//!
//! The window of an event reaches back from it by the timespan, both ends included; it slides from event to event. Whenever the condition
//! holds for a window, its events belong to a *burst*; windows that hold no further apart than the timespan are one burst, and one burst is one
//! finding. A burst begins with all events of its first window; where their order counts, with those since its chain began.
//!
//! A correlation that is itself named by another one counts there as an event when a burst begins, and again whenever the burst has gone on for longer
//! than the timespan since: guessing that goes on for days is followed by a login as much as guessing of an hour. It has the fields of the event with
//! which that happens, and the aliases of the correlation whose burst it is.
//!
//! Values that tell groups apart, or are counted, are compared without regard to case, as everywhere in Sigma. An event that lacks a field of
//! `group-by`, or the one that is measured, takes no part.
//!
//! An event that satisfies several rules of a correlation is one event: it is counted and measured once, and stands on neither side of itself in an
//! order. Its rules are taken in one after another, in the order in which they were loaded. Events of one time stand in the order of the evidence.
//!
//! If the clocks of machines may differ (`skew`), windows are longer by that much, and of two events of different machines that are no further apart
//! than that either may have come first (looked for among the newest [`order::MOST_WITH_SKEW`] events of a group).
//!
//! What is kept is bounded ([`Limits`]): if more events lie within the timespans, the correlation that holds most forgets its oldest, and tells so
//! ([`Correlator::cut_short`]).

mod alike;
mod key;
mod measured;
mod number;
mod order;
mod plan;
mod queue;
mod scale;
mod slab;
mod sorted;
mod window;

use std::{collections::HashMap, sync::Arc};

use event::{Correlated, Finding, Follower, Matched, Observation, Piece, Place, Sighting, Time, Values};

use key::{Key, Keys};
pub use number::Number;
pub(crate) use plan::{Followed, Plan, plan};
use plan::{Planned, Use};
use scale::Scale;
use sha2::{Digest, Sha256};
use window::{Burst, Hosts, MOST_PIECES, Mark, Shown, Window};

/// How much a [`Correlator`] keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes, as good as they can be told: an event within the timespan takes 32 and up to 48 more for what is measured of it, a group
    /// 90 and more where rules are counted, a burst some 250 and its values.
    pub bytes: usize,
}

/// Enough for ten million events in a million groups.
impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 768 << 20 }
    }
}

/// At most so many events are forgotten at a time.
const FORGET: usize = 4096;

/// That a correlation could not hold all events of its timespan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutShort {
    /// Where the correlation was loaded from, and its title.
    pub path: String,
    /// See `path`.
    pub title: String,
    /// Events that were forgotten before their time.
    pub events: u64,
    /// What was left of the timespan, in nanoseconds, when least was left.
    pub shortest: i64,
}

/// The follower that runs correlations.
pub struct Correlator {
    plan: Arc<Plan>,
    state: State,
}

/// What it keeps.
struct State {
    /// In nanoseconds.
    skew: i64,
    limits: Limits,
    /// One for each correlation.
    windows: Vec<Window>,
    /// How many bytes they hold together.
    held: usize,
    pieces: Vec<Arc<Piece>>,
    piece_numbers: HashMap<Arc<Piece>, u32>,
    /// The piece of the last observation; they come many of one piece.
    last_piece: Option<(Arc<Piece>, u32)>,
    hosts: Hosts,
    scale: Scale,
    ended: Vec<Burst>,
}

impl Correlator {
    /// Runs the correlations of a plan. The clocks of machines may differ by `skew`: windows are longer by it, and of two events of different machines no further
    /// apart either may have come first.
    pub(crate) fn new(plan: Arc<Plan>, skew: std::time::Duration, limits: Limits) -> Self {
        let state = State {
            skew: i64::try_from(skew.as_nanos()).unwrap_or(i64::MAX),
            limits,
            windows: plan.correlations.iter().map(|_| Window::default()).collect(),
            held: 0,
            pieces: Vec::new(),
            piece_numbers: HashMap::new(),
            last_piece: None,
            hosts: Hosts::default(),
            scale: Scale::new(Keys::new()),
            ended: Vec::new(),
        };
        Self { plan, state }
    }

    /// The correlations that could not hold all events of their timespan.
    pub fn cut_short(&self) -> Vec<CutShort> {
        let cut = self.plan.correlations.iter().zip(&self.state.windows).filter(|(_, window)| window.forgotten > 0);
        cut.map(|(planned, window)| CutShort {
            path: planned.info.path.clone(),
            title: planned.info.title.clone(),
            events: window.forgotten,
            shortest: window.shortest.unwrap_or_default(),
        })
        .collect()
    }

    fn kind(&self, keys: &Keys) -> Kind {
        let nothing = Keys::with(keys.secret()).of(Key::default(), &[], &[]);
        (self.plan.fingerprint(), self.state.skew, nothing.unwrap_or_default())
    }
}

impl State {
    fn piece(&mut self, piece: &Arc<Piece>) -> u32 {
        if let Some((last, number)) = &self.last_piece
            && Arc::ptr_eq(last, piece)
        {
            return *number;
        }
        let next = self.pieces.len() as u32;
        let number = *self.piece_numbers.entry(Arc::clone(piece)).or_insert(next.min(MOST_PIECES as u32 - 1));
        if number == next {
            let is_last = self.pieces.len() == MOST_PIECES - 1;
            let rest = || Arc::new(Piece { path: "one of very many pieces".into() });
            self.pieces.push(if is_last { rest() } else { Arc::clone(piece) });
        }
        self.last_piece = Some((Arc::clone(piece), number));
        number
    }

    /// Shows an event to those who follow its source.
    fn show(&mut self, plan: &Plan, source: usize, shown: &Shown<'_>, findings: &mut Vec<Finding>) {
        let Some(uses) = plan.uses.get(source) else { return };
        let place = self.scale.weigh(plan, source, shown.values);
        for (follower, used) in uses.iter().enumerate() {
            let Some(planned) = plan.correlations.get(used.correlation) else { continue };
            let Some(weighed) = self.scale.weighed(source, place, follower) else { continue };
            let span = planned.timespan.saturating_add(self.skew);
            let skew = self.skew;
            let observe = |window: &mut Window, ended: &mut Vec<Burst>| {
                window.observe((planned, used), (shown, &weighed), (span, skew), ended)
            };
            if self.change((used.correlation, planned), observe, findings) == Some(true) {
                let values = passed_on(used, shown.values);
                self.show(plan, planned.source, &Shown { values: Values::packed(&values), ..*shown }, findings);
            }
        }
    }

    /// Makes findings of the bursts of a correlation that have ended.
    fn tell(&mut self, planned: &Planned, findings: &mut Vec<Finding>) {
        let pieces = &self.pieces;
        findings.extend(self.ended.drain(..).filter(|_| !planned.silent).map(|burst| finding(planned, pieces, burst)));
    }

    /// Changes a window, and makes findings of the bursts that end thereby; gives what the change gives.
    fn change<T>(
        &mut self,
        (number, planned): (usize, &Planned),
        change: impl FnOnce(&mut Window, &mut Vec<Burst>) -> T,
        findings: &mut Vec<Finding>,
    ) -> Option<T> {
        let window = self.windows.get_mut(number)?;
        let before = window.bytes(planned);
        let changed = change(window, &mut self.ended);
        self.held = self.held - before + window.bytes(planned);
        self.tell(planned, findings);
        Some(changed)
    }

    /// Forgets events until the limits are kept.
    fn keep_limits(&mut self, plan: &Plan, findings: &mut Vec<Finding>) {
        while self.held > self.limits.bytes {
            let held = plan.correlations.iter().zip(&self.windows).map(|(planned, window)| window.bytes(planned));
            let most = held.enumerate().max_by_key(|(_, bytes)| *bytes).map(|(number, _)| number);
            let Some((number, planned)) = most.and_then(|number| Some((number, plan.correlations.get(number)?))) else {
                return;
            };
            self.change((number, planned), |window, ended| window.forget(FORGET, ended), findings);
        }
    }
}

/// The values that those who follow a correlation ask for, the machine first.
fn passed_on(used: &Use, values: Values<'_>) -> Vec<u8> {
    let values: Vec<Option<&str>> = values.collect();
    let mut packed = Vec::new();
    let places = std::iter::once(0).chain(used.passed_on.iter().map(|place| place + 1));
    places.for_each(|place| Values::pack(values.get(place).copied().flatten(), &mut packed));
    packed
}

fn finding(planned: &Planned, pieces: &[Arc<Piece>], burst: Burst) -> Finding {
    let sighting = |mark: &Mark| {
        let piece = pieces.get(mark.piece() as usize).cloned();
        let rule = planned.elements.get(usize::from(mark.element())).cloned();
        Sighting {
            time: Time::from_nanos(mark.time),
            rule: rule.unwrap_or_else(|| Arc::clone(&planned.info)),
            place: Place {
                piece: piece.unwrap_or_else(|| Arc::new(Piece { path: String::new() })),
                position: mark.position(),
            },
        }
    };
    let group = planned.group_by.iter().zip(Values::packed(&burst.group));
    let matched =
        group.map(|(field, value)| Matched { field: field.clone(), value: value.unwrap_or_default().to_owned() });
    let correlated = Correlated {
        events: burst.events,
        firsts: burst.firsts.iter().map(sighting).collect(),
        last: sighting(&burst.last),
    };
    Finding::correlated(&planned.info, burst.host, matched.collect(), correlated)
}

impl Follower for Correlator {
    fn observe(&mut self, piece: &Arc<Piece>, observation: &Observation<'_>, findings: &mut Vec<Finding>) {
        let Self { plan, state } = self;
        let piece = state.piece(piece);
        let mut values = observation.values;
        let host = state.hosts.number(values.next().flatten().unwrap_or_default());
        let mark = Mark::new(observation.time.as_nanos(), piece, observation.position);
        let shown = Shown { mark, host, values: observation.values };
        state.show(plan, observation.rule as usize, &shown, findings);
        state.keep_limits(plan, findings);
    }

    fn advance(&mut self, time: Time, findings: &mut Vec<Finding>) {
        let Self { plan, state } = self;
        for (number, planned) in plan.correlations.iter().enumerate() {
            let span = planned.timespan.saturating_add(state.skew);
            state.change((number, planned), |window, ended| window.expire(time.as_nanos(), span, ended), findings);
        }
    }

    fn end(&mut self, findings: &mut Vec<Finding>) {
        let Self { plan, state } = self;
        for planned in plan.correlations.iter().enumerate() {
            state.change(planned, Window::end, findings);
        }
    }

    /// A digest, then everything.
    fn save(&self) -> Vec<u8> {
        let State { pieces, scale: Scale { keys, .. }, windows, .. } = &self.state;
        let paths: Vec<&str> = pieces.iter().map(|piece| piece.path.as_str()).collect();
        let saved = (self.kind(keys), keys.secret(), windows, paths);
        let saved = postcard::to_allocvec(&saved)
            .unwrap_or_else(|error| unreachable!("everything that is kept can be written: {error}"));
        [Sha256::digest(&saved).as_slice(), &saved].concat()
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        type Saved = (Kind, u64, Vec<Window>, Vec<String>);
        let whole =
            saved.split_first_chunk::<32>().filter(|(digest, saved)| Sha256::digest(saved).as_slice() == *digest);
        let (_, saved) = whole.ok_or("this is no saved state of correlations, or it is damaged")?;
        let (kind, secret, mut windows, paths): Saved = postcard::from_bytes(saved)
            .map_err(|error| format!("the state was saved by another version of the program: {error}"))?;
        let keys = Keys::with(secret);
        if kind != self.kind(&keys) || windows.len() != self.state.windows.len() {
            return Err(
                "the state was saved with other rules, another --skew, or by another version of the program".into()
            );
        }
        windows.iter_mut().for_each(Window::rebuild);
        let state = &mut self.state;
        state.held = self.plan.correlations.iter().zip(&windows).map(|(planned, window)| window.bytes(planned)).sum();
        (state.windows, state.scale) = (windows, Scale::new(keys));
        state.pieces = paths.into_iter().map(|path| Arc::new(Piece { path })).collect();
        state.piece_numbers = state.pieces.iter().cloned().zip(0..).collect();
        state.last_piece = None;
        Ok(())
    }
}

/// The plan's fingerprint, the skew, and a key of nothing, which tells whether keys are made in the same way.
type Kind = ([u8; 32], i64, Key);
