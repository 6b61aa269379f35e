use std::f32::consts::{LN_2, PI};

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Tensor, TensorData, Tolerance, activation};
use rand::RngExt;

use super::*;
use crate::meta::to_host;
use crate::random::{Stream, generator};

mod surrogates;

type B = Autodiff<Flex>;

#[test]
fn explicit_gradient_equals_autodiff_of_the_value() {
    let device = Default::default();
    for kind in [
        LossKind::Mse,
        LossKind::Huber { delta: 0.5 },
        LossKind::CrossEntropy,
        LossKind::GaussianPolicy,
        LossKind::CategoricalPolicy,
    ] {
        for reduction in [Reduction::Mean, Reduction::Sum] {
            let loss = Loss { kind, reduction };
            let mut rng = generator(1, Stream::Golden, 0);
            let mut random = |width: usize| {
                let values: Vec<f32> = (0..3 * 4 * width)
                    .map(|_| rng.random_range(-2.0..2.0))
                    .collect();
                Tensor::<B, 3>::from_data(TensorData::new(values, [3, 4, width]), &device)
            };
            let prediction = random(6).require_grad();
            let target = random(kind.targets(6).unwrap());
            let target = match kind {
                // Targets of a cross-entropy sum to 1.
                LossKind::CrossEntropy => activation::softmax(target, 2),
                LossKind::CategoricalPolicy => {
                    let action = activation::softmax(target.clone().narrow(2, 0, 6), 2);
                    Tensor::cat(vec![action, target.narrow(2, 6, 1)], 2)
                }
                _ => target,
            };
            let value = loss.value(prediction.clone(), target.clone());
            assert_eq!(value.dims(), [3]);
            let gradients = value.sum().backward();
            let expected = prediction.grad(&gradients).unwrap();
            loss.gradient(prediction, target)
                .inner()
                .into_data()
                .assert_approx_eq::<f32>(&expected.into_data(), Tolerance::rel_abs(1e-4, 1e-6));
        }
    }
}

/// Value and gradient of examples that make up one task.
fn of<const B: usize, const P: usize, const T: usize>(
    kind: LossKind,
    reduction: Reduction,
    prediction: [[f32; P]; B],
    target: [[f32; T]; B],
) -> (f32, Vec<f32>) {
    let device = Default::default();
    let prediction = Tensor::<Flex, 3>::from_data([prediction], &device);
    let target = Tensor::<Flex, 3>::from_data([target], &device);
    let loss = Loss { kind, reduction };
    let value = loss.value(prediction.clone(), target.clone()).into_scalar();
    (value, to_host(loss.gradient(prediction, target)))
}

fn close(got: (f32, Vec<f32>), value: f32, gradient: &[f32]) {
    assert!((got.0 - value).abs() < 1e-6, "{} {value}", got.0);
    assert_eq!(got.1.len(), gradient.len());
    for (got, want) in got.1.iter().zip(gradient) {
        assert!((got - want).abs() < 1e-6, "{got} {want}");
    }
}

#[test]
fn squared_error_by_hand() {
    let (p, t) = ([[1.0, 3.0]], [[0.0, 1.0]]);
    close(of(LossKind::Mse, Reduction::Mean, p, t), 2.5, &[1.0, 2.0]);
    close(of(LossKind::Mse, Reduction::Sum, p, t), 5.0, &[2.0, 4.0]);
}

#[test]
fn huber_by_hand() {
    // d = 1/2, 2 and −3 with δ = 2: a parabola, its end, and a line.
    let (p, t) = ([[1.5], [2.0], [-2.0]], [[1.0], [0.0], [1.0]]);
    let huber = LossKind::Huber { delta: 2.0 };
    let sum = 0.125 + 2.0 + 4.0;
    close(of(huber, Reduction::Sum, p, t), sum, &[0.5, 2.0, -2.0]);
    let third = 1.0 / 3.0;
    let gradient = [0.5 * third, 2.0 * third, -2.0 * third];
    close(of(huber, Reduction::Mean, p, t), sum * third, &gradient);
}

#[test]
fn cross_entropy_by_hand() {
    let (p, t) = ([[0.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]);
    close(
        of(LossKind::CrossEntropy, Reduction::Mean, p, t),
        LN_2,
        &[0.25, -0.25, -0.25, 0.25],
    );
}

#[test]
fn gaussian_policy_by_hand() {
    // σ = 2, z = (4 − 1)/2; σ = 1, z = 0; w = −1/2.
    let p = [[1.0, 5.0, LN_2, 0.0]];
    let t = [[4.0, 5.0, -0.5]];
    let log_2_pi = (2.0 * PI).ln();
    let value = -0.5 * (0.5 * 2.25 + LN_2 + log_2_pi);
    let gradient = [0.5 * 1.5 / 2.0, 0.0, -0.5 * (1.0 - 2.25), -0.5];
    close(
        of(LossKind::GaussianPolicy, Reduction::Sum, p, t),
        value,
        &gradient,
    );
    // The mean is over examples, not over actions.
    let (value, gradient) = (0.5 * value, gradient.map(|g| 0.5 * g));
    let unweighted = ([0.0; 4], [1.0, 1.0, 0.0]);
    let got = of(
        LossKind::GaussianPolicy,
        Reduction::Mean,
        [p[0], unweighted.0],
        [t[0], unweighted.1],
    );
    close(got, value, &[&gradient[..], &[0.0; 4]].concat());
}

#[test]
fn categorical_policy_by_hand() {
    // π = [1/4, 3/4].
    let p = [[0.0, 3.0f32.ln()], [0.0, 3.0f32.ln()]];
    let t = [[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]];
    close(
        of(LossKind::CategoricalPolicy, Reduction::Mean, p, t),
        0.5 * (2.0 * 4.0f32.ln() + 0.75f32.ln()),
        &[-0.75, 0.75, -0.125, 0.125],
    );
}

#[test]
fn names_and_tables_are_read_and_written_back() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Wrapper {
        loss: LossKind,
    }
    for (text, loss) in [
        ("loss = \"mse\"\n", LossKind::Mse),
        ("loss = \"cross_entropy\"\n", LossKind::CrossEntropy),
        ("loss = \"gaussian_policy\"\n", LossKind::GaussianPolicy),
        (
            "loss = \"categorical_policy\"\n",
            LossKind::CategoricalPolicy,
        ),
        (
            "[loss]\nkind = \"huber\"\ndelta = 0.5\n",
            LossKind::Huber { delta: 0.5 },
        ),
    ] {
        assert_eq!(toml::from_str::<Wrapper>(text).unwrap().loss, loss);
        assert_eq!(toml::to_string(&Wrapper { loss }).unwrap(), text);
    }
    let table = toml::from_str::<Wrapper>("loss = { kind = \"mse\" }").unwrap();
    assert_eq!(table.loss, LossKind::Mse);
    for (text, part) in [
        ("loss = \"huber\"", "missing field `delta`"),
        ("loss = \"mae\"", "`huber`"),
        ("loss = 3", "name of a loss"),
    ] {
        let error = toml::from_str::<Wrapper>(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn names_of_estimators_are_read_and_written_back() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Wrapper {
        estimator: Estimator,
    }
    for (text, estimator, form) in [
        ("ratio", Estimator::Ratio, Form::Ratio),
        ("dice", Estimator::Dice, Form::Dice { steps: 7 }),
        (
            "log_likelihood",
            Estimator::LogLikelihood,
            Form::LogLikelihood,
        ),
    ] {
        let text = format!("estimator = \"{text}\"\n");
        assert_eq!(
            toml::from_str::<Wrapper>(&text).unwrap().estimator,
            estimator
        );
        assert_eq!(toml::to_string(&Wrapper { estimator }).unwrap(), text);
        assert_eq!(estimator.form(7), form);
    }
    let error = toml::from_str::<Wrapper>("estimator = \"reinforce\"").unwrap_err();
    assert!(error.to_string().contains("`dice`"), "{error}");
}
