//! The rules of one hunt.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use anyhow::Result;
use artifact::{Patterns, Scanner};
use evidence::Tally;
use report::RulePack;

use crate::packs::Packs;

/// The rules that are looked for.
pub struct Yara(Option<Arc<Chosen>>);

/// Compiled when the first file is looked at; most hunts are over logs.
#[derive(Debug)]
struct Chosen {
    is_shipped: bool,
    given: Vec<PathBuf>,
    compiled: OnceLock<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    rules: ::yara::Rules,
    refused: Vec<::yara::Refused>,
    packs: Vec<RulePack>,
    is_unreadable: bool,
}

impl Yara {
    /// The shipped rules, if wanted, and those of files and folders, which are read and compiled at once.
    ///
    /// # Errors
    /// None; a build without YARA has some.
    #[expect(clippy::unnecessary_wraps, reason = "a build without YARA refuses rules")]
    pub fn choose(is_shipped: bool, given: &[PathBuf]) -> Result<Self> {
        if !is_shipped && given.is_empty() {
            return Ok(Self(None));
        }
        let chosen = Chosen { is_shipped, given: given.to_vec(), compiled: OnceLock::new() };
        if !given.is_empty() {
            chosen.compiled();
        }
        Ok(Self(Some(Arc::new(chosen))))
    }

    pub fn patterns(&self) -> Option<Arc<dyn Patterns>> {
        self.0.clone().map(|chosen| chosen as Arc<dyn Patterns>)
    }

    /// What came of the rules, if they were used.
    pub fn tell(&self, _: &Tally, packs: &mut Packs) {
        let Some(compiled) = self.0.as_ref().and_then(|chosen| chosen.compiled.get()) else { return };
        packs.packs.extend(compiled.packs.iter().cloned());
        packs.unreadable |= compiled.is_unreadable;
        let refused = |::yara::Refused { path, line, reason }: ::yara::Refused| sigma::Refused {
            path,
            line: line.map_or(0, |line| line as usize),
            reason,
        };
        packs.loaded.refused.extend(compiled.refused.iter().cloned().map(refused));
    }
}

impl Chosen {
    fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| {
            let (mut loader, mut packs) = (::yara::Loader::default(), Vec::new());
            if self.is_shipped {
                super::shipped().for_each(|(path, text)| loader.add(&path, text.as_bytes()));
                packs.push(("YARA, shipped with dreamcatcher".to_owned(), env!("CARGO_PKG_VERSION"), loader.pack()));
            }
            for path in &self.given {
                loader.add_path(path);
                packs.push((format!("YARA, {}", path.display()), "", loader.pack()));
            }
            let (rules, refused, is_unreadable) = loader.finish();
            let packs = packs.into_iter().map(|(name, version, pack)| RulePack {
                name,
                version: version.to_owned(),
                sha256: pack.sha256(),
                rules: rules.count_of(&pack) as u64,
            });
            Compiled { rules, refused, packs: packs.collect(), is_unreadable }
        })
    }
}

impl Patterns for Chosen {
    fn scanner(&self) -> Box<dyn Scanner> {
        self.compiled().rules.scanner()
    }
}
