//! How fast lists are loaded, and how fast a file's raw bytes are ruled out: `intel_speed LIST FILE [utf16]`.

use std::{hint::black_box, path::Path, time::Instant};

use event::{Detector, Encoding, Nothing, RuleInfo, TextGroup};
use intel::{Indicated, Intel, Loader};

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
