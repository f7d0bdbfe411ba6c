//! `dreamcatcher rules update`: SigmaHQ's rules, fetched when asked, pinned by hash, used by default from then on.

use std::{
    collections::HashSet,
    fs,
    io::{self, Cursor, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sigma::{Loaded, Placeholders};

use crate::{packs, site::data_folder, status::Status};

const NEWEST: &str = "https://github.com/SigmaHQ/sigma/releases/latest/download/sigma_all_rules.zip";
const MAX_ARCHIVE: u64 = 64 << 20;
const MAX_RULES: u64 = 256 << 20;
const MAX_FILES: usize = 50_000;
const TIMEOUT: Duration = Duration::from_secs(120);

/// What was fetched, written beside the rules.
#[derive(Debug, Serialize, Deserialize)]
pub struct Pin {
    /// Where it came from.
    pub source: String,
    /// The day on which it was fetched.
    pub date: String,
    /// SHA-256 of the archive.
    pub archive_sha256: String,
    /// [`Loaded::fingerprint`] of its rules.
    pub rules_sha256: String,
}

/// Rules that an earlier `rules update` put into the data folder.
pub struct Installed {
    /// What they are.
    pub pin: Pin,
    /// Where they are.
    pub rules: PathBuf,
}

impl Installed {
    /// Looks for them.
    pub fn find() -> Result<Option<Self>> {
        let Some(mut folder) = folder() else { return Ok(None) };
        if !folder.exists() {
            // Where an update was killed while it put the new ones in their place, those of before are still here.
            folder = put_aside(&folder);
        }
        let path = folder.join("pin.toml");
        match fs::read_to_string(&path) {
            Ok(text) => {
                let pin = toml::from_str(&text)
                    .with_context(|| format!("{} is damaged; run `dreamcatcher rules update`", path.display()))?;
                Ok(Some(Self { pin, rules: folder.join("rules") }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Refuses rules that are no longer those that were fetched.
    pub fn check(&self, loaded: &Loaded) -> Result<()> {
        if loaded.fingerprint() != self.pin.rules_sha256 {
            bail!(
                "the rules in {} are not those that were fetched (SHA-256 differs); run `dreamcatcher rules update` again, or name rules with --rules",
                self.rules.display()
            );
        }
        Ok(())
    }
}

fn folder() -> Option<PathBuf> {
    data_folder().map(|folder| folder.join("sigmahq"))
}

/// Runs the subcommand.
pub fn run(source: Option<&str>, expected: Option<&str>) -> Result<Status> {
    let source = source.unwrap_or(NEWEST);
    let folder = folder().context("there is no home folder to keep rules in; set XDG_DATA_HOME")?;
    let archive = if source.starts_with("https://") || source.starts_with("http://") {
        download(source)?
    } else {
        read(Path::new(source))?
    };
    let archive_sha256 = hexadecimal(&Sha256::digest(&archive));
    let mut out = io::stdout().lock();
    writeln!(out, "SHA-256 of the archive: {archive_sha256}")?;
    if let Some(expected) = expected.filter(|expected| !expected.eq_ignore_ascii_case(&archive_sha256)) {
        bail!(
            "the archive is not the one expected: its SHA-256 is {archive_sha256}, not {expected}; nothing was changed"
        );
    }
    let parent = folder.parent().unwrap_or(&folder);
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let new = tempfile::Builder::new().prefix(".sigmahq-").tempdir_in(parent)?;
    unpack(archive, &new.path().join("rules"))?;
    let loaded = packs::from_paths(&[new.path().join("rules")], &mut HashSet::new(), &Placeholders::default(), 2);
    if loaded.rules.is_empty() {
        bail!("there are no Sigma rules in {source}; nothing was changed");
    }
    let date = jiff::Zoned::now().date().to_string();
    let pin = Pin { source: source.to_owned(), date, archive_sha256, rules_sha256: loaded.fingerprint() };
    fs::write(new.path().join("pin.toml"), toml::to_string(&pin)?)?;
    replace(new, &folder)?;
    writeln!(
        out,
        "{} rules in {} (SHA-256 {}), {} refused; hunts use them from now on",
        loaded.rules.len(),
        folder.display(),
        pin.rules_sha256,
        loaded.refused.len()
    )?;
    Ok(Status::Finished)
}

fn download(address: &str) -> Result<Vec<u8>> {
    eprintln!("fetching {}", report::plain(address));
    let agent = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).build().new_agent();
    let mut response = agent.get(address).call().with_context(|| format!("cannot fetch {address}"))?;
    let body = response.body_mut().with_config().limit(MAX_ARCHIVE).read_to_vec();
    body.with_context(|| format!("cannot fetch {address}"))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    file.take(MAX_ARCHIVE + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() as u64 > MAX_ARCHIVE {
        bail!("{} is larger than {} MiB, which no archive of rules is", path.display(), MAX_ARCHIVE >> 20);
    }
    Ok(bytes)
}

/// Writes the rules of an archive below `target`; paths that would lead out of it are left out.
fn unpack(archive: Vec<u8>, target: &Path) -> Result<()> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).context("not a zip archive")?;
    if archive.len() > MAX_FILES {
        bail!("the archive holds more than {MAX_FILES} files");
    }
    let mut left = MAX_RULES;
    for index in 0..archive.len() {
        let member = archive.by_index(index).context("the archive is damaged")?;
        let Some(name) = member.enclosed_name() else { continue };
        let is_rule = name.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
        if !member.is_file() || !is_rule {
            continue;
        }
        let path = target.join(&name);
        let mut text = Vec::new();
        member
            .take(left + 1)
            .read_to_end(&mut text)
            .with_context(|| format!("{} in the archive is damaged", name.display()))?;
        left = left
            .checked_sub(text.len() as u64)
            .with_context(|| format!("the rules are larger than {} MiB", MAX_RULES >> 20))?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::File::create(&path)?.write_all(&text)?;
    }
    Ok(())
}

/// Where rules are for the moment in which newer ones take their place.
fn put_aside(folder: &Path) -> PathBuf {
    folder.with_extension("old")
}

/// Puts the new folder in the old one's place; at any moment one of them can be found.
fn replace(new: tempfile::TempDir, folder: &Path) -> Result<()> {
    let old = put_aside(folder);
    if folder.exists() {
        let _ = fs::remove_dir_all(&old);
        fs::rename(folder, &old).with_context(|| format!("cannot replace {}", folder.display()))?;
    }
    fs::rename(new.path(), folder).with_context(|| format!("cannot write {}", folder.display()))?;
    let _ = new.keep();
    let _ = fs::remove_dir_all(&old);
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
