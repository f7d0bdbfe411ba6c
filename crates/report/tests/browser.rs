//! The HTML report in a real browser: Chromium (`ci/test` installs it), driven over its DevTools protocol. Nothing in a report may come alive,
//! nothing leaves the file, and what its script promises works. Reports stay in `CARGO_TARGET_TMPDIR`, to be looked at.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use common::{Told, does_harm, many, root};
use report::{Style, write_html};
use serde_json::{Value, json};

/// How long the browser may take for an answer until the test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// A browser with one page.
struct Browser {
    process: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    /// Of the page, once it is there.
    session: Option<String>,
    sent: u64,
    /// What the page did so far, beside answers.
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Browser {
    fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let data = format!("--user-data-dir={}", profile.path().display());
        // Chromium speaks the protocol over the descriptors 3 and 4, a message up to a NUL.
        let mut process = Command::new("sh")
            .args(["-c", "exec chromium \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null", "chromium"])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .args(["--disable-background-networking", "--remote-debugging-pipe", &data])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, mut out) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        let (tell, from) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while out.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                let _ = tell.send(serde_json::from_slice(&message).unwrap());
                message.clear();
            }
        });
        let mut browser = Self { process, to, from, session: None, sent: 0, events: Vec::new(), _profile: profile };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", attach);
        browser.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Runtime", "Log", "Network", "Page"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    fn next(&mut self) -> Value {
        self.from.recv_timeout(PATIENCE).expect("chromium is missing or does not answer; ci/test installs it")
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.to.write_all(&bytes).expect("chromium is missing or has ended; ci/test installs it");
        loop {
            let answer = self.next();
            if answer["id"] == self.sent {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    /// Opens a file and waits until all of it is there.
    fn open(&mut self, path: &Path) {
        self.events.clear();
        self.ask("Page.navigate", json!({ "url": format!("file://{}", path.display()) }));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.next();
            self.events.push(event);
        }
    }

    /// The value of an expression on the page.
    fn eval(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.ask("Runtime.evaluate", params);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Nothing was said on the console, thrown or refused, and nothing but the file itself was asked for.
    fn assert_quiet(&self, path: &Path) {
        let noise = ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"];
        let said: Vec<&Value> =
            self.events.iter().filter(|event| noise.iter().any(|noise| event["method"] == *noise)).collect();
        assert!(said.is_empty(), "{said:#?}");
        let asked = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        let urls: Vec<&str> = asked.map(|event| event["params"]["request"]["url"].as_str().unwrap()).collect();
        assert_eq!(urls, [format!("file://{}", path.display())], "requests");
    }
}

/// Writes the report beside the others.
fn write(name: &str, told: &Told) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.html"));
    let mut out = Vec::new();
    let style = Style { zone: told.zone.clone(), ..Style::default() };
    write_html(&told.incidents, &told.summary, &mut out, &style).unwrap();
    fs::write(&path, out).unwrap();
    path
}

fn golden(name: &str) -> Told {
    let path = root().join("tests/golden/incidents").join(name).join("incidents.json");
    Told::parse(&fs::read_to_string(path).unwrap())
}

/// How many elements a selector finds.
fn count(browser: &mut Browser, selector: &str) -> u64 {
    browser.eval(&format!("document.querySelectorAll({selector:?}).length")).as_u64().unwrap()
}

#[test]
fn hostile_values_are_inert() {
    let mut browser = Browser::start();
    let mut told = golden("hostile");
    // Values of a megabyte, as long as a log may have them.
    let long = "<img src=x onerror=alert(1)>\u{202e}".repeat(40_000);
    let incident = &mut told.incidents.incidents[0];
    incident.steps[0].sentence.push_str(&long);
    incident.accounts.push(long.clone());
    incident.links[0].why.push_str(&long);
    incident.entities[0].0.name.push_str(&long);
    std::sync::Arc::make_mut(&mut incident.steps[1].findings[0]).matched[0].value.push_str(&long);
    let path = write("hostile", &told);
    assert!(fs::metadata(&path).unwrap().len() < 200_000, "what is long is cut");
    browser.open(&path);
    assert_eq!(browser.eval("document.title"), "Dreamcatcher: incidents");
    assert_eq!(count(&mut browser, "script"), 2, "the data and the script");
    assert_eq!(
        count(&mut browser, "img, iframe, object, embed, link, base, textarea, [onerror], [onload], [style]"),
        0
    );
    assert_eq!(browser.eval("[...document.links].every((link) => link.getAttribute('href').startsWith('#'))"), true);
    let text = browser.eval("document.body.innerText");
    let text = text.as_str().unwrap();
    assert!(text.contains("<script>document.title='alive'</script>"), "shown as text: {text}");
    assert!(text.contains("\\u{202e}"), "what is hidden is shown by its number");
    assert_eq!(text.chars().find(|character| !character.is_whitespace() && does_harm(*character)), None);
    browser.assert_quiet(&path);
}

#[test]
fn ten_thousand_findings_can_be_sorted_and_filtered() {
    let mut browser = Browser::start();
    let told = many(10_000);
    let path = write("many", &told);
    let bytes = fs::metadata(&path).unwrap().len();
    assert!(bytes < 3_000_000, "{bytes} bytes");
    let begun = Instant::now();
    browser.open(&path);
    println!("{bytes} bytes, open after {} ms", begun.elapsed().as_millis());
    let status = "document.getElementById('shown').textContent";
    assert!(browser.eval(status).as_str().unwrap().starts_with("10,000 findings in 9,995 rows"), "equal ones fold");
    // As a person types it.
    browser.eval("document.getElementById('text').focus()");
    browser.ask("Input.insertText", json!({ "text": "VALUE-1234 host-2" }));
    let shown = browser.eval("[...document.querySelectorAll('#table tbody tr')].map((row) => row.innerText)");
    let shown = shown.as_array().unwrap();
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert!(shown[0].as_str().unwrap().contains("value-1234"), "{shown:?}");
    browser.eval("document.querySelector('#filter button[type=reset]').click()");
    // The form empties itself after its event.
    browser.eval("new Promise((done) => { const look = () => document.querySelectorAll('#table tbody tr').length > 1 ? done() : requestAnimationFrame(look); look(); })");
    sorts(&mut browser);
    browser.eval("document.querySelector('a[data-incident]').click()");
    assert_ne!(browser.eval("document.getElementById('incident').value"), "");
    let group = browser
        .eval("new Set([...document.querySelectorAll('#table tbody tr')].map((row) => row.cells[7].innerText)).size");
    assert_eq!(group, 1, "the findings of one incident");
    browser.assert_quiet(&path);
}

/// A click on a column's head sorts by it, another one the other way round.
fn sorts(browser: &mut Browser) {
    let level = "document.querySelectorAll('#table th')[1]";
    let first = "document.querySelector('#table tbody tr').cells[1].innerText";
    browser.eval(&format!("{level}.firstChild.click()"));
    assert_eq!(browser.eval(&format!("{level}.getAttribute('aria-sort')")), "ascending");
    let least = browser.eval(first);
    browser.eval(&format!("{level}.firstChild.click()"));
    assert_eq!(browser.eval(&format!("{level}.getAttribute('aria-sort')")), "descending");
    assert_eq!((least.as_str(), browser.eval(first).as_str()), (Some("low"), Some("critical")));
    let rows = count(browser, "#table tbody tr");
    browser.eval("document.getElementById('more').click()");
    assert!(count(browser, "#table tbody tr") > rows, "there is more");
}

#[test]
fn without_scripts_all_incidents_and_the_first_findings_are_there() {
    let mut browser = Browser::start();
    browser.ask("Emulation.setScriptExecutionDisabled", json!({ "value": true }));
    let told = many(2_000);
    let path = write("without", &told);
    browser.open(&path);
    assert_eq!(count(&mut browser, "#table tbody tr"), 500);
    assert_eq!(count(&mut browser, "[id^=i-]") as usize, told.incidents.incidents.len());
    assert_eq!(browser.eval("document.getElementById('filter').hidden"), true);
    browser.assert_quiet(&path);
}

#[test]
fn a_reader_of_screens_and_a_keyboard_find_their_way() {
    let mut browser = Browser::start();
    let path = write("story", &golden("story"));
    browser.open(&path);
    assert_eq!(count(&mut browser, "h1"), 1);
    assert_eq!(count(&mut browser, "main, header.top, footer, nav"), 4);
    assert_eq!(count(&mut browser, "th:not([scope])"), 0);
    assert_eq!(count(&mut browser, "section:not([aria-labelledby]), article:not([aria-labelledby])"), 0);
    assert_eq!(count(&mut browser, "svg:not([role=img][aria-label])"), 0);
    let named = "[...document.querySelectorAll('[aria-labelledby]')].every((one) => document.getElementById(one.getAttribute('aria-labelledby')))";
    assert_eq!(browser.eval(named), true);
    let targets = "[...document.links].every((link) => document.getElementById(link.getAttribute('href').slice(1)))";
    assert_eq!(browser.eval(targets), true, "every link leads somewhere");
    let levels = "(() => { let last = 0; return [...document.querySelectorAll('h1,h2,h3,h4')].every((one) => { \
                  const now = Number(one.tagName[1]); const fits = now <= last + 1; last = now; return fits; }); })()";
    assert_eq!(browser.eval(levels), true, "no heading skips a level");
    browser.assert_quiet(&path);
}
