use super::*;
use crate::data::Examples;

fn batch(
    (input, output): (usize, usize),
    classes: Option<usize>,
    [support_x, support_y, query_x, query_y]: [&[f32]; 4],
) -> TaskBatch {
    TaskBatch {
        tasks: 1,
        input,
        output,
        classes,
        support_x: Examples::Values(support_x.to_vec()),
        support_y: support_y.to_vec(),
        query_x: Examples::Values(query_x.to_vec()),
        query_y: query_y.to_vec(),
        origins: None,
    }
}

/// The cost of every monotone path, tried one after the other.
fn naive_warp(a: &[[f32; 2]], b: &[[f32; 2]], band: usize) -> f32 {
    fn from(a: &[[f32; 2]], b: &[[f32; 2]], (i, j): (usize, usize), band: usize) -> f32 {
        if i.abs_diff(j) > band {
            return f32::INFINITY;
        }
        let own = (a[i][0] - b[j][0]).powi(2) + (a[i][1] - b[j][1]).powi(2);
        if (i, j) == (0, 0) {
            return own;
        }
        let mut before = f32::INFINITY;
        if i > 0 {
            before = before.min(from(a, b, (i - 1, j), band));
        }
        if j > 0 {
            before = before.min(from(a, b, (i, j - 1), band));
        }
        if i > 0 && j > 0 {
            before = before.min(from(a, b, (i - 1, j - 1), band));
        }
        own + before
    }
    from(a, b, (a.len() - 1, b.len() - 1), band)
}

#[test]
fn warps_are_the_cheapest_of_all_paths() {
    for seed in 0..20 {
        let sample = |at: usize| [0, 1].map(|c| ((at * 2 + c + seed * 31) as f32 * 12.9898).sin());
        let a: [[f32; 2]; 6] = std::array::from_fn(sample);
        let b: [[f32; 2]; 6] = std::array::from_fn(|at| sample(at + 40));
        for band in [1, 2, 6] {
            let naive = naive_warp(&a, &b, band);
            let own = |most| neighbours::warped(a.as_flattened(), b.as_flattened(), 2, band, most);
            assert!((own(f32::INFINITY) - naive).abs() < 1e-4 * naive);
            assert!(own(naive * 0.2) >= naive * 0.999);
        }
    }
}

#[test]
fn a_slower_copy_is_near_only_after_warping() {
    // Two classes, two channels; the query is the first, late by a sample.
    let first = [0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0];
    let second = [0.0, 0.0, 0.0, 0.0, 0.5, 1.2, 0.0, 0.0];
    let late = [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0];
    let support = [first, second].concat();
    let y = [1.0, 0.0, 0.0, 1.0];
    let batch = batch((8, 2), Some(2), [&support, &y, &late, &[1.0, 0.0]]);
    let shape = Shape::Sequence {
        length: 4,
        channels: 2,
    };
    let tuning = Tuning::new(std::slice::from_ref(&batch));
    let class = |baseline| largest(&tuning.fit(baseline, shape, 2).predict(&batch));
    assert_eq!((class(Baseline::Nearest), class(Baseline::Warped)), (1, 0));
}

/// Units `y = 2 + x² + offset`: training units average to offset 0.
fn units(offsets: &[f32]) -> TaskBatch {
    let xs = [-1.0f32, -0.3, 0.4, 1.0, 1.5];
    let curve = |offset: f32| xs.map(|x| 2.0 + x * x + offset);
    let y: Vec<f32> = offsets.iter().flat_map(|&offset| curve(offset)).collect();
    let x = xs.repeat(offsets.len());
    TaskBatch {
        tasks: offsets.len(),
        ..batch((1, 1), None, [&x, &y, &x, &y])
    }
}

#[test]
fn averages_are_found_and_corrected() {
    let tuning = Tuning::new(&[units(&[-1.0, 0.0, 1.0]), units(&[0.7, -0.7])]);
    let fitted = |baseline| tuning.fit(baseline, Shape::Vector(1), 5);
    let average = fitted(Baseline::Average).average.unwrap();
    for (x, y) in [(0.0, 2.0), (0.5, 2.25), (-0.8, 2.64)] {
        assert!((average.at(&[x])[0] - y).abs() < 1e-3, "{x}");
    }
    let other = [units(&[0.7])];
    let error = |baseline| fitted(baseline).error(&other);
    assert!((error(Baseline::Average) - 0.49).abs() < 1e-3);
    assert!(error(Baseline::Offset) < 1e-5);
    assert!(error(Baseline::OffsetAndSlope) < 1e-5);
    // A straight line cannot follow a parabola.
    assert!(error(Baseline::Ridge) > 0.05);
}

/// Ten units with offsets of their own, which one noisy support example tells of: an average
/// that knows a unit's offset already would choose to trust the example not at all. The best
/// penalty is the variance of the noise over that of the offsets.
#[test]
fn choices_are_made_on_units_that_the_average_does_not_know() {
    for (noise, most, least) in [(0.1f32, 0.3, 0.0), (3.0, 10.0, 3.0)] {
        let mut batches = Vec::new();
        for unit in 0..10u32 {
            let offset = if unit % 2 == 0 { 1.0 } else { -1.0 };
            for turn in 0..8 {
                let error = if turn % 2 == 0 { noise } else { -noise };
                let task = batch((1, 1), None, [&[0.5], &[offset + error], &[0.2], &[offset]]);
                let origin = crate::tasks::Origin {
                    user: Some(unit),
                    class: None,
                };
                batches.push(TaskBatch {
                    origins: Some(crate::tasks::Origins {
                        unit_of: None,
                        users: (0..10).map(|unit| unit.to_string()).collect(),
                        classes: [].into(),
                        queries: vec![origin],
                    }),
                    ..task
                });
            }
        }
        let fitted = Tuning::new(&batches)
            .fit(Baseline::Offset, Shape::Vector(1), 1)
            .choice;
        assert!(
            (least..=most).contains(&fitted.number),
            "{noise}: {fitted:?}"
        );
    }
}

#[test]
fn a_penalty_keeps_what_the_average_knows() {
    let tuning = Tuning::new(&[units(&[-1.0, 0.0, 1.0])]);
    let fitted = tuning.fit(Baseline::Average, Shape::Vector(1), 5);
    let average = fitted.average.unwrap();
    let known = Known {
        x: &[1.0],
        y: &[4.0],
        input: 1,
        output: 1,
    };
    // One example, 1 above the average 3, and a penalty of as much weight: half.
    let corrected = linear::corrected(Baseline::Offset, average, known, &[1.0, 0.0], 1.0);
    assert!((corrected[0] - 3.5).abs() < 1e-3 && (corrected[1] - 2.5).abs() < 1e-3);
}

#[test]
fn baselines_of_a_policy_take_as_many_steps_as_it_does() {
    for steps in [1, 2, 5] {
        let text = include_str!("../../configs/servo/servo.toml");
        let sets = [
            format!("inner.steps={steps}"),
            format!("inner.evaluation_steps={steps}"),
            "record.validation_steps=[1]".to_owned(),
        ];
        let config = crate::config::Config::parse(text, "servo.toml", &sets).unwrap();
        let all = super::networks(&config);
        assert_eq!(all.len(), 2);
        for (_, baseline) in all {
            assert_eq!(baseline.inner.evaluation_steps, Some(steps));
        }
    }
}
