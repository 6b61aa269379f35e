//! Stored statistics of batch norms: what they compute, how they are measured
//! when training ends, and that predictions no longer depend on the batch.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::backend::Flex;
use burn::tensor::{Tensor, TensorData};
use mamlet_trainer::config::{Config, MetaConfig};
use mamlet_trainer::meta::{to_device, to_host};
use mamlet_trainer::model::{ModelError, TrainedModel};
use mamlet_trainer::nn::{
    Adapt, BatchNorm, Conv, Dense, Depthwise, Extent, LayerSpec, LayerStatistics, Moments, Network,
    NetworkError, NetworkSpec, Padding, Shape, Statistics,
};
use mamlet_trainer::outer::measure_statistics;
use mamlet_trainer::random::{Stream, generator};
use mamlet_trainer::run::{Manifest, RunDir};
use mamlet_trainer::tasks::Split;
use mamlet_trainer::train::{End, Event, train};

const EPSILON: f64 = 1e-3;
const CHANNELS: usize = 2;

/// `conv, middle, tanh, dense` on images of one channel.
fn network(middle: LayerSpec) -> Network {
    let spec = NetworkSpec {
        input: Shape::Image {
            height: 3,
            width: 4,
            channels: 1,
        },
        layers: vec![
            LayerSpec::Conv(Conv {
                filters: CHANNELS,
                groups: 1,
                kernel: Extent::Square(2),
                stride: Extent::Square(1),
                padding: Padding::Same,
            }),
            middle,
            LayerSpec::Tanh,
            LayerSpec::Dense(Dense { out: 2 }),
        ],
    };
    Network::new(&spec, &Adapt::default()).unwrap()
}

fn batch_norm(statistics: Statistics) -> Network {
    network(LayerSpec::BatchNorm(BatchNorm {
        statistics,
        epsilon: EPSILON,
    }))
}

/// Numbers without a pattern.
fn numbers(count: usize) -> Vec<f32> {
    (1..=count)
        .map(|i| (i as f32 * 12.9898).sin() * 1.3)
        .collect()
}

fn tensor(dims: [usize; 3]) -> Tensor<Flex, 3> {
    let data = TensorData::new(numbers(dims.iter().product()), dims);
    Tensor::from_data(data, &Default::default())
}

fn rows() -> Vec<Moments> {
    let moments = |mean, variance| Moments { mean, variance };
    vec![
        moments(vec![0.3, -0.2], vec![0.8, 1.7]),
        moments(vec![-0.4, 0.1], vec![0.5, 0.2]),
    ]
}

fn close(a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() < 1e-5 * b.abs().max(1.0), "{a} {b}");
    }
}

/// With constants a batch norm is an affine map per channel, which a depthwise
/// convolution of one position is, too.
#[test]
fn stored_statistics_make_an_affine_map() {
    let stored = LayerStatistics {
        layer: 1,
        rows: rows(),
    };
    let norm = batch_norm(Statistics::PerStep)
        .with_statistics(&[stored])
        .unwrap();
    let affine = network(LayerSpec::Depthwise(Depthwise {
        kernel: Extent::Square(1),
        stride: Extent::Square(1),
        padding: Padding::Valid,
    }));
    let host: Vec<Vec<f32>> = norm
        .tensors()
        .iter()
        .map(|info| numbers(info.len()))
        .collect();
    let (gain, bias) = (host[2].clone(), host[3].clone());
    let (x, dy) = (tensor([3, 4, 12]), tensor([3, 4, 2]));
    // A step beyond the last row uses the last row.
    for (step, row) in [(0, 0), (1, 1), (5, 1)] {
        let Moments { mean, variance } = rows().swap_remove(row);
        let deviation: Vec<f32> = variance
            .iter()
            .map(|v| (v + EPSILON as f32).sqrt())
            .collect();
        let mut equal = host.clone();
        for c in 0..CHANNELS {
            equal[2][c] = gain[c] / deviation[c];
            equal[3][c] = bias[c] - mean[c] * gain[c] / deviation[c];
        }
        let results = |network: &Network, host: &[Vec<f32>]| -> Vec<Vec<f32>> {
            let params = to_device::<Flex>(network, host, &Default::default());
            let trace = network.forward_trace(&params, x.clone());
            let gradients = network.backward(&params, &trace, dy.clone());
            let mut results = vec![to_host(trace.output().clone())];
            results.extend(gradients.into_iter().flatten().map(to_host));
            results
        };
        let norm = results(&norm.at_step(step), &host);
        let affine = results(&affine, &equal);
        for index in [0, 1, 2, 4, 5, 6] {
            close(&norm[index], &affine[index]);
        }
        // weight = gain/σ and bias' = bias − mean·gain/σ, by the chain rule.
        let expected: Vec<f32> = (0..affine[3].len())
            .map(|i| {
                let c = i % CHANNELS;
                (affine[3][i] - mean[c] * affine[4][i]) / deviation[c]
            })
            .collect();
        close(&norm[3], &expected);
    }
}

/// While training, all three kinds normalise with the batch at hand.
#[test]
fn training_uses_the_statistics_of_the_batch() {
    let result = |statistics| {
        let network = batch_norm(statistics);
        let host: Vec<Vec<f32>> = network
            .tensors()
            .iter()
            .map(|info| numbers(info.len()))
            .collect();
        let params = to_device::<Flex>(&network, &host, &Default::default());
        to_host(network.at_step(1).forward(&params, tensor([2, 3, 12])))
    };
    let current = result(Statistics::Current);
    assert_eq!(result(Statistics::Stored), current);
    assert_eq!(result(Statistics::PerStep), current);
}

#[test]
fn statistics_of_another_network_are_refused() {
    let network = batch_norm(Statistics::Stored);
    let given = |layer, rows| network.with_statistics(&[LayerStatistics { layer, rows }]);
    let mut short = rows();
    short[1].mean.pop();
    let mut negative = rows();
    negative[0].variance[1] = -0.1;
    for result in [
        given(0, rows()),
        given(1, vec![]),
        given(1, short),
        given(1, negative),
        network.with_statistics(&[]),
    ] {
        assert!(matches!(result, Err(NetworkError::Statistics { .. })));
    }
    assert!(given(1, rows()).is_ok());
}

/// Norms first, so that the statistics of the first are those of the inputs.
fn config(statistics: &str) -> Config {
    let text = format!(
        r#"
name = "short"
title = "short"
protocol = "own"
method = "maml"
[tasks]
distribution = "sinusoid"
[model]
layers = [
    {{ kind = "batch_norm", statistics = "{statistics}" }},
    {{ kind = "dense", out = 8 }},
    {{ kind = "batch_norm", statistics = "{statistics}" }},
    {{ kind = "tanh" }},
    {{ kind = "dense", out = 1 }},
]
init = {{ kind = "he" }}
[inner]
loss = "mse"
steps = 2
rate = {{ kind = "fixed", value = 0.01 }}
[meta]
iterations = 6
tasks = 8
shots = [3, 5]
queries = 4
"#
    );
    Config::parse(&text, "test", &[]).unwrap()
}

/// Mean over tasks of mean and biased variance, in loops.
fn expected(config: &Config, query: bool) -> (f64, f64) {
    let (mut means, mut variances, mut tasks) = (0.0, 0.0, 0.0);
    for index in 0..256 / config.meta.tasks {
        let shots = config.meta.shots.choices()[index % 2];
        let mut rng = generator(config.seed, Stream::Statistics, index as u64);
        let batch = config
            .tasks
            .open()
            .unwrap()
            .draw(Split::Train, &mut rng, 8, shots, 4);
        let (xs, width) = if query {
            (batch.query_x, 4)
        } else {
            (batch.support_x, shots)
        };
        for x in xs.values().chunks(width) {
            let mean = x.iter().copied().map(f64::from).sum::<f64>() / width as f64;
            let squares = x.iter().map(|&x| (f64::from(x) - mean).powi(2));
            means += mean;
            variances += squares.sum::<f64>() / width as f64;
            tasks += 1.0;
        }
    }
    (means / tasks, variances / tasks)
}

#[test]
fn statistics_are_means_over_tasks_step_by_step() {
    let config = config("per_step");
    let model = TrainedModel::initial(config.clone()).unwrap();
    let measured = measure_statistics::<Flex>(
        &model,
        &*model.config.tasks.open().unwrap(),
        &Default::default(),
    );
    assert_eq!(measured.len(), 2);
    assert_eq!((measured[0].layer, measured[1].layer), (0, 2));
    for of_layer in &measured {
        assert_eq!(of_layer.rows.len(), 3);
    }
    let close = |row: &Moments, (mean, variance): (f64, f64)| {
        assert!((f64::from(row.mean[0]) - mean).abs() < 1e-5);
        assert!((f64::from(row.variance[0]) - variance).abs() < 1e-4);
    };
    // Inputs do not depend on the parameters: the support sets' at both steps,
    // then the query sets'.
    close(&measured[0].rows[0], expected(&config, false));
    close(&measured[0].rows[1], expected(&config, false));
    close(&measured[0].rows[2], expected(&config, true));
    // What follows the first dense layer does.
    assert_ne!(measured[1].rows[0], measured[1].rows[1]);

    let stored = TrainedModel::initial(self::config("stored")).unwrap();
    let single = measure_statistics::<Flex>(
        &stored,
        &*stored.config.tasks.open().unwrap(),
        &Default::default(),
    );
    assert_eq!(single[1].rows.len(), 1);
    let mean = measured[1].rows.iter().map(|row| row.mean[3]).sum::<f32>() / 3.0;
    assert!((single[1].rows[0].mean[3] - mean).abs() < 1e-5);
}

#[test]
fn a_finished_run_predicts_example_by_example() {
    let folder = tempfile::tempdir().unwrap();
    let config = config("per_step");
    let path = folder.path().join("run");
    let run = RunDir::create(
        &path,
        &config,
        &Manifest::new(&config, "cpu", vec![]),
        false,
    )
    .unwrap();
    let unfinished = TrainedModel::load(&path);
    assert!(matches!(unfinished, Err(ModelError::Run(_))));
    let go = AtomicBool::new(false);
    let end = train::<Flex>(&config, &run, Default::default(), &go, |_| {}).unwrap();
    assert!(matches!(end, End::Finished(_)));

    let model = TrainedModel::load(&path).unwrap();
    assert_eq!(model.network.statistics().len(), 2);
    let params = to_device::<Flex>(&model.network, &model.params, &Default::default());
    let x = tensor([1, 5, 1]);
    let together = to_host(model.network.forward(&params, x.clone()));
    let alone: Vec<f32> = (0..5)
        .flat_map(|i| to_host(model.network.forward(&params, x.clone().narrow(1, i, 1))))
        .collect();
    close(&alone, &together);

    fs::remove_file(path.join("statistics.json")).unwrap();
    let error = TrainedModel::load(&path).unwrap_err();
    assert!(matches!(error, ModelError::NoStatistics(_)), "{error}");
}

/// Trained from its beginning, interrupted at `stops`.
fn trained(config: &Config, path: &Path, stops: &[u64]) -> TrainedModel {
    let manifest = Manifest::new(config, "cpu", vec![]);
    let run = RunDir::create(path, config, &manifest, false).unwrap();
    for stop_at in stops.iter().copied().chain([u64::MAX]) {
        let stop = AtomicBool::new(false);
        train::<Flex>(config, &run, Default::default(), &stop, |event| {
            if matches!(event, Event::Iteration(done) if done == stop_at) {
                stop.store(true, Ordering::Relaxed);
            }
        })
        .unwrap();
    }
    TrainedModel::load(path).unwrap()
}

#[test]
fn statistics_fixed_on_the_way_are_those_of_the_parameters_there() {
    let folder = tempfile::tempdir().unwrap();
    let plain = config("stored");
    let with = |iterations, statistics_from| Config {
        meta: MetaConfig {
            iterations,
            statistics_from,
            ..plain.meta.clone()
        },
        ..plain.clone()
    };
    let run = |name: &str| folder.path().join(name);
    let whole = trained(&with(6, Some(4)), &run("whole"), &[]);
    // The first four iterations are those of a run without.
    let short = trained(&with(4, None), &run("short"), &[]);
    assert_eq!(whole.network.statistics(), short.network.statistics());
    // The others are trained with them, resumed or not.
    let parts = trained(&with(6, Some(4)), &run("parts"), &[3, 4, 5]);
    assert_eq!(parts.params, whole.params);
    assert_eq!(parts.network.statistics(), whole.network.statistics());
    let batches = trained(&plain, &run("batches"), &[]);
    assert_ne!(batches.params, whole.params);
}
