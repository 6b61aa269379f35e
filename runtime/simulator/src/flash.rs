//! NOR flash on the host, which wears out and loses power.
//!
//! ```
//! use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
//! use mamlet_simulator::flash::{FlashError, Nrf52840, PowerCut, Tear};
//!
//! let mut flash = Nrf52840::new(2); // pages
//! flash.cut_power(PowerCut { after: 1, tear: Tear::Bits, seed: 7 });
//! flash.write(0, &[1, 2, 3, 4])?;   // one word: one operation
//! assert_eq!(flash.write(4, &[0; 4]), Err(FlashError::PowerLost));
//! flash.power_on();
//!
//! let mut word = [0; 4];
//! flash.read(0, &mut word)?;
//! assert_eq!(word, [1, 2, 3, 4]);   // the second word is anyone's guess
//! assert_eq!(flash.erases(), [0, 0]);
//! # Ok::<(), FlashError>(())
//! ```

use std::fmt;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Words of 4 bytes, pages of 4 KiB: nRF52840; also the RP2040 and RP2350,
/// whose drivers write single bytes, but gain nothing by it here.
pub type Nrf52840 = Flash<4, 4096>;
/// Words of 8 bytes, pages of 2 KiB: STM32L4, whose words carry an error
/// correction code and must not be written twice.
pub type Stm32L4 = Flash<8, 2048>;
/// Words of 4 bytes, the 16 KiB sectors of an STM32F4.
pub type Stm32F4 = Flash<4, 16384>;

/// Flash of pages of `PAGE` bytes that are written in words of `WORD` bytes.
///
/// It is as strict as the contract of [`NorFlash`]: a word may be written once
/// after its page was erased, and a write or an erase that loses power leaves
/// anything where it was at work. Everything before stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flash<const WORD: usize, const PAGE: usize> {
    bytes: Vec<u8>,
    /// Which words may not be written before an erase.
    written: Vec<bool>,
    erases: Vec<u32>,
    operations: u64,
    refused: u64,
    cut: Option<PowerCut>,
    powered: bool,
}

/// When the power fails, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerCut {
    /// Operations that still succeed. Each word written and each page erased
    /// is one.
    pub after: u64,
    /// What the operation at work leaves.
    pub tear: Tear,
    /// Of the random numbers that [`Tear`] needs.
    pub seed: u64,
}

/// What an operation leaves that loses power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tear {
    /// What was there before: it did not begin, or it cannot be seen.
    Untouched,
    /// A random first part is as it should be, the rest as before.
    Partly,
    /// Each bit that should change has changed or not.
    Bits,
    /// Random bytes, in the page being erased or in the word being written and
    /// those that the same call would have written after it.
    Undefined,
}

impl Tear {
    /// All of them.
    pub const ALL: [Tear; 4] = [Tear::Untouched, Tear::Partly, Tear::Bits, Tear::Undefined];
}

/// Why an operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlashError {
    /// There is no power: see [`Flash::power_on`].
    PowerLost,
    /// The word at this address has been written since its page was erased.
    WrittenTwice(u32),
    /// The address or the length is wrong.
    Arguments(NorFlashErrorKind),
}

impl<const WORD: usize, const PAGE: usize> Flash<WORD, PAGE> {
    /// Erased flash that has never been used.
    pub fn new(pages: usize) -> Self {
        Self::holding(vec![0xff; pages * PAGE])
    }

    /// Flash that holds `bytes`, filled up to whole pages. Words that are not
    /// blank have been written.
    pub fn holding(mut bytes: Vec<u8>) -> Self {
        bytes.resize(bytes.len().next_multiple_of(PAGE), 0xff);
        Flash {
            written: bytes.chunks(WORD).map(|word| !is_blank(word)).collect(),
            erases: vec![0; bytes.len() / PAGE],
            bytes,
            operations: 0,
            refused: 0,
            cut: None,
            powered: true,
        }
    }

    /// What it holds.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How often each page has been erased.
    pub fn erases(&self) -> &[u32] {
        &self.erases
    }

    /// Words written and pages erased so far.
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Writes refused with [`FlashError::WrittenTwice`] so far.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Lets the power fail.
    pub fn cut_power(&mut self, cut: PowerCut) {
        self.cut = Some(cut);
    }

    /// Brings the power back, for good.
    pub fn power_on(&mut self) {
        self.powered = true;
        self.cut = None;
    }

    fn powered(&self) -> Result<(), FlashError> {
        match self.powered {
            true => Ok(()),
            false => Err(FlashError::PowerLost),
        }
    }

    /// Counts one operation; at the one that loses power, says how.
    fn operate(&mut self) -> Option<PowerCut> {
        let cut = self.cut.as_mut();
        if let Some(cut) = cut {
            let Some(after) = cut.after.checked_sub(1) else {
                self.powered = false;
                return self.cut;
            };
            cut.after = after;
        }
        self.operations += 1;
        None
    }
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0xff)
}

/// Leaves in `bytes`, which should become `goal`, what `cut` says. Only the
/// first `unit` bytes are at work when the power fails, unless undefined.
fn tear(bytes: &mut [u8], goal: &[u8], unit: usize, cut: PowerCut) {
    let mut random = ChaCha8Rng::seed_from_u64(cut.seed);
    let mut noise = vec![0; bytes.len()];
    random.fill_bytes(&mut noise);
    let part = random.next_u32() as usize % unit;
    match cut.tear {
        Tear::Untouched => {}
        Tear::Partly => bytes[..part].copy_from_slice(&goal[..part]),
        Tear::Bits => {
            for ((byte, goal), noise) in bytes.iter_mut().zip(goal).zip(noise).take(unit) {
                *byte ^= (*byte ^ goal) & noise;
            }
        }
        Tear::Undefined => bytes.copy_from_slice(&noise),
    }
}

impl<const WORD: usize, const PAGE: usize> ErrorType for Flash<WORD, PAGE> {
    type Error = FlashError;
}

impl<const WORD: usize, const PAGE: usize> ReadNorFlash for Flash<WORD, PAGE> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        self.powered()?;
        check_read(self, offset, bytes.len())?;
        bytes.copy_from_slice(&self.bytes[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const WORD: usize, const PAGE: usize> NorFlash for Flash<WORD, PAGE> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        self.powered()?;
        check_erase(self, from, to)?;
        for page in from as usize / PAGE..to as usize / PAGE {
            let cut = self.operate();
            let bytes = &mut self.bytes[page * PAGE..][..PAGE];
            let words = page * PAGE / WORD..(page + 1) * PAGE / WORD;
            self.erases[page] += 1;
            self.written[words].fill(cut.is_some());
            match cut {
                None => bytes.fill(0xff),
                Some(cut) => {
                    tear(bytes, &[0xff; PAGE], PAGE, cut);
                    return Err(FlashError::PowerLost);
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.powered()?;
        check_write(self, offset, bytes.len())?;
        let offset = offset as usize;
        for at in (0..bytes.len()).step_by(WORD) {
            let word = (offset + at) / WORD;
            if self.written[word] {
                self.refused += 1;
                return Err(FlashError::WrittenTwice((offset + at) as u32));
            }
            let rest = &bytes[at..];
            if let Some(cut) = self.operate() {
                // Whether later words of the call were begun, nobody knows.
                self.written[word..][..rest.len() / WORD].fill(true);
                tear(
                    &mut self.bytes[offset + at..][..rest.len()],
                    rest,
                    WORD,
                    cut,
                );
                return Err(FlashError::PowerLost);
            }
            self.written[word] = true;
            self.bytes[offset + at..][..WORD].copy_from_slice(&rest[..WORD]);
        }
        Ok(())
    }
}

impl From<NorFlashErrorKind> for FlashError {
    fn from(kind: NorFlashErrorKind) -> Self {
        FlashError::Arguments(kind)
    }
}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            FlashError::Arguments(kind) => *kind,
            _ => NorFlashErrorKind::Other,
        }
    }
}

impl fmt::Display for FlashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerLost => write!(f, "the power failed"),
            Self::WrittenTwice(at) => {
                write!(f, "the word at {at:#x} was written twice without an erase")
            }
            Self::Arguments(kind) => write!(f, "flash arguments: {kind}"),
        }
    }
}

impl std::error::Error for FlashError {}
