//! Tasks of Visual Studio Code (its documentation, "Integrate with External Tools via Tasks").

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
    let tasks = file.get("tasks").map(|tasks| tasks.get("tasks").unwrap_or(tasks));
    Ok(tasks.and_then(Value::as_array).into_iter().flatten().map(setting).collect())
}

fn setting(task: &Value) -> Setting {
    let mut setting = vec![("Setting", "task".to_owned())];
    setting.extend(task.get("label").and_then(Value::as_str).map(|label| ("Label", label.to_owned())));
    let systems = [Some(task), task.get("windows"), task.get("linux"), task.get("osx")];
    setting.extend(systems.into_iter().flatten().filter_map(command).map(|command| ("Command", command)));
    let runs_on = task.pointer("/runOptions/runOn").and_then(Value::as_str).filter(|on| *on != "default");
    setting.extend(runs_on.map(|on| ("RunsOn", on.to_owned())));
    let shown = |name: &str| task.get("presentation").and_then(|presentation| presentation.get(name));
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

/// The command with its arguments, or npm's script.
fn command(task: &Value) -> Option<String> {
    let command = json::text(task.get("command")?)?;
    let arguments = task.get("args").and_then(Value::as_array).into_iter().flatten().filter_map(json::text);
    Some([command].into_iter().chain(arguments).collect::<Vec<_>>().join(" "))
}
