//! A front end makes of samples what a plain loop over a whole recording makes,
//! bit for bit, whatever comes when.

mod common;

use common::{Aligned, Random, bits, random, values};
use mamlet_formats::{
    ArtifactWriter, Centre, Cut, Layer, Loss, Reduction, Rejection, Score, Shape,
};
use mamlet_runtime::{FrontEnd, FrontEndError, Model, ModelError, SampleError};
use rand::RngExt;

type Described = mamlet_formats::FrontEnd;

fn described(channels: u32, length: u32, cut: Cut, centre: Centre) -> Described {
    Described {
        channels,
        length,
        millihertz: 50_000,
        cut,
        centre,
    }
}

/// An artifact of two classes that is there for its front end.
fn file(front_end: Described, input: Shape, loss: Loss, rejection: Option<Rejection>) -> Aligned {
    let mut writer = ArtifactWriter::new("", input);
    let features = input.features().expect("small");
    let weight = writer.tensor(&vec![0.5; 2 * features], true);
    writer.push(Layer::Dense {
        outputs: 2,
        weight,
        bias: None,
    });
    writer.rates(&[&[0.1]]).loss(loss, Reduction::Mean);
    if let Some(rejection) = rejection {
        writer.rejection(rejection);
    }
    let bytes = writer.front_end(front_end, []).to_bytes();
    Aligned::new(&bytes.expect("a sound artifact"))
}

fn sequence(front_end: Described) -> Aligned {
    let Described {
        length, channels, ..
    } = front_end;
    let shape = Shape::Sequence { length, channels };
    file(front_end, shape, Loss::CrossEntropy, None)
}

/// Calls `with` with a front end in so many numbers, which are NaN before.
fn with<R>(
    front_end: Described,
    numbers: Option<usize>,
    with: impl FnOnce(&mut FrontEnd<'_>) -> R,
) -> R {
    let file = sequence(front_end);
    let model = Model::<2>::new(&file.artifact()).expect("a sound model");
    let numbers = numbers.unwrap_or(FrontEnd::memory(&model).len());
    let mut memory = vec![f32::NAN; numbers];
    with(&mut FrontEnd::new(&model, &mut memory).expect("enough memory"))
}

/// The sample at `p` = `numerator / denominator`, as the specification has it.
fn at(samples: &[Vec<f32>], p: f32) -> Vec<f32> {
    let last = samples.len() - 1;
    let b = (p.floor() as usize).min(last);
    let s = (p - b as f32).min(1.0);
    let next = &samples[(b + 1).min(last)];
    let pairs = samples[b].iter().zip(next);
    pairs.map(|(x, y)| x * (1.0 - s) + y * s).collect()
}

/// Whole recordings, as the specification has them.
fn resampled(samples: &[Vec<f32>], length: usize) -> Vec<Vec<f32>> {
    let place = |i: usize| i as f32 * (samples.len() - 1) as f32 / (length - 1).max(1) as f32;
    (0..length).map(|i| at(samples, place(i))).collect()
}

/// The centre, as the specification has it.
fn centred(mut example: Vec<Vec<f32>>, centre: Centre, rest: &[f32]) -> Vec<f32> {
    for (channel, rest) in rest.iter().enumerate() {
        let sum = example.iter().fold(0.0, |sum, row| sum + row[channel]);
        let offset = match centre {
            Centre::Mean => sum / example.len() as f32,
            Centre::Rest => *rest,
            _ => continue,
        };
        example.iter_mut().for_each(|row| row[channel] -= offset);
    }
    example.concat()
}

fn samples(random: &mut Random, rows: usize, channels: u32) -> Vec<Vec<f32>> {
    (0..rows)
        .map(|_| values(random, channels as usize))
        .collect()
}

fn centre(random: &mut Random) -> Centre {
    [Centre::None, Centre::Mean, Centre::Rest][random.random_range(0..3)]
}

#[test]
fn whole_recordings_are_resampled_and_centred() {
    let mut random = random(1);
    for case in 0..300 {
        let (channels, length) = (random.random_range(1..5), random.random_range(1..20));
        let longest = random.random_range(1..60);
        let centre = centre(&mut random);
        let front_end = described(channels, length, Cut::Whole { longest }, centre);
        with(front_end, None, |front_end| {
            let rest = values(&mut random, channels as usize);
            assert_eq!(front_end.set_rest(&rest), Ok(()));
            // The memory is used again and again.
            for _ in 0..3 {
                let rows = random.random_range(1..=longest as usize);
                let recording = samples(&mut random, rows, channels);
                front_end.begin();
                for sample in &recording {
                    assert_eq!(front_end.push(sample), Ok(None));
                }
                let expected = centred(resampled(&recording, length as usize), centre, &rest);
                let example = front_end.end().expect("a recording").expect("an example");
                assert_eq!(bits(example), bits(&expected), "case {case}");
                assert_eq!(front_end.thinned(), 1);
            }
        });
    }
}

#[test]
fn recordings_that_are_too_long_keep_every_second_sample() {
    let mut random = random(2);
    for case in 0..300 {
        let (channels, length) = (random.random_range(1..4), random.random_range(2..8));
        let capacity = random.random_range(length as usize..20);
        let front_end = described(channels, length, Cut::Whole { longest: 1 }, Centre::None);
        // Room for so many samples, an example, and three more.
        let numbers = (capacity + length as usize + 3) * channels as usize;
        with(front_end, Some(numbers), |front_end| {
            let rows = random.random_range(1..20 * capacity);
            let recording = samples(&mut random, rows, channels);
            front_end.begin();
            for sample in &recording {
                assert_eq!(front_end.push(sample), Ok(None));
            }
            let mut every = 1;
            while rows.div_ceil(every) > capacity {
                every *= 2;
            }
            let kept: Vec<_> = recording.iter().step_by(every).cloned().collect();
            let expected = resampled(&kept, length as usize).concat();
            let example = front_end.end().expect("a recording").expect("an example");
            assert_eq!(bits(example), bits(&expected), "case {case}");
            assert_eq!(front_end.thinned(), every);
        });
    }
}

#[test]
fn memory_keeps_the_longest_recording_of_training() {
    for longest in [1, 7, 8, 30] {
        let front_end = described(2, 8, Cut::Whole { longest }, Centre::None);
        with(front_end, None, |front_end| {
            for (rows, thinned) in [(longest.max(8), 1), (longest.max(8) + 1, 2)] {
                front_end.begin();
                for row in 0..rows {
                    assert_eq!(front_end.push(&[row as f32, 0.0]), Ok(None));
                }
                let example = front_end.end().expect("a recording").expect("an example");
                assert_eq!(example.len(), 16);
                assert_eq!(front_end.thinned(), thinned, "{rows} rows of {longest}");
            }
        });
    }
}

#[test]
fn windows_come_every_stride_samples() {
    let mut random = random(3);
    for case in 0..300 {
        let (channels, length) = (random.random_range(1..4), random.random_range(1..12));
        let stride = random.random_range(1..20);
        let centre = centre(&mut random);
        let front_end = described(channels, length, Cut::Windows { stride }, centre);
        with(front_end, None, |front_end| {
            let rest = values(&mut random, channels as usize);
            assert_eq!(front_end.set_rest(&rest), Ok(()));
            for _ in 0..3 {
                let rows = random.random_range(1..80);
                let series = samples(&mut random, rows, channels);
                let mut found = Vec::new();
                front_end.begin();
                for (row, sample) in series.iter().enumerate() {
                    if let Some(example) = front_end.push(sample).expect("a sample") {
                        found.push((row + 1 - length as usize, bits(example)));
                    }
                }
                assert_eq!(front_end.end(), Ok(None));
                let starts =
                    (0..(rows + 1).saturating_sub(length as usize)).step_by(stride as usize);
                let expected = starts.map(|start| {
                    let window = series[start..start + length as usize].to_vec();
                    (start, bits(&centred(window, centre, &rest)))
                });
                assert_eq!(found, expected.collect::<Vec<_>>(), "case {case}");
            }
        });
    }
}

#[test]
fn windows_of_a_faster_sensor_are_made_of_samples_between_its_samples() {
    let mut random = random(4);
    for case in 0..200 {
        let (channels, length) = (random.random_range(1..4), random.random_range(1..12));
        let stride = random.random_range(1..20);
        let front_end = described(channels, length, Cut::Windows { stride }, Centre::None);
        let sensor = random.random_range(50_000..400_000);
        let rows = random.random_range(1..300);
        let series = samples(&mut random, rows, channels);
        // Row k at k · sensor / 50 000, whole part and fraction both exact.
        let converted: Vec<Vec<f32>> = (0u64..)
            .map(|k| k * u64::from(sensor))
            .take_while(|place| place.div_ceil(50_000) < rows as u64)
            .map(|place| {
                let (b, s) = (place / 50_000, (place % 50_000) as f32 / 50_000.0);
                let next = &series[(b as usize + 1).min(rows - 1)];
                let pairs = series[b as usize].iter().zip(next);
                pairs.map(|(x, y)| x * (1.0 - s) + y * s).collect()
            })
            .collect();
        with(front_end, None, |front_end| {
            assert_eq!(front_end.sensor_rate(sensor), Ok(()));
            front_end.begin();
            let mut found = Vec::new();
            for sample in &series {
                if let Some(example) = front_end.push(sample).expect("a sample") {
                    found.push(bits(example));
                }
            }
            let windows = converted.windows(length as usize).step_by(stride as usize);
            let expected: Vec<_> = windows.map(|window| bits(&window.concat())).collect();
            assert_eq!(found, expected, "case {case}");
        });
    }
}

#[test]
fn the_value_at_rest_is_the_median() {
    let cut = Cut::Whole { longest: 9 };
    with(described(2, 3, cut, Centre::Rest), None, |front_end| {
        assert_eq!(front_end.resting(), None);
        front_end.begin();
        for sample in [[1.0, -5.0], [9.0, -1.0], [2.0, -2.0]] {
            assert_eq!(front_end.push(&sample), Ok(None));
        }
        assert_eq!(front_end.end(), Err(SampleError::NoRest));
        front_end.begin();
        for sample in [[1.0, -5.0], [9.0, -1.0], [2.0, -2.0], [3.0, -7.0]] {
            assert_eq!(front_end.push(&sample), Ok(None));
        }
        assert_eq!(front_end.rest(), Ok(()));
        assert_eq!(front_end.resting(), Some(&[2.5, -3.5][..]));
        front_end.begin();
        assert_eq!(front_end.push(&[2.5, 0.0]), Ok(None));
        let expected = [0.0, 3.5].repeat(3);
        assert_eq!(front_end.end(), Ok(Some(&expected[..])));
    });
    let cut = Cut::Windows { stride: 1 };
    with(described(1, 2, cut, Centre::Rest), None, |front_end| {
        front_end.begin();
        assert_eq!(front_end.push(&[4.0]), Ok(None));
        assert_eq!(front_end.push(&[6.0]), Err(SampleError::NoRest));
        assert_eq!(front_end.rest(), Ok(()));
        front_end.begin();
        assert_eq!(front_end.push(&[5.0]), Ok(None));
        assert_eq!(front_end.push(&[7.0]), Ok(Some(&[0.0, 2.0][..])));
    });
}

#[test]
fn what_is_refused_is_named_and_changes_nothing() {
    let cut = Cut::Whole { longest: 4 };
    with(described(1, 2, cut, Centre::None), None, |front_end| {
        // Nothing has begun: samples are not looked at.
        assert_eq!(front_end.push(&[1.0]), Ok(None));
        assert_eq!(front_end.end(), Err(SampleError::NotBegun));
        assert_eq!(front_end.rest(), Err(SampleError::NotBegun));
        front_end.begin();
        let (needed, given) = (1, 2);
        let channels = SampleError::Channels { needed, given };
        assert_eq!(front_end.push(&[1.0, 2.0]), Err(channels));
        assert_eq!(front_end.set_rest(&[1.0, 2.0]), Err(channels));
        assert_eq!(front_end.push(&[f32::NAN]), Err(SampleError::NotFinite));
        assert_eq!(
            front_end.set_rest(&[f32::INFINITY]),
            Err(SampleError::NotFinite)
        );
        assert_eq!(front_end.end(), Err(SampleError::Empty));
        front_end.begin();
        assert_eq!(front_end.push(&[3.0]), Ok(None));
        assert_eq!(front_end.end(), Ok(Some(&[3.0, 3.0][..])));
    });
    let cut = Cut::Windows { stride: 4 };
    with(described(1, 2, cut, Centre::None), None, |front_end| {
        let (needed, given) = (50_000, 49_999);
        let slow = FrontEndError::TooSlow { needed, given };
        assert_eq!(front_end.sensor_rate(given), Err(slow));
    });
    for cut in [Cut::Whole { longest: 40 }, Cut::Windows { stride: 4 }] {
        let file = sequence(described(3, 5, cut, Centre::None));
        let model = Model::<2>::new(&file.artifact()).expect("a sound model");
        let mut memory = [0.0; 39];
        let needed = 3 * (5 + 5 + 3);
        assert!(FrontEnd::new(&model, &mut memory).is_ok());
        for given in 0..needed {
            let error = FrontEnd::new(&model, &mut memory[..given]).map(|_| ());
            assert_eq!(error, Err(FrontEndError::MemoryTooSmall { needed, given }));
        }
    }
}

#[test]
fn models_that_a_front_end_or_a_threshold_does_not_fit_are_refused() {
    let front_end = described(2, 3, Cut::Windows { stride: 1 }, Centre::None);
    let rejection = Some(Rejection {
        score: Score::Energy,
        threshold: 0.0,
    });
    let refusal = |shape, loss, rejection| {
        let file = file(front_end, shape, loss, rejection);
        Model::<2>::new(&file.artifact()).map(|model| (model.front_end(), model.rejection()))
    };
    let of = |length, channels| Shape::Sequence { length, channels };
    let classes = Loss::CrossEntropy;
    let sound = Ok((Some(front_end), rejection));
    assert_eq!(refusal(of(3, 2), classes, rejection), sound);
    let features = 6;
    assert_eq!(
        refusal(Shape::Vector { features }, classes, rejection),
        sound
    );
    let (channels, length) = (2, 3);
    let unfit = Err(ModelError::FrontEnd { channels, length });
    assert_eq!(refusal(of(2, 3), classes, None), unfit);
    assert_eq!(refusal(of(4, 2), classes, None), unfit);
    let features = 7;
    assert_eq!(refusal(Shape::Vector { features }, classes, None), unfit);
    let values = Loss::MeanSquaredError;
    assert_eq!(
        refusal(of(3, 2), values, rejection),
        Err(ModelError::Rejection)
    );
    // Sizes that overflow.
    let huge = Described {
        channels: u32::MAX,
        length: u32::MAX,
        ..front_end
    };
    let file = file(huge, of(3, 2), classes, None);
    assert!(Model::<2>::new(&file.artifact()).is_err());
}
