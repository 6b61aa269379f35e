//! The files of the specification's examples, as the writers make them.
#![allow(dead_code, reason = "each test file uses its part")]

use mamlet_formats::episodes::{EpisodesWriter, Prefix};
use mamlet_formats::{
    Artifact, ArtifactWriter, Centre, Checkpoint, Cut, FrontEnd, GoldenValues, HeadStart, Integers,
    Layer, Loss, Padding, Policy, Pool, Reduction, Rejection, Score, Shape, Statistics, Tensor,
    Window, checkpoint,
};

/// The line `y = w x + b` from `w = 0.5`, `b = 0`. Every number in it, the
/// golden vectors included, is exact in binary and easily followed by hand.
pub fn artifact() -> Vec<u8> {
    let mut writer = ArtifactWriter::new("line", Shape::Vector { features: 1 });
    let weight = writer.tensor(&[0.5], true);
    let bias = writer.tensor(&[0.0], true);
    writer.push(Layer::Dense {
        outputs: 1,
        weight,
        bias: Some(bias),
    });
    writer.push(Layer::LeakyRelu { slope: 0.25 });
    writer
        .rates(&[&[0.25, 0.25]])
        .steps(1, 20)
        .loss(Loss::MeanSquaredError, Reduction::Mean)
        .normalisation(&[1.0], &[2.0])
        .output_names(["y"])
        .provenance("code", "a1", 300, 0x1234)
        .golden(GoldenValues {
            examples: 1,
            inputs: &[1.5],
            targets: &[1.0],
            outputs_before: &[0.5],
            losses: &[0.25, 0.0],
            outputs_after: &[1.0],
            gradients: &[-1.0, -1.0],
            adapted_crc32: checkpoint::weights_crc32(&ADAPTED),
        });
    writer.to_bytes().expect("a sound artifact")
}

/// The weights after the golden step.
pub const ADAPTED: [f32; 2] = [0.75, 0.25];

/// [`ADAPTED`], bound to [`artifact`].
pub fn checkpoint() -> Vec<u8> {
    let bytes = artifact();
    let artifact = Artifact::parse(&bytes).expect("a sound artifact").id();
    let checkpoint = Checkpoint {
        artifact,
        steps: 1,
        loss_before: 0.25,
        loss_after: 0.0,
        weights: &[],
    };
    let mut bytes = vec![0; checkpoint::size(ADAPTED.len())];
    let written = checkpoint.write(&ADAPTED, &mut bytes);
    assert_eq!(written, Ok(bytes.len()));
    bytes
}

/// Three samples of two channels through a fixed convolution on integers and
/// one in f32 that adapts from f16, with stored statistics.
pub fn layers() -> Vec<u8> {
    let (length, channels) = (3, 2);
    let mut writer = ArtifactWriter::new("layers", Shape::Sequence { length, channels });
    let (scale, zero) = (0.5, -1);
    writer.push(Layer::Quantize { scale, zero });
    // One filter over two samples of two channels: the weights of a second
    // filter are filled up with zeros.
    let integers = Integers {
        weight: writer.i8_tensor(&[1, -2, 3, -4, 0, 0, 0, 0]),
        bias: writer.i32_tensor(&[-2]),
        multiplier: writer.i32_tensor(&[1 << 30]),
        shift: writer.i8_tensor(&[1]),
        input_zero: -1,
        zero: 2,
        low: -128,
        high: 127,
    };
    writer.push(Layer::IntegerConv {
        filters: 1,
        window: window([1, 2], Padding::Valid),
        integers,
    });
    writer.push(Layer::Dequantize {
        scale: 0.25,
        zero: 2,
    });
    let weight = writer.f16_tensor(&[0.5, 1.0, -2.0], true);
    writer.push(Layer::Conv {
        filters: 1,
        window: window([1, 3], Padding::Same),
        weight,
        bias: None,
    });
    let statistics = Statistics::Stored {
        mean: writer.tensor(&[0.0, 0.5], false),
        variance: writer.tensor(&[1.0, 4.0], false),
        rows: 2,
    };
    let gain = Some(writer.tensor(&[1.0], true));
    writer.push(Layer::BatchNorm {
        statistics,
        epsilon: 0.0,
        gain,
        bias: None,
    });
    writer
        .rates(&[&[0.5, 0.25]])
        .steps(1, 2)
        .loss(Loss::Huber { delta: 1.0 }, Reduction::Sum)
        .optimiser(Some(2.0), Some(0.5));
    writer.to_bytes().expect("a sound artifact")
}

/// Two classes of whole recordings of two channels, and what counts as neither.
pub fn gesture() -> Vec<u8> {
    let (length, channels) = (2, 2);
    let mut writer = ArtifactWriter::new("gesture", Shape::Sequence { length, channels });
    let weight = writer.tensor(&[0.0; 8], true);
    writer.push(Layer::Dense {
        outputs: 2,
        weight,
        bias: None,
    });
    writer
        .rates(&[&[0.5]])
        .loss(Loss::CrossEntropy, Reduction::Mean)
        .output_names(["up", "down"])
        .front_end(FRONT_END, ["ax", "ay"])
        .rejection(REJECTION);
    writer.to_bytes().expect("a sound artifact")
}

/// That of [`gesture`].
pub const FRONT_END: FrontEnd = FrontEnd {
    channels: 2,
    length: 2,
    millihertz: 62_500,
    cut: Cut::Whole { longest: 129 },
    centre: Centre::Rest,
};

/// That of [`gesture`].
pub const REJECTION: Rejection = Rejection {
    score: Score::Margin,
    threshold: 0.5,
};

/// A Gaussian policy of one observation, whose log σ adapts.
pub fn policy() -> Vec<u8> {
    let mut writer = ArtifactWriter::new("valve", Shape::Vector { features: 1 });
    let weight = writer.tensor(&[0.5], true);
    writer.push(Layer::Dense {
        outputs: 1,
        weight,
        bias: None,
    });
    let vector = writer.tensor(&[-1.0], true);
    writer.push(Layer::Context { vector });
    writer
        .rates(&[&[0.25, 0.125]])
        .loss(Loss::GaussianPolicy, Reduction::Mean)
        .policy(POLICY);
    writer.to_bytes().expect("a sound artifact")
}

/// That of [`policy`].
pub const POLICY: Policy = Policy {
    discount: 0.75,
    lambda: 0.5,
    horizon: 200,
    episodes: 4,
};

/// Two classes of one number, whose prototypes are the means of their examples.
pub fn prototypes() -> Vec<u8> {
    let mut writer = ArtifactWriter::new("near", Shape::Vector { features: 1 });
    let weight = writer.tensor(&[0.0, 0.0], true);
    let bias = writer.tensor(&[0.0, 0.0], true);
    writer.push(Layer::Dense {
        outputs: 2,
        weight,
        bias: Some(bias),
    });
    writer
        .rates(&[&[0.25, 0.125]])
        .loss(Loss::CrossEntropy, Reduction::Mean)
        .head(HEAD);
    writer.to_bytes().expect("a sound artifact")
}

/// That of [`prototypes`].
pub const HEAD: HeadStart = HeadStart::Prototypes { temperature: 0.75 };

/// A window that moves by one.
pub fn window(size: [u8; 2], padding: Padding) -> Window {
    Window {
        size,
        stride: [1, 1],
        padding,
    }
}

/// A layer of every kind, all tensors of which are `tensor`, in the order of
/// their discriminants.
pub fn every_layer(tensor: Tensor) -> Vec<Layer> {
    let (weight, bias) = (tensor, Some(tensor));
    let window = window([1, 1], Padding::Valid);
    let (epsilon, gain) = (0.5, None);
    let (scale, zero) = (0.5, -1);
    let integers = Integers {
        weight,
        bias: tensor,
        multiplier: tensor,
        shift: tensor,
        input_zero: 1,
        zero: 2,
        low: -3,
        high: 4,
    };
    let layers = vec![
        Layer::Dense {
            outputs: 1,
            weight,
            bias,
        },
        Layer::Relu,
        Layer::LeakyRelu { slope: 0.5 },
        Layer::Tanh,
        Layer::Sigmoid,
        Layer::Context { vector: tensor },
        Layer::Relu6,
        Layer::Softmax,
        Layer::Flatten,
        Layer::Conv {
            filters: 1,
            window,
            weight,
            bias,
        },
        Layer::Depthwise {
            window,
            weight,
            bias,
        },
        Layer::Pool {
            pool: Pool::Maximum,
            window,
        },
        Layer::GlobalAveragePool,
        Layer::BatchNorm {
            statistics: Statistics::Stored {
                mean: tensor,
                variance: tensor,
                rows: 1,
            },
            epsilon,
            gain,
            bias,
        },
        Layer::GroupNorm {
            groups: 1,
            epsilon,
            gain: bias,
            bias: None,
        },
        Layer::Quantize { scale, zero },
        Layer::Dequantize { scale, zero },
        Layer::IntegerDense {
            outputs: 1,
            integers,
        },
        Layer::IntegerConv {
            filters: 1,
            window,
            integers,
        },
        Layer::IntegerDepthwise { window, integers },
        Layer::GroupedConv {
            groups: 1,
            filters: 2,
            window,
            weight,
            bias,
        },
        Layer::IntegerGroupedConv {
            groups: 1,
            filters: 2,
            window,
            integers,
        },
    ];
    // Zeros are sound fields of any layer, and the number after the last kind is none.
    let after_last = [&[layers.len() as u8][..], &[0; 64]].concat();
    if let Ok((missing, _)) = postcard::take_from_bytes::<Layer>(&after_last) {
        panic!("{} is not in this list", missing.name());
    }
    layers
}

/// Two episodes of one support and one query example.
pub fn episodes() -> Vec<u8> {
    let mut writer = EpisodesWriter::new(Prefix {
        inputs: 2,
        targets: 1,
        support: 1,
        queries: 1,
        episodes: 2,
    });
    for (x, class) in [
        ([0.0, -1.0], 0.0),
        ([0.25, -1.0], 1.0),
        ([0.5, 0.0], 1.0),
        ([0.75, 0.0], 0.0),
    ] {
        writer.add(&x, &[class]).expect("two inputs and a class");
    }
    writer.finish().expect("four examples")
}
