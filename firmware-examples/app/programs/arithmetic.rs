//! Prints a checksum of every operation the engine is made of, over subnormal
//! numbers, zeros with either sign, infinities and more. They are the host's:
//! floats in software, and no hardware that flushes what is small to zero.
#![no_std]
#![no_main]

use app::println;

app::program!(run, [f32; 0] = []);

fn run(_: &mut [f32]) -> bool {
    app::arithmetic::sweep(|name, checksum| println!("{}: {:08x}", name, checksum));
    true
}
