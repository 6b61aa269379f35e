//! A person teaches a watch gestures, raw samples of its accelerometer in, and the
//! watch tells them apart from then on: also after its power was cut, and from
//! gestures that it was never taught. The recordings are those of the file
//! `gestures.recordings` in the host's folder, one behind the other as they were
//! made. Prints what was right, and what all of it takes in instructions and RAM.
//!
//! The file begins with two words, the channels of a sample and how many
//! recordings follow. A recording is three words, what it is for (see [`Purpose`]),
//! the number of its gesture and how many samples it has, and then its samples,
//! f32. Everything is little-endian.
//!
//! `cargo xtask run teach_gestures` writes the file and starts the program.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use mamlet_runtime::storage::Store;
use mamlet_runtime::teacher::{Advice, Response, Teacher};
use mamlet_runtime::{Artifact, FrontEnd, Model, Rollback, Setup};
use nrf52840_dk::count::Counters;
use nrf52840_dk::flash::{self, FLASH, RamFlash};
use nrf52840_dk::{GESTURES, HostFile, fail, hprintln, succeed};

/// Examples that it can be taught.
const EXAMPLES: usize = 25;
/// The most channels of a sample.
const CHANNELS: usize = 12;
/// Layers of the network.
const LAYERS: usize = 32;
/// Numbers that the teacher works in.
const MEMORY: usize = 24_576;

#[entry]
fn main() -> ! {
    static mut NUMBERS: [f32; MEMORY] = [0.0; MEMORY];
    let Some(mut counters) = Counters::take() else {
        fail()
    };
    let life = flash::life();
    let (result, stack) = counters.stack(|counters| live(life, counters, NUMBERS));
    match result {
        Ok(()) if life == 0 => flash::reset(),
        Ok(()) => {
            hprintln!("stack: {} bytes", stack);
            flash::end();
            succeed()
        }
        Err(error) => {
            hprintln!("failed: {}", error);
            flash::end();
            fail()
        }
    }
}

/// What happens until the power is cut, and after it is back.
#[inline(never)]
fn live(life: u32, counters: &mut Counters, numbers: &mut [f32]) -> Result<(), &'static str> {
    let mut model = Model::<LAYERS>::default();
    load(&mut model)?;
    let setup = Setup::new(EXAMPLES).rollback(Rollback::ToCommitted);
    // No more than asked for: what is recorded at rest is longer and thinned to fit.
    let needed = Teacher::memory(&model, setup).len();
    let numbers = numbers.get_mut(..needed).ok_or("memory")?;
    let mut teacher = Teacher::new(&model, EXAMPLES, numbers).map_err(|_| "memory")?;
    let flash = flash::flash();
    let mut store = Store::new(flash, 0..FLASH as u32, 1).map_err(|_| "region")?;
    let found = store.restore(0, teacher.learner_mut());
    match found.map_err(|_| "restore")? {
        None => hprintln!(
            "power on, nothing learnt; memory: {} bytes, of which {} are weights and {} the front \
             end",
            Teacher::memory(&model, setup).bytes(),
            model.memory_for(setup).adapted.bytes(),
            FrontEnd::memory(&model).bytes()
        ),
        Some(stored) => hprintln!("power on, {} weights found", stored.weights),
    }
    let mut session = Session {
        counters,
        teacher,
        most: Instructions::default(),
        heard: Counts::default(),
    };
    let mut file = Recordings::open()?;
    while let Some(recording) = file.next()? {
        match recording.purpose {
            Purpose::Learn if life == 0 => session.learn(&mut store)?,
            // What was taught is known from here on.
            Purpose::Teach | Purpose::Learn if life > 0 => file.skip(&recording)?,
            _ => session.play(&mut file, &recording)?,
        }
    }
    let Session { heard, most, .. } = session;
    hprintln!(
        "{} of {} right, {} held for unknown; of {} never taught {} unknown",
        heard.right,
        heard.taught,
        heard.taught_unknown,
        heard.others,
        heard.others_unknown
    );
    hprintln!(
        "instructions at most: sample {}, end of recording {}, advice {}, adaptation {}",
        most.sample,
        most.end,
        most.advice,
        most.adaptation
    );
    Ok(())
}

/// What the device hears.
struct Session<'a> {
    counters: &'a mut Counters,
    teacher: Teacher<'a>,
    most: Instructions,
    heard: Counts,
}

/// The most that anything took.
#[derive(Default)]
struct Instructions {
    sample: u32,
    end: u32,
    advice: u32,
    adaptation: u32,
}

/// Predictions.
#[derive(Default)]
struct Counts {
    taught: u32,
    right: u32,
    taught_unknown: u32,
    others: u32,
    others_unknown: u32,
}

impl Session<'_> {
    /// Records it, and teaches or asks what it is for.
    fn play(&mut self, file: &mut Recordings, recording: &Recording) -> Result<(), &'static str> {
        match recording.purpose {
            Purpose::Teach => self.teacher.begin(recording.gesture).map_err(|_| "begin")?,
            _ => self.teacher.listen(),
        }
        let mut sample = [0.0; CHANNELS];
        for _ in 0..recording.samples {
            let sample = file.sample(&mut sample)?;
            let (counters, teacher) = (&mut *self.counters, &mut self.teacher);
            let mut pushed = Ok(None);
            let count = counters.instructions(|| pushed = teacher.push(sample));
            pushed.map_err(|_| "sample")?;
            self.most.sample = self.most.sample.max(count);
        }
        if recording.purpose == Purpose::Rest {
            return self.teacher.rest().map_err(|_| "rest");
        }
        let (counters, teacher) = (&mut *self.counters, &mut self.teacher);
        let mut ended = Ok(None);
        let count = counters.instructions(|| ended = teacher.end());
        self.most.end = self.most.end.max(count);
        if let Some(Response::Prediction(heard)) = ended.map_err(|_| "end")? {
            let counts = &mut self.heard;
            match recording.purpose {
                Purpose::Ask => {
                    counts.taught += 1;
                    let right = heard.known && heard.class == recording.gesture;
                    counts.right += u32::from(right);
                    counts.taught_unknown += u32::from(!heard.known);
                }
                _ => {
                    counts.others += 1;
                    counts.others_unknown += u32::from(!heard.known);
                }
            }
        }
        Ok(())
    }

    /// Learns what was taught, and keeps it.
    fn learn(&mut self, store: &mut Store<RamFlash>) -> Result<(), &'static str> {
        let (counters, teacher) = (&mut *self.counters, &mut self.teacher);
        let mut advice = Ok(Advice::Ready);
        self.most.advice = counters.instructions(|| advice = teacher.advice());
        match advice.map_err(|_| "advice")? {
            Advice::Ready => hprintln!("advice: ready"),
            Advice::Doubtful {
                example,
                class,
                taken_for,
            } => hprintln!(
                "advice: teach gesture {} again, example {} looks like gesture {}",
                class,
                example,
                taken_for
            ),
            Advice::Unclear { class, taken_for } => hprintln!(
                "advice: gestures {} and {} are alike, teach the first again",
                class,
                taken_for
            ),
            _ => hprintln!("advice: teach more"),
        }
        let mut adapted = false;
        self.most.adaptation = counters.instructions(|| adapted = teacher.adapt().is_ok());
        if !adapted {
            return Err("adapt");
        }
        teacher.commit_to(store, 0).map_err(|_| "commit")?;
        let weights = teacher.learner().weights().ok_or("rolled back")?;
        hprintln!(
            "{} examples, adapted weights {:08x}, in flash",
            teacher.examples(),
            mamlet_runtime::weights_crc32(weights)
        );
        Ok(())
    }
}

/// What a recording is for. It has the number of its place here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The value at rest.
    Rest,
    /// An example of a gesture.
    Teach,
    /// Nothing: all examples were taught.
    Learn,
    /// To be recognised.
    Ask,
    /// To be unknown.
    AskOther,
}

/// What stands before the samples of a recording.
struct Recording {
    purpose: Purpose,
    gesture: usize,
    samples: u32,
}

/// The file.
struct Recordings {
    file: HostFile,
    channels: usize,
    left: u32,
}

impl Recordings {
    fn open() -> Result<Self, &'static str> {
        let mut file =
            HostFile::open(c"gestures.recordings").ok_or("no gestures.recordings here")?;
        let channels = word(&mut file)? as usize;
        match channels {
            1..=CHANNELS => Ok(Recordings {
                left: word(&mut file)?,
                channels,
                file,
            }),
            _ => Err("gestures.recordings has too many channels"),
        }
    }

    fn next(&mut self) -> Result<Option<Recording>, &'static str> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        let purpose = match word(&mut self.file)? {
            0 => Purpose::Rest,
            1 => Purpose::Teach,
            2 => Purpose::Learn,
            3 => Purpose::Ask,
            4 => Purpose::AskOther,
            _ => return Err("gestures.recordings has a recording for nothing"),
        };
        Ok(Some(Recording {
            purpose,
            gesture: word(&mut self.file)? as usize,
            samples: word(&mut self.file)?,
        }))
    }

    fn skip(&mut self, recording: &Recording) -> Result<(), &'static str> {
        let mut sample = [0.0; CHANNELS];
        (0..recording.samples).try_for_each(|_| self.sample(&mut sample).map(drop))
    }

    fn sample<'s>(&mut self, sample: &'s mut [f32; CHANNELS]) -> Result<&'s [f32], &'static str> {
        let sample = sample.get_mut(..self.channels).ok_or("channels")?;
        for value in &mut *sample {
            *value = f32::from_bits(word(&mut self.file)?);
        }
        Ok(sample)
    }
}

fn word(file: &mut HostFile) -> Result<u32, &'static str> {
    let mut bytes = [0; 4];
    let read = file.read(&mut bytes);
    read.ok_or("gestures.recordings is too short")?;
    Ok(u32::from_le_bytes(bytes))
}

/// In a function of its own, so that the artifact's header leaves the stack.
#[inline(never)]
fn load(model: &mut Model<'static, LAYERS>) -> Result<(), &'static str> {
    let artifact = Artifact::parse(GESTURES).map_err(|_| "artifact")?;
    model.load(&artifact).map_err(|_| "model")
}
