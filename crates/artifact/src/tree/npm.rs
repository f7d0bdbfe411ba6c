//! Scripts of npm's packages (npm's documentation, "scripts").

use serde_json::Value;

use super::{Setting, json};

/// Scripts that run when a package, or one that needs it, is installed.
const ON_INSTALLING: &[&str] =
    &["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare", "dependencies"];

/// Whether it is a package's description.
pub fn recognises(head: &[u8], name: &str) -> bool {
    name == "package.json" && matches!(head.trim_ascii_start().first(), Some(b'{' | 0xef))
}

/// The scripts.
pub fn settings(text: &str) -> Result<Vec<Setting>, String> {
    let file = json::parse(text)?;
    let mut scripts: Vec<_> = file.get("scripts").and_then(Value::as_object).into_iter().flatten().collect();
    // In whatever order the parser keeps them.
    scripts.sort_by_key(|(name, _)| *name);
    let setting = |(name, command): (&String, &Value)| {
        let mut setting =
            vec![("Setting", "script".to_owned()), ("Script", name.clone()), ("Command", command.as_str()?.to_owned())];
        if ON_INSTALLING.contains(&name.as_str()) {
            setting.push(("RunsOn", "install".to_owned()));
        }
        Some(setting)
    };
    Ok(scripts.into_iter().filter_map(setting).collect())
}
