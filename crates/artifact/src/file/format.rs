//! Single files as evidence.

use std::{
    io::{self, Read},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use event::{Damage, Detector, Piece, Position, Time};
use evidence::{About, Block, Cutter, Format, Output, Reader};

use super::{
    Class, Neighbours, RANDOM, Type,
    disk::{self, Image},
    entropy::hundredths,
    iso,
    label::Label,
};
use crate::{Facts, Kind, Patterns, Shower, patterns::Looker, tree::Project};

/// The name of the format.
pub const NAME: &str = "file";

/// So many bytes of a file are looked at.
const LIMIT: u64 = 64 << 20;

/// Archives within an image that are named.
const NOTES: usize = 16;

/// Files that no reader of logs takes: each is one record. A scan of its own for each value.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// All that readers have seen.
    neighbours: Arc<Mutex<Neighbours>>,
    patterns: Option<Arc<dyn Patterns>>,
    project: Project,
}

impl Files {
    /// Files in which patterns are looked for, if there are any.
    pub fn matching(patterns: Option<Arc<dyn Patterns>>) -> Self {
        Self { patterns, ..Self::default() }
    }

    /// The same, told together with the settings of `project`.
    pub fn within(self, project: Project) -> Self {
        Self { project, ..self }
    }
}

impl Format for Files {
    fn name(&self) -> &'static str {
        NAME
    }

    fn recognises(&self, head: &[u8], name: &str) -> bool {
        match Type::of(head, name) {
            // Part of a document whose parts stand in an unusual order, so that it was opened as any archive.
            Type::Xml => name.ends_with(".rels"),
            Type::Text | Type::Image | Type::Compressed | Type::Tar | Type::Zip | Type::Package => false,
            // Payloads beside a program are enciphered; what is not cannot be told from any other data.
            Type::Data => head.len() >= 1024 && hundredths(head) >= RANDOM,
            _ => true,
        }
    }

    /// Of any file, name and hashes may be known from an attack.
    fn takes_unknown(&self) -> bool {
        true
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::<Whole>::default()
    }

    fn reader(&self) -> Box<dyn Reader> {
        let (neighbours, looker) = (Arc::clone(&self.neighbours), Looker::new(self.patterns.as_ref()));
        Box::new(FileReader { shower: Shower::default(), neighbours, looker, project: self.project.clone() })
    }

    fn is_wanted(&self, detector: &mut dyn Detector) -> bool {
        Shower::default().wants(Kind::File, detector)
    }

    fn end(&self, detector: &mut dyn Detector) -> Vec<(Arc<Piece>, Output)> {
        std::mem::take(&mut *lock(&self.neighbours)).shown(detector)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cuts nothing: a file is one block, up to the limit.
#[derive(Default)]
pub(crate) struct Whole {
    name: Option<Arc<str>>,
    modified: Option<Time>,
    cut: bool,
}

impl Cutter for Whole {
    fn begin(&mut self, about: About<'_>) {
        self.name = Some(about.name.into());
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
        Ok(Some(Block { bytes, damages, modified: self.modified, name: self.name.take(), ..Block::default() }))
    }
}

struct FileReader {
    shower: Shower,
    neighbours: Arc<Mutex<Neighbours>>,
    looker: Looker,
    project: Project,
}

impl Reader for FileReader {
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output) {
        output.records = 1;
        let mut label = Label::of(&piece.path);
        // What was compressed has the name that it had before.
        label.name = block.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(label.name);
        let kind = Type::of(&block.bytes, label.name);
        // What is opened has members of its own in the evidence.
        if kind.class() == Class::Archive && !matches!(kind, Type::Iso | Type::DiskImage | Type::SevenZip) {
            output.notes.push(format!("this is a {} archive, whose members were not looked at", kind.name()));
        }
        self.show(
            piece,
            &Shown { number: 1, label, time: block.modified, is_hidden: false },
            &block.bytes,
            detector,
            output,
        );
        match kind {
            Type::Iso => {
                let (members, damages) = iso::members(&block.bytes);
                self.image(piece, block, Image { members, damages, notes: Vec::new() }, detector, output);
            }
            Type::DiskImage => self.image(piece, block, disk::image(&block.bytes), detector, output),
            _ => {}
        }
    }
}

/// What is known of a file beside its bytes.
struct Shown<'a> {
    /// Its number within the piece: 1 is the piece itself.
    number: u64,
    label: Label<'a>,
    time: Option<Time>,
    is_hidden: bool,
}

impl FileReader {
    /// Shows one file.
    fn show(
        &mut self,
        piece: &Arc<Piece>,
        shown: &Shown<'_>,
        bytes: &[u8],
        detector: &mut dyn Detector,
        output: &mut Output,
    ) {
        let position = Position::Record(shown.number);
        let mut facts = Facts::new(Kind::File, position, Some(shown.time.unwrap_or(Time::from_nanos(0))));
        facts.tell("Inside", shown.label.inside);
        facts.tell("Path", shown.label.path);
        facts.tell("Hidden", if shown.is_hidden { "true" } else { "" });
        let mut look = super::facts(shown.label.name, bytes, &mut facts);
        super::hashes(bytes, &mut |field| self.shower.asks(Kind::File, field, detector), &mut facts);
        look.damages.extend(self.looker.tell(shown.label.whole, shown.label.name, bytes, &mut facts));
        output.damages.extend(look.damages.drain(..).map(|reason| Damage { position, records: 0, reason }));
        let kind = Type::of(bytes, shown.label.name);
        self.project.add_file(shown.label.whole, kind, &facts, bytes);
        lock(&self.neighbours).add(shown.label.whole, look, shown.time);
        self.shower.show_with(piece, &facts, bytes, detector, &mut output.seen);
    }

    /// Shows the files of an image.
    fn image(
        &mut self,
        piece: &Arc<Piece>,
        block: &Block,
        Image { members, damages, notes }: Image<'_>,
        detector: &mut dyn Detector,
        output: &mut Output,
    ) {
        let damage = |reason| Damage { position: Position::Record(1), records: 0, reason };
        output.damages.extend(damages.into_iter().map(damage));
        output.notes.extend(notes);
        if members.len() >= iso::MEMBERS {
            let reason = format!("limit: {} files of the image were looked at, and no more", iso::MEMBERS);
            output.damages.push(damage(reason));
        }
        // Files that share their bytes cost no more than the image has.
        let mut left = 2 * block.bytes.len();
        for (number, member) in (2..).zip(&members) {
            let Some(rest) = left.checked_sub(member.bytes.len()) else {
                return output
                    .damages
                    .push(damage("limit: the files of the image are more than it has bytes".to_owned()));
            };
            left = rest;
            let kind = Type::of(&member.bytes, "");
            if kind.class() == Class::Archive && output.notes.len() < NOTES {
                let (path, kind) = (&member.path, kind.name());
                output
                    .notes
                    .push(format!("'{path}' in the image is an archive ({kind}), whose members were not looked at"));
            }
            let path = format!("{}!/{}", piece.path, member.path);
            let label = Label::of(&path);
            output.records += 1;
            self.show(
                piece,
                &Shown { number, label, time: block.modified, is_hidden: member.is_hidden },
                &member.bytes,
                detector,
                output,
            );
        }
    }
}
