//! The two files of the specification's examples, as the writers make them.

use mamlet_formats::{
    Artifact, ArtifactWriter, Checkpoint, GoldenValues, Layer, Loss, Reduction, Shape, checkpoint,
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
