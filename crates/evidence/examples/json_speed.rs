//! How fast JSON is read: `json_speed FILE`, one thread for cutting and reading, with a detector that
//! wants ten fields of Sysmon's and the Security log's events and looks at each.

use std::{env, error::Error, fs::File, sync::Arc, time::Instant};

use event::{Class, Detector, Encoding, Event, Interest, LogSource, Piece, Seen, TextGroup};
use evidence::{Format, Json, Output};

const FIELDS: [&str; 10] = [
    "EventID",
    "Image",
    "CommandLine",
    "ParentImage",
    "TargetObject",
    "Details",
    "SubjectUserName",
    "ProcessName",
    "DestinationIp",
    "TargetImage",
];

struct Toy {
    wanted: Arc<Interest>,
    rest: Arc<Interest>,
    events: u64,
    values: u64,
    bytes: usize,
}

impl Detector for Toy {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        let wanted = matches!(source.channel, "Security" | "security" | "Microsoft-Windows-Sysmon/Operational");
        Class(if wanted { source.event_id } else { u32::MAX })
    }

    fn interest(&self, class: Class) -> Arc<Interest> {
        Arc::clone(if class.0 == u32::MAX { &self.rest } else { &self.wanted })
    }

    fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
        true
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        self.events += 1;
        self.values += event.fields.len() as u64;
        self.bytes += event.fields.iter().map(|(_, value)| value.text().len()).sum::<usize>();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("usage: json_speed FILE")?;
    let piece = Arc::new(Piece { path: path.clone() });
    let fields = FIELDS.iter().map(|name| (*name).to_owned()).collect();
    let mut detector = Toy {
        wanted: Arc::new(Interest { wanted: true, fields, ..Interest::default() }),
        rest: Arc::default(),
        events: 0,
        values: 0,
        bytes: 0,
    };
    for round in 0..3 {
        let size = std::fs::metadata(&path)?.len() as f64;
        let mut input = File::open(&path)?;
        let (mut cutter, mut reader) = (Json.cutter(), Json.reader());
        let (mut output, mut cutting) = (Output::default(), 0.0);
        let begin = Instant::now();
        loop {
            let before = Instant::now();
            let Some(block) = cutter.cut(&mut input)? else { break };
            cutting += before.elapsed().as_secs_f64();
            reader.read(&piece, &block, &mut detector, &mut output);
        }
        let all = begin.elapsed().as_secs_f64();
        let (records, megabytes) = (output.records as f64, size / 1e6);
        println!(
            "round {round}: {records} records, {} damages; {:.0} MB/s, {:.0} records/s; cutting {:.0} MB/s, reading {:.0} MB/s",
            output.damages.len(),
            megabytes / all,
            records / all,
            megabytes / cutting,
            megabytes / (all - cutting),
        );
    }
    println!("{} events looked at, {} values, {} bytes", detector.events, detector.values, detector.bytes);
    Ok(())
}
