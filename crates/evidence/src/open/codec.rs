//! Compressed streams: gzip, zstd, bzip2, xz, and what zip members are compressed with.

use std::{
    io::{self, BufReader, Read},
    sync::{Arc, atomic::AtomicU64},
};

use event::Time;
use lzma_rust2::XzReader;
use zip::CompressionMethod;

use super::limits::{Budget, Counted, Expanded};

/// How much is read at once into a decompressor.
const BUFFER: usize = 64 << 10;

/// How much an xz stream may have remembered of itself, in KiB; the highest level of `xz` takes a quarter.
const MEMORY: u32 = 256 << 10;

/// A way of compressing one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 8878, any number of frames.
    Zstd,
    /// Any number of streams.
    Bzip2,
    /// Any number of streams (tukaani.org's "The .xz File Format").
    Xz,
    /// RFC 1951, in zip only.
    Deflate,
    /// PKWARE's Deflate64, in zip only; the Windows Explorer writes it for members over 2 GiB.
    Deflate64,
    /// Not compressed, in zip only.
    Stored,
}

impl Codec {
    /// The codec of a stream that begins with `head`.
    pub fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => Some(Self::Bzip2),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            _ => None,
        }
    }

    /// The codec of a zip member (APPNOTE 4.4.5); the name of the method where it is none that is read here.
    pub fn of_zip(method: CompressionMethod) -> Result<Self, String> {
        match method {
            CompressionMethod::STORE => Ok(Self::Stored),
            CompressionMethod::DEFLATE => Ok(Self::Deflate),
            CompressionMethod::DEFLATE64 => Ok(Self::Deflate64),
            CompressionMethod::BZIP2 => Ok(Self::Bzip2),
            CompressionMethod::ZSTD => Ok(Self::Zstd),
            other => Err(format!("compressed by a method that is not read ({other})")),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Deflate => "deflate",
            Self::Deflate64 => "deflate64",
            Self::Stored => "stored",
        }
    }

    /// When what was compressed had been modified, if the stream that begins with `head` says so (RFC 1952 section 2.3, MTIME).
    pub fn modified(self, head: &[u8]) -> Option<Time> {
        let (Self::Gzip, [_, _, _, _, time @ ..]) = (self, head) else { return None };
        let seconds = u32::from_le_bytes(*time.first_chunk::<4>()?);
        (seconds > 0).then(|| Time::from_nanos(i64::from(seconds) * 1_000_000_000))
    }

    /// A file's name without the ending that this codec gives it.
    pub fn strip(self, name: &str) -> String {
        let endings: &[(&str, &str)] = match self {
            Self::Gzip => &[(".gz", ""), (".tgz", ".tar")],
            Self::Zstd => &[(".zst", ""), (".tzst", ".tar")],
            Self::Bzip2 => &[(".bz2", ""), (".tbz2", ".tar")],
            Self::Xz => &[(".xz", ""), (".txz", ".tar")],
            Self::Deflate | Self::Deflate64 | Self::Stored => &[],
        };
        let lower = name.to_ascii_lowercase();
        let stripped = endings.iter().find_map(|(ending, instead)| {
            let stem = name.get(..lower.strip_suffix(ending)?.len())?;
            Some(format!("{stem}{instead}"))
        });
        stripped.unwrap_or_else(|| name.to_owned())
    }

    /// What comes out of `input`, held to the limits.
    ///
    /// # Errors
    /// When the decompressor cannot be made.
    pub fn expand(self, input: impl Read + Send + 'static, budget: &Arc<Budget>) -> io::Result<Box<dyn Read + Send>> {
        if self == Self::Stored {
            return Ok(Box::new(input));
        }
        let stored = Arc::new(AtomicU64::new(0));
        let input = BufReader::with_capacity(BUFFER, Counted::new(input, &stored));
        let out: Box<dyn Read + Send> = match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(input)?),
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
            Self::Xz => Box::new(XzReader::new_mem_limit(input, true, MEMORY)),
            Self::Deflate => Box::new(flate2::bufread::DeflateDecoder::new(input)),
            Self::Deflate64 => Box::new(deflate64::Deflate64Decoder::with_buffer(input)),
            Self::Stored => Box::new(input),
        };
        Ok(Box::new(Expanded::new(Named { inner: out, codec: self }, &stored, budget)))
    }
}

/// Says of an error which decompressor it comes from.
struct Named<R> {
    inner: R,
    codec: Codec,
}

impl<R: Read> Read for Named<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.inner.read(out).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            io::ErrorKind::UnexpectedEof => {
                let reason = format!("the {} stream ends before its end mark", self.codec.name());
                io::Error::new(io::ErrorKind::UnexpectedEof, reason)
            }
            kind => {
                io::Error::new(kind, format!("the {} stream is damaged: {}", self.codec.name(), super::reason(&error)))
            }
        })
    }
}
