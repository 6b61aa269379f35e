//! Layers that are linear in their input and in their weight, with a bias: dense layers and
//! convolutions.
//!
//! With the patches `p` of the input, which are `x` itself or gathered from it,
//!
//! ```text
//! y  = p·W + b                 ẏ  = ṗ·W + p·Ẇ + ḃ
//! dx = dy·Wᵀ                   dẋ = dẏ·Wᵀ + dy·Ẇᵀ
//! dW = pᵀ·dy                   dẆ = pᵀ·dẏ + ṗᵀ·dy
//! db = Σ dy                    dḃ = Σ dẏ
//! ```

use std::fmt::Debug;

use burn::tensor::{Tensor, backend::Backend};

use super::super::rows;
use super::norm::Norm;
use super::operation::{ForwardTangent, Operation, OutputGradient, Pass, Passes};

/// What an affine layer says. `batch` is `[tasks, examples]` of the input.
pub(in crate::nn) trait Affine: Clone + Debug {
    /// `p`.
    fn patches<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3>;

    /// `p·W + b`.
    fn forward<B: Backend>(
        &self,
        p: &Tensor<B, 3>,
        params: &[Tensor<B, 3>],
        batch: [usize; 2],
    ) -> Tensor<B, 3>;

    /// `p·W`.
    fn product<B: Backend>(
        &self,
        p: &Tensor<B, 3>,
        weight: &Tensor<B, 3>,
        batch: [usize; 2],
    ) -> Tensor<B, 3>;

    /// `dy·Wᵀ`, in the shape of `x`.
    fn input_gradient<B: Backend>(&self, weight: &Tensor<B, 3>, dy: Tensor<B, 3>) -> Tensor<B, 3>;

    /// `pᵀ·dy`: one gradient per task, whether or not the tasks share the weight.
    fn weight_gradient<B: Backend>(&self, p: &Tensor<B, 3>, dy: &Tensor<B, 3>) -> Tensor<B, 3>;

    /// `Σ dy`, one per task.
    fn bias_gradient<B: Backend>(&self, dy: &Tensor<B, 3>) -> Tensor<B, 3>;
}

/// An affine map as a layer. It keeps `p`.
#[derive(Clone, Debug)]
pub(in crate::nn) struct AffineLayer<A>(pub A);

impl<A: Affine> Operation for AffineLayer<A> {
    fn forward<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        x: Tensor<B, 3>,
    ) -> (Tensor<B, 3>, Vec<Tensor<B, 3>>) {
        let [tasks, examples, _] = x.dims();
        let p = self.0.patches(x);
        let y = self.0.forward(&p, params, [tasks, examples]);
        (y, vec![p])
    }

    fn sums<B: Backend>(&self, _: &[Tensor<B, 3>], _: &Tensor<B, 3>) -> Vec<Tensor<B, 3>> {
        Vec::new()
    }

    fn input_gradient<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        _: &Pass<'_, B>,
        gradient: &OutputGradient<B>,
    ) -> Tensor<B, 3> {
        self.0.input_gradient(&params[0], gradient.dy.clone())
    }

    fn gradients<B: Backend>(
        &self,
        pass: &Pass<'_, B>,
        gradient: &OutputGradient<B>,
        adapts: &[bool],
    ) -> Vec<Option<Tensor<B, 3>>> {
        let (p, dy) = (&pass.kept[0], &gradient.dy);
        vec![
            adapts[0].then(|| self.0.weight_gradient(p, dy)),
            adapts[1].then(|| self.0.bias_gradient(dy)),
        ]
    }

    fn forward_tangent<B: Backend>(
        &self,
        at: &Passes<'_, B>,
        x_dot: Option<Tensor<B, 3>>,
    ) -> ForwardTangent<B> {
        let [tasks, examples, _] = at.pass.x.dims();
        let product = |p: &_, weight: &_| self.0.product(p, weight, [tasks, examples]);
        let p_dot = x_dot.map(|x_dot| self.0.patches(x_dot));
        let of_input = p_dot.as_ref().map(|p_dot| product(p_dot, &at.params[0]));
        let of_weight = (at.directions[0].as_ref()).map(|weight| product(&at.pass.kept[0], weight));
        let mut y_dot = match (of_input, of_weight) {
            (Some(of_input), Some(of_weight)) => Some(of_input + of_weight),
            (of_input, of_weight) => of_input.or(of_weight),
        };
        if let Some(bias) = at.directions[1].clone() {
            let y = y_dot.unwrap_or_else(|| at.pass.y.zeros_like());
            let dims @ [_, _, width] = y.dims();
            let channels = bias.dims()[2];
            let by_place = y.reshape([tasks, examples * width / channels, channels]);
            y_dot = Some(rows::add(by_place, bias).reshape(dims));
        }
        ForwardTangent {
            y: y_dot,
            kept: p_dot.into_iter().collect(),
        }
    }

    fn backward_tangent<B: Backend>(
        &self,
        at: &Passes<'_, B>,
        forward: &ForwardTangent<B>,
        dy_dot: Tensor<B, 3>,
        of_input: bool,
    ) -> (Vec<Tensor<B, 3>>, Option<Tensor<B, 3>>) {
        let mut of_weight = self.0.weight_gradient(&at.pass.kept[0], &dy_dot);
        let of_bias = self.0.bias_gradient(&dy_dot);
        if let Some(p_dot) = forward.kept.first() {
            of_weight = of_weight + self.0.weight_gradient(p_dot, &at.gradient.dy);
        }
        let dx_dot = of_input.then(|| {
            let of_gradient = self.0.input_gradient(&at.params[0], dy_dot);
            match &at.directions[0] {
                Some(weight) => {
                    let dy = at.gradient.dy.clone();
                    of_gradient + self.0.input_gradient(weight, dy)
                }
                None => of_gradient,
            }
        });
        (vec![of_weight, of_bias], dx_dot)
    }

    fn norm(&self) -> Option<&Norm> {
        None
    }

    fn norm_mut(&mut self) -> Option<&mut Norm> {
        None
    }
}
