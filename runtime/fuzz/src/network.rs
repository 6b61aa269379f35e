//! Networks of any sound shape, with anything for numbers.

use arbitrary::{Arbitrary, Result, Unstructured};
use mamlet_formats::{ArtifactWriter, Layer, Loss, Reduction, Shape, Tensor};

/// The most features of a dense layer.
const WIDTH: u32 = 9;
/// The most layers on f32 below the last.
const LAYERS: usize = 6;
/// Numbers of a tensor that are drawn; longer ones repeat them.
const DRAWN: u32 = 24;

/// An artifact that a model can be made of.
#[derive(Debug)]
pub struct Network {
    /// Numbers per input.
    pub inputs: usize,
    /// Numbers per output.
    pub outputs: usize,
    /// What an inner step lowers.
    pub loss: Loss,
    /// The most steps the recipe allows.
    pub max_steps: u32,
    /// A batch norm takes the statistics of all examples.
    pub mixes: bool,
    /// Layers on integers begin the chain.
    pub integers: bool,
    /// The artifact.
    pub file: Vec<u8>,
}

/// An artifact in the making.
pub struct Builder<'a, 'u> {
    pub u: &'a mut Unstructured<'u>,
    pub writer: ArtifactWriter,
    /// Height, width and channels above the layers so far.
    pub size: [u32; 3],
    pub mixes: bool,
    adapting: usize,
}

impl<'u> Arbitrary<'u> for Network {
    fn arbitrary(u: &mut Unstructured<'u>) -> Result<Self> {
        let shape = shape(u)?;
        let size = shape.dimensions();
        let inputs: u32 = size.iter().product();
        let mut builder = Builder {
            u,
            writer: ArtifactWriter::new("fuzz", shape),
            size,
            mixes: false,
            adapting: 0,
        };
        let integers = builder.u.ratio(1, 4)?;
        if integers {
            builder.integers()?;
        }
        for _ in 0..builder.u.int_in_range(0..=LAYERS - 1)? {
            builder.layer()?;
        }
        // Something must adapt.
        builder.dense(true)?;
        let max_steps = builder.u.int_in_range(1..=8)?;
        let loss = builder.recipe(max_steps)?;
        if builder.u.arbitrary()? {
            let mean = finite(builder.u, inputs)?;
            let scale = finite(builder.u, inputs)?;
            builder.writer.normalisation(&mean, &scale);
        }
        Ok(Network {
            inputs: inputs as usize,
            outputs: builder.features() as usize,
            loss,
            max_steps,
            mixes: builder.mixes,
            integers,
            file: builder.writer.to_bytes().expect("parts that agree"),
        })
    }
}

impl Network {
    /// Numbers per target.
    pub fn targets(&self) -> usize {
        match self.loss {
            Loss::CrossEntropy => 1,
            Loss::CategoricalPolicy => 2,
            Loss::GaussianPolicy => self.outputs / 2 + 1,
            _ => self.outputs,
        }
    }
}

impl Builder<'_, '_> {
    /// Numbers per example above the layers so far.
    pub fn features(&self) -> u32 {
        self.size.iter().product()
    }

    /// Adds a dense layer.
    pub fn dense(&mut self, adapts: bool) -> Result<()> {
        let inputs = self.features();
        let outputs = self.u.int_in_range(1..=WIDTH)?;
        let weight = self.tensor(inputs * outputs, adapts)?;
        let bias = self.optional(outputs)?;
        self.writer.push(Layer::Dense {
            outputs,
            weight,
            bias,
        });
        self.size = [1, 1, outputs];
        Ok(())
    }

    /// A tensor that may adapt and may then be stored in half the bytes.
    pub fn tensor(&mut self, length: u32, adapts: bool) -> Result<Tensor> {
        let adapts = adapts || self.u.arbitrary()?;
        self.adapting += usize::from(adapts);
        let mut values = finite(self.u, length)?;
        if adapts && self.u.ratio(1, 4)? {
            values.iter_mut().for_each(|x| *x = x.clamp(-6e4, 6e4));
            return Ok(self.writer.f16_tensor(&values, true));
        }
        Ok(self.writer.tensor(&values, adapts))
    }

    /// A tensor, or none.
    pub fn optional(&mut self, length: u32) -> Result<Option<Tensor>> {
        Ok(match self.u.arbitrary()? {
            true => Some(self.tensor(length, false)?),
            false => None,
        })
    }

    /// A tensor that never adapts.
    pub fn constant(&mut self, length: u32) -> Result<Tensor> {
        let values = finite(self.u, length)?;
        Ok(self.writer.tensor(&values, false))
    }

    fn recipe(&mut self, max_steps: u32) -> Result<Loss> {
        let outputs = self.features();
        let steps = self.u.int_in_range(1..=max_steps)?;
        let loss = match self.u.int_in_range(0..=4)? {
            1 if outputs > 1 => Loss::CrossEntropy,
            2 => Loss::Huber {
                delta: self.u.choose(&[1e-3, 0.5, 1.0, 1e30]).copied()?,
            },
            3 if outputs > 1 => Loss::CategoricalPolicy,
            4 if outputs.is_multiple_of(2) => Loss::GaussianPolicy,
            _ => Loss::MeanSquaredError,
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
        let clip_norm = *self
            .u
            .choose(&[None, None, Some(1e-6), Some(1.0), Some(1e30)])?;
        let momentum = *self
            .u
            .choose(&[None, None, Some(0.0), Some(0.5), Some(0.99)])?;
        let writer = self.writer.steps(steps, max_steps);
        let writer = writer.optimiser(clip_norm, momentum);
        writer.loss(loss, reduction).rates(&rows);
        Ok(loss)
    }
}

fn shape(u: &mut Unstructured<'_>) -> Result<Shape> {
    let side = |u: &mut Unstructured<'_>| u.int_in_range(1..=5);
    Ok(match u.int_in_range(0..=2)? {
        0 => Shape::Vector {
            features: u.int_in_range(1..=WIDTH)?,
        },
        1 => Shape::Sequence {
            length: u.int_in_range(1..=9)?,
            channels: u.int_in_range(1..=4)?,
        },
        _ => Shape::Image {
            height: side(u)?,
            width: side(u)?,
            channels: u.int_in_range(1..=4)?,
        },
    })
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
    let drawn: Result<Vec<f32>> = (0..count.min(DRAWN)).map(|_| number(u)).collect();
    let numbers = drawn?.into_iter().cycle();
    Ok(numbers.take(count as usize).collect())
}

/// So many numbers, none of them infinite or NaN: models refuse such weights.
fn finite(u: &mut Unstructured<'_>, count: u32) -> Result<Vec<f32>> {
    let mut numbers = numbers(u, count)?;
    let not_finite = numbers.iter_mut().filter(|number| !number.is_finite());
    not_finite.for_each(|number| *number = 0.5);
    Ok(numbers)
}
