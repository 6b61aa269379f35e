//! Where a board stores what it was taught.

use mamlet_formats::protocol::{Refusal, Stored};

use crate::learner::Learner;

/// Where a [`Server`](super::Server) stores weights: a `storage::Store`, of which
/// it uses profile 0, or [`NoStorage`].
pub trait Storage {
    /// Whether there is any place to store weights.
    fn is_there(&self) -> bool;

    /// Stores the weights in use.
    ///
    /// # Errors
    /// [`Refusal`]; what was stored before still is.
    fn save(&mut self, learner: &Learner<'_>) -> Result<Stored, Refusal>;

    /// Takes the stored weights into use.
    ///
    /// # Errors
    /// [`Refusal`]; the learner is as it was.
    fn restore(&mut self, learner: &mut Learner<'_>) -> Result<Stored, Refusal>;

    /// Forgets the stored weights.
    ///
    /// # Errors
    /// [`Refusal`]; they may then still be there.
    fn forget(&mut self) -> Result<(), Refusal>;
}

/// A board without flash of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoStorage;

impl Storage for NoStorage {
    fn is_there(&self) -> bool {
        false
    }

    fn save(&mut self, _: &Learner<'_>) -> Result<Stored, Refusal> {
        Err(Refusal::NoStorage)
    }

    fn restore(&mut self, _: &mut Learner<'_>) -> Result<Stored, Refusal> {
        Err(Refusal::NoStorage)
    }

    fn forget(&mut self) -> Result<(), Refusal> {
        Err(Refusal::NoStorage)
    }
}

#[cfg(feature = "storage")]
mod flash {
    use embedded_storage::nor_flash::NorFlash;
    use mamlet_formats::protocol::{Refusal, Stored};

    use super::Storage;
    use crate::learner::Learner;
    use crate::serve::count;
    use crate::storage::{Saved, Store, StoreError};

    /// The profile that is used.
    const PROFILE: u8 = 0;

    impl<F: NorFlash> Storage for Store<F> {
        fn is_there(&self) -> bool {
            true
        }

        fn save(&mut self, learner: &Learner<'_>) -> Result<Stored, Refusal> {
            Ok(match Store::save(self, PROFILE, learner)? {
                Saved::Written => Stored::Saved,
                Saved::Unchanged => Stored::Unchanged,
            })
        }

        fn restore(&mut self, learner: &mut Learner<'_>) -> Result<Stored, Refusal> {
            Ok(match Store::restore(self, PROFILE, learner)? {
                Some(stored) => Stored::Restored {
                    steps: stored.steps,
                },
                None => Stored::Nothing,
            })
        }

        fn forget(&mut self) -> Result<(), Refusal> {
            Ok(self.remove(PROFILE)?)
        }
    }

    impl<E> From<StoreError<E>> for Refusal {
        fn from(error: StoreError<E>) -> Self {
            match error {
                StoreError::NotAdapted => Refusal::NotAdapted,
                StoreError::TooSmall { needed, given } => Refusal::StorageTooSmall {
                    needed: count(needed),
                    given: count(given),
                },
                StoreError::Refused(error) => error.into(),
                _ => Refusal::Flash,
            }
        }
    }
}
