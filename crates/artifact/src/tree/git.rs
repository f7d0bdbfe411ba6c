//! Settings of git that name commands (git's manual, `git-config`, `gitmodules`, `git-remote-ext`).

use super::Setting;

/// Sections and names whose values git runs, or takes further settings from; any name where none is given.
const COMMANDS: &[(&str, &[&str])] = &[
    ("alias", &[]),
    ("browser", &["cmd"]),
    (
        "core",
        &["fsmonitor", "sshcommand", "hookspath", "pager", "editor", "gitproxy", "askpass", "alternaterefscommand"],
    ),
    ("credential", &["helper"]),
    ("diff", &["external", "textconv", "command"]),
    ("difftool", &["cmd"]),
    ("filter", &["smudge", "clean", "process"]),
    ("gpg", &["program", "defaultkeycommand"]),
    ("hook", &["command"]),
    ("include", &["path"]),
    ("includeif", &["path"]),
    ("init", &["templatedir"]),
    ("interactive", &["difffilter"]),
    ("man", &["cmd"]),
    ("merge", &["driver"]),
    ("mergetool", &["cmd"]),
    ("pager", &[]),
    ("remote", &["uploadpack", "receivepack", "vcs"]),
    ("sendemail", &["sendmailcmd", "tocmd", "cccmd", "headercmd"]),
    ("sequence", &["editor"]),
    ("submodule", &["update"]),
    ("tar", &["command"]),
    ("trailer", &["command", "cmd"]),
    ("uploadpack", &["packobjectshook"]),
    ("web", &["browser"]),
];

/// Whether it is a repository's configuration, or its list of submodules.
pub fn recognises(head: &[u8], name: &str) -> bool {
    let has = |section: &[u8]| head.windows(section.len()).any(|part| part.eq_ignore_ascii_case(section));
    name == ".gitmodules" && has(b"[submodule") || name == "config" && has(b"[core]")
}

/// The settings that name commands.
pub fn settings(text: &str) -> Result<Vec<Setting>, String> {
    let (mut section, mut found) = (String::new(), Vec::new());
    // A line that ends so goes on in the next.
    let text = text.replace("\\\r\n", "").replace("\\\n", "");
    for line in text.lines() {
        let mut line = line.trim();
        if let Some((name, behind)) = header(line) {
            (section, line) = (name, behind);
        }
        let Some((name, value)) = line.split_once('=') else { continue };
        let (name, value) = (name.trim().to_ascii_lowercase(), value_of(value));
        if is_command(&section, &name, &value) {
            // What somebody called an alias or a pager's command is no setting of git's.
            let is_own = COMMANDS.iter().any(|(known, names)| *known == section && names.is_empty());
            let setting = if is_own { section.clone() } else { format!("{section}.{name}") };
            let label = if is_own { name } else { String::new() };
            found.push(vec![
                ("Setting", setting),
                ("Label", label),
                ("Command", value),
                ("RunsOn", if section == "alias" { "request" } else { "git" }.to_owned()),
            ]);
        }
    }
    Ok(found)
}

/// The name of the section that begins with a line, in lower case, and what stands behind it.
fn header(line: &str) -> Option<(String, &str)> {
    let inner = line.strip_prefix('[')?;
    let name = inner.split([' ', '\t', ']', '"', '.']).next()?;
    let mut is_quoted = false;
    let end = inner.find(|c| {
        is_quoted ^= c == '"';
        c == ']' && !is_quoted
    })?;
    Some((name.to_ascii_lowercase(), inner.get(end + 1..)?.trim()))
}

/// A value without its quotes and escapes, and without the remark behind it.
fn value_of(text: &str) -> String {
    let (mut value, mut is_quoted, mut is_escaped) = (String::new(), false, false);
    for c in text.trim().chars() {
        match c {
            _ if is_escaped => {
                value.push(c);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '#' | ';' if !is_quoted => break,
            _ => value.push(c),
        }
    }
    value.trim().to_owned()
}

fn is_command(section: &str, name: &str, value: &str) -> bool {
    let is_known = |(known, names): &&(&str, &[&str])| *known == section && (names.is_empty() || names.contains(&name));
    match (section, name) {
        _ if value.is_empty() || matches!(value, "true" | "false") => false,
        // An address that begins so is taken for an option, or is a command itself.
        ("submodule" | "remote", "url" | "path") => value.starts_with('-') || value.starts_with("ext::"),
        // These are words for git itself unless they say that they are commands.
        ("submodule", "update") | ("alias", _) => value.starts_with('!'),
        _ => COMMANDS.iter().any(|known| is_known(&known)),
    }
}
