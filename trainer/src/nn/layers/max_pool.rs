//! Max pool: the largest value under the window at every place, channel by channel.
//!
//! Shapes: `x [T, B, positions·C]`, `y [T, B, places·C]`.
//!
//! The forward pass keeps the argmax: which position under the window has the largest value,
//! as a mask of the planes or as [`host::pool`] has it. With that the layer is linear, and its
//! backward the adjoint.

use burn::tensor::{Int, Tensor, TensorData, backend::Backend};
use mamlet_formats as formats;
use serde::{Deserialize, Serialize};

use super::super::host;
use super::super::patches::Patches;
use super::super::shape::{Extent, Padding, Window};
use super::facts::{
    self, Build, Facts, KeyFault, Keys, LayerTensor, OnIntegers, Role, Stored, Widths,
};
use super::map::{LinearMap, MapLayer};
use super::{LayerSpec, Shape, default};
use crate::device::is_host;

/// The largest value under the window, channel by channel. The gradient goes to the first of
/// equal ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool {
    /// Size of the window.
    pub kernel: Extent,
    /// Distance between windows; the kernel where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<Extent>,
    /// At the edges; what is outside is never the largest.
    #[serde(default = "default::pool_padding")]
    pub padding: Padding,
}

/// A [`MaxPool`] on examples of one shape.
#[derive(Clone, Debug)]
pub(in crate::nn) struct Largest {
    patches: Patches,
}

impl LinearMap for Largest {
    /// `y[c] = max_k x[k, c]`, and the argmax: 1 in the planes `[size, T·B·places, C]` where
    /// the maximum is, 0 elsewhere. Of equal values it is the first, and never what is
    /// beyond the edge.
    fn forward<B: Backend>(&self, x: Tensor<B, 3>) -> (Tensor<B, 3>, Vec<Tensor<B, 3>>) {
        if let Some((y, argmax)) = host::pool::forward(&self.patches, &x) {
            return (y, vec![argmax]);
        }
        let [tasks, examples, _] = x.dims();
        let planes = self.patches.gather_planes_filled(x, f32::MIN);
        let (y, argmax) = if is_host::<B>() {
            compared(planes)
        } else {
            reduced(planes)
        };
        let width = self.patches.window().places() * self.patches.channels();
        (y.reshape([tasks, examples, width]), vec![argmax])
    }

    /// What stands at the argmax.
    fn forward_tangent<B: Backend>(
        &self,
        kept: &[Tensor<B, 3>],
        x_dot: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        let argmax = &kept[0];
        if let Some(picked) = host::pool::pick(&self.patches, argmax, &x_dot) {
            return picked;
        }
        let [tasks, examples, _] = x_dot.dims();
        let width = self.patches.window().places() * self.patches.channels();
        (self.patches.gather_planes(x_dot) * argmax.clone())
            .sum_dim(0)
            .reshape([tasks, examples, width])
    }

    /// `dx` is `dy` at the argmax and 0 elsewhere; a position that is the argmax of several
    /// places receives their sum.
    fn adjoint<B: Backend>(&self, kept: &[Tensor<B, 3>], dy: Tensor<B, 3>) -> Tensor<B, 3> {
        let argmax = &kept[0];
        if let Some(dx) = host::pool::input_gradient(&self.patches, argmax, &dy) {
            return dx;
        }
        let tasks = dy.dims()[0];
        let planes = self.patches.in_planes(dy) * argmax.clone();
        self.patches.scatter_planes(planes, tasks)
    }
}

/// The maximum over planes `[size, N, C]`, `[1, N, C]`, and where it is, plane after
/// plane: contiguous passes, which the host is fast at.
fn compared<B: Backend>(planes: Tensor<B, 3>) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let size = planes.dims()[0];
    let plane = |k: usize| planes.clone().narrow(0, k, 1);
    let mut best = plane(0);
    let mut index = best.clone().detach().zeros_like();
    for k in 1..size {
        let better = plane(k).greater(best.clone());
        best = best.mask_where(better.clone(), plane(k));
        index = index.mask_fill(better, k as f32);
    }
    let argmax = (0..size).map(|k| index.clone().equal_elem(k as f32).float());
    (best, Tensor::cat(argmax.collect(), 0))
}

/// The same by a reduction: few kernels, which other devices are fast at.
fn reduced<B: Backend>(planes: Tensor<B, 3>) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let size = planes.dims()[0];
    let indices = TensorData::new((0..size as i32).collect(), [size, 1, 1]);
    let indices: Tensor<B, 3, Int> = Tensor::from_data(indices, &planes.device());
    let first = planes.clone().detach().argmax(0);
    let argmax = first.equal(indices).float();
    ((planes * argmax.clone()).sum_dim(0), argmax)
}

impl MaxPool {
    fn window(&self, input: Shape) -> Result<Window, String> {
        let stride = self.stride.unwrap_or(self.kernel);
        Window::new(&input, self.kernel, stride, self.padding)
    }
}

impl Build for MaxPool {
    type Layer = MapLayer<Largest>;

    fn build(&self, input: Shape) -> Result<Self::Layer, String> {
        let patches = Patches::new(self.window(input)?, input.channels());
        Ok(MapLayer(Largest { patches }))
    }
}

impl Keys for MaxPool {
    fn fault(&self) -> Option<KeyFault> {
        None
    }

    fn widths(&mut self) -> Widths<'_> {
        Widths::default()
    }
}

impl Facts for MaxPool {
    fn role(&self) -> Role {
        Role::Fixed
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(input.resized(self.window(input)?.output, input.channels()))
    }

    fn tensors(&self, _: Shape) -> Vec<LayerTensor> {
        Vec::new()
    }

    fn joined(&self, _: usize, _: bool) -> Result<LayerSpec, &'static str> {
        Ok((*self).into())
    }

    fn artifact(&self, stored: &Stored<'_>) -> Result<formats::Layer, String> {
        let extents = [self.kernel, self.stride.unwrap_or(self.kernel)];
        Ok(formats::Layer::Pool {
            pool: formats::Pool::Maximum,
            window: facts::window(stored.input, extents, self.padding)?,
        })
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Same
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::{Autodiff, Flex};
    use burn::tensor::Distribution;

    use super::super::super::shape::Shape;
    use super::*;

    #[test]
    fn the_maximum_is_the_same_however_it_is_found() {
        // Whole numbers, so that there are ties.
        let values = Distribution::Uniform(-2.0, 2.0);
        let planes = Tensor::<Flex, 3>::random([6, 40, 3], values, &Default::default()).floor();
        let (best, argmax) = compared(planes.clone());
        let (also_best, also_argmax) = reduced(planes.clone());
        assert_eq!(best.to_data(), also_best.to_data());
        assert_eq!(argmax.to_data(), also_argmax.to_data());
        assert_eq!(best.to_data(), planes.max_dim(0).to_data());
        let ones = argmax.sum_dim(0);
        assert_eq!(ones.to_data(), ones.ones_like().to_data());
    }

    #[test]
    fn the_argmax_is_the_same_however_it_is_kept() {
        let device = Default::default();
        let values = Distribution::Uniform(-2.0, 2.0);
        let image = Shape::Image {
            height: 7,
            width: 6,
            channels: 3,
        };
        for (kernel, stride, padding) in [
            (2, 2, Padding::Valid),
            (3, 2, Padding::Same),
            (3, 1, Padding::Same),
            (2, 3, Padding::Same),
        ] {
            let [square, step] = [kernel, stride].map(Extent::Square);
            let window = Window::new(&image, square, step, padding).unwrap();
            let width = window.places() * 3;
            let pool = Largest {
                patches: Patches::new(window, 3),
            };
            // Whole numbers, so that there are ties.
            let x = Tensor::<Flex, 3>::random([2, 2, 7 * 6 * 3], values, &device).floor();
            let direction = Tensor::random([2, 2, 7 * 6 * 3], values, &device);
            let dy = Tensor::random([2, 2, width], values, &device);
            let too = Tensor::<Autodiff<Flex>, 3>::from_inner;

            let (y, argmax) = pool.forward(x.clone());
            let (y_too, argmax_too) = pool.forward(too(x));
            assert_eq!(y.to_data(), y_too.to_data(), "{kernel} {stride}");
            let picked = pool.forward_tangent(&argmax, direction.clone());
            let picked_too = pool.forward_tangent(&argmax_too, too(direction));
            assert_eq!(picked.to_data(), picked_too.to_data(), "{kernel} {stride}");
            let dx = pool.adjoint(&argmax, dy.clone());
            let dx_too = pool.adjoint(&argmax_too, too(dy)).inner();
            let most = (dx - dx_too).abs().max().into_scalar();
            assert!(most < 1e-5, "{kernel} {stride}: {most}");
        }
    }
}
