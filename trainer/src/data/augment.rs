//! Distorted copies of training images.

use burn::tensor::{Int, Tensor, TensorData, backend::Backend};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// How strongly training images are distorted. Every number but `mirror` is a bound: what
/// is done to an image is drawn uniformly between minus it and it, for each image of each
/// task. 0, the default, leaves a distortion out.
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
    /// Share of images seen in a mirror, left and right exchanged.
    pub mirror: f64,
}

impl Augment {
    /// Draws one distortion.
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng) -> Distortion {
        let mut around = |most: f64| (most * (2.0 * rng.random::<f64>() - 1.0)) as f32;
        let (sin, cos) = around(self.rotate.to_radians()).sin_cos();
        let [height, width] = [1.0 + around(self.scale), 1.0 + around(self.scale)];
        let shear = around(self.shear);
        // Rotation after slant and stretching, and the mirror last.
        let rows = [cos * height, cos * shear - sin * width, around(self.shift)];
        let columns = [sin * height, sin * shear + cos * width, around(self.shift)];
        let mirrored = self.mirror > 0.0 && rng.random_bool(self.mirror);
        Distortion {
            rows,
            columns: if mirrored {
                columns.map(|of_column| -of_column)
            } else {
                columns
            },
        }
    }
}

/// Where the pixels of an image come from. With the centre as origin, the pixel `(r, c)`
/// is a copy of what is at `(a r + b c + t, ...)`, with a row `[a, b, t]` for each
/// coordinate. Between pixels it is interpolated from the nearest four; beyond the edge it
/// is the pixel at the edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distortion {
    rows: [f32; 3],
    columns: [f32; 3],
}

impl Distortion {
    /// Nothing moves.
    pub(super) const NONE: Self = Self {
        rows: [1.0, 0.0, 0.0],
        columns: [0.0, 1.0, 0.0],
    };

    /// This distortion, followed by another.
    pub(crate) fn then(self, next: Self) -> Self {
        let seen = |[a, b, t]: [f32; 3]| {
            let along = |at: usize| a * next.rows[at] + b * next.columns[at];
            [along(0), along(1), along(2) + t]
        };
        Self {
            rows: seen(self.rows),
            columns: seen(self.columns),
        }
    }

    /// This distortion, followed by a mirror that exchanges left and right.
    pub(super) fn mirrored(self) -> Self {
        let turned = |[a, b, t]: [f32; 3]| [a, -b, t];
        Self {
            rows: turned(self.rows),
            columns: turned(self.columns),
        }
    }

    /// The pixels that the one at `(row, column)` of a square is interpolated from: index
    /// and weight of each.
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

    /// Distorts square images `[images, size²·channels]`, one each, on their device.
    pub(super) fn apply<B: Backend>(
        distortions: &[Self],
        images: Tensor<B, 2>,
        size: usize,
        channels: usize,
    ) -> Tensor<B, 2> {
        let device = images.device();
        let count = distortions.len();
        let pixels = size * size;
        let centre = (size - 1) as f32 / 2.0;
        let last = (size - 1) as f32;
        let line = |of: &dyn Fn(usize) -> f32| -> Tensor<B, 2> {
            let values: Vec<f32> = (0..pixels).map(of).collect();
            Tensor::from_data(TensorData::new(values, [1, pixels]), &device)
        };
        let r = line(&|pixel| (pixel / size) as f32 - centre);
        let c = line(&|pixel| (pixel % size) as f32 - centre);
        // Where each pixel looks along one axis: the two nearest, and the share of the second.
        let along = |of: fn(&Self) -> [f32; 3]| {
            let [a, b, t] = [0, 1, 2].map(|at| -> Tensor<B, 2> {
                let values: Vec<f32> = distortions.iter().map(|one| of(one)[at]).collect();
                Tensor::from_data(TensorData::new(values, [count, 1]), &device)
            });
            let place = (r.clone() * a + c.clone() * b + t)
                .add_scalar(centre)
                .clamp(0.0, last);
            let before = place.clone().floor();
            let share = place - before.clone();
            let after = before.clone().add_scalar(1.0).clamp_max(last);
            ([before, after], share)
        };
        let (rows, below) = along(|one| one.rows);
        let (columns, right) = along(|one| one.columns);
        let images = images.reshape([count * pixels, channels]);
        let first: Vec<i32> = (0..count).map(|image| (image * pixels) as i32).collect();
        let first: Tensor<B, 2, Int> =
            Tensor::from_data(TensorData::new(first, [count, 1]), &device);
        let share = |of: &Tensor<B, 2>, second: bool| match second {
            true => of.clone(),
            false => of.clone().neg().add_scalar(1.0),
        };
        let corners = (0..4).map(|corner| {
            let (row, column) = (corner / 2, corner % 2);
            // Whole numbers below 2²⁴, so exact.
            let pixel = rows[row].clone().mul_scalar(size as f32) + columns[column].clone();
            let index = (pixel.int() + first.clone()).reshape([count * pixels]);
            let share = share(&below, row == 1) * share(&right, column == 1);
            images.clone().select(0, index) * share.reshape([count * pixels, 1])
        });
        let mixed = corners.reduce(|a, b| a + b);
        // There are four.
        mixed.unwrap_or(images).reshape([count, pixels * channels])
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;
    use crate::meta::to_host;
    use crate::random::{Stream, generator};

    /// An image of 5x5 after a distortion, in the first of its two channels; the
    /// second has all signs changed.
    fn distorted(distortion: &Distortion, image: &[f32; 25]) -> Vec<f32> {
        let both: Vec<f32> = image.iter().flat_map(|&value| [value, -value]).collect();
        let images = TensorData::new([vec![0.0; 50], both].concat(), [2, 50]);
        let images = Tensor::<Flex, 2>::from_data(images, &Default::default());
        let distorted = Distortion::apply(&[Distortion::NONE, *distortion], images, 5, 2);
        let values = to_host(distorted);
        assert_eq!(values[..50], [0.0; 50]);
        let pixels = values[50..].chunks_exact(2);
        pixels
            .map(|pixel| {
                assert_eq!(pixel[1], -pixel[0]);
                pixel[0]
            })
            .collect()
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
    fn one_distortion_after_another_is_both_at_once() {
        let turn = Distortion {
            rows: [0.0, -1.0, 0.0],
            columns: [1.0, 0.0, 0.0],
        };
        let down = Distortion {
            rows: [1.0, 0.0, 1.0],
            columns: [0.0, 1.0, 0.0],
        };
        for (first, second) in [(turn, down), (down, turn)] {
            let once: [f32; 25] = distorted(&first, &ramp()).try_into().unwrap();
            let expected = distorted(&second, &once);
            let both = distorted(&first.then(second), &ramp());
            // What leaves the image is lost to the second alone.
            let inside = |at: &usize| (1..4).contains(&(at / 5)) && (1..4).contains(&(at % 5));
            for at in (0..25).filter(inside) {
                assert_eq!(both[at], expected[at]);
            }
        }
        assert_ne!(turn.then(down), down.then(turn));
    }

    #[test]
    fn what_is_drawn_stays_within_what_is_named() {
        let augment = Augment {
            rotate: 10.0,
            scale: 0.2,
            shear: 0.1,
            shift: 2.0,
            mirror: 0.0,
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

    #[test]
    fn a_mirror_exchanges_left_and_right_as_often_as_is_asked() {
        let mirror = |share| Augment {
            mirror: share,
            ..Augment::default()
        };
        let mut rng = generator(5, Stream::Augment, 0);
        let image = ramp();
        let always = mirror(1.0).draw(&mut rng);
        let expected: Vec<f32> = (0..25).map(|at| image[at / 5 * 5 + 4 - at % 5]).collect();
        assert_eq!(distorted(&always, &image), expected);
        let drawn = (0..2000).filter(|_| mirror(0.25).draw(&mut rng) != Distortion::NONE);
        let count = drawn.count();
        assert!((440..560).contains(&count), "{count}");
    }
}
