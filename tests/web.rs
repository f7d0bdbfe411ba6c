//! Hunts through the recordings of web servers (tests/recordings) find what truly happened.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;

use common::{Place, root};

/// Findings of a rule in recordings, as line numbers.
fn lines(detection: &str, logsource: &str, arguments: &[&str]) -> Vec<u64> {
    let place = Place::new();
    let rule = format!(
        "title: Web\nid: 6b1a5d0e-0000-4000-8000-000000000003\nstatus: test\nlevel: low\n\
         logsource: {{{logsource}}}\ndetection: {detection}\n"
    );
    place.file("rule.yml", &rule);
    let arguments: Vec<String> = arguments
        .iter()
        .map(|text| text.replace("RECORDINGS", &root().join("tests/recordings").display().to_string()))
        .collect();
    let arguments: Vec<&str> =
        arguments.iter().map(String::as_str).chain(["--rules", "rule.yml", "--no-shipped-rules"]).collect();
    place.findings(&arguments).iter().map(|finding| finding["place"]["line"].as_u64().unwrap_or_default()).collect()
}

#[test]
fn what_a_client_encodes_is_found_as_it_was_sent_and_as_it_is_meant() {
    let nginx = ["RECORDINGS/nginx/combined.log"];
    let webserver = |detection: &str| lines(detection, "category: webserver", &nginx).len();
    assert_eq!(webserver("{s: {cs-uri-query|contains: 'cmd=curl%20-s'}, condition: s}"), 1);
    assert_eq!(webserver("{s: {cs-uri-query|contains: 'cmd=curl -s http://'}, condition: s}"), 1);
    assert_eq!(webserver("{s: {cs-uri-query|contains: '/uploads/bild.php?cmd='}, condition: s}"), 2);
    // Neither form is excluded unless one of them is meant.
    assert_eq!(
        webserver(
            "{s: {cs-uri-stem: /uploads/bild.php}, f: {cs-uri-query|contains: 'curl -s'}, condition: s and not f}"
        ),
        1
    );
    assert_eq!(
        webserver(
            "{s: {cs-uri-stem: /uploads/bild.php}, f: {cs-uri-query|contains: 'curl%20-s'}, condition: s and not f}"
        ),
        1
    );
    assert_eq!(webserver("{s: {cs-user-agent: ''}, condition: s}"), 1);
    assert_eq!(webserver("{s: {cs-method: null, sc-status: 400}, condition: s}"), 4);
    assert_eq!(webserver("{s: ['UNION%20SELECT'], condition: s}"), 1);
}

#[test]
fn error_logs_are_their_servers_services() {
    let all = ["RECORDINGS/nginx", "RECORDINGS/apache2", "RECORDINGS/tomcat"];
    let words = "{s: ['connect() failed', 'AH01617'], condition: s}";
    assert_eq!(lines(words, "service: nginx", &all).len(), 1);
    assert_eq!(lines(words, "service: apache", &all).len(), 1);
    assert_eq!(lines(words, "service: tomcat", &all).len(), 0);
    assert_eq!(
        lines("{s: {cs-uri-stem: /uploads/bild.aspx}, condition: s}", "service: iis", &["RECORDINGS/by-hand"]).len(),
        2
    );
}

#[test]
fn a_format_that_is_given_is_read() {
    let bars = "RECORDINGS/nginx/bars.log";
    let rule = "{s: {cs-uri-query: 'cmd=id'}, condition: s}";
    assert_eq!(lines(rule, "category: webserver", &[bars]).len(), 0);
    assert_eq!(lines(rule, "category: webserver", &[bars, "--log-format", "@RECORDINGS/nginx/nginx.conf"]).len(), 1);
    let format = "$time_iso8601|$msec|$remote_addr|$remote_port|$request_method|$uri|$args|$status|$bytes_sent|$request_length|$http_user_agent";
    assert_eq!(lines(rule, "category: webserver", &[bars, "--log-format", format]).len(), 1);
}

#[test]
fn clients_behind_trusted_proxies_are_told_apart() {
    let place = Place::new();
    place.file(
        "rule.yml",
        "title: Many\nid: 6b1a5d0e-0000-4000-8000-000000000004\nlevel: low\n\
         correlation: {type: event_count, rules: [one], group-by: [c-ip], timespan: 5m, condition: {gte: 3}}\n---\n\
         title: One\nname: one\nlogsource: {category: webserver}\ndetection: {s: {sc-status: 404}, condition: s}\n",
    );
    // nginx's `main` format; the first address is the client's own claim.
    let line = |client: &str| {
        format!(
            "10.0.0.5 - - [22/Nov/2026:05:34:28 +0000] \"GET /{client} HTTP/1.1\" 404 15 \"-\" \"curl\" \
             \"192.0.2.99, {client}\"\n"
        )
    };
    place.file("access.log", line("203.0.113.7").repeat(3) + &line("203.0.113.8").repeat(2));
    let iis = "#Fields: date time c-ip cs-method cs-uri-stem sc-status X-Forwarded-For\n".to_owned()
        + &"2026-11-22 05:40:28 10.0.0.6 GET / 404 192.0.2.99,+203.0.113.9:4711\n".repeat(3);
    place.file("u_ex261122.log", iis);
    let groups = |site: &str| {
        place.file("site.toml", site);
        let arguments = ["access.log", "u_ex261122.log", "--site", "site.toml", "--rules", "rule.yml"];
        let found = place.findings(&[&arguments[..], &["--no-shipped-rules"]].concat());
        let group = |finding: &serde_json::Value| finding["matched"]["c-ip"].as_str().unwrap().to_owned();
        found.iter().map(group).collect::<Vec<_>>()
    };
    assert_eq!(groups(""), ["10.0.0.5", "10.0.0.6"]);
    assert_eq!(groups("proxies = ['10.0.0.0/29']\n"), ["203.0.113.7", "203.0.113.9"]);
    place.file("site.toml", "proxies = ['proxy.example']\n");
    let run = place.run(&["hunt", "access.log", "--site", "site.toml"]);
    run.ends(3, &["site.toml: proxies: expected an address or a network", "'proxy.example'"]);
}
