//! Flash and resets. QEMU's machine has no flash to write to, so flash is played by
//! memory that a reset leaves alone.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

pub use app::ram_flash::{PAGE, RamFlash};
use cortex_m::peripheral::SCB;

/// Bytes of flash: two records of four pages each.
pub const FLASH: usize = 8 * PAGE;
/// What [`LIFE`] holds from the first reset on, plus the number of the life.
const RESET: u32 = 0x11fe_0000;
/// More resets than any program makes.
const LIVES: u32 = 16;

/// A reset leaves `.uninit` alone.
#[unsafe(link_section = ".uninit.flash")]
static WORDS: [AtomicU32; FLASH / 4] = [const { AtomicU32::new(0) }; FLASH / 4];
#[unsafe(link_section = ".uninit.life")]
static LIFE: AtomicU32 = AtomicU32::new(0);

/// How often the core was reset since the power came on, which makes the flash
/// blank.
pub fn life() -> u32 {
    match LIFE.load(Relaxed).wrapping_sub(RESET) {
        life @ 1..LIVES => life,
        _ => {
            RamFlash::blank(&WORDS);
            LIFE.store(RESET, Relaxed);
            0
        }
    }
}

/// Resets the core; the next life begins in `main`.
pub fn reset() -> ! {
    LIFE.fetch_add(1, Relaxed);
    SCB::sys_reset()
}

/// Ends the last life: whoever starts the program again begins with the first.
pub fn end() {
    LIFE.store(0, Relaxed);
}

/// The flash as it is.
pub fn flash() -> RamFlash {
    RamFlash::new(&WORDS)
}

/// The flash until the power fails: see [`RamFlash::cut_after`].
pub fn flash_until(words: u32) -> RamFlash {
    flash().cut_after(words, reset)
}
