//! A tensor of a layer: where it lies in flash, and in the adapted weights.

/// A tensor that can adapt, or a constant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    /// Numbers from the start of the tensor section.
    pub(super) flash: u32,
    /// Numbers from the start of the adapted weights, where it adapts.
    pub(super) adapted: u32,
    pub(super) length: u32,
    /// Its column in the table of rates; [`NONE`] where it does not adapt.
    pub(super) column: u16,
    /// Stored as f16.
    pub(super) half: bool,
}

/// No column.
pub(super) const NONE: u16 = u16::MAX;

impl Param {
    /// Whether it adapts.
    pub fn adapts(&self) -> bool {
        self.column != NONE
    }

    /// Bytes of its values as f32.
    pub fn bytes(&self) -> usize {
        (self.length as usize).saturating_mul(size_of::<f32>())
    }

    /// Its column in the table of rates; `None` where it does not adapt.
    pub fn column(&self) -> Option<usize> {
        self.adapts().then_some(usize::from(self.column))
    }

    /// The values to compute with: the adapted ones where there are any, else
    /// those in the tensor section. A tensor stored as f16 is never read there.
    pub fn read<'w>(&self, words: &'w [f32], adapted: &'w [f32]) -> &'w [f32] {
        let (values, at) = match self.adapts() && !adapted.is_empty() {
            true => (adapted, self.adapted),
            false => (words, self.flash),
        };
        // All ranges were checked when the model was made; an empty slice
        // stands for the impossible rest.
        let rest = values.get(at as usize..);
        rest.and_then(|rest| rest.get(..self.length as usize))
            .unwrap_or(&[])
    }

    /// The adapted values, to be written; `None` where it does not adapt.
    pub fn write<'w>(&self, adapted: &'w mut [f32]) -> Option<&'w mut [f32]> {
        self.column()?;
        let rest = adapted.get_mut(self.adapted as usize..)?;
        rest.get_mut(..self.length as usize)
    }

    /// Writes the initial values to their place in the adapted weights.
    pub fn initialise(&self, words: &[f32], adapted: &mut [f32]) {
        let Some(values) = self.write(adapted) else {
            return;
        };
        if !self.half {
            crate::kernels::copy(values, self.read(words, &[]));
            return;
        }
        let words = words.get(self.flash as usize..).unwrap_or(&[]);
        let halves: &[u16] = bytemuck::cast_slice(words);
        for (value, half) in values.iter_mut().zip(halves) {
            *value = widened(*half);
        }
    }
}

/// The value of an f16.
pub(super) fn widened(half: u16) -> f32 {
    half::f16::from_bits(half).to_f32()
}
