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

use super::patches::Patches;
use super::{dense, rows};
use crate::device::is_host;

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
        let p = self.patches(x);
        let y = rows::add(self.by_row(&p, &params[0]), params[1].clone());
        (self.by_example(y), p)
    }

    /// `p`.
    pub fn patches<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        self.patches.gather(x)
    }

    /// `p·W`.
    pub fn product<B: Backend>(&self, p: &Tensor<B, 3>, weight: &Tensor<B, 3>) -> Tensor<B, 3> {
        self.by_example(self.by_row(p, weight))
    }

    /// `p·W` with a row for every place.
    fn by_row<B: Backend>(&self, p: &Tensor<B, 3>, weight: &Tensor<B, 3>) -> Tensor<B, 3> {
        self.side_by_side(|group| {
            dense::product(self.positionwise(p, group), self.filters(weight, group))
        })
    }

    fn by_example<B: Backend>(&self, y: Tensor<B, 3>) -> Tensor<B, 3> {
        let [tasks, rows, filters] = y.dims();
        let places = self.patches.window().places();
        y.reshape([tasks, rows / places, places * filters])
    }

    /// `dx = scatter(dy·Wᵀ)`. On devices whose sums in memory are slow it is a convolution
    /// of `dy` instead: for each position of the window, one place at most has it over a
    /// position of `x`.
    pub fn input_gradient<B: Backend>(
        &self,
        weight: &Tensor<B, 3>,
        dy: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        if is_host::<B>() {
            self.scattered(weight, dy)
        } else {
            self.gathered(weight, dy)
        }
    }

    fn scattered<B: Backend>(&self, weight: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
        let dy = by_place(&self.patches, dy);
        let [tasks, rows, _] = dy.dims();
        let size = self.patches.window().size();
        let own = self.patches.channels() / self.groups;
        // Side by side under every position of the window.
        let dp = self.side_by_side(|group| {
            let weight = self.filters(weight, group);
            let dp = dense::input_gradient(&weight, self.filters(&dy, group));
            dp.reshape([tasks, rows * size, own])
        });
        let width = size * self.patches.channels();
        self.patches.scatter(dp.reshape([tasks, rows, width]))
    }

    fn gathered<B: Backend>(&self, weight: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
        let seen = self.patches.gather_back(dy);
        let [tasks, rows, _] = seen.dims();
        let size = self.patches.window().size();
        let dx = self.side_by_side(|group| {
            let weight = self.filters(weight, group);
            let [of_tasks, inputs, filters] = weight.dims();
            let inputs = inputs / size;
            let turned = weight
                .reshape([of_tasks * size, inputs, filters])
                .swap_dims(1, 2)
                .reshape([of_tasks, size * filters, inputs]);
            dense::product(self.positionwise(&seen, group), turned)
        });
        let window = self.patches.window();
        let width = window.positions() * self.patches.channels();
        dx.reshape([tasks, rows / window.positions(), width])
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
                self.weight_gradient(self.positionwise(p, group), self.filters(&dy, group))
            })
        };
        vec![
            adapts[0].then(of_weight),
            adapts[1].then(|| dense::bias_gradient(&dy)),
        ]
    }

    /// `pᵀ·dy`. Few numbers, each a sum over all examples and places: where there are
    /// many threads, over the places of each example first.
    fn weight_gradient<B: Backend>(&self, p: Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
        if is_host::<B>() {
            dense::weight_gradient(&p, &dy)
        } else {
            self.weight_gradient_by_example(p, dy)
        }
    }

    fn weight_gradient_by_example<B: Backend>(
        &self,
        p: Tensor<B, 3>,
        dy: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        let [tasks, rows, inputs] = p.dims();
        let filters = dy.dims()[2];
        let places = self.patches.window().places();
        let examples = rows / places;
        let by_example = |x: Tensor<B, 3>, width| x.reshape([tasks * examples, places, width]);
        let each = dense::weight_gradient(&by_example(p, inputs), &by_example(dy, filters));
        rows::sum(each.reshape([tasks, examples, inputs * filters]))
            .reshape([tasks, inputs, filters])
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

    /// A group's part of what stands at every position of the window,
    /// `[T, n, size·values]`.
    fn positionwise<B: Backend>(&self, p: &Tensor<B, 3>, group: usize) -> Tensor<B, 3> {
        let [tasks, rows, width] = p.dims();
        match self.groups {
            1 => p.clone(),
            groups => {
                let size = self.patches.window().size();
                let own = width / size / groups;
                p.clone()
                    .reshape([tasks, rows * size, own * groups])
                    .narrow(2, group * own, own)
                    .reshape([tasks, rows, size * own])
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

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::Distribution;

    use super::super::shape::{Extent, Padding, Shape, Window};
    use super::*;

    #[test]
    fn a_gathered_input_gradient_is_the_scattered_one() {
        let device = Default::default();
        let image = Shape::Image {
            height: 7,
            width: 6,
            channels: 4,
        };
        for (kernel, stride, padding, groups) in [
            (3, 1, Padding::Same, 1),
            (3, 2, Padding::Same, 1),
            (3, 2, Padding::Same, 2),
            (2, 3, Padding::Valid, 2),
            (1, 1, Padding::Valid, 1),
            (1, 2, Padding::Same, 1),
        ] {
            let [square, step] = [kernel, stride].map(Extent::Square);
            let window = Window::new(&image, square, step, padding).unwrap();
            let places = window.places();
            let conv = Conv::new(Patches::new(window, 4), groups);
            let random = |dims| Tensor::<Flex, 3>::random(dims, Distribution::Default, &device);
            for tasks in [1, 3] {
                let weight = random([tasks, kernel * kernel * 4 / groups, 6]);
                let dy = random([3, 2, places * 6]);
                let difference = conv.gathered(&weight, dy.clone()) - conv.scattered(&weight, dy);
                let most = difference.abs().max().into_scalar();
                assert!(most < 1e-4, "{kernel} {stride} {groups} {tasks}: {most}");
            }
        }
    }

    #[test]
    fn a_weight_gradient_by_example_is_the_whole_one() {
        let device = Default::default();
        let image = Shape::Image {
            height: 5,
            width: 4,
            channels: 2,
        };
        let [kernel, stride] = [3, 1].map(Extent::Square);
        let window = Window::new(&image, kernel, stride, Padding::Same).unwrap();
        let rows = 3 * window.places();
        let conv = Conv::new(Patches::new(window, 2), 1);
        let random = |dims| Tensor::<Flex, 3>::random(dims, Distribution::Default, &device);
        let (p, dy) = (random([2, rows, 18]), random([2, rows, 7]));
        let whole = dense::weight_gradient(&p, &dy);
        let difference = conv.weight_gradient_by_example(p, dy) - whole;
        let most = difference.abs().max().into_scalar();
        assert!(most < 1e-4, "{most}");
    }
}
