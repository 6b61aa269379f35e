//! Images as a camera gives them, `[height, width, channels]`.

use crate::kernels::rows_mut;

/// Exchanges left and right of an image, in place.
///
/// For artifacts whose support sets hold mirror images too
/// (`tasks.mirrored_support` of the trainer), which then count as examples of
/// their own:
///
/// ```
/// # use mamlet_runtime::{ExampleError, Learner};
/// # fn teach(learner: &mut Learner<'_>, image: &mut [f32]) -> Result<(), ExampleError> {
/// # let class = 0;
/// learner.add_class(image, class)?;
/// mamlet_runtime::mirror(image, 84, 3);
/// learner.add_class(image, class)?;
/// # Ok(())
/// # }
/// ```
///
/// Numbers behind the last whole row stay where they are, and all do where
/// `width` or `channels` is 0.
pub fn mirror(image: &mut [f32], width: usize, channels: usize) {
    for row in rows_mut(image, width.saturating_mul(channels)) {
        // All numbers exchanged would leave the channels of a pixel in reverse.
        row.reverse();
        rows_mut(row, channels).for_each(<[f32]>::reverse);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::mirror;

    #[test]
    fn pixels_change_sides_and_keep_their_channels() {
        let mut image: Vec<f32> = (0..12).map(|at| at as f32).collect();
        mirror(&mut image, 3, 2);
        let expected = [4.0, 5.0, 2.0, 3.0, 0.0, 1.0, 10.0, 11.0, 8.0, 9.0, 6.0, 7.0];
        assert_eq!(image, expected);
        mirror(&mut image, 3, 2);
        assert!(image.iter().enumerate().all(|(at, &x)| x == at as f32));
    }

    #[test]
    fn what_is_no_whole_row_stays() {
        let mut image = [1.0, 2.0, 3.0, 4.0, 5.0];
        mirror(&mut image, 2, 1);
        assert_eq!(image, [2.0, 1.0, 4.0, 3.0, 5.0]);
        for (width, channels) in [(0, 1), (2, 0), (usize::MAX, 3), (6, 1)] {
            mirror(&mut image, width, channels);
            assert_eq!(image, [2.0, 1.0, 4.0, 3.0, 5.0]);
        }
    }
}
