use super::*;
use crate::config::tests::config;

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
