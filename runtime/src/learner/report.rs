//! What an adaptation is asked for and what it says when it is done.

use heapless::Vec;

use crate::model::MAX_STEPS;

/// What to do differently from the artifact's recipe; by default nothing.
///
/// ```
/// use mamlet_runtime::Adaptation;
/// let five_small_steps = Adaptation { steps: Some(5), rate: Some(1e-3) };
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Adaptation {
    /// How many steps to take: up to the recipe's `max_steps`, or up to
    /// [`MAX_STEPS`] with a rate of one's own. A learner that computes its
    /// examples [one by one](crate::Setup::one_by_one) has memory for one step
    /// alone where the recipe has no more.
    pub steps: Option<usize>,
    /// One learning rate for all tensors and steps, instead of the recipe's.
    pub rate: Option<f32>,
}

/// What an adaptation did.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "an adaptation may have been rolled back"]
pub struct Report {
    /// Whether the steps were kept.
    pub outcome: Outcome,
    /// The support loss before each step and after the last.
    pub losses: Losses,
}

/// A loss before each step and one after the last.
pub type Losses = Vec<f32, { MAX_STEPS + 1 }>;

/// Whether the steps of an adaptation were kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All steps were taken, and the support loss is no worse than before.
    Adapted,
    /// The first `steps` steps were kept, after which the loss was lowest: none, where
    /// the head starts at prototypes and these were the best.
    Shortened {
        /// How many steps were kept.
        steps: usize,
        /// Why not all.
        cause: Cause,
    },
    /// No step was kept: the weights are those that [`Rollback`](crate::Rollback) names.
    RolledBack {
        /// Why.
        cause: Cause,
    },
}

/// Why an adaptation was not kept whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A loss or a weight overflowed or was not a number.
    NotFinite {
        /// After how many steps.
        step: usize,
    },
    /// The last support loss was above the first.
    Worse {
        /// After how many steps.
        step: usize,
    },
}

impl Report {
    /// The support loss of the initialisation.
    pub fn loss_before(&self) -> f32 {
        self.losses.first().copied().unwrap_or(f32::NAN)
    }

    /// The support loss of the weights in use; of the initialisation where
    /// the adaptation was rolled back.
    pub fn loss_after(&self) -> f32 {
        self.losses.get(self.steps()).copied().unwrap_or(f32::NAN)
    }

    /// Whether what was learnt is in use: some steps were kept or, of a head that starts
    /// at prototypes, at least these.
    pub fn is_kept(&self) -> bool {
        !matches!(self.outcome, Outcome::RolledBack { .. })
    }

    /// How many steps were kept.
    pub fn steps(&self) -> usize {
        match self.outcome {
            Outcome::Adapted => self.losses.len().saturating_sub(1),
            Outcome::Shortened { steps, .. } => steps,
            Outcome::RolledBack { .. } => 0,
        }
    }
}

/// How many steps an engine keeps of an adaptation of `steps` steps, whose support losses
/// after no, one and more steps are `losses`, up to the first that is not finite.
pub fn kept_steps(losses: &[f32], steps: usize) -> usize {
    let after = losses.iter().position(|loss| !loss.is_finite());
    let losses = &losses[..after.map_or(losses.len(), |at| at + 1)];
    verdict(losses, steps, true).0
}

/// How many steps to keep of an adaptation with these losses, and why not all.
pub(super) fn verdict(losses: &[f32], steps: usize, finite: bool) -> (usize, Option<Cause>) {
    let step = losses.len().saturating_sub(1);
    let (Some(before), Some((last, earlier))) = (losses.first(), losses.split_last()) else {
        return (0, Some(Cause::NotFinite { step }));
    };
    let cause = match finite && last.is_finite() {
        false => Cause::NotFinite { step },
        true if step == steps && last <= before => return (steps, None),
        true => Cause::Worse { step },
    };
    // The first of the lowest losses; only the last of all can be infinite.
    let mut best = (0, *before);
    for (step, &loss) in earlier.iter().enumerate() {
        if loss < best.1 {
            best = (step, loss);
        }
    }
    (best.0, Some(cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_a_loss_that_is_not_finite_is_never_kept() {
        assert_eq!(kept_steps(&[3.0, 2.0, 1.0], 2), 2);
        assert_eq!(kept_steps(&[3.0, 2.0, f32::NAN, 1.0], 3), 1);
        assert_eq!(kept_steps(&[3.0, 1.0, 2.0, 4.0], 3), 1);
        assert_eq!(kept_steps(&[f32::NAN, 1.0], 1), 0);
    }

    #[test]
    fn a_verdict_keeps_the_best_step() {
        let inf = f32::INFINITY;
        type Case<'a> = (&'a [f32], usize, bool, (usize, Option<Cause>));
        let worse = |step| Some(Cause::Worse { step });
        let cases: [Case<'_>; 7] = [
            (&[3.0, 2.0, 1.0], 2, true, (2, None)),
            (&[3.0, 1.0, 2.0], 2, true, (2, None)),
            (&[3.0, 1.0, 4.0], 2, true, (1, worse(2))),
            (&[3.0, 1.0, 1.0, 4.0], 3, true, (1, worse(3))),
            (
                &[3.0, 2.0, inf],
                5,
                true,
                (1, Some(Cause::NotFinite { step: 2 })),
            ),
            (&[3.0, 4.0], 1, true, (0, worse(1))),
            (
                &[3.0, 2.0, 1.0],
                2,
                false,
                (1, Some(Cause::NotFinite { step: 2 })),
            ),
        ];
        for (losses, steps, finite, expected) in cases {
            assert_eq!(verdict(losses, steps, finite), expected, "{losses:?}");
        }
    }
}
