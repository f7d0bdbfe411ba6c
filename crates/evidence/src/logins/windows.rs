use std::borrow::Cow;

use event::{Link, LogSource, Login, Logout, Outcome, Request, Step};

use super::{Fields, address, linux};

/// A log by its provider, or where that is not told by its channel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Log {
    Security,
    /// Terminal services: who connects.
    Connections,
    /// Terminal services: sessions.
    Sessions,
    OpenSsh,
}

impl Log {
    fn of(source: &LogSource<'_>) -> Option<Self> {
        match (source.provider, source.channel) {
            ("Microsoft-Windows-Security-Auditing", _) | ("", "Security") => Some(Self::Security),
            ("Microsoft-Windows-TerminalServices-RemoteConnectionManager", _)
            | ("", "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational") => Some(Self::Connections),
            ("Microsoft-Windows-TerminalServices-LocalSessionManager", _)
            | ("", "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational") => Some(Self::Sessions),
            ("OpenSSH", _) | ("", "OpenSSH/Operational") => Some(Self::OpenSsh),
            _ => None,
        }
    }
}

pub(super) fn tells(source: &LogSource<'_>) -> bool {
    match Log::of(source) {
        Some(Log::Security) => matches!(source.event_id, 4624 | 4625 | 4634 | 4647 | 4648),
        Some(Log::Connections) => source.event_id == 1149,
        Some(Log::Sessions) => matches!(source.event_id, 21..=25),
        Some(Log::OpenSsh) => true,
        None => false,
    }
}

pub(super) fn step<'a>(source: &LogSource<'_>, host: Cow<'a, str>, fields: &'a mut Fields) -> Option<Step<'a>> {
    let log = Log::of(source)?;
    if log == Log::OpenSsh {
        return open_ssh(host, fields);
    }
    let fields = &*fields;
    match (log, source.event_id) {
        (Log::Security, 4624) => Some(Step::Login(logon(host, Outcome::Accepted, fields))),
        (Log::Security, 4625) => Some(Step::Login(refused(logon(host, Outcome::Failed, fields), fields))),
        (Log::Security, 4648) => Some(Step::Login(explicit(host, fields))),
        (Log::Security, _) => {
            let of = Link { host, session: logon_id(fields.get("TargetLogonId")), ..Link::default() };
            Some(Step::Logout(Logout { of, ..Logout::default() }))
        }
        (Log::Connections, _) => Some(Step::Login(connection(host, fields))),
        (_, number) => session(number, host, fields),
    }
}

/// A logon session by its locally unique identifier, which logs write with and without leading zeros.
fn logon_id(text: &str) -> Cow<'static, str> {
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    match number {
        None | Some(0) => Cow::Borrowed(""),
        Some(number) => Cow::Owned(format!("logon {number:#x}")),
    }
}

/// Microsoft Learn, "4624(S): An account was successfully logged on", Logon Type.
fn logon_type(number: &str) -> Cow<'_, str> {
    Cow::Borrowed(match number {
        "0" => "system",
        "2" => "interactive",
        "3" => "network",
        "4" => "batch",
        "5" => "service",
        "7" => "unlock",
        "8" => "network_cleartext",
        "9" => "new_credentials",
        "10" => "remote_interactive",
        "11" => "cached_interactive",
        "12" => "cached_remote_interactive",
        "13" => "cached_unlock",
        other => return Cow::Borrowed(other),
    })
}

fn logon<'a>(host: Cow<'a, str>, outcome: Outcome, fields: &'a Fields) -> Login<'a> {
    let (package, version) = (fields.get("AuthenticationPackageName"), fields.get("LmPackageName"));
    Login {
        user: fields.take("TargetUserName"),
        domain: fields.take("TargetDomainName"),
        by_user: by_user(fields, &host),
        host,
        source: address(fields.get("IpAddress")),
        source_host: fields.take("WorkstationName"),
        port: fields.get("IpPort").parse().ok().filter(|port| *port != 0),
        service: Cow::Borrowed("windows"),
        method: logon_type(fields.get("LogonType")),
        package: Cow::Borrowed(if version.is_empty() { package } else { version }.trim_end()),
        outcome,
        session: logon_id(fields.get("TargetLogonId")),
        ..Login::default()
    }
}

/// Who asked for the logon, if that is a person: for most it is the machine itself.
fn by_user<'a>(fields: &'a Fields, host: &str) -> Cow<'a, str> {
    let user = fields.get("SubjectUserName");
    let machine = user
        .strip_suffix('$')
        .is_some_and(|name| host.split('.').next().is_some_and(|host| host.eq_ignore_ascii_case(name)));
    let is_service = matches!(fields.get("SubjectUserSid"), "S-1-0-0" | "S-1-5-18" | "S-1-5-19" | "S-1-5-20");
    Cow::Borrowed(if machine || is_service { "" } else { user })
}

/// 4625: what failed.
fn refused<'a>(mut login: Login<'a>, fields: &'a Fields) -> Login<'a> {
    let is_told = |code: &&str| !code.is_empty() && code.trim_start_matches("0x").bytes().any(|byte| byte != b'0');
    let codes = [fields.get("SubStatus"), fields.get("Status")];
    let code = codes.iter().find(|code| is_told(code)).copied().unwrap_or_default();
    let known = status(code);
    login.reason = known.map_or_else(|| Cow::Borrowed(code), Cow::Borrowed);
    login.is_unknown = known == Some(NO_SUCH_USER);
    login.session = Cow::Borrowed("");
    login
}

const NO_SUCH_USER: &str = "no such user";

/// The statuses that a logon fails with ([MS-ERREF] 2.3.1; Microsoft Learn, "4625(F): An account failed to log on").
fn status(code: &str) -> Option<&'static str> {
    let digits = code.strip_prefix("0x").or_else(|| code.strip_prefix("0X"));
    let number = match digits {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => code.parse::<i64>().ok()? as u32,
    };
    Some(match number {
        0xC000_005E => "no domain controller to ask",
        0xC000_0064 => NO_SUCH_USER,
        0xC000_006A => "wrong password",
        0xC000_006D => "wrong user name or password",
        0xC000_006E => "account restriction",
        0xC000_006F => "outside the hours allowed",
        0xC000_0070 => "not from this workstation",
        0xC000_0071 => "password expired",
        0xC000_0072 => "account disabled",
        0xC000_00DC => "the server is in the wrong state",
        0xC000_0133 => "clocks differ too much",
        0xC000_015B => "logon type not granted",
        0xC000_018C => "trust to the domain failed",
        0xC000_0192 => "the logon service does not run",
        0xC000_0193 => "account expired",
        0xC000_0224 => "password must be changed first",
        0xC000_0225 => "not found",
        0xC000_0234 => "account locked out",
        0xC000_02EE => "an error happened",
        0xC000_0380 => "wrong smart card PIN",
        0xC000_0413 => "not allowed on this machine",
        _ => return None,
    })
}

/// 4648: someone used the name and password of another account, often on another machine.
fn explicit<'a>(host: Cow<'a, str>, fields: &'a Fields) -> Login<'a> {
    let target = match fields.get("TargetServerName") {
        "" | "localhost" => host.clone(),
        other => Cow::Borrowed(other),
    };
    Login {
        host: target,
        source: host.clone(),
        source_host: Cow::Borrowed(""),
        method: Cow::Borrowed("explicit_credentials"),
        session: Cow::Borrowed(""),
        port: None,
        ..logon(host, Outcome::Attempted, fields)
    }
}

/// 1149 says that authentication succeeded, but where network level authentication is off it comes before anyone was asked for a
/// password, with whatever name the client sent. So it is a try; what came of it stands in 21 and 4624.
fn connection<'a>(host: Cow<'a, str>, fields: &'a Fields) -> Login<'a> {
    Login {
        user: fields.take("Param1"),
        domain: fields.take("Param2"),
        host,
        source: address(fields.get("Param3")),
        service: Cow::Borrowed("rdp"),
        method: Cow::Borrowed("remote_interactive"),
        ..Login::default()
    }
}

/// 21 (logon), 22 (shell), 23 (logoff), 24 (disconnect), 25 (reconnect).
fn session<'a>(number: u32, host: Cow<'a, str>, fields: &'a Fields) -> Option<Step<'a>> {
    let session: Cow<'a, str> = format!("session {}", fields.get("SessionID")).into();
    let of = || Link { host: host.clone(), session: session.clone(), ..Link::default() };
    let is_local = fields.get("Address").eq_ignore_ascii_case("LOCAL");
    let method = match number {
        21 if is_local => "interactive",
        21 => "remote_interactive",
        25 => "reconnect",
        22 => return Some(Step::Request(Request { of: of(), kind: "shell".into(), ..Request::default() })),
        23 | 24 => {
            let reason = Cow::Borrowed(if number == 23 { "logged off" } else { "disconnected" });
            return Some(Step::Logout(Logout { of: of(), reason, tried: None }));
        }
        _ => return None,
    };
    let name = fields.get("User");
    let (domain, user) = name.split_once('\\').unwrap_or(("", name));
    Some(Step::Login(Login {
        user: Cow::Borrowed(user),
        domain: Cow::Borrowed(domain),
        host: host.clone(),
        source: if is_local { Cow::Borrowed("") } else { address(fields.get("Address")) },
        service: Cow::Borrowed("rdp"),
        method: Cow::Borrowed(method),
        outcome: Outcome::Accepted,
        session: session.clone(),
        ..Login::default()
    }))
}

/// OpenSSH on Windows says in its `payload` what it says in a syslog message elsewhere.
fn open_ssh<'a>(host: Cow<'a, str>, fields: &'a mut Fields) -> Option<Step<'a>> {
    let [message, pid] = ["payload", "Execution_ProcessID"].map(|name| fields.get(name).to_owned());
    fields.clear();
    fields.push("message", &message);
    fields.push("pid", &pid);
    crate::syslog::sshd_fields(&message, &mut |name, value| fields.push(name, value));
    linux::said("sshd", host, fields)
}
