//! The same experiment with a narrower network and a shorter training.

use crate::config::{Config, StepLoss};

/// `config` with the outputs of every hidden layer times `width`; those of the last
/// layer that has any stay. Multiples of four stay multiples of four, which is what
/// kernels on integers take at once; a group norm keeps the most groups that divide
/// its channels, a convolution those that divide its channels and its filters.
pub fn narrowed(config: &Config, width: f64) -> Config {
    let mut config = config.clone();
    let layers = &mut config.model.layers;
    let last = (0..layers.len()).rfind(|&index| layers[index].widths().outputs.is_some());
    let mut channels = None;
    for (index, layer) in layers.iter_mut().enumerate() {
        let widths = layer.widths();
        let outputs = widths.outputs.map(|outputs| {
            if Some(index) != last {
                *outputs = scaled(*outputs, width);
            }
            *outputs
        });
        if let (Some(groups), Some(channels)) = (widths.groups, channels) {
            let of_both = common_divisor(channels, outputs.unwrap_or(channels));
            *groups = common_divisor(*groups, of_both);
        }
        channels = outputs.or(channels);
    }
    if width != 1.0 {
        // What it starts from has the full width.
        config.model.from = None;
        config.name += &format!("-width-{width}");
        config.title += &format!(", width {width}");
    }
    config
}

fn scaled(outputs: usize, width: f64) -> usize {
    let unit = if outputs.is_multiple_of(4) { 4 } else { 1 };
    let units = (outputs as f64 * width / unit as f64).round();
    unit * (units as usize).max(1)
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// `config` with so many iterations, and everything that is counted in iterations
/// in proportion.
pub fn shortened(config: &Config, iterations: u64) -> Config {
    let mut config = config.clone();
    let of = config.meta.iterations;
    if iterations == of {
        return config;
    }
    let part =
        |count: u64| (u128::from(count) * u128::from(iterations) / u128::from(of.max(1))) as u64;
    let meta = &mut config.meta;
    meta.iterations = iterations;
    meta.warm_up = part(meta.warm_up);
    meta.statistics_from = meta.statistics_from.map(part);
    if let StepLoss::Annealed { iterations } = &mut meta.step_loss {
        *iterations = part(*iterations).max(1);
    }
    let record = &mut config.record;
    record.every = part(record.every).max(1);
    record.validate_every = part(record.validate_every).max(1);
    config
}
