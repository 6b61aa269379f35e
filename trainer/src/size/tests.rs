use rand::RngExt;

use super::*;
use crate::config::tests::config;
use crate::config::{Config, StepLoss};
use crate::nn::{Conv, Dense, GroupNorm, LayerSpec};
use crate::page::tests::stands_alone;
use crate::random::{Stream, generator};

/// The definition, sort and sweep: rows in the order of their sums can only be
/// beaten by earlier ones, and if by any then by one on the front.
fn sweep(rows: &[[f64; 3]]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| rows[a].iter().sum::<f64>().total_cmp(&rows[b].iter().sum()));
    let mut kept: Vec<usize> = Vec::new();
    for at in order {
        let beaten = kept.iter().any(|&other| {
            let least = (0..3).all(|column| rows[other][column] <= rows[at][column]);
            least && rows[other] != rows[at]
        });
        if !beaten {
            kept.push(at);
        }
    }
    (0..rows.len()).map(|at| kept.contains(&at)).collect()
}

#[test]
fn the_front_is_what_a_sweep_finds() {
    let mut rng = generator(1, Stream::Score, 0);
    for count in [0, 1, 2, 5, 40] {
        for _ in 0..200 {
            // Small whole numbers, so that many are equal.
            let rows: Vec<[f64; 3]> = (0..count)
                .map(|_| std::array::from_fn(|_| f64::from(rng.random_range(0..6))))
                .collect();
            assert_eq!(front(&rows), sweep(&rows), "{rows:?}");
        }
    }
    assert_eq!(front(&[[f64::NAN, 0.0], [5.0, 5.0]]), [false, true]);
}

fn outputs(config: &Config) -> Vec<usize> {
    let layers = config.model.layers.iter();
    layers
        .filter_map(|layer| match layer {
            LayerSpec::Dense(Dense { out }) => Some(*out),
            LayerSpec::Conv(Conv { filters, .. }) => Some(*filters),
            LayerSpec::GroupNorm(GroupNorm { groups, .. }) => Some(*groups),
            _ => None,
        })
        .collect()
}

#[test]
fn hidden_layers_narrow_and_the_outputs_stay() {
    let layers = "model.layers=[{kind=\"dense\",out=40},{kind=\"group_norm\",groups=8},{kind=\"relu\"},\
                  {kind=\"dense\",out=7},{kind=\"relu\"},{kind=\"dense\",out=1}]";
    let config = config(&[layers]);
    assert_eq!(narrowed(&config, 1.0), config);
    for (width, expected) in [
        (0.5, [20, 4, 4, 1]),
        (0.25, [12, 4, 2, 1]),
        (0.01, [4, 4, 1, 1]),
        (2.0, [80, 8, 14, 1]),
    ] {
        let narrow = narrowed(&config, width);
        assert_eq!(outputs(&narrow), expected, "{width}");
        assert!(narrow.network().is_ok());
        assert_eq!(narrow.name, format!("tiny-width-{width}"));
    }
}

#[test]
fn a_shorter_training_is_the_same_in_proportion() {
    let mut config = config(&[
        "meta.iterations=1000",
        "meta.warm_up=100",
        "record.validate_every=250",
    ]);
    config.meta.statistics_from = Some(600);
    config.meta.step_loss = StepLoss::Annealed { iterations: 300 };
    let short = shortened(&config, 100);
    assert_eq!((short.meta.iterations, short.meta.warm_up), (100, 10));
    assert_eq!(short.meta.statistics_from, Some(60));
    assert_eq!(short.meta.step_loss, StepLoss::Annealed { iterations: 30 });
    assert_eq!((short.record.validate_every, short.record.every), (25, 1));
    assert_eq!(shortened(&config, 1000), config);
}

fn point(accuracy: f64, form: &'static str, flash: usize) -> Point {
    Point {
        width: 0.5,
        form,
        shots: 1,
        steps: 5,
        parameters: 100,
        adapting: 10,
        score: Score {
            what: "accuracy",
            mean: accuracy,
            half_width: 0.0123,
            bytes: flash - 1000,
        },
        costs: Costs {
            flash,
            ram: 4096,
            learning: 123_456,
            prediction: 1234,
        },
        seconds: 0.0042,
        boards: vec!["first".into(), "second".into()],
        front: false,
    }
}

#[test]
fn the_page_and_the_table_tell_all_points() {
    let mut table = SizeTable {
        name: "tiny".into(),
        title: "<b>Tiny</b>".into(),
        seed: 1,
        iterations: 20,
        full_iterations: 80,
        tasks: 8,
        ways: Some(5),
        queries: 4,
        board: "nrf52840".into(),
        command: "mamlet size 'a&b'".into(),
        points: vec![
            point(0.9012, "f32", 90_000),
            point(0.8, "f16", 95_000),
            point(0.9, "int8", 60_000),
        ],
    };
    table.mark_front();
    let marked: Vec<bool> = table.points.iter().map(|point| point.front).collect();
    assert_eq!(marked, [true, false, true]);
    let page = table.to_html();
    stands_alone(&page);
    assert!(page.contains("20 of the 80 iterations"));
    assert!(page.contains("&lt;b&gt;Tiny") && page.contains("mamlet size 'a&amp;b'"));
    // The front, and all of them.
    for (text, times) in [
        ("90.1 ± 1.2 %", 2),
        ("80.0 ± 1.2 %", 1),
        ("90.0 ± 1.2 %", 2),
    ] {
        assert_eq!(page.matches(text).count(), times, "{text}");
    }
    assert_eq!(page.matches("class=\"marked\"").count(), 2);
    let csv = table.to_csv();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let head: Vec<String> = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    let column = |name: &str| head.iter().position(|own| own == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(&rows[2][column("form")], "int8");
    assert_eq!(&rows[2][column("flash_bytes")], "60000");
    assert_eq!(&rows[1][column("front")], "false");
    assert_eq!(&rows[0][column("mean")], "0.9012");
    assert_eq!(&rows[0][column("boards")], "first second");
}
