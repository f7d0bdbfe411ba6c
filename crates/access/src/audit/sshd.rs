//! sshd's settings, for each account.

use std::collections::BTreeMap;

use super::{Auditor, Whom, at, quoted, remark};
use crate::sshd::{Config, Place, Value, Who};

/// Where sshd's configuration begins.
pub(super) const FILE: &str = "/etc/ssh/sshd_config";

/// What should be set: the setting, what sshd takes if nothing is said, what is good, and what else means.
const WANTED: [(&str, &str, &[&str], &str); 8] = [
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
    ("GSSAPIAuthentication", "no", &["no"], "Kerberos tickets let people in"),
    ("LogLevel", "INFO", &["VERBOSE", "DEBUG", "DEBUG1"], "the log does not tell which certificates were refused"),
];

/// What should be set to something, and what it means where it is not.
const NEEDED: [(&str, &str); 3] = [
    ("TrustedUserCAKeys", "no authority is trusted, so only plain keys let people in"),
    ("AuthorizedPrincipalsFile", "a certificate for one host lets people in to this one too"),
    ("RevokedKeys", "revoked certificates and keys still let people in"),
];

/// Programs that sshd asks, and what they decide.
const ASKED: [(&str, &str); 2] = [
    ("AuthorizedKeysCommand", "which keys let people in"),
    ("AuthorizedPrincipalsCommand", "which certificates let people in"),
];

/// What is found of a setting: its place and value, with the accounts it holds for.
type Found = BTreeMap<(Option<Place>, String), Whom>;

pub(super) fn check(auditor: &mut Auditor<'_>, config: &Config) {
    for (name, default, good, meaning) in WANTED {
        let is_good = |value: &str| good.iter().any(|good| good.eq_ignore_ascii_case(value));
        let found = gather(auditor, config, name, |who, value| {
            let value = value.text(default);
            let is_reached = match name {
                "PasswordAuthentication" => is_enough(config, who, "password"),
                "KbdInteractiveAuthentication" => is_enough(config, who, "keyboard-interactive"),
                "PermitRootLogin" => who.uid == 0,
                _ => true,
            };
            (is_reached && !is_good(&value)).then_some(value)
        });
        for ((place, value), whom) in found {
            let what = format!("{name} is {value}{}: {meaning}", whose(auditor, name, &whom));
            tell(auditor, place, what, &format!("{name} {}", good.first().copied().unwrap_or_default()));
        }
    }
    for (name, meaning) in NEEDED {
        let found = gather(auditor, config, name, |who, value| {
            let is_asked = |value: &Value| value.text("none") != "none";
            let is_other_way = name == "AuthorizedPrincipalsFile"
                && config.values("authorizedprincipalscommand", who).iter().all(is_asked);
            (!is_other_way && !is_asked(value)).then(|| "none".to_owned())
        });
        for ((place, _), whom) in found {
            let what = format!("{name} is not set{}: {meaning}", whose(auditor, name, &whom));
            match place {
                Some(place) => auditor.found(at(&place), what, reload(remark(at(&place), 0))),
                None => auditor.found((FILE, 0), what, "dreamcatcher access host-setup".to_owned()),
            }
        }
    }
    for (name, decides) in ASKED {
        let found = gather(auditor, config, name, |_, value| Some(value.text("none")).filter(|text| text != "none"));
        for ((place, value), whom) in found {
            let what =
                format!("{value} decides {decides}{}; what it answers is not known", whose(auditor, name, &whom));
            tell(auditor, place, what, &format!("{name} none"));
        }
    }
}

/// The values of a setting that are to be told, each with the accounts that it may hold for.
fn gather(auditor: &Auditor<'_>, config: &Config, name: &str, wrong: impl Fn(&Who, &Value) -> Option<String>) -> Found {
    let (keyword, mut found) = (name.to_ascii_lowercase(), Found::new());
    for account in auditor.accounts.iter().filter(|account| account.has_shell()) {
        for value in config.values(&keyword, &account.who) {
            if let Some(text) = wrong(&account.who, &value) {
                let whom = found.entry((value.place.clone(), text)).or_default();
                whom.add(&account.who.name, value.is_sure);
            }
        }
    }
    found
}

/// Whether passwords of a kind may be all that is asked of an account.
fn is_enough(config: &Config, who: &Who, method: &str) -> bool {
    let is_password = |one: &str| one.starts_with("password") || one.starts_with("keyboard-interactive");
    let by_list = |list: &String| list == "any" || list.contains(method) && list.split(',').all(is_password);
    config
        .values("authenticationmethods", who)
        .iter()
        .any(|value| value.words.is_empty() || value.words.iter().any(by_list))
}

/// ` for anna and ben`, unless it holds for every account, or for root alone by its nature.
fn whose(auditor: &Auditor<'_>, name: &str, whom: &Whom) -> String {
    let is_about = |uid: u32| name != "PermitRootLogin" || uid == 0;
    let all = auditor.accounts.iter().filter(|account| account.has_shell() && is_about(account.who.uid));
    let is_all = whom.sure.len() == all.count();
    if is_all { String::new() } else { format!(" for {}", whom.names()) }
}

/// Tells of a setting with the line that sets it right: in its place, or where nothing is said, before all others.
fn tell(auditor: &mut Auditor<'_>, place: Option<Place>, what: String, setting: &str) {
    match place {
        Some(place) => {
            let mend = format!("sed -i '{}c\\{setting}' {}", place.1, quoted(&place.0));
            auditor.found(at(&place), what, reload(mend));
        }
        None => auditor.found((FILE, 0), what, reload(format!("sed -i '1i {setting}' {FILE}"))),
    }
}

fn reload(mend: String) -> String {
    format!("{mend} && sshd -t && systemctl reload ssh")
}
