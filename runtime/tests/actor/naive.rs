//! The mathematics of an actor in f64, written down plainly.

/// What was done, as an actor keeps it.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub observations: Vec<Vec<f32>>,
    pub actions: Vec<Vec<f32>>,
    pub rewards: Vec<f32>,
    pub lengths: Vec<usize>,
}

/// The weights of the ridge regression, by Gaussian elimination of its normal equations.
fn ridge(rows: &[Vec<f64>], values: &[f64]) -> Vec<f64> {
    let width = rows[0].len();
    let mut system = vec![vec![0.0; width + 1]; width];
    for i in 0..width {
        for j in 0..width {
            system[i][j] = rows.iter().map(|row| row[i] * row[j]).sum();
        }
        system[i][i] += 1e-5;
        system[i][width] = rows.iter().zip(values).map(|(row, y)| row[i] * y).sum();
    }
    for column in 0..width {
        let pivot = (column..width)
            .max_by(|&a, &b| system[a][column].abs().total_cmp(&system[b][column].abs()))
            .unwrap();
        system.swap(column, pivot);
        for row in 0..width {
            if row != column {
                let factor = system[row][column] / system[column][column];
                let of_pivot = system[column].clone();
                let entries = system[row].iter_mut().zip(of_pivot);
                entries.for_each(|(entry, of_pivot)| *entry -= factor * of_pivot);
            }
        }
    }
    (0..width)
        .map(|i| system[i][width] / system[i][i])
        .collect()
}

/// The standardised advantages of all steps.
pub fn advantages(batch: &Batch, discount: f64, lambda: f64) -> Vec<f64> {
    let (mut rows, mut returns) = (Vec::new(), Vec::new());
    let mut first = 0;
    for &length in &batch.lengths {
        for t in 0..length {
            let observation = batch.observations[first + t].iter();
            let limited: Vec<f64> = observation
                .map(|&o| f64::from(o).clamp(-10.0, 10.0))
                .collect();
            let time = t as f64 / 100.0;
            let mut row = limited.clone();
            row.extend(limited.iter().map(|o| o * o));
            row.extend([time, time.powi(2), time.powi(3), 1.0]);
            rows.push(row);
            let rest = batch.rewards[first + t..first + length].iter().enumerate();
            let discounted = rest.map(|(k, &r)| discount.powi(k as i32) * f64::from(r));
            returns.push(discounted.sum());
        }
        first += length;
    }
    let weights = ridge(&rows, &returns);
    let value = |at: usize| -> f64 { rows[at].iter().zip(&weights).map(|(x, w)| x * w).sum() };
    let mut advantages = Vec::new();
    let mut first = 0;
    for &length in &batch.lengths {
        let error = |t: usize| {
            let next = if t + 1 < length {
                value(first + t + 1)
            } else {
                0.0
            };
            f64::from(batch.rewards[first + t]) + discount * next - value(first + t)
        };
        for t in 0..length {
            let rest = (t..length).map(|k| (discount * lambda).powi((k - t) as i32) * error(k));
            advantages.push(rest.sum());
        }
        first += length;
    }
    let count = advantages.len() as f64;
    let mean = advantages.iter().sum::<f64>() / count;
    let squares: f64 = advantages.iter().map(|a: &f64| (a - mean).powi(2)).sum();
    let deviation = (squares / count).sqrt();
    let scaled = advantages.iter().map(|a| (a - mean) / (deviation + 1e-8));
    scaled.collect()
}

/// Layers `dense hidden, tanh, dense actions, context actions`, their tensors one behind the
/// other.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub inputs: usize,
    pub hidden: usize,
    pub actions: usize,
}

impl Sizes {
    /// Numbers of each tensor.
    pub fn tensors(self) -> [usize; 5] {
        let Sizes {
            inputs,
            hidden,
            actions,
        } = self;
        [inputs * hidden, hidden, hidden * actions, actions, actions]
    }

    /// Mean and log σ.
    fn outputs(self, weights: &[f64], observation: &[f32]) -> (Vec<f64>, Vec<f64>) {
        let mut rest = weights;
        let [w, b, v, c, deviation] = self.tensors().map(|length| {
            let (tensor, tail) = rest.split_at(length);
            rest = tail;
            tensor
        });
        let layer = |x: &[f64], w: &[f64], b: &[f64]| -> Vec<f64> {
            (0..b.len())
                .map(|j| b[j] + (0..x.len()).map(|i| x[i] * w[i * b.len() + j]).sum::<f64>())
                .collect()
        };
        let x: Vec<f64> = observation.iter().map(|&o| f64::from(o)).collect();
        let hidden: Vec<f64> = layer(&x, w, b).iter().map(|h| h.tanh()).collect();
        (layer(&hidden, v, c), deviation.to_vec())
    }

    /// `−mean(log π(a) A)`
    pub fn surrogate(self, weights: &[f64], batch: &Batch, advantages: &[f64]) -> f64 {
        let mut sum = 0.0;
        let steps = batch.observations.iter().zip(&batch.actions);
        for ((observation, action), advantage) in steps.zip(advantages) {
            let (mean, deviation) = self.outputs(weights, observation);
            for ((a, mean), log_deviation) in action.iter().zip(mean).zip(deviation) {
                let z = (f64::from(*a) - mean) / log_deviation.exp();
                let half_log_tau = 0.5 * std::f64::consts::TAU.ln();
                sum -= advantage * (-0.5 * z * z - log_deviation - half_log_tau);
            }
        }
        sum / advantages.len() as f64
    }

    /// Its gradient by central differences.
    pub fn gradient(self, weights: &[f64], batch: &Batch, advantages: &[f64]) -> Vec<f64> {
        let step = 1e-5;
        let at = |i: usize, by: f64| {
            let mut moved = weights.to_vec();
            moved[i] += by;
            self.surrogate(&moved, batch, advantages)
        };
        (0..weights.len())
            .map(|i| (at(i, step) - at(i, -step)) / (2.0 * step))
            .collect()
    }
}
