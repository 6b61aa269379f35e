//! `mamlet device`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use mamlet_formats::Checkpoint;
use mamlet_formats::protocol::{Statistics, Stored};
use mamlet_simulator::serial::{AdaptationReport, Client};
use mamlet_simulator::session::{right, squared_error};
use mamlet_simulator::table::{self, Columns, Example, Target};
use serde::Serialize;

use super::{Usage, exit, output};
use crate::data::counted;
use crate::run::write_atomically;

/// Teach a device over a serial port, and read what it has learnt.
///
/// PORT is a serial port (/dev/ttyACM0, COM3), a pseudo-terminal, or tcp:HOST:PORT:
/// a board whose firmware serves, or `mamlet-sim serve`. CSV files are those of
/// `mamlet-sim run`: a header, then inputs and target of one example a line.
#[derive(Debug, Args)]
#[command(after_help = "\
A board learns from examples in three steps:
  mamlet device /dev/ttyACM0 teach five_points.csv
  mamlet device /dev/ttyACM0 adapt
  mamlet device /dev/ttyACM0 predict three_queries.csv
What it learnt outlives a power cut after `save`, and goes to another board with
  mamlet device /dev/ttyACM0 weights --output learnt.mamweights
  mamlet device /dev/ttyACM1 restore learnt.mamweights
Without a board:
  mamlet-sim serve sinusoid.mamlet      # prints a port, such as /dev/pts/4")]
pub(super) struct Arguments {
    /// The port
    port: String,
    #[command(subcommand)]
    action: Action,
    /// Give up where an answer takes longer, in seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 10.0)]
    timeout: f32,
    /// Print one JSON object
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say what the device is and which artifact it runs
    Info,
    /// Add the examples of a file to those the device has
    Teach {
        /// Examples with targets
        #[arg(value_name = "FILE.csv")]
        examples: PathBuf,
        /// Forget the examples it has before
        #[arg(long)]
        clear: bool,
    },
    /// Adapt to the examples
    Adapt {
        /// Inner steps instead of the recipe's
        #[arg(long)]
        steps: Option<u32>,
        /// One learning rate instead of the recipe's
        #[arg(long, allow_negative_numbers = true)]
        rate: Option<f32>,
    },
    /// Predict for the inputs of a file
    Predict {
        /// Inputs, with targets or without
        #[arg(value_name = "FILE.csv")]
        queries: PathBuf,
    },
    /// Say what has happened since the device started, and where its memory goes
    Statistics,
    /// Read the adapted weights into a checkpoint
    Weights {
        /// The checkpoint
        #[arg(long, short, value_name = "FILE.mamweights")]
        output: PathBuf,
    },
    /// Keep the adapted weights in the device's flash
    Save,
    /// Take weights into use: those in its flash, or those of a checkpoint
    Restore {
        /// The checkpoint, of the same artifact
        #[arg(value_name = "FILE.mamweights")]
        checkpoint: Option<PathBuf>,
    },
    /// Go back to the initialisation and forget the examples
    Reset {
        /// Forget the weights in flash too
        #[arg(long)]
        stored: bool,
    },
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let timeout = Duration::try_from_secs_f32(self.timeout);
        let timeout = timeout.ok().filter(|timeout| !timeout.is_zero());
        let timeout = timeout.context("--timeout must be above 0 seconds")?;
        let mut device = Client::connect(&self.port, timeout)?;
        let done = self.act(&mut device);
        done.with_context(|| self.port.clone())
    }

    fn act(&self, device: &mut Client) -> anyhow::Result<u8> {
        match &self.action {
            Action::Info => self.say(device.identity(), || info(device))?,
            Action::Teach { examples, clear } => {
                let columns = Columns::from(device.identity());
                let rows = table::read(examples, &columns, true)?;
                if *clear {
                    device.clear()?;
                }
                let examples = teach(device, &rows)?;
                self.say(&Taught { examples }, || match examples {
                    1 => "the device has 1 example".into(),
                    _ => format!("the device has {examples} examples"),
                })?;
            }
            Action::Adapt { steps, rate } => {
                let usable = rate.is_none_or(|rate| rate > 0.0 && rate.is_finite());
                anyhow::ensure!(usable, Usage("--rate: a number above 0".into()));
                let report = device.adapt(*steps, *rate)?;
                self.say(&report, || lines(&report))?;
                if !report.adapted {
                    return Ok(exit::FAILURE);
                }
            }
            Action::Predict { queries } => {
                let columns = Columns::from(device.identity());
                let rows = table::read(queries, &columns, false)?;
                let names = device.identity().names.clone();
                let predicted = predict(device, rows, &names)?;
                self.say(&predicted, || predicted.lines(&names))?;
            }
            Action::Statistics => {
                let (statistics, report) = (device.statistics()?, device.report()?);
                let both = Read {
                    statistics: &statistics,
                    report: report.as_ref(),
                };
                self.say(&both, || both.lines())?;
            }
            Action::Weights { output } => {
                let bytes = device.checkpoint()?;
                write_atomically(output, &bytes)
                    .with_context(|| format!("cannot write {}", output.display()))?;
                let saved = Saved::of(&bytes)?;
                self.say(&saved, || {
                    format!(
                        "{}: {} weights after {}, checksum {}",
                        output.display(),
                        saved.weights,
                        counted(saved.steps as usize, "step"),
                        saved.weights_crc32
                    )
                })?;
            }
            Action::Save => self.stored(device.save()?)?,
            Action::Restore { checkpoint: None } => self.stored(device.restore()?)?,
            Action::Restore {
                checkpoint: Some(path),
            } => {
                let name = || path.display().to_string();
                let bytes = std::fs::read(path).with_context(name)?;
                let saved = Saved::of(&bytes).with_context(name)?;
                device.take(&bytes).with_context(name)?;
                self.say(&saved, || {
                    format!("uses {} weights of {}", saved.weights, path.display())
                })?;
            }
            Action::Reset { stored } => {
                device.reset(*stored)?;
                let examples = 0;
                self.say(&Taught { examples }, || "uses its initialisation".into())?;
            }
        }
        Ok(exit::SUCCESS)
    }

    /// Prints an object, or words for it.
    fn say(&self, object: &impl Serialize, words: impl FnOnce() -> String) -> anyhow::Result<()> {
        match self.json {
            true => output::line(serde_json::to_string(object)?),
            false => output::line(words()),
        }
    }

    fn stored(&self, stored: Stored) -> anyhow::Result<()> {
        self.say(&stored, || match stored {
            Stored::Saved => "saved".into(),
            Stored::Unchanged => "saved before, nothing was written".into(),
            Stored::Restored { steps } => {
                format!(
                    "uses the saved weights of {}",
                    counted(steps as usize, "step")
                )
            }
            Stored::Nothing => "nothing is saved: the weights in use stay in use".into(),
            _ => "done".into(),
        })
    }
}

fn info(device: &Client) -> String {
    let about = device.identity();
    let target = match (about.classes, &about.names[..]) {
        (true, []) => format!("one of {} classes", about.outputs),
        (true, names) => format!("a class: {}", names.join(", ")),
        (false, _) => format!("a target of {}", about.targets),
    };
    let flash = match about.storage {
        true => "keeps weights in flash",
        false => "keeps nothing in flash",
    };
    format!(
        "{}, {flash}\n\
         artifact  {} ({}, {} bytes)\n\
         example   an input of {}, then {target}\n\
         adapts    {} numbers in {}, {} at most, to up to {} examples\n\
         protocol  {}",
        about.board,
        about.artifact,
        about.artifact_crc32,
        about.artifact_bytes,
        about.inputs,
        about.adapting,
        counted(about.steps as usize, "step"),
        about.max_steps,
        about.capacity,
        about.protocol
    )
}

/// What `teach --json` prints.
#[derive(Serialize)]
struct Taught {
    examples: u32,
}

fn teach(device: &mut Client, rows: &[Example]) -> anyhow::Result<u32> {
    let mut count = 0;
    for (index, row) in rows.iter().enumerate() {
        let target = row.target.as_ref().map_or_else(Vec::new, Target::numbers);
        let added = device.add(&row.input, &target);
        count = added.with_context(|| format!("example {}", index + 1))?;
    }
    Ok(count)
}

fn lines(report: &AdaptationReport) -> String {
    let losses = report.losses.iter().enumerate();
    let losses =
        losses.map(|(step, loss)| format!("  after step {step:<2} support loss {loss:.6}"));
    let all = std::iter::once(report.outcome.clone()).chain(losses);
    all.collect::<Vec<_>>().join("\n")
}

/// What `predict --json` prints.
#[derive(Serialize)]
struct Predicted {
    predictions: Vec<Prediction>,
    mean_squared_error: Option<f64>,
    accuracy: Option<f64>,
}

#[derive(Serialize)]
struct Prediction {
    input: Vec<f32>,
    output: Vec<f32>,
    /// The target that the input came with.
    #[serde(skip_serializing_if = "Option::is_none")]
    truth: Option<String>,
}

fn predict(device: &mut Client, rows: Vec<Example>, names: &[String]) -> anyhow::Result<Predicted> {
    let mut predictions = Vec::new();
    let [mut errors, mut rights] = [Some(0.0), Some(0.0)];
    let count = rows.len() as f64;
    for (index, Example { input, target }) in rows.into_iter().enumerate() {
        let output = device.predict(&input);
        let output = output.with_context(|| format!("input {}", index + 1))?;
        let figure = |of: fn(&[f32], &Target) -> Option<f64>| of(&output, target.as_ref()?);
        errors = errors.zip(figure(squared_error)).map(|(sum, it)| sum + it);
        rights = rights.zip(figure(right)).map(|(sum, it)| sum + it);
        let truth = target.map(|target| target.words(names));
        predictions.push(Prediction {
            input,
            output,
            truth,
        });
    }
    Ok(Predicted {
        predictions,
        mean_squared_error: errors.map(|sum| sum / count),
        accuracy: rights.map(|sum| sum / count),
    })
}

/// How many numbers of an input or output a line shows.
const SHOWN: usize = 8;

impl Predicted {
    fn lines(&self, names: &[String]) -> String {
        let list = |numbers: &[f32]| {
            let shown = numbers.iter().take(SHOWN);
            let mut words: Vec<_> = shown.map(|number| format!("{number:.4}")).collect();
            if numbers.len() > SHOWN {
                words.push(format!("… {} more", numbers.len() - SHOWN));
            }
            words.join(" ")
        };
        let named = |output: &[f32], truth: &Option<String>| {
            let largest = output.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            let name = largest.and_then(|(class, _)| names.get(class));
            let name = name.filter(|_| names.len() == output.len() && output.len() > 1);
            let truth = truth.as_ref().map(|truth| format!("truth {truth}"));
            let said: Vec<String> = name.cloned().into_iter().chain(truth).collect();
            match said.is_empty() {
                true => String::new(),
                false => format!(" ({})", said.join(", ")),
            }
        };
        let mut lines: Vec<String> = (self.predictions.iter())
            .map(
                |Prediction {
                     input,
                     output,
                     truth,
                 }| {
                    let [from, to] = [list(input), list(output)];
                    format!("{from} -> {to}{}", named(output, truth))
                },
            )
            .collect();
        if let Some(error) = self.mean_squared_error {
            lines.push(format!("mean squared error {error:.6}"));
        }
        if let Some(accuracy) = self.accuracy {
            lines.push(format!("accuracy {accuracy:.4}"));
        }
        lines.join("\n")
    }
}

/// What `statistics --json` prints.
#[derive(Serialize)]
struct Read<'a> {
    statistics: &'a Statistics,
    report: Option<&'a AdaptationReport>,
}

impl Read<'_> {
    fn lines(&self) -> String {
        let of = self.statistics;
        let memory = of.memory;
        let weights = match of.weights_crc32 {
            Some(crc) => format!("adapted weights {crc:08x}"),
            None => "the initialisation".into(),
        };
        let last = self.report.map_or_else(
            || "has not adapted since it started".into(),
            |report| format!("last adaptation: {}", lines(report)),
        );
        format!(
            "uses      {weights}\n\
             examples  {} now, {} added\n\
             adapted   {} times, {} rolled back\n\
             predicted {} times\n\
             line      {} requests, {} came again, {} damaged\n\
             memory    {} bytes of weights, {} of examples, {} of workspace, {} for the line\n\
             {last}",
            of.examples,
            of.added,
            of.adaptations,
            of.rolled_back,
            of.predictions,
            of.requests,
            of.repeated,
            of.damaged,
            memory.weights,
            memory.support,
            memory.workspace,
            memory.protocol
        )
    }
}

/// What `weights --json` and `restore FILE --json` print.
#[derive(Serialize)]
struct Saved {
    artifact_crc32: String,
    weights: usize,
    steps: u32,
    loss_before: f32,
    loss_after: f32,
    weights_crc32: String,
}

impl Saved {
    fn of(bytes: &[u8]) -> anyhow::Result<Self> {
        let checkpoint = Checkpoint::parse(bytes)?;
        let weights = checkpoint.weights.as_chunks().0.iter();
        let weights: Vec<f32> = weights.map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let crc = mamlet_formats::checkpoint::weights_crc32(&weights);
        Ok(Saved {
            artifact_crc32: format!("{:08x}", checkpoint.artifact.crc32),
            weights: weights.len(),
            steps: checkpoint.steps,
            loss_before: checkpoint.loss_before,
            loss_after: checkpoint.loss_after,
            weights_crc32: format!("{crc:08x}"),
        })
    }
}
