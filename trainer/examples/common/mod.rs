//! What the examples about Omniglot's meta-gradient share: the network of
//! `paper/omniglot-5way-1shot.toml` and a batch of its size.

use std::path::Path;

use burn::backend::Flex;
use burn::tensor::{Distribution, Tensor};
use mamlet_trainer::config::Config;
use mamlet_trainer::meta::{
    Graph, MetaGradient, MetaObjective, Order, Rate, RateTable, in_parts, tasks_at_once, to_device,
};
use mamlet_trainer::nn::init;
use mamlet_trainer::tasks::DeviceBatch;

// The allocator of the `mamlet` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Tasks of the batch.
pub const TASKS: usize = 32;
const WAYS: usize = 5;

/// Everything that a meta-gradient takes.
pub struct Setup {
    config: Config,
    params: Vec<Tensor<Flex, 3>>,
    rates: Vec<Vec<Rate<Flex>>>,
    /// Of the query losses after each inner step: the last alone counts.
    weights: Vec<f32>,
    /// Random images.
    batch: DeviceBatch<Flex>,
}

impl Setup {
    /// For so many inner steps.
    pub fn new(steps: usize) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
        let config = folder.join("paper/omniglot-5way-1shot.toml");
        let config = Config::load(&config, &[]).expect("a config");
        let network = config.network().expect("a valid network");
        let device = <Flex as burn::tensor::backend::BackendTypes>::Device::default();
        let initial = init::draw(&network, config.model.init, 1, 0);
        let x = || Tensor::random([TASKS, WAYS, 784], Distribution::Uniform(0.0, 1.0), &device);
        let y = || {
            let classes: Tensor<Flex, 2> = Tensor::eye(WAYS, &device);
            classes.reshape([1, WAYS, WAYS]).repeat_dim(0, TASKS)
        };
        let mut weights = vec![0.0; steps];
        weights.push(1.0);
        Setup {
            params: to_device::<Flex>(&network, &initial, &device),
            rates: RateTable::constant(0.4, steps, network.adapting().len()).on(&device),
            weights,
            batch: DeviceBatch {
                support_x: x(),
                support_y: y(),
                query_x: x(),
                query_y: y(),
            },
            config,
        }
    }

    /// The meta-gradient, `at_once` tasks at a time or, for 0, as many as the trainer takes.
    pub fn gradient(&self, objective: &MetaObjective, at_once: usize) -> MetaGradient<Flex> {
        let at_once = match at_once {
            0 => tasks_at_once(objective.network(), &self.batch),
            given => given,
        };
        in_parts(&self.batch, at_once, |part| {
            objective.gradient(&self.params, &self.rates, &self.weights, part)
        })
    }

    /// The meta-objective.
    pub fn objective(&self, order: Order, graph: Graph) -> MetaObjective {
        let config = &self.config;
        let network = config.network().expect("a valid network");
        MetaObjective::new(
            network,
            config.loss(),
            config.inner_optimiser(),
            order,
            graph,
        )
    }
}
