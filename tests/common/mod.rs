//! The program, run in a folder of its own, and evidence and rules made for it.

#![allow(dead_code, reason = "each test program uses its part")]

use std::{
    ffi::OsStr,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The project's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The made-up intrusion.
pub fn shipyard() -> String {
    root().join("examples/shipyard").display().to_string()
}

/// The public recordings, or `None` and a loud remark where they are absent.
pub fn shared(below: &str) -> Option<PathBuf> {
    let path = root().parent()?.join("shared").join(below);
    if !path.exists() {
        skipped(&format!("{} is not there", path.display()));
        return None;
    }
    Some(path.canonicalize().unwrap())
}

/// Says aloud that a test proves nothing here: the remarks of a test that passes are not shown if `eprintln` makes them.
pub fn skipped(reason: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {reason}, so a test proves nothing here");
}

/// A folder in which the program runs; also its home, so that nothing of the user's counts.
pub struct Place {
    folder: TempDir,
}

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::Builder::new().prefix("dreamcatcher-test-").tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file; its path below the folder, for the command line.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        name.to_owned()
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// The names in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(self.path()).unwrap().map(name).collect();
        names.sort();
        names
    }

    /// The program with its arguments, not yet run.
    pub fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        self.run_as(Path::new(env!("CARGO_BIN_EXE_dreamcatcher")), arguments)
    }

    /// Another program in the same surroundings.
    pub fn run_as(&self, program: &Path, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null()).env("HOME", self.path());
        for name in ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "APPDATA", "LOCALAPPDATA", "NO_COLOR"] {
            command.env_remove(name);
        }
        command
    }

    pub fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    /// A hunt through paths with our own `rule.yml` alone; its findings.
    pub fn findings(&self, arguments: &[&str]) -> Vec<Value> {
        let run = self.run(&[&["hunt", "--format", "jsonl", "--quiet"], arguments].concat());
        assert_eq!(run.status, 0, "{arguments:?}: {}", run.err);
        lines(&run.out)
    }

    /// The whole report of a hunt, whatever its status.
    pub fn report(&self, arguments: &[&str]) -> (i32, Value) {
        let run = self.run(&[&["hunt", "--format", "json", "--quiet"], arguments].concat());
        let report = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"));
        (run.status, report)
    }
}

impl Run {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
        Self { status: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Asserts the status, that nothing panicked, and that what was said names everything in `parts`.
    #[track_caller]
    pub fn ends(&self, status: i32, parts: &[&str]) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(!self.err.contains("panicked"), "{}", self.err);
        for part in parts {
            assert!(self.err.contains(part) || self.out.contains(part), "'{part}' is not said in {self:#?}");
        }
    }
}

/// Every line as JSON.
pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Asserts that a list of `path` and `reason` (or of damages) has an entry that names both.
#[track_caller]
pub fn has_reason(list: &Value, path: &str, reason: &str) {
    let says = |entry: &Value| {
        entry["path"].as_str().unwrap().contains(path) && entry["reason"].as_str().unwrap().contains(reason)
    };
    assert!(list.as_array().unwrap().iter().any(says), "'{path}: {reason}' is not in {list:#}");
}

/// A start of a process on `host` as Sysmon records it, as a line of JSON.
pub fn start(record: u64, time: &str, host: &str, image: &str, command_line: &str) -> String {
    let event = json!({"Event": {
        "System": {
            "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}},
            "EventID": 1,
            "TimeCreated": {"#attributes": {"SystemTime": time}},
            "EventRecordID": record,
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "Computer": host
        },
        "EventData": {"Image": image, "CommandLine": command_line}
    }});
    event.to_string() + "\n"
}

/// Starts of `C:\x.exe`, one for each command line, a minute apart from 2026-11-01T10:00Z on.
pub fn starts(command_lines: &[&str]) -> String {
    let line = |(at, command_line): (usize, &&str)| {
        start(at as u64 + 1, &format!("2026-11-01T10:{at:02}:00Z"), "host-1", "C:\\x.exe", command_line)
    };
    command_lines.iter().enumerate().map(line).collect()
}

/// A rule on starts of processes; `selection` stands below `selection:`, without indentation.
pub fn rule(title: &str, level: &str, selection: &str) -> String {
    let id = title.bytes().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let selection: String = selection.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "title: {title}\nid: 00000000-0000-4000-8000-{:012x}\nstatus: test\nlevel: {level}\n\
         tags: [attack.execution, attack.t1059.001]\n\
         logsource: {{product: windows, category: process_creation}}\n\
         detection:\n  selection:\n{selection}  condition: selection\n",
        id & 0xffff_ffff_ffff
    )
}

/// A rule that every start of a process satisfies.
pub fn any_start(level: &str) -> String {
    rule("Any start", level, "Image|endswith: .exe")
}

/// The values of one key of the findings' rules.
pub fn titles(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|finding| finding["rule"]["title"].as_str().unwrap()).collect()
}

/// The lines of evidence that findings name.
pub fn places(findings: &[Value]) -> Vec<u64> {
    findings.iter().map(|finding| finding["evidence"]["line"].as_u64().unwrap()).collect()
}
