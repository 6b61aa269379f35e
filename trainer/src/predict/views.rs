//! Several views of the same adaptation.

use burn::tensor::{Tensor, backend::Backend};

use super::curves::{accuracy, in_parts};
use super::{Curves, Predictor, Setting, sees_the_batch};
use crate::loss::{Loss, Reduction};
use crate::meta::{InnerLoop, Rate, RateTable, to_device, to_host};
use crate::nn::Network;
use crate::samplers::Set;
use crate::tasks::{DeviceBatch, TaskBatch};

/// One way of evaluating the same adaptation.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// Only the first so many queries of a task, all classes together.
    pub queries: usize,
    /// How they are predicted.
    pub setting: Setting,
    /// After which numbers of steps, in order.
    pub steps: Vec<usize>,
}

/// [`curves`](super::curves()) for several views of the same adaptation, which goes as far as
/// the one with the most steps.
pub(crate) fn views<B: Backend>(
    (inner, predictor): (&InnerLoop<'_>, Predictor),
    params: &[Vec<f32>],
    rates: &RateTable,
    batch: &TaskBatch,
    views: &[View],
    device: &B::Device,
) -> Vec<Curves> {
    // What does not adapt is computed once. But a query in a batch with the support set needs
    // all of a network that has norms of the batch below and above.
    let apart = |view: &View| view.setting == Setting::Inductive;
    let apart = views.iter().any(apart);
    let body_and_head = (inner.network.split_frozen())
        .filter(|(body, above)| !(apart && sees_the_batch(body) && sees_the_batch(above)));
    let (body, network) = match &body_and_head {
        Some((body, head)) => (Some(body), head),
        None => (None, inner.network),
    };
    let params = to_device::<B>(inner.network, params, device);
    let (lower, upper) = params.split_at(body.map_or(0, |body| body.tensors().len()));
    let queries = views.iter().map(|view| view.queries).max().unwrap_or(0);
    let measurement = Measurement {
        body: body.map(|body| (body, lower)),
        inner: InnerLoop { network, ..*inner },
        params: upper,
        rates: &rates.on(device),
        predictor,
        views,
        queries,
        classes: batch.classes.is_some(),
    };
    let examples = batch.support_examples().max(queries);
    let whole = body.map_or(0, Network::activation_count) + network.activation_count();
    let of_task = 4 * network.parameter_count() + examples * whole;
    let parts = in_parts::<B, _>(batch.tasks, of_task, |tasks| {
        measurement.of_tasks(batch.tasks(tasks).to_device(device))
    });
    let mut all = measurement.nothing();
    for part in parts {
        for (curves, more) in all.iter_mut().zip(part) {
            curves.extend(more);
        }
    }
    all
}

/// What is measured of every task.
struct Measurement<'a, B: Backend> {
    /// The layers below those that adapt, with their parameters, where they are computed
    /// once.
    body: Option<(&'a Network, &'a [Tensor<B, 3>])>,
    /// The adaptation of the layers above.
    inner: InnerLoop<'a>,
    /// Their parameters.
    params: &'a [Tensor<B, 3>],
    rates: &'a [Vec<Rate<B>>],
    predictor: Predictor,
    views: &'a [View],
    /// Those of the view with the most.
    queries: usize,
    /// Whether there are accuracies.
    classes: bool,
}

impl<B: Backend> Measurement<'_, B> {
    /// Of no task yet.
    fn nothing(&self) -> Vec<Curves> {
        let views = self.views.iter();
        views
            .map(|view| Curves::new(view.steps.clone(), self.classes))
            .collect()
    }

    fn of_tasks(&self, batch: DeviceBatch<B>) -> Vec<Curves> {
        let mut batch = batch;
        batch.query_x = batch.query_x.narrow(1, 0, self.queries);
        batch.query_y = batch.query_y.narrow(1, 0, self.queries);
        let support = batch.support_set();
        if let Some((body, lower)) = self.body {
            batch.support_x = body.forward(lower, support.x.clone());
            if !sees_the_batch(body) {
                batch.query_x = body.forward(lower, batch.query_x);
            }
        }
        let views = self.views.iter();
        let of_views: Vec<Set<B>> = views
            .map(|view| self.queries(view, &support, &batch))
            .collect();
        let measure = Loss {
            reduction: Reduction::Mean,
            ..self.inner.loss
        };
        let losses = |prediction: Tensor<B, 3>, y: &Tensor<B, 3>| {
            to_host(measure.value(prediction, y.clone()))
        };
        let steps = self.views.iter().flat_map(|view| &view.steps).max();
        let steps = steps.copied().unwrap_or(0);
        let mut all = self.nothing();
        let (inner, predictor) = (&self.inner, self.predictor);
        let (params, support) = (self.params.to_vec(), (&batch.support_x, &batch.support_y));
        inner.adapt(params, self.rates, &batch, steps, |step, theta| {
            let network = &inner.network.at_step(step);
            let mut of_support: Option<Vec<f32>> = None;
            for ((view, query), curves) in self.views.iter().zip(&of_views).zip(&mut all) {
                let Ok(row) = view.steps.binary_search(&step) else {
                    continue;
                };
                let of_support = of_support.get_or_insert_with(|| {
                    losses(predictor.support(network, theta, support), support.1)
                });
                curves.support[row].extend_from_slice(of_support);
                let Set { x, y } = query.clone();
                let prediction = predictor.queries(view.setting, network, theta, support, x);
                if let Some(rows) = &mut curves.accuracy {
                    let right = accuracy(prediction.clone(), y.clone());
                    rows[row].extend(to_host(right));
                }
                curves.query[row].extend(losses(prediction, &y));
            }
        });
        all
    }

    /// The queries of a view, as the layers that adapt are given them; `support` is the
    /// support set as the body is given it.
    fn queries(&self, view: &View, support: &Set<B>, batch: &DeviceBatch<B>) -> Set<B> {
        let [x, y] =
            [&batch.query_x, &batch.query_y].map(|all| all.clone().narrow(1, 0, view.queries));
        let x = match self.body.filter(|(body, _)| sees_the_batch(body)) {
            Some((body, lower)) => {
                let support = (&support.x, &support.y);
                Predictor::Outputs.queries(view.setting, body, lower, support, x)
            }
            None => x,
        };
        Set { x, y }
    }
}
