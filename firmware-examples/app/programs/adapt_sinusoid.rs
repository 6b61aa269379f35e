//! Learns one sinusoid, y = 3 sin(x − 1), from five points and prints the loss
//! of every step, the predictions before and after, and, as bits, what the
//! simulator must print for the same points.
#![no_std]
#![no_main]

use app::{ARTIFACT, Decimals, println};
use mamlet_runtime::{Artifact, Learner, Model, Rollback};

/// `(x, 3 sin(x − 1))`
const SUPPORT: [(f32, f32); 5] = [
    (-4.0, 2.876_772_8),
    (-2.0, -0.423_360_03),
    (0.0, -2.524_413),
    (2.0, 2.524_413),
    (4.0, 0.423_360_03),
];
const QUERY: [(f32, f32); 3] = [(-3.0, 2.270_407_5), (1.0, 0.0), (3.0, 2.727_892_3)];

app::program!(learn, [f32; 2560] = [0.0; 2560]);

fn learn(memory: &mut [f32]) -> Result<(), &'static str> {
    let artifact = Artifact::parse(ARTIFACT).map_err(|_| "artifact")?;
    let model = Model::<5>::new(&artifact).map_err(|_| "model")?;
    let rollback = Rollback::ToInitialisation;
    let mut learner =
        Learner::new(&model, SUPPORT.len(), rollback, memory).map_err(|_| "memory")?;
    for (x, y) in SUPPORT {
        learner.add_values(&[x], &[y]).map_err(|_| "example")?;
    }
    let before = predictions(&mut learner)?;
    let report = learner.adapt().map_err(|_| "adapt")?;
    let after = predictions(&mut learner)?;

    for (step, loss) in report.losses.iter().enumerate() {
        println!(
            "after step {}: support loss {:.6} {:08x}",
            step,
            Decimals(*loss),
            loss.to_bits()
        );
    }
    for ((x, y), (before, after)) in QUERY.iter().zip(before.iter().zip(after)) {
        println!(
            "x {:+.1}: true {:+.4}, before {:+.4}, after {:+.4}",
            Decimals(*x),
            Decimals(*y),
            Decimals(*before),
            Decimals(after)
        );
    }
    let weights = learner.weights().ok_or("rolled back")?;
    println!(
        "adapted weights {:08x}",
        mamlet_runtime::weights_crc32(weights)
    );
    Ok(())
}

fn predictions(learner: &mut Learner<'_>) -> Result<[f32; QUERY.len()], &'static str> {
    let mut outputs = [0.0; QUERY.len()];
    for (output, (x, _)) in outputs.iter_mut().zip(QUERY) {
        let y = learner.predict(&[x]).map_err(|_| "predict")?;
        *output = *y.first().ok_or("no output")?;
    }
    Ok(outputs)
}
