//! What only the files of one project tell together: to which files its settings lead, and which programs lie among its sources.
//!
//! `"postinstall": "node lib/setup.js"` says nothing; what `lib/setup.js` does, does. So settings that run by themselves are followed: through the scripts
//! of `package.json` that a command names, to the files, and to those that these name in turn.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use event::{Damage, Detector, Piece, Position, Time};
use evidence::Output;

use super::{Setting, words};
use crate::{
    Facts, Kind, Shower,
    file::{Class, Label, Type},
};

/// So many bytes of what is known of files and settings are remembered.
const MOST: usize = 64 << 20;
/// Files that one setting leads to, and how many files lie between.
const FILES: usize = 64;
const DEPTH: usize = 4;
/// Commands that one setting leads to.
const COMMANDS: usize = 32;
/// Paths that are remembered of one file.
const PATHS: usize = 64;
/// Programs that are told of.
const PROGRAMS: usize = 1000;

/// Facts of a file that are told of what leads to it.
const OF_FILE: &[&str] = &[
    "Type",
    "Class",
    "Extension",
    "Fetches",
    "Decodes",
    "Evaluates",
    "Executes",
    "EvaluatesFetched",
    "EvaluatesDecoded",
    "ExecutesFetched",
    "ExecutesDecoded",
    "FetchesAndRuns",
];

/// What is known of projects, to be shared by the readers of their settings and of their files. A scan of its own for each value.
#[derive(Clone, Debug, Default)]
pub struct Project(Arc<Mutex<Known>>);

impl Project {
    /// Remembers a file, if it is a program, or code, which may name others.
    pub(crate) fn add_file(&self, label: &str, kind: Type, of_file: &Facts, bytes: &[u8]) {
        if !kind.is_code() && kind.class() != Class::Program {
            return;
        }
        let mut facts = Facts::new(Kind::Tree, Position::Record(1), of_file.time());
        facts.copy(of_file, OF_FILE);
        let code = if kind.is_code() { bytes } else { b"" };
        let paths =
            words::paths(code, matches!(kind, Type::Shell | Type::Batch | Type::PowerShell)).take(PATHS).collect();
        self.add(label, Entry::File { facts, paths });
    }

    /// Remembers the settings of one file.
    pub(super) fn add_settings(&self, label: &str, settings: Vec<Setting>, time: Time) {
        self.add(label, Entry::Settings { settings, time });
    }

    fn add(&self, label: &str, entry: Entry) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(label, entry);
    }

    /// Shows what all of it tells together; each output with the piece that it is about.
    pub(super) fn shown(&self, detector: &mut dyn Detector) -> Vec<(Arc<Piece>, Output)> {
        let known = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut shower = Shower::default();
        if !shower.wants(Kind::Tree, detector) {
            return Vec::new();
        }
        let told = known.told();
        let mut outputs: Vec<_> = told
            .facts
            .into_iter()
            .map(|(path, facts)| {
                let (piece, mut output) = (Arc::new(Piece { path }), Output::default());
                shower.show(&piece, &facts, detector, &mut output.seen);
                (piece, output)
            })
            .collect();
        outputs.extend(told.damages.into_iter().map(|(path, reason)| {
            let damage = Damage { position: Position::Record(1), records: 0, reason };
            (Arc::new(Piece { path }), Output { damages: vec![damage], ..Output::default() })
        }));
        outputs
    }
}

/// What is remembered of a piece.
#[derive(Clone, Debug)]
enum Entry {
    File { facts: Facts, paths: Vec<Box<str>> },
    Settings { settings: Vec<Setting>, time: Time },
}

impl Entry {
    /// About how many bytes it takes up.
    fn weight(&self) -> usize {
        match self {
            Self::File { facts, paths } => facts.weight() + paths.iter().map(|path| 16 + path.len()).sum::<usize>(),
            Self::Settings { settings, .. } => settings.iter().flatten().map(|(_, value)| 48 + value.len()).sum(),
        }
    }
}

/// Files and settings by their labels. What is remembered does not depend on the order in which they came.
#[derive(Debug, Default)]
struct Known {
    entries: BTreeMap<Box<str>, Entry>,
    weight: usize,
    /// From this label on nothing is remembered, since there was no room.
    cut: Option<Box<str>>,
}

/// What is told at the end, each with the label that it is about.
#[derive(Default)]
struct Told {
    facts: Vec<(String, Facts)>,
    damages: Vec<(String, String)>,
}

impl Known {
    fn add(&mut self, label: &str, entry: Entry) {
        if self.cut.as_deref().is_some_and(|cut| label >= cut) {
            return;
        }
        self.weight += 128 + label.len() + entry.weight();
        self.entries.insert(label.into(), entry);
        while self.weight > MOST {
            let Some((label, entry)) = self.entries.pop_last() else { break };
            self.weight -= 128 + label.len() + entry.weight();
            self.cut = Some(label);
        }
    }

    fn told(&self) -> Told {
        let mut told = Told::default();
        for (label, entry) in &self.entries {
            match entry {
                Entry::Settings { settings, time } => {
                    for (number, setting) in
                        (1..).zip(settings).filter(|(_, setting)| values(setting, "RunsOn").next().is_some())
                    {
                        self.follow(label, number, setting, *time, &mut told);
                    }
                }
                Entry::File { paths, facts } if words::is_hook(label) => {
                    let runs = paths.iter().map(|path| ("File", path.to_string()));
                    let hook = [("Setting", "hook".to_owned()), ("RunsOn", "git".to_owned())];
                    let setting = hook.into_iter().chain(runs).collect();
                    self.follow(label, 1, &setting, facts.time().unwrap_or(Time::from_nanos(0)), &mut told);
                }
                Entry::File { .. } => {}
            }
        }
        self.programs(&mut told);
        if let Some(label) = &self.cut {
            let reason = format!(
                "limit: more than {MOST} bytes to be remembered of projects: from here on, no file was looked at together with its project"
            );
            told.damages.push((label.to_string(), reason));
        }
        told
    }

    /// Tells the commands and the files that a setting leads to.
    fn follow(&self, label: &str, number: u64, setting: &Setting, time: Time, told: &mut Told) {
        let mut trail = Trail { known: self, commands: Vec::new(), files: BTreeMap::new(), is_cut: false };
        let folder = words::project(label);
        let folders = values(setting, "Folder").map(|inner| words::join(&folder, inner)).collect::<Vec<_>>();
        let folder = folders.first().unwrap_or(&folder);
        values(setting, "File").for_each(|path| trail.file(folder, path, DEPTH));
        let raw: Vec<_> = values(setting, "Command").collect();
        raw.iter().for_each(|command| trail.command(folder, command, DEPTH));
        if values(setting, "Setting").next() == Some("core.hookspath") {
            raw.iter().for_each(|path| trail.folder(&words::join(folder, path)));
        }
        let begun = || {
            let at = Label::of(label);
            let mut facts = Facts::new(Kind::Tree, Position::Record(number), Some(time));
            facts.tell("Inside", at.inside);
            facts.tell("Path", at.path);
            facts.tell("Name", at.name);
            for (name, value) in
                setting.iter().filter(|(name, _)| matches!(*name, "Setting" | "Label" | "Script" | "RunsOn"))
            {
                facts.tell(*name, value.clone());
            }
            raw.iter().for_each(|command| facts.tell("Through", *command));
            facts
        };
        if !trail.commands.is_empty() {
            let mut facts = begun();
            trail.commands.iter().for_each(|command| facts.tell("Command", *command));
            told.facts.push((label.to_owned(), facts));
        }
        for (path, of_file) in &trail.files {
            let mut facts = begun();
            facts.tell("RunsFile", *path);
            facts.copy(of_file, OF_FILE);
            told.facts.push((label.to_owned(), facts));
        }
        if trail.is_cut {
            let reason = format!(
                "limit: setting {number} leads to more than {FILES} files or {COMMANDS} commands; no more were looked at together with it"
            );
            told.damages.push((label.to_owned(), reason));
        }
    }

    /// Tells the programs among the sources of a project, and what names them.
    fn programs(&self, told: &mut Told) {
        let is_program = |facts: &Facts| facts.values("Type").any(|kind| matches!(&*kind, "PE" | "ELF" | "Mach-O"));
        let files = self.entries.iter().filter_map(|(label, entry)| match entry {
            Entry::File { facts, .. } if is_program(facts) => Some((&**label, facts)),
            _ => None,
        });
        let projects: BTreeSet<String> = self
            .entries
            .iter()
            .filter_map(|(label, entry)| {
                let is_settings = matches!(entry, Entry::Settings { .. }) || Label::of(label).name == "setup.py";
                is_settings.then(|| words::project(label))
            })
            .collect();
        let among: Vec<_> = files
            .filter_map(|(label, facts)| Some((label, facts, words::project_of(label, &projects)?)))
            .take(PROGRAMS + 1)
            .collect();
        if among.is_empty() {
            return;
        }
        let named = self.named();
        for (label, of_file, project) in among.iter().take(PROGRAMS) {
            let at = Label::of(label);
            let mut facts = Facts::new(Kind::Tree, Position::Record(1), of_file.time());
            facts.tell("Inside", at.inside);
            facts.tell("Path", at.path);
            facts.tell("Name", at.name);
            facts.tell("Setting", "program");
            facts.tell("Project", *project);
            named.get(label).into_iter().for_each(|by| facts.tell("NamedBy", *by));
            facts.copy(of_file, OF_FILE);
            told.facts.push(((*label).to_owned(), facts));
        }
        if let Some((label, _, _)) = among.get(PROGRAMS) {
            let reason = format!("limit: {PROGRAMS} programs among sources are told of, and no more");
            told.damages.push(((*label).to_owned(), reason));
        }
    }

    /// The files that code or settings name, and the first that does.
    fn named(&self) -> BTreeMap<&str, &str> {
        let mut named = BTreeMap::new();
        for (label, entry) in &self.entries {
            let project = words::project(label);
            let own = Label::of(label).folder;
            let found: Vec<&str> = match entry {
                Entry::File { paths, .. } => paths
                    .iter()
                    .flat_map(|path| [own, project.as_str()].map(|folder| self.find(folder, path)))
                    .flatten()
                    .collect(),
                Entry::Settings { settings, .. } => {
                    let commands = settings.iter().flat_map(|setting| values(setting, "Command"));
                    commands.flat_map(words::of_command).filter_map(|word| self.find(&project, word)).collect()
                }
            };
            for name in found.into_iter().filter(|name| *name != &**label) {
                named.entry(name).or_insert(&**label);
            }
        }
        named
    }

    /// The file that a path in a folder means.
    fn find(&self, folder: &str, path: &str) -> Option<&str> {
        let path = words::join(folder, path);
        let whole = |ending: &&str| {
            let (label, entry) = self.entries.get_key_value(format!("{path}{ending}").as_str())?;
            matches!(entry, Entry::File { .. }).then_some(&**label)
        };
        ENDINGS.iter().find_map(whole)
    }
}

/// What may be left out of a path.
const ENDINGS: &[&str] = &[
    "",
    ".js",
    ".cjs",
    ".mjs",
    ".ts",
    ".py",
    ".rs",
    ".exe",
    "/index.js",
    "/index.cjs",
    "/index.ts",
    "/__main__.py",
    "/__init__.py",
];

fn values<'a>(setting: &'a Setting, name: &'static str) -> impl Iterator<Item = &'a str> {
    setting.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value.as_str())
}

/// What one setting leads to.
struct Trail<'a> {
    known: &'a Known,
    commands: Vec<&'a str>,
    files: BTreeMap<&'a str, &'a Facts>,
    is_cut: bool,
}

impl<'a> Trail<'a> {
    /// Follows a command that is run in a folder.
    fn command(&mut self, folder: &str, command: &str, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let (mut folder, mut words) = (folder.to_owned(), words::of_command(command).peekable());
        while let Some(word) = words.next() {
            match word {
                "cd" | "--prefix" | "-C" | "--cwd" => {
                    folder = words.next().map_or(folder.clone(), |inner| words::join(&folder, inner))
                }
                "npm" | "yarn" | "pnpm" | "bun" | "cnpm" => {
                    let asked: Vec<&str> =
                        std::iter::from_fn(|| words.next_if(|word| !words::ends_command(word) && *word != "--"))
                            .collect();
                    if let Some(at) = asked.iter().position(|word| matches!(*word, "--prefix" | "-C" | "--cwd")) {
                        folder = asked.get(at + 1).map_or(folder.clone(), |inner| words::join(&folder, inner));
                    }
                    self.scripts(&folder, &asked, depth);
                }
                "-m" => {
                    if let Some(module) = words.next() {
                        self.file(&folder, &module.replace('.', "/"), depth);
                    }
                }
                _ => self.file(&folder, word, depth),
            }
        }
    }

    /// Follows the scripts of a package that npm, or what is like it, is asked to run.
    fn scripts(&mut self, folder: &str, asked: &[&str], depth: usize) {
        let label = words::join(folder, "package.json");
        let Some(Entry::Settings { settings, .. }) = self.known.entries.get(label.as_str()) else { return };
        let installs = asked.iter().all(|word| word.starts_with('-'))
            || asked.iter().any(|word| matches!(*word, "install" | "i" | "ci" | "add"));
        let is_asked = |script: &str| {
            let bare = script.strip_prefix("pre").or_else(|| script.strip_prefix("post"));
            asked.iter().any(|word| *word == script || Some(*word) == bare)
        };
        for setting in settings {
            let on_installing = installs && values(setting, "RunsOn").next() == Some("install");
            if !on_installing && !values(setting, "Script").next().is_some_and(is_asked) {
                continue;
            }
            for command in values(setting, "Command") {
                if self.commands.contains(&command) {
                    continue;
                }
                if self.commands.len() >= COMMANDS {
                    self.is_cut = true;
                    return;
                }
                self.commands.push(command);
                self.command(folder, command, depth);
            }
        }
    }

    /// Follows a path in a folder, if there is such a file, and the paths that stand in that.
    fn file(&mut self, folder: &str, path: &str, depth: usize) {
        let Some(label) = self.known.find(folder, path) else { return };
        let Some(Entry::File { facts, paths }) = self.known.entries.get(label) else { return };
        if self.files.contains_key(label) {
            return;
        }
        if self.files.len() >= FILES {
            self.is_cut = true;
            return;
        }
        self.files.insert(label, facts);
        let Some(depth) = depth.checked_sub(1) else { return };
        let (own, project) = (Label::of(label).folder, words::project(label));
        for path in paths {
            self.file(own, path, depth);
            if !path.starts_with("../") {
                self.file(&project, path, depth);
            }
        }
    }

    /// Follows all files of a folder.
    fn folder(&mut self, folder: &str) {
        let begin = format!("{folder}/");
        let inside =
            self.known.entries.range(Box::from(begin.as_str())..).take_while(|(label, _)| label.starts_with(&begin));
        let names: Vec<_> =
            inside.filter_map(|(label, _)| label.get(begin.len()..)).filter(|name| !name.contains('/')).collect();
        names.into_iter().for_each(|name| self.file(folder, name, DEPTH));
    }
}
