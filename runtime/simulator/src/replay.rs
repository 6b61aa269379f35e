//! Episodes from a file, a session of a board for each.

use anyhow::{Context, Result, ensure};
use mamlet_formats::Loss;
use mamlet_formats::episodes::Episodes;
use mamlet_runtime::Adaptation;
use serde::Serialize;

use crate::Model;
use crate::session::{self, BeforeAfter};
use crate::table::{Example, Target};

/// What became of an episode. A board that replays it gets the same bits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EpisodeReport {
    /// As in [`SessionReport`](session::SessionReport).
    pub outcome: String,
    /// How many steps were kept.
    pub steps: usize,
    /// The support loss before each step and after the last, as bits.
    pub loss_bits: Vec<String>,
    /// CRC-32 of the weights in use; none while it is the initialisation.
    pub adapted_crc32: Option<String>,
    /// Query examples.
    pub queries: usize,
    /// Share of right classes, where targets are classes.
    pub accuracy: Option<BeforeAfter>,
    /// Mean squared error, where targets are numbers.
    pub mean_squared_error: Option<BeforeAfter>,
}

/// Adapts to every episode's support set, each time from the initialisation, and
/// predicts its queries.
///
/// # Errors
/// Where the examples are not of the model's sizes, and names the episode that
/// the engine refuses.
pub fn replay(model: &Model<'_>, episodes: &Episodes<'_>) -> Result<Vec<EpisodeReport>> {
    let prefix = episodes.prefix;
    let [inputs, targets] = [prefix.inputs, prefix.targets].map(|count| count as usize);
    ensure!(
        [inputs, targets] == [model.inputs(), model.targets()],
        "examples of {inputs} inputs and {targets} targets, the model takes {} and {}",
        model.inputs(),
        model.targets()
    );
    let reports = episodes.iter().enumerate().map(|(index, examples)| {
        let examples = examples.iter().map(|(input, target)| Example {
            input,
            target: Some(match (model.loss(), &target[..]) {
                (Loss::CrossEntropy, [class]) => Target::Class(*class as usize),
                _ => Target::Values(target),
            }),
        });
        let mut support: Vec<Example> = examples.collect();
        let query = support.split_off(prefix.support as usize);
        let report = session::run(model, &support, &query, Adaptation::default())
            .with_context(|| format!("episode {index}"))?;
        Ok(EpisodeReport {
            outcome: report.outcome,
            steps: report.steps,
            loss_bits: report.loss_bits,
            adapted_crc32: report.adapted_crc32,
            queries: query.len(),
            accuracy: report.accuracy,
            mean_squared_error: report.mean_squared_error,
        })
    });
    reports.collect()
}

/// Mean and half of the 95 % interval, `1.96 σ / √n`, of a figure over episodes,
/// after the adaptation; `None` where an episode lacks it.
pub fn mean(
    episodes: &[EpisodeReport],
    figure: impl Fn(&EpisodeReport) -> Option<BeforeAfter>,
) -> Option<(f64, f64)> {
    let values: Option<Vec<f64>> = episodes.iter().map(|e| Some(figure(e)?.after)).collect();
    let values = values.filter(|values| !values.is_empty())?;
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean).powi(2));
    let variance = squares.sum::<f64>() / (count - 1.0).max(1.0);
    Some((mean, 1.96 * (variance / count).sqrt()))
}
