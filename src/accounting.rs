//! What a hunt does for the accounting: records of logins are shown to it beside the rules, and what comes of it is reported.
//!
//! Of records that tell of logins only those are observed that the accounting needs: who was let in, what was asked for in
//! sessions, certificates that were refused. Of failed passwords, of which a log may have millions, nothing is.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use access::{
    Entry,
    account::{Account, Accounting, Covered},
    ledger::Ledger,
};
use anyhow::{Context, Result};
use event::{
    Class, Detector, Encoding, Event, Interest, LogSource, Login, Observations, Outcome, Seen, Slot, Step, TextGroup,
    Value, Values,
};
use jiff::SignedDuration;

use crate::cli::HuntArguments;

/// The number of observations of logins; rules are counted from zero.
pub const LOGINS: u32 = u32::MAX;
/// The number of observations of hosts' addresses.
const ADDRESSES: u32 = u32::MAX - 1;

/// The accounting that the arguments ask for.
pub fn load(arguments: &HuntArguments) -> Result<Accounting> {
    let Some(path) = &arguments.access else { return Ok(Accounting::new(None)) };
    let policy = crate::access::policy(path)?;
    let mut covered = Covered::new(policy, SignedDuration::try_from(arguments.skew)?);
    if let Some(ledger) = &arguments.ledger {
        let name = ledger.to_string_lossy();
        read_ledger(ledger, &mut |entry| covered.entry(&name, entry))
            .with_context(|| format!("cannot read the ledger {}", ledger.display()))?;
        covered.has_ledger();
    }
    Ok(Accounting::new(Some(covered)))
}

/// Reads a ledger, or what was exported of one, and shows each entry.
pub fn read_ledger(path: &Path, take: &mut dyn FnMut(&Entry)) -> Result<()> {
    let mut reader = BufReader::new(File::open(path)?);
    let is_database = reader.fill_buf()?.starts_with(b"SQLite format 3\0");
    if is_database {
        Ledger::read(path)?.entries(|entry| take(&entry))?;
    } else {
        access::ledger::read_export(&mut reader, |entry| take(&entry))?;
    }
    Ok(())
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
    let untimed = (untimed > 0).then(|| format!("{untimed} records of logins have no time and were not judged"));
    std::iter::once(covered).chain(elsewhere).chain(more).chain(untimed).collect()
}

/// Takes note of the addresses of hosts that logs tell of.
pub fn learn_addresses(accounting: &mut Accounting, observations: &Observations) {
    for observation in observations.iter().filter(|observation| observation.rule == ADDRESSES) {
        let mut values = observation.values;
        if let (Some(Some(host)), Some(Some(address))) = (values.next(), values.next()) {
            accounting.server(host, address);
        }
    }
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
    packed: Vec<u8>,
}

/// What is known of a class whose records may tell of logins.
struct Told {
    inner: Class,
    is_wanted: bool,
    text_only: bool,
    /// Whether what a record tells of stands in its text alone, as Windows' sshd has it.
    is_text: bool,
    interest: Arc<Interest>,
    slots: [Slot; FIELDS.len()],
}

/// The fields that say whether a record matters to the accounting.
const FIELDS: [&str; 6] = ["action", "outcome", "certificate_serial", "message", "type", "server_address"];

/// The actions that matter to the accounting, where an action says what a record is.
const ACTIONS: [&str; 12] = [
    "connection",
    "login",
    "sudo",
    "su",
    "disconnect",
    "session_opened",
    "session_closed",
    "session_process",
    "session_started",
    "subsystem_requested",
    "certificate_refused",
    "key_refused",
];

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
        let (classes, told) = (HashMap::new(), HashMap::new());
        Self { inner, explains, untimed, classes, told, addresses: HashSet::new(), packed: Vec::new() }
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
            ("login" | "sudo", true) => text(outcome) == "accepted" || !text(serial).is_empty(),
            // `Received disconnect` is followed by `Disconnected from`.
            ("disconnect", true) => !text(message).ends_with(" [preauth]") && !text(message).starts_with("Received "),
            (action, true) if ACTIONS.contains(&action) => true,
            (_, true) => matches!(text(kind), "USER_LOGIN" | "USER_START" | "USER_PROCESS" | "DEAD_PROCESS"),
        };
        let step = if matters { step(event) } else { None };
        let Some(step) = step else { return };
        if event.time.is_none() {
            self.untimed.fetch_add(1, Relaxed);
            return;
        }
        self.packed.clear();
        step.pack(&mut self.packed);
        seen.observations.push(event.time, LOGINS, event.record.position(), Values::packed(&self.packed));
    }

    /// The address that a host was connected at; each is told once.
    fn address(&mut self, event: &Event<'_>, address: &str, seen: &mut Seen) {
        let key = (event.record.host().into_owned(), address.to_owned());
        if key.1.is_empty() || event.time.is_none() || self.addresses.len() >= 4096 || self.addresses.contains(&key) {
            return;
        }
        let values = [Some(&key.0), Some(&key.1)];
        seen.observations.push(event.time, ADDRESSES, event.record.position(), values);
        self.addresses.insert(key);
    }
}

/// What a record tells of a login; of sudo, which is none elsewhere, who became whom, and the command as the reason.
fn step(event: &Event<'_>) -> Option<Step<'static>> {
    if let Some(step) = evidence::step(event.record) {
        let is_refused = |login: &Login<'_>| login.outcome != Outcome::Accepted && login.certificate.is_none();
        let is_other = matches!(&step, Step::Login(login) if is_refused(login));
        return Some(step).filter(|_| !is_other);
    }
    let mut login = Login { service: "sudo".into(), method: "sudo".into(), ..Login::default() };
    let mut is_sudo = false;
    event.record.visit(&mut |name, value| {
        let text = || value.text().into_owned().into();
        match name {
            "action" => is_sudo = value.text() == "sudo",
            "outcome" if value.text() == "accepted" => login.outcome = Outcome::Accepted,
            "user" => login.by_user = text(),
            "run_as_user" => login.user = text(),
            "terminal" => login.terminal = text(),
            "command" => login.reason = text(),
            _ => {}
        }
    });
    login.host = event.record.host().into_owned().into();
    (is_sudo && login.outcome == Outcome::Accepted).then_some(Step::Login(login))
}

/// Whether records of this kind may tell what the accounting needs. Windows' own logons have no grants; OpenSSH's there have.
fn matters(source: &LogSource<'_>) -> bool {
    const PROGRAMS: [&str; 12] =
        ["ssh", "login", "su", "gdm", "lightdm", "sddm", "kdm", "xdm", "lxdm", "cockpit", "xrdp", "remote"];
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

impl<D: Detector> Detector for Accounted<'_, D> {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        let inner = self.inner.class(source);
        if !matters(source) {
            return inner;
        }
        let next = Class(FIRST + self.classes.len() as u32);
        let class = *self.classes.entry((inner, source.product == "windows")).or_insert(next);
        let wanted = self.inner.interest(inner);
        self.told.entry(class).or_insert_with(|| {
            let mut interest = Interest::clone(&wanted);
            let slots = FIELDS.map(|field| {
                let known = interest.fields.iter().position(|one| one == field);
                let slot = known.unwrap_or_else(|| {
                    interest.fields.push(field.to_owned());
                    interest.fields.len() - 1
                });
                Slot::try_from(slot).unwrap_or(Slot::MAX)
            });
            (interest.wanted, interest.text_only) = (true, false);
            interest.needed =
                interest.needed.filter(|needed| says_action(source) && slots.first() == Some(&needed.slot));
            if let Some(needed) = &mut interest.needed {
                let actions = if self.explains { ACTIONS.as_slice() } else { &LEARNED };
                needed.values.extend(actions.iter().map(|action| (*action).to_owned()));
                needed.values.sort_unstable();
                needed.values.dedup();
            }
            let interest = Arc::new(interest);
            Told {
                inner,
                is_wanted: wanted.wanted,
                text_only: wanted.text_only,
                is_text: source.product == "windows",
                interest,
                slots,
            }
        });
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
        if told.is_wanted && (!told.text_only || event.text) {
            self.inner.look(&Event { class: told.inner, ..*event }, seen);
        }
        self.observe(event, slots, is_text, seen);
    }
}
