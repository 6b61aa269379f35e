//! Loads, adapts and predicts without printing: the least firmware there is,
//! whose size is reported. Succeeds where the adapted model is closer to the
//! line it was shown than the initialisation was.
#![no_std]
#![no_main]

use app::ARTIFACT;
use mamlet_runtime::{Artifact, Learner, Model, Outcome, Rollback};

const SHOTS: usize = 5;

app::program!(run, [f32; 2560] = [0.0; 2560]);

fn run(memory: &mut [f32]) -> bool {
    learn(memory).unwrap_or(false)
}

fn learn(memory: &mut [f32]) -> Option<bool> {
    let mut model = Model::<5>::default();
    model.load(&Artifact::parse(ARTIFACT).ok()?).ok()?;
    let mut learner = Learner::new(&model, SHOTS, Rollback::ToInitialisation, memory).ok()?;
    for x in [-4.0, -2.0, 0.0, 2.0, 4.0] {
        learner.add_values(&[x], &[0.5 * x]).ok()?;
    }
    let before = (learner.predict(&[3.0]).ok()?.first()? - 1.5).abs();
    let report = learner.adapt().ok()?;
    let after = (learner.predict(&[3.0]).ok()?.first()? - 1.5).abs();
    Some(report.outcome == Outcome::Adapted && after < before)
}
