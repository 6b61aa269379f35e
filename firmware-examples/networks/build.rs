//! Writes the artifacts of the networks, and a static variable for each.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use mamlet_formats::{Artifact, ArtifactWriter, Layer, Shape};
use mamlet_runtime::{Learner, Model, Outcome, Rollback, weights_crc32};

include!("src/example.rs");

/// Features of every vector of the networks that are measured.
const WIDTH: u32 = 64;

/// What of a layer adapts.
#[derive(Clone, Copy)]
enum Adapts {
    Nothing,
    Bias,
    All,
}

/// A layer of a network.
#[derive(Clone, Copy)]
enum Piece {
    Dense(Adapts),
}

use Adapts::{All, Bias, Nothing};
use Piece::Dense;

/// Name, layers.
const NETWORKS: [(&str, &[Piece]); 4] = [
    ("DENSE_BIAS", &[Dense(Bias)]),
    ("DENSE_ALL", &[Dense(All)]),
    ("DENSE_FROZEN_THEN_BIAS", &[Dense(Nothing), Dense(Bias)]),
    ("DENSE_BIAS_THEN_FROZEN", &[Dense(Bias), Dense(Nothing)]),
];

/// Widths from input to output, examples: every remainder that tiles of five by
/// four, lines of eight or sixteen and pairs of products can leave.
const CASES: [([u32; 3], usize); 12] = [
    ([1, 1, 1], 1),
    ([1, 40, 1], 10),
    ([2, 3, 5], 2),
    ([3, 4, 2], 5),
    ([4, 5, 8], 6),
    ([5, 9, 4], 4),
    ([7, 16, 3], 7),
    ([8, 11, 12], 10),
    ([13, 21, 17], 11),
    ([20, 24, 20], 5),
    ([31, 18, 33], 3),
    ([40, 27, 40], 12),
];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::var("OUT_DIR")?;
    let mut source = String::new();
    for (name, pieces) in NETWORKS {
        let file = format!("{name}.mamlet");
        let widths = vec![WIDTH; pieces.len() + 1];
        fs::write(Path::new(&folder).join(&file), artifact(&widths, pieces)?)?;
        writeln!(source, "/// An artifact: see `NETWORKS` in `build.rs`.")?;
        writeln!(
            source,
            "pub static {name}: &[u8] = mamlet_runtime::include_aligned!(concat!(env!(\"OUT_DIR\"), \"/{file}\"));"
        )?;
    }
    writeln!(
        source,
        "/// See `CASES` in `build.rs`.\npub static CASES: &[Case] = &["
    )?;
    for (number, (widths, examples)) in CASES.iter().enumerate() {
        let file = format!("case{number}.mamlet");
        let bytes = artifact(widths, &[Dense(All), Dense(All)])?;
        fs::write(Path::new(&folder).join(&file), &bytes)?;
        let (crc32, prediction) = computed(&bytes, *examples)?;
        writeln!(
            source,
            "Case {{ artifact: mamlet_runtime::include_aligned!(concat!(env!(\"OUT_DIR\"), \"/{file}\")), \
             examples: {examples}, weights_crc32: {crc32}, prediction: &{prediction:?} }},"
        )?;
    }
    writeln!(source, "];")?;
    fs::write(Path::new(&folder).join("networks.rs"), source)?;
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/example.rs");
    Ok(())
}

/// The artifact of a network whose weights are small and not zero.
fn artifact(widths: &[u32], pieces: &[Piece]) -> Result<Vec<u8>, Box<dyn Error>> {
    let features = widths[0];
    let mut writer = ArtifactWriter::new("kernel", Shape::Vector { features });
    let values = |count: u32| -> Vec<f32> {
        let steps = (0..count).map(|i| (i * 29 % 64) as f32);
        steps.map(|step| (step - 31.5) / 256.0).collect()
    };
    let mut adapting = 0;
    for (&Dense(adapts), widths) in pieces.iter().zip(widths.windows(2)) {
        let (inputs, outputs) = (widths[0], widths[1]);
        let (weight, bias) = match adapts {
            Nothing => (false, false),
            Bias => (false, true),
            All => (true, true),
        };
        adapting += usize::from(weight) + usize::from(bias);
        let weight = writer.tensor(&values(inputs * outputs), weight);
        let bias = Some(writer.tensor(&values(outputs), bias));
        writer.push(Layer::Dense {
            outputs,
            weight,
            bias,
        });
    }
    writer.rates(&[&vec![1e-4; adapting]]).steps(1, 8);
    Ok(writer.to_bytes()?)
}

/// What this host computes of a case: the checksum of the adapted weights, and
/// the bits of a prediction.
fn computed(bytes: &[u8], examples: usize) -> Result<(u32, Vec<u32>), Box<dyn Error>> {
    // Copied to words, as an artifact must lie at a multiple of four.
    let mut words = vec![0f32; bytes.len().div_ceil(4)];
    let aligned: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
    aligned[..bytes.len()].copy_from_slice(bytes);
    let artifact = Artifact::parse(&aligned[..bytes.len()])?;
    let model = Model::<2>::new(&artifact)?;
    let mut memory = vec![0.0; model.memory(examples, Rollback::ToInitialisation).total() / 4];
    let mut learner = Learner::new(&model, examples, Rollback::ToInitialisation, &mut memory)?;
    for index in 0..examples {
        let values = example(index);
        learner.add_values(&values[..model.inputs()], &values[..model.outputs()])?;
    }
    if learner.adapt()?.outcome != Outcome::Adapted {
        return Err("a case that does not adapt checks nothing".into());
    }
    let crc32 = weights_crc32(learner.weights().ok_or("no weights")?);
    let prediction = learner.predict(&example(0)[..model.inputs()])?;
    Ok((crc32, prediction.iter().map(|y| y.to_bits()).collect()))
}
