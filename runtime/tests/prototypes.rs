//! A head that starts at the prototypes of the support examples.

mod common;

use common::{Aligned, AnyModel, bits, random, values};
use mamlet_formats::{ArtifactWriter, HeadStart, Layer, Loss, Reduction, Rejection, Score, Shape};
use mamlet_runtime::model::ModelError;
use mamlet_runtime::{AdaptError, Adaptation, Cause, Learner, Outcome, Rollback, Setup};

const INPUTS: usize = 3;
const HIDDEN: usize = 5;
const CLASSES: usize = 3;
const TEMPERATURE: f32 = 0.7;

/// A hidden layer, which adapts or does not, and a head at prototypes, to which `change`
/// is made.
fn writer(body_adapts: bool, rate: f32, change: impl FnOnce(&mut ArtifactWriter)) -> Aligned {
    let mut random = random(5);
    let mut writer = ArtifactWriter::new("near", Shape::Vector { features: 3 });
    let weight = writer.tensor(&values(&mut random, INPUTS * HIDDEN), body_adapts);
    let bias = writer.tensor(&values(&mut random, HIDDEN), body_adapts);
    writer.push(Layer::Dense {
        outputs: HIDDEN as u32,
        weight,
        bias: Some(bias),
    });
    writer.push(Layer::Relu);
    let weight = writer.tensor(&[0.0; HIDDEN * CLASSES], true);
    let bias = writer.tensor(&[0.0; CLASSES], true);
    writer.push(Layer::Dense {
        outputs: CLASSES as u32,
        weight,
        bias: Some(bias),
    });
    let rates = vec![rate; if body_adapts { 4 } else { 2 }];
    let temperature = TEMPERATURE;
    writer
        .rates(&[&rates])
        .steps(2, 4)
        .loss(Loss::CrossEntropy, Reduction::Mean)
        .head(HeadStart::Prototypes { temperature });
    change(&mut writer);
    Aligned::new(&writer.to_bytes().expect("a sound artifact"))
}

/// So many examples, of each class in turn.
fn examples(count: usize, classes: usize) -> Vec<(Vec<f32>, usize)> {
    let mut random = random(7);
    let example = |index| (values(&mut random, INPUTS), index % classes);
    (0..count).map(example).collect()
}

fn with<R>(file: &Aligned, setup: Setup, call: impl FnOnce(&mut Learner<'_>) -> R) -> R {
    let artifact = file.artifact();
    let model = AnyModel::new(&artifact).expect("a model");
    let mut memory = vec![f32::NAN; model.memory_for(setup).total().len()];
    let mut learner = Learner::with(&model, setup, &mut memory).expect("enough memory");
    call(&mut learner)
}

fn teach(learner: &mut Learner<'_>, examples: &[(Vec<f32>, usize)]) {
    for (input, class) in examples {
        assert_eq!(learner.add_class(input, *class), Ok(()));
    }
}

fn steps(steps: usize) -> Adaptation {
    Adaptation {
        steps: Some(steps),
        rate: None,
    }
}

/// The output of the hidden layer, whose values are the first of the artifact.
fn hidden(file: &Aligned, input: &[f32]) -> Vec<f64> {
    let artifact = file.artifact();
    let words: &[f32] = bytemuck::cast_slice(artifact.tensors());
    let value = |unit: usize| {
        let products = (0..INPUTS).map(|i| input[i] as f64 * words[i * HIDDEN + unit] as f64);
        (products.sum::<f64>() + words[INPUTS * HIDDEN + unit] as f64).max(0.0)
    };
    (0..HIDDEN).map(value).collect()
}

/// `τ (‖z‖² − ‖z − μ_c‖²)`, the logits of a prototypical network up to what all share.
#[test]
fn without_a_step_it_is_a_prototypical_network() {
    for body_adapts in [false, true] {
        let file = writer(body_adapts, 0.1, |_| ());
        let examples = examples(9, CLASSES);
        let setup = Setup::new(9);
        let query = [0.4, -0.3, 0.8];
        let logits = with(&file, setup, |learner| {
            teach(learner, &examples);
            let report = learner.adapt_with(steps(0)).expect("an adaptation");
            assert_eq!((report.outcome, report.losses.len()), (Outcome::Adapted, 1));
            assert!(learner.is_adapted());
            learner.predict(&query).expect("a prediction").to_vec()
        });
        let z = hidden(&file, &query);
        assert_eq!(logits.len(), CLASSES);
        for (class, &given) in logits.iter().enumerate() {
            let own = examples.iter().filter(|(_, of)| *of == class);
            let own: Vec<_> = own.map(|(input, _)| hidden(&file, input)).collect();
            let distance = |unit: usize| {
                let sum: f64 = own.iter().map(|z| z[unit]).sum();
                (z[unit] - sum / own.len() as f64).powi(2)
            };
            let square: f64 = z.iter().map(|z| z * z).sum();
            let distance: f64 = (0..HIDDEN).map(distance).sum();
            let expected = TEMPERATURE as f64 * (square - distance);
            let given = given as f64;
            assert!(
                (given - expected).abs() < 1e-5,
                "{class}: {given} {expected}"
            );
        }
    }
}

/// In exactly the memory that was planned, which held NaNs.
#[test]
fn examples_at_once_and_one_by_one_give_the_same_bits() {
    for body_adapts in [false, true] {
        for clip in [None, Some(0.2)] {
            let file = writer(body_adapts, 0.1, |writer| {
                writer.optimiser(clip, clip.map(|_| 0.5));
            });
            let run = |setup: Setup| {
                with(&file, setup, |learner| {
                    teach(learner, &examples(7, CLASSES));
                    let (loss, gradient) = learner.gradient().expect("a gradient");
                    let gradient = bits(gradient);
                    let mut all = vec![(loss.to_bits(), gradient)];
                    for count in [0, 1, 3, 2] {
                        let report = learner.adapt_with(steps(count)).expect("an adaptation");
                        assert_eq!(report.outcome, Outcome::Adapted);
                        assert_eq!(report.loss_before().to_bits(), loss.to_bits());
                        let weights = bits(learner.weights().expect("weights"));
                        all.push((report.loss_after().to_bits(), weights));
                    }
                    all
                })
            };
            let whole = run(Setup::new(7));
            assert_eq!(whole, run(Setup::new(7).one_by_one()));
            assert_eq!(whole, run(Setup::new(9).rollback(Rollback::ToCommitted)));
        }
    }
}

/// The first gradient is what moves the support loss away from the prototypes.
#[test]
fn steps_go_on_from_the_prototypes() {
    let file = writer(true, 0.05, |_| ());
    with(&file, Setup::new(9), |learner| {
        teach(learner, &examples(9, CLASSES));
        let _ = learner.adapt_with(steps(0)).expect("an adaptation");
        let before = learner.weights().expect("weights").to_vec();
        let gradient = learner.gradient().expect("a gradient").1.to_vec();
        let _ = learner.adapt_with(steps(1)).expect("an adaptation");
        let after = learner.weights().expect("weights");
        for ((before, gradient), after) in before.iter().zip(&gradient).zip(after) {
            let expected = before - 0.05 * gradient;
            assert!((after - expected).abs() < 1e-6, "{after} {expected}");
        }
        let square: f32 = gradient.iter().map(|value| value * value).sum();
        assert!(square > 1e-4);
    });
}

#[test]
fn steps_that_make_it_worse_leave_the_prototypes() {
    let file = writer(true, 1e3, |_| ());
    for setup in [Setup::new(9), Setup::new(9).one_by_one()] {
        with(&file, setup, |learner| {
            teach(learner, &examples(9, CLASSES));
            let _ = learner.adapt_with(steps(0)).expect("an adaptation");
            let prototypes = bits(learner.weights().expect("weights"));
            learner.discard();
            let report = learner.adapt_with(steps(1)).expect("an adaptation");
            let cause = Cause::Worse { step: 1 };
            assert_eq!(report.outcome, Outcome::Shortened { steps: 0, cause });
            assert!(report.is_kept() && report.loss_after() == report.loss_before());
            assert_eq!(bits(learner.weights().expect("weights")), prototypes);
        });
    }
}

#[test]
fn a_class_without_examples_is_never_predicted() {
    let file = writer(true, 0.1, |_| ());
    with(&file, Setup::new(6), |learner| {
        teach(learner, &examples(6, 2));
        for count in [0, 2] {
            let report = learner.adapt_with(steps(count)).expect("an adaptation");
            assert!(report.losses.iter().all(|loss| loss.is_finite()));
            for query in [[0.0; 3], [0.9, -0.9, 0.4], [50.0, -80.0, 90.0]] {
                let logits = learner.predict(&query).expect("a prediction");
                assert!(logits[2] < -1e29, "{logits:?}");
            }
        }
    });
}

#[test]
fn before_it_adapts_no_class_is_likelier_than_another() {
    with(&writer(false, 0.1, |_| ()), Setup::new(3), |learner| {
        assert_eq!(learner.predict(&[0.5; 3]), Ok(&[0.0; CLASSES][..]));
        assert_eq!(learner.adapt(), Err(AdaptError::NoExamples));
        teach(learner, &examples(3, CLASSES));
        assert_eq!(learner.predict(&[0.5; 3]), Ok(&[0.0; CLASSES][..]));
        let restored = {
            let _ = learner.adapt().expect("an adaptation");
            let mut bytes = vec![0; learner.checkpoint_size()];
            learner.save(&mut bytes).expect("room");
            bytes
        };
        let weights = bits(learner.weights().expect("weights"));
        learner.reset();
        assert!(!learner.is_adapted());
        assert_eq!(learner.restore(&restored), Ok(()));
        assert_eq!(bits(learner.weights().expect("weights")), weights);
    });
}

#[test]
fn a_head_that_cannot_start_there_is_refused() {
    let refused = |change: fn(&mut ArtifactWriter)| {
        let file = writer(true, 0.1, change);
        let artifact = file.artifact();
        AnyModel::new(&artifact).map(|_| ()).unwrap_err()
    };
    let behind = refused(|writer| {
        writer.push(Layer::Relu);
    });
    assert_eq!(behind, ModelError::Head);
    let loss = refused(|writer| {
        writer.loss(Loss::MeanSquaredError, Reduction::Mean);
    });
    assert_eq!(loss, ModelError::Head);
    let untaught = refused(|writer| {
        writer.rejection(Rejection {
            score: Score::NoClass,
            threshold: 0.0,
        });
    });
    assert_eq!(untaught, ModelError::Head);
    let other = writer(true, 0.1, |writer| {
        writer.head(HeadStart::Stored).steps(0, 4);
    });
    let error = AnyModel::new(&other.artifact()).map(|_| ());
    assert_eq!(error, Err(ModelError::Recipe), "no step at all");
}

/// What adapting costs more than from a stored head: what is below the head once, where
/// it adapts.
#[test]
fn the_cost_of_prototypes_is_a_pass_below_the_head() {
    let cost = |body_adapts, head| {
        let file = writer(body_adapts, 0.1, |writer| {
            writer.head(head);
        });
        AnyModel::new(&file.artifact()).expect("a model").cost()
    };
    let temperature = TEMPERATURE;
    let at_prototypes = HeadStart::Prototypes { temperature };
    for (body_adapts, more) in [(false, 0), (true, 9 * INPUTS * HIDDEN)] {
        let [stored, prototypes] =
            [HeadStart::Stored, at_prototypes].map(|head| cost(body_adapts, head).adaptation(9, 2));
        assert_eq!(prototypes - stored, more as u64);
    }
}
