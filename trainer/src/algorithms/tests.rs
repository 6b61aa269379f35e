use burn::backend::Flex;
use burn::tensor::{Tensor, TensorData};

use super::pretraining::{self, classifier_gradient};
use super::{Algorithm, Method, Pretraining, prototypical};
use crate::config::Config;
use crate::config::tests::{GOOD, WAVEFORMS, config};
use crate::evaluate::{Evaluation, evaluate};
use crate::loss::Loss;
use crate::meta::{MetaGradient, to_device, to_host};
use crate::model::TrainedModel;
use crate::nn::{Network, head, init};
use crate::outer::Training;
use crate::random::{Stream, generator};
use crate::samplers::Labelled;
use crate::tasks::{DeviceBatch, Split};

fn tensor(data: &[f32], dims: [usize; 3]) -> Tensor<Flex, 3> {
    Tensor::from_data(TensorData::new(data.to_vec(), dims), &Default::default())
}

#[test]
fn prototypes_by_hand() {
    // Two classes of two examples each in a plane.
    let support = tensor(&[0.0, 0.0, 4.0, 0.0, 2.0, 0.0, 4.0, 2.0], [1, 4, 2]);
    let classes = tensor(&[1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0], [1, 4, 2]);
    // The means are (1, 0) and (4, 1).
    let queries = tensor(&[1.0, 1.0, 4.0, -1.0], [1, 2, 2]);
    let logits = to_host(crate::predict::logits(support, classes, queries));
    assert_eq!(logits, [-1.0, -9.0, -10.0, -4.0]);
}

/// A prototypical network of smooth layers, so that finite differences hold.
fn embedding() -> Config {
    let sets = [
        &WAVEFORMS[..],
        &[
            "tasks.length=8",
            "tasks.ways=3",
            "method=prototypical",
            "model.layers=[{kind=\"dense\",out=6},{kind=\"batch_norm\"},{kind=\"tanh\"},\
             {kind=\"dense\",out=4}]",
            "inner.steps=0",
            "inner.rate={kind=\"none\"}",
        ],
    ]
    .concat();
    config(&sets)
}

fn host_params(network: &Network, config: &Config) -> Vec<Vec<f32>> {
    init::draw(network, config.model.init, config.seed, 0)
}

fn params(network: &Network, host: &[Vec<f32>]) -> Vec<Tensor<Flex, 3>> {
    to_device(network, host, &Default::default())
}

/// Holds every tensor's gradient against central differences of `loss`, at the
/// element where it is largest.
fn against_differences(
    host: &[Vec<f32>],
    gradient: MetaGradient<Flex>,
    loss: impl Fn(&[Vec<f32>]) -> f64,
) {
    let mut largest = 0.0f64;
    for (index, gradient) in gradient.params.into_iter().map(to_host).enumerate() {
        let at = (0..gradient.len())
            .max_by(|&a, &b| gradient[a].abs().total_cmp(&gradient[b].abs()))
            .unwrap();
        let moved = |by: f32| {
            let mut host = host.to_vec();
            host[index][at] += by;
            loss(&host)
        };
        let difference = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        let given = f64::from(gradient[at]);
        let error = (given - difference).abs();
        assert!(
            error < 2e-3 + 2e-2 * difference.abs(),
            "{index}: {given} {difference}"
        );
        largest = largest.max(difference.abs());
    }
    assert!(
        largest > 0.05,
        "the gradients are too small to tell: {largest}"
    );
}

#[test]
fn the_gradient_of_prototypes_is_that_of_their_loss() {
    let config = embedding();
    let network = config.network().unwrap();
    let mut rng = generator(1, Stream::Train, 0);
    let tasks = config.tasks.open().unwrap();
    let batch = tasks.draw(Split::Train, &mut rng, 4, 2, 3);
    let batch = batch.to_device::<Flex>(&Default::default());
    let host = host_params(&network, &config);
    let loss = config.loss();
    let whole = |host: &[Vec<f32>]| {
        let params = params(&network, host);
        prototypical::gradient(&network, loss, &params, &batch)
    };
    against_differences(&host, whole(&host), |host| {
        f64::from(to_host(whole(host).loss)[0])
    });
    parts_have_the_gradient_of_the_whole(&network, loss, &params(&network, &host), &batch);
}

fn parts_have_the_gradient_of_the_whole(
    network: &Network,
    loss: Loss,
    params: &[Tensor<Flex, 3>],
    batch: &DeviceBatch<Flex>,
) {
    let whole = prototypical::gradient(network, loss, params, batch);
    let parts = crate::meta::in_parts(batch, 3, |part| {
        prototypical::gradient(network, loss, params, part)
    });
    let close = |a: Vec<f32>, b: Vec<f32>| {
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() < 1e-5 * b.abs().max(1.0), "{a} {b}");
        }
    };
    close(to_host(whole.loss), to_host(parts.loss));
    for (a, b) in whole.params.into_iter().zip(parts.params) {
        assert_eq!(a.dims(), b.dims());
        close(to_host(a), to_host(b));
    }
}

fn classifier_config() -> Config {
    let mut config = embedding();
    config.method = Pretraining {}.into();
    config
}

#[test]
fn the_gradient_of_a_classifier_is_that_of_its_loss() {
    let config = classifier_config();
    let network = pretraining::classifier(&config, 7).unwrap();
    assert_eq!((network.output(), network.adapting().len()), (7, 6));
    let x: Vec<f32> = (0..10 * 8).map(|i| (i as f32 * 12.9898).sin()).collect();
    let examples = Labelled {
        x: tensor(&x, [1, 10, 8]),
        classes: (0..10).map(|i| i * 3 % 7).collect(),
    };
    assert_eq!(examples.one_hot(7).dims(), [1, 10, 7]);
    let host = host_params(&network, &config);
    let gradient = |host: &[Vec<f32>]| {
        let params = params(&network, host);
        classifier_gradient(&network, &params, &examples)
    };
    against_differences(&host, gradient(&host), |host| {
        f64::from(to_host(gradient(host).loss)[0])
    });
}

#[test]
fn a_head_of_other_classes_is_replaced() {
    let config = classifier_config();
    let (trained, own) = (
        pretraining::classifier(&config, 7).unwrap(),
        pretraining::classifier(&config, 3).unwrap(),
    );
    let body = 8 * 6 + 6 + 6 + 6;
    assert_eq!(head::body_length(&own), body);
    assert_eq!(pretraining::body(&config).unwrap().parameter_count(), body);
    let flat = host_params(&trained, &config).concat();
    assert_eq!(head::outputs(&own, flat.len()), Some(7));
    assert_eq!(head::outputs(&own, flat.len() + 1), None);
    assert_eq!(head::outputs(&own, body), None);
    let replaced = head::with_empty_head(&own, &flat).unwrap();
    assert_eq!(replaced.len(), own.parameter_count());
    assert_eq!(replaced[..body], flat[..body]);
    assert!(replaced[body..].iter().all(|&value| value == 0.0));
    assert_eq!(head::with_empty_head(&own, &flat[..body - 1]), None);
}

const EXAMPLE: [&str; 5] = [
    "method=example",
    "example.share=0.5",
    "inner.steps=0",
    "inner.rate={kind=\"tuned\",candidates=[0.01,0.1]}",
    "record.validation_steps=[0]",
];

/// The steps of `docs/adding.md`, followed: a file, and a line where algorithms are listed.
#[test]
fn an_algorithm_that_is_added_is_trained_evaluated_and_goes_on() {
    let config = config(&[&EXAMPLE[..], &["meta.iterations=200", "meta.rate=0.01"]].concat());
    assert!(Method::names().contains(&"example"));
    // It is written with its table, and read again.
    let text = config.to_toml();
    assert!(text.ends_with("\n[example]\nshare = 0.5\n"), "{text}");
    assert_eq!(Config::parse(&text, "again", &[]).unwrap(), config);

    let tasks = config.tasks.open().unwrap();
    let start = || {
        let device = Default::default();
        let training = config.method.start::<Flex>(&config, tasks.clone(), &device);
        training.unwrap()
    };
    let steps = |training: &mut Box<dyn Training>, count: usize| {
        for _ in 0..count {
            training.step().unwrap();
        }
        training.take_loss()
    };
    let mut training = start();
    let first = steps(&mut training, 5);
    steps(&mut training, 95);
    let half_way = training.checkpoint();
    let last = steps(&mut training, 100);
    assert!(last < 0.9 * first, "{first} {last}");
    let mut resumed = start();
    resumed.restore(&half_way).unwrap();
    steps(&mut resumed, 100);
    let checkpoint = training.checkpoint();
    assert_eq!(resumed.checkpoint(), checkpoint);

    let model = TrainedModel::from_checkpoint(config.clone(), &checkpoint).unwrap();
    assert_eq!(model.rates, None);
    let evaluation = Evaluation {
        tasks: 50,
        shots: vec![5],
        ..Evaluation::default()
    };
    let named = [("run".to_owned(), model)];
    let report = evaluate::<Flex>(&named, &evaluation, &Default::default(), |_| {}).unwrap();
    let method = &report.shots[0].methods[0];
    assert_eq!(method.method, "example");
    assert_eq!(method.tuned_rates.len(), 1);
}

#[test]
fn an_algorithm_refuses_what_its_table_cannot_be() {
    let refused = |sets: &[&str]| {
        let sets: Vec<String> = [&EXAMPLE[..], sets]
            .concat()
            .into_iter()
            .map(String::from)
            .collect();
        let error = Config::parse(GOOD, "file.toml", &sets).unwrap_err();
        error.to_string()
    };
    for (set, parts) in [
        ("example.share=0.0", ["example.share", "above 0"]),
        ("example.part=1.0", ["part", "share"]),
        ("inner.steps=1", ["inner.steps", "without an inner loop"]),
        ("method=maml", ["example", "no such table"]),
        ("method=none", ["none", "prototypical"]),
        ("example=1", ["example", "a table"]),
        ("example.depth=1", ["`example`", "depth"]),
        (
            "method={example={}}",
            ["method", "the name of an algorithm"],
        ),
    ] {
        let message = refused(&[set]);
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }
    let without = EXAMPLE.iter().filter(|set| !set.starts_with("example."));
    let without: Vec<String> = without.map(|set| (*set).to_owned()).collect();
    let error = Config::parse(GOOD, "file.toml", &without).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("example: expected a table"), "{message}");
    // In a file, an error of the table has its line.
    let file = GOOD.replace("method = \"maml\"", "method = \"reptile\"")
        + "\n[reptile]\nsteps = 3\nrate = \"fast\"\n";
    let line = file.lines().count();
    let error = Config::parse(&file, "file.toml", &[]).unwrap_err();
    let message = error.to_string();
    let expected = format!("file.toml, line {line}: reptile.rate");
    assert!(message.starts_with(&expected), "{message}");
}

/// The page names what there is.
#[test]
fn every_file_that_the_page_names_for_algorithms_and_environments_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/adding.md")).unwrap();
    for title in ["## An algorithm", "## An environment"] {
        let section = page.split(title).nth(1).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let named: Vec<&str> = section
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|code| code.starts_with("trainer/"))
            .collect();
        assert!(named.len() >= 4, "{title}: {named:?}");
        for path in named {
            let path = path.strip_prefix("trainer/").unwrap();
            assert!(root.join(path).exists(), "{title} names {path}");
        }
    }
}
