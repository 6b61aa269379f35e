//! A model, and its state as it is stepped.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mujoco_rs::mujoco_version;
use mujoco_rs::prelude::{MjData, MjModel, MjtIntegrator, MjtObjBase, MjtStage, MjtWarning};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::error::VERSION;
use super::{MujocoError, Robot, RobotSizes, State};

/// Standard deviations of where a rollout starts, and how fast.
const NOISE: [f64; 2] = [0.01, 0.1];

/// What ends a simulation: numbers that are none, or too large.
const UNSTABLE: [MjtWarning; 3] = [
    MjtWarning::mjWARN_BADQPOS,
    MjtWarning::mjWARN_BADQVEL,
    MjtWarning::mjWARN_BADQACC,
];

type Data = MjData<Arc<MjModel>>;

/// The model of a robot, and states that are not in use: to make one takes longer than
/// some steps.
pub(super) struct Simulator {
    model: Arc<MjModel>,
    torso: usize,
    /// Positions at the start, but for noise.
    start: Vec<f64>,
    /// What the motors can do.
    ranges: Vec<[f64; 2]>,
    has_forces: bool,
    is_runge_kutta: bool,
    idle: Mutex<Vec<Data>>,
}

impl Simulator {
    /// Reads the model of a robot, or another one of it.
    ///
    /// # Errors
    /// [`MujocoError`] where MuJoCo is of another version, or the model is not of this robot.
    pub fn open<R: Robot>(path: Option<&Path>) -> Result<Arc<Self>, MujocoError> {
        check_version(mujoco_version())?;
        let fault = |why: String| MujocoError::Model {
            model: path.map(|path| path.display().to_string()),
            why,
        };
        let loaded = match path {
            None => MjModel::from_xml_string(R::MODEL),
            Some(path) => {
                // What MuJoCo says of a file that is missing does not name the reason.
                fs::metadata(path).map_err(|error| fault(error.to_string()))?;
                MjModel::from_xml(path)
            }
        };
        let model = loaded.map_err(|error| fault(error.to_string()))?;
        let sizes = sizes(&model);
        if sizes != R::SIZES {
            let expected = R::SIZES;
            let robot = R::NAME;
            return Err(fault(format!("{sizes:?}, but {robot} has {expected:?}")));
        }
        let no_torso = || fault(format!("no body is called {:?}", R::TORSO));
        let torso = model.name_to_id(MjtObjBase::mjOBJ_BODY, R::TORSO);
        let torso = torso.ok_or_else(no_torso)?;
        let own = model.numeric("init_qpos");
        let own = own.and_then(|numbers| Some(numbers.view(&model).data?.to_vec()));
        let start: Vec<f64> = own.unwrap_or_else(|| model.qpos0().to_vec());
        if start.len() != sizes.positions {
            return Err(fault(format!("init_qpos has {} numbers", start.len())));
        }
        let ranges = model.actuator_ctrlrange().to_vec();
        if let Some(motor) = ranges.iter().position(|[low, high]| low >= high) {
            return Err(fault(format!("motor {motor} has no ctrlrange")));
        }
        Ok(Arc::new(Self {
            ranges,
            torso,
            start,
            has_forces: R::FORCES,
            is_runge_kutta: model.opt().integrator == MjtIntegrator::mjINT_RK4 as i32,
            model: Arc::new(model),
            idle: Mutex::default(),
        }))
    }

    /// A simulation, which must be started before it is stepped.
    pub fn simulate(self: &Arc<Self>) -> Simulation {
        Simulation {
            data: None,
            simulator: self.clone(),
        }
    }

    /// A state that is not in use.
    ///
    /// # Panics
    /// Where there is no memory for it, as all that allocates.
    fn take(&self) -> Data {
        let idle = self.idle().pop();
        idle.unwrap_or_else(|| MjData::new(self.model.clone()))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Data>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The version that bindings were made for: of another one, fields lie elsewhere.
pub(super) fn check_version(found: &str) -> Result<(), MujocoError> {
    if found == VERSION {
        return Ok(());
    }
    Err(MujocoError::Version {
        found: found.into(),
        linked: env!("MAMLET_MUJOCO"),
    })
}

fn sizes(model: &MjModel) -> RobotSizes {
    let size = |number: i64| usize::try_from(number).unwrap_or_default();
    RobotSizes {
        positions: size(model.nq()),
        velocities: size(model.nv()),
        bodies: size(model.nbody()),
        motors: size(model.nu()),
    }
}

/// The state of one rollout.
pub(super) struct Simulation {
    /// There from the start of a rollout on.
    data: Option<Data>,
    simulator: Arc<Simulator>,
}

impl Simulation {
    /// The start of a rollout: the robot's own start, and noise.
    pub fn start(&mut self, rng: &mut ChaCha8Rng) {
        let mut noise = |scale: f64| scale * rng.sample::<f64, _>(StandardNormal);
        let [place, speed] = NOISE;
        let start = self.simulator.start.clone();
        let positions: Vec<f64> = start.iter().map(|at| at + noise(place)).collect();
        let velocities = self.simulator.model.nv();
        let velocities: Vec<f64> = (0..velocities).map(|_| noise(speed)).collect();
        self.place(&positions, &velocities);
    }

    /// A rollout goes on from here.
    pub fn place(&mut self, positions: &[f64], velocities: &[f64]) {
        let (simulator, data) = self.parts();
        data.reset();
        data.qpos_mut().copy_from_slice(positions);
        data.qvel_mut().copy_from_slice(velocities);
        data.forward();
        simulator.measure(data);
    }

    /// One step of the model with actions from −1 to 1. False where the simulation has
    /// become unstable, and MuJoCo has put everything back.
    ///
    /// What MuJoCo computes of a state for its next step is what is observed of it, so a
    /// step is cut there: what follows positions and velocities, the integration, and what
    /// precedes the actions of the next step. Bits are those of `mj_step`, then
    /// `mj_forward`.
    pub fn step(&mut self, actions: &[f64]) -> bool {
        let (simulator, data) = self.parts();
        let limits = simulator.ranges.iter();
        for ((motor, action), [low, high]) in data.ctrl_mut().iter_mut().zip(actions).zip(limits) {
            *motor = low + (action + 1.0) * 0.5 * (high - low);
        }
        if simulator.is_runge_kutta {
            data.forward_skip(MjtStage::mjSTAGE_VEL, true);
            data.check_acc();
            data.runge_kutta(4);
        } else {
            data.step2();
        }
        data.step1();
        if simulator.has_forces {
            data.forward_skip(MjtStage::mjSTAGE_VEL, true);
        }
        simulator.measure(data);
        let warnings = data.warning();
        let is_unstable = |warning: MjtWarning| warnings[warning as usize].number > 0;
        !UNSTABLE.into_iter().any(is_unstable)
    }

    /// What can be read of it.
    pub fn state(&mut self) -> State<'_> {
        let (simulator, data) = self.parts();
        let torso = simulator.torso;
        State {
            positions: data.qpos(),
            velocities: data.qvel(),
            forces: data.cfrc_ext(),
            orientation: &data.xmat()[torso],
            centre: &data.subtree_com()[torso],
            velocity: &data.subtree_linvel()[torso],
        }
    }

    fn parts(&mut self) -> (&Simulator, &mut Data) {
        let data = self.data.get_or_insert_with(|| self.simulator.take());
        (&self.simulator, data)
    }
}

impl Simulator {
    /// Computes what no step needs.
    fn measure(&self, data: &mut Data) {
        data.subtree_vel();
        if self.has_forces {
            data.rne_post_constraint();
        }
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.simulator.idle().extend(self.data.take());
    }
}
