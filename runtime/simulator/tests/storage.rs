//! The store with the power on: what it keeps, what it refuses, how it wears.

mod board;

use board::{Board, artifact, bits, teach, with_learner};
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use mamlet_runtime::RestoreError;
use mamlet_runtime::storage::{Saved, Store, StoreError, flash_needed};
use mamlet_simulator::flash::{Flash, FlashError, Nrf52840, Stm32L4};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A board with an artifact of so many weights, for so many profiles.
fn with_board<T>(weights: u32, profiles: u8, test: impl FnOnce(&mut Board<'_, '_>) -> T) -> T {
    with_learner(&artifact("store", weights), |learner| {
        test(&mut Board {
            learner,
            weights,
            profiles,
        })
    })
}

#[test]
fn a_save_is_found_by_the_next_run() {
    with_board(1761, 1, |board| {
        let mut flash = Nrf52840::new(4);
        assert_eq!(board.start(&mut flash, 0), None);
        assert!(!board.learner.is_adapted());
        for lesson in 0..9 {
            let mut store = board.store(&mut flash);
            let (bits, saved) = board.save(&mut store, 0, lesson);
            assert_eq!(saved, Ok(Saved::Written));
            teach(board.learner, 1760, 1000);
            assert_eq!(board.start(&mut flash, 0), bits);
            let stored = board.store(&mut flash).stored(0).expect("sound flash");
            let stored = stored.expect("just saved");
            assert_eq!((stored.steps, stored.weights), (1, 1761));
            assert_eq!(stored.generation, lesson + 1);
            assert!(stored.loss_after < stored.loss_before);
            // Restored weights are committed.
            teach(board.learner, 1760, 1000);
            board.learner.discard();
            assert_eq!(self::bits(board.learner), bits);
        }
    });
}

/// Every page is erased as often as every other, once for as many saves as it
/// holds, or at the first save of a run.
#[test]
fn pages_wear_alike() {
    for (weights, saves_per_run, erases) in [
        (5, 1000, 8),      // 92 bytes in 128: 32 to a page
        (5, 10, 25),       // a page a run
        (5, 1, 250),       // a page a save
        (1000, 1000, 250), // 4072 bytes in 4096
        (1761, 50, 500),   // 7116 bytes in two pages
    ] {
        with_board(weights, 1, |board| {
            let mut flash = Nrf52840::new(4);
            for run in 0..1000 / saves_per_run {
                let mut store = board.store(&mut flash);
                for save in 0..saves_per_run {
                    let lesson = run * saves_per_run + save;
                    let (_, saved) = board.save(&mut store, 0, lesson);
                    assert_eq!(saved, Ok(Saved::Written));
                }
            }
            let counted = flash.erases();
            let close = counted.iter().all(|&count| count.abs_diff(erases) <= 1);
            assert!(close, "{counted:?}, each should be {erases}");
        });
    }
}

#[test]
fn what_is_stored_is_not_written_again() {
    with_board(5, 2, |board| {
        let mut flash = Stm32L4::new(3);
        let mut store = board.store(&mut flash);
        for profile in [0, 1] {
            assert_eq!(board.save(&mut store, profile, 1).1, Ok(Saved::Written));
        }
        assert_eq!(board.save(&mut store, 0, 1).1, Ok(Saved::Unchanged));
        assert_eq!(board.save(&mut store, 0, 2).1, Ok(Saved::Written));
        // What another profile has is no reason.
        assert_eq!(board.save(&mut store, 0, 1).1, Ok(Saved::Written));
        let operations = flash.operations();
        let mut store = board.store(&mut flash);
        assert_eq!(board.save(&mut store, 0, 1).1, Ok(Saved::Unchanged));
        assert_eq!(flash.operations(), operations);
    });
}

#[test]
fn profiles_are_apart() {
    const PROFILES: u8 = 3;
    with_board(40, PROFILES, |board| {
        // 232 bytes: one to a page, and one page more than profiles.
        let mut flash = Flash::<4, 256>::new(4);
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut known = [None, None, None];
        for lesson in 0..500 {
            let profile = (random.next_u32() % u32::from(PROFILES)) as u8;
            let mut store = board.store(&mut flash);
            if random.next_u32() % 10 == 0 {
                store.remove(profile).expect("sound flash");
                known[usize::from(profile)] = None;
            } else {
                let (bits, saved) = board.save(&mut store, profile, lesson);
                saved.expect("sound flash");
                known[usize::from(profile)] = bits;
            }
            for profile in 0..PROFILES {
                assert_eq!(
                    board.start(&mut flash, profile),
                    known[usize::from(profile)]
                );
            }
        }
    });
}

#[test]
fn weights_of_another_artifact_are_refused() {
    let mut flash = Flash::<4, 1024>::new(4);
    let old = with_board(40, 1, |board| {
        let mut store = board.store(&mut flash);
        board.save(&mut store, 0, 1).0
    });
    for (name, weights) in [
        ("update", 40),
        ("larger update", 400),
        ("smaller update", 4),
    ] {
        let file = artifact(name, weights);
        let mut flash = flash.clone();
        with_learner(&file, |learner| {
            let before = flash.clone();
            let mut board = Board {
                learner,
                weights,
                profiles: 1,
            };
            let adapted = teach(board.learner, weights - 1, 7);
            let mut store = board.store(&mut flash);
            let refused = store.restore(0, board.learner);
            let Err(StoreError::Refused(RestoreError::OtherArtifact { expected, found })) = refused
            else {
                panic!("{refused:?}");
            };
            // Both are named, and what to do.
            let stored = store.stored(0).expect("sound flash").expect("still there");
            assert_eq!((stored.artifact, stored.weights), (found, 40));
            assert_eq!(expected, file.artifact().expect("an artifact").id());
            let message = refused.expect_err("refused").to_string();
            for part in [
                &format!("{:08x}", expected.crc32),
                &format!("{:08x}", found.crc32),
                "adapt again and remove the profile",
            ] {
                assert!(message.contains(part), "{part:?} is not in {message:?}");
            }
            assert_eq!(bits(board.learner), adapted, "what it had is in use");
            // Nor does a save end the run of the old ones.
            assert_eq!(
                store.save(0, board.learner),
                refused.map(|_| Saved::Written)
            );
            assert_eq!(flash, before);

            let mut store = board.store(&mut flash);
            store.remove(0).expect("sound flash");
            assert_eq!(store.restore(0, board.learner), Ok(None));
            assert_eq!(store.save(0, board.learner), Ok(Saved::Written));
            assert_eq!(board.start(&mut flash, 0), adapted);
        });
    }
    // The former firmware still has its weights.
    with_board(40, 1, |board| assert_eq!(board.start(&mut flash, 0), old));
}

#[test]
fn what_cannot_be_is_refused_before_it_begins() {
    let needed = |weights: u32, profiles| flash_needed(weights as usize, profiles, 4096);
    assert_eq!(needed(1761, 1), 2 * 8192);
    assert_eq!(needed(5, 3), 4 * 4096);
    assert_eq!(needed((4096 - 72) / 4, 1), 2 * 4096);
    assert_eq!(needed((4096 - 72) / 4 + 1, 1), 4 * 4096);
    assert_eq!(flash_needed(usize::MAX, 255, 4096), usize::MAX);

    with_board(1761, 1, |board| {
        let mut flash = Nrf52840::new(4);
        let mut store = Store::new(&mut flash, 0..3 * 4096, 1).expect("a region");
        assert_eq!(store.save(0, board.learner), Err(StoreError::NotAdapted));
        let too_small = StoreError::TooSmall {
            needed: 4 * 4096,
            given: 3 * 4096,
        };
        assert_eq!(board.save(&mut store, 0, 1).1, Err(too_small));
        let no_such = StoreError::NoSuchProfile {
            profiles: 1,
            given: 1,
        };
        assert_eq!(store.restore(1, board.learner), Err(no_such));
        assert_eq!(store.save(1, board.learner), Err(no_such));
        assert_eq!(store.remove(1), Err(no_such));
        let region = StoreError::Region {
            page: 4096,
            capacity: 4 * 4096,
        };
        #[allow(clippy::reversed_empty_ranges, reason = "it must be refused")]
        for range in [0..100, 4..4096, 0..5 * 4096, 4096..4096, 8192..4096] {
            let refused = Store::new(&mut flash, range, 1).map(|_| ());
            assert_eq!(refused, Err(region));
        }
        assert_eq!(flash.operations(), 0);
        let mut odd = Flash::<3, 192>::new(4);
        assert!(matches!(
            Store::new(&mut odd, 0..192, 1),
            Err(StoreError::Words)
        ));
        let mut odd = Flash::<4, 100>::new(4);
        assert!(matches!(
            Store::new(&mut odd, 0..100, 1),
            Err(StoreError::Words)
        ));
    });
}

/// Nothing outside the region is touched.
#[test]
fn it_stays_in_its_region() {
    with_board(5, 1, |board| {
        let noise: Vec<u8> = (0..2048).map(|byte| byte as u8).collect();
        let mut flash = Flash::<4, 256>::holding(noise.clone());
        let mut store = Store::new(&mut flash, 512..1536, 1).expect("a region");
        let last = (0..100)
            .map(|lesson| board.save(&mut store, 0, lesson))
            .last();
        assert_eq!(
            store.restore(0, board.learner).map(|found| found.is_some()),
            Ok(true)
        );
        assert_eq!(Some(bits(board.learner)), last.map(|(bits, _)| bits));
        assert_eq!(flash.bytes()[..512], noise[..512]);
        assert_eq!(flash.bytes()[1536..], noise[1536..]);
    });
}

/// Whatever the flash holds, nothing panics, nothing but what was once saved is
/// restored, and a save works.
#[test]
fn any_content() {
    type Small = Flash<4, 256>;
    let mut random = ChaCha8Rng::seed_from_u64(11);
    with_board(40, 2, |board| {
        let mut used = Small::new(6);
        let mut saved = vec![None];
        for lesson in 0..40 {
            let mut store = board.store(&mut used);
            saved.push(board.save(&mut store, (lesson % 2) as u8, lesson).0);
        }
        for round in 0..3000 {
            let mut bytes = match round % 3 {
                0 => vec![0; 6 * 256],
                1 => vec![0xff; 6 * 256],
                _ => used.bytes().to_vec(),
            };
            if round % 3 == 0 {
                random.fill_bytes(&mut bytes);
            }
            for _ in 0..random.next_u32() % 200 {
                let at = random.next_u32() as usize % bytes.len();
                bytes[at] = random.next_u32() as u8;
            }
            let mut flash = Small::holding(bytes);
            let mut store = board.store(&mut flash);
            for profile in [0, 1] {
                let found = store.restore(profile, board.learner).expect("sound flash");
                if found.is_some() {
                    assert!(saved.contains(&bits(board.learner)));
                }
            }
            let profile = (random.next_u32() % 2) as u8;
            let (bits, result) = board.save(&mut store, profile, 100 + round);
            result.expect("a save");
            store.remove(1 - profile).expect("a removal");
            assert_eq!(board.start(&mut flash, profile), bits);
            assert_eq!(board.start(&mut flash, 1 - profile), None);
        }
    });
}

/// Flash of which one bit has worn out: it stays one.
struct Worn {
    flash: Flash<4, 256>,
    stuck: usize,
}

impl ErrorType for Worn {
    type Error = FlashError;
}

impl ReadNorFlash for Worn {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        self.flash.read(offset, bytes)?;
        let at = self.stuck.checked_sub(offset as usize);
        if let Some(byte) = at.and_then(|at| bytes.get_mut(at)) {
            *byte |= 0x10;
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.flash.capacity()
    }
}

impl NorFlash for Worn {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 256;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        self.flash.erase(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.flash.write(offset, bytes)
    }
}

/// What was not written well is reported, or written elsewhere. What a save
/// that succeeded kept, and what was there before one that did not, is found.
#[test]
fn worn_out_flash_is_noticed() {
    with_board(5, 1, |board| {
        let (mut failed, mut kept) = (0, 0);
        for stuck in 0..512 {
            let flash = Flash::new(2);
            let worn = Worn { flash, stuck };
            let mut store = Store::new(worn, 0..512, 1).expect("a region");
            let mut before = None;
            for lesson in 0..4 {
                let bits = teach(board.learner, 4, lesson);
                match store.save(0, board.learner) {
                    Ok(_) => {
                        kept += 1;
                        before = bits;
                    }
                    Err(StoreError::NotVerified { .. }) => failed += 1,
                    Err(error) => panic!("{error}"),
                }
                store = Store::new(store.into_flash(), 0..512, 1).expect("a region");
                let found = store.restore(0, board.learner).expect("readable");
                assert_eq!(found.and(self::bits(board.learner)), before, "{stuck}");
            }
        }
        assert!(failed > 100 && kept > 1500, "{failed} failed, {kept} kept");
    });
}

/// A record of a later version is neither read nor overwritten.
#[test]
fn a_later_version_is_left_alone() {
    with_board(5, 1, |board| {
        let mut flash = Flash::<4, 256>::new(2);
        let mut store = board.store(&mut flash);
        board.save(&mut store, 0, 1).1.expect("sound flash");
        let mut bytes = flash.bytes().to_vec();
        bytes[8] = 2; // major version
        let mut crc = mamlet_formats::Crc32::new();
        crc.update(&bytes[..28]);
        bytes[28..32].copy_from_slice(&crc.finish().to_le_bytes());
        let mut flash = Flash::<4, 256>::holding(bytes);
        let before = flash.clone();
        let mut store = board.store(&mut flash);
        let (_, saved) = board.save(&mut store, 0, 2);
        let error = saved.expect_err("refused");
        assert!(matches!(error, StoreError::Version(_)), "{error}");
        assert!(error.to_string().contains("2.0"), "{error}");
        assert_eq!(store.restore(0, board.learner), Err(error));
        assert_eq!(flash, before);
        board.store(&mut flash).erase().expect("sound flash");
        let mut store = board.store(&mut flash);
        board.save(&mut store, 0, 2).1.expect("a save");
    });
}

/// The mock is as strict as it says.
#[test]
fn the_mock_refuses_a_second_write() {
    let mut flash = Nrf52840::new(1);
    assert_eq!(flash.write(8, &[0xff; 4]), Ok(()));
    assert_eq!(flash.write(4, &[0; 8]), Err(FlashError::WrittenTwice(8)));
    assert!(flash.write(2, &[0; 4]).is_err());
    assert!(flash.write(4096, &[0; 4]).is_err());
    assert_eq!(flash.erase(0, 4096), Ok(()));
    assert_eq!(flash.write(4, &[0; 8]), Ok(()));
    assert_eq!((flash.erases(), flash.operations()), (&[1][..], 5));
}
