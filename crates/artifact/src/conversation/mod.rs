//! Conversations: what messengers and portals export, and text that somebody pasted.
//!
//! | form | recognised by | a message is told by |
//! |---|---|---|
//! | WhatsApp's text (Android, iPhone) | lines `DATE, TIME - NAME: TEXT` or `[DATE, TIME] NAME: TEXT` | its line |
//! | Telegram's JSON | `"messages"` with `"from_id"` | its id |
//! | LinkedIn's messages.csv | its first line | its line |
//! | pasted text | nothing else; only where it is asked for | its line |
//!
//! All that one person says in one conversation is one artifact: the course that the false recruiters take (praise, an offer, another
//! channel, a file) is told by phrases with the messages that they stand in. Dates of WhatsApp stand in the order of the telephone's
//! language and are not read.

mod parse;
mod read;

use evidence::{Cutter, Format, Reader, TextCutter};

use crate::mail::Whole;

/// How many bytes are asked for at once.
const BLOCK: usize = 1 << 16;

/// A form in which conversations are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversation {
    /// WhatsApp's text.
    WhatsApp,
    /// Telegram's JSON.
    Telegram,
    /// LinkedIn's table.
    LinkedIn,
    /// Any text.
    Pasted,
}

impl Conversation {
    /// Those that are recognised by their content.
    pub const EXPORTS: [Self; 3] = [Self::WhatsApp, Self::Telegram, Self::LinkedIn];
}

impl Format for Conversation {
    fn name(&self) -> &'static str {
        "conversation"
    }

    fn recognises(&self, head: &[u8], _name: &str) -> bool {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        match self {
            Self::WhatsApp => parse::is_whatsapp(&String::from_utf8_lossy(head.get(..4096).unwrap_or(head))),
            Self::Telegram => {
                let has = |word: &str| memchr::memmem::find(head, word.as_bytes()).is_some();
                head.trim_ascii_start().starts_with(b"{") && has("\"messages\"") && has("\"from_id\"")
            }
            Self::LinkedIn => head.starts_with(b"CONVERSATION ID,") || head.starts_with(b"\"CONVERSATION ID\","),
            Self::Pasted => {
                !head.is_empty()
                    && std::str::from_utf8(head)
                        .map_or_else(|error| error.error_len().is_none(), |text| !text.contains('\0'))
            }
        }
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::new(TextCutter::<Whole>::of(BLOCK))
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(read::ConversationReader::new(*self))
    }
}

#[cfg(test)]
mod tests;
