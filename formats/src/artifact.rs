//! The artifact: a meta-learned model and its recipe in one checked file.
//!
//! [`Artifact::parse`] checks structure: magic, version, lengths, checksum,
//! that the header decodes to its last byte and that every tensor lies inside
//! the tensor section. Whether the layers fit together is the runtime's
//! question, asked once when it makes a model of the artifact.

use core::fmt;

use crate::golden::GoldenVectors;
use crate::header::{Description, HeadStart, Header, Policy, Tensor};
use crate::layer::Layer;
use crate::pipeline::{FrontEnd, Pipeline, Rejection};
use crate::prefix::{self, Format};

/// The first eight bytes. The high bit, the carriage return and the line feed
/// are there so that a transfer in text mode or over seven bits is noticed.
pub const MAGIC: [u8; 8] = *b"\x89MAML\r\n\x1a";
/// Readers refuse another major version.
pub const MAJOR: u16 = 2;
/// Readers accept any minor version up to this one.
pub const MINOR: u16 = 5;
/// The first minor version whose header section says how a policy is rolled out.
pub(crate) const POLICY: u16 = 4;
/// The first minor version whose header section says where the head starts.
pub(crate) const HEAD: u16 = 5;
/// Bytes before the header.
pub const PREFIX: usize = 32;

pub(crate) const FORMAT: Format = Format {
    magic: MAGIC,
    major: MAJOR,
    minor: MINOR,
};

/// A view of an artifact's bytes whose structure has been checked.
///
/// ```
/// # use mamlet_formats::*;
/// # let mut writer = ArtifactWriter::new("demo", Shape::Vector { features: 1 });
/// # let weight = writer.tensor(&[2.0], true);
/// # writer.push(Layer::Dense { outputs: 1, weight, bias: None });
/// # writer.rates(&[&[0.1]]);
/// # let bytes = writer.to_bytes().unwrap();
/// let artifact = Artifact::parse(&bytes)?;
/// assert_eq!(artifact.description()?.name, "demo");
/// assert_eq!(artifact.layers().count(), 1);
/// # Ok::<(), ArtifactError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Artifact<'a> {
    header: Header,
    layers: Layers<'a>,
    head: HeadStart,
    /// Postcard of the description and padding.
    description: &'a [u8],
    tensors: &'a [u8],
    golden: &'a [u8],
    pipeline: Pipeline<'a>,
    id: ArtifactId,
}

/// What tells one artifact from another: its checksum and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArtifactId {
    /// The CRC-32 the artifact carries.
    pub crc32: u32,
    /// Its length in bytes.
    pub length: u32,
}

/// Why bytes are no artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArtifactError {
    /// There are fewer bytes than the prefix or the lengths in it ask for.
    TooShort {
        /// Bytes the file should have.
        needed: usize,
        /// Bytes there are.
        given: usize,
    },
    /// There are more bytes than the lengths in the prefix ask for.
    TooLong {
        /// Bytes the file should have.
        needed: usize,
        /// Bytes there are.
        given: usize,
    },
    /// The first eight bytes are not [`MAGIC`].
    NotAnArtifact,
    /// The file was written for another version of the format.
    Version {
        /// Major version of the file.
        major: u16,
        /// Minor version of the file.
        minor: u16,
    },
    /// A length in the prefix is no multiple of four or overflows, or the word
    /// that version 2.0 reserved is not zero there.
    Prefix,
    /// The bytes have changed since they were written.
    Checksum {
        /// The checksum in the file.
        stored: u32,
        /// The checksum of the bytes.
        computed: u32,
    },
    /// The header is no valid postcard of this format, or something other than
    /// padding stands between its end and the tensors.
    Header,
    /// A tensor is misaligned or reaches beyond the tensor section.
    Tensor(Tensor),
    /// The golden section has another size than the golden vectors say.
    Golden,
    /// The pipeline section has fewer words than it should, a number that stands
    /// for nothing, or nothing in it.
    Pipeline,
}

/// The layers of an artifact, in order.
#[derive(Clone, Copy, Debug)]
pub struct Layers<'a> {
    left: u32,
    bytes: &'a [u8],
}

impl<'a> Artifact<'a> {
    /// Checks the structure of `bytes`, which must be one artifact from the
    /// first byte to the last.
    ///
    /// # Errors
    /// [`ArtifactError`] names the first thing that is wrong. Never panics.
    #[inline(never)]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ArtifactError> {
        let given = bytes.len();
        let needed = PREFIX;
        let parts = bytes.split_first_chunk::<PREFIX>();
        let (first, body) = parts.ok_or(ArtifactError::TooShort { needed, given })?;
        let prefix = Prefix::parse(first, given)?;
        let computed = prefix::checksum(first, body);
        if computed != prefix.checksum {
            return Err(ArtifactError::Checksum {
                stored: prefix.checksum,
                computed,
            });
        }
        let (header_bytes, rest) = body
            .split_at_checked(prefix.header)
            .ok_or(ArtifactError::Prefix)?;
        let (tensors, rest) = rest
            .split_at_checked(prefix.tensors)
            .ok_or(ArtifactError::Prefix)?;
        let (golden, pipeline) = rest
            .split_at_checked(prefix.golden)
            .ok_or(ArtifactError::Prefix)?;
        let (header, rest) =
            postcard::take_from_bytes::<Header>(header_bytes).map_err(|_| ArtifactError::Header)?;
        let layers = Layers {
            left: header.layers,
            bytes: rest,
        };
        let rest = check_tensors(&header, layers, tensors.len())?;
        let rest = match prefix.minor {
            ..POLICY => rest,
            _ => behind_policy(rest).ok_or(ArtifactError::Header)?,
        };
        let (head, description) = match prefix.minor {
            ..HEAD => (HeadStart::Stored, rest),
            _ => head_start(rest).ok_or(ArtifactError::Header)?,
        };
        Ok(Artifact {
            header,
            layers,
            head,
            description,
            tensors,
            golden,
            pipeline: Pipeline::parse(pipeline).ok_or(ArtifactError::Pipeline)?,
            id: ArtifactId {
                crc32: prefix.checksum,
                length: u32::try_from(given).map_err(|_| ArtifactError::Prefix)?,
            },
        })
    }

    /// The part of the header that a board needs.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The part of the header that is for people.
    ///
    /// # Errors
    /// [`ArtifactError::Header`] where it does not decode.
    pub fn description(&self) -> Result<Description<'a>, ArtifactError> {
        let (description, padding) =
            postcard::take_from_bytes(self.description).map_err(|_| ArtifactError::Header)?;
        let padded = padding.len() < 4 && padding.iter().all(|&byte| byte == 0);
        padded.then_some(description).ok_or(ArtifactError::Header)
    }

    /// The layers, in order.
    pub fn layers(&self) -> Layers<'a> {
        self.layers
    }

    /// Where the weights of the last layer stand before the first step.
    pub fn head(&self) -> HeadStart {
        self.head
    }

    /// How a policy is rolled out and its actions are weighed, where the artifact says it.
    /// Decoded on request, as most firmware has no policy.
    pub fn policy(&self) -> Option<Policy> {
        let mut layers = self.layers;
        layers.by_ref().for_each(drop);
        // It lies between the layers and the description, before the start of the head.
        let length = layers.bytes.len().checked_sub(self.description.len())?;
        postcard::from_bytes(layers.bytes.get(..length)?).ok()?
    }

    /// The tensor section, to be read in place.
    pub fn tensors(&self) -> &'a [u8] {
        self.tensors
    }

    /// What a checkpoint is bound to.
    pub fn id(&self) -> ArtifactId {
        self.id
    }

    /// The golden vectors, where the artifact carries them.
    ///
    /// # Errors
    /// [`ArtifactError::Golden`] where their section has another size than
    /// they say.
    pub fn golden(&self) -> Result<Option<GoldenVectors<'a>>, ArtifactError> {
        if self.golden.is_empty() {
            return Ok(None);
        }
        let vectors = GoldenVectors::parse(self.golden);
        vectors.map(Some).ok_or(ArtifactError::Golden)
    }

    /// How raw samples become an example, where the artifact says it.
    pub fn front_end(&self) -> Option<FrontEnd> {
        self.pipeline.front_end
    }

    /// Which predictions count as none, where the artifact says it.
    pub fn rejection(&self) -> Option<Rejection> {
        self.pipeline.rejection
    }

    /// The names of the channels of a sample, in order; none where they have no
    /// names. Decoded on request, as firmware has no need of them.
    ///
    /// # Errors
    /// [`ArtifactError::Pipeline`] where they are no UTF-8.
    pub fn channel_names(&self) -> Result<impl Iterator<Item = &'a str> + use<'a>, ArtifactError> {
        let names = self.pipeline.names;
        let text = core::str::from_utf8(names).map_err(|_| ArtifactError::Pipeline)?;
        let names = (!text.is_empty()).then(|| text.split('\n'));
        Ok(names.into_iter().flatten())
    }
}

/// The first 32 bytes, once magic, version and lengths are known to be right.
struct Prefix {
    minor: u16,
    header: usize,
    tensors: usize,
    golden: usize,
    checksum: u32,
}

impl Prefix {
    /// Reads the prefix of a file of `given` bytes.
    fn parse(bytes: &[u8; PREFIX], given: usize) -> Result<Self, ArtifactError> {
        let words = FORMAT.words(bytes).ok_or(ArtifactError::NotAnArtifact)?;
        let [version, header, tensors, golden, pipeline, checksum] = words;
        let unknown = |(major, minor)| ArtifactError::Version { major, minor };
        let minor = FORMAT.minor(version).map_err(unknown)?;
        let sections = [header, tensors, golden, pipeline];
        let whole_words = sections.iter().all(|n| n % 4 == 0);
        if !whole_words || (minor == 0 && pipeline != 0) {
            return Err(ArtifactError::Prefix);
        }
        let needed = sections
            .iter()
            .try_fold(PREFIX, |sum, &n| sum.checked_add(n as usize))
            .ok_or(ArtifactError::Prefix)?;
        match given {
            _ if given < needed => Err(ArtifactError::TooShort { needed, given }),
            _ if given > needed => Err(ArtifactError::TooLong { needed, given }),
            _ => Ok(Prefix {
                minor,
                header: header as usize,
                tensors: tensors as usize,
                golden: golden as usize,
                checksum,
            }),
        }
    }
}

/// Checks that every tensor is a run of aligned values inside the section of
/// `length` bytes. Runs once through all layers, so that the iterator over them
/// cannot fail afterwards, and returns what stands behind them.
fn check_tensors<'a>(
    header: &Header,
    layers: Layers<'a>,
    length: usize,
) -> Result<&'a [u8], ArtifactError> {
    let check = |tensor: Tensor| {
        let end = tensor.bytes();
        let end = end.and_then(|bytes| bytes.checked_add(tensor.offset as usize));
        match end {
            Some(end) if end <= length && tensor.offset.is_multiple_of(4) => Ok(()),
            _ => Err(ArtifactError::Tensor(tensor)),
        }
    };
    check(header.recipe.rates)?;
    if let Some(normalisation) = header.normalisation {
        check(normalisation.mean)?;
        check(normalisation.scale)?;
    }
    let mut walk = layers;
    for layer in walk.by_ref() {
        layer.tensors().try_for_each(check)?;
        layer.constants().try_for_each(check)?;
    }
    // A layer that did not decode has ended the walk early.
    match walk.left {
        0 => Ok(walk.bytes),
        _ => Err(ArtifactError::Header),
    }
}

/// What stands behind an optional policy, whose length is checked. Nothing is made of it,
/// so that firmware which asks for no policy has no code to decode one.
fn behind_policy(bytes: &[u8]) -> Option<&[u8]> {
    const NUMBERS: usize = 2 * size_of::<f32>();
    match bytes.split_first()? {
        (0, rest) => Some(rest),
        (1, rest) => behind_u32(behind_u32(rest.get(NUMBERS..)?)?),
        _ => None,
    }
}

/// Where the head starts, and what stands behind it. By hand, for the code of postcard is
/// many times as large.
fn head_start(bytes: &[u8]) -> Option<(HeadStart, &[u8])> {
    match bytes.split_first()? {
        (0, rest) => Some((HeadStart::Stored, rest)),
        (1, rest) => {
            let (number, rest) = rest.split_first_chunk()?;
            let temperature = f32::from_le_bytes(*number);
            let sound = temperature > 0.0 && temperature.is_finite();
            sound.then_some((HeadStart::Prototypes { temperature }, rest))
        }
        _ => None,
    }
}

/// What stands behind the varint of a `u32`, which has five bytes of seven bits at most.
fn behind_u32(bytes: &[u8]) -> Option<&[u8]> {
    let (_, rest) = postcard::take_from_bytes::<u32>(bytes).ok()?;
    Some(rest)
}

impl Iterator for Layers<'_> {
    type Item = Layer;

    fn next(&mut self) -> Option<Layer> {
        let left = self.left.checked_sub(1)?;
        let (layer, rest) = postcard::take_from_bytes(self.bytes).ok()?;
        (self.left, self.bytes) = (left, rest);
        Some(layer)
    }
}

impl fmt::Display for ArtifactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { needed, given } => {
                write!(f, "truncated: {given} of {needed} bytes")
            }
            Self::TooLong { needed, given } => {
                write!(f, "{given} bytes where the artifact ends after {needed}")
            }
            Self::NotAnArtifact => write!(f, "not a mamlet artifact: the magic is missing"),
            Self::Version { major, minor } => write!(
                f,
                "written in format {major}.{minor}, this reader knows {MAJOR}.0 to {MAJOR}.{MINOR}: \
                 export the run again, or update the reader"
            ),
            Self::Prefix => write!(f, "the lengths in the first 32 bytes are not possible"),
            Self::Checksum { stored, computed } => write!(
                f,
                "corrupt: the checksum is {computed:08x}, the file says {stored:08x}"
            ),
            Self::Header => write!(f, "the header does not decode"),
            Self::Tensor(Tensor { offset, length, .. }) => write!(
                f,
                "a tensor of {length} values at byte {offset} lies outside the tensor section"
            ),
            Self::Golden => write!(f, "the golden vectors do not fill their section"),
            Self::Pipeline => write!(f, "the section of front end and rejection does not decode"),
        }
    }
}

impl core::error::Error for ArtifactError {}
