//! The layers that are tested, and numbers for them.

use burn::backend::Flex;
use burn::tensor::{Tensor, TensorData};
use mamlet_trainer::nn::{
    Adapt, AveragePool, BatchNorm, Context, Conv, Dense, Depthwise, Extent, GroupNorm, LayerNorm,
    LayerSpec, LeakyRelu, MaxPool, Network, NetworkSpec, Padding, Shape, Statistics,
};

use crate::naive;
use crate::tape::{Tape, Var};

pub const TASKS: usize = 2;
pub const EXAMPLES: usize = 3;

/// A generator that is not the library's.
pub struct Lcg(pub u64);

impl Lcg {
    pub fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0
    }

    /// Numbers in `±scale`, rounded to `f32`.
    pub fn vector(&mut self, length: usize, scale: f64) -> Vec<f64> {
        (0..length)
            .map(|_| f64::from((self.next() * scale) as f32))
            .collect()
    }
}

pub fn image(height: usize, width: usize, channels: usize) -> Shape {
    Shape::Image {
        height,
        width,
        channels,
    }
}

pub fn sequence(length: usize, channels: usize) -> Shape {
    Shape::Sequence { length, channels }
}

pub fn conv(filters: usize, kernel: Extent, stride: usize, padding: Padding) -> LayerSpec {
    grouped_conv(1, filters, kernel, stride, padding)
}

pub fn grouped_conv(
    groups: usize,
    filters: usize,
    kernel: Extent,
    stride: usize,
    padding: Padding,
) -> LayerSpec {
    LayerSpec::Conv(Conv {
        filters,
        groups,
        kernel,
        stride: Extent::Square(stride),
        padding,
    })
}

pub fn max_pool(kernel: usize, stride: usize, padding: Padding) -> LayerSpec {
    LayerSpec::MaxPool(MaxPool {
        kernel: Extent::Square(kernel),
        stride: Some(Extent::Square(stride)),
        padding,
    })
}

pub fn batch_norm() -> LayerSpec {
    LayerSpec::BatchNorm(BatchNorm {
        statistics: Statistics::Current,
        epsilon: 1e-3,
    })
}

pub fn leaky_relu(slope: f64) -> LayerSpec {
    LayerSpec::LeakyRelu(LeakyRelu { slope })
}

pub fn context(size: usize) -> LayerSpec {
    LayerSpec::Context(Context { size, initial: 0.0 })
}

/// Every kind, with odd sizes, both paddings, strides, one and two directions.
pub fn cases() -> Vec<(Shape, LayerSpec)> {
    use Extent::{Rectangle, Square};
    use Padding::{Same, Valid};
    let depthwise = |kernel, stride, padding| {
        LayerSpec::Depthwise(Depthwise {
            kernel,
            stride: Square(stride),
            padding,
        })
    };
    let average = |kernel, stride, padding| {
        LayerSpec::AveragePool(AveragePool {
            kernel,
            stride,
            padding,
        })
    };
    let group_norm = |groups| {
        LayerSpec::GroupNorm(GroupNorm {
            groups,
            epsilon: 1e-3,
        })
    };
    let layer_norm = LayerSpec::LayerNorm(LayerNorm { epsilon: 1e-3 });
    let cases = vec![
        (image(5, 4, 2), conv(3, Square(3), 1, Same)),
        (image(5, 4, 2), conv(3, Square(3), 2, Same)),
        (image(6, 7, 1), conv(2, Square(2), 2, Same)),
        (image(7, 6, 2), conv(3, Rectangle([2, 3]), 2, Valid)),
        (image(2, 3, 2), conv(2, Square(5), 1, Same)),
        (image(3, 4, 3), conv(2, Square(1), 1, Same)),
        (image(5, 4, 3), conv(2, Square(1), 2, Valid)),
        (sequence(7, 3), conv(2, Square(4), 2, Same)),
        (sequence(7, 3), conv(2, Square(3), 1, Valid)),
        (image(5, 4, 4), grouped_conv(2, 6, Square(3), 2, Same)),
        (image(3, 4, 4), grouped_conv(4, 4, Square(1), 1, Same)),
        (sequence(7, 6), grouped_conv(3, 3, Square(3), 1, Valid)),
        (image(5, 5, 3), depthwise(Square(3), 2, Same)),
        (image(4, 5, 2), depthwise(Rectangle([3, 2]), 1, Valid)),
        (sequence(6, 3), depthwise(Square(3), 1, Same)),
        (image(5, 5, 2), max_pool(2, 2, Valid)),
        (image(6, 5, 2), max_pool(3, 2, Same)),
        (image(3, 3, 2), max_pool(2, 1, Valid)),
        (sequence(7, 3), max_pool(2, 2, Same)),
        (image(5, 4, 2), average(Square(2), None, Valid)),
        (
            image(6, 5, 2),
            average(Rectangle([3, 2]), Some(Square(2)), Same),
        ),
        (sequence(5, 2), average(Square(3), Some(Square(1)), Same)),
        (image(3, 4, 2), LayerSpec::GlobalAveragePool),
        (sequence(4, 3), LayerSpec::GlobalAveragePool),
        (image(2, 3, 2), LayerSpec::Flatten),
        (image(2, 3, 2), LayerSpec::Dense(Dense { out: 3 })),
        (image(3, 2, 3), batch_norm()),
        (sequence(4, 2), batch_norm()),
        (Shape::Vector(4), batch_norm()),
        (image(3, 2, 4), group_norm(2)),
        (sequence(3, 4), group_norm(4)),
        (Shape::Vector(6), group_norm(2)),
        (image(2, 3, 3), layer_norm.clone()),
        (Shape::Vector(5), layer_norm),
        (image(2, 2, 3), LayerSpec::Softmax),
        (Shape::Vector(4), LayerSpec::Softmax),
        (Shape::Vector(9), LayerSpec::Relu6),
        (image(3, 2, 2), LayerSpec::Relu6),
        (sequence(3, 4), LayerSpec::Relu),
        (Shape::Vector(6), leaky_relu(0.2)),
        (image(2, 2, 2), LayerSpec::Tanh),
        (Shape::Vector(5), LayerSpec::Sigmoid),
        (Shape::Vector(3), context(2)),
    ];
    for kind in LayerSpec::KINDS {
        let tried = cases.iter().any(|(_, layer)| layer.kind() == *kind);
        assert!(tried, "{kind} is in no case");
    }
    cases
}

/// A layer behind one that keeps the shape and has weights, so that the
/// gradient of the layer's input shows in theirs.
pub struct Setup {
    pub name: String,
    pub network: Network,
    /// Per task, per tensor.
    pub params: Vec<Vec<Vec<f64>>>,
    /// Per task, `[examples, features]`.
    pub x: Vec<Vec<f64>>,
    /// The gradient of the result, per task `[examples, outputs]`.
    pub dy: Vec<Vec<f64>>,
}

impl Setup {
    /// `own`: whether every task has weights of its own.
    pub fn new(shape: Shape, layer: &LayerSpec, own: bool, seed: u64) -> Self {
        let first = match shape {
            Shape::Vector(features) => LayerSpec::Dense(Dense { out: features }),
            _ => conv(shape.channels(), Extent::Square(1), 1, Padding::Same),
        };
        let spec = NetworkSpec {
            input: shape,
            layers: vec![first, layer.clone()],
        };
        let network = Network::new(&spec, &Adapt::default()).unwrap();
        let mut random = Lcg(seed);
        // Wide enough for ReLU6 to be cut at both ends.
        let scale = if *layer == LayerSpec::Relu6 { 9.0 } else { 1.5 };
        let mut draw = || -> Vec<Vec<f64>> {
            let tensors = network.tensors().iter();
            tensors.map(|info| random.vector(info.len(), 1.0)).collect()
        };
        let shared = draw();
        let params = (0..TASKS)
            .map(|_| if own { draw() } else { shared.clone() })
            .collect();
        let mut per_task = |width: usize, scale: f64| -> Vec<Vec<f64>> {
            (0..TASKS)
                .map(|_| random.vector(EXAMPLES * width, scale))
                .collect()
        };
        Self {
            name: format!("{shape}, {layer:?}, own weights: {own}"),
            x: per_task(network.input(), scale),
            dy: per_task(network.output(), 1.0),
            params,
            network,
        }
    }

    /// The result of task `task` by the naive loops.
    pub fn naive(&self, task: usize, params: &[Vec<f64>]) -> Vec<f64> {
        let mut tape = Tape::default();
        let params: Vec<Vec<Var>> = params.iter().map(|p| tape.leaves(p)).collect();
        let x = self.x[task]
            .chunks(self.network.input())
            .map(|x| tape.leaves(x))
            .collect();
        let spec = self.network.spec();
        naive::forward(&mut tape, &spec.layers, spec.input, &params, x)
            .into_iter()
            .flatten()
            .map(|y| tape.value(y))
            .collect()
    }

    /// Parameters on the device, per task or shared.
    pub fn device_params(&self, own: bool) -> Vec<Tensor<Flex, 3>> {
        let tasks = if own { TASKS } else { 1 };
        let infos = self.network.tensors().iter().enumerate();
        infos
            .map(|(index, info)| {
                let data: Vec<f64> = self.params[..tasks]
                    .iter()
                    .flat_map(|of_task| of_task[index].clone())
                    .collect();
                to_device(&data, info.dims(tasks))
            })
            .collect()
    }

    pub fn device_x(&self) -> Tensor<Flex, 3> {
        to_device(&self.x.concat(), [TASKS, EXAMPLES, self.network.input()])
    }

    pub fn device_dy(&self) -> Tensor<Flex, 3> {
        to_device(&self.dy.concat(), [TASKS, EXAMPLES, self.network.output()])
    }
}

pub fn to_device(data: &[f64], dims: [usize; 3]) -> Tensor<Flex, 3> {
    let data: Vec<f32> = data.iter().map(|&x| x as f32).collect();
    Tensor::from_data(TensorData::new(data, dims), &Default::default())
}

/// `|a − b| / |b|`, or `4·|a − b|` where `b` is small: a norm of few values, which are close
/// together, makes rounding larger.
pub fn distance(a: &[f32], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let length = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
    let difference = length(&mut a.iter().zip(b).map(|(&a, b)| f64::from(a) - b));
    difference / length(&mut b.iter().copied()).max(0.25)
}
