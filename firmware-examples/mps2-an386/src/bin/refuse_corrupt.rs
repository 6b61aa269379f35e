//! Damages the artifact in the ways that flash, transfers and mix-ups do, and
//! prints how each is refused. The undamaged copy is accepted last.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use mamlet_runtime::{Artifact, Model};
use mps2_an386::{ARTIFACT, fail, hprintln, succeed};

const ROOM: usize = 32 * 1024;

#[repr(align(4))]
struct Aligned([u8; ROOM]);

#[entry]
fn main() -> ! {
    static mut COPY: Aligned = Aligned([0; ROOM]);
    let length = ARTIFACT.len();
    let Some(copy) = COPY.0.get_mut(..length) else {
        fail()
    };
    copy.copy_from_slice(ARTIFACT);

    let mut refused = true;
    let mut attempt = |what: &str, bytes: &[u8]| {
        let result = Artifact::parse(bytes);
        match &result {
            Ok(_) => hprintln!("{}: accepted", what),
            Err(error) => hprintln!("{}: {}", what, error),
        }
        refused &= result.is_err();
    };
    for (what, at, bit) in [
        ("one bit of the magic", 1, 5),
        ("one bit of the version", 8, 0),
        ("one bit of a length", 16, 7),
        ("one bit of the header", 40, 3),
        ("one bit of a weight", length / 2, 0),
        ("one bit of the checksum", 28, 4),
    ] {
        flip(copy, at, bit);
        attempt(what, copy);
        flip(copy, at, bit);
    }
    attempt(
        "the last byte missing",
        copy.get(..length - 1).unwrap_or(&[]),
    );
    attempt("half of it", copy.get(..length / 2).unwrap_or(&[]));
    attempt("erased flash", &[0xFF; 64]);

    let unaligned = COPY.0.get_mut(1..=length).and_then(|shifted| {
        shifted.copy_from_slice(ARTIFACT);
        let artifact = Artifact::parse(shifted).ok()?;
        Model::<5>::new(&artifact).err()
    });
    match unaligned {
        Some(error) => hprintln!("at an odd address: {}", error),
        None => refused = false,
    }
    match Artifact::parse(ARTIFACT).and_then(|artifact| artifact.description()) {
        Ok(description) if refused => hprintln!("undamaged: {}", description.name),
        _ => fail(),
    }
    succeed()
}

fn flip(bytes: &mut [u8], at: usize, bit: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << bit;
    }
}
