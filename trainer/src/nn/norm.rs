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
//!
//! Along a direction, with a dot on what it moves (see [`super::tangent`]),
//!
//! ```text
//! ċ  = ẋ − M(ẋ)                ṙ = −r³·M(c·ẋ)                (stored: ẋ and 0)
//! ẏ  = ċ·(r·gain) + c·(r·gain)˙ + bias˙
//! ṡ₁ = Σ_N dẏ                  ṡ₂ = Σ_N (dẏ·c + dy·ċ)
//! ```
//!
//! and `dẋ`, `dgain˙`, `dbias˙` by the product rule.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData, backend::Backend};

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

impl<B: Backend> Normed<B> {
    /// What does not move.
    pub fn zeros_like(&self) -> Self {
        Self {
            c: self.c.zeros_like(),
            r: self.r.zeros_like(),
        }
    }
}

/// `s₁` and `s₂`, `[S, 1, C]`.
#[derive(Clone, Debug)]
pub(super) struct Sums<B: Backend> {
    dy: Tensor<B, 3>,
    dy_c: Tensor<B, 3>,
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
        [mean, self.mean_of_product(&c, &c)]
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
                let variance = self.mean_of_product(&c, &c);
                (c, variance)
            }
        };
        let r = variance.add_scalar(self.epsilon).sqrt().recip();
        let gain = self.per_set(&params[0], examples);
        let bias = self.per_set(&params[1], examples);
        let y = rows::combination(&[(&c, r.clone() * gain)], Some(bias));
        (y.reshape(dims), Normed { c, r })
    }

    /// The sums over sets that every gradient is made of.
    pub fn sums<B: Backend>(&self, normed: &Normed<B>, dy: &Tensor<B, 3>) -> Sums<B> {
        let dy = self.sets(dy.clone());
        Sums {
            dy: rows::sum(dy.clone()),
            dy_c: rows::sum_of_products(&dy, &normed.c),
        }
    }

    /// `ẏ` and `ċ, ṙ` for `ẋ` and the directions of gain and bias.
    pub fn forward_tangent<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        [gain_dot, bias_dot]: [&Option<Tensor<B, 3>>; 2],
        normed: &Normed<B>,
        x_dot: Tensor<B, 3>,
    ) -> (Tensor<B, 3>, Normed<B>) {
        let dims @ [_, examples, _] = x_dot.dims();
        let Normed { c, r } = normed.clone();
        let x_dot = self.sets(x_dot);
        let moved = match &self.stored {
            Some(_) => Normed {
                c: x_dot,
                r: r.zeros_like(),
            },
            None => {
                let along = self.mean_of_product(&c, &x_dot);
                let mean = self.mean_of(x_dot.clone());
                Normed {
                    c: rows::subtract(x_dot, mean),
                    r: cube(&r).neg() * along,
                }
            }
        };
        let gain = self.per_set(&params[0], examples);
        let slope = self.slope(&r, &moved.r, &gain, gain_dot.as_ref(), examples);
        let bias = (bias_dot.as_ref()).map(|bias| self.per_set(bias, examples));
        let y = rows::combination(&[(&moved.c, r * gain), (&c, slope)], bias);
        (y.reshape(dims), moved)
    }

    /// `(r·gain)˙`.
    fn slope<B: Backend>(
        &self,
        r: &Tensor<B, 3>,
        r_dot: &Tensor<B, 3>,
        gain: &Tensor<B, 3>,
        gain_dot: Option<&Tensor<B, 3>>,
        examples: usize,
    ) -> Tensor<B, 3> {
        let of_r = r_dot.clone() * gain.clone();
        match gain_dot {
            Some(gain_dot) => of_r + r.clone() * self.per_set(gain_dot, examples),
            None => of_r,
        }
    }

    /// `ṡ₁` and `ṡ₂`.
    pub fn sums_tangent<B: Backend>(
        &self,
        [normed, moved]: [&Normed<B>; 2],
        dy: &Tensor<B, 3>,
        dy_dot: &Tensor<B, 3>,
    ) -> Sums<B> {
        let (dy, dy_dot) = (self.sets(dy.clone()), self.sets(dy_dot.clone()));
        let of_product =
            rows::sum_of_products(&dy_dot, &normed.c) + rows::sum_of_products(&dy, &moved.c);
        Sums {
            dy: rows::sum(dy_dot),
            dy_c: of_product,
        }
    }

    /// `dẋ`.
    pub fn input_gradient_tangent<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        gain_dot: &Option<Tensor<B, 3>>,
        [normed, moved]: [&Normed<B>; 2],
        [sums, sums_dot]: [&Sums<B>; 2],
        dy: Tensor<B, 3>,
        dy_dot: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        let dims @ [_, examples, _] = dy.dims();
        let Normed { c, r } = normed.clone();
        let (dy, dy_dot) = (self.sets(dy), self.sets(dy_dot));
        let count = dy.dims()[1];
        let gain = self.per_set(&params[0], examples);
        let slope = self.slope(&r, &moved.r, &gain, gain_dot.as_ref(), examples);
        let direct = [(&dy_dot, r.clone() * gain.clone()), (&dy, slope)];
        if self.stored.is_some() {
            return rows::combination(&direct, None).reshape(dims);
        }
        // M(gain·dy) and M(gain·dy·c), and their tangents.
        let means = [(&sums.dy, &sums_dot.dy), (&sums.dy_c, &sums_dot.dy_c)];
        let [(mean, mean_dot), (along, along_dot)] = means.map(|(sum, sum_dot)| {
            let mut moved = sum_dot.clone() * gain.clone();
            if let Some(gain_dot) = gain_dot {
                moved = moved + sum.clone() * self.per_set(gain_dot, examples);
            }
            let mean = self.mean(sum.clone() * gain.clone(), count);
            (mean, self.mean(moved, count))
        });
        let (r_dot, r3) = (moved.r.clone(), cube(&r));
        let r3_dot = (r.clone() * r.clone() * r_dot.clone()).mul_scalar(3.0);
        let of_c = r3_dot * along.clone() + r3.clone() * along_dot;
        let level = r_dot * mean + r * mean_dot;
        let [of_dy_dot, of_dy] = direct;
        let terms = [
            of_dy_dot,
            of_dy,
            (&moved.c, r3.neg() * along),
            (&c, of_c.neg()),
        ];
        rows::combination(&terms, Some(level.neg())).reshape(dims)
    }

    /// `dgain˙` and `dbias˙`.
    pub fn gradients_tangent<B: Backend>(
        &self,
        [normed, moved]: [&Normed<B>; 2],
        [sums, sums_dot]: [&Sums<B>; 2],
        tasks: usize,
    ) -> [Tensor<B, 3>; 2] {
        let gain =
            self.gain_gradient(normed, sums_dot, tasks) + self.gain_gradient(moved, sums, tasks);
        [gain, self.bias_gradient(sums_dot, tasks)]
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
        let bent = cube(&r).neg() * mean_dy_c;
        let direct = r.clone() * gain;
        rows::combination(&[(&dy, direct), (&c, bent)], Some(r.neg() * mean_dy)).reshape(dims)
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
        self.mean(rows::sum(x), count)
    }

    /// The same of `x ⊙ y`.
    fn mean_of_product<B: Backend>(&self, x: &Tensor<B, 3>, y: &Tensor<B, 3>) -> Tensor<B, 3> {
        let count = x.dims()[1];
        self.mean(rows::sum_of_products(x, y), count)
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

fn cube<B: Backend>(x: &Tensor<B, 3>) -> Tensor<B, 3> {
    x.clone() * x.clone() * x.clone()
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
