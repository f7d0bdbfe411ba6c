//! Reads blocks of mail.

use std::sync::Arc;

use event::{Damage, Detector, Piece, Position, Time};
use evidence::{Block, Output, Reader};

use super::{
    Post,
    contacts::{self, Sent},
    cut,
    known::Known,
    lock,
    message::{Message, Within},
};
use crate::{Kind, Shower, patterns::Looker};

/// Reads mail for one thread.
pub(super) struct MailReader {
    post: Arc<Post>,
    known: &'static Known,
    is_mailbox: bool,
    shower: Shower,
    looker: Looker,
}

impl MailReader {
    pub(super) fn new(post: &Arc<Post>, is_mailbox: bool) -> Self {
        let looker = Looker::new(post.patterns.as_ref());
        Self { post: Arc::clone(post), known: Known::shipped(), is_mailbox, shower: Shower::default(), looker }
    }

    /// Takes the facts of one message and of what it holds, and shows them.
    fn message(
        &mut self,
        piece: &Arc<Piece>,
        (line, came, bytes): (u64, Option<Time>, &[u8]),
        detector: &mut dyn Detector,
        output: &mut Output,
    ) {
        let inside = contacts::inside(piece, line, self.is_mailbox);
        let within = Within { inside: &inside, line, came, known: self.known, organisation: &self.post.organisation };
        let Some(mut message) = Message::read(bytes, &within) else {
            let reason = "expected a header of a message, found none".to_owned();
            output.damages.push(Damage { position: Position::Line(line), records: 1, reason });
            return;
        };
        output.records += 1;
        self.contact(piece, line, &message);
        output.damages.extend(message.damages);
        output.notes.extend(message.notes);
        for (label, look) in message.looks {
            lock(&self.post.neighbours).add(&label, look, message.time);
        }
        for facts in &mut message.facts {
            let problem = self.looker.tell_held(facts);
            output.damages.extend(problem.map(|reason| Damage { position: Position::Line(line), records: 0, reason }));
            self.shower.show(piece, facts, detector, &mut output.seen);
        }
    }

    /// Remembers who wrote to whom.
    fn contact(&self, piece: &Arc<Piece>, line: u64, message: &Message) {
        let Some(time) = message.time else { return };
        let sent = Sent::new(time, piece, line, self.is_mailbox);
        lock(&self.post.contacts).add(&message.from, &message.recipients, &self.post.organisation, sent);
    }
}

impl Reader for MailReader {
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output) {
        output.damages.extend(block.damages.iter().cloned());
        let is_wanted = self.shower.wants(Kind::Mail, detector) | self.shower.wants(Kind::File, detector);
        let messages = if self.is_mailbox { cut::messages(&block.bytes) } else { vec![(0, block.bytes.as_slice())] };
        if !is_wanted {
            output.records += messages.len() as u64;
            return;
        }
        let (mut line, mut counted) = (block.line.max(1), 0);
        for (at, bytes) in messages {
            let passed = block.bytes.get(counted..at).unwrap_or_default();
            line += memchr::memchr_iter(b'\n', passed).count() as u64;
            counted = at;
            let first = block.bytes.get(at..).unwrap_or_default().split(|byte| *byte == b'\n').next();
            let came = first.filter(|_| self.is_mailbox).and_then(cut::came).or(block.modified);
            self.message(piece, (line, came, bytes), detector, output);
        }
    }
}
