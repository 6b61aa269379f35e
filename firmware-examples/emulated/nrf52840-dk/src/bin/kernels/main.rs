//! Measures single passes of single layers: each is the difference of two
//! networks, one of which has it and the other not, over [`STEPS`] steps of
//! adaptation or one prediction. Prints one JSON object for each, whose regions
//! `cargo xtask measure --kernels` finds in the order in which they run: with
//! it, without it, and a naive version. Before that it checks on networks of many
//! shapes that the kernels compute the bits that a host computes.
#![no_std]
#![no_main]

mod naive;
mod rows;

use cortex_m_rt::entry;
use mamlet_runtime::{
    Adaptation, Artifact, Learner, Model, Outcome, Rollback, Setup, weights_crc32,
};
use networks::{EXAMPLES, LARGEST, LAYERS, STEPS};
use nrf52840_dk::count::Counters;
use nrf52840_dk::{fail, hprintln, succeed};
use rows::{ROWS, Row, Work};

/// Cycles of a multiply-accumulate whose operands lie in memory: a load, a
/// multiplication, an addition.
const FLOOR: &str = "3";
/// The same of 8-bit integers: a load of four, two to widen them, two that
/// multiply and add two products each.
const INTEGER_FLOOR: &str = "1.25";
/// The largest output: ten examples of 64 numbers.
const OUTPUTS: usize = EXAMPLES * 64;

#[entry]
fn main() -> ! {
    static mut MEMORY: [f32; 44_000] = [0.0; 44_000];
    static mut INPUTS: [f32; LARGEST] = [0.0; LARGEST];
    let Some(mut counters) = Counters::take() else {
        fail()
    };
    for (number, case) in networks::CASES.iter().enumerate() {
        if agrees(case, MEMORY).is_none() {
            hprintln!("case {number} of the networks: other bits than on the host");
            fail();
        }
    }
    for (i, x) in INPUTS.iter_mut().enumerate() {
        *x = networks::measured(i);
    }
    for row in &ROWS {
        if measure(row, &mut counters, INPUTS, MEMORY).is_none() {
            hprintln!("{} {} does not run", row.kernel, row.shape);
            fail();
        }
    }
    succeed()
}

/// Adapts and predicts as the host did, bit for bit: `None` where it is not so.
#[inline(never)]
fn agrees(case: &networks::Case, memory: &mut [f32]) -> Option<()> {
    let mut model = Model::<LAYERS>::default();
    model.load(&Artifact::parse(case.artifact).ok()?).ok()?;
    let rollback = Rollback::ToInitialisation;
    let mut learner = Learner::new(&model, case.examples, rollback, memory).ok()?;
    for index in 0..case.examples {
        let values = networks::example(index);
        let (x, y) = (
            values.get(..model.inputs())?,
            values.get(..model.outputs())?,
        );
        learner.add_values(x, y).ok()?;
    }
    if learner.adapt().ok()?.outcome != Outcome::Adapted {
        return None;
    }
    let same_weights = weights_crc32(learner.weights()?) == case.weights_crc32;
    let first = networks::example(0);
    let prediction = learner.predict(first.get(..model.inputs())?).ok()?;
    let bits = prediction.iter().map(|y| y.to_bits());
    (same_weights && bits.eq(case.prediction.iter().copied())).then_some(())
}

/// Runs a row and prints what it is; the figures are those of the regions.
fn measure(row: &Row, counters: &mut Counters, inputs: &[f32], memory: &mut [f32]) -> Option<()> {
    let Row {
        kernel,
        shape,
        work,
        integer,
        ..
    } = row;
    let mut macs = [0; 2];
    for (macs, artifact) in macs.iter_mut().zip([row.with, row.without]) {
        *macs = match *work {
            Work::Steps(examples) => adapt(counters, inputs, memory, artifact, examples)?,
            Work::Queries(examples) => query(counters, inputs, memory, artifact, examples)?,
            Work::Prediction => predict(counters, inputs, memory, artifact)?,
        };
    }
    let macs = macs[0].checked_sub(macs[1])?;
    let (steps, regions) = match work {
        Work::Steps(_) => (STEPS, 2),
        Work::Queries(_) | Work::Prediction => (1, 1),
    };
    memory.fill(0.5);
    let mut done = false;
    counters.instructions(|| done = row.naive.run(memory).is_some());
    if !done {
        return None;
    }
    let floor = if *integer { INTEGER_FLOOR } else { FLOOR };
    hprintln!(
        "{{\"kernel\":\"{kernel}\",\"shape\":\"{shape}\",\"macs\":{macs},\"steps\":{steps},\
         \"regions\":{regions},\"floor\":{floor}}}"
    );
    Some(())
}

/// Adapts with one step, then with [`STEPS`] more. Returns the
/// multiply-accumulates of one step.
#[inline(never)]
fn adapt(
    counters: &mut Counters,
    inputs: &[f32],
    memory: &mut [f32],
    artifact: &'static [u8],
    examples: usize,
) -> Option<u64> {
    let mut model = Model::<LAYERS>::default();
    model.load(&Artifact::parse(artifact).ok()?).ok()?;
    let mut learner = Learner::new(&model, examples, Rollback::ToInitialisation, memory).ok()?;
    for example in 0..examples {
        let x = inputs.get(example..example + model.inputs())?;
        learner
            .add_values(x, [1.0; 64].get(..model.outputs())?)
            .ok()?;
    }
    for steps in [1, 1 + STEPS] {
        let recipe = Adaptation {
            steps: Some(steps),
            rate: None,
        };
        let mut outcome = None;
        counters.instructions(|| {
            outcome = learner.adapt_with(recipe).ok().map(|report| report.outcome);
        });
        if outcome != Some(Outcome::Adapted) {
            return None;
        }
    }
    Some(model.cost().adaptation(examples, 1) - model.cost().adaptation(examples, 0))
}

/// Predicts several examples at once. Returns the multiply-accumulates.
#[inline(never)]
fn query(
    counters: &mut Counters,
    inputs: &[f32],
    memory: &mut [f32],
    artifact: &'static [u8],
    examples: usize,
) -> Option<u64> {
    let mut model = Model::<LAYERS>::default();
    model.load(&Artifact::parse(artifact).ok()?).ok()?;
    let mut outputs = [0.0; OUTPUTS];
    let outputs = outputs.get_mut(..examples * model.outputs())?;
    let inputs = inputs.get(..examples * model.inputs())?;
    let setup = Setup::new(0).queries(examples);
    let mut learner = Learner::with(&model, setup, memory).ok()?;
    let mut done = false;
    counters.instructions(|| done = learner.predict_batch(inputs, outputs).is_ok());
    done.then(|| examples as u64 * model.cost().prediction())
}

/// Predicts once. Returns the multiply-accumulates.
#[inline(never)]
fn predict(
    counters: &mut Counters,
    inputs: &[f32],
    memory: &mut [f32],
    artifact: &'static [u8],
) -> Option<u64> {
    let mut model = Model::<LAYERS>::default();
    model.load(&Artifact::parse(artifact).ok()?).ok()?;
    let input = inputs.get(..model.inputs())?;
    let mut done = false;
    counters.instructions(|| done = model.predict(input, memory).is_ok());
    done.then(|| model.cost().prediction())
}
