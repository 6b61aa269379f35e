//! Golden vectors agree where everything is compared and everything is the same.

mod common;

use common::{Aligned, AnyModel, Net, Piece, add_all};
use mamlet_formats::GoldenValues;
use mamlet_runtime::golden::{GoldenError, Verification, verify};
use mamlet_runtime::{Adaptation, Learner, Rollback, weights_crc32};

/// Golden vectors as they are made, to be tampered with.
#[derive(Clone)]
struct Vectors {
    inputs: Vec<f32>,
    targets: Vec<f32>,
    before: Vec<f32>,
    losses: Vec<f32>,
    after: Vec<f32>,
    gradients: Vec<f32>,
    crc: u32,
}

const EXAMPLES: usize = 2;

fn net() -> Net {
    let weight = (vec![0.5, -0.25], true);
    let bias = Some((vec![0.1, 0.2], true));
    let pieces = vec![Piece::Dense {
        outputs: 2,
        weight,
        bias,
    }];
    Net::new(1, pieces).rate(0.1).steps(3, 10)
}

fn with_learner<R>(file: &Aligned, with: impl FnOnce(&mut Learner<'_>) -> R) -> R {
    let artifact = file.artifact();
    let model = AnyModel::new(&artifact).expect("a sound network");
    let mut memory = [0.0; 128];
    let rollback = Rollback::ToInitialisation;
    with(&mut Learner::new(&model, EXAMPLES, rollback, &mut memory).expect("enough"))
}

/// What this executor computes.
fn vectors() -> Vectors {
    let net = net();
    let examples = [(vec![0.5], vec![1.0, 0.0]), (vec![-1.0], vec![0.0, 1.0])];
    with_learner(&net.file(), |learner| {
        add_all(learner, &net, &examples);
        let gradients = learner.gradient().expect("examples").1.to_vec();
        let predict = |learner: &mut Learner<'_>| {
            let outputs = examples.iter().flat_map(|(input, _)| {
                let output = learner.predict(input).expect("the length");
                output.to_vec()
            });
            outputs.collect::<Vec<f32>>()
        };
        let before = predict(learner);
        let steps = Some(3);
        let rate = None;
        let report = learner
            .adapt_with(Adaptation { steps, rate })
            .expect("examples");
        let after = predict(learner);
        Vectors {
            inputs: examples
                .iter()
                .flat_map(|(input, _)| input.clone())
                .collect(),
            targets: examples
                .iter()
                .flat_map(|(_, target)| target.clone())
                .collect(),
            before,
            losses: report.losses.to_vec(),
            after,
            gradients,
            crc: weights_crc32(learner.weights().expect("adapted")),
        }
    })
}

fn of_changed(change: impl FnOnce(&mut Vectors)) -> Result<Verification, GoldenError> {
    let mut vectors = vectors();
    change(&mut vectors);
    let mut writer = net().writer();
    writer.golden(GoldenValues {
        examples: EXAMPLES as u32,
        inputs: &vectors.inputs,
        targets: &vectors.targets,
        outputs_before: &vectors.before,
        losses: &vectors.losses,
        outputs_after: &vectors.after,
        gradients: &vectors.gradients,
        adapted_crc32: vectors.crc,
    });
    let file = Aligned::new(&writer.to_bytes().expect("parts that agree"));
    with_learner(&file, |learner| {
        let verification = verify(&file.artifact(), learner);
        assert_eq!(learner.examples(), 0);
        assert!(!learner.is_adapted());
        verification
    })
}

#[test]
fn unchanged_vectors_are_identical() {
    let verification = of_changed(|_| ()).expect("golden vectors");
    assert!(verification.is_identical(), "{verification:?}");
    assert!(verification.is_within(0.0));
    let totals = [
        verification.outputs,
        verification.losses,
        verification.gradients,
    ];
    assert_eq!(totals.map(|agreement| agreement.total), [8, 4, 4]);
}

#[test]
fn one_bit_in_any_field_is_found() {
    let flip = |value: &mut f32| *value = f32::from_bits(value.to_bits() ^ 1);
    let changes: [&dyn Fn(&mut Vectors); 7] = [
        &|vectors| flip(&mut vectors.before[3]),
        &|vectors| flip(&mut vectors.losses[0]),
        &|vectors| flip(&mut vectors.losses[3]),
        &|vectors| flip(&mut vectors.after[0]),
        &|vectors| flip(&mut vectors.gradients[3]),
        &|vectors| vectors.crc ^= 1,
        &|vectors| vectors.inputs[0] = 0.75,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let verification = of_changed(change).expect("golden vectors");
        assert!(!verification.is_identical(), "change {index}");
    }
}

#[test]
fn a_small_difference_is_within_a_tolerance_and_a_nan_is_not() {
    let verification = of_changed(|vectors| vectors.after[1] *= 1.0001).expect("golden vectors");
    assert!(!verification.is_identical());
    assert!(verification.is_within(1e-3) && !verification.is_within(1e-6));
    for nan in [f32::NAN, f32::INFINITY] {
        let verification = of_changed(|vectors| vectors.losses[1] = nan).expect("golden vectors");
        assert!(!verification.is_identical());
        assert!(!verification.is_within(1e9), "{nan}");
    }
}

/// Else the fewer numbers an artifact promised, the easier it would pass.
#[test]
fn vectors_that_promise_too_little_are_refused() {
    let no_outputs = of_changed(|vectors| {
        vectors.before.clear();
        vectors.after.clear();
    });
    assert_eq!(no_outputs, Err(GoldenError::Sizes));
    let one_output = of_changed(|vectors| {
        vectors.before.truncate(2);
        vectors.after.truncate(2);
    });
    assert_eq!(one_output, Err(GoldenError::Sizes));
    assert_eq!(
        of_changed(|vectors| vectors.gradients.clear()),
        Err(GoldenError::Sizes)
    );
    let too_short = of_changed(|vectors| vectors.gradients.truncate(3));
    assert_eq!(too_short, Err(GoldenError::Sizes));
    let no_steps = of_changed(|vectors| vectors.losses.truncate(1));
    assert!(
        matches!(no_steps, Err(GoldenError::Adapt(_))),
        "{no_steps:?}"
    );
    let no_targets = of_changed(|vectors| vectors.targets.clear());
    assert!(no_targets.is_err());
}

#[test]
fn verifying_needs_an_empty_learner_and_golden_vectors() {
    let plain = net().file();
    with_learner(&plain, |learner| {
        assert_eq!(
            verify(&plain.artifact(), learner),
            Err(GoldenError::Missing)
        );
    });
    let file = Aligned::new(include_bytes!("../../formats/tests/data/tiny.mamlet"));
    with_learner(&file, |learner| {
        assert_eq!(learner.add_values(&[1.0], &[1.0]), Ok(()));
        assert_eq!(
            verify(&file.artifact(), learner),
            Err(GoldenError::NotEmpty)
        );
        assert_eq!(learner.examples(), 1);
    });
}
