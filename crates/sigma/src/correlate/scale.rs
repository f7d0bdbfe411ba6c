use std::hash::BuildHasher;

use event::Values;
use foldhash::fast::FixedState;
use smallvec::SmallVec;

use super::{
    key::Keys,
    plan::{Plan, Use},
    window::Weighed,
};

/// Places for the values of each source.
const PLACES: usize = 64;
/// Longer values are not kept.
const MAX_VALUES: usize = 1024;

/// Weighs the values of events, and keeps what came of the last ones: floods repeat themselves.
pub struct Scale {
    pub keys: Keys,
    hasher: FixedState,
    /// By source and place.
    known: Vec<Vec<Known>>,
}

/// Values, and what came of them for each that follows the source.
#[derive(Clone, Default)]
struct Known {
    packed: Vec<u8>,
    weighed: SmallVec<[Option<Weighed>; 2]>,
}

impl Scale {
    pub fn new(keys: Keys) -> Self {
        Self { keys, hasher: FixedState::with_seed(0), known: Vec::new() }
    }

    /// Weighs an event's values for all that follow its source; gives the place at which [`Self::weighed`] has what came of it, until the next ones
    /// of the source are weighed.
    pub fn weigh(&mut self, plan: &Plan, source: usize, values: Values<'_>) -> usize {
        if self.known.len() <= source {
            self.known.resize(source + 1, Vec::new());
        }
        let place = self.hasher.hash_one(values.bytes()) as usize % PLACES;
        let Some(places) = self.known.get_mut(source) else { return place };
        places.resize(PLACES, Known::default());
        if let Some(known) = places.get_mut(place).filter(|known| known.packed != values.bytes()) {
            let packed = values.bytes();
            let values: SmallVec<[Option<&str>; 8]> = values.collect();
            known.packed.clear();
            known.packed.extend_from_slice(if packed.len() <= MAX_VALUES { packed } else { &[] });
            known.weighed.clear();
            let weigh =
                |used: &Use| Weighed::of(plan.correlations.get(used.correlation)?, used, &values, &mut self.keys);
            known.weighed.extend(plan.uses.get(source).into_iter().flatten().map(weigh));
        }
        place
    }

    /// What came of the values at a place for one that follows the source; `None` if they lack what it asks for.
    pub fn weighed(&self, source: usize, place: usize, follower: usize) -> Option<Weighed> {
        *self.known.get(source)?.get(place)?.weighed.get(follower)?
    }
}
