//! How far training is.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::notice::{notice, say};
use crate::run::{Line, Returns};
use crate::train::Event;

/// A bar with rate and time left on a terminal, a line now and then elsewhere.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    total: u64,
    first: Option<u64>,
    /// Steps taken in environments when the first line was shown.
    first_steps: Option<u64>,
    started: Instant,
    shown: Instant,
}

impl Progress {
    /// Of `total` iterations.
    pub(super) fn new(total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{wide_bar} {pos}/{len} {per_sec} {eta} left {msg}")
                    // The template is constant and tested by every run.
                    .expect("a valid template");
            ProgressBar::new(total).with_style(style)
        });
        let now = Instant::now();
        Self {
            bar,
            total,
            first: None,
            first_steps: None,
            started: now,
            shown: now,
        }
    }

    /// Shows how far training is.
    pub(super) fn show(&mut self, event: Event<'_>) {
        match event {
            Event::Note(note) => notice(note),
            Event::Iteration(done) => {
                if self.first.is_none() {
                    self.first = Some(done - 1);
                    self.started = Instant::now();
                    if let Some(bar) = &self.bar {
                        bar.set_position(done - 1);
                        bar.reset_eta();
                    }
                }
                if let Some(bar) = &self.bar {
                    bar.set_position(done);
                    if done == self.total {
                        bar.finish();
                    }
                }
            }
            Event::Metrics(line) => self.metrics(line),
            Event::Checkpoint(_) => {}
        }
    }

    fn metrics(&mut self, line: &Line) {
        let what = match (&line.returns, line.loss) {
            (Some(returns), _) => self.returns(returns),
            (None, Some(loss)) => format!("loss {loss:.4}"),
            (None, None) => return,
        };
        if let Some(bar) = &self.bar {
            bar.set_message(what);
            return;
        }
        if self.shown.elapsed() < Duration::from_secs(10) && line.iteration < self.total {
            return;
        }
        self.shown = Instant::now();
        let done = line.iteration - self.first.unwrap_or(0);
        let each = self.started.elapsed().as_secs_f64() / done.max(1) as f64;
        let left = Duration::from_secs_f64(each * (self.total - line.iteration) as f64);
        say(format_args!(
            "iteration {}/{}  {what}  {:.3} ms each  {:.0} s left",
            line.iteration,
            self.total,
            each * 1e3,
            left.as_secs_f64()
        ));
    }

    /// Returns before and after adaptation, and how fast environments are stepped, all that
    /// training does included.
    fn returns(&mut self, returns: &Returns) -> String {
        let taken = returns.environment_steps;
        let first = *self.first_steps.get_or_insert(taken);
        let seconds = self.started.elapsed().as_secs_f64();
        let mut text = match returns.mean[..] {
            [only] => format!("return {only:.2}"),
            [before, .., after] => format!("return {before:.2} before, {after:.2} after"),
            [] => String::new(),
        };
        if taken > first {
            let rate = (taken - first) as f64 / seconds.max(1e-9);
            text += &format!("  {rate:.0} environment steps/s");
        }
        text
    }
}
