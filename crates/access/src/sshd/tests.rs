//! sshd is the judge: configurations made at random, read by us and by `sshd -T -C …`.

use std::{fs, io::Write, path::Path, process::Command};

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::audit::accounts;

/// A setting, its values in a configuration, and what `sshd -T` says where nothing is said.
const SETTINGS: [(&str, &[&str], &str); 18] = [
    ("PasswordAuthentication", &["yes", "no"], "yes"),
    ("KbdInteractiveAuthentication", &["yes", "no"], "yes"),
    ("PubkeyAuthentication", &["yes", "no"], "yes"),
    ("PermitEmptyPasswords", &["yes", "no"], "no"),
    ("HostbasedAuthentication", &["yes", "no"], "no"),
    ("PermitRootLogin", &["yes", "no", "forced-commands-only", "prohibit-password"], "without-password"),
    ("LogLevel", &["INFO", "VERBOSE", "DEBUG"], "INFO"),
    (
        "AuthorizedKeysFile",
        &["none", ".ssh/keys", "/etc/keys/%u .ssh/authorized_keys", "%h/a /b \"/c d\""],
        ".ssh/authorized_keys .ssh/authorized_keys2",
    ),
    ("AuthorizedPrincipalsFile", &["none", "/etc/principals/%u", ".ssh/principals"], "none"),
    ("TrustedUserCAKeys", &["none", "/etc/ssh/ca.pub", "/etc/ssh/other.pub"], "none"),
    ("RevokedKeys", &["none", "/etc/ssh/revoked"], "none"),
    ("AuthorizedKeysCommand", &["none", "/bin/true", "/bin/true %u %f"], "none"),
    ("AuthenticationMethods", &["any", "publickey", "publickey,password password", "publickey,publickey"], "any"),
    ("AllowUsers", &["root", "daemon nobody", "root@10.0.0.0/8 *"], ""),
    ("DenyUsers", &["bin", "daemon@*.example.org"], ""),
    ("AllowGroups", &["root", "daemon adm*"], ""),
    ("DenyGroups", &["nogroup", "sys"], ""),
    ("GSSAPIAuthentication", &["yes", "no"], "no"),
];

const LISTS: [&str; 4] = ["AllowUsers", "DenyUsers", "AllowGroups", "DenyGroups"];

/// Criteria of `Match` with their patterns.
const CRITERIA: [(&str, &[&str]); 6] = [
    ("User", &["root", "daemon,nobody", "r*,!root", "!daemon,*", "ro?t", "\"root\""]),
    ("group", &["root", "daemon,nogroup", "!root,*", "s?s"]),
    ("Host", &["*.example.org", "!a.example.org,*", "A.Example.Org"]),
    ("Address", &["10.0.0.0/8", "192.0.2.*", "!10.1.0.0/16,10.0.0.0/8", "2001:db8::/32", "10.1.2.3"]),
    ("LocalAddress", &["127.0.0.1", "10.*"]),
    ("LocalPort", &["22", "2222"]),
];

/// One line of a configuration, as it is written.
fn lines(depth: u32) -> BoxedStrategy<String> {
    let setting =
        (select(&SETTINGS[..]), any::<prop::sample::Index>(), 0..6).prop_map(|((name, values, _), at, how)| {
            let value = at.get(values);
            // `=` stands behind keywords that take one value.
            match how {
                0 if !value.contains([' ', ',']) => format!("{name}={value}"),
                1 if !value.contains([' ', ',']) => format!("\t{} = \"{value}\"", name.to_uppercase()),
                2 => format!("{} {value}  # remark", name.to_lowercase()),
                _ => format!("{name} {value}"),
            }
        });
    let alias =
        select(&["ChallengeResponseAuthentication no", "ChallengeResponseAuthentication yes", "# a remark", ""][..]);
    let criterion = (select(&CRITERIA[..]), any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |((name, patterns), at, equals)| format!("{name}{}{}", if equals { "=" } else { " " }, at.get(patterns)),
    );
    let block = prop_oneof![5 => vec(criterion, 1..3).prop_map(|all| format!("Match {}", all.join(" "))), 1 => Just("Match all".to_owned())];
    let include = select(
        &[
            "Include FOLDER/1.conf",
            "Include FOLDER/2.conf",
            "Include FOLDER/[12].conf FOLDER/absent",
            "Include FOLDER/*.conf",
        ][..],
    );
    if depth == 0 {
        return prop_oneof![10 => setting, 2 => block, 1 => alias.prop_map(str::to_owned)].boxed();
    }
    prop_oneof![10 => setting, 3 => block, 1 => alias.prop_map(str::to_owned), 2 => include.prop_map(str::to_owned)]
        .boxed()
}

/// What sshd says: keywords and values, lines of lists joined by blanks.
fn judge(folder: &Path, who: &Who) -> std::result::Result<Vec<(String, String)>, String> {
    let from = who.from.as_ref().unwrap();
    let connection = format!(
        "user={},host={},addr={},laddr={},lport={}",
        who.name, from.host, from.address, from.local_address, from.local_port
    );
    let mut sshd = Command::new("/usr/sbin/sshd");
    sshd.args(["-T", "-C", &connection, "-h"]).arg(folder.join("key")).arg("-f").arg(folder.join("sshd_config"));
    let output = sshd.output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let mut said: Vec<(String, String)> = Vec::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
        match said.iter_mut().find(|(known, _)| known == keyword) {
            Some((_, known)) => *known += &format!(" {value}"),
            None => said.push((keyword.to_owned(), value.to_owned())),
        }
    }
    Ok(said)
}

/// Our value in sshd's words.
fn written(value: &Value, default: &str) -> String {
    let text = value.text(default);
    if text == "prohibit-password" { "without-password".into() } else { text }
}

/// Whether the real program is here; without it this test proves nothing.
fn has_sshd() -> bool {
    let is_here = Path::new("/usr/sbin/sshd").exists();
    if !is_here {
        let _ = writeln!(std::io::stderr(), "SKIPPED: openssh-server is not installed");
    }
    // Where no boot did it, root's sshd asks for this folder; nobody else may make it, nor needs it.
    let _ = fs::create_dir_all("/run/sshd");
    is_here
}

fn connection() -> impl Strategy<Value = Connection> {
    let hosts = select(&["a.example.org", "b.example.org", "elsewhere.example"][..]);
    let addresses = select(&["10.0.0.7", "10.1.2.3", "192.0.2.9", "2001:db8::1", "203.0.113.1"][..]);
    (hosts, addresses, select(&["127.0.0.1", "10.9.9.9"][..]), select(&[22, 2222, 443][..])).prop_map(
        |(host, address, local, local_port)| Connection {
            host: host.into(),
            address: address.into(),
            local_address: local.into(),
            local_port,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_holds_is_what_sshd_says(
        main in vec(lines(1), 1..14),
        first in vec(lines(0), 0..6),
        second in vec(lines(0), 0..6),
        from in connection(),
        name in select(&["root", "daemon", "nobody", "bin"][..]),
        no_more in option::of(Just(())),
    ) {
        if !has_sshd() {
            return Ok(());
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        let write = |name: &str, lines: &[String]| {
            let text = lines.join("\n").replace("FOLDER", &path.display().to_string());
            fs::write(path.join(name), text + if no_more.is_some() { "" } else { "\n" }).unwrap();
        };
        let user = ["AuthorizedKeysCommandUser nobody".to_owned()];
        write("sshd_config", &[&user[..], &main].concat());
        write("1.conf", &first);
        write("2.conf", &second);
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path.join("key")).status().unwrap();
        let mut files = Files::below(Path::new("/")).unwrap();
        let accounts = accounts::read(&mut files).unwrap();
        let mut who = accounts.into_iter().map(|account| account.who).find(|who| who.name == name).unwrap();
        let config = Config::read(&mut files, &path.join("sshd_config").display().to_string()).unwrap();
        let anyone = who.clone();
        who.from = Some(from);
        // What sshd refuses needs no reading: it would not start.
        let Ok(said) = judge(&path, &who) else { return Err(TestCaseError::reject("sshd refuses it")) };
        for (name, _, default) in SETTINGS {
            let keyword = name.to_lowercase();
            let expected = said.iter().find(|(known, _)| *known == keyword).map_or("", |(_, value)| value);
            if LISTS.contains(&name) {
                prop_assert_eq!(config.list(&keyword, &who).unwrap().join(" "), expected, "{}", name);
                continue;
            }
            let values = config.values(&keyword, &who);
            prop_assert_eq!(values.len(), 1);
            prop_assert_eq!(written(&values[0], default), expected, "{} of {:?}", name, config);
            let possible = config.values(&keyword, &anyone);
            prop_assert!(possible.iter().any(|value| written(value, default) == expected), "{} in {:?}", expected, possible);
            prop_assert!(possible.len() == 1 || possible.iter().all(|value| !value.is_sure));
        }
    }
}

#[test]
fn a_path_is_of_the_account() {
    let who = Who { name: "anna".into(), uid: 1000, home: "/home/anna".into(), ..Who::default() };
    let paths = [
        (".ssh/authorized_keys", "/home/anna/.ssh/authorized_keys"),
        ("/etc/keys/%u-%U", "/etc/keys/anna-1000"),
        ("%h/%%x%", "/home/anna/%x%"),
        ("~/keys", "/root/keys"),
    ];
    paths.into_iter().for_each(|(pattern, expected)| assert_eq!(path(pattern, &who), expected));
}

#[test]
fn patterns_fit_as_in_openssh() {
    let yes = [("anna", "a*a"), ("anna", "*"), ("", "*"), ("anna", "a?n?"), ("aab", "*ab"), ("a*", "a*")];
    yes.into_iter().for_each(|(text, pattern)| assert!(words::fits(text, pattern), "{text} {pattern}"));
    let no = [("anna", "a*b"), ("", "?"), ("anna", "ann"), ("ann", "anna"), ("anna", "")];
    no.into_iter().for_each(|(text, pattern)| assert!(!words::fits(text, pattern), "{text} {pattern}"));
    assert!(words::glob("10.conf", "[0-9]?.conf") && words::glob("a]", "a[]]") && words::glob("b", "[!a]"));
    assert!(!words::glob("b.conf", "[0-9]*.conf") && !words::glob("a", "[!a]") && !words::glob("a", "[a"));
}
