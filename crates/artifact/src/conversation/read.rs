//! Reads conversations: of each person what is said, with the messages it stands in.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use event::{Damage, Detector, Piece, Position, Time};
use evidence::{Block, Output, Reader};

use super::{
    Conversation,
    course::Course,
    lines,
    parse::{self, Message},
};
use crate::{Facts, Kind, Shower, mail};

/// Most messages of one person whose phrases are told.
const MAX_MESSAGES: usize = 100_000;
/// Most different phrases, links and firms of one person that are told.
const MAX_TOLD: usize = 500;

/// Reads conversations for one thread.
pub(super) struct ConversationReader {
    form: Conversation,
    shower: Shower,
}

impl ConversationReader {
    pub(super) fn new(form: Conversation) -> Self {
        Self { form, shower: Shower::default() }
    }

    fn messages(&self, text: &str) -> Result<Vec<Message>, String> {
        match self.form {
            Conversation::Lines => Ok(lines::export(text)),
            Conversation::Telegram => parse::telegram(text),
            Conversation::LinkedIn => parse::linkedin(text),
            Conversation::Pasted => Ok(lines::pasted(text)),
        }
    }
}

impl Reader for ConversationReader {
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output) {
        output.damages.extend(block.damages.iter().cloned());
        let text = String::from_utf8_lossy(&block.bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let messages = match self.messages(text) {
            Ok(messages) => messages,
            Err(reason) => {
                output.damages.push(Damage { position: Position::Line(1), records: 1, reason });
                return;
            }
        };
        output.records += messages.len() as u64;
        let mut persons: BTreeMap<(String, String), Vec<Message>> = BTreeMap::new();
        for message in messages {
            persons.entry((message.conversation.clone(), message.person.clone())).or_default().push(message);
        }
        for ((_, person), mut messages) in persons {
            if messages.len() > MAX_MESSAGES {
                let reason = format!("limit: more than {MAX_MESSAGES} messages of '{person}'");
                output.damages.push(Damage { position: Position::Line(1), records: 0, reason });
                messages.truncate(MAX_MESSAGES);
            }
            // LinkedIn has the newest first.
            messages.sort_by_key(|message| (message.time, message.number));
            let (facts, limit) = facts(&piece.path, &person, &messages);
            let position = Position::Line(messages.first().map_or(1, |message| message.number));
            output.damages.extend(limit.map(|reason| Damage { position, records: 0, reason }));
            self.shower.show(piece, &facts, detector, &mut output.seen);
        }
    }
}

/// What one person says in one conversation, and why something of it is not told.
fn facts(path: &str, person: &str, messages: &[Message]) -> (Facts, Option<String>) {
    let first = messages.first();
    let time = first.and_then(|message| message.time).or(Some(Time::from_nanos(0)));
    let position = Position::Line(first.map_or(1, |message| message.number));
    let mut facts = Facts::new(Kind::Conversation, position, time);
    facts.tell("Inside", path);
    facts.tell("Person", if person.is_empty() { "?" } else { person });
    facts.count("Messages", messages.len() as u64);
    let (mut told, mut limit, mut course) = (HashSet::new(), None, Course::default());
    for message in messages {
        facts.hold(message.text.as_bytes());
        facts.hold(b"\n");
        if message.text.len() > mail::MAX_TEXT {
            limit = Some(format!("limit: of a message only the first {} bytes were looked at", mail::MAX_TEXT));
        }
        let found = mail::of_text(&message.text);
        course.add(message, &found);
        for (field, value) in found {
            let one = (field, value);
            if told.contains(&one) {
                continue;
            }
            if told.len() < MAX_TOLD {
                facts.tell(one.0, one.1.clone());
                told.insert(one);
            } else {
                limit = Some(format!("limit: more than {MAX_TOLD} phrases and links of '{person}'"));
            }
        }
        if let Some(file) = &message.file {
            facts.tell("Attachment", file.as_str());
            if let Some(role) = mail::role_of_name(file) {
                facts.tell(role, file.as_str());
            }
        }
    }
    facts.tell("Course", course.told());
    (facts, limit)
}
