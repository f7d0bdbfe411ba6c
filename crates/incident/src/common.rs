//! What links nothing, since nearly every machine has it: `data/common.toml`.

use std::{collections::HashSet, sync::LazyLock};

use serde::Deserialize;

use crate::trace::name_of;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Common {
    processes: HashSet<String>,
    accounts: HashSet<String>,
    sessions: HashSet<String>,
    domains: HashSet<String>,
}

/// The file is part of the program, and a test reads it.
static COMMON: LazyLock<Option<Common>> = LazyLock::new(|| toml::from_str(include_str!("../data/common.toml")).ok());

fn has(list: impl Fn(&Common) -> &HashSet<String>, name: &str) -> bool {
    COMMON.as_ref().is_some_and(|common| list(common).contains(name))
}

/// Whether a program runs on nearly every machine and works for everybody there.
pub fn is_common_program(image: &str) -> bool {
    has(|common| &common.processes, &name_of(image).to_lowercase())
}

/// Whether an account, by its one name, is the system's own or a machine's.
pub fn is_common_account(account: &str) -> bool {
    account.ends_with('$')
        || account.starts_with("dwm-")
        || account.starts_with("umfd-")
        || has(|common| &common.accounts, account)
}

/// Whether a session is the machine's own.
pub fn is_common_session(session: &str) -> bool {
    has(|common| &common.sessions, session)
}

/// Whether a domain is asked for by every machine.
pub fn is_common_domain(domain: &str) -> bool {
    let mut rest = Some(domain);
    std::iter::from_fn(|| {
        let this = rest?;
        rest = this.split_once('.').map(|(_, behind)| behind);
        Some(this)
    })
    .any(|domain| has(|common| &common.domains, domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_read() {
        assert!(COMMON.is_some());
        assert!(is_common_program(r"C:\Windows\System32\SVCHOST.exe"));
        assert!(!is_common_program(r"C:\Users\a\evil.exe"));
        assert!(is_common_domain("ctldl.windowsupdate.com") && !is_common_domain("evilmicrosoft.com"));
        assert!(is_common_account("ws-071$"));
    }
}
