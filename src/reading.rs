//! Reading evidence, as every subcommand that does so does it: confined, in parallel, its progress shown.

use std::{
    env, io,
    num::NonZero,
    path::{Path, PathBuf},
};

use event::Detector;
use evidence::{Format, Limits, Progress, Scan, Sink, Tally};

use crate::{confine::confine, destination::Destination, progress};

/// What is read, and how.
pub struct Reading<'a> {
    /// Files, folders, archives; `-` is standard input.
    pub paths: &'a [PathBuf],
    /// What is read beside them and is no evidence.
    pub readable: &'a [PathBuf],
    pub formats: &'a [Box<dyn Format>],
    /// Where reports go, which are no evidence.
    pub outputs: &'a [&'a Destination],
    /// Whether pieces are hashed.
    pub hash: bool,
    pub threads: usize,
    /// Whether progress is not shown.
    pub quiet: bool,
}

impl Reading<'_> {
    /// Gives up the right to anything but what is read and written, and shows the sink what comes of all evidence.
    pub fn run<D: Detector>(&self, detector: impl Fn() -> D + Sync, sink: &mut dyn Sink) -> io::Result<Tally> {
        self.confine();
        let progress = Progress::default();
        let no_evidence: Vec<PathBuf> = self.outputs.iter().flat_map(|output| output.files()).collect();
        let scan = Scan {
            formats: self.formats,
            limits: Limits::default(),
            no_evidence: &no_evidence,
            hash: self.hash,
            threads: self.threads,
            progress: &progress,
        };
        progress::during(!self.quiet, &progress, || scan.run(self.paths, detector, sink))
    }

    fn confine(&self) {
        let readable: Vec<PathBuf> =
            self.paths.iter().chain(self.readable).filter(|path| path.as_os_str() != "-").cloned().collect();
        let temporary = env::temp_dir();
        let writable: Vec<&Path> =
            self.outputs.iter().filter_map(|output| output.folder()).chain([temporary.as_path()]).collect();
        confine(&readable, &writable);
    }
}

/// How many threads to use: as many as wanted, or as there are processors.
pub fn threads(wanted: Option<NonZero<usize>>) -> usize {
    wanted.or(std::thread::available_parallelism().ok()).map_or(1, Into::into)
}
