//! Steps a second of the robots: MuJoCo alone with random actions, with what an environment
//! observes and is paid, and rollouts of the paper's policy with its advantages, as training
//! collects them, on more and more threads. The first is the bound of the others. They are
//! measured in turns. Run with `cargo run --release -p mamlet-trainer --features mujoco
//! --example mujoco_steps -- [threads ...]`.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use burn::backend::Flex;
use burn::tensor::Tensor;
use mamlet_trainer::config::Config;
use mamlet_trainer::environments::{Ant, Environments, HalfCheetah, Locomotion, Robot};
use mamlet_trainer::meta::to_device;
use mamlet_trainer::nn::{Network, init};
use mamlet_trainer::random::Stream;
use mamlet_trainer::rollouts::{Actors, Address, Weighing, advantages};
use mamlet_trainer::tasks::{TaskFamily, TaskSource};
use mujoco_rs::prelude::{MjData, MjModel};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

// The allocator of the `mamlet` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Steps of a rollout.
const HORIZON: usize = 200;

/// Rollouts of a task.
const ROLLOUTS: usize = 20;

/// How long each figure is measured at a time, and how often.
const TIME: Duration = Duration::from_secs(2);
const TURNS: usize = 3;

fn main() {
    let given = std::env::args().skip(1);
    let mut threads: Vec<usize> = given.map(|text| text.parse().expect("a number")).collect();
    if threads.is_empty() {
        threads = vec![1, 2];
    }
    robot::<HalfCheetah>("cheetah-direction", &threads);
    robot::<Ant>("ant-direction", &threads);
}

fn robot<R: Robot>(config: &str, threads: &[usize]) {
    let model = Arc::new(MjModel::from_xml_string(R::MODEL).expect("the model"));
    let environments = match Locomotion::<R>::default().source() {
        Ok(TaskSource::Acting(environments)) => environments,
        _ => panic!("no environments"),
    };
    let policy = PaperPolicy::of(config);
    for &threads in threads {
        let mut sums = [0.0; 3];
        for _ in 0..TURNS {
            sums[0] += steps_a_second(threads, |rng| bare(&model, rng));
            sums[1] += steps_a_second(threads, |rng| rollouts(&*environments, rng));
            sums[2] += steps_a_second(threads, |_| policy.act(&*environments));
        }
        let [alone, observed, acting] = sums.map(|sum| sum / TURNS as f64);
        let share = |own: f64| 100.0 * own / alone;
        println!(
            "{}, {threads} threads: MuJoCo alone {alone:.0} steps/s, environments {observed:.0} \
             ({:.0} %), with policy and advantages {acting:.0} ({:.0} %)",
            R::NAME,
            share(observed),
            share(acting)
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

/// The policy of one of the paper's configs, as it is drawn.
struct PaperPolicy {
    network: Network,
    params: Vec<Tensor<Flex, 3>>,
    weighing: Weighing,
    /// Tasks acted in so far.
    tasks: AtomicU64,
}

impl PaperPolicy {
    fn of(config: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/paper");
        let config = Config::load(&folder.join(config).with_extension("toml"), &[]);
        let config = config.expect("a config");
        let network = config.network().expect("a valid network");
        let drawn = init::draw(&network, config.model.init, config.seed, 0);
        Self {
            params: to_device(&network, &drawn, &Default::default()),
            weighing: config.policy.expect("a policy").weighing(),
            network,
            tasks: AtomicU64::new(0),
        }
    }

    /// The rollouts of one task, and what its actions were worth.
    fn act(&self, environments: &dyn Environments) -> usize {
        let actors = Actors {
            network: &self.network,
            environments,
        };
        let address = Address {
            seed: 1,
            stream: Stream::Train,
            batch: self.tasks.fetch_add(1, Ordering::Relaxed),
        };
        let task = actors.draw_tasks(address, 1).remove(0);
        let experience = actors
            .act(&self.params, (0, &task), (address, 0), ROLLOUTS)
            .expect("rollouts");
        black_box(advantages(&experience, &self.weighing));
        experience.lengths.iter().sum()
    }
}
