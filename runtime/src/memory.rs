//! How much memory an adaptation needs, known before it runs.

use crate::learner::Rollback;

/// What a [`Learner`](crate::Learner) is made for.
///
/// ```
/// use mamlet_runtime::{Rollback, Setup};
/// // Ten examples, computed one after the other; power users keep a commit.
/// let setup = Setup::new(10).one_by_one().rollback(Rollback::ToCommitted);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    pub(crate) examples: usize,
    pub(crate) rollback: Rollback,
    pub(crate) batch: Batch,
    pub(crate) queries: usize,
    pub(crate) lent: bool,
}

/// How many support examples are computed at once. Both give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Batch {
    Whole,
    OneByOne,
}

impl Setup {
    /// Up to `examples` support examples, all computed at once, their copies
    /// kept by the learner, with rollback to the initialisation.
    pub const fn new(examples: usize) -> Self {
        Setup {
            examples,
            rollback: Rollback::ToInitialisation,
            batch: Batch::Whole,
            queries: 0,
            lent: false,
        }
    }

    /// What a failed or discarded adaptation returns to.
    pub const fn rollback(mut self, rollback: Rollback) -> Self {
        self.rollback = rollback;
        self
    }

    /// Computes one support example at a time: the workspace does not grow
    /// with their number, and a second copy of what adapts is needed where the
    /// recipe allows more than one step. The numbers are the same, bit for bit.
    pub const fn one_by_one(mut self) -> Self {
        self.batch = Batch::OneByOne;
        self
    }

    /// Room to predict up to `queries` inputs at once, for networks whose
    /// batch norm takes the statistics of the queries:
    /// [`Learner::predict_batch`](crate::Learner::predict_batch).
    pub const fn queries(mut self, queries: usize) -> Self {
        self.queries = queries;
        self
    }

    /// Leaves support examples where they are, in flash for instance:
    /// [`Learner::lend`](crate::Learner::lend).
    pub const fn lent(mut self) -> Self {
        self.lent = true;
        self
    }
}

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
    /// The weights that a step makes, where examples are computed one by one.
    pub spare: usize,
    /// The gradient and its velocity, where the recipe clips or has momentum.
    pub optimiser: usize,
    /// What the layers below everything that adapts make of the support
    /// examples (the inputs themselves, where there are no such layers), and
    /// their targets; the same of queries.
    pub support: usize,
    /// Activations and gradients, shared by adaptation and prediction.
    pub workspace: usize,
}

impl Memory {
    /// All of it, in bytes.
    pub const fn total(&self) -> usize {
        self.adapted
            .saturating_add(self.committed)
            .saturating_add(self.spare)
            .saturating_add(self.optimiser)
            .saturating_add(self.support)
            .saturating_add(self.workspace)
    }
}
