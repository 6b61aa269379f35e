//! How much memory an adaptation needs, known before it runs.

/// The bytes of a [`Learner`](crate::Learner)'s buffer, by what they are for.
///
/// The sum is exact: a buffer one number shorter is refused, one longer is not
/// used to its end. The stack and the [`Model`](crate::Model) itself come on
/// top; the firmware examples measure them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// The weights being adapted. Everything else stays in flash.
    pub adapted: usize,
    /// The weights last committed, where rollback is to them.
    pub committed: usize,
    /// Inputs and targets of the support examples.
    pub support: usize,
    /// Activations and gradients, shared by adaptation and prediction.
    pub workspace: usize,
}

impl Memory {
    /// All of it, in bytes.
    pub const fn total(&self) -> usize {
        self.adapted
            .saturating_add(self.committed)
            .saturating_add(self.support)
            .saturating_add(self.workspace)
    }
}
