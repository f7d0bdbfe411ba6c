use serde::{Deserialize, Serialize};

/// Items with small numbers, which are used again.
#[derive(Debug, Serialize, Deserialize)]
pub struct Slab<T> {
    items: Vec<T>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { items: Vec::new(), free: Vec::new() }
    }
}

impl<T: Default> Slab<T> {
    /// Adds an item and gives its number.
    pub fn insert(&mut self, item: T) -> u32 {
        match self.free.pop() {
            Some(number) => {
                if let Some(place) = self.items.get_mut(number as usize) {
                    *place = item;
                }
                number
            }
            None => {
                self.items.push(item);
                self.items.len() as u32 - 1
            }
        }
    }

    /// Takes an item out.
    pub fn remove(&mut self, number: u32) -> T {
        self.free.push(number);
        self.items.get_mut(number as usize).map(std::mem::take).unwrap_or_default()
    }

    /// The item of a number.
    pub fn get(&self, number: u32) -> Option<&T> {
        self.items.get(number as usize)
    }

    /// The item of a number.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.items.get_mut(number as usize)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len() - self.free.len()
    }

    /// The numbers that are used.
    pub fn numbers(&self) -> Vec<u32> {
        let free: std::collections::HashSet<u32> = self.free.iter().copied().collect();
        (0..self.items.len() as u32).filter(|number| !free.contains(number)).collect()
    }
}
