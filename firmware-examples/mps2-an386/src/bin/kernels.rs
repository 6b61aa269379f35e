//! Measures single passes of single layers: each is the difference of two
//! networks, one of which has it and the other not, over [`STEPS`] steps of
//! adaptation or one prediction. Prints one JSON object for each, whose regions
//! `cargo xtask measure --kernels` finds in the order in which they run: with
//! it, without it, and a naive version. Before that it checks on networks of many
//! shapes that the kernels compute the bits that a host computes.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use mamlet_runtime::{Adaptation, Artifact, Learner, Model, Outcome, Rollback, weights_crc32};
use mps2_an386::count::Counters;
use mps2_an386::{fail, hprintln, succeed};
use networks::{DENSE_ALL, DENSE_BIAS, DENSE_BIAS_THEN_FROZEN, DENSE_FROZEN_THEN_BIAS};

/// Features in and out of a dense layer.
const WIDTH: usize = 64;
/// Examples of an adaptation.
const BATCH: usize = 10;
/// Each network adapts once with one step and once with so many more, so that
/// what comes before the steps and after them drops out.
const STEPS: usize = 3;
/// Cycles of a multiply-accumulate in f32 whose operands lie in memory: a load,
/// a multiplication, an addition.
const FLOOR: &str = "3";

/// What is run of a network.
#[derive(Clone, Copy)]
enum Work {
    /// Steps of adaptation to [`BATCH`] examples.
    Steps,
    /// One prediction.
    Prediction,
}

/// A line of the table.
struct Row {
    kernel: &'static str,
    shape: &'static str,
    work: Work,
    with: &'static [u8],
    without: &'static [u8],
    naive: fn(&mut [f32]),
}

/// The table.
static ROWS: [Row; 4] = [
    Row {
        kernel: "dense, forward",
        shape: "64 → 64, 10 examples",
        work: Work::Steps,
        with: DENSE_FROZEN_THEN_BIAS,
        without: DENSE_BIAS,
        naive: |memory| forward(memory, BATCH),
    },
    Row {
        kernel: "dense, forward",
        shape: "64 → 64, 1 example",
        work: Work::Prediction,
        with: DENSE_FROZEN_THEN_BIAS,
        without: DENSE_BIAS,
        naive: |memory| forward(memory, 1),
    },
    Row {
        kernel: "dense, backward by input",
        shape: "64 → 64, 10 examples",
        work: Work::Steps,
        with: DENSE_BIAS_THEN_FROZEN,
        without: DENSE_FROZEN_THEN_BIAS,
        naive: by_input,
    },
    Row {
        kernel: "dense, backward by weights",
        shape: "64 → 64, 10 examples",
        work: Work::Steps,
        with: DENSE_ALL,
        without: DENSE_BIAS,
        naive: by_weights,
    },
];

#[entry]
fn main() -> ! {
    static mut MEMORY: [f32; 16_000] = [0.0; 16_000];
    let Some(mut counters) = Counters::take() else {
        fail()
    };
    for (number, case) in networks::CASES.iter().enumerate() {
        if agrees(case, MEMORY).is_none() {
            hprintln!("case {number} of the networks: other bits than on the host");
            fail();
        }
    }
    for row in &ROWS {
        if measure(row, &mut counters, MEMORY).is_none() {
            fail();
        }
    }
    succeed()
}

/// Adapts and predicts as the host did, bit for bit: `None` where it is not so.
#[inline(never)]
fn agrees(case: &networks::Case, memory: &mut [f32]) -> Option<()> {
    let mut model = Model::<2>::default();
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
fn measure(row: &Row, counters: &mut Counters, memory: &mut [f32]) -> Option<()> {
    let Row {
        kernel,
        shape,
        work,
        ..
    } = row;
    let mut macs = [0; 2];
    for (macs, artifact) in macs.iter_mut().zip([row.with, row.without]) {
        *macs = match work {
            Work::Steps => adapt(counters, memory, artifact)?,
            Work::Prediction => predict(counters, memory, artifact)?,
        };
    }
    let macs = macs[0] - macs[1];
    let (steps, regions) = match work {
        Work::Steps => (STEPS, 2),
        Work::Prediction => (1, 1),
    };
    memory.fill(0.5);
    counters.instructions(|| (row.naive)(memory));
    hprintln!(
        "{{\"kernel\":\"{kernel}\",\"shape\":\"{shape}\",\"macs\":{macs},\"steps\":{steps},\
         \"regions\":{regions},\"floor\":{FLOOR}}}"
    );
    Some(())
}

/// Adapts with one step, then with [`STEPS`] more. Returns the
/// multiply-accumulates of one step.
#[inline(never)]
fn adapt(counters: &mut Counters, memory: &mut [f32], artifact: &'static [u8]) -> Option<u64> {
    let mut model = Model::<2>::default();
    model.load(&Artifact::parse(artifact).ok()?).ok()?;
    let mut learner = Learner::new(&model, BATCH, Rollback::ToInitialisation, memory).ok()?;
    for example in 0..BATCH {
        let x: [f32; WIDTH] = core::array::from_fn(|i| ((example + i) % 7) as f32 - 3.0);
        learner.add_values(&x, &[1.0; WIDTH]).ok()?;
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
    Some(model.cost().adaptation(BATCH, 1) - model.cost().adaptation(BATCH, 0))
}

/// Predicts once. Returns the multiply-accumulates.
#[inline(never)]
fn predict(counters: &mut Counters, memory: &mut [f32], artifact: &'static [u8]) -> Option<u64> {
    let mut model = Model::<2>::default();
    model.load(&Artifact::parse(artifact).ok()?).ok()?;
    let mut done = false;
    counters.instructions(|| done = model.predict(&[0.5; WIDTH], memory).is_ok());
    done.then(|| model.cost().forward)
}

/// The naive versions take their operands one behind the other: x, W, y.
fn operands(memory: &mut [f32]) -> Option<(&mut [f32], &mut [f32], &mut [f32])> {
    let (x, rest) = memory.split_at_mut_checked(BATCH * WIDTH)?;
    let (weight, rest) = rest.split_at_mut_checked(WIDTH * WIDTH)?;
    Some((x, weight, rest.get_mut(..BATCH * WIDTH)?))
}

/// `y = x W`
fn forward(memory: &mut [f32], examples: usize) {
    let Some((x, weight, y)) = operands(memory) else {
        fail()
    };
    for i in 0..examples {
        for j in 0..WIDTH {
            let mut sum = 0.0;
            for k in 0..WIDTH {
                sum += x[i * WIDTH + k] * weight[k * WIDTH + j];
            }
            y[i * WIDTH + j] = sum;
        }
    }
}

/// `dx = dy Wᵀ`
fn by_input(memory: &mut [f32]) {
    let Some((dx, weight, dy)) = operands(memory) else {
        fail()
    };
    for i in 0..BATCH {
        for k in 0..WIDTH {
            let mut sum = 0.0;
            for j in 0..WIDTH {
                sum += dy[i * WIDTH + j] * weight[k * WIDTH + j];
            }
            dx[i * WIDTH + k] = sum;
        }
    }
}

/// `dW = xᵀ dy`
fn by_weights(memory: &mut [f32]) {
    let Some((x, weight, dy)) = operands(memory) else {
        fail()
    };
    for k in 0..WIDTH {
        for j in 0..WIDTH {
            let mut sum = 0.0;
            for i in 0..BATCH {
                sum += x[i * WIDTH + k] * dy[i * WIDTH + j];
            }
            weight[k * WIDTH + j] = sum;
        }
    }
}
