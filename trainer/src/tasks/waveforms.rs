//! N-way K-shot classification of synthetic sensor recordings, drawn from
//! formulas alone: gestures as an accelerometer might see them.
//!
//! A class is a random smooth curve, in each channel
//!
//! ```text
//! f_c(u) = Σ_j a_j sin(2π (n_j u + p_j)),   u in windows since the start
//! ```
//!
//! with `a_j`, `n_j` uniform in [`Waveforms::amplitude`], [`Waveforms::cycles`]
//! and `p_j` in `[0, 1)`. An example is the curve of its class as it comes
//! early or late, weaker or stronger, and with noise:
//!
//! ```text
//! x[t, c] = g·f_c(t/length + s) + e[t, c]
//! ```
//!
//! with one shift `s` uniform in `±shift` and one gain `g` uniform in
//! [`Waveforms::gain`] for the whole example, and `e` normal with standard
//! deviation [`Waveforms::noise`].

use std::f32::consts::TAU;

use mamlet_formats::{Centre, Cut, FrontEnd};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::{Split, TaskBatch, TaskDistribution, millihertz, uniform};
use crate::nn::Shape;
use crate::random::{Stream, generator};

/// The distribution of waveform tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Waveforms {
    /// Classes of a task, N.
    pub ways: usize,
    /// Samples of a recording.
    pub length: usize,
    /// Channels of a sample.
    pub channels: usize,
    /// Sinusoids that a class sums in each channel.
    pub components: usize,
    /// Bounds of a sinusoid's amplitude.
    pub amplitude: [f64; 2],
    /// Bounds of a sinusoid's periods in one recording.
    pub cycles: [f64; 2],
    /// Largest shift in time, either way, as a share of a recording.
    pub shift: f64,
    /// Bounds of the factor on a whole example.
    pub gain: [f64; 2],
    /// Standard deviation of the noise on every number.
    pub noise: f64,
    /// Samples of a device's sensor in a second: an artifact asks for them. Curves
    /// are as long as a window at any rate.
    pub rate: f64,
}

impl Default for Waveforms {
    fn default() -> Self {
        Self {
            ways: 5,
            length: 64,
            channels: 1,
            components: 3,
            amplitude: [0.3, 1.0],
            cycles: [0.5, 4.0],
            shift: 0.1,
            gain: [0.8, 1.25],
            noise: 0.3,
            rate: 50.0,
        }
    }
}

/// What a generator of one task is for; the index of its address.
#[derive(Clone, Copy)]
#[repr(u64)]
enum Part {
    Classes = 0,
    Support = 1,
    Query = 2,
}

/// One sinusoid of a class.
struct Component {
    amplitude: f32,
    cycles: f32,
    phase: f32,
}

/// One class of a task.
struct Class {
    /// The place of the 1 in its targets.
    label: usize,
    /// Channel after channel.
    components: Vec<Component>,
}

impl Waveforms {
    /// The classes of one task. Labels are dealt out at random, so that the
    /// order in which classes take turns says nothing about them.
    fn classes_of(&self, rng: &mut ChaCha8Rng) -> Vec<Class> {
        let mut labels: Vec<usize> = (0..self.ways).collect();
        labels.shuffle(rng);
        labels
            .into_iter()
            .map(|label| Class {
                label,
                components: (0..self.channels * self.components)
                    .map(|_| Component {
                        amplitude: uniform(rng, self.amplitude),
                        cycles: uniform(rng, self.cycles),
                        phase: rng.random(),
                    })
                    .collect(),
            })
            .collect()
    }

    /// Appends `count` examples of each class with their targets, the classes
    /// taking turns.
    fn append(
        &self,
        rng: &mut ChaCha8Rng,
        classes: &[Class],
        count: usize,
        (x, y): &mut (Vec<f32>, Vec<f32>),
    ) {
        for class in (0..count).flat_map(|_| classes) {
            let shift = uniform(rng, [-self.shift, self.shift]);
            let gain = uniform(rng, self.gain);
            for sample in 0..self.length {
                let u = sample as f32 / self.length as f32 + shift;
                for channel in class.components.chunks_exact(self.components) {
                    let sinusoids = channel
                        .iter()
                        .map(|c| c.amplitude * (TAU * (c.cycles * u + c.phase)).sin());
                    let noise: f32 = rng.sample(StandardNormal);
                    x.push(gain * sinusoids.sum::<f32>() + self.noise as f32 * noise);
                }
            }
            y.extend((0..self.ways).map(|label| f32::from(u8::from(label == class.label))));
        }
    }
}

impl TaskDistribution for Waveforms {
    fn shape(&self) -> Shape {
        Shape::Sequence {
            length: self.length,
            channels: self.channels,
        }
    }

    fn output(&self) -> usize {
        self.ways
    }

    fn classes(&self) -> Option<usize> {
        Some(self.ways)
    }

    /// Windows of raw samples, four of them begun in the time of one.
    fn front_end(&self) -> Option<(FrontEnd, Vec<String>)> {
        let length = u32::try_from(self.length).ok()?;
        let front_end = FrontEnd {
            channels: u32::try_from(self.channels).ok()?,
            length,
            millihertz: millihertz(self.rate),
            cut: Cut::Windows {
                stride: length.div_ceil(4),
            },
            centre: Centre::None,
        };
        let names = (0..self.channels).map(|channel| format!("channel {channel}"));
        Some((front_end, names.collect()))
    }

    /// Every task has generators of its own for its classes, its support and
    /// its query set, so none of them depends on the sizes of the others.
    fn draw(
        &self,
        _split: Split,
        rng: &mut ChaCha8Rng,
        tasks: usize,
        shots: usize,
        queries: usize,
    ) -> TaskBatch {
        let set = |count: usize| {
            let examples = tasks * self.ways * count;
            (
                Vec::with_capacity(examples * self.input()),
                Vec::with_capacity(examples * self.ways),
            )
        };
        let (mut support, mut query) = (set(shots), set(queries));
        for _ in 0..tasks {
            let seed = rng.random();
            let of = |part: Part| generator(seed, Stream::Waveforms, part as u64);
            let classes = self.classes_of(&mut of(Part::Classes));
            self.append(&mut of(Part::Support), &classes, shots, &mut support);
            self.append(&mut of(Part::Query), &classes, queries, &mut query);
        }
        TaskBatch {
            tasks,
            input: self.input(),
            output: self.output(),
            classes: self.classes(),
            support_x: support.0.into(),
            support_y: support.1,
            query_x: query.0.into(),
            query_y: query.1,
            origins: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(waveforms: &Waveforms, tasks: usize, shots: usize, queries: usize) -> TaskBatch {
        waveforms.draw(
            Split::Test,
            &mut generator(3, Stream::Test, 0),
            tasks,
            shots,
            queries,
        )
    }

    fn labels(y: &[f32], ways: usize) -> Vec<usize> {
        y.chunks_exact(ways)
            .map(|row| {
                assert_eq!(row.iter().sum::<f32>(), 1.0);
                row.iter().position(|&value| value == 1.0).unwrap()
            })
            .collect()
    }

    fn distance(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
    }

    #[test]
    fn an_undisturbed_example_is_the_curve() {
        let plain = Waveforms {
            length: 20,
            channels: 2,
            components: 1,
            amplitude: [1.5, 1.5],
            cycles: [2.0, 2.0],
            shift: 0.0,
            gain: [2.0, 2.0],
            noise: 0.0,
            ..Waveforms::default()
        };
        assert_eq!(plain.input(), 40);
        let batch = draw(&plain, 1, 1, 1);
        assert_eq!(batch.support_x, batch.query_x);
        for example in batch.support_x.values().chunks_exact(plain.input()) {
            for channel in 0..2 {
                let x = |t: usize| example[t * 2 + channel];
                // Two periods of ten samples and height 3 about zero.
                for t in 0..10 {
                    assert!((x(t) - x(t + 10)).abs() < 1e-4);
                }
                let squares: f32 = (0..10).map(|t| x(t) * x(t)).sum();
                assert!((squares / 10.0 - 4.5).abs() < 1e-3, "{squares}");
            }
        }
        let support_x = batch.support_x.values();
        let first: Vec<f32> = support_x[..40].iter().step_by(2).copied().collect();
        let second: Vec<f32> = support_x[..40].iter().skip(1).step_by(2).copied().collect();
        assert!(distance(&first, &second) > 0.1, "channels differ");
    }

    #[test]
    fn classes_take_turns_under_labels_dealt_at_random() {
        let waveforms = Waveforms::default();
        let batch = draw(&waveforms, 40, 3, 2);
        assert_eq!(batch.support_examples(), 15);
        assert_eq!(batch.query_examples(), 10);
        let mut first = [0; 5];
        for (support, query) in
            (batch.support_y.chunks_exact(75)).zip(batch.query_y.chunks_exact(50))
        {
            let labels: Vec<_> = [labels(support, 5), labels(query, 5)].concat();
            let mut sorted = labels[..5].to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4]);
            assert!(labels.chunks_exact(5).all(|turn| turn == &labels[..5]));
            first[labels[0]] += 1;
        }
        assert!(first.iter().all(|&count| count > 0), "{first:?}");
    }

    #[test]
    fn sets_do_not_depend_on_each_other() {
        let waveforms = Waveforms::default();
        let large = draw(&waveforms, 3, 4, 2);
        assert_eq!(
            large.first_support_examples(2 * waveforms.ways),
            draw(&waveforms, 3, 2, 2)
        );
        assert_eq!(large.tasks(0..2), draw(&waveforms, 2, 4, 2));
        let more = draw(&waveforms, 3, 4, 5);
        assert_eq!(large.support_x, more.support_x);
        assert_eq!(large.query_x.values()[..10], more.query_x.values()[..10]);
        assert_ne!(large.support_x.values()[..64], large.query_x.values()[..64]);
    }

    /// The nearest of five single examples is mostly of the same class, but the
    /// disturbances are felt.
    #[test]
    fn classes_can_be_told_apart_but_not_always() {
        let waveforms = Waveforms::default();
        let width = waveforms.input();
        let batch = draw(&waveforms, 100, 1, 4);
        let (mut right, mut all) = (0, 0);
        for task in 0..batch.tasks {
            let task = batch.tasks(task..task + 1);
            let support_x = task.support_x.values();
            let known: Vec<_> = support_x.chunks_exact(width).collect();
            let names = labels(&task.support_y, 5);
            for (x, label) in task
                .query_x
                .values()
                .chunks_exact(width)
                .zip(labels(&task.query_y, 5))
            {
                let nearest = (0..known.len())
                    .min_by(|&a, &b| distance(known[a], x).total_cmp(&distance(known[b], x)))
                    .unwrap();
                right += usize::from(names[nearest] == label);
                all += 1;
            }
        }
        let share = right as f64 / all as f64;
        assert!((0.5..0.85).contains(&share), "{share}");
    }
}
