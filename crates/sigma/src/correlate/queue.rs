use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Items to a chunk.
const CHUNK: usize = 4096;

/// A queue whose items are numbered as they come, and keep their numbers. It grows by chunks, never by copying.
#[derive(Debug, Serialize, Deserialize)]
pub struct Queue<T> {
    chunks: VecDeque<Vec<T>>,
    /// The number of the first item of the first chunk.
    base: u64,
    /// The number of the oldest item that is there.
    oldest: u64,
    /// The number of the next item.
    next: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { chunks: VecDeque::new(), base: 0, oldest: 0, next: 0 }
    }
}

impl<T> Queue<T> {
    /// How many items there are.
    pub fn len(&self) -> usize {
        (self.next - self.oldest) as usize
    }

    /// Adds an item and gives its number.
    pub fn push(&mut self, item: T) -> u64 {
        match self.chunks.back_mut().filter(|chunk| chunk.len() < CHUNK) {
            Some(chunk) => chunk.push(item),
            None => {
                let mut chunk = Vec::with_capacity(if self.chunks.is_empty() { 16 } else { CHUNK });
                chunk.push(item);
                self.chunks.push_back(chunk);
            }
        }
        self.next += 1;
        self.next - 1
    }

    /// The oldest item with its number.
    pub fn oldest(&self) -> Option<(u64, &T)> {
        self.get(self.oldest).map(|item| (self.oldest, item))
    }

    /// The newest item.
    pub fn newest(&self) -> Option<&T> {
        self.get(self.next.checked_sub(1)?)
    }

    /// Removes the oldest item.
    pub fn pop(&mut self) {
        if self.len() == 0 {
            return;
        }
        self.oldest += 1;
        if self.oldest - self.base >= CHUNK as u64 {
            self.chunks.pop_front();
            self.base += CHUNK as u64;
        }
    }

    /// The item of a number.
    pub fn get(&self, number: u64) -> Option<&T> {
        let at = number.checked_sub(self.base).filter(|_| number >= self.oldest)? as usize;
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    /// The item of a number.
    pub fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let at = number.checked_sub(self.base).filter(|_| number >= self.oldest)? as usize;
        self.chunks.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }
}
