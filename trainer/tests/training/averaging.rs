//! Parameter averaging on a small scale.

use std::sync::atomic::AtomicBool;

use crate::common;
use burn::backend::Flex;
use mamlet_trainer::model::TrainedModel;
use mamlet_trainer::run::RunDir;
use mamlet_trainer::train::{End, train};

type B = Flex;

const SETS: [&str; 9] = [
    "method=averaging",
    "tasks.amplitude=[0.5,1.0]",
    "model.layers=[{kind=\"dense\",out=16},{kind=\"tanh\"},{kind=\"dense\",out=1}]",
    "model.init.kind=glorot",
    "inner.steps=0",
    "inner.rate={kind=\"tuned\",candidates=[0.001,0.01]}",
    "meta.iterations=300",
    "meta.rate=0.01",
    "averaging={networks=5,regulariser=\"l2_to_mean\",lambda=0.001,target=0.05,iterations=100,batch=16,block=2}",
];

#[test]
fn blocks_are_trained_averaged_and_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let config = common::config(&SETS);
    let start = |name: &str| common::start(&folder.path().join(name), &config);
    let go = |run: &RunDir, stop: bool| {
        let stop = AtomicBool::new(stop);
        train::<B>(&config, run, Default::default(), &stop, |_| {}).unwrap()
    };
    let whole = start("whole");
    assert!(matches!(go(&whole, false), End::Finished(_)));
    let lines = whole.read_metrics().unwrap();
    let done: Vec<u64> = lines.iter().map(|line| line.iteration).collect();
    assert_eq!(done, [2, 4, 5]);
    assert!(
        lines.iter().all(|line| line.loss.unwrap() < 0.2),
        "{lines:?}"
    );

    let parts = start("parts");
    assert_eq!(go(&parts, true), End::Stopped { iteration: 2 });
    assert!(matches!(go(&parts, false), End::Finished(_)));
    let model = |run: &RunDir| TrainedModel::load(run.path()).unwrap();
    assert_eq!(model(&whole).iteration, 5);
    assert_eq!(model(&whole).params, model(&parts).params);
}
