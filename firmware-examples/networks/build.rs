//! Writes the artifacts of the networks, and a static variable for each.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use mamlet_formats::{Artifact, Padding, Shape};
use mamlet_runtime::{Adaptation, Learner, Model, Outcome, Rollback, weights_crc32};

#[path = "build/artifact.rs"]
mod artifact;
#[path = "build/cases.rs"]
mod cases;

use artifact::Adapts::{All, Bias, Nothing};
use artifact::Piece::{
    self, Conv, Dense, Dequantize, IntegerConv, IntegerDepthwise, Mixing, Quantize,
};
use artifact::artifact;
use cases::cases;

include!("src/example.rs");

const fn vector(features: u32) -> Shape {
    Shape::Vector { features }
}

const fn sequence(length: u32, channels: u32) -> Shape {
    Shape::Sequence { length, channels }
}

const fn image(height: u32, width: u32, channels: u32) -> Shape {
    Shape::Image {
        height,
        width,
        channels,
    }
}

/// Same padding, a stride of one.
const fn window(size: u8) -> artifact::Window {
    artifact::Window {
        size: [size, size],
        stride: [1, 1],
        padding: Padding::Same,
    }
}

/// A window over a sequence.
const fn line(size: u8, stride: u8) -> artifact::Window {
    artifact::Window {
        size: [1, size],
        stride: [1, stride],
        padding: Padding::Same,
    }
}

/// A rate at which a case learns.
const RATE: f32 = 1e-4;

/// One number of all that comes, to keep what a network returns small.
const SUM: Piece = Dense(1, Nothing);
/// The same where nothing else adapts.
const ADAPTING_SUM: Piece = Dense(1, Bias);

const VECTOR: Shape = vector(64);
const POINTS: Shape = image(8, 8, 64);
const IMAGE: Shape = image(16, 16, 16);
const WIDE_IMAGE: Shape = image(16, 16, 32);

/// Name, what an example is, layers. [`Mixing`] below keeps the engine from
/// computing layers that do not change once, when an example is added.
const NETWORKS: [(&str, Shape, &[Piece]); 27] = [
    ("DENSE_BIAS", VECTOR, &[Dense(64, Bias)]),
    ("DENSE_ALL", VECTOR, &[Dense(64, All)]),
    (
        "DENSE_BIAS_THEN_FROZEN",
        VECTOR,
        &[Dense(64, Bias), Dense(64, Nothing)],
    ),
    (
        "DENSE_MIXED_BIAS_THEN_FROZEN",
        VECTOR,
        &[Mixing, Dense(64, Bias), Dense(64, Nothing)],
    ),
    (
        "DENSE_MIXED_FROZEN_THEN_BIAS",
        VECTOR,
        &[Mixing, Dense(64, Nothing), Dense(64, Bias)],
    ),
    ("POINTS_SUM", POINTS, &[ADAPTING_SUM]),
    (
        "POINTWISE",
        POINTS,
        &[Conv(64, window(1), Nothing), ADAPTING_SUM],
    ),
    ("POINTWISE_BIAS", POINTS, &[Conv(64, window(1), Bias), SUM]),
    ("POINTWISE_ALL", POINTS, &[Conv(64, window(1), All), SUM]),
    (
        "POINTWISE_MIXED_BIAS_THEN_FROZEN",
        POINTS,
        &[
            Mixing,
            Conv(64, window(1), Bias),
            Conv(64, window(1), Nothing),
            SUM,
        ],
    ),
    (
        "POINTWISE_MIXED_FROZEN_THEN_BIAS",
        POINTS,
        &[
            Mixing,
            Conv(64, window(1), Nothing),
            Conv(64, window(1), Bias),
            SUM,
        ],
    ),
    ("IMAGE_SUM", IMAGE, &[ADAPTING_SUM]),
    ("CONV", IMAGE, &[Conv(16, window(3), Nothing), ADAPTING_SUM]),
    ("CONV_BIAS", IMAGE, &[Conv(16, window(3), Bias), SUM]),
    ("CONV_ALL", IMAGE, &[Conv(16, window(3), All), SUM]),
    (
        "CONV_MIXED_BIAS_THEN_FROZEN",
        IMAGE,
        &[
            Mixing,
            Conv(16, window(3), Bias),
            Conv(16, window(3), Nothing),
            SUM,
        ],
    ),
    (
        "CONV_MIXED_FROZEN_THEN_BIAS",
        IMAGE,
        &[
            Mixing,
            Conv(16, window(3), Nothing),
            Conv(16, window(3), Bias),
            SUM,
        ],
    ),
    // The same numbers, before the convolution and after it.
    ("SEQUENCE_SUM", sequence(32, 32), &[ADAPTING_SUM]),
    (
        "CONV1D",
        sequence(64, 16),
        &[Conv(32, line(5, 2), Nothing), ADAPTING_SUM],
    ),
    ("WIDE_IMAGE_SUM", WIDE_IMAGE, &[ADAPTING_SUM]),
    (
        "DEPTHWISE",
        WIDE_IMAGE,
        &[Piece::Depthwise(window(3), Nothing), ADAPTING_SUM],
    ),
    (
        "INTEGER_POINTS_SUM",
        POINTS,
        &[Quantize, Dequantize, ADAPTING_SUM],
    ),
    (
        "INTEGER_POINTWISE",
        POINTS,
        &[
            Quantize,
            IntegerConv(64, window(1)),
            Dequantize,
            ADAPTING_SUM,
        ],
    ),
    (
        "INTEGER_IMAGE_SUM",
        IMAGE,
        &[Quantize, Dequantize, ADAPTING_SUM],
    ),
    (
        "INTEGER_CONV",
        IMAGE,
        &[
            Quantize,
            IntegerConv(16, window(3)),
            Dequantize,
            ADAPTING_SUM,
        ],
    ),
    (
        "INTEGER_WIDE_IMAGE_SUM",
        WIDE_IMAGE,
        &[Quantize, Dequantize, ADAPTING_SUM],
    ),
    (
        "INTEGER_DEPTHWISE",
        WIDE_IMAGE,
        &[
            Quantize,
            IntegerDepthwise(window(3)),
            Dequantize,
            ADAPTING_SUM,
        ],
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::var("OUT_DIR")?;
    let mut source = String::new();
    for (name, shape, pieces) in NETWORKS {
        let file = format!("{name}.mamlet");
        fs::write(Path::new(&folder).join(&file), adapting(shape, pieces)?)?;
        writeln!(source, "/// An artifact: see `NETWORKS` in `build.rs`.")?;
        writeln!(
            source,
            "pub static {name}: &[u8] = mamlet_runtime::include_aligned!(concat!(env!(\"OUT_DIR\"), \"/{file}\"));"
        )?;
    }
    writeln!(
        source,
        "/// See `build/cases.rs`.\npub static CASES: &[Case] = &["
    )?;
    for (number, (shape, pieces, examples)) in cases().iter().enumerate() {
        let file = format!("case{number}.mamlet");
        let bytes = artifact(*shape, pieces, RATE)?;
        fs::write(Path::new(&folder).join(&file), &bytes)?;
        let values = |index| example(index).to_vec();
        let (crc32, prediction) = adapted(&bytes, *examples, None, values, values)?;
        writeln!(
            source,
            "Case {{ artifact: mamlet_runtime::include_aligned!(concat!(env!(\"OUT_DIR\"), \"/{file}\")), \
             examples: {examples}, weights_crc32: {crc32}, prediction: &{prediction:?} }},"
        )?;
    }
    writeln!(source, "];")?;
    fs::write(Path::new(&folder).join("networks.rs"), source)?;
    for file in ["build.rs", "build", "src/example.rs"] {
        println!("cargo:rerun-if-changed={file}");
    }
    Ok(())
}

/// The artifact of a network that is measured, with a rate at which it adapts: a
/// step that is taken back would be measured twice.
fn adapting(shape: Shape, pieces: &[Piece]) -> Result<Vec<u8>, Box<dyn Error>> {
    let examples = match shape {
        Shape::Vector { .. } => EXAMPLES,
        _ => 1,
    };
    for rate in [1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8] {
        let bytes = artifact(shape, pieces, rate)?;
        let x = |index| (index..index + LARGEST).map(measured).collect();
        let y = |_| vec![1.0; LARGEST];
        let adapts = |steps| adapted(&bytes, examples, Some(steps), x, y).is_ok();
        if adapts(1) && adapts(1 + STEPS) {
            return Ok(bytes);
        }
    }
    Err("a network adapts at no rate".into())
}

/// What this host computes of a network: the checksum of the adapted weights, and
/// the bits of its prediction of the first example.
fn adapted(
    bytes: &[u8],
    examples: usize,
    steps: Option<usize>,
    x: impl Fn(usize) -> Vec<f32>,
    y: impl Fn(usize) -> Vec<f32>,
) -> Result<(u32, Vec<u32>), Box<dyn Error>> {
    // Copied to words, as an artifact must lie at a multiple of four.
    let mut words = vec![0f32; bytes.len().div_ceil(4)];
    let aligned: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
    aligned[..bytes.len()].copy_from_slice(bytes);
    let artifact = Artifact::parse(&aligned[..bytes.len()])?;
    let model = Model::<LAYERS>::new(&artifact)?;
    let mut memory = vec![
        0.0;
        model
            .memory(examples, Rollback::ToInitialisation)
            .total()
            .len()
    ];
    let mut learner = Learner::new(&model, examples, Rollback::ToInitialisation, &mut memory)?;
    for index in 0..examples {
        learner.add_values(&x(index)[..model.inputs()], &y(index)[..model.outputs()])?;
    }
    let recipe = Adaptation { steps, rate: None };
    if learner.adapt_with(recipe)?.outcome != Outcome::Adapted {
        return Err("a network that does not adapt checks nothing".into());
    }
    let crc32 = weights_crc32(learner.weights().ok_or("no weights")?);
    let prediction = learner.predict(&x(0)[..model.inputs()])?;
    Ok((crc32, prediction.iter().map(|y| y.to_bits()).collect()))
}
