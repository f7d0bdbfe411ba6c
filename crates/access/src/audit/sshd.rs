//! sshd's settings.

use std::collections::BTreeMap;

use super::{Files, lines};

/// How deep files may include one another.
const DEPTH: usize = 4;

/// What should be set: the setting, what sshd takes if nothing is said, what is good, and what else means.
const WANTED: [(&str, &str, &[&str], &str); 7] = [
    ("PasswordAuthentication", "yes", &["no"], "passwords let people in"),
    ("KbdInteractiveAuthentication", "yes", &["no"], "passwords let people in"),
    ("PermitEmptyPasswords", "no", &["no"], "accounts without a password let anyone in"),
    (
        "PermitRootLogin",
        "prohibit-password",
        &["no", "prohibit-password", "without-password", "forced-commands-only"],
        "root may log in with a password",
    ),
    ("PubkeyAuthentication", "yes", &["yes"], "no certificate lets anyone in"),
    ("HostbasedAuthentication", "no", &["no"], "other hosts vouch for people"),
    ("LogLevel", "INFO", &["VERBOSE", "DEBUG", "DEBUG1"], "the log does not tell which certificates were refused"),
];

/// A setting's value, with where it stands.
pub(super) type Settings = BTreeMap<String, (String, String, usize)>;

/// The settings that hold for everyone: of each the first counts.
pub(super) fn settings(files: &mut Files<'_>) -> Settings {
    let mut settings = Settings::new();
    read(files, "/etc/ssh/sshd_config", DEPTH, &mut settings);
    settings
}

fn read(files: &mut Files<'_>, path: &str, depth: usize, settings: &mut Settings) {
    let Some(text) = files.read(path) else { return };
    for (number, line) in lines(&text) {
        let (name, value) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
        let value = value.trim_matches([' ', '\t', '=', '"']);
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            // What stands behind holds for some only.
            "match" => return,
            "include" if depth > 0 => {
                for pattern in value.split_whitespace() {
                    included(files, pattern).iter().for_each(|path| read(files, path, depth - 1, settings));
                }
            }
            "challengeresponseauthentication" => {
                let place = (value.to_owned(), path.to_owned(), number);
                settings.entry("kbdinteractiveauthentication".into()).or_insert(place);
            }
            _ => drop(settings.entry(name).or_insert((value.to_owned(), path.to_owned(), number))),
        }
    }
}

/// The files that a pattern of `Include` means: one of them, or all of a folder with an ending.
fn included(files: &Files<'_>, pattern: &str) -> Vec<String> {
    let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/ssh/{pattern}") };
    let Some((folder, name)) = pattern.rsplit_once('/') else { return Vec::new() };
    match name.split_once('*') {
        None => vec![pattern],
        Some((start, end)) => {
            let fits = |name: &String| name.starts_with(start) && name.ends_with(end);
            files.list(folder).into_iter().filter(fits).map(|name| format!("{folder}/{name}")).collect()
        }
    }
}

pub(super) fn check(files: &mut Files<'_>, settings: &Settings) {
    if settings.is_empty() {
        return;
    }
    for (name, default, good, meaning) in WANTED {
        let set = settings.get(&name.to_ascii_lowercase());
        let (value, path, line) =
            set.map_or((default, "/etc/ssh/sshd_config", 0), |(value, path, line)| (value, path, *line));
        if !good.iter().any(|good| good.eq_ignore_ascii_case(value)) {
            let what = format!("{name} is {value}: {meaning}");
            files.found(path, line, what, set_line(name, good.first().copied().unwrap_or_default()));
        }
    }
    for (name, meaning) in [
        ("TrustedUserCAKeys", "no authority is trusted, so only plain keys let people in"),
        ("AuthorizedPrincipalsFile", "a certificate for one host lets people in to this one too"),
        ("RevokedKeys", "revoked certificates and keys still let people in"),
    ] {
        let is_other_way = name == "AuthorizedPrincipalsFile" && settings.contains_key("authorizedprincipalscommand");
        if !is_other_way && settings.get(&name.to_ascii_lowercase()).is_none_or(|(value, ..)| value == "none") {
            let what = format!("{name} is not set: {meaning}");
            files.found("/etc/ssh/sshd_config", 0, what, "dreamcatcher access host-setup".to_owned());
        }
    }
}

/// The first file that is included wins over all others.
fn set_line(name: &str, value: &str) -> String {
    format!("echo '{name} {value}' >> /etc/ssh/sshd_config.d/00-access.conf && sshd -t && systemctl reload ssh")
}
