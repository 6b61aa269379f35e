//! Memory that notices who writes beside it, and files that lie as in flash.

/// What stands on both sides of the memory.
const GUARD: f32 = f32::from_bits(0xA5A5_5A5A);
/// How many words of it.
const GUARDS: usize = 16;

/// Exactly as many numbers as were asked for, between words that nobody may
/// change.
pub struct Guarded(Vec<f32>);

impl Guarded {
    /// Memory of so many numbers, which hold what RAM may hold.
    pub fn new(numbers: usize) -> Self {
        let mut words = vec![GUARD; numbers + 2 * GUARDS];
        words[GUARDS..GUARDS + numbers].fill(f32::NAN);
        Guarded(words)
    }

    /// The memory.
    pub fn inside(&mut self) -> &mut [f32] {
        let end = self.0.len() - GUARDS;
        &mut self.0[GUARDS..end]
    }

    /// Fails where a guard has changed.
    pub fn check(&self) {
        let (front, rest) = self.0.split_at(GUARDS);
        let back = &rest[rest.len() - GUARDS..];
        let whole = |guard: &f32| guard.to_bits() == GUARD.to_bits();
        assert!(front.iter().chain(back).all(whole), "wrote beside memory");
    }
}

/// A file at an address that is a multiple of four.
pub struct Aligned {
    words: Vec<u32>,
    length: usize,
}

impl Aligned {
    /// A copy of the file.
    pub fn new(file: &[u8]) -> Self {
        let mut words = vec![0u32; file.len().div_ceil(4)];
        bytemuck::cast_slice_mut(&mut words)[..file.len()].copy_from_slice(file);
        Aligned {
            words,
            length: file.len(),
        }
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.length]
    }
}
