//! From parameters to predictions: how outputs become predictions, what a query sees of the
//! others, and losses and accuracies after each inner step.

mod curves;
mod predictor;
mod prototypes;
mod setting;
mod views;

pub(crate) use curves::in_parts;
pub use curves::{Curves, accuracy, curves};
pub use predictor::Predictor;
pub use prototypes::logits;
pub(crate) use prototypes::{logits_gradient, prototypes};
pub use setting::{Setting, sees_the_batch};
pub(crate) use views::{View, views};
