//! The meta-gradient against central finite differences of a scalar `f64`
//! implementation that shares no code with the library.

mod acting;
mod cases;
mod losses;
#[path = "../oracle/unrolled.rs"]
mod oracle;
mod random;
mod reference;
mod reptile;
mod setup;

use mamlet_trainer::meta::{Order, to_host};

use cases::{Case, cases, prototypes};
use setup::{Setup, compute, setup};

/// The relative error allowed to f32.
const LIMIT: f64 = 1e-3;

fn distance(a: &[f32], b: &[f64]) -> f64 {
    let difference: f64 = a
        .iter()
        .zip(b)
        .map(|(&a, b)| (f64::from(a) - b).powi(2))
        .sum();
    let length: f64 = b.iter().map(|b| b * b).sum();
    difference.sqrt() / length.sqrt().max(1e-6)
}

/// All ways to the meta-gradient against finite differences.
fn check(case: &Case, setup: &Setup, order: Order) {
    let expected = setup
        .problem
        .differences(&setup.params, &setup.rates, order);
    let exact = setup.problem.final_loss(&setup.params, &setup.rates);
    for how in ["keep", "rebuild", "unrolled", "parts"] {
        let result = compute(case, setup, order, how);
        let loss = f64::from(to_host(result.loss)[0]);
        let name = case.name;
        assert!(
            (loss - exact).abs() <= 1e-5 * exact.abs(),
            "{name}: {loss} {exact}"
        );
        let infos = setup.network.tensors();
        for ((got, want), info) in result.params.into_iter().zip(&expected.params).zip(infos) {
            let error = distance(&to_host(got), want);
            let tensor = &info.name;
            assert!(
                error <= LIMIT,
                "{name}, {order:?} order, {how}, {tensor}: off by {error:.2e}"
            );
        }
        if case.weights.len() > 1 {
            let rates: Vec<f32> = result.rates.into_iter().flat_map(to_host).collect();
            assert_eq!(rates.len(), setup.rates.concat().len());
            let error = distance(&rates, &expected.rates);
            assert!(
                error <= LIMIT,
                "{name}, {order:?} order, {how}, rates: off by {error:.2e}"
            );
        }
    }
}

#[test]
fn second_order_gradient_equals_finite_differences() {
    for case in [cases(), prototypes()].concat() {
        check(&case, &setup(&case, 11), Order::Second);
    }
}

#[test]
fn first_order_gradient_equals_differences_with_inner_gradients_held() {
    for case in [cases(), prototypes()].concat() {
        check(&case, &setup(&case, 12), Order::First);
    }
}

#[test]
fn clipping_bounds_some_gradients_and_spares_others() {
    for case in cases() {
        let Some(bound) = case.optimiser.clip_norm else {
            continue;
        };
        let Setup {
            problem,
            params,
            rates,
            ..
        } = setup(&case, 11);
        let norms: Vec<f64> = (problem.tasks.iter())
            .flat_map(|task| problem.inner_gradients(&params, &rates, task))
            .map(|gradient| problem.norm(&gradient))
            .collect();
        let above = norms.iter().filter(|&&n| n > f64::from(bound)).count();
        assert!(above > 0 && above < norms.len(), "{}: {norms:?}", case.name);
    }
}

#[test]
fn rebuilt_graphs_give_the_same_gradient() {
    // More steps than states that are kept.
    let each = [0.05, 0., 0., 0.1, 0., 0., 0., 0.2, 0., 0., 0., 0.3, 1.];
    let all = [cases(), prototypes()].concat().into_iter();
    for case in all.filter(|case| case.weights.len() > 1) {
        let case = Case {
            weights: each.into(),
            rate: 0.2 * case.rate,
            ..case
        };
        let setup = setup(&case, 15);
        for order in [Order::First, Order::Second] {
            let numbers = |how| {
                let result = compute(&case, &setup, order, how);
                let params = result.params.into_iter().flat_map(to_host);
                let rates = result.rates.into_iter().flat_map(to_host);
                let loss = to_host(result.loss);
                params.chain(rates).chain(loss).collect::<Vec<f32>>()
            };
            // Some functions round differently with a graph than without.
            let keep: Vec<f64> = numbers("keep").into_iter().map(f64::from).collect();
            let error = distance(&numbers("rebuild"), &keep);
            let name = case.name;
            assert!(error <= 1e-6, "{name}, {order:?} order: off by {error:.2e}");
        }
    }
}

#[test]
fn second_order_differs_from_first_order() {
    for case in cases().into_iter().filter(|case| case.weights.len() > 1) {
        let setup = setup(&case, 13);
        let second = compute(&case, &setup, Order::Second, "keep").params;
        let first = compute(&case, &setup, Order::First, "keep").params;
        let second: Vec<f64> = second
            .into_iter()
            .flat_map(to_host)
            .map(f64::from)
            .collect();
        let first: Vec<f32> = first.into_iter().flat_map(to_host).collect();
        let difference = distance(&first, &second);
        assert!(
            difference > 0.02,
            "{}: they differ by {difference:.2e} only",
            case.name
        );
    }
}

#[test]
fn rates_beyond_the_table_repeat_its_last_row() {
    let case = Case {
        weights: vec![0., 0., 0., 1.],
        ..cases().swap_remove(3)
    };
    let mut setup = setup(&case, 14);
    setup.rates.truncate(2);
    let two = compute(&case, &setup, Order::Second, "keep");
    let row = setup.rates[1].clone();
    setup.rates.push(row);
    let three = compute(&case, &setup, Order::Second, "keep");
    for (two, three) in two.params.into_iter().zip(three.params) {
        assert_eq!(to_host(two), to_host(three));
    }
    // The repeated row collects the gradients of both steps that use it.
    let two: Vec<f32> = two.rates.into_iter().flat_map(to_host).collect();
    let three: Vec<f32> = three.rates.into_iter().flat_map(to_host).collect();
    let columns = setup.rates[0].len();
    for column in 0..columns {
        let sum = three[columns + column] + three[2 * columns + column];
        assert!((two[columns + column] - sum).abs() <= 1e-5 * sum.abs().max(1e-3));
    }
}
