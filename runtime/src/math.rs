//! Exponentials and logarithms, the same on every target.
//!
//! By default exponential and logarithm are `libm`'s, within one unit in the last
//! place, and what is made of them is within 3 · 10⁻⁷ of its value. With the
//! feature `micromath` they are approximations that need a fraction of the
//! instructions; the largest errors over the inputs that layers and losses
//! meet, as measured by this module's tests, are
//!
//! | function | range | largest error with `micromath` |
//! |---|---|---|
//! | [`exp`] | −20 to 20 | 0.3 % of the value |
//! | [`ln`] | 10⁻⁶ to 10⁶ | 0.01 |
//! | [`tanh`] | −10 to 10 | 0.001 |
//!
//! An artifact's golden vectors are made without the feature, so
//! [`verify`](crate::golden::verify) reports differences of that size with it.

/// `eˣ`
pub fn exp(x: f32) -> f32 {
    #[cfg(not(feature = "micromath"))]
    return libm::expf(x);
    // The approximation asserts, and without assertions is wrong, where its
    // exponent is one beyond the largest.
    #[cfg(feature = "micromath")]
    return match x {
        _ if x.is_nan() => x,
        _ if x > 88.72 => f32::INFINITY,
        _ => micromath::F32(x).exp().0,
    };
}

/// Natural logarithm.
pub fn ln(x: f32) -> f32 {
    #[cfg(not(feature = "micromath"))]
    return libm::logf(x);
    // Below one the approximation takes a reciprocal that is off by 8 %.
    #[cfg(feature = "micromath")]
    return match x {
        _ if x >= 1.0 => micromath::F32(x).ln().0,
        _ if x > 0.0 => -micromath::F32(1.0 / x).ln().0,
        _ => f32::NAN,
    };
}

/// Hyperbolic tangent: `1 − 2 / (e²ˣ + 1)`, and near zero, where that would
/// cancel, the first five terms of its series.
pub fn tanh(x: f32) -> f32 {
    let magnitude = x.abs();
    if magnitude < 0.3 {
        let square = x * x;
        let series = 2.0 / 15.0 + square * (-17.0 / 315.0 + square * (62.0 / 2835.0));
        return x + x * square * (-1.0 / 3.0 + square * series);
    }
    // Beyond 10 the result is one in f32; the exponential must not overflow.
    let doubled = 2.0 * if magnitude > 10.0 { 10.0 } else { magnitude };
    (1.0 - 2.0 / (exp(doubled) + 1.0)).copysign(x)
}

/// `1 / (1 + e⁻ˣ)`
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `x ← exp(x − max x)`, and the sum of that. The largest is subtracted so
/// that no exponential overflows.
pub(crate) fn exponentials(x: &mut [f32]) -> f32 {
    let largest = largest(x);
    let mut total = 0.0;
    for x in x {
        *x = exp(*x - largest);
        total += *x;
    }
    total
}

/// The largest number; NaNs do not count.
pub(crate) fn largest(x: &[f32]) -> f32 {
    x.iter()
        .fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a })
}

#[cfg(test)]
mod tests {
    extern crate std;

    fn largest_error(range: (f64, f64), error: impl Fn(f64) -> f64) -> f64 {
        let samples = 100_000;
        let width = range.1 - range.0;
        (0..=samples)
            .map(|i| error(range.0 + width * f64::from(i) / f64::from(samples)))
            .fold(0.0, f64::max)
    }

    #[test]
    fn errors_stay_within_what_the_documentation_says() {
        let approximate = cfg!(feature = "micromath");
        let limit =
            |exact: f64, approximation: f64| if approximate { approximation } else { exact };
        let exp = largest_error((-20.0, 20.0), |x| {
            let x = x as f32;
            (f64::from(super::exp(x)) / f64::from(x).exp() - 1.0).abs()
        });
        assert!(exp <= limit(1e-6, 3e-3), "exp: {exp}");
        let ln = largest_error((-6.0, 6.0), |exponent| {
            let x = 10f64.powf(exponent) as f32;
            (f64::from(super::ln(x)) - f64::from(x).ln()).abs()
        });
        assert!(ln <= limit(2e-6, 1e-2), "ln: {ln}");
        let tanh = largest_error((-10.0, 10.0), |x| {
            let x = x as f32;
            (f64::from(super::tanh(x)) - f64::from(x).tanh()).abs()
        });
        assert!(tanh <= limit(1e-7, 1e-3), "tanh: {tanh}");
        let tanh = largest_error((-6.0, 1.0), |exponent| {
            let x = 10f64.powf(exponent) as f32;
            (f64::from(super::tanh(x)) / f64::from(x).tanh() - 1.0).abs()
        });
        assert!(tanh <= limit(3e-7, 3e-3), "tanh, relative: {tanh}");
        assert!(super::tanh(f32::NAN).is_nan());
    }

    #[test]
    fn numbers_beyond_every_range_give_the_limits() {
        let inf = f32::INFINITY;
        for x in [88.73, 89.0, 128.0, 1e30, inf] {
            assert_eq!((super::exp(x), super::exp(-2.0 * x)), (inf, 0.0), "{x}");
            assert_eq!((super::tanh(x), super::tanh(-x)), (1.0, -1.0), "{x}");
            assert_eq!(
                (super::sigmoid(2.0 * x), super::sigmoid(-x)),
                (1.0, 0.0),
                "{x}"
            );
        }
        for exponent in -1500..=1500 {
            let x = exponent as f32 / 10.0;
            assert!(super::exp(x) >= 0.0, "{x}");
            assert!((0.0..=1.0).contains(&super::sigmoid(x)), "{x}");
        }
        assert!(super::exp(f32::NAN).is_nan());
        assert!(super::sigmoid(f32::NAN).is_nan());
        assert!(super::ln(f32::NAN).is_nan());
        assert!(super::ln(-1.0).is_nan());
    }
}
