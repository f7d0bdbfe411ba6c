//! What tests of readers share.

use std::sync::Arc;

use event::{Class, Detector, Encoding, Event, Interest, LogSource, Piece, Seen, TextGroup};

use crate::{Block, Format, Output, cut::Borders};

/// Keeps every record it is shown as one line: source, position, time, and all fields.
#[derive(Default)]
pub(crate) struct Keeper {
    pub(crate) shown: Vec<String>,
    /// Whether a record was told to hold the word `needle`.
    pub(crate) text: Vec<bool>,
}

impl Detector for Keeper {
    fn class(&mut self, _: &LogSource<'_>) -> Class {
        Class(0)
    }

    fn interest(&self, _: Class) -> Arc<Interest> {
        let fields = ["message", "command", "user", "_UID"].map(str::to_owned).to_vec();
        Arc::new(Interest { wanted: true, fields, text: Some(TextGroup(0)), ..Interest::default() })
    }

    fn text_hits(&mut self, _: TextGroup, raw: &[u8], _: Encoding, hits: &mut Vec<usize>) -> bool {
        hits.extend(memchr::memmem::find_iter(raw, b"needle"));
        true
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        let source = event.record.source();
        let time = event.time.map(|time| time.to_string()).unwrap_or_default();
        let mut line = format!("{}/{} {} {time}", source.channel, source.provider, event.record.position());
        let mut all = Vec::new();
        event.record.visit(&mut |name, value| all.push((name.to_owned(), value.text().into_owned())));
        for (name, value) in &all {
            line.push_str(&format!(" {name}={value}"));
        }
        let interest = self.interest(Class(0));
        for (slot, value) in event.fields {
            let name = &interest.fields[usize::from(*slot)];
            assert!(all.contains(&(name.clone(), value.text().into_owned())), "{name} is no field of {line}");
        }
        self.shown.push(line);
        self.text.push(event.text);
    }
}

/// Reads some bytes as a format.
pub(crate) fn read(format: &dyn Format, path: &str, bytes: &[u8]) -> (Keeper, Output) {
    let (mut cutter, mut input, mut blocks) = (format.cutter(), bytes, Vec::new());
    while let Some(block) = cutter.cut(&mut input).unwrap() {
        blocks.push(block);
    }
    read_blocks(format, path, &blocks)
}

/// Reads blocks.
pub(crate) fn read_blocks(format: &dyn Format, path: &str, blocks: &[Block]) -> (Keeper, Output) {
    let (mut reader, mut keeper, mut output) = (format.reader(), Keeper::default(), Output::default());
    let piece = Arc::new(Piece { path: path.to_owned() });
    blocks.iter().for_each(|block| reader.read(&piece, block, &mut keeper, &mut output));
    (keeper, output)
}

/// As many blocks as borders allow.
pub(crate) fn smallest_blocks<B: Borders>(bytes: &[u8]) -> Vec<Block> {
    let (mut borders, mut rest, mut blocks) = (B::default(), bytes, Vec::new());
    while !rest.is_empty() {
        let end = borders.first(rest, true).unwrap_or(rest.len());
        let (block, behind) = rest.split_at(end);
        let offset = (bytes.len() - rest.len()) as u64;
        let line = 1 + memchr::memchr_iter(b'\n', &bytes[..offset as usize]).count() as u64;
        blocks.push(Block { offset, line, bytes: block.to_vec(), ..Block::default() });
        borders.passed(end);
        rest = behind;
    }
    blocks
}
