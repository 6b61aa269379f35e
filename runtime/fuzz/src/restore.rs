//! Any bytes as a checkpoint.

use mamlet_formats_fuzz::seal_checkpoint;
use mamlet_runtime::{Artifact, Learner, Model, Rollback, include_aligned};

use crate::bits;
use crate::memory::Guarded;

static ARTIFACT: &[u8] = include_aligned!("../../tests/data/line.mamlet");

/// Restores the bytes as they are, and with artifact and checksum put right.
pub fn restore(data: &[u8]) {
    let artifact = Artifact::parse(ARTIFACT).expect("a good artifact");
    let model = Model::<2>::new(&artifact).expect("a sound network");
    let examples = 2;
    let mut memory = Guarded::new(model.memory(examples, Rollback::ToCommitted).total().len());
    let mut learner = Learner::new(&model, examples, Rollback::ToCommitted, memory.inside())
        .expect("enough memory");
    for x in [0.0, 1.0] {
        learner.add_values(&[x], &[x]).expect("a good example");
    }
    let report = learner.adapt().expect("examples");
    assert!(learner.is_adapted(), "{report:?}");

    let mut file = data.to_vec();
    for _ in 0..2 {
        let before = learner.weights().map(bits);
        match learner.restore(&file) {
            Ok(()) => {
                let weights = learner.weights().expect("restored weights");
                assert!(weights.iter().all(|weight| weight.is_finite()));
                assert_eq!(
                    bytemuck::cast_slice::<f32, u8>(weights),
                    &file[40..][..4 * weights.len()]
                );
            }
            Err(_) => assert_eq!(learner.weights().map(bits), before),
        }
        let output = learner.predict(&[0.5]).expect("the right length");
        assert_eq!(output.len(), model.outputs());
        if let Some(id) = file.get_mut(12..20) {
            id[..4].copy_from_slice(&artifact.id().crc32.to_le_bytes());
            id[4..].copy_from_slice(&artifact.id().length.to_le_bytes());
            seal_checkpoint(&mut file);
        }
    }
    memory.check();
}
