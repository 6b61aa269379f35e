use super::*;
use crate::config::tests::{WAVEFORMS, config};

fn error(sets: &[&str]) -> String {
    let model = TrainedModel::initial(config(sets)).unwrap();
    export(&model, None, &Options::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn recipes_that_an_artifact_cannot_carry_are_refused() {
    for (set, word) in [
        ("inner.momentum=0.9", "inner.momentum"),
        ("inner.clip_norm=1.0", "inner.clip_norm"),
        ("inner.loss={kind=\"huber\",delta=1.0}", "Huber"),
    ] {
        let message = error(&[set]);
        assert!(
            message.contains(word) && message.contains("trained without it"),
            "{message}"
        );
    }
    let plain = TrainedModel::initial(config(&[])).unwrap();
    assert!(export(&plain, None, &Options::default()).is_ok());
}

#[test]
fn shots_are_counted_for_each_class() {
    let model = TrainedModel::initial(config(&WAVEFORMS)).unwrap();
    let options = Options {
        golden_shots: 2,
        ..Options::default()
    };
    let made = export(&model, None, &options).unwrap();
    let artifact = made.file.artifact().unwrap();
    assert_eq!(artifact.golden().unwrap().unwrap().sizes.examples, 10);
    let survey = Safety::survey(&model, &made.file, 4, &[1, 3], &[1, 2]).unwrap();
    assert_eq!((survey.adaptations, survey.worse), (16, 0));
}
