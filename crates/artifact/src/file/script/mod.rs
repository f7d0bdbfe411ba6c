//! What stands in scripts and pages: words by which they fetch, decode, evaluate and execute, and how their text looks.

use std::{collections::BTreeSet, sync::LazyLock};

use aho_corasick::AhoCorasick;

use crate::Facts;

/// So many bytes of a script are looked at.
const LIMIT: usize = 8 << 20;

/// Words, each with the field that it is told in.
const WORDS: &[(&str, &[&str])] = &[
    (
        "Evaluates",
        &[
            "eval(",
            "new Function(",
            "Function(",
            "vm.runIn",
            "execScript",
            "ExecuteGlobal",
            "Invoke-Expression",
            "iex ",
            "iex(",
            "exec(",
            "compile(",
            "marshal.loads",
            "document.write(unescape",
            "setTimeout(atob",
        ],
    ),
    (
        "Fetches",
        &[
            "https.get(",
            "http.get(",
            "fetch(",
            "axios",
            "XMLHttpRequest",
            "request(",
            "urlopen(",
            "urlretrieve(",
            "requests.get(",
            "requests.post(",
            "curl ",
            "wget ",
            "Invoke-WebRequest",
            "Invoke-RestMethod",
            "DownloadString",
            "DownloadFile",
            "WebClient",
            "MSXML2.",
            "WinHttp",
            "bitsadmin",
            "certutil",
            "Start-BitsTransfer",
        ],
    ),
    (
        "Decodes",
        &[
            "atob(",
            "fromCharCode",
            "'base64'",
            "\"base64\"",
            "b64decode",
            "FromBase64String",
            "unhexlify",
            "fromhex(",
            "'hex'",
            "\"hex\"",
            "unescape(",
            "decodeURIComponent(",
            "base64 -d",
            "base64 --decode",
            "-decode",
            "zlib.decompress",
            "-enc ",
            "-EncodedCommand",
        ],
    ),
    (
        "Executes",
        &[
            "child_process",
            "execSync(",
            "spawn(",
            "execFile(",
            "os.system(",
            "subprocess",
            "popen(",
            "WScript.Shell",
            "Shell.Application",
            "Start-Process",
            "Command::new(",
            "powershell",
            "mshta",
            "rundll32",
            "regsvr32",
            "wscript",
            "cscript",
            "cmd /c",
            "cmd.exe",
            "| sh",
            "|sh",
            "| bash",
            "|bash",
            "os.startfile(",
            "CreateObject(",
        ],
    ),
    (
        "Smuggles",
        &["msSaveOrOpenBlob", "msSaveBlob", "createObjectURL", "new Blob(", ".download=", ".download =", "download=\""],
    ),
];

/// A field, and a word that it is told by.
type Word = (&'static str, &'static str);

/// All words; those of one field follow one another.
static SEARCH: LazyLock<Option<(AhoCorasick, Vec<Word>)>> = LazyLock::new(|| {
    let words: Vec<Word> = WORDS.iter().flat_map(|(field, words)| words.iter().map(|word| (*field, *word))).collect();
    let search = AhoCorasick::builder().ascii_case_insensitive(true).build(words.iter().map(|(_, word)| *word)).ok()?;
    Some((search, words))
});

/// Tells what stands in a script.
pub fn facts(bytes: &[u8], facts: &mut Facts) {
    let bytes = bytes.get(..LIMIT).unwrap_or(bytes);
    if let Some((search, words)) = &*SEARCH {
        let found: BTreeSet<usize> =
            search.find_overlapping_iter(bytes).map(|found| found.pattern().as_usize()).collect();
        for (field, word) in found.iter().filter_map(|number| words.get(*number)) {
            facts.tell(*field, word.trim());
        }
    }
    let lines = bytes.split(|byte| *byte == b'\n');
    let longest = lines.clone().map(<[u8]>::len).max().unwrap_or_default();
    facts.count("Lines", lines.clone().count() as u64);
    facts.count("LongestLine", longest as u64);
    facts.count("CodeBehindBlanks", lines.map(blanks).max().unwrap_or_default() as u64);
    facts.count("ObfuscatedNames", obfuscated(bytes));
    facts.count("LongestEncoded", encoded(bytes) as u64);
}

/// How many blanks stand before code that has other code on its left: text pushed out of sight.
fn blanks(line: &[u8]) -> usize {
    let (mut most, mut run, mut begun) = (0, 0, false);
    for byte in line {
        match byte {
            b' ' | b'\t' if begun => run += 1,
            b' ' | b'\t' | b'\r' => {}
            _ => {
                most = most.max(run);
                (run, begun) = (0, true);
            }
        }
    }
    most
}

/// Names as the common obfuscator makes them: `_0x` and at least four hexadecimal digits.
fn obfuscated(bytes: &[u8]) -> u64 {
    let digits = |at: usize| {
        let rest = bytes.get(at + 3..).unwrap_or_default();
        rest.iter().take(4).filter(|byte| byte.is_ascii_hexdigit()).count()
    };
    memchr::memmem::find_iter(bytes, "_0x").filter(|at| digits(*at) == 4).count() as u64
}

/// The longest run of characters of Base64 or hexadecimal digits.
fn encoded(bytes: &[u8]) -> usize {
    let runs = bytes.split(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')));
    runs.map(<[u8]>::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use event::Position;

    use super::*;
    use crate::Kind;

    fn told(text: &str) -> impl Fn(&'static str) -> Vec<String> + use<> {
        let mut told = Facts::new(Kind::File, Position::Record(1), None);
        facts(text.as_bytes(), &mut told);
        move |name| told.values(name).map(|value| value.into_owned()).collect()
    }

    #[test]
    fn words_and_looks() {
        let told = told("const _0x3f2a=1;var x=5;                    eval(atob('QUJD'))\nfetch(u)");
        assert_eq!(told("Evaluates"), ["eval("]);
        assert_eq!(told("Decodes"), ["atob("]);
        assert_eq!(told("Fetches"), ["fetch("]);
        assert_eq!(told("ObfuscatedNames"), ["1"]);
        assert_eq!(told("CodeBehindBlanks"), ["20"]);
        assert_eq!(told("Lines"), ["2"]);
    }

    #[test]
    fn indentation_is_not_code_behind_blanks() {
        assert_eq!(told("          a = 1\n\t\t\tb\r\n")("CodeBehindBlanks"), ["1"]);
    }
}
