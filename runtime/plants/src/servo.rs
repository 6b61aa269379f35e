//! A position servo: a motor with a gear turns a load to where it should be.
//!
//! With position *x* (rad), velocity *ω* (rad/s) and voltage *u* (V), a unit of inertia
//! *J*, gain *k*, viscous friction *b*, Coulomb friction *c* and load *τ* moves by
//!
//! ```text
//! J ω′ = k u − b ω − c sign(ω) − τ        x′ = ω
//! ```
//!
//! | | unit | drawn evenly from |
//! |---|---|---|
//! | `k` | N m/V | 0.06 to 0.14, of either sign |
//! | `J` | kg m² | 0.006 to 0.018 |
//! | `b` | N m s/rad | 0.06 to 0.14 |
//! | `c` | N m | 0.02 to 0.12 |
//! | `τ` | N m | −0.25 to 0.25 |
//!
//! A negative gain is a motor that is wired the other way round. No policy can know of
//! it before it has acted: what drives one unit to its target drives the other to the
//! stop. Nor can it know the load, without which it comes to rest beside the target.
//!
//! **An episode** lasts 40 periods of 20 ms. It begins at rest, anywhere within ±0.5 rad,
//! 0.8 to 1.2 rad from the target, on either side. Stops at ±2 rad end every motion there.
//!
//! **An observation** is the error, target less position, in rad, and the velocity in
//! 10 rad/s. **An action** is the voltage as a share of the supply of 12 V, limited to −1
//! to 1. **A reward** is `−|error| − 0.02 share²` after the period, so that an episode of
//! nothing done on a unit without load is about −40.
//!
//! A period is four steps of 5 ms: the velocity by the implicit Euler method, friction
//! included, so that a motor whose torque is within its Coulomb friction sticks, and then
//! the position.

use rand_core::Rng;

use crate::plant::{self, Plant, PlantError, Step, uniform};

/// Seconds between two observations.
pub const PERIOD: f32 = 0.02;
/// Volts of the supply.
pub const SUPPLY: f32 = 12.0;
/// Where the motion ends on either side, in rad.
pub const STOP: f32 = 2.0;

/// Integration steps of a period.
const SUBSTEPS: usize = 4;
/// Reward that a period at the full voltage costs.
const COST: f32 = 0.02;
/// The velocity of an observation of one, in rad/s.
const VELOCITY: f32 = 10.0;

/// The range of a parameter.
struct Range {
    low: f32,
    high: f32,
}

impl Range {
    fn draw(&self, generator: &mut impl Rng) -> f32 {
        uniform(generator, self.low, self.high)
    }

    /// A value of the range as −1 to 1.
    fn share(&self, value: f32) -> f32 {
        (2.0 * value - self.low - self.high) / (self.high - self.low)
    }

    /// The value that a number of −1 to 1 stands for.
    fn value(&self, share: f32) -> f32 {
        0.5 * (self.low + self.high + share * (self.high - self.low))
    }
}

const GAIN: Range = Range {
    low: 0.06,
    high: 0.14,
};
const INERTIA: Range = Range {
    low: 0.006,
    high: 0.018,
};
const VISCOUS: Range = Range {
    low: 0.06,
    high: 0.14,
};
const COULOMB: Range = Range {
    low: 0.02,
    high: 0.12,
};
const LOAD: Range = Range {
    low: -0.25,
    high: 0.25,
};
/// Where an episode begins, in rad.
const START: Range = Range {
    low: -0.5,
    high: 0.5,
};
/// How far the target is away, in rad.
const DISTANCE: Range = Range {
    low: 0.8,
    high: 1.2,
};

/// What differs from unit to unit: see [the equation](self).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// `k`: torque per volt, in N m/V. Negative where the motor is wired the other way
    /// round.
    pub gain: f32,
    /// `J`: inertia of motor, gear and load, in kg m².
    pub inertia: f32,
    /// `b`: torque against the motion per rad/s, in N m s/rad.
    pub viscous: f32,
    /// `c`: torque against any motion, in N m.
    pub coulomb: f32,
    /// `τ`: torque of the load, in N m. It pulls towards negative positions where it is
    /// positive.
    pub load: f32,
}

impl Unit {
    /// Draws a unit.
    pub fn draw(generator: &mut impl Rng) -> Self {
        let size = GAIN.draw(generator);
        Unit {
            gain: sign(generator) * size,
            inertia: INERTIA.draw(generator),
            viscous: VISCOUS.draw(generator),
            coulomb: COULOMB.draw(generator),
            load: LOAD.draw(generator),
        }
    }
}

/// One or minus one.
fn sign(generator: &mut impl Rng) -> f32 {
    match generator.next_u32() >> 31 {
        0 => 1.0,
        _ => -1.0,
    }
}

/// A servo in an episode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Servo {
    unit: Unit,
    position: f32,
    velocity: f32,
    target: f32,
}

impl Servo {
    /// A unit of one's own, at rest at its target.
    pub fn new(unit: Unit) -> Self {
        Servo {
            unit,
            position: 0.0,
            velocity: 0.0,
            target: 0.0,
        }
    }

    /// Which unit it is.
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// Where it is, in rad.
    pub fn position(&self) -> f32 {
        self.position
    }

    /// Where it should be, in rad.
    pub fn target(&self) -> f32 {
        self.target
    }

    /// How fast it moves, in rad/s.
    pub fn velocity(&self) -> f32 {
        self.velocity
    }

    /// Moves for so many seconds under a voltage.
    fn advance(&mut self, volts: f32, seconds: f32) {
        let Unit {
            gain,
            inertia,
            viscous,
            coulomb,
            load,
        } = self.unit;
        // J (v − ω) = dt (k u − τ − b v − c sign(v)), solved for v: at rest where the
        // rest of the torque is within the Coulomb friction.
        let drive = inertia * self.velocity + seconds * (gain * volts - load);
        let friction = seconds * coulomb;
        let mass = inertia + seconds * viscous;
        self.velocity = match drive.abs() <= friction {
            true => 0.0,
            false => (drive - friction.copysign(drive)) / mass,
        };
        self.position += seconds * self.velocity;
        if self.position.abs() > STOP {
            self.position = STOP.copysign(self.position);
            self.velocity = 0.0;
        }
    }
}

impl Plant for Servo {
    const NAME: &'static str = "servo";
    const OBSERVATIONS: usize = 2;
    const ACTIONS: usize = 1;
    const HORIZON: usize = 40;
    /// The sign of the gain, its size, inertia, viscous and Coulomb friction, load.
    const PARAMETERS: usize = 6;
    const PARAMETER_NAMES: &'static [&'static str] = &[
        "sign of the gain",
        "gain",
        "inertia",
        "viscous friction",
        "Coulomb friction",
        "load",
    ];

    fn draw(generator: &mut impl Rng) -> Self {
        Servo::new(Unit::draw(generator))
    }

    fn reset(&mut self, generator: &mut impl Rng) {
        self.position = START.draw(generator);
        self.velocity = 0.0;
        let side = sign(generator);
        self.target = self.position + side * DISTANCE.draw(generator);
    }

    fn observe(&self, observation: &mut [f32]) -> Result<(), PlantError> {
        let error = self.target - self.position;
        plant::write(observation, [error, self.velocity / VELOCITY])
    }

    fn step(&mut self, action: &[f32]) -> Result<Step, PlantError> {
        let [action] = plant::read(action)?;
        let share = action.clamp(-1.0, 1.0);
        for _ in 0..SUBSTEPS {
            self.advance(SUPPLY * share, PERIOD / SUBSTEPS as f32);
        }
        let error = self.target - self.position;
        Ok(Step {
            reward: -error.abs() - COST * share * share,
            terminated: false,
        })
    }

    fn parameters(&self, parameters: &mut [f32]) -> Result<(), PlantError> {
        let unit = self.unit;
        let values = [
            1f32.copysign(unit.gain),
            GAIN.share(unit.gain.abs()),
            INERTIA.share(unit.inertia),
            VISCOUS.share(unit.viscous),
            COULOMB.share(unit.coulomb),
            LOAD.share(unit.load),
        ];
        plant::write(parameters, values)
    }

    fn of_parameters(parameters: &[f32]) -> Result<Self, PlantError> {
        let [side, gain, inertia, viscous, coulomb, load] = plant::read(parameters)?;
        Ok(Servo::new(Unit {
            gain: GAIN.value(gain).copysign(side),
            inertia: INERTIA.value(inertia),
            viscous: VISCOUS.value(viscous),
            coulomb: COULOMB.value(coulomb),
            load: LOAD.value(load),
        }))
    }
}
