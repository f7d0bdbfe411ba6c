//! Tasks of Visual Studio Code (its documentation, "Integrate with External Tools via Tasks").

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Setting, json};

/// Whether it is a file of tasks, or of a workspace.
pub fn recognises(head: &[u8], name: &str) -> bool {
    let begins = head.trim_ascii_start().first();
    (name == "tasks.json" || name.ends_with(".code-workspace")) && matches!(begins, Some(b'{' | b'/' | b'[' | 0xef))
}

/// The tasks.
pub fn settings(text: &str) -> Result<Vec<Setting>, String> {
    let file = json::parse(text)?;
    // A workspace has the file of tasks as one of its parts.
    let part = file.get("tasks").filter(|tasks| tasks.is_object()).unwrap_or(&file);
    let tasks: Vec<&Value> = part.get("tasks").and_then(Value::as_array).into_iter().flatten().collect();
    let opening = run_on_opening(&tasks);
    let setting = |(number, task): (usize, &&Value)| setting(task, part, opening.contains(&number));
    let mut settings: Vec<_> = tasks.iter().enumerate().map(setting).collect();
    // A file without tasks is one task itself (version 0.1.0).
    if tasks.is_empty() && part.get("command").is_some() {
        settings.push(self::setting(part, part, false));
    }
    Ok(settings)
}

fn text<'a>(task: &'a Value, name: &str) -> Option<&'a str> {
    task.get(name).and_then(Value::as_str)
}

fn is_on_opening(task: &Value) -> bool {
    task.pointer("/runOptions/runOn").and_then(Value::as_str) == Some("folderOpen")
}

/// The tasks that run when the folder is opened, and those that they depend on.
fn run_on_opening(tasks: &[&Value]) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut next: Vec<usize> =
        (0..tasks.len()).filter(|at| tasks.get(*at).is_some_and(|task| is_on_opening(task))).collect();
    while let Some(at) = next.pop() {
        let Some(task) = tasks.get(at).filter(|_| found.insert(at)) else { continue };
        for needed in needs(task) {
            let is_meant = |task: &&Value| names(task).any(|name| name == needed);
            next.extend(tasks.iter().enumerate().filter(|(_, task)| is_meant(task)).map(|(at, _)| at));
        }
    }
    found
}

/// What a task is called.
fn names(task: &Value) -> impl Iterator<Item = String> {
    let npm = text(task, "script").map(|script| format!("npm: {script}"));
    let named = ["label", "taskName", "identifier"].into_iter().filter_map(|name| text(task, name)).map(str::to_owned);
    named.chain(npm).collect::<Vec<_>>().into_iter()
}

/// The names of the tasks that a task runs before itself.
fn needs(task: &Value) -> Vec<String> {
    let one = |needed: &Value| match needed {
        Value::String(name) => Some(name.clone()),
        _ => text(needed, "task").map(str::to_owned).or_else(|| names(needed).next()),
    };
    match task.get("dependsOn") {
        Some(Value::Array(all)) => all.iter().filter_map(one).collect(),
        Some(needed) => one(needed).into_iter().collect(),
        None => Vec::new(),
    }
}

/// What is told of a task; `file` holds what it leaves out.
fn setting(task: &Value, file: &Value, is_on_opening: bool) -> Setting {
    let mut setting = vec![("Setting", "task".to_owned())];
    setting.extend(text(task, "label").or(text(task, "taskName")).map(|label| ("Label", label.to_owned())));
    setting.extend(commands(task, file).into_iter().map(|command| ("Command", command)));
    let folder = task.pointer("/options/cwd").or(file.pointer("/options/cwd")).and_then(Value::as_str);
    setting.extend(folder.or(text(task, "path")).map(|folder| ("Folder", folder.to_owned())));
    let own = task.pointer("/runOptions/runOn").and_then(Value::as_str).filter(|on| *on != "default");
    let runs_on = if is_on_opening { Some("folderOpen") } else { own };
    setting.extend(runs_on.map(|on| ("RunsOn", on.to_owned())));
    let shown = |name: &str| [task, file].into_iter().find_map(|part| part.get("presentation")?.get(name));
    for (name, hidden) in [
        ("reveal", shown("reveal").is_some_and(|reveal| reveal != "always")),
        ("echo", shown("echo") == Some(&Value::Bool(false))),
        ("close", shown("close") == Some(&Value::Bool(true))),
        ("task", task.get("hide") == Some(&Value::Bool(true))),
    ] {
        if hidden {
            setting.push(("Hides", name.to_owned()));
        }
    }
    setting
}

/// The commands of a task: its own, or the file's, one for each system; npm's script; scripts of npm that it depends on and that are no tasks.
fn commands(task: &Value, file: &Value) -> Vec<String> {
    let systems = |part: &Value, arguments: Option<&Value>| {
        let parts = [Some(part), part.get("windows"), part.get("linux"), part.get("osx")];
        parts.into_iter().flatten().filter_map(|system| command(system, arguments)).collect::<Vec<_>>()
    };
    let mut found = systems(task, None);
    if found.is_empty() {
        found = match (text(task, "type"), text(task, "script"), text(task, "task")) {
            (Some("npm"), Some(script), _) => vec![npm(script)],
            (Some(kind), _, Some(name)) => vec![format!("{kind} {name}")],
            _ => systems(file, task.get("args")),
        };
    }
    found.extend(needs(task).iter().filter_map(|name| Some(npm(name.strip_prefix("npm: ")?))));
    found
}

fn npm(script: &str) -> String {
    format!("npm run {script}")
}

/// The command with its arguments, which may be the task's where the command is the file's.
fn command(part: &Value, arguments: Option<&Value>) -> Option<String> {
    let command = json::text(part.get("command")?)?;
    let arguments = arguments.or(part.get("args")).and_then(Value::as_array);
    let arguments = arguments.into_iter().flatten().filter_map(json::text);
    Some([command].into_iter().chain(arguments).collect::<Vec<_>>().join(" "))
}
