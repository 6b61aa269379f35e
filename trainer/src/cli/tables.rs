//! What `evaluate` and its relatives print for people.

use super::output;
use crate::data::counted;
use crate::evaluate::{Interval, Measure, MethodReport, Paired, Report, Setting, ShotsReport};
use crate::tasks::Split;

/// The column of paired differences.
const BEHIND: &str = "behind by";

/// What the numbers of a table were measured on.
pub(super) fn episodes(split: Split, tasks: usize, ways: Option<usize>, seed: u64) -> String {
    let from = match split {
        Split::Train => "training",
        Split::Validation => "validation",
        Split::Test => "test",
    };
    let ways = ways.map_or_else(String::new, |ways| format!("{ways}-way, "));
    format!("{ways}{tasks} {from} tasks, seed {seed}")
}

/// What a setting is called, or nothing where all are the same.
pub(super) fn setting(settings: &[Setting]) -> &'static str {
    match settings {
        [only] => only.name(),
        _ => "",
    }
}

/// One table per number of shots and queries: a row per method and setting, a
/// column per number of steps.
pub(super) fn render(report: &Report) -> String {
    let measure = report.measure();
    let per = match report.ways {
        None => "task",
        Some(_) => "class",
    };
    let mut text = format!(
        "{}, mean with 95 % interval over {}; {}",
        report.measured(),
        Interval::over_what(report.units),
        episodes(report.split, report.tasks, report.ways, report.seed)
    );
    for shots in &report.shots {
        text += &format!("\n\n{}", table(shots, measure, per));
        text += &baselines(shots, measure);
    }
    text += &notes(report);
    text.trim_end().to_owned()
}

fn table(shots: &ShotsReport, measure: Measure, per: &str) -> String {
    let steps = shots.methods.iter().flat_map(|method| &method.steps);
    let last = steps.map(|step| step.step).max().unwrap_or(0);
    let own: Vec<usize> = shots
        .methods
        .iter()
        .map(|method| method.own_steps)
        .collect();
    let measured = |step: usize| {
        shots
            .methods
            .iter()
            .any(|method| method.after(step).is_some())
    };
    let columns: Vec<usize> = (0..=last)
        .filter(|step| *step <= 3 || *step == 5 || *step == last || own.contains(step))
        .filter(|&step| measured(step))
        .collect();
    let mut head = vec![match measure {
        Measure::Return => format!(
            "{} a step, {} after the last",
            counted(shots.shots, "rollout"),
            shots.queries
        ),
        _ => format!(
            "K = {}, {} {} per {per}",
            shots.shots,
            shots.queries,
            if shots.queries == 1 {
                "query"
            } else {
                "queries"
            }
        ),
    }];
    head.extend(columns.iter().map(|step| match step {
        1 => "1 step".to_owned(),
        step => format!("{step} steps"),
    }));
    head.extend(["rate", "diverged"].map(str::to_owned));
    let compared = shots.methods.iter().any(|method| method.behind.is_some());
    if compared {
        head.push(BEHIND.to_owned());
    }
    let rows: Vec<Vec<String>> = (shots.methods.iter())
        .flat_map(|method| {
            let mut own = row(method, measure, &columns);
            let mut of_units = of_units(method, &columns);
            if compared {
                own.push(behind(method.behind, measure));
                of_units.iter_mut().for_each(|row| row.push(String::new()));
            }
            std::iter::once(own).chain(of_units)
        })
        .collect();
    output::table(&head, &rows)
}

/// What can be had without meta-learning, and whether it pays.
fn baselines(shots: &ShotsReport, measure: Measure) -> String {
    let mut text = String::new();
    let written = |by: Interval| value(Some(by.scaled(measure.scale())), measure);
    if !shots.baselines.is_empty() {
        let name = "baseline, on the same tasks";
        let head = [name, measure.name(), BEHIND, "chosen"].map(str::to_owned);
        let rows = shots.baselines.iter().map(|baseline| {
            vec![
                baseline.title.clone(),
                value(baseline.of(measure), measure),
                behind(baseline.behind, measure),
                baseline.choice.clone().unwrap_or_default(),
            ]
        });
        text += &format!("\n\n{}", output::table(&head, &rows.collect::<Vec<_>>()));
    }
    if let Some(verdict) = &shots.verdict {
        text += &format!("\n{}: {}", verdict.words(), verdict.who(written));
        if let Some(caution) = verdict.caution() {
            text += &format!("\n{caution}");
        }
    }
    for split in &shots.splits {
        if let Some(verdict) = &split.verdict {
            text += &format!(
                "\n  split seed {}: {}",
                split.split_seed,
                verdict.who(written)
            );
        }
    }
    text
}

/// How far the run of the verdict is ahead.
fn behind(ahead: Option<Paired>, measure: Measure) -> String {
    let scaled = |ahead: Paired| ahead.difference.scaled(measure.scale());
    ahead.map_or_else(String::new, |ahead| value(Some(scaled(ahead)), measure))
}

/// The errors unit by unit, where it is known which unit a task is of.
fn of_units(method: &MethodReport, columns: &[usize]) -> Option<Vec<String>> {
    let units = |step: usize| method.after(step)?.error?.units;
    let count = columns.iter().find_map(|&step| units(step))?.count;
    let mut row = vec![format!("  mean over {}", counted(count, "unit"))];
    row.extend(columns.iter().map(|&step| {
        let interval = units(step).map(|units| units.interval);
        interval.map_or_else(String::new, |own| value(Some(own), Measure::Error))
    }));
    row.extend([String::new(), String::new()]);
    Some(row)
}

fn row(method: &MethodReport, measure: Measure, columns: &[usize]) -> Vec<String> {
    let mut name = method.title.clone();
    let setting = setting(&method.settings);
    if !setting.is_empty() {
        name += &format!(", {setting}");
    }
    let mut row = vec![name];
    row.extend(columns.iter().map(|&step| {
        let Some(report) = method.after(step) else {
            return String::new();
        };
        let mut cell = value(report.of(measure), measure);
        let spread = report.between_seeds.and_then(|spread| spread.of(measure));
        if let Some(spread) = spread {
            cell += &format!(" (seeds {})", number(spread, measure));
        }
        cell
    }));
    row.push(match method.tuned() {
        Some(rates) => format!("{rates} tuned"),
        None if method.own_steps > 0 && method.seeds.is_empty() => "own".into(),
        None => String::new(),
    });
    let diverged = method.steps.last().and_then(|report| report.diverged);
    row.push(diverged.map_or_else(String::new, |count| count.to_string()));
    row
}

/// `98.7 ± .4`, with the digits that `measure` deserves.
pub(super) fn value(interval: Option<Interval>, measure: Measure) -> String {
    interval.map_or_else(
        || "not finite".to_owned(),
        |Interval { mean, half_width }| {
            let width = match half_width.is_finite() {
                true => number(half_width, measure),
                false => "unknown".to_owned(),
            };
            format!("{} ± {width}", number(mean, measure))
        },
    )
}

pub(super) fn number(value: f64, measure: Measure) -> String {
    match measure {
        Measure::Accuracy => format!("{value:.2}"),
        Measure::Error if value.abs() < 1.0 => format!("{value:.5}"),
        Measure::Loss | Measure::Error | Measure::Return if value.abs() < 1e4 => {
            format!("{value:.3}")
        }
        Measure::Loss | Measure::Error | Measure::Return => format!("{value:.1e}"),
    }
}

/// What the words and rows of the tables mean.
fn notes(report: &Report) -> String {
    let methods = || report.shots.iter().flat_map(|shots| &shots.methods);
    let taken_back = match report.setting {
        Setting::Device => "their steps are taken back, as by the engine",
        _ => "a device takes such steps back",
    };
    let mut text = match report.acts {
        true => "\n\nreturn: the sum of a rollout's rewards, its mean over the rollouts of a \
                 task after so many inner steps; every step is taken on the rollouts before it\n"
            .to_owned(),
        false => String::from("\n\n"),
    };
    if !report.acts {
        text += &format!(
            "diverged: tasks whose support loss ended above that before adaptation, or not finite; \
         {taken_back}\n"
        );
    }
    if let Some(units) = report.units.filter(|&units| units > 1) {
        text += &format!(
            "over {}: tasks of one person or device are alike, so intervals are over those\n",
            counted(units, "unit")
        );
    }
    let verdicts = || {
        report
            .shots
            .iter()
            .filter_map(|shots| shots.verdict.as_ref())
    };
    if verdicts().next().is_some() {
        text += &format!(
            "{BEHIND}: how far the run of the verdict is ahead of the row, task by task; below 0 \
             the row is ahead\n"
        );
    }
    if let Some(judged) = report.judged() {
        let named = |setting| methods().any(|method| method.settings[..] == [setting]);
        for setting in Setting::ALL.into_iter().filter(|&setting| named(setting)) {
            let words = match setting {
                Setting::Device => "each query alone, as the engine on a device predicts it",
                Setting::Transductive => {
                    "all queries of a task in one batch, whose statistics normalise it"
                }
                Setting::Inductive => {
                    "each query in a batch with the support set, after the run's own steps"
                }
            };
            text += &format!("{}: {words}\n", setting.name());
        }
        text += &format!("judged by: {}\n", judged.name());
        if methods().any(|method| method.settings.len() > 1) {
            text += "a row without such a word: all are the same, as no query sees another\n";
        }
    }
    if report.unit.is_some() {
        text += "root mean square error: over all queries of all tasks; of units: the root of each \
                 one's mean, and their mean with its 95 % interval\n";
    }
    if methods().any(|method| !method.tuned_rates.is_empty()) {
        text += &format!("tuned: on {} validation tasks\n", report.tuning_tasks);
    }
    for shots in &report.shots {
        for baseline in shots.baselines.iter().filter(|own| !own.choices.is_empty()) {
            text += &format!(
                "{}, K = {}, chose fold by fold: {}\n",
                baseline.title,
                shots.shots,
                baseline.choices.join(", ")
            );
        }
    }
    if methods().any(|method| !method.seeds.is_empty()) {
        text += "mean of seeds: of every task's mean over the runs; in brackets the standard \
                 deviation between runs\n";
    }
    let mut named: Vec<(&str, &str)> = Vec::new();
    for method in methods().filter(|method| method.seeds.is_empty()) {
        let name = (method.run.as_str(), method.title.as_str());
        if named.contains(&name) {
            continue;
        }
        named.push(name);
        text += &format!(
            "{}: {}, protocol {}, seed {}, evaluated after {}, parameters of iteration {}, {}\n",
            method.title,
            method.run,
            method.protocol.name(),
            method.seed,
            match method.own_steps {
                1 => "1 step".to_owned(),
                steps => format!("{steps} steps"),
            },
            method.iteration,
            method.chosen.words()
        );
    }
    text
}
