//! Plants to be controlled, whose units differ: a policy has to adapt to the one it
//! stands before.
//!
//! | file | plant |
//! |---|---|
//! | [`servo`] | a position servo whose gain, friction, load and inertia differ |
//!
//! [`session`] lets an [`Actor`](mamlet_runtime::Actor) learn to control a unit.
//!
//! Trainer, simulator and firmware share this source. All of it is f32 in a fixed order
//! of operations, so the same generator gives the same bits everywhere.
//!
//! ```
//! use mamlet_plants::{Plant, Servo};
//! use rand_pcg::Pcg32;
//!
//! let mut generator = Pcg32::new(7, 0);
//! let mut servo = Servo::draw(&mut generator); // a unit that nobody has seen
//! servo.reset(&mut generator);                 // an episode: where it starts, where to go
//! let mut observation = [0.0; Servo::OBSERVATIONS];
//! let mut sum = 0.0;
//! for _ in 0..Servo::HORIZON {
//!     servo.observe(&mut observation)?;
//!     let [error, velocity] = observation;
//!     sum += servo.step(&[2.0 * error - velocity])?.reward;
//! }
//! assert!(sum < 0.0);
//! # Ok::<(), mamlet_plants::PlantError>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]

mod plant;
pub mod servo;
pub mod session;

pub use plant::{Plant, PlantError, Step};
pub use servo::{Servo, Unit};
