//! Learns a line, saves the adapted weights, forgets them as a restart would,
//! and restores them: the prediction is the same to the last bit, and a damaged
//! checkpoint is refused and changes nothing.
#![no_std]
#![no_main]

use app::{ARTIFACT, println};
use mamlet_runtime::{Artifact, Learner, Model, Rollback};

const SHOTS: usize = 5;
/// Where on the line it predicts.
const QUERY: f32 = 3.0;

/// What takes RAM.
struct Ram {
    learner: [f32; 4400],
    checkpoint: [u8; 7200],
}

app::program!(
    survive,
    Ram = Ram {
        learner: [0.0; 4400],
        checkpoint: [0; 7200]
    }
);

fn survive(ram: &mut Ram) -> Result<(), &'static str> {
    let artifact = Artifact::parse(ARTIFACT).map_err(|_| "artifact")?;
    let model = Model::<5>::new(&artifact).map_err(|_| "model")?;

    let mut learner = start(&model, &mut ram.learner)?;
    for x in [-4.0, -2.0, 0.0, 2.0, 4.0] {
        learner
            .add_values(&[x], &[0.5 * x])
            .map_err(|_| "example")?;
    }
    learner.adapt().map_err(|_| "adapt")?;
    learner.commit();
    let learnt = predict(&mut learner)?;
    let length = learner.save(&mut ram.checkpoint).map_err(|_| "save")?;
    println!("saved {} bytes, predicts {:08x}", length, learnt);

    let mut learner = start(&model, &mut ram.learner)?;
    println!("after a restart: predicts {:08x}", predict(&mut learner)?);
    let checkpoint = ram.checkpoint.get_mut(..length).ok_or("length")?;
    learner.restore(checkpoint).map_err(|_| "restore")?;
    let restored = predict(&mut learner)?;
    println!("restored: predicts {:08x}", restored);

    *checkpoint.last_mut().ok_or("length")? ^= 1;
    if let Err(error) = learner.restore(checkpoint) {
        println!("with one bit changed: {}", error);
    }
    learner.discard();
    match [restored, predict(&mut learner)?] == [learnt; 2] {
        true => Ok(()),
        false => Err("another prediction"),
    }
}

fn start<'m>(model: &'m Model<'m, 5>, memory: &'m mut [f32]) -> Result<Learner<'m>, &'static str> {
    Learner::new(model, SHOTS, Rollback::ToCommitted, memory).map_err(|_| "memory")
}

/// The bits of a prediction.
fn predict(learner: &mut Learner<'_>) -> Result<u32, &'static str> {
    let output = learner.predict(&[QUERY]).map_err(|_| "predict")?;
    output.first().map(|y| y.to_bits()).ok_or("no output")
}
