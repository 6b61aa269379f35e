//! `mamlet plot`.

use std::path::PathBuf;

use anyhow::Context;
use burn::tensor::backend::Backend;
use clap::{Args, Subcommand};

use super::episode_flags::Episodes;
use super::flags::{Compute, Picture};
use super::{Usage, evaluate, exit, find_run, output};
use crate::device::{DeviceChoice, Job, dispatch};
use crate::evaluate::{
    AdaptedSinusoid, EvaluateError, Evaluation, Report, Walked, paths, sinusoids,
};
use crate::model::TrainedModel;
use crate::plot::{
    CurveFigure, Figure, PathFigure, PathPanel, SinusoidFigure, SinusoidPanel, SinusoidPrediction,
};
use crate::report::figures::{self, Training};
use crate::run::RunDir;

/// Draw runs as PNG or SVG, as the file's extension says.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mamlet plot curve runs/sinusoid -o curve.svg
  mamlet plot steps runs/sinusoid runs/sinusoid-pretraining --shots 5 -o steps.png
  mamlet plot sinusoids runs/sinusoid runs/sinusoid-pretraining -o sinusoids.png
  mamlet plot sinusoids runs/sinusoid --theme dark -o dark.svg
  mamlet plot paths runs/navigation --tasks 3 -o paths.png")]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Training and validation loss over the iterations, or returns
    Curve(CurveArguments),
    /// Query loss or accuracy against inner steps, with intervals (the paper's
    /// figure 3), or the return where a policy acts (figure 5)
    Steps(StepsArguments),
    /// Single sinusoids before and after adaptation (the paper's figure 2)
    Sinusoids(SinusoidArguments),
    /// Paths of a policy in the plane before and after adaptation, with the goal (the
    /// paper's figure 4)
    Paths(PathArguments),
}

/// Support examples of a figure unless the command line says otherwise.
const SHOTS: usize = 5;

#[derive(Debug, Args)]
struct CurveArguments {
    /// Run directories, or configs trained into their usual place
    #[arg(required = true, value_name = "RUN|CONFIG")]
    runs: Vec<PathBuf>,
    #[command(flatten)]
    picture: Picture,
}

#[derive(Debug, Args)]
#[command(
    mut_arg("shots", |shots| {
        shots.help("Number of support examples, K, of each class if there are classes [default: 5]")
    }),
    mut_arg("baselines", |baselines| baselines.hide(true)),
)]
struct StepsArguments {
    /// Run directories, or configs trained into their usual place
    #[arg(value_name = "RUN|CONFIG", required_unless_present = "report")]
    runs: Vec<PathBuf>,
    /// Draw what `mamlet evaluate --json` wrote instead of evaluating
    #[arg(long, value_name = "FILE", conflicts_with = "runs")]
    report: Option<PathBuf>,
    #[command(flatten)]
    episodes: Episodes,
    /// Inner steps
    #[arg(long, default_value_t = 10)]
    steps: usize,
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

#[derive(Debug, Args)]
struct PathArguments {
    /// Run directories, or configs trained into their usual place
    #[arg(required = true, value_name = "RUN|CONFIG")]
    runs: Vec<PathBuf>,
    /// Rollouts before each inner step
    #[arg(long, default_value_t = 20)]
    shots: usize,
    /// Number of test tasks, each in a panel
    #[arg(long, default_value_t = 3)]
    tasks: usize,
    /// Rollouts of each task to show
    #[arg(long, default_value_t = 1)]
    rollouts: usize,
    /// Inner steps to show
    #[arg(long, value_delimiter = ',', default_values_t = [0, 1, 3])]
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
            What::Paths(arguments) => &arguments.picture,
        };
        output::check_file(output, &["png", "svg"])?;
        let saved = match &self.what {
            What::Curve(arguments) => curve(arguments)?.save(output, *theme),
            What::Steps(arguments) => steps(arguments)?.save(output, *theme),
            What::Sinusoids(arguments) => draw_sinusoids(arguments)?.save(output, *theme),
            What::Paths(arguments) => draw_paths(arguments)?.save(output, *theme),
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
    let shots = arguments.episodes.only_shots()?.unwrap_or(SHOTS);
    let report: Report = match &arguments.report {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            serde_json::from_str(&text)
                .with_context(|| format!("{} is no report of `evaluate`", path.display()))?
        }
        None => {
            let models = evaluate::load(&arguments.runs, arguments.episodes.ways)?;
            let episodes = arguments.episodes.usually(shots);
            let evaluation = episodes.evaluation(&models, Some(arguments.steps), None)?;
            let evaluation = Evaluation {
                // The one that is judged by, after every step there is.
                settings: evaluation.settings[..1].to_vec(),
                baselines: false,
                ..evaluation
            };
            evaluate::execute(&models, &evaluation, arguments.compute.device)?
        }
    };
    steps_figure(&report, shots, arguments.log)
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

/// A panel per model and task.
fn draw_paths(arguments: &PathArguments) -> anyhow::Result<PathFigure> {
    struct Drawing<'a>(&'a (String, TrainedModel), &'a PathArguments, Evaluation);

    impl Job for Drawing<'_> {
        type Output = Result<Vec<Walked>, EvaluateError>;

        fn run<B: Backend>(self, device: B::Device) -> Self::Output {
            let Drawing(model, arguments, evaluation) = self;
            let (steps, rollouts) = (&arguments.steps, arguments.rollouts);
            paths::<B>(model, &evaluation, steps, rollouts, &device)
        }
    }

    let &PathArguments {
        shots, tasks, seed, ..
    } = arguments;
    anyhow::ensure!(
        shots > 0 && tasks > 0 && arguments.rollouts > 0,
        Usage::new("--shots, --tasks and --rollouts must be at least 1")
    );
    let spot = |&(x, y): &(f32, f32)| (f64::from(x), f64::from(y));
    let models = evaluate::load(&arguments.runs, None)?;
    let mut panels = Vec::new();
    for model in &models {
        let evaluation = Evaluation {
            tasks,
            seed,
            shots: vec![shots],
            ..Evaluation::default_for(&model.1.config.tasks)
        };
        let drawing = Drawing(model, arguments, evaluation);
        for walked in dispatch(arguments.compute.device, drawing)?? {
            let paths = walked.paths.iter().map(|(steps, paths)| {
                let paths = paths.iter().map(|path| path.iter().map(spot).collect());
                (*steps as u32, paths.collect())
            });
            panels.push(PathPanel {
                title: match models[..] {
                    [_] => String::new(),
                    _ => model.1.config.title.clone(),
                },
                goal: spot(&walked.goal),
                paths: paths.collect(),
            });
        }
    }
    Ok(PathFigure {
        title: "Paths before and after adaptation".into(),
        subtitle: match &models[..] {
            [(_, only)] => format!(
                "{}, {shots} rollouts a step, test seed {seed}",
                only.config.title
            ),
            _ => format!("{shots} rollouts a step, test seed {seed}"),
        },
        panels,
    })
}
