//! Writes the artifacts of the networks, and a static variable for each.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use mamlet_formats::{ArtifactWriter, Layer, Shape};

/// Features of every vector.
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

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::var("OUT_DIR")?;
    let mut source = String::new();
    for (name, pieces) in NETWORKS {
        let file = format!("{name}.mamlet");
        fs::write(Path::new(&folder).join(&file), artifact(pieces)?)?;
        writeln!(source, "/// An artifact: see `NETWORKS` in `build.rs`.")?;
        writeln!(
            source,
            "pub static {name}: &[u8] = mamlet_runtime::include_aligned!(concat!(env!(\"OUT_DIR\"), \"/{file}\"));"
        )?;
    }
    fs::write(Path::new(&folder).join("networks.rs"), source)?;
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}

/// The artifact of a network whose weights are small and not zero.
fn artifact(pieces: &[Piece]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut writer = ArtifactWriter::new("kernel", Shape::Vector { features: WIDTH });
    let values = |count: u32| -> Vec<f32> {
        let steps = (0..count).map(|i| (i * 29 % 64) as f32);
        steps.map(|step| (step - 31.5) / 256.0).collect()
    };
    let mut adapting = 0;
    for &Dense(adapts) in pieces {
        let (weight, bias) = match adapts {
            Nothing => (false, false),
            Bias => (false, true),
            All => (true, true),
        };
        adapting += usize::from(weight) + usize::from(bias);
        let weight = writer.tensor(&values(WIDTH * WIDTH), weight);
        let bias = Some(writer.tensor(&values(WIDTH), bias));
        writer.push(Layer::Dense {
            outputs: WIDTH,
            weight,
            bias,
        });
    }
    writer.rates(&[&vec![1e-4; adapting]]).steps(1, 8);
    Ok(writer.to_bytes()?)
}
