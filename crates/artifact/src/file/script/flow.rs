//! Where text goes that a script fetched or decoded: to what evaluates it, or to what starts it as a program.
//!
//! No language is parsed. A script is cut into statements; a name that is given fetched or decoded text carries it on, and so does a file that it is
//! written to, or a function that returns it. What is evaluated or executed is looked at for such names and for the words that bring them.

use std::{collections::HashMap, sync::LazyLock};

use aho_corasick::AhoCorasick;

use super::command;
use crate::{Facts, file::Type};

/// Where a text comes from, as bits.
type Origin = u8;
const FETCHED: Origin = 1;
const DECODED: Origin = 2;
/// A command line that fetches something and runs it.
const COMMAND: Origin = 4;
/// The functions of Node.js that start programs.
const STARTER: Origin = 8;

/// So many bytes of what a call is given are looked at, and of one statement.
const ARGUMENT: usize = 512;
const STATEMENT: usize = 2000;
/// Calls that are looked at.
const CALLS: usize = 50_000;
/// Functions within one statement whose parameters are looked at.
const MOST_FUNCTIONS: usize = 64;
/// So many bytes of a call are told, and so many calls for each fact.
const SHOWN: usize = 120;
const TOLD: usize = 8;
/// Names of packed code are one or two letters long and used again: what they hold is forgotten so many bytes later.
const REACH: usize = 2000;
/// In a file of so many bytes, which packs many sources into one, all names are used again, and reach so far.
const BUNDLE: usize = 64 << 10;
const REACH_IN_BUNDLE: usize = 8000;
/// How far behind a fetch its callbacks and its `catch` stand.
const CALLBACK: usize = 800;

/// Words by which text is fetched.
const FETCHES: &[&str] = &[
    "fetch(",
    "axios(",
    "axios.",
    "https.get(",
    "http.get(",
    "https.request(",
    "http.request(",
    ".responseText",
    "superagent",
    "needle(",
    "needle.get(",
    "got(",
    "got.get(",
    "request(",
    "request.get(",
    "$.get(",
    "$.ajax(",
    "urlopen(",
    "urlretrieve(",
    "requests.get(",
    "requests.post(",
    "requests.request(",
    "httpx.",
    ".getresponse(",
    "\"curl\"",
    "'curl'",
    "\"wget\"",
    "'wget'",
    "curl ",
    "curl.exe",
    "wget ",
    "reqwest::",
    "ureq::",
    "DownloadString",
    "DownloadFile",
    "DownloadData",
    "Invoke-WebRequest",
    "Invoke-RestMethod",
    "iwr ",
    "irm ",
    "downloadstring",
    "downloadfile",
    "invoke-webrequest",
    "invoke-restmethod",
];

/// Words by which text is decoded.
const DECODES: &[&str] = &[
    "atob(",
    "fromCharCode",
    "fromCodePoint",
    "'base64'",
    "\"base64\"",
    "`base64`",
    "'hex'",
    "\"hex\"",
    "b64decode",
    "b32decode",
    "b16decode",
    "b85decode",
    "a85decode",
    "unhexlify",
    "fromhex(",
    "codecs.decode(",
    "decompress(",
    "inflateSync(",
    "inflateRawSync(",
    "gunzipSync(",
    "DecompressSync(",
    "unescape(",
    "decodeURIComponent(",
    "marshal.loads",
    "[::-1]",
    "map(chr",
    "FromBase64String",
    "base64 -d",
    "base64 --decode",
    "'base64url'",
    "\"base64url\"",
    "'BASE64'",
    "\"BASE64\"",
    "'HEX'",
    "\"HEX\"",
];

/// Calls, and the languages in which they mean that. Between a name and its bracket may stand blanks and remarks.
const CALL: &[(&[&str], Language, Does)] = &[
    (
        &[
            "eval(",
            "eval?.(",
            "eval)(",
            "eval\"](",
            "eval'](",
            "eval.call(",
            "eval.apply(",
            "Function(",
            "Function.constructor(",
            "constructor.constructor(",
            ").constructor(",
            "[\"constructor\"](",
            "['constructor'](",
            "runInNewContext(",
            "runInThisContext(",
            "runInContext(",
            "vm.Script(",
            "_compile(",
            "execScript(",
            ".then(eval)",
        ],
        Language::JavaScript,
        Does::Evaluates,
    ),
    (&["exec(", "eval(", "compile(", "marshal.loads("], Language::Python, Does::Evaluates),
    (&["iex", "Invoke-Expression"], Language::Shell, Does::Evaluates),
    (
        &["exec(", "execSync(", "spawn(", "spawnSync(", "execFile(", "execFileSync(", "fork("],
        Language::JavaScript,
        Does::Executes,
    ),
    (
        &[
            "system(",
            "popen(",
            "Popen(",
            "subprocess.run(",
            "subprocess.call(",
            "check_call(",
            "check_output(",
            "getoutput(",
            "startfile(",
            "execv(",
            "execvp(",
            "execl(",
            "execlp(",
            "spawnl(",
            "spawnv(",
        ],
        Language::Python,
        Does::Executes,
    ),
    (&["Command::new("], Language::Rust, Does::Executes),
];

/// Words by which text is written to a file.
const WRITES: &[&str] = &[
    ".write(",
    "writeFile",
    "write_bytes(",
    "write_text(",
    "urlretrieve(",
    "createWriteStream(",
    "fs::write(",
    "write_all(",
    "copyfileobj(",
    ".pipe(",
    "pipeline(",
    "--output",
    "-OutFile",
    "DownloadFile",
];

/// What runs the file that it is given.
const RUNNERS: &[&str] = &[
    "sh",
    "bash",
    "zsh",
    "dash",
    "/bin/sh",
    "/bin/bash",
    "sudo",
    "python",
    "python3",
    "pythonw",
    "node",
    "deno",
    "bun",
    "powershell",
    "powershell.exe",
    "pwsh",
    "cmd",
    "cmd.exe",
    "wscript",
    "cscript",
    "rundll32",
    "regsvr32",
    "mshta",
    "java",
    "open",
    "start",
    "nohup",
    "sys.executable",
    "process.execPath",
    "process.argv0",
];

/// What builds a path or a command of its parts.
const WRAPPERS: &[&str] = &["os.path.join", "path.join", "path.resolve", "join", "Path", "str", "format", "await"];

/// Words that hold no text of their own.
const NO_NAMES: &[&str] = &[
    "await", "async", "const", "let", "var", "return", "new", "true", "false", "null", "None", "True", "False", "if",
    "else", "try", "this", "self", "function", "mut", "in", "of", "for", "as", "with", "http", "https", "wb", "rb",
    "utf8", "utf-8", "mode", "end", "error", "fs", "os", "path", "process", "curl", "wget", "sh", "bash", "import",
    "from", "require", "exports", "module",
];

/// How calls look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    JavaScript,
    Python,
    Rust,
    /// Shells of all kinds: a line is a command.
    Shell,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Evaluates,
    Executes,
}

impl Language {
    const fn of(kind: Type) -> Self {
        match kind {
            Type::Python => Self::Python,
            Type::JavaScript | Type::Html => Self::JavaScript,
            Type::Rust => Self::Rust,
            _ => Self::Shell,
        }
    }
}

static MARKS: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::new(FETCHES.iter().chain(DECODES).chain(&["child_process"])).ok());
static WRITTEN: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(WRITES).ok());
static CALLED: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = calls().map(|(word, _, _)| word.strip_suffix('(').unwrap_or(word));
    AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok()
});

fn calls() -> impl Iterator<Item = (&'static str, Language, Does)> {
    CALL.iter().flat_map(|(words, language, does)| words.iter().map(|word| (*word, *language, *does)))
}

/// Tells what a script evaluates and executes of what it fetched or decoded; the limit that was hit.
pub fn facts(kind: Type, bytes: &[u8], facts: &mut Facts) -> Option<String> {
    let language = Language::of(kind);
    if language == Language::Shell {
        command::lines(bytes).take(TOLD).for_each(|line| facts.tell("FetchesAndRuns", shown(line)));
    }
    let starts_programs = find(bytes, b"child_process").is_some();
    let mut flow = Flow { bytes, starts_programs, names: HashMap::new(), files: HashMap::new(), fetch: None };
    // Most scripts bring nothing from elsewhere, so that there is nothing to follow.
    if marks(bytes) & (FETCHED | DECODED) != 0 && has(&CALLED, bytes) {
        let statements = statements(bytes);
        // What is used above the place where it is made is known the second time.
        (0..2).for_each(|_| flow.follow(&statements));
    }
    let (mut told, mut looked_at) = (HashMap::new(), 0);
    for (at, end, does) in flow.calls(language) {
        looked_at += 1;
        if looked_at > CALLS {
            return Some(format!("limit: {CALLS} calls that evaluate or execute were followed, and no more"));
        }
        for field in flow.judge(end, does, language) {
            let count = told.entry(field).or_insert(0);
            *count += 1;
            if *count <= TOLD {
                facts.tell(field, shown(bytes.get(at..).unwrap_or_default()));
            }
        }
    }
    None
}

/// The beginning of a text, on one line.
fn shown(bytes: &[u8]) -> String {
    let bytes = bytes.get(..SHOWN).unwrap_or(bytes);
    String::from_utf8_lossy(bytes).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is known while a script is followed.
struct Flow<'a> {
    bytes: &'a [u8],
    /// Whether the functions of Node.js that start programs are named at all.
    starts_programs: bool,
    /// What names and paths hold, and where they were last given it.
    names: HashMap<&'a [u8], (Origin, usize)>,
    /// What the files are called that names stand for: `open(path) as name`.
    files: HashMap<&'a [u8], &'a [u8]>,
    /// Where something was last fetched.
    fetch: Option<usize>,
}

/// A statement: where it begins, and its text.
type Statement<'a> = (usize, &'a [u8]);

impl<'a> Flow<'a> {
    fn follow(&mut self, statements: &[Statement<'a>]) {
        let (mut before, mut function): (&[u8], &[u8]) = (b"", b"");
        for &(at, text) in statements {
            function = named_function(text).unwrap_or(function);
            self.statement(at, text, before, function);
            before = text;
        }
    }

    fn statement(&mut self, at: usize, text: &'a [u8], before: &'a [u8], function: &'a [u8]) {
        if marks(text) & FETCHED != 0 {
            self.fetch = Some(at);
        }
        // Of `fetch(…).then(…{…}).catch(…` the latter part is a statement of its own.
        let goes_on = text.starts_with(b")") || text.starts_with(b"catch");
        let origin = if goes_on && self.is_near_fetch(at) { FETCHED } else { 0 } | self.origin(at, text);
        if origin == 0 {
            if opens_file(text) {
                self.remember_file(text);
            }
            return;
        }
        for (left, right) in assignments(text) {
            let origin = self.origin(at, right);
            let names = if left.is_empty() { tokens(before).map(|(_, name, _)| name).collect() } else { vec![left] };
            names.into_iter().for_each(|name| self.give(name, origin, at));
        }
        if origin & (FETCHED | DECODED) != 0 && writes(text) {
            self.written(at, text, origin);
        }
        if origin & FETCHED != 0 {
            parameters(text).into_iter().for_each(|name| self.give(name, FETCHED, at));
        }
        if opens_file(text) {
            self.remember_file(text);
        }
        // `parts.push(part)`
        let grows = [&b".push"[..], b".append", b".concat", b".extend"];
        for (_, name, _) in tokens(text).filter(|(_, _, next)| *next == b'(') {
            if let Some(list) = grows.iter().find_map(|word| name.strip_suffix(*word)) {
                self.give(list, origin, at);
            }
        }
        // `import * as cp from 'child_process'`
        if text.starts_with(b"import") && origin & STARTER != 0 {
            tokens(text)
                .take_while(|(_, name, _)| *name != b"from")
                .for_each(|(_, name, _)| self.give(name, STARTER, at));
        }
        if text.starts_with(b"return") && function.len() > 2 {
            self.give(function, origin, at);
        }
    }

    fn is_near_fetch(&self, at: usize) -> bool {
        self.fetch.is_some_and(|fetch| at.abs_diff(fetch) <= CALLBACK)
    }

    /// What the words and names of a text at `at` say of where it comes from.
    fn origin(&self, at: usize, text: &[u8]) -> Origin {
        let command = if command::fetches_and_runs(text) { COMMAND } else { 0 };
        tokens(text).fold(marks(text) | command, |origin, (_, name, _)| origin | self.held(at, name))
    }

    /// What a name, or the object that it is a part of, holds.
    fn held(&self, at: usize, name: &[u8]) -> Origin {
        let dots = name.iter().enumerate().filter(|(at, byte)| *at > 0 && **byte == b'.').map(|(at, _)| at);
        let parts = dots.take(2).chain([name.len()]).filter_map(|end| name.get(..end));
        parts.fold(0, |origin, part| match self.names.get(part) {
            Some((held, since)) if at.abs_diff(*since) <= self.reach(part) => origin | held,
            _ => origin,
        })
    }

    /// How far from where a name is given something it holds that.
    const fn reach(&self, name: &[u8]) -> usize {
        match name.len() {
            ..=2 => REACH,
            _ if self.bytes.len() > BUNDLE => REACH_IN_BUNDLE,
            _ => usize::MAX,
        }
    }

    fn give(&mut self, name: &'a [u8], origin: Origin, at: usize) {
        let is_name = !name.first().is_none_or(u8::is_ascii_digit) && !is_one_of(name, NO_NAMES);
        if origin != 0 && is_name {
            let held = self.names.entry(name).or_insert((0, at));
            *held = (held.0 | origin, at);
        }
    }

    /// What stands beside text that is written is where it is written to.
    fn written(&mut self, at: usize, text: &'a [u8], origin: Origin) {
        for (_, name, next) in tokens(text).filter(|(_, name, _)| !name.starts_with(b"//")) {
            let receiver = name.iter().position(|byte| *byte == b'.').filter(|dot| *dot > 0);
            let name = match (next, receiver) {
                (b'(', None) => continue,
                (b'(', Some(dot)) => name.get(..dot).unwrap_or(name),
                _ => name,
            };
            self.give(name, origin, at);
            if let Some(path) = self.files.get(name).copied() {
                self.give(path, origin, at);
            }
        }
    }

    /// Remembers the path that stands behind `open(path) as name` or `name = open(path)`.
    fn remember_file(&mut self, text: &'a [u8]) {
        let Some(open) = OPENS.iter().find_map(|word| Some(find(text, word)? + word.len())) else { return };
        let path =
            tokens(text).find(|(at, name, next)| *at >= open && !is_wrapper(name, *next)).map(|(_, path, _)| path);
        let behind = find(text, b" as ").and_then(|at| tokens(text.get(at + 4..)?).next());
        let name = behind.map(|(_, name, _)| name).or_else(|| Some(assignments(text).first()?.0));
        if let (Some(path), Some(name)) = (path, name.filter(|name| !name.is_empty())) {
            self.files.insert(name, path);
        }
    }

    /// The calls that evaluate or execute: where their words begin, and end.
    fn calls(&self, language: Language) -> impl Iterator<Item = (usize, usize, Does)> {
        let found = CALLED.iter().flat_map(|search| search.find_overlapping_iter(self.bytes));
        let known: Vec<_> = calls().collect();
        found.filter_map(move |found| {
            let (word, of, does) = *known.get(found.pattern().as_usize())?;
            let name = self.bytes.get(found.range())?;
            let is_written_so = of == Language::Shell || name == word.strip_suffix('(').unwrap_or(word).as_bytes();
            if of != language || !is_written_so || !self.is_meant(found.start(), word, does) {
                return None;
            }
            let behind = self.bytes.get(found.end()..)?;
            let end = match word.ends_with('(') {
                true => found.end() + opening(behind)?,
                false if behind.first().is_some_and(|byte| is_token(*byte) || *byte == b'-') => return None,
                false => found.end(),
            };
            Some((found.start(), end, does))
        })
    }

    /// Whether a word is no part of another, and no method of something else.
    fn is_meant(&self, at: usize, word: &str, does: Does) -> bool {
        if word.starts_with(['.', '_', ')', '[']) || word.starts_with("runIn") || word.contains("constructor") {
            return true;
        }
        let before = self.bytes.get(at.saturating_sub(40)..at).unwrap_or_default();
        match before.last() {
            Some(b'.') => {
                let before = before.get(..before.len() - 1).unwrap_or_default();
                let start = before.iter().rposition(|byte| !is_token(*byte)).map_or(0, |at| at + 1);
                let receiver = before.get(start..).unwrap_or_default();
                match (does, word) {
                    (Does::Evaluates, _) => is_one_of(
                        receiver,
                        &[
                            "window",
                            "globalThis",
                            "global",
                            "self",
                            "this",
                            "top",
                            "parent",
                            "frames",
                            "builtins",
                            "__builtins__",
                            "vm",
                        ],
                    ),
                    // A regular expression has it too.
                    (Does::Executes, "exec(") => {
                        self.held(at, receiver) & STARTER != 0
                            || before.ends_with(b"child_process\")")
                            || before.ends_with(b"child_process')")
                    }
                    _ => true,
                }
            }
            Some(byte) if is_token(*byte) => false,
            // Many have a function of that name.
            _ if does == Does::Executes && word == "exec(" => self.starts_programs,
            _ => true,
        }
    }

    /// The facts of a call whose word ends at `end`.
    fn judge(&self, end: usize, does: Does, language: Language) -> Vec<&'static str> {
        let text = self.bytes.get(end..).unwrap_or_default();
        let text = text.get(..ARGUMENT).unwrap_or(text);
        let text = match language {
            Language::Rust => text.split(|byte| *byte == b';').next().unwrap_or_default(),
            Language::Shell => self.command(end),
            Language::JavaScript | Language::Python => argument(text),
        };
        match does {
            Does::Evaluates => self.evaluated(end, text),
            Does::Executes => self.executed(end, text),
        }
    }

    /// The command of a shell around a place: what it is given by a pipe stands before it.
    fn command(&self, at: usize) -> &[u8] {
        let before = self.bytes.get(at.saturating_sub(ARGUMENT)..at).unwrap_or_default();
        let start = before.iter().rposition(|byte| matches!(byte, b'\n' | b';' | b'{' | b'}')).map_or(0, |at| at + 1);
        let behind = self.bytes.get(at..).unwrap_or_default();
        let len = behind.iter().take(ARGUMENT).position(|byte| *byte == b'\n').unwrap_or(behind.len().min(ARGUMENT));
        self.bytes.get(at - before.len() + start..at + len).unwrap_or_default()
    }

    fn evaluated(&self, end: usize, text: &[u8]) -> Vec<&'static str> {
        let before = self.bytes.get(end.saturating_sub(200)..end).unwrap_or_default();
        let is_chained = before.ends_with(b".then(eval)") && marks(before) & FETCHED != 0;
        // What a program answers to a request is kept in few places.
        let is_answer = ANSWERS.iter().any(|word| find(text, word).is_some()) && self.is_near_fetch_anywhere(end);
        if is_literal(text) && !is_chained {
            return Vec::new();
        }
        let without_texts = without_literals(text);
        let origin = tokens(&without_texts).fold(marks(text), |origin, (_, name, _)| origin | self.held(end, name));
        let mut facts = Vec::new();
        if is_chained || is_answer || origin & FETCHED != 0 {
            facts.push("EvaluatesFetched");
        }
        if origin & DECODED != 0 {
            facts.push("EvaluatesDecoded");
        }
        let text = text.trim_ascii_start();
        let text = text.strip_prefix(b"f").or_else(|| text.strip_prefix(b"r")).unwrap_or(text);
        if facts.is_empty() && !text.first().is_none_or(|byte| b"\"'`)".contains(byte)) {
            facts.push("EvaluatesComputed");
        }
        facts
    }

    /// Whether something is fetched shortly before.
    fn is_near_fetch_anywhere(&self, at: usize) -> bool {
        marks(self.bytes.get(at.saturating_sub(2 * REACH)..at).unwrap_or_default()) & FETCHED != 0
    }

    fn executed(&self, end: usize, text: &[u8]) -> Vec<&'static str> {
        let mut words = tokens(text).filter(|(_, word, next)| !is_wrapper(word, *next));
        let (at, program, _) = words.next().unwrap_or_default();
        let words = words.map(|(_, word, _)| word);
        // A quoted word may be a file that was written, but is no name of what holds a text.
        let is_quoted = matches!(at.checked_sub(1).and_then(|at| text.get(at)), Some(b'"' | b'\''));
        let is_word = is_quoted && !program.iter().any(|byte| matches!(byte, b'.' | b'/' | b'\\'));
        let of_program = if is_word { 0 } else { self.held(end, program) };
        let is_runner = is_one_of(program, RUNNERS) || text.starts_with(b"chmod") && find(text, b"&&").is_some();
        let of_rest = if is_runner { words.fold(0, |origin, word| origin | self.held(end, word)) } else { 0 };
        let origin = of_program | of_rest;
        let mut facts = Vec::new();
        if origin & COMMAND != 0 || command::fetches_and_runs(text) {
            facts.push("FetchesAndRuns");
        } else if origin & FETCHED != 0 {
            facts.push("ExecutesFetched");
        }
        if origin & DECODED != 0 || marks(text.get(..48).unwrap_or(text)) & DECODED != 0 {
            facts.push("ExecutesDecoded");
        }
        facts
    }
}

/// Parts of what was fetched.
const ANSWERS: &[&[u8]] = &[b".data", b".responseText", b".cookie", b".body", b".text", b".content"];

/// Words that open a file for writing.
const OPENS: &[&[u8]] = &[b"open(", b"createWriteStream(", b"File::create("];

fn opens_file(text: &[u8]) -> bool {
    OPENS.iter().any(|word| find(text, word).is_some())
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, word)
}

fn has(search: &LazyLock<Option<AhoCorasick>>, text: &[u8]) -> bool {
    search.as_ref().is_some_and(|search| search.is_match(text))
}

fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words.iter().any(|known| known.as_bytes() == word)
}

/// Whether a statement writes to a file: by a word, or by an option of a program that fetches (`-o`, `-sSLo`).
fn writes(text: &[u8]) -> bool {
    let is_option = |at: usize| {
        let word = text.get(at + 1..).unwrap_or_default();
        let len = word.iter().take(8).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let ends = word.get(len).is_none_or(|byte| matches!(byte, b' ' | b'"' | b'\''));
        ends && len.checked_sub(1).and_then(|at| word.get(at)).is_some_and(|byte| matches!(byte, b'o' | b'O'))
    };
    has(&WRITTEN, text) || memchr::memchr_iter(b'-', text).any(is_option)
}

/// Whether a word builds a path or a command, or is the letter before a text: `f"sh {path}"`.
fn is_wrapper(word: &[u8], next: u8) -> bool {
    is_one_of(word, WRAPPERS) || word.len() == 1 && matches!(next, b'"' | b'\'')
}

/// What the words of a text say of where it comes from.
fn marks(text: &[u8]) -> Origin {
    let found = MARKS.iter().flat_map(|search| search.find_iter(text));
    found.fold(0, |origin, found| {
        let (before, behind) =
            (text.get(..found.start()).unwrap_or_default(), text.get(found.end()..).unwrap_or_default());
        origin
            | match found.pattern().as_usize() {
                number if number < FETCHES.len() => {
                    let word = FETCHES.get(number).copied().unwrap_or_default();
                    let is_part = word.starts_with(|c: char| c.is_ascii_lowercase())
                        && before
                            .last()
                            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'));
                    // What a page asks of the server that it came from is that server's own.
                    let is_own = matches!(behind, [b'"' | b'\'' | b'`', b'/', next, ..] if *next != b'/');
                    if is_part || is_own { 0 } else { FETCHED }
                }
                number if number < FETCHES.len() + DECODES.len() => {
                    let encodes =
                        [&b"toString("[..], b"digest(", b"hexdigest("].iter().any(|word| before.ends_with(word));
                    if encodes { 0 } else { DECODED }
                }
                _ => STARTER,
            }
    })
}

/// What stands in brackets, up to the one that closes them; brackets within texts are none.
fn argument(text: &[u8]) -> &[u8] {
    let end = closing(&without_literals(text)).or_else(|| closing(text));
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

fn closing(text: &[u8]) -> Option<usize> {
    let mut depth = 0usize;
    text.iter().position(|byte| {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => return true,
            b')' => depth -= 1,
            _ => {}
        }
        false
    })
}

/// Where what a call is given begins, behind blanks, remarks and the bracket.
fn opening(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..ARGUMENT.min(text.len()))?;
        at += match rest {
            [b'(', ..] => return Some(at + 1),
            [b'/', b'*', ..] => find(rest, b"*/")? + 2,
            [byte, ..] if byte.is_ascii_whitespace() => 1,
            _ => return None,
        };
    }
}

/// Whether a text is one literal and nothing else; what `f"…"` and templates hold is none.
fn is_literal(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let [quote @ (b'"' | b'\''), rest @ ..] = text else { return false };
    rest.iter().position(|byte| byte == quote) == rest.len().checked_sub(1)
}

/// A text of the same length with blanks for what stands in quotes, which end with the line at the latest.
fn without_literals(text: &[u8]) -> Vec<u8> {
    let (mut quote, mut is_escaped) = (None, false);
    let blank = |byte: &u8| match quote {
        Some(_) if *byte == b'\n' => {
            quote = None;
            *byte
        }
        Some(open) => {
            if !is_escaped && open == *byte {
                quote = None;
            }
            is_escaped = !is_escaped && *byte == b'\\';
            b' '
        }
        None => {
            quote = matches!(byte, b'"' | b'\'').then_some(*byte);
            is_escaped = false;
            *byte
        }
    };
    text.iter().map(blank).collect()
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.' | b'/' | b'~' | b'\\')
}

/// Names and paths: where they begin, and the byte behind them.
fn tokens(text: &[u8]) -> impl Iterator<Item = (usize, &[u8], u8)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let start = at + rest.iter().position(|byte| is_token(*byte))?;
        let rest = text.get(start..)?;
        let len = rest.iter().position(|byte| !is_token(*byte)).unwrap_or(rest.len());
        at = start + len;
        Some((start, rest.get(..len)?, text.get(at).copied().unwrap_or(0)))
    })
}

/// Cuts a script at the ends of lines that close their brackets, at semicolons and at braces.
fn statements(bytes: &[u8]) -> Vec<Statement<'_>> {
    let (mut found, mut start, mut depth) = (Vec::new(), 0, 0i32);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = (depth - 1).max(0),
            _ => {}
        }
        let goes_on = || {
            let rest = bytes.get(at..).unwrap_or_default();
            let next = rest.get(..200).unwrap_or(rest).iter().find(|byte| !byte.is_ascii_whitespace());
            next == Some(&b'.')
        };
        let ends = match byte {
            b';' | b'{' | b'}' => true,
            b'\n' if at - start < STATEMENT => depth == 0 && !goes_on(),
            _ => at - start >= STATEMENT,
        };
        if ends {
            push(bytes, start, at, &mut found);
            (start, depth) = (at + 1, 0);
        }
    }
    push(bytes, start, bytes.len(), &mut found);
    found
}

fn push<'a>(bytes: &'a [u8], start: usize, end: usize, found: &mut Vec<Statement<'a>>) {
    let text = bytes.get(start..end).unwrap_or_default().trim_ascii();
    if !text.is_empty() {
        found.push((start, text));
    }
}

/// The names that a statement gives a value, each with what it is given; the name is empty where it stands in braces before.
fn assignments(text: &[u8]) -> Vec<(&[u8], &[u8])> {
    let byte = |at: usize| text.get(at).copied().unwrap_or(0);
    let signs = memchr::memchr_iter(b'=', text).filter(|at| {
        let before = if *at == 0 { 0 } else { byte(at - 1) };
        !matches!(byte(at + 1), b'=' | b'>') && !matches!(before, b'=' | b'!' | b'<' | b'>')
    });
    let pair = |at: usize| {
        let mut left = text.get(..at)?.trim_ascii_end();
        while let [rest @ .., b'+' | b'|' | b'?' | b'&' | b':'] = left {
            left = rest.trim_ascii_end();
        }
        // Of `cache[key] = …` the cache is given it, and of `[a, b] = …` what stands in the brackets.
        let listed = left.strip_suffix(b"]").and_then(|left| {
            let open = left.iter().rposition(|byte| *byte == b'[')?;
            let owner = left.get(..open)?;
            Some(if owner.last().is_some_and(|byte| is_token(*byte)) { owner } else { left })
        });
        let left = listed.unwrap_or(left);
        let start = left.iter().rposition(|byte| !is_token(*byte)).map_or(0, |at| at + 1);
        let name = left.get(start..).filter(|name| !name.is_empty() || left.is_empty())?;
        Some((name, text.get(at + 1..)?))
    };
    let mut pairs: Vec<_> = signs.take(16).filter_map(pair).collect();
    let typed = annotated(text).zip(pairs.first()).map(|(name, (_, right))| (name, *right));
    pairs.extend(typed);
    pairs
}

/// The name that is given a type together with its value: `let name: Promise<string> = …`.
fn annotated(text: &[u8]) -> Option<&[u8]> {
    let before = text.get(..memchr::memchr(b':', text)?)?.trim_ascii_end();
    let mut words = before.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty()).rev();
    let name = words.next().filter(|name| name.iter().all(|byte| is_token(*byte)))?;
    words
        .all(|word| is_one_of(word, &["let", "const", "var", "export", "private", "public", "static", "readonly"]))
        .then_some(name)
}

/// The names that functions within a statement, `with` and `catch` give to what they are handed.
fn parameters(text: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    for at in memchr::memmem::find_iter(text, b"=>").take(MOST_FUNCTIONS) {
        let left = text.get(..at).unwrap_or_default().trim_ascii_end();
        let list = match left.last() {
            Some(b')') => left.iter().rposition(|byte| *byte == b'(').and_then(|open| left.get(open + 1..)),
            _ => left.get(left.iter().rposition(|byte| !is_token(*byte)).map_or(0, |at| at + 1)..),
        };
        found.extend(tokens(list.unwrap_or_default()).take(4).map(|(_, name, _)| name));
    }
    for word in [&b"function"[..], b"catch"] {
        for at in memchr::memmem::find_iter(text, word).take(MOST_FUNCTIONS) {
            let rest = text.get(at + word.len()..).unwrap_or_default();
            let list = rest.iter().position(|byte| *byte == b'(').and_then(|open| rest.get(open + 1..));
            found.extend(tokens(argument(list.unwrap_or_default())).take(4).map(|(_, name, _)| name));
        }
    }
    let named = memchr::memmem::find_iter(text, b" as ").filter_map(|at| tokens(text.get(at + 4..)?).next());
    found.extend(named.map(|(_, name, _)| name));
    found
}

/// The function that begins with this statement.
fn named_function(text: &[u8]) -> Option<&[u8]> {
    let behind = |word: &[u8]| tokens(text.get(find(text, word)? + word.len()..)?).next();
    let (_, name, _) = behind(b"def ").or_else(|| behind(b"function ")).or_else(|| {
        let is_arrow = text.ends_with(b"=>");
        is_arrow.then(|| tokens(assignments(text).first()?.0).next()).flatten()
    })?;
    Some(name)
}
