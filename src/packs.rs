//! The rules a hunt uses: those that come with the program, those fetched by `rules update`, those given.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use include_dir::{Dir, include_dir};
use report::RulePack;
use sigma::{Loaded, Placeholders, Taxonomy};

use crate::{cli::RuleArguments, update};

/// The rules that come with the program, and their cases.
pub static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/rules");

/// All rules, loaded, and what a report says of where they came from.
pub struct Packs {
    /// The rules with all that was refused.
    pub loaded: Loaded,
    /// One entry for each source of rules.
    pub packs: Vec<RulePack>,
    /// Where log sources stand.
    pub taxonomy: Taxonomy,
    /// Whether a path was given of which nothing can be read; it is told of among the refused.
    pub unreadable: bool,
}

impl Packs {
    /// Loads what the arguments ask for.
    pub fn load(arguments: &RuleArguments, threads: usize) -> Result<Self> {
        let placeholders = placeholders(arguments.placeholders.as_deref())?;
        let mut packs = Self {
            loaded: Loaded::default(),
            packs: Vec::new(),
            taxonomy: taxonomy(&arguments.taxonomy)?,
            unreadable: unreadable(&arguments.rules),
        };
        if !arguments.no_shipped_rules {
            packs.add("shipped with dreamcatcher".into(), env!("CARGO_PKG_VERSION").into(), shipped(&placeholders));
        }
        let mut seen = HashSet::new();
        match update::Installed::find()? {
            Some(installed) if arguments.rules.is_empty() => {
                let loaded = from_paths(std::slice::from_ref(&installed.rules), &mut seen, &placeholders, threads);
                installed.check(&loaded)?;
                packs.add(format!("SigmaHQ, from {}", installed.pin.source), installed.pin.date.clone(), loaded);
            }
            _ => {}
        }
        for path in &arguments.rules {
            let loaded = from_paths(std::slice::from_ref(path), &mut seen, &placeholders, threads);
            packs.add(path.display().to_string(), String::new(), loaded);
        }
        packs.loaded.apply_filters();
        Ok(packs)
    }

    fn add(&mut self, name: String, version: String, loaded: Loaded) {
        let rules = loaded.rules.len() as u64;
        self.packs.push(RulePack { name, version, sha256: loaded.fingerprint(), rules });
        self.loaded.merge(loaded);
    }
}

/// Whether there is a path of which nothing can be read.
pub fn unreadable(paths: &[PathBuf]) -> bool {
    let opens = |path: &PathBuf| if path.is_dir() { fs::read_dir(path).is_ok() } else { fs::File::open(path).is_ok() };
    !paths.iter().all(opens)
}

/// The rules of files and folders, but for files that were `seen` before.
pub fn from_paths(
    paths: &[PathBuf],
    seen: &mut HashSet<PathBuf>,
    placeholders: &Placeholders,
    threads: usize,
) -> Loaded {
    let mut loaded = Loaded::default();
    loaded.add_paths(paths, seen, placeholders, threads);
    loaded
}

/// The rules that come with the program; their paths begin with `rules/`.
pub fn shipped(placeholders: &Placeholders) -> Loaded {
    let mut loaded = Loaded::default();
    for (path, text) in shipped_files("yml") {
        loaded.add_text(&path, text, placeholders);
    }
    loaded
}

/// The shipped files whose names end in `.extension`, in order, with their text.
pub fn shipped_files(extension: &str) -> Vec<(String, &'static str)> {
    fn walk(folder: &Dir<'static>, extension: &str, files: &mut Vec<(String, &'static str)>) {
        for file in folder.files() {
            let path = file.path();
            if let (true, Some(text)) = (path.extension().is_some_and(|other| other == extension), file.contents_utf8())
            {
                files.push((format!("rules/{}", path.display()), text));
            }
        }
        folder.dirs().for_each(|folder| walk(folder, extension, files));
    }
    let mut files = Vec::new();
    walk(&SHIPPED, extension, &mut files);
    files.sort();
    files
}

/// The placeholders of a file.
pub fn placeholders(path: Option<&Path>) -> Result<Placeholders> {
    let Some(path) = path else { return Ok(Placeholders::default()) };
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Placeholders::parse(&text).map_err(|problem| anyhow!("{}: {problem}", path.display()))
}

/// The shipped taxonomy and that of further files.
pub fn taxonomy(paths: &[PathBuf]) -> Result<Taxonomy> {
    let mut taxonomy = Taxonomy::shipped();
    for path in paths {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        taxonomy.add(&text).map_err(|problem| anyhow!("{}: {problem}", path.display()))?;
    }
    Ok(taxonomy)
}
