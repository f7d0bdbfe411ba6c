//! Single files as evidence.

use std::{
    io::{self, Read},
    sync::Arc,
};

use event::{Damage, Detector, Piece, Position, Time};
use evidence::{About, Block, Cutter, Format, Output, Reader};

use super::{Class, Type, entropy::hundredths, label::Label};
use crate::{Facts, Kind, Shower};

/// The name of the format.
pub const NAME: &str = "file";

/// So many bytes of a file are looked at.
const LIMIT: u64 = 64 << 20;

/// Bytes whose entropy is at least this (in hundredths of a bit) are compressed or enciphered.
const RANDOM: u64 = 740;

/// Files that no reader of logs takes: each is one record.
#[derive(Clone, Debug, Default)]
pub struct Files;

impl Format for Files {
    fn name(&self) -> &'static str {
        NAME
    }

    fn recognises(&self, head: &[u8], name: &str) -> bool {
        match Type::of(head, name) {
            Type::Text | Type::Xml | Type::Image | Type::Compressed | Type::Tar | Type::Zip | Type::Package => false,
            // Payloads beside a program are enciphered; what is not cannot be told from any other data.
            Type::Data => head.len() >= 1024 && hundredths(head) >= RANDOM,
            _ => true,
        }
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::<Whole>::default()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::<FileReader>::default()
    }
}

/// Cuts nothing: a file is one block, up to the limit.
#[derive(Default)]
struct Whole {
    modified: Option<Time>,
    cut: bool,
}

impl Cutter for Whole {
    fn begin(&mut self, about: About<'_>) {
        self.modified = about.modified;
    }

    fn cut(&mut self, input: &mut dyn Read) -> io::Result<Option<Block>> {
        if std::mem::replace(&mut self.cut, true) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        input.take(LIMIT).read_to_end(&mut bytes)?;
        let more = bytes.len() as u64 == LIMIT && input.read(&mut [0])? > 0;
        let damages = Vec::from_iter(more.then(|| Damage {
            position: Position::Offset(LIMIT),
            records: 0,
            reason: format!(
                "limit: expected a file of at most {LIMIT} bytes, found more; what is behind was not looked at"
            ),
        }));
        Ok(Some(Block { bytes, damages, modified: self.modified, ..Block::default() }))
    }
}

#[derive(Default)]
struct FileReader {
    shower: Shower,
}

impl Reader for FileReader {
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output) {
        output.records = 1;
        let label = Label::of(&piece.path);
        let kind = Type::of(&block.bytes, label.name);
        if kind.class() == Class::Archive {
            output.notes.push(format!("this is a {} archive, whose members were not looked at", kind.name()));
        }
        if !self.shower.wants(Kind::File, detector) {
            return;
        }
        let mut facts =
            Facts::new(Kind::File, Position::Record(1), Some(block.modified.unwrap_or(Time::from_nanos(0))));
        facts.tell("Inside", label.inside);
        facts.tell("Path", label.path);
        super::facts(label.name, &block.bytes, &mut facts);
        self.shower.show(piece, &facts, detector, &mut output.seen);
    }
}
