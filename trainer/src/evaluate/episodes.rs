//! The episodes of an evaluation, drawn a part at a time.

use super::Evaluation;
use crate::random::{Stream, generator};
use crate::tasks::{Split, TaskBatch, TaskDistribution, TasksConfig};

/// Numbers of a part's inputs: 32 MiB.
const PART: usize = 1 << 23;

/// The test tasks, one by one, that [`evaluate`](super::evaluate) measures a model on with
/// the first numbers of shots and queries of `evaluation`. `tasks` are those of the model,
/// which `distribution` draws.
pub fn test_tasks(
    tasks: &TasksConfig,
    distribution: &dyn TaskDistribution,
    evaluation: &Evaluation,
) -> impl Iterator<Item = TaskBatch> {
    let defaults = Evaluation::default_for(tasks);
    let from = (evaluation.split, Stream::Test);
    let episodes = Episodes::new(distribution, evaluation, &defaults, from, evaluation.tasks);
    let support = distribution.support_size(evaluation.shots[0]);
    let queries = distribution.set_size(evaluation.queries[0]);
    (0..evaluation.tasks.div_ceil(episodes.at_once)).flat_map(move |part| {
        let part = episodes.part(part);
        let part = part.first_support_examples(support);
        let part = part.first_query_examples(queries);
        (0..part.tasks).map(move |task| part.tasks(task..task + 1))
    })
}

/// Tasks that are the same for every model, number of shots and number of
/// queries: fewer shots or queries are the first of more.
pub(super) struct Episodes<'a> {
    pub distribution: &'a dyn TaskDistribution,
    pub split: Split,
    pub stream: Stream,
    pub seed: u64,
    pub tasks: usize,
    /// Drawn for each task or class.
    pub shots: usize,
    /// Drawn for each task or class.
    pub queries: usize,
    /// Tasks in a part; each part has a generator of its own.
    pub at_once: usize,
}

impl<'a> Episodes<'a> {
    /// `tasks` tasks for `evaluation`, of which `usual` is the usual one.
    pub fn new(
        distribution: &'a dyn TaskDistribution,
        evaluation: &Evaluation,
        defaults: &Evaluation,
        (split, stream): (Split, Stream),
        tasks: usize,
    ) -> Self {
        let (shots, queries) = (defaults.most_shots(), defaults.most_queries());
        // Of what is usual, so that asking for more does not change the tasks; nor do
        // mirror images.
        let examples = distribution.set_size(shots + queries);
        Self {
            distribution,
            split,
            stream,
            seed: evaluation.seed,
            tasks,
            // Not fewer than usual, so that asking for fewer does not change
            // the rest.
            shots: evaluation.most_shots().max(shots),
            queries: evaluation.most_queries().max(queries),
            at_once: (PART / (examples * distribution.input())).max(1),
        }
    }

    /// The tasks, part after part.
    pub fn parts(&self) -> impl Iterator<Item = TaskBatch> + '_ {
        (0..self.tasks.div_ceil(self.at_once)).map(|part| self.part(part))
    }

    fn part(&self, part: usize) -> TaskBatch {
        let tasks = (self.tasks - part * self.at_once).min(self.at_once);
        let mut rng = generator(self.seed, self.stream, part as u64);
        self.distribution
            .draw(self.split, &mut rng, tasks, self.shots, self.queries)
    }
}
