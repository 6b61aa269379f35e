//! Memory that a checkpoint is kept in.

use mamlet_runtime::Learner;
use mamlet_runtime::serve::{Refusal, Storage, Stored};

/// Bytes of a checkpoint of 1761 weights.
pub const SHELF: usize = 40 + 4 * 1761;

/// One checkpoint, or none.
pub struct Shelf<'m> {
    bytes: &'m mut [u8; SHELF],
    /// The steps that led to it.
    kept: Option<u32>,
}

impl<'m> Shelf<'m> {
    /// Nothing is kept yet.
    pub fn new(bytes: &'m mut [u8; SHELF]) -> Self {
        Shelf { bytes, kept: None }
    }
}

impl Storage for Shelf<'_> {
    fn is_there(&self) -> bool {
        true
    }

    fn save(&mut self, learner: &Learner<'_>) -> Result<Stored, Refusal> {
        let weights = learner.weights().ok_or(Refusal::NotAdapted)?;
        let words = weights.iter().map(|weight| weight.to_le_bytes());
        let kept = self.bytes.iter().skip(40).copied();
        if self.kept.is_some() && kept.eq(words.flatten()) {
            return Ok(Stored::Unchanged);
        }
        learner.save(self.bytes).map_err(|_| Refusal::NotAdapted)?;
        self.kept = steps(self.bytes);
        Ok(Stored::Saved)
    }

    fn restore(&mut self, learner: &mut Learner<'_>) -> Result<Stored, Refusal> {
        let Some(steps) = self.kept else {
            return Ok(Stored::Nothing);
        };
        learner.restore(self.bytes).map_err(Refusal::from)?;
        Ok(Stored::Restored { steps })
    }

    fn forget(&mut self) -> Result<(), Refusal> {
        self.kept = None;
        Ok(())
    }
}

/// The steps that a checkpoint says.
fn steps(bytes: &[u8]) -> Option<u32> {
    mamlet_runtime::Checkpoint::parse(bytes)
        .ok()
        .map(|checkpoint| checkpoint.steps)
}
