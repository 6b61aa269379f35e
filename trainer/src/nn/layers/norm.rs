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
//! Along a direction, with a dot on what it moves,
//!
//! ```text
//! ċ  = ẋ − M(ẋ)                ṙ = −r³·M(c·ẋ)                (stored: ẋ and 0)
//! ẏ  = ċ·(r·gain) + c·(r·gain)˙ + bias˙
//! ṡ₁ = Σ_N dẏ                  ṡ₂ = Σ_N (dẏ·c + dy·ċ)
//! ```
//!
//! and `dẋ`, `dgain˙`, `dbias˙` by the product rule.

mod sets;

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData, backend::Backend};

use super::Shape;
use super::facts::{self, KeyFault, LayerTensor};
use super::operation::{ForwardTangent, Operation, OutputGradient, Pass, Passes};
use crate::nn::adapt::Fill;
use crate::nn::rows;
use crate::nn::statistics::Moments;
use sets::over_sets;

/// One norm layer.
#[derive(Clone, Debug)]
pub(in crate::nn) struct Norm {
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
struct Normed<B: Backend> {
    c: Tensor<B, 3>,
    r: Tensor<B, 3>,
}

impl<B: Backend> Normed<B> {
    fn of(kept: &[Tensor<B, 3>]) -> Self {
        Self {
            c: kept[0].clone(),
            r: kept[1].clone(),
        }
    }
}

/// `s₁` and `s₂`, `[S, 1, C]`.
struct Sums<B: Backend> {
    dy: Tensor<B, 3>,
    dy_c: Tensor<B, 3>,
}

impl<B: Backend> Sums<B> {
    fn of(sums: &[Tensor<B, 3>]) -> Self {
        Self {
            dy: sums[0].clone(),
            dy_c: sums[1].clone(),
        }
    }
}

/// `gain [channels]` and `bias [channels]`.
pub(super) fn tensors(input: Shape) -> Vec<LayerTensor> {
    let channels = input.channels();
    let gain = ("gain", vec![channels], Fill::Constant(1.0));
    vec![gain, facts::bias(channels)]
}

/// Why there is no norm with this `ε`.
pub(super) fn fault(epsilon: f64) -> Option<KeyFault> {
    let fits = epsilon.is_finite() && epsilon > 0.0;
    (!fits).then_some(KeyFault {
        key: "epsilon",
        expected: "a number above 0",
        given: epsilon,
    })
}

impl Operation for Norm {
    /// Keeps `c` and `r`.
    fn forward<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        x: Tensor<B, 3>,
    ) -> (Tensor<B, 3>, Vec<Tensor<B, 3>>) {
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
        (y.reshape(dims), vec![c, r])
    }

    /// `s₁` and `s₂`.
    fn sums<B: Backend>(&self, kept: &[Tensor<B, 3>], dy: &Tensor<B, 3>) -> Vec<Tensor<B, 3>> {
        let dy = self.sets(dy.clone());
        let dy_c = rows::sum_of_products(&dy, &kept[0]);
        vec![rows::sum(dy), dy_c]
    }

    /// `dx`.
    fn input_gradient<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        pass: &Pass<'_, B>,
        gradient: &OutputGradient<B>,
    ) -> Tensor<B, 3> {
        let dims @ [_, examples, _] = gradient.dy.dims();
        let Normed { c, r } = Normed::of(pass.kept);
        let dy = self.sets(gradient.dy.clone());
        let count = dy.dims()[1];
        let gain = self.per_set(&params[0], examples);
        if self.stored.is_some() {
            return rows::multiply(dy, r * gain).reshape(dims);
        }
        let sums = Sums::of(&gradient.sums);
        let mean_dy = self.mean(sums.dy * gain.clone(), count);
        let mean_dy_c = self.mean(sums.dy_c * gain.clone(), count);
        let of_variance = cube(&r).neg() * mean_dy_c;
        let direct = r.clone() * gain;
        rows::combination(&[(&dy, direct), (&c, of_variance)], Some(r.neg() * mean_dy))
            .reshape(dims)
    }

    fn gradients<B: Backend>(
        &self,
        pass: &Pass<'_, B>,
        gradient: &OutputGradient<B>,
        adapts: &[bool],
    ) -> Vec<Option<Tensor<B, 3>>> {
        let tasks = gradient.dy.dims()[0];
        let (normed, sums) = (Normed::of(pass.kept), Sums::of(&gradient.sums));
        vec![
            adapts[0].then(|| gain_gradient(&normed, &sums, tasks)),
            adapts[1].then(|| bias_gradient(&sums, tasks)),
        ]
    }

    fn forward_tangent<B: Backend>(
        &self,
        at: &Passes<'_, B>,
        x_dot: Option<Tensor<B, 3>>,
    ) -> ForwardTangent<B> {
        let [gain_dot, bias_dot] = [&at.directions[0], &at.directions[1]];
        if x_dot.is_none() && gain_dot.is_none() && bias_dot.is_none() {
            // The backward pass moves all the same.
            return ForwardTangent {
                y: None,
                kept: at.pass.kept.iter().map(Tensor::zeros_like).collect(),
            };
        }
        let Normed { c, r } = Normed::of(at.pass.kept);
        let dims @ [_, examples, _] = at.pass.x.dims();
        let along_x = x_dot.unwrap_or_else(|| at.pass.x.zeros_like());
        let along_x = self.sets(along_x);
        let moved = match &self.stored {
            Some(_) => Normed {
                c: along_x,
                r: r.zeros_like(),
            },
            None => {
                let along = self.mean_of_product(&c, &along_x);
                let mean = self.mean_of(along_x.clone());
                Normed {
                    c: rows::subtract(along_x, mean),
                    r: cube(&r).neg() * along,
                }
            }
        };
        let gain = self.per_set(&at.params[0], examples);
        let slope = self.slope(&r, &moved.r, &gain, gain_dot.as_ref(), examples);
        let bias = (bias_dot.as_ref()).map(|bias| self.per_set(bias, examples));
        let y = rows::combination(&[(&moved.c, r * gain), (&c, slope)], bias);
        ForwardTangent {
            y: Some(y.reshape(dims)),
            kept: vec![moved.c, moved.r],
        }
    }

    fn backward_tangent<B: Backend>(
        &self,
        at: &Passes<'_, B>,
        forward: &ForwardTangent<B>,
        dy_dot: Tensor<B, 3>,
        of_input: bool,
    ) -> (Vec<Tensor<B, 3>>, Option<Tensor<B, 3>>) {
        let tasks = dy_dot.dims()[0];
        let (normed, moved) = (Normed::of(at.pass.kept), Normed::of(&forward.kept));
        let sums = Sums::of(&at.gradient.sums);
        let sums_dot = self.sums_tangent([&normed, &moved], &at.gradient.dy, &dy_dot);
        let gain = gain_gradient(&normed, &sums_dot, tasks) + gain_gradient(&moved, &sums, tasks);
        let bias = bias_gradient(&sums_dot, tasks);
        let dx_dot = of_input.then(|| {
            self.input_gradient_tangent(at, [&normed, &moved], [&sums, &sums_dot], dy_dot)
        });
        (vec![gain, bias], dx_dot)
    }

    fn norm(&self) -> Option<&Norm> {
        Some(self)
    }

    fn norm_mut(&mut self) -> Option<&mut Norm> {
        Some(self)
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

    /// Normalises every example by its own positions, channel by channel.
    pub fn one_by_one(&mut self) {
        self.over = Over::Groups(self.shape.channels());
    }

    /// Mean and variance of every set, `[S, 1, C]` each, of an input `x`.
    pub fn moments<B: Backend>(&self, x: Tensor<B, 3>) -> [Tensor<B, 3>; 2] {
        let x = self.sets(x);
        let mean = self.mean_of(x.clone());
        let c = rows::subtract(x, mean.clone());
        [mean, self.mean_of_product(&c, &c)]
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
    fn sums_tangent<B: Backend>(
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
    fn input_gradient_tangent<B: Backend>(
        &self,
        at: &Passes<'_, B>,
        [normed, moved]: [&Normed<B>; 2],
        [sums, sums_dot]: [&Sums<B>; 2],
        dy_dot: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        let dims @ [_, examples, _] = dy_dot.dims();
        let (c, r) = (normed.c.clone(), normed.r.clone());
        let gain_dot = at.directions[0].as_ref();
        let (dy, dy_dot) = (self.sets(at.gradient.dy.clone()), self.sets(dy_dot));
        let count = dy.dims()[1];
        let gain = self.per_set(&at.params[0], examples);
        let slope = self.slope(&r, &moved.r, &gain, gain_dot, examples);
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
}

fn cube<B: Backend>(x: &Tensor<B, 3>) -> Tensor<B, 3> {
    x.clone() * x.clone() * x.clone()
}

/// `dgain [T, 1, C]`.
fn gain_gradient<B: Backend>(normed: &Normed<B>, sums: &Sums<B>, tasks: usize) -> Tensor<B, 3> {
    over_sets(sums.dy_c.clone() * normed.r.clone(), tasks)
}

/// `dbias [T, 1, C]`.
fn bias_gradient<B: Backend>(sums: &Sums<B>, tasks: usize) -> Tensor<B, 3> {
    over_sets(sums.dy.clone(), tasks)
}
