//! Lists of logins: a table for people, JSON, JSON lines and CSV for programs. Fields are called as in `docs/fields.md`.

mod fold;
mod table;

use std::{
    fmt,
    io::{self, Write},
    str::FromStr,
};

use event::{Attempt, End, Login, Outcome, Place, Request};
use serde::Serialize;

pub use self::table::LoginTable;
use crate::{
    Style, Summary, Zone, csv,
    json::{PlaceView, write_json},
    place_text,
};

/// Prints logins, one at a time in the order of time, and at the end what else there is to say.
pub trait LoginPrinter {
    /// Takes one try to log in.
    ///
    /// # Errors
    /// When the list, or the temporary file in which it waits, cannot be written.
    fn attempt(&mut self, attempt: &Attempt<Place>) -> io::Result<()>;

    /// Ends the list; to be called once.
    ///
    /// # Errors
    /// As for [`LoginPrinter::attempt`].
    fn end(&mut self, summary: &Summary) -> io::Result<()>;
}

/// A form of such a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoginFormat {
    /// A table for people, with failures that are alike on one line.
    Text,
    /// A JSON object a line, one for each try.
    Jsonl,
    /// One JSON object: every try, and what was read and what was not.
    Json,
    /// A row a try.
    Csv,
}

impl LoginFormat {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Text, Self::Jsonl, Self::Json, Self::Csv];

    /// The format's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Jsonl => "jsonl",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }

    /// Whether a list in this format tells what was read, beside the logins.
    pub const fn has_summary(self) -> bool {
        matches!(self, Self::Text | Self::Json)
    }

    /// A printer of this format that writes to `out`. It makes the temporary file it may need now.
    ///
    /// # Errors
    /// When there is no place for temporary files; only with [`LoginFormat::Text`].
    pub fn printer<'a>(self, out: &'a mut (dyn Write + Send), style: Style) -> io::Result<Box<dyn LoginPrinter + 'a>> {
        Ok(match self {
            Self::Text => Box::new(LoginTable::new(out, style)?),
            Self::Jsonl => Box::new(LoginJsonl { out, zone: style.zone, line: Vec::new() }),
            Self::Json => Box::new(LoginJson { out, zone: style.zone, begun: false, line: Vec::new() }),
            Self::Csv => Box::new(LoginCsv { out, zone: style.zone, begun: false }),
        })
    }
}

impl fmt::Display for LoginFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for LoginFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|format| format.as_str() == text);
        known.ok_or_else(|| format!("'{text}' is not a format of logins; use text, jsonl, json or csv"))
    }
}

/// A try to log in, in the order of its columns.
#[derive(Serialize)]
struct View<'a> {
    time: String,
    outcome: &'a str,
    times: u64,
    user: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    domain: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    invalid_user: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    by_user: &'a str,
    host: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    source_address: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    source_host: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_port: Option<u16>,
    #[serde(skip_serializing_if = "str::is_empty")]
    terminal: &'a str,
    service: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    method: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    factors: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    package: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_fingerprint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_serial: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_key_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_fingerprint: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    session: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    end_reason: &'a str,
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requests: Vec<String>,
    evidence: PlaceView<'a>,
}

/// What is said of a session that was not followed to its end.
const FORGOTTEN: &str = "not followed: too many sessions were open at once";

impl<'a> View<'a> {
    fn of(attempt: &'a Attempt<Place>, zone: &Zone) -> Self {
        let login = &attempt.login;
        let (key, certificate) = (login.key.as_ref(), login.certificate.as_ref());
        let (end, end_reason) = match &attempt.end {
            End::NotTold => (None, ""),
            End::Forgotten => (None, FORGOTTEN),
            End::Told(end, reason) => (Some(*end), reason.as_str()),
        };
        Self {
            time: zone.rfc3339(attempt.time),
            outcome: login.outcome.as_str(),
            times: login.times,
            user: &login.user,
            domain: &login.domain,
            invalid_user: login.is_unknown,
            by_user: &login.by_user,
            host: &login.host,
            source_address: &login.source,
            source_host: &login.source_host,
            source_port: login.port,
            terminal: &login.terminal,
            service: &login.service,
            method: &login.method,
            factors: &attempt.factors,
            package: &login.package,
            reason: &login.reason,
            key_type: key.map(|key| &*key.kind),
            key_fingerprint: key.map(|key| &*key.fingerprint),
            certificate_id: certificate.map(|certificate| &*certificate.id),
            certificate_serial: certificate.map(|certificate| certificate.serial),
            ca_key_type: certificate.map(|certificate| &*certificate.authority_kind),
            ca_fingerprint: certificate.map(|certificate| &*certificate.authority),
            session: &login.session,
            end: end.map(|end| zone.rfc3339(end)),
            end_reason,
            duration: end.map(|end| nanos_between(attempt, end) as f64 / 1e9),
            requests: requests(attempt),
            evidence: PlaceView::of(&attempt.place),
        }
    }
}

fn nanos_between(attempt: &Attempt<Place>, end: event::Time) -> i64 {
    end.as_nanos().saturating_sub(attempt.time.as_nanos())
}

/// What was asked for in the session, each in a few words.
fn requests(attempt: &Attempt<Place>) -> Vec<String> {
    let words = |request: &Request<'_>| match (&*request.kind, &*request.what) {
        (kind, "") => kind.to_owned(),
        (kind, what) => format!("{kind}: {what}"),
    };
    let mut list: Vec<String> = attempt.requests.iter().map(words).collect();
    if attempt.more_requests > 0 {
        list.push(format!("{} more", attempt.more_requests));
    }
    list
}

/// Prints a JSON object a line, one for each try; the summary is no part of it.
pub struct LoginJsonl<'a> {
    out: &'a mut (dyn Write + Send),
    zone: Zone,
    line: Vec<u8>,
}

impl LoginPrinter for LoginJsonl<'_> {
    fn attempt(&mut self, attempt: &Attempt<Place>) -> io::Result<()> {
        self.line.clear();
        write_json(&View::of(attempt, &self.zone), &mut self.line)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }

    fn end(&mut self, _: &Summary) -> io::Result<()> {
        self.out.flush()
    }
}

/// Prints one JSON object with all tries, a line each, and the summary.
pub struct LoginJson<'a> {
    out: &'a mut (dyn Write + Send),
    zone: Zone,
    begun: bool,
    line: Vec<u8>,
}

impl LoginPrinter for LoginJson<'_> {
    fn attempt(&mut self, attempt: &Attempt<Place>) -> io::Result<()> {
        let begun = std::mem::replace(&mut self.begun, true);
        self.line.clear();
        self.line.extend_from_slice(if begun { b",\n" } else { b"{\"logins\":[\n" });
        write_json(&View::of(attempt, &self.zone), &mut self.line)?;
        self.out.write_all(&self.line)
    }

    fn end(&mut self, summary: &Summary) -> io::Result<()> {
        self.out.write_all(if self.begun { b"\n],\"summary\":\n" } else { b"{\"logins\":[],\"summary\":\n" })?;
        summary.to_json(&self.zone, self.out)?;
        self.out.write_all(b"\n}\n")?;
        self.out.flush()
    }
}

/// The first row.
const HEADER: &str = "time,outcome,times,user,domain,invalid_user,by_user,host,source_address,source_host,source_port,terminal,\
                      service,method,factors,package,reason,key_type,key_fingerprint,certificate_id,certificate_serial,\
                      ca_key_type,ca_fingerprint,session,end,end_reason,duration,requests,evidence\r\n";

/// Prints a table, a row a try, with the same promises as [`crate::Csv`].
pub struct LoginCsv<'a> {
    out: &'a mut (dyn Write + Send),
    zone: Zone,
    begun: bool,
}

impl LoginCsv<'_> {
    fn begin(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) { Ok(()) } else { self.out.write_all(HEADER.as_bytes()) }
    }
}

impl LoginPrinter for LoginCsv<'_> {
    fn attempt(&mut self, attempt: &Attempt<Place>) -> io::Result<()> {
        self.begin()?;
        let view = View::of(attempt, &self.zone);
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let cells: [&str; 29] = [
            &view.time,
            view.outcome,
            &view.times.to_string(),
            view.user,
            view.domain,
            if view.invalid_user { "true" } else { "" },
            view.by_user,
            view.host,
            view.source_address,
            view.source_host,
            &number(view.source_port.map(u64::from)),
            view.terminal,
            view.service,
            view.method,
            &view.factors.join(" "),
            view.package,
            view.reason,
            view.key_type.unwrap_or_default(),
            view.key_fingerprint.unwrap_or_default(),
            view.certificate_id.unwrap_or_default(),
            &number(view.certificate_serial),
            view.ca_key_type.unwrap_or_default(),
            view.ca_fingerprint.unwrap_or_default(),
            view.session,
            view.end.as_deref().unwrap_or_default(),
            view.end_reason,
            &view.duration.map(|seconds| seconds.to_string()).unwrap_or_default(),
            &view.requests.join(" | "),
            &place_text(&attempt.place),
        ];
        let mut row = String::new();
        cells.iter().for_each(|text| csv::push_cell(text, &mut row));
        row.pop();
        row.push_str("\r\n");
        self.out.write_all(row.as_bytes())
    }

    fn end(&mut self, _: &Summary) -> io::Result<()> {
        self.begin()?;
        self.out.flush()
    }
}

/// The account, with its domain if that is not the machine itself.
fn account(login: &Login<'_>) -> String {
    let (machine, user) = (login.host.split('.').next().unwrap_or_default(), &login.user);
    match &*login.domain {
        "" => user.to_string(),
        domain if domain.eq_ignore_ascii_case(machine) => user.to_string(),
        domain => format!("{domain}\\{user}"),
    }
}

/// Whether nobody sits before it: what machines do by themselves all day.
fn is_automatic(login: &Login<'_>) -> bool {
    let methods = ["network", "network_cleartext", "batch", "service", "system", "explicit_credentials"];
    login.service == "windows" && login.outcome != Outcome::Failed && methods.contains(&&*login.method)
}
