//! Colours by what they are for, and the looks of a series.

use clap::ValueEnum;

/// The colours of a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Theme {
    /// Dark lines on white.
    #[default]
    Light,
    /// Bright lines on near black.
    Dark,
}

/// What a colour is for; a [`Theme`] says which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Behind everything.
    Ground,
    /// Text and the true curve.
    Ink,
    /// Ticks, sub-titles and notes.
    Soft,
    /// Lines of axes.
    Axis,
    /// Grid lines at labelled ticks.
    Grid,
    /// Grid lines between them.
    FineGrid,
    /// The series of that number.
    Series(usize),
}

/// The names of the colours on a page, and the colours in both themes. The series are
/// those of Okabe and Ito, which the colour-blind can tell apart, each as dark or as
/// bright as its ground needs. The ground in the dark is that of GitHub.
const COLORS: [(&str, u32, u32); 14] = [
    ("ground", 0xffffff, 0x0d1117),
    ("ink", 0x17191c, 0xe8eaed),
    ("soft", 0x545a63, 0xa7adb7),
    ("axis", 0xb4bac3, 0x535b66),
    ("grid", 0xe1e5ea, 0x262c35),
    ("fine", 0xeff2f5, 0x1a2028),
    ("s0", 0x0072b2, 0x56b4e9),
    ("s1", 0xc44f00, 0xff8f4d),
    ("s2", 0x00805d, 0x35c79b),
    ("s3", 0xa9508a, 0xe29cc7),
    ("s4", 0xb87d00, 0xe9b949),
    ("s5", 0x2f86bd, 0x8cc8ff),
    ("s6", 0x5b5f66, 0xb4b9c2),
    ("s7", 0x882255, 0xb9a3ff),
];
const SERIES: usize = 8;

impl Paint {
    fn entry(self) -> (&'static str, u32, u32) {
        COLORS[match self {
            Self::Ground => 0,
            Self::Ink => 1,
            Self::Soft => 2,
            Self::Axis => 3,
            Self::Grid => 4,
            Self::FineGrid => 5,
            Self::Series(index) => COLORS.len() - SERIES + index % SERIES,
        }]
    }

    /// The colour as a page refers to it, which follows the scheme of the page.
    pub(super) fn variable(self) -> String {
        format!("var(--{})", self.entry().0)
    }
}

impl Theme {
    /// Red, green and blue.
    pub(super) fn rgb(self, paint: Paint) -> [u8; 3] {
        let (_, light, dark) = paint.entry();
        let [_, rgb @ ..] = match self {
            Self::Light => light,
            Self::Dark => dark,
        }
        .to_be_bytes();
        rgb
    }

    /// The colour in a document of this theme.
    pub(super) fn hex(self, paint: Paint) -> String {
        let [red, green, blue] = self.rgb(paint);
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// The declarations of all colours in a style sheet.
    pub(crate) fn declarations(self) -> String {
        let colors = COLORS.iter().map(|(name, light, dark)| match self {
            Self::Light => format!("--{name}:#{light:06x};"),
            Self::Dark => format!("--{name}:#{dark:06x};"),
        });
        colors.collect()
    }
}

/// On and off lengths of a line in pixels; the round caps add its width to what is on.
pub(crate) type Dash = &'static [f32];
pub(crate) const SOLID: Dash = &[];
pub(crate) const DASHED: Dash = &[7.0, 5.0];
pub(crate) const DOTTED: Dash = &[0.1, 4.6];
pub(crate) const DASH_DOT: Dash = &[8.0, 5.0, 0.1, 5.0];

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stroke {
    pub(crate) paint: Paint,
    pub(crate) width: f64,
    pub(crate) dash: Dash,
}

impl Stroke {
    pub(crate) const fn solid(paint: Paint, width: f64) -> Self {
        Self {
            paint,
            width,
            dash: SOLID,
        }
    }
}

/// The shape that stands on a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    TriangleDown,
}

/// Width of the line of a series.
const LINE: f64 = 2.2;

/// The line of series number `index`. Colour, pattern and marker repeat with different
/// periods, so that series of one colour stay apart.
pub(crate) fn line(index: usize) -> Stroke {
    const DASHES: [Dash; 4] = [SOLID, DASHED, DOTTED, DASH_DOT];
    Stroke {
        paint: Paint::Series(index),
        width: LINE,
        dash: DASHES[(index + index / SERIES) % DASHES.len()],
    }
}

/// The marker of series number `index`.
pub(crate) const fn marker(index: usize) -> Marker {
    const MARKERS: [Marker; 5] = [
        Marker::Circle,
        Marker::Square,
        Marker::Triangle,
        Marker::Diamond,
        Marker::TriangleDown,
    ];
    MARKERS[index % MARKERS.len()]
}
