//! A hunt reads what an attacker may have written; once it knows what it needs, it gives up the right to anything else.

use std::path::{Path, PathBuf};

/// Allows this process (and threads begun later) to read below `readable` and to write below `writable`, and to reach no
/// network. Best effort: a kernel that knows only some of it does what it can, one that knows none of it changes
/// nothing.
#[cfg(target_os = "linux")]
pub fn confine(readable: &[PathBuf], writable: &[&Path]) {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
        RulesetCreatedAttr, RulesetError,
    };
    let abi = ABI::V4;
    let paths = |paths: &mut dyn Iterator<Item = &Path>, access| -> Vec<Result<PathBeneath<PathFd>, RulesetError>> {
        // What cannot be opened is told by whoever reads it.
        paths.filter_map(|path| PathFd::new(path).ok()).map(|file| Ok(PathBeneath::new(file, access))).collect()
    };
    let apply = || -> Result<(), RulesetError> {
        Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(abi))?
            .handle_access(AccessNet::from_all(abi))?
            .create()?
            .add_rules(paths(&mut readable.iter().map(PathBuf::as_path), AccessFs::from_read(abi)))?
            .add_rules(paths(&mut writable.iter().copied(), AccessFs::from_all(abi)))?
            .restrict_self()?;
        Ok(())
    };
    let _ = apply();
}

/// Other systems have no such thing that needs no privileges.
#[cfg(not(target_os = "linux"))]
pub fn confine(_readable: &[PathBuf], _writable: &[&Path]) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use std::{
        fs,
        io::{ErrorKind, Write},
        net::{TcpListener, TcpStream},
    };

    use super::confine;

    /// Landlock confines the thread that asks for it.
    #[test]
    fn what_was_not_named_is_out_of_reach() {
        let [inside, outside] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        for folder in [&inside, &outside] {
            fs::write(folder.path().join("file"), "x").unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, paths) =
            (listener.local_addr().unwrap(), [&inside, &outside].map(|folder| folder.path().to_owned()));
        let tried = std::thread::spawn(move || {
            let [inside, outside] = paths;
            confine(std::slice::from_ref(&inside), &[]);
            let kind = |result: std::io::Result<()>| result.err().map(|error| error.kind());
            let read = |path: &std::path::Path| kind(fs::read(path.join("file")).map(drop));
            (
                read(&inside),
                read(&outside),
                kind(fs::write(inside.join("new"), "x")),
                kind(TcpStream::connect(address).map(drop)),
            )
        });
        let (inside, outside, written, connected) = tried.join().unwrap();
        assert_eq!(inside, None, "what was named can be read");
        let denied = Some(ErrorKind::PermissionDenied);
        if outside.is_none() {
            let modules = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
            assert!(!modules.contains("landlock"), "this kernel has Landlock, and nothing is confined");
            let _ = writeln!(std::io::stderr(), "SKIPPED: this kernel has no Landlock, so a test proves nothing here");
            return;
        }
        assert_eq!((outside, written), (denied, denied));
        // Kernels before 6.7 know nothing of networks.
        assert!(connected.is_none() || connected == denied, "{connected:?}");
    }
}
