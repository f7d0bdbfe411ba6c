//! How fast event logs are read: `evtx_speed [--nothing|--all] FILE…` reads them one after another on one core,
//! with a detector that asks for ten fields of Sysmon's and Security's records and for nothing of the others
//! (of no record; of every record), and prints what it took.

use std::{env, fs::File, io, sync::Arc, time::Instant};

use event::{Class, Detector, Encoding, Event, Interest, LogSource, Piece, Seen, TextGroup};
use evidence::{Evtx, Format, Output};

const FIELDS: [&str; 10] = [
    "Image",
    "CommandLine",
    "ParentImage",
    "ParentCommandLine",
    "TargetFilename",
    "ImageLoaded",
    "TargetObject",
    "User",
    "SubjectUserName",
    "ObjectName",
];

struct Toy {
    interests: [Arc<Interest>; 2],
    mode: Mode,
    looks: u64,
    bytes: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Nothing,
    Some,
    All,
}

impl Detector for Toy {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        let chosen = matches!(source.channel, "Security" | "Microsoft-Windows-Sysmon/Operational");
        Class(u32::from(self.mode == Mode::All || (self.mode == Mode::Some && chosen)))
    }

    fn interest(&self, class: Class) -> Arc<Interest> {
        let [nothing, fields] = &self.interests;
        Arc::clone(if class.0 == 0 { nothing } else { fields })
    }

    fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
        false
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        self.looks += 1;
        for (_, value) in event.fields {
            if let event::Value::Utf16(text) = value {
                self.bytes += text.len() as u64;
            }
        }
    }
}

fn main() -> io::Result<()> {
    let mut paths: Vec<String> = env::args().skip(1).collect();
    let mode = match paths.first().map(String::as_str) {
        Some("--nothing") => Mode::Nothing,
        Some("--all") => Mode::All,
        _ => Mode::Some,
    };
    paths.retain(|path| !path.starts_with("--"));
    let fields = Interest { wanted: true, fields: FIELDS.map(String::from).to_vec(), ..Interest::default() };
    let interests = [Arc::default(), Arc::new(fields)];
    let mut toy = Toy { interests, mode, looks: 0, bytes: 0 };
    let mut reader = Evtx.reader();
    let (start, mut total, mut size) = (Instant::now(), Output::default(), 0);
    for path in paths {
        let piece = Arc::new(Piece { path: path.clone() });
        let (mut cutter, mut file) = (Evtx.cutter(), File::open(&path)?);
        let (file_start, before, looks) = (Instant::now(), total.records, toy.looks);
        while let Some(block) = cutter.cut(&mut file)? {
            size += block.bytes.len();
            reader.read(&piece, &block, &mut toy, &mut total);
        }
        let seconds = file_start.elapsed().as_secs_f64();
        let records = total.records - before;
        println!("{:9.0} records/s {records:8} {:8} {path}", records as f64 / seconds, toy.looks - looks);
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} records, {} looked at ({} bytes of text), {} damages, {} notes, {} runs in {seconds:.3} s: {:.0} records/s, {:.0} MB/s",
        total.records,
        toy.looks,
        toy.bytes,
        total.damages.len(),
        total.notes.len(),
        total.runs.len(),
        total.records as f64 / seconds,
        size as f64 / seconds / 1e6
    );
    Ok(())
}
