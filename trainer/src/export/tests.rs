use super::*;
use crate::config::TasksConfig;
use crate::config::tests::{WAVEFORMS, config};
use crate::data::tests::Fixture;
use crate::nn::{Conv, Dense, Extent, HeadStart, LayerSpec, Padding, Shape};

#[test]
fn every_recipe_is_carried_and_adapts_as_the_trainer_does() {
    for set in [
        "inner.steps=1",
        "inner.momentum=0.9",
        "inner.clip_norm=0.1",
        "inner.loss={kind=\"huber\",delta=1.0}",
    ] {
        let model = TrainedModel::initial(config(&[set])).unwrap();
        let made = export(&model, None, &Options::default());
        // The export fails where engine and trainer disagree.
        assert!(made.is_ok(), "{set}: {made:?}");
    }
}

#[test]
fn biases_below_norms_of_the_batch_that_adapt_are_exported_with_the_rest() {
    let layers = "model.layers=[{kind=\"conv\",filters=6,kernel=5,stride=2},\
                  {kind=\"batch_norm\"},{kind=\"relu\"},{kind=\"flatten\"},{kind=\"dense\",out=5}]";
    let sets = [&WAVEFORMS[..], &[layers, "model.init={kind=\"he\"}"]].concat();
    let model = TrainedModel::initial(config(&sets)).unwrap();
    let options = Options {
        allow_loss: true,
        ..Options::default()
    };
    let made = export(&model, None, &options);
    assert!(made.is_ok(), "{made:?}");
}

/// On dense layers a batch of one is all bias: chance on a device, whatever a batch of
/// queries comes to.
#[test]
fn a_network_that_a_device_cannot_use_is_refused_with_both_figures_and_the_remedy() {
    let layers = "model.layers=[{kind=\"flatten\"},{kind=\"dense\",out=16},\
                  {kind=\"batch_norm\"},{kind=\"relu\"},{kind=\"dense\",out=5}]";
    let sets = [
        &WAVEFORMS[..],
        &[layers, "inner.rate.value=0.1", "inner.steps=3"],
    ]
    .concat();
    let model = TrainedModel::initial(config(&sets)).unwrap();
    let message = export(&model, None, &Options::default()).unwrap_err();
    let message = message.to_string();
    for part in [
        "accuracy 20.00 ± 0.00 % on a device",
        "% transductive (300 test tasks)",
        "statistics = \"stored\"",
        "--allow-loss",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let options = Options {
        allow_loss: true,
        ..Options::default()
    };
    let alone = export(&model, None, &options).unwrap().alone.unwrap();
    assert!(
        alone.falls_behind() && alone.elsewhere.mean > 30.0,
        "{alone:?}"
    );
    // What a query cannot see makes no difference and is not measured.
    let model = TrainedModel::initial(config(&WAVEFORMS)).unwrap();
    let made = export(&model, None, &Options::default()).unwrap();
    assert_eq!(made.alone, None);
}

#[test]
fn integers_are_claimed_only_where_there_are_any() {
    let sets = [
        &WAVEFORMS[..],
        &[
            "model.layers=[{kind=\"flatten\"},{kind=\"dense\",out=6},{kind=\"relu\"},{kind=\"dense\",out=5}]",
        ],
    ];
    let stored = |adapt: &str, int8, f16| {
        let sets = [&sets.concat()[..], &[adapt]].concat();
        let model = TrainedModel::initial(config(&sets)).unwrap();
        let options = Options {
            quantize: Quantize { int8, f16 },
            episodes: 4,
            ..Options::default()
        };
        let made = export(&model, None, &options).unwrap();
        (made.stored.name(), made.scores.is_some())
    };
    assert_eq!(stored("inner.adapt=head", true, false), ("int8", true));
    assert_eq!(stored("inner.adapt=all", true, false), ("f32", false));
    assert_eq!(stored("inner.adapt=all", true, true), ("f16", true));
}

#[test]
fn a_rate_for_every_parameter_is_refused_with_the_remedy() {
    let set = "inner.rate={kind=\"learned\",initial=0.1,meta_rate=0.1,per=\"parameter\"}";
    let model = TrainedModel::initial(config(&[set])).unwrap();
    let message = export(&model, None, &Options::default())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("inner.rate.per = \"tensor\"") && message.contains("--rate"),
        "{message}"
    );
    let options = Options {
        rate: Some(0.01),
        ..Options::default()
    };
    assert!(export(&model, None, &options).is_ok());
}

/// Every layer between one that makes its input and a head: the export fails where engine
/// and trainer disagree, and no layer is left out.
#[test]
fn every_layer_is_exported_and_adapts_as_in_the_trainer() {
    let first = LayerSpec::Conv(Conv {
        filters: 4,
        groups: 1,
        kernel: Extent::Square(5),
        stride: Extent::Square(4),
        padding: Padding::Same,
    });
    for (shape, layer) in crate::nn::tests::examples() {
        let mut config = config(&[&WAVEFORMS[..], &["model.init={kind=\"he\"}"]].concat());
        let between = match shape {
            Shape::Vector(_) => vec![LayerSpec::Flatten, layer.clone()],
            Shape::Sequence { .. } | Shape::Image { .. } => vec![layer.clone()],
        };
        let head = vec![LayerSpec::Dense(Dense { out: 5 })];
        config.model.layers = [vec![first.clone()], between, head].concat();
        let model = TrainedModel::initial(config).unwrap();
        let options = Options {
            golden_shots: 1,
            allow_loss: true,
            ..Options::default()
        };
        let made = export(&model, None, &options);
        match layer.kind() {
            "neighbour" => {
                let message = made.unwrap_err().to_string();
                let expected = "layers.1 (neighbour): boards do not have this layer";
                assert!(message.contains(expected), "{message}");
            }
            kind => assert!(made.is_ok(), "{kind}: {made:?}"),
        }
    }
}

/// An untrained network of every layer that can become integers.
fn bodies() -> Vec<TrainedModel> {
    let conv = "{kind=\"conv\",filters=6,kernel=5,stride=2}";
    let norm = "{kind=\"batch_norm\",statistics=\"stored\"}";
    let head = "{kind=\"dense\",out=5}";
    let layers = [
        format!("[{conv},{{kind=\"relu\"}},{{kind=\"global_average_pool\"}},{head}]"),
        format!(
            "[{conv},{norm},{{kind=\"relu6\"}},{{kind=\"max_pool\",kernel=2}},\
             {{kind=\"depthwise\",kernel=3,padding=\"valid\"}},{{kind=\"relu\"}},\
             {{kind=\"average_pool\",kernel=3}},{{kind=\"flatten\"}},{{kind=\"dense\",out=7}},{head}]"
        ),
        format!("[{conv},{{kind=\"tanh\"}},{conv},{{kind=\"group_norm\",groups=2}},{head}]"),
    ];
    let model = |layers: &String| {
        let layers = format!("model.layers={layers}");
        let own = [
            &layers[..],
            "inner.adapt=\"head\"",
            "model.init={kind=\"he\"}",
        ];
        let sets = [&WAVEFORMS[..], &own[..]].concat();
        let mut model = TrainedModel::initial(config(&sets)).unwrap();
        let device = Default::default();
        let statistics = crate::outer::measure_statistics::<burn::backend::Flex>(
            &model,
            &*model.config.tasks.open().unwrap(),
            &device,
        );
        model.network = model.network.with_statistics(&statistics).unwrap();
        model
    };
    layers.iter().map(model).collect()
}

/// Outputs of an artifact's initialisation for some recordings.
fn outputs(model: &TrainedModel, made: &Export) -> Vec<f32> {
    let artifact = made.file.artifact().unwrap();
    let device_model = mamlet_simulator::Model::new(&artifact).unwrap();
    let mut workspace = vec![0.0; device_model.prediction_memory().len()];
    let mut rng = generator(1, Stream::Test, 0);
    let batch = model
        .config
        .tasks
        .open()
        .unwrap()
        .draw(Split::Test, &mut rng, 1, 4, 1);
    let values = batch.support_x.values();
    let inputs = values.chunks_exact(batch.input);
    inputs
        .flat_map(|x| device_model.predict(x, &mut workspace).unwrap().to_vec())
        .collect()
}

#[test]
fn integers_and_halves_compute_nearly_what_f32_does() {
    for (index, model) in bodies().iter().enumerate() {
        let options = |int8, f16| Options {
            quantize: Quantize { int8, f16 },
            golden_shots: 1,
            episodes: 2,
            ..Options::default()
        };
        let plain = export(model, None, &options(false, false)).unwrap();
        let exact = outputs(model, &plain);
        let size = exact.iter().fold(0.0f32, |a, b| a.max(b.abs()));
        for (int8, f16, tolerance) in [
            (true, false, 0.05),
            (false, true, 0.002),
            (true, true, 0.05),
        ] {
            let made = export(model, None, &options(int8, f16)).unwrap();
            let error = outputs(model, &made)
                .iter()
                .zip(&exact)
                .fold(0.0f32, |largest, (a, b)| largest.max((a - b).abs()));
            assert!(
                error < tolerance * size,
                "net {index}, int8 {int8}, f16 {f16}: {error} of {size}"
            );
            assert!(error > 0.0, "net {index}: nothing was rounded");
            let smaller = made.file.bytes().len() < plain.file.bytes().len();
            assert!(smaller, "net {index}, int8 {int8}, f16 {f16}");
        }
    }
}

/// Tasks with a scale: a thermometer that is off by a degree or so.
const SCALED: &[&str] = &[
    "tasks={distribution=\"sensors\",kind=\"thermistor\",offset=0.1}",
    "model.layers=[{kind=\"dense\",out=6},{kind=\"tanh\"},{kind=\"dense\",out=1}]",
    "model.init={kind=\"glorot\"}",
    "inner.steps=4",
    "inner.rate.value=0.05",
];

/// The artifact says degrees where the trainer's network says numbers of size 1,
/// after as many steps: the same recipe in another unit.
#[test]
fn the_scale_of_targets_goes_into_the_weights_and_rates() {
    for more in [
        &[][..],
        &[
            "inner.momentum=0.5",
            "inner.reduction=\"sum\"",
            "inner.rate.value=0.01",
        ],
        &["inner.loss={kind=\"huber\",delta=0.3}"],
        &["inner.adapt=\"head\""],
        &["inner.adapt=\"body\""],
    ] {
        let model = TrainedModel::initial(config(&[SCALED, more].concat())).unwrap();
        // The export fails where engine and trainer disagree.
        let made = export(&model, None, &Options::default()).unwrap();
        let tasks = model.config.tasks.open().unwrap();
        let scale = tasks.target_scale().unwrap();
        assert!((scale.deviation - 1.0).abs() > 0.2);
        let mut rng = generator(3, Stream::Test, 0);
        let batch = tasks.draw(Split::Test, &mut rng, 1, 5, 7);
        let artifact = made.file.artifact().unwrap();
        let device_model = mamlet_simulator::Model::new(&artifact).unwrap();
        let rollback = mamlet_runtime::Rollback::ToInitialisation;
        let mut memory = vec![0.0; device_model.memory(5, rollback).total().len()];
        let mut learner =
            mamlet_runtime::Learner::new(&device_model, 5, rollback, &mut memory).unwrap();
        let mut degrees = batch.support_y.clone();
        scale.restore(&mut degrees);
        for (x, y) in batch.support_x.values().iter().zip(&degrees) {
            learner.add_target(&[*x], &[*y]).unwrap();
        }
        let _report = learner.adapt().unwrap();
        // The trainer's network, step by step in its own numbers.
        let device = Default::default();
        let on = batch.clone().to_device::<burn::backend::Flex>(&device);
        let params = crate::meta::to_device(&model.network, &model.params, &device);
        let rates = model.rates.clone().unwrap().on(&device);
        let inner = model.inner_loop();
        let theta = inner.adapt(params, &rates, &on, 4, |_, _| {});
        let mut expected = crate::meta::to_host(model.network.forward(&theta, on.query_x));
        scale.restore(&mut expected);
        for (x, expected) in batch.query_x.values().iter().zip(expected) {
            let said = learner.predict(&[*x]).unwrap()[0];
            assert!(
                (said - expected).abs() < 1e-4,
                "{more:?}: {said} {expected}"
            );
        }
    }
}

/// The engine applies the threshold that the trainer found, to the share of taught
/// classes that was asked for.
#[test]
fn a_threshold_accepts_as_many_as_asked() {
    let model = bodies().swap_remove(0);
    let options = |accept| Options {
        golden_shots: 1,
        accept,
        ..Options::default()
    };
    let made = export(&model, None, &options(Some(0.8))).unwrap();
    let unknown = made.unknown.unwrap();
    assert!((unknown.accepted - 0.8).abs() < 0.01, "{unknown:?}");
    assert_eq!(unknown.mistaken, None, "waveforms have no class names");
    let artifact = made.file.artifact().unwrap();
    let rejection = artifact.rejection().unwrap();
    assert_eq!(rejection.threshold, unknown.threshold);
    let none = export(&model, None, &options(None)).unwrap();
    assert!(none.unknown.is_none() && none.file.artifact().unwrap().rejection().is_none());
}

/// Three people who make each of five gestures twelve times.
fn gestures() -> Fixture {
    let fixture = Fixture::empty();
    for user in 0..3 {
        let mut text = "what,x,y\n".to_owned();
        for (take, class) in (0..12).flat_map(|take| (0..5).map(move |class| (take, class))) {
            for row in 0..9 {
                let phase = (row * (class + 1) + take) as f32;
                text += &format!("{class},{},{}\n", phase.sin(), phase.cos() + class as f32);
            }
        }
        fixture.put(&format!("user{user}.csv"), text.as_bytes());
    }
    fixture
}

/// Tasks of so many of them, with labels as named.
fn recorded(fixture: &Fixture, ways: usize, labels: &str) -> TasksConfig {
    let recorded = format!(
        "path = {:?}\ntask = \"new_user\"\nways = {ways}\nlabels = {labels:?}\n\
         channels = [\"x\", \"y\"]\nlength = 16\ncentre = \"example\"\nusers = [1, 1, 1]\n\
         layout = {{ label = \"what\", rate = 62.5 }}",
        fixture.path()
    );
    TasksConfig::Recordings(toml::from_str(&recorded).unwrap())
}

/// With a head whose outputs all start alike, what is unknown is told from what was
/// taught by an output more, which the device does not count as a class.
#[test]
fn a_shared_head_has_an_output_for_what_was_not_taught() {
    let fixture = gestures();
    let mut config = bodies().swap_remove(0).config;
    config.tasks = recorded(&fixture, 3, "shuffled");
    config.model.head = HeadStart::Shared;
    if let Some(LayerSpec::Dense(Dense { out })) = config.model.layers.last_mut() {
        *out = 3;
    }
    let model = TrainedModel::initial(config).unwrap();
    let options = |accept| Options {
        golden_shots: 3,
        accept,
        ..Options::default()
    };
    // The export fails where engine and trainer disagree.
    let made = export(&model, None, &options(Some(0.8))).unwrap();
    let unknown = made.unknown.unwrap();
    assert_eq!(unknown.score, "no class");
    assert!((unknown.accepted - 0.8).abs() < 0.01, "{unknown:?}");
    assert!(unknown.mistaken.is_some(), "{unknown:?}");
    let artifact = made.file.artifact().unwrap();
    let device = mamlet_simulator::Model::new(&artifact).unwrap();
    assert_eq!((device.outputs(), device.classes()), (4, 3));
    // Nobody makes a gesture fifty times.
    let mut seen = 0;
    let safety = Safety::survey(&model, &made.file, 2, &[1, 50], &[1], |_| seen += 1).unwrap();
    assert_eq!((&safety.shots[..], safety.adaptations), (&[1][..], 2));
    assert_eq!(seen, 2);
    let none = Safety::survey(&model, &made.file, 2, &[50], &[1], |_| ()).unwrap_err();
    assert!(none.to_string().contains("50 for the support"), "{none}");
    let all = export(&model, None, &options(None)).unwrap();
    let artifact = all.file.artifact().unwrap();
    let device = mamlet_simulator::Model::new(&artifact).unwrap();
    assert_eq!((device.outputs(), device.classes()), (3, 3));
}

/// A device makes examples of raw samples as the recordings of training were made.
#[test]
fn recordings_take_their_front_end_along() {
    let fixture = gestures();
    let mut model = bodies().swap_remove(0);
    model.config.tasks = recorded(&fixture, 5, "fixed");
    let model = TrainedModel::initial(model.config).unwrap();
    let options = Options {
        golden_shots: 1,
        accept: Some(0.9),
        ..Options::default()
    };
    let made = export(&model, None, &options).unwrap();
    let artifact = made.file.artifact().unwrap();
    let front_end = artifact.front_end().unwrap();
    assert_eq!((front_end.channels, front_end.length), (2, 16));
    assert_eq!(front_end.millihertz, 62_500);
    assert_eq!(front_end.centre, mamlet_formats::Centre::Mean);
    assert!(artifact.rejection().is_some());
    assert_eq!(
        made.unknown.unwrap().mistaken,
        None,
        "all classes are taught"
    );
}
