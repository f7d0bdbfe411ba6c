use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::Number;

/// A chunk is halved when it has so many numbers.
const FULL: usize = 1024;

/// Numbers in their order, in chunks, so that putting one in moves few others.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Sorted {
    /// None is empty.
    chunks: Vec<Vec<Number>>,
    len: usize,
}

impl Sorted {
    /// The chunk in which a number stands if it is there.
    fn chunk(&self, number: Number) -> usize {
        self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| *last < number))
    }

    /// Puts a number in.
    pub fn insert(&mut self, number: Number) {
        self.len += 1;
        let at = self.chunk(number).min(self.chunks.len().saturating_sub(1));
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(vec![number]);
            return;
        };
        chunk.insert(chunk.partition_point(|other| *other < number), number);
        if chunk.len() >= FULL {
            let upper = chunk.split_off(FULL / 2);
            self.chunks.insert(at + 1, upper);
        }
    }

    /// Takes out a number that is there.
    pub fn remove(&mut self, number: Number) {
        let at = self.chunk(number);
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        let place = chunk.partition_point(|other| *other < number);
        if chunk.get(place) == Some(&number) {
            chunk.remove(place);
            self.len -= 1;
        }
        if chunk.is_empty() {
            self.chunks.remove(at);
        }
    }

    fn at(&self, mut index: usize) -> Option<Number> {
        for chunk in &self.chunks {
            match chunk.get(index) {
                Some(number) => return Some(*number),
                None => index -= chunk.len(),
            }
        }
        None
    }

    /// How the `percentile` compares with `number`: between two values in proportion, without rounding.
    pub fn compare_percentile(&self, percentile: Number, number: Number) -> Ordering {
        let (rank, part) = percentile.rank(self.len);
        let low = self.at(rank).unwrap_or_default();
        Number::compare_between(low, self.at(rank + 1).unwrap_or(low), part, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_in_their_order_however_they_come() {
        let (mut sorted, mut plain) = (Sorted::default(), Vec::new());
        for step in 0..6000_u64 {
            let number = Number::from(step * 7919 % 1009);
            sorted.insert(number);
            plain.push(number);
            if step % 3 == 0 {
                sorted.remove(plain.swap_remove(step as usize * 31 % plain.len()));
            }
        }
        plain.sort();
        assert_eq!(sorted.chunks.concat(), plain);
        assert_eq!(sorted.len, plain.len());
        assert!((0..plain.len()).all(|at| sorted.at(at) == Some(plain[at])));
        assert_eq!(sorted.at(plain.len()), None);
    }

    #[test]
    fn percentiles_lie_between_values_in_proportion() {
        let mut sorted = Sorted::default();
        [10, 3, 1, 4, 2].into_iter().for_each(|number| sorted.insert(Number::from(number)));
        for (percentile, value) in [("0", "1"), ("25", "2"), ("50", "3"), ("90", "7.6"), ("100", "10"), ("87.5", "7")] {
            let (percentile, value) = (Number::parse(percentile).unwrap(), Number::parse(value).unwrap());
            assert_eq!(sorted.compare_percentile(percentile, value), Ordering::Equal);
        }
    }
}
