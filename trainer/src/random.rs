//! Addressed random numbers: every draw is a function of the run's seed, what
//! it is for, and an index. Nothing depends on what was drawn before, so a
//! resumed run needs no generator state and methods can share tasks.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a random number is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stream {
    /// Initial weights; indexed by network.
    Init = 0,
    /// Training tasks; indexed by iteration.
    Train = 1,
    /// Validation tasks (tuning and model choice); indexed by chunk.
    Validation = 2,
    /// Test tasks; indexed by chunk.
    Test = 3,
    /// Choices of the training loop such as the number of shots; indexed by
    /// iteration.
    Schedule = 4,
    /// Mini-batches of the parameter averaging baseline; indexed by iteration.
    Averaging = 5,
    /// Support sets of golden vectors; indexed by try.
    Golden = 6,
    /// Tasks of the safety survey; indexed by task.
    Safety = 7,
    /// Classes, support and query set of a waveform task, under the seed of the
    /// task; indexed by which of them.
    Waveforms = 8,
    /// Tasks on which stored statistics are measured; indexed by batch.
    Statistics = 9,
    /// Tasks that show the range of activations; index 0.
    Calibration = 10,
    /// Episodes that a quantised artifact is evaluated on; indexed by episode.
    Score = 11,
    /// Classes of an image task and the order of their images, under the seed of
    /// the task; indexed by which of them.
    Images = 12,
    /// Which classes of a data set are for training, under the seed of the split;
    /// index 0.
    Split = 13,
    /// Distortions of the images of a task, under the seed of the task; index 0.
    Augment = 14,
    /// Classes and recordings of a task, and how they are changed, under the seed of
    /// the task; indexed by which of them.
    Recordings = 15,
    /// Examples of the inner steps of Reptile; indexed by iteration.
    InnerBatches = 16,
    /// Rollouts of training; indexed by iteration, inner step, task and rollout.
    Rollouts = 17,
    /// Rollouts of validation, likewise.
    ValidationRollouts = 18,
    /// Rollouts of test tasks, likewise.
    TestRollouts = 19,
    /// Examples of a task of readings, curves or synthetic sensors, under the seed
    /// of the task; index 0.
    Units = 24,
}

/// The generator at address (`seed`, `stream`, `index`): ChaCha with 8 rounds,
/// whose 64-bit stream number holds the purpose in its top 8 bits and the
/// index below. Its output is fixed across platforms and versions.
pub fn generator(seed: u64, stream: Stream, index: u64) -> ChaCha8Rng {
    debug_assert!(index < 1 << 56);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((stream as u64) << 56 | index);
    rng
}
