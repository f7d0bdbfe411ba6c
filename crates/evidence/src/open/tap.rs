//! Where a piece's bytes are read as they are stored, in big reads, and handed on to be hashed by whichever thread
//! has time, in order and away from the lock under which blocks are cut.

use std::{
    collections::VecDeque,
    io::{self, Read},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest, Sha256};

/// Bytes read at once.
const BUFFER: usize = 1 << 18;

/// Buffers that may wait to be hashed before whoever reads has to help.
const WAITING: usize = 8;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Read buffers for use again.
#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<Vec<u8>>>);

impl Pool {
    fn take(&self) -> Vec<u8> {
        lock(&self.0).pop().unwrap_or_else(|| vec![0; BUFFER])
    }

    fn give(&self, buffer: Vec<u8>) {
        let mut pool = lock(&self.0);
        if pool.len() < 2 * WAITING && buffer.len() == BUFFER {
            pool.push(buffer);
        }
    }
}

/// The SHA-256 of one piece in the making.
pub(crate) struct Hashing {
    queue: Mutex<VecDeque<(Vec<u8>, usize)>>,
    hash: Mutex<Sha256>,
    pool: Arc<Pool>,
}

impl Hashing {
    fn push(&self, buffer: Vec<u8>, len: usize) {
        let waiting = {
            let mut queue = lock(&self.queue);
            queue.push_back((buffer, len));
            queue.len()
        };
        if waiting >= WAITING {
            self.work(&mut lock(&self.hash));
        }
    }

    /// Hashes what is waiting, unless another thread does so.
    pub fn help(&self) {
        if let Ok(mut hash) = self.hash.try_lock() {
            self.work(&mut hash);
        }
    }

    /// Hashes what is left and gives the digest; nothing is read any more then.
    pub fn finish(&self) -> [u8; 32] {
        let mut hash = lock(&self.hash);
        self.work(&mut hash);
        hash.clone().finalize().into()
    }

    /// Only who holds `hash` takes from the queue, so that the order holds.
    fn work(&self, hash: &mut Sha256) {
        loop {
            let Some((buffer, len)) = lock(&self.queue).pop_front() else { return };
            hash.update(buffer.get(..len).unwrap_or_default());
            self.pool.give(buffer);
        }
    }
}

/// What nobody asked the hash of.
impl Drop for Hashing {
    fn drop(&mut self) {
        lock(&self.queue).drain(..).for_each(|(buffer, _)| self.pool.give(buffer));
    }
}

/// A piece's bytes as they are stored; a handle that can be copied, so that the rest can be read when the
/// cutter is done.
#[derive(Clone)]
pub(crate) struct Tap(Arc<Mutex<State>>);

struct State {
    source: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    len: usize,
    at: usize,
    total: u64,
    ended: bool,
    hashing: Option<Arc<Hashing>>,
    pool: Arc<Pool>,
}

impl Tap {
    pub(super) fn new(source: Box<dyn Read + Send>, pool: &Arc<Pool>) -> Self {
        let hashing = Hashing { queue: Mutex::default(), hash: Mutex::new(Sha256::new()), pool: Arc::clone(pool) };
        Self(Arc::new(Mutex::new(State {
            source,
            buffer: Vec::new(),
            len: 0,
            at: 0,
            total: 0,
            ended: false,
            hashing: Some(Arc::new(hashing)),
            pool: Arc::clone(pool),
        })))
    }

    /// From now on nothing is hashed: nobody asks, or what is read is an archive, whose members are the pieces.
    pub fn without_hash(&self) {
        lock(&self.0).hashing = None;
    }

    /// The hash in the making.
    pub fn hashing(&self) -> Option<Arc<Hashing>> {
        lock(&self.0).hashing.clone()
    }

    /// Bytes read so far.
    pub fn total(&self) -> u64 {
        lock(&self.0).total
    }

    /// Reads to the end what the cutter had no need of, so that the hash is that of the whole.
    ///
    /// # Errors
    /// When it cannot be read on; there is no digest then.
    pub fn drain(&self) -> io::Result<()> {
        let mut state = lock(&self.0);
        while !state.ended {
            state.fill()?;
        }
        Ok(())
    }
}

impl State {
    /// Hands on the buffer and reads the next.
    fn fill(&mut self) -> io::Result<()> {
        let full = std::mem::take(&mut self.buffer);
        let len = std::mem::take(&mut self.len);
        self.at = 0;
        match &self.hashing {
            Some(hashing) if len > 0 => hashing.push(full, len),
            _ if full.is_empty() => {}
            _ => self.pool.give(full),
        }
        self.buffer = self.pool.take();
        self.len = loop {
            match self.source.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.total += self.len as u64;
        self.ended = self.len == 0;
        Ok(())
    }

    /// Reads what need not be hashed to where it is wanted, without a copy in between.
    fn read_past(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(out)?;
        self.total += read as u64;
        self.ended = read == 0;
        Ok(read)
    }
}

impl Read for Tap {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut state = lock(&self.0);
        if state.at == state.len && state.hashing.is_none() && out.len() >= BUFFER / 2 {
            return state.read_past(out);
        }
        if state.at == state.len && !state.ended {
            state.fill()?;
        }
        let read = state.buffer.get(state.at..state.len).unwrap_or_default().read(out)?;
        state.at += read;
        Ok(read)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.pool.give(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives its bytes in reads of given lengths.
    struct Pieces(Vec<u8>, usize, Vec<usize>);

    impl Read for Pieces {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let some = self.2.pop().unwrap_or(usize::MAX).clamp(1, out.len().max(1)).min(self.0.len() - self.1);
            out[..some].copy_from_slice(&self.0[self.1..self.1 + some]);
            self.1 += some;
            Ok(some)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_read_in_parts_and_hashed_by_many_is_the_hash_of_the_whole(
            bytes in proptest::collection::vec(any::<u8>(), 0..200_000),
            reads in proptest::collection::vec(1usize..9_000, 0..60),
            stop in 0usize..250_000,
        ) {
            let pool = Arc::new(Pool::default());
            let mut tap = Tap::new(Box::new(Pieces(bytes.clone(), 0, reads)), &pool);
            let hashing = tap.hashing().unwrap();
            let mut seen = Vec::new();
            std::thread::scope(|scope| {
                scope.spawn(|| (0..100).for_each(|_| hashing.help()));
                (&mut tap).take(stop as u64).read_to_end(&mut seen).unwrap();
            });
            prop_assert_eq!(&seen[..], &bytes[..stop.min(bytes.len())]);
            tap.drain().unwrap();
            let whole: [u8; 32] = Sha256::digest(&bytes).into();
            prop_assert_eq!(hashing.finish(), whole);
            prop_assert_eq!(tap.total(), bytes.len() as u64);
        }
    }
}
