//! One record of a web server's log, taken apart.

use event::LogSource;

use super::{
    decode::{Coding, Escape, Scratch, Text},
    stamp::Stamp,
};

/// What kind of log a record stands in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Source {
    /// Requests to a server that does not name itself.
    #[default]
    Access,
    Iis,
    Proxy,
    NginxError,
    ApacheError,
    TomcatError,
}

impl Source {
    /// See `taxonomy/web.yml`.
    pub(super) const fn log_source(self) -> LogSource<'static> {
        let (channel, provider) = match self {
            Self::Access => ("access", ""),
            Self::Iis => ("access", "iis"),
            Self::Proxy => ("proxy", ""),
            Self::NginxError => ("error", "nginx"),
            Self::ApacheError => ("error", "apache"),
            Self::TomcatError => ("error", "tomcat"),
        };
        LogSource { product: "web", channel, provider, event_id: 0 }
    }

    pub(super) const fn is_error(self) -> bool {
        matches!(self, Self::NginxError | Self::ApacheError | Self::TomcatError)
    }
}

/// What is known of a request, whatever log tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Client,
    ClientPort,
    User,
    Host,
    Port,
    ServerAddress,
    Request,
    Method,
    Uri,
    Stem,
    Query,
    Version,
    Status,
    Bytes,
    BytesReceived,
    Referer,
    Agent,
    Cookie,
    ForwardedFor,
    TimeTaken,
    ContentType,
    Computer,
    Site,
    Scheme,
    Extension,
    Proxy,
}

/// All of them, with the names that their fields have (`docs/fields.md`).
pub(super) const COLUMNS: [(Column, &str); 26] = [
    (Column::Client, "c-ip"),
    (Column::ClientPort, "c-port"),
    (Column::User, "cs-username"),
    (Column::Host, "cs-host"),
    (Column::Port, "s-port"),
    (Column::ServerAddress, "s-ip"),
    (Column::Request, "request"),
    (Column::Method, "cs-method"),
    (Column::Uri, "cs-uri"),
    (Column::Stem, "cs-uri-stem"),
    (Column::Query, "cs-uri-query"),
    (Column::Version, "cs-version"),
    (Column::Status, "sc-status"),
    (Column::Bytes, "sc-bytes"),
    (Column::BytesReceived, "cs-bytes"),
    (Column::Referer, "cs-referer"),
    (Column::Agent, "cs-user-agent"),
    (Column::Cookie, "cs-cookie"),
    (Column::ForwardedFor, "x-forwarded-for"),
    (Column::TimeTaken, "time-taken"),
    (Column::ContentType, "cs-content-type"),
    (Column::Computer, "s-computername"),
    (Column::Site, "s-sitename"),
    (Column::Scheme, "cs-uri-scheme"),
    (Column::Extension, "cs-uri-extension"),
    (Column::Proxy, "proxy-ip"),
];

/// A record.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry<'a> {
    pub(super) source: Source,
    pub(super) stamp: Option<Stamp>,
    pub(super) escape: Escape,
    /// By [`Column`], as the log has them.
    pub(super) columns: [Option<&'a str>; COLUMNS.len()],
    /// What no column stands for, by name.
    pub(super) others: Vec<(&'a str, &'a str)>,
    /// Of a line of an access log what stands behind its time: the request and the answer. Empty for other lines.
    pub(super) tail: &'a str,
}

impl<'a> Entry<'a> {
    /// Makes it a record of which nothing is known; its memory is kept.
    pub(super) fn clear(&mut self) {
        let others = std::mem::take(&mut self.others);
        *self = Self { others, ..Self::default() };
        self.others.clear();
    }

    pub(super) fn get(&self, column: Column) -> Option<&'a str> {
        self.columns.get(column as usize).copied().flatten()
    }

    /// Whether a log has written nothing here.
    pub(super) fn is_absent(text: &str) -> bool {
        text == "-"
    }

    /// Sets what the log says, unless it has said so before or says that there is nothing.
    pub(super) fn set(&mut self, column: Column, text: &'a str) {
        if let Some(known) = self.columns.get_mut(column as usize)
            && known.is_none()
            && !Self::is_absent(text)
        {
            *known = Some(text);
        }
    }

    /// Sets what is known better than the log says.
    pub(super) fn replace(&mut self, column: Column, text: &'a str) {
        if let Some(known) = self.columns.get_mut(column as usize) {
            *known = Some(text);
        }
    }

    /// Sets what cannot be empty.
    pub(super) fn set_word(&mut self, column: Column, text: &'a str) {
        if !text.is_empty() {
            self.set(column, text);
        }
    }

    pub(super) fn add(&mut self, name: &'a str, text: &'a str) {
        if !text.is_empty() && !Self::is_absent(text) {
            self.others.push((name, text));
        }
    }

    /// Takes the request line and the target apart.
    pub(super) fn complete(&mut self) {
        if let Some((method, target, version)) = self.get(Column::Request).and_then(request_line) {
            self.set_word(Column::Method, method);
            self.set_word(Column::Uri, target);
            self.set_word(Column::Version, version);
        }
        let Some(uri) = self.get(Column::Uri) else { return };
        let (whole, query) = uri.split_once('?').map_or((uri, None), |(stem, query)| (stem, Some(query)));
        let (host, stem) = without_host(whole);
        self.set_word(Column::Host, host);
        // What the client asked for, not what the server made of it.
        for (column, text) in [(Column::Stem, Some(stem)), (Column::Query, query.filter(|query| !query.is_empty()))] {
            if let Some(known) = self.columns.get_mut(column as usize) {
                *known = text;
            }
        }
    }

    /// Hands the values of a column to `give`: first what was sent, then what that means.
    pub(super) fn values(&self, column: Column, scratch: &mut Scratch, give: &mut impl FnMut(Text<'a>)) {
        let written = |scratch: &mut Scratch| self.get(column).map(|text| scratch.unescaped(text, self.escape));
        match column {
            Column::Uri => self.uri(scratch, give),
            Column::Query => {
                self.both(written(scratch), Coding::Form, scratch, give);
                self.uri(scratch, give);
            }
            Column::Stem => self.both(written(scratch), Coding::Percent, scratch, give),
            Column::Referer => self.both(written(scratch), Coding::Uri, scratch, give),
            Column::Extension => {
                if let Some(text) = self.extension() {
                    give(scratch.unescaped(text, self.escape));
                }
            }
            _ => {
                let Some(text) = written(scratch) else { return };
                give(text);
                let may_have_blanks = matches!(column, Column::Agent | Column::Cookie | Column::User);
                if let Some(spaced) = if self.writes_plus() && may_have_blanks { scratch.spaced(text) } else { None } {
                    give(spaced);
                }
            }
        }
    }

    fn writes_plus(&self) -> bool {
        self.escape == Escape::Plus
    }

    fn both(&self, text: Option<Text<'a>>, coding: Coding, scratch: &mut Scratch, give: &mut impl FnMut(Text<'a>)) {
        let Some(text) = text else { return };
        give(text);
        let coding = if self.writes_plus() { Coding::Form } else { coding };
        if let Some(decoded) = scratch.decoded(text, coding) {
            give(decoded);
        }
    }

    /// What the client asked for, whole.
    fn uri(&self, scratch: &mut Scratch, give: &mut impl FnMut(Text<'a>)) {
        let text = match (self.get(Column::Uri), self.get(Column::Stem)) {
            (Some(uri), _) => Some(scratch.unescaped(uri, self.escape)),
            (None, Some(stem)) => Some(self.composed(stem, scratch)),
            (None, None) => None,
        };
        self.both(text, Coding::Uri, scratch, give);
    }

    /// Puts together what a log has in several columns.
    fn composed(&self, stem: &'a str, scratch: &mut Scratch) -> Text<'a> {
        let query = self.get(Column::Query).unwrap_or_default();
        let mark = if query.is_empty() || query.starts_with('?') { "" } else { "?" };
        let scheme = self.get(Column::Scheme).filter(|_| self.source == Source::Proxy);
        let (Some(scheme), Some(host)) = (scheme, self.get(Column::Host)) else {
            if query.is_empty() {
                return scratch.unescaped(stem, self.escape);
            }
            let written = [stem, mark, query].concat();
            let text = scratch.unescaped(&written, self.escape).get(scratch).to_owned();
            return scratch.join(&[&text]);
        };
        scratch.join(&[scheme, "://", host, stem, mark, query])
    }

    /// What stands behind the last point of the path.
    fn extension(&self) -> Option<&'a str> {
        let told = self.get(Column::Extension);
        told.or_else(|| {
            let file = self.get(Column::Stem)?.rsplit('/').next()?;
            file.rsplit_once('.').map(|(_, extension)| extension).filter(|extension| !extension.is_empty())
        })
    }
}

/// Method, target and version of a request line (RFC 9112, section 3); `None` if it is none. What is missing is empty.
fn request_line(line: &str) -> Option<(&str, &str, &str)> {
    let (method, rest) = line.split_once(' ')?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if method.is_empty() || !method.bytes().all(is_token) {
        return None;
    }
    // Tomcat writes `null` for a version that it did not understand.
    match rest.rsplit_once(' ') {
        Some((target, version)) if version.starts_with("HTTP/") => Some((method, target, version)),
        Some((target, "null" | "")) => Some((method, target, "")),
        _ => rest.starts_with('/').then_some((method, rest, "")),
    }
}

/// Splits the host from a target that has one: `http://www.example.com/a`.
fn without_host(target: &str) -> (&str, &str) {
    let scheme = ["http://", "https://"].iter().find_map(|scheme| {
        let head = target.get(..scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(scheme.len())
    });
    let Some(rest) = scheme.and_then(|length| target.get(length..)) else { return ("", target) };
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}
