//! The latest samples of a sensor.

/// The latest samples, as many as an example of the model has.
pub struct Window<'m> {
    /// Where they lie, round and round.
    ring: &'m mut [f32],
    /// The same, the oldest first.
    ordered: &'m mut [f32],
    /// Where the next number goes.
    at: usize,
    /// How many numbers there are, up to all.
    filled: usize,
}

impl<'m> Window<'m> {
    /// A window of half of the memory's length.
    pub fn new(memory: &'m mut [f32]) -> Option<Self> {
        let (ring, ordered) = memory.split_at_mut_checked(memory.len() / 2)?;
        Some(Window {
            ring,
            ordered,
            at: 0,
            filled: 0,
        })
    }

    /// Takes a sample in place of the oldest.
    pub fn push(&mut self, sample: &[f32]) {
        for number in sample {
            if let Some(place) = self.ring.get_mut(self.at) {
                *place = *number;
            }
            self.at += 1;
            if self.at >= self.ring.len() {
                self.at = 0;
            }
            self.filled = self.ring.len().min(self.filled + 1);
        }
    }

    /// All samples, the oldest first; `None` until there are enough.
    pub fn samples(&mut self) -> Option<&[f32]> {
        if self.filled < self.ring.len() {
            return None;
        }
        let (new, old) = self.ring.split_at_checked(self.at)?;
        for (place, number) in self.ordered.iter_mut().zip(old.iter().chain(new)) {
            *place = *number;
        }
        Some(self.ordered)
    }
}
