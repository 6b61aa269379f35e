//! Steps of a trainer within the trust region, seen from outside: its rollouts are a
//! function of their address, so that the objective of an iteration can be made once more.

use std::sync::Arc;

use mamlet_trainer::config::{Config, PolicyOuter};
use mamlet_trainer::environments::Environments;
use mamlet_trainer::loss::Form;
use mamlet_trainer::meta::{Rate, split_host, to_device};
use mamlet_trainer::outer::Training;
use mamlet_trainer::policies::{Adapting, Objective, Point, PolicyTrainer, Recipe, act};
use mamlet_trainer::random::Stream;
use mamlet_trainer::rollouts::{Actors, Address};
use mamlet_trainer::run::Checkpoint;

use crate::recorded::distance;
use crate::{B, config, drift};

const LEARNED: &str = "inner.rate={kind=\"learned\",initial=0.2,meta_rate=0.01}";

fn trainer(config: &Config, environments: &Arc<dyn Environments>) -> PolicyTrainer<B> {
    PolicyTrainer::new(config, environments.clone(), &Default::default()).unwrap()
}

/// Calls with the parameters and rates of a checkpoint.
fn at<R>(config: &Config, state: &Checkpoint, call: impl FnOnce(&Point<'_, B>) -> R) -> R {
    let network = config.network().unwrap();
    let host = split_host(&network, &state.params);
    let params = to_device::<B>(&network, &host, &Default::default());
    let tensors = network.adapting().len();
    let rates: Vec<Vec<Rate<B>>> = match config.inner.rate.fixed(config.inner.steps, tensors) {
        Some(table) => table.on(&Default::default()),
        None => (state.log_rates.chunks(tensors))
            .map(|row| row.iter().map(|rate| Rate::Fixed(rate.exp())).collect())
            .collect(),
    };
    call(&Point {
        params: &params,
        rates: &rates,
    })
}

/// The objective of the iteration that starts from `state`.
fn objective(config: &Config, environments: &dyn Environments, state: &Checkpoint) -> Objective<B> {
    let network = config.network().unwrap();
    let policy = config.policy.clone().unwrap();
    let actors = Actors {
        network: &network,
        environments,
    };
    let address = Address {
        seed: config.seed,
        stream: Stream::Train,
        batch: state.iteration,
    };
    let tasks = actors.draw_tasks(address, config.meta.tasks);
    let seen = at(config, state, |at| {
        let adapting = Adapting {
            actors,
            optimiser: config.inner_optimiser(),
            rates: at.rates,
            steps: config.inner.steps,
            rollouts: [config.meta.shots.choices()[0], config.meta.queries],
            weighing: policy.weighing(),
        };
        act(&adapting, at.params, &tasks, address).unwrap()
    });
    let recipe = Recipe {
        estimator: policy.estimator,
        outer: Form::Ratio,
        optimiser: config.inner_optimiser(),
        order: config.inner.order_at(state.iteration),
        sampling_term: policy.sampling_term,
    };
    Objective::new(
        &network,
        actors.policy(),
        environments.horizon(),
        &seen,
        recipe,
    )
}

fn numbers(state: &Checkpoint) -> Vec<f64> {
    let all = state.params.iter().chain(&state.log_rates);
    all.copied().map(f64::from).collect()
}

const VARIANTS: [&[&str]; 4] = [
    &[],
    &[LEARNED, "inner.steps=2"],
    &[
        LEARNED,
        "policy.estimator=log_likelihood",
        "inner.order=first",
    ],
    &["policy.estimator=dice", "policy.sampling_term=true"],
];

#[test]
fn a_step_stays_in_the_trust_region_and_lowers_the_surrogate() {
    for sets in VARIANTS {
        for products in ["tangents", "differences"] {
            let outer = format!("policy.outer={{kind=\"trpo\",products=\"{products}\"}}");
            let config = config(&[sets, &[&outer]].concat());
            let Some(PolicyOuter::Trpo(trpo)) = config.policy.as_ref().map(|own| &own.outer) else {
                unreachable!("as set");
            };
            let environments = drift(6);
            let mut trainer = trainer(&config, &environments);
            for _ in 0..3 {
                let before = trainer.checkpoint();
                trainer.step().unwrap();
                let after = trainer.checkpoint();
                let objective = objective(&config, &*environments, &before);
                let [start, rest] = at(&config, &before, |at| objective.values(at));
                let [end, divergence] = at(&config, &after, |at| objective.values(at));
                let name = format!("{sets:?}, {products}");
                assert!(rest.abs() < 1e-6, "{name}: {rest}");
                assert!(end < start, "{name}: {start} {end}");
                let bound = trpo.divergence;
                assert!(divergence <= bound * 1.001, "{name}: {divergence}");
                // A step that fills a part of the region that is worth it.
                assert!(divergence > 0.05 * bound, "{name}: {divergence}");
            }
        }
    }
}

#[test]
fn products_by_tangents_and_by_differences_lead_to_nearly_the_same_step() {
    for sets in [&[][..], &[LEARNED, "inner.steps=2"]] {
        let step = |products: &str| {
            // Damped, so that ten iterations come to an end: one that is on its way turns what
            // single precision rounds off into other directions.
            let outer =
                format!("policy.outer={{kind=\"trpo\",products=\"{products}\",damping=0.1}}");
            let config = config(&[sets, &[&outer]].concat());
            let mut trainer = trainer(&config, &drift(6));
            let before = numbers(&trainer.checkpoint());
            trainer.step().unwrap();
            let after = numbers(&trainer.checkpoint());
            let pairs = after.iter().zip(&before);
            pairs
                .map(|(after, before)| after - before)
                .collect::<Vec<f64>>()
        };
        let difference = distance(&step("differences"), &step("tangents"));
        assert!(difference < 0.02, "{sets:?}: {difference}");
    }
}
