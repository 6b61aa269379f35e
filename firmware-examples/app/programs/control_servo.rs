//! Five servos that nobody has seen: motors wired either way round, with friction and
//! loads of their own. A policy acts for four episodes of 40 steps, learns from them by a
//! policy-gradient step, twice, and keeps what it learnt or goes back.
//!
//! `mamlet-sim act firmware-examples/artifacts/servo.mamlet --plant servo` does the same,
//! bit for bit.
#![no_std]
#![no_main]

use app::{Decimals, SERVO, println};
use mamlet_plants::Servo;
use mamlet_plants::session::{Session, Stage};
use mamlet_runtime::{Actor, Artifact, Model};

/// The seeds of the units.
const UNITS: [u64; 5] = [1, 2, 3, 4, 5];

// What Actor::memory asks for, and a little more.
app::program!(control, [f32; 1600] = [0.0; 1600]);

fn control(memory: &mut [f32]) -> Result<(), &'static str> {
    let artifact = Artifact::parse(SERVO).map_err(|_| "artifact")?;
    let model = Model::<8>::new(&artifact).map_err(|_| "model")?;
    let policy = artifact.policy().ok_or("no policy")?;
    println!(
        "memory: {} bytes",
        Actor::memory(&model, policy).total().bytes()
    );
    for unit in UNITS {
        let mut actor = Actor::new(&model, policy, unit, memory).map_err(|_| "memory")?;
        let mut session = Session::<Servo>::new(unit).map_err(|_| "session")?;
        // A u64 would keep a panic where it is printed.
        let unit = unit as u32;
        let told = |stage: &Stage| {
            let (drawn, likeliest) = (stage.acting.mean, stage.likeliest);
            println!(
                "unit {}, after {} steps: drawn {:.3} ({:08x}), likeliest {:.3} ({:08x})",
                unit,
                stage.steps as u32,
                Decimals(drawn),
                drawn.to_bits(),
                Decimals(likeliest),
                likeliest.to_bits()
            );
        };
        let ending = session.run(&mut actor, model.steps(), told);
        let ending = ending.map_err(|_| "a session that broke off")?;
        let verdict = match ending.verdict {
            Some(verdict) if verdict.kept => "kept",
            _ => "gone back",
        };
        let weights = actor.weights().map_or(0, mamlet_runtime::weights_crc32);
        println!(
            "unit {}, {}: likeliest {:.3} ({:08x}), weights ({:08x})",
            unit,
            verdict,
            Decimals(ending.likeliest),
            ending.likeliest.to_bits(),
            weights
        );
    }
    Ok(())
}
