//! Baselines outside the family, from training to evaluation.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::common::{config, start};
use burn::backend::Flex;
use mamlet_trainer::algorithms::Algorithm;
use mamlet_trainer::config::{Config, ConfigError};
use mamlet_trainer::evaluate::{Evaluation, Interval, Measure, Setting, evaluate};
use mamlet_trainer::export::{ExportError, Options, export};
use mamlet_trainer::meta::RateTable;
use mamlet_trainer::model::TrainedModel;
use mamlet_trainer::nn::Shape;
use mamlet_trainer::outer::Training;
use mamlet_trainer::predict::{Predictor, curves};
use mamlet_trainer::random::{Stream, generator};
use mamlet_trainer::tasks::{
    DataDigest, Description, LabelledBatch, Sizes, Split, TaskBatch, TaskData, TaskDistribution,
    TaskSizes, TasksError,
};
use mamlet_trainer::train::{End, train};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A prototypical network of waveforms.
const PROTOTYPES: [&str; 12] = [
    "tasks={distribution=\"waveforms\",ways=5}",
    "method=prototypical",
    "model.layers=[{kind=\"dense\",out=32},{kind=\"relu\"},{kind=\"dense\",out=16}]",
    "inner.loss=cross_entropy",
    "inner.steps=0",
    "inner.rate={kind=\"none\"}",
    "meta.tasks=8",
    "meta.shots=1",
    "meta.iterations=150",
    "record.validate_every=50",
    "record.validation_tasks=50",
    "record.validation_shots=1",
];

fn trained(sets: &[&str]) -> TrainedModel {
    let folder = tempfile::tempdir().unwrap();
    let config = config(sets);
    let run = start(&folder.path().join("run"), &config);
    let go = AtomicBool::new(false);
    let end = train::<Flex>(&config, &run, Default::default(), &go, |_| {}).unwrap();
    assert!(matches!(end, End::Finished(_)));
    TrainedModel::load(run.path()).unwrap()
}

fn accuracies(models: &[TrainedModel]) -> Vec<f64> {
    let evaluation = Evaluation {
        tasks: 200,
        shots: vec![1],
        ..Evaluation::default_for(&models[0].config.tasks)
    };
    let models: Vec<(String, TrainedModel)> = models
        .iter()
        .map(|model| ("run".to_owned(), model.clone()))
        .collect();
    let report = evaluate::<Flex>(&models, &evaluation, &Default::default(), |_| {}).unwrap();
    let of_method = report.shots[0].methods.iter().map(|method| {
        // There are no steps to take.
        assert_eq!((method.own_steps, method.steps.len()), (0, 1));
        assert!(method.tuned_rates.is_empty());
        method.steps[0].of(Measure::Accuracy).unwrap().mean
    });
    of_method.collect()
}

#[test]
fn a_prototypical_network_learns_and_takes_no_steps() {
    let model = trained(&PROTOTYPES);
    let initial = TrainedModel::initial(model.config.clone()).unwrap();
    let accuracies = accuracies(&[initial, model.clone()]);
    assert!(accuracies[1] > accuracies[0] + 5.0, "{accuracies:?}");

    let error = export(&model, None, &Options::default()).unwrap_err();
    assert!(matches!(error, ExportError::Prototypical { .. }), "{error}");
}

#[test]
fn stored_statistics_make_all_settings_of_prototypes_the_same() {
    let layers = |statistics: &str| {
        format!(
            "model.layers=[{{kind=\"dense\",out=8}},{{kind=\"batch_norm\",statistics=\
             \"{statistics}\"}},{{kind=\"relu\"}},{{kind=\"dense\",out=4}}]"
        )
    };
    let model = |statistics: &str| {
        let layers = layers(statistics);
        let sets = [&PROTOTYPES[..], &[&layers, "meta.iterations=10"]].concat();
        ("run".to_owned(), trained(&sets))
    };
    let models = [model("current"), model("stored")];
    let evaluation = Evaluation {
        tasks: 20,
        shots: vec![1],
        settings: vec![Setting::Transductive, Setting::Inductive],
        ..Evaluation::default_for(&models[0].1.config.tasks)
    };
    let report = evaluate::<Flex>(&models, &evaluation, &Default::default(), |_| {}).unwrap();
    let settings: Vec<_> = (report.shots[0].methods.iter())
        .map(|method| method.settings.clone())
        .collect();
    let (transductive, inductive) = (Setting::Transductive, Setting::Inductive);
    assert_eq!(
        settings,
        [vec![transductive], vec![inductive], Setting::ALL.to_vec()]
    );
}

#[test]
fn a_method_without_steps_has_no_rate() {
    let refused = |sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let base = include_str!("../common/base.toml");
        match Config::parse(base, "base.toml", &sets).unwrap_err() {
            ConfigError::Invalid { key, .. } => key,
            other => panic!("{other}"),
        }
    };
    let rate = [&PROTOTYPES[..], &["inner.rate={kind=\"fixed\",value=0.1}"]].concat();
    assert_eq!(refused(&rate), "inner.rate.kind");
    assert_eq!(refused(&["inner.rate={kind=\"none\"}"]), "inner.rate.kind");
    let steps = [&PROTOTYPES[..], &["inner.evaluation_steps=1"]].concat();
    assert_eq!(refused(&steps), "inner.evaluation_steps");
    let values = [&PROTOTYPES[1..], &["tasks={distribution=\"sinusoid\"}"]].concat();
    assert_eq!(refused(&values), "inner.loss");
}

/// Examples of a class scatter around a point of its own.
struct Points;

const CLASSES: usize = 6;

impl Points {
    fn example(rng: &mut ChaCha8Rng, class: usize) -> [f32; 4] {
        [0, 1, 2, 3].map(|axis| {
            let centre = ((class * 4 + axis) as f32 * 2.3).sin();
            2.0 * centre + 0.2 * rng.random_range(-1.0..1.0)
        })
    }
}

impl TaskSizes for Points {
    fn sizes(&self) -> Sizes {
        let shape = Shape::Image {
            height: 2,
            width: 2,
            channels: 1,
        };
        Sizes::of_classes(shape, 2)
    }
}

impl TaskDistribution for Points {
    fn description(&self) -> Description {
        Description {
            normalisation: None,
            target_scale: None,
            front_end: None,
        }
    }

    fn draw(
        &self,
        _split: Split,
        rng: &mut ChaCha8Rng,
        tasks: usize,
        shots: usize,
        queries: usize,
    ) -> TaskBatch {
        let mut sets = [(); 4].map(|()| Vec::new());
        for _ in 0..tasks {
            let first = rng.random_range(0..CLASSES);
            let classes = [first, (first + rng.random_range(1..CLASSES)) % CLASSES];
            for (set, count) in [(0, shots), (2, queries)] {
                for index in 0..2 * count {
                    sets[set].extend(Self::example(rng, classes[index % 2]));
                    sets[set + 1].extend([(index % 2 == 0), (index % 2 == 1)].map(f32::from));
                }
            }
        }
        let [support_x, support_y, query_x, query_y] = sets;
        TaskBatch {
            tasks,
            input: 4,
            output: 2,
            classes: Some(2),
            support_x: support_x.into(),
            support_y,
            query_x: query_x.into(),
            query_y,
            origins: None,
        }
    }

    fn data(&self) -> Option<&dyn TaskData> {
        Some(self)
    }
}

impl TaskData for Points {
    fn digest_examples(&self) -> DataDigest {
        DataDigest::new("class", "point", [])
    }

    fn check_counts(
        &self,
        _split: Split,
        _shots: usize,
        _queries: usize,
    ) -> Result<(), TasksError> {
        Ok(())
    }

    fn count_units(&self, _split: Split) -> Option<usize> {
        None
    }

    fn count_classes(&self, _split: Split) -> Option<usize> {
        Some(CLASSES)
    }

    fn draw_examples(&self, rng: &mut ChaCha8Rng, count: usize) -> Option<LabelledBatch> {
        let classes: Vec<usize> = (0..count).map(|_| rng.random_range(0..CLASSES)).collect();
        let x: Vec<f32> = classes
            .iter()
            .flat_map(|&class| Self::example(rng, class))
            .collect();
        Some(LabelledBatch {
            input: 4,
            x: x.into(),
            classes,
        })
    }
}

/// A classifier of images of two by two; no image is opened.
const CLASSIFIER: [&str; 11] = [
    "tasks={distribution=\"omniglot\",size=2,ways=2}",
    "method=pretraining",
    "model.layers=[{kind=\"flatten\"},{kind=\"dense\",out=8},{kind=\"tanh\"},\
     {kind=\"dense\",out=2}]",
    "inner.loss=cross_entropy",
    "inner.steps=0",
    "inner.rate={kind=\"tuned\",candidates=[0.1]}",
    "meta.tasks=4",
    "meta.rate=0.05",
    "record.keep_by=accuracy",
    "record.validation_tasks=50",
    "record.validation_shots=1",
];

#[test]
fn a_classifier_is_pretrained_and_its_head_replaced() {
    let config = config(&CLASSIFIER);
    assert!(config.method.replaces_head(&config));
    let new = || {
        let (points, device) = (Arc::new(Points), Default::default());
        config
            .method
            .start::<Flex>(&config, points, &device)
            .unwrap()
    };
    let mut trainer = new();
    let steps = |trainer: &mut Box<dyn Training>, count: usize| {
        for _ in 0..count {
            trainer.step().unwrap();
        }
        trainer.take_loss()
    };
    let first = steps(&mut trainer, 1);
    let before = trainer.validate().unwrap().unwrap().accuracy[0];
    steps(&mut trainer, 100);
    let half_way = trainer.checkpoint();
    let last = steps(&mut trainer, 50);
    assert!(first > 1.0 && last < 0.2, "six classes: {first} {last}");
    let after = trainer.validate().unwrap().unwrap().accuracy[0];
    assert!(after >= before && after > 0.9, "{before} {after}");

    // Six classes are trained, and none is left of them.
    let checkpoint = trainer.checkpoint();
    assert_eq!(checkpoint.params.len(), 4 * 8 + 8 + 8 * 6 + 6);
    let model = TrainedModel::from_checkpoint(config.clone(), &checkpoint).unwrap();
    assert_eq!(model.params.concat().len(), 4 * 8 + 8 + 8 * 2 + 2);
    assert!(model.params[2..].concat().iter().all(|&value| value == 0.0));
    assert_eq!(model.params[..2].concat(), checkpoint.params[..40]);

    let head_only = model.head_only().unwrap().unwrap();
    assert_eq!(model.network.adapting(), [0, 1, 2, 3]);
    assert_eq!(head_only.network.adapting(), [2, 3]);
    assert_eq!(head_only.head_only().unwrap().map(|_| ()), None);
    let mut rng = generator(1, Stream::Test, 0);
    let batch = Points.draw(Split::Test, &mut rng, 50, 1, 10);
    for model in [&model, &head_only] {
        let rates = RateTable::constant(0.1, 1, model.network.adapting().len());
        let (inner, device) = (model.inner_loop(), Default::default());
        let how = (&inner, Predictor::Outputs);
        let curves = curves::<Flex>(
            how,
            &model.params,
            &rates,
            &batch,
            (Setting::Device, 5),
            &device,
        );
        let accuracy = Interval::of(&curves.accuracy.unwrap()[5]).mean;
        assert!(accuracy > 0.9, "{}: {accuracy}", model.config.title);
    }

    let mut resumed = new();
    resumed.restore(&half_way).unwrap();
    steps(&mut resumed, 50);
    assert_eq!(resumed.checkpoint().params, checkpoint.params);
}

#[test]
fn training_may_have_more_ways() {
    let sets = [&PROTOTYPES[..], &["meta.ways=9"]].concat();
    let config = config(&sets);
    let tasks = config.tasks.open_to_train(config.meta.ways).unwrap();
    let classes = |split| {
        let mut rng = generator(1, Stream::Train, 0);
        let batch = tasks.draw(split, &mut rng, 2, 1, 1);
        (batch.output, batch.classes)
    };
    assert_eq!(classes(Split::Train), (9, Some(9)));
    assert_eq!(classes(Split::Validation), (5, Some(5)));
    assert_eq!(tasks.classes(), Some(5));
    trained(&[&sets[..], &["meta.iterations=2"]].concat());
}
