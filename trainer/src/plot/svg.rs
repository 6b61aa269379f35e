//! Drawings as SVG: a document of one theme, or a part of a page that follows the
//! page's scheme.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::drawing::{Align, Drawing, Look, Outline, Shape, Spot, Text};
use super::text::FAMILY;
use super::theme::{Paint, Theme};

/// A document by itself; `label` is for those who do not see it.
pub(super) fn document(drawing: &Drawing, theme: Theme, label: &str) -> String {
    let size = Some((drawing.width, drawing.height));
    let mut on_ground = Drawing {
        width: drawing.width,
        height: drawing.height,
        ..Drawing::default()
    };
    let (right, bottom) = (drawing.width, drawing.height);
    let corners = vec![(0.0, 0.0), (right, 0.0), (right, bottom), (0.0, bottom)];
    on_ground.area(Paint::Ground, 1.0, corners);
    on_ground.shapes.extend(drawing.shapes.iter().cloned());
    element(&on_ground, &|paint| theme.hex(paint), label, size).into_string()
}

/// A part of a page; hidden from those who do not see it if it has no label.
pub(super) fn inline(drawing: &Drawing, label: &str) -> Markup {
    element(drawing, &Paint::variable, label, None)
}

/// `size` is that of a document.
fn element(
    drawing: &Drawing,
    color: &dyn Fn(Paint) -> String,
    label: &str,
    size: Option<Spot>,
) -> Markup {
    let named = !label.is_empty();
    html! {
        svg xmlns=[size.map(|_| "http://www.w3.org/2000/svg")]
            width=[size.map(|size| n(size.0))]
            height=[size.map(|size| n(size.1))]
            viewBox={ "0 0 " (n(drawing.width)) " " (n(drawing.height)) }
            role=[named.then_some("img")]
            aria-label=[named.then_some(label)]
            aria-hidden=[(!named).then_some("true")]
            font-family=(FAMILY) fill="none" stroke-linejoin="round" stroke-linecap="round"
        {
            @for shape in &drawing.shapes {
                @match shape {
                    Shape::Outlines(look, outlines) => (outlines_(look, outlines, color)),
                    Shape::Text(text) => (text_(text, color)),
                }
            }
        }
    }
}

fn outlines_(look: &Look, outlines: &[Outline], color: &dyn Fn(Paint) -> String) -> Markup {
    let fill = look.fill.map(color);
    let stroke = look.stroke.map(|stroke| color(stroke.paint));
    let width = look.stroke.map(|stroke| n(stroke.width));
    let dash = look.stroke.filter(|stroke| !stroke.dash.is_empty());
    let dash = dash.map(|stroke| {
        let lengths = stroke.dash.iter().map(f32::to_string);
        lengths.collect::<Vec<_>>().join(" ")
    });
    let opacity = (look.opacity < 1.0).then(|| look.opacity.to_string());
    html! {
        g fill=[&fill] stroke=[&stroke] stroke-width=[&width] stroke-dasharray=[&dash]
            fill-opacity=[opacity.as_ref().filter(|_| fill.is_some())]
            stroke-opacity=[opacity.as_ref().filter(|_| stroke.is_some())]
        {
            @for outline in outlines {
                @match outline {
                    Outline::Line(points) => path d=(path(points)) {},
                    Outline::Area(points) => path d={ (path(points)) "Z" } {},
                    Outline::Circle((x, y), r) => circle cx=(n(*x)) cy=(n(*y)) r=(n(*r)) {},
                }
            }
        }
    }
}

fn text_(text: &Text, color: &dyn Fn(Paint) -> String) -> Markup {
    let anchor = match text.align {
        Align::Left => None,
        Align::Center => Some("middle"),
        Align::Right => Some("end"),
    };
    html! {
        text x=(n(text.at.0)) y=(n(text.baseline())) fill=(color(text.paint))
            font-size=(n(text.size)) font-weight=[text.bold.then_some("600")] text-anchor=[anchor]
        {
            (text.words)
        }
    }
}

/// A coordinate.
fn n(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A path through points; a single point gets a length, or it would have no caps.
fn path(points: &[Spot]) -> String {
    let mut text = String::with_capacity(points.len() * 12);
    for (at, (x, y)) in points.iter().enumerate() {
        let command = match at {
            0 => "M",
            1 => "L",
            _ => " ",
        };
        // Writing to a string does not fail.
        let _ = write!(text, "{command}{},{}", n(*x), n(*y));
    }
    if points.len() == 1 {
        text.push_str("h.1");
    }
    text
}
