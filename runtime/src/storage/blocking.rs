//! The store for flash that is waited for.

use core::ops::Range;

use embassy_futures::block_on;
use embedded_storage::nor_flash as blocking;
use embedded_storage_async::nor_flash as waiting;

use super::{AsyncStore, Saved, StoreError, Stored};
use crate::learner::Learner;

/// [`AsyncStore`] for a driver that returns when it is done.
#[derive(Debug)]
pub struct Store<F>(AsyncStore<Ready<F>>);

impl<F: blocking::NorFlash> Store<F> {
    /// As [`AsyncStore::new`].
    ///
    /// # Errors
    /// As [`AsyncStore::new`].
    pub fn new(flash: F, region: Range<u32>, profiles: u8) -> Result<Self, StoreError<F::Error>> {
        AsyncStore::new(Ready(flash), region, profiles).map(Store)
    }

    /// As [`AsyncStore::save`].
    ///
    /// # Errors
    /// As [`AsyncStore::save`].
    pub fn save(
        &mut self,
        profile: u8,
        learner: &Learner<'_>,
    ) -> Result<Saved, StoreError<F::Error>> {
        block_on(self.0.save(profile, learner))
    }

    /// As [`AsyncStore::restore`].
    ///
    /// # Errors
    /// As [`AsyncStore::restore`].
    pub fn restore(
        &mut self,
        profile: u8,
        learner: &mut Learner<'_>,
    ) -> Result<Option<Stored>, StoreError<F::Error>> {
        block_on(self.0.restore(profile, learner))
    }

    /// As [`AsyncStore::stored`].
    ///
    /// # Errors
    /// As [`AsyncStore::stored`].
    pub fn stored(&mut self, profile: u8) -> Result<Option<Stored>, StoreError<F::Error>> {
        block_on(self.0.stored(profile))
    }

    /// As [`AsyncStore::remove`].
    ///
    /// # Errors
    /// As [`AsyncStore::remove`].
    pub fn remove(&mut self, profile: u8) -> Result<(), StoreError<F::Error>> {
        block_on(self.0.remove(profile))
    }

    /// As [`AsyncStore::erase`].
    ///
    /// # Errors
    /// As [`AsyncStore::erase`].
    pub fn erase(&mut self) -> Result<(), StoreError<F::Error>> {
        block_on(self.0.erase())
    }

    /// Gives the flash back.
    pub fn into_flash(self) -> F {
        self.0.into_flash().0
    }
}

/// A driver that returns when it is done, as one that is ready when asked.
#[derive(Debug)]
struct Ready<F>(F);

impl<F: blocking::ErrorType> blocking::ErrorType for Ready<F> {
    type Error = F::Error;
}

impl<F: blocking::ReadNorFlash> waiting::ReadNorFlash for Ready<F> {
    const READ_SIZE: usize = F::READ_SIZE;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), F::Error> {
        self.0.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl<F: blocking::NorFlash> waiting::NorFlash for Ready<F> {
    const WRITE_SIZE: usize = F::WRITE_SIZE;
    const ERASE_SIZE: usize = F::ERASE_SIZE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), F::Error> {
        self.0.erase(from, to)
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), F::Error> {
        self.0.write(offset, bytes)
    }
}
