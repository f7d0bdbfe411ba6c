//! Logs of web servers and proxies.
//!
//! | shape | written by |
//! |---|---|
//! | `198.51.100.7 - anna [22/Nov/2026:05:34:28 +0000] "GET / HTTP/1.1" 200 15 "-" "curl/8.5.0" …` | Apache, nginx and Tomcat: common and combined, also with `host:port ` before it and more fields behind it |
//! | any that a `log_format`, `LogFormat` or `pattern` describes | the same, where the user gives it ([`Layouts`]) |
//! | `{"remote_addr":"198.51.100.7","request":"GET / HTTP/1.1","status":200,…}` | nginx with `escape=json` and variables' names as keys |
//! | `2026/11/22 05:34:28 [error] 12#12: *1 …, client: …, server: …` | nginx's error log |
//! | `[Sun Nov 22 05:34:36.318718 2026] [core:error] [pid 1:tid 2] [client 203.0.113.9:40732] AH00128: …` | Apache's error log; that of 2.2 has less |
//! | `22-Nov-2026 05:34:28.123 SEVERE [main] org.apache… …` | Tomcat's catalina and localhost logs; older ones in two lines, the way of java.util.logging |
//! | lines under `#Fields: date time c-ip …` | IIS, HTTP.sys, IIS's FTP, Tomcat, proxies: the W3C's Extended Log File Format ([`W3c`]) |
//!
//! Each line of the first six is read by its own shape, so they may stand in one file. Lines of no shape behind a line of an error
//! log go on with it (stack traces, what a script wrote to its standard error); elsewhere they are damage.
//!
//! The log source of a record is product `web`; channel `access`, `error` or `proxy`; and as provider the server, where its lines tell it:
//! `nginx`, `apache` or `tomcat` of error logs, `iis` of access logs. `taxonomy/web.yml` says what Sigma's log sources mean.
//! The host of a record is the virtual host, or for IIS the machine, where the log tells it.
//!
//! Times without a zone (all error logs) are taken for UTC; W3C logs are in UTC. This is told in a note.

mod access;
mod cut;
mod decode;
mod entry;
mod error;
mod json;
mod layout;
mod proxies;
mod read;
mod shape;
mod show;
mod stamp;
mod w3c;

pub use layout::Layouts;
pub use proxies::Proxies;

use crate::{Cutter, Format, Reader, cut::TextCutter};

/// Access and error logs, line by line.
#[derive(Clone, Debug, Default)]
pub struct Web {
    layouts: Layouts,
    proxies: Proxies,
}

impl Web {
    /// Reads logs of these formats, too.
    pub fn with(layouts: Layouts) -> Self {
        Self { layouts, ..Self::default() }
    }

    /// Looks behind these proxies.
    #[must_use]
    pub fn behind(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }
}

impl Format for Web {
    fn name(&self) -> &'static str {
        "web-log"
    }

    fn recognises(&self, head: &[u8], _name: &str) -> bool {
        shape::recognises(head, &self.layouts)
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::new(TextCutter::new(cut::WebBorders::new(self.layouts.clone())))
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(read::WebReader::new(self.layouts.clone(), self.proxies.clone()))
    }
}

/// Logs whose columns a line `#Fields:` names: the W3C's Extended Log File Format (WD-logfile-960323).
#[derive(Clone, Debug, Default)]
pub struct W3c {
    proxies: Proxies,
}

impl W3c {
    /// Looks behind these proxies.
    pub fn behind(proxies: Proxies) -> Self {
        Self { proxies }
    }
}

impl Format for W3c {
    fn name(&self) -> &'static str {
        "web-w3c"
    }

    fn recognises(&self, head: &[u8], _name: &str) -> bool {
        w3c::recognises(head)
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::<TextCutter<cut::W3cBorders>>::default()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(w3c::W3cReader::behind(self.proxies.clone()))
    }
}

#[cfg(test)]
mod tests;
