use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
};

/// Byte strings that come in any order and are read in the order of their keys, those of one key as they came. They wait in an unnamed
/// temporary file; twenty-four bytes of each are kept in memory.
pub struct Spool {
    file: BufWriter<File>,
    written: u64,
    /// The key, where the bytes begin in the file, and how many they are.
    index: Vec<(i64, u64, u32)>,
}

impl Spool {
    /// An empty one.
    ///
    /// # Errors
    /// When no temporary file can be made.
    pub fn new() -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 16, tempfile::tempfile()?);
        Ok(Self { file, written: 0, index: Vec::new() })
    }

    /// Adds one.
    ///
    /// # Errors
    /// When the file cannot be written, or there are 4 GiB of bytes or more.
    pub fn push(&mut self, key: i64, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.file.write_all(bytes)?;
        self.index.push((key, self.written, length));
        self.written += u64::from(length);
        Ok(())
    }

    /// Shows all of them in order; once.
    ///
    /// # Errors
    /// When the file cannot be written or read; those of `each`.
    pub fn read(&mut self, mut each: impl FnMut(i64, &[u8]) -> io::Result<()>) -> io::Result<()> {
        self.file.flush()?;
        let mut index = std::mem::take(&mut self.index);
        index.sort_unstable();
        let mut file = BufReader::with_capacity(1 << 12, self.file.get_ref());
        let mut at = file.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::new();
        for (key, begin, length) in index {
            // Within what is buffered this does not read again, and neighbours in order are often neighbours there.
            file.seek_relative(begin.cast_signed() - at.cast_signed())?;
            bytes.clear();
            at = begin + (&mut file).take(length.into()).read_to_end(&mut bytes)? as u64;
            each(key, &bytes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_comes_in_order() {
        let mut spool = Spool::new().unwrap();
        for (key, text) in [(3, "c"), (-1, ""), (2, "b1"), (i64::MAX, "z"), (2, "b2")] {
            spool.push(key, text.as_bytes()).unwrap();
        }
        let mut read = Vec::new();
        let mut keep = |key, bytes: &[u8]| {
            read.push((key, String::from_utf8_lossy(bytes).into_owned()));
            Ok(())
        };
        spool.read(&mut keep).unwrap();
        let expected = [(-1, ""), (2, "b1"), (2, "b2"), (3, "c"), (i64::MAX, "z")];
        assert_eq!(read, expected.map(|(key, text)| (key, text.to_owned())));
    }
}
