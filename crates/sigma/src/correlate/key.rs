//! Values as keys of one size, however long they are.

use std::hash::{BuildHasher, Hasher, RandomState};

use event::Values;
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::fold::fold_into;

/// Stands for some values, whatever their case: 128 bits of a hash with a secret, so that nobody can make two that are alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key([u64; 2]);

impl Key {
    /// For an index.
    pub const fn hash(self) -> u64 {
        self.0[0]
    }
}

/// Makes keys.
pub struct Keys {
    secret: u64,
    packed: Vec<u8>,
    folded: String,
}

impl Keys {
    /// With a secret of its own.
    pub fn new() -> Self {
        Self::with(RandomState::new().hash_one(0))
    }

    /// With the secret of others.
    pub const fn with(secret: u64) -> Self {
        Self { secret, packed: Vec::new(), folded: String::new() }
    }

    /// The secret.
    pub const fn secret(&self) -> u64 {
        self.secret
    }

    /// The key of the values at `places` within what has the key `within`; `None` if one is not there. The machine stands before the values.
    pub fn of(&mut self, within: Key, values: &[Option<&str>], places: &[usize]) -> Option<Key> {
        self.packed.clear();
        for place in places {
            let value = values.get(place + 1).copied().flatten()?;
            self.folded.clear();
            fold_into(value, &mut self.folded);
            Values::pack(Some(&self.folded), &mut self.packed);
        }
        let mut hasher = SipHasher13::new_with_keys(self.secret, within.0[0]);
        hasher.write_u64(within.0[1]);
        hasher.write(&self.packed);
        let hash = hasher.finish128();
        Some(Key([hash.h1, hash.h2]))
    }
}
