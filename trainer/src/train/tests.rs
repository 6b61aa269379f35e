use burn::backend::{Autodiff, Flex};

use super::Trainer;
use crate::config::tests::config;
use crate::run::Checkpoint;

type B = Autodiff<Flex>;

/// A trainer of the tests' experiment with overrides.
fn trainer(sets: &[&str]) -> Trainer<B> {
    let config = config(sets);
    let tasks = config.tasks.open().unwrap();
    Trainer::new(&config, tasks, Default::default()).unwrap()
}

fn after(sets: &[&str], steps: usize) -> Checkpoint {
    let mut trainer = trainer(sets);
    for _ in 0..steps {
        trainer.step().unwrap();
    }
    trainer.checkpoint()
}

/// The parameters one step after `checkpoint`.
fn next(sets: &[&str], checkpoint: &Checkpoint) -> Vec<f32> {
    let mut trainer = trainer(sets);
    trainer.restore(checkpoint).unwrap();
    trainer.step().unwrap();
    trainer.checkpoint().params
}

#[test]
fn derivatives_change_order_at_exactly_the_iteration_that_is_named() {
    // Larger steps than those of the file, for the orders to differ by more
    // than rounding.
    let rate = "inner.rate.value=0.1";
    let annealed = [rate, "inner.second_order_from=3"];
    let (first, second) = ([rate, "inner.order=first"], [rate]);
    let before = after(&annealed, 3);
    assert_eq!(before.params, after(&first, 3).params);
    assert_ne!(before.params, after(&second, 3).params);
    let there = next(&annealed, &before);
    assert_eq!(there, next(&second, &before));
    assert_ne!(there, next(&first, &before));
}

#[test]
fn weight_decay_pulls_on_weights_alone_and_fades_with_the_rate() {
    // Gradients too small to matter leave the decay alone.
    let sets = [
        "meta.optimiser=adamw",
        "meta.weight_decay=0.5",
        "meta.betas=[0.0,0.0]",
        "meta.clip_value=1e-20",
        "meta.rate=0.1",
        "meta.warm_up=2",
    ];
    let start = after(&sets, 0).params;
    let end = after(&sets, 2).params;
    // Weights 1x4, biases 4, weights 4x1, bias 1.
    let kept = (1.0 - 0.5 * 0.5 * 0.1) * (1.0 - 0.5 * 0.1);
    for (index, (start, end)) in start.iter().zip(&end).enumerate() {
        let decays = index < 4 || (8..12).contains(&index);
        let expected = if decays { start * kept } else { *start };
        assert!((end - expected).abs() < 1e-6, "{index}: {end} {expected}");
    }
}
