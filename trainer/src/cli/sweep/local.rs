//! Trainings as processes of this machine.

use std::collections::VecDeque;
use std::fs::File;
use std::num::NonZeroUsize;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;

use super::Plan;
use crate::cli::interrupt::Heed;
use crate::notice::say;
use crate::run::State;

/// How trainings ended.
pub(super) struct Ended {
    /// The runs that failed.
    pub failed: Vec<usize>,
    /// Whether they were asked to stop.
    pub stopped: bool,
}

/// A training that runs.
struct Training {
    cell: usize,
    child: Child,
    /// Whether it was told to stop.
    told: bool,
}

/// How often the trainings are looked at.
const PAUSE: Duration = Duration::from_millis(50);

/// Trains the runs that are not finished, so many at once.
pub(super) fn train(plan: &Plan, mine: &[usize], jobs: NonZeroUsize) -> anyhow::Result<Ended> {
    let heed = Heed::signals()?;
    let open = |&cell: &usize| plan.state(cell) != Some(State::Finished);
    let mut waiting: VecDeque<usize> = mine.iter().copied().filter(open).collect();
    let total = waiting.len();
    let done = mine.len() - total;
    if done > 0 {
        say(format_args!(
            "{done} of {} runs have finished before",
            mine.len()
        ));
    }
    std::fs::create_dir_all(&plan.folder)
        .with_context(|| format!("cannot create {}", plan.folder.display()))?;
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = (cores / jobs.get().min(total.max(1))).max(1);
    let mut running: Vec<Training> = Vec::new();
    let mut failed = Vec::new();
    let mut ended = 0;
    loop {
        let stopping = heed.flag().load(Ordering::Relaxed);
        while !stopping && running.len() < jobs.get() {
            let Some(cell) = waiting.pop_front() else {
                break;
            };
            running.push(start(plan, cell, threads)?);
        }
        if running.is_empty() {
            break;
        }
        if stopping {
            running.iter_mut().for_each(Training::stop);
        }
        let mut left = Vec::with_capacity(running.len());
        for mut training in running {
            match training.child.try_wait()? {
                None => left.push(training),
                Some(status) => {
                    ended += 1;
                    let name = &plan.cells[training.cell].name;
                    let how = match (status.success(), stopping) {
                        (true, _) => "finished",
                        (false, true) => "stopped",
                        (false, false) => {
                            failed.push(training.cell);
                            "failed"
                        }
                    };
                    say(format_args!("{ended} of {total}: {name} {how}"));
                }
            }
        }
        running = left;
        std::thread::sleep(PAUSE);
    }
    Ok(Ended {
        failed,
        stopped: heed.flag().load(Ordering::Relaxed),
    })
}

/// Starts the training of a run, which prints into its log.
fn start(plan: &Plan, cell: usize, threads: usize) -> anyhow::Result<Training> {
    let log = plan.log(cell);
    let create = || File::create(&log).with_context(|| format!("cannot write {}", log.display()));
    let out = create()?;
    let err = out.try_clone()?;
    let mut command = Command::new(std::env::current_exe()?);
    let given = crate::locations::given_on_command_line();
    for (flag, place) in [("--data", given.data), ("--cache", given.cache)] {
        command.args(
            place
                .iter()
                .flat_map(|place| [flag.as_ref(), place.as_os_str()]),
        );
    }
    command
        .args(plan.words(cell))
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        // Of the products of matrices and of tasks alike.
        .env("RAYON_NUM_THREADS", threads.to_string());
    let child = command.spawn().context("cannot start a training")?;
    Ok(Training {
        cell,
        child,
        told: false,
    })
}

impl Training {
    /// Tells it, once, to finish its iteration and leave a checkpoint.
    fn stop(&mut self) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        // A terminal has told it already; whoever sent a signal to this process has not.
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process};
            // One that has ended meanwhile needs no telling.
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        }
    }
}
