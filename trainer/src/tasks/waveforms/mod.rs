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

use super::{
    Contents, Description, EvaluationDefaults, ExportDefaults, Facts, Keys, Sizes, Split,
    TaskBatch, TaskData, TaskDistribution, TaskFamily, TaskSizes, TaskSource, TasksError,
    millihertz, one_hot, uniform,
};
use crate::fault::{Fault, at_least_one, bounds, not_negative, positive, ways};
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
    /// Samples that a board's sensor takes in a second, which an artifact asks for.
    /// Curves are as long as a window at any rate.
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

/// What a generator of one task draws; the index of its address.
#[derive(Clone, Copy)]
#[repr(u64)]
enum Drawn {
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
    /// Windows of raw samples, four of them begun in the time of one.
    fn windows(&self) -> Option<(FrontEnd, Vec<String>)> {
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
            y.extend(one_hot(class.label, self.ways));
        }
    }
}

impl TaskSizes for Waveforms {
    fn sizes(&self) -> Sizes {
        let shape = Shape::Sequence {
            length: self.length,
            channels: self.channels,
        };
        Sizes::of_classes(shape, self.ways)
    }
}

impl TaskFamily for Waveforms {
    fn check(&self) -> Result<(), Fault> {
        ways(self.ways)?;
        at_least_one("tasks.length", self.length)?;
        at_least_one("tasks.channels", self.channels)?;
        at_least_one("tasks.components", self.components)?;
        bounds("tasks.amplitude", self.amplitude)?;
        bounds("tasks.cycles", self.cycles)?;
        bounds("tasks.gain", self.gain)?;
        not_negative("tasks.shift", self.shift)?;
        not_negative("tasks.noise", self.noise)?;
        positive("tasks.rate", self.rate)
    }

    fn facts(&self) -> Facts {
        Facts {
            finite_classes: false,
            target_scale: false,
            shows_task: None,
            actions: None,
            evaluation: EvaluationDefaults {
                baselines: false,
                ..EvaluationDefaults::CLASSES
            },
            export: ExportDefaults::CLASSES,
        }
    }

    fn keys(&mut self) -> Keys<'_> {
        Keys {
            ways: Some(&mut self.ways),
            path: None,
            unit_split: None,
        }
    }

    fn keep_evaluation_keys(&mut self) {}

    fn source(&self) -> Result<TaskSource, TasksError> {
        Ok(TaskSource::supervised(self.clone()))
    }

    fn contents(&self) -> Result<Option<Contents>, TasksError> {
        Ok(None)
    }
}

impl TaskDistribution for Waveforms {
    fn description(&self) -> Description {
        Description {
            normalisation: None,
            target_scale: None,
            front_end: self.windows(),
        }
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
            let of = |drawn: Drawn| generator(seed, Stream::Waveforms, drawn as u64);
            let classes = self.classes_of(&mut of(Drawn::Classes));
            self.append(&mut of(Drawn::Support), &classes, shots, &mut support);
            self.append(&mut of(Drawn::Query), &classes, queries, &mut query);
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

    fn data(&self) -> Option<&dyn TaskData> {
        None
    }
}

#[cfg(test)]
mod tests;
