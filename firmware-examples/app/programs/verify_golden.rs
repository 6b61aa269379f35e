//! Replays the artifact's golden vectors: outputs, the gradient, the loss of
//! every step and the adapted weights must be the host's, bit for bit.
#![no_std]
#![no_main]

use app::{ARTIFACT, println};
use mamlet_runtime::golden::{self, Agreement, Verification};
use mamlet_runtime::{Artifact, Learner, Model, Rollback};

app::program!(run, [f32; 3100] = [0.0; 3100]);

fn run(memory: &mut [f32]) -> bool {
    let Some(verification) = verify(memory) else {
        return false;
    };
    let print = |what, agreement: Agreement| {
        let Agreement {
            identical, total, ..
        } = agreement;
        println!("{}: {} of {} bit for bit", what, identical, total);
    };
    print("outputs", verification.outputs);
    print("losses", verification.losses);
    print("gradients", verification.gradients);
    println!(
        "adapted weights identical: {}",
        verification.adapted_identical
    );
    verification.is_identical()
}

fn verify(memory: &mut [f32]) -> Option<Verification> {
    let artifact = Artifact::parse(ARTIFACT).ok()?;
    let model = Model::<5>::new(&artifact).ok()?;
    let examples = artifact.golden().ok()??.sizes.examples as usize;
    let mut learner = Learner::new(&model, examples, Rollback::ToInitialisation, memory).ok()?;
    golden::verify(&artifact, &mut learner).ok()
}
