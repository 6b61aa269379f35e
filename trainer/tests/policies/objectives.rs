//! Which objective a surrogate and the sampling term belong to: both formulations of ProMP
//! (Rothfuss et al. 2019, section 4) by enumeration, for inner steps on one rollout.
//!
//! ```text
//! first    V(z + α ∇V(z))                  second   E_τ V(z + α g(τ, z)),  g = Σ_t R_t ∇ log π_t
//! ```

use crate::exact::{Hessian, Kept, expected_return, hessian, paths, share};
use crate::mdp::REWARDS;

const Z: [f64; 2] = [0.3, -0.5];
const RATE: f64 = 0.4;

fn slope(z: [f64; 2], f: impl Fn([f64; 2]) -> f64) -> [f64; 2] {
    let step = 1e-4;
    [0, 1].map(|at| {
        let moved = |by: f64| {
            let mut z = z;
            z[at] += by;
            f(z)
        };
        (moved(step) - moved(-step)) / (2.0 * step)
    })
}

fn moved(z: [f64; 2], along: [f64; 2]) -> [f64; 2] {
    [0, 1].map(|at| z[at] + RATE * along[at])
}

/// `(I + α H) x`.
fn through([a, b, c]: Hessian, x: [f64; 2]) -> [f64; 2] {
    let product = [a * x[0] + b * x[1], b * x[0] + c * x[1]];
    moved(x, product)
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1]) / b[0].hypot(b[1])
}

#[test]
fn the_first_formulation_is_that_of_the_whole_hessian() {
    let adapted = |z| moved(z, slope(z, expected_return));
    let expected = slope(Z, |z| expected_return(adapted(z)));
    let after = slope(adapted(Z), expected_return);
    let error = |kept| distance(through(hessian(Z, kept, |_, _| 0.0), after), expected);
    assert!(error(Kept::All) < 1e-5, "{}", error(Kept::All));
    for kept in [Kept::LogLikelihood, Kept::Ratio] {
        assert!(error(kept) > 0.01, "{kept:?}: {}", error(kept));
    }
}

/// What the second formulation's gradient is with what `kept` sees of each rollout's inner
/// step, and with the term that pays the rollout for what came of it.
fn paid(kept: Kept) -> [f64; 2] {
    let mut sum = [0.0; 2];
    for path in paths(Z) {
        let (mut score, mut ascent, mut seen) = ([0.0; 2], [0.0; 2], [0.0; 3]);
        for (t, &(state, action)) in path.steps.iter().enumerate() {
            let rest = path.steps[t..].iter();
            let rest: f64 = rest.map(|&(state, action)| REWARDS[state][action]).sum();
            let of_one = share(Z, state, 1);
            let own = action as f64 - of_one;
            ascent[state] += rest * own;
            seen[2 * state] -= rest * of_one * (1.0 - of_one);
            if kept != Kept::LogLikelihood {
                seen[2 * state] += rest * own * own;
            }
            if kept == Kept::All {
                // With every earlier step.
                seen[2 * state] += 2.0 * rest * own * score[state];
                seen[1] += rest * own * score[1 - state];
            }
            score[state] += own;
        }
        let adapted = moved(Z, ascent);
        let after = through(seen, slope(adapted, expected_return));
        let result = expected_return(adapted);
        for (sum, (after, score)) in sum.iter_mut().zip(after.iter().zip(score)) {
            *sum += path.probability * (after + score * result);
        }
    }
    sum
}

#[test]
fn the_sampling_term_belongs_to_the_log_likelihood() {
    let ascent = |z: [f64; 2], steps: &[(usize, usize)]| {
        let mut ascent = [0.0; 2];
        for (t, &(state, action)) in steps.iter().enumerate() {
            let rest = steps[t..].iter();
            let rest: f64 = rest.map(|&(state, action)| REWARDS[state][action]).sum();
            ascent[state] += rest * (action as f64 - share(z, state, 1));
        }
        ascent
    };
    let expected = slope(Z, |z| {
        let of_path = |path: &crate::exact::Path| {
            path.probability * expected_return(moved(z, ascent(z, &path.steps)))
        };
        paths(z).iter().map(of_path).sum()
    });
    let error = |kept| distance(paid(kept), expected);
    println!("log-likelihood, ratio, DiCE, each with the sampling term: relative errors");
    println!(
        "{:?}",
        [Kept::LogLikelihood, Kept::Ratio, Kept::All].map(error)
    );
    assert!(error(Kept::LogLikelihood) < 1e-5);
    for kept in [Kept::Ratio, Kept::All] {
        assert!(error(kept) > 0.01, "{kept:?}: {}", error(kept));
    }
}
