//! The equations once more, in f64 and as plainly as they can be written: no
//! memory shared, gradients by central differences.

mod layers;

use mamlet_formats::{HeadStart, Loss, Reduction};

use super::net::{Example, Net};
use super::piece::Piece;
pub use layers::seen;
use layers::{layer, log_softmax, normalised};

/// All tensors of a network as f64, in the order of the artifact.
pub type Parameters = Vec<Vec<f64>>;

/// One example after the other.
type Batch = Vec<Vec<f64>>;

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// The network's initial values.
pub fn parameters(net: &Net) -> Parameters {
    net.tensors().map(|(values, _)| wide(values)).collect()
}

/// The values before the first step.
pub fn start(net: &Net, examples: &[Example]) -> Parameters {
    let mut parameters = parameters(net);
    let HeadStart::Prototypes { temperature } = net.head else {
        return parameters;
    };
    let temperature = f64::from(temperature);
    let mut below = net.clone();
    below.pieces.pop();
    let inputs: Vec<&[f32]> = examples.iter().map(|(input, _)| &input[..]).collect();
    let features = forward(&below, &parameters, &inputs, 0);
    let (outputs, tensors) = (net.outputs(), parameters.len());
    for class in 0..outputs {
        let own = features.iter().zip(examples);
        let own: Vec<_> = own
            .filter(|(_, (_, target))| target[0] as usize == class)
            .map(|(z, _)| z)
            .collect();
        let mut square = 0.0;
        for i in 0..features[0].len() {
            let mean = own.iter().map(|z| z[i]).sum::<f64>() / own.len().max(1) as f64;
            square += mean * mean;
            parameters[tensors - 2][i * outputs + class] = 2.0 * temperature * mean;
        }
        parameters[tensors - 1][class] = match own.is_empty() {
            true => f64::from(-1e30_f32),
            false => -temperature * square,
        };
    }
    parameters
}

/// The output for one raw input, before any step.
pub fn predict(net: &Net, parameters: &Parameters, input: &[f32]) -> Vec<f64> {
    forward(net, parameters, &[input], 0).remove(0)
}

/// The outputs for raw inputs computed at once, after so many steps.
pub fn forward(net: &Net, parameters: &Parameters, inputs: &[&[f32]], step: usize) -> Batch {
    let mut batch: Batch = inputs.iter().map(|input| wide(input)).collect();
    if let Some((mean, scale)) = &net.normalisation {
        for x in &mut batch {
            for (i, x) in x.iter_mut().enumerate() {
                *x = (*x - f64::from(mean[i])) * f64::from(scale[i]);
            }
        }
    }
    let mut tensors = parameters.iter();
    let mut integer = false;
    for (piece, size) in net.pieces.iter().zip(net.sizes()) {
        let given: Vec<_> = piece
            .tensors()
            .map(|_| &tensors.next().expect("a tensor")[..])
            .collect();
        if let Piece::BatchNorm { .. } | Piece::GroupNorm { .. } = piece {
            batch = normalised(piece, &given, batch, size[2], step);
            continue;
        }
        integer = match piece {
            Piece::Quantize(..) => true,
            Piece::Dequantize(..) => false,
            _ => integer,
        };
        for x in &mut batch {
            *x = layer(piece, &given, x, size, integer);
        }
    }
    batch
}

/// The support loss.
pub fn loss(net: &Net, parameters: &Parameters, examples: &[Example], step: usize) -> f64 {
    let inputs: Vec<&[f32]> = examples.iter().map(|(input, _)| &input[..]).collect();
    let outputs = forward(net, parameters, &inputs, step);
    let pairs = outputs.iter().zip(examples);
    let sum: f64 = pairs
        .map(|(y, (_, target))| of_example(net, y, &wide(target)))
        .sum();
    let numbers = match net.loss {
        Loss::MeanSquaredError | Loss::Huber { .. } => examples.len() * net.outputs(),
        _ => examples.len(),
    };
    match net.reduction {
        Reduction::Sum => sum,
        _ => sum / numbers as f64,
    }
}

/// The loss of one example.
fn of_example(net: &Net, y: &[f64], target: &[f64]) -> f64 {
    let differences = y.iter().zip(target).map(|(y, t)| y - t);
    let weight = target[target.len() - 1];
    match net.loss {
        Loss::CrossEntropy => -log_softmax(y)[target[0] as usize],
        Loss::CategoricalPolicy => -weight * log_softmax(y)[target[0] as usize],
        Loss::GaussianPolicy => {
            let (means, log_sigmas) = y.split_at(y.len() / 2);
            let outputs = means.iter().zip(log_sigmas).zip(target);
            let log_density = |((mean, log_sigma), action): ((&f64, &f64), &f64)| {
                let z = (action - mean) / log_sigma.exp();
                -(0.5 * z * z + log_sigma + 0.5 * std::f64::consts::TAU.ln())
            };
            -weight * outputs.map(log_density).sum::<f64>()
        }
        Loss::Huber { delta } => {
            let delta = f64::from(delta);
            let of = |d: f64| match d.abs() <= delta {
                true => 0.5 * d * d,
                false => delta * (d.abs() - 0.5 * delta),
            };
            differences.map(of).sum()
        }
        _ => differences.map(|d| d * d).sum(),
    }
}

/// The gradient of the loss by each adapting tensor.
pub fn gradient(
    net: &Net,
    parameters: &Parameters,
    examples: &[Example],
    step: usize,
) -> Parameters {
    const STEP: f64 = 1e-6;
    let adapting = net.tensors().enumerate().filter(|(_, (_, adapts))| *adapts);
    let of_tensor = |(tensor, (values, _)): (usize, &(Vec<f32>, bool))| {
        let mut moved = parameters.clone();
        let of_value = |index: usize| {
            let value = parameters[tensor][index];
            let mut at = |step_by: f64| {
                moved[tensor][index] = value + step_by;
                loss(net, &moved, examples, step)
            };
            let difference = at(STEP) - at(-STEP);
            moved[tensor][index] = value;
            difference / (2.0 * STEP)
        };
        (0..values.len()).map(of_value).collect()
    };
    adapting.map(of_tensor).collect()
}

/// The loss before each of `steps` steps of the recipe and after the last, and
/// the adapted parameters.
pub fn adapt(net: &Net, examples: &[Example], steps: usize) -> (Vec<f64>, Parameters) {
    let mut parameters = start(net, examples);
    let mut losses = vec![loss(net, &parameters, examples, 0)];
    let mut velocity: Parameters = Vec::new();
    for step in 0..steps {
        let rates = &net.rates[step.min(net.rates.len() - 1)];
        let mut gradient = gradient(net, &parameters, examples, step);
        let norm = gradient.iter().flatten().map(|g| g * g).sum::<f64>().sqrt();
        if let Some(bound) = net.clip_norm {
            let scale = (f64::from(bound) / norm).min(1.0);
            gradient.iter_mut().flatten().for_each(|g| *g *= scale);
        }
        if velocity.is_empty() {
            velocity = gradient
                .iter()
                .map(|tensor| vec![0.0; tensor.len()])
                .collect();
        }
        let share = f64::from(net.momentum.unwrap_or(0.0));
        for (v, g) in velocity.iter_mut().flatten().zip(gradient.iter().flatten()) {
            *v = share * *v + g;
        }
        let adapting = net.tensors().map(|(_, adapts)| *adapts);
        let adapting = parameters
            .iter_mut()
            .zip(adapting)
            .filter(|(_, adapts)| *adapts);
        for (((values, _), velocity), rate) in adapting.zip(&velocity).zip(rates) {
            for (value, velocity) in values.iter_mut().zip(velocity) {
                *value -= f64::from(*rate) * velocity;
            }
        }
        losses.push(loss(net, &parameters, examples, step + 1));
    }
    (losses, parameters)
}
