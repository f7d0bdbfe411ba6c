//! OpenSSH's own tools are the judges of certificates and revocation lists.

use std::{collections::BTreeSet, path::Path, process::Command};

use jiff::Timestamp;
use proptest::{prelude::*, strategy::ValueTree};
use ssh_key::{LineEnding, PrivateKey};

use super::*;
use crate::{Granted, SecondFactor};

fn keygen(arguments: &[&str], file: &Path) -> (bool, String) {
    let output = Command::new("ssh-keygen").args(arguments).arg(file).env("TZ", "UTC").output();
    let output = output.expect("ssh-keygen is missing: apt install openssh-client (ci/test does)");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

fn pair() -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::random(&mut OsRng))
}

fn authority() -> Authority {
    let key = pair();
    Authority { public: key.public_key().clone(), signer: Holder::Here(Box::new(key)) }
}

prop_compose! {
    fn granted()(
        serial in 1..=u64::from(u32::MAX),
        person in "[a-z][a-z0-9._-]{0,20}",
        host in "[a-z][a-z0-9-]{0,20}",
        account in "[a-z_][a-z0-9_-]{0,20}",
        sources in prop::collection::vec((any::<[u8; 4]>(), 8..=32_u8), 0..4),
        force_command in prop::option::of("[ -~]{1,60}"),
        extensions in prop::sample::subsequence(
            vec!["permit-pty", "permit-port-forwarding", "permit-agent-forwarding", "permit-X11-forwarding"], 0..=4),
        from in 1_700_000_000..1_900_000_000_i64,
        seconds in 1..700_000_i64,
    ) -> Granted {
        let network = |(octets, bits): &([u8; 4], u8)| {
            let mask = u32::MAX << (32 - u32::from(*bits));
            format!("{}/{bits}", std::net::Ipv4Addr::from(u32::from_be_bytes(*octets) & mask))
        };
        Granted {
            serial,
            request: serial,
            key_id: format!("dreamcatcher:{serial}:{person}:{account}@{host}:0123456789abcdef"),
            principals: vec![format!("{account}@{host}")],
            person,
            provider: String::new(),
            host,
            account,
            key: String::new(),
            authority: String::new(),
            sources: sources.iter().map(network).collect(),
            force_command,
            extensions: extensions.into_iter().map(str::to_owned).collect(),
            from: Timestamp::from_second(from).unwrap(),
            until: Timestamp::from_second(from + seconds).unwrap(),
            rule: "rule".into(),
            reason: None,
            ticket: None,
            approvals: Vec::new(),
            second_factor: SecondFactor::Touch,
            break_glass: false,
        }
    }
}

/// What ssh-keygen has to print of a grant's certificate, line by line without the indentation.
fn expected(granted: &Granted) -> Vec<String> {
    let time = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let mut lines = vec![
        "Type: ssh-ed25519-cert-v01@openssh.com user certificate".to_owned(),
        format!("Public key: ED25519-CERT {}", granted.key),
        format!("Signing CA: ED25519 {} (using ssh-ed25519)", granted.authority),
        format!("Key ID: \"{}\"", granted.key_id),
        format!("Serial: {}", granted.serial),
        format!("Valid: from {} to {}", time(granted.from), time(granted.until)),
        "Principals:".to_owned(),
    ];
    lines.extend(granted.principals.iter().cloned());
    let command = granted.force_command.as_ref().map(|command| format!("force-command {command}"));
    let sources = (!granted.sources.is_empty()).then(|| format!("source-address {}", granted.sources.join(",")));
    let options: Vec<String> = command.into_iter().chain(sources).collect();
    lines.push(format!("Critical Options:{}", if options.is_empty() { " (none)" } else { "" }));
    lines.extend(options);
    let mut extensions = granted.extensions.clone();
    extensions.sort();
    lines.push(format!("Extensions:{}", if extensions.is_empty() { " (none)" } else { "" }));
    lines.extend(extensions);
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn ssh_keygen_reads_what_the_grant_says(granted in granted()) {
        let (authority, subject) = (authority(), pair());
        let granted = Granted {
            key: key::fingerprint(subject.public_key()),
            authority: authority.fingerprint(),
            ..granted
        };
        let certificate = authority.certify(&Grant::written(granted.clone()), subject.public_key()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cert.pub");
        std::fs::write(&file, certificate.to_openssh().unwrap()).unwrap();
        let (good, text) = keygen(&["-L", "-f"], &file);
        prop_assert!(good, "{text}");
        let lines: Vec<String> = text.lines().skip(1).map(|line| line.trim_start().to_owned()).collect();
        let trimmed: Vec<String> = lines.iter().map(|line| line.trim_end().to_owned()).collect();
        let expected: Vec<String> = expected(&granted).iter().map(|line| line.trim_end().to_owned()).collect();
        prop_assert_eq!(trimmed, expected);
    }

    #[test]
    fn ssh_keygen_finds_revoked_what_the_list_says(
        serials in prop::collection::btree_set(1..400_u64, 0..60),
        asked in prop::collection::vec(1..400_u64, 4),
        revoke_key in any::<bool>(),
    ) {
        let (authority, other, old, subject, lost) = (authority(), authority(), authority(), pair(), pair());
        let keys = if revoke_key { vec![lost.public_key().clone()] } else { Vec::new() };
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("krl");
        let by_old = BTreeSet::from([5, 6]);
        let all = vec![(authority.public().clone(), serials.clone()), (old.public().clone(), by_old.clone())];
        let krl = Krl { serials: all, keys };
        let bytes = krl.to_bytes(7, Timestamp::UNIX_EPOCH).unwrap();
        std::fs::write(&list, &bytes).unwrap();
        let (good, text) = keygen(&["-Q", "-l", "-f"], &list);
        prop_assert!(good && text.contains("# KRL version 7"), "{text}");
        let file = folder.path().join("asked.pub");
        let list = list.display().to_string();
        let is_revoked = |text: String| {
            std::fs::write(&file, text).unwrap();
            !keygen(&["-Q", "-f", &list], &file).0
        };
        for serial in asked {
            let signers = [(&authority, serials.contains(&serial)), (&old, by_old.contains(&serial)), (&other, false)];
            for (signer, expected) in signers {
                let names = ["one".to_owned()];
                let certificate = signer.certify_host(serial, subject.public_key(), &names, 1, 2).unwrap();
                prop_assert_eq!(is_revoked(certificate.to_openssh().unwrap()), expected);
                prop_assert_eq!(revokes(&bytes, &certificate).unwrap(), expected);
            }
        }
        prop_assert_eq!(is_revoked(lost.public_key().to_openssh().unwrap()), revoke_key);
        prop_assert!(!is_revoked(subject.public_key().to_openssh().unwrap()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Lists that ssh-keygen makes, of every kind of section that it writes.
    #[test]
    fn a_list_revokes_what_ssh_keygen_says(
        lines in prop::collection::vec(
            prop_oneof![
                (1..200_u64).prop_map(|one| format!("serial: {one}")),
                (1..200_u64, 1..90_u64).prop_map(|(first, more)| format!("serial: {first}-{}", first + more)),
                "id: [ab]".prop_map(|id| id),
                Just("key: LOST".to_owned()),
                Just("sha1: LOST".to_owned()),
                Just("sha256: LOST".to_owned()),
                Just("key: AUTHORITY".to_owned()),
            ], 0..12),
        asked in prop::collection::vec(1..300_u64, 3),
        lost in any::<bool>(),
        name in "[abc]",
    ) {
        let (authority, subject) = (authority(), pair());
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let line = |key: &PublicKey| key.to_openssh().unwrap().trim().to_owned();
        let lost = if lost { line(subject.public_key()) } else { line(pair().public_key()) };
        let text = lines.join("\n").replace("LOST", &lost).replace("AUTHORITY", &line(authority.public()));
        std::fs::write(path("spec"), text + "\n").unwrap();
        std::fs::write(path("ca.pub"), line(authority.public())).unwrap();
        let made = keygen(&["-k", "-s", &path("ca.pub"), "-f", &path("krl")], Path::new(&path("spec")));
        prop_assert!(made.0, "{}", made.1);
        let bytes = std::fs::read(path("krl")).unwrap();
        for serial in asked {
            let names = [name.clone()];
            let certificate = authority.certify_host(serial, subject.public_key(), &names, 1, 2).unwrap();
            std::fs::write(path("cert.pub"), certificate.to_openssh().unwrap()).unwrap();
            let expected = !keygen(&["-Q", "-f", &path("krl")], Path::new(&path("cert.pub"))).0;
            prop_assert_eq!(revokes(&bytes, &certificate).unwrap(), expected, "{:?}", lines);
        }
        // Cut off anywhere it is no list, or it says what it still says; it never panics.
        let certificate = authority.certify_host(1, subject.public_key(), &[name], 1, 2).unwrap();
        (0..bytes.len()).for_each(|end| _ = revokes(&bytes[..end], &certificate));
    }
}

#[test]
fn a_grant_is_signed_for_its_own_key_and_by_its_own_authority() {
    let (authority, other, subject) = (authority(), authority(), pair());
    let sample = |authority: &Authority, principals: &[&str]| {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let granted = granted().new_tree(&mut runner).unwrap().current();
        Grant::written(Granted {
            key: key::fingerprint(subject.public_key()),
            authority: authority.fingerprint(),
            principals: principals.iter().map(|one| (*one).to_owned()).collect(),
            ..granted
        })
    };
    assert!(authority.certify(&sample(&authority, &["a@b"]), subject.public_key()).is_ok());
    assert!(authority.certify(&sample(&authority, &["a@b"]), pair().public_key()).is_err());
    assert!(authority.certify(&sample(&other, &["a@b"]), subject.public_key()).is_err());
    assert!(authority.certify(&sample(&authority, &[]), subject.public_key()).is_err(), "it would hold for everybody");
    assert!(authority.certify_host(1, subject.public_key(), &[], 1, 2).is_err());
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let seal = Seal::create(&folder.path().join("seal.key")).unwrap();
    let path = folder.path().join("authority.age");
    let made = Authority::create(&path, "test", |secret| seal.seal(secret)).unwrap();
    let opened = Authority::open(&path, &seal).unwrap();
    assert_eq!(opened.fingerprint(), made.fingerprint());
    let sealed = std::fs::read(&path).unwrap();
    assert!(!sealed.windows(7).any(|window| window == b"OPENSSH"), "encrypted at rest");
    for file in [&path, &folder.path().join("seal.key")] {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = Authority::open(&path, &seal).err().unwrap().to_string();
    assert!(error.contains("expected mode 0600, found 0644"), "{error}");
    std::fs::set_permissions(folder.path().join("seal.key"), std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(Seal::open(&folder.path().join("seal.key")).is_err());
    let other = pair().to_openssh(LineEnding::LF).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, seal.seal(other.as_bytes()).unwrap().split_last().unwrap().1).unwrap();
    assert!(Authority::open(&path, &seal).err().unwrap().to_string().contains("cannot decrypt"));
}
