//! How far values are from their references.

use maud::{Markup, html};

use super::setup;
use crate::page::axis::{Axis, extent};
use crate::page::figure;
use crate::page::number::{self, counted, plain};
use crate::page::points::{Cloud, legend, scatter};
use crate::page::svg::Plot;
use crate::report::{Detail, Device, Judged};

/// Colours and marks of predictions before and after adaptation.
const BEFORE: usize = 1;
const AFTER: usize = 0;

/// How far values are from their references, device by device.
pub(super) fn calibration(details: &[Detail]) -> Option<Markup> {
    let of_values = details
        .iter()
        .filter(|detail| detail.judged == Judged::AbsoluteError);
    let of_values: Vec<&Detail> = of_values.collect();
    (!of_values.is_empty()).then(|| {
        html! {
            p {
                "Mean absolute error before and after adaptation, in the unit of the target. Below \
                 the broken line adaptation helps."
            }
            div.charts { @for detail in &of_values { (before_after(detail)) } }
            @for detail in &of_values {
                @if !detail.devices.is_empty() {
                    h3 { "Prediction against reference, " (setup(detail)) }
                    p.note { "From the worst to the best; on the broken line a prediction is exact." }
                    (legend(&[(BEFORE, "faint", "before"), (AFTER, "dot", "after")]))
                    div.small-charts { @for device in &detail.devices { (panel(device)) } }
                }
            }
        }
    })
}

/// Every device, or every task where no device is known.
fn before_after(detail: &Detail) -> Markup {
    let (what, points): (&str, Vec<(f64, f64)>) = match detail.users.len() {
        0 | 1 => (
            "task",
            detail.tasks.iter().map(|task| (task[0], task[1])).collect(),
        ),
        _ => {
            let users = detail.users.iter();
            (
                "device",
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
    let axis = |name: &str| {
        let all = points.iter().flat_map(|(before, after)| [*before, *after]);
        Axis::log(name, all)
    };
    let class = if points.len() > 60 { "faint" } else { "dot" };
    let axes = (axis("error before"), axis("error after"));
    let shown = points.iter().step_by(points.len().div_ceil(1000).max(1));
    let cloud = Cloud {
        series: AFTER,
        points: shown.copied().collect(),
        class,
        size: 3.2,
    };
    let label = format!("error after against error before, {caption}");
    let plot = Plot::new(axes.0, axes.1, (480.0, 340.0));
    figure(&scatter(&label, &plot, true, &[cloud], &html! {}), &caption)
}

fn panel(device: &Device) -> Markup {
    let ends = device
        .points
        .iter()
        .flatten()
        .map(|value| f64::from(*value));
    let ends = extent(ends).map_or(Vec::new(), |(low, high)| vec![low, high]);
    let axis = |name: &str| Axis::linear(name, ends.iter().copied());
    let cloud = |series: usize, column: usize, class| Cloud {
        series,
        points: (device.points.iter())
            .map(|point| (f64::from(point[0]), f64::from(point[column])))
            .collect(),
        class,
        size: 3.2,
    };
    let clouds = [cloud(BEFORE, 1, "faint"), cloud(AFTER, 2, "dot")];
    let caption = format!(
        "{}: error {} before, {} after",
        device.name,
        plain(device.error[0]),
        plain(device.error[1])
    );
    let axes = (axis("reference"), axis("prediction"));
    let label = format!("prediction against reference, {caption}");
    let plot = Plot::new(axes.0, axes.1, (300.0, 260.0));
    figure(&scatter(&label, &plot, true, &clouds, &html! {}), &caption)
}
