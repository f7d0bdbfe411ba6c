//! What a build without YARA says in its place.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Result, bail};
use artifact::Patterns;
use evidence::Tally;
use sigma::NotApplicable;

use crate::packs::Packs;

/// No rules.
pub struct Yara {
    is_shipped: bool,
}

impl Yara {
    /// # Errors
    /// When rules were given, which cannot be used.
    pub fn choose(is_shipped: bool, given: &[PathBuf]) -> Result<Self> {
        if !given.is_empty() {
            bail!("--yara: this build is without YARA; build it with: cargo build --release --features yara");
        }
        Ok(Self { is_shipped })
    }

    pub fn patterns(&self) -> Option<Arc<dyn Patterns>> {
        None
    }

    /// That the shipped rules were not looked for, where there was anything to look in.
    pub fn tell(&self, tally: &Tally, packs: &mut Packs) {
        let is_file = |format: &str| ["file", "mail", "mbox"].contains(&format);
        if !self.is_shipped || !tally.pieces.iter().any(|piece| is_file(piece.format)) {
            return;
        }
        let rules = super::shipped().flat_map(|(path, text)| {
            let names = text.lines().filter_map(|line| line.strip_prefix("rule "));
            names.map(move |name| NotApplicable {
                path: path.clone(),
                title: name.split(' ').next().unwrap_or_default().to_owned(),
                reason: "this build is without YARA (build it with `--features yara`)".into(),
            })
        });
        packs.loaded.not_applicable.extend(rules);
    }
}
