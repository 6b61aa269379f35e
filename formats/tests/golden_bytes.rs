//! The formats stay what they are: the writers' bytes, the committed files and
//! the hex tables of the specification are the same, and the readers find in
//! them what the specification says.

mod common;
mod spec;

use std::path::Path;

use mamlet_formats::{
    Artifact, ArtifactId, ArtifactWriter, Centre, Checkpoint, Cut, Description, Episodes, FrontEnd,
    GoldenSizes, HeadStart, Layer, Loss, Normalisation, Number, Padding, Pool, Recipe, Reduction,
    Rejection, Score, Shape, Statistics, Tensor, checkpoint,
};
use spec::table;

const ARTIFACT: &[u8] = include_bytes!("data/tiny.mamlet");
const LAYERS: &[u8] = include_bytes!("data/layers.mamlet");
const GESTURE: &[u8] = include_bytes!("data/gesture.mamlet");
const POLICY: &[u8] = include_bytes!("data/policy.mamlet");
const PROTOTYPES: &[u8] = include_bytes!("data/prototypes.mamlet");
const CHECKPOINT: &[u8] = include_bytes!("data/tiny.mamweights");
const EPISODES: &[u8] = include_bytes!("data/tiny.episodes");

fn tensor(offset: u32, length: u32, adapts: bool) -> Tensor {
    Tensor {
        offset,
        length,
        number: Number::F32,
        adapts,
    }
}

/// After a change of the format that is meant, write the files anew:
/// `MAMLET_BLESS=1 cargo test -p mamlet-formats --test golden_bytes`.
#[test]
fn the_writers_give_the_committed_bytes() {
    let files: [(&str, Vec<u8>, &[u8]); 7] = [
        ("tiny.mamlet", common::artifact(), ARTIFACT),
        ("layers.mamlet", common::layers(), LAYERS),
        ("gesture.mamlet", common::gesture(), GESTURE),
        ("policy.mamlet", common::policy(), POLICY),
        ("prototypes.mamlet", common::prototypes(), PROTOTYPES),
        ("tiny.mamweights", common::checkpoint(), CHECKPOINT),
        ("tiny.episodes", common::episodes(), EPISODES),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for (name, made, committed) in files {
        if std::env::var_os("MAMLET_BLESS").is_some() {
            std::fs::write(folder.join(name), &made).expect("a writable file");
        } else {
            assert_eq!(made, committed, "{name}");
        }
    }
}

#[test]
fn the_specification_shows_the_committed_bytes() {
    assert_eq!(table("tiny.mamlet"), ARTIFACT);
    assert_eq!(table("layers.mamlet"), LAYERS);
    assert_eq!(table("gesture.mamlet"), GESTURE);
    assert_eq!(table("policy.mamlet"), POLICY);
    assert_eq!(table("prototypes.mamlet"), PROTOTYPES);
    assert_eq!(table("tiny.mamweights"), CHECKPOINT);
    assert_eq!(table("tiny.episodes"), EPISODES);
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
        clip_norm: None,
        momentum: None,
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
        variant: "code",
        commit: "a1",
    };
    assert_eq!(artifact.description(), Ok(expected));
    assert_eq!(expected.output_names().collect::<Vec<_>>(), ["y"]);
}

#[test]
fn the_pipeline_reads_as_specified() {
    let artifact = Artifact::parse(GESTURE).expect("readable");
    assert_eq!(artifact.front_end(), Some(common::FRONT_END));
    assert_eq!(artifact.rejection(), Some(common::REJECTION));
    let names = artifact.channel_names().expect("UTF-8");
    assert_eq!(names.collect::<Vec<_>>(), ["ax", "ay"]);
    assert_eq!(common::FRONT_END.hertz(), 62.5);
    // Version 2.1, where the others are 2.0 as they were and have none.
    assert_eq!([GESTURE[10], ARTIFACT[10], LAYERS[10]], [1, 0, 0]);
    for file in [ARTIFACT, LAYERS] {
        let artifact = Artifact::parse(file).expect("readable");
        let none = (artifact.front_end(), artifact.rejection());
        assert_eq!(none, (None, None));
        assert_eq!(artifact.channel_names().map(Iterator::count), Ok(0));
    }
}

#[test]
fn the_policy_reads_as_specified() {
    let artifact = Artifact::parse(POLICY).expect("readable");
    assert_eq!(artifact.policy(), Some(common::POLICY));
    assert_eq!(artifact.header().recipe.loss, Loss::GaussianPolicy);
    let description = artifact.description().expect("a description");
    assert_eq!(description.name, "valve");
    // Version 2.4, where the others are as they were and have none.
    assert_eq!((POLICY[8], POLICY[10]), (2, 4));
    for file in [ARTIFACT, LAYERS, GESTURE] {
        let artifact = Artifact::parse(file).expect("readable");
        assert!(artifact.policy().is_none() && file[10] < 4);
    }
}

#[test]
fn the_start_of_the_head_reads_as_specified() {
    let artifact = Artifact::parse(PROTOTYPES).expect("readable");
    assert_eq!(artifact.head(), common::HEAD);
    assert_eq!(artifact.policy(), None);
    let description = artifact.description().expect("a description");
    assert_eq!(description.name, "near");
    // Version 2.5, where the others are as they were.
    assert_eq!((PROTOTYPES[8], PROTOTYPES[10]), (2, 5));
    for file in [ARTIFACT, LAYERS, GESTURE, POLICY] {
        let artifact = Artifact::parse(file).expect("readable");
        assert_eq!(artifact.head(), HeadStart::Stored);
        assert!(file[10] < 5);
    }
}

/// Every kind of front end and rejection, through writer and reader.
#[test]
fn pipelines_read_back_as_written() {
    let cuts = [Cut::Whole { longest: 1 }, Cut::Windows { stride: 7 }];
    let centres = [Centre::None, Centre::Mean, Centre::Rest];
    let scores = [
        Score::Probability,
        Score::Margin,
        Score::Energy,
        Score::NoClass,
    ];
    let mut front_ends = vec![None];
    for cut in cuts {
        front_ends.extend(centres.map(|centre| {
            Some(FrontEnd {
                cut,
                centre,
                ..common::FRONT_END
            })
        }));
    }
    let mut rejections = vec![None];
    rejections.extend(scores.map(|score| {
        Some(Rejection {
            score,
            threshold: -2.5,
        })
    }));
    for &front_end in &front_ends {
        for &rejection in &rejections {
            for names in [&[][..], &["a"], &["a", "", "ccc"]] {
                let mut writer = ArtifactWriter::new("", Shape::Vector { features: 4 });
                if let Some(front_end) = front_end {
                    writer.front_end(front_end, names.iter().copied());
                }
                if let Some(rejection) = rejection {
                    writer.rejection(rejection);
                }
                let bytes = writer.to_bytes().expect("structure");
                let artifact = Artifact::parse(&bytes).expect("readable");
                assert_eq!(artifact.front_end(), front_end);
                assert_eq!(artifact.rejection(), rejection);
                let read: Vec<_> = artifact.channel_names().expect("UTF-8").collect();
                let written = if front_end.is_some() { names } else { &[] };
                assert_eq!(read, written);
                let no_class = rejection.is_some_and(|it| it.score == Score::NoClass);
                let something = front_end.is_some() || rejection.is_some();
                let minor = u8::from(something) + u8::from(no_class);
                assert_eq!(bytes[10], minor);
            }
        }
    }
}

#[test]
fn the_episodes_read_as_specified() {
    let episodes = Episodes::parse(EPISODES).expect("readable");
    let read: Vec<Vec<_>> = episodes.iter().map(|e| e.iter().collect()).collect();
    let example = |x: [f32; 2], class: f32| (x.to_vec(), vec![class]);
    let expected = [
        [example([0.0, -1.0], 0.0), example([0.25, -1.0], 1.0)],
        [example([0.5, 0.0], 1.0), example([0.75, 0.0], 0.0)],
    ];
    assert_eq!(read, expected);
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

#[test]
fn layers_and_optimiser_read_as_specified() {
    let artifact = Artifact::parse(LAYERS).expect("readable");
    let header = artifact.header();
    let (length, channels) = (3, 2);
    assert_eq!(header.input, Shape::Sequence { length, channels });
    let recipe = header.recipe;
    assert_eq!(recipe.loss, Loss::Huber { delta: 1.0 });
    assert_eq!((recipe.clip_norm, recipe.momentum), (Some(2.0), Some(0.5)));
    let names: Vec<_> = artifact.layers().map(|layer| layer.name()).collect();
    let expected = [
        "quantize",
        "integer_conv",
        "dequantize",
        "conv",
        "batch_norm",
    ];
    assert_eq!(names, expected);
    let adapting: Vec<_> = artifact
        .layers()
        .flat_map(|layer| layer.tensors())
        .collect();
    let number = Number::F16;
    let weight = Tensor {
        number,
        ..tensor(20, 3, true)
    };
    assert_eq!(adapting, [weight, tensor(44, 1, true)]);
    // What one i8 and three f16 leave of their last words is zero.
    let tensors = artifact.tensors();
    assert_eq!(tensors[16..20], [1, 0, 0, 0]);
    assert_eq!(tensors[20..28], [0, 0x38, 0, 0x3c, 0, 0xc0, 0, 0]);
}

fn encoded(value: &impl serde::Serialize) -> Vec<u8> {
    postcard::to_allocvec(value).expect("a heap")
}

/// The discriminants of the specification's tables, which never change.
#[test]
fn layers_and_enums_keep_their_discriminants() {
    fn count<T: serde::Serialize + std::fmt::Debug>(variants: &[T]) {
        for (discriminant, variant) in variants.iter().enumerate() {
            let first = encoded(variant).first().copied();
            assert_eq!(first.map(usize::from), Some(discriminant), "{variant:?}");
        }
    }
    count(&common::every_layer(tensor(0, 0, false)));
    let (height, width, length, channels) = (1, 1, 1, 1);
    count(&[
        Shape::Vector { features: 1 },
        Shape::Sequence { length, channels },
        Shape::Image {
            height,
            width,
            channels,
        },
    ]);
    count(&[
        Loss::MeanSquaredError,
        Loss::CrossEntropy,
        Loss::Huber { delta: 1.0 },
        Loss::GaussianPolicy,
        Loss::CategoricalPolicy,
    ]);
    count(&[Reduction::Mean, Reduction::Sum]);
    count(&[Number::F32, Number::F16, Number::I8, Number::I32]);
    count(&[Padding::Valid, Padding::Same]);
    count(&[Pool::Maximum, Pool::Average]);
    let (mean, variance, rows) = (tensor(0, 0, false), tensor(0, 0, false), 1);
    count(&[
        Statistics::Current,
        Statistics::Stored {
            mean,
            variance,
            rows,
        },
    ]);
}

/// The list of names has those of all layers.
#[test]
fn layers_are_called_by_their_names() {
    let layers = common::every_layer(tensor(0, 0, false));
    // A pool has two names, the other of which stands there.
    let names = Layer::NAMES
        .into_iter()
        .filter(|name| *name != "average_pool");
    assert!(layers.iter().map(Layer::name).eq(names), "{layers:?}");
}

/// The fields of every layer, in the order of the specification's table.
#[test]
fn layers_keep_their_fields() {
    let (number, offset, length) = (Number::I8, 8, 3);
    let adapts = true;
    let tensor = Tensor {
        offset,
        length,
        number,
        adapts,
    };
    let tensor_bytes = vec![8, 3, 2, 1];
    let optional = [vec![1], tensor_bytes.clone()].concat();
    let window = vec![1, 1, 1, 1, 0];
    let half = 0.5f32.to_le_bytes().to_vec();
    let grid = [half.clone(), vec![0xff]].concat();
    let integers = [
        tensor_bytes.repeat(4),
        vec![1, 2, (-3i8).cast_unsigned(), 4],
    ]
    .concat();
    let with_bias = |front: &[Vec<u8>]| [front.concat(), tensor_bytes.clone(), optional.clone()];
    let fields: [Vec<u8>; 22] = [
        with_bias(&[vec![1]]).concat(),
        vec![],
        half.clone(),
        vec![],
        vec![],
        tensor_bytes.clone(),
        vec![],
        vec![],
        vec![],
        with_bias(&[vec![1], window.clone()]).concat(),
        with_bias(std::slice::from_ref(&window)).concat(),
        [vec![0], window.clone()].concat(),
        vec![],
        [
            vec![1],
            tensor_bytes.repeat(2),
            vec![1],
            half.clone(),
            vec![0],
            optional.clone(),
        ]
        .concat(),
        [vec![1], half, optional.clone(), vec![0]].concat(),
        grid.clone(),
        grid,
        [vec![1], integers.clone()].concat(),
        [vec![1], window.clone(), integers.clone()].concat(),
        [window.clone(), integers.clone()].concat(),
        with_bias(&[vec![1, 2], window.clone()]).concat(),
        [vec![1, 2], window, integers].concat(),
    ];
    for (layer, fields) in common::every_layer(tensor).iter().zip(fields) {
        assert_eq!(encoded(layer)[1..], fields, "{layer:?}");
    }
}

/// A file is of the lowest version that has all of its layers.
#[test]
fn layers_ask_for_their_version() {
    let tensor = Tensor {
        offset: 0,
        length: 0,
        number: Number::F32,
        adapts: false,
    };
    for (discriminant, layer) in common::every_layer(tensor).into_iter().enumerate() {
        let mut writer = ArtifactWriter::new("", Shape::Vector { features: 1 });
        writer.push(Layer::Relu);
        writer.push(layer);
        writer.push(Layer::Relu);
        let bytes = writer.to_bytes().expect("structure");
        let expected = if discriminant < 20 { 0 } else { 3 };
        assert_eq!(bytes[8..12], [2, 0, expected, 0], "{}", layer.name());
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
    assert_eq!((bytes[0x36], bytes[0x5b]), (2, 0));
    bytes.splice(0x36..0x37, [0x82, 0]);
    bytes.remove(0x5c);
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
