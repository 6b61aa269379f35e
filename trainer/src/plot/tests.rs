use super::drawing::{Align, Drawing, Shape, Text};
use super::*;

fn points(values: &[f64], every: f64, half_width: Option<f64>) -> Vec<CurvePoint> {
    let points = values.iter().enumerate().map(|(index, &y)| CurvePoint {
        x: every * index as f64,
        y,
        half_width,
    });
    points.collect()
}

fn steps(values: &[f64]) -> CurveFigure {
    CurveFigure {
        title: "Error & steps".into(),
        subtitle: "K = 5, 4000 tasks, seed 1".into(),
        x_name: "gradient steps on the support set".into(),
        y_name: "mean squared error on the query set".into(),
        scale: Scale::Linear,
        smooth: None,
        curves: vec![Curve {
            name: "MAML, second order".into(),
            points: points(values, 1.0, Some(0.05)),
        }],
    }
}

fn training(values: &[f64]) -> CurveFigure {
    CurveFigure {
        title: "Meta-training".into(),
        subtitle: String::new(),
        x_name: "meta-training iteration".into(),
        y_name: "query MSE".into(),
        scale: Scale::Linear,
        smooth: None,
        curves: vec![Curve {
            name: "after adaptation".into(),
            points: points(values, 100.0, None),
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
    let document = steps(&[3.0, 0.6, 0.4]).to_svg(Theme::Light).unwrap();
    assert_contains(
        &document,
        &[
            "MAML, second order",
            "gradient steps on the support set",
            "mean squared error on the query set",
            "Error &amp; steps",
            "K = 5, 4000 tasks, seed 1",
            "95 % interval",
        ],
    );
    assert!(!document.contains("not shown"));
}

#[test]
fn every_text_of_a_learning_curve_is_in_the_svg() {
    let values: Vec<f64> = (0..200).map(|i| 4.0 / f64::from(i + 1)).collect();
    let document = training(&values).to_svg(Theme::Light).unwrap();
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
    let document = sinusoid(1.9).to_svg(Theme::Light).unwrap();
    let legend = [
        "true curve",
        "support points",
        "before adaptation",
        "after 1 step",
        "after 10 steps",
    ];
    assert_contains(&document, &legend);
    assert_contains(&document, &["MAML, K = 3", ">x<", ">y<"]);
    assert!(!document.contains("leaves the axes"));
}

#[test]
fn values_that_cannot_be_drawn_are_counted() {
    let mut figure = steps(&[3.0, f64::NAN, 0.5, f64::INFINITY, 1e300, 0.4]);
    assert_contains(
        &figure.to_svg(Theme::Light).unwrap(),
        &["3 diverged values not shown."],
    );
    figure.curves[0].points[0].half_width = Some(f64::NAN);
    assert_contains(
        &figure.to_svg(Theme::Light).unwrap(),
        &["1 interval that is not finite is not shown."],
    );

    let mut figure = training(&[2.0, 0.0, 0.5, f64::NAN, 1.0]);
    assert_contains(
        &figure.to_svg(Theme::Light).unwrap(),
        &["1 diverged value not shown."],
    );
    figure.scale = Scale::Logarithmic;
    assert_contains(
        &figure.to_svg(Theme::Light).unwrap(),
        &["1 value at or below zero"],
    );

    assert_contains(
        &sinusoid(80.0).to_svg(Theme::Light).unwrap(),
        &["1 predicted curve leaves the axes."],
    );
    assert_contains(
        &sinusoid(f64::NAN).to_svg(Theme::Light).unwrap(),
        &["101 diverged values not shown."],
    );
}

#[test]
fn a_method_without_a_value_says_so_in_the_legend() {
    let mut figure = steps(&[3.0, 0.5]);
    figure.curves.push(Curve {
        name: "lost".into(),
        points: Vec::new(),
    });
    assert_contains(
        &figure.to_svg(Theme::Light).unwrap(),
        &["lost (no finite value)"],
    );
}

#[test]
fn nothing_to_draw_is_an_error() {
    let empty = |result: Result<String, PlotError>| matches!(result, Err(PlotError::Empty(_)));
    assert!(empty(steps(&[]).to_svg(Theme::Light)));
    assert!(empty(
        steps(&[f64::NAN, f64::INFINITY]).to_svg(Theme::Light)
    ));
    assert!(empty(training(&[]).to_svg(Theme::Light)));
    let mut logarithmic = training(&[0.0, -1.0]);
    logarithmic.scale = Scale::Logarithmic;
    assert!(empty(logarithmic.to_svg(Theme::Light)));
    let mut sinusoid = sinusoid(1.0);
    sinusoid.panels.clear();
    assert!(empty(sinusoid.to_svg(Theme::Light)));
}

#[test]
fn strange_but_finite_data_is_drawn() {
    for scale in [Scale::Linear, Scale::Logarithmic, Scale::Percent] {
        for values in [
            &[0.7][..],
            &[0.7, 0.7],
            &[1e-30, 1e30],
            &[1e99, -1e99, 3.0],
            &[5e-324, 1.0],
        ] {
            let mut figure = steps(values);
            figure.scale = scale;
            figure.to_svg(Theme::Light).unwrap();
            let mut figure = training(values);
            figure.scale = scale;
            figure.smooth = Some(0);
            figure.to_svg(Theme::Light).unwrap();
        }
    }
    let mut figure = steps(&[1.0, 2.0]);
    figure.curves[0].points[1].x = f64::from(u32::MAX);
    figure.to_svg(Theme::Light).unwrap();
}

#[test]
fn the_extension_chooses_the_format_and_the_file_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let figure = steps(&[3.0, 0.6]);
    let png = folder.path().join("a.PNG");
    figure.save(&png, Theme::Light).unwrap();
    let bytes = std::fs::read(&png).unwrap();
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
    let svg = folder.path().join("a.svg");
    figure.save(&svg, Theme::Light).unwrap();
    assert_eq!(
        std::fs::read_to_string(&svg).unwrap(),
        figure.to_svg(Theme::Light).unwrap()
    );

    for (name, found) in [("a.pdf", ".pdf"), ("a", "no extension")] {
        let message = figure
            .save(&folder.path().join(name), Theme::Light)
            .unwrap_err()
            .to_string();
        assert_contains(&message, &[found, ".png", ".svg"]);
    }
    // A figure that cannot be drawn leaves the old file, and no part of a new.
    steps(&[]).save(&svg, Theme::Light).unwrap_err();
    assert!(svg.metadata().unwrap().len() > 1000);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);

    for name in ["none/a.png", "none/a.svg"] {
        let error = figure
            .save(&folder.path().join(name), Theme::Light)
            .unwrap_err();
        assert!(matches!(error, PlotError::Write(_)), "{error:?}");
        assert!(!error.to_string().contains("part"));
    }
}

/// Left, top, right and bottom of a text, without the room around the letters.
fn reach(text: &Text) -> [f64; 4] {
    let width = text::width(&text.words, text.size);
    let (x, y) = text.at;
    let left = match text.align {
        Align::Left => x,
        Align::Center => x - 0.5 * width,
        Align::Right => x - width,
    };
    let half = 0.42 * text.size;
    [left, y - half, left + width, y + half]
}

/// Fails where a text is written over another or is cut off.
fn assert_readable(drawing: &Drawing) {
    let texts: Vec<&Text> = (drawing.shapes.iter())
        .filter_map(|shape| match shape {
            Shape::Text(text) => Some(text),
            Shape::Outlines(..) => None,
        })
        .collect();
    assert!(texts.len() > 4, "{texts:?}");
    for (index, text) in texts.iter().enumerate() {
        let [left, top, right, bottom] = reach(text);
        let inside =
            left >= -0.01 && top >= 0.0 && right <= drawing.width && bottom <= drawing.height;
        assert!(
            inside,
            "{text:?} leaves {} x {}",
            drawing.width, drawing.height
        );
        for other in &texts[..index] {
            let [other_left, other_top, other_right, other_bottom] = reach(other);
            let apart = right <= other_left
                || other_right <= left
                || bottom <= other_top
                || other_bottom <= top;
            assert!(apart, "{text:?} over {other:?}");
        }
    }
}

#[test]
fn no_text_lies_on_another_or_leaves_the_figure() {
    let long = "all weights adapt, second order, learned rates per step and per tensor";
    let mut charts = Vec::new();
    for scale in [Scale::Linear, Scale::Logarithmic, Scale::Percent] {
        for values in [&[3.0, 0.6, 0.4][..], &[1e-7, 12_345.678], &[99.99, 99.98]] {
            let mut figure = steps(values);
            figure.scale = scale;
            for name in ["second", "the third of them", long, "fifth", long] {
                figure.curves.push(Curve {
                    name: name.into(),
                    ..figure.curves[0].clone()
                });
            }
            charts.push(figure.chart().unwrap());
            let mut figure = training(values);
            figure.scale = scale;
            figure.curves[0].points[0].x = 4e6;
            charts.push(figure.chart().unwrap());
        }
    }
    for panels in 1..=5 {
        let mut figure = sinusoid(1.9);
        figure.panels[0].title = format!("{long}, K = 5");
        figure.panels = vec![figure.panels[0].clone(); panels];
        charts.push(figure.chart().unwrap());
    }
    for chart in charts {
        assert_readable(&chart.draw());
        for width in [320.0, 480.0] {
            assert_readable(&chart.clone().on_page(width).draw());
        }
    }
}

/// The pixels of a figure, by place in its drawing.
fn pixels(figure: &impl Figure, theme: Theme) -> (Drawing, impl Fn(f64, f64) -> [u8; 3]) {
    let drawing = figure.chart().unwrap().draw();
    let bytes = png::encode(&drawing, theme).unwrap();
    let picture = image::load_from_memory(&bytes).unwrap().into_rgb8();
    let scale = f64::from(png::SCALE);
    let size = (picture.width(), picture.height());
    assert_eq!(size.0, (scale * drawing.width) as u32);
    assert_eq!(size.1, (scale * drawing.height).ceil() as u32);
    let at = move |x: f64, y: f64| picture.get_pixel((scale * x) as u32, (scale * y) as u32).0;
    (drawing, at)
}

#[test]
fn a_png_shows_what_the_svg_says_in_the_colours_of_the_theme() {
    let figure = steps(&[3.0, 0.6, 0.4]);
    for theme in [Theme::Light, Theme::Dark] {
        let (drawing, at) = pixels(&figure, theme);
        let document = figure.to_svg(theme).unwrap();
        assert_eq!(at(1.0, 1.0), theme.rgb(Paint::Ground));
        let centres = drawing.shapes.iter().filter_map(|shape| match shape {
            Shape::Outlines(_, outlines) => match outlines[..] {
                // The three points; the legend has one marker.
                [drawing::Outline::Circle(centre, _), _, _] => Some(centre),
                _ => None,
            },
            Shape::Text(_) => None,
        });
        let centres: Vec<Spot> = centres.collect();
        assert_eq!(centres.len(), 1);
        for (x, y) in centres {
            assert_eq!(at(x, y), theme.rgb(Paint::Series(0)));
            assert!(
                document.contains(&format!("cx=\"{x:.1}\" cy=\"{y:.1}\"").replace(".0\"", "\""))
            );
        }
        // Letters: the title is bright on dark or dark on bright.
        let title = drawing.shapes.iter().find_map(|shape| match shape {
            Shape::Text(text) => Some(text),
            Shape::Outlines(..) => None,
        });
        let [left, top, right, bottom] = reach(title.unwrap());
        let inked = (left as u32..right as u32)
            .flat_map(|x| (top as u32..bottom as u32).map(move |y| (f64::from(x), f64::from(y))))
            .filter(|&(x, y)| at(x, y) == theme.rgb(Paint::Ink))
            .count();
        assert!(inked > 50, "{inked} pixels of the title");
        let other = match theme {
            Theme::Light => Theme::Dark,
            Theme::Dark => Theme::Light,
        };
        for paint in [Paint::Ground, Paint::Ink, Paint::Series(0)] {
            assert!(document.contains(&theme.hex(paint)), "{paint:?}");
            assert!(!document.contains(&other.hex(paint)), "{paint:?}");
        }
    }
}
