//! The meta-gradient against central finite differences of a scalar `f64`
//! implementation that shares no code with the library.

mod reference;

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Tensor, TensorData};
use mamlet_trainer::loss::{Loss, LossKind, Reduction};
use mamlet_trainer::meta::{Graph, Maml, MetaGradient, Order, Rate, to_device, to_host};
use mamlet_trainer::nn::{Adapt, AdaptGroup, LayerSpec, Network, NetworkSpec, Shape};
use mamlet_trainer::tasks::DeviceBatch;
use reference::{Problem, Task};

type B = Autodiff<Flex>;

/// A generator that is not the library's.
struct Lcg(u64);

impl Lcg {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0
    }

    fn vector(&mut self, length: usize, scale: f64) -> Vec<f64> {
        // Rounded to f32, so that both implementations start from equal numbers.
        (0..length)
            .map(|_| f64::from((self.next() * scale) as f32))
            .collect()
    }
}

struct Case {
    name: &'static str,
    layers: Vec<LayerSpec>,
    adapt: Adapt,
    loss: Loss,
    weights: Vec<f32>,
    rate: f32,
}

fn mlp(activation: LayerSpec) -> Vec<LayerSpec> {
    vec![
        LayerSpec::Dense { out: 7 },
        activation.clone(),
        LayerSpec::Dense { out: 6 },
        activation,
        LayerSpec::Dense { out: 3 },
    ]
}

fn cases() -> Vec<Case> {
    let all = Adapt::default();
    let group = Adapt::Group;
    let cross_entropy = Loss {
        kind: LossKind::CrossEntropy,
        reduction: Reduction::Mean,
    };
    let sum = Loss {
        kind: LossKind::Mse,
        reduction: Reduction::Sum,
    };
    let case = |name, layers, adapt: &Adapt, loss, weights: &[f32], rate| Case {
        name,
        layers,
        adapt: adapt.clone(),
        loss,
        weights: weights.to_vec(),
        rate,
    };
    let context = {
        let mut layers = mlp(LayerSpec::Tanh);
        layers.insert(0, LayerSpec::Context { size: 4 });
        layers
    };
    let leaky = LayerSpec::LeakyRelu { slope: 0.1 };
    let names = Adapt::Names(vec!["layers.2.weight".into(), "layers.4.bias".into()]);
    vec![
        case(
            "relu, 1 step",
            mlp(LayerSpec::Relu),
            &all,
            Loss::MSE,
            &[0., 1.],
            0.2,
        ),
        case(
            "relu, 3 steps",
            mlp(LayerSpec::Relu),
            &all,
            Loss::MSE,
            &[0., 0., 0., 1.],
            0.2,
        ),
        case(
            "leaky relu, 3 steps",
            mlp(leaky),
            &all,
            sum,
            &[0., 0., 0., 1.],
            0.02,
        ),
        case(
            "tanh, 3 steps, loss after each",
            mlp(LayerSpec::Tanh),
            &all,
            Loss::MSE,
            &[0.1, 0.2, 0.3, 0.4],
            0.3,
        ),
        case(
            "sigmoid, 1 step, cross-entropy",
            mlp(LayerSpec::Sigmoid),
            &all,
            cross_entropy,
            &[0., 1.],
            0.9,
        ),
        case(
            "tanh, 3 steps, cross-entropy",
            mlp(LayerSpec::Tanh),
            &all,
            cross_entropy,
            &[0., 0., 0., 1.],
            0.5,
        ),
        case(
            "head, 3 steps",
            mlp(LayerSpec::Tanh),
            &group(AdaptGroup::Head),
            Loss::MSE,
            &[0., 0., 0., 1.],
            0.2,
        ),
        case(
            "body, 3 steps",
            mlp(LayerSpec::Tanh),
            &group(AdaptGroup::Body),
            Loss::MSE,
            &[0., 0., 1., 1.],
            0.2,
        ),
        case(
            "named tensors, 3 steps",
            mlp(LayerSpec::Tanh),
            &names,
            Loss::MSE,
            &[0., 0., 0., 1.],
            0.2,
        ),
        case(
            "context, 3 steps",
            context.clone(),
            &group(AdaptGroup::Context),
            Loss::MSE,
            &[0., 0., 0., 1.],
            0.8,
        ),
        case(
            "context and all, 1 step",
            context,
            &all,
            Loss::MSE,
            &[0., 1.],
            0.2,
        ),
        case("no step", mlp(LayerSpec::Tanh), &all, Loss::MSE, &[1.], 0.2),
    ]
}

struct Setup {
    network: Network,
    problem: Problem,
    params: Vec<Vec<f64>>,
    rates: Vec<Vec<f64>>,
    batch: DeviceBatch<Flex>,
}

fn setup(case: &Case, seed: u64) -> Setup {
    let (tasks, input, shots, queries) = (3, 2, 4, 5);
    let spec = NetworkSpec {
        input: Shape::Vector(input),
        layers: case.layers.clone(),
    };
    let network = Network::new(&spec, &case.adapt).unwrap();
    let mut random = Lcg(seed);
    let params: Vec<Vec<f64>> = network
        .tensors()
        .iter()
        .map(|info| random.vector(info.len(), 0.9))
        .collect();
    let steps = case.weights.len() - 1;
    let rates: Vec<Vec<f64>> = (0..steps.max(1))
        .map(|_| {
            (0..network.adapting().len())
                .map(|_| f64::from(case.rate * (1.0 + 0.3 * random.next() as f32)))
                .collect()
        })
        .collect();
    let targets = |count: usize, random: &mut Lcg| -> Vec<f64> {
        (0..count)
            .flat_map(|_| match case.loss.kind {
                LossKind::Mse => random.vector(3, 1.5),
                LossKind::CrossEntropy => {
                    let class = ((random.next() + 1.0) * 1.5) as usize % 3;
                    (0..3).map(|c| f64::from(u8::from(c == class))).collect()
                }
            })
            .collect()
    };
    let tasks: Vec<Task> = (0..tasks)
        .map(|_| Task {
            support_x: random.vector(shots * input, 1.5),
            support_y: targets(shots, &mut random),
            query_x: random.vector(queries * input, 1.5),
            query_y: targets(queries, &mut random),
        })
        .collect();
    let tensor = |part: fn(&Task) -> &Vec<f64>, examples: usize, width: usize| {
        let data: Vec<f32> = tasks.iter().flat_map(part).map(|&x| x as f32).collect();
        Tensor::from_data(
            TensorData::new(data, [tasks.len(), examples, width]),
            &Default::default(),
        )
    };
    let batch = DeviceBatch {
        support_x: tensor(|t| &t.support_x, shots, input),
        support_y: tensor(|t| &t.support_y, shots, 3),
        query_x: tensor(|t| &t.query_x, queries, input),
        query_y: tensor(|t| &t.query_y, queries, 3),
    };
    let problem = Problem {
        input,
        layers: case.layers.clone(),
        adapts: network.tensors().iter().map(|info| info.adapts).collect(),
        mean: case.loss.reduction == Reduction::Mean,
        classes: case.loss.kind == LossKind::CrossEntropy,
        weights: case.weights.iter().map(|&w| f64::from(w)).collect(),
        tasks,
    };
    Setup {
        network,
        problem,
        params,
        rates,
        batch,
    }
}

fn compute(case: &Case, setup: &Setup, order: Order, how: &str) -> MetaGradient<B> {
    let graph = if how == "rebuild" {
        Graph::Rebuild
    } else {
        Graph::Keep
    };
    let maml = Maml::new(setup.network.clone(), case.loss, order, graph);
    let host: Vec<Vec<f32>> = setup
        .params
        .iter()
        .map(|p| p.iter().map(|&x| x as f32).collect())
        .collect();
    let params = to_device::<Flex>(&setup.network, &host, &Default::default());
    let rates: Vec<Vec<Rate<Flex>>> = setup
        .rates
        .iter()
        .map(|row| {
            row.iter()
                .map(|&rate| {
                    Rate::Learned(Tensor::from_data([[[rate as f32]]], &Default::default()))
                })
                .collect()
        })
        .collect();
    if how == "unrolled" {
        maml.gradient_unrolled(&params, &rates, &case.weights, &setup.batch)
    } else {
        maml.gradient(&params, &rates, &case.weights, &setup.batch)
    }
}

fn distance(a: &[f32], b: &[f64]) -> f64 {
    let difference: f64 = a
        .iter()
        .zip(b)
        .map(|(&a, b)| (f64::from(a) - b).powi(2))
        .sum();
    let length: f64 = b.iter().map(|b| b * b).sum();
    difference.sqrt() / length.sqrt().max(1e-6)
}

#[test]
fn second_order_gradient_equals_finite_differences() {
    for case in cases() {
        let setup = setup(&case, 11);
        let expected = setup.problem.differences(&setup.params, &setup.rates);
        for how in ["keep", "rebuild", "unrolled"] {
            let result = compute(&case, &setup, Order::Second, how);
            let loss = f64::from(to_host(result.loss)[0]);
            let exact = setup.problem.final_loss(&setup.params, &setup.rates);
            assert!(
                (loss - exact).abs() <= 1e-5 * exact.abs(),
                "{}: {loss} {exact}",
                case.name
            );
            for (index, (got, want)) in result.params.into_iter().zip(&expected.params).enumerate()
            {
                let name = &setup.network.tensors()[index].name;
                let error = distance(&to_host(got), want);
                assert!(
                    error <= 1e-3,
                    "{}, {how}, {name}: relative error {error:.2e}",
                    case.name
                );
            }
            if case.weights.len() > 1 {
                let rates: Vec<f32> = result.rates.into_iter().flat_map(to_host).collect();
                assert_eq!(rates.len(), setup.rates.concat().len());
                let error = distance(&rates, &expected.rates);
                assert!(
                    error <= 1e-3,
                    "{}, {how}, rates: relative error {error:.2e}",
                    case.name
                );
            }
        }
    }
}

#[test]
fn first_order_gradient_is_the_query_gradient_at_the_adapted_weights() {
    for case in cases() {
        let setup = setup(&case, 12);
        let expected = setup.problem.first_order(&setup.params, &setup.rates);
        for how in ["keep", "rebuild", "unrolled"] {
            let result = compute(&case, &setup, Order::First, how);
            for (index, (got, want)) in result.params.into_iter().zip(&expected).enumerate() {
                let name = &setup.network.tensors()[index].name;
                let error = distance(&to_host(got), want);
                assert!(
                    error <= 1e-3,
                    "{}, {how}, {name}: relative error {error:.2e}",
                    case.name
                );
            }
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
