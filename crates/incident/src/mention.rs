//! What a finding names, and how much that says: two findings that name the same rare thing within a time that fits it belong together.

use std::hash::{BuildHasher, Hash, Hasher};

use event::Finding;
use foldhash::fast::FixedState;

use crate::{
    EntityKind, LinkKind,
    arrivals::Arrival,
    common::{is_common_account, is_common_domain, is_common_program, is_common_session},
    facts::Facts,
    names,
    processes::{Named, Number, Origin, Processes, files_named},
    symbols::{Symbol, Symbols},
    told::Told,
    trace::{is_address, is_inside, is_windows_own, name_of},
};

/// What two findings may have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Common {
    /// The record itself, or the event of a correlation.
    Record,
    /// A process, or one that it comes from.
    Process(Number),
    /// What anybody calls an entity.
    Entity(EntityKind, Symbol),
    /// An entity of one machine: the machine, and what it is called there.
    Local(EntityKind, Symbol, Symbol),
    /// A script, or a run of PowerShell.
    Script(Symbol),
    /// A command line, wherever it ran.
    Command(Symbol),
    /// A disc image opened on a machine, and what ran from its drive.
    Drive(Symbol),
    /// The same rule with the same values on one machine, by a hash.
    Same([u32; 2]),
    /// The same rule on one machine.
    Rule(Symbol, Symbol),
    /// The same rule about one process.
    Again(Number, Symbol),
    /// The same machine and moment.
    Moment(Symbol),
    /// A login from one machine to another, by its number.
    Login(u32),
}

/// How much it says that two findings have something in common.
#[derive(Clone, Copy, Debug)]
pub struct Weight {
    /// From 0 to 1, of findings at one time.
    pub strength: f32,
    /// Apart by so many seconds it says half as much.
    pub within: f32,
    /// What kind of link it makes.
    pub kind: LinkKind,
}

const MINUTE: f32 = 60.0;
const HOUR: f32 = 60.0 * MINUTE;
const DAY: f32 = 24.0 * HOUR;
/// What is written is run soon, and the same tool may serve for days.
const FILE: f32 = 4.0 * HOUR;

const fn weight(strength: f32, within: f32, kind: LinkKind) -> Weight {
    Weight { strength, within, kind }
}

/// What a finding names.
pub struct Mentions<'p> {
    processes: &'p mut Processes,
    told: &'p Told,
    found: Vec<(Common, Weight)>,
    /// The machine, and its number.
    host: String,
    machine: Symbol,
}

/// All that a finding names, each once, with the greatest weight.
pub fn mentions(finding: &Finding, processes: &mut Processes, told: &Told) -> Vec<(Common, Weight)> {
    let host = names::host(&finding.host);
    let machine = processes.symbols.number(&host);
    let mut mentions = Mentions { processes, told, found: Vec::with_capacity(32), host, machine };
    let facts = Facts(finding);
    mentions.own_process(facts);
    mentions.other_processes(facts);
    mentions.scripts(facts);
    mentions.files(facts);
    mentions.sessions(facts);
    mentions.network(facts);
    mentions.web_folder(facts);
    mentions.persistence(facts);
    mentions.secrets(facts);
    mentions.surroundings(finding);
    let mut found = mentions.found;
    found.sort_by(|(a, one), (b, other)| a.cmp(b).then(other.strength.total_cmp(&one.strength)));
    found.dedup_by(|(b, _), (a, _)| a == b);
    found
}

impl Mentions<'_> {
    fn push(&mut self, common: Common, weight: Weight) {
        self.found.push((common, weight));
    }

    fn entity(&mut self, kind: EntityKind, name: &str, weight: Weight) {
        if !name.is_empty() {
            let name = self.processes.symbols.number(name);
            self.push(Common::Entity(kind, name), weight);
        }
    }

    /// An entity that belongs to the machine.
    fn local(&mut self, kind: EntityKind, name: &str, weight: Weight) {
        if !name.is_empty() {
            let name = self.processes.symbols.number(name);
            self.push(Common::Local(kind, self.machine, name), weight);
        }
    }

    /// The process that did it, and those that it comes from.
    fn own_process(&mut self, facts: Facts<'_>) {
        let finding = facts.0;
        let guid = facts.first(&["ProcessGuid", "SourceProcessGUID", "SourceProcessGuid"]);
        let pid = match finding.event_id {
            _ if facts.is_powershell() => {
                facts.first(&["Execution_ProcessID", "ExecutionProcessID", "winlog.process.pid", "process.pid"])
            }
            4688 if facts.is_security() => facts.get("NewProcessId"),
            8 | 10 if !guid.is_empty() => facts.get("SourceProcessId"),
            _ => facts.first(&["ProcessId", "ProcessID", "SourceProcessId", "pid"]),
        };
        let image = facts.program();
        let named = Named { host: &self.host, guid, pid, image };
        let time = finding.time.map(event::Time::as_nanos);
        let process = match time {
            Some(time) => self.processes.find_or_make(time, named),
            None => self.processes.find(None, named),
        };
        if let Some(process) = process {
            let parent = self.parent(facts, process, time);
            let is_common =
                self.processes.get(process).is_some_and(|process| is_common_program(self.processes.image(process)));
            let strength = if is_common { 0.3 } else { 0.97 };
            self.process(process, strength, if is_common { 10.0 } else { DAY });
            let again = Common::Again(process, self.processes.symbols.number(&finding.rule.id));
            self.push(again, weight(0.6, 30.0 * MINUTE, LinkKind::Repetition));
            if let Some(parent) = parent.filter(|_| self.processes.ancestors(process).len() == 1) {
                self.process(parent, 0.94, DAY);
            }
        }
    }

    /// The parent that a record of a start tells, where the traces do not.
    fn parent(&mut self, facts: Facts<'_>, process: Number, time: Option<i64>) -> Option<Number> {
        let guid = facts.get("ParentProcessGuid");
        let is_start = facts.is_security() && facts.0.event_id == 4688;
        let pid = if is_start { facts.get("ProcessId") } else { facts.first(&["ParentProcessId", "ppid"]) };
        let image = facts.first(&["ParentImage", "ParentProcessName", "parent_exe"]);
        if is_common_program(image) {
            return None;
        }
        let parent = self.processes.find_or_make(time?, Named { host: &self.host, guid, pid, image })?;
        let is_common = self.processes.get(parent).is_none_or(|parent| is_common_program(self.processes.image(parent)));
        (parent != process && !is_common).then_some(parent)
    }

    fn process(&mut self, process: Number, strength: f32, within: f32) {
        for (ancestor, closeness, how) in self.processes.ancestors(process) {
            let kind = match (ancestor == process, how) {
                (true, _) => LinkKind::SameProcess,
                (false, Origin::Started) => LinkKind::ParentProcess,
                (false, Origin::Wrote) => LinkKind::WroteThenRan,
            };
            self.push(Common::Process(ancestor), weight(strength * closeness, within, kind));
        }
    }

    /// Whom it was done to.
    fn other_processes(&mut self, facts: Facts<'_>) {
        let guid = facts.first(&["TargetProcessGUID", "TargetProcessGuid"]);
        let (pid, image) = (facts.get("TargetProcessId"), facts.get("TargetImage"));
        if is_common_program(image) || image.is_empty() {
            return;
        }
        let named = Named { host: &self.host, guid, pid, image };
        let Some(time) = facts.0.time else { return };
        if let Some(target) = self.processes.find_or_make(time.as_nanos(), named) {
            self.push(Common::Process(target), weight(0.85, HOUR, LinkKind::SameProcess));
        }
    }

    fn scripts(&mut self, facts: Facts<'_>) {
        let own = facts.get("ScriptBlockId").to_lowercase();
        if !own.is_empty() {
            let own = self.processes.symbols.number(&own);
            self.push(Common::Script(own), weight(0.97, DAY, LinkKind::SameProcess));
        }
        let context = [facts.get("ContextInfo"), facts.get("Data")];
        for line in context.into_iter().flat_map(str::lines) {
            let Some((name, value)) = line.split_once('=') else { continue };
            match name.trim() {
                "Host ID" | "HostId" if value.trim().len() >= 32 => {
                    let run = self.processes.symbols.number(&value.trim().to_lowercase());
                    self.push(Common::Script(run), weight(0.97, DAY, LinkKind::SameProcess));
                }
                "Host Application" | "HostApplication" => {
                    self.command(value);
                    self.run_file(value);
                }
                _ => {}
            }
        }
        self.command(facts.get("HostApplication"));
        self.command(facts.command());
        if !is_common_program(facts.program()) {
            self.command(facts.get("Details"));
        }
    }

    /// A program that a record names beside its process.
    fn run_file(&mut self, command: &str) {
        for path in files_named(command).map(names::path).collect::<Vec<_>>() {
            self.local(EntityKind::File, &path, weight(0.8, FILE, LinkKind::WroteThenRan));
        }
    }

    /// A command line that is long enough to be told from others: by its longest word, which is what enciphered ones consist of, or by all of it
    /// but its program.
    fn command(&mut self, command: &str) {
        const SHORTEST: usize = 24;
        const LONGEST: usize = 160;
        let command = command.trim().to_lowercase().replace('"', "");
        let longest = command.split(' ').filter(|word| !word.contains(['\\', '/'])).max_by_key(|word| word.len());
        let arguments = command.split_once(".exe").map_or(command.as_str(), |(_, arguments)| arguments).trim();
        let is_common = is_common_program(command.split(' ').next().unwrap_or_default());
        let (told, strength) = match longest {
            Some(word) if word.len() >= 2 * SHORTEST => (word, 0.7),
            _ if arguments.len() >= SHORTEST && !is_common => (arguments, 0.6),
            _ => return,
        };
        let told = self.processes.symbols.number(crate::context::shortened(told, LONGEST));
        self.push(Common::Command(told), weight(strength, HOUR, LinkKind::SameEntity));
    }

    fn files(&mut self, facts: Facts<'_>) {
        const WRITTEN: [&str; 4] = ["TargetFilename", "created_file", "ObjectName", "path"];
        const RUN: [&str; 5] = ["Image", "NewProcessName", "ImageLoaded", "exe", "ProcessName"];
        let paths = WRITTEN.iter().chain(&RUN).flat_map(|field| facts.all(field)).chain(files_named(facts.command()));
        let mut paths: Vec<String> = paths.filter(|path| path.contains(['\\', '/'])).map(names::path).collect();
        paths.extend(shared_file(facts));
        for path in paths {
            let is_own = is_windows_own(&path) || path.starts_with("/usr/") || path.starts_with("/bin/");
            if !is_own || self.processes.is_written(self.machine, &path) {
                self.local(EntityKind::File, &path, weight(0.8, FILE, LinkKind::WroteThenRan));
                self.file_name(&path, false);
            }
            if let Some(from) = self.told.downloaded_from(&self.host, &path) {
                self.domain(from, weight(0.7, 7.0 * DAY, LinkKind::Downloaded));
            }
            let ending = path.rsplit('.').next().unwrap_or_default();
            let is_image = matches!(ending, "iso" | "img" | "vhd" | "vhdx");
            let is_other_drive = path.get(1..3) == Some(r":\") && !path.starts_with("c:");
            if is_image || is_other_drive {
                self.push(Common::Drive(self.machine), weight(0.7, 30.0 * MINUTE, LinkKind::Downloaded));
            }
        }
        let is_sent = facts.0.channel == "file" || facts.is_mail();
        if is_sent {
            let names =
                ["Name", "Attachment", "FileName", "Inside", "ProgramLink"].iter().flat_map(|field| facts.all(field));
            names.for_each(|name| self.file_name(&name.to_lowercase(), true));
        }
        let is_own = is_windows_own(facts.program());
        for hash in facts.all("Sha256").chain(facts.all("Hashes")).filter_map(sha256).filter(|_| !is_own) {
            let weight = if is_sent {
                weight(0.9, 30.0 * DAY, LinkKind::Delivered)
            } else {
                weight(0.5, HOUR, LinkKind::SameEntity)
            };
            self.entity(EntityKind::Hash, &hash, weight);
        }
    }

    /// A file's name alone: what was sent appears on a disk under it.
    fn file_name(&mut self, path: &str, is_sent: bool) {
        const SHORTEST: usize = 10;
        let name = name_of(path);
        if name.len() >= SHORTEST && name.contains('.') {
            let (strength, kind) = if is_sent { (0.9, LinkKind::Delivered) } else { (0.45, LinkKind::SameEntity) };
            self.entity(EntityKind::File, name, weight(strength, 7.0 * DAY, kind));
        }
    }

    fn sessions(&mut self, facts: Facts<'_>) {
        for field in ["LogonId", "SubjectLogonId", "TargetLogonId", "ses"] {
            let session = names::session(facts.get(field));
            if !session.is_empty() && !is_common_session(&session) {
                let strength = if session.len() > 6 { 0.65 } else { 0.5 };
                self.local(EntityKind::Session, &session, weight(strength, 30.0 * MINUTE, LinkKind::SameSession));
            }
        }
        for field in ["User", "SubjectUserName", "TargetUserName", "user", "AccountName", "acct", "cs-username"] {
            let account = names::account(facts.get(field));
            if !account.is_empty() && !is_common_account(&account) && !account.starts_with("s-1-5-") {
                // From elsewhere, an account is tried by one who then comes in by it.
                let is_try = !facts.get("source_address").is_empty();
                let (strength, within) = if is_try { (0.55, HOUR) } else { (0.2, 5.0 * MINUTE) };
                self.local(EntityKind::Account, &account, weight(strength, within, LinkKind::SameEntity));
                self.entity(EntityKind::Account, &account, weight(0.1, 10.0 * MINUTE, LinkKind::SameEntity));
            }
        }
    }

    fn network(&mut self, facts: Facts<'_>) {
        const ADDRESSES: [&str; 8] = [
            "DestinationIp",
            "SourceIp",
            "IpAddress",
            "SourceAddress",
            "source_address",
            "c-ip",
            "destination_address",
            "addr",
        ];
        for field in ADDRESSES {
            let address = facts.get(field).trim_start_matches("::ffff:");
            // Where a machine connects from is its own address.
            let is_own = field == "SourceIp" && facts.get("Initiated") == "true";
            if is_address(address) && !is_own {
                for domain in self.told.domains(address) {
                    self.domain(domain, weight(0.55, 7.0 * DAY, LinkKind::SameEntity));
                }
                let (strength, within) = if is_inside(address) { (0.45, HOUR) } else { (0.6, 2.0 * DAY) };
                self.entity(EntityKind::Address, address, weight(strength, within, LinkKind::SameEntity));
            }
        }
        // What a web server is asked for is its own name; what a proxy is asked for is another's.
        let asked = Some(facts.get("cs-host")).filter(|host| names::host(host) != self.host);
        let names = ["QueryName", "DestinationHostname", "Domain"].map(|field| facts.get(field));
        for name in names.into_iter().chain(asked) {
            self.domain(name, weight(0.55, 2.0 * DAY, LinkKind::SameEntity));
        }
        for url in urls_named(facts.command()).chain(facts.all("Url")).filter_map(names::host_of_url) {
            self.domain(&url, weight(0.45, 2.0 * DAY, LinkKind::SameEntity));
        }
        for field in ["FromDomain", "LinkDomain", "ShareLink"] {
            facts.all(field).for_each(|domain| self.domain(domain, weight(0.7, 14.0 * DAY, LinkKind::Delivered)));
        }
        let detection = facts.get("Detection ID").to_lowercase();
        if !detection.is_empty() {
            let detection = self.processes.symbols.number(&detection);
            self.push(Common::Script(detection), weight(0.9, DAY, LinkKind::SameEntity));
        }
        let object = facts.get("ObjectDN").to_lowercase();
        if !object.is_empty() {
            let object = self.processes.symbols.number(&object);
            self.push(Common::Script(object), weight(0.6, HOUR, LinkKind::SameEntity));
        }
        let mail = facts.first(&["MessageId"]);
        self.entity(EntityKind::Mail, mail, weight(0.97, 30.0 * DAY, LinkKind::Delivered));
    }

    /// A domain, and the part of it that somebody registered.
    fn domain(&mut self, name: &str, weight: Weight) {
        let domain = names::domain(name);
        if domain.contains('.') && !is_address(&domain) && !is_common_domain(&domain) {
            self.entity(EntityKind::Domain, &domain, weight);
            let registered = suffix::registrable(&domain).filter(|registered| *registered != domain);
            registered.into_iter().for_each(|registered| self.entity(EntityKind::Domain, registered, weight));
        }
    }

    /// The folder of a script of a web site, and that in which an account of a web server works: the one ends in the other.
    fn web_folder(&mut self, facts: Facts<'_>) {
        const MAX_DEPTH: usize = 8;
        let stem = facts.get("cs-uri-stem").to_lowercase();
        if let Some((folder, _)) = stem.rsplit_once('/') {
            self.folder(folder);
        }
        let works_in = facts.first(&["working_directory", "cwd"]).to_lowercase();
        let starts = works_in.match_indices('/').map(|(at, _)| at).take(MAX_DEPTH);
        starts.filter_map(|at| works_in.get(at..)).for_each(|folder| self.folder(folder));
    }

    /// The end of a folder's path, if it is long enough to be told from others.
    fn folder(&mut self, path: &str) {
        if path.matches('/').count() >= 2 && !path.starts_with("/home/") {
            self.local(EntityKind::File, path, weight(0.8, HOUR, LinkKind::SameEntity));
        }
    }

    fn persistence(&mut self, facts: Facts<'_>) {
        let target = facts.get("TargetObject").to_lowercase();
        let service = target.split_once(r"\services\").and_then(|(_, rest)| rest.split('\\').next());
        let is_service = facts.0.provider.contains("Service Control Manager") || facts.0.event_id == 4697;
        let named = if is_service { facts.first(&["ServiceName", "param1"]) } else { "" };
        let services = [service.unwrap_or_default().to_owned(), named.to_lowercase()];
        for service in services {
            self.local(EntityKind::Service, &service, weight(0.6, HOUR, LinkKind::SameEntity));
        }
        let task = facts.get("TaskName").to_lowercase();
        self.local(EntityKind::Task, task.trim_start_matches('\\'), weight(0.6, HOUR, LinkKind::SameEntity));
        self.local(EntityKind::RegistryKey, &target, weight(0.5, 10.0 * MINUTE, LinkKind::SameEntity));
    }

    fn secrets(&mut self, facts: Facts<'_>) {
        let key = facts.get("key_fingerprint");
        self.entity(EntityKind::Key, key, weight(0.6, 7.0 * DAY, LinkKind::SameEntity));
        let certificate = facts.get("certificate_id");
        self.entity(EntityKind::Certificate, certificate, weight(0.8, DAY, LinkKind::Grant));
    }

    /// The same rule, and the same moment, on one machine.
    fn surroundings(&mut self, finding: &Finding) {
        let rule = self.processes.symbols.number(&finding.rule.id);
        let mut hasher = FixedState::default().build_hasher();
        (self.machine, rule).hash(&mut hasher);
        finding.matched.iter().for_each(|one| one.value.hash(&mut hasher));
        let hash = hasher.finish();
        let same = Common::Same([hash as u32, (hash >> 32) as u32]);
        self.push(same, weight(0.45, 5.0 * MINUTE, LinkKind::Repetition));
        self.push(Common::Rule(self.machine, rule), weight(0.25, 2.0 * MINUTE, LinkKind::Repetition));
        // What a correlation takes its time for is no moment.
        if finding.correlated.is_none() {
            self.push(Common::Moment(self.machine), weight(0.6, 120.0, LinkKind::SameEntity));
        }
    }
}

/// What a login names that a finding in its session does not: the address and the key.
pub fn came_with(arrival: &Arrival, symbols: &mut Symbols) -> Vec<(Common, Weight)> {
    let mut found = Vec::new();
    if is_address(&arrival.from) && !is_inside(&arrival.from) {
        let address = Common::Entity(EntityKind::Address, symbols.number(&arrival.from));
        found.push((address, weight(0.6, 2.0 * DAY, LinkKind::SameEntity)));
    }
    let account = &arrival.account;
    if !account.is_empty() && !is_common_account(account) {
        let account = Common::Local(EntityKind::Account, symbols.number(&arrival.host), symbols.number(account));
        found.push((account, weight(0.55, HOUR, LinkKind::SameEntity)));
    }
    if !arrival.key.is_empty() {
        let key = Common::Entity(EntityKind::Key, symbols.number(&arrival.key));
        found.push((key, weight(0.6, 7.0 * DAY, LinkKind::SameEntity)));
    }
    found
}

/// The file on the machine that was reached through one of its shares.
fn shared_file(facts: Facts<'_>) -> Option<String> {
    let name = facts.get("RelativeTargetName").to_lowercase();
    let share = facts.get("ShareName").to_lowercase();
    let drive = match name_of(&share) {
        "admin$" => r"c:\windows\".to_owned(),
        share => format!(r"{}:\", share.strip_suffix('$').filter(|drive| drive.len() == 1)?),
    };
    (name.contains('.')).then(|| format!("{drive}{name}"))
}

/// The URLs in a command line.
fn urls_named(command: &str) -> impl Iterator<Item = &str> {
    const MAX_URLS: usize = 4;
    let words = command.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '(' | ')' | ',' | ';'));
    words.filter(|word| word.starts_with("http://") || word.starts_with("https://")).take(MAX_URLS)
}

/// The SHA-256 in a list of hashes.
fn sha256(text: &str) -> Option<String> {
    let hash = text.split(',').find_map(|one| one.trim().strip_prefix("SHA256=")).unwrap_or(text);
    let is_hash = hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit());
    is_hash.then(|| hash.to_lowercase())
}
