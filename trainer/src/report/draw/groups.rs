//! Users, units and classes, the worst first.

use maud::{Markup, html};

use super::{confusion, difference, setup, written};
use crate::evaluate::Measure;
use crate::page::number::{self, plain};
use crate::page::{Cell, table};
use crate::plot::{Axis, change, extent};
use crate::report::{Detail, Group};

/// Rows of a table of users or classes; of more, the worst.
const ROWS: usize = 30;

/// By person or unit.
pub(super) fn users(details: &[Detail]) -> Option<Markup> {
    let what = match details.first()?.measure {
        Measure::Accuracy => "user",
        Measure::Error | Measure::Loss | Measure::Return => "unit",
    };
    groups(details, what, |detail| &detail.users)
}

/// By class, and what classes are taken for.
pub(super) fn classes(details: &[Detail]) -> Option<Markup> {
    let tables = groups(details, "class", |detail| &detail.classes)?;
    Some(html! {
        (tables)
        @for detail in details {
            @if let Some(confusion) = &detail.confusion {
                h3 { "What is taken for what, " (setup(detail)) }
                (confusion::confusion(confusion))
            }
        }
    })
}

fn groups(details: &[Detail], what: &str, of: impl Fn(&Detail) -> &Vec<Group>) -> Option<Markup> {
    if details.iter().all(|detail| of(detail).len() < 2) {
        return None;
    }
    let means = details
        .iter()
        .flat_map(&of)
        .flat_map(|group| [group.before.mean, group.after.mean]);
    let axis = match details.first()?.measure {
        Measure::Accuracy => Axis::linear("", (0.0, 100.0)),
        Measure::Error | Measure::Loss | Measure::Return => {
            Axis::linear("", (0.0, extent(means).unwrap_or((0.0, 1.0)).1))
        }
    };
    Some(html! {
        p {
            "The worst first. Rings stand for what the model gets before it adapts, dots with their \
             interval for what it gets afterwards, from "
            @match details.first()?.measure {
                Measure::Accuracy => { "0 to 100 %." },
                Measure::Error | Measure::Loss | Measure::Return => { "0 to " (plain(axis.range().1)) "." },
            }
        }
        @for detail in details {
            (group_table(detail, what, of(detail), &axis))
        }
    })
}

fn group_table(detail: &Detail, what: &str, groups: &[Group], axis: &Axis) -> Markup {
    let measure = detail.measure;
    let scale = measure.scale();
    let row = |group: &Group| {
        let Group { before, after, .. } = group;
        let after_scaled = (scale * after.mean, scale * after.half_width);
        let row = vec![
            Cell::text(group.name.clone()),
            Cell::Drawn(change(axis, scale * before.mean, after_scaled)),
            Cell::number(written(measure, *after)),
            Cell::number(written(measure, *before)),
            Cell::number(difference(measure, group.change)),
            Cell::number(number::count(group.tasks as u64)),
            Cell::number(number::count(group.queries as u64)),
        ];
        (false, row)
    };
    let left_out = groups.len().saturating_sub(ROWS);
    let kept = groups.iter().take(ROWS.min(groups.len())).map(row);
    let name = match measure {
        Measure::Accuracy => "accuracy",
        Measure::Error => "root mean square error",
        Measure::Loss => "loss",
        Measure::Return => "return",
    };
    let caption = format!("{name}, {}", setup(detail));
    let head = [
        what,
        "before → after",
        "after",
        "before",
        "change",
        "tasks",
        "queries",
    ];
    html! {
        (table(&caption, &head, &kept.collect::<Vec<_>>()))
        @if left_out > 0 {
            p.note { (left_out) " more are better than these." }
        }
    }
}
