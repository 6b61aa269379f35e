//! Episodes: the examples of several tasks, for a program that replays them as a
//! board would meet them.
//!
//! An example is its inputs and then its targets, little-endian f32; where the
//! target is a class, it is the class's number. A program on a board reads the
//! prefix ([`Prefix`]) and then example after example, in the memory of one; a host
//! has the whole file ([`Episodes`]).

use core::fmt;

use crate::crc32;
use crate::prefix::{self, Format};

/// The first eight bytes.
pub const MAGIC: [u8; 8] = *b"\x89MAME\r\n\x1a";
/// Readers refuse another major version.
pub const MAJOR: u16 = 1;
/// Readers accept any minor version up to this one.
pub const MINOR: u16 = 0;
/// Bytes before the first example.
pub const PREFIX: usize = 36;
/// Bytes of the checksum that follows the examples of an episode.
pub const CHECKSUM: usize = prefix::CHECKSUM;

const FORMAT: Format = Format {
    magic: MAGIC,
    major: MAJOR,
    minor: MINOR,
};

/// What stands before the examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Numbers that go into the model.
    pub inputs: u32,
    /// Numbers that should come out, or 1 for a class.
    pub targets: u32,
    /// Support examples of every episode; they come first.
    pub support: u32,
    /// Query examples of every episode.
    pub queries: u32,
    /// Episodes.
    pub episodes: u32,
}

/// Why bytes are no episodes, or why there is no file for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EpisodesError {
    /// The bytes end before the file does.
    TooShort {
        /// Bytes the file has.
        needed: u64,
        /// Bytes there are.
        given: usize,
    },
    /// Bytes follow the last episode.
    TooLong {
        /// Bytes the file has.
        needed: u64,
        /// Bytes there are.
        given: usize,
    },
    /// The first eight bytes are not [`MAGIC`].
    NotEpisodes,
    /// The file was written for another version of the format.
    Version {
        /// Major version of the file.
        major: u16,
        /// Minor version of the file.
        minor: u16,
    },
    /// The bytes have changed since they were written.
    Checksum {
        /// The checksum in the file.
        stored: u32,
        /// The checksum of the bytes.
        computed: u32,
    },
    /// The prefix counts other examples than there are.
    Examples {
        /// Examples that the prefix counts.
        needed: u64,
        /// Examples there are.
        given: u64,
    },
    /// An example has other numbers than the prefix says.
    Numbers,
}

impl Prefix {
    /// Reads it.
    ///
    /// # Errors
    /// [`EpisodesError`] names the first thing that is wrong.
    pub fn parse(bytes: &[u8; PREFIX]) -> Result<Self, EpisodesError> {
        let words = FORMAT.words(bytes).ok_or(EpisodesError::NotEpisodes)?;
        let [version, inputs, targets, support, queries, episodes, stored] = words;
        let unknown = |(major, minor)| EpisodesError::Version { major, minor };
        FORMAT.minor(version).map_err(unknown)?;
        let computed = prefix::checksum(bytes, &[]);
        if stored != computed {
            return Err(EpisodesError::Checksum { stored, computed });
        }
        Ok(Prefix {
            inputs,
            targets,
            support,
            queries,
            episodes,
        })
    }

    /// The bytes.
    pub fn encode(&self) -> [u8; PREFIX] {
        let fields = [
            self.inputs,
            self.targets,
            self.support,
            self.queries,
            self.episodes,
            0,
        ];
        prefix::seal(FORMAT.encode(MINOR, fields), &[])
    }

    /// Bytes of an example.
    pub fn example_size(&self) -> u64 {
        4 * (u64::from(self.inputs) + u64::from(self.targets))
    }

    /// Examples of an episode.
    pub fn examples(&self) -> u64 {
        u64::from(self.support) + u64::from(self.queries)
    }

    /// Bytes of the file; beyond what 64 bits count, that many.
    pub fn size(&self) -> u64 {
        let episode = self.examples().saturating_mul(self.example_size());
        let episodes = u64::from(self.episodes).saturating_mul(episode.saturating_add(4));
        episodes.saturating_add(PREFIX as u64)
    }
}

/// A view of a file whose checksums have been checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Episodes<'a> {
    /// What stands before the examples.
    pub prefix: Prefix,
    body: &'a [u8],
}

impl<'a> Episodes<'a> {
    /// Checks the structure and every checksum of `bytes`.
    ///
    /// # Errors
    /// [`EpisodesError`] names the first thing that is wrong. Never panics.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EpisodesError> {
        let given = bytes.len();
        let too_short = |needed| EpisodesError::TooShort { needed, given };
        let (prefix, body) = bytes.split_first_chunk().ok_or(too_short(PREFIX as u64))?;
        let prefix = Prefix::parse(prefix)?;
        let needed = prefix.size();
        let body = usize::try_from(needed)
            .ok()
            .and_then(|needed| body.get(..needed - PREFIX))
            .ok_or(too_short(needed))?;
        if body.len() + PREFIX < given {
            return Err(EpisodesError::TooLong { needed, given });
        }
        let episodes = Episodes { prefix, body };
        for (_, examples, stored) in episodes.parts() {
            let computed = crc32::of(&[examples]);
            if stored != computed {
                return Err(EpisodesError::Checksum { stored, computed });
            }
        }
        Ok(episodes)
    }

    /// Every episode's number, examples and checksum.
    fn parts(&self) -> impl Iterator<Item = (usize, &'a [u8], u32)> + use<'a> {
        let examples = self.prefix.examples();
        let episode = examples.saturating_mul(self.prefix.example_size());
        // Where there are episodes, one fits into the body, which is in memory.
        let size = usize::try_from(episode).unwrap_or(usize::MAX);
        let size = size.saturating_add(CHECKSUM);
        let parts = self.body.chunks_exact(size).enumerate();
        parts.filter_map(|(index, part)| {
            let (examples, checksum) = part.split_last_chunk()?;
            Some((index, examples, u32::from_le_bytes(*checksum)))
        })
    }

    /// The examples of every episode, support examples first.
    pub fn iter(&self) -> impl Iterator<Item = Examples<'a>> + use<'a> {
        let prefix = self.prefix;
        self.parts()
            .map(move |(_, bytes, _)| Examples { prefix, bytes })
    }
}

/// The examples of an episode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Examples<'a> {
    prefix: Prefix,
    bytes: &'a [u8],
}

impl<'a> Examples<'a> {
    /// Inputs and targets of every example, support examples first.
    #[cfg(feature = "alloc")]
    pub fn iter(
        &self,
    ) -> impl Iterator<Item = (alloc::vec::Vec<f32>, alloc::vec::Vec<f32>)> + use<'a> {
        let (size, inputs) = (
            self.prefix.example_size() as usize,
            self.prefix.inputs as usize,
        );
        // An example without any number has no bytes, and there is none.
        self.bytes.chunks_exact(size.max(1)).map(move |example| {
            let (x, y) = example.split_at(4 * inputs);
            (numbers(x), numbers(y))
        })
    }
}

#[cfg(feature = "alloc")]
fn numbers(bytes: &[u8]) -> alloc::vec::Vec<f32> {
    let words = bytes.as_chunks().0.iter();
    words.map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Puts a file together, example after example.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct EpisodesWriter {
    prefix: Prefix,
    bytes: alloc::vec::Vec<u8>,
    /// Where the episode begins that is being written.
    episode: usize,
    written: u64,
}

#[cfg(feature = "alloc")]
impl EpisodesWriter {
    /// For as many examples as the prefix says.
    pub fn new(prefix: Prefix) -> Self {
        EpisodesWriter {
            prefix,
            bytes: prefix.encode().to_vec(),
            episode: PREFIX,
            written: 0,
        }
    }

    /// Adds the next example: the support examples of an episode, then its
    /// queries, then those of the next episode.
    ///
    /// # Errors
    /// [`EpisodesError::Numbers`] where it has other numbers than the prefix says.
    pub fn add(&mut self, inputs: &[f32], targets: &[f32]) -> Result<(), EpisodesError> {
        let prefix = self.prefix;
        if [inputs.len(), targets.len()] != [prefix.inputs as usize, prefix.targets as usize] {
            return Err(EpisodesError::Numbers);
        }
        for value in inputs.iter().chain(targets) {
            self.bytes.extend(value.to_le_bytes());
        }
        self.written += 1;
        if self.written.is_multiple_of(prefix.examples().max(1)) {
            let checksum = crc32::of(&[self.bytes.get(self.episode..).unwrap_or_default()]);
            self.bytes.extend(checksum.to_le_bytes());
            self.episode = self.bytes.len();
        }
        Ok(())
    }

    /// The file.
    ///
    /// # Errors
    /// [`EpisodesError::Examples`] where examples are missing or too many.
    pub fn finish(self) -> Result<alloc::vec::Vec<u8>, EpisodesError> {
        let needed = u64::from(self.prefix.episodes).saturating_mul(self.prefix.examples());
        let given = self.written;
        match needed == given {
            true => Ok(self.bytes),
            false => Err(EpisodesError::Examples { needed, given }),
        }
    }
}

impl fmt::Display for EpisodesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { needed, given } => {
                write!(f, "the episodes have {needed} bytes, {given} are there")
            }
            Self::TooLong { needed, given } => {
                write!(f, "the episodes have {needed} bytes, {given} are given")
            }
            Self::NotEpisodes => write!(f, "no mamlet episodes: the magic is missing"),
            Self::Version { major, minor } => write!(
                f,
                "episodes format {major}.{minor}, this reader knows {MAJOR}.0 to {MAJOR}.{MINOR}"
            ),
            Self::Checksum { stored, computed } => write!(
                f,
                "corrupt: the checksum is {computed:08x}, the file says {stored:08x}"
            ),
            Self::Examples { needed, given } => {
                write!(f, "{given} examples, the prefix counts {needed}")
            }
            Self::Numbers => write!(f, "an example has other numbers than the prefix says"),
        }
    }
}

impl core::error::Error for EpisodesError {}
