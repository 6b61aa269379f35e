//! Pages that are one file: HTML with its style and pictures inside, for a browser
//! without a network or scripts, on a desk or a phone, in light or dark.
//!
//! Text goes through [`maud`], which escapes it. Pictures are those of
//! [`plot`](crate::plot); they take their colours from the page, so that they follow
//! its scheme.

pub(crate) mod number;
#[cfg(test)]
pub(crate) mod tests;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::plot::Theme;

/// The style sheet, with the colours of figures as variables.
fn style() -> String {
    format!(
        ":root{{{}}}@media (prefers-color-scheme: dark){{:root{{{}}}}}\n{}",
        Theme::Light.declarations(),
        Theme::Dark.declarations(),
        include_str!("page.css")
    )
}

/// A whole document.
pub(crate) fn document(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "mamlet " (env!("CARGO_PKG_VERSION")) };
                title { (title) }
                style { (PreEscaped(style())) }
            }
            body { main { (body) } }
        }
    }
    .into_string()
}

/// A part of a page under a heading that links can name.
pub(crate) fn section(id: &str, heading: &str, body: &Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby={ (id) "-heading" } {
            h2 id={ (id) "-heading" } { (heading) }
            (body)
        }
    }
}

/// A cell of a table.
pub(crate) enum Cell {
    /// Words, to the left.
    Text(String),
    /// A figure, to the right.
    Number(String),
    /// A picture.
    Drawn(Markup),
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn number(text: impl Into<String>) -> Self {
        Self::Number(text.into())
    }
}

/// A table that scrolls by itself where the screen is too narrow. The first cell of a
/// row names it; `marked` rows stand out.
pub(crate) fn table(caption: &str, head: &[&str], rows: &[(bool, Vec<Cell>)]) -> Markup {
    let numbers = |column: usize| {
        rows.iter()
            .any(|(_, row)| matches!(row.get(column), Some(Cell::Number(_))))
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead {
                    tr {
                        @for (column, name) in head.iter().enumerate() {
                            th.n[numbers(column)] scope="col" { (name) }
                        }
                    }
                }
                tbody {
                    @for (marked, row) in rows {
                        tr.marked[*marked] {
                            @for (column, cell) in row.iter().enumerate() {
                                @match cell {
                                    Cell::Text(text) if column == 0 => th scope="row" { (text) },
                                    Cell::Text(text) => td { (text) },
                                    Cell::Number(text) => td.n { (text) },
                                    Cell::Drawn(drawn) => td.drawn { (drawn) },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A picture with words below it.
pub(crate) fn figure(picture: &Markup, caption: &str) -> Markup {
    html! {
        figure {
            (picture)
            figcaption { (caption) }
        }
    }
}
