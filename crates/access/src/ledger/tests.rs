use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::{SecondFactor, entry::Requested, grant::key_id};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn begun() -> What {
    What::Begun { authority: "SHA256:a".into(), host_authority: "SHA256:b".into() }
}

fn revoked(serial: u64) -> What {
    What::Revoked { serial, reason: "test".into() }
}

fn requested(request: u64) -> Requested {
    Requested {
        request,
        person: "alice".into(),
        enrolled_key: "SHA256:e".into(),
        key: "SHA256:k".into(),
        public_key: "ssh-ed25519 AAAA".into(),
        host: "web01".into(),
        account: "deploy".into(),
        source: "192.0.2.1".into(),
        seconds: None,
        reason: None,
        ticket: None,
        second_factor: SecondFactor::Touch,
        break_glass: false,
    }
}

fn granted(serial: u64, request: u64) -> Granted {
    Granted {
        serial,
        request,
        person: "alice".into(),
        provider: "webcare".into(),
        host: "web01".into(),
        account: "deploy".into(),
        key: "SHA256:k".into(),
        key_id: String::new(),
        authority: "SHA256:a".into(),
        principals: vec!["deploy@web01".into()],
        sources: vec!["192.0.2.0/24".into()],
        force_command: None,
        extensions: Vec::new(),
        from: at(0),
        until: at(3600),
        rule: "upkeep".into(),
        reason: None,
        ticket: None,
        approvals: Vec::new(),
        second_factor: SecondFactor::Touch,
        break_glass: false,
    }
}

/// A ledger of some entries.
fn ledger() -> (TempDir, PathBuf, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let mut ledger = Ledger::create(&path).unwrap();
    ledger.write(|| at(0), |change| change.append("local", begun())).unwrap();
    for serial in 1..=5 {
        ledger
            .grant(
                || at(serial),
                |change| {
                    let number = change.view().next_number("requested")?;
                    change.append("alice", What::Requested(requested(number)))?;
                    let granted = granted(change.view().next_number("granted")?, number);
                    let key_id = key_id(granted.serial, &granted.person, "deploy@web01", &change.head().hash);
                    Ok(((), Some(Granted { key_id, ..granted })))
                },
            )
            .unwrap();
    }
    (folder, path, ledger)
}

/// What an intruder with the file can do: our triggers do not hold them up.
fn tamper(path: &std::path::Path, sql: &str) {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(&format!("DROP TRIGGER never_changed; DROP TRIGGER never_removed; {sql}")).unwrap();
}

fn reason<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn what_was_written_is_verified_and_looked_up() {
    let (_folder, path, ledger) = ledger();
    let verified = ledger.verify(&[]).unwrap();
    assert_eq!(verified.entries, 11);
    assert_eq!(Ledger::read(&path).unwrap().verify(&[(11, verified.head.hash)]).unwrap().entries, 11);
    let request = ledger.view().request(3).unwrap().unwrap();
    assert_eq!((request.serial, request.denied, request.requested), (Some(3), None, requested(3)));
    let known = ledger.view().granted(4).unwrap().unwrap();
    assert_eq!(known, Granted { key_id: known.key_id.clone(), ..granted(4, 4) });
    assert_eq!(ledger.view().grants(at(100)).unwrap().len(), 5);
    assert!(ledger.view().grants(at(3600)).unwrap().is_empty());
}

#[test]
fn any_change_to_the_past_is_found() {
    let changes = [
        ("UPDATE entry SET text = replace(text, 'deploy', 'root') WHERE sequence = 5", "the entry was changed"),
        ("UPDATE entry SET hash = upper(hash) WHERE sequence = 5", "the entry was changed"),
        ("DELETE FROM entry WHERE sequence = 5", "entries were removed or added"),
        ("DELETE FROM entry WHERE sequence = 1", "entries were removed or added"),
        ("UPDATE entry SET number = 77 WHERE sequence = 5", "its columns say other than its text"),
        ("UPDATE entry SET subject = 'bob' WHERE sequence = 5", "its columns say other than its text"),
        ("UPDATE entry SET time = time + 1 WHERE sequence = 5", "its columns say other than its text"),
        (
            "UPDATE entry SET sequence = 99 WHERE sequence = 5; UPDATE entry SET sequence = 5 WHERE sequence = 6;
             UPDATE entry SET sequence = 6 WHERE sequence = 99",
            "entries were removed or added",
        ),
        ("UPDATE entry SET text = '{}' WHERE sequence = 5", "damaged: entry 5"),
    ];
    for (sql, expected) in changes {
        let (_folder, path, ledger) = ledger();
        drop(ledger);
        tamper(&path, sql);
        let found = reason(Ledger::read(&path).unwrap().verify(&[]));
        assert!(found.contains(expected), "{sql}: {found}");
    }
}

/// Whoever writes the whole chain anew, or cuts off its end, is found by what was noted elsewhere.
#[test]
fn a_chain_made_anew_is_found_by_a_noted_hash() {
    let (_folder, path, ledger) = ledger();
    let noted = vec![(11, ledger.verify(&[]).unwrap().head.hash)];
    drop(ledger);
    tamper(&path, "DELETE FROM entry WHERE sequence > 9");
    let ledger = Ledger::read(&path).unwrap();
    assert_eq!(ledger.verify(&[]).unwrap().entries, 9);
    assert!(reason(ledger.verify(&noted)).contains("entries were removed"));
    let other = vec![(9, "0".repeat(64))];
    assert!(reason(ledger.verify(&other)).contains("entry 9 was changed"));
}

/// Who has the file can make the chain of hashes anew, but not the certificates that sshd's logs tell of.
#[test]
fn a_past_that_was_written_anew_is_found_by_its_certificates() {
    let (_folder, path, ledger) = ledger();
    let mut entries = Vec::new();
    ledger.entries(&[], |entry| entry.read().map(|entry| entries.push(entry))).unwrap();
    drop(ledger);
    tamper(&path, "");
    let connection = Connection::open(&path).unwrap();
    let mut last = ORIGIN.to_owned();
    for mut entry in entries {
        if let What::Requested(requested) = &mut entry.what
            && requested.request == 3
        {
            requested.source = "203.0.113.9".into();
        }
        entry.previous = last;
        let text = serde_json::to_string(&entry).unwrap();
        last = hash(&text);
        let sql = "UPDATE entry SET text = ?, hash = ? WHERE sequence = ?";
        connection.execute(sql, params![text, last, column(entry.sequence).unwrap()]).unwrap();
    }
    let found = reason(Ledger::read(&path).unwrap().verify(&[]).map(|_| ()));
    assert!(found.contains("entry 7: the key id of grant 3 names") && found.contains("written anew"), "{found}");
}

#[test]
fn the_database_itself_refuses_changes_and_a_second_grant() {
    let (_folder, path, mut ledger) = ledger();
    let connection = Connection::open(&path).unwrap();
    for sql in ["UPDATE entry SET time = 0", "DELETE FROM entry"] {
        assert!(connection.execute(sql, []).unwrap_err().to_string().contains("append-only"));
    }
    for (serial, request) in [(5, 9), (6, 5)] {
        let second = ledger.grant(|| at(10), |_| Ok(((), Some(granted(serial, request)))));
        assert!(reason(second).contains("UNIQUE"), "{serial} {request}");
    }
    assert_eq!(ledger.verify(&[]).unwrap().entries, 11);
}

#[test]
fn a_change_that_fails_leaves_nothing() {
    let (_folder, _path, mut ledger) = ledger();
    let failed = ledger.write(
        || at(10),
        |change| {
            change.append("local", revoked(1))?;
            Err::<(), _>(Error::Denied("no".into()))
        },
    );
    assert_eq!(reason(failed), "no");
    assert!(!ledger.view().is_revoked(1).unwrap());
}

#[test]
fn a_secret_that_is_dropped_is_gone_from_the_file() {
    let (_folder, path, mut ledger) = ledger();
    let sealed = b"sealed, and nowhere else".repeat(40);
    let holds = || std::fs::read(&path).unwrap().windows(sealed.len()).any(|window| window == sealed);
    ledger.write(|| at(10), |change| change.keep_secret("SHA256:key", &sealed)).unwrap();
    assert!(holds());
    ledger.write(|| at(11), |change| change.drop_secret("SHA256:key")).unwrap();
    assert!(!holds());
}

#[test]
fn a_clock_that_goes_back_is_refused() {
    let (_folder, _path, mut ledger) = ledger();
    let entry = ledger.write(|| at(3), |change| change.append("local", revoked(1))).unwrap();
    assert_eq!(entry.time, at(5), "within the slack time stands still");
    assert!(reason(ledger.write(|| at(2), |change| change.append("local", revoked(2)))).contains("set it right"));
}

fn clock_back(from: i64, to: i64) -> What {
    What::ClockBack { clock_back: 1, from: at(from), to: at(to), reason: "test".into(), approvals: Vec::new() }
}

/// Time goes back by an entry that says so, and by nothing else.
#[test]
fn time_goes_back_by_its_own_entry_only() {
    let (_folder, _path, mut ahead) = ledger();
    ahead.write(|| at(9000), |change| change.append("local", revoked(1))).unwrap();
    assert!(reason(ahead.write(|| at(100), |change| change.append("local", revoked(2)))).contains("access clock-back"));
    let entry = ahead.change(|| at(100), |change| change.append("gate", clock_back(9000, 100))).unwrap();
    assert_eq!(entry.time, at(100));
    let entry = ahead.write(|| at(101), |change| change.append("local", revoked(2))).unwrap();
    assert_eq!(entry.time, at(101));
    assert_eq!(ahead.verify(&[]).unwrap().entries, 14);
}

/// An entry that goes back from another time than that of the one before it, or is none of the kind, is found.
#[test]
fn time_that_goes_back_otherwise_is_found() {
    for what in [clock_back(8000, 100), revoked(2)] {
        let (_folder, _path, mut ledger) = ledger();
        ledger.write(|| at(9000), |change| change.append("local", revoked(1))).unwrap();
        let forged = |change: &mut Change<'_>| {
            change.now = at(100);
            change.append("gate", what)
        };
        ledger.change(|| at(100), forged).unwrap();
        assert!(reason(ledger.verify(&[])).contains("expected a time not before the last"));
    }
}

/// A code that was used up while the clock was ahead is used up, and hinders no other before its time comes.
#[test]
fn codes_of_a_time_that_was_none() {
    let (_folder, _path, mut ledger) = ledger();
    let accepted = |step| What::CodeAccepted { person: "alice".into(), key: "SHA256:e".into(), step };
    ledger.write(|| at(9), |change| change.append("alice", accepted(10))).unwrap();
    ledger.write(|| at(9), |change| change.append("alice", accepted(900))).unwrap();
    assert_eq!(ledger.view().codes("alice", 10, 12).unwrap().last_step, Some(10));
    assert_eq!(ledger.view().codes("alice", 10, 901).unwrap().last_step, Some(900));
    assert!(ledger.view().is_step_used("alice", 900).unwrap() && !ledger.view().is_step_used("bob", 900).unwrap());
}

#[test]
fn what_is_no_ledger_is_refused() {
    let (folder, path, ledger) = ledger();
    drop(ledger);
    let none = folder.path().join("none");
    assert!(reason(Ledger::open(&none)).contains("found no file"));
    std::fs::write(&none, "not a database, but long enough to look like one might be in here").unwrap();
    assert!(reason(Ledger::open(&none)).contains("damaged"));
    let other = folder.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
    assert!(reason(Ledger::read(&other)).contains("found another database"));
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 7").unwrap();
    assert!(reason(Ledger::open(&path)).contains("expected version 1, found 7"));
    assert!(reason(Ledger::create(&path)).contains("exists"));
}

#[test]
fn a_damaged_file_is_an_error() {
    let (_folder, path, ledger) = ledger();
    drop(ledger);
    let mut bytes = std::fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(4096) {
        *byte ^= 0x5a;
    }
    std::fs::write(&path, bytes).unwrap();
    let verified = Ledger::read(&path).and_then(|ledger| ledger.verify(&[]));
    assert!(reason(verified).contains("damaged"));
}

#[test]
fn a_ledger_whose_writer_was_killed_is_read_as_last_committed_and_left_as_it_is() {
    let (folder, path, ledger) = ledger();
    let writer = ledger.0;
    writer.execute_batch("PRAGMA cache_size = 1; BEGIN").unwrap();
    for number in 0..100 {
        writer.execute("INSERT INTO secret VALUES (?1, zeroblob(5000))", [number.to_string()]).unwrap();
    }
    // As it stands on the disk at this moment.
    let cut = folder.path().join("cut.db");
    let journal = folder.path().join("cut.db-journal");
    std::fs::copy(&path, &cut).unwrap();
    std::fs::copy(folder.path().join("ledger.db-journal"), &journal).unwrap();
    let files = || (std::fs::read(&cut).unwrap(), std::fs::read(&journal).unwrap());
    let before = files();
    assert!(before.0.len() > 100_000 && !before.1.is_empty(), "pages not committed are in the file");

    let read = Ledger::read(&cut).unwrap();
    assert_eq!(read.verify(&[]).unwrap().entries, 11);
    assert_eq!(read.0.query_row("SELECT count(*) FROM secret", [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    assert!(files() == before);
}

#[test]
fn a_locked_ledger_is_an_error() {
    let (_folder, path, mut ledger) = ledger();
    ledger.0.busy_timeout(Duration::from_millis(50)).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert!(reason(ledger.write(|| at(10), |change| change.append("local", revoked(1)))).contains("locked"));
}

#[test]
fn an_export_is_read_back_and_its_chain_checked() {
    let (_folder, _path, ledger) = ledger();
    let mut text = Vec::new();
    assert_eq!(ledger.export(&mut text).unwrap(), 11);
    let (mut exported, mut entries) = (Vec::new(), Vec::new());
    let head = read_export(&mut text.as_slice(), &[], |entry| entry.read().map(|entry| exported.push(entry))).unwrap();
    let head_of_all = ledger.entries(&[], |entry| entry.read().map(|entry| entries.push(entry))).unwrap();
    assert_eq!(exported, entries);
    assert_eq!((&head, &head_of_all), (&ledger.verify(&[]).unwrap().head, &head));
    let kinds = ["begun", "enrolled", "requested", "granted", "revoked"];
    assert_eq!(ledger.entries(&kinds, |_| Ok(())).unwrap(), head, "of what is left out, too");
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let changed =
        [text.replace("deploy", "root"), lines[1..].join("\n"), [&lines[..4], &lines[5..]].concat().join("\n")];
    for changed in changed {
        assert!(
            reason(read_export(&mut changed.as_bytes(), &[], |_| Ok(()))).contains("the chain of hashes is broken")
        );
    }
    assert!(reason(read_export(&mut "{}\n".as_bytes(), &[], |_| Ok(()))).contains("line 1"));
}

/// What the accounting reads is verified on the way, whatever columns say.
#[test]
fn entries_of_a_changed_ledger_are_refused() {
    let (_folder, path, ledger) = ledger();
    let count = |ledger: &Ledger, without: &[&str]| {
        let mut count = 0;
        let counted = ledger.entries(without, |_| {
            count += 1;
            Ok(())
        });
        counted.map(|_| count)
    };
    let without_requests = count(&ledger, &["requested"]).unwrap();
    let change = |sql| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    change("DROP TRIGGER never_changed");
    change("UPDATE entry SET kind = 'requested' WHERE kind = 'granted'");
    assert_eq!(count(&ledger, &["requested"]).unwrap(), without_requests);
    change("UPDATE entry SET text = replace(text, 'deploy', 'root')");
    assert!(reason(count(&ledger, &["granted", "requested"])).contains("the chain of hashes is broken"));
}
