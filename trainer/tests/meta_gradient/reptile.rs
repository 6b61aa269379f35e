//! Reptile against its loop written out in `f64`.

use burn::backend::Flex;
use mamlet_trainer::algorithms::{Reptile, ReptileStep, inner_batches};
use mamlet_trainer::meta::{InnerLoop, InnerOptimiser, Order, in_parts, to_device, to_host};
use mamlet_trainer::nn::HeadStart;
use mamlet_trainer::random::{Stream, generator};

use crate::cases::{Case, cases};
use crate::distance;
use crate::reference::Params;
use crate::setup::{Setup, setup};

const RATE: f64 = 0.05;

/// `θ₀ − mean θ_n` and the mean loss of all examples there.
fn reference(
    case: &Case,
    setup: &Setup,
    momentum: f64,
    step: ReptileStep,
    batches: &[Vec<usize>],
) -> (Params, f64) {
    let problem = &setup.problem;
    let mut sum: Params = setup.params.iter().map(|p| vec![0.0; p.len()]).collect();
    let mut loss = 0.0;
    for task in &problem.tasks {
        let x = [&task.support_x[..], &task.query_x].concat();
        let y = [&task.support_y[..], &task.query_y].concat();
        let width = case.loss.kind.targets(setup.network.output()).unwrap();
        let mut theta = setup.params.clone();
        let mut memory: Params = theta.iter().map(|p| vec![0.0; p.len()]).collect();
        for (t, batch) in batches.iter().enumerate() {
            let rows = |all: &[f64], width: usize| -> Vec<f64> {
                let row = |&i: &usize| all[i * width..(i + 1) * width].to_vec();
                batch.iter().flat_map(row).collect()
            };
            let (x, y) = (rows(&x, problem.input), rows(&y, width));
            let (_, gradient) = problem.loss_and_gradient(&theta, &x, &y);
            for tensor in 0..theta.len() {
                for (i, g) in gradient[tensor].iter().enumerate() {
                    let memory = &mut memory[tensor][i];
                    theta[tensor][i] -= RATE
                        * match step {
                            ReptileStep::Sgd => {
                                *memory = momentum * *memory + g;
                                *memory
                            }
                            ReptileStep::Adam => {
                                *memory = 0.999 * *memory + 0.001 * g * g;
                                let moment = *memory / (1.0 - 0.999f64.powi(t as i32 + 1));
                                g / (moment.sqrt() + 1e-8)
                            }
                        };
                }
            }
        }
        loss += problem.loss_and_gradient(&theta, &x, &y).0 / problem.tasks.len() as f64;
        for (sum, (start, end)) in sum.iter_mut().zip(setup.params.iter().zip(&theta)) {
            for (sum, (start, end)) in sum.iter_mut().zip(start.iter().zip(end)) {
                *sum += (start - end) / problem.tasks.len() as f64;
            }
        }
    }
    (sum, loss)
}

#[test]
fn the_meta_gradient_is_the_way_the_inner_loop_went() {
    let tanh = cases().swap_remove(3);
    // Four support and five query examples; every tensor trains, whichever
    // adapt.
    let head = cases().swap_remove(4);
    let batches = vec![vec![0, 3, 8], vec![7, 2], vec![4, 5, 6, 1], vec![8, 0, 2]];
    for case in [tanh, head] {
        let setup = setup(&case, 21);
        for (momentum, step) in [
            (0.0, ReptileStep::Sgd),
            (0.5, ReptileStep::Sgd),
            (0.0, ReptileStep::Adam),
        ] {
            let (expected, loss) = reference(&case, &setup, momentum, step, &batches);
            let optimiser = InnerOptimiser {
                momentum: (momentum > 0.0).then_some(momentum as f32),
                clip_norm: None,
            };
            let reptile = Reptile {
                steps: batches.len(),
                rate: RATE,
                batch: None,
                optimiser: step,
            };
            let inner = InnerLoop {
                network: &setup.network.all_adapting(),
                loss: case.loss,
                optimiser,
                order: Order::First,
                head: HeadStart::Own,
            };
            let host: Vec<Vec<f32>> = setup
                .params
                .iter()
                .map(|p| p.iter().map(|&x| x as f32).collect())
                .collect();
            let params = to_device::<Flex>(&setup.network, &host, &Default::default());
            for at_once in [2, 3] {
                let result = in_parts(&setup.batch, at_once, |part| {
                    reptile.gradient_of(&inner, &params, &batches, part)
                });
                let given = f64::from(to_host(result.loss)[0]);
                assert!(
                    (given - loss).abs() < 1e-5 * loss,
                    "{step:?}: {given} {loss}"
                );
                for (got, want) in result.params.into_iter().zip(&expected) {
                    let error = distance(&to_host(got), want);
                    assert!(error < 1e-4, "{step:?}, {momentum}: off by {error:.2e}");
                }
            }
        }
    }
}

#[test]
fn inner_batches_take_every_example_before_any_comes_again() {
    let draw = |index| {
        let mut rng = generator(5, Stream::InnerBatches, index);
        inner_batches(&mut rng, 7, 3, 5)
    };
    let batches = draw(0);
    assert_eq!(batches, draw(0));
    assert_ne!(batches, draw(1));
    assert_eq!(batches.len(), 5);
    for pair in batches.chunks_exact(2) {
        let mut seen = pair.concat();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 6, "{batches:?}");
        assert!(seen.iter().all(|&example| example < 7));
    }
    let mut rng = generator(5, Stream::InnerBatches, 0);
    let mut whole = inner_batches(&mut rng, 4, 9, 1).remove(0);
    whole.sort();
    assert_eq!(whole, [0, 1, 2, 3]);
}
