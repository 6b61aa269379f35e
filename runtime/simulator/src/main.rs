//! runtime/simulator
fn main() {}
