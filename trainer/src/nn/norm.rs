//! Normalisation, `y = gain·(x − μ)/√(v + ε) + bias`, with the mean `μ` and the
//! variance `v` (biased) of a set of values of the same channel or group.
//!
//! Batch norm has one set per task and channel: all examples and positions.
//! Group norm has one set per example and group of channels. Both are views
//! `[S, N, C]` of the batch: batch norm `[T, B·positions, C]`, group norm `[T·B,
//! positions, C]`, statistics over the middle axis (and the group's channels).
//! Stored statistics are one mean and variance per channel, `[1, 1, C]`; they
//! are constants, so that both terms with `M` below vanish from `dx`.
//!
//! Shapes: `x, y [T, B, positions·C]`, `gain, bias [T, 1, C]` (leading 1 while
//! shared). With `c = x − μ`, `r = (v + ε)^−½`, `M` the mean over a set and
//! `s₁ = Σ_N dy`, `s₂ = Σ_N dy·c`:
//!
//! ```text
//! y     = c·(r·gain) + bias
//! dbias = Σ_sets s₁            dgain = Σ_sets s₂·r
//! dx    = r·(gain·dy − M(gain·dy) − c·r²·M(gain·dy·c))
//! ```
//!
//! where `M(gain·dy)` and `M(gain·dy·c)` follow from `gain·s₁` and `gain·s₂`.

use std::sync::Arc;

use burn::tensor::{
    Tensor, TensorData,
    backend::{AutodiffBackend, Backend},
};

use super::rows;
use super::shape::Shape;
use super::statistics::Moments;

/// One norm layer.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    over: Over,
    shape: Shape,
    epsilon: f64,
    stored: Option<Stored>,
}

#[derive(Clone, Copy, Debug)]
enum Over {
    /// Examples and positions, every channel by itself.
    Batch,
    /// Positions and the channels of one of so many groups.
    Groups(usize),
}

/// Stored statistics, row after row, and the row in use.
#[derive(Clone, Debug)]
struct Stored {
    rows: Arc<[Moments]>,
    step: usize,
}

impl Stored {
    /// Steps beyond the last row use the last row.
    fn row(&self) -> &Moments {
        &self.rows[self.step.min(self.rows.len() - 1)]
    }
}

/// What a forward pass keeps: `c [S, N, C]` and `r [S, 1, C]`.
#[derive(Clone, Debug)]
pub(super) struct Normed<B: Backend> {
    c: Tensor<B, 3>,
    r: Tensor<B, 3>,
}

impl<B: AutodiffBackend> Normed<B> {
    /// The same values without their graph.
    pub fn inner(self) -> Normed<B::InnerBackend> {
        Normed {
            c: self.c.inner(),
            r: self.r.inner(),
        }
    }
}

/// `s₁` and `s₂`, `[S, 1, C]`.
#[derive(Clone, Debug)]
pub(super) struct Sums<B: Backend> {
    dy: Tensor<B, 3>,
    dy_c: Tensor<B, 3>,
}

impl<B: AutodiffBackend> Sums<B> {
    /// The same values without their graph.
    pub fn inner(&self) -> Sums<B::InnerBackend> {
        Sums {
            dy: self.dy.clone().inner(),
            dy_c: self.dy_c.clone().inner(),
        }
    }
}

impl Norm {
    pub fn batch(shape: Shape, epsilon: f64) -> Self {
        Self::new(Over::Batch, shape, epsilon)
    }

    pub fn groups(shape: Shape, groups: usize, epsilon: f64) -> Self {
        Self::new(Over::Groups(groups), shape, epsilon)
    }

    fn new(over: Over, shape: Shape, epsilon: f64) -> Self {
        Self {
            over,
            shape,
            epsilon,
            stored: None,
        }
    }

    /// With constants in place of the batch's own statistics, one row for each
    /// inner step.
    pub fn store(&mut self, rows: &[Moments]) {
        self.stored = Some(Stored {
            rows: rows.into(),
            step: 0,
        });
    }

    /// Uses the row of inner step `step` from here on.
    pub fn at_step(&mut self, step: usize) {
        if let Some(stored) = &mut self.stored {
            stored.step = step;
        }
    }

    /// Mean and variance of every set, `[S, 1, C]` each, of an input `x`.
    pub fn moments<B: Backend>(&self, x: Tensor<B, 3>) -> [Tensor<B, 3>; 2] {
        let x = self.sets(x);
        let mean = self.mean_of(x.clone());
        let c = rows::subtract(x, mean.clone());
        [mean, self.mean_of(c.clone() * c)]
    }

    /// `y`, and what the backward needs.
    pub fn forward<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        x: Tensor<B, 3>,
    ) -> (Tensor<B, 3>, Normed<B>) {
        let dims @ [_, examples, _] = x.dims();
        let x = self.sets(x);
        let (c, variance) = match &self.stored {
            Some(stored) => {
                let constant = |values: &[f32]| {
                    let data = TensorData::new(values.to_vec(), [1, 1, values.len()]);
                    Tensor::from_data(data, &x.device())
                };
                let row = stored.row();
                let variance = constant(&row.variance);
                (rows::subtract(x.clone(), constant(&row.mean)), variance)
            }
            None => {
                let mean = self.mean_of(x.clone());
                let c = rows::subtract(x, mean);
                let variance = self.mean_of(c.clone() * c.clone());
                (c, variance)
            }
        };
        let r = variance.add_scalar(self.epsilon).sqrt().recip();
        let gain = self.per_set(&params[0], examples);
        let bias = self.per_set(&params[1], examples);
        let y = rows::add(rows::multiply(c.clone(), r.clone() * gain), bias);
        (y.reshape(dims), Normed { c, r })
    }

    /// The sums over sets that every gradient is made of.
    pub fn sums<B: Backend>(&self, normed: &Normed<B>, dy: &Tensor<B, 3>) -> Sums<B> {
        let dy = self.sets(dy.clone());
        Sums {
            dy: dy.clone().sum_dim(1),
            dy_c: (dy * normed.c.clone()).sum_dim(1),
        }
    }

    /// `dx`.
    pub fn input_gradient<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        normed: &Normed<B>,
        sums: &Sums<B>,
        dy: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        let dims @ [_, examples, _] = dy.dims();
        let Normed { c, r } = normed.clone();
        let dy = self.sets(dy);
        let count = dy.dims()[1];
        let gain = self.per_set(&params[0], examples);
        if self.stored.is_some() {
            return rows::multiply(dy, r * gain).reshape(dims);
        }
        let mean_dy = self.mean(sums.dy.clone() * gain.clone(), count);
        let mean_dy_c = self.mean(sums.dy_c.clone() * gain.clone(), count);
        let r3 = r.clone() * r.clone() * r.clone();
        let dx = rows::multiply(dy, r.clone() * gain) - rows::multiply(c, r3 * mean_dy_c);
        rows::subtract(dx, r * mean_dy).reshape(dims)
    }

    /// `dgain [T, 1, C]`.
    pub fn gain_gradient<B: Backend>(
        &self,
        normed: &Normed<B>,
        sums: &Sums<B>,
        tasks: usize,
    ) -> Tensor<B, 3> {
        over_sets(sums.dy_c.clone() * normed.r.clone(), tasks)
    }

    /// `dbias [T, 1, C]`.
    pub fn bias_gradient<B: Backend>(&self, sums: &Sums<B>, tasks: usize) -> Tensor<B, 3> {
        over_sets(sums.dy.clone(), tasks)
    }

    /// `[T, B, positions·C]` as `[S, N, C]`.
    fn sets<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [tasks, examples, _] = x.dims();
        let (positions, channels) = (self.shape.positions(), self.shape.channels());
        match self.over {
            Over::Batch => x.reshape([tasks, examples * positions, channels]),
            Over::Groups(_) => x.reshape([tasks * examples, positions, channels]),
        }
    }

    /// The mean of the set that each channel belongs to, `[S, 1, C]`.
    fn mean_of<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let count = x.dims()[1];
        self.mean(x.sum_dim(1), count)
    }

    /// From sums over `count` rows, `[S, 1, C]`, to the mean of the set that
    /// each channel belongs to.
    fn mean<B: Backend>(&self, sums: Tensor<B, 3>, count: usize) -> Tensor<B, 3> {
        let mean = sums.div_scalar(count as f32);
        match self.over {
            Over::Batch => mean,
            Over::Groups(groups) => {
                let dims @ [sets, _, channels] = mean.dims();
                let size = channels / groups;
                mean.reshape([sets, groups, size])
                    .mean_dim(2)
                    .repeat_dim(2, size)
                    .reshape(dims)
            }
        }
    }

    /// A parameter `[T or 1, 1, C]` for every set, `[S or 1, 1, C]`.
    fn per_set<B: Backend>(&self, param: &Tensor<B, 3>, examples: usize) -> Tensor<B, 3> {
        let [tasks, _, channels] = param.dims();
        match self.over {
            Over::Groups(_) if tasks > 1 => {
                param
                    .clone()
                    .repeat_dim(1, examples)
                    .reshape([tasks * examples, 1, channels])
            }
            _ => param.clone(),
        }
    }
}

/// `Σ_sets` of every task, `[S, 1, C]` to `[T, 1, C]`.
fn over_sets<B: Backend>(sums: Tensor<B, 3>, tasks: usize) -> Tensor<B, 3> {
    let [sets, _, channels] = sums.dims();
    if sets == tasks {
        sums
    } else {
        sums.reshape([tasks, sets / tasks, channels]).sum_dim(1)
    }
}
