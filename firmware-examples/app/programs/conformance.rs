//! Replays the golden vectors of the conformance suite: every layer, loss and
//! recipe on its own, and some whole networks. Outputs, gradients, losses and
//! adapted weights must be the host's, bit for bit.
#![no_std]
#![no_main]

use app::{CONFORMANCE, println};
use mamlet_runtime::golden::{self, Verification};
use mamlet_runtime::{Artifact, Learner, Model, Setup};

app::program!(run, [f32; 2048] = [0.0; 2048]);

fn run(memory: &mut [f32]) -> bool {
    let mut different = 0;
    for (name, bytes) in CONFORMANCE {
        match verify(bytes, memory) {
            Ok(verification) if verification.is_identical() => println!("{}: identical", name),
            Ok(_) => {
                different += 1;
                println!("{}: DIFFERENT", name);
            }
            Err(error) => {
                different += 1;
                println!("{}: {}", name, error);
            }
        }
    }
    different == 0
}

fn verify(bytes: &'static [u8], memory: &mut [f32]) -> Result<Verification, &'static str> {
    let artifact = Artifact::parse(bytes).map_err(|_| "no artifact")?;
    let model = Model::<12>::new(&artifact).map_err(|_| "no model")?;
    let golden = artifact.golden().map_err(|_| "no golden vectors")?;
    let examples = golden.map_or(0, |golden| golden.sizes.examples as usize);
    let setup = Setup::new(examples);
    let mut learner = Learner::with(&model, setup, memory).map_err(|_| "too little memory")?;
    golden::verify(&artifact, &mut learner).map_err(|_| "no replay")
}
