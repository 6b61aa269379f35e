use super::*;
use crate::config::tests::config;

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
