//! Source trees and packages: what the settings of a project run by themselves.
//!
//! | file | when | what is told |
//! |---|---|---|
//! | `.vscode/tasks.json`, `*.code-workspace` | the folder is opened in Visual Studio Code | each task: its command, when it runs, how it hides |
//! | `package.json` | the package is installed, or tested, by npm | each script that runs by itself |
//! | `.git/config`, `.gitmodules` | git is used in the folder | each setting that names a command |
//! | `Cargo.toml`, `pyproject.toml` | the package is built, or installed | each file of its own that runs then |
//!
//! Each is one event of category `tree`, and so is each difference of a copy from its original ([`Upstream`]). Scripts in the tree are files and judged as such; to
//! which of them a setting leads, and which programs lie among them, is told when all evidence has been read ([`Project`]).

mod build;
mod git;
mod json;
mod npm;
mod project;
mod upstream;
mod vscode;
mod words;

pub use self::project::Project;
pub use upstream::Upstream;

use std::sync::Arc;

use event::{Damage, Detector, Piece, Position, Time};
use evidence::{Block, Cutter, Format, Output, Reader};

use crate::{
    Facts, Kind, Patterns, Shower,
    file::{Label, Whole},
    patterns::Looker,
};

/// Settings that run something: field and value each.
type Setting = Vec<(&'static str, String)>;

/// How a file of settings is recognised by what it begins with and its name, and how it is read.
type Reads = (fn(&[u8], &str) -> bool, fn(&str) -> Result<Vec<Setting>, String>);

/// The files that are looked at.
const FILES: &[Reads] = &[
    (vscode::recognises, vscode::settings),
    (npm::recognises, npm::settings),
    (git::recognises, git::settings),
    (build::recognises, build::settings),
];

/// Larger settings nobody writes.
const LIMIT: usize = 4 << 20;

/// Settings of one file that are told.
const MOST: usize = 1000;

/// The settings of projects, by which commands run.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    patterns: Option<Arc<dyn Patterns>>,
    project: Project,
}

impl Settings {
    /// Settings in which patterns are looked for, if there are any.
    pub fn matching(patterns: Option<Arc<dyn Patterns>>) -> Self {
        Self { patterns, ..Self::default() }
    }

    /// The same, told together with the files of `project`.
    pub fn within(self, project: Project) -> Self {
        Self { project, ..self }
    }
}

impl Format for Settings {
    fn name(&self) -> &'static str {
        "project settings"
    }

    fn recognises(&self, head: &[u8], name: &str) -> bool {
        FILES.iter().any(|(recognises, _)| recognises(head, name))
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::<Whole>::default()
    }

    fn reader(&self) -> Box<dyn Reader> {
        let looker = Looker::new(self.patterns.as_ref());
        Box::new(SettingsReader { shower: Shower::default(), looker, project: self.project.clone() })
    }

    fn is_wanted(&self, detector: &mut dyn Detector) -> bool {
        Shower::default().wants(Kind::Tree, detector)
    }

    fn end(&self, detector: &mut dyn Detector) -> Vec<(Arc<Piece>, Output)> {
        self.project.shown(detector)
    }
}

struct SettingsReader {
    shower: Shower,
    looker: Looker,
    project: Project,
}

impl Reader for SettingsReader {
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output) {
        let label = Label::of(&piece.path);
        let damage = |reason| Damage { position: Position::Offset(0), records: 1, reason };
        let settings = match settings(&block.bytes, label.name) {
            Ok(settings) => settings,
            Err(reason) => return output.damages.push(damage(reason)),
        };
        output.records = settings.len().max(1) as u64;
        if settings.len() > MOST {
            output
                .damages
                .push(damage(format!("limit: expected at most {MOST} settings that run something, found more")));
        }
        let time = block.modified.unwrap_or(Time::from_nanos(0));
        self.file(piece, label, Some(time), &block.bytes, detector, output);
        // A file that runs nothing may name something all the same.
        let nothing = settings.is_empty().then(Setting::new);
        for (number, setting) in (1..).zip(settings.iter().take(MOST).chain(&nothing)) {
            let mut facts = Facts::new(Kind::Tree, Position::Record(number), Some(time));
            facts.tell("Inside", label.inside);
            facts.tell("Path", label.path);
            facts.tell("Name", label.name);
            setting.iter().for_each(|(name, value)| facts.tell(*name, value.clone()));
            let content = if number == 1 { block.bytes.as_slice() } else { &[] };
            self.shower.show_with(piece, &facts, content, detector, &mut output.seen);
        }
        self.project.add_settings(&piece.path, settings.into_iter().take(MOST).collect(), time);
    }
}

impl SettingsReader {
    /// Shows the file itself, where patterns match in it.
    fn file(
        &mut self,
        piece: &Arc<Piece>,
        label: Label<'_>,
        time: Option<Time>,
        bytes: &[u8],
        detector: &mut dyn Detector,
        output: &mut Output,
    ) {
        let mut facts = Facts::new(Kind::File, Position::Record(1), time);
        let problem = self.looker.tell(label.whole, label.name, bytes, &mut facts);
        output.damages.extend(problem.map(|reason| Damage { position: Position::Offset(0), records: 0, reason }));
        if facts.values("YaraRule").next().is_some() {
            for (name, value) in [("Inside", label.inside), ("Path", label.path), ("Name", label.name)] {
                facts.tell(name, value);
            }
            self.shower.show(piece, &facts, detector, &mut output.seen);
        }
    }
}

fn settings(bytes: &[u8], name: &str) -> Result<Vec<Setting>, String> {
    let text = bytes
        .get(..LIMIT + 1)
        .map_or(Ok(bytes), |_| Err(format!("limit: expected at most {LIMIT} bytes, found more")))?;
    let text = String::from_utf8_lossy(text);
    let known = FILES.iter().find(|(recognises, _)| recognises(bytes, name));
    known.map_or(Ok(Vec::new()), |(_, settings)| settings(text.trim_start_matches('\u{feff}')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, text: &str) -> Vec<String> {
        assert!(Settings::default().recognises(text.as_bytes(), name), "{name}");
        let settings = settings(text.as_bytes(), name).unwrap();
        settings
            .iter()
            .map(|setting| setting.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
            .collect()
    }

    #[test]
    fn tasks() {
        let text = r#"{ // tasks
            "version": "2.0.0",
            "tasks": [{"label": "env", "type": "shell", "command": "node", "args": [".vscode/logo", {"value": "-x"}],
                "presentation": {"reveal": "never", "echo": false, "close": true, "hide": true}, /* hidden */
                "runOptions": {"runOn": "folderOpen"}, "windows": {"command": "cmd /c curl https://example.org"}},
                {"label": "build", "command": "make"},]
        }"#;
        assert_eq!(
            told("tasks.json", text),
            [
                "Setting=task Label=env Command=node .vscode/logo -x Command=cmd /c curl https://example.org RunsOn=folderOpen Hides=reveal Hides=echo Hides=close",
                "Setting=task Label=build Command=make"
            ]
        );
        let workspace =
            r#"{"folders": [], "tasks": {"tasks": [{"command": "x", "runOptions": {"runOn": "folderOpen"}}]}}"#;
        assert_eq!(told("a.code-workspace", workspace), ["Setting=task Command=x RunsOn=folderOpen"]);
    }

    #[test]
    fn scripts() {
        let text = r#"{"name": "a", "scripts": {"postinstall": "node -e x", "build": "tsc", "test": "jest"}}"#;
        assert_eq!(
            told("package.json", text),
            [
                "Setting=script Script=build Command=tsc",
                "Setting=script Script=postinstall Command=node -e x RunsOn=install",
                "Setting=script Script=test Command=jest"
            ]
        );
    }

    #[test]
    fn git() {
        let text = "[core]\n\tfsmonitor = \"sh -c id\"\n\tbare = false\n[filter \"x\"]\n\tsmudge=./run %f\n[submodule \"a\"]\n\tupdate = !sh x\n";
        assert_eq!(
            told("config", text),
            [
                "Setting=core.fsmonitor Label= Command=sh -c id RunsOn=git",
                "Setting=filter.smudge Label= Command=./run %f RunsOn=git",
                "Setting=submodule.update Label= Command=!sh x RunsOn=git"
            ]
        );
    }

    #[test]
    fn git_in_other_spellings() {
        let text = "[CORE] FSMonitor = \"sh x\" # y\n[include]\n\tpath = ../x\n[alias]\n\tst = status\n\tx = \"!sh \\\"a b\\\"\"\n[filter \"a]b\"]\n clean = ./a \\\n b\n[remote \"origin\"]\n\turl = ext::sh -c x\n";
        assert_eq!(
            told("config", text),
            [
                "Setting=core.fsmonitor Label= Command=sh x RunsOn=git",
                "Setting=include.path Label= Command=../x RunsOn=git",
                "Setting=alias Label=x Command=!sh \"a b\" RunsOn=request",
                "Setting=filter.clean Label= Command=./a  b RunsOn=git",
                "Setting=remote.url Label= Command=ext::sh -c x RunsOn=git",
            ]
        );
        let text = "[submodule \"a\"]\n\turl = -u./payload\n\tpath = a\n\turl = https://example.org/a\n";
        assert_eq!(told(".gitmodules", text), ["Setting=submodule.url Label= Command=-u./payload RunsOn=git"]);
    }

    #[test]
    fn tasks_that_inherit() {
        let text = r#"{"command": "node", "args": ["a"], "presentation": {"reveal": "never", "close": true}, "tasks": [
            {"label": "one", "dependsOn": ["two", "npm: dev"], "runOptions": {"runOn": "folderOpen"}, "presentation": {"reveal": "always"}},
            {"label": "two", "type": "npm", "script": "start", "path": "client/", "dependsOn": "one"},
            {"label": "three", "args": ["b"]}]}"#;
        assert_eq!(
            told("tasks.json", text),
            [
                "Setting=task Label=one Command=node a Command=npm run dev RunsOn=folderOpen Hides=close",
                "Setting=task Label=two Command=npm run start Folder=client/ RunsOn=folderOpen Hides=reveal Hides=close",
                "Setting=task Label=three Command=node b Hides=reveal Hides=close",
            ]
        );
    }

    #[test]
    fn files_that_build() {
        assert_eq!(
            told("Cargo.toml", "[package]\nbuild = \"tools/gen.rs\"\n"),
            ["Setting=build File=tools/gen.rs RunsOn=build"]
        );
        assert_eq!(told("Cargo.toml", "[package]\nbuild = false\n"), [""; 0]);
        let text = "[build-system]\nbuild-backend = \"own.back\"\nbackend-path = [\"tools\"]\n";
        assert_eq!(
            told("pyproject.toml", text),
            ["Setting=build-backend RunsOn=install File=tools/own/back.py File=tools/own/back/__init__.py"]
        );
        assert!(settings(b"[x", "Cargo.toml").is_err());
    }

    #[test]
    fn what_is_damaged_or_no_setting() {
        assert!(settings(b"{\"scripts\": ", "package.json").is_err());
        assert!(!Settings::default().recognises(b"[core]", "config.ini"));
        assert!(!Settings::default().recognises(b"Port 22\n", "config"));
        assert!(!Settings::default().recognises(b"{\"event\": 1}", "events.json"));
        let deep = "[".repeat(100_000);
        assert!(settings(deep.as_bytes(), "tasks.json").is_err());
    }
}
