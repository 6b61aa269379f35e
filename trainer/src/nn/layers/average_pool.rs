//! Average pool: the mean of the values under the window at every place, channel by channel.
//!
//! Shapes: `x [T, B, positions·C]`, `y [T, B, places·C]`.

use burn::tensor::{Tensor, TensorData, backend::Backend};
use mamlet_formats as formats;
use serde::{Deserialize, Serialize};

use super::super::patches::Patches;
use super::super::shape::{Extent, Padding, Window};
use super::facts::{
    self, Build, Facts, KeyFault, Keys, LayerTensor, OnIntegers, Role, Stored, Widths,
};
use super::map::{LinearMap, MapLayer};
use super::{LayerSpec, Shape, default};

/// The mean of the values under the window, channel by channel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AveragePool {
    /// Size of the window.
    pub kernel: Extent,
    /// Distance between windows; the kernel where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<Extent>,
    /// At the edges; what is outside is not counted.
    #[serde(default = "default::pool_padding")]
    pub padding: Padding,
}

/// An [`AveragePool`] on examples of one shape.
#[derive(Clone, Debug)]
pub(in crate::nn) struct Average {
    patches: Patches,
}

impl LinearMap for Average {
    /// `y[c] = Σ_k x[k, c] / n` with `n` the number of positions inside.
    fn forward<B: Backend>(&self, x: Tensor<B, 3>) -> (Tensor<B, 3>, Vec<Tensor<B, 3>>) {
        let [tasks, examples, _] = x.dims();
        let planes = self.patches.gather_planes(x);
        let [size, places, channels] = planes.dims();
        let planes: Tensor<B, 2> = planes.reshape([size, places * channels]);
        let width = self.patches.window().places() * channels;
        let y = self.divide(planes.sum_dim(0).reshape([tasks, examples, width]));
        (y, Vec::new())
    }

    fn forward_tangent<B: Backend>(&self, _: &[Tensor<B, 3>], x_dot: Tensor<B, 3>) -> Tensor<B, 3> {
        self.forward(x_dot).0
    }

    /// `dx = scatter(dy / n)`.
    fn adjoint<B: Backend>(&self, _: &[Tensor<B, 3>], dy: Tensor<B, 3>) -> Tensor<B, 3> {
        let tasks = dy.dims()[0];
        let planes = self.patches.in_planes(self.divide(dy));
        self.patches.scatter_planes(planes, tasks)
    }
}

impl Average {
    /// Divides `[T, B, places·C]` by the number of positions inside each window.
    fn divide<B: Backend>(&self, y: Tensor<B, 3>) -> Tensor<B, 3> {
        let (patches, size) = (&self.patches, self.patches.window().size());
        let windows = patches.positions().chunks_exact(size);
        let counts: Vec<usize> = windows
            .map(|window| window.iter().flatten().count())
            .collect();
        if counts.iter().all(|&count| count == counts[0]) {
            return y.div_scalar(counts[0] as f32);
        }
        let factors: Vec<f32> = counts
            .iter()
            .flat_map(|&count| std::iter::repeat_n(1.0 / count as f32, patches.channels()))
            .collect();
        let dims = [1, 1, factors.len()];
        let factors = Tensor::from_data(TensorData::new(factors, dims), &y.device());
        y * factors
    }
}

impl AveragePool {
    fn window(&self, input: Shape) -> Result<Window, String> {
        let stride = self.stride.unwrap_or(self.kernel);
        Window::new(&input, self.kernel, stride, self.padding)
    }
}

impl Build for AveragePool {
    type Layer = MapLayer<Average>;

    fn build(&self, input: Shape) -> Result<Self::Layer, String> {
        let patches = Patches::new(self.window(input)?, input.channels());
        Ok(MapLayer(Average { patches }))
    }
}

impl Keys for AveragePool {
    fn fault(&self) -> Option<KeyFault> {
        None
    }

    fn widths(&mut self) -> Widths<'_> {
        Widths::default()
    }
}

impl Facts for AveragePool {
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
            pool: formats::Pool::Average,
            window: facts::window(stored.input, extents, self.padding)?,
        })
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Same
    }
}
