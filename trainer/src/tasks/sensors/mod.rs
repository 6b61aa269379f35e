//! Calibration of synthetic sensors.

mod config;

use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use config::Ranges;
pub use config::{SensorKind, Sensors};

use super::scale::{TargetScale, input_moments, target_moments};
use super::{Description, Sizes, Split, TaskBatch, TaskData, TaskDistribution, TaskSizes};
use crate::data::{Examples, Normalisation};
use crate::random::{Stream, generator};

/// Tasks of synthetic sensors.
#[derive(Clone, Debug)]
pub struct SensorTasks {
    config: Sensors,
    normalisation: Arc<Normalisation>,
    scale: TargetScale,
}

/// Sensors, and readings of each, that scales are measured on.
const MEASURED: [usize; 2] = [2000, 10];

/// 25 °C.
const ROOM: f64 = 298.15;
/// 0 °C.
const ZERO: f64 = 273.15;
/// The thermistor's nominal slope, K.
const BETA: f64 = 3950.0;

/// One sensor.
enum Sensor {
    Scalar {
        ranges: Ranges,
        gain: f64,
        offset: f64,
        cubic: f64,
        cross: [f64; 2],
        saturation: f64,
        hysteresis: f64,
    },
    Thermistor {
        ranges: Ranges,
        gain: f64,
        offset: f64,
        cubic: f64,
    },
    Magnetometer {
        ranges: Ranges,
        strength: f64,
        soft: [[f64; 3]; 3],
        hard: [f64; 3],
    },
}

fn normal(rng: &mut ChaCha8Rng, deviation: f64) -> f64 {
    let z: f64 = rng.sample(StandardNormal);
    deviation * z
}

fn between(rng: &mut ChaCha8Rng, [low, high]: [f64; 2]) -> f64 {
    low + (high - low) * rng.random::<f64>()
}

/// The nearest of the `2^bits` values from `−full` to `full`.
fn converted(value: f64, full: f64, bits: u32) -> f64 {
    let step = 2.0 * full / 2f64.powi(bits as i32);
    ((value / step).round() * step).clamp(-full, full)
}

impl Sensor {
    fn draw(config: &Sensors, rng: &mut ChaCha8Rng) -> Self {
        let ranges = config.ranges();
        match config.kind {
            SensorKind::Generic | SensorKind::LoadCell => Self::Scalar {
                gain: normal(rng, ranges.gain),
                offset: normal(rng, ranges.offset),
                cubic: normal(rng, ranges.cubic),
                cross: ranges
                    .cross_temperature
                    .map(|deviation| normal(rng, deviation)),
                saturation: between(rng, ranges.saturation),
                hysteresis: normal(rng, ranges.hysteresis),
                ranges,
            },
            SensorKind::Thermistor => Self::Thermistor {
                gain: normal(rng, ranges.gain),
                offset: normal(rng, ranges.offset),
                cubic: normal(rng, ranges.cubic),
                ranges,
            },
            SensorKind::Magnetometer => {
                let mut soft = [[0.0; 3]; 3];
                // The lower triangle row by row; the matrix is symmetric.
                for (row, column) in [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)] {
                    let entry = normal(rng, ranges.gain);
                    soft[row][column] = entry;
                    soft[column][row] = entry;
                }
                let strongest = ranges.range[1];
                Self::Magnetometer {
                    strength: between(rng, ranges.range),
                    soft,
                    hard: [(); 3].map(|()| normal(rng, ranges.offset * strongest)),
                    ranges,
                }
            }
        }
    }

    /// What the network sees of a reading, and what is to be added to it.
    fn read(&self, rng: &mut ChaCha8Rng) -> (Vec<f64>, Vec<f64>) {
        match self {
            Self::Scalar {
                ranges,
                gain,
                offset,
                cubic,
                cross: [zero, slope],
                saturation,
                hysteresis,
            } => {
                let u = between(rng, [-1.0, 1.0]);
                let ambient = between(rng, [-1.0, 1.0]);
                let way = if rng.random::<bool>() { 0.5 } else { -0.5 };
                let bent = (1.0 + gain) * u + offset + cubic * u.powi(3);
                let warmed = bent + ambient * (zero + slope * u);
                let lagging = warmed + way * hysteresis * (1.0 - u * u);
                let cut = lagging.clamp(-saturation, *saturation);
                let noisy = cut + normal(rng, ranges.noise);
                let read = converted(noisy, 1.25, ranges.bits);
                let of = |[low, high]: [f64; 2], share: f64| {
                    (low + high) / 2.0 + (high - low) / 2.0 * share
                };
                let half = (ranges.range[1] - ranges.range[0]) / 2.0;
                let input = vec![of(ranges.range, read), of(ranges.temperature, ambient)];
                (input, vec![half * (u - read)])
            }
            Self::Thermistor {
                ranges,
                gain,
                offset,
                cubic,
            } => {
                let [low, high] = ranges.range;
                let inverse = |celsius: f64| 1.0 / (celsius + ZERO) - 1.0 / ROOM;
                let value = between(rng, ranges.range);
                let (x, far) = (inverse(value), inverse(low).abs().max(inverse(high).abs()));
                let bent = BETA * (1.0 + gain) * x + offset + cubic * x.powi(3) / far.powi(2);
                let read = 1.0 / (1.0 / ROOM + bent / BETA) - ZERO;
                let (centre, half) = ((low + high) / 2.0, (high - low) / 2.0);
                let noisy = (read - centre) / half + normal(rng, ranges.noise);
                let read = centre + half * converted(noisy, 1.25, ranges.bits);
                (vec![read], vec![value - read])
            }
            Self::Magnetometer {
                ranges,
                strength,
                soft,
                hard,
            } => {
                let side = [(); 3].map(|()| normal(rng, 1.0));
                let length = side.iter().map(|x| x * x).sum::<f64>().sqrt();
                let field = side.map(|x| strength * x / length.max(1e-12));
                let strongest = ranges.range[1];
                let mut read = [0.0; 3];
                for axis in 0..3 {
                    let mixed: f64 = soft[axis].iter().zip(&field).map(|(s, b)| s * b).sum();
                    let noisy = field[axis] + mixed + hard[axis];
                    let noisy = noisy + normal(rng, ranges.noise * strongest);
                    read[axis] = converted(noisy, 2.5 * strongest, ranges.bits);
                }
                let correction = field.iter().zip(&read).map(|(b, r)| b - r).collect();
                (read.to_vec(), correction)
            }
        }
    }
}

impl SensorTasks {
    /// Tasks of a config that was checked.
    pub fn new(config: Sensors) -> Self {
        let [inputs, outputs] = config.kind.sizes();
        let (mut x, mut y) = (Vec::new(), Vec::new());
        let mut rng = generator(0, Stream::Units, 0);
        for _ in 0..MEASURED[0] {
            let sensor = Sensor::draw(&config, &mut rng);
            for _ in 0..MEASURED[1] {
                let (input, correction) = sensor.read(&mut rng);
                x.extend(input);
                y.extend(correction);
            }
        }
        Self {
            normalisation: Arc::new(input_moments(&x, inputs)),
            scale: TargetScale {
                // Sensors are as often too high as too low.
                mean: vec![0.0; outputs],
                deviation: target_moments(&y, outputs).1,
                unit: config.kind.unit().into(),
            },
            config,
        }
    }
}

impl TaskSizes for SensorTasks {
    fn sizes(&self) -> Sizes {
        self.config.sizes()
    }
}

impl TaskDistribution for SensorTasks {
    fn description(&self) -> Description {
        Description {
            normalisation: Some(self.normalisation.clone()),
            target_scale: Some(self.scale.clone()),
            front_end: None,
        }
    }

    /// Every task has generators of its own for its sensor, its support and its
    /// query set.
    fn draw(
        &self,
        _split: Split,
        rng: &mut ChaCha8Rng,
        tasks: usize,
        shots: usize,
        queries: usize,
    ) -> TaskBatch {
        let [mut support, mut query] = [(); 2].map(|()| (Vec::new(), Vec::new()));
        for _ in 0..tasks {
            let seed: u64 = rng.random();
            let sensor = Sensor::draw(&self.config, &mut generator(seed, Stream::Units, 0));
            let sets = [(shots, &mut support), (queries, &mut query)];
            for (index, (count, (x, y))) in (1..).zip(sets) {
                let mut rng = generator(seed, Stream::Units, index);
                for _ in 0..count {
                    let (input, correction) = sensor.read(&mut rng);
                    x.extend(input.iter().map(|&value| value as f32));
                    y.extend(correction.iter().map(|&value| value as f32));
                }
            }
        }
        for targets in [&mut support.1, &mut query.1] {
            self.scale.normalise(targets);
        }
        let measured = |values: Vec<f32>| Examples::Measured {
            values,
            normalisation: self.normalisation.clone(),
        };
        TaskBatch {
            tasks,
            input: self.input(),
            output: self.output(),
            classes: None,
            support_x: measured(support.0),
            support_y: support.1,
            query_x: measured(query.0),
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
