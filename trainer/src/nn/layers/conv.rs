//! Convolution: the dense map of every patch.
//!
//! Shapes: `x [T, B, positions·channels]`, patches `p [T, B·places, k·channels]`, `W [T,
//! k·channels, filters]`, `b [T, 1, filters]`, `y [T, B, places·filters]`; `W` and `b` have a
//! leading 1 while all tasks share them. As a matrix, `y = p·W + b`. A kernel of one position
//! with stride 1 takes `x` itself as its patches.
//!
//! With groups the equation holds for each group by itself: its part of the channels of every
//! position, `p_g [T, B·places, k·channels/groups]`, gives its part of the filters, with `W_g
//! [T, k·channels/groups, filters/groups]`.
//!
//! Where the numbers are in the host's memory and there is one group, no patch is written out:
//! `p` is then `x` with its padding. See [`host::conv`].

use burn::tensor::{Tensor, backend::Backend};
use mamlet_formats as formats;
use mamlet_formats::Integers;
use serde::{Deserialize, Serialize};

use super::super::patches::Patches;
use super::super::shape::{Extent, Padding, Window};
use super::super::{host, rows};
use super::affine::{Affine, AffineLayer};
use super::facts::{
    self, Build, Facts, KeyFault, Keys, LayerTensor, OnIntegers, Packing, Products, Role, Stored,
    Widths,
};
use super::{LayerSpec, Shape, default, dense};
use crate::device::is_host;

/// Convolution (a correlation, as everywhere in the field): the dense map `W
/// [kh·kw·channels, filters]`, `b [filters]` of the patch around every position, along the
/// length of a sequence or over an image. In groups, each of equal parts of the channels
/// makes one of as many parts of the filters, and `W` is `[kh·kw·channels/groups, filters]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv {
    /// Channels of the result.
    pub filters: usize,
    /// How many groups; a divisor of the channels and the filters.
    #[serde(default = "default::groups", skip_serializing_if = "default::is_one")]
    pub groups: usize,
    /// Size of the patch.
    pub kernel: Extent,
    /// Distance between patches.
    #[serde(default = "default::stride")]
    pub stride: Extent,
    /// At the edges.
    #[serde(default = "default::padding")]
    pub padding: Padding,
}

/// A [`Conv`] on examples of one shape.
#[derive(Clone, Debug)]
pub(in crate::nn) struct ByPatch {
    patches: Patches,
    groups: usize,
}

impl Affine for ByPatch {
    fn patches<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let padded = self.directly(|(window, channels)| host::conv::pad(window, channels, &x));
        padded.unwrap_or_else(|| self.patches.gather(x))
    }

    fn forward<B: Backend>(
        &self,
        p: &Tensor<B, 3>,
        params: &[Tensor<B, 3>],
        _: [usize; 2],
    ) -> Tensor<B, 3> {
        self.map(p, &params[0], Some(&params[1]))
    }

    fn product<B: Backend>(
        &self,
        p: &Tensor<B, 3>,
        weight: &Tensor<B, 3>,
        _: [usize; 2],
    ) -> Tensor<B, 3> {
        self.map(p, weight, None)
    }

    /// `dx = scatter(dy·Wᵀ)`. Adding in memory is slow on some devices. There `dx` is a
    /// convolution of `dy`: for each position of the window, at most one place has it over a
    /// position of `x`.
    fn input_gradient<B: Backend>(&self, weight: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
        if let Some(dx) = self.directly(|of| host::conv::input_gradient(of, weight, &dy)) {
            dx
        } else if is_host::<B>() {
            self.scattered(weight, dy)
        } else {
            self.gathered(weight, dy)
        }
    }

    fn weight_gradient<B: Backend>(&self, p: &Tensor<B, 3>, dy: &Tensor<B, 3>) -> Tensor<B, 3> {
        let direct = self.directly(|of| host::conv::weight_gradient(of, p, dy));
        direct.unwrap_or_else(|| {
            let rows = by_place(&self.patches, dy.clone());
            self.side_by_side(|group| {
                self.of_group(self.positionwise(p, group), self.filters(&rows, group))
            })
        })
    }

    fn bias_gradient<B: Backend>(&self, dy: &Tensor<B, 3>) -> Tensor<B, 3> {
        rows::sum(by_place(&self.patches, dy.clone()))
    }
}

impl ByPatch {
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

    /// `compute` of the window and the channels. `None` where there are several groups, or
    /// where it gives nothing.
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

    /// The gradient of every patch, added up where patches overlap.
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

    /// The same as a convolution of `dy`.
    fn gathered<B: Backend>(&self, weight: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
        let seen = self.patches.gather_back(dy);
        let [tasks, rows, _] = seen.dims();
        let size = self.patches.window().size();
        let dx = self.side_by_side(|group| {
            let weight = self.filters(weight, group);
            let [of_tasks, inputs, filters] = weight.dims();
            let inputs = inputs / size;
            let flipped = weight
                .reshape([of_tasks * size, inputs, filters])
                .swap_dims(1, 2)
                .reshape([of_tasks, size * filters, inputs]);
            dense::product(self.positionwise(&seen, group), flipped)
        });
        let window = self.patches.window();
        let width = window.positions() * self.patches.channels();
        dx.reshape([tasks, rows / window.positions(), width])
    }

    /// `pᵀ·dy` of a group. It has few numbers, each a sum over all examples and places. Where
    /// there are many threads, each takes the places of one example first.
    fn of_group<B: Backend>(&self, p: Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
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

impl Conv {
    fn window(&self, input: Shape) -> Result<Window, String> {
        Window::new(&input, self.kernel, self.stride, self.padding)
    }
}

impl Build for Conv {
    type Layer = AffineLayer<ByPatch>;

    fn build(&self, input: Shape) -> Result<Self::Layer, String> {
        Ok(AffineLayer(ByPatch {
            patches: Patches::new(self.window(input)?, input.channels()),
            groups: self.groups,
        }))
    }
}

impl Keys for Conv {
    fn fault(&self) -> Option<KeyFault> {
        None
    }

    fn widths(&mut self) -> Widths<'_> {
        Widths {
            outputs: Some(&mut self.filters),
            groups: Some(&mut self.groups),
        }
    }
}

impl Facts for Conv {
    fn role(&self) -> Role {
        Role::Weights
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        let (channels, filters, groups) = (input.channels(), self.filters, self.groups);
        if groups == 0 || !channels.is_multiple_of(groups) || !filters.is_multiple_of(groups) {
            return Err(format!(
                "its {groups} groups do not divide the {channels} channels and the {filters} \
                 filters; choose a divisor of both"
            ));
        }
        Ok(input.resized(self.window(input)?.output, filters))
    }

    fn tensors(&self, input: Shape) -> Vec<LayerTensor> {
        let size: usize = self.kernel.on(&input).iter().product();
        let (rows, filters) = (size * input.channels() / self.groups, self.filters);
        let weight = facts::weight(rows, filters, size * filters / self.groups);
        vec![weight, facts::bias(filters)]
    }

    fn joined(&self, count: usize, apart: bool) -> Result<LayerSpec, &'static str> {
        if !apart && self.groups > 1 {
            return Err("the first convolution must have one group");
        }
        let groups = if apart { self.groups * count } else { 1 };
        let filters = self.filters * count;
        Ok(Self {
            filters,
            groups,
            ..*self
        }
        .into())
    }

    fn artifact(&self, stored: &Stored<'_>) -> Result<formats::Layer, String> {
        let window = facts::window(stored.input, [self.kernel, self.stride], self.padding)?;
        let (weight, bias) = (stored.tensors[0], Some(stored.tensors[1]));
        let filters = self.filters as u32;
        Ok(match self.groups {
            1 => formats::Layer::Conv {
                filters,
                window,
                weight,
                bias,
            },
            groups => formats::Layer::GroupedConv {
                groups: groups as u32,
                filters,
                window,
                weight,
                bias,
            },
        })
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Products(self)
    }
}

impl Products for Conv {
    fn outputs(&self, _: Shape) -> usize {
        self.filters
    }

    fn packing(&self) -> Packing {
        Packing::Groups(self.groups)
    }

    fn artifact(&self, input: Shape, integers: Integers) -> Result<formats::Layer, String> {
        let window = facts::window(input, [self.kernel, self.stride], self.padding)?;
        let filters = self.filters as u32;
        Ok(match self.groups {
            1 => formats::Layer::IntegerConv {
                filters,
                window,
                integers,
            },
            groups => formats::Layer::IntegerGroupedConv {
                groups: groups as u32,
                filters,
                window,
                integers,
            },
        })
    }
}

#[cfg(test)]
mod tests;
