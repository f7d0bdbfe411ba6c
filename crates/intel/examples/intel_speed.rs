//! How fast lists are loaded, and how fast a file's raw bytes are ruled out: `intel_speed LIST FILE [utf16]`.

use std::{hint::black_box, path::Path, time::Instant};

use event::{Class, Detector, Encoding, Event, Interest, LogSource, RuleInfo, Seen, TextGroup};
use intel::{Indicated, Intel, Loader};

/// Wants nothing.
struct Nothing;

impl Detector for Nothing {
    fn class(&mut self, _: &LogSource<'_>) -> Class {
        Class(0)
    }

    fn interest(&self, _: Class) -> std::sync::Arc<Interest> {
        std::sync::Arc::default()
    }

    fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
        true
    }

    fn look(&mut self, _: &Event<'_>, _: &mut Seen) {}
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let list = arguments.next().unwrap_or_default();
    let file = std::fs::read(arguments.next().unwrap_or_default())?;
    let encoding = if arguments.next().is_some() { Encoding::Utf16Le } else { Encoding::RawText };
    let start = Instant::now();
    let mut loader = Loader::default();
    loader.add_path(Path::new(&list));
    let loaded = loader.finish();
    println!("{:?} to load, {} refused", start.elapsed(), loaded.refused.len());
    let start = Instant::now();
    let intel = Intel::new(loaded.indicators);
    println!("{:?} to make the filter of {}", start.elapsed(), intel.indicators().len());
    let all = |_: &RuleInfo| true;
    let mut detector = Indicated::new(Nothing, &intel, &all);
    for _ in 0..3 {
        let (start, mut hits) = (Instant::now(), Vec::new());
        for block in file.chunks(1 << 16) {
            detector.text_hits(TextGroup(0), block, encoding, &mut hits);
        }
        let seconds = start.elapsed().as_secs_f64();
        println!("{:.2} GB/s, {} hits", file.len() as f64 / seconds / 1e9, black_box(hits).len());
    }
    Ok(())
}
