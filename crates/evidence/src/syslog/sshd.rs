//! OpenSSH's server: who tried to log in, from where, with what, and what came of it.
//!
//! The wording is that of OpenSSH 5 to 10 (`auth.c`, `auth2-pubkey.c`, `sshd.c`, `session.c`, `packet.c`, `srclimit.c`). A client chooses the user's name
//! and, in a certificate of its own, the key id; both stand in the line, blanks and all. So a line is taken
//! apart from the end that the client has no hand in: `from ADDRESS port N ssh2` is the last one in lines that end with it, and in
//! lines that tell of a key of a known account it is the first.

use std::borrow::Cow;

use event::{Certificate, Key, Login, Outcome};

use super::facts::{Facts, is_number, split, unvis};

/// Longest address or host name in a line.
const MAX_ADDRESS: usize = 255;

/// The try to log in that a message of sshd tells of; `None` if it tells of none. `host` is the machine that wrote it.
///
/// Messages that only hint at one (`Invalid user …`, `Connection closed by authenticating user …`) are none: where sshd tells of the try
/// it would be counted twice.
pub fn login<'a>(host: &'a str, message: &'a str) -> Option<Login<'a>> {
    let (times, message) = repeated(message).unwrap_or((1, message));
    Some(Login { host: host.into(), times, ..attempt(message)? })
}

/// The times that `message repeated 3 times: [ … ]` stands for, and the message.
pub(super) fn repeated(message: &str) -> Option<(u64, &str)> {
    let (times, inside) = message.strip_prefix("message repeated ")?.split_once(" times: [ ")?;
    Some((times.parse().ok()?, inside.strip_suffix(']')?))
}

/// Removes what says that the line comes from the unprivileged child.
fn without_preauth(message: &str) -> &str {
    message.strip_suffix(" [preauth]").unwrap_or(message)
}

/// The rest behind a prefix that says whether sshd knows the account.
fn account(text: &str) -> (bool, &str) {
    match text.strip_prefix("invalid user ").or_else(|| text.strip_prefix("illegal user ")) {
        Some(user) => (true, user),
        None => (false, text),
    }
}

/// `auth_log`: `Failed password for invalid user x from 198.51.100.7 port 40001 ssh2`.
fn attempt(message: &str) -> Option<Login<'_>> {
    let message = without_preauth(message);
    let (outcome, rest) = match message.split_at_checked(7)? {
        ("Failed ", rest) => (Outcome::Failed, rest),
        ("Accepte", rest) => (Outcome::Accepted, rest.strip_prefix("d ")?),
        ("Partial", rest) => (Outcome::Partial, rest.strip_prefix(' ')?),
        _ => return None,
    };
    let (written, rest) = rest.split_once(' ')?;
    let rest = rest.strip_prefix("for ").filter(|_| !written.is_empty())?;
    let method = written.split_once('/').map_or(written, |(method, _)| method);
    let (is_unknown, rest) = account(rest);
    let tells_key = matches!(method, "publickey" | "hostbased") || method.starts_with("gssapi");
    let (who, told) = if tells_key { split_key(rest, is_unknown)? } else { (without_protocol(rest)?, "") };
    let (user, (source, port)) = from(who)?;
    let (key, certificate) = if told.is_empty() || method.starts_with("gssapi") { (None, None) } else { key(told) };
    let user = unvis(user);
    Some(Login {
        user,
        is_unknown,
        source: source.into(),
        port: port.parse().ok(),
        service: "ssh".into(),
        method: method.into(),
        outcome,
        key,
        certificate,
        ..Login::default()
    })
}

fn without_protocol(text: &str) -> Option<&str> {
    text.strip_suffix(" ssh2").or_else(|| text.strip_suffix(" ssh1")).or_else(|| text.strip_suffix(" ssh"))
}

/// Splits `x from ADDRESS port N ssh2: KEY` before ` ssh2`; the key is what is behind it.
fn split_key(text: &str, is_unknown: bool) -> Option<(&str, &str)> {
    let splits = memchr::memmem::find_iter(text.as_bytes(), b" ssh2").filter_map(|at| {
        let (who, told) = (text.get(..at)?, text.get(at + b" ssh2".len()..)?);
        let told = if told.is_empty() { told } else { told.strip_prefix(": ")? };
        from(who).map(|_| (who, told))
    });
    // Names of known accounts hold no such words, but a key id may; an unknown name may hold them, too.
    if is_unknown { splits.last() } else { { splits }.next() }
}

/// Splits `x from ADDRESS port N` at its end into the name, the address and the port.
fn from(text: &str) -> Option<(&str, (&str, &str))> {
    let (before, peer) = peer(text)?;
    // An empty name leaves its blank: `for invalid user  from …`.
    let user = before.strip_suffix(" from").or(if before == "from" { Some("") } else { None })?;
    Some((user, peer))
}

/// Splits `… ADDRESS port N` at its end into what is before the address, the address and the port.
fn peer(text: &str) -> Option<(&str, (&str, &str))> {
    let bytes = text.as_bytes();
    let digits = bytes.iter().rev().take(6).take_while(|byte| byte.is_ascii_digit()).count();
    let (rest, port) = text.split_at_checked(text.len() - digits).filter(|_| (1..=5).contains(&digits))?;
    let (before, address) = last_word(rest.strip_suffix(" port ")?)?;
    Some((before, (address, port)))
}

/// Splits off the last word, which is an address or a name.
fn last_word(text: &str) -> Option<(&str, &str)> {
    let length = text.bytes().rev().take(MAX_ADDRESS + 1).take_while(|byte| *byte != b' ').count();
    if length == 0 || length > MAX_ADDRESS {
        return None;
    }
    let (before, word) = text.split_at_checked(text.len() - length)?;
    Some((before.strip_suffix(' ').unwrap_or(before), word))
}

/// `ED25519 SHA256:…` or `ED25519-CERT SHA256:… ID key id (serial 42) CA ED25519 SHA256:…`.
fn key(told: &str) -> (Option<Key<'_>>, Option<Certificate<'_>>) {
    let Some((written, rest)) = told.split_once(' ') else { return (None, None) };
    let first = |text| str::split_once(text, [' ', ',']).map_or(text, |(first, _)| first);
    let Some(kind) = written.strip_suffix("-CERT") else {
        return (Some(Key { kind: written.into(), fingerprint: first(rest).into() }), None);
    };
    // Before OpenSSH 6.8 a certificate's own fingerprint was not told.
    let (fingerprint, rest) = match rest.strip_prefix("ID ") {
        Some(rest) => ("", rest),
        None => rest.split_once(" ID ").unwrap_or((rest, "")),
    };
    (Some(Key { kind: kind.into(), fingerprint: fingerprint.into() }), certificate(rest))
}

/// `key id (serial 42) CA ED25519 SHA256:…`; the key id may hold the same words, so the last count.
fn certificate(text: &str) -> Option<Certificate<'_>> {
    memchr::memmem::rfind_iter(text.as_bytes(), b" (serial ").find_map(|at| {
        let (id, rest) = text.split_at_checked(at)?;
        let rest = rest.strip_prefix(" (serial ")?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (serial, rest) = rest.split_at_checked(digits).filter(|(digits, _)| !digits.is_empty())?;
        let rest = rest.strip_prefix(") CA ")?;
        let (authority_kind, rest) = rest.split_once(' ')?;
        let authority = rest.split_once([' ', ',']).map_or(rest, |(first, _)| first).into();
        Some(Certificate {
            id: unvis(id),
            // sshd's serials have 64 bits: who makes up a larger one is to be found, too.
            serial: serial.parse().unwrap_or(u64::MAX),
            authority_kind: authority_kind.into(),
            authority,
        })
    })
}

/// Tells all that a message of sshd says.
pub(super) fn facts<'a>(program: &str, message: &'a str, facts: &mut Facts<'a>) {
    if let Some(login) = attempt(message) {
        login_facts(login, facts);
        return;
    }
    let is_child = message.ends_with(" [preauth]");
    let message = without_preauth(message);
    let message = ["error: ", "fatal: "].iter().find_map(|level| message.strip_prefix(level)).unwrap_or(message);
    let twice = is_child && matches!(program, "sshd" | "ssh.service" | "sshd.service");
    let _ = account_facts(message, twice, facts)
        .or_else(|| connection_facts(message, twice, facts))
        .or_else(|| key_facts(message, facts))
        .or_else(|| session_facts(message, facts));
}

/// A name, decoded as often as it was escaped: up to OpenSSH 9.7 twice on its way through the unprivileged child.
fn name(text: &str, twice: bool) -> Cow<'_, str> {
    let once = unvis(text);
    if twice && once.contains('\\') { Cow::Owned(unvis(&once).into_owned()) } else { once }
}

fn login_facts<'a>(login: Login<'a>, facts: &mut Facts<'a>) {
    facts.action("login");
    facts.add("outcome", login.outcome.as_str());
    facts.add("method", login.method);
    facts.user(login.user);
    facts.add("invalid_user", if login.is_unknown { "true" } else { "" });
    facts.add("source_address", login.source);
    facts.add("source_port", login.port.map(|port| port.to_string()).unwrap_or_default());
    if let Some(key) = login.key {
        facts.add("key_type", key.kind);
        facts.add("key_fingerprint", key.fingerprint);
    }
    if let Some(certificate) = login.certificate {
        facts.add("certificate_id", certificate.id);
        facts.add("certificate_serial", certificate.serial.to_string());
        facts.add("ca_key_type", certificate.authority_kind);
        facts.add("ca_fingerprint", certificate.authority);
    }
}

/// What is told of an account beside the tries themselves.
fn account_facts<'a>(message: &'a str, twice: bool, facts: &mut Facts<'a>) -> Option<()> {
    if let Some(rest) = message.strip_prefix("Invalid user ").or_else(|| message.strip_prefix("Illegal user ")) {
        // Before OpenSSH 7.2 without a port; a name may be empty, `Invalid user  from …`.
        let (user, peer) = from(rest).or_else(|| address_alone(rest))?;
        facts.action("invalid_user");
        facts.user(name(user, twice));
        facts.add("invalid_user", "true");
        facts.peer(peer);
    } else if let Some(rest) = message.strip_prefix("PAM: ").filter(|rest| rest.contains(" for ")) {
        let (reason, rest) = rest.split_once(" for ")?;
        let (is_unknown, rest) = account(rest);
        let (user, peer) = address_alone(rest)?;
        facts.action("pam_failure");
        facts.add("reason", reason);
        facts.user(name(user, twice));
        facts.add("invalid_user", if is_unknown { "true" } else { "" });
        facts.peer(peer);
    } else if let Some(rest) = message.strip_prefix("maximum authentication attempts exceeded for ") {
        let (is_unknown, rest) = account(rest);
        let (user, peer) = from(without_protocol(rest)?)?;
        facts.action("too_many_failures");
        facts.user(name(user, twice));
        facts.add("invalid_user", if is_unknown { "true" } else { "" });
        facts.peer(peer);
    } else if let Some(rest) = message.strip_prefix("ROOT LOGIN REFUSED FROM ") {
        facts.action("login_refused");
        facts.user("root");
        facts.add("reason", "root may not log in this way");
        facts.peer(peer(rest).map_or((rest, ""), |(_, peer)| peer));
    } else {
        let (rest, reason) = message.strip_prefix("User ")?.rsplit_once(" not allowed because ")?;
        let (user, address) = rest.rsplit_once(" from ").unwrap_or((rest, ""));
        facts.action("login_refused");
        facts.user(name(user, twice));
        facts.add("reason", reason);
        facts.add("source_address", address);
    }
    Some(())
}

/// `x from ADDRESS` at the end.
fn address_alone(text: &str) -> Option<(&str, (&str, &str))> {
    let (before, address) = last_word(text)?;
    let user = before.strip_suffix(" from").or(if before == "from" { Some("") } else { None })?;
    Some((user, (address, "")))
}

/// Beginnings of messages about a connection, and what they tell; the account and the address follow.
const CONNECTION: [(&str, &str); 9] = [
    ("Connection closed by ", "disconnect"),
    ("Connection reset by ", "disconnect"),
    ("Disconnected from ", "disconnect"),
    ("Disconnecting ", "disconnect"),
    ("Received disconnect from ", "disconnect"),
    ("Timeout before authentication for ", "timeout"),
    ("Unable to negotiate with ", "no_common_algorithm"),
    ("banner exchange: Connection from ", "no_ssh_client"),
    ("Did not receive identification string from ", "no_ssh_client"),
];

/// What is told of a connection.
fn connection_facts<'a>(message: &'a str, twice: bool, facts: &mut Facts<'a>) -> Option<()> {
    if let Some(rest) = message.strip_prefix("Connection from ") {
        let (client, server) = rest.split_once(" on ").unwrap_or((rest, ""));
        facts.action("connection");
        facts.peer(peer(client).map(|(_, peer)| peer)?);
        let server = server.split_once(" rdomain").map_or(server, |(server, _)| server);
        if let Some((_, (address, port))) = peer(server) {
            facts.add("server_address", address);
            facts.add("server_port", port);
        }
        return Some(());
    }
    if let Some(rest) = message.strip_prefix("drop connection ") {
        // `#2 from [198.51.100.7]:40001 on [203.0.113.80]:22 penalty: failed authentication`
        let (_, rest) = rest.split_once(" from [")?;
        let (address, rest) = rest.split_once("]:")?;
        let (port, rest) = rest.split_once(' ')?;
        facts.action("connection_dropped");
        facts.peer((address, port));
        let reason = rest.split_once("]:").and_then(|(_, rest)| rest.split_once(' ')).map_or("", |(_, reason)| reason);
        facts.add("reason", reason);
        return Some(());
    }
    if let Some(rest) = message.strip_prefix("refused connect from ") {
        // libwrap: `example.com (192.168.1.1)`
        let address = rest.rsplit_once('(').map_or(rest, |(_, address)| address.trim_end_matches(')'));
        facts.action("connection_refused");
        facts.add("source_address", address);
        return Some(());
    }
    let first = message.as_bytes().first();
    let known = CONNECTION.iter().filter(|(beginning, _)| beginning.as_bytes().first() == first);
    let (action, rest) = { known }.find_map(|(beginning, action)| Some((*action, message.strip_prefix(beginning)?)))?;
    if !facts.is_needed(action) {
        return Some(());
    }
    let (rest, reason) = with_reason(message, rest);
    let (before, who) = peer(rest).or_else(|| last_word(rest).map(|(before, address)| (before, (address, ""))))?;
    facts.action(action);
    closing_account(rest, before, twice, facts);
    facts.peer(who);
    facts.add("reason", reason);
    Some(())
}

/// Splits the reason from what stands before it: `198.51.100.7 port 40001:11: disconnected by user`.
fn with_reason<'a>(message: &str, rest: &'a str) -> (&'a str, &'a str) {
    let colon = if message.starts_with("Received disconnect") {
        // The address of IPv6 has colons too, the words of the client come last.
        let from = memchr::memmem::find(rest.as_bytes(), b" port ").map_or(0, |at| at + b" port ".len());
        let colon = rest.get(from..).and_then(|rest| rest.find(':')).map(|at| from + at);
        if from == 0 { rest.find(": ") } else { colon }
    } else if message.starts_with("Disconnecting") {
        rest.rfind(": ")
    } else if message.starts_with("Unable") || message.starts_with("banner") {
        rest.find(": ")
    } else {
        None
    };
    let split = colon.and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?)));
    let Some((before, reason)) = split else { return (rest, "") };
    let reason = reason.trim_start();
    // `11: disconnected by user`: the number is RFC 4253's.
    let words = reason.split_once(": ").filter(|(number, _)| is_number(number)).map(|(_, words)| words);
    (before, words.unwrap_or(reason))
}

/// The account in `authenticating user x ADDRESS port N`.
fn closing_account<'a>(rest: &str, before: &'a str, twice: bool, facts: &mut Facts<'a>) {
    const KINDS: [(&str, &str); 3] = [("invalid user", "true"), ("authenticating user", ""), ("user", "")];
    for (kind, is_unknown) in KINDS {
        let user = before.strip_prefix(kind).and_then(|user| {
            // An empty name: `invalid user  198.51.100.7 port 40001`.
            user.strip_prefix(' ').or(if user.is_empty() && rest.starts_with(kind) { Some("") } else { None })
        });
        if let Some(user) = user {
            facts.user(name(user, twice));
            facts.add("invalid_user", is_unknown);
            return;
        }
    }
}

/// What is told of keys and certificates at VERBOSE.
fn key_facts<'a>(message: &'a str, facts: &mut Facts<'a>) -> Option<()> {
    if let Some(rest) = message.strip_prefix("Accepted key ") {
        let (told, file) = rest.split_once(" found at ")?;
        let (kind, fingerprint) = told.split_once(' ')?;
        facts.action("key_accepted");
        facts.add("key_type", kind);
        facts.add("key_fingerprint", fingerprint);
        facts.add("key_file", file);
    } else if let Some(rest) = message.strip_prefix("Accepted certificate ID \"") {
        let (told, file) = rest.rsplit_once(" via ").unwrap_or((rest, ""));
        let (told, authority) = told.rsplit_once(" signed by ")?;
        let (id, serial) = told.rsplit_once("\" (serial ")?;
        let (kind, fingerprint) = authority.split_once(" CA ").or_else(|| authority.split_once(' '))?;
        facts.action("certificate_accepted");
        facts.add("certificate_id", unvis(id));
        facts.add("certificate_serial", serial.trim_end_matches(')'));
        facts.add("ca_key_type", kind);
        facts.add("ca_fingerprint", fingerprint);
        facts.add("key_file", file);
    } else if let Some(reason) = message.strip_prefix("Certificate invalid: ") {
        facts.action("certificate_refused");
        facts.add("reason", reason);
    } else if message == "Certificate does not contain an authorized principal" {
        facts.action("certificate_refused");
        facts.add("reason", "it does not contain an authorized principal");
    } else if let Some(rest) = message.strip_prefix("Authentication key ") {
        let (told, file) = rest.rsplit_once(" revoked by file ")?;
        let (kind, fingerprint) = told.split_once(' ')?;
        facts.action("key_refused");
        facts.add("reason", "revoked");
        facts.add("key_type", kind);
        facts.add("key_fingerprint", fingerprint);
        facts.add("key_file", file);
    } else {
        // Behind the file's name, from OpenSSH 9 on.
        let behind = |at: usize| message.get(at..)?.strip_prefix("Authentication tried for ");
        let rest = memchr::memchr_iter(b'A', message.as_bytes()).find_map(behind)?;
        let (user, rest) = rest.split_once(" with ")?;
        let (_, rest) = rest.split_once(" but not from a permitted ")?;
        let inside = rest.rsplit_once('(').map_or("", |(_, inside)| inside.trim_end_matches(['.', ')']));
        let address = inside.split(", ").find_map(|part| part.strip_prefix("ip="));
        facts.action("key_refused");
        facts.user(unvis(user));
        facts.add("reason", "not from a permitted address");
        facts.add("source_address", address.unwrap_or(if inside.contains('=') { "" } else { inside }));
    }
    Some(())
}

/// What is told of sessions: commands, terminals, forwarding.
fn session_facts<'a>(message: &'a str, facts: &mut Facts<'a>) -> Option<()> {
    if let Some(rest) = message.strip_prefix("Starting session: ") {
        let (rest, _) = rest.rsplit_once(" id ")?;
        let (before, who) = peer(rest)?;
        let (what, user) = before.strip_suffix(" from")?.rsplit_once(" for ")?;
        // A command stands in quotes, and may hold quotes and ` on ` itself.
        let on = if what.contains(" '") { "' on " } else { " on " };
        let (what, terminal) = match what.rsplit_once(on).filter(|_| !what.ends_with('\'')) {
            Some((what, terminal)) => (what, terminal),
            None => (what.strip_suffix('\'').unwrap_or(what), ""),
        };
        let (kind, command) = what.split_once(" '").unwrap_or((what, ""));
        facts.action("session_started");
        facts.add("session_type", kind);
        facts.add("command", unvis(command));
        facts.add("terminal", terminal);
        facts.user(unvis(user));
        facts.peer(who);
    } else if let Some(rest) = message.strip_prefix("Close session: user ") {
        let (rest, _) = rest.rsplit_once(" id ")?;
        let (user, who) = from(rest)?;
        facts.action("session_ended");
        facts.user(unvis(user));
        facts.peer(who);
    } else if let Some(rest) = message.strip_prefix("subsystem request for ") {
        let (subsystem, user) = rest.split_once(" by user ").unwrap_or((rest, ""));
        facts.action("subsystem_requested");
        facts.add("command", subsystem);
        facts.add("user", unvis(user));
    } else if let Some(pid) = message.strip_prefix("User child is on pid ") {
        facts.action("session_process");
        facts.add("child_pid", pid);
    } else if let Some(rest) = message.strip_prefix("Server listening on ") {
        let (_, (address, port)) = peer(rest.trim_end_matches('.'))?;
        facts.action("server_started");
        facts.add("server_address", address);
        facts.add("server_port", port);
    } else {
        let (before, rest) = split(message, "to connect to host ")?;
        let (host, rest) = rest.split_once(" port ")?;
        facts.action("forwarding_refused");
        // Older ones do not name the client.
        if let Some((_, who)) = before.strip_prefix("Received request from ").and_then(|who| peer(who.trim_end())) {
            facts.peer(who);
        }
        facts.add("destination_address", host);
        facts.add("destination_port", rest.split_once(',').map_or(rest, |(port, _)| port));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(message: &str) -> String {
        let mut found = Facts::default();
        facts("sshd", message, &mut found);
        found.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn tries_to_log_in_are_read() {
        let cases = [
            (
                "Failed password for root from 198.51.100.7 port 40001 ssh2",
                "action=login|outcome=failed|method=password|user=root|source_address=198.51.100.7|source_port=40001",
            ),
            (
                "Failed password for invalid user x from 203.0.113.9 port 22 ssh2 from 198.51.100.7 port 40001 ssh2",
                "action=login|outcome=failed|method=password|user=x from 203.0.113.9 port 22 ssh2|invalid_user=true|\
                 source_address=198.51.100.7|source_port=40001",
            ),
            (
                "Failed none for invalid user  from 2001:db8::7 port 40001 ssh2 [preauth]",
                "action=login|outcome=failed|method=none|user=|invalid_user=true|source_address=2001:db8::7|\
                 source_port=40001",
            ),
            (
                "Accepted keyboard-interactive/pam for anna from 198.51.100.7 port 40001 ssh2",
                "action=login|outcome=accepted|method=keyboard-interactive|user=anna|source_address=198.51.100.7|\
                 source_port=40001",
            ),
            (
                "Accepted publickey for anna from 198.51.100.7 port 40001 ssh2: RSA 00:11:22",
                "action=login|outcome=accepted|method=publickey|user=anna|source_address=198.51.100.7|\
                 source_port=40001|key_type=RSA|key_fingerprint=00:11:22",
            ),
            (
                "Failed publickey for anna from 198.51.100.7 port 40001 ssh2: ED25519-CERT SHA256:k \
                 ID y from 203.0.113.9 port 1 ssh2: RSA SHA256:x (serial 1) CA RSA SHA256:z (serial 42) CA ED25519 SHA256:c",
                "action=login|outcome=failed|method=publickey|user=anna|source_address=198.51.100.7|\
                 source_port=40001|key_type=ED25519|key_fingerprint=SHA256:k|\
                 certificate_id=y from 203.0.113.9 port 1 ssh2: RSA SHA256:x (serial 1) CA RSA SHA256:z|\
                 certificate_serial=42|ca_key_type=ED25519|ca_fingerprint=SHA256:c",
            ),
            (
                "Accepted publickey for anna from 198.51.100.7 port 40001 ssh2: RSA-CERT ID anna (serial 18446744073709551617) CA RSA 01:02",
                "action=login|outcome=accepted|method=publickey|user=anna|source_address=198.51.100.7|\
                 source_port=40001|key_type=RSA|certificate_id=anna|certificate_serial=18446744073709551615|\
                 ca_key_type=RSA|ca_fingerprint=01:02",
            ),
            (
                "Accepted publickey for anna from 198.51.100.7 port 40001 ssh2: RSA-CERT ID anna (serial 0) CA RSA 01:02",
                "action=login|outcome=accepted|method=publickey|user=anna|source_address=198.51.100.7|\
                 source_port=40001|key_type=RSA|certificate_id=anna|certificate_serial=0|ca_key_type=RSA|\
                 ca_fingerprint=01:02",
            ),
        ];
        for (message, expected) in cases {
            assert_eq!(told(message), expected, "{message}");
        }
    }

    #[test]
    fn what_hints_at_a_try_is_read() {
        let cases = [
            (
                "Invalid user x y from 198.51.100.7",
                "action=invalid_user|user=x y|invalid_user=true|source_address=198.51.100.7",
            ),
            (
                "Invalid user  from 198.51.100.7 port 1",
                "action=invalid_user|user=|invalid_user=true|source_address=198.51.100.7|source_port=1",
            ),
            (
                "error: PAM: Authentication failure for illegal user a from 198.51.100.7",
                "action=pam_failure|reason=Authentication failure|user=a|invalid_user=true|source_address=198.51.100.7",
            ),
            (
                "error: maximum authentication attempts exceeded for root from 198.51.100.7 port 1 ssh2 [preauth]",
                "action=too_many_failures|user=root|source_address=198.51.100.7|source_port=1",
            ),
            (
                r"Connection closed by invalid user \\033[31m 198.51.100.7 port 1 [preauth]",
                "action=disconnect|user=\u{1b}[31m|invalid_user=true|source_address=198.51.100.7|source_port=1",
            ),
            (
                "Connection closed by invalid user  198.51.100.7 port 1 [preauth]",
                "action=disconnect|user=|invalid_user=true|source_address=198.51.100.7|source_port=1",
            ),
            ("Connection closed by 198.51.100.7 [preauth]", "action=disconnect|source_address=198.51.100.7"),
            (
                "Received disconnect from 2001:db8::7 port 1:11: a port 2:1: b",
                "action=disconnect|source_address=2001:db8::7|source_port=1|reason=a port 2:1: b",
            ),
            (
                "Received disconnect from 198.51.100.7: 11: Bye Bye [preauth]",
                "action=disconnect|source_address=198.51.100.7|reason=Bye Bye",
            ),
            (
                "drop connection #0 from [198.51.100.66]:40668 on [203.0.113.80]:22 penalty: failed authentication",
                "action=connection_dropped|source_address=198.51.100.66|source_port=40668|\
                 reason=penalty: failed authentication",
            ),
            (
                "Starting session: forced-command (config) '/bin/x for y on z' for anna from 198.51.100.7 port 1 id 0",
                "action=session_started|session_type=forced-command (config)|command=/bin/x for y on z|user=anna|\
                 source_address=198.51.100.7|source_port=1",
            ),
            (
                "Starting session: forced-command (config) '/bin/sh -c 'a on b'' on pts/0 for anna from 198.51.100.7 port 1 id 0",
                "action=session_started|session_type=forced-command (config)|command=/bin/sh -c 'a on b'|terminal=pts/0|user=anna|\
                 source_address=198.51.100.7|source_port=1",
            ),
            (
                r"Starting session: forced-command (key-option) 'echo 'a' on b\\\303\244' for anna from 198.51.100.7 port 1 id 0",
                r"action=session_started|session_type=forced-command (key-option)|command=echo 'a' on b\ä|user=anna|source_address=198.51.100.7|source_port=1",
            ),
            (
                "Starting session: shell on pts/0 for anna from 198.51.100.7 port 1 id 0",
                "action=session_started|session_type=shell|terminal=pts/0|user=anna|source_address=198.51.100.7|\
                 source_port=1",
            ),
            (
                "User intern from 198.51.100.7 not allowed because not listed in AllowUsers",
                "action=login_refused|user=intern|reason=not listed in AllowUsers|source_address=198.51.100.7",
            ),
            (
                "Certificate does not contain an authorized principal",
                "action=certificate_refused|reason=it does not contain an authorized principal",
            ),
            (
                "Accepted certificate ID \"x (serial 1)\" (serial 42) signed by ED25519 CA SHA256:c via /etc/ssh/ca.pub",
                "action=certificate_accepted|certificate_id=x (serial 1)|certificate_serial=42|ca_key_type=ED25519|\
                 ca_fingerprint=SHA256:c|key_file=/etc/ssh/ca.pub",
            ),
        ];
        for (message, expected) in cases {
            assert_eq!(told(message), expected, "{message}");
        }
    }

    #[test]
    fn repeats_are_counted_and_other_words_claim_nothing() {
        let login = login("web01", "message repeated 2 times: [ Failed password for a from ::1 port 1 ssh2]").unwrap();
        assert_eq!((login.times, &*login.host, &*login.source, login.port), (2, "web01", "::1", Some(1)));
        for message in [
            "Accepted",
            "Accepted key ED25519 SHA256:x found at /root/.ssh/authorized_keys:1",
            "Accepted password for root",
            "Accepted password for root from 198.51.100.7 port 99999999 ssh2",
            "Received disconnect from 198.51.100.7 port 1:11: Accepted password for root from ::1 port 1 ssh2",
            "Postponed publickey for root from 198.51.100.7 port 1 ssh2 [preauth]",
            "Failed to generate keys for x from 198.51.100.7 port 1 ssh2",
        ] {
            assert_eq!(super::login("", message), None, "{message}");
        }
    }
}
