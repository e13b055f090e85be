//! A progress bar on stderr, shown only on a terminal and only when the work takes more than two seconds.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const DELAY: Duration = Duration::from_secs(2);

/// Shared by worker threads; draws nothing until [`DELAY`] has passed.
pub struct Progress {
    started: Instant,
    wanted: bool,
    what: &'static str,
    bar: Mutex<Option<ProgressBar>>,
}

impl Progress {
    pub fn new(what: &'static str, quiet: bool) -> Progress {
        Progress { started: Instant::now(), wanted: !quiet && std::io::stderr().is_terminal(), what, bar: Mutex::new(None) }
    }

    /// Takes (done, total).
    pub fn tick(&self, done: u64, total: u64) {
        if !self.wanted || self.started.elapsed() < DELAY {
            return;
        }
        let mut slot = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = slot.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8));
            let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}").unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.with_style(style).with_message(self.what)
        });
        bar.set_length(total);
        bar.set_position(done);
    }

    pub fn finish(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }
}
