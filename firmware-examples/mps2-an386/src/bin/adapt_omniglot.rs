//! Learns five characters of Omniglot from one drawing of each, again and again:
//! every episode of the file `omniglot.episodes` in the host's folder, example
//! after example as a camera would give them. Prints how many of the other
//! drawings each adaptation gets right, a checksum of the weights it led to, and
//! what all of it takes in instructions and RAM.
//!
//! `cargo xtask run adapt_omniglot` writes the file and starts the program.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use mamlet_formats::Crc32;
use mamlet_formats::episodes::{CHECKSUM, HEAD, Head};
use mamlet_runtime::{Artifact, Learner, Model, Setup};
use mps2_an386::count::Counters;
use mps2_an386::{HostFile, OMNIGLOT, fail, hprintln, succeed};

/// Inputs of an example: 28 x 28 pixels.
const PIXELS: usize = 28 * 28;
/// Bytes of an example: its pixels and its class.
const EXAMPLE: usize = 4 * (PIXELS + 1);
/// Numbers that the learner works in.
const MEMORY: usize = 8192;

#[entry]
fn main() -> ! {
    static mut NUMBERS: [f32; MEMORY] = [0.0; MEMORY];
    let Some(mut counters) = Counters::take() else {
        fail()
    };
    let (result, stack) = counters.stack(|counters| replay(counters, NUMBERS));
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
fn replay(counters: &mut Counters, numbers: &mut [f32]) -> Result<(), &'static str> {
    let mut file = HostFile::open(c"omniglot.episodes").ok_or("no omniglot.episodes here")?;
    let mut head = [0; HEAD];
    file.read(&mut head)
        .ok_or("omniglot.episodes is too short")?;
    let head = Head::parse(&head).map_err(|_| "omniglot.episodes is no file of episodes")?;
    if head.example_size() != EXAMPLE as u64 {
        return Err("the episodes are not of 28 x 28 pixels and a class");
    }
    let mut model = Model::<24>::default();
    load(&mut model)?;
    let setup = Setup::new(head.support as usize);
    let memory = model.memory_for(setup);
    hprintln!(
        "memory: {} bytes, of which {} are weights",
        memory.total(),
        memory.adapted
    );
    let mut most = Instructions::default();
    let mut right = 0;
    for episode in 0..head.episodes {
        let learner = Learner::with(&model, setup, numbers).map_err(|_| "memory")?;
        let result = Episode {
            counters,
            file: &mut file,
            digest: Crc32::new(),
            learner,
        }
        .run(&head, &mut most)?;
        hprintln!(
            "episode {}: {} of {} right, weights {:08x}",
            episode,
            result.right,
            head.queries,
            result.weights
        );
        right += result.right;
    }
    hprintln!("{} of {} right", right, head.episodes * head.queries);
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
    fn run(mut self, head: &Head, most: &mut Instructions) -> Result<Outcome, &'static str> {
        let mut pixels = [0.0; PIXELS];
        for _ in 0..head.support {
            let class = self.next(&mut pixels)?;
            let mut added = Ok(());
            let (counters, learner) = (&mut *self.counters, &mut self.learner);
            let count = counters.instructions(|| added = learner.add_class(&pixels, class));
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
        for _ in 0..head.queries {
            let class = self.next(&mut pixels)?;
            let mut predicted = None;
            let (counters, learner) = (&mut *self.counters, &mut self.learner);
            let count = counters.instructions(|| {
                predicted = learner.predict(&pixels).ok().map(largest);
            });
            right += u32::from(predicted.ok_or("predict")? == class);
            most.prediction = most.prediction.max(count);
        }
        let mut checksum = [0; CHECKSUM];
        self.file
            .read(&mut checksum)
            .ok_or("omniglot.episodes is too short")?;
        match self.digest.finish() == u32::from_le_bytes(checksum) {
            true => Ok(Outcome { right, weights }),
            false => Err("omniglot.episodes is corrupt"),
        }
    }

    /// Reads the pixels of the next example and returns its class.
    #[inline(never)]
    fn next(&mut self, pixels: &mut [f32; PIXELS]) -> Result<usize, &'static str> {
        let mut bytes = [0; EXAMPLE];
        self.file
            .read(&mut bytes)
            .ok_or("omniglot.episodes is too short")?;
        self.digest.update(&bytes);
        let mut words = bytes.as_chunks().0.iter().copied().map(f32::from_le_bytes);
        for (pixel, word) in pixels.iter_mut().zip(&mut words) {
            *pixel = word;
        }
        words.next().map(|class| class as usize).ok_or("class")
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
fn load(model: &mut Model<'static, 24>) -> Result<(), &'static str> {
    let artifact = Artifact::parse(OMNIGLOT).map_err(|_| "artifact")?;
    model.load(&artifact).map_err(|_| "model")
}
