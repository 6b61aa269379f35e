//! Loads, adapts and predicts without printing: the least firmware there is,
//! whose size is reported. Succeeds where the adapted model is closer to the
//! line it was shown than the initialisation was.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use mamlet_runtime::{Artifact, Learner, Model, Outcome, Rollback};
use mps2_an386::{ARTIFACT, fail, succeed};

const SHOTS: usize = 5;

#[entry]
fn main() -> ! {
    static mut MEMORY: [f32; 2560] = [0.0; 2560];
    match learn(MEMORY) {
        Some(true) => succeed(),
        _ => fail(),
    }
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
