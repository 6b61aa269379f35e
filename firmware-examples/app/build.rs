//! Hands the linker the (empty) list of interrupt handlers that `cortex-m-rt`
//! asks for.

fn main() {
    println!("cargo:rerun-if-changed=device.x");
    println!("cargo:rustc-link-search={}", env!("CARGO_MANIFEST_DIR"));
}
