//! Accounts: passwords, groups, sudo, and those that nobody uses.

use std::{
    collections::BTreeMap,
    io::{Read, Seek, SeekFrom},
};

use super::{Files, lines, quoted};

/// Groups whose members can become root.
const POWERFUL: [&str; 6] = ["sudo", "wheel", "admin", "docker", "lxd", "disk"];
/// An account is unused if nobody logged in to it for so long before the last login of all, in seconds: ninety days.
const UNUSED: u32 = 90 * 86_400;

/// An account of /etc/passwd.
pub(super) struct Account {
    pub name: String,
    uid: u32,
    pub home: String,
    shell: String,
}

impl Account {
    fn has_shell(&self) -> bool {
        !matches!(self.shell.rsplit('/').next(), Some("nologin" | "false" | "sync"))
    }
}

pub(super) fn parse(passwd: &str) -> Vec<Account> {
    let account = |(_, line): (usize, &str)| {
        let mut parts = line.split(':');
        let (name, uid) = (parts.next()?.to_owned(), parts.nth(1)?.parse().ok()?);
        Some(Account { name, uid, home: parts.nth(2)?.to_owned(), shell: parts.next().unwrap_or_default().to_owned() })
    };
    lines(passwd).filter_map(account).collect()
}

/// Passwords that can be used.
pub(super) fn passwords(files: &mut Files<'_>, accounts: &[Account]) {
    for account in accounts.iter().filter(|account| account.uid == 0 && account.name != "root") {
        let what = format!("{} is root by another name", account.name);
        files.found("/etc/passwd", 0, what, format!("userdel --force {}", quoted(&account.name)));
    }
    let Some(shadow) = files.read("/etc/shadow") else { return };
    for (number, line) in lines(&shadow) {
        let mut parts = line.split(':');
        let (Some(name), Some(password)) = (parts.next(), parts.next()) else { continue };
        if password.starts_with(['!', '*']) {
            continue;
        }
        let what = match password {
            "" => format!("{name} needs no password at all"),
            _ => format!("{name} has a password that can be used"),
        };
        files.found("/etc/shadow", number, what, format!("passwd --lock {}", quoted(name)));
    }
}

/// Members of groups that lead to root.
pub(super) fn groups(files: &mut Files<'_>) {
    let Some(text) = files.read("/etc/group") else { return };
    for (number, line) in lines(&text) {
        let parts: Vec<&str> = line.split(':').collect();
        let [group, _, _, members] = parts.as_slice() else { continue };
        for member in members.split(',').filter(|member| POWERFUL.contains(group) && !member.is_empty()) {
            let mend = format!("gpasswd --delete {} {group}", quoted(member));
            files.found("/etc/group", number, format!("{member} is in {group}, which leads to root"), mend);
        }
    }
}

/// Lines of sudoers that let somebody but root run commands.
pub(super) fn sudoers(files: &mut Files<'_>) {
    let rest = files.list("/etc/sudoers.d").into_iter().filter(|name| !name.contains('.') && !name.ends_with('~'));
    let paths: Vec<String> =
        std::iter::once("/etc/sudoers".to_owned()).chain(rest.map(|name| format!("/etc/sudoers.d/{name}"))).collect();
    for path in paths {
        let Some(text) = files.read(&path) else { continue };
        for (number, line) in lines(&text) {
            let who = line.split_whitespace().next().unwrap_or_default();
            let is_rule = line.contains('=') && !who.starts_with("Defaults") && !who.ends_with("_Alias");
            // The group sudo is Debian's way, and its members are told of by themselves.
            if !is_rule || matches!(who, "root" | "%sudo" | "%wheel" | "%admin" | "@includedir" | "@include") {
                continue;
            }
            let how = if line.contains("NOPASSWD") { " without a password" } else { "" };
            let what = format!("{who} may use sudo{how}: {line}");
            files.found(&path, number, what, format!("sed -i {number}d {} && visudo -c", quoted(&path)));
        }
    }
}

/// Accounts that people could log in to and nobody has for long.
pub(super) fn unused(files: &mut Files<'_>, accounts: &[Account]) {
    let Ok(Some(mut lastlog)) = files.open("/var/log/lastlog") else { return };
    let mut times = BTreeMap::new();
    for account in accounts.iter().filter(|account| account.has_shell()) {
        // `struct lastlog` of glibc: the time in 32 bits, then terminal and host; 292 bytes each, by number.
        let mut time = [0; 4];
        let is_there = lastlog.seek(SeekFrom::Start(u64::from(account.uid) * 292)).is_ok();
        let read = is_there && lastlog.read_exact(&mut time).is_ok();
        times.insert(&account.name, if read { u32::from_le_bytes(time) } else { 0 });
    }
    let newest = times.values().copied().max().unwrap_or_default();
    for (name, time) in
        times.into_iter().filter(|(name, time)| newest.saturating_sub(*time) > UNUSED && *name != "root")
    {
        let since = match jiff::Timestamp::from_second(i64::from(time)) {
            Ok(last) if time > 0 => format!("nobody logged in to {name} since {}", last.strftime("%Y-%m-%d")),
            _ => format!("nobody ever logged in to {name}"),
        };
        files.found("/var/log/lastlog", 0, since, format!("usermod --expiredate 1 {}", quoted(name)));
    }
}
