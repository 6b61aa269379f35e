/// The most numbers an example of a [`Case`] has.
pub const WIDEST: usize = 64;

/// Example number `index` of a case: as many of these numbers as it has inputs or
/// targets.
pub fn example(index: usize) -> [f32; WIDEST] {
    core::array::from_fn(|i| ((index * 7 + i * 5) % 11) as f32 * 0.2 - 1.0)
}
