//! Networks of any sound shape, with anything for numbers.

use arbitrary::{Arbitrary, Result, Unstructured};
use mamlet_formats::{ArtifactWriter, Layer, Loss, Reduction, Shape, Tensor};

/// The most features of a layer.
const WIDTH: u32 = 9;
/// The most layers.
const LAYERS: usize = 6;

/// An artifact that a model can be made of.
#[derive(Debug)]
pub struct Network {
    /// Numbers per input.
    pub inputs: usize,
    /// Numbers per output.
    pub outputs: usize,
    /// What an inner step lowers.
    pub loss: Loss,
    /// The artifact.
    pub file: Vec<u8>,
}

/// An artifact in the making.
struct Builder<'a, 'u> {
    u: &'a mut Unstructured<'u>,
    writer: ArtifactWriter,
    adapting: usize,
}

impl<'u> Arbitrary<'u> for Network {
    fn arbitrary(u: &mut Unstructured<'u>) -> Result<Self> {
        let inputs = u.int_in_range(1..=WIDTH)?;
        let writer = ArtifactWriter::new("fuzz", Shape::Vector { features: inputs });
        let mut builder = Builder {
            u,
            writer,
            adapting: 0,
        };
        let mut width = inputs;
        for _ in 0..builder.u.int_in_range(0..=LAYERS - 1)? {
            width = builder.layer(width)?;
        }
        // Something must adapt.
        let outputs = builder.dense(width, true)?;
        let loss = builder.recipe(outputs)?;
        if builder.u.arbitrary()? {
            let mean = numbers(builder.u, inputs)?;
            let scale = numbers(builder.u, inputs)?;
            builder.writer.normalisation(&mean, &scale);
        }
        Ok(Network {
            inputs: inputs as usize,
            outputs: outputs as usize,
            loss,
            file: builder.writer.to_bytes().expect("parts that agree"),
        })
    }
}

impl Builder<'_, '_> {
    /// Adds a layer above one of `width` features and says how many it has.
    fn layer(&mut self, width: u32) -> Result<u32> {
        let layer = match self.u.int_in_range(0..=6)? {
            0 | 1 => return self.dense(width, false),
            2 => Layer::Relu,
            3 => Layer::LeakyRelu {
                slope: self.u.choose(&[0.0, 0.01, 0.5, 1.0]).copied()?,
            },
            4 => Layer::Tanh,
            5 => Layer::Sigmoid,
            _ => {
                let length = self.u.int_in_range(1..=4)?;
                let vector = self.tensor(length, false)?;
                self.writer.push(Layer::Context { vector });
                return Ok(width + length);
            }
        };
        self.writer.push(layer);
        Ok(width)
    }

    fn dense(&mut self, inputs: u32, adapts: bool) -> Result<u32> {
        let outputs = self.u.int_in_range(1..=WIDTH)?;
        let weight = self.tensor(inputs * outputs, adapts)?;
        let bias = match self.u.arbitrary()? {
            true => Some(self.tensor(outputs, false)?),
            false => None,
        };
        self.writer.push(Layer::Dense {
            outputs,
            weight,
            bias,
        });
        Ok(outputs)
    }

    fn tensor(&mut self, length: u32, adapts: bool) -> Result<Tensor> {
        let adapts = adapts || self.u.arbitrary()?;
        self.adapting += usize::from(adapts);
        let values = numbers(self.u, length)?;
        Ok(self.writer.tensor(&values, adapts))
    }

    fn recipe(&mut self, outputs: u32) -> Result<Loss> {
        let max_steps = self.u.int_in_range(1..=8)?;
        let steps = self.u.int_in_range(1..=max_steps)?;
        let loss = match outputs > 1 && self.u.arbitrary()? {
            true => Loss::CrossEntropy,
            false => Loss::MeanSquaredError,
        };
        let reduction = *self.u.choose(&[Reduction::Mean, Reduction::Sum])?;
        let rows = self.u.int_in_range(1..=3)?;
        let rate = |u: &mut Unstructured<'_>| {
            let rates = [0.0, 1e-3, 0.01, 0.1, 10.0, 1e30, -0.1];
            u.choose(&rates).copied()
        };
        let rates: Result<Vec<f32>> = (0..rows * self.adapting).map(|_| rate(self.u)).collect();
        let rates = rates?;
        let rows: Vec<_> = rates.chunks(self.adapting).collect();
        let writer = self.writer.steps(steps, max_steps);
        writer.loss(loss, reduction).rates(&rows);
        Ok(loss)
    }
}

/// Mostly numbers of the usual size, which an adaptation survives.
pub fn number(u: &mut Unstructured<'_>) -> Result<f32> {
    Ok(match u.arbitrary::<u8>()? {
        0 => f32::from_bits(u.arbitrary()?),
        1 => f32::MAX,
        2 => f32::from_bits(1),
        3 => -0.0,
        byte => f32::from(byte) / 64.0 - 2.0,
    })
}

/// So many numbers.
pub fn numbers(u: &mut Unstructured<'_>, count: u32) -> Result<Vec<f32>> {
    (0..count).map(|_| number(u)).collect()
}
