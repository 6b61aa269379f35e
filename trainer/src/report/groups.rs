//! Predictions by task, user and class.

use std::collections::BTreeMap;

use super::{Confusion, Detail, Group, Unit};
use crate::baselines::largest;
use crate::evaluate::{Interval, Measure, Predictions};

/// Units that are drawn one by one: some of the worst, the middle and the best.
const UNITS: usize = 6;
/// Of no query.
const NOTHING: Interval = Interval {
    mean: f64::NAN,
    half_width: f64::INFINITY,
};
/// Points of each.
const POINTS: usize = 120;

impl Detail {
    /// Adds up what `measure` says of predictions.
    pub(super) fn new(predictions: &Predictions, measure: Measure) -> Self {
        let queries = Queries::new(predictions, measure);
        let named = |of: &dyn Fn(usize) -> Option<u32>, names: &[String]| {
            let mut groups = queries.by(of, |index| name(names, index));
            groups.sort_by(|a, b| worst_first(measure, a, b));
            groups
        };
        let origins = predictions.origins.as_ref();
        let users = origins.map_or_else(Vec::new, |origins| {
            named(&|query| origins.queries[query].user, &origins.users)
        });
        let classes = origins.map_or_else(Vec::new, |origins| {
            named(&|query| origins.queries[query].class, &origins.classes)
        });
        let tasks = (0..predictions.tasks).map(|task| queries.of_task(task).map(queries.shown()));
        Self {
            shots: predictions.shots,
            steps: predictions.steps.last().copied().unwrap_or(0),
            setting: predictions.setting,
            measure,
            all: queries.all(),
            tasks: tasks.collect(),
            units: match measure {
                Measure::Error | Measure::Loss | Measure::Return => queries.units(),
                Measure::Accuracy => Vec::new(),
            },
            confusion: confusion(predictions),
            users,
            classes,
        }
    }
}

/// The lowest accuracy, or the largest error, first; what is not finite is worst.
fn worst_first(measure: Measure, a: &Group, b: &Group) -> std::cmp::Ordering {
    let badness = |group: &Group| match group.after.mean {
        mean if mean.is_nan() => f64::INFINITY,
        mean if measure == Measure::Accuracy => -mean,
        mean => mean,
    };
    badness(b)
        .total_cmp(&badness(a))
        .then_with(|| a.name.cmp(&b.name))
}

fn name(names: &[String], index: u32) -> String {
    let name = names.get(index as usize);
    name.cloned().unwrap_or_else(|| index.to_string())
}

/// Every query with its score before and after.
struct Queries<'a> {
    predictions: &'a Predictions,
    measure: Measure,
    /// 1 or 0, or the loss.
    scores: Vec<[f64; 2]>,
}

impl<'a> Queries<'a> {
    fn new(predictions: &'a Predictions, measure: Measure) -> Self {
        let last = predictions.steps.len().saturating_sub(1);
        let count = predictions.tasks * predictions.queries;
        let score = |row: usize, query: usize| match measure {
            Measure::Accuracy => {
                let (value, target) = (predictions.value(row, query), predictions.target(query));
                f64::from(u8::from(largest(value) == largest(target)))
            }
            Measure::Error | Measure::Loss | Measure::Return => {
                f64::from(predictions.losses[row][query])
            }
        };
        Self {
            predictions,
            measure,
            scores: (0..count)
                .map(|query| [score(0, query), score(last, query)])
                .collect(),
        }
    }

    /// How a mean is shown: an error is the root of a mean of squares.
    fn shown(&self) -> impl Fn(f64) -> f64 {
        let measure = self.measure;
        move |mean| match measure {
            Measure::Error => mean.sqrt(),
            Measure::Accuracy | Measure::Loss | Measure::Return => mean,
        }
    }

    /// A group, from the mean of what a weighting makes of the scores before and after.
    fn group(
        &self,
        name: String,
        [tasks, queries]: [usize; 2],
        mean: impl Fn([f64; 2]) -> Interval,
    ) -> Group {
        let (before, after) = (mean([1.0, 0.0]), mean([0.0, 1.0]));
        let (before, after, change) = match self.measure {
            Measure::Accuracy | Measure::Loss | Measure::Return => {
                (before, after, mean([-1.0, 1.0]))
            }
            // By the first terms of both roots, as differences of runs are.
            Measure::Error => {
                let roots = [before, after].map(Interval::root);
                let [first, second] =
                    roots.map(|root| 1.0 / (2.0 * root.mean).max(f64::MIN_POSITIVE));
                let change = Interval {
                    mean: roots[1].mean - roots[0].mean,
                    ..mean([-first, second])
                };
                (roots[0], roots[1], change)
            }
        };
        Group {
            name,
            tasks,
            queries,
            before,
            after,
            change,
        }
    }

    /// All queries, with the intervals of the evaluation: over units, or over tasks.
    fn all(&self) -> Group {
        let predictions = self.predictions;
        let units = predictions.units();
        let tasks: Vec<[f64; 2]> = (0..predictions.tasks)
            .map(|task| self.of_task(task))
            .collect();
        let mean = |weights: [f64; 2]| {
            let values = tasks.iter().map(|scores| weighted(weights, *scores) as f32);
            let values: Vec<f32> = values.collect();
            Interval::over(&values, units.as_deref())
        };
        let counts = [predictions.tasks, self.scores.len()];
        self.group("all".into(), counts, mean)
    }

    fn of_task(&self, task: usize) -> [f64; 2] {
        let own = &self.scores[task * self.predictions.queries..][..self.predictions.queries];
        [0, 1].map(|row| own.iter().map(|score| score[row]).sum::<f64>() / own.len() as f64)
    }

    /// Groups of queries with the same key. Those of one task are a cluster of the
    /// interval: they share what the task has learnt.
    fn by(&self, key: &dyn Fn(usize) -> Option<u32>, name: impl Fn(u32) -> String) -> Vec<Group> {
        type Sums = ([f64; 2], usize);
        let mut groups: BTreeMap<u32, BTreeMap<usize, Sums>> = BTreeMap::new();
        for (query, [before, after]) in self.scores.iter().enumerate() {
            let Some(key) = key(query) else { continue };
            let task = query / self.predictions.queries;
            let (sums, count) = groups.entry(key).or_default().entry(task).or_default();
            sums[0] += before;
            sums[1] += after;
            *count += 1;
        }
        let group = |(key, tasks): (u32, BTreeMap<usize, Sums>)| {
            let mean = |weights: [f64; 2]| {
                let clusters: Vec<(f64, usize)> = (tasks.values())
                    .map(|(sums, count)| (weighted(weights, *sums), *count))
                    .collect();
                Interval::of_clusters(&clusters).unwrap_or(NOTHING)
            };
            let counts = [tasks.len(), tasks.values().map(|(_, count)| count).sum()];
            self.group(name(key), counts, mean)
        };
        groups.into_iter().map(group).collect()
    }

    /// Some units, from the worst to the best; tasks where it is not known whose
    /// they are.
    fn units(&self) -> Vec<Unit> {
        let predictions = self.predictions;
        let of_task = |query: usize| (query / predictions.queries) as u32;
        let origins = predictions.origins.as_ref();
        let user = |query: usize| origins?.queries[query].user;
        let known = origins.is_some_and(|origins| origins.queries.iter().any(|o| o.user.is_some()));
        let key = |query: usize| match known {
            true => user(query),
            false => Some(of_task(query)),
        };
        let mut members: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for query in 0..self.scores.len() {
            if let Some(key) = key(query) {
                members.entry(key).or_default().push(query);
            }
        }
        let mut all: Vec<(u32, Vec<usize>, [f64; 2])> = members
            .into_iter()
            .map(|(key, members)| {
                let mean = |row: usize| {
                    let sum: f64 = members.iter().map(|&query| self.scores[query][row]).sum();
                    sum / members.len() as f64
                };
                let error = [mean(0), mean(1)].map(self.shown());
                (key, members, error)
            })
            .collect();
        all.sort_by(|a, b| b.2[1].total_cmp(&a.2[1]));
        let last = predictions.steps.len().saturating_sub(1);
        let chosen = spread(all.len(), UNITS);
        let unit = |(key, members, error): &(u32, Vec<usize>, [f64; 2])| Unit {
            name: match origins {
                Some(origins) if known => name(&origins.users, *key),
                _ => format!("task {key}"),
            },
            error: *error,
            points: spread(members.len(), POINTS)
                .map(|at| {
                    let query = members[at];
                    let first = |values: &[f32]| values.first().copied().unwrap_or(f32::NAN);
                    [
                        first(predictions.target(query)),
                        first(predictions.value(0, query)),
                        first(predictions.value(last, query)),
                    ]
                })
                .collect(),
        };
        chosen.map(|at| unit(&all[at])).collect()
    }
}

/// `Σ wᵢ sᵢ`, where a score without weight may be anything.
fn weighted(weights: [f64; 2], scores: [f64; 2]) -> f64 {
    let terms = weights.into_iter().zip(scores);
    let terms = terms.filter(|(weight, _)| *weight != 0.0);
    terms.map(|(weight, score)| weight * score).sum()
}

/// At most `most` of `count` indices, evenly, the first and the last among them.
fn spread(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let kept = count.min(most);
    (0..kept).map(move |at| at * count.saturating_sub(1) / kept.saturating_sub(1).max(1))
}

/// What classes are taken for, where their names are known. A label means a class
/// within its task alone.
fn confusion(predictions: &Predictions) -> Option<Confusion> {
    let origins = predictions.origins.as_ref()?;
    let class = |query: usize| Some(origins.queries[query].class? as usize);
    let last = predictions.steps.len().checked_sub(1)?;
    let mut pairs: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    for task in 0..predictions.tasks {
        let queries = task * predictions.queries..(task + 1) * predictions.queries;
        let of_label: BTreeMap<usize, usize> = (queries.clone())
            .filter_map(|query| Some((largest(predictions.target(query)), class(query)?)))
            .collect();
        for query in queries {
            let taken = of_label.get(&largest(predictions.value(last, query)));
            if let (Some(class), Some(&taken)) = (class(query), taken) {
                *pairs.entry((class, taken)).or_default() += 1;
                seen.insert(class, 0);
            }
        }
    }
    for (at, place) in seen.values_mut().enumerate() {
        *place = at;
    }
    let mut counts = vec![vec![0; seen.len()]; seen.len()];
    for ((class, taken), count) in pairs {
        if let (Some(&row), Some(&column)) = (seen.get(&class), seen.get(&taken)) {
            counts[row][column] = count;
        }
    }
    let names = seen
        .keys()
        .map(|&class| name(&origins.classes, class as u32));
    Some(Confusion {
        classes: names.collect::<Vec<_>>(),
        counts,
    })
    .filter(|confusion| !confusion.classes.is_empty())
}
