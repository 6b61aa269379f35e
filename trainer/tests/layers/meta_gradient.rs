//! The second-order meta-gradient through networks of these layers against
//! central differences, and against the unrolled graph.

use burn::backend::Flex;
use burn::tensor::Tensor;
use mamlet_trainer::loss::{Loss, LossKind, Reduction};
use mamlet_trainer::meta::{
    Graph, InnerOptimiser, MetaGradient, MetaObjective, Order, Rate, to_device, to_host,
};
use mamlet_trainer::nn::{
    Adapt, AdaptGroup, AveragePool, Dense, Depthwise, Extent, Fill, GroupNorm, LayerNorm,
    LayerSpec, Network, NetworkSpec, Padding, Shape,
};
use mamlet_trainer::tasks::DeviceBatch;

use crate::cases::{
    Lcg, batch_norm, context, conv, distance, image, leaky_relu, max_pool, sequence,
};
use crate::oracle;
use crate::tasks::{Problem, Task};

const CLASSES: usize = 3;
const SHOTS: usize = 3;
const QUERIES: usize = 2;
const STEPS: usize = 2;
const RATE: f32 = 0.2;

struct Case {
    name: &'static str,
    input: Shape,
    layers: Vec<LayerSpec>,
    adapt: AdaptGroup,
    kind: LossKind,
}

fn cases() -> Vec<Case> {
    use Extent::Square;
    use Padding::{Same, Valid};
    let group_norm = LayerSpec::GroupNorm(GroupNorm {
        groups: 2,
        epsilon: 1e-2,
    });
    let depthwise = LayerSpec::Depthwise(Depthwise {
        kernel: Square(3),
        stride: Square(1),
        padding: Same,
    });
    let dense = LayerSpec::Dense(Dense { out: CLASSES });
    let conv_net = vec![
        conv(2, Square(3), 1, Same),
        batch_norm(),
        LayerSpec::Relu,
        max_pool(2, 2, Valid),
        conv(4, Square(2), 1, Same),
        group_norm,
        LayerSpec::Tanh,
        LayerSpec::Flatten,
        dense.clone(),
    ];
    let separable = vec![
        conv(2, Square(3), 2, Same),
        depthwise,
        LayerSpec::LayerNorm(LayerNorm { epsilon: 1e-2 }),
        LayerSpec::Relu6,
        conv(3, Square(1), 1, Same),
        LayerSpec::Sigmoid,
        LayerSpec::AveragePool(AveragePool {
            kernel: Square(2),
            stride: None,
            padding: Same,
        }),
        LayerSpec::Softmax,
        LayerSpec::GlobalAveragePool,
        dense,
    ];
    let vectors = [
        context(2),
        LayerSpec::Dense(Dense { out: 4 }),
        leaky_relu(0.3),
        LayerSpec::Dense(Dense { out: CLASSES }),
    ];
    let case = |name, input, layers: &[LayerSpec], adapt, kind| Case {
        name,
        input,
        layers: layers.to_vec(),
        adapt,
        kind,
    };
    use AdaptGroup::{All, Body, Head};
    use LossKind::{CrossEntropy, Mse};
    let (picture, line) = (image(5, 4, 1), sequence(7, 2));
    let cases = vec![
        case("conv net", picture, &conv_net, All, CrossEntropy),
        case("conv net, head", picture, &conv_net, Head, CrossEntropy),
        case("conv net, body", picture, &conv_net, Body, Mse),
        case("conv net, sequences", line, &conv_net, All, Mse),
        case("separable", picture, &separable, All, Mse),
        case("separable, sequences", line, &separable, All, CrossEntropy),
        case("vectors", Shape::Vector(3), &vectors, All, CrossEntropy),
    ];
    for kind in LayerSpec::KINDS {
        let mut layers = cases.iter().flat_map(|case| &case.layers);
        let tried = layers.any(|layer| layer.kind() == *kind);
        assert!(tried, "{kind} is in no case");
    }
    cases
}

fn loss(case: &Case) -> Loss {
    Loss {
        kind: case.kind,
        reduction: Reduction::Mean,
    }
}

fn network(case: &Case) -> Network {
    let spec = NetworkSpec {
        input: case.input,
        layers: case.layers.clone(),
    };
    Network::new(&spec, &Adapt::Group(case.adapt)).unwrap()
}

/// Random numbers around what each tensor is filled with.
fn parameters(network: &Network, random: &mut Lcg) -> Vec<Vec<f64>> {
    network
        .tensors()
        .iter()
        .map(|info| {
            let around = match info.fill {
                Fill::Constant(value) => f64::from(value),
                Fill::Random { .. } => 0.0,
            };
            let values = random.vector(info.len(), 0.7);
            values.into_iter().map(|v| around + v).collect()
        })
        .collect()
}

fn on_device(network: &Network, params: &[Vec<f64>]) -> Vec<Tensor<Flex, 3>> {
    let single = |tensor: &Vec<f64>| tensor.iter().map(|&x| x as f32).collect();
    let host: Vec<Vec<f32>> = params.iter().map(single).collect();
    to_device(network, &host, &Default::default())
}

fn problem(case: &Case, network: &Network, random: &mut Lcg) -> Problem {
    let targets = |count: usize, random: &mut Lcg| -> Vec<f64> {
        (0..count)
            .flat_map(|_| match case.kind {
                LossKind::CrossEntropy => {
                    let class = ((random.next() + 1.0) * 1.5) as usize % CLASSES;
                    (0..CLASSES)
                        .map(|c| f64::from(u8::from(c == class)))
                        .collect()
                }
                _ => random.vector(CLASSES, 1.5),
            })
            .collect()
    };
    let width = case.input.features();
    let tasks = (0..2).map(|_| Task {
        support_x: random.vector(SHOTS * width, 1.5),
        support_y: targets(SHOTS, random),
        query_x: random.vector(QUERIES * width, 1.5),
        query_y: targets(QUERIES, random),
    });
    Problem {
        tasks: tasks.collect(),
        input: case.input,
        layers: case.layers.clone(),
        adapts: network.tensors().iter().map(|info| info.adapts).collect(),
        classes: case.kind == LossKind::CrossEntropy,
        steps: STEPS,
        rate: f64::from(RATE),
    }
}

fn batch(problem: &Problem) -> DeviceBatch<Flex> {
    let tensor = |part: fn(&Task) -> &Vec<f64>, examples: usize| -> Tensor<Flex, 3> {
        let data: Vec<f64> = problem.tasks.iter().flat_map(part).copied().collect();
        let tasks = problem.tasks.len();
        let width = data.len() / (tasks * examples);
        crate::cases::to_device(&data, [tasks, examples, width])
    };
    DeviceBatch {
        support_x: tensor(|t| &t.support_x, SHOTS),
        support_y: tensor(|t| &t.support_y, SHOTS),
        query_x: tensor(|t| &t.query_x, QUERIES),
        query_y: tensor(|t| &t.query_y, QUERIES),
    }
}

#[test]
fn second_order_gradient_equals_central_differences() {
    for (seed, case) in (1..).zip(cases()) {
        let network = network(&case);
        let mut random = Lcg(seed);
        let params = parameters(&network, &mut random);
        let problem = problem(&case, &network, &mut random);
        let expected = problem.differences(&params);
        let device_params = on_device(&network, &params);
        let rates = vec![vec![Rate::Fixed(RATE); network.adapting().len()]; STEPS];
        let mut weights = vec![0.0; STEPS + 1];
        weights[STEPS] = 1.0;
        let batch = batch(&problem);
        let on_graph = oracle::on_graph(&batch);
        let plain = InnerOptimiser::default();
        let gradient = |order, graph, unrolled: bool| -> MetaGradient<Flex> {
            let objective = MetaObjective::new(network.clone(), loss(&case), plain, order, graph);
            match unrolled {
                true => {
                    oracle::unrolled(&objective, 1, &device_params, &rates, &weights, &on_graph)
                }
                false => objective.gradient(&device_params, &rates, &weights, &batch),
            }
        };
        for (how, result) in [
            ("kept", gradient(Order::Second, Graph::Keep, false)),
            ("rebuilt", gradient(Order::Second, Graph::Rebuild, false)),
            ("unrolled", gradient(Order::Second, Graph::Keep, true)),
        ] {
            for (index, (got, want)) in result.params.into_iter().zip(&expected).enumerate() {
                let info = &network.tensors()[index];
                let error = distance(&to_host(got), want);
                assert!(
                    error < 1e-3,
                    "{}, {how}, {}: relative error {error:.1e}",
                    case.name,
                    info.name
                );
            }
        }
        let first = gradient(Order::First, Graph::Keep, false).params;
        let first: Vec<f32> = first.into_iter().flat_map(to_host).collect();
        let difference = distance(&first, &expected.concat());
        assert!(
            difference > 0.02,
            "{}: first and second order differ by {difference:.1e} only",
            case.name
        );
    }
}

/// Queries in batches of their own count as much together as each batch does by itself,
/// where norms see the batch at hand.
#[test]
fn query_batches_do_not_see_each_other() {
    for (seed, case) in (1..).zip(cases()) {
        let network = network(&case);
        let mut random = Lcg(seed);
        let params = on_device(&network, &parameters(&network, &mut random));
        let whole = batch(&problem(&case, &network, &mut random));
        let rates = vec![vec![Rate::Fixed(RATE); network.adapting().len()]; STEPS];
        let weights = [0.25, 0.0, 0.75];
        let gradient = |order, count, unrolled, batch: &DeviceBatch<Flex>| -> Vec<f32> {
            let plain = InnerOptimiser::default();
            let network = network.clone();
            let objective = MetaObjective::new(network, loss(&case), plain, order, Graph::Keep)
                .with_query_batches(count);
            let result = match unrolled {
                true => {
                    let batch = oracle::on_graph(batch);
                    oracle::unrolled(&objective, count, &params, &rates, &weights, &batch)
                }
                false => objective.gradient(&params, &rates, &weights, batch),
            };
            let tensors = result.params.into_iter().flat_map(to_host);
            to_host(result.loss).into_iter().chain(tensors).collect()
        };
        for order in [Order::First, Order::Second] {
            let alone = whole.query_set().batches(QUERIES).into_iter().map(|set| {
                let part = DeviceBatch {
                    query_x: set.x,
                    query_y: set.y,
                    ..whole.clone()
                };
                gradient(order, 1, false, &part)
            });
            let alone: Vec<Vec<f32>> = alone.collect();
            let mean = |index: usize| {
                let sum: f32 = alone.iter().map(|numbers| numbers[index]).sum();
                f64::from(sum) / QUERIES as f64
            };
            let mean: Vec<f64> = (0..alone[0].len()).map(mean).collect();
            for unrolled in [false, true] {
                let error = distance(&gradient(order, QUERIES, unrolled, &whole), &mean);
                assert!(
                    error < 1e-4,
                    "{}, {order:?}, unrolled {unrolled}: {error:.1e}",
                    case.name
                );
            }
            let together = distance(&gradient(order, 1, false, &whole), &mean);
            let sees = case.name.starts_with("conv net");
            assert_eq!(together > 1e-3, sees, "{}: {together:.1e}", case.name);
        }
    }
}
