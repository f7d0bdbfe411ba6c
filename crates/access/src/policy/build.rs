//! From the file to the policy: names resolved, contradictions refused.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use ipnet::IpNet;
use jiff::SignedDuration;

use super::{
    GateAccount, Host, Party, People, Permit, Policy, Problem, Rule, STAFF, Schedule, Scope, Standing, UnderRelease,
    and,
    file::{self, File},
};
use crate::gate::LOCAL;

/// The longest time that a grant may be given for: a certificate is meant to be short-lived.
pub(crate) const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 7);

pub(super) fn build(text: &str) -> Result<Policy, Vec<Problem>> {
    let file = read(text)?;
    let (policy, zone) = (Policy::default(), file.timezone.clone());
    let mut builder = Builder { policy, problems: Vec::new(), zone, shared: BTreeMap::new() };
    builder.parties(&file);
    builder.hosts(&file.hosts);
    builder.groups(&file.groups);
    builder.authorities(&file.authorities);
    builder.clock(file.clock_approvals);
    builder.releases(&file.releases);
    builder.gate(file.gate.as_ref());
    for (place, rule) in places("rules", &file.rules, |rule| &rule.name) {
        builder.rule(&place, rule, &file, false);
    }
    for (place, rule) in places("break_glass", &file.break_glass, |rule| &rule.name) {
        builder.rule(&place, rule, &file, true);
    }
    for (place, standing) in places("standing", &file.standing, |standing| &standing.name) {
        builder.standing(&place, standing, &file);
    }
    builder.names_are_unique();
    builder.overlaps();
    builder.addresses();
    builder.problems.sort();
    builder.problems.dedup();
    if builder.problems.is_empty() { Ok(builder.policy) } else { Err(builder.problems) }
}

/// What the file says, if it is TOML and has no key that means nothing.
fn read(text: &str) -> Result<File, Vec<Problem>> {
    let wrong = |reason: String| vec![Problem { path: String::new(), reason }];
    let document = toml::Deserializer::parse(text).map_err(|error| wrong(error.to_string().trim().to_owned()))?;
    let mut unknown = Vec::new();
    let file = serde_ignored::deserialize(document, |path| unknown.push(path.to_string()));
    let file: File = file.map_err(|error: toml::de::Error| wrong(error.to_string().trim().to_owned()))?;
    if unknown.is_empty() {
        return Ok(file);
    }
    let problem = |path: String| Problem { path, reason: "there is no such key".into() };
    Err(unknown.into_iter().map(problem).collect())
}

/// Each rule with its path: by its name, or its number where it has none.
fn places<'a, T>(list: &str, rules: &'a [T], name: impl Fn(&T) -> &String) -> Vec<(String, &'a T)> {
    let place = |(number, rule): (usize, &'a T)| match name(rule).as_str() {
        "" => (format!("{list}[{number}]"), rule),
        name => (format!("{list}.{name}"), rule),
    };
    rules.iter().enumerate().map(place).collect()
}

struct Builder {
    policy: Policy,
    problems: Vec<Problem>,
    /// The zone of windows that name none.
    zone: Option<String>,
    /// The people of rules so far, by `who`, `from` and whether they need a source.
    shared: BTreeMap<(Vec<String>, Vec<String>, bool), Arc<People>>,
}

impl Builder {
    fn problem(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.problems.push(Problem { path: path.into(), reason: reason.into() });
    }

    fn note(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.policy.notes.push(Problem { path: path.into(), reason: reason.into() });
    }

    /// Reads each text; what cannot be read is a problem of its place.
    fn each<T>(&mut self, path: &str, texts: &[String], read: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let mut good = Vec::new();
        for text in texts {
            match read(text) {
                Ok(value) => good.push(value),
                Err(reason) => self.problem(path, reason),
            }
        }
        good
    }

    fn authorities(&mut self, keys: &[String]) {
        self.policy.authorities = self.each("authorities", keys, fingerprint);
    }

    fn releases(&mut self, releases: &file::Releases) {
        let pattern = |text: &str| match text.len() {
            1..=255 if !text.contains(char::is_whitespace) => Ok(text.to_owned()),
            _ => {
                Err(format!("'{text}' is not a pattern: up to 255 characters without blanks; * and ? stand for others"))
            }
        };
        let packages = releases.packages.as_ref().map(|packages| self.each("releases.packages", packages, pattern));
        let paths = self.each("releases.paths", &releases.paths, pattern);
        self.policy.releases = UnderRelease { packages, paths };
    }

    fn clock(&mut self, approvals: u32) {
        let staff = self.policy.parties.get(STAFF).map_or(0, |staff| staff.people.len());
        if approvals as usize > staff {
            self.problem("clock_approvals", format!("{approvals} approvals are needed, but staff are {staff}"));
        }
        self.policy.clock_approvals = approvals;
    }

    fn parties(&mut self, file: &File) {
        let staff = file.staff.iter().map(|party| (STAFF.to_owned(), STAFF.to_owned(), party));
        let providers = file.providers.iter().map(|(id, party)| (id.clone(), format!("providers.{id}"), party));
        let mut seen = BTreeMap::<String, String>::new();
        for (id, path, party) in staff.chain(providers) {
            if id == STAFF && path != STAFF {
                self.problem(&path, "a provider may not be called staff; that is what our own people are called");
                continue;
            }
            if party.people.is_empty() {
                self.problem(format!("{path}.people"), "nobody is named");
            }
            let networks = self.each(&format!("{path}.networks"), &party.networks, network);
            for person in &party.people {
                if let Some(other) = seen.insert(person.clone(), path.clone()) {
                    self.problem(format!("{path}.people"), format!("{person} is named in {other} already"));
                }
                if person == STAFF || file.providers.contains_key(person) {
                    self.problem(format!("{path}.people"), format!("{person} is the name of a provider too"));
                }
                if [LOCAL, "gate"].contains(&person.as_str()) {
                    self.problem(format!("{path}.people"), format!("nobody may be called {person}: the ledger does"));
                }
                self.is_name(&format!("{path}.people"), person);
            }
            let name = party.name.clone().unwrap_or_else(|| id.clone());
            let of_party = party.people.iter().map(|person| (person.clone(), id.clone()));
            self.policy.party_ids.extend(of_party);
            self.policy.parties.insert(id.clone(), Party { id, name, people: party.people.clone(), networks });
        }
    }

    /// Names go into certificates, principals, the ledger and command lines.
    fn is_name(&mut self, path: &str, name: &str) {
        if !is_name(name) {
            self.problem(path, format!("'{name}' is not a name: up to 64 letters, digits, '.', '_', '-', '$'"));
        }
    }

    fn hosts(&mut self, hosts: &BTreeMap<String, file::Host>) {
        for (id, host) in hosts {
            let path = format!("hosts.{id}");
            self.is_name(&path, id);
            let address = |text: &str| text.parse::<IpAddr>().map_err(|_| format!("'{text}' is not an address"));
            let addresses = self.each(&format!("{path}.addresses"), &host.addresses, address);
            let names = std::iter::once(id).chain(&host.names).map(|name| name.to_lowercase());
            let known = names.chain(addresses.iter().map(|address| address.to_canonical().to_string()));
            for name in known.collect::<BTreeSet<_>>() {
                if let Some(other) = self.policy.host_names.insert(name.clone(), id.clone()) {
                    self.problem(&path, format!("{name} is {other} already"));
                }
            }
            let host = Host { id: id.clone(), names: host.names.clone(), addresses };
            self.policy.hosts.insert(id.clone(), host);
        }
    }

    fn groups(&mut self, groups: &BTreeMap<String, Vec<String>>) {
        for (name, members) in groups {
            let path = format!("groups.{name}");
            self.is_name(&path, name);
            if self.policy.host(name).is_some() {
                self.problem(&path, format!("{name} is the name of a host too"));
            }
            if members.is_empty() {
                self.problem(&path, "no host is named");
            }
            for member in members {
                if self.policy.host(member).is_none() {
                    self.problem(&path, format!("there is no host called {member}"));
                }
            }
        }
    }

    fn gate(&mut self, gate: Option<&file::Gate>) {
        let Some(gate) = gate else { return };
        self.is_name("gate.account", &gate.account);
        match self.policy.host(&gate.host).map(|host| host.id.clone()) {
            Some(host) => self.policy.gate = Some(GateAccount { host, account: gate.account.clone() }),
            None => self.problem("gate.host", format!("there is no host called {}", gate.host)),
        }
    }

    /// Tells of which hosts no address is known.
    fn addresses(&mut self) {
        let without = self.policy.hosts.values().filter(|host| host.addresses.is_empty());
        let without: Vec<&String> = without.map(|host| &host.id).collect();
        if !without.is_empty() {
            let reason = format!(
                "no addresses are named of {}: a login from there is known as one from a server only if a log tells its address",
                and(&without)
            );
            self.note("hosts", &reason);
        }
    }

    /// The people behind names of people and parties.
    fn people(&mut self, path: &str, who: &[String]) -> Vec<String> {
        let mut people = Vec::new();
        for name in who {
            let party = self.policy.parties.get(name);
            let is_known = party.is_some() || self.policy.party_of(name).is_some();
            people.extend(party.map_or_else(|| vec![name.clone()], |party| party.people.clone()));
            if !is_known {
                self.problem(path, format!("nobody is called {name}: no person, no provider"));
            }
        }
        people.sort();
        people.dedup();
        people
    }

    fn host_ids(&mut self, path: &str, names: &[String], groups: &BTreeMap<String, Vec<String>>) -> Vec<String> {
        let mut ids = Vec::new();
        for name in names {
            let members = groups.get(name).map_or_else(|| std::slice::from_ref(name), Vec::as_slice);
            ids.extend(members.iter().filter_map(|member| self.policy.host(member)).map(|host| host.id.clone()));
            if !groups.contains_key(name) && self.policy.host(name).is_none() {
                self.problem(path, format!("there is no host or group called {name}"));
            }
        }
        ids.sort();
        ids.dedup();
        ids
    }

    fn scope(&mut self, place: &str, written: &Written<'_>, file: &File) -> Option<Scope> {
        let before = self.problems.len();
        self.is_name(&format!("{place}.name"), written.name);
        let needed = [("who", written.who), ("hosts", written.hosts), ("accounts", written.accounts)];
        for (key, list) in needed {
            if list.is_empty() {
                self.problem(format!("{place}.{key}"), format!("{key} is empty, so it would allow nothing"));
            }
        }
        for account in written.accounts.iter().chain(written.may_become) {
            self.is_name(&format!("{place}.accounts"), account);
        }
        let people = self.shared_people(place, written);
        let hosts = self.host_ids(&format!("{place}.hosts"), written.hosts, &file.groups);
        let when = self.schedule(place, written)?;
        let scope = Scope {
            name: written.name.clone(),
            people,
            hosts,
            accounts: written.accounts.to_vec(),
            when,
            may_become: written.may_become.to_vec(),
            written: [written.who.to_vec(), written.hosts.to_vec(), written.from.to_vec()],
        };
        (self.problems.len() == before).then_some(scope)
    }

    /// The people of a rule, and where they may come from; those of an earlier one that says the same.
    fn shared_people(&mut self, place: &str, written: &Written<'_>) -> Arc<People> {
        let said = (written.who.to_vec(), written.from.to_vec(), written.needs_source);
        if let Some(people) = self.shared.get(&said) {
            return Arc::clone(people);
        }
        let before = self.problems.len();
        let people = self.people(&format!("{place}.who"), written.who);
        let people = Arc::new(self.networks(place, people, written));
        // What is wrong with them is wrong in each rule.
        if self.problems.len() == before {
            self.shared.insert(said, Arc::clone(&people));
        }
        people
    }

    /// Where each of the people may come from: what both the rule and their party allow.
    fn networks(&mut self, place: &str, people: Vec<String>, written: &Written<'_>) -> People {
        let from = self.each(&format!("{place}.from"), written.from, network);
        let of_party = |party: Option<&Party>| -> Arc<[IpNet]> {
            let networks = party.map(|party| party.networks.as_slice()).unwrap_or_default();
            match (from.is_empty(), networks.is_empty()) {
                (true, _) => networks.into(),
                (false, true) => from.as_slice().into(),
                (false, false) => both(&from, networks).into(),
            }
        };
        let mut of_parties = BTreeMap::<Option<&str>, Arc<[IpNet]>>::new();
        let allowed = people.into_iter().map(|person| {
            let party = self.policy.party_of(&person);
            let networks = of_parties.entry(party.map(|party| party.id.as_str())).or_insert_with(|| of_party(party));
            (person, Arc::clone(networks))
        });
        let allowed: People = allowed.collect();
        let is_judged = written.needs_source && from.len() == written.from.len();
        for (person, _) in allowed.iter().filter(|(_, networks)| is_judged && networks.is_empty()) {
            let reason = if from.is_empty() {
                format!("nothing says where {person} may come from; 0.0.0.0/0 and ::/0 mean anywhere")
            } else {
                format!("{person} may come from none of {}: the provider's networks are others", and(&from))
            };
            self.problem(format!("{place}.from"), reason);
        }
        allowed
    }

    fn schedule(&mut self, place: &str, written: &Written<'_>) -> Option<Schedule> {
        let zone = written.timezone.or(self.zone.as_ref()).map_or("UTC", String::as_str).to_owned();
        let has_hours = written.when.iter().any(|window| window != "always") || !written.except.is_empty();
        if has_hours && written.timezone.is_none() && self.zone.is_none() {
            self.problem(format!("{place}.timezone"), "its windows need a time zone, here or at the top of the file");
        }
        match Schedule::parse(&zone, written.when, written.except) {
            Ok(schedule) if schedule.is_never() => {
                self.problem(format!("{place}.except"), "all its windows are excepted, so it would allow nothing");
                None
            }
            Ok(schedule) => Some(schedule),
            Err(reason) => {
                self.problem(format!("{place}.when"), reason);
                None
            }
        }
    }

    fn rule(&mut self, place: &str, rule: &file::Rule, file: &File, break_glass: bool) {
        let always = ["always".to_owned()];
        let written = Written {
            name: &rule.name,
            who: &rule.who,
            hosts: &rule.hosts,
            accounts: &rule.accounts,
            from: &rule.from,
            when: if break_glass && rule.when.is_empty() { &always } else { &rule.when },
            timezone: rule.timezone.as_ref(),
            except: &rule.except,
            may_become: &rule.may_become,
            needs_source: true,
        };
        let scope = self.scope(place, &written, file);
        let at_most = self.length(place, rule.at_most.as_deref());
        let approvers = self.approvers(place, rule, scope.as_ref());
        let permit = |text: &str| {
            let known = Permit::ALL.into_iter().find(|permit| permit.as_str() == text);
            known.ok_or_else(|| format!("'{text}' cannot be permitted; {} can", and(&Permit::ALL.map(Permit::as_str))))
        };
        let permits = self.each(&format!("{place}.permit"), &rule.permit, permit);
        if rule.command.as_ref().is_some_and(|command| command.trim().is_empty() || command.contains(['\n', '\0'])) {
            self.problem(format!("{place}.command"), "the command is empty or of several lines");
        }
        if break_glass && rule.reason == Some(false) {
            self.problem(format!("{place}.reason"), "whoever breaks glass has to say why");
        }
        let (Some(scope), Some(at_most)) = (scope, at_most) else { return };
        if rule.command.is_some() && permits.iter().any(|permit| *permit != Permit::Terminal) {
            self.note(place, "a forced command is of little use where forwarding is permitted beside it");
        }
        self.policy.rule_places.entry(scope.name.clone()).or_insert(self.policy.rules.len());
        self.policy.rules.push(Rule {
            scope,
            at_most,
            approvals: rule.approvals,
            approvers,
            needs_reason: rule.reason.unwrap_or(break_glass),
            needs_ticket: rule.ticket,
            command: rule.command.clone(),
            permits,
            break_glass,
        });
    }

    fn length(&mut self, place: &str, text: Option<&str>) -> Option<SignedDuration> {
        let place = format!("{place}.at_most");
        let Some(text) = text else {
            self.problem(place, "how long a grant holds at most is not said; write a length such as 1h or 30m");
            return None;
        };
        match text.parse::<SignedDuration>() {
            Ok(length) if (SignedDuration::from_secs(1)..=LONGEST).contains(&length) => return Some(length),
            Ok(_) => self.problem(place, format!("'{text}' is not between a second and seven days")),
            Err(_) => self.problem(place, format!("'{text}' is not a length; write 1h or 30m")),
        }
        None
    }

    /// Who may approve: our own people if the rule does not say.
    fn approvers(&mut self, place: &str, rule: &file::Rule, scope: Option<&Scope>) -> Vec<String> {
        let staff = [STAFF.to_owned()];
        if rule.approvals == 0 {
            if rule.approved_by.is_some() {
                self.problem(format!("{place}.approved_by"), "it names who approves, but no approval is needed");
            }
            return Vec::new();
        }
        let by = rule.approved_by.as_deref().unwrap_or(&staff);
        let approvers = self.people(&format!("{place}.approved_by"), by);
        for person in scope.iter().flat_map(|scope| scope.people.keys()) {
            let others = approvers.iter().filter(|approver| *approver != person).count();
            if others < rule.approvals as usize {
                let reason = format!(
                    "{} approvals are needed for {person}, but only {others} others may approve",
                    rule.approvals
                );
                self.problem(format!("{place}.approvals"), reason);
                break;
            }
        }
        approvers
    }

    fn standing(&mut self, place: &str, standing: &file::Standing, file: &File) {
        let always = ["always".to_owned()];
        let is_remote = !standing.keys.is_empty() || standing.password;
        let written = Written {
            name: &standing.name,
            who: &standing.who,
            hosts: &standing.hosts,
            accounts: &standing.accounts,
            from: &standing.from,
            when: if standing.when.is_empty() { &always } else { &standing.when },
            timezone: standing.timezone.as_ref(),
            except: &standing.except,
            may_become: &standing.may_become,
            needs_source: is_remote,
        };
        let keys = self.each(&format!("{place}.keys"), &standing.keys, fingerprint);
        if !is_remote && !standing.console {
            self.problem(place, "it has no keys, no password and no console, so it would allow nothing");
        }
        let Some(scope) = self.scope(place, &written, file) else { return };
        if standing.password {
            self.note(place, "a password is enough for it; a stolen one is not told from its owner's");
        }
        self.policy.standing.push(Standing { scope, keys, password: standing.password, console: standing.console });
    }

    fn names_are_unique(&mut self) {
        let mut seen = BTreeSet::new();
        let scopes = self.policy.rules.iter().map(|rule| &rule.scope);
        let names = scopes.chain(self.policy.standing.iter().map(|standing| &standing.scope)).map(|scope| &scope.name);
        let twice: Vec<String> = names.filter(|name| !seen.insert(*name)).cloned().collect();
        twice.into_iter().for_each(|name| self.problem("", format!("two rules are called {name}")));
    }

    /// Tells which rules are about the same logins: of those the first that is satisfied counts.
    fn overlaps(&mut self) {
        let mut notes = Vec::new();
        for (at, rule) in self.policy.rules.iter().enumerate() {
            for other in self.policy.rules.iter().skip(at + 1).filter(|other| other.break_glass == rule.break_glass) {
                if let Some(common) = common(&rule.scope, &other.scope) {
                    let reason = format!(
                        "{} too is about {common}; of the two the first that is satisfied counts",
                        other.scope.name
                    );
                    notes.push(Problem { path: rule.scope.name.clone(), reason });
                }
            }
        }
        self.policy.notes.extend(notes);
    }
}

/// Something that two rules are both about.
fn common(a: &Scope, b: &Scope) -> Option<String> {
    let person = a.people.keys().find(|person| b.people.contains_key(*person))?;
    let host = a.hosts.iter().find(|host| b.hosts.contains(host))?;
    let account = a.accounts.iter().find(|account| b.accounts.contains(account))?;
    Some(format!("{person} on {host} as {account}"))
}

/// Whether people, hosts and accounts may be called like this.
pub(crate) fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-$".contains(c);
    let is_other = name.starts_with('-') || matches!(name, "." | "..");
    (1..=64).contains(&name.len()) && !is_other && name.chars().all(is_plain)
}

/// What rules and standing access are written with alike.
struct Written<'a> {
    name: &'a String,
    who: &'a [String],
    hosts: &'a [String],
    accounts: &'a [String],
    from: &'a [String],
    when: &'a [String],
    timezone: Option<&'a String>,
    except: &'a [String],
    may_become: &'a [String],
    /// Whether it lets anyone in from elsewhere, so that it has to say from where.
    needs_source: bool,
}

/// A network, or an address that stands for itself alone.
fn network(text: &str) -> Result<IpNet, String> {
    let wrong = || format!("'{text}' is not a network; write 198.51.100.0/24 or an address");
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address.to_canonical()));
    }
    let network: IpNet = text.parse().map_err(|_| wrong())?;
    if network.trunc() != network {
        return Err(format!("'{text}' has bits set behind its prefix; the network is {}", network.trunc()));
    }
    // Of IPv4 written as IPv6: that is how it is looked for.
    let mapped = match network {
        IpNet::V6(network) => network.addr().to_ipv4_mapped().zip(network.prefix_len().checked_sub(96)),
        IpNet::V4(_) => None,
    };
    Ok(mapped.and_then(|(address, prefix)| IpNet::new(address.into(), prefix).ok()).unwrap_or(network))
}

/// The networks that lie in both lists.
fn both(a: &[IpNet], b: &[IpNet]) -> Vec<IpNet> {
    let smaller = |a: &IpNet, b: &IpNet| {
        if b.contains(a) {
            Some(*a)
        } else if a.contains(b) {
            Some(*b)
        } else {
            None
        }
    };
    let mut common: Vec<IpNet> = a.iter().flat_map(|a| b.iter().filter_map(|b| smaller(a, b))).collect();
    common.sort();
    common.dedup();
    common
}

fn fingerprint(text: &str) -> Result<String, String> {
    let wrong = || format!("'{text}' is not a fingerprint; write SHA256:… as ssh-keygen -l prints it");
    is_fingerprint(text).then(|| text.to_owned()).ok_or_else(wrong)
}

/// Whether it is `SHA256:` and 43 characters of base64, as OpenSSH writes it.
pub(crate) fn is_fingerprint(text: &str) -> bool {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    text.strip_prefix("SHA256:").is_some_and(|hash| hash.len() == 43 && hash.chars().all(is_base64))
}
