//! What happened, in sentences: `data/story.toml`.

use std::{collections::BTreeMap, sync::LazyLock};

use event::Finding;
use serde::Deserialize;

use crate::{
    common::is_common_account,
    context::shortened,
    facts::Facts,
    names,
    template::fill,
    trace::{is_windows_own, name_of},
};

/// Bytes of a value in a sentence.
const MAX_VALUE: usize = 160;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    sentence: Vec<Sentence>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sentence {
    source: String,
    #[serde(default)]
    ids: Vec<u32>,
    #[serde(default)]
    when: BTreeMap<String, String>,
    text: String,
}

/// The file is part of the program, and a test reads it.
static SENTENCES: LazyLock<Vec<Sentence>> = LazyLock::new(|| {
    let story = toml::from_str::<Story>(include_str!("../data/story.toml"));
    story.map(|story| story.sentence).unwrap_or_default()
});

/// What a finding says has happened. Where no sentence fits, its rule's title.
pub fn sentence(finding: &Finding) -> String {
    let facts = Facts(finding);
    let source = source(finding);
    let fits = |sentence: &&Sentence| {
        let asks = |(field, text): (&String, &String)| facts.get(field).to_lowercase().contains(text.as_str());
        sentence.source == source
            && (sentence.ids.is_empty() || sentence.ids.contains(&finding.event_id))
            && sentence.when.iter().all(asks)
    };
    let value = |name: &str| value(facts, name);
    let told = SENTENCES.iter().filter(fits).find_map(|sentence| fill(&sentence.text, &value));
    match told {
        Some(told) if finding.correlated.is_none() || source == "mail" => told,
        _ => format!("{}{}", finding.rule.title, in_common(finding)),
    }
}

/// Which log a sentence is for.
fn source(finding: &Finding) -> &'static str {
    let (channel, provider) = (finding.channel.to_ascii_lowercase(), finding.provider.as_str());
    match channel.as_str() {
        _ if channel.contains("sysmon/operational") => "sysmon",
        "security" => "security",
        "system" => "system",
        _ if channel.contains("powershell") => "powershell",
        _ if channel.contains("windows defender") => "defender",
        "auditd" if provider == "EXECVE" => "auditd",
        "syslog" | "journal" | "auditd" | "wtmp" | "btmp" | "shell_history" => "linux",
        "access" | "proxy" => "web",
        "mail" | "conversation" => "mail",
        "file" | "tree" => "file",
        _ if Facts(finding).is_mail() => "mail",
        _ => "",
    }
}

/// The value of a name in a sentence.
fn value(facts: Facts<'_>, name: &str) -> String {
    let value = match name {
        "program" => name_of(facts.program()),
        "parent" => name_of(facts.first(&["ParentImage", "ParentProcessName", "parent_exe"])),
        "target" => name_of(facts.get("TargetImage")),
        "folder" => folder(facts.program()),
        "command" => facts.command(),
        "who" => return who(facts.account()),
        field => facts.get(field),
    };
    let short = shortened(value.trim(), MAX_VALUE);
    let first = short.lines().next().unwrap_or_default();
    if first.len() < value.trim().len() { format!("{first}…") } else { first.to_owned() }
}

/// A program's folder, if it is not Windows' own.
fn folder(path: &str) -> &str {
    if is_windows_own(path) || path.starts_with("/usr/") || path.starts_with("/bin/") {
        return "";
    }
    path.strip_suffix(name_of(path)).unwrap_or_default().trim_end_matches(['\\', '/'])
}

fn who(account: &str) -> String {
    let name = names::account(account);
    match name.as_str() {
        "" => "somebody".to_owned(),
        "root" => "root, who may do everything,".to_owned(),
        _ if is_linux_service(&name) => format!("the account {name}"),
        _ if is_common_account(&name) || name.starts_with("s-1-5-") => "the system itself".to_owned(),
        _ => format!("the user {name}"),
    }
}

/// Whether an account is that of a server program on Linux, which acts for whoever reaches it.
fn is_linux_service(account: &str) -> bool {
    matches!(account, "www-data" | "apache" | "nginx" | "nobody" | "daemon")
}

/// What the events of a correlation have in common, behind its title; empty where that says nothing to a person.
fn in_common(finding: &Finding) -> String {
    let is_told = |one: &&event::Matched| {
        one.field != "Inside" && !one.value.is_empty() && !one.value.eq_ignore_ascii_case(&finding.host)
    };
    let told = finding.matched.iter().filter(|_| finding.correlated.is_some()).filter(is_told);
    let told: Vec<&str> = told.map(|one| shortened(&one.value, MAX_VALUE)).collect();
    if told.is_empty() { String::new() } else { format!(": {}", told.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentences_can_be_read() {
        toml::from_str::<Story>(include_str!("../data/story.toml")).unwrap();
    }
}
