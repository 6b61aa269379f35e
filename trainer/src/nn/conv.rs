//! Convolution: the dense map of every patch.
//!
//! Shapes: `x [T, B, positions·channels]`, patches `p [T, B·places, k·channels]`,
//! `W [T, k·channels, filters]`, `b [T, 1, filters]`, `y [T, B, places·filters]`;
//! `W` and `b` have a leading 1 while all tasks share them. As a matrix,
//! `y = p·W + b`. A kernel of one position with stride 1 takes `x` itself as
//! its patches, and where the numbers are at hand and there is one group, `p` is `x` with its
//! padding and no patch is written out: see [`host::conv`].
//!
//! In groups, that equation holds for each by itself, with its part of the
//! channels of every position, `p_g [T, B·places, k·channels/groups]`, and its part
//! of the filters, `W_g [T, k·channels/groups, filters/groups]`.

use burn::tensor::{Tensor, backend::Backend};

use super::patches::Patches;
use super::shape::Window;
use super::{dense, host, rows};
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
        let y = self.map(&p, &params[0], Some(&params[1]));
        (y, p)
    }

    /// `p`.
    pub fn patches<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let padded = self.directly(|(window, channels)| host::conv::pad(window, channels, &x));
        padded.unwrap_or_else(|| self.patches.gather(x))
    }

    /// `p·W`.
    pub fn product<B: Backend>(&self, p: &Tensor<B, 3>, weight: &Tensor<B, 3>) -> Tensor<B, 3> {
        self.map(p, weight, None)
    }

    /// `p·W + b`.
    fn map<B: Backend>(
        &self,
        p: &Tensor<B, 3>,
        weight: &Tensor<B, 3>,
        bias: Option<&Tensor<B, 3>>,
    ) -> Tensor<B, 3> {
        let direct = self.directly(|of| host::conv::product(of, p, weight, bias));
        direct.unwrap_or_else(|| {
            let y = self.by_row(p, weight);
            self.by_example(match bias {
                Some(bias) => rows::add(y, bias.clone()),
                None => y,
            })
        })
    }

    /// What `compute` makes of the window and the channels, if there is one group and it
    /// makes anything of them.
    fn directly<R>(&self, compute: impl FnOnce((&Window, usize)) -> Option<R>) -> Option<R> {
        match self.groups {
            1 => compute((self.patches.window(), self.patches.channels())),
            _ => None,
        }
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
        if let Some(dx) = self.directly(|of| host::conv::input_gradient(of, weight, &dy)) {
            dx
        } else if is_host::<B>() {
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
        let rows = by_place(&self.patches, dy.clone());
        let of_weight = || {
            let direct = self.directly(|of| host::conv::weight_gradient(of, p, dy));
            direct.unwrap_or_else(|| {
                self.side_by_side(|group| {
                    self.weight_gradient(self.positionwise(p, group), self.filters(&rows, group))
                })
            })
        };
        vec![
            adapts[0].then(of_weight),
            adapts[1].then(|| dense::bias_gradient(&rows)),
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
    use burn::backend::{Autodiff, Flex};
    use burn::tensor::Distribution;

    use super::super::shape::{Extent, Padding, Shape};
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

    #[test]
    fn without_patches_it_is_what_it_is_with_them() {
        let device = Default::default();
        let random = |dims| Tensor::<Flex, 3>::random(dims, Distribution::Default, &device);
        let most = |a: Tensor<Flex, 3>, b: Tensor<Autodiff<Flex>, 3>| {
            (a - b.inner()).abs().max().into_scalar()
        };
        let image = |channels| Shape::Image {
            height: 7,
            width: 10,
            channels,
        };
        for (kernel, stride, padding, channels, filters) in [
            ([3, 3], [1, 1], Padding::Same, 3, 5),
            ([3, 3], [1, 1], Padding::Valid, 1, 33),
            ([3, 3], [2, 2], Padding::Same, 4, 16),
            ([2, 3], [1, 1], Padding::Same, 5, 17),
            ([2, 2], [3, 1], Padding::Same, 2, 1),
            ([4, 1], [1, 2], Padding::Valid, 7, 8),
            ([1, 1], [1, 1], Padding::Same, 6, 9),
            ([1, 1], [2, 2], Padding::Same, 6, 48),
            ([5, 2], [1, 1], Padding::Same, 13, 3),
        ] {
            let [extent, step] = [kernel, stride].map(Extent::Rectangle);
            let window = Window::new(&image(channels), extent, step, padding).unwrap();
            let places = window.places();
            let conv = Conv::new(Patches::new(window, channels), 1);
            for own in [1, 3] {
                let inputs = kernel[0] * kernel[1] * channels;
                let params = [random([own, inputs, filters]), random([own, 1, filters])];
                let (x, dy) = (
                    random([3, 2, 70 * channels]),
                    random([3, 2, places * filters]),
                );
                let [weight, bias] = params.clone().map(Tensor::from_inner);
                let (x_too, dy_too) = (
                    Tensor::from_inner(x.clone()),
                    Tensor::from_inner(dy.clone()),
                );

                let (y, p) = conv.forward(&params, x);
                let (y_too, p_too) = conv.forward(&[weight.clone(), bias], x_too);
                let dx = conv.input_gradient(&params[0], dy.clone());
                let dx_too = conv.input_gradient(&weight, dy_too.clone());
                let dw = conv
                    .gradients(&p, &dy, &[true, false])
                    .swap_remove(0)
                    .unwrap();
                let dw_too = conv.gradients(&p_too, &dy_too, &[true, false]);
                let dw_too = dw_too.into_iter().next().flatten().unwrap();
                let all = [most(y, y_too), most(dx, dx_too), most(dw, dw_too)];
                let what = format!("{kernel:?} {stride:?} {padding:?} {channels} {filters} {own}");
                assert!(all.iter().all(|most| *most < 1e-4), "{what}: {all:?}");
            }
        }
    }
}
