//! The head, the last layer with tensors: networks that differ in nothing but the
//! number of its outputs.

use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use super::{Network, TensorInfo};

/// Where the outputs of the head start, and with what step sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadStart {
    /// Each at weights of its own.
    #[default]
    Own,
    /// All at the same weights, which are learned (UNICORN-MAML, Ye & Chao
    /// 2022). Which class has which label then makes no difference before
    /// adaptation nor after it, and any number of classes starts from the same
    /// weights. The first inner step changes the head alone: of a feature `h` the
    /// gradient of the cross-entropy is `Σ_c (p_c − y_c) w_c`, which is 0 where all
    /// `w_c` are equal.
    Shared,
    /// Where the examples lie (Proto-MAML, Triantafillou et al. 2020). With `μ_c` the
    /// mean of what the layers below the head make of the support examples of class `c`,
    ///
    /// ```text
    /// w_c = 2 τ μ_c        b_c = −τ ‖μ_c‖²        τ > 0
    /// ```
    ///
    /// so that before the first step the logits are, up to a number that is the same for
    /// all classes, the negative squared distances to the means, times `τ`: a
    /// prototypical network (Snell et al. 2017). Any number of classes has such a start.
    /// Its one parameter is `ln τ`, which is learned, from `−½ ln d` for `d` features on.
    /// It is the first element of the
    /// head's bias; the other parameters of the head are 0 and stay there.
    Prototype,
}

impl HeadStart {
    /// The default, which is not spelled out in configs.
    pub(crate) fn is_own(&self) -> bool {
        *self == Self::Own
    }

    /// As written in a config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Shared => "shared",
            Self::Prototype => "prototype",
        }
    }

    /// Whether it gives a start to any number of classes.
    pub fn takes_any_ways(self) -> bool {
        match self {
            Self::Own => false,
            Self::Shared | Self::Prototype => true,
        }
    }

    /// Whether the stored head of `other` is one for heads that start like this.
    pub fn takes(self, other: Self) -> bool {
        match (self, other) {
            (Self::Prototype, Self::Prototype) => true,
            (Self::Prototype, _) | (_, Self::Prototype) => false,
            (Self::Own, _) | (_, Self::Shared) => true,
            (Self::Shared, Self::Own) => false,
        }
    }

    /// The drawn parameters `flat` of `network` as ones whose head starts like this.
    pub fn begin(self, network: &Network, flat: Vec<f32>) -> Vec<f32> {
        let begun = match self {
            Self::Own => None,
            Self::Shared => with_shared_head(network, &flat),
            Self::Prototype => with_prototype_head(network, &flat),
        };
        // It is the network's own, so it fits.
        begun.unwrap_or(flat)
    }
}

/// `τ` of the stored parameters of a network whose head starts at prototypes.
pub fn temperature(network: &Network, params: &[Vec<f32>]) -> Option<f32> {
    let of_head = network.tensors().iter().zip(params);
    let mut of_head = of_head.filter(|(info, _)| contains(network, info));
    // The bias stands behind the weight.
    let logarithm = of_head.nth(1)?.1.first()?;
    Some(logarithm.exp())
}

/// Whether a tensor belongs to the head of `network`.
pub fn contains(network: &Network, info: &TensorInfo) -> bool {
    let tensors = network.tensors();
    tensors.last().is_some_and(|last| info.layer == last.layer)
}

fn tensors_of_head(network: &Network) -> impl Iterator<Item = &TensorInfo> {
    let tensors = network.tensors().iter();
    tensors.filter(|info| contains(network, info))
}

/// Parameters below the head.
pub fn body_length(network: &Network) -> usize {
    let head: usize = tensors_of_head(network).map(TensorInfo::len).sum();
    network.parameter_count() - head
}

/// The number of outputs of a network that differs from `network` in nothing
/// else and has so many parameters; `None` if there is no such network.
pub fn outputs(network: &Network, parameters: usize) -> Option<usize> {
    let body = body_length(network);
    let of_output = (network.parameter_count() - body) / network.output();
    let head = parameters.checked_sub(body)?;
    (head > 0 && head.is_multiple_of(of_output)).then(|| head / of_output)
}

/// The parameters of `network` from those of one with another number of outputs:
/// its body, and a head of zeros. `None` if the body is another.
pub fn with_empty_head(network: &Network, flat: &[f32]) -> Option<Vec<f32>> {
    let mut flat = flat.get(..body_length(network))?.to_vec();
    flat.resize(network.parameter_count(), 0.0);
    Some(flat)
}

/// The parameters of `network` from those of one with another number of outputs: its
/// body, and a head that starts at prototypes with the temperature `1/√d` for `d`
/// features below it. Distances grow with their number, and probabilities that are as
/// good as 0 or 1 teach nothing. `None` if the body is another.
fn with_prototype_head(network: &Network, flat: &[f32]) -> Option<Vec<f32>> {
    let mut flat = with_empty_head(network, flat)?;
    let weight = tensors_of_head(network).next()?;
    let features = weight.len() / network.output();
    let logarithm = flat.get_mut(body_length(network) + weight.len())?;
    *logarithm = -0.5 * (features as f32).ln();
    Some(flat)
}

/// The parameters of `network` from those of one with another number of outputs,
/// whose first every output becomes. `None` if the body is another.
pub fn with_shared_head(network: &Network, flat: &[f32]) -> Option<Vec<f32>> {
    with_head_of(network, flat, |_| 0)
}

/// The parameters of `network` from those of one with as many outputs or more, of
/// which it has the first. `None` if the body is another, or there are fewer.
pub fn with_first_outputs(network: &Network, flat: &[f32]) -> Option<Vec<f32>> {
    let enough = outputs(network, flat.len())? >= network.output();
    enough.then(|| with_head_of(network, flat, |output| output))?
}

/// The parameters of `network` from those of one with another number of outputs,
/// of which each of its own is the one that `origin` says.
fn with_head_of(
    network: &Network,
    flat: &[f32],
    origin: impl Fn(usize) -> usize,
) -> Option<Vec<f32>> {
    let (from, to) = (outputs(network, flat.len())?, network.output());
    let (body, mut rest) = flat.split_at(body_length(network));
    let mut result = body.to_vec();
    for info in tensors_of_head(network) {
        let (tensor, after) = rest.split_at(info.len() / to * from);
        rest = after;
        for row in tensor.chunks_exact(from) {
            result.extend((0..to).map(|output| row[origin(output)]));
        }
    }
    Some(result)
}

/// The gradient of a head whose outputs are held equal: that of every output
/// becomes the mean over all, which is the projection of the gradient, `[1, in,
/// out]`, on such heads.
pub fn hold_equal<B: Backend>(network: &Network, gradients: &mut [Tensor<B, 3>]) {
    for (info, gradient) in network.tensors().iter().zip(gradients) {
        if contains(network, info) {
            let outputs = gradient.dims()[2];
            let mean = gradient.clone().mean_dim(2);
            *gradient = mean.repeat_dim(2, outputs);
        }
    }
}

/// A factor for every adapting tensor: `of_head` for those of the head, else 1.
pub fn rate_factors(network: &Network, of_head: f32) -> Vec<f32> {
    let adapting = network.tensors().iter().filter(|info| info.adapts);
    adapting
        .map(|info| match contains(network, info) {
            true => of_head,
            false => 1.0,
        })
        .collect()
}
