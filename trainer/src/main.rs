//! The `mamlet` command. See `mamlet --help`.

use std::process::ExitCode;

/// Tensors come and go thousands of times a second; the system allocator gives
/// their pages back to the kernel each time, which doubles the training time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay`, which the crate leaves without a name: milliseconds until
/// pages that nothing uses go back to the kernel, below zero never.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

fn main() -> ExitCode {
    // The next iteration wants the pages of the last one. `MIMALLOC_PURGE_DELAY` in the
    // environment says otherwise.
    //
    // SAFETY: this writes a number to a table of the allocator, which no thread but this
    // one reads yet; an option it does not have it passes over.
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, -1) };
    mamlet_trainer::cli::main()
}
