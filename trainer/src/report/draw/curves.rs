//! Curves over inner steps and iterations.

use maud::{Markup, html};

use crate::evaluate::{Measure, MethodReport, Setting, ShotsReport};
use crate::page::axis::Axis;
use crate::page::figure;
use crate::page::lines::{Series, lines};
use crate::page::number::counted;
use crate::report::RunReport;

/// Points of a training curve.
const POINTS: usize = 400;

/// What is shown against inner steps, for every number of shots.
pub(super) fn steps(report: &RunReport) -> Option<Markup> {
    let measure = report.evaluation.measure();
    let pictures: Vec<Markup> = (report.evaluation.shots.iter())
        .filter_map(|shots| of_shots(shots, measure, report))
        .collect();
    (!pictures.is_empty()).then(|| {
        html! {
            p {
                "What a gradient step on the support set does to the queries: 0 steps is the \
                 model as it is shipped."
            }
            div.charts { @for picture in &pictures { (picture) } }
        }
    })
}

fn of_shots(shots: &ShotsReport, measure: Measure, report: &RunReport) -> Option<Markup> {
    let line = |method: &MethodReport| {
        let points = method.steps.iter().map(|step| {
            let value = step.of(measure);
            let value = value.map_or((f64::NAN, f64::NAN), |v| (v.mean, v.half_width));
            (step.step as f64, value.0, value.1)
        });
        Series {
            name: method.title.clone(),
            points: points.collect(),
        }
    };
    let mut series: Vec<Series> = (shots.methods.iter())
        .filter(|method| method.settings.contains(&Setting::Transductive))
        .map(line)
        .collect();
    let steps = series.iter().flat_map(|series| &series.points);
    let last = steps.map(|point| point.0).fold(0.0, f64::max);
    // What takes no steps is as good after any number of them.
    for series in &mut series {
        if let [(0.0, value, half_width)] = series.points[..] {
            series.points.push((last, value, half_width));
        }
    }
    series.retain(|series| last > 0.0 && series.points.len() > 1);
    let all = || series.iter().flat_map(|series| &series.points);
    let ends = all().flat_map(|(_, y, half)| match half.is_finite() {
        true => [y - half, y + half],
        false => [*y, *y],
    });
    let x = Axis::linear("inner steps", all().map(|point| point.0));
    let y = match measure {
        Measure::Accuracy => Axis::percent(measure.name(), ends),
        Measure::Error => Axis::linear(measure.name(), ends.map(|end| end.max(0.0))),
        Measure::Loss => Axis::linear(&report.subject.loss, ends.map(|end| end.max(0.0))),
    };
    let title = format!(
        "{}, {} per {}",
        counted(shots.shots, "shot"),
        counted(shots.queries, "query").replace("querys", "queries"),
        if report.evaluation.ways.is_some() {
            "class"
        } else {
            "task"
        }
    );
    let label = format!("{} against inner steps, {title}", measure.name());
    (!series.is_empty()).then(|| figure(&lines(&label, (x, y), &series), &title))
}

/// Training loss, and validation before and after adaptation.
pub(super) fn training(report: &RunReport) -> Option<Markup> {
    let lines_ = &report.training;
    let thinned = |points: Vec<(f64, f64, f64)>| {
        let every = points.len().div_ceil(POINTS).max(1);
        points.into_iter().step_by(every).collect::<Vec<_>>()
    };
    let loss = lines_
        .iter()
        .filter_map(|line| Some((line.iteration as f64, line.loss?, f64::NAN)));
    let mut losses = vec![Series {
        name: "training".into(),
        points: thinned(loss.collect()),
    }];
    let mut accuracies = Vec::new();
    let last = lines_.iter().filter_map(|line| line.validation.as_ref());
    let last = last
        .map(|validation| validation.mean.len().saturating_sub(1))
        .max();
    let mut steps = vec![0, 1, last.unwrap_or(0)];
    steps.sort_unstable();
    steps.dedup();
    for step in steps.into_iter().filter(|step| Some(*step) <= last) {
        let name = format!("validation, {}", counted(step, "step"));
        let validations = || {
            lines_
                .iter()
                .filter_map(|line| Some((line.iteration as f64, line.validation.as_ref()?)))
        };
        let mean = validations().filter_map(|(at, validation)| {
            let half = validation.half_width.get(step).copied().flatten();
            Some((at, (*validation.mean.get(step)?)?, half.unwrap_or(f64::NAN)))
        });
        losses.push(Series {
            name: name.clone(),
            points: thinned(mean.collect()),
        });
        let accuracy = validations().filter_map(|(at, validation)| {
            Some((at, 100.0 * validation.accuracy.get(step)?, f64::NAN))
        });
        accuracies.push(Series {
            name,
            points: thinned(accuracy.collect()),
        });
    }
    losses.retain(|series| !series.points.is_empty());
    accuracies.retain(|series| !series.points.is_empty());
    let x = |series: &[Series]| {
        let all = series.iter().flat_map(|series| &series.points);
        Axis::linear("iterations", all.map(|point| point.0))
    };
    let y = |series: &[Series]| -> Vec<f64> {
        series
            .iter()
            .flat_map(|series| &series.points)
            .map(|point| point.1)
            .collect()
    };
    (!losses.is_empty()).then(|| {
        let axes = (x(&losses), Axis::log(&report.subject.loss, y(&losses)));
        html! {
            div.charts {
                (figure(
                    &lines("loss against iterations", axes, &losses),
                    "Query loss while training; the validation tasks are the same throughout."
                ))
                @if !accuracies.is_empty() {
                    @let axes = (x(&accuracies), Axis::percent("query accuracy in %", y(&accuracies)));
                    (figure(
                        &lines("validation accuracy against iterations", axes, &accuracies),
                        "Accuracy on validation tasks."
                    ))
                }
            }
        }
    })
}
