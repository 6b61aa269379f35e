//! Sums of products of 8-bit integers, three positions by two outputs at a
//! time.
//!
//! Weights lie as `[pairs of outputs, groups, 2, 4]`, patches as they are: a
//! group is four products, and the last one is filled up with zeros. On a core
//! with the DSP instructions the patches are first widened to 16 bits, in the
//! order in which `sxtb16` takes bytes out of a word, and `smlad` adds two
//! products at a time. The portable twin does the same sums one by one: integers
//! have no rounding, so both give the same.

/// Positions that are computed together.
pub(crate) const LANES: usize = 3;
/// Products of a group.
pub(crate) const GROUP: usize = 4;

/// Words of memory for [`LANES`] patches of `length` numbers.
pub(crate) fn scratch(length: usize) -> usize {
    // Two words of 16-bit numbers a lane, and one word for the patch itself.
    length.div_ceil(GROUP) * (2 * LANES + 1)
}

/// A few patches, ready to be multiplied.
pub(crate) struct Patches<'s> {
    groups: usize,
    /// The patch in the making.
    patch: &'s mut [i8],
    /// `[groups, 2, LANES]` pairs of 16-bit numbers: even places, then odd.
    wide: &'s mut [u32],
}

impl<'s> Patches<'s> {
    /// Takes [`scratch`]`(length)` words.
    pub fn new(length: usize, scratch: &'s mut [f32]) -> Option<Self> {
        let groups = length.div_ceil(GROUP);
        let (patch, wide) = scratch.split_at_mut_checked(groups)?;
        let wide = wide.get_mut(..groups * 2 * LANES)?;
        patch.fill(0.0);
        Some(Patches {
            groups,
            patch: bytemuck::cast_slice_mut(patch),
            wide: bytemuck::cast_slice_mut(wide),
        })
    }

    /// Lets `fill` write the patch of a lane.
    pub fn set(&mut self, lane: usize, fill: impl FnOnce(&mut [i8])) {
        fill(self.patch);
        let lanes = self.wide.as_chunks_mut::<{ 2 * LANES }>().0;
        for (to, group) in lanes.iter_mut().zip(self.patch.as_chunks::<GROUP>().0) {
            let pair =
                |low: i8, high: i8| u32::from(low as i16 as u16) | (high as i16 as u32) << 16;
            let [a, b, c, d] = *group;
            let (even, odd) = to.split_at_mut(LANES);
            if let (Some(even), Some(odd)) = (even.get_mut(lane), odd.get_mut(lane)) {
                (*even, *odd) = (pair(a, c), pair(b, d));
            }
        }
    }

    /// The sums of a pair of outputs, for every lane: `[LANES, 2]`. `weights`
    /// are those of the pair.
    pub fn sums(&self, weights: &[i8]) -> [[i32; 2]; LANES] {
        let mut sums = [[0; 2]; LANES];
        if weights.len() < self.groups * 2 * GROUP {
            return sums;
        }
        #[cfg(mamlet_dsp)]
        // SAFETY: weights and patches both have `groups` groups, which is more
        // than none, and weights are words (they begin a tensor or a pair).
        unsafe {
            if self.groups > 0 && weights.as_ptr().addr() % 4 == 0 {
                dsp::sums(
                    self.wide.as_ptr(),
                    weights.as_ptr(),
                    self.groups,
                    &raw mut sums,
                );
                return sums;
            }
        }
        portable(self.wide, weights, &mut sums);
        sums
    }
}

/// The same sums on any core.
fn portable(wide: &[u32], weights: &[i8], sums: &mut [[i32; 2]; LANES]) {
    let (weights, _) = weights.as_chunks::<{ 2 * GROUP }>();
    let (wide, _) = wide.as_chunks::<{ 2 * LANES }>();
    for (patches, weights) in wide.iter().zip(weights) {
        let (even, odd) = patches.split_at(LANES);
        let (first, second) = weights.split_at(GROUP);
        for (sums, (even, odd)) in sums.iter_mut().zip(even.iter().zip(odd)) {
            let numbers = [even & 0xFFFF, odd & 0xFFFF, even >> 16, odd >> 16];
            for (sum, weights) in sums.iter_mut().zip([first, second]) {
                for (number, weight) in numbers.iter().zip(weights) {
                    let product = i32::from(*number as u16 as i16) * i32::from(*weight);
                    *sum = sum.wrapping_add(product);
                }
            }
        }
    }
}

#[cfg(mamlet_dsp)]
mod dsp {
    use super::LANES;

    /// Three lanes by two outputs, a group after the other. All fourteen
    /// registers are in use, so it is a function of its own.
    ///
    /// # Safety
    /// `wide` has `groups · 2 · LANES` words and `weights` `groups · 2` words,
    /// `groups` is at least one, and both are aligned.
    #[unsafe(naked)]
    pub unsafe extern "C" fn sums(
        wide: *const u32,
        weights: *const i8,
        groups: usize,
        sums: *mut [[i32; 2]; LANES],
    ) {
        core::arch::naked_asm!(
            "push {{r3, r4-r11, lr}}",
            // The end of the weights, where the loop looks for it.
            "add r2, r1, r2, lsl #3",
            "push {{r2, r3}}",
            "movs r2, #0",
            "movs r3, #0",
            "movs r4, #0",
            "movs r5, #0",
            "movs r6, #0",
            "movs r7, #0",
            "2:",
            // Weights of both outputs, then the even places of all lanes.
            "ldr r8, [r1]",
            "ldr r9, [r1, #4]",
            "ldr r10, [r0]",
            "ldr r11, [r0, #4]",
            "ldr r12, [r0, #8]",
            "sxtb16 lr, r8",
            "smlad r2, r10, lr, r2",
            "smlad r4, r11, lr, r4",
            "smlad r6, r12, lr, r6",
            "sxtb16 lr, r9",
            "smlad r3, r10, lr, r3",
            "smlad r5, r11, lr, r5",
            "smlad r7, r12, lr, r7",
            // The odd places.
            "ldr r10, [r0, #12]",
            "ldr r11, [r0, #16]",
            "ldr r12, [r0, #20]",
            "adds r0, r0, #24",
            "adds r1, r1, #8",
            "sxtb16 lr, r8, ror #8",
            "smlad r2, r10, lr, r2",
            "smlad r4, r11, lr, r4",
            "smlad r6, r12, lr, r6",
            "sxtb16 lr, r9, ror #8",
            "smlad r3, r10, lr, r3",
            "smlad r5, r11, lr, r5",
            "ldr r8, [sp]",
            "smlad r7, r12, lr, r7",
            "cmp r1, r8",
            "bne 2b",
            "ldr r8, [sp, #4]",
            "stm r8, {{r2-r7}}",
            "add sp, sp, #8",
            "pop {{r3, r4-r11, pc}}",
        )
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn sums_are_those_of_plain_loops() {
        for length in [1usize, 3, 4, 5, 9, 64, 147] {
            let number = |i: usize| (i.wrapping_mul(2_654_435_761) >> 13) as i8;
            let groups = length.div_ceil(GROUP);
            let patches: Vec<Vec<i8>> = (0..LANES)
                .map(|lane| (0..length).map(|i| number(i * 7 + lane)).collect())
                .collect();
            let rows: Vec<Vec<i8>> = (0..2)
                .map(|row| (0..length).map(|i| number(i * 11 + row + 99)).collect())
                .collect();
            let mut packed = vec![0i8; groups * 2 * GROUP];
            for (row, weights) in rows.iter().enumerate() {
                for (i, weight) in weights.iter().enumerate() {
                    packed[i / GROUP * 2 * GROUP + row * GROUP + i % GROUP] = *weight;
                }
            }
            let mut memory = vec![f32::NAN; scratch(length)];
            let mut ready = Patches::new(length, &mut memory).expect("enough memory");
            for (lane, patch) in patches.iter().enumerate() {
                ready.set(lane, |to| to[..length].copy_from_slice(patch));
            }
            let sums = ready.sums(&packed);
            for (patch, sums) in patches.iter().zip(sums) {
                for (row, sum) in rows.iter().zip(sums) {
                    let products = patch.iter().zip(row);
                    let expected: i32 = products.map(|(x, w)| i32::from(*x) * i32::from(*w)).sum();
                    assert_eq!(sum, expected, "{length}");
                }
            }
        }
    }
}
