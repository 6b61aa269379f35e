//! `mamlet plot`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::tensor::backend::Backend;
use clap::{Args, Subcommand};

use super::{evaluate, exit, find_run, output, protocol, tables};
use crate::device::{DeviceChoice, Job, dispatch};
use crate::evaluate::{
    AdaptedSinusoid, EvaluateError, Measure, Protocol, Report, Setting, StepReport, sinusoids,
};
use crate::model::TrainedModel;
use crate::plot::{
    Curve, CurvePoint, LearningCurve, SinusoidFigure, SinusoidPanel, SinusoidPrediction, StepPoint,
    StepsFigure, StepsMethod,
};
use crate::run::RunDir;

/// Draw runs as PNG or SVG, as the file's extension says.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mamlet plot curve runs/sinusoid -o curve.svg
  mamlet plot steps runs/sinusoid runs/sinusoid-pretraining --shots 5 -o steps.png
  mamlet plot sinusoids runs/sinusoid runs/sinusoid-pretraining -o sinusoids.png")]
pub(super) struct Arguments {
    #[command(subcommand)]
    figure: Figure,
}

#[derive(Debug, Subcommand)]
enum Figure {
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
    /// Where to write, .png or .svg
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
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
    /// Draw the value on a logarithmic axis
    #[arg(long)]
    log: bool,
    /// cpu, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    device: DeviceChoice,
    /// Where to write, .png or .svg
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
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
    #[arg(long, default_value_t = Protocol::default().seed)]
    seed: u64,
    /// cpu, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    device: DeviceChoice,
    /// Where to write, .png or .svg
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let path = match &self.figure {
            Figure::Curve(arguments) => curve(arguments)?,
            Figure::Steps(arguments) => steps(arguments)?,
            Figure::Sinusoids(arguments) => draw_sinusoids(arguments)?,
        };
        output::line(path.display())?;
        Ok(exit::SUCCESS)
    }
}

fn curve(arguments: &CurveArguments) -> anyhow::Result<&Path> {
    let mut curves = Vec::new();
    let several = arguments.runs.len() > 1;
    let mut titles = Vec::new();
    let mut losses = Vec::new();
    for path in &arguments.runs {
        let run = RunDir::open(&find_run(path)?)?;
        let config = run.config()?;
        let lines = run.read_metrics()?;
        titles.push(config.title.clone());
        let loss = config.inner.loss.name();
        if !losses.contains(&loss) {
            losses.push(loss);
        }
        let name = |what: &str| {
            if several {
                format!("{}, {what}", config.title)
            } else {
                what.to_owned()
            }
        };
        let point = |iteration, value, half_width| CurvePoint {
            iteration,
            value,
            half_width,
        };
        curves.push(Curve {
            name: name(&format!("training, {}", count(config.inner.steps))),
            points: lines
                .iter()
                .filter_map(|line| Some(point(line.iteration, line.loss?, None)))
                .collect(),
        });
        for step in [0, 1, 10] {
            let points: Vec<CurvePoint> = lines
                .iter()
                .filter_map(|line| {
                    let validation = line.validation.as_ref()?;
                    let value = (*validation.mean.get(step)?)?;
                    Some(point(
                        line.iteration,
                        value,
                        *validation.half_width.get(step)?,
                    ))
                })
                .collect();
            if !points.is_empty() {
                let name = name(&format!("validation, {}", count(step)));
                curves.push(Curve { name, points });
            }
        }
    }
    LearningCurve {
        title: format!("Training: {}", titles.join(", ")),
        subtitle: "query loss; validation tasks are the same throughout".into(),
        y_name: losses.join(", "),
        log_y: true,
        smooth: None,
        curves,
    }
    .save(&arguments.output)?;
    Ok(&arguments.output)
}

/// `1 step`, `5 steps`.
fn count(steps: usize) -> String {
    if steps == 1 {
        "1 step".into()
    } else {
        format!("{steps} steps")
    }
}

fn steps(arguments: &StepsArguments) -> anyhow::Result<&Path> {
    let report: Report = match &arguments.report {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            serde_json::from_str(&text)
                .with_context(|| format!("{} is no report of `evaluate`", path.display()))?
        }
        None => {
            let models = evaluate::load(&arguments.runs, None)?;
            let usual = protocol::usual(&models);
            let protocol = Protocol {
                tasks: arguments.tasks.unwrap_or(usual.tasks),
                steps: Some(arguments.steps),
                shots: vec![arguments.shots],
                settings: vec![Setting::Transductive],
                ..usual
            };
            evaluate::execute(&models, &protocol, arguments.device)?
        }
    };
    let shots = report
        .shots
        .iter()
        .find(|shots| shots.shots == arguments.shots)
        .with_context(|| {
            let there: Vec<usize> = report.shots.iter().map(|shots| shots.shots).collect();
            format!("the report has no K = {}, only {there:?}", arguments.shots)
        })?;
    steps_figure(&report, shots.shots, arguments.log).save(&arguments.output)?;
    Ok(&arguments.output)
}

/// The figure of one number of shots of a report.
pub(super) fn steps_figure(report: &Report, shots: usize, log_y: bool) -> StepsFigure {
    // Of several numbers of queries the first; a curve needs every step.
    let entry = report.shots.iter().find(|entry| entry.shots == shots);
    let methods: Vec<_> = entry
        .iter()
        .flat_map(|entry| &entry.methods)
        .filter(|method| method.settings.contains(&Setting::Transductive))
        .collect();
    let measure = report.measure();
    let value = |step: &StepReport| step.of(measure);
    // A mean that a few diverged tasks have blown up is left out and counted,
    // like one that is not finite: it would flatten everything else.
    let limit = match measure {
        Measure::Accuracy => 100.0,
        Measure::Loss | Measure::Error => {
            let before =
                (methods.iter()).filter_map(|method| Some(value(method.steps.first()?)?.mean));
            10.0 * before.fold(0.0, f64::max)
        }
    };
    let point = |step: &StepReport| {
        let shown = value(step).filter(|value| value.mean <= limit);
        StepPoint {
            step: step.step as u32,
            value: shown.map_or(f64::NAN, |value| value.mean),
            half_width: value(step).map(|value| value.half_width),
        }
    };
    StepsFigure {
        title: match measure {
            Measure::Loss => "Query loss against gradient steps".into(),
            Measure::Accuracy => "Query accuracy against gradient steps".into(),
            Measure::Error => "Query error against gradient steps".into(),
        },
        subtitle: format!(
            "K = {shots}, {} tasks, test seed {}, 95 % intervals",
            report.tasks, report.seed
        ),
        y_name: tables::measured(measure, report.unit.as_deref()),
        log_y,
        methods: methods
            .iter()
            .map(|method| StepsMethod {
                name: method.title.clone(),
                points: method.steps.iter().map(point).collect(),
            })
            .collect(),
    }
}

fn draw_sinusoids(arguments: &SinusoidArguments) -> anyhow::Result<&Path> {
    let models = evaluate::load(&arguments.runs, None)?;
    let figure = sinusoid_figure(
        &models,
        arguments.seed,
        arguments.tasks,
        arguments.shots,
        &arguments.steps,
        arguments.device,
    )?;
    figure.save(&arguments.output)?;
    Ok(&arguments.output)
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
                title: format!("{}, K = {shots}", model.config.title),
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
        subtitle: format!("test seed {seed}"),
        panels,
    })
}
