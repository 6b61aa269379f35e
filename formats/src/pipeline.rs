//! What stands around the model: how raw samples become an example, and when a
//! prediction is none.
//!
//! It is the last section of an artifact, and artifacts whose examples come
//! ready-made have none. Eight little-endian words of fixed meaning are followed
//! by the names of the channels, which are for people.

use core::fmt;

use crate::fields::u32_at;

/// How raw samples of a sensor become an example of `[length, channels]`. The
/// model's own [`Normalisation`](crate::Normalisation) comes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrontEnd {
    /// Values of a sample, at least one. They have the units and the order of the
    /// recordings that the model was trained on.
    pub channels: u32,
    /// Samples of an example, at least one.
    pub length: u32,
    /// Samples in 1000 seconds, which is the rate in thousandths of a hertz; at
    /// least one.
    pub millihertz: u32,
    /// What an example is made of.
    pub cut: Cut,
    /// What is subtracted from every channel of an example.
    pub centre: Centre,
}

/// What an example is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cut {
    /// A whole recording, from its first to its last sample: example sample `i`
    /// stands at `i (rows − 1) / (length − 1)`, between samples on a straight
    /// line.
    Whole {
        /// Samples of the longest recording that training saw; at least one.
        longest: u32,
    },
    /// `length` samples that follow one another.
    Windows {
        /// Samples from the beginning of an example to that of the next; at
        /// least one.
        stride: u32,
    },
}

/// What is subtracted from every channel of an example, before the model
/// normalises it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Centre {
    /// Nothing.
    None,
    /// Its mean over the example.
    Mean,
    /// The value at rest, which the board measures: the median over samples
    /// that belong to no example or to many.
    Rest,
}

/// Which predictions count as none: those with a score below the threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rejection {
    /// How sure a prediction is.
    pub score: Score,
    /// The least score of a prediction that counts; a finite number.
    pub threshold: f32,
}

/// How sure a prediction is, of the logits `y` of a classifier: the higher, the
/// surer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Score {
    /// The largest probability, `max softmax(y)`.
    Probability,
    /// By how much the largest logit exceeds the second largest.
    Margin,
    /// The negative free energy, `ln Σ eʸ`.
    Energy,
    /// By how much the largest logit exceeds the last, which is that of no class:
    /// an output that is never taught, and that adaptation pushes away from every
    /// support example.
    NoClass,
}

/// The section, once its structure is known to be right.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pipeline<'a> {
    pub front_end: Option<FrontEnd>,
    pub rejection: Option<Rejection>,
    /// UTF-8, separated by line feeds, without the padding.
    pub names: &'a [u8],
}

impl FrontEnd {
    /// Samples a second.
    pub fn hertz(&self) -> f64 {
        f64::from(self.millihertz) / 1000.0
    }
}

impl fmt::Display for FrontEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FrontEnd {
            channels, length, ..
        } = self;
        write!(f, "{channels} channels at {} Hz, ", self.hertz())?;
        match self.cut {
            Cut::Whole { longest } => write!(
                f,
                "whole recordings (up to {longest} samples in training) as {length} samples"
            )?,
            Cut::Windows { stride } => {
                write!(f, "windows of {length} samples every {stride} samples")?;
            }
        }
        match self.centre {
            Centre::None => Ok(()),
            Centre::Mean => write!(f, ", less their mean"),
            Centre::Rest => write!(f, ", less the value at rest"),
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Score::Probability => "probability",
            Score::Margin => "margin",
            Score::Energy => "energy",
            Score::NoClass => "no class",
        })
    }
}

impl Rejection {
    /// Classes among `outputs` logits: all but the last where that is never taught.
    pub fn classes(&self, outputs: usize) -> usize {
        match self.score {
            Score::NoClass => outputs.saturating_sub(1),
            _ => outputs,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.score {
            Score::NoClass => write!(
                f,
                "the best class exceeds the output that is never taught by less than {}",
                self.threshold
            ),
            score => write!(f, "{score} below {}", self.threshold),
        }
    }
}

impl<'a> Pipeline<'a> {
    /// Bytes before the names.
    const WORDS: usize = 32;

    /// Reads a section, of no bytes where an artifact has none.
    pub fn parse(section: &'a [u8]) -> Option<Self> {
        if section.is_empty() {
            return Some(Pipeline::default());
        }
        let word = |index: usize| u32_at(section, 4 * index);
        let mut names = section.get(Self::WORDS..)?;
        let padded = names.len();
        while let [rest @ .., 0] = names {
            names = rest;
        }
        let (channels, length, millihertz) = (word(0)?, word(1)?, word(2)?);
        let (stride, longest, centre) = (word(3)?, word(4)?, word(5)?);
        let front_end = match channels {
            0 => {
                let nothing = [length, millihertz, stride, longest, centre] == [0; 5];
                (nothing && names.is_empty()).then_some(None)?
            }
            _ => Some(FrontEnd {
                channels,
                length: (length > 0).then_some(length)?,
                millihertz: (millihertz > 0).then_some(millihertz)?,
                cut: match (stride, longest) {
                    (0, 1..) => Cut::Whole { longest },
                    (1.., 0) => Cut::Windows { stride },
                    _ => return None,
                },
                centre: match centre {
                    0 => Centre::None,
                    1 => Centre::Mean,
                    2 => Centre::Rest,
                    _ => return None,
                },
            }),
        };
        let (score, threshold) = (word(6)?, f32::from_bits(word(7)?));
        let rejection = match score {
            0 => (threshold.to_bits() == 0).then_some(None)?,
            1..=4 => Some(Rejection {
                score: match score {
                    1 => Score::Probability,
                    2 => Score::Margin,
                    3 => Score::Energy,
                    _ => Score::NoClass,
                },
                threshold: threshold.is_finite().then_some(threshold)?,
            }),
            _ => return None,
        };
        let something = front_end.is_some() || rejection.is_some();
        (something && padded - names.len() < 4).then_some(Pipeline {
            front_end,
            rejection,
            names,
        })
    }

    /// The section's bytes, padded to whole words; none where it says nothing.
    #[cfg(feature = "alloc")]
    pub fn to_bytes(self) -> alloc::vec::Vec<u8> {
        if self.front_end.is_none() && self.rejection.is_none() {
            return alloc::vec::Vec::new();
        }
        let mut words = [0; 8];
        if let Some(front_end) = self.front_end {
            let (stride, longest) = match front_end.cut {
                Cut::Whole { longest } => (0, longest),
                Cut::Windows { stride } => (stride, 0),
            };
            let centre = match front_end.centre {
                Centre::None => 0,
                Centre::Mean => 1,
                Centre::Rest => 2,
            };
            let FrontEnd {
                channels,
                length,
                millihertz,
                ..
            } = front_end;
            words = [channels, length, millihertz, stride, longest, centre, 0, 0];
        }
        if let Some(Rejection { score, threshold }) = self.rejection {
            words[6] = match score {
                Score::Probability => 1,
                Score::Margin => 2,
                Score::Energy => 3,
                Score::NoClass => 4,
            };
            words[7] = threshold.to_bits();
        }
        let mut bytes: alloc::vec::Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        bytes.extend(self.names);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }
}
