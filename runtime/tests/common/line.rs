//! The smallest network, and learners for it.

use mamlet_runtime::{Adaptation, Learner, Rollback, Setup};

use super::{Example, Net, Piece, bits, with_setup};

/// `y = w x + b` from zero, one rate for both.
pub fn line(rate: f32) -> Net {
    let pieces = vec![Piece::Dense {
        outputs: 1,
        weight: (vec![0.0], true),
        bias: Some((vec![0.0], true)),
    }];
    Net::new(1, pieces).rate(rate).steps(5, 20)
}

pub fn line_examples() -> Vec<Example> {
    [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]
        .map(|(x, y)| (vec![x], vec![y]))
        .to_vec()
}

/// Calls `with` with a learner for five examples of the network.
pub fn with_learner<R>(
    net: &Net,
    rollback: Rollback,
    with: impl FnOnce(&mut Learner<'_>) -> R,
) -> R {
    with_setup(net, Setup::new(5).rollback(rollback), with)
}

/// So many steps, all at one rate.
pub fn by(steps: usize, rate: f32) -> Adaptation {
    Adaptation {
        steps: Some(steps),
        rate: Some(rate),
    }
}

/// So many steps of the recipe.
pub fn of_steps(steps: usize) -> Adaptation {
    Adaptation {
        steps: Some(steps),
        rate: None,
    }
}

/// What shows of a learner's state: weights, and predictions of some inputs.
pub fn state(learner: &mut Learner<'_>, inputs: usize) -> (Option<Vec<u32>>, Vec<u32>) {
    let weights = learner.weights().map(bits);
    let mut predictions = Vec::new();
    for x in [-1.0, 0.0, 0.3, 2.0] {
        predictions.extend(bits(learner.predict(&vec![x; inputs]).expect("the length")));
    }
    (weights, predictions)
}
