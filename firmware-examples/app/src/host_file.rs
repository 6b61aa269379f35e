//! Files of the host that runs the debugger or the emulator, through semihosting.

use core::ffi::CStr;

#[cfg(target_arch = "arm")]
use cortex_m_semihosting as semihosting;
#[cfg(target_arch = "riscv32")]
use riscv_semihosting as semihosting;

/// A file that is read from its beginning.
pub struct HostFile {
    handle: usize,
}

impl HostFile {
    /// Opens a file by its path, from the folder where the host program was
    /// started. `None` where it cannot be read.
    pub fn open(path: &CStr) -> Option<Self> {
        /// `rb` of C's `fopen`.
        const READ_BINARY: usize = 1;
        let length = path.to_bytes().len();
        // SAFETY: the operation reads as many bytes of the path, and its end.
        let handle = unsafe { semihosting::syscall!(OPEN, path.as_ptr(), READ_BINARY, length) };
        (handle != usize::MAX).then_some(HostFile { handle })
    }

    /// Fills `buffer` with the next bytes; `None` where the file ends before.
    pub fn read(&mut self, buffer: &mut [u8]) -> Option<()> {
        let length = buffer.len();
        // SAFETY: the operation writes at most as many bytes to the buffer.
        let missing =
            unsafe { semihosting::syscall!(READ, self.handle, buffer.as_mut_ptr(), length) };
        (missing == 0).then_some(())
    }
}
