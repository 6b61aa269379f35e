//! `mamlet train`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use burn::tensor::backend::Backend;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::exit;
use super::flags::{Compute, Experiment, Format};
use crate::algorithms::Algorithm;
use crate::config::Config;
use crate::device::{DeviceChoice, Job, check, dispatch};
use crate::evaluate::ChosenIteration;
use crate::model::TrainedModel;
use crate::run::{Line, Manifest, Outcome, RunDir};
use crate::train::{End, Event, TrainError, train};

/// Train an experiment into a run directory.
///
/// Everything the result depends on (resolved config, seed, source revision,
/// device) is written before the first iteration. Ctrl-C finishes the
/// iteration, leaves a checkpoint and says how to go on; --resume then gives
/// exactly what an uninterrupted run would have given.
#[derive(Debug, Args)]
#[command(
    mut_arg("json", |json| {
        json.help("Print the outcome as one JSON object, and progress to standard error only")
    }),
    after_help = "\
Examples:
  mamlet train trainer/configs/paper/sinusoid.toml
  mamlet train trainer/configs/paper/sinusoid.toml --set meta.iterations=1000 --set name=short
  mamlet train --resume --run runs/sinusoid")]
pub(super) struct Arguments {
    /// The experiment, a TOML file. With --resume and --run it may be left out:
    /// the run holds its own config.
    config: Option<PathBuf>,
    #[command(flatten)]
    experiment: Experiment,
    #[command(flatten)]
    compute: Compute,
    /// Go on from the latest checkpoint; the config must be unchanged
    #[arg(long, conflicts_with = "overwrite")]
    resume: bool,
    /// Replace an existing run
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    format: Format,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        check(self.compute.device)?;
        let (config, path) = match (&self.config, &self.experiment.run) {
            (Some(file), _) => {
                let config = self.experiment.load(file)?;
                let path = self.experiment.run_path(&config);
                (config, path)
            }
            (None, Some(path)) if self.resume => (RunDir::open(path)?.config()?, path.clone()),
            _ => anyhow::bail!("name a config, or a run to go on with: --resume --run DIR"),
        };
        let run = if self.resume {
            let run = RunDir::resume(&path, &config)?;
            eprintln!("resuming {}", path.display());
            run
        } else {
            create(&config, &path, self.compute.device, self.overwrite)?
        };
        let resume = self.resume_command(&path);
        match execute(&config, &run, self.compute.device).with_context(|| hint(&run, &resume))? {
            End::Finished(outcome) => {
                (self.format).print(|| &outcome, || summary(&config, &run, &outcome))?;
                Ok(exit::SUCCESS)
            }
            End::Stopped { iteration } => {
                eprintln!("stopped after iteration {iteration}; go on with\n  {resume}");
                Ok(exit::INTERRUPTED)
            }
        }
    }

    fn resume_command(&self, path: &Path) -> String {
        let device = match self.compute.device {
            DeviceChoice::Cpu => String::new(),
            other => format!(" --device {other}"),
        };
        format!("mamlet train --resume --run {}{device}", path.display())
    }
}

/// What to tell someone whose training failed.
fn hint(run: &RunDir, resume: &str) -> String {
    match run.latest_checkpoint() {
        Ok(Some(checkpoint)) => format!(
            "training stopped; the checkpoint of iteration {} stands, go on with\n  {resume}\ncause",
            checkpoint.iteration
        ),
        _ => "training stopped before the first checkpoint".to_owned(),
    }
}

/// A new run directory, where the run that training is to start from is there.
pub(super) fn create(
    config: &Config,
    path: &Path,
    device: DeviceChoice,
    overwrite: bool,
) -> anyhow::Result<RunDir> {
    if let Some(from) = &config.model.from {
        TrainedModel::load(from).map_err(TrainError::From)?;
    }
    let command = std::env::args().collect();
    let manifest = Manifest::new(config, &device.to_string(), command);
    Ok(RunDir::create(path, config, &manifest, overwrite)?)
}

/// Trains a run that a command needs, or goes on with it if an earlier command was
/// interrupted; `None` if this one is.
pub(super) fn needed(
    config: &Config,
    path: &Path,
    device: DeviceChoice,
) -> anyhow::Result<Option<TrainedModel>> {
    let run = match RunDir::resume(path, config) {
        Ok(run) => run,
        Err(_) => create(config, path, device, true)?,
    };
    if run.outcome().is_some() {
        return Ok(Some(TrainedModel::load(path)?));
    }
    match execute(config, &run, device).with_context(|| format!("training {}", config.name))? {
        End::Finished(_) => Ok(Some(TrainedModel::load(path)?)),
        End::Stopped { .. } => {
            eprintln!("stopped; the same command goes on from here");
            Ok(None)
        }
    }
}

/// Trains on the chosen device, showing progress and heeding Ctrl-C.
pub(super) fn execute(config: &Config, run: &RunDir, device: DeviceChoice) -> anyhow::Result<End> {
    struct Training<'a> {
        config: &'a Config,
        run: &'a RunDir,
        stop: &'a AtomicBool,
        progress: Progress,
    }

    impl Job for Training<'_> {
        type Output = Result<End, TrainError>;

        fn run<B: Backend>(mut self, device: B::Device) -> Self::Output {
            train::<B>(self.config, self.run, device, self.stop, |event| {
                self.progress.show(event);
            })
        }
    }

    let stop = interrupt_flag()?;
    let (_, total) = config.method.length(config);
    let progress = Progress::new(total);
    Ok(dispatch(
        device,
        Training {
            config,
            run,
            stop: &stop,
            progress,
        },
    )??)
}

/// A flag that Ctrl-C sets. A second Ctrl-C ends the program at once.
fn interrupt_flag() -> anyhow::Result<Arc<AtomicBool>> {
    static FLAG: std::sync::OnceLock<Arc<AtomicBool>> = std::sync::OnceLock::new();
    if let Some(flag) = FLAG.get() {
        return Ok(flag.clone());
    }
    let flag = FLAG.get_or_init(Arc::default).clone();
    let handler = flag.clone();
    ctrlc::set_handler(move || {
        if handler.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(exit::INTERRUPTED));
        }
        eprintln!("\nfinishing the iteration; Ctrl-C again to stop at once");
    })
    .context("cannot watch for Ctrl-C")?;
    Ok(flag)
}

/// A bar with rate and time left on a terminal, a line now and then elsewhere.
struct Progress {
    bar: Option<ProgressBar>,
    total: u64,
    first: Option<u64>,
    started: Instant,
    shown: Instant,
}

impl Progress {
    fn new(total: u64) -> Self {
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
            started: now,
            shown: now,
        }
    }

    fn show(&mut self, event: Event<'_>) {
        match event {
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
        let Some(loss) = line.loss else { return };
        if let Some(bar) = &self.bar {
            bar.set_message(format!("loss {loss:.4}"));
            return;
        }
        if self.shown.elapsed() < Duration::from_secs(10) && line.iteration < self.total {
            return;
        }
        self.shown = Instant::now();
        let done = line.iteration - self.first.unwrap_or(0);
        let each = self.started.elapsed().as_secs_f64() / done.max(1) as f64;
        let left = Duration::from_secs_f64(each * (self.total - line.iteration) as f64);
        eprintln!(
            "iteration {}/{}  loss {loss:.4}  {:.3} ms each  {:.0} s left",
            line.iteration,
            self.total,
            each * 1e3,
            left.as_secs_f64()
        );
    }
}

fn summary(config: &Config, run: &RunDir, outcome: &Outcome) -> String {
    let (counted, _) = config.method.length(config);
    if outcome.validation.is_empty() {
        return format!(
            "{}: {} {counted} in {:.1} s\n{}",
            config.name,
            outcome.iterations_here,
            outcome.seconds,
            run.path().display()
        );
    }
    let each = outcome.seconds * 1e3 / outcome.iterations_here.max(1) as f64;
    let validation: Vec<String> = [0, 1, 5, 10]
        .iter()
        .filter_map(|&step| Some((step, (*outcome.validation.get(step)?)?)))
        .map(|(step, loss)| format!("{loss:.3} after {step}"))
        .collect();
    let kept = match outcome.chosen_iteration {
        0 => "0, before any training".to_owned(),
        chosen => chosen.to_string(),
    };
    format!(
        "{}: {} {counted} in {:.1} s ({each:.3} ms each)\nkept: parameters of iteration {kept}, {}; \
         validation loss {} steps\n{}",
        config.name,
        outcome.iterations_here,
        outcome.seconds,
        ChosenIteration::of(config).words(),
        validation.join(", "),
        run.path().display()
    )
}
