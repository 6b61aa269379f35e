//! One session of a board: it is given support examples, adapts, and is queried.

use anyhow::{Context, Result, bail};
use mamlet_formats::Loss;
use mamlet_runtime::storage::Saved;
use mamlet_runtime::{Adaptation, Cause, Learner, Outcome, Rollback};
use serde::Serialize;

use crate::Model;
use crate::flash_file::BoardFlash;
use crate::table::{Example, Target};

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionReport {
    /// `adapted`, `shortened`, `rolled back`, or `not adapted` where there were
    /// no support examples.
    pub outcome: String,
    /// How many steps were kept.
    pub steps: usize,
    /// The support loss before each step and after the last.
    pub losses: Vec<f32>,
    /// The same as bits, for comparison with a board.
    pub loss_bits: Vec<String>,
    /// CRC-32 of the weights in use; none while it is the initialisation.
    pub adapted_crc32: Option<String>,
    /// Outputs of the queries before and after the adaptation.
    pub predictions: Vec<Prediction>,
    /// Mean squared error of the queries, where they have numbers as targets.
    pub mean_squared_error: Option<BeforeAfter>,
    /// Share of right classes, where the queries have classes as targets.
    pub accuracy: Option<BeforeAfter>,
    /// Queries that count as unknown after the adaptation, where the artifact has
    /// a threshold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<usize>,
    /// What became of the flash, where there is any.
    #[serde(rename = "kept", skip_serializing_if = "Option::is_none")]
    pub flash: Option<FlashReport>,
}

/// What a session found in flash and left there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlashReport {
    /// What was stored before; the session starts from it.
    pub found: Option<Found>,
    /// `saved`, `unchanged`, or that the power failed; none where nothing was
    /// learnt.
    pub saved: Option<&'static str>,
}

/// Weights found in flash.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Found {
    /// Inner steps that led to them.
    pub steps: u32,
    /// The support loss before the first step.
    pub loss_before: f32,
    /// The support loss after the last step.
    pub loss_after: f32,
}

/// One query.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The raw input.
    pub input: Vec<f32>,
    /// The output before the adaptation: the initialisation's, or that of
    /// weights found in flash.
    pub before: Vec<f32>,
    /// The output of the adapted weights.
    pub after: Vec<f32>,
    /// The class that this is, or `unknown`; none where outputs are no classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The target that the query came with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truth: Option<String>,
}

impl SessionReport {
    /// Says of every prediction which class it is, by the names of the classes, and what
    /// its query came with.
    pub fn name(&mut self, model: &Model<'_>, names: &[String], query: &[Example]) {
        let classes = model.loss() == Loss::CrossEntropy;
        for (prediction, example) in self.predictions.iter_mut().zip(query) {
            let of = mamlet_runtime::Prediction::of(&prediction.after, model.rejection());
            let name = match of.known {
                true => Target::Class(of.class).words(names),
                false => "unknown".into(),
            };
            prediction.class = classes.then_some(name);
            prediction.truth = example.target.as_ref().map(|target| target.words(names));
        }
    }
}

/// A figure before and after the adaptation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BeforeAfter {
    /// With the initialisation, or the weights found in flash.
    pub before: f64,
    /// With the weights in use after the adaptation.
    pub after: f64,
}

/// Runs the session in exactly the memory that the model asks for.
///
/// # Errors
/// Names the example that was refused, or why the adaptation did not begin.
pub fn run(
    model: &Model<'_>,
    support: &[Example],
    query: &[Example],
    adaptation: Adaptation,
) -> Result<SessionReport> {
    run_with_flash(model, support, query, adaptation, None)
}

/// [`run`] on a board with flash: it starts from what is stored there, adapts
/// if there are support examples, and stores what it learnt.
///
/// # Errors
/// As [`run`], and where the flash cannot be used.
pub fn run_with_flash(
    model: &Model<'_>,
    support: &[Example],
    query: &[Example],
    adaptation: Adaptation,
    mut flash: Option<&mut (dyn BoardFlash + 'static)>,
) -> Result<SessionReport> {
    let rollback = Rollback::ToInitialisation;
    let mut memory = vec![0.0; model.memory(support.len(), rollback).total().len()];
    let mut learner = Learner::new(model, support.len(), rollback, &mut memory)?;
    let predict = |learner: &mut Learner<'_>| -> Result<Vec<Vec<f32>>> {
        let outputs = query
            .iter()
            .map(|q| Ok(learner.predict(&q.input)?.to_vec()));
        outputs.collect()
    };
    let found = match &mut flash {
        Some(flash) => flash.restore(&mut learner)?.map(|found| Found {
            steps: found.steps,
            loss_before: found.loss_before,
            loss_after: found.loss_after,
        }),
        None => None,
    };
    let before = predict(&mut learner)?;
    for (index, example) in support.iter().enumerate() {
        match &example.target {
            Some(Target::Values(values)) => learner.add_target(&example.input, values),
            Some(Target::Class(class)) => learner.add_class(&example.input, *class),
            None => bail!("support example {} has no target", index + 1),
        }
        .with_context(|| format!("support example {}", index + 1))?;
    }
    let report = match flash.is_some() && support.is_empty() {
        true => None,
        false => Some(learner.adapt_with(adaptation)?),
    };
    let saved = match &mut flash {
        Some(flash) if report.is_some() && learner.is_adapted() => {
            Some(match flash.save(&learner)? {
                Some(Saved::Written) => "saved",
                Some(Saved::Unchanged) => "unchanged",
                None => "the power failed while saving",
            })
        }
        // Rolled back: the flash has what was in use before.
        Some(flash) if report.is_some() => flash.restore(&mut learner).map(|_| None)?,
        _ => None,
    };
    let after = predict(&mut learner)?;
    let flash = flash.map(|_| FlashReport { found, saved });
    let crc = learner
        .weights()
        .map(mamlet_formats::checkpoint::weights_crc32);
    let predictions = query.iter().zip(before).zip(after);
    let predictions: Vec<_> = predictions
        .map(|((example, before), after)| Prediction {
            input: example.input.clone(),
            before,
            after,
            class: None,
            truth: None,
        })
        .collect();
    let known = |prediction: &Prediction| {
        mamlet_runtime::Prediction::of(&prediction.after, model.rejection()).known
    };
    let unknown = predictions.iter().filter(|&prediction| !known(prediction));
    let unknown = model.rejection().map(|_| unknown.count());
    let losses = report
        .as_ref()
        .map_or_else(Vec::new, |report| report.losses.to_vec());
    Ok(SessionReport {
        outcome: report
            .as_ref()
            .map_or_else(|| "not adapted".into(), |report| describe(report.outcome)),
        steps: report.as_ref().map_or(0, |report| report.steps()),
        loss_bits: losses
            .iter()
            .map(|loss| format!("{:08x}", loss.to_bits()))
            .collect(),
        losses,
        unknown,
        flash,
        adapted_crc32: crc.map(|crc| format!("{crc:08x}")),
        mean_squared_error: compare(query, &predictions, squared_error),
        accuracy: compare(query, &predictions, |output, target| {
            right(output.get(..model.classes()).unwrap_or(output), target)
        }),
        predictions,
    })
}

/// `1 step`, `2 steps`.
pub fn counted_steps(steps: usize) -> String {
    format!("{steps} step{}", if steps == 1 { "" } else { "s" })
}

/// The outcome in words.
pub fn describe(outcome: Outcome) -> String {
    let because = |cause| match cause {
        Cause::NotFinite { step } => format!("a number overflowed after step {step}"),
        Cause::Worse { step } => format!("the support loss after step {step} was above the first"),
    };
    match outcome {
        Outcome::Adapted => "adapted".into(),
        Outcome::Shortened { steps, cause } => {
            format!("shortened to {}: {}", counted_steps(steps), because(cause))
        }
        Outcome::RolledBack { cause } => format!("rolled back: {}", because(cause)),
    }
}

/// The mean of a figure over the queries, where it is defined for all.
fn compare(
    query: &[Example],
    predictions: &[Prediction],
    figure: impl Fn(&[f32], &Target) -> Option<f64>,
) -> Option<BeforeAfter> {
    let mean = |output: fn(&Prediction) -> &[f32]| -> Option<f64> {
        let figures = query.iter().zip(predictions);
        let figures: Option<Vec<f64>> = figures
            .map(|(example, prediction)| figure(output(prediction), example.target.as_ref()?))
            .collect();
        let figures = figures.filter(|figures| !figures.is_empty())?;
        Some(figures.iter().sum::<f64>() / figures.len() as f64)
    };
    Some(BeforeAfter {
        before: mean(|prediction| &prediction.before)?,
        after: mean(|prediction| &prediction.after)?,
    })
}

/// The mean squared error of an output, where its target is numbers.
pub fn squared_error(output: &[f32], target: &Target) -> Option<f64> {
    let Target::Values(values) = target else {
        return None;
    };
    let squares = output
        .iter()
        .zip(values)
        .map(|(y, t)| f64::from(y - t).powi(2));
    Some(squares.sum::<f64>() / values.len() as f64)
}

/// One where the class that a board predicts, that of the first of the largest outputs,
/// is the target's, else zero; none where the target is no class.
pub fn right(output: &[f32], target: &Target) -> Option<f64> {
    let Target::Class(class) = target else {
        return None;
    };
    let predicted = mamlet_runtime::Prediction::of(output, None).class;
    Some(f64::from(u8::from(predicted == *class)))
}
