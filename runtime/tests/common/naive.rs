//! The equations once more, in f64 and as plainly as they can be written: one
//! example at a time, no memory shared, gradients by central differences.

use mamlet_formats::{Loss, Reduction};

use super::{Example, Net, Piece};

/// All tensors of a network as f64, in the order of the artifact.
pub type Parameters = Vec<Vec<f64>>;

/// The network's initial values.
pub fn parameters(net: &Net) -> Parameters {
    let wide = |values: &Vec<f32>| values.iter().copied().map(f64::from).collect();
    net.tensors().map(|(values, _)| wide(values)).collect()
}

/// The output for one raw input.
pub fn predict(net: &Net, parameters: &Parameters, input: &[f32]) -> Vec<f64> {
    let mut x: Vec<f64> = input.iter().copied().map(f64::from).collect();
    if let Some((mean, scale)) = &net.normalisation {
        for i in 0..x.len() {
            x[i] = (x[i] - f64::from(mean[i])) * f64::from(scale[i]);
        }
    }
    let mut tensors = parameters.iter();
    let mut next = || tensors.next().expect("a tensor for every place");
    for piece in &net.pieces {
        x = match piece {
            Piece::Dense { outputs, bias, .. } => {
                let weight = next();
                let mut y = match bias {
                    Some(_) => next().clone(),
                    None => vec![0.0; *outputs],
                };
                for (i, x) in x.iter().enumerate() {
                    for (j, y) in y.iter_mut().enumerate() {
                        *y += x * weight[i * outputs + j];
                    }
                }
                y
            }
            Piece::Relu => x.iter().map(|x| x.max(0.0)).collect(),
            Piece::LeakyRelu(slope) => {
                let slope = f64::from(*slope);
                x.iter()
                    .map(|&x| if x > 0.0 { x } else { slope * x })
                    .collect()
            }
            Piece::Tanh => x.iter().map(|x| x.tanh()).collect(),
            Piece::Sigmoid => x.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
            Piece::Context(_) => [&x[..], next()].concat(),
        };
    }
    x
}

/// The support loss.
pub fn loss(net: &Net, parameters: &Parameters, examples: &[Example]) -> f64 {
    let of_example = |(input, target): &Example| -> f64 {
        let y = predict(net, parameters, input);
        match net.loss {
            Loss::CrossEntropy => {
                let total: f64 = y.iter().map(|y| y.exp()).sum();
                total.ln() - y[target[0] as usize]
            }
            _ => {
                let pairs = y.iter().zip(target);
                pairs.map(|(y, t)| (y - f64::from(*t)).powi(2)).sum()
            }
        }
    };
    let sum: f64 = examples.iter().map(of_example).sum();
    let numbers: usize = examples.iter().map(|(_, target)| target.len()).sum();
    match net.reduction {
        Reduction::Sum => sum,
        _ => sum / numbers as f64,
    }
}

/// The gradient of the loss by each adapting tensor.
pub fn gradient(net: &Net, parameters: &Parameters, examples: &[Example]) -> Parameters {
    const STEP: f64 = 1e-6;
    let adapting = net.tensors().enumerate().filter(|(_, (_, adapts))| *adapts);
    let of_tensor = |(tensor, (values, _)): (usize, &(Vec<f32>, bool))| {
        let of_value = |index: usize| {
            let at = |step: f64| {
                let mut moved = parameters.clone();
                moved[tensor][index] += step;
                loss(net, &moved, examples)
            };
            (at(STEP) - at(-STEP)) / (2.0 * STEP)
        };
        (0..values.len()).map(of_value).collect()
    };
    adapting.map(of_tensor).collect()
}

/// The loss before each of `steps` steps of the recipe and after the last.
pub fn losses(net: &Net, examples: &[Example], steps: usize) -> Vec<f64> {
    let mut parameters = parameters(net);
    let mut losses = vec![loss(net, &parameters, examples)];
    for step in 0..steps {
        let rates = &net.rates[step.min(net.rates.len() - 1)];
        let gradient = gradient(net, &parameters, examples);
        let adapting = net.tensors().map(|(_, adapts)| *adapts);
        let adapting = parameters
            .iter_mut()
            .zip(adapting)
            .filter(|(_, adapts)| *adapts);
        for (((values, _), gradient), rate) in adapting.zip(&gradient).zip(rates) {
            for (value, gradient) in values.iter_mut().zip(gradient) {
                *value -= f64::from(*rate) * gradient;
            }
        }
        losses.push(loss(net, &parameters, examples));
    }
    losses
}
