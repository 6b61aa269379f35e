//! A generator that is not the library's.

pub struct Lcg(pub u64);

impl Lcg {
    /// Uniform in `[−1, 1)`.
    pub fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0
    }

    /// Uniform in `±scale`, rounded to f32 so that both implementations start
    /// from equal numbers.
    pub fn vector(&mut self, length: usize, scale: f64) -> Vec<f64> {
        (0..length)
            .map(|_| f64::from((self.next() * scale) as f32))
            .collect()
    }
}
