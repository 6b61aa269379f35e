//! Users, devices and classes, the worst first.

use maud::{Markup, html};

use super::{confusion, difference, setup, told};
use crate::page::axis::Axis;
use crate::page::number::{self, plain};
use crate::page::points::change;
use crate::page::{Cell, table};
use crate::report::{Detail, Group, Judged};

/// Rows of a table of users or classes; of more, the worst.
const ROWS: usize = 30;

/// By person or device.
pub(super) fn users(details: &[Detail]) -> Option<Markup> {
    let what = match details.first()?.judged {
        Judged::Accuracy => "user",
        Judged::AbsoluteError => "device",
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
    let axis = match details.first()?.judged {
        Judged::Accuracy => Axis::percent("", [0.0, 100.0]),
        Judged::AbsoluteError => Axis::linear("", means.chain([0.0])),
    };
    Some(html! {
        p {
            "The worst first. Rings stand for what the model gets before it adapts, dots with their \
             interval for what it gets afterwards, from "
            @match details.first()?.judged {
                Judged::Accuracy => { "0 to 100 %." },
                Judged::AbsoluteError => { "0 to " (plain(axis.range().1)) "." },
            }
        }
        @for detail in details {
            (group_table(detail, what, of(detail), &axis))
        }
    })
}

fn group_table(detail: &Detail, what: &str, groups: &[Group], axis: &Axis) -> Markup {
    let judged = detail.judged;
    let scale = if judged == Judged::Accuracy {
        100.0
    } else {
        1.0
    };
    let row = |group: &Group| {
        let Group { before, after, .. } = group;
        let after_scaled = (scale * after.mean, scale * after.half_width);
        let row = vec![
            Cell::text(group.name.clone()),
            Cell::Drawn(change(axis, scale * before.mean, after_scaled)),
            Cell::number(told(judged, *after)),
            Cell::number(told(judged, *before)),
            Cell::number(difference(judged, group.change)),
            Cell::number(number::count(group.tasks as u64)),
            Cell::number(number::count(group.queries as u64)),
        ];
        (false, row)
    };
    let left_out = groups.len().saturating_sub(ROWS);
    let kept = groups.iter().take(ROWS.min(groups.len())).map(row);
    let measure = match judged {
        Judged::Accuracy => "accuracy",
        Judged::AbsoluteError => "mean absolute error",
    };
    let caption = format!("{measure}, {}", setup(detail));
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
