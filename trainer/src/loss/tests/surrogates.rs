//! Surrogates and the divergence: values against plain sums in `f64`, gradients and their
//! tangents against automatic differentiation.

use super::*;

const TASKS: usize = 2;
const ROLLOUTS: usize = 10;
const STEPS: usize = 3;
const EXAMPLES: usize = ROLLOUTS * STEPS;
const OUTPUTS: usize = 4;
const RANGE: f32 = 0.2;

const POLICIES: [Policy; 2] = [Policy::Gaussian, Policy::Categorical];
const FORMS: [Form; 4] = [
    Form::LogLikelihood,
    Form::Ratio,
    Form::Clipped { range: RANGE },
    Form::Dice { steps: STEPS },
];

/// One step of a rollout.
struct Acted {
    /// The outputs of the policy that acted.
    before: Vec<f32>,
    outputs: Vec<f32>,
    action: Vec<f32>,
    advantage: f32,
}

impl Acted {
    fn change(&self, policy: Policy) -> f64 {
        log_likelihood(policy, &self.outputs, &self.action)
            - log_likelihood(policy, &self.before, &self.action)
    }
}

/// Steps of policies whose outputs have moved by up to `away` since.
fn acted(policy: Policy, away: f32) -> Vec<Acted> {
    let mut rng = generator(5, Stream::Golden, 0);
    let mut step = || {
        let mut numbers = |scale: f32| -> Vec<f32> {
            let numbers = (0..OUTPUTS).map(|_| scale * rng.random_range(-1.0..1.0));
            numbers.collect()
        };
        let (before, moved) = (numbers(1.0), numbers(away));
        let pairs = before.iter().zip(&moved);
        let outputs = pairs.map(|(before, moved)| before + moved).collect();
        let drawn = numbers(2.0);
        let action = match policy {
            Policy::Gaussian => drawn[..OUTPUTS / 2].to_vec(),
            Policy::Categorical => {
                let highest = drawn.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let of = drawn.iter().map(|&own| f32::from(u8::from(own == highest)));
                of.collect()
            }
        };
        Acted {
            before,
            outputs,
            action,
            advantage: rng.random_range(-2.0..2.0),
        }
    };
    (0..TASKS * EXAMPLES).map(|_| step()).collect()
}

fn log_likelihood(policy: Policy, outputs: &[f32], action: &[f32]) -> f64 {
    let outputs: Vec<f64> = outputs.iter().copied().map(f64::from).collect();
    let action: Vec<f64> = action.iter().copied().map(f64::from).collect();
    match policy {
        Policy::Gaussian => {
            let (means, log_sigmas) = outputs.split_at(action.len());
            let each = action.iter().zip(means).zip(log_sigmas);
            let density = each.map(|((action, mean), log_sigma)| {
                let z = (action - mean) / log_sigma.exp();
                let scale = log_sigma.exp() * (2.0 * std::f64::consts::PI).sqrt();
                (-0.5 * z * z).exp() / scale
            });
            density.product::<f64>().ln()
        }
        Policy::Categorical => {
            let total: f64 = outputs.iter().map(|logit| logit.exp()).sum();
            let taken = outputs.iter().zip(&action);
            let share = taken.map(|(logit, action)| action * logit.exp() / total);
            share.sum::<f64>().ln()
        }
    }
}

/// `Φ` of one rollout.
fn gain(policy: Policy, form: Form, rollout: &[Acted]) -> f64 {
    let mut product = 1.0;
    let each = rollout.iter().map(|step| {
        let advantage = f64::from(step.advantage);
        let ratio = step.change(policy).exp();
        let before = product;
        product *= ratio;
        match form {
            Form::LogLikelihood => advantage * log_likelihood(policy, &step.outputs, &step.action),
            Form::Ratio => advantage * ratio,
            Form::Clipped { range } if advantage > 0.0 => {
                advantage * ratio.min(1.0 + f64::from(range))
            }
            Form::Clipped { range } => advantage * ratio.max(1.0 - f64::from(range)),
            Form::Dice { .. } => (product - before) * advantage,
        }
    });
    each.sum()
}

fn tensor(rows: impl Iterator<Item = Vec<f32>>) -> Tensor<B, 3> {
    let numbers: Vec<f32> = rows.flatten().collect();
    let width = numbers.len() / (TASKS * EXAMPLES);
    let data = TensorData::new(numbers, [TASKS, EXAMPLES, width]);
    Tensor::from_data(data, &Default::default())
}

fn prediction(steps: &[Acted]) -> Tensor<B, 3> {
    tensor(steps.iter().map(|step| step.outputs.clone()))
}

fn surrogate_target(policy: Policy, steps: &[Acted]) -> Tensor<B, 3> {
    tensor(steps.iter().map(|step| {
        let before = log_likelihood(policy, &step.before, &step.action) as f32;
        [&step.action[..], &[step.advantage, before]].concat()
    }))
}

/// The advantages serve as the weights of examples.
fn divergence_target(steps: &[Acted]) -> Tensor<B, 3> {
    tensor(
        steps
            .iter()
            .map(|step| [&step.before[..], &[step.advantage]].concat()),
    )
}

fn surrogate(policy: Policy, form: Form, reduction: Reduction) -> Loss {
    Loss {
        kind: LossKind::Surrogate(Surrogate { policy, form }),
        reduction,
    }
}

fn same(given: Tensor<B, 3>, expected: Tensor<Flex, 3>, name: &str) {
    let (given, expected) = (to_host(given), to_host(expected));
    let scale = expected
        .iter()
        .fold(0.0f32, |most, own| most.max(own.abs()));
    for (given, expected) in given.iter().zip(&expected) {
        let error = (given - expected).abs();
        assert!(error <= 1e-5 * scale.max(0.1), "{name}: {given} {expected}");
    }
}

/// The gradient is that of the value, and its tangent that of the gradient.
fn derivatives(loss: Loss, prediction: Tensor<B, 3>, target: &Tensor<B, 3>, name: &str) {
    let prediction = prediction.require_grad();
    let gradients = (loss.value(prediction.clone(), target.clone()).sum()).backward();
    let expected = prediction.grad(&gradients).unwrap();
    let gradient = loss.gradient(prediction.clone(), target.clone());
    same(gradient.clone(), expected, &format!("{name}, gradient"));
    let direction = acted(Policy::Gaussian, 0.0).into_iter();
    let direction = tensor(direction.map(|step| step.before.into_iter().rev().collect()));
    let gradients = (gradient * direction.clone()).sum().backward();
    // A gradient that does not depend on the prediction is not of the graph.
    let expected = (prediction.grad(&gradients)).unwrap_or_else(|| direction.zeros_like().inner());
    let tangent = loss.gradient_tangent(prediction, target.clone(), direction);
    same(tangent, expected, &format!("{name}, tangent"));
}

#[test]
fn surrogates_and_their_derivatives_are_those_of_their_equations() {
    for policy in POLICIES {
        for form in FORMS {
            for (away, reduction) in [
                (0.0, Reduction::Sum),
                (0.5, Reduction::Sum),
                (0.5, Reduction::Mean),
            ] {
                let name = format!("{policy:?}, {form:?}, {away} away, {reduction:?}");
                let steps = acted(policy, away);
                let loss = surrogate(policy, form, reduction);
                let target = surrogate_target(policy, &steps);
                let given = to_host(loss.value(prediction(&steps), target.clone()));
                let divisor = match reduction {
                    Reduction::Sum => 1.0,
                    Reduction::Mean => EXAMPLES as f64,
                };
                for (given, of_task) in given.into_iter().zip(steps.chunks(EXAMPLES)) {
                    let rollouts = of_task.chunks(STEPS);
                    let gains = rollouts.map(|rollout| gain(policy, form, rollout));
                    let expected = -gains.sum::<f64>() / divisor;
                    assert!(
                        (f64::from(given) - expected).abs() < 1e-5 * expected.abs().max(1.0),
                        "{name}: {given} {expected}"
                    );
                }
                derivatives(loss, prediction(&steps), &target, &name);
            }
        }
    }
}

#[test]
fn all_surrogates_have_one_gradient_where_the_actions_were_drawn() {
    for policy in POLICIES {
        let steps = acted(policy, 0.0);
        let target = surrogate_target(policy, &steps);
        let gradient = |form| {
            surrogate(policy, form, Reduction::Mean).gradient(prediction(&steps), target.clone())
        };
        let kind = match policy {
            Policy::Gaussian => LossKind::GaussianPolicy,
            Policy::Categorical => LossKind::CategoricalPolicy,
        };
        let loss = Loss {
            kind,
            reduction: Reduction::Mean,
        };
        let width = kind.targets(OUTPUTS).unwrap();
        let expected = loss.gradient(prediction(&steps), target.clone().narrow(2, 0, width));
        for form in FORMS {
            let name = format!("{policy:?}, {form:?}");
            same(gradient(form), expected.clone().inner(), &name);
        }
    }
}

/// What the tests above are of: ratios on both sides of both bounds.
#[test]
fn steps_are_clipped_on_both_sides_and_spared_on_both() {
    for policy in POLICIES {
        let steps = acted(policy, 0.5);
        for (above, gains) in [(true, true), (true, false), (false, true), (false, false)] {
            let there = steps.iter().filter(|step| {
                let change = step.change(policy).exp() - 1.0;
                let beyond = change.abs() > f64::from(RANGE);
                beyond && (change > 0.0) == above && (step.advantage > 0.0) == gains
            });
            assert!(there.count() > 1, "{policy:?}, {above}, {gains}");
        }
    }
}

/// A rollout that ended early is filled up with steps of which nothing is known: whatever
/// the policy would do there, DiCE is what it is without them.
#[test]
fn dice_is_blind_to_what_fills_up_a_rollout() {
    let (taken, steps) = (2, 60);
    let device = Default::default();
    // A policy far sharper than that whose outputs are 0.
    let rows = |count: usize, row: [f32; 2]| vec![row; count].concat();
    let prediction = |steps: usize| {
        let data = TensorData::new(rows(steps, [0.001, -4.0]), [1, steps, 2]);
        Tensor::<Flex, 3>::from_data(data, &device)
    };
    let unknown = [0.0, 0.0, -0.5 * (2.0 * PI).ln()];
    let target = |steps: usize| {
        let mut all = vec![[0.011, 1.5, 3.0], [-0.009, -0.5, 3.1]];
        all.resize(steps, unknown);
        let data = TensorData::new(all.concat(), [1, steps, 3]);
        Tensor::<Flex, 3>::from_data(data, &device)
    };
    let numbers = |steps: usize| -> Vec<f32> {
        let loss = surrogate(Policy::Gaussian, Form::Dice { steps }, Reduction::Sum);
        let (p, t) = (prediction(steps), target(steps));
        let value = to_host(loss.value(p.clone(), t.clone()));
        let gradient = to_host(loss.gradient(p.clone(), t.clone()));
        let tangent = to_host(loss.gradient_tangent(p, t, prediction(steps)));
        [&value, &gradient[..2 * taken], &tangent[..2 * taken]].concat()
    };
    for (filled, bare) in numbers(steps).into_iter().zip(numbers(taken)) {
        assert!(
            (filled - bare).abs() <= 1e-5 * bare.abs(),
            "{filled} {bare}"
        );
    }
}

#[test]
fn the_divergence_and_its_derivatives_are_those_of_its_equation() {
    for policy in POLICIES {
        let kind = LossKind::Divergence(policy);
        for (away, reduction) in [
            (0.0, Reduction::Sum),
            (0.7, Reduction::Sum),
            (0.7, Reduction::Mean),
        ] {
            let loss = Loss { kind, reduction };
            let steps = acted(policy, away);
            let target = divergence_target(&steps);
            let name = format!("{policy:?}, {away} away, {reduction:?}");
            let given = to_host(loss.value(prediction(&steps), target.clone()));
            let divisor = match reduction {
                Reduction::Sum => 1.0,
                Reduction::Mean => EXAMPLES as f64,
            };
            for (given, of_task) in given.into_iter().zip(steps.chunks(EXAMPLES)) {
                let each = of_task.iter();
                let sum: f64 = each
                    .map(|step| f64::from(step.advantage) * divergence(policy, step))
                    .sum();
                let expected = sum / divisor;
                assert!(
                    (f64::from(given) - expected).abs() < 1e-5 * expected.abs().max(1.0),
                    "{name}: {given} {expected}"
                );
            }
            derivatives(loss, prediction(&steps), &target, &name);
        }
    }
}

/// `KL(π' ‖ π)`, a Gaussian's by Simpson's rule over ± 9 standard deviations.
fn divergence(policy: Policy, step: &Acted) -> f64 {
    let of = |outputs: &[f32], action: &[f32]| log_likelihood(policy, outputs, action);
    match policy {
        Policy::Categorical => (0..OUTPUTS)
            .map(|choice| {
                let mut action = [0.0; OUTPUTS];
                action[choice] = 1.0;
                let before = of(&step.before, &action);
                before.exp() * (before - of(&step.outputs, &action))
            })
            .sum(),
        Policy::Gaussian => {
            let actions = OUTPUTS / 2;
            let of_number = |number: usize| -> f64 {
                let own = |outputs: &[f32]| {
                    let [mean, log_sigma] = [0, actions].map(|at| f64::from(outputs[at + number]));
                    (mean, log_sigma)
                };
                let density = |(mean, log_sigma): (f64, f64), action: f64| {
                    let z = (action - mean) / log_sigma.exp();
                    -0.5 * z * z - log_sigma - 0.5 * (2.0 * std::f64::consts::PI).ln()
                };
                let (before, after) = (own(&step.before), own(&step.outputs));
                let parts = 2000;
                let width = 18.0 * before.1.exp() / f64::from(parts);
                let at = |part: i32| {
                    let action = before.0 + width * f64::from(part - parts / 2);
                    let log_density = density(before, action);
                    log_density.exp() * (log_density - density(after, action))
                };
                let weighted = (1..parts).map(|part| at(part) * f64::from(2 + 2 * (part % 2)));
                (at(0) + weighted.sum::<f64>() + at(parts)) * width / 3.0
            };
            (0..actions).map(of_number).sum()
        }
    }
}

/// At the same policy value and gradient are 0, and the tangent is the product with the
/// Fisher information: `[e^{−2s} ṁ, 2 ṡ]` of a Gaussian policy, `p ⊙ (ẏ − Σ p ẏ)` of a
/// categorical one.
#[test]
fn at_the_same_policy_the_divergence_is_its_fisher_information() {
    for policy in POLICIES {
        let loss = Loss {
            kind: LossKind::Divergence(policy),
            reduction: Reduction::Sum,
        };
        let steps = acted(policy, 0.0);
        let (p, target) = (prediction(&steps), divergence_target(&steps));
        let value = to_host(loss.value(p.clone(), target.clone()));
        assert!(value.iter().all(|value| value.abs() < 1e-5), "{value:?}");
        let gradient = to_host(loss.gradient(p.clone(), target.clone()));
        assert!(gradient.iter().all(|own| own.abs() < 1e-6), "{gradient:?}");
        let along: Vec<Vec<f32>> = (steps.iter())
            .map(|step| step.before.iter().map(|own| 1.0 - own).collect())
            .collect();
        let expected = tensor(steps.iter().zip(&along).map(|(step, along)| {
            let fisher: Vec<f32> = match policy {
                Policy::Gaussian => {
                    let precision = |at: usize| (-2.0 * step.before[2 + at]).exp();
                    let means = [0, 1].map(|at| precision(at) * along[at]);
                    [means, [2.0 * along[2], 2.0 * along[3]]].concat()
                }
                Policy::Categorical => {
                    let shares: Vec<f32> = step.before.iter().map(|logit| logit.exp()).collect();
                    let total: f32 = shares.iter().sum();
                    let products = shares.iter().zip(along).map(|(share, along)| share * along);
                    let mean = products.sum::<f32>() / total;
                    let pairs = shares.iter().zip(along);
                    pairs
                        .map(|(share, along)| share / total * (along - mean))
                        .collect()
                }
            };
            fisher.iter().map(|own| own * step.advantage).collect()
        }));
        let along = tensor(along.into_iter());
        let given = loss.gradient_tangent(p, target, along);
        same(given, expected.inner(), &format!("{policy:?}"));
    }
}
