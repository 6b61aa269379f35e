//! Figures of evaluations and of trainings, for the page of a run and for files.

use crate::evaluate::{Measure, MethodReport, Report, ShotsReport, StepReport};
use crate::page::number::counted;
use crate::plot::{Curve, CurveFigure, CurvePoint, Scale};
use crate::run::{Line, Validation};

/// What is measured of the queries against inner steps, for one number of shots and
/// queries. A method that takes no steps is as good after any number of them.
pub(crate) fn steps(report: &Report, shots: &ShotsReport, log: bool) -> CurveFigure {
    let measure = report.measure();
    let methods: Vec<&MethodReport> = (shots.methods.iter())
        .filter(|method| method.settings.contains(&report.setting))
        .collect();
    let limit = limit(measure, &methods);
    let all = methods.iter().flat_map(|method| &method.steps);
    let last = all.map(|step| step.step).max().unwrap_or(0);
    let point = |step: &StepReport| {
        let value = step.of(measure);
        let shown = value.filter(|value| value.mean <= limit);
        CurvePoint {
            x: step.step as f64,
            y: shown.map_or(f64::NAN, |value| value.mean),
            half_width: value.map(|value| value.half_width),
        }
    };
    let points = |method: &MethodReport| {
        let mut points: Vec<CurvePoint> = method.steps.iter().map(point).collect();
        if let [only @ CurvePoint { x: 0.0, .. }] = points[..]
            && last > 0
        {
            points.push(CurvePoint {
                x: last as f64,
                ..only
            });
        }
        points
    };
    CurveFigure {
        title: match measure {
            Measure::Return => "Return against gradient steps".into(),
            Measure::Loss => "Query loss against gradient steps".into(),
            Measure::Accuracy => "Query accuracy against gradient steps".into(),
            Measure::Error => "Query error against gradient steps".into(),
        },
        subtitle: format!(
            "{}, {} tasks, test seed {}, 95 % intervals",
            match measure {
                Measure::Return => format!("{} rollouts a step", shots.shots),
                _ => format!("K = {}", shots.shots),
            },
            report.tasks,
            report.seed
        ),
        x_name: match measure {
            Measure::Return => "gradient steps, each on new rollouts".into(),
            _ => "gradient steps on the support set".into(),
        },
        y_name: report.measured(),
        scale: match (log, measure) {
            (true, _) => Scale::Logarithmic,
            (false, Measure::Accuracy) => Scale::Percent,
            (false, Measure::Loss | Measure::Error | Measure::Return) => Scale::Linear,
        },
        smooth: None,
        curves: (methods.iter())
            .map(|method| Curve {
                name: method.title.clone(),
                points: points(method),
            })
            .collect(),
    }
}

/// The greatest mean that is drawn. One that a few diverged tasks have blown up would
/// flatten everything else; it is left out and counted, like one that is not finite.
fn limit(measure: Measure, methods: &[&MethodReport]) -> f64 {
    let before = (methods.iter())
        .filter_map(|method| method.steps.first()?.of(measure))
        .map(|value| value.mean);
    match measure {
        Measure::Accuracy => 100.0,
        Measure::Return => f64::INFINITY,
        Measure::Loss | Measure::Error => 10.0 * before.fold(0.0, f64::max),
    }
}

/// What is counted along the curves of a training.
const ITERATIONS: &str = "meta-training iteration";

/// What was recorded while a run was trained.
pub(crate) struct Training<'a> {
    /// Its row in tables.
    pub(crate) title: &'a str,
    /// Its loss, in words.
    pub(crate) loss: &'a str,
    /// The inner steps of training.
    pub(crate) steps: usize,
    pub(crate) lines: &'a [Line],
}

/// Training loss, and validation loss after no, one and the most inner steps; returns where
/// policies act.
pub(crate) fn losses(runs: &[Training<'_>]) -> CurveFigure {
    let acts = |run: &Training<'_>| run.lines.iter().any(|line| line.returns.is_some());
    if runs.iter().any(acts) {
        return returns(runs);
    }
    let mut curves = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for run in runs {
        if !names.contains(&run.loss) {
            names.push(run.loss);
        }
        let name = |what: &str, steps: usize| match runs {
            [_] => format!("{what}, {}", counted(steps, "step")),
            _ => format!("{}, {what}, {}", run.title, counted(steps, "step")),
        };
        let losses = run.lines.iter().filter_map(|line| {
            Some(CurvePoint {
                x: line.iteration as f64,
                y: line.loss?,
                half_width: None,
            })
        });
        curves.push(Curve {
            name: name("training", run.steps),
            points: losses.collect(),
        });
        let value = |validation: &Validation, step: usize| {
            let half_width = validation.half_width.get(step).copied().flatten();
            Some(((*validation.mean.get(step)?)?, half_width))
        };
        curves.extend(validations(run, name, value));
    }
    curves.retain(|curve| !curve.points.is_empty());
    let titles: Vec<&str> = runs.iter().map(|run| run.title).collect();
    CurveFigure {
        title: format!("Training: {}", titles.join(", ")),
        subtitle: "query loss; validation tasks are the same throughout".into(),
        x_name: ITERATIONS.into(),
        y_name: names.join(", "),
        scale: Scale::Logarithmic,
        smooth: None,
        curves,
    }
}

/// Returns in training tasks before and after adaptation, and those of validation.
fn returns(runs: &[Training<'_>]) -> CurveFigure {
    let mut curves = Vec::new();
    for run in runs {
        let name = |what: &str, steps: usize| match runs {
            [_] => format!("{what}, {}", counted(steps, "step")),
            _ => format!("{}, {what}, {}", run.title, counted(steps, "step")),
        };
        let mut steps = vec![0, run.steps];
        steps.dedup();
        for step in steps {
            let points = run.lines.iter().filter_map(|line| {
                Some(CurvePoint {
                    x: line.iteration as f64,
                    y: *line.returns.as_ref()?.mean.get(step)?,
                    half_width: None,
                })
            });
            curves.push(Curve {
                name: name("training", step),
                points: points.collect(),
            });
        }
        let value = |validation: &Validation, step: usize| {
            let half_width = validation.half_width.get(step).copied().flatten();
            Some(((*validation.mean.get(step)?)?, half_width))
        };
        curves.extend(validations(run, name, value));
    }
    curves.retain(|curve| !curve.points.is_empty());
    let titles: Vec<&str> = runs.iter().map(|run| run.title).collect();
    CurveFigure {
        title: format!("Training: {}", titles.join(", ")),
        subtitle: "mean return of a rollout; validation tasks are the same throughout".into(),
        x_name: ITERATIONS.into(),
        y_name: Measure::Return.name().into(),
        scale: Scale::Linear,
        smooth: None,
        curves,
    }
}

/// Validation accuracy after no, one and the most inner steps; no curves where tasks
/// have no classes.
pub(crate) fn accuracies(run: &Training<'_>) -> CurveFigure {
    let name = |what: &str, steps: usize| format!("{what}, {}", counted(steps, "step"));
    let value =
        |validation: &Validation, step: usize| Some((100.0 * validation.accuracy.get(step)?, None));
    CurveFigure {
        title: format!("Training: {}", run.title),
        subtitle: "query accuracy on validation tasks".into(),
        x_name: ITERATIONS.into(),
        y_name: Measure::Accuracy.name().into(),
        scale: Scale::Percent,
        smooth: None,
        curves: validations(run, name, value).collect(),
    }
}

/// A curve for each of three numbers of inner steps, where there is a value.
fn validations(
    run: &Training<'_>,
    name: impl Fn(&str, usize) -> String,
    value: impl Fn(&Validation, usize) -> Option<(f64, Option<f64>)>,
) -> impl Iterator<Item = Curve> {
    let all = || run.lines.iter().filter_map(|line| line.validation.as_ref());
    let last = all().map(|validation| validation.mean.len()).max();
    let last = last.unwrap_or(0).saturating_sub(1);
    let mut steps = vec![0, 1, last];
    steps.sort_unstable();
    steps.dedup();
    steps.into_iter().filter_map(move |step| {
        let points = run.lines.iter().filter_map(|line| {
            let (value, half_width) = value(line.validation.as_ref()?, step)?;
            Some(CurvePoint {
                x: line.iteration as f64,
                y: value,
                half_width,
            })
        });
        let points: Vec<CurvePoint> = points.collect();
        let name = name("validation", step);
        (!points.is_empty()).then_some(Curve { name, points })
    })
}
