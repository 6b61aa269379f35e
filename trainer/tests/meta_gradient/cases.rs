//! What the meta-gradient is tried on.

use mamlet_trainer::loss::{Loss, LossKind, Reduction};
use mamlet_trainer::meta::{InnerOptimiser, RatePer};
use mamlet_trainer::nn::{Adapt, AdaptGroup, Context, Dense, HeadStart, LayerSpec, LeakyRelu};

/// One problem: a network, a loss and an inner loop.
#[derive(Clone)]
pub struct Case {
    pub name: &'static str,
    pub layers: Vec<LayerSpec>,
    pub adapt: Adapt,
    pub loss: Loss,
    pub optimiser: InnerOptimiser,
    /// Of the query loss after 0, 1, ... steps.
    pub weights: Vec<f32>,
    /// Around which the rates are drawn.
    pub rate: f32,
    /// What has a rate of its own.
    pub per: RatePer,
    /// Where the head starts.
    pub head: HeadStart,
}

const LAST_OF_1: [f32; 2] = [0., 1.];
const AFTER_EACH: [f32; 4] = [0.1, 0.2, 0.3, 0.4];

/// Three steps of plain gradient descent of the squared error over all tensors
/// of a network with tanh.
fn base() -> Case {
    Case {
        name: "",
        layers: mlp(LayerSpec::Tanh, 3),
        adapt: Adapt::default(),
        loss: Loss::MSE,
        optimiser: InnerOptimiser::default(),
        weights: vec![0., 0., 0., 1.],
        rate: 0.2,
        per: RatePer::Tensor,
        head: HeadStart::Own,
    }
}

fn mlp(activation: LayerSpec, outputs: usize) -> Vec<LayerSpec> {
    vec![
        LayerSpec::Dense(Dense { out: 7 }),
        activation.clone(),
        LayerSpec::Dense(Dense { out: 6 }),
        activation,
        LayerSpec::Dense(Dense { out: outputs }),
    ]
}

fn with_context() -> Vec<LayerSpec> {
    let mut layers = mlp(LayerSpec::Tanh, 3);
    layers.insert(
        0,
        LayerSpec::Context(Context {
            size: 4,
            initial: 0.0,
        }),
    );
    layers
}

fn mean(kind: LossKind) -> Loss {
    Loss {
        kind,
        reduction: Reduction::Mean,
    }
}

fn momentum(momentum: f32) -> InnerOptimiser {
    InnerOptimiser {
        momentum: Some(momentum),
        clip_norm: None,
    }
}

/// A bound that the steepest gradients of the cases exceed and others do not.
fn clipped(clip_norm: f32) -> InnerOptimiser {
    InnerOptimiser {
        momentum: None,
        clip_norm: Some(clip_norm),
    }
}

/// Networks, adapting tensors and numbers of steps.
fn networks() -> Vec<Case> {
    vec![
        Case {
            name: "relu, 1 step",
            layers: mlp(LayerSpec::Relu, 3),
            weights: LAST_OF_1.into(),
            ..base()
        },
        Case {
            name: "relu, 3 steps",
            layers: mlp(LayerSpec::Relu, 3),
            ..base()
        },
        Case {
            name: "leaky relu, summed",
            layers: mlp(LayerSpec::LeakyRelu(LeakyRelu { slope: 0.1 }), 3),
            loss: Loss {
                reduction: Reduction::Sum,
                ..Loss::MSE
            },
            rate: 0.02,
            ..base()
        },
        Case {
            name: "tanh, loss after each step",
            weights: AFTER_EACH.into(),
            rate: 0.3,
            ..base()
        },
        Case {
            name: "head",
            adapt: Adapt::Group(AdaptGroup::Head),
            ..base()
        },
        Case {
            name: "body, loss after two steps",
            adapt: Adapt::Group(AdaptGroup::Body),
            weights: vec![0., 0., 1., 1.],
            ..base()
        },
        Case {
            name: "named tensors",
            adapt: Adapt::Names(vec!["layers.2.weight".into(), "layers.4.bias".into()]),
            ..base()
        },
        Case {
            name: "context",
            layers: with_context(),
            adapt: Adapt::Group(AdaptGroup::Context),
            rate: 0.8,
            ..base()
        },
        Case {
            name: "context and all, 1 step",
            layers: with_context(),
            weights: LAST_OF_1.into(),
            ..base()
        },
        Case {
            name: "a rate per parameter",
            per: RatePer::Parameter,
            ..base()
        },
        Case {
            name: "a rate per parameter, head, loss after each step",
            adapt: Adapt::Group(AdaptGroup::Head),
            weights: AFTER_EACH.into(),
            per: RatePer::Parameter,
            ..base()
        },
        Case {
            name: "no step",
            weights: vec![1.],
            ..base()
        },
    ]
}

/// Losses other than the squared error.
fn losses() -> Vec<Case> {
    vec![
        Case {
            name: "sigmoid, 1 step, cross-entropy",
            layers: mlp(LayerSpec::Sigmoid, 3),
            loss: mean(LossKind::CrossEntropy),
            weights: LAST_OF_1.into(),
            rate: 0.9,
            ..base()
        },
        Case {
            name: "cross-entropy",
            loss: mean(LossKind::CrossEntropy),
            rate: 0.5,
            ..base()
        },
        Case {
            name: "Huber",
            loss: mean(LossKind::Huber { delta: 0.7 }),
            rate: 0.6,
            ..base()
        },
        Case {
            name: "Gaussian policy",
            layers: mlp(LayerSpec::Tanh, 4),
            loss: mean(LossKind::GaussianPolicy),
            rate: 0.008,
            ..base()
        },
        Case {
            name: "categorical policy",
            loss: mean(LossKind::CategoricalPolicy),
            rate: 0.5,
            ..base()
        },
    ]
}

/// Inner optimisers other than gradient descent.
fn optimisers() -> Vec<Case> {
    vec![
        Case {
            name: "momentum",
            optimiser: momentum(0.9),
            ..base()
        },
        Case {
            name: "momentum, head, loss after each step",
            adapt: Adapt::Group(AdaptGroup::Head),
            optimiser: momentum(0.5),
            weights: AFTER_EACH.into(),
            ..base()
        },
        Case {
            name: "clipped, 1 step",
            optimiser: clipped(2.7),
            weights: LAST_OF_1.into(),
            rate: 0.4,
            ..base()
        },
        Case {
            name: "clipped, loss after each step",
            optimiser: clipped(2.7),
            weights: AFTER_EACH.into(),
            rate: 0.4,
            ..base()
        },
        Case {
            name: "clipped, context, cross-entropy",
            layers: with_context(),
            adapt: Adapt::Group(AdaptGroup::Context),
            loss: mean(LossKind::CrossEntropy),
            optimiser: clipped(0.3),
            rate: 0.9,
            ..base()
        },
        Case {
            name: "clipped with momentum, relu",
            layers: mlp(LayerSpec::Relu, 3),
            optimiser: InnerOptimiser {
                momentum: Some(0.9),
                ..clipped(2.7)
            },
            weights: AFTER_EACH.into(),
            ..base()
        },
    ]
}

/// All of them.
pub fn cases() -> Vec<Case> {
    [networks(), losses(), optimisers()].concat()
}

/// Heads that start at the prototypes of the support set.
pub fn prototypes() -> Vec<Case> {
    let base = || Case {
        loss: mean(LossKind::CrossEntropy),
        weights: vec![0., 0., 1.],
        rate: 0.1,
        head: HeadStart::Prototype,
        ..base()
    };
    vec![
        Case {
            name: "prototypes",
            ..base()
        },
        Case {
            name: "prototypes, head",
            adapt: Adapt::Group(AdaptGroup::Head),
            ..base()
        },
        Case {
            name: "prototypes, upper layers, loss after each step",
            adapt: Adapt::Names(["2.weight", "4.weight", "4.bias"].map(named).into()),
            weights: AFTER_EACH.into(),
            ..base()
        },
        Case {
            name: "prototypes, clipped with momentum, loss after each step",
            optimiser: InnerOptimiser {
                momentum: Some(0.9),
                ..clipped(0.5)
            },
            weights: AFTER_EACH.into(),
            ..base()
        },
        Case {
            name: "prototypes of the inputs",
            layers: vec![LayerSpec::Dense(Dense { out: 3 })],
            ..base()
        },
        Case {
            name: "prototypes, no step",
            weights: vec![1.],
            ..base()
        },
    ]
}

fn named(tensor: &str) -> String {
    format!("layers.{tensor}")
}
