//! Why the store is not a map of `sequential-storage`: an erase that loses
//! power and leaves anything in its page, as the contract of NOR flash allows,
//! can cost the map everything.
//!
//! Should this test fail one day, a later version withstands it: choose again.

use std::ops::Range;

use embassy_futures::block_on;
use embedded_storage::nor_flash as blocking;
use embedded_storage_async::nor_flash as waiting;
use mamlet_simulator::flash::{Flash, FlashError, PowerCut, Tear};
use sequential_storage::Error;
use sequential_storage::cache::Cache;
use sequential_storage::map::{MapConfig, MapStorage};

type Small = Flash<4, 1024>;
const REGION: Range<u32> = 0..6 * 1024;
/// A checkpoint of 992 bytes in items that leave little of a page unused.
const CHUNKS: u8 = 4;
const CHUNK: usize = 248;
/// The key of the item that says which chunks count.
const COMMIT: u8 = 255;

struct Ready<'f>(&'f mut Small);

impl blocking::ErrorType for Ready<'_> {
    type Error = FlashError;
}

impl waiting::ReadNorFlash for Ready<'_> {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        blocking::ReadNorFlash::read(self.0, offset, bytes)
    }

    fn capacity(&self) -> usize {
        blocking::ReadNorFlash::capacity(self.0)
    }
}

impl waiting::NorFlash for Ready<'_> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        blocking::NorFlash::erase(self.0, from, to)
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        blocking::NorFlash::write(self.0, offset, bytes)
    }
}

fn map(
    flash: &mut Small,
) -> MapStorage<u8, Ready<'_>, impl sequential_storage::cache::CacheImpl<u8>> {
    MapStorage::new(Ready(flash), MapConfig::new(REGION), Cache::new_uncached())
}

/// Chunks under the keys of one of two slots, then the item that makes them
/// count.
fn save(flash: &mut Small, lesson: u8) -> Result<(), Error<FlashError>> {
    let mut map = map(flash);
    let mut buffer = [0; CHUNK + 8];
    block_on(async {
        for chunk in 0..CHUNKS {
            let key = lesson % 2 * CHUNKS + chunk;
            let value = [lesson ^ chunk; CHUNK];
            map.store_item(&mut buffer, &key, &&value[..]).await?;
        }
        map.store_item(&mut buffer, &COMMIT, &lesson).await
    })
}

/// The lesson that is stored whole.
fn load(flash: &mut Small) -> Result<Option<u8>, Error<FlashError>> {
    let mut map = map(flash);
    let mut buffer = [0; CHUNK + 8];
    block_on(async {
        let Some(lesson) = map.fetch_item::<u8>(&mut buffer, &COMMIT).await? else {
            return Ok(None);
        };
        for chunk in 0..CHUNKS {
            let key = lesson % 2 * CHUNKS + chunk;
            let value = map.fetch_item::<&[u8]>(&mut buffer, &key).await?;
            if value != Some(&[lesson ^ chunk; CHUNK]) {
                return Ok(None);
            }
        }
        Ok(Some(lesson))
    })
}

/// The flash after a save that lost power; `None` where the save ended before.
fn torn(flash: &Small, lesson: u8, after: u64, seed: u64) -> Option<Small> {
    let mut flash = flash.clone();
    let tear = Tear::Bits;
    flash.cut_power(PowerCut { after, tear, seed });
    save(&mut flash, lesson).err()?;
    flash.power_on();
    Some(flash)
}

#[test]
fn an_interrupted_erase_can_lose_both() {
    let (mut cuts, mut neither) = (0, 0);
    let mut flash = Small::new(6);
    save(&mut flash, 1).expect("power");
    for lesson in 2..20 {
        let mut erased = flash.erases().to_vec();
        for after in 0.. {
            let Some(cut) = torn(&flash, lesson, after, 0) else {
                break;
            };
            // Only erases are cut here.
            if cut.erases() == erased {
                continue;
            }
            erased = cut.erases().to_vec();
            for seed in 0..32 {
                let mut cut = torn(&flash, lesson, after, seed).expect("the same as before");
                let found = load(&mut cut);
                cuts += 1;
                if !matches!(found, Ok(Some(found)) if found == lesson || found == lesson - 1) {
                    neither += 1;
                }
            }
        }
        save(&mut flash, lesson).expect("power");
    }
    println!("{cuts} erases cut short, neither old nor new after {neither}");
    assert!(neither > 0, "a later version of the map withstands this");
}
