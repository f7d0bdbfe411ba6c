//! Plain lists: an indicator a line, also as they stand in files of hosts (`0.0.0.0 evil.example`).

use std::io::{self, BufRead};

use super::Loader;
use crate::{
    kind::{Hint, MAX_LENGTH},
    set::Statement,
};

pub(super) fn read(loader: &mut Loader, input: &mut dyn BufRead) -> io::Result<()> {
    let statement = loader.statement(Statement::default());
    let (mut bytes, mut line) = (Vec::new(), 0);
    while next_line(input, &mut bytes)? {
        line += 1;
        let Ok(text) = std::str::from_utf8(&bytes) else {
            loader.problem(line, || "expected UTF-8, found other bytes".into());
            continue;
        };
        let text = entry(text);
        if !text.is_empty() {
            loader.entry(Hint::Any, text, statement, line);
        }
    }
    Ok(())
}

/// Reads the next line, of one that is too long only what shows that; false where there is none.
fn next_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut is_any = false;
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(is_any);
        }
        is_any = true;
        let end = memchr::memchr(b'\n', bytes);
        let part = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        let room = (2 * MAX_LENGTH).saturating_sub(line.len()).min(part.len());
        line.extend(part.get(..room).unwrap_or_default());
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// What a line has to say: without comments, and without the address that a file of hosts leads astray to.
fn entry(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with(['#', ';', '!']) || line.starts_with("//") {
        return "";
    }
    let mut marks = memchr::memchr_iter(b'#', line.as_bytes()).filter_map(|mark| line.get(..mark));
    let line = marks.find(|before| before.ends_with([' ', '\t'])).unwrap_or(line).trim_end();
    let astray = ["0.0.0.0", "127.0.0.1", "::1", "::"].iter().find_map(|address| line.strip_prefix(address));
    astray.filter(|host| host.starts_with([' ', '\t'])).unwrap_or(line).trim_start().trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_files_of_hosts_are_understood() {
        for (line, text) in [
            ("# evil.example", ""),
            ("evil.example # why", "evil.example"),
            ("0.0.0.0 evil.example", "evil.example"),
            ("127.0.0.1\tevil.example", "evil.example"),
            ("0.0.0.0.evil.example", "0.0.0.0.evil.example"),
            (" \"evil.example\"\r", "evil.example"),
        ] {
            assert_eq!(entry(line), text, "{line}");
        }
    }
}
