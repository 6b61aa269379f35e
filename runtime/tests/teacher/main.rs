//! A teacher learns what it is shown, says what it lacks, and forgets what is
//! taken back.

#[path = "../common/mod.rs"]
mod common;
mod unknown;

use common::{Aligned, bits, hostile, random};
use mamlet_formats::{
    ArtifactWriter, Centre, Cut, Layer, Loss, Reduction, Rejection, Score, Shape,
};
use mamlet_runtime::teacher::{Advice, Response, Teacher, TeacherError, TeachingError};
use mamlet_runtime::{
    AdaptError, ExampleError, FrontEndError, Model, Rollback, SampleError, Setup,
};
use rand::RngExt;

type Result<T> = std::result::Result<T, TeachingError>;

/// Three classes of whole recordings of one channel; windows, where there is a
/// stride.
fn strokes(stride: Option<u32>, rejection: Option<Rejection>) -> Aligned {
    let (length, channels) = (6, 1);
    let mut writer = ArtifactWriter::new("strokes", Shape::Sequence { length, channels });
    let weight = writer.tensor(&[0.0; 18], true);
    let bias = writer.tensor(&[0.0; 3], true);
    writer.push(Layer::Dense {
        outputs: 3,
        weight,
        bias: Some(bias),
    });
    let front_end = mamlet_formats::FrontEnd {
        channels,
        length,
        millihertz: 50_000,
        cut: match stride {
            Some(stride) => Cut::Windows { stride },
            None => Cut::Whole { longest: 20 },
        },
        centre: Centre::None,
    };
    writer
        .rates(&[&[0.5, 0.5]])
        .steps(5, 10)
        .loss(Loss::CrossEntropy, Reduction::Mean)
        .front_end(front_end, ["ax"]);
    if let Some(rejection) = rejection {
        writer.rejection(rejection);
    }
    Aligned::new(&writer.to_bytes().expect("a sound artifact"))
}

/// A model, and memory for a teacher of so many examples.
fn with<R>(file: &Aligned, examples: usize, with: impl FnOnce(&mut Teacher<'_>) -> R) -> R {
    let model = Model::<2>::new(&file.artifact()).expect("a sound model");
    let setup = Setup::new(examples).rollback(Rollback::ToCommitted);
    let mut memory = vec![f32::NAN; Teacher::memory(&model, setup).len()];
    with(&mut Teacher::new(&model, examples, &mut memory).expect("enough memory"))
}

/// One of three strokes, as large and as slow as somebody happens to make it: up,
/// down, or up and then down.
fn stroke(kind: usize, size: f32, rows: usize) -> Vec<f32> {
    let shape = |u: f32| match kind {
        0 => 4.0 * u * (1.0 - u),
        1 => -4.0 * u * (1.0 - u),
        _ => (std::f32::consts::TAU * u).sin(),
    };
    let places = (0..rows).map(|row| row as f32 / (rows - 1) as f32);
    places.map(|u| size * shape(u)).collect()
}

fn record(teacher: &mut Teacher<'_>, stroke: &[f32]) -> Result<Option<Response>> {
    for sample in stroke {
        assert_eq!(teacher.push(&[*sample])?, None);
    }
    teacher.end()
}

fn teach(teacher: &mut Teacher<'_>, class: usize, stroke: &[f32]) {
    teacher.begin(class).expect("room");
    let heard = record(teacher, stroke).expect("a recording");
    let examples = teacher.examples_of(class);
    assert_eq!(heard, Some(Response::Example { class, examples }));
}

/// Every class as often, in turn.
fn teach_all(teacher: &mut Teacher<'_>, classes: usize, times: usize) {
    for time in 0..times {
        for class in 0..classes {
            let stroke = stroke(class, 2.0 + 0.3 * time as f32, 8 + 2 * time);
            teach(teacher, class, &stroke);
        }
    }
}

fn recognise(teacher: &mut Teacher<'_>, stroke: &[f32]) -> (usize, bool) {
    teacher.listen();
    match record(teacher, stroke).expect("a recording") {
        Some(Response::Prediction(prediction)) => (prediction.class, prediction.known),
        heard => panic!("{heard:?}"),
    }
}

fn weights(teacher: &Teacher<'_>) -> Option<Vec<u32>> {
    teacher.learner().weights().map(bits)
}

#[test]
fn what_was_taught_is_recognised() {
    with(&strokes(None, None), 6, |teacher| {
        teach_all(teacher, 3, 2);
        assert_eq!((teacher.examples(), teacher.examples_of(1)), (6, 2));
        let report = teacher.adapt().expect("examples");
        assert!(report.loss_after() < report.loss_before());
        for class in 0..3 {
            for rows in 5..20 {
                let stroke = stroke(class, 1.7, rows);
                assert_eq!(recognise(teacher, &stroke), (class, true));
            }
        }
        let capacity = 6;
        let full = TeachingError::Example(ExampleError::Full { capacity });
        assert_eq!(teacher.begin(0), Err(full));
        let (classes, given) = (3, 3);
        let unknown = TeachingError::Example(ExampleError::UnknownClass { classes, given });
        assert_eq!(teacher.begin(3), Err(unknown));
        let nothing = TeachingError::Sample(SampleError::NotBegun);
        assert_eq!(teacher.end(), Err(nothing));
    });
}

#[test]
fn windows_are_examples_and_predictions_as_they_come() {
    with(&strokes(Some(3), None), 8, |teacher| {
        for class in 0..2 {
            teacher.begin(class).expect("room");
            let mut examples = 0;
            for (row, sample) in stroke(class, 3.0, 13).iter().enumerate() {
                let heard = teacher.push(&[*sample]).expect("a sample");
                if row >= 5 && (row - 5) % 3 == 0 {
                    examples += 1;
                    assert_eq!(heard, Some(Response::Example { class, examples }));
                } else {
                    assert_eq!(heard, None);
                }
            }
            assert_eq!(teacher.end(), Ok(None));
        }
        let _report = teacher.adapt().expect("examples");
        teacher.listen();
        let heard = stroke(1, 3.0, 13)
            .into_iter()
            .filter_map(|sample| teacher.push(&[sample]).expect("a sample"));
        let heard: Vec<_> = heard.collect();
        assert_eq!(heard.len(), 3);
        for heard in heard {
            assert!(matches!(heard, Response::Prediction(prediction) if prediction.class == 1));
        }
    });
}

#[test]
fn discarding_brings_back_what_was_known_and_forgets_the_examples_since() {
    with(&strokes(None, None), 9, |teacher| {
        assert_eq!(weights(teacher), None);
        teach_all(teacher, 2, 2);
        let _report = teacher.adapt().expect("examples");
        teacher.discard();
        assert_eq!((weights(teacher), teacher.examples()), (None, 0));

        teach_all(teacher, 2, 2);
        let _report = teacher.adapt().expect("examples");
        let known = weights(teacher);
        teacher.commit();
        teach(teacher, 2, &stroke(2, 2.0, 9));
        teach(teacher, 2, &stroke(2, 2.5, 9));
        let _report = teacher.adapt().expect("examples");
        assert_ne!(weights(teacher), known);
        assert!(teacher.is_adapted());
        teacher.discard();
        assert_eq!(weights(teacher), known);
        assert_eq!((teacher.examples(), teacher.examples_of(2)), (4, 0));
        assert!(!teacher.is_adapted());
        // The same examples lead to the same weights.
        let _report = teacher.adapt().expect("examples");
        assert_eq!(weights(teacher), known);
    });
}

#[test]
fn after_a_reset_nothing_was_ever_committed() {
    with(&strokes(None, None), 9, |teacher| {
        teach_all(teacher, 2, 2);
        let _report = teacher.adapt().expect("examples");
        teacher.commit();
        teacher.reset();
        assert_eq!((weights(teacher), teacher.examples()), (None, 0));
        teach_all(teacher, 2, 1);
        let _report = teacher.adapt().expect("examples");
        teacher.discard();
        assert_eq!((weights(teacher), teacher.examples()), (None, 0));
    });
}

#[test]
fn what_is_forgotten_was_never_taught() {
    let file = strokes(None, None);
    let mut random = random(1);
    for case in 0..50 {
        let strokes: Vec<_> = (0..8)
            .map(|_| {
                let kind = random.random_range(0..3);
                let size = random.random_range(1.0..3.0);
                (kind, stroke(kind, size, random.random_range(5..20)))
            })
            .collect();
        let forgotten = random.random_range(0..8);
        let class = random.random_range(0..3);
        let left: Vec<_> = (strokes.iter().enumerate())
            .filter(|(at, (of, _))| *at != forgotten && *of != class)
            .map(|(_, stroke)| stroke)
            .collect();
        let adapted = with(&file, 8, |teacher| {
            for (class, stroke) in &strokes {
                teach(teacher, *class, stroke);
            }
            let of_class = strokes[forgotten].0;
            assert_eq!(teacher.forget(forgotten), Some(of_class));
            let count = teacher.examples_of(class);
            assert_eq!(teacher.forget_class(class), count);
            assert_eq!(teacher.examples(), left.len());
            assert_eq!(teacher.forget(left.len()), None);
            (teacher.adapt(), weights(teacher))
        });
        let fresh = with(&file, 8, |teacher| {
            for (class, stroke) in left {
                teach(teacher, *class, stroke);
            }
            (teacher.adapt(), weights(teacher))
        });
        assert_eq!(adapted, fresh, "case {case}");
    }
    with(&file, 3, |teacher| {
        teach_all(teacher, 3, 1);
        assert_eq!(teacher.forget_last(), Some(2));
        assert_eq!(teacher.forget_last(), Some(1));
        assert_eq!(teacher.forget_last(), Some(0));
        assert_eq!(teacher.forget_last(), None);
        assert_eq!(teacher.adapt(), Err(AdaptError::NoExamples));
    });
}

#[test]
fn advice_names_what_is_missing_and_what_contradicts() {
    let file = strokes(None, None);
    with(&file, 12, |teacher| {
        assert_eq!(teacher.advice(), Ok(Advice::MoreClasses));
        teach(teacher, 1, &stroke(1, 2.0, 8));
        assert_eq!(teacher.advice(), Ok(Advice::MoreClasses));
        teach(teacher, 0, &stroke(0, 2.0, 8));
        assert_eq!(teacher.advice(), Ok(Advice::Ready));
        assert!(teacher.is_adapted());
        teach(teacher, 1, &stroke(1, 2.0, 9));
        let (class, examples, most) = (0, 1, 2);
        let more = Advice::MoreOf {
            class,
            examples,
            most,
        };
        assert_eq!(teacher.advice(), Ok(more));
        teach(teacher, 0, &stroke(0, 2.2, 9));
        assert_eq!(teacher.advice(), Ok(Advice::Ready));
    });
    // Four times each class; one of them is another stroke than it is said to be.
    for (class, other) in [(0, 1), (1, 0)] {
        for bad in 0..4 {
            with(&file, 8, |teacher| {
                for time in 0..4 {
                    for taught in 0..2 {
                        let wrong = time == bad && taught == class;
                        let made = if wrong { other } else { taught };
                        let size = 2.5 + 0.1 * time as f32;
                        teach(teacher, taught, &stroke(made, size, 9));
                    }
                }
                let example = 2 * bad + class;
                let taken_for = other;
                let doubtful = Advice::Doubtful {
                    example,
                    class,
                    taken_for,
                };
                assert_eq!(teacher.advice(), Ok(doubtful));
                // Judging leaves examples and weights as an adaptation does.
                let judged = weights(teacher);
                let _report = teacher.adapt().expect("examples");
                assert_eq!(weights(teacher), judged);
                assert_eq!(teacher.forget(example), Some(class));
                teach(teacher, class, &stroke(class, 2.5, 9));
                assert_eq!(teacher.advice(), Ok(Advice::Ready));
            });
        }
    }
    // What is shown of a class is now another one and now the third.
    with(&file, 6, |teacher| {
        for time in 0..2 {
            teach(teacher, 0, &stroke(0, 3.0, 9));
            teach(teacher, 1, &stroke(time, 3.0, 9));
            teach(teacher, 2, &stroke(1, 3.0, 9));
        }
        let advice = teacher.advice().expect("examples");
        let unclear = matches!(advice, Advice::Unclear { class: 1, .. });
        assert!(unclear, "{advice:?}");
    });
    // One example each, and they are the same.
    with(&file, 2, |teacher| {
        teach(teacher, 0, &stroke(0, 2.0, 9));
        teach(teacher, 1, &stroke(0, 2.0, 9));
        let advice = teacher.advice().expect("examples");
        let alike = matches!(advice, Advice::Doubtful { .. } | Advice::CannotAdapt);
        assert!(alike, "{advice:?}");
    });
}

/// Whatever is called in whatever order: examples are counted right, and a discard
/// brings back the weights that were in use at the last commit.
#[test]
fn calls_in_any_order_keep_count_and_what_was_committed() {
    let mut random = random(5);
    for case in 0..60 {
        let stride = [None, Some(2)][case % 2];
        with(&strokes(stride, None), 5, |teacher| {
            let mut committed = None;
            for _ in 0..200 {
                match random.random_range(0..16) {
                    0 | 1 => _ = teacher.begin(random.random_range(0..4)),
                    2 => teacher.listen(),
                    3 => _ = teacher.end(),
                    4 => _ = teacher.rest(),
                    5 => _ = teacher.adapt(),
                    6 => _ = teacher.advice(),
                    7 => _ = teacher.forget(random.random_range(0..7)),
                    8 => _ = teacher.forget_class(random.random_range(0..4)),
                    9 => _ = teacher.forget_last(),
                    10 => {
                        teacher.commit();
                        committed = weights(teacher);
                    }
                    11 => {
                        teacher.discard();
                        assert_eq!(weights(teacher), committed);
                    }
                    12 => _ = teacher.push(&[]),
                    _ => {
                        let size = [1.0, 1e30, f32::NAN][random.random_range(0..24) / 11];
                        for sample in stroke(random.random_range(0..3), size, 7) {
                            _ = teacher.push(&[sample]);
                        }
                    }
                }
                let examples = (0..3).map(|class| teacher.examples_of(class)).sum();
                assert!(teacher.examples() == examples && examples <= 5);
                let finite = |weights: &[f32]| weights.iter().all(|weight| weight.is_finite());
                assert!(teacher.learner().weights().is_none_or(finite));
            }
        });
    }
}

/// Every byte of front end and rejection set to every value, under the right
/// checksum: what is still a model teaches and recognises, or says why not.
#[test]
fn changed_front_ends_never_panic() {
    let (mut taught, mut refused) = (0, 0);
    let mut memory = vec![0.0; 300];
    for (stride, score) in [(None, Score::Energy), (Some(2), Score::NoClass)] {
        let rejection = Rejection {
            score,
            threshold: 1.0,
        };
        let file = strokes(stride, Some(rejection)).bytes().to_vec();
        let section = u32::from_le_bytes(*file[24..].first_chunk().expect("a prefix"));
        for at in file.len() - section as usize..file.len() {
            for value in 0..=u8::MAX {
                let mut bytes = file.clone();
                bytes[at] = value;
                hostile::seal(&mut bytes, hostile::IN_ARTIFACT);
                let changed = Aligned::new(&bytes);
                let Ok(artifact) = mamlet_runtime::Artifact::parse(changed.bytes()) else {
                    refused += 1;
                    continue;
                };
                let Ok(model) = Model::<2>::new(&artifact) else {
                    refused += 1;
                    continue;
                };
                let mut teacher = Teacher::new(&model, 3, &mut memory).expect("enough memory");
                for class in 0..3 {
                    _ = teacher.begin(class);
                    stroke(class, 2.0, 30)
                        .iter()
                        .for_each(|x| _ = teacher.push(&[*x]));
                    _ = teacher.end();
                }
                _ = teacher.advice();
                teacher.listen();
                stroke(0, 2.0, 30)
                    .iter()
                    .for_each(|x| _ = teacher.push(&[*x]));
                _ = teacher.end();
                taught += 1;
            }
        }
    }
    assert!(
        taught > 1000 && refused > 1000,
        "{taught} taught, {refused} refused"
    );
}

#[test]
fn a_teacher_that_cannot_be_is_refused_with_the_reason() {
    let file = strokes(None, None);
    let model = Model::<2>::new(&file.artifact()).expect("a sound model");
    let setup = Setup::new(3).rollback(Rollback::ToCommitted);
    let enough = Teacher::memory(&model, setup).len();
    let mut memory = vec![0.0; enough];
    assert!(Teacher::new(&model, 3, &mut memory).is_ok());
    // Without room for the longest recording, long ones are thinned.
    let least = enough - (20 - 6);
    assert!(Teacher::new(&model, 3, &mut memory[..least]).is_ok());
    for given in 0..least {
        let error = Teacher::new(&model, 3, &mut memory[..given]).map(|_| ());
        let too_small = matches!(error, Err(TeacherError::MemoryTooSmall { needed, given: g })
            if g == given && (needed == least || needed < least && given < needed));
        assert!(too_small, "{given}: {error:?}");
    }
    let lent = Teacher::with(&model, setup.lent(), &mut memory).map(|_| ());
    assert_eq!(lent, Err(TeacherError::Lent));
    let line = Aligned::new(include_bytes!("../data/line.mamlet"));
    let model = Model::<2>::new(&line.artifact()).expect("a sound model");
    let error = Teacher::new(&model, 3, &mut memory).map(|_| ());
    assert_eq!(error, Err(TeacherError::NoClasses));
    let mut writer = ArtifactWriter::new("", Shape::Vector { features: 1 });
    let weight = writer.tensor(&[0.0; 2], true);
    writer.push(Layer::Dense {
        outputs: 2,
        weight,
        bias: None,
    });
    let bytes = writer
        .rates(&[&[0.1]])
        .loss(Loss::CrossEntropy, Reduction::Mean)
        .to_bytes();
    let file = Aligned::new(&bytes.expect("a sound artifact"));
    let model = Model::<2>::new(&file.artifact()).expect("a sound model");
    let error = Teacher::new(&model, 3, &mut memory).map(|_| ());
    assert_eq!(error, Err(TeacherError::FrontEnd(FrontEndError::None)));
}
