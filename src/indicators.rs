//! The indicators a hunt looks for: those that come with the program, and those given.

use std::sync::atomic::Ordering::Relaxed;

use include_dir::{Dir, include_dir};
use intel::{Counts, Indicators, Intel, Loader, Refused};

use crate::cli::IndicatorArguments;

/// The lists that come with the program.
static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/intel");

/// Indicators, ready to be looked for, and what came of their lists.
pub struct Known {
    pub intel: Intel,
    /// Whether a path was given of which nothing can be read; it is told of among the refused.
    pub unreadable: bool,
    refused: Vec<Refused>,
    left_out: Vec<(String, u64)>,
}

impl Known {
    /// Loads what the arguments ask for.
    pub fn load(arguments: &IndicatorArguments) -> Self {
        let mut loader = Loader::default();
        if !arguments.no_shipped_indicators {
            add_shipped(&mut loader);
        }
        arguments.indicators.iter().for_each(|path| loader.add_path(path));
        let loaded = loader.finish();
        Self {
            intel: Intel::new(loaded.indicators),
            unreadable: loaded.unreadable,
            refused: loaded.refused,
            left_out: loaded.left_out,
        }
    }

    /// What a report says of them; nothing where no list was asked for.
    pub fn summary(&self) -> Option<report::Indicators> {
        let indicators: &Indicators = self.intel.indicators();
        let Counts { expired } = self.intel.counts();
        let list = |source: &intel::Source| report::IndicatorList { path: source.path.clone(), entries: source.used };
        let left_out =
            |(reason, entries): &(String, u64)| report::LeftOut { reason: reason.clone(), entries: *entries };
        let refused = |one: &Refused| report::RuleProblem {
            path: one.path.clone(),
            line: (one.line > 0).then_some(one.line),
            reason: one.reason.clone(),
        };
        let is_any = !indicators.sources.is_empty() || !self.refused.is_empty();
        is_any.then(|| report::Indicators {
            loaded: indicators.len() as u64,
            lists: indicators.sources.iter().map(list).collect(),
            left_out: self.left_out.iter().map(left_out).collect(),
            refused: self.refused.iter().map(refused).collect(),
            expired: expired.load(Relaxed),
        })
    }
}

/// Adds the lists that come with the program; their paths begin with `intel/`.
fn add_shipped(loader: &mut Loader) {
    let mut files: Vec<_> =
        SHIPPED.files().filter(|file| file.path().extension().is_some_and(|end| end == "csv")).collect();
    files.sort_by_key(|file| file.path());
    for file in files {
        let path = format!("intel/{}", file.path().display());
        // What lies in memory can be read.
        let _ = loader.add(&path, &mut file.contents());
    }
}
