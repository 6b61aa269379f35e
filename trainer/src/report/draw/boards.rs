//! What the artifact of a run needs of each board: flash, RAM, time.

use maud::{Markup, html};

use crate::evaluate::Interval;
use crate::export::Score;
use crate::page::number::{self, counted, kib};
use crate::page::{Cell, table};
use crate::report::{Deployed, Deployment};

/// The needs beside what each board has, or why there is no artifact.
pub(super) fn deployment(deployment: &Deployment) -> Option<Markup> {
    Some(match deployment {
        Deployment::Impossible { why } => html! { p { "There is no artifact: " (why) "." } },
        Deployment::Exported(deployed) => exported(deployed),
    })
}

fn exported(deployed: &Deployed) -> Markup {
    html! {
        p {
            "The artifact takes " (number::count(deployed.bytes as u64)) " bytes as " (deployed.form)
            ". The engine of the device agrees with the trainer: gradients to "
            (format!("{:.0e}", deployed.parity.gradient)) ", losses to "
            (format!("{:.0e}", deployed.parity.loss)) " of their size."
        }
        @if let Some([before, after]) = &deployed.scores {
            p {
                "On the engine, on the same tasks for both: " (score(before)) " as f32, " (score(after))
                " as " (deployed.form) "."
            }
        }
        @for shots in &deployed.shots {
            @let examples = shots.boards.first().map_or(0, |fit| fit.examples);
            @let steps = shots.boards.first().map_or(0, |fit| fit.steps);
            @let rows: Vec<_> = shots.boards.iter().map(|fit| {
                let of = |needed: usize, given: usize| format!("{} of {}", kib(needed), kib(given));
                let row = vec![
                    Cell::text(fit.board.name.clone()),
                    Cell::text(if fit.fits { "fits" } else { "does not fit" }),
                    Cell::number(of(fit.flash.total, fit.board.flash)),
                    Cell::number(of(fit.ram.total, fit.board.ram)),
                    Cell::number(number::seconds(fit.seconds.adding + fit.seconds.adaptation)),
                    Cell::number(number::seconds(fit.seconds.adding + fit.seconds.adaptation_at_most)),
                    Cell::number(number::seconds(fit.seconds.prediction)),
                ];
                (false, row)
            }).collect();
            (table(
                &format!("{}: {}, {}", counted(shots.shots, "shot"), counted(examples, "example"), counted(steps, "step")),
                &["board", "", "flash", "RAM", "learns in", "at most", "predicts in"],
                &rows
            ))
        }
        p.note {
            "Flash: the artifact and the engine. RAM: adapted weights, examples, workspace and stack, \
             exact but for the stack. Times are estimates from multiply-accumulates and each core's \
             cycles for one; learning is adding the examples and adapting to them."
        }
    }
}

fn score(score: &Score) -> String {
    let value = Interval {
        mean: score.mean,
        half_width: score.half_width,
    };
    match score.what {
        "accuracy" => number::percent(value),
        what => format!("{what} {}", number::interval(value)),
    }
}
