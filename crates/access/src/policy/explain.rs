//! The policy in sentences, so that whoever answers for it can check that it says what is meant.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{Permit, Policy, Rule, STAFF, Scope, Standing, and, joined};

impl Policy {
    /// All that it says: who is who, what is covered, each rule.
    pub fn sentences(&self) -> Vec<String> {
        let party = |party: &super::Party| {
            let name = if party.id == STAFF { "our own people".to_owned() } else { party.name.clone() };
            format!("{} are {}", and(&party.people), if party.id == STAFF { name } else { format!("people of {name}") })
        };
        let hosts: Vec<&String> = self.hosts.keys().collect();
        let covered = match hosts.as_slice() {
            [] => "no host is covered".to_owned(),
            hosts => format!("every login to {} has to be explained by what follows", and(hosts)),
        };
        let rules = self.rules.iter().map(|rule| self.rule_sentence(rule, &self.who(&rule.scope), &rule.scope.hosts));
        let standing = self
            .standing
            .iter()
            .map(|standing| self.standing_sentence(standing, &self.who(&standing.scope), &standing.scope.hosts));
        let clock = (self.clock_approvals > 0).then(|| {
            let count = number(i64::from(self.clock_approvals));
            format!(
                "the ledger's time is only taken back, after the gate's clock was ahead, when {count} of ours approve"
            )
        });
        let packages = self.releases.packages.iter().filter(|packages| !packages.is_empty());
        let packages = packages.map(|packages| format!("packages called {} need a release", joined(packages, "or")));
        let paths = (!self.releases.paths.is_empty())
            .then(|| format!("what web servers hand out at {} needs a release", joined(&self.releases.paths, "or")));
        let others = clock.into_iter().chain(packages).chain(paths).chain(self.gate_sentence());
        self.parties.values().map(party).chain([covered]).chain(rules).chain(standing).chain(others).collect()
    }

    /// Who can get in to a host, by any of its names; `None` if the policy does not know it.
    pub fn who_can(&self, host: &str) -> Option<Vec<String>> {
        let host = self.host(host)?.id.clone();
        let reaches = |scope: &&Scope| scope.hosts.contains(&host);
        let here = [host.clone()];
        let rules = self.rules.iter().filter(|rule| reaches(&&rule.scope));
        let rules = rules.map(|rule| self.rule_sentence(rule, &self.who(&rule.scope), &here));
        let standing = self.standing.iter().filter(|standing| reaches(&&standing.scope));
        let standing = standing.map(|standing| self.standing_sentence(standing, &self.who(&standing.scope), &here));
        let is_gate = self.gate.as_ref().is_some_and(|gate| gate.host == host);
        Some(rules.chain(standing).chain(self.gate_sentence().filter(|_| is_gate)).collect())
    }

    fn gate_sentence(&self) -> Option<String> {
        self.gate.as_ref().map(|gate| {
            format!("the gate is {} on {}: whoever is enrolled gets in there by their key", gate.account, gate.host)
        })
    }

    /// What a person can get in to; `None` if the policy does not know them.
    pub fn what_can(&self, person: &str) -> Option<Vec<String>> {
        self.party_of(person)?;
        let is_theirs = |scope: &Scope| scope.people.contains_key(person);
        let rules = self.rules.iter().filter(|rule| is_theirs(&rule.scope));
        let rules = rules.map(|rule| self.rule_sentence(rule, person, &rule.scope.hosts));
        let standing = self.standing.iter().filter(|standing| is_theirs(&standing.scope));
        let standing = standing.map(|standing| self.standing_sentence(standing, person, &standing.scope.hosts));
        Some(rules.chain(standing).chain(self.gate_sentence()).collect())
    }

    /// `anyone of webcare and anna`, as the rule is written.
    fn who(&self, scope: &Scope) -> String {
        let [who, ..] = &scope.written;
        let name = |name: &String| match name.as_str() {
            STAFF => "anyone of ours".to_owned(),
            name if self.parties.contains_key(name) => format!("anyone of {name}"),
            name => name.to_owned(),
        };
        and(&who.iter().map(name).collect::<Vec<_>>())
    }

    fn rule_sentence(&self, rule: &Rule, who: &str, hosts: &[String]) -> String {
        let scope = &rule.scope;
        let mut text = format!(
            "{}{who} may log in to {} as {}, {}{}, for at most {} at a time",
            if rule.break_glass { "in an emergency " } else { "" },
            and(hosts),
            joined(&scope.accounts, "or"),
            from(scope),
            scope.when,
            length(rule.at_most)
        );
        if rule.approvals > 0 {
            text += &format!(", when {}", self.approvers(rule));
        }
        let needed: Vec<&str> = [(rule.needs_reason, "a reason"), (rule.needs_ticket, "a ticket")]
            .into_iter()
            .filter_map(|(needed, what)| needed.then_some(what))
            .collect();
        if !needed.is_empty() {
            text += &format!(", giving {}", and(&needed));
        }
        if let Some(command) = &rule.command {
            text += &format!("; nothing but the command '{command}' is run");
        }
        text += &permits(&rule.permits);
        text += &becoming(scope);
        if rule.break_glass {
            text += "; each use is reported";
        }
        format!("{text} (rule {})", scope.name)
    }

    /// `one of ours approves`, `two of anna, ben and carl approve`.
    fn approvers(&self, rule: &Rule) -> String {
        let staff = self.parties.get(STAFF).map(|staff| staff.people.iter().collect::<BTreeSet<_>>());
        let is_staff = staff.is_some_and(|staff| staff == rule.approvers.iter().collect());
        let whom = if is_staff { "ours".to_owned() } else { and(&rule.approvers) };
        match (rule.approvals, rule.approvers.as_slice()) {
            (1, [only]) => format!("{only} approves"),
            (1, _) => format!("one of {whom} approves"),
            (count, _) => format!("{} of {whom} approve", number(i64::from(count))),
        }
    }

    fn standing_sentence(&self, standing: &Standing, who: &str, hosts: &[String]) -> String {
        let scope = &standing.scope;
        let mut ways = Vec::new();
        match standing.keys.as_slice() {
            [] => {}
            [key] => ways.push(format!("with the key {key}")),
            keys => ways.push(format!("with the keys {}", and(keys))),
        }
        if standing.password {
            ways.push("with a password".to_owned());
        }
        let is_remote = !ways.is_empty();
        if standing.console {
            ways.push("at the machine itself".to_owned());
        }
        let from = if is_remote { from(scope) } else { String::new() };
        format!(
            "{who} may log in to {} as {} without a grant, {from}{}, {}{} (standing {})",
            and(hosts),
            joined(&scope.accounts, "or"),
            scope.when,
            joined(&ways, "or"),
            becoming(scope),
            scope.name
        )
    }
}

/// `from 198.51.100.0/24, `: all networks that anyone may come from by the rule.
fn from(scope: &Scope) -> String {
    let networks: BTreeSet<String> =
        scope.people.values().flat_map(|networks| networks.iter()).map(ToString::to_string).collect();
    if networks.contains("0.0.0.0/0") && networks.contains("::/0") {
        return "from anywhere, ".to_owned();
    }
    format!("from {}, ", joined(&networks.into_iter().collect::<Vec<_>>(), "or"))
}

fn permits(permits: &[Permit]) -> String {
    let word = |permit: &Permit| match permit {
        Permit::Terminal => "a terminal",
        Permit::PortForwarding => "port forwarding",
        Permit::AgentForwarding => "agent forwarding",
        Permit::X11Forwarding => "X11 forwarding",
    };
    let list = |wanted: bool, joint: &str| {
        let chosen = Permit::ALL.iter().filter(|permit| permits.contains(permit) == wanted);
        joined(&chosen.map(word).collect::<Vec<_>>(), joint)
    };
    match permits.len() {
        0 => format!("; without {}", list(false, "or")),
        count if count == Permit::ALL.len() => format!("; with {}", list(true, "and")),
        _ => format!("; with {}, without {}", list(true, "and"), list(false, "or")),
    }
}

fn becoming(scope: &Scope) -> String {
    match scope.may_become.as_slice() {
        [] => String::new(),
        accounts => format!("; there they may become {} by su, sudo and the like", joined(accounts, "or")),
    }
}

/// `one hour`, `90 minutes`.
fn length(length: SignedDuration) -> String {
    let seconds = length.as_secs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let whole = units.into_iter().find(|(unit, _)| seconds % unit == 0).unwrap_or((1, "second"));
    let (count, word) = (seconds / whole.0, whole.1);
    if count == 1 { format!("one {word}") } else { format!("{} {word}s", number(count)) }
}

fn number(count: i64) -> String {
    let words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let word = usize::try_from(count).ok().and_then(|count| words.get(count));
    word.map_or_else(|| count.to_string(), |word| (*word).to_owned())
}
