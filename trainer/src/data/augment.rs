//! Distorted copies of training images.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// How strongly training images are distorted: every number is the most that is
/// drawn, uniformly to both sides and anew for every image of every task. 0, the
/// default, leaves that out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Rotation in degrees.
    pub rotate: f64,
    /// Stretching of each axis, as a share of its length.
    pub scale: f64,
    /// Slant, in pixels a pixel.
    pub shear: f64,
    /// Shift along each axis, in pixels.
    pub shift: f64,
}

impl Augment {
    /// Draws one distortion.
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng) -> Distortion {
        let mut around = |most: f64| (most * (2.0 * rng.random::<f64>() - 1.0)) as f32;
        let (sin, cos) = around(self.rotate.to_radians()).sin_cos();
        let [height, width] = [1.0 + around(self.scale), 1.0 + around(self.scale)];
        let shear = around(self.shear);
        // Rotation after slant and stretching.
        Distortion {
            rows: [cos * height, cos * shear - sin * width, around(self.shift)],
            columns: [sin * height, sin * shear + cos * width, around(self.shift)],
        }
    }
}

/// Where the pixels of an image come from: with the centre as origin, the pixel
/// `(r, c)` shows what is at `(a r + b c + t, ...)`, one row `[a, b, t]` for each
/// coordinate, between pixels by the nearest four and beyond the edge what is
/// there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distortion {
    rows: [f32; 3],
    columns: [f32; 3],
}

impl Distortion {
    /// The pixels that the one at `(row, column)` of a square is mixed from, each
    /// as its index and its share.
    pub(super) fn sources(&self, size: usize, row: usize, column: usize) -> [(usize, f32); 4] {
        let centre = (size - 1) as f32 / 2.0;
        let (r, c) = (row as f32 - centre, column as f32 - centre);
        let last = (size - 1) as f32;
        let along = |[a, b, t]: [f32; 3]| {
            let place = (a * r + b * c + t + centre).clamp(0.0, last);
            let before = place.floor();
            let after = (before + 1.0).min(last);
            [
                (before as usize, 1.0 - (place - before)),
                (after as usize, place - before),
            ]
        };
        let [rows, columns] = [along(self.rows), along(self.columns)];
        std::array::from_fn(|corner| {
            let ((row, share), (column, of)) = (rows[corner / 2], columns[corner % 2]);
            (row * size + column, share * of)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, generator};

    /// An image of 5x5 after a distortion.
    fn distorted(distortion: &Distortion, image: &[f32; 25]) -> Vec<f32> {
        let pixel = |at: usize| {
            let sources = distortion.sources(5, at / 5, at % 5);
            let terms = sources.map(|(from, share)| image[from] * share);
            terms.iter().sum()
        };
        (0..25).map(pixel).collect()
    }

    fn ramp() -> [f32; 25] {
        std::array::from_fn(|at| (at * at % 17) as f32)
    }

    #[test]
    fn nothing_changes_by_default() {
        let none = Augment::default().draw(&mut generator(1, Stream::Augment, 0));
        assert_eq!(distorted(&none, &ramp()), ramp());
    }

    #[test]
    fn a_quarter_turn_and_a_shift_are_exact() {
        let image = ramp();
        let turn = Distortion {
            rows: [0.0, -1.0, 0.0],
            columns: [1.0, 0.0, 0.0],
        };
        let expected: Vec<f32> = (0..25).map(|at| image[(4 - at % 5) * 5 + at / 5]).collect();
        assert_eq!(distorted(&turn, &image), expected);
        let half_down = Distortion {
            rows: [1.0, 0.0, 0.5],
            columns: [1.0, 0.0, 0.0].map(|_| 0.0),
        };
        // The middle column, half a pixel further down, the last row from the
        // edge.
        let below = |row: usize| image[(row + 1).min(4) * 5 + 2];
        for row in 0..5 {
            let mixed = (image[row * 5 + 2] + below(row)) / 2.0;
            assert_eq!(distorted(&half_down, &image)[row * 5 + 2], mixed);
        }
    }

    #[test]
    fn what_is_drawn_stays_within_what_is_named() {
        let augment = Augment {
            rotate: 10.0,
            scale: 0.2,
            shear: 0.1,
            shift: 2.0,
        };
        let mut rng = generator(3, Stream::Augment, 0);
        let drawn: Vec<Distortion> = (0..2000).map(|_| augment.draw(&mut rng)).collect();
        let most = |of: fn(&Distortion) -> f32| drawn.iter().map(of).fold(0.0, f32::max);
        let shift = most(|d| d.rows[2].abs().max(d.columns[2].abs()));
        assert!(shift > 1.95 && shift <= 2.0, "{shift}");
        let area = most(|d| d.rows[0] * d.columns[1] - d.rows[1] * d.columns[0]);
        assert!(area > 1.35 && area <= 1.441, "{area}");
        let angle = most(|d| (d.columns[0] / d.rows[0]).atan().to_degrees().abs());
        assert!(angle > 9.9 && angle <= 10.001, "{angle}");
    }
}
