//! Below which score a device takes an example for nothing it was taught.

use std::sync::Arc;

use burn::backend::Flex;
use mamlet_formats::{Rejection, Score};
use serde::Serialize;

use super::ExportError;
use crate::evaluate::{Evaluation, Predictions, predictions_on};
use crate::model::TrainedModel;
use crate::tasks::{
    MappedTasks, Origin, Split, TaskBatch, TaskDistribution, with_rejection_output,
};

/// Validation tasks that a threshold is found on.
const TASKS: usize = 300;

/// Most queries of each class.
const QUERIES: usize = 5;

/// The scores that need no output of their own.
const OF_CLASSES: [Score; 3] = [Score::Probability, Score::Margin, Score::Energy];

/// A threshold, and what it does on tasks of the validation split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unknown {
    /// `"probability"`, `"margin"`, `"energy"` or `"no class"`.
    pub score: String,
    /// What is below is unknown.
    pub threshold: f32,
    /// Share of the queries of taught classes that are accepted.
    pub accepted: f64,
    /// Share of the queries of other classes that are taken for one of the taught;
    /// `None` where the split has no others.
    pub mistaken: Option<f64>,
}

/// A threshold, and what an artifact with it is made of.
pub(super) struct Found {
    pub unknown: Unknown,
    pub rejection: Rejection,
    /// The model, with an output that is never taught where that is the score.
    pub model: TrainedModel,
    /// Its tasks, with targets for as many outputs.
    pub distribution: Arc<dyn TaskDistribution>,
}

impl Found {
    /// Finds the threshold that accepts the share `accept` of the queries of classes
    /// that were taught. Where outputs start alike, the score is
    /// [`Score::NoClass`]; else the one that accepts the fewest queries of other
    /// classes, of the validation split, that the task does not have.
    ///
    /// # Errors
    /// [`ExportError`] where the data cannot be drawn from.
    pub fn best(
        model: &TrainedModel,
        distribution: &Arc<dyn TaskDistribution>,
        shots: usize,
        accept: f64,
    ) -> Result<Option<Self>, ExportError> {
        let (model, distribution, scores) = match model.with_rejection_output() {
            Some(model) => {
                let distribution = with_rejection_output(distribution.clone());
                (model, distribution, &[Score::NoClass][..])
            }
            None => (model.clone(), distribution.clone(), &OF_CLASSES[..]),
        };
        let fits = |queries: &usize| {
            distribution
                .check(Split::Validation, shots, *queries)
                .is_ok()
        };
        let queries = (1..=QUERIES).rev().find(fits).unwrap_or(1);
        let evaluation = Evaluation {
            tasks: TASKS,
            shots: vec![shots],
            queries: vec![queries],
            split: Split::Validation,
            steps: None,
            ..Evaluation::default_for(&model.config.tasks)
        };
        let device = Default::default();
        let measure = |tasks: &dyn TaskDistribution| {
            predictions_on::<Flex>((&model, tasks), &evaluation, shots, &device, |_| {})
                .map_err(|error| ExportError::Artifact(error.to_string()))
        };
        let taught = measure(&*distribution)?;
        let others = measure(&MappedTasks::new(distribution.clone(), with_neighbours))?;
        let strange = strangers(&taught, &others);
        let found = scores.iter().filter_map(|&score| {
            let mut known = of_queries(&taught, score, |_| true);
            known.sort_by(f32::total_cmp);
            let at = ((1.0 - accept) * known.len() as f64) as usize;
            let threshold = *known.get(at)?;
            let share = |scores: &[f32]| {
                let accepted = scores.iter().filter(|&&score| score >= threshold).count();
                accepted as f64 / scores.len().max(1) as f64
            };
            let strange = of_queries(&others, score, |query| strange[query]);
            Some(Self {
                unknown: Unknown {
                    score: score.to_string(),
                    threshold,
                    accepted: share(&known),
                    mistaken: (!strange.is_empty()).then(|| share(&strange)),
                },
                rejection: Rejection { score, threshold },
                model: model.clone(),
                distribution: distribution.clone(),
            })
        });
        let mistaken = |found: &Self| found.unknown.mistaken.unwrap_or(0.0);
        Ok(found.min_by(|a, b| mistaken(a).total_cmp(&mistaken(b))))
    }
}

/// The scores of some queries, as a device computes them.
fn of_queries(all: &Predictions, score: Score, wanted: impl Fn(usize) -> bool) -> Vec<f32> {
    let Some(values) = all.values.last() else {
        return Vec::new();
    };
    let queries = values.chunks_exact(all.outputs).enumerate();
    let wanted = queries.filter(|(query, _)| wanted(*query));
    wanted
        .map(|(_, logits)| mamlet_runtime::score(score, logits))
        .collect()
}

/// Which queries of `others` are of no class that their task was taught.
fn strangers(taught: &Predictions, others: &Predictions) -> Vec<bool> {
    let count = others.tasks * others.queries;
    let (Some(own), Some(other)) = (&taught.origins, &others.origins) else {
        return vec![false; count];
    };
    let of_task = |query: usize| {
        let task = query / others.queries;
        &own.queries[task * taught.queries..(task + 1) * taught.queries]
    };
    let strange = |query: usize| {
        let class = |origin: &Origin| origin.class;
        let asked = class(&other.queries[query]);
        asked.is_some() && of_task(query).iter().all(|origin| class(origin) != asked)
    };
    (0..count).map(strange).collect()
}

/// Tasks with the queries of their neighbours.
fn with_neighbours(mut batch: TaskBatch) -> TaskBatch {
    let of_task = batch.query_examples();
    batch.query_x = batch.query_x.rotated(of_task, batch.input);
    if let Some(origins) = &mut batch.origins {
        origins.queries.rotate_left(of_task);
    }
    batch
}
