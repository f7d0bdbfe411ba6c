//! Reads blocks of access and error logs.

use std::{ops::Range, sync::Arc};

use event::{Detector, Piece};

use super::{
    entry::{Entry, Source},
    error::take_in,
    layout::Layouts,
    proxies::Proxies,
    shape::{Shapes, without_end},
    show::{Pass, Shower},
};
use crate::{Block, Output, Reader, json::pass::decode};

/// How many lines may go on with a record.
const MAX_MORE: usize = 1000;

const NO_SHAPE: &str = "expected a line of an access log or an error log, found another line";
const NO_TIME: &str = "lines without a time were read as part of the line before them";

/// Reads blocks.
pub(super) struct WebReader {
    shapes: Arc<Shapes>,
    shower: Shower,
}

/// A record with which further lines may go on.
struct Open<'a> {
    entry: Entry<'a>,
    first: Range<usize>,
    end: usize,
    more: usize,
}

impl WebReader {
    pub(super) fn new(layouts: Layouts, proxies: Proxies) -> Self {
        Self { shapes: Arc::new(Shapes::new(layouts)), shower: Shower::behind(proxies) }
    }

    fn close<'a>(
        &mut self,
        open: Option<Open<'a>>,
        pass: &mut Pass<'a>,
        detector: &mut dyn Detector,
        output: &mut Output,
    ) {
        let Some(Open { mut entry, first, end, more }) = open else { return };
        if more > 0 {
            let record = pass.text.get(first.start..end).unwrap_or_default().trim_ascii_end();
            take_in(&mut entry, record, pass.text.get(first.clone()).unwrap_or_default());
        }
        self.shower.show(pass, &mut entry, first.start..end, detector, output);
    }
}

impl Reader for WebReader {
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output) {
        output.damages.extend(block.damages.iter().cloned());
        let text = decode(&block.bytes, block.line, &mut output.notes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let shapes = Arc::clone(&self.shapes);
        let mut pass = Pass::new(piece, text, block);
        let (mut open, mut joined, mut start): (Option<Open<'_>>, bool, usize) = (None, false, 0);
        let mut entry = Entry::default();
        while start < text.len() {
            let rest = text.as_bytes().get(start..).unwrap_or_default();
            let end = memchr::memchr(b'\n', rest).map_or(text.len(), |at| start + at + 1);
            let line = without_end(text.get(start..end).unwrap_or_default());
            if shapes.may_be_access(line)
                && self.shower.passes(&mut pass, (line, start..end), &mut entry, detector, output)
            {
                self.close(open.take(), &mut pass, detector, output);
                start = end;
                continue;
            }
            entry.clear();
            if shapes.read(line, &mut entry) {
                self.close(open.take(), &mut pass, detector, output);
                if entry.source.is_error() {
                    let entry = std::mem::take(&mut entry);
                    open = Some(Open { entry, first: start..start + line.len(), end, more: 0 });
                } else {
                    self.shower.show(&mut pass, &mut entry, start..end, detector, output);
                }
            } else if !line.trim_ascii().is_empty() {
                match open.as_mut().filter(|open| open.more < MAX_MORE) {
                    Some(open) => {
                        open.more += 1;
                        open.end = end;
                        joined |= open.entry.source != Source::TomcatError;
                    }
                    None => pass.damages.push(&pass.lines, start, NO_SHAPE),
                }
            }
            start = end;
        }
        self.close(open, &mut pass, detector, output);
        if joined {
            output.notes.push(NO_TIME.to_owned());
        }
        pass.finish(output);
    }
}
