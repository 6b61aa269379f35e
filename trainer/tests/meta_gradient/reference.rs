//! MAML's objective, one number at a time, in `f64`.

use mamlet_trainer::loss::{Loss, LossKind, Reduction};
use mamlet_trainer::meta::{InnerOptimiser, Order};
use mamlet_trainer::nn::{Context, Dense, HeadStart, LayerSpec, LeakyRelu};

use crate::losses::loss;

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
    pub loss: Loss,
    pub optimiser: InnerOptimiser,
    pub head: HeadStart,
    /// Weight of the query loss after each step.
    pub weights: Vec<f64>,
    pub tasks: Vec<Task>,
}

/// Central differences.
pub struct Differences {
    pub params: Vec<Vec<f64>>,
    pub rates: Vec<f64>,
}

/// One vector per tensor.
pub type Params = Vec<Vec<f64>>;

impl Problem {
    /// The input of every layer of an example, the result behind them, and the first
    /// tensor of every layer.
    fn activations(&self, params: &Params, x: &[f64]) -> (Vec<Vec<f64>>, Vec<usize>) {
        let mut a = vec![x.to_vec()];
        let mut tensor = 0;
        let mut first = Vec::new();
        for layer in &self.layers {
            let x = a.last().unwrap().clone();
            first.push(tensor);
            let y = match layer {
                LayerSpec::Dense(Dense { out }) => {
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
                LayerSpec::LeakyRelu(LeakyRelu { slope }) => x
                    .iter()
                    .map(|&x| if x > 0.0 { x } else { *slope * x })
                    .collect(),
                LayerSpec::Tanh => x.iter().map(|x| x.tanh()).collect(),
                LayerSpec::Sigmoid => x.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
                other => panic!("{} is not in this reference", other.kind()),
            };
            a.push(y);
        }
        (a, first)
    }

    /// Loss and gradient of every tensor on a set of examples.
    pub fn loss_and_gradient(&self, params: &Params, xs: &[f64], ys: &[f64]) -> (f64, Params) {
        let examples = xs.len() / self.input;
        let width = ys.len() / examples;
        let mut gradient: Params = params.iter().map(|p| vec![0.0; p.len()]).collect();
        let mut total = 0.0;
        for example in 0..examples {
            let x = &xs[example * self.input..(example + 1) * self.input];
            let (a, first) = self.activations(params, x);
            let p = a.last().unwrap();
            let t = &ys[example * width..(example + 1) * width];
            let scale = match (self.loss.reduction, self.loss.kind) {
                (Reduction::Sum, _) => 1.0,
                (Reduction::Mean, LossKind::Mse | LossKind::Huber { .. }) => {
                    1.0 / (examples * p.len()) as f64
                }
                (Reduction::Mean, _) => 1.0 / examples as f64,
            };
            let (value, mut d) = loss(self.loss.kind, p, t);
            total += scale * value;
            d.iter_mut().for_each(|d| *d *= scale);
            for (index, layer) in self.layers.iter().enumerate().rev() {
                let (x, tensor) = (&a[index], first[index]);
                d = match layer {
                    LayerSpec::Dense(Dense { out }) => {
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
                    LayerSpec::Context(Context { size, .. }) => {
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
                                LayerSpec::LeakyRelu(LeakyRelu { slope }) if x <= 0.0 => *slope,
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
        (total, gradient)
    }

    /// The parameters before the first step: a head at prototypes has the weights
    /// `2 τ μ_c` and `−τ ‖μ_c‖²`, `ln τ` being the first element of the stored bias.
    fn start(&self, params: &Params, task: &Task) -> Params {
        let mut params = params.clone();
        if self.head != HeadStart::Prototype {
            return params;
        }
        let examples = task.support_x.len() / self.input;
        let classes = task.support_y.len() / examples;
        let tensors = params.len();
        let temperature = params[tensors - 1][0].exp();
        let below = self.layers.len() - 1;
        for class in 0..classes {
            let own = (0..examples).filter(|i| task.support_y[i * classes + class] > 0.5);
            let features: Vec<Vec<f64>> = own
                .map(|i| {
                    let x = &task.support_x[i * self.input..(i + 1) * self.input];
                    self.activations(&params, x).0.swap_remove(below)
                })
                .collect();
            let mut square = 0.0;
            for feature in 0..features[0].len() {
                let sum: f64 = features.iter().map(|z| z[feature]).sum();
                let mean = sum / features.len() as f64;
                square += mean * mean;
                params[tensors - 2][feature * classes + class] = 2.0 * temperature * mean;
            }
            params[tensors - 1][class] = -temperature * square;
        }
        params
    }

    /// The norm of a gradient over the adapting tensors.
    pub fn norm(&self, gradient: &Params) -> f64 {
        let adapting = gradient
            .iter()
            .zip(&self.adapts)
            .filter(|(_, adapts)| **adapts);
        let squares = adapting.flat_map(|(gradient, _)| gradient).map(|g| g * g);
        squares.sum::<f64>().sqrt()
    }

    /// Parameters after each inner step, those before the first included;
    /// `held` are the gradients to take instead of those at the parameters.
    fn adapt(
        &self,
        params: &Params,
        rates: &[Vec<f64>],
        task: &Task,
        held: Option<&[Params]>,
    ) -> Vec<Params> {
        let mut all = vec![self.start(params, task)];
        let mut velocity: Params = params.iter().map(|p| vec![0.0; p.len()]).collect();
        for (step, rates) in rates.iter().take(self.weights.len() - 1).enumerate() {
            let mut next = all[step].clone();
            let gradient = match held {
                Some(held) => held[step].clone(),
                None => {
                    self.loss_and_gradient(&next, &task.support_x, &task.support_y)
                        .1
                }
            };
            let bound = self.optimiser.clip_norm.map_or(f64::INFINITY, f64::from);
            let factor = (bound / self.norm(&gradient)).min(1.0);
            let momentum = self.optimiser.momentum.map_or(0.0, f64::from);
            // One for each tensor, or for each of its elements.
            let per_tensor = rates.len() == self.adapts.iter().filter(|adapts| **adapts).count();
            let mut rates = rates.iter();
            for tensor in (0..next.len()).filter(|&tensor| self.adapts[tensor]) {
                let mut rate = &0.0;
                for (i, g) in gradient[tensor].iter().enumerate() {
                    if i == 0 || !per_tensor {
                        rate = rates.next().unwrap();
                    }
                    velocity[tensor][i] = momentum * velocity[tensor][i] + factor * g;
                    next[tensor][i] -= rate * velocity[tensor][i];
                }
            }
            all.push(next);
        }
        all
    }

    /// The support gradient at the start of each inner step.
    pub fn inner_gradients(&self, params: &Params, rates: &[Vec<f64>], task: &Task) -> Vec<Params> {
        let mut thetas = self.adapt(params, rates, task, None);
        thetas.pop();
        let gradient = |theta: &Params| {
            self.loss_and_gradient(theta, &task.support_x, &task.support_y)
                .1
        };
        thetas.iter().map(gradient).collect()
    }

    fn objective(&self, params: &Params, rates: &[Vec<f64>], held: &[Option<Vec<Params>>]) -> f64 {
        let of_task = |(task, held): (&Task, &Option<Vec<Params>>)| -> f64 {
            let thetas = self.adapt(params, rates, task, held.as_deref());
            let losses = thetas.iter().map(|theta| {
                self.loss_and_gradient(theta, &task.query_x, &task.query_y)
                    .0
            });
            losses
                .zip(&self.weights)
                .map(|(loss, weight)| loss * weight)
                .sum()
        };
        self.tasks.iter().zip(held).map(of_task).sum::<f64>() / self.tasks.len() as f64
    }

    /// Query loss after the last step, mean over tasks.
    pub fn final_loss(&self, params: &Params, rates: &[Vec<f64>]) -> f64 {
        let of_task = |task: &Task| {
            let theta = self.adapt(params, rates, task, None).pop().unwrap();
            self.loss_and_gradient(&theta, &task.query_x, &task.query_y)
                .0
        };
        self.tasks.iter().map(of_task).sum::<f64>() / self.tasks.len() as f64
    }

    /// Central differences of the objective in every parameter and rate. In
    /// first order the inner gradients stay what they are at the middle.
    pub fn differences(&self, params: &Params, rates: &[Vec<f64>], order: Order) -> Differences {
        let held: Vec<Option<Vec<Params>>> = (self.tasks.iter())
            .map(|task| (order == Order::First).then(|| self.inner_gradients(params, rates, task)))
            .collect();
        let slope = |at: &mut dyn FnMut(f64) -> f64| {
            let h = 1e-6;
            (at(h) - at(-h)) / (2.0 * h)
        };
        let of_param = |tensor: usize, i: usize| {
            slope(&mut |step| {
                let mut params = params.clone();
                params[tensor][i] += step;
                self.objective(&params, rates, &held)
            })
        };
        let of_rate = |row: usize, column: usize| {
            slope(&mut |step| {
                let mut rates = rates.to_vec();
                rates[row][column] += step;
                self.objective(params, &rates, &held)
            })
        };
        Differences {
            params: (0..params.len())
                .map(|tensor| {
                    (0..params[tensor].len())
                        .map(|i| of_param(tensor, i))
                        .collect()
                })
                .collect(),
            rates: (0..rates.len())
                .flat_map(|row| (0..rates[row].len()).map(move |column| (row, column)))
                .map(|(row, column)| of_rate(row, column))
                .collect(),
        }
    }
}
