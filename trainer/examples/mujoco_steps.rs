//! Steps a second of the robots: MuJoCo alone with random actions, and with what an
//! environment observes and is paid, on more and more threads. The first is the bound that
//! rollouts with a policy are measured by. Run with `cargo run --release -p mamlet-trainer
//! --features mujoco --example mujoco_steps -- [threads ...]`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mamlet_trainer::environments::{Ant, Environments, HalfCheetah, Locomotion, Robot};
use mamlet_trainer::tasks::{TaskFamily, TaskSource};
use mujoco_rs::prelude::{MjData, MjModel};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

// The allocator of the `mamlet` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Steps of a rollout.
const HORIZON: usize = 200;

/// How long each figure is measured.
const TIME: Duration = Duration::from_secs(3);

fn main() {
    let given = std::env::args().skip(1);
    let mut threads: Vec<usize> = given.map(|text| text.parse().expect("a number")).collect();
    if threads.is_empty() {
        threads = vec![1, 2];
    }
    robot::<HalfCheetah>(&threads);
    robot::<Ant>(&threads);
}

fn robot<R: Robot>(threads: &[usize]) {
    let model = Arc::new(MjModel::from_xml_string(R::MODEL).expect("the model"));
    let environments = match Locomotion::<R>::default().source() {
        Ok(TaskSource::Acting(environments)) => environments,
        _ => panic!("no environments"),
    };
    for &threads in threads {
        let alone = steps_a_second(threads, |rng| bare(&model, rng));
        let observed = steps_a_second(threads, |rng| rollouts(&*environments, rng));
        println!(
            "{}, {threads} threads: MuJoCo alone {alone:.0} steps/s, environments {observed:.0} \
             ({:.0} %)",
            R::NAME,
            100.0 * observed / alone
        );
    }
    let start = Instant::now();
    for _ in 0..200 {
        black_box(MjData::new(model.clone()));
    }
    println!(
        "{}: a state is made in {:.1?}",
        R::NAME,
        start.elapsed() / 200
    );
}

/// Runs `work`, which counts its steps, on so many threads.
fn steps_a_second(threads: usize, work: impl Fn(&mut ChaCha8Rng) -> usize + Sync) -> f64 {
    let start = Instant::now();
    let steps: usize = std::thread::scope(|scope| {
        let run = |thread: usize| {
            let work = &work;
            move || {
                let mut rng = ChaCha8Rng::seed_from_u64(thread as u64);
                let mut steps = 0;
                while start.elapsed() < TIME {
                    steps += work(&mut rng);
                }
                steps
            }
        };
        let running: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(run(thread)))
            .collect();
        running
            .into_iter()
            .map(|it| it.join().expect("steps"))
            .sum()
    });
    steps as f64 / start.elapsed().as_secs_f64()
}

/// Ten rollouts of `mj_step`, in one state.
fn bare(model: &Arc<MjModel>, rng: &mut ChaCha8Rng) -> usize {
    let mut data = MjData::new(model.clone());
    let ranges = model.actuator_ctrlrange();
    for _ in 0..10 {
        data.reset();
        for _ in 0..HORIZON {
            for (motor, &[low, high]) in data.ctrl_mut().iter_mut().zip(ranges) {
                *motor = rng.random_range(low..high);
            }
            data.step();
        }
    }
    10 * HORIZON
}

/// Ten rollouts as a sampler asks for them: an environment for each, which may end early.
fn rollouts(environments: &dyn Environments, rng: &mut ChaCha8Rng) -> usize {
    let motors = environments.actions().width();
    let (mut steps, mut seen) = (0, Vec::new());
    for _ in 0..10 {
        let task = environments.draw_task(rng);
        let mut environment = environments.create();
        seen.clear();
        environment.reset(&task, rng, &mut seen);
        for _ in 0..HORIZON {
            let action: Vec<f32> = (0..motors).map(|_| rng.random_range(-1.0..1.0)).collect();
            seen.clear();
            steps += 1;
            if black_box(environment.step(&action, &mut seen)).terminated {
                break;
            }
        }
    }
    steps
}
