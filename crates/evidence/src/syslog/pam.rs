//! Linux-PAM's modules, which log in the name of the program they serve: `pam_unix(sshd:session): session opened for user …`.

use super::facts::{Facts, split, user_and_id};

/// Tells what a PAM module says; `false` if the message is none of a PAM module.
pub(super) fn facts<'a>(message: &'a str, facts: &mut Facts<'a>) -> bool {
    let parts = || {
        let (module, rest) = message.split_once('(')?;
        let (inside, rest) = split(rest, "): ")?;
        let (service, kind) = inside.split_once(':')?;
        (module.starts_with("pam_") && !module.contains(' ')).then_some((module, service, kind, rest))
    };
    let Some((module, service, kind, rest)) = parts() else { return false };
    said(rest, facts);
    facts.add("pam_module", module);
    facts.add("pam_service", service);
    facts.add("pam_type", kind);
    true
}

/// What the module says behind its name; also `PAM 2 more authentication failures; …`.
pub(super) fn said<'a>(text: &'a str, facts: &mut Facts<'a>) {
    if let Some(rest) = text.strip_prefix("session opened for user ") {
        let (user, by) = rest.rsplit_once(" by ").unwrap_or((rest, ""));
        let ((user, uid), (by, by_uid)) = (user_and_id(user), user_and_id(by));
        facts.action("session_opened");
        facts.user(user);
        facts.add("uid", uid);
        facts.add("by_user", by);
        facts.add("by_uid", by_uid);
    } else if let Some(user) = text.strip_prefix("session closed for user ") {
        facts.action("session_closed");
        facts.user(user.trim_end());
    } else if let Some(user) = text.strip_prefix("password changed for ") {
        facts.action("password_changed");
        facts.user(user);
    } else if text == "check pass; user unknown" {
        facts.action("unknown_user");
    } else if let Some((what, rest)) = split(text, "; logname=") {
        let action = match what {
            "authentication failure" => "authentication_failure",
            "authentication success" => "authentication_success",
            more if more.ends_with("more authentication failure") => "more_authentication_failures",
            more if more.ends_with("more authentication failures") => "more_authentication_failures",
            _ => return,
        };
        failure(what, action, rest, facts);
    }
}

/// `logname= uid=0 euid=0 tty=ssh ruser= rhost=198.51.100.66  user=deploy`
fn failure<'a>(what: &'a str, action: &'static str, rest: &'a str, facts: &mut Facts<'a>) {
    if !facts.action(action) {
        return;
    }
    if action == "more_authentication_failures" {
        let mut words = what.split(' ');
        facts.add("count", words.find(|word| word.bytes().all(|byte| byte.is_ascii_digit())).unwrap_or_default());
    }
    // The user's name comes last and may hold anything.
    let (rest, user) = split(rest, " user=").unwrap_or((rest, ""));
    let value = |name: &str| {
        let words = rest.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        words.unwrap_or_default()
    };
    facts.add("user", user.trim_end());
    facts.add("uid", value("uid"));
    facts.add("terminal", value("tty"));
    facts.add("by_user", value("ruser"));
    facts.add("source_address", value("rhost"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(message: &str) -> String {
        let mut found = Facts::default();
        assert!(facts(message, &mut found), "{message}");
        found.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn modules_are_read() {
        let cases = [
            (
                "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=198.51.100.66  user=a user=b",
                "action=authentication_failure|user=a user=b|uid=0|terminal=ssh|source_address=198.51.100.66|\
                 pam_module=pam_unix|pam_service=sshd|pam_type=auth",
            ),
            (
                "pam_unix(sudo:session): session opened for user root(uid=0) by anna(uid=1000)",
                "action=session_opened|user=root|uid=0|by_user=anna|by_uid=1000|\
                 pam_module=pam_unix|pam_service=sudo|pam_type=session",
            ),
            (
                "pam_unix(cron:session): session closed for user root",
                "action=session_closed|user=root|pam_module=pam_unix|pam_service=cron|pam_type=session",
            ),
            (
                "pam_unix(passwd:chauthtok): password changed for anna",
                "action=password_changed|user=anna|pam_module=pam_unix|pam_service=passwd|pam_type=chauthtok",
            ),
        ];
        for (message, expected) in cases {
            assert_eq!(told(message), expected, "{message}");
        }
        assert!(!facts("Accepted password for x (a:b): y", &mut Facts::default()));
    }
}
