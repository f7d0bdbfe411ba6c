//! All observations of a hunt, in the order of time. What is more than fits in memory waits in temporary files, sorted.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write},
    sync::Arc,
};

use event::{Observation, Observations, Piece, Position, Time, Values};

/// So many bytes of observations are kept in memory; what correlations keep comes beside them.
const IN_MEMORY: usize = 32 << 20;

/// Collects observations as they are found, and tells them in the order of time; those of one time in the order in which they came, which is that
/// of the evidence.
pub struct Chronicle {
    pieces: Vec<Arc<Piece>>,
    /// Packed observations.
    packed: Vec<u8>,
    /// Time and place in `packed`, as they came.
    index: Vec<(i64, u32)>,
    /// Earlier ones, sorted.
    runs: Vec<File>,
    in_memory: usize,
    /// Events that would have been observed, had they a time.
    pub untimed: u64,
}

impl Default for Chronicle {
    fn default() -> Self {
        Self::with_memory(IN_MEMORY)
    }
}

impl Chronicle {
    fn with_memory(in_memory: usize) -> Self {
        Self { pieces: Vec::new(), packed: Vec::new(), index: Vec::new(), runs: Vec::new(), in_memory, untimed: 0 }
    }

    /// Adds the observations of a block of `piece`.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub fn add(&mut self, piece: &Arc<Piece>, observations: &Observations) -> io::Result<()> {
        self.untimed += observations.untimed;
        if observations.is_empty() {
            return Ok(());
        }
        if !self.pieces.last().is_some_and(|last| Arc::ptr_eq(last, piece)) {
            self.pieces.push(Arc::clone(piece));
        }
        let piece = self.pieces.len() as u32 - 1;
        for observation in observations.iter() {
            if self.packed.len() + size_of_val(self.index.as_slice()) > self.in_memory {
                self.spill()?;
            }
            self.index.push((observation.time.as_nanos(), self.packed.len() as u32));
            pack(&observation, piece, &mut self.packed);
        }
        Ok(())
    }

    /// Writes what is in memory to a temporary file.
    fn spill(&mut self) -> io::Result<()> {
        let mut file = tempfile::tempfile()?;
        let mut out = BufWriter::with_capacity(1 << 16, &mut file);
        self.index.sort_by_key(|(time, _)| *time);
        for (time, at) in &self.index {
            out.write_all(&time.to_le_bytes())?;
            out.write_all(packed_at(&self.packed, *at))?;
        }
        out.flush()?;
        drop(out);
        file.rewind()?;
        self.runs.push(file);
        self.packed.clear();
        self.index.clear();
        Ok(())
    }

    /// Tells all observations in the order of time.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub fn tell(mut self, tell: &mut dyn FnMut(&Arc<Piece>, &Observation<'_>)) -> io::Result<()> {
        self.index.sort_by_key(|(time, _)| *time);
        let mut runs: Vec<Run> = self.runs.drain(..).map(Run::new).collect();
        let mut heads = BinaryHeap::new();
        for (number, run) in runs.iter_mut().enumerate() {
            heads.extend(run.next()?.map(|time| Reverse((time, number))));
        }
        let mut newest = self.index.iter().peekable();
        loop {
            // What is still in memory came last, and so it stands behind those of the same time.
            let in_memory = newest.peek().map(|(time, _)| *time);
            match heads.peek() {
                Some(Reverse((time, number))) if in_memory.is_none_or(|newest| *time <= newest) => {
                    let (time, number) = (*time, *number);
                    heads.pop();
                    let Some(run) = runs.get_mut(number) else { continue };
                    self.unpack(time, &run.packed, tell);
                    heads.extend(run.next()?.map(|time| Reverse((time, number))));
                }
                _ => {
                    let Some((time, at)) = newest.next() else { return Ok(()) };
                    self.unpack(*time, packed_at(&self.packed, *at), tell);
                }
            }
        }
    }

    fn unpack(&self, time: i64, packed: &[u8], tell: &mut dyn FnMut(&Arc<Piece>, &Observation<'_>)) {
        let Some((head, values)) = packed.split_first_chunk::<HEAD>() else { return };
        let Head { piece, rule, position, .. } = Head::read(head);
        let observation = Observation { time: Time::from_nanos(time), rule, position, values: Values::packed(values) };
        if let Some(piece) = self.pieces.get(piece as usize) {
            tell(piece, &observation);
        }
    }
}

/// Bytes of a [`Head`].
const HEAD: usize = 21;

/// What stands before the values of a packed observation.
struct Head {
    /// Bytes of the values.
    length: u32,
    piece: u32,
    rule: u32,
    position: Position,
}

impl Head {
    fn write(&self, out: &mut Vec<u8>) {
        let kind = match self.position {
            Position::Record(_) => 0,
            Position::Line(_) => 1,
            Position::Offset(_) => 2,
        };
        out.extend(self.length.to_le_bytes());
        out.extend(self.piece.to_le_bytes());
        out.extend(self.rule.to_le_bytes());
        out.push(kind);
        out.extend(self.position.number().to_le_bytes());
    }

    fn read(bytes: &[u8; HEAD]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, kind, number @ ..] = *bytes;
        let number = u64::from_le_bytes(number);
        Self {
            length: u32::from_le_bytes([a, b, c, d]),
            piece: u32::from_le_bytes([e, f, g, h]),
            rule: u32::from_le_bytes([i, j, k, l]),
            position: match kind {
                0 => Position::Record(number),
                1 => Position::Line(number),
                _ => Position::Offset(number),
            },
        }
    }
}

fn pack(observation: &Observation<'_>, piece: u32, out: &mut Vec<u8>) {
    let values = observation.values.bytes();
    let (rule, position) = (observation.rule, observation.position);
    // A block of observations is far smaller than 4 GiB.
    Head { length: values.len() as u32, piece, rule, position }.write(out);
    out.extend(values);
}

fn packed_at(packed: &[u8], at: u32) -> &[u8] {
    let rest = packed.get(at as usize..).unwrap_or_default();
    let length = rest.first_chunk::<HEAD>().map_or(0, |head| HEAD + Head::read(head).length as usize);
    rest.get(..length).unwrap_or_default()
}

/// A sorted temporary file that is being read.
struct Run {
    input: BufReader<File>,
    /// The observation at hand.
    packed: Vec<u8>,
}

impl Run {
    fn new(file: File) -> Self {
        Self { input: BufReader::with_capacity(1 << 16, file), packed: Vec::new() }
    }

    /// Reads the next observation; gives its time.
    fn next(&mut self) -> io::Result<Option<i64>> {
        if self.input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let (mut time, mut head) = ([0; 8], [0; HEAD]);
        self.input.read_exact(&mut time)?;
        self.input.read_exact(&mut head)?;
        self.packed.clear();
        self.packed.extend(head);
        self.packed.resize(HEAD + Head::read(&head).length as usize, 0);
        if let Some(values) = self.packed.get_mut(HEAD..) {
            self.input.read_exact(values)?;
        }
        Ok(Some(i64::from_le_bytes(time)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times and values of a chronicle with so much memory.
    fn told(in_memory: usize) -> Vec<(i64, String, u64, String)> {
        let mut chronicle = Chronicle::with_memory(in_memory);
        for piece in 0..7 {
            let path = Arc::new(Piece { path: format!("piece {piece}") });
            let mut observations = Observations::default();
            for line in 0..100 {
                let time = Time::from_nanos((line * 7919 + piece * 31) % 97 - 40);
                let position = Position::Line(line as u64);
                observations.push(Some(time), piece as u32, position, [Some(format!("{piece} {line}"))]);
            }
            chronicle.add(&path, &observations).unwrap();
        }
        let mut told = Vec::new();
        chronicle
            .tell(&mut |piece, observation| {
                let mut values = observation.values;
                let text = values.next().flatten().unwrap().to_owned();
                told.push((observation.time.as_nanos(), piece.path.clone(), observation.position.number(), text));
            })
            .unwrap();
        told
    }

    #[test]
    fn observations_are_told_in_the_order_of_time_whatever_fits_in_memory() {
        let all = told(1 << 20);
        assert_eq!(all.len(), 700);
        let mut sorted = all.clone();
        // Of one time, in the order of the evidence.
        sorted.sort_by_key(|(time, piece, line, _)| (*time, piece.clone(), *line));
        assert_eq!(all, sorted);
        assert_eq!(told(1000), all);
    }
}
