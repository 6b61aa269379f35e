//! The artifacts of the runtime's documentation are made here, and the committed
//! files are what this executor makes today. After a change that is meant, write
//! them anew: `MAMLET_BLESS=1 cargo test -p mamlet-simulator --test fixtures`.

use std::path::Path;

use mamlet_formats::{
    ArtifactWriter, Centre, Cut, FrontEnd, Layer, Loss, Policy, Reduction, Rejection, Score, Shape,
};
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

/// Three classes of strokes that an accelerometer of one axis records, from
/// zero, with golden vectors for one example of two of them.
fn strokes() -> Vec<u8> {
    let (length, channels) = (4, 1);
    let mut writer = ArtifactWriter::new("strokes", Shape::Sequence { length, channels });
    let weight = writer.tensor(&[0.0; 12], true);
    let bias = writer.tensor(&[0.0; 3], true);
    writer.push(Layer::Dense {
        outputs: 3,
        weight,
        bias: Some(bias),
    });
    let front_end = FrontEnd {
        channels,
        length,
        millihertz: 50_000,
        cut: Cut::Whole { longest: 16 },
        centre: Centre::None,
    };
    let rejection = Rejection {
        score: Score::Margin,
        threshold: 0.5,
    };
    writer
        .rates(&[&[0.5, 0.5]])
        .steps(5, 20)
        .loss(Loss::CrossEntropy, Reduction::Mean)
        .front_end(front_end, ["ax"])
        .rejection(rejection);
    let inputs = [0.0, 1.5, 1.5, 0.0, 0.0, -1.5, -1.5, 0.0];
    attach(&writer, &inputs, &[0.0, 1.0]).expect("a recipe that adapts")
}

/// A Gaussian policy of one constant observation, with golden vectors for one action.
fn valve() -> Vec<u8> {
    let mut writer = ArtifactWriter::new("valve", Shape::Vector { features: 1 });
    let weight = writer.tensor(&[0.5], true);
    writer.push(Layer::Dense {
        outputs: 1,
        weight,
        bias: None,
    });
    let vector = writer.tensor(&[0.0], true);
    writer.push(Layer::Context { vector });
    writer
        .rates(&[&[0.5, 0.25]])
        .steps(3, 3)
        .loss(Loss::GaussianPolicy, Reduction::Mean)
        .policy(Policy {
            discount: 1.0,
            lambda: 1.0,
            horizon: 1,
            episodes: 16,
        });
    attach(&writer, &[1.0], &[1.5, 1.0]).expect("a recipe that adapts")
}

#[test]
fn the_documentations_artifacts_are_what_this_executor_makes() {
    for (name, made, steps) in [
        ("line.mamlet", line(), (10, 20)),
        ("strokes.mamlet", strokes(), (5, 20)),
        ("valve.mamlet", valve(), (3, 3)),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data");
        let path = folder.join(name);
        if std::env::var_os("MAMLET_BLESS").is_some() {
            std::fs::write(&path, &made).expect("a writable file");
        }
        let committed = ArtifactFile::read(&path).expect("the committed file");
        assert_eq!(committed.bytes(), made);
        let artifact = committed.artifact().expect("readable");
        let model = Model::new(&artifact).expect("a sound network");
        assert_eq!((model.steps(), model.max_steps()), steps);
    }
}
