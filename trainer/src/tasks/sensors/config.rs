//! `tasks.distribution = "sensors"`.

use serde::{Deserialize, Serialize};

use super::SensorTasks;
use crate::nn::Shape;

/// Calibration of synthetic sensors: every task is a new device with errors of its
/// own, drawn from the ranges below; what is not given is as usual for its `kind`.
///
/// The network sees a reading and learns what is to be added to it, `true value −
/// reading`, in the sensor's unit. Shares are of half the range. `N(s)` is a normal
/// number of standard deviation `s`, drawn once a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensors {
    /// What it is, which decides equation and ranges.
    pub kind: SensorKind,
    /// Lowest and highest true value; of a magnetometer, the strength of the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// Standard deviation of the relative error of the slope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain: Option<f64>,
    /// Standard deviation of the zero, a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<f64>,
    /// Standard deviation of the cubic term, a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cubic: Option<f64>,
    /// Ambient temperatures, °C.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<[f64; 2]>,
    /// Standard deviations of what half the range of ambient temperatures does to
    /// zero, a share, and slope, relative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross_temperature: Option<[f64; 2]>,
    /// Bounds of the share at which a device saturates, either way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saturation: Option<[f64; 2]>,
    /// Standard deviation of the widest distance between readings on the way up and
    /// on the way down, a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hysteresis: Option<f64>,
    /// Bits of the converter, over 1.25 times the range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<u32>,
    /// Standard deviation of the noise of a reading, a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<f64>,
}

/// What a synthetic sensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SensorKind {
    /// Anything between −1 and 1 with the ambient temperature beside it. With the
    /// true value `u` and the temperature `τ`, both as shares of half their range,
    /// and `s = ±1` for the way up or down, a reading is
    ///
    /// `r = (1 + g) u + o + c u³ + τ (p + q u) + s h (1 − u²) / 2`,
    ///
    /// cut off where the device saturates, with noise, in steps of the converter:
    /// `g = N(0.05)`, `o = N(0.05)`, `c = N(0.03)`, `p = N(0.02)`, `q = N(0.01)`,
    /// `h = N(0.005)`, saturation 0.98 to 1.2, 12 bits, noise 0.001, −10 to 50 °C.
    Generic,
    /// An NTC thermistor from 0 to 30 °C, read by the nominal curve: with `x = 1/T −
    /// 1/T₂₅`, `ln(R/R₂₅) = B (1 + g) x + o + c x³/x₀²`, where `x₀` is `x` at the
    /// far end of the range, and `r = 1/(1/T₂₅ + ln(R/R₂₅)/B) − 273.15`, `B = 3950 K`.
    /// `g = N(0.005)`, `o = N(0.01)` (of `ln R`), `c = N(2)` (K), 16 bits, noise
    /// 0.0001. It has no ambient temperature but its own, no hysteresis and no
    /// saturation.
    Thermistor,
    /// A load cell from 0 to 50 kg with the ambient temperature beside it, by the
    /// equation of the generic sensor: `g = N(0.02)`, `o = N(0.04)`, `c = N(0.002)`,
    /// `p = N(0.005)`, `q = N(0.002)`, `h = N(0.001)`, saturation 1.05 to 1.2, 16
    /// bits, noise 0.0005, −10 to 40 °C.
    LoadCell,
    /// A magnetometer of three axes in a field `b` of 25 to 65 µT, the same strength
    /// for all readings of a device, from any side: `r = (I + S) b + o`, soft iron
    /// `S` symmetric with elements `N(gain)`, `gain` 0.05, and hard iron `o` with
    /// elements `N(offset)`, 0.3 of the strongest field; 12 bits over 5 times the
    /// strongest field, noise 0.005 of it.
    Magnetometer,
}

/// All ranges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ranges {
    pub range: [f64; 2],
    pub gain: f64,
    pub offset: f64,
    pub cubic: f64,
    pub temperature: [f64; 2],
    pub cross_temperature: [f64; 2],
    pub saturation: [f64; 2],
    pub hysteresis: f64,
    pub bits: u32,
    pub noise: f64,
}

impl SensorKind {
    fn usual(self) -> Ranges {
        let generic = Ranges {
            range: [-1.0, 1.0],
            gain: 0.05,
            offset: 0.05,
            cubic: 0.03,
            temperature: [-10.0, 50.0],
            cross_temperature: [0.02, 0.01],
            saturation: [0.98, 1.2],
            hysteresis: 0.005,
            bits: 12,
            noise: 1e-3,
        };
        match self {
            Self::Generic => generic,
            Self::Thermistor => Ranges {
                range: [0.0, 30.0],
                gain: 0.005,
                offset: 0.01,
                cubic: 2.0,
                bits: 16,
                noise: 1e-4,
                ..generic
            },
            Self::LoadCell => Ranges {
                range: [0.0, 50.0],
                gain: 0.02,
                offset: 0.04,
                cubic: 0.002,
                temperature: [-10.0, 40.0],
                cross_temperature: [0.005, 0.002],
                saturation: [1.05, 1.2],
                hysteresis: 0.001,
                bits: 16,
                noise: 5e-4,
            },
            Self::Magnetometer => Ranges {
                range: [25.0, 65.0],
                gain: 0.05,
                offset: 0.3,
                noise: 5e-3,
                ..generic
            },
        }
    }

    /// The unit of readings and targets.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Generic => "",
            Self::Thermistor => "°C",
            Self::LoadCell => "kg",
            Self::Magnetometer => "µT",
        }
    }

    /// Numbers that the network sees, and that it says.
    pub fn sizes(self) -> [usize; 2] {
        match self {
            Self::Generic | Self::LoadCell => [2, 1],
            Self::Thermistor => [1, 1],
            Self::Magnetometer => [3, 3],
        }
    }
}

impl Sensors {
    /// Shape of one example.
    pub fn shape(&self) -> Shape {
        Shape::Vector(self.kind.sizes()[0])
    }

    /// All ranges, given or usual.
    pub(super) fn ranges(&self) -> Ranges {
        let usual = self.kind.usual();
        Ranges {
            range: self.range.unwrap_or(usual.range),
            gain: self.gain.unwrap_or(usual.gain),
            offset: self.offset.unwrap_or(usual.offset),
            cubic: self.cubic.unwrap_or(usual.cubic),
            temperature: self.temperature.unwrap_or(usual.temperature),
            cross_temperature: self.cross_temperature.unwrap_or(usual.cross_temperature),
            saturation: self.saturation.unwrap_or(usual.saturation),
            hysteresis: self.hysteresis.unwrap_or(usual.hysteresis),
            bits: self.bits.unwrap_or(usual.bits),
            noise: self.noise.unwrap_or(usual.noise),
        }
    }

    /// The key that has no usable value, what it needs and what it has.
    pub(crate) fn fault(&self) -> Option<(String, String, String)> {
        let fault = |key: &str, needs: &str, has: String| Some((key.into(), needs.into(), has));
        let all = self.ranges();
        let [zero, slope] = all.cross_temperature;
        for (key, value) in [
            ("gain", all.gain),
            ("offset", all.offset),
            ("cubic", all.cubic),
            ("cross_temperature", zero),
            ("cross_temperature", slope),
            ("hysteresis", all.hysteresis),
            ("noise", all.noise),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return fault(key, "a number of at least 0", value.to_string());
            }
        }
        let (range, temperature) = (all.range, all.temperature);
        for (key, [low, high], least) in [
            ("range", range, f64::NEG_INFINITY),
            ("temperature", temperature, -273.15),
            ("saturation", all.saturation, 0.0),
        ] {
            if !(low.is_finite() && high.is_finite() && low < high && low > least) {
                return fault(
                    key,
                    "[low, high] with low < high",
                    format!("[{low}, {high}]"),
                );
            }
        }
        let absolute = self.kind == SensorKind::Thermistor && range[0] <= -273.15;
        if absolute || (self.kind == SensorKind::Magnetometer && range[0] < 0.0) {
            let needs = "values that there are, in the kind's unit";
            return fault("range", needs, format!("{range:?}"));
        }
        match all.bits {
            1..=32 => None,
            bits => fault("bits", "from 1 to 32", bits.to_string()),
        }
    }

    /// The tasks, with the scales that some thousand readings have.
    pub fn open(&self) -> SensorTasks {
        SensorTasks::new(self.clone())
    }
}
