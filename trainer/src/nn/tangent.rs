//! How forward and backward pass move along a direction.
//!
//! Every value `v` of the two passes has a derivative `v̇` along a direction `θ̇` of the
//! parameters, its tangent. One more forward and one more backward pass give them all
//! (Pearlmutter 1994, "Fast exact multiplication by the Hessian"), and as second
//! derivatives are symmetric, the tangents of the gradients are the product of the
//! Hessian with `θ̇`. No graph is built.
//!
//! A layer that is linear in its input and in its weight, `y = x·W + b`, has
//!
//! ```text
//! ẏ  = ẋ·W + x·Ẇ + ḃ
//! dẋ = dẏ·Wᵀ + dy·Ẇᵀ
//! dẆ = ẋᵀ·dy + xᵀ·dẏ           dḃ = Σ dẏ
//! ```
//!
//! An element-wise layer or a softmax has a symmetric Jacobian `J(y)`, so that its own
//! backward is `ẏ = J·ẋ` too, and `dẋ = J·dẏ + J̇·dy`; `J̇` is 0 where it is piecewise
//! linear. For norms see [`super::norm`].

use burn::tensor::{Tensor, backend::Backend};

use super::layer::{Delta, Kept, Kind, Layer};
use super::{Deltas, Network, Trace, activation, context, dense, depthwise, rows};

/// What both passes have given at one layer.
struct Passes<'a, B: Backend> {
    params: &'a [Tensor<B, 3>],
    x: &'a Tensor<B, 3>,
    y: &'a Tensor<B, 3>,
    kept: &'a Kept<B>,
    delta: &'a Delta<B>,
    /// The direction of each tensor, `[T, ...]`; `None` is 0.
    directions: &'a [Option<Tensor<B, 3>>],
}

/// How the forward pass moves at one layer; `None` is 0.
struct Moved<B: Backend> {
    x: Option<Tensor<B, 3>>,
    y: Option<Tensor<B, 3>>,
    kept: Kept<B>,
}

impl Network {
    /// The derivatives, along `directions`, of the gradients of all tensors, `[T, ...]`
    /// each, and where it is wanted that of the gradient of the input.
    ///
    /// `trace` and `deltas` are those of a network with all tensors adapting;
    /// `directions` has a `[T, ...]` for each tensor or `None` for 0, at least one; and
    /// `bend` turns `ẏ`, the tangent of the predictions, into that of the gradient that
    /// `deltas` start from. Panics where that is not so.
    pub fn gradient_tangents<B: Backend>(
        &self,
        params: &[Tensor<B, 3>],
        (trace, deltas): (&Trace<B>, &Deltas<B>),
        directions: &[Option<Tensor<B, 3>>],
        bend: impl FnOnce(Tensor<B, 3>) -> Tensor<B, 3>,
        of_input: bool,
    ) -> (Vec<Tensor<B, 3>>, Option<Tensor<B, 3>>) {
        let passes = |index: usize| Passes {
            params: self.of_layer(params, index),
            x: &trace.activations[index],
            y: &trace.activations[index + 1],
            kept: &trace.kept[index],
            delta: deltas.outputs[index].as_ref().expect("all tensors adapt"),
            directions: &directions[self.first[index]..self.first[index + 1]],
        };
        let mut all_moved: Vec<Moved<B>> = Vec::with_capacity(self.layers.len());
        let mut x = None;
        for (index, layer) in self.layers.iter().enumerate() {
            let moved = layer.move_forward(&passes(index), x);
            x = moved.y.clone();
            all_moved.push(moved);
        }
        let mut dy = bend(x.expect("at least one direction"));
        let mut gradients = Vec::with_capacity(self.tensors.len());
        for (index, moved) in all_moved.iter().enumerate().rev() {
            let (layer, at) = (&self.layers[index], &passes(index));
            let delta = layer.move_delta(at, moved, dy.clone());
            let of_layer = layer.move_gradients(at, moved, &delta);
            gradients.extend(of_layer.into_iter().rev());
            if index > 0 || of_input {
                dy = layer.move_input_gradient(at, moved, &delta);
            }
        }
        gradients.reverse();
        (gradients, of_input.then_some(dy))
    }
}

impl Layer {
    /// `ẏ` for `ẋ`, and the tangents of what the forward pass keeps.
    fn move_forward<B: Backend>(&self, at: &Passes<B>, x: Option<Tensor<B, 3>>) -> Moved<B> {
        let mut kept = Kept::Nothing;
        let y = match (&self.kind, at.kept) {
            (Kind::Norm(norm), Kept::Normed(normed)) => {
                let directions = [&at.directions[0], &at.directions[1]];
                if x.is_none() && directions.iter().all(|direction| direction.is_none()) {
                    // Its backward is needed all the same.
                    kept = Kept::Normed(normed.zeros_like());
                    None
                } else {
                    let x = x.clone().unwrap_or_else(|| at.x.zeros_like());
                    let (y, moved) = norm.forward_tangent(at.params, directions, normed, x);
                    kept = Kept::Normed(moved);
                    Some(y)
                }
            }
            (Kind::Dense | Kind::Conv(_) | Kind::Depthwise(_), _) => {
                let of_input = x.as_ref().map(|x| {
                    kept = self.windows(x);
                    self.product(x, &kept, &at.params[0])
                });
                let of_weight =
                    (at.directions[0].as_ref()).map(|weight| self.product(at.x, at.kept, weight));
                self.with_bias(at, plus(of_input, of_weight))
            }
            (Kind::Context, _) => {
                let z = at.directions[0].clone();
                (x.is_some() || z.is_some()).then(|| {
                    let x = x.clone().unwrap_or_else(|| at.x.zeros_like());
                    let z = z.unwrap_or_else(|| at.params[0].zeros_like());
                    context::forward(&[z], x)
                })
            }
            (Kind::MaxPool(pool), Kept::Winners(winners)) => {
                x.clone().map(|x| pool.pick(winners, x))
            }
            (Kind::AveragePool(_) | Kind::GlobalAveragePool | Kind::Flatten, _) => {
                x.clone().map(|x| self.forward(at.params, x).0)
            }
            // A symmetric Jacobian.
            _ => x.clone().map(|x| {
                let delta = Delta { dy: x, sums: None };
                self.input_gradient(at.params, (at.x, at.y), at.kept, &delta)
            }),
        };
        Moved { x, y, kept }
    }

    /// `dẏ` with the tangents of what all gradients of the layer are made of.
    fn move_delta<B: Backend>(
        &self,
        at: &Passes<B>,
        moved: &Moved<B>,
        dy: Tensor<B, 3>,
    ) -> Delta<B> {
        let sums = match (&self.kind, at.kept, &moved.kept) {
            (Kind::Norm(norm), Kept::Normed(normed), Kept::Normed(moved)) => {
                Some(norm.sums_tangent([normed, moved], &at.delta.dy, &dy))
            }
            _ => None,
        };
        Delta { dy, sums }
    }

    /// `dθ˙` of every tensor.
    fn move_gradients<B: Backend>(
        &self,
        at: &Passes<B>,
        moved: &Moved<B>,
        delta: &Delta<B>,
    ) -> Vec<Tensor<B, 3>> {
        if let (Kind::Norm(norm), Kept::Normed(normed), Kept::Normed(to)) =
            (&self.kind, at.kept, &moved.kept)
            && let (Some(sums), Some(moved_sums)) = (&at.delta.sums, &delta.sums)
        {
            let tasks = delta.dy.dims()[0];
            return norm
                .gradients_tangent([normed, to], [sums, moved_sums], tasks)
                .into();
        }
        let all = vec![true; at.params.len()];
        let gradients = self.gradients(at.x, at.kept, delta, &all);
        let mut gradients: Vec<_> = gradients.into_iter().flatten().collect();
        if let (Kind::Dense | Kind::Conv(_) | Kind::Depthwise(_), Some(x)) = (&self.kind, &moved.x)
        {
            let of_input = self.gradients(x, &moved.kept, at.delta, &[true, false]);
            // The weight is the first of the two.
            if let Some(of_input) = of_input.into_iter().flatten().next() {
                gradients[0] = gradients[0].clone() + of_input;
            }
        }
        gradients
    }

    /// `dẋ`.
    fn move_input_gradient<B: Backend>(
        &self,
        at: &Passes<B>,
        moved: &Moved<B>,
        delta: &Delta<B>,
    ) -> Tensor<B, 3> {
        let channels = self.input.channels();
        let (before, y) = (at.delta.dy.clone(), at.y);
        if let (Kind::Norm(norm), Kept::Normed(normed), Kept::Normed(to)) =
            (&self.kind, at.kept, &moved.kept)
            && let (Some(sums), Some(moved_sums)) = (&at.delta.sums, &delta.sums)
        {
            return norm.input_gradient_tangent(
                at.params,
                &at.directions[0],
                [normed, to],
                [sums, moved_sums],
                before,
                delta.dy.clone(),
            );
        }
        let straight = self.input_gradient(at.params, (at.x, y), at.kept, delta);
        let bend = match (&self.kind, moved.y.clone()) {
            (Kind::Dense | Kind::Conv(_) | Kind::Depthwise(_), _) => at.directions[0]
                .clone()
                .map(|weight| self.input_gradient(&[weight], (at.x, y), at.kept, at.delta)),
            (Kind::Tanh, Some(moved)) => Some(activation::tanh_bend(y, moved, before)),
            (Kind::Sigmoid, Some(moved)) => Some(activation::sigmoid_bend(y, moved, before)),
            (Kind::Softmax, Some(moved)) => {
                Some(activation::softmax_bend(channels, y, moved, before))
            }
            _ => None,
        };
        match bend {
            Some(bend) => straight + bend,
            None => straight,
        }
    }

    /// What a linear layer keeps of an input.
    fn windows<B: Backend>(&self, x: &Tensor<B, 3>) -> Kept<B> {
        match &self.kind {
            Kind::Conv(conv) => Kept::Patches(conv.patches(x.clone())),
            Kind::Depthwise(patches) => Kept::Patches(patches.gather_planes(x.clone())),
            _ => Kept::Nothing,
        }
    }

    /// `x·W` of a linear layer, from the input and what is kept of it.
    fn product<B: Backend>(
        &self,
        x: &Tensor<B, 3>,
        kept: &Kept<B>,
        weight: &Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        match (&self.kind, kept) {
            (Kind::Conv(conv), Kept::Patches(p)) => conv.product(p, weight),
            (Kind::Depthwise(patches), Kept::Patches(p)) => {
                let [tasks, examples, _] = x.dims();
                let width = patches.window().places() * patches.channels();
                depthwise::apply(p, weight, tasks).reshape([tasks, examples, width])
            }
            _ => dense::product(x.clone(), weight.clone()),
        }
    }

    /// `y + ḃ`.
    fn with_bias<B: Backend>(
        &self,
        at: &Passes<B>,
        y: Option<Tensor<B, 3>>,
    ) -> Option<Tensor<B, 3>> {
        let Some(bias) = at.directions[1].clone() else {
            return y;
        };
        let y = y.unwrap_or_else(|| at.y.zeros_like());
        let dims @ [tasks, examples, width] = y.dims();
        let channels = bias.dims()[2];
        let by_place = y.reshape([tasks, examples * width / channels, channels]);
        Some(rows::add(by_place, bias).reshape(dims))
    }
}

/// The sum of two that may be 0.
fn plus<B: Backend>(a: Option<Tensor<B, 3>>, b: Option<Tensor<B, 3>>) -> Option<Tensor<B, 3>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    }
}
