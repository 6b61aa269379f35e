use std::fmt::Write as _;

use super::*;
use crate::data::Examples;
use crate::data::tests::Fixture;
use crate::tasks::TaskFamily;

/// `y = 2 x + offset` of six units with two sides and eight rows each, in a
/// shuffled order of `at`.
fn fixture() -> Fixture {
    let fixture = Fixture::empty();
    let mut text = String::from("unit,side,at,x,y\n");
    for unit in 0..6 {
        for (sign, side) in [(-1.0, "L"), (1.0, "R")] {
            for at in [3, 1, 8, 2, 5, 4, 7, 6] {
                let x = f64::from(at) + 10.0 * f64::from(unit);
                let y = 2.0 * x + sign * f64::from(unit);
                writeln!(text, "U{unit},{side},{at},{x},{y}").unwrap();
            }
        }
    }
    fixture.put("all.csv", text.as_bytes());
    fixture
}

fn config(fixture: &Fixture, more: &str) -> Readings {
    let text = format!(
        "path = {:?}\ndevice = [\"unit\", \"side\"]\nsplit_by = [\"unit\"]\ninputs = [\"x\"]\n\
         target = \"y\"\nunit = \"V\"\norder = \"at\"\n{more}\n[split]\ncounts = [3, 1, 2]",
        fixture.path()
    );
    toml::from_str(&text).unwrap()
}

fn draw(tasks: &ReadingTasks, split: Split, [count, shots, queries]: [usize; 3]) -> TaskBatch {
    let mut rng = generator(5, Stream::Test, 0);
    tasks.draw(split, &mut rng, count, shots, queries)
}

/// Unit and row of every example of a set, from its input.
fn rows(x: &Examples) -> Vec<(i64, i64)> {
    let values = x.values();
    let row = |&x: &f32| ((x as i64 - 1) / 10, (x as i64 - 1) % 10 + 1);
    values.iter().map(row).collect()
}

#[test]
fn units_are_split_and_never_shared() {
    let fixture = fixture();
    let tasks = config(&fixture, "").open().unwrap();
    let units = |split| -> Vec<i64> {
        let batch = draw(&tasks, split, [20, 2, 3]);
        let mut units: Vec<i64> = rows(&batch.support_x).iter().map(|row| row.0).collect();
        units.sort_unstable();
        units.dedup();
        units
    };
    let splits = Split::ALL.map(units);
    assert_eq!(splits.each_ref().map(Vec::len), [3, 1, 2]);
    let mut all = splits.concat();
    all.sort_unstable();
    assert_eq!(all, (0..6).collect::<Vec<_>>());
    let contents = tasks.split_contents(Split::Train);
    assert_eq!(
        (contents.devices, contents.rows, contents.of_device),
        (6, 48, [8, 8])
    );
    assert_eq!(tasks.ranges, [[1.0, 58.0], [2.0, 121.0]]);
    // Both sides of a unit are tasks, and all have their turns.
    let batch = draw(&tasks, Split::Test, [20, 2, 3]);
    let units = batch.units().unwrap();
    assert_eq!(tasks.unit_count(Split::Test), Some(splits[2].len()));
    let seen = rows(&batch.support_x);
    for (task, unit) in units.iter().enumerate() {
        assert_eq!(seen[2 * task].0, i64::from(*unit));
    }
    for unit in &splits[2] {
        let turns = units.iter().filter(|&&turn| i64::from(turn) == *unit);
        assert_eq!(turns.count(), 10);
    }
}

#[test]
fn support_and_queries_share_no_row() {
    let fixture = fixture();
    for more in ["", "support = \"first\"", "query_rows = [6, 8]"] {
        let tasks = config(&fixture, more).open().unwrap();
        let shots = if more.contains("rows") { 5 } else { 6 };
        let batch = draw(&tasks, Split::Train, [30, shots, 9]);
        let (support, query) = (rows(&batch.support_x), rows(&batch.query_x));
        for task in 0..30 {
            let support = &support[task * shots..(task + 1) * shots];
            let query = &query[task * 9..(task + 1) * 9];
            assert!(query.iter().all(|row| !support.contains(row)), "{more}");
            let mut own = support.to_vec();
            own.sort_unstable();
            own.dedup();
            assert_eq!(own.len(), shots, "{more}: a support row twice");
            assert!(query.iter().all(|row| row.0 == support[0].0));
        }
        // Fewer shots are the first of more, and queries stay.
        let fewer = draw(&tasks, Split::Train, [30, 2, 9]);
        let first = batch.first_support_examples(2).support_x;
        assert_eq!(fewer.support_x, first, "{more}");
    }
}

#[test]
fn the_first_rows_are_those_of_the_order_and_queries_may_be_named() {
    let fixture = fixture();
    let more = "support = \"first\"\ntraining_support = \"random\"\nquery_rows = [6, 8]";
    let tasks = config(&fixture, more).open().unwrap();
    let batch = draw(&tasks, Split::Test, [8, 3, 3]);
    let at = |x: &Examples| -> Vec<i64> { rows(x).iter().map(|row| row.1).collect() };
    for task in at(&batch.support_x).chunks(3) {
        assert_eq!(task, [1, 2, 3]);
    }
    for task in at(&batch.query_x).chunks(3) {
        let mut task = task.to_vec();
        task.sort_unstable();
        assert_eq!(task, [6, 7, 8]);
    }
    let training = draw(&tasks, Split::Train, [8, 3, 3]);
    let support = at(&training.support_x);
    assert!(support.iter().all(|at| *at < 6));
    assert!(support.chunks(3).any(|task| task != [1, 2, 3]));
    assert_eq!(tasks.check(Split::Test, 5, 3), Ok(()));
    let message = tasks.check(Split::Test, 6, 3).unwrap_err().to_string();
    assert!(message.contains("6 are needed") && message.contains("rows 6 to 8"));
}

#[test]
fn targets_and_inputs_are_scaled_by_the_training_split() {
    let fixture = fixture();
    let more = "codes = { side = { L = -1, R = 1 } }\nlet = { z = \"x*x + side\" }";
    let mut config = config(&fixture, more);
    config.inputs = vec!["side".into(), "z".into()];
    let tasks = config.open().unwrap();
    let scale = tasks.target_scale().unwrap();
    assert_eq!(scale.unit, "V");
    let batch = draw(&tasks, Split::Train, [300, 4, 4]);
    let mean = batch.query_y.iter().sum::<f32>() / 1200.0;
    let square = batch.query_y.iter().map(|y| y * y).sum::<f32>() / 1200.0;
    assert!(mean.abs() < 0.05 && (square - 1.0).abs() < 0.05);
    let mut y = batch.query_y.clone();
    scale.restore(&mut y);
    for (x, y) in batch.query_x.values().chunks(2).zip(y) {
        let measured = (x[1] - x[0]).sqrt();
        let unit = ((measured - 1.0) / 10.0).floor();
        assert!((y - (2.0 * measured + x[0] * unit)).abs() < 1e-3);
    }
    let mut seen = batch.query_x.values().into_owned();
    tasks.normalisation().unwrap().apply(&mut seen);
    let square = seen.iter().map(|x| x * x).sum::<f32>() / seen.len() as f32;
    assert!((square - 1.0).abs() < 0.1, "{square}");
}

#[test]
fn units_with_few_rows_are_only_tested() {
    let fixture = fixture();
    fixture.put("few.csv", b"unit,side,at,x,y\nU9,L,1,91,1\nU9,L,2,92,2\n");
    let named = |train: &str| {
        let mut config = config(&fixture, "rows_to_train = 3");
        config.split = toml::from_str(&format!(
            "train = {train}\nvalidation = [\"U4\"]\ntest = [\"U5\"]"
        ))
        .unwrap();
        config.open()
    };
    let tasks = named("[\"U[0-3]\", \"U9\"]").unwrap();
    assert_eq!(tasks.split_contents(Split::Train).devices, 8);
    let message = named("[\"U9\"]").unwrap().check(Split::Train, 1, 1);
    let message = message.unwrap_err().to_string();
    assert!(message.contains("no device of enough rows"), "{message}");
}

#[test]
fn what_cannot_be_used_is_named() {
    let fixture = fixture();
    let open = |more: &str, input: &str| {
        let mut config = config(&fixture, more);
        config.inputs = vec![input.into()];
        config.open().unwrap_err().to_string()
    };
    let message = open("", "depth");
    assert!(message.contains("no column \"depth\""), "{message}");
    let message = open("let = { z = \"ln(x - 3)\" }", "z");
    assert!(
        message.contains("all.csv, line 3") && message.contains("z is NaN"),
        "{message}"
    );
    let check = |more: &str| config(&fixture, more).check().map_err(|fault| fault.key);
    assert_eq!(check(""), Ok(()));
    assert_eq!(
        check("query_rows = [0, 3]").unwrap_err(),
        "tasks.query_rows"
    );
    assert_eq!(check("let = { z = \"x +\" }").unwrap_err(), "tasks.let.z");
}
