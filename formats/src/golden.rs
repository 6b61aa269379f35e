//! Golden vectors: what any executor of an artifact must reproduce.
//!
//! They stand at the end of the artifact: six little-endian words with the
//! sizes of [`GoldenSizes`], and then 32-bit words in the order of the fields of
//! [`GoldenVectors`]. A board that does not compare them never reads them.

use crate::fields::u32_at;

/// The sizes of the golden vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoldenSizes {
    /// How many support examples.
    pub examples: u32,
    /// Numbers per input, at least one.
    pub inputs: u32,
    /// Numbers per target: as many as outputs, or one where it is a class.
    pub targets: u32,
    /// Numbers per output.
    pub outputs: u32,
    /// How many inner steps were taken.
    pub steps: u32,
    /// How many numbers adapt, which is the length of the gradient.
    pub gradients: u32,
}

/// What any executor of the artifact must reproduce. Each field is a run of
/// little-endian 32-bit words; the numbers are f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoldenVectors<'a> {
    /// The sizes of all fields.
    pub sizes: GoldenSizes,
    /// Support inputs before normalisation, `[examples, inputs]`.
    pub inputs: &'a [u8],
    /// `[examples, targets]`; a class is a whole number.
    pub targets: &'a [u8],
    /// Outputs of the initialisation, `[examples, outputs]`.
    pub outputs_before: &'a [u8],
    /// The support loss before each step and after the last, `[steps + 1]`.
    pub losses: &'a [u8],
    /// Outputs after the last step, `[examples, outputs]`.
    pub outputs_after: &'a [u8],
    /// The gradient of the first step, adapting tensors one behind the other.
    pub gradients: &'a [u8],
    /// CRC-32 of the adapted weights as they stand in a checkpoint.
    pub adapted_crc32: u32,
}

impl GoldenSizes {
    /// Bytes of the words that hold the sizes.
    pub(crate) const BYTES: usize = 24;

    /// The sizes in the order in which they stand.
    #[cfg(feature = "alloc")]
    pub(crate) fn words(&self) -> [u32; 6] {
        let GoldenSizes {
            examples,
            inputs,
            targets,
            outputs,
            steps,
            gradients,
        } = *self;
        [examples, inputs, targets, outputs, steps, gradients]
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let word = |index: usize| u32_at(bytes, 4 * index);
        Some(GoldenSizes {
            examples: word(0)?,
            inputs: word(1)?,
            targets: word(2)?,
            outputs: word(3)?,
            steps: word(4)?,
            gradients: word(5)?,
        })
    }
}

impl<'a> GoldenVectors<'a> {
    /// Divides the golden section, which must have exactly the bytes that its
    /// sizes say.
    pub(crate) fn parse(section: &'a [u8]) -> Option<Self> {
        let sizes = GoldenSizes::parse(section)?;
        // Else a few bytes could claim four billion examples.
        if sizes.inputs == 0 {
            return None;
        }
        let examples = sizes.examples as usize;
        let mut rest = section.get(GoldenSizes::BYTES..)?;
        let mut take = |words: usize| {
            let (part, tail) = rest.split_at_checked(words.checked_mul(4)?)?;
            rest = tail;
            Some(part)
        };
        let of_examples = |numbers: u32| examples.checked_mul(numbers as usize);
        let vectors = GoldenVectors {
            sizes,
            inputs: take(of_examples(sizes.inputs)?)?,
            targets: take(of_examples(sizes.targets)?)?,
            outputs_before: take(of_examples(sizes.outputs)?)?,
            losses: take((sizes.steps as usize).checked_add(1)?)?,
            outputs_after: take(of_examples(sizes.outputs)?)?,
            gradients: take(sizes.gradients as usize)?,
            adapted_crc32: u32_at(take(1)?, 0)?,
        };
        rest.is_empty().then_some(vectors)
    }
}
