//! Mail: messages as files (`.eml`, Maildir) and mailboxes (mbox), with what is attached to them.
//!
//! ```text
//! bytes ──mail-parser──▶ message ─┬─ headers ──▶ sender, authentication
//!                                 ├─ text, page ──▶ words, links, tricks
//!                                 ├─ parts ──▶ files (facts of their own, same `Inside`)
//!                                 └─ messages within ──▶ mails (facts of their own, same `Inside`)
//! ```
//!
//! RFC 5322, RFC 2045 to 2049, RFC 4155 (mbox). Nothing is fetched; addresses in links are only looked at.

mod attached;
mod authentication;
mod brands;
mod cut;
mod domains;
mod known;
mod links;
mod message;
mod page;
mod read;
mod sender;
mod text;
mod words;

use std::sync::Arc;

use evidence::{Cutter, Format, Reader, TextCutter};

pub use known::Organisation;

pub(crate) use self::cut::Whole;
use self::{cut::Mbox as MboxBorders, known::Known, read::MailReader};

/// How many bytes of a mail are asked for at once.
const BLOCK: usize = 1 << 16;

/// A file that is one message.
#[derive(Clone, Debug, Default)]
pub struct Mail(Arc<Organisation>);

/// A file of messages, each behind a line that begins with `From ` (RFC 4155).
#[derive(Clone, Debug, Default)]
pub struct Mbox(Arc<Organisation>);

impl Mail {
    /// Mail as the organisation knows it.
    pub const fn of(organisation: Arc<Organisation>) -> Self {
        Self(organisation)
    }
}

impl Mbox {
    /// Mail as the organisation knows it.
    pub const fn of(organisation: Arc<Organisation>) -> Self {
        Self(organisation)
    }
}

impl Format for Mail {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn recognises(&self, head: &[u8], _name: &str) -> bool {
        cut::is_message(head)
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::new(TextCutter::<Whole>::of(BLOCK))
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(MailReader::new(&self.0, false))
    }
}

impl Format for Mbox {
    fn name(&self) -> &'static str {
        "mbox"
    }

    fn recognises(&self, head: &[u8], _name: &str) -> bool {
        cut::is_mailbox(head)
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::new(TextCutter::<MboxBorders>::default())
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(MailReader::new(&self.0, true))
    }
}

/// What is told of a text by itself: phrases by topic, employers named, links.
pub(crate) fn of_text(text: &str) -> Vec<(&'static str, String)> {
    let known = Known::shipped();
    let text = text::beginning(text, text::MAX_TEXT);
    let normalised = text::normalised(text);
    let mut facts = Vec::new();
    for topic in known.topics.touched(&normalised) {
        facts.extend(topic.phrases.iter().map(|phrase| ("Wording", format!("{}: {phrase}", topic.name))));
    }
    let employers = known.brands.named(&normalised).into_iter().filter(|brand| brand.employer && !brand.word);
    facts.extend(employers.map(|brand| ("EmployerInText", brand.name().to_owned())));
    let links: Vec<_> = links::in_text(text).into_iter().map(|address| (address, String::new())).collect();
    facts.extend(links::facts(&links, "", known, &Organisation::default()));
    facts
}

/// The field that a file of this name is told in by what it is for.
pub(crate) fn role_of_name(name: &str) -> Option<&'static str> {
    attached::role(name, "")
}

#[cfg(test)]
mod tests;
