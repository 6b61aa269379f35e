//! A layer for tests alone, added as `trainer/docs/adding.md` says: every channel times the
//! next one. Its Jacobian is not symmetric and moves with `x`, so a passage of the trainer
//! that takes either for granted is found out.
//!
//! Shapes: `x, y [T, B, positions·C]`. With `S x` for `x` moved by one channel,
//! `(S x)[c] = x[c + 1]` and `(S x)[C − 1] = x[0]`,
//!
//! ```text
//! y  = x ⊙ S x                         ẏ  = ẋ ⊙ S x + x ⊙ S ẋ
//! dx = dy ⊙ S x + Sᵀ(dy ⊙ x)           dẋ = dẏ ⊙ S x + Sᵀ(dẏ ⊙ x) + dy ⊙ S ẋ + Sᵀ(dy ⊙ ẋ)
//! ```

use burn::tensor::{Tensor, backend::Backend};
use mamlet_formats as formats;

use super::facts::{Build, Facts, LayerTensor, OnIntegers, Role, Stored};
use super::norm::Norm;
use super::operation::{ForwardTangent, Operation, OutputGradient, Pass, Passes};
use super::{LayerSpec, Shape};

/// `y[c] = x[c] · x[c + 1]` over the channels of every position, the first behind the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour;

/// A [`Neighbour`] on positions of so many channels.
#[derive(Clone, Debug)]
pub(in crate::nn) struct Products {
    channels: usize,
}

impl Operation for Products {
    fn forward<B: Backend>(
        &self,
        _: &[Tensor<B, 3>],
        x: Tensor<B, 3>,
    ) -> (Tensor<B, 3>, Vec<Tensor<B, 3>>) {
        let next = self.moved(&x, 1);
        (x * next, Vec::new())
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
        self.backward(pass.x, &gradient.dy)
    }

    fn gradients<B: Backend>(
        &self,
        _: &Pass<'_, B>,
        _: &OutputGradient<B>,
        _: &[bool],
    ) -> Vec<Option<Tensor<B, 3>>> {
        Vec::new()
    }

    /// Keeps `ẋ`.
    fn forward_tangent<B: Backend>(
        &self,
        at: &Passes<'_, B>,
        x_dot: Option<Tensor<B, 3>>,
    ) -> ForwardTangent<B> {
        let x = at.pass.x;
        let tangent = |x_dot: &Tensor<B, 3>| {
            x_dot.clone() * self.moved(x, 1) + x.clone() * self.moved(x_dot, 1)
        };
        ForwardTangent {
            y: x_dot.as_ref().map(tangent),
            kept: x_dot.into_iter().collect(),
        }
    }

    fn backward_tangent<B: Backend>(
        &self,
        at: &Passes<'_, B>,
        forward: &ForwardTangent<B>,
        dy_dot: Tensor<B, 3>,
        of_input: bool,
    ) -> (Vec<Tensor<B, 3>>, Option<Tensor<B, 3>>) {
        let dx_dot = of_input.then(|| {
            let of_gradient = self.backward(at.pass.x, &dy_dot);
            match forward.kept.first() {
                Some(x_dot) => of_gradient + self.backward(x_dot, &at.gradient.dy),
                None => of_gradient,
            }
        });
        (Vec::new(), dx_dot)
    }

    fn norm(&self) -> Option<&Norm> {
        None
    }

    fn norm_mut(&mut self) -> Option<&mut Norm> {
        None
    }
}

impl Products {
    /// `dy ⊙ S x + Sᵀ(dy ⊙ x)`, which is linear in both.
    fn backward<B: Backend>(&self, x: &Tensor<B, 3>, dy: &Tensor<B, 3>) -> Tensor<B, 3> {
        let of_next = self.moved(&(dy.clone() * x.clone()), self.channels - 1);
        dy.clone() * self.moved(x, 1) + of_next
    }

    /// Every channel becomes the one `by` channels behind it: `S` for 1, `Sᵀ` for `C − 1`.
    fn moved<B: Backend>(&self, x: &Tensor<B, 3>, by: usize) -> Tensor<B, 3> {
        let (dims, channels) = (x.dims(), self.channels);
        let rows = x.shape().num_elements() / channels;
        let x: Tensor<B, 2> = x.clone().reshape([rows, channels]);
        let by = by % channels;
        let behind = x.clone().slice([0..rows, by..channels]);
        match by {
            0 => behind,
            _ => Tensor::cat(vec![behind, x.slice([0..rows, 0..by])], 1),
        }
        .reshape(dims)
    }
}

impl Build for Neighbour {
    type Layer = Products;

    fn build(&self, input: Shape) -> Result<Self::Layer, String> {
        Ok(Products {
            channels: input.channels(),
        })
    }
}

impl Facts for Neighbour {
    fn role(&self) -> Role {
        Role::Fixed
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(input)
    }

    fn tensors(&self, _: Shape) -> Vec<LayerTensor> {
        Vec::new()
    }

    fn joined(&self, _: usize, _: bool) -> Result<LayerSpec, &'static str> {
        Err("it would mix the members, and has no joined form")
    }

    fn artifact(&self, _: &Stored<'_>) -> Result<formats::Layer, String> {
        Err("boards do not have this layer".into())
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Float
    }
}
