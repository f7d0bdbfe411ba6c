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
///
/// Each part is looked at once, however many programs that fetch stand before it.
pub fn fetches_and_runs(text: &[u8]) -> bool {
    let mut fetchers: Vec<usize> = fetchers(text).collect();
    if fetchers.is_empty() {
        return false;
    }
    fetchers.sort_unstable();
    let separators = text.iter().enumerate().filter(|(_, byte)| matches!(byte, b'|' | b'&' | b';')).map(|(at, _)| at);
    let mut separators = separators.peekable();
    while let Some(at) = separators.next() {
        let end = separators.peek().copied().unwrap_or(text.len());
        let before = fetchers.partition_point(|fetcher| *fetcher < at);
        let is_fetched =
            before.checked_sub(1).and_then(|last| fetchers.get(last)).is_some_and(|last| at - last <= LINE);
        if is_fetched && runs(text.get(at + 1..end.min(at + LINE)).unwrap_or_default()) {
            return true;
        }
    }
    false
}

/// The lines of a shell's script that do so; a line goes on behind a backslash.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    let lines = std::iter::from_fn(move || {
        let is_end = |at: &usize| !matches!(rest.get(..*at), Some([.., b'\\'] | [.., b'\\', b'\r']));
        let end = memchr::memchr_iter(b'\n', rest).find(is_end).unwrap_or(rest.len());
        let line = rest.get(..end).filter(|_| !rest.is_empty())?;
        rest = rest.get(end + 1..).unwrap_or_default();
        Some(line.trim_ascii())
    });
    lines.filter(|line| {
        let line = behind_remark(line);
        fetches_and_runs(line) || substitutes(line)
    })
}

/// What of a line is no remark and no text that is only shown.
fn behind_remark(line: &[u8]) -> &[u8] {
    let shows = [&b"echo"[..], b"printf"].iter().any(|word| line.starts_with(word));
    match line {
        [b'#', ..] => b"",
        _ if shows => end_of_command(line).and_then(|end| line.get(end..)).unwrap_or_default(),
        _ => line,
    }
}

/// Where the first command of a line ends and another begins that is not given what the first one says.
fn end_of_command(line: &[u8]) -> Option<usize> {
    let mut quote = None;
    line.iter().enumerate().position(|(at, byte)| {
        match (quote, byte) {
            (Some(open), _) if open == *byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b';') => return true,
            (None, b'&' | b'|') => return line.get(at + 1) == Some(byte),
            _ => {}
        }
        false
    })
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

/// Whether a command runs something: a program that does so, by its name or its path, or a file.
fn runs(command: &[u8]) -> bool {
    program(command).is_some_and(|word| {
        let name = word.rsplit(['/', '\\']).next().unwrap_or_default();
        let bare = name.strip_suffix(".exe").unwrap_or(name);
        RUNNERS.contains(&bare)
            || ["./", "/tmp/", "/var/tmp/", "/dev/shm/", "~/", "%temp%", "$home/"]
                .iter()
                .any(|begin| word.starts_with(begin))
    })
}

/// The program of a command in small letters, behind what only says how it is started: `sudo -u root A=b`.
fn program(command: &[u8]) -> Option<String> {
    let command = String::from_utf8_lossy(command);
    let mut words = command.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | ')' | ',' | '<'));
    let is_before = |word: &str| {
        let word = word.rsplit('/').next().unwrap_or(word);
        matches!(word, "" | "sudo" | "doas" | "env" | "exec" | "command" | "then" | "do" | "$" | "\\")
            || word.starts_with('-')
            || word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
    };
    while let Some(word) = words.next() {
        match word {
            "-u" | "-g" | "--user" | "--group" => drop(words.next()),
            _ if is_before(word) => {}
            _ => return Some(word.to_ascii_lowercase()),
        }
    }
    None
}

/// Whether a shell is given what was fetched in its place: `bash -c "$(curl …)"`, `sh <(curl …)`, `eval "$(wget …)"`.
fn substitutes(line: &[u8]) -> bool {
    let substitutes = [&b"$(curl "[..], b"$(wget ", b"<(curl ", b"<(wget ", b"`curl ", b"`wget "];
    substitutes.iter().filter_map(|word| memchr::memmem::find(line, word)).any(|at| {
        let before = line.get(at.saturating_sub(LINE)..at).unwrap_or_default();
        let command = before.rsplit(|byte| matches!(byte, b'|' | b'&' | b';')).next().unwrap_or_default();
        runs(command) || program(command).is_some_and(|word| word == "eval")
    })
}
