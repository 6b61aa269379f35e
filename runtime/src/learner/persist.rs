//! Weights out of a learner and back into one.

use mamlet_formats::{ArtifactId, Checkpoint, checkpoint};

use super::{Learner, Learnt, RestoreError, SaveError};

impl Learner<'_> {
    /// Bytes of a checkpoint.
    pub fn checkpoint_size(&self) -> usize {
        checkpoint::size(self.adapted.len())
    }

    /// Writes the weights in use as a checkpoint bound to the artifact and
    /// returns how many bytes it has.
    ///
    /// # Errors
    /// [`SaveError`] where there is nothing to save or no room; `out` is
    /// untouched then.
    pub fn save(&self, out: &mut [u8]) -> Result<usize, SaveError> {
        let (checkpoint, weights) = self.checkpoint().ok_or(SaveError::NotAdapted)?;
        Ok(checkpoint.write(weights, out)?)
    }

    /// Takes the weights of a checkpoint into use and commits them.
    ///
    /// # Errors
    /// [`RestoreError`] where the bytes are no checkpoint of this artifact;
    /// nothing has changed then.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        let checkpoint = Checkpoint::parse(bytes)?;
        let weights = checkpoint.weights.as_chunks::<4>().0;
        self.accepts(checkpoint.artifact, weights.len())?;
        let weights = weights.iter().map(|&bytes| f32::from_le_bytes(bytes));
        if !weights.clone().all(f32::is_finite) {
            return Err(RestoreError::NotFinite);
        }
        self.receive()
            .iter_mut()
            .zip(weights)
            .for_each(|(w, value)| *w = value);
        self.take_up(
            checkpoint.steps,
            checkpoint.loss_before,
            checkpoint.loss_after,
        );
        Ok(())
    }

    /// What a checkpoint of the weights in use says, and the weights; `None`
    /// while the initialisation is in use.
    pub(crate) fn checkpoint(&self) -> Option<(Checkpoint<'static>, &[f32])> {
        let learnt = self.current?;
        let checkpoint = Checkpoint {
            artifact: self.info.id,
            steps: learnt.steps,
            loss_before: learnt.loss_before,
            loss_after: learnt.loss_after,
            weights: &[],
        };
        Some((checkpoint, self.adapted))
    }

    /// Whether so many weights of an artifact can be taken into use.
    pub(crate) fn accepts(&self, artifact: ArtifactId, weights: usize) -> Result<(), RestoreError> {
        let (expected, needed) = (self.info.id, self.adapted.len());
        if artifact != expected {
            let found = artifact;
            return Err(RestoreError::OtherArtifact { expected, found });
        }
        if weights != needed {
            let given = weights;
            return Err(RestoreError::Length { needed, given });
        }
        Ok(())
    }

    /// Where weights go that come piece by piece. The initialisation is in use
    /// until [`take_up`](Self::take_up); [`discard`](Self::discard) gives up.
    pub(crate) fn receive(&mut self) -> &mut [f32] {
        self.current = None;
        self.adapted
    }

    /// Takes received weights into use and commits them.
    pub(crate) fn take_up(&mut self, steps: u32, loss_before: f32, loss_after: f32) {
        self.current = Some(Learnt {
            steps,
            loss_before,
            loss_after,
        });
        self.commit();
    }
}
