//! Changes of recordings as sensors could have seen them.

use std::f32::consts::{PI, TAU};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::Labels;
use crate::fault::{Fault, not_negative, proper_share, require};

/// How strongly training examples are changed. All changes are drawn for each example,
/// but `mount` for each task. 0, the default, leaves a change out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SensorAugment {
    /// Channels that are the axes of one frame, such as `[["ax", "ay", "az"], ["gx",
    /// "gy", "gz"]]`; all frames of an example turn together.
    pub frames: Vec<[String; 3]>,
    /// Those of the frames that measure rates of turn, such as `[["gx", "gy", "gz"]]`,
    /// which change sign in a mirror and in reversed time.
    pub turning: Vec<[String; 3]>,
    /// Changes that make further classes of the training classes, one or several at once.
    pub classes: Vec<Derived>,
    /// Share of a task's classes whose movements begin as one class and end as
    /// another, at a time drawn for the task.
    pub splice: f64,
    /// Share of a task's classes whose movements are two classes at once, as a
    /// weighted mean of both.
    pub blend: f64,
    /// The largest turn of the frames about an axis of any direction, in degrees.
    pub rotate: f64,
    /// The largest turn of all examples of a task together, in degrees, as of a sensor
    /// that is mounted differently.
    pub mount: f64,
    /// How much faster or slower parts of an example go, as a share of its speed,
    /// below 1.
    pub warp: f64,
    /// Shift in time, either way, as a share of an example.
    pub shift: f64,
    /// Largest share by which an example is stronger or weaker.
    pub scale: f64,
    /// Standard deviation of noise on every number, as a share of the channel's
    /// own.
    pub noise: f64,
    /// Share of the samples that are lost: the one before stands in their place.
    pub drop: f64,
}

/// A change that makes another class of a class. It is made to every recording of the
/// class, which then is another movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Derived {
    /// Backwards in time: `a(t) → a(−t)`, `ω(t) → −ω(−t)`.
    Reversed,
    /// In a mirror across the first axis of all frames: `x → −x` and, of rates of
    /// turn, `y → −y` and `z → −z`.
    MirrorX,
    /// The same across the second axis.
    MirrorY,
    /// The same across the third axis.
    MirrorZ,
    /// A quarter turn about the first axis of all frames, `(x, y, z) → (x, −z, y)`.
    QuarterX,
    /// The same about the second axis, `(x, y, z) → (z, y, −x)`.
    QuarterY,
    /// The same about the third axis, `(x, y, z) → (−y, x, z)`.
    QuarterZ,
}

impl Derived {
    /// Changes an example, `[length, channels]`.
    pub(super) fn apply(self, frames: &[Frame], channels: usize, example: &mut [f32]) {
        let mirrored = match self {
            Self::Reversed => {
                let rows = example.len() / channels;
                for (row, channel) in (0..rows / 2).flat_map(|r| (0..channels).map(move |c| (r, c)))
                {
                    let other = rows - 1 - row;
                    example.swap(row * channels + channel, other * channels + channel);
                }
                None
            }
            Self::MirrorX => Some(0),
            Self::MirrorY => Some(1),
            Self::MirrorZ => Some(2),
            Self::QuarterX | Self::QuarterY | Self::QuarterZ => None,
        };
        for sample in example.chunks_exact_mut(channels) {
            for (frame, turning) in frames {
                let [x, y, z] = frame.map(|channel| sample[channel]);
                let mut axes = match self {
                    Self::QuarterX => [x, -z, y],
                    Self::QuarterY => [z, y, -x],
                    Self::QuarterZ => [-y, x, z],
                    _ => [x, y, z],
                };
                if let Some(mirrored) = mirrored {
                    axes[mirrored] = -axes[mirrored];
                }
                let backwards = self == Self::Reversed || mirrored.is_some();
                if *turning && backwards {
                    axes = axes.map(|value| -value);
                }
                for (channel, value) in frame.iter().zip(axes) {
                    sample[*channel] = value;
                }
            }
        }
    }
}

/// The channels of a frame, and whether it measures rates of turn.
pub(super) type Frame = ([usize; 3], bool);

/// A rotation.
pub(super) type Rotation = [[f32; 3]; 3];

impl SensorAugment {
    /// What the table must satisfy beyond its types.
    pub(super) fn check(&self, channels: &[String], labels: Labels) -> Result<(), Fault> {
        for (key, value) in [
            ("tasks.augment.rotate", self.rotate),
            ("tasks.augment.mount", self.mount),
            ("tasks.augment.noise", self.noise),
        ] {
            not_negative(key, value)?;
        }
        for (key, share) in [
            ("tasks.augment.warp", self.warp),
            ("tasks.augment.shift", self.shift),
            ("tasks.augment.scale", self.scale),
            ("tasks.augment.drop", self.drop),
            ("tasks.augment.splice", self.splice),
            ("tasks.augment.blend", self.blend),
        ] {
            proper_share(key, share)?;
        }
        require(
            self.splice + self.blend <= 1.0,
            "tasks.augment.blend",
            format!(
                "at most 1 together with tasks.augment.splice = {}",
                self.splice
            ),
            self.blend,
        )?;
        self.check_frames(channels)?;
        require(
            self.classes.is_empty() || labels != Labels::Fixed,
            "tasks.augment.classes",
            "no such key where tasks.labels = \"fixed\", as there are no further classes then",
            format!("{:?}", self.classes),
        )?;
        require(
            self.classes.len() <= 6,
            "tasks.augment.classes",
            "at most 6 changes",
            self.classes.len(),
        )
    }

    fn check_frames(&self, channels: &[String]) -> Result<(), Fault> {
        let turns = self.rotate > 0.0 || self.mount > 0.0;
        let mirrors = self.classes.iter().any(|&by| by != Derived::Reversed);
        require(
            !(turns || mirrors) || !self.frames.is_empty(),
            "tasks.augment.frames",
            "the channels that turn, such as [[\"ax\", \"ay\", \"az\"]]",
            "none",
        )?;
        let mut named = self.frames.iter().flatten();
        let unknown = named.find(|name| !channels.contains(name));
        require(
            unknown.is_none(),
            "tasks.augment.frames",
            format!("names of tasks.channels, {channels:?}"),
            format!("{:?}", unknown.map_or("", |name| name)),
        )?;
        let unknown = (self.turning.iter()).find(|frame| !self.frames.contains(frame));
        require(
            unknown.is_none(),
            "tasks.augment.turning",
            "some of tasks.augment.frames",
            format!("{unknown:?}"),
        )
    }

    /// A turn of at most `degrees` about an axis of any direction (Rodrigues).
    pub(super) fn rotation(rng: &mut ChaCha8Rng, degrees: f64) -> Option<Rotation> {
        if degrees == 0.0 {
            return None;
        }
        let axis: [f32; 3] = std::array::from_fn(|_| rng.sample(StandardNormal));
        let length = axis.iter().map(|a| a * a).sum::<f32>().sqrt().max(1e-12);
        let [x, y, z] = axis.map(|a| a / length);
        let angle = degrees.to_radians() as f32 * (2.0 * rng.random::<f32>() - 1.0);
        let (sin, cos) = angle.sin_cos();
        let c = 1.0 - cos;
        Some([
            [cos + x * x * c, x * y * c - z * sin, x * z * c + y * sin],
            [y * x * c + z * sin, cos + y * y * c, y * z * c - x * sin],
            [z * x * c - y * sin, z * y * c + x * sin, cos + z * z * c],
        ])
    }

    /// Changes an example, `[length, channels]`. `frames` are the channels of
    /// [`SensorAugment::frames`], `sigma` the channels' standard deviations.
    pub(super) fn apply(
        &self,
        rng: &mut ChaCha8Rng,
        (frames, mount): (&[Frame], Option<Rotation>),
        sigma: &[f32],
        example: &mut Vec<f32>,
    ) {
        let channels = sigma.len();
        let mut around = |most: f64| most as f32 * (2.0 * rng.random::<f32>() - 1.0);
        let (slow, slower, shift) = (around(self.warp), around(self.warp), around(self.shift));
        let scale = 1.0 + around(self.scale);
        if self.warp > 0.0 || self.shift > 0.0 {
            // Both terms together change the speed by at most `warp`.
            let time = |u: f32| {
                let half = slow * (PI * u).sin() / PI + slower * (TAU * u).sin() / TAU;
                u + 0.5 * half + shift
            };
            *example = at_times(example, channels, time);
        }
        let own = Self::rotation(rng, self.rotate);
        for sample in example.chunks_exact_mut(channels) {
            for rotation in [mount, own].into_iter().flatten() {
                for (frame, _) in frames {
                    let axes = frame.map(|channel| sample[channel]);
                    for (channel, row) in frame.iter().zip(rotation) {
                        sample[*channel] = row.iter().zip(axes).map(|(r, a)| r * a).sum();
                    }
                }
            }
            for (value, sigma) in sample.iter_mut().zip(sigma) {
                *value *= scale;
                if self.noise > 0.0 {
                    let noise: f32 = rng.sample(StandardNormal);
                    *value += self.noise as f32 * sigma * noise;
                }
            }
        }
        if self.drop > 0.0 {
            for at in 1..example.len() / channels {
                if rng.random::<f64>() < self.drop {
                    example.copy_within((at - 1) * channels..at * channels, at * channels);
                }
            }
        }
    }
}

/// `[length, channels]` read at other times, where `time` maps `[0, 1]`: between samples
/// by a straight line, and beyond the ends what is there.
fn at_times(example: &[f32], channels: usize, time: impl Fn(f32) -> f32) -> Vec<f32> {
    let length = example.len() / channels;
    let last = (length - 1) as f32;
    let mut changed = Vec::with_capacity(example.len());
    for at in 0..length {
        let from = (time(at as f32 / last.max(1.0)) * last).clamp(0.0, last);
        super::signal::append_at(example, channels, from, &mut changed);
    }
    changed
}
