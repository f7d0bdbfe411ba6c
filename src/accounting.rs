//! What a hunt does for the accounting: records of logins are shown to it beside the rules, and what comes of it is reported.
//!
//! Of records that tell of logins only those are observed that the accounting needs: who was let in, what was asked for in
//! sessions, certificates that were refused. Of failed passwords, of which a log may have millions, nothing is.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
};

use access::{
    account::{Account, Accounting, Covered, LOGIND, Releases, becomes},
    ledger::{Ledger, Written},
    policy::UnderRelease,
};
use anyhow::{Context, Result};
use event::{
    Class, Detector, Encoding, Event, Interest, LogSource, Login, Needed, Observations, Outcome, Piece, Seen, Slot,
    Step, TextGroup, Time, Unless, Value, Values,
};
use evidence::LoginFields;
use foldhash::{HashMap, HashSet};
use jiff::{SignedDuration, Timestamp};

use crate::cli::HuntArguments;

/// The number of observations of logins; rules are counted from zero.
pub const LOGINS: u32 = u32::MAX;
/// The number of observations of hosts' addresses, of which each thread tells once: they are learned as they come, and have no place in the order of
/// time.
pub const ADDRESSES: u32 = u32::MAX - 1;

/// The accounting of a hunt, whose ledger is read while evidence is.
pub struct Pending {
    reading: Option<JoinHandle<Result<Covered>>>,
    accounting: Accounting,
    /// What it is to be told when the ledger is read: pieces of evidence, hosts with their addresses.
    pieces: Vec<Arc<Piece>>,
    servers: Vec<(String, String, Time)>,
    /// Whether the policy names what is under release.
    names_releases: bool,
    /// Why the ledger could not be read.
    pub failed: Option<anyhow::Error>,
}

impl Pending {
    /// The accounting that the arguments ask for.
    pub fn load(arguments: &HuntArguments) -> Result<Self> {
        let accounting = Accounting::new(None);
        let (pieces, servers) = (Vec::new(), Vec::new());
        let mut pending = Self { reading: None, accounting, pieces, servers, names_releases: false, failed: None };
        let Some(path) = &arguments.access else { return Ok(pending) };
        let mut covered = Covered::new(crate::access::policy(path)?, SignedDuration::try_from(arguments.skew)?);
        pending.names_releases = covered.policy.releases != UnderRelease::default();
        match arguments.ledger.clone() {
            None => pending.accounting = Accounting::new(Some(covered)),
            Some(ledger) => {
                pending.reading = Some(std::thread::spawn(move || {
                    let name = ledger.to_string_lossy();
                    let last = read_ledger(&ledger, &mut |entry| covered.entry(&name, entry))
                        .with_context(|| format!("cannot read the ledger {}", ledger.display()))?;
                    covered.has_ledger(last);
                    Ok(covered)
                }));
            }
        }
        Ok(pending)
    }

    /// What is under release, where the policy names it: the ledger is then read before the evidence.
    pub fn named_releases(&mut self) -> Result<Option<Releases>> {
        if !self.names_releases {
            return Ok(None);
        }
        match self.get() {
            Ok(accounting) => Ok(accounting.releases().cloned()),
            Err(error) => Err(self.failed.take().unwrap_or(error.into())),
        }
    }

    /// Takes note of a piece of evidence, whatever it holds.
    ///
    /// # Errors
    /// When the ledger turned out not to be readable.
    pub fn piece(&mut self, piece: &Arc<Piece>) -> io::Result<()> {
        self.pieces.push(Arc::clone(piece));
        match &self.reading {
            Some(reading) if !reading.is_finished() => Ok(()),
            _ => self.get().map(|_| ()),
        }
    }

    /// Takes note of the addresses of hosts that logs tell of.
    pub fn learn_addresses(&mut self, observations: &Observations) {
        let own = |(host, address, time): (&str, &str, Time)| (host.to_owned(), address.to_owned(), time);
        self.servers.extend(connections(observations).map(own));
    }

    /// The accounting, when its ledger is read.
    ///
    /// # Errors
    /// When it could not be read; `failed` says why.
    pub fn get(&mut self) -> io::Result<&mut Accounting> {
        if let Some(reading) = self.reading.take() {
            match reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
                Ok(covered) => self.accounting = Accounting::new(Some(covered)),
                Err(error) => self.failed = Some(error),
            }
        }
        if self.failed.is_some() {
            return Err(io::Error::other("the ledger cannot be read"));
        }
        self.pieces.drain(..).for_each(|piece| self.accounting.piece(&piece.path));
        self.servers.drain(..).for_each(|(host, address, time)| self.accounting.server(&host, &address, time));
        Ok(&mut self.accounting)
    }
}

/// Hosts with the addresses that logs say they were reached at.
pub fn addresses(observations: &Observations) -> impl Iterator<Item = (&str, &str)> {
    connections(observations).map(|(host, address, _)| (host, address))
}

/// The same with the time.
fn connections(observations: &Observations) -> impl Iterator<Item = (&str, &str, Time)> {
    observations.iter().filter(|observation| observation.rule == ADDRESSES).filter_map(|observation| {
        let mut values = observation.values;
        Some((values.next().flatten()?, values.next().flatten()?, observation.time))
    })
}

/// Reads a ledger, or what was exported of one, and shows each entry but those that nothing is learned from; gives when the last of all was written.
pub fn read_ledger(
    path: &Path,
    take: &mut dyn FnMut(&Written<'_>) -> serde_json::Result<()>,
) -> Result<Option<Timestamp>> {
    let mut reader = BufReader::new(File::open(path)?);
    let is_database = reader.fill_buf()?.starts_with(b"SQLite format 3\0");
    let head = match is_database {
        true => Ledger::read(path)?.entries(&Covered::NOT_ASKED, &mut *take)?,
        false => access::ledger::read_export(&mut reader, &Covered::NOT_ASKED, &mut *take)?,
    };
    Ok(head.time)
}

/// What came of all logins, in sentences for the report.
pub fn sentences(account: &Account, untimed: u64) -> Vec<String> {
    let unexplained = account.logins - account.explained;
    let covered =
        format!("{} logins to hosts of the policy: {} explained, {unexplained} not", account.logins, account.explained);
    let elsewhere = account.elsewhere.iter().map(|(host, logins)| {
        let host = if host.is_empty() { "hosts that the log does not name" } else { host.as_str() };
        format!("{logins} logins to {host}, which the policy does not name")
    });
    let more = (account.elsewhere_more > 0)
        .then(|| format!("{} logins to further hosts that the policy does not name", account.elsewhere_more));
    let unfollowed = account.unfollowed;
    let unfollowed = (unfollowed > 0)
        .then(|| format!("{unfollowed} sessions were not followed to their end, since too many others were open"));
    let untimed = (untimed > 0).then(|| format!("{untimed} records of logins have no time and were not judged"));
    std::iter::once(covered).chain(elsewhere).chain(more).chain(unfollowed).chain(untimed).collect()
}

/// A detector that also observes logins.
pub struct Accounted<'c, D> {
    inner: D,
    /// Whether logins are to be explained; if not, only who was let in is of interest.
    explains: bool,
    /// Records of logins that do not say when.
    untimed: &'c AtomicU64,
    /// Classes of records that may tell of logins, by the class of the inner detector, those of Windows apart.
    classes: HashMap<(Class, bool), Class>,
    told: HashMap<Class, Told>,
    addresses: HashSet<(String, String)>,
    /// The one that was told last; logs repeat themselves.
    last_address: Option<(String, String)>,
    fields: LoginFields,
    packed: Vec<u8>,
}

/// What is known of a class whose records may tell of logins.
struct Told {
    inner: Class,
    wanted: Arc<Interest>,
    /// The actions that nobody but the accounting asked for.
    extra: Vec<&'static str>,
    /// Whether what a record tells of stands in its text alone, as Windows' sshd has it.
    is_text: bool,
    interest: Arc<Interest>,
    slots: [Slot; FIELDS.len()],
}

/// The fields that say whether a record matters to the accounting.
const FIELDS: [&str; 6] = ["action", "outcome", "certificate_serial", "message", "type", "server_address"];

/// The actions that matter to the accounting, where an action says what a record is.
const ACTIONS: [&str; 14] = [
    "connection",
    "login",
    "sudo",
    "pkexec",
    "doas",
    "seat_found",
    "su",
    "session_opened",
    "session_closed",
    "session_process",
    "session_started",
    "subsystem_requested",
    "certificate_refused",
    "key_refused",
];

/// How connections end. What ended before anyone was let in does not matter, and `Received disconnect` is followed by `Disconnected from`.
const DISCONNECT: Unless = Unless { value: "disconnect", beginning: "Received ", ending: " [preauth]" };

/// Those from which it is learned what is usual.
const LEARNED: [&str; 2] = ["connection", "login"];

/// Whether records of this kind that matter to the accounting all have an action.
fn says_action(source: &LogSource<'_>) -> bool {
    matches!(source.channel, "syslog" | "journal")
}

/// Classes of records that may tell of logins are counted from here; a detector's own are far fewer.
const FIRST: u32 = 1 << 31;

impl<'c, D: Detector> Accounted<'c, D> {
    /// One that observes logins beside what `inner` sees.
    pub fn new(inner: D, explains: bool, untimed: &'c AtomicU64) -> Self {
        let (classes, told, addresses) = (HashMap::default(), HashMap::default(), HashSet::default());
        let (fields, packed) = (LoginFields::default(), Vec::new());
        Self { inner, explains, untimed, classes, told, addresses, last_address: None, fields, packed }
    }

    fn observe(&mut self, event: &Event<'_>, slots: [Slot; FIELDS.len()], is_text: bool, seen: &mut Seen) {
        let text = |slot| {
            let value = event.fields.iter().find(|(one, _)| *one == slot).map(|(_, value)| value);
            if let Some(Value::Text(text)) = value { text } else { "" }
        };
        let [action, outcome, serial, message, kind, address] = slots;
        let matters = match (text(action), self.explains) {
            _ if is_text => true,
            ("connection", _) => return self.address(event, text(address), seen),
            ("login", false) => text(outcome) == "accepted",
            (_, false) => false,
            (action, true) if action == "login" || becomes(action) => {
                matches!(text(outcome), "accepted" | "partial") || !text(serial).is_empty()
            }
            (action, true) if action == DISCONNECT.value => DISCONNECT.counts(text(message)),
            (action, true) if ACTIONS.contains(&action) => true,
            (_, true) => {
                matches!(text(kind), "USER_LOGIN" | "USER_START" | "USER_PROCESS" | "DEAD_PROCESS" | "BOOT_TIME")
            }
        };
        self.packed.clear();
        if !matters || !pack(event, &mut self.fields, &mut self.packed) {
            return;
        }
        match event.time {
            None => _ = self.untimed.fetch_add(1, Relaxed),
            time => seen.observations.push_packed(time, LOGINS, event.record.position(), Values::packed(&self.packed)),
        }
    }

    /// The address that a host was connected at; each is told once.
    fn address(&mut self, event: &Event<'_>, address: &str, seen: &mut Seen) {
        let host = event.record.host();
        let is_last = self.last_address.as_ref().is_some_and(|(of, last)| *of == host && last == address);
        if is_last || address.is_empty() || event.time.is_none() || self.addresses.len() >= 4096 {
            return;
        }
        let key = (host.into_owned(), address.to_owned());
        self.last_address = Some(key.clone());
        if self.addresses.contains(&key) {
            return;
        }
        let values = [Some(&key.0), Some(&key.1)];
        seen.observations.push(event.time, ADDRESSES, event.record.position(), values);
        self.addresses.insert(key);
    }
}

/// Appends what a record tells of a login, packed; gives whether it tells of one.
fn pack(event: &Event<'_>, fields: &mut LoginFields, out: &mut Vec<u8>) -> bool {
    let step = match evidence::step(event.record, fields) {
        Some(Step::Login(login)) if is_refused(&login) => None,
        Some(step) => Some(step),
        None => beside_logins(event),
    };
    step.map(|step| step.pack(out)).is_some()
}

/// Whether it is a try without a certificate that was right in nothing.
fn is_refused(login: &Login<'_>) -> bool {
    !matches!(login.outcome, Outcome::Accepted | Outcome::Partial) && login.certificate.is_none()
}

/// What a record tells that is no login elsewhere.
fn beside_logins(event: &Event<'_>) -> Option<Step<'static>> {
    let source = event.record.source();
    let mut login = Login { host: event.record.host().into_owned().into(), ..Login::default() };
    let step = match source.provider {
        _ if source.channel == "auditd" => audited_becoming(event, &mut login)?,
        program if program.starts_with("systemd-logind") => session_of_logind(event, &mut login)?,
        _ => becoming(event, &mut login)?,
    };
    login.outcome = Outcome::Accepted;
    Some(step(login))
}

/// How a login that was told is to be taken.
type Taken = fn(Login<'static>) -> Step<'static>;

/// Who became whom by sudo and the like, and the command as the reason.
fn becoming(event: &Event<'_>, login: &mut Login<'static>) -> Option<Taken> {
    let mut is_accepted = false;
    event.record.visit(&mut |name, value| {
        let text = || value.text().into_owned().into();
        match name {
            "action" => login.service = text(),
            "outcome" => is_accepted = value.text() == "accepted",
            "user" => login.by_user = text(),
            "run_as_user" => login.user = text(),
            "terminal" => login.terminal = text(),
            "command" => login.reason = text(),
            _ => {}
        }
    });
    login.method = login.service.clone();
    (is_accepted && becomes(&login.service)).then_some(Step::Login)
}

/// What auditd tells of sudo and the like: that PAM opened a session, for whom and by whom. Where syslog tells of it too, that tells better.
fn audited_becoming(event: &Event<'_>, login: &mut Login<'static>) -> Option<Taken> {
    let (mut is_begun, mut is_right, mut number) = (false, false, String::new());
    event.record.visit(&mut |name, value| {
        let value = value.text();
        match name {
            "type" => is_begun |= value == "USER_START",
            "exe" => login.service = value.rsplit('/').next().unwrap_or_default().to_owned().into(),
            "res" => is_right = value == "success",
            "acct" => login.user = value.into_owned().into(),
            "UID" => login.by_user = value.into_owned().into(),
            "uid" => number = value.into_owned(),
            "terminal" => login.terminal = value.into_owned().into(),
            _ => {}
        }
    });
    login.method = login.service.clone();
    if login.by_user.is_empty() {
        login.by_user = evidence::numbered(&number);
    }
    let is_told = is_begun && is_right && !number.is_empty();
    (is_told && becomes(&login.service)).then_some(Step::Hint)
}

/// A session that systemd-logind tells of, without what it is of; or, without an account, that systemd-logind itself was started. Only logins have a
/// number of the audit's: what has another name began in a service, in the background, or is a screen that waits for a login.
fn session_of_logind(event: &Event<'_>, login: &mut Login<'static>) -> Option<Taken> {
    let (mut action, mut session, mut class) = (String::new(), String::new(), String::new());
    event.record.visit(&mut |name, value| match name {
        "action" => action = value.text().into_owned(),
        "session" => session = value.text().into_owned(),
        "session_class" => class = value.text().into_owned(),
        "user" => login.user = value.text().into_owned().into(),
        _ => {}
    });
    login.service = LOGIND.into();
    let is_number = !session.is_empty() && session.bytes().all(|byte| byte.is_ascii_digit());
    match action.as_str() {
        "session_opened" => (is_number && (class.is_empty() || class.starts_with("user"))).then_some(Step::Hint),
        "seat_found" => Some(Step::Hint),
        _ => None,
    }
}

/// Whether records of this kind may tell what the accounting needs. Windows' own logons have no grants; OpenSSH's there have.
fn matters(source: &LogSource<'_>) -> bool {
    const PROGRAMS: [&str; 18] = [
        "ssh",
        "dropbear",
        "login",
        "su",
        "pkexec",
        "doas",
        "systemd-logind",
        "gdm",
        "lightdm",
        "sddm",
        "kdm",
        "xdm",
        "lxdm",
        "cockpit",
        "xrdp",
        "remote",
        "vsftpd",
        "proftpd",
    ];
    if !evidence::tells_of_logins(source) {
        return false;
    }
    let program = source.provider.rsplit('/').next().unwrap_or_default();
    match (source.product, source.channel) {
        ("windows", _) => source.provider == "OpenSSH" || source.channel == "OpenSSH/Operational",
        (_, "syslog" | "journal") => PROGRAMS.iter().any(|known| program.starts_with(known)),
        (_, "auditd") => matches!(source.provider, "USER_LOGIN" | "USER_START"),
        (_, channel) => channel == "wtmp",
    }
}

/// Adds the actions that the accounting asks for; gives those that were not asked for before.
fn ask(needed: &mut Needed, explains: bool) -> Vec<&'static str> {
    let actions = if explains { ACTIONS.as_slice() } else { &LEARNED };
    let ends = explains.then_some(DISCONNECT);
    let asked = actions.iter().copied().chain(ends.map(|unless| unless.value));
    let extra = asked.filter(|action| !needed.values.contains(*action)).collect();
    needed.values.extend(actions.iter().map(|action| (*action).to_owned()));
    needed.unless.extend(ends);
    extra
}

impl Told {
    fn new(inner: Class, wanted: Arc<Interest>, source: &LogSource<'_>, explains: bool) -> Self {
        let mut interest = Interest::clone(&wanted);
        let slots = FIELDS.map(|field| interest.slot(field).unwrap_or(Slot::MAX));
        let [action, ..] = slots;
        // Where the inner detector wants nothing but words, only what the accounting asks for is needed beside them.
        let has_own = wanted.wanted && !wanted.text_only;
        let own = interest.needed.take();
        let needed = if has_own { own } else { Some(Needed { slot: action, ..Needed::default() }) };
        interest.want_all();
        interest.needed = needed.filter(|needed| says_action(source) && needed.slot == action);
        let extra = interest.needed.as_mut().map(|needed| ask(needed, explains)).unwrap_or_default();
        let is_text = source.product == "windows";
        Self { inner, wanted, extra, is_text, interest: Arc::new(interest), slots }
    }

    /// Whether the inner detector has to look at an event.
    fn is_wanted(&self, event: &Event<'_>) -> bool {
        let Interest { wanted, text_only, .. } = *self.wanted;
        let is_action = |slot: &Slot| self.slots.first() == Some(slot);
        let is_extra = |value: &Value<'_>| matches!(value, Value::Text(text) if self.extra.contains(text));
        let is_asked = || !event.fields.iter().any(|(slot, value)| is_action(slot) && is_extra(value));
        wanted && (event.text || !text_only && is_asked())
    }
}

impl<D: Detector> Detector for Accounted<'_, D> {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        let inner = self.inner.class(source);
        if !matters(source) {
            return inner;
        }
        let next = Class(FIRST + self.classes.len() as u32);
        let class = *self.classes.entry((inner, source.product == "windows")).or_insert(next);
        let told = || Told::new(inner, self.inner.interest(inner), source, self.explains);
        self.told.entry(class).or_insert_with(told);
        class
    }

    fn interest(&self, class: Class) -> Arc<Interest> {
        match self.told.get(&class) {
            Some(told) => Arc::clone(&told.interest),
            None => self.inner.interest(class),
        }
    }

    fn text_hits(&mut self, group: TextGroup, raw: &[u8], encoding: Encoding, hits: &mut Vec<usize>) -> bool {
        self.inner.text_hits(group, raw, encoding, hits)
    }

    fn look(&mut self, event: &Event<'_>, seen: &mut Seen) {
        let Some(told) = self.told.get(&event.class) else { return self.inner.look(event, seen) };
        let (slots, is_text) = (told.slots, told.is_text);
        if told.is_wanted(event) {
            self.inner.look(&Event { class: told.inner, ..*event }, seen);
        }
        self.observe(event, slots, is_text, seen);
    }
}
