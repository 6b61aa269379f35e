//! What is no model, and why.
#![cfg(all(
    feature = "convolution",
    feature = "normalisation",
    feature = "integer",
    feature = "policy"
))]

mod common;

use common::{AnyModel, Net, Piece, random};
use mamlet_formats::{Artifact, ArtifactWriter, Layer, Loss, Reduction, Shape, Tensor};
use mamlet_runtime::{Model, ModelError};

/// What the runtime says of an artifact with these parts.
fn refusal(build: impl FnOnce(&mut ArtifactWriter)) -> Option<ModelError> {
    let mut writer = ArtifactWriter::new("", Shape::Vector { features: 2 });
    build(&mut writer);
    model_error(&writer)
}

fn model_error(writer: &ArtifactWriter) -> Option<ModelError> {
    let bytes = writer.to_bytes().expect("structure is right");
    let file = common::Aligned::new(&bytes);
    AnyModel::new(&file.artifact()).err()
}

/// A dense layer with tensors of these lengths.
fn dense(writer: &mut ArtifactWriter, outputs: u32, weight: usize, bias: usize) {
    let weight = writer.tensor(&vec![0.5; weight], true);
    let bias = (bias > 0).then(|| writer.tensor(&vec![0.5; bias], true));
    writer.push(Layer::Dense {
        outputs,
        weight,
        bias,
    });
}

/// A layer that fits the input, and rates that fit it.
fn sound(writer: &mut ArtifactWriter) {
    dense(writer, 3, 6, 3);
    writer.rates(&[&[0.1, 0.1]]);
}

#[test]
fn a_sound_artifact_is_a_model() {
    assert_eq!(refusal(sound), None);
    let file = Net::any(&mut random(1)).file();
    let artifact = file.artifact();
    let model = AnyModel::new(&artifact).expect("a sound network");
    let mut loaded = AnyModel::default();
    assert_eq!(loaded.load(&artifact), Ok(()));
    assert_eq!(format!("{loaded:?}"), format!("{model:?}"));
}

#[test]
fn layers_that_do_not_fit_are_named() {
    let length = |layer, needed, given| {
        Some(ModelError::TensorLength {
            layer,
            needed,
            given,
        })
    };
    assert_eq!(refusal(|w| dense(w, 3, 5, 3)), length(0, 6, 5));
    assert_eq!(refusal(|w| dense(w, 3, 7, 3)), length(0, 6, 7));
    assert_eq!(refusal(|w| dense(w, 3, 6, 2)), length(0, 3, 2));
    let second = |w: &mut ArtifactWriter| {
        dense(w, 3, 6, 0);
        w.push(Layer::Tanh);
        dense(w, 2, 4, 0);
    };
    assert_eq!(refusal(second), length(2, 6, 4));
    let huge = |w: &mut ArtifactWriter| dense(w, u32::MAX, 6, 0);
    assert_eq!(refusal(huge), length(0, 2 * u32::MAX as usize, 6));
    assert_eq!(refusal(|w| dense(w, 0, 0, 0)), Some(ModelError::Empty));
    assert_eq!(refusal(|_| ()), Some(ModelError::Empty));
}

#[test]
fn an_input_of_nothing_is_refused() {
    let mut writer = ArtifactWriter::new("", Shape::Vector { features: 0 });
    dense(&mut writer, 3, 0, 3);
    let bytes = writer.rates(&[&[0.1, 0.1]]).to_bytes().expect("structure");
    let file = common::Aligned::new(&bytes);
    let artifact: Artifact<'_> = file.artifact();
    assert_eq!(AnyModel::new(&artifact).err(), Some(ModelError::Empty));
}

#[test]
fn a_tensor_of_nothing_does_not_adapt() {
    let of = |length: usize| {
        refusal(|w| {
            sound(w);
            let vector = w.tensor(&vec![0.5; length], true);
            w.push(Layer::Context { vector });
            w.rates(&[&[0.1; 3]]);
        })
    };
    assert_eq!(of(1), None);
    assert_eq!(of(0), Some(ModelError::Empty));
}

#[test]
fn more_layers_than_there_is_room_for_are_counted() {
    let mut random = random(2);
    let mut pieces = vec![Piece::Relu; 8];
    pieces.push(common::dense(&mut random, 2, 2));
    let file = Net::new(2, pieces).file();
    let error = ModelError::TooManyLayers {
        needed: 9,
        capacity: 8,
    };
    assert_eq!(Model::<8>::new(&file.artifact()).err(), Some(error));
    let enough = Model::<9>::new(&file.artifact()).err();
    assert!(!matches!(enough, Some(ModelError::TooManyLayers { .. })));
    assert!(error.to_string().contains("Model::<9>"), "{error}");
}

#[test]
fn slopes_outside_zero_to_one_are_refused() {
    let of = |slope| {
        refusal(|w| {
            w.push(Layer::LeakyRelu { slope });
            sound(w);
        })
    };
    for slope in [0.0, 0.5, 1.0] {
        assert_eq!(of(slope), None);
    }
    for slope in [-0.1, 1.1, f32::NAN, f32::INFINITY] {
        assert_eq!(of(slope), Some(ModelError::Slope { layer: 0 }), "{slope}");
    }
}

#[test]
fn recipes_that_cannot_run_are_refused() {
    let of = |steps, max_steps, rates: &[&[f32]]| {
        refusal(|w| {
            dense(w, 3, 6, 3);
            w.rates(rates).steps(steps, max_steps);
        })
    };
    let rates: &[&[f32]] = &[&[0.1, 0.2], &[0.3, 0.4]];
    for (steps, max_steps) in [(1, 1), (5, 20), (32, 32)] {
        assert_eq!(of(steps, max_steps, rates), None);
    }
    let recipe = Some(ModelError::Recipe);
    for (steps, max_steps) in [(0, 5), (0, 0), (6, 5), (1, 33), (1, u32::MAX)] {
        assert_eq!(
            of(steps, max_steps, rates),
            recipe,
            "{steps} of {max_steps}"
        );
    }
    let wrong: [&[&[f32]]; 6] = [
        &[],
        &[&[]],
        &[&[0.1]],
        &[&[0.1, 0.2, 0.3]],
        &[&[0.1, f32::NAN]],
        &[&[0.1, 0.2], &[f32::INFINITY, 0.1]],
    ];
    for rates in wrong {
        assert_eq!(of(1, 5, rates), recipe, "{rates:?}");
    }
    let nothing_adapts = refusal(|w| {
        let weight = w.tensor(&[0.5; 6], false);
        let outputs = 3;
        let bias = None;
        w.push(Layer::Dense {
            outputs,
            weight,
            bias,
        });
        w.rates(&[&[]]);
    });
    assert_eq!(nothing_adapts, recipe);
}

#[test]
fn normalisation_needs_a_value_for_every_input() {
    let of = |mean: &[f32], scale: &[f32]| {
        refusal(|w| {
            sound(w);
            w.normalisation(mean, scale);
        })
    };
    assert_eq!(of(&[0.0; 2], &[1.0; 2]), None);
    for (mean, scale) in [(1, 2), (2, 1), (3, 3), (0, 0), (2, 0)] {
        let error = of(&vec![0.0; mean], &vec![1.0; scale]);
        assert_eq!(error, Some(ModelError::Normalisation), "{mean} {scale}");
    }
}

#[test]
fn cross_entropy_needs_two_classes() {
    let of = |outputs: u32| {
        refusal(|w| {
            dense(w, outputs, 2 * outputs as usize, 0);
            w.rates(&[&[0.1]]).loss(Loss::CrossEntropy, Reduction::Mean);
        })
    };
    assert_eq!(of(1), Some(ModelError::Loss));
    assert_eq!(of(2), None);
}

/// Layers may share a tensor of the file; each adapts its own copy.
#[test]
fn tensors_may_overlap() {
    let error = refusal(|w| {
        let shared = w.tensor(&[0.5; 4], true);
        let bias = Some(Tensor {
            length: 2,
            ..shared
        });
        for _ in 0..2 {
            w.push(Layer::Dense {
                outputs: 2,
                weight: shared,
                bias,
            });
        }
        w.rates(&[&[0.1; 4]]);
    });
    assert_eq!(error, None);
}

#[test]
fn optimisers_out_of_range_are_refused() {
    let of = |clip_norm, momentum| {
        let mut writer = ArtifactWriter::new("", Shape::Vector { features: 2 });
        let vector = writer.tensor(&[0.5], true);
        writer.push(Layer::Context { vector });
        writer.rates(&[&[0.1]]).optimiser(clip_norm, momentum);
        model_error(&writer)
    };
    for (clip_norm, momentum) in [
        (None, Some(0.0)),
        (Some(1e-9), None),
        (Some(9.0), Some(0.99)),
    ] {
        assert_eq!(of(clip_norm, momentum), None, "{clip_norm:?} {momentum:?}");
    }
    for momentum in [-0.1, 1.0, f32::NAN, f32::INFINITY] {
        assert_eq!(
            of(None, Some(momentum)),
            Some(ModelError::Recipe),
            "{momentum}"
        );
    }
    for bound in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert_eq!(of(Some(bound), None), Some(ModelError::Recipe), "{bound}");
    }
}

#[test]
fn losses_that_the_outputs_do_not_fit_are_refused() {
    let of = |loss, outputs: usize| {
        let mut writer = ArtifactWriter::new("", Shape::Vector { features: 1 });
        let vector = writer.tensor(&vec![0.5; outputs - 1], true);
        writer.push(Layer::Context { vector });
        writer.rates(&[&[0.1]]).loss(loss, Reduction::Mean);
        model_error(&writer)
    };
    let refused = Some(ModelError::Loss);
    for outputs in 2..6 {
        assert_eq!(of(Loss::CategoricalPolicy, outputs), None);
        let gaussian = of(Loss::GaussianPolicy, outputs);
        assert_eq!(gaussian, if outputs % 2 == 0 { None } else { refused });
    }
    assert_eq!(of(Loss::Huber { delta: 0.5 }, 2), None);
    for delta in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert_eq!(of(Loss::Huber { delta }, 2), refused, "{delta}");
    }
}
