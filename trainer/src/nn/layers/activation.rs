//! Activations: functions of the channels of one position, without tensors, whose backward
//! needs their result alone.
//!
//! With the Jacobian `J(y)` of one position,
//!
//! ```text
//! ẏ  = J·ẋ
//! dx = Jᵀ·dy
//! dẋ = Jᵀ·dẏ + J̇ᵀ·dy
//! ```

use std::fmt::Debug;

use burn::tensor::{Tensor, backend::Backend};
use mamlet_formats as formats;

use super::facts::{Build, Facts, LayerTensor, OnIntegers, Role, Stored};
use super::norm::Norm;
use super::operation::{ForwardTangent, Operation, OutputGradient, Pass, Passes};
use super::{LayerSpec, Shape};

/// What an activation says. `channels` are those of a position.
pub(in crate::nn) trait Activation: Clone + Debug + Into<LayerSpec> {
    /// `y`.
    fn forward<B: Backend>(&self, channels: usize, x: Tensor<B, 3>) -> Tensor<B, 3>;

    /// `Jᵀ·dy`.
    fn backward<B: Backend>(
        &self,
        channels: usize,
        y: &Tensor<B, 3>,
        dy: Tensor<B, 3>,
    ) -> Tensor<B, 3>;

    /// `J·ẋ`. It is the backward where `J` is symmetric.
    fn forward_tangent<B: Backend>(
        &self,
        channels: usize,
        y: &Tensor<B, 3>,
        x_dot: Tensor<B, 3>,
    ) -> Tensor<B, 3>;

    /// `J̇ᵀ·dy`, for `J` that moves with `y` along `ẏ`; `None` where `J` is piecewise
    /// constant.
    fn jacobian_tangent<B: Backend>(
        &self,
        channels: usize,
        y: &Tensor<B, 3>,
        y_dot: Tensor<B, 3>,
        dy: Tensor<B, 3>,
    ) -> Option<Tensor<B, 3>>;

    /// Whether a result depends on more than its own channel.
    fn mixes_channels(&self) -> bool;

    /// What it is in an artifact.
    fn artifact(&self) -> formats::Layer;

    /// See [`Facts::on_integers`].
    fn on_integers(&self) -> OnIntegers<'_>;
}

impl<A: Activation> Facts for A {
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
        match self.mixes_channels() {
            true => Err("it would mix the members, and has no joined form"),
            false => Ok(self.clone().into()),
        }
    }

    fn artifact(&self, _: &Stored<'_>) -> Result<formats::Layer, String> {
        Ok(Activation::artifact(self))
    }

    fn on_integers(&self) -> OnIntegers<'_> {
        Activation::on_integers(self)
    }
}

impl<A: Activation> Build for A {
    type Layer = ActivationLayer<A>;

    fn build(&self, input: Shape) -> Result<Self::Layer, String> {
        Ok(ActivationLayer {
            activation: self.clone(),
            channels: input.channels(),
        })
    }
}

/// An activation on positions of so many channels.
#[derive(Clone, Debug)]
pub(in crate::nn) struct ActivationLayer<A> {
    activation: A,
    channels: usize,
}

impl<A: Activation> Operation for ActivationLayer<A> {
    fn forward<B: Backend>(
        &self,
        _: &[Tensor<B, 3>],
        x: Tensor<B, 3>,
    ) -> (Tensor<B, 3>, Vec<Tensor<B, 3>>) {
        (self.activation.forward(self.channels, x), Vec::new())
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
        let dy = gradient.dy.clone();
        self.activation.backward(self.channels, pass.y, dy)
    }

    fn gradients<B: Backend>(
        &self,
        _: &Pass<'_, B>,
        _: &OutputGradient<B>,
        _: &[bool],
    ) -> Vec<Option<Tensor<B, 3>>> {
        Vec::new()
    }

    fn forward_tangent<B: Backend>(
        &self,
        at: &Passes<'_, B>,
        x_dot: Option<Tensor<B, 3>>,
    ) -> ForwardTangent<B> {
        let tangent = |x_dot| (self.activation).forward_tangent(self.channels, at.pass.y, x_dot);
        ForwardTangent {
            y: x_dot.map(tangent),
            kept: Vec::new(),
        }
    }

    fn backward_tangent<B: Backend>(
        &self,
        at: &Passes<'_, B>,
        forward: &ForwardTangent<B>,
        dy_dot: Tensor<B, 3>,
        of_input: bool,
    ) -> (Vec<Tensor<B, 3>>, Option<Tensor<B, 3>>) {
        let (channels, y) = (self.channels, at.pass.y);
        let dx_dot = of_input.then(|| {
            let of_gradient = self.activation.backward(channels, y, dy_dot);
            let of_jacobian = forward.y.clone().and_then(|y_dot| {
                let dy = at.gradient.dy.clone();
                self.activation.jacobian_tangent(channels, y, y_dot, dy)
            });
            match of_jacobian {
                Some(of_jacobian) => of_gradient + of_jacobian,
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
