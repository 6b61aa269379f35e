//! What a board has learnt, kept in NOR flash.
//!
//! ```
//! use embedded_storage::nor_flash::NorFlash;
//! use mamlet_runtime::Learner;
//! use mamlet_runtime::storage::{Store, StoreError};
//!
//! /// When the board starts: what it has learnt, from the last 32 KiB of 1 MiB.
//! fn start<F: NorFlash>(flash: F, learner: &mut Learner<'_>) -> Result<(), StoreError<F::Error>> {
//!     let mut store = Store::new(flash, 0xf8000..0x10_0000, 1)?; // for one person
//!     if store.restore(0, learner)?.is_none() {
//!         // Nothing yet: take examples, adapt, and then
//!         store.save(0, learner)?;
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # What it promises
//! * **Old or new, never neither.** The power may fail at any word written and
//!   in any erase, and again while starting up: [`Store::restore`] finds the
//!   weights saved last or those before them, every bit of them, and the next
//!   save works. A save that returned is the one that is found.
//! * **Bound to the artifact.** Weights that another artifact led to are
//!   refused, both by [`Store::restore`] and by [`Store::save`], which would
//!   overwrite them. After an update of the artifact, the board has to learn
//!   again, best from examples it kept: restore (refused, the initialisation
//!   stays in use), [`Store::remove`], adapt, save. Nothing is ever carried
//!   over. Until `remove`, going back to the former firmware brings its weights
//!   back.
//! * **No copy in memory.** Weights go from the learner to the flash and back,
//!   32 bytes at a time. On the way back they are first checked where they lie.
//! * **Known before.** [`flash_needed`] says how much flash it takes. Too small
//!   a region is refused before anything is written.
//! * **No panic**, whatever the flash holds.
//!
//! # What it does to the flash
//! Records are written one behind the other, round and round the region; a page
//! is erased when its turn comes, and never while it holds what is to be kept.
//! So all pages wear alike. The first save after a start begins a new page, as
//! nobody knows what a power cut left behind the last record.
//!
//! A record takes `72 + 4 · weights` bytes, rounded up to 64. Flash of `P` pages
//! that stand 10 000 erases each takes `10 000 · P / p` saves of records of `p`
//! pages. Where `n` records fit into a page, it takes `10 000 · P` starts with a
//! save, or `n` times as many saves between starts that are rare. On four pages of an nRF52840,
//! the 1761 weights of the sinusoid network (7168 bytes, two pages) can be saved
//! 20 000 times, and five context weights (128 bytes) 40 000 to 1 280 000 times.
//! Saving what is already stored writes nothing.
//!
//! # What it asks of the flash
//! The contract of [`NorFlash`], no more: each word is written at most once
//! between two erases, and an erase that loses power may leave anything in its
//! page. A torn word must be readable: a driver that faults on a broken error
//! correction code must return something instead.
//!
//! # Why it is not a map of `sequential-storage`
//! That was tried first, with the checkpoint in chunks under the keys of two
//! slots, and a last small item that makes one count. Its pages carry their
//! state in their first and last word, and an erase that loses power can turn an
//! old page into what looks like the one in use. After 40 of 672 erases cut
//! short, neither the old weights nor the new were found: the simulator's test
//! `sequential_storage` shows it. Records that are found by their own checksums need no page states. They
//! also need no buffer for an item, no copies of live items before an erase,
//! and no search for each of them.

mod blocking;
mod errors;
mod region;

use core::ops::Range;

pub use blocking::Store;
use embedded_storage_async::nor_flash::NorFlash;
pub use errors::StoreError;
use mamlet_formats::checkpoint::{self, PREFIX, Prefix};
use mamlet_formats::record::Record;
use mamlet_formats::{ArtifactId, record};

use self::region::{Region, Whole, Word};
use crate::learner::{Learner, RestoreError};

/// Bytes of flash that a store needs for so many weights and profiles, in
/// pages of `page` bytes: one more than the records to be kept, each in pages
/// of its own.
pub const fn flash_needed(weights: usize, profiles: u8, page: usize) -> usize {
    let record = Record::size(checkpoint::size(weights));
    match record.checked_next_multiple_of(page) {
        Some(pages) => pages.saturating_mul(profiles as usize + 1),
        None => usize::MAX,
    }
}

/// Adapted weights in flash, of one or several profiles: people, gestures,
/// machines, whatever is learnt apart.
///
/// [`Store`] is the same for drivers that block. A future that is dropped before
/// it is done has done what a power cut leaves.
///
/// ```
/// use embedded_storage_async::nor_flash::NorFlash;
/// use mamlet_runtime::Learner;
/// use mamlet_runtime::storage::{AsyncStore, StoreError};
///
/// /// Keeps what the second of four people taught the board.
/// async fn keep<F: NorFlash>(flash: F, learner: &Learner<'_>) -> Result<(), StoreError<F::Error>> {
///     let mut store = AsyncStore::new(flash, 0xf0000..0x10_0000, 4)?;
///     store.save(1, learner).await?;
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct AsyncStore<F>(Region<F>);

/// What [`Store::save`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The weights are in flash.
    Written,
    /// They already were, nothing was written.
    Unchanged,
}

/// What is stored of a profile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stored {
    /// The artifact whose initialisation was adapted.
    pub artifact: ArtifactId,
    /// How many weights there are.
    pub weights: usize,
    /// How many inner steps led to them.
    pub steps: u32,
    /// The support loss before the first step.
    pub loss_before: f32,
    /// The support loss after the last step.
    pub loss_after: f32,
    /// Counts the records of the store: the higher, the newer.
    pub generation: u32,
}

impl<F: NorFlash> AsyncStore<F> {
    /// A store in a region of the flash, in bytes from its start, for profiles
    /// 0 to `profiles` − 1. It reads and writes nothing yet. A region that was
    /// never used as a store needs no preparation.
    ///
    /// The same region must be given each time. `profiles` may grow; where it
    /// shrinks, the profiles beyond are lost in time.
    ///
    /// # Errors
    /// [`StoreError::Region`], [`StoreError::Words`].
    pub fn new(flash: F, region: Range<u32>, profiles: u8) -> Result<Self, StoreError<F::Error>> {
        Region::new(flash, region, profiles).map(AsyncStore)
    }

    /// Keeps the weights in use, in place of those the profile had. Until it
    /// returns, a power cut leaves the profile with either of them.
    ///
    /// # Errors
    /// [`StoreError`]: the profile then has what it had, or, where reading back
    /// failed, possibly the new weights.
    pub async fn save(
        &mut self,
        profile: u8,
        learner: &Learner<'_>,
    ) -> Result<Saved, StoreError<F::Error>> {
        self.exists(profile)?;
        let (checkpoint, weights) = learner.checkpoint().ok_or(StoreError::NotAdapted)?;
        let prefix = checkpoint.prefix(weights).map_err(RestoreError::from)?;
        let needed = flash_needed(weights.len(), self.0.profiles, F::ERASE_SIZE);
        let given = self.0.range.len();
        if needed > given {
            return Err(StoreError::TooSmall { needed, given });
        }
        let encoded = prefix.encode();
        let words = words(&encoded, weights);
        if let Some(newest) = self.0.newest(profile).await?
            && let Some(stored) = newest.prefix
        {
            learner.accepts(stored.artifact, stored.weights as usize)?;
            if self.0.carries(newest.located, words.clone()).await? {
                return Ok(Saved::Unchanged);
            }
        }
        let length = checkpoint::size(weights.len());
        self.0.append(profile, length, words).await?;
        Ok(Saved::Written)
    }

    /// Takes what the profile has learnt into use, commits it, and says what it
    /// is; `None` where nothing is stored, and the learner is as it was.
    ///
    /// # Errors
    /// [`StoreError`]; the learner is as it was, unless the flash fails between
    /// checking the weights and reading them: then it goes back to what
    /// [`Rollback`](crate::Rollback) says.
    pub async fn restore(
        &mut self,
        profile: u8,
        learner: &mut Learner<'_>,
    ) -> Result<Option<Stored>, StoreError<F::Error>> {
        let Some(newest) = self.profile(profile).await? else {
            return Ok(None);
        };
        let Some(prefix) = newest.prefix else {
            return Ok(None);
        };
        learner.accepts(prefix.artifact, prefix.weights as usize)?;
        if !newest.finite {
            return Err(RestoreError::NotFinite.into());
        }
        let weights = learner.receive();
        let mut places = weights.iter_mut();
        let mut skip = PREFIX / 4;
        let copied = self
            .0
            .read(newest.located, |word| match skip.checked_sub(1) {
                Some(left) => skip = left,
                None => {
                    if let Some(place) = places.next() {
                        *place = f32::from_le_bytes(word);
                    }
                }
            })
            .await;
        // Once more, should the flash have read differently.
        let unchanged = prefix.sealed(weights).checksum == prefix.checksum;
        if copied.is_ok() && unchanged {
            learner.take_up(prefix.steps, prefix.loss_before, prefix.loss_after);
        } else {
            learner.discard();
        }
        copied?;
        match unchanged {
            true => Ok(stored(&newest)),
            false => Err(StoreError::NotVerified {
                at: newest.located.at,
            }),
        }
    }

    /// What is stored of a profile, of whatever artifact.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stored(&mut self, profile: u8) -> Result<Option<Stored>, StoreError<F::Error>> {
        Ok(self.profile(profile).await?.as_ref().and_then(stored))
    }

    /// Forgets a profile. Until it returns, a power cut leaves it or not.
    ///
    /// # Errors
    /// [`StoreError`]: the profile may then still be there.
    pub async fn remove(&mut self, profile: u8) -> Result<(), StoreError<F::Error>> {
        match self.profile(profile).await? {
            Some(newest) if newest.prefix.is_some() => {
                self.0.append(profile, 0, core::iter::empty()).await
            }
            _ => Ok(()),
        }
    }

    /// Erases the whole region, whatever it holds. After a power cut meanwhile,
    /// a profile may have weights, also older ones: erase again.
    ///
    /// # Errors
    /// [`StoreError::Flash`].
    pub async fn erase(&mut self) -> Result<(), StoreError<F::Error>> {
        let Range { start, end } = self.0.range;
        self.0
            .flash
            .erase(start, end)
            .await
            .map_err(StoreError::Flash)
    }

    /// Gives the flash back.
    pub fn into_flash(self) -> F {
        self.0.flash
    }

    /// The newest whole record of a profile that exists.
    async fn profile(&mut self, profile: u8) -> Result<Option<Whole>, StoreError<F::Error>> {
        self.exists(profile)?;
        self.0.newest(profile).await
    }

    fn exists(&self, given: u8) -> Result<(), StoreError<F::Error>> {
        let profiles = self.0.profiles;
        match given < profiles {
            true => Ok(()),
            false => Err(StoreError::NoSuchProfile { profiles, given }),
        }
    }
}

/// The words of a checkpoint.
fn words<'w>(
    prefix: &'w [u8; PREFIX],
    weights: &'w [f32],
) -> impl Iterator<Item = Word> + Clone + 'w {
    let weights = weights.iter().map(|weight| weight.to_le_bytes());
    prefix.as_chunks().0.iter().copied().chain(weights)
}

fn stored(whole: &Whole) -> Option<Stored> {
    whole.prefix.map(|prefix: Prefix| Stored {
        artifact: prefix.artifact,
        weights: prefix.weights as usize,
        steps: prefix.steps,
        loss_before: prefix.loss_before,
        loss_after: prefix.loss_after,
        generation: whole.located.record.generation,
    })
}

// A record's prefix and what it carries are made of whole words.
const _: () = assert!(record::PREFIX.is_multiple_of(4) && PREFIX.is_multiple_of(4));
