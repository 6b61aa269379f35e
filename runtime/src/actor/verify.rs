//! Whether what a policy learnt is kept.

/// The returns of a few episodes: sums of their rewards, without a discount.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// How many episodes there are.
    pub episodes: usize,
    /// `m = Σ R / n`
    pub mean: f32,
    /// `s² = Σ (R − m)² / (n − 1)`; zero where there is one episode.
    pub variance: f32,
}

impl Summary {
    /// Of these returns.
    pub fn of(returns: impl Iterator<Item = f32> + Clone) -> Self {
        let episodes = returns.clone().count();
        let count = episodes as f32;
        let mean = returns.clone().sum::<f32>() / count;
        let squares = returns.map(|r| (r - mean) * (r - mean)).sum::<f32>();
        let others = episodes.saturating_sub(1).max(1) as f32;
        Summary {
            episodes,
            mean,
            variance: squares / others,
        }
    }
}

/// Whether steps are kept, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "the policy may have gone back"]
pub struct Verdict {
    /// Whether the steps are kept.
    pub kept: bool,
    /// Episodes of the weights before the steps.
    pub before: Summary,
    /// Episodes of the weights behind them.
    pub after: Summary,
    /// `√(s²before / nbefore + s²after / nafter)`: of the difference of the means.
    pub standard_error: f32,
}

/// Keeps steps unless the mean return behind them is more than one standard error below
/// that before them:
///
/// ```text
/// kept  ⇔  m_after − m_before ≥ −√(s²_before / n_before + s²_after / n_after)
/// ```
///
/// The doubt is in favour of the steps, as they are no random change: their rates were
/// trained so that they help on most units. With a prior of the improvement of mean `μ`
/// and deviation `τ`, the posterior mean is above zero where the difference is above
/// `−SE² μ / τ²`, which is one standard error where these are of one size. A step that
/// does nothing is kept in five of six cases and does no harm; one that lowers the mean
/// by three standard errors is taken back in 97 of 100. More episodes make the error
/// smaller. Where a return is not finite nothing is kept.
///
/// ```
/// use mamlet_runtime::actor::{Summary, verdict};
/// let before = Summary::of([-40.0, -42.0, -38.0, -40.0].into_iter());
/// assert!(verdict(before, Summary::of([-10.0, -12.0].into_iter())).kept);
/// assert!(!verdict(before, Summary::of([-80.0, -60.0].into_iter())).kept);
/// ```
pub fn verdict(before: Summary, after: Summary) -> Verdict {
    let share = |summary: Summary| summary.variance / summary.episodes as f32;
    let standard_error = libm::sqrtf(share(before) + share(after));
    let difference = after.mean - before.mean;
    Verdict {
        kept: difference.is_finite() && difference >= -standard_error,
        before,
        after,
        standard_error,
    }
}
