use std::borrow::Cow;

use event::{Link, LogSource, Login, Logout, Outcome, Step};

use super::{Fields, address, base_name};

/// What auditd writes for a session that there is not (-1).
const NO_SESSION: &str = "4294967295";

pub(super) fn tells(source: &LogSource<'_>) -> bool {
    // The provider is the type of the first record.
    source.channel == "auditd" && source.provider.starts_with("USER_")
}

/// `USER_LOGIN` where the program tells it (sshd, login, gdm), the session that PAM opens else; sudo and cron open sessions too, which are
/// no logins.
pub(super) fn step(host: String, fields: Fields) -> Option<Step<'static>> {
    let program = base_name(fields.get("exe"));
    let service = match program {
        "sshd" | "sshd-session" | "sshd-auth" => "ssh",
        "login" | "gdm-session-worker" | "lightdm" | "sddm-helper" => program,
        _ => return None,
    };
    let host: Cow<'static, str> = Cow::Owned(host);
    let session = match fields.get("ses") {
        "" | NO_SESSION | "unset" => Cow::Borrowed(""),
        number => Cow::Owned(format!("audit session {number}")),
    };
    let kind = fields.get("type");
    if kind == "USER_END" {
        let of = Link { host, session, ..Link::default() };
        return Some(Step::Logout(Logout { of, ..Logout::default() }));
    }
    let is_success = matches!(fields.get("res"), "success" | "yes" | "1");
    let outcome = if is_success { Outcome::Accepted } else { Outcome::Failed };
    let user = fields.get("acct");
    let is_unknown = matches!(user, "(invalid user)" | "(unknown)" | "(unknown user)");
    let source = match fields.get("addr") {
        "" => fields.get("hostname"),
        known => known,
    };
    let name = fields.get("hostname");
    let login = Login {
        user: Cow::Owned(if is_unknown { "" } else { user }.to_owned()),
        is_unknown,
        host,
        source: address(source),
        source_host: Cow::Owned(if name == source { "" } else { name }.to_owned()),
        terminal: Cow::Owned(fields.get("terminal").trim_start_matches("/dev/").to_owned()),
        service: Cow::Owned(service.to_owned()),
        outcome,
        session,
        ..Login::default()
    };
    match kind {
        "USER_LOGIN" => Some(Step::Login(login)),
        "USER_START" if is_success => Some(Step::Hint(login)),
        _ => None,
    }
}
