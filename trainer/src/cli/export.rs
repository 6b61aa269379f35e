//! `mamlet export`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use mamlet_simulator::Model;
use mamlet_simulator::fit::Fit;

use super::episode_flags::note_other_data;
use super::evaluate::Display;
use super::flags::{Format, OnBoard};
use super::{Usage, exit, find_run, output};
use crate::data::counted;
use crate::evaluate::Progress;
use crate::export::{Export, Options, Quantize, Safety, Score, Unknown, export};
use crate::model::TrainedModel;
use crate::run::{RunDir, write_atomically};

/// Write the artifact of a trained run: the one file a device adapts from.
///
/// The engine that runs on the device checks it first: its gradient and the
/// loss of every step against the trainer's, and adaptations to many tasks with
/// 3, 5 and 10 examples (or 1 and 5 of each class, or 1, 3 and 5 of a device) and every number of steps the recipe allows, of which
/// none may end with NaN or with a worse support loss than before. Where batch norms
/// use the statistics of the batch at hand, accuracy is measured as the device predicts,
/// a query at a time; if it falls behind what the run is evaluated to, nothing is
/// written without --allow-loss.
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
    #[arg(long, allow_negative_numbers = true)]
    rate: Option<f32>,
    /// Examples the device adapts to, of each class if there are classes, for
    /// golden vectors and costs
    #[arg(long, default_value_t = Options::default().golden_shots)]
    shots: usize,
    #[command(flatten)]
    on_board: OnBoard,
    /// Tasks of the safety survey; 0 leaves it out
    #[arg(long, default_value_t = 1000, value_name = "TASKS")]
    safety_tasks: usize,
    /// Store what does not adapt as int8, what adapts as f16, or both
    /// (`--quantize int8,f16`), and print what that costs in accuracy
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND")]
    quantize: Vec<Kind>,
    /// Episodes that a quantised artifact is evaluated on, before and after
    #[arg(long, default_value_t = Options::default().episodes)]
    episodes: usize,
    /// Share of the examples of taught classes that the device accepts; what is
    /// less sure is unknown to it. Found on validation tasks; 1 accepts all
    /// [default: 0.95 for recordings, else 1]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    accept: Option<f64>,
    /// Write the artifact even where a device falls behind what the run is evaluated
    /// to, as batch norms use the statistics of the batch at hand and a query comes
    /// alone
    #[arg(long)]
    allow_loss: bool,
    #[command(flatten)]
    format: Format,
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
        let board = self.on_board.board()?;
        self.check()?;
        if let Some(file) = &self.output {
            output::check_file(file, &[])?;
        }
        let path = find_run(&self.run)?;
        let mut model = TrainedModel::load(&path)?;
        if let Some(ways) = self.ways {
            model = model.with_ways(ways)?;
        }
        let manifest = RunDir::open(&path)?.manifest();
        let tasks = model.examples()?;
        let named = [(path.display().to_string(), model.clone())];
        note_other_data(&named, (&model.config.tasks, &*tasks))?;
        let options = self.options(&model);
        let made = export(&model, manifest.as_ref(), &options)?;
        let safety = self.survey(&model, &made, options.max_steps)?;
        let name = format!("{}.mamlet", model.config.name);
        let file = self.output.unwrap_or_else(|| path.join(name));
        write_atomically(&file, made.file.bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
        let artifact = made.file.artifact()?;
        let engine = Model::new(&artifact)?;
        let fit = Fit::of(
            &artifact,
            &engine,
            made.file.bytes().len(),
            model.config.tasks.support_size(self.shots),
            engine.steps(),
            board,
        );
        let written = Written {
            file: &file,
            model: &model,
            made: &made,
            adapting: engine.adapting(),
            safety,
            fit,
            options: &options,
        };
        self.format.print(|| written.json(), || written.text())?;
        Ok(exit::SUCCESS)
    }

    /// Refuses numbers that no export can take.
    fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.shots > 0,
            Usage("--shots 0: a device needs examples to adapt".into())
        );
        if let Some(rate) = self.rate {
            anyhow::ensure!(
                rate > 0.0 && rate.is_finite(),
                Usage(format!("--rate {rate}: a number above 0"))
            );
        }
        if let Some(accept) = self.accept {
            anyhow::ensure!(
                accept > 0.0 && accept <= 1.0,
                Usage(format!("--accept {accept}: a share above 0, up to 1"))
            );
        }
        Ok(())
    }

    fn options(&self, model: &TrainedModel) -> Options {
        let default = Options::default();
        let own = self.steps.unwrap_or(model.config.inner.steps);
        let defaults = model.config.tasks.facts().export;
        Options {
            steps: self.steps,
            max_steps: self.max_steps.unwrap_or(default.max_steps.max(own)),
            rate: self.rate,
            golden_shots: self.shots,
            quantize: quantize(&self.quantize),
            episodes: self.episodes.max(2),
            accept: Some(self.accept.unwrap_or(defaults.accept)).filter(|&accept| accept < 1.0),
            allow_loss: self.allow_loss,
        }
    }

    /// Adapts to many tasks with the engine, unless no survey was asked for.
    ///
    /// # Errors
    /// Where an adaptation ends with NaN or with a worse support loss.
    fn survey(
        &self,
        model: &TrainedModel,
        made: &Export,
        max_steps: usize,
    ) -> anyhow::Result<Option<Safety>> {
        if self.safety_tasks == 0 {
            return Ok(None);
        }
        let shots = model.config.tasks.facts().export.safety_shots;
        let steps: Vec<usize> = (1..=max_steps).collect();
        let mut display = Display::new();
        let observe = |progress: Progress<'_>| display.show(progress);
        let safety = Safety::survey(model, &made.file, self.safety_tasks, shots, &steps, observe)?;
        let Safety {
            not_finite, worse, ..
        } = safety;
        anyhow::ensure!(
            not_finite + worse == 0,
            "the recipe is not safe: {not_finite} adaptations ended with NaN, {worse} with a worse \
             support loss; nothing was written"
        );
        Ok(Some(safety))
    }
}

/// An artifact that was written, and what is said of it.
struct Written<'a> {
    file: &'a Path,
    model: &'a TrainedModel,
    made: &'a Export,
    /// Parameters that adapt.
    adapting: usize,
    safety: Option<Safety>,
    fit: Fit,
    /// What was asked for.
    options: &'a Options,
}

impl Written<'_> {
    fn json(&self) -> serde_json::Value {
        let quantized = self.made.scores.as_ref();
        serde_json::json!({
            "artifact": self.file,
            "bytes": self.made.file.bytes().len(),
            "parity": self.made.parity,
            "quantized": quantized.map(|[before, after]| {
                serde_json::json!({ "before": before, "after": after })
            }),
            "stored": self.made.stored.name(),
            "iteration": self.model.iteration,
            "alone": self.made.alone,
            "unknown": self.made.unknown,
            "mirrored_support": self.model.config.tasks.views() > 1,
            "safety": self.safety,
            "fit": self.fit,
        })
    }

    fn text(&self) -> String {
        let Export {
            file,
            parity,
            scores,
            unknown,
            alone,
            stored,
        } = self.made;
        let mut lines = vec![
            format!(
                "{}: {} bytes, {} of {} parameters adapt in {}",
                self.file.display(),
                file.bytes().len(),
                self.adapting,
                self.model.network.parameter_count(),
                counted(self.fit.steps, "step"),
            ),
            format!(
                "engine and trainer agree: gradients to {:.0e}, losses to {:.0e} of their size",
                parity.gradient, parity.loss
            ),
        ];
        if self.model.iteration == 0 {
            lines.push(
                "not trained: the parameters are those of iteration 0, before any training".into(),
            );
        }
        lines.extend(alone.as_ref().map(|alone| format!("alone: {alone}")));
        if self.options.quantize.int8 && !stored.int8 {
            lines.push(format!(
                "no integers: nothing below what adapts can become 8-bit integers, so the \
                 artifact is {}; they are for a frozen body, inner.adapt = \"head\"",
                stored.name()
            ));
        }
        if let Some([before, after]) = scores {
            lines.push(format!(
                "quantised: {} before, {} after, on the same {} episodes",
                describe_score(before),
                describe_score(after),
                self.options.episodes
            ));
        }
        lines.extend(unknown.as_ref().map(describe_unknown));
        lines.extend(self.safety.as_ref().map(describe_safety));
        let note = self.model.config.tasks.facts().export.note;
        lines.extend(note.map(str::to_owned));
        lines.extend(describe_fit(&self.fit));
        lines.join("\n")
    }
}

/// What the survey came to, in words.
fn describe_safety(safety: &Safety) -> String {
    format!(
        "safety: {} adaptations of {} tasks, 0 with NaN, 0 left worse; {} kept all steps, {} some, \
         {} none",
        safety.adaptations, safety.tasks, safety.adapted, safety.shortened, safety.rolled_back
    )
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
        format!(
            "{}, {}, {}:",
            board.name,
            counted(*examples, "example"),
            counted(*steps, "step")
        ),
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
