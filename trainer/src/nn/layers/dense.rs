//! The dense layer, `y = x·W + b`.
//!
//! Shapes: `x [T, B, in]`, `W [T, in, out]`, `b [T, 1, out]`, `y [T, B, out]`; `W` and `b` have
//! a leading 1 while all tasks share them.

use burn::tensor::{Tensor, backend::Backend};
use mamlet_formats as formats;
use mamlet_formats::Integers;
use serde::{Deserialize, Serialize};

use super::super::rows;
use super::affine::{Affine, AffineLayer};
use super::facts::{
    self, Build, Facts, KeyFault, Keys, LayerTensor, OnIntegers, Packing, Products, Role, Stored,
    Widths,
};
use super::{LayerSpec, Shape};

/// `y = x·W + b` with `W [in, out]` and `b [out]`, over all features of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// Features of the result.
    pub out: usize,
}

impl Affine for Dense {
    /// `x`.
    fn patches<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        x
    }

    fn forward<B: Backend>(
        &self,
        x: &Tensor<B, 3>,
        params: &[Tensor<B, 3>],
        _: [usize; 2],
    ) -> Tensor<B, 3> {
        let (weight, bias) = (params[0].clone(), params[1].clone());
        rows::add(product(x.clone(), weight), bias)
    }

    fn product<B: Backend>(
        &self,
        x: &Tensor<B, 3>,
        weight: &Tensor<B, 3>,
        _: [usize; 2],
    ) -> Tensor<B, 3> {
        product(x.clone(), weight.clone())
    }

    fn input_gradient<B: Backend>(&self, weight: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
        input_gradient(weight, dy)
    }

    fn weight_gradient<B: Backend>(&self, x: &Tensor<B, 3>, dy: &Tensor<B, 3>) -> Tensor<B, 3> {
        weight_gradient(x, dy)
    }

    fn bias_gradient<B: Backend>(&self, dy: &Tensor<B, 3>) -> Tensor<B, 3> {
        rows::sum(dy.clone())
    }
}

/// `dx = dy·Wᵀ`.
pub(super) fn input_gradient<B: Backend>(weight: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3> {
    product(dy, weight.clone().swap_dims(1, 2))
}

/// `dW = xᵀ·dy`, `[T, in, out]`.
pub(super) fn weight_gradient<B: Backend>(x: &Tensor<B, 3>, dy: &Tensor<B, 3>) -> Tensor<B, 3> {
    x.clone().swap_dims(1, 2).matmul(dy.clone())
}

/// `[T, B, k] · [T or 1, k, n]`. A shared right-hand side makes it one large product over all
/// tasks' examples instead of `T` small ones.
pub(super) fn product<B: Backend>(x: Tensor<B, 3>, weight: Tensor<B, 3>) -> Tensor<B, 3> {
    let [tasks, examples, inner] = x.dims();
    let [shared, _, outer] = weight.dims();
    if shared == 1 && tasks > 1 {
        x.reshape([1, tasks * examples, inner])
            .matmul(weight)
            .reshape([tasks, examples, outer])
    } else {
        x.matmul(weight)
    }
}

impl Build for Dense {
    type Layer = AffineLayer<Self>;

    fn build(&self, _: Shape) -> Result<Self::Layer, String> {
        Ok(AffineLayer(*self))
    }
}

impl Keys for Dense {
    fn fault(&self) -> Option<KeyFault> {
        None
    }

    fn widths(&mut self) -> Widths<'_> {
        Widths {
            outputs: Some(&mut self.out),
            groups: None,
        }
    }
}

impl Facts for Dense {
    fn role(&self) -> Role {
        Role::Weights
    }

    fn output(&self, _: Shape) -> Result<Shape, String> {
        Ok(Shape::Vector(self.out))
    }

    fn tensors(&self, input: Shape) -> Vec<LayerTensor> {
        let weight = facts::weight(input.features(), self.out, self.out);
        vec![weight, facts::bias(self.out)]
    }

    fn joined(&self, _: usize, _: bool) -> Result<LayerSpec, &'static str> {
        Err(
            "members are joined where their bodies are convolutions, and only the last layer is \
             dense",
        )
    }

    fn artifact(&self, stored: &Stored<'_>) -> Result<formats::Layer, String> {
        Ok(formats::Layer::Dense {
            outputs: self.out as u32,
            weight: stored.tensors[0],
            bias: Some(stored.tensors[1]),
        })
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        OnIntegers::Products(self)
    }
}

impl Products for Dense {
    fn outputs(&self, _: Shape) -> usize {
        self.out
    }

    fn packing(&self) -> Packing {
        Packing::Groups(1)
    }

    fn artifact(&self, _: Shape, integers: Integers) -> Result<formats::Layer, String> {
        Ok(formats::Layer::IntegerDense {
            outputs: self.out as u32,
            integers,
        })
    }
}
