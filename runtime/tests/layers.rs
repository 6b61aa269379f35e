//! Layers that cannot run, and why.
#![cfg(all(
    feature = "convolution",
    feature = "normalisation",
    feature = "integer",
    feature = "policy"
))]

mod common;

use common::{Aligned, AnyModel};
use mamlet_formats::{
    ArtifactWriter, Integers, Layer, Padding, Pool, Shape, Statistics, Tensor, Window,
};
use mamlet_runtime::ModelError;

/// What the runtime says of a head that adapts above these layers, of images of
/// 5 × 6 positions and 4 channels. `numbers` is how many numbers they return.
fn refusal(numbers: usize, build: impl FnOnce(&mut ArtifactWriter)) -> Option<ModelError> {
    refusal_with(&[0.1], numbers, build)
}

/// The same, with a rate for each tensor that adapts.
fn refusal_with(
    rates: &[f32],
    numbers: usize,
    build: impl FnOnce(&mut ArtifactWriter),
) -> Option<ModelError> {
    let (height, width, channels) = (5, 6, 4);
    let mut writer = ArtifactWriter::new(
        "",
        Shape::Image {
            height,
            width,
            channels,
        },
    );
    build(&mut writer);
    let weight = writer.tensor(&vec![0.5; numbers], true);
    let (outputs, bias) = (1, None);
    writer.push(Layer::Dense {
        outputs,
        weight,
        bias,
    });
    writer.rates(&[rates]);
    of(&writer)
}

fn of(writer: &ArtifactWriter) -> Option<ModelError> {
    let file = Aligned::new(&writer.to_bytes().expect("structure is right"));
    AnyModel::new(&file.artifact()).err()
}

fn window(size: [u8; 2], stride: [u8; 2], padding: Padding) -> Window {
    Window {
        size,
        stride,
        padding,
    }
}

#[test]
fn windows_that_do_not_fit_are_refused() {
    let of = |window, numbers| {
        let pool = Pool::Maximum;
        refusal(numbers, |w| {
            w.push(Layer::Pool { pool, window });
        })
    };
    let refused = Some(ModelError::Window { layer: 0 });
    assert_eq!(of(window([5, 6], [1, 1], Padding::Valid), 4), None);
    for padding in [Padding::Valid, Padding::Same] {
        for (size, stride) in [
            ([0, 1], [1, 1]),
            ([1, 0], [1, 1]),
            ([1, 1], [0, 1]),
            ([1, 1], [1, 0]),
        ] {
            assert_eq!(of(window(size, stride, padding), 4), refused);
        }
    }
    assert_eq!(of(window([6, 1], [1, 1], Padding::Valid), 4), refused);
    assert_eq!(of(window([1, 7], [1, 1], Padding::Valid), 4), refused);
    assert_eq!(of(window([9, 9], [5, 6], Padding::Same), 4), None);
}

#[test]
fn convolutions_need_weights_of_their_length() {
    let window = window([2, 3], [1, 1], Padding::Same);
    let length = |needed, given| {
        let layer = 0;
        Some(ModelError::TensorLength {
            layer,
            needed,
            given,
        })
    };
    let conv = |weights: usize, biases: usize| {
        refusal(5 * 6 * 7, |w| {
            let weight = w.tensor(&vec![0.5; weights], false);
            let bias = Some(w.tensor(&vec![0.5; biases], false));
            let filters = 7;
            w.push(Layer::Conv {
                filters,
                window,
                weight,
                bias,
            });
        })
    };
    assert_eq!(conv(2 * 3 * 4 * 7, 7), None);
    assert_eq!(conv(2 * 3 * 4 * 7 + 1, 7), length(168, 169));
    assert_eq!(conv(2 * 3 * 4 * 7, 4), length(7, 4));
    let grouped = |groups: u32, filters: u32, weights: usize| {
        refusal(5 * 6 * filters as usize, |w| {
            let weight = w.tensor(&vec![0.5; weights], false);
            w.push(Layer::GroupedConv {
                groups,
                filters,
                window,
                weight,
                bias: None,
            });
        })
    };
    assert_eq!(grouped(2, 6, 2 * 3 * 2 * 6), None);
    assert_eq!(grouped(2, 6, 2 * 3 * 4 * 6), length(72, 144));
    for (groups, filters) in [(0, 6), (3, 6), (2, 7), (8, 8)] {
        let refused = Some(ModelError::Groups { layer: 0 });
        assert_eq!(grouped(groups, filters, 0), refused);
    }
    let depthwise = |weights: usize, biases: usize| {
        refusal(5 * 6 * 4, |w| {
            let weight = w.tensor(&vec![0.5; weights], false);
            let bias = Some(w.tensor(&vec![0.5; biases], false));
            w.push(Layer::Depthwise {
                window,
                weight,
                bias,
            });
        })
    };
    assert_eq!(depthwise(2 * 3 * 4, 4), None);
    assert_eq!(depthwise(2 * 3, 4), length(24, 6));
    assert_eq!(depthwise(2 * 3 * 4, 1), length(4, 1));
}

#[test]
fn norms_that_cannot_run_are_refused() {
    let refused = Some(ModelError::Norm { layer: 0 });
    let (gain, bias) = (None, None);
    let groups = |groups, epsilon| {
        refusal(120, |w| {
            w.push(Layer::GroupNorm {
                groups,
                epsilon,
                gain,
                bias,
            });
        })
    };
    for sound in [1, 2, 4] {
        assert_eq!(groups(sound, 0.0), None);
    }
    for wrong in [0, 3, 5, 8, u32::MAX] {
        assert_eq!(groups(wrong, 0.1), refused, "{wrong}");
    }
    for epsilon in [-1e-9, f32::NAN, f32::INFINITY] {
        assert_eq!(groups(2, epsilon), refused, "{epsilon}");
    }
    let stored = |rows: u32, numbers: usize, adapts| {
        refusal(120, |w| {
            let mean = w.tensor(&vec![0.0; numbers], adapts);
            let variance = w.tensor(&vec![1.0; numbers], false);
            let statistics = Statistics::Stored {
                mean,
                variance,
                rows,
            };
            let epsilon = 0.1;
            w.push(Layer::BatchNorm {
                statistics,
                epsilon,
                gain,
                bias,
            });
        })
    };
    assert_eq!(stored(3, 12, false), None);
    assert_eq!(stored(0, 0, false), refused);
    assert_eq!(stored(1, 4, true), refused);
    let (layer, needed, given) = (0, 8, 4);
    assert_eq!(
        stored(2, 4, false),
        Some(ModelError::TensorLength {
            layer,
            needed,
            given
        })
    );
}

/// A dense layer on integers with tensors that `change` makes wrong.
fn integers(w: &mut ArtifactWriter, change: impl FnOnce(&mut Integers, &mut ArtifactWriter)) {
    let mut integers = Integers {
        weight: w.i8_tensor(&[1; 2 * 30 * 8]),
        bias: w.i32_tensor(&[0; 3]),
        multiplier: w.i32_tensor(&[1 << 30; 3]),
        shift: w.i8_tensor(&[5; 3]),
        input_zero: 0,
        zero: 0,
        low: -128,
        high: 127,
    };
    change(&mut integers, w);
    let outputs = 3;
    w.push(Layer::IntegerDense { outputs, integers });
}

fn quantize(w: &mut ArtifactWriter, scale: f32) {
    w.push(Layer::Quantize { scale, zero: 0 });
}

fn dequantize(w: &mut ArtifactWriter, scale: f32) {
    w.push(Layer::Dequantize { scale, zero: 0 });
}

#[test]
fn integer_layers_with_wrong_tensors_are_refused() {
    let of = |change: &dyn Fn(&mut Integers, &mut ArtifactWriter)| {
        refusal(3, |w| {
            quantize(w, 0.5);
            integers(w, change);
            dequantize(w, 0.5);
        })
    };
    assert_eq!(of(&|_, _| ()), None);
    let layer = 1;
    let length = |needed, given| {
        Some(ModelError::TensorLength {
            layer,
            needed,
            given,
        })
    };
    assert_eq!(
        of(&|i, w| i.weight = w.i8_tensor(&[1; 360])),
        length(480, 360)
    );
    assert_eq!(of(&|i, w| i.bias = w.i32_tensor(&[1; 4])), length(3, 4));
    assert_eq!(of(&|i, w| i.multiplier = w.i32_tensor(&[1])), length(3, 1));
    assert_eq!(of(&|i, w| i.shift = w.i8_tensor(&[1; 2])), length(3, 2));
    let number = Some(ModelError::Number { layer });
    assert_eq!(of(&|i, w| i.weight = w.i32_tensor(&[1; 480])), number);
    assert_eq!(of(&|i, w| i.weight = w.tensor(&[1.0; 480], false)), number);
    assert_eq!(of(&|i, w| i.bias = w.tensor(&[1.0; 3], false)), number);
    assert_eq!(of(&|i, w| i.shift = w.i32_tensor(&[1; 3])), number);
    assert_eq!(of(&|i, _| i.weight.adapts = true), number);
}

#[test]
fn integers_stand_between_quantize_and_dequantize() {
    let wrong = |layer| Some(ModelError::Integer { layer });
    let sound = |w: &mut ArtifactWriter| {
        quantize(w, 0.5);
        w.push(Layer::GlobalAveragePool).push(Layer::Flatten);
        dequantize(w, 0.5);
    };
    assert_eq!(refusal(4, sound), None);
    assert_eq!(refusal(3, |w| integers(w, |_, _| ())), wrong(0));
    assert_eq!(refusal(120, |w| dequantize(w, 0.5)), wrong(0));
    assert_eq!(refusal(120, |w| quantize(w, 0.5)), wrong(1));
    let twice = |w: &mut ArtifactWriter| {
        quantize(w, 0.5);
        quantize(w, 0.5);
    };
    assert_eq!(refusal(120, twice), wrong(1));
    for layer in [Layer::Relu, Layer::Softmax, Layer::Tanh] {
        let between = |w: &mut ArtifactWriter| {
            quantize(w, 0.5);
            w.push(layer);
            dequantize(w, 0.5);
        };
        assert_eq!(refusal(120, between), wrong(1), "{layer:?}");
    }
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert_eq!(refusal(120, |w| quantize(w, scale)), wrong(0), "{scale}");
        let dequantized = |w: &mut ArtifactWriter| {
            quantize(w, 0.5);
            dequantize(w, scale);
        };
        assert_eq!(refusal(120, dequantized), wrong(1), "{scale}");
    }
    let last = |w: &mut ArtifactWriter| {
        let vector = w.tensor(&[1.0], true);
        w.push(Layer::Context { vector });
        quantize(w, 0.5);
    };
    assert!(matches!(
        refusal(121, last),
        Some(ModelError::Integer { .. })
    ));
}

#[test]
fn integers_above_what_a_step_changes_are_refused() {
    let (gain, bias, epsilon) = (None, None, 0.1);
    let above = |rates: &[f32], below: &dyn Fn(&mut ArtifactWriter)| {
        refusal_with(rates, 120, |w| {
            below(w);
            quantize(w, 0.5);
            dequantize(w, 0.5);
        })
    };
    let adapts = |w: &mut ArtifactWriter| {
        let (groups, gain) = (1, Some(w.tensor(&[1.0; 4], true)));
        w.push(Layer::GroupNorm {
            groups,
            epsilon,
            gain,
            bias,
        });
    };
    let mixes = |w: &mut ArtifactWriter| {
        let statistics = Statistics::Current;
        w.push(Layer::BatchNorm {
            statistics,
            epsilon,
            gain,
            bias,
        });
    };
    let stays = |w: &mut ArtifactWriter| {
        let groups = 1;
        w.push(Layer::GroupNorm {
            groups,
            epsilon,
            gain,
            bias,
        });
    };
    let refused = Some(ModelError::Integer { layer: 1 });
    assert_eq!(above(&[0.1, 0.1], &adapts), refused);
    assert_eq!(above(&[0.1], &mixes), refused);
    assert_eq!(above(&[0.1], &stays), None);
}

/// Weights that are not finite are found before anything runs.
#[test]
fn weights_that_are_not_finite_are_refused() {
    for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e6] {
        for adapts in [false, true] {
            let mut writer = ArtifactWriter::new("", Shape::Vector { features: 2 });
            let values = [0.5, 0.25, 0.125, wrong];
            let weight = match adapts {
                // A million is finite as f32, and infinite as f16.
                true => writer.f16_tensor(&values, true),
                false => writer.tensor(&values, false),
            };
            let (outputs, bias) = (2, None);
            writer.push(Layer::Dense {
                outputs,
                weight,
                bias,
            });
            let vector = writer.tensor(&[0.5], true);
            writer.push(Layer::Context { vector });
            let rates = [0.1; 2];
            writer.rates(&[&rates[..1 + usize::from(adapts)]]);
            let expected = match adapts || !wrong.is_finite() {
                true => Some(ModelError::NotFinite { layer: 0 }),
                false => None,
            };
            assert_eq!(of(&writer), expected, "{wrong}, {adapts}");
        }
    }
}

/// f16 is an initialisation: what stays is f32.
#[test]
fn numbers_that_a_layer_cannot_take_are_refused() {
    let of = |tensor: fn(&mut ArtifactWriter) -> Tensor| {
        refusal(120, |w| {
            let gain = Some(tensor(w));
            let (groups, epsilon, bias) = (1, 0.1, None);
            w.push(Layer::GroupNorm {
                groups,
                epsilon,
                gain,
                bias,
            });
        })
    };
    assert_eq!(of(|w| w.tensor(&[1.0; 4], false)), None);
    let refused = Some(ModelError::Number { layer: 0 });
    assert_eq!(of(|w| w.f16_tensor(&[1.0; 4], false)), refused);
    assert_eq!(of(|w| w.i8_tensor(&[1; 4])), refused);
    assert_eq!(of(|w| w.i32_tensor(&[1; 4])), refused);
}
