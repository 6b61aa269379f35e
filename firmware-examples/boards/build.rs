//! The build script of every board: hands the linker the board's memory, the
//! sections of its start-up code and those of its log.

use std::env;

fn main() {
    let board = env::var("CARGO_MANIFEST_DIR").expect("set by cargo");
    println!("cargo:rerun-if-changed=memory.x");
    println!("cargo:rustc-link-search={board}");
    println!("cargo:rustc-link-arg-bins=--nmagic");
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
}
