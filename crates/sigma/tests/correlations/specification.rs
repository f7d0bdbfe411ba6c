//! The examples of Sigma's specification of correlation rules v2.1, on logs made for them.

use std::time::Duration;

use event::Finding;

use crate::log::{Line, correlate, found, rules};

/// A base rule for events of a number in the Security log.
fn base(name: &str, id: &str, number: u32) -> String {
    format!(
        "---\ntitle: {name}\nname: {name}\nid: {id}\nlogsource: {{product: windows, service: security}}\n\
         detection: {{sel: {{EventID: {number}}}, condition: sel}}\n"
    )
}

fn hunt(text: &str, lines: &[Line]) -> Vec<Finding> {
    correlate(&rules(text), lines, Duration::ZERO)
}

/// Failed logins of an account, one each `every` seconds.
fn failures(count: i64, every: i64, host: &str, user: impl Fn(i64) -> String) -> Vec<Line> {
    let line = |at: i64| {
        let fields = [("TargetUserName", user(at)), ("WorkstationName", "KALI".to_owned())];
        let fields: Vec<(&'static str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Line::at(at * every, &fields).number(4625).host(host)
    };
    (0..count).map(line).collect()
}

const FAILED_LOGIN: &str = "5638f7c0-ac70-491d-8465-2a65075e0d86";

#[test]
fn many_failed_logins() {
    let text = base("failed_login", FAILED_LOGIN, 4625)
        + "---
title: Many failed logins
id: 0e95725d-7320-415d-80f7-004da920fc11
correlation:
    type: event_count
    rules:
        - 5638f7c0-ac70-491d-8465-2a65075e0d86
    group-by:
        - ComputerName
    timespan: 1h
    condition:
        gte: 100
";
    let mut lines = failures(100, 36, "dc1.example", |at| format!("user{at}"));
    lines.extend(failures(99, 1, "dc2.example", |_| "anna".into()));
    let findings = hunt(&text, &lines);
    assert_eq!(findings.len(), 1);
    let all = found(&findings);
    assert_eq!((all[0].group[0].as_str(), all[0].host.as_str(), all[0].events), ("dc1.example", "dc1.example", 100));
    assert_eq!(findings[0].matched[0].field, "ComputerName");
    // One in 37 seconds, and the hundredth comes too late.
    assert_eq!(hunt(&text, &failures(100, 37, "dc1.example", |_| "anna".into())), []);
}

#[test]
fn failed_logins_of_many_accounts() {
    let text = base("failed_login", FAILED_LOGIN, 4625)
        + "---
title: Failed login
id: 0e95725d-7320-415d-80f7-004da920fc12
correlation:
    type: value_count
    rules:
        - 5638f7c0-ac70-491d-8465-2a65075e0d86
    group-by:
        - ComputerName
        - WorkstationName
    timespan: 1d
    condition:
        field: User
        gte: 100
";
    let found = found(&hunt(&text, &failures(150, 60, "dc1", |at| format!("user{}", at % 100))));
    assert_eq!((found.len(), found[0].group.join(" "), found[0].events), (1, "dc1 KALI".into(), 150));
    assert_eq!(hunt(&text, &failures(500, 60, "dc1", |at| format!("user{}", at % 99))), []);
}

/// Three rules for commands; events of numbers 1 to 3.
fn commands(kind: &str) -> String {
    let base: String =
        ["a", "b", "c"].iter().zip(1..).map(|(x, at)| base(&format!("recon_cmd_{x}"), &at.to_string(), at)).collect();
    base + &format!(
        "---
title: Reconnaissance
correlation:
    type: {kind}
    rules:
        - recon_cmd_a
        - recon_cmd_b
        - recon_cmd_c
    group-by:
        - ComputerName
        - User
    timespan: 5m
"
    )
}

#[test]
fn reconnaissance_in_any_order_and_in_order() {
    let line = |seconds, number, user| Line::at(seconds, &[("TargetUserName", user)]).number(number);
    let jumbled = [line(0, 3, "anna"), line(100, 1, "Anna"), line(300, 2, "anna")];
    let ordered = [line(0, 1, "anna"), line(100, 2, "anna"), line(300, 3, "anna")];
    let late = [line(0, 1, "anna"), line(100, 2, "anna"), line(301, 3, "anna")];
    let another = [line(0, 1, "anna"), line(100, 2, "anna"), line(300, 3, "bert")];
    for (kind, expected) in [("temporal", [1, 1, 0, 0]), ("temporal_ordered", [0, 1, 0, 0])] {
        let text = commands(kind);
        let found = [&jumbled, &ordered, &late, &another].map(|lines| hunt(&text, lines).len());
        assert_eq!(found, expected, "{kind}");
    }
    let found = found(&hunt(&commands("temporal"), &jumbled));
    let firsts = [("recon_cmd_c", 0), ("recon_cmd_a", 1), ("recon_cmd_b", 2)];
    assert_eq!(found[0].firsts, firsts.map(|(name, line)| (name.to_owned(), line)));
}

#[test]
fn sums_and_averages() {
    let line = |seconds, bytes: &str| {
        let fields = [("SourceIP", "10.0.0.1"), ("User", "anna"), ("bytes_sent", bytes), ("BytesOut", bytes)];
        Line { channel: "Any", ..Line::at(seconds, &fields) }
    };
    let base = "title: base\nname: website_access\nid: rule_a_id\nlogsource: {product: windows}\n\
                detection: {sel: {SourceIP|exists: true}, condition: sel}\n";
    let sum = format!(
        "{base}---
title: Possible Exfiltration to Website
correlation:
    type: value_sum
    rules:
        - website_access
    group-by:
        - SourceIP
        - User
    timespan: 1h
    condition:
        field: bytes_sent
        gt: 1000000
"
    );
    assert_eq!(hunt(&sum, &[line(0, "400000"), line(1800, "600000")]), []);
    assert_eq!(hunt(&sum, &[line(0, "400000"), line(1800, "600000"), line(3601, "400000")]), []);
    assert_eq!(found(&hunt(&sum, &[line(0, "400000"), line(1800, "600000"), line(3600, "1")]))[0].events, 3);
    let average = format!(
        "{base}---
title: Suspicious average network traffic
correlation:
    type: value_avg
    rules: 
        - rule_a_id
    group-by:
        - SourceIP
        - User
    timespan: 24h
    condition:
        field: BytesOut
        gt: 500
"
    );
    assert_eq!(hunt(&average, &[line(0, "400"), line(10, "600"), line(20, "-")]), []);
    assert_eq!(hunt(&average, &[line(0, "400"), line(10, "600.1")]).len(), 1);
}

#[test]
fn a_rare_process() {
    let text = "title: process\nname: process_creation\nlogsource: {product: windows}\n\
                detection: {sel: {image|exists: true}, condition: sel}\n---
title: A computer spawned a processes name in the last 24h than 1% of all the processes.
correlation:
    type: value_percentile
    rules: 
        - process_creation
    group-by:
        - ComputerName
    timespan: 24h
    condition:
        field: image
        lte: 1
";
    let image = |at: i64| if at == 99 { r"C:\Temp\nc.exe" } else { r"C:\Windows\System32\svchost.exe" };
    let lines: Vec<Line> = (0..150).map(|at| Line::at(at, &[("image", image(at))])).collect();
    let found = found(&hunt(text, &lines));
    assert_eq!((found.len(), found[0].last.1, found[0].events), (1, 99, 100));
}

#[test]
fn aliases_for_the_two_ends_of_a_connection() {
    let text = "name: internal_error
title: error
logsource: {product: windows}
detection:
    selection:
        http.response.status_code: 500
    condition: selection
---
name: new_network_connection
title: connection
logsource: {product: windows}
detection:
    selection:
        event.category: network
        event.type: connection
        event.outcome: success
    condition: selection
---
title: Error, then a connection back
correlation:
    type: temporal
    rules:
        - internal_error
        - new_network_connection
    group-by:
        - internal_ip
        - remote_ip
    timespan: 10s
    aliases:
        internal_ip:
            internal_error: destination.ip
            new_network_connection: source.ip
        remote_ip:
            internal_error: source.ip
            new_network_connection: destination.ip
";
    let error = [("http.response.status_code", "500"), ("source.ip", "203.0.113.7"), ("destination.ip", "10.0.0.5")];
    let connection = |from, to| {
        let fields = [("event.category", "network"), ("event.type", "connection"), ("event.outcome", "success")];
        Line::at(10, &[&fields[..], &[("source.ip", from), ("destination.ip", to)]].concat())
    };
    let there = [Line::at(0, &error), connection("203.0.113.7", "10.0.0.5")];
    assert_eq!(hunt(text, &there), []);
    let back = found(&hunt(text, &[Line::at(0, &error), connection("10.0.0.5", "203.0.113.7")]));
    assert_eq!((back.len(), back[0].group.join(" ")), (1, "10.0.0.5 203.0.113.7".into()));
}

const FOLLOWED: &str = "title: Correlation - Multiple Failed Logins Followed by Successful Login
id: b180ead8-d58f-40b2-ae54-c8940995b9b6
status: experimental
description: Detects multiple failed logins by a single user followed by a successful login of that user
references:
    - https://reference.com
author: Florian Roth (Nextron Systems)
date: 2023-06-16
correlation:
    type: temporal_ordered
    rules:
        - multiple_failed_login
        - successful_login
    group-by:
        - User
    timespan: 10m
falsepositives:
    - Unlikely
level: high
---
title: Multiple failed logons
id: a8418a5a-5fc4-46b5-b23b-6c73beb19d41
description: Detects multiple failed logins within a certain amount of time
name: multiple_failed_login
correlation:
    type: event_count
    rules:
        - failed_login
    group-by:
        - User
    timespan: 10m
    condition:
        gte: 10
---
title: Single failed login
id: 53ba33fd-3a50-4468-a5ef-c583635cfa92
name: failed_login
logsource:
    product: windows
    service: security
detection:
    selection:
        EventID:
            - 529
            - 4625
    condition: selection
---
title: Successful login
id: 4d0a2c83-c62c-4ed4-b475-c7e23a9269b8
description: Detects a successful login
name: successful_login
logsource:
    product: windows
    service: security
detection:
    selection:
        EventID:
            - 528
            - 4624
    condition: selection
";

#[test]
fn failed_logins_followed_by_a_successful_one() {
    let success = |seconds, user| Line::at(seconds, &[("TargetUserName", user)]).number(4624).host("dc1");
    let anna = |_| "anna".to_owned();
    let with = |mut lines: Vec<Line>, last: Line| {
        lines.push(last);
        hunt(FOLLOWED, &lines)
    };
    // The tenth failure comes after 54 seconds, and with it the burst.
    let findings = with(failures(12, 6, "dc1", anna), success(654, "ANNA"));
    let all = found(&findings);
    assert_eq!((all.len(), all[0].group[0].as_str(), all[0].events), (1, "ANNA", 2));
    assert_eq!(all[0].firsts, [("Multiple failed logons".to_owned(), 9), ("Successful login".to_owned(), 12)]);
    assert_eq!((findings[0].rule.level, findings[0].host.as_str()), (event::Level::High, "dc1"));
    assert_eq!(with(failures(12, 6, "dc1", anna), success(655, "anna")), []);
    assert_eq!(with(failures(12, 6, "dc1", anna), success(100, "bert")), []);
    assert_eq!(with(failures(9, 6, "dc1", anna), success(100, "anna")), []);
    let mut first = vec![success(0, "anna")];
    first.extend(failures(12, 6, "dc1", anna));
    assert_eq!(hunt(FOLLOWED, &first), []);
}
