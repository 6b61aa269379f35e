use super::*;

fn draw(waveforms: &Waveforms, tasks: usize, shots: usize, queries: usize) -> TaskBatch {
    waveforms.draw(
        Split::Test,
        &mut generator(3, Stream::Test, 0),
        tasks,
        shots,
        queries,
    )
}

fn labels(y: &[f32], ways: usize) -> Vec<usize> {
    y.chunks_exact(ways)
        .map(|row| {
            assert_eq!(row.iter().sum::<f32>(), 1.0);
            row.iter().position(|&value| value == 1.0).unwrap()
        })
        .collect()
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

#[test]
fn an_undisturbed_example_is_the_curve() {
    let plain = Waveforms {
        length: 20,
        channels: 2,
        components: 1,
        amplitude: [1.5, 1.5],
        cycles: [2.0, 2.0],
        shift: 0.0,
        gain: [2.0, 2.0],
        noise: 0.0,
        ..Waveforms::default()
    };
    assert_eq!(plain.input(), 40);
    let batch = draw(&plain, 1, 1, 1);
    assert_eq!(batch.support_x, batch.query_x);
    for example in batch.support_x.values().chunks_exact(plain.input()) {
        for channel in 0..2 {
            let x = |t: usize| example[t * 2 + channel];
            // Two periods of ten samples and height 3 about zero.
            for t in 0..10 {
                assert!((x(t) - x(t + 10)).abs() < 1e-4);
            }
            let squares: f32 = (0..10).map(|t| x(t) * x(t)).sum();
            assert!((squares / 10.0 - 4.5).abs() < 1e-3, "{squares}");
        }
    }
    let support_x = batch.support_x.values();
    let first: Vec<f32> = support_x[..40].iter().step_by(2).copied().collect();
    let second: Vec<f32> = support_x[..40].iter().skip(1).step_by(2).copied().collect();
    assert!(distance(&first, &second) > 0.1, "channels differ");
}

#[test]
fn classes_take_turns_under_labels_dealt_at_random() {
    let waveforms = Waveforms::default();
    let batch = draw(&waveforms, 40, 3, 2);
    assert_eq!(batch.support_examples(), 15);
    assert_eq!(batch.query_examples(), 10);
    let mut first = [0; 5];
    for (support, query) in (batch.support_y.chunks_exact(75)).zip(batch.query_y.chunks_exact(50)) {
        let labels: Vec<_> = [labels(support, 5), labels(query, 5)].concat();
        let mut sorted = labels[..5].to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4]);
        assert!(labels.chunks_exact(5).all(|turn| turn == &labels[..5]));
        first[labels[0]] += 1;
    }
    assert!(first.iter().all(|&count| count > 0), "{first:?}");
}

#[test]
fn sets_do_not_depend_on_each_other() {
    let waveforms = Waveforms::default();
    let large = draw(&waveforms, 3, 4, 2);
    assert_eq!(
        large.first_support_examples(2 * waveforms.ways),
        draw(&waveforms, 3, 2, 2)
    );
    assert_eq!(large.tasks(0..2), draw(&waveforms, 2, 4, 2));
    let more = draw(&waveforms, 3, 4, 5);
    assert_eq!(large.support_x, more.support_x);
    assert_eq!(large.query_x.values()[..10], more.query_x.values()[..10]);
    assert_ne!(large.support_x.values()[..64], large.query_x.values()[..64]);
}

/// The nearest of five single examples is mostly of the same class, but the
/// disturbances are felt.
#[test]
fn classes_can_be_told_apart_but_not_always() {
    let waveforms = Waveforms::default();
    let width = waveforms.input();
    let batch = draw(&waveforms, 100, 1, 4);
    let (mut right, mut all) = (0, 0);
    for task in 0..batch.tasks {
        let task = batch.tasks(task..task + 1);
        let support_x = task.support_x.values();
        let known: Vec<_> = support_x.chunks_exact(width).collect();
        let names = labels(&task.support_y, 5);
        for (x, label) in task
            .query_x
            .values()
            .chunks_exact(width)
            .zip(labels(&task.query_y, 5))
        {
            let nearest = (0..known.len())
                .min_by(|&a, &b| distance(known[a], x).total_cmp(&distance(known[b], x)))
                .unwrap();
            right += usize::from(names[nearest] == label);
            all += 1;
        }
    }
    let share = right as f64 / all as f64;
    assert!((0.5..0.85).contains(&share), "{share}");
}
