//! Files that are nobody else's: mode 0600, written whole or not at all, and refused where others may look.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use zeroize::Zeroizing;

use crate::{Error, error::Result};

/// The most that is read of a private file; keys are far smaller.
const MOST: u64 = 1 << 20;

/// Reads a file that only its owner, who is us or root, may read.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let fail = |error| Error::file(path, error);
    let file = File::open(path).map_err(fail)?;
    let meta = file.metadata().map_err(fail)?;
    if !meta.is_file() {
        return Err(Error::file(path, "expected a file"));
    }
    if meta.mode() & 0o077 != 0 {
        let mode = meta.mode() & 0o7777;
        return Err(Error::file(path, format!("expected mode 0600, found {mode:04o}: others may read the key")));
    }
    let user = rustix::process::geteuid().as_raw();
    if meta.uid() != user && meta.uid() != 0 {
        return Err(Error::file(path, format!("expected to belong to user {user}, found user {}", meta.uid())));
    }
    if meta.len() > MOST {
        return Err(Error::file(path, format!("expected at most {MOST} bytes, found {}", meta.len())));
    }
    // Reserved at once: a buffer that grew would leave copies of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(meta.len()).unwrap_or_default() + 1));
    file.take(MOST).read_to_end(&mut bytes).map_err(fail)?;
    Ok(bytes)
}

/// Makes a file of mode 0600 that is not there yet, and syncs it.
pub fn create(path: &Path, bytes: &[u8]) -> Result<()> {
    let fail = |error| Error::file(path, error);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(fail)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fail)?;
    sync_folder(path)
}

/// Puts a file in place of an older one: at any moment one of the two is there, whole. Its mode is this one, whatever the umask is.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()?;
        fs::rename(&new, path)
    })();
    if let Err(error) = written {
        // The first error says more than that the new file cannot be removed either.
        let _ = fs::remove_file(&new);
        return Err(Error::file(path, error));
    }
    sync_folder(path)
}

/// A name is only on the disk when its folder is.
pub fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| Error::file(folder, error))
}
