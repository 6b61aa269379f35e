//! Training of policies: what is the same for every algorithm and outer optimiser.
//!
//! An iteration acts in all its tasks, with adaptation on the way ([`act`]), and keeps what
//! was seen. An outer optimiser then follows the [`Objective`] on that: TRPO by one step
//! within a trust region, the clipped surrogate by several steps of Adam. [`PolicyTrainer`] is both as
//! a state that is stepped, saved and restored.
//!
//! Without inner steps all of it is plain policy search over all tasks at once, which is
//! pretraining and the oracle.

mod acting;
mod clipped;
mod conjugate;
mod examples;
mod objective;
mod trainer;
mod trpo;

pub use acting::{Adapting, act, act_and_show};
pub use examples::ActedExamples;
pub use objective::{Objective, Point, Recipe};
pub use trainer::PolicyTrainer;
