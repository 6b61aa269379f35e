//! A model in the unit of its targets.
//!
//! With `target = μ + σ t`, a network `z·W + b` that learned `t` becomes `z·σW +
//! (σb + μ)`, which says the target. Its loss is `σ²` times as large, so gradients
//! of the head are `σ` times what they were, as its weights are: the head keeps its
//! rates. Those of everything below are divided by `σ²`. Every inner step then moves
//! the prediction by `σ` times what it did.

use crate::loss::LossKind;
use crate::meta::RateTable;
use crate::model::TrainedModel;
use crate::tasks::TargetScale;

/// Whether each adapting tensor is one of the head, the last layer.
fn in_head(model: &TrainedModel) -> Vec<bool> {
    let head = model.network.spec().layers.len().saturating_sub(1);
    let tensors = model.network.tensors();
    let adapting = model.network.adapting().into_iter();
    adapting.map(|at| tensors[at].layer == head).collect()
}

/// How much larger the gradient of each adapting tensor is.
pub(super) fn gradient_factors(model: &TrainedModel, scale: Option<&TargetScale>) -> Vec<f32> {
    let deviation = scale.map_or(1.0, |scale| scale.deviation);
    let factor = |head| if head { deviation } else { deviation.powi(2) };
    in_head(model).into_iter().map(factor).collect()
}

/// The model that says targets in their unit, with `rates` for it. A model whose
/// targets have no scale is only given the rates.
pub(super) fn in_units(
    model: &TrainedModel,
    rates: &RateTable,
    scale: Option<&TargetScale>,
) -> TrainedModel {
    let mut model = model.clone();
    model.rates = Some(rates.clone());
    let Some(scale) = scale else {
        return model;
    };
    let head = model.network.spec().layers.len().saturating_sub(1);
    let tensors = model.network.tensors().iter();
    // Configs are checked: a dense layer, of weights and biases.
    for (info, values) in tensors.zip(&mut model.params) {
        if info.layer != head {
            continue;
        }
        values
            .iter_mut()
            .for_each(|value| *value *= scale.deviation);
        if !info.is_weight() {
            for (bias, mean) in values.iter_mut().zip(&scale.mean) {
                *bias += mean;
            }
        }
    }
    let factor = |head| if head { 1.0 } else { scale.deviation.powi(-2) };
    let factors: Vec<f32> = in_head(&model).into_iter().map(factor).collect();
    model.rates = Some(rates.clone().scaled(&factors));
    if let LossKind::Huber { delta } = &mut model.config.inner.loss {
        *delta *= f64::from(scale.deviation);
    }
    model
}
