//! What has come of a sweep.

use serde::Serialize;

use super::Plan;
use crate::cli::output;
use crate::interval::Interval;
use crate::run::{RunDir, Standing, State};

/// The runs that differ in nothing but their seed.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// The choice.
    choice: String,
    /// Its runs that have finished.
    finished: usize,
    /// All its runs.
    runs: usize,
    /// `loss`, `accuracy` or `return`; none where no run has been validated.
    measure: Option<&'static str>,
    /// The mean of the best validations.
    mean: Option<f64>,
    /// Half the 95 % interval of the mean over seeds, where there are several.
    half_width: Option<f64>,
    /// The runs.
    seeds: Vec<OneRun>,
}

/// One of them.
#[derive(Debug, Serialize)]
struct OneRun {
    cell: usize,
    run: String,
    #[serde(flatten)]
    standing: Option<Standing>,
}

/// A row for each choice.
pub(super) fn rows(plan: &Plan) -> Vec<Row> {
    let mut groups: Vec<&str> = plan.cells.iter().map(|cell| cell.group.as_str()).collect();
    groups.dedup();
    groups.into_iter().map(|group| row(plan, group)).collect()
}

fn row(plan: &Plan, group: &str) -> Row {
    let cells = plan.cells.iter().enumerate();
    let seeds: Vec<OneRun> = cells
        .filter(|(_, cell)| cell.group == group)
        .map(|(cell, _)| OneRun {
            cell,
            run: plan.path(cell).display().to_string(),
            standing: (RunDir::open(&plan.path(cell)).ok()).and_then(|run| run.standing().ok()),
        })
        .collect();
    let standings = || seeds.iter().filter_map(|run| run.standing.as_ref());
    let best: Vec<f32> = standings()
        .filter_map(|standing| Some(standing.best?.value as f32))
        .collect();
    let interval = (!best.is_empty()).then(|| Interval::of(&best));
    Row {
        choice: group.to_owned(),
        finished: standings()
            .filter(|standing| standing.state == State::Finished)
            .count(),
        runs: seeds.len(),
        measure: standings().find_map(|standing| Some(standing.best?.measure)),
        mean: interval.map(|interval| interval.mean),
        half_width: interval
            .filter(|_| best.len() > 1)
            .map(|interval| interval.half_width),
        seeds,
    }
}

/// The table for people.
pub(super) fn render(plan: &Plan) -> String {
    let rows = rows(plan);
    let measure = rows.iter().find_map(|row| row.measure).unwrap_or("figure");
    let head = [
        "choice".to_owned(),
        "finished".to_owned(),
        format!("best validation {measure}"),
    ];
    let percent = measure == "accuracy";
    let number = |value: f64| match percent {
        true => format!("{:.2} %", 100.0 * value),
        false => format!("{value:.4}"),
    };
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let figure = match (row.mean, row.half_width) {
                (Some(mean), Some(half)) => format!("{} ± {}", number(mean), number(half)),
                (Some(mean), None) => number(mean),
                (None, _) => "–".to_owned(),
            };
            vec![
                row.choice.clone(),
                format!("{} of {}", row.finished, row.runs),
                figure,
            ]
        })
        .collect();
    format!(
        "{}\n\nmean over seeds, with its 95 % interval; test tasks: mamlet evaluate {}",
        output::table(&head, &lines),
        plan.folder.join("*").display()
    )
}
