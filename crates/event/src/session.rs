//! Sessions put together of the records that tell of them.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use crate::{Link, Login, Logout, Outcome, Request, Step, Time, Values};

/// How many sessions are followed at once, and how many connections of which nobody was let in yet.
const MAX_OPEN: usize = 1 << 16;
/// How many requests of a session are kept.
const MAX_REQUESTS: usize = 16;
/// How many names of a connection, and how many factors.
const MAX_NAMES: usize = 16;
/// The longest text that is kept, in bytes; names of accounts and machines are shorter.
const MAX_TEXT: usize = 256;
/// How far apart two records of one login may be, in nanoseconds, that do not name the session alike.
const SAME_LOGIN: i64 = 5_000_000_000;

/// How far apart two records of one connection may be of which nobody is let in, in nanoseconds: an hour.
const SAME_CONNECTION: i64 = 3600 * 1_000_000_000;

/// A try to log in with all that is known of it. `P` is the place of its record.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt<P> {
    /// When it was.
    pub time: Time,
    /// Its number in the order of time.
    pub number: u64,
    /// Where the record stands.
    pub place: P,
    /// The login.
    pub login: Login<'static>,
    /// The methods of other factors that were right before in the same connection.
    pub factors: Vec<String>,
    /// What was asked for in the session, each once.
    pub requests: Vec<Request<'static>>,
    /// How many requests there were beyond these.
    pub more_requests: u64,
    /// The session's end.
    pub end: End,
}

/// What is known of a session's end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// Nothing: the evidence does not tell of it, or there was no session.
    #[default]
    NotTold,
    /// When it was, and why as the log words it.
    Told(Time, String),
    /// There were more sessions open at once than are followed, and this was the oldest.
    Forgotten,
}

impl<P> Attempt<P> {
    /// Appends all but place and number, packed as [`Values`].
    pub fn pack(&self, out: &mut Vec<u8>) {
        let mut number = |number: i64| Values::pack(Some(&number.to_string()), out);
        number(self.time.as_nanos());
        number(self.more_requests.cast_signed());
        number(self.factors.len() as i64);
        number(self.requests.len() as i64);
        self.factors.iter().for_each(|factor| Values::pack(Some(factor), out));
        for request in &self.requests {
            [&request.kind, &request.what].into_iter().for_each(|text| Values::pack(Some(text), out));
        }
        let (kind, time, reason) = match &self.end {
            End::NotTold => ("", 0, ""),
            End::Forgotten => ("forgotten", 0, ""),
            End::Told(time, reason) => ("told", time.as_nanos(), reason.as_str()),
        };
        [kind, &time.to_string(), reason].into_iter().for_each(|text| Values::pack(Some(text), out));
        self.login.pack(out);
    }

    /// The attempt that was packed; `None` if none was.
    pub fn unpack(values: &mut Values<'_>, number: u64, place: P) -> Option<Self> {
        fn next<'v>(values: &mut Values<'v>) -> Option<&'v str> {
            values.next().flatten()
        }
        let time = Time::from_nanos(next(values)?.parse().ok()?);
        let more_requests = next(values)?.parse::<i64>().ok()?.cast_unsigned();
        let (factors, requests) = (next(values)?.parse::<usize>().ok()?, next(values)?.parse::<usize>().ok()?);
        let factors = (0..factors).map_while(|_| next(values).map(str::to_owned)).collect();
        let request = |values: &mut Values<'_>| {
            let (kind, what) = (next(values)?.to_owned(), next(values)?.to_owned());
            Some(Request { kind: kind.into(), what: what.into(), ..Request::default() })
        };
        let requests = (0..requests).map_while(|_| request(values)).collect();
        let (kind, end, reason) = (next(values)?, next(values)?.parse().ok()?, next(values)?);
        let end = match kind {
            "told" => End::Told(Time::from_nanos(end), reason.to_owned()),
            "forgotten" => End::Forgotten,
            _ => End::NotTold,
        };
        let login = Login::unpack(values)?.with_texts(kept);
        Some(Self { time, number, place, login, factors, requests, more_requests, end })
    }
}

/// One connection, or session, of which more may come.
struct Connection<P> {
    keys: Vec<String>,
    /// The login that was accepted.
    accepted: Option<Attempt<P>>,
    /// Whether it is known from a hint alone.
    weak: bool,
    /// Failed tries that only hints tell of so far: those of a named method, and all else as one.
    hints: [Option<Attempt<P>>; 2],
    /// Whether a try was told, and whether one by keyboard-interactive failed.
    told: bool,
    told_interactive: bool,
    factors: Vec<String>,
    requests: Vec<Request<'static>>,
    more_requests: u64,
}

/// Joins the records of each session. Shown [`Step`]s in the order of time, it gives every try to log in, each as soon as no more can be
/// known of it. What it keeps is bounded: the 65,536 sessions begun last, and as many connections
/// that nobody has logged in by; of a text 256 bytes.
pub struct Sessions<P> {
    next: u64,
    open: BTreeMap<u64, Connection<P>>,
    pending: BTreeMap<u64, Connection<P>>,
    by_key: HashMap<String, u64>,
}

impl<P> Default for Sessions<P> {
    fn default() -> Self {
        Self { next: 0, open: BTreeMap::new(), pending: BTreeMap::new(), by_key: HashMap::new() }
    }
}

/// When and where a step was told.
#[derive(Clone, Debug)]
pub struct At<'s, P> {
    /// When.
    pub time: Time,
    /// The number of the step in the order of time.
    pub number: u64,
    /// Where the record stands.
    pub place: P,
    /// What stands for the machine where the record does not name it.
    pub scope: &'s str,
}

impl<P> Connection<P> {
    fn new(keys: Vec<String>) -> Self {
        Self {
            keys,
            accepted: None,
            weak: false,
            hints: [None, None],
            told: false,
            told_interactive: false,
            factors: Vec::new(),
            requests: Vec::new(),
            more_requests: 0,
        }
    }

    /// The failed tries that nothing but hints told of.
    fn hinted(&mut self) -> impl Iterator<Item = Attempt<P>> + use<P> {
        let [mut method, other] = std::mem::take(&mut self.hints);
        if let (Some(method), Some(other)) = (&mut method, &other) {
            method.login.fill(other.login.clone());
        }
        let other = other.filter(|_| !self.told && method.is_none());
        let method = method.filter(|_| !self.told_interactive);
        method.into_iter().chain(other)
    }

    /// All that is left to tell.
    fn finish(mut self, end: End, out: &mut Vec<Attempt<P>>) {
        out.extend(self.hinted());
        let Some(mut attempt) = self.accepted else { return };
        (attempt.factors, attempt.requests) = (self.factors, self.requests);
        (attempt.more_requests, attempt.end) = (self.more_requests, end);
        out.push(attempt);
    }

    fn request(&mut self, request: Request<'static>) {
        let known = |other: &Request<'_>| other.kind == request.kind && other.what == request.what;
        if self.requests.iter().any(known) {
            return;
        }
        if self.requests.len() < MAX_REQUESTS {
            self.requests.push(request);
        } else {
            self.more_requests += 1;
        }
    }

    fn absorb(&mut self, other: Self) {
        self.told |= other.told;
        self.told_interactive |= other.told_interactive;
        self.factors.extend(other.factors);
        self.factors.truncate(MAX_NAMES);
        other.requests.into_iter().for_each(|request| self.request(request));
        self.more_requests += other.more_requests;
    }
}

/// The names under which a connection is known on its machine.
fn keys(of: &Link<'_>, scope: &str) -> Vec<String> {
    let host = if of.host.is_empty() { scope } else { &of.host };
    // So long is no name; what has it stands for itself.
    if host.len() + of.session.len() + of.source.len() > 4 * MAX_TEXT {
        return Vec::new();
    }
    let mut keys = Vec::new();
    if !of.session.is_empty() {
        keys.push(format!("{host}\0{}", of.session));
    }
    if let (Some(port), false) = (of.port, of.source.is_empty()) {
        keys.push(format!("{host}\0{}\0{port}", of.source));
    }
    keys
}

/// A name for a session that is known from a hint alone, since the login itself may come from another process.
fn account_key(login: &Login<'_>, scope: &str) -> String {
    let host = if login.host.is_empty() { scope } else { &login.host };
    format!("{host}\0{}\0{}\0", login.service, kept(Cow::Borrowed(&login.user)))
}

impl<P: Clone> Sessions<P> {
    /// Takes the next step in the order of time, and appends the attempts of which nothing more can come.
    pub fn step(&mut self, at: &At<'_, P>, step: Step<'_>, out: &mut Vec<Attempt<P>>) {
        match step {
            Step::Login(login) if login.outcome == Outcome::Accepted => self.accepted(at, login, out),
            Step::Login(login) => self.refused(at, login, out),
            Step::Hint(login) if login.outcome == Outcome::Accepted => self.opened(at, login, out),
            Step::Hint(login) => self.hint(at, login, out),
            Step::Request(request) => {
                let keys = keys(&request.of, at.scope);
                if !keys.is_empty() {
                    self.find_or_begin(keys).request(owned_request(request));
                }
            }
            Step::Child(of, child) => {
                let child = keys(&Link { session: child, source: "".into(), ..of.clone() }, at.scope);
                if let Some(id) = self.find(&keys(&of, at.scope)).first() {
                    self.name(*id, child);
                }
            }
            Step::Logout(logout) => self.logout(at, logout, out),
        }
        self.keep_bound(out);
    }

    /// Ends: appends what is still open.
    pub fn finish(self, out: &mut Vec<Attempt<P>>) {
        self.pending.into_values().chain(self.open.into_values()).for_each(|left| left.finish(End::NotTold, out));
    }

    /// The connections that have one of these names, the oldest first.
    fn find(&self, keys: &[String]) -> Vec<u64> {
        let mut found: Vec<u64> = keys.iter().filter_map(|key| self.by_key.get(key).copied()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn name(&mut self, id: u64, keys: Vec<String>) {
        for key in keys {
            let Some(connection) = self.open.get_mut(&id).or_else(|| self.pending.get_mut(&id)) else { return };
            if connection.keys.len() < MAX_NAMES && self.by_key.insert(key.clone(), id) != Some(id) {
                connection.keys.push(key);
            }
        }
    }

    fn remove(&mut self, id: u64) -> Option<Connection<P>> {
        let connection = self.open.remove(&id).or_else(|| self.pending.remove(&id))?;
        for key in &connection.keys {
            if self.by_key.get(key) == Some(&id) {
                self.by_key.remove(key);
            }
        }
        Some(connection)
    }

    fn begin(&mut self, keys: Vec<String>, connection: Connection<P>) {
        let id = self.next;
        self.next += 1;
        let home = if connection.accepted.is_some() { &mut self.open } else { &mut self.pending };
        home.insert(id, connection);
        self.name(id, keys);
    }

    /// The connection that a request or hint belongs to; begun here if its beginning was not told.
    fn find_or_begin(&mut self, keys: Vec<String>) -> &mut Connection<P> {
        let id = match self.find(&keys).first() {
            Some(id) => {
                self.name(*id, keys);
                *id
            }
            None => {
                self.begin(keys, Connection::new(Vec::new()));
                self.next - 1
            }
        };
        let home = if self.open.contains_key(&id) { &mut self.open } else { &mut self.pending };
        home.entry(id).or_insert_with(|| Connection::new(Vec::new()))
    }

    /// A process or address has its name for one connection at a time: those of before are over.
    fn retire(&mut self, keys: &[String], out: &mut Vec<Attempt<P>>) {
        for id in self.find(keys) {
            if self.open.contains_key(&id)
                && let Some(old) = self.remove(id)
            {
                old.finish(End::NotTold, out);
            }
        }
    }

    fn accepted(&mut self, at: &At<'_, P>, login: Login<'_>, out: &mut Vec<Attempt<P>>) {
        let keys = keys(&login.link(), at.scope);
        let mut named = keys.clone();
        named.push(account_key(&login, at.scope));
        let same = |connection: &Connection<P>| {
            connection.accepted.as_ref().is_some_and(|known| {
                connection.weak
                    && known.login.user == login.user
                    && at.time.as_nanos().saturating_sub(known.time.as_nanos()) <= SAME_LOGIN
            })
        };
        let known = self.find(&named).into_iter().find(|id| self.open.get(id).is_some_and(same));
        if let Some(connection) = known.and_then(|id| self.open.get_mut(&id)) {
            connection.weak = false;
            let mut login = login.with_texts(kept);
            if let Some(attempt) = &mut connection.accepted {
                // The session's name stays that of the process which ends it.
                std::mem::swap(&mut attempt.login, &mut login);
                attempt.login.session = std::mem::take(&mut login.session);
                attempt.login.fill(login);
                attempt.place = at.place.clone();
            }
            return;
        }
        self.retire(&keys, out);
        self.let_in(at, keys, login, false, out);
    }

    /// Begins a session, with what is known of its connection.
    fn let_in(&mut self, at: &At<'_, P>, keys: Vec<String>, login: Login<'_>, weak: bool, out: &mut Vec<Attempt<P>>) {
        let mut connection = Connection::new(Vec::new());
        for id in self.find(&keys) {
            if let Some(mut before) = self.remove(id) {
                before.told = true;
                out.extend(before.hinted());
                connection.absorb(before);
            }
        }
        connection.weak = weak;
        connection.accepted = Some(attempt(at, login));
        match keys.is_empty() {
            true => connection.finish(End::NotTold, out),
            false => self.begin(keys, connection),
        }
    }

    fn opened(&mut self, at: &At<'_, P>, login: Login<'_>, out: &mut Vec<Attempt<P>>) {
        let keys = keys(&login.link(), at.scope);
        if self.find(&keys).iter().any(|id| self.open.contains_key(id)) {
            return;
        }
        let account = account_key(&login, at.scope);
        let is_named = !keys.is_empty();
        self.let_in(at, keys, login, true, out);
        if is_named {
            self.name(self.next - 1, vec![account]);
        }
    }

    fn refused(&mut self, at: &At<'_, P>, login: Login<'_>, out: &mut Vec<Attempt<P>>) {
        let keys = keys(&login.link(), at.scope);
        let mut attempt = attempt(at, login);
        if !keys.is_empty() {
            self.retire(&keys, out);
            let connection = self.find_or_begin(keys);
            connection.told = true;
            match attempt.login.outcome {
                Outcome::Partial if connection.factors.len() < MAX_NAMES => {
                    connection.factors.push(attempt.login.method.to_string());
                }
                Outcome::Partial => {}
                _ => connection.told_interactive |= attempt.login.method == "keyboard-interactive",
            }
            if let (true, [_, Some(hint)]) = (attempt.login.reason.is_empty(), &mut connection.hints) {
                // What is wrong with a key or certificate is not wrong with the next; with an account it is.
                attempt.login.reason = match &*attempt.login.method {
                    "publickey" => std::mem::take(&mut hint.login.reason),
                    _ => hint.login.reason.clone(),
                };
            }
        }
        out.push(attempt);
    }

    fn hint(&mut self, at: &At<'_, P>, login: Login<'_>, out: &mut Vec<Attempt<P>>) {
        let keys = keys(&login.link(), at.scope);
        let attempt = attempt(at, login);
        if keys.is_empty() {
            return out.push(attempt);
        }
        self.retire(&keys, out);
        let connection = self.find_or_begin(keys);
        // So long nobody is asked for a password: the name was given to another connection.
        let is_over = |known: &Attempt<P>| at.time.as_nanos().saturating_sub(known.time.as_nanos()) > SAME_CONNECTION;
        if connection.hints.iter().flatten().any(is_over) {
            out.extend(connection.hinted());
            (connection.told, connection.told_interactive) = (false, false);
        }
        let [method, other] = &mut connection.hints;
        let (place, is_method) = if attempt.login.method.is_empty() { (other, false) } else { (method, true) };
        match place {
            Some(known) if is_method => known.login.times = known.login.times.saturating_add(attempt.login.times),
            Some(known) => known.login.fill(attempt.login),
            None => *place = Some(attempt),
        }
    }

    fn logout(&mut self, at: &At<'_, P>, logout: Logout<'_>, out: &mut Vec<Attempt<P>>) {
        let ended: Vec<Connection<P>> =
            self.find(&keys(&logout.of, at.scope)).into_iter().filter_map(|id| self.remove(id)).collect();
        let (open, mut pending): (Vec<_>, Vec<_>) = ended.into_iter().partition(|one| one.accepted.is_some());
        if let Some(tried) = logout.tried {
            let mut connection = pending.pop().unwrap_or_else(|| Connection::new(Vec::new()));
            match &mut connection.hints {
                [_, Some(known)] => known.login.fill(tried.with_texts(kept)),
                [_, none] => *none = Some(attempt(at, *tried)),
            }
            pending.push(connection);
        }
        let mut open = open.into_iter();
        let Some(mut session) = open.next() else {
            return pending.into_iter().for_each(|connection| connection.finish(End::NotTold, out));
        };
        pending.into_iter().for_each(|other| session.absorb(other));
        let end = End::Told(at.time, kept(logout.reason).into_owned());
        session.finish(end.clone(), out);
        open.for_each(|other| other.finish(end.clone(), out));
    }

    fn keep_bound(&mut self, out: &mut Vec<Attempt<P>>) {
        while self.open.len() > MAX_OPEN
            && let Some(id) = self.open.keys().next().copied()
            && let Some(oldest) = self.remove(id)
        {
            oldest.finish(End::Forgotten, out);
        }
        while self.pending.len() > MAX_OPEN
            && let Some(id) = self.pending.keys().next().copied()
            && let Some(oldest) = self.remove(id)
        {
            oldest.finish(End::NotTold, out);
        }
    }
}

fn attempt<P: Clone>(at: &At<'_, P>, login: Login<'_>) -> Attempt<P> {
    Attempt {
        time: at.time,
        number: at.number,
        place: at.place.clone(),
        login: login.with_texts(kept),
        factors: Vec::new(),
        requests: Vec::new(),
        more_requests: 0,
        end: End::NotTold,
    }
}

/// A text as it is kept: all of it, or its beginning and an ellipsis.
fn kept(text: Cow<'_, str>) -> Cow<'static, str> {
    if text.len() <= MAX_TEXT {
        return Cow::Owned(text.into_owned());
    }
    let fits = |end: &usize| *end <= MAX_TEXT - '…'.len_utf8();
    let end = text.char_indices().map(|(at, _)| at).take_while(fits).last().unwrap_or_default();
    Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default()))
}

/// What was asked for; its session is known.
fn owned_request(request: Request<'_>) -> Request<'static> {
    Request { kind: kept(request.kind), what: kept(request.what), ..Request::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64, number: u64) -> At<'static, u64> {
        At { time: Time::from_nanos(second * 1_000_000_000), number, place: number, scope: "folder" }
    }

    fn login(outcome: Outcome, user: &str, session: &str, port: Option<u16>) -> Login<'static> {
        let (user, session) = (Cow::Owned(user.to_owned()), Cow::Owned(session.to_owned()));
        Login { user, session, outcome, port, source: "::1".into(), service: "ssh".into(), ..Login::default() }
    }

    fn link(session: &str, port: Option<u16>) -> Link<'static> {
        Link { session: Cow::Owned(session.to_owned()), source: "::1".into(), port, ..Link::default() }
    }

    /// User, outcome, times, second of the end, requests.
    fn told(steps: Vec<(i64, Step<'static>)>) -> Vec<(String, Outcome, u64, Option<i64>, usize)> {
        let (mut sessions, mut out) = (Sessions::default(), Vec::new());
        for (number, (second, step)) in steps.into_iter().enumerate() {
            sessions.step(&at(second, number as u64), step, &mut out);
        }
        sessions.finish(&mut out);
        assert!(sessions_are_told_once(&out));
        out.sort_by_key(|attempt| attempt.number);
        let end = |end: &End| if let End::Told(time, _) = end { Some(time.as_nanos() / 1_000_000_000) } else { None };
        let tell = |attempt: Attempt<u64>| {
            let (login, requests) = (attempt.login, attempt.requests.len());
            (login.user.into_owned(), login.outcome, login.times, end(&attempt.end), requests)
        };
        out.into_iter().map(tell).collect()
    }

    fn sessions_are_told_once(out: &[Attempt<u64>]) -> bool {
        let mut numbers: Vec<u64> = out.iter().map(|attempt| attempt.number).collect();
        numbers.sort_unstable();
        numbers.windows(2).all(|pair| pair[0] != pair[1])
    }

    fn logout(session: &str, port: Option<u16>, tried: Option<&str>) -> Step<'static> {
        let tried = tried.map(|user| Box::new(login(Outcome::Failed, user, session, port)));
        Step::Logout(Logout { of: link(session, port), reason: "".into(), tried })
    }

    #[test]
    fn a_session_is_joined_by_process_child_and_address() {
        let request = |session: &str, what: &'static str| {
            let of = link(session, None);
            Step::Request(Request { of, kind: "command".into(), what: what.into(), ..Request::default() })
        };
        let found = told(vec![
            (1, Step::Login(login(Outcome::Accepted, "anna", "pid 1", Some(40)))),
            (1, Step::Hint(login(Outcome::Accepted, "anna", "pid 1", None))),
            (2, Step::Child(link("pid 1", None), "pid 2".into())),
            (3, request("pid 2", "id")),
            (3, request("pid 2", "id")),
            (4, request("pid 9", "its child was not told")),
            (5, logout("pid 9", Some(40), None)),
            (6, logout("pid 1", None, None)),
        ]);
        assert_eq!(found, [("anna".to_owned(), Outcome::Accepted, 1, Some(5), 2)]);
    }

    #[test]
    fn hints_count_only_where_nothing_better_is_told() {
        let interactive =
            |outcome| Login { method: "keyboard-interactive".into(), ..login(outcome, "x", "pid 1", None) };
        let hint = || Step::Hint(login(Outcome::Failed, "x", "pid 1", Some(40)));
        let failed = |times| ("x".to_owned(), Outcome::Failed, times, None, 0);
        let end = || logout("pid 1", Some(40), Some("x"));
        assert_eq!(told(vec![(1, hint()), (2, end())]), [failed(1)]);
        assert_eq!(told(vec![(2, end())]), [failed(1)]);
        let twice = (1, Step::Login(login(Outcome::Failed, "x", "pid 1", Some(40))));
        assert_eq!(told(vec![(1, hint()), twice.clone(), twice, (2, end())]), [failed(1), failed(1)]);
        let by_pam = (1, Step::Hint(interactive(Outcome::Failed)));
        assert_eq!(told(vec![(1, hint()), by_pam.clone(), by_pam.clone(), (2, end())]), [failed(2)]);
        let told_too = (1, Step::Login(interactive(Outcome::Failed)));
        assert_eq!(told(vec![by_pam, told_too, (2, end())]), [failed(1)]);
    }

    #[test]
    fn a_name_that_is_used_again_means_another_session() {
        let found = told(vec![
            (1, Step::Login(login(Outcome::Accepted, "anna", "pid 1", None))),
            (2, Step::Login(login(Outcome::Accepted, "anna", "pid 1", None))),
            (3, logout("pid 1", None, None)),
        ]);
        let anna = |end| ("anna".to_owned(), Outcome::Accepted, 1, end, 0);
        assert_eq!(found, [anna(None), anna(Some(3))]);
    }

    #[test]
    fn hints_an_hour_apart_are_of_two_connections() {
        let hint = |second| (second, Step::Hint(login(Outcome::Failed, "x", "pid 1", None)));
        let failed = || ("x".to_owned(), Outcome::Failed, 1, None, 0);
        assert_eq!(told(vec![hint(1), hint(3600)]), [failed()]);
        assert_eq!(told(vec![hint(1), hint(3700)]), [failed(), failed()]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (mut sessions, mut out) = (Sessions::default(), Vec::new());
        let many = MAX_OPEN as u64 + 10;
        for number in 0..many {
            let session = format!("pid {number}");
            sessions.step(&at(1, number), Step::Login(login(Outcome::Accepted, "a", &session, None)), &mut out);
            let failed = login(Outcome::Failed, "b", &format!("pid b{number}"), None);
            sessions.step(&at(1, number), Step::Hint(failed), &mut out);
        }
        assert_eq!(out.iter().filter(|attempt| attempt.end == End::Forgotten).count(), 10);
        assert_eq!((sessions.open.len(), sessions.pending.len()), (MAX_OPEN, MAX_OPEN));
        sessions.finish(&mut out);
        assert_eq!(out.len() as u64, 2 * many);
    }
}
