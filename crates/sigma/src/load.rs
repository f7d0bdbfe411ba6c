//! Files of rules: read, parsed, and whatever cannot be used named with its reason.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use event::RuleInfo;
use sha2::{Digest, Sha256};

use crate::{
    compile::Classes,
    correlate,
    correlation::Correlation,
    idle::idle,
    matcher::Rules,
    modifier::Unusable,
    rule::{self, Document, Filter, Placeholders, Rule},
    taxonomy::Taxonomy,
    test::Expr,
    yaml::{self, Entry, Kind, Node, Problem},
};

/// A rule or file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// The file.
    pub path: String,
    /// Counted from 1; 0 where the whole file is meant.
    pub line: usize,
    /// Lower case, without a full stop.
    pub reason: String,
}

/// A rule that is right but has nothing to look at, or lacks something only the site can give.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotApplicable {
    /// The file.
    pub path: String,
    /// The rule's title.
    pub title: String,
    /// Lower case, without a full stop.
    pub reason: String,
}

/// What came of loading.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Usable detection rules, in the order of their paths, with filters applied by [`Loaded::apply_filters`].
    pub rules: Vec<Rule>,
    /// Correlation rules, in the order of their paths.
    pub correlations: Vec<Correlation>,
    /// Filters.
    pub filters: Vec<Filter>,
    /// What cannot be used.
    pub refused: Vec<Refused>,
    /// Right, but without the values it needs.
    pub not_applicable: Vec<NotApplicable>,
    /// The SHA-256 of every file read.
    pub files: Vec<[u8; 32]>,
}

/// A file of rules: as it was named, and where it lies.
struct RuleFile {
    path: PathBuf,
    real: PathBuf,
}

/// A file of rules larger than this is none.
const MAX_FILE: u64 = 4 << 20;

impl Loaded {
    /// Adds the rules of files and folders (`.yml` and `.yaml`, in upper or lower case, walked in order of their names), but for files
    /// that are among `seen`; they join it. Files are read on `threads` threads; the result does not depend on how many.
    pub fn add_paths(
        &mut self,
        paths: &[PathBuf],
        seen: &mut HashSet<PathBuf>,
        placeholders: &Placeholders,
        threads: usize,
    ) {
        let mut files = Vec::new();
        paths.iter().for_each(|path| self.walk(path, &mut files));
        let unseen = files.into_iter().filter_map(|RuleFile { path, real }| seen.insert(real).then_some(path));
        let files: Vec<PathBuf> = unseen.collect();
        let chunk = files.len().div_ceil(threads.max(1) * 4).max(16);
        let parts: Vec<Mutex<Loaded>> = files.chunks(chunk).map(|_| Mutex::default()).collect();
        let next = std::sync::atomic::AtomicUsize::new(0);
        let work = || {
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some((files, part)) = files.chunks(chunk).nth(at).zip(parts.get(at)) else { break };
                let mut loaded = Loaded::default();
                files.iter().for_each(|file| loaded.add_file(file, placeholders));
                *part.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = loaded;
            }
        };
        std::thread::scope(|scope| {
            (1..threads).for_each(|_| drop(scope.spawn(work)));
            work();
        });
        for part in parts {
            self.merge(part.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner));
        }
    }

    /// Collects the files of a path. What cannot be read is refused by its own name, and costs nothing beside it.
    fn walk(&mut self, path: &Path, files: &mut Vec<RuleFile>) {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.walk_folder(path, &real, files),
            Ok(_) => files.push(RuleFile { path: path.to_owned(), real }),
            Err(error) => self.refuse(&path.to_string_lossy(), 0, format!("cannot be read: {error}")),
        }
    }

    /// `real` is the folder without links; nothing below it is reached by one.
    fn walk_folder(&mut self, folder: &Path, real: &Path, files: &mut Vec<RuleFile>) {
        let mut entries = Vec::new();
        match fs::read_dir(folder) {
            Ok(found) => entries.extend(found.filter_map(Result::ok)),
            Err(error) => self.refuse(&folder.to_string_lossy(), 0, format!("cannot be read: {error}")),
        }
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, real) = (entry.path(), real.join(entry.file_name()));
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.walk_folder(&path, &real, files),
                // Links out of the folder may lead anywhere, even back.
                Ok(kind) if kind.is_symlink() && (is_yaml(&path) || path.is_dir()) => {
                    self.refuse(&path.to_string_lossy(), 0, "links in a folder of rules are not followed".into());
                }
                Ok(_) if is_yaml(&path) => files.push(RuleFile { path, real }),
                Ok(_) => {}
                Err(error) => self.refuse(&path.to_string_lossy(), 0, format!("cannot be read: {error}")),
            }
        }
    }

    fn add_file(&mut self, file: &Path, placeholders: &Placeholders) {
        let path = file.to_string_lossy();
        let too_large = fs::metadata(file).is_ok_and(|metadata| metadata.len() > MAX_FILE);
        if too_large {
            return self.refuse(&path, 0, format!("larger than {} MiB, which no file of rules is", MAX_FILE >> 20));
        }
        match fs::read(file).map(String::from_utf8) {
            Ok(Ok(text)) => self.add_text(&path, &text, placeholders),
            Ok(Err(error)) => {
                let line =
                    1 + error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|b| **b == b'\n').count();
                self.refuse(&path, line, "not UTF-8 text".into());
            }
            Err(error) => self.refuse(&path, 0, format!("cannot be read: {error}")),
        }
    }

    /// Adds the documents of one file's text; `path` is for reports.
    pub fn add_text(&mut self, path: &str, text: &str, placeholders: &Placeholders) {
        self.files.push(Sha256::digest(text).into());
        let (documents, problem) = yaml::documents(text);
        if documents.is_empty() && problem.is_none() {
            self.refuse(path, 1, "the file holds no rule".into());
        }
        let mut global: Option<Node> = None;
        for mut node in documents {
            match node.text("action") {
                Some("global") => {
                    global = Some(without_action(node));
                    continue;
                }
                Some("reset") => {
                    global = None;
                    continue;
                }
                Some(other) => {
                    let message = format!("unknown action '{other}'");
                    self.refuse(path, node.line, message);
                    continue;
                }
                None => {}
            }
            if let Some(global) = &global {
                node = merged(global, node);
            }
            self.add_document(path, &node, placeholders);
        }
        if let Some(Problem { line, message }) = problem {
            self.refuse(path, line, message);
        }
    }

    fn add_document(&mut self, path: &str, node: &Node, placeholders: &Placeholders) {
        match rule::document(node, path, placeholders) {
            Ok(Document::Rule(rule)) => self.rules.push(*rule),
            Ok(Document::Correlation(correlation)) => self.correlations.push(*correlation),
            Ok(Document::Filter(filter)) => self.filters.push(*filter),
            Err(Unusable::Refused(Problem { line, message })) => self.refuse(path, line, message),
            Err(Unusable::NotApplicable(reason)) => {
                let title = node.text("title").unwrap_or_default().to_owned();
                self.not_applicable.push(NotApplicable { path: path.to_owned(), title, reason });
            }
        }
    }

    /// One SHA-256 (in hexadecimal) over all files, wherever they lie and in whatever order they were read.
    pub fn fingerprint(&self) -> String {
        let mut files = self.files.clone();
        files.sort_unstable();
        let digest: [u8; 32] = Sha256::digest(files.concat()).into();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Adds each filter's condition to the rules it is meant for, and reports filters that are meant for none.
    pub fn apply_filters(&mut self) {
        for filter in std::mem::take(&mut self.filters) {
            let mut used = false;
            for rule in self.rules.iter_mut().filter(|rule| filter.applies_to(rule)) {
                let expr = std::mem::replace(&mut rule.expr, Expr::All(vec![]));
                rule.expr = Expr::All(vec![expr, filter.expr.clone()]);
                used = true;
            }
            if !used {
                self.not_applicable.push(NotApplicable {
                    path: filter.path.clone(),
                    title: filter.title.clone(),
                    reason: "the filter is meant for no rule that was loaded".into(),
                });
            }
            self.filters.push(filter);
        }
    }

    /// Leaves the rules that are wanted, and in silence those that wanted correlations name.
    pub fn choose(&mut self, is_wanted: impl Fn(&RuleInfo) -> bool) {
        self.rules.iter_mut().for_each(|rule| rule.silent = !is_wanted(&rule.info));
        self.correlations.iter_mut().for_each(|rule| rule.silent = !is_wanted(&rule.info));
        // Whom no wanted correlation names is found out when they are put together.
        if self.correlations.iter().all(|rule| rule.silent) {
            self.correlations.clear();
        }
    }

    /// Compiles the rules; those that no evidence can concern are told of in `not_applicable`, correlations that cannot be put together in
    /// `refused`.
    pub fn compile(&mut self, taxonomy: &Taxonomy) -> Rules {
        let refused = self.refused.len();
        let plan = correlate::plan(&mut self.rules, &self.correlations, &mut self.refused);
        // Each of those that are refused here is a correlation.
        let correlations = self.correlations.len().saturating_sub(self.refused.len() - refused);
        let mut rules = std::mem::take(&mut self.rules);
        rules.retain(|rule| !rule.silent || rule.followed.is_some() || rule.spoken_for);
        let (classes, others) = Classes::new(rules, taxonomy);
        let without_evidence = others.iter().filter_map(|(rule, _)| rule.followed.as_ref().map(|rule| rule.number));
        let idle = idle(&plan, &without_evidence.collect());
        let idle_count = idle.len();
        for (info, reason) in idle {
            self.not_applicable.push(NotApplicable { path: info.path.clone(), title: info.title.clone(), reason });
        }
        for (rule, reason) in others {
            let (path, title) = (rule.info.path.clone(), rule.info.title.clone());
            self.not_applicable.push(NotApplicable { path, title, reason });
        }
        Rules { classes: Arc::new(classes), plan: Arc::new(plan), correlations, idle: idle_count }
    }

    fn refuse(&mut self, path: &str, line: usize, reason: String) {
        self.refused.push(Refused { path: path.to_owned(), line, reason });
    }

    /// Adds what another one loaded.
    pub fn merge(&mut self, other: Loaded) {
        self.rules.extend(other.rules);
        self.correlations.extend(other.correlations);
        self.filters.extend(other.filters);
        self.refused.extend(other.refused);
        self.not_applicable.extend(other.not_applicable);
        self.files.extend(other.files);
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("yml") || extension.eq_ignore_ascii_case("yaml"))
}

fn without_action(mut node: Node) -> Node {
    if let Kind::Map(entries) = &mut node.kind {
        entries.retain(|entry| entry.key != "action");
    }
    node
}

/// What `node` says, over what `global` says for all documents behind it; mappings are joined.
fn merged(global: &Node, node: Node) -> Node {
    let (Kind::Map(base), Kind::Map(own)) = (&global.kind, &node.kind) else { return node };
    let mut entries: Vec<Entry> = own.clone();
    for entry in base {
        match entries.iter_mut().find(|own| own.key == entry.key) {
            Some(own) => own.value = merged(&entry.value, own.value.clone()),
            None => entries.push(entry.clone()),
        }
    }
    Node { line: node.line, kind: Kind::Map(entries) }
}
