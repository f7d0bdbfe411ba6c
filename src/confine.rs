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
