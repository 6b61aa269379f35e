//! Curves over inner steps and iterations.

use maud::{Markup, html};

use crate::evaluate::ShotsReport;
use crate::page::figure;
use crate::page::number::counted;
use crate::plot::Draw;
use crate::report::RunReport;
use crate::report::figures::{self, Training};

/// Width of a picture, of which there are two beside each other.
const WIDTH: f64 = 480.0;

/// What is shown against inner steps, for every number of shots.
pub(super) fn steps(report: &RunReport) -> Option<Markup> {
    let pictures: Vec<Markup> = (report.evaluation.shots.iter())
        .filter_map(|shots| of_shots(shots, report))
        .collect();
    (!pictures.is_empty()).then(|| {
        html! {
            p {
                @if report.evaluation.acts {
                    "What a gradient step on the rollouts before it does to the return"
                } @else {
                    "What a gradient step on the support set does to the queries"
                }
                ": 0 steps is the model as it is shipped."
            }
            div.charts { @for picture in &pictures { (picture) } }
        }
    })
}

/// `None` where nothing takes a step.
fn of_shots(shots: &ShotsReport, report: &RunReport) -> Option<Markup> {
    let evaluation = &report.evaluation;
    let mut drawn = figures::steps(evaluation, shots, false);
    drawn.curves.retain(|curve| curve.points.len() > 1);
    let title = match evaluation.acts {
        true => format!("{} a step", counted(shots.shots, "rollout")),
        false => format!(
            "{}, {} per {}",
            counted(shots.shots, "shot"),
            counted(shots.queries, "query").replace("querys", "queries"),
            if evaluation.ways.is_some() {
                "class"
            } else {
                "task"
            }
        ),
    };
    let label = format!(
        "{} against inner steps, {title}",
        evaluation.measure().name()
    );
    Some(figure(&drawn.to_markup(&label, WIDTH).ok()?, &title))
}

/// Training loss, and validation before and after adaptation.
pub(super) fn training(report: &RunReport) -> Option<Markup> {
    let run = Training {
        title: &report.subject.title,
        loss: &report.subject.loss,
        steps: report.subject.inner_steps,
        lines: &report.training,
    };
    let losses = figures::losses(std::slice::from_ref(&run));
    let losses = losses.to_markup("loss against iterations", WIDTH).ok()?;
    // Where there are no classes there is nothing to draw.
    let accuracies = figures::accuracies(&run);
    let accuracies = accuracies.to_markup("validation accuracy against iterations", WIDTH);
    Some(html! {
        div.charts {
            (figure(
                &losses,
                match report.evaluation.acts {
                    true => "Return while training; the validation tasks are the same throughout.",
                    false => {
                        "Query loss while training; the validation tasks are the same throughout."
                    }
                }
            ))
            @if let Ok(accuracies) = &accuracies {
                (figure(accuracies, "Accuracy on validation tasks."))
            }
        }
    })
}
