//! Inference and few-step gradient adaptation in memory the caller gives.
//!
//! A [`Model`] is made of an artifact's bytes and reads its weights where they
//! lie, in flash. A [`Learner`] takes K labelled examples, runs the recipe the
//! artifact carries, and predicts with what it learnt:
//!
//! ```
//! use mamlet_runtime::{Artifact, Learner, Model, Outcome, Rollback};
//!
//! static ARTIFACT: &[u8] = mamlet_runtime::include_aligned!("../tests/data/line.mamlet");
//!
//! let artifact = Artifact::parse(ARTIFACT)?;
//! let model = Model::<8>::new(&artifact)?;           // up to 8 layers, 0.5 KB on the stack
//! let mut memory = [0.0; 64];                        // model.memory(..) says how much
//! let mut learner = Learner::new(&model, 3, Rollback::ToInitialisation, &mut memory)?;
//!
//! for (x, y) in [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)] {
//!     learner.add_values(&[x], &[y])?;               // K = 3 examples of y = 2x + 1
//! }
//! let report = learner.adapt()?;                     // the artifact's steps and rates
//! assert_eq!(report.outcome, Outcome::Adapted);
//! assert!(report.loss_after() < report.loss_before());
//!
//! let y = learner.predict(&[1.5])?[0];
//! assert!((y - 4.0).abs() < 0.5);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # How it is laid out
//! | module | owns |
//! |---|---|
//! | `fault` | what the engine returns where it contradicts itself |
//! | `kernels` | the loops, shaped for a core with 32 f32 registers, or with DSP instructions |
//! | [`math`] | exponentials and logarithms, the same on every target |
//! | `image` | mirror images, as examples of their own |
//! | `geometry` | windows that slide over an example |
//! | `param` | a tensor: where it lies in flash, and in the adapted weights |
//! | `layers`, `losses` | one file each: forward, backward, memory need |
//! | [`memory`] | memory needed, before anything runs |
//! | [`model`] | bytes → validated chain of layers; what it costs |
//! | `prototypes` | a head set from the means of examples |
//! | `engine`, `inference` | batches forward and backward; one input forward |
//! | `prediction` | from logits to a class, or to none |
//! | [`front_end`] | raw samples in, examples out |
//! | [`learner`] | examples in, adaptation as a transaction, predictions out, checkpoints |
//! | [`golden`] | proof that this executor computes the artifact's bits |
//! | `storage` | adapted weights in flash, safe from power cuts (feature `storage`) |
//! | [`teacher`] | front end and learner together: a person teaches the board, and learns what it lacks |
//! | `actor` | a policy that acts and learns from what comes of it (feature `policy`) |
//! | [`serve`] | a host teaches the board over a serial line |
//!
//! A module uses only those above it.
//!
//! # How much memory, how much time
//! What an adaptation takes is a choice of the caller, known from
//! [`Model::memory_for`] and [`Model::cost`] before anything runs:
//!
//! | choice | memory | time |
//! |---|---|---|
//! | which tensors adapt, in the artifact | a copy of them; layers below all of them keep nothing | layers below run once per example, not once per step |
//! | [`Setup::one_by_one`] | one example's activations, and a second copy of what adapts where there are several steps | a little more |
//! | [`Setup::lent`] | examples stay where they are, in flash for instance | the same |
//! | [`Rollback::ToCommitted`] | another copy of what adapts | the same |
//! | momentum or clipping, in the artifact | a gradient, and a velocity with momentum | a little more |
//!
//! None of them but momentum and clipping changes a bit of any result.
//!
//! # Features
//! | feature | what it adds |
//! |---|---|
//! | `convolution` (default) | convolutions, depthwise convolutions, pools |
//! | `normalisation` (default) | batch, group and layer norm |
//! | `integer` (default) | layers on 8-bit integers, for what does not adapt |
//! | `policy` (default) | losses of policies, and an actor that learns by them |
//! | `micromath` | faster, approximate exponentials |
//! | `storage` | adapted weights in NOR flash |
//!
//! An artifact that needs a feature which is off is refused by name.
//!
//! # Promises
//! * No allocation, no panic on any artifact, example or label, no recursion.
//! * A bug of this library is an error (`Internal`), never a number that passes
//!   for a result.
//! * All memory is the caller's: [`Model::memory`] is exact.
//! * The same bits everywhere: operations in fixed order, no fused
//!   multiply-add, exponentials from the same library on every target.
//! * An adaptation that fails leaves no trace: see [`Learner::adapt`].
//! * What was learnt survives a power cut at any moment, also while it is being
//!   saved: see `storage`.
#![no_std]
#![deny(unsafe_code)]

#[cfg(target_endian = "big")]
compile_error!(
    "artifacts are little-endian and read in place: a big-endian target is not supported"
);

#[cfg(feature = "policy")]
pub mod actor;
mod engine;
mod fault;
pub mod front_end;
// Without convolutions nothing slides over what it describes.
#[cfg_attr(not(feature = "convolution"), allow(dead_code))]
mod geometry;
pub mod golden;
mod image;
mod inference;
mod kernels;
mod layers;
pub mod learner;
mod losses;
pub mod math;
pub mod memory;
pub mod model;
mod param;
mod prediction;
mod prototypes;
pub mod serve;
#[cfg(feature = "storage")]
pub mod storage;
pub mod teacher;

#[cfg(feature = "policy")]
pub use actor::Actor;
pub use front_end::{FrontEnd, FrontEndError, SampleError};
pub use image::mirror;
pub use inference::PredictError;
pub use learner::{
    AdaptError, Adaptation, Cause, ExampleError, Learner, LearnerError, Losses, Outcome, Report,
    RestoreError, SaveError, kept_steps,
};
pub use mamlet_formats::checkpoint::weights_crc32;
pub use mamlet_formats::{
    Artifact, ArtifactError, ArtifactId, Centre, Checkpoint, CheckpointError, Cut, Policy,
    include_aligned,
};
pub use memory::{Memory, Numbers, Rollback, Setup};
pub use model::{Cost, LayerCost, MAX_STEPS, Model, ModelError};
pub use prediction::{Prediction, score};
pub use teacher::{Advice, Response, Teacher, TeacherError, TeachingError};

/// Compiles and runs the example of the project's README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
