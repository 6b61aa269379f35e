//! A file that stands for the board's flash: what one session learns, the next
//! one knows.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mamlet_runtime::Learner;
use mamlet_runtime::storage::{Saved, Store, StoreError, Stored, flash_needed};

use crate::board::Board;
use crate::flash::{Flash, FlashError, Nrf52840, PowerCut, Stm32F4, Stm32L4, Tear};

/// The profile a session is about: there is one.
const PROFILE: u8 = 0;

/// A board's flash, in which a session finds weights and stores them.
pub trait BoardFlash {
    /// Takes what is stored into use.
    ///
    /// # Errors
    /// Where it is another artifact's, or the flash cannot be used.
    fn restore(&mut self, learner: &mut Learner<'_>) -> Result<Option<Stored>>;

    /// Stores the weights in use; `None` where the power failed.
    ///
    /// # Errors
    /// Where another artifact's are stored, or the flash is too small.
    fn save(&mut self, learner: &Learner<'_>) -> Result<Option<Saved>>;

    /// Forgets what is stored, of whatever artifact.
    ///
    /// # Errors
    /// Where the flash cannot be used.
    fn forget(&mut self) -> Result<()>;

    /// Writes the flash to its file.
    ///
    /// # Errors
    /// Names the file.
    fn write(&self) -> Result<()>;
}

/// Flash in a file.
#[derive(Debug)]
struct FlashFile<const WORD: usize, const PAGE: usize> {
    path: PathBuf,
    flash: Flash<WORD, PAGE>,
    power_cut: Option<u64>,
}

/// Opens a file as the flash of a board, blank where there is none: twice what
/// so many weights need. With `power_cut`, the power fails after so many words
/// or pages of a save.
///
/// # Errors
/// Names the file that cannot be read.
pub fn open(
    path: &Path,
    board: &Board,
    weights: usize,
    power_cut: Option<u64>,
) -> Result<Box<dyn BoardFlash>> {
    let bytes = match fs::exists(path).unwrap_or(true) {
        true => Some(fs::read(path).with_context(|| format!("cannot read {}", path.display()))?),
        false => None,
    };
    let path = path.to_owned();
    let pages = |page| 2 * flash_needed(weights, 1, page) / page;
    // The simulator plays three kinds of flash; most boards have the last one.
    Ok(match (board.pages.word, board.pages.page) {
        (8, 2048) => Box::new(FlashFile {
            path,
            flash: bytes.map_or_else(|| Stm32L4::new(pages(2048)), Flash::holding),
            power_cut,
        }),
        (4, 16384) => Box::new(FlashFile {
            path,
            flash: bytes.map_or_else(|| Stm32F4::new(pages(16384)), Flash::holding),
            power_cut,
        }),
        _ => Box::new(FlashFile {
            path,
            flash: bytes.map_or_else(|| Nrf52840::new(pages(4096)), Flash::holding),
            power_cut,
        }),
    })
}

impl<const WORD: usize, const PAGE: usize> FlashFile<WORD, PAGE> {
    fn store(&mut self) -> Result<Store<&mut Flash<WORD, PAGE>>> {
        let all = 0..u32::try_from(self.flash.bytes().len())?;
        let store = Store::new(&mut self.flash, all, 1);
        store.with_context(|| self.path.display().to_string())
    }
}

impl<const WORD: usize, const PAGE: usize> BoardFlash for FlashFile<WORD, PAGE> {
    fn restore(&mut self, learner: &mut Learner<'_>) -> Result<Option<Stored>> {
        let found = self.store()?.restore(PROFILE, learner);
        found.with_context(|| self.path.display().to_string())
    }

    fn save(&mut self, learner: &Learner<'_>) -> Result<Option<Saved>> {
        if let Some(after) = self.power_cut {
            self.flash.cut_power(PowerCut {
                after,
                tear: Tear::Bits,
                seed: after,
            });
        }
        match self.store()?.save(PROFILE, learner) {
            Err(StoreError::Flash(FlashError::PowerLost)) => Ok(None),
            saved => saved
                .map(Some)
                .with_context(|| self.path.display().to_string()),
        }
    }

    fn forget(&mut self) -> Result<()> {
        let forgotten = self.store()?.remove(PROFILE);
        forgotten.with_context(|| self.path.display().to_string())
    }

    fn write(&self) -> Result<()> {
        let Self { path, flash, .. } = self;
        fs::write(path, flash.bytes()).with_context(|| format!("cannot write {}", path.display()))
    }
}
