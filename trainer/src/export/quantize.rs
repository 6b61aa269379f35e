//! Post-training quantisation of what does not adapt: weights per output,
//! activations per tensor, calibrated on tasks of the run.
//!
//! Everything below the lowest adapting layer becomes integers where the
//! runtime has integer layers for it: convolutions, depthwise and dense layers
//! with the ReLU or ReLU6 behind them, and pools. A batch norm with stored
//! statistics becomes part of the layer before it. Other layers stay f32, with
//! a step to and from integers around them.

use burn::backend::Flex;
use mamlet_formats::{ArtifactWriter, Integers, Layer};

use super::ExportError;
use super::parts::Part;
use crate::meta::to_device;
use crate::model::TrainedModel;
use crate::nn::{Moments, OnIntegers, Packing, Products};
use crate::random::{Stream, generator};
use crate::tasks::{Split, TaskDistribution};

/// How the tensors of an artifact are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantize {
    /// Integers for what does not adapt.
    pub int8: bool,
    /// f16 for what does.
    pub f16: bool,
}

impl Quantize {
    /// In words.
    pub fn name(self) -> &'static str {
        match (self.int8, self.f16) {
            (false, false) => "f32",
            (true, false) => "int8",
            (false, true) => "f16",
            (true, true) => "int8 and f16",
        }
    }
}

/// Tasks whose activations are looked at.
const TASKS: usize = 64;
/// Examples of each.
const EXAMPLES: usize = 5;
/// Products of a group: see [`Integers::weight`].
const GROUP: usize = 4;

/// Writes all layers.
pub(super) fn write(
    model: &TrainedModel,
    distribution: &dyn TaskDistribution,
    parts: Vec<Part>,
    writer: &mut ArtifactWriter,
    f16: bool,
) -> Result<(), ExportError> {
    let ranges = Ranges::measure(model, distribution);
    let lowest = parts.iter().position(Part::adapts).unwrap_or(parts.len());
    let mut parts = parts.into_iter().peekable();
    // The integers at hand; none while values are f32.
    let mut integers: Option<Scale> = None;
    while let Some(part) = parts.next() {
        let frozen = part.index < lowest;
        match part.spec.facts().on_integers() {
            OnIntegers::Same if frozen => {
                let layer = part.write(writer, f16)?;
                writer.push(layer);
            }
            OnIntegers::Products(products) if frozen => {
                let input = match integers {
                    Some(scale) => scale,
                    None => {
                        let scale = Scale::of(ranges.0[part.index], 0.0);
                        writer.push(Layer::Quantize {
                            scale: scale.step,
                            zero: scale.zero,
                        });
                        scale
                    }
                };
                let mut sums = Sums::new(&part, products);
                let mut last = part.index;
                while sums.clamp.is_none()
                    && let Some(next) =
                        parts.next_if(|next| next.index < lowest && sums.take_over(next))
                {
                    last = next.index;
                }
                let (layer, output) = sums.write(&part, input, ranges.0[last + 1], writer)?;
                writer.push(layer);
                integers = Some(output);
            }
            OnIntegers::Float
            | OnIntegers::Same
            | OnIntegers::Products(_)
            | OnIntegers::Clamp { .. }
            | OnIntegers::Scale { .. } => {
                if let Some(scale) = integers.take() {
                    writer.push(Layer::Dequantize {
                        scale: scale.step,
                        zero: scale.zero,
                    });
                }
                let layer = part.write(writer, f16)?;
                writer.push(layer);
            }
        }
    }
    Ok(())
}

/// The range of the input of every layer, and of the output of the last.
struct Ranges(Vec<[f32; 2]>);

impl Ranges {
    fn measure(model: &TrainedModel, distribution: &dyn TaskDistribution) -> Self {
        let mut rng = generator(model.config.seed, Stream::Calibration, 0);
        let batch = distribution.draw(Split::Train, &mut rng, TASKS, EXAMPLES, 1);
        let device = Default::default();
        let params = to_device::<Flex>(&model.network, &model.params, &device);
        let x = batch.to_device::<Flex>(&device).support_x;
        let trace = model.network.forward_trace(&params, x);
        let range = |index: usize| {
            let values = trace.activation(index).clone().into_data();
            let values: Vec<f32> = values.iter::<f32>().collect();
            let fold = |[low, high]: [f32; 2], x: &f32| [low.min(*x), high.max(*x)];
            values.iter().fold([0.0, 0.0], fold)
        };
        Ranges((0..=model.network.spec().layers.len()).map(range).collect())
    }
}

/// What integers stand for: `x = (q − zero) · step`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    pub step: f32,
    pub zero: i8,
}

impl Scale {
    /// Covers a range around zero with steps no smaller than `least`.
    fn of([low, high]: [f32; 2], least: f32) -> Self {
        let step = ((high - low) / 255.0).max(least).max(f32::MIN_POSITIVE);
        let zero = (-128.0 - low / step).round().clamp(-128.0, 127.0) as i8;
        Scale { step, zero }
    }

    /// The integer for a value.
    fn integer(&self, x: f32) -> i8 {
        (x / self.step + f32::from(self.zero))
            .round()
            .clamp(-128.0, 127.0) as i8
    }
}

/// An activation that is part of a layer: outputs from 0 up to `high`.
struct Clamp {
    high: Option<f32>,
}

/// A sum of products per output: `[outputs][length]` weights.
struct Sums<'a> {
    products: &'a dyn Products,
    weights: Vec<Vec<f32>>,
    bias: Vec<f32>,
    clamp: Option<Clamp>,
}

impl<'a> Sums<'a> {
    fn new(part: &Part, products: &'a dyn Products) -> Self {
        let weight = &part.tensors[0].0;
        let bias = part.tensors.get(1).map(|(bias, _)| bias.clone());
        let outputs = products.outputs(part.input);
        // All of them lie as `[length, outputs]`.
        let of_output = |output| {
            weight
                .iter()
                .skip(output)
                .step_by(outputs)
                .copied()
                .collect()
        };
        Sums {
            products,
            weights: (0..outputs).map(of_output).collect(),
            bias: bias.unwrap_or_else(|| vec![0.0; outputs]),
            clamp: None,
        }
    }

    /// Makes the layer behind part of this one, and says whether it can be.
    fn take_over(&mut self, next: &Part) -> bool {
        match (next.spec.facts().on_integers(), &next.statistics[..]) {
            (OnIntegers::Clamp { high }, _) => self.clamp = Some(Clamp { high }),
            (OnIntegers::Scale { epsilon }, [row]) => self.fold(next, row, epsilon),
            (OnIntegers::Scale { .. }, _)
            | (OnIntegers::Float | OnIntegers::Same | OnIntegers::Products(_), _) => return false,
        }
        true
    }

    /// Takes over a norm with one row of stored statistics:
    /// `γ (W x + b − mean) r + β` is a product too.
    fn fold(&mut self, norm: &Part, row: &Moments, epsilon: f32) {
        let channels = self.weights.len();
        let tensor = |at: usize, otherwise: f32| -> Vec<f32> {
            let values = norm.tensors.get(at).map(|(values, _)| values.clone());
            values.unwrap_or_else(|| vec![otherwise; channels])
        };
        let (gain, bias) = (tensor(0, 1.0), tensor(1, 0.0));
        for channel in 0..channels {
            let factor = gain[channel] / (row.variance[channel] + epsilon).sqrt();
            let weights = &mut self.weights[channel];
            weights.iter_mut().for_each(|weight| *weight *= factor);
            self.bias[channel] = (self.bias[channel] - row.mean[channel]) * factor + bias[channel];
        }
    }

    /// Stores the integers of the layer `part`, whose output has a range.
    fn write(
        &self,
        part: &Part,
        input: Scale,
        range: [f32; 2],
        writer: &mut ArtifactWriter,
    ) -> Result<(Layer, Scale), ExportError> {
        let step = |weights: &Vec<f32>| {
            let largest = weights.iter().fold(0.0f32, |a, b| a.max(b.abs()));
            // An output without weights is its bias.
            if largest > 0.0 {
                largest / 127.0
            } else {
                1.0 / 127.0
            }
        };
        let steps: Vec<f32> = self.weights.iter().map(step).collect();
        let largest = steps.iter().fold(0.0f32, |a, &b| a.max(b));
        // The multiplier of an output stays below one half.
        let output = Scale::of(range, 2.001 * input.step * largest);
        let quantized: Vec<Vec<i8>> = self
            .weights
            .iter()
            .zip(&steps)
            .map(|(weights, step)| {
                let integer = |w: &f32| (w / step).round().clamp(-127.0, 127.0) as i8;
                weights.iter().map(integer).collect()
            })
            .collect();
        let bias = |output: usize| {
            let zero = f64::from(input.zero);
            let sum: f64 = quantized[output].iter().map(|&w| f64::from(w)).sum();
            let scale = f64::from(input.step) * f64::from(steps[output]);
            (f64::from(self.bias[output]) / scale - zero * sum).round() as i32
        };
        let biases: Vec<i32> = (0..quantized.len()).map(bias).collect();
        let factor = |step: &f32| f64::from(input.step) * f64::from(*step) / f64::from(output.step);
        let (multipliers, shifts): (Vec<i32>, Vec<i8>) =
            steps.iter().map(factor).map(fixed_point).unzip();
        let packed = match self.products.packing() {
            Packing::Plain => transposed(&quantized),
            Packing::Groups(groups) => {
                let of_groups = quantized.chunks(quantized.len() / groups);
                of_groups.flat_map(packed).collect()
            }
        };
        let integers = Integers {
            weight: writer.i8_tensor(&packed),
            bias: writer.i32_tensor(&biases),
            multiplier: writer.i32_tensor(&multipliers),
            shift: writer.i8_tensor(&shifts),
            input_zero: input.zero,
            zero: output.zero,
            low: self.clamp.as_ref().map_or(i8::MIN, |_| output.zero),
            high: match self.clamp {
                Some(Clamp { high: Some(high) }) => output.integer(high),
                Some(Clamp { high: None }) | None => i8::MAX,
            },
        };
        let layer = self.products.artifact(part.input, integers);
        let layer = layer.map_err(|message| part.refusal(message))?;
        Ok((layer, output))
    }
}

/// `factor · 2³²` as a multiplier of 31 bits and a shift to the right.
fn fixed_point(factor: f64) -> (i32, i8) {
    let mut scaled = factor * 2f64.powi(32);
    let mut shift = 0i8;
    while scaled < 2f64.powi(30) && shift < 31 {
        scaled *= 2.0;
        shift += 1;
    }
    // Below one half by the choice of the output's step.
    (scaled.round().min(f64::from(i32::MAX)) as i32, shift)
}

/// `[⌈outputs / 2⌉, ⌈length / 4⌉, 2, 4]`, filled up with zeros.
fn packed(rows: &[Vec<i8>]) -> Vec<i8> {
    let length = rows.first().map_or(0, Vec::len);
    let mut packed = Vec::new();
    for pair in rows.chunks(2) {
        for group in (0..length).step_by(GROUP) {
            for row in 0..2 {
                let value = |at: usize| pair.get(row).and_then(|row| row.get(at)).copied();
                packed.extend((group..group + GROUP).map(|at| value(at).unwrap_or(0)));
            }
        }
    }
    packed
}

fn transposed(rows: &[Vec<i8>]) -> Vec<i8> {
    let length = rows.first().map_or(0, Vec::len);
    let column = |at: usize| rows.iter().map(move |row| row[at]);
    (0..length).flat_map(column).collect()
}
