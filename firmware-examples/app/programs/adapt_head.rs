//! Learns five classes of recordings from one example of each. The body of the
//! network, 50 000 weights as 8-bit integers, stays in flash and sees every
//! example once; 645 numbers of the head adapt. Prints how many of 25 other
//! recordings are right before and after, and the weights as bits.
#![no_std]
#![no_main]

use app::{Decimals, HEAD, QUERY, SUPPORT, println};
use mamlet_runtime::{Artifact, Learner, Model, Setup};

// What Model::memory_for asks for, and a little more.
app::program!(learn, [f32; 2560] = [0.0; 2560]);

fn learn(memory: &mut [f32]) -> Result<(), &'static str> {
    let artifact = Artifact::parse(HEAD).map_err(|_| "artifact")?;
    let model = Model::<8>::new(&artifact).map_err(|_| "model")?;
    let setup = Setup::new(SUPPORT.len());
    println!("memory: {} bytes", model.memory_for(setup).total().bytes());
    let mut learner = Learner::with(&model, setup, memory).map_err(|_| "memory")?;
    for (recording, class) in &SUPPORT {
        learner
            .add_class(recording, *class)
            .map_err(|_| "example")?;
    }
    println!("right before: {} of {}", right(&mut learner)?, QUERY.len());
    let report = learner.adapt().map_err(|_| "adapt")?;
    for (step, loss) in report.losses.iter().enumerate() {
        println!(
            "after step {}: support loss {:.6} {:08x}",
            step,
            Decimals(*loss),
            loss.to_bits()
        );
    }
    println!("right after: {} of {}", right(&mut learner)?, QUERY.len());
    let weights = learner.weights().ok_or("rolled back")?;
    println!(
        "adapted weights {:08x}",
        mamlet_runtime::weights_crc32(weights)
    );
    Ok(())
}

/// How many of the queries get the largest output where their class is.
fn right(learner: &mut Learner<'_>) -> Result<usize, &'static str> {
    let mut right = 0;
    for (recording, class) in &QUERY {
        let outputs = learner.predict(recording).map_err(|_| "predict")?;
        let own = *outputs.get(*class).ok_or("class")?;
        right += usize::from(outputs.iter().all(|output| *output <= own));
    }
    Ok(right)
}
