//! The files of mamlet and its serial protocol, and nothing else.
//!
//! | file | what it carries | module |
//! |---|---|---|
//! | artifact (`.mamlet`) | a meta-learned initialisation, the recipe to adapt it, golden vectors, and how raw samples become an example | [`artifact`] |
//! | checkpoint (`.mamweights`) | the weights one board adapted, bound to its artifact | [`checkpoint`] |
//! | record | a checkpoint in flash: whose it is and which is the newest | [`record`] |
//! | episodes (`.episodes`) | the examples of several tasks, for a board to replay | [`episodes`] |
//! | none: bytes on a line | a host teaches a board and reads what it learnt | [`protocol`] |
//!
//! All are little-endian, carry a CRC-32 over every byte, and are specified
//! byte by byte in `SPEC.md` beside this crate. Reading never allocates, never
//! copies and never panics, whatever the bytes are: a reader returns a view
//! that borrows from the file, or an error that says what is wrong.
//!
//! ```
//! use mamlet_formats::{ArtifactError, Artifact};
//!
//! let error = Artifact::parse(b"not an artifact").unwrap_err();
//! assert_eq!(error, ArtifactError::TooShort { needed: 32, given: 15 });
//! ```
//!
//! The writer ([`ArtifactWriter`]) needs a heap and stands behind the feature
//! `alloc`, which is on by default and off on a board.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod artifact;
pub mod checkpoint;
mod crc32;
pub mod episodes;
mod fields;
pub mod golden;
pub mod header;
pub mod layer;
pub mod pipeline;
mod prefix;
pub mod protocol;
pub mod record;
#[cfg(feature = "alloc")]
mod writer;

pub use artifact::{Artifact, ArtifactError, ArtifactId};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use crc32::Crc32;
pub use episodes::{Episodes, EpisodesError};
pub use golden::{GoldenSizes, GoldenVectors};
pub use header::{
    Description, HeadStart, Header, Loss, Normalisation, Number, Policy, Recipe, Reduction, Shape,
    Tensor,
};
pub use layer::{Integers, Layer, Padding, Pool, Statistics, Window};
pub use pipeline::{Centre, Cut, FrontEnd, Rejection, Score};
#[cfg(feature = "alloc")]
pub use writer::{ArtifactWriter, GoldenValues, WriteError};

/// Embeds a file in the program at an address that is a multiple of four, so
/// that its tensors can be read in place.
///
/// `include_bytes!` promises no alignment; this does. The path is relative to
/// the file that calls it.
///
/// ```
/// static SPEC: &[u8] = mamlet_formats::include_aligned!("../SPEC.md");
/// assert_eq!(SPEC.as_ptr() as usize % 4, 0);
/// ```
#[macro_export]
macro_rules! include_aligned {
    ($path:expr) => {{
        #[repr(C, align(4))]
        struct Aligned<Bytes: ?Sized>(Bytes);
        static ALIGNED: &Aligned<[u8]> = &Aligned(*include_bytes!($path));
        &ALIGNED.0
    }};
}
