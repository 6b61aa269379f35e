//! `mamlet evaluate`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::tensor::backend::Backend;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::episode_flags::{BaselinesChoice, Episodes, OtherTasks};
use super::flags::{Compute, Format};
use super::needed::{There, needed};
use super::tables::render;
use super::{Usage, exit, find_run};
use crate::algorithms::Algorithm;
use crate::baselines::networks;
use crate::device::{DeviceChoice, Job, check, dispatch};
use crate::evaluate::{
    EvaluateError, Evaluation, Folds, Progress, Report, check as check_evaluation, evaluate,
    evaluate_folds,
};
use crate::model::TrainedModel;
use crate::run::{Lock, RunDir};
use crate::tasks::TasksConfig;

/// Compare runs on the same tasks: error after each inner step, with intervals.
///
/// Every run sees the same test tasks, support sets and query sets. The value is
/// the mean query loss over the tasks, or their mean accuracy where they have
/// classes, with its 95 % interval: over tasks, or over people or devices where every
/// task is of one. Methods without an inner
/// loop of their own get the best of their candidate rates, chosen on separate
/// validation tasks for each K.
///
/// Where batch norms use the statistics of their batch, it matters what else is in
/// it. Device: each query alone, as the engine predicts it. Transductive: all
/// queries of a task are one batch, as in Finn et al. 2017. Inductive: each query is
/// predicted in a batch with the support set, as in Nichol et al. 2018; measured
/// after the run's own number of steps. Runs are judged as on a device, without the
/// steps that the engine takes back, unless their config names another setting, and
/// then a row of what a device does stands beside it. Runs that differ in nothing but
/// their seed get a row with their mean.
///
/// `mamlet episode` with the same --shots, --queries and --seed writes the same tasks,
/// for `mamlet-sim replay`.
#[derive(Debug, Args)]
#[command(
    mut_arg("json", |json| json.help("Print one JSON object instead of tables")),
    after_help = "\
Examples:
  mamlet evaluate runs/sinusoid runs/pretraining
  mamlet evaluate trainer/configs/paper/sinusoid*.toml --json > report.json
  mamlet evaluate runs/sinusoid --tasks 600 --shots 5 --steps 10
  mamlet evaluate runs/omniglot --shots 1 --queries 1,5,15 --setting inductive
  mamlet evaluate runs/gestures-new-classes --tasks 2000 --shots 1,2 --queries 3 --baselines trained
  mamlet evaluate runs/sensors \\
      --on trainer/configs/calibration/calibration-ocean-thermometer.toml")]
pub(super) struct Arguments {
    /// Run directories, or configs that were trained into their usual place
    #[arg(required = true, value_name = "RUN|CONFIG")]
    runs: Vec<PathBuf>,
    #[command(flatten)]
    episodes: Episodes,
    #[command(flatten)]
    other_tasks: OtherTasks,
    /// Inner steps [default: 10, with classes as many as each run is meant to
    /// take]
    #[arg(long)]
    steps: Option<usize>,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    format: Format,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let on = self.other_tasks.tasks()?;
        let (episodes, device) = (&self.episodes, self.compute.device);
        let Some((models, evaluation)) = prepare(&self.runs, episodes, self.steps, on, device)?
        else {
            return Ok(exit::INTERRUPTED);
        };
        let report = execute(&models, &evaluation, self.compute.device)?;
        self.format.print(|| &report, || render(&report))?;
        Ok(exit::SUCCESS)
    }
}

/// Models, each with the place it comes from.
pub(super) type Models = Vec<(String, TrainedModel)>;

/// Runs and how they are evaluated, with the baselines that are trained like the first run
/// where those are asked for; `None` if their training was interrupted.
///
/// # Errors
/// What evaluating would refuse, before anything is trained.
pub(super) fn prepare(
    runs: &[PathBuf],
    episodes: &Episodes,
    steps: Option<usize>,
    on: Option<TasksConfig>,
    device: DeviceChoice,
) -> anyhow::Result<Option<(Models, Evaluation)>> {
    check(device)?;
    let mut models = load(runs, episodes.ways)?;
    let evaluation = episodes.evaluation(&models, steps, on)?;
    if episodes.baselines == Some(BaselinesChoice::Trained) {
        anyhow::ensure!(
            episodes.ways.is_none(),
            Usage(
                "--baselines trained goes with the run's own number of classes; leave --ways out"
                    .into()
            )
        );
        check_evaluation(&models, &evaluation)?;
        match trained_baselines(&models[0].0, device)? {
            Some(baselines) => models.extend(baselines),
            None => return Ok(None),
        }
    }
    Ok(Some((models, evaluation)))
}

/// The results of runs, each with the place it comes from. A classifier comes
/// twice: as it adapts, and with its head alone adapting. For tasks of `ways`
/// classes, if that is given.
pub(super) fn load(runs: &[PathBuf], ways: Option<usize>) -> anyhow::Result<Models> {
    let mut models = Vec::new();
    for path in runs {
        let run = find_run(path)?;
        let (name, mut model) = (run.display().to_string(), TrainedModel::load(&run)?);
        if let Some(ways) = ways {
            model = model.with_ways(ways)?;
        }
        let head_only = model.head_only()?;
        models.push((name.clone(), model));
        models.extend(head_only.map(|model| (name, model)));
    }
    Ok(models)
}

/// Networks like a run's that are trained otherwise, in RUN/baselines; `None` if
/// their training was interrupted.
fn trained_baselines(run: &str, device: DeviceChoice) -> anyhow::Result<Option<Models>> {
    let all = networks(&RunDir::open(Path::new(run))?.config()?);
    if all.is_empty() {
        eprintln!("{run}: no dense layer last, or a context layer, so no baselines are trained");
    }
    let folder = Path::new(run).join("baselines");
    let _lock = Lock::acquire(&folder)?;
    let mut models = Vec::new();
    for (name, config) in all {
        let path = folder.join(name);
        let model = if !config.method.properties().trains {
            TrainedModel::initial(config)?
        } else {
            match needed(&config, &path, device, There::Renewed)? {
                Some(model) => model,
                None => return Ok(None),
            }
        };
        let head_only = model.head_only()?;
        let name = path.display().to_string();
        models.push((name.clone(), model));
        models.extend(head_only.map(|model| (name, model)));
    }
    Ok(Some(models))
}

/// Evaluates on the chosen device, showing how far it is.
pub(super) fn execute(
    models: &[(String, TrainedModel)],
    evaluation: &Evaluation,
    device: DeviceChoice,
) -> anyhow::Result<Report> {
    let job = EvaluationJob {
        of: Of::Runs(models),
        evaluation,
    };
    Ok(dispatch(device, job)??)
}

/// Evaluates cross-validations likewise.
pub(super) fn execute_folds(
    splits: &[Folds],
    evaluation: &Evaluation,
    device: DeviceChoice,
) -> anyhow::Result<Report> {
    let job = EvaluationJob {
        of: Of::Folds(splits),
        evaluation,
    };
    Ok(dispatch(device, job)??)
}

struct EvaluationJob<'a> {
    of: Of<'a>,
    evaluation: &'a Evaluation,
}

/// What is evaluated.
enum Of<'a> {
    Runs(&'a [(String, TrainedModel)]),
    Folds(&'a [Folds]),
}

impl Job for EvaluationJob<'_> {
    type Output = Result<Report, EvaluateError>;

    fn run<B: Backend>(self, device: B::Device) -> Self::Output {
        let mut display = Display::new();
        let show = |progress: Progress<'_>| display.show(progress);
        match self.of {
            Of::Runs(models) => evaluate::<B>(models, self.evaluation, &device, show),
            Of::Folds(splits) => evaluate_folds::<B>(splits, self.evaluation, &device, show),
        }
    }
}

/// A bar on a terminal, a line now and then elsewhere.
pub(super) struct Display {
    bar: Option<ProgressBar>,
    shown: Instant,
}

impl Display {
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta} left {msg}")
                // The template is constant and tested by every run.
                .expect("a valid template");
            ProgressBar::new(0).with_style(style)
        });
        Self {
            bar,
            shown: Instant::now(),
        }
    }

    pub(super) fn show(&mut self, progress: Progress<'_>) {
        let Progress { title, done, tasks } = progress;
        if let Some(bar) = &self.bar {
            if (done as u64) < bar.position() {
                bar.reset_eta();
            }
            bar.set_length(tasks as u64);
            bar.set_position(done as u64);
            bar.set_message(title.to_owned());
        } else if self.shown.elapsed() > Duration::from_secs(10) {
            self.shown = Instant::now();
            eprintln!("evaluating {title}: {done}/{tasks} tasks");
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
