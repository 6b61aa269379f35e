use burn::backend::Flex;
use burn::tensor::Tensor;

use super::episodes::Episodes;
use super::*;
use crate::config::tests::{WAVEFORMS, config};
use crate::meta::{RateTable, to_device, to_host};
use crate::predict::{Predictor, View, accuracy, sees_the_batch, views};
use crate::random::{Stream, generator};
use crate::tasks::{Split, TaskBatch};

#[test]
fn accuracy_by_hand() {
    let device = Default::default();
    let prediction = Tensor::<Flex, 3>::from_data(
        [
            [[0.1, 0.7, -9.0], [2.0, 1.0, 1.5]],
            [[0.0, -1.0, 0.5], [-3.0, -1.0, -2.0]],
        ],
        &device,
    );
    let target = Tensor::from_data(
        [
            [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]],
        ],
        &device,
    );
    assert_eq!(to_host(accuracy(prediction, target)), [0.5, 1.0]);
}

fn report(sets: &[&str], evaluation: &Evaluation) -> Report {
    let model = TrainedModel::initial(config(sets)).unwrap();
    let models = [("run".to_owned(), model)];
    evaluate::<Flex>(&models, evaluation, &Default::default(), |_| {}).unwrap()
}

#[test]
fn accuracy_is_reported_where_tasks_have_classes() {
    let small = |defaults: Evaluation| Evaluation {
        tasks: 20,
        steps: Some(3),
        ..defaults
    };
    // Even a random layer learns a little of noiseless waveforms.
    let sets = [&WAVEFORMS[..], &["inner.rate.value=0.1", "tasks.noise=0.0"]].concat();
    let defaults = Evaluation::default_for(&config(&sets).tasks);
    assert_eq!(
        (defaults.shots.clone(), defaults.queries.clone()),
        (vec![1, 5], vec![15])
    );
    let waveforms = report(&sets, &small(defaults));
    assert_eq!(waveforms.measure(), Measure::Accuracy);
    let steps = &waveforms.shots[1].methods[0].steps;
    let [before, after] = [0, 3].map(|step: usize| steps[step].of(Measure::Accuracy).unwrap());
    assert!(before.mean < 40.0 && after.mean > 45.0, "{steps:?}");
    assert!(after.half_width > 0.0 && after.half_width < 20.0);
    assert_eq!(steps[3].accuracy.unwrap().mean * 100.0, after.mean);

    let sinusoids = report(&[], &small(Evaluation::default()));
    assert_eq!(sinusoids.measure(), Measure::Loss);
    let step = sinusoids.shots[0].methods[0].steps[0];
    assert_eq!(step.of(Measure::Accuracy), None);
    assert_eq!(step.of(Measure::Loss).unwrap().mean, step.mean.unwrap());
    // Reports that hold no accuracy are read, and none is written.
    let text = serde_json::to_string(&sinusoids).unwrap();
    assert!(!text.contains("accuracy"));
    let read: Report = serde_json::from_str(&text).unwrap();
    assert_eq!(read.measure(), Measure::Loss);
}

/// A network whose batch norm has no stored statistics.
const NORM: &str = "model.layers=[{kind=\"dense\",out=6},{kind=\"batch_norm\"},{kind=\"relu\"},\
                    {kind=\"dense\",out=5}]";

fn normed(sets: &[&str]) -> TrainedModel {
    let sets = [&WAVEFORMS[..], &[NORM, "inner.rate.value=0.1"], sets].concat();
    TrainedModel::initial(config(&sets)).unwrap()
}

fn draw(model: &TrainedModel, index: u64) -> TaskBatch {
    let mut rng = generator(3, Stream::Test, index);
    let tasks = model.config.tasks.open().unwrap();
    tasks.draw(Split::Test, &mut rng, 3, 2, 4)
}

fn tensor(data: &[f32], dims: [usize; 3]) -> Tensor<Flex, 3> {
    let data = burn::tensor::TensorData::new(data.to_vec(), dims);
    Tensor::from_data(data, &Default::default())
}

/// Three tasks with weights of their own, by the folded tensors and in loops.
#[test]
fn inductive_predictions_are_those_of_single_batches() {
    let model = normed(&[]);
    let (network, batch) = (&model.network, draw(&model, 0));
    let part = batch.clone().to_device::<Flex>(&Default::default());
    let params = to_device::<Flex>(network, &model.params, &Default::default());
    let rates = RateTable::constant(0.5, 1, network.adapting().len()).on(&Default::default());
    let support = (&part.support_x, &part.support_y);
    let theta = model
        .inner_loop()
        .adapt(params, &rates, &part, 2, |_, _| {});
    let mut expected = Vec::new();
    for task in 0..3 {
        let own = |x: &Tensor<Flex, 3>| x.clone().narrow(0, task, 1);
        let theta: Vec<_> = theta.iter().map(own).collect();
        for query in 0..20 {
            let query = own(&part.query_x).narrow(1, query, 1);
            let x = Tensor::cat(vec![query, own(&part.support_x)], 1);
            expected.extend(to_host(network.forward(&theta, x).narrow(1, 0, 1)));
        }
    }
    let together = to_host(network.forward(&theta, part.query_x.clone()));
    let distance = |values: &[f32]| {
        let pairs = values.iter().zip(&expected);
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    assert!(distance(&together) > 0.05);
    for at_once in [1, 3, 20, 47, 1000] {
        let queries = part.query_x.clone();
        let folded = Predictor::Outputs.apart(network, &theta, support, queries, at_once);
        assert_eq!(folded.dims(), [3, 20, 5]);
        assert!(distance(&to_host(folded)) < 1e-4, "{at_once} at once");
    }
}

/// Predictions of single queries, in every setting, as other queries change.
#[test]
fn only_transductive_predictions_depend_on_other_queries() {
    let model = normed(&[]);
    let (batch, other) = (draw(&model, 0), draw(&model, 1));
    let network = &model.network;
    assert!(sees_the_batch(network));
    let first = |setting, queries: &TaskBatch| {
        // The first query of each task stays.
        let (support_x, query_x) = (batch.support_x.values(), batch.query_x.values());
        let width = query_x.len() / 3;
        let mut x = queries.query_x.values().into_owned();
        for task in 0..3 {
            let own = task * width..task * width + batch.input;
            x[own.clone()].copy_from_slice(&query_x[own]);
        }
        let x = tensor(&x, [3, 20, batch.input]);
        let support = tensor(&support_x, [3, 10, batch.input]);
        let params = to_device::<Flex>(network, &model.params, &Default::default());
        let y = tensor(&batch.support_y, [3, 10, 5]);
        let support = (&support, &y);
        let prediction = Predictor::Outputs.queries(setting, network, &params, support, x);
        to_host(prediction.narrow(1, 0, 1))
    };
    let both = |setting| [first(setting, &batch), first(setting, &other)];
    for setting in [Setting::Device, Setting::Inductive] {
        let [a, b] = both(setting);
        assert_eq!(a, b, "{setting:?}");
    }
    let [a, b] = both(Setting::Transductive);
    assert_ne!(a, b);
    assert_ne!(both(Setting::Device), both(Setting::Inductive));
}

#[test]
fn settings_are_the_same_where_statistics_are_stored() {
    let mut model = normed(
        &["model.layers=[{kind=\"dense\",out=6},{kind=\"batch_norm\",\
                              statistics=\"stored\"},{kind=\"relu\"},{kind=\"dense\",out=5}]"],
    );
    assert!(sees_the_batch(&model.network), "there are none yet");
    let tasks = model.config.tasks.open().unwrap();
    let stored = crate::outer::measure_statistics::<Flex>(&model, &*tasks, &Default::default());
    model.network = model.network.with_statistics(&stored).unwrap();
    assert!(!sees_the_batch(&model.network));
    let batch = draw(&model, 0);
    let view = |setting| View {
        queries: 20,
        setting,
        steps: vec![0, 3],
    };
    let wanted = Setting::ALL.map(view);
    let rates = model.rates.clone().unwrap();
    let (inner, params) = (model.inner_loop(), &model.params);
    let curves = views::<Flex>(
        (&inner, Predictor::Outputs),
        params,
        &rates,
        &batch,
        &wanted,
        &Default::default(),
    );
    for other in &curves[1..] {
        assert_eq!(curves[0].accuracy, other.accuracy);
        let losses = curves[0].query.iter().flatten();
        for (a, b) in losses.zip(other.query.iter().flatten()) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }
}

#[test]
fn a_body_that_is_computed_once_gives_what_the_whole_network_gives_at_every_step() {
    for (adapt, norm) in [
        ("inner.adapt=head", "current"),
        ("inner.adapt=head", "stored"),
        ("inner.adapt=[\"layers.3.bias\"]", "stored"),
    ] {
        let layers = format!(
            "model.layers=[{{kind=\"dense\",out=6}},{{kind=\"batch_norm\",statistics=\"{norm}\"}},\
             {{kind=\"relu\"}},{{kind=\"dense\",out=5}}]"
        );
        let mut model = normed(&[&layers, adapt]);
        if norm == "stored" {
            let tasks = model.config.tasks.open().unwrap();
            let stored =
                crate::outer::measure_statistics::<Flex>(&model, &*tasks, &Default::default());
            model.network = model.network.with_statistics(&stored).unwrap();
        }
        let batch = draw(&model, 0);
        let view = |queries, setting| View {
            queries,
            setting,
            steps: vec![0, 2],
        };
        let wanted = [
            view(20, Setting::Transductive),
            view(10, Setting::Transductive),
            view(20, Setting::Inductive),
            view(20, Setting::Device),
        ];
        let rates = model.rates.clone().unwrap();
        let (inner, params) = (model.inner_loop(), &model.params);
        let how = (&inner, Predictor::Outputs);
        let device = Default::default();
        let all = views::<Flex>(how, params, &rates, &batch, &wanted, &device);
        let alone = views::<Flex>(how, params, &rates, &batch, &wanted[..1], &device);
        // The whole network, step by step.
        let (network, on) = (
            &model.network,
            to_device::<Flex>(&model.network, params, &device),
        );
        let part = batch.clone().to_device::<Flex>(&device);
        let support = (&part.support_x, &part.support_y);
        let mut expected = [(); 4].map(|()| Vec::new());
        inner.adapt(on, &rates.on(&device), &part, 2, |step, theta| {
            if step == 1 {
                return;
            }
            for (view, losses) in wanted.iter().zip(&mut expected) {
                let x = part.query_x.clone().narrow(1, 0, view.queries);
                let y = part.query_y.clone().narrow(1, 0, view.queries);
                let prediction = match view.setting {
                    Setting::Transductive => network.forward(theta, x),
                    Setting::Inductive => {
                        Predictor::Outputs.apart(network, theta, support, x, 1000)
                    }
                    Setting::Device => {
                        let alone = |query| network.forward(theta, x.clone().narrow(1, query, 1));
                        Tensor::cat((0..view.queries).map(alone).collect(), 1)
                    }
                };
                losses.extend(to_host(model.config.loss().value(prediction, y)));
            }
        });
        let given = all.iter().chain(&alone).map(|curves| curves.query.concat());
        for (given, expected) in given.zip(expected.iter().chain(&expected[..1])) {
            assert_eq!(given.len(), expected.len());
            for (a, b) in given.iter().zip(expected) {
                assert!((a - b).abs() < 1e-5, "{adapt}, {norm}: {a} {b}");
            }
        }
    }
}

fn small(sets: &Evaluation) -> Evaluation {
    Evaluation {
        tasks: 12,
        steps: Some(2),
        ..sets.clone()
    }
}

#[test]
fn each_setting_has_a_row_where_it_makes_a_difference() {
    let model = normed(&["inner.steps=2"]);
    let defaults = Evaluation::default_for(&model.config.tasks);
    let evaluation = Evaluation {
        shots: vec![1],
        queries: vec![1, 15],
        settings: vec![Setting::Transductive, Setting::Inductive, Setting::Device],
        ..small(&defaults)
    };
    let run = |models: &[(String, TrainedModel)], evaluation: &Evaluation| {
        evaluate::<Flex>(models, evaluation, &Default::default(), |_| {}).unwrap()
    };
    let models = [("run".to_owned(), model)];
    let report = run(&models, &evaluation);
    assert_eq!((report.ways, report.split), (Some(5), Split::Test));
    for (set, queries) in report.shots.iter().zip([1, 15]) {
        assert_eq!((set.shots, set.queries), (1, queries));
        let [transductive, inductive, device] = &set.methods[..] else {
            panic!("{} rows", set.methods.len());
        };
        assert_eq!(transductive.settings, [Setting::Transductive]);
        assert_eq!(inductive.settings, [Setting::Inductive]);
        assert_eq!(device.settings, [Setting::Device]);
        assert_eq!(device.steps.len(), 3);
        assert_ne!(device.steps[2].mean, transductive.steps[2].mean);
        assert_eq!(transductive.steps.len(), 3);
        assert_eq!(inductive.steps.len(), 1);
        assert_eq!((inductive.steps[0].step, inductive.own_steps), (2, 2));
        assert_ne!(inductive.steps[0].mean, transductive.steps[2].mean);
        assert_eq!(transductive.chosen, ChosenIteration::Last);
    }
    // Fewer columns are the same columns.
    let alone = run(
        &models,
        &Evaluation {
            queries: vec![15],
            settings: vec![Setting::Inductive],
            ..evaluation
        },
    );
    let [one] = &alone.shots[0].methods[..] else {
        panic!("{} rows", alone.shots[0].methods.len());
    };
    assert_eq!(one.steps, report.shots[1].methods[1].steps);
    assert_eq!(
        (report.setting, alone.setting),
        (Setting::Transductive, Setting::Inductive)
    );

    let none = evaluate::<Flex>(
        &models,
        &Evaluation {
            queries: vec![],
            ..defaults
        },
        &Default::default(),
        |_| {},
    );
    assert_eq!(none, Err(EvaluateError::Nothing("queries")));
}

#[test]
fn runs_that_differ_in_their_seed_have_a_mean() {
    let seeds = ["seed=1", "seed=2", "seed=4"].map(|seed| {
        let sets = [&WAVEFORMS[..], &["inner.rate.value=0.1", seed]].concat();
        (
            seed.to_owned(),
            TrainedModel::initial(config(&sets)).unwrap(),
        )
    });
    let evaluation = Evaluation {
        shots: vec![5],
        ..small(&Evaluation::default_for(&seeds[0].1.config.tasks))
    };
    let run = |models: &[(String, TrainedModel)]| {
        let report = evaluate::<Flex>(models, &evaluation, &Default::default(), |_| {});
        report.unwrap().shots.swap_remove(0).methods
    };
    let methods = run(&seeds);
    assert_eq!(methods.len(), 4);
    let together = &methods[3];
    assert_eq!(together.seeds, [1, 2, 4]);
    let accuracies: Vec<f64> = methods[..3]
        .iter()
        .map(|method| method.steps[2].accuracy.unwrap().mean)
        .collect();
    let mean = accuracies.iter().sum::<f64>() / 3.0;
    let squares: f64 = accuracies.iter().map(|value| (value - mean).powi(2)).sum();
    let step = together.steps[2];
    assert!((step.accuracy.unwrap().mean - mean).abs() < 1e-6);
    let spread = step.between_seeds.unwrap();
    assert!((spread.accuracy.unwrap() - (squares / 2.0).sqrt()).abs() < 1e-6);
    assert!(spread.loss.unwrap() > 0.0);
    // Averages over seeds vary less over tasks.
    let widest = methods[..3]
        .iter()
        .map(|method| method.steps[2].half_width.unwrap());
    assert!(step.half_width.unwrap() < widest.fold(0.0, f64::max));

    // The same run twice is no second seed, nor is another rate.
    let again = [seeds[0].clone(), seeds[0].clone()];
    assert_eq!(run(&again).len(), 2);
    let mut other = seeds.clone();
    other[1].1.config.meta.rate = 0.5;
    assert_eq!(run(&other)[3].seeds, [1, 4]);
}

#[test]
fn compared_runs_are_paired() {
    let [a, b] = ["seed=1", "seed=2"].map(|seed| (seed.to_owned(), normed(&[seed])));
    let evaluation = Evaluation {
        shots: vec![1, 5],
        settings: vec![Setting::Device, Setting::Inductive],
        ..small(&Evaluation::default_for(&a.1.config.tasks))
    };
    let run = |models: &[(String, TrainedModel)], by| {
        compare::<Flex>(models, &evaluation, by, &Default::default(), |_| {})
    };
    for by in [Measure::Loss, Measure::Accuracy] {
        let same = run(&[a.clone(), a.clone()], by).unwrap();
        // Both settings of both numbers of shots.
        assert_eq!(same.sets.len(), 4);
        for set in &same.sets {
            let paired = set.runs[1].difference.unwrap();
            let difference = paired.difference;
            assert_eq!((difference.mean, difference.half_width), (0.0, 0.0));
            assert!(!paired.excludes_zero);
        }
        let different = run(&[a.clone(), b.clone()], by).unwrap();
        // On dense layers a batch of one is all bias, so runs are told apart by the other.
        let runs = &different.sets[3].runs;
        let paired = runs[1].difference.unwrap().difference;
        let [first, second] = [0, 1].map(|run: usize| runs[run].value.unwrap());
        assert!((paired.mean - (second.mean - first.mean)).abs() < 1e-6);
        assert!(paired.half_width > 0.0);
        assert_eq!(runs[0].difference, None);
    }
    assert_eq!(run(&[a], Measure::Loss), Err(EvaluateError::Alone));
    let sinusoids = TrainedModel::initial(config(&[])).unwrap();
    let sinusoids = [
        ("a".to_owned(), sinusoids.clone()),
        ("b".to_owned(), sinusoids),
    ];
    let error = run(&sinusoids, Measure::Accuracy);
    assert_eq!(error, Err(EvaluateError::NoAccuracy));
}

#[test]
fn episodes_come_in_parts() {
    let model = normed(&[]);
    let distribution = model.config.tasks.open().unwrap();
    let defaults = Evaluation::default_for(&model.config.tasks);
    let episodes = |shots, at_once| Episodes {
        at_once,
        ..Episodes::new(
            &*distribution,
            &Evaluation {
                shots: vec![shots],
                queries: vec![shots],
                ..defaults.clone()
            },
            &defaults,
            (Split::Test, Stream::Test),
            20,
        )
    };
    let parts = |shots, at_once| episodes(shots, at_once).parts().collect::<Vec<_>>();
    let few = parts(1, 7);
    assert_eq!(
        few.iter().map(|part| part.tasks).collect::<Vec<_>>(),
        [7, 7, 6]
    );
    assert_eq!(few, parts(5, 7), "fewer are the first of the usual number");
    assert_ne!(few[0].support_x, few[1].support_x);
    let first = |part: &TaskBatch| part.support_x.values()[..1000].to_vec();
    assert_eq!(first(&parts(1, 20)[0]), first(&few[0]));
    // Large inputs make small parts.
    assert_eq!(episodes(1, 7).queries, 15);
    let defaults = Episodes::new(
        &*distribution,
        &defaults,
        &defaults,
        (Split::Test, Stream::Test),
        9,
    );
    assert_eq!(defaults.at_once, (1 << 23) / (100 * 64));
}
