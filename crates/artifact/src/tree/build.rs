//! What runs when a package of Rust or Python is built (Cargo's manual, "Build Scripts"; PEP 517).

use toml::{Table, Value};

use super::Setting;

/// Whether it is the description of such a package.
pub fn recognises(head: &[u8], name: &str) -> bool {
    matches!(name, "Cargo.toml" | "pyproject.toml") && memchr::memchr(b'[', head).is_some()
}

/// The scripts that it names itself; a `build.rs` needs no naming.
pub fn settings(text: &str) -> Result<Vec<Setting>, String> {
    let file: Table =
        text.parse().map_err(|error: toml::de::Error| format!("expected TOML, found: {}", error.message()))?;
    Ok(build_script(&file).into_iter().chain(backend(&file)).collect())
}

fn build_script(file: &Table) -> Option<Setting> {
    let script = file.get("package")?.get("build")?.as_str()?;
    Some(vec![("Setting", "build".to_owned()), ("File", script.to_owned()), ("RunsOn", "build".to_owned())])
}

/// The module of the package itself that builds it.
fn backend(file: &Table) -> Option<Setting> {
    let system = file.get("build-system")?;
    let module = system.get("build-backend")?.as_str()?.split(':').next()?.replace('.', "/");
    let folders = system.get("backend-path")?.as_array()?.iter().filter_map(Value::as_str);
    let files = folders.flat_map(|folder| [format!("{folder}/{module}.py"), format!("{folder}/{module}/__init__.py")]);
    let setting = [("Setting", "build-backend".to_owned()), ("RunsOn", "install".to_owned())];
    Some(setting.into_iter().chain(files.map(|file| ("File", file))).collect())
}
