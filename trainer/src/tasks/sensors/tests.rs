use super::*;
use crate::tasks::TaskFamily;

fn sensors(text: &str) -> Sensors {
    toml::from_str(text).unwrap()
}

/// A kind without any error but those of `more`.
fn ideal(kind: &str, more: &str) -> Sensors {
    let mut own = sensors(&format!(
        "kind = \"{kind}\"\ngain = 0.0\noffset = 0.0\ncubic = 0.0\n\
         cross_temperature = [0.0, 0.0]\nsaturation = [5.0, 6.0]\nhysteresis = 0.0\nnoise = 0.0\n\
         bits = 30"
    ));
    let more: toml::Table = toml::from_str(more).unwrap();
    let mut table = toml::Table::try_from(&own).unwrap();
    table.extend(more);
    own = table.try_into().unwrap();
    own
}

/// Inputs and corrections of some readings of each of some sensors.
fn readings(config: &Sensors, sensors: usize, count: usize) -> Vec<Vec<(Vec<f64>, Vec<f64>)>> {
    let mut rng = generator(1, Stream::Test, 0);
    (0..sensors)
        .map(|_| {
            let sensor = Sensor::draw(config, &mut rng);
            (0..count).map(|_| sensor.read(&mut rng)).collect()
        })
        .collect()
}

fn deviation(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = values.clone().count() as f64;
    (values.map(|value| value * value).sum::<f64>() / count).sqrt()
}

#[test]
fn a_sensor_without_errors_needs_no_correction() {
    for kind in ["generic", "thermistor", "load_cell", "magnetometer"] {
        let all = readings(&ideal(kind, ""), 5, 50);
        let corrections = all.iter().flatten().flat_map(|(_, correction)| correction);
        let largest = corrections.fold(0.0f64, |a, b| a.max(b.abs()));
        assert!(largest < 1e-5, "{kind}: {largest}");
    }
}

#[test]
fn every_term_is_as_large_as_it_says() {
    let generic = |more: &str| {
        let all = readings(&ideal("generic", more), 2000, 4);
        deviation(all.iter().flatten().map(|(_, correction)| correction[0]))
    };
    // Over u in U(−1, 1): √⟨u²⟩ = 1/√3, √⟨u⁶⟩ = 1/√7, √⟨(1 − u²)²⟩ = √(8/15).
    let third = 3f64.sqrt().recip();
    for (more, expected) in [
        ("gain = 0.1", 0.1 * third),
        ("offset = 0.1", 0.1),
        ("cubic = 0.1", 0.1 / 7f64.sqrt()),
        ("cross_temperature = [0.1, 0.0]", 0.1 * third),
        ("cross_temperature = [0.0, 0.1]", 0.1 / 3.0),
        ("hysteresis = 0.1", 0.05 * (8.0f64 / 15.0).sqrt()),
        ("noise = 0.1", 0.1),
        // Uniform within a step of 2.5/16.
        ("bits = 4", 2.5 / 16.0 / 12f64.sqrt()),
    ] {
        let found = generic(more);
        assert!(
            (found / expected - 1.0).abs() < 0.08,
            "{more}: {found} {expected}"
        );
    }
    let cut = readings(&ideal("generic", "saturation = [0.5, 0.500001]"), 20, 50);
    let highest = cut.iter().flatten().map(|(x, _)| x[0]).fold(0.0, f64::max);
    assert!((highest - 0.5).abs() < 1e-3, "{highest}");
}

#[test]
fn kinds_are_in_their_units() {
    let all = readings(&ideal("thermistor", "offset = 0.01"), 400, 5);
    // d T = T² d(ln R)/B, about 0.22 °C at 15 °C.
    let found = deviation(all.iter().flatten().map(|(_, correction)| correction[0]));
    let expected = 0.01 * 288.0 * 288.0 / BETA;
    assert!((found / expected - 1.0).abs() < 0.1, "{found} {expected}");
    let temperatures = all.iter().flatten().map(|(x, c)| x[0] + c[0]);
    let [low, high] =
        temperatures.fold([99.0f64, -99.0], |[low, high], t| [low.min(t), high.max(t)]);
    assert!((0.0..1.0).contains(&low) && (29.0..=30.001).contains(&high));
    let all = readings(&ideal("magnetometer", "offset = 0.3"), 50, 20);
    for sensor in &all {
        // The same field from any side, moved by the same iron.
        let strengths = sensor.iter().map(|(read, correction)| {
            let field = read.iter().zip(correction).map(|(r, c)| (r + c).powi(2));
            field.sum::<f64>().sqrt()
        });
        let [low, high] =
            strengths.fold([99.0f64, 0.0], |[low, high], s| [low.min(s), high.max(s)]);
        assert!(high - low < 1e-6 && low > 24.9 && high < 65.1);
        let first = &sensor[0].1;
        let moved = sensor.iter().flat_map(|(_, c)| c.iter().zip(first));
        assert!(moved.clone().all(|(a, b)| (a - b).abs() < 1e-4));
    }
}

#[test]
fn tasks_are_scaled_and_more_shots_begin_with_fewer() {
    for kind in ["generic", "thermistor", "load_cell", "magnetometer"] {
        let tasks = sensors(&format!("kind = \"{kind}\"")).open();
        let draw = |shots| {
            tasks.draw(
                Split::Test,
                &mut generator(9, Stream::Test, 0),
                300,
                shots,
                4,
            )
        };
        let (batch, fewer) = (draw(5), draw(2));
        assert_eq!(batch.first_support_examples(2), fewer);
        let values = batch.query_y.iter().map(|&y| f64::from(y));
        let size = deviation(values);
        assert!((size - 1.0).abs() < 0.15, "{kind}: {size}");
    }
}

#[test]
fn ranges_that_make_no_sense_are_refused() {
    for (text, key) in [
        ("kind = \"generic\"\ngain = -0.1", "gain"),
        ("kind = \"generic\"\nbits = 0", "bits"),
        ("kind = \"thermistor\"\nrange = [-300.0, 0.0]", "range"),
        (
            "kind = \"load_cell\"\nsaturation = [1.2, 1.1]",
            "saturation",
        ),
        ("kind = \"magnetometer\"\nrange = [-1.0, 60.0]", "range"),
    ] {
        assert_eq!(
            sensors(text).check().unwrap_err().key,
            format!("tasks.{key}"),
            "{text}"
        );
    }
    assert_eq!(sensors("kind = \"generic\"").check(), Ok(()));
}
