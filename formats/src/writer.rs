//! Builds artifacts.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::artifact::{Artifact, ArtifactError, FORMAT, HEAD, POLICY, PREFIX};
use crate::golden::GoldenSizes;
use crate::header::{
    Description, HeadStart, Header, Loss, Normalisation, Number, Policy, Recipe, Reduction, Shape,
    Tensor,
};
use crate::layer::Layer;
use crate::pipeline::{FrontEnd, Pipeline, Rejection, Score};
use crate::prefix;

/// Collects the parts of an artifact and lays them out.
///
/// ```
/// use mamlet_formats::{Artifact, ArtifactWriter, Layer, Shape};
///
/// let mut writer = ArtifactWriter::new("gain", Shape::Vector { features: 1 });
/// let weight = writer.tensor(&[1.0], true);
/// let bias = writer.tensor(&[0.0], true);
/// writer.push(Layer::Dense { outputs: 1, weight, bias: Some(bias) });
/// writer.rates(&[&[0.1, 0.01]]); // one row: the same rates in every step
/// let bytes = writer.to_bytes()?;
/// assert_eq!(Artifact::parse(&bytes).unwrap().layers().count(), 1);
/// # Ok::<(), mamlet_formats::WriteError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ArtifactWriter {
    name: String,
    input: Shape,
    normalisation: Option<Normalisation>,
    output_names: String,
    recipe: Recipe,
    seed: u64,
    config_digest: u64,
    variant: String,
    commit: String,
    layers: Vec<Layer>,
    policy: Option<Policy>,
    head: HeadStart,
    tensors: Vec<u8>,
    golden: Vec<u8>,
    front_end: Option<FrontEnd>,
    rejection: Option<Rejection>,
    channel_names: String,
}

/// Golden vectors as numbers; the fields are those of
/// [`GoldenVectors`](crate::GoldenVectors).
#[derive(Clone, Copy, Debug)]
pub struct GoldenValues<'a> {
    /// How many support examples.
    pub examples: u32,
    /// `[examples, inputs]`
    pub inputs: &'a [f32],
    /// `[examples, targets]`
    pub targets: &'a [f32],
    /// `[examples, outputs]`
    pub outputs_before: &'a [f32],
    /// `[steps + 1]`
    pub losses: &'a [f32],
    /// `[examples, outputs]`
    pub outputs_after: &'a [f32],
    /// Adapting tensors one behind the other.
    pub gradients: &'a [f32],
    /// CRC-32 of the adapted weights.
    pub adapted_crc32: u32,
}

/// Why an artifact cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// A section has more than four gigabytes, or there are more than
    /// 4 294 967 295 layers.
    TooLarge,
    /// The header cannot be encoded.
    Header,
    /// What was written does not read back.
    Unreadable(ArtifactError),
}

impl ArtifactWriter {
    /// Starts an artifact with mean squared error, averaged, and one step.
    pub fn new(name: &str, input: Shape) -> Self {
        let no_rates = Tensor {
            offset: 0,
            length: 0,
            number: Number::F32,
            adapts: false,
        };
        ArtifactWriter {
            name: name.into(),
            input,
            normalisation: None,
            output_names: String::new(),
            recipe: Recipe {
                loss: Loss::MeanSquaredError,
                reduction: Reduction::Mean,
                steps: 1,
                max_steps: 1,
                rates: no_rates,
                rate_rows: 0,
                clip_norm: None,
                momentum: None,
            },
            seed: 0,
            config_digest: 0,
            variant: String::new(),
            commit: String::new(),
            layers: Vec::new(),
            policy: None,
            head: HeadStart::Stored,
            tensors: Vec::new(),
            golden: Vec::new(),
            front_end: None,
            rejection: None,
            channel_names: String::new(),
        }
    }

    /// Stores values and returns where they stand, for use in a layer.
    pub fn tensor(&mut self, values: &[f32], adapts: bool) -> Tensor {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.store(Number::F32, values.len(), bytes, adapts)
    }

    /// Stores values rounded to the nearest f16, in half the bytes. Values
    /// beyond ±65 504 become infinite, which no model takes.
    pub fn f16_tensor(&mut self, values: &[f32], adapts: bool) -> Tensor {
        let half = |&value| half::f16::from_f32(value).to_le_bytes();
        let bytes = values.iter().flat_map(half);
        self.store(Number::F16, values.len(), bytes, adapts)
    }

    /// Stores the values of an integer layer: weights, shifts.
    pub fn i8_tensor(&mut self, values: &[i8]) -> Tensor {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.store(Number::I8, values.len(), bytes, false)
    }

    /// Stores the values of an integer layer: biases, multipliers.
    pub fn i32_tensor(&mut self, values: &[i32]) -> Tensor {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.store(Number::I32, values.len(), bytes, false)
    }

    fn store(
        &mut self,
        number: Number,
        length: usize,
        bytes: impl Iterator<Item = u8>,
        adapts: bool,
    ) -> Tensor {
        // Sections beyond u32 are refused when the bytes are made, before
        // these saturated numbers could be written.
        let tensor = Tensor {
            offset: u32::try_from(self.tensors.len()).unwrap_or(u32::MAX),
            length: u32::try_from(length).unwrap_or(u32::MAX),
            number,
            adapts,
        };
        self.tensors.extend(bytes);
        let whole_words = self.tensors.len().next_multiple_of(4);
        self.tensors.resize(whole_words, 0);
        tensor
    }

    /// Appends a layer.
    pub fn push(&mut self, layer: Layer) -> &mut Self {
        self.layers.push(layer);
        self
    }

    /// Sets the learning rates: a row per step, a rate per adapting tensor.
    pub fn rates(&mut self, rows: &[&[f32]]) -> &mut Self {
        self.recipe.rates = self.tensor(&rows.concat(), false);
        self.recipe.rate_rows = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        self
    }

    /// Sets how many steps `adapt` takes by itself, and the most it may take.
    pub fn steps(&mut self, steps: u32, max_steps: u32) -> &mut Self {
        self.recipe.steps = steps;
        self.recipe.max_steps = max_steps;
        self
    }

    /// Bounds the norm of the whole gradient, gives steps a momentum, or both.
    pub fn optimiser(&mut self, clip_norm: Option<f32>, momentum: Option<f32>) -> &mut Self {
        self.recipe.clip_norm = clip_norm;
        self.recipe.momentum = momentum;
        self
    }

    /// Sets what an inner step lowers.
    pub fn loss(&mut self, loss: Loss, reduction: Reduction) -> &mut Self {
        self.recipe.loss = loss;
        self.recipe.reduction = reduction;
        self
    }

    /// Says how a policy is rolled out and its actions are weighed.
    pub fn policy(&mut self, policy: Policy) -> &mut Self {
        self.policy = Some(policy);
        self
    }

    /// Says where the weights of the last layer stand before the first step.
    pub fn head(&mut self, head: HeadStart) -> &mut Self {
        self.head = head;
        self
    }

    /// Sets the input normalisation `(x − mean) · scale`, per feature.
    pub fn normalisation(&mut self, mean: &[f32], scale: &[f32]) -> &mut Self {
        self.normalisation = Some(Normalisation {
            mean: self.tensor(mean, false),
            scale: self.tensor(scale, false),
        });
        self
    }

    /// Names the outputs or classes. A line feed in a name becomes a space.
    pub fn output_names<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) -> &mut Self {
        self.output_names = lines(names);
        self
    }

    /// Says how raw samples become an example. A line feed in the name of a
    /// channel becomes a space.
    pub fn front_end<'n>(
        &mut self,
        front_end: FrontEnd,
        channel_names: impl IntoIterator<Item = &'n str>,
    ) -> &mut Self {
        self.front_end = Some(front_end);
        self.channel_names = lines(channel_names);
        self
    }

    /// Says which predictions count as none.
    pub fn rejection(&mut self, rejection: Rejection) -> &mut Self {
        self.rejection = Some(rejection);
        self
    }

    /// Says where the model came from: the variant of the method, the trainer's
    /// source revision, seed and digest of the configuration.
    pub fn provenance(
        &mut self,
        variant: &str,
        commit: &str,
        seed: u64,
        config_digest: u64,
    ) -> &mut Self {
        self.variant = variant.into();
        self.commit = commit.into();
        (self.seed, self.config_digest) = (seed, config_digest);
        self
    }

    /// Adds golden vectors. Sizes that do not agree with each other are found
    /// when the bytes are made.
    pub fn golden(&mut self, values: GoldenValues<'_>) -> &mut Self {
        let per_example = |numbers: &[f32]| numbers.len() as u32 / values.examples.max(1);
        let sizes = GoldenSizes {
            examples: values.examples,
            inputs: per_example(values.inputs),
            outputs: per_example(values.outputs_before),
            targets: per_example(values.targets),
            gradients: values.gradients.len() as u32,
            steps: u32::try_from(values.losses.len().saturating_sub(1)).unwrap_or(u32::MAX),
        };
        let numbers = [
            values.inputs,
            values.targets,
            values.outputs_before,
            values.losses,
            values.outputs_after,
            values.gradients,
        ];
        let numbers = numbers.into_iter().flatten().map(|value| value.to_bits());
        let words = sizes.words().into_iter().chain(numbers);
        let words = words.chain([values.adapted_crc32]);
        self.golden = words.flat_map(|word| word.to_le_bytes()).collect();
        self
    }

    /// Lays the artifact out and reads it back.
    ///
    /// # Errors
    /// [`WriteError`] where a size does not fit the format or the parts do not
    /// agree with each other.
    pub fn to_bytes(&self) -> Result<Vec<u8>, WriteError> {
        let pipeline = Pipeline {
            front_end: self.front_end,
            rejection: self.rejection,
            names: self.channel_names.as_bytes(),
        };
        let pipeline = pipeline.to_bytes();
        // The lowest version that can express it.
        let of_pipeline = match self.rejection.map(|rejection| rejection.score) {
            Some(Score::NoClass) => 2,
            _ => u16::from(!pipeline.is_empty()),
        };
        let of_layers = self.layers.iter().map(Layer::minor).max().unwrap_or(0);
        let of_policy = self.policy.map_or(0, |_| POLICY);
        let of_head = match self.head {
            HeadStart::Stored => 0,
            HeadStart::Prototypes { .. } => HEAD,
        };
        let minor = of_pipeline.max(of_layers).max(of_policy).max(of_head);
        let header = self.header_bytes(minor)?;
        let sections = [&header[..], &self.tensors, &self.golden, &pipeline];
        let mut fields = [0; 5];
        for (field, section) in fields.iter_mut().zip(sections) {
            *field = u32::try_from(section.len()).map_err(|_| WriteError::TooLarge)?;
        }
        let body = sections.concat();
        let prefix: [u8; PREFIX] = prefix::seal(FORMAT.encode(minor, fields), &body);
        let bytes = [&prefix, &body[..]].concat();
        let readable = Artifact::parse(&bytes)
            .and_then(|artifact| artifact.golden().and_then(|_| artifact.description()));
        match readable {
            Ok(_) => Ok(bytes),
            Err(error) => Err(WriteError::Unreadable(error)),
        }
    }

    /// The postcard header and layers, padded to whole words.
    fn header_bytes(&self, minor: u16) -> Result<Vec<u8>, WriteError> {
        let header = Header {
            input: self.input,
            normalisation: self.normalisation,
            recipe: self.recipe,
            layers: u32::try_from(self.layers.len()).map_err(|_| WriteError::TooLarge)?,
        };
        let description = Description {
            name: &self.name,
            outputs: &self.output_names,
            seed: self.seed,
            config_digest: self.config_digest,
            variant: &self.variant,
            commit: &self.commit,
        };
        let mut bytes = postcard::to_allocvec(&header).map_err(|_| WriteError::Header)?;
        for layer in &self.layers {
            bytes = postcard::to_extend(layer, bytes).map_err(|_| WriteError::Header)?;
        }
        if minor >= POLICY {
            bytes = postcard::to_extend(&self.policy, bytes).map_err(|_| WriteError::Header)?;
        }
        if minor >= HEAD {
            bytes = postcard::to_extend(&self.head, bytes).map_err(|_| WriteError::Header)?;
        }
        bytes = postcard::to_extend(&description, bytes).map_err(|_| WriteError::Header)?;
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        Ok(bytes)
    }
}

/// Names separated by line feeds.
fn lines<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.into_iter().map(|n| n.replace('\n', " ")).collect();
    names.join("\n")
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the model is too large for the format"),
            Self::Header => write!(f, "the header cannot be encoded"),
            Self::Unreadable(error) => write!(f, "the parts do not agree: {error}"),
        }
    }
}

impl core::error::Error for WriteError {}
