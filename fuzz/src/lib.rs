//! What the fuzz targets have in common: evidence read as `evidence::scan` reads it, three times, with what must hold of
//! each.
//!
//! 1. A detector that wants everything but names no field looks at every record as a whole. It learns the names of the
//!    fields, and the slow judge says which rules each record satisfies.
//! 2. A detector that asks for all these fields is shown what the whole record holds: fast path = general path.
//! 3. Sigma's detector finds what the judge said, though it is shown only what the rules ask for.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::{self, Read},
    sync::Arc,
};

use event::{
    At, Attempt, Class, Detector, Encoding, Event, Interest, LogSource, Piece, Seen, Sessions, Step, TextGroup, Value,
    Values,
};
use evidence::{Block, Format, Output};
use sigma::{Loaded, Placeholders, Rule, Taxonomy, plain::Judge};

/// Rules about what fuzzed records are likely to have. The words are such as can be ruled out over raw bytes (three plain
/// characters in a row) and no more than a vectorised search takes: else none would be.
const RULES: &str = r#"
title: words
id: words
logsource: {product: windows}
detection:
  words: [kiwi, 'one two', 'code<kit', '\temp', 'say"hello', 'down /s']
  condition: words
---
title: word
id: word
logsource: {product: windows}
detection:
  words: mimikatz
  condition: words
---
title: fields
id: fields
logsource: {product: windows}
detection:
  image: {Image|endswith: ['.exe', '\cmd.exe']}
  line: {CommandLine|contains: [' ', kiwi]}
  id: {EventID: [1, 4624, 4688]}
  late: {EventID|gte: 4000}
  data: {Data|re: '\w{3}'}
  none: {Image: null}
  channel: {Channel|contains: sec}
  provider: {Provider_Name: Microsoft-Windows-Sysmon}
  condition: [image, line, id and not data, late or data, none, channel and not 1 of d*, provider]
---
title: created
id: created
logsource: {product: windows, category: process_creation}
detection:
  image: {Image|exists: true}
  user: {User|fieldref|startswith: Image}
  condition: image or not user
---
title: Linux and web
id: linux
logsource: {product: linux}
detection:
  words: [kiwi, 'one two', 'Failed']
  user: {user: [root, anna], outcome: failed}
  message: {message|contains: [session, user]}
  none: {action: null}
  condition: words or user or message or none
---
title: web
id: web
logsource: {product: web}
detection:
  words: [kiwi, '%2e', 'curl']
  query: {cs-uri-query|contains: ['..', cmd]}
  status: {sc-status: [200, 404]}
  none: {cs-method: null}
  condition: words or query or status or none
---
title: nothing there
id: absent
logsource: {product: windows, service: security}
detection:
  a: {TargetUserName|exists: false}
  b: {IpAddress|cidr: ['10.0.0.0/8', '::/3']}
  c: {SystemTime|hour|gte: 1}
  condition: a or b or not c
"#;

/// The log sources of these rules, without the many that the judge would have to go through for every record.
const TAXONOMY: &str = "
product: windows
services:
  security: {channels: [Security]}
categories:
  process_creation:
    - {channels: [Microsoft-Windows-Sysmon/Operational], event_ids: [1]}
    - {channels: [Security], event_ids: [4688], fields: {Image: NewProcessName, User: SubjectUserName}}
---
product: linux
services:
  syslog: {channels: [syslog]}
---
product: web
services:
  access: {channels: [access]}
";

/// The fixed rules, loaded once for all inputs.
pub struct Known {
    rules: Vec<Rule>,
    compiled: sigma::Rules,
    taxonomy: Taxonomy,
    judge: Judge,
}

impl Known {
    /// Loads them.
    pub fn new() -> Self {
        let mut loaded = Loaded::default();
        loaded.add_text("fixed.yml", RULES, &Placeholders::default());
        assert_eq!(loaded.refused, []);
        let mut taxonomy = Taxonomy::default();
        taxonomy.add(TAXONOMY).expect("the taxonomy is sound");
        let rules = loaded.rules.clone();
        let compiled = loaded.compile(&taxonomy);
        let source = LogSource { product: "windows", channel: "Security", provider: "", event_id: 7 };
        let mut detector = compiled.detector();
        let class = detector.class(&source);
        let words = detector.interest(class).text.expect("rules ask for words");
        let rules_out = |encoding| detector.text_hits(words, b"", encoding, &mut Vec::new());
        assert!([Encoding::Utf8, Encoding::Utf16Le].map(rules_out) == [true; 2], "the words can be ruled out");
        Self { compiled, rules, taxonomy, judge: Judge::default() }
    }
}

impl Default for Known {
    fn default() -> Self {
        Self::new()
    }
}

/// Gives a few bytes at a time, as files and decoders may.
struct Chopped<'d>(&'d [u8], usize);

impl Read for Chopped<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let (now, rest) = self.0.split_at(self.0.len().min(self.1).min(out.len()));
        out[..now.len()].copy_from_slice(now);
        self.0 = rest;
        Ok(now.len())
    }
}

/// The blocks of an input; what lies between them or behind them must be told of as damage.
pub fn blocks(format: &dyn Format, data: &[u8], step: usize) -> Vec<Block> {
    let (mut cutter, mut input) = (format.cutter(), Chopped(data, step.max(1)));
    let mut blocks = Vec::new();
    while let Some(block) = cutter.cut(&mut input).expect("an input in memory can be read") {
        blocks.push(block);
        assert!(blocks.len() <= data.len() + 2, "blocks without end");
    }
    let mut end = blocks.first().map_or(0, |block: &Block| block.offset);
    for block in &blocks {
        assert!(
            block.offset == end || block.offset > end && !block.damages.is_empty(),
            "bytes {end} to {}",
            block.offset
        );
        end = block.offset + block.bytes.len() as u64;
        assert!(end <= data.len() as u64);
    }
    let told = blocks.last().is_none_or(|block| !block.damages.is_empty());
    assert!(end == data.len() as u64 || told, "bytes from {end} on are in no block");
    blocks
}

/// Everything that must hold of one input.
pub fn drive(format: &dyn Format, data: &[u8], step: usize, known: &Known) {
    let blocks = blocks(format, data, step);
    let mut everything = Everything {
        known,
        classes: HashMap::new(),
        interests: vec![],
        found: vec![],
        broken: BTreeSet::new(),
        compares: false,
    };
    // What was read as something else is noted where it is looked at, which the second time is everywhere.
    let without_notes = |output: Output| Output { notes: Vec::new(), ..output };
    let first = without_notes(read(format, &blocks, &mut everything));
    let mut judged = std::mem::take(&mut everything.found);
    everything.compares = true;
    let second = without_notes(read(format, &blocks, &mut everything));
    assert_eq!(first, second, "what is asked for changes what is read");
    let found = read(format, &blocks, &mut known.compiled.detector()).seen.findings;
    let mut found: Vec<(event::Position, String)> =
        found.iter().map(|finding| (finding.place.position, finding.rule.id.clone())).collect();
    everything.broken.extend(first.damages.iter().map(|damage| damage.position));
    let is_whole = |(position, _): &(event::Position, String)| !everything.broken.contains(position);
    found.retain(is_whole);
    judged.retain(is_whole);
    found.sort();
    judged.sort();
    assert_eq!(found, judged, "the detector (left) and the judge (right) differ");
}

/// Everything that must hold of a file of this name and these bytes, which come as `step` says.
pub fn drive_file(name: &str, bytes: &[u8], step: usize, known: &Known) {
    let mut facts = artifact::Facts::new(artifact::Kind::File, event::Position::Record(1), None);
    artifact::file::facts(name, bytes, &mut facts);
    let files = artifact::file::Files::default();
    let _ = files.recognises(bytes, name);
    drive(&files, bytes, step, known);
}

/// Whatever stands in an input, the logins in it can be told and joined.
pub fn logins(format: &dyn Format, data: &[u8]) {
    let mut detector = Logins::default();
    read(format, &blocks(format, data, data.len()), &mut detector);
    let mut done = Vec::new();
    detector.sessions.finish(&mut done);
    assert!(detector.done.len() + done.len() <= detector.steps as usize, "more logins than steps");
}

/// Joins what records tell of logins.
#[derive(Default)]
struct Logins {
    sessions: Sessions<u64>,
    steps: u64,
    done: Vec<Attempt<u64>>,
    fields: evidence::LoginFields,
}

impl Detector for Logins {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        Class(evidence::tells_of_logins(source).into())
    }

    fn interest(&self, class: Class) -> Arc<Interest> {
        Arc::new(Interest { wanted: class == Class(1), ..Interest::default() })
    }

    fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
        false
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        let Some((step, time)) = evidence::step(event.record, &mut self.fields).zip(event.time) else { return };
        let mut packed = Vec::new();
        step.pack(&mut packed);
        let step = Step::unpack(Values::packed(&packed)).expect("what was packed can be unpacked");
        let at = At { time, number: self.steps, place: self.steps, scope: "fuzz" };
        self.sessions.step(&at, step, &mut self.done);
        self.steps += 1;
    }
}

fn read(format: &dyn Format, blocks: &[Block], detector: &mut dyn Detector) -> Output {
    let piece = Arc::new(Piece { path: "fuzz".into() });
    let (mut reader, mut output) = (format.reader(), Output::default());
    blocks.iter().for_each(|block| reader.read(&piece, block, detector, &mut output));
    output
}

/// Wants every field of everything, by the names that the first pass found.
struct Everything<'k> {
    known: &'k Known,
    classes: HashMap<(String, String, String, u32), Class>,
    interests: Vec<Interest>,
    /// By the judge.
    found: Vec<(event::Position, String)>,
    /// Records that cannot be decoded as a whole. What was asked for may be sound, so that only the detector finds it.
    broken: BTreeSet<event::Position>,
    compares: bool,
}

impl Detector for Everything<'_> {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        let LogSource { product, channel, provider, event_id } = *source;
        let key = (product.to_owned(), channel.to_owned(), provider.to_owned(), event_id);
        *self.classes.entry(key).or_insert_with(|| {
            // No record has that field; what may have it is looked through.
            let fields = vec!["no such field".to_owned()];
            self.interests.push(Interest { wanted: true, fields, text: Some(TextGroup(0)), ..Interest::default() });
            Class(self.interests.len() as u32 - 1)
        })
    }

    fn interest(&self, class: Class) -> Arc<Interest> {
        Arc::new(self.interests[class.0 as usize].clone())
    }

    fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
        true
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        let mut whole: BTreeMap<String, Vec<String>> = BTreeMap::new();
        event.record.visit(&mut |name, value: Value<'_>| {
            whole.entry(name.to_owned()).or_default().push(value.text().into_owned());
        });
        let interest = &mut self.interests[event.class.0 as usize];
        if self.compares {
            let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (slot, value) in event.fields {
                shown.entry(interest.fields[usize::from(*slot)].clone()).or_default().push(value.text().into_owned());
            }
            assert!(whole.is_empty() || shown == whole, "shown {shown:?}, the record has {whole:?}");
            return;
        }
        if whole.is_empty() {
            self.broken.insert(event.record.position());
        }
        let known: BTreeSet<&String> = interest.fields.iter().collect();
        let new: Vec<String> = whole.keys().filter(|name| !known.contains(name)).cloned().collect();
        interest.fields.extend(new);
        let Known { rules, taxonomy, judge, .. } = self.known;
        let satisfied = rules.iter().filter(|rule| judge.matches(rule, taxonomy, event.record));
        let position = event.record.position();
        self.found.extend(satisfied.map(|rule| (position, rule.info.id.clone())));
    }
}
