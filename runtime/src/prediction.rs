//! From the logits of a classifier to a class, or to none.

use mamlet_formats::{Rejection, Score};

use crate::math::{self, largest};

/// The class that a classifier predicts for an example, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The class with the largest logit, the first of several; an output that is
    /// never taught ([`Score::NoClass`]) is no class.
    pub class: usize,
    /// How sure it is: by the artifact's [`Rejection`] or, where there is none,
    /// the largest probability.
    pub score: f32,
    /// Whether the score reaches the artifact's threshold. Always true where the
    /// artifact has none.
    pub known: bool,
}

impl Prediction {
    /// What logits say. The class is 0 where there are none.
    ///
    /// ```
    /// use mamlet_formats::{Rejection, Score};
    /// use mamlet_runtime::Prediction;
    ///
    /// let rejection = Rejection { score: Score::Margin, threshold: 1.0 };
    /// let sure = Prediction::of(&[0.5, 3.0, 1.5], Some(rejection));
    /// assert_eq!((sure.class, sure.score, sure.known), (1, 1.5, true));
    /// assert!(!Prediction::of(&[0.5, 3.0, 2.5], Some(rejection)).known);
    /// ```
    pub fn of(logits: &[f32], rejection: Option<Rejection>) -> Self {
        let kind = rejection.map_or(Score::Probability, |rejection| rejection.score);
        let score = score(kind, logits);
        let classes = rejection.map_or(logits.len(), |rejection| rejection.classes(logits.len()));
        Prediction {
            class: best(logits.get(..classes).unwrap_or_default()),
            score,
            known: rejection.is_none_or(|rejection| score >= rejection.threshold),
        }
    }
}

/// How sure a prediction is: the higher, the surer. The threshold of an artifact is
/// found with this function, and a board compares its result with the threshold.
/// NaN where there are no logits, or one of them is NaN.
///
/// | score | of the logits `y` |
/// |---|---|
/// | [`Score::Probability`] | `max softmax(y) = 1 / Σ exp(y − max y)` |
/// | [`Score::Margin`] | `max y`, less the largest of the others |
/// | [`Score::Energy`] | `ln Σ exp y = max y + ln Σ exp(y − max y)` |
/// | [`Score::NoClass`] | `max y` of all but the last, less the last |
pub fn score(score: Score, logits: &[f32]) -> f32 {
    let most = largest(logits);
    if logits.is_empty() || logits.iter().any(|y| y.is_nan()) {
        return f32::NAN;
    }
    let total = || logits.iter().fold(0.0, |sum, y| sum + math::exp(y - most));
    match score {
        Score::Margin => {
            let class = best(logits);
            let others = logits.iter().enumerate().filter(|(at, _)| *at != class);
            let second = others.fold(f32::NEG_INFINITY, |a, (_, &b)| if b > a { b } else { a });
            most - second
        }
        Score::Energy => most + math::ln(total()),
        Score::NoClass => match logits {
            [classes @ .., no_class] => largest(classes) - no_class,
            [] => f32::NAN,
        },
        _ => 1.0 / total(),
    }
}

/// Where the largest logit is, the first of several.
pub(crate) fn best(logits: &[f32]) -> usize {
    let (mut class, mut most) = (0, f32::NEG_INFINITY);
    for (at, &y) in logits.iter().enumerate() {
        if y > most {
            (class, most) = (at, y);
        }
    }
    class
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [Score; 4] = [
        Score::Probability,
        Score::Margin,
        Score::Energy,
        Score::NoClass,
    ];

    #[test]
    fn scores_are_what_they_are_called() {
        let logits = [0.3f32, -1.2, 2.4, 2.0];
        let sum: f64 = logits.iter().map(|&y| libm::exp(f64::from(y))).sum();
        let expected = [libm::exp(2.4) / sum, 0.4, libm::log(sum), 0.4];
        for (kind, expected) in SCORES.into_iter().zip(expected) {
            let error = (f64::from(score(kind, &logits)) - expected).abs();
            let limit = if cfg!(feature = "micromath") {
                1e-2
            } else {
                1e-6
            };
            assert!(error < limit, "{kind:?}: {error}");
        }
        assert_eq!(best(&logits), 2);
        assert_eq!(best(&[1.0, 1.0]), 0);
    }

    #[test]
    fn what_is_never_taught_is_no_class() {
        let rejection = Rejection {
            score: Score::NoClass,
            threshold: -1.0,
        };
        let of = |logits: &[f32]| {
            let prediction = Prediction::of(logits, Some(rejection));
            (prediction.class, prediction.known)
        };
        assert_eq!(of(&[0.5, 2.0, 2.5]), (1, true));
        assert_eq!(of(&[0.5, 2.0, 3.5]), (1, false));
        // Nothing but the output that is no class.
        assert_eq!(of(&[3.0]), (0, false));
    }

    #[test]
    fn what_is_no_number_is_not_known() {
        for kind in SCORES {
            for logits in [&[][..], &[f32::NAN, 1.0], &[1.0, f32::NAN]] {
                let rejection = Rejection {
                    score: kind,
                    threshold: f32::MIN,
                };
                assert!(!Prediction::of(logits, Some(rejection)).known);
                assert!(Prediction::of(logits, None).known);
            }
            // Large logits do not overflow.
            assert!(score(kind, &[3e38, -3e38]) > 0.0);
        }
    }
}
