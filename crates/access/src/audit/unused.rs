//! Accounts that people could log in to and nobody has for long, by lastlog, or where there is none, by wtmp.

use std::{
    collections::BTreeMap,
    io::{Read, Seek, SeekFrom},
};

use super::{Auditor, quoted};

/// An account is unused if nobody logged in to it for so long before the last login of all, in seconds: ninety days.
const UNUSED: u32 = 90 * 86_400;

/// When people logged in last, in seconds since 1970.
struct Logins {
    /// From when on that is told; 0 for always.
    since: u32,
    /// By account.
    last: BTreeMap<String, u32>,
}

pub(super) fn check(auditor: &mut Auditor<'_>) {
    let Some(Logins { since, last }) = by_lastlog(auditor).or_else(|| by_wtmp(auditor)) else {
        let why = "neither lastlog nor wtmp is there, so it is not known which accounts nobody uses";
        return auditor.files.unread.push(format!("/var/log: {why}"));
    };
    let newest = last.values().copied().max().unwrap_or_default();
    if newest.saturating_sub(since) <= UNUSED {
        let why = "lastlog or wtmp tell of too short a time to say which accounts nobody uses";
        return auditor.files.unread.push(format!("/var/log: {why}"));
    }
    let people = auditor.accounts.iter().filter(|account| account.has_shell() && account.who.name != "root");
    let people: Vec<_> = people.map(|account| (account.who.name.clone(), account.line)).collect();
    for (name, line) in people {
        let time = last.get(&name).copied().filter(|time| *time > 0);
        if time.is_some_and(|time| newest.saturating_sub(time) <= UNUSED) {
            continue;
        }
        let day = |second: u32| {
            let time = jiff::Timestamp::from_second(i64::from(second));
            time.map_or_else(|_| String::new(), |time| time.strftime("%Y-%m-%d").to_string())
        };
        let what = match (time, since) {
            (Some(time), _) => format!("nobody logged in to {name} since {}", day(time)),
            (None, 0) => format!("nobody ever logged in to {name}"),
            (None, since) => format!("nobody logged in to {name} since {} at least", day(since)),
        };
        auditor.found(("/etc/passwd", line), what, format!("usermod --expiredate 1 {}", quoted(&name)));
    }
}

/// `struct lastlog` of glibc: the time in 32 bits, then terminal and host; 292 bytes each, by the account's number.
fn by_lastlog(auditor: &mut Auditor<'_>) -> Option<Logins> {
    const PATH: &str = "/var/log/lastlog";
    let mut lastlog = match auditor.files.open(PATH) {
        Ok(file) => file?,
        Err(error) => {
            auditor.files.unread.push(format!("{PATH}: {error}"));
            return None;
        }
    };
    let mut last = BTreeMap::new();
    for account in &auditor.accounts {
        let mut time = [0; 4];
        let is_there = lastlog.seek(SeekFrom::Start(u64::from(account.who.uid) * 292)).is_ok();
        let is_read = is_there && lastlog.read_exact(&mut time).is_ok();
        last.insert(account.who.name.clone(), if is_read { u32::from_le_bytes(time) } else { 0 });
    }
    Some(Logins { since: 0, last })
}

/// `struct utmp` of glibc (utmp(5)): 384 bytes; the type, of which 7 is a login, the account, the time in 32 bits.
fn by_wtmp(auditor: &mut Auditor<'_>) -> Option<Logins> {
    let files = ["/var/log/wtmp.1", "/var/log/wtmp"].map(|path| auditor.files.bytes(path));
    let mut logins: Option<Logins> = None;
    for bytes in files.iter().flatten() {
        let (records, _) = bytes.as_chunks::<384>();
        for record in records {
            let (Some([7, 0]), Some(user), Some(time)) = (record.get(..2), record.get(44..76), record.get(340..344))
            else {
                continue;
            };
            let user = user.split(|byte| *byte == 0).next().unwrap_or_default();
            let time = u32::from_le_bytes(time.try_into().unwrap_or_default());
            let logins = logins.get_or_insert_with(|| Logins { since: time, last: BTreeMap::new() });
            logins.since = logins.since.min(time);
            let last = logins.last.entry(String::from_utf8_lossy(user).into_owned()).or_default();
            *last = time.max(*last);
        }
    }
    logins
}
