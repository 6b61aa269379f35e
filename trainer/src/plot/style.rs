//! Colours, line patterns, markers and the embedded font.

use std::sync::OnceLock;

use plotters::style::{FontDesc, FontFamily, FontStyle, RGBColor, register_font};

use super::PlotError;

/// Device pixels for each figure pixel. Bitmaps are drawn this much larger and
/// averaged down; an SVG gets coordinates this much finer.
pub(super) const SCALE: u32 = 2;

/// The palette of Okabe and Ito, in an order that keeps neighbours apart, then
/// two more that stay apart from it for the colour-blind. Its yellow is left
/// out: it cannot be seen on white.
const PALETTE: [RGBColor; 9] = [
    BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, INK, GREY, WINE,
];
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(super) const VERMILLION: RGBColor = RGBColor(213, 94, 0);
pub(super) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(super) const PURPLE: RGBColor = RGBColor(204, 121, 167);
pub(super) const ORANGE: RGBColor = RGBColor(230, 159, 0);
pub(super) const SKY: RGBColor = RGBColor(86, 180, 233);
const GREY: RGBColor = RGBColor(128, 128, 128);
const WINE: RGBColor = RGBColor(136, 34, 85);
/// Text, axes and the true curve.
pub(super) const INK: RGBColor = RGBColor(20, 20, 20);
/// Sub-titles and notes.
pub(super) const SOFT_INK: RGBColor = RGBColor(70, 70, 70);
/// Grid lines at labelled ticks.
pub(super) const GRID: RGBColor = RGBColor(218, 218, 218);
/// Grid lines between them.
pub(super) const FINE_GRID: RGBColor = RGBColor(238, 238, 238);

/// Text sizes, in figure pixels of line height.
pub(super) const TITLE: f64 = 46.0;
pub(super) const PANEL_TITLE: f64 = 36.0;
pub(super) const SUBTITLE: f64 = 34.0;
pub(super) const AXIS_NAME: f64 = 36.0;
pub(super) const LEGEND: f64 = 34.0;
pub(super) const TICK: f64 = 32.0;
pub(super) const NOTE: f64 = 29.0;

/// On and off lengths in figure pixels, round caps included; empty is solid.
pub(super) type Dash = &'static [f64];
pub(super) const SOLID: Dash = &[];
pub(super) const DASHED: Dash = &[20.0, 9.0];
pub(super) const DOTTED: Dash = &[5.0, 6.0];
pub(super) const DASH_DOT: Dash = &[20.0, 7.0, 5.0, 7.0];
const DASHES: [Dash; 4] = [SOLID, DASHED, DOTTED, DASH_DOT];

/// The shape that stands on each point of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    TriangleDown,
    Cross,
}

const MARKERS: [Marker; 6] = [
    Marker::Circle,
    Marker::Square,
    Marker::Triangle,
    Marker::Diamond,
    Marker::TriangleDown,
    Marker::Cross,
];

/// How a line is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stroke {
    pub(super) color: RGBColor,
    pub(super) width: f64,
    pub(super) dash: Dash,
}

impl Stroke {
    pub(super) const fn solid(color: RGBColor, width: f64) -> Self {
        Self {
            color,
            width,
            dash: SOLID,
        }
    }
}

/// The line and marker of series number `index`; colour, pattern and marker
/// repeat with different periods, so 36 series stay apart.
pub(super) fn series(index: usize) -> (Stroke, Marker) {
    let stroke = Stroke {
        color: PALETTE[index % PALETTE.len()],
        width: 4.0,
        dash: DASHES[index % DASHES.len()],
    };
    (stroke, MARKERS[index % MARKERS.len()])
}

/// `color` mixed with white, which stays opaque where lines cross.
pub(super) fn faint(color: RGBColor) -> RGBColor {
    let mix = |channel: u8| 255 - ((255 - channel) as f64 * 0.38).round() as u8;
    RGBColor(mix(color.0), mix(color.1), mix(color.2))
}

/// The embedded font under this name; a viewer of an SVG that does not have it
/// falls through the list.
const FAMILY: &str = "Ubuntu, DejaVu Sans, Helvetica, Arial, sans-serif";

/// Makes the embedded font known to the drawing library, once for the process.
pub(super) fn register() -> Result<(), PlotError> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let registered = REGISTERED.get_or_init(|| {
        register_font(
            FAMILY,
            FontStyle::Normal,
            epaint_default_fonts::UBUNTU_LIGHT,
        )
        .is_ok()
    });
    if *registered {
        Ok(())
    } else {
        Err(PlotError::Draw("the embedded font is unreadable".into()))
    }
}

/// The font at a line height of `size` figure pixels, in device pixels.
pub(super) fn font(size: f64) -> FontDesc<'static> {
    FontDesc::new(
        FontFamily::Name(FAMILY),
        size * f64::from(SCALE),
        FontStyle::Normal,
    )
}

/// The width of `text` in figure pixels.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    match font(size).box_size(text) {
        Ok((width, _)) => f64::from(width) / f64::from(SCALE),
        // Only an unregistered font fails; the figure then fails on its own.
        Err(_) => 0.5 * size * text.chars().count() as f64,
    }
}

/// Breaks `text` at spaces into lines of at most `width` figure pixels.
pub(super) fn wrap(text: &str, size: f64, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line} {word}"), size) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
