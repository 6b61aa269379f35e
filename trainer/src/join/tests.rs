use burn::backend::Flex;
use burn::tensor::{Tensor, TensorData};

use super::*;
use crate::config::tests::{WAVEFORMS, config};
use crate::meta::{to_device, to_host};
use crate::tasks::DeviceBatch;

/// A convolutional network of the tests' experiment.
const LAYERS: &str = "model.layers=[{kind=\"conv\",filters=4,kernel=5,stride=2},\
    {kind=\"group_norm\",groups=2},{kind=\"relu\"},\
    {kind=\"conv\",filters=6,kernel=3,stride=2,groups=2},{kind=\"layer_norm\"},\
    {kind=\"leaky_relu\",slope=0.1},{kind=\"depthwise\",kernel=3},{kind=\"tanh\"},\
    {kind=\"max_pool\",kernel=2},{kind=\"flatten\"},{kind=\"dense\",out=5}]";

fn member(seed: u64, sets: &[&str]) -> TrainedModel {
    let seed = format!("seed={seed}");
    TrainedModel::initial(config(&[&WAVEFORMS[..], &[LAYERS, &seed], sets].concat())).unwrap()
}

fn joined_model(members: &[TrainedModel]) -> TrainedModel {
    let (config, checkpoint) = join(members, "joined").unwrap();
    TrainedModel::from_checkpoint(config, &checkpoint).unwrap()
}

/// Logits of queries after so many steps on a support set.
fn logits(model: &TrainedModel, steps: usize) -> Vec<f32> {
    let device = Default::default();
    let (input, ways) = (model.network.input(), model.network.output());
    let wave = |count: usize, by: f32| {
        let values: Vec<f32> = (0..count * input).map(|i| (i as f32 * by).sin()).collect();
        Tensor::<Flex, 3>::from_data(TensorData::new(values, [1, count, input]), &device)
    };
    let one_hot = (0..ways * ways).map(|at| f32::from(u8::from(at / ways == at % ways)));
    let one_hot = TensorData::new(one_hot.collect::<Vec<f32>>(), [1, ways, ways]);
    let (x, y) = (wave(ways, 0.37), Tensor::from_data(one_hot, &device));
    let tasks = DeviceBatch {
        support_x: x.clone(),
        support_y: y.clone(),
        query_x: x,
        query_y: y,
    };
    let params = to_device::<Flex>(&model.network, &model.params, &device);
    let rates = model.rates.as_ref().unwrap().on(&device);
    let inner = model.inner_loop();
    let theta = inner.adapt(params, &rates, &tasks, steps, |_, _| {});
    to_host(model.network.forward(&theta, wave(4, 0.23)))
}

fn near(a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() < 2e-5 * (1.0 + b.abs()), "{a} and {b}");
    }
}

#[test]
fn before_the_first_step_the_logits_are_the_mean_of_the_members() {
    for sets in [&[][..], &["model.head=prototype"]] {
        let members = [1, 2, 3].map(|seed| member(seed, sets));
        let mut mean = vec![0.0; 4 * 5];
        for member in &members {
            for (mean, own) in mean.iter_mut().zip(logits(member, 0)) {
                *mean += own / 3.0;
            }
        }
        near(&logits(&joined_model(&members), 0), &mean);
    }
}

#[test]
fn the_temperature_of_joined_prototypes_is_the_geometric_mean_over_their_number() {
    let mut members = [1, 2].map(|seed| member(seed, &["model.head=prototype"]));
    for (member, temperature) in members.iter_mut().zip([0.02_f32, 0.5]) {
        member.params.last_mut().unwrap()[0] = temperature.ln();
    }
    let joined = joined_model(&members);
    let temperature = head::temperature(&joined.network, &joined.params).unwrap();
    assert!((temperature - 0.1 / 2.0).abs() < 1e-6, "{temperature}");
}

/// What adapts, and by which rates.
#[test]
fn equal_members_adapt_as_each_of_them() {
    let fixed = "inner.rate={kind=\"fixed\",value=0.2}";
    let learned = "inner.rate={kind=\"learned\",initial=0.2,meta_rate=0.01}";
    for sets in [
        &["inner.adapt=head", learned][..],
        &["inner.adapt=all", learned],
        &["inner.adapt=all", fixed],
        &["inner.adapt=body", learned, "inner.momentum=0.5"],
        &["inner.adapt=all", learned, "model.head=prototype"],
    ] {
        let own = member(1, sets);
        let joined = joined_model(&[own.clone(), own.clone()]);
        for steps in [1, 3] {
            near(&logits(&joined, steps), &logits(&own, steps));
        }
        assert_ne!(logits(&own, 3), logits(&own, 1), "{sets:?}");
    }
}

#[test]
fn what_cannot_be_joined_is_named() {
    let refusal = |members: &[TrainedModel]| join(members, "joined").unwrap_err().to_string();
    let own = member(1, &[]);
    assert!(refusal(std::slice::from_ref(&own)).contains("1 runs are named, at least 2"));
    let other = member(
        2,
        &["tasks.ways=2", "model.layers=[{kind=\"dense\",out=2}]"],
    );
    let error = refusal(&[own.clone(), other]);
    assert!(error.contains("tasks.ways: 5 -> 2"), "{error}");
    let clipped = member(1, &["inner.clip_norm=1.0"]);
    assert!(refusal(&[clipped.clone(), clipped]).contains("inner.clip_norm"));
    for (layers, expected) in [
        ("{kind=\"dense\",out=5}", "layers.0 (dense)"),
        (
            "{kind=\"layer_norm\"},{kind=\"conv\",filters=2,kernel=3},{kind=\"flatten\"},\
             {kind=\"dense\",out=5}",
            "layers.0 (layer_norm)",
        ),
        (
            "{kind=\"conv\",filters=2,kernel=3},{kind=\"softmax\"},{kind=\"flatten\"},\
             {kind=\"dense\",out=5}",
            "layers.1 (softmax)",
        ),
    ] {
        let own = member(1, &[&format!("model.layers=[{layers}]")]);
        let error = refusal(&[own.clone(), own]);
        assert!(error.contains(expected), "{error}");
    }
}
