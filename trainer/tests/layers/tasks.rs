//! MAML's objective by naive loops: the inner gradient from the tape, the
//! outer one by central differences.

use mamlet_trainer::nn::{LayerSpec, Shape};

use crate::naive;
use crate::tape::{Tape, Var};

/// Examples of one task, row-major; targets are one-hot or values.
pub struct Task {
    pub support_x: Vec<f64>,
    pub support_y: Vec<f64>,
    pub query_x: Vec<f64>,
    pub query_y: Vec<f64>,
}

/// The query loss after `steps` inner steps, mean over tasks.
pub struct Problem {
    pub input: Shape,
    pub layers: Vec<LayerSpec>,
    /// Per tensor.
    pub adapts: Vec<bool>,
    pub classes: bool,
    pub steps: usize,
    pub rate: f64,
    pub tasks: Vec<Task>,
}

type Params = Vec<Vec<f64>>;

impl Problem {
    /// Mean loss of examples, with the tape it was computed on.
    fn loss(&self, params: &Params, xs: &[f64], ys: &[f64]) -> (Tape, Vec<Vec<Var>>, Var) {
        let mut tape = Tape::default();
        let params: Vec<Vec<Var>> = params.iter().map(|p| tape.leaves(p)).collect();
        let x: Vec<Vec<Var>> = xs
            .chunks(self.input.features())
            .map(|x| tape.leaves(x))
            .collect();
        let targets = ys.chunks(ys.len() / x.len());
        let predictions = naive::forward(&mut tape, &self.layers, self.input, &params, x);
        let mut terms = Vec::new();
        for (prediction, target) in predictions.into_iter().zip(targets) {
            if self.classes {
                let powers: Vec<Var> = prediction.iter().map(|&p| tape.exp(p)).collect();
                let total = tape.sum(powers);
                let value = tape.value(total);
                let logarithm = tape.unary(total, value.ln(), 1.0 / value);
                let class = target.iter().position(|&t| t == 1.0).unwrap();
                terms.push(tape.subtract(logarithm, prediction[class]));
            } else {
                for (p, &t) in prediction.into_iter().zip(target) {
                    let t = tape.leaf(t);
                    let difference = tape.subtract(p, t);
                    terms.push(tape.multiply(difference, difference));
                }
            }
        }
        let loss = tape.mean(&terms);
        (tape, params, loss)
    }

    fn objective(&self, params: &Params) -> f64 {
        let of_task = |task: &Task| {
            let mut theta = params.clone();
            for _ in 0..self.steps {
                let (tape, leaves, loss) = self.loss(&theta, &task.support_x, &task.support_y);
                let gradient = tape.gradient(loss);
                for ((values, leaves), adapts) in theta.iter_mut().zip(leaves).zip(&self.adapts) {
                    for (value, leaf) in values.iter_mut().zip(leaves) {
                        if *adapts {
                            *value -= self.rate * gradient.of(leaf);
                        }
                    }
                }
            }
            let (tape, _, loss) = self.loss(&theta, &task.query_x, &task.query_y);
            tape.value(loss)
        };
        self.tasks.iter().map(of_task).sum::<f64>() / self.tasks.len() as f64
    }

    /// The meta-gradient, tensor by tensor.
    pub fn differences(&self, params: &Params) -> Params {
        let h = 1e-5;
        let mut params = params.clone();
        let mut result = params.clone();
        for tensor in 0..params.len() {
            for i in 0..params[tensor].len() {
                let middle = params[tensor][i];
                params[tensor][i] = middle + h;
                let up = self.objective(&params);
                params[tensor][i] = middle - h;
                let down = self.objective(&params);
                params[tensor][i] = middle;
                result[tensor][i] = (up - down) / (2.0 * h);
            }
        }
        result
    }
}
