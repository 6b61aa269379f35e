//! The formats stay what they are: the writers' bytes, the committed files and
//! the hex tables of the specification are the same, and the readers find in
//! them what the specification says.

mod common;
mod spec;

use mamlet_formats::{
    Artifact, ArtifactId, ArtifactWriter, Checkpoint, Description, GoldenSizes, Layer, Loss,
    Normalisation, Number, Recipe, Reduction, Shape, Tensor, checkpoint,
};
use spec::table;

const ARTIFACT: &[u8] = include_bytes!("data/tiny.mamlet");
const CHECKPOINT: &[u8] = include_bytes!("data/tiny.mamweights");

fn tensor(offset: u32, length: u32, adapts: bool) -> Tensor {
    Tensor {
        offset,
        length,
        number: Number::F32,
        adapts,
    }
}

#[test]
fn the_writers_give_the_committed_bytes() {
    assert_eq!(common::artifact(), ARTIFACT);
    assert_eq!(common::checkpoint(), CHECKPOINT);
}

#[test]
fn the_specification_shows_the_committed_bytes() {
    assert_eq!(table("tiny.mamlet"), ARTIFACT);
    assert_eq!(table("tiny.mamweights"), CHECKPOINT);
}

#[test]
fn the_artifact_reads_as_specified() {
    let artifact = Artifact::parse(ARTIFACT).expect("readable");
    let header = artifact.header();
    assert_eq!(header.input, Shape::Vector { features: 1 });
    let normalisation = Normalisation {
        mean: tensor(16, 1, false),
        scale: tensor(20, 1, false),
    };
    assert_eq!(header.normalisation, Some(normalisation));
    let recipe = Recipe {
        loss: Loss::MeanSquaredError,
        reduction: Reduction::Mean,
        steps: 1,
        max_steps: 20,
        rates: tensor(8, 2, false),
        rate_rows: 1,
    };
    assert_eq!(header.recipe, recipe);
    let layers = [
        Layer::Dense {
            outputs: 1,
            weight: tensor(0, 1, true),
            bias: Some(tensor(4, 1, true)),
        },
        Layer::LeakyRelu { slope: 0.25 },
    ];
    assert_eq!(artifact.layers().collect::<Vec<_>>(), layers);
    let words = [0.5f32, 0.0, 0.25, 0.25, 1.0, 2.0];
    assert_eq!(
        artifact.tensors(),
        words.map(f32::to_le_bytes).as_flattened()
    );
}

#[test]
fn the_description_reads_as_specified() {
    let artifact = Artifact::parse(ARTIFACT).expect("readable");
    let expected = Description {
        name: "line",
        outputs: "y",
        seed: 300,
        config_digest: 0x1234,
        protocol: "code",
        commit: "a1",
    };
    assert_eq!(artifact.description(), Ok(expected));
    assert_eq!(expected.output_names().collect::<Vec<_>>(), ["y"]);
}

#[test]
fn the_golden_vectors_read_as_specified() {
    let artifact = Artifact::parse(ARTIFACT).expect("readable");
    let golden = artifact.golden().ok().flatten().expect("golden vectors");
    let sizes = GoldenSizes {
        examples: 1,
        inputs: 1,
        targets: 1,
        outputs: 1,
        steps: 1,
        gradients: 2,
    };
    assert_eq!(golden.sizes, sizes);
    let fields: [(&[u8], &[f32]); 6] = [
        (golden.inputs, &[1.5]),
        (golden.targets, &[1.0]),
        (golden.outputs_before, &[0.5]),
        (golden.losses, &[0.25, 0.0]),
        (golden.outputs_after, &[1.0]),
        (golden.gradients, &[-1.0, -1.0]),
    ];
    for (bytes, expected) in fields {
        let expected: Vec<u8> = expected.iter().flat_map(|n| n.to_le_bytes()).collect();
        assert_eq!(bytes, expected);
    }
    assert_eq!(
        golden.adapted_crc32,
        checkpoint::weights_crc32(&common::ADAPTED)
    );
}

#[test]
fn the_checkpoint_reads_as_specified() {
    let checkpoint = Checkpoint::parse(CHECKPOINT).expect("readable");
    let id = ArtifactId {
        crc32: u32::from_le_bytes([ARTIFACT[28], ARTIFACT[29], ARTIFACT[30], ARTIFACT[31]]),
        length: ARTIFACT.len() as u32,
    };
    assert_eq!(checkpoint.artifact, id);
    assert_eq!((checkpoint.steps, checkpoint.loss_before), (1, 0.25));
    assert_eq!(checkpoint.loss_after, 0.0);
    assert_eq!(
        checkpoint.weights,
        common::ADAPTED.map(f32::to_le_bytes).as_flattened()
    );
}

/// The discriminants of the specification's tables, which never change.
#[test]
fn layers_and_enums_keep_their_discriminants() {
    let vector = tensor(0, 0, false);
    let layers = [
        Layer::Dense {
            outputs: 1,
            weight: vector,
            bias: None,
        },
        Layer::Relu,
        Layer::LeakyRelu { slope: 0.5 },
        Layer::Tanh,
        Layer::Sigmoid,
        Layer::Context { vector },
    ];
    // Without normalisation and with numbers below 128, every field of the header in front of the layers takes one byte.
    let header = |change: &dyn Fn(&mut ArtifactWriter)| {
        let mut writer = ArtifactWriter::new("", Shape::Vector { features: 1 });
        change(&mut writer);
        let bytes = writer.to_bytes().expect("structure alone is checked");
        let (loss, reduction, layer) = (bytes[32 + 3], bytes[32 + 4], bytes[32 + 12]);
        (loss, reduction, layer)
    };
    for (discriminant, layer) in layers.into_iter().enumerate() {
        let (_, _, written) = header(&|writer| {
            writer.push(layer);
        });
        assert_eq!(usize::from(written), discriminant, "{layer:?}");
    }
    let recipes = [
        (Loss::MeanSquaredError, Reduction::Mean),
        (Loss::CrossEntropy, Reduction::Sum),
    ];
    for (discriminant, (loss, reduction)) in (0..).zip(recipes) {
        let (written_loss, written_reduction, _) = header(&|writer| {
            writer.loss(loss, reduction);
        });
        assert_eq!(
            (written_loss, written_reduction),
            (discriminant, discriminant)
        );
    }
}

/// CRC-32 as the specification describes it, in one line of arithmetic a bit.
fn crc32(bytes: impl IntoIterator<Item = u8>) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
    let byte = |crc: u32, byte| (0..8).fold(crc ^ u32::from(byte), step);
    !bytes.into_iter().fold(!0, byte)
}

#[test]
fn the_checksum_is_the_one_specified() {
    assert_eq!(crc32(*b"123456789"), 0xcbf4_3926);
    for (file, at) in [(ARTIFACT, 28), (CHECKPOINT, 36)] {
        let covered = file[..at].iter().chain(&file[at + 4..]).copied();
        assert_eq!(crc32(covered).to_le_bytes(), file[at..at + 4]);
    }
}

#[test]
fn varints_need_not_be_the_shortest() {
    // The layer count 2 in two bytes instead of one, for one byte of padding.
    let mut bytes = ARTIFACT.to_vec();
    assert_eq!((bytes[0x31], bytes[0x53]), (2, 0));
    bytes.splice(0x31..0x32, [0x82, 0]);
    bytes.remove(0x54);
    let checksum = crc32([&bytes[..28], &bytes[32..]].concat());
    bytes[28..32].copy_from_slice(&checksum.to_le_bytes());
    let artifact = Artifact::parse(&bytes).expect("readable");
    assert_eq!(artifact.layers().count(), 2);
    assert_eq!(
        artifact.description().map(|description| description.commit),
        Ok("a1")
    );
}

#[test]
fn an_output_without_a_name_keeps_its_place() {
    for (names, expected) in [
        (&["", "b"][..], &["", "b"][..]),
        (&[], &[]),
        (&["a\nb", "c"], &["a b", "c"]),
    ] {
        let mut writer = ArtifactWriter::new("", Shape::Vector { features: 1 });
        let bytes = writer
            .output_names(names.iter().copied())
            .to_bytes()
            .expect("structure");
        let description = Artifact::parse(&bytes).and_then(|artifact| artifact.description());
        let description = description.expect("readable");
        assert_eq!(description.output_names().collect::<Vec<_>>(), expected);
    }
}
