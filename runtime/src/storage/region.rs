//! Records in flash: found, checked, written, and where the next one goes.

use core::num::NonZeroU32;
use core::ops::Range;

use embedded_storage_async::nor_flash::NorFlash;
use mamlet_formats::Crc32;
use mamlet_formats::checkpoint::{self, PREFIX, Prefix};
use mamlet_formats::record::{self, ALIGNMENT, Record};

use super::StoreError;

/// Four bytes: everything stored is made of such words.
pub(super) type Word = [u8; 4];
/// Index of the word of a checkpoint that holds its checksum.
const CHECKSUM: usize = PREFIX / 4 - 1;

/// Bytes on their way to or from flash, as drivers want them aligned.
#[repr(align(4))]
struct Buffer<const N: usize>([u8; N]);

/// A record and where it lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Located {
    pub at: u32,
    pub record: Record,
}

/// A record that is whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    pub located: Located,
    /// `None` where the profile was removed.
    pub prefix: Option<Prefix>,
    /// Whether all weights are finite.
    pub finite: bool,
}

/// Part of the flash, and what is known of it.
#[derive(Debug)]
pub(super) struct Region<F> {
    pub flash: F,
    pub range: Range<u32>,
    pub profiles: u8,
    /// Where the newest record ends, if this store wrote it. What was written
    /// before the last start and lies behind the newest record can look blank
    /// without being so: a write that lost power may have begun there.
    behind: Option<u32>,
}

impl Located {
    /// The greater, the newer. Generations differ, unless the flash is faulty.
    fn age(&self) -> (u32, u32) {
        (self.record.generation, self.at)
    }

    /// All of it, rounded up to where the next one may begin.
    fn range(&self) -> Range<u32> {
        self.at..self.at + Record::size(self.record.length as usize) as u32
    }
}

impl<F: NorFlash> Region<F> {
    /// Checks that records can lie there.
    pub fn new(flash: F, range: Range<u32>, profiles: u8) -> Result<Self, StoreError<F::Error>> {
        let (page, capacity) = (F::ERASE_SIZE, flash.capacity());
        let words = [F::READ_SIZE, F::WRITE_SIZE];
        let divides = |word: usize| word != 0 && record::PREFIX.is_multiple_of(word);
        if !words.into_iter().all(divides) || page == 0 || !page.is_multiple_of(ALIGNMENT) {
            return Err(StoreError::Words);
        }
        let on_page = |at: u32| (at as usize).is_multiple_of(page);
        let inside = range.start < range.end && range.end as usize <= capacity;
        if !inside || !on_page(range.start) || !on_page(range.end) {
            return Err(StoreError::Region { page, capacity });
        }
        Ok(Region {
            flash,
            range,
            profiles,
            behind: None,
        })
    }

    /// The newest whole record of a profile.
    pub async fn newest(&mut self, profile: u8) -> Result<Option<Whole>, StoreError<F::Error>> {
        let mut before = None;
        loop {
            let wanted = |located: &Located| {
                located.record.profile == profile
                    && before.is_none_or(|before| located.age() < before)
            };
            let Some(located) = self.latest(wanted).await? else {
                return Ok(None);
            };
            if let Some(whole) = self.check(located).await? {
                return Ok(Some(whole));
            }
            before = Some(located.age());
        }
    }

    /// The newest record among those wanted, by its prefix.
    async fn latest(
        &mut self,
        wanted: impl Fn(&Located) -> bool,
    ) -> Result<Option<Located>, StoreError<F::Error>> {
        let mut latest: Option<Located> = None;
        for at in self.range.clone().step_by(ALIGNMENT) {
            let mut prefix = Buffer([0; record::PREFIX]);
            let read = self.flash.read(at, &mut prefix.0).await;
            read.map_err(StoreError::Flash)?;
            let Some(record) = Record::parse(&prefix.0).map_err(StoreError::Version)? else {
                continue;
            };
            let fits = Record::size(record.length as usize) <= (self.range.end - at) as usize;
            let located = Located { at, record };
            let newer = latest.is_none_or(|latest| latest.age() < located.age());
            if fits && newer && wanted(&located) {
                latest = Some(located);
            }
        }
        Ok(latest)
    }

    /// Reads what a record carries; `None` where it has changed since it was
    /// written.
    async fn check(&mut self, located: Located) -> Result<Option<Whole>, StoreError<F::Error>> {
        let removed = Whole {
            located,
            prefix: None,
            finite: true,
        };
        if located.record.length == 0 {
            return Ok(Some(removed));
        }
        let (mut prefix, mut digest, mut finite) = ([0; PREFIX], Crc32::new(), true);
        let mut index = 0;
        self.read(located, |word| {
            match prefix.as_chunks_mut().0.get_mut(index) {
                Some(place) => *place = word,
                None => finite &= f32::from_le_bytes(word).is_finite(),
            }
            if index != CHECKSUM {
                digest.update(&word);
            }
            index += 1;
        })
        .await?;
        let computed = digest.finish();
        let whole = Prefix::parse(&prefix).ok().filter(|prefix| {
            prefix.checksum == computed
                && checkpoint::size(prefix.weights as usize) == located.record.length as usize
        });
        Ok(whole.map(|prefix| Whole {
            prefix: Some(prefix),
            finite,
            ..removed
        }))
    }

    /// Shows what a record carries, word by word.
    pub async fn read(
        &mut self,
        Located { at, record }: Located,
        mut visit: impl FnMut(Word),
    ) -> Result<(), StoreError<F::Error>> {
        for start in (0..record.length).step_by(record::PREFIX) {
            let mut piece = Buffer([0; record::PREFIX]);
            let read = self
                .flash
                .read(at + record::PREFIX as u32 + start, &mut piece.0);
            read.await.map_err(StoreError::Flash)?;
            let left = (record.length - start) as usize / 4;
            let words = piece.0.as_chunks().0.iter().take(left);
            words.for_each(|&word| visit(word));
        }
        Ok(())
    }

    /// Whether a record carries these words.
    pub async fn carries(
        &mut self,
        located: Located,
        mut words: impl Iterator<Item = Word>,
    ) -> Result<bool, StoreError<F::Error>> {
        let mut same = true;
        self.read(located, |word| same &= words.next() == Some(word))
            .await?;
        Ok(same && words.next().is_none())
    }

    /// Writes a record that carries `length` bytes, the prefix last, and reads
    /// it back.
    pub async fn append(
        &mut self,
        profile: u8,
        length: usize,
        words: impl Iterator<Item = Word> + Clone,
    ) -> Result<(), StoreError<F::Error>> {
        let last = self.latest(|_| true).await?;
        let next = |generation: u32| generation.checked_add(1).ok_or(StoreError::Exhausted);
        let mut record = Record {
            generation: next(last.map_or(0, |last| last.record.generation))?,
            profile,
            length: length as u32,
        };
        let size = Record::size(length) as u32;
        if let Some(at) = self.behind.take().filter(|&at| self.room(at) >= size) {
            let located = Located { at, record };
            if self.write(located, words.clone()).await.is_ok() {
                self.behind = Some(located.range().end);
                return Ok(());
            }
            // The page is worn out. Others may not be.
            record.generation = next(record.generation)?;
        }
        let pages = self.next_pages(size, last).await?;
        self.erase(pages.clone()).await?;
        let at = pages.start;
        let located = Located { at, record };
        self.write(located, words).await?;
        self.behind = Some(located.range().end);
        Ok(())
    }

    /// Erases pages.
    pub async fn erase(&mut self, pages: Range<u32>) -> Result<(), StoreError<F::Error>> {
        self.behind = None;
        let erased = self.flash.erase(pages.start, pages.end).await;
        erased.map_err(StoreError::Flash)
    }

    /// Writes a record where the flash is blank, and reads it back.
    async fn write(
        &mut self,
        located: Located,
        words: impl Iterator<Item = Word> + Clone,
    ) -> Result<(), StoreError<F::Error>> {
        let Located { at, record } = located;
        let mut rest = words.clone();
        for start in (0..record.length).step_by(record::PREFIX) {
            let mut piece = Buffer([0xff; record::PREFIX]);
            for (place, word) in piece.0.as_chunks_mut().0.iter_mut().zip(&mut rest) {
                *place = word;
            }
            let used = ((record.length - start) as usize).min(record::PREFIX);
            let used = used.next_multiple_of(F::WRITE_SIZE);
            let piece = piece.0.get(..used).unwrap_or(&piece.0);
            let written = self
                .flash
                .write(at + record::PREFIX as u32 + start, piece)
                .await;
            written.map_err(StoreError::Flash)?;
        }
        let prefix = Buffer(record.encode());
        let written = self.flash.write(at, &prefix.0).await;
        written.map_err(StoreError::Flash)?;
        let mut again = Buffer([0; record::PREFIX]);
        let read = self.flash.read(at, &mut again.0).await;
        read.map_err(StoreError::Flash)?;
        match again.0 == prefix.0 && self.carries(located, words).await? {
            true => Ok(()),
            false => Err(StoreError::NotVerified { at }),
        }
    }

    /// Bytes from an address behind a record to the end of the record's page.
    fn room(&self, at: u32) -> u32 {
        let page = F::ERASE_SIZE as u32;
        let used = at.saturating_sub(self.range.start) % page;
        if used == 0 { 0 } else { page - used }
    }

    /// The next pages in turn that hold nothing worth keeping, so that all
    /// pages wear alike. They are to be erased even if they look blank: an
    /// erase that lost power can look as if it had finished.
    async fn next_pages(
        &mut self,
        size: u32,
        last: Option<Located>,
    ) -> Result<Range<u32>, StoreError<F::Error>> {
        let Range { start, end } = self.range;
        let unit = size.next_multiple_of(F::ERASE_SIZE as u32);
        // Neither is zero: something is written, and it fits.
        let Some(unit) = NonZeroU32::new(unit) else {
            return Err(StoreError::NoRoom);
        };
        let Some(units) = NonZeroU32::new((end - start) / unit) else {
            return Err(StoreError::NoRoom);
        };
        let first = last.map_or(0, |last| (last.at - start) / unit + 1);
        for turn in 0..units.get() {
            let at = start + (first + turn) % units * unit.get();
            if !self.keeps(at..at + unit.get()).await? {
                return Ok(at..at + unit.get());
            }
        }
        Err(StoreError::NoRoom)
    }

    /// Whether part of any profile's newest record lies there.
    async fn keeps(&mut self, range: Range<u32>) -> Result<bool, StoreError<F::Error>> {
        for profile in 0..self.profiles {
            if let Some(newest) = self.newest(profile).await? {
                let kept = newest.located.range();
                if kept.start < range.end && range.start < kept.end {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
