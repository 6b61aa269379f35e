//! Damages the artifact in the ways that flash, transfers and mix-ups do, and
//! prints how each is refused. The undamaged copy is accepted last.
#![no_std]
#![no_main]

use app::{ARTIFACT, println};
use mamlet_runtime::{Artifact, Model};

const ROOM: usize = 32 * 1024;

#[repr(align(4))]
struct Aligned([u8; ROOM]);

app::program!(refuse, Aligned = Aligned([0; ROOM]));

fn refuse(room: &mut Aligned) -> bool {
    let length = ARTIFACT.len();
    let Some(copy) = room.0.get_mut(..length) else {
        return false;
    };
    copy.copy_from_slice(ARTIFACT);

    let mut refused = true;
    let mut attempt = |what: &str, bytes: &[u8]| {
        let result = Artifact::parse(bytes);
        match &result {
            Ok(_) => println!("{}: accepted", what),
            Err(error) => println!("{}: {}", what, error),
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

    let unaligned = room.0.get_mut(1..=length).and_then(|shifted| {
        shifted.copy_from_slice(ARTIFACT);
        let artifact = Artifact::parse(shifted).ok()?;
        Model::<5>::new(&artifact).err()
    });
    match unaligned {
        Some(error) => println!("at an odd address: {}", error),
        None => refused = false,
    }
    match Artifact::parse(ARTIFACT).and_then(|artifact| artifact.description()) {
        Ok(description) => println!("undamaged: {}", description.name),
        Err(_) => refused = false,
    }
    refused
}

fn flip(bytes: &mut [u8], at: usize, bit: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << bit;
    }
}
