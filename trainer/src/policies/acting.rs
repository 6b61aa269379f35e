//! Acting in all tasks of a batch, with adaptation on the way.

use std::sync::Mutex;

use burn::tensor::{Tensor, backend::Backend};
use rayon::prelude::*;

use crate::environments::EnvironmentFault;
use crate::loss::{Form, Loss, LossKind, Reduction, Surrogate};
use crate::meta::{InnerLoop, InnerOptimiser, Order, Rate};
use crate::nn::HeadStart;
use crate::rollouts::{Actors, Address, Experience, Seen, Weighing};
use crate::samplers::{Acting, Outcome, Sampler};

/// How a policy acts and adapts.
#[derive(Clone, Copy)]
pub struct Adapting<'a, B: Backend> {
    /// What acts.
    pub actors: Actors<'a>,
    /// What an inner step does to a gradient.
    pub optimiser: InnerOptimiser,
    /// The inner rates, a row for each step.
    pub rates: &'a [Vec<Rate<B>>],
    /// Inner steps.
    pub steps: usize,
    /// Rollouts before each inner step, and after the last.
    pub rollouts: [usize; 2],
    /// How rewards become advantages.
    pub weighing: Weighing,
}

/// Acts in `tasks` with `params [1, ...]` after 0, 1, ... inner steps, each step on the
/// rollouts before it. Gives what was seen of every task, step after step. On the host every
/// core works on a task of its own.
///
/// # Errors
/// [`EnvironmentFault`] of the first task with one.
pub fn act<B: Backend>(
    adapting: &Adapting<'_, B>,
    params: &[Tensor<B, 3>],
    tasks: &[Vec<f32>],
    address: Address,
) -> Result<Vec<Vec<Seen<B>>>, EnvironmentFault> {
    act_and_show(adapting, params, tasks, address, &|_, _, _| {})
}

/// [`act`], which shows `show` the number of a task, the inner steps taken and what came of
/// acting then, from any thread.
///
/// # Errors
/// As there.
pub fn act_and_show<B: Backend>(
    adapting: &Adapting<'_, B>,
    params: &[Tensor<B, 3>],
    tasks: &[Vec<f32>],
    address: Address,
    show: &(dyn Fn(usize, usize, &Experience) + Sync),
) -> Result<Vec<Vec<Seen<B>>>, EnvironmentFault> {
    let Adapting { actors, steps, .. } = *adapting;
    let inner = InnerLoop {
        network: actors.network,
        // Where they are taken, the gradients of all surrogates are the same.
        loss: Loss {
            kind: LossKind::Surrogate(Surrogate {
                policy: actors.policy(),
                form: Form::LogLikelihood,
            }),
            reduction: Reduction::Mean,
        },
        optimiser: adapting.optimiser,
        order: Order::First,
        head: HeadStart::Own,
    };
    let of_task = |(index, task): (usize, &Vec<f32>)| {
        let sampler = Acting {
            show: &|step, experience| show(index, step, experience),
            actors,
            task: (index, task),
            address,
            rollouts: adapting.rollouts,
            weighing: adapting.weighing,
            outcome: Mutex::new(Outcome::default()),
        };
        let theta = inner.adapt(params.to_vec(), adapting.rates, &sampler, steps, |_, _| {});
        sampler.query(steps, &theta);
        sampler.finish()
    };
    // In their order, so that the first fault is the same whatever the threads do.
    let all: Vec<_> = tasks.par_iter().enumerate().map(of_task).collect();
    all.into_iter().collect()
}
