//! Each kind of link: what it joins, and what it must not.

use std::{borrow::Cow, sync::Arc};

use event::{
    Finding, Follower, Level, LogSource, Matched, Observations, Piece, Place, Position, Record, RuleInfo, Time, Value,
    Values,
};

use crate::{EntityKind, Incidents, Limits, LinkKind, Linker, TRACES, trace::Kind};

const SYSMON: (&str, &str) = ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon");
const SECURITY: (&str, &str) = ("Security", "Microsoft-Windows-Security-Auditing");
/// 17 November 2026, 9:00.
const DAY: i64 = 1_795_078_800;

/// A record of the fields that a test names.
struct Toy<'a> {
    log: (&'a str, &'a str),
    id: u32,
    host: &'a str,
    number: u64,
}

impl Record for Toy<'_> {
    fn source(&self) -> LogSource<'_> {
        LogSource { product: "windows", channel: self.log.0, provider: self.log.1, event_id: self.id }
    }
    fn host(&self) -> Cow<'_, str> {
        self.host.into()
    }
    fn position(&self) -> Position {
        Position::Record(self.number)
    }
    fn visit(&self, _: &mut dyn FnMut(&str, Value<'_>)) {}
}

/// What a test feeds a linker with.
#[derive(Default)]
struct Case {
    findings: Vec<Finding>,
    traces: Observations,
}

impl Case {
    /// Adds a finding so many seconds after nine, of a rule called `rule`.
    fn found(
        mut self,
        rule: &str,
        second: i64,
        host: &str,
        log: (&str, &str),
        id: u32,
        fields: &[(&str, &str)],
    ) -> Self {
        let info = Arc::new(RuleInfo {
            id: rule.into(),
            title: rule.into(),
            path: String::new(),
            level: if rule.starts_with("low") { Level::Low } else { Level::High },
            status: "test".into(),
            description: String::new(),
            author: String::new(),
            tags: vec!["attack.execution".into(), "attack.t1059.001".into()],
            false_positives: Vec::new(),
        });
        let number = self.findings.len() as u64;
        let place = Place { piece: Arc::new(Piece { path: "log".into() }), position: Position::Record(number) };
        let time = Some(Time::from_nanos((DAY + second) * 1_000_000_000));
        let mut finding = Finding::new(&info, time, place, &Toy { log, id, host, number }, Vec::new());
        let matched = |(field, value): &(&str, &str)| Matched { field: (*field).into(), value: (*value).into() };
        finding.context = fields.iter().map(matched).collect();
        self.findings.push(finding);
        self
    }

    /// Adds a trace.
    fn traced(mut self, second: i64, host: &str, kind: Kind, values: &[&str]) -> Self {
        let mut packed = Vec::new();
        kind.pack(host, values, &mut packed);
        let time = Some(Time::from_nanos((DAY + second) * 1_000_000_000));
        self.traces.push_packed(time, TRACES, Position::Record(0), Values::packed(&packed));
        self
    }

    fn linked(self) -> Incidents {
        let mut linker = Linker::new(Limits::default());
        let piece = Arc::new(Piece { path: "traces".into() });
        self.traces.iter().for_each(|trace| linker.observe(&piece, &trace));
        self.findings.into_iter().for_each(|finding| linker.finding(finding));
        linker.incidents(&[], 2)
    }

    /// How many incidents there are, and the kinds of the links in the first.
    fn kinds(self) -> (usize, Vec<LinkKind>) {
        let incidents = self.linked().incidents;
        let first = incidents.first().map(|first| first.links.iter().map(|link| link.kind).collect());
        (incidents.len(), first.unwrap_or_default())
    }
}

fn guid(number: u32) -> String {
    format!("{{a1f3c071-0000-0000-0000-{number:012x}}}")
}

/// Sysmon 1 as a trace: who started whom.
fn start<'a>(image: &'a str, guid: &'a str, parent: &'a str, parent_image: &'a str) -> [&'a str; 9] {
    [image, "", guid, "", parent, "", parent_image, r"YARD\anna", "0x5af31"]
}

#[test]
fn one_process_joins_what_it_did_for_hours() {
    let own = guid(1);
    let fields = [("ProcessGuid", own.as_str()), ("Image", r"C:\Users\anna\tool.exe")];
    let case = Case::default().found("one", 0, "WS-1.yard.example", SYSMON, 3, &fields);
    assert_eq!(case.found("two", 9000, "ws-1", SYSMON, 13, &fields).kinds(), (1, vec![LinkKind::SameProcess]));
}

#[test]
fn grandchildren_join_by_processes_that_no_rule_saw() {
    let (a, b, c) = (guid(1), guid(2), guid(3));
    let case = Case::default()
        .traced(0, "ws-1", Kind::SysmonProcess, &start(r"C:\x\b.exe", &b, &a, r"C:\x\a.exe"))
        .traced(1, "ws-1", Kind::SysmonProcess, &start(r"C:\Windows\System32\cmd.exe", &c, &b, r"C:\x\b.exe"))
        .found("one", 0, "ws-1", SYSMON, 3, &[("ProcessGuid", &a), ("Image", r"C:\x\a.exe")])
        .found("two", 3000, "ws-1", SYSMON, 3, &[("ProcessGuid", &c), ("Image", r"C:\Windows\System32\cmd.exe")]);
    assert_eq!(case.kinds(), (1, vec![LinkKind::ParentProcess]));
}

#[test]
fn what_explorer_started_is_not_one_thing() {
    let (explorer, a, b) = (guid(1), guid(2), guid(3));
    let shell = r"C:\Windows\explorer.exe";
    let case = Case::default()
        .traced(0, "ws-1", Kind::SysmonProcess, &start(r"C:\x\a.exe", &a, &explorer, shell))
        .traced(1, "ws-1", Kind::SysmonProcess, &start(r"C:\x\b.exe", &b, &explorer, shell))
        .found("one", 0, "ws-1", SYSMON, 3, &[("ProcessGuid", &a), ("Image", r"C:\x\a.exe")])
        .found("two", 7200, "ws-1", SYSMON, 3, &[("ProcessGuid", &b), ("Image", r"C:\x\b.exe")]);
    assert_eq!(case.kinds().0, 2);
}

#[test]
fn two_logs_tell_of_one_process() {
    let own = guid(7);
    let program = r"C:\x\a.exe";
    let sysmon = [program, "", &own, "4242", "", "", "", r"YARD\anna", "0x5af31"];
    let security = [program, "", "", "0x1092", "", "0x300", r"C:\x\up.exe", "anna", "0x5af31"];
    let case = Case::default()
        .traced(0, "ws-1", Kind::SysmonProcess, &sysmon)
        .traced(1, "ws-1", Kind::SecurityProcess, &security)
        .found("one", 0, "ws-1", SYSMON, 3, &[("ProcessGuid", &own), ("Image", program)])
        .found("two", 4000, "ws-1", SECURITY, 4663, &[("ProcessId", "0x1092"), ("ProcessName", program)]);
    assert_eq!(case.kinds(), (1, vec![LinkKind::SameProcess]));
}

#[test]
fn a_start_that_two_logs_tell_counts_once() {
    let sysmon = [("ProcessId", "4242"), ("Image", r"C:\x\a.exe"), ("User", "anna")];
    let security = [("NewProcessId", "0x1092"), ("NewProcessName", r"C:\x\a.exe"), ("SubjectUserName", "anna")];
    let case = |second| {
        let case = Case::default().found("one", 0, "ws-1", SYSMON, 1, &sysmon);
        let incidents = case.found("one", second, "ws-1", SECURITY, 4688, &security).linked().incidents;
        let steps = incidents.iter().flat_map(|incident| &incident.steps);
        steps.map(|step| (step.times, step.findings.len())).collect::<Vec<_>>()
    };
    assert_eq!(case(1), [(1, 2)]);
    assert_eq!(case(20), [(2, 2)]);
}

#[test]
fn a_process_number_used_again_is_another_process() {
    let case = Case::default()
        .traced(0, "ws-1", Kind::SecurityProcess, &[r"C:\x\a.exe", "", "", "0x1092", "", "", "", "anna", ""])
        .traced(7000, "ws-1", Kind::SecurityProcess, &[r"C:\y\b.exe", "", "", "0x1092", "", "", "", "otto", ""])
        .found("one", 1, "ws-1", SECURITY, 4663, &[("ProcessId", "0x1092"), ("ProcessName", r"C:\x\a.exe")])
        .found("two", 7100, "ws-1", SECURITY, 4663, &[("ProcessId", "0x1092"), ("ProcessName", r"C:\y\b.exe")]);
    assert_eq!(case.kinds().0, 2);
}

#[test]
fn what_was_written_and_then_ran_leads_to_its_writer() {
    let (writer, reader) = (guid(1), guid(2));
    let file = r"C:\Users\anna\AppData\Local\stage.exe";
    let case = Case::default()
        .traced(10, "ws-1", Kind::File, &[file, &writer, ""])
        .traced(5000, "ws-1", Kind::SysmonProcess, &start(file, &reader, "", ""))
        .found("one", 0, "ws-1", SYSMON, 3, &[("ProcessGuid", &writer), ("Image", r"C:\x\a.exe")])
        .found("two", 5001, "ws-1", SYSMON, 3, &[("ProcessGuid", &reader)]);
    assert_eq!(case.kinds(), (1, vec![LinkKind::WroteThenRan]));
}

#[test]
fn the_same_path_on_another_machine_is_another_file() {
    let file = [("Image", r"C:\Users\anna\AppData\Local\x.exe")];
    let case = Case::default().found("one", 0, "ws-1", SYSMON, 3, &file).found("two", 60, "ws-2", SYSMON, 3, &file);
    assert_eq!(case.kinds().0, 2);
}

#[test]
fn windows_own_programs_are_common() {
    let one =
        [("ProcessGuid", "{a1f3c071-0000-0000-0000-000000000001}"), ("Image", r"C:\Windows\System32\svchost.exe")];
    let case = Case::default().found("one", 0, "ws-1", SYSMON, 3, &one).found("two", 7200, "ws-1", SYSMON, 13, &one);
    assert_eq!(case.kinds().0, 2);
}

#[test]
fn one_session_joins_what_happens_within_minutes() {
    let session = |account| [("LogonId", "0x5af31"), ("User", account)];
    let near = Case::default().found("one", 0, "ws-1", SYSMON, 1, &session(r"YARD\anna"));
    assert_eq!(
        near.found("two", 300, "ws-1", SYSMON, 1, &session(r"YARD\anna")).kinds(),
        (1, vec![LinkKind::SameSession])
    );
    let system = [("LogonId", "0x3e7"), ("User", r"NT AUTHORITY\SYSTEM")];
    let case =
        Case::default().found("one", 0, "ws-1", SYSMON, 1, &system).found("two", 900, "ws-1", SYSMON, 1, &system);
    assert_eq!(case.kinds().0, 2, "the machine's own session says nothing");
}

#[test]
fn a_login_leads_to_the_next_machine() {
    let case = Case::default()
        .traced(0, "ws-1", Kind::Connection, &["192.0.2.1", "", "", "true"])
        .traced(60, "srv-2", Kind::Logon, &["192.0.2.1", "0x77a10", "anna", "", "3"])
        .found("one", 40, "ws-1", SYSMON, 1, &[("CommandLine", r"wmic /node:srv-2 process call create x")])
        .found("two", 70, "srv-2", SECURITY, 5145, &[("SubjectLogonId", "0x77a10")]);
    assert_eq!(case.kinds(), (1, vec![LinkKind::Login]));
}

#[test]
fn a_login_from_a_machine_where_nothing_was_seen_leads_nowhere() {
    let case = Case::default()
        .traced(0, "ws-1", Kind::Connection, &["192.0.2.1", "", "", "true"])
        .traced(60, "srv-2", Kind::Logon, &["192.0.2.9", "0x77a10", "anna", "", "3"])
        .found("one", 40, "ws-1", SYSMON, 1, &[("CommandLine", "whoami")])
        .found("two", 70, "srv-2", SECURITY, 5145, &[("SubjectLogonId", "0x77a10")]);
    assert_eq!(case.kinds().0, 2);
}

#[test]
fn what_a_mail_brought_is_known_by_its_content() {
    let hash = "43f58fcbc7bbf38ce679a9cfc275b74cc4a6dbf259ad659087876ddbd1bba5e8";
    let listed = format!("MD5=00,SHA256={}", hash.to_uppercase());
    let case = Case::default().found("one", 0, "", ("file", ""), 0, &[("Name", "offer.exe"), ("Sha256", hash)]).found(
        "two",
        1200,
        "ws-1",
        SYSMON,
        1,
        &[("Image", r"C:\Users\anna\offer.exe"), ("Hashes", &listed)],
    );
    assert_eq!(case.kinds(), (1, vec![LinkKind::Delivered]));
}

#[test]
fn what_a_mail_led_to_is_known_by_its_domain_and_file() {
    let mail = [("FromDomain", "lure.example"), ("ProgramLink", "share.lure.example/d/9f1c/offer_naval.iso")];
    let written = [("TargetFilename", r"C:\Users\anna\Downloads\Offer_Naval.iso")];
    let case = Case::default().found("one", 0, "", ("mail", ""), 0, &mail);
    assert_eq!(case.found("two", 86_400, "ws-1", SYSMON, 11, &written).kinds(), (1, vec![LinkKind::Delivered]));
}

#[test]
fn a_download_is_known_by_what_windows_notes_beside_it() {
    let file = r"C:\Users\anna\Downloads\a.iso";
    let zone = "[ZoneTransfer]  ZoneId=3  HostUrl=https://share.lure.example/a.iso";
    let stream = format!("{file}:Zone.Identifier");
    let case = Case::default()
        .traced(3590, "ws-1", Kind::File, &[&stream, &guid(9), "", zone])
        .found("one", 0, "", ("mail", ""), 0, &[("LinkDomain", "lure.example")])
        .found("two", 3600, "ws-1", SYSMON, 11, &[("TargetFilename", file)]);
    assert_eq!(case.kinds(), (1, vec![LinkKind::Delivered]));
}

#[test]
fn an_address_is_known_by_its_domain() {
    let case = |kind: Kind, values: &[&str]| {
        Case::default()
            .traced(0, "ws-1", kind, values)
            .found("one", 0, "", ("mail", ""), 0, &[("LinkDomain", "lure.example")])
            .found("two", 86_400, "web-01", ("access", ""), 0, &[("c-ip", "198.51.100.7")])
            .kinds()
            .0
    };
    assert_eq!(case(Kind::Connection, &["192.0.2.1", "198.51.100.7", "share.lure.example", "true"]), 1);
    assert_eq!(case(Kind::Query, &["share.lure.example", "::ffff:198.51.100.7;"]), 1);
    assert_eq!(case(Kind::Query, &["other.example", "198.51.100.7;"]), 2);
}

#[test]
fn one_mail_joins_what_it_brought() {
    let mail = [("MessageId", "<1@lure.example>")];
    let case = Case::default().found("one", 0, "", ("mail", ""), 0, &mail);
    assert_eq!(case.found("two", 90_000, "", ("file", ""), 0, &mail).kinds(), (1, vec![LinkKind::Delivered]));
}

#[test]
fn a_disc_image_joins_what_ran_from_its_drive() {
    let image = [("TargetFilename", r"C:\Users\anna\Downloads\a.iso")];
    let case = |program| {
        let case = Case::default().found("one", 0, "ws-1", SYSMON, 11, &image);
        case.found("two", 300, "ws-1", SYSMON, 1, &[("Image", program)]).kinds()
    };
    assert_eq!(case(r"E:\viewer.exe"), (1, vec![LinkKind::Downloaded]));
    assert_eq!(case(r"C:\x\viewer.exe").0, 2);
}

#[test]
fn a_grant_joins_what_was_done_by_its_certificate() {
    let by = |certificate| [("certificate_id", certificate)];
    let case = |other| {
        let case = Case::default().found("one", 0, "web-01", ("syslog", "sshd"), 0, &by("grant-17"));
        case.found("two", 7200, "db-01", ("syslog", "sshd"), 0, &by(other)).kinds()
    };
    assert_eq!(case("grant-17"), (1, vec![LinkKind::Grant]));
    assert_eq!(case("grant-18").0, 2);
}

#[test]
fn a_web_shell_and_its_account_are_known_by_the_folder() {
    let shell = [("cs-uri-stem", "/uploads/2026/11/a.php")];
    let refused = |folder| [("user", "www-data"), ("working_directory", folder)];
    let case = |folder| {
        let case = Case::default().found("one", 0, "web-01", ("access", ""), 0, &shell);
        case.found("two", 1200, "web-01", ("syslog", "sudo"), 0, &refused(folder)).kinds().0
    };
    assert_eq!(case("/var/www/site/uploads/2026/11"), 1);
    assert_eq!(case("/var/www/site/other/2026/10"), 2);
}

#[test]
fn logs_of_one_machine_by_two_clocks_tell_of_the_same_processes() {
    let apart = |seconds: i64| {
        let mut case = Case::default();
        for number in 0..4u32 {
            let (own, pid, second) = (guid(number + 1), format!("{}", 4000 + number), 60 * i64::from(number));
            let program = format!(r"C:\x\a{number}.exe");
            case = case
                .traced(second, "ws-1", Kind::SecurityProcess, &[&program, "", "", &pid, "", "", "", "anna", ""])
                .traced(second + seconds, "ws-1", Kind::SysmonProcess, &[&program, "", &own, &pid, "", "", "", "", ""]);
        }
        let process = [("ProcessGuid", guid(1)), ("Image", r"C:\x\a0.exe".to_owned())];
        let process = process.each_ref().map(|(field, value)| (*field, value.as_str()));
        case.found("one", 5, "ws-1", SECURITY, 4663, &[("ProcessId", "4000"), ("ProcessName", r"C:\x\a0.exe")])
            .found("two", seconds + 5, "ws-1", SYSMON, 3, &process)
            .kinds()
            .0
    };
    assert_eq!(apart(7 * 3600), 1);
    assert_eq!(apart(7 * 3600 + 400), 2, "no zone is so far from another");
}

#[test]
fn an_address_that_many_name_says_little() {
    let mut case = Case::default();
    for number in 0..40 {
        let host = format!("ws-{number}");
        case = case.found(
            "one",
            600 * number,
            &host,
            SYSMON,
            3,
            &[("DestinationIp", "198.51.100.7"), ("QueryName", "rare.example")],
        );
    }
    assert_eq!(case.kinds().0, 40);
}

#[test]
fn a_moment_joins_only_where_nothing_else_happens() {
    let alone = || Case::default().found("one", 0, "ws-1", SYSMON, 16, &[]).found("two", 5, "ws-1", SYSMON, 16, &[]);
    assert_eq!(alone().kinds().0, 1);
    let mut crowd = alone();
    for number in 1..9 {
        let (own, image) = (guid(number), format!(r"C:\x\a{number}.exe"));
        let fields = [("ProcessGuid", own.as_str()), ("Image", image.as_str())];
        crowd = crowd.found(&format!("x{number}"), 30 * i64::from(number), "ws-1", SYSMON, 3, &fields);
        crowd = crowd.found(&format!("y{number}"), 30 * i64::from(number) + 200, "ws-1", SYSMON, 13, &fields);
    }
    assert!(crowd.kinds().0 > 5);
}

/// What a person did at three machines, told by each kind of trace and finding.
fn a_long_day() -> Case {
    let mut case = Case::default();
    for number in 0..40u32 {
        let (second, host) = (i64::from(number) * 50, format!("ws-{}", number % 3));
        let (own, parent) = (guid(number + 1), guid(number.saturating_sub(2)));
        let image = format!(r"C:\x\{}.exe", number % 5);
        let fields = [("ProcessGuid", own.as_str()), ("Image", image.as_str()), ("DestinationIp", "198.51.100.7")];
        case = case
            .traced(second, &host, Kind::SysmonProcess, &start(&image, &own, &parent, r"C:\x\up.exe"))
            .traced(second, &host, Kind::File, &[r"C:\x\b.dll", &own, "", "HostUrl=https://a.example/b.dll"])
            .traced(second, &host, Kind::Connection, &["192.0.2.1", "198.51.100.7", "a.example", "true"])
            .traced(second, "srv-2", Kind::Logon, &["192.0.2.1", "0x77a10", "anna", "", "3"])
            .traced(second, "mail", Kind::Event, &["FromDomain", "a.example"])
            .found("one", second, &host, SYSMON, 3, &fields)
            .found("two", second + 9, "srv-2", SECURITY, 5145, &[("SubjectLogonId", "0x77a10")]);
    }
    case
}

#[test]
fn a_linker_goes_on_where_it_was_saved() {
    let whole = a_long_day().linked();
    assert!(!whole.incidents.is_empty());
    let piece = Arc::new(Piece { path: "traces".into() });
    for point in [0, 1, 37, 99, 200] {
        let case = a_long_day();
        let (mut linker, mut found) = (Linker::new(Limits::default()), Vec::new());
        let mut findings = case.findings.into_iter();
        for (number, trace) in case.traces.iter().enumerate() {
            if number == point {
                let saved = linker.save();
                assert!(linker.restore(&saved[1..]).is_err() && linker.restore(b"").is_err());
                linker = Linker::new(Limits::default());
                linker.restore(&saved).unwrap();
            }
            Follower::observe(&mut linker, &piece, &trace, &mut found);
            findings.next().into_iter().for_each(|finding| linker.finding(finding));
        }
        findings.for_each(|finding| linker.finding(finding));
        assert_eq!(linker.incidents(&[], 2), whole, "saved at {point}");
    }
}

#[test]
fn low_findings_alone_are_single() {
    let incidents =
        Case::default().found("low", 0, "ws-1", SYSMON, 16, &[]).found("two", 5000, "ws-1", SYSMON, 16, &[]).linked();
    assert_eq!((incidents.incidents.len(), incidents.single.len()), (1, 1));
}

#[test]
fn repetition_is_one_step() {
    let own = guid(1);
    let fields = [("ProcessGuid", own.as_str()), ("Image", r"C:\x\a.exe"), ("DestinationIp", "198.51.100.7")];
    let mut case = Case::default();
    for number in 0..412 {
        case = case.found("one", 2 * number, "ws-1", SYSMON, 3, &fields);
    }
    let incidents = case.linked().incidents;
    let [incident] = incidents.as_slice() else { panic!("{} incidents", incidents.len()) };
    let [step] = incident.steps.as_slice() else { panic!("{} steps", incident.steps.len()) };
    assert_eq!((step.times, step.findings.len()), (412, 412));
    assert_eq!(step.sentence, "a.exe connected to 198.51.100.7");
}

#[test]
fn findings_in_any_order_make_the_same_incidents() {
    let case = |turn: usize| {
        let mut case = Case::default();
        for number in 0..60u32 {
            let (own, host) = (guid(number % 7), format!("ws-{}", number % 3));
            let fields = [("ProcessGuid", own.as_str()), ("Image", r"C:\x\a.exe"), ("LogonId", "0x5af31")];
            case = case.found("one", i64::from(number) * 90, &host, SYSMON, 3, &fields);
        }
        case.findings.rotate_left(turn);
        case.linked()
    };
    assert_eq!(case(0), case(17));
}

#[test]
fn what_does_not_fit_is_counted() {
    let mut linker = Linker::new(Limits { findings: 10, ..Limits::default() });
    let mut case = Case::default();
    for number in 0..50 {
        let rule = if number % 10 == 0 { "high" } else { "low" };
        case = case.found(rule, 3600 * number, &format!("ws-{number}"), SYSMON, 16, &[]);
    }
    case.findings.into_iter().for_each(|finding| linker.finding(finding));
    let incidents = linker.incidents(&[], 2);
    assert_eq!(incidents.incidents.len(), 5, "the severe ones are kept");
    assert_eq!(incidents.single.len(), 5);
    assert_eq!(incidents.limits.len(), 1);
    assert!(incidents.limits[0].starts_with("40 findings"));
}

#[test]
fn an_incident_names_whom_and_what_it_concerns() {
    let own = guid(1);
    let fields = [("ProcessGuid", own.as_str()), ("Image", r"C:\x\a.exe"), ("User", r"YARD\Anna")];
    let case = Case::default().found("one", 0, "WS-1.yard.example", SYSMON, 1, &fields);
    let incidents = case.found("two", 10, "ws-1", SYSMON, 13, &fields).linked().incidents;
    let incident = &incidents[0];
    assert_eq!(
        (incident.hosts.as_slice(), incident.accounts.as_slice()),
        (&["ws-1".to_owned()][..], &["anna".to_owned()][..])
    );
    assert!(incident.entities.iter().any(|(entity, _)| entity.kind == EntityKind::Process));
    assert_eq!(incident.techniques, ["T1059.001"]);
    assert!(incident.links.iter().all(|link| !link.why.is_empty() && link.from < link.to));
}

#[test]
fn hostile_text_does_no_harm() {
    let long = "\u{202e}<script>{[".repeat(80);
    let names = crate::context::FIELDS;
    let fields: Vec<(&str, &str)> = names.iter().map(|name| (*name, long.as_str())).collect();
    let mut case = Case::default();
    for id in 0..30 {
        case = case.found("one", 0, &long, SYSMON, id, &fields);
    }
    assert!(!case.linked().incidents.is_empty());
}
