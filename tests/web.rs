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

/// Where nothing was found in a request's line, nothing is looked for in its repetitions: what is found is what is found where every line is another one.
#[test]
fn repetitions_change_nothing() {
    let rules = |more: &str| {
        let rule = |number: u32, level: &str, detection: &str| {
            format!(
                "title: R{number}\nname: r{number}\nid: 6b1a5d0e-0000-4000-8000-00000000010{number}\nlevel: {level}\n\
                 logsource: {{category: webserver}}\ndetection: {detection}\n---\n"
            )
        };
        [
            rule(1, "low", "{s: {cs-uri-stem|contains: '/x', sc-status: 200}, condition: s}"),
            rule(2, "low", "{s: ['evil-agent', '198.51.100.3'], condition: s}"),
            rule(3, "high", "{s: {sc-status: 404}, f: {cs-uri|contains: b}, condition: s and not f}"),
            more.to_owned(),
            "title: Many\nid: 6b1a5d0e-0000-4000-8000-000000000110\nlevel: low\n\
             correlation: {type: event_count, rules: [r3], group-by: [c-ip], timespan: 5m, condition: {gte: 3}}\n"
                .to_owned(),
        ]
        .concat()
    };
    let by_client = "title: R4\nid: 6b1a5d0e-0000-4000-8000-000000000104\nlevel: low\nlogsource: {category: webserver}\n\
                     detection: {s: {c-ip: 198.51.100.1, cs-username: anna}, condition: s}\n---\n";
    // A generator of numbers is enough here (Numerical Recipes).
    let mut state = u64::from(std::process::id());
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    let lines: Vec<[String; 2]> = (0..3000)
        .map(|number| {
            let user = ["-", "anna"][below(2)];
            let target = ["/", "/x", "/b", "/x?q=1", "/a%2fx", "*", "/login"][below(7)];
            let agent = ["curl", "evil-agent", "-"][below(20).min(2)];
            let head =
                format!("198.51.100.{} - {user} [22/Nov/2026:{:02}:{:02}:28 +0000]", below(5), number / 200, below(60));
            let tail = |bytes: usize| {
                format!("{head} \"GET {target} HTTP/1.1\" {} {bytes} \"-\" \"{agent}\"\n", [200, 404, 500][number % 3])
            };
            [tail(7), tail(1000 + number)]
        })
        .collect();
    for (more, since) in
        [("", "2026-11-22T00:00:00Z"), ("", "2026-11-22T08:00:00Z"), (by_client, "2026-11-22T00:00:00Z")]
    {
        let place = Place::new();
        place.file("rules.yml", rules(more));
        let report = |which: usize, threads: &str| {
            place.file("access.log", lines.iter().map(|forms| forms[which].as_str()).collect::<String>());
            let arguments = ["access.log", "--rules", "rules.yml", "--no-shipped-rules", "--since", since];
            let (_, report) = place.report(&[&arguments[..], &["--threads", threads]].concat());
            let place = |finding: &serde_json::Value| {
                (finding["place"]["line"].as_u64(), finding["rule"]["title"].as_str().unwrap().to_owned())
            };
            let found: Vec<_> = report["findings"].as_array().unwrap().iter().map(place).collect();
            (found, report["summary"]["tally"]["outside_time"].clone())
        };
        let expected = report(1, "1");
        assert!(expected.0.len() > 100, "{}", expected.0.len());
        assert_eq!(report(0, "1"), expected);
        assert_eq!(report(0, "2"), expected);
    }
}
