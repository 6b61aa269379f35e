//! The page of a run.

mod boards;
mod calibration;
mod confusion;
mod curves;
mod groups;
mod methods;

use maud::{Markup, html};

use super::{Deployment, Detail, Group, RunReport, Subject};
use crate::evaluate::{Interval, Measure, MethodReport, Setting, ShotsReport};
use crate::page::number::{self, counted, interval, kib, percent};
use crate::page::{document, section};

impl RunReport {
    /// The page, one file without references to any other.
    pub fn to_html(&self) -> String {
        let title = format!("{}: {}", self.subject.name, self.subject.title);
        let users = match self.details.first().map(|detail| detail.measure) {
            Some(Measure::Error | Measure::Loss | Measure::Return) => "By unit",
            _ => "By user",
        };
        let parts: Vec<(&str, &str, Markup)> = [
            ("steps", "Before and after", curves::steps(self)),
            (
                "methods",
                "Against its baselines",
                methods::methods(&self.evaluation),
            ),
            ("users", users, groups::users(&self.details)),
            ("classes", "By class", groups::classes(&self.details)),
            (
                "calibration",
                "Calibration",
                calibration::calibration(&self.details),
            ),
            ("board", "On a board", boards::deployment(&self.deployment)),
            ("training", "Training", curves::training(self)),
            ("how", "How this was made", how(self)),
        ]
        .into_iter()
        .filter_map(|(id, heading, body)| Some((id, heading, body?)))
        .collect();
        let body = html! {
            header {
                h1 { (self.subject.title) }
                p.lead { (lead(self)) }
            }
            (tiles(self))
            nav aria-label="Parts of this page" {
                ul {
                    @for (id, heading, _) in &parts {
                        li { a href={ "#" (id) } { (heading) } }
                    }
                }
            }
            @for (id, heading, body) in &parts { (section(id, heading, body)) }
        };
        document(&title, &body)
    }
}

/// What was measured, in one sentence.
fn lead(report: &RunReport) -> String {
    let evaluation = &report.evaluation;
    let ways = evaluation
        .ways
        .map_or_else(String::new, |ways| format!("{ways}-way "));
    format!(
        "{}. Measured on {} {ways}{} tasks that training did not see, seed {}; ± is half of a \
         95 % interval over {}.{}",
        report.subject.name,
        number::count(evaluation.tasks as u64),
        evaluation.split.name(),
        evaluation.seed,
        Interval::over_what(evaluation.units),
        match evaluation.judged() {
            None => "",
            Some(Setting::Device) => " Each query is predicted alone, as on a device.",
            Some(Setting::Transductive) =>
                " All queries of a task are predicted in one batch (transductive), which a device \
                 does not have.",
            Some(Setting::Inductive) =>
                " Each query is predicted in a batch with the support set (inductive), which a \
                 device does not have.",
        }
    )
}

/// What a device does with the run, where it is judged by something else.
fn on_device(report: &RunReport, detail: &Detail) -> Option<String> {
    let evaluation = &report.evaluation;
    let shots = (evaluation.shots.iter()).find(|shots| shots.shots == detail.shots)?;
    let Subject { run, title, .. } = &report.subject;
    let of_device = |method: &&MethodReport| {
        (&method.run, &method.title) == (run, title) && method.settings == [Setting::Device]
    };
    let method = shots.methods.iter().find(of_device)?;
    let measure = evaluation.measure();
    let value = method.after(method.own_steps)?.of(measure);
    let value = number::measured(value, measure);
    (detail.setting != Setting::Device).then(|| format!("on a device: {value}"))
}

/// A figure as the page writes it.
fn written(measure: Measure, value: Interval) -> String {
    match measure {
        Measure::Accuracy => percent(value),
        Measure::Error | Measure::Loss | Measure::Return => interval(value),
    }
}

/// A difference, with its sign; per cent are points then.
fn difference(measure: Measure, value: Interval) -> String {
    let sign = if value.mean > 0.0 { "+" } else { "" };
    match measure {
        Measure::Accuracy => format!("{sign}{}", percent(value).replace(" %", "")),
        Measure::Error | Measure::Loss | Measure::Return => format!("{sign}{}", interval(value)),
    }
}

/// `5 shots, 5 steps`, and the setting where it is not a device's.
fn setup(detail: &Detail) -> String {
    let setting = match detail.setting {
        Setting::Device => String::new(),
        other => format!(", {}", other.name()),
    };
    format!(
        "{}, {}{setting}",
        counted(detail.shots, "shot"),
        counted(detail.steps, "step")
    )
}

/// A figure with its interval small beside it.
fn large(text: &str) -> Markup {
    let (value, unit) = match text.strip_suffix(" %") {
        Some(value) => (value, " %"),
        None => (text, ""),
    };
    let (mean, rest) = value.split_at(value.find(" ±").unwrap_or(value.len()));
    html! { (mean) (unit) @if !rest.is_empty() { small { (rest) } } }
}

/// What the evaluation says of the run itself, so that the page shows the same figure.
fn evaluated(shots: &ShotsReport, detail: &Detail) -> Option<Interval> {
    let mut own = shots.methods.iter();
    let own = own.find(|method| method.settings.contains(&detail.setting))?;
    let measured = own.after(detail.steps)?.of(detail.measure)?;
    Some(measured.scaled(1.0 / detail.measure.scale()))
}

/// The figures to see first.
fn tiles(report: &RunReport) -> Markup {
    let what = |measure| match measure {
        Measure::Accuracy => "Accuracy",
        Measure::Error => "Root mean square error",
        Measure::Loss => "Loss",
        Measure::Return => "Return",
    };
    let worst = |detail: &Detail| -> Option<Group> {
        (detail.users.len() > 1).then(|| detail.users.first().cloned())?
    };
    html! {
        dl.tiles {
            @for (detail, shots) in report.details.iter().zip(&report.evaluation.shots) {
                @let Group { before, .. } = &detail.all;
                @let after = evaluated(shots, detail).unwrap_or(detail.all.after);
                div.tile {
                    dt { (what(detail.measure)) ", " (setup(detail)) }
                    dd {
                        div.big { (large(&written(detail.measure, after))) }
                        div.small { "from " (written(detail.measure, *before)) }
                        @if let Some(device) = on_device(report, detail) { div.small { (device) } }
                    }
                }
            }
            @if let Some((detail, user)) = report.details.first().and_then(|d| Some((d, worst(d)?))) {
                div.tile {
                    dt { @if detail.measure == Measure::Accuracy { "Worst user, " } @else { "Worst unit, " } (setup(detail)) }
                    dd {
                        div.big { (large(&written(detail.measure, user.after))) }
                        div.small { (user.name) }
                    }
                }
            }
            @if let Deployment::Exported(deployed) = &report.deployment {
                div.tile {
                    dt { "Artifact, " (deployed.form) }
                    dd {
                        div.big { (kib(deployed.bytes)) }
                        div.small {
                            (number::count(report.subject.adapting as u64)) " of "
                            (number::count(report.subject.parameters as u64)) " parameters adapt"
                        }
                    }
                }
                @if let Some((shots, fit)) = (deployed.shots.first())
                    .and_then(|shots| Some((shots.shots, shots.boards.first()?)))
                {
                    div.tile {
                        dt { "On " (fit.board.name) ", " (counted(shots, "shot")) }
                        dd {
                            div class={ "big " (if fit.fits { "good" } else { "bad" }) } {
                                (if fit.fits { "fits" } else { "does not fit" })
                            }
                            div.small {
                                (kib(fit.ram.total)) " of RAM, learns in about "
                                (number::seconds(fit.seconds.adding + fit.seconds.adaptation))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Config, seed, revision and command.
fn how(report: &RunReport) -> Option<Markup> {
    let Subject {
        run,
        method,
        protocol,
        seed,
        iteration,
        chosen,
        loss,
        manifest,
        outcome,
        command,
        made,
        commit,
        ..
    } = &report.subject;
    let method = serde_json::to_value(method).ok();
    let method = method
        .as_ref()
        .and_then(|method| method.as_str())
        .unwrap_or("");
    let evaluation = &report.evaluation;
    Some(html! {
        p { "The same command with the same data gives the same figures:" }
        pre.command { (command) }
        dl.facts {
            dt { "Run" } dd { (run) }
            dt { "Method" } dd { (method) ", protocol " (protocol.name()) ", loss: " (loss) }
            dt { "Seed" } dd { (seed) " of training, " (evaluation.seed) " of the tasks it is evaluated on" }
            dt { "Tasks" }
            dd {
                (number::count(evaluation.tasks as u64)) " of the " (evaluation.split.name()) " split"
                @if let Some(ways) = evaluation.ways { ", " (ways) " classes each" }
                ", " (number::count(evaluation.tuning_tasks as u64)) " validation tasks where a rate is tuned"
            }
            dt { "Parameters" }
            dd { "of iteration " (number::count(*iteration)) ", " (chosen.words()) }
            @if let Some(outcome) = outcome {
                dt { "Training" }
                dd {
                    (number::count(outcome.iterations)) " iterations, "
                    (number::seconds(outcome.seconds)) " since its last start"
                }
            }
            @if let Some(manifest) = manifest {
                dt { "Trained by" }
                dd { "mamlet " (manifest.version) ", revision " (manifest.commit) ", on " (manifest.device) }
                dt { "Started" } dd { (manifest.started) }
                dt { "Config" } dd { "CRC-64 " (manifest.config_digest) }
            }
            dt { "Page made" } dd { (made) ", revision " (commit) }
        }
        details {
            summary { "The resolved config" }
            pre { (report.config) }
        }
    })
}
