/// The most layers a network has.
pub const LAYERS: usize = 7;

/// The most numbers an example of a [`Case`] has.
pub const WIDEST: usize = 128;

/// Example number `index` of a case: as many of these numbers as it has inputs or
/// targets.
pub fn example(index: usize) -> [f32; WIDEST] {
    core::array::from_fn(|i| ((index * 7 + i * 5) % 11) as f32 * 0.2 - 1.0)
}

/// Examples that a network of vectors is measured with; others with one.
pub const EXAMPLES: usize = 10;

/// A network that is measured adapts once with one step and once with so many
/// more, so that what comes before the steps and after them drops out.
pub const STEPS: usize = 3;

/// The most numbers an example of a network that is measured has.
pub const LARGEST: usize = 16 * 16 * 32;

/// Number `i` of the first example that a network is measured with. Of the next
/// one it is the first example's number `i + 1`, and so on; targets are one.
pub fn measured(i: usize) -> f32 {
    (i % 7) as f32 - 3.0
}
