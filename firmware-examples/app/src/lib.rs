//! What the example programs need of a board: how they start, print and end,
//! and the artifacts they run.
//!
//! The programs lie in `programs`, one file each, and are the same on every board that
//! is emulated. They print and end through semihosting, which QEMU and debug probes
//! understand, so an emulated board is its memory map: `runtime/boards` describes it.
//!
//! Real boards start, log and end in their own way. They take from here what
//! `teach` is, and the artifacts, without the feature `qemu`.
#![no_std]

pub mod arithmetic;
#[cfg(feature = "qemu")]
mod host_file;
#[cfg(feature = "qemu")]
mod panic;
#[cfg(feature = "qemu")]
mod print;
pub mod ram_flash;
#[cfg(feature = "qemu")]
mod start;
pub mod strokes;
#[cfg(feature = "teach")]
pub mod teach;

#[cfg(feature = "qemu")]
pub use host_file::HostFile;
#[cfg(feature = "qemu")]
pub use print::{Decimals, fail, print, succeed};
#[cfg(feature = "qemu")]
pub use start::{Outcome, entry};

/// The artifact the examples run: a meta-trained sinusoid regressor,
/// 1-40-40-1 with ReLU.
pub static ARTIFACT: &[u8] = mamlet_runtime::include_aligned!("../../artifacts/sinusoid.mamlet");

/// The same task with a network of which five context inputs adapt and
/// everything else stays in flash.
pub static CONTEXT: &[u8] =
    mamlet_runtime::include_aligned!("../../artifacts/sinusoid-context.mamlet");

/// Five classes of recordings, for a body of 8-bit integers that stays as it is
/// and a head that adapts.
pub static HEAD: &[u8] = mamlet_runtime::include_aligned!("../../artifacts/waveforms-head.mamlet");

/// Characters of Omniglot: a convolutional body of 8-bit integers that stays as it
/// is and a head that adapts (`trainer/configs/omniglot/omniglot-micro-int8.toml`).
pub static OMNIGLOT: &[u8] =
    mamlet_runtime::include_aligned!("../../artifacts/omniglot-micro-int8.mamlet");

/// Gestures of a wrist, from raw samples of an accelerometer: a convolutional body
/// that stays as it is and a head that adapts (`trainer/configs/gestures/gestures-wrist.toml`).
pub static GESTURES: &[u8] =
    mamlet_runtime::include_aligned!("../../artifacts/gestures-wrist.mamlet");

/// A policy that learns to control a servo: two observations, 16 hidden numbers, a mean
/// and a log σ that adapts too.
pub static SERVO: &[u8] = mamlet_runtime::include_aligned!("../../artifacts/servo.mamlet");

/// Strokes of an accelerometer of one axis, and a network that is a single layer.
pub static STROKES: &[u8] =
    mamlet_runtime::include_aligned!("../../../runtime/tests/data/strokes.mamlet");

// The conformance suite, the chosen artifact and the episodes: see build.rs.
include!(concat!(env!("OUT_DIR"), "/generated.rs"));
