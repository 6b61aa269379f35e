//! A tensor of a layer: where it lies in flash, and in the adapted weights.

use crate::fault::{Checked, Internal, ensure};
use crate::kernels::copy;

/// A tensor that can adapt, or a constant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    /// Numbers from the start of the tensor section.
    pub flash: u32,
    /// Numbers from the start of the adapted weights, where it adapts.
    pub adapted: u32,
    pub length: u32,
    /// Its column in the table of rates; [`NONE`] where it does not adapt.
    pub column: u16,
    /// Stored as f16 instead of f32.
    pub f16: bool,
}

/// No column.
pub(crate) const NONE: u16 = u16::MAX;

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
    ///
    /// Nothing where the tensor does not lie inside, which the model has checked:
    /// the kernels report an operand of another length.
    pub fn read<'w>(&self, words: &'w [f32], adapted: &'w [f32]) -> &'w [f32] {
        let (values, at) = match self.adapts() && !adapted.is_empty() {
            true => (adapted, self.adapted),
            false => (words, self.flash),
        };
        let rest = values.get(at as usize..);
        rest.and_then(|rest| rest.get(..self.length as usize))
            .unwrap_or(&[])
    }

    /// The adapted values, to be written. It must adapt.
    pub fn write<'w>(&self, adapted: &'w mut [f32]) -> Checked<&'w mut [f32]> {
        let rest = adapted.get_mut(self.adapted as usize..).ok_or(Internal)?;
        rest.get_mut(..self.length as usize).ok_or(Internal)
    }

    /// Writes the initial values to their place in the adapted weights, where it
    /// adapts.
    pub fn initialise(&self, words: &[f32], adapted: &mut [f32]) -> Checked {
        if !self.adapts() {
            return Ok(());
        }
        let values = self.write(adapted)?;
        if !self.f16 {
            return copy(values, self.read(words, &[]));
        }
        let stored = self.read_f16(words)?;
        ensure(stored.len() == values.len())?;
        for (value, stored) in values.iter_mut().zip(stored) {
            *value = widened(*stored);
        }
        Ok(())
    }

    /// Whether all initial values are finite.
    pub fn is_finite(&self, words: &[f32]) -> Checked<bool> {
        Ok(match self.f16 {
            false => {
                let values = self.read(words, &[]);
                ensure(values.len() == self.length as usize)?;
                values.iter().all(|x| x.is_finite())
            }
            true => {
                let mut stored = self.read_f16(words)?.iter();
                stored.all(|stored| widened(*stored).is_finite())
            }
        })
    }

    /// The values in the tensor section, two in each word.
    fn read_f16<'w>(&self, words: &'w [f32]) -> Checked<&'w [u16]> {
        let rest = words.get(self.flash as usize..).ok_or(Internal)?;
        let stored: &[u16] = bytemuck::cast_slice(rest);
        stored.get(..self.length as usize).ok_or(Internal)
    }
}

/// The value of an f16.
fn widened(stored: u16) -> f32 {
    half::f16::from_bits(stored).to_f32()
}
