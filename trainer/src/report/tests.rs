use std::sync::Arc;

use super::*;
use crate::config::tests::{WAVEFORMS, config};
use crate::evaluate::{Predictions, predictions};
use crate::export::Options;
use crate::model::TrainedModel;
use crate::page::tests::stands_alone;
use crate::tasks::{Origin, Origins};
use burn::backend::Flex;

/// Three tasks of two queries and two labels: what is right before is wrong after
/// in the last task, and the other way round in the rest but for one query.
fn classified() -> Predictions {
    let one_hot = |labels: [usize; 6]| -> Vec<f32> {
        let rows = labels.map(|label| [label == 0, label == 1].map(|is| f32::from(u8::from(is))));
        rows.concat()
    };
    let origin = |(user, class)| Origin {
        user: Some(user),
        class: Some(class),
    };
    // Labels of classes differ from task to task.
    let origins = [(0, 4), (1, 2), (0, 2), (0, 4), (1, 3), (0, 2)].map(origin);
    let names =
        |letter: &str| -> Arc<[String]> { (0..5).map(|at| format!("{letter}{at}")).collect() };
    Predictions {
        shots: 1,
        steps: vec![0, 5],
        setting: Setting::Transductive,
        tasks: 3,
        queries: 2,
        outputs: 2,
        targets: one_hot([0, 1, 0, 1, 0, 1]),
        losses: vec![vec![0.0; 6]; 2],
        values: vec![one_hot([1, 0, 1, 0, 0, 1]), one_hot([0, 1, 0, 0, 1, 0])],
        origins: Some(Origins {
            unit_of: None,
            users: names("u"),
            classes: names("c"),
            queries: origins.to_vec(),
        }),
    }
}

#[test]
fn groups_by_hand() {
    let detail = Detail::new(&classified(), Measure::Accuracy);
    assert_eq!(
        (detail.shots, detail.steps, detail.measure),
        (1, 5, Measure::Accuracy)
    );
    assert_eq!(detail.tasks, [[0.0, 1.0], [0.0, 0.5], [1.0, 0.0]]);
    assert_eq!(
        (detail.all.before.mean, detail.all.after.mean),
        (2.0 / 6.0, 0.5)
    );
    let row = |group: &Group| {
        (
            group.name.clone(),
            group.tasks,
            group.queries,
            group.after.mean,
        )
    };
    let users: Vec<_> = detail.users.iter().map(row).collect();
    // Before and after: user 1 has queries in two tasks, user 0 in all.
    assert_eq!(users, [("u0".into(), 3, 4, 0.5), ("u1".into(), 2, 2, 0.5)]);
    let classes: Vec<_> = detail.classes.iter().map(row).collect();
    assert_eq!(
        classes,
        [
            ("c3".into(), 1, 1, 0.0),
            ("c4".into(), 2, 2, 0.5),
            ("c2".into(), 3, 3, 2.0 / 3.0)
        ]
    );
    // One task says nothing of the next.
    assert_eq!(detail.classes[0].after.half_width, f64::INFINITY);
    let change = detail.all.change;
    assert!((change.mean - 1.0 / 6.0).abs() < 1e-12);
    // Sums 2, 1, -2 of two queries each: rests 5/3, 2/3, -7/3, squares 78/9.
    // Of three tasks, whose users are several.
    let expected = 1.96 * (3.0 / 2.0 * 78.0 / 9.0f64).sqrt() / 6.0;
    assert!((change.half_width - expected).abs() < 1e-6);
    // c2 is label 1 of the first task, 0 of the second and 1 of the third.
    let confusion = detail.confusion.unwrap();
    assert_eq!(confusion.classes, ["c2", "c3", "c4"]);
    assert_eq!(confusion.counts, [[2, 1, 0], [1, 0, 0], [1, 0, 1]]);
}

#[test]
fn values_are_measured_by_their_error() {
    let values = Predictions {
        outputs: 1,
        targets: vec![0.0, 10.0, 20.0, 30.0, 40.0, 50.0],
        values: vec![
            vec![1.0, 11.0, 18.0, 32.0, 43.0, 47.0],
            vec![0.5, 10.0, 20.0, 29.0, 40.0, f32::NAN],
        ],
        losses: vec![
            vec![1.0, 1.0, 4.0, 4.0, 9.0, 9.0],
            vec![0.25, 0.0, 0.0, 1.0, 0.0, f32::NAN],
        ],
        origins: None,
        ..classified()
    };
    let loss = Detail::new(&values, Measure::Loss);
    assert!((loss.all.before.mean - 28.0 / 6.0).abs() < 1e-5);
    let detail = Detail::new(&values, Measure::Error);
    assert!((detail.all.before.mean - (28.0 / 6.0f64).sqrt()).abs() < 1e-6);
    assert!(detail.all.after.mean.is_nan());
    assert_eq!(detail.tasks[1], [2.0, 0.5f64.sqrt()]);
    assert!(detail.users.is_empty() && detail.confusion.is_none());
    // What is not finite is the worst.
    let names: Vec<&str> = detail.units.iter().map(|unit| &unit.name[..]).collect();
    assert_eq!(names, ["task 2", "task 1", "task 0"]);
    assert_eq!(
        detail.units[1].points,
        [[20.0, 18.0, 20.0], [30.0, 32.0, 29.0]]
    );
    // Of units that are known, each is one.
    let origins = classified().origins;
    let detail = Detail::new(&Predictions { origins, ..values }, Measure::Error);
    let names: Vec<&str> = detail.units.iter().map(|unit| &unit.name[..]).collect();
    assert_eq!(names, ["u0", "u1"]);
    // User 1: squares 1 and 9.
    assert!((detail.users[1].before.mean - 5.0f64.sqrt()).abs() < 1e-9);
}

/// A run of three iterations, its report, and the folder that holds it.
fn collected(sets: &[&str], shots: Vec<usize>) -> (RunReport, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&[sets, &["meta.iterations=3"]].concat());
    let manifest = Manifest::new(&config, "cpu", vec!["mamlet".into()]);
    let run = crate::run::RunDir::create(folder.path(), &config, &manifest, false).unwrap();
    let stop = Default::default();
    let device = Default::default();
    crate::train::train::<Flex>(&config, &run, device, &stop, |_| {}).unwrap();
    let model = TrainedModel::load(folder.path()).unwrap();
    let evaluation = crate::evaluate::Evaluation {
        tasks: 8,
        shots,
        queries: vec![6],
        ..crate::evaluate::Evaluation::default_for(&config.tasks)
    };
    let request = Request {
        evaluation,
        export: Options::default(),
        command: "mamlet report '<b>run</b>'".into(),
    };
    let models = [(folder.path().display().to_string(), model)];
    let report = RunReport::collect::<Flex>(&models, &request, &device, |_| {}).unwrap();
    (report, folder)
}

/// Details and the evaluation are of the same tasks: two ways to the same number.
#[test]
fn details_agree_with_the_evaluation() {
    let (report, _folder) = collected(&WAVEFORMS, vec![1, 3]);
    assert_eq!(report.details.len(), 2);
    for (detail, shots) in report.details.iter().zip(&report.evaluation.shots) {
        for (step, own) in [(0, detail.all.before), (detail.steps, detail.all.after)] {
            let other = shots.methods[0].after(step).unwrap().accuracy.unwrap();
            assert!((other.mean - own.mean).abs() < 1e-6, "{own:?} {other:?}");
            // Tasks are clusters of one size, so the intervals are the same.
            assert!(
                (other.half_width - own.half_width).abs() < 1e-6,
                "{own:?} {other:?}"
            );
        }
    }
    let model = TrainedModel::initial(config(&[])).unwrap();
    let evaluation = crate::evaluate::Evaluation {
        tasks: 0,
        ..Default::default()
    };
    assert!(predictions::<Flex>(&model, &evaluation, 5, &Default::default(), |_| {}).is_err());
}

#[test]
fn the_page_tells_the_numbers_of_the_report() {
    let (mut report, _folder) = collected(&[], vec![5]);
    assert!(matches!(report.deployment, Deployment::Exported(_)));
    let page = report.to_html();
    stands_alone(&page);
    let number = crate::page::number::interval;
    let detail = &report.details[0];
    assert_eq!(detail.measure, report.evaluation.measure());
    for value in [detail.all.before, detail.all.after] {
        let text = number(value);
        let (mean, rest) = text.split_at(text.find(" ±").unwrap());
        let either = page.contains(&text) || page.contains(&format!("{mean}<small>{rest}</small>"));
        assert!(either, "{text}");
    }
    let method = &report.evaluation.shots[0].methods[0];
    for step in [0, 1] {
        let text = number(method.after(step).unwrap().of(Measure::Loss).unwrap());
        assert!(
            page.contains(&format!("<td class=\"n\">{text}</td>")),
            "{text}"
        );
    }
    let Deployment::Exported(deployed) = &report.deployment else {
        panic!("checked above")
    };
    for fit in &deployed.shots[0].boards {
        let kib = crate::page::number::kib;
        let text = format!("{} of {}", kib(fit.ram.total), kib(fit.board.ram));
        assert!(
            page.contains(&text) && page.contains(&fit.board.name),
            "{text}"
        );
    }
    assert!(page.contains("mamlet report '&lt;b&gt;run&lt;/b&gt;'"));
    assert!(page.contains("seed 2017") && page.contains("[inner]"));

    // Names that come from data, and a run that cannot be exported.
    report.subject.title = "<script>alert(1)</script>".into();
    report.deployment = Deployment::Impossible {
        why: "<i>why</i>".into(),
    };
    report.details = vec![Detail::new(&hostile(), Measure::Accuracy)];
    let page = report.to_html();
    stands_alone(&page);
    assert!(page.contains("&lt;script&gt;alert(1)") && page.contains("&lt;i&gt;why&lt;/i&gt;"));
    assert!(page.contains("&lt;u&gt;0") && page.contains("&lt;c&gt;4"));
    for tag in ["<u>", "<c>", "<i>", "<b>"] {
        assert!(!page.contains(tag), "{tag}");
    }
}

fn hostile() -> Predictions {
    let mut all = classified();
    if let Some(origins) = &mut all.origins {
        origins.users = (0..5).map(|at| format!("<u>{at}\"'")).collect();
        origins.classes = (0..5).map(|at| format!("<c>{at}&")).collect();
    }
    all
}
