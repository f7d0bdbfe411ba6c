//! Reads blocks of mail.

use std::sync::Arc;

use event::{Damage, Detector, Piece, Position};
use evidence::{Block, Output, Reader};

use super::{
    cut,
    known::{Known, Organisation},
    message::{Message, Within},
};
use crate::{Kind, Shower};

/// Reads mail for one thread.
pub(super) struct MailReader {
    organisation: Arc<Organisation>,
    known: &'static Known,
    is_mailbox: bool,
    shower: Shower,
}

impl MailReader {
    pub(super) fn new(organisation: &Arc<Organisation>, is_mailbox: bool) -> Self {
        Self { organisation: Arc::clone(organisation), known: Known::shipped(), is_mailbox, shower: Shower::default() }
    }

    /// Takes the facts of one message and of what it holds, and shows them.
    fn message(
        &mut self,
        piece: &Arc<Piece>,
        (line, bytes): (u64, &[u8]),
        detector: &mut dyn Detector,
        output: &mut Output,
    ) {
        let inside = if self.is_mailbox { format!("{}#L{line}", piece.path) } else { piece.path.clone() };
        let within = Within { inside: &inside, line, known: self.known, organisation: &self.organisation };
        let Some(message) = Message::read(bytes, &within) else {
            let reason = "expected a header of a message, found none".to_owned();
            output.damages.push(Damage { position: Position::Line(line), records: 1, reason });
            return;
        };
        output.records += 1;
        output.damages.extend(message.damages);
        for facts in &message.facts {
            self.shower.show(piece, facts, detector, &mut output.seen);
        }
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
            self.message(piece, (line, bytes), detector, output);
        }
    }
}
