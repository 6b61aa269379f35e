//! MAML's objective, one number at a time, in `f64`.

use mamlet_trainer::nn::LayerSpec;

/// Examples of one task, row-major.
pub struct Task {
    pub support_x: Vec<f64>,
    pub support_y: Vec<f64>,
    pub query_x: Vec<f64>,
    pub query_y: Vec<f64>,
}

/// The objective as a function of parameters and rates.
pub struct Problem {
    pub input: usize,
    pub layers: Vec<LayerSpec>,
    /// Per tensor.
    pub adapts: Vec<bool>,
    pub mean: bool,
    pub classes: bool,
    /// Weight of the query loss after each step.
    pub weights: Vec<f64>,
    pub tasks: Vec<Task>,
}

/// Central differences.
pub struct Differences {
    pub params: Vec<Vec<f64>>,
    pub rates: Vec<f64>,
}

type Params = Vec<Vec<f64>>;

impl Problem {
    /// Loss and gradient of every tensor on a set of examples.
    fn loss_and_gradient(&self, params: &Params, xs: &[f64], ys: &[f64]) -> (f64, Params) {
        let examples = xs.len() / self.input;
        let outputs = ys.len() / examples;
        let mut gradient: Params = params.iter().map(|p| vec![0.0; p.len()]).collect();
        let mut loss = 0.0;
        let scale = match (self.mean, self.classes) {
            (false, _) => 1.0,
            (true, true) => 1.0 / examples as f64,
            (true, false) => 1.0 / (examples * outputs) as f64,
        };
        for example in 0..examples {
            let mut a = vec![xs[example * self.input..(example + 1) * self.input].to_vec()];
            let mut tensor = 0;
            let mut first = Vec::new();
            for layer in &self.layers {
                let x = a.last().unwrap().clone();
                first.push(tensor);
                let y = match layer {
                    LayerSpec::Dense { out } => {
                        let (w, b) = (&params[tensor], &params[tensor + 1]);
                        tensor += 2;
                        (0..*out)
                            .map(|o| {
                                b[o] + x
                                    .iter()
                                    .enumerate()
                                    .map(|(i, x)| x * w[i * out + o])
                                    .sum::<f64>()
                            })
                            .collect()
                    }
                    LayerSpec::Context { .. } => {
                        tensor += 1;
                        x.iter().chain(&params[tensor - 1]).copied().collect()
                    }
                    LayerSpec::Relu => x.iter().map(|&x| x.max(0.0)).collect(),
                    LayerSpec::LeakyRelu { slope } => x
                        .iter()
                        .map(|&x| if x > 0.0 { x } else { *slope * x })
                        .collect(),
                    LayerSpec::Tanh => x.iter().map(|x| x.tanh()).collect(),
                    LayerSpec::Sigmoid => x.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
                    other => panic!("{} is not in this reference", other.kind()),
                };
                a.push(y);
            }
            let p = a.last().unwrap();
            let t = &ys[example * outputs..(example + 1) * outputs];
            let mut d: Vec<f64> = if self.classes {
                let total: f64 = p.iter().map(|p| p.exp()).sum();
                loss -= scale
                    * t.iter()
                        .zip(p)
                        .map(|(t, p)| t * (p - total.ln()))
                        .sum::<f64>();
                p.iter()
                    .zip(t)
                    .map(|(p, t)| scale * (p.exp() / total - t))
                    .collect()
            } else {
                loss += scale * p.iter().zip(t).map(|(p, t)| (p - t).powi(2)).sum::<f64>();
                p.iter()
                    .zip(t)
                    .map(|(p, t)| 2.0 * scale * (p - t))
                    .collect()
            };
            for (index, layer) in self.layers.iter().enumerate().rev() {
                let (x, tensor) = (&a[index], first[index]);
                d = match layer {
                    LayerSpec::Dense { out } => {
                        for o in 0..*out {
                            gradient[tensor + 1][o] += d[o];
                            for i in 0..x.len() {
                                gradient[tensor][i * out + o] += x[i] * d[o];
                            }
                        }
                        let w = &params[tensor];
                        (0..x.len())
                            .map(|i| (0..*out).map(|o| w[i * out + o] * d[o]).sum())
                            .collect()
                    }
                    LayerSpec::Context { size } => {
                        for c in 0..*size {
                            gradient[tensor][c] += d[x.len() + c];
                        }
                        d[..x.len()].to_vec()
                    }
                    other => x
                        .iter()
                        .zip(&d)
                        .map(|(&x, d)| {
                            d * match other {
                                LayerSpec::Relu => f64::from(u8::from(x > 0.0)),
                                LayerSpec::LeakyRelu { slope } if x <= 0.0 => *slope,
                                LayerSpec::LeakyRelu { .. } => 1.0,
                                LayerSpec::Tanh => 1.0 - x.tanh().powi(2),
                                _ => {
                                    let s = 1.0 / (1.0 + (-x).exp());
                                    s * (1.0 - s)
                                }
                            }
                        })
                        .collect(),
                };
            }
        }
        (loss, gradient)
    }

    /// Parameters after each inner step, those before the first included.
    fn adapt(&self, params: &Params, rates: &[Vec<f64>], task: &Task) -> Vec<Params> {
        let mut all = vec![params.clone()];
        for rates in rates.iter().take(self.weights.len() - 1) {
            let theta = all.last().unwrap();
            let (_, gradient) = self.loss_and_gradient(theta, &task.support_x, &task.support_y);
            let mut next = theta.clone();
            let mut column = 0;
            for tensor in 0..next.len() {
                if self.adapts[tensor] {
                    for (p, g) in next[tensor].iter_mut().zip(&gradient[tensor]) {
                        *p -= rates[column] * g;
                    }
                    column += 1;
                }
            }
            all.push(next);
        }
        all
    }

    fn objective(&self, params: &Params, rates: &[Vec<f64>]) -> f64 {
        let of_task = |task: &Task| -> f64 {
            let thetas = self.adapt(params, rates, task);
            let losses = thetas.iter().map(|theta| {
                self.loss_and_gradient(theta, &task.query_x, &task.query_y)
                    .0
            });
            losses
                .zip(&self.weights)
                .map(|(loss, weight)| loss * weight)
                .sum()
        };
        self.tasks.iter().map(of_task).sum::<f64>() / self.tasks.len() as f64
    }

    /// Query loss after the last step, mean over tasks.
    pub fn final_loss(&self, params: &Params, rates: &[Vec<f64>]) -> f64 {
        let of_task = |task: &Task| {
            let theta = self.adapt(params, rates, task).pop().unwrap();
            self.loss_and_gradient(&theta, &task.query_x, &task.query_y)
                .0
        };
        self.tasks.iter().map(of_task).sum::<f64>() / self.tasks.len() as f64
    }

    /// Central differences of the objective in every parameter and rate.
    pub fn differences(&self, params: &Params, rates: &[Vec<f64>]) -> Differences {
        let h = 1e-6;
        let mut result = Differences {
            params: params.iter().map(|p| vec![0.0; p.len()]).collect(),
            rates: Vec::new(),
        };
        let mut params = params.clone();
        let mut rates = rates.to_vec();
        for tensor in 0..params.len() {
            for i in 0..params[tensor].len() {
                let value = params[tensor][i];
                params[tensor][i] = value + h;
                let up = self.objective(&params, &rates);
                params[tensor][i] = value - h;
                let down = self.objective(&params, &rates);
                params[tensor][i] = value;
                result.params[tensor][i] = (up - down) / (2.0 * h);
            }
        }
        for step in 0..rates.len() {
            for column in 0..rates[step].len() {
                let value = rates[step][column];
                rates[step][column] = value + h;
                let up = self.objective(&params, &rates);
                rates[step][column] = value - h;
                let down = self.objective(&params, &rates);
                rates[step][column] = value;
                result.rates.push((up - down) / (2.0 * h));
            }
        }
        result
    }

    /// `1/T Σ_tasks Σ_s w_s ∇L(θ_s; query)`.
    pub fn first_order(&self, params: &Params, rates: &[Vec<f64>]) -> Params {
        let mut total: Params = params.iter().map(|p| vec![0.0; p.len()]).collect();
        for task in &self.tasks {
            for (theta, weight) in self.adapt(params, rates, task).iter().zip(&self.weights) {
                let (_, gradient) = self.loss_and_gradient(theta, &task.query_x, &task.query_y);
                for (total, gradient) in total.iter_mut().zip(gradient) {
                    for (total, gradient) in total.iter_mut().zip(gradient) {
                        *total += weight * gradient / self.tasks.len() as f64;
                    }
                }
            }
        }
        total
    }
}
