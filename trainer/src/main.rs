//! The `mamlet` command.

fn main() {}
