//! `mamlet plot`.

use std::path::PathBuf;

use anyhow::Context;
use burn::tensor::backend::Backend;
use clap::{Args, Subcommand};

use super::episode_flags::SettingFlag;
use super::flags::{Compute, Picture};
use super::{episode_flags, evaluate, exit, find_run, output};
use crate::device::{DeviceChoice, Job, dispatch};
use crate::evaluate::{AdaptedSinusoid, EvaluateError, Evaluation, Report, sinusoids};
use crate::model::TrainedModel;
use crate::plot::{CurveFigure, Figure, SinusoidFigure, SinusoidPanel, SinusoidPrediction};
use crate::report::figures::{self, Training};
use crate::run::RunDir;

/// Draw runs as PNG or SVG, as the file's extension says.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mamlet plot curve runs/sinusoid -o curve.svg
  mamlet plot steps runs/sinusoid runs/sinusoid-pretraining --shots 5 -o steps.png
  mamlet plot sinusoids runs/sinusoid runs/sinusoid-pretraining -o sinusoids.png
  mamlet plot sinusoids runs/sinusoid --theme dark -o dark.svg")]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Training and validation loss over the iterations
    Curve(CurveArguments),
    /// Query loss or accuracy against inner steps, with intervals (the paper's
    /// figure 3)
    Steps(StepsArguments),
    /// Single sinusoids before and after adaptation (the paper's figure 2)
    Sinusoids(SinusoidArguments),
}

#[derive(Debug, Args)]
struct CurveArguments {
    /// Run directories, or configs trained into their usual place
    #[arg(required = true, value_name = "RUN|CONFIG")]
    runs: Vec<PathBuf>,
    #[command(flatten)]
    picture: Picture,
}

#[derive(Debug, Args)]
struct StepsArguments {
    /// Run directories, or configs trained into their usual place
    #[arg(value_name = "RUN|CONFIG", required_unless_present = "report")]
    runs: Vec<PathBuf>,
    /// Draw what `mamlet evaluate --json` wrote instead of evaluating
    #[arg(long, value_name = "FILE", conflicts_with = "runs")]
    report: Option<PathBuf>,
    /// Number of support examples, K, of each class if there are classes
    #[arg(long, default_value_t = 5)]
    shots: usize,
    /// Number of test tasks [default: 4000, with classes 600]
    #[arg(long)]
    tasks: Option<usize>,
    /// Inner steps
    #[arg(long, default_value_t = 10)]
    steps: usize,
    #[command(flatten)]
    setting: SettingFlag,
    /// Draw the value on a logarithmic axis
    #[arg(long)]
    log: bool,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    picture: Picture,
}

#[derive(Debug, Args)]
struct SinusoidArguments {
    /// Run directories, or configs trained into their usual place
    #[arg(required = true, value_name = "RUN|CONFIG")]
    runs: Vec<PathBuf>,
    /// Number of support examples, K
    #[arg(long, default_value_t = 5)]
    shots: usize,
    /// Number of test tasks, each in a panel
    #[arg(long, default_value_t = 2)]
    tasks: usize,
    /// Inner steps to show
    #[arg(long, value_delimiter = ',', default_values_t = [0, 1, 10])]
    steps: Vec<usize>,
    /// Seed of the test tasks
    #[arg(long, default_value_t = Evaluation::default().seed)]
    seed: u64,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    picture: Picture,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let Picture { output, theme } = match &self.what {
            What::Curve(arguments) => &arguments.picture,
            What::Steps(arguments) => &arguments.picture,
            What::Sinusoids(arguments) => &arguments.picture,
        };
        let saved = match &self.what {
            What::Curve(arguments) => curve(arguments)?.save(output, *theme),
            What::Steps(arguments) => steps(arguments)?.save(output, *theme),
            What::Sinusoids(arguments) => draw_sinusoids(arguments)?.save(output, *theme),
        };
        saved?;
        output::line(output.display())?;
        Ok(exit::SUCCESS)
    }
}

fn curve(arguments: &CurveArguments) -> anyhow::Result<CurveFigure> {
    let mut runs = Vec::new();
    for path in &arguments.runs {
        let run = RunDir::open(&find_run(path)?)?;
        runs.push((run.config()?, run.read_metrics()?));
    }
    let trainings: Vec<Training<'_>> = (runs.iter())
        .map(|(config, lines)| Training {
            title: &config.title,
            loss: config.inner.loss.name(),
            steps: config.inner.steps,
            lines,
        })
        .collect();
    Ok(figures::losses(&trainings))
}

fn steps(arguments: &StepsArguments) -> anyhow::Result<CurveFigure> {
    let report: Report = match &arguments.report {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            serde_json::from_str(&text)
                .with_context(|| format!("{} is no report of `evaluate`", path.display()))?
        }
        None => {
            episode_flags::check_tasks(arguments.tasks)?;
            let models = evaluate::load(&arguments.runs, None)?;
            let defaults = episode_flags::defaults(&models);
            let evaluation = Evaluation {
                tasks: arguments.tasks.unwrap_or(defaults.tasks),
                steps: Some(arguments.steps),
                shots: vec![arguments.shots],
                settings: arguments.setting.settings(&models)[..1].to_vec(),
                ..defaults
            };
            evaluate::execute(&models, &evaluation, arguments.compute.device)?
        }
    };
    steps_figure(&report, arguments.shots, arguments.log)
}

/// The figure of one number of shots of a report, and of several numbers of queries the
/// first.
pub(super) fn steps_figure(
    report: &Report,
    shots: usize,
    log: bool,
) -> anyhow::Result<CurveFigure> {
    let there = report.shots.iter().map(|entry| entry.shots);
    let entry = report.shots.iter().find(|entry| entry.shots == shots);
    let entry = entry.with_context(|| {
        let there: Vec<usize> = there.collect();
        format!("the report has no K = {shots}, only {there:?}")
    })?;
    Ok(figures::steps(report, entry, log))
}

fn draw_sinusoids(arguments: &SinusoidArguments) -> anyhow::Result<SinusoidFigure> {
    sinusoid_figure(
        &evaluate::load(&arguments.runs, None)?,
        arguments.seed,
        arguments.tasks,
        arguments.shots,
        &arguments.steps,
        arguments.compute.device,
    )
}

/// A panel per model and task.
pub(super) fn sinusoid_figure(
    models: &[(String, TrainedModel)],
    seed: u64,
    tasks: usize,
    shots: usize,
    steps: &[usize],
    device: DeviceChoice,
) -> anyhow::Result<SinusoidFigure> {
    struct Drawing<'a>(&'a TrainedModel, u64, usize, usize, &'a [usize]);

    impl Job for Drawing<'_> {
        type Output = Result<Vec<AdaptedSinusoid>, EvaluateError>;

        fn run<B: Backend>(self, device: B::Device) -> Self::Output {
            let Drawing(model, seed, tasks, shots, steps) = self;
            sinusoids::<B>(model, seed, tasks, shots, steps, &device)
        }
    }

    let points = |curve: &[(f32, f32)]| -> Vec<(f64, f64)> {
        curve
            .iter()
            .map(|&(x, y)| (f64::from(x), f64::from(y)))
            .collect()
    };
    let mut panels = Vec::new();
    for (_, model) in models {
        for adapted in dispatch(device, Drawing(model, seed, tasks, shots, steps))?? {
            let xs = adapted
                .predictions
                .first()
                .map_or(&[][..], |(_, curve)| curve);
            let truth: Vec<(f32, f32)> = xs
                .iter()
                .map(|&(x, _)| (x, adapted.task.value(x)))
                .collect();
            panels.push(SinusoidPanel {
                title: match models {
                    [_] => String::new(),
                    _ => format!("{}, K = {shots}", model.config.title),
                },
                truth: points(&truth),
                support: points(&adapted.support),
                predictions: adapted
                    .predictions
                    .iter()
                    .map(|(steps, curve)| SinusoidPrediction {
                        steps: *steps as u32,
                        curve: points(curve),
                    })
                    .collect(),
            });
        }
    }
    Ok(SinusoidFigure {
        title: "Sinusoids before and after adaptation".into(),
        subtitle: match models {
            [(_, only)] => format!("{}, K = {shots}, test seed {seed}", only.config.title),
            _ => format!("test seed {seed}"),
        },
        panels,
    })
}
