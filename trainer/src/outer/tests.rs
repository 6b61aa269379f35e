use burn::backend::Flex;

use burn::tensor::{Tensor, TensorData};

use super::{Trainer, Training};
use crate::algorithms::Maml;
use crate::config::tests::{WAVEFORMS, config};
use crate::meta::{to_device, to_host};
use crate::model::TrainedModel;
use crate::nn::{HeadStart, head};
use crate::run::Checkpoint;
use crate::tasks::DeviceBatch;

type B = Flex;

/// A trainer of the tests' experiment with overrides.
fn trainer(sets: &[&str]) -> Trainer<B, Maml> {
    let config = config(sets);
    let tasks = config.tasks.open_to_train(config.meta.ways).unwrap();
    Trainer::new(Maml {}, &config, tasks, &Default::default()).unwrap()
}

fn after(sets: &[&str], steps: usize) -> Checkpoint {
    let mut trainer = trainer(sets);
    for _ in 0..steps {
        trainer.step().unwrap();
    }
    trainer.checkpoint()
}

/// The parameters one step after `checkpoint`.
fn next(sets: &[&str], checkpoint: &Checkpoint) -> Vec<f32> {
    let mut trainer = trainer(sets);
    trainer.restore(checkpoint).unwrap();
    trainer.step().unwrap();
    trainer.checkpoint().params
}

#[test]
fn derivatives_change_order_at_exactly_the_iteration_that_is_named() {
    // Larger steps than those of the file, for the orders to differ by more
    // than rounding.
    let rate = "inner.rate.value=0.1";
    let annealed = [rate, "inner.second_order_from=3"];
    let (first, second) = ([rate, "inner.order=first"], [rate]);
    let before = after(&annealed, 3);
    assert_eq!(before.params, after(&first, 3).params);
    assert_ne!(before.params, after(&second, 3).params);
    let there = next(&annealed, &before);
    assert_eq!(there, next(&second, &before));
    assert_ne!(there, next(&first, &before));
}

#[test]
fn weight_decay_pulls_on_weights_alone_and_fades_with_the_rate() {
    // Gradients too small to matter leave the decay alone.
    let sets = [
        "meta.optimiser=adamw",
        "meta.weight_decay=0.5",
        "meta.betas=[0.0,0.0]",
        "meta.clip_value=1e-20",
        "meta.rate=0.1",
        "meta.warm_up=2",
    ];
    let start = after(&sets, 0).params;
    let end = after(&sets, 2).params;
    // Weights 1x4, biases 4, weights 4x1, bias 1.
    let kept = (1.0 - 0.5 * 0.5 * 0.1) * (1.0 - 0.5 * 0.1);
    for (index, (start, end)) in start.iter().zip(&end).enumerate() {
        let decays = index < 4 || (8..12).contains(&index);
        let expected = if decays { start * kept } else { *start };
        assert!((end - expected).abs() < 1e-6, "{index}: {end} {expected}");
    }
}

/// For waveforms, of which there are five.
const TWO_LAYERS: &str =
    "model.layers=[{kind=\"dense\",out=4},{kind=\"tanh\"},{kind=\"dense\",out=5}]";

/// Classification with a shared head, trained on six ways, evaluated on three.
fn shared<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let own = [
        "tasks.length=8",
        "tasks.ways=3",
        "model.layers=[{kind=\"dense\",out=4},{kind=\"tanh\"},{kind=\"dense\",out=3}]",
        "model.head=shared",
        "meta.ways=6",
        "inner.steps=2",
        "inner.rate={kind=\"learned\",initial=0.5,meta_rate=0.01}",
        "meta.rate=0.05",
    ];
    [&WAVEFORMS[..], &own, more].concat()
}

#[test]
fn a_shared_head_stays_shared_and_is_trained() {
    for method in [
        &["inner.adapt=head"][..],
        &[],
        &[
            "method=reptile",
            "inner.rate={kind=\"fixed\",value=0.1}",
            "reptile={steps=3,rate=0.1,optimiser=\"sgd\"}",
        ],
    ] {
        let sets = shared(method);
        let (start, end) = (after(&sets, 0), after(&sets, 3));
        // Weights 64x4 or 8x4, biases 4; then the head, weights 4x6, biases 6.
        let body = start.params.len() - 5 * 6;
        let outputs = |params: &[f32]| -> Vec<Vec<f32>> {
            let rows = params[body..].chunks_exact(6);
            rows.map(<[f32]>::to_vec).collect()
        };
        for row in outputs(&start.params).iter().chain(&outputs(&end.params)) {
            assert!(row.iter().all(|value| *value == row[0]), "{row:?}");
        }
        let moved = (0..4).any(|row| outputs(&start.params)[row] != outputs(&end.params)[row]);
        assert!(moved && start.params[..body] != end.params[..body]);
    }
}

/// `ln τ` alone is trained of the head, goes on from a checkpoint as if nothing had been,
/// and is the same for any number of classes.
#[test]
fn the_temperature_of_prototypes_is_trained_and_kept() {
    for adapt in ["inner.adapt=head", "inner.adapt=all"] {
        let sets = shared(&["model.head=prototype", adapt]);
        let (start, end) = (after(&sets, 0), after(&sets, 3));
        assert_eq!(after(&sets, 4).params, next(&sets, &end));
        let head = start.params.len() - 5 * 6;
        let (weights, bias) = end.params[head..].split_at(4 * 6);
        assert!(weights.iter().chain(&bias[1..]).all(|&value| value == 0.0));
        assert_ne!(bias[0], start.params[head + 4 * 6]);
        assert_ne!(start.params[..head], end.params[..head]);
        let three = TrainedModel::from_checkpoint(config(&sets), &end).unwrap();
        for ways in [2, 3, 9] {
            let model = three.clone().with_ways(ways).unwrap();
            let temperature = head::temperature(&model.network, &model.params);
            assert_eq!(temperature, Some(bias[0].exp()));
        }
        // Weights are no start for prototypes, nor the other way round.
        let mut own = trainer(&shared(&["model.head=shared", adapt, "seed=2"]));
        let drawn = own.checkpoint().params;
        own.start_from(three.clone()).unwrap();
        let taken = own.checkpoint().params;
        assert_eq!(taken[..head], end.params[..head]);
        assert_eq!(taken[head..], drawn[head..]);
        let mut own = trainer(&shared(&["model.head=prototype", adapt, "seed=2"]));
        own.start_from(three).unwrap();
        assert_eq!(own.checkpoint().params[head + 4 * 6], bias[0]);
    }
}

#[test]
fn training_starts_from_the_body_and_the_shared_head_of_another_run() {
    let sets = shared(&["inner.adapt=head"]);
    let source = TrainedModel::from_checkpoint(config(&sets), &after(&sets, 3)).unwrap();
    let own = shared(&["inner.adapt=head", "model.head=own", "seed=2"]);
    let own: Vec<&str> = own
        .into_iter()
        .filter(|set| *set != "meta.ways=6")
        .collect();
    let mut trainer = trainer(&own);
    let drawn = trainer.checkpoint().params;
    trainer.start_from(source.clone()).unwrap();
    let start = trainer.checkpoint().params;
    assert_eq!(start, source.params.concat());
    assert_ne!(start, drawn);

    // A head of more outputs is drawn, and a body of another size is refused.
    let head_of_four =
        "model.layers=[{kind=\"dense\",out=4},{kind=\"tanh\"},{kind=\"dense\",out=4}]";
    let mut plain = source.clone();
    plain.config.model.head = HeadStart::Own;
    let mut four = self::trainer(&[&own[..], &["tasks.ways=4", head_of_four]].concat());
    let drawn = four.checkpoint().params;
    four.start_from(plain).unwrap();
    let start = four.checkpoint().params;
    let body = start.len() - 5 * 4;
    assert_eq!(start[..body], source.params.concat()[..body]);
    assert_eq!(start[body..], drawn[body..]);
    let wider = "model.layers=[{kind=\"dense\",out=5},{kind=\"tanh\"},{kind=\"dense\",out=3}]";
    let mut wider = self::trainer(&[&own[..], &[wider]].concat());
    let missing = wider.start_from(source).unwrap_err();
    assert_eq!(missing.name, "layers.0.weight");
}

#[test]
fn a_shared_head_takes_any_number_of_classes_with_the_same_first_step() {
    let sets = shared(&["inner.adapt=head"]);
    let checkpoint = after(&sets, 3);
    let three = TrainedModel::from_checkpoint(config(&sets), &checkpoint).unwrap();
    let outputs = [2, 3, 6].map(|ways| three.clone().with_ways(ways).unwrap().network.output());
    assert_eq!(outputs, [2, 3, 6]);
    let parameters = |ways| three.clone().with_ways(ways).unwrap().params.concat();
    assert_eq!(parameters(6), checkpoint.params);
    assert_eq!(
        head::outputs(&three.network, checkpoint.params.len()),
        Some(6)
    );

    // The logits of two classes differ by the same, however many others there are.
    let input = three.network.input();
    let examples: Vec<f32> = (0..6 * input).map(|i| (i as f32 * 12.9898).sin()).collect();
    let query: Vec<f32> = (0..input).map(|i| (i as f32 * 78.233).cos()).collect();
    let device = Default::default();
    let difference = |ways: usize| {
        let model = three.clone().with_ways(ways).unwrap();
        let x = TensorData::new(examples[..ways * input].to_vec(), [1, ways, input]);
        let one_hot = (0..ways * ways).map(|at| f32::from(u8::from(at / ways == at % ways)));
        let y = TensorData::new(one_hot.collect::<Vec<_>>(), [1, ways, ways]);
        let (x, y) = (
            Tensor::<B, 3>::from_data(x, &device),
            Tensor::from_data(y, &device),
        );
        let tasks = DeviceBatch {
            support_x: x.clone(),
            support_y: y.clone(),
            query_x: x,
            query_y: y,
        };
        let params = to_device::<B>(&model.network, &model.params, &device);
        let rates = model.rates.as_ref().unwrap().on(&device);
        let theta = model
            .inner_loop()
            .adapt(params, &rates, &tasks, 1, |_, _| {});
        let query = TensorData::new(query.clone(), [1, 1, input]);
        let logits = to_host(
            model
                .network
                .forward(&theta, Tensor::from_data(query, &device)),
        );
        logits[0] - logits[1]
    };
    let expected = difference(3);
    assert!(expected.abs() > 1e-3, "{expected}");
    for ways in [2, 6] {
        let given = difference(ways);
        assert!(
            (given - expected).abs() < 1e-4 * expected.abs(),
            "{given} {expected}"
        );
    }
}

#[test]
fn a_head_of_its_own_starts_takes_fewer_classes_by_its_first_outputs() {
    let five = config(&[&WAVEFORMS[..], &[TWO_LAYERS]].concat());
    let five = TrainedModel::initial(five).unwrap();
    let two = five.clone().with_ways(2).unwrap();
    assert_eq!(two.network.output(), 2);
    let [.., weight, bias] = &five.params[..] else {
        panic!("no head")
    };
    let rows: Vec<f32> = weight.chunks(5).flat_map(|row| [row[0], row[1]]).collect();
    let count = five.params.len();
    assert_eq!(two.params[..count - 2], five.params[..count - 2]);
    assert_eq!(two.params[count - 2..], [rows, bias[..2].to_vec()]);
    // A class has half of the mean loss where it had a fifth.
    let rate = |model: &TrainedModel| model.rates.as_ref().unwrap().rows()[0].clone();
    let (of_two, of_five) = (rate(&two), rate(&five));
    assert_eq!(of_two[..2], of_five[..2]);
    for (two, five) in of_two[2..].iter().zip(&of_five[2..]) {
        assert!((two / five - 0.4).abs() < 1e-6, "{two} {five}");
    }

    let each = "inner.rate={kind=\"learned\",initial=0.1,meta_rate=0.1,per=\"parameter\"}";
    let each = config(&[&WAVEFORMS[..], &[TWO_LAYERS, each]].concat());
    let error = TrainedModel::initial(each).unwrap().with_ways(2);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("inner.rate.per = \"tensor\""), "{error}");
    for ways in [1, 6] {
        let error = five.clone().with_ways(ways).unwrap_err().to_string();
        assert!(error.contains("model.head = \"shared\""), "{error}");
    }
}

#[test]
fn training_goes_on_with_rates_that_were_learned_for_the_same_tensors() {
    let learned = "inner.rate={kind=\"learned\",initial=0.1,meta_rate=0.1}";
    let sets = [&WAVEFORMS[..], &[TWO_LAYERS, learned, "inner.steps=2"]].concat();
    let checkpoint = after(&sets, 3);
    let source = TrainedModel::from_checkpoint(config(&sets), &checkpoint).unwrap();
    let start = |more: &[&str]| {
        let mut trainer = self::trainer(&[&sets[..], more].concat());
        let drawn = trainer.checkpoint().log_rates;
        trainer.start_from(source.clone()).unwrap();
        (drawn, trainer.checkpoint().log_rates)
    };
    let (drawn, goes_on) = start(&["seed=2"]);
    assert_ne!(drawn, goes_on);
    let are = |given: &[f32], expected: &[f32]| {
        assert_eq!(given.len(), expected.len());
        for (given, expected) in given.iter().zip(expected) {
            assert!((given - expected).abs() < 1e-6, "{given} {expected}");
        }
    };
    let theirs = &checkpoint.log_rates;
    are(&goes_on, theirs);
    let of_step = theirs.len() / 2;
    let (_, more) = start(&["inner.steps=3"]);
    let initial = vec![0.1f32.ln(); of_step];
    are(&more, &[&theirs[..], &initial].concat());
    let (_, fewer) = start(&["inner.steps=1"]);
    are(&fewer, &theirs[..of_step]);
    let (drawn, starts) = start(&["inner.adapt=head"]);
    assert_eq!(drawn, starts);
    // The head's alone, where those below it are said to start elsewhere.
    let head = [&sets[..], &["inner.adapt=head"]].concat();
    let of_head = after(&head, 3);
    let mut whole =
        self::trainer(&[&sets[..], &[&learned.replace('}', ",initial_body=0.003}")]].concat());
    whole
        .start_from(TrainedModel::from_checkpoint(config(&head), &of_head).unwrap())
        .unwrap();
    let body = [0.003f32.ln(); 2];
    let expected: Vec<f32> = of_head
        .log_rates
        .chunks_exact(2)
        .flat_map(|rates| [&body, rates].concat())
        .collect();
    are(&whole.checkpoint().log_rates, &expected);
    // Each parameter's rate starts as its tensor's.
    let (_, each) = start(&[&learned.replace('}', ",per=\"parameter\"}")]);
    let network = &source.network;
    let tensors = network.tensors().iter();
    let sizes = tensors.map(|info| info.dims(1).iter().product::<usize>());
    let of_tensors = sizes.cycle().zip(theirs);
    let expected: Vec<f32> = of_tensors
        .flat_map(|(size, &rate)| vec![rate; size])
        .collect();
    are(&each, &expected);
}

#[test]
fn training_goes_on_below_a_norm_that_is_new() {
    let source = TrainedModel::initial(config(&[&WAVEFORMS[..], &[TWO_LAYERS]].concat())).unwrap();
    let dense = TWO_LAYERS.rsplit_once("{kind=\"dense\"").unwrap();
    let normed = format!(
        "{}{{kind=\"layer_norm\"}},{{kind=\"dense\"{}",
        dense.0, dense.1
    );
    let mut trainer = trainer(&[&WAVEFORMS[..], &[&normed, "seed=2"]].concat());
    trainer.start_from(source.clone()).unwrap();
    let started = trainer.checkpoint().params;
    let below = source.params[0].len() + source.params[1].len();
    assert_eq!(started[..below], source.params[..2].concat());
    let gain = source.params[1].len();
    assert!(started[below..][..gain].iter().all(|&gain| gain == 1.0));

    let mut trainer = self::trainer(&[&WAVEFORMS[..], &[TWO_LAYERS, "seed=2"]].concat());
    let source = TrainedModel::initial(config(&[&WAVEFORMS[..], &[&normed]].concat())).unwrap();
    trainer.start_from(source).unwrap();
}

#[test]
fn the_mean_along_the_way_is_the_result_and_goes_on_where_it_was() {
    let learned = "inner.rate={kind=\"learned\",initial=0.1,meta_rate=0.1}";
    let sets = [learned, "meta.ema=0.6"];
    let end = after(&sets, 4);
    let mean = end.ema.clone().unwrap();
    let path: Vec<Checkpoint> = (1..=4).map(|steps| after(&[learned], steps)).collect();
    assert_eq!(
        (&end.params, &end.log_rates),
        (&path[3].params, &path[3].log_rates)
    );
    let of_path = |values: fn(&Checkpoint) -> &Vec<f32>| {
        let [first, rest @ ..] = &path[..] else {
            panic!("no path")
        };
        let mut mean = values(first).clone();
        // The mean of two is a plain one.
        for (point, weight) in rest.iter().zip([0.5, 0.4, 0.4]) {
            for (mean, point) in mean.iter_mut().zip(values(point)) {
                *mean += weight * (point - *mean);
            }
        }
        mean
    };
    let pairs = [
        (&mean.params, of_path(|point| &point.params)),
        (&mean.log_rates, of_path(|point| &point.log_rates)),
    ];
    for (given, expected) in pairs {
        assert_eq!(given.len(), expected.len());
        for (given, expected) in given.iter().zip(expected) {
            assert!((given - expected).abs() < 1e-6, "{given} {expected}");
        }
    }
    let result = TrainedModel::from_checkpoint(config(&sets), &end).unwrap();
    assert_eq!(result.params.concat(), mean.params);

    let mut resumed = trainer(&sets);
    resumed.restore(&after(&sets, 2)).unwrap();
    resumed.step().unwrap();
    resumed.step().unwrap();
    assert_eq!(resumed.checkpoint(), end);
    resumed.validate().unwrap();
    let best = resumed.checkpoint().best.unwrap();
    assert_eq!((best.params, best.log_rates), (mean.params, mean.log_rates));
}
