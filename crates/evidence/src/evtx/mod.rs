//! Windows event logs (EVTX, since Windows Vista).
//!
//! ```text
//! file header, 4 KiB │ chunk, 64 KiB │ chunk │ …          a chunk stands for itself: its names and
//!                      └ header, records, slack             template definitions are all within it
//! ```
//!
//! A record is binary XML ([MS-EVEN6] 2.2.12): nearly always one template instance, which is a reference to a
//! template definition, the same for thousands of records, and the values to fill into it. Reading is fast
//! because of that: a definition is read once ([`template`]); where it has the fields that a detector wants is
//! worked out once for each class of records ([`plan`]); and of a record only the table of its values is read
//! and the wanted ones are handed out as they lie in the chunk ([`reader`]). What is too irregular for a plan,
//! and whatever is asked for as a whole, is decoded to a tree ([`tree`]), which is right for every shape; that
//! both give the same is held by tests.
//!
//! Damage costs as little as possible: of a file whose header is gone the chunks are read all the same; a record that cannot be read costs that record; behind a broken record
//! header the next whole record is searched for; in a chunk without a header whatever is whole is taken; and
//! old records in the space that a chunk's live ones leave free are taken if they are whole and their
//! templates are still there. They are no part of [`crate::Output::runs`], since what is missing between them
//! was not lost from the log but written over.
//!
//! Layout of files and chunks: Microsoft publishes none; as described by Joachim Metz, "Windows XML Event Log
//! (EVTX) format" (libevtx documentation). Binary XML: <https://learn.microsoft.com/openspecs/windows_protocols/ms-even6>.

mod binxml;
#[cfg(test)]
mod build;
mod cutter;
mod fields;
mod plan;
mod reader;
mod record;
mod template;
#[cfg(test)]
mod tests;
mod tree;
mod value;
mod walk;
mod xml;

pub use record::{RecordXml, records_xml, show};

use crate::{Cutter, Format, Reader};

const FILE_SIGNATURE: &[u8] = b"ElfFile\0";
/// Size of the file header.
const FILE_HEADER: usize = 4096;

/// Windows event logs, as files or as carved pieces that begin with a chunk.
///
/// A reader serves one detector: it remembers the classes that the detector gave.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evtx;

impl Format for Evtx {
    fn name(&self) -> &'static str {
        "evtx"
    }

    fn recognises(&self, head: &[u8], _name: &str) -> bool {
        walk::first_chunk(head).is_some()
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::new(cutter::EvtxCutter::default())
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(reader::EvtxReader::default())
    }
}
