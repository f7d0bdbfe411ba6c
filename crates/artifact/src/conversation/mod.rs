//! Conversations: what messengers and portals export, and text that somebody pasted.
//!
//! | form | recognised by | a message is told by |
//! |---|---|---|
//! | WhatsApp's and KakaoTalk's text | lines `DATE, TIME - NAME: TEXT`, `[DATE, TIME] NAME: TEXT` and the like | its line |
//! | Telegram's JSON, of a chat or an account | `"messages"` with `"from_id"`, or its first words | its id |
//! | LinkedIn's messages.csv | its first line | its line |
//! | pasted text, perhaps with names and times over what is said | nothing else; only where it is asked for | its line |
//!
//! All that one person says in one conversation is one artifact: the course that the false recruiters take (praise, an offer, another
//! channel, a file) is told step by step, each with the line or message that it stands in. Dates of text stand in the order of the
//! telephone's language and are not read.

mod course;
mod lines;
mod parse;
mod read;

use evidence::{Cutter, Format, Reader, TextCutter};
use memchr::memmem;

use crate::mail::Whole;

/// How many bytes are asked for at once.
const BLOCK: usize = 1 << 16;

/// A form in which conversations are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversation {
    /// WhatsApp's and KakaoTalk's text.
    Lines,
    /// Telegram's JSON.
    Telegram,
    /// LinkedIn's table.
    LinkedIn,
    /// Any text.
    Pasted,
}

impl Conversation {
    /// Those that are recognised by their content.
    pub const EXPORTS: [Self; 3] = [Self::Lines, Self::Telegram, Self::LinkedIn];
}

impl Format for Conversation {
    fn name(&self) -> &'static str {
        "conversation"
    }

    fn recognises(&self, head: &[u8], _name: &str) -> bool {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        match self {
            Self::Lines => lines::is_export(&String::from_utf8_lossy(head.get(..4096).unwrap_or(head))),
            Self::Telegram => {
                let has = |word: &str| memmem::find(head, word.as_bytes()).is_some();
                // The export of an account begins with a word of Telegram's.
                let about = head.trim_ascii_start().strip_prefix(b"{").unwrap_or_default().trim_ascii_start();
                let is_account = about.starts_with(b"\"about\"") && has("Telegram");
                head.trim_ascii_start().starts_with(b"{") && (is_account || has("\"messages\"") && has("\"from_id\""))
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
