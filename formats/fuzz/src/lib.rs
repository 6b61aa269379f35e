//! What is tried on the readers of both files, whatever their bytes are.
//!
//! Run a target with `cargo xtask fuzz artifact --seconds 60`, or, with
//! `cargo-fuzz` and a nightly toolchain, `cargo +nightly fuzz run artifact` in
//! the folder `formats`.
//!
//! A change that keeps the checksum is one in four billion, so every input is
//! also tried with its checksum made right.

use mamlet_formats::{Artifact, Checkpoint, HeadStart};

const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

/// Where an artifact keeps its checksum.
const IN_ARTIFACT: usize = 28;
/// Where a checkpoint keeps its checksum.
const IN_CHECKPOINT: usize = 36;

/// Makes the checksum at `at` right. Leaves alone what is too short to have one.
fn seal(file: &mut [u8], at: usize) {
    let mut digest = CRC.digest();
    let Some((front, back)) = file.split_at_checked(at) else {
        return;
    };
    let Some((_, back)) = back.split_first_chunk::<4>() else {
        return;
    };
    digest.update(front);
    digest.update(back);
    file[at..at + 4].copy_from_slice(&digest.finalize().to_le_bytes());
}

/// Makes the checksum of an artifact right.
pub fn seal_artifact(file: &mut [u8]) {
    seal(file, IN_ARTIFACT);
}

/// Reads everything of an artifact.
pub fn artifact(data: &[u8]) {
    let mut file = data.to_vec();
    for _ in 0..2 {
        read_artifact(&file);
        seal_artifact(&mut file);
    }
}

fn read_artifact(file: &[u8]) {
    let artifact = match Artifact::parse(file) {
        Ok(artifact) => artifact,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert_eq!(artifact.id().length as usize, file.len());
    assert_eq!(artifact.layers().count(), artifact.header().layers as usize);
    for tensor in artifact
        .layers()
        .flat_map(|layer| layer.tensors().chain(layer.constants()))
    {
        let begin = tensor.offset as usize;
        let end = begin + tensor.bytes().expect("a length that was checked");
        assert!(artifact.tensors().get(begin..end).is_some());
    }
    if let Ok(description) = artifact.description() {
        description.output_names().for_each(drop);
    }
    // Versions below 2.4 have no byte for a policy.
    let minor = file[10];
    assert!(minor >= 4 || artifact.policy().is_none());
    match artifact.head() {
        HeadStart::Prototypes { temperature } => assert!(minor >= 5 && temperature > 0.0),
        start => assert_eq!(start, HeadStart::Stored),
    }
    if let Ok(names) = artifact.channel_names() {
        names.for_each(drop);
    }
    if let Some(front_end) = artifact.front_end() {
        assert!(front_end.channels > 0 && front_end.length > 0 && front_end.millihertz > 0);
    }
    if let Ok(Some(golden)) = artifact.golden() {
        let sizes = golden.sizes;
        let [examples, inputs] = [sizes.examples, sizes.inputs].map(|size| size as usize);
        assert_eq!(golden.inputs.len(), 4 * examples * inputs);
        assert_eq!(golden.gradients.len(), 4 * sizes.gradients as usize);
    }
}

/// Makes the checksum of a checkpoint right, which other bytes may follow.
pub fn seal_checkpoint(file: &mut [u8]) {
    let Some(&count) = file.get(20..).and_then(<[u8]>::first_chunk) else {
        return;
    };
    let length = mamlet_formats::checkpoint::size(u32::from_le_bytes(count) as usize);
    let length = length.min(file.len());
    seal(&mut file[..length], IN_CHECKPOINT);
}

/// Reads a checkpoint, and writes again what was read.
pub fn checkpoint(data: &[u8]) {
    let mut file = data.to_vec();
    for _ in 0..2 {
        read_checkpoint(&file);
        seal_checkpoint(&mut file);
    }
}

fn read_checkpoint(file: &[u8]) {
    let checkpoint = match Checkpoint::parse(file) {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let weights: Vec<_> = checkpoint.weights.as_chunks::<4>().0.to_vec();
    let weights: Vec<_> = weights.into_iter().map(f32::from_le_bytes).collect();
    let mut again = vec![0xFF; mamlet_formats::checkpoint::size(weights.len())];
    let written = checkpoint.write(&weights, &mut again);
    assert_eq!(written, Ok(again.len()));
    let again = Checkpoint::parse(&again).expect("what was just written");
    assert_eq!(again.weights, checkpoint.weights);
    assert_eq!(again.artifact, checkpoint.artifact);
    assert_eq!(again.steps, checkpoint.steps);
    assert_eq!(
        again.loss_before.to_bits(),
        checkpoint.loss_before.to_bits()
    );
}
