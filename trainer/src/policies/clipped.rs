//! Several steps of Adam on the same rollouts (ProMP, Rothfuss et al. 2019): the clipped
//! surrogate after adaptation, and a weight on the divergence of the policies before it,
//! which keeps the rollouts that adaptation learns from near those that were seen.

use crate::config::Clipped;

/// How much larger or smaller than wanted a divergence may be before its weight changes.
const SLACK: f64 = 1.5;

/// Bounds on the weight.
const BOUNDS: [f64; 2] = [1e-8, 1e3];

/// The weight of the divergence after an iteration in which it was `divergence` (Schulman et
/// al. 2017, section 4).
pub(super) fn weight_after(clipped: &Clipped, weight: f64, divergence: f64) -> f64 {
    let Some(target) = clipped.divergence_target else {
        return weight;
    };
    let changed = if divergence > SLACK * target {
        2.0 * weight
    } else if divergence < target / SLACK {
        weight / 2.0
    } else {
        weight
    };
    changed.clamp(BOUNDS[0], BOUNDS[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_follows_the_divergence_where_there_is_a_target() {
        let fixed = Clipped::default();
        assert_eq!(weight_after(&fixed, 0.5, 100.0), 0.5);
        let led = Clipped {
            divergence_target: Some(0.1),
            ..fixed
        };
        assert_eq!(weight_after(&led, 0.5, 0.2), 1.0);
        assert_eq!(weight_after(&led, 0.5, 0.1), 0.5);
        assert_eq!(weight_after(&led, 0.5, 0.05), 0.25);
    }
}
