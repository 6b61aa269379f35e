//! `tasks.distribution = "sensors"`.

use serde::{Deserialize, Serialize};

use super::SensorTasks;
use crate::fault::{Fault, not_negative, require};
use crate::nn::Shape;
use crate::tasks::{
    Contents, EvaluationDefaults, ExportDefaults, Facts, Keys, Sizes, TaskFamily, TaskSizes,
    TaskSource, TasksError,
};

/// Calibration of synthetic sensors. Every task is a new sensor, whose errors are drawn
/// from the ranges below. A range that is not given is the default of its `kind`.
///
/// The network sees a reading and learns what is to be added to it, `true value −
/// reading`, in the unit of the reading. Shares are of half the range. `N(s)` is a
/// normal number of standard deviation `s`, drawn once for a sensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensors {
    /// What the sensor is, which decides equation and ranges.
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
    /// Bounds of the share at which a sensor saturates, either way.
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
    /// cut off where the sensor saturates, with noise, in steps of the converter:
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
    /// for all readings of a sensor, from any side: `r = (I + S) b + o`, soft iron
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
    fn defaults(self) -> Ranges {
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

    /// Numbers of an input and of a target.
    pub fn sizes(self) -> [usize; 2] {
        match self {
            Self::Generic | Self::LoadCell => [2, 1],
            Self::Thermistor => [1, 1],
            Self::Magnetometer => [3, 3],
        }
    }
}

impl Sensors {
    /// All ranges: those of the config, or the defaults.
    pub(super) fn ranges(&self) -> Ranges {
        let defaults = self.kind.defaults();
        Ranges {
            range: self.range.unwrap_or(defaults.range),
            gain: self.gain.unwrap_or(defaults.gain),
            offset: self.offset.unwrap_or(defaults.offset),
            cubic: self.cubic.unwrap_or(defaults.cubic),
            temperature: self.temperature.unwrap_or(defaults.temperature),
            cross_temperature: self.cross_temperature.unwrap_or(defaults.cross_temperature),
            saturation: self.saturation.unwrap_or(defaults.saturation),
            hysteresis: self.hysteresis.unwrap_or(defaults.hysteresis),
            bits: self.bits.unwrap_or(defaults.bits),
            noise: self.noise.unwrap_or(defaults.noise),
        }
    }

    /// The tasks, with the scales that some thousand readings have.
    pub fn open(&self) -> SensorTasks {
        SensorTasks::new(self.clone())
    }
}

impl TaskSizes for Sensors {
    fn sizes(&self) -> Sizes {
        let [inputs, outputs] = self.kind.sizes();
        Sizes::of_values(Shape::Vector(inputs), outputs)
    }
}

impl TaskFamily for Sensors {
    fn check(&self) -> Result<(), Fault> {
        let all = self.ranges();
        let [zero, slope] = all.cross_temperature;
        for (key, value) in [
            ("tasks.gain", all.gain),
            ("tasks.offset", all.offset),
            ("tasks.cubic", all.cubic),
            ("tasks.cross_temperature", zero),
            ("tasks.cross_temperature", slope),
            ("tasks.hysteresis", all.hysteresis),
            ("tasks.noise", all.noise),
        ] {
            not_negative(key, value)?;
        }
        let (range, temperature) = (all.range, all.temperature);
        for (key, [low, high], least) in [
            ("tasks.range", range, f64::NEG_INFINITY),
            ("tasks.temperature", temperature, -273.15),
            ("tasks.saturation", all.saturation, 0.0),
        ] {
            require(
                low.is_finite() && high.is_finite() && low < high && low > least,
                key,
                "[low, high] with low < high",
                format!("[{low}, {high}]"),
            )?;
        }
        let lowest = match self.kind {
            SensorKind::Thermistor => range[0] > -273.15,
            SensorKind::Magnetometer => range[0] >= 0.0,
            SensorKind::Generic | SensorKind::LoadCell => true,
        };
        require(
            lowest,
            "tasks.range",
            "values that there are, in the kind's unit",
            format!("{range:?}"),
        )?;
        require(
            (1..=32).contains(&all.bits),
            "tasks.bits",
            "from 1 to 32",
            all.bits,
        )
    }

    fn facts(&self) -> Facts {
        Facts {
            finite_classes: false,
            target_scale: true,
            shows_task: None,
            actions: None,
            evaluation: EvaluationDefaults::CALIBRATION,
            export: ExportDefaults::CALIBRATION,
        }
    }

    fn keys(&mut self) -> Keys<'_> {
        Keys {
            ways: None,
            path: None,
            unit_split: None,
        }
    }

    fn keep_evaluation_keys(&mut self) {}

    fn source(&self) -> Result<TaskSource, TasksError> {
        Ok(TaskSource::supervised(self.open()))
    }

    fn contents(&self) -> Result<Option<Contents>, TasksError> {
        Ok(None)
    }
}
