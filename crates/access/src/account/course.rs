//! The course of logins on hosts that the policy names.

use std::{collections::VecDeque, sync::Arc};

use event::{Finding, Link, Login, Logout, Outcome, Request, Step, Time};

use super::{
    Class, Covered, LOGIND, WAIT, becomes,
    covered::Explained,
    rotation::Missing,
    state::{Accepted, Connection, Log, MAX, Names, Order, Phase, State},
    told::Told,
};

/// How long a refusal waits for what comes of its connection: sshd's LoginGraceTime, in nanoseconds.
const LOGIN_GRACE: i64 = 120_000_000_000;
/// How long a connection that is over is remembered, in nanoseconds: further lines of it, and copies of them, may still come.
const REMEMBERED: i64 = 3_600_000_000_000;
/// How long a session may go on after its grant, in nanoseconds: what ends it looks once a minute.
const OUTLAST: i64 = 120_000_000_000;
/// How many starts of a host are remembered.
const MAX_STARTS: usize = 1024;
/// What is further apart was taken for another year, in nanoseconds: half a year.
const OTHER_YEAR: i64 = 183 * 86_400_000_000_000;
/// How far times of one log may go back without anyone having turned the clock, in nanoseconds.
const UNSORTED: i64 = 60_000_000_000;
/// A session of which only its further course is told may have begun before a log that began less than so long ago, in nanoseconds: a week, as who
/// keeps a terminal open over a weekend is no intruder.
const LONG_SESSION: i64 = 7 * 86_400_000_000_000;

/// The course of logins on hosts of the policy.
pub(super) struct Course<'a> {
    pub covered: &'a Covered,
    pub state: &'a mut State,
    pub findings: &'a mut Vec<Finding>,
}

impl Course<'_> {
    fn find(&mut self, told: &Told, class: Class, why: String) {
        self.findings.push(told.finding(class, why));
    }

    /// `at` says when and where the step was told.
    pub fn step(&mut self, at: &Told, step: Step<'_>) {
        if let Step::Logout(logout) = &step
            && logout.of.session == Logout::START
        {
            return self.started(at);
        }
        self.order(at);
        let host = &*at.host;
        let log =
            self.state.hosts.entry(Arc::clone(&at.host)).or_insert_with(|| Log { began: at.time, ..Log::default() });
        log.last = at.time;
        log.has_sshd |= is_said_by_sshd(&step);
        let began = log.began;
        match step {
            Step::Login(login) if login.outcome == Outcome::Accepted => self.accepted(at, host, &login),
            Step::Hint(login) if becomes(&login.service) => self.may_have_become(&at.with(&login)),
            Step::Hint(login) if login.service == LOGIND => self.session_of_logind(at.with(&login)),
            Step::Hint(login) if login.outcome == Outcome::Accepted => {
                let names = Names::of(host, &login.link());
                // Nearly always sshd itself has said who was let in.
                if !self.state.find(&names).is_some_and(|id| self.state.is_open(id)) {
                    self.wait(at.with(&login), &names);
                }
            }
            Step::Login(login) | Step::Hint(login) => self.refused(at, host, &login),
            Step::Child(of, child) => self.child(at, host, &of, &child),
            Step::Request(request) => {
                let names = Names::of(host, &request.of);
                self.requested(&names, &request);
                self.trace(at, &names, began);
            }
            Step::Logout(logout) if logout.tried.is_some() => {}
            Step::Logout(logout) => self.logout(at, &Names::of(host, &logout.of), began),
        }
        while self.state.open.len() > MAX
            && let Some(id) = self.state.least_needed()
        {
            self.over(id);
        }
    }

    /// The host was started. Its clock may not be right yet, so nothing else is made of it.
    fn started(&mut self, at: &Told) {
        let Some(log) = self.state.hosts.get_mut(&at.host) else { return };
        log.starts.push_back((at.time, log.last));
        if log.starts.len() > MAX_STARTS {
            log.starts.pop_front();
        }
    }

    /// Places and times of one log rise together, unless the clock was turned back.
    fn order(&mut self, at: &Told) {
        if self.state.courses.len() >= MAX {
            self.state.courses.clear();
        }
        if !self.state.pieces.contains_key(&at.at.path) && self.state.pieces.len() < MAX {
            self.state.pieces.insert(at.at.path.clone(), (at.host.clone(), at.at.clone(), at.time));
        }
        let new = || Order { last: 0, last_time: at.time, is_told: false, began: at.time, ended: at.time };
        let courses = self.state.courses.entry(Arc::clone(&at.at.path)).or_default();
        if courses.len() >= MAX {
            courses.clear();
        }
        let order = courses.entry(Arc::clone(&at.host)).or_insert_with(new);
        order.ended = at.time;
        let goes_back = at.at.number < order.last && at.time - order.last_time > UNSORTED;
        let first_back = goes_back && !order.is_told;
        let back = (order.last, order.last_time);
        order.is_told |= goes_back;
        if goes_back || at.at.number > order.last {
            (order.last, order.last_time) = (at.at.number, at.time);
        }
        if first_back {
            let why = format!("what stands before it in the log is of {}, so the clock was turned back", at.time());
            self.find(&at.moved(back), Class::ClockBack, why);
        }
    }

    fn accepted(&mut self, at: &Told, host: &str, login: &Login<'_>) {
        let (told, names) = (at.with(login), Names::of(host, &login.link()));
        match (&*login.service, &*login.method) {
            (service, _) if service == "su" || becomes(service) => self.becomes(&told, &names),
            // A terminal within a session, of tmux, screen or a window.
            ("terminal", _)
                if login.source.is_empty() && !login.source_host.is_empty() && is_pseudo(&login.terminal) =>
            {
                self.state.begin(&names, Phase::Over);
            }
            ("ssh", method) if !method.is_empty() => self.let_in(told, &names),
            _ => self.wait(told, &names),
        }
    }

    /// sshd says who was let in.
    fn let_in(&mut self, told: Told, names: &Names) {
        let before = self.state.find(names);
        if before.is_some_and(|id| self.is_known(id, |known| told.repeats(known))) {
            return;
        }
        let (refused, factor) = before.map(|id| self.connection_before(id)).unwrap_or_default();
        let told = told.with_factor(factor);
        let (explained, why) = self.covered.judge(&told);
        self.remember(&told, explained.is_some());
        self.state.logins += 1;
        self.judged(&told, explained.as_ref());
        if let Some((class, why)) = why {
            self.find(&told, class, why);
        }
        // What was refused to another client has but the number of its process in common.
        let is_theirs = |refused: &Told| {
            (refused.source.is_empty() || refused.source == told.source)
                && (refused.port.is_none() || told.port.is_none() || refused.port == told.port)
        };
        let (theirs, others) = refused.into_iter().partition(is_theirs);
        self.tell_refused(theirs, explained.as_ref());
        self.tell_refused(others, None);
        let until = explained.and_then(|Explained { until, .. }| until);
        self.state.begin(names, Phase::In { told: Box::new(told), until });
    }

    /// Takes note of what was judged of a login.
    fn judged(&mut self, told: &Told, explained: Option<&Explained>) {
        self.state.explained += u64::from(explained.is_some());
        self.state.glass.extend(self.covered.broken_glass(told, explained));
    }

    /// Whether who was let in over a connection is known, and such.
    fn is_known(&self, id: u64, is_such: impl Fn(&Told) -> bool) -> bool {
        match self.state.open.get(&id).map(|connection| &connection.state) {
            Some(Phase::In { told, .. } | Phase::Ended(told)) => is_such(told),
            _ => false,
        }
    }

    /// Takes what was refused, and what was right, in a connection that is now let in.
    fn connection_before(&mut self, id: u64) -> (Vec<Told>, Option<Box<Told>>) {
        let Some(before) = self.state.open.get_mut(&id) else { return Default::default() };
        match before.state {
            Phase::Before | Phase::Waiting(_) => {
                before.state = Phase::Over;
                (std::mem::take(&mut before.refused), before.factor.take())
            }
            _ => Default::default(),
        }
    }

    /// Remembers a login, and where it is explained its connection, which is about to begin.
    fn remember(&mut self, told: &Told, is_explained: bool) {
        if self.state.accepted.len() >= MAX {
            self.state.accepted.clear();
        }
        let State { accepted, open, next, .. } = &mut *self.state;
        let logins = accepted.entry(told.account()).or_default();
        logins.push_back((told.time, told.source.clone(), is_explained.then_some(*next)));
        let is_open = |id: u64| open.get(&id).is_some_and(Connection::is_open);
        let is_old = |(time, _, id): &Accepted| told.time - time > 2 * WAIT && !id.is_some_and(is_open);
        while logins.front().is_some_and(is_old) || logins.len() > 1024 {
            logins.pop_front();
        }
    }

    /// Something tells of a session of which sshd may yet say more.
    fn wait(&mut self, told: Told, names: &Names) {
        if let Some(connection) = self.state.find(names).and_then(|id| self.state.open.get_mut(&id)) {
            match &mut connection.state {
                Phase::In { .. } => return,
                Phase::Waiting(known) => {
                    if known.user.is_empty() {
                        known.user = told.user;
                    }
                    return;
                }
                Phase::Before | Phase::Ended(_) | Phase::Over => {}
            }
        }
        if self.is_further(&told) {
            self.state.begin(names, Phase::Over);
            return;
        }
        let time = told.time;
        let id = self.state.begin(names, Phase::Waiting(Box::new(told)));
        self.state.waiting.push_back((time + WAIT, id));
    }

    /// Whether it is a further terminal over a connection that goes on (`ControlMaster`): sshd does not tell again who was let in.
    fn is_further(&self, told: &Told) -> bool {
        let is_open =
            |(_, source, id): &Accepted| *source == told.source && id.is_some_and(|id| self.state.is_open(id));
        is_pseudo(&told.terminal) && !told.source.is_empty() && self.state.has_accepted(&told.account(), is_open)
    }

    fn child(&mut self, at: &Told, host: &str, of: &Link<'_>, child: &str) {
        let names = Names::of(host, of);
        if self.state.find(&names).is_none() {
            self.wait(Told { service: "ssh".into(), ..at.clone() }, &names);
        }
        if let Some(id) = self.state.find(&names) {
            self.state.name(id, &Names::of(host, &Link { session: child.into(), ..Link::default() }));
        }
    }

    /// What is started in a session is the grant's command, if it has one, and with a terminal only if it permits one.
    fn requested(&mut self, names: &Names, request: &Request<'_>) {
        let Some(connection) = self.state.find(names).and_then(|id| self.state.open.get(&id)) else { return };
        if let Phase::In { told, until: Some((_, serial)) } = &connection.state
            && let Some(why) = self.covered.exceeds(*serial, request)
        {
            self.findings.push(told.finding(Class::Forged, why));
        }
    }

    /// Something of a session's further course is told.
    fn trace(&mut self, at: &Told, names: &Names, began: i64) {
        // The end of a terminal says nothing about sshd: tmux has terminals too.
        if !names.is_empty()
            && !names.is_terminal()
            && self.state.find(names).is_none()
            && at.time - began > LONG_SESSION
        {
            self.wait(Told { service: "ssh".into(), ..at.clone() }, names);
        }
    }

    fn logout(&mut self, at: &Told, names: &Names, began: i64) {
        let Some(id) = self.state.find(names) else { return self.trace(at, names, began) };
        if let Some(log) = self.state.hosts.get_mut(&at.host) {
            log.has_ends = true;
        }
        let Some(connection) = self.state.open.get_mut(&id) else { return };
        if matches!(connection.state, Phase::Waiting(_) | Phase::Ended(_)) {
            return;
        }
        let Phase::In { told, until } = std::mem::replace(&mut connection.state, Phase::Over) else { return };
        self.state.ended.push_back((at.time.saturating_add(REMEMBERED), id));
        if let Some((until, serial)) = until
            && at.time > until.saturating_add(OUTLAST)
        {
            let end = Time::from_nanos(until);
            let why = format!("grant {serial} ended at {end}, the session at {}", at.time());
            self.findings.push(told.finding(Class::Outlasts, why));
        }
        if at.time - told.time <= WAIT {
            connection.state = Phase::Ended(told);
        }
    }

    /// sshd refused a certificate, or says why it is about to; or it asks for more than was right.
    fn refused(&mut self, at: &Told, host: &str, login: &Login<'_>) {
        let (told, names) = (at.with(login), Names::of(host, &login.link()));
        let before = self.state.find(&names);
        // Who is let in is asked for nothing more: this stands in another copy of the log.
        let is_let_in =
            |known: &Told| (told.time - known.time).abs() <= WAIT && told.port.is_none_or(|_| known.port == told.port);
        if before.is_some_and(|id| self.is_known(id, is_let_in)) {
            return;
        }
        let known = before
            .filter(|id| self.state.open.get(id).is_some_and(|connection| matches!(connection.state, Phase::Before)));
        let id = known.unwrap_or_else(|| {
            let id = self.state.begin(&Names::default(), Phase::Before);
            self.state.refusals.push_back((at.time + LOGIN_GRACE, id));
            id
        });
        self.state.name(id, &names);
        let Some(connection) = self.state.open.get_mut(&id) else { return };
        if login.outcome == Outcome::Partial {
            connection.factor = Some(Box::new(told));
        } else if let Some(hint) = connection.refused.last_mut().filter(|hint| hint.certificate.is_none()) {
            let reason = std::mem::take(&mut hint.reason);
            let reason = if reason.is_empty() { told.reason.clone() } else { reason };
            *hint = Told { reason, ..told };
        } else if connection.refused.len() < 16
            && !connection.refused.iter().any(|known| known.certificate == told.certificate)
        {
            connection.refused.push(told);
        }
    }

    /// Tells what was refused in a connection, unless it was the wrong one of several certificates of who was then let in.
    fn tell_refused(&mut self, refused: Vec<Told>, let_in: Option<&Explained>) {
        for told in refused {
            let offered = let_in.zip(told.certificate.as_ref());
            if offered.is_some_and(|(let_in, certificate)| self.covered.is_theirs(certificate, let_in)) {
                continue;
            }
            let judged = told.certificate.as_ref().map(|certificate| self.covered.by_certificate(&told, certificate));
            let objection = judged.and_then(|(explained, why)| why.filter(|_| explained.is_none()));
            let reasons = [Some(&told.reason), objection.as_ref().map(|(_, why)| why)];
            let reasons = reasons.into_iter().flatten().filter(|reason| !reason.is_empty());
            let mut why = "sshd refused it".to_owned();
            reasons.zip([": ", "; "]).for_each(|(reason, mark)| why.extend([mark, reason]));
            self.find(&told, Class::CertificateRefused, why);
        }
    }

    /// Tells of a certificate that was right, where what else sshd asks for was not.
    fn tell_half(&mut self, factor: Option<Box<Told>>) {
        if let Some(told) = factor.filter(|told| told.certificate.is_some()) {
            self.find(
                &told,
                Class::CertificateRefused,
                "it was right, but not what sshd asks for beside it".to_owned(),
            );
        }
    }

    /// su and sudo.
    fn becomes(&mut self, told: &Told, names: &Names) {
        if super::runs_nothing(&told.service, &told.reason) {
            return;
        }
        if let Some(id) = self.state.find(names)
            && told.service == "su"
            && self
                .state
                .open
                .get(&id)
                .is_some_and(|one| matches!(&one.state, Phase::In { told, .. } if told.service == "su"))
        {
            return;
        }
        self.state.logins += 1;
        let is_explained = self.may_become(told);
        self.state.explained += u64::from(is_explained);
        if !is_explained {
            self.became(told);
        }
        if becomes(&told.service)
            && let Some(name) = self.covered.unreleased(&told.reason)
        {
            self.find(told, Class::NotReleased, format!("the ledger has no release of {name}"));
        }
        if told.service == "su" {
            self.state.begin(names, Phase::In { told: Box::new(told.clone()), until: None });
        }
    }

    fn may_become(&self, told: &Told) -> bool {
        matches!(told.by_user.as_str(), "root" | "")
            || told.by_user == told.user
            || self.covered.may_become(&told.host, &told.by_user, &told.user)
    }

    /// Tells that one account became another, the first time in a while; gives whether it was.
    fn became(&mut self, told: &Told) -> bool {
        let what = format!("{}\0{}\0{}", told.host, told.by_user, told.user);
        let is_new = self.state.is_new(what, told.time);
        if is_new {
            let why = format!("nothing lets {} become {} by {}", told.by_user, told.user, told.service);
            self.find(told, Class::NoGrant, why);
        }
        is_new
    }

    /// auditd tells of sudo: syslog may tell the same, and is what counts then.
    fn may_have_become(&mut self, told: &Told) {
        if !self.may_become(told) && self.became(told) {
            self.state.logins += 1;
        }
    }

    /// Looks again at what has waited until `now`; at the end, at all.
    pub fn look_again(&mut self, now: Option<i64>) {
        while let Some(id) = pop_due(&mut self.state.waiting, now) {
            if let Some(connection) = self.state.open.get_mut(&id)
                && let Phase::Waiting(_) = connection.state
                && let Phase::Waiting(told) = std::mem::replace(&mut connection.state, Phase::Over)
            {
                self.without_line(&told);
            }
        }
        while let Some(told) = pop_due(&mut self.state.sessions, now) {
            self.without_line(&told);
        }
        while let Some(id) = pop_due(&mut self.state.refusals, now) {
            // Its names may come again, and be another connection's.
            self.over(id);
        }
        while let Some(id) = pop_due(&mut self.state.ended, now) {
            self.state.forget(id);
        }
    }

    /// systemd-logind tells of a session, by whatever service, when all others have. Those that go on it tells again where it is started again.
    fn session_of_logind(&mut self, told: Told) {
        let Some(log) = self.state.hosts.get_mut(&told.host) else { return };
        if told.user.is_empty() {
            log.logind = Some(told.time);
        } else if log.logind.is_none_or(|started| told.time - started > WAIT) {
            self.state.sessions.push_back((told.time + 2 * WAIT, told));
        }
        if self.state.sessions.len() > MAX
            && let Some((_, told)) = self.state.sessions.pop_front()
        {
            self.without_line(&told);
        }
    }

    /// Judges a session of which sshd's line did not come.
    fn without_line(&mut self, told: &Told) {
        if told.service == "su" {
            return self.becomes(told, &Names::default());
        }
        let may_be_remote = told.service == "ssh" || told.service == LOGIND || !told.source.is_empty();
        let key = told.account();
        let same = |(time, source, _): &Accepted| {
            (told.time - time).abs() <= WAIT && (told.source.is_empty() || source.is_empty() || *source == told.source)
        };
        if may_be_remote && self.state.has_accepted(&key, same) {
            return;
        }
        // What several records tell of is one login.
        if !self.state.is_new_within(&format!("{key}\0without"), told.time) {
            return;
        }
        self.state.logins += 1;
        let has_sshd = self.state.hosts.get(&told.host).is_some_and(|log| log.has_sshd)
            || self.state.listens.get(&*told.host).is_some_and(|since| *since <= told.time);
        if may_be_remote && has_sshd {
            let why = match told.service == LOGIND {
                true => "systemd-logind tells of the session, but no line says who was let in, and how",
                false => "other records tell of the session, but sshd's line does not",
            };
            return self.find(told, Class::AcceptedMissing, why.into());
        }
        let (explained, why) = if may_be_remote { self.covered.could_be(told) } else { self.covered.judge(told) };
        self.judged(told, explained.as_ref());
        if let Some((class, why)) = why {
            self.find(told, class, why);
        }
    }

    /// Follows a connection no longer.
    fn over(&mut self, id: u64) {
        let Some(connection) = self.state.forget(id) else { return };
        self.tell_refused(connection.refused, None);
        self.tell_half(connection.factor);
        match connection.state {
            Phase::Waiting(told) => self.without_line(&told),
            Phase::In { .. } => self.state.unfollowed += 1,
            Phase::Before | Phase::Ended(_) | Phase::Over => {}
        }
    }

    /// At the end: sessions that are open still although their grant has ended.
    pub fn still_open(&mut self) {
        for connection in std::mem::take(&mut self.state.open).into_values() {
            if let Phase::In { told, until: Some((until, serial)) } = connection.state
                && let Some(log) = self.state.hosts.get(&told.host)
                && log.has_ends
                && log.seen_after(told.time) > until.saturating_add(OUTLAST)
            {
                let end = Time::from_nanos(until);
                let why = format!("grant {serial} ended at {end}, and no end of the session is told");
                self.find(&told, Class::Outlasts, why);
            }
        }
    }

    /// At the end: clocks that went back while a log was rotated.
    pub fn turned_at_rotation(&mut self) {
        let courses = &self.state.courses;
        let pairs = self.state.rotations.neighbours().filter_map(|(older, newer)| {
            let (host, at, time) = self.state.pieces.get(newer)?;
            let (older, newer) = (courses.get(older)?.get(host)?, courses.get(newer)?.get(host)?);
            let back = older.ended - newer.began;
            let is_back = (UNSORTED..OTHER_YEAR).contains(&back) && older.began != newer.began && !newer.is_told;
            let told = Told { host: host.clone(), at: at.clone(), time: *time, ..Told::default() };
            let end = Time::from_nanos(older.ended);
            let why = || format!("the log before it goes on until {end}, so the clock was turned back");
            is_back.then(|| told.finding(Class::ClockBack, why()))
        });
        let found: Vec<Finding> = pairs.collect();
        self.findings.extend(found);
    }

    /// At the end: rotated logs of covered hosts between which one is missing.
    pub fn missing_logs(&mut self) {
        let seen = self.state.pieces.keys().map(AsRef::as_ref).collect();
        let rotations = &self.state.rotations;
        let pieces = &self.state.pieces;
        // A file that begins in the time of those that seem to be missing has all of it: nothing was rotated in between.
        let reaches_back = |missing: &Missing<'_>| {
            let behind = missing.unless.and_then(|(path, second)| Some((pieces.get(path)?.2, second)));
            behind.is_some_and(|(began, second)| began < second.saturating_mul(1_000_000_000))
        };
        let is_told = |missing: &Missing<'_>| rotations.belongs(missing.beside, &seen) && !reaches_back(missing);
        let found = rotations.missing().into_iter().filter(is_told).filter_map(|missing| {
            let (host, at, time) = pieces.get(missing.beside).or_else(|| pieces.values().next())?;
            let told = Told { host: host.clone(), at: at.clone(), time: *time, ..Told::default() };
            Some(told.finding(Class::LogMissing, format!("{} is not among the evidence", missing.names)))
        });
        let found: Vec<Finding> = found.collect();
        self.findings.extend(found);
    }
}

/// Takes what is due `now`, or at the end whatever is left, from a queue.
fn pop_due<T>(queue: &mut VecDeque<(i64, T)>, now: Option<i64>) -> Option<T> {
    let is_due = queue.front().is_some_and(|(due, _)| now.is_none_or(|now| *due <= now));
    if is_due { queue.pop_front().map(|(_, what)| what) } else { None }
}

/// Whether a step is told by sshd, or by PAM in its name, in a log that has its further lines too.
fn is_said_by_sshd(step: &Step<'_>) -> bool {
    match step {
        Step::Child(..) | Step::Request(_) => true,
        Step::Login(login) | Step::Hint(login) if login.outcome == Outcome::Accepted && login.service == "ssh" => {
            !login.method.is_empty() || login.session.starts_with("pid ")
        }
        _ => false,
    }
}

/// Whether it is a terminal that a program made, and no machine's own.
fn is_pseudo(terminal: &str) -> bool {
    terminal.starts_with("pts/")
}
