//! Accounting: every login in the evidence is explained by a grant or by standing access, or it is a finding.
//!
//! ```text
//! steps of logins, in the order of time ──▶ sessions ──▶ judged by policy and ledger ──▶ findings of a Class
//!                                               └──────▶ compared with what was usual ─────▲
//! ```
//!
//! [`Accounting`] is a follower. On a host that the policy names every login of every account is judged as soon as sshd tells who was let in; what
//! only PAM, wtmp or auditd tell of waits [`WAIT`] for sshd's line. Hosts that it does not name are counted. Without a policy
//! it only learns what is usual. What it keeps is bounded: 65,536 connections, of which
//! those that were refused or are over are given up first, of a text 256 bytes.

mod class;
mod course;
mod covered;
mod past;
mod release;
mod rotation;
mod state;
mod suggest;
mod told;
mod usual;

use std::{collections::BTreeMap, sync::Arc};

use event::{Finding, Follower, Observation, Outcome, Piece, Step, Time};

pub use class::Class;
use course::Course;
pub use covered::Covered;
pub use release::{Releases, tells_of_packages};
use state::State;
pub use suggest::Suggestion;
use told::{Told, kept};

/// How long what other records tell of a login waits for sshd's own line, in nanoseconds.
pub const WAIT: i64 = 10_000_000_000;

/// The service of a hint that systemd-logind gives: of a session to an account by whatever service; without an account, that it was started itself.
pub const LOGIND: &str = "systemd-logind";

/// Whether a service lets one account run commands as another.
pub fn becomes(service: &str) -> bool {
    matches!(service, "sudo" | "pkexec" | "doas")
}

/// Explains logins.
pub struct Accounting {
    covered: Option<Covered>,
    state: State,
    /// The piece of the last observation, and what it was found to be about; they come many of one.
    last: Option<Last>,
}

/// Whom the steps of one piece are about that name one host.
struct Last {
    piece: Arc<Piece>,
    path: Arc<str>,
    name: String,
    /// The name as it is kept, and the policy's id for the host if it has one.
    host: (Arc<str>, Option<Arc<str>>),
}

/// What came of all logins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Logins to hosts of the policy.
    pub logins: u64,
    /// How many of them are explained.
    pub explained: u64,
    /// Sessions that were not followed to their end, since too many others were open.
    pub unfollowed: u64,
    /// Logins to other hosts, by host.
    pub elsewhere: BTreeMap<String, u64>,
    /// Logins to further hosts.
    pub elsewhere_more: u64,
}

impl Accounting {
    /// Explains logins by a policy and ledger, if there are any; learns what is usual in any case.
    pub fn new(covered: Option<Covered>) -> Self {
        Self { covered, state: State::default(), last: None }
    }

    /// Takes note of a piece of evidence, whatever it holds.
    pub fn piece(&mut self, path: &str) {
        if self.covered.is_some() {
            self.state.rotations.piece(path);
        }
    }

    /// Takes note of an address of a host that its log tells of, and when it did first.
    pub fn server(&mut self, host: &str, address: &str, time: Time) {
        self.state.usual.server(host, address);
        let Some(covered) = &mut self.covered else { return };
        covered.learn(host, address);
        if let Some(host) = covered.policy.host_of(host, "").map(|host| host.id.clone()) {
            let since = self.state.listens.entry(host).or_insert(i64::MAX);
            *since = time.as_nanos().min(*since);
        }
    }

    /// What is under release, where policy and ledger say so.
    pub fn releases(&self) -> Option<&Releases> {
        self.covered.as_ref().map(Covered::releases).filter(|releases| releases.is_judged())
    }

    /// What came of all logins so far; `None` without a policy.
    pub fn account(&self) -> Option<Account> {
        self.covered.as_ref().map(|_| Account {
            logins: self.state.logins,
            explained: self.state.explained,
            unfollowed: self.state.unfollowed,
            elsewhere: self.state.elsewhere.clone(),
            elsewhere_more: self.state.elsewhere_more,
        })
    }

    /// The same, and the name itself, with the piece's path; looked up when they change.
    fn about(&mut self, name: &str, piece: &Arc<Piece>) -> &Last {
        let is_same = |last: &Last| Arc::ptr_eq(&last.piece, piece) && last.name == name;
        let last = self.last.take().filter(is_same).unwrap_or_else(|| {
            let host = self.covered.as_ref().and_then(|covered| covered.policy.host_of(name, &piece.path));
            Last {
                piece: Arc::clone(piece),
                path: piece.path.as_str().into(),
                name: name.to_owned(),
                host: (kept(name).into(), host.map(|host| host.id.as_str().into())),
            }
        });
        self.last.insert(last)
    }

    /// Takes what an observation tells of a login: [`Follower::observe`] for those who have unpacked it already.
    pub fn step(
        &mut self,
        piece: &Arc<Piece>,
        observation: &Observation<'_>,
        step: Step<'_>,
        findings: &mut Vec<Finding>,
    ) {
        self.advance(observation.time, findings);
        let name = match &step {
            Step::Login(login) | Step::Hint(login) => &login.host,
            Step::Request(request) => &request.of.host,
            Step::Child(of, _) => &of.host,
            Step::Logout(logout) => &logout.of.host,
        };
        let Last { path, host: (known, host), .. } = self.about(name, piece);
        let at = Told::at(Arc::clone(path), observation, Arc::clone(host.as_ref().unwrap_or(known)));
        let is_elsewhere = host.is_none();
        if let Step::Login(login) = &step
            && login.outcome == Outcome::Accepted
            && is_elsewhere
        {
            self.state.usual.login(&at.with(login), findings);
            if self.covered.is_some() {
                self.state.count_elsewhere(&at.host);
            }
        }
        let Some(covered) = self.covered.as_ref().filter(|_| !is_elsewhere) else { return };
        Course { covered, state: &mut self.state, findings }.step(&at, step);
    }
}

/// Whether it is `sudo -l` or `sudo -v`, which run nothing; what sudo runs stands there with its path.
fn runs_nothing(service: &str, command: &str) -> bool {
    service == "sudo" && matches!(command.split(' ').next(), Some("list" | "validate"))
}

impl Follower for Accounting {
    fn observe(&mut self, piece: &Arc<Piece>, observation: &Observation<'_>, findings: &mut Vec<Finding>) {
        match Step::unpack(observation.values) {
            Some(step) => self.step(piece, observation, step, findings),
            None => self.advance(observation.time, findings),
        }
    }

    fn advance(&mut self, time: Time, findings: &mut Vec<Finding>) {
        self.state.first.get_or_insert(time.as_nanos());
        self.state.now = self.state.now.max(time.as_nanos());
        if let Some(covered) = &self.covered {
            Course { covered, state: &mut self.state, findings }.look_again(Some(time.as_nanos()));
        }
    }

    fn end(&mut self, findings: &mut Vec<Finding>) {
        let (period, Some(covered)) = (self.state.period(), &self.covered) else { return };
        let mut course = Course { covered, state: &mut self.state, findings };
        course.look_again(None);
        course.still_open();
        course.missing_logs();
        course.turned_at_rotation();
        let told = |class: Class| move |told: &Told| told.finding(class, told.reason.clone());
        let is_then = |told: &&Told| period.contains(&told.time);
        findings.extend(covered.clock_back.iter().filter(is_then).map(told(Class::ClockBack)));
        findings.extend(covered.refused.iter().filter(is_then).map(told(Class::RequestRefused)));
        let unused = covered.glass.iter().filter(|(serial, _)| !self.state.glass.contains(serial));
        findings.extend(unused.map(|(_, told)| told).filter(is_then).map(told(Class::BreakGlass)));
        findings.extend(covered.misplaced.iter().map(|(told, more)| {
            let others = if *more > 0 { format!("; so it is with the {more} grants behind it") } else { String::new() };
            told.finding(Class::LedgerChanged, format!("{}{others}", told.reason))
        }));
    }

    fn save(&self) -> Vec<u8> {
        serde_json::to_vec(&self.state).unwrap_or_default()
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        self.state =
            serde_json::from_slice(saved).map_err(|error| format!("not what the accounting saved: {error}"))?;
        if let Some(covered) = &mut self.covered {
            self.state.usual.servers().for_each(|(address, host)| covered.learn(host, address));
        }
        Ok(())
    }
}
