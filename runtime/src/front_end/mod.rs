//! Raw samples in, examples out, as the artifact says.
//!
//! ```
//! # use mamlet_formats::{ArtifactWriter, Centre, Cut, Layer, Shape};
//! # let mut writer = ArtifactWriter::new("demo", Shape::Sequence { length: 2, channels: 1 });
//! # let weight = writer.tensor(&[1.0; 4], true);
//! # writer.push(Layer::Dense { outputs: 2, weight, bias: None });
//! # let cut = Cut::Whole { longest: 8 };
//! # let front_end = mamlet_formats::FrontEnd {
//! #     channels: 1, length: 2, millihertz: 50_000, cut, centre: Centre::Mean };
//! # let bytes = writer.rates(&[&[0.1]]).front_end(front_end, ["ax"]).to_bytes()?;
//! # let mut words = vec![0f32; bytes.len() / 4];
//! # bytemuck::cast_slice_mut(&mut words).copy_from_slice(&bytes);
//! # let artifact = mamlet_runtime::Artifact::parse(bytemuck::cast_slice(&words))?;
//! use mamlet_runtime::{FrontEnd, Model};
//!
//! let model = Model::<4>::new(&artifact)?;
//! let mut memory = [0.0; 16];                 // FrontEnd::memory(&model) says how much
//! let mut front_end = FrontEnd::new(&model, &mut memory)?;
//! front_end.begin();                          // a button is pressed
//! for sample in [[1.0], [5.0], [3.0]] {       // what the sensor gives, 50 times a second
//!     front_end.push(&sample)?;
//! }
//! let example = front_end.end()?;             // the button is let go
//! assert_eq!(example, Some(&[-1.0, 1.0][..])); // for Learner::add_class, or for predict
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod errors;
pub mod signal;

use core::cmp::Ordering;

pub use errors::{FrontEndError, SampleError};
use mamlet_formats::{Centre, Cut};
use signal::Rate;

use crate::fault::{Checked, Internal};
use crate::kernels::{all_finite, copy};
use crate::memory::Numbers;
use crate::model::Model;

/// Makes examples of samples, in memory that the caller gives.
///
/// Where an example is a whole recording, [`begin`](Self::begin) and
/// [`end`](Self::end) say which samples belong to it. Where examples are windows,
/// [`push`](Self::push) gives each as soon as it is complete, from `begin` on.
/// Samples that come before `begin` or after `end` are not looked at.
///
/// # Recordings that are too long
/// Memory of [`FrontEnd::memory`] holds a recording as long as the longest that
/// training saw, sample by sample. Its example is the trainer's, bit for bit. A
/// longer one never fails and never overflows: whenever there is
/// no more room, every second sample is dropped, and from then on half as many
/// are kept. [`thinned`](Self::thinned) says how many samples one stands for.
#[derive(Debug)]
pub struct FrontEnd<'m> {
    front_end: mamlet_formats::FrontEnd,
    /// A recording, or the last samples, round and round: `[capacity, channels]`.
    samples: &'m mut [f32],
    /// `[length, channels]`
    example: &'m mut [f32],
    /// The value at rest.
    rest: &'m mut [f32],
    /// The sample before, and one at the rate of windows.
    before: &'m mut [f32],
    converted: &'m mut [f32],
    rate: Option<Rate>,
    recording: bool,
    rested: bool,
    /// Rows of `samples` that are in use.
    count: usize,
    /// The row of `samples` that a window's next sample goes to.
    next: usize,
    /// Samples until a window is complete or, of a recording that is thinned, until
    /// the next one that is stored.
    due: usize,
    /// One of so many samples is kept.
    thinned: usize,
}

impl<'m> FrontEnd<'m> {
    /// The memory that keeps the longest recording of training sample by sample,
    /// or a window; none where the artifact has no front end.
    pub fn memory<const LAYERS: usize>(model: &Model<'_, LAYERS>) -> Numbers {
        let numbers = model.front_end().map_or(0, |front_end| {
            let longest = match front_end.cut {
                Cut::Whole { longest } => longest,
                _ => 0,
            };
            numbers(&front_end, longest as usize)
        });
        Numbers::new(numbers)
    }

    /// A front end as the model's artifact says. It uses all of `memory`; less
    /// than [`memory`](Self::memory) is enough for a recording of as many samples
    /// as an example has.
    ///
    /// # Errors
    /// [`FrontEndError`] where the artifact has none or `memory` is too small.
    pub fn new<const LAYERS: usize>(
        model: &Model<'_, LAYERS>,
        memory: &'m mut [f32],
    ) -> Result<Self, FrontEndError> {
        let front_end = model.front_end().ok_or(FrontEndError::None)?;
        let error = FrontEndError::MemoryTooSmall {
            needed: numbers(&front_end, 0),
            given: memory.len(),
        };
        let channels = front_end.channels as usize;
        let length = channels.saturating_mul(front_end.length as usize);
        let mut rest = memory;
        let mut take = |numbers: usize| {
            let parts = core::mem::take(&mut rest).split_at_mut_checked(numbers);
            let (part, tail) = parts.ok_or(error)?;
            rest = tail;
            Ok(part)
        };
        let (example, at_rest) = (take(length)?, take(channels)?);
        let (before, converted) = (take(channels)?, take(channels)?);
        let samples = match front_end.cut {
            Cut::Whole { .. } => rest,
            _ => take(length)?,
        };
        if samples.len() < least(&front_end).saturating_mul(channels) {
            return Err(error);
        }
        Ok(FrontEnd {
            front_end,
            samples,
            example,
            rest: at_rest,
            before,
            converted,
            rate: None,
            recording: false,
            rested: false,
            count: 0,
            next: 0,
            due: 0,
            thinned: 1,
        })
    }

    /// Says how many samples the sensor gives in 1000 seconds, where it is not
    /// what the artifact asks for: windows are then made of samples between them.
    /// Whole recordings are brought to the length of an example at any rate.
    ///
    /// # Errors
    /// [`FrontEndError::TooSlow`] where that is less than the artifact asks for.
    pub fn sensor_rate(&mut self, millihertz: u32) -> Result<(), FrontEndError> {
        let (needed, given) = (self.front_end.millihertz, millihertz);
        let rate = Rate::new(given, needed);
        self.rate = match (self.front_end.cut, rate.compare()) {
            (Cut::Whole { .. }, _) | (_, Ordering::Equal) => None,
            (_, Ordering::Greater) => Some(rate),
            (_, Ordering::Less) => return Err(FrontEndError::TooSlow { needed, given }),
        };
        Ok(())
    }

    /// What the artifact says.
    pub fn description(&self) -> &mamlet_formats::FrontEnd {
        &self.front_end
    }

    /// Begins a recording, or a series of windows. What came before is forgotten.
    pub fn begin(&mut self) {
        self.recording = true;
        (self.count, self.next, self.thinned) = (0, 0, 1);
        self.due = match self.front_end.cut {
            Cut::Windows { .. } => self.front_end.length as usize,
            _ => 0,
        };
        if let Some(rate) = &mut self.rate {
            rate.restart();
        }
    }

    /// Takes a sample, a value per channel. Returns an example where it completes
    /// a window.
    ///
    /// # Errors
    /// [`SampleError`]: the sample was not taken, or, where the value at rest is
    /// not known, no example was made.
    pub fn push(&mut self, sample: &[f32]) -> Result<Option<&[f32]>, SampleError> {
        let (needed, given) = (self.rest.len(), sample.len());
        if needed != given {
            return Err(SampleError::Channels { needed, given });
        }
        if !all_finite(sample) {
            return Err(SampleError::NotFinite);
        }
        if !self.recording {
            return Ok(None);
        }
        let Cut::Windows { stride } = self.front_end.cut else {
            self.record(sample)?;
            return Ok(None);
        };
        let mut ring = Ring {
            samples: self.samples,
            count: &mut self.count,
            next: &mut self.next,
            due: &mut self.due,
            complete: false,
            stride: stride as usize,
        };
        let mut taken = Ok(());
        match &mut self.rate {
            None => taken = ring.push(sample),
            Some(rate) => rate.push(self.before, sample, self.converted, |row| {
                taken = taken.and(ring.push(row));
            }),
        }
        taken?;
        if !ring.complete {
            return Ok(None);
        }
        let at = self.next.saturating_mul(needed);
        let (new, old) = self.samples.split_at_checked(at).ok_or(Internal)?;
        let parts = self.example.split_at_mut_checked(old.len());
        let (first, second) = parts.ok_or(Internal)?;
        copy(first, old)?;
        copy(second, new)?;
        self.centred().map(Some)
    }

    /// Ends a recording and returns its example; a series of windows just ends.
    ///
    /// # Errors
    /// [`SampleError`] where there is no recording, or none of its samples, or
    /// the value at rest is not known.
    pub fn end(&mut self) -> Result<Option<&[f32]>, SampleError> {
        self.stop()?;
        if let Cut::Windows { .. } = self.front_end.cut {
            return Ok(None);
        }
        let channels = self.rest.len();
        let samples = recorded(self.samples, self.count, channels)?;
        if samples.is_empty() {
            return Err(SampleError::Empty);
        }
        signal::resample(samples, channels, self.example);
        self.centred().map(Some)
    }

    /// Ends a recording or series of windows, and takes the median of its samples
    /// (of a window's, the last ones) as the value at rest from now on. Only
    /// artifacts with [`Centre::Rest`] need it: record while nothing happens, or,
    /// as training did, everything that one person does in one go.
    ///
    /// # Errors
    /// [`SampleError`] where there is no recording, or none of its samples; the
    /// value at rest stays what it was.
    pub fn rest(&mut self) -> Result<(), SampleError> {
        self.stop()?;
        let channels = self.rest.len();
        let samples = recorded(self.samples, self.count, channels)?;
        if samples.is_empty() {
            return Err(SampleError::Empty);
        }
        for (channel, rest) in self.rest.iter_mut().enumerate() {
            let values = samples.iter().skip(channel).step_by(channels.max(1));
            *rest = signal::median(values.copied());
        }
        self.rested = true;
        Ok(())
    }

    /// The value at rest, a number per channel; `None` where it is not known.
    pub fn resting(&self) -> Option<&[f32]> {
        self.rested.then_some(&*self.rest)
    }

    /// Sets the value at rest, for instance to one that was kept.
    ///
    /// # Errors
    /// [`SampleError`] where it has another number of channels or is not finite.
    pub fn set_rest(&mut self, rest: &[f32]) -> Result<(), SampleError> {
        let (needed, given) = (self.rest.len(), rest.len());
        if needed != given {
            return Err(SampleError::Channels { needed, given });
        }
        if !all_finite(rest) {
            return Err(SampleError::NotFinite);
        }
        copy(self.rest, rest)?;
        self.rested = true;
        Ok(())
    }

    /// How many samples of the recording one stands for: 1 where all were kept.
    pub fn thinned(&self) -> usize {
        self.thinned
    }

    /// Whether samples are looked at: from [`begin`](Self::begin) to
    /// [`end`](Self::end).
    pub fn is_recording(&self) -> bool {
        self.recording
    }

    fn stop(&mut self) -> Result<(), SampleError> {
        match core::mem::take(&mut self.recording) {
            true => Ok(()),
            false => Err(SampleError::NotBegun),
        }
    }

    /// Takes a sample of a recording, thinning it where there is no more room.
    fn record(&mut self, sample: &[f32]) -> Checked {
        if let Some(due) = self.due.checked_sub(1) {
            self.due = due;
            return Ok(());
        }
        let channels = sample.len();
        let capacity = self.samples.len().checked_div(channels).unwrap_or(0);
        let before = self.thinned;
        if self.count == capacity {
            for row in 0..capacity / 2 + capacity % 2 {
                for at in row * channels..(row + 1) * channels {
                    let value = self.samples.get(at + row * channels).copied();
                    *self.samples.get_mut(at).ok_or(Internal)? = value.ok_or(Internal)?;
                }
            }
            self.count = capacity / 2 + capacity % 2;
            self.thinned = before.saturating_mul(2);
            // Of an odd number the last was kept, so this one is dropped.
            if capacity % 2 == 1 {
                self.due = before - 1;
                return Ok(());
            }
        }
        put(self.samples, self.count, sample)?;
        self.count += 1;
        self.due = self.thinned - 1;
        Ok(())
    }

    /// The example, once what the artifact says is subtracted.
    fn centred(&mut self) -> Result<&[f32], SampleError> {
        match self.front_end.centre {
            Centre::Mean => signal::subtract_mean(self.example, self.rest.len()),
            Centre::Rest if !self.rested => return Err(SampleError::NoRest),
            Centre::Rest => signal::subtract(self.example, self.rest),
            _ => {}
        }
        Ok(self.example)
    }
}

/// The last samples of a series of windows.
struct Ring<'r> {
    samples: &'r mut [f32],
    count: &'r mut usize,
    next: &'r mut usize,
    due: &'r mut usize,
    stride: usize,
    complete: bool,
}

impl Ring<'_> {
    fn push(&mut self, sample: &[f32]) -> Checked {
        let length = self.samples.len().checked_div(sample.len()).unwrap_or(0);
        put(self.samples, *self.next, sample)?;
        *self.next = if *self.next + 1 < length {
            *self.next + 1
        } else {
            0
        };
        *self.count = (*self.count + 1).min(length);
        *self.due = self.due.saturating_sub(1);
        if *self.due == 0 {
            (*self.due, self.complete) = (self.stride, true);
        }
        Ok(())
    }
}

/// Writes a row.
fn put(samples: &mut [f32], row: usize, sample: &[f32]) -> Checked {
    let at = row.saturating_mul(sample.len());
    let place = samples.get_mut(at..at.saturating_add(sample.len()));
    copy(place.ok_or(Internal)?, sample)
}

/// The first `count` rows.
fn recorded(samples: &[f32], count: usize, channels: usize) -> Checked<&[f32]> {
    let recorded = samples.get(..count.saturating_mul(channels));
    recorded.ok_or(Internal)
}

/// The least samples that there must be room for.
fn least(front_end: &mamlet_formats::FrontEnd) -> usize {
    match front_end.cut {
        // Fewer than two could not be thinned.
        Cut::Whole { .. } => (front_end.length as usize).max(2),
        _ => front_end.length as usize,
    }
}

/// Numbers of memory with room for at least `samples` samples: those, an example,
/// and three more samples.
fn numbers(front_end: &mamlet_formats::FrontEnd, samples: usize) -> usize {
    samples
        .max(least(front_end))
        .saturating_add(front_end.length as usize)
        .saturating_add(3)
        .saturating_mul(front_end.channels as usize)
}
