//! The context layer, `y = [x, z]`: a free vector beside every example.
//!
//! Shapes: `x [T, B, in]`, `z [T, 1, c]` (leading 1 while shared), `y [T, B, in + c]`.
//!
//! ```text
//! y  = [x, z]                          ẏ  = [ẋ, ż]
//! dx = dy[.., ..in]                    dẋ = dẏ[.., ..in]
//! dz = Σ_examples dy[.., in..]         dż = Σ_examples dẏ[.., in..]
//! ```

use burn::tensor::{Tensor, backend::Backend};
use mamlet_formats as formats;
use serde::{Deserialize, Serialize};

use super::facts::{Build, Facts, KeyFault, Keys, LayerTensor, OnIntegers, Role, Stored, Widths};
use super::norm::Norm;
use super::operation::{ForwardTangent, Operation, OutputGradient, Pass, Passes};
use super::{LayerSpec, Shape};
use crate::nn::adapt::Fill;

/// Appends a free vector `z [size]` to every example: `y = [x, z]`. A network that starts
/// with it and adapts only `z` is CAVIA, the "context vector" of the MAML paper's appendix.
/// Behind the last layer of a policy it is the logarithms of its deviations, which do not
/// depend on what is observed and adapt too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// Length of `z`.
    pub size: usize,
    /// What its numbers start from, such as the logarithm of the deviation of a policy's
    /// actions.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub initial: f64,
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

impl Operation for Context {
    fn forward<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        x: Tensor<B, 3>,
    ) -> (Tensor<B, 3>, Vec<Tensor<B, 3>>) {
        (appended(x, params[0].clone()), Vec::new())
    }

    fn sums<B: Backend>(&self, _: &[Tensor<B, 3>], _: &Tensor<B, 3>) -> Vec<Tensor<B, 3>> {
        Vec::new()
    }

    fn input_gradient<B: Backend>(
        &self,
        _: &[Tensor<B, 3>],
        pass: &Pass<'_, B>,
        gradient: &OutputGradient<B>,
    ) -> Tensor<B, 3> {
        front(pass.x, gradient.dy.clone())
    }

    fn gradients<B: Backend>(
        &self,
        pass: &Pass<'_, B>,
        gradient: &OutputGradient<B>,
        adapts: &[bool],
    ) -> Vec<Option<Tensor<B, 3>>> {
        vec![adapts[0].then(|| sum_of_rest(pass.x, &gradient.dy))]
    }

    fn forward_tangent<B: Backend>(
        &self,
        at: &Passes<'_, B>,
        x_dot: Option<Tensor<B, 3>>,
    ) -> ForwardTangent<B> {
        let z_dot = at.directions[0].clone();
        let y_dot = (x_dot.is_some() || z_dot.is_some()).then(|| {
            let x = x_dot.unwrap_or_else(|| at.pass.x.zeros_like());
            appended(x, z_dot.unwrap_or_else(|| at.params[0].zeros_like()))
        });
        ForwardTangent {
            y: y_dot,
            kept: Vec::new(),
        }
    }

    fn backward_tangent<B: Backend>(
        &self,
        at: &Passes<'_, B>,
        _: &ForwardTangent<B>,
        dy_dot: Tensor<B, 3>,
        of_input: bool,
    ) -> (Vec<Tensor<B, 3>>, Option<Tensor<B, 3>>) {
        let of_vector = sum_of_rest(at.pass.x, &dy_dot);
        (vec![of_vector], of_input.then(|| front(at.pass.x, dy_dot)))
    }

    fn norm(&self) -> Option<&Norm> {
        None
    }

    fn norm_mut(&mut self) -> Option<&mut Norm> {
        None
    }
}

/// Appends `z` to every example.
fn appended<B: Backend>(x: Tensor<B, 3>, z: Tensor<B, 3>) -> Tensor<B, 3> {
    let [tasks, examples, _] = x.dims();
    let size = z.dims()[2];
    Tensor::cat(vec![x, z.expand([tasks, examples, size])], 2)
}

/// As much of `dy` as `x` is wide.
fn front<B: Backend>(x: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
    let [tasks, examples, width] = x.dims();
    dy.slice([0..tasks, 0..examples, 0..width])
}

/// `Σ_examples` of the rest of `dy`, `[T, 1, c]`.
fn sum_of_rest<B: Backend>(x: &Tensor<B, 3>, dy: &Tensor<B, 3>) -> Tensor<B, 3> {
    let [tasks, examples, width] = x.dims();
    let total = dy.dims()[2];
    dy.clone()
        .slice([0..tasks, 0..examples, width..total])
        .sum_dim(1)
}

impl Build for Context {
    type Layer = Self;

    fn build(&self, _: Shape) -> Result<Self::Layer, String> {
        Ok(*self)
    }
}

impl Keys for Context {
    fn fault(&self) -> Option<KeyFault> {
        (!self.initial.is_finite()).then_some(KeyFault {
            key: "initial",
            expected: "a finite number",
            given: self.initial,
        })
    }

    fn widths(&mut self) -> Widths<'_> {
        Widths::default()
    }
}

impl Facts for Context {
    fn role(&self) -> Role {
        Role::Context
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        match input {
            Shape::Vector(features) => Ok(Shape::Vector(features + self.size)),
            Shape::Sequence { .. } | Shape::Image { .. } => {
                Err("it goes beside the features of a vector; put a `flatten` before it".into())
            }
        }
    }

    fn tensors(&self, _: Shape) -> Vec<LayerTensor> {
        vec![("z", vec![self.size], Fill::Constant(self.initial as f32))]
    }

    fn joined(&self, _: usize, _: bool) -> Result<LayerSpec, &'static str> {
        Err("it would mix the members, and has no joined form")
    }

    fn artifact(&self, stored: &Stored<'_>) -> Result<formats::Layer, String> {
        Ok(formats::Layer::Context {
            vector: stored.tensors[0],
        })
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Float
    }
}
