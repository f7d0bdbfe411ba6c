//! Windows events as XML, one document after another or within `<Events>`.
//!
//! Written so by `wevtutil qe /f:xml` (one event after another, with or without a root), by the Event Viewer
//! and `ToXml()`, and by evtx_dump (documents with a line `Record 12` before each). What an event looks like: schema
//! <http://schemas.microsoft.com/win/2004/08/events/event>, "Event Schema" on learn.microsoft.com.
//!
//! A record begins with an `Event` tag, of any namespace prefix, that names the schema or has `System` as its first
//! child; it ends with the last `</Event>` before the next record. Fields are named as in `docs/fields.md`; what
//! stands beside `System`, `EventData` and `UserData` (what Windows rendered for the reader: `RenderingInfo`) is no
//! field. Values are text as written, without trimming; an element without text is null, as it is in JSON. Of
//! entities only XML's own five and character references are resolved; others stay as written.
//!
//! Events of Sysmon for Linux (provider `Linux-Sysmon`) have the same form and are of product `linux`.

mod cut;
mod read;

pub(crate) use read::XmlReader;

use crate::{Cutter, Format, Reader};

/// Windows events as XML.
#[derive(Clone, Copy, Debug, Default)]
pub struct Xml;

impl Format for Xml {
    fn name(&self) -> &'static str {
        "xml"
    }

    fn recognises(&self, head: &[u8], _name: &str) -> bool {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        let Some(first) = cut::next_record(head, 0) else { return false };
        // Lines before the first event may be anything, such as a comment or the rest of another event.
        head.starts_with(b"<")
            || head.starts_with(b"Record ")
            || head.get(..first).is_some_and(|before| before.ends_with(b"\n"))
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::<cut::XmlCutter>::default()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::<read::XmlReader>::default()
    }
}

#[cfg(test)]
mod tests;
