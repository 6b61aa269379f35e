//! `act`: a policy learns to control units that nobody has seen.

use mamlet_formats::{ArtifactWriter, Layer, Loss, Policy, Reduction, Shape};

use super::{Desk, LINE, sim};

const SERVO: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../firmware-examples/artifacts/servo.mamlet"
);
const VALVE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/valve.mamlet");

/// The policy of the firmware learns to control most units.
#[test]
fn units_that_nobody_has_seen_are_controlled() {
    let mut arguments = vec!["act", SERVO, "--plant", "servo", "--json"];
    let seeds: Vec<String> = (1..=20).map(|seed| seed.to_string()).collect();
    for seed in &seeds {
        arguments.extend(["--unit", seed]);
    }
    let said = sim(&arguments);
    assert_eq!(said.code, Some(0), "{said:?}");
    let json = said.json();
    let units = json["units"].as_array().expect("units");
    let mean = |of: &dyn Fn(&serde_json::Value) -> f64| {
        units.iter().map(of).sum::<f64>() / units.len() as f64
    };
    let before = mean(&|unit| unit["stages"][0]["likeliest"].as_f64().expect("a return"));
    let after = mean(&|unit| unit["likeliest"].as_f64().expect("a return"));
    assert!(after > before + 15.0, "{before} before, {after} after");
    assert_eq!(json["units"][0]["stages"].as_array().map(Vec::len), Some(3));
    assert!(json["ram"]["total"].as_u64().expect("bytes") < 16 * 1024);
    // The same again, and as text.
    assert_eq!(sim(&arguments).out, said.out);
    let text = sim([
        "act", SERVO, "--plant", "servo", "--unit", "3", "--steps", "1",
    ]);
    assert_eq!(text.code, Some(0), "{text:?}");
    assert!(text.out.contains("unit 3: ") && text.out.contains("step 1"));
    assert!(!text.out.contains("step 2"), "{text:?}");
}

#[test]
fn what_cannot_act_is_refused_by_name() {
    sim(["act", LINE, "--plant", "servo"]).refuses(1, &["line.mamlet", "rolled out"]);
    sim(["act", VALVE, "--plant", "servo"]).refuses(1, &["1 observations", "servo has 2 and 1"]);
    sim(["act", SERVO, "--plant", "servo", "--steps", "33"]).refuses(1, &["--steps 33"]);
    sim(["act", SERVO, "--plant", "servo", "--steps", "0"]).refuses(1, &["--steps 0"]);
    let said = sim(["act", SERVO, "--plant", "toaster"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("servo"), "{said:?}");
}

/// A step that goes to infinity is taken back, and said so.
#[test]
fn a_step_that_overflows_goes_back() {
    let mut writer = ArtifactWriter::new("wild", Shape::Vector { features: 2 });
    let weight = writer.tensor(&[0.0; 2], true);
    writer.push(Layer::Dense {
        outputs: 1,
        weight,
        bias: None,
    });
    let vector = writer.tensor(&[0.0], true);
    writer.push(Layer::Context { vector });
    writer
        .rates(&[&[3e38, 3e38]])
        .loss(Loss::GaussianPolicy, Reduction::Sum)
        .policy(Policy {
            discount: 0.99,
            lambda: 0.95,
            horizon: 40,
            episodes: 4,
        });
    let desk = Desk::new();
    let path = desk.file("wild.mamlet", writer.to_bytes().expect("an artifact"));
    let path = path.to_str().expect("a name");
    let said = sim(["act", path, "--plant", "servo", "--unit", "1", "--json"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let unit = &said.json()["units"][0];
    assert_eq!(unit["kept"], false);
    assert!(unit["weights_crc32"].is_null() && unit["standard_error"].is_null());
    assert_eq!(unit["likeliest"], unit["stages"][0]["likeliest"]);
}
