//! The build script of every machine: hands the linker the machine's memory and
//! the sections of its start-up code.

use std::env;

fn main() {
    let machine = env::var("CARGO_MANIFEST_DIR").expect("set by cargo");
    println!("cargo:rerun-if-changed=memory.x");
    println!("cargo:rustc-link-search={machine}");
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rustc-link-arg-bins=--nmagic");
}
