//! What classes are taken for.

use maud::{Markup, html};

use crate::page::number;
use crate::page::{Cell, table};
use crate::report::Confusion;

/// Classes of a matrix that can be read.
const MATRIX: usize = 24;
/// Pairs of classes in the table below it.
const PAIRS: usize = 10;

/// The matrix, unless it is too large, and the pairs that are mixed up most.
pub(super) fn confusion(confusion: &Confusion) -> Markup {
    html! {
        @if confusion.classes.len() <= MATRIX { (matrix(confusion)) }
        (pairs(confusion))
    }
}

fn matrix(confusion: &Confusion) -> Markup {
    let rows = confusion.classes.iter().zip(&confusion.counts);
    html! {
        div.scroll tabindex="0" role="region" aria-label="Confusion matrix" {
            table.confusion {
                caption { "Share of a class's queries (row) that are taken for another (column), in per cent" }
                thead {
                    tr {
                        th {}
                        @for name in &confusion.classes { th scope="col" { (name) } }
                    }
                }
                tbody {
                    @for (row, (name, counts)) in rows.enumerate() {
                        @let all = counts.iter().sum::<usize>().max(1);
                        tr {
                            th scope="row" { (name) }
                            @for (column, count) in counts.iter().enumerate() {
                                @let share = *count as f64 / all as f64;
                                td.wrong[row != column] style={ "--v:" (format!("{share:.3}")) } {
                                    @if *count > 0 { (format!("{:.1}", 100.0 * share)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The pairs of classes that are mixed up most, as a share of the queries of the
/// class.
fn pairs(confusion: &Confusion) -> Markup {
    let mut pairs: Vec<(f64, usize, usize, usize)> = Vec::new();
    for (row, counts) in confusion.counts.iter().enumerate() {
        let all = counts.iter().sum::<usize>().max(1);
        let wrong = counts
            .iter()
            .enumerate()
            .filter(|(column, count)| *column != row && **count > 0);
        pairs.extend(wrong.map(|(column, &count)| (count as f64 / all as f64, row, column, count)));
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let rows = pairs
        .iter()
        .take(PAIRS)
        .map(|&(share, class, taken, count)| {
            let row = vec![
                Cell::text(confusion.classes[class].clone()),
                Cell::text(confusion.classes[taken].clone()),
                Cell::number(format!("{:.1} %", 100.0 * share)),
                Cell::number(number::count(count as u64)),
            ];
            (false, row)
        });
    let rows: Vec<_> = rows.collect();
    html! {
        @if rows.is_empty() {
            p { "No query is taken for another class." }
        } @else {
            (table("Mixed up most", &["class", "taken for", "of its queries", "queries"], &rows))
        }
    }
}
