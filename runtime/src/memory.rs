//! How much memory an adaptation needs, known before it runs.

use core::ops::Add;

/// An amount of memory, in numbers (f32) of four bytes.
///
/// The largest possible amount stands for what does not fit any memory.
///
/// ```
/// use mamlet_runtime::memory::Numbers;
/// let amount = Numbers::new(10) + Numbers::new(6);
/// assert_eq!((amount.len(), amount.bytes()), (16, 64));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Numbers(usize);

impl Numbers {
    /// Nothing.
    pub const ZERO: Numbers = Numbers(0);

    /// So many numbers.
    pub const fn new(len: usize) -> Self {
        Numbers(len)
    }

    /// How many numbers: the length of a slice of f32.
    pub const fn len(self) -> usize {
        self.0
    }

    /// Whether it is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many bytes.
    pub const fn bytes(self) -> usize {
        self.0.saturating_mul(size_of::<f32>())
    }
}

impl Add for Numbers {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Numbers(self.0.saturating_add(other.0))
    }
}

/// What a failed or discarded adaptation returns to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rollback {
    /// The artifact's initialisation, which is in flash: needs no memory.
    /// Weights learnt before are lost (restore them from a checkpoint).
    ToInitialisation,
    /// The weights last committed, kept in a second copy of what adapts.
    ToCommitted,
}

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

/// The memory of a [`Learner`](crate::Learner), by what it is for.
///
/// The sum is exact: a buffer one number shorter is refused, one longer is not
/// used to its end. The stack and the [`Model`](crate::Model) itself come on
/// top; the firmware examples measure them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// The weights being adapted. Everything else stays in flash.
    pub adapted: Numbers,
    /// The weights last committed, where rollback is to them.
    pub committed: Numbers,
    /// The weights that a step makes, where examples are computed one by one.
    pub spare: Numbers,
    /// The gradient and its velocity, where the recipe clips or has momentum.
    pub optimiser: Numbers,
    /// Features and targets of the support examples, and features of queries.
    /// Features are the output of the layers below everything that adapts;
    /// without such layers, the inputs.
    pub support: Numbers,
    /// Activations and gradients, shared by adaptation and prediction.
    pub workspace: Numbers,
}

impl Memory {
    /// All of it.
    pub fn total(&self) -> Numbers {
        self.weights() + self.support + self.workspace
    }

    /// Everything that holds weights or gradients of them.
    pub fn weights(&self) -> Numbers {
        self.adapted + self.committed + self.spare + self.optimiser
    }
}
