//! Layers on integers, integer for integer against an independent
//! implementation in 64 bits, and against what the integers stand for.
#![cfg(all(
    feature = "convolution",
    feature = "normalisation",
    feature = "integer",
    feature = "policy"
))]

mod common;

use common::piece::{Fixed, Kind, Size};
use common::{AnyModel, Net, Piece, Random, draw, naive, random, values};
use mamlet_formats::{Padding, Pool, Window};
use mamlet_runtime::{ModelError, PredictError};
use rand::RngExt;

/// A network that returns what these layers make of an input, behind which
/// stands the one number that adapts.
fn net(size: Size, mut pieces: Vec<Piece>) -> Net {
    pieces.push(Piece::Context((vec![1.0], true)));
    Net::of(size, pieces)
}

/// The runtime's outputs for one input.
fn predict(net: &Net, input: &[f32]) -> Vec<f32> {
    let file = net.file();
    let artifact = file.artifact();
    let model = AnyModel::new(&artifact).unwrap_or_else(|error| panic!("{error}: {net:?}"));
    let mut workspace = vec![f32::NAN; model.prediction_memory().len()];
    let outputs = model.predict(input, &mut workspace);
    outputs.expect("the right length").to_vec()
}

fn assert_exact(net: &Net, input: &[f32], what: &str) {
    let computed: Vec<f64> = predict(net, input).into_iter().map(f64::from).collect();
    let expected = naive::predict(net, &naive::parameters(net), input);
    // Integers times a scale, rounded once.
    let expected: Vec<f64> = expected.iter().map(|y| f64::from(*y as f32)).collect();
    assert_eq!(computed, expected, "{what}: {net:?}");
}

#[test]
fn chains_of_integer_layers_give_the_integers_of_plain_loops() {
    let mut random = random(1);
    for case in 0..4000 {
        let size = draw::any_size(&mut random);
        let pieces = draw::integers(&mut random, size);
        let net = net(size, pieces);
        let range = 10f32.powf(random.random_range(-1.0..2.0));
        let mut input = values(&mut random, net.inputs);
        input.iter_mut().for_each(|x| *x *= range);
        assert_exact(&net, &input, &format!("case {case}"));
    }
}

/// Every layer by itself, over the channels and outputs around which kernels
/// work in twos, threes and fours.
#[test]
fn every_integer_layer_gives_the_integers_of_plain_loops() {
    let mut random = random(2);
    for channels in 1..=9 {
        for outputs in 1..=7 {
            let size = [
                random.random_range(1..=5),
                random.random_range(1..=7),
                channels,
            ];
            let window = draw::any_window(&mut random, size);
            let taps: usize = window.size.map(usize::from).iter().product();
            let numbers: usize = size.iter().product();
            let groups = draw::any_groups(&mut random, channels);
            let mut fixed = |length, outputs| draw::fixed(&mut random, length, outputs);
            let layers = [
                Piece::Integer(Kind::Dense(outputs), fixed(numbers, outputs)),
                Piece::Integer(
                    Kind::Conv(1, outputs, window),
                    fixed(taps * channels, outputs),
                ),
                Piece::Integer(
                    Kind::Conv(groups, groups * outputs, window),
                    fixed(taps * channels / groups, groups * outputs),
                ),
                Piece::Integer(Kind::Depthwise(window), fixed(taps, channels)),
                Piece::Pool(Pool::Maximum, window),
                Piece::Pool(Pool::Average, window),
                Piece::GlobalAverage,
                Piece::Flatten,
            ];
            for layer in layers {
                let (scale, zero) = (0.03125, random.random_range(-30..30));
                let what = format!("{layer:?} of {size:?}");
                let pieces = vec![
                    Piece::Quantize(scale, zero),
                    layer,
                    Piece::Dequantize(0.5, -zero),
                ];
                let net = net(size, pieces);
                let mut input = values(&mut random, numbers);
                input.iter_mut().for_each(|x| *x *= 5.0);
                assert_exact(&net, &input, &what);
            }
        }
    }
}

/// Halves go away from zero, and what lies outside the range to its ends.
#[test]
fn quantisation_rounds_and_clamps() {
    let (scale, zero) = (0.5, 3);
    let pieces = vec![Piece::Quantize(scale, zero), Piece::Dequantize(1.0, 0)];
    let cases = [
        (0.0, 3.0),
        (0.24, 3.0),
        (0.25, 4.0),
        (-0.24, 3.0),
        (-0.25, 2.0),
        (0.75, 5.0),
        (-0.75, 1.0),
        (61.9, 127.0),
        (62.5, 127.0),
        (1e30, 127.0),
        (-65.5, -128.0),
        (-66.0, -128.0),
        (-1e30, -128.0),
    ];
    for (x, expected) in cases {
        let outputs = predict(&net([1, 1, 1], pieces.clone()), &[x]);
        assert_eq!(outputs, [expected, 1.0], "{x}");
    }
}

/// Weights, sums and outputs at the ends of their ranges.
#[test]
fn the_largest_sums_do_not_overflow() {
    for (length, weight, input) in [(1000, 127, 1e9), (1000, -128, -1e9), (1000, -128, 1e9)] {
        let fixed = Fixed {
            weight: vec![weight; length],
            bias: vec![1_000_000_000],
            multiplier: vec![i32::MAX],
            shift: vec![24],
            input_zero: 0,
            zero: -5,
            low: -128,
            high: 127,
        };
        let pieces = vec![
            Piece::Quantize(1.0, 0),
            Piece::Integer(Kind::Dense(1), fixed),
            Piece::Dequantize(1.0, 0),
        ];
        assert_exact(
            &net([1, 1, length], pieces),
            &vec![input; length],
            "largest",
        );
    }
}

/// One output of a dense layer with a factor of its own.
fn scaled(multiplier: i32, shift: i8) -> Option<ModelError> {
    let fixed = Fixed {
        weight: vec![1; 2],
        bias: vec![0; 2],
        multiplier: vec![1, multiplier],
        shift: vec![0, shift],
        input_zero: 0,
        zero: 0,
        low: -128,
        high: 127,
    };
    let pieces = vec![
        Piece::Quantize(1.0, 0),
        Piece::Integer(Kind::Dense(2), fixed),
        Piece::Dequantize(1.0, 0),
    ];
    let file = net([1, 1, 1], pieces).file();
    AnyModel::new(&file.artifact()).err()
}

#[test]
fn factors_that_the_format_does_not_have_are_refused() {
    for (multiplier, shift) in [(0, 0), (1, 31), (i32::MAX, 31)] {
        assert_eq!(scaled(multiplier, shift), None, "{multiplier} {shift}");
    }
    let refused = Some(ModelError::Integer { layer: 1 });
    for (multiplier, shift) in [
        (-1, 0),
        (i32::MIN, 3),
        (1, -1),
        (1, 32),
        (1, 127),
        (1, -128),
    ] {
        assert_eq!(scaled(multiplier, shift), refused, "{multiplier} {shift}");
    }
}

/// Whether a mean of so many integers is taken.
#[test]
fn means_of_more_integers_than_can_be_summed_are_refused() {
    let of = |positions| {
        let pieces = vec![
            Piece::Quantize(1.0, 0),
            Piece::GlobalAverage,
            Piece::Dequantize(1.0, 0),
        ];
        let file = net([1, positions, 1], pieces).file();
        AnyModel::new(&file.artifact()).err()
    };
    assert_eq!(of(1 << 23), None);
    assert_eq!(of((1 << 23) + 1), Some(ModelError::TooLarge));
}

/// An integer cannot be NaN: what would become an ordinary number is refused.
#[test]
fn inputs_that_integers_cannot_show_are_refused() {
    let pieces = vec![Piece::Quantize(1.0, 0), Piece::Dequantize(1.0, 0)];
    let in_f32 = net([1, 1, 2], Vec::new());
    let net = net([1, 1, 2], pieces);
    let setup = mamlet_runtime::Setup::new(1).queries(2);
    for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let refused = Err(PredictError::NotFinite);
        common::with_setup(&net, setup, |learner| {
            assert_eq!(learner.predict(&[0.0, wrong]).map(drop), refused);
            let inputs = [0.0, 1.0, 2.0, wrong];
            assert_eq!(learner.predict_batch(&inputs, &mut [0.0; 6]), refused);
            assert!(learner.predict(&[0.0, 1.0]).is_ok());
        });
        common::with_setup(&in_f32, setup, |learner| {
            let outputs = learner.predict(&[0.0, wrong]).expect("the right length");
            assert_eq!(outputs[1].to_bits(), wrong.to_bits());
        });
    }
}

/// Every shift, on sums large enough to come through all of them.
#[test]
fn every_shift_rounds_halves_up() {
    for shift in 0..=31 {
        for bias in [i32::MIN, -(1 << 30), -3, 3, 1 << 30, i32::MAX] {
            let fixed = Fixed {
                weight: vec![0],
                bias: vec![bias],
                multiplier: vec![i32::MAX],
                shift: vec![shift],
                input_zero: 0,
                zero: 0,
                low: -128,
                high: 127,
            };
            let pieces = vec![
                Piece::Quantize(1.0, 0),
                Piece::Integer(Kind::Dense(1), fixed),
                Piece::Dequantize(1.0, 0),
            ];
            assert_exact(&net([1, 1, 1], pieces), &[0.0], &format!("{shift}, {bias}"));
        }
    }
}

/// The multiplier and shift that stand for a real factor: the definition of
/// the format, `multiplier / 2^(32 + shift)`.
fn fixed_point(factor: f64) -> (i32, i8) {
    let mut shift = 0;
    while factor * 2f64.powi(33 + shift) < f64::from(i32::MAX) && shift < 31 {
        shift += 1;
    }
    ((factor * 2f64.powi(32 + shift)).round() as i32, shift as i8)
}

/// A convolution whose integers are made of real weights computes what the
/// convolution in f32 computes, to within one step of each scale.
#[test]
fn integers_stand_for_real_numbers() {
    let mut random = random(3);
    for case in 0..200 {
        let size = [
            random.random_range(3..=6),
            random.random_range(3..=6),
            random.random_range(1..=4),
        ];
        let filters = random.random_range(1..=4);
        let window = Window {
            size: [3, 2],
            stride: [1 + case as u8 % 2, 1],
            padding: [Padding::Same, Padding::Valid][case % 2],
        };
        let length = 6 * size[2];
        let real = values(&mut random, length * filters);
        let bias = values(&mut random, filters);
        let (input_scale, input_zero) = (1.0 / 100.0, -7);
        let (output_scale, zero) = (0.05f64, 11);
        let weight_scales: Vec<f64> = (0..filters)
            .map(|f| {
                let own = real.iter().skip(f).step_by(filters);
                own.fold(0.0, |a: f64, w| a.max(f64::from(w.abs()))) / 127.0
            })
            .collect();
        let weight: Vec<i8> = real
            .iter()
            .enumerate()
            .map(|(i, w)| (f64::from(*w) / weight_scales[i % filters]).round() as i8)
            .collect();
        let points = weight_scales
            .iter()
            .map(|scale| fixed_point(input_scale * scale / output_scale));
        let (multiplier, shift): (Vec<i32>, Vec<i8>) = points.unzip();
        let biases = (0..filters).map(|f| {
            let sum: i32 = weight
                .iter()
                .skip(f)
                .step_by(filters)
                .map(|w| i32::from(*w))
                .sum();
            let steps = f64::from(bias[f]) / (input_scale * weight_scales[f]);
            steps.round() as i32 - input_zero * sum
        });
        let fixed = Fixed {
            bias: biases.collect(),
            multiplier,
            shift,
            input_zero: input_zero as i8,
            zero,
            low: -128,
            high: 127,
            weight,
        };
        let pieces = vec![
            Piece::Quantize(input_scale as f32, input_zero as i8),
            Piece::Integer(Kind::Conv(1, filters, window), fixed),
            Piece::Dequantize(output_scale as f32, zero),
        ];
        let in_f32 = Piece::Conv {
            groups: 1,
            filters,
            window,
            weight: (real, false),
            bias: Some((bias, false)),
        };
        let input = values(&mut random, size.iter().product());
        let computed = predict(&net(size, pieces), &input);
        let expected = predict(&net(size, vec![in_f32]), &input);
        // Half a step of the output, and half a step of each input and weight.
        let tolerance = 0.5 * output_scale + length as f64 * (0.5 / 100.0 + 0.5 / 127.0);
        let [least, most] = [-128.0, 127.0].map(|q: f64| (q - f64::from(zero)) * output_scale);
        for (computed, expected) in computed.iter().zip(expected) {
            // What the output's integers cannot express is their nearest end.
            // The number that adapts stands behind the outputs.
            let expected = f64::from(expected).clamp(least, most);
            let difference = (f64::from(*computed) - expected).abs();
            assert!(
                difference <= tolerance,
                "case {case}: {computed}, {expected}"
            );
        }
    }
}

/// Adapting layers take what integers are worth, and the gradients above them
/// are as always.
#[test]
fn a_head_above_integers_adapts() {
    let mut random: Random = random(4);
    for case in 0..100 {
        let size = draw::any_size(&mut random);
        let mut pieces = draw::integers(&mut random, size);
        let inputs = Net::of(size, pieces.clone()).outputs();
        pieces.push(draw::dense(&mut random, inputs, 2));
        if let Some(head) = pieces.last_mut() {
            head.tensors_mut().for_each(|tensor| tensor.1 = true);
        }
        let net = Net::of(size, pieces).rate(0.01).steps(3, 3);
        let examples = net.examples(&mut random, 3);
        let (losses, _) = naive::adapt(&net, &examples, 3);
        let setup = mamlet_runtime::Setup::new(3);
        common::with_setup(&net, setup, |learner| {
            common::add_all(learner, &net, &examples);
            let report = learner.adapt().expect("examples");
            let tame = losses.iter().take_while(|loss| loss.abs() < 100.0);
            for (computed, expected) in report.losses.iter().zip(tame) {
                let difference = (f64::from(*computed) - expected).abs();
                assert!(difference <= 1e-4 * expected.abs().max(0.01), "case {case}");
            }
        });
    }
}
