//! What a model costs to run.

/// Multiply-accumulates, by what they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// One example through all layers.
    pub forward: u64,
    /// One example's part of a gradient step: gradients of activations and
    /// weights, without the forward pass.
    pub backward: u64,
}

impl Cost {
    /// An adaptation with `examples` examples and `steps` steps: each step
    /// goes forward and backward, and one more pass measures the final loss.
    pub fn adaptation(&self, examples: usize, steps: usize) -> u64 {
        let forward = self
            .forward
            .saturating_mul((steps as u64).saturating_add(1));
        let backward = self.backward.saturating_mul(steps as u64);
        forward
            .saturating_add(backward)
            .saturating_mul(examples as u64)
    }

    /// The most an adaptation can take, which is when its last step is bad
    /// and the best one is replayed.
    pub fn adaptation_at_most(&self, examples: usize, steps: usize) -> u64 {
        let replay = steps.saturating_sub(1);
        self.adaptation(examples, steps)
            .saturating_add(self.adaptation(examples, replay))
    }
}
