//! `mamlet export`.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use mamlet_simulator::Model;
use mamlet_simulator::board::{self, Board};
use mamlet_simulator::fit::Fit;

use super::evaluate::Display;
use super::{exit, find_run, output};
use crate::evaluate::Progress;
use crate::export::{Options, Quantize, Safety, Score, Unknown, export};
use crate::model::TrainedModel;
use crate::run::{RunDir, write_atomically};

/// Write the artifact of a trained run: the one file a device adapts from.
///
/// The engine that runs on the device checks it first: its gradient and the
/// loss of every step against the trainer's, and adaptations to many tasks with
/// 3, 5 and 10 examples (or 1 and 5 of each class, or 1, 3 and 5 of a device) and every number of steps the recipe allows, of which
/// none may end with NaN or with a worse support loss than before.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mamlet export runs/sinusoid
  mamlet export runs/sinusoid --output sinusoid.mamlet --steps 5 --board stm32l4
  mamlet export runs/sinusoid-pretraining --rate 0.01
  mamlet export runs/waveforms-head --quantize int8     the body as integers
  mamlet export runs/waveforms --quantize f16           half the flash for what adapts")]
pub(super) struct Arguments {
    /// A run directory, or the config of a run in its usual place
    run: PathBuf,
    /// The artifact [default: RUN/NAME.mamlet]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Classes the device learns: any number for a run with model.head = "shared",
    /// for another no more than it has [default: those of the config]
    #[arg(long)]
    ways: Option<usize>,
    /// Inner steps a device takes by itself [default: those of training]
    #[arg(long)]
    steps: Option<usize>,
    /// The most inner steps a device may take [default: 20, or those it takes by
    /// itself if they are more]
    #[arg(long)]
    max_steps: Option<usize>,
    /// One inner rate, for runs that learnt none
    #[arg(long)]
    rate: Option<f32>,
    /// Examples the device adapts to, of each class if there are classes, for
    /// golden vectors and costs
    #[arg(long, default_value_t = Options::default().golden_shots)]
    shots: usize,
    /// The board whose flash, RAM and time are told
    #[arg(long, default_value = board::DEFAULT)]
    board: String,
    /// Tasks of the safety survey; 0 leaves it out
    #[arg(long, default_value_t = 1000, value_name = "TASKS")]
    safety_tasks: usize,
    /// Store what does not adapt as int8, what adapts as f16, or both
    /// (`--quantize int8,f16`), and print what that costs in accuracy
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND")]
    quantize: Vec<Kind>,
    /// Episodes that a quantised artifact is judged by, before and after
    #[arg(long, default_value_t = Options::default().episodes)]
    episodes: usize,
    /// Share of the examples of taught classes that the device accepts; what is
    /// less sure is unknown to it. Found on validation tasks; 1 accepts all
    /// [default: 0.95 for recordings, else 1]
    #[arg(long, value_name = "SHARE")]
    accept: Option<f64>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// How tensors can be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// 8-bit integers below everything that adapts: weights with a scale per
    /// output, activations with one per tensor
    Int8,
    /// 16-bit floating point for what adapts
    F16,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let board = board_named(&self.board)?;
        anyhow::ensure!(
            self.shots > 0,
            "--shots 0: a device needs examples to adapt"
        );
        if let Some(accept) = self.accept {
            anyhow::ensure!(
                accept > 0.0 && accept <= 1.0,
                "--accept {accept}: a share above 0, up to 1"
            );
        }
        let path = find_run(&self.run)?;
        let mut model = TrainedModel::load(&path)?;
        if let Some(ways) = self.ways {
            model = model.with_ways(ways)?;
        }
        let manifest = RunDir::open(&path)?.manifest();
        let defaults = model.config.tasks.facts().export;
        let own = self.steps.unwrap_or(model.config.inner.steps);
        let max_steps = self
            .max_steps
            .unwrap_or(Options::default().max_steps.max(own));
        let options = Options {
            steps: self.steps,
            max_steps,
            rate: self.rate,
            golden_shots: self.shots,
            quantize: quantize(&self.quantize),
            episodes: self.episodes.max(2),
            accept: Some(self.accept.unwrap_or(defaults.accept)).filter(|&accept| accept < 1.0),
        };
        let made = export(&model, manifest.as_ref(), &options)?;
        let safety = match self.safety_tasks {
            0 => None,
            tasks => {
                let shots = defaults.safety_shots;
                let steps: Vec<usize> = (1..=max_steps).collect();
                let mut display = Display::new();
                let observe = |progress: Progress<'_>| display.show(progress);
                Some(Safety::survey(
                    &model, &made.file, tasks, shots, &steps, observe,
                )?)
            }
        };
        if let Some(Safety {
            not_finite, worse, ..
        }) = safety
            && not_finite + worse > 0
        {
            anyhow::bail!(
                "the recipe is not safe: {not_finite} adaptations ended with NaN, {worse} with a \
                 worse support loss; nothing was written"
            );
        }
        let name = format!("{}.mamlet", model.config.name);
        let file = self.output.unwrap_or_else(|| path.join(name));
        write_atomically(&file, made.file.bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
        let artifact = made.file.artifact()?;
        let device_model = Model::new(&artifact)?;
        let steps = device_model.steps();
        let config = &model.config;
        let fit = Fit::new(
            &device_model,
            made.file.bytes().len(),
            config.tasks.support_size(self.shots),
            steps,
            board,
        );
        if self.json {
            let value = serde_json::json!({
                "artifact": file,
                "bytes": made.file.bytes().len(),
                "parity": made.parity,
                "quantized": made.scores.map(|[before, after]| {
                    serde_json::json!({ "before": before, "after": after })
                }),
                "unknown": made.unknown,
                "mirrored_support": config.tasks.views() > 1,
                "safety": safety,
                "fit": fit,
            });
            output::line(value)?;
            return Ok(exit::SUCCESS);
        }
        output::line(format_args!(
            "{}: {} bytes, {} of {} parameters adapt in {steps} steps",
            file.display(),
            made.file.bytes().len(),
            device_model.adapting(),
            model.network.parameter_count(),
        ))?;
        output::line(format_args!(
            "engine and trainer agree: gradients to {:.0e}, losses to {:.0e} of their size",
            made.parity.gradient, made.parity.loss
        ))?;
        if let Some([before, after]) = &made.scores {
            output::line(format_args!(
                "quantised: {} before, {} after, on the same {} episodes",
                describe_score(before),
                describe_score(after),
                options.episodes
            ))?;
        }
        if let Some(unknown) = &made.unknown {
            output::line(describe_unknown(unknown))?;
        }
        if let Some(safety) = safety {
            output::line(format_args!(
                "safety: {} adaptations of {} tasks, 0 with NaN, 0 left worse; {} kept all steps, \
                 {} some, {} none",
                safety.adaptations,
                safety.tasks,
                safety.adapted,
                safety.shortened,
                safety.rolled_back
            ))?;
        }
        if let Some(note) = defaults.note {
            output::line(note)?;
        }
        for line in describe_fit(&fit) {
            output::line(line)?;
        }
        Ok(exit::SUCCESS)
    }
}

/// All that was asked for.
pub(super) fn quantize(kinds: &[Kind]) -> Quantize {
    Quantize {
        int8: kinds.contains(&Kind::Int8),
        f16: kinds.contains(&Kind::F16),
    }
}

/// What is unknown to a device, in words.
fn describe_unknown(unknown: &Unknown) -> String {
    let mistaken = match unknown.mistaken {
        Some(share) => format!(
            ", {:.1} % of those of other classes are taken for one of them",
            100.0 * share
        ),
        None => ", there are no other classes to try".into(),
    };
    let threshold = unknown.threshold;
    let little = match &unknown.score[..] {
        "no class" => format!("less than {threshold:.4} above the output that is never taught"),
        score => format!("{score} below {threshold:.4}"),
    };
    format!(
        "unknown is {little}: {:.1} % of the examples of taught classes are accepted{mistaken} \
         (validation tasks)",
        100.0 * unknown.accepted
    )
}

/// What an artifact scores, in words.
fn describe_score(score: &Score) -> String {
    let Score {
        what,
        mean,
        half_width,
        bytes,
    } = score;
    match *what {
        "accuracy" => format!(
            "{what} {:.2} ± {:.2} % in {bytes} bytes",
            mean * 100.0,
            half_width * 100.0
        ),
        _ => format!("{what} {mean:.4} ± {half_width:.4} in {bytes} bytes"),
    }
}

/// A board by name; an unknown one is answered with the list.
pub(super) fn board_named(name: &str) -> anyhow::Result<Board> {
    Board::named(name)
        .with_context(|| format!("there is no board {name:?}; there are {}", Board::names()))
}

/// What an adaptation takes of a board, in words.
pub(super) fn describe_fit(fit: &Fit) -> Vec<String> {
    let part = |needed: usize, given: usize| {
        let verdict = if needed <= given {
            "fits"
        } else {
            "DOES NOT FIT"
        };
        format!("{needed} of {given} bytes, {verdict}")
    };
    let Fit {
        board,
        examples,
        steps,
        flash,
        ram,
        macs,
        seconds,
        ..
    } = fit;
    vec![
        format!("{}, {examples} examples, {steps} steps:", board.name),
        format!("  flash  {}", part(flash.total, board.flash)),
        format!("  RAM    {}", part(ram.total, board.ram)),
        format!(
            "  adapt  {} multiply-accumulates, about {:.1} ms, at most {:.1} ms",
            macs.adaptation,
            seconds.adaptation * 1e3,
            seconds.adaptation_at_most * 1e3
        ),
    ]
}
