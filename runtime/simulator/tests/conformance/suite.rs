//! The networks of the suite.

use mamlet_formats::{HeadStart, Loss, Padding, Pool, Reduction};

use crate::chain::Chain;
use crate::common::piece::Size;
use crate::common::{Example, Net, Piece, random, values};

/// A network and its golden examples.
pub struct Case {
    /// The file's name.
    pub name: &'static str,
    pub net: Net,
    pub examples: Vec<Example>,
}

/// All of them, the same every time.
pub fn suite() -> Vec<Case> {
    let mut suite = Suite(Vec::new());
    suite.layers();
    suite.norms();
    suite.integers();
    suite.recipes();
    suite.heads();
    suite.networks();
    suite.0
}

struct Suite(Vec<Case>);

impl Suite {
    /// Two steps on three examples. `build` pushes the layers of the chain.
    fn case(&mut self, name: &'static str, size: Size, build: impl FnOnce(&mut Chain)) {
        // A seed of its own, so that no case changes the others.
        let seed = name
            .bytes()
            .fold(7, |hash: u64, byte| hash.wrapping_mul(31) ^ u64::from(byte));
        let mut chain = Chain {
            net: Net::of(size, Vec::new()).steps(2, 4),
            rate: 0.05,
            random: random(seed),
        };
        build(&mut chain);
        let Chain {
            net,
            rate,
            mut random,
        } = chain;
        let net = net.rate(rate);
        let mut examples = net.examples(&mut random, 3);
        if net.head != HeadStart::Stored {
            for (index, (_, target)) in examples.iter_mut().enumerate() {
                target[0] = (index % net.outputs()) as f32;
            }
        }
        self.0.push(Case {
            name,
            net,
            examples,
        });
    }

    fn layers(&mut self) {
        self.case("dense", [1, 1, 5], |chain| {
            chain
                .dense(7)
                .push(Piece::Tanh)
                .dense(6)
                .push(Piece::Sigmoid)
                .dense(3);
        });
        self.case("activations", [1, 1, 4], |chain| {
            chain
                .dense(6)
                .push(Piece::Relu)
                .dense(6)
                .push(Piece::LeakyRelu(0.1));
            chain
                .dense(5)
                .push(Piece::Relu6)
                .dense(4)
                .push(Piece::Softmax);
        });
        self.case("context", [1, 1, 3], |chain| {
            let vector = values(&mut chain.random, 2);
            chain
                .push(Piece::Context((vector, true)))
                .dense(5)
                .push(Piece::Tanh)
                .dense(2);
        });
        self.case("conv_same", [5, 4, 2], |chain| {
            chain
                .conv(3, [3, 3], [2, 1], Padding::Same)
                .push(Piece::Tanh);
            chain.push(Piece::Flatten).dense(2);
        });
        self.case("conv_valid", [5, 6, 1], |chain| {
            chain
                .conv(5, [2, 3], [1, 2], Padding::Valid)
                .push(Piece::Tanh);
            chain.conv(2, [1, 1], [1, 1], Padding::Valid);
        });
        self.case("conv1d", [1, 9, 2], |chain| {
            chain
                .conv(4, [1, 5], [1, 2], Padding::Same)
                .push(Piece::Relu);
            chain.conv(3, [1, 3], [1, 1], Padding::Valid);
        });
        self.case("depthwise", [4, 5, 3], |chain| {
            chain
                .depthwise([3, 3], [1, 2], Padding::Same)
                .push(Piece::Tanh);
            chain.depthwise([2, 2], [1, 1], Padding::Valid);
        });
        self.case("grouped_conv", [3, 4, 4], |chain| {
            chain
                .grouped_conv(2, 6, [3, 2], [1, 2], Padding::Same)
                .push(Piece::Tanh);
            chain
                .grouped_conv(3, 3, [1, 1], [1, 1], Padding::Valid)
                .dense(2);
        });
        self.case("max_pool", [5, 5, 2], |chain| {
            chain.conv(3, [1, 1], [1, 1], Padding::Valid);
            chain
                .pool(Pool::Maximum, [2, 2], [2, 2], Padding::Same)
                .dense(2);
        });
        self.case("average_pool", [5, 4, 2], |chain| {
            chain.conv(3, [1, 1], [1, 1], Padding::Valid);
            chain
                .pool(Pool::Average, [3, 3], [2, 1], Padding::Same)
                .dense(2);
        });
        self.case("global_average_pool", [3, 4, 2], |chain| {
            chain
                .conv(5, [2, 2], [1, 1], Padding::Same)
                .push(Piece::GlobalAverage)
                .dense(2);
        });
    }

    fn norms(&mut self) {
        self.case("batch_norm_current", [3, 3, 3], |chain| {
            chain
                .conv(3, [2, 2], [1, 1], Padding::Same)
                .batch_norm(0)
                .push(Piece::Tanh)
                .dense(2);
        });
        self.case("batch_norm_stored", [3, 3, 2], |chain| {
            chain
                .conv(3, [2, 2], [1, 1], Padding::Same)
                .batch_norm(1)
                .push(Piece::Relu)
                .dense(2);
        });
        self.case("batch_norm_per_step", [3, 3, 2], |chain| {
            chain
                .conv(3, [2, 2], [1, 1], Padding::Same)
                .batch_norm(2)
                .push(Piece::Relu)
                .dense(2);
        });
        self.case("group_norm", [3, 3, 2], |chain| {
            chain
                .conv(4, [2, 2], [1, 1], Padding::Same)
                .group_norm(2)
                .push(Piece::Relu)
                .dense(2);
        });
        self.case("layer_norm", [1, 1, 6], |chain| {
            chain.dense(7).group_norm(1).push(Piece::Tanh).dense(3);
        });
    }

    fn integers(&mut self) {
        self.case("int8_dense", [1, 1, 7], |chain| {
            chain
                .quantize()
                .integer_dense(5)
                .integer_dense(6)
                .dequantize()
                .dense(2);
        });
        self.case("int8_conv", [4, 5, 3], |chain| {
            chain.quantize();
            chain.integer_conv(5, [3, 3], [1, 2], Padding::Same);
            chain
                .integer_conv(2, [2, 2], [1, 1], Padding::Valid)
                .dequantize()
                .dense(2);
        });
        self.case("int8_depthwise", [4, 5, 3], |chain| {
            chain
                .quantize()
                .integer_depthwise([3, 3], [2, 1], Padding::Same);
            chain
                .integer_conv(4, [1, 1], [1, 1], Padding::Valid)
                .dequantize()
                .dense(2);
        });
        self.case("int8_grouped_conv", [3, 4, 4], |chain| {
            chain
                .quantize()
                .integer_grouped_conv(2, 6, [3, 2], [1, 2], Padding::Same);
            chain
                .integer_grouped_conv(3, 3, [1, 1], [2, 1], Padding::Valid)
                .dequantize()
                .dense(2);
        });
        self.case("int8_pools", [6, 6, 2], |chain| {
            chain
                .quantize()
                .pool(Pool::Maximum, [2, 2], [2, 2], Padding::Valid);
            chain.pool(Pool::Average, [2, 2], [1, 1], Padding::Same);
            chain
                .push(Piece::GlobalAverage)
                .push(Piece::Flatten)
                .dequantize()
                .dense(2);
        });
    }

    fn recipes(&mut self) {
        let losses = [
            ("cross_entropy", Loss::CrossEntropy),
            ("huber", Loss::Huber { delta: 0.4 }),
            ("gaussian_policy", Loss::GaussianPolicy),
            ("categorical_policy", Loss::CategoricalPolicy),
        ];
        for (name, loss) in losses {
            self.case(name, [1, 1, 4], |chain| {
                chain.dense(6).push(Piece::Tanh).dense(4);
                chain.net.loss = loss;
            });
        }
        self.case("momentum_and_clipping", [1, 1, 4], |chain| {
            chain.dense(6).push(Piece::Tanh).dense(2);
            (chain.net.clip_norm, chain.net.momentum) = (Some(0.5), Some(0.8));
            (chain.net.steps, chain.net.reduction) = (4, Reduction::Sum);
        });
        self.case("halves", [1, 1, 4], |chain| {
            chain.dense(6).push(Piece::Tanh).dense(2);
            chain.net.f16 = true;
            // The naive implementation has no f16: the values are rounded.
            for (values, _) in chain.net.pieces.iter_mut().flat_map(Piece::tensors_mut) {
                values
                    .iter_mut()
                    .for_each(|value| *value = (*value * 256.0).round() / 256.0);
            }
        });
        self.case("normalised_head_only", [1, 1, 3], |chain| {
            chain.dense(6).push(Piece::Relu);
            for tensor in chain.net.pieces.iter_mut().flat_map(Piece::tensors_mut) {
                tensor.1 = false;
            }
            chain.dense(2);
            chain.net.normalisation = Some((vec![0.5, -0.25, 0.0], vec![2.0, 0.5, 1.5]));
        });
    }

    /// Heads at prototypes, of two classes with examples.
    fn heads(&mut self) {
        let at_prototypes = |net: &mut Net, temperature| {
            net.loss = Loss::CrossEntropy;
            net.head = HeadStart::Prototypes { temperature };
        };
        self.case("prototypes", [4, 4, 2], |chain| {
            chain
                .conv(4, [3, 3], [2, 1], Padding::Same)
                .group_norm(2)
                .push(Piece::Relu);
            chain.push(Piece::Flatten).dense(2);
            at_prototypes(&mut chain.net, 0.1);
        });
        self.case("prototypes_head_only", [1, 1, 5], |chain| {
            chain.dense(7).push(Piece::Relu);
            for tensor in chain.net.pieces.iter_mut().flat_map(Piece::tensors_mut) {
                tensor.1 = false;
            }
            chain.dense(2);
            at_prototypes(&mut chain.net, 0.6);
            (chain.net.clip_norm, chain.net.momentum) = (Some(0.5), Some(0.8));
        });
    }

    fn networks(&mut self) {
        // The few-shot classifier of the literature, small.
        self.case("network_conv", [6, 6, 1], |chain| {
            for filters in [4, 4] {
                chain
                    .conv(filters, [3, 3], [1, 1], Padding::Same)
                    .batch_norm(0)
                    .push(Piece::Relu);
                chain.pool(Pool::Maximum, [2, 2], [2, 2], Padding::Valid);
            }
            chain.push(Piece::Flatten).dense(3);
            chain.net.loss = Loss::CrossEntropy;
        });
        self.case("network_separable", [6, 5, 2], |chain| {
            chain
                .conv(4, [3, 3], [2, 2], Padding::Same)
                .group_norm(2)
                .push(Piece::Relu6);
            chain
                .depthwise([3, 3], [1, 1], Padding::Same)
                .group_norm(4)
                .push(Piece::Relu6);
            chain
                .conv(6, [1, 1], [1, 1], Padding::Valid)
                .group_norm(1)
                .push(Piece::Relu6);
            chain.push(Piece::GlobalAverage).dense(3);
            chain.net.loss = Loss::CrossEntropy;
        });
        self.case("network_conv1d", [1, 16, 3], |chain| {
            chain
                .conv(4, [1, 3], [1, 2], Padding::Same)
                .push(Piece::Relu);
            chain
                .conv(4, [1, 3], [1, 2], Padding::Same)
                .push(Piece::Relu);
            chain.push(Piece::GlobalAverage).dense(3);
            chain.net.loss = Loss::CrossEntropy;
        });
        self.case("network_int8_body", [6, 6, 2], |chain| {
            chain
                .quantize()
                .integer_conv(5, [3, 3], [2, 2], Padding::Same);
            chain.integer_depthwise([3, 3], [1, 1], Padding::Same);
            chain
                .integer_conv(7, [1, 1], [1, 1], Padding::Valid)
                .push(Piece::GlobalAverage);
            chain.dequantize().dense(5).push(Piece::Relu).dense(3);
            chain.net.loss = Loss::CrossEntropy;
        });
    }
}
