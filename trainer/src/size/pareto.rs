//! Which points no other point beats.

/// For every row of costs, whether it is on the Pareto front: no other row is at
/// most as high in every column and lower in one. Equal rows are on it together; a
/// row with a NaN never is, and beats none.
///
/// ```
/// use mamlet_trainer::size::front;
/// let rows = [[1.0, 4.0], [2.0, 2.0], [3.0, 3.0], [4.0, 1.0]];
/// assert_eq!(front(&rows), [true, true, false, true]);
/// ```
pub fn front<const N: usize>(rows: &[[f64; N]]) -> Vec<bool> {
    let beats = |a: &[f64; N], b: &[f64; N]| {
        let pairs = || a.iter().zip(b);
        pairs().all(|(a, b)| a <= b) && pairs().any(|(a, b)| a < b)
    };
    rows.iter()
        .map(|row| {
            !row.iter().any(|cost| cost.is_nan()) && !rows.iter().any(|other| beats(other, row))
        })
        .collect()
}
