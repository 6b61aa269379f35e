//! From a network's outputs to predictions.

use burn::tensor::{Tensor, backend::Backend};

use super::curves::numbers_at_once;
use super::prototypes::logits;
use super::{Setting, sees_the_batch};
use crate::nn::Network;

/// How a network's outputs become predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predictor {
    /// They are the predictions.
    Outputs,
    /// They are embeddings, and a query's logits are its negative squared
    /// distances to the means of the support set's classes.
    Prototypes,
}

impl Predictor {
    /// Predictions for the support set `(x [T, S, in], y [T, S, out])` itself.
    pub(crate) fn support<B: Backend>(
        self,
        network: &Network,
        theta: &[Tensor<B, 3>],
        (x, y): (&Tensor<B, 3>, &Tensor<B, 3>),
    ) -> Tensor<B, 3> {
        let z = network.forward(theta, x.clone());
        self.predictions(z.clone(), y, z)
    }

    /// Predictions for queries `[T, Q, in]` in a setting, `[T, Q, out]`.
    pub(crate) fn queries<B: Backend>(
        self,
        setting: Setting,
        network: &Network,
        theta: &[Tensor<B, 3>],
        support: (&Tensor<B, 3>, &Tensor<B, 3>),
        queries: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        match setting {
            Setting::Device => {
                return self.together(&network.one_by_one(), theta, support, queries);
            }
            Setting::Inductive if sees_the_batch(network) => {}
            Setting::Transductive | Setting::Inductive => {
                return self.together(network, theta, support, queries);
            }
        }
        let examples = support.0.dims()[1] + 1;
        let of_query = network.parameter_count() + examples * network.activation_count();
        let at_once = numbers_at_once::<B>() / of_query;
        self.apart(network, theta, support, queries, at_once)
    }

    /// Predictions for queries `[T, Q, in]`, all of them in one batch.
    fn together<B: Backend>(
        self,
        network: &Network,
        theta: &[Tensor<B, 3>],
        (x, y): (&Tensor<B, 3>, &Tensor<B, 3>),
        queries: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        match self {
            Self::Outputs => network.forward(theta, queries),
            Self::Prototypes => {
                let (examples, count) = (x.dims()[1], queries.dims()[1]);
                let z = network.forward(theta, Tensor::cat(vec![x.clone(), queries], 1));
                let support = z.clone().narrow(1, 0, examples);
                self.predictions(support, y, z.narrow(1, examples, count))
            }
        }
    }

    /// Predictions for queries `[T, Q, in]`, each in a batch of its own with the
    /// support set, `[T, Q, out]`: queries become tasks, `[T·Q, S + 1, in]`,
    /// `at_once` of them, whose weights are those of their task.
    pub(crate) fn apart<B: Backend>(
        self,
        network: &Network,
        theta: &[Tensor<B, 3>],
        (x, y): (&Tensor<B, 3>, &Tensor<B, 3>),
        queries: Tensor<B, 3>,
        at_once: usize,
    ) -> Tensor<B, 3> {
        let [tasks, count, width] = queries.dims();
        let examples = x.dims()[1];
        let tasks_at_once = (at_once / count).clamp(1, tasks);
        let queries_at_once = at_once.clamp(1, count);
        let mut of_tasks = Vec::new();
        for first in (0..tasks).step_by(tasks_at_once) {
            let some = first..(first + tasks_at_once).min(tasks);
            let own = |x: &Tensor<B, 3>| x.clone().slice([some.clone()]);
            let mut predictions = Vec::new();
            for start in (0..count).step_by(queries_at_once) {
                let end = (start + queries_at_once).min(count);
                let folded = some.len() * (end - start);
                let repeated = |x: Tensor<B, 3>| {
                    let [tasks, rows, columns] = x.dims();
                    x.reshape([tasks, 1, rows * columns])
                        .repeat_dim(1, end - start)
                        .reshape([folded, rows, columns])
                };
                let params: Vec<Tensor<B, 3>> = theta
                    .iter()
                    .map(|tensor| match tensor.dims()[0] {
                        // Shared by all tasks: it broadcasts.
                        1 => tensor.clone(),
                        _ => repeated(own(tensor)),
                    })
                    .collect();
                let query = own(&queries).narrow(1, start, end - start);
                let both = vec![repeated(own(x)), query.reshape([folded, 1, width])];
                let z = network.forward(&params, Tensor::cat(both, 1));
                let support = z.clone().narrow(1, 0, examples);
                let own_y = repeated(own(y));
                let p = self.predictions(support, &own_y, z.narrow(1, examples, 1));
                let outputs = p.dims()[2];
                predictions.push(p.reshape([some.len(), end - start, outputs]));
            }
            of_tasks.push(Tensor::cat(predictions, 1));
        }
        Tensor::cat(of_tasks, 0)
    }

    /// From results for support set and queries to predictions of the queries.
    pub(crate) fn predictions<B: Backend>(
        self,
        support: Tensor<B, 3>,
        y: &Tensor<B, 3>,
        queries: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        match self {
            Self::Outputs => queries,
            Self::Prototypes => logits(support, y.clone(), queries),
        }
    }
}
