//! Accounts: passwords and groups.

use std::collections::BTreeMap;

use super::{Auditor, lines, quoted};
use crate::{files::Files, sshd::Who};

/// Groups whose members can become root, by what they may run, read or write.
const POWERFUL: [&str; 9] = ["sudo", "wheel", "admin", "docker", "lxd", "incus-admin", "libvirt", "disk", "shadow"];
/// How many accounts are looked at, and the longest name of one.
const MOST: usize = 1 << 13;
const LONGEST: usize = 256;

/// An account of /etc/passwd.
pub(crate) struct Account {
    /// What sshd knows of it.
    pub who: Who,
    /// The line in /etc/passwd.
    pub line: usize,
    gid: String,
    shell: String,
}

impl Account {
    /// Whether its shell lets people work; sshd may forward ports without.
    pub fn has_shell(&self) -> bool {
        !matches!(self.shell.rsplit('/').next(), Some("nologin" | "false" | "sync" | "halt" | "shutdown"))
    }
}

/// The accounts of the host with their groups; `None` where there is no /etc/passwd.
pub(crate) fn read(files: &mut Files) -> Option<Vec<Account>> {
    let text = files.read("/etc/passwd")?;
    let account = |(line, text): (usize, &str)| {
        let mut parts = text.split(':');
        let name = parts.next().filter(|name| name.len() <= LONGEST)?.to_owned();
        let uid = parts.nth(1)?.parse().ok()?;
        let gid = parts.next()?.to_owned();
        let home = parts.nth(1)?.to_owned();
        let who = Who { name, uid, home, ..Who::default() };
        Some(Account { who, line, gid, shell: parts.next().unwrap_or_default().to_owned() })
    };
    let mut accounts: Vec<Account> = lines(&text).filter_map(account).take(MOST + 1).collect();
    if accounts.len() > MOST {
        files.unread.push(format!("/etc/passwd: expected at most {MOST} accounts, found more"));
    }
    let groups = files.read("/etc/group").unwrap_or_default();
    let mut at = BTreeMap::<String, usize>::new();
    accounts.iter().enumerate().for_each(|(number, one)| _ = at.entry(one.who.name.clone()).or_insert(number));
    let mut by_gid = BTreeMap::<String, Vec<usize>>::new();
    accounts.iter().enumerate().for_each(|(number, one)| by_gid.entry(one.gid.clone()).or_default().push(number));
    for (_, line) in lines(&groups) {
        let [group, _, gid, members] = line.splitn(4, ':').collect::<Vec<_>>()[..] else { continue };
        let primary = by_gid.get(gid).into_iter().flatten();
        let named = members.split(',').filter_map(|member| at.get(member.trim()));
        for number in primary.chain(named) {
            if let Some(account) = accounts.get_mut(*number) {
                account.who.groups.push(group.to_owned());
            }
        }
    }
    Some(accounts)
}

/// Passwords that can be used.
pub(super) fn passwords(auditor: &mut Auditor<'_>) {
    let is_root = |account: &&Account| account.who.uid == 0 && account.who.name != "root";
    let others: Vec<_> = auditor.accounts.iter().filter(is_root).map(|one| (one.who.name.clone(), one.line)).collect();
    for (name, line) in others {
        let what = format!("{name} is root by another name");
        auditor.found(("/etc/passwd", line), what, format!("userdel --force {}", quoted(&name)));
    }
    // What stands in passwd itself counts, unless it says that shadow has it.
    let own = auditor.files.read("/etc/passwd").unwrap_or_default();
    usable(auditor, "/etc/passwd", &own, |password| password == "x");
    let Some(shadow) = auditor.files.read("/etc/shadow") else {
        auditor.files.unread.push("/etc/shadow: not there, so it is not known who has a password".into());
        return;
    };
    usable(auditor, "/etc/shadow", &shadow, |_| false);
}

/// Tells the passwords of a file that can be used, but those that stand `elsewhere`.
fn usable(auditor: &mut Auditor<'_>, file: &str, text: &str, elsewhere: impl Fn(&str) -> bool) {
    for (number, line) in lines(text) {
        let mut parts = line.split(':');
        let (Some(name), Some(password)) = (parts.next(), parts.next()) else { continue };
        // `+` and `-` are entries of NIS, not accounts.
        if password.starts_with(['!', '*']) || name.starts_with(['+', '-']) || elsewhere(password) {
            continue;
        }
        if !password.is_empty() && may_have_password(auditor, name) {
            auditor.audit.explained += 1;
            continue;
        }
        let what = match password {
            "" => format!("{name} needs no password at all"),
            _ => format!("{name} has a password that can be used"),
        };
        auditor.found((file, number), what, format!("passwd --lock {}", quoted(name)));
    }
}

/// Whether the policy has standing access to the account by a password, or at the machine itself.
fn may_have_password(auditor: &Auditor<'_>, account: &str) -> bool {
    auditor.known.is_some_and(|known| {
        let mut standing = known.policy.standing.iter();
        standing.any(|one| (one.password || one.console) && one.scope.reaches(known.host, account))
    })
}

/// Members of groups that lead to root.
pub(super) fn groups(auditor: &mut Auditor<'_>) {
    let Some(text) = auditor.files.read("/etc/group") else { return };
    for (number, line) in lines(&text) {
        let [group, _, gid, members] = line.splitn(4, ':').collect::<Vec<_>>()[..] else { continue };
        if !POWERFUL.contains(&group) {
            continue;
        }
        let named: Vec<String> =
            members.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect();
        let is_primary = |one: &&Account| one.gid == gid && one.who.uid != 0 && one.has_shell();
        let primary: Vec<String> = auditor.accounts.iter().filter(is_primary).map(|one| one.who.name.clone()).collect();
        let named = named.into_iter().map(|name| (format!("gpasswd --delete {} {group}", quoted(&name)), name));
        let primary = primary.into_iter().map(|name| (format!("usermod --gid nogroup {}", quoted(&name)), name));
        for (mend, member) in named.chain(primary).collect::<Vec<_>>() {
            if auditor.may_be_root(&member) {
                auditor.audit.explained += 1;
            } else if member != "root" {
                auditor.found(("/etc/group", number), format!("{member} is in {group}, which leads to root"), mend);
            }
        }
    }
}
