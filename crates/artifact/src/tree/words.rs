//! Words of commands, paths in code, and the folders of projects.

use std::collections::BTreeSet;

use crate::file::Label;

/// The longest path that is looked for.
const LONGEST: usize = 200;

/// The words of a command; quotes and brackets part words as blanks do.
pub(super) fn of_command(command: &str) -> impl Iterator<Item = &str> {
    let words =
        command.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | ')' | '<' | '>' | ',' | '='));
    // A separator may stand at the end of a word.
    let parted = words.flat_map(|word| {
        let bare = word.trim_end_matches([';', '&', '|']);
        [bare, word.get(bare.len()..).unwrap_or_default()]
    });
    parted.filter(|word| !word.is_empty() && word.len() <= LONGEST)
}

/// Whether another command begins behind this word.
pub(super) fn ends_command(word: &str) -> bool {
    word.starts_with([';', '&', '|'])
}

/// The paths that stand in code: `./lib/setup`, `../bin/helper`, and in a shell's `bin/helper`.
pub(super) fn paths(bytes: &[u8], is_shell: bool) -> impl Iterator<Item = Box<str>> {
    let words = bytes.split(|byte| byte.is_ascii_whitespace() || b"\"'`(),;|&<>={}[]".contains(byte));
    let paths = words.filter(move |word| {
        let is_path = word.starts_with(b"./") || word.starts_with(b"../") || is_shell && word.contains(&b'/');
        is_path && word.len() <= LONGEST
    });
    let mut seen = BTreeSet::new();
    paths.filter_map(|word| str::from_utf8(word).ok()).filter(move |word| seen.insert(*word)).map(Box::from)
}

/// Whether git runs this file by itself.
pub(super) fn is_hook(label: &str) -> bool {
    let Label { folder, name, .. } = Label::of(label);
    let is_in = |end: &str| folder.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('/'));
    !name.ends_with(".sample") && (is_in(".git/hooks") || is_in(".husky") || is_in(".githooks"))
}

/// The folder of the project that a file of settings, or a hook, belongs to.
pub(super) fn project(label: &str) -> String {
    let folder = Label::of(label).folder;
    let is_settings = |part: &&str| matches!(*part, ".vscode" | ".git" | ".husky" | ".githooks" | ".idea");
    let mut parts = folder.split('/').take_while(|part| !is_settings(part)).peekable();
    if parts.peek().is_none() { String::new() } else { parts.collect::<Vec<_>>().join("/") }
}

/// The nearest of `projects` that a file lies in, within the same archive.
pub(super) fn project_of<'a>(label: &str, projects: &'a BTreeSet<String>) -> Option<&'a str> {
    let mut folder = Label::of(label).folder;
    loop {
        if let Some(project) = projects.get(folder) {
            return Some(project);
        }
        if folder.is_empty() || folder.ends_with('!') {
            return None;
        }
        folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
    }
}

/// A path as it stands in a command or in code, in a folder. It does not lead out of the archive that the folder is in.
pub(super) fn join(folder: &str, path: &str) -> String {
    let path = ["${workspaceFolder}", "${workspaceRoot}", "$PWD", "%cd%"]
        .iter()
        .fold(path, |path, begin| path.strip_prefix(begin).unwrap_or(path));
    let path = path.replace('\\', "/");
    let mut parts: Vec<&str> = if folder.is_empty() { Vec::new() } else { folder.split('/').collect() };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|part| part.ends_with('!')) => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_paths() {
        assert_eq!(
            of_command("cd a; node \"./x.js\"&& sh b|c").collect::<Vec<_>>(),
            ["cd", "a", ";", "node", "./x.js", "&&", "sh", "b|c"]
        );
        let code = b"const a = require('./a/b'), c = spawn(\"../bin/x\"); './a/b'; d/e";
        assert_eq!(paths(code, false).collect::<Vec<_>>(), ["./a/b".into(), "../bin/x".into()] as [Box<str>; 2]);
        assert_eq!(paths(b"exec bin/helper now\n", true).collect::<Vec<_>>(), ["bin/helper".into()] as [Box<str>; 1]);
    }

    #[test]
    fn folders() {
        assert_eq!(project("a.zip!/p/.git/hooks/post-checkout"), "a.zip!/p");
        assert_eq!(project("p/package.json"), "p");
        assert_eq!(project(".vscode/tasks.json"), "");
        assert_eq!(join("a.zip!/p", "../../../b"), "a.zip!/b");
        assert_eq!(join("p", "${workspaceFolder}/x/./y"), "p/x/y");
        assert!(is_hook("p/.git/hooks/pre-commit") && is_hook(".husky/pre-commit"));
        assert!(!is_hook("p/.git/hooks/pre-commit.sample") && !is_hook("hooks/pre-commit"));
    }
}
