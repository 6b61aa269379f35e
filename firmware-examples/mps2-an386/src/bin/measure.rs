//! Temporary
#![no_std]
#![no_main]
use cortex_m_rt::entry;
use mamlet_runtime::{Adaptation, Artifact, Learner, Model, Rollback};
use mps2_an386::count::Counters;
use mps2_an386::{fail, hprintln, succeed};

static ARTIFACT: &[u8] = mamlet_runtime::include_aligned!("../../../artifacts/sinusoid.mamlet");

#[entry]
fn main() -> ! {
    static mut MEMORY: [f32; 3050] = [0.0; 3050];
    let Some(mut counters) = Counters::take() else { fail() };
    let Ok(artifact) = Artifact::parse(ARTIFACT) else { fail() };
    let Ok(model) = Model::<8>::new(&artifact) else { fail() };
    let memory = model.memory(10, Rollback::ToInitialisation);
    hprintln!("{:?} {:?}", memory, memory.total());
    let Ok(mut learner) = Learner::new(&model, 10, Rollback::ToInitialisation, MEMORY) else { fail() };
    for i in 0..10 {
        let x = i as f32 - 4.5;
        if learner.add_values(&[x], &[x * 0.3]).is_err() { fail() }
    }
    let (r, c) = counters.count(|| learner.adapt_with(Adaptation { steps: Some(5), rate: Some(0.01) }));
    let Ok(r) = r else { fail() };
    hprintln!("{:?} {:?}", r.outcome, r.losses);
    hprintln!("adapt {} stack {}", c.instructions, c.stack_bytes);
    let (_, c) = counters.count(|| for i in 0..10 { let _ = learner.predict(&[i as f32]); });
    hprintln!("predict10 {} stack {}", c.instructions, c.stack_bytes);
    succeed()
}
