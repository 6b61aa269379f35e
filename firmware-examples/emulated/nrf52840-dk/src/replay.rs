//! Episodes of the host, one after the other as a sensor would give them: how many
//! queries each adaptation gets right, a checksum of the weights it led to, and what
//! all of it takes in instructions and RAM.

use core::ffi::CStr;

use mamlet_formats::Crc32;
use mamlet_formats::episodes::{CHECKSUM, PREFIX, Prefix};
use mamlet_runtime::{Artifact, Learner, Model, Setup};

use crate::count::Counters;
use crate::{HostFile, fail, hprintln, succeed};

/// Most layers of an artifact.
const LAYERS: usize = 32;
/// Bytes that are read at once.
const CHUNK: usize = 64;

/// Replays the episodes of `file` with `artifact`, in `numbers`, prints what comes of
/// it, and ends.
pub fn replay(artifact: &'static [u8], file: &CStr, numbers: &mut [f32]) -> ! {
    let Some(mut counters) = Counters::take() else {
        fail()
    };
    let (result, stack) = counters.stack(|counters| all(counters, artifact, file, numbers));
    match result {
        Ok(()) => {
            hprintln!("stack: {} bytes", stack);
            succeed()
        }
        Err(error) => {
            hprintln!("failed: {}", error);
            fail()
        }
    }
}

#[inline(never)]
fn all(
    counters: &mut Counters,
    artifact: &'static [u8],
    file: &CStr,
    numbers: &mut [f32],
) -> Result<(), &'static str> {
    let mut file = HostFile::open(file).ok_or("no episodes in the folder of the host")?;
    let mut prefix = [0; PREFIX];
    file.read(&mut prefix).ok_or("the episodes are too short")?;
    let prefix = Prefix::parse(&prefix).map_err(|_| "this is no file of episodes")?;
    let mut model = Model::<LAYERS>::default();
    load(artifact, &mut model)?;
    let input = model.inputs();
    if prefix.example_size() != 4 * (input as u64 + 1) {
        return Err("the examples are not of the artifact's input and a class");
    }
    let setup = Setup::new(prefix.support as usize);
    let memory = model.memory_for(setup);
    hprintln!(
        "memory: {} bytes, of which {} are weights",
        memory.total().bytes(),
        memory.adapted.bytes()
    );
    let (example, numbers) = numbers.split_at_mut_checked(input).ok_or("memory")?;
    let mut most = Instructions::default();
    let mut right = 0;
    for episode in 0..prefix.episodes {
        let learner =
            Learner::with(&model, setup, numbers).map_err(|_| "more memory than the board has")?;
        let result = Episode {
            counters,
            file: &mut file,
            digest: Crc32::new(),
            learner,
        }
        .run(&prefix, example, &mut most)?;
        hprintln!(
            "episode {}: {} of {} right, weights {:08x}",
            episode,
            result.right,
            prefix.queries,
            result.weights
        );
        right += result.right;
    }
    hprintln!("{} of {} right", right, prefix.episodes * prefix.queries);
    hprintln!(
        "instructions at most: example {}, adaptation {}, prediction {}",
        most.example,
        most.adaptation,
        most.prediction
    );
    Ok(())
}

/// The most that anything took.
#[derive(Default)]
struct Instructions {
    example: u32,
    adaptation: u32,
    prediction: u32,
}

/// What came of an episode.
struct Outcome {
    right: u32,
    weights: u32,
}

/// An episode while it is replayed.
struct Episode<'a> {
    counters: &'a mut Counters,
    file: &'a mut HostFile,
    /// Of the examples so far.
    digest: Crc32,
    learner: Learner<'a>,
}

impl Episode<'_> {
    fn run(
        mut self,
        prefix: &Prefix,
        example: &mut [f32],
        most: &mut Instructions,
    ) -> Result<Outcome, &'static str> {
        for _ in 0..prefix.support {
            let class = self.next(example)?;
            let mut added = Ok(());
            let (counters, learner) = (&mut *self.counters, &mut self.learner);
            let count = counters.instructions(|| added = learner.add_class(example, class));
            added.map_err(|_| "example")?;
            most.example = most.example.max(count);
        }
        let mut adapted = false;
        let (counters, learner) = (&mut *self.counters, &mut self.learner);
        let count = counters.instructions(|| adapted = learner.adapt().is_ok());
        if !adapted {
            return Err("adapt");
        }
        most.adaptation = most.adaptation.max(count);
        let weights = self.learner.weights().ok_or("rolled back")?;
        let weights = mamlet_runtime::weights_crc32(weights);
        let mut right = 0;
        for _ in 0..prefix.queries {
            let class = self.next(example)?;
            let mut predicted = None;
            let (counters, learner) = (&mut *self.counters, &mut self.learner);
            let count = counters.instructions(|| {
                predicted = learner.predict(example).ok().map(largest);
            });
            right += u32::from(predicted.ok_or("predict")? == class);
            most.prediction = most.prediction.max(count);
        }
        let mut checksum = [0; CHECKSUM];
        self.file
            .read(&mut checksum)
            .ok_or("the episodes are too short")?;
        match self.digest.finish() == u32::from_le_bytes(checksum) {
            true => Ok(Outcome { right, weights }),
            false => Err("the episodes are corrupt"),
        }
    }

    /// Reads the next example and returns its class.
    #[inline(never)]
    fn next(&mut self, example: &mut [f32]) -> Result<usize, &'static str> {
        let mut class = [0.0];
        self.numbers(example)?;
        self.numbers(&mut class)?;
        let [class] = class;
        Ok(class as usize)
    }

    fn numbers(&mut self, to: &mut [f32]) -> Result<(), &'static str> {
        for to in to.chunks_mut(CHUNK / 4) {
            let mut bytes = [0; CHUNK];
            let bytes = bytes.get_mut(..4 * to.len()).ok_or("chunk")?;
            let read = self.file.read(bytes);
            read.ok_or("the episodes are too short")?;
            self.digest.update(bytes);
            let words = bytes.as_chunks().0.iter().copied().map(f32::from_le_bytes);
            for (to, word) in to.iter_mut().zip(words) {
                *to = word;
            }
        }
        Ok(())
    }
}

/// Where the largest number is.
fn largest(outputs: &[f32]) -> usize {
    let (mut index, mut most) = (0, f32::NEG_INFINITY);
    for (at, &output) in outputs.iter().enumerate() {
        if output >= most {
            (index, most) = (at, output);
        }
    }
    index
}

/// In a function of its own, so that the artifact's header leaves the stack.
#[inline(never)]
fn load(artifact: &'static [u8], model: &mut Model<'static, LAYERS>) -> Result<(), &'static str> {
    let artifact = Artifact::parse(artifact).map_err(|_| "artifact")?;
    model.load(&artifact).map_err(|_| "model")
}
