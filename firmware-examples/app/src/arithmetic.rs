//! Every operation the engine is made of, on numbers that tell one
//! implementation of floats from another.

use mamlet_runtime::math;

/// An operation and its name.
type Operation = (&'static str, fn(f32, f32) -> f32);

/// The last eight look at `x` alone. `f32::max` is not among them, nor in the
/// engine: of two zeros it returns either, and processors differ.
const OPERATIONS: [Operation; 13] = [
    ("add", |x, y| x + y),
    ("subtract", |x, y| x - y),
    ("multiply", |x, y| x * y),
    ("divide", |x, y| x / y),
    ("less", |x, y| f32::from(x < y)),
    ("relu", |x, _| if x <= 0.0 { 0.0 } else { x }),
    ("to integer", |x, _| x as i32 as f32),
    ("to double", |x, _| (f64::from(x) * 0.1) as f32),
    ("finite", |x, _| f32::from(x.is_finite())),
    ("exp", |x, _| math::exp(x)),
    ("ln", |x, _| math::ln(x)),
    ("tanh", |x, _| math::tanh(x)),
    ("sigmoid", |x, _| math::sigmoid(x)),
];

/// Corner cases, as bits; each stands for its negative too.
const CORNERS: [u32; 16] = [
    0x0000_0000, // zero
    0x0000_0001, // the smallest subnormal
    0x0000_FFFF, // a subnormal
    0x0040_0000, // half the smallest normal
    0x007F_FFFF, // the largest subnormal
    0x0080_0000, // the smallest normal
    0x0080_0001, // and the next
    0x33FF_FFFF, // just below half the distance from one to the next
    0x3F7F_FFFF, // just below one
    0x3F80_0000, // one
    0x3F80_0001, // just above one
    0x42B1_7218, // where the exponential overflows
    0x4B00_0001, // no fraction left
    0x7F7F_FFFF, // the largest
    0x7F80_0000, // infinity
    0x7FC0_0000, // not a number
];
/// Numbers of any size, besides.
const ANY: usize = 32;

/// Names each operation with a checksum of all its results.
pub fn sweep(mut print: impl FnMut(&str, u32)) {
    for (name, operation) in OPERATIONS {
        let mut checksum = 0u32;
        for x in numbers() {
            for y in numbers() {
                let result = operation(x, y);
                // Which bits say "not a number" is left to the processor.
                let bits = if result.is_nan() {
                    !0
                } else {
                    result.to_bits()
                };
                checksum = (checksum.rotate_left(5) ^ bits).wrapping_mul(0x9E37_79B1);
            }
        }
        print(name, checksum);
    }
}

fn numbers() -> impl Iterator<Item = f32> {
    let mut state = 0x9E37_79B9u32;
    let any = (0..ANY).map(move |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    });
    let negative = |bits: u32| bits | 1 << 31;
    let corners = CORNERS
        .into_iter()
        .flat_map(move |bits| [bits, negative(bits)]);
    corners.chain(any).map(f32::from_bits)
}
