//! The policies of the past, as the ledger keeps them: a grant is judged by the one that it was given by.

use std::{collections::HashMap, sync::Arc};

use sha2::{Digest, Sha256};

use crate::policy::Policy;

/// The policies that a ledger tells of, in its order.
#[derive(Default)]
pub(super) struct Past {
    /// By the SHA-256 of its text; `None` for what is no policy for this version.
    known: HashMap<String, Option<Arc<Policy>>>,
    now: Option<Arc<Policy>>,
}

impl Past {
    /// From here on the gate works by another policy. A text that is not there, or not of this hash, says nothing.
    pub fn changed(&mut self, sha256: &str, text: Option<&str>) {
        let text = text.filter(|text| data_encoding::HEXLOWER.encode(&Sha256::digest(text)) == sha256);
        if let Some(text) = text {
            let read = || Policy::parse(text).ok().map(Arc::new);
            self.known.entry(sha256.to_owned()).or_insert_with(read);
        }
        self.now = self.known.get(sha256).cloned().flatten();
    }

    /// The policy that the gate works by at this point of the ledger, if it is known.
    pub fn now(&self) -> Option<Arc<Policy>> {
        self.now.clone()
    }
}
