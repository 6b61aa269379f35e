//! Convolution: the dense map of every patch.
//!
//! Shapes: `x [T, B, positions·channels]`, patches `p [T, B·places, k·channels]`,
//! `W [T, k·channels, filters]`, `b [T, 1, filters]`, `y [T, B, places·filters]`;
//! `W` and `b` have a leading 1 while all tasks share them. As a matrix,
//! `y = p·W + b`. A kernel of one position with stride 1 takes `x` itself as
//! its patches.
//!
//! In groups, that equation holds for each by itself, with its part of the
//! channels of every position, `p_g [T, B·places, k·channels/groups]`, and its part
//! of the filters, `W_g [T, k·channels/groups, filters/groups]`.

use burn::tensor::{Tensor, backend::Backend};

use super::dense;
use super::patches::Patches;

/// A convolution of equal parts of the channels.
#[derive(Clone, Debug)]
pub(super) struct Conv {
    patches: Patches,
    groups: usize,
}

impl Conv {
    /// `groups` divide the channels and the filters.
    pub fn new(patches: Patches, groups: usize) -> Self {
        Self { patches, groups }
    }

    /// `y = p·W + b`, and `p`.
    pub fn forward<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        x: Tensor<B, 3>,
    ) -> (Tensor<B, 3>, Tensor<B, 3>) {
        let [tasks, examples, _] = x.dims();
        let filters = params[0].dims()[2];
        let p = self.patches.gather(x);
        let y = self.side_by_side(|group| {
            let params = [0, 1].map(|at| self.filters(&params[at], group));
            dense::forward(&params, self.channels(&p, group))
        });
        let width = self.patches.window().places() * filters;
        (y.reshape([tasks, examples, width]), p)
    }

    /// `dx = scatter(dy·Wᵀ)`.
    pub fn input_gradient<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        dy: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        let dy = by_place(&self.patches, dy);
        let [tasks, rows, _] = dy.dims();
        let size = self.patches.window().size();
        let own = self.patches.channels() / self.groups;
        // Side by side under every position of the window.
        let dp = self.side_by_side(|group| {
            let weight = self.filters(&params[0], group);
            let dp = dense::input_gradient(&[weight], self.filters(&dy, group));
            dp.reshape([tasks, rows * size, own])
        });
        let width = size * self.patches.channels();
        self.patches.scatter(dp.reshape([tasks, rows, width]))
    }

    /// `dW = pᵀ·dy` and `db = Σ dy`, where they are wanted.
    pub fn gradients<B: Backend>(
        &self,
        p: &Tensor<B, 3>,
        dy: &Tensor<B, 3>,
        adapts: &[bool],
    ) -> Vec<Option<Tensor<B, 3>>> {
        let dy = by_place(&self.patches, dy.clone());
        let of_weight = || {
            self.side_by_side(|group| {
                dense::weight_gradient(&self.channels(p, group), &self.filters(&dy, group))
            })
        };
        vec![
            adapts[0].then(of_weight),
            adapts[1].then(|| dense::bias_gradient(&dy)),
        ]
    }

    /// `⟨dW, W'⟩ + ⟨db, b'⟩` as [`dense::slope`] has it.
    pub fn slope<B: Backend>(
        &self,
        p: &Tensor<B, 3>,
        dy: &Tensor<B, 3>,
        [weight, bias]: [&Option<Tensor<B, 3>>; 2],
    ) -> Option<Tensor<B, 1>> {
        let dy = by_place(&self.patches, dy.clone());
        let of_group = |group| {
            let own = |of: &Option<Tensor<B, 3>>| of.as_ref().map(|of| self.filters(of, group));
            let (p, dy) = (self.channels(p, group), self.filters(&dy, group));
            dense::slope(&p, &dy, own(weight), own(bias))
        };
        let slopes = (0..self.groups).filter_map(of_group);
        slopes.reduce(|sum, slope| sum + slope)
    }

    /// The results of all groups, side by side.
    fn side_by_side<B: Backend>(&self, of_group: impl Fn(usize) -> Tensor<B, 3>) -> Tensor<B, 3> {
        match self.groups {
            1 => of_group(0),
            groups => Tensor::cat((0..groups).map(of_group).collect(), 2),
        }
    }

    /// A group's part of `[T, n, filters]`.
    fn filters<B: Backend>(&self, of: &Tensor<B, 3>, group: usize) -> Tensor<B, 3> {
        match self.groups {
            1 => of.clone(),
            groups => {
                let own = of.dims()[2] / groups;
                of.clone().narrow(2, group * own, own)
            }
        }
    }

    /// A group's part of the patches `[T, n, k·channels]`.
    fn channels<B: Backend>(&self, p: &Tensor<B, 3>, group: usize) -> Tensor<B, 3> {
        let [tasks, rows, width] = p.dims();
        match self.groups {
            1 => p.clone(),
            groups => {
                let own = self.patches.channels() / groups;
                p.clone()
                    .reshape([tasks, rows * self.patches.window().size(), own * groups])
                    .narrow(2, group * own, own)
                    .reshape([tasks, rows, width / groups])
            }
        }
    }
}

/// `[T, B, places·channels]` as a row for every place, `[T, B·places, channels]`.
pub(super) fn by_place<B: Backend>(patches: &Patches, y: Tensor<B, 3>) -> Tensor<B, 3> {
    let [tasks, examples, width] = y.dims();
    let places = patches.window().places();
    y.reshape([tasks, examples * places, width / places])
}
