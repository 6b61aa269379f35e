use super::*;

fn steps(values: &[f64]) -> StepsFigure {
    let points = values
        .iter()
        .enumerate()
        .map(|(step, &value)| StepPoint {
            step: step as u32,
            value,
            half_width: Some(0.05),
        })
        .collect();
    StepsFigure {
        title: "Error & steps".into(),
        subtitle: "K = 5, 4000 tasks, seed 1".into(),
        y_name: "mean squared error on the query set".into(),
        log_y: false,
        methods: vec![StepsMethod {
            name: "MAML, second order".into(),
            points,
        }],
    }
}

fn curve(values: &[f64]) -> LearningCurve {
    let points = (0..)
        .zip(values)
        .map(|(index, &value)| CurvePoint {
            iteration: 100 * index,
            value,
            half_width: None,
        })
        .collect();
    LearningCurve {
        title: "Meta-training".into(),
        subtitle: String::new(),
        y_name: "query MSE".into(),
        log_y: false,
        smooth: None,
        curves: vec![Curve {
            name: "after adaptation".into(),
            points,
        }],
    }
}

fn sinusoid(height: f64) -> SinusoidFigure {
    let wave = |height: f64| -> Vec<_> {
        (-50..=50)
            .map(|i| (f64::from(i) / 10.0, height * (f64::from(i) / 10.0).sin()))
            .collect()
    };
    SinusoidFigure {
        title: "Sinusoids".into(),
        subtitle: String::new(),
        panels: vec![SinusoidPanel {
            title: "MAML, K = 3".into(),
            truth: wave(2.0),
            support: vec![(-1.0, -1.7), (0.5, 0.9), (3.0, 0.3)],
            predictions: [(0, 0.1), (1, 1.5), (10, height)]
                .map(|(steps, height)| SinusoidPrediction {
                    steps,
                    curve: wave(height),
                })
                .into(),
        }],
    }
}

fn assert_contains(document: &str, texts: &[&str]) {
    for text in texts {
        assert!(document.contains(text), "{text:?} is missing");
    }
}

#[test]
fn every_text_of_a_steps_figure_is_in_the_svg() {
    let document = steps(&[3.0, 0.6, 0.4]).to_svg().unwrap();
    assert_contains(
        &document,
        &[
            "MAML, second order",
            "gradient steps on the support set",
            "mean squared error on the query set",
            "Error &amp; steps",
            "K = 5, 4000 tasks, seed 1",
            "95 % interval",
            "width=\"1600\" height=\"1000\" stroke-linejoin=\"round\"",
        ],
    );
    assert!(!document.contains("not shown"));
}

#[test]
fn every_text_of_a_learning_curve_is_in_the_svg() {
    let values: Vec<f64> = (0..200).map(|i| 4.0 / f64::from(i + 1)).collect();
    let document = curve(&values).to_svg().unwrap();
    assert_contains(
        &document,
        &[
            "after adaptation",
            "query MSE",
            "meta-training iteration",
            "mean over 5 values",
            "20 000",
        ],
    );
}

#[test]
fn every_text_of_a_sinusoid_figure_is_in_the_svg() {
    let document = sinusoid(1.9).to_svg().unwrap();
    let legend = [
        "true curve",
        "support points",
        "before adaptation",
        "after 1 step",
        "after 10 steps",
    ];
    assert_contains(&document, &legend);
    assert_contains(&document, &["MAML, K = 3", ">\nx\n<", ">\ny\n<"]);
    assert!(!document.contains("leaves the axes"));
}

#[test]
fn values_that_cannot_be_drawn_are_counted() {
    let mut figure = steps(&[3.0, f64::NAN, 0.5, f64::INFINITY, 1e300, 0.4]);
    assert_contains(&figure.to_svg().unwrap(), &["3 diverged values not shown."]);
    figure.methods[0].points[0].half_width = Some(f64::NAN);
    assert_contains(
        &figure.to_svg().unwrap(),
        &["1 interval that is not finite is not shown."],
    );

    let mut figure = curve(&[2.0, 0.0, 0.5, f64::NAN, 1.0]);
    assert_contains(&figure.to_svg().unwrap(), &["1 diverged value not shown."]);
    figure.log_y = true;
    assert_contains(&figure.to_svg().unwrap(), &["1 value at or below zero"]);

    assert_contains(
        &sinusoid(80.0).to_svg().unwrap(),
        &["1 predicted curve leaves the axes."],
    );
    assert_contains(
        &sinusoid(f64::NAN).to_svg().unwrap(),
        &["101 diverged values not shown."],
    );
}

#[test]
fn a_method_without_a_value_says_so_in_the_legend() {
    let mut figure = steps(&[3.0, 0.5]);
    figure.methods.push(StepsMethod {
        name: "lost".into(),
        points: Vec::new(),
    });
    assert_contains(&figure.to_svg().unwrap(), &["lost (no finite value)"]);
}

#[test]
fn nothing_to_draw_is_an_error() {
    let empty = |result: Result<String, PlotError>| matches!(result, Err(PlotError::Empty(_)));
    assert!(empty(steps(&[]).to_svg()));
    assert!(empty(steps(&[f64::NAN, f64::INFINITY]).to_svg()));
    assert!(empty(curve(&[]).to_svg()));
    let mut logarithmic = curve(&[0.0, -1.0]);
    logarithmic.log_y = true;
    assert!(empty(logarithmic.to_svg()));
    let mut sinusoid = sinusoid(1.0);
    sinusoid.panels.clear();
    assert!(empty(sinusoid.to_svg()));
}

#[test]
fn strange_but_finite_data_is_drawn() {
    for log_y in [false, true] {
        for values in [
            &[0.7][..],
            &[0.7, 0.7],
            &[1e-30, 1e30],
            &[1e99, -1e99, 3.0],
            &[5e-324, 1.0],
        ] {
            let mut figure = steps(values);
            figure.log_y = log_y;
            figure.to_svg().unwrap();
            let mut figure = curve(values);
            figure.log_y = log_y;
            figure.smooth = Some(0);
            figure.to_svg().unwrap();
        }
    }
    let mut figure = steps(&[1.0, 2.0]);
    figure.methods[0].points[1].step = u32::MAX;
    figure.to_svg().unwrap();
}

#[test]
fn the_extension_chooses_the_format_and_the_file_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let figure = steps(&[3.0, 0.6]);
    let png = folder.path().join("a.PNG");
    figure.save(&png).unwrap();
    let bytes = std::fs::read(&png).unwrap();
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
    // Width and height stand at the start of the first chunk.
    assert_eq!(bytes[16..24], [0, 0, 6, 64, 0, 0, 3, 232]);
    let svg = folder.path().join("a.svg");
    figure.save(&svg).unwrap();
    assert_eq!(
        std::fs::read_to_string(&svg).unwrap(),
        figure.to_svg().unwrap()
    );

    for (name, found) in [("a.pdf", ".pdf"), ("a", "no extension")] {
        let message = figure
            .save(&folder.path().join(name))
            .unwrap_err()
            .to_string();
        assert_contains(&message, &[found, ".png", ".svg"]);
    }
    // A figure that cannot be drawn leaves the old file, and no part of a new.
    steps(&[]).save(&svg).unwrap_err();
    assert!(svg.metadata().unwrap().len() > 1000);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);

    for name in ["none/a.png", "none/a.svg"] {
        let error = figure.save(&folder.path().join(name)).unwrap_err();
        assert!(matches!(error, PlotError::Io { .. }), "{error:?}");
        assert!(!error.to_string().contains("part"));
    }
}
