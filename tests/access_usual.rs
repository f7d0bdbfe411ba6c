//! Without a policy: what is new about a login after weeks of others is found, and nothing else. The lines are those that the real sshd wrote for one
//! login (tests/recordings); names, addresses, keys and times are drawn anew each run.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

#[allow(dead_code, reason = "each test program uses its part")]
mod access_world;
mod common;
#[path = "common/gate.rs"]
mod gate;

use std::{collections::BTreeMap, fs};

use access_world::Random;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

const UNUSUAL: &str = "Account used in a way it was not used before";
const BEGINS: &str = "Server that begins to log in to others";
const VERSIONS: [&str; 3] = ["8.4", "9.2", "10.0"];

/// All lines of one connection of a recording: how long after its beginning each was written, and what it says.
struct Recorded {
    lines: Vec<(SignedDuration, String)>,
    /// What is replaced: the program's process and its child's, the account, the client's address and port, the key, the server's address.
    words: [String; 7],
}

impl Recorded {
    fn new(version: &str) -> Self {
        let path = common::root().join(format!("tests/recordings/sshd/openssh-{version}/verbose.iso.log"));
        let text = fs::read_to_string(path).unwrap();
        let between = |line: &str, before: &str, after: &str| {
            let rest = line.split_once(before).unwrap_or_else(|| panic!("{before}: {line}")).1;
            rest.split(after).next().unwrap().to_owned()
        };
        let accepted =
            text.lines().find(|line| line.contains("]: Accepted publickey for deploy ") && !line.contains("CERT"));
        let accepted = accepted.unwrap();
        let process = between(accepted, "[", "]");
        let (source, port) = (between(accepted, " from ", " "), between(accepted, " port ", " "));
        let key = accepted.split(' ').next_back().unwrap().to_owned();
        let of = |process: &str, line: &&str| line.contains(&format!("[{process}]: "));
        let child = text.lines().find(|line| of(&process, line) && line.contains("User child is on pid ")).unwrap();
        let child = between(child, "User child is on pid ", " ");
        let from = format!("Connection from {source} port {port} on ");
        let server = between(text.lines().find(|line| line.contains(&from)).unwrap(), &from, " ");
        let time = |line: &str| line.split(' ').next().unwrap().parse::<Timestamp>().unwrap();
        let own: Vec<&str> = text.lines().filter(|line| of(&process, line) || of(&child, line)).collect();
        let begin = time(own[0]);
        let lines =
            own.iter().map(|line| (time(line).duration_since(begin), line.split_once(" web01 ").unwrap().1.to_owned()));
        Self { lines: lines.collect(), words: [process, child, "deploy".into(), source, port, key, server] }
    }
}

/// One login.
struct Login<'a> {
    at: Timestamp,
    host: &'a str,
    server: &'a str,
    account: &'a str,
    source: String,
    key: &'a str,
}

/// Logs of hosts, and what is to be found in them.
struct Story {
    random: Random,
    recorded: Vec<Recorded>,
    lines: BTreeMap<String, Vec<(Timestamp, String)>>,
    expected: BTreeMap<(String, String), usize>,
}

impl Story {
    fn add(&mut self, login: &Login<'_>) {
        let recorded = self.random.one(&self.recorded);
        let (process, port) = (1000 + self.random.0 % 60_000, 1024 + (self.random.0 >> 20) % 60_000);
        let new = [
            process.to_string(),
            (process + 1).to_string(),
            login.account.to_owned(),
            login.source.clone(),
            port.to_string(),
            login.key.to_owned(),
            login.server.to_owned(),
        ];
        let lines =
            recorded.lines.iter().map(|(after, line)| (login.at + *after, replaced(line, &recorded.words, &new)));
        self.lines.entry(login.host.to_owned()).or_default().extend(lines);
    }

    fn expect(&mut self, title: &str, account: &str) {
        *self.expected.entry((title.to_owned(), account.to_owned())).or_default() += 1;
    }

    /// What a hunt without a policy finds.
    fn hunt(mut self) {
        let place = common::Place::new();
        let mut years = Vec::new();
        for (host, lines) in &mut self.lines {
            lines.sort();
            let has_year = self.random.below(2) == 0;
            let form = if has_year { "%Y-%m-%dT%H:%M:%S%.6f+00:00" } else { "%b %e %H:%M:%S" };
            let text: String =
                lines.iter().map(|(at, line)| format!("{} {host} {line}\n", at.strftime(form))).collect();
            place.file(&format!("logs/{host}/auth.log"), text);
            years.push(lines[0].0.strftime("%Y").to_string());
        }
        let run =
            place.run(&["hunt", "logs", "--no-shipped-rules", "--format", "jsonl", "--quiet", "--year", &years[0]]);
        run.ends(0, &[]);
        let mut found = BTreeMap::new();
        for finding in run.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            *found.entry((text(&finding["rule"]["title"]), text(&finding["matched"]["user"]))).or_default() += 1;
        }
        assert_eq!(found, self.expected, "{}", run.out);
    }
}

/// A line in which whole words are replaced by others.
fn replaced(line: &str, old: &[String; 7], new: &[String; 7]) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+/:.".contains(c);
    let mut text = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let word: String = rest.chars().take_while(|c| is_part(*c)).collect();
        let end = if word.is_empty() { first.len_utf8() } else { word.len() };
        // `22:11:` and `/home/deploy/…` hold words within.
        let known = |word: &str| old.iter().position(|one| one == word).map(|at| new[at].clone());
        let by_parts = |mark: char| -> String {
            let parts = word.split(mark).map(|part| known(part).unwrap_or_else(|| part.to_owned()));
            parts.collect::<Vec<_>>().join(&mark.to_string())
        };
        let mark = if word.starts_with('/') { '/' } else { ':' };
        text += &known(&word).unwrap_or_else(|| if word.is_empty() { first.to_string() } else { by_parts(mark) });
        rest = &rest[end..];
    }
    text
}

/// What people are, and do.
struct Cast {
    hosts: [String; 2],
    servers: [String; 2],
    accounts: [String; 5],
    keys: [String; 2],
}

fn cast(random: &mut Random) -> Cast {
    let mut key = || {
        let letters: String = (0..43).map(|_| char::from(b'a' + random.below(26) as u8)).collect();
        format!("SHA256:{letters}")
    };
    let keys = [key(), key()];
    let servers = ["10.0.1", "10.0.2"].map(|network| format!("{network}.{}", 1 + random.below(250)));
    let hosts = ["srv", "web"].map(|prefix| random.name(prefix));
    let accounts = ["a", "b", "c", "d", "e"].map(|prefix| random.name(prefix));
    Cast { hosts, servers, accounts, keys }
}

/// A day and time drawn within so many days of a beginning.
fn moment(random: &mut Random, begin: Timestamp, day: u64) -> Timestamp {
    begin + SignedDuration::from_hours(24 * day as i64) + SignedDuration::from_secs(random.below(80_000) as i64)
}

#[test]
fn what_is_new_after_weeks_is_found() {
    let mut random = Random::new();
    let Cast { hosts, servers, accounts, keys } = cast(&mut random);
    // The year's end is far enough away for a log without years.
    let begin = Timestamp::from_second(1_767_225_600 + random.below(250 * 86_400) as i64).unwrap();
    let recorded = VERSIONS.iter().map(|version| Recorded::new(version)).collect();
    let mut story = Story { random, recorded, lines: BTreeMap::new(), expected: BTreeMap::new() };
    let [settled, young, rare, roaming, robot] = &accounts;
    let weeks = 16 + story.random.below(20);
    let mut login = |day: u64, host: usize, account: &str, network: &str, key: usize| {
        let at = moment(&mut story.random, begin, day);
        let source = match network.split('.').count() {
            3 => format!("{network}.{}", 1 + story.random.below(250)),
            _ => network.to_owned(),
        };
        let (host, server, key) = (&hosts[host], &servers[host], &keys[key]);
        story.add(&Login { at, host, server, account, source, key });
    };
    for day in 0..=weeks {
        login(day, 0, settled, "198.51.100", 0);
        // From ever new networks, more than any account is remembered to have before it is known for weeks.
        login(day, 0, roaming, &format!("172.16.{day}"), 0);
        login(day, 0, roaming, &format!("172.17.{day}"), 0);
    }
    // What is new: another network, then another key; each is told once.
    login(weeks + 1, 0, settled, "203.0.113", 0);
    login(weeks + 2, 0, settled, "203.0.113", 0);
    login(weeks + 3, 0, settled, "198.51.100", 1);
    login(weeks + 4, 0, settled, "198.51.100", 1);
    // What is not: an account known for days, one that was used twice, one that comes from everywhere.
    (3..12).for_each(|day| login(day, 0, young, "198.51.100", 0));
    login(12, 0, young, "203.0.113", 1);
    login(0, 0, rare, "198.51.100", 0);
    login(weeks, 0, rare, "203.0.113", 1);
    login(weeks + 1, 0, roaming, "203.0.113", 0);
    // A server that was logged in to for weeks logs in to another, to which people came before.
    login(1, 1, young, "198.51.100", 0);
    login(weeks + 5, 1, robot, &servers[0], 0);
    login(weeks + 6, 1, robot, &servers[0], 0);
    story.expect(UNUSUAL, settled);
    story.expect(UNUSUAL, settled);
    story.expect(BEGINS, robot);
    story.hunt();
}

/// Hours at which an account is never used, an account that was not used for months, and one that is used for the first time.
#[test]
fn hours_months_and_newcomers_are_found() {
    let mut random = Random::new();
    let Cast { hosts, servers, accounts, keys } = cast(&mut random);
    let begin = Timestamp::from_second(1_767_225_600 + 86_400 * random.below(150) as i64).unwrap();
    let recorded = VERSIONS.iter().map(|version| Recorded::new(version)).collect();
    let mut story = Story { random, recorded, lines: BTreeMap::new(), expected: BTreeMap::new() };
    let [worker, sleeper, newcomer, ..] = &accounts;
    let away = 100 + story.random.below(30);
    let mut login = |day: u64, hour: u64, account: &str| {
        let within = SignedDuration::from_secs(story.random.below(3000) as i64);
        let at = begin + SignedDuration::from_hours((24 * day + hour) as i64) + within;
        let source = format!("198.51.100.{}", 1 + story.random.below(250));
        let (host, server, key) = (&hosts[0], &servers[0], &keys[0]);
        story.add(&Login { at, host, server, account, source, key });
    };
    for day in 0..away + 12 {
        login(day, 8, worker);
        login(day, 10, worker);
    }
    (0..10).for_each(|day| login(day, 9, sleeper));
    // At night, and for the first time in months; for each it is news once. Near such an hour is no news.
    login(50, 20, worker);
    login(51, 20, worker);
    login(52, 21, worker);
    login(away + 9, 9, sleeper);
    login(away + 10, 9, sleeper);
    login(60, 9, newcomer);
    login(61, 15, newcomer);
    [worker, sleeper, newcomer].into_iter().for_each(|account| story.expect(UNUSUAL, account));
    story.hunt();
}

/// A server that has done so from the first days on does nothing new.
#[test]
fn a_server_that_always_did_does_not_begin() {
    let mut random = Random::new();
    let Cast { hosts, servers, accounts, keys } = cast(&mut random);
    let begin = Timestamp::from_second(1_767_225_600 + random.below(250 * 86_400) as i64).unwrap();
    let recorded = VERSIONS.iter().map(|version| Recorded::new(version)).collect();
    let mut story = Story { random, recorded, lines: BTreeMap::new(), expected: BTreeMap::new() };
    for day in 0..30 {
        for (host, source) in [(0, "198.51.100.7".to_owned()), (1, servers[0].clone())] {
            let at = moment(&mut story.random, begin, day);
            let (server, account, key) = (&servers[host], &accounts[host], &keys[0]);
            story.add(&Login { at, host: &hosts[host], server, account, source, key });
        }
    }
    story.hunt();
}
