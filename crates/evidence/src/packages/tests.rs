use jiff::tz::TimeZone;

use super::*;
use crate::testing::{read, read_blocks, smallest_blocks};

const DPKG: &str = "2026-11-17 08:41:10 startup archives unpack
2026-11-17 08:41:12 install agent:amd64 <none> 1:1.2-1
2026-11-17 08:41:12 status half-installed agent:amd64 1:1.2-1
2026-11-17 08:41:13 upgrade libpump:all 1.1-1 1.2-1

2026-11-17 08:41:14 configure agent:amd64 1:1.2-1 <none>
a line of something else
2026-11-17 08:41:15 remove libpump:all 1.2-1 <none>
";

const DNF: &str = "2026-11-17T08:41:10+0100 INFO --- logging initialized ---
2026-11-17T08:41:12+0100 SUBDEBUG Installed: my-agent-1.2-1.el9.x86_64
2026-11-17T08:41:13Z SUBDEBUG Upgrade: agent-2.0-3.noarch
";

const ZYPPER: &str = "# 2026-11-17 08:41:09 agent-1.2-1.x86_64.rpm installed ok
# Additional rpm output:
2026-11-17 08:41:10|radd   |tools|http://updates.example/tools
2026-11-17 08:41:12|install|my-agent|1.2-1|x86_64|root@web01|tools|4421dfa7|
2026-11-17 08:41:13|remove |libpump|1.1-1|noarch||
2026-11-17 08:41:14|command|root@web01|'zypper' 'in' 'my-agent'|
what a script printed
";

fn shown(manager: Manager, clock: &Clock, text: &str) -> Vec<String> {
    let format = Packages { manager, clock: clock.clone() };
    let (keeper, _) = read(&format, "x", text.as_bytes());
    let cut = |line: &String| {
        let (begin, rest) = line.split_once(" message=").unwrap();
        format!("{begin}{}", rest.split_once(" action=").map_or(String::new(), |(_, rest)| format!(" {rest}")))
    };
    keeper.shown.iter().map(cut).collect()
}

#[test]
fn dpkg_tells_packages_and_versions() {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let clock = Clock { zone: Some(("Europe/Berlin".into(), zone)), ..Clock::default() };
    let lines = shown(Manager::Dpkg, &clock, DPKG);
    assert_eq!(lines.len(), 6, "{lines:?}");
    for (line, expected) in [
        (0, "2026-11-17T07:41:10Z startup"),
        (1, "2026-11-17T07:41:12Z install package=agent architecture=amd64 version=1:1.2-1"),
        (2, "status package=agent architecture=amd64 version=1:1.2-1"),
        (3, "upgrade package=libpump architecture=all version=1.2-1 version_before=1.1-1"),
        (5, "remove package=libpump architecture=all version=1.2-1"),
    ] {
        assert!(lines[line].contains(expected), "{expected} in {lines:?}");
    }
    let (_, output) = read(&Packages::all(&Clock::default())[0], "x", DPKG.as_bytes());
    assert_eq!((output.records, output.damages.len(), output.notes.len()), (6, 1, 1), "{output:?}");
}

#[test]
fn dnf_tells_names_that_hold_dashes() {
    let lines = shown(Manager::Dnf, &Clock::default(), DNF);
    assert_eq!(lines.len(), 3);
    assert!(
        lines[1].contains("07:41:12Z Installed package=my-agent architecture=x86_64 version=1.2-1.el9"),
        "{lines:?}"
    );
    assert!(lines[2].contains("08:41:13Z Upgrade package=agent architecture=noarch version=2.0-3"), "{lines:?}");
}

#[test]
fn zypper_tells_packages_and_comments_are_none() {
    let lines = shown(Manager::Zypper, &Clock::default(), ZYPPER);
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[1].contains("08:41:12Z install package=my-agent architecture=x86_64 version=1.2-1"), "{lines:?}");
    assert!(lines[2].contains("remove package=libpump"), "{lines:?}");
    let [.., zypper] = Packages::all(&Clock::default());
    let (_, output) = read(&zypper, "x", ZYPPER.as_bytes());
    assert_eq!((output.records, output.damages.len(), output.notes.len()), (4, 1, 1), "{output:?}");
}

#[test]
fn they_are_known_by_their_first_line_and_take_nothing_else() {
    let all = Packages::all(&Clock::default());
    for (number, text) in [DPKG, DNF, ZYPPER].into_iter().enumerate() {
        let known = all.each_ref().map(|format| format.recognises(text.as_bytes(), "x"));
        assert_eq!(known, [0, 1, 2].map(|other| other == number));
    }
    let others = [
        "2026-11-17T08:41:12+01:00 web01 sshd[1]: Accepted password for a from 192.0.2.1 port 1 ssh2\n",
        "2026-11-17 08:41:12 web01 install: done\n",
        "2026-11-17T08:41:12+0100 DEBUG Command: dnf install agent\n",
        "Nov 17 08:41:12 web01 dpkg: install agent\n",
        "2026-11-17 08:41:12|warning|agent|1.2-1\n",
        "# 2026-11-17 08:41:12\n",
        "",
    ];
    for text in others {
        assert!(!all.iter().any(|format| format.recognises(text.as_bytes(), "dpkg.log")), "{text}");
    }
}

#[test]
fn what_is_read_does_not_depend_on_the_cut() {
    for (format, text) in Packages::all(&Clock::default()).iter().zip([DPKG, DNF, ZYPPER]) {
        let (whole, output) = read(format, "x", text.as_bytes());
        let blocks = smallest_blocks::<LineBorders<AnyLine>>(text.as_bytes());
        let (cut, in_blocks) = read_blocks(format, "x", &blocks);
        assert!(blocks.len() > 2);
        assert_eq!((whole.shown, output.records), (cut.shown, in_blocks.records));
    }
}
