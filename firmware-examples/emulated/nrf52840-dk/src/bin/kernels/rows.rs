//! The table.

use crate::naive::{Naive, Pass};

/// What is run of a network.
#[derive(Clone, Copy)]
pub enum Work {
    /// Steps of adaptation to so many examples.
    Steps(usize),
    /// Predictions of so many examples at once.
    Queries(usize),
    /// One prediction.
    Prediction,
}

/// A line of the table.
pub struct Row {
    pub kernel: &'static str,
    pub shape: &'static str,
    pub work: Work,
    pub with: &'static [u8],
    pub without: &'static [u8],
    pub naive: Naive,
    /// Of i8 instead of f32.
    pub integer: bool,
}

/// The table.
pub static ROWS: [Row; 15] = [
    Row {
        kernel: "dense, forward",
        shape: "64 → 64, 10 examples",
        work: Work::Queries(10),
        with: networks::DENSE_BIAS_THEN_FROZEN,
        without: networks::DENSE_BIAS,
        naive: Naive::dense(Pass::Forward, 10, 64, 64),
        integer: false,
    },
    Row {
        kernel: "dense, forward",
        shape: "64 → 64, 1 example",
        work: Work::Prediction,
        with: networks::DENSE_BIAS_THEN_FROZEN,
        without: networks::DENSE_BIAS,
        naive: Naive::dense(Pass::Forward, 1, 64, 64),
        integer: false,
    },
    Row {
        kernel: "dense, backward by input",
        shape: "64 → 64, 10 examples",
        work: Work::Steps(10),
        with: networks::DENSE_MIXED_BIAS_THEN_FROZEN,
        without: networks::DENSE_MIXED_FROZEN_THEN_BIAS,
        naive: Naive::dense(Pass::Input, 10, 64, 64),
        integer: false,
    },
    Row {
        kernel: "dense, backward by weights",
        shape: "64 → 64, 10 examples",
        work: Work::Steps(10),
        with: networks::DENSE_ALL,
        without: networks::DENSE_BIAS,
        naive: Naive::dense(Pass::Weights, 10, 64, 64),
        integer: false,
    },
    Row {
        kernel: "pointwise, forward",
        shape: "64 → 64, 8 × 8",
        work: Work::Prediction,
        with: networks::POINTWISE,
        without: networks::POINTS_SUM,
        naive: Naive::dense(Pass::Forward, 64, 64, 64),
        integer: false,
    },
    Row {
        kernel: "pointwise, backward by input",
        shape: "64 → 64, 8 × 8",
        work: Work::Steps(1),
        with: networks::POINTWISE_MIXED_BIAS_THEN_FROZEN,
        without: networks::POINTWISE_MIXED_FROZEN_THEN_BIAS,
        naive: Naive::dense(Pass::Input, 64, 64, 64),
        integer: false,
    },
    Row {
        kernel: "pointwise, backward by weights",
        shape: "64 → 64, 8 × 8",
        work: Work::Steps(1),
        with: networks::POINTWISE_ALL,
        without: networks::POINTWISE_BIAS,
        naive: Naive::dense(Pass::Weights, 64, 64, 64),
        integer: false,
    },
    Row {
        kernel: "conv2d, forward",
        shape: "3 × 3, 16 → 16, 16 × 16",
        work: Work::Prediction,
        with: networks::CONV,
        without: networks::IMAGE_SUM,
        naive: Naive::conv(Pass::Forward, [16, 16, 16], [3, 3], 1, 16),
        integer: false,
    },
    Row {
        kernel: "conv2d, backward by input",
        shape: "3 × 3, 16 → 16, 16 × 16",
        work: Work::Steps(1),
        with: networks::CONV_MIXED_BIAS_THEN_FROZEN,
        without: networks::CONV_MIXED_FROZEN_THEN_BIAS,
        naive: Naive::conv(Pass::Input, [16, 16, 16], [3, 3], 1, 16),
        integer: false,
    },
    Row {
        kernel: "conv2d, backward by weights",
        shape: "3 × 3, 16 → 16, 16 × 16",
        work: Work::Steps(1),
        with: networks::CONV_ALL,
        without: networks::CONV_BIAS,
        naive: Naive::conv(Pass::Weights, [16, 16, 16], [3, 3], 1, 16),
        integer: false,
    },
    Row {
        kernel: "conv1d, forward",
        shape: "5, 16 → 32, length 64, stride 2",
        work: Work::Prediction,
        with: networks::CONV1D,
        without: networks::SEQUENCE_SUM,
        naive: Naive::conv(Pass::Forward, [1, 64, 16], [1, 5], 2, 32),
        integer: false,
    },
    Row {
        kernel: "depthwise, forward",
        shape: "3 × 3, 32 channels, 16 × 16",
        work: Work::Prediction,
        with: networks::DEPTHWISE,
        without: networks::WIDE_IMAGE_SUM,
        naive: Naive::conv(Pass::Depthwise, [16, 16, 32], [3, 3], 1, 32),
        integer: false,
    },
    Row {
        kernel: "int8 pointwise, forward",
        shape: "64 → 64, 8 × 8",
        work: Work::Prediction,
        with: networks::INTEGER_POINTWISE,
        without: networks::INTEGER_POINTS_SUM,
        naive: Naive::dense(Pass::Integer, 64, 64, 64),
        integer: true,
    },
    Row {
        kernel: "int8 conv2d, forward",
        shape: "3 × 3, 16 → 16, 16 × 16",
        work: Work::Prediction,
        with: networks::INTEGER_CONV,
        without: networks::INTEGER_IMAGE_SUM,
        naive: Naive::conv(Pass::Integer, [16, 16, 16], [3, 3], 1, 16),
        integer: true,
    },
    Row {
        kernel: "int8 depthwise, forward",
        shape: "3 × 3, 32 channels, 16 × 16",
        work: Work::Prediction,
        with: networks::INTEGER_DEPTHWISE,
        without: networks::INTEGER_WIDE_IMAGE_SUM,
        naive: Naive::conv(Pass::IntegerDepthwise, [16, 16, 32], [3, 3], 1, 32),
        integer: true,
    },
];
