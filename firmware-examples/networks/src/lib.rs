//! Networks that differ by one pass of one layer, so that the difference of
//! what they take is what the pass takes. They are listed in `build.rs`.
#![no_std]

/// A network to adapt, and what a host computes: every core computes the same.
pub struct Case {
    /// The artifact.
    pub artifact: &'static [u8],
    /// Examples to adapt to: see [`example`].
    pub examples: usize,
    /// CRC-32 of the adapted weights.
    pub weights_crc32: u32,
    /// Bits of what it then predicts of the first example.
    pub prediction: &'static [u32],
}

include!("example.rs");

include!(concat!(env!("OUT_DIR"), "/networks.rs"));
