//! Single sinusoids before and after adaptation, for looking at.

use burn::tensor::{Tensor, backend::Backend};

use super::{EvaluateError, rates};
use crate::meta::{to_device, to_host};
use crate::model::TrainedModel;
use crate::random::{Stream, generator};
use crate::tasks::{
    Sinusoid, SinusoidInputs, SinusoidTask, Split, TaskBatch, TaskDistribution, TaskSizes,
};

/// One sinusoid and what a model makes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptedSinusoid {
    /// The task.
    pub task: SinusoidTask,
    /// The support points `(x, y)`.
    pub support: Vec<(f32, f32)>,
    /// Predicted curves `(x, y)` after the given numbers of steps.
    pub predictions: Vec<(usize, Vec<(f32, f32)>)>,
}

/// Points of a predicted curve.
const POINTS: usize = 200;

/// Adapts `model` to the first `count` test tasks of `seed` from `shots` points
/// each, and predicts the whole curve after each number of steps in `steps`.
///
/// A method whose rate is tuned gets the rate that [`super::evaluate`] would
/// choose.
///
/// # Errors
/// [`EvaluateError::NotSinusoids`] if the model was trained on other tasks.
pub fn sinusoids<B: Backend>(
    model: &TrainedModel,
    seed: u64,
    count: usize,
    shots: usize,
    steps: &[usize],
    device: &B::Device,
) -> Result<Vec<AdaptedSinusoid>, EvaluateError> {
    let distribution = (model.config.tasks.sinusoid()).ok_or(EvaluateError::NotSinusoids)?;
    let last = steps.iter().copied().max().unwrap_or(0);
    let validation = distribution.draw(
        Split::Validation,
        &mut generator(seed, Stream::Validation, 0),
        500,
        shots,
        50,
    );
    let setting = model.config.setting();
    let (table, _) = rates::<B>(model, [validation], (setting, last.max(1)), device);

    let mut rng = generator(seed, Stream::Test, 0);
    let tasks = distribution.draw_tasks(&mut rng, count);
    let (support_x, support_y) = distribution.examples(&mut rng, &tasks, shots);
    let grid: Vec<f32> = {
        let [low, high] = distribution.x.map(|bound| bound as f32);
        let at = |i: usize| low + (high - low) * i as f32 / (POINTS - 1) as f32;
        (0..POINTS).map(at).collect()
    };
    let batch = TaskBatch {
        tasks: count,
        input: distribution.input(),
        output: 1,
        classes: None,
        query_x: inputs(distribution, &tasks, &grid).into(),
        query_y: vec![0.0; count * POINTS],
        support_x: support_x.into(),
        support_y,
        origins: None,
    };
    let (width, points) = (batch.input, batch.support_x.values());
    let mut adapted: Vec<AdaptedSinusoid> = tasks
        .iter()
        .enumerate()
        .map(|(index, &task)| AdaptedSinusoid {
            task,
            support: (index * shots..(index + 1) * shots)
                .map(|i| (points[i * width], batch.support_y[i]))
                .collect(),
            predictions: Vec::new(),
        })
        .collect();

    let batch = batch.to_device::<B>(device);
    let (inner, predictor) = (model.inner_loop(), model.config.method.predictor());
    let params: Vec<Tensor<B, 3>> = to_device(&model.network, &model.params, device);
    inner.adapt(params, &table.on(device), &batch, last, |step, theta| {
        if !steps.contains(&step) {
            return;
        }
        let network = &model.network.at_step(step);
        let support = (&batch.support_x, &batch.support_y);
        let queries = batch.query_x.clone();
        let values = to_host(predictor.queries(setting, network, theta, support, queries));
        for (sinusoid, values) in adapted.iter_mut().zip(values.chunks_exact(POINTS)) {
            let curve = grid.iter().copied().zip(values.iter().copied()).collect();
            sinusoid.predictions.push((step, curve));
        }
    });
    Ok(adapted)
}

/// The network's inputs for every task at every `x`.
fn inputs(distribution: &Sinusoid, tasks: &[SinusoidTask], xs: &[f32]) -> Vec<f32> {
    let example = |task: &SinusoidTask, x: f32| match distribution.inputs {
        SinusoidInputs::X => vec![x],
        SinusoidInputs::XAmplitudePhase => vec![x, task.amplitude, task.phase],
    };
    tasks
        .iter()
        .flat_map(|task| xs.iter().flat_map(move |&x| example(task, x)))
        .collect()
}
