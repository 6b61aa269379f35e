//! Flash and resets. The machine has no flash to write to, so flash is played by
//! memory that a reset leaves alone.

use core::convert::Infallible;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use cortex_m::peripheral::SCB;
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

/// The page of an nRF52840.
pub const PAGE: usize = 4096;
/// Bytes of flash: two records of two pages each.
pub const FLASH: usize = 4 * PAGE;
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
            WORDS.iter().for_each(|word| word.store(!0, Relaxed));
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

/// Memory that plays flash.
#[derive(Default)]
pub struct Flash {
    /// Words until the power fails, in the middle of a word: half of its bits are
    /// written, then the core resets itself.
    pub cut: Option<u32>,
}

impl ErrorType for Flash {
    type Error = Infallible;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 4;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        let words = WORDS.iter().skip(offset as usize / 4);
        for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.load(Relaxed).to_le_bytes();
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        FLASH
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        let words = WORDS.iter().skip(from as usize / 4);
        let words = words.take((to - from) as usize / 4);
        words.for_each(|word| word.store(!0, Relaxed));
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        let words = WORDS.iter().skip(offset as usize / 4);
        for (&bytes, word) in bytes.as_chunks().0.iter().zip(words) {
            let value = u32::from_le_bytes(bytes);
            if self.cut == Some(0) {
                word.fetch_and(value | 0xffff_0000, Relaxed);
                reset()
            }
            self.cut = self.cut.map(|left| left - 1);
            word.fetch_and(value, Relaxed);
        }
        Ok(())
    }
}
