//! What a model costs to run.

/// Multiply-accumulates, by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// One example through the layers below everything that adapts: once,
    /// when it is added, or with each prediction.
    pub once: u64,
    /// One example through the other layers.
    pub forward: u64,
    /// One example's part of a head that starts at prototypes: it goes through the other
    /// layers once more, up to the head.
    pub start: u64,
    /// One example's part of a gradient step: gradients of activations and
    /// weights, without the forward pass.
    pub backward: u64,
}

impl Cost {
    /// One prediction.
    pub fn prediction(&self) -> u64 {
        self.once.saturating_add(self.forward)
    }

    /// An adaptation with `examples` examples and `steps` steps: each step
    /// goes forward and backward, and one more pass measures the final loss. A head at
    /// prototypes is set before.
    /// What [adding](crate::Learner::add_values) the examples takes is not
    /// part of it.
    pub fn adaptation(&self, examples: usize, steps: usize) -> u64 {
        let forward = self
            .forward
            .saturating_mul((steps as u64).saturating_add(1));
        let backward = self.backward.saturating_mul(steps as u64);
        forward
            .saturating_add(backward)
            .saturating_add(self.start)
            .saturating_mul(examples as u64)
    }

    /// The most an adaptation can take: its last step is bad, and the steps to the
    /// best one are taken again.
    pub fn adaptation_at_most(&self, examples: usize, steps: usize) -> u64 {
        let again = steps.saturating_sub(1);
        self.adaptation(examples, steps)
            .saturating_add(self.adaptation(examples, again))
    }
}

/// What one layer costs per example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LayerCost {
    /// Which layer of the artifact, from 0.
    pub layer: usize,
    /// Bytes of an example's output.
    pub output_bytes: usize,
    /// Bytes moved by the forward pass: input, weights and output, each once.
    pub forward_bytes: usize,
    /// Bytes moved by the backward pass of a step: gradients, the activations
    /// and weights that it reads, and what adapts, read and written.
    pub backward_bytes: usize,
    /// Multiply-accumulates of the forward pass.
    pub forward: u64,
    /// Multiply-accumulates of the backward pass of a step.
    pub backward: u64,
    /// Whether it is computed once per example instead of once per step.
    pub once: bool,
    /// Whether any of its tensors adapts.
    pub adapts: bool,
    /// Whether it computes with 8-bit integers.
    pub integer: bool,
}
