//! Prints the facts of mails: `cargo run -p artifact --example facts -- FILE…`, as tab-separated file, kind, field, value.

use std::{io::Write, sync::Arc};

use artifact::{Mail, Mbox, Organisation};
use event::{Class, Detector, Encoding, Event, Interest, LogSource, Piece, Seen, TextGroup};
use evidence::{Format, Output};

/// Prints every fact that it is shown.
struct Printer;

impl Detector for Printer {
    fn class(&mut self, _: &LogSource<'_>) -> Class {
        Class(0)
    }

    fn interest(&self, _: Class) -> Arc<Interest> {
        Arc::new(Interest { wanted: true, ..Interest::default() })
    }

    fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
        false
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        let mut out = std::io::stdout().lock();
        event.record.visit(&mut |name, value| {
            let value = value.text().replace(|c: char| c.is_control(), " ");
            // Whoever reads less of it has read enough.
            let _ = writeln!(out, "{}\t{}\t{name}\t{value}", event.piece.path, event.record.source().channel);
        });
    }
}

fn main() -> std::io::Result<()> {
    let organisation = Arc::new(Organisation::default());
    let formats: [Box<dyn Format>; 2] =
        [Box::new(Mail::of(Arc::clone(&organisation))), Box::new(Mbox::of(organisation))];
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path)?;
        let Some(format) = formats.iter().find(|format| format.recognises(&bytes, &path)) else {
            println!("{path}\t-\tUnknown\t");
            continue;
        };
        let (mut cutter, mut reader, mut input) = (format.cutter(), format.reader(), bytes.as_slice());
        let piece = Arc::new(Piece { path });
        while let Some(block) = cutter.cut(&mut input)? {
            let mut output = Output::default();
            reader.read(&piece, &block, &mut Printer, &mut output);
            output.damages.iter().for_each(|damage| println!("{}\t-\tDamage\t{}", piece.path, damage.reason));
        }
    }
    Ok(())
}
