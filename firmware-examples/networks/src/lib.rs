//! Networks that differ by one pass of one layer, so that the difference of
//! what they take is what the pass takes. They are listed in `build.rs`.
#![no_std]

include!(concat!(env!("OUT_DIR"), "/networks.rs"));
