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
mod contacts;
mod cut;
mod domains;
mod known;
mod links;
mod message;
mod opened;
mod page;
mod read;
mod sender;
mod text;
mod words;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event::{Damage, Detector, Piece, Position};
use evidence::{Cutter, Format, Output, Reader, TextCutter};

pub use known::Organisation;

use self::{
    contacts::{Contacts, Told},
    cut::{Dated, Mbox as MboxBorders},
    known::Known,
    read::MailReader,
};
pub(crate) use self::{
    cut::Whole,
    text::{MAX_TEXT, beginning},
};
use crate::{
    Patterns, Shower,
    file::{self, Neighbours},
};

/// A file that is one message.
#[derive(Clone, Debug, Default)]
pub struct Mail(Arc<Post>);

/// A file of messages, each behind a line that begins with `From ` (RFC 4155).
#[derive(Clone, Debug, Default)]
pub struct Mbox(Arc<Post>);

/// What all readers of mail share.
#[derive(Debug, Default)]
struct Post {
    organisation: Arc<Organisation>,
    patterns: Option<Arc<dyn Patterns>>,
    contacts: Mutex<Contacts>,
    /// Of programs that were attached.
    neighbours: Mutex<Neighbours>,
}

impl Post {
    /// Shows what all mail together tells.
    fn end(&self, detector: &mut dyn Detector) -> Vec<(Arc<Piece>, Output)> {
        let contacts = std::mem::take(&mut *lock(&self.contacts));
        let Told { firsts, left_out } = contacts.told();
        let mut shower = Shower::default();
        let shown = firsts.into_iter().map(|(piece, facts)| {
            let mut output = Output::default();
            shower.show(&piece, &facts, detector, &mut output.seen);
            (piece, output)
        });
        let mut outputs: Vec<_> = shown.filter(|(_, output)| *output != Output::default()).collect();
        outputs.extend(left_out.map(|(piece, reason)| {
            let damage = Damage { position: Position::Record(1), records: 0, reason };
            (piece, Output { damages: vec![damage], ..Output::default() })
        }));
        outputs.extend(std::mem::take(&mut *lock(&self.neighbours)).shown(detector));
        outputs
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Mail {
    /// Mail as the organisation knows it, and mailboxes beside it: who wrote first is looked for in both together. In what is attached patterns are
    /// looked for, if there are any.
    pub fn and_mailboxes(organisation: Arc<Organisation>, patterns: Option<Arc<dyn Patterns>>) -> (Self, Mbox) {
        let post = Arc::new(Post { organisation, patterns, ..Post::default() });
        (Self(Arc::clone(&post)), Mbox(post))
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
        // Of one that is too long the beginning is read.
        Box::<file::Whole>::default()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(MailReader::new(&self.0, false))
    }

    fn end(&self, detector: &mut dyn Detector) -> Vec<(Arc<Piece>, Output)> {
        self.0.end(detector)
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
        Box::new(Dated::new(TextCutter::<MboxBorders>::default()))
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
