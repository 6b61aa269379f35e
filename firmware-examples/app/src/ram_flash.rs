//! Memory that plays flash, for emulated boards, which have none to write to: a reset
//! leaves it alone, and the power can be cut in the middle of a word.

use core::convert::Infallible;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

/// The page of an nRF52840.
pub const PAGE: usize = 4096;

/// Flash clears bits and sets none. A Cortex-M0 has no instruction that does both at
/// once; nothing else writes meanwhile.
fn program(word: &AtomicU32, value: u32) {
    word.store(word.load(Relaxed) & value, Relaxed);
}

/// Flash in words of four bytes and pages of [`PAGE`].
pub struct RamFlash {
    words: &'static [AtomicU32],
    /// Words until the power fails, and what happens then.
    cut: Option<(u32, fn() -> !)>,
}

impl RamFlash {
    /// Flash in some words, which hold whatever they hold.
    pub const fn new(words: &'static [AtomicU32]) -> Self {
        RamFlash { words, cut: None }
    }

    /// Blank flash.
    pub fn blank(words: &'static [AtomicU32]) -> Self {
        words.iter().for_each(|word| word.store(!0, Relaxed));
        Self::new(words)
    }

    /// The power fails after so many words, in the middle of the next: half of
    /// its bits are written, then `reset` is called.
    pub fn cut_after(mut self, words: u32, reset: fn() -> !) -> Self {
        self.cut = Some((words, reset));
        self
    }
}

impl ErrorType for RamFlash {
    type Error = Infallible;
}

impl ReadNorFlash for RamFlash {
    const READ_SIZE: usize = 4;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        let words = self.words.iter().skip(offset as usize / 4);
        for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.load(Relaxed).to_le_bytes();
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        4 * self.words.len()
    }
}

impl NorFlash for RamFlash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        let words = self.words.iter().skip(from as usize / 4);
        let words = words.take(to.saturating_sub(from) as usize / 4);
        words.for_each(|word| word.store(!0, Relaxed));
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        let words = self.words.iter().skip(offset as usize / 4);
        for (&bytes, word) in bytes.as_chunks().0.iter().zip(words) {
            let value = u32::from_le_bytes(bytes);
            if let Some((left, reset)) = &mut self.cut {
                if *left == 0 {
                    program(word, value | 0xffff_0000);
                    reset()
                }
                *left -= 1;
            }
            program(word, value);
        }
        Ok(())
    }
}
