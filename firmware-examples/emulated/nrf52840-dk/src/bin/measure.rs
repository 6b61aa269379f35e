//! Counts what the workloads take and prints one JSON object for each:
//! instructions, multiply-accumulates and bytes of RAM. Stack is the deepest
//! that a workload goes from loading the artifact to the last prediction, the
//! model, the learner and the report included.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use mamlet_plants::Servo;
use mamlet_plants::session::Session;
use mamlet_runtime::actor::StepOutcome;
use mamlet_runtime::{
    Actor, Adaptation, Artifact, Learner, Memory, Model, Numbers, Outcome, Policy, Rollback,
};
use nrf52840_dk::count::Counters;
use nrf52840_dk::{ARTIFACT, CONTEXT, HEAD, SERVO, SUPPORT, fail, hprintln, succeed};

/// What is measured of a workload.
struct Measurement {
    instructions: u32,
    macs: u64,
    memory: Memory,
}

/// Ten points on a line in ten places, as the peer's benchmark has them.
const SHOTS: usize = 10;

#[entry]
fn main() -> ! {
    static mut MEMORY: [f32; 3100] = [0.0; 3100];
    let Some(mut counters) = Counters::take() else {
        fail()
    };
    let five = |steps| Adaptation {
        steps: Some(steps),
        rate: Some(0.001),
    };
    let recipe = Adaptation::default;
    measure("w1", &mut counters, |c| {
        adapt::<5>(c, MEMORY, ARTIFACT, five(5))
    });
    measure("w1-one-step", &mut counters, |c| {
        adapt::<5>(c, MEMORY, ARTIFACT, five(1))
    });
    measure("w1-recipe", &mut counters, |c| {
        adapt::<5>(c, MEMORY, ARTIFACT, recipe())
    });
    measure("w1-inference", &mut counters, |c| predict(c, MEMORY));
    measure("context", &mut counters, |c| {
        adapt::<6>(c, MEMORY, CONTEXT, recipe())
    });
    measure("head-int8", &mut counters, |c| head(c, MEMORY, false));
    measure("head-int8-example", &mut counters, |c| {
        head(c, MEMORY, true)
    });
    measure("policy-step", &mut counters, |c| policy_step(c, MEMORY));
    succeed()
}

/// Runs a workload on a painted stack and prints what it took.
#[inline(never)]
fn measure(
    name: &str,
    counters: &mut Counters,
    workload: impl FnOnce(&mut Counters) -> Option<Measurement>,
) {
    let (measurement, stack) = counters.stack(workload);
    match measurement {
        Some(measurement) => print(name, &measurement, stack),
        None => fail(),
    }
}

#[inline(never)]
fn print(name: &str, measurement: &Measurement, stack: u32) {
    let Measurement {
        instructions,
        macs,
        memory,
    } = measurement;
    let weights = memory.adapted.bytes();
    let workspace = (memory.support + memory.workspace).bytes();
    let total = weights + workspace + stack as usize;
    hprintln!(
        "{{\"name\":\"{name}\",\"instructions\":{instructions},\"macs\":{macs},\
         \"ram_bytes\":{{\"weights\":{weights},\"workspace\":{workspace},\
         \"stack\":{stack},\"total\":{total}}}}}"
    );
}

#[inline(never)]
fn adapt<const LAYERS: usize>(
    counters: &mut Counters,
    memory: &mut [f32],
    artifact: &'static [u8],
    adaptation: Adaptation,
) -> Option<Measurement> {
    let mut model = Model::<LAYERS>::default();
    load(&mut model, artifact)?;
    let mut learner = Learner::new(&model, SHOTS, Rollback::ToInitialisation, memory).ok()?;
    for point in 0..SHOTS {
        let x = point as f32 - 4.5;
        learner.add_values(&[x], &[0.3 * x]).ok()?;
    }
    let mut report = None;
    let instructions = counters.instructions(|| report = learner.adapt_with(adaptation).ok());
    let report = report.as_ref()?;
    let steps = report.losses.len() - 1;
    learner.predict(&[0.0]).ok()?;
    (report.outcome == Outcome::Adapted).then_some(Measurement {
        instructions,
        macs: model.cost().adaptation(SHOTS, steps),
        memory: model.memory(SHOTS, Rollback::ToInitialisation),
    })
}

/// Adapts the head of a network whose body is 8-bit integers to five
/// recordings; counts that, or what adding one of them takes.
#[inline(never)]
fn head(counters: &mut Counters, memory: &mut [f32], one_example: bool) -> Option<Measurement> {
    let mut model = Model::<8>::default();
    load(&mut model, HEAD)?;
    let examples = SUPPORT.len();
    let rollback = Rollback::ToInitialisation;
    let mut learner = Learner::new(&model, examples, rollback, memory).ok()?;
    let (last, others) = SUPPORT.split_last()?;
    for (recording, class) in others {
        learner.add_class(recording, *class).ok()?;
    }
    let mut instructions = 0;
    if one_example {
        instructions = counters.instructions(|| {
            let _ = learner.add_class(&last.0, last.1);
        });
    } else {
        learner.add_class(&last.0, last.1).ok()?;
    }
    let mut report = None;
    if one_example {
        report = learner.adapt().ok();
    } else {
        instructions = counters.instructions(|| report = learner.adapt().ok());
    }
    let report = report.as_ref()?;
    let steps = report.losses.len() - 1;
    learner.predict(&SUPPORT.first()?.0).ok()?;
    let cost = model.cost();
    (report.outcome == Outcome::Adapted).then_some(Measurement {
        instructions,
        macs: match one_example {
            true => cost.once,
            false => cost.adaptation(examples, steps),
        },
        memory: model.memory(examples, rollback),
    })
}

#[inline(never)]
fn predict(counters: &mut Counters, memory: &mut [f32]) -> Option<Measurement> {
    let mut model = Model::<5>::default();
    load(&mut model, ARTIFACT)?;
    let mut failures = 0;
    let instructions = counters.instructions(|| {
        for point in 0..SHOTS {
            let output = model.predict(&[point as f32 - 4.5], memory);
            failures += usize::from(output.is_err());
        }
    });
    if failures > 0 {
        return None;
    }
    let mut memory = model.memory(0, Rollback::ToInitialisation);
    (memory.adapted, memory.workspace) = (Numbers::ZERO, model.prediction_memory());
    Some(Measurement {
        instructions,
        macs: SHOTS as u64 * model.cost().prediction(),
        memory,
    })
}

/// A policy-gradient step from the episodes that the policy of a servo takes.
#[inline(never)]
fn policy_step(counters: &mut Counters, memory: &mut [f32]) -> Option<Measurement> {
    let mut model = Model::<8>::default();
    load(&mut model, SERVO)?;
    let policy = policy(SERVO)?;
    let mut actor = Actor::new(&model, policy, 1, memory).ok()?;
    let mut session = Session::<Servo>::new(1).ok()?;
    session.act(&mut actor).ok()?;
    let mut report = None;
    let instructions = counters.instructions(|| report = actor.step().ok());
    session.evaluate(&mut actor).ok()?;
    // A servo never ends an episode before its horizon.
    let examples = u64::from(policy.episodes) * u64::from(policy.horizon);
    let cost = model.cost();
    let mut memory = Actor::memory(&model, policy);
    memory.adapted = memory.weights();
    (report?.outcome == StepOutcome::Taken).then_some(Measurement {
        instructions,
        macs: examples * (cost.forward + cost.backward),
        memory,
    })
}

/// In a function of its own, so that the artifact's header leaves the stack.
#[inline(never)]
fn load<const LAYERS: usize>(
    model: &mut Model<'static, LAYERS>,
    artifact: &'static [u8],
) -> Option<()> {
    model.load(&Artifact::parse(artifact).ok()?).ok()
}

/// Likewise.
#[inline(never)]
fn policy(artifact: &'static [u8]) -> Option<Policy> {
    Artifact::parse(artifact).ok()?.policy()
}
