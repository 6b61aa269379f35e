//! The kernels against naive loops, bit for bit.
extern crate std;
use std::vec::Vec;

use super::*;

/// Deterministic values in [−1, 1), with exact zeros among them.
fn values(seed: u32, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let value = state as f32 / u32::MAX as f32 * 2.0 - 1.0;
        if state % 7 == 0 { 0.0 } else { value }
    };
    (0..count).map(|_| next()).collect()
}

/// Every combination of edge sizes around the tile of 4 × 4.
fn for_each_shape(check: impl Fn(usize, usize, usize)) {
    let sizes = [1, 2, 3, 4, 5, 7, 8, 11, 40];
    for examples in sizes {
        for inputs in sizes {
            for outputs in sizes {
                check(examples, inputs, outputs);
            }
        }
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn product_is_the_naive_one() {
    for_each_shape(|examples, inputs, outputs| {
        let (x, w) = (values(1, examples * inputs), values(2, inputs * outputs));
        let b = values(3, outputs);
        for bias in [None, Some(&b[..])] {
            let mut y = values(4, examples * outputs);
            product(&x, &w, bias, &mut y, inputs);
            let mut expected = Vec::new();
            for e in 0..examples {
                for o in 0..outputs {
                    let mut sum = bias.map_or(0.0, |b| b[o]);
                    for i in 0..inputs {
                        sum += x[e * inputs + i] * w[i * outputs + o];
                    }
                    expected.push(sum);
                }
            }
            assert_eq!(bits(&y), bits(&expected), "{examples} {inputs} {outputs}");
        }
    });
}

#[test]
fn product_transposed_is_the_naive_one() {
    for_each_shape(|examples, inputs, outputs| {
        let (dy, w) = (values(1, examples * outputs), values(2, inputs * outputs));
        let mut dx = values(3, examples * inputs);
        product_transposed(&dy, &w, &mut dx, inputs);
        let mut expected = Vec::new();
        for e in 0..examples {
            for i in 0..inputs {
                let mut sum = 0.0;
                for o in 0..outputs {
                    sum += dy[e * outputs + o] * w[i * outputs + o];
                }
                expected.push(sum);
            }
        }
        assert_eq!(bits(&dx), bits(&expected), "{examples} {inputs} {outputs}");
    });
}

#[test]
fn descents_are_the_naive_ones() {
    for_each_shape(|examples, inputs, outputs| {
        let (x, dy) = (values(1, examples * inputs), values(2, examples * outputs));
        let mut w = values(3, inputs * outputs);
        let mut expected = w.clone();
        descend_outer(&x, &dy, &mut w, inputs, outputs);
        for i in 0..inputs {
            for o in 0..outputs {
                for e in 0..examples {
                    expected[i * outputs + o] -= x[e * inputs + i] * dy[e * outputs + o];
                }
            }
        }
        assert_eq!(bits(&w), bits(&expected), "{examples} {inputs} {outputs}");

        let mut b = values(4, outputs);
        let mut expected = b.clone();
        descend_rows(&dy, 0.3, &mut b);
        for o in 0..outputs {
            let mut sum = 0.0;
            for e in 0..examples {
                sum += dy[e * outputs + o];
            }
            expected[o] -= 0.3 * sum;
        }
        assert_eq!(bits(&b), bits(&expected), "{examples} {outputs}");
    });
}
