//! shadow-utils: useradd, usermod, userdel, passwd, groups; the wording is Debian's and RedHat's since 2010.

use super::facts::Facts;

/// Tells what one of shadow's programs did.
pub(super) fn facts<'a>(message: &'a str, facts: &mut Facts<'a>) {
    let _ = added(message, facts)
        .or_else(|| member(message, facts))
        .or_else(|| changed(message, facts))
        .or_else(|| removed(message, facts));
}

/// `new user: name=anna, UID=1000, GID=1000, home=/home/anna, shell=/bin/bash, from=none`
fn added<'a>(message: &'a str, facts: &mut Facts<'a>) -> Option<()> {
    let (action, list) = match message.split_once(": ")? {
        ("new user" | "new account", list) => ("user_added", list),
        ("new group", list) => ("group_added", list),
        _ => return None,
    };
    let value = |name: &str| list.split(", ").find_map(|part| part.strip_prefix(name)).unwrap_or_default();
    facts.action(action);
    facts.add(if action == "user_added" { "user" } else { "group" }, value("name="));
    facts.add("uid", value("UID="));
    facts.add("gid", value("GID="));
    facts.add("home", value("home="));
    facts.add("shell", value("shell="));
    let from = value("from=");
    facts.add("terminal", if from == "none" { "" } else { from });
    Some(())
}

/// The text between the first two apostrophes, and what is behind.
fn name(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('\'')?.split_once('\'')
}

/// `add 'anna' to group 'sudo'`, `user anna added by root to group adm`
fn member<'a>(message: &'a str, facts: &mut Facts<'a>) -> Option<()> {
    if let Some(rest) = message.strip_prefix("user ") {
        let (action, user, rest) = match rest.split_once(" added by ") {
            Some((user, rest)) => ("group_member_added", user, rest.split_once(" to group ")?),
            None => {
                let (user, rest) = rest.split_once(" removed by ")?;
                ("group_member_removed", user, rest.split_once(" from group ")?)
            }
        };
        let (by, group) = rest;
        facts.action(action);
        facts.user(user);
        facts.add("group", group);
        facts.add("by_user", by);
        return Some(());
    }
    let (action, rest) = match message.split_once(' ')? {
        ("add", rest) => ("group_member_added", rest),
        ("delete", rest) => ("group_member_removed", rest),
        _ => return None,
    };
    let (user, rest) = name(rest)?;
    let rest = rest.strip_prefix(" to ").or_else(|| rest.strip_prefix(" from "))?;
    let (group, _) = name(rest.strip_prefix("shadow ").unwrap_or(rest).strip_prefix("group ")?)?;
    facts.action(action);
    facts.user(user);
    facts.add("group", group);
    Some(())
}

/// `change user 'anna' shell from '/bin/bash' to '/bin/sh'`, `lock user 'anna' password`, `changed user 'anna' shell to '/bin/sh'`
fn changed<'a>(message: &'a str, facts: &mut Facts<'a>) -> Option<()> {
    for (beginning, action) in [("lock user ", "user_locked"), ("unlock user ", "user_unlocked")] {
        if let Some(rest) = message.strip_prefix(beginning) {
            facts.action(action);
            facts.user(name(rest)?.0);
            return Some(());
        }
    }
    if let Some(user) = message.strip_prefix("password for ").and_then(|rest| rest.split_once(' ')) {
        // RedHat: `password for 'anna' changed by 'root'`
        let by = user.1.strip_prefix("changed by ")?;
        facts.action("password_changed");
        facts.user(user.0.trim_matches('\''));
        facts.add("by_user", by.trim_matches('\''));
        return Some(());
    }
    if let Some(user) = message.strip_prefix("changed password expiry for ") {
        facts.action("user_changed");
        facts.user(user);
        facts.add("attribute", "password expiry");
        return Some(());
    }
    let rest = message.strip_prefix("change user ").or_else(|| message.strip_prefix("changed user "))?;
    if let Some(rest) = rest.strip_prefix("name ") {
        let (old, rest) = name(rest)?;
        facts.action("user_renamed");
        facts.user(old);
        facts.add("new_value", name(rest.strip_prefix(" to ")?)?.0);
        return Some(());
    }
    let (user, rest) = name(rest)?;
    let rest = rest.trim_start();
    let attribute = rest.split_once(" from ").or_else(|| rest.split_once(" to ")).map_or(rest, |(first, _)| first);
    facts.action("user_changed");
    facts.user(user);
    facts.add("attribute", attribute);
    facts.add("new_value", rest.rsplit_once(" to ").map_or("", |(_, value)| value.trim_matches('\'')));
    Some(())
}

/// `delete user 'anna'`, `group 'pflege' removed`
fn removed<'a>(message: &'a str, facts: &mut Facts<'a>) -> Option<()> {
    if let Some(rest) = message.strip_prefix("delete user ") {
        facts.action("user_removed");
        facts.user(name(rest)?.0);
        return Some(());
    }
    let (group, rest) = name(message.strip_prefix("group ").or_else(|| message.strip_prefix("removed group "))?)?;
    (rest == " removed" || message.starts_with("removed")).then(|| {
        facts.action("group_removed");
        facts.add("group", group);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_accounts_are_read() {
        let cases = [
            (
                "new user: name=toor, UID=0, GID=0, home=/root, shell=/bin/sh, from=/dev/pts/0",
                "action=user_added|user=toor|uid=0|gid=0|home=/root|shell=/bin/sh|terminal=/dev/pts/0",
            ),
            ("new group: name=anna, GID=1000", "action=group_added|group=anna|gid=1000"),
            ("add 'anna' to shadow group 'sudo'", "action=group_member_added|user=anna|group=sudo"),
            ("delete 'anna' from group 'sudo'", "action=group_member_removed|user=anna|group=sudo"),
            ("user anna added by root to group adm", "action=group_member_added|user=anna|group=adm|by_user=root"),
            (
                "change user 'webcare' shell from '/bin/bash' to '/bin/sh'",
                "action=user_changed|user=webcare|attribute=shell|new_value=/bin/sh",
            ),
            ("changed user 'anna' information", "action=user_changed|user=anna|attribute=information"),
            ("change user name 'a' to 'b'", "action=user_renamed|user=a|new_value=b"),
            ("lock user 'a' password", "action=user_locked|user=a"),
            ("delete user 'a'", "action=user_removed|user=a"),
            ("group 'pflege' removed", "action=group_removed|group=pflege"),
            ("failed adding user 'a', exit code: 9", ""),
            ("add 'anna", ""),
        ];
        for (message, expected) in cases {
            let mut found = Facts::default();
            facts(message, &mut found);
            let told = found.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("|");
            assert_eq!(told, expected, "{message}");
        }
    }
}
