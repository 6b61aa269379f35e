//! The power fails at every operation of the flash, in every way, and again
//! while the board recovers: it has what it learnt last or what it learnt
//! before, to the bit.

mod board;

use board::{Bits, Board, artifact, with_learner};
use mamlet_simulator::flash::{Flash, PowerCut, Tear};

/// Two saves in one run, with the power cut at one operation. Returns what a
/// board may have afterwards, or `None` where the run ended before the cut.
fn run<const W: usize, const P: usize>(
    board: &mut Board<'_, '_>,
    flash: &mut Flash<W, P>,
    before: &Bits,
    lesson: u32,
    cut: PowerCut,
) -> Option<[Bits; 2]> {
    flash.cut_power(cut);
    let mut possible = [before.clone(), before.clone()];
    let mut store = board.store(flash);
    for lesson in [lesson, lesson + 1] {
        let (bits, saved) = board.save(&mut store, 0, lesson);
        possible = match (saved, possible) {
            // What was reported as saved is saved.
            (Ok(_), _) => [bits.clone(), bits],
            (Err(_), [old, _]) => {
                flash.power_on();
                return Some([old, bits]);
            }
        };
    }
    flash.power_on();
    None
}

/// Cuts the power everywhere in two saves from each of `runs` states of the
/// flash, and in the two saves after each of these, at every `stride`th
/// operation.
fn every_cut<const W: usize, const P: usize>(weights: u32, pages: usize, runs: u32, stride: u64) {
    let file = artifact("cut", weights);
    with_learner(&file, |learner| {
        let mut board = Board {
            learner,
            weights,
            profiles: 1,
        };
        let mut flash = Flash::<W, P>::new(pages);
        let mut before: Bits = None;
        let (mut cuts, mut second_cuts) = (0, 0);
        for start in (0..runs * 10).step_by(10) {
            for tear in Tear::ALL {
                for after in 0.. {
                    let seed = cuts;
                    let cut = |after| PowerCut { after, tear, seed };
                    let mut first = flash.clone();
                    let torn = run(&mut board, &mut first, &before, start, cut(after));
                    let Some(possible) = torn else { break };
                    let found = board.start(&mut first, 0);
                    assert!(possible.contains(&found), "{tear:?} at {after}: {found:?}");
                    cuts += 1;
                    for again in (cuts % stride..).step_by(stride as usize) {
                        let mut second = first.clone();
                        let torn = run(&mut board, &mut second, &found, start + 2, cut(again));
                        let found = board.start(&mut second, 0);
                        if let Some(possible) = &torn {
                            assert!(
                                possible.contains(&found),
                                "{tear:?} at {after}, then {again}: {found:?}"
                            );
                        }
                        // Whatever happened, the next save works.
                        let mut store = board.store(&mut second);
                        let (last, saved) = board.save(&mut store, 0, start + 4);
                        saved.expect("a save after cuts");
                        assert_eq!(board.start(&mut second, 0), last);
                        assert_eq!(second.refused(), 0, "a word was written twice");
                        if torn.is_none() {
                            break;
                        }
                        second_cuts += 1;
                    }
                }
            }
            let mut store = board.store(&mut flash);
            let (bits, saved) = board.save(&mut store, 0, start);
            saved.expect("power");
            before = bits;
        }
        assert!(flash.erases().iter().all(|&erases| erases > 1), "no wrap");
        println!("{weights} weights: {cuts} cuts, {second_cuts} second cuts");
        assert!(cuts > 200 && second_cuts > 1000, "{cuts}, {second_cuts}");
    });
}

/// Several records to a page: 128 bytes in 512.
#[test]
fn small_records() {
    every_cut::<4, 512>(3, 2, 12, 5);
    every_cut::<4, 512>(3, 3, 20, 7);
}

/// Pages in the words of a flash with an error correction code.
#[test]
fn long_words() {
    every_cut::<8, 256>(6, 2, 8, 3);
    every_cut::<32, 256>(6, 3, 10, 1);
}

/// Several pages to a record: 384 bytes in 256.
#[test]
fn large_records() {
    every_cut::<4, 256>(78, 4, 5, 61);
    every_cut::<16, 256>(78, 6, 7, 17);
}

/// What one profile goes through, another does not notice.
#[test]
fn the_other_profile() {
    const WEIGHTS: u32 = 3;
    let file = artifact("cut", WEIGHTS);
    with_learner(&file, |learner| {
        let mut board = Board {
            learner,
            weights: WEIGHTS,
            profiles: 2,
        };
        let mut flash = Flash::<4, 256>::new(3);
        let mut store = board.store(&mut flash);
        let (other, saved) = board.save(&mut store, 1, 1);
        saved.expect("power");
        let mut before = None;
        for lesson in (10..200).step_by(10) {
            for tear in Tear::ALL {
                for after in 0.. {
                    let seed = u64::from(lesson) * 100 + after;
                    let mut flash = flash.clone();
                    let cut = PowerCut { after, tear, seed };
                    let torn = run(&mut board, &mut flash, &before, lesson, cut);
                    assert_eq!(board.start(&mut flash, 1), other, "{tear:?} at {after}");
                    let Some(possible) = torn else { break };
                    assert!(possible.contains(&board.start(&mut flash, 0)));
                }
            }
            let mut store = board.store(&mut flash);
            let (bits, saved) = board.save(&mut store, 0, lesson);
            saved.expect("power");
            before = bits;
        }
    });
}

/// A profile that is being removed is there or not; so is one being erased.
#[test]
fn removal() {
    const WEIGHTS: u32 = 78;
    let file = artifact("cut", WEIGHTS);
    with_learner(&file, |learner| {
        let mut board = Board {
            learner,
            weights: WEIGHTS,
            profiles: 1,
        };
        let mut flash = Flash::<4, 256>::new(4);
        let mut store = board.store(&mut flash);
        let (bits, saved) = board.save(&mut store, 0, 1);
        saved.expect("power");
        for (remove, tear) in Tear::ALL
            .into_iter()
            .flat_map(|tear| [(true, tear), (false, tear)])
        {
            for after in 0.. {
                let mut flash = flash.clone();
                flash.cut_power(PowerCut {
                    after,
                    tear,
                    seed: after,
                });
                let mut store = board.store(&mut flash);
                let done = match remove {
                    true => store.remove(0),
                    false => store.erase(),
                };
                flash.power_on();
                let found = board.start(&mut flash, 0);
                match done {
                    Ok(()) => assert_eq!(found, None),
                    Err(_) => assert!(found.is_none() || found == bits),
                }
                let mut store = board.store(&mut flash);
                let (next, saved) = board.save(&mut store, 0, 2);
                saved.expect("a save after a cut");
                assert_eq!(board.start(&mut flash, 0), next);
                assert_eq!(flash.refused(), 0, "a word was written twice");
                if done.is_ok() {
                    break;
                }
            }
        }
    });
}
