//! The artifact of the runtime's documentation is made here, and the committed
//! file is what this executor makes today. After a change that is meant, write
//! it anew: `MAMLET_BLESS=1 cargo test -p mamlet-simulator --test fixtures`.

use std::path::Path;

use mamlet_formats::{ArtifactWriter, Layer, Shape};
use mamlet_simulator::Model;
use mamlet_simulator::file::ArtifactFile;
use mamlet_simulator::golden::attach;

/// A line `y = w x + b` from zero, with golden vectors for `y = 2 x + 1`.
fn line() -> Vec<u8> {
    let mut writer = ArtifactWriter::new("line", Shape::Vector { features: 1 });
    let weight = writer.tensor(&[0.0], true);
    let bias = writer.tensor(&[0.0], true);
    writer.push(Layer::Dense {
        outputs: 1,
        weight,
        bias: Some(bias),
    });
    writer.rates(&[&[0.3, 0.3]]).steps(10, 20);
    attach(&writer, &[0.0, 1.0, 2.0], &[1.0, 3.0, 5.0]).expect("a recipe that adapts")
}

#[test]
fn the_documentations_artifact_is_what_this_executor_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/line.mamlet");
    let made = line();
    if std::env::var_os("MAMLET_BLESS").is_some() {
        std::fs::write(&path, &made).expect("a writable file");
    }
    let committed = ArtifactFile::read(&path).expect("the committed file");
    assert_eq!(committed.bytes(), made);
    let artifact = committed.artifact().expect("readable");
    let model = Model::new(&artifact).expect("a sound network");
    assert_eq!((model.steps(), model.max_steps()), (10, 20));
}
