use event::Position;
use proptest::prelude::*;

use super::{Kind, Utmp, Width, cut::UtmpCutter};
use crate::{
    Cutter, Format,
    testing::{Keeper, read, read_blocks},
};

const NARROW: Utmp = Utmp { kind: Kind::Wtmp, width: Width::Narrow };
const SECONDS: i64 = 1_795_325_525;

fn padded(text: &str, length: usize) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(length, 0);
    bytes
}

fn entry(width: Width, kind: u16, user: &str, line: &str, host: &str, seconds: i64) -> Vec<u8> {
    let number = |number: i64| match width {
        Width::Narrow => (number as i32).to_le_bytes().to_vec(),
        Width::Wide => number.to_le_bytes().to_vec(),
    };
    let mut bytes = [kind.to_le_bytes(), [0; 2]].concat();
    bytes.extend(77_i32.to_le_bytes());
    bytes.extend([padded(line, 32), padded("ts/0", 4), padded(user, 32), padded(host, 256), vec![0; 4]].concat());
    bytes.extend([number(3), number(seconds), number(500_000), vec![198, 51, 100, 7], vec![0; 32]].concat());
    bytes.resize(if width == Width::Narrow { 384 } else { 400 }, 0);
    bytes
}

fn login(seconds: i64) -> Vec<u8> {
    entry(Width::Narrow, 7, "anna", "pts/0", "vpn.example", seconds)
}

fn of(bytes: &[u8], name: &str) -> Option<(&'static str, Width)> {
    Utmp::of(bytes, name).map(|utmp| (utmp.name(), utmp.width))
}

/// Records of 400 and 296 bytes are composed by hand, from glibc's `bits/utmp.h`; there is no recording of them.
#[test]
fn records_of_both_widths_are_read() {
    for width in [Width::Narrow, Width::Wide] {
        let boot = entry(width, 2, "reboot", "~", "6.1.0-13-amd64", SECONDS - 9);
        let bytes = [boot, entry(width, 7, "anna", "pts/0", "vpn.example", SECONDS)].concat();
        assert_eq!(of(&bytes, "x"), Some(("wtmp", width)));
        let (keeper, output) = read(&Utmp { kind: Kind::Wtmp, width }, "x", &bytes);
        assert_eq!(
            keeper.shown,
            [
                "wtmp/ record 1 2026-11-22T05:31:56.5Z type=BOOT_TIME action=boot user=reboot terminal=~ id=ts/0 pid=77 \
                 kernel_release=6.1.0-13-amd64 session=3",
                "wtmp/ record 2 2026-11-22T05:32:05.5Z type=USER_PROCESS action=login outcome=accepted user=anna \
                 terminal=pts/0 id=ts/0 pid=77 source_host=vpn.example source_address=198.51.100.7 session=3",
            ]
        );
        assert_eq!((output.records, output.damages.len()), (2, 0));
    }
}

#[test]
fn content_decides_and_the_name_breaks_ties() {
    let failed = entry(Width::Narrow, 6, "anna", "ssh:notty", "::1", SECONDS);
    assert_eq!(of(&login(SECONDS), "wtmp.1"), Some(("wtmp", Width::Narrow)));
    assert_eq!(of(&login(SECONDS), "btmp"), Some(("btmp", Width::Narrow)));
    assert_eq!(of(&login(SECONDS), "utmp"), Some(("utmp", Width::Narrow)));
    assert_eq!(of(&failed, "x"), Some(("btmp", Width::Narrow)));
    assert_eq!(of(&failed, "wtmp"), Some(("btmp", Width::Narrow)));
    assert_eq!(of(&[0; 768], "wtmp"), Some(("wtmp", Width::Narrow)));
    assert_eq!(of(&[0; 768], "lastlog"), Some(("lastlog", Width::Narrow)));
    // A virtual disk, whose mark is a time and a terminal's name as well.
    assert_eq!(of(&[&b"conectix"[..], &[0; 2000]].concat(), "x.vhd"), None);
    for other in [&[0; 768][..], &[7; 768], b"", b"some text", &login(SECONDS)[..200]] {
        assert_eq!(of(other, "x"), None);
    }
}

#[test]
fn lastlog_is_counted_by_users() {
    let last =
        |seconds: i32| [seconds.to_le_bytes().to_vec(), padded("pts/1", 32), padded("2001:db8::7", 256)].concat();
    let bytes = [last(SECONDS as i32), vec![0; 292], last(SECONDS as i32 + 1)].concat();
    assert_eq!(of(&bytes, "x"), Some(("lastlog", Width::Narrow)));
    let (keeper, output) = read(&Utmp { kind: Kind::Lastlog, width: Width::Narrow }, "x", &bytes);
    assert_eq!(
        keeper.shown[1],
        "lastlog/ record 2 2026-11-22T05:32:06Z action=login outcome=accepted uid=2 terminal=pts/1 \
         source_host=2001:db8::7 source_address=2001:db8::7"
    );
    assert_eq!((output.records, output.damages.len()), (2, 0));
}

#[test]
fn wiped_records_and_clocks_that_go_back_are_told() {
    let bytes = [login(SECONDS), vec![0; 768], login(SECONDS + 9), login(SECONDS - 3600)].concat();
    let (_, output) = read(&NARROW, "wtmp", &bytes);
    let damages: Vec<_> = output.damages.iter().map(|damage| (damage.position, damage.records)).collect();
    assert_eq!(damages, [(Position::Record(2), 2)]);
    let runs: Vec<_> = output.runs.iter().map(|run| (run.first, run.last)).collect();
    assert_eq!(runs, [(1, 1), (4, 4), (5, 5)]);
    let mut odd = [login(SECONDS), login(SECONDS), vec![1; 5]].concat();
    odd[384] = 77;
    let (_, output) = read(&NARROW, "wtmp", &odd);
    let reasons: Vec<&str> = output.damages.iter().map(|damage| damage.reason.as_str()).collect();
    assert_eq!(reasons, ["expected a type from 0 to 9, found 77", "expected a record of 384 bytes, found the first 5"]);
}

/// The users of the records that were read, and the numbers of those that were lost.
fn users(bytes: &[u8]) -> (Vec<String>, Vec<u64>) {
    let (Keeper { shown, .. }, output) = read(&NARROW, "wtmp", bytes);
    let user = |line: &String| line.split("user=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    assert_eq!(output.damages.iter().map(|damage| damage.records).sum::<u64>(), output.damages.len() as u64);
    (shown.iter().map(user).collect(), output.damages.iter().map(|damage| damage.position.number()).collect())
}

#[test]
fn a_broken_record_costs_itself_alone() {
    let names: Vec<String> = (0..8).map(|number| format!("user{number}")).collect();
    let records: Vec<Vec<u8>> =
        names.iter().zip(SECONDS..).map(|(name, time)| entry(Width::Narrow, 7, name, "pts/0", "::1", time)).collect();
    let without = |lost: usize| -> Vec<String> {
        names.iter().enumerate().filter(|(number, _)| *number != lost).map(|(_, name)| name.clone()).collect()
    };
    for lost in [0, 3, 6] {
        let broken = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut records = records.clone();
            change(&mut records[lost]);
            users(&records.concat())
        };
        let expected = (without(lost), vec![lost as u64 + 1]);
        // Overwritten where it stands.
        assert_eq!(broken(&|record| record[0] = 77), expected);
        assert_eq!(broken(&|record| record[8] = 7), expected);
        assert_eq!(broken(&|record| record[340..344].fill(255)), expected);
        // Too short, wherever the bytes are missing: of the address and the room behind it too.
        for cut in [1, 20, 100, 300, 383] {
            let kept = |record: &mut Vec<u8>| record.truncate(384 - cut);
            assert_eq!(broken(&kept), expected, "{lost} {cut}");
            assert_eq!(broken(&|record| drop(record.drain(20..20 + cut.min(360)))), expected, "{lost} {cut}");
        }
        // Bytes before it that belong to none.
        let (found, damaged) = broken(&|record| drop(record.splice(..0, *b"lost and found")));
        assert_eq!((found, damaged), (names.clone(), vec![lost as u64 + 1]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn anything_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..2000), keep in 0usize..800) {
        let mut all = login(SECONDS).repeat(2);
        all.truncate(keep);
        all.extend(bytes);
        for utmp in Utmp::all() {
            let _ = utmp.recognises(&all, "btmp");
            read(&utmp, "btmp", &all);
        }
    }

    #[test]
    fn blocks_do_not_matter(steps in prop::collection::vec(prop::option::of(-9i64..9), 1..9), rest in 0usize..9) {
        let record = |step: &Option<i64>| step.map_or(vec![0; 384], |step| login(SECONDS + step));
        let mut bytes: Vec<u8> = steps.iter().flat_map(record).collect();
        bytes.extend(vec![1; rest]);
        let whole = read(&NARROW, "wtmp", &bytes);
        let (mut cutter, mut input, mut blocks) = (UtmpCutter::of(NARROW, 1), bytes.as_slice(), Vec::new());
        while let Some(block) = cutter.cut(&mut input).unwrap() {
            blocks.push(block);
        }
        let parts = read_blocks(&NARROW, "wtmp", &blocks);
        prop_assert_eq!(whole.0.shown, parts.0.shown);
        prop_assert_eq!(whole.1.damages, parts.1.damages);
    }
}
