//! JSON: which of the known forms a document has, read object by object so that memory does not grow with it.

use std::{
    cell::Cell,
    fmt,
    io::{self, BufRead, Read},
};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{Loader, misp, stix};

/// A list in JSON: a STIX bundle or envelope (`objects`), MISP's events (`Event`, `response`), a bare list of any of their objects.
pub(super) fn read(loader: &mut Loader, input: &mut dyn BufRead) -> io::Result<()> {
    let progress = Progress { line: Cell::new(1), bytes: Cell::new(0) };
    let mut stix = stix::Names::new(loader);
    let mut documents = serde_json::Deserializer::from_reader(Counted { input, progress: &progress });
    let mut reading = Reading { loader, stix: &mut stix, progress: &progress };
    let read = loop {
        match Document(&mut reading).deserialize(&mut documents) {
            Ok(()) if documents.end().is_ok() => break Ok(()),
            Ok(()) => {}
            Err(error) => break Err(error),
        }
    };
    stix.resolve(loader);
    if let Err(error) = read {
        loader.problem(error.line() as u64, || format!("expected JSON of STIX or MISP, found this: {error}"));
    }
    Ok(())
}

/// One object of a list takes no more than this.
const MAX_OBJECT: u64 = 64 << 20;

/// How far a document is read.
struct Progress {
    line: Cell<u64>,
    /// Since the last object of a list.
    bytes: Cell<u64>,
}

struct Reading<'r> {
    loader: &'r mut Loader,
    stix: &'r mut stix::Names,
    progress: &'r Progress,
}

impl Reading<'_> {
    /// An object of a list.
    fn object(&mut self, object: &Value, line: u64) {
        if let Some(event) = object.get("Event") {
            misp::event(self.loader, event, line);
        } else if object.get("Attribute").is_some() || object.get("info").is_some() && object.get("type").is_none() {
            misp::event(self.loader, object, line);
        } else if let Some(objects) = object.get("objects").and_then(Value::as_array) {
            objects.iter().for_each(|object| self.object(object, line));
        } else if object.get("category").is_some() && object.get("value").is_some() {
            misp::attribute(self.loader, object, &misp::Known::default(), line);
        } else {
            stix::object(self.loader, self.stix, object, line);
        }
    }
}

/// A whole document.
struct Document<'d, 'r>(&'d mut Reading<'r>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<(), A::Error> {
        List(self.0).visit_seq(sequence)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let first = self.0.progress.line.get();
        let (mut rest, mut has_list) = (serde_json::Map::new(), false);
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "objects" | "response" => {
                    has_list = true;
                    map.next_value_seed(List(&mut *self.0))?;
                }
                // A description of great length is of no use here.
                "description" => drop(map.next_value::<IgnoredAny>()?),
                _ => drop(rest.insert(name, map.next_value()?)),
            }
        }
        if !has_list {
            self.0.object(&Value::Object(rest), first);
        }
        Ok(())
    }
}

/// A list of objects, one after another.
struct List<'d, 'r>(&'d mut Reading<'r>);

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(object) = sequence.next_element::<Value>()? {
            self.0.object(&object, self.0.progress.line.get());
            self.0.progress.bytes.set(0);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Document(self.0).visit_map(map)
    }
}

/// Counts the lines that were read: an object's line is the one it ends on. `serde_json` reads byte by byte.
struct Counted<'c> {
    input: &'c mut dyn BufRead,
    progress: &'c Progress,
}

impl Read for Counted<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let (bytes, Some(to)) = (self.input.fill_buf()?, out.first_mut()) else { return Ok(0) };
        let Some(byte) = bytes.first().copied() else { return Ok(0) };
        *to = byte;
        self.input.consume(1);
        let Progress { line, bytes } = self.progress;
        line.set(line.get() + u64::from(byte == b'\n'));
        bytes.set(bytes.get() + 1);
        if bytes.get() > MAX_OBJECT {
            return Err(io::Error::other("expected objects of at most 64 MiB"));
        }
        Ok(1)
    }
}
