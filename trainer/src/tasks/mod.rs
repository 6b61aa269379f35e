//! Task distributions: where support and query sets come from.
//!
//! ```text
//! [tasks] of a config ──► TaskFamily: what is known before data is opened
//!                           │ opens the data
//!                           ▼
//!                         TaskSource ──► TaskDistribution: draws sets
//!                                          │ a batch of tasks
//!                                          ▼
//!                                        TaskBatch ──► DeviceBatch: tensors
//! ```
//!
//! A family is a file or a folder here and a line in `config.rs`; docs/adding.md says
//! how to add one.

mod batch;
mod config;
mod contents;
mod curves;
mod digest;
mod distribution;
mod family;
mod formula;
mod images;
#[cfg(test)]
mod lines;
mod mapped;
mod origins;
mod readings;
mod recordings;
mod scale;
mod sensors;
mod sinusoid;
mod training_ways;
mod units;
mod waveforms;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

pub use batch::{DeviceBatch, LabelledBatch, TaskBatch};
pub use config::{TasksConfig, TasksError};
pub use contents::Contents;
pub use curves::{CurveTasks, Curves, Nominal, Spacing, SupportPoints, Variable};
pub use digest::{DataDigest, DataSum};
pub use distribution::{Description, Sizes, Split, TaskData, TaskDistribution, TaskSizes};
pub use family::{EvaluationDefaults, ExportDefaults, Facts, Keys, TaskFamily, TaskSource};
pub use formula::Formulas;
pub use images::{ImageTasks, Images, Omniglot, OmniglotSplit, Rotations};
pub(crate) use mapped::{MappedTasks, with_rejection_output};
pub use origins::{Origin, Origins};
pub use readings::{ReadingTasks, Readings, SupportRows};
pub use recordings::{
    Centre, Derived, Labels, Recorded, RecordedTask, RecordedTasks, SensorAugment,
};
pub use scale::{TargetScale, in_scales_of, unscaled};
pub use sensors::{SensorKind, SensorTasks, Sensors};
pub use sinusoid::{Sinusoid, SinusoidInputs, SinusoidTask};
pub use units::UnitSplit;
pub use waveforms::Waveforms;

/// A rate in thousandths of a hertz.
fn millihertz(hertz: f64) -> u32 {
    (hertz * 1000.0).round().clamp(1.0, f64::from(u32::MAX)) as u32
}

/// A number in `[low, high)`; `low` if they are equal.
pub(crate) fn uniform(rng: &mut ChaCha8Rng, [low, high]: [f64; 2]) -> f32 {
    let (low, high) = (low as f32, high as f32);
    low + (high - low) * rng.random::<f32>()
}

/// The target of an example of the class `label`, one of `ways`.
fn one_hot(label: usize, ways: usize) -> impl Iterator<Item = f32> {
    (0..ways).map(move |at| f32::from(u8::from(at == label)))
}
