//! The memory a model asks for is what it uses: not a number less, not a
//! number more.

mod common;

use common::{Net, Net8, Piece, add_all, bits, random, values};
use mamlet_runtime::{Learner, LearnerError, PredictError, Rollback};
use rand::RngExt;

/// A NaN that no calculation makes. What is read of unwritten memory shows in
/// the results, what is written is no longer this.
const PAINT: u32 = 0x7fc5_5aa5;
const GUARD: usize = 16;

/// `words` numbers of paint between guards of paint.
fn painted(words: usize) -> Vec<f32> {
    vec![f32::from_bits(PAINT); words + 2 * GUARD]
}

/// The part between the guards.
fn inner(memory: &mut [f32]) -> &mut [f32] {
    let end = memory.len() - GUARD;
    &mut memory[GUARD..end]
}

fn assert_guards(memory: &[f32]) {
    let (front, back) = (&memory[..GUARD], &memory[memory.len() - GUARD..]);
    let painted = |guard: &[f32]| guard.iter().all(|word| word.to_bits() == PAINT);
    assert!(painted(front) && painted(back), "written outside");
}

fn is_painted(word: f32) -> bool {
    word.to_bits() == PAINT
}

/// Everything a learner computes in a life with these examples.
fn life(learner: &mut Learner<'_>, net: &Net, examples: &[common::Example]) -> Vec<u32> {
    let mut results = Vec::new();
    add_all(learner, net, examples);
    let inputs = || examples.iter().map(|(input, _)| &input[..]);
    if !examples.is_empty() {
        let (loss, gradient) = learner.gradient().expect("examples");
        results.extend(bits(&[loss]));
        results.extend(bits(gradient));
        let report = learner.adapt().expect("examples");
        results.extend(bits(&report.losses));
        learner.commit();
    }
    for input in inputs().chain([&vec![0.5; net.inputs][..]]) {
        results.extend(bits(learner.predict(input).expect("the right length")));
    }
    results.extend(bits(learner.weights().unwrap_or_default()));
    learner.discard();
    results.extend(bits(learner.weights().unwrap_or_default()));
    results
}

#[test]
fn a_learner_uses_exactly_the_memory_it_asks_for() {
    let mut random = random(1);
    for case in 0..2000 {
        let net = Net::any(&mut random);
        let count = case % 7;
        let examples = net.examples(&mut random, count);
        let rollback = [Rollback::ToInitialisation, Rollback::ToCommitted][case % 2];
        let file = net.file();
        let artifact = file.artifact();
        let model = Net8::new(&artifact).expect("a sound network");
        let needed = model.memory(count, rollback).total() / 4;

        for given in [0, needed / 2, needed - 1] {
            let mut short = painted(given);
            let refused = Learner::new(&model, count, rollback, inner(&mut short)).map(|_| ());
            assert_eq!(refused, Err(LearnerError::MemoryTooSmall { needed, given }));
            assert!(
                short.into_iter().all(is_painted),
                "a refusal writes nothing"
            );
        }

        let mut exact = painted(needed);
        let mut learner = Learner::new(&model, count, rollback, inner(&mut exact)).expect("enough");
        let results = life(&mut learner, &net, &examples);
        assert_guards(&exact);
        let last = inner(&mut exact).last().copied();
        assert_ne!(last.map(f32::to_bits), Some(PAINT), "case {case}: {net:?}");

        // More memory stays unused, and what was in it before has no effect.
        let mut more = vec![0.0; needed + 100];
        more[needed..].fill(f32::from_bits(PAINT));
        let mut learner = Learner::new(&model, count, rollback, &mut more).expect("enough");
        assert_eq!(life(&mut learner, &net, &examples), results);
        assert!(more[needed..].iter().copied().all(is_painted));
    }
}

#[test]
fn the_parts_of_the_memory_are_what_they_say() {
    let mut random = random(2);
    for case in 0..500 {
        let net = Net::any(&mut random);
        let file = net.file();
        let artifact = file.artifact();
        let model = Net8::new(&artifact).expect("a sound network");
        let adapting: usize = net
            .tensors()
            .filter(|(_, a)| *a)
            .map(|(v, _)| v.len())
            .sum();
        assert_eq!(model.adapting(), adapting);
        let count = case % 9;
        let memory = model.memory(count, Rollback::ToCommitted);
        assert_eq!(
            (memory.adapted, memory.committed),
            (4 * adapting, 4 * adapting)
        );
        let targets = net.examples(&mut random, 1)[0].1.len();
        assert_eq!(memory.support, 4 * count * (net.inputs + targets));
        assert_eq!(model.memory(count, Rollback::ToInitialisation).committed, 0);
        // A learner can always predict.
        assert!(memory.workspace >= model.prediction_memory());
        let parts = memory.adapted + memory.committed + memory.support + memory.workspace;
        assert_eq!(memory.total(), parts);
    }
}

#[test]
fn a_prediction_uses_exactly_the_memory_it_asks_for() {
    let mut random = random(3);
    for case in 0..2000 {
        let net = Net::any(&mut random);
        let file = net.file();
        let artifact = file.artifact();
        let model = Net8::new(&artifact).expect("a sound network");
        let input = values(&mut random, net.inputs);
        let needed = model.prediction_memory() / 4;

        let given = needed - 1;
        let mut short = painted(given);
        let refused = model.predict(&input, inner(&mut short)).map(|_| ());
        assert_eq!(refused, Err(PredictError::Workspace { needed, given }));
        assert!(
            short.into_iter().all(is_painted),
            "a refusal writes nothing"
        );

        let mut exact = painted(needed);
        let output = model.predict(&input, inner(&mut exact)).expect("enough");
        assert_eq!(output.len(), net.outputs());
        let output = bits(output);
        assert_guards(&exact);
        let last = inner(&mut exact).last().copied();
        assert_ne!(last.map(f32::to_bits), Some(PAINT), "case {case}: {net:?}");

        let mut more = vec![0.0; needed + random.random_range(1..50)];
        assert_eq!(
            bits(model.predict(&input, &mut more).expect("enough")),
            output
        );
    }
}

/// The largest of all sizes stands for what no memory holds.
#[test]
fn sizes_beyond_the_address_space_are_refused() {
    let mut random = random(4);
    for _ in 0..100 {
        let net = Net::any(&mut random);
        let file = net.file();
        let artifact = file.artifact();
        let model = Net8::new(&artifact).expect("a sound network");
        for count in [usize::MAX, usize::MAX / 2, usize::MAX / 64, 1 << 60] {
            let rollback = Rollback::ToCommitted;
            assert!(model.memory(count, rollback).total() / 4 > 1 << 58);
            let mut memory = [0.0; 64];
            let refused = Learner::new(&model, count, rollback, &mut memory).map(|_| ());
            assert!(matches!(
                refused,
                Err(LearnerError::MemoryTooSmall { given: 64, .. })
            ));
            for steps in [1, usize::MAX] {
                let cost = model.cost();
                assert!(cost.adaptation(count, steps) <= cost.adaptation_at_most(count, steps));
            }
        }
    }
}

/// The figures of a network as the documentation would calculate them.
#[test]
fn the_cost_counts_the_products() {
    let mut random = random(5);
    let mut dense = |inputs, outputs, adapts| Piece::Dense {
        outputs,
        weight: (values(&mut random, inputs * outputs), adapts),
        bias: Some((values(&mut random, outputs), adapts)),
    };
    let mut cost = |adapts: [bool; 3]| {
        let pieces = vec![
            dense(1, 40, adapts[0]),
            Piece::Relu,
            dense(40, 40, adapts[1]),
            Piece::Relu,
            dense(40, 1, adapts[2]),
        ];
        let file = Net::new(1, pieces).file();
        let artifact = file.artifact();
        Net8::new(&artifact).expect("a sound network").cost()
    };
    let whole = cost([true; 3]);
    assert_eq!(whole.forward, 40 + 1600 + 40);
    // All weight gradients, and the gradients by the inputs of two layers.
    assert_eq!(whole.backward, (40 + 1600 + 40) + (1600 + 40));
    assert_eq!(
        whole.adaptation(10, 5),
        10 * (6 * whole.forward + 5 * whole.backward)
    );
    let head = cost([false, false, true]);
    assert_eq!((head.forward, head.backward), (1680, 40));
}
