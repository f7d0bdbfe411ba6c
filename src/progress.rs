//! How far a long work is, on a terminal.

use std::{
    io::IsTerminal,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use evidence::Progress;
use indicatif::{BinaryBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows progress on standard error while `work` runs, if that is a terminal and `wanted`.
pub fn during<T>(wanted: bool, progress: &Progress, work: impl FnOnce() -> T) -> T {
    if !wanted || !std::io::stderr().is_terminal() {
        return work();
    }
    let done = (Mutex::new(false), Condvar::new());
    std::thread::scope(|scope| {
        scope.spawn(|| show(progress, &done));
        // The thread that shows must end even if the work panics.
        let _end = End(&done);
        work()
    })
}

struct End<'a>(&'a (Mutex<bool>, Condvar));

impl Drop for End<'_> {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }
}

fn show(progress: &Progress, (done, changed): &(Mutex<bool>, Condvar)) {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {msg}") {
        bar.set_style(style);
    }
    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
    while !*done {
        let of = |count: &AtomicU64| count.load(Relaxed);
        bar.set_length(of(&progress.bytes_total).max(1));
        bar.set_position(of(&progress.bytes_done));
        bar.set_message(format!(
            "{} of {}, {} of {} files, {} records, {} findings",
            BinaryBytes(of(&progress.bytes_done)),
            BinaryBytes(of(&progress.bytes_total)),
            HumanCount(of(&progress.files_done)),
            HumanCount(of(&progress.files_total)),
            HumanCount(of(&progress.records)),
            HumanCount(of(&progress.findings)),
        ));
        (done, _) = changed.wait_timeout(done, Duration::from_millis(100)).unwrap_or_else(PoisonError::into_inner);
    }
    bar.finish_and_clear();
}
