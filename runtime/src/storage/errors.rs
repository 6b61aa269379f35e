//! Why the store did not do what it was asked.

use core::fmt;

use mamlet_formats::record::UnknownVersion;

use crate::learner::RestoreError;

/// Why nothing was stored, or nothing restored.
///
/// `E` is the error of the flash driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError<E> {
    /// The flash driver failed. The store is sound: try again.
    Flash(E),
    /// The region is not made of whole pages inside the flash.
    Region {
        /// Bytes of a page.
        page: usize,
        /// Bytes of the flash.
        capacity: usize,
    },
    /// A word to read or write does not divide 32 bytes, or 64 bytes do not
    /// divide a page: a store cannot be made of such flash.
    Words,
    /// The region is too small.
    TooSmall {
        /// Bytes it needs: see [`flash_needed`](super::flash_needed).
        needed: usize,
        /// Bytes it has.
        given: usize,
    },
    /// The store was made for fewer profiles.
    NoSuchProfile {
        /// For how many.
        profiles: u8,
        /// The profile asked for.
        given: u8,
    },
    /// The initialisation is in use: there is nothing to save.
    NotAdapted,
    /// The stored weights cannot be used, most often because they are
    /// another artifact's. They are still there.
    Refused(RestoreError),
    /// Stored by a later version of this library, and still there.
    Version(UnknownVersion),
    /// Profiles with weights of other artifacts, whose sizes do not go with
    /// this one's, leave no room: remove one.
    NoRoom,
    /// What was written reads differently: the flash is worn out, or somebody
    /// else writes to it. What was stored before still counts.
    NotVerified {
        /// Where the record begins.
        at: u32,
    },
    /// After 4 294 967 295 records: erase the store.
    Exhausted,
}

impl<E: fmt::Debug> fmt::Display for StoreError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "flash: {error:?}"),
            Self::Region { page, capacity } => write!(
                f,
                "the region must be whole pages of {page} bytes in flash of {capacity}"
            ),
            Self::Words => write!(
                f,
                "words must divide 32 bytes, and 64 bytes must divide a page"
            ),
            Self::TooSmall { needed, given } => {
                write!(f, "needs {needed} bytes of flash, the region has {given}")
            }
            Self::NoSuchProfile { profiles, given } => {
                write!(f, "profile {given} of a store for {profiles}, from 0 on")
            }
            Self::NotAdapted => write!(f, "nothing to save: the initialisation is in use"),
            Self::Refused(error @ RestoreError::OtherArtifact { .. }) => write!(
                f,
                "{error}: adapt again and remove the profile before saving, or go back to \
                 firmware with that artifact"
            ),
            Self::Refused(error) => error.fmt(f),
            Self::Version(error) => {
                write!(f, "{error}: erase the store, or go back to later firmware")
            }
            Self::NoRoom => write!(
                f,
                "weights of other artifacts leave no room: remove a profile"
            ),
            Self::NotVerified { at } => write!(
                f,
                "the record at {at:#x} does not read as it was written; the one before it counts"
            ),
            Self::Exhausted => write!(f, "the store has counted to its end: erase it"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for StoreError<E> {}

impl<E> From<RestoreError> for StoreError<E> {
    fn from(error: RestoreError) -> Self {
        StoreError::Refused(error)
    }
}
