//! Keys, authorities and principals that let people in, wherever sshd looks for them.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::{BASE64, BASE64_NOPAD};
use sha2::{Digest, Sha256};

use super::{Auditor, Whom, at, lines, listed, remark};
use crate::{
    grant::principal,
    sshd::{Config, Holds, Place, Who, path},
};

/// How many pairs of a key and an account are looked at.
const PAIRS: usize = 1 << 20;

/// One key in a file.
struct Key {
    place: Place,
    fingerprint: String,
    is_authority: bool,
    has_options: bool,
    remark: String,
}

/// The files that a setting names, each with the accounts it is read for.
type Files = BTreeMap<String, Whom>;

pub(super) fn check(auditor: &mut Auditor<'_>, config: &Config) {
    let keys = files(auditor, config, "authorizedkeysfile", &[".ssh/authorized_keys", ".ssh/authorized_keys2"]);
    authorized(auditor, config, &keys);
    let trusted = files(auditor, config, "trustedusercakeys", &[]);
    authorities(auditor, &trusted);
    let principals = files(auditor, config, "authorizedprincipalsfile", &[]);
    listed_principals(auditor, config, &principals);
}

/// The files that a setting names for each account.
fn files(auditor: &Auditor<'_>, config: &Config, keyword: &str, default: &[&str]) -> Files {
    let mut files = Files::new();
    for account in &auditor.accounts {
        for value in config.values(keyword, &account.who) {
            let set = value.words.iter().map(String::as_str);
            let words: Vec<&str> = if value.place.is_none() { default.to_vec() } else { set.collect() };
            for word in words.into_iter().filter(|word| !word.eq_ignore_ascii_case("none")) {
                files.entry(path(word, &account.who)).or_default().add(&account.who.name, value.is_sure);
            }
        }
    }
    files
}

/// Keys in `authorized_keys`.
fn authorized(auditor: &mut Auditor<'_>, config: &Config, files: &Files) {
    let mut found: Vec<(Key, &Whom)> = Vec::new();
    let mut pairs = 0;
    for (path, whom) in files {
        let Some(text) = auditor.files.read(path) else { continue };
        for key in lines(&text).filter_map(|(line, text)| key(path, line, text)) {
            pairs += whom.sure.len() + whom.some.len();
            if pairs > PAIRS {
                return auditor.files.unread.push(format!("{path}: expected fewer keys and accounts, found too many"));
            }
            found.push((key, whom));
        }
    }
    let mut opens: BTreeMap<&str, BTreeSet<&String>> = BTreeMap::new();
    for (key, whom) in &found {
        opens.entry(&key.fingerprint).or_default().extend(whom.sure.union(&whom.some));
    }
    let closed = closed(auditor, config);
    for (key, whom) in &found {
        let mut left = Whom::default();
        for (names, is_sure) in [(&whom.sure, true), (&whom.some, false)] {
            names.iter().filter(|name| !stands(auditor, name, key)).for_each(|name| left.add(name, is_sure));
        }
        if left.sure.is_empty() && left.some.is_empty() {
            auditor.audit.explained += 1;
            continue;
        }
        let all: Vec<&&String> = opens.get(key.fingerprint.as_str()).into_iter().flatten().collect();
        auditor.found(at(&key.place), sentence(key, &left, &all, &closed), remark(at(&key.place), 0));
    }
}

/// What a key opens; `all` are the accounts that it opens anywhere on the host.
fn sentence(key: &Key, whom: &Whom, all: &[&&String], closed: &BTreeSet<String>) -> String {
    let kind = match key.is_authority {
        true => "an authority whose certificates let people in",
        false => "a key that lets people in",
    };
    let bound = if key.has_options { "" } else { ", from anywhere and for anything" };
    let mut text = format!("{kind} as {}{bound}: {}{}", whom.names(), key.fingerprint, key.remark);
    if all.len() > 1 {
        text += &format!("; the same key opens {}", listed(all));
    }
    let closed: Vec<&String> = whom.sure.union(&whom.some).filter(|name| closed.contains(*name)).collect();
    if !closed.is_empty() {
        text += &format!("; sshd takes no key as {} as it is set now", listed(&closed));
    }
    text
}

/// The accounts that sshd lets nobody in to by a key, as it is set now.
fn closed(auditor: &Auditor<'_>, config: &Config) -> BTreeSet<String> {
    let is_closed = |who: &&Who| {
        let no_keys = config.values("pubkeyauthentication", who).iter().all(|value| value.text("yes") == "no");
        let methods = config.values("authenticationmethods", who);
        let no_method = methods.iter().all(|value| {
            let text = value.text("any");
            text != "any" && !text.contains("publickey")
        });
        no_keys || no_method || config.lets_in(who) == Holds::Nowhere
    };
    let all = auditor.accounts.iter().map(|account| &account.who);
    all.filter(is_closed).map(|who| who.name.clone()).collect()
}

/// Whether the policy knows the key as standing access to the account.
fn stands(auditor: &Auditor<'_>, account: &str, key: &Key) -> bool {
    auditor.known.is_some_and(|known| {
        known.policy.standing.iter().any(|standing| {
            standing.keys.contains(&key.fingerprint) && standing.scope.reaches(known.host, account) && !key.is_authority
        })
    })
}

/// Authorities that sshd trusts for all of an account's certificates.
fn authorities(auditor: &mut Auditor<'_>, files: &Files) {
    for (path, whom) in files {
        let Some(text) = auditor.files.read(path) else { continue };
        for key in lines(&text).filter_map(|(line, text)| key(path, line, text)) {
            let is_ours = auditor.known.is_some_and(|known| {
                known.policy.authorities.iter().chain(known.authorities).any(|one| *one == key.fingerprint)
            });
            if is_ours {
                auditor.audit.explained += 1;
                continue;
            }
            let (fingerprint, whom) = (&key.fingerprint, whom.names());
            let what = format!("an authority whose certificates let people in as {whom}: {fingerprint}{}", key.remark);
            auditor.found(at(&key.place), what, remark(at(&key.place), 0));
        }
    }
}

/// Principals whose certificates let people in, where an authority is trusted at all.
fn listed_principals(auditor: &mut Auditor<'_>, config: &Config, files: &Files) {
    for (path, whom) in files {
        let trusts = |name: &&String| {
            let who = auditor.accounts.iter().map(|account| &account.who).find(|who| who.name == **name);
            who.is_some_and(|who| {
                config.values("trustedusercakeys", who).iter().any(|value| value.text("none") != "none")
            })
        };
        let names: Vec<String> = whom.sure.union(&whom.some).filter(trusts).cloned().collect();
        if names.is_empty() {
            continue;
        }
        let Some(text) = auditor.files.read(path) else { continue };
        for (line, text) in lines(&text) {
            let named = text.split_whitespace().last().unwrap_or_default();
            let left: Vec<&String> = names.iter().filter(|name| !is_granted(auditor, name, named)).collect();
            auditor.audit.explained += usize::from(left.is_empty());
            if !left.is_empty() {
                let whom = listed(&left);
                let what = format!("certificates for the principal {named} let people in as {whom}");
                auditor.found((path, line), what, remark((path, line), 0));
            }
        }
    }
}

/// Whether a rule grants certificates for the account with this principal.
fn is_granted(auditor: &Auditor<'_>, account: &str, named: &str) -> bool {
    auditor.known.is_some_and(|known| {
        named == principal(account, known.host)
            && known.policy.rules.iter().any(|rule| rule.scope.reaches(known.host, account))
    })
}

/// The words of a line; a blank in quotes does not part them, and `\"` is no quote (sshd's `advance_past_options`).
fn words(text: &str) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(move |c: char| {
        let is_quote = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_quoted ^= is_quote;
        !is_quoted && c.is_whitespace()
    });
    parts.filter(|part| !part.is_empty()).collect()
}

/// `options ssh-ed25519 AAAA… remark`; options may hold blanks in quotes.
fn key(path: &str, line: usize, text: &str) -> Option<Key> {
    let words = words(text);
    let is_kind = |word: &&str| word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-");
    let at = words.iter().position(is_kind)?;
    let written = words.get(at + 1)?.trim_end_matches('=');
    let blob = BASE64_NOPAD.decode(written.as_bytes()).or_else(|_| BASE64.decode(written.as_bytes())).ok()?;
    let options = words.get(..at).unwrap_or_default().join(" ");
    let remark = words.get(at + 2..).unwrap_or_default().join(" ");
    Some(Key {
        place: (path.to_owned(), line),
        fingerprint: format!("SHA256:{}", BASE64_NOPAD.encode(&Sha256::digest(blob))),
        is_authority: options.split(',').any(|option| option.eq_ignore_ascii_case("cert-authority")),
        has_options: options.contains("from=") || options.contains("command=") || options.contains("restrict"),
        remark: if remark.is_empty() { remark } else { format!(" ({remark})") },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_kinds_of_keys_in_quotes_are_options() {
        let blob = "AAAAC3NzaC1lZDI1NTE5AAAAIBzr4kw7j5rL8Z8mHPJrHxHn1fIjSqG3MxEvDCYdCrJq";
        let options =
            [r#"environment="X= ssh-rsa y""#, r#"command="say \" ssh-ed25519 AAAA\"",pty"#, r#"from="10.0.0.1""#];
        for options in options {
            let found = key("authorized_keys", 1, &format!("{options} ssh-ed25519 {blob} remark")).unwrap();
            assert_eq!(found.remark, " (remark)", "{options}");
        }
    }
}
