//! Formats of access logs that a configuration describes: nginx's `log_format`, Apache's `LogFormat`, the `pattern` of Tomcat's
//! AccessLogValve.

use std::sync::Arc;

use super::{
    access::{host_and_port, is_status, quoted},
    decode::Escape,
    entry::{Column, Entry},
    stamp::{self, Stamp},
};

/// What stands in one place of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Column(Column),
    Time(TimeForm),
    /// Something else, by the name that the configuration gives it.
    Other(String),
}

/// How a time is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TimeForm {
    /// In a way that its content tells.
    Known,
    /// As strftime(3) does.
    Format(String),
    /// Digits behind the decimal point of the second, which stand in a place of their own.
    Fraction,
}

/// A place in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    what: What,
    /// What stands behind it.
    until: String,
    /// Whether it stands in quotes.
    quoted: bool,
}

/// A format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    escape: Escape,
    before: String,
    places: Vec<Place>,
}

/// Formats of access logs that a configuration describes.
#[derive(Clone, Debug, Default)]
pub struct Layouts(pub(super) Arc<[Layout]>);

impl Layouts {
    /// Reads what stands in a configuration: nginx's `log_format name '…';` (over several lines if need be), Apache's
    /// `LogFormat "…" name`, Tomcat's `pattern="…"`; all else is passed over. If there is none of these, `text` is taken for a
    /// format itself.
    ///
    /// # Errors
    /// What is wrong with a format.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut formats = described(text);
        if formats.is_empty() {
            formats.push((Escape::Backslash, text.trim_matches(['\r', '\n']).to_owned()));
        }
        let layouts = formats.iter().map(|(escape, format)| Layout::parse(format, *escape));
        let layouts: Vec<Layout> = layouts.collect::<Result<_, _>>()?;
        Ok(Self(layouts.into()))
    }

    /// All formats of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0.iter().chain(other.0.iter()).cloned().collect())
    }
}

/// The formats that a configuration describes, without what is around them.
fn described(text: &str) -> Vec<(Escape, String)> {
    let mut formats = Vec::new();
    let mut rest = text;
    while let Some(line) = rest.split_inclusive('\n').next() {
        let mut end = line.len();
        let trimmed = line.trim_ascii();
        if trimmed.starts_with("log_format ") || trimmed.starts_with("log_format\t") {
            let (format, length) = strings(rest, Some(';'));
            end = end.max(length);
            formats.push((escape(rest.get(..length).unwrap_or_default()), format));
        } else if let Some(directive) = trimmed.strip_prefix("LogFormat ") {
            formats.push((Escape::Backslash, strings(directive.trim_ascii_start(), Some(' ')).0));
        } else if let Some((_, value)) = trimmed.split_once("pattern=").filter(|(before, _)| !before.contains('%')) {
            formats.push((Escape::Backslash, pattern(value).unwrap_or_default()));
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    formats.retain(|(_, format)| !format.is_empty());
    formats
}

/// What nginx is told to escape.
fn escape(statement: &str) -> Escape {
    let (before, _) = statement.split_once(['\'', '"']).unwrap_or((statement, ""));
    match before {
        before if before.contains("escape=none") => Escape::None,
        before if before.contains("escape=json") => Escape::Json,
        _ => Escape::Backslash,
    }
}

/// Puts together the quoted strings of a statement that ends with `end` outside of quotes; gives its length, too.
fn strings(text: &str, end: Option<char>) -> (String, usize) {
    let (mut found, mut quote, mut escaped) = (String::new(), None, false);
    for (at, character) in text.char_indices() {
        match quote {
            None if Some(character) == end => return (found, at + 1),
            None => quote = Some(character).filter(|character| matches!(character, '"' | '\'')),
            Some(_) if escaped => {
                escaped = false;
                match character {
                    't' => found.push('\t'),
                    'n' => found.push('\n'),
                    other => found.push(other),
                }
            }
            Some(_) if character == '\\' => escaped = true,
            Some(open) if open == character => quote = None,
            Some(_) => found.push(character),
        }
    }
    (found, text.len())
}

/// The value of an attribute in XML.
fn pattern(value: &str) -> Option<String> {
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (inside, _) = value.get(1..)?.split_once(quote)?;
    let plain = inside.replace("&quot;", "\"").replace("&apos;", "'").replace("&lt;", "<").replace("&gt;", ">");
    // Tomcat's names for formats that are recognised anyway, and W3C columns, which a header names.
    plain.contains('%').then(|| plain.replace("&amp;", "&"))
}

impl Layout {
    /// Reads a format in nginx's or Apache's words.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(format: &str, escape: Escape) -> Result<Self, String> {
        let mut layout = Self { escape, before: String::new(), places: Vec::new() };
        let mut rest = format;
        let is_nginx = !format.contains('%') && format.contains('$');
        while let Some(at) = rest.find(if is_nginx { '$' } else { '%' }) {
            let (before, behind) = rest.split_at(at);
            layout.literal(before);
            let behind = behind.get(1..).unwrap_or_default();
            rest = if is_nginx { layout.variable(behind) } else { layout.directive(behind) }.ok_or_else(|| {
                format!(
                    "expected the name of a field behind byte {} of the log format '{format}'",
                    format.len() - behind.len()
                )
            })?;
        }
        layout.literal(rest);
        layout.check(format)
    }

    fn check(self, format: &str) -> Result<Self, String> {
        if self.places.is_empty() {
            return Err(format!("expected a log format with fields ($remote_addr, %h), found '{format}'"));
        }
        let inner = self.places.split_last().map(|(_, inner)| inner).unwrap_or_default();
        if inner.iter().any(|place| place.until.is_empty()) {
            return Err(format!(
                "nothing stands between two fields of the log format '{format}', so they cannot be told apart"
            ));
        }
        Ok(self)
    }

    fn literal(&mut self, text: &str) {
        match self.places.last_mut() {
            Some(place) => place.until.push_str(text),
            None => self.before.push_str(text),
        }
    }

    fn place(&mut self, what: What) {
        let before = self.places.last().map_or(&self.before, |place| &place.until);
        let quoted = before.ends_with('"');
        self.places.push(Place { what, until: String::new(), quoted });
    }

    /// `$name` or `${name}`; gives what follows.
    fn variable<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let (name, rest) = match text.strip_prefix('{') {
            Some(inside) => inside.split_once('}')?,
            None => text.split_at(text.find(|character| !is_part(character)).unwrap_or(text.len())),
        };
        if name.is_empty() {
            return None;
        }
        self.place(variable(name).unwrap_or_else(|| What::Other(name.to_owned())));
        Some(rest)
    }

    /// `%>s`, `%{Referer}i`, `%!200,304{X}o`; gives what follows.
    fn directive<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        if let Some(rest) = text.strip_prefix('%') {
            self.literal("%");
            return Some(rest);
        }
        let flags = |character: char| matches!(character, '<' | '>' | '!' | ',') || character.is_ascii_digit();
        let plain = text.trim_start_matches(flags);
        let (argument, behind) = match plain.strip_prefix('{') {
            Some(inside) => inside.split_once('}')?,
            None => ("", plain),
        };
        // `%^FB`, `%{x}^ti`
        let length = if behind.starts_with('^') { 3 } else { 1 };
        let (letter, rest) = behind.split_at_checked(length)?;
        if letter == "t" && argument.is_empty() {
            self.literal("[");
            self.place(What::Time(TimeForm::Known));
            self.literal("]");
            return Some(rest);
        }
        let written = text.get(..text.len() - rest.len())?;
        self.place(directive(argument, letter).unwrap_or_else(|| What::Other(format!("%{written}"))));
        Some(rest)
    }

    /// Reads a line; false if it is of another format.
    pub(super) fn read<'a>(&'a self, line: &'a str, entry: &mut Entry<'a>) -> bool {
        let Some(found) = self.entry(line) else { return false };
        *entry = found;
        true
    }

    fn entry<'a>(&'a self, line: &'a str) -> Option<Entry<'a>> {
        let mut entry = Entry { escape: self.escape, ..Entry::default() };
        let mut times = Vec::new();
        let mut rest = line.strip_prefix(self.before.as_str())?;
        for (index, place) in self.places.iter().enumerate() {
            let (text, behind) = place.find(rest, index + 1 == self.places.len())?;
            rest = behind;
            match &place.what {
                What::Time(form) => times.push((form, text)),
                What::Column(column) => set(*column, text, place.quoted, &mut entry)?,
                What::Other(name) => entry.add(name, text),
            }
        }
        if !times.is_empty() {
            entry.stamp = Some(time(&times)?);
        }
        rest.is_empty().then_some(entry)
    }
}

impl Place {
    /// Its text in a line, and what stands behind what comes then.
    fn find<'a>(&self, rest: &'a str, is_last: bool) -> Option<(&'a str, &'a str)> {
        if self.until.is_empty() {
            return Some((rest, ""));
        }
        let fits = |behind: &str| if is_last { behind == self.until } else { behind.starts_with(&self.until) };
        let behind_quote = self.until.strip_prefix('"').filter(|_| self.quoted);
        if let Some(behind_quote) = behind_quote {
            let ends = |behind: &str| if is_last { behind == behind_quote } else { behind.starts_with(behind_quote) };
            let (text, behind) = quoted(rest, ends)?;
            return Some((text, behind.get(behind_quote.len()..)?));
        }
        // A time may hold what ends it, but a known number of times.
        let skip =
            if let What::Time(TimeForm::Format(format)) = &self.what { format.matches(&self.until).count() } else { 0 };
        let mut places = rest.match_indices(&self.until).map(|(at, _)| at).skip(skip);
        let at = places.find(|at| rest.get(*at..).is_some_and(fits))?;
        Some((rest.get(..at)?, rest.get(at + self.until.len()..)?))
    }
}

/// Sets a column; `None` if the text cannot be what the format says.
fn set<'a>(column: Column, text: &'a str, quoted: bool, entry: &mut Entry<'a>) -> Option<()> {
    match column {
        Column::Status if !is_status(text) => return None,
        Column::Host => {
            let (host, port) = host_and_port(text);
            entry.set_word(Column::Host, host);
            entry.set_word(Column::Port, port);
        }
        Column::Query => entry.set_word(Column::Query, text.strip_prefix('?').unwrap_or(text)),
        // What Tomcat writes of a request that it did not understand.
        Column::Method | Column::Version if text == "null" => {}
        Column::Agent | Column::Referer | Column::Cookie if quoted => entry.set(column, text),
        _ => entry.set_word(column, text),
    }
    Some(())
}

/// The moment that the places of a line tell together.
fn time(times: &[(&TimeForm, &str)]) -> Option<Stamp> {
    if let Some((_, text)) = times.iter().find(|(form, _)| **form == TimeForm::Known) {
        return stamp::any(text);
    }
    let (mut format, mut text, mut nanos) = (String::new(), String::new(), 0);
    for (form, part) in times {
        match form {
            TimeForm::Format(part_format) => {
                format.extend([part_format.as_str(), "\n"]);
                text.extend([part, "\n"]);
            }
            _ => nanos = format!("{part:0<9}").parse().ok().filter(|nanos| (0..1_000_000_000).contains(nanos))?,
        }
    }
    let broken = jiff::fmt::strtime::parse(&format, &text).ok()?;
    let (time, zoned) = match broken.to_timestamp() {
        Ok(time) => (time, true),
        Err(_) => (broken.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp(), false),
    };
    let time = event::Time::from_jiff(time)?.as_nanos().checked_add(nanos)?;
    Some(Stamp { time: event::Time::from_nanos(time), zoned })
}

/// What a variable of nginx is (ngx_http_core_module and others); `None` for one that no column stands for.
pub(super) fn variable(name: &str) -> Option<What> {
    let column = match name {
        "time_local" | "time_iso8601" | "msec" => return Some(What::Time(TimeForm::Known)),
        "remote_addr" => Column::Client,
        "remote_port" => Column::ClientPort,
        "remote_user" => Column::User,
        "host" | "http_host" | "server_name" => Column::Host,
        "server_port" => Column::Port,
        "server_addr" => Column::ServerAddress,
        "hostname" => Column::Computer,
        "request" => Column::Request,
        "request_method" => Column::Method,
        "request_uri" => Column::Uri,
        "uri" | "document_uri" => Column::Stem,
        "args" | "query_string" => Column::Query,
        "server_protocol" => Column::Version,
        "scheme" => Column::Scheme,
        "status" => Column::Status,
        "body_bytes_sent" | "bytes_sent" => Column::Bytes,
        "request_length" => Column::BytesReceived,
        "http_referer" => Column::Referer,
        "http_user_agent" => Column::Agent,
        "http_cookie" => Column::Cookie,
        "http_x_forwarded_for" | "proxy_add_x_forwarded_for" => Column::ForwardedFor,
        "content_type" | "http_content_type" => Column::ContentType,
        _ => return None,
    };
    Some(What::Column(column))
}

/// What a directive of Apache (mod_log_config) or Tomcat (AccessLogValve) is; `None` for one that no column stands for.
fn directive(argument: &str, letter: &str) -> Option<What> {
    let column = match (letter, argument) {
        ("h", "") | ("a", "" | "c") => Column::Client,
        ("A", "") => Column::ServerAddress,
        ("p", "remote") => Column::ClientPort,
        ("p", _) => Column::Port,
        ("u", "") => Column::User,
        ("v" | "V", "") => Column::Host,
        ("r", "") => Column::Request,
        ("m", "") => Column::Method,
        ("U", "") => Column::Stem,
        ("q", "") => Column::Query,
        ("H", "") => Column::Version,
        ("s", "") => Column::Status,
        ("b" | "B" | "O", "") => Column::Bytes,
        ("i", name) => header(name)?,
        ("t", form) => return Some(What::Time(time_form(form))),
        _ => return None,
    };
    Some(What::Column(column))
}

fn header(name: &str) -> Option<Column> {
    let names = [
        ("referer", Column::Referer),
        ("user-agent", Column::Agent),
        ("cookie", Column::Cookie),
        ("x-forwarded-for", Column::ForwardedFor),
        ("host", Column::Host),
        ("content-type", Column::ContentType),
    ];
    names.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, column)| column)
}

fn time_form(form: &str) -> TimeForm {
    let form = form.strip_prefix("begin:").or_else(|| form.strip_prefix("end:")).unwrap_or(form);
    match form {
        "" | "sec" | "msec" | "usec" => TimeForm::Known,
        "msec_frac" | "usec_frac" => TimeForm::Fraction,
        format => TimeForm::Format(format.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::entry::COLUMNS, *};

    fn told(format: &str, line: &str) -> Option<String> {
        let layouts = Layouts::parse(format).unwrap();
        let mut entry = Entry::default();
        layouts.0.iter().any(|layout| layout.read(line, &mut entry)).then(|| {
            let columns = COLUMNS.iter().filter_map(|(column, name)| Some(format!("{name}={}", entry.get(*column)?)));
            let others = entry.others.iter().map(|(name, text)| format!("{name}={text}"));
            let time = entry.stamp.map(|stamp| format!("{} {}", stamp.time, stamp.zoned));
            time.into_iter().chain(columns).chain(others).collect::<Vec<_>>().join("|")
        })
    }

    #[test]
    fn formats_are_read_in_every_servers_words() {
        let nginx = "http {\n  log_format main '$remote_addr [$time_local] \"$request\" '\n   '$status ${request_time}s \\'x';\n}\n";
        assert_eq!(
            told(nginx, r#"::1 [22/Nov/2026:05:34:28 +0000] "GET /"x" 200 0.1s 'x"#).as_deref(),
            Some("2026-11-22T05:34:28Z true|c-ip=::1|request=GET /\"x|sc-status=200|request_time=0.1")
        );
        let apache = r#"LogFormat "%h %t \"%r\" %>s %D%% \"%{User-agent}i\"" x"#;
        assert_eq!(
            told(apache, r#"::1 [22/Nov/2026:05:34:28 +0000] "a \"b" - 5% """#).as_deref(),
            Some("2026-11-22T05:34:28Z true|c-ip=::1|request=a \\\"b|cs-user-agent=|%D=5")
        );
        let tomcat = r#"<Valve x="y" pattern="%a %q %m &quot;%{User-Agent}i&quot;" />"#;
        assert_eq!(told(tomcat, r#"::1 ?a=b null "-""#).as_deref(), Some("c-ip=::1|cs-uri-query=a=b"));
        let parts = "%a %{%Y-%m-%d %T}t.%{msec_frac}t %{%z}t %s";
        assert_eq!(
            told(parts, "::1 2026-11-22 05:34:28.125 +0100 200").as_deref(),
            Some("2026-11-22T04:34:28.125Z true|c-ip=::1|sc-status=200")
        );
        assert_eq!(
            told("%a %{%d.%m.%Y %T}t|%s", "::1 22.11.2026 05:34:28|200").as_deref(),
            Some("2026-11-22T05:34:28Z false|c-ip=::1|sc-status=200")
        );
        let none = "log_format a escape=none\n'$remote_addr \"$request\"';";
        assert_eq!(told(none, r#"::1 "\x20""#).as_deref(), Some(r"c-ip=::1|request=\x20"));
        assert_eq!(Layouts::parse(none).unwrap().0.first().unwrap().escape, Escape::None);
        assert_eq!(told("$remote_addr|$status", "::1|2000"), None);
        assert_eq!(told("$remote_addr|$status", "::1"), None);
        assert_eq!(told("$msec $status x", "1795325668.353 200 xx"), None);
    }

    #[test]
    fn what_is_no_format_is_refused() {
        for format in ["", "combined", "$remote_addr$status", "%h%l", "$ x", "%{x", "%"] {
            assert!(Layouts::parse(format).is_err(), "{format}");
        }
        assert!(Layouts::parse("log_format a '$remote_addr';\nlog_format b '';\n").unwrap().0.len() == 1);
    }
}
