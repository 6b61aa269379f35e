//! Predictions by task, user and class.

use std::collections::BTreeMap;

use super::{Confusion, Detail, Group, QueryMeasure, Unit};
use crate::baselines::largest;
use crate::evaluate::{Interval, Predictions};

/// Units that are drawn one by one: some of the worst, the middle and the best.
const UNITS: usize = 6;
/// Points of each.
const POINTS: usize = 120;

impl Detail {
    /// Adds up predictions of classes or values.
    pub(super) fn new(predictions: &Predictions, classes: bool) -> Self {
        let measure = match classes {
            true => QueryMeasure::Accuracy,
            false => QueryMeasure::AbsoluteError,
        };
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
        let tasks = (0..predictions.tasks).map(|task| queries.of_task(task));
        Self {
            shots: predictions.shots,
            steps: predictions.steps.last().copied().unwrap_or(0),
            setting: predictions.setting,
            measure,
            all: queries
                .by(&|_| Some(0), |_| "all".into())
                .pop()
                .unwrap_or_else(|| Group::empty("all")),
            tasks: tasks.collect(),
            units: match measure {
                QueryMeasure::AbsoluteError => queries.units(),
                QueryMeasure::Accuracy => Vec::new(),
            },
            confusion: confusion(predictions),
            users,
            classes,
        }
    }
}

impl Group {
    fn empty(name: &str) -> Self {
        let nothing = Interval {
            mean: f64::NAN,
            half_width: f64::NAN,
        };
        Self {
            name: name.into(),
            tasks: 0,
            queries: 0,
            before: nothing,
            after: nothing,
            change: nothing,
        }
    }
}

/// The lowest accuracy, or the largest error, first; what is not finite is worst.
fn worst_first(measure: QueryMeasure, a: &Group, b: &Group) -> std::cmp::Ordering {
    let badness = |group: &Group| match group.after.mean {
        mean if mean.is_nan() => f64::INFINITY,
        mean if measure == QueryMeasure::Accuracy => -mean,
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
    scores: Vec<[f64; 2]>,
}

impl<'a> Queries<'a> {
    fn new(predictions: &'a Predictions, measure: QueryMeasure) -> Self {
        let last = predictions.steps.len().saturating_sub(1);
        let count = predictions.tasks * predictions.queries;
        let score = |row: usize, query: usize| {
            let (value, target) = (predictions.value(row, query), predictions.target(query));
            match measure {
                QueryMeasure::Accuracy => f64::from(u8::from(largest(value) == largest(target))),
                QueryMeasure::AbsoluteError => {
                    let errors = value.iter().zip(target);
                    let errors = errors.map(|(y, t)| f64::from(y - t).abs());
                    errors.sum::<f64>() / target.len().max(1) as f64
                }
            }
        };
        Self {
            predictions,
            scores: (0..count)
                .map(|query| [score(0, query), score(last, query)])
                .collect(),
        }
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
            let interval = |of: &dyn Fn(&[f64; 2]) -> f64| {
                let clusters: Vec<(f64, usize)> = (tasks.values())
                    .map(|(sums, count)| (of(sums), *count))
                    .collect();
                Interval::of_clusters(&clusters)
            };
            Some(Group {
                name: name(key),
                tasks: tasks.len(),
                queries: tasks.values().map(|(_, count)| count).sum(),
                before: interval(&|sums| sums[0])?,
                after: interval(&|sums| sums[1])?,
                change: interval(&|sums| sums[1] - sums[0])?,
            })
        };
        groups.into_iter().filter_map(group).collect()
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
                let error = [mean(0), mean(1)];
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
