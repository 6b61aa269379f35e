//! `mamlet inspect`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use mamlet_formats::{
    Artifact, Centre, Cut, Description, GoldenSizes, HeadStart, Layer, Loss, Recipe, Reduction,
    Statistics, Tensor,
};
use mamlet_runtime::{FrontEnd, Rollback};
use mamlet_simulator::Model;
use mamlet_simulator::file::ArtifactFile;
use mamlet_simulator::fit::Fit;
use serde_json::json;

use super::export::describe_fit;
use super::flags::{Format, OnBoard};
use super::{exit, output};
use crate::data::counted;

/// Show what an artifact holds and what it costs: layers, recipe, memory, time.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mamlet inspect runs/sinusoid/sinusoid.mamlet
  mamlet inspect sinusoid.mamlet --shots 10 --board rp2040 --json")]
pub(super) struct Arguments {
    /// The artifact
    artifact: PathBuf,
    /// Examples the device adapts to
    #[arg(long, default_value_t = 5)]
    shots: usize,
    #[command(flatten)]
    on_board: OnBoard,
    #[command(flatten)]
    format: Format,
}

/// A layer in words and numbers.
#[derive(serde::Serialize)]
struct Row {
    kind: &'static str,
    parameters: usize,
    adapting: usize,
    weight_bytes: usize,
    output_bytes: usize,
    /// Multiply-accumulates of an example, and bytes moved.
    macs: u64,
    bytes_moved: usize,
    /// The same of the backward pass of a step.
    backward_macs: u64,
    backward_bytes_moved: usize,
    /// Whether the forward pass runs once for a support example instead of once
    /// a step.
    once: bool,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let board = self.on_board.board()?;
        let name = || self.artifact.display().to_string();
        let file = ArtifactFile::read(&self.artifact)?;
        let artifact = file.artifact().with_context(name)?;
        let model = Model::new(&artifact).with_context(name)?;
        let bytes = file.bytes().len();
        let inspection = Inspection {
            bytes,
            artifact: &artifact,
            recipe: artifact.header().recipe,
            description: artifact.description().with_context(name)?,
            channels: artifact.channel_names().with_context(name)?.collect(),
            golden: artifact
                .golden()
                .with_context(name)?
                .map(|golden| golden.sizes),
            layers: rows(&artifact, &model),
            rates: rates(&artifact),
            front_end_bytes: FrontEnd::memory(&model).bytes(),
            committed_copy: (model.memory(self.shots, Rollback::ToCommitted))
                .committed
                .bytes(),
            fit: Fit::of(&artifact, &model, bytes, self.shots, model.steps(), board),
        };
        self.format
            .print(|| inspection.json(), || inspection.text())?;
        Ok(exit::SUCCESS)
    }
}

/// All that is said of an artifact.
struct Inspection<'a> {
    bytes: usize,
    artifact: &'a Artifact<'a>,
    recipe: Recipe,
    description: Description<'a>,
    /// Names of the channels of its front end.
    channels: Vec<&'a str>,
    golden: Option<GoldenSizes>,
    layers: Vec<Row>,
    /// Learning rates, a row per step.
    rates: Vec<Vec<f32>>,
    front_end_bytes: usize,
    /// Bytes of a second copy of the weights that adapt.
    committed_copy: usize,
    fit: Fit,
}

impl Inspection<'_> {
    fn json(&self) -> serde_json::Value {
        let Self {
            artifact,
            recipe,
            description,
            ..
        } = self;
        json!({
            "name": description.name,
            "bytes": self.bytes,
            "crc32": format!("{:08x}", artifact.id().crc32),
            "protocol": description.variant,
            "commit": description.commit,
            "seed": description.seed,
            "config_digest": format!("{:016x}", description.config_digest),
            "outputs": description.output_names().collect::<Vec<_>>(),
            "layers": self.layers,
            "loss": loss_name(recipe.loss),
            "reduction": reduction_name(recipe.reduction),
            "steps": recipe.steps,
            "max_steps": recipe.max_steps,
            "clip_norm": recipe.clip_norm,
            "momentum": recipe.momentum,
            "rates": self.rates,
            "front_end": artifact.front_end().map(|front_end| front_end_json(front_end, &self.channels)),
            "rejection": artifact.rejection().map(|rejection| json!({
                "score": rejection.score.to_string(),
                "threshold": rejection.threshold,
            })),
            "temperature": self.temperature(),
            "norms_of_the_batch": self.norms_of_the_batch(),
            "golden_examples": self.golden.map(|golden| golden.examples),
            "committed_copy_bytes": self.committed_copy,
            "fit": self.fit,
        })
    }

    /// `τ`, where the head starts at prototypes.
    fn temperature(&self) -> Option<f32> {
        match self.artifact.head() {
            HeadStart::Prototypes { temperature } => Some(temperature),
            _ => None,
        }
    }

    /// Whether a prediction depends on what it is made together with.
    fn norms_of_the_batch(&self) -> bool {
        let mut layers = self.artifact.layers();
        layers.any(|layer| {
            matches!(
                layer,
                Layer::BatchNorm {
                    statistics: Statistics::Current,
                    ..
                }
            )
        })
    }

    fn text(&self) -> String {
        let mut lines = self.head_lines();
        lines.push(layer_table(&self.layers));
        if self.layers.iter().any(|row| row.once) {
            lines.push("  * once for each example, when it is added, not once a step".into());
        }
        if self.norms_of_the_batch() {
            lines.push(
                "  batch norms use the statistics of the batch at hand: of all support examples \
                 while adapting, of a query alone when it is predicted"
                    .into(),
            );
        }
        lines.extend(self.recipe_lines());
        lines.push(match self.golden {
            Some(golden) => format!(
                "golden vectors: {}, {}",
                counted(golden.examples as usize, "example"),
                counted(golden.steps as usize, "step")
            ),
            None => "golden vectors: none".into(),
        });
        lines.extend(describe_fit(&self.fit));
        lines.push(format!(
            "  a second copy of the weights, to fall back on what was committed, takes {} bytes more",
            self.committed_copy
        ));
        lines.join("\n")
    }

    /// What it is, and what it makes of raw samples.
    fn head_lines(&self) -> Vec<String> {
        let Self {
            artifact,
            description,
            ..
        } = self;
        let mut lines = vec![
            format!(
                "{}: {} bytes, CRC-32 {:08x}",
                description.name,
                self.bytes,
                artifact.id().crc32
            ),
            format!(
                "  protocol {}, seed {}, config {:016x}, commit {}",
                description.variant,
                description.seed,
                description.config_digest,
                description.commit
            ),
        ];
        if let Some(front_end) = artifact.front_end() {
            lines.push(format!("  front end: {front_end}"));
            if !self.channels.is_empty() {
                lines.push(format!("  channels: {}", self.channels.join(" ")));
            }
            lines.push(format!(
                "  the front end takes {} bytes of RAM",
                self.front_end_bytes
            ));
        }
        let rejection = artifact.rejection();
        lines.extend(rejection.map(|rejection| format!("  unknown: {rejection}")));
        lines
    }

    fn recipe_lines(&self) -> Vec<String> {
        let recipe = &self.recipe;
        let mut lines = vec![format!(
            "recipe: {}, {}; {}, at most {}",
            loss_name(recipe.loss),
            reduction_name(recipe.reduction),
            counted(recipe.steps as usize, "step"),
            recipe.max_steps
        )];
        lines.extend(self.temperature().map(|temperature| {
            format!("  the head starts at the examples' prototypes, temperature {temperature:.4}")
        }));
        let norm = recipe.clip_norm;
        lines.extend(norm.map(|norm| format!("  gradients clipped to a norm of {norm}")));
        let momentum = recipe.momentum;
        lines.extend(momentum.map(|momentum| format!("  momentum {momentum}")));
        lines.extend(self.rates.iter().enumerate().map(|(step, row)| {
            let rates: Vec<_> = row.iter().map(|rate| format!("{rate:.4}")).collect();
            // The last row serves all further steps.
            let on = if step + 1 == rates_rows(recipe) {
                " and on"
            } else {
                ""
            };
            format!("  rates of step {}{on}: {}", step + 1, rates.join(" "))
        }));
        lines
    }
}

fn loss_name(loss: Loss) -> &'static str {
    match loss {
        Loss::MeanSquaredError => "mean squared error",
        Loss::CrossEntropy => "cross-entropy",
        Loss::Huber { .. } => "Huber",
        Loss::GaussianPolicy => "Gaussian policy",
        Loss::CategoricalPolicy => "categorical policy",
        _ => "unknown loss",
    }
}

fn reduction_name(reduction: Reduction) -> &'static str {
    match reduction {
        Reduction::Sum => "summed",
        _ => "averaged",
    }
}

fn layer_table(layers: &[Row]) -> String {
    let head = [
        "layer",
        "parameters",
        "adapting",
        "weights, B",
        "output, B",
        "MACs",
        "moved, B",
        "back: MACs",
        "moved, B",
    ];
    let cells = |row: &Row| {
        // Once per example, not once per step.
        let often = if row.once { "*" } else { "" };
        vec![
            row.kind.to_owned(),
            row.parameters.to_string(),
            row.adapting.to_string(),
            row.weight_bytes.to_string(),
            row.output_bytes.to_string(),
            format!("{}{often}", row.macs),
            format!("{}{often}", row.bytes_moved),
            row.backward_macs.to_string(),
            row.backward_bytes_moved.to_string(),
        ]
    };
    let cells: Vec<_> = layers.iter().map(cells).collect();
    output::table(&head.map(String::from), &cells)
}

fn front_end_json(front_end: mamlet_formats::FrontEnd, channels: &[&str]) -> serde_json::Value {
    let (longest, stride) = match front_end.cut {
        Cut::Whole { longest } => (Some(longest), None),
        Cut::Windows { stride } => (None, Some(stride)),
        _ => (None, None),
    };
    let centre = match front_end.centre {
        Centre::Mean => "mean",
        Centre::Rest => "rest",
        _ => "none",
    };
    json!({
        "channels": front_end.channels,
        "channel_names": channels,
        "length": front_end.length,
        "hertz": front_end.hertz(),
        "longest": longest,
        "stride": stride,
        "centre": centre,
    })
}

/// Rows of the table of rates.
fn rates_rows(recipe: &Recipe) -> usize {
    recipe.rate_rows as usize
}

/// The learning rates, a row per step.
fn rates(artifact: &Artifact<'_>) -> Vec<Vec<f32>> {
    let recipe = artifact.header().recipe;
    let at = recipe.rates.offset as usize;
    // The artifact was parsed: the table lies inside the tensors.
    let bytes = artifact.tensors().get(at..).unwrap_or_default();
    let values: Vec<f32> = bytes
        .as_chunks::<4>()
        .0
        .iter()
        .take(recipe.rates.length as usize)
        .map(|&word| f32::from_le_bytes(word))
        .collect();
    let width = values.len() / rates_rows(&recipe).max(1);
    values.chunks(width.max(1)).map(<[f32]>::to_vec).collect()
}

fn rows(artifact: &Artifact<'_>, model: &Model<'_>) -> Vec<Row> {
    let costs: Vec<_> = model.layers().collect();
    let row = |(index, layer): (usize, Layer)| {
        let tensors: Vec<Tensor> = layer.tensors().chain(layer.constants()).collect();
        let count = |adapting: bool| {
            let counted = tensors.iter().filter(|tensor| tensor.adapts || !adapting);
            counted.map(|tensor| tensor.length as usize).sum()
        };
        // A layer that changes nothing in memory has no cost.
        let cost = costs.iter().find(|cost| cost.layer == index);
        Row {
            kind: layer.name(),
            parameters: count(false),
            adapting: count(true),
            weight_bytes: tensors.iter().filter_map(Tensor::bytes).sum(),
            output_bytes: cost.map_or(0, |cost| cost.output_bytes),
            macs: cost.map_or(0, |cost| cost.forward),
            bytes_moved: cost.map_or(0, |cost| cost.forward_bytes),
            backward_macs: cost.map_or(0, |cost| cost.backward),
            backward_bytes_moved: cost.map_or(0, |cost| cost.backward_bytes),
            once: cost.is_some_and(|cost| cost.once),
        }
    };
    artifact.layers().enumerate().map(row).collect()
}
