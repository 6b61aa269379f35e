//! One case with numbers, for the reference and for the library.

use burn::backend::Flex;
use burn::tensor::{Tensor, TensorData};
use mamlet_trainer::meta::{Graph, MetaGradient, MetaObjective, Order, Rate, in_parts, to_device};
use mamlet_trainer::nn::{HeadStart, Network, NetworkSpec};
use mamlet_trainer::tasks::DeviceBatch;

use crate::cases::Case;
use crate::losses::target;
use crate::oracle::{on_graph, unrolled};
use crate::random::Lcg;
use crate::reference::{Problem, Task};

/// A case with numbers.
pub struct Setup {
    pub network: Network,
    pub problem: Problem,
    pub params: Vec<Vec<f64>>,
    pub rates: Vec<Vec<f64>>,
    pub batch: DeviceBatch<Flex>,
}

/// Random parameters, rates and tasks for a case.
pub fn setup(case: &Case, seed: u64) -> Setup {
    let (tasks, input, shots, queries) = (3, 2, 4, 5);
    let spec = NetworkSpec {
        input: mamlet_trainer::nn::Shape::Vector(input),
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
            let dims = case.per.dims(&network);
            let count: usize = dims.iter().map(|dims| dims.iter().product::<usize>()).sum();
            (0..count)
                .map(|_| f64::from(case.rate * (1.0 + 0.3 * random.next() as f32)))
                .collect()
        })
        .collect();
    let outputs = network.output();
    let width = case.loss.kind.targets(outputs).unwrap();
    let targets = |count: usize, random: &mut Lcg| -> Vec<f64> {
        (0..count)
            .flat_map(|_| target(case.loss.kind, outputs, random))
            .collect()
    };
    // Every class has a prototype.
    let of_classes = || -> Vec<f64> {
        (0..shots * outputs)
            .map(|at| f64::from(u8::from(at / outputs % outputs == at % outputs)))
            .collect()
    };
    let tasks: Vec<Task> = (0..tasks)
        .map(|_| Task {
            support_x: random.vector(shots * input, 1.5),
            support_y: match case.head {
                HeadStart::Prototype => of_classes(),
                _ => targets(shots, &mut random),
            },
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
        support_y: tensor(|t| &t.support_y, shots, width),
        query_x: tensor(|t| &t.query_x, queries, input),
        query_y: tensor(|t| &t.query_y, queries, width),
    };
    let problem = Problem {
        input,
        layers: case.layers.clone(),
        adapts: network.tensors().iter().map(|info| info.adapts).collect(),
        loss: case.loss,
        optimiser: case.optimiser,
        head: case.head,
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

/// The library's gradient: `keep` or `rebuild` the graphs, `unrolled`, or in
/// `parts` of two of the three tasks and one.
pub fn compute(case: &Case, setup: &Setup, order: Order, how: &str) -> MetaGradient<Flex> {
    let graph = if how == "rebuild" {
        Graph::Rebuild
    } else {
        Graph::Keep
    };
    let objective = MetaObjective::new(
        setup.network.clone(),
        case.loss,
        case.optimiser,
        order,
        graph,
    )
    .with_head(case.head);
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
            let mut values = row.iter().map(|&rate| rate as f32);
            let dims = case.per.dims(&setup.network).into_iter();
            dims.map(|dims| {
                let values: Vec<f32> = values.by_ref().take(dims.iter().product()).collect();
                let data = TensorData::new(values, dims);
                Rate::Learned(Tensor::from_data(data, &Default::default()))
            })
            .collect()
        })
        .collect();
    let (weights, batch) = (&case.weights, &setup.batch);
    match how {
        "unrolled" => unrolled(&objective, 1, &params, &rates, weights, &on_graph(batch)),
        "parts" => in_parts(batch, 2, |part| {
            objective.gradient(&params, &rates, weights, part)
        }),
        _ => objective.gradient(&params, &rates, weights, batch),
    }
}
