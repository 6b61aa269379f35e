//! `mamlet train`.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use burn::tensor::backend::Backend;
use clap::Args;

use super::flags::{Compute, Experiment, Format};
use super::interrupt::Heed;
use super::progress::Progress;
use super::{Usage, advice, exit};
use crate::algorithms::Algorithm;
use crate::config::Config;
use crate::data::counted;
use crate::device::{DeviceChoice, Job, check, dispatch};
use crate::evaluate::ChosenIteration;
use crate::model::TrainedModel;
use crate::notice::{notice, say};
use crate::run::{Line, Manifest, Outcome, RunDir, RunError};
use crate::shell;
use crate::tasks::TaskSource;
use crate::train::{End, Event, TrainError, open, train_on};

/// Train an experiment into a run directory.
///
/// Everything the result depends on (resolved config, seed, source revision,
/// device) is written before the first iteration. Ctrl-C finishes the
/// iteration, leaves a checkpoint and says how to go on; so do SIGTERM and SIGHUP.
/// --resume then gives exactly what an uninterrupted run would have given, on the same
/// data. A directory is written by one command at a time.
#[derive(Debug, Args)]
#[command(
    mut_arg("json", |json| {
        json.help("Print the outcome as one JSON object, and progress to standard error only")
    }),
    after_help = "\
Examples:
  mamlet train trainer/configs/paper/sinusoid.toml
  mamlet train trainer/configs/paper/sinusoid.toml --set meta.iterations=1000 --set name=short
  mamlet train --resume --run runs/sinusoid
  mamlet train trainer/configs/paper/sinusoid.toml --tensorboard")]
pub(super) struct Arguments {
    /// The experiment, a TOML file. With --resume and --run it may be left out:
    /// the run holds its own config.
    config: Option<PathBuf>,
    #[command(flatten)]
    experiment: Experiment,
    #[command(flatten)]
    compute: Compute,
    /// Go on from the latest checkpoint; config and data must be unchanged
    #[arg(long, conflicts_with = "overwrite")]
    resume: bool,
    /// Replace an existing run, which stands until the new one has a checkpoint
    #[arg(long)]
    overwrite: bool,
    /// Write the metrics for TensorBoard too, into the run directory: tensorboard --logdir runs
    #[arg(long)]
    tensorboard: bool,
    #[command(flatten)]
    format: Format,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        check(self.compute.device)?;
        let (config, path) = self.subject()?;
        let run = match self.resume {
            true => RunDir::resume(&path, &config)?,
            false => create(&config, &path, self.compute.device, self.overwrite)?,
        };
        if let Some(outcome) = ended(&config, &run)? {
            (self.format).print(|| &outcome, || self.has_ended(&config, &path, &outcome))?;
            return Ok(exit::SUCCESS);
        }
        let tasks = open(&config)?;
        if self.resume {
            run.check_data(tasks.digest().as_ref())
                .map_err(|error| self.on_other_data(error, &path))?;
            say(format_args!("resuming {}", path.display()));
        }
        let mut events = self.tensorboard.then(|| run.events()).transpose()?;
        let mut unwritten = None;
        let end = execute((&config, tasks), &run, self.compute.device, |line| {
            if let Some(Err(error)) = events.as_mut().map(|events| events.write(line)) {
                events = None;
                unwritten = Some(error);
            }
        });
        if let Some(error) = unwritten {
            notice(&format!("TensorBoard is not told all: {error}"));
        }
        let resume = advice::resume(&path, self.compute.device);
        match end.map_err(|error| self.advise(error, &config, &run, &resume))? {
            End::Finished(outcome) => {
                (self.format).print(|| &outcome, || summary(&config, &run, &outcome))?;
                Ok(exit::SUCCESS)
            }
            End::Stopped { iteration } => {
                say(format_args!(
                    "stopped after iteration {iteration}; go on with\n  {resume}"
                ));
                Ok(exit::INTERRUPTED)
            }
        }
    }

    /// The config, and the directory of its run.
    fn subject(&self) -> anyhow::Result<(Config, PathBuf)> {
        match (&self.config, &self.experiment.run) {
            (Some(run), _) if run.join("config.toml").is_file() => Err(Usage::new(format!(
                "{} is a run, not a config; go on with it by\n  {}",
                run.display(),
                advice::resume(run, self.compute.device)
            ))),
            (Some(file), _) => {
                let config = self.experiment.load(file)?;
                let path = self.experiment.run_path(&config);
                Ok((config, path))
            }
            (None, Some(path)) if self.resume => {
                let sets = &self.experiment.overrides.sets;
                Ok((RunDir::open(path)?.config_with(sets)?, path.clone()))
            }
            _ => Err(Usage::new(
                "name a config, or a run to go on with: --resume --run DIR",
            )),
        }
    }

    /// The config as a word of a command: its file, or that of its run.
    fn config_file(&self, run: &Path) -> PathBuf {
        let own = || run.join("config.toml");
        self.config.clone().unwrap_or_else(own)
    }

    /// The command that trains the same with one value changed.
    fn with(&self, run: &Path, key: &str, value: impl ToString, more: &[&str]) -> String {
        let mut words = vec!["train".to_owned(), shell::word(&self.config_file(run))];
        let changed = format!("{key}={}", value.to_string());
        let of_key = |set: &&String| set.split('=').next().map(str::trim) == Some(key);
        let sets = self.experiment.overrides.sets.iter();
        for set in sets.filter(|set| !of_key(set)).chain([&changed]) {
            words.extend(["--set".to_owned(), set.clone()]);
        }
        words.extend(more.iter().map(|&word| word.to_owned()));
        words.extend(advice::device(self.compute.device));
        shell::command(words)
    }

    /// What to say of a run that is at its end.
    fn has_ended(&self, config: &Config, path: &Path, outcome: &Outcome) -> String {
        let word = shell::word(path);
        let (counting, count) = config.method.length(config);
        let mut text = format!(
            "{} has ended: {count} {counting}, parameters of iteration {}; there is nothing to go on \
             with\n  {}\n  {}",
            path.display(),
            outcome.chosen_iteration,
            shell::command(["evaluate", &word]),
            shell::command(["export", &word]),
        );
        if counting == "iterations" && count > 0 {
            let longer = format!("{word}-longer");
            let more = ["--run", &longer];
            text += &format!(
                "\nmore iterations are another run, such as\n  {}",
                self.with(path, "meta.iterations", 2 * count, &more)
            );
        }
        text
    }

    /// What to tell someone who goes on with a run whose data are others: going on is
    /// for its own, and its config trains another run on these.
    fn on_other_data(&self, error: RunError, path: &Path) -> anyhow::Error {
        if !matches!(error, RunError::OtherData { .. }) {
            return error.into();
        }
        let config = shell::word(&path.join("config.toml"));
        let place = shell::word(path);
        let again = |place: &str, more: &[&str]| {
            let words = ["train", &config, "--run", place].into_iter();
            let words = words.chain(more.iter().copied()).map(str::to_owned);
            shell::command(words.chain(advice::device(self.compute.device)))
        };
        anyhow::anyhow!(
            "{error}\nso it cannot be resumed; put its data back as they were, or train on these \
             in another place or in its own\n  {}\n  {}",
            again(&format!("{place}-again"), &[]),
            again(&place, &["--overwrite"]),
        )
    }

    /// What to tell someone whose training failed.
    fn advise(
        &self,
        error: anyhow::Error,
        config: &Config,
        run: &RunDir,
        resume: &str,
    ) -> anyhow::Error {
        if let Some(TrainError::Diverged { .. }) = error.downcast_ref() {
            let (key, value) = advice::lower_rate(config, run);
            let place = shell::word(run.path());
            let own_place = self.experiment.run.is_none() && self.config.is_some();
            let more = ["--overwrite", "--run", &place];
            let again = self.with(
                run.path(),
                key,
                value,
                &more[..if own_place { 1 } else { 3 }],
            );
            return anyhow::anyhow!("{error}; start again with a lower rate:\n  {again}");
        }
        match run.latest_checkpoint() {
            Ok(Some(checkpoint)) => error.context(format!(
                "training stopped; the checkpoint of iteration {} stands, go on with\n  {resume}\n\
                 cause",
                checkpoint.iteration
            )),
            _ => error.context("training stopped before the first checkpoint"),
        }
    }
}

/// The outcome of a run that is at its end.
pub(super) fn ended(config: &Config, run: &RunDir) -> anyhow::Result<Option<Outcome>> {
    let Some(outcome) = run.outcome() else {
        return Ok(None);
    };
    let (_, total) = config.method.length(config);
    let checkpoint = run.latest_checkpoint()?;
    let at_its_end = checkpoint.is_some_and(|checkpoint| checkpoint.iteration >= total);
    Ok(at_its_end.then_some(outcome))
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

/// Trains on what [`open`] gave, on the chosen device, showing progress and heeding signals.
/// `record` is given each line of metrics.
pub(super) fn execute(
    (config, tasks): (&Config, TaskSource),
    run: &RunDir,
    device: DeviceChoice,
    record: impl FnMut(&Line),
) -> anyhow::Result<End> {
    struct Training<'a, R> {
        config: &'a Config,
        tasks: TaskSource,
        run: &'a RunDir,
        stop: &'a AtomicBool,
        progress: Progress,
        record: R,
    }

    impl<R: FnMut(&Line)> Job for Training<'_, R> {
        type Output = Result<End, TrainError>;

        fn run<B: Backend>(mut self, device: B::Device) -> Self::Output {
            let what = (self.config, self.tasks);
            train_on::<B>(what, self.run, device, self.stop, |event| {
                if let Event::Metrics(line) = event {
                    (self.record)(line);
                }
                self.progress.show(event);
            })
        }
    }

    let heed = Heed::signals()?;
    let (_, total) = config.method.length(config);
    let progress = Progress::new(total);
    Ok(dispatch(
        device,
        Training {
            config,
            tasks,
            run,
            stop: heed.flag(),
            progress,
            record,
        },
    )??)
}

fn summary(config: &Config, run: &RunDir, outcome: &Outcome) -> String {
    let (counting, _) = config.method.length(config);
    if outcome.validation.is_empty() {
        return format!(
            "{}: {} {counting} in {:.1} s\n{}",
            config.name,
            outcome.iterations_here,
            outcome.seconds,
            run.path().display()
        );
    }
    let each = outcome.seconds * 1e3 / outcome.iterations_here.max(1) as f64;
    let what = match config.tasks.acts() {
        true => "validation return",
        false => "validation loss",
    };
    let validation: Vec<String> = [0, 1, 5, 10]
        .iter()
        .filter_map(|&step| Some((step, (*outcome.validation.get(step)?)?)))
        .map(|(step, loss)| format!("{loss:.3} after {}", counted(step, "step")))
        .collect();
    let kept = match outcome.chosen_iteration {
        0 => "0, before any training".to_owned(),
        chosen => chosen.to_string(),
    };
    format!(
        "{}: {} {counting} in {:.1} s ({each:.3} ms each)\nkept: parameters of iteration {kept}, {}; \
         {what} {}\n{}",
        config.name,
        outcome.iterations_here,
        outcome.seconds,
        ChosenIteration::of(config).words(),
        validation.join(", "),
        run.path().display()
    )
}
