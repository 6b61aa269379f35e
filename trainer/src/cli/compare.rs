//! `mamlet compare`.

use std::path::PathBuf;

use burn::tensor::backend::Backend;
use clap::{Args, ValueEnum};

use super::episode_flags::{Episodes, OtherTasks};
use super::evaluate::{Display, load};
use super::flags::{Compute, Format};
use super::tables::{episodes, setting, value};
use super::{Usage, exit, output};
use crate::data::counted;
use crate::device::{DeviceChoice, Job, dispatch};
use crate::evaluate::{
    Compared, ComparedRun, Comparison, EvaluateError, Evaluation, Interval, Measure, Paired,
    compare,
};
use crate::model::TrainedModel;

/// Whether runs differ: paired differences on the same tasks, with intervals.
///
/// Every run is compared with the first, each after its own number of inner
/// steps. The difference is taken task by task, so what makes a task hard for
/// both does not widen its 95 % interval. An interval that excludes 0 is a difference
/// that other test tasks would show too, or other people and devices where every task
/// is of one; what other seeds of training would give it cannot tell.
#[derive(Debug, Args)]
#[command(
    mut_arg("json", |json| json.help("Print one JSON object instead of tables")),
    mut_arg("baselines", |baselines| baselines.hide(true)),
    after_help = "\
Examples:
  mamlet compare runs/omniglot runs/omniglot-first-order --shots 1
  mamlet compare runs/a runs/b runs/c --tasks 6000 --setting inductive --json
  mamlet compare runs/sensors runs/devices \\
      --on trainer/configs/calibration/calibration-ocean-thermometer.toml")]
pub(super) struct Arguments {
    /// Run directories, or configs that were trained into their usual place; the
    /// first is the one that the others are compared with
    #[arg(required = true, num_args = 2.., value_name = "RUN|CONFIG")]
    runs: Vec<PathBuf>,
    #[command(flatten)]
    episodes: Episodes,
    #[command(flatten)]
    other_tasks: OtherTasks,
    /// At most so many inner steps; runs without a number of their own take as
    /// many [default: 10]
    #[arg(long)]
    steps: Option<usize>,
    /// What to compare [default: accuracy with classes, else loss]
    #[arg(long, value_enum)]
    by: Option<By>,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    format: Format,
}

/// `--by`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Loss,
    Accuracy,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        if self.episodes.baselines.is_some() {
            let why = "--baselines: the first run is what others are compared with; `mamlet \
                       evaluate` has baselines";
            return Err(Usage::new(why));
        }
        let models = load(&self.runs, self.episodes.ways)?;
        let on = self.other_tasks.tasks()?;
        let evaluation = self.episodes.evaluation(&models, self.steps, on)?;
        let classes = models
            .first()
            .map(|(_, model)| model.config.tasks.classes());
        let by = match (self.by, classes.flatten()) {
            (Some(By::Loss), _) | (None, None) => Measure::Loss,
            (Some(By::Accuracy), _) | (None, Some(_)) => Measure::Accuracy,
        };
        let comparison = execute(&models, &evaluation, by, self.compute.device)?;
        self.format.print(|| &comparison, || render(&comparison))?;
        Ok(exit::SUCCESS)
    }
}

fn execute(
    models: &[(String, TrainedModel)],
    evaluation: &Evaluation,
    by: Measure,
    device: DeviceChoice,
) -> anyhow::Result<Comparison> {
    struct Work<'a>(&'a [(String, TrainedModel)], &'a Evaluation, Measure);

    impl Job for Work<'_> {
        type Output = Result<Comparison, EvaluateError>;

        fn run<B: Backend>(self, device: B::Device) -> Self::Output {
            let mut display = Display::new();
            let Work(models, evaluation, by) = self;
            compare::<B>(models, evaluation, by, &device, |progress| {
                display.show(progress);
            })
        }
    }

    Ok(dispatch(device, Work(models, evaluation, by))??)
}

fn render(comparison: &Comparison) -> String {
    let measure = comparison.measure;
    let Comparison {
        split,
        tasks,
        ways,
        units,
        seed,
        ..
    } = *comparison;
    let mut text = format!(
        "{}, mean with 95 % interval over {}, and its paired difference to the first run; {}",
        measure.name(),
        Interval::over_what(units),
        episodes(split, tasks, ways, seed)
    );
    for set in &comparison.sets {
        text += &format!("\n\n{}", table(set, measure, ways.is_some()));
    }
    text += "\n\n";
    for run in comparison.sets.first().map_or(&[][..], |set| &set.runs) {
        text += &format!(
            "{}: {}, seed {}, parameters of iteration {}, {}\n",
            run.title,
            run.run,
            run.seed,
            run.iteration,
            run.chosen.words()
        );
    }
    text.trim_end().to_owned()
}

fn table(set: &Compared, measure: Measure, classes: bool) -> String {
    let per = if classes { "class" } else { "task" };
    let queries = counted(set.queries, "query");
    let mut first = format!("K = {}, {queries} per {per}", set.shots);
    let setting = setting(&set.settings);
    if !setting.is_empty() {
        first += &format!(", {setting}");
    }
    let head = [first.as_str(), "steps", "mean", "difference", "excludes 0"].map(str::to_owned);
    let rows: Vec<Vec<String>> = set.runs.iter().map(|run| row(run, measure)).collect();
    output::table(&head, &rows)
}

fn row(run: &ComparedRun, measure: Measure) -> Vec<String> {
    let scale = measure.scale();
    let scaled = run.value.map(|value| value.scaled(scale));
    let (difference, excludes) = match run.difference {
        None => (String::new(), String::new()),
        Some(Paired {
            difference,
            excludes_zero,
        }) => (
            format!(
                "{}{}",
                if difference.mean > 0.0 { "+" } else { "" },
                value(Some(difference.scaled(scale)), measure)
            ),
            if excludes_zero { "yes" } else { "no" }.to_owned(),
        ),
    };
    vec![
        run.title.clone(),
        run.steps.to_string(),
        value(scaled, measure),
        difference,
        excludes,
    ]
}
