//! Replays the artifact's golden vectors: outputs, the gradient, the loss of
//! every step and the adapted weights must be the host's, bit for bit.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use mamlet_runtime::golden::{self, Agreement, Verification};
use mamlet_runtime::{Artifact, Learner, Model, Rollback};
use mps2_an386::{ARTIFACT, fail, hprintln, succeed};

#[entry]
fn main() -> ! {
    static mut MEMORY: [f32; 3100] = [0.0; 3100];
    let Some(verification) = verify(MEMORY) else {
        fail()
    };
    let print = |what, agreement: Agreement| {
        let Agreement {
            identical, total, ..
        } = agreement;
        hprintln!("{}: {} of {} bit for bit", what, identical, total);
    };
    print("outputs", verification.outputs);
    print("losses", verification.losses);
    print("gradients", verification.gradients);
    hprintln!(
        "adapted weights identical: {}",
        verification.adapted_identical
    );
    if verification.is_identical() {
        succeed()
    }
    fail()
}

fn verify(memory: &mut [f32]) -> Option<Verification> {
    let artifact = Artifact::parse(ARTIFACT).ok()?;
    let model = Model::<5>::new(&artifact).ok()?;
    let examples = artifact.golden().ok()??.sizes.examples as usize;
    let mut learner = Learner::new(&model, examples, Rollback::ToInitialisation, memory).ok()?;
    golden::verify(&artifact, &mut learner).ok()
}
