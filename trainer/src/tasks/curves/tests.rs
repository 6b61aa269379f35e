use std::fmt::Write as _;

use super::*;
use crate::data::tests::Fixture;
use crate::tasks::TaskFamily;

/// Lines `a + b v²`, two calibrations of each of ten units.
fn fixture() -> Fixture {
    let fixture = Fixture::empty();
    let mut text = String::from("device,date,a,b\n");
    for device in 0..10 {
        for date in 0..2 {
            let a = 0.1 * f64::from(device) - 0.4 + 0.01 * f64::from(date);
            writeln!(text, "D{device},{date},{a},{}", 2.0 + a / 10.0).unwrap();
        }
    }
    fixture.put("lines.csv", text.as_bytes());
    fixture
}

fn config(fixture: &Fixture, more: &str) -> Curves {
    let text = format!(
        "path = {:?}\ndevice = [\"device\"]\ntarget = \"a + b*w\"\nlet = {{ w = \"v^2\" }}\n\
         unit = \"°C\"\n{more}\nsplit = {{ counts = [6, 2, 2] }}\n\
         [variables]\nv = {{ low = 1.0, high = 100.0, spacing = \"log\", noise = 0.0 }}",
        fixture.path()
    );
    toml::from_str(&text).unwrap()
}

const PLAIN: &str = "inputs = [\"v\"]";
const MEDIAN: &str = "inputs = [\"nominal\"]\nnominal = \"median\"";

#[test]
fn targets_are_those_of_the_formula() {
    let fixture = fixture();
    let tasks = config(&fixture, PLAIN).open().unwrap();
    let mut rng = generator(3, Stream::Test, 0);
    let batch = tasks.draw(Split::Train, &mut rng, 40, 3, 50);
    let scale = tasks.target_scale().unwrap();
    let mut y = batch.query_y.clone();
    scale.restore(&mut y);
    let x = batch.query_x.values();
    for (x, y) in x.chunks(50).zip(y.chunks(50)) {
        // Two points say which unit it is.
        let of = |at: usize| (f64::from(x[at]).powi(2), f64::from(y[at]));
        let far = (0..50).max_by(|&a, &b| x[a].total_cmp(&x[b])).unwrap();
        let near = (0..50).min_by(|&a, &b| x[a].total_cmp(&x[b])).unwrap();
        let ((u, t), (w, s)) = (of(far), of(near));
        let b = (t - s) / (u - w);
        assert!((1.95..2.06).contains(&b), "{b}");
    }
    let below = x.iter().filter(|&&v| v < 10.0).count() as f64 / x.len() as f64;
    assert!(
        (below - 0.5).abs() < 0.05,
        "logarithms are uniform: {below}"
    );
}

#[test]
fn units_are_split_with_all_their_calibrations() {
    let fixture = fixture();
    let tasks = config(&fixture, PLAIN).open().unwrap();
    for (split, units) in Split::ALL.into_iter().zip([6, 2, 2]) {
        let contents = tasks.split_contents(split);
        assert_eq!(
            (contents.devices, contents.calibrations),
            (units, 2 * units)
        );
        assert_eq!(tasks.unit_count(split), Some(units));
        let batch = tasks.draw(split, &mut generator(1, Stream::Test, 0), 100, 1, 1);
        let mut seen = batch.units().unwrap();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), units);
    }
}

#[test]
fn differences_to_the_median_unit_are_what_is_left() {
    let fixture = fixture();
    let tasks = config(&fixture, MEDIAN).open().unwrap();
    let median = tasks.median_coefficients().unwrap();
    assert_eq!(median.keys().collect::<Vec<_>>(), [&"a", &"b"]);
    let (a, b) = (median["a"], median["b"]);
    let mut rng = generator(3, Stream::Test, 0);
    let batch = tasks.draw(Split::Test, &mut rng, 4, 2, 6);
    let scale = tasks.target_scale().unwrap();
    assert_eq!(scale.mean, [0.0]);
    let mut y = batch.query_y.clone();
    scale.restore(&mut y);
    let nominals = batch.query_x.values();
    for (task, (x, y)) in nominals.chunks(6).zip(y.chunks(6)).enumerate() {
        // y = (a' − a) + (b' − b) v², where v² = (nominal − a)/b and b' follows a'.
        for (&x, &y) in x.iter().zip(y) {
            let square = (f64::from(x) - a) / b;
            let own = (f64::from(y) + a + b * square - 2.0 * square) / (1.0 + square / 10.0);
            let steps = (own + 0.4) / 0.01;
            assert!((steps - steps.round()).abs() < 0.05, "{task}: {own}");
        }
    }
}

#[test]
fn noise_is_of_readings_and_of_the_reference() {
    let fixture = fixture();
    let mut config = config(&fixture, MEDIAN);
    let exact = config.open().unwrap();
    assert_eq!(exact.floor, 0.0);
    config.variables.get_mut("v").unwrap().noise = 0.1;
    let noisy = config.open().unwrap();
    // dT/dv = 2 b v, and v² has the mean (100² − 1)/(2 ln 100) over the range.
    let expected = 0.1 * 2.0 * 2.0 * (9999.0f64 / (2.0 * 100f64.ln())).sqrt();
    assert!(
        (noisy.floor / expected - 1.0).abs() < 0.05,
        "{}",
        noisy.floor
    );
    let draw = |tasks: &CurveTasks| {
        let mut rng = generator(3, Stream::Test, 0);
        tasks.draw(Split::Test, &mut rng, 50, 4, 40)
    };
    let mut reference = self::config(&fixture, MEDIAN);
    reference.noise = 0.5;
    let reference = reference.open().unwrap();
    let (a, b) = (draw(&exact), draw(&reference));
    assert_eq!((&a.query_x, &a.support_x), (&b.query_x, &b.support_x));
    assert_eq!(a.query_y, b.query_y, "the targets of queries are the curve");
    let deviation = exact.target_scale().unwrap().deviation;
    let pairs = a.support_y.iter().zip(&b.support_y);
    let square: f32 = pairs
        .map(|(a, b)| ((a - b) * deviation).powi(2))
        .sum::<f32>()
        / 200.0;
    assert!((square.sqrt() - 0.5).abs() < 0.08, "{square}");
}

#[test]
fn support_may_be_spread_over_the_range() {
    let fixture = fixture();
    let tasks = config(&fixture, &format!("{PLAIN}\nsupport = \"spread\""))
        .open()
        .unwrap();
    let draw = |shots| {
        tasks.draw(
            Split::Test,
            &mut generator(3, Stream::Test, 0),
            20,
            shots,
            1,
        )
    };
    let batch = draw(5);
    assert_eq!(batch.first_support_examples(3), draw(3));
    // The golden section leaves gaps of these sizes at least.
    for (shots, gap) in [(2, 0.381), (3, 0.235), (5, 0.145)] {
        let batch = batch.first_support_examples(shots);
        for task in batch.support_x.values().chunks(shots) {
            let mut shares: Vec<f32> = task.iter().map(|v| v.log10() / 2.0).collect();
            shares.sort_by(f32::total_cmp);
            assert!(
                shares.windows(2).all(|pair| pair[1] - pair[0] > gap),
                "{shares:?}"
            );
        }
    }
    assert!((step(1, 0) - 0.618_034).abs() < 1e-6);
    assert!((step(2, 1) - 0.569_840).abs() < 1e-6);
}

#[test]
fn what_cannot_be_used_is_named() {
    let fixture = fixture();
    let open = |change: fn(&mut Curves)| {
        let mut config = config(&fixture, PLAIN);
        change(&mut config);
        config.open().unwrap_err().to_string()
    };
    let message = open(|config| config.target = "a + c*v".into());
    assert!(message.contains("no column \"c\"; there are"), "{message}");
    let message = open(|config| config.target = "ln(a)*v".into());
    for part in ["rows of", "lines.csv, line 2: target is NaN at v = "] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let check = |change: fn(&mut Curves)| {
        let mut config = config(&fixture, PLAIN);
        change(&mut config);
        config.check().map_err(|fault| fault.key)
    };
    assert_eq!(check(|_| {}), Ok(()));
    let of = |change: fn(&mut Curves)| check(change).unwrap_err();
    assert_eq!(of(|config| config.target = "a +".into()), "tasks.target");
    assert_eq!(
        of(|config| config.inputs = vec!["a".into()]),
        "tasks.inputs"
    );
    assert_eq!(
        of(|config| config.inputs = vec!["nominal".into()]),
        "tasks.inputs"
    );
    let leak = |config: &mut Curves| {
        config.formulas.insert("z".into(), "a*v".into());
        config.inputs = vec!["z".into()];
    };
    assert_eq!(
        of(leak),
        "tasks.inputs",
        "a formula of coefficients gives them away"
    );
    let range = |config: &mut Curves| config.variables.get_mut("v").unwrap().low = -1.0;
    assert_eq!(of(range), "tasks.variables.v");
}
