//! Networks that are written down: layers with their values, a loss and a
//! recipe, and the artifact of all that.

use mamlet_formats::{ArtifactWriter, HeadStart, Loss, Reduction, Shape};

use super::Aligned;
use super::piece::{Piece, Size, Values};

/// An input and its target, as the artifact stores targets: numbers, one
/// class, or an action and its advantage.
pub type Example = (Vec<f32>, Vec<f32>);

/// A network, its loss and its recipe.
#[derive(Clone, Debug)]
pub struct Net {
    pub size: Size,
    /// Numbers per input.
    pub inputs: usize,
    pub pieces: Vec<Piece>,
    pub normalisation: Option<(Vec<f32>, Vec<f32>)>,
    pub loss: Loss,
    pub reduction: Reduction,
    pub steps: u32,
    pub max_steps: u32,
    /// A row per step; no rows stand for 0.05 everywhere.
    pub rates: Vec<Vec<f32>>,
    pub clip_norm: Option<f32>,
    pub momentum: Option<f32>,
    /// What adapts is stored as f16.
    pub f16: bool,
    pub head: HeadStart,
}

impl Net {
    /// A network of vectors.
    pub fn new(inputs: usize, pieces: Vec<Piece>) -> Self {
        Net::of([1, 1, inputs], pieces)
    }

    pub fn of(size: Size, pieces: Vec<Piece>) -> Self {
        Net {
            size,
            inputs: size.iter().product(),
            pieces,
            normalisation: None,
            loss: Loss::MeanSquaredError,
            reduction: Reduction::Mean,
            steps: 1,
            max_steps: 32,
            rates: Vec::new(),
            clip_norm: None,
            momentum: None,
            f16: false,
            head: HeadStart::Stored,
        }
    }

    pub fn loss(mut self, loss: Loss, reduction: Reduction) -> Self {
        (self.loss, self.reduction) = (loss, reduction);
        self
    }

    pub fn normalised(mut self, mean: &[f32], scale: &[f32]) -> Self {
        self.normalisation = Some((mean.to_vec(), scale.to_vec()));
        self
    }

    /// The same rate for every tensor in every step.
    pub fn rate(mut self, rate: f32) -> Self {
        self.rates = vec![vec![rate; self.adapting_tensors()]];
        self
    }

    pub fn steps(mut self, steps: u32, max_steps: u32) -> Self {
        (self.steps, self.max_steps) = (steps, max_steps);
        self
    }

    /// Sizes of the input, and of the output of every layer.
    pub fn sizes(&self) -> Vec<Size> {
        let mut sizes = vec![self.size];
        for piece in &self.pieces {
            sizes.push(piece.output(sizes[sizes.len() - 1]));
        }
        sizes
    }

    pub fn outputs(&self) -> usize {
        let sizes = self.sizes();
        sizes[sizes.len() - 1].iter().product()
    }

    /// Numbers per target.
    pub fn targets(&self) -> usize {
        match self.loss {
            Loss::CrossEntropy => 1,
            Loss::CategoricalPolicy => 2,
            Loss::GaussianPolicy => self.outputs() / 2 + 1,
            _ => self.outputs(),
        }
    }

    /// All tensors, layer by layer.
    pub fn tensors(&self) -> impl Iterator<Item = &Values> {
        self.pieces.iter().flat_map(Piece::tensors)
    }

    pub fn adapting_tensors(&self) -> usize {
        self.tensors().filter(|(_, adapts)| *adapts).count()
    }

    /// How many numbers adapt.
    pub fn adapting(&self) -> usize {
        let adapting = self.tensors().filter(|(_, adapts)| *adapts);
        adapting.map(|(values, _)| values.len()).sum()
    }

    /// Whether the examples of a batch have an effect on each other.
    pub fn mixes_examples(&self) -> bool {
        self.pieces.iter().any(Piece::mixes_examples)
    }

    /// How many layers lie below everything whose output a step changes.
    pub fn fixed_layers(&self) -> usize {
        let changes = |piece: &Piece| {
            let per_step =
                matches!(piece, Piece::BatchNorm { stored: Some(stored), .. } if stored.rows > 1);
            per_step || piece.mixes_examples() || piece.tensors().any(|(_, adapts)| *adapts)
        };
        self.pieces.iter().position(changes).unwrap_or(0)
    }

    pub fn writer(&self) -> ArtifactWriter {
        let small = |number: usize| u32::try_from(number).expect("a small network");
        let [height, width, channels] = self.size.map(small);
        let shape = match (height, width) {
            (1, 1) => Shape::Vector { features: channels },
            (1, length) => Shape::Sequence { length, channels },
            _ => Shape::Image {
                height,
                width,
                channels,
            },
        };
        let mut writer = ArtifactWriter::new("net", shape);
        for piece in &self.pieces {
            let layer = piece.layer(&mut writer, self.f16);
            writer.push(layer);
        }
        if let Some((mean, scale)) = &self.normalisation {
            writer.normalisation(mean, scale);
        }
        let default = vec![0.05; self.adapting_tensors()];
        let rows: Vec<&[f32]> = match self.rates.is_empty() {
            true => vec![&default],
            false => self.rates.iter().map(Vec::as_slice).collect(),
        };
        writer
            .rates(&rows)
            .steps(self.steps, self.max_steps)
            .loss(self.loss, self.reduction)
            .head(self.head)
            .optimiser(self.clip_norm, self.momentum);
        writer
    }

    pub fn file(&self) -> Aligned {
        Aligned::new(&self.writer().to_bytes().expect("parts that agree"))
    }
}
