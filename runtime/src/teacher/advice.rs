//! What to teach next.

use mamlet_formats::Score;

use crate::learner::{AdaptError, Learner};
use crate::math;
use crate::prediction::{best, score};

/// What a teacher lacks, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// Fewer than two classes have examples: there is nothing to tell apart.
    MoreClasses,
    /// A class has fewer examples than another: teach more of it.
    MoreOf {
        /// The one with the fewest.
        class: usize,
        /// How many it has.
        examples: usize,
        /// How many another one has.
        most: usize,
    },
    /// The recipe does not adapt to these examples: forget some and teach them
    /// again.
    CannotAdapt,
    /// Several examples of a class, and no fewer than half of them, are doubtful:
    /// teach all of it again, or something that is less alike.
    Unclear {
        /// The class.
        class: usize,
        /// What the most doubtful of them is taken for.
        taken_for: usize,
    },
    /// An example contradicts the others: forget it and teach it again.
    Doubtful {
        /// Its place in the order in which examples were taught.
        example: usize,
        /// Its class.
        class: usize,
        /// What it is taken for.
        taken_for: usize,
    },
    /// Nothing: classes have equally many examples, and none is doubtful.
    Ready,
}

/// The share that is left to an example's class where the example is doubtful.
const LITTLE: f32 = 0.01;
/// The same of an example that the model was adapted to, for want of others.
const HALF: f32 = 0.5;

/// See [`super::Teacher::advice`]. Whether there are weights that were adapted to
/// all examples is said in `adapted`.
pub(super) fn advice(learner: &mut Learner<'_>, adapted: &mut bool) -> Result<Advice, AdaptError> {
    let (mut taught, mut most) = (0, 0);
    let mut fewest = (0, usize::MAX);
    for class in 0..learner.classes() {
        let examples = examples_of(learner, class);
        if examples > 0 {
            taught += 1;
            most = most.max(examples);
            if examples < fewest.1 {
                fewest = (class, examples);
            }
        }
    }
    let (class, examples) = fewest;
    if taught < 2 {
        return Ok(Advice::MoreClasses);
    }
    if examples < most {
        return Ok(Advice::MoreOf {
            class,
            examples,
            most,
        });
    }
    let doubtful = most_doubtful(learner, examples)?;
    *adapted = learner.adapt()?.is_kept();
    Ok(match doubtful {
        _ if !*adapted => Advice::CannotAdapt,
        Some(advice) => advice,
        None => Advice::Ready,
    })
}

/// The advice that doubtful examples lead to, where each class has `of_class`
/// examples.
fn most_doubtful(learner: &mut Learner<'_>, of_class: usize) -> Result<Option<Advice>, AdaptError> {
    let (mut worst, mut unclear) = (None, None);
    let mut least = (f32::INFINITY, f32::INFINITY);
    if of_class == 1 && !learner.adapt()?.is_kept() {
        return Ok(None);
    }
    for class in 0..learner.classes() {
        let (mut count, mut least_of_class) = (0, (f32::INFINITY, 0));
        for example in 0..learner.examples() {
            if learner.class_of(example) != Some(class) {
                continue;
            }
            let doubtful = match of_class {
                1 => share(learner, example, class, HALF)?,
                _ => share_by_others(learner, example, class)?,
            };
            let Some((share, taken_for)) = doubtful else {
                continue;
            };
            count += 1;
            if share < least_of_class.0 {
                least_of_class = (share, taken_for);
            }
            if share < least.0 {
                least.0 = share;
                worst = Some(Advice::Doubtful {
                    example,
                    class,
                    taken_for,
                });
            }
        }
        let (share, taken_for) = least_of_class;
        if count > 1 && 2 * count >= of_class && share < least.1 {
            least.1 = share;
            unclear = Some(Advice::Unclear { class, taken_for });
        }
    }
    Ok(unclear.or(worst))
}

/// The share that an example's class is left with by a model that was adapted to
/// the other examples, and what it takes the example for; `None` where that is
/// not doubtful.
fn share_by_others(
    learner: &mut Learner<'_>,
    example: usize,
    class: usize,
) -> Result<Option<(f32, usize)>, AdaptError> {
    learner.hide(example)?;
    let adapted = learner.adapt();
    learner.show(example, |learner, last| match adapted?.is_kept() {
        false => Ok(None),
        true => share(learner, last, class, LITTLE),
    })?
}

/// The share of an example's class with the weights in use, where it is below
/// `limit`, and what the example is taken for.
fn share(
    learner: &mut Learner<'_>,
    example: usize,
    class: usize,
    limit: f32,
) -> Result<Option<(f32, usize)>, AdaptError> {
    let classes = learner.classes();
    let logits = learner.output_of(example).ok().flatten();
    let logits = logits.ok_or(AdaptError::Internal)?;
    let logit = *logits.get(class).ok_or(AdaptError::Internal)?;
    let share = math::exp(logit - score(Score::Energy, logits));
    let taken_for = best(logits.get(..classes).ok_or(AdaptError::Internal)?);
    Ok((share < limit).then_some((share, taken_for)))
}

/// How many examples a class has.
pub(super) fn examples_of(learner: &Learner<'_>, class: usize) -> usize {
    let examples = 0..learner.examples();
    let of_class = |example: &usize| learner.class_of(*example) == Some(class);
    examples.filter(of_class).count()
}
