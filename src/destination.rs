//! Where a report goes.

use std::{
    fs::File,
    io::{self, BufWriter, Seek, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// Where the report goes: standard output, a device or pipe, or a file that is there whole or not at all.
pub enum Destination {
    Standard,
    Stream(File),
    /// What is written has no name until it is whole, so that nothing is left behind by a program that was stopped.
    File {
        path: PathBuf,
        file: File,
    },
}

impl Destination {
    /// The destination `output`, or standard output; `evidence` is what is to be read.
    ///
    /// # Errors
    /// When nothing can be written there, or it is itself evidence.
    pub fn open(output: Option<&Path>, evidence: &[PathBuf]) -> Result<Self> {
        let Some(path) = output else { return Ok(Self::Standard) };
        let cannot = || format!("cannot write {}", path.display());
        // A link keeps its place, and what it leads to is replaced.
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        match std::fs::metadata(&target) {
            Ok(found) if found.is_dir() => bail!("cannot write {}: it is a folder", path.display()),
            Ok(found) if found.is_file() => {
                if evidence.iter().any(|piece| piece.canonicalize().is_ok_and(|piece| piece == target)) {
                    bail!("cannot write {}: it is evidence itself", path.display());
                }
            }
            Ok(_) => return Ok(Self::Stream(File::options().write(true).open(&target).with_context(cannot)?)),
            Err(_) => {}
        }
        let file = tempfile::tempfile_in(folder_of(&target)).with_context(cannot)?;
        Ok(Self::File { path: target, file })
    }

    /// Where the report is written to.
    ///
    /// # Errors
    /// When the file cannot be opened once more.
    pub fn writer(&self) -> Result<BufWriter<Box<dyn Write + Send>>> {
        let inner: Box<dyn Write + Send> = match self {
            Self::Standard => Box::new(io::stdout()),
            Self::Stream(stream) => Box::new(stream.try_clone()?),
            Self::File { file, .. } => Box::new(file.try_clone()?),
        };
        Ok(BufWriter::with_capacity(1 << 16, inner))
    }

    /// The file that the report is written to in the end.
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Standard if cfg!(unix) => vec!["/dev/stdout".into()],
            Self::Standard | Self::Stream(_) => vec![],
            Self::File { path, .. } => vec![path.clone()],
        }
    }

    /// The folder in which the report is written.
    pub fn folder(&self) -> Option<&Path> {
        if let Self::File { path, .. } = self { Some(folder_of(path)) } else { None }
    }

    /// Puts the whole report where it belongs.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub fn keep(self) -> Result<()> {
        let Self::File { path, mut file } = self else { return Ok(()) };
        let mut keep = || -> io::Result<()> {
            let mut named = tempfile::Builder::new().prefix(".dreamcatcher-").tempfile_in(folder_of(&path))?;
            file.rewind()?;
            io::copy(&mut file, named.as_file_mut())?;
            make_readable(named.as_file())?;
            named.as_file().sync_all()?;
            named.persist(&path)?;
            Ok(())
        };
        keep().with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Temporary files are made for their owner alone; a report has the rights of any file.
#[cfg(unix)]
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_file: &File) -> io::Result<()> {
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
