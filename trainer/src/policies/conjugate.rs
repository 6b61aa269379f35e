//! The method of conjugate gradients (Hestenes & Stiefel 1952) for `A x = b` with a
//! symmetric positive `A` that is known by its products alone.

/// Where the squared residual counts as 0.
const TOLERANCE: f64 = 1e-10;

/// `x` after at most `iterations` products, from 0.
pub(super) fn solve(
    b: &[f64],
    iterations: usize,
    mut product: impl FnMut(&[f64]) -> Vec<f64>,
) -> Vec<f64> {
    let mut x = vec![0.0; b.len()];
    let mut residual = b.to_vec();
    let mut direction = b.to_vec();
    let mut squared = dot(&residual, &residual);
    for _ in 0..iterations {
        let moved = product(&direction);
        let along = dot(&direction, &moved);
        if squared < TOLERANCE || along.is_nan() || along <= 0.0 {
            break;
        }
        let length = squared / along;
        add(&mut x, length, &direction);
        add(&mut residual, -length, &moved);
        let next = dot(&residual, &residual);
        let kept = next / squared;
        for (direction, residual) in direction.iter_mut().zip(&residual) {
            *direction = residual + kept * *direction;
        }
        squared = next;
    }
    x
}

/// `⟨a, b⟩`.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, x: &[f64]) {
    for (to, x) in to.iter_mut().zip(x) {
        *to += factor * x;
    }
}
