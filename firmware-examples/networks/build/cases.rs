//! The networks whose bits are compared.

use mamlet_formats::{Padding, Shape};

use crate::artifact::Adapts::{All, Bias};
use crate::artifact::Piece::{
    self, Conv, Dense, Dequantize, IntegerConv, IntegerDense, IntegerDepthwise, Mixing, Quantize,
};
use crate::artifact::Window;
use crate::{image, line, sequence, vector, window};

/// Widths from input to output, examples: every remainder that tiles of five by
/// four, lines of eight or sixteen and pairs of products can leave.
const WIDTHS: [([u32; 3], usize); 12] = [
    ([1, 1, 1], 1),
    ([1, 40, 1], 10),
    ([2, 3, 5], 2),
    ([3, 4, 2], 5),
    ([4, 5, 8], 6),
    ([5, 9, 4], 4),
    ([7, 16, 3], 7),
    ([8, 11, 12], 10),
    ([13, 21, 17], 11),
    ([20, 24, 20], 5),
    ([31, 18, 33], 3),
    ([40, 27, 40], 12),
];

const VALID: Window = Window {
    size: [2, 3],
    stride: [2, 1],
    padding: Padding::Valid,
};

/// Strides and edges.
const STRIDED: Window = Window {
    size: [3, 3],
    stride: [2, 2],
    padding: Padding::Same,
};

/// A case: what an example is, layers, examples to adapt to.
type Case = (Shape, Vec<Piece>, usize);

/// All cases.
pub fn cases() -> Vec<Case> {
    let dense = WIDTHS.iter().map(|([inputs, hidden, outputs], examples)| {
        let layers = vec![Dense(*hidden, All), Dense(*outputs, All)];
        (vector(*inputs), layers, *examples)
    });
    let convolutions = [
        (
            image(6, 5, 3),
            vec![
                Conv(5, window(3), All),
                Conv(8, STRIDED, All),
                Dense(2, All),
            ],
            2,
        ),
        (
            image(7, 6, 3),
            vec![Conv(4, VALID, All), Conv(7, window(3), All), Dense(3, All)],
            3,
        ),
        (
            image(4, 4, 8),
            vec![
                Conv(16, window(3), All),
                Conv(6, window(1), All),
                Dense(1, All),
            ],
            1,
        ),
        (
            sequence(17, 3),
            vec![
                Conv(9, line(5, 2), All),
                Conv(3, line(4, 3), Bias),
                Dense(2, All),
            ],
            2,
        ),
        (
            image(6, 5, 3),
            vec![
                Mixing,
                Piece::Depthwise(window(3), All),
                Conv(10, window(1), All),
                Piece::Depthwise(STRIDED, All),
                Dense(2, All),
            ],
            3,
        ),
        (
            image(3, 4, 9),
            vec![
                Piece::Depthwise(VALID, All),
                Piece::Depthwise(window(2), Bias),
                Dense(1, All),
            ],
            2,
        ),
    ];
    let integers = [
        (
            image(6, 5, 4),
            vec![
                Quantize,
                IntegerConv(8, window(3)),
                IntegerDepthwise(STRIDED),
                IntegerConv(12, window(1)),
                Dequantize,
                Dense(2, All),
            ],
            2,
        ),
        (
            image(7, 6, 3),
            vec![
                Quantize,
                IntegerConv(5, VALID),
                IntegerDepthwise(window(2)),
                IntegerConv(7, window(1)),
                Dequantize,
                Dense(3, All),
            ],
            3,
        ),
        (
            sequence(19, 5),
            vec![
                Quantize,
                IntegerDepthwise(line(3, 1)),
                IntegerConv(4, line(4, 3)),
                IntegerConv(3, line(2, 1)),
                Dequantize,
                Dense(2, All),
            ],
            2,
        ),
        (
            vector(67),
            vec![
                Quantize,
                IntegerDense(33),
                IntegerDense(8),
                Dequantize,
                Dense(2, All),
            ],
            2,
        ),
    ];
    dense.chain(convolutions).chain(integers).collect()
}
