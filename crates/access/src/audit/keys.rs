//! authorized_keys.

use std::collections::BTreeMap;

use data_encoding::{BASE64, BASE64_NOPAD};
use sha2::{Digest, Sha256};

use super::{Files, accounts::Account, lines, quoted};
use crate::policy::Policy;

/// One key of an account.
struct Key<'a> {
    account: &'a str,
    path: String,
    line: usize,
    fingerprint: String,
    is_authority: bool,
    has_options: bool,
    remark: String,
}

pub(super) fn check(files: &mut Files<'_>, accounts: &[Account], policy: Option<(&Policy, &str)>) {
    let mut keys = Vec::new();
    for account in accounts {
        for name in ["authorized_keys", "authorized_keys2"] {
            let path = format!("{}/.ssh/{name}", account.home.trim_end_matches('/'));
            if let Some(text) = files.read(&path) {
                keys.extend(lines(&text).filter_map(|(line, text)| key(&account.name, &path, line, text)));
            }
        }
    }
    let mut owners: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for key in &keys {
        let known = owners.entry(&key.fingerprint).or_default();
        if !known.contains(&key.account) {
            known.push(key.account);
        }
    }
    for key in &keys {
        if policy.is_some_and(|(policy, host)| stands(policy, host, key)) {
            files.audit.explained += 1;
            continue;
        }
        let shared = owners.get(key.fingerprint.as_str()).filter(|owners| owners.len() > 1);
        let kind = if key.is_authority {
            "an authority whose certificates let people in"
        } else {
            "a key that lets people in"
        };
        let bound = if key.has_options { "" } else { ", from anywhere and for anything" };
        let shared =
            shared.map_or(String::new(), |owners| format!("; the same key opens {}", crate::policy::and(owners)));
        let remark = if key.remark.is_empty() { String::new() } else { format!(" ({})", key.remark) };
        let what = format!("{kind} as {}{bound}: {}{remark}{shared}", key.account, key.fingerprint);
        files.found(&key.path, key.line, what, format!("sed -i {}d {}", key.line, quoted(&key.path)));
    }
}

/// Whether the policy knows the key as standing access to the account.
fn stands(policy: &Policy, host: &str, key: &Key<'_>) -> bool {
    let Some(host) = policy.host(host) else { return false };
    policy.standing.iter().any(|standing| {
        standing.keys.contains(&key.fingerprint) && standing.scope.reaches(&host.id, key.account) && !key.is_authority
    })
}

/// `options ssh-ed25519 AAAA… remark`; options may hold blanks in quotes.
fn key<'a>(account: &'a str, path: &str, line: usize, text: &str) -> Option<Key<'a>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_kind = |word: &&str| word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-");
    let at = words.iter().position(is_kind)?;
    let written = words.get(at + 1)?.trim_end_matches('=');
    let blob = BASE64_NOPAD.decode(written.as_bytes()).or_else(|_| BASE64.decode(written.as_bytes())).ok()?;
    let options = words.get(..at).unwrap_or_default().join(" ");
    Some(Key {
        account,
        path: path.to_owned(),
        line,
        fingerprint: format!("SHA256:{}", BASE64_NOPAD.encode(&Sha256::digest(blob))),
        is_authority: options.split(',').any(|option| option.eq_ignore_ascii_case("cert-authority")),
        has_options: options.contains("from=") || options.contains("command=") || options.contains("restrict"),
        remark: words.get(at + 2..).unwrap_or_default().join(" "),
    })
}
