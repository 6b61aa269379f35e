//! What is saved comes back bit for bit, and what is no checkpoint of the
//! artifact changes nothing.
#![cfg(all(
    feature = "convolution",
    feature = "normalisation",
    feature = "integer",
    feature = "policy"
))]

mod common;

use common::line::{line, line_examples, state, with_learner};
use common::{Net, add_all, random};
use mamlet_formats::{Checkpoint, CheckpointError};
use mamlet_runtime::{Outcome, RestoreError, Rollback, SaveError};

#[test]
fn save_and_restore_bring_back_every_bit() {
    let mut random = random(2);
    let mut restored = 0;
    for case in 0..500 {
        let net = Net::any(&mut random);
        let examples = net.examples(&mut random, 3);
        let rollback = [Rollback::ToInitialisation, Rollback::ToCommitted][case % 2];
        let saved = with_learner(&net, rollback, |learner| {
            add_all(learner, &net, &examples);
            let report = learner.adapt().expect("examples");
            let mut bytes = vec![0; learner.checkpoint_size()];
            let length = learner.save(&mut bytes);
            if !learner.is_adapted() {
                assert_eq!(length, Err(SaveError::NotAdapted));
                return None;
            }
            assert_eq!(length, Ok(bytes.len()));
            let checkpoint = Checkpoint::parse(&bytes).expect("just written");
            assert_eq!(checkpoint.steps as usize, report.steps());
            assert_eq!(
                checkpoint.loss_before.to_bits(),
                report.loss_before().to_bits()
            );
            assert_eq!(
                checkpoint.loss_after.to_bits(),
                report.loss_after().to_bits()
            );
            Some((bytes, state(learner, net.inputs)))
        });
        let Some((bytes, expected)) = saved else {
            continue;
        };
        with_learner(&net, rollback, |learner| {
            assert_eq!(learner.restore(&bytes), Ok(()));
            assert_eq!(state(learner, net.inputs), expected);
            let mut again = vec![0; bytes.len()];
            assert_eq!(learner.save(&mut again), Ok(bytes.len()));
            assert_eq!(again, bytes);
            // What is restored is committed, where there is memory for it.
            learner.discard();
            match rollback {
                Rollback::ToInitialisation => assert!(!learner.is_adapted()),
                Rollback::ToCommitted => assert_eq!(state(learner, net.inputs), expected),
            }
        });
        restored += 1;
    }
    assert!(restored > 400, "{restored} restored");
}

#[test]
fn a_checkpoint_that_does_not_fit_changes_nothing() {
    let net = line(0.1);
    let other = line(0.2);
    let saved = |net: &Net| {
        with_learner(net, Rollback::ToInitialisation, |learner| {
            add_all(learner, net, &line_examples());
            assert_eq!(learner.adapt().map(|r| r.outcome), Ok(Outcome::Adapted));
            let mut bytes = vec![0; learner.checkpoint_size()];
            assert_eq!(learner.save(&mut bytes), Ok(48));
            bytes
        })
    };
    let (own, foreign) = (saved(&net), saved(&other));
    let rewritten = |weights: &[f32]| {
        let checkpoint = Checkpoint::parse(&own).expect("just written");
        let mut bytes = vec![0; 40 + 4 * weights.len()];
        assert_eq!(checkpoint.write(weights, &mut bytes), Ok(bytes.len()));
        bytes
    };
    let truncated = own[..47].to_vec();
    let mut corrupt = own.clone();
    corrupt[41] ^= 4;
    let too_short = CheckpointError::TooShort {
        needed: 48,
        given: 47,
    };
    let (net_id, other_id) = {
        let id = |bytes: &[u8]| Checkpoint::parse(bytes).expect("just written").artifact;
        (id(&own), id(&foreign))
    };
    let length = |given| RestoreError::Length { needed: 2, given };
    let not_ours = RestoreError::OtherArtifact {
        expected: net_id,
        found: other_id,
    };
    let refused: [(&[u8], RestoreError); 9] = [
        (&foreign, not_ours),
        (&truncated, RestoreError::Checkpoint(too_short)),
        (&rewritten(&[1.0, f32::NAN]), RestoreError::NotFinite),
        (&rewritten(&[f32::INFINITY, 1.0]), RestoreError::NotFinite),
        (
            &rewritten(&[1.0, f32::NEG_INFINITY]),
            RestoreError::NotFinite,
        ),
        (&rewritten(&[]), length(0)),
        (&rewritten(&[1.0]), length(1)),
        (&rewritten(&[1.0; 3]), length(3)),
        (b"", {
            let (needed, given) = (40, 0);
            RestoreError::Checkpoint(CheckpointError::TooShort { needed, given })
        }),
    ];
    for rollback in [Rollback::ToInitialisation, Rollback::ToCommitted] {
        with_learner(&net, rollback, |learner| {
            for adapted in [false, true] {
                if adapted {
                    add_all(learner, &net, &line_examples());
                    assert_eq!(learner.adapt().map(|r| r.outcome), Ok(Outcome::Adapted));
                }
                let before = state(learner, 1);
                for (bytes, error) in &refused {
                    assert_eq!(learner.restore(bytes), Err(*error));
                    assert_eq!(state(learner, 1), before);
                }
                let corrupt = learner.restore(&corrupt);
                let checksum = |error| matches!(error, CheckpointError::Checksum { .. });
                assert!(
                    matches!(corrupt, Err(RestoreError::Checkpoint(error)) if checksum(error)),
                    "{corrupt:?}"
                );
                assert_eq!(state(learner, 1), before);
            }
        });
    }
}

#[test]
fn a_save_without_room_writes_nothing() {
    let net = line(0.1);
    with_learner(&net, Rollback::ToInitialisation, |learner| {
        add_all(learner, &net, &line_examples());
        assert_eq!(learner.adapt().map(|r| r.outcome), Ok(Outcome::Adapted));
        let mut out = [0xaa; 47];
        let (needed, given) = (learner.checkpoint_size(), out.len());
        let error = CheckpointError::TooShort { needed, given };
        assert_eq!(learner.save(&mut out), Err(SaveError::Checkpoint(error)));
        assert_eq!(out, [0xaa; 47]);
    });
}
