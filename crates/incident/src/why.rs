//! Sentences about links, names of processes, and titles.

use crate::{
    EntityKind, Incident, LinkKind, Tactic,
    mention::Common,
    processes::{Process, Processes},
    symbols::Symbol,
    trace::name_of,
};

/// Why two steps belong together.
pub fn why(kind: LinkKind, common: &Common, processes: &Processes) -> String {
    let text = |symbol: &Symbol| processes.symbols.text(*symbol);
    match common {
        Common::Record => "one record says both".to_owned(),
        Common::Process(number) => {
            let name = processes.get(*number).map(|one| process(one, processes)).unwrap_or_default();
            match kind {
                LinkKind::SameProcess => format!("the same process did both: {name}"),
                LinkKind::WroteThenRan => format!("{name} wrote what then ran"),
                _ => format!("both come from the process {name}"),
            }
        }
        Common::Script(_) => "the same run of PowerShell did both".to_owned(),
        Common::Command(command) => format!("both have the same command: {}", text(command)),
        Common::Drive(_) => "a disc image was opened, and programs ran from its drive".to_owned(),
        Common::Same(_) | Common::Rule(..) | Common::Again(..) => "the same was seen again shortly after".to_owned(),
        Common::Moment(host) => format!("both happened at the same moment on {}", text(host)),
        Common::Login(_) => "a login led from one machine to the other".to_owned(),
        Common::Entity(entity, name) => why_entity(*entity, text(name)),
        Common::Local(entity, host, name) => why_entity(*entity, &format!("{} {}", text(host), text(name))),
    }
}

fn why_entity(kind: EntityKind, name: &str) -> String {
    match kind {
        EntityKind::File => format!("both name the file {name}"),
        EntityKind::Hash => format!("both name a file of the same content: SHA-256 {name}"),
        EntityKind::Session => format!("both happened in one session: {name}"),
        EntityKind::Mail => "both belong to one mail".to_owned(),
        EntityKind::Certificate => format!("both rest on one grant: {name}"),
        kind => format!("both name the {} {name}", kind.as_str().replace('_', " ")),
    }
}

/// What a process is called: `ws-071 wkspbroker.exe (7304)`.
pub fn process(process: &Process, processes: &Processes) -> String {
    let (host, name) = (processes.symbols.text(process.host), name_of(processes.image(process)));
    let number = process.pid.map(|pid| format!(" ({pid})")).unwrap_or_default();
    if name.is_empty() { format!("{host} process{number}") } else { format!("{host} {name}{number}") }
}

/// An incident's title: what was done, and where.
pub fn title(incident: &Incident) -> String {
    let hosts: Vec<&str> = incident.hosts.iter().filter(|host| !host.is_empty()).map(String::as_str).collect();
    let place = match hosts.as_slice() {
        [] => String::new(),
        [one] => format!(" on {one}"),
        [one, other] => format!(" on {one} and {other}"),
        [one, rest @ ..] => format!(" on {one} and {} other machines", rest.len()),
    };
    let worst = incident
        .steps
        .iter()
        .flat_map(|step| &step.findings)
        .max_by(|a, b| (a.rule.level, std::cmp::Reverse(a.time)).cmp(&(b.rule.level, std::cmp::Reverse(b.time))));
    let worst = worst.map(|finding| finding.rule.title.clone()).unwrap_or_default();
    let done: Vec<&str> = incident.tactics.iter().filter_map(|tactic| deed(*tactic)).collect();
    match done.as_slice() {
        [first @ .., last] if incident.steps.len() > 1 && first.len() > 1 => {
            // The less severe what was seen, the less sure it sounds.
            let sure = if incident.level >= event::Level::High { "seems to" } else { "may" };
            format!("Somebody {sure} have {} and {last}{place}", first.join(", "))
        }
        _ => format!("{worst}{place}"),
    }
}

/// What an attack phase means, in plain words; not told of those that say little.
const fn deed(tactic: Tactic) -> Option<&'static str> {
    Some(match tactic {
        Tactic::Reconnaissance | Tactic::ResourceDevelopment | Tactic::PrivilegeEscalation | Tactic::DefenseEvasion => {
            return None;
        }
        Tactic::InitialAccess => "got in",
        Tactic::Execution => "run programs",
        Tactic::Persistence => "settled in",
        Tactic::CredentialAccess => "taken passwords",
        Tactic::Discovery => "looked around",
        Tactic::LateralMovement => "moved on to other machines",
        Tactic::Collection => "gathered data",
        Tactic::CommandAndControl => "talked to a server of theirs",
        Tactic::Exfiltration => "taken data out",
        Tactic::Impact => "done damage",
    })
}
