//! The memory a model asks for is what it uses: not a number less, not a
//! number more.
#![cfg(all(
    feature = "convolution",
    feature = "normalisation",
    feature = "integer",
    feature = "policy"
))]

mod common;

use common::{AnyModel, Example, Net, Random, add_all, bits, random, values, with_setup};
use mamlet_runtime::{
    AdaptError, Adaptation, Learner, LearnerError, Numbers, PredictError, Rollback, Setup,
};
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

/// Everything a learner computes of these examples, one call after the other.
fn session(learner: &mut Learner<'_>, net: &Net, examples: &[Example], queries: usize) -> Vec<u32> {
    let mut results = Vec::new();
    let inputs = || examples.iter().map(|(input, _)| &input[..]);
    if !examples.is_empty() {
        let (loss, gradient) = learner.gradient().expect("examples");
        results.extend(bits(&[loss]));
        results.extend(bits(gradient));
        let steps = Some(net.max_steps.min(3) as usize);
        let adaptation = Adaptation { steps, rate: None };
        let report = learner.adapt_with(adaptation).expect("examples");
        results.extend(bits(&report.losses));
        learner.commit();
    }
    for input in inputs().chain([&vec![0.5; net.inputs][..]]) {
        results.extend(bits(learner.predict(input).expect("the right length")));
    }
    let mut outputs = vec![0.0; queries * net.outputs()];
    let queries = vec![0.25; queries * net.inputs];
    assert_eq!(learner.predict_batch(&queries, &mut outputs), Ok(()));
    results.extend(bits(&outputs));
    results.extend(bits(learner.weights().unwrap_or_default()));
    learner.discard();
    results.extend(bits(learner.weights().unwrap_or_default()));
    results
}

/// A setup that the network can have, of any kind.
fn any_setup(random: &mut Random, net: &Net, count: usize, lent: bool) -> Setup {
    let mut setup = Setup::new(count).queries(random.random_range(0..4));
    if random.random() {
        setup = setup.rollback(Rollback::ToCommitted);
    }
    if random.random() && !net.mixes_examples() {
        setup = setup.one_by_one();
    }
    if lent { setup.lent() } else { setup }
}

#[test]
fn a_learner_uses_exactly_the_memory_it_asks_for() {
    let mut random = random(1);
    for case in 0..3000 {
        let mut net = Net::any(&mut random);
        net.f16 = case % 4 == 0;
        (net.steps, net.max_steps) = [(1, 1), (1, 2), (2, 32)][case % 3];
        let count = case % 7;
        let examples = net.examples(&mut random, count);
        let file = net.file();
        let artifact = file.artifact();
        let model = AnyModel::new(&artifact).expect("a sound network");
        let lent = case % 5 == 0 && net.fixed_layers() == 0 && net.normalisation.is_none();
        let queries = case % 4;
        let setup = any_setup(&mut random, &net, count, lent).queries(queries);
        let memory = model.memory_for(setup);
        let needed = memory.total().len();
        let what = format!("case {case}, {setup:?}, {memory:?}: {net:?}");

        for given in [0, needed / 2, needed - 1] {
            let mut short = painted(given);
            let refused = Learner::with(&model, setup, inner(&mut short)).map(|_| ());
            assert_eq!(refused, Err(LearnerError::MemoryTooSmall { needed, given }));
            assert!(
                short.into_iter().all(is_painted),
                "a refusal writes nothing"
            );
        }

        let inputs: Vec<f32> = examples.iter().flat_map(|(x, _)| x.clone()).collect();
        let targets: Vec<f32> = examples.iter().flat_map(|(_, t)| t.clone()).collect();
        let whole_session = |memory: &mut [f32]| {
            let mut learner = Learner::with(&model, setup, memory).expect("enough");
            match lent {
                true => assert_eq!(learner.lend(&inputs, &targets), Ok(())),
                false => add_all(&mut learner, &net, &examples),
            }
            session(&mut learner, &net, &examples, queries)
        };
        let mut exact = painted(needed);
        let results = whole_session(inner(&mut exact));
        assert_guards(&exact);
        let last = inner(&mut exact).last().copied();
        assert_ne!(last.map(f32::to_bits), Some(PAINT), "{what}");
        if count > 0 {
            // Weights, gradients and examples are all used, to the last number.
            let filled = needed - memory.workspace.len();
            let unused = inner(&mut exact)[..filled]
                .iter()
                .position(|x| is_painted(*x));
            assert_eq!(unused, None, "{what}");
        }

        // More memory stays unused, and what was in it before has no effect.
        let mut more = vec![0.0; needed + 100];
        more[needed..].fill(f32::from_bits(PAINT));
        assert_eq!(whole_session(&mut more), results);
        assert!(more[needed..].iter().copied().all(is_painted));
    }
}

#[test]
fn the_parts_of_the_memory_are_what_they_say() {
    let mut random = random(2);
    for case in 0..1000 {
        let mut net = Net::any(&mut random);
        net.f16 = case % 4 == 0;
        (net.steps, net.max_steps) = [(1, 1), (1, 2), (2, 32)][case % 3];
        let file = net.file();
        let artifact = file.artifact();
        let model = AnyModel::new(&artifact).expect("a sound network");
        let adapted = Numbers::new(net.adapting());
        assert_eq!(model.adapting(), adapted.len());
        let count = case % 9;
        let setup = Setup::new(count);
        let memory = model.memory_for(setup);
        assert_eq!(memory, model.memory(count, Rollback::ToInitialisation));
        assert_eq!((memory.adapted, memory.committed), (adapted, Numbers::ZERO));
        // What is kept of an example is what the layers make of it that no
        // step changes.
        let features: usize = net.sizes()[net.fixed_layers()].iter().product();
        let targets = net.targets();
        assert_eq!(memory.support.len(), count * (features + targets));
        assert_eq!(memory.support.bytes(), 4 * memory.support.len());
        let copies = usize::from(net.momentum.is_some())
            + usize::from(net.momentum.is_some() || net.clip_norm.is_some());
        let optimiser = Numbers::new(copies * net.adapting());
        assert_eq!((memory.optimiser, memory.spare), (optimiser, Numbers::ZERO));
        // A learner can always predict.
        assert!(memory.workspace + memory.adapted >= model.prediction_memory());

        let to_committed = model.memory_for(setup.rollback(Rollback::ToCommitted));
        assert_eq!(to_committed.total(), memory.total() + adapted);
        let lent = model.memory_for(setup.lent());
        assert_eq!(lent.support, Numbers::ZERO);
        assert_eq!(lent.total() + memory.support, memory.total());
        let queries = model.memory_for(setup.queries(3));
        assert_eq!(queries.support, memory.support + Numbers::new(3 * features));
        let one = model.memory_for(Setup::new(1));
        let one_by_one = model.memory_for(setup.one_by_one());
        if count > 0 {
            assert_eq!(one_by_one.workspace, one.workspace);
        }
        let spare = copies == 0 && (net.max_steps > 1 || net.f16);
        assert_eq!(
            one_by_one.spare,
            if spare { adapted } else { Numbers::ZERO }
        );
        for memory in [memory, to_committed, lent, queries, one_by_one] {
            let weights = memory.adapted + memory.committed + memory.spare + memory.optimiser;
            assert_eq!(memory.weights(), weights);
            assert_eq!(memory.total(), weights + memory.support + memory.workspace);
        }
    }
}

#[test]
fn a_prediction_uses_exactly_the_memory_it_asks_for() {
    let mut random = random(3);
    for case in 0..2000 {
        let mut net = Net::any(&mut random);
        net.f16 = case % 4 == 0;
        let file = net.file();
        let artifact = file.artifact();
        let model = AnyModel::new(&artifact).expect("a sound network");
        let input = values(&mut random, net.inputs);
        let needed = model.prediction_memory().len();

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
        let model = AnyModel::new(&artifact).expect("a sound network");
        for count in [usize::MAX, usize::MAX / 2, usize::MAX / 64, 1 << 60] {
            let rollback = Rollback::ToCommitted;
            assert!(model.memory(count, rollback).total().len() > 1 << 58);
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

/// One step is made in place, so that a recipe of one step has no second copy
/// of what adapts, which more steps would need.
#[test]
fn one_by_one_a_recipe_of_one_step_takes_no_more() {
    let mut random = random(9);
    let mut head = common::dense(&mut random, 2, 2);
    head.tensors_mut().for_each(|tensor| tensor.1 = true);
    let net = Net::new(2, vec![head]).steps(1, 1);
    let examples = net.examples(&mut random, 3);
    let three = Adaptation {
        steps: Some(3),
        rate: Some(0.01),
    };
    let setup = Setup::new(3);
    with_setup(&net, setup, |learner| {
        add_all(learner, &net, &examples);
        assert_eq!(
            learner.adapt_with(three).map(|report| report.steps()),
            Ok(3)
        );
    });
    with_setup(&net, setup.one_by_one(), |learner| {
        add_all(learner, &net, &examples);
        let refused = AdaptError::Steps {
            allowed: 1,
            given: 3,
        };
        assert_eq!(learner.adapt_with(three), Err(refused));
        assert!(learner.adapt().is_ok());
    });
}
