//! The run beside its baselines.

use maud::{Markup, html};

use crate::evaluate::{Interval, Measure, MethodReport, Paired, Report, ShotsReport};
use crate::page::number::{NONE, counted, measured};
use crate::page::{Cell, table};

/// Every method of the evaluation.
pub(super) fn methods(report: &Report) -> Option<Markup> {
    let measure = report.measure();
    let tables: Vec<Markup> = report
        .shots
        .iter()
        .map(|shots| of_shots(shots, measure))
        .collect();
    let words = match report.acts {
        true => "All methods act in the same tasks with generators of the same seeds: ",
        false => {
            "All methods adapt to the same support sets and are evaluated on the same queries: "
        }
    };
    (!tables.is_empty()).then(|| {
        html! {
            p { (words) (measure.name()) "." @if let Some(judged) = report.judged() { " The verdict is on rows in the setting of: " (judged.name()) "." } }
            @for table in &tables { (table) }
            p.note {
                "Own steps: after the number that a method is meant to take. "
                @if !report.acts {
                    "Left worse: tasks whose support loss ended above that before adaptation, or not \
                     finite; a device takes such steps back. "
                }
                "Behind by: how far the run of the verdict is ahead, task by task."
            }
        }
    })
}

fn of_shots(shots: &ShotsReport, measure: Measure) -> Markup {
    let rows = shots.methods.iter().enumerate().map(|(at, method)| {
        let after = |step: usize| {
            let step = method.after(step);
            step.map_or_else(|| NONE.into(), |step| measured(step.of(measure), measure))
        };
        let diverged = method.steps.last().and_then(|step| step.diverged);
        let row = vec![
            Cell::text(title(method)),
            Cell::number(after(0)),
            Cell::number(after(1)),
            Cell::number(after(method.own_steps)),
            Cell::number(method.own_steps.to_string()),
            Cell::number(method.tuned().unwrap_or_else(|| NONE.into())),
            Cell::number(diverged.map_or_else(|| NONE.into(), |count| count.to_string())),
            Cell::number(behind(method.behind, measure)),
        ];
        (at == 0, row)
    });
    let baselines = shots.baselines.iter().map(|baseline| {
        let mut row = vec![Cell::text(baseline.title.clone())];
        row.extend([(); 2].map(|()| Cell::number(NONE)));
        row.push(Cell::number(measured(baseline.of(measure), measure)));
        row.extend([(); 3].map(|()| Cell::number(NONE)));
        row.push(Cell::number(behind(baseline.behind, measure)));
        (false, row)
    });
    let rows = rows.chain(baselines);
    let head = [
        "method",
        "0 steps",
        "1 step",
        "own steps",
        "steps",
        "tuned rate",
        "left worse",
        "behind by",
    ];
    let of = match measure {
        Measure::Return => "rollout",
        _ => "shot",
    };
    let verdict = shots.verdict.as_ref().map(|verdict| {
        let caution = verdict.caution();
        let written = |by: Interval| measured(Some(by.scaled(measure.scale())), measure);
        format!(
            "{}: {}.{}",
            verdict.words(),
            verdict.who(written),
            caution.map_or_else(String::new, |caution| format!(" But {caution}."))
        )
    });
    html! {
        (table(&counted(shots.shots, of), &head, &rows.collect::<Vec<_>>()))
        @if let Some(verdict) = &verdict { p { (verdict) } }
    }
}

/// How far the run of the verdict is ahead.
fn behind(ahead: Option<Paired>, measure: Measure) -> String {
    let scaled = |ahead: Paired| ahead.difference.scaled(measure.scale());
    ahead.map_or_else(
        || NONE.into(),
        |ahead| measured(Some(scaled(ahead)), measure),
    )
}

fn title(method: &MethodReport) -> String {
    match &method.settings[..] {
        [only] => format!("{}, {}", method.title, only.name()),
        _ => method.title.clone(),
    }
}
