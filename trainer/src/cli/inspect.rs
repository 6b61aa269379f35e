//! `mamlet inspect`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use mamlet_formats::{Artifact, Layer, Loss, Reduction, Tensor};
use mamlet_runtime::Rollback;
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
struct Row {
    kind: &'static str,
    inputs: usize,
    outputs: usize,
    parameters: usize,
    adapting: usize,
    macs: usize,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let board = board_named(&self.board)?;
        let name = || self.artifact.display().to_string();
        let file = ArtifactFile::read(&self.artifact)?;
        let artifact = file.artifact().with_context(name)?;
        let model = Model::new(&artifact).with_context(name)?;
        let rows = rows(&artifact, model.inputs());
        let rates = rates(&artifact);
        let fit = Fit::new(&model, file.bytes().len(), self.shots, model.steps(), board);
        let keep = model.memory(self.shots, Rollback::ToCommitted).committed;
        let description = artifact.description().with_context(name)?;
        let golden = artifact.golden().with_context(name)?;
        let recipe = artifact.header().recipe;
        let loss = match recipe.loss {
            Loss::MeanSquaredError => "mean squared error",
            Loss::CrossEntropy => "cross-entropy",
            _ => "unknown loss",
        };
        let reduction = match recipe.reduction {
            Reduction::Sum => "summed",
            _ => "averaged",
        };
        if self.json {
            let layers: Vec<_> = rows
                .iter()
                .map(|row| {
                    json!({
                        "kind": row.kind, "inputs": row.inputs, "outputs": row.outputs,
                        "parameters": row.parameters, "adapting": row.adapting, "macs": row.macs,
                    })
                })
                .collect();
            output::line(json!({
                "name": description.name,
                "bytes": file.bytes().len(),
                "crc32": format!("{:08x}", artifact.id().crc32),
                "protocol": description.protocol,
                "commit": description.commit,
                "seed": description.seed,
                "config_digest": format!("{:016x}", description.config_digest),
                "outputs": description.output_names().collect::<Vec<_>>(),
                "layers": layers,
                "loss": loss,
                "reduction": reduction,
                "steps": recipe.steps,
                "max_steps": recipe.max_steps,
                "rates": rates,
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
            description.protocol, description.seed, description.config_digest, description.commit
        ))?;
        let head = [
            "layer",
            "inputs",
            "outputs",
            "parameters",
            "adapting",
            "MACs",
        ];
        let cells = |row: &Row| {
            let numbers = [
                row.inputs,
                row.outputs,
                row.parameters,
                row.adapting,
                row.macs,
            ];
            let mut cells = vec![row.kind.to_owned()];
            cells.extend(numbers.map(|number| number.to_string()));
            cells
        };
        let cells: Vec<_> = rows.iter().map(cells).collect();
        output::line(output::table(&head.map(String::from), &cells))?;
        output::line(format_args!(
            "recipe: {loss}, {reduction}; {} steps, at most {}",
            recipe.steps, recipe.max_steps
        ))?;
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

fn rows(artifact: &Artifact<'_>, inputs: usize) -> Vec<Row> {
    let mut inputs = inputs;
    let row = |layer: Layer| {
        let (kind, outputs, macs) = match layer {
            Layer::Dense { outputs, .. } => ("dense", outputs as usize, inputs * outputs as usize),
            Layer::Relu => ("relu", inputs, 0),
            Layer::LeakyRelu { .. } => ("leaky relu", inputs, 0),
            Layer::Tanh => ("tanh", inputs, 0),
            Layer::Sigmoid => ("sigmoid", inputs, 0),
            Layer::Context { vector } => ("context", inputs + vector.length as usize, 0),
            _ => ("unknown", inputs, 0),
        };
        let count = |tensors: &mut dyn Iterator<Item = Tensor>| {
            tensors.map(|tensor| tensor.length as usize).sum()
        };
        let row = Row {
            kind,
            inputs,
            outputs,
            parameters: count(&mut layer.tensors()),
            adapting: count(&mut layer.tensors().filter(|tensor| tensor.adapts)),
            macs,
        };
        inputs = outputs;
        row
    };
    artifact.layers().map(row).collect()
}
