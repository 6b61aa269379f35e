//! How far values are from their references.

use maud::{Markup, html};

use super::setup;
use crate::evaluate::Measure;
use crate::page::figure;
use crate::page::number::{self, counted, plain};
use crate::plot::{Axis, Marks, Paint, Scatter, extent, legend, marker};
use crate::report::{Detail, Unit};

/// How predictions before adaptation are marked, and those after it.
const BEFORE: Marks = Marks::faint(marker(1), 3.4, Paint::Series(1));
const AFTER: Marks = Marks::solid(marker(0), 3.4, Paint::Series(0));

/// How far values are from their references, unit by unit.
pub(super) fn calibration(details: &[Detail]) -> Option<Markup> {
    let of_values = details
        .iter()
        .filter(|detail| detail.measure != Measure::Accuracy);
    let of_values: Vec<&Detail> = of_values.collect();
    (!of_values.is_empty()).then(|| {
        html! {
            p {
                @match of_values[0].measure {
                    Measure::Loss | Measure::Return => "Loss before and after adaptation.",
                    _ => "Root mean square error before and after adaptation, in the unit of the target.",
                }
                " Below the broken line adaptation helps."
            }
            div.charts { @for detail in &of_values { (before_after(detail)) } }
            @for detail in &of_values {
                @if !detail.units.is_empty() {
                    h3 { "Prediction against reference, " (setup(detail)) }
                    p.note { "From the worst to the best; on the broken line a prediction is exact." }
                    (legend(&[("before", BEFORE), ("after", AFTER)]))
                    div.small-charts { @for unit in &detail.units { (panel(unit)) } }
                }
            }
        }
    })
}

/// Every unit, or every task where no unit is known.
fn before_after(detail: &Detail) -> Markup {
    let (what, points): (&str, Vec<(f64, f64)>) = match detail.users.len() {
        0 | 1 => (
            "task",
            detail.tasks.iter().map(|task| (task[0], task[1])).collect(),
        ),
        _ => {
            let users = detail.users.iter();
            (
                "unit",
                users
                    .map(|user| (user.before.mean, user.after.mean))
                    .collect(),
            )
        }
    };
    let better = points
        .iter()
        .filter(|(before, after)| after < before)
        .count();
    let caption = format!(
        "{}: better for {} of {}",
        setup(detail),
        number::count(better as u64),
        counted(points.len(), what)
    );
    let all = points.iter().flat_map(|(before, after)| [*before, *after]);
    let range = extent(all.filter(|error| *error > 0.0));
    let shown = points.iter().step_by(points.len().div_ceil(1000).max(1));
    let marks = match points.len() {
        ..=60 => AFTER,
        _ => Marks::faint(marker(0), 3.4, Paint::Series(0)),
    };
    // Without any error above zero the axes hold none.
    let range = range.unwrap_or((0.1, 10.0));
    let scatter = Scatter {
        x: Axis::log("error before", range),
        y: Axis::log("error after", range),
        diagonal: true,
        front: Vec::new(),
        clouds: vec![(marks, shown.copied().collect())],
        aspect: 0.6,
    };
    let label = format!("error after against error before, {caption}");
    figure(&scatter.to_markup(&label, 480.0), &caption)
}

fn panel(unit: &Unit) -> Markup {
    let values = unit.points.iter().flatten().map(|value| f64::from(*value));
    let range = extent(values).unwrap_or((0.0, 1.0));
    let cloud = |marks: Marks, column: usize| {
        let points = unit.points.iter();
        let points = points.map(|point| (f64::from(point[0]), f64::from(point[column])));
        (marks, points.collect())
    };
    let caption = format!(
        "{}: error {} before, {} after",
        unit.name,
        plain(unit.error[0]),
        plain(unit.error[1])
    );
    let scatter = Scatter {
        x: Axis::around("reference", range),
        y: Axis::around("prediction", range),
        diagonal: true,
        front: Vec::new(),
        clouds: vec![cloud(BEFORE, 1), cloud(AFTER, 2)],
        aspect: 0.7,
    };
    let label = format!("prediction against reference, {caption}");
    figure(&scatter.to_markup(&label, 320.0), &caption)
}
