//! Depthwise convolution: every channel with a kernel of its own.
//!
//! Shapes: `x [T, B, positions·channels]`, planes `p [k, T·B·places, channels]`,
//! `W [T, k, channels]`, `b [T, 1, channels]`, `y [T, B, places·channels]`; `W` and `b` have a
//! leading 1 while all tasks share them. At every place, `y[c] = Σ_k p[k, c] W[k, c] + b[c]`.

use burn::tensor::{Tensor, backend::Backend};
use mamlet_formats as formats;
use mamlet_formats::Integers;
use serde::{Deserialize, Serialize};

use super::super::patches::Patches;
use super::super::rows;
use super::super::shape::{Extent, Padding, Window};
use super::affine::{Affine, AffineLayer};
use super::conv::by_place;
use super::facts::{
    self, Build, Facts, KeyFault, Keys, LayerTensor, OnIntegers, Packing, Products, Role, Stored,
    Widths,
};
use super::{LayerSpec, Shape, default};

/// Convolution of every channel with a kernel of its own: `W [kh·kw, channels]`, `b
/// [channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Depthwise {
    /// Size of the patch.
    pub kernel: Extent,
    /// Distance between patches.
    #[serde(default = "default::stride")]
    pub stride: Extent,
    /// At the edges.
    #[serde(default = "default::padding")]
    pub padding: Padding,
}

/// A [`Depthwise`] on examples of one shape.
#[derive(Clone, Debug)]
pub(in crate::nn) struct ByChannel {
    patches: Patches,
}

impl Affine for ByChannel {
    fn patches<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        self.patches.gather_planes(x)
    }

    fn forward<B: Backend>(
        &self,
        p: &Tensor<B, 3>,
        params: &[Tensor<B, 3>],
        batch: [usize; 2],
    ) -> Tensor<B, 3> {
        let sums = weighted_sum(p, &params[0], batch[0]);
        self.by_example(rows::add(sums, params[1].clone()), batch)
    }

    fn product<B: Backend>(
        &self,
        p: &Tensor<B, 3>,
        weight: &Tensor<B, 3>,
        batch: [usize; 2],
    ) -> Tensor<B, 3> {
        self.by_example(weighted_sum(p, weight, batch[0]), batch)
    }

    /// `dx = scatter(dp)` with `dp[k, c] = W[k, c] dy[c]`.
    fn input_gradient<B: Backend>(&self, weight: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
        let tasks = dy.dims()[0];
        let planes = weighted(self.patches.in_planes(dy), weight);
        self.patches.scatter_planes(planes, tasks)
    }

    /// `dW[k, c] = Σ p[k, c] dy[c]` over examples and places, `[T, k, channels]`.
    fn weight_gradient<B: Backend>(&self, p: &Tensor<B, 3>, dy: &Tensor<B, 3>) -> Tensor<B, 3> {
        let tasks = dy.dims()[0];
        let [size, places, channels] = p.dims();
        let products = self.patches.in_planes(dy.clone()) * p.clone();
        products
            .reshape([size * tasks, places / tasks, channels])
            .sum_dim(1)
            .reshape([size, tasks, channels])
            .swap_dims(0, 1)
    }

    fn bias_gradient<B: Backend>(&self, dy: &Tensor<B, 3>) -> Tensor<B, 3> {
        rows::sum(by_place(&self.patches, dy.clone()))
    }
}

impl ByChannel {
    fn by_example<B: Backend>(
        &self,
        y: Tensor<B, 3>,
        [tasks, examples]: [usize; 2],
    ) -> Tensor<B, 3> {
        let width = self.patches.window().places() * self.patches.channels();
        y.reshape([tasks, examples, width])
    }
}

/// `Σ_k p[k, c] W[k, c]`, `[T, B·places, channels]`.
fn weighted_sum<B: Backend>(p: &Tensor<B, 3>, weight: &Tensor<B, 3>, tasks: usize) -> Tensor<B, 3> {
    let [size, places, channels] = p.dims();
    let products: Tensor<B, 2> = weighted(p.clone(), weight).reshape([size, places * channels]);
    let sums = products.sum_dim(0);
    sums.reshape([tasks, places / tasks, channels])
}

/// `p[k, c] W[k, c]` with the weights of each task, `[k, T·B·places, channels]`.
fn weighted<B: Backend>(p: Tensor<B, 3>, weight: &Tensor<B, 3>) -> Tensor<B, 3> {
    let dims @ [size, places, channels] = p.dims();
    let tasks = weight.dims()[0];
    let weight = match tasks {
        1 => weight.clone(),
        _ => weight.clone().swap_dims(0, 1),
    };
    let weight = weight.reshape([size * tasks, 1, channels]);
    let p = p.reshape([size * tasks, places / tasks, channels]);
    rows::multiply(p, weight).reshape(dims)
}

impl Depthwise {
    fn window(&self, input: Shape) -> Result<Window, String> {
        Window::new(&input, self.kernel, self.stride, self.padding)
    }
}

impl Build for Depthwise {
    type Layer = AffineLayer<ByChannel>;

    fn build(&self, input: Shape) -> Result<Self::Layer, String> {
        let patches = Patches::new(self.window(input)?, input.channels());
        Ok(AffineLayer(ByChannel { patches }))
    }
}

impl Keys for Depthwise {
    fn fault(&self) -> Option<KeyFault> {
        None
    }

    fn widths(&mut self) -> Widths<'_> {
        Widths::default()
    }
}

impl Facts for Depthwise {
    fn role(&self) -> Role {
        Role::Weights
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(input.resized(self.window(input)?.output, input.channels()))
    }

    fn tensors(&self, input: Shape) -> Vec<LayerTensor> {
        let (size, channels) = (self.kernel.on(&input).iter().product(), input.channels());
        vec![facts::weight(size, channels, size), facts::bias(channels)]
    }

    fn joined(&self, _: usize, apart: bool) -> Result<LayerSpec, &'static str> {
        match apart {
            true => Ok((*self).into()),
            false => Err("a convolution must come before it"),
        }
    }

    fn artifact(&self, stored: &Stored<'_>) -> Result<formats::Layer, String> {
        Ok(formats::Layer::Depthwise {
            window: facts::window(stored.input, [self.kernel, self.stride], self.padding)?,
            weight: stored.tensors[0],
            bias: Some(stored.tensors[1]),
        })
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Products(self)
    }
}

impl Products for Depthwise {
    fn outputs(&self, input: Shape) -> usize {
        input.channels()
    }

    fn packing(&self) -> Packing {
        Packing::Plain
    }

    fn artifact(&self, input: Shape, integers: Integers) -> Result<formats::Layer, String> {
        Ok(formats::Layer::IntegerDepthwise {
            window: facts::window(input, [self.kernel, self.stride], self.padding)?,
            integers,
        })
    }
}
