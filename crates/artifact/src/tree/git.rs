//! Settings of git that name commands (git's manual, `git-config`, `gitmodules`).

use super::Setting;

/// Sections and names whose values git runs; `alias` and `submodule` only what begins with `!`.
const COMMANDS: &[(&str, &[&str])] = &[
    ("core", &["fsmonitor", "sshcommand", "hookspath", "pager", "editor", "gitproxy", "askpass"]),
    ("filter", &["smudge", "clean", "process"]),
    ("diff", &["external", "textconv", "command"]),
    ("merge", &["driver"]),
    ("credential", &["helper"]),
    ("gpg", &["program"]),
    ("submodule", &["update"]),
    ("uploadpack", &["packobjectshook"]),
];

/// Whether it is a repository's configuration, or its list of submodules.
pub fn recognises(head: &[u8], name: &str) -> bool {
    let has = |section: &str| memchr::memmem::find(head, section.as_bytes()).is_some();
    name == ".gitmodules" && has("[submodule") || name == "config" && has("[core]")
}

/// The settings that name commands.
pub fn settings(text: &str) -> Result<Vec<Setting>, String> {
    let (mut section, mut found) = (String::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let name = header.split([' ', ']', '"', '.']).next().unwrap_or_default();
            section = name.to_ascii_lowercase();
            continue;
        }
        let Some((name, value)) = line.split_once('=') else { continue };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"'));
        let known = COMMANDS.iter().any(|(known, names)| *known == section && names.contains(&name.as_str()));
        // These are words for git itself unless they say that they are commands.
        let is_word = section == "submodule" && !value.starts_with('!') || matches!(value, "true" | "false");
        if known && !is_word && !value.is_empty() {
            let setting = format!("{section}.{name}");
            found.push(vec![("Setting", setting), ("Command", value.to_owned()), ("RunsOn", "git".to_owned())]);
        }
    }
    Ok(found)
}
