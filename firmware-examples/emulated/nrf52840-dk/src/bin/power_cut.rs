//! Learns, saves, learns something else, and loses power while saving that:
//! after the reset it predicts what it did before, to the bit. Then it saves
//! again, is reset once more, and has what it learnt last.
//!
//! The power is cut in the middle of a word: see [`nrf52840_dk::flash`].
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use mamlet_runtime::storage::{Store, flash_needed};
use mamlet_runtime::{Artifact, Learner, Model, Rollback};
use nrf52840_dk::flash::{self, PAGE};
use nrf52840_dk::{ARTIFACT, fail, hprintln, succeed};

// Two pages for the 1761 weights, and two for those before.
const FLASH: usize = flash_needed(1761, 1, PAGE);
const _: () = assert!(FLASH <= flash::FLASH);
/// Words after which the power fails.
const CUT: u32 = 1000;
/// `3 sin(x − 1)` and `1.5 sin(x − 2.5)` at the points of [`learn`].
const FIRST: [f32; 5] = [
    2.876_772_8,
    -0.423_360_03,
    -2.524_413,
    2.524_413,
    0.423_360_03,
];
const SECOND: [f32; 5] = [-0.322680, 1.466295, -0.897708, -0.719138, 1.496242];
const QUERY: [f32; 3] = [-3.0, 1.0, 3.0];

#[entry]
fn main() -> ! {
    static mut MEMORY: [f32; 2560] = [0.0; 2560];
    let life = flash::life();
    match live(life, MEMORY) {
        Ok(()) if life == 2 => {
            flash::end();
            succeed()
        }
        Ok(()) => flash::reset(),
        Err(error) => {
            hprintln!("failed: {}", error);
            fail()
        }
    }
}

/// What happens from one reset to the next.
fn live(life: u32, memory: &mut [f32]) -> Result<(), &'static str> {
    let artifact = Artifact::parse(ARTIFACT).map_err(|_| "artifact")?;
    let model = Model::<5>::new(&artifact).map_err(|_| "model")?;
    let rollback = Rollback::ToInitialisation;
    let mut learner = Learner::new(&model, 5, rollback, memory).map_err(|_| "memory")?;
    match life {
        0 => hprintln!("power on, blank flash of {} bytes", FLASH),
        _ => hprintln!("power on"),
    }
    let flash = flash::flash();
    let mut store = Store::new(flash, 0..FLASH as u32, 1).map_err(|_| "region")?;
    let found = store.restore(0, &mut learner).map_err(|_| "restore")?;
    match found {
        Some(stored) => hprintln!(
            "found weights of {} steps, support loss {:.6}",
            stored.steps,
            stored.loss_after
        ),
        None => hprintln!("found nothing"),
    }
    show("in use", &mut learner)?;
    match life {
        0 => {
            learn(&mut learner, FIRST)?;
            show("learnt 3 sin(x - 1)", &mut learner)?;
            store.save(0, &learner).map_err(|_| "save")?;
            hprintln!("saved");
            learn(&mut learner, SECOND)?;
            show("learnt 1.5 sin(x - 2.5)", &mut learner)?;
            hprintln!("saving, power fails after {} words", CUT);
            let flash = flash::flash_until(CUT);
            let mut store = Store::new(flash, 0..FLASH as u32, 1).map_err(|_| "region")?;
            store.save(0, &learner).map_err(|_| "save")?;
            Err("the power did not fail")
        }
        1 => {
            learn(&mut learner, SECOND)?;
            store.save(0, &learner).map_err(|_| "save")?;
            hprintln!("learnt again and saved");
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Adapts to five points of a sinusoid.
fn learn(learner: &mut Learner<'_>, points: [f32; 5]) -> Result<(), &'static str> {
    learner.clear_examples();
    for (x, y) in [-4.0, -2.0, 0.0, 2.0, 4.0].into_iter().zip(points) {
        learner.add_values(&[x], &[y]).map_err(|_| "example")?;
    }
    learner.adapt().map_err(|_| "adapt").map(|_| ())
}

/// Prints the weights in use and what they predict, as bits.
fn show(what: &str, learner: &mut Learner<'_>) -> Result<(), &'static str> {
    let weights = learner.weights().map(mamlet_runtime::weights_crc32);
    let mut outputs = [0; QUERY.len()];
    for (output, x) in outputs.iter_mut().zip(QUERY) {
        let y = learner.predict(&[x]).map_err(|_| "predict")?;
        *output = y.first().ok_or("no output")?.to_bits();
    }
    let [first, second, third] = outputs;
    match weights {
        Some(crc) => hprintln!(
            "  {}: weights {:08x}, predicts {:08x} {:08x} {:08x}",
            what,
            crc,
            first,
            second,
            third
        ),
        None => hprintln!(
            "  {}: initialisation, predicts {:08x} {:08x} {:08x}",
            what,
            first,
            second,
            third
        ),
    }
    Ok(())
}
