//! `mamlet inspect`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use mamlet_formats::{Artifact, Centre, Cut, Layer, Loss, Reduction, Tensor};
use mamlet_runtime::{FrontEnd, Rollback};
use mamlet_simulator::Model;
use mamlet_simulator::board;
use mamlet_simulator::file::ArtifactFile;
use mamlet_simulator::fit::Fit;
use serde_json::json;

use super::export::{board_named, describe_fit};
use super::{exit, output};

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
    /// The board whose flash, RAM and time are told
    #[arg(long, default_value = board::DEFAULT)]
    board: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
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
        let board = board_named(&self.board)?;
        let name = || self.artifact.display().to_string();
        let file = ArtifactFile::read(&self.artifact)?;
        let artifact = file.artifact().with_context(name)?;
        let model = Model::new(&artifact).with_context(name)?;
        let rows = rows(&artifact, &model);
        let rates = rates(&artifact);
        let fit = Fit::new(&model, file.bytes().len(), self.shots, model.steps(), board);
        let committed = model.memory(self.shots, Rollback::ToCommitted).committed;
        let keep = committed.bytes();
        let description = artifact.description().with_context(name)?;
        let golden = artifact.golden().with_context(name)?;
        let channels: Vec<&str> = artifact.channel_names().with_context(name)?.collect();
        let recipe = artifact.header().recipe;
        let loss = match recipe.loss {
            Loss::MeanSquaredError => "mean squared error",
            Loss::CrossEntropy => "cross-entropy",
            Loss::Huber { .. } => "Huber",
            Loss::GaussianPolicy => "Gaussian policy",
            Loss::CategoricalPolicy => "categorical policy",
            _ => "unknown loss",
        };
        let reduction = match recipe.reduction {
            Reduction::Sum => "summed",
            _ => "averaged",
        };
        if self.json {
            output::line(json!({
                "name": description.name,
                "bytes": file.bytes().len(),
                "crc32": format!("{:08x}", artifact.id().crc32),
                "protocol": description.protocol,
                "commit": description.commit,
                "seed": description.seed,
                "config_digest": format!("{:016x}", description.config_digest),
                "outputs": description.output_names().collect::<Vec<_>>(),
                "layers": rows,
                "loss": loss,
                "reduction": reduction,
                "steps": recipe.steps,
                "max_steps": recipe.max_steps,
                "clip_norm": recipe.clip_norm,
                "momentum": recipe.momentum,
                "rates": rates,
                "front_end": artifact.front_end().map(|front_end| front_end_json(front_end, &channels)),
                "rejection": artifact.rejection().map(|rejection| json!({
                    "score": rejection.score.to_string(),
                    "threshold": rejection.threshold,
                })),
                "golden_examples": golden.map(|golden| golden.sizes.examples),
                "committed_copy_bytes": keep,
                "fit": fit,
            }))?;
            return Ok(exit::SUCCESS);
        }
        output::line(format_args!(
            "{}: {} bytes, CRC-32 {:08x}",
            description.name,
            file.bytes().len(),
            artifact.id().crc32
        ))?;
        output::line(format_args!(
            "  protocol {}, seed {}, config {:016x}, commit {}",
            description.variant, description.seed, description.config_digest, description.commit
        ))?;
        if let Some(front_end) = artifact.front_end() {
            output::line(format_args!("  front end: {front_end}"))?;
            if !channels.is_empty() {
                output::line(format_args!("  channels: {}", channels.join(" ")))?;
            }
            output::line(format_args!(
                "  the front end takes {} bytes of RAM",
                FrontEnd::memory(&model).bytes()
            ))?;
        }
        if let Some(rejection) = artifact.rejection() {
            output::line(format_args!("  unknown: {rejection}"))?;
        }
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
        let cells: Vec<_> = rows.iter().map(cells).collect();
        output::line(output::table(&head.map(String::from), &cells))?;
        if rows.iter().any(|row| row.once) {
            output::line("  * once for each example, when it is added, not once a step")?;
        }
        output::line(format_args!(
            "recipe: {loss}, {reduction}; {} steps, at most {}",
            recipe.steps, recipe.max_steps
        ))?;
        if let Some(norm) = recipe.clip_norm {
            output::line(format_args!("  gradients clipped to a norm of {norm}"))?;
        }
        if let Some(momentum) = recipe.momentum {
            output::line(format_args!("  momentum {momentum}"))?;
        }
        for (step, row) in rates.iter().enumerate() {
            let rates: Vec<_> = row.iter().map(|rate| format!("{rate:.4}")).collect();
            let on = if step + 1 == rates_rows(&recipe) {
                " and on"
            } else {
                ""
            };
            output::line(format_args!(
                "  rates of step {}{on}: {}",
                step + 1,
                rates.join(" ")
            ))?;
        }
        match golden {
            Some(golden) => output::line(format_args!(
                "golden vectors: {} examples, {} steps",
                golden.sizes.examples, golden.sizes.steps
            ))?,
            None => output::line("golden vectors: none")?,
        }
        for line in describe_fit(&fit) {
            output::line(line)?;
        }
        output::line(format_args!(
            "  a second copy of the weights, to fall back on what was committed, takes {keep} bytes \
             more"
        ))?;
        Ok(exit::SUCCESS)
    }
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
fn rates_rows(recipe: &mamlet_formats::Recipe) -> usize {
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
