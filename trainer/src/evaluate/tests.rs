use burn::backend::Flex;
use burn::tensor::Tensor;

use super::*;
use crate::config::tests::{WAVEFORMS, config};
use crate::meta::to_host;

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

fn report(sets: &[&str], protocol: &Protocol) -> Report {
    let model = TrainedModel::initial(config(sets)).unwrap();
    let models = [("run".to_owned(), model)];
    evaluate::<Flex>(&models, protocol, &Default::default(), |_, _| {}).unwrap()
}

#[test]
fn accuracy_is_reported_where_tasks_have_classes() {
    let small = |usual: Protocol| Protocol {
        tasks: 20,
        steps: 3,
        ..usual
    };
    // Even a random layer learns a little of noiseless waveforms.
    let sets = [&WAVEFORMS[..], &["inner.rate.value=0.1", "tasks.noise=0.0"]].concat();
    let usual = Protocol::usual(&config(&sets).tasks);
    assert_eq!((usual.shots.clone(), usual.queries), (vec![1, 5], 15));
    let waveforms = report(&sets, &small(usual));
    assert_eq!(waveforms.measure(), Measure::Accuracy);
    let steps = &waveforms.shots[1].methods[0].steps;
    let [before, after] = [0, 3].map(|step: usize| steps[step].of(Measure::Accuracy).unwrap());
    assert!(before.mean < 40.0 && after.mean > 45.0, "{steps:?}");
    assert!(after.half_width > 0.0 && after.half_width < 20.0);
    assert_eq!(steps[3].accuracy.unwrap().mean * 100.0, after.mean);

    let sinusoids = report(&[], &small(Protocol::default()));
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
