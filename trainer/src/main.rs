//! The `mamlet` command. See `mamlet --help`.

use std::process::ExitCode;

/// Tensors come and go thousands of times a second; the system allocator gives
/// their pages back to the kernel each time, which doubles the training time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mamlet_trainer::cli::main()
}
