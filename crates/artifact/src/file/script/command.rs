//! Command lines that fetch something and run it at once.

/// Programs that fetch.
const FETCHERS: &[&[u8]] = &[
    b"curl",
    b"curl.exe",
    b"wget",
    b"wget.exe",
    b"iwr",
    b"irm",
    b"Invoke-WebRequest",
    b"Invoke-RestMethod",
    b"bitsadmin",
    b"certutil",
];

/// Programs that run what they are given.
const RUNNERS: &[&str] = &[
    "sh",
    "bash",
    "zsh",
    "dash",
    "ksh",
    "/bin/sh",
    "/bin/bash",
    "python",
    "python2",
    "python3",
    "perl",
    "ruby",
    "node",
    "deno",
    "bun",
    "powershell",
    "pwsh",
    "cmd",
    "iex",
    "invoke-expression",
    "osascript",
    "wscript",
    "cscript",
    "rundll32",
    "start",
    "nohup",
    "source",
    ".",
    "open",
    "tcsh",
];

/// So many bytes behind the program that fetches are looked at.
const LINE: usize = 600;

/// Whether a command line in a text fetches and, behind it, runs.
pub fn fetches_and_runs(text: &[u8]) -> bool {
    fetchers(text).any(|at| {
        let rest = text.get(at..).unwrap_or_default();
        runs_behind(rest.get(..LINE).unwrap_or(rest))
    })
}

/// The lines of a shell's script that do so.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let is_remark = |line: &[u8]| line.starts_with(b"#") || line.starts_with(b"echo") || line.starts_with(b"printf");
    lines.filter(move |line| !is_remark(line) && (fetches_and_runs(line) || substitutes(line)))
}

/// Where programs that fetch are named, as words of their own.
fn fetchers(text: &[u8]) -> impl Iterator<Item = usize> {
    let is_word =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    FETCHERS.iter().flat_map(move |word| {
        memchr::memmem::find_iter(text, word).filter(move |at| {
            let before = at.checked_sub(1).and_then(|at| text.get(at));
            !is_word(before) && text.get(at + word.len()).is_some_and(u8::is_ascii_whitespace)
        })
    })
}

/// Whether what follows a pipe or the end of a command runs something: a program that does so, or a file.
fn runs_behind(line: &[u8]) -> bool {
    let parts = line.split(|byte| matches!(byte, b'|' | b'&' | b';')).skip(1);
    parts.filter_map(|part| str::from_utf8(part).ok()).any(|part| {
        let mut words = part.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ')' | ','));
        let word = words.find(|word| !matches!(*word, "" | "sudo" | "-E" | "env"));
        word.is_some_and(|word| {
            let word = word.to_ascii_lowercase();
            let bare = word.strip_suffix(".exe").unwrap_or(&word);
            RUNNERS.contains(&bare)
                || ["./", "/tmp/", "/var/tmp/", "~/", "%temp%", "$home/"].iter().any(|begin| word.starts_with(begin))
        })
    })
}

/// Whether a shell is given what was fetched in its place: `bash -c "$(curl …)"`, `sh <(curl …)`, `eval "$(wget …)"`.
fn substitutes(line: &[u8]) -> bool {
    let begins = str::from_utf8(line.get(..line.len().min(40)).unwrap_or_default()).unwrap_or_default();
    let mut words = begins.split(|c: char| c.is_whitespace() || matches!(c, '"' | '<' | '(' | '$'));
    let runs =
        words.find(|word| !matches!(*word, "" | "sudo")).is_some_and(|word| RUNNERS.contains(&word) || word == "eval");
    runs && [&b"$(curl "[..], b"$(wget ", b"<(curl ", b"<(wget ", b"`curl ", b"`wget "]
        .iter()
        .any(|word| memchr::memmem::find(line, word).is_some())
}
