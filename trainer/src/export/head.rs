//! Where the head of an artifact starts.

use mamlet_formats::{ArtifactWriter, HeadStart as Start};

use super::parts::Part;
use crate::model::TrainedModel;
use crate::nn::{HeadStart, head};

/// Says where the head starts. Of one at prototypes the artifact has zeros, by which a
/// device predicts before it adapts: all classes are equally likely.
pub(super) fn write(model: &TrainedModel, parts: &mut [Part], writer: &mut ArtifactWriter) {
    let temperature = head::temperature(&model.network, &model.params);
    let (HeadStart::Prototype, Some(temperature)) = (model.config.model.head, temperature) else {
        return;
    };
    writer.head(Start::Prototypes { temperature });
    let values = parts
        .last_mut()
        .into_iter()
        .flat_map(|head| &mut head.tensors);
    values.for_each(|(values, _)| values.fill(0.0));
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use mamlet_formats::HeadStart as Start;

    use crate::config::tests::{WAVEFORMS, config};
    use crate::export::{Options, Quantize, Score, Trial, export};
    use crate::meta::{RateTable, to_device, to_host};
    use crate::model::TrainedModel;
    use crate::predict::{Predictor, Setting, curves};
    use crate::random::{Stream, generator};
    use crate::tasks::Split;

    const LAYERS: &str = "model.layers=[{kind=\"conv\",filters=6,kernel=5,stride=2},\
                          {kind=\"group_norm\",groups=2},{kind=\"relu\"},{kind=\"flatten\"},\
                          {kind=\"dense\",out=5}]";

    fn model(more: &[&str]) -> TrainedModel {
        let own = [
            LAYERS,
            "model.init={kind=\"he\"}",
            "model.head=prototype",
            "inner.steps=3",
            "inner.rate.value=0.01",
        ];
        TrainedModel::initial(config(&[&WAVEFORMS[..], &own, more].concat())).unwrap()
    }

    /// Of the same tasks, the losses of the trainer and the shares that the engine
    /// classifies rightly are those of its `evaluate`.
    #[test]
    fn a_device_that_starts_at_prototypes_does_what_the_trainer_does() {
        for more in [&["inner.adapt=head"][..], &["inner.momentum=0.5"]] {
            for ways in [3, 5, 8] {
                let model = model(more).with_ways(ways).unwrap();
                let options = Options {
                    golden_shots: 2,
                    ..Options::default()
                };
                // The export fails where engine and trainer disagree.
                let made = export(&model, None, &options).unwrap();
                let artifact = made.file.artifact().unwrap();
                let Start::Prototypes { temperature } = artifact.head() else {
                    panic!("{:?}", artifact.head());
                };
                let features = model.network.tensors().iter().rev().nth(1).unwrap().shape[0];
                assert!((temperature * (features as f32).sqrt() - 1.0).abs() < 1e-5);
                let tasks = model.config.tasks.open().unwrap();
                let mut rng = generator(3, Stream::Test, 0);
                let batch = tasks.draw(Split::Test, &mut rng, 1, 2, 7);
                let device_model = mamlet_simulator::Model::new(&artifact).unwrap();
                assert_eq!(device_model.outputs(), ways);
                let rollback = mamlet_runtime::Rollback::ToInitialisation;
                let examples = batch.support_examples();
                let mut memory = vec![0.0; device_model.memory(examples, rollback).total().len()];
                let mut learner =
                    mamlet_runtime::Learner::new(&device_model, examples, rollback, &mut memory)
                        .unwrap();
                let inputs = batch.support_x.values();
                let classes = batch.support_y.chunks_exact(ways);
                for (x, y) in inputs.chunks_exact(batch.input).zip(classes) {
                    let class = y.iter().position(|&y| y > 0.5).unwrap();
                    learner.add_class(x, class).unwrap();
                }
                let device = Default::default();
                let on = batch.clone().to_device::<Flex>(&device);
                let params = to_device(&model.network, &model.params, &device);
                let rates = model.rates.clone().unwrap().on(&device);
                for steps in [0, 1, 3] {
                    let adaptation = mamlet_runtime::Adaptation {
                        steps: Some(steps),
                        rate: None,
                    };
                    let report = learner.adapt_with(adaptation).unwrap();
                    assert_eq!(report.steps(), steps, "{report:?}");
                    let theta =
                        (model.inner_loop()).adapt(params.clone(), &rates, &on, steps, |_, _| {});
                    let expected = to_host(model.network.forward(&theta, on.query_x.clone()));
                    let queries = batch.query_x.values();
                    let rows = queries
                        .chunks_exact(batch.input)
                        .zip(expected.chunks_exact(ways));
                    for (x, expected) in rows {
                        let given = learner.predict(x).unwrap();
                        for (given, expected) in given.iter().zip(expected) {
                            assert!((given - expected).abs() < 1e-3, "{given} {expected}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn prototypes_are_exported_for_no_step_and_with_smaller_numbers() {
        let model = model(&["inner.adapt=head"]);
        let options = Options {
            steps: Some(0),
            max_steps: 0,
            golden_shots: 2,
            episodes: 0,
            quantize: Quantize {
                int8: true,
                f16: true,
            },
            ..Options::default()
        };
        let made = export(&model, None, &options).unwrap();
        let trial = Trial {
            tasks: 40,
            shots: 2,
            queries: 5,
            steps: None,
        };
        let tasks = model.examples().unwrap();
        let score = Score::measure(&model, &*tasks, &made.file, &trial).unwrap();
        assert!(score.mean > 0.2, "{score:?}: chance");
        let own = Options {
            steps: Some(0),
            ..Options::default()
        };
        let stored = TrainedModel::initial(config(&WAVEFORMS)).unwrap();
        let error = export(&stored, None, &own).unwrap_err().to_string();
        assert!(
            error.contains("0 where the head starts at prototypes"),
            "{error}"
        );
    }

    /// A head at prototypes with `τ = 1` and without a step is `method = "prototypical"`.
    #[test]
    fn without_a_step_it_is_a_prototypical_network() {
        let mut model = model(&[]);
        let bias = model.params.last_mut().unwrap();
        bias.fill(0.0);
        let embedding = LAYERS.replace(",{kind=\"dense\",out=5}]", "]");
        let sets = [
            &embedding[..],
            "model.init={kind=\"he\"}",
            "method=prototypical",
            "inner.steps=0",
            "inner.rate={kind=\"none\"}",
        ];
        let prototypical = config(&[&WAVEFORMS[..], &sets].concat());
        let prototypical = TrainedModel::initial(prototypical).unwrap();
        let body = prototypical.params.len();
        assert_eq!(prototypical.params[..], model.params[..body]);
        let tasks = model.config.tasks.open().unwrap();
        let mut rng = generator(3, Stream::Test, 0);
        let batch = tasks.draw(Split::Test, &mut rng, 6, 2, 7);
        let of = |model: &TrainedModel, predictor: Predictor| {
            let tensors = model.network.adapting().len();
            curves::<Flex>(
                (&model.inner_loop(), predictor),
                &model.params,
                &RateTable::constant(0.0, 1, tensors),
                &batch,
                (Setting::Device, 0),
                &Default::default(),
            )
        };
        let own = of(&model, Predictor::Outputs);
        let theirs = of(&prototypical, Predictor::Prototypes);
        assert_eq!(own.accuracy, theirs.accuracy);
        for (own, theirs) in own.query[0].iter().zip(&theirs.query[0]) {
            assert!(
                (own - theirs).abs() < 1e-4 * theirs.abs().max(1.0),
                "{own} {theirs}"
            );
        }
    }
}
