//! Gradients and products of the outer objective against differences of its values.

use mamlet_trainer::loss::{Estimator, Form, Loss, LossKind, Reduction, Surrogate};
use mamlet_trainer::meta::{InnerLoop, InnerOptimiser, Order, join, to_host};
use mamlet_trainer::nn::{Adapt, Dense, HeadStart, LayerSpec, Network, NetworkSpec, Shape};
use mamlet_trainer::policies::Recipe;
use mamlet_trainer::samplers::Replayed;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::mdp::Mdp;
use crate::recorded::{Recorded, TASKS, differences, distance, numbers, recipe};
use crate::{config, drift};

/// Where surrogates are smooth.
const STEP: f64 = 1e-2;
const LIMIT: f64 = 5e-4;

/// A bound of a clipped surrogate may lie between the points of a difference: short steps,
/// in which single precision rounds more.
const SHORT: f64 = 1e-3;
const SHORT_LIMIT: f64 = 2e-2;

const RANGE: f32 = 0.1;

/// A Gaussian policy whose rollouts end early, and a categorical one.
fn recorded(steps: usize) -> [Recorded; 2] {
    let gaussian = config(&[]).network().unwrap();
    let spec = NetworkSpec {
        input: Shape::Vector(2),
        layers: vec![
            Dense { out: 3 }.into(),
            LayerSpec::Tanh,
            Dense { out: 2 }.into(),
        ],
    };
    let categorical = Network::new(&spec, &Adapt::default()).unwrap();
    let recorded = [
        Recorded::new(&*drift(5), &gaussian, steps),
        Recorded::new(&Mdp, &categorical, steps),
    ];
    let taken = recorded[0].seen.iter().flatten().map(|seen| seen.taken);
    let all = recorded[0].seen.iter().flatten().count() * 4 * drift(5).horizon();
    assert!(taken.sum::<usize>() < all, "rollouts end early");
    recorded
}

#[test]
fn the_outer_gradient_equals_differences_of_its_value() {
    for steps in [1, 2] {
        for recorded in recorded(steps) {
            for estimator in [Estimator::Ratio, Estimator::Dice, Estimator::LogLikelihood] {
                for outer in [Form::Ratio, Form::Clipped { range: RANGE }] {
                    for sampling_term in [false, true] {
                        let recipe = Recipe {
                            sampling_term,
                            ..recipe(estimator, outer)
                        };
                        check(&recorded, recipe, steps);
                    }
                }
            }
        }
    }
}

fn check(recorded: &Recorded, recipe: Recipe, steps: usize) {
    let objective = recorded.objective(recipe);
    let [start, away] = recorded.places();
    for (place, at) in [("start", start), ("away", away)] {
        let (step, limit) = match recipe.outer {
            Form::Clipped { .. } => (SHORT, SHORT_LIMIT),
            _ => (STEP, LIMIT),
        };
        let expected = differences(&at, step, |at| {
            recorded.at(at, |at| objective.values(at)[0])
        });
        let gradient = recorded.at(&at, |at| objective.gradient(at));
        let value = recorded.at(&at, |at| objective.values(at)[0]);
        let loss = f64::from(to_host(gradient.loss.clone())[0]);
        let Recipe {
            estimator,
            outer,
            sampling_term,
            ..
        } = recipe;
        let name = format!(
            "{:?}, {estimator:?}, {outer:?}, sampling term {sampling_term}, {steps} steps, {place}",
            recorded.policy
        );
        assert!((loss - value).abs() < 1e-5, "{name}: {loss} {value}");
        let error = distance(&numbers(gradient), &expected);
        assert!(error < limit, "{name}: off by {error:.1e}");
    }
}

/// What the test above would not see if nothing were ever clipped, or the surrogates of
/// the inner steps were all the same.
#[test]
fn recipes_differ_in_their_gradients() {
    for recorded in recorded(1) {
        let gradient = |recipe: Recipe, place: usize| {
            let objective = recorded.objective(recipe);
            recorded.at(&recorded.places()[place], |at| {
                numbers(objective.gradient(at))
            })
        };
        let plain = recipe(Estimator::Ratio, Form::Ratio);
        let clipped = recipe(Estimator::Ratio, Form::Clipped { range: RANGE });
        assert!(distance(&gradient(clipped, 0), &gradient(plain, 0)) < 1e-5);
        let difference = distance(&gradient(clipped, 1), &gradient(plain, 1));
        assert!(difference > 0.05, "{:?}: {difference}", recorded.policy);
        for estimator in [Estimator::Dice, Estimator::LogLikelihood] {
            let other = recipe(estimator, Form::Ratio);
            let difference = distance(&gradient(other, 0), &gradient(plain, 0));
            assert!(
                difference > 1e-3,
                "{:?}, {estimator:?}: {difference}",
                recorded.policy
            );
        }
        let paid = Recipe {
            sampling_term: true,
            ..plain
        };
        assert!(distance(&gradient(paid, 0), &gradient(plain, 0)) > 0.05);
    }
}

/// First order: the gradient at the adapted parameters, where it is that of the objective
/// without inner steps.
#[test]
fn the_first_order_gradient_is_that_at_the_adapted_parameters() {
    for recorded in recorded(2) {
        for outer in [Form::Ratio, Form::Clipped { range: RANGE }] {
            let first = Recipe {
                order: Order::First,
                ..recipe(Estimator::Ratio, outer)
            };
            let given = recorded.at(&recorded.start, |at| {
                to_host(join(recorded.objective(first).gradient(at).params))
            });
            let given: Vec<f64> = given.into_iter().map(f64::from).collect();
            let mut expected = vec![0.0; given.len()];
            for seen in &recorded.seen {
                let (last, support) = seen.split_last().unwrap();
                let support: Vec<_> = support.iter().map(|seen| seen.for_surrogate()).collect();
                let replayed = Replayed {
                    support: &support,
                    query: last.for_surrogate(),
                };
                let inner = InnerLoop {
                    network: &recorded.network,
                    loss: Loss {
                        kind: LossKind::Surrogate(Surrogate {
                            policy: recorded.policy,
                            form: Form::Ratio,
                        }),
                        reduction: Reduction::Mean,
                    },
                    optimiser: InnerOptimiser::default(),
                    order: Order::First,
                    head: HeadStart::Own,
                };
                let adapted = recorded.at(&recorded.start, |at| {
                    let theta = at.params.to_vec();
                    inner.adapt(theta, at.rates, &replayed, support.len(), |_, _| {})
                });
                let adapted: Vec<f64> = to_host(join(adapted)).into_iter().map(f64::from).collect();
                let alone = Recorded {
                    network: recorded.network.clone(),
                    policy: recorded.policy,
                    horizon: recorded.horizon,
                    seen: vec![vec![last.clone()]],
                    start: adapted.clone(),
                };
                let objective = alone.objective(first);
                let of_task = differences(&adapted, STEP, |params| {
                    // A row of rates that nothing uses.
                    let rates = &recorded.start[adapted.len()..];
                    alone.at(&[params, rates].concat(), |at| objective.values(at)[0])
                });
                for (sum, own) in expected.iter_mut().zip(of_task) {
                    *sum += own / TASKS as f64;
                }
            }
            let error = distance(&given, &expected);
            assert!(error < LIMIT, "{:?}: off by {error:.1e}", recorded.policy);
        }
    }
}

#[test]
fn gradients_of_divergences_equal_differences_of_their_values() {
    for steps in [1, 2] {
        for recorded in recorded(steps) {
            for estimator in [Estimator::Ratio, Estimator::Dice] {
                let objective = recorded.objective(recipe(estimator, Form::Ratio));
                let [start, away] = recorded.places();
                let at_start = recorded.at(&start, |at| objective.values(at)[1]);
                let at_rest = recorded.at(&start, |at| numbers(objective.divergence_gradient(at)));
                assert!(at_start.abs() < 1e-6, "{at_start}");
                assert!(at_rest.iter().all(|own| own.abs() < 1e-5), "{at_rest:?}");

                let name = format!("{:?}, {estimator:?}, {steps} steps", recorded.policy);
                let given = recorded.at(&away, |at| numbers(objective.divergence_gradient(at)));
                let expected = differences(&away, STEP, |at| {
                    recorded.at(at, |at| objective.values(at)[1])
                });
                let error = distance(&given, &expected);
                assert!(error < LIMIT, "{name}, after: off by {error:.1e}");

                let count = recorded.network.parameter_count();
                let before = |at: &[f64]| recorded.at(at, |at| objective.divergence_before(at));
                let given = numbers(before(&away));
                let (params, rates) = away.split_at(count);
                let expected = differences(params, STEP, |params| {
                    let loss = before(&[params, rates].concat()).loss;
                    f64::from(to_host(loss)[0])
                });
                let error = distance(&given[..count], &expected);
                assert!(error < LIMIT, "{name}, before: off by {error:.1e}");
            }
        }
    }
}

/// Where the actions were drawn, the product with the curvature is how the divergence's
/// gradient moves, by the parameters and by the rates.
#[test]
fn products_with_the_curvature_equal_differences_of_the_gradient() {
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    for steps in [1, 2] {
        for recorded in recorded(steps) {
            for estimator in [Estimator::Ratio, Estimator::Dice, Estimator::LogLikelihood] {
                for order in [Order::Second, Order::First] {
                    let recipe = Recipe {
                        order,
                        ..recipe(estimator, Form::Ratio)
                    };
                    let objective = recorded.objective(recipe);
                    let start = &recorded.start;
                    let along: Vec<f64> =
                        start.iter().map(|_| rng.random_range(-1.0..1.0)).collect();
                    let given = recorded.at(start, |at| {
                        let direction = recorded.direction(&along);
                        let mut sum = vec![0.0; start.len()];
                        for curvature in objective.curvatures(at) {
                            let product = curvature.product(&direction);
                            let params = to_host(join(product.params)).into_iter();
                            let rates = product.rates.into_iter().flatten().flat_map(to_host);
                            for (sum, own) in sum.iter_mut().zip(params.chain(rates)) {
                                *sum += f64::from(own) / TASKS as f64;
                            }
                        }
                        sum
                    });
                    let name = format!(
                        "{:?}, {estimator:?}, {order:?}, {steps} steps",
                        recorded.policy
                    );
                    if order == Order::First {
                        // Jᵀ F J of a J that no gradient has: positive all the same.
                        let square: f64 = given.iter().zip(&along).map(|(a, b)| a * b).sum();
                        assert!(square > 0.0, "{name}: {square}");
                        continue;
                    }
                    let gradient = |by: f64| {
                        let pairs = start.iter().zip(&along);
                        let at: Vec<f64> = pairs.map(|(own, along)| own + by * along).collect();
                        recorded.at(&at, |at| numbers(objective.divergence_gradient(at)))
                    };
                    let [near, far] = [5e-3, 1e-2].map(|by| {
                        let (above, below) = (gradient(by), gradient(-by));
                        let pairs = above.into_iter().zip(below);
                        pairs
                            .map(|(above, below)| above - below)
                            .collect::<Vec<f64>>()
                    });
                    let expected: Vec<f64> = (near.iter().zip(&far))
                        .map(|(near, far)| (8.0 * near - far) / (12.0 * 5e-3))
                        .collect();
                    let error = distance(&given, &expected);
                    assert!(error < LIMIT, "{name}: off by {error:.1e}");
                }
            }
        }
    }
}
